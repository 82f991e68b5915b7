//! The LSN graph: every set an edge from the state it needs to the state it gives, with a cost.
//!
//! A state is (fork, redo LSN). On one fork the states that logs give are ordered by LSN, so a fork is a `Chain`:
//! data backups that begin on it, and logs in the order of their ends.
//!
//! ```text
//!  fork A   full ──► log ─► log ─► log ─► log      (abandoned)
//!                           │
//!  fork B                   └──► X ──► log ─► log   X crosses the fork point
//! ```
//!
//! Each log keeps the cheapest way to it (rule 14), found once, in order.
//! A plan then looks at the few sets around its target and follows the ways back: its price is its length.

mod alternatives;
mod bases;
mod chain;
mod exclusion;
mod label;
mod landing;
mod losses;
mod reached;
mod search;
mod windows;

pub(super) use alternatives::Wanted;
use chain::Room;
pub(super) use chain::{Chain, LogNode, holds_until};
pub(super) use exclusion::Exclusion;
pub(super) use label::{Base, Edge, Label, LogRef, STARTED};
pub(super) use landing::Goal;
pub use losses::Loss;
pub(super) use reached::Reached;
pub(super) use search::{Found, Way};

use super::{
    BackupSet, BackupType, Coverage, DatabaseHistory, Limits, Lineage, Lsn, Role, SharedVec,
    start::Stand,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Whether sets that cannot be restored count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Only what can be restored.
    Real,
    /// Everything, as if nothing were damaged, missing or lost: to find out what a gap is due to.
    Ideal,
}

/// Graphs of one database, by what may take part; built when first asked for, but for the usual one.
#[derive(Debug, Default)]
pub(super) struct Graphs {
    usual: OnceLock<Arc<Graph>>,
    others: Mutex<Vec<(Limits, Strictness, Arc<Graph>)>>,
}

/// All ways through one database's sets.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub limits: Limits,
    pub strictness: Strictness,
    pub bases: SharedVec<Base>,
    /// An abandoned fork comes before those that left it.
    pub chains: Vec<Chain>,
    placements: HashMap<Lineage, Placement>,
    /// Largest known size of fulls, differentials and logs: what an unknown one costs.
    largest: [u64; 3],
    sizes_unknown: bool,
    /// Whether a set takes no part because it cannot be restored.
    pub has_trouble: bool,
    /// Backups of files, filegroups and parts.
    pub n_parts: usize,
    /// The base that the database is already, where a plan goes on.
    pub started: Option<Started>,
    full_by_checkpoint: BTreeMap<Lsn, Vec<u32>>,
    /// Which base a full became, by its place among the sets.
    full_bases: BTreeMap<u32, u32>,
    coverage: OnceLock<Arc<Coverage>>,
}

/// A database that is gone on with, as a base.
#[derive(Clone, Debug)]
pub(super) struct Started {
    /// Its place among the bases.
    pub base: u32,
    pub stand: Stand,
    /// The chains that it may lie on.
    pub chains: Vec<u32>,
}

/// The chains on which a set lies: several when its fork or family is unknown.
#[derive(Clone, Debug, Default)]
struct Placement {
    last: Vec<u32>,
    /// For a log across a fork point: the chains that it leaves.
    first: Vec<u32>,
}

impl Graphs {
    /// Builds the graph without limits, and works out its coverage where that takes longer than a frame may.
    pub fn prepare(&self, history: &DatabaseHistory) {
        self.usual(history);
        self.prepare_coverage(history);
    }

    /// What is damaged or missing among many sets makes coverage a question of a second: a history is built where nobody waits.
    fn prepare_coverage(&self, history: &DatabaseHistory) {
        if history.len() > DatabaseHistory::MOST_AT_ONCE {
            history.coverage(&Limits::default());
        }
    }

    /// Goes on from the graph of an older version of the history, of which `first_new` sets are unchanged.
    pub fn grow_from(&self, old: &Self, history: &DatabaseHistory, first_new: usize) {
        let grown = old
            .usual
            .get()
            .and_then(|graph| graph.grown(history, first_new));
        if let Some(graph) = grown {
            // Nobody else can have set it: the history is not shared yet.
            self.usual.set(Arc::new(graph)).ok();
        } else {
            self.usual(history);
        }
        // What was asked for will be asked for again; those that cannot grow are built then.
        let old = old.others.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        for (limits, strictness, graph) in old.iter() {
            if let Some(graph) = graph.grown(history, first_new) {
                others.push((limits.clone(), *strictness, Arc::new(graph)));
            }
        }
        drop((old, others));
        self.prepare_coverage(history);
    }

    fn usual(&self, history: &DatabaseHistory) -> Arc<Graph> {
        self.usual
            .get_or_init(|| Arc::new(Graph::build(history, Limits::default(), Strictness::Real)))
            .clone()
    }

    /// The graph for these limits, kept for the next question.
    pub fn get(
        &self,
        history: &DatabaseHistory,
        limits: &Limits,
        strictness: Strictness,
    ) -> Arc<Graph> {
        const KEPT: usize = 6;
        if strictness == Strictness::Real && *limits == Limits::default() {
            return self.usual(history);
        }
        if let Some(graph) = self.kept(limits, strictness) {
            return graph;
        }
        // Built without the lock: who asks for another graph meanwhile does not wait for this one.
        let graph = Arc::new(Graph::build(history, limits.clone(), strictness));
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if others.len() >= KEPT {
            others.remove(0);
        }
        others.push((limits.clone(), strictness, graph.clone()));
        graph
    }

    fn kept(&self, limits: &Limits, strictness: Strictness) -> Option<Arc<Graph>> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others
            .iter()
            .find(|(l, s, _)| l == limits && *s == strictness)
            .map(|(.., graph)| graph.clone())
    }

    /// Whether planning within these limits needs no graph to be built first, and its coverage is known.
    pub fn are_ready(&self, limits: &Limits) -> bool {
        let graph = if *limits == Limits::default() {
            self.usual.get().cloned()
        } else {
            self.kept(limits, Strictness::Real)
        };
        graph.is_some_and(|graph| graph.coverage.get().is_some())
    }
}

impl Graph {
    /// Judges every set once, in time linear in their number.
    pub fn build(history: &DatabaseHistory, limits: Limits, strictness: Strictness) -> Self {
        let mut graph = Self {
            limits,
            strictness,
            bases: SharedVec::default(),
            chains: Vec::new(),
            placements: HashMap::new(),
            largest: [0; 3],
            sizes_unknown: false,
            has_trouble: false,
            n_parts: 0,
            started: None,
            full_by_checkpoint: BTreeMap::new(),
            full_bases: BTreeMap::new(),
            coverage: OnceLock::new(),
        };
        graph.make_chains(history);
        let mut usable_logs: Vec<Vec<u32>> = vec![Vec::new(); graph.chains.len()];
        let mut differentials = Vec::new();
        let mut fulls = Vec::new();
        // Most logs are of the same lineage as the one before.
        let mut placed: (*const Lineage, Vec<u32>) = (std::ptr::null(), Vec::new());
        for (set, idx) in history.sets().zip(0_u32..) {
            graph.note_size(set);
            if graph.note_exclusion(set) {
                continue;
            }
            match set.role {
                Role::Full(_) => fulls.push(idx),
                Role::Differential(_) => differentials.push(idx),
                Role::Log => {
                    if placed.0 != Arc::as_ptr(&set.lineage) {
                        let placement = graph.placements.get(&*set.lineage);
                        let chains = placement.map(|placement| placement.last.clone());
                        placed = (Arc::as_ptr(&set.lineage), chains.unwrap_or_default());
                    }
                    for &chain in &placed.1 {
                        if let Some(logs) = usable_logs.get_mut(chain as usize) {
                            logs.push(idx);
                        }
                    }
                }
                Role::Part(_) => {}
            }
        }
        graph.add_start(history);
        for idx in fulls {
            graph.add_full(history, idx);
        }
        for idx in differentials {
            graph.add_differential(history, idx);
        }
        for chain in &mut graph.chains {
            chain.sort_bases(&graph.bases);
        }
        for chain in graph.order_of_chains(history, &usable_logs) {
            let Some(logs) = usable_logs.get_mut(chain) else {
                continue;
            };
            let key = |idx: &u32| {
                history
                    .set(*idx as usize)
                    .map(|set| (set.last_lsn, set.start, set.uuid))
            };
            if !logs.is_sorted_by_key(key) {
                logs.sort_by_key(key);
            }
            let mut room = Room::default();
            for &idx in logs.iter() {
                graph.add_log(history, chain, idx, &mut room);
            }
        }
        graph.finish_spans();
        graph
    }

    /// This graph with the sets from `first_new` on; `None` when they touch what is already decided.
    fn grown(&self, history: &DatabaseHistory, first_new: usize) -> Option<Self> {
        // A new set may tell where a started database stands.
        if self.started.is_some() {
            return None;
        }
        let mut graph = self.clone();
        graph.coverage = OnceLock::new();
        for (idx, n) in (first_new..history.len()).zip(0_usize..) {
            let set = history.set(idx)?;
            let idx = u32::try_from(idx).ok()?;
            if n > 100_000 {
                return None;
            }
            let largest = graph.largest;
            graph.note_size(set);
            if graph.sizes_unknown && graph.largest != largest {
                return None;
            }
            let placement = graph.placements.get(&*set.lineage)?.clone();
            if graph.note_exclusion(set) {
                continue;
            }
            match set.role {
                Role::Full(_) | Role::Differential(_) => {
                    let quiet = placement.last.iter().all(|&chain| {
                        graph
                            .chains
                            .get(chain as usize)
                            .is_some_and(|chain| chain.accepts_base(history, &graph.bases, set))
                    });
                    if !quiet {
                        return None;
                    }
                    if set.kind() == BackupType::Full {
                        graph.add_full(history, idx);
                    } else {
                        graph.add_differential(history, idx);
                    }
                }
                Role::Log => {
                    for chain in placement.last {
                        let quiet = graph
                            .chains
                            .get(chain as usize)
                            .is_some_and(|chain| chain.accepts_log(history, set));
                        if !quiet {
                            return None;
                        }
                        graph.add_log(history, chain as usize, idx, &mut Room::default());
                    }
                }
                Role::Part(_) => {}
            }
        }
        graph.finish_spans();
        Some(graph)
    }

    /// Rule 14: what the cost model says of a set.
    pub fn edge(&self, set: &BackupSet) -> Edge {
        let bytes = set.bytes().unwrap_or_else(|| {
            let [full, differential, log] = self.largest;
            match set.kind() {
                BackupType::Full => full,
                BackupType::Differential => differential,
                _ => log,
            }
        });
        Edge {
            cost: self.limits.costs.of_set(set.kind(), bytes),
            seconds: u32::try_from(set.seconds()).unwrap_or(0),
        }
    }

    fn note_size(&mut self, set: &BackupSet) {
        let [full, differential, log] = &mut self.largest;
        let largest = match set.kind() {
            BackupType::Full => full,
            BackupType::Differential => differential,
            BackupType::Log => log,
            _ => return,
        };
        match set.bytes() {
            Some(bytes) => *largest = (*largest).max(bytes),
            None => self.sizes_unknown = true,
        }
    }

    /// One chain for each fork; sets whose fork or family is unknown lie on all that they may belong to (rule 4).
    fn make_chains(&mut self, history: &DatabaseHistory) {
        let mut lineages: Vec<Arc<Lineage>> = Vec::new();
        let mut last: Option<*const Lineage> = None;
        for set in history.sets() {
            if matches!(set.role, Role::Part(_)) {
                continue;
            }
            let here = Arc::as_ptr(&set.lineage);
            if last != Some(here) {
                last = Some(here);
                if !self.placements.contains_key(&*set.lineage) {
                    self.placements
                        .insert((*set.lineage).clone(), Placement::default());
                    lineages.push(set.lineage.clone());
                }
            }
        }
        let start = self
            .limits
            .start
            .restoring()
            .map(|state| (state.family, state.fork));
        // What is known best comes first, so that the rest finds chains to lie on.
        let forks = |lineage: &Lineage| {
            let ends = [lineage.first_fork, lineage.last_fork];
            ends.map(|fork| (lineage.family, fork))
        };
        let mut wanted: Vec<_> = lineages.iter().flat_map(|lineage| forks(lineage)).collect();
        wanted.extend(start);
        wanted.sort_by_key(|(family, fork)| (fork.is_none(), family.is_none()));
        for (family, fork) in wanted {
            if self.chains_for(family, fork).is_empty() {
                self.chains.push(Chain::new(family, fork));
            }
        }
        for lineage in lineages {
            let [first, last] = forks(&lineage).map(|(family, fork)| self.chains_for(family, fork));
            let crosses = lineage.first_fork != lineage.last_fork;
            let placement = Placement {
                last,
                first: if crosses { first } else { Vec::new() },
            };
            self.placements.insert((*lineage).clone(), placement);
        }
    }

    fn chains_for(&self, family: Option<uuid::Uuid>, fork: Option<uuid::Uuid>) -> Vec<u32> {
        let agrees = |a: Option<uuid::Uuid>, b: Option<uuid::Uuid>| match (a, b) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        // A known fork lies on its own chain, and on no chain of unknown fork once that exists.
        self.chains
            .iter()
            .zip(0_u32..)
            .filter(|(chain, _)| {
                agrees(chain.family, family)
                    && match (chain.fork, fork) {
                        (Some(a), Some(b)) => a == b,
                        (None, Some(_)) => false,
                        (_, None) => true,
                    }
            })
            .map(|(_, idx)| idx)
            .collect()
    }

    /// Chains so that a fork comes after the one it left; circles, which no server makes, are cut.
    fn order_of_chains(&mut self, history: &DatabaseHistory, logs: &[Vec<u32>]) -> Vec<usize> {
        let mut parents: Vec<Vec<u32>> = vec![Vec::new(); self.chains.len()];
        for (own, logs) in logs.iter().enumerate() {
            let mut last: Option<*const Lineage> = None;
            for &idx in logs {
                let Some(set) = history.set(idx as usize) else {
                    continue;
                };
                let here = Arc::as_ptr(&set.lineage);
                if last == Some(here) || set.lineage.first_fork == set.lineage.last_fork {
                    last = Some(here);
                    continue;
                }
                last = Some(here);
                if let (Some(placement), Some(parents)) =
                    (self.placements.get(&*set.lineage), parents.get_mut(own))
                {
                    for &parent in &placement.first {
                        if parent as usize != own && !parents.contains(&parent) {
                            parents.push(parent);
                        }
                    }
                }
            }
        }
        let mut order = Vec::new();
        let mut seen = vec![false; self.chains.len()];
        for start in 0..self.chains.len() {
            let mut stack = vec![(start, 0_usize)];
            if std::mem::replace(seen.get_mut(start).unwrap_or(&mut true), true) {
                continue;
            }
            while let Some((chain, n)) = stack.pop() {
                match parents.get(chain).and_then(|p| p.get(n)) {
                    Some(&parent) => {
                        stack.push((chain, n + 1));
                        let parent = parent as usize;
                        if !std::mem::replace(seen.get_mut(parent).unwrap_or(&mut true), true) {
                            stack.push((parent, 0));
                        }
                    }
                    None => order.push(chain),
                }
            }
        }
        for (chain, parents) in self.chains.iter_mut().zip(&parents) {
            chain.parent = parents.first().map(|&p| p as usize);
        }
        order
    }

    /// The set of a log node.
    pub fn log_set<'h>(&self, history: &'h DatabaseHistory, log: LogRef) -> Option<&'h BackupSet> {
        history.set(self.log(log)?.set as usize)
    }

    /// A log node.
    pub fn log(&self, log: LogRef) -> Option<&LogNode> {
        self.chains
            .get(log.chain as usize)?
            .logs
            .get(log.index as usize)
    }
}
