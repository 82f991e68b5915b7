//! T-SQL's functions inside SQLite; the binder writes the calls.
//!
//! Errors travel as `number|state|text`, see [`super::run::message_of`].

mod like;
mod moments;
mod numbers;
mod texts;

use super::codec;
use super::convert::convert;
use super::run::raise;
use super::types;
use crate::practice::reply::Message;
use crate::practice::value::{SqlType, Value};
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Result};
use std::cmp::Ordering;

pub use like::Pattern;

/// Same arguments, same answer.
const PURE: FunctionFlags = FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DETERMINISTIC);

/// Puts collations and functions on the connection; once.
pub fn register(connection: &Connection) -> Result<()> {
    connection.create_collation("tsql", compare)?;
    connection.create_collation("tsql_cs", |a, b| {
        a.trim_end_matches(' ').cmp(b.trim_end_matches(' '))
    })?;
    pure(connection, "tsql_cast", 4, cast)?;
    pure(connection, "tsql_try_cast", 4, |c| {
        Ok(cast(c).unwrap_or(Stored::Null))
    })?;
    pure(connection, "tsql_deeper", 2, deeper)?;
    connection.create_aggregate_function("tsql_sum", 1, PURE, SumOfNumeric)?;
    numbers::register(connection)?;
    texts::register(connection)?;
    moments::register(connection)?;
    like::register(connection)
}

/// The level below that of a row of a recursive common table; 530 beyond the limit, where one is set.
fn deeper(c: &Context<'_>) -> Result<Stored> {
    let (level, limit) = (c.get::<i64>(0)?, c.get::<i64>(1)?);
    if limit != 0 && level >= limit {
        return Err(failed(&Message::error(
            530,
            format!(
                "The statement terminated. The maximum recursion {limit} has been exhausted before statement completion."
            ),
        )));
    }
    Ok(Stored::Integer(level + 1))
}

/// A pure function that answers a stored value.
fn pure(
    connection: &Connection,
    name: &str,
    n_arguments: i32,
    function: impl Fn(&Context<'_>) -> Result<Stored> + Send + 'static,
) -> Result<()> {
    connection.create_scalar_function(name, n_arguments, PURE, move |c| function(c))
}

/// A pure function that is NULL as soon as one of its arguments is.
fn strict(
    connection: &Connection,
    name: &str,
    n_arguments: i32,
    function: impl Fn(&Context<'_>) -> Result<Stored> + Send + 'static,
) -> Result<()> {
    pure(connection, name, n_arguments, move |c| {
        if (0..c.len()).any(|at| c.get_raw(at) == ValueRef::Null) {
            return Ok(Stored::Null);
        }
        function(c)
    })
}

/// Compares as `SQL_Latin1_General_CP1_CI_AS`: without case, without trailing blanks.
fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_end_matches(' '), b.trim_end_matches(' '));
    if a.is_ascii() && b.is_ascii() {
        return a
            .bytes()
            .map(|c| c.to_ascii_lowercase())
            .cmp(b.bytes().map(|c| c.to_ascii_lowercase()));
    }
    a.chars()
        .flat_map(char::to_lowercase)
        .cmp(b.chars().flat_map(char::to_lowercase))
}

/// A failure in SQLite's hands.
fn failed(message: &Message) -> rusqlite::Error {
    raise(message)
}

/// The type whose code is that argument.
fn type_at(c: &Context<'_>, at: usize) -> Result<SqlType> {
    types::from_code(c.get(at)?).ok_or_else(|| {
        failed(&Message::error(
            8624,
            "Internal Query Processor Error: no such type.",
        ))
    })
}

/// The argument as a value of that type.
fn value_at(c: &Context<'_>, at: usize, ty: SqlType) -> Value {
    codec::decode(c.get_raw(at), ty)
}

/// The argument as text, whatever SQLite holds.
fn text_at(c: &Context<'_>, at: usize) -> Result<String> {
    Ok(match c.get_raw(at) {
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(x) => x.to_string(),
        ValueRef::Blob(bytes) => bytes.iter().map(|b| char::from(*b)).collect(),
        ValueRef::Null => String::new(),
    })
}

fn cast(c: &Context<'_>) -> Result<Stored> {
    let (from, to) = (type_at(c, 1)?, type_at(c, 2)?);
    let style: Option<i32> = c.get(3)?;
    let Some(style) = style else {
        return Ok(Stored::Null);
    };
    let value = convert(value_at(c, 0, from), from, to, style).map_err(|m| failed(&m))?;
    Ok(codec::encode(&value, to))
}

/// `SUM` of `numeric`, in 128 bits.
struct SumOfNumeric;

impl Aggregate<Option<i128>, Stored> for SumOfNumeric {
    fn init(&self, _context: &mut Context<'_>) -> Result<Option<i128>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Option<i128>) -> Result<()> {
        let n = match context.get_raw(0) {
            ValueRef::Integer(n) => i128::from(n),
            ValueRef::Blob(bytes) => match codec::wide(bytes) {
                Some(n) => n,
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        let next = sum.unwrap_or(0).checked_add(n).ok_or_else(|| {
            failed(
                &Message::error(
                    8115,
                    "Arithmetic overflow error converting expression to data type numeric.",
                )
                .with_state(2),
            )
        })?;
        *sum = Some(next);
        Ok(())
    }

    fn finalize(&self, _context: &mut Context<'_>, sum: Option<Option<i128>>) -> Result<Stored> {
        let ty = SqlType::Numeric {
            precision: 38,
            scale: 0,
        };
        Ok(match sum.flatten() {
            Some(n) => codec::encode(&Value::Decimal(n), ty),
            None => Stored::Null,
        })
    }
}
