//! From a request to a plan: nothing is left to choose when it runs.
//!
//! `STOPAT` stands on every log step when the target is a time, so that no step can overshoot,
//! but not on a last log with bulk-logged work, which is applied whole (rule 7), and never for *latest*.
//! What can be reached is found in the graph; this module turns it into steps.

use super::{
    BackupSet, BackupType, DatabaseHistory, Destination, Estimate, EstimateBasis, Lost, Moment,
    PlanNote, PlanStep, Reading, Refusal, RefusalKind, RestorePlan, RestoreRequest, ServerTime,
    Tail, Target, Trouble,
    clock::from_seconds,
    database::same_path,
    graph::{Exclusion, Found, Graph, Strictness},
    moves::moves_of,
    refusal,
};
use chrono::Timelike as _;
use std::sync::Arc;
use uuid::Uuid;

/// The cheapest way to the target (rule 14), or why there is none.
pub fn plan(
    history: &DatabaseHistory,
    request: &RestoreRequest,
) -> Result<RestorePlan, Box<Refusal>> {
    let graph = history
        .graphs
        .get(history, &request.limits(), Strictness::Real);
    match request.target {
        Target::Latest => match graph.find_latest(history) {
            Some((found, until)) => {
                let reaches = history.clock().moment_at(from_seconds(until));
                let maker = Maker::new(history, &graph, request);
                Ok(maker.plan(&found, reaches.server, None))
            }
            None => Err(Box::new(nothing_to_restore(history, &graph, request))),
        },
        Target::At(moment) => plan_moment(history, &graph, request, moment),
    }
}

/// What reaching a moment costs, in bytes to read plus a price for each set (rule 14); `None` where it cannot be reached.
///
/// Far cheaper than a plan: for the restore-time curve.
pub fn price(history: &DatabaseHistory, request: &RestoreRequest) -> Option<u64> {
    let graph = history
        .graphs
        .get(history, &request.limits(), Strictness::Real);
    match request.target {
        Target::At(moment) => graph.price(history, tick_millis(moment)),
        Target::Latest => graph
            .find_latest(history)
            .map(|(found, _)| found.chosen().0.cost),
    }
}

fn plan_moment(
    history: &DatabaseHistory,
    graph: &Arc<Graph>,
    request: &RestoreRequest,
    moment: Moment,
) -> Result<RestorePlan, Box<Refusal>> {
    if let Some((begins, ends)) = history.clock().second_pass(moment.instant)
        && history.clock().knows_zone()
    {
        return Err(Box::new(ambiguous(history, graph, moment, begins, ends)));
    }
    let millis = tick_millis(moment);
    let maker = Maker::new(history, graph, request);
    if let Some(found) = graph.find(history, millis) {
        let stop_at = moment.server.datetime_tick();
        return Ok(maker.plan(&found, stop_at, Some(stop_at)));
    }
    let mut refusal = refusal::refuse(history, graph, moment);
    refusal.notes = maker.notes_of_target();
    if refusal.kind == RefusalKind::AfterLastLog
        && let Some(until) = refusal::tail_from(history, graph)
        && until * 1000 < millis
        && let Some((found, _)) = graph.find_latest(history)
        && all_finished_before(history, &found, millis)
    {
        let stop_at = moment.server.datetime_tick();
        let mut plan = maker.plan(&found, stop_at, Some(stop_at));
        plan.tail = Some(match request.destination {
            Destination::Copy { .. } => Tail::LogBackup,
            Destination::Original => Tail::TailLog,
        });
        refusal.tail = Some(Box::new(plan));
    }
    Err(Box::new(refusal))
}

/// Whether a `STOPAT` then lies surely after every set that no stop can land in (rule 15).
fn all_finished_before(history: &DatabaseHistory, found: &Found, millis: i64) -> bool {
    let (way, _) = found.chosen();
    way.sets
        .iter()
        .filter_map(|&idx| history.set(idx as usize))
        .filter(|set| set.kind() != BackupType::Log || set.has_bulk_logged_data())
        .all(|set| set.finish_second() * 1000 + 1000 <= millis)
}

fn nothing_to_restore(
    history: &DatabaseHistory,
    graph: &Graph,
    request: &RestoreRequest,
) -> Refusal {
    let why = refusal::why(history, graph, i64::MAX / 2000);
    Refusal {
        kind: why.kind,
        target: request.target,
        culprit: why.culprit,
        gap: None,
        nearest_before: None,
        nearest_after: None,
        tail: None,
        notes: Vec::new(),
    }
}

/// Rule 13: `STOPAT` cannot name the second pass of a repeated hour.
fn ambiguous(
    history: &DatabaseHistory,
    graph: &Graph,
    moment: Moment,
    begins: super::UtcTime,
    ends: super::UtcTime,
) -> Refusal {
    let (begins, ends) = (begins.0.timestamp(), ends.0.timestamp());
    let spans = graph.spans();
    // The last second before the hour begins for the first time, and the first one after it ended for the second time.
    let before = spans
        .iter()
        .filter(|(from, _)| *from < begins)
        .map(|&(_, to)| to.min(begins - 1))
        .max();
    let after = spans
        .iter()
        .filter(|(_, to)| *to >= ends)
        .map(|&(from, _)| from.max(ends))
        .min();
    let at = |second: i64| history.clock().moment_at(from_seconds(second));
    Refusal {
        kind: RefusalKind::AmbiguousLocalTime,
        target: Target::At(moment),
        culprit: None,
        gap: None,
        nearest_before: before.map(at),
        nearest_after: after.map(at),
        tail: None,
        notes: Vec::new(),
    }
}

fn tick_millis(moment: Moment) -> i64 {
    let whole = moment.instant.0.timestamp() * 1000;
    let millis = moment.server.datetime_tick().0.nanosecond() / 1_000_000;
    whole + i64::from(millis)
}

/// Turns ways into plans.
struct Maker<'a> {
    history: &'a DatabaseHistory,
    graph: &'a Graph,
    request: &'a RestoreRequest,
}

impl<'a> Maker<'a> {
    fn new(history: &'a DatabaseHistory, graph: &'a Graph, request: &'a RestoreRequest) -> Self {
        Self {
            history,
            graph,
            request,
        }
    }

    fn plan(&self, found: &Found, reaches: ServerTime, stop_at: Option<ServerTime>) -> RestorePlan {
        let (way, surprising) = found.chosen();
        let sets: Vec<&BackupSet> = way
            .sets
            .iter()
            .filter_map(|&idx| self.history.set(idx as usize))
            .collect();
        let moves = match &self.request.destination {
            Destination::Original => None,
            Destination::Copy { name, files_to } => Some(moves_of(
                &sets,
                name,
                files_to.as_deref(),
                self.request.target,
            )),
        };
        let mut notes = self.notes_of_target();
        self.note_sets(&sets, &mut notes);
        if let Some(backup_set_uuid) = moves.as_ref().and_then(|moves| moves.unknown) {
            notes.push(PlanNote::FileListUnknown { backup_set_uuid });
        }
        if surprising && let Some(conventional) = &found.conventional {
            notes.push(PlanNote::UnconventionalChain {
                saves_bytes: conventional.cost.saturating_sub(way.cost),
            });
        }
        let n_sets = sets.len();
        let steps: Vec<PlanStep> = sets
            .iter()
            .enumerate()
            .map(|(n, set)| {
                let is_log = set.kind() == BackupType::Log;
                let whole = way.whole_last_log && n + 1 == n_sets;
                PlanStep {
                    stop_at: stop_at.filter(|_| is_log && !whole),
                    moves: moves
                        .as_ref()
                        .and_then(|moves| moves.of_sets.get(n).cloned())
                        .unwrap_or_default(),
                    ..self.step(set)
                }
            })
            .collect();
        RestorePlan {
            database: self.history.name().to_owned(),
            target: self.request.target,
            destination: self.request.destination.clone(),
            stop_at: steps.last().and_then(|step| step.stop_at),
            reaches: Some(reaches),
            bytes: sets.iter().map(|set| set.bytes()).sum(),
            estimate: estimate_of(&sets),
            moves: moves.map(|moves| moves.moves).unwrap_or_default(),
            notes,
            utc_offset: self.history.clock().offset_at(match self.request.target {
                Target::At(moment) => moment.instant,
                Target::Latest => self.history.clock().moment(reaches).instant,
            }),
            tail: None,
            steps,
        }
    }

    fn step(&self, set: &BackupSet) -> PlanStep {
        let lost = |name: &str| {
            self.request
                .without
                .iter()
                .any(|lost| matches!(lost, Lost::File(path) if same_path(path, name)))
        };
        PlanStep {
            backup_set_uuid: set.uuid,
            backup_set_id: set.backup_set_id(),
            backup_type: set.kind(),
            position: set.position,
            devices: set.devices_without(&lost),
            stop_at: None,
            start: set.start().server,
            finish: set.finish().server,
            bytes: set.bytes(),
            backup_size: set.backup_size(),
            has_checksums: set.has_checksums(),
            moves: Vec::new(),
            first_lsn: set.first_lsn,
            last_lsn: set.last_lsn,
        }
    }

    fn notes_of_target(&self) -> Vec<PlanNote> {
        let mut notes = Vec::new();
        if let Target::At(moment) = self.request.target {
            match self.history.clock().read(moment.server).1 {
                Reading::Once => {}
                Reading::FirstPass => notes.push(PlanNote::RepeatedHour),
                Reading::Skipped => notes.push(PlanNote::SkippedHour),
            }
        }
        notes
    }

    fn note_sets(&self, sets: &[&BackupSet], notes: &mut Vec<PlanNote>) {
        let count = |odd: &dyn Fn(&BackupSet) -> bool| sets.iter().filter(|set| odd(set)).count();
        let unknown_fork =
            count(&|set| set.lineage.last_fork.is_none() || set.lineage.family.is_none());
        if unknown_fork > 0 {
            notes.push(PlanNote::UnknownFork { sets: unknown_fork });
        }
        let unknown_size = count(&|set| set.bytes().is_none());
        if unknown_size > 0 {
            notes.push(PlanNote::SizeUnknown { sets: unknown_size });
        }
        let guessed = count(&|set| set.is_guessed());
        if guessed > 0 {
            notes.push(PlanNote::GuessedFromFile { sets: guessed });
        }
        let parts = self.graph.n_parts;
        if parts > 0 {
            notes.push(PlanNote::PartialBackupsIgnored { sets: parts });
        }
        let unknown_media = count(&|set| set.device_names().next().is_none());
        if unknown_media > 0 {
            notes.push(PlanNote::Other {
                kind: "media_unknown",
                message: format!(
                    "{unknown_media} of the sets do not say where they were written to"
                ),
            });
        }
    }
}

/// How long the sets took to write is all that a history tells of how long they take to read.
///
/// msdb keeps whole seconds, so a set counts half a second more than it says; `None` when no set took any time.
fn estimate_of(sets: &[&BackupSet]) -> Option<Estimate> {
    const SECONDS_CUT_OFF: f64 = 0.5;
    let recorded: i64 = sets.iter().map(|set| set.seconds()).sum();
    if recorded == 0 {
        return None;
    }
    let seconds = recorded as f64 + SECONDS_CUT_OFF * sets.len() as f64;
    Some(Estimate {
        seconds,
        low: seconds / 2.0,
        high: seconds * 2.0,
        basis: EstimateBasis::BackupSpeed,
    })
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
    let Some(base) = plan
        .steps
        .first()
        .and_then(|step| history.set_by_uuid(step.backup_set_uuid))
    else {
        return (Vec::new(), 0);
    };
    let used: Vec<Uuid> = plan.steps.iter().map(|step| step.backup_set_uuid).collect();
    let target = match request.target {
        Target::At(moment) => moment.instant,
        Target::Latest => super::UtcTime(chrono::DateTime::<chrono::Utc>::MAX_UTC),
    };
    let last_data = plan
        .steps
        .iter()
        .rev()
        .find(|step| step.backup_type != BackupType::Log)
        .and_then(|step| history.set_by_uuid(step.backup_set_uuid))
        .unwrap_or(base);
    let last_step = plan
        .steps
        .last()
        .and_then(|step| history.set_by_uuid(step.backup_set_uuid))
        .unwrap_or(base);
    let mut found = Vec::new();
    let mut total = 0;
    let from = history.started_before(base.start().instant);
    let until = history.started_before(target.max(last_step.start().instant)) + 1;
    for idx in from..until.min(history.len()) {
        let Some(set) = history.set(idx) else { break };
        if used.binary_search(&set.uuid).is_ok() || used.contains(&set.uuid) {
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
            let reason = skip_reason(history, &graph, set, base, last_data, last_step, target);
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
    base: &BackupSet,
    last_data: &BackupSet,
    last_step: &BackupSet,
    target: super::UtcTime,
) -> SkipReason {
    match graph.exclusion(set) {
        Some(Exclusion::Trouble(trouble)) => return SkipReason::Trouble(trouble),
        Some(Exclusion::KindIgnored) => return SkipReason::KindIgnored,
        Some(Exclusion::OtherServer) => return SkipReason::OtherServer,
        Some(Exclusion::Part) => return SkipReason::Part,
        None => {}
    }
    let fork = last_step.lineage.last_fork;
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
