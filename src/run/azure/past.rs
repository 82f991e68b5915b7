//! Restores of the past: those that Azure may still be at work on, how long it took, and deleting what a run made.

use super::{AzureEnd, AzureFailure, created_text, database, place, stamp};
use crate::{
    azure::{self, AzCaller, Home, HomeKind},
    domain::UtcTime,
    run::{
        journal::{Journal, JournalError, Record, read_journal},
        report::{RunId, RunKind},
    },
};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

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
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<AzureUnfinished> = files
        .filter_map(|file| unfinished(&file.ok()?.path()))
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

fn unfinished(path: &Path) -> Option<AzureUnfinished> {
    if path
        .extension()
        .is_none_or(|extension| extension != "jsonl")
    {
        return None;
    }
    // A journal that cannot be read is told by whoever lists all runs.
    let content = read_journal(path).ok()?;
    let mut found: Option<AzureUnfinished> = None;
    let mut open = false;
    for entry in content.entries {
        match entry.record {
            Record::Begin {
                run,
                server,
                run_kind: RunKind::AzureRestore,
                ..
            } => {
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
                managed_instance,
                subscription,
                resource_group,
                server,
                source_database,
                new_database,
            } => {
                let found = found.as_mut()?;
                found.home = Home {
                    subscription,
                    kind: if managed_instance {
                        HomeKind::ManagedInstance
                    } else {
                        HomeKind::Server
                    },
                    ..Home::server(&resource_group, &server)
                };
                found.source = source_database;
                found.new_database = new_database;
            }
            // Before the order there is nothing that could go on.
            Record::StepBegin { step, .. } if step >= place::ORDER => open = true,
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
    for entry in content.entries {
        match entry.record {
            Record::AzureOrder {
                managed_instance,
                subscription,
                resource_group,
                server,
                new_database,
                ..
            } => {
                let kind = if managed_instance {
                    HomeKind::ManagedInstance
                } else {
                    HomeKind::Server
                };
                home = Some((
                    Home {
                        subscription,
                        kind,
                        ..Home::server(&resource_group, &server)
                    },
                    new_database,
                ));
            }
            Record::CopyCreated {
                database_guid,
                create_date,
                ..
            } => identity = Some((database_guid, create_date)),
            _ => {}
        }
    }
    let (Some((home, name)), Some((database_guid, create_date))) = (home, identity) else {
        return Ok(Err(AzureFailure::NeverCame {
            name: String::new(),
        }));
    };
    let cancel = CancellationToken::new();
    let done = async {
        let shown = database(az, &azure::show(&home, &name), &cancel).await?;
        let same = match shown.database_id {
            Some(id) => id == database_guid,
            None => created_text(&shown) == create_date,
        };
        if !same {
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
