//! The schedule of the selected database: what is on the server, what is wanted, and what applying would do.
//!
//! The wanted policy begins as the one on the server, else as the preset of the application that lives in the database.
//! Every change makes a new outlook; nothing reaches the server before it is applied.

use super::{Page, State};
use crate::{
    domain::{
        DayTimes, Deleting, MinuteOfDay, Policy, PolicyDatabases, PolicyId, PolicyKind,
        RetentionList, ServerPath, Times, UtcTime, retention, usual_share,
    },
    explain::Problem,
    run::schedule::{
        ChangeReport, InstalledPolicy, KnownDatabase, Outlook, RetentionReport, ScheduleReading,
        outlook,
    },
    settings::Application,
    tsql::ServerFacts,
    worker::{Request, ScheduleEvent, ScheduleRequest, ServerId},
};
use std::{num::NonZeroU32, sync::Arc};

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
    /// Whether the page is this database's.
    fn shows(&self, server: ServerId, database: &str) -> bool {
        self.of
            .as_ref()
            .is_some_and(|(on, shown)| *on == server && shown == database)
    }

    /// The reading.
    pub fn told(&self) -> Option<&Arc<ScheduleReading>> {
        match &self.reading {
            ProtectionReading::Told(reading) => Some(reading),
            _ => None,
        }
    }

    /// The policy that is on the server for this database.
    pub fn installed(&self) -> Option<&InstalledPolicy> {
        let (_, database) = self.of.as_ref()?;
        let id = PolicyId::of(&PolicyDatabases::One(database.clone()));
        self.told()?.policy(&id)
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
        let (_, database) = self.of.as_ref()?;
        outlook.needs_override().then_some(database.as_str())
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
                    self.protection.policy = self
                        .protection
                        .installed()
                        .and_then(|installed| installed.policy.clone())
                        .or_else(|| self.first_policy());
                }
                self.look_ahead();
            }
            ScheduleEvent::Changed {
                server,
                about,
                report,
            } => {
                let shown = self.protection.shows(server, &about);
                if shown {
                    self.protection.busy = false;
                }
                match report {
                    Ok(report) if shown => {
                        if report.done {
                            self.protection.edited = false;
                        }
                        self.protection.done = Some(ProtectionChange::Changed(report));
                    }
                    Ok(_) => {}
                    Err(problem) => self.notice(Some(server), problem),
                }
                if shown {
                    return self.read_protection();
                }
            }
            ScheduleEvent::Retained {
                server,
                about,
                report,
            } => {
                let shown = self.protection.shows(server, &about);
                if shown {
                    self.protection.busy = false;
                    self.protection.retention = None;
                }
                match report {
                    Ok(report) if shown => {
                        self.protection.done = Some(ProtectionChange::Deleted(report));
                    }
                    Ok(_) => {}
                    Err(problem) => self.notice(Some(server), problem),
                }
            }
            ScheduleEvent::Read { .. } => {}
        }
        Vec::new()
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

    fn first_policy(&self) -> Option<Policy> {
        self.preset_of(&self.scheduled_application()?.name)
    }

    /// The command that writes files for the operating system's scheduler, where there is no Agent.
    pub fn os_files_command(&self) -> Option<String> {
        let (server, database) = self.protection.of.as_ref()?;
        let preset = &self.scheduled_application()?.schedule.as_ref()?.preset;
        let server = match server {
            ServerId::Practice => "practice",
            server => self.server_name(*server),
        };
        Some(format!(
            "stopat schedule --server \"{server}\" --database \"{database}\" --preset {preset} --os-files FOLDER"
        ))
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

    /// Makes the outlook anew, and the list of retention when it is open.
    pub(super) fn look_ahead(&mut self) {
        let history = self.database_history();
        let Some((server, database)) = self.protection.of.clone() else {
            return;
        };
        let view = self.servers.get(&server);
        let known = KnownDatabase {
            is_simple: view.and_then(|view| view.summary(&database)?.recovery_model.as_deref())
                == Some("SIMPLE"),
            name: database,
            history: history.clone(),
        };
        let facts = ServerFacts {
            server_name: view.and_then(|view| Some(view.info()?.name.clone())),
            tail_file: None,
        };
        let made = self
            .protection
            .policy
            .as_ref()
            .zip(self.protection.told())
            .map(|(policy, reading)| Box::new(outlook(policy, reading, &[known], &facts)));
        self.protection.outlook = made;
        self.protection.retention = match (
            self.protection.open,
            history,
            self.protection.policy.as_ref(),
        ) {
            (ProtectionSection::Retention, Some(history), Some(policy)) => {
                let now = self.server_now(server);
                Some(Box::new(retention(&history, policy, now)))
            }
            _ => None,
        };
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
                self.protection.policy = self
                    .protection
                    .installed()
                    .and_then(|installed| installed.policy.clone())
                    .or_else(|| self.first_policy());
            }
            ProtectionAction::Show(section) => {
                self.protection.open = if self.protection.open == section {
                    ProtectionSection::Nothing
                } else {
                    section
                };
            }
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
                    edit(policy, change);
                    self.protection.edited = true;
                }
            }
        }
        self.look_ahead();
        Vec::new()
    }

    fn confirmed(&mut self) -> Vec<Request> {
        if !self.protection.may_confirm() || self.protection.busy {
            return Vec::new();
        }
        let Some((server, database)) = self.protection.of.clone() else {
            return Vec::new();
        };
        let request = match self.protection.asking.take() {
            Some(Asking::Apply) => {
                self.protection
                    .outlook
                    .as_ref()
                    .map(|outlook| ScheduleRequest::Apply {
                        server,
                        about: database,
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
                        about: database,
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

fn edit(policy: &mut Policy, change: ProtectionAction) {
    match change {
        ProtectionAction::Share(share) => policy.share = share,
        ProtectionAction::Times(kind, at) => set_times(policy, kind, at),
        ProtectionAction::Verify(kind, verify) => {
            if let Some(backup) = policy.backups.iter_mut().find(|backup| backup.kind == kind) {
                backup.verify = verify;
            }
        }
        ProtectionAction::Compression(on) => policy.options.compression = on,
        ProtectionAction::Checksum(on) => policy.options.checksum = on,
        ProtectionAction::Operator(name) => {
            policy.notify.operator = Some(name).filter(|name| !name.trim().is_empty());
        }
        ProtectionAction::WindowDays(days) => {
            if let Some(days) = NonZeroU32::new(days) {
                policy.retention.window_days = days;
            }
        }
        ProtectionAction::LeastFulls(fulls) => {
            if let Some(fulls) = NonZeroU32::new(fulls) {
                policy.retention.least_fulls = fulls;
            }
        }
        ProtectionAction::Deleting(deleting) => policy.retention.deleting = deleting,
        _ => {}
    }
}

fn set_times(policy: &mut Policy, kind: PolicyKind, at: Option<DayTimes>) {
    let Some(at) = at else {
        // Nothing else can be restored from without a full.
        if kind != PolicyKind::Full {
            policy.backups.retain(|backup| backup.kind != kind);
        }
        return;
    };
    match policy.backups.iter_mut().find(|backup| backup.kind == kind) {
        Some(backup) => backup.times.at = at,
        None => {
            policy.backups.push(crate::domain::PolicyBackup {
                kind,
                times: Times {
                    at,
                    ..Times::daily(MinuteOfDay::MIDNIGHT)
                },
                folder: kind.word().to_owned(),
                verify: false,
            });
            policy.backups.sort_by_key(|backup| backup.kind);
        }
    }
}
