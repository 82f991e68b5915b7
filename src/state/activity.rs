//! What ran in this workspace: the list, its filters, and the run that is looked at.

use super::{Dialog, Page, State};
use crate::{
    domain::UtcTime,
    explain::Problem,
    run::{Entry, RunId, RunKind, RunRecord, Standing},
    worker::{
        ActivityEvent, ActivityRequest, ReportFormat, Request, RunningWork, ServerId,
        UnreadableJournal,
    },
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// What the window knows of what ran.
#[derive(Clone, Debug, Default)]
pub struct ActivityView {
    /// `None` until the journals were read.
    pub runs: Option<Arc<Vec<Arc<RunRecord>>>>,
    pub unreadable: Arc<Vec<UnreadableJournal>>,
    /// When the journals were asked for last, own clock.
    pub(super) asked: Option<UtcTime>,
    /// Where the journals lie.
    pub folder: PathBuf,
    pub chosen: Option<RunId>,
    pub filter: ActivityFilter,
    /// The records of the chosen run, when somebody wanted to see them.
    pub journal: Option<OpenJournal>,
    /// Where interrupted runs stand, as it was read last.
    pub standings: BTreeMap<RunId, Result<Standing, Problem>>,
    /// What backs up or restores on the selected server now.
    pub on_server: Option<(ServerId, Vec<RunningWork>)>,
    pub(super) asked_server: Option<UtcTime>,
    /// The run that is about to go on.
    pub resuming: Option<RunId>,
    /// The user was told of what was found at the start.
    pub(super) told: bool,
}

/// Every record of one run.
#[derive(Clone, Debug)]
pub struct OpenJournal {
    pub run: RunId,
    pub file: PathBuf,
    pub entries: Arc<Vec<Entry>>,
}

/// Which runs are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// In any name, title or message of a run, whatever its case.
    pub text: String,
    pub kind: KindFilter,
    /// Only those that have not ended, or left something to do.
    pub open_only: bool,
}

/// Which kinds of run are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KindFilter {
    #[default]
    All,
    Restores,
    Backups,
    /// Schedules, retention and drills.
    Others,
}

/// What is done on the page.
#[derive(Clone, Debug)]
pub enum ActivityAction {
    /// Reads the journals again.
    Refresh,
    Choose(RunId),
    Filter(ActivityFilter),
    /// Shows every record of the chosen run.
    OpenJournal(RunId),
    CloseJournal,
    /// Makes the report of a run, and asks where to save it.
    SaveReport(RunId, ReportFormat),
    /// Drops the copy that a listed run created.
    DropCopy {
        server: ServerId,
        run: RunId,
    },
}

impl KindFilter {
    fn takes(self, kind: RunKind) -> bool {
        match self {
            Self::All => true,
            Self::Restores => matches!(
                kind,
                RunKind::RestoreCopy | RunKind::RestoreOver | RunKind::AzureRestore
            ),
            Self::Backups => kind == RunKind::Backup,
            Self::Others => matches!(
                kind,
                RunKind::Schedule
                    | RunKind::Retention
                    | RunKind::Drill
                    | RunKind::Outside
                    | RunKind::Other
            ),
        }
    }
}

impl ActivityFilter {
    /// Whether a run is listed.
    pub fn takes(&self, run: &RunRecord) -> bool {
        if !self.kind.takes(run.kind) || (self.open_only && !run.is_unfinished()) {
            return false;
        }
        let wanted = self.text.trim().to_lowercase();
        if wanted.is_empty() {
            return true;
        }
        let RunRecord {
            id,
            server,
            source_database,
            target_database,
            target,
            who,
            steps,
            end,
            ..
        } = run;
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        has(&id.0)
            || has(server)
            || has(source_database)
            || has(target_database)
            || has(target)
            || [&who.user, &who.login, &who.host]
                .into_iter()
                .flatten()
                .any(|text| has(text))
            || end.as_ref().is_some_and(|(_, state)| has(state))
            || steps.iter().any(|step| {
                has(&step.title)
                    || step.end.as_ref().is_some_and(|end| {
                        end.words.iter().chain(&end.messages).any(|text| has(text))
                    })
            })
    }
}

impl ActivityView {
    /// The runs that the filter lets through, the newest first.
    pub fn listed(&self) -> Vec<&Arc<RunRecord>> {
        self.runs
            .iter()
            .flat_map(|runs| runs.iter())
            .filter(|run| self.filter.takes(run))
            .collect()
    }

    /// The run that is looked at.
    pub fn chosen(&self) -> Option<&Arc<RunRecord>> {
        let id = self.chosen.as_ref()?;
        self.run(id)
    }

    /// A run by its id.
    pub fn run(&self, id: &RunId) -> Option<&Arc<RunRecord>> {
        self.runs.as_ref()?.iter().find(|run| run.id == *id)
    }
}

impl State {
    pub(super) fn change_activity(&mut self, action: ActivityAction) -> Vec<Request> {
        let view = &mut self.activity;
        match action {
            ActivityAction::Refresh => return vec![self.list_runs()],
            ActivityAction::Choose(run) => {
                view.chosen = Some(run.clone());
                view.journal = None;
                return self.look_where_possible(&run);
            }
            ActivityAction::Filter(filter) => view.filter = filter,
            ActivityAction::OpenJournal(run) => {
                return vec![Request::Activity(ActivityRequest::Journal { run })];
            }
            ActivityAction::SaveReport(run, format) => {
                return vec![Request::Activity(ActivityRequest::Report { run, format })];
            }
            ActivityAction::CloseJournal => view.journal = None,
            ActivityAction::DropCopy { server, run } => {
                self.dialog = None;
                return vec![Request::DropCopy { server, run }];
            }
        }
        Vec::new()
    }

    pub(super) fn take_activity_event(&mut self, event: ActivityEvent) -> Vec<Request> {
        let view = &mut self.activity;
        match event {
            ActivityEvent::Listed {
                runs,
                unreadable,
                folder,
            } => {
                view.folder = folder;
                view.unreadable = unreadable;
                view.runs = Some(runs);
                if view.chosen().is_none() {
                    view.chosen = view.listed().first().map(|run| run.id.clone());
                }
                if !std::mem::replace(&mut self.activity.told, true)
                    && self.dialog.is_none()
                    && let Some(run) = self.to_be_told()
                {
                    self.dialog = Some(Dialog::Unfinished {
                        run: run.id.clone(),
                    });
                }
                if self.page == Page::Activity {
                    return self.look_at_chosen();
                }
            }
            ActivityEvent::OnServer { server, work } => view.on_server = Some((server, work)),
            ActivityEvent::Report { file_name, text } => {
                self.to_save = Some((file_name, text));
            }
            ActivityEvent::Journal { run, file, entries } => {
                view.journal = Some(OpenJournal { run, file, entries });
            }
        }
        Vec::new()
    }

    /// Whether a run is under way in this window, so that it is not taken for an interrupted one.
    pub fn runs_here(&self, run: &RunId) -> bool {
        let restores = self
            .run
            .as_ref()
            .is_some_and(|view| view.report.is_none() && view.id.as_ref() == Some(run));
        let backs_up = self
            .backups
            .runs
            .iter()
            .any(|view| !view.ended && view.id == *run);
        let azure = self.azure.run.as_ref();
        restores
            || backs_up
            || azure.is_some_and(|view| view.running() && view.id == *run)
            || self.azure.by_hand.running.as_ref() == Some(run)
    }

    /// The server of a run, connected or not: by its profile where the journal has it, else by its name.
    pub fn server_of(&self, run: &RunRecord) -> Option<ServerId> {
        let by_profile = run.who.profile.as_ref().and_then(|key| {
            self.servers
                .keys()
                .copied()
                .find(|server| server.key().as_ref() == Some(key))
        });
        by_profile.or_else(|| self.server_called(&run.server))
    }

    /// Whether a server answers.
    pub fn is_connected(&self, server: ServerId) -> bool {
        self.servers
            .get(&server)
            .is_some_and(|view| view.info().is_some())
    }

    /// The connected server that a journal calls by this name.
    pub fn server_called(&self, name: &str) -> Option<ServerId> {
        self.servers
            .iter()
            .find(|(_, view)| view.info().is_some_and(|info| info.name == name))
            .map(|(server, _)| *server)
    }

    /// What has to be read when a page is shown.
    pub(super) fn page_shown(&mut self) -> Vec<Request> {
        match self.page {
            Page::Activity => {
                let mut requests = vec![self.list_runs()];
                requests.extend(self.look_at_chosen());
                requests
            }
            Page::Objectives => self.objectives_shown(),
            _ => Vec::new(),
        }
    }

    /// Where the run stands that is looked at, when it is an unfinished one.
    fn look_at_chosen(&mut self) -> Vec<Request> {
        match self.activity.chosen.clone() {
            Some(run) => self.look_where_possible(&run),
            None => Vec::new(),
        }
    }

    /// Asks for the journals.
    pub(super) fn list_runs(&mut self) -> Request {
        self.activity.asked = Some(self.own.now);
        Request::Activity(ActivityRequest::List)
    }

    /// What runs on the selected server, every few seconds while somebody looks.
    fn look_at_server(&mut self) -> Option<Request> {
        let server = self.selected_server()?;
        let connected = self.servers.get(&server)?.info().is_some();
        let due = self
            .activity
            .asked_server
            .is_none_or(|asked| self.own.now.seconds() - asked.seconds() > 3.0);
        if !connected || !due {
            return None;
        }
        self.activity.asked_server = Some(self.own.now);
        Some(Request::Activity(ActivityRequest::OnServer { server }))
    }

    /// The journals again, while somebody looks: often while something runs, seldom else.
    pub(super) fn read_activity_again(&mut self) -> Option<Request> {
        if self.page != Page::Activity {
            return None;
        }
        let wait = if self.running() { 2.0 } else { 20.0 };
        if let Some(request) = self.look_at_server() {
            return Some(request);
        }
        let due = self
            .activity
            .asked
            .is_none_or(|asked| self.own.now.seconds() - asked.seconds() > wait);
        due.then(|| self.list_runs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Who;

    fn run(kind: RunKind, database: &str) -> RunRecord {
        RunRecord {
            id: RunId(format!("20261122T062800Z-{database}")),
            path: PathBuf::new(),
            kind,
            who: Who {
                user: Some("Ada".to_owned()),
                ..Who::default()
            },
            began_at: String::new(),
            last_at: String::new(),
            ended_at: None,
            server: "SQL01".to_owned(),
            source_database: database.to_owned(),
            target_database: database.to_owned(),
            target: String::new(),
            titles: Vec::new(),
            steps: Vec::new(),
            n_resumed: 0,
            end: None,
            owed: Vec::new(),
            tail_file: None,
            server_clock: None,
            created: None,
            copy: None,
            copy_dropped: false,
            deleted: Vec::new(),
            plan: None,
            server_job: None,
            before: None,
            verification: None,
            torn: false,
            journal_hash: String::new(),
        }
    }

    #[test]
    fn the_filter_looks_at_kind_and_at_every_name() {
        let backup = run(RunKind::Backup, "CRM");
        let restore = run(RunKind::RestoreOver, "OctopusAI");
        let listed = |filter: &ActivityFilter| {
            [&backup, &restore]
                .into_iter()
                .filter(|run| filter.takes(run))
                .count()
        };
        let mut filter = ActivityFilter::default();
        assert_eq!(listed(&filter), 2);
        filter.kind = KindFilter::Backups;
        assert_eq!(listed(&filter), 1);
        filter.text = "octopus".to_owned();
        assert_eq!(listed(&filter), 0);
        filter.kind = KindFilter::All;
        assert_eq!(listed(&filter), 1);
        filter.text = "ADA".to_owned();
        assert_eq!(listed(&filter), 2);
    }
}
