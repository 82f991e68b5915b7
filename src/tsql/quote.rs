//! Quoting of names and texts, whatever is in them.
//!
//! Two readers see a saved script: SQL Server, and `sqlcmd` before it.
//! `sqlcmd` replaces `$(name)` everywhere, in texts and comments too, and takes a line `GO` for the end of a batch.
//! So a value that holds either is put together from pieces in a variable, and neither reader finds anything in it.
//!
//! <https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers>,
//! <https://learn.microsoft.com/sql/tools/sqlcmd/sqlcmd-use-scripting-variables>.

/// A regular delimited identifier: `a]b` becomes `[a]]b]`.
pub fn identifier(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A Unicode text literal: `it's` becomes `N'it''s'`.
pub fn text(value: &str) -> String {
    format!("N'{}'", value.replace('\'', "''"))
}

/// Whether `sqlcmd` would read something into the value, or a line of it could be taken for `GO`.
pub(super) fn must_be_pieced(value: &str) -> bool {
    value.contains("$(") || value.contains(['\n', '\r'])
}

/// The value as a sum of literals in which no `$(` and no line break stands.
fn pieces(value: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut plain = String::new();
    let flush = |plain: &mut String, parts: &mut Vec<String>| {
        if !plain.is_empty() {
            parts.push(text(plain));
            plain.clear();
        }
    };
    let mut previous = None;
    for c in value.chars() {
        match c {
            '\n' | '\r' => {
                flush(&mut plain, &mut parts);
                parts.push(format!("NCHAR({})", u32::from(c)));
            }
            '(' if previous == Some('$') => {
                flush(&mut plain, &mut parts);
                plain.push(c);
            }
            _ => plain.push(c),
        }
        previous = Some(c);
    }
    flush(&mut plain, &mut parts);
    if parts.is_empty() {
        text("")
    } else {
        parts.join(" + ")
    }
}

/// A text as an expression that neither `sqlcmd` nor Agent reads anything into.
pub(super) fn pieced_text(value: &str) -> String {
    if must_be_pieced(value) {
        pieces(value)
    } else {
        text(value)
    }
}

/// A text of several lines that stays readable: as one literal, unless a reader would find something in it.
pub(super) fn script_text(value: &str) -> String {
    let has_go = value.lines().any(|line| {
        let line = line.trim_start();
        line.get(..2)
            .is_some_and(|word| word.eq_ignore_ascii_case("go"))
            && !line
                .chars()
                .nth(2)
                .is_some_and(|c| c.is_alphanumeric() || c == '_')
    });
    if value.contains("$(") || has_go {
        pieces(value)
    } else {
        text(value)
    }
}

/// A comment line: no line break ends it and `sqlcmd` finds no variable in it.
pub(super) fn comment(line: &str) -> String {
    let calm: String = line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("-- {}", calm.replace("$(", "$ ("))
}

/// Writes the values of one batch; collects the variables for those that cannot stand as they are.
#[derive(Debug)]
pub(super) struct Words {
    /// Values in variables: `@v1`, `@v2`, …
    pieced: Vec<String>,
    /// What the variables are called before their number.
    prefix: &'static str,
    /// The number of the first one.
    first: usize,
}

impl Default for Words {
    fn default() -> Self {
        Self::named("v", 1)
    }
}

impl Words {
    /// Words whose variables are told from those of others in the same batch.
    pub(super) fn named(prefix: &'static str, first: usize) -> Self {
        Self {
            pieced: Vec::new(),
            prefix,
            first,
        }
    }

    /// A text where the grammar takes a literal or a variable.
    pub(super) fn text(&mut self, value: &str) -> String {
        if must_be_pieced(value) {
            self.variable(value)
        } else {
            text(value)
        }
    }

    /// A database name in `BACKUP` and `RESTORE`, which take a variable for it.
    pub(super) fn database(&mut self, name: &str) -> String {
        if must_be_pieced(name) {
            self.variable(name)
        } else {
            identifier(name)
        }
    }

    /// A message of `RAISERROR`, whose percent signs are not placeholders.
    pub(super) fn message(&mut self, message: &str) -> String {
        self.text(&message.replace('%', "%%"))
    }

    /// A statement whose grammar takes names only as they are: as itself, or run from a variable.
    pub(super) fn statement(&mut self, statement: &str) -> String {
        if must_be_pieced(statement) {
            format!("EXEC ({})", self.variable(statement))
        } else {
            statement.to_owned()
        }
    }

    fn variable(&mut self, value: &str) -> String {
        let idx = match self.pieced.iter().position(|known| known == value) {
            Some(idx) => idx,
            None => {
                self.pieced.push(value.to_owned());
                self.pieced.len() - 1
            }
        };
        format!("@{}{}", self.prefix, self.first + idx)
    }

    /// The batch: declarations of the variables that its text uses, then the text.
    pub(super) fn finish(self, body: &str) -> String {
        let mut batch = String::new();
        for (idx, value) in self.pieced.iter().enumerate() {
            let name = format!("@{}{}", self.prefix, self.first + idx);
            // A sum of short texts is cut at 4 000 characters unless its first one is of the long type.
            let long = value.encode_utf16().count() > 4000;
            let (size, begin) = if long {
                ("max", "CAST(N'' AS nvarchar(max)) + ")
            } else {
                ("4000", "")
            };
            batch.push_str(&format!(
                "DECLARE {name} nvarchar({size}) = {begin}{};\n",
                pieces(value)
            ));
        }
        batch.push_str(body);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_what_ends_a_name_or_text() {
        assert_eq!(
            identifier("a]b'; DROP TABLE x--"),
            "[a]]b'; DROP TABLE x--]"
        );
        assert_eq!(text("it's \"ü\""), "N'it''s \"ü\"'");
    }

    #[test]
    fn pieces_hide_variables_and_lines_from_sqlcmd() {
        assert_eq!(pieces("a$(x)b"), "N'a$' + N'(x)b'");
        assert_eq!(
            pieces("x\r\nGO\ny'z"),
            "N'x' + NCHAR(13) + NCHAR(10) + N'GO' + NCHAR(10) + N'y''z'"
        );
        assert_eq!(pieces("\n"), "NCHAR(10)");
        assert_eq!(pieces("$$(("), "N'$$' + N'(('");
    }

    #[test]
    fn a_value_gets_one_variable_however_often_it_is_used() {
        let mut words = Words::default();
        assert_eq!(words.database("plain"), "[plain]");
        assert_eq!(words.database("$(x)"), "@v1");
        assert_eq!(words.text("$(x)"), "@v1");
        assert_eq!(
            words.finish("SELECT 1;"),
            "DECLARE @v1 nvarchar(4000) = N'$' + N'(x)';\nSELECT 1;"
        );
    }

    #[test]
    fn a_comment_stays_on_its_line() {
        assert_eq!(comment("a\nGO\n$(x)"), "-- a GO $ (x)");
    }
}
