//! The only place that changes state on behalf of the user, and the only one that asks the worker.

use super::{
    Action, Cancelling, Change, Command, DatabaseView, Dialog, EditedProfile, MarkerStep, Page,
    PlanState, ProfileAction, RangePreset, Remembered, RestoreChoice, Review, RunView, Selection,
    State, TimeRange, TypedTime, UndoHistory, parse_time,
};
use crate::{
    domain::{Lost, Moment, UtcTime},
    settings::Profile,
    tsql::Script,
    worker::{Request, ServerId, ServerStatus},
};
use uuid::Uuid;

impl State {
    /// What a window asks for when it opens.
    pub fn open(&mut self) -> Vec<Request> {
        vec![Request::OpenWorkspace {
            name: self.workspace.clone(),
        }]
    }

    /// Does what the user asked, and returns what the worker has to do for it.
    pub fn update(&mut self, action: Action) -> Vec<Request> {
        match action {
            Action::SelectServer(server) => return self.select_server(server),
            Action::SelectDatabase { server, database } => {
                self.select(Selection::Database { server, database });
            }
            Action::Connect { server, password } => return self.connect(server, password),
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
            Action::ShowSet(uuid) => self.show_set(uuid),
            Action::ToggleLost(uuid) => {
                self.change(Change::Single, |choice| {
                    let lost = Lost::Set(uuid);
                    if choice.without.contains(&lost) {
                        choice.without.retain(|other| *other != lost);
                    } else {
                        choice.without.push(lost);
                    }
                });
                self.read_database_again();
            }
            Action::TakeSuggestion => self.take_suggestion(),

            Action::Review => return self.review(),
            Action::BackToTimeline => {
                self.page = Page::Timeline;
                self.review = None;
            }
            Action::ShowRun => {
                if self.run.is_some() {
                    self.page = Page::Run;
                }
            }
            Action::Restore => return self.restore(),
            Action::AskCancelRun => {
                if self.running() {
                    self.dialog = Some(Dialog::CancelRun);
                }
            }
            Action::CancelRun => return self.cancel_run(),
            Action::ShowCopy => self.show_copy(),
            Action::AskDropCopy => self.dialog = Some(Dialog::DropCopy),
            Action::DropCopy => return self.drop_copy(),
            Action::CloseRun => {
                if !self.running() {
                    self.run = None;
                    self.page = Page::Timeline;
                }
            }

            Action::Profile(action) => return self.change_profiles(action),
            Action::TrustCertificate {
                server,
                fingerprint,
            } => return self.trust(server, fingerprint),
            Action::OpenWorkspace(name) => return self.open_workspace(name),

            Action::ShowDialog(dialog) => self.dialog = Some(dialog),
            Action::CloseDialog => self.dialog = None,
            Action::DismissNotice(id) => self.notices.retain(|notice| notice.id != id),
        }
        Vec::new()
    }

    fn run_command(&mut self, command: Command) -> Vec<Request> {
        match command {
            Command::Refresh => return self.refresh(),
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
            Command::Help => self.dialog = Some(Dialog::Help),
        }
        Vec::new()
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

    fn connect(
        &mut self,
        server: ServerId,
        password: Option<crate::worker::Secret>,
    ) -> Vec<Request> {
        if matches!(self.dialog, Some(Dialog::Password { server: asked }) if asked == server) {
            self.dialog = None;
        }
        let what = match server {
            ServerId::Practice => "Starting the practice server".to_owned(),
            ServerId::Profile(_) => format!("Connecting to {}", self.server_name(server)),
        };
        self.servers.entry(server).or_default().status = ServerStatus::Connecting { what };
        self.notices.retain(|notice| notice.server != Some(server));
        vec![Request::Connect { server, password }]
    }

    fn refresh(&mut self) -> Vec<Request> {
        let Some(server) = self.selected_server() else {
            return Vec::new();
        };
        let Some(view) = self.servers.get_mut(&server) else {
            return Vec::new();
        };
        if view.info().is_none() {
            return self.connect(server, None);
        }
        view.refreshing = true;
        vec![Request::Refresh { server }]
    }

    /// Selects, and keeps what was chosen for the database before.
    pub(super) fn select(&mut self, selection: Selection) {
        if self.page == Page::Review || (self.page == Page::Run && self.selection != selection) {
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

    fn build_database_view(&self) -> Option<DatabaseView> {
        let Selection::Database { server, database } = &self.selection else {
            return None;
        };
        let view = self.servers.get(server)?;
        let history = view.history.as_ref()?.history.database(database)?;
        let now = self.server_now(*server);
        let offset = view.info().map(|info| info.utc_offset);
        Some(DatabaseView::new(
            history,
            &self.choice.without,
            now,
            offset,
            view.is_online(database),
        ))
    }

    // ---- the marker

    pub(super) fn plan_again(&mut self) {
        self.plan = match (&self.database, self.database_name()) {
            (Some(view), Some(name)) => view.plan(self.choice.request(name)),
            _ => PlanState::NoMarker,
        };
    }

    fn set_choice(&mut self, choice: RestoreChoice) {
        let lost_changed = self.choice.without != choice.without;
        self.choice = choice;
        self.time_text = None;
        self.time_problem = None;
        if lost_changed {
            self.read_database_again();
        } else {
            self.plan_again();
        }
        self.show_marker();
    }

    fn change(&mut self, change: Change, edit: impl FnOnce(&mut RestoreChoice)) {
        let before = self.choice.clone();
        edit(&mut self.choice);
        if self.choice != before {
            self.undo.note(&before, change);
            self.plan_again();
        }
    }

    fn set_moment(&mut self, moment: Moment, change: Change) {
        self.time_text = None;
        self.time_problem = None;
        self.change(change, |choice| choice.moment = Some(moment));
    }

    /// Moves the marker as near to `time` as something can be restored.
    fn move_marker(&mut self, time: f64, change: Change) {
        if let Some(moment) = self
            .database
            .as_ref()
            .and_then(|database| database.nearest_restorable(time))
        {
            self.set_moment(moment, change);
        }
    }

    fn go_to(&mut self, time: f64) {
        if let (Some(database), Some(instant)) = (&self.database, UtcTime::from_seconds(time)) {
            let moment = database.history.clock().moment_at(instant);
            self.set_moment(moment, Change::Single);
        }
    }

    fn step_marker(&mut self, step: MarkerStep) {
        let Some(database) = &self.database else {
            return;
        };
        let at = self
            .choice
            .moment
            .map_or(self.visible.end, |moment| moment.instant.seconds());
        let to = match step {
            MarkerStep::Seconds(seconds) => database.step(at, seconds),
            MarkerStep::PreviousBackup => database.previous_backup(at),
            MarkerStep::NextBackup => database.next_backup(at),
            MarkerStep::FirstMoment => database.first_moment(),
            MarkerStep::LastMoment => database.last_moment(),
        };
        if let Some(moment) = to {
            self.set_moment(moment, Change::Keys);
            self.show_marker();
        }
    }

    fn go_to_typed_time(&mut self, text: String) {
        let Some(database) = &self.database else {
            return;
        };
        let near = self.choice.moment.map_or_else(
            || database.history.clock().server_time(database.now),
            |moment| moment.server,
        );
        let clock = database.history.clock();
        match parse_time(&text, near) {
            Ok(TypedTime::Server(time)) => {
                let moment = clock.moment(time);
                self.set_moment(moment, Change::Single);
                self.show_marker();
            }
            Ok(TypedTime::Instant(_)) if !clock.knows_zone() => {
                self.time_text = Some(text);
                self.time_problem = Some(
                    "the backups do not tell the zone of this server; type its local time"
                        .to_owned(),
                );
            }
            Ok(TypedTime::Instant(instant)) => {
                let moment = clock.moment_at(instant);
                self.set_moment(moment, Change::Single);
                self.show_marker();
            }
            Err(error) => {
                self.time_text = Some(text);
                self.time_problem = Some(error.to_string());
            }
        }
    }

    fn take_suggestion(&mut self) {
        let Some(suggestion) = self.suggestion.clone() else {
            return;
        };
        self.select(Selection::Database {
            server: suggestion.server,
            database: suggestion.database,
        });
        // The state at the end of the second before is the last that was good.
        self.go_to(suggestion.accident.seconds().floor() - 1.0);
        self.show_marker();
    }

    // ---- what is visible

    fn show(&mut self, range: TimeRange) {
        self.visible = match &self.database {
            Some(database) => range.inside(database.whole()),
            None => range,
        };
    }

    fn show_preset(&mut self, preset: RangePreset) {
        let Some(database) = &self.database else {
            return;
        };
        let whole = database.whole();
        let range = match preset.seconds() {
            None => whole,
            Some(seconds) => {
                // Around the marker when it is in sight, so that zooming in does not lose it.
                let marker = self.choice.moment.map(|m| m.instant.seconds());
                match marker.filter(|marker| self.visible.contains(*marker)) {
                    Some(marker) => {
                        let part = (marker - self.visible.begin) / self.visible.seconds();
                        TimeRange::new(marker - seconds * part, marker + seconds * (1.0 - part))
                    }
                    None => TimeRange::new(self.visible.end - seconds, self.visible.end),
                }
            }
        };
        self.show(range);
    }

    fn zoom(&mut self, factor: f64) {
        let around = self
            .choice
            .moment
            .map(|moment| moment.instant.seconds())
            .filter(|time| self.visible.contains(*time))
            .unwrap_or((self.visible.begin + self.visible.end) / 2.0);
        self.show(self.visible.zoomed(around, factor));
    }

    /// Moves the window until the marker is inside, a tenth away from its edge.
    fn show_marker(&mut self) {
        let Some(moment) = self.choice.moment else {
            return;
        };
        let time = moment.instant.seconds();
        let margin = self.visible.seconds() / 10.0;
        let range = if time < self.visible.begin + margin / 4.0 {
            self.visible.shifted(time - margin - self.visible.begin)
        } else if time > self.visible.end - margin / 4.0 {
            self.visible.shifted(time + margin - self.visible.end)
        } else {
            return;
        };
        self.visible = match &self.database {
            Some(database) => {
                let whole = database.whole();
                // A typed time may lie outside everything that there is.
                let whole =
                    TimeRange::new(whole.begin.min(time - margin), whole.end.max(time + margin));
                range.inside(whole)
            }
            None => range,
        };
    }

    fn show_set(&mut self, uuid: Uuid) {
        self.chosen_set = Some(uuid);
        let Some(database) = &self.database else {
            return;
        };
        let Some(set) = database.history.set_by_uuid(uuid) else {
            return;
        };
        let finish = set.finish().instant.seconds();
        if !self.visible.contains(finish) {
            let half = self.visible.seconds() / 2.0;
            self.show(TimeRange::new(finish - half, finish + half));
        }
    }

    // ---- the run

    fn review(&mut self) -> Vec<Request> {
        let Selection::Database {
            server,
            database: name,
        } = self.selection.clone()
        else {
            return Vec::new();
        };
        let (PlanState::Planned(plan), Some(request)) = (&self.plan, self.choice.request(&name))
        else {
            return Vec::new();
        };
        if self.running() || self.servers.get(&server).is_none_or(|s| s.info().is_none()) {
            return Vec::new();
        }
        self.next_preflight += 1;
        let review = Review {
            server,
            database: name,
            plan: (**plan).clone(),
            generation: self.next_preflight,
            script: self.script(plan),
            checks: None,
            request,
        };
        let ask = Request::Preflight {
            server,
            request: review.request.clone(),
            plan: Box::new(review.plan.clone()),
            generation: review.generation,
        };
        self.review = Some(review);
        self.page = Page::Review;
        vec![ask]
    }

    /// The script of a plan on the selected server.
    pub fn script(&self, plan: &crate::domain::RestorePlan) -> Script {
        let facts = crate::tsql::ServerFacts {
            server_name: self
                .server()
                .and_then(|view| view.info())
                .map(|info| info.name.clone()),
            tail_file: None,
        };
        crate::tsql::restore_script(plan, &facts)
    }

    fn restore(&mut self) -> Vec<Request> {
        let Some(review) = self.review.take_if(|review| review.may_start()) else {
            return Vec::new();
        };
        let target_database = crate::tsql::target_database(&review.plan).to_owned();
        let request = Request::Restore {
            server: review.server,
            request: review.request,
            plan: Box::new(review.plan.clone()),
        };
        self.run = Some(RunView {
            server: review.server,
            database: review.database,
            target_database,
            id: None,
            started: self.own.now,
            steps: review
                .script
                .batches
                .iter()
                .map(|batch| batch.title.clone())
                .collect(),
            script: review.script,
            plan: review.plan,
            ended: Vec::new(),
            began: Vec::new(),
            progress: None,
            messages: Vec::new(),
            cancelling: Cancelling::No,
            report: None,
            dropped: false,
            dropping: false,
        });
        self.page = Page::Run;
        vec![request]
    }

    fn cancel_run(&mut self) -> Vec<Request> {
        self.dialog = None;
        match &mut self.run {
            Some(run) if run.report.is_none() => {
                run.cancelling = Cancelling::Asked;
                run.id
                    .clone()
                    .map(|run| Request::CancelRun { run })
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
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
        if self.running() || name == self.workspace || name.trim().is_empty() {
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
        let generation = self.generation + 1;
        *self = Self::new(own, name.clone());
        self.workspaces = workspaces;
        self.generation = generation;
        self.servers.insert(ServerId::Practice, practice);
        requests.push(Request::OpenWorkspace { name });
        requests
    }
}
