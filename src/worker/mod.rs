//! Builds the tokio runtime and turns requests into jobs and events.

mod applications;
mod backups;
mod connect;
mod handle;
mod jobs;
mod messages;
mod practice;
mod profiles;
mod reading;
mod restores;

pub use crate::{
    run::{PreflightCheck, PreflightVerdict, RunProgress},
    server::{DatabaseState, DatabaseSummary, ServerInfo},
};
pub use applications::{ApplicationEvent, ApplicationRequest, KnownApplications};
pub(crate) use backups::once_problem;
pub use backups::{BackupCall, BackupEvent};
pub use connect::server_of;
pub use handle::{Worker, WorkerError, WorkerHandle, runtime};
pub use jobs::now;
pub use messages::{Event, Request, Secret, ServerId, ServerStatus};
pub use practice::{Accident, Practice};
pub use restores::expectations;
