//! Servers and their databases on the left.

use super::{
    objectives, shortcuts,
    theme::{Palette, regular, semibold, size},
    widgets::{Dot, button, paint_clipped, paint_dot, section},
};
use crate::{
    domain::UtcTime,
    explain::{self, figures},
    settings::SignIn,
    state::{
        Action, ApplicationAction, BackupAction, Command, Dialog, FilesAction, FleetAction,
        ProfileAction, Selection, ServerView, State,
    },
    worker::{DatabaseState, DatabaseSummary, Platform, ServerId, ServerStatus},
};
use egui::{
    Align2, CornerRadius, Frame, Label, Margin, Rect, Response, RichText, Role, ScrollArea, Sense,
    Stroke, ThemePreference, Ui, WidgetInfo, pos2, vec2,
};

/// Memory of the sidebar: the filter of long lists.
#[derive(Debug, Default)]
pub struct Sidebar {
    filter: String,
}

/// From this many databases on a filter is worth its place.
const MANY_DATABASES: usize = 15;

impl Sidebar {
    /// Shows the servers and what is on them.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        brand_ui(ui, state, &mut actions);
        let n_databases: usize = state.servers.values().map(|s| s.databases.len()).sum();
        Frame::new()
            .inner_margin(Margin::symmetric(10, 0))
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing = vec2(8.0, 1.0);
                ui.horizontal(|ui| {
                    ui.add_space(8.0);
                    section(ui, "Servers");
                    if state.workspaces.len() > 1 {
                        // Whose servers these are must not be a guess.
                        let name = RichText::new(&state.workspace).size(11.5);
                        ui.add(Label::new(name.color(Palette::of(ui).text)).truncate())
                            .on_hover_text("The open workspace; the menu above opens another");
                    }
                });
                ui.add_space(6.0);
                if n_databases >= MANY_DATABASES {
                    let field = egui::TextEdit::singleline(&mut self.filter)
                        .hint_text("Filter databases")
                        .desired_width(f32::INFINITY);
                    ui.add(field).accessible_name("Filter databases");
                    ui.add_space(6.0);
                } else {
                    self.filter.clear();
                }
                ScrollArea::vertical()
                    .auto_shrink([false, false])
                    .show(ui, |ui| {
                        for (server, view) in state.servers_in_order() {
                            self.server_ui(ui, state, server, view, &mut actions);
                        }
                        ui.add_space(12.0);
                        // In the next line where they find no room: they must not widen the panel.
                        let indented = Frame::new().inner_margin(Margin {
                            left: 8,
                            ..Margin::ZERO
                        });
                        indented.show(ui, |ui| {
                            ui.horizontal_wrapped(|ui| {
                                ui.spacing_mut().item_spacing = egui::vec2(8.0, 6.0);
                                if state.profiles.len() > 1
                                    && button(ui, "All databases")
                                        .on_hover_text("The databases of all servers, sorted by what would be lost")
                                        .clicked()
                                {
                                    actions.push(Action::Fleet(FleetAction::Show));
                                }
                                if button(ui, "+ Server")
                                    .on_hover_text(shortcuts::tooltip(Command::AddServer))
                                    .clicked()
                                {
                                    actions.push(Action::Profile(ProfileAction::Add));
                                }
                                if button(ui, "Open folder…")
                                    .on_hover_text("Show the backups in a folder, without a server")
                                    .clicked()
                                {
                                    actions.push(Action::Files(FilesAction::AskOpen));
                                }
                            });
                        });
                        ui.add_space(12.0);
                    });
            });
        actions
    }

    fn server_ui(
        &self,
        ui: &mut Ui,
        state: &State,
        server: ServerId,
        view: &ServerView,
        actions: &mut Vec<Action>,
    ) {
        let name = state.server_name(server);
        let dot = match &view.status {
            ServerStatus::Disconnected => Dot::Unknown,
            ServerStatus::Connecting { .. } => Dot::Busy,
            ServerStatus::Connected(_) if view.unanswered => Dot::Missed,
            ServerStatus::Connected(_) => Dot::Good,
            ServerStatus::FilesRead => Dot::Unknown,
            ServerStatus::Failed(_) => Dot::Missed,
        };
        let right = match server {
            ServerId::Practice => "embedded".to_owned(),
            ServerId::Folder(_) => "folder".to_owned(),
            ServerId::Profile(_) => state.profile(server).map_or_else(String::new, sign_in_word),
        };
        let chosen = state.selected_server() == Some(server);
        let row = Row {
            indent: 0.0,
            dot,
            name,
            right: &right,
            bold: chosen || view.info().is_some(),
            selected: state.selection == Selection::Server(server),
        };
        let hover = match &view.status {
            ServerStatus::Disconnected => "Not connected".to_owned(),
            ServerStatus::Connecting { what, .. } => what.clone(),
            ServerStatus::Connected(_) if view.unanswered => {
                "It could not be read again; what is shown is what it said before".to_owned()
            }
            ServerStatus::Connected(info) => format!(
                "{}\n{} · {}\nsigned in as {}",
                info.name, info.version_text, info.edition, info.login
            ),
            ServerStatus::FilesRead => folder_hover(state, server),
            ServerStatus::Failed(problem) => problem.sentence.clone(),
        };
        let response = row.show(ui).on_hover_text(hover);
        if response.clicked() {
            actions.push(Action::SelectServer(server));
        }
        response.context_menu(|ui| server_menu(ui, server, view, actions));

        let filter = self.filter.trim().to_lowercase();
        let (own, system): (Vec<_>, Vec<_>) = view
            .databases
            .iter()
            .partition(|summary| !summary.is_system);
        for summary in own.into_iter().chain(system) {
            if !filter.is_empty() && !summary.name.to_lowercase().contains(&filter) {
                continue;
            }
            let now = state.server_now(server);
            let (mut dot, right, mut hover) = standing(server, view, summary, now);
            let promised = state
                .objectives
                .statuses
                .get(&(server, summary.name.clone()));
            if let Some(status) = promised {
                dot = objectives::status_dot(*status);
                hover.push_str(&format!("\nObjective {}", explain::status(*status)));
            }
            let selection = Selection::Database {
                server,
                database: summary.name.clone(),
            };
            let row = Row {
                indent: 18.0,
                dot,
                name: &summary.name,
                right: &right,
                bold: false,
                selected: state.selection == selection,
            };
            let response = row.show(ui).on_hover_text(hover);
            response.context_menu(|ui| database_menu(ui, server, view, &summary.name, actions));
            if response.clicked() {
                actions.push(Action::SelectDatabase {
                    server,
                    database: summary.name.clone(),
                });
            }
        }
    }
}

/// The dot of a database, the word at its right, and the sentence behind them.
fn standing(
    server: ServerId,
    view: &ServerView,
    summary: &DatabaseSummary,
    now: UtcTime,
) -> (Dot, String, String) {
    let state_word = match &summary.state {
        DatabaseState::Online => None,
        DatabaseState::Other(word) => Some(word.to_lowercase()),
        // In a folder there is nothing else.
        DatabaseState::HistoryOnly if matches!(server, ServerId::Folder(_)) => None,
        DatabaseState::HistoryOnly if view.is_only_in_files(&summary.name) => {
            Some("only in files".to_owned())
        }
        DatabaseState::HistoryOnly => Some("history only".to_owned()),
    };
    let freshness = view.freshness.get(&summary.name);
    let newest = match freshness {
        Some(known) => known.newest,
        // Until that is worked out, the newest backup stands for it.
        None => summary.newest_backup,
    };
    let simple = summary
        .recovery_model
        .as_deref()
        .is_some_and(|model| model.eq_ignore_ascii_case("SIMPLE"));
    // Nobody promised anything of a folder: its files are as old as they are.
    let judged = !matches!(server, ServerId::Folder(_)) && state_word.is_none();
    let Some(newest) = newest else {
        let (dot, word, why) = match (summary.newest_backup, &view.history) {
            // Of the chain that Azure keeps its rows tell nothing, whether there are some or none.
            (_, Some(_)) if is_backed_up_by_azure(view) => (
                Dot::Unknown,
                "",
                "Azure backs it up; choose it to see what can be restored",
            ),
            (Some(_), _) => (
                if judged { Dot::Missed } else { Dot::Unknown },
                "no way back",
                "Backups of it are known, but none that a restore could begin with",
            ),
            (None, Some(_)) => (Dot::Unknown, "no backup", "No backup of it is known"),
            (None, None) => (Dot::Unknown, "", "Its backups are not read yet"),
        };
        let hover = format!("{}\n{why}", summary.name);
        return (dot, state_word.unwrap_or_else(|| word.to_owned()), hover);
    };
    let age = (now.seconds() - newest.seconds()).max(0.0);
    let interval = freshness.and_then(|known| known.usual_interval);
    let dot = match interval {
        _ if simple || !judged => Dot::Unknown,
        None => Dot::Unknown,
        Some(interval) if age <= interval * 2.0 + 60.0 => Dot::Good,
        Some(interval) if age <= interval * 6.0 => Dot::AtRisk,
        Some(_) => Dot::Missed,
    };
    let mut hover = format!(
        "{}\nNewest restorable moment: {} ago",
        summary.name,
        figures::duration(age)
    );
    if let Some(interval) = interval {
        hover.push_str(&format!(
            "\nBackups usually come every {}",
            figures::duration(interval)
        ));
    }
    if simple {
        hover.push_str("\nSimple recovery: only the moments of its backups");
    }
    let right = match state_word {
        Some(word) => word,
        None if simple => "simple".to_owned(),
        None => figures::age(age),
    };
    (dot, right, hover)
}

fn is_backed_up_by_azure(view: &ServerView) -> bool {
    let platform = view.info().map(|info| info.platform);
    matches!(
        platform,
        Some(Platform::AzureSqlDatabase | Platform::ManagedInstance)
    )
}

fn sign_in_word(profile: &crate::settings::Profile) -> String {
    if profile.azure.is_some() {
        return "Azure SQL".to_owned();
    }
    match profile.sign_in {
        SignIn::Entra => "Entra".to_owned(),
        SignIn::SqlLogin { .. } => "SQL login".to_owned(),
        SignIn::WindowsIntegrated | SignIn::WindowsNamed { .. } => "Windows".to_owned(),
    }
}

fn database_menu(
    ui: &mut Ui,
    server: ServerId,
    view: &ServerView,
    database: &str,
    actions: &mut Vec<Action>,
) {
    let platform = view.info().map(|info| info.platform);
    if let Some(limits) = platform.and_then(explain::platform_limits) {
        ui.set_max_width(280.0);
        ui.add(Label::new(limits).wrap());
        return;
    }
    let connected = platform.is_some();
    let there = view
        .summary(database)
        .is_some_and(|summary| summary.state != DatabaseState::HistoryOnly);
    let open = |databases: Vec<String>| {
        Action::Backup(BackupAction::Open {
            server,
            databases,
            kind: None,
        })
    };
    ui.add_enabled_ui(connected && there, |ui| {
        if ui.button("Back up…").clicked() {
            actions.push(open(vec![database.to_owned()]));
            ui.close();
        }
    });
    ui.add_enabled_ui(connected, |ui| {
        if ui.button("Back up all user databases…").clicked() {
            let all = view
                .databases
                .iter()
                .filter(|d| !d.is_system && d.state == DatabaseState::Online)
                .map(|d| d.name.clone());
            actions.push(open(all.collect()));
            ui.close();
        }
    });
}

/// Where a folder lies, and what was found in it.
fn folder_hover(state: &State, server: ServerId) -> String {
    let Some(listing) = state.files.listings.get(&server) else {
        return "A folder of backup files".to_owned();
    };
    let mut words = format!(
        "{}\n{} in {}",
        listing.place,
        figures::counted(listing.n_sets as u64, "backup", "backups"),
        figures::counted(listing.n_files as u64, "file", "files")
    );
    if !listing.problems.is_empty() {
        let n_problems = listing.problems.len() as u64;
        words.push_str(&format!(
            "\n{} not read",
            figures::counted(n_problems, "path was", "paths were")
        ));
    }
    words
}

fn server_menu(ui: &mut Ui, server: ServerId, view: &ServerView, actions: &mut Vec<Action>) {
    let mut item = |ui: &mut Ui, text: &str, action: Action| {
        if ui.button(text).clicked() {
            actions.push(action);
            ui.close();
        }
    };
    if let ServerId::Folder(id) = server {
        let again = Action::Connect {
            server,
            password: None,
        };
        item(ui, "Read again", again);
        ui.separator();
        item(ui, "Forget…", Action::Files(FilesAction::AskForget(id)));
        return;
    }
    // Where a service keeps the backups there is no folder that anybody sees.
    if view
        .info()
        .is_some_and(|info| info.platform == Platform::SqlServer)
    {
        item(
            ui,
            "Add a folder as the server sees it…",
            Action::Files(FilesAction::AskOnServer(server)),
        );
        if view.files.is_some() {
            item(
                ui,
                "Show the history alone",
                Action::Files(FilesAction::EndCompare(server)),
            );
        }
        ui.separator();
    }
    if view.info().is_some() {
        item(ui, "Refresh", Action::Refresh(server));
        item(ui, "Disconnect", Action::Disconnect(server));
    } else {
        item(
            ui,
            "Connect",
            Action::Connect {
                server,
                password: None,
            },
        );
    }
    if let ServerId::Profile(id) = server {
        ui.separator();
        item(ui, "Edit…", Action::Profile(ProfileAction::Edit(id)));
        item(
            ui,
            "Duplicate…",
            Action::Profile(ProfileAction::Duplicate(id)),
        );
        item(ui, "Remove…", Action::Profile(ProfileAction::AskRemove(id)));
    }
}

/// One line of the tree.
struct Row<'a> {
    indent: f32,
    dot: Dot,
    name: &'a str,
    right: &'a str,
    bold: bool,
    selected: bool,
}

impl Row<'_> {
    fn show(&self, ui: &mut Ui) -> Response {
        let palette = *Palette::of(ui);
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), size::ROW), Sense::click());
        response.widget_info(|| {
            WidgetInfo::selected(
                Role::TreeItem,
                true,
                self.selected,
                format!("{}, {}, {}", self.name, self.dot.word(), self.right),
            )
        });
        if !ui.is_rect_visible(rect) {
            return response;
        }
        let ground = if self.selected {
            Some(palette.selected)
        } else if response.hovered() || response.has_focus() {
            Some(super::theme::mix(palette.panel, palette.selected, 0.6))
        } else {
            None
        };
        if let Some(ground) = ground {
            ui.painter()
                .rect_filled(rect, CornerRadius::same(6), ground);
        }
        let left = rect.left() + 12.0 + self.indent;
        paint_dot(ui, pos2(left, rect.center().y), self.dot);
        let small = regular(11.5);
        let right_width = ui
            .painter()
            .layout_no_wrap(self.right.to_owned(), small.clone(), palette.muted)
            .size()
            .x
            .min(rect.width() * 0.45);
        let inner = Rect::from_min_max(
            pos2(left + 12.0, rect.top()),
            pos2(rect.right() - 8.0, rect.bottom()),
        );
        let mut text = inner;
        text.set_right(inner.right() - right_width - 8.0);
        let font = if self.bold {
            semibold(13.0)
        } else {
            regular(13.0)
        };
        paint_clipped(ui, text, Align2::LEFT_CENTER, self.name, font, palette.text);
        let mut end = inner;
        end.set_left(inner.right() - right_width - 1.0);
        paint_clipped(
            ui,
            end,
            Align2::RIGHT_CENTER,
            self.right,
            small,
            palette.muted,
        );
        response
    }
}

/// The name of the program, and the menu.
fn brand_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), size::TOP_BAR), Sense::hover());
    paint_logo(ui, pos2(rect.left() + 18.0, rect.center().y + 7.0), 1.0);
    ui.painter().text(
        pos2(rect.left() + 46.0, rect.center().y),
        Align2::LEFT_CENTER,
        "stopat",
        semibold(16.0),
        palette.text,
    );
    let corner =
        Rect::from_center_size(pos2(rect.right() - 26.0, rect.center().y), vec2(32.0, 28.0));
    let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(corner));
    let menu = inside.menu_button("…", |ui| menu_ui(ui, state, actions));
    menu.response
        .accessible_name("Menu")
        .on_hover_text("Look, workspace, help");
}

fn menu_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    ui.set_min_width(190.0);
    section(ui, "Look");
    let current = ui.ctx().options(|options| options.theme_preference);
    for (text, preference) in [
        ("As the system", ThemePreference::System),
        ("Dark", ThemePreference::Dark),
        ("Light", ThemePreference::Light),
    ] {
        if ui.radio(current == preference, text).clicked() {
            ui.ctx().set_theme(preference);
            ui.close();
        }
    }
    ui.separator();
    section(ui, "Workspace");
    for name in &state.workspaces {
        if ui.radio(*name == state.workspace, name).clicked() {
            actions.push(Action::OpenWorkspace(name.clone()));
            ui.close();
        }
    }
    if ui.button("New workspace…").clicked() {
        actions.push(Action::ShowDialog(Dialog::NewWorkspace));
        ui.close();
    }
    ui.separator();
    if ui.button("Applications…").clicked() {
        actions.push(Action::Application(ApplicationAction::Show));
        ui.close();
    }
    if ui.button(Command::Help.text()).clicked() {
        actions.push(Action::Run(Command::Help));
        ui.close();
    }
}

/// The sign of the program: three backups and the chosen moment. `foot` is its lower left corner.
pub fn paint_logo(ui: &Ui, foot: egui::Pos2, scale: f32) {
    let palette = Palette::of(ui);
    let bars = [
        (0.0, 6.0, palette.full),
        (4.5, 9.0, palette.differential),
        (9.0, 6.0, palette.log),
    ];
    for (x, height, color) in bars {
        let min = foot + vec2(x, -height) * scale;
        ui.painter().rect_filled(
            Rect::from_min_size(min, vec2(3.0, height) * scale),
            CornerRadius::same(1),
            color,
        );
    }
    ui.painter().vline(
        foot.x + 15.5 * scale,
        (foot.y - 16.0 * scale)..=foot.y,
        Stroke::new(2.0 * scale, palette.moment),
    );
}
