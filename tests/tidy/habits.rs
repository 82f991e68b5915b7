//! Habits that a reader relies on: a line that says what a module is, files of one topic, no printing in the library.

use crate::tree::{self, File};

/// Longer files usually hold two topics.
const LONG_FILE_LINES: usize = 600;

/// What a longer file says in its first lines, followed by its reason.
const LONG_ON_PURPOSE: &str = "//! Long on purpose: ";

/// One statement in a string: a verb with what must follow it.
const STATEMENTS: [&str; 14] = [
    "SELECT ",
    "INSERT INTO ",
    "DELETE FROM ",
    "UPDATE STATISTICS ",
    "BACKUP DATABASE ",
    "BACKUP LOG ",
    "RESTORE DATABASE ",
    "RESTORE LOG ",
    "RESTORE HEADERONLY",
    "ALTER DATABASE ",
    "CREATE DATABASE ",
    "DROP DATABASE ",
    "EXEC ",
    "WITH NORECOVERY",
];

#[track_caller]
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_module_says_what_it_is() {
    none(
        tree::sources()
            .iter()
            .filter(|file| {
                let first = file.text.lines().next().unwrap_or_default();
                first
                    .strip_prefix("//! ")
                    .is_none_or(|line| line.trim().len() < 10)
            })
            .map(|file| format!("{}: no `//!` line at its top", file.path))
            .collect(),
    );
}

/// Lines before the tests at the end.
fn shipped_lines(text: &str) -> usize {
    text.lines()
        .position(|line| line == "#[cfg(test)]")
        .unwrap_or_else(|| text.lines().count())
}

#[test]
fn long_files_have_a_reason() {
    none(
        tree::sources()
            .iter()
            .filter(|file| !file.for_tests && shipped_lines(&file.text) > LONG_FILE_LINES)
            .filter(|file| !file.text.lines().any(|line| line.starts_with(LONG_ON_PURPOSE)))
            .map(|file| {
                format!(
                    "{}: {} lines before its tests; split it by topic, or say why not: `{LONG_ON_PURPOSE}…`",
                    file.path,
                    shipped_lines(&file.text)
                )
            })
            .collect(),
    );
}

#[test]
fn only_the_command_line_prints() {
    none(
        tree::sources()
            .iter()
            .filter(|file| file.folder() != "cli")
            .flat_map(|file| {
                let printed = file
                    .source
                    .macros
                    .iter()
                    .filter(|found| !found.in_tests)
                    .filter(|found| {
                        matches!(
                            found.what.as_str(),
                            "print" | "println" | "eprint" | "eprintln" | "dbg"
                        )
                    })
                    .map(|found| format!("{}:{}: {}!", file.path, found.line, found.what));
                let written = file
                    .source
                    .paths
                    .iter()
                    .filter(|found| {
                        matches!(
                            found.what.last().map(String::as_str),
                            Some("stdout" | "stderr")
                        )
                    })
                    .filter(|found| !found.in_tests)
                    .map(|found| {
                        format!("{}:{}: {}", file.path, found.line, found.what.join("::"))
                    });
                printed.chain(written).collect::<Vec<_>>()
            })
            .collect(),
    );
}

#[test]
fn shipped_code_does_not_panic_on_purpose() {
    none(
        tree::sources()
            .iter()
            .flat_map(|file| {
                let methods = file.source.methods.iter();
                let macros = file.source.macros.iter();
                methods
                    .filter(|found| matches!(found.what.as_str(), "unwrap" | "expect"))
                    .chain(macros.filter(|found| {
                        matches!(found.what.as_str(), "panic" | "todo" | "unimplemented")
                    }))
                    .filter(|found| !found.in_tests)
                    .map(|found| format!("{}:{}: {}", file.path, found.line, found.what))
                    .collect::<Vec<_>>()
            })
            .collect(),
    );
}

fn statements_in(file: &File) -> Vec<String> {
    file.source
        .strings
        .iter()
        .filter(|found| !found.in_tests)
        .filter(|found| STATEMENTS.iter().any(|verb| found.what.contains(verb)))
        .map(|found| format!("{}:{}: T-SQL in a view", file.path, found.line))
        .collect()
}

#[test]
fn views_write_no_sql() {
    none(
        tree::sources()
            .iter()
            .filter(|file| matches!(file.folder(), "ui" | "state" | "app"))
            .flat_map(statements_in)
            .collect(),
    );
}

#[test]
fn shipped_lines_end_where_the_tests_begin() {
    assert_eq!(shipped_lines("a\nb\n#[cfg(test)]\nmod tests {}\n"), 2);
    assert_eq!(shipped_lines("a\nb\n"), 2);
}
