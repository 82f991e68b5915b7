//! Records judged once: a `History` is right by construction.

use super::{
    HistoryRecords, Moment, Refusal, RestorePlan, RestoreRequest, ServerTime, UtcOffset, UtcTime,
};
use std::sync::Arc;

/// SIGNATURE ONLY: the domain helper replaces this file (history.rs, coverage.rs, planner/…, check.rs).
///
/// All backup sets of one server (or of several merged), by database. Cheap to clone: shared base plus small tail.
#[derive(Clone, Debug, Default)]
pub struct History;

/// One database's sets, in LSN and time order.
#[derive(Clone, Debug, Default)]
pub struct DatabaseHistory;

/// Something odd in the records that was kept or left out.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryNote {
    pub message: String,
}

/// Converts between the server's wall clock and instants, from the zones that the rows show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerClock;

impl ServerClock {
    /// What the server's clock shows at `instant`.
    pub fn server_time(&self, instant: UtcTime) -> ServerTime {
        instant.to_server(self.offset_at(instant).unwrap_or(UtcOffset::ZERO))
    }
    /// The offset then; `None` when the rows do not tell the zone.
    pub fn offset_at(&self, _instant: UtcTime) -> Option<UtcOffset> {
        None
    }
    /// The moment that a wall-clock time names, its first pass where an hour repeats.
    pub fn moment(&self, server: ServerTime) -> Moment {
        Moment {
            server,
            instant: server.to_utc(UtcOffset::ZERO),
        }
    }
    /// The moment of an instant.
    pub fn moment_at(&self, instant: UtcTime) -> Moment {
        Moment {
            server: self.server_time(instant),
            instant,
        }
    }
}

impl History {
    /// Judges the records; never fails: odd rows become notes.
    pub fn from_records(_records: HistoryRecords) -> (Self, Vec<HistoryNote>) {
        (Self, Vec::new())
    }
    /// Names of all databases that have sets, sorted.
    pub fn databases(&self) -> Vec<String> {
        Vec::new()
    }
    /// The sets of one database, by the collation's comparison.
    pub fn database(&self, _name: &str) -> Option<Arc<DatabaseHistory>> {
        None
    }
}

impl DatabaseHistory {
    pub fn clock(&self) -> &ServerClock {
        unreachable!("skeleton")
    }
}

/// The cheapest way to the target (rule 14), or why there is none.
pub fn plan(
    _history: &DatabaseHistory,
    _request: &RestoreRequest,
) -> Result<RestorePlan, Box<Refusal>> {
    unreachable!("skeleton")
}
