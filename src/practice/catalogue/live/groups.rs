//! Rows of the availability group that the server pretends to lead, for lessons about the way out of it.

use super::Row;
use super::databases::REPLICA;
use crate::practice::catalogue::system::SystemView;
use crate::practice::engine::Engine;
use crate::practice::value::Value;

const GROUP: &str = "PRACTICE_AG";

/// The other servers of the group, and whether each fetches a new database by itself.
const OTHERS: [(&str, bool); 2] = [("PRACTICE2", true), ("PRACTICE3", false)];

fn pretends(engine: &Engine) -> bool {
    engine.options.pretended.in_group.is_some()
}

/// The group, while there is one.
pub(super) fn groups(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    if !pretends(engine) {
        return Vec::new();
    }
    vec![
        Row::new(view)
            .guid("group_id", REPLICA)
            .text("name", GROUP)
            .done(),
    ]
}

/// This server and the others.
pub(super) fn replicas(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    if !pretends(engine) {
        return Vec::new();
    }
    std::iter::once(("PRACTICE", true))
        .chain(OTHERS)
        .map(|(server, seeds_itself)| {
            let row = Row::new(view)
                .guid("group_id", REPLICA)
                .text("replica_server_name", server);
            if seeds_itself {
                row.int("seeding_mode", 0)
                    .text("seeding_mode_desc", "AUTOMATIC")
            } else {
                row.int("seeding_mode", 1)
                    .text("seeding_mode_desc", "MANUAL")
            }
            .done()
        })
        .collect()
}

/// The database in it.
pub(super) fn databases(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    engine
        .options
        .pretended
        .in_group
        .iter()
        .map(|database| {
            Row::new(view)
                .guid("group_id", REPLICA)
                .text("database_name", database.clone())
                .done()
        })
        .collect()
}
