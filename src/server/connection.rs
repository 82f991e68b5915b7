//! What the rest of the program sees of a connection: batches in, rows and messages out.

use super::error::ServerError;
use crate::{
    domain::ServerTime,
    tsql::{Batch, BatchKind},
};
use chrono::{DateTime, FixedOffset};
use futures_util::future::BoxFuture;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    /// Every integer type, and `bit` as 0 or 1 where it is asked for as a number.
    Int(i64),
    Bool(bool),
    /// `numeric` and `money`: the value without its decimal point, and how many digits stand after it.
    Decimal {
        value: i128,
        scale: u8,
    },
    Float(f64),
    Text(String),
    Guid(Uuid),
    /// `datetime`, `datetime2` and their kin: the server's clock.
    Time(ServerTime),
    /// `datetimeoffset`.
    Instant(DateTime<FixedOffset>),
    Bytes(Vec<u8>),
}

/// The columns of a result, found by name without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    names: Vec<String>,
    by_name: BTreeMap<String, usize>,
}

/// One row; it knows its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Arc<Columns>,
    cells: Vec<Cell>,
}

/// One result of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultSet {
    pub columns: Arc<Columns>,
    pub rows: Vec<Row>,
}

/// Everything that a batch answered, in memory: for answers that are known to be small.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub results: Vec<ResultSet>,
}

/// Takes rows while they come in.
pub trait RowSink: Send {
    /// A new result begins.
    fn columns(&mut self, columns: &Arc<Columns>);
    fn row(&mut self, row: Row);
}

/// A session on a server. A batch runs until it ends, however long that takes; only `cancel` cuts it short.
///
/// A connection whose batch was cancelled or that lost its server is not used again: open a new one.
pub trait Connection: Send {
    /// `@@SPID`, for watching this session from another connection.
    fn session_id(&self) -> i64;

    /// How far batches on it may go; what goes further is not sent.
    fn allowed(&self) -> BatchKind {
        BatchKind::Restore
    }

    /// Runs one batch. Every row goes to `sink`; the server's informational messages go to `messages` as text.
    fn run<'a>(
        &'a mut self,
        batch: &'a Batch,
        sink: &'a mut dyn RowSink,
        messages: Option<UnboundedSender<String>>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), ServerError>>;
}

/// Runs a batch whose answer is small.
pub async fn ask(connection: &mut dyn Connection, batch: &Batch) -> Result<Answer, ServerError> {
    let mut answer = Answer::default();
    connection
        .run(batch, &mut answer, None, &CancellationToken::new())
        .await?;
    Ok(answer)
}

/// A connection for questions that end when a token is cancelled: whoever asks through it need not know of the token.
///
/// The token of the single batch is not looked at; [`ask`] has none.
pub struct Until<'a> {
    connection: &'a mut dyn Connection,
    cancel: &'a CancellationToken,
}

impl<'a> Until<'a> {
    pub fn new(connection: &'a mut dyn Connection, cancel: &'a CancellationToken) -> Self {
        Self { connection, cancel }
    }
}

impl Connection for Until<'_> {
    fn session_id(&self) -> i64 {
        self.connection.session_id()
    }

    fn allowed(&self) -> BatchKind {
        self.connection.allowed()
    }

    fn run<'a>(
        &'a mut self,
        batch: &'a Batch,
        sink: &'a mut dyn RowSink,
        messages: Option<UnboundedSender<String>>,
        _cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), ServerError>> {
        self.connection.run(batch, sink, messages, self.cancel)
    }
}

impl RowSink for Answer {
    fn columns(&mut self, columns: &Arc<Columns>) {
        self.results.push(ResultSet {
            columns: Arc::clone(columns),
            rows: Vec::new(),
        });
    }

    fn row(&mut self, row: Row) {
        if let Some(result) = self.results.last_mut() {
            result.rows.push(row);
        }
    }
}

impl Answer {
    /// The rows of the last result that has any columns.
    pub fn rows(&self) -> &[Row] {
        self.results.last().map_or(&[], |result| &result.rows)
    }

    /// The first row of the last result.
    pub fn first(&self) -> Option<&Row> {
        self.rows().first()
    }
}

impl Columns {
    /// Columns with these names, in this order.
    pub fn new(names: Vec<String>) -> Self {
        let by_name = names
            .iter()
            .enumerate()
            .rev()
            .map(|(idx, name)| (name.to_lowercase(), idx))
            .collect();
        Self { names, by_name }
    }

    /// Where the column of this lower-case name stands; the first one when there are several.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// As the server spells them.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl Row {
    pub fn new(columns: Arc<Columns>, cells: Vec<Cell>) -> Self {
        Self { columns, cells }
    }

    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// All values, in the order of the columns.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The value of a column (lower-case name); `Null` when there is no such column.
    pub fn cell(&self, name: &str) -> &Cell {
        self.columns
            .find(name)
            .map_or(&Cell::Null, |idx| self.at(idx))
    }

    /// The value at a position that `Columns::find` gave.
    pub fn at(&self, idx: usize) -> &Cell {
        self.cells.get(idx).unwrap_or(&Cell::Null)
    }

    /// The text at a position that `Columns::find` gave; `Null` stays there.
    pub fn take_text(&mut self, idx: usize) -> Option<String> {
        match self
            .cells
            .get_mut(idx)
            .map(|cell| std::mem::replace(cell, Cell::Null))
        {
            Some(Cell::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.cell(name).text()
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.cell(name).int()
    }

    pub fn time(&self, name: &str) -> Option<ServerTime> {
        self.cell(name).time()
    }

    pub fn guid(&self, name: &str) -> Option<Uuid> {
        self.cell(name).guid()
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        self.cell(name).bool()
    }
}

impl Cell {
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Any whole number that fits.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Decimal { .. } => self.whole().and_then(|value| i64::try_from(value).ok()),
            Self::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(*value as i64),
            _ => None,
        }
    }

    /// Any whole number.
    pub fn whole(&self) -> Option<i128> {
        match self {
            Self::Decimal { value, scale } => Some(value / 10i128.checked_pow(u32::from(*scale))?),
            Self::Int(value) => Some(i128::from(*value)),
            _ => None,
        }
    }

    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            Self::Decimal { value, scale } => Some(*value as f64 / 10f64.powi(i32::from(*scale))),
            _ => None,
        }
    }

    pub fn time(&self) -> Option<ServerTime> {
        match self {
            Self::Time(time) => Some(*time),
            _ => None,
        }
    }

    pub fn guid(&self) -> Option<Uuid> {
        match self {
            Self::Guid(guid) => Some(*guid),
            Self::Text(text) => Uuid::parse_str(text).ok(),
            _ => None,
        }
    }

    pub fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Int(value) => Some(*value != 0),
            _ => None,
        }
    }
}
