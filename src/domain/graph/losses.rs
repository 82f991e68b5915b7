//! What hurts most: how much restorable time only one file holds.
//!
//! A stretch of time is lost with a set exactly when every way to it goes through that set: when the set *dominates* it.
//! States come in an order in which ways lead forward only, so a tree of dominators is built in one pass:
//! a state hangs below the nearest set that all ways into it have in common.
//!
//! ```text
//!  full ──► log 1 ──► log 2 ─┬─► log 3      log 3 hangs below the full: log 1 and 2 can be gone round
//!    └────► differential ────┘
//! ```
//!
//! A file that holds several sets needs more than the tree, for ways may go through different sets of one file;
//! so every state also keeps which such files all its ways touch.

use super::{
    Graph, STARTED,
    chain::{Near, State, WayIn, holds_until},
    windows::fork_parts,
};
use crate::domain::{
    BackupSet, BackupType, DatabaseHistory, Limits, graph::Strictness, overwrite::hash_of,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use uuid::Uuid;

/// Files whose loss darkens the same stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Any of them suffices: the stripes of one set, or one file alone.
    pub files: Vec<String>,
    /// The sets that are gone with it, oldest first.
    pub sets: Vec<Uuid>,
    /// How much restorable time nothing else holds.
    pub seconds: i64,
}

impl DatabaseHistory {
    /// The files ranked by how much restorable time only they hold: at most so many, and none that holds nothing alone.
    ///
    /// In time linear in the number of sets; on demand.
    pub fn losses(&self, limits: &Limits, most: usize) -> Vec<Loss> {
        let graph = self.graphs.get(self, limits, Strictness::Real);
        let mut tree = Tree::new(self, &graph);
        tree.grow();
        tree.weigh();
        tree.ranked(most)
    }
}

/// Devices that hold more than one set, by number.
type Shared = Arc<[u32]>;

#[derive(Clone, Debug)]
struct Node {
    parent: u32,
    depth: u32,
    /// The set that it stands for; `STARTED` for none.
    set: u32,
    /// Seconds that hang here and nowhere below.
    seconds: i64,
    shared: Shared,
}

/// A stretch of time that a state reaches.
#[derive(Clone, Copy, Debug)]
struct Reached {
    from: i64,
    to: i64,
    node: u32,
}

struct Tree<'a> {
    history: &'a DatabaseHistory,
    graph: &'a Graph,
    nodes: Vec<Node>,
    of_base: Vec<u32>,
    of_log: Vec<Vec<u32>>,
    reached: Vec<Reached>,
    /// Numbers of the devices that hold several sets, by their keys.
    shared_devices: HashMap<u64, u32>,
    shared_seconds: Vec<i64>,
}

const ROOT: u32 = 0;
const NOWHERE: u32 = u32::MAX;

impl<'a> Tree<'a> {
    fn new(history: &'a DatabaseHistory, graph: &'a Graph) -> Self {
        let shared_devices = shared_devices(history);
        let root = Node {
            parent: ROOT,
            depth: 0,
            set: STARTED,
            seconds: 0,
            shared: Arc::default(),
        };
        Self {
            history,
            graph,
            nodes: vec![root],
            of_base: Vec::with_capacity(graph.bases.len()),
            of_log: graph.chains.iter().map(|_| Vec::new()).collect(),
            reached: Vec::new(),
            shared_seconds: vec![0; shared_devices.len()],
            shared_devices,
        }
    }

    fn grow(&mut self) {
        let mut full_nodes: HashMap<u32, u32> = HashMap::new();
        for base in self.graph.bases.iter() {
            let below = *full_nodes.entry(base.full).or_insert(NOWHERE);
            let full = if below == NOWHERE {
                let node = self.add(ROOT, base.full, Arc::default());
                full_nodes.insert(base.full, node);
                node
            } else {
                below
            };
            let node = if base.set == base.full {
                full
            } else {
                let shared = self.shared_of(full);
                self.add(full, base.set, shared)
            };
            self.of_base.push(node);
        }
        for chain in self.order() {
            self.grow_chain(chain);
        }
    }

    /// Chains so that one comes after the one that it left.
    fn order(&self) -> Vec<usize> {
        let mut depths: Vec<(usize, usize)> = (0..self.graph.chains.len())
            .map(|start| {
                let mut depth = 0;
                let mut at = start;
                while let Some(parent) = self.graph.chains.get(at).and_then(|chain| chain.parent) {
                    depth += 1;
                    at = parent;
                    if depth > self.graph.chains.len() {
                        break;
                    }
                }
                (depth, start)
            })
            .collect();
        depths.sort_unstable();
        depths.into_iter().map(|(_, chain)| chain).collect()
    }

    fn grow_chain(&mut self, chain_idx: usize) {
        let (history, graph) = (self.history, self.graph);
        let Some(chain) = graph.chains.get(chain_idx) else {
            return;
        };
        let mut near = Near::default();
        for (log, index) in chain.logs.iter().zip(0..) {
            near.log = index;
            let set = history.set(log.set as usize).filter(|_| log.best.exists());
            let node = set.map_or(NOWHERE, |set| {
                self.grow_log(chain_idx, log.set, set, &mut near)
            });
            if let Some(nodes) = self.of_log.get_mut(chain_idx) {
                nodes.push(node);
            }
        }
        for &(lsn, start) in &chain.empties {
            let from = chain.by_redo.partition_point(|&(redo, _)| redo < lsn);
            let bases = chain
                .by_redo
                .iter_from(from)
                .take_while(|&&(redo, _)| redo == lsn)
                .map(|&(_, base)| State::Base(base));
            let ends = |set: u32| history.set(set as usize).map(|set| set.last_lsn);
            let first = chain
                .logs
                .partition_point(|log| ends(log.set).is_some_and(|last| last < lsn));
            let logs = chain
                .logs
                .iter_from(first)
                .zip(first..)
                .take_while(|(log, _)| ends(log.set) == Some(lsn))
                .map(|(_, index)| {
                    State::Log(super::LogRef {
                        chain: u32::try_from(chain_idx).unwrap_or(u32::MAX),
                        index: u32::try_from(index).unwrap_or(u32::MAX),
                    })
                });
            for state in bases.chain(logs).collect::<Vec<_>>() {
                let from = graph.lower_of(history, state);
                if let Some(node) = self.node_of(state) {
                    self.reach(from, start, node);
                }
            }
        }
    }

    /// Hangs a log below what all ways into it have in common, and notes when it can be stopped in.
    fn grow_log(&mut self, chain_idx: usize, idx: u32, set: &BackupSet, near: &mut Near) -> u32 {
        let mut ways = Vec::new();
        near.base = self
            .graph
            .ways_near(self.history, chain_idx, set, *near, &mut ways);
        let mut ways: Vec<(WayIn, u32)> = ways
            .into_iter()
            .filter_map(|way| Some((way, self.node_of(way.state)?)))
            .collect();
        ways.sort_by_key(|(way, _)| way.lower);
        let until = holds_until(set);
        let mut common: Option<(u32, Shared)> = None;
        let mut hung = NOWHERE;
        for (n, (way, node)) in ways.iter().enumerate() {
            let shared = self.shared_of(*node);
            common = Some(match common {
                None => (*node, shared),
                Some((other, others)) => {
                    (self.common(other, *node), intersection(&others, &shared))
                }
            });
            let Some((parent, shared)) = common.clone() else {
                continue;
            };
            let own = self.with_own(shared.clone(), idx);
            let same = self
                .nodes
                .get(hung as usize)
                .is_some_and(|last| last.parent == parent && last.shared == own);
            if !same {
                hung = self.add(parent, idx, shared);
            }
            // Until the next way in opens, only those so far lead here.
            let next = ways.get(n + 1).map_or(until, |(next, _)| next.lower);
            self.reach_in(set, way, next.min(until), hung);
        }
        hung
    }

    /// The part of a log that a way reaches up to a moment: on both sides of a fork point where it crosses one (rule 9).
    fn reach_in(&mut self, set: &BackupSet, way: &WayIn, to: i64, node: u32) {
        if set.has_bulk_logged_data() {
            return;
        }
        if !way.crosses {
            self.reach(way.lower, to, node);
            return;
        }
        let parts = fork_parts(self.history.restores(), way.lower, set.start);
        if let Some(old) = parts.old_until_millis {
            self.reach(way.lower, old.div_euclid(1000).min(to), node);
        }
        let from = parts.new_from.unwrap_or(set.start).max(way.lower);
        self.reach(from, to, node);
    }

    fn reach(&mut self, from: i64, to: i64, node: u32) {
        if from < to {
            self.reached.push(Reached { from, to, node });
        }
    }

    fn node_of(&self, state: State) -> Option<u32> {
        let node = match state {
            State::Base(base) => self.of_base.get(base as usize),
            State::Log(log) => self
                .of_log
                .get(log.chain as usize)
                .and_then(|nodes| nodes.get(log.index as usize)),
        };
        node.copied().filter(|&node| node != NOWHERE)
    }

    fn shared_of(&self, node: u32) -> Shared {
        self.nodes
            .get(node as usize)
            .map(|node| node.shared.clone())
            .unwrap_or_default()
    }

    fn add(&mut self, parent: u32, set: u32, before: Shared) -> u32 {
        let depth = self
            .nodes
            .get(parent as usize)
            .map_or(1, |parent| parent.depth + 1);
        let shared = self.with_own(before, set);
        let node = u32::try_from(self.nodes.len()).unwrap_or(NOWHERE);
        self.nodes.push(Node {
            parent,
            depth,
            set,
            seconds: 0,
            shared,
        });
        node
    }

    /// The devices of the set added, as far as they hold several sets and the set needs them.
    fn with_own(&self, before: Shared, set: u32) -> Shared {
        let Some(set) = self.history.set(set as usize) else {
            return before;
        };
        if self.shared_devices.is_empty() {
            return before;
        }
        let own: Vec<u32> = needed_devices(set)
            .filter_map(|name| self.shared_devices.get(&device_key(name)).copied())
            .filter(|device| !before.contains(device))
            .collect();
        if own.is_empty() {
            return before;
        }
        let mut all: Vec<u32> = before.iter().copied().chain(own).collect();
        all.sort_unstable();
        all.into()
    }

    /// The nearest node above both.
    fn common(&self, mut a: u32, mut b: u32) -> u32 {
        let depth = |node: u32| self.nodes.get(node as usize).map_or(0, |node| node.depth);
        let up = |node: u32| {
            self.nodes
                .get(node as usize)
                .map_or(ROOT, |node| node.parent)
        };
        while a != b {
            if depth(a) >= depth(b) {
                a = up(a);
            } else {
                b = up(b);
            }
        }
        a
    }

    /// Hangs every second of reachable time below what all ways to it have in common.
    fn weigh(&mut self) {
        let mut reached = std::mem::take(&mut self.reached);
        reached.sort_by_key(|reached| (reached.from, reached.to));
        let mut ends: Vec<i64> = reached
            .iter()
            .flat_map(|reached| [reached.from, reached.to])
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let mut active: Vec<Reached> = Vec::new();
        let mut next = reached.into_iter().peekable();
        for pair in ends.windows(2) {
            let &[from, to] = pair else { continue };
            active.retain(|reached| reached.to > from);
            while let Some(begun) = next.next_if(|reached| reached.from <= from) {
                active.push(begun);
            }
            let Some((first, others)) = active.split_first() else {
                continue;
            };
            let mut node = first.node;
            let mut shared = self.shared_of(node);
            for other in others {
                node = self.common(node, other.node);
                shared = intersection(&shared, &self.shared_of(other.node));
            }
            if let Some(node) = self.nodes.get_mut(node as usize) {
                node.seconds += to - from;
            }
            for &device in shared.iter() {
                if let Some(seconds) = self.shared_seconds.get_mut(device as usize) {
                    *seconds += to - from;
                }
            }
        }
    }

    fn ranked(self, most: usize) -> Vec<Loss> {
        // What hangs below a node is lost with it; children come after their parents.
        let mut below: Vec<i64> = self.nodes.iter().map(|node| node.seconds).collect();
        for (n, node) in self.nodes.iter().enumerate().skip(1).rev() {
            let own = below.get(n).copied().unwrap_or_default();
            if let Some(parent) = below.get_mut(node.parent as usize) {
                *parent += own;
            }
        }
        let mut of_set: BTreeMap<u32, i64> = BTreeMap::new();
        for (node, seconds) in self.nodes.iter().zip(&below).skip(1) {
            if *seconds > 0 && node.set != STARTED {
                *of_set.entry(node.set).or_default() += seconds;
            }
        }
        let mut losses: Vec<(i64, Option<u32>, u32)> = of_set
            .into_iter()
            .map(|(set, seconds)| (seconds, None, set))
            .collect();
        let shared = self.shared_seconds.iter().zip(0_u32..);
        losses.extend(
            shared
                .filter(|(seconds, _)| **seconds > 0)
                .map(|(seconds, device)| (*seconds, Some(device), 0)),
        );
        losses.sort_by_key(|&(seconds, device, set)| (std::cmp::Reverse(seconds), device, set));
        let mut found = Vec::new();
        for (seconds, device, set) in losses {
            if found.len() == most {
                break;
            }
            let loss = match device {
                Some(device) => self.loss_of_device(device, seconds),
                None => self.loss_of_set(set, seconds),
            };
            found.extend(loss);
        }
        found
    }

    /// A set in files of its own; one without any is named with its others.
    fn loss_of_set(&self, set: u32, seconds: i64) -> Option<Loss> {
        let set = self.history.set(set as usize)?;
        let files: Vec<String> = needed_devices(set)
            .filter(|name| !self.shared_devices.contains_key(&device_key(name)))
            .map(str::to_owned)
            .collect();
        (!files.is_empty()).then(|| Loss {
            files,
            sets: vec![set.uuid],
            seconds,
        })
    }

    fn loss_of_device(&self, device: u32, seconds: i64) -> Option<Loss> {
        let (key, _) = self.shared_devices.iter().find(|(_, n)| **n == device)?;
        let mut spelled: Option<&str> = None;
        let mut sets = Vec::new();
        for set in self.history.sets() {
            let found = needed_devices(set).find(|name| device_key(name) == *key);
            if let Some(name) = found {
                spelled = Some(name);
                sets.push(set.uuid);
            }
        }
        Some(Loss {
            files: vec![spelled?.to_owned()],
            sets,
            seconds,
        })
    }
}

/// The devices without which a set cannot be restored: not those that have a mirror.
fn needed_devices(set: &BackupSet) -> impl Iterator<Item = &str> {
    let many = set.device_names().nth(1).is_some();
    set.device_names()
        .filter(move |name| !many || set.trouble_without(&|lost| lost == *name).is_some())
}

/// Stands for a path: Windows does not tell upper from lower case.
fn device_key(name: &str) -> u64 {
    if name.starts_with('/') {
        hash_of(0, name.as_bytes(), |byte| byte)
    } else if name.is_ascii() {
        hash_of(0, name.as_bytes(), |byte| byte.to_ascii_lowercase())
    } else {
        hash_of(0, name.to_lowercase().as_bytes(), |byte| byte)
    }
}

fn shared_devices(history: &DatabaseHistory) -> HashMap<u64, u32> {
    let mut keys: Vec<u64> = Vec::with_capacity(history.len());
    let restorable = [BackupType::Full, BackupType::Differential, BackupType::Log];
    for set in history.sets() {
        if set.trouble().is_none() && restorable.contains(&set.kind()) {
            keys.extend(set.device_names().map(device_key));
        }
    }
    keys.sort_unstable();
    let of_several = keys.chunk_by(|a, b| a == b).filter(|same| same.len() > 1);
    of_several
        .filter_map(|same| same.first().copied())
        .zip(0..)
        .collect()
}

fn intersection(a: &Shared, b: &Shared) -> Shared {
    if a == b {
        return a.clone();
    }
    let both: Vec<u32> = a.iter().copied().filter(|x| b.contains(x)).collect();
    match both.len() {
        n if n == a.len() => a.clone(),
        n if n == b.len() => b.clone(),
        _ => both.into(),
    }
}
