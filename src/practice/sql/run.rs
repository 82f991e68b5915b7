//! Running what the binder wrote: rows out, errors as messages.

use super::codec;
use super::environment::{Bound, Environment, Flow};
use crate::practice::reply::Message;
use crate::practice::value::Value;
use rusqlite::ErrorCode;

/// The number of the message that stands for an interrupted statement; it never goes out.
pub const INTERRUPTED: i32 = -1;

/// Runs a bound query and hands over its rows, each value read by its column's type; answers how many there were.
pub fn run(
    env: &mut Environment<'_>,
    bound: &Bound,
    mut each: impl FnMut(Vec<Value>) -> Flow,
) -> Result<u64, Message> {
    let connection = env.engine.connection();
    let mut statement = connection
        .prepare_cached(&bound.sql)
        .map_err(|e| message_of(&e))?;
    // A function that needs its argument only while binding, as DB_ID(@name), leaves a parameter that no text names.
    let n_named = statement.parameter_count();
    for (at, value) in bound.parameters.iter().enumerate().take(n_named) {
        statement
            .raw_bind_parameter(at + 1, value)
            .map_err(|e| message_of(&e))?;
    }
    let mut rows = statement.raw_query();
    let mut n_rows = 0;
    while let Some(row) = rows.next().map_err(|e| message_of(&e))? {
        let mut values = Vec::with_capacity(bound.columns.len());
        for (at, column) in bound.columns.iter().enumerate() {
            let stored = row.get_ref(at).map_err(|e| message_of(&e))?;
            values.push(codec::decode(stored, column.ty));
        }
        n_rows += 1;
        if each(values) == Flow::Stop {
            break;
        }
    }
    Ok(n_rows)
}

/// An error of SQLite as the product says it: our functions raise `number|message`.
pub fn message_of(error: &rusqlite::Error) -> Message {
    let text = match error {
        rusqlite::Error::SqliteFailure(failure, text) => {
            match failure.code {
                ErrorCode::OperationInterrupted => {
                    return Message::error(INTERRUPTED, "The statement was interrupted.");
                }
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                    return Message::error(1222, "Lock request time out period exceeded.")
                        .with_state(51);
                }
                _ => {}
            }
            text.clone().unwrap_or_else(|| error.to_string())
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    if let Some((number, rest)) = text.split_once('|')
        && let Ok(number) = number.parse::<i32>()
    {
        let (state, text) = rest
            .split_once('|')
            .and_then(|(state, text)| Some((state.parse().ok()?, text)))
            .unwrap_or((1, rest));
        return Message::error(number, text).with_state(state);
    }
    if text == "integer overflow" {
        return Message::error(
            8115,
            "Arithmetic overflow error converting expression to data type bigint.",
        )
        .with_state(2);
    }
    // The query processor's own words for what it cannot carry out.
    Message::error(
        8624,
        format!(
            "Internal Query Processor Error: The query processor could not produce a query plan. ({text})"
        ),
    )
}

/// A message on its way through SQLite.
pub fn raise(message: &Message) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(
        format!("{}|{}|{}", message.number, message.state, message.text).into(),
    )
}
