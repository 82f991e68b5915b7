//! What backups are, what can be restored, and what it costs. Pure: no I/O, no clock, no async, no SQL text.
//!
//! # Glossary of our own words
//!
//! - *marker*: the moment that the user chose on the timeline.
//! - *coverage*: which moments can be reached, and why the others cannot.
//! - *tail*: the part of the log that no backup holds yet.

mod history;
mod lsn;
mod plan;
mod record;
mod time;

pub use history::{DatabaseHistory, History, HistoryNote, ServerClock, plan};
pub use lsn::{Lsn, LsnError};
pub use plan::{
    Destination, Device, Estimate, EstimateBasis, FileMove, Lost, Moment, PlanNote, PlanStep,
    Refusal, RefusalKind, RestorePlan, RestoreRequest, Tail, Target, Usage,
};
pub use record::{
    BackupRecord, BackupType, DatabaseFile, HistoryRecords, MediaFile, RecordedServer,
    RestoreRecord,
};
pub use time::{ServerTime, UtcOffset, UtcTime};
