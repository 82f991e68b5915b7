//! What the worker told, applied to the state.

use super::{
    Action, Cancelling, DatabaseView, Dialog, Freshness, LoadedHistory, Notice, Page,
    SeenCertificate, Selection, State, Suggestion,
};
use crate::{
    domain::Limits,
    explain::Problem,
    settings::Profile,
    worker::{BackupCall, DatabaseState, Event, Request, ServerId, ServerStatus},
};
use std::collections::BTreeMap;

impl State {
    /// Takes in what the worker told, and returns what has to follow.
    pub fn apply(&mut self, event: Event) -> Vec<Request> {
        let mut requests = self.take_event(event);
        requests.append(&mut self.outbox);
        requests
    }

    fn take_event(&mut self, event: Event) -> Vec<Request> {
        match event {
            Event::Workspace {
                name,
                profiles,
                problems,
            } => {
                self.take_workspace(name, profiles, problems);
                return vec![self.list_runs()];
            }
            Event::Server { server, status } => {
                let connected = matches!(status, ServerStatus::Connected(_));
                self.take_status(server, status);
                let mut requests = Vec::new();
                if connected {
                    requests.push(Request::Backup {
                        server,
                        call: BackupCall::FindJobs,
                    });
                }
                if self.page == Page::Activity
                    && let Some(run) = self.activity.chosen.clone()
                {
                    requests.extend(self.look_where_possible(&run));
                }
                requests.extend(self.look_at_leftovers());
                return requests;
            }
            Event::Databases { server, databases } => {
                let view = self.servers.entry(server).or_default();
                view.databases = databases;
                view.refreshing = false;
                view.unanswered = false;
                self.list_joined(server);
                self.list_deleted(server);
                self.queue_refinement(server);
                self.check_selection(server);
                if self.selected_server() == Some(server) {
                    self.forget_where_it_stood();
                    self.read_database_again();
                }
            }
            Event::History {
                server,
                history,
                notes,
                read_at,
            } => {
                let view = self.servers.entry(server).or_default();
                view.history = Some(LoadedHistory {
                    history,
                    notes,
                    read_at,
                });
                view.partial = None;
                view.asked_timeline = None;
                view.refreshing = false;
                self.queue_refinement(server);
                if self.selected_server() == Some(server) {
                    self.read_database_again();
                }
                self.judge_shown();
                if self.protection.awaits_list() {
                    self.look_ahead();
                }
                if self.open_suggestion && self.suggestion.is_some() {
                    self.open_suggestion = false;
                    return self.update(Action::TakeSuggestion);
                }
            }
            Event::Timeline { server, history } => {
                let view = self.servers.entry(server).or_default();
                if view.history.is_none() {
                    view.partial = Some(match &view.partial {
                        Some(partial) => history.with_databases_of(partial),
                        None => history,
                    });
                    if self.selected_server() == Some(server) {
                        self.read_database_again();
                    }
                }
            }
            Event::Accident {
                server,
                database,
                at,
            } => {
                self.suggestion = Some(Suggestion {
                    server,
                    database,
                    accident: at,
                });
            }
            Event::Ended => self.ended = true,
            Event::Activity(event) => return self.take_activity_event(event),
            Event::Planning(event) => self.take_planning(event),
            Event::Schedule(event) => return self.take_schedule_event(event),
            Event::Application(event) => {
                self.take_application_event(event);
                self.judge_shown();
                self.requeue_all();
            }
            Event::Objectives(event) => return self.take_objectives_event(event),
            Event::TestResult { profile, result } => self.test_result = Some((profile, result)),
            Event::CertificateSeen {
                server,
                fingerprint,
                subject,
            } => match (&self.dialog, server) {
                // A test: the editor shows it, and pins it in its draft.
                (Some(Dialog::EditProfile(_)), ServerId::Profile(profile)) => {
                    self.test_certificate = Some(SeenCertificate {
                        profile,
                        fingerprint,
                        subject,
                    });
                }
                _ => self.ask(Dialog::Certificate {
                    server,
                    fingerprint,
                    subject,
                }),
            },
            Event::PasswordNeeded { server } => {
                self.servers.entry(server).or_default().status = ServerStatus::Disconnected;
                self.ask(Dialog::Password { server });
            }
            Event::Preflight {
                generation,
                checks,
                prepared,
                ..
            } => {
                if let Some(review) = &mut self.review
                    && review.generation == generation
                {
                    review.checks = Some(checks);
                    review.steps.clone_from(&prepared.runbook.steps);
                    review.prepared = Some(prepared);
                }
            }
            Event::NotPreflighted {
                generation,
                problem,
            } => {
                if let Some(review) = &mut self.review
                    && review.generation == generation
                {
                    review.not_asked = Some(problem);
                }
            }
            Event::RunStarted {
                server,
                run,
                plan,
                runbook,
            } => return self.take_run_started(server, run, *plan, *runbook),
            Event::Run { run, news } => return self.take_run_news(run, news),
            Event::RunNotBegun {
                server,
                run,
                problem,
            } => {
                self.notice(Some(server), problem);
                return self.take_run_not_begun(server, run);
            }
            Event::RunProgress { run, progress } => {
                if let Some(view) = self.run_with(&run) {
                    view.running = Some(progress.step);
                    view.progress = Some(progress);
                }
            }
            Event::RunMessage { run, at, text } => {
                if let Some(view) = self.run_with(&run) {
                    view.messages.push((at, text));
                }
            }
            Event::StepEnded { run, step, report } => {
                if let Some(view) = self.run_with(&run) {
                    view.running = None;
                    if step == view.ended.len() {
                        view.ended.push(*report);
                    } else if let Some(known) = view.ended.get_mut(step) {
                        *known = *report;
                    }
                }
            }
            Event::RunEnded { run, report } => {
                if let Some(view) = self.run_with(&run) {
                    view.owed.clone_from(&report.owed);
                    view.waiting = None;
                    view.running = None;
                    view.cancelling = Cancelling::No;
                    let server = view.server;
                    let (target, state) = (view.target_database.clone(), report.state.clone());
                    view.report = Some(report);
                    if let Some(list) = self.servers.get_mut(&server) {
                        list.take_state(&target, &state);
                    }
                    if matches!(
                        self.dialog,
                        Some(Dialog::CancelRun | Dialog::CloseWhileRunning)
                    ) {
                        self.dialog = None;
                    }
                    let mut requests = vec![Request::Refresh { server }, self.list_runs()];
                    requests.extend(self.rehearsal_run_ended());
                    return requests;
                }
            }
            Event::Backup { server, event } => return self.apply_backup(server, event),
            Event::CopyDropped { run, .. } => {
                let mut requests = vec![self.list_runs()];
                if let Some(view) = self.run_with(&run) {
                    view.dropped = true;
                    view.dropping = false;
                    let server = view.server;
                    requests.push(Request::Refresh { server });
                }
                return requests;
            }
            Event::Files(event) => return self.apply_files(event),
            Event::Azure(event) => return self.azure_apply(event),
            Event::Problem { server, problem } => {
                if let Some(server) = server
                    && let Some(view) = self.servers.get_mut(&server)
                {
                    view.unanswered |= std::mem::take(&mut view.refreshing);
                    self.files.progress.remove(&server);
                }
                if let Some(run) = &mut self.run {
                    run.dropping = false;
                }
                self.notice(server, problem);
            }
        }
        Vec::new()
    }

    /// Shows a problem until it is dismissed; the same one only once.
    pub fn notice(&mut self, server: Option<ServerId>, problem: Problem) {
        if self
            .notices
            .iter()
            .any(|notice| notice.server == server && notice.problem == problem)
        {
            return;
        }
        self.next_notice += 1;
        self.notices.push(Notice {
            id: self.next_notice,
            server,
            problem,
        });
        // More than a handful at once helps nobody; the newest matter.
        if self.notices.len() > 5 {
            self.notices.remove(0);
        }
    }

    pub(super) fn run_with(&mut self, id: &crate::run::RunId) -> Option<&mut super::RunView> {
        self.run.as_mut().filter(|run| run.id.as_ref() == Some(id))
    }

    fn take_run_started(
        &mut self,
        server: ServerId,
        id: crate::run::RunId,
        plan: crate::domain::RestorePlan,
        runbook: crate::run::Runbook,
    ) -> Vec<Request> {
        let waits = self.run.as_ref().is_some_and(|run| run.id.is_none());
        if !waits {
            // A run that goes on: the window learns of it when it does.
            self.run = Some(super::RunView::new(
                server,
                plan.clone(),
                runbook.kind,
                Vec::new(),
                self.own.now,
            ));
            self.activity.resuming = None;
            self.activity.standings.remove(&id);
            // The header says where it goes on.
            if self.selected_server() != Some(server) {
                let database = plan.database.clone();
                self.select(Selection::Database { server, database });
            }
            self.page = Page::Run;
        }
        let Some(run) = &mut self.run else {
            return Vec::new();
        };
        run.id = Some(id.clone());
        run.plan = plan;
        run.kind = runbook.kind;
        run.steps = runbook.steps;
        // Cancelled before the worker had a name for it.
        if run.cancelling == Cancelling::Asked {
            vec![Request::CancelRun { run: id }]
        } else {
            Vec::new()
        }
    }

    /// The run that was waited for has no report: its page is left, and where it stands is looked at again.
    fn take_run_not_begun(
        &mut self,
        server: ServerId,
        run: Option<crate::run::RunId>,
    ) -> Vec<Request> {
        self.activity.resuming = None;
        let shown = self
            .run
            .take_if(|view| view.report.is_none() && (view.id.is_none() || view.id == run));
        if let Some(view) = shown {
            if matches!(
                self.dialog,
                Some(Dialog::CancelRun | Dialog::CloseWhileRunning)
            ) {
                self.dialog = None;
            }
            let began = view.id.is_some();
            if self.page == Page::Run {
                self.page = if began {
                    Page::Activity
                } else {
                    Page::Timeline
                };
            }
            if !began {
                return Vec::new();
            }
            self.activity.chosen.clone_from(&view.id);
        }
        let Some(run) = run else {
            return Vec::new();
        };
        let mut requests = self.look_again(server, run);
        requests.push(self.list_runs());
        requests
    }

    fn take_workspace(&mut self, name: String, profiles: Vec<Profile>, problems: Vec<Problem>) {
        if name != self.workspace {
            return;
        }
        let mut servers = BTreeMap::new();
        for id in std::iter::once(ServerId::Practice)
            .chain(profiles.iter().map(|profile| ServerId::Profile(profile.id)))
            .chain(
                self.files
                    .folders
                    .iter()
                    .map(|folder| ServerId::Folder(folder.id)),
            )
        {
            servers.insert(id, self.servers.remove(&id).unwrap_or_default());
        }
        self.servers = servers;
        self.profiles = profiles;
        if let Some(server) = self.selected_server()
            && !self.servers.contains_key(&server)
        {
            self.select(Selection::Nothing);
        }
        if !self.workspaces.contains(&name) {
            self.workspaces.push(name);
            self.workspaces.sort();
        }
        for problem in problems {
            self.notice(None, problem);
        }
    }

    fn take_status(&mut self, server: ServerId, status: ServerStatus) {
        let view = self.servers.entry(server).or_default();
        if matches!(status, ServerStatus::Disconnected) {
            view.databases = Default::default();
            view.history = None;
            view.partial = None;
            view.asked_timeline = None;
            view.files = None;
            view.freshness.clear();
            self.files.progress.remove(&server);
        }
        if !matches!(status, ServerStatus::Connected(_)) {
            view.refreshing = false;
            self.files.progress.remove(&server);
        }
        view.unanswered = false;
        view.status = status;
        self.learn_costs();
        if self.selected_server() == Some(server) {
            self.read_database_again();
        }
    }

    /// Drops a selection that no longer exists, with a reason.
    fn check_selection(&mut self, server: ServerId) {
        let Selection::Database {
            server: selected,
            database,
        } = &self.selection
        else {
            return;
        };
        let Some(view) = self.servers.get(&server) else {
            return;
        };
        if *selected != server || view.summary(database).is_some() || view.databases.is_empty() {
            return;
        }
        let known_to_history = view
            .backups()
            .is_some_and(|history| history.database(database).is_some());
        let expected = self
            .run
            .as_ref()
            .is_some_and(|run| run.target_database == *database && !run.dropped);
        if known_to_history || expected {
            return;
        }
        let dropped_by_us = self
            .run
            .as_ref()
            .is_some_and(|run| run.target_database == *database && run.dropped);
        let problem = Problem {
            kind: crate::explain::ProblemKind::Server,
            sentence: format!("{database} is no longer on this server"),
            hint: String::new(),
            details: Vec::new(),
        };
        self.select(Selection::Server(server));
        self.page = Page::Timeline;
        if !dropped_by_us {
            self.notice(Some(server), problem);
        }
    }

    // ---- the dots on the left, a database at a time

    pub(super) fn queue_refinement(&mut self, server: ServerId) {
        if let Some(view) = self.servers.get_mut(&server) {
            view.unrefined = view
                .databases
                .iter()
                .rev()
                .map(|summary| summary.name.clone())
                .collect();
        }
    }

    /// Works all of them out again, as what is promised or measured has changed.
    pub(super) fn requeue_all(&mut self) {
        let servers: Vec<ServerId> = self.servers.keys().copied().collect();
        for server in servers {
            self.queue_refinement(server);
        }
    }

    /// Works out how one more database stands; `false` when all are known.
    pub fn refine_one(&mut self) -> bool {
        let next = self
            .servers
            .iter_mut()
            .find_map(|(server, view)| Some((*server, view.unrefined.pop()?)));
        let Some((server, name)) = next else {
            return false;
        };
        let freshness = self.standing(server, &name);
        let status = self
            .servers
            .get(&server)
            .and_then(|view| view.backups())
            .and_then(|history| history.database(&name))
            .and_then(|history| self.status_of(server, &name, &history));
        let key = (server, name.clone());
        match status {
            Some(status) => self.objectives.statuses.insert(key, status),
            None => self.objectives.statuses.remove(&key),
        };
        if let Some(view) = self.servers.get_mut(&server) {
            match freshness {
                Some(freshness) => view.freshness.insert(name, freshness),
                None => view.freshness.remove(&name),
            };
        }
        true
    }

    /// `None` while its backups are not read.
    fn standing(&self, server: ServerId, name: &str) -> Option<Freshness> {
        let view = self.servers.get(&server);
        let known = view
            .and_then(|view| view.backups())
            .and_then(|history| history.database(name));
        if let Some(managed) = self.managed_view(server, name, known.clone(), None) {
            return Some(managed.freshness());
        }
        let online = view
            .and_then(|view| view.summary(name))
            .is_some_and(|summary| summary.state == DatabaseState::Online);
        let offset = view
            .and_then(|view| view.info())
            .map(|info| info.utc_offset);
        match known {
            Some(history) => {
                let limits = Limits::default();
                let view = DatabaseView::new(history, limits, self.own.now, offset, online);
                Some(view.freshness())
            }
            None => view?.history.as_ref().map(|_| Freshness {
                newest: None,
                usual_interval: None,
            }),
        }
    }
}
