//! What was changed since the server started, table by table.

use super::{Row, objects::is_heap};
use crate::practice::{catalogue::system::SystemView, engine::Engine, value::Value};

/// Which tables of all databases were changed since the server started, by heap or clustered index.
///
/// Reads are not counted.
pub(super) fn index_usage(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for database in engine.store.databases() {
        for (name, changes) in engine.store.changes(database.id) {
            let table = database
                .catalogue
                .tables()
                .find(|table| table.sqlite_name() == name);
            // A table that is gone has no row any more.
            let Some(table) = table else { continue };
            rows.push(
                Row::new(view)
                    .int("database_id", database.id)
                    .int("object_id", table.object_id)
                    .int("index_id", i64::from(!is_heap(table)))
                    .int("user_updates", changes.updates)
                    .int("last_user_update", changes.last.local)
                    .done(),
            );
        }
    }
    rows
}
