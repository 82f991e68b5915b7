//! Names of backup files: one new file per backup, named so that people find it and the database can be told from it.
//!
//! A database may be called anything; a file may not.
//! What a file name cannot hold is written as `%` and two hexadecimal digits, and `%` itself as `%25`,
//! so that no two databases share a name and the database's name can be read back.

use super::BackupKind;
use crate::domain::ServerTime;
use std::fmt::Write as _;

/// The template that nobody chose another one for.
pub const DEFAULT_TEMPLATE: &str = "{database}_{type}_{yyyyMMdd}_{HHmmss}";

/// The longest file name that Windows and the usual file systems of Linux take, in UTF-16 units and bytes alike.
pub const MAX_FILE_NAME: usize = 255;

/// How backup files are called, without the ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileTemplate {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Database,
    Kind,
    Date,
    Time,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Two databases would write into one file.
    #[error("the template has no {{database}}")]
    NoDatabase,
    /// Two backups of a database would write into one file.
    #[error("the template has no {{yyyyMMdd}} and {{HHmmss}}")]
    NoTime,
    /// A full and a log backup that begin in one second would write into one file.
    #[error("the template has no {{type}}")]
    NoKind,
    /// Braces with something else in them.
    #[error("the template has a placeholder that nobody fills: {{{0}}}")]
    Unknown(String),
    /// A brace without its partner.
    #[error("the template has a brace without its partner")]
    Brace,
    /// The template names files, not folders.
    #[error("the template has a character that a file name cannot hold: {0:?}")]
    Character(char),
}

impl Default for FileTemplate {
    fn default() -> Self {
        match DEFAULT_TEMPLATE.parse() {
            Ok(template) => template,
            Err(_) => unreachable!("a test parses it"),
        }
    }
}

impl std::str::FromStr for FileTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (literal, tail) = rest.split_at(at);
            push_literal(&mut pieces, literal)?;
            let inside = tail.strip_prefix('{').ok_or(TemplateError::Brace)?;
            let (word, after) = inside.split_once('}').ok_or(TemplateError::Brace)?;
            pieces.push(match word {
                "database" => Piece::Database,
                "type" => Piece::Kind,
                "yyyyMMdd" => Piece::Date,
                "HHmmss" => Piece::Time,
                other => return Err(TemplateError::Unknown(other.to_owned())),
            });
            rest = after;
        }
        push_literal(&mut pieces, rest)?;
        let has = |piece: &Piece| pieces.contains(piece);
        if !has(&Piece::Database) {
            return Err(TemplateError::NoDatabase);
        }
        if !has(&Piece::Date) || !has(&Piece::Time) {
            return Err(TemplateError::NoTime);
        }
        if !has(&Piece::Kind) {
            return Err(TemplateError::NoKind);
        }
        Ok(Self {
            text: text.to_owned(),
            pieces,
        })
    }
}

fn push_literal(pieces: &mut Vec<Piece>, literal: &str) -> Result<(), TemplateError> {
    if let Some(bad) = literal.chars().find(|c| must_be_escaped(*c)) {
        return Err(TemplateError::Character(bad));
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.to_owned()));
    }
    Ok(())
}

impl FileTemplate {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of a file, with its ending. `at` is the server's clock; `stripe` counts from 1 where there are several.
    pub fn file_name(
        &self,
        database: &str,
        kind: BackupKind,
        at: ServerTime,
        stripe: Option<(u8, u8)>,
    ) -> String {
        let mut name = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => name.push_str(text),
                Piece::Database => name.push_str(&escape(database)),
                Piece::Kind => name.push_str(kind.word()),
                Piece::Date => name.push_str(&at.0.format("%Y%m%d").to_string()),
                Piece::Time => name.push_str(&at.0.format("%H%M%S").to_string()),
            }
        }
        if let Some((number, of)) = stripe {
            // Writing to a String cannot fail.
            write!(name, "_{number}of{of}").ok();
        }
        name.push('.');
        name.push_str(kind.extension());
        name
    }
}

/// Whether a character cannot stand in a file name as it is, on Windows, where rules are the strictest.
fn must_be_escaped(c: char) -> bool {
    c.is_ascii_control() || "%\\/:*?\"<>|".contains(c)
}

/// A database's name as a part of a file name; [`unescape`] gives the database's name back.
///
/// A dot or a blank at an edge is escaped as well: Windows drops those at the end of a name.
pub fn escape(database: &str) -> String {
    let mut name = String::with_capacity(database.len());
    let last = database.chars().count().saturating_sub(1);
    for (idx, c) in database.chars().enumerate() {
        let edge = (idx == 0 || idx == last) && matches!(c, '.' | ' ');
        if must_be_escaped(c) || edge {
            write!(name, "%{:02X}", u32::from(c)).ok();
        } else {
            name.push(c);
        }
    }
    name
}

/// The database's name in a part of a file name; `None` when [`escape`] wrote no such text.
pub fn unescape(part: &str) -> Option<String> {
    let mut name = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = rest.find('%') {
        name.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 3)?;
        name.push(char::from(u8::from_str_radix(digits, 16).ok()?));
        rest = &rest[at + 3..];
    }
    name.push_str(rest);
    (escape(&name) == part).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> ServerTime {
        ServerTime("2026-11-22T06:00:05".parse().expect("a time"))
    }

    #[test]
    fn files_are_named_as_the_design_says() {
        let template = FileTemplate::default();
        assert_eq!(
            template.file_name("OctopusAI", BackupKind::Full, at(), None),
            "OctopusAI_full_20261122_060005.bak"
        );
        assert_eq!(
            template.file_name("OctopusAI", BackupKind::Log, at(), None),
            "OctopusAI_log_20261122_060005.trn"
        );
        assert_eq!(
            template.file_name(r"a/b\c:%", BackupKind::Differential, at(), Some((2, 3))),
            "a%2Fb%5Cc%3A%25_diff_20261122_060005_2of3.bak"
        );
    }

    #[test]
    fn templates_that_would_lose_backups_are_refused() {
        let parse = |text: &str| text.parse::<FileTemplate>().map(|t| t.text);
        assert_eq!(
            parse("{type}_{yyyyMMdd}{HHmmss}"),
            Err(TemplateError::NoDatabase)
        );
        assert_eq!(
            parse("{database}{type}{yyyyMMdd}"),
            Err(TemplateError::NoTime)
        );
        assert_eq!(
            parse("{database}{yyyyMMdd}{HHmmss}"),
            Err(TemplateError::NoKind)
        );
        assert_eq!(
            parse("{server}"),
            Err(TemplateError::Unknown("server".to_owned()))
        );
        assert_eq!(parse("{database"), Err(TemplateError::Brace));
        assert_eq!(parse("database}"), Err(TemplateError::Brace));
        assert_eq!(parse("a/{database}"), Err(TemplateError::Character('/')));
        assert!(parse("x-{database}-{type}-{yyyyMMdd}-{HHmmss}").is_ok());
    }

    #[test]
    fn edges_that_windows_drops_are_kept() {
        for name in [".", " ", "a.", " a", "..", "a b.c"] {
            assert_eq!(unescape(&escape(name)).as_deref(), Some(name), "{name:?}");
        }
        assert_eq!(escape("a."), "a%2E");
        assert_eq!(unescape("a%2"), None, "torn");
        assert_eq!(unescape("a%41"), None, "nobody escapes A");
    }
}
