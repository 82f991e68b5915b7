//! Builds the tokio runtime and turns requests into jobs and events.

mod messages;

pub use messages::{
    DatabaseState, DatabaseSummary, Event, PreflightCheck, PreflightVerdict, Request, RunProgress,
    Secret, ServerId, ServerInfo, ServerStatus,
};
