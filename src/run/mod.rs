//! Executing steps with a journal; what happened, as data.
//!
//! ```text
//! RestorePlan + choices ─► Runbook (steps as data) ─► engine ─► StepReport… ─► RunReport
//!                              │                        │
//!                              └──► shown before        └──► journal: a record before and after each step
//! ```
//!
//! - A [`Runbook`] is made before anything runs, and there is one engine for it: a restore to a copy is a runbook
//!   without the steps for the application, the tail and the access mode.
//! - Each step is on disk before it begins and after it ended, so that the next start can say where a run stands.
//! - Failures, findings and states are data here; `explain` has their words.
//!
//! It does not choose backups (`domain::plan` does) and writes no T-SQL (`tsql` does).

mod azure;
mod backup;
mod by_hand;
mod choices;
mod control;
mod drill;
mod drop_copy;
mod failure;
mod fleet;
mod header;
mod hook;
mod journal;
mod judged;
mod lost_rows;
mod measured;
mod outside;
mod owed;
mod preflight;
mod record;
mod remains;
mod report;
mod restore;
mod resume;
mod runbook;
pub mod schedule;
mod stored;
mod target;
mod verify;
mod watch;

pub use azure::{
    AzureEnd, AzureFailure, AzureOrder, AzureOutcome, AzurePast, AzureReport, AzureRunEvent,
    AzureStepReport, AzureSurroundings, AzureUnfinished, STEPS as AZURE_STEPS, SwapFound, SwapStep,
    SwapSurroundings, WATCH as AZURE_WATCH, delete_new_database, half_swapped_restores,
    read_azure_restore, rename_line, run_azure_restore, run_swap_step, settle_swap,
    unfinished_azure_restores, watch_azure_again,
};
pub use backup::{
    BackupEnd, BackupFault, BackupJob, BackupOutcome, BackupPhase, BackupProgress, BackupReading,
    BackupReport, BackupRunEvent, BackupStepReport, BackupSurroundings, FolderEntry, FolderListing,
    FoundJob, OnceError, OncePlan, OnceRun, OnceState, PlaceCheck, PlaceThere, ProbeOutcome,
    ProbeResult, WrittenBackup, browse, check_place, find_once, list_folder, look_at_once, probe,
    read_backup_facts, remove_once, run_backups, start_once,
};
pub use by_hand::{
    ByHand, ByHandFailure, ByHandOrder, ByHandReport, ByHandService, ByHandSurroundings,
    ByHandWork, read_tasks, run_by_hand,
};
pub use choices::{OverChoice, OwnStep, RunChoices, TailChoice};
pub use control::{Commands, RunCommand, RunControl, Waiting};
pub use drill::{
    ClearError, Cleared, DrillEvent, DrillJob, DrillPlan, DrillReport, DrillResult, DrillStep,
    DrillSurroundings, DrillTable, DrillTimer, Leftover, LeftoverSeen, OsScheduler, PartOfDrill,
    Phase, PhaseKind, Rehearsal, RehearsalTimes, TimedMoment, clear_leftover, leftovers,
    look_at_leftover, rehearse, run_drill,
};
pub use drop_copy::{DropError, drop_copy};
pub use failure::{ReachedBecause, StepFailure, StepSkip, TailFault, VerificationFault};
pub use fleet::FleetRow;
pub use header::{HeaderDifference, SetHeader, listed_files, set_headers};
pub use hook::{HookCommand, HookFailure, run_hook};
pub use journal::{
    Entry, FORMAT, Journal, JournalContent, JournalError, Record, hash, journal_path, journals_in,
    read_journal,
};
pub use judged::{
    BackedUpBy, JudgeGround, Judged, judge, judged_scenario, outside_backup_title, status_of,
};
pub use lost_rows::{LostRows, count_lost_rows};
pub use measured::{AzureMeasured, Drill, Measured, MeasuredRestore, RehearsalRun};
pub use outside::{OutsideJob, back_up_outside};
pub use owed::Owed;
pub use preflight::{
    OpenTransaction, PreflightCheck, PreflightFinding, PreflightVerdict, VolumeNeed, WrittenFile,
    files_written, preflight,
};
pub use record::{
    RecordedEnd, RecordedStep, RecordedTable, RecordedVerification, RunRecord, list_runs, read_run,
    removed_on,
};
pub use report::{
    Outcome, RunEnd, RunId, RunKind, RunReport, StepFacts, StepReport, TableCount, TargetState,
    Verification, Who,
};
pub use restore::{RestoreJob, RunEvent, RunProgress, Surroundings, run_restore};
pub use resume::{ResumeError, ResumeHow, ServerJobSeen, Standing, assess, resume};
pub use runbook::{Action, Interruption, Runbook, ServerJob, Step, only_recovers, script_of};
pub use stored::StoredRun;
pub use target::{TargetFacts, read_restoring, read_target};
pub use verify::{
    Expectations, Identity, Look, TableName, count_exactly, read_identity, rows_by_metadata, verify,
};
