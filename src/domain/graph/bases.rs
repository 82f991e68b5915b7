//! Data backups as places to begin: fulls, differentials with their full, and a database that is gone on with.

use super::{Base, Edge, Graph, STARTED, Started};
use crate::domain::{BackupSet, DatabaseHistory, Role, Start};
use uuid::Uuid;

impl Graph {
    /// The database that is gone on with is a base that costs nothing more.
    pub fn add_start(&mut self, history: &DatabaseHistory) {
        let Start::Restoring(state) = &self.limits.start else {
            return;
        };
        let stand = state.stand(history);
        let base = Base {
            set: STARTED,
            full: STARTED,
            redo: state.redo,
            finish: stand.second,
            cost: 0,
            count: 0,
            seconds: 0,
        };
        let chains = self.chains_for(state.family, state.fork);
        let index = u32::try_from(self.bases.len()).unwrap_or(u32::MAX);
        if stand.data_only
            && let Some(full) = state
                .differential_base
                .and_then(|guid| history.index_of(guid))
        {
            self.full_bases
                .insert(u32::try_from(full).unwrap_or(u32::MAX), index);
        }
        self.bases.push(base);
        for &chain in &chains {
            if let Some(chain) = self.chains.get_mut(chain as usize) {
                chain.by_redo.push((base.redo, index));
                if stand.data_only {
                    chain.by_finish.push((base.finish, index));
                    chain.spans.push(base.finish, base.finish);
                }
            }
        }
        self.started = Some(Started {
            base: index,
            stand,
            chains,
        });
    }

    pub fn add_full(&mut self, history: &DatabaseHistory, idx: u32) {
        let Some(set) = history.set(idx as usize) else {
            return;
        };
        let Role::Full(facts) = &set.role else {
            return;
        };
        if let Some(checkpoint) = facts.checkpoint_lsn
            && !set.is_copy_only()
        {
            self.full_by_checkpoint
                .entry(checkpoint)
                .or_default()
                .push(idx);
        }
        let Edge { cost, seconds } = self.edge(set);
        let base = Base {
            set: idx,
            full: idx,
            redo: set.last_lsn,
            finish: set.finish_second(),
            cost,
            count: 1,
            seconds,
        };
        let base_idx = self.push_base(set, base);
        self.full_bases.insert(idx, base_idx);
    }

    /// A differential needs its very base (rule 2): by guid, else by LSN.
    pub fn add_differential(&mut self, history: &DatabaseHistory, idx: u32) {
        let Some(set) = history.set(idx as usize) else {
            return;
        };
        let full = self
            .bases_of(history, set)
            .into_iter()
            .filter_map(|full| self.bases.get(*self.full_bases.get(&full)? as usize))
            .min_by_key(|base| (base.cost, std::cmp::Reverse(base.finish)))
            .copied();
        let Some(full) = full.filter(|full| full.set != STARTED || full.redo <= set.last_lsn)
        else {
            return;
        };
        let Edge { cost, seconds } = self.edge(set);
        let base = Base {
            set: idx,
            full: full.full,
            redo: set.last_lsn,
            finish: set.finish_second().max(full.finish),
            cost: full.cost.saturating_add(cost),
            count: full.count + 1,
            seconds: full.seconds.saturating_add(seconds),
        };
        self.push_base(set, base);
    }

    /// The fulls that this graph knows and on which a differential may build.
    pub fn bases_of(&self, history: &DatabaseHistory, set: &BackupSet) -> Vec<u32> {
        let Role::Differential(facts) = &set.role else {
            return Vec::new();
        };
        let fits = |idx: u32| {
            history.set(idx as usize).is_some_and(|full| {
                full.last_lsn <= set.last_lsn && agrees(full.lineage.family, set.lineage.family)
            })
        };
        if let Some(guid) = facts.base_guid {
            return history
                .index_of(guid)
                .and_then(|idx| u32::try_from(idx).ok())
                .filter(|&idx| fits(idx))
                .into_iter()
                .collect();
        }
        let lsn = facts.base_lsn.or(facts.database_backup_lsn);
        lsn.and_then(|lsn| self.full_by_checkpoint.get(&lsn))
            .into_iter()
            .flatten()
            .copied()
            .filter(|&idx| fits(idx))
            .collect()
    }

    fn push_base(&mut self, set: &BackupSet, base: Base) -> u32 {
        let base_idx = u32::try_from(self.bases.len()).unwrap_or(u32::MAX);
        self.bases.push(base);
        if let Some(placement) = self.placements.get(&*set.lineage) {
            for &chain in &placement.last {
                if let Some(chain) = self.chains.get_mut(chain as usize) {
                    chain.push_base(&base, base_idx);
                }
            }
        }
        base_idx
    }
}

fn agrees(a: Option<Uuid>, b: Option<Uuid>) -> bool {
    a.zip(b).is_none_or(|(a, b)| a == b)
}
