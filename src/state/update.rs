//! The only place that changes state on behalf of the user, and the only one that asks the worker.

use super::{
    Action, Change, Command, DatabaseView, Dialog, EditedProfile, Page, ProfileAction, RangePreset,
    Remembered, RestoreChoice, Selection, State, UndoHistory,
};
use crate::{
    explain::{Problem, ProblemKind},
    settings::Profile,
    worker::{Request, ServerId, ServerStatus},
};

impl State {
    /// What a window asks for when it opens.
    pub fn open(&mut self) -> Vec<Request> {
        let mut requests = Vec::new();
        if let Some(program) = self.azure.program.clone() {
            let program = crate::worker::AzureRequest::UseProgram(Some(program));
            requests.push(Request::Azure(program));
        }
        requests.push(Request::OpenWorkspace {
            name: self.workspace.clone(),
        });
        requests
    }

    /// Does what the user asked, and returns what the worker has to do for it.
    pub fn update(&mut self, action: Action) -> Vec<Request> {
        let mut requests = self.act(action);
        requests.append(&mut self.outbox);
        requests
    }

    fn act(&mut self, action: Action) -> Vec<Request> {
        match action {
            Action::SelectServer(server) => return self.select_server(server),
            Action::SelectDatabase { server, database } => {
                self.select(Selection::Database { server, database });
                let mut requests = self.azure_selected();
                requests.extend(self.page_shown());
                return requests;
            }
            Action::Connect { server, password } => return self.connect(server, password),
            Action::Refresh(server) => return self.refresh(server),
            Action::Disconnect(server) => {
                if self.selected_server() == Some(server) {
                    self.select(Selection::Server(server));
                }
                return vec![Request::Disconnect { server }];
            }
            Action::Run(command) => return self.run_command(command),

            Action::ShowRange(range) => self.show(range),
            Action::ShowPreset(preset) => self.show_preset(preset),
            Action::DragMarker(time) => self.move_marker(time, Change::Drag),
            Action::DropMarker => self.undo.close(),
            Action::PlaceMarker(time) => self.move_marker(time, Change::Single),
            Action::StepMarker(step) => self.step_marker(step),
            Action::EditTime(text) => {
                self.time_text = text;
                self.time_problem = None;
            }
            Action::GoToTypedTime(text) => self.go_to_typed_time(text),
            Action::GoTo(time) => {
                self.go_to(time);
                self.show_marker();
            }
            Action::EditCopyName(name) => {
                self.change(Change::Name, |choice| choice.copy_name = Some(name));
            }
            Action::ResetCopyName => self.change(Change::Single, |choice| choice.copy_name = None),
            Action::Destination(action) => self.change_destination(action),
            Action::ShowSet(uuid) => self.show_set(uuid),
            Action::ToggleLost(uuid) => self.toggle_lost_set(uuid),
            Action::Planning(action) => return self.plan_otherwise(action),
            Action::TakeSuggestion => self.take_suggestion(),

            Action::Review => return self.review(),
            Action::ShowPage(page) => {
                self.show_page(page);
                return self.page_shown();
            }
            Action::Restore => return self.restore(),
            Action::TypeNames { server, database } => self.type_names(server, database),
            Action::TellRun(command) => return self.tell_run(command),
            Action::AskCancelRun => {
                if self.running() {
                    self.dialog = Some(Dialog::CancelRun);
                }
            }
            Action::CancelRun => return self.cancel_run(),
            Action::LookInto(query) => return self.look_into(query),
            Action::CheckNow => return self.check_now(),
            Action::Resume(action) => return self.resume_run(action),
            Action::ShowCopy => self.show_copy(),
            Action::AskDropCopy => self.dialog = Some(Dialog::DropCopy),
            Action::DropCopy => return self.drop_copy(),
            Action::CloseRun => {
                if !self.running() {
                    self.run = None;
                    self.page = Page::Timeline;
                }
            }

            Action::Activity(action) => return self.change_activity(action),
            Action::Application(action) => return self.change_applications(action),
            Action::Protection(action) => return self.change_protection(action),
            Action::Objectives(action) => return self.change_objectives(action),
            Action::Fleet(action) => return self.change_fleet(action),
            Action::Profile(action) => return self.change_profiles(action),
            Action::Backup(action) => return self.backup(action),
            Action::Azure(action) => return self.azure_update(action),
            Action::TrustCertificate {
                server,
                fingerprint,
            } => return self.trust(server, fingerprint),
            Action::OpenWorkspace(name) => return self.open_workspace(name),

            Action::Files(action) => return self.change_files(action),
            Action::ShowDialog(dialog) => self.put_before(dialog),
            Action::CloseDialog => {
                if self.dialog == Some(Dialog::BackUp) {
                    self.backups.form = None;
                }
                self.dialog = None;
            }
            Action::DismissNotice(id) => self.notices.retain(|notice| notice.id != id),
        }
        Vec::new()
    }

    fn run_command(&mut self, command: Command) -> Vec<Request> {
        match command {
            Command::Refresh => {
                if let Some(server) = self.selected_server() {
                    return self.refresh(server);
                }
            }
            Command::Undo => {
                if let Some(choice) = self.undo.undo(&self.choice) {
                    self.set_choice(choice);
                }
            }
            Command::Redo => {
                if let Some(choice) = self.undo.redo(&self.choice) {
                    self.set_choice(choice);
                }
            }
            Command::ZoomIn => self.zoom(0.5),
            Command::ZoomOut => self.zoom(2.0),
            Command::ShowAll => self.show_preset(RangePreset::All),
            Command::TypeTime => {
                if self.time_text.is_none() {
                    self.time_text = Some(String::new());
                }
            }
            Command::ShowSql => self.show_sql = !self.show_sql,
            // The view that knows the clipboard and the file dialog does these.
            Command::CopySql | Command::SaveSql => {}
            Command::Review => return self.review(),
            Command::AddServer => return self.change_profiles(ProfileAction::Add),
            Command::ResetPractice => return self.reset_practice(),
            Command::Help => self.dialog = Some(Dialog::Help),
        }
        Vec::new()
    }

    pub(super) fn show_page(&mut self, page: Page) {
        let there = match page {
            Page::Protection => self.database_name().is_some(),
            Page::Timeline
            | Page::Applications
            | Page::Activity
            | Page::Objectives
            | Page::Fleet => true,
            Page::Review => self.review.is_some(),
            Page::Run => self.run.is_some(),
            Page::AzureRun => self.azure.run.is_some(),
        };
        if !there {
            return;
        }
        if self.page == Page::Review && page != Page::Review {
            self.review = None;
        }
        self.page = page;
    }

    // ---- servers and databases

    fn select_server(&mut self, server: ServerId) -> Vec<Request> {
        self.select(Selection::Server(server));
        let idle = matches!(
            self.servers.get(&server).map(|view| &view.status),
            Some(ServerStatus::Disconnected) | None
        );
        if idle {
            self.connect(server, None)
        } else {
            Vec::new()
        }
    }

    pub(super) fn connect(
        &mut self,
        server: ServerId,
        password: Option<crate::worker::Secret>,
    ) -> Vec<Request> {
        if matches!(self.dialog, Some(Dialog::Password { server: asked }) if asked == server) {
            self.dialog = None;
        }
        let what = match server {
            ServerId::Practice => "Starting the practice server".to_owned(),
            ServerId::Folder(_) => "Looking for backup files".to_owned(),
            ServerId::Profile(_) => format!("Connecting to {}", self.server_name(server)),
        };
        self.servers.entry(server).or_default().status =
            ServerStatus::Connecting { what, done: None };
        self.notices.retain(|notice| notice.server != Some(server));
        vec![Request::Connect { server, password }]
    }

    fn refresh(&mut self, server: ServerId) -> Vec<Request> {
        let Some(view) = self.servers.get_mut(&server) else {
            return Vec::new();
        };
        if matches!(view.status, ServerStatus::Connecting { .. }) {
            return Vec::new();
        }
        if view.info().is_none() {
            return self.connect(server, None);
        }
        view.refreshing = true;
        let mut requests = vec![Request::Refresh { server }];
        requests.extend(self.azure_refresh(server));
        requests
    }

    /// Selects, and keeps what was chosen for the database before.
    pub(super) fn select(&mut self, selection: Selection) {
        if matches!(self.page, Page::Review | Page::Applications | Page::Fleet)
            || (matches!(self.page, Page::Run | Page::AzureRun) && self.selection != selection)
        {
            self.page = Page::Timeline;
            self.review = None;
        }
        if self.selection == selection {
            return;
        }
        if matches!(self.selection, Selection::Database { .. }) {
            self.remembered.insert(
                self.selection.clone(),
                Remembered {
                    choice: self.choice.clone(),
                    visible: self.visible,
                },
            );
        }
        self.selection = selection;
        self.undo = UndoHistory::default();
        self.time_text = None;
        self.time_problem = None;
        self.chosen_set = None;
        self.database = None;
        match self.remembered.get(&self.selection).cloned() {
            Some(Remembered { choice, visible }) => {
                self.choice = choice;
                self.visible = visible;
            }
            None => self.choice = RestoreChoice::default(),
        }
        self.read_database_again();
    }

    /// Looks the selected database up in the history as it is now, and plans again.
    pub(super) fn read_database_again(&mut self) {
        let fresh = self.database.is_none();
        self.ask_where_it_stands();
        self.database = self.build_database_view();
        self.generation += 1;
        if let Some(database) = &self.database
            && fresh
            && !self.remembered.contains_key(&self.selection)
        {
            let whole = database.whole();
            self.visible = database.opening_range();
            self.choice.moment = database
                .newest()
                .map(|moment| database.whole_second_within(moment));
            debug_assert!(whole.seconds() > 0.0);
        }
        if let (Some(database), Some(uuid)) = (&self.database, self.chosen_set)
            && database.history.set_by_uuid(uuid).is_none()
        {
            self.chosen_set = None;
        }
        self.plan_again();
    }

    fn build_database_view(&mut self) -> Option<DatabaseView> {
        let Selection::Database { server, database } = self.selection.clone() else {
            return None;
        };
        let (server, database) = (&server, &database);
        let backups = self.servers.get(server)?.backups();
        let known = backups.and_then(|history| history.database(database));
        let chosen = self.azure.deleted_chosen;
        if let Some(managed) = self.managed_view(*server, database, known.clone(), chosen) {
            return Some(managed);
        }
        let history = match known {
            Some(history) => history,
            None => {
                self.ask_for_timeline(*server, database);
                self.history_of_restoring(*server, database)?
            }
        };
        let limits = self.limits_for(*server, &history);
        let view = self.servers.get(server)?;
        let now = match server {
            // Files end with the newest of them; what was later nobody knows.
            ServerId::Folder(_) => history
                .newest_backup()
                .map_or(self.own.now, |newest| newest.instant),
            ServerId::Practice | ServerId::Profile(_) => self.server_now(*server),
        };
        let offset = view.info().map(|info| info.utc_offset);
        Some(DatabaseView::new(
            history,
            limits,
            now,
            offset,
            view.is_online(database),
        ))
    }

    /// Asks for the history of one database, as long as that of the whole server is being read.
    fn ask_for_timeline(&mut self, server: ServerId, database: &str) {
        let Some(view) = self.servers.get_mut(&server) else {
            return;
        };
        let listed = view
            .summary(database)
            .is_some_and(|summary| summary.newest_backup.is_some());
        if view.history.is_some()
            || view.info().is_none()
            || !listed
            || view.asked_timeline.as_deref() == Some(database)
        {
            return;
        }
        view.asked_timeline = Some(database.to_owned());
        let database = database.to_owned();
        self.outbox.push(Request::Timeline { server, database });
    }

    fn show_copy(&mut self) {
        if let Some(run) = &self.run {
            let (server, database) = (run.server, run.target_database.clone());
            self.select(Selection::Database { server, database });
            self.page = Page::Timeline;
        }
    }

    fn drop_copy(&mut self) -> Vec<Request> {
        self.dialog = None;
        match &mut self.run {
            Some(run) if run.report.is_some() && !run.dropped => {
                run.dropping = true;
                let server = run.server;
                run.id
                    .clone()
                    .map(|run| Request::DropCopy { server, run })
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    // ---- profiles and workspaces

    fn change_profiles(&mut self, action: ProfileAction) -> Vec<Request> {
        match action {
            // The editor keeps its own draft; see `ui::profile_editor`.
            ProfileAction::Add => self.edit_profile(EditedProfile::New),
            ProfileAction::Edit(id) => self.edit_profile(EditedProfile::Saved(id)),
            ProfileAction::Duplicate(id) => self.edit_profile(EditedProfile::CopyOf(id)),
            ProfileAction::AskRemove(id) => self.dialog = Some(Dialog::RemoveProfile { id }),
            ProfileAction::Remove(id) => {
                self.dialog = None;
                return vec![Request::RemoveProfile { id }];
            }
            ProfileAction::Save { profile, password } => {
                self.dialog = None;
                return vec![Request::SaveProfile {
                    profile: *profile,
                    password,
                }];
            }
            ProfileAction::Test { profile, password } => {
                self.test_result = None;
                self.test_certificate = None;
                return vec![Request::TestProfile {
                    profile: *profile,
                    password,
                }];
            }
        }
        Vec::new()
    }

    fn edit_profile(&mut self, edited: EditedProfile) {
        self.test_result = None;
        self.test_certificate = None;
        self.dialog = Some(Dialog::EditProfile(edited));
    }

    fn trust(&mut self, server: ServerId, fingerprint: String) -> Vec<Request> {
        self.dialog = None;
        let Some(profile) = self.profile(server) else {
            return Vec::new();
        };
        let pinned = Profile {
            encryption: crate::settings::Encryption::Pinned(fingerprint),
            ..profile.clone()
        };
        vec![
            Request::SaveProfile {
                profile: pinned,
                password: None,
            },
            Request::Connect {
                server,
                password: None,
            },
        ]
    }

    fn open_workspace(&mut self, name: String) -> Vec<Request> {
        self.dialog = None;
        if name == self.workspace || name.trim().is_empty() {
            return Vec::new();
        }
        if let Some(what) = self.under_way() {
            self.notice(
                None,
                Problem {
                    kind: ProblemKind::Yours,
                    sentence: format!("{what} of this workspace is still under way"),
                    hint: "Wait for its end, or cancel it, before another workspace is opened."
                        .to_owned(),
                    details: Vec::new(),
                },
            );
            return Vec::new();
        }
        // Nothing of one client shows in another.
        let mut requests: Vec<Request> = self
            .servers
            .keys()
            .filter(|server| matches!(server, ServerId::Profile(_)))
            .map(|&server| Request::Disconnect { server })
            .collect();
        let own = self.own;
        let mut workspaces = std::mem::take(&mut self.workspaces);
        if !workspaces.contains(&name) {
            workspaces.push(name.clone());
            workspaces.sort();
        }
        let practice = self.servers.remove(&ServerId::Practice).unwrap_or_default();
        let applications = std::mem::take(&mut self.applications);
        let generation = self.generation + 1;
        *self = Self::new(own, name.clone());
        self.workspaces = workspaces;
        self.generation = generation;
        self.servers.insert(ServerId::Practice, practice);
        self.applications = applications;
        requests.push(Request::OpenWorkspace { name });
        requests
    }
}
