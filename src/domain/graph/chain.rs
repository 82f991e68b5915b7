//! One recovery fork: the data backups that begin on it, and its logs with the cheapest way to each.

use super::{
    Base, Edge, Graph, Label, LogRef,
    windows::{SpanList, Spans},
};
use crate::domain::{BackupSet, DatabaseHistory, Lsn, Restore, SharedVec};
use uuid::Uuid;

/// How many earlier states a log is compared with. More than this overlap only where hundreds of copy-only logs were taken.
const MOST_BEFORE: usize = 64;

/// One fork.
#[derive(Clone, Debug)]
pub struct Chain {
    pub family: Option<Uuid>,
    pub fork: Option<Uuid>,
    /// The chain that it left.
    pub parent: Option<usize>,
    /// Bases by redo LSN.
    pub by_redo: SharedVec<(Lsn, u32)>,
    /// Bases by finish.
    pub by_finish: SharedVec<(i64, u32)>,
    /// Logs that hold something, by their ends; those that nothing leads to have no label.
    pub logs: SharedVec<LogNode>,
    /// Logs that hold nothing: at this LSN nothing changed until then (rule 8). By LSN.
    pub empties: Vec<(Lsn, i64)>,
    /// Reachable logs with bulk-logged work: finish and place in `logs`.
    pub bulks: Vec<(i64, u32)>,
    /// Logs of other chains that leave this one.
    pub outgoing: Vec<LogRef>,
    /// When a target can land on this chain.
    pub spans: Spans,
    /// The reachable log that reaches latest: that time, and its place.
    pub latest_log: Option<(i64, u32)>,
}

/// A log that holds something.
#[derive(Clone, Copy, Debug)]
pub struct LogNode {
    pub set: u32,
    /// The cheapest way to the state after it.
    pub best: Label,
    /// The conventional way: newest full, its newest differential, the logs after it.
    pub conventional: Label,
    /// The base that finished first of those from which some way leads here, in `Graph::bases`.
    pub oldest: u32,
}

/// A state that a log can be applied to.
#[derive(Clone, Copy, Debug)]
pub enum State {
    Base(u32),
    Log(LogRef),
}

/// A way into a log.
#[derive(Clone, Copy, Debug)]
pub struct WayIn {
    pub state: State,
    /// Across the fork point, from the fork that the log leaves.
    pub crosses: bool,
    /// No earlier moment can be reached this way, in seconds since 1970.
    pub lower: i64,
}

/// Room for what is worked out for one log after the other, and where the last one was found.
#[derive(Debug, Default)]
pub struct Room {
    ways: Vec<WayIn>,
    own: SpanList,
    old: SpanList,
    near: Near,
}

/// Places near which the states before a log lie: known beforehand, they are not searched for among a million.
#[derive(Clone, Copy, Debug)]
pub struct Near {
    /// In `Chain::by_redo`.
    pub base: usize,
    /// In `Chain::logs`.
    pub log: usize,
}

impl Default for Near {
    /// The ends, where the newest are.
    fn default() -> Self {
        Self {
            base: usize::MAX,
            log: usize::MAX,
        }
    }
}

/// Which of the two labels of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Best,
    Conventional,
}

impl Chain {
    pub fn new(family: Option<Uuid>, fork: Option<Uuid>) -> Self {
        Self {
            family,
            fork,
            parent: None,
            by_redo: SharedVec::default(),
            by_finish: SharedVec::default(),
            logs: SharedVec::default(),
            empties: Vec::new(),
            bulks: Vec::new(),
            outgoing: Vec::new(),
            spans: Spans::default(),
            latest_log: None,
        }
    }

    pub fn push_base(&mut self, base: &Base, index: u32) {
        self.by_redo.push((base.redo, index));
        self.by_finish.push((base.finish, index));
        self.spans.push(base.finish, base.finish);
    }

    pub fn sort_bases(&mut self, bases: &SharedVec<Base>) {
        if !self.by_redo.iter().is_sorted() {
            let mut sorted: Vec<(Lsn, u32)> = self.by_redo.iter().copied().collect();
            sorted.sort_unstable();
            self.by_redo = sorted.into_iter().collect();
        }
        if !self.by_finish.iter().is_sorted() {
            let mut sorted: Vec<(i64, u32)> = self.by_finish.iter().copied().collect();
            sorted.sort_unstable_by_key(|&(finish, idx)| {
                (finish, bases.get(idx as usize).map(|base| base.redo), idx)
            });
            self.by_finish = sorted.into_iter().collect();
        }
    }

    /// Whether a new data backup leaves all that is decided as it is.
    pub fn accepts_base(
        &self,
        history: &DatabaseHistory,
        bases: &SharedVec<Base>,
        set: &BackupSet,
    ) -> bool {
        self.outgoing.is_empty()
            && self.last_lsn(history).is_none_or(|lsn| lsn <= set.last_lsn)
            && self
                .by_redo
                .last()
                .is_none_or(|&(redo, _)| redo <= set.last_lsn)
            && self
                .by_finish
                .last()
                .and_then(|&(_, idx)| bases.get(idx as usize))
                .is_none_or(|base| base.finish <= set.finish_second())
    }

    /// Whether a new log leaves all that is decided as it is.
    pub fn accepts_log(&self, history: &DatabaseHistory, set: &BackupSet) -> bool {
        self.outgoing.is_empty() && self.last_lsn(history).is_none_or(|lsn| lsn <= set.last_lsn)
    }

    fn last_lsn(&self, history: &DatabaseHistory) -> Option<Lsn> {
        let node = self.logs.last()?;
        history.set(node.set as usize).map(|set| set.last_lsn)
    }

    /// How far nothing changed after a state at this LSN.
    pub fn unchanged_until(&self, redo: Lsn) -> Option<i64> {
        let idx = self.empties.binary_search_by_key(&redo, |&(lsn, _)| lsn);
        self.empties.get(idx.ok()?).map(|&(_, start)| start)
    }
}

/// The last moment that a log surely holds: its start; of one with bulk-logged work, applied whole, its finish (rules 5 and 7).
pub fn holds_until(set: &BackupSet) -> i64 {
    if set.has_bulk_logged_data() {
        set.finish_second()
    } else {
        set.start
    }
}

impl Graph {
    /// Finds the ways to a log and keeps the cheapest. Logs come in the order of their ends.
    pub fn add_log(
        &mut self,
        history: &DatabaseHistory,
        chain_idx: usize,
        idx: u32,
        room: &mut Room,
    ) {
        let Some(set) = history.set(idx as usize) else {
            return;
        };
        if set.first_lsn >= set.last_lsn {
            if set.first_lsn == set.last_lsn {
                self.add_empty(history, chain_idx, set);
            }
            return;
        }
        let Room {
            ways,
            own,
            old,
            near,
        } = room;
        near.log = self
            .chains
            .get(chain_idx)
            .map_or(0, |chain| chain.logs.len());
        near.base = self.ways_near(history, chain_idx, set, *near, ways);
        let edge = self.edge(set);
        let any = |_: &WayIn| true;
        let best = self.best_of(history, ways, Reach::Best, edge, &any);
        let conventional = self.best_of(history, ways, Reach::Conventional, edge, &any);
        let oldest = ways
            .iter()
            .filter_map(|way| match way.state {
                State::Base(base) => Some(base),
                State::Log(log) => self.log(log).map(|node| node.oldest),
            })
            .min_by_key(|&base| self.finish_of(base))
            .unwrap_or(u32::MAX);
        self.spans_of(history, set, ways, own, old);
        let parents: Vec<u32> = if set.crosses() {
            let placement = self.placements.get(&*set.lineage);
            placement.map_or(Vec::new(), |placement| placement.first.clone())
        } else {
            Vec::new()
        };
        let Some(chain) = self.chains.get_mut(chain_idx) else {
            return;
        };
        let index = u32::try_from(chain.logs.len()).unwrap_or(u32::MAX);
        chain.logs.push(LogNode {
            set: idx,
            best,
            conventional,
            oldest,
        });
        for &(from, to) in own.iter() {
            chain.spans.push(from, to);
        }
        if best.exists() {
            let until = holds_until(set);
            if chain.latest_log.is_none_or(|(latest, _)| latest <= until) {
                chain.latest_log = Some((until, index));
            }
            if set.has_bulk_logged_data() {
                chain.bulks.push((set.finish_second(), index));
            }
        }
        for parent in parents.into_iter().filter(|&p| p as usize != chain_idx) {
            if let Some(parent) = self.chains.get_mut(parent as usize) {
                parent.outgoing.push(LogRef {
                    chain: u32::try_from(chain_idx).unwrap_or(u32::MAX),
                    index,
                });
                for &(from, to) in old.iter() {
                    parent.spans.push(from, to);
                }
            }
        }
    }

    /// An empty log at the end of a state says that nothing changed until it started (rule 8).
    fn add_empty(&mut self, history: &DatabaseHistory, chain_idx: usize, set: &BackupSet) {
        let lsn = set.last_lsn;
        let after = Lsn::new(lsn.decimal() + 1).unwrap_or(lsn);
        let mut from = i64::MAX;
        let mut found = Vec::new();
        self.states_in(
            history,
            chain_idx,
            (lsn, after),
            Near::default(),
            &mut |state| {
                found.push(state);
            },
        );
        for state in found {
            from = from.min(self.lower_of(history, state));
        }
        let Some(chain) = self.chains.get_mut(chain_idx) else {
            return;
        };
        match chain.empties.binary_search_by_key(&lsn, |&(lsn, _)| lsn) {
            Ok(at) => {
                if let Some((_, start)) = chain.empties.get_mut(at) {
                    *start = (*start).max(set.start);
                }
            }
            Err(at) => chain.empties.insert(at, (lsn, set.start)),
        }
        if from <= set.start {
            chain.spans.push(from, set.start);
        }
    }

    /// All states that a log can be applied to and that it moves on (rules 3 and 4).
    pub fn ways_into(
        &self,
        history: &DatabaseHistory,
        chain_idx: usize,
        set: &BackupSet,
    ) -> Vec<WayIn> {
        let mut ways = Vec::new();
        self.ways_near(history, chain_idx, set, Near::default(), &mut ways);
        ways
    }

    /// The same, with places to look at first; returns where the bases before the log end in `Chain::by_redo`.
    pub fn ways_near(
        &self,
        history: &DatabaseHistory,
        chain_idx: usize,
        set: &BackupSet,
        near: Near,
        ways: &mut Vec<WayIn>,
    ) -> usize {
        ways.clear();
        let mut push = |state, crosses| {
            let lower = self.lower_of(history, state);
            let way = WayIn {
                state,
                crosses,
                lower,
            };
            if !crosses || self.surely_crossed(history, set, &way) {
                ways.push(way);
            }
        };
        let lineage = &set.lineage;
        let first_lsn = set.first_lsn;
        if !set.crosses() {
            let lsns = (first_lsn, set.last_lsn);
            return self.states_in(history, chain_idx, lsns, near, &mut |state| {
                push(state, false);
            });
        }
        // Where the fork point is unknown, only the very beginning of the log is surely on the old fork.
        let point = lineage.fork_point.unwrap_or(first_lsn);
        let after_point = Lsn::new(point.decimal() + 1).unwrap_or(point);
        let lsns = (first_lsn.max(after_point), set.last_lsn);
        let end = self.states_in(history, chain_idx, lsns, near, &mut |state| {
            push(state, false);
        });
        let to = after_point.min(set.last_lsn);
        if let Some(placement) = self.placements.get(lineage) {
            for &old in placement.first.iter().filter(|&&c| c as usize != chain_idx) {
                let lsns = (first_lsn, to);
                self.states_in(history, old as usize, lsns, Near::default(), &mut |state| {
                    push(state, true);
                });
            }
        }
        end
    }

    /// Whether a log that crosses a fork point really went past this state on the fork that it left.
    ///
    /// Its row tells the last fork point only. When the database was restored over twice in between,
    /// the log may have left the fork earlier, through a fork of which no log tells:
    ///
    /// ```text
    ///  A ──────┬──── state          (abandoned)
    ///          └─ B ──────┬───      (abandoned)
    ///                     └─ C      one log from before the state to here says A, C and the second point
    /// ```
    fn surely_crossed(&self, history: &DatabaseHistory, set: &BackupSet, way: &WayIn) -> bool {
        let redo = match way.state {
            State::Base(base) => self.bases.get(base as usize).map(|base| base.redo),
            State::Log(log) => self.log_set(history, log).map(|set| set.last_lsn),
        };
        let Some(redo) = redo.filter(|&redo| redo > set.first_lsn) else {
            return true;
        };
        let mut since: Vec<&Restore> = history
            .restores()
            .iter()
            .filter(|restore| {
                let at = restore.at.instant.0.timestamp();
                way.lower < at && at <= set.start
            })
            .collect();
        match since.pop() {
            // Only the rows can tell: another log left this fork before the state.
            None => !history.crossings().any(|other| {
                other.lineage.first_fork == set.lineage.first_fork
                    && other.lineage.last_fork != set.lineage.last_fork
                    && other.lineage.fork_point.is_none_or(|point| point < redo)
            }),
            Some(_) if since.is_empty() => true,
            // The last restore went back to before the others, or what it went back to lies behind one of them.
            Some(last) => last.stop_at.is_some_and(|stop| {
                since
                    .iter()
                    .all(|restore| restore.at.instant > stop.instant)
            }),
        }
    }

    /// States of a chain whose redo LSN is at least the first and below the second, the newest first.
    ///
    /// Returns where they end in `Chain::by_redo`.
    fn states_in(
        &self,
        history: &DatabaseHistory,
        chain_idx: usize,
        (from, to): (Lsn, Lsn),
        near: Near,
        found: &mut dyn FnMut(State),
    ) -> usize {
        let Some(chain) = self.chains.get(chain_idx) else {
            return 0;
        };
        let by_redo = &chain.by_redo;
        let end_of_bases = by_redo.partition_point_near(near.base, |&(redo, _)| redo < to);
        let end = end_of_bases;
        let mut n = end;
        while let Some(&(redo, base)) = n.checked_sub(1).and_then(|n| chain.by_redo.get(n)) {
            if redo < from || end - n >= 4 * MOST_BEFORE {
                break;
            }
            found(State::Base(base));
            n -= 1;
        }
        let last_lsn = |node: &LogNode| history.set(node.set as usize).map(|set| set.last_lsn);
        let ends_before = |node: &LogNode| last_lsn(node).is_some_and(|l| l < to);
        let end = chain.logs.partition_point_near(near.log, ends_before);
        let mut n = end;
        let mut n_found = 0;
        while let Some(node) = n.checked_sub(1).and_then(|n| chain.logs.get(n)) {
            if last_lsn(node).is_none_or(|l| l < from) || n_found >= MOST_BEFORE {
                break;
            }
            n -= 1;
            if node.best.exists() {
                n_found += 1;
                found(State::Log(LogRef {
                    chain: u32::try_from(chain_idx).unwrap_or(u32::MAX),
                    index: u32::try_from(n).unwrap_or(u32::MAX),
                }));
            }
        }
        end_of_bases
    }

    /// The earliest moment that a log applied to this state can stop at, apart from what it holds itself.
    pub fn lower_of(&self, history: &DatabaseHistory, state: State) -> i64 {
        match state {
            State::Base(base) => self
                .bases
                .get(base as usize)
                .map_or(i64::MAX, |base| base.finish),
            State::Log(log) => match (self.log(log), self.log_set(history, log)) {
                (Some(node), Some(set)) => self.finish_of(node.oldest).max(holds_until(set)),
                _ => i64::MAX,
            },
        }
    }

    /// The label of the cheapest, or of the conventional, of some ways, with the log itself added.
    pub fn best_of(
        &self,
        history: &DatabaseHistory,
        ways: &[WayIn],
        reach: Reach,
        edge: Edge,
        label_fits: &dyn Fn(&WayIn) -> bool,
    ) -> Label {
        let usable = || ways.iter().filter(|way| label_fits(way));
        let way = match reach {
            Reach::Best => usable().min_by_key(|way| {
                let label = self.label_of(way.state, Reach::Best);
                (
                    label.rank(self.finish_of_base(&label)),
                    self.uuid_of(history, way.state),
                )
            }),
            Reach::Conventional => self.conventional_of(history, usable()),
        };
        let Some(way) = way else { return Label::NONE };
        let label = self.label_of(way.state, reach);
        if !label.exists() {
            return Label::NONE;
        }
        let before = match way.state {
            State::Base(_) => None,
            State::Log(log) => Some(log),
        };
        label.then(edge, before)
    }

    /// Newest full, else a newer differential of the full that the log before goes back to, else that log.
    fn conventional_of<'w>(
        &self,
        history: &DatabaseHistory,
        ways: impl Iterator<Item = &'w WayIn>,
    ) -> Option<&'w WayIn> {
        let mut newest_full: Option<(&WayIn, &Base)> = None;
        let mut differentials: Vec<(&WayIn, &Base)> = Vec::new();
        let mut log: Option<(&WayIn, Lsn, LogRef)> = None;
        for way in ways {
            match way.state {
                State::Base(idx) => {
                    let Some(base) = self.bases.get(idx as usize) else {
                        continue;
                    };
                    if base.set != base.full {
                        differentials.push((way, base));
                    } else if newest_full.is_none_or(|(_, other)| other.finish < base.finish) {
                        newest_full = Some((way, base));
                    }
                }
                State::Log(reference) => {
                    let lsn = self
                        .log_set(history, reference)
                        .map(|set| set.last_lsn)
                        .unwrap_or_default();
                    if log.is_none_or(|(_, other, _)| other < lsn) {
                        log = Some((way, lsn, reference));
                    }
                }
            }
        }
        let newest_of = |full: u32| {
            differentials
                .iter()
                .filter(|(_, base)| base.full == full)
                .max_by_key(|(_, base)| base.redo)
                .map(|(way, _)| *way)
        };
        if let Some((way, full)) = newest_full {
            return Some(newest_of(full.set).unwrap_or(way));
        }
        let Some((way, _, reference)) = log else {
            return differentials
                .iter()
                .max_by_key(|(_, base)| base.redo)
                .map(|(way, _)| *way);
        };
        let full = self
            .log(reference)
            .and_then(|node| self.bases.get(node.conventional.base as usize))
            .map(|base| base.full);
        Some(full.and_then(newest_of).unwrap_or(way))
    }

    /// The label of a state.
    pub fn label_of(&self, state: State, reach: Reach) -> Label {
        match state {
            State::Base(idx) => self
                .bases
                .get(idx as usize)
                .map_or(Label::NONE, |base| Label::of_base(base, idx)),
            State::Log(log) => self.log(log).map_or(Label::NONE, |node| match reach {
                Reach::Best => node.best,
                Reach::Conventional => node.conventional,
            }),
        }
    }

    /// When the base of a way finished.
    pub fn finish_of_base(&self, label: &Label) -> i64 {
        self.bases
            .get(label.base as usize)
            .map_or(i64::MIN, |base| base.finish)
    }

    /// When a base finished; never, for none.
    pub fn finish_of(&self, base: u32) -> i64 {
        self.bases
            .get(base as usize)
            .map_or(i64::MAX, |base| base.finish)
    }

    fn uuid_of(&self, history: &DatabaseHistory, state: State) -> Option<Uuid> {
        let set = match state {
            State::Base(idx) => self.bases.get(idx as usize).map(|base| base.set),
            State::Log(log) => self.log(log).map(|node| node.set),
        };
        set.and_then(|idx| history.set(idx as usize))
            .map(|set| set.uuid)
    }
}
