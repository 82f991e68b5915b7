//! What a statement sees besides its own text: the session, its variables, its temp tables, the time.

use super::instance::Instance;
use crate::practice::catalogue::{ColumnDef, Table, same_name};
use crate::practice::value::{Column, SqlType, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name under which the hidden row number of a real table can be asked for.
///
/// No T-SQL text can spell it; the front writes it into the queries that it makes itself.
pub const ROW_ID_IDENTIFIER: &str = "_rid\u{0}";

/// All that binding and running one statement needs.
pub struct Environment<'a> {
    pub engine: &'a mut dyn Instance,
    pub session: &'a SessionFacts,
    pub variables: &'a Variables,
    pub temp: &'a TempTables,
    /// Tables that exist for this statement alone: `inserted` and `deleted`.
    pub rows: &'a [RowSource],
    pub now: StatementTime,
}

/// Rows in hand that a query can read by name.
#[derive(Clone, Debug, PartialEq)]
pub struct RowSource {
    pub name: String,
    pub columns: Vec<ColumnDef>,
    /// The row number of each row and its values, each of its column's type.
    pub rows: Vec<(i64, Vec<Value>)>,
}

/// Facts of the session that functions and live views answer.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionFacts {
    /// `@@SPID`.
    pub id: i16,
    /// `database_id` of the current database.
    pub database: i32,
    pub database_name: String,
    pub login: String,
    pub host: String,
    pub program: String,
    /// The service itself: where clients may not, it backs up, restores and reads msdb (Azure SQL Database).
    pub service: bool,
    pub client_pid: u32,
    pub packet_size: u32,
    /// `@@ROWCOUNT` of the statement before.
    pub rowcount: i64,
    /// `@@ERROR` of the statement before.
    pub error: i32,
    /// `@@TRANCOUNT`.
    pub trancount: i32,
    /// `XACT_STATE()`: 1, 0 or −1.
    pub xact_state: i16,
    /// `@@IDENTITY`; `SCOPE_IDENTITY()` differs from it only inside modules.
    pub identity: Option<i64>,
    pub scope_identity: Option<i64>,
    /// `@@FETCH_STATUS`.
    pub fetch_status: i32,
    /// `@@NESTLEVEL`.
    pub nest_level: i32,
    /// `OBJECT_NAME(@@PROCID)` is this; empty outside procedures.
    pub procedure: String,
    pub options: SessionOptions,
    /// What `ERROR_NUMBER()` and its relatives answer inside `CATCH`.
    pub caught: Option<CaughtError>,
}

/// The `SET` options that change answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// `SET DATEFIRST`: 7 is Sunday.
    pub date_first: u8,
    /// `SET DATEFORMAT`: `mdy`, `dmy`, `ymd`…
    pub date_format: DateFormat,
    pub nocount: bool,
    pub xact_abort: bool,
    pub quoted_identifier: bool,
    pub ansi_nulls: bool,
    pub implicit_transactions: bool,
    /// Milliseconds; −1 waits for ever.
    pub lock_timeout: i32,
    pub text_size: i32,
    pub row_limit: u64,
    pub no_exec: bool,
    pub language: String,
    /// `SET TRANSACTION ISOLATION LEVEL`, as in `dm_exec_sessions`: 2 is read committed.
    pub isolation_level: i16,
}

/// In which order day, month and year stand in a numeric date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateFormat {
    Mdy,
    Dmy,
    Ymd,
    Ydm,
    Myd,
    Dym,
}

/// The error that a `CATCH` block handles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaughtError {
    pub number: i32,
    pub severity: i32,
    pub state: i32,
    pub line: i32,
    pub procedure: Option<String>,
    pub message: String,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            date_first: 7,
            date_format: DateFormat::Mdy,
            nocount: false,
            xact_abort: false,
            quoted_identifier: true,
            ansi_nulls: true,
            implicit_transactions: false,
            lock_timeout: -1,
            text_size: 2_147_483_647,
            row_limit: 0,
            no_exec: false,
            language: "us_english".to_owned(),
            isolation_level: 2,
        }
    }
}

/// The moment at which a statement began; every `GETDATE()` in it answers the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementTime {
    /// UTC in 100 ns since 0001-01-01.
    pub utc_ticks: i64,
    /// How far the server's clock is ahead of UTC, in minutes.
    pub offset_minutes: i16,
}

impl StatementTime {
    /// The server's clock in 100 ns since 0001-01-01.
    pub fn local_ticks(self) -> i64 {
        self.utc_ticks + i64::from(self.offset_minutes) * 600_000_000
    }
}

/// Scalar variables, by name with `@`, in any case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variables {
    values: BTreeMap<String, (SqlType, Value)>,
}

impl Variables {
    /// Type and value of a variable.
    pub fn find(&self, name: &str) -> Option<(SqlType, &Value)> {
        self.values
            .get(&name.to_lowercase())
            .map(|(ty, value)| (*ty, value))
    }

    /// Declares a variable, or declares it again.
    pub fn declare(&mut self, name: &str, ty: SqlType, value: Value) {
        self.values.insert(name.to_lowercase(), (ty, value));
    }

    /// Gives a declared variable a value of its own type; `false` when there is no such variable.
    pub fn assign(&mut self, name: &str, value: Value) -> bool {
        match self.values.get_mut(&name.to_lowercase()) {
            Some((_, held)) => {
                *held = value;
                true
            }
            None => false,
        }
    }
}

/// Temp tables (`#t`) and table variables (`@t`) that the session can see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TempTables {
    tables: Vec<TempTable>,
}

/// A table that belongs to a session or a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct TempTable {
    /// With `#` or `@`.
    pub name: String,
    /// Its name in SQLite's `temp` database, not quoted.
    pub sqlite_name: String,
    pub table: Arc<Table>,
}

impl TempTables {
    /// The youngest table of that name, in any case.
    pub fn find(&self, name: &str) -> Option<&TempTable> {
        self.tables.iter().rev().find(|t| same_name(&t.name, name))
    }

    pub fn add(&mut self, table: TempTable) {
        self.tables.push(table);
    }

    /// Takes the youngest table of that name out.
    pub fn remove(&mut self, name: &str) -> Option<TempTable> {
        let at = self.tables.iter().rposition(|t| same_name(&t.name, name))?;
        Some(self.tables.remove(at))
    }

    pub fn iter(&self) -> impl Iterator<Item = &TempTable> {
        self.tables.iter()
    }
}

/// A query or an expression in SQLite's words, with everything needed to run it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// One `SELECT`, whose columns are those of `columns` in that order.
    pub sql: String,
    pub columns: Vec<Column>,
    /// Values of `?1`, `?2`… in `sql`.
    pub parameters: Vec<rusqlite::types::Value>,
    /// `SELECT @x = …`: the variable, for each column; all `None` in a query that answers rows.
    pub assignments: Vec<Option<String>>,
}

/// Whether the reader of rows wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Continue,
    Stop,
}
