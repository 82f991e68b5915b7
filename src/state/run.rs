//! A restore that is reviewed, runs, or ended.

use crate::{
    domain::{RestorePlan, RestoreRequest, UtcTime},
    run::{RunId, RunReport, StepReport},
    tsql::{Batch, Script},
    worker::{PreflightCheck, PreflightVerdict, RunProgress, ServerId},
};

/// The last look before a restore.
#[derive(Clone, Debug)]
pub struct Review {
    pub server: ServerId,
    pub database: String,
    pub request: RestoreRequest,
    pub plan: RestorePlan,
    /// Which preflight belongs to it; answers to older ones are dropped.
    pub generation: u64,
    /// The script that will run; the one from the preflight once that has answered.
    pub script: Script,
    /// `None` while the server is asked.
    pub checks: Option<Vec<PreflightCheck>>,
}

impl Review {
    /// Whether the checks allow the run.
    pub fn may_start(&self) -> bool {
        self.checks.as_ref().is_some_and(|checks| {
            checks
                .iter()
                .all(|check| check.verdict != PreflightVerdict::Refused)
        })
    }
}

/// How far a cancellation got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cancelling {
    #[default]
    No,
    Asked,
}

/// A run on the screen.
#[derive(Clone, Debug)]
pub struct RunView {
    pub server: ServerId,
    pub database: String,
    pub target_database: String,
    pub plan: RestorePlan,
    /// `None` until the worker has started it.
    pub id: Option<RunId>,
    /// When it was asked for, on our own clock.
    pub started: UtcTime,
    pub script: Script,
    /// Titles of all steps, those after the script included.
    pub steps: Vec<String>,
    /// Of the steps that ended, in order.
    pub ended: Vec<StepReport>,
    /// When each step began, on our own clock.
    pub began: Vec<UtcTime>,
    pub progress: Option<RunProgress>,
    pub messages: Vec<(UtcTime, String)>,
    pub cancelling: Cancelling,
    pub report: Option<Box<RunReport>>,
    /// The copy was dropped again.
    pub dropped: bool,
    /// The drop is under way.
    pub dropping: bool,
}

impl RunView {
    /// The step that runs now; `None` before the first and after the last.
    pub fn current_step(&self) -> Option<usize> {
        let next = self.ended.len();
        (self.report.is_none() && self.id.is_some() && next < self.steps.len()).then_some(next)
    }

    /// The batch that a step runs; the looks before and after the script have none.
    pub fn batch(&self, step: usize) -> Option<&Batch> {
        self.script.batches.get(step.checked_sub(1)?)
    }

    /// The part of all steps that is done, between 0 and 1, weighed by the bytes that each restores.
    pub fn fraction(&self) -> f32 {
        if self.steps.is_empty() {
            return 0.0;
        }
        let weight = |step: usize| -> f64 {
            match self.batch(step).map(|batch| &batch.purpose) {
                Some(crate::tsql::Purpose::RestoreSet { step }) => self
                    .plan
                    .steps
                    .get(*step)
                    .and_then(|step| step.bytes)
                    .map_or(1e8, |bytes| bytes as f64 + 1e7),
                _ => 1e7,
            }
        };
        let total: f64 = (0..self.steps.len()).map(weight).sum();
        let mut done: f64 = (0..self.ended.len()).map(weight).sum();
        if let (Some(step), Some(progress)) = (self.current_step(), &self.progress)
            && progress.step == step
        {
            done += weight(step) * f64::from(progress.percent.unwrap_or(0.0)) / 100.0;
        }
        (done / total.max(1.0)).clamp(0.0, 1.0) as f32
    }

    /// Seconds since it was started, or that it took.
    pub fn elapsed(&self, now: UtcTime) -> f64 {
        match &self.report {
            Some(report) => report.seconds,
            None => (now.seconds() - self.started.seconds()).max(0.0),
        }
    }
}
