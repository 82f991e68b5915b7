//! The one engine: it takes the steps of a runbook in order, journals each, and stops where going on would be wrong.

use super::{
    Carried, End, RestoreJob, RunEvent, Surroundings,
    lock::{Lock, take_lock},
    seconds_between, state_words,
};
use crate::{
    domain::{self, BackupType, Destination, UtcTime},
    run::{
        control::{Commands, RunCommand, Waiting},
        failure::{StepFailure, StepSkip, VerificationFault},
        journal::{Journal, JournalError, Record, iso_time},
        owed::Owed,
        preflight::{PreflightVerdict, preflight},
        report::{Outcome, RunEnd, RunReport, StepFacts, StepReport, TargetState, Verification},
        runbook::{Action, Runbook, Step},
        target::{TargetFacts, read_target},
        watch::Watch,
    },
    server::{Connection, Gateway, ServerError, Until, ask},
    tsql::{self, Batch, Purpose},
};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Where a run begins.
#[derive(Default)]
pub(super) struct Start {
    /// Steps that were done before.
    pub(super) done: BTreeSet<usize>,
    /// `None` begins at the beginning.
    pub(super) carried: Option<Carried>,
}

pub(super) struct Run<'a> {
    pub(super) job: RestoreJob,
    pub(super) runbook: Runbook,
    pub(super) target: String,
    pub(super) gateway: &'a dyn Gateway,
    pub(super) journal: Journal,
    pub(super) tell: &'a (dyn Fn(RunEvent) + Send + Sync),
    pub(super) cancel: &'a CancellationToken,
    pub(super) commands: Commands,
    pub(super) now: fn() -> UtcTime,
    pub(super) started: UtcTime,
    reports: Vec<StepReport>,
    /// The connection that restores; it holds the application lock.
    pub(super) work: Option<Box<dyn Connection>>,
    /// The same before the first step, when whoever decided to go on has the lock already.
    locked: Option<(Box<dyn Connection>, Lock)>,
    pub(super) watch: Option<Watch>,
    done: BTreeSet<usize>,
    /// A statement was sent that may have changed the target.
    pub(super) touched: bool,
    /// Something was restored, or may have been.
    pub(super) restored: bool,
    /// A log was answered with 4335: the one before had reached the moment.
    pub(super) reached: bool,
    pub(super) owed: Vec<Owed>,
    pub(super) copy: Option<(Uuid, String)>,
    /// When the copy was created, once that is on disk.
    pub(super) created: Option<String>,
    pub(super) verification: Option<Verification>,
    /// What the header of the tail says, once it was read back.
    pub(super) tail_facts: Option<StepFacts>,
    /// Set by whatever makes a good end less than verified.
    pub(super) reserved: bool,
    /// The server restores by itself, and nobody watches any more.
    pub(super) left: bool,
}

/// How one step went, before it is told.
pub(super) enum StepResult {
    Done,
    Warned(StepFailure),
    Skipped(StepSkip),
    Failed(ServerError),
    Refused(StepFailure),
}

/// A step that was begun.
pub(super) struct Begun {
    pub(super) step: usize,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) at: UtcTime,
}

/// What follows a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    /// No further batch is sent.
    Stop,
    /// The same step once more.
    Again,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        job: RestoreJob,
        runbook: Runbook,
        surroundings: Surroundings<'a>,
        start: Start,
    ) -> Self {
        let Surroundings {
            gateway,
            journal,
            tell,
            cancel,
            commands,
            now,
        } = surroundings;
        let Start { done, carried } = start;
        let (touched, restored, owed, locked) = match carried {
            Some(carried) => {
                let Carried {
                    touched,
                    restored,
                    owed,
                    locked,
                } = carried;
                (touched, restored, owed, Some(locked))
            }
            None => (false, false, Vec::new(), None),
        };
        Self {
            target: runbook.target_database.clone(),
            job,
            runbook,
            gateway,
            journal,
            tell,
            cancel,
            commands,
            now,
            started: now(),
            reports: Vec::new(),
            work: None,
            locked,
            watch: None,
            done,
            touched,
            restored,
            reached: false,
            owed,
            copy: None,
            created: None,
            verification: None,
            tail_facts: None,
            reserved: false,
            left: false,
        }
    }

    pub(super) fn note(&mut self, record: Record) -> Result<(), JournalError> {
        self.journal.write(iso_time((self.now)()), record)
    }

    /// The whole run.
    pub(super) async fn carry_out(mut self) -> Result<RunReport, JournalError> {
        (self.tell)(RunEvent::Started {
            script: self.runbook.script(),
            steps: self.runbook.titles(),
            runbook: self.runbook.clone(),
            plan: Box::new(self.job.plan.clone()),
        });
        if !self.owed.is_empty() {
            (self.tell)(RunEvent::Owes(self.owed.clone()));
        }
        let (end, state) = self.steps().await?;
        let mut words = state_words(&state, &self.target);
        if state == TargetState::Online && self.runbook.only_recovers(&self.job.plan) {
            words.push_str(", with what was restored before its moment");
        }
        self.note(Record::End {
            end: end.word().to_owned(),
            state: words,
        })?;
        Ok(RunReport {
            id: self.job.run,
            kind: self.runbook.kind,
            who: self.job.who,
            server: self.job.facts.server_name.unwrap_or_default(),
            target_database: self.target,
            plan: self.job.plan,
            started: self.started,
            seconds: seconds_between(self.started, (self.now)()),
            steps: self.reports,
            end,
            state,
            verification: self.verification,
            copy: self.copy,
            owed: self.owed,
        })
    }

    async fn steps(&mut self) -> Result<End, JournalError> {
        let mut step = 0;
        while step < self.runbook.steps.len() {
            if self.done.contains(&step) {
                self.pass_over(step);
                step += 1;
                continue;
            }
            let last_restore = self.runbook.last_restore();
            match self.step(step).await? {
                Next::Stop => return self.end_after_stop().await,
                Next::Again => continue,
                Next::GoOn => {}
            }
            if self.restores(step) && self.note_creation(step).await? == Next::Stop {
                return self.end_after_stop().await;
            }
            if Some(step) == last_restore && self.settle(step).await? == Next::Stop {
                return self.end_after_stop().await;
            }
            step += 1;
            if step < self.runbook.steps.len() && self.between(step - 1).await? == Next::Stop {
                return self.end_after_stop().await;
            }
        }
        self.end_after_all().await
    }

    /// One step, from its record before to its record after.
    async fn step(&mut self, step: usize) -> Result<Next, JournalError> {
        let Some(action) = self.runbook.steps.get(step).map(|step| step.action.clone()) else {
            return Ok(Next::GoOn);
        };
        if step > 0 && self.cancel.is_cancelled() {
            let begun = self.begin(step)?;
            return self.end(
                begun,
                StepResult::Failed(ServerError::Cancelled),
                Vec::new(),
            );
        }
        match action {
            Action::LookBefore => self.look_before(step).await,
            Action::Hook(hook) => self.hook(step, &hook).await,
            Action::ByHand => self.by_hand(step).await,
            Action::OnServer(job) => self.on_server(step, &job).await,
            Action::Sql(_) if self.reached && self.restores(step) => {
                let begun = self.begin(step)?;
                self.end(
                    begun,
                    StepResult::Skipped(StepSkip::AlreadyReached),
                    Vec::new(),
                )
            }
            Action::Sql(batch) => self.batch(step, &batch).await,
            Action::Verify => self.look_after(step).await,
        }
    }

    /// The plan is judged, the lock taken, and the facts read again.
    async fn look_before(&mut self, step: usize) -> Result<Next, JournalError> {
        let begun = self.begin(step)?;
        // A run that goes on has no whole plan any more; what is left to do stands behind guards of its own.
        if !self.touched
            && let Some(failure) = self.judge_plan()
        {
            return self.end(begun, StepResult::Refused(failure), Vec::new());
        }
        let locked = self.locked.take();
        // Once it was restored it is no longer what it was.
        let goes_over = self.job.choices.over.is_some() && !self.restored;
        let looked = async {
            let (mut connection, lock) = match locked {
                Some(locked) => locked,
                None => {
                    let mut connection = self.gateway.connect().await?;
                    let lock = take_lock(connection.as_mut(), &self.target).await?;
                    (connection, lock)
                }
            };
            // Backups may be read to their end here, which takes as long as restoring them.
            let mut asking = Until::new(connection.as_mut(), self.cancel);
            let checks = if self.touched {
                Vec::new()
            } else {
                preflight(&mut asking, &self.job.plan, &self.job.choices).await?
            };
            let clock = ask(&mut asking, &tsql::server_clock()).await?;
            let before = if goes_over {
                before(&mut asking, &self.target).await?
            } else {
                None
            };
            Ok::<_, ServerError>((connection, lock, checks, clock, before))
        };
        let (connection, lock, checks, clock, before) = match looked.await {
            Ok(looked) => looked,
            Err(error) => return self.end(begun, StepResult::Failed(error), Vec::new()),
        };
        let refused = checks
            .into_iter()
            .find(|check| check.verdict == PreflightVerdict::Refused);
        let result = match (lock, refused) {
            (Lock::Held, _) => StepResult::Refused(StepFailure::LockHeld {
                database: self.target.clone(),
            }),
            (_, Some(check)) => StepResult::Refused(StepFailure::Preflight(Box::new(check))),
            (Lock::Unknown(error), None) => StepResult::Warned(StepFailure::LockUnknown(error)),
            (Lock::Taken, None) => StepResult::Done,
        };
        if matches!(result, StepResult::Done | StepResult::Warned(_)) {
            if let Some(server_time) = clock.first().and_then(|row| row.text("server_time")) {
                self.note(Record::ServerClock {
                    server_time: server_time.trim().to_owned(),
                })?;
            }
            if let Some(before) = before {
                self.note(before)?;
            }
            self.watch = match self.gateway.connect().await {
                Ok(second) => {
                    let creates = self.creates().then_some(self.target.as_str());
                    Some(Watch::start(second, connection.session_id(), creates))
                }
                // Progress alone is lost.
                Err(error) => {
                    tracing::debug!(?error, "no second connection for the progress");
                    None
                }
            };
            self.work = Some(connection);
        }
        self.end(begun, result, Vec::new())
    }

    /// A plan that the checker objects to is not run.
    fn judge_plan(&self) -> Option<StepFailure> {
        let Some(history) = self.job.history.database(&self.job.plan.database) else {
            return Some(StepFailure::DatabaseUnknown);
        };
        let findings = domain::check(&self.job.plan, &history);
        (!domain::is_proved(&findings)).then_some(StepFailure::PlanObjected(findings))
    }

    /// Whether the run makes the database that it writes.
    pub(super) fn creates(&self) -> bool {
        matches!(self.job.plan.destination, Destination::Copy { .. })
    }

    pub(super) fn restores(&self, step: usize) -> bool {
        self.runbook.steps.get(step).is_some_and(Step::restores)
    }

    pub(super) fn is_log(&self, step: usize) -> bool {
        match self.runbook.steps.get(step).and_then(|step| step.purpose()) {
            Some(Purpose::RestoreSet { step }) => self
                .job
                .plan
                .steps
                .get(*step)
                .is_some_and(|step| step.backup_type == BackupType::Log),
            _ => false,
        }
    }

    /// A step that was done before the run was interrupted.
    fn pass_over(&mut self, step: usize) {
        let Some(planned) = self.runbook.steps.get(step) else {
            return;
        };
        let report = StepReport {
            title: planned.title.clone(),
            sql: planned.text(),
            started: (self.now)(),
            seconds: 0.0,
            outcome: Outcome::Skipped {
                reason: StepSkip::DoneBefore,
            },
            messages: Vec::new(),
            facts: StepFacts::default(),
        };
        self.tell_ended(step, report);
    }

    pub(super) fn begin(&mut self, step: usize) -> Result<Begun, JournalError> {
        let (title, text) = self
            .runbook
            .steps
            .get(step)
            .map(|planned| (planned.title.clone(), planned.text()))
            .unwrap_or_default();
        self.begin_as(step, title, text)
    }

    /// The beginning of a batch that is no step of the runbook; it counts to the step after which it became necessary.
    pub(super) fn begin_as(
        &mut self,
        step: usize,
        title: String,
        text: String,
    ) -> Result<Begun, JournalError> {
        self.note(Record::step_begin(step, &title, &text))?;
        (self.tell)(RunEvent::StepBegan { step });
        Ok(Begun {
            step,
            title,
            text,
            at: (self.now)(),
        })
    }

    /// The end of a step with what the plan knows of it.
    pub(super) fn end(
        &mut self,
        begun: Begun,
        result: StepResult,
        messages: Vec<(f64, String)>,
    ) -> Result<Next, JournalError> {
        let facts = self
            .runbook
            .steps
            .get(begun.step)
            .map(|step| step.expected.clone())
            .unwrap_or_default();
        self.end_with(begun, result, messages, facts)
    }

    pub(super) fn end_with(
        &mut self,
        begun: Begun,
        result: StepResult,
        messages: Vec<(f64, String)>,
        facts: StepFacts,
    ) -> Result<Next, JournalError> {
        let Begun {
            step,
            title,
            text,
            at,
        } = begun;
        let outcome = match result {
            StepResult::Done => Outcome::Done,
            StepResult::Warned(failure) => Outcome::DoneWithWarning(failure),
            StepResult::Skipped(reason) => Outcome::Skipped { reason },
            StepResult::Refused(failure) => Outcome::Failed(failure),
            StepResult::Failed(ServerError::Cancelled) => Outcome::Cancelled,
            StepResult::Failed(error) => Outcome::Failed(StepFailure::Server(error)),
        };
        let seconds = seconds_between(at, (self.now)());
        if matches!(
            &outcome,
            Outcome::Cancelled
                | Outcome::Failed(
                    StepFailure::Server(ServerError::Lost { .. })
                        | StepFailure::LeftToServer { .. }
                )
        ) {
            self.note(Record::Unheard { step })?;
        }
        let words = match &outcome {
            Outcome::Done | Outcome::Cancelled => Vec::new(),
            Outcome::DoneWithWarning(failure) | Outcome::Failed(failure) => failure.journal_words(),
            Outcome::Skipped { reason } => vec![reason.to_string()],
        };
        self.note(Record::StepEnd {
            step,
            outcome: outcome.word().to_owned(),
            seconds,
            words,
            messages: messages.iter().map(|(_, text)| text.clone()).collect(),
            facts: facts.clone(),
        })?;
        let next = match &outcome {
            Outcome::Failed(_) | Outcome::Cancelled => Next::Stop,
            Outcome::Done | Outcome::DoneWithWarning(_) | Outcome::Skipped { .. } => Next::GoOn,
        };
        let report = StepReport {
            title,
            sql: text,
            started: at,
            seconds,
            outcome,
            messages,
            facts,
        };
        self.tell_ended(step, report);
        Ok(next)
    }

    fn tell_ended(&mut self, step: usize, report: StepReport) {
        (self.tell)(RunEvent::StepEnded {
            step,
            report: Box::new(report.clone()),
        });
        self.reports.push(report);
    }

    /// The outcome of the step that ended last.
    pub(super) fn last_outcome(&self) -> Option<&Outcome> {
        self.reports.last().map(|report| &report.outcome)
    }

    /// Something has to be put back: on disk and told before it is needed.
    pub(super) fn owe(&mut self, owed: Owed) -> Result<(), JournalError> {
        if self.owed.contains(&owed) {
            return Ok(());
        }
        self.note(Record::Owed { owed: owed.clone() })?;
        self.owed.push(owed);
        (self.tell)(RunEvent::Owes(self.owed.clone()));
        Ok(())
    }

    /// It was put back.
    pub(super) fn settled(&mut self, what: impl Fn(&Owed) -> bool) -> Result<(), JournalError> {
        let (back, still): (Vec<_>, Vec<_>) = self.owed.drain(..).partition(|owed| what(owed));
        self.owed = still;
        for owed in back {
            self.note(Record::Settled { owed })?;
        }
        (self.tell)(RunEvent::Owes(self.owed.clone()));
        Ok(())
    }

    /// Every step was done.
    async fn end_after_all(&mut self) -> Result<End, JournalError> {
        let state = self.read_state().await;
        let end = match &state {
            _ if self.reserved => RunEnd::OnlineNotVerified,
            TargetState::Standby => RunEnd::Standby,
            _ => RunEnd::Verified,
        };
        Ok((end, state))
    }

    /// A batch that became necessary on the way.
    pub(super) async fn extra_batch(
        &mut self,
        step: usize,
        batch: &Batch,
    ) -> Result<Next, JournalError> {
        let begun = self.begin_as(step, batch.title.clone(), batch.sql.clone())?;
        let (outcome, messages) = self.send(step, batch, begun.at).await;
        let result = match outcome {
            Ok(_) => StepResult::Done,
            Err(error) => StepResult::Failed(error),
        };
        self.end_with(begun, result, messages, StepFacts::default())
    }

    /// A check after the restore found something: what follows is the user's to say.
    pub(super) async fn reserve(
        &mut self,
        step: usize,
        begun: Begun,
        fault: VerificationFault,
    ) -> Result<Next, JournalError> {
        self.reserved = true;
        self.end(
            begun,
            StepResult::Warned(StepFailure::Verification(fault)),
            Vec::new(),
        )?;
        if step + 1 >= self.runbook.steps.len() {
            return Ok(Next::GoOn);
        }
        Ok(match self.wait(step, Waiting::NotVerified).await? {
            Some(RunCommand::GoOn | RunCommand::Done) => Next::GoOn,
            _ => Next::Stop,
        })
    }
}

/// What tells a database that is gone over from what becomes of it.
async fn before(
    connection: &mut dyn Connection,
    database: &str,
) -> Result<Option<Record>, ServerError> {
    let facts = read_target(connection, database).await?;
    Ok(facts
        .filter(TargetFacts::online)
        .map(|facts| Record::Before {
            database_guid: facts.database_guid,
            recovery_fork: facts.recovery_fork,
        }))
}
