//! The default trace: which objects were made, altered and dropped, and by whom.
//!
//! SQL Server writes it to files that roll over, and reads the older ones along; this one is kept in memory, and of a
//! world that outlives the process in a file beside its databases, a row a line.
//! <https://learn.microsoft.com/sql/database-engine/configure-windows/default-trace-enabled-server-configuration-option>.

use super::{DatabaseId, Engine, SessionId};
use crate::domain::ServerTime;
use serde::{Deserialize, Serialize};
use std::{io::Write as _, path::PathBuf};

/// As many rows as the five files of 20 MB would hold at most.
const MOST_ROWS: usize = 50_000;

/// Where the server says that it writes its default trace.
pub const TRACE_FILE: &str =
    "C:\\Program Files\\Microsoft SQL Server\\MSSQL16.MSSQLSERVER\\MSSQL\\Log\\log_1.trc";

/// Where a kept world has it, beside its databases.
pub const TRACE_KEPT: &str = "default_trace.jsonl";

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TraceEvent {
    Created,
    Dropped,
    Altered,
}

/// One row of the trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceRow {
    pub event: TraceEvent,
    pub database_id: DatabaseId,
    pub database_name: String,
    pub object_id: i32,
    pub object_name: String,
    pub login: String,
    pub host: String,
    pub application: String,
    pub session_id: SessionId,
    pub at: ServerTime,
}

/// The default trace.
#[derive(Debug, Default)]
pub struct DefaultTrace {
    rows: Vec<TraceRow>,
    /// Where it outlives the process.
    file: Option<PathBuf>,
}

impl TraceEvent {
    /// `EventClass`.
    pub fn class(self) -> i64 {
        match self {
            Self::Created => 46,
            Self::Dropped => 47,
            Self::Altered => 164,
        }
    }
}

impl DefaultTrace {
    /// The trace that a file holds; a torn last line is passed over.
    pub fn open(file: Option<PathBuf>) -> Self {
        let text = file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok())
            .unwrap_or_default();
        let rows = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        Self {
            rows: rows.collect(),
            file,
        }
    }

    /// All rows, oldest first.
    pub fn rows(&self) -> &[TraceRow] {
        &self.rows
    }

    fn push(&mut self, row: TraceRow) {
        let full = self.rows.len() >= MOST_ROWS;
        if full {
            self.rows.drain(..MOST_ROWS / 5);
        }
        self.rows.push(row);
        // A trace that cannot be written is no reason to refuse the statement.
        if let Err(error) = self.keep(full) {
            tracing::warn!(%error, "the default trace of the practice world could not be written");
        }
    }

    /// Writes the newest row behind the others, or all of them anew.
    fn keep(&self, all: bool) -> std::io::Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let newest = if all {
            self.rows.as_slice()
        } else {
            self.rows
                .last()
                .map(std::slice::from_ref)
                .unwrap_or_default()
        };
        let mut lines = String::new();
        for row in newest {
            // A line that was torn before does not take this one with it.
            lines.push('\n');
            lines += &serde_json::to_string(row)?;
        }
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .write(true)
            .append(!all)
            .truncate(all)
            .open(path)?;
        file.write_all(lines.as_bytes())
    }
}

/// Who does something to a table.
#[derive(Clone, Copy, Debug)]
pub struct Doer<'a> {
    pub session_id: SessionId,
    pub login: &'a str,
    pub host: &'a str,
    pub application: &'a str,
}

impl Engine {
    /// Notes what was done to a table.
    pub fn trace(
        &mut self,
        event: TraceEvent,
        database_id: DatabaseId,
        object_id: i32,
        object_name: &str,
        doer: Doer<'_>,
    ) {
        let Some(database_name) = self
            .store
            .database(database_id)
            .map(|database| database.name.clone())
        else {
            return;
        };
        let at = self.clock.now_local();
        self.default_trace.push(TraceRow {
            event,
            database_id,
            database_name,
            object_id,
            object_name: object_name.to_owned(),
            login: doer.login.to_owned(),
            host: doer.host.to_owned(),
            application: doer.application.to_owned(),
            session_id: doer.session_id,
            at,
        });
    }
}
