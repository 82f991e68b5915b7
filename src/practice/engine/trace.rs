//! The default trace: which objects were made, altered and dropped, and by whom.
//!
//! SQL Server writes it to files that roll over and begins a new one at each start; this one is kept in memory
//! and begins anew with the process.
//! <https://learn.microsoft.com/sql/database-engine/configure-windows/default-trace-enabled-server-configuration-option>.

use super::{DatabaseId, Engine, SessionId};
use crate::domain::ServerTime;

/// As many rows as the five files of 20 MB would hold at most.
const MOST_ROWS: usize = 50_000;

/// Where the server says that it writes its default trace.
pub const TRACE_FILE: &str =
    "C:\\Program Files\\Microsoft SQL Server\\MSSQL16.MSSQLSERVER\\MSSQL\\Log\\log_1.trc";

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    Created,
    Dropped,
    Altered,
}

/// One row of the trace.
#[derive(Clone, Debug)]
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
    /// All rows, oldest first.
    pub fn rows(&self) -> &[TraceRow] {
        &self.rows
    }

    fn push(&mut self, row: TraceRow) {
        if self.rows.len() >= MOST_ROWS {
            self.rows.drain(..MOST_ROWS / 5);
        }
        self.rows.push(row);
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
