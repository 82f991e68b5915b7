//! Cursors: declared, opened, fetched from, closed and deallocated.

use super::{Effect, operand_text};
use crate::practice::engine::Engine;
use crate::practice::reply::{Message, Reply};
use crate::practice::sql::state::{Cursor, Output, State};
use crate::practice::sql::statement::{FetchDirection, Operand};
use std::sync::Arc;

/// 16916.
pub(super) fn no_cursor(name: &str) -> Message {
    Message::error(
        16916,
        format!("A cursor with the name '{name}' does not exist."),
    )
}

pub(super) fn find_cursor<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Cursor, Message> {
    state
        .cursors
        .get_mut(&name.to_lowercase())
        .ok_or_else(|| no_cursor(name))
}

pub(super) fn open_cursor(
    engine: &mut Engine,
    state: &mut State,
    name: &str,
) -> Result<(), Message> {
    let cursor = find_cursor(state, name)?;
    if cursor.rows.is_some() {
        return Err(Message::error(16905, "The cursor is already open."));
    }
    let query = Arc::clone(&cursor.query);
    let (columns, rows) = state.rows_of(engine, &[], &query)?;
    let cursor = find_cursor(state, name)?;
    cursor.columns = columns;
    cursor.rows = Some(rows);
    cursor.position = 0;
    Ok(())
}

pub(super) fn fetch(
    state: &mut State,
    name: &str,
    direction: &FetchDirection,
    into: &[String],
    output: &mut Output,
) -> Result<Effect, Message> {
    let number = |state: &State, operand: &Operand| -> Result<i64, Message> {
        Ok(operand_text(state, operand)?.trim().parse().unwrap_or(0))
    };
    let relative = match direction {
        FetchDirection::Absolute(n) | FetchDirection::Relative(n) => number(state, n)?,
        _ => 0,
    };
    let cursor = find_cursor(state, name)?;
    let Some(rows) = &cursor.rows else {
        return Err(Message::error(16917, "Cursor is not open."));
    };
    let n_rows = rows.len() as i64;
    let at = cursor.position as i64;
    let wanted = match direction {
        FetchDirection::Next => at + 1,
        FetchDirection::Prior => at - 1,
        FetchDirection::First => 1,
        FetchDirection::Last => n_rows,
        FetchDirection::Absolute(_) if relative < 0 => n_rows + 1 + relative,
        FetchDirection::Absolute(_) => relative,
        FetchDirection::Relative(_) => at + relative,
    };
    let wanted = wanted.clamp(0, n_rows + 1);
    cursor.position = usize::try_from(wanted).unwrap_or(0);
    let row = cursor
        .position
        .checked_sub(1)
        .and_then(|at| rows.get(at))
        .cloned();
    let columns = cursor.columns.clone();
    let n_fetched = u64::from(row.is_some());
    state.facts.fetch_status = if row.is_some() { 0 } else { -1 };
    if into.is_empty() {
        output.push(Reply::Columns(columns));
        output.push(Reply::Rows(row.into_iter().collect()));
        return Ok(Effect::rows(193, n_fetched));
    }
    if into.len() != columns.len() {
        return Err(Message::error(
            16924,
            "Cursorfetch: The number of variables declared in the INTO list must match that of selected columns.",
        ));
    }
    if let Some(row) = row {
        for ((name, column), value) in into.iter().zip(columns).zip(row) {
            state.assign(name, column.ty, value)?;
        }
    }
    state.facts.rowcount = i64::from(state.facts.fetch_status == 0);
    Ok(Effect {
        keeps_row_count: true,
        ..Effect::silent()
    })
}
