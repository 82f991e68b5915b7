//! Requests in, events out: closed enums of plain data.

use super::{
    activity::{ActivityEvent, ActivityRequest},
    applications::{ApplicationEvent, ApplicationRequest},
    azure::{AzureEvent, AzureRequest},
    backups::{BackupCall, BackupEvent},
    objectives::{ObjectivesEvent, ObjectivesRequest},
    prepare::{Prepared, RestoreWishes},
    runs::{RunNews, RunRequest},
    schedules::{ScheduleEvent, ScheduleRequest},
};
use crate::{
    domain::{History, HistoryNote, RestorePlan, RestoreRequest, UtcTime},
    explain::Problem,
    run::{PreflightCheck, RunId, RunProgress, RunReport, Runbook, StepReport},
    server::{DatabaseSummary, ServerInfo},
    settings::Profile,
};
use std::sync::Arc;
use uuid::Uuid;

/// Which server: a profile's uuid, or the window's own practice server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerId {
    Practice,
    Profile(Uuid),
    /// No server: a folder of backup files, read by stopat itself.
    Folder(Uuid),
}

impl ServerId {
    /// The server in stored files: the uuid of its profile, or `practice`; a folder is no server.
    pub fn key(self) -> Option<String> {
        match self {
            Self::Practice => Some(crate::settings::PRACTICE_KEY.to_owned()),
            Self::Profile(id) => Some(id.to_string()),
            Self::Folder(_) => None,
        }
    }
}

/// What the window asks for. Newer requests of one kind for one server replace older ones that wait.
#[derive(Clone, Debug)]
pub enum Request {
    /// The pace of the practice server when it is started next.
    PracticePace(f64),
    /// Makes the world of the practice server anew.
    ResetPractice,
    /// Reads the workspace: profiles, applications. Answered by `Event::Workspace`.
    OpenWorkspace {
        name: String,
    },
    /// Starts the practice server when it is that, signs in, reads `ServerInfo` and the database list.
    Connect {
        server: ServerId,
        password: Option<Secret>,
    },
    Disconnect {
        server: ServerId,
    },
    /// Tries a profile without saving it. Answered by `Event::TestResult`.
    TestProfile {
        profile: Profile,
        password: Option<Secret>,
    },
    /// Saves, atomically. Answered by `Event::Workspace`.
    SaveProfile {
        profile: Profile,
        password: Option<Secret>,
    },
    RemoveProfile {
        id: Uuid,
    },
    Application(ApplicationRequest),
    Activity(ActivityRequest),
    /// Works out what takes longer than a frame.
    Planning(super::PlanningRequest),
    /// See the schedules of a server, or change them.
    Schedule(ScheduleRequest),
    Objectives(ObjectivesRequest),
    /// Reads the databases and the history again; only what is new is fetched.
    Refresh {
        server: ServerId,
    },
    /// Reads the history of one database before that of the whole server is there.
    Timeline {
        server: ServerId,
        database: String,
    },
    /// Reads whatever speaks for and against a restore, and makes its runbook. `generation` comes back in the answer.
    Preflight {
        server: ServerId,
        /// The server that took the backups.
        source: ServerId,
        request: RestoreRequest,
        plan: Box<RestorePlan>,
        wishes: RestoreWishes,
        generation: u64,
    },
    /// Runs the restore of a plan, whose backups `source` took.
    Restore {
        server: ServerId,
        source: ServerId,
        request: RestoreRequest,
        plan: Box<RestorePlan>,
        wishes: RestoreWishes,
    },
    /// Everything about backups: see `BackupCall`.
    Backup {
        server: ServerId,
        call: BackupCall,
    },
    Run(RunRequest),
    CancelRun {
        run: RunId,
    },
    /// Drops the copy of a finished run, after its identity was read again.
    DropCopy {
        server: ServerId,
        run: RunId,
    },
    Files(super::FilesRequest),
    Azure(AzureRequest),
    Shutdown,
}

/// A password on its way to the worker. It never prints itself.
#[derive(Clone)]
pub struct Secret(pub secrecy::SecretString);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What the worker tells. The sender wakes the window.
#[derive(Clone, Debug)]
pub enum Event {
    Workspace {
        name: String,
        profiles: Vec<Profile>,
        problems: Vec<Problem>,
    },
    Server {
        server: ServerId,
        status: ServerStatus,
    },
    Databases {
        server: ServerId,
        databases: Arc<Vec<DatabaseSummary>>,
    },
    /// The history of the whole server; `read_at` is when the reading ended.
    History {
        server: ServerId,
        history: History,
        notes: Arc<Vec<HistoryNote>>,
        read_at: UtcTime,
    },
    /// One database of a history that is still being read.
    Timeline {
        server: ServerId,
        history: History,
    },
    /// The practice world knows of an accident, so that there is something to undo.
    Accident {
        server: ServerId,
        database: String,
        /// The second in which it happened.
        at: UtcTime,
    },
    Application(ApplicationEvent),
    Activity(ActivityEvent),
    Planning(super::PlanningEvent),
    Schedule(ScheduleEvent),
    Objectives(ObjectivesEvent),
    TestResult {
        profile: Uuid,
        result: Result<ServerInfo, Problem>,
    },
    /// The server showed a certificate that nobody trusts yet: the user must see it to pin it.
    CertificateSeen {
        server: ServerId,
        fingerprint: String,
        subject: String,
    },
    PasswordNeeded {
        server: ServerId,
    },
    Preflight {
        server: ServerId,
        generation: u64,
        checks: Vec<PreflightCheck>,
        prepared: Box<Prepared>,
    },
    /// The server did not answer what a preflight asks.
    NotPreflighted {
        generation: u64,
        problem: Problem,
    },
    /// A run began, or an interrupted one goes on.
    RunStarted {
        server: ServerId,
        run: RunId,
        plan: Box<RestorePlan>,
        runbook: Box<Runbook>,
    },
    Run {
        run: RunId,
        news: RunNews,
    },
    /// No report comes: a run did not begin, an interrupted one did not go on, or its journal could not be written.
    ///
    /// Every request for a run is answered by this, by [`Event::RunEnded`] or by [`RunNews::Closed`].
    RunNotBegun {
        server: ServerId,
        /// `None` for one that has no name yet.
        run: Option<RunId>,
        problem: Problem,
    },
    RunProgress {
        run: RunId,
        progress: RunProgress,
    },
    RunMessage {
        run: RunId,
        at: UtcTime,
        text: String,
    },
    StepEnded {
        run: RunId,
        step: usize,
        report: Box<StepReport>,
    },
    RunEnded {
        run: RunId,
        report: Box<RunReport>,
    },
    /// Everything about backups: see `BackupEvent`.
    Backup {
        server: ServerId,
        event: BackupEvent,
    },
    CopyDropped {
        run: RunId,
        database: String,
    },
    Files(super::FilesEvent),
    Problem {
        server: Option<ServerId>,
        problem: Problem,
    },
    Azure(AzureEvent),
    /// The worker has ended, as the operating system told it to: nothing is answered any more.
    Ended,
}

/// Where a server stands.
#[derive(Clone, Debug)]
pub enum ServerStatus {
    Disconnected,
    Connecting {
        what: String,
        /// The part that is done, between 0 and 1; `None` where nothing tells.
        done: Option<f32>,
    },
    Connected(Arc<ServerInfo>),
    /// The files of a folder were read; there is no server.
    FilesRead,
    Failed(Problem),
}
