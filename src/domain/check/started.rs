//! A database that is `RESTORING` already: what it holds, and which differential may follow.

use super::{Beginning, Judge, State};
use crate::domain::{BackupSet, BackupType, Moment, RestoringState, Role, ServerTime, UtcTime};
use uuid::Uuid;

impl<'a> Judge<'a> {
    /// A database that is `RESTORING` already: what it holds is known from the sets that end at or before its redo LSN.
    pub(super) fn gone_on_with(&self, started: &'a RestoringState) -> State<'a> {
        let agrees = |a: Option<Uuid>, b: Option<Uuid>| a.zip(b).is_none_or(|(a, b)| a == b);
        let held = || {
            self.history.sets().filter(|set| {
                // An empty log says when nothing had changed yet, not where the database stands.
                let empty = set.kind() == BackupType::Log && set.first_lsn == set.last_lsn;
                set.last_lsn <= started.redo
                    && !empty
                    && agrees(set.lineage.family, started.family)
                    && agrees(set.lineage.last_fork, started.fork)
            })
        };
        let is_data = |set: &BackupSet| {
            set.last_lsn == started.redo
                && started
                    .differential_base
                    .is_some_and(|base| match &set.role {
                        Role::Full(_) => set.uuid == base,
                        Role::Differential(facts) => facts.base_guid == Some(base),
                        Role::Log | Role::Part(_) => false,
                    })
        };
        let until = |set: &BackupSet| match set.kind() {
            BackupType::Log if !set.has_bulk_logged_data() => set.start(),
            _ => set.finish(),
        };
        // Sets that end at one record hold the same state, so the one that was done first tells since when.
        let data = held().filter(|set| is_data(set)).map(until).min();
        let ends_here = |set: &&BackupSet| set.last_lsn == started.redo;
        let here = held().filter(ends_here).map(until).min();
        let newest = here.or_else(|| held().map(until).max());
        let first = self.history.set(0).map(BackupSet::start);
        let told = started.stands_at;
        let stands_at = data.or(newest).or(first).max(told).unwrap_or(Moment {
            server: ServerTime(chrono::DateTime::UNIX_EPOCH.naive_utc()),
            instant: UtcTime(chrono::DateTime::UNIX_EPOCH),
        });
        State {
            redo: started.redo,
            fork: started.fork,
            family: started.family,
            beginning: Beginning::Started(started),
            data_finish: stands_at,
            logs_applied: data.is_none(),
            holds_until: stands_at.instant,
            crossed_from: None,
        }
    }
}

/// Rule 2 for a database of which only the base's name is known.
pub(super) fn builds_on_started(set: &BackupSet, started: &RestoringState) -> bool {
    match &set.role {
        Role::Differential(facts) => {
            facts.base_guid.is_some() && facts.base_guid == started.differential_base
        }
        _ => false,
    }
}
