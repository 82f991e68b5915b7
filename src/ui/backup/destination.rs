//! Where a backup goes: typed or browsed, and what the server says to it.

use super::{FORM, wrapped};
use crate::{
    domain::{BackupTarget, ServerPath, ServerTime},
    explain::{self, figures},
    state::{Action, Asked, BackupAction, BackupForm, State},
    ui::{
        form::{group, text},
        theme::{Palette, mono},
        widgets::{Dot, button, link, paint_dot, small},
    },
};
use egui::{Label, RichText, Sense, Ui, vec2};

/// Folder, standing, account and probe; or the file that is appended to.
pub(super) fn destination_ui(
    ui: &mut Ui,
    state: &State,
    form: &BackupForm,
    actions: &mut Vec<Action>,
) {
    group(ui, "Destination, as the server sees it", |ui| {
        if let BackupTarget::Append(file) = &form.request.target {
            append_ui(ui, file, actions);
            return;
        }
        folder_ui(ui, form, actions);
        below(ui, |ui| {
            standing_ui(ui, form);
            let place = ServerPath::new(&form.folder);
            if !place.is_empty() {
                let account = form
                    .facts
                    .told()
                    .and_then(|facts| facts.server.service_account.as_deref());
                let muted = Palette::of(ui).muted;
                wrapped(ui, &explain::who_writes(&place, account), muted);
                let probed = state.probed(form.server, &place);
                probe_ui(ui, form, account, probed, actions);
            }
        });
        file_ui(ui, form);
    });
}

/// Indents what belongs to the field above.
fn below(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.add_space(FORM.labels + ui.spacing().item_spacing.x);
        ui.vertical(|ui| {
            ui.set_max_width(FORM.field);
            add(ui);
        });
    });
}

fn append_ui(ui: &mut Ui, file: &ServerPath, actions: &mut Vec<Action>) {
    FORM.row(ui, "Behind", None, |ui| {
        ui.add(Label::new(RichText::new(file.as_str()).font(mono(11.5))).truncate())
    });
    FORM.note(
        ui,
        explain::option_reason(crate::domain::BackupOption::Append),
    );
    below(ui, |ui| {
        if link(ui, "A new file instead").clicked() {
            actions.push(Action::Backup(BackupAction::NewFiles));
        }
    });
}

fn folder_ui(ui: &mut Ui, form: &BackupForm, actions: &mut Vec<Action>) {
    FORM.row(ui, "Folder", None, |ui| {
        ui.horizontal(|ui| {
            let mut folder = form.folder.clone();
            let field = text(
                ui,
                &mut folder,
                FORM.field - 92.0,
                r"D:\Backup, \\server\share or https://…",
            );
            if field.changed() {
                actions.push(Action::Backup(BackupAction::EditFolder(folder.clone())));
            }
            if field.lost_focus() {
                actions.push(Action::Backup(BackupAction::SetFolder(folder)));
            }
            if button(ui, "Browse…").clicked() {
                let here = ServerPath::new(&form.folder);
                let start = (here.is_absolute() && !here.is_url()).then_some(here);
                actions.push(Action::Backup(BackupAction::Browse(start)));
            }
            field
        })
        .inner
    });
}

fn line(ui: &mut Ui, dot: Dot, words: &str) {
    let color = match dot {
        Dot::Missed => Palette::of(ui).danger,
        _ => Palette::of(ui).muted,
    };
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(12.0, 15.0), Sense::hover());
        paint_dot(ui, rect.center(), dot);
        wrapped(ui, words, color);
    });
}

fn standing_ui(ui: &mut Ui, form: &BackupForm) {
    match &form.place {
        Asked::NotYet => {}
        Asked::Asking => line(ui, Dot::Busy, "The server is asked about it…"),
        Asked::Told(check) => {
            let (standing, words) = explain::place_check(check);
            line(ui, Dot::of_place(standing), &words);
        }
        Asked::Failed(problem) => line(ui, Dot::Unknown, &problem.sentence),
    }
}

fn probe_ui(
    ui: &mut Ui,
    form: &BackupForm,
    account: Option<&str>,
    probed: Option<ServerTime>,
    actions: &mut Vec<Action>,
) {
    match &form.probe {
        Asked::NotYet => {
            if let Some(at) = probed {
                let words = format!("Written by a probe, {}", figures::short_date_time(at));
                line(ui, Dot::Good, &words);
            }
            if link(ui, "Try to write there")
                .on_hover_text(
                    "Backs up model, the smallest database, copy-only; reads it back and removes it again",
                )
                .clicked()
            {
                actions.push(Action::Backup(BackupAction::Probe));
            }
        }
        Asked::Asking => line(ui, Dot::Busy, "A small backup is written there…"),
        Asked::Told(result) => {
            let (standing, problem) = explain::probe_words(result, account);
            line(ui, Dot::of_place(standing), &problem.sentence);
            if !problem.hint.is_empty() {
                let muted = Palette::of(ui).muted;
                wrapped(ui, &problem.hint, muted);
            }
        }
        Asked::Failed(problem) => line(ui, Dot::Missed, &problem.sentence),
    }
}

/// The names that the files get.
fn file_ui(ui: &mut Ui, form: &BackupForm) {
    let files: Vec<&str> = form
        .plan
        .iter()
        .flat_map(|plan| &plan.steps)
        .flat_map(|step| &step.devices)
        .map(|device| explain::file_name(device.name()))
        .collect();
    let Some(first) = files.first() else { return };
    FORM.row(ui, "File", None, |ui| {
        ui.horizontal(|ui| {
            let room = if files.len() > 1 {
                FORM.field - 80.0
            } else {
                FORM.field
            };
            ui.scope(|ui| {
                ui.set_max_width(room);
                ui.add(Label::new(RichText::new(*first).font(mono(11.5))).truncate());
            });
            if files.len() > 1 {
                small(ui, format!("and {} more", files.len() - 1)).on_hover_text(files.join("\n"));
            }
        })
        .response
    });
}
