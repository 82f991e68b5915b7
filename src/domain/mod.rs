//! What backups are, what can be restored, and what it costs. Pure: no I/O, no clock, no async, no SQL text.
//!
//! ```text
//! BackupRecord ─► History ─► DatabaseHistory ─► Coverage
//!                                  │
//!               RestoreRequest ─► plan ─► RestorePlan ─► check ─► Finding…
//!                                     └─► Refusal
//!
//! BackupRequest, BackupServer, BackupDatabase… ─► plan_backups ─► BackupPlan
//! ```
//!
//! # Glossary of our own words
//!
//! - *marker*: the moment that the user chose on the timeline.
//! - *coverage*: which moments can be reached, and why the others cannot.
//! - *exposure*: what would be lost if the database broke at a moment; the field's RPO, as it really is.
//! - *standing*: one promise of the owners beside what is true of it.
//! - *tail*: the part of the log that no backup holds yet.
//! - *branch*: a recovery fork seen as a stretch of time; restoring over a database leaves one and begins another.
//! - *mark*: what files say to a set of the history, where both are looked at.
//! - *policy*: what is wanted of the backups of some databases; a schedule carries it out.
//! - *trouble*: why a set cannot be restored although its row is there.

#![warn(missing_docs)]

mod backup;
mod beside;
mod check;
mod clock;
mod cost;
mod coverage;
mod database;
mod event;
mod file_choice;
mod graph;
mod history;
mod judge;
mod lsn;
mod mark;
mod moves;
mod names;
mod objectives;
mod overwrite;
mod place;
mod plan;
mod planner;
mod policy;
mod record;
mod refusal;
mod removed;
mod roles;
mod server_path;
mod set;
mod shared_vec;
mod start;
mod time;

pub use backup::{
    BackupCertificate, BackupDatabase, BackupEncryption, BackupKind, BackupNote, BackupOption,
    BackupOptions, BackupPlan, BackupRefusal, BackupRequest, BackupServer, BackupStep,
    BackupTarget, ChainChoice, ChainReason, Compression, DEFAULT_TEMPLATE, EncryptionAlgorithm,
    ExpectedBackup, Expiry, FileTemplate, LONGEST_DESCRIPTION, MAX_FILE_NAME, MOST_STRIPES,
    OptionRefusal, PolicyPlace, ReplicaRole, SecondaryInstead, ServerEdition, TemplateError,
    TransferSettings, USUAL_TRANSFER_SIZE, backup_refusal, certificate_fault, escape_file_name,
    option_faults, option_unavailable, plan_backups, unescape_file_name,
};
pub use beside::{FileMark, compare};
pub use check::{Finding, FindingKind, Severity, check, is_proved};
pub use clock::{Reading, ServerClock};
pub use cost::{Cost, CostModel, Price, RestoreSpeeds};
pub use coverage::{Branch, Coverage, Gap, Window};
pub use database::{DatabaseHistory, Lane, Restore};
pub use event::{DatabaseEvent, EventKind, ObjectChange};
pub use file_choice::{FileChoice, PathFault, path_faults};
pub use graph::Loss;
pub use history::{History, HistoryBuilder};
pub use judge::{HistoryNote, HistoryNoteKind};
pub use lsn::{Lsn, LsnError};
pub use mark::{Mark, MarkStop, MarkTarget, StopMark};
pub use names::within_utf16;
pub use objectives::{
    Assessment, Costliest, Exposed, Exposure, ExposureCause, MeasuredRun, MeasuredSet, Misses,
    Objective, PastEstimate, Period, Remedy, RestoreTimeModel, ScenarioKind, Standing, Status,
    assess, past_estimates, remedies,
};
pub use plan::{
    ChosenBase, Destination, Device, Estimate, EstimateBasis, FileMove, Limits, Lost, Moment,
    PlanNote, PlanStep, Refusal, RefusalKind, RestorePlan, RestoreRequest, Saving, Tail, Target,
    Usage,
};
pub use planner::{
    Alternative, CostDifference, Difference, Exchange, alternatives, plan, price, prices,
};
pub use policy::{
    AgentSchedule, AgentState, Clash, Conflict, DatabaseFacts, DayTimes, Deleting, JobBacksUp,
    JobDefinition, JobDifference, JobOutcome, JobStep, JobTrouble, Keep, LeftOut, MinuteOfDay,
    Notify, OtherBackups, OtherJob, PlannedRun, Policy, PolicyBackup, PolicyDatabases, PolicyId,
    PolicyJob, PolicyKind, PolicyObjective, PolicyOptions, PromisedLoss, RestoreForecast,
    Retention, RetentionFile, RetentionList, RunStatus, ScheduleFacts, SchedulePlan, SchedulerKind,
    StorageForecast, Times, Verdict, WeekDays, conflicts, job_backs_up, other_backups,
    plan_schedule, retention, usual_share,
};
pub use record::{
    BackupRecord, BackupType, ChangeRecord, DatabaseFile, HistoryRecords, MarkRecord, MediaFile,
    PROBE_FILE, PROBE_NAME, RecordedServer, RestoreRecord,
};
pub use removed::Removed;
pub use roles::{Rejected, SetRole, SkipReason, UseReason, rejected, role_of};
pub use server_path::ServerPath;
pub use set::{BackupSet, DifferentialFacts, FileList, FullFacts, Lineage, Origin, Role, Trouble};
pub use shared_vec::SharedVec;
pub use start::{RestoringState, Start};
pub use time::{ServerTime, UtcOffset, UtcTime};
