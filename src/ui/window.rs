//! The whole window: panels around a page, and dialogs over them.

use super::{
    activity::ActivityPage, application_editor::ApplicationPage, azure, dialogs::Dialogs, empty,
    fleet, folder_page::FolderPage, header, notices, objectives, plan_panel::PlanPanel,
    protection::ProtectionPage, review::ReviewPage, run_page::RunPage, shortcuts, sidebar::Sidebar,
    status_bar, table::BackupTable, theme::Palette, timeline::TimelineView,
};
use crate::{
    state::{Action, Command, DatabaseView, Page, Selection, State},
    worker::ServerId,
};
use egui::{CentralPanel, Frame, Panel, Stroke, Ui};

/// What a view wants from the platform rather than from the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Copy(String),
    /// Asks for a folder; the answer comes as an action.
    PickFolder,
    /// Asks where to save a text.
    Save {
        file_name: String,
        text: String,
    },
}

/// The views with what only they care about.
#[derive(Debug, Default)]
pub struct WindowView {
    sidebar: Sidebar,
    timeline: TimelineView,
    table: BackupTable,
    plan: PlanPanel,
    review: ReviewPage,
    run: RunPage,
    applications: ApplicationPage,
    activity: ActivityPage,
    folder: FolderPage,
    protection: ProtectionPage,
    dialogs: Dialogs,
}

impl WindowView {
    /// What is to be done before anything is shown: a dragged marker is drawn from the drag, never behind the pointer.
    pub fn before(&self, ctx: &egui::Context, state: &State) -> Option<Action> {
        self.timeline.drag(ctx, state)
    }

    /// Shows everything; actions are to be applied in order.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> (Vec<Action>, Vec<Effect>) {
        let palette = *Palette::of(ui);
        let mut actions = shortcuts::pressed(ui, state);
        let mut effects = Vec::new();
        ui.painter()
            .rect_filled(ui.max_rect(), 0, palette.background);

        // For a room there is nothing but the page.
        let alone = state.page == Page::Objectives && state.objectives.presenter.stands_alone();
        if alone {
            CentralPanel::no_frame().show(ui, |ui| {
                // Notices name what they are about; they wait.
                if !state.objectives.presenter.names_hidden {
                    actions.extend(notices::notices_ui(ui, state));
                }
                actions.extend(self.page(ui, state));
            });
            actions.extend(self.dialogs.ui(ui, state, &mut effects));
            return (actions, effects);
        }
        Panel::bottom("status bar")
            .exact_size(super::theme::size::STATUS_BAR)
            .resizable(false)
            .frame(Frame::new().fill(palette.panel))
            .show(ui, |ui| {
                actions.extend(status_bar::status_bar_ui(ui, state))
            });
        Panel::left("servers")
            .default_size(super::theme::size::SIDEBAR)
            .size_range(180.0..=420.0)
            .resizable(true)
            .frame(Frame::new().fill(palette.panel))
            .show(ui, |ui| actions.extend(self.sidebar.ui(ui, state)));
        Panel::top("header")
            .exact_size(super::theme::size::TOP_BAR)
            .resizable(false)
            .frame(Frame::new().fill(palette.panel))
            .show(ui, |ui| actions.extend(header::header_ui(ui, state)));
        if state.page == Page::Timeline
            && let Some(database) = &state.database
        {
            Panel::right("plan")
                .default_size(super::theme::size::PLAN_PANEL)
                .size_range(280.0..=520.0)
                .resizable(true)
                .frame(Frame::new().fill(palette.panel))
                .show(ui, |ui| {
                    actions.extend(match &database.managed {
                        Some(managed) => azure::panel_ui(ui, state, database, managed),
                        None => self.plan.ui(ui, state, database),
                    });
                });
        }
        CentralPanel::no_frame().show(ui, |ui| {
            actions.extend(notices::notices_ui(ui, state));
            actions.extend(self.page(ui, state));
        });
        actions.extend(self.dialogs.ui(ui, state, &mut effects));
        for action in &actions {
            if let Action::Run(Command::CopySql | Command::SaveSql) = action
                && let Some(plan) = state.plan.plan()
            {
                let text = state.script(plan).to_sql();
                effects.push(match action {
                    Action::Run(Command::CopySql) => Effect::Copy(text),
                    _ => Effect::Save {
                        file_name: format!(
                            "{}.sql",
                            crate::tsql::file_name(crate::tsql::target_database(plan))
                        ),
                        text,
                    },
                });
            }
        }
        (actions, effects)
    }

    fn page(&mut self, ui: &mut Ui, state: &State) -> Vec<Action> {
        if state.page == Page::Run
            && let Some(run) = &state.run
        {
            return self.run.ui(ui, state, run);
        }
        if state.page == Page::AzureRun
            && let Some(run) = &state.azure.run
        {
            return azure::run_ui(ui, state, run);
        }
        if state.page == Page::Review
            && let Some(review) = &state.review
        {
            return self.review.ui(ui, state, review);
        }
        if state.page == Page::Activity {
            return self.activity.ui(ui, state);
        }
        if state.page == Page::Protection
            && let Some(managed) = state.database.as_ref().and_then(|it| it.managed.as_ref())
        {
            return azure::protection_ui(ui, state, managed);
        }
        if state.page == Page::Protection && state.database_name().is_some() {
            return self.protection.ui(ui, state);
        }
        if state.page == Page::Fleet {
            return fleet::fleet_ui(ui, state);
        }
        if state.page == Page::Objectives {
            return objectives::objectives_ui(ui, state);
        }
        if state.page == Page::Applications {
            return self.applications.ui(ui, state);
        }
        match (&state.selection, &state.database) {
            (Selection::Nothing, _) => empty::welcome_ui(ui, state),
            (Selection::Server(server @ ServerId::Folder(_)), _) => {
                self.folder.ui(ui, state, *server)
            }
            (Selection::Server(server), _) => empty::server_ui(ui, state, *server),
            (Selection::Database { .. }, Some(database)) => self.database_ui(ui, state, database),
            (Selection::Database { .. }, None) => empty::database_ui(ui, state),
        }
    }

    fn database_ui(&mut self, ui: &mut Ui, state: &State, database: &DatabaseView) -> Vec<Action> {
        let palette = *Palette::of(ui);
        let area = ui.available_rect_before_wrap();
        let height = TimelineView::height(area.height());
        let (above, below) = area.split_top_bottom_at_y(area.top() + height);
        let mut actions = self.timeline.ui(ui, above, state, database);
        ui.painter()
            .hline(below.x_range(), below.top(), Stroke::new(1.0, palette.line));
        ui.scope_builder(egui::UiBuilder::new().max_rect(below), |ui| {
            actions.extend(self.table.ui(ui, state, database));
        });
        actions
    }
}
