//! Deleting the files that a policy no longer needs: one at a time, after its header was read again.
//!
//! First the files that the window rests on are looked at: when one of them is not what the history says, nothing is
//! deleted at all. Then each file in turn; the first doubt ends the run, and what was deleted stands in the journal.

use crate::{
    domain::{DatabaseHistory, Device, Policy, PolicyId, RetentionList, Trouble, UtcTime},
    run::{
        Journal, JournalError, Outcome, Record, RunKind, StepFacts, StepFailure,
        header::{SetHeader, set_headers},
        journal::iso_time,
        schedule::Changing,
    },
    server::{Connection, ServerError, ask},
    tsql::{self, delete_file_script},
};

/// What a retention run did.
#[derive(Clone, Debug)]
pub struct RetentionReport {
    /// Deleted, in order.
    pub deleted: Vec<String>,
    /// Files of the list that were not there any more: somebody else deleted them, or the server does not see them.
    pub not_there: Vec<String>,
    /// Bytes that were freed, as far as the history knows them.
    pub freed_bytes: u64,
    /// Why it ended before the list did; `None` when every file of the list is gone.
    pub doubt: Option<RetentionDoubt>,
}

/// Something that is not as the history says.
#[derive(Clone, Debug, PartialEq)]
pub enum RetentionDoubt {
    /// A file that the window rests on could not be read.
    FoundationUnreadable { file: String, error: ServerError },
    /// A file that the window rests on holds something else.
    FoundationDiffers { file: String },
    /// A file of the list could not be read.
    Unreadable { file: String, error: ServerError },
    /// A file of the list holds other sets than the history says, or one that the policy did not write.
    Differs { file: String },
    /// The server did not delete it.
    NotDeleted {
        file: String,
        error: Option<ServerError>,
    },
    /// Somebody cancelled.
    Cancelled,
}

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The policy does not allow it.
    #[error("the policy deletes nothing")]
    Off,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// Deletes what the list lets go. The list must have been shown.
pub async fn run_retention(
    history: &DatabaseHistory,
    policy: &Policy,
    list: &RetentionList,
    changing: Changing<'_>,
) -> Result<RetentionReport, RetentionError> {
    if policy.retention.deleting == crate::domain::Deleting::Off {
        return Err(RetentionError::Off);
    }
    let id = policy.id();
    let Changing {
        gateway,
        run,
        journal,
        who,
        about: _,
        facts,
        now,
        cancel,
    } = changing;
    let at = move || stamp(now());
    let mut journal = Journal::create(&journal)?;
    journal.write(
        at(),
        Record::Begin {
            format: crate::run::FORMAT.to_owned(),
            run: run.0,
            server: facts.server_name.clone().unwrap_or_default(),
            source_database: list.database.clone(),
            target_database: list.database.clone(),
            target: list.window_from.server.to_string(),
            steps: list
                .removable()
                .map(|file| format!("Delete {}", file.path))
                .collect(),
            run_kind: RunKind::Retention,
            who,
        },
    )?;
    let mut connection = gateway.connect().await?;
    let mut report = RetentionReport {
        deleted: Vec::new(),
        not_there: Vec::new(),
        freed_bytes: 0,
        doubt: None,
    };
    for file in &list.foundations {
        report.doubt = foundation_doubt(connection.as_mut(), history, file).await;
        if report.doubt.is_some() {
            break;
        }
    }
    for (step, file) in list.removable().enumerate() {
        if report.doubt.is_some() {
            break;
        }
        if cancel.is_cancelled() {
            report.doubt = Some(RetentionDoubt::Cancelled);
            break;
        }
        report.doubt = file_doubt(connection.as_mut(), history, &id, file).await;
        if let Some(RetentionDoubt::Unreadable { .. }) = report.doubt
            && is_there(connection.as_mut(), &file.path).await == Ok(false)
        {
            report.doubt = None;
            report.not_there.push(file.path.clone());
            continue;
        }
        if report.doubt.is_some() {
            break;
        }
        let script = delete_file_script(&file.path, &facts);
        for batch in &script.batches {
            journal.write(at(), Record::step_begin(step, &batch.title, &batch.sql))?;
            let started = now();
            let error = ask(connection.as_mut(), batch).await.err();
            let there = is_there(connection.as_mut(), &file.path).await;
            if error.is_some() || there != Ok(false) {
                report.doubt = Some(RetentionDoubt::NotDeleted {
                    file: file.path.clone(),
                    error: error.or(there.err()),
                });
            }
            let outcome = match &report.doubt {
                None => Outcome::Done,
                Some(RetentionDoubt::NotDeleted {
                    error: Some(error), ..
                }) => Outcome::Failed(StepFailure::Server(error.clone())),
                Some(_) => Outcome::Cancelled,
            };
            journal.write(
                at(),
                Record::StepEnd {
                    step,
                    outcome: outcome.word().to_owned(),
                    seconds: now().seconds() - started.seconds(),
                    words: Vec::new(),
                    messages: Vec::new(),
                    facts: StepFacts {
                        bytes: file.bytes,
                        files: vec![file.path.clone()],
                        ..StepFacts::default()
                    },
                },
            )?;
        }
        if report.doubt.is_none() {
            journal.write(
                at(),
                Record::FileDeleted {
                    file: file.path.clone(),
                    sets: file.sets.clone(),
                },
            )?;
            report.deleted.push(file.path.clone());
            report.freed_bytes += file.bytes.unwrap_or(0);
        }
    }
    journal.write(
        at(),
        Record::End {
            end: if report.doubt.is_none() {
                "done"
            } else {
                "stopped"
            }
            .to_owned(),
            state: report
                .doubt
                .as_ref()
                .map(|doubt| format!("{doubt:?}"))
                .unwrap_or_default(),
        },
    )?;
    Ok(report)
}

fn stamp(now: UtcTime) -> String {
    iso_time(now)
}

async fn headers(
    connection: &mut dyn Connection,
    file: &str,
) -> Result<Vec<SetHeader>, ServerError> {
    let device = Device::Disk(file.to_owned());
    Ok(set_headers(
        &ask(connection, &tsql::header_only(&device)).await?,
    ))
}

/// The sets that the history knows in a file, by the path as it wrote it.
fn known_sets(history: &DatabaseHistory, file: &str) -> Vec<uuid::Uuid> {
    history
        .sets()
        .filter(|set| !matches!(set.trouble(), Some(Trouble::Deleted { .. })))
        .filter(|set| {
            set.device_names()
                .any(|name| name.eq_ignore_ascii_case(file))
        })
        .map(|set| set.uuid)
        .collect()
}

/// What the window rests on must be there, and be what the history says.
async fn foundation_doubt(
    connection: &mut dyn Connection,
    history: &DatabaseHistory,
    file: &str,
) -> Option<RetentionDoubt> {
    let found = match headers(connection, file).await {
        Ok(found) => found,
        Err(error) => {
            return Some(RetentionDoubt::FoundationUnreadable {
                file: file.to_owned(),
                error,
            });
        }
    };
    let all_there = known_sets(history, file).iter().all(|set| {
        found
            .iter()
            .any(|header| header.backup_set_uuid == Some(*set))
    });
    (!all_there).then(|| RetentionDoubt::FoundationDiffers {
        file: file.to_owned(),
    })
}

/// A file may go only when it holds exactly the sets that were judged, each written by the policy.
async fn file_doubt(
    connection: &mut dyn Connection,
    history: &DatabaseHistory,
    id: &PolicyId,
    file: &crate::domain::RetentionFile,
) -> Option<RetentionDoubt> {
    let found = match headers(connection, &file.path).await {
        Ok(found) => found,
        Err(error) => {
            return Some(RetentionDoubt::Unreadable {
                file: file.path.clone(),
                error,
            });
        }
    };
    let same = found.len() == file.sets.len()
        && found.iter().all(|header| {
            let ours = header
                .backup_name()
                .as_deref()
                .and_then(PolicyId::of_set)
                .is_some_and(|(of, _)| of == *id);
            let known = header
                .backup_set_uuid
                .is_some_and(|uuid| file.sets.contains(&uuid));
            let database = header
                .database_name
                .as_deref()
                .is_some_and(|name| name.to_lowercase() == history.name().to_lowercase());
            ours && known && database
        });
    (!same).then(|| RetentionDoubt::Differs {
        file: file.path.clone(),
    })
}

async fn is_there(connection: &mut dyn Connection, file: &str) -> Result<bool, ServerError> {
    let answer = ask(connection, &tsql::file_there(file)).await?;
    Ok(answer
        .first()
        .and_then(|row| row.int("file_there"))
        .is_some_and(|there| there == 1))
}
