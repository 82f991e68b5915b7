//! What happened, as data: `StepReport` per step, `RunReport` at the end.

use crate::{
    domain::{RestorePlan, UtcTime},
    explain::Problem,
};
use uuid::Uuid;

/// A run's id: its UTC start and four hex digits, as `20261122T062812Z-1f3a`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub String);

impl RunId {
    /// The id of a run that starts now; `random` tells runs of one second apart.
    pub fn new(start: UtcTime, random: u16) -> Self {
        Self(format!("{}-{random:04x}", start.0.format("%Y%m%dT%H%M%SZ")))
    }
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    DoneWithWarning(Problem),
    Skipped { reason: String },
    Failed(Problem),
    Cancelled,
}

/// One step that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    pub title: String,
    pub sql: String,
    pub started: UtcTime,
    pub seconds: f64,
    pub outcome: Outcome,
    /// The server's messages, with the second of the run at which they came.
    pub messages: Vec<(f64, String)>,
}

/// The state in which a run leaves the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Online, and every check passed.
    Verified,
    /// Online, and a check failed or could not be made.
    OnlineNotVerified,
    /// Nothing was created or changed.
    Untouched,
    /// The database is `RESTORING`.
    Restoring,
    /// The user cancelled; the state of the target in words.
    Cancelled { state: String },
}

/// Rows of one protected table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCount {
    /// `schema.table`.
    pub table: String,
    /// From partition metadata on the original, now; `None` when the table is not there.
    pub rows_original: Option<u64>,
    /// Exact, on the copy; `None` when the table is not there.
    pub rows_copy: Option<u64>,
}

/// What was checked after the last step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// `state_desc` read back.
    pub state: String,
    pub tables: Vec<TableCount>,
    /// The newest migration in `__EFMigrationsHistory`, where the application has one.
    pub schema_version: Option<String>,
    pub problems: Vec<Problem>,
}

/// Everything about a finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    pub id: RunId,
    pub server: String,
    pub target_database: String,
    pub plan: RestorePlan,
    pub started: UtcTime,
    pub seconds: f64,
    pub steps: Vec<StepReport>,
    pub end: RunEnd,
    pub verification: Option<Verification>,
    /// Identity of the created copy: `database_guid` and creation time, for *Drop the copy…*.
    pub copy: Option<(Uuid, String)>,
}
