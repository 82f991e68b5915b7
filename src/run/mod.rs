//! Executing steps with a journal; what happened, as data.

mod drop_copy;
mod header;
mod journal;
mod preflight;
mod report;
mod restore;
mod verify;
mod watch;

pub use drop_copy::{DropError, drop_copy};
pub use journal::{
    Entry, FORMAT, Journal, JournalContent, JournalError, Record, journal_path, read_journal,
};
pub use preflight::{PreflightCheck, PreflightVerdict, preflight};
pub use report::{Outcome, RunEnd, RunId, RunReport, StepReport, TableCount, Verification};
pub use restore::{RestoreJob, RunEvent, RunProgress, Surroundings, run_restore};
pub use verify::{
    Expectations, Identity, TableName, count_exactly, read_identity, rows_by_metadata, verify,
};
