//! A question of the user's own to a restored database: one `SELECT`, and nothing in it that changes anything.
//!
//! What the server calls read-only is not enough: a statement beside the `SELECT` could go elsewhere.
//! So the words outside texts, names and comments are looked at, and whatever begins another statement is refused.
//!
//! <https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql>

use super::{quote::identifier, script::Batch};

/// Why a text is not run as a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookRefusal {
    #[error("nothing is asked")]
    Empty,
    /// It begins with another word than `SELECT` or `WITH`.
    #[error("it begins with {0}, not with SELECT")]
    NotASelect(String),
    /// Something follows its semicolon.
    #[error("it is more than one statement")]
    Several,
    /// A word in it belongs to statements that change something, or leave the database.
    #[error("{0} is no part of a question")]
    Changes(String),
}

/// Words that no question needs outside of quotes.
const NOT_ASKING: [&str; 38] = [
    "ALTER",
    "BACKUP",
    "BEGIN",
    "BULK",
    "CHECKPOINT",
    "COMMIT",
    "CREATE",
    "DBCC",
    "DECLARE",
    "DELETE",
    "DENY",
    "DROP",
    "ENABLE",
    "EXEC",
    "EXECUTE",
    "GO",
    "GOTO",
    "GRANT",
    "INSERT",
    "INTO",
    "KILL",
    "MERGE",
    "OPENDATASOURCE",
    "OPENQUERY",
    "OPENROWSET",
    "RECONFIGURE",
    "RESTORE",
    "REVERT",
    "REVOKE",
    "ROLLBACK",
    "SAVE",
    "SET",
    "SHUTDOWN",
    "TRUNCATE",
    "UPDATE",
    "USE",
    "WAITFOR",
    "WRITETEXT",
];

/// The question, asked inside the database; the session leaves it again, so that it is not in the way of the next log.
pub fn look_query(database: &str, query: &str) -> Result<Batch, LookRefusal> {
    let words = words(query)?;
    match words.first() {
        None => return Err(LookRefusal::Empty),
        Some(first) if !matches!(first.as_str(), "SELECT" | "WITH") => {
            return Err(LookRefusal::NotASelect(first.clone()));
        }
        Some(_) => {}
    }
    if let Some(word) = words
        .iter()
        .find(|word| NOT_ASKING.binary_search(&word.as_str()).is_ok())
    {
        return Err(LookRefusal::Changes(word.clone()));
    }
    let database = identifier(database);
    // The line break ends a comment at the end of the question.
    let sql = format!("USE {database};\n{}\n;\nUSE master;", query.trim());
    Ok(Batch::look("Ask the database", sql))
}

/// The words outside of texts, delimited names and comments, in upper case.
fn words(query: &str) -> Result<Vec<String>, LookRefusal> {
    let mut words = Vec::new();
    let mut ended = false;
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' | '"' => quoted(rest, c),
            '[' => quoted(rest, ']'),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            c if is_word(c) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                words.push(rest[..length].to_uppercase());
                length
            }
            c => c.len_utf8(),
        };
        let blank = c.is_whitespace() || rest.starts_with("--") || rest.starts_with("/*");
        if ended && !blank && c != ';' {
            return Err(LookRefusal::Several);
        }
        ended |= c == ';';
        rest = &rest[length..];
    }
    Ok(words)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$')
}

/// Length of what begins with a quote and ends with `end`, which stands for itself when it is doubled.
fn quoted(text: &str, end: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != end {
            continue;
        }
        match chars.peek() {
            Some((_, next)) if *next == end => {
                chars.next();
            }
            _ => return at + c.len_utf8(),
        }
    }
    text.len()
}

/// Length of a comment, which may hold others.
fn comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let here = &text[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(query: &str, expected: LookRefusal) {
        assert_eq!(look_query("D", query), Err(expected), "{query}");
    }

    #[test]
    fn a_question_goes_into_the_database_and_leaves_it() {
        let batch = look_query("a]b", " SELECT 1 AS one; -- why not ").expect("a question");
        assert_eq!(
            batch.sql,
            "USE [a]]b];\nSELECT 1 AS one; -- why not\n;\nUSE master;"
        );
        for query in [
            "WITH t AS (SELECT 1 AS a) SELECT * FROM t",
            "SELECT 'DROP TABLE x; DELETE' AS [update], \"set\" FROM dbo.T",
            "/* DROP /* nested */ */ SELECT * FROM [a;b]]c] ;",
            "SELECT update_time, setting FROM dbo.T",
        ] {
            assert!(look_query("D", query).is_ok(), "{query}");
        }
    }

    #[test]
    fn whatever_could_change_something_is_refused() {
        refused("  -- nothing", LookRefusal::Empty);
        refused("DROP TABLE T", LookRefusal::NotASelect("DROP".to_owned()));
        refused("SELECT 1; SELECT 2", LookRefusal::Several);
        refused(
            "SELECT * INTO x FROM T",
            LookRefusal::Changes("INTO".to_owned()),
        );
        refused(
            "select 1 drop table T",
            LookRefusal::Changes("DROP".to_owned()),
        );
        refused(
            "WITH t AS (SELECT 1 AS a) DELETE FROM t",
            LookRefusal::Changes("DELETE".to_owned()),
        );
        refused(
            "SELECT 'a''; -- ' exec sp_who",
            LookRefusal::Changes("EXEC".to_owned()),
        );
    }

    #[test]
    fn the_words_are_sorted_so_that_they_are_found() {
        assert!(NOT_ASKING.is_sorted());
    }
}
