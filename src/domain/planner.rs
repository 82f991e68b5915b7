//! From a request to a plan: nothing is left to choose when it runs.
//!
//! `STOPAT` stands on every log step when the target is a time, so that no step can overshoot,
//! but not on a last log with bulk-logged work, which is applied whole (rule 7), and never for *latest*.
//! What can be reached is found in the graph; this module turns it into steps.

use super::{
    BackupSet, BackupType, ChosenBase, Cost, DatabaseHistory, Destination, Limits, Lost, Moment,
    PlanNote, PlanStep, Price, Reading, Refusal, RefusalKind, RestorePlan, RestoreRequest, Saving,
    ServerTime, StopMark, Tail, Target,
    clock::from_seconds,
    database::same_path,
    graph::{Found, Goal, Graph, Label, STARTED, Strictness, Wanted, Way},
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
    let graph = graph_for(history, request);
    let maker = Maker::new(history, &graph, request);
    if let (Target::At(moment), true) = (request.target, history.clock().knows_zone())
        && let Some((begins, ends)) = history.clock().second_pass(moment.instant)
    {
        return Err(Box::new(ambiguous(history, &graph, moment, begins, ends)));
    }
    let goal = goal_of(request.target);
    if let Some((found, until)) = graph.find(history, goal) {
        return Ok(maker.chosen_plan(&found, maker.end(until), goal));
    }
    match request.target.moment() {
        Some(moment) => Err(Box::new(maker.refusal(moment))),
        None => Err(Box::new(nothing_to_restore(history, &graph, request))),
    }
}

/// What reaching the target costs; `None` where it cannot be reached.
///
/// Far cheaper than a plan: for the restore-time curve.
pub fn price(history: &DatabaseHistory, request: &RestoreRequest) -> Option<Price> {
    let graph = graph_for(history, request);
    let label = graph.price(history, goal_of(request.target))?;
    let Label {
        cost,
        count,
        seconds,
        ..
    } = label;
    Some(request.costs.price(cost, count, seconds))
}

/// The prices of many moments, in whole seconds since 1970; a graph is looked up once for all of them.
pub fn prices(history: &DatabaseHistory, limits: &Limits, seconds: &[i64]) -> Vec<Option<Price>> {
    let graph = history.graphs.get(history, limits, Strictness::Real);
    seconds
        .iter()
        .map(|second| {
            let label = graph.price(history, Goal::At(second.saturating_mul(1000)))?;
            Some(limits.costs.price(label.cost, label.count, label.seconds))
        })
        .collect()
}

/// A way to the target beside others.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// The plan of this way.
    pub plan: RestorePlan,
    /// To be put into a request that asks for this way.
    pub base: ChosenBase,
    /// What is different from the plan that was chosen; `None` for that one itself.
    pub difference: Option<Difference>,
}

/// What is different about a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// By how much it costs less or more.
    pub cost: CostDifference,
    /// The full backup that it begins with.
    pub full: Exchange,
    /// Its differential.
    pub differential: Exchange,
    /// How many more logs it applies; below zero for fewer.
    pub logs: i64,
    /// How many milliseconds longer it takes by the estimates; below zero for shorter, `None` without a basis.
    pub millis: Option<i64>,
}

/// A difference of two prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostDifference {
    /// It costs so much less.
    Saves(Cost),
    /// It costs so much more.
    Adds(Cost),
}

/// What stands in the place of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// The same set, or in both nothing.
    Same,
    /// An older one.
    Older,
    /// A newer one.
    Newer,
    /// None.
    Dropped,
    /// One where there was none.
    Added,
}

/// The plan, and the cheapest others that begin with other data backups: at most `n` in all.
///
/// On demand, not while dragging: it follows the logs back to several bases.
pub fn alternatives(
    history: &DatabaseHistory,
    request: &RestoreRequest,
    n: usize,
) -> Vec<Alternative> {
    let usual = RestoreRequest {
        base: None,
        ..request.clone()
    };
    let graph = graph_for(history, &usual);
    let goal = goal_of(request.target);
    let Some((found, until)) = graph.find(history, goal) else {
        return Vec::new();
    };
    let maker = Maker::new(history, &graph, &usual);
    let end = maker.end(until);
    let (chosen, _) = found.chosen();
    let first = maker.chosen_plan(&found, end, goal);
    let others = graph
        .ways(history, goal, Wanted::Cheapest(n.saturating_add(1)))
        .into_iter()
        .filter(|way| way.base != chosen.base)
        .map(|way| Alternative {
            plan: maker.plan(&way, end, Vec::new()),
            base: maker.base_of(&way),
            difference: Some(maker.difference(chosen, &way)),
        });
    let first = Alternative {
        plan: first,
        base: maker.base_of(chosen),
        difference: None,
    };
    std::iter::once(first).chain(others).take(n).collect()
}

fn graph_for(history: &DatabaseHistory, request: &RestoreRequest) -> Arc<Graph> {
    history
        .graphs
        .get(history, &request.limits(), Strictness::Real)
}

fn goal_of(target: Target) -> Goal {
    match target {
        Target::At(moment) => Goal::At(tick_millis(moment)),
        Target::Latest => Goal::Latest,
        Target::Mark(mark) => Goal::Mark {
            lsn: mark.lsn,
            second: mark.at.instant.0.timestamp(),
        },
    }
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
    let why = refusal::why(history, graph, &graph.spans(), i64::MAX / 2000);
    Refusal {
        kind: why.kind,
        target: request.target,
        goes_on: graph.started.is_some(),
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
        goes_on: graph.started.is_some(),
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

/// Where a plan ends.
#[derive(Clone, Copy, Debug)]
struct End {
    reaches: ServerTime,
    stop_at: Option<ServerTime>,
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

    /// `until` is when *latest* is, in seconds since 1970.
    fn end(&self, until: Option<i64>) -> End {
        match self.request.target {
            Target::At(moment) => {
                let stop_at = moment.server.datetime_tick();
                End {
                    reaches: stop_at,
                    stop_at: Some(stop_at),
                }
            }
            Target::Mark(mark) => End {
                reaches: mark.at.server,
                stop_at: None,
            },
            Target::Latest => {
                let until = from_seconds(until.unwrap_or_default());
                End {
                    reaches: self.history.clock().moment_at(until).server,
                    stop_at: None,
                }
            }
        }
    }

    /// The plan of the way that the user chose, else of the one that rule 14 chooses.
    fn chosen_plan(&self, found: &Found, end: End, goal: Goal) -> RestorePlan {
        let (way, surprising) = found.chosen();
        let mut notes = Vec::new();
        if let Some(base) = self.request.base {
            match self.way_from(base, goal) {
                Some(way) => return self.plan(&way, end, notes),
                None => notes.push(PlanNote::ChosenBaseUnusable),
            }
        }
        if surprising && let Some(conventional) = &found.conventional {
            notes.push(self.surprise(conventional, way));
        }
        self.plan(way, end, notes)
    }

    fn surprise(&self, conventional: &Way, chosen: &Way) -> PlanNote {
        let price = |way: &Way| {
            let n_sets = u32::try_from(way.sets.len()).unwrap_or(u32::MAX);
            self.request.costs.price(way.cost, n_sets, way.seconds)
        };
        let bytes = |way: &Way| price(way).bytes.map(|bytes| bytes as i64);
        let saves = match bytes(conventional).zip(bytes(chosen)) {
            Some((usual, here)) => Saving::Bytes(usual.saturating_sub(here)),
            None => Saving::Millis(conventional.cost.saturating_sub(chosen.cost)),
        };
        PlanNote::UnconventionalChain {
            saves,
            fewer_sets: conventional.sets.len() as i64 - chosen.sets.len() as i64,
        }
    }

    fn way_from(&self, base: ChosenBase, goal: Goal) -> Option<Way> {
        let place = |uuid: Option<Uuid>| match uuid {
            Some(uuid) => u32::try_from(self.history.index_of(uuid)?).ok(),
            None => Some(STARTED),
        };
        let full = place(base.full)?;
        let set = match base.differential {
            Some(_) => place(base.differential)?,
            None => full,
        };
        self.graph
            .ways(self.history, goal, Wanted::From(full, set))
            .into_iter()
            .next()
    }

    fn base_of(&self, way: &Way) -> ChosenBase {
        let uuid = |idx: u32| self.history.set(idx as usize).map(|set| set.uuid);
        let (full, set) = way.base;
        ChosenBase {
            full: uuid(full),
            differential: (set != full).then(|| uuid(set)).flatten(),
        }
    }

    fn difference(&self, chosen: &Way, other: &Way) -> Difference {
        let costs = &self.request.costs;
        let differential = |way: &Way| (way.base.0 != way.base.1).then_some(way.base.1);
        let logs = |way: &Way| {
            let log = |idx: &&u32| {
                self.history
                    .set(**idx as usize)
                    .is_some_and(|set| set.kind() == BackupType::Log)
            };
            i64::try_from(way.sets.iter().filter(log).count()).unwrap_or(i64::MAX)
        };
        let estimated = |way: &Way| {
            let n_sets = u32::try_from(way.sets.len()).unwrap_or(u32::MAX);
            let estimate = costs.estimate(way.cost, n_sets, way.seconds);
            estimate.map(|estimate| estimate.seconds)
        };
        Difference {
            cost: if other.cost <= chosen.cost {
                CostDifference::Saves(costs.cost(chosen.cost - other.cost))
            } else {
                CostDifference::Adds(costs.cost(other.cost - chosen.cost))
            },
            full: exchange(Some(chosen.base.0), Some(other.base.0)),
            differential: exchange(differential(chosen), differential(other)),
            logs: logs(other) - logs(chosen),
            millis: estimated(other)
                .zip(estimated(chosen))
                .map(|(other, chosen)| ((other - chosen) * 1000.0) as i64),
        }
    }

    /// Why nothing leads to `moment`, with the plan up to the last log where a log backup taken now would go on from it.
    fn refusal(&self, moment: Moment) -> Refusal {
        let Self {
            history,
            graph,
            request,
        } = *self;
        let mut refusal = refusal::refuse(history, graph, moment);
        refusal.target = request.target;
        refusal.notes = self.notes_of_target();
        let millis = tick_millis(moment);
        if let Target::Mark(_) = request.target
            && graph.chains.iter().any(|chain| chain.spans.hold(millis))
        {
            // Its moment can be reached, but the record lies where no way surely leads.
            refusal.kind = RefusalKind::RecoveryFork;
        }
        if refusal.kind == RefusalKind::AfterLastLog
            && let Some(until) = refusal::tail_from(history, graph)
            && until * 1000 < millis
            && let Some((found, _)) = graph.find_latest(history)
            && all_finished_before(history, &found, millis)
            && self.before_mark(&found)
        {
            let mut plan = self.chosen_plan(&found, self.end(None), Goal::Latest);
            plan.tail = Some(match request.destination {
                Destination::Copy { .. } => Tail::LogBackup,
                Destination::Original => Tail::TailLog,
            });
            refusal.tail = Some(Box::new(plan));
        }
        refusal
    }

    fn plan(&self, way: &Way, end: End, more_notes: Vec<PlanNote>) -> RestorePlan {
        let End { reaches, stop_at } = end;
        let sets: Vec<&BackupSet> = way
            .sets
            .iter()
            .filter_map(|&idx| self.history.set(idx as usize))
            .collect();
        let there = self.request.start.restoring();
        let moves = match &self.request.destination {
            Destination::Original => None,
            Destination::Copy { name, files_to } => Some(moves_of(
                &sets,
                name,
                files_to.as_deref(),
                self.request.target,
                there.map_or(&[], |state| &state.files),
            )),
        };
        let mut notes = self.notes_of_target();
        self.note_sets(&sets, &mut notes);
        if let Some(backup_set_uuid) = moves.as_ref().and_then(|moves| moves.unknown) {
            notes.push(PlanNote::FileListUnknown { backup_set_uuid });
        }
        notes.extend(more_notes);
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
        let n_steps = u32::try_from(n_sets).unwrap_or(u32::MAX);
        let price = self.request.costs.price(way.cost, n_steps, way.seconds);
        RestorePlan {
            database: self.history.name().to_owned(),
            target: self.request.target,
            destination: self.request.destination.clone(),
            start: self.request.start.clone(),
            stop_at: steps.last().and_then(|step| step.stop_at),
            stop_mark: self.stop_mark(),
            reaches: Some(reaches),
            bytes: sets.iter().map(|set| set.bytes()).sum(),
            estimate: price.estimate,
            price,
            moves: moves.map(|moves| moves.moves).unwrap_or_default(),
            notes,
            utc_offset: {
                let moment = self.request.target.moment();
                let moment = moment.unwrap_or_else(|| self.history.clock().moment(reaches));
                self.history.clock().offset_at(moment.instant)
            },
            tail: None,
            steps,
        }
    }

    /// Whether the mark lies after all sets of a way; true for other targets.
    fn before_mark(&self, found: &Found) -> bool {
        let Target::Mark(mark) = self.request.target else {
            return true;
        };
        let (way, _) = found.chosen();
        way.sets
            .iter()
            .filter_map(|&idx| self.history.set(idx as usize))
            .all(|set| set.last_lsn <= mark.lsn)
    }

    fn stop_mark(&self) -> Option<StopMark> {
        let Target::Mark(target) = self.request.target else {
            return None;
        };
        let mark = self.history.mark(target)?;
        Some(StopMark {
            name: mark.name.to_string(),
            after: mark.at.server.datetime_tick(),
            stop: target.stop,
        })
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
        let inside = self
            .graph
            .started
            .as_ref()
            .is_some_and(|started| started.stand.inside);
        if inside {
            notes.push(PlanNote::StandsInsideLog);
        }
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

fn exchange(chosen: Option<u32>, other: Option<u32>) -> Exchange {
    match (chosen, other) {
        (Some(chosen), Some(other)) if other < chosen => Exchange::Older,
        (Some(chosen), Some(other)) if other > chosen => Exchange::Newer,
        (Some(_), None) => Exchange::Dropped,
        (None, Some(_)) => Exchange::Added,
        _ => Exchange::Same,
    }
}
