//! Restores of the past: those that Azure may still be at work on, how long it took, and deleting what a run made.

use super::{
    AzureEnd, AzureFailure, AzurePast, created_text, database, place, read_azure_restore, stamp,
};
use crate::{
    azure::{self, AzCaller, AzureDatabase, Home, HomeKind},
    domain::UtcTime,
    run::{
        journal::{Journal, JournalError, Record, journals_in, read_journal},
        report::{RunId, RunKind},
    },
};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A run of which Azure may still be at work.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureUnfinished {
    pub id: RunId,
    pub journal: PathBuf,
    pub server: String,
    pub home: Home,
    pub source: String,
    pub new_database: String,
    pub began: Option<UtcTime>,
}

/// The restores in a folder of journals that were ordered and have not ended.
pub fn unfinished_azure_restores(folder: &Path) -> Vec<AzureUnfinished> {
    let mut found: Vec<AzureUnfinished> = journals_in(folder)
        .iter()
        .filter_map(|path| unfinished(path))
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// The restores in a folder of journals whose swap of names stopped half way, as far as the journals tell.
pub fn half_swapped_restores(folder: &Path) -> Vec<AzurePast> {
    journals_in(folder)
        .iter()
        // A journal that cannot be read is told by whoever lists all runs.
        .filter_map(|path| read_azure_restore(path).ok()?)
        .filter(|past| past.record.is_half_swapped() && !past.record.copy_dropped)
        .collect()
}

/// Where the databases of an order are managed; `None` for any other record.
pub(super) fn home_in(record: &Record) -> Option<Home> {
    let Record::AzureOrder {
        managed_instance,
        subscription,
        resource_group,
        server,
        ..
    } = record
    else {
        return None;
    };
    let kind = if *managed_instance {
        HomeKind::ManagedInstance
    } else {
        HomeKind::Server
    };
    Some(Home {
        subscription: subscription.clone(),
        kind,
        ..Home::server(resource_group, server)
    })
}

/// By what a database is found again.
pub(super) fn identity_of(shown: &AzureDatabase) -> (Uuid, String) {
    (shown.database_id.unwrap_or_default(), created_text(shown))
}

/// Whether a database is the one with this identity; a managed instance tells no id, so there its creation time counts.
pub(super) fn is_that(shown: &AzureDatabase, database_guid: Uuid, created: &str) -> bool {
    match shown.database_id {
        Some(id) => id == database_guid,
        None => created_text(shown) == created,
    }
}

fn unfinished(path: &Path) -> Option<AzureUnfinished> {
    // A journal that cannot be read is told by whoever lists all runs.
    let content = read_journal(path).ok()?;
    let mut found: Option<AzureUnfinished> = None;
    let mut open = false;
    let mut n_steps = 0;
    for entry in content.entries {
        let home = home_in(&entry.record);
        match entry.record {
            Record::Begin {
                run,
                server,
                run_kind: RunKind::AzureRestore,
                steps,
                ..
            } => {
                n_steps = steps.len();
                found = Some(AzureUnfinished {
                    id: RunId(run),
                    journal: path.to_owned(),
                    server,
                    home: Home::server("", ""),
                    source: String::new(),
                    new_database: String::new(),
                    began: chrono::DateTime::parse_from_rfc3339(&entry.at)
                        .ok()
                        .map(|at| UtcTime(at.to_utc())),
                });
            }
            Record::AzureOrder {
                source_database,
                new_database,
                ..
            } => {
                let found = found.as_mut()?;
                found.home = home?;
                found.source = source_database;
                found.new_database = new_database;
            }
            // Before the order there is nothing that could go on; renames come after the end.
            Record::StepBegin { step, .. } if (place::ORDER..n_steps).contains(&step) => {
                open = true;
            }
            Record::End { end, .. } => open = end == AzureEnd::GoesOn.word(),
            Record::CopyDropped { .. } => open = false,
            _ => {}
        }
    }
    found.filter(|_| open)
}

/// Deletes the database that a run made, when it is still that one; this is what cancels a restore.
pub async fn delete_new_database(
    journal: &Path,
    az: &dyn AzCaller,
    now: fn() -> UtcTime,
) -> Result<Result<String, AzureFailure>, JournalError> {
    let (mut journal, content) = Journal::reopen(journal)?;
    let mut home = None;
    let mut identity = None;
    let mut ordered = false;
    for entry in content.entries {
        let here = home_in(&entry.record);
        match entry.record {
            Record::AzureOrder { new_database, .. } => home = here.map(|home| (home, new_database)),
            Record::CopyCreated {
                database_guid,
                create_date,
                ..
            } => identity = Some((database_guid, create_date)),
            Record::StepEnd {
                step: place::ORDER,
                outcome,
                ..
            } => ordered = outcome == "done",
            _ => {}
        }
    }
    let Some((home, name)) = home.filter(|_| ordered || identity.is_some()) else {
        return Ok(Err(AzureFailure::NotOrdered));
    };
    let cancel = CancellationToken::new();
    let done = async {
        let shown = match database(az, &azure::show(&home, &name), &cancel).await {
            Err(AzureFailure::Az(error)) if error.is_missing() && identity.is_none() => {
                return Err(AzureFailure::NeverCame { name: name.clone() });
            }
            shown => shown?,
        };
        let (database_guid, create_date) = match identity {
            Some(identity) => identity,
            // Cancelled before Azure showed it: the name was free when Azure took the order, and what it is making is ours.
            None if shown.is_coming() => identity_of(&shown),
            // It may as well be somebody else's, made after ours had failed.
            None => return Err(AzureFailure::NotProved { name: name.clone() }),
        };
        if !is_that(&shown, database_guid, &create_date) {
            return Err(AzureFailure::Vanished { name: name.clone() });
        }
        az.call(&azure::delete(&home, &name), &cancel)
            .await
            .map_err(AzureFailure::Az)
    };
    match done.await {
        Ok(_) => {
            journal.write(
                stamp(now),
                Record::CopyDropped {
                    database: name.clone(),
                },
            )?;
            Ok(Ok(name))
        }
        Err(failure) => Ok(Err(failure)),
    }
}
