//! What happened to a database besides its backups: as rows, and judged.

use super::Restore;
use crate::domain::{
    ChangeRecord, Mark, MarkRecord, RestoreRecord, ServerClock,
    event::{self, ObjectEvent},
    mark,
};
use std::sync::Arc;

/// What happened to a database besides its backups.
#[derive(Clone, Debug, Default)]
pub struct Happened {
    pub restores: Vec<RestoreRecord>,
    pub marks: Vec<MarkRecord>,
    pub changes: Vec<ChangeRecord>,
}

/// The same, judged and in order.
#[derive(Clone, Debug, Default)]
pub struct Past {
    pub restores: Arc<Vec<Restore>>,
    pub marks: Arc<Vec<Mark>>,
    pub objects: Arc<Vec<ObjectEvent>>,
}

impl Past {
    pub fn merged(old: Option<Self>, new: &Happened, clock: &ServerClock) -> Self {
        let Self {
            restores,
            marks,
            objects,
        } = old.unwrap_or_default();
        Self {
            restores: merged_restores(&restores, &new.restores, clock),
            marks: if new.marks.is_empty() {
                marks
            } else {
                Arc::new(mark::merged(&marks, &new.marks, clock))
            },
            objects: if new.changes.is_empty() {
                objects
            } else {
                Arc::new(event::merged(&objects, &new.changes, clock))
            },
        }
    }
}

/// Restores that began a fork: those that ended with recovery, `VERIFYONLY` apart.
fn merged_restores(
    old: &[Restore],
    new: &[RestoreRecord],
    clock: &ServerClock,
) -> Arc<Vec<Restore>> {
    let mut restores = old.to_vec();
    for record in new {
        let verified_only = record
            .restore_type
            .as_deref()
            .is_some_and(|kind| kind.trim() == "V");
        if let Some(date) = record.restore_date
            && record.recovery != Some(false)
            && !verified_only
        {
            restores.push(Restore {
                at: clock.moment(date),
                stop_at: record.stop_at.map(|stop| clock.moment(stop)),
                user: record.user_name.as_deref().map(Arc::from),
            });
        }
    }
    restores.sort_by_key(|restore| (restore.at, restore.stop_at));
    restores.dedup_by(|a, b| a.at == b.at && a.stop_at == b.stop_at);
    Arc::new(restores)
}
