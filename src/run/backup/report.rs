//! What came of backups, as data.

use crate::{
    domain::{BackupKind, BackupRefusal, Device, ServerTime, UtcTime},
    run::report::{RunId, Who},
    server::{Row, ServerError},
};
use uuid::Uuid;

/// Why a backup was not taken, or what is to be said of one that was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BackupFault {
    /// The server refused, or was lost before it said how the backup ended.
    #[error("{0}")]
    Server(ServerError),
    /// Another run has the application lock of the database.
    #[error("another run holds the lock of {database}")]
    LockHeld { database: String },
    /// What was possible when the plan was made no longer is.
    #[error("no longer possible: {0:?}")]
    NoLongerPossible(BackupRefusal),
    /// The backup is written; reading it back failed.
    #[error("written, and not read back: {0}")]
    NotVerified(ServerError),
    /// The connection broke, and msdb says that the backup was completed.
    #[error("the connection was lost, and msdb has the backup")]
    LostButWritten,
    /// Nothing is sent that cannot be journaled.
    #[error("the journal cannot be written")]
    NoJournal,
    /// Agent ran the step, and these are its messages.
    #[error("the job failed")]
    Job { message: String },
    /// The job vanished as one does that succeeded, and msdb has no such set.
    #[error("the job is gone, and msdb has no such backup")]
    JobGone,
}

impl BackupFault {
    /// The server's error behind it.
    pub fn server_error(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error) | Self::NotVerified(error) => Some(error),
            _ => None,
        }
    }

    pub(super) fn word(&self) -> &'static str {
        "failed"
    }

    /// The words that a journal keeps: what it is, then the server's own messages.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = vec![self.to_string()];
        match self.server_error() {
            Some(ServerError::Refused { errors }) => words.extend(
                errors
                    .iter()
                    .map(|error| format!("Msg {}: {}", error.number, error.text)),
            ),
            Some(ServerError::Lost { reason } | ServerError::Unreachable { reason, .. }) => {
                words.push(reason.clone());
            }
            _ => {}
        }
        if let Self::Job { message } = self {
            words.push(message.clone());
        }
        words
    }
}

/// How one backup ended.
#[derive(Clone, Debug, PartialEq)]
pub enum BackupOutcome {
    Done,
    /// It is there, and something is to be said of it.
    DoneWithWarning(BackupFault),
    Failed(BackupFault),
    Cancelled,
}

impl BackupOutcome {
    /// The word of `run-journal/1`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DoneWithWarning(_) => "done_with_warning",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether there is a backup now.
    pub fn is_there(&self) -> bool {
        matches!(self, Self::Done | Self::DoneWithWarning(_))
    }

    /// What went wrong or is to be said.
    pub fn fault(&self) -> Option<&BackupFault> {
        match self {
            Self::DoneWithWarning(fault) | Self::Failed(fault) => Some(fault),
            Self::Done | Self::Cancelled => None,
        }
    }
}

/// The set that was written, as msdb has it.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenBackup {
    pub backup_set_id: i64,
    pub backup_set_uuid: Option<Uuid>,
    /// In its file, from 1.
    pub position: i64,
    /// On the server's clock.
    pub start: Option<ServerTime>,
    pub finish: Option<ServerTime>,
    /// Pages of 8 KB.
    pub pages: Option<u64>,
    /// Before compression.
    pub backup_size: Option<u64>,
    /// On the media.
    pub compressed_size: Option<u64>,
}

impl WrittenBackup {
    pub(super) fn from_row(row: &Row) -> Option<Self> {
        let bytes = |name: &str| {
            row.cell(name)
                .whole()
                .and_then(|value| u64::try_from(value).ok())
        };
        Some(Self {
            backup_set_id: row.int("backup_set_id")?,
            backup_set_uuid: row.guid("backup_set_uuid"),
            position: row.int("position").unwrap_or(1),
            start: row.time("backup_start_date"),
            finish: row.time("backup_finish_date"),
            pages: bytes("pages"),
            backup_size: bytes("backup_size"),
            compressed_size: bytes("compressed_backup_size"),
        })
    }

    /// How many times smaller the file is than the data; `None` when nothing is known or nothing was saved.
    pub fn ratio(&self) -> Option<f64> {
        let (data, file) = (self.backup_size?, self.compressed_size?);
        (file > 0 && file < data).then(|| data as f64 / file as f64)
    }
}

/// One backup that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupStepReport {
    pub database: String,
    pub kind: BackupKind,
    pub copy_only: bool,
    pub devices: Vec<Device>,
    /// On the own clock.
    pub started: UtcTime,
    /// Reading it back included.
    pub seconds: f64,
    pub outcome: BackupOutcome,
    /// `None` when there is none, or when the login may not read msdb.
    pub written: Option<WrittenBackup>,
    /// The server's messages, in order.
    pub messages: Vec<String>,
}

/// How a run of backups ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupEnd {
    /// All of them are there.
    Done,
    /// All are there, and something is to be said of some.
    DoneWithWarnings,
    /// Some are there.
    Partly,
    /// None is.
    Failed,
    /// The user cancelled what had not ended.
    Cancelled,
}

impl BackupEnd {
    /// The end that these steps make.
    pub fn of(steps: &[BackupStepReport]) -> Self {
        let there = steps.iter().filter(|s| s.outcome.is_there()).count();
        let warned = steps
            .iter()
            .any(|s| matches!(s.outcome, BackupOutcome::DoneWithWarning(_)));
        if steps.iter().any(|s| s.outcome == BackupOutcome::Cancelled) {
            Self::Cancelled
        } else if there == 0 {
            Self::Failed
        } else if there < steps.len() {
            Self::Partly
        } else if warned {
            Self::DoneWithWarnings
        } else {
            Self::Done
        }
    }

    /// The word of `run-journal/1` and of reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DoneWithWarnings => "done_with_warnings",
            Self::Partly => "partly",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Everything about backups that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupReport {
    pub id: RunId,
    pub who: Who,
    pub server: String,
    /// On the own clock.
    pub started: UtcTime,
    pub seconds: f64,
    pub steps: Vec<BackupStepReport>,
    /// Databases that the plan left out, and why.
    pub refused: Vec<(String, BackupRefusal)>,
    pub end: BackupEnd,
}
