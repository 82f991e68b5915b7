//! A folder of backup files: what was found, what is wrong with it, and how a server sees it.

use super::{
    empty::paragraph,
    theme::{Palette, card, mono, regular, semibold},
    widgets::{button, progress, section, small},
};
use crate::{
    explain::figures,
    settings::{BackupFolder, FolderPlace},
    state::{Action, Dialog, FilesAction, State},
    worker::{FileListing, FileProblem, ServerId, ServerStatus},
};
use egui::{Label, RichText, ScrollArea, TextEdit, Ui};
use std::path::PathBuf;

/// Memory of the page: what is typed for the server's paths.
#[derive(Debug, Default)]
pub struct FolderPage {
    edited: Option<BackupFolder>,
    another: String,
}

impl FolderPage {
    /// Shows the folder behind `source`.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, source: ServerId) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(folder) = state.folder(source) else {
            return actions;
        };
        if self
            .edited
            .as_ref()
            .is_none_or(|edited| edited.id != folder.id)
        {
            self.edited = Some(folder.clone());
        }
        egui::Frame::new().inner_margin(24).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            ScrollArea::vertical()
                .auto_shrink([false, false])
                .show(ui, |ui| {
                    ui.set_max_width(900.0);
                    reading_ui(ui, state, source, &mut actions);
                    if let Some(listing) = state.files.listings.get(&source) {
                        found_ui(ui, listing);
                    }
                    ui.add_space(8.0);
                    self.places_ui(ui, folder, &mut actions);
                    if let Some(listing) = state.files.listings.get(&source) {
                        compare_ui(ui, state, source, &mut actions);
                        problems_ui(ui, listing, &mut actions);
                    }
                });
        });
        actions
    }

    /// Each folder, and what the server calls it.
    fn places_ui(&mut self, ui: &mut Ui, saved: &BackupFolder, actions: &mut Vec<Action>) {
        let palette = *Palette::of(ui);
        let Some(edited) = &mut self.edited else {
            return;
        };
        card(&palette).show(ui, |ui| {
            ui.set_width(ui.available_width());
            section(ui, "As the server will see it");
            paragraph(
                ui,
                "The T-SQL of a plan names files as the server sees them. Where that is another path than here, write it down.",
            );
            let several = edited.places.len() > 1;
            let mut removed = None;
            egui::Grid::new("places").num_columns(4).spacing([12.0, 8.0]).show(ui, |ui| {
                for (idx, FolderPlace { here, on_server }) in edited.places.iter_mut().enumerate() {
                    let shown = here.display().to_string();
                    ui.scope(|ui| {
                        ui.set_width(300.0);
                        ui.add(Label::new(RichText::new(&shown).font(mono(11.5))).truncate())
                            .on_hover_text(&shown);
                    });
                    small(ui, "is on the server");
                    ui.add(
                        TextEdit::singleline(on_server)
                            .hint_text("the same path")
                            .font(mono(11.5))
                            .desired_width(320.0),
                    )
                    .accessible_name("Path on the server");
                    if several && ui.small_button("Remove").clicked() {
                        removed = Some(idx);
                    }
                    ui.end_row();
                }
            });
            if let Some(idx) = removed {
                edited.places.remove(idx);
            }
            ui.horizontal(|ui| {
                ui.add(
                    TextEdit::singleline(&mut self.another)
                        .hint_text("Another folder, as this PC sees it")
                        .font(mono(11.5))
                        .desired_width(300.0),
                )
                .accessible_name("Another folder");
                let path = PathBuf::from(self.another.trim());
                let known = edited.places.iter().any(|place| place.here == path);
                let new = !known && !path.as_os_str().is_empty();
                if new && button(ui, "Add").clicked() {
                    self.another.clear();
                    edited.places.push(FolderPlace {
                        here: path,
                        on_server: String::new(),
                    });
                }
            });
            if edited != saved && button(ui, "Save and read again").clicked() {
                actions.push(Action::Files(FilesAction::Save(edited.clone())));
            }
        });
    }
}

fn reading_ui(ui: &mut Ui, state: &State, source: ServerId, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let status = state.servers.get(&source).map(|view| &view.status);
    match status {
        Some(ServerStatus::Connecting { what, .. }) => {
            ui.horizontal(|ui| {
                let now = state
                    .files
                    .progress
                    .get(&source)
                    .copied()
                    .unwrap_or_default();
                let fraction =
                    (!now.searching && now.found > 0).then(|| now.read as f32 / now.found as f32);
                progress(ui, 220.0, 6.0, fraction, palette.log);
                let words = if now.found == 0 {
                    format!("{what}…")
                } else {
                    let more = if now.searching {
                        ", looking for more"
                    } else {
                        ""
                    };
                    format!(
                        "{} of {} read{more}",
                        figures::count(now.read as u64),
                        figures::counted(now.found as u64, "file", "files")
                    )
                };
                // In front of words that grow, so that it stays where it is.
                if button(ui, "Stop").clicked() {
                    actions.push(Action::Files(FilesAction::Stop(source)));
                }
                small(ui, words);
            });
        }
        _ => {
            if button(ui, "Read again").clicked() {
                actions.push(Action::Connect {
                    server: source,
                    password: None,
                });
            }
        }
    }
}

fn found_ui(ui: &mut Ui, listing: &FileListing) {
    let palette = *Palette::of(ui);
    let FileListing {
        place: _,
        n_files,
        n_sets,
        problems,
        unmapped,
        cancelled,
        n_practice,
        n_guessed,
        on_server: _,
        records: _,
    } = listing;
    ui.add(Label::new(
        RichText::new(format!(
            "{} in {}",
            figures::counted(*n_sets as u64, "backup", "backups"),
            figures::counted(*n_files as u64, "file", "files")
        ))
        .font(semibold(14.0)),
    ));
    let mut notes = Vec::new();
    if *cancelled {
        notes.push("Stopped before everything was read.".to_owned());
    }
    if *n_practice > 0 {
        notes.push(format!(
            "{} written by the practice server: only it restores them.",
            figures::counted(*n_practice as u64, "file was", "files were")
        ));
    }
    if *n_guessed > 0 {
        notes.push(format!(
            "Of {}, recovery fork or model is a guess; plans that use one say so.",
            figures::counted(*n_guessed as u64, "backup", "backups")
        ));
    }
    if *n_sets > 0 {
        notes.push(
            "Files do not tell whether a backup is copy-only, bulk-logged or encrypted: that is unknown here."
                .to_owned(),
        );
    }
    if *unmapped > 0 {
        notes.push("Plans name the files as this PC sees them.".to_owned());
    }
    if !problems.is_empty() {
        let words = format!(
            "{} could not be read, or not to the end.",
            figures::counted(problems.len() as u64, "path", "paths")
        );
        ui.add(Label::new(
            RichText::new(words)
                .font(regular(13.0))
                .color(palette.at_risk),
        ));
    }
    for note in notes {
        paragraph(ui, &note);
    }
}

/// The choice of a server whose history is put beside these files.
fn compare_ui(ui: &mut Ui, state: &State, source: ServerId, actions: &mut Vec<Action>) {
    let servers: Vec<ServerId> = state
        .servers
        .iter()
        .filter(|(_, view)| view.info().is_some() && view.history.is_some())
        .map(|(server, _)| *server)
        .collect();
    if servers.is_empty() {
        return;
    }
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        small(ui, "Side by side with the history of");
        for server in servers {
            let words = state.server_name(server).to_owned();
            if button(ui, &words).clicked() {
                actions.push(Action::Files(FilesAction::Compare {
                    server,
                    folder: source,
                }));
            }
        }
    });
}

fn problems_ui(ui: &mut Ui, listing: &FileListing, actions: &mut Vec<Action>) {
    if listing.problems.is_empty() {
        return;
    }
    let palette = *Palette::of(ui);
    ui.add_space(10.0);
    section(ui, "Not read");
    for FileProblem {
        path,
        problem,
        partly,
    } in &listing.problems
    {
        card(&palette).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(Label::new(RichText::new(path).font(mono(11.5))).truncate())
                .on_hover_text(path);
            let mut words = problem.sentence.clone();
            if *partly {
                words.push_str(" · the sets before that were read");
            }
            ui.horizontal(|ui| {
                ui.add(Label::new(
                    RichText::new(words)
                        .font(semibold(13.0))
                        .color(palette.at_risk),
                ));
                if !problem.details.is_empty() && ui.small_button("Details…").clicked() {
                    actions.push(Action::ShowDialog(Dialog::Problem(problem.clone())));
                }
            });
            small(ui, problem.hint.clone());
        });
    }
}
