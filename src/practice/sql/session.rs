//! One connection's session: what it is asked, and how it answers.

use crate::practice::reply::Reply;
use crate::practice::value::{SqlType, Value};

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub login: String,
    pub host: String,
    pub program: String,
    /// `None`: the default database.
    pub database: Option<String>,
    pub client_pid: u32,
    pub packet_size: u32,
}

/// A parameter of a remote procedure call.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// With `@`; empty when only its place tells which one it is.
    pub name: String,
    pub ty: SqlType,
    pub value: Value,
    pub output: bool,
}

/// Where replies go. Bounded: a slow client holds neither memory nor, for long, the engine.
pub type ReplySender = tokio::sync::mpsc::Sender<Reply>;

/// A transaction manager request ([MS-TDS] 2.2.6.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionRequest {
    Begin {
        name: String,
    },
    /// `begin`: a new transaction follows at once.
    Commit {
        name: String,
        begin: bool,
    },
    /// An empty name rolls everything back.
    Rollback {
        name: String,
        begin: bool,
    },
    Save {
        name: String,
    },
}
