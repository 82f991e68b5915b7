//! T-SQL queries in SQLite's words, with a type for every expression.
//!
//! SQLite keeps five storage classes and forgets declared types in expressions, so the binder carries them:
//! it knows the type of every column, inserts the conversions that T-SQL makes silently,
//! and writes the SQL itself (the parser's own printing is never used).

mod aggregates;
mod calls;
mod cast;
mod common_tables;
mod expressions;
mod for_clause;
mod number_calls;
mod object_calls;
mod operators;
mod predicates;
mod query;
mod scope;
mod select;
mod system_calls;
mod table_functions;
mod tables;
mod term;
#[cfg(test)]
mod tests;
mod text_calls;
mod time_calls;
mod walk;

pub(in crate::practice::sql) use tables::not_supported_reference;
pub use term::Term;

use super::environment::{
    Bound, Environment, RowSource, SessionFacts, StatementTime, TempTables, Variables,
};
use super::instance::Instance;
use crate::practice::reply::Message;
use crate::practice::value::{Column, SqlType, Value};
use scope::{CommonTable, Scope};
use sqlparser::ast;

/// How deep expressions and queries may nest; beyond it 191.
const MAX_DEPTH: usize = 400;

/// `MAXRECURSION` of a statement that names none.
const MAX_RECURSION: u32 = 100;

/// Binds one statement.
pub(super) struct Binder<'e> {
    pub(super) instance: &'e mut dyn Instance,
    pub(super) session: &'e SessionFacts,
    pub(super) variables: &'e Variables,
    pub(super) temp: &'e TempTables,
    pub(super) rows: &'e [RowSource],
    pub(super) now: StatementTime,
    parameters: Vec<rusqlite::types::Value>,
    scopes: Vec<Scope>,
    commons: Vec<CommonTable>,
    next_alias: usize,
    depth: usize,
    /// How deep recursive common tables may go; 0 is without a limit.
    max_recursion: u32,
}

impl<'e> Binder<'e> {
    fn new(env: &'e mut Environment<'_>) -> Self {
        Self {
            instance: env.engine,
            session: env.session,
            variables: env.variables,
            temp: env.temp,
            rows: env.rows,
            now: env.now,
            parameters: Vec::new(),
            scopes: Vec::new(),
            commons: Vec::new(),
            next_alias: 0,
            depth: 0,
            max_recursion: MAX_RECURSION,
        }
    }

    /// A name that no other table of the statement has.
    fn alias(&mut self) -> String {
        self.next_alias += 1;
        format!("t{}", self.next_alias)
    }

    /// Hands a value over as a parameter; equal values share one.
    fn parameter(&mut self, value: rusqlite::types::Value) -> String {
        let at = match self.parameters.iter().position(|p| *p == value) {
            Some(at) => at,
            None => {
                self.parameters.push(value);
                self.parameters.len() - 1
            }
        };
        format!("?{}", at + 1)
    }

    /// Runs `inner` one level deeper.
    fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, Message>,
    ) -> Result<T, Message> {
        if self.depth >= MAX_DEPTH {
            return Err(Message::error(
                191,
                "Some part of your SQL statement is nested too deeply. Rewrite the query or break it up into smaller queries.",
            )
            .with_class(15));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }
}

/// What the practice server does not know how to do.
pub(super) fn unsupported(what: &str) -> Message {
    Message::error(
        40510,
        format!("Statement '{what}' is not supported in this version of SQL Server."),
    )
}

/// Translates a query.
pub fn bind_query(env: &mut Environment<'_>, query: &ast::Query) -> Result<Bound, Message> {
    let mut binder = Binder::new(env);
    let relation = binder.query(query, query::Place::Statement)?;
    let columns = relation
        .columns
        .iter()
        .map(|c| Column {
            name: c.name.clone(),
            ty: c.ty,
            nullable: c.nullable,
        })
        .collect();
    let assignments = relation
        .columns
        .iter()
        .map(|c| c.assigned.clone())
        .collect();
    Ok(Bound {
        sql: relation.sql,
        columns,
        parameters: binder.parameters,
        assignments,
    })
}

/// Translates a condition that stands alone, as in `IF`: a query of one `bit`, NULL for unknown.
pub fn bind_condition(env: &mut Environment<'_>, expr: &ast::Expr) -> Result<Bound, Message> {
    let mut binder = Binder::new(env);
    let sql = binder.predicate(expr)?;
    Ok(one_column(sql, SqlType::Bit, true, binder.parameters))
}

/// The value of an expression that stands alone, with its type.
pub fn evaluate(env: &mut Environment<'_>, expr: &ast::Expr) -> Result<(SqlType, Value), Message> {
    let bound = {
        let mut binder = Binder::new(env);
        let term = binder.value(expr)?;
        if let Some(value) = term.constant {
            return Ok((term.ty, value));
        }
        one_column(term.sql, term.ty, term.nullable, binder.parameters)
    };
    let ty = bound.columns.first().map_or(SqlType::Int, |c| c.ty);
    let mut value = Value::Null;
    super::run::run(env, &bound, |row| {
        value = row.into_iter().next().unwrap_or(Value::Null);
        super::environment::Flow::Continue
    })?;
    Ok((ty, value))
}

fn one_column(
    sql: String,
    ty: SqlType,
    nullable: bool,
    parameters: Vec<rusqlite::types::Value>,
) -> Bound {
    Bound {
        sql: format!("SELECT {sql}"),
        columns: vec![Column {
            name: String::new(),
            ty,
            nullable,
        }],
        parameters,
        assignments: vec![None],
    }
}
