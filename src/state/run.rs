//! A restore that is reviewed, runs, or ended.

use crate::{
    domain::{BackupType, Destination, PlanStep, RestorePlan, RestoreRequest, UtcTime},
    explain::Problem,
    run::{
        Action as StepAction, Interruption, Outcome, Owed, RunId, RunKind, RunReport, Step,
        StepReport, TargetState, Waiting, script_of,
    },
    tsql::{Batch, Purpose, Script},
    worker::{
        Looked, PreflightCheck, PreflightVerdict, Prepared, RestoreWishes, RunProgress, ServerId,
    },
};

/// The last look before a restore.
#[derive(Clone, Debug)]
pub struct Review {
    /// The server that restores.
    pub server: ServerId,
    /// The server that took the backups: mostly the same.
    pub source: ServerId,
    pub database: String,
    pub request: RestoreRequest,
    pub plan: RestorePlan,
    pub wishes: RestoreWishes,
    /// Which preflight belongs to it; answers to older ones are dropped.
    pub generation: u64,
    /// What will run: of the plan alone until the server has answered.
    pub steps: Vec<Step>,
    /// `None` while the server is asked, and when it could not be.
    pub checks: Option<Vec<PreflightCheck>>,
    /// Why the server could not be asked.
    pub not_asked: Option<Problem>,
    /// What the server said besides.
    pub prepared: Option<Box<Prepared>>,
    /// What was typed as the names of server and database, where that is asked for.
    pub typed_server: String,
    pub typed_database: String,
}

impl Review {
    /// Over the database that the backups are of.
    pub fn is_over(&self) -> bool {
        matches!(self.plan.destination, Destination::Original)
    }

    /// Whether the checks allow the run.
    pub fn checks_allow(&self) -> bool {
        self.checks.as_ref().is_some_and(|checks| {
            checks
                .iter()
                .all(|check| check.verdict != PreflightVerdict::Refused)
        })
    }

    /// The batches in their order.
    pub fn script(&self) -> Script {
        script_of(&self.steps)
    }

    /// Seconds that all steps take, as far as each has an estimate; `None` without any.
    pub fn estimate_secs(&self) -> Option<f64> {
        let known: Vec<f64> = self
            .steps
            .iter()
            .filter_map(|step| step.estimate_secs)
            .collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }
}

/// How far a cancellation got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cancelling {
    #[default]
    No,
    Asked,
}

/// What the user asked for when the running step ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Halt {
    #[default]
    No,
    Pause,
    /// Stop between two logs, and make the database readable.
    Look,
}

/// Questions to the database that a run left readable.
#[derive(Clone, Debug, Default)]
pub struct LookView {
    /// An answer is awaited.
    pub asked: bool,
    pub answer: Option<Result<Looked, Problem>>,
}

/// `DBCC CHECKDB` after a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum CheckNow {
    #[default]
    No,
    Runs,
    /// It found nothing, in so many seconds; or what it found.
    Ended(Result<f64, Problem>),
}

/// A run on the screen.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The server that restores.
    pub server: ServerId,
    /// The server that took the backups, as far as it is known: mostly the same.
    pub source: ServerId,
    pub kind: RunKind,
    /// The database that the backups are of.
    pub database: String,
    pub target_database: String,
    pub plan: RestorePlan,
    /// `None` until the worker has started it.
    pub id: Option<RunId>,
    /// When it was asked for, on our own clock.
    pub started: UtcTime,
    /// Everything that it does, in order, as far as it is known by now.
    pub steps: Vec<Step>,
    /// Of the steps that ended, in order.
    pub ended: Vec<StepReport>,
    pub progress: Option<RunProgress>,
    pub messages: Vec<(UtcTime, String)>,
    pub cancelling: Cancelling,
    /// The step that was begun last and has not ended.
    pub running: Option<usize>,
    /// Nothing goes on until somebody answers; with the step that it is about.
    pub waiting: Option<(usize, Waiting)>,
    /// What was asked for and is not there yet.
    pub asked: Halt,
    /// What has to be put back.
    pub owed: Vec<Owed>,
    pub report: Option<Box<RunReport>>,
    /// The copy was dropped again.
    pub dropped: bool,
    /// The drop is under way.
    pub dropping: bool,
    pub look: LookView,
    pub check: CheckNow,
}

impl RunView {
    /// A run that begins now, or goes on.
    pub fn new(
        server: ServerId,
        plan: RestorePlan,
        kind: RunKind,
        steps: Vec<Step>,
        started: UtcTime,
    ) -> Self {
        Self {
            server,
            source: server,
            kind,
            database: plan.database.clone(),
            target_database: crate::tsql::target_database(&plan).to_owned(),
            plan,
            id: None,
            started,
            steps,
            ended: Vec::new(),
            progress: None,
            messages: Vec::new(),
            cancelling: Cancelling::No,
            running: None,
            waiting: None,
            asked: Halt::No,
            owed: Vec::new(),
            report: None,
            dropped: false,
            dropping: false,
            look: LookView::default(),
            check: CheckNow::No,
        }
    }

    /// Whether the database lies between two logs and can be asked.
    pub fn is_readable(&self) -> bool {
        let left = self
            .report
            .as_ref()
            .is_some_and(|report| report.state == TargetState::Standby);
        let waits = matches!(self.waiting, Some((_, Waiting::Looking)));
        self.id.is_some() && (left || (waits && self.report.is_none()))
    }

    /// The script that a step sends or lets the server run.
    pub fn sql(&self, step: usize) -> Option<String> {
        let text = match &self.steps.get(step)?.action {
            StepAction::Sql(batch) => batch.sql.clone(),
            StepAction::OnServer(job) => {
                let batches = job.script.batches.iter();
                let texts: Vec<&str> = batches.map(|batch| batch.sql.trim_end()).collect();
                texts.join("\n\n")
            }
            _ => return None,
        };
        Some(text)
    }

    /// The step that runs now; `None` before the first, after the last, and while nothing goes on.
    pub fn current_step(&self) -> Option<usize> {
        if self.report.is_some() || self.id.is_none() {
            return None;
        }
        match self.waiting {
            Some((step, Waiting::ByHand)) => Some(step),
            Some(_) => None,
            None => self
                .running
                .or_else(|| (self.ended.len() < self.steps.len()).then_some(self.ended.len())),
        }
    }

    /// The batch that a step runs; the looks before and after the script have none.
    pub fn batch(&self, step: usize) -> Option<&Batch> {
        self.steps.get(step)?.batch()
    }

    /// What a step restores; `None` for every other step.
    pub fn set_of(&self, step: usize) -> Option<&PlanStep> {
        match self.batch(step)?.purpose {
            Purpose::RestoreSet { step } => self.plan.steps.get(step),
            _ => None,
        }
    }

    /// The part of all steps that is done, between 0 and 1.
    ///
    /// Steps weigh what they are estimated to take, else what they read.
    pub fn fraction(&self) -> f32 {
        let weight = |step: usize| -> f64 {
            let known = self.steps.get(step).and_then(|step| step.estimate_secs);
            match (known, self.set_of(step)) {
                (Some(seconds), _) => seconds.max(0.2),
                (None, Some(set)) => set.bytes.map_or(2.0, |bytes| bytes as f64 / 1e8 + 0.2),
                (None, None) => 0.2,
            }
        };
        let total: f64 = (0..self.steps.len()).map(weight).sum();
        if total <= 0.0 {
            return 0.0;
        }
        let mut done: f64 = (0..self.ended.len()).map(weight).sum();
        if let (Some(step), Some(progress)) = (self.current_step(), &self.progress)
            && progress.step == step
        {
            done += weight(step) * f64::from(progress.percent.unwrap_or(0.0)) / 100.0;
        }
        (done / total).clamp(0.0, 1.0) as f32
    }

    /// Seconds that all steps take, as far as each has an estimate; `None` without any.
    pub fn estimate_secs(&self) -> Option<f64> {
        let known: Vec<f64> = self
            .steps
            .iter()
            .filter_map(|step| step.estimate_secs)
            .collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }

    /// Seconds since it was started, or that it took.
    pub fn elapsed(&self, now: UtcTime) -> f64 {
        match &self.report {
            Some(report) => report.seconds,
            None => (now.seconds() - self.started.seconds()).max(0.0),
        }
    }

    /// Seconds that the running step has taken.
    pub fn step_elapsed(&self, now: UtcTime) -> Option<f64> {
        let step = self.current_step()?;
        let told = self
            .progress
            .as_ref()
            .filter(|progress| progress.step == step)
            .map(|progress| progress.elapsed_secs);
        let since = self.ended.last().map_or(self.started.seconds(), |report| {
            report.started.seconds() + report.seconds
        });
        Some(told.unwrap_or(0.0).max(now.seconds() - since).max(0.0))
    }

    /// Of the running step: how far, between 0 and 100, where the server tells.
    pub fn percent(&self) -> Option<f32> {
        let step = self.current_step()?;
        self.progress
            .as_ref()
            .filter(|progress| progress.step == step)
            .and_then(|progress| progress.percent)
    }

    /// Whether another log follows the running one, so that one can stop and look between them.
    pub fn may_look(&self) -> bool {
        let is_log = |step: usize| {
            self.set_of(step)
                .is_some_and(|set| set.backup_type == BackupType::Log)
        };
        self.current_step()
            .is_some_and(|step| is_log(step) && (is_log(step + 1) || self.restores(step + 1)))
    }

    fn restores(&self, step: usize) -> bool {
        matches!(
            self.batch(step).map(|batch| &batch.purpose),
            Some(Purpose::RestoreSet { .. } | Purpose::RestoreTail { .. })
        )
    }

    /// Recovers what was restored before, and restores nothing.
    pub fn only_recovers(&self) -> bool {
        crate::run::only_recovers(&self.steps, &self.plan)
    }

    /// Whether a statement was sent that has changed the target.
    pub fn touched(&self) -> bool {
        self.ended.iter().enumerate().any(|(step, report)| {
            self.changes_target(step) && !matches!(report.outcome, Outcome::Cancelled)
        })
    }

    /// Whether everything was restored that the plan holds, so that only looks and the steps of the application are left.
    pub fn has_restored(&self) -> bool {
        self.touched()
            && (self.ended.len()..self.steps.len()).all(|step| !self.changes_target(step))
    }

    fn changes_target(&self, step: usize) -> bool {
        match self.batch(step).map(|batch| &batch.purpose) {
            Some(Purpose::BackUpTail { .. }) => self.kind == RunKind::RestoreOver,
            Some(Purpose::Recover | Purpose::Standby) => true,
            _ => self.steps.get(step).is_some_and(Step::restores),
        }
    }

    /// What closing the window would do to the step in flight; `None` when none is.
    pub fn if_interrupted(&self) -> Option<Interruption> {
        let step = self.steps.get(self.current_step()?)?;
        Some(match (step.if_interrupted(), self.server) {
            // The window's own server ends with the window.
            (Interruption::GoesOn, ServerId::Practice) => Interruption::LeavesRestoring,
            (interruption, _) => interruption,
        })
    }
}
