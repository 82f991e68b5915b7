//! What a run has taken and must put back: kept in the journal and on the screen until it is done.

use serde::{Deserialize, Serialize};

/// Something that must be put back. Stored in journals, so it changes by addition alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Owed {
    /// The database was closed to everybody else.
    Access {
        database: String,
        /// `MULTI_USER`, `RESTRICTED_USER` or `SINGLE_USER`: as it was before.
        back_to: String,
    },
    /// `AUTO_UPDATE_STATISTICS_ASYNC` was on.
    AsyncStatistics { database: String },
    /// An Agent job was enabled.
    Job { name: String },
    /// Written by a later version.
    #[serde(other)]
    Other,
}

impl Owed {
    /// Whether the server lets us put it back; an Agent job whatever the database is, the others while it is online.
    pub(super) fn can_be_put_back(&self, online: bool) -> bool {
        online || matches!(self, Self::Job { .. })
    }
}
