//! What happened to a database besides its backups: when did it go wrong, and who did what?

use super::{ChangeRecord, DatabaseHistory, Moment, ServerClock};
use std::sync::Arc;

/// Something that happened at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseEvent {
    /// When. For a change of the recovery model: when the first backup began that shows it.
    pub at: Moment,
    /// What.
    pub kind: EventKind,
    /// The login; `None` where nothing tells.
    pub who: Option<Arc<str>>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An object was made, altered or dropped: a row of the default trace.
    Object {
        /// What was done to it.
        change: ObjectChange,
        /// What it is, as far as the trace says: `table`, `index`…
        object_type: &'static str,
        /// Its name.
        name: Arc<str>,
    },
    /// The database was restored over; a new branch begins.
    Restored {
        /// The moment that it was taken back to.
        stop_at: Option<Moment>,
    },
    /// A transaction left a mark in the log.
    Mark {
        /// Its name.
        name: Arc<str>,
        /// What the transaction said of it.
        description: Option<Arc<str>>,
        /// The place among `DatabaseHistory::marks`.
        index: usize,
    },
    /// Backups show another recovery model than those before.
    RecoveryModel {
        /// The model before.
        from: Arc<str>,
        /// The model since.
        to: Arc<str>,
    },
}

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectChange {
    /// Event class 46.
    Created,
    /// Event class 47.
    Dropped,
    /// Event class 164.
    Altered,
}

/// One change of an object, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectEvent {
    at: Moment,
    change: ObjectChange,
    object_type: &'static str,
    name: Arc<str>,
    who: Option<Arc<str>>,
}

impl DatabaseHistory {
    /// Everything that is known to have happened, oldest first.
    pub fn events(&self) -> Vec<DatabaseEvent> {
        let mut events: Vec<DatabaseEvent> = self
            .object_events()
            .iter()
            .map(|object| DatabaseEvent {
                at: object.at,
                kind: EventKind::Object {
                    change: object.change,
                    object_type: object.object_type,
                    name: object.name.clone(),
                },
                who: object.who.clone(),
            })
            .collect();
        events.extend(self.restores().iter().map(|restore| DatabaseEvent {
            at: restore.at,
            kind: EventKind::Restored {
                stop_at: restore.stop_at,
            },
            who: restore.user.clone(),
        }));
        events.extend(
            self.marks()
                .iter()
                .enumerate()
                .map(|(index, mark)| DatabaseEvent {
                    at: mark.at,
                    kind: EventKind::Mark {
                        name: mark.name.clone(),
                        description: mark.description.clone(),
                        index,
                    },
                    who: mark.user.clone(),
                }),
        );
        events.extend(self.model_changes());
        events.sort_by_key(|event| event.at);
        events
    }

    /// Where the backups of this database begin to show another recovery model.
    fn model_changes(&self) -> Vec<DatabaseEvent> {
        let mut changes = Vec::new();
        let mut before: Option<(*const super::Origin, &str)> = None;
        for set in self.sets() {
            let origin = Arc::as_ptr(&set.origin);
            if before.is_some_and(|(known, _)| known == origin) {
                continue;
            }
            let Some(model) = set.origin.recovery_model.as_deref().map(str::trim) else {
                continue;
            };
            if let Some((_, old)) = before
                && !old.eq_ignore_ascii_case(model)
            {
                changes.push(DatabaseEvent {
                    at: set.start(),
                    kind: EventKind::RecoveryModel {
                        from: old.into(),
                        to: model.into(),
                    },
                    who: None,
                });
            }
            before = Some((origin, model));
        }
        changes
    }
}

/// Changes in order of time, each once. Rows without a name or a time, and of other classes, tell nothing.
pub(super) fn merged(
    old: &[ObjectEvent],
    new: &[ChangeRecord],
    clock: &ServerClock,
) -> Vec<ObjectEvent> {
    let mut events = old.to_vec();
    for record in new {
        let change = match record.event_class {
            Some(46) => ObjectChange::Created,
            Some(47) => ObjectChange::Dropped,
            Some(164) => ObjectChange::Altered,
            _ => continue,
        };
        let (Some(name), Some(time)) = (&record.object_name, record.start_time) else {
            continue;
        };
        events.push(ObjectEvent {
            at: clock.moment(time),
            change,
            object_type: object_word(record.object_type),
            name: name.as_str().into(),
            who: record.login_name.as_deref().map(Arc::from),
        });
    }
    events.sort_by(|a, b| (a.at, a.change, &a.name).cmp(&(b.at, b.change, &b.name)));
    events.dedup();
    events
}

/// What an `ObjectType` of a trace is called.
///
/// <https://learn.microsoft.com/sql/relational-databases/event-classes/objecttype-trace-event-column>.
fn object_word(object_type: Option<i64>) -> &'static str {
    match object_type {
        Some(8277) => "table",
        Some(22601) => "index",
        Some(8278) => "view",
        Some(8272) => "procedure",
        Some(17985 | 18004 | 20038 | 21318 | 17993) => "function",
        Some(21076 | 21572) => "trigger",
        Some(17747) => "check constraint",
        Some(16964) => "database",
        Some(21587) => "statistics",
        _ => "object",
    }
}
