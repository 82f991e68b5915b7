//! Going on with a run that was interrupted: what the journal says, what the server says, and what is possible.
//!
//! Where a run stands is read from the server; the journal tells what was meant. A step that was in flight counts as done
//! only when the database shows that it was. So it does not matter how a run was interrupted, or how often.

use super::{
    journal::{JournalError, Record, iso_time},
    owed::Owed,
    record::RunRecord,
    remains::{Remains, owes_job},
    report::{RunReport, TargetState, Who},
    restore::{
        Carried, Lock, RestoreJob, ServerJobState, Surroundings, go_on, put_back_batch,
        server_job_state, state_of, state_words, take_lock,
    },
    runbook::{Action, Runbook},
    stored::StoredRun,
    target::{AtWork, TargetFacts, at_work, read_target},
};
use crate::{
    domain::{BackupType, History, Start, Target},
    server::{Connection, ServerError, ask},
    tsql::{self, BatchKind, Purpose, RestoreOptions, Script, ServerFacts},
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A way on that is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeHow {
    /// The steps that are left, as they were planned.
    Continue,
    /// The logs that are left, to this moment; `None` is the moment of the run.
    TakeLogs { to: Option<Target> },
    /// Online with what was restored so far.
    RecoverNow,
    /// From the full backup again; a tail that was saved is kept and used.
    StartOver,
    /// What the run took is given back, what it left unfinished is dropped, and it is closed.
    Abandon,
}

impl ResumeHow {
    /// The word of the command line and of journals.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::TakeLogs { .. } => "take-logs",
            Self::RecoverNow => "recover",
            Self::StartOver => "start-over",
            Self::Abandon => "abandon",
        }
    }
}

/// Where an interrupted run stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub target: String,
    pub state: TargetState,
    /// Title of the step that ran when the run was interrupted.
    pub in_flight: Option<String>,
    /// That step did its work, though nobody heard it.
    pub in_flight_done: bool,
    /// Title of the step with which *continue* begins.
    pub next: Option<String>,
    /// Where the tail lies.
    pub tail_file: Option<String>,
    /// A session that still backs up or restores the target.
    pub still_running: Option<i64>,
    /// Sessions in a database that was closed to others, or stands in the way.
    pub in_the_way: Vec<i64>,
    /// A database of that name is there, and it is not what this run made.
    pub is_anothers: bool,
    /// Somebody else recovered it before the run had restored everything.
    pub opened_by_others: bool,
    /// The login sees no sessions but its own, so nobody knows whether another one works on it.
    pub others_hidden: bool,
    /// The run leaves it readable between two logs.
    pub stays_readable: bool,
    /// The Agent job that restores, or did: it is still on the server.
    pub server_job: Option<ServerJobSeen>,
    pub owed: Vec<Owed>,
    /// What is possible, the most likely first.
    pub offers: Vec<ResumeHow>,
}

/// The Agent job of a run as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerJobSeen {
    pub name: String,
    /// It is at work; what it has in hand cannot be told from outside, so nothing else may be done.
    pub runs: bool,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Its journal has no plan: it is no restore, or was written by an older version.
    #[error("the journal has nothing to go on with")]
    NothingToGoOnWith,
    /// The way was not offered in the state that the database has now.
    #[error("this is not possible where the run stands ({})", .0.word())]
    NotOffered(ResumeHow),
    /// The server is another than the one of the run.
    #[error("the run is of server {expected}, and this is {found}")]
    OtherServer { expected: String, found: String },
    /// Another run has the application lock of the target.
    #[error("another run holds the lock of {database}")]
    LockHeld { database: String },
    /// No logs lead from where the database stands to the moment.
    #[error("no logs lead there from where the database stands")]
    NoWayThere,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// Reads where a run stands. Changes nothing.
pub async fn assess(
    connection: &mut dyn Connection,
    record: &RunRecord,
) -> Result<Standing, ServerError> {
    let target = record.target_database.clone();
    let facts = read_target(connection, &target).await?;
    let at_work = at_work(connection, &target).await?;
    let in_the_way = match ask(connection, &tsql::sessions_in(&target)).await {
        Ok(answer) => answer
            .rows()
            .iter()
            .filter_map(|row| row.int("session_id"))
            .collect(),
        Err(ServerError::Refused { .. }) => Vec::new(),
        Err(other) => return Err(other),
    };
    let server_job = match &record.server_job {
        Some((job_id, name)) => match server_job_state(connection, *job_id).await {
            Ok(ServerJobState::Gone) => None,
            Ok(state) => Some(ServerJobSeen {
                name: name.clone(),
                runs: matches!(state, ServerJobState::Runs | ServerJobState::Left),
            }),
            // Without the permission nobody knows.
            Err(ServerError::Refused { .. }) => None,
            Err(other) => return Err(other),
        },
        None => None,
    };
    Ok(standing(
        record,
        facts.as_ref(),
        Others {
            at_work,
            in_the_way,
            server_job,
        },
    ))
}

/// Who else works on the target.
struct Others {
    at_work: AtWork,
    in_the_way: Vec<i64>,
    server_job: Option<ServerJobSeen>,
}

/// The same as a function of what was read.
fn standing(record: &RunRecord, facts: Option<&TargetFacts>, others: Others) -> Standing {
    let Others {
        at_work,
        in_the_way,
        server_job,
    } = others;
    let still_running = match at_work {
        AtWork::Session(session) => Some(session),
        AtWork::Nobody | AtWork::NotTold => None,
    };
    let others_hidden = at_work == AtWork::NotTold;
    let at_work = still_running.is_some() || server_job.as_ref().is_some_and(|job| job.runs);
    let is_copy = record.target_database != record.source_database;
    let is_anothers = is_copy && facts.is_some_and(|facts| !made_by(record, facts));
    let job = record
        .plan
        .as_ref()
        .and_then(|plan| plan.job(record.id.clone(), Who::default(), empty_history()));
    let prepared = job.map(|mut job| {
        let remains = Remains::of(record, &mut job, facts);
        (job, remains)
    });
    let in_flight = record.in_flight().map(|step| step.title.clone());
    let stays_readable = matches!(&prepared, Some((job, _)) if job.choices.standby.is_some());
    // What came to its end in standby has nothing left to do.
    let has_ended = record.is_readable() && facts.is_some_and(|facts| facts.standby);
    let (next, in_flight_done) = match &prepared {
        Some((_, remains)) => (
            remains.next_title().filter(|_| !has_ended),
            in_flight
                .as_ref()
                .is_some_and(|title| remains.is_done(title)),
        ),
        None => (None, false),
    };
    let opened_by_others =
        !is_anothers && matches!(&prepared, Some((_, remains)) if remains.opened_by_others);
    let mut offers = Vec::new();
    if let Some((job, remains)) = &prepared
        && !is_anothers
        && !opened_by_others
        && !at_work
    {
        let position = facts.and_then(|facts| facts.redo_start);
        let between = facts.is_some_and(TargetFacts::restoring);
        if next.is_some() {
            offers.push(ResumeHow::Continue);
        }
        if between && position.is_some() {
            if remains.n_restored > 0
                && job
                    .plan
                    .steps
                    .iter()
                    .any(|step| step.backup_type == BackupType::Log)
            {
                offers.push(ResumeHow::TakeLogs { to: None });
            }
            offers.push(ResumeHow::RecoverNow);
        }
        if between {
            offers.push(ResumeHow::StartOver);
        }
    }
    if !at_work {
        offers.push(ResumeHow::Abandon);
    }
    Standing {
        target: record.target_database.clone(),
        state: state_of(facts),
        in_flight,
        in_flight_done,
        next,
        tail_file: record.tail_file.clone(),
        still_running,
        in_the_way,
        is_anothers,
        opened_by_others,
        others_hidden,
        stays_readable,
        server_job,
        owed: record.owed.clone(),
        offers,
    }
}

/// Whether a copy is what the run made: by its journaled identity, or by the time of its creation (design §3.10).
fn made_by(record: &RunRecord, facts: &TargetFacts) -> bool {
    if let (Some((guid, _)), Some(found)) = (&record.copy, facts.database_guid) {
        return *guid == found;
    }
    record.created.as_ref() == Some(&facts.create_date)
}

fn empty_history() -> History {
    History::from_records(crate::domain::HistoryRecords::default()).0
}

/// Goes on with a run in its own journal.
pub async fn resume(
    record: &RunRecord,
    how: &ResumeHow,
    history: History,
    who: Who,
    surroundings: Surroundings<'_>,
) -> Result<Option<RunReport>, ResumeError> {
    let stored = record.plan.as_ref().ok_or(ResumeError::NothingToGoOnWith)?;
    let mut connection = surroundings.gateway.connect().await?;
    check_server(connection.as_mut(), stored.server_name()).await?;
    // Whoever has the lock decides; what is read after this stays true.
    let lock = take_lock(connection.as_mut(), &record.target_database).await?;
    if matches!(lock, Lock::Held) {
        return Err(ResumeError::LockHeld {
            database: record.target_database.clone(),
        });
    }
    let facts = read_target(connection.as_mut(), &record.target_database).await?;
    let now_standing = assess(connection.as_mut(), record).await?;
    let offered = now_standing
        .offers
        .iter()
        .any(|offer| offer.word() == how.word());
    if !offered {
        return Err(ResumeError::NotOffered(how.clone()));
    }
    if let Some((job_id, _)) = &record.server_job {
        remove_left_job(connection.as_mut(), *job_id).await?;
    }
    let mut job = stored
        .job(record.id.clone(), who.clone(), history)
        .ok_or(ResumeError::NothingToGoOnWith)?;
    let mut restored = facts.as_ref().is_some_and(TargetFacts::restoring);
    let (runbook, done) = match how {
        ResumeHow::Continue => {
            let Remains {
                runbook,
                done,
                recovered,
                ..
            } = Remains::of(record, &mut job, facts.as_ref());
            restored |= recovered;
            (runbook, done)
        }
        ResumeHow::StartOver => {
            let mut fresh = facts.clone().unwrap_or_default();
            fresh.redo_start = None;
            let Remains { runbook, done, .. } = Remains::of(record, &mut job, Some(&fresh));
            (runbook, done)
        }
        ResumeHow::RecoverNow => {
            if record.is_readable() {
                // It stands at its moment: nothing of its plan is left.
                job.plan.steps.clear();
            } else {
                // The run is then about what is there, not about its moment.
                job.plan.target = Target::Latest;
            }
            job.choices.standby = None;
            let script = tsql::recover_script(&record.target_database, &job.facts);
            around_restored(record, &mut job, script)
        }
        ResumeHow::TakeLogs { to } => {
            take_logs(&mut job, *to, facts.as_ref())?;
            let options = RestoreOptions {
                restricted_user: job.choices.restricted_user,
                standby: job.choices.standby.clone(),
                ..RestoreOptions::default()
            };
            let script = tsql::restore_script_with(&job.plan, &job.facts, &options);
            around_restored(record, &mut job, script)
        }
        ResumeHow::Abandon => {
            let facts = job.facts;
            abandon(
                record,
                &who,
                &now_standing,
                &facts,
                connection,
                surroundings,
            )
            .await?;
            return Ok(None);
        }
    };
    let mut surroundings = surroundings;
    let Surroundings { journal, now, .. } = &mut surroundings;
    journal.write(
        iso_time(now()),
        Record::Resumed {
            how: how.word().to_owned(),
            state: state_words(&now_standing.state, &record.target_database),
            steps: runbook.titles(),
            done: done.iter().copied().collect(),
            who,
        },
    )?;
    if matches!(how, ResumeHow::TakeLogs { .. }) {
        // Interrupted again, the run goes on to the moment that was chosen now.
        let plan = Box::new(StoredRun::of(&job));
        journal.write(iso_time(now()), Record::Plan { plan })?;
    }
    let carried = Carried {
        touched: facts.is_some(),
        restored,
        owed: record.owed.clone(),
        locked: (connection, lock),
    };
    Ok(Some(
        go_on(job, runbook, done, carried, surroundings).await?,
    ))
}

async fn check_server(
    connection: &mut dyn Connection,
    expected: Option<&str>,
) -> Result<(), ResumeError> {
    let Some(expected) = expected.filter(|name| !name.is_empty()) else {
        return Ok(());
    };
    let answer = ask(connection, &tsql::server_facts()).await?;
    let found = answer
        .first()
        .and_then(|row| row.text("server_name"))
        .unwrap_or_default();
    if found == expected {
        Ok(())
    } else {
        Err(ResumeError::OtherServer {
            expected: expected.to_owned(),
            found,
        })
    }
}

/// A job that was stopped in the middle does not remove itself.
async fn remove_left_job(connection: &mut dyn Connection, job_id: Uuid) -> Result<(), ResumeError> {
    let mut batch = tsql::remove_once_job(job_id);
    batch.kind = BatchKind::Restore;
    match ask(connection, &batch).await {
        // Mostly it is gone, or its removal is not allowed: it does nothing more either way.
        Err(error @ ServerError::Refused { .. }) => {
            tracing::debug!(?error, "the job of an interrupted run");
            Ok(())
        }
        other => Ok(other.map(|_| ())?),
    }
}

/// A runbook whose restores are a script of their own: what came before them is done.
fn around_restored(
    record: &RunRecord,
    job: &mut RestoreJob,
    mut script: Script,
) -> (Runbook, BTreeSet<usize>) {
    // What the server ran by itself goes on step by step, from where it came to.
    job.choices.on_server = None;
    if let Some(over) = job.choices.restore_options(None).over
        && !script
            .batches
            .iter()
            .any(|batch| batch.purpose == Purpose::GiveBackAccess)
    {
        let back = tsql::give_back_script(&record.target_database, &job.facts, &over);
        script.batches.extend(back.batches);
    }
    let runbook = Runbook::around(&job.plan, &job.facts, &job.choices, script);
    let done = runbook
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| match &step.action {
            Action::Hook(_) | Action::ByHand => record.was_done(&step.title),
            Action::Sql(batch) => match &batch.purpose {
                Purpose::PauseJob { .. } => true,
                Purpose::StartJob { name } => !owes_job(record, name),
                _ => false,
            },
            Action::LookBefore | Action::Verify | Action::OnServer(_) => false,
        })
        .map(|(idx, _)| idx)
        .collect();
    (runbook, done)
}

/// The plan from where the database stands, to a moment.
fn take_logs(
    job: &mut RestoreJob,
    to: Option<Target>,
    facts: Option<&TargetFacts>,
) -> Result<(), ResumeError> {
    let state = facts.and_then(TargetFacts::restoring_state);
    let mut request = job.request.clone();
    request.target = to.unwrap_or(job.plan.target);
    request.start = Start::Restoring(Box::new(state.ok_or(ResumeError::NoWayThere)?));
    let history = job
        .history
        .database(&job.plan.database)
        .ok_or(ResumeError::NoWayThere)?;
    let plan =
        crate::domain::plan(&history, &request).map_err(|_refusal| ResumeError::NoWayThere)?;
    if !crate::domain::is_proved(&crate::domain::check(&plan, &history)) {
        return Err(ResumeError::NoWayThere);
    }
    job.request = request;
    job.plan = plan;
    Ok(())
}

/// Gives back, drops what is unfinished, and closes the run.
async fn abandon(
    record: &RunRecord,
    who: &Who,
    standing: &Standing,
    facts: &ServerFacts,
    mut connection: Box<dyn Connection>,
    surroundings: Surroundings<'_>,
) -> Result<(), ResumeError> {
    let Surroundings {
        mut journal, now, ..
    } = surroundings;
    let mut note = |record| journal.write(iso_time(now()), record);
    note(Record::Resumed {
        how: ResumeHow::Abandon.word().to_owned(),
        state: state_words(&standing.state, &record.target_database),
        steps: Vec::new(),
        done: Vec::new(),
        who: who.clone(),
    })?;
    let is_copy = matches!(record.plan.as_ref().map(|plan| plan.is_copy()), Some(true));
    let between = matches!(
        standing.state,
        TargetState::Restoring | TargetState::Standby
    );
    let mut state = standing.state.clone();
    if let Some(created) = &record.created
        && is_copy
        && between
        && !standing.is_anothers
    {
        let script = tsql::drop_unfinished_script(&record.target_database, created, facts);
        for batch in &script.batches {
            ask(connection.as_mut(), batch).await?;
        }
        note(Record::CopyDropped {
            database: record.target_database.clone(),
        })?;
        state = TargetState::NotThere;
    }
    let online = standing.state == TargetState::Online;
    for owed in &record.owed {
        if let Some(batch) = put_back_batch(owed, facts).filter(|_| owed.can_be_put_back(online)) {
            ask(connection.as_mut(), &batch).await?;
            note(Record::Settled { owed: owed.clone() })?;
        }
    }
    note(Record::End {
        end: "abandoned".to_owned(),
        state: state_words(&state, &record.target_database),
    })?;
    Ok(())
}
