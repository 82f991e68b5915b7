//! The tasks of Amazon RDS: what its procedures were asked for, and how far that is.

use crate::domain::ServerTime;

/// How a task stands, in the service's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    Created,
    InProgress,
    Success,
    Error,
    CancelRequested,
    Cancelled,
}

/// One task.
#[derive(Clone, Debug, PartialEq)]
pub struct RdsTask {
    /// From 1, never given twice.
    pub id: i64,
    /// `BACKUP_DB` or `RESTORE_DB`.
    pub kind: &'static str,
    pub database: String,
    pub s3_arn: String,
    pub overwrite: bool,
    pub lifecycle: Lifecycle,
    /// Why it failed, or what it is about.
    pub info: String,
    pub created: ServerTime,
    pub updated: ServerTime,
    /// Ends it.
    pub cancel: tokio_util::sync::CancellationToken,
}

/// All of them, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct RdsTasks(pub Vec<RdsTask>);

impl Lifecycle {
    /// The word of `rds_task_status`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::InProgress => "IN_PROGRESS",
            Self::Success => "SUCCESS",
            Self::Error => "ERROR",
            Self::CancelRequested => "CANCEL_REQUESTED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether nothing changes it any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Success | Self::Error | Self::Cancelled)
    }
}

impl RdsTasks {
    /// The number of the next task.
    pub fn next_id(&self) -> i64 {
        self.0.last().map_or(1, |task| task.id + 1)
    }

    pub fn find_mut(&mut self, id: i64) -> Option<&mut RdsTask> {
        self.0.iter_mut().find(|task| task.id == id)
    }
}
