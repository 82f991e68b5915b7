//! The schedule of the selected database: what is on the server, what is wanted, and what applying would do.
//!
//! The wanted policy begins as the one on the server, else as the preset of the application that lives in the database.
//! Every change makes a new outlook; nothing reaches the server before it is applied.

mod ahead;
mod edit;

use super::{Page, State};
use crate::{
    domain::{
        DayTimes, Deleting, Policy, PolicyDatabases, PolicyKind, RetentionList, ServerPath,
        UtcTime, usual_share,
    },
    explain::Problem,
    run::{
        OsScheduler,
        schedule::{ChangeReport, InstalledPolicy, Outlook, RetentionReport, ScheduleReading},
    },
    settings::Application,
    worker::{Request, ScheduleEvent, ScheduleRequest, ServerId, TimerFiles, own_scheduler},
};
use std::sync::Arc;

/// How old a reading may be while somebody looks at it.
const READ_AGAIN_SECS: f64 = 60.0;

/// What the window knows of the schedule of one database.
#[derive(Clone, Debug, Default)]
pub struct ProtectionState {
    /// Whose schedule it is.
    pub of: Option<(ServerId, String)>,
    pub reading: ProtectionReading,
    /// What is wanted.
    pub policy: Option<Policy>,
    /// What applying it would meet and do; made anew with every change.
    pub outlook: Option<Box<Outlook>>,
    /// What of it may be deleted; `None` until somebody asks for the list.
    pub retention: Option<Box<RetentionList>>,
    /// What the operating system's scheduler would be given, where there is no Agent; `None` until somebody asks for it.
    pub os_files: Option<TimerFiles>,
    /// Whose scheduler; `None` is the one of the machine that stopat runs on.
    pub os_scheduler: Option<OsScheduler>,
    pub open: ProtectionSection,
    /// The question over the page.
    pub asking: Option<Asking>,
    /// What is typed as an override.
    pub typed: String,
    /// A change is on its way.
    pub busy: bool,
    /// What was done last, until something else is.
    pub done: Option<ProtectionChange>,
    asked_at: Option<UtcTime>,
    /// The user changed something, so that a new reading must not replace it.
    edited: bool,
}

/// The reading of a server's schedules.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ProtectionReading {
    #[default]
    NotYet,
    Asking,
    Told(Arc<ScheduleReading>),
    Failed(Problem),
}

/// What is open below the schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtectionSection {
    #[default]
    Nothing,
    Sql,
    Policy,
    Retention,
    /// Files for the operating system's scheduler.
    OsFiles,
}

/// A question that has to be answered before something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    Apply,
    Remove,
    Delete,
}

/// A change that ended.
#[derive(Clone, Debug)]
pub enum ProtectionChange {
    Changed(ChangeReport),
    Deleted(RetentionReport),
}

/// What is done on the page.
#[derive(Clone, Debug)]
pub enum ProtectionAction {
    /// Reads the server again.
    Refresh,
    /// Wants the preset of an application, by the application's name.
    UsePreset(String),
    /// Wants what is on the server.
    TakeInstalled,
    Show(ProtectionSection),
    /// Looks at the files for this scheduler.
    OsScheduler(OsScheduler),
    /// Writes the files that are shown.
    WriteOsFiles,
    Share(String),
    /// Wants this kind at this minute each day, every so many minutes, or not at all.
    Times(PolicyKind, Option<DayTimes>),
    Verify(PolicyKind, bool),
    Compression(bool),
    Checksum(bool),
    Operator(String),
    WindowDays(u32),
    LeastFulls(u32),
    Deleting(Deleting),
    /// Writes a small backup to see whether the service account can write where the policy wants its files.
    Probe,
    Ask(Asking),
    CloseQuestion,
    Type(String),
    /// The question was answered with yes.
    Confirmed,
}

impl ProtectionState {
    /// Whether the page is about this: its database, or what its policy is about.
    fn shows(&self, server: ServerId, about: &str) -> bool {
        self.of
            .as_ref()
            .is_some_and(|(on, shown)| *on == server && (shown == about || self.about() == about))
    }

    /// What the wanted policy is about: the database, or all user databases.
    pub fn about(&self) -> &str {
        match (&self.policy, &self.of) {
            (Some(policy), _) => policy.databases.title(),
            (None, Some((_, database))) => database,
            (None, None) => "",
        }
    }

    /// Whether the wanted policy is the one of all user databases.
    pub fn is_of_all(&self) -> bool {
        let databases = self.policy.as_ref().map(|policy| &policy.databases);
        matches!(databases, Some(PolicyDatabases::AllUser { .. }))
    }

    /// The reading.
    pub fn told(&self) -> Option<&Arc<ScheduleReading>> {
        match &self.reading {
            ProtectionReading::Told(reading) => Some(reading),
            _ => None,
        }
    }

    /// What is on the server of the policy that is wanted.
    pub fn installed(&self) -> Option<&InstalledPolicy> {
        self.told()?.policy(&self.policy.as_ref()?.id())
    }

    /// The policy that is on the server for this database: its own, or the one of all user databases.
    pub fn on_server(&self) -> Option<&Policy> {
        let (_, database) = self.of.as_ref()?;
        self.told()?.policy_of(database)?.policy.as_ref()
    }

    /// The folders that the wanted policy writes to, each once.
    pub fn places(&self) -> Vec<ServerPath> {
        let policy = self.outlook.as_ref().map(|outlook| &outlook.policy);
        let mut places: Vec<ServerPath> = policy
            .into_iter()
            .flat_map(|policy| {
                let kinds = policy.backups.iter().map(|backup| backup.kind);
                kinds.filter_map(|kind| policy.place(kind))
            })
            .map(ServerPath::new)
            .collect();
        places.dedup();
        places
    }

    /// What has to be typed before two schedules may back up one database.
    pub fn override_words(&self) -> Option<&str> {
        let outlook = self.outlook.as_ref()?;
        outlook.needs_override().then(|| self.about())
    }

    /// Whether the list of retention is open and has to be made again: files of it were deleted.
    pub(super) fn awaits_list(&self) -> bool {
        self.open == ProtectionSection::Retention && self.retention.is_none()
    }

    /// Whether the open question may be answered with yes.
    pub fn may_confirm(&self) -> bool {
        match self.asking {
            Some(Asking::Apply) => self
                .override_words()
                .is_none_or(|words| self.typed == words),
            Some(Asking::Remove | Asking::Delete) => true,
            None => false,
        }
    }
}

impl State {
    /// Keeps the page on the selected database, and what it shows fresh.
    pub(super) fn follow_protection(&mut self) -> Vec<Request> {
        if self.page != Page::Protection {
            return Vec::new();
        }
        // A service takes the backups: there are no jobs to ask for.
        if self
            .database
            .as_ref()
            .is_some_and(|view| view.managed.is_some())
        {
            return Vec::new();
        }
        let selected = self
            .selected_server()
            .zip(self.database_name().map(str::to_owned));
        let Some((server, database)) = selected else {
            self.page = Page::Timeline;
            return Vec::new();
        };
        let connected = self
            .servers
            .get(&server)
            .is_some_and(|view| view.info().is_some());
        if self.protection.of.as_ref() != Some(&(server, database.clone())) {
            self.protection = ProtectionState {
                of: Some((server, database)),
                ..ProtectionState::default()
            };
        }
        let old = self
            .protection
            .asked_at
            .is_none_or(|at| self.own.now.seconds() - at.seconds() > READ_AGAIN_SECS);
        let idle = !matches!(self.protection.reading, ProtectionReading::Asking)
            && !self.protection.busy
            && self.protection.asking.is_none();
        let mut requests = Vec::new();
        if connected && old && idle {
            requests = self.read_protection();
        }
        // Not while the share is being typed.
        if connected && self.protection.open != ProtectionSection::Policy {
            let places = self.protection.places();
            requests.extend(self.check_new_places(server, places));
        }
        requests
    }

    fn read_protection(&mut self) -> Vec<Request> {
        let Some((server, _)) = self.protection.of.clone() else {
            return Vec::new();
        };
        self.protection.asked_at = Some(self.own.now);
        if self.protection.told().is_none() {
            self.protection.reading = ProtectionReading::Asking;
        }
        let mut requests = vec![Request::Schedule(ScheduleRequest::Read { server })];
        let places = self.protection.places();
        requests.extend(self.check_places(server, places));
        requests
    }

    pub(super) fn take_schedule_event(&mut self, event: ScheduleEvent) -> Vec<Request> {
        let here = |server: ServerId, state: &Self| {
            state
                .protection
                .of
                .as_ref()
                .is_some_and(|(of, _)| *of == server)
        };
        if let ScheduleEvent::Read {
            server,
            reading: Ok(reading),
        } = &event
            && let Some(view) = self.servers.get_mut(server)
        {
            view.schedules = Some(Arc::clone(reading));
            self.plan_backup_again();
        }
        match event {
            ScheduleEvent::Read { server, reading } if here(server, self) => {
                self.protection.reading = match reading {
                    Ok(reading) => ProtectionReading::Told(reading),
                    Err(problem) => ProtectionReading::Failed(problem),
                };
                if !self.protection.edited {
                    self.protection.policy = self.policy_to_begin_with();
                }
                self.look_ahead();
            }
            ScheduleEvent::Changed {
                server,
                about,
                report,
            } => {
                if let Some(report) = self.end_change(server, &about, report) {
                    if report.done {
                        self.protection.edited = false;
                    }
                    self.protection.done = Some(ProtectionChange::Changed(report));
                }
                if self.protection.shows(server, &about) {
                    return self.read_protection();
                }
            }
            ScheduleEvent::OsFiles {
                server,
                about,
                files,
            } => {
                if self.protection.shows(server, &about) {
                    self.protection.os_files = Some(files);
                }
            }
            ScheduleEvent::Retained {
                server,
                about,
                report,
            } => {
                if self.protection.shows(server, &about) {
                    self.protection.retention = None;
                }
                if let Some(report) = self.end_change(server, &about, report) {
                    self.protection.done = Some(ProtectionChange::Deleted(report));
                }
            }
            ScheduleEvent::Read { .. } => {}
        }
        Vec::new()
    }

    /// A change on a server has ended: its report, where it is about what is shown. What went wrong is told anyhow.
    fn end_change<T>(
        &mut self,
        server: ServerId,
        about: &str,
        report: Result<T, Problem>,
    ) -> Option<T> {
        let shown = self.protection.shows(server, about);
        if shown {
            self.protection.busy = false;
        }
        match report {
            Ok(report) => shown.then_some(report),
            Err(problem) => {
                self.notice(Some(server), problem);
                None
            }
        }
    }

    /// The application that lives in the database and brings a schedule along, else the first that does.
    fn scheduled_application(&self) -> Option<&Application> {
        let (_, database) = self.protection.of.as_ref()?;
        let known = &self.applications.known.applications;
        let mut scheduled = known.iter().filter(|one| one.schedule.is_some());
        let lives_here = scheduled
            .clone()
            .find(|one| one.lives_in(database, |_, _| false));
        lives_here.or_else(|| scheduled.next())
    }

    /// The one on the server, else the preset of the application that lives in the database.
    fn policy_to_begin_with(&self) -> Option<Policy> {
        let is_system = self
            .protection
            .of
            .as_ref()
            .is_some_and(|(server, database)| {
                let summary = self
                    .servers
                    .get(server)
                    .and_then(|view| view.summary(database));
                summary.is_some_and(|summary| summary.is_system)
            });
        // No policy takes system databases, whatever it leaves out.
        let on_server = self
            .protection
            .on_server()
            .filter(|policy| !is_system || matches!(policy.databases, PolicyDatabases::One(_)));
        on_server
            .cloned()
            .or_else(|| self.preset_of(&self.scheduled_application()?.name))
    }

    fn preset_of(&self, application: &str) -> Option<Policy> {
        let (server, database) = self.protection.of.as_ref()?;
        let application = self.applications.named(application)?;
        let share = self
            .database_history()
            .and_then(|history| usual_share(&history))
            .or_else(|| {
                let info = self.servers.get(server)?.info()?;
                info.default_backup_path.clone()
            })?;
        application
            .schedule
            .as_ref()?
            .policy(
                PolicyDatabases::One(database.clone()),
                &share,
                &application.objectives,
            )
            .ok()
    }

    fn database_history(&self) -> Option<Arc<crate::domain::DatabaseHistory>> {
        let (server, database) = self.protection.of.as_ref()?;
        self.servers
            .get(server)?
            .history
            .as_ref()?
            .history
            .database(database)
    }

    pub(super) fn change_protection(&mut self, action: ProtectionAction) -> Vec<Request> {
        match action {
            ProtectionAction::Refresh => return self.read_protection(),
            ProtectionAction::UsePreset(application) => {
                if let Some(policy) = self.preset_of(&application) {
                    self.protection.policy = Some(policy);
                    self.protection.edited = true;
                }
            }
            ProtectionAction::TakeInstalled => {
                self.protection.edited = false;
                self.protection.policy = self.policy_to_begin_with();
            }
            ProtectionAction::Show(section) => {
                self.protection.open = if self.protection.open == section {
                    ProtectionSection::Nothing
                } else {
                    section
                };
            }
            ProtectionAction::OsScheduler(scheduler) => {
                self.protection.os_scheduler = Some(scheduler);
            }
            ProtectionAction::WriteOsFiles => return self.os_files(true),
            ProtectionAction::Ask(asking) => {
                self.protection.asking = Some(asking);
                self.protection.typed.clear();
                return Vec::new();
            }
            ProtectionAction::CloseQuestion => {
                self.protection.asking = None;
                return Vec::new();
            }
            ProtectionAction::Type(text) => {
                self.protection.typed = text;
                return Vec::new();
            }
            ProtectionAction::Confirmed => return self.confirmed(),
            ProtectionAction::Probe => {
                let folder = self.protection.places().into_iter().next();
                let server = self.protection.of.as_ref().map(|(server, _)| *server);
                let place = server.zip(folder);
                return place
                    .map(|(server, folder)| self.probe_place(server, folder))
                    .into_iter()
                    .collect();
            }
            change => {
                if let Some(policy) = &mut self.protection.policy {
                    edit::edit(policy, change);
                    self.protection.edited = true;
                }
            }
        }
        self.look_ahead();
        self.os_files(false)
    }

    /// Asks for the files for the operating system's scheduler, while they are looked at.
    fn os_files(&mut self, write: bool) -> Vec<Request> {
        let protection = &self.protection;
        let (ProtectionSection::OsFiles, Some((server, _)), Some(outlook)) =
            (protection.open, &protection.of, &protection.outlook)
        else {
            return Vec::new();
        };
        vec![Request::Schedule(ScheduleRequest::OsFiles {
            server: *server,
            about: protection.about().to_owned(),
            policy: Box::new(outlook.policy.clone()),
            jobs: outlook.jobs.clone(),
            scheduler: protection.os_scheduler.unwrap_or_else(own_scheduler),
            write,
        })]
    }

    fn confirmed(&mut self) -> Vec<Request> {
        if !self.protection.may_confirm() || self.protection.busy {
            return Vec::new();
        }
        let Some((server, _)) = self.protection.of.clone() else {
            return Vec::new();
        };
        let about = self.protection.about().to_owned();
        let request = match self.protection.asking.take() {
            Some(Asking::Apply) => {
                self.protection
                    .outlook
                    .as_ref()
                    .map(|outlook| ScheduleRequest::Apply {
                        server,
                        about,
                        jobs: outlook.jobs.clone(),
                        overwrite: outlook.overwrite.clone(),
                        unwanted: outlook.unwanted.clone(),
                    })
            }
            Some(Asking::Remove) => {
                self.protection
                    .installed()
                    .map(|installed| ScheduleRequest::Remove {
                        server,
                        about,
                        jobs: installed.seen(),
                    })
            }
            Some(Asking::Delete) => self
                .protection
                .policy
                .clone()
                .zip(self.protection.retention.clone())
                .zip(self.database_history())
                .map(|((policy, list), history)| ScheduleRequest::Retain {
                    server,
                    policy: Box::new(policy),
                    history,
                    list,
                }),
            None => None,
        };
        self.protection.busy = request.is_some();
        self.protection.done = None;
        request.map(Request::Schedule).into_iter().collect()
    }
}
