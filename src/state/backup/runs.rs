//! Backups that run or ended in this window, here or as a one-time job on their server.

use super::BackupState;
use crate::{
    domain::{BackupPlan, BackupStep, UtcTime},
    explain::Problem,
    run::{
        BackupOutcome, BackupPhase, BackupProgress, BackupReport, BackupRunEvent, BackupStepReport,
        FoundJob, OnceRun, OnceState, RunId,
    },
    state::{Dialog, State},
    tsql::{BackupFacts, Purpose, Script, backup_script},
    worker::{BackupCall, Request, ServerId},
};
use uuid::Uuid;

/// Backups that run or ended.
#[derive(Clone, Debug)]
pub struct BackupRunView {
    pub server: ServerId,
    pub id: RunId,
    pub plan: BackupPlan,
    pub script: Script,
    /// On the own clock.
    pub started: UtcTime,
    /// One for each step of the plan.
    pub steps: Vec<BackupStepView>,
    pub cancelling: bool,
    /// Agent runs it.
    pub job: Option<BackupJobView>,
    /// Everything has ended.
    pub ended: bool,
}

/// A one-time job on the server.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupJobView {
    pub name: String,
    pub id: Uuid,
    /// It failed and is still there.
    pub remains: bool,
}

/// One backup of a run.
#[derive(Clone, Debug, Default)]
pub struct BackupStepView {
    /// What it does now; `None` while it waits.
    pub phase: Option<BackupPhase>,
    pub progress: Option<BackupProgress>,
    pub report: Option<Box<BackupStepReport>>,
}

impl BackupRunView {
    fn new(
        server: ServerId,
        id: RunId,
        plan: BackupPlan,
        script: Script,
        started: UtcTime,
    ) -> Self {
        Self {
            server,
            id,
            steps: vec![BackupStepView::default(); plan.steps.len()],
            plan,
            script,
            started,
            cancelling: false,
            job: None,
            ended: false,
        }
    }

    /// The part that is done, between 0 and 1, weighed by what the last backups took.
    pub fn fraction(&self) -> f32 {
        let bytes = |step: &BackupStep| step.expected.bytes.map(|bytes| bytes as f64 + 1e6);
        let known: Vec<f64> = self.plan.steps.iter().filter_map(bytes).collect();
        // What was never backed up counts as the others do on average.
        let usual = if known.is_empty() {
            1.0
        } else {
            known.iter().sum::<f64>() / known.len() as f64
        };
        let weight = |idx: usize| self.plan.steps.get(idx).and_then(bytes).unwrap_or(usual);
        let total: f64 = (0..self.steps.len()).map(weight).sum();
        let done: f64 = self
            .steps
            .iter()
            .enumerate()
            .map(|(idx, step)| weight(idx) * f64::from(step.fraction()))
            .sum();
        (done / total.max(1.0)).clamp(0.0, 1.0) as f32
    }

    /// The longest that any running backup still takes, as the server tells.
    pub fn remaining_secs(&self) -> Option<f64> {
        self.steps
            .iter()
            .filter(|step| step.report.is_none())
            .filter_map(|step| step.progress.as_ref()?.remaining_secs)
            .max_by(f64::total_cmp)
    }

    /// How many have ended.
    pub fn n_ended(&self) -> usize {
        self.steps.iter().filter(|s| s.report.is_some()).count()
    }
}

impl BackupStepView {
    /// Writing is nine tenths of the way where the file is read back.
    pub fn fraction(&self) -> f32 {
        if self.report.is_some() {
            return 1.0;
        }
        let percent = self
            .progress
            .as_ref()
            .and_then(|p| p.percent)
            .unwrap_or(0.0)
            / 100.0;
        match self.phase {
            None => 0.0,
            Some(BackupPhase::Writing) => percent * 0.7,
            Some(BackupPhase::Reading) => 0.7 + percent * 0.3,
        }
    }
}

impl BackupState {
    /// Whether backups run from here; a job on the server needs nobody.
    pub fn running(&self) -> bool {
        self.runs.iter().any(|run| !run.ended && run.job.is_none())
    }

    /// Jobs that were found and that no run of this window watches.
    pub fn found_jobs(&self) -> impl Iterator<Item = (ServerId, &FoundJob)> {
        let watched = |job: &FoundJob| {
            self.runs
                .iter()
                .filter_map(|run| run.job.as_ref())
                .any(|known| known.id == job.id)
        };
        self.found
            .iter()
            .flat_map(|(server, jobs)| jobs.iter().map(|job| (*server, job)))
            .filter(move |(_, job)| !watched(job))
    }

    /// What runs, wherever.
    pub fn under_way(&self) -> Option<&BackupRunView> {
        self.runs.iter().rev().find(|run| !run.ended)
    }

    pub(super) fn run_mut(&mut self, id: &RunId) -> Option<&mut BackupRunView> {
        self.runs.iter_mut().find(|run| run.id == *id)
    }
}

impl State {
    /// A run of this window began.
    pub(super) fn take_started(
        &mut self,
        server: ServerId,
        id: RunId,
        plan: BackupPlan,
        script: Script,
    ) {
        let run = BackupRunView::new(server, id, plan, script, self.own.now);
        self.backups.runs.push(run);
    }

    pub(super) fn cancel_backup(&mut self, id: RunId, step: Option<usize>) -> Vec<Request> {
        let Some(run) = self.backups.run_mut(&id) else {
            return Vec::new();
        };
        if step.is_none() {
            run.cancelling = true;
        }
        let server = run.server;
        vec![Request::Backup {
            server,
            call: BackupCall::Cancel { run: id, step },
        }]
    }

    pub(super) fn remove_job(&mut self, id: &RunId) -> Vec<Request> {
        let Some(run) = self.backups.run_mut(id) else {
            return Vec::new();
        };
        let server = run.server;
        match &mut run.job {
            Some(job) if job.remains => {
                job.remains = false;
                let job_id = job.id;
                vec![Request::Backup {
                    server,
                    call: BackupCall::RemoveJob { job_id },
                }]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn take_ended(
        &mut self,
        server: ServerId,
        id: &RunId,
        report: Option<Box<BackupReport>>,
    ) -> Vec<Request> {
        if let Some(view) = self.backups.run_mut(id) {
            view.ended = true;
            view.cancelling = false;
            if let Some(report) = report {
                for (step, ended) in view.steps.iter_mut().zip(report.steps) {
                    step.report = Some(Box::new(ended));
                }
            }
        }
        self.say_what_failed(server, id);
        vec![Request::Refresh { server }]
    }

    /// A failure is told wherever one looks; who watches the backups sees it there.
    fn say_what_failed(&mut self, server: ServerId, id: &RunId) {
        if self.dialog == Some(Dialog::Backups) {
            return;
        }
        let Some(view) = self.backups.run_mut(id) else {
            return;
        };
        let problems: Vec<Problem> = view
            .steps
            .iter()
            .filter_map(|step| step.report.as_deref())
            .filter_map(|report| {
                let fault = report.outcome.fault()?;
                Some(crate::explain::backup_fault(
                    &report.database,
                    report.kind,
                    fault,
                ))
            })
            .collect();
        for problem in problems {
            self.notice(Some(server), problem);
        }
    }

    pub(super) fn take_job(&mut self, server: ServerId, once: OnceRun) {
        let script = backup_script(&once.plan, &BackupFacts::default());
        let mut run = BackupRunView::new(server, once.run, once.plan, script, once.started);
        run.job = Some(BackupJobView {
            name: once.job_name,
            id: once.job_id,
            remains: false,
        });
        self.backups.runs.push(run);
    }

    pub(super) fn take_job_state(
        &mut self,
        server: ServerId,
        id: &RunId,
        state: OnceState,
    ) -> Vec<Request> {
        let Some(view) = self.backups.run_mut(id) else {
            return Vec::new();
        };
        match state {
            OnceState::Running {
                percent,
                remaining_secs,
                n_ended,
            } => {
                let at = view.step_of_batch(n_ended);
                if let Some((step, phase)) = at
                    && let Some(row) = view.steps.get_mut(step)
                {
                    row.phase = Some(phase);
                    row.progress = Some(BackupProgress {
                        step,
                        phase,
                        elapsed_secs: 0.0,
                        percent,
                        remaining_secs,
                    });
                }
                Vec::new()
            }
            OnceState::Ended { steps, job_remains } => {
                for (row, report) in view.steps.iter_mut().zip(steps) {
                    row.report = Some(Box::new(report));
                }
                view.ended = true;
                if let Some(job) = &mut view.job {
                    job.remains = job_remains;
                }
                self.say_what_failed(server, id);
                vec![Request::Refresh { server }]
            }
        }
    }

    /// Whether any backup of this run failed.
    pub fn backup_failed(run: &BackupRunView) -> bool {
        run.steps
            .iter()
            .filter_map(|step| step.report.as_deref())
            .any(|report| matches!(report.outcome, BackupOutcome::Failed(_)))
    }
}

impl BackupRunView {
    /// The step of the plan that the batch with this number works on.
    fn step_of_batch(&self, number: usize) -> Option<(usize, BackupPhase)> {
        match self.script.batches.get(number).map(|b| &b.purpose) {
            Some(Purpose::BackUp { step }) => Some((*step, BackupPhase::Writing)),
            Some(Purpose::VerifyBackup { step }) => Some((*step, BackupPhase::Reading)),
            _ => None,
        }
    }
}

pub(super) fn take_running(view: &mut BackupRunView, event: BackupRunEvent) {
    match event {
        BackupRunEvent::PhaseBegan { step, phase } => {
            if let Some(row) = view.steps.get_mut(step) {
                row.phase = Some(phase);
                row.progress = None;
            }
        }
        BackupRunEvent::Progress(progress) => {
            if let Some(row) = view.steps.get_mut(progress.step) {
                row.progress = Some(progress);
            }
        }
        BackupRunEvent::StepEnded { step, report } => {
            if let Some(row) = view.steps.get_mut(step) {
                row.report = Some(report);
            }
        }
        BackupRunEvent::Message { .. } => {}
    }
}
