//! Running the script of a plan, step by step, so that it ends in a state that has a name.

mod arrive;

use super::{
    journal::{Journal, JournalError, Record},
    preflight::{PreflightVerdict, preflight},
    report::{Outcome, RunEnd, RunId, RunReport, StepReport},
    verify::Expectations,
    watch::Watch,
};
use crate::{
    domain::{self, BackupType, History, RestorePlan, RestoreRequest, Target, UtcTime},
    explain::{Problem, ProblemKind, finding, server_problem},
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
    };
    run.note(Record::Begin {
        format: crate::run::journal::FORMAT.to_owned(),
        run: run.job.run.0.clone(),
        server: run.job.facts.server_name.clone().unwrap_or_default(),
        source_database: run.job.plan.database.clone(),
        target_database: run.target.clone(),
        target: match run.job.plan.target {
            Target::At(moment) => moment.server.to_string(),
            Target::Latest => "latest".to_owned(),
        },
        steps: steps.clone(),
    })?;
    (run.tell)(RunEvent::Started {
        script: script.clone(),
        steps,
    });
    let (end, state) = run.carry_out(&script).await?;
    run.note(Record::End {
        end: end_word(&end).to_owned(),
        state,
    })?;
    Ok(RunReport {
        id: run.job.run,
        server: run.job.facts.server_name.unwrap_or_default(),
        target_database: run.target,
        plan: run.job.plan,
        started,
        seconds: seconds_between(started, (now)()),
        steps: run.reports,
        end,
        verification: run.verification,
        copy: run.copy,
    })
}

fn end_word(end: &RunEnd) -> &'static str {
    match end {
        RunEnd::Verified => "verified",
        RunEnd::OnlineNotVerified => "online_not_verified",
        RunEnd::Untouched => "untouched",
        RunEnd::Restoring => "restoring",
        RunEnd::Cancelled { .. } => "cancelled",
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
}

/// How one step went, before it is told.
enum StepResult {
    Done,
    Warned(Problem),
    Skipped(String),
    Failed(ServerError),
    Refused(Problem),
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

    /// The whole run; returns how it ended and the state of the target in words.
    async fn carry_out(&mut self, script: &Script) -> Result<(RunEnd, String), JournalError> {
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
                self.skip(step, batch, "The log before has reached the moment already")?;
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
        if let Some(problem) = self.judge_plan() {
            self.end_step(
                0,
                LOOK_BEFORE,
                "",
                began,
                StepResult::Refused(problem),
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
            (Lock::Held, _) => StepResult::Refused(Problem {
                kind: ProblemKind::Yours,
                sentence: format!("Another stopat is restoring to {} right now", self.target),
                hint: "Wait until it has finished.".to_owned(),
                details: Vec::new(),
            }),
            (_, Some(check)) => StepResult::Refused(Problem {
                kind: ProblemKind::Yours,
                sentence: format!("{}: {}", check.title, check.detail),
                hint: check.hint.clone(),
                details: Vec::new(),
            }),
            (Lock::Unknown(error), None) => StepResult::Warned(Problem {
                sentence: "The server gives no lock that keeps two runs apart".to_owned(),
                ..server_problem(&error)
            }),
            (Lock::Taken, None) => StepResult::Done,
        };
        let stop = matches!(result, StepResult::Refused(_));
        self.end_step(0, LOOK_BEFORE, "", began, result, Vec::new())?;
        Ok((!stop).then_some(connection))
    }

    /// A plan that the checker objects to is not run.
    fn judge_plan(&self) -> Option<Problem> {
        let history = self.job.history.database(&self.job.plan.database);
        let findings = history.map(|history| domain::check(&self.job.plan, &history));
        let objections: Vec<String> = match &findings {
            None => vec!["the history does not know the database".to_owned()],
            Some(findings) if domain::is_proved(findings) => Vec::new(),
            Some(findings) => findings.iter().map(finding).collect(),
        };
        (!objections.is_empty()).then(|| Problem {
            kind: ProblemKind::Ours,
            sentence: "The plan does not hold".to_owned(),
            hint: "Refresh the history and plan again.".to_owned(),
            details: objections,
        })
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
                Some(problem) => StepResult::Refused(problem),
            },
            (_, Ok(_)) => StepResult::Done,
            (purpose, Err(error)) if error.number() == Some(STOPAT_TOO_EARLY) => {
                if self.log_before_stopped(purpose) {
                    reached = true;
                    StepResult::Skipped("The log before has reached the moment already".to_owned())
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
        self.note(Record::StepBegin {
            step,
            title: title.to_owned(),
            sql: sql.to_owned(),
        })?;
        (self.tell)(RunEvent::StepBegan { step });
        Ok((self.now)())
    }

    fn skip(&mut self, step: usize, batch: &Batch, reason: &str) -> Result<(), JournalError> {
        let began = self.begin_step(step, &batch.title, &batch.sql)?;
        let result = StepResult::Skipped(reason.to_owned());
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
            StepResult::Warned(problem) => Outcome::DoneWithWarning(problem),
            StepResult::Skipped(reason) => Outcome::Skipped { reason },
            StepResult::Refused(problem) => Outcome::Failed(problem),
            StepResult::Failed(ServerError::Cancelled) => Outcome::Cancelled,
            StepResult::Failed(error) => Outcome::Failed(server_problem(&error)),
        };
        let seconds = seconds_between(began, (self.now)());
        let (word, words) = match &outcome {
            Outcome::Done => ("done", Vec::new()),
            Outcome::DoneWithWarning(problem) => ("done_with_warning", problem_words(problem)),
            Outcome::Skipped { reason } => ("skipped", vec![reason.clone()]),
            Outcome::Failed(problem) => ("failed", problem_words(problem)),
            Outcome::Cancelled => ("cancelled", Vec::new()),
        };
        self.note(Record::StepEnd {
            step,
            outcome: word.to_owned(),
            seconds,
            words,
            messages: messages.iter().map(|(_, text)| text.clone()).collect(),
        })?;
        let report = StepReport {
            title: title.to_owned(),
            sql: sql.to_owned(),
            started: began,
            seconds,
            outcome,
            messages,
        };
        (self.tell)(RunEvent::StepEnded {
            step,
            report: Box::new(report.clone()),
        });
        self.reports.push(report);
        Ok(())
    }
}

/// What `RAISERROR` of a guard is numbered.
const GUARD: i64 = 50_000;
/// "The specified STOPAT time is too early. All or part of the database is already rolled forward beyond that point."
const STOPAT_TOO_EARLY: i64 = 4335;

fn problem_words(problem: &Problem) -> Vec<String> {
    let mut words = vec![problem.sentence.clone()];
    words.extend(problem.details.iter().cloned());
    words
}

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
