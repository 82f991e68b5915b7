//! Backups by hand: what is asked for, what the server says to it, and what runs.

mod form;
mod places;
mod runs;

pub use form::{BackupForm, Blocked, Browsing};
pub use places::PlaceView;
pub use runs::{BackupJobView, BackupRunView, BackupStepView};

use super::{Dialog, Selection, State};
use crate::{
    domain::{BackupKind, BackupOptions, ChainChoice, ServerPath},
    explain::Problem,
    run::{FoundJob, RunId},
    worker::{BackupCall, BackupEvent, Request, ScheduleRequest, ServerId},
};
use runs::take_running;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Everything about backups by hand that the window shows.
#[derive(Clone, Debug, Default)]
pub struct BackupState {
    /// The form while it is open.
    pub form: Option<Box<BackupForm>>,
    /// Of this window's life, the newest last.
    pub runs: Vec<BackupRunView>,
    /// One-time jobs that were on their servers when those were connected.
    pub found: BTreeMap<ServerId, Vec<FoundJob>>,
    /// Folders that were asked about or probed.
    pub places: BTreeMap<(ServerId, ServerPath), PlaceView>,
}

/// Something that is asked of the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Asked<T> {
    #[default]
    NotYet,
    Asking,
    Told(T),
    Failed(Problem),
}

impl<T> Asked<T> {
    /// The answer.
    pub fn told(&self) -> Option<&T> {
        match self {
            Self::Told(answer) => Some(answer),
            Self::NotYet | Self::Asking | Self::Failed(_) => None,
        }
    }

    fn of(result: Result<T, Problem>) -> Self {
        match result {
            Ok(answer) => Self::Told(answer),
            Err(problem) => Self::Failed(problem),
        }
    }
}

/// What the user does about backups.
#[derive(Clone, Debug)]
pub enum BackupAction {
    /// Opens the form for these databases.
    Open {
        server: ServerId,
        databases: Vec<String>,
        kind: Option<BackupKind>,
    },
    SetKind(BackupKind),
    SetChain(ChainChoice),
    ToggleDatabase(String),
    ShowDatabases(bool),
    /// The folder while it is typed.
    EditFolder(String),
    /// The folder was typed or chosen: the server is asked about it.
    SetFolder(String),
    /// Looks into a folder of the server; `None` shows the drives.
    Browse(Option<ServerPath>),
    CloseBrowser,
    /// Takes a folder of the browser.
    PickFolder(ServerPath),
    /// Writes behind the backups of a file.
    AppendTo(ServerPath),
    /// A new file for each backup again.
    NewFiles,
    EditTemplate(String),
    SetOptions(Box<BackupOptions>),
    SetAtOnce(u8),
    SetOnServer(bool),
    ShowAdvanced(bool),
    ShowSql(bool),
    /// Writes a small backup to see whether the service account can.
    Probe,
    ReadFactsAgain,
    Start,
    Cancel {
        run: RunId,
        step: Option<usize>,
    },
    /// Removes a job that failed, after its messages were seen.
    RemoveJob(RunId),
    /// The same for a job that was found on its server.
    RemoveFound {
        server: ServerId,
        job: Uuid,
    },
    /// Shows what runs and what ended.
    ShowRuns,
    /// Puts away what has ended.
    Clear,
}

impl State {
    /// Does what the user wants about backups.
    pub(super) fn backup(&mut self, action: BackupAction) -> Vec<Request> {
        match action {
            BackupAction::Open {
                server,
                databases,
                kind,
            } => return self.open_backup(server, databases, kind),
            BackupAction::ShowRuns => self.dialog = Some(Dialog::Backups),
            BackupAction::Clear => {
                self.backups.runs.retain(|run| !run.ended);
                if self.dialog == Some(Dialog::Backups) && self.backups.runs.is_empty() {
                    self.dialog = None;
                }
            }
            BackupAction::Cancel { run, step } => return self.cancel_backup(run, step),
            BackupAction::RemoveJob(run) => return self.remove_job(&run),
            BackupAction::RemoveFound { server, job } => {
                if let Some(found) = self.backups.found.get_mut(&server) {
                    found.retain(|other| other.id != job);
                }
                return vec![Request::Backup {
                    server,
                    call: BackupCall::RemoveJob { job_id: job },
                }];
            }
            BackupAction::Start => return self.start_backup(),
            other => return self.edit_form(other),
        }
        Vec::new()
    }

    /// The kind that is most likely wanted: the tail of a log, or a full.
    fn open_backup(
        &mut self,
        server: ServerId,
        databases: Vec<String>,
        kind: Option<BackupKind>,
    ) -> Vec<Request> {
        if self.servers.get(&server).is_none_or(|s| s.info().is_none()) {
            return Vec::new();
        }
        let form = BackupForm::new(server, databases, kind.unwrap_or(BackupKind::Full));
        self.backups.form = Some(Box::new(form));
        self.dialog = Some(Dialog::BackUp);
        vec![
            Request::Backup {
                server,
                call: BackupCall::ReadFacts,
            },
            // A backup at the place of a policy keeps its chain; any other is copy-only.
            Request::Schedule(ScheduleRequest::Read { server }),
        ]
    }

    fn start_backup(&mut self) -> Vec<Request> {
        let Some(form) = self
            .backups
            .form
            .take_if(|form| form.blocked().is_none() && form.plan.is_some())
        else {
            return Vec::new();
        };
        self.dialog = Some(Dialog::Backups);
        let facts = form.batch_facts();
        let BackupForm {
            server,
            plan,
            on_server,
            ..
        } = *form;
        let Some(plan) = plan.map(Box::new) else {
            return Vec::new();
        };
        let call = if on_server {
            BackupCall::StartOnServer { plan, facts }
        } else {
            BackupCall::Start { plan, facts }
        };
        vec![Request::Backup { server, call }]
    }

    /// What the worker told about backups.
    pub(super) fn apply_backup(&mut self, server: ServerId, event: BackupEvent) -> Vec<Request> {
        match event {
            BackupEvent::Facts(result) => return self.take_backup_facts(server, result),
            BackupEvent::Listing { folder, result } => {
                if let Some(browsing) = self.form_of(server).and_then(|f| f.browsing.as_mut())
                    && browsing.folder == folder
                {
                    browsing.listing = Asked::of(result);
                }
            }
            BackupEvent::Place { place, result } => self.take_place(server, place, result),
            BackupEvent::Probed { folder, result } => {
                return self.take_probed(server, folder, result);
            }
            BackupEvent::Started { run, plan, script } => {
                self.take_started(server, run, *plan, script);
            }
            BackupEvent::Running { run, event } => {
                if let Some(view) = self.backups.run_mut(&run) {
                    take_running(view, event);
                }
            }
            BackupEvent::Ended { run, report } => return self.take_ended(server, &run, report),
            BackupEvent::Jobs(jobs) => {
                self.backups.found.insert(server, jobs);
            }
            BackupEvent::OnServer(once) => self.take_job(server, *once),
            BackupEvent::Job { run, state } => return self.take_job_state(server, &run, state),
            BackupEvent::NotStarted(problem) => {
                if self.dialog == Some(Dialog::Backups) {
                    self.dialog = None;
                }
                self.notice(Some(server), problem);
            }
        }
        Vec::new()
    }
}

impl State {
    /// What *Back up…* would open: the selected database, or all user databases of the selected server.
    pub fn back_up_selection(&self) -> Option<BackupAction> {
        // A service takes its own backups; what its users may take has a place beside the timeline.
        let platform = self.server()?.info()?.platform;
        if platform != crate::worker::Platform::SqlServer {
            return None;
        }
        let server = self.selected_server()?;
        let view = self.servers.get(&server)?;
        view.info()?;
        let databases = match &self.selection {
            Selection::Database { database, .. } => {
                let there = view
                    .summary(database)
                    .is_some_and(|s| s.state != crate::worker::DatabaseState::HistoryOnly);
                if !there {
                    return None;
                }
                vec![database.clone()]
            }
            Selection::Server(_) | Selection::Nothing => view
                .databases
                .iter()
                .filter(|s| !s.is_system && s.state == crate::worker::DatabaseState::Online)
                .map(|s| s.name.clone())
                .collect(),
        };
        Some(BackupAction::Open {
            server,
            databases,
            kind: None,
        })
    }
}
