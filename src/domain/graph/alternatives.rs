//! The other ways to a goal, one for each data backup that a restore can begin with.
//!
//! From the last log back, the cheapest first: the first time that a base is met is its cheapest way.

use super::{
    Graph, LogRef,
    chain::State,
    landing::{Goal, Landing},
    search::{Way, sets_of},
};
use crate::domain::DatabaseHistory;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

/// How many logs are looked at before a search ends; a week of logs every fifteen seconds.
const MOST_LOGS: usize = 40_000;

/// Which ways are wanted.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// The cheapest so many, each from another base.
    Cheapest(usize),
    /// The one that begins with this full and this differential, or with the full alone given twice.
    From(u32, u32),
}

impl Graph {
    /// The cheapest way from each base, in the order of their prices.
    pub fn ways(&self, history: &DatabaseHistory, goal: Goal, wanted: Wanted) -> Vec<Way> {
        let Some(landing) = self.landing(history, goal) else {
            return Vec::new();
        };
        Search {
            graph: self,
            history,
            landing: &landing,
            wanted,
            open: BinaryHeap::new(),
            next: HashMap::new(),
            ways: Vec::new(),
        }
        .run()
    }
}

/// A log on the way back: its price with everything after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    cost: u64,
    count: u32,
    seconds: u32,
    chain: u32,
    index: u32,
}

impl Step {
    fn log(self) -> LogRef {
        LogRef {
            chain: self.chain,
            index: self.index,
        }
    }
}

struct Search<'a> {
    graph: &'a Graph,
    history: &'a DatabaseHistory,
    landing: &'a Landing,
    wanted: Wanted,
    open: BinaryHeap<Reverse<Step>>,
    /// The log after each log on its cheapest way to the goal; of the last one none.
    next: HashMap<(u32, u32), Option<LogRef>>,
    ways: Vec<Way>,
}

impl Search<'_> {
    fn run(mut self) -> Vec<Way> {
        for arrival in self.landing.alone() {
            self.keep(arrival, None, Step::nothing());
        }
        for log in self.landing.last_logs() {
            if self.next.insert((log.chain, log.index), None).is_none()
                && let Some(step) = self.step(log, Step::nothing())
            {
                self.open.push(Reverse(step));
            }
        }
        let mut n_logs = 0;
        while let Some(Reverse(step)) = self.open.pop() {
            n_logs += 1;
            if n_logs > MOST_LOGS || self.enough(step) {
                break;
            }
            self.expand(step);
        }
        self.ways
            .sort_by_key(|way| (way.cost, way.sets.len(), Reverse(way.base)));
        if let Wanted::Cheapest(n) = self.wanted {
            self.ways.truncate(n);
        }
        self.ways
    }

    /// Whether nothing cheaper can be found any more.
    fn enough(&self, step: Step) -> bool {
        match self.wanted {
            Wanted::From(..) => !self.ways.is_empty(),
            Wanted::Cheapest(n) => {
                let mut costs: Vec<u64> = self.ways.iter().map(|way| way.cost).collect();
                costs.sort_unstable();
                costs
                    .get(n.saturating_sub(1))
                    .is_some_and(|&most| step.cost >= most)
            }
        }
    }

    /// The step to a log that comes before `after`.
    fn step(&self, log: LogRef, after: Step) -> Option<Step> {
        let set = self.graph.log_set(self.history, log)?;
        let edge = self.graph.edge(set);
        Some(Step {
            cost: after.cost.saturating_add(edge.cost),
            count: after.count + 1,
            seconds: after.seconds.saturating_add(edge.seconds),
            chain: log.chain,
            index: log.index,
        })
    }

    fn expand(&mut self, step: Step) {
        let log = step.log();
        let Some(set) = self.graph.log_set(self.history, log) else {
            return;
        };
        let is_last = self.next.get(&(log.chain, log.index)) == Some(&None);
        let ways = self.graph.ways_into(self.history, log.chain as usize, set);
        for way in ways {
            let fits = !is_last || self.graph.lands(self.history, self.landing, log, set, &way);
            if !fits {
                continue;
            }
            match way.state {
                State::Base(base) => self.keep(base, Some(log), step),
                State::Log(before) => {
                    let key = (before.chain, before.index);
                    if let std::collections::hash_map::Entry::Vacant(entry) = self.next.entry(key) {
                        entry.insert(Some(log));
                        if let Some(before) = self.step(before, step) {
                            self.open.push(Reverse(before));
                        }
                    }
                }
            }
        }
    }

    /// Keeps the way that begins with a base and goes on with a log, unless one with that base is known.
    fn keep(&mut self, base: u32, first: Option<LogRef>, after: Step) {
        let Some(base) = self.graph.bases.get(base as usize) else {
            return;
        };
        let sets = (base.full, base.set);
        let unwanted = matches!(self.wanted, Wanted::From(full, set) if (full, set) != sets);
        let late = first.is_some()
            && self
                .landing
                .millis()
                .is_some_and(|millis| base.finish * 1000 + 1000 > millis);
        if unwanted || late || self.ways.iter().any(|way| way.base == sets) {
            return;
        }
        let mut all = sets_of(base);
        let mut log = first;
        let mut whole_last_log = false;
        while let Some(here) = log {
            all.extend(self.graph.log(here).map(|node| node.set));
            log = self.next.get(&(here.chain, here.index)).copied().flatten();
            if log.is_none() {
                whole_last_log = self.landing.is_whole(here);
            }
        }
        self.ways.push(Way {
            base: sets,
            sets: all,
            cost: base.cost.saturating_add(after.cost),
            seconds: base.seconds.saturating_add(after.seconds),
            whole_last_log,
        });
    }
}

impl Step {
    fn nothing() -> Self {
        Self {
            cost: 0,
            count: 0,
            seconds: 0,
            chain: u32::MAX,
            index: u32::MAX,
        }
    }
}
