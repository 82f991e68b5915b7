//! What a run will do, decided before it starts: ordered steps as data.
//!
//! The same value is shown for review, journaled, carried out by the one engine, and read back when an interrupted run goes on.
//! A restore to a copy is a runbook without the steps for the application, the tail and the access.

use super::{
    choices::{OwnStep, RunChoices},
    hook::HookCommand,
    report::{RunKind, StepFacts},
};
use crate::{
    domain::{BackupType, Destination, PlanStep, RestorePlan},
    tsql::{self, Batch, Purpose, Script, ServerFacts},
};

/// Everything that a run will do, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Runbook {
    pub kind: RunKind,
    /// The database that the backups are of.
    pub source_database: String,
    /// The database that is written.
    pub target_database: String,
    pub steps: Vec<Step>,
}

/// One step of a runbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// One line for people.
    pub title: String,
    pub action: Action,
    /// How long it may take; `None` without a basis.
    pub estimate_secs: Option<f64>,
    /// What it will move, as far as the plan knows.
    pub expected: StepFacts,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The plan is judged once more, the lock is taken, and the facts are read again.
    LookBefore,
    /// A program on this machine.
    Hook(HookCommand),
    /// Something that the user does; the run waits for *Done*.
    ByHand,
    /// A batch of the script; its purpose tells what it is for.
    Sql(Batch),
    /// Batches that the server runs by itself.
    OnServer(ServerJob),
    /// The state, the tables and the versions are read and compared.
    Verify,
}

/// A one-time Agent job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerJob {
    pub name: String,
    pub script: Script,
}

/// What happens to a step in flight when stopat ends or loses the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// It changes nothing, and is done again when the run goes on.
    Harmless,
    /// The server undoes it; the database stays as it is, and the step is done again.
    Undone,
    /// The server stops it; the database stays `RESTORING`, and the step starts again from its beginning.
    LeavesRestoring,
    /// The program is ended with everything that it started, and is started again when the run goes on.
    ProgramEnded,
    /// It goes on without stopat; the next start finds how far it came.
    GoesOn,
}

/// Title of the first step.
pub(super) const LOOK_BEFORE: &str = "Check that nothing has changed";
/// Title of the step in which Agent restores.
pub(super) const ON_SERVER: &str = "Restore on the server, as a one-time Agent job";
/// Title of the step that looks at what came of it.
const LOOK_AT_COPY: &str = "Verify the copy";
const LOOK_AT_DATABASE: &str = "Verify the database";

impl Step {
    /// A step of which nothing is known beforehand.
    pub fn new(title: impl Into<String>, action: Action) -> Self {
        Self {
            title: title.into(),
            action,
            estimate_secs: None,
            expected: StepFacts::default(),
        }
    }

    fn own(step: &OwnStep) -> Self {
        let action = match &step.hook {
            Some(hook) => Action::Hook(hook.clone()),
            None => Action::ByHand,
        };
        Self::new(step.title.clone(), action)
    }

    /// What is journaled and shown as running: the batch, or the line of the program.
    pub fn text(&self) -> String {
        match &self.action {
            Action::Sql(batch) => batch.sql.clone(),
            Action::Hook(hook) => hook.line(),
            Action::OnServer(job) => job.script.to_sql(),
            Action::LookBefore | Action::ByHand | Action::Verify => String::new(),
        }
    }

    /// The batch that it sends.
    pub fn batch(&self) -> Option<&Batch> {
        match &self.action {
            Action::Sql(batch) => Some(batch),
            _ => None,
        }
    }

    /// What the batch is for, where it sends one.
    pub fn purpose(&self) -> Option<&Purpose> {
        self.batch().map(|batch| &batch.purpose)
    }

    /// What closing the window would do to it while it runs; said before the window is closed.
    pub fn if_interrupted(&self) -> Interruption {
        match &self.action {
            Action::LookBefore | Action::ByHand | Action::Verify => Interruption::Harmless,
            Action::Hook(_) => Interruption::ProgramEnded,
            Action::OnServer(_) => Interruption::GoesOn,
            Action::Sql(batch) => match &batch.purpose {
                Purpose::RestoreSet { .. }
                | Purpose::RestoreTail { .. }
                | Purpose::Recover
                | Purpose::Standby => Interruption::LeavesRestoring,
                Purpose::Ask | Purpose::ReadTail { .. } | Purpose::CheckDatabase => {
                    Interruption::Harmless
                }
                _ => Interruption::Undone,
            },
        }
    }

    /// Restores a set or the tail.
    pub fn restores(&self) -> bool {
        matches!(self.action, Action::OnServer(_))
            || matches!(
                self.purpose(),
                Some(Purpose::RestoreSet { .. } | Purpose::RestoreTail { .. })
            )
    }
}

impl Runbook {
    /// The runbook of a plan: pure, so that it can be shown before anything runs.
    pub fn of(plan: &RestorePlan, facts: &ServerFacts, choices: &RunChoices) -> Self {
        let options = choices.restore_options(facts.tail_file.as_deref());
        let script = tsql::restore_script_with(plan, facts, &options);
        Self::around(plan, facts, choices, script)
    }

    /// The steps around a script that restores.
    pub(super) fn around(
        plan: &RestorePlan,
        facts: &ServerFacts,
        choices: &RunChoices,
        script: Script,
    ) -> Self {
        let is_copy = matches!(plan.destination, Destination::Copy { .. });
        let target = tsql::target_database(plan).to_owned();
        let mut steps = vec![Step::new(LOOK_BEFORE, Action::LookBefore)];
        let pauses = choices.pause_jobs.iter();
        steps.extend(pauses.map(|name| Step::from(tsql::pause_job(name, facts))));
        steps.extend(choices.before.iter().map(Step::own));
        match &choices.on_server {
            Some(name) => steps.extend(on_server(plan, name, script)),
            None => steps.extend(
                script
                    .batches
                    .into_iter()
                    .map(|batch| sql_step(plan, batch)),
            ),
        }
        steps.push(Step::new(
            if is_copy {
                LOOK_AT_COPY
            } else {
                LOOK_AT_DATABASE
            },
            Action::Verify,
        ));
        let paused = choices.pause_jobs.iter();
        steps.extend(paused.map(|name| Step::from(tsql::start_job(name, facts))));
        steps.extend(choices.after.iter().map(Step::own));
        if choices.check_database {
            steps.push(Step::from(tsql::check_database(&target)));
        }
        Self {
            kind: if is_copy {
                RunKind::RestoreCopy
            } else {
                RunKind::RestoreOver
            },
            source_database: plan.database.clone(),
            target_database: target,
            steps,
        }
    }

    /// The batches of its steps, those of a job of the server among them.
    pub fn script(&self) -> Script {
        script_of(&self.steps)
    }

    /// Titles of all steps, in order.
    pub fn titles(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.title.clone()).collect()
    }

    /// Recovers what was restored before, and restores nothing: the moment that was asked for is not reached.
    pub fn only_recovers(&self, plan: &RestorePlan) -> bool {
        only_recovers(&self.steps, plan)
    }

    /// The last step that restores something; after it the database is expected to be online.
    pub(super) fn last_restore(&self) -> Option<usize> {
        self.steps
            .iter()
            .rposition(|step| step.restores() || step.purpose() == Some(&Purpose::Recover))
    }
}

/// The same of steps alone. A plan that has nothing left to restore is another thing: it says that nothing is missing.
pub fn only_recovers(steps: &[Step], plan: &RestorePlan) -> bool {
    let recovers = |step: &Step| step.purpose() == Some(&Purpose::Recover);
    !plan.steps.is_empty() && steps.iter().any(recovers) && !steps.iter().any(Step::restores)
}

/// The batches of steps, those of a job of the server among them.
pub fn script_of(steps: &[Step]) -> Script {
    let batches = steps.iter().flat_map(|step| match &step.action {
        Action::Sql(batch) => vec![batch.clone()],
        Action::OnServer(job) => job.script.batches.clone(),
        _ => Vec::new(),
    });
    Script {
        batches: batches.collect(),
    }
}

impl From<Batch> for Step {
    fn from(batch: Batch) -> Self {
        Self::new(batch.title.clone(), Action::Sql(batch))
    }
}

/// Everything from the first restore to the last as one step that the server runs.
fn on_server(plan: &RestorePlan, name: &str, script: Script) -> Vec<Step> {
    let restores = |batch: &Batch| {
        matches!(
            batch.purpose,
            Purpose::RestoreSet { .. } | Purpose::RestoreTail { .. } | Purpose::Recover
        )
    };
    let batches = script.batches;
    let Some(first) = batches.iter().position(restores) else {
        return batches.into_iter().map(Step::from).collect();
    };
    let end = batches
        .iter()
        .rposition(restores)
        .map_or(first, |idx| idx + 1);
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = Vec::new();
    for (idx, batch) in batches.into_iter().enumerate() {
        if (first..end).contains(&idx) {
            inside.push(batch);
            if idx + 1 == end {
                let job = ServerJob {
                    name: name.to_owned(),
                    script: Script {
                        batches: std::mem::take(&mut inside),
                    },
                };
                steps.push(Step {
                    estimate_secs: plan.estimate.map(|estimate| estimate.seconds),
                    expected: StepFacts {
                        bytes: plan.bytes,
                        ..StepFacts::default()
                    },
                    ..Step::new(ON_SERVER, Action::OnServer(job))
                });
            }
        } else {
            steps.push(sql_step(plan, batch));
        }
    }
    steps
}

fn sql_step(plan: &RestorePlan, batch: Batch) -> Step {
    let set = match &batch.purpose {
        Purpose::RestoreSet { step } => plan.steps.get(*step),
        _ => None,
    };
    let (estimate_secs, expected) = match set {
        Some(set) => (plan.seconds_of(set), plan_facts(set)),
        None => (None, StepFacts::default()),
    };
    Step {
        estimate_secs,
        expected,
        ..Step::from(batch)
    }
}

/// What a set is known to hold before it is read.
pub(super) fn plan_facts(step: &PlanStep) -> StepFacts {
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
