//! Builds the tokio runtime and turns requests into jobs and events.

mod activity;
mod applications;
mod azure;
mod azure_client;
mod azure_jobs;
mod azure_reading;
mod azure_swap;
mod backups;
mod beside;
mod by_hand;
mod connect;
mod drills;
mod files;
mod files_on_server;
mod fleet;
mod handle;
mod jobs;
mod leftovers;
mod looks;
mod messages;
mod objectives;
mod objectives_report;
mod on_server;
mod outside;
mod planning;
mod practice;
mod practice_reset;
mod prepare;
mod profiles;
mod reading;
mod rehearsals;
mod restores;
mod runs;
mod schedules;
mod signals;
mod tables;
mod timers;

pub use crate::{
    run::{PreflightCheck, PreflightVerdict, RunProgress},
    server::{DatabaseState, DatabaseSummary, Platform, ServerInfo},
};
pub use activity::{ActivityEvent, ActivityRequest, ReportFormat, UnreadableJournal};
pub use applications::{ApplicationEvent, ApplicationRequest, KnownApplications};
pub use azure::{AzureEvent, AzureRequest, AzureShown, AzureStepOutcome, AzureTold};
pub(crate) use backups::once_problem;
pub use backups::{BackupCall, BackupEvent};
pub use beside::JoinedFiles;
pub use connect::server_of;
pub use drills::{
    DRILL_DAYS, DrillGround, DrillMoment, DrillOrder, DrillRefusal, Elsewhere, carry_out_drill,
    drill_problem, prepare_drill,
};
pub use files::{FileListing, FileProblem, FilesEvent, FilesProgress, FilesRequest};
pub use handle::{Worker, WorkerError, WorkerHandle, runtime};
pub use jobs::now;
pub use leftovers::left_problem;
pub use looks::Looked;
pub use messages::{Event, Request, Secret, ServerId, ServerStatus};
pub use objectives::{LeftoverFound, ObjectivesEvent, ObjectivesRequest, SaveAs, backed_up_by};
pub use objectives_report::{MadeReport, ReportGround, make_objectives_report};
pub use on_server::RunningWork;
pub use planning::{PlanningEvent, PlanningRequest};
pub use practice::{Accident, Practice, is_practice};
pub use prepare::{ApplicationWish, Prepared, RestoreWishes};
pub use rehearsals::{RehearsalError, RehearsalOf, keep_rehearsal};
pub use restores::expectations;
pub use runs::{RunNews, RunRequest};
pub use schedules::{ScheduleEvent, ScheduleRequest};
pub use signals::EndSignals;
pub use tables::{TableFact, TableFacts};
pub use timers::{TimerFiles, own_scheduler, timer_files, write_timer};
