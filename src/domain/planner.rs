//! The cheapest way to a target (rule 14).

use super::{DatabaseHistory, Refusal, RefusalKind, RestorePlan, RestoreRequest};
use uuid::Uuid;

/// The cheapest way to the target (rule 14), or why there is none.
pub fn plan(
    _history: &DatabaseHistory,
    request: &RestoreRequest,
) -> Result<RestorePlan, Box<Refusal>> {
    Err(Box::new(Refusal {
        kind: RefusalKind::NoBackups,
        target: request.target,
        culprit: None,
        gap: None,
        nearest_before: None,
        nearest_after: None,
        tail: None,
        notes: Vec::new(),
    }))
}

/// Why a set has no part in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The set.
    pub backup_set_uuid: Uuid,
    /// Why.
    pub reason: SkipReason,
}

/// Why a set that lies near a plan has no part in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It cannot be restored.
    Trouble(super::Trouble),
}

/// Sets near the plan that have no part in it, at most `limit`, and how many there are in all. Not for every frame.
pub fn rejected(
    _history: &DatabaseHistory,
    _request: &RestoreRequest,
    _plan: &RestorePlan,
    _limit: usize,
) -> (Vec<Rejected>, usize) {
    (Vec::new(), 0)
}
