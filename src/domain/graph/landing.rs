//! Where a way may end: the last sets for a moment, for *latest* and for a mark.

use super::{
    Graph, LogRef,
    chain::{Reach, State, WayIn},
    search::{Arrival, MOST_MISSES},
    windows::fork_parts,
};
use crate::domain::{BackupSet, DatabaseHistory, Lsn};

/// Where a way leads.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// This moment, in milliseconds since 1970.
    At(i64),
    /// All that there is.
    Latest,
    /// This record, which was written in this second since 1970.
    Mark { lsn: Lsn, second: i64 },
}

/// The last sets on the ways to a goal.
#[derive(Clone, Debug)]
pub struct Landing {
    pub(super) goal: Goal,
    pub(super) arrivals: Vec<Arrival>,
    /// When *latest* is, in seconds since 1970.
    pub(super) until: Option<i64>,
}

impl Landing {
    /// Bases that reach the goal alone.
    pub fn alone(&self) -> impl Iterator<Item = u32> + '_ {
        self.cheapest()
            .filter(|arrival| arrival.last.is_none())
            .map(|arrival| arrival.label.base)
    }

    /// Logs with which a way ends.
    pub fn last_logs(&self) -> impl Iterator<Item = LogRef> + '_ {
        self.cheapest().filter_map(|arrival| arrival.last)
    }

    /// When a way must have left its base; `None` is no matter of time.
    pub fn millis(&self) -> Option<i64> {
        match self.goal {
            Goal::At(millis) => Some(millis),
            Goal::Latest | Goal::Mark { .. } => None,
        }
    }

    /// Whether a way that ends with this log applies it whole (rule 7).
    pub fn is_whole(&self, log: LogRef) -> bool {
        self.arrival_of(log)
            .is_some_and(|arrival| arrival.whole_last_log)
    }

    pub(super) fn cheapest(&self) -> impl Iterator<Item = &Arrival> {
        self.arrivals
            .iter()
            .filter(|arrival| arrival.reach == Reach::Best)
    }

    pub(super) fn arrival_of(&self, log: LogRef) -> Option<&Arrival> {
        self.cheapest().find(|arrival| arrival.last == Some(log))
    }
}

impl Graph {
    /// Every set that can be the last one on a way to the goal.
    pub(super) fn landing(&self, history: &DatabaseHistory, goal: Goal) -> Option<Landing> {
        match goal {
            Goal::At(millis) => self.landing_at(history, millis),
            Goal::Latest => self.landing_latest(history),
            Goal::Mark { lsn, second } => self.landing_at_mark(history, lsn, second),
        }
    }

    fn landing_at(&self, history: &DatabaseHistory, millis: i64) -> Option<Landing> {
        let mut live: Vec<(i64, usize)> = self
            .chains
            .iter()
            .enumerate()
            .filter(|(_, chain)| chain.spans.hold(millis))
            .map(|(n, chain)| (chain.spans.first().unwrap_or(i64::MIN), n))
            .collect();
        live.sort_unstable_by(|a, b| b.cmp(a));
        let arrivals = live.into_iter().find_map(|(_, chain)| {
            let arrivals = self.arrivals(history, chain, millis);
            let reached = arrivals.iter().any(|arrival| arrival.reach == Reach::Best);
            reached.then_some(arrivals)
        })?;
        Some(Landing {
            goal: Goal::At(millis),
            arrivals,
            until: None,
        })
    }

    fn landing_latest(&self, history: &DatabaseHistory) -> Option<Landing> {
        let mut latest: Option<(i64, Vec<Arrival>)> = None;
        for chain_idx in 0..self.chains.len() {
            if let Some((until, arrivals)) = self.latest_on(history, chain_idx) {
                match &mut latest {
                    Some((time, _)) if *time > until => {}
                    Some((time, kept)) if *time == until => kept.extend(arrivals),
                    _ => latest = Some((until, arrivals)),
                }
            }
        }
        let (until, arrivals) = latest?;
        Some(Landing {
            goal: Goal::Latest,
            arrivals,
            until: Some(until),
        })
    }

    /// The logs that hold a mark: its record, on the fork that was live when it was set.
    ///
    /// A record is in a log or it is not, so no time is guessed; the time only tells one fork from another.
    fn landing_at_mark(&self, history: &DatabaseHistory, lsn: Lsn, second: i64) -> Option<Landing> {
        /// msdb and log keep their seconds apart.
        const SLACK: i64 = 1;
        let set_of = |node: &super::LogNode| history.set(node.set as usize);
        let mut arrivals = Vec::new();
        for (chain_idx, chain) in self.chains.iter().enumerate() {
            let from = chain
                .logs
                .partition_point(|node| set_of(node).is_some_and(|set| set.last_lsn <= lsn));
            for (node, index) in chain.logs.iter_from(from).zip(from..).take(MOST_MISSES) {
                let Some(set) = set_of(node) else { continue };
                if set.first_lsn > lsn || set.finish_second() + SLACK < second {
                    continue;
                }
                let holds_it = |way: &WayIn| self.holds_mark(history, set, way, lsn, second);
                let ways = self.ways_into(history, chain_idx, set);
                for reach in [Reach::Best, Reach::Conventional] {
                    let label = self.best_of(history, &ways, reach, self.edge(set), &holds_it);
                    if label.exists() {
                        arrivals.push(Arrival {
                            label,
                            last: Some(LogRef {
                                chain: u32::try_from(chain_idx).unwrap_or(u32::MAX),
                                index: u32::try_from(index).unwrap_or(u32::MAX),
                            }),
                            reach,
                            whole_last_log: false,
                            stops_inside: true,
                            uuid: set.uuid,
                        });
                    }
                }
            }
        }
        (!arrivals.is_empty()).then_some(Landing {
            goal: Goal::Mark { lsn, second },
            arrivals,
            until: None,
        })
    }

    /// Whether a way into a log leads up to the goal inside it.
    pub(super) fn lands(
        &self,
        history: &DatabaseHistory,
        landing: &Landing,
        log: LogRef,
        set: &BackupSet,
        way: &WayIn,
    ) -> bool {
        let inside = landing
            .arrival_of(log)
            .is_some_and(|arrival| arrival.stops_inside);
        match landing.goal {
            _ if !inside => true,
            Goal::Latest => true,
            Goal::At(millis) => {
                self.fits_before(history, way.state, millis, 0)
                    && self.lands_in(history, set, way, millis)
            }
            Goal::Mark { lsn, second } => self.holds_mark(history, set, way, lsn, second),
        }
    }

    /// Whether a record lies after a state in this log, and in a log across a fork point is the one that was written then.
    fn holds_mark(
        &self,
        history: &DatabaseHistory,
        set: &BackupSet,
        way: &WayIn,
        lsn: Lsn,
        second: i64,
    ) -> bool {
        let redo = match way.state {
            State::Base(base) => self.bases.get(base as usize).map(|base| base.redo),
            State::Log(log) => self.log_set(history, log).map(|set| set.last_lsn),
        };
        // What the log adds was written after what the state surely holds; both keep whole seconds.
        if redo.is_none_or(|redo| redo > lsn) || way.lower > second + 1 {
            return false;
        }
        let lineage = &set.lineage;
        if lineage.first_fork == lineage.last_fork {
            return true;
        }
        let parts = fork_parts(history.restores(), way.lower, set.start);
        match lineage.fork_point {
            // Both forks have this past, unless the database was restored over once more in between.
            Some(point) if lsn < point => parts
                .old_until_millis
                .is_some_and(|old| second * 1000 <= old),
            Some(_) => parts.new_from.is_some_and(|from| from <= second + 1),
            None => false,
        }
    }

    /// The latest state of one chain. On one fork that is the highest LSN: it holds all that the others hold.
    fn latest_on(
        &self,
        history: &DatabaseHistory,
        chain_idx: usize,
    ) -> Option<(i64, Vec<Arrival>)> {
        let chain = self.chains.get(chain_idx)?;
        let mut states: Vec<(Lsn, i64, Vec<Arrival>)> = Vec::new();
        if let Some(&(finish, _)) = chain.by_finish.last() {
            let from = chain.by_finish.partition_point(|&(f, _)| f < finish);
            for &(finish, idx) in chain.by_finish.iter_from(from) {
                if let Some(base) = self.bases.get(idx as usize) {
                    let mut arrivals = Vec::new();
                    self.push_alone(history, idx, base, true, &mut arrivals);
                    states.push((base.redo, finish, arrivals));
                }
            }
        }
        if let Some(started) = &self.started
            && !started.stand.data_only
            && started.chains.iter().any(|&n| n as usize == chain_idx)
            && let Some(base) = self.bases.get(started.base as usize)
        {
            let mut arrivals = Vec::new();
            self.push_alone(history, started.base, base, true, &mut arrivals);
            states.push((base.redo, base.finish, arrivals));
        }
        if let Some((until, index)) = chain.latest_log {
            let last = LogRef {
                chain: u32::try_from(chain_idx).unwrap_or(u32::MAX),
                index,
            };
            if let (Some(node), Some(set)) = (self.log(last), self.log_set(history, last)) {
                let labels = [
                    (node.best, Reach::Best),
                    (node.conventional, Reach::Conventional),
                ];
                let arrivals = labels
                    .into_iter()
                    .filter(|(label, _)| label.exists())
                    .map(|(label, reach)| Arrival {
                        label,
                        last: Some(last),
                        reach,
                        whole_last_log: false,
                        stops_inside: false,
                        uuid: set.uuid,
                    })
                    .collect();
                states.push((set.last_lsn, until, arrivals));
            }
        }
        let redo = states.iter().map(|&(redo, ..)| redo).max()?;
        let until = states
            .iter()
            .map(|&(redo, until, _)| chain.unchanged_until(redo).unwrap_or(until).max(until))
            .max()?;
        let arrivals = states
            .into_iter()
            .filter(|&(r, ..)| r == redo)
            .flat_map(|(.., arrivals)| arrivals)
            .collect();
        Some((until, arrivals))
    }
}
