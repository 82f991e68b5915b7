//! What the window shows, as plain data: `Action`s in, `Request`s out, events applied. No egui, no clock, no I/O.

mod action;
mod activity;
mod applications;
mod azure;
mod backup;
mod choice;
mod command;
mod database;
mod destination;
mod events;
mod files;
mod fleet;
mod judging;
mod leftovers;
mod marker;
mod objectives;
mod planning;
mod presenter;
mod protection;
mod range;
mod rehearsal;
mod restore;
mod resume;
mod run;
mod server;
mod time_entry;
mod trouble;
mod update;

pub use action::{Action, MarkerStep, ProfileAction};
pub use activity::{ActivityAction, ActivityFilter, ActivityView, KindFilter, OpenJournal};
pub use applications::{ApplicationAction, ApplicationDone, ApplicationsView};
pub use azure::{
    AzureAction, AzureRunView, AzureState, AzureStepView, ByHandView, Managed, NewOptions,
    ServiceRange, Swap,
};
pub use backup::{
    Asked, BackupAction, BackupForm, BackupJobView, BackupRunView, BackupState, BackupStepView,
    Blocked, Browsing,
};
pub use choice::{Change, RestoreChoice, UndoHistory};
pub use command::{Command, Shortcut};
pub use database::{BranchPoint, DatabaseView, PlanState, Span, SpanKind};
pub use destination::{DestinationAction, DestinationChoice, Into};
pub use files::{FilesAction, FilesBeside, FilesDialog, FilesState};
pub use fleet::{FleetAction, FleetSort, FleetView};
pub use objectives::{ObjectivesAction, ObjectivesView, RunningDrills, Shown, key_of};
pub use planning::{PlanningAction, PlanningView};
pub use presenter::Presenter;
pub use protection::{
    Asking, ProtectionAction, ProtectionChange, ProtectionReading, ProtectionSection,
    ProtectionState,
};
pub use range::{RangePreset, SHORTEST, TimeRange};
pub use rehearsal::RehearsalClock;
pub use resume::ResumeAction;
pub use run::{Cancelling, CheckNow, Halt, LookView, Review, RunView};
pub use server::{Freshness, LoadedHistory, ServerView};
pub use time_entry::{TypedTime, TypedTimeError, parse_time};
pub use trouble::FileTrouble;

use crate::{
    domain::{ServerTime, UtcOffset, UtcTime},
    explain::Problem,
    run::RunId,
    settings::Profile,
    worker::{Request, ServerId, ServerStatus},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How old a reading may be while somebody looks at it.
const REFRESH_SECS: f64 = 60.0;

/// Own clock, told by whoever runs the window: the state reads none.
#[derive(Clone, Copy, Debug)]
pub struct OwnClock {
    pub now: UtcTime,
    /// How far this PC's wall clock is ahead of UTC.
    pub offset: UtcOffset,
    /// The same at another moment: before or after a change of daylight saving it differs.
    pub offset_at: fn(UtcTime) -> UtcOffset,
}

/// What is chosen on the left, by stable ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selection {
    #[default]
    Nothing,
    Server(ServerId),
    Database {
        server: ServerId,
        database: String,
    },
}

/// What the middle shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    #[default]
    Timeline,
    /// Schedule, retention and what is protected.
    Protection,
    /// The last look before a restore.
    Review,
    /// The run that was started last.
    Run,
    /// Everything that ran.
    Activity,
    /// How much could be lost, and how long to be back.
    Objectives,
    /// All databases of all servers.
    Fleet,
    /// What lives in databases, and how it is stopped and started.
    Applications,
    /// The restore that Azure carries out.
    AzureRun,
}

/// A question over the window.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// The server needs a password.
    Password {
        server: ServerId,
    },
    /// The server showed a certificate that nobody trusts yet.
    Certificate {
        server: ServerId,
        fingerprint: String,
        subject: String,
    },
    EditProfile(EditedProfile),
    RemoveProfile {
        id: Uuid,
    },
    CancelRun,
    /// What Azure would be asked for.
    AzureRestore,
    AzureCancel,
    /// The database that a run made is to be deleted.
    AzureDelete,
    AzureRetention,
    DropCopy,
    /// A run was found that something stopped.
    Unfinished {
        run: RunId,
    },
    /// Abandons an interrupted run.
    AbandonRun {
        server: ServerId,
        run: RunId,
    },
    /// Drops the copy of a run from the list.
    DropListedCopy {
        server: ServerId,
        run: RunId,
    },
    /// What a drill restores.
    Drill,
    /// What is promised for the selected database.
    Objectives,
    /// Drills by the operating system's scheduler.
    DrillTimer,
    /// When it broke, and when somebody noticed.
    Rehearse,
    CloseWhileRunning,
    /// Backups are put together: see `BackupState::form`.
    BackUp,
    /// Backups that run or ended.
    Backups,
    /// Where the files of the copy go.
    Files,
    NewWorkspace,
    Help,
    /// Which folder of backup files.
    Folders(FilesDialog),
    /// A problem with all its details.
    Problem(Problem),
}

/// What the profile editor began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditedProfile {
    New,
    Saved(Uuid),
    CopyOf(Uuid),
}

/// A certificate that nobody trusts yet, seen while a profile was tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCertificate {
    pub profile: Uuid,
    /// SHA-256 of the DER form, lower-case hex.
    pub fingerprint: String,
    pub subject: String,
}

/// Something that went wrong and stays in sight until it is dismissed.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub id: u64,
    pub server: Option<ServerId>,
    pub problem: Problem,
}

/// What is kept of a database while another is looked at.
#[derive(Clone, Debug, PartialEq)]
struct Remembered {
    choice: RestoreChoice,
    visible: TimeRange,
}

/// Everything that the window shows.
#[derive(Debug)]
pub struct State {
    pub own: OwnClock,
    pub workspace: String,
    /// All workspaces that are known to exist, sorted; the open one among them.
    pub workspaces: Vec<String>,
    pub profiles: Vec<Profile>,
    /// The practice server and every profile.
    pub servers: BTreeMap<ServerId, ServerView>,
    pub selection: Selection,
    /// The backups of the selected database; `None` when there are none or they are not read yet.
    pub database: Option<DatabaseView>,
    pub choice: RestoreChoice,
    pub undo: UndoHistory,
    pub plan: PlanState,
    /// What if, and what hurts most.
    pub planning: PlanningView,
    /// What part of the history the timeline shows.
    pub visible: TimeRange,
    /// The time field while it is edited, with what is wrong with it.
    pub time_text: Option<String>,
    pub time_problem: Option<String>,
    /// The backup that the table points at.
    pub chosen_set: Option<Uuid>,
    pub show_sql: bool,
    pub page: Page,
    pub review: Option<Review>,
    pub run: Option<RunView>,
    pub backups: BackupState,
    pub activity: ActivityView,
    pub applications: ApplicationsView,
    pub azure: AzureState,
    /// The schedule of the selected database.
    pub protection: ProtectionState,
    pub objectives: ObjectivesView,
    pub fleet: FleetView,
    pub notices: Vec<Notice>,
    pub files: FilesState,
    pub dialog: Option<Dialog>,
    /// Dialogs that wait for the end of the open one, the next one last.
    waiting_dialogs: Vec<Dialog>,
    /// The worker has ended, and the window is to close.
    pub ended: bool,
    /// A text that is ready to be saved under this name, once somebody has said where.
    pub to_save: Option<(String, String)>,
    /// The result of the last test of a profile.
    pub test_result: Option<(Uuid, Result<crate::worker::ServerInfo, Problem>)>,
    /// The certificate that the last test met, when nobody trusts it.
    pub test_certificate: Option<SeenCertificate>,
    /// Counts up whenever the drawn data changes.
    pub generation: u64,
    /// A moment that somebody suggests, with the reason: the practice world's accident.
    pub suggestion: Option<Suggestion>,
    /// Goes to the suggestion as soon as its history is read.
    pub open_suggestion: bool,
    remembered: BTreeMap<Selection, Remembered>,
    /// What the worker has to do besides what an action or event asks for itself.
    outbox: Vec<Request>,
    next_notice: u64,
    next_preflight: u64,
}

/// A moment worth going back to: the second before an accident.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    pub server: ServerId,
    pub database: String,
    /// The second in which it happened.
    pub accident: UtcTime,
}

impl State {
    /// A window that has just opened.
    pub fn new(own: OwnClock, workspace: String) -> Self {
        Self {
            own,
            workspaces: vec![workspace.clone()],
            workspace,
            profiles: Vec::new(),
            servers: [(ServerId::Practice, ServerView::default())].into(),
            selection: Selection::Nothing,
            database: None,
            choice: RestoreChoice::default(),
            undo: UndoHistory::default(),
            plan: PlanState::NoMarker,
            planning: PlanningView::default(),
            visible: TimeRange::new(0.0, 86_400.0),
            time_text: None,
            time_problem: None,
            chosen_set: None,
            show_sql: false,
            page: Page::Timeline,
            review: None,
            run: None,
            backups: BackupState::default(),
            activity: ActivityView::default(),
            applications: ApplicationsView::default(),
            azure: AzureState::default(),
            protection: ProtectionState::default(),
            objectives: ObjectivesView::default(),
            fleet: FleetView::default(),
            notices: Vec::new(),
            files: FilesState::default(),
            dialog: None,
            waiting_dialogs: Vec::new(),
            ended: false,
            to_save: None,
            test_result: None,
            test_certificate: None,
            generation: 0,
            suggestion: None,
            open_suggestion: false,
            remembered: BTreeMap::new(),
            outbox: Vec::new(),
            next_notice: 0,
            next_preflight: 0,
        }
    }

    /// The server of the selection.
    pub fn selected_server(&self) -> Option<ServerId> {
        match &self.selection {
            Selection::Nothing => None,
            Selection::Server(server) | Selection::Database { server, .. } => Some(*server),
        }
    }

    /// The view of the selected server.
    pub fn server(&self) -> Option<&ServerView> {
        self.servers.get(&self.selected_server()?)
    }

    /// The name of the selected database.
    pub fn database_name(&self) -> Option<&str> {
        match &self.selection {
            Selection::Database { database, .. } => Some(database),
            Selection::Nothing | Selection::Server(_) => None,
        }
    }

    /// The profile of a server; `None` for the practice server.
    pub fn profile(&self, server: ServerId) -> Option<&Profile> {
        match server {
            ServerId::Practice | ServerId::Folder(_) => None,
            ServerId::Profile(id) => self.profiles.iter().find(|profile| profile.id == id),
        }
    }

    /// What a server is called in the window.
    pub fn server_name(&self, server: ServerId) -> &str {
        match server {
            ServerId::Practice => "Practice server",
            ServerId::Folder(_) => self
                .folder(server)
                .map_or("forgotten folder", |folder| folder.name.as_str()),
            ServerId::Profile(_) => self
                .profile(server)
                .map_or("removed server", |profile| profile.name.as_str()),
        }
    }

    /// The word in the band at the top; empty for none.
    pub fn band(&self, server: ServerId) -> &str {
        match server {
            ServerId::Practice => "PRACTICE",
            ServerId::Folder(_) => "FILES",
            ServerId::Profile(_) => match self.profile(server) {
                Some(profile) if profile.band.is_empty() && profile.production => "PRODUCTION",
                Some(profile) => profile.band.as_str(),
                None => "",
            },
        }
    }

    /// Whether people depend on a server, so that it looks different and asks harder.
    pub fn is_production(&self, server: ServerId) -> bool {
        self.profile(server)
            .is_some_and(|profile| profile.production)
    }

    /// The instant on a server's clock now: own clock corrected by the measured difference.
    pub fn server_now(&self, server: ServerId) -> UtcTime {
        let skew = match self.servers.get(&server).map(|view| &view.status) {
            Some(ServerStatus::Connected(info)) => info.clock_skew_millis,
            _ => 0,
        };
        self.own.now.plus(chrono::TimeDelta::milliseconds(skew))
    }

    /// What a server's wall clock shows now, with its zone; `None` while it is not connected.
    pub fn server_wall_clock(&self, server: ServerId) -> Option<(ServerTime, UtcOffset)> {
        match &self.servers.get(&server)?.status {
            ServerStatus::Connected(info) => Some((
                self.server_now(server).to_server(info.utc_offset),
                info.utc_offset,
            )),
            _ => None,
        }
    }

    /// Time went on: now moves along the axis, and what is looked at is read again once a minute.
    pub fn tick(&mut self, own: OwnClock) -> Vec<Request> {
        self.own = own;
        if self.dialog.is_none() {
            self.dialog = self.waiting_dialogs.pop();
        }
        self.plan_backup_again();
        let mut requests = self.follow_protection();
        requests.extend(self.tick_history(own));
        requests.append(&mut self.outbox);
        requests
    }

    fn tick_history(&mut self, own: OwnClock) -> Vec<Request> {
        if let Some(request) = self.read_activity_again() {
            return vec![request];
        }
        let Some(server) = self.selected_server() else {
            return Vec::new();
        };
        let now = self.server_now(server);
        let offset = self
            .server()
            .and_then(ServerView::info)
            .map(|info| info.utc_offset);
        if let Some(database) = &mut self.database
            && !matches!(server, ServerId::Folder(_))
        {
            database.move_now(now, offset);
        }
        self.judge_when_due();
        if let Some(request) = self.count_when_due() {
            return vec![request];
        }
        let idle = !self.running()
            && matches!(
                self.page,
                Page::Timeline | Page::Protection | Page::Objectives
            )
            && self.objectives.running.is_none();
        let Some(view) = self.servers.get_mut(&server) else {
            return Vec::new();
        };
        let stale = view
            .history
            .as_ref()
            .is_some_and(|loaded| own.now.seconds() - loaded.read_at.seconds() > REFRESH_SECS);
        // A server that does not answer is not asked the more often for it.
        let asked_lately = view
            .asked_at
            .is_some_and(|asked| own.now.seconds() - asked.seconds() <= REFRESH_SECS);
        if idle && stale && !asked_lately && !view.refreshing && view.info().is_some() {
            view.refreshing = true;
            view.asked_at = Some(own.now);
            return vec![Request::Refresh { server }];
        }
        Vec::new()
    }

    /// Whether a run is under way.
    pub fn running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.report.is_none())
    }

    /// Whether the run under way goes into this database: then the list holds what it was before.
    pub fn is_being_restored(&self, server: ServerId, database: &str) -> bool {
        let into = |run: &RunView| run.server == server && run.target_database == database;
        self.running() && self.run.as_ref().is_some_and(into)
    }

    /// What would be lost from sight with this workspace; `None` when nothing is under way.
    pub fn under_way(&self) -> Option<&'static str> {
        if self.running() {
            Some("A restore")
        } else if self.backups.running() {
            Some("A backup")
        } else if self.objectives.running.is_some() {
            Some("A drill")
        } else if self.azure.run.as_ref().is_some_and(AzureRunView::running) {
            Some("A restore in Azure")
        } else {
            None
        }
    }

    /// Shows a dialog that a server asks for, once no other is open: what is typed there stays.
    pub(super) fn ask(&mut self, dialog: Dialog) {
        match &self.dialog {
            Some(open) if *open != dialog => {
                self.waiting_dialogs.retain(|waiting| *waiting != dialog);
                self.waiting_dialogs.insert(0, dialog);
            }
            _ => self.dialog = Some(dialog),
        }
    }

    /// Whether a dialog comes back after the one that is shown now.
    pub fn comes_back(&self, dialog: &Dialog) -> bool {
        self.waiting_dialogs.contains(dialog)
    }

    /// Shows a dialog now; the one that was open comes back after it.
    pub(super) fn put_before(&mut self, dialog: Dialog) {
        if let Some(open) = self.dialog.replace(dialog)
            && self.dialog.as_ref() != Some(&open)
        {
            self.waiting_dialogs.push(open);
        }
    }
}
