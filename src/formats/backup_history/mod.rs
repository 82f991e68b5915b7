//! `backup-history/1`: what one msdb (or several) reported, as a JSON file.
//!
//! Reading is forgiving about rows and strict about the file: a member that is not what it should be counts as
//! unknown and gets a note; text that is not JSON is an error with line and column.

mod row;
mod text;
mod write;

pub use row::parse_server_time;
pub use text::decode_text;
pub use write::to_json;

use crate::domain::{
    BackupRecord, HistoryNote, HistoryRecords, MarkRecord, RecordedServer, RestoreRecord,
};
use row::{Odd, Row, Rows};
use serde::Deserialize;
use serde_json::Value;

/// The word in `format`.
pub const FORMAT: &str = "backup-history/1";

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryFile {
    /// Free text: where the rows came from.
    pub origin: Option<String>,
    pub records: HistoryRecords,
    /// Members that could not be read and count as unknown.
    pub notes: Vec<HistoryNote>,
}

/// Why a file cannot be read as a history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryFileError {
    /// Neither UTF-8 nor UTF-16.
    #[error("not UTF-8 or UTF-16 text: line {line}, column {column}")]
    NotText { line: usize, column: usize },
    /// Not JSON, or not the shape of a history.
    #[error("line {line}, column {column}: {message}")]
    Broken {
        line: usize,
        column: usize,
        message: String,
    },
    /// JSON of another format.
    #[error("the format is {found}, not {FORMAT}")]
    OtherFormat { found: String },
}

/// Reads a file's bytes: UTF-8 with or without byte-order mark, or UTF-16.
pub fn parse(bytes: &[u8]) -> Result<HistoryFile, HistoryFileError> {
    let text = decode_text(bytes)?;
    let file: File = serde_json::from_str(&text).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        HistoryFileError::Broken {
            line: error.line(),
            column: error.column(),
            message: message.strip_suffix(&place).unwrap_or(&message).to_owned(),
        }
    })?;
    match &file.format {
        Value::String(format) if format == FORMAT => {}
        Value::Null => {
            return Err(HistoryFileError::OtherFormat {
                found: "not named".to_owned(),
            });
        }
        other => {
            return Err(HistoryFileError::OtherFormat {
                found: other.to_string(),
            });
        }
    }
    let mut odd = Odd::default();
    let server = file
        .server
        .as_object()
        .map_or_else(RecordedServer::default, |server| {
            let mut row = Row::new(server, None, "the server", &mut odd);
            RecordedServer {
                name: row.text("name"),
                utc_offset_minutes: row.int("utc_offset_minutes"),
                collation: row.text("collation"),
            }
        });
    odd.add_all(file.backup_sets.odd);
    odd.add_all(file.restore_history.odd);
    odd.add_all(file.marks.odd);
    Ok(HistoryFile {
        origin: file.origin.as_str().map(str::to_owned),
        records: HistoryRecords {
            server,
            backup_sets: file.backup_sets.rows,
            restore_history: file.restore_history.rows,
            marks: file.marks.rows,
            changes: Vec::new(),
        },
        notes: odd.into_notes(),
    })
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    format: Value,
    #[serde(default)]
    origin: Value,
    #[serde(default)]
    server: Value,
    #[serde(default)]
    backup_sets: Rows<BackupRecord>,
    #[serde(default)]
    restore_history: Rows<RestoreRecord>,
    /// Added to the format later: `msdb.dbo.logmarkhistory`.
    #[serde(default)]
    marks: Rows<MarkRecord>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"format": "backup-history/1", "server": {"name": "SQL1"},
  "backup_sets": [{"database_name": "Sales", "type": "D", "position": "two",
    "first_lsn": "99999999999999999999999", "is_copy_only": 1, "unheard_of": {}}, 7]}"#;

    #[test]
    fn odd_members_count_as_unknown_and_are_noted() {
        let file = parse(SMALL.as_bytes()).expect("it is a history");
        let [set] = file.records.backup_sets.as_slice() else {
            panic!("one row is an object");
        };
        assert_eq!(set.position, None);
        assert_eq!(set.is_copy_only, Some(true));
        assert_eq!(
            set.first_lsn.map(|lsn| lsn.to_string()).as_deref(),
            Some("99999999999999999999999")
        );
        assert_eq!(file.notes.len(), 2, "{:?}", file.notes);
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let file = parse(SMALL.as_bytes()).expect("it is a history");
        let written = to_json(&file.records, Some("a \"test\""));
        let again = parse(written.as_bytes()).expect("what we write is a history");
        assert_eq!(again.records, file.records);
        assert_eq!(again.origin.as_deref(), Some("a \"test\""));
    }

    #[test]
    fn every_encoding_of_an_editor_is_read() {
        let plain = parse(SMALL.as_bytes()).expect("UTF-8");
        let mark = [b"\xef\xbb\xbf", SMALL.as_bytes()].concat();
        let little: Vec<u8> = "\u{feff}"
            .encode_utf16()
            .chain(SMALL.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = SMALL.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [mark, little, big] {
            assert_eq!(parse(&bytes).expect("the same text"), plain);
        }
    }

    #[test]
    fn broken_text_is_told_with_line_and_column() {
        let error = |bytes: &[u8]| parse(bytes).expect_err("it is broken").to_string();
        assert_eq!(
            error(b"{\n  \"format\": oops}"),
            "line 2, column 13: expected value"
        );
        assert_eq!(
            error(b"{\n \xff}"),
            "not UTF-8 or UTF-16 text: line 2, column 2"
        );
        assert!(error(b"").starts_with("line 1, column 0: EOF"));
        assert_eq!(
            error(b"{}"),
            "the format is not named, not backup-history/1"
        );
        assert!(
            error(br#"{"format": "backup-history/1", "backup_sets": 3}"#)
                .contains("an array of rows")
        );
    }
}
