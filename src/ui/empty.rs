//! Pages that have nothing to show yet, and teach what to do.

use super::{
    sidebar::paint_logo,
    theme::{Palette, card, regular, semibold},
    widgets::{button, danger_button, muted, primary_button, progress, small, strong},
};
use crate::{
    domain::FileMark,
    explain::{Problem, figures, mark_word},
    state::{Action, Dialog, FilesAction, FilesBeside, Page, ProfileAction, State},
    worker::{DatabaseState, ServerId, ServerStatus},
};
use egui::{Align, Label, Layout, RichText, Sense, Ui, vec2};

/// A column of text in the middle of the page.
fn column<R>(ui: &mut Ui, width: f32, height: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let area = ui.available_rect_before_wrap();
    let width = width.min(area.width() - 32.0).max(120.0);
    let rect = egui::Rect::from_center_size(
        area.center() - vec2(0.0, (area.height() * 0.06).min(40.0)),
        vec2(width, height.min(area.height())),
    );
    ui.scope_builder(
        egui::UiBuilder::new()
            .max_rect(rect)
            .layout(Layout::top_down(Align::Min)),
        add,
    )
    .inner
}

/// Nothing is chosen: what the program does, and the two ways in.
pub fn welcome_ui(ui: &mut Ui, state: &State) -> Vec<Action> {
    let mut actions = Vec::new();
    let palette = *Palette::of(ui);
    column(ui, 520.0, 380.0, |ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(64.0, 56.0), Sense::hover());
        paint_logo(ui, rect.left_bottom() - vec2(0.0, 8.0), 2.6);
        ui.add_space(10.0);
        strong(ui, "Pick the moment. Get the database back.", 21.0);
        ui.add_space(6.0);
        paragraph(
            ui,
            "stopat shows every backup of a SQL Server database on a timeline. \
             Drag the marker to a moment, see what it takes to get there, \
             and restore a copy as it was at that second.",
        );
        ui.add_space(18.0);
        card(&palette).show(ui, |ui| {
            ui.set_width(ui.available_width());
            strong(ui, "New here?", 14.0);
            paragraph(
                ui,
                "The practice server is built in: two weeks of backups, an accident, \
                 and nothing that can break.",
            );
            ui.add_space(8.0);
            if primary_button(ui, "Start with the practice server", 0.0, true).clicked() {
                actions.push(Action::SelectServer(ServerId::Practice));
            }
        });
        ui.add_space(10.0);
        card(&palette).show(ui, |ui| {
            ui.set_width(ui.available_width());
            let (title, text) = if state.profiles.is_empty() {
                (
                    "A server of your own",
                    "Save how to reach it. stopat only looks until you allow more.",
                )
            } else {
                ("Your servers", "Choose one on the left, or add another.")
            };
            strong(ui, title, 14.0);
            paragraph(ui, text);
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                if button(ui, "Add a server").clicked() {
                    actions.push(Action::Profile(ProfileAction::Add));
                }
                if button(ui, "Open a folder of backup files…").clicked() {
                    actions.push(Action::Files(FilesAction::AskOpen));
                }
            });
        });
    });
    actions
}

/// A server without a chosen database.
pub fn server_ui(ui: &mut Ui, state: &State, server: ServerId) -> Vec<Action> {
    let mut actions = Vec::new();
    let Some(view) = state.servers.get(&server) else {
        return actions;
    };
    match &view.status {
        ServerStatus::Disconnected => {
            column(ui, 460.0, 200.0, |ui| {
                strong(
                    ui,
                    format!("{} is not connected", state.server_name(server)),
                    18.0,
                );
                ui.add_space(10.0);
                if primary_button(ui, "Connect", 0.0, true).clicked() {
                    actions.push(Action::Connect {
                        server,
                        password: None,
                    });
                }
            });
        }
        ServerStatus::Connecting { what, done } => {
            column(ui, 460.0, 160.0, |ui| {
                strong(ui, format!("{what}…"), 18.0);
                // A world that is found again is there at once.
                if done.is_some() {
                    paragraph(
                        ui,
                        "Two weeks of work and backups are made up now; that takes a few seconds.",
                    );
                }
                ui.add_space(8.0);
                progress(ui, ui.available_width(), 6.0, *done, Palette::of(ui).log);
            });
        }
        ServerStatus::Failed(problem) => {
            actions.extend(failed_ui(ui, state, server, problem));
        }
        ServerStatus::FilesRead => {}
        ServerStatus::Connected(info) => {
            column(ui, 520.0, 300.0, |ui| {
                strong(ui, "Choose a database on the left", 18.0);
                let there = view.databases.iter();
                let n = there
                    .filter(|known| known.state != DatabaseState::HistoryOnly)
                    .count() as u64;
                paragraph(
                    ui,
                    &format!(
                        "{} is {}, {}. {} on it.",
                        info.name,
                        info.version_text,
                        info.edition,
                        figures::counted(n, "database is", "databases are")
                    ),
                );
                // A service keeps its backups in no folder that anybody sees.
                if info.platform == crate::worker::Platform::SqlServer {
                    actions.extend(files_ui(ui, state, server));
                }
                if let Some(suggestion) = state
                    .suggestion
                    .as_ref()
                    .filter(|suggestion| suggestion.server == server)
                {
                    ui.add_space(12.0);
                    paragraph(
                        ui,
                        &format!(
                            "Somebody made a mistake in {}. The second before it, everything was still there.",
                            suggestion.database
                        ),
                    );
                    if button(ui, "Go to the second before").clicked() {
                        actions.push(Action::TakeSuggestion);
                    }
                }
            });
        }
    }
    actions
}

/// The files beside the history of a server, and the way to some.
fn files_ui(ui: &mut Ui, state: &State, server: ServerId) -> Vec<Action> {
    let mut actions = Vec::new();
    let files = state
        .servers
        .get(&server)
        .and_then(|view| view.files.as_ref());
    if let Some(progress) = state.files.progress.get(&server) {
        ui.horizontal(|ui| {
            let words = format!(
                "Reading backup files: {} of {}",
                figures::count(progress.read as u64),
                figures::count(progress.found as u64)
            );
            if button(ui, "Stop").clicked() {
                actions.push(Action::Files(FilesAction::Stop(server)));
            }
            muted(ui, words);
        });
        return actions;
    }
    ui.add_space(10.0);
    let Some(files) = files else {
        if button(ui, "Add a folder as the server sees it…").clicked() {
            actions.push(Action::Files(FilesAction::AskOnServer(server)));
        }
        return actions;
    };
    let place = &files.listing.place;
    if files.is_joined() {
        paragraph(ui, &format!("Side by side with the files of {place}."));
        small(ui, found_words(files));
    } else {
        muted(
            ui,
            format!("Putting the files of {place} beside the history…"),
        );
    }
    ui.horizontal(|ui| {
        if button(ui, "Show the history alone").clicked() {
            actions.push(Action::Files(FilesAction::EndCompare(server)));
        }
        if files.folder.is_none() && button(ui, "Add another folder…").clicked() {
            actions.push(Action::Files(FilesAction::AskOnServer(server)));
        }
    });
    actions
}

/// What was found in files beside a history, and how the two differ.
fn found_words(files: &FilesBeside) -> String {
    let listing = &files.listing;
    let mut words = format!(
        "{} in {}",
        figures::counted(listing.n_sets as u64, "backup", "backups"),
        figures::counted(listing.n_files as u64, "file", "files")
    );
    for mark in [FileMark::Missing, FileMark::Changed, FileMark::Unknown] {
        let count = files.total(mark) as u64;
        if count > 0 {
            words += &format!(" · {} {}", mark_word(mark), figures::count(count));
        }
    }
    words
}

/// A database of which no history is known.
pub fn database_ui(ui: &mut Ui, state: &State) -> Vec<Action> {
    let mut actions = Vec::new();
    let (Some(server), Some(name)) = (state.selected_server(), state.database_name()) else {
        return actions;
    };
    let Some(view) = state.servers.get(&server) else {
        return actions;
    };
    match &view.status {
        ServerStatus::Failed(problem) => return failed_ui(ui, state, server, problem),
        ServerStatus::Connected(_) | ServerStatus::FilesRead => {}
        ServerStatus::Disconnected | ServerStatus::Connecting { .. } => {
            return server_ui(ui, state, server);
        }
    }
    column(ui, 480.0, 220.0, |ui| {
        if view.history.is_none() {
            strong(ui, "Reading the backup history…", 18.0);
            return;
        }
        if let Some(run) = state
            .run
            .as_ref()
            .filter(|run| run.target_database == name && run.server == server && !run.dropped)
        {
            strong(ui, format!("{name} is the copy"), 18.0);
            paragraph(
                ui,
                &format!(
                    "It was restored from the backups of {} and has none of its own.",
                    run.database
                ),
            );
            ui.add_space(10.0);
            ui.horizontal(|ui| {
                if button(ui, "Show what was restored").clicked() {
                    actions.push(Action::ShowPage(Page::Run));
                }
                let droppable = run
                    .report
                    .as_ref()
                    .is_some_and(|report| report.copy.is_some());
                if droppable && danger_button(ui, "Drop the copy…").clicked() {
                    actions.push(Action::AskDropCopy);
                }
            });
            return;
        }
        strong(ui, format!("No backup of {name} is known"), 18.0);
        let text = match view.summary(name).map(|summary| &summary.state) {
            Some(DatabaseState::Online) | None => {
                "msdb on this server has no backup of it that could be restored. \
                 A full backup is where every way back begins."
            }
            Some(DatabaseState::Other(_)) => {
                "The database is not online, and msdb has no backup of it."
            }
            Some(DatabaseState::HistoryOnly) => "Its backups were removed from the history.",
        };
        paragraph(ui, text);
    });
    actions
}

/// A server that cannot be used, and what to do.
fn failed_ui(ui: &mut Ui, state: &State, server: ServerId, problem: &Problem) -> Vec<Action> {
    let mut actions = Vec::new();
    column(ui, 520.0, 320.0, |ui| {
        strong(
            ui,
            format!("{} cannot be used", state.server_name(server)),
            18.0,
        );
        ui.add_space(4.0);
        problem_words(ui, problem, Palette::of(ui).danger);
        ui.add_space(10.0);
        ui.horizontal(|ui| {
            if primary_button(ui, "Try again", 0.0, true).clicked() {
                actions.push(Action::Connect {
                    server,
                    password: None,
                });
            }
            if let ServerId::Profile(id) = server
                && button(ui, "Edit the server…").clicked()
            {
                actions.push(Action::Profile(ProfileAction::Edit(id)));
            }
            if !problem.details.is_empty() && button(ui, "Details…").clicked() {
                actions.push(Action::ShowDialog(Dialog::Problem(problem.clone())));
            }
        });
    });
    actions
}

/// A problem's sentence and hint. What else is known of it is for the caller to show.
pub fn problem_words(ui: &mut Ui, problem: &Problem, color: egui::Color32) {
    ui.add(
        Label::new(
            RichText::new(&problem.sentence)
                .font(semibold(13.0))
                .color(color),
        )
        .wrap(),
    );
    if !problem.hint.is_empty() {
        paragraph(ui, &problem.hint);
    }
}

/// Wrapped muted text.
pub fn paragraph(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui);
    if text.is_empty() {
        muted(ui, "");
        return;
    }
    ui.add(
        Label::new(
            RichText::new(text)
                .font(regular(13.0))
                .color(palette.muted)
                .line_height(Some(19.0)),
        )
        .wrap(),
    );
}
