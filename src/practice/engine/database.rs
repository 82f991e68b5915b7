//! What the server knows of a database besides its rows: identity, states, files, log, backups.

use super::{
    log::{ActiveLog, LogPosition},
    sessions::SessionId,
};
use crate::practice::catalogue::Catalogue;
use chrono::NaiveDateTime;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};
use uuid::Uuid;

/// `database_id`: 1 master, 2 tempdb, 3 model, 4 msdb, users from 5.
pub type DatabaseId = i32;

pub const MASTER: DatabaseId = 1;
pub const TEMPDB: DatabaseId = 2;
pub const MODEL: DatabaseId = 3;
pub const MSDB: DatabaseId = 4;

/// `sys.databases.state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DatabaseState {
    Online,
    Restoring,
    RecoveryPending,
    /// Recovery found it damaged: its rows cannot be reached, its log can.
    Suspect,
    Offline,
}

impl DatabaseState {
    pub fn code(self) -> i64 {
        match self {
            Self::Online => 0,
            Self::Restoring => 1,
            Self::RecoveryPending => 3,
            Self::Suspect => 4,
            Self::Offline => 6,
        }
    }

    pub fn description(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Restoring => "RESTORING",
            Self::RecoveryPending => "RECOVERY_PENDING",
            Self::Suspect => "SUSPECT",
            Self::Offline => "OFFLINE",
        }
    }
}

/// `sys.databases.recovery_model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoveryModel {
    Full,
    BulkLogged,
    Simple,
}

impl RecoveryModel {
    pub fn code(self) -> i64 {
        match self {
            Self::Full => 1,
            Self::BulkLogged => 2,
            Self::Simple => 3,
        }
    }

    /// As `sys.databases.recovery_model_desc` spells it.
    pub fn description(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::BulkLogged => "BULK_LOGGED",
            Self::Simple => "SIMPLE",
        }
    }

    /// As msdb's history spells it: with a hyphen.
    pub fn history_name(self) -> &'static str {
        match self {
            Self::BulkLogged => "BULK-LOGGED",
            other => other.description(),
        }
    }
}

/// `sys.databases.user_access`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UserAccess {
    Multi,
    Single,
    Restricted,
}

impl UserAccess {
    pub fn code(self) -> i64 {
        match self {
            Self::Multi => 0,
            Self::Single => 1,
            Self::Restricted => 2,
        }
    }

    pub fn description(self) -> &'static str {
        match self {
            Self::Multi => "MULTI_USER",
            Self::Single => "SINGLE_USER",
            Self::Restricted => "RESTRICTED_USER",
        }
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    Rows,
    Log,
}

/// A file of a database. Files are facts, not bytes on the disk: their rows live in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseFile {
    pub file_id: i32,
    pub file_guid: Uuid,
    pub kind: FileKind,
    pub logical_name: String,
    pub physical_name: String,
    /// In pages of 8 KB.
    pub size_pages: i64,
    /// In pages of 8 KB; −1 for no limit.
    pub max_size_pages: i64,
    /// In pages of 8 KB.
    pub growth_pages: i64,
}

/// The full backup that the next differential refers to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DifferentialBase {
    /// `checkpoint_lsn` of the base.
    pub lsn: LogPosition,
    /// `backup_set_uuid` of the base.
    pub guid: Uuid,
    /// Local time.
    pub time: NaiveDateTime,
}

/// How far a restore sequence is, while the database is `RESTORING`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreProgress {
    /// The next log record that is needed (`sys.master_files.redo_start_lsn`).
    pub redo_start: LogPosition,
    /// The fork on which that record must lie.
    pub redo_fork: Uuid,
    /// The full backup that was restored, to which a differential may be applied.
    pub base_set: Uuid,
    /// Commit time (local `datetime`) of the newest transaction that was applied.
    pub newest_commit: Option<i64>,
    /// `STOPAT` (local `datetime`) at which the roll forward stopped: nothing later may be applied.
    pub stopped_at: Option<i64>,
    /// The backups that were restored were taken in this recovery model.
    pub recovery_model: RecoveryModel,
    /// Where the part of the log begins that a log backup after recovery must contain.
    pub log_start: LogPosition,
    /// The fork at `log_start`.
    pub log_fork: Uuid,
}

/// Everything that outlives the process, besides rows and log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseFacts {
    pub id: DatabaseId,
    pub name: String,
    /// Local time; a restore to a new name makes a new one.
    pub created: NaiveDateTime,
    pub state: DatabaseState,
    pub user_access: UserAccess,
    pub recovery_model: RecoveryModel,
    pub compatibility_level: u8,
    pub collation: String,
    pub read_only: bool,
    /// `AUTO_UPDATE_STATISTICS_ASYNC`; worlds before it had none.
    #[serde(default)]
    pub async_statistics: bool,
    /// `RESTORE … WITH STANDBY`: readable between the steps.
    pub standby: bool,
    /// New after each restore.
    pub database_guid: Uuid,
    /// Survives restores and renames.
    pub family_guid: Uuid,
    /// The fork on which the database is.
    pub recovery_fork_guid: Uuid,
    /// The fork at the beginning of the log that no backup holds yet.
    pub first_recovery_fork_guid: Uuid,
    /// Where the second followed the first; `None` when they are the same.
    pub fork_point: Option<LogPosition>,
    pub files: Vec<DatabaseFile>,
    pub differential_base: Option<DifferentialBase>,
    /// `checkpoint_lsn` of the newest conventional full backup.
    pub database_backup_lsn: Option<LogPosition>,
    /// Where the next log backup begins; `None` in the simple model and before the first full backup.
    pub last_log_backup_lsn: Option<LogPosition>,
    /// From where on records are kept; set when the first full backup begins.
    pub log_start: Option<LogPosition>,
    /// Where the next record will stand.
    pub log_position: LogPosition,
    /// The next log backup is the first of a chain.
    pub begins_log_chain: bool,
    pub restore: Option<RestoreProgress>,
    /// Worlds before them had none.
    #[serde(default)]
    pub keys: super::certificates::Keys,
}

impl DatabaseFacts {
    /// Whether records are kept for a log backup.
    pub fn keeps_log(&self) -> bool {
        self.recovery_model != RecoveryModel::Simple && self.log_start.is_some()
    }

    /// What `sys.databases.state` shows: a database in standby is online and read-only.
    pub fn visible_state(&self) -> DatabaseState {
        if self.standby {
            DatabaseState::Online
        } else {
            self.state
        }
    }

    /// Whether it came with the server.
    pub fn is_system(&self) -> bool {
        self.id <= MSDB
    }

    /// The sum of its files.
    pub fn size_bytes(&self) -> i64 {
        self.files.iter().map(|f| f.size_pages * 8192).sum()
    }

    /// Lets the file of that kind grow until `bytes` fit, by its increment.
    pub(super) fn grow(&mut self, kind: FileKind, bytes: usize) {
        let needed = i64::try_from(bytes.div_ceil(8192)).unwrap_or(i64::MAX);
        if let Some(file) = self.files.iter_mut().find(|f| f.kind == kind) {
            let step = file.growth_pages.max(1);
            if needed > file.size_pages {
                file.size_pages += ((needed - file.size_pages - 1) / step + 1) * step;
            }
        }
    }

    /// The first file of that kind.
    pub fn file(&self, kind: FileKind) -> Option<&DatabaseFile> {
        self.files.iter().find(|f| f.kind == kind)
    }
}

/// A database with its rows, its catalogue and its log.
pub struct Database {
    pub facts: DatabaseFacts,
    pub catalogue: Catalogue,
    pub log: ActiveLog,
    /// One hash per page of the differential base.
    pub base_pages: Option<Vec<u64>>,
    /// The image of the restored full backup, for a differential to be laid over, while `RESTORING`.
    pub base_image: Option<Vec<u8>>,
    /// Who has the database to itself.
    pub single_user_session: Option<SessionId>,
    /// Keeps the shared memory alive while the database is not attached.
    pub(super) keeper: Connection,
    /// For the least recently used one.
    pub(super) used: u64,
    pub(super) attached: bool,
}

impl Deref for Database {
    type Target = DatabaseFacts;

    fn deref(&self) -> &DatabaseFacts {
        &self.facts
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut DatabaseFacts {
        &mut self.facts
    }
}

/// The name under which a database is attached.
pub fn schema_name(id: DatabaseId) -> String {
    format!("db{id}")
}
