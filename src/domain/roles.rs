//! Why a set is in a plan, and why another is not: worked out on demand.

use super::{
    BackupSet, BackupType, DatabaseHistory, RestorePlan, RestoreRequest, Target, Trouble, UtcTime,
    graph::{Exclusion, Graph, Strictness},
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What a plan does with a set, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetRole {
    /// It is restored.
    Used(UseReason),
    /// It is not.
    Skipped(SkipReason),
}

/// Why a set is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseReason {
    /// The full backup that everything after it builds on.
    Base,
    /// A differential of that full: logs before it are not needed.
    Differential {
        /// How many logs it makes unnecessary.
        spares_logs: usize,
    },
    /// Goes on where the set before ends.
    NextLog,
    /// Goes on from one recovery fork to the next.
    CrossesFork,
    /// The first log that began at or after the target: it surely holds it.
    HoldsTarget,
    /// It holds the mark.
    HoldsMark,
    /// Bulk-logged work is in it, so it is applied whole; the target is its end.
    AppliedWhole,
    /// The last one that there is.
    Newest,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It cannot be restored.
    Trouble(Trouble),
    /// The request leaves out this kind of backup.
    KindIgnored,
    /// Another server took it.
    OtherServer,
    /// A backup of files, filegroups or parts.
    Part,
    /// It was written to try a place.
    Probe,
    /// It finished after the target.
    AfterTarget,
    /// Everything it holds of use is in the sets before it.
    NotNeeded,
    /// It lies on another recovery fork than the target.
    OtherFork,
    /// Its base is another full backup than the one chosen.
    OtherBase,
    /// Its base is missing.
    BaseMissing,
    /// A newer differential of the same full makes it unnecessary.
    NewerDifferential,
    /// Another way is cheaper, or as cheap and more usual.
    Costlier,
    /// A database that is gone on with has its full backup already.
    StartsOver,
}

/// What a plan does with one set, and why; `None` when the history has no such set.
pub fn role_of(
    history: &DatabaseHistory,
    request: &RestoreRequest,
    plan: &RestorePlan,
    uuid: Uuid,
) -> Option<SetRole> {
    let set = history.set_by_uuid(uuid)?;
    let place = plan
        .steps
        .iter()
        .position(|step| step.backup_set_uuid == uuid);
    if let Some(place) = place {
        return Some(SetRole::Used(use_reason(history, plan, set, place)));
    }
    let graph = history
        .graphs
        .get(history, &request.limits(), Strictness::Real);
    let neighbours = Neighbours::of(history, request, plan);
    Some(SetRole::Skipped(match neighbours {
        Some(neighbours) => skip_reason(history, &graph, set, &neighbours),
        None => SkipReason::NotNeeded,
    }))
}

fn use_reason(
    history: &DatabaseHistory,
    plan: &RestorePlan,
    set: &BackupSet,
    place: usize,
) -> UseReason {
    let is_last = place + 1 == plan.steps.len() && plan.tail.is_none();
    match set.kind() {
        BackupType::Full => UseReason::Base,
        BackupType::Differential => UseReason::Differential {
            spares_logs: logs_spared(history, plan, set),
        },
        _ if set.lineage.first_fork != set.lineage.last_fork && !is_last => UseReason::CrossesFork,
        _ if !is_last => UseReason::NextLog,
        _ => match plan.target {
            Target::Mark(_) => UseReason::HoldsMark,
            Target::Latest => UseReason::Newest,
            Target::At(_) if set.has_bulk_logged_data() => UseReason::AppliedWhole,
            Target::At(_) => UseReason::HoldsTarget,
        },
    }
}

/// Logs that end between the full and its differential: without it, they would have to be applied.
fn logs_spared(history: &DatabaseHistory, plan: &RestorePlan, differential: &BackupSet) -> usize {
    let full = plan
        .steps
        .first()
        .and_then(|step| history.set_by_uuid(step.backup_set_uuid));
    let (Some(full), Some(logs)) = (full, history.lane(BackupType::Log)) else {
        return 0;
    };
    let from = logs.started_before(full.start().instant);
    logs.iter_from(from)
        .take_while(|log| log.start < differential.finish_second())
        .filter(|log| full.last_lsn < log.last_lsn && log.last_lsn <= differential.last_lsn)
        .count()
}

/// The sets of a plan between which another one is judged.
struct Neighbours<'a> {
    base: &'a BackupSet,
    last_data: &'a BackupSet,
    last: &'a BackupSet,
    target: UtcTime,
}

impl<'a> Neighbours<'a> {
    /// `None` for a plan without steps.
    fn of(
        history: &'a DatabaseHistory,
        request: &RestoreRequest,
        plan: &RestorePlan,
    ) -> Option<Self> {
        let set = |step: &super::PlanStep| history.set_by_uuid(step.backup_set_uuid);
        let base = plan.steps.first().and_then(set)?;
        let data = plan
            .steps
            .iter()
            .rfind(|step| step.backup_type != BackupType::Log);
        Some(Self {
            base,
            last_data: data.and_then(set).unwrap_or(base),
            last: plan.steps.last().and_then(set).unwrap_or(base),
            target: request.target.moment().map_or(
                UtcTime(chrono::DateTime::<chrono::Utc>::MAX_UTC),
                |moment| moment.instant,
            ),
        })
    }
}

/// Fulls and differentials between the chosen base and the target, and unused logs after it: why each has no part.
///
/// At most `limit` of them, and how many there are in all. Not for every frame.
pub fn rejected(
    history: &DatabaseHistory,
    request: &RestoreRequest,
    plan: &RestorePlan,
    limit: usize,
) -> (Vec<Rejected>, usize) {
    let graph = history
        .graphs
        .get(history, &request.limits(), Strictness::Real);
    let Some(neighbours) = Neighbours::of(history, request, plan) else {
        return (Vec::new(), 0);
    };
    let Neighbours {
        base,
        last_data,
        last,
        target,
    } = neighbours;
    let used: BTreeSet<Uuid> = plan.steps.iter().map(|step| step.backup_set_uuid).collect();
    let mut found = Vec::new();
    let mut total = 0;
    let from = history.started_before(base.start().instant);
    let until = history.started_before(target.max(last.start().instant)) + 1;
    for idx in from..until.min(history.len()) {
        let Some(set) = history.set(idx) else { break };
        if used.contains(&set.uuid) {
            continue;
        }
        let is_log = set.kind() == BackupType::Log;
        let near = if is_log {
            set.last_lsn > last_data.last_lsn
        } else {
            set.start().instant <= target
        };
        if !near {
            continue;
        }
        total += 1;
        if found.len() < limit {
            let reason = skip_reason(history, &graph, set, &neighbours);
            found.push(Rejected {
                backup_set_uuid: set.uuid,
                reason,
            });
        }
    }
    (found, total)
}

fn skip_reason(
    history: &DatabaseHistory,
    graph: &Graph,
    set: &BackupSet,
    neighbours: &Neighbours<'_>,
) -> SkipReason {
    let Neighbours {
        base,
        last_data,
        last,
        target,
    } = *neighbours;
    match graph.exclusion(set) {
        Some(Exclusion::Trouble(trouble)) => return SkipReason::Trouble(trouble),
        Some(Exclusion::KindIgnored) => return SkipReason::KindIgnored,
        Some(Exclusion::OtherServer) => return SkipReason::OtherServer,
        Some(Exclusion::Part) => return SkipReason::Part,
        Some(Exclusion::Probe) => return SkipReason::Probe,
        Some(Exclusion::StartsOver) => return SkipReason::StartsOver,
        None => {}
    }
    let fork = last.lineage.last_fork;
    let other_fork = set.lineage.last_fork.zip(fork).is_some_and(|(a, b)| a != b);
    match set.kind() {
        BackupType::Log if other_fork => SkipReason::OtherFork,
        BackupType::Log if set.start().instant > target => SkipReason::AfterTarget,
        BackupType::Log => SkipReason::NotNeeded,
        _ if set.finish().instant > target => SkipReason::AfterTarget,
        BackupType::Differential => {
            let bases = graph.bases_of(history, set);
            let same_base = bases.iter().any(|&idx| {
                history
                    .set(idx as usize)
                    .is_some_and(|full| full.uuid == base.uuid)
            });
            if bases.is_empty() {
                SkipReason::BaseMissing
            } else if !same_base {
                SkipReason::OtherBase
            } else if other_fork {
                SkipReason::OtherFork
            } else if last_data.uuid != base.uuid && last_data.last_lsn >= set.last_lsn {
                SkipReason::NewerDifferential
            } else {
                SkipReason::Costlier
            }
        }
        _ if other_fork => SkipReason::OtherFork,
        _ => SkipReason::Costlier,
    }
}
