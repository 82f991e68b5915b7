//! Transactions and savepoints.

use crate::practice::backup::record_marks;
use crate::practice::engine::Engine;
use crate::practice::reply::{Message, Reply};
use crate::practice::sql::state::{Output, State};

/// 3930.
pub(super) fn doomed() -> Message {
    Message::error(
        3930,
        "The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.",
    )
}

/// BEGIN TRAN.
pub fn begin_transaction(
    engine: &mut Engine,
    state: &mut State,
    name: Option<String>,
    output: &mut Output,
) -> Result<(), Message> {
    state.facts.trancount += 1;
    if state.facts.trancount == 1 {
        state.facts.xact_state = 1;
        state.transaction_name = name;
        let descriptor = state.begin_descriptor();
        output.push(Reply::Transaction(Some(descriptor)));
    }
    count_transactions(engine, state);
    Ok(())
}

fn count_transactions(engine: &mut Engine, state: &State) {
    let now = engine.clock.now();
    if let Some(entry) = engine.sessions.find_mut(state.facts.id) {
        entry.open_transactions = state.facts.trancount;
        entry.transaction_began = match state.facts.trancount {
            0 => None,
            _ => Some(entry.transaction_began.unwrap_or(now)),
        };
    }
}

fn end_transaction(engine: &mut Engine, state: &mut State, output: &mut Output) {
    state.facts.trancount = 0;
    state.facts.xact_state = 0;
    state.transaction_name = None;
    state.transaction_mark = None;
    state.descriptor = 0;
    output.push(Reply::Transaction(None));
    engine.application_locks.release_transaction(state.facts.id);
    count_transactions(engine, state);
}

/// COMMIT: 3902 without a transaction.
pub fn commit(engine: &mut Engine, state: &mut State, output: &mut Output) -> Result<(), Message> {
    match state.facts.trancount {
        0 => Err(Message::error(
            3902,
            "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.",
        )),
        1 => {
            if state.facts.xact_state == -1 {
                return Err(doomed());
            }
            let now = engine.commit_time();
            let session = state.facts.id;
            match state.transaction_mark.take() {
                Some(mark) => {
                    engine.store.mark(session, mark.clone());
                    let places = engine.store.commit(session, now)?;
                    record_marks(engine, &mark, &places, &state.facts.login)?;
                }
                None => {
                    engine.store.commit(session, now)?;
                }
            }
            end_transaction(engine, state, output);
            Ok(())
        }
        _ => {
            state.facts.trancount -= 1;
            count_transactions(engine, state);
            Ok(())
        }
    }
}

/// ROLLBACK: to a savepoint of that name, or everything; 3903, 6401.
pub fn rollback(
    engine: &mut Engine,
    state: &mut State,
    name: Option<&str>,
    output: &mut Output,
) -> Result<(), Message> {
    if state.facts.trancount == 0 {
        return Err(Message::error(
            3903,
            "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.",
        ));
    }
    if let Some(name) = name.filter(|n| !n.is_empty()) {
        let outermost = state
            .transaction_name
            .as_deref()
            .is_some_and(|n| n.eq_ignore_ascii_case(name));
        if !outermost {
            if engine
                .store
                .rollback_to(state.facts.id, &name.to_lowercase())?
            {
                return Ok(());
            }
            return Err(Message::error(
                6401,
                format!(
                    "Cannot roll back {name}. No transaction or savepoint of that name was found."
                ),
            ));
        }
    }
    roll_everything_back(engine, state, output);
    Ok(())
}

/// Ends the transaction without keeping anything.
pub fn roll_everything_back(engine: &mut Engine, state: &mut State, output: &mut Output) {
    engine.store.rollback(state.facts.id);
    end_transaction(engine, state, output);
}

/// SAVE TRAN.
pub fn save(engine: &mut Engine, state: &State, name: &str) -> Result<(), Message> {
    if state.facts.trancount == 0 {
        return Err(Message::error(
            628,
            "Cannot issue SAVE TRANSACTION when there is no active transaction.",
        ));
    }
    engine.store.savepoint(state.facts.id, &name.to_lowercase())
}

/// 226.
pub(super) fn refuse_in_transaction(state: &State, what: &str) -> Result<(), Message> {
    if state.facts.trancount > 0 {
        return Err(Message::error(
            226,
            format!("{what} statement not allowed within multi-statement transaction."),
        )
        .with_state(5));
    }
    Ok(())
}
