//! Running the script of a plan, step by step, so that it ends in a state that has a name.

mod arrive;

use super::{
    failure::{StepFailure, StepSkip},
    journal::{Journal, JournalError, Record},
    preflight::{PreflightVerdict, preflight},
    report::{Outcome, RunEnd, RunId, RunKind, RunReport, StepFacts, StepReport, TargetState, Who},
    verify::Expectations,
    watch::Watch,
};
use crate::{
    domain::{
        self, BackupType, Destination, History, RestorePlan, RestoreRequest, Target, UtcTime,
    },
    server::{Answer, Connection, Gateway, ServerError, ask},
    tsql::{self, Batch, Purpose, Script, ServerFacts},
};
use tokio::sync::mpsc;
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
    pub expected: Expectations,
    /// The server's offset now.
    pub utc_offset_minutes: i32,
    pub who: Who,
}

/// What a run tells while it goes on.
#[derive(Clone, Debug)]
pub enum RunEvent {
    Started {
        script: Script,
        /// Titles of all steps: the look before, the batches, the look after.
        steps: Vec<String>,
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
    /// The own clock.
    pub now: fn() -> UtcTime,
}

/// Title of the first step.
const LOOK_BEFORE: &str = "Check that nothing has changed";
/// Title of the last step.
const LOOK_AFTER: &str = "Verify the copy";

/// Runs a restore to its end. Only a journal that cannot be written is an error: everything else is a report.
pub async fn run_restore(
    job: RestoreJob,
    surroundings: Surroundings<'_>,
) -> Result<RunReport, JournalError> {
    let script = tsql::restore_script(&job.plan, &job.facts);
    let started = (surroundings.now)();
    let mut steps = vec![LOOK_BEFORE.to_owned()];
    steps.extend(script.batches.iter().map(|batch| batch.title.clone()));
    steps.push(LOOK_AFTER.to_owned());
    let Surroundings {
        gateway,
        journal,
        tell,
        cancel,
        now,
    } = surroundings;
    let mut run = Run {
        target: tsql::target_database(&job.plan).to_owned(),
        job,
        gateway,
        journal,
        tell,
        cancel,
        now,
        started,
        reports: Vec::new(),
        created: false,
        copy: None,
        verification: None,
        purposes: script.batches.iter().map(|b| b.purpose.clone()).collect(),
    };
    let kind = run.kind();
    run.note(Record::Begin {
        format: crate::run::journal::FORMAT.to_owned(),
        run: run.job.run.0.clone(),
        server: run.job.facts.server_name.clone().unwrap_or_default(),
        source_database: run.job.plan.database.clone(),
        target_database: run.target.clone(),
        target: match run.job.plan.target {
            Target::At(moment) => moment.server.to_string(),
            Target::Mark(mark) => format!("mark of {}", mark.at.server),
            Target::Latest => "latest".to_owned(),
        },
        steps: steps.clone(),
        run_kind: kind,
        who: run.job.who.clone(),
    })?;
    (run.tell)(RunEvent::Started {
        script: script.clone(),
        steps,
    });
    let (end, state) = run.carry_out(&script).await?;
    run.note(Record::End {
        end: end.word().to_owned(),
        state: state_words(&state, &run.target),
    })?;
    Ok(RunReport {
        id: run.job.run,
        kind,
        who: run.job.who,
        server: run.job.facts.server_name.unwrap_or_default(),
        target_database: run.target,
        plan: run.job.plan,
        started,
        seconds: seconds_between(started, (now)()),
        steps: run.reports,
        end,
        state,
        verification: run.verification,
        copy: run.copy,
    })
}

/// The state of the target as a journal has it.
fn state_words(state: &TargetState, target: &str) -> String {
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

struct Run<'a> {
    job: RestoreJob,
    target: String,
    gateway: &'a dyn Gateway,
    journal: Journal,
    tell: &'a (dyn Fn(RunEvent) + Send + Sync),
    cancel: &'a CancellationToken,
    now: fn() -> UtcTime,
    started: UtcTime,
    reports: Vec<StepReport>,
    /// A statement that may have created the target was sent.
    created: bool,
    copy: Option<(uuid::Uuid, String)>,
    verification: Option<crate::run::report::Verification>,
    /// What each batch is for.
    purposes: Vec<Purpose>,
}

/// How one step went, before it is told.
enum StepResult {
    Done,
    Warned(StepFailure),
    Skipped(StepSkip),
    Failed(ServerError),
    Refused(StepFailure),
}

/// What follows a step.
enum Next {
    GoOn,
    /// No further batch is sent.
    Stop,
}

impl Run<'_> {
    fn note(&mut self, record: Record) -> Result<(), JournalError> {
        let at = (self.now)()
            .0
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        self.journal.write(at, record)
    }

    /// The whole run; returns how it ended and the state of the target.
    async fn carry_out(&mut self, script: &Script) -> Result<(RunEnd, TargetState), JournalError> {
        let mut work = match self.look_before().await? {
            Some(connection) => connection,
            None => return self.end_after_stop().await,
        };
        let watch = match self.gateway.connect().await {
            Ok(connection) => Some(Watch::start(connection, work.session_id())),
            // Progress alone is lost.
            Err(error) => {
                tracing::debug!(?error, "no second connection for the progress");
                None
            }
        };
        let mut recover = false;
        for (idx, batch) in script.batches.iter().enumerate() {
            let step = idx + 1;
            if recover {
                self.skip(step, batch, StepSkip::AlreadyReached)?;
                continue;
            }
            match self
                .batch(work.as_mut(), watch.as_ref(), step, batch)
                .await?
            {
                (Next::GoOn, reached) => recover = reached,
                (Next::Stop, _) => {
                    drop(work);
                    return self.end_after_stop().await;
                }
            }
        }
        let last = script.batches.len();
        if let Some(stop) = self
            .settle(work.as_mut(), watch.as_ref(), last, recover)
            .await?
        {
            return Ok(stop);
        }
        self.look_after(work.as_mut(), last + 1).await
    }

    /// Step 0: the plan is judged, the lock taken, and the facts read again.
    async fn look_before(&mut self) -> Result<Option<Box<dyn Connection>>, JournalError> {
        let began = self.begin_step(0, LOOK_BEFORE, "")?;
        if let Some(failure) = self.judge_plan() {
            self.end_step(
                0,
                LOOK_BEFORE,
                "",
                began,
                StepResult::Refused(failure),
                Vec::new(),
            )?;
            return Ok(None);
        }
        let looked = async {
            let mut connection = self.gateway.connect().await?;
            let lock = take_lock(connection.as_mut(), &self.target).await?;
            let checks = preflight(connection.as_mut(), &self.job.plan).await?;
            Ok::<_, ServerError>((connection, lock, checks))
        };
        let (connection, lock, checks) = match looked.await {
            Ok(looked) => looked,
            Err(error) => {
                self.end_step(
                    0,
                    LOOK_BEFORE,
                    "",
                    began,
                    StepResult::Failed(error),
                    Vec::new(),
                )?;
                return Ok(None);
            }
        };
        let refused = checks
            .iter()
            .find(|check| check.verdict == PreflightVerdict::Refused);
        let result = match (lock, refused) {
            (Lock::Held, _) => StepResult::Refused(StepFailure::LockHeld {
                database: self.target.clone(),
            }),
            (_, Some(check)) => {
                StepResult::Refused(StepFailure::Preflight(Box::new(check.clone())))
            }
            (Lock::Unknown(error), None) => StepResult::Warned(StepFailure::LockUnknown(error)),
            (Lock::Taken, None) => StepResult::Done,
        };
        let stop = matches!(result, StepResult::Refused(_));
        self.end_step(0, LOOK_BEFORE, "", began, result, Vec::new())?;
        Ok((!stop).then_some(connection))
    }

    fn kind(&self) -> RunKind {
        match self.job.plan.destination {
            Destination::Copy { .. } => RunKind::RestoreCopy,
            Destination::Original => RunKind::RestoreOver,
        }
    }

    /// A plan that the checker objects to is not run.
    fn judge_plan(&self) -> Option<StepFailure> {
        let Some(history) = self.job.history.database(&self.job.plan.database) else {
            return Some(StepFailure::DatabaseUnknown);
        };
        let findings = domain::check(&self.job.plan, &history);
        (!domain::is_proved(&findings)).then_some(StepFailure::PlanObjected(findings))
    }

    /// Runs one batch. The flag says that a log has answered 4335 because the one before had reached the moment.
    async fn batch(
        &mut self,
        work: &mut dyn Connection,
        watch: Option<&Watch>,
        step: usize,
        batch: &Batch,
    ) -> Result<(Next, bool), JournalError> {
        let began = self.begin_step(step, &batch.title, &batch.sql)?;
        if self.cancel.is_cancelled() {
            let result = StepResult::Failed(ServerError::Cancelled);
            self.end_step(step, &batch.title, &batch.sql, began, result, Vec::new())?;
            return Ok((Next::Stop, false));
        }
        let (outcome, messages) = self.send(work, watch, step, batch, began).await;
        if matches!(
            batch.purpose,
            Purpose::RestoreSet { .. } | Purpose::RestoreTail { .. }
        ) && !matches!(&outcome, Err(error) if error.number() == Some(GUARD))
        {
            self.created = true;
        }
        let mut reached = false;
        let result = match (&batch.purpose, outcome) {
            (Purpose::ReadTail { file }, Ok(answer)) => match self.judge_tail(file, &answer) {
                None => StepResult::Done,
                Some(fault) => StepResult::Refused(StepFailure::Tail(fault)),
            },
            (_, Ok(_)) => StepResult::Done,
            (purpose, Err(error)) if error.number() == Some(STOPAT_TOO_EARLY) => {
                if self.log_before_stopped(purpose) {
                    reached = true;
                    StepResult::Skipped(StepSkip::AlreadyReached)
                } else {
                    StepResult::Failed(error)
                }
            }
            (_, Err(error)) => StepResult::Failed(error),
        };
        let next = match &result {
            StepResult::Failed(_) | StepResult::Refused(_) => Next::Stop,
            StepResult::Done | StepResult::Warned(_) | StepResult::Skipped(_) => Next::GoOn,
        };
        self.end_step(step, &batch.title, &batch.sql, began, result, messages)?;
        Ok((next, reached))
    }

    /// Whether this step follows a log with the same `STOPAT`, restored by this very run.
    ///
    /// No log of the plan can overshoot, so "rolled forward beyond that point" then means that the point was reached.
    /// For the first log it means that the base lies after the moment, and nothing helps.
    fn log_before_stopped(&self, purpose: &Purpose) -> bool {
        let steps = &self.job.plan.steps;
        let before = match purpose {
            Purpose::RestoreSet { step } => step.checked_sub(1),
            Purpose::RestoreTail { .. } => steps.len().checked_sub(1),
            _ => None,
        };
        before
            .and_then(|idx| steps.get(idx))
            .is_some_and(|step| step.backup_type == BackupType::Log && step.stop_at.is_some())
    }

    /// Sends a batch and tells messages and progress while it runs.
    async fn send(
        &self,
        work: &mut dyn Connection,
        watch: Option<&Watch>,
        step: usize,
        batch: &Batch,
        began: UtcTime,
    ) -> (Result<Answer, ServerError>, Vec<(f64, String)>) {
        let (sender, mut inbox) = mpsc::unbounded_channel();
        let mut answer = Answer::default();
        let mut messages = Vec::new();
        let mut hear = |text: String| {
            let at = (self.now)();
            messages.push((seconds_between(self.started, at), text.clone()));
            (self.tell)(RunEvent::Message { at, text });
        };
        let mut readings = watch.map(|watch| watch.readings.clone());
        let outcome = {
            let mut running = work.run(batch, &mut answer, Some(sender), self.cancel);
            loop {
                tokio::select! {
                    outcome = &mut running => break outcome,
                    Some(text) = inbox.recv() => hear(text),
                    Some(reading) = next_reading(&mut readings) => {
                        (self.tell)(RunEvent::Progress(RunProgress {
                            step,
                            elapsed_secs: seconds_between(began, (self.now)()),
                            percent: reading.percent,
                            remaining_secs: reading.remaining_secs,
                        }));
                    }
                }
            }
        };
        while let Ok(text) = inbox.try_recv() {
            hear(text);
        }
        (outcome.map(|()| answer), messages)
    }

    fn begin_step(&mut self, step: usize, title: &str, sql: &str) -> Result<UtcTime, JournalError> {
        self.note(Record::step_begin(step, title, sql))?;
        (self.tell)(RunEvent::StepBegan { step });
        Ok((self.now)())
    }

    /// What a step reads, from the plan: the sizes are those of the files that it was made of.
    fn facts_of(&self, step: usize) -> StepFacts {
        let purpose = step.checked_sub(1).and_then(|idx| self.purposes.get(idx));
        match purpose {
            Some(Purpose::RestoreSet { step }) => self
                .job
                .plan
                .steps
                .get(*step)
                .map(plan_facts)
                .unwrap_or_default(),
            _ => StepFacts::default(),
        }
    }

    fn skip(&mut self, step: usize, batch: &Batch, reason: StepSkip) -> Result<(), JournalError> {
        let began = self.begin_step(step, &batch.title, &batch.sql)?;
        let result = StepResult::Skipped(reason);
        self.end_step(step, &batch.title, &batch.sql, began, result, Vec::new())
    }

    fn fail_after(&mut self, step: usize, error: ServerError) -> Result<(), JournalError> {
        let began = self.begin_step(step, LOOK_AFTER, "")?;
        self.end_step(
            step,
            LOOK_AFTER,
            "",
            began,
            StepResult::Failed(error),
            Vec::new(),
        )
    }

    fn end_step(
        &mut self,
        step: usize,
        title: &str,
        sql: &str,
        began: UtcTime,
        result: StepResult,
        messages: Vec<(f64, String)>,
    ) -> Result<(), JournalError> {
        let outcome = match result {
            StepResult::Done => Outcome::Done,
            StepResult::Warned(failure) => Outcome::DoneWithWarning(failure),
            StepResult::Skipped(reason) => Outcome::Skipped { reason },
            StepResult::Refused(failure) => Outcome::Failed(failure),
            StepResult::Failed(ServerError::Cancelled) => Outcome::Cancelled,
            StepResult::Failed(error) => Outcome::Failed(StepFailure::Server(error)),
        };
        let seconds = seconds_between(began, (self.now)());
        let words = match &outcome {
            Outcome::Done | Outcome::Cancelled => Vec::new(),
            Outcome::DoneWithWarning(failure) | Outcome::Failed(failure) => failure.journal_words(),
            Outcome::Skipped { reason } => vec![reason.to_string()],
        };
        let facts = self.facts_of(step);
        self.note(Record::StepEnd {
            step,
            outcome: outcome.word().to_owned(),
            seconds,
            words,
            messages: messages.iter().map(|(_, text)| text.clone()).collect(),
            facts: facts.clone(),
        })?;
        let report = StepReport {
            title: title.to_owned(),
            sql: sql.to_owned(),
            started: began,
            seconds,
            outcome,
            messages,
            facts,
        };
        (self.tell)(RunEvent::StepEnded {
            step,
            report: Box::new(report.clone()),
        });
        self.reports.push(report);
        Ok(())
    }
}

fn plan_facts(step: &domain::PlanStep) -> StepFacts {
    StepFacts {
        backup_kind: Some(
            match step.backup_type {
                BackupType::Differential => "differential",
                BackupType::Log => "log",
                _ => "full",
            }
            .to_owned(),
        ),
        bytes: step.bytes,
        data_bytes: step.backup_size,
        compressed: step
            .bytes
            .zip(step.backup_size)
            .map(|(bytes, data)| bytes < data),
        files: step
            .devices
            .iter()
            .map(|device| device.name().to_owned())
            .collect(),
        exit_code: None,
    }
}

/// What `RAISERROR` of a guard is numbered.
const GUARD: i64 = 50_000;
/// "The specified STOPAT time is too early. All or part of the database is already rolled forward beyond that point."
const STOPAT_TOO_EARLY: i64 = 4335;

/// The next reading; never, when nobody watches.
async fn next_reading(
    readings: &mut Option<tokio::sync::watch::Receiver<crate::run::watch::Reading>>,
) -> Option<crate::run::watch::Reading> {
    let Some(receiver) = readings else {
        return std::future::pending().await;
    };
    if receiver.changed().await.is_err() {
        *readings = None;
        return None;
    }
    Some(*receiver.borrow_and_update())
}

/// Whether this run has the target for itself.
enum Lock {
    Taken,
    Held,
    /// The server refused to tell.
    Unknown(ServerError),
}

async fn take_lock(connection: &mut dyn Connection, database: &str) -> Result<Lock, ServerError> {
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
