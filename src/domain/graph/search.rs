//! Finds the ways to one moment: a look at the few sets around it, then back along what the logs keep.

use super::{
    Base, Edge, Graph, Label, LogRef, STARTED,
    chain::{Near, Reach, State, WayIn, holds_until},
    landing::{Goal, Landing},
    windows::fork_parts,
};
use crate::domain::{BackupSet, DatabaseHistory, Lsn};

/// How many logs that lead nowhere are passed over before a search ends.
pub(super) const MOST_MISSES: usize = 16;
/// How far back a way is followed when the kept one begins with a base that finished too late.
const MOST_DEPTH: usize = 64;

/// A way to a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The full that it begins with, and the differential or the same again: places among the sets, or `STARTED`.
    pub base: (u32, u32),
    /// The base's full, its differential, then the logs: places among the sets.
    pub sets: Vec<u32>,
    pub cost: u64,
    /// How many seconds its sets took to write.
    pub seconds: u32,
    /// Whether the last log goes without `STOPAT` (rule 7).
    pub whole_last_log: bool,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The cheapest.
    pub best: Way,
    /// The conventional one, where it leads there.
    pub conventional: Option<Way>,
}

/// A way whose sets are not collected yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub label: Label,
    /// The last log; `None` for a base alone.
    pub last: Option<LogRef>,
    pub reach: Reach,
    pub whole_last_log: bool,
    /// Whether the target lies in the last log, rather than after it.
    pub stops_inside: bool,
    pub uuid: uuid::Uuid,
}

/// When a way must have left its base, and where it stops; `None` is *latest*, or a mark.
pub(super) type Millis = Option<i64>;

impl Graph {
    /// The ways to a goal, on the fork that was live then (rule 10), and for *latest* when that is, in seconds since 1970.
    pub fn find(&self, history: &DatabaseHistory, goal: Goal) -> Option<(Found, Option<i64>)> {
        let landing = self.landing(history, goal)?;
        let found = self.choose(history, &landing.arrivals, landing.millis())?;
        Some((found, landing.until))
    }

    /// The ways to a moment, in milliseconds since 1970.
    pub fn find_at(&self, history: &DatabaseHistory, millis: i64) -> Option<Found> {
        self.find(history, Goal::At(millis)).map(|(found, _)| found)
    }

    /// The latest wall-clock state (rule 10), and when that is, in seconds since 1970.
    pub fn find_latest(&self, history: &DatabaseHistory) -> Option<(Found, i64)> {
        let (found, until) = self.find(history, Goal::Latest)?;
        Some((found, until?))
    }

    /// The price of the way that [`Self::find`] would lead to, without following it.
    pub fn price(&self, history: &DatabaseHistory, goal: Goal) -> Option<Label> {
        let Landing { arrivals, .. } = self.landing(history, goal)?;
        let cheapest = |reach| {
            arrivals
                .iter()
                .filter(|arrival| arrival.reach == reach)
                .min_by_key(|arrival| self.rank(arrival))
                .map(|arrival| arrival.label)
        };
        let best = cheapest(Reach::Best)?;
        Some(match cheapest(Reach::Conventional) {
            Some(conventional) if !earns_its_place(best.cost, conventional.cost) => conventional,
            _ => best,
        })
    }

    /// The best by rule 14, and the conventional one.
    fn choose(
        &self,
        history: &DatabaseHistory,
        arrivals: &[Arrival],
        millis: Millis,
    ) -> Option<Found> {
        let pick = |reach: Reach| {
            arrivals
                .iter()
                .filter(|arrival| arrival.reach == reach)
                .min_by_key(|arrival| self.rank(arrival))
        };
        let best = self.follow(history, pick(Reach::Best)?, millis)?;
        let conventional =
            pick(Reach::Conventional).and_then(|arrival| self.follow(history, arrival, millis));
        Some(Found { best, conventional })
    }

    /// Rule 14.
    fn rank(&self, arrival: &Arrival) -> impl Ord + use<> {
        let label = &arrival.label;
        (label.rank(self.finish_of_base(label)), arrival.uuid)
    }

    /// Every set that can be the last one on the way to a moment on this chain.
    pub(super) fn arrivals(
        &self,
        history: &DatabaseHistory,
        chain_idx: usize,
        millis: i64,
    ) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        let Some(chain) = self.chains.get(chain_idx) else {
            return arrivals;
        };
        let chain_id = u32::try_from(chain_idx).unwrap_or(u32::MAX);
        let second = millis.div_euclid(1000);
        let whole = millis.rem_euclid(1000) == 0;
        if whole {
            // Rule 6: a base that finished then.
            let from = chain
                .by_finish
                .partition_point(|&(finish, _)| finish < second);
            for &(finish, idx) in chain.by_finish.iter_from(from) {
                if finish != second {
                    break;
                }
                if let Some(base) = self.bases.get(idx as usize) {
                    self.push_alone(
                        history,
                        idx,
                        base,
                        self.is_newest_full(chain_idx, base),
                        &mut arrivals,
                    );
                }
            }
            // Rule 7: a log with bulk-logged work that finished then, applied whole.
            let from = chain.bulks.partition_point(|&(finish, _)| finish < second);
            for &(_, index) in chain
                .bulks
                .iter()
                .skip(from)
                .take_while(|(finish, _)| *finish == second)
            {
                self.push_log(
                    history,
                    LogRef {
                        chain: chain_id,
                        index,
                    },
                    Near::default(),
                    millis,
                    &mut arrivals,
                );
            }
        }
        // Rule 8: nothing changed between a state and then.
        let from = chain
            .empties
            .partition_point(|&(_, start)| start * 1000 < millis);
        for &(lsn, _) in chain.empties.iter().skip(from).take(4) {
            self.push_unchanged(history, chain_id, lsn, millis, &mut arrivals);
        }
        // Rule 5: the first logs that started at or after then.
        let start_of = |node: &super::LogNode| {
            history
                .set(node.set as usize)
                .map_or(i64::MAX, |set| set.start)
        };
        let from = chain
            .logs
            .partition_point(|node| start_of(node) * 1000 < millis);
        let n_before = arrivals.len();
        self.push_logs_from(history, chain_id, from, millis, &mut arrivals);
        if arrivals.len() == n_before && !chain.logs.is_empty() {
            // A clock that was put back leaves the starts out of order: look an hour earlier as well.
            let from = chain
                .logs
                .partition_point(|node| (start_of(node) + 7200) * 1000 < millis);
            self.push_logs_from(history, chain_id, from, millis, &mut arrivals);
        }
        // Rule 9: the part of a log across a fork point that is still on this fork.
        for &log in &chain.outgoing {
            self.push_log(history, log, Near::default(), millis, &mut arrivals);
        }
        arrivals
    }

    fn push_logs_from(
        &self,
        history: &DatabaseHistory,
        chain: u32,
        from: usize,
        millis: i64,
        arrivals: &mut Vec<Arrival>,
    ) {
        let Some(n_logs) = self.chains.get(chain as usize).map(|c| c.logs.len()) else {
            return;
        };
        let mut n_misses = 0;
        let mut near = Near::default();
        // Where the logs end that started at the moment or later: what begins behind that needs a later state as well.
        let mut landed: Option<Lsn> = None;
        for index in from..n_logs {
            let before = arrivals.len();
            near.log = index;
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let log = LogRef { chain, index };
            let set = self.log_set(history, log);
            let later =
                |set: &BackupSet| !set.crosses() && landed.is_some_and(|l| l < set.first_lsn);
            if !set.is_some_and(later) {
                near.base = self.push_log(history, log, near, millis, arrivals);
            }
            if arrivals.len() == before {
                n_misses += 1;
                if n_misses > MOST_MISSES {
                    break;
                }
            } else {
                let held = set.filter(|set| !set.has_bulk_logged_data());
                landed = landed.max(held.map(|set| set.last_lsn));
            }
        }
    }

    pub(super) fn push_alone(
        &self,
        history: &DatabaseHistory,
        idx: u32,
        base: &Base,
        conventional: bool,
        arrivals: &mut Vec<Arrival>,
    ) {
        let uuid = history
            .set(base.set as usize)
            .map_or(uuid::Uuid::nil(), |set| set.uuid);
        let reaches = [Reach::Best, Reach::Conventional];
        for reach in reaches.into_iter().take(if conventional { 2 } else { 1 }) {
            arrivals.push(Arrival {
                label: Label::of_base(base, idx),
                last: None,
                reach,
                whole_last_log: false,
                stops_inside: false,
                uuid,
            });
        }
    }

    /// Whether a base goes back to the newest full that had finished when it finished itself.
    fn is_newest_full(&self, chain_idx: usize, base: &Base) -> bool {
        let Some(chain) = self.chains.get(chain_idx) else {
            return false;
        };
        let mut n = chain
            .by_finish
            .partition_point(|&(finish, _)| finish <= base.finish);
        while let Some(&(_, idx)) = n.checked_sub(1).and_then(|n| chain.by_finish.get(n)) {
            match self.bases.get(idx as usize) {
                Some(other) if other.set == other.full => return other.full == base.full,
                _ => n -= 1,
            }
        }
        true
    }

    /// A state at the LSN of an empty log, alone.
    fn push_unchanged(
        &self,
        history: &DatabaseHistory,
        chain: u32,
        lsn: Lsn,
        millis: i64,
        arrivals: &mut Vec<Arrival>,
    ) {
        let Some(c) = self.chains.get(chain as usize) else {
            return;
        };
        let from = c.by_redo.partition_point(|&(redo, _)| redo < lsn);
        for &(redo, idx) in c.by_redo.iter_from(from) {
            if redo != lsn {
                break;
            }
            if let Some(base) = self.bases.get(idx as usize)
                && base.finish * 1000 + 1000 <= millis
            {
                self.push_alone(
                    history,
                    idx,
                    base,
                    self.is_newest_full(chain as usize, base),
                    arrivals,
                );
            }
        }
        let last_lsn = |n: usize| {
            let node = c.logs.get(n)?;
            history.set(node.set as usize).map(|set| set.last_lsn)
        };
        let from = c.logs.partition_point(|node| {
            history
                .set(node.set as usize)
                .is_some_and(|set| set.last_lsn < lsn)
        });
        for index in (from..c.logs.len()).take_while(|&n| last_lsn(n) == Some(lsn)) {
            let reference = LogRef {
                chain,
                index: u32::try_from(index).unwrap_or(u32::MAX),
            };
            let Some(set) = self.log_set(history, reference) else {
                continue;
            };
            // The finish of a log with bulk-logged work may really lie up to a second later.
            let slack = if set.has_bulk_logged_data() { 1000 } else { 0 };
            if holds_until(set) * 1000 + slack > millis {
                continue;
            }
            for reach in [Reach::Best, Reach::Conventional] {
                let label = self.label_for(history, reference, reach, Some(millis), 0);
                if label.exists() {
                    arrivals.push(Arrival {
                        label,
                        last: Some(reference),
                        reach,
                        whole_last_log: false,
                        stops_inside: false,
                        uuid: set.uuid,
                    });
                }
            }
        }
    }

    /// A log as the last one of a plan, when a target then can land in it; returns where the bases before it end.
    fn push_log(
        &self,
        history: &DatabaseHistory,
        log: LogRef,
        near: Near,
        millis: i64,
        arrivals: &mut Vec<Arrival>,
    ) -> usize {
        let Some(set) = self.log_set(history, log) else {
            return near.base;
        };
        let bulk = set.has_bulk_logged_data();
        let until = holds_until(set) * 1000;
        if millis > until || (bulk && millis != until) {
            return near.base;
        }
        let mut ways = Vec::new();
        let end_of_bases = self.ways_near(history, log.chain as usize, set, near, &mut ways);
        let lands = |way: &WayIn| {
            self.fits_before(history, way.state, millis, 0)
                && self.lands_in(history, set, way, millis)
        };
        for reach in [Reach::Best, Reach::Conventional] {
            let label = self.refined(history, &ways, reach, self.edge(set), millis, &lands, 0);
            if label.exists() {
                arrivals.push(Arrival {
                    label,
                    last: Some(log),
                    reach,
                    whole_last_log: bulk,
                    stops_inside: true,
                    uuid: set.uuid,
                });
            }
        }
        end_of_bases
    }

    /// Whether the part of the log after this state holds the moment (rule 9 for logs across a fork point).
    pub(super) fn lands_in(
        &self,
        history: &DatabaseHistory,
        set: &BackupSet,
        way: &WayIn,
        millis: i64,
    ) -> bool {
        if !way.crosses || set.has_bulk_logged_data() {
            return true;
        }
        let until = holds_until(set);
        let parts = fork_parts(history.restores(), way.lower, until);
        let on_old = parts.old_until_millis.is_some_and(|old| millis <= old);
        on_old || parts.new_from.unwrap_or(until) * 1000 <= millis
    }

    /// Whether a log can follow this state and stop at that moment: the state must lie before it.
    pub(super) fn fits_before(
        &self,
        history: &DatabaseHistory,
        state: State,
        millis: i64,
        depth: usize,
    ) -> bool {
        match state {
            // Rule 15: the finish may really lie up to a second later.
            State::Base(idx) => self
                .bases
                .get(idx as usize)
                .is_some_and(|base| base.finish * 1000 + 1000 <= millis),
            State::Log(log) => self.log_set(history, log).is_some_and(|set| {
                let holds = holds_until(set) * 1000;
                // Applied whole, and its finish may really lie up to a second later as well.
                let before = if set.has_bulk_logged_data() {
                    holds + 1000 <= millis
                } else {
                    holds < millis
                };
                before
                    && self
                        .label_for(history, log, Reach::Best, Some(millis), depth)
                        .exists()
            }),
        }
    }

    /// The kept label of a log, or another one where that begins with a base that finished too late.
    fn label_for(
        &self,
        history: &DatabaseHistory,
        log: LogRef,
        reach: Reach,
        millis: Millis,
        depth: usize,
    ) -> Label {
        let label = self.label_of(State::Log(log), reach);
        let Some(millis) = millis else { return label };
        if !label.exists() || self.finish_of_base(&label) * 1000 + 1000 <= millis {
            return label;
        }
        let (Some(node), Some(set)) = (self.log(log), self.log_set(history, log)) else {
            return Label::NONE;
        };
        if depth >= MOST_DEPTH || self.finish_of(node.oldest) * 1000 + 1000 > millis {
            return Label::NONE;
        }
        let ways = self.ways_into(history, log.chain as usize, set);
        let fits = |way: &WayIn| match way.state {
            State::Base(_) => self.fits_before(history, way.state, millis, depth + 1),
            State::Log(before) => self
                .label_for(history, before, reach, Some(millis), depth + 1)
                .exists(),
        };
        self.refined(
            history,
            &ways,
            reach,
            self.edge(set),
            millis,
            &fits,
            depth + 1,
        )
    }

    /// The label over ways of which some are ruled out, with the labels before them refined as well.
    #[expect(clippy::too_many_arguments, reason = "one recursion in two functions")]
    fn refined(
        &self,
        history: &DatabaseHistory,
        ways: &[WayIn],
        reach: Reach,
        edge: Edge,
        millis: i64,
        fits: &dyn Fn(&WayIn) -> bool,
        depth: usize,
    ) -> Label {
        let plain = self.best_of(history, ways, reach, edge, fits);
        let too_late = |label: &Label| self.finish_of_base(label) * 1000 + 1000 > millis;
        if !plain.exists() || !too_late(&plain) {
            return plain;
        }
        ways.iter()
            .filter(|way| fits(way))
            .filter_map(|way| {
                let (label, before) = match way.state {
                    State::Base(_) => (self.label_of(way.state, reach), None),
                    State::Log(log) => (
                        self.label_for(history, log, reach, Some(millis), depth),
                        Some(log),
                    ),
                };
                (label.exists() && !too_late(&label)).then(|| label.then(edge, before))
            })
            .min_by_key(|label| label.rank(self.finish_of_base(label)))
            .unwrap_or(Label::NONE)
    }

    /// The sets of a way, from its base on.
    fn follow(&self, history: &DatabaseHistory, arrival: &Arrival, millis: Millis) -> Option<Way> {
        let mut logs = Vec::new();
        let mut label = arrival.label;
        if let Some(last) = arrival.last {
            logs.push(self.log(last)?.set);
        }
        while let Some(before) = label.before() {
            logs.push(self.log(before)?.set);
            label = self.label_for(history, before, arrival.reach, millis, 0);
            if !label.exists() {
                return None;
            }
        }
        let base = self.bases.get(label.base as usize)?;
        let mut sets = sets_of(base);
        sets.extend(logs.into_iter().rev());
        Some(Way {
            base: (base.full, base.set),
            sets,
            cost: arrival.label.cost,
            seconds: arrival.label.seconds,
            whole_last_log: arrival.whole_last_log,
        })
    }
}

/// The sets of a base that are restored: not those that a started database has already.
pub(super) fn sets_of(base: &Base) -> Vec<u32> {
    let mut sets = vec![base.full];
    if base.set != base.full {
        sets.push(base.set);
    }
    sets.retain(|&set| set != STARTED);
    sets
}

impl Found {
    /// Rule 14: the conventional way, unless the cheapest is at least a tenth cheaper.
    pub fn chosen(&self) -> (&Way, bool) {
        match &self.conventional {
            Some(conventional) if !earns_its_place(self.best.cost, conventional.cost) => {
                (conventional, false)
            }
            Some(conventional) => (&self.best, conventional.sets != self.best.sets),
            None => (&self.best, false),
        }
    }
}

/// Whether a way is so much cheaper than the conventional one that it may surprise.
fn earns_its_place(best: u64, conventional: u64) -> bool {
    u128::from(best) * 10 <= u128::from(conventional) * 9
}
