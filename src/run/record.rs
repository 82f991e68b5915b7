//! A run as its journal tells it, with nothing else at hand.

use super::{
    journal::{Entry, JournalContent, JournalError, Record, hash, journals_in, read_journal},
    measured::time_of,
    owed::Owed,
    report::{RunId, RunKind, StepFacts, TableCount, Verification, Who},
    restore::target_word,
    stored::StoredRun,
};
use crate::domain::{Removed, UtcTime};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Borrow,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// A run as it was journaled.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    pub id: RunId,
    pub path: PathBuf,
    pub kind: RunKind,
    /// Who began it.
    pub who: Who,
    /// The own clock when it began, UTC, ISO 8601.
    pub began_at: String,
    /// The own clock of the last record.
    pub last_at: String,
    /// The own clock when it ended; what is noted later, as that its copy was dropped, is no part of it.
    pub ended_at: Option<String>,
    pub server: String,
    pub source_database: String,
    pub target_database: String,
    /// The moment asked for, on the server's clock, or `latest`.
    pub target: String,
    /// Titles of the steps, as they were planned last.
    pub titles: Vec<String>,
    /// Everything that was begun, in order, those of every attempt.
    pub steps: Vec<RecordedStep>,
    /// How often it went on after an interruption.
    pub n_resumed: usize,
    /// How it ended, and the state of the target in words; `None` when it was interrupted.
    pub end: Option<(String, String)>,
    pub owed: Vec<Owed>,
    /// The tail lies here and was read back.
    pub tail_file: Option<String>,
    /// The server's clock before anything was changed, ISO 8601.
    pub server_clock: Option<String>,
    /// When the copy was created that it restores: noted while the first set is.
    pub created: Option<String>,
    /// Identity of the copy that it created.
    pub copy: Option<(Uuid, String)>,
    pub copy_dropped: bool,
    /// Sets whose files retention deleted, and when.
    pub deleted: Vec<(Uuid, UtcTime)>,
    /// What a restore needs to go on; other runs have none.
    pub plan: Option<Box<StoredRun>>,
    /// The Agent job that restored on the server, where no journal sees each step: its id and name.
    pub server_job: Option<(Uuid, String)>,
    /// `database_guid` and recovery fork of the database that it goes over, before anything was restored.
    pub before: Option<(Option<Uuid>, Option<Uuid>)>,
    /// What was found after the restore.
    pub verification: Option<Box<RecordedVerification>>,
    /// The last line was torn.
    pub torn: bool,
    /// SHA-256 of the whole journal, lower-case hex.
    pub journal_hash: String,
}

/// What was found after a restore. Stored, so it changes by addition alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedVerification {
    pub state: String,
    pub access: Option<String>,
    pub schema_version: Option<String>,
    pub owner: Option<String>,
    pub orphaned_users: Vec<String>,
    pub tables: Vec<RecordedTable>,
    pub problems: Vec<String>,
}

/// Rows of one protected table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedTable {
    /// `schema.table`.
    pub table: String,
    /// In the restored database; `None` is not there.
    pub rows: Option<u64>,
    /// In the original at that time, from partition metadata.
    pub rows_original: Option<u64>,
}

impl From<&RecordedVerification> for Verification {
    /// What was found; the faults among it stand in the journal as words, with the step that they failed.
    fn from(recorded: &RecordedVerification) -> Self {
        let RecordedVerification {
            state,
            access,
            schema_version,
            owner,
            orphaned_users,
            tables,
            problems: _,
        } = recorded;
        Self {
            state: state.clone(),
            tables: tables
                .iter()
                .map(|table| TableCount {
                    table: table.table.clone(),
                    rows_copy: table.rows,
                    rows_original: table.rows_original,
                })
                .collect(),
            schema_version: schema_version.clone(),
            owner: owner.clone(),
            orphaned_users: orphaned_users.clone(),
            access: access.clone(),
            problems: Vec::new(),
        }
    }
}

impl From<&Verification> for RecordedVerification {
    fn from(verification: &Verification) -> Self {
        let Verification {
            state,
            tables,
            schema_version,
            owner,
            orphaned_users,
            access,
            problems,
        } = verification;
        Self {
            state: state.clone(),
            access: access.clone(),
            schema_version: schema_version.clone(),
            owner: owner.clone(),
            orphaned_users: orphaned_users.clone(),
            tables: tables
                .iter()
                .map(|table| RecordedTable {
                    table: table.table.clone(),
                    rows: table.rows_copy,
                    rows_original: table.rows_original,
                })
                .collect(),
            problems: problems.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A step, or a batch that became necessary, as it was journaled.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedStep {
    pub step: usize,
    pub title: String,
    pub sql: String,
    pub statement_hash: Option<String>,
    pub began_at: String,
    /// Its connection broke or it was cancelled, so nobody heard how it went.
    pub unheard: bool,
    /// `None` while it runs, or when the run was interrupted in it.
    pub end: Option<RecordedEnd>,
}

/// How a journaled step ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedEnd {
    /// `done`, `done_with_warning`, `skipped`, `failed` or `cancelled`.
    pub outcome: String,
    pub seconds: f64,
    pub words: Vec<String>,
    pub messages: Vec<String>,
    pub facts: StepFacts,
}

/// Reads a run from its journal; `None` when the journal does not begin with a beginning.
pub fn read_run(path: &Path) -> Result<Option<RunRecord>, JournalError> {
    Ok(RunRecord::of(path, &read_journal(path)?))
}

/// All runs of a folder, the newest first; a journal that cannot be read is an error of its own.
pub fn list_runs(folder: &Path) -> Vec<Result<RunRecord, JournalError>> {
    journals_in(folder)
        .iter()
        .rev()
        .filter_map(|path| read_run(path).transpose())
        .collect()
}

/// What retention deleted on one server, as these runs tell.
pub fn removed_on<R: Borrow<RunRecord>>(runs: &[R], server: &str) -> Removed {
    let mut removed = Removed::default();
    for run in runs.iter().map(Borrow::borrow) {
        if run.server == server {
            removed.extend(run.deleted.iter().copied());
        }
    }
    removed
}

impl RunRecord {
    /// The run that a journal tells; `None` when it does not begin with a beginning.
    pub fn of(path: &Path, content: &JournalContent) -> Option<Self> {
        let (first, rest) = content.entries.split_first()?;
        let Record::Begin {
            run,
            server,
            source_database,
            target_database,
            target,
            steps,
            run_kind,
            who,
            ..
        } = &first.record
        else {
            return None;
        };
        let mut found = Self {
            id: RunId(run.clone()),
            path: path.to_owned(),
            kind: *run_kind,
            who: who.clone(),
            began_at: first.at.clone(),
            last_at: first.at.clone(),
            ended_at: None,
            server: server.clone(),
            source_database: source_database.clone(),
            target_database: target_database.clone(),
            target: target.clone(),
            titles: steps.clone(),
            steps: Vec::new(),
            n_resumed: 0,
            end: None,
            owed: Vec::new(),
            tail_file: None,
            server_clock: None,
            created: None,
            copy: None,
            copy_dropped: false,
            deleted: Vec::new(),
            plan: None,
            server_job: None,
            before: None,
            verification: None,
            torn: content.torn,
            journal_hash: content.hash.clone(),
        };
        for entry in rest {
            found.take(entry);
        }
        Some(found)
    }

    fn take(&mut self, entry: &Entry) {
        self.last_at.clone_from(&entry.at);
        match &entry.record {
            Record::StepBegin {
                step,
                title,
                sql,
                statement_hash,
            } => self.steps.push(RecordedStep {
                step: *step,
                title: title.clone(),
                sql: sql.clone(),
                statement_hash: statement_hash.clone(),
                began_at: entry.at.clone(),
                unheard: false,
                end: None,
            }),
            Record::Unheard { step } => {
                if let Some(open) = self.open_step(*step) {
                    open.unheard = true;
                }
            }
            Record::StepEnd {
                step,
                outcome,
                seconds,
                words,
                messages,
                facts,
            } => {
                if let Some(open) = self.open_step(*step) {
                    open.end = Some(RecordedEnd {
                        outcome: outcome.clone(),
                        seconds: *seconds,
                        words: words.clone(),
                        messages: messages.clone(),
                        facts: facts.clone(),
                    });
                }
            }
            Record::Plan { plan } => {
                // Taking logs to another moment gives the run that moment.
                if let Some(target) = plan.target().filter(|_| self.n_resumed > 0) {
                    self.target = target_word(target);
                }
                self.plan = Some(plan.clone());
            }
            Record::ServerClock { server_time } => {
                // The first one counts: what was there before the run began is not its own.
                self.server_clock.get_or_insert_with(|| server_time.clone());
            }
            Record::Verified { found } => self.verification = Some(found.clone()),
            Record::TailSaved { file } => self.tail_file = Some(file.clone()),
            Record::Owed { owed } => self.owed.push(owed.clone()),
            Record::Settled { owed } => self.owed.retain(|other| other != owed),
            Record::Resumed { steps, .. } => {
                self.n_resumed += 1;
                self.end = None;
                self.ended_at = None;
                self.titles.clone_from(steps);
            }
            Record::CopyCreated {
                database_guid,
                create_date,
                ..
            } => self.copy = Some((*database_guid, create_date.clone())),
            Record::CopyBegun { create_date, .. } => self.created = Some(create_date.clone()),
            Record::CopyDropped { .. } => self.copy_dropped = true,
            Record::FileDeleted { file: _, sets } => {
                let at = time_of(&entry.at);
                self.deleted
                    .extend(sets.iter().filter_map(|set| Some((*set, at?))));
            }
            Record::End { end, state } => {
                self.end = Some((end.clone(), state.clone()));
                self.ended_at = Some(entry.at.clone());
            }
            Record::ServerJob { job_id, name } => self.server_job = Some((*job_id, name.clone())),
            Record::Before {
                database_guid,
                recovery_fork,
            } => self.before = Some((*database_guid, *recovery_fork)),
            // What drills and rehearsals note is read by `measured`.
            Record::Begin { .. }
            | Record::Waits { .. }
            | Record::DrillBegun { .. }
            | Record::DrillMeasured { .. }
            | Record::Rehearsed { .. }
            | Record::AzureOrder { .. }
            | Record::Unknown => {}
        }
    }

    fn open_step(&mut self, step: usize) -> Option<&mut RecordedStep> {
        self.steps
            .iter_mut()
            .rev()
            .find(|known| known.step == step && known.end.is_none())
    }

    /// SHA-256 over every statement and program line in the order in which they were sent.
    pub fn script_hash(&self) -> String {
        let all: Vec<&str> = self
            .steps
            .iter()
            .map(|step| step.sql.as_str())
            .filter(|sql| !sql.is_empty())
            .collect();
        hash(&all.join("\n"))
    }

    /// The step that ran when the journal broke off.
    pub fn in_flight(&self) -> Option<&RecordedStep> {
        self.steps
            .last()
            .filter(|step| step.end.is_none() && self.end.is_none())
    }

    /// Whether a step of this title was done, in whatever attempt.
    pub fn was_done(&self, title: &str) -> bool {
        self.steps
            .iter()
            .any(|step| step.title == title && step.done())
    }

    /// Whether a step of this title was begun, in whatever attempt.
    pub fn was_begun(&self, title: &str) -> bool {
        self.steps.iter().any(|step| step.title == title)
    }

    /// Whether somebody should look at it: it was interrupted, left the target between two states, or owes something.
    pub fn is_unfinished(&self) -> bool {
        match &self.end {
            // Nothing is left of it.
            _ if self.copy_dropped && self.owed.is_empty() => false,
            None => true,
            Some((end, _)) => {
                matches!(end.as_str(), "restoring" | "standby")
                    || !self.owed.is_empty()
                    || self.may_go_on(end)
            }
        }
    }

    /// It came to its end and left the target readable, to be gone on with when somebody wants to.
    pub fn is_readable(&self) -> bool {
        matches!(&self.end, Some((end, _)) if end == "standby")
    }

    /// A restore that stopped where its user may want to go on.
    fn may_go_on(&self, end: &str) -> bool {
        self.plan.is_some() && end == "cancelled" && self.steps.len() > 1
    }
}

impl RecordedStep {
    /// It did its work, with or without a reservation.
    pub fn done(&self) -> bool {
        self.end
            .as_ref()
            .is_some_and(|end| matches!(end.outcome.as_str(), "done" | "done_with_warning"))
    }

    /// It did its work, or nobody heard that it did not.
    pub fn may_have_worked(&self) -> bool {
        self.done() || self.unheard || self.end.is_none()
    }
}
