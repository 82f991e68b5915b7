//! The LSN graph (being built).

use super::{Coverage, DatabaseHistory, Limits};
use std::sync::Arc;

/// Graphs of one database, by what may take part.
#[derive(Debug, Default)]
pub struct Graphs {}

impl Graphs {
    pub fn prepare(&self, _history: &DatabaseHistory) {}
    pub fn grow_from(&self, _old: &Self, _history: &DatabaseHistory, _first_new: usize) {}
}

impl DatabaseHistory {
    /// Which moments can be reached with what may take part; kept, so asking again is cheap.
    pub fn coverage(&self, _limits: &Limits) -> Arc<Coverage> {
        Arc::default()
    }
}
