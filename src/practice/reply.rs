//! What a statement answers, before it becomes tokens on the wire.

use super::value::{Column, SqlType, Value};

/// An ERROR or INFO token ([MS-TDS] 2.2.7.10, 2.2.7.13): class 11 and above is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub number: i32,
    pub class: u8,
    pub state: u8,
    pub text: String,
    pub procedure: String,
    /// Line in the batch or procedure, from 1.
    pub line: u32,
}

impl Message {
    /// An error of class 16, state 1, line 1.
    pub fn error(number: i32, text: impl Into<String>) -> Self {
        Self {
            number,
            class: 16,
            state: 1,
            text: text.into(),
            procedure: String::new(),
            line: 1,
        }
    }

    /// An informational message; on the wire its class is 0, as captures of SQL Server 2022 show.
    pub fn info(number: i32, text: impl Into<String>) -> Self {
        Self {
            number,
            class: 0,
            state: 1,
            text: text.into(),
            procedure: String::new(),
            line: 1,
        }
    }

    /// The same with another class.
    pub fn with_class(mut self, class: u8) -> Self {
        self.class = class;
        self
    }

    /// The same with another state.
    pub fn with_state(mut self, state: u8) -> Self {
        self.state = state;
        self
    }

    /// Whether this is an error rather than information.
    pub fn is_error(&self) -> bool {
        self.class > 10
    }
}

/// One piece of an answer, in the order in which it is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A new result begins.
    Columns(Vec<Column>),
    /// Rows of the result that began last, a chunk at a time.
    Rows(Vec<Vec<Value>>),
    Message(Message),
    /// A statement ended.
    Done(Done),
    ReturnStatus(i32),
    /// An output parameter.
    ReturnValue {
        name: String,
        ty: SqlType,
        value: Value,
    },
    /// `USE` and the database of the login.
    DatabaseChanged {
        from: String,
        to: String,
    },
    /// Transaction descriptor after `BEGIN TRAN` (`Some`) or its end (`None`).
    Transaction(Option<u64>),
}

/// The end of one statement ([MS-TDS] 2.2.7.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// `CurCmd`: 193 SELECT, 228 BACKUP DATABASE…
    pub command: u16,
    /// Rows affected, when the statement counts them.
    pub rows: Option<u64>,
    pub failed: bool,
}
