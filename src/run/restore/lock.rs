//! One run of a database at a time: the application lock on the server (design §3.13).

use crate::{
    server::{Connection, ServerError, ask},
    tsql,
};

/// Whether this run has the target for itself.
pub(in crate::run) enum Lock {
    Taken,
    Held,
    /// The server refused to tell.
    Unknown(ServerError),
}

pub(in crate::run) async fn take_lock(
    connection: &mut dyn Connection,
    database: &str,
) -> Result<Lock, ServerError> {
    match ask(connection, &tsql::take_lock(database)).await {
        // 0 granted, 1 granted after waiting, below zero not granted.
        Ok(answer) => Ok(match answer.first().and_then(|row| row.int("granted")) {
            Some(granted) if granted < 0 => Lock::Held,
            _ => Lock::Taken,
        }),
        Err(error @ ServerError::Refused { .. }) => Ok(Lock::Unknown(error)),
        Err(other) => Err(other),
    }
}
