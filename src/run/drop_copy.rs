//! Dropping the copy that a run created, and no other database.

use super::journal::{Journal, JournalError, Record, iso_time};
use crate::{
    domain::UtcTime,
    server::{Gateway, ServerError, ask},
    tsql::{self, ServerFacts},
};
use std::path::Path;

/// Why a copy was not dropped.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// The run created no copy that could be told from another database of that name.
    #[error("the journal of the run names no copy")]
    NoCopy,
    /// It was dropped before.
    #[error("the copy was dropped already")]
    AlreadyDropped,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// Drops the copy whose identity the journal of its run has; returns its name.
///
/// The batch itself checks name, `database_guid` and creation time, and that nobody is in it.
pub async fn drop_copy(
    gateway: &dyn Gateway,
    journal: &Path,
    now: fn() -> UtcTime,
) -> Result<String, DropError> {
    let (mut journal, content) = Journal::reopen(journal)?;
    let mut copy = None;
    let mut server_name = None;
    for entry in &content.entries {
        match &entry.record {
            Record::Begin { server, .. } => server_name = Some(server.clone()),
            Record::CopyCreated {
                database,
                database_guid,
                create_date,
            } => copy = Some((database.clone(), *database_guid, create_date.clone())),
            Record::CopyDropped { .. } => return Err(DropError::AlreadyDropped),
            _ => {}
        }
    }
    let (database, database_guid, create_date) = copy.ok_or(DropError::NoCopy)?;
    let facts = ServerFacts {
        server_name: server_name.filter(|name| !name.is_empty()),
        tail_file: None,
    };
    let script = tsql::drop_copy_script(&database, database_guid, &create_date, &facts);
    let mut connection = gateway.connect().await?;
    for batch in &script.batches {
        ask(connection.as_mut(), batch).await?;
    }
    journal.write(
        iso_time(now()),
        Record::CopyDropped {
            database: database.clone(),
        },
    )?;
    Ok(database)
}
