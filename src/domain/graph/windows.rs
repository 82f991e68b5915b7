//! When a target can land: spans of each chain, and the coverage of the whole graph.

use super::{
    Graph,
    chain::{WayIn, holds_until},
};
use crate::domain::{
    BackupSet, Branch, Coverage, DatabaseHistory, Gap, Limits, Moment, Restore, Window,
    clock::from_seconds, graph::Strictness, refusal,
};
use std::sync::Arc;

/// Closed intervals of whole seconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    /// Joined as far as they came in order; `join` makes them sorted and apart.
    spans: Vec<(i64, i64)>,
}

impl Spans {
    pub fn push(&mut self, from: i64, to: i64) {
        if from > to {
            return;
        }
        match self.spans.last_mut() {
            Some((last_from, last_to)) if *last_from <= from && from <= *last_to => {
                *last_to = (*last_to).max(to);
            }
            _ => self.spans.push((from, to)),
        }
    }

    fn join(&mut self) {
        self.spans.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for &(from, to) in &self.spans {
            match joined.last_mut() {
                Some((_, last_to)) if from <= *last_to => *last_to = (*last_to).max(to),
                _ => joined.push((from, to)),
            }
        }
        self.spans = joined;
    }

    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.spans.iter().copied()
    }

    pub fn first(&self) -> Option<i64> {
        self.spans.first().map(|&(from, _)| from)
    }

    pub fn last(&self) -> Option<i64> {
        self.spans.iter().map(|&(_, to)| to).max()
    }

    /// Whether a moment, in milliseconds since 1970, lies in one.
    pub fn hold(&self, millis: i64) -> bool {
        let after = self
            .spans
            .partition_point(|&(from, _)| from * 1000 <= millis);
        after
            .checked_sub(1)
            .and_then(|n| self.spans.get(n))
            .is_some_and(|&(_, to)| millis <= to * 1000)
    }
}

/// What a log across a fork point holds, where the restore history tells it (rule 9).
#[derive(Clone, Copy, Debug, Default)]
pub struct ForkParts {
    /// Up to this moment, in milliseconds since 1970, it holds the old fork.
    pub old_until_millis: Option<i64>,
    /// From this moment on, in seconds since 1970, it holds the new fork.
    pub new_from: Option<i64>,
}

/// Rule 9: the new fork begins with the last restore before the log, the old one ends at its `STOPAT` if no other restore came since `lower`.
pub fn fork_parts(restores: &[Restore], lower: i64, start: i64) -> ForkParts {
    let second = |moment: Moment| moment.instant.0.timestamp();
    let mut since = restores
        .iter()
        .filter(|restore| lower < second(restore.at) && second(restore.at) <= start);
    match (since.next(), since.next_back()) {
        (None, _) => ForkParts::default(),
        (Some(only), None) => ForkParts {
            old_until_millis: only.stop_at.map(|stop| stop.instant.0.timestamp_millis()),
            new_from: Some(second(only.at)),
        },
        (Some(_), Some(last)) => ForkParts {
            old_until_millis: None,
            new_from: Some(second(last.at)),
        },
    }
}

/// From and to, in seconds since 1970.
pub type SpanList = Vec<(i64, i64)>;

impl Graph {
    /// Where a target can land inside a log: on its own chain, and on the one that it leaves.
    pub fn spans_of(
        &self,
        history: &DatabaseHistory,
        set: &BackupSet,
        ways: &[WayIn],
        own: &mut SpanList,
        old: &mut SpanList,
    ) {
        own.clear();
        old.clear();
        if ways.is_empty() {
            return;
        }
        let until = holds_until(set);
        if set.has_bulk_logged_data() {
            own.push((until, until));
            return;
        }
        let straight = ways.iter().filter(|way| !way.crosses).map(|way| way.lower);
        if let Some(lower) = straight.min() {
            own.push((lower, until));
        }
        for way in ways.iter().filter(|way| way.crosses) {
            let parts = fork_parts(history.restores(), way.lower, until);
            if let Some(millis) = parts.old_until_millis {
                old.push((way.lower, millis.div_euclid(1000)));
            }
            own.push((parts.new_from.unwrap_or(until).max(way.lower), until));
        }
    }

    /// Joins the spans of every chain.
    pub fn finish_spans(&mut self) {
        for chain in &mut self.chains {
            chain.spans.join();
        }
    }

    /// All reachable spans, whatever the chain.
    pub fn spans(&self) -> Vec<(i64, i64)> {
        let mut all = Spans {
            spans: self
                .chains
                .iter()
                .flat_map(|chain| chain.spans.iter())
                .collect(),
        };
        all.join();
        all.spans
    }

    fn coverage(&self, history: &DatabaseHistory) -> Coverage {
        const MOST_GAPS: usize = 1000;
        let moment = |second: i64| history.clock().moment_at(from_seconds(second));
        let window = |(from, to): (i64, i64)| Window {
            from: moment(from),
            to: moment(to),
        };
        let spans = self.spans();
        let mut gaps = Vec::new();
        for pair in spans.windows(2).take(MOST_GAPS) {
            let [(_, from), (to, _)] = pair else { continue };
            let middle = (*from * 1000 + *to * 1000) / 2;
            let why = refusal::why(history, self, &spans, middle);
            gaps.push(Gap {
                from: moment(*from),
                to: moment(*to),
                kind: why.kind,
                culprit: why.culprit,
                next_way_in: self.way_in_at(history, *to),
            });
        }
        let mut order: Vec<usize> = (0..self.chains.len())
            .filter(|&n| {
                self.chains
                    .get(n)
                    .is_some_and(|chain| chain.spans.first().is_some())
            })
            .collect();
        order.sort_by_key(|&n| self.chains.get(n).and_then(|chain| chain.spans.first()));
        let branches = order
            .iter()
            .filter_map(|&n| {
                let chain = self.chains.get(n)?;
                Some(Branch {
                    fork: chain.fork,
                    family: chain.family,
                    parent: chain
                        .parent
                        .and_then(|parent| order.iter().position(|&other| other == parent)),
                    begins: moment(chain.spans.first()?),
                    ends: moment(chain.spans.last()?),
                    windows: chain.spans.iter().map(window).collect(),
                })
            })
            .collect();
        Coverage {
            windows: spans.iter().copied().map(window).collect(),
            gaps,
            branches,
            tail: refusal::tail_from(history, self).map(moment),
        }
    }

    /// The data backup that finished then, if moments can be reached again because of it.
    fn way_in_at(&self, history: &DatabaseHistory, second: i64) -> Option<uuid::Uuid> {
        self.chains.iter().find_map(|chain| {
            let at = chain
                .by_finish
                .partition_point(|&(finish, _)| finish < second);
            let &(finish, idx) = chain.by_finish.get(at)?;
            let base = self.bases.get(idx as usize).filter(|_| finish == second)?;
            history.set(base.set as usize).map(|set| set.uuid)
        })
    }
}

impl DatabaseHistory {
    /// Among so many sets everything can be worked out within a frame.
    pub const MOST_AT_ONCE: usize = 20_000;

    /// Which moments can be reached with what may take part; kept, so asking again is cheap.
    pub fn coverage(&self, limits: &Limits) -> Arc<Coverage> {
        let graph = self.graphs.get(self, limits, Strictness::Real);
        graph
            .coverage
            .get_or_init(|| Arc::new(graph.coverage(self)))
            .clone()
    }

    /// Whether planning within these limits is quick: nothing has to be worked out over all sets first.
    pub fn is_worked_out(&self, limits: &Limits) -> bool {
        self.graphs.are_ready(limits)
    }
}
