//! What happened to a database, in one line.

use super::figures;
use crate::domain::{DatabaseEvent, EventKind, ObjectChange};

/// One line: what happened, when, and who did it.
pub fn event_line(event: &DatabaseEvent) -> String {
    let DatabaseEvent { at, kind, who } = event;
    let what = match kind {
        EventKind::Object {
            change,
            object_type,
            name,
        } => {
            let done = match change {
                ObjectChange::Created => "created",
                ObjectChange::Dropped => "dropped",
                ObjectChange::Altered => "altered",
            };
            format!("{object_type} {name} {done}")
        }
        EventKind::Restored {
            stop_at: Some(stop),
        } => format!("restored to {}", figures::date_time(stop.server)),
        EventKind::Restored { stop_at: None } => "restored".to_owned(),
        EventKind::Mark {
            name,
            description: Some(description),
            ..
        } => format!("mark {name}: {description}"),
        EventKind::Mark { name, .. } => format!("mark {name}"),
        EventKind::RecoveryModel { from, to } => {
            format!("recovery model {to} instead of {from}, as the backups show")
        }
    };
    let who = who
        .as_deref()
        .map(|who| format!(" by {who}"))
        .unwrap_or_default();
    format!("{} · {what}{who}", figures::date_time(at.server))
}
