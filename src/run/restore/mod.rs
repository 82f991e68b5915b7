//! Carrying out a runbook, step by step, so that it ends in a state that has a name.

mod arrive;
mod engine;
mod lock;
mod own;
mod send;
mod server_job;
mod tail;

use super::{
    choices::RunChoices,
    control::{Commands, Waiting},
    journal::{FORMAT, Journal, JournalError, Record},
    owed::Owed,
    report::{RunEnd, RunId, RunReport, StepReport, TargetState, Who},
    runbook::Runbook,
    stored::StoredRun,
    verify::Expectations,
};
use crate::{
    domain::{History, RestorePlan, RestoreRequest, Target, UtcTime},
    server::{Connection, Gateway},
    tsql::{Script, ServerFacts},
};
pub(super) use arrive::{put_back_batch, state_of};
use engine::{Run, Start};
pub(super) use lock::{Lock, take_lock};
pub(super) use send::next_reading;
pub(super) use server_job::{ServerJobState, server_job_state};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// A restore that is about to run.
#[derive(Clone, Debug)]
pub struct RestoreJob {
    pub run: RunId,
    pub plan: RestorePlan,
    pub request: RestoreRequest,
    /// What the plan was made from: it is judged once more, and planned again when a tail comes to it.
    pub history: History,
    pub facts: ServerFacts,
    pub choices: RunChoices,
    pub expected: Expectations,
    /// The server's offset now.
    pub utc_offset_minutes: i32,
    pub who: Who,
}

impl RestoreJob {
    /// Everything that will be done.
    pub fn runbook(&self) -> Runbook {
        Runbook::of(&self.plan, &self.facts, &self.choices)
    }
}

/// What a run tells while it goes on.
#[derive(Clone, Debug)]
pub enum RunEvent {
    Started {
        script: Script,
        /// Titles of all steps: the looks before and after, the batches, what the application's owners want.
        steps: Vec<String>,
        runbook: Runbook,
        /// The plan that it carries out: another than at first when only logs are left.
        plan: Box<RestorePlan>,
    },
    StepBegan {
        step: usize,
    },
    Progress(RunProgress),
    Message {
        at: UtcTime,
        text: String,
    },
    StepEnded {
        step: usize,
        report: Box<StepReport>,
    },
    /// Nothing goes on until somebody answers.
    Waiting {
        step: usize,
        why: Waiting,
    },
    /// The answer came.
    WentOn,
    /// The steps from this one on are others than before: the tail goes to another place.
    Changed {
        step: usize,
        runbook: Runbook,
    },
    /// Everything that has to be put back, as it stands now.
    Owes(Vec<Owed>),
}

/// The running step.
#[derive(Clone, Debug, PartialEq)]
pub struct RunProgress {
    pub step: usize,
    pub elapsed_secs: f64,
    /// From `dm_exec_requests`, 0–100; `None` without permission for it.
    pub percent: Option<f32>,
    pub remaining_secs: Option<f64>,
}

/// What a run needs from outside.
pub struct Surroundings<'a> {
    pub gateway: &'a dyn Gateway,
    pub journal: Journal,
    pub tell: &'a (dyn Fn(RunEvent) + Send + Sync),
    pub cancel: &'a CancellationToken,
    pub commands: Commands,
    /// The own clock.
    pub now: fn() -> UtcTime,
}

/// Runs a restore to its end. Only a journal that cannot be written is an error: everything else is a report.
pub async fn run_restore(
    job: RestoreJob,
    surroundings: Surroundings<'_>,
) -> Result<RunReport, JournalError> {
    let runbook = job.runbook();
    let mut run = Run::new(job, runbook, surroundings, Start::default());
    run.note(Record::Begin {
        format: FORMAT.to_owned(),
        run: run.job.run.0.clone(),
        server: run.job.facts.server_name.clone().unwrap_or_default(),
        source_database: run.job.plan.database.clone(),
        target_database: run.target.clone(),
        target: target_word(run.job.plan.target),
        steps: run.runbook.titles(),
        run_kind: run.runbook.kind,
        who: run.job.who.clone(),
    })?;
    let stored = StoredRun::of(&run.job);
    run.note(Record::Plan {
        plan: Box::new(stored),
    })?;
    run.carry_out().await
}

/// Goes on with a run in the same journal: the steps in `done` are passed over.
pub(super) async fn go_on(
    job: RestoreJob,
    runbook: Runbook,
    done: BTreeSet<usize>,
    state: Carried,
    surroundings: Surroundings<'_>,
) -> Result<RunReport, JournalError> {
    let start = Start {
        done,
        carried: Some(state),
    };
    Run::new(job, runbook, surroundings, start)
        .carry_out()
        .await
}

/// What a run takes over from the part of it that was interrupted.
pub(super) struct Carried {
    /// A statement was sent that may have changed the target.
    pub(super) touched: bool,
    /// Something was restored, or may have been.
    pub(super) restored: bool,
    pub(super) owed: Vec<Owed>,
    /// The connection that has the lock of the target: it was taken before it was decided how to go on.
    pub(super) locked: (Box<dyn Connection>, Lock),
}

/// The moment asked for as a journal has it.
pub(super) fn target_word(target: Target) -> String {
    match target {
        Target::At(moment) => moment.server.to_string(),
        Target::Mark(mark) => format!("mark of {}", mark.at.server),
        Target::Latest => "latest".to_owned(),
    }
}

/// The state of the target as a journal has it.
pub(super) fn state_words(state: &TargetState, target: &str) -> String {
    match state {
        TargetState::NotThere => format!("{target} is not there"),
        TargetState::NotTouched => format!("{target} was not touched"),
        TargetState::Online => format!("{target} is ONLINE"),
        TargetState::Restoring => format!("{target} is RESTORING"),
        TargetState::Standby => format!("{target} is in standby"),
        TargetState::Other(state) => format!("{target} is {state}"),
        TargetState::Unknown(error) => format!("the state of {target} cannot be read: {error}"),
    }
}

pub(super) fn seconds_between(from: UtcTime, to: UtcTime) -> f64 {
    (to.0 - from.0).num_microseconds().unwrap_or_default() as f64 / 1e6
}

/// How a run ended, before it is written down.
pub(super) type End = (RunEnd, TargetState);
