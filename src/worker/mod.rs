//! Builds the tokio runtime and turns requests into jobs and events.

mod handle;
mod jobs;
mod messages;

pub use handle::{Worker, WorkerError, WorkerHandle};
pub use messages::{
    DatabaseState, DatabaseSummary, Event, PreflightCheck, PreflightVerdict, Request, RunProgress,
    Secret, ServerId, ServerInfo, ServerStatus,
};
