//! What happened, as data: `StepReport` per step, `RunReport` at the end.

use super::{
    failure::{StepFailure, StepSkip, VerificationFault},
    owed::Owed,
};
use crate::{
    domain::{RestorePlan, UtcTime},
    server::ServerError,
};
use serde::{Deserialize, Serialize};
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

/// What a run is for. Stored in journals, so it changes by addition alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A restore into a new database.
    #[default]
    RestoreCopy,
    /// A restore over the database that the backups are of.
    RestoreOver,
    Backup,
    /// Jobs and schedules on the server were made, changed or removed.
    Schedule,
    /// Backup files were deleted by a policy.
    Retention,
    /// A restore that was made to be measured, and dropped.
    Drill,
    /// A point-in-time restore that Azure carries out.
    AzureRestore,
    /// The own backup of something that is not in SQL Server.
    Outside,
    /// Written by a later version.
    #[serde(other)]
    Other,
}

/// Who started a run and from where; what is not known is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The operating system's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The login on the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The machine that stopat runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The saved server by which it was reached: the uuid of its profile, or `practice` for the window's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// What a step moved, measured while it ran: estimates and objectives are built from it. Stored in journals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFacts {
    /// `full`, `differential` or `log`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_kind: Option<String>,
    /// On the media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Before compression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed: Option<bool>,
    /// Read or written, as the server sees them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Of a program that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

impl StepFacts {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Done,
    DoneWithWarning(StepFailure),
    Skipped { reason: StepSkip },
    Failed(StepFailure),
    Cancelled,
}

impl Outcome {
    /// The word of `run-journal/1` and of reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DoneWithWarning(_) => "done_with_warning",
            Self::Skipped { .. } => "skipped",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One step that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    pub title: String,
    pub sql: String,
    pub started: UtcTime,
    pub seconds: f64,
    pub outcome: Outcome,
    /// The server's messages, or what a program printed, with the second of the run at which they came.
    pub messages: Vec<(f64, String)>,
    pub facts: StepFacts,
}

/// The state of the target as it was read last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// There is no database of that name.
    NotThere,
    /// Nothing was sent that could have changed it.
    NotTouched,
    Online,
    Restoring,
    /// `RESTORING` inside, readable between two logs.
    Standby,
    /// `sys.databases.state_desc`.
    Other(String),
    /// It could not be asked.
    Unknown(ServerError),
}

/// The state in which a run leaves the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Online, and every check passed.
    Verified,
    /// Readable between two logs, as it was chosen, and every check passed.
    Standby,
    /// Online or readable, and a check failed or could not be made.
    OnlineNotVerified,
    /// Nothing was created or changed.
    Untouched,
    /// The database is `RESTORING`.
    Restoring,
    /// The user cancelled.
    Cancelled,
}

impl RunEnd {
    /// The word of `run-journal/1` and of reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Standby => "standby",
            Self::OnlineNotVerified => "online_not_verified",
            Self::Untouched => "untouched",
            Self::Restoring => "restoring",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Rows of one protected table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCount {
    /// `schema.table`.
    pub table: String,
    /// From partition metadata on the original, now; `None` when the table is not there.
    pub rows_original: Option<u64>,
    /// Exact, in the restored database; `None` when the table is not there.
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
    /// `None` when its login is not on this server, or was not read.
    pub owner: Option<String>,
    /// SQL users whose login is not on this server: listed, not judged.
    pub orphaned_users: Vec<String>,
    /// `MULTI_USER`, `SINGLE_USER` or `RESTRICTED_USER`.
    pub access: Option<String>,
    pub problems: Vec<VerificationFault>,
}

/// Everything about a finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    pub id: RunId,
    pub kind: RunKind,
    pub who: Who,
    pub server: String,
    pub target_database: String,
    pub plan: RestorePlan,
    pub started: UtcTime,
    pub seconds: f64,
    pub steps: Vec<StepReport>,
    pub end: RunEnd,
    pub state: TargetState,
    pub verification: Option<Verification>,
    /// Identity of the created copy: `database_guid` and creation time, for *Drop the copy…*.
    pub copy: Option<(Uuid, String)>,
    /// What could not be put back yet.
    pub owed: Vec<Owed>,
}
