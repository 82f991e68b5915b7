//! T-SQL with its words coloured, to be read and copied; never edited here.

use super::theme::{Palette, mono};
use egui::{Color32, Label, TextFormat, Ui, text::LayoutJob};

/// Words that are coloured.
const KEYWORDS: [&str; 63] = [
    "ALTER",
    "AND",
    "AS",
    "BACKUP",
    "BEGIN",
    "BLOCK_ON",
    "BY",
    "CASE",
    "CHECKSUM",
    "COMPRESSION",
    "COPY_ONLY",
    "CREATE",
    "DATABASE",
    "DECLARE",
    "DELETE",
    "DISK",
    "DROP",
    "ELSE",
    "END",
    "EXEC",
    "EXECUTE",
    "EXISTS",
    "FILE",
    "FILELISTONLY",
    "FORMAT",
    "FROM",
    "GO",
    "HEADERONLY",
    "IF",
    "IN",
    "INIT",
    "INSERT",
    "INTO",
    "IS",
    "LIKE",
    "LOG",
    "MOVE",
    "NAME",
    "NOEXEC",
    "NOFORMAT",
    "NOINIT",
    "NORECOVERY",
    "NOT",
    "NULL",
    "OFF",
    "ON",
    "OR",
    "RECOVERY",
    "REPLACE",
    "RESTORE",
    "RETURN",
    "SELECT",
    "SET",
    "STATS",
    "STOPAT",
    "THEN",
    "THROW",
    "TO",
    "URL",
    "USE",
    "WHEN",
    "WHERE",
    "WITH",
];

/// What a piece of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Word,
    Keyword,
    Text,
    Comment,
    Number,
    Other,
}

/// Shows a script, selectable and wrapped.
pub fn sql_ui(ui: &mut Ui, sql: &str) {
    let palette = *Palette::of(ui);
    let mut job = LayoutJob::default();
    for (piece, text) in pieces(sql) {
        job.append(
            text,
            0.0,
            TextFormat {
                font_id: mono(11.5),
                line_height: Some(17.0),
                color: color(&palette, piece),
                ..TextFormat::default()
            },
        );
    }
    ui.add(Label::new(job).wrap().selectable(true));
}

fn color(palette: &Palette, piece: Piece) -> Color32 {
    match piece {
        Piece::Keyword => palette.full,
        Piece::Text => palette.log,
        Piece::Comment => palette.muted,
        Piece::Number => palette.differential,
        Piece::Word | Piece::Other => palette.text,
    }
}

/// The text cut into pieces; put together they are the text again.
fn pieces(sql: &str) -> Vec<(Piece, &str)> {
    let mut pieces = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (piece, length) = if rest.starts_with("--") {
            (Piece::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            let length = rest.find("*/").map_or(rest.len(), |end| end + 2);
            (Piece::Comment, length)
        } else if first == '\'' || rest.starts_with("N'") {
            let open = if first == '\'' { 1 } else { 2 };
            (Piece::Text, quoted(rest, open, '\''))
        } else if first == '[' {
            (Piece::Word, quoted(rest, 1, ']'))
        } else if first.is_ascii_digit() {
            let length = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            (Piece::Number, length)
        } else if first.is_alphabetic() || matches!(first, '_' | '@' | '#') {
            let length = rest
                .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '@' | '#' | '$'))
                .unwrap_or(rest.len());
            let word = rest.get(..length).unwrap_or(rest).to_uppercase();
            if KEYWORDS.contains(&word.as_str()) {
                (Piece::Keyword, length)
            } else {
                (Piece::Word, length)
            }
        } else {
            (Piece::Other, first.len_utf8())
        };
        let (text, after) = rest.split_at_checked(length.max(1)).unwrap_or((rest, ""));
        pieces.push((piece, text));
        rest = after;
    }
    pieces
}

/// The length of something quoted from `open` on; the closing sign doubled is not the end.
fn quoted(text: &str, open: usize, close: char) -> usize {
    let mut at = open;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find(close)) {
        at += found + close.len_utf8();
        if !text.get(at..).is_some_and(|rest| rest.starts_with(close)) {
            return at;
        }
        at += close.len_utf8();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_name_does_not_end_it() {
        let sql = "RESTORE DATABASE [a]]b'x] FROM DISK = N'it''s' -- done\nGO 5";
        let found = pieces(sql);
        let whole: String = found.iter().map(|(_, text)| *text).collect();
        assert_eq!(whole, sql);
        assert!(found.contains(&(Piece::Word, "[a]]b'x]")));
        assert!(found.contains(&(Piece::Text, "N'it''s'")));
        assert!(found.contains(&(Piece::Comment, "-- done")));
        assert!(found.contains(&(Piece::Keyword, "GO")));
        assert!(found.contains(&(Piece::Number, "5")));
    }

    #[test]
    fn what_is_not_closed_ends_with_the_text() {
        for sql in ["'open", "[open", "/* open", "N'", "é'ü"] {
            let whole: String = pieces(sql).iter().map(|(_, text)| *text).collect();
            assert_eq!(whole, sql);
        }
    }
}
