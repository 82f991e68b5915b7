//! Marks that transactions left in the log, as targets of a restore.
//!
//! <https://learn.microsoft.com/sql/relational-databases/backup-restore/use-marked-transactions-to-recover-related-databases-consistently>.

use super::{Lsn, MarkRecord, Moment, ServerClock, ServerTime};
use std::sync::Arc;

/// A mark: `BEGIN TRANSACTION name WITH MARK 'description'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Not unique; see [`Mark::at`].
    pub name: Arc<str>,
    /// What the transaction said of it.
    pub description: Option<Arc<str>>,
    /// Who set it.
    pub user: Option<Arc<str>>,
    /// Its record in the log.
    pub lsn: Lsn,
    /// When the transaction committed.
    pub at: Moment,
}

/// A mark to restore to. Its name is in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkTarget {
    /// Its record in the log.
    pub lsn: Lsn,
    /// When it was set.
    pub at: Moment,
    /// With the marked transaction or without it.
    pub stop: MarkStop,
}

/// On which side of a mark a restore stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkStop {
    /// `STOPATMARK`: the marked transaction is in the result.
    At,
    /// `STOPBEFOREMARK`: it is not.
    Before,
}

/// The clause that stops a log at a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopMark {
    /// The name of the transaction.
    pub name: String,
    /// `AFTER`: the first mark of that name at or after this time is meant.
    pub after: ServerTime,
    /// On which side.
    pub stop: MarkStop,
}

impl Mark {
    /// This mark as a target.
    pub fn target(&self, stop: MarkStop) -> MarkTarget {
        MarkTarget {
            lsn: self.lsn,
            at: self.at,
            stop,
        }
    }
}

/// Marks in order of time, each once; rows that do not say which or when are no marks.
pub(super) fn merged(old: &[Mark], new: &[MarkRecord], clock: &ServerClock) -> Vec<Mark> {
    let mut marks = old.to_vec();
    for record in new {
        let (Some(name), Some(lsn), Some(time)) = (&record.mark_name, record.lsn, record.mark_time)
        else {
            continue;
        };
        marks.push(Mark {
            name: name.as_str().into(),
            description: record.description.as_deref().map(Arc::from),
            user: record.user_name.as_deref().map(Arc::from),
            lsn,
            at: clock.moment(time),
        });
    }
    marks.sort_by(|a, b| (a.at, a.lsn, &a.name).cmp(&(b.at, b.lsn, &b.name)));
    marks.dedup_by(|a, b| a.at == b.at && a.lsn == b.lsn && a.name == b.name);
    marks
}
