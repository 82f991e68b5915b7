//! What an interrupted drill left: found in the journals, looked at on the server, dropped only when it is proved ours.
//!
//! Proof is the strongest that there is (design §3.10): the identity that the restore journaled; else the creation time that
//! it journaled before it recovered the copy; else a database of that very name that is still `RESTORING` and younger than
//! the drill, which had found no database of that name: before the creation time is on disk nothing recovers the copy.
//! What fits none of them is somebody else's and stays.

use super::{DrillPlan, stamp};
use crate::{
    domain::UtcTime,
    run::{
        DropError, Identity, Journal, JournalContent, JournalError, Record, RunId, RunReport,
        drop_copy, journal_path, journals_in, read_identity, read_journal,
        target::{AtWork, at_work},
    },
    server::{Connection, Gateway, ServerError, ask},
    tsql::{self, ServerFacts},
};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A drill whose copy may still be there.
#[derive(Clone, Debug, PartialEq)]
pub struct Leftover {
    pub drill: RunId,
    pub journal: PathBuf,
    pub restore_journal: PathBuf,
    pub server: String,
    /// The database that it is of.
    pub database: String,
    /// The database that it made.
    pub copy: String,
    /// When the drill began, on the own clock.
    pub began_at: String,
    proof: Proof,
    /// The server's clock before anything was created.
    server_clock: String,
}

/// What the journals have to tell the copy from any other database.
#[derive(Clone, Debug, PartialEq)]
enum Proof {
    /// Identity and creation time.
    Identity(Uuid, String),
    /// When it was created, to the millisecond.
    Creation(String),
    /// That it is younger than the drill.
    Age,
}

/// What a server has of a leftover.
#[derive(Clone, Debug, PartialEq)]
pub enum LeftoverSeen {
    NotThere,
    /// It is not there yet: a statement of the drill outlives its connection.
    AtWork {
        session_id: i64,
    },
    /// It is what the drill made.
    Ours(Identity),
    /// Somebody else's database has this name.
    NotOurs(Identity),
}

/// What became of a leftover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    Dropped,
    /// There was none.
    NotThere,
}

/// Why a leftover was not dropped.
#[derive(Debug, thiserror::Error)]
pub enum ClearError {
    /// A database of that name is there, and it is not what the drill made.
    #[error("the database is not the copy that this drill made: {copy}")]
    NotOurs { copy: String },
    /// What it would leave is not there yet.
    #[error("session {session_id} still restores it: {copy}")]
    AtWork { copy: String, session_id: i64 },
    #[error("the drill ran on {expected}, and this is {found}")]
    OtherServer { expected: String, found: String },
    #[error(transparent)]
    Drop(#[from] DropError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// The drills in a folder of journals that may have left a copy, the oldest first. Asks no server.
pub fn leftovers(runs_folder: &Path) -> Vec<Leftover> {
    journals_in(runs_folder)
        .into_iter()
        .filter_map(|file| {
            let content = read_journal(&file).ok()?;
            Leftover::of_journal(file, &content)
        })
        .collect()
}

/// Looks what the server has of a leftover.
pub async fn look_at_leftover(
    gateway: &dyn Gateway,
    leftover: &Leftover,
) -> Result<LeftoverSeen, ServerError> {
    let mut connection = gateway.connect().await?;
    see(connection.as_mut(), leftover).await
}

async fn see(
    connection: &mut dyn Connection,
    leftover: &Leftover,
) -> Result<LeftoverSeen, ServerError> {
    // In this order: what is at work first is there afterwards, or is seen at work.
    let at_work = at_work(connection, &leftover.copy).await?;
    Ok(
        match (read_identity(connection, &leftover.copy).await?, at_work) {
            (Some(identity), _) if leftover.is_ours(&identity) => LeftoverSeen::Ours(identity),
            (Some(identity), _) => LeftoverSeen::NotOurs(identity),
            (None, AtWork::Session(session_id)) => LeftoverSeen::AtWork { session_id },
            (None, AtWork::Nobody | AtWork::NotTold) => LeftoverSeen::NotThere,
        },
    )
}

/// Drops a leftover after its proof was looked at again, and closes its journal.
pub async fn clear_leftover(
    gateway: &dyn Gateway,
    leftover: &Leftover,
    now: fn() -> UtcTime,
) -> Result<Cleared, ClearError> {
    let cleared = drop_what_is_left(gateway, leftover, now).await?;
    if cleared == Cleared::NotThere {
        note_dropped(leftover, now)?;
    }
    let (mut journal, _) = Journal::reopen(&leftover.journal)?;
    journal.write(
        stamp(now),
        Record::CopyDropped {
            database: leftover.copy.clone(),
        },
    )?;
    journal.write(
        stamp(now),
        Record::End {
            end: "cancelled".to_owned(),
            state: format!("{} is not there", leftover.copy),
        },
    )?;
    Ok(cleared)
}

pub(super) async fn drop_what_is_left(
    gateway: &dyn Gateway,
    leftover: &Leftover,
    now: fn() -> UtcTime,
) -> Result<Cleared, ClearError> {
    let mut connection = gateway.connect().await?;
    if !leftover.server.is_empty() {
        let answer = ask(connection.as_mut(), &tsql::server_facts()).await?;
        let found = answer
            .first()
            .and_then(|row| row.text("server_name"))
            .unwrap_or_default();
        if found != leftover.server {
            return Err(ClearError::OtherServer {
                expected: leftover.server.clone(),
                found,
            });
        }
    }
    let copy = leftover.copy.clone();
    let identity = match see(connection.as_mut(), leftover).await? {
        LeftoverSeen::Ours(identity) => identity,
        LeftoverSeen::NotThere => return Ok(Cleared::NotThere),
        LeftoverSeen::NotOurs(_) => return Err(ClearError::NotOurs { copy }),
        LeftoverSeen::AtWork { session_id } => {
            return Err(ClearError::AtWork { copy, session_id });
        }
    };
    let facts = ServerFacts {
        server_name: Some(leftover.server.clone()).filter(|name| !name.is_empty()),
        tail_file: None,
    };
    let script = match (&leftover.proof, identity.database_guid) {
        (Proof::Identity(..), Some(_)) => {
            drop(connection);
            drop_copy(gateway, &leftover.restore_journal, now).await?;
            return Ok(Cleared::Dropped);
        }
        (Proof::Creation(create_date), Some(guid)) => {
            tsql::drop_copy_script(&leftover.copy, guid, create_date, &facts)
        }
        // A database that is not open tells no identity.
        _ => tsql::drop_unfinished_script(&leftover.copy, &identity.create_date, &facts),
    };
    for batch in &script.batches {
        ask(connection.as_mut(), batch).await?;
    }
    note_dropped(leftover, now)?;
    Ok(Cleared::Dropped)
}

/// The journal of the restore tells it as well, so that nobody is asked to go on with it.
fn note_dropped(leftover: &Leftover, now: fn() -> UtcTime) -> Result<(), JournalError> {
    // A drill that died before its restore began has none.
    if !leftover.restore_journal.exists() {
        return Ok(());
    }
    let (mut journal, _) = Journal::reopen(&leftover.restore_journal)?;
    journal.write(
        stamp(now),
        Record::CopyDropped {
            database: leftover.copy.clone(),
        },
    )
}

impl Leftover {
    /// From the journals of a drill that is not known to have dropped its copy.
    fn of_journal(file: PathBuf, content: &JournalContent) -> Option<Self> {
        let first = content.entries.first()?;
        let Record::Begin {
            run,
            server,
            source_database,
            target_database,
            ..
        } = &first.record
        else {
            return None;
        };
        let mut plan: Option<&DrillPlan> = None;
        for entry in &content.entries {
            match &entry.record {
                Record::DrillBegun { drill } => plan = Some(drill),
                Record::CopyDropped { .. } => return None,
                _ => {}
            }
        }
        let plan = plan?;
        let folder = file.parent()?.parent()?.to_owned();
        let restore_journal = journal_path(&folder, &RunId(plan.restore_run.clone()));
        let mut leftover = Self {
            drill: RunId(run.clone()),
            journal: file,
            restore_journal,
            server: server.clone(),
            database: source_database.clone(),
            copy: target_database.clone(),
            began_at: first.at.clone(),
            proof: Proof::Age,
            server_clock: plan.server_clock.clone(),
        };
        leftover.learn(content);
        if let Ok(restore) = read_journal(&leftover.restore_journal) {
            if restore
                .entries
                .iter()
                .any(|entry| matches!(entry.record, Record::CopyDropped { .. }))
            {
                return None;
            }
            leftover.learn(&restore);
        }
        Some(leftover)
    }

    /// The same for a drill that has just measured and has not dropped yet.
    pub(super) fn of_running(
        drill: &RunId,
        report: &RunReport,
        plan: &DrillPlan,
        restore_journal: &Path,
        journal: &Path,
    ) -> Result<Self, JournalError> {
        let mut leftover = Self {
            drill: drill.clone(),
            journal: journal.to_owned(),
            restore_journal: restore_journal.to_owned(),
            server: report.server.clone(),
            database: report.plan.database.clone(),
            copy: report.target_database.clone(),
            began_at: String::new(),
            proof: Proof::Age,
            server_clock: plan.server_clock.clone(),
        };
        leftover.learn(&read_journal(restore_journal)?);
        if let Some((guid, create_date)) = &report.copy {
            leftover.proof = Proof::Identity(*guid, create_date.clone());
        }
        Ok(leftover)
    }

    /// Takes the proof that a journal holds: of a creation first, of an identity after the recovery.
    fn learn(&mut self, content: &JournalContent) {
        for entry in &content.entries {
            match &entry.record {
                Record::CopyBegun { create_date, .. } => {
                    self.proof = Proof::Creation(create_date.clone());
                }
                Record::CopyCreated {
                    database_guid,
                    create_date,
                    ..
                } => self.proof = Proof::Identity(*database_guid, create_date.clone()),
                _ => {}
            }
        }
    }

    /// Whether a database of this name is the copy that the drill made.
    fn is_ours(&self, identity: &Identity) -> bool {
        match (&self.proof, identity.database_guid) {
            (Proof::Identity(guid, create_date), Some(found)) => {
                *guid == found && *create_date == identity.create_date
            }
            (Proof::Identity(_, create_date) | Proof::Creation(create_date), _) => {
                *create_date == identity.create_date
            }
            // ISO 8601 of one length compares as text.
            (Proof::Age, _) => {
                identity.restoring
                    && !self.server_clock.is_empty()
                    && identity
                        .create_date
                        .get(..19)
                        .unwrap_or(&identity.create_date)
                        >= self.server_clock.get(..19).unwrap_or(&self.server_clock)
            }
        }
    }
}
