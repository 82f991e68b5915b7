//! What a session keeps between statements, and how one statement sees the engine.

use super::environment::{Environment, Flow, RowSource, SessionFacts, TempTables, Variables};
use super::session::ReplySender;
use super::statement::Program;
use super::{bind, convert, run, types};
use crate::practice::engine::{DatabaseId, Engine, LogMark};
use crate::practice::reply::{Message, Reply};
use crate::practice::value::{Column, SqlType, Value};
use sqlparser::ast::{Expr, Query};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Rows per [`Reply::Rows`].
const CHUNK_ROWS: usize = 256;
/// Values kept in hand before the engine waits for the client.
const HELD_VALUES: usize = 400_000;

/// A session's memory. It travels to the engine's thread with every statement and back.
pub struct State {
    pub facts: SessionFacts,
    pub variables: Variables,
    pub temp: TempTables,
    pub cursors: BTreeMap<String, Cursor>,
    pub prepared: BTreeMap<i32, Prepared>,
    pub next_handle: i32,
    /// Numbers temp tables, so that their SQLite names differ.
    pub next_temp: u64,
    /// Identity counters of temp tables, by SQLite name.
    pub temp_identities: BTreeMap<String, i64>,
    /// `SET IDENTITY_INSERT … ON`: the database (0 is tempdb) and the table.
    pub identity_insert: Option<(DatabaseId, i32)>,
    /// `SET FMTONLY ON`: columns without rows.
    pub format_only: bool,
    /// Transaction descriptor of the wire; 0 outside transactions.
    pub descriptor: u64,
    pub next_descriptor: u64,
    /// The name of the outermost `BEGIN TRAN`.
    pub transaction_name: Option<String>,
    /// What a marked transaction leaves in the log.
    pub transaction_mark: Option<LogMark>,
    pub context_info: Vec<u8>,
    /// Rows of `INSERT … EXEC` are collected here instead of being sent.
    pub captured: Option<Vec<ResultSet>>,
}

/// Columns and rows of one result.
pub type ResultSet = (Vec<Column>, Vec<Vec<Value>>);

/// An open or declared cursor: its rows are read when it is opened.
pub struct Cursor {
    pub query: Arc<Query>,
    pub columns: Vec<Column>,
    pub rows: Option<Vec<Vec<Value>>>,
    /// 0 is before the first row.
    pub position: usize,
}

/// A prepared batch.
#[derive(Clone)]
pub struct Prepared {
    pub program: Arc<Program>,
    pub declarations: Vec<ParameterDeclaration>,
}

/// One parameter of `sp_executesql`'s or `sp_prepare`'s declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterDeclaration {
    /// With `@`.
    pub name: String,
    pub ty: SqlType,
    pub output: bool,
}

/// Replies of one statement on their way out of the engine.
pub struct Output {
    replies: Vec<Reply>,
    values: usize,
    sender: ReplySender,
    pub cancel: CancellationToken,
}

impl Output {
    pub fn new(sender: ReplySender, cancel: CancellationToken) -> Self {
        Self {
            replies: Vec::new(),
            values: 0,
            sender,
            cancel,
        }
    }

    /// What has not been sent yet.
    pub fn into_replies(self) -> Vec<Reply> {
        self.replies
    }

    /// Forgets what a statement said before it has to be run again.
    pub fn discard(&mut self) {
        self.replies.clear();
    }

    pub fn push(&mut self, reply: Reply) {
        self.replies.push(reply);
    }

    /// Adds a row; beyond some megabytes the engine waits until the client has read.
    fn row(&mut self, row: Vec<Value>) -> Flow {
        if self.cancel.is_cancelled() {
            return Flow::Stop;
        }
        self.values += row.len() + 1;
        match self.replies.last_mut() {
            Some(Reply::Rows(rows)) if rows.len() < CHUNK_ROWS => rows.push(row),
            _ => self.replies.push(Reply::Rows(vec![row])),
        }
        if self.values > HELD_VALUES {
            self.values = 0;
            for reply in self.replies.drain(..) {
                if self.sender.blocking_send(reply).is_err() {
                    return Flow::Stop;
                }
            }
        }
        Flow::Continue
    }
}

impl State {
    pub fn new(facts: SessionFacts) -> Self {
        Self {
            facts,
            variables: Variables::default(),
            temp: TempTables::default(),
            cursors: BTreeMap::new(),
            prepared: BTreeMap::new(),
            next_handle: 0,
            next_temp: 0,
            temp_identities: BTreeMap::new(),
            identity_insert: None,
            format_only: false,
            descriptor: 0,
            next_descriptor: 0,
            transaction_name: None,
            transaction_mark: None,
            context_info: Vec::new(),
            captured: None,
        }
    }

    /// Schemas with rows that another session has not committed; nothing below READ COMMITTED looks.
    fn written_by_others(&self, engine: &Engine) -> Vec<String> {
        if self.facts.options.isolation_level == 1 {
            return Vec::new();
        }
        engine.store.written_by_others(self.facts.id)
    }

    /// The next transaction descriptor, now in force.
    pub fn begin_descriptor(&mut self) -> u64 {
        self.next_descriptor += 1;
        self.descriptor = (u64::from(self.facts.id.unsigned_abs()) << 32) | self.next_descriptor;
        self.descriptor
    }

    /// Binds and runs `job` with everything a statement sees.
    pub fn with_environment<T>(
        &self,
        engine: &mut Engine,
        rows: &[RowSource],
        job: impl FnOnce(&mut Environment<'_>) -> T,
    ) -> T {
        let now = engine.clock.statement_time();
        let mut environment = Environment {
            engine,
            session: &self.facts,
            variables: &self.variables,
            temp: &self.temp,
            rows,
            now,
        };
        job(&mut environment)
    }

    /// The value of an expression, with its type.
    pub fn evaluate(&self, engine: &mut Engine, expr: &Expr) -> Result<(SqlType, Value), Message> {
        self.with_environment(engine, &[], |env| bind::evaluate(env, expr))
    }

    /// The value of an expression as a type, converted as an assignment converts.
    pub fn evaluate_as(
        &self,
        engine: &mut Engine,
        expr: &Expr,
        ty: SqlType,
    ) -> Result<Value, Message> {
        let (from, value) = self.evaluate(engine, expr)?;
        convert::convert(value, from, ty, convert::NO_STYLE)
    }

    /// Whether a condition holds; unknown is no.
    pub fn holds(&self, engine: &mut Engine, condition: &Expr) -> Result<bool, Message> {
        self.with_environment(engine, &[], |env| {
            let bound = bind::bind_condition(env, condition)?;
            let mut holds = false;
            run::run(env, &bound, |row| {
                holds = matches!(row.first(), Some(Value::Int(n)) if *n != 0);
                Flow::Stop
            })?;
            Ok(holds)
        })
    }

    /// Rows of a query, all of them, with their columns.
    pub fn rows_of(
        &self,
        engine: &mut Engine,
        rows: &[RowSource],
        query: &Query,
    ) -> Result<ResultSet, Message> {
        let written = self.written_by_others(engine);
        self.with_environment(engine, rows, |env| {
            let bound = bind::bind_query(env, query)?;
            refuse_uncommitted(&written, &bound.sql)?;
            let mut all = Vec::new();
            run::run(env, &bound, |row| {
                all.push(row);
                Flow::Continue
            })?;
            Ok((bound.columns, all))
        })
    }

    /// Runs a query of the client: rows go out, or variables get values. Answers the number of rows.
    pub fn query(
        &mut self,
        engine: &mut Engine,
        rows: &[RowSource],
        query: &Query,
        output: &mut Output,
    ) -> Result<u64, Message> {
        let format_only = self.format_only;
        let limit = self.facts.options.row_limit;
        let mut captured = self.captured.take();
        let mut assigned: Vec<(String, SqlType, Value)> = Vec::new();
        let written = self.written_by_others(engine);
        let result = self.with_environment(engine, rows, |env| {
            let bound = bind::bind_query(env, query)?;
            refuse_uncommitted(&written, &bound.sql)?;
            let assigns = bound.assignments.iter().any(Option::is_some);
            if assigns && !bound.assignments.iter().all(Option::is_some) {
                return Err(Message::error(
                    141,
                    "A SELECT statement that assigns a value to a variable must not be combined \
                     with data-retrieval operations.",
                )
                .with_class(15));
            }
            let mut held = Vec::new();
            if !assigns && captured.is_none() {
                output.push(Reply::Columns(bound.columns.clone()));
            }
            if format_only {
                return Ok(0);
            }
            let mut last = None;
            let mut n_rows = 0_u64;
            run::run(env, &bound, |row| {
                if output.cancel.is_cancelled() {
                    return Flow::Stop;
                }
                n_rows += 1;
                let flow = if assigns {
                    last = Some(row);
                    Flow::Continue
                } else if captured.is_some() {
                    held.push(row);
                    Flow::Continue
                } else {
                    output.row(row)
                };
                if limit > 0 && n_rows >= limit {
                    Flow::Stop
                } else {
                    flow
                }
            })?;
            if let Some(all) = captured.as_mut()
                && !assigns
            {
                all.push((bound.columns.clone(), held));
            }
            for ((name, column), value) in bound
                .assignments
                .into_iter()
                .zip(&bound.columns)
                .zip(last.unwrap_or_default())
            {
                if let Some(name) = name {
                    assigned.push((name, column.ty, value));
                }
            }
            Ok(n_rows)
        });
        self.captured = captured;
        let n_rows = result?;
        for (name, ty, value) in assigned {
            self.assign(&name, ty, value)?;
        }
        Ok(n_rows)
    }

    /// Gives a variable a value of another type: converted, and texts cut at the variable's length.
    pub fn assign(&mut self, name: &str, from: SqlType, value: Value) -> Result<(), Message> {
        let Some((ty, _)) = self.variables.find(name) else {
            return Err(undeclared(name));
        };
        let value = convert::convert(value, from, ty, convert::NO_STYLE)?;
        self.variables.assign(name, value);
        Ok(())
    }
}

/// 1222 for a query that would read rows which are not committed.
fn refuse_uncommitted(written: &[String], sql: &str) -> Result<(), Message> {
    let named = |schema: &String| {
        sql.contains(&format!("{}.", crate::practice::catalogue::quote(schema)))
            || sql.contains(&format!("{schema}."))
    };
    if written.iter().any(named) {
        return Err(Message::error(1222, "Lock request time out period exceeded.").with_state(45));
    }
    Ok(())
}

/// 137.
pub fn undeclared(name: &str) -> Message {
    Message::error(137, format!("Must declare the scalar variable \"{name}\"."))
        .with_class(15)
        .with_state(2)
}

/// The type of a written type name.
pub fn resolve_type(name: &super::statement::TypeName) -> Result<SqlType, Message> {
    types::from_name(&name.name, &name.arguments)
}
