//! Judges a restore plan by the server's rules, step by step; knows nothing of how plans are made.

use super::{DatabaseHistory, RestorePlan};
use uuid::Uuid;

/// What is wrong, or remarkable, about a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub kind: FindingKind,
    /// The step at fault, from 0; `None` for the plan as a whole.
    pub step: Option<usize>,
    /// The set at fault.
    pub backup_set_uuid: Option<Uuid>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, and is worth knowing.
    Notice,
    /// It may fail.
    Warning,
    /// The plan cannot be run.
    Error,
}

/// What a finding says.
#[derive(Clone, Debug, PartialEq)]
pub enum FindingKind {
    /// A plan without steps restores nothing.
    NoSteps,
}

/// Everything that speaks against a plan; without an error it can be run.
pub fn check(plan: &RestorePlan, _history: &DatabaseHistory) -> Vec<Finding> {
    let mut findings = Vec::new();
    if plan.steps.is_empty() {
        findings.push(Finding {
            severity: Severity::Error,
            kind: FindingKind::NoSteps,
            step: None,
            backup_set_uuid: None,
        });
    }
    findings
}
