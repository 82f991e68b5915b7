//! Where a plan begins: with nothing, or with a database that a restore has left `RESTORING`.

use super::{BackupSet, BackupType, DatabaseHistory, Lsn, Moment, Role};
use uuid::Uuid;

/// What the database is before the first step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// There is none yet, or it is written over: the first step is a full backup.
    #[default]
    Nothing,
    /// A restore went part of the way; the plan goes on from there.
    Restoring(Box<RestoringState>),
}

/// A database in `RESTORING` as the server describes it.
///
/// The columns are those of `sys.master_files` for its first data file:
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-master-files-transact-sql>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoringState {
    /// `redo_start_lsn`: the next log must hold this record.
    pub redo: Lsn,
    /// `redo_start_fork_guid`; `None` is no test.
    pub fork: Option<Uuid>,
    /// `family_guid` of `sys.database_recovery_status`; `None` is no test.
    pub family: Option<Uuid>,
    /// `differential_base_guid`: the full backup that a differential must build on.
    pub differential_base: Option<Uuid>,
    /// Logical names of the files that it has, so that only new ones are moved; empty is unknown.
    pub files: Vec<String>,
    /// The moment that it stands at, where a journal tells it: nothing before can be reached.
    pub stands_at: Option<Moment>,
}

impl Start {
    /// The database that is gone on with.
    pub fn restoring(&self) -> Option<&RestoringState> {
        match self {
            Self::Nothing => None,
            Self::Restoring(state) => Some(state),
        }
    }
}

/// Where a started database stands in a history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    /// No moment before this can be reached, in seconds since 1970.
    pub second: i64,
    /// Nothing but data backups was restored, so that a differential may follow (rule 2), and it shows the state of the last of them.
    pub data_only: bool,
    /// It is not the end of a known set: a restore stopped inside a log, or the set is not in the history.
    pub inside: bool,
}

impl RestoringState {
    /// Looks the state up among the sets of its fork.
    pub(super) fn stand(&self, history: &DatabaseHistory) -> Stand {
        let mut below: Option<i64> = None;
        // Sets that end at one record hold the same state, so the one that was done first tells since when.
        let mut here: Option<i64> = None;
        let mut data: Option<i64> = None;
        let earlier = |a: Option<i64>, b: i64| Some(a.map_or(b, |a| a.min(b)));
        for set in history.sets().filter(|set| self.may_have(set)) {
            let until = match set.kind() {
                BackupType::Log if !set.has_bulk_logged_data() => set.start,
                _ => set.finish_second(),
            };
            if set.last_lsn == self.redo {
                here = earlier(here, until);
                if self.is_base(set) || self.builds_on_base(set) {
                    data = earlier(data, set.finish_second());
                }
            } else {
                below = below.max(Some(until));
            }
        }
        let told = self
            .stands_at
            .map(|moment| moment.instant.0.timestamp_millis().div_euclid(1000));
        let first = history.set(0).map_or(0, |set| set.start);
        Stand {
            second: data
                .or(here)
                .or(below)
                .unwrap_or(first)
                .max(told.unwrap_or(i64::MIN)),
            data_only: data.is_some(),
            inside: here.is_none(),
        }
    }

    /// Whether what the set holds can be in the database.
    fn may_have(&self, set: &BackupSet) -> bool {
        let agrees = |a: Option<Uuid>, b: Option<Uuid>| a.zip(b).is_none_or(|(a, b)| a == b);
        // An empty log says when nothing had changed yet, not where the database stands.
        let empty = set.kind() == BackupType::Log && set.first_lsn == set.last_lsn;
        !matches!(set.role, Role::Part(_))
            && !empty
            && set.last_lsn <= self.redo
            && agrees(self.family, set.lineage.family)
            && agrees(self.fork, set.lineage.last_fork)
    }

    /// Whether the set is the full backup that the database was restored from.
    pub(super) fn is_base(&self, set: &BackupSet) -> bool {
        matches!(set.role, Role::Full(_)) && self.differential_base == Some(set.uuid)
    }

    /// Whether the set is a differential of that full.
    pub(super) fn builds_on_base(&self, set: &BackupSet) -> bool {
        match &set.role {
            Role::Differential(facts) => {
                facts.base_guid.is_some() && facts.base_guid == self.differential_base
            }
            _ => false,
        }
    }
}
