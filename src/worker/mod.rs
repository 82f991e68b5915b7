//! Builds the tokio runtime and turns requests into jobs and events.

mod handle;
mod jobs;
mod messages;

pub use crate::server::{DatabaseState, DatabaseSummary, ServerInfo};
pub use handle::{Worker, WorkerError, WorkerHandle};
pub use messages::{
    Event, PreflightCheck, PreflightVerdict, Request, RunProgress, Secret, ServerId, ServerStatus,
};
