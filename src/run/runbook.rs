//! What a run will do, decided before it starts: ordered steps as data.
//!
//! The same value is shown for review, journaled, carried out by the one engine, and read back when an interrupted run goes on.
//! A restore to a copy is a runbook without the steps for the application and the tail.

use super::{
    hook::HookCommand,
    report::{RunKind, StepFacts},
};
use crate::tsql::Batch;

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
    /// The state, the tables and the versions are read and compared.
    Verify,
}

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

    /// What is journaled and shown as running: the batch, or the line of the program.
    pub fn text(&self) -> String {
        match &self.action {
            Action::Sql(batch) => batch.sql.clone(),
            Action::Hook(hook) => hook.line(),
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
}
