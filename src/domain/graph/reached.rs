//! Which backups lead somewhere, when each was there to be used, and up to which moment it leads.

use super::{Graph, chain::holds_until};
use crate::domain::{BackupType, DatabaseHistory};

/// A backup that lies on a way, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// When it had finished, so that it could be used.
    pub available: i64,
    /// The last moment that it brings back.
    pub until: i64,
}

impl Graph {
    /// Every backup from which some moment can be reached, in no order.
    pub fn reached(&self, history: &DatabaseHistory) -> Vec<Reached> {
        let mut all = Vec::new();
        for base in self.bases.iter() {
            // A database that is gone on with is no backup.
            if history.set(base.set as usize).is_some() {
                all.push(Reached {
                    available: base.finish,
                    until: base.finish,
                });
            }
        }
        for chain in &self.chains {
            for node in chain.logs.iter().filter(|node| node.best.exists()) {
                if let Some(set) = history.set(node.set as usize) {
                    all.push(Reached {
                        available: set.finish_second(),
                        until: holds_until(set),
                    });
                }
            }
        }
        if self.chains.iter().any(|chain| !chain.empties.is_empty())
            && let Some(logs) = history.lane(BackupType::Log)
        {
            let empty = logs
                .iter_from(0)
                .filter(|set| set.first_lsn == set.last_lsn && self.exclusion(set).is_none());
            for set in empty {
                let until = holds_until(set);
                if self
                    .chains
                    .iter()
                    .any(|chain| chain.spans.hold(until * 1000))
                {
                    all.push(Reached {
                        available: set.finish_second(),
                        until,
                    });
                }
            }
        }
        all
    }
}
