//! The dialog in which the files of a copy are sent somewhere: all to one folder, or each to its own path.

use super::{
    dialogs::answers,
    empty::paragraph,
    form,
    theme::{Palette, mono, regular},
    widgets::{button, link, paint_clipped, primary_button, section, small, strong},
};
use crate::{
    domain::{FileMove, PathFault},
    explain::{figures, path_fault},
    state::{Action, DestinationAction, State},
};
use egui::{Align2, Label, RichText, ScrollArea, Sense, TextEdit, Ui, vec2};

/// Width of the dialog, in points.
pub const WIDTH: f32 = 760.0;

/// Shows the contents of the dialog.
pub fn files_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some(plan) = state.plan.plan() else {
        // The plan that had the files is gone, as after another choice.
        actions.push(Action::CloseDialog);
        return;
    };
    let faults = state.path_faults();
    ui.set_width(WIDTH);
    strong(
        ui,
        format!("Files of {}", crate::tsql::target_database(plan)),
        16.0,
    );
    paragraph(
        ui,
        "Paths are the server's. A name made from the copy's keeps each file apart from the original's.",
    );
    let choice = &state.choice.destination;
    let mut folder = choice.files_to.clone().unwrap_or_default();
    ui.horizontal(|ui| {
        let label = small(ui, "All in the folder");
        let hint = form::hint_text(ui, "each in the folder of the original");
        let field = ui
            .add(
                TextEdit::singleline(&mut folder)
                    .font(mono(11.5))
                    .hint_text(hint)
                    .desired_width(420.0),
            )
            .labelled_by(label.id);
        if field.changed() {
            actions.push(Action::Destination(DestinationAction::FilesTo(Some(
                folder.clone(),
            ))));
        }
        if (choice.files_to.is_some() || !choice.files.is_empty())
            && link(ui, "As proposed").clicked()
        {
            actions.push(Action::Destination(DestinationAction::ResetFiles));
        }
    });
    ui.add_space(4.0);
    ScrollArea::vertical()
        .max_height(360.0)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            section(ui, "File by file");
            for (file, fault) in plan.moves.iter().zip(&faults) {
                file_ui(ui, state, file, fault.as_ref(), actions);
            }
        });
    let total: Option<u64> = plan.moves.iter().map(|file| file.file_size).sum();
    if let Some(bytes) = total {
        small(
            ui,
            format!(
                "{} in all, log files at their whole size",
                figures::size(bytes)
            ),
        );
    }
    answers(ui, actions, |ui, actions| {
        if primary_button(ui, "Done", 90.0, true).clicked() {
            actions.push(Action::CloseDialog);
        }
        if faults.iter().any(Option::is_some) {
            small(
                ui,
                "The review stays closed until every file has a path of its own",
            );
        } else if button(ui, "Copy the list").clicked() {
            let list: Vec<String> = plan
                .moves
                .iter()
                .map(|file| format!("{}\t{}", file.logical_name, file.to))
                .collect();
            ui.ctx().copy_text(list.join("\n"));
        }
    });
}

fn file_ui(
    ui: &mut Ui,
    state: &State,
    file: &FileMove,
    fault: Option<&PathFault>,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    let chosen = state
        .choice
        .destination
        .files
        .get(&file.logical_name)
        .cloned();
    ui.horizontal(|ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(190.0, 34.0), Sense::hover());
        let hover = match &file.from {
            Some(from) => format!("{}\nThe original has it at {from}", file.logical_name),
            None => file.logical_name.clone(),
        };
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Label, true, file.logical_name.clone())
        });
        response.on_hover_text(hover);
        let (upper, lower) = rect.split_top_bottom_at_fraction(0.52);
        paint_clipped(
            ui,
            upper,
            Align2::LEFT_CENTER,
            &file.logical_name,
            regular(13.0),
            palette.text,
        );
        let size = file
            .file_size
            .map_or_else(|| "size unknown".to_owned(), figures::size);
        paint_clipped(
            ui,
            lower,
            Align2::LEFT_CENTER,
            &size,
            regular(11.0),
            palette.muted,
        );
        let mut to = chosen.clone().unwrap_or_else(|| file.to.clone());
        let field = ui.add(
            TextEdit::singleline(&mut to)
                .font(mono(11.5))
                .desired_width(WIDTH - 190.0 - 110.0),
        );
        if field.changed() {
            actions.push(Action::Destination(DestinationAction::File {
                logical_name: file.logical_name.clone(),
                to: Some(to),
            }));
        }
        field.accessible_name(format!("Path of {}", file.logical_name));
        if chosen.is_some() && link(ui, "As proposed").clicked() {
            actions.push(Action::Destination(DestinationAction::File {
                logical_name: file.logical_name.clone(),
                to: None,
            }));
        }
    });
    if let Some(fault) = fault {
        ui.horizontal(|ui| {
            ui.add_space(198.0);
            ui.add(
                Label::new(
                    RichText::new(path_fault(fault))
                        .font(regular(11.5))
                        .color(palette.danger),
                )
                .wrap(),
            );
        });
    }
}
