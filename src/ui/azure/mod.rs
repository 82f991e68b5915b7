//! What the window shows where a service takes the backups: the panel beside the timeline, the restore, the retention.

mod by_hand;
mod dialogs;
mod panel;
mod protection;
mod run_page;

pub use dialogs::{RetentionEditor, cancel_ui, delete_ui, restore_ui};
pub use panel::panel_ui;
pub use protection::protection_ui;
pub use run_page::run_ui;

use super::{
    theme::{Palette, card, mono, regular},
    widgets::link,
};
use crate::explain::Problem;
use egui::{Label, RichText, Ui};

/// A command that can be read, selected and copied.
fn command_ui(ui: &mut Ui, line: &str) {
    let palette = *Palette::of(ui);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(
            Label::new(RichText::new(line).font(mono(11.5)).color(palette.text))
                .wrap()
                .selectable(true),
        );
        if link(ui, "Copy the command").clicked() {
            ui.ctx().copy_text(line.to_owned());
        }
    });
}

/// A problem with everything that is known of it.
fn problem_ui(ui: &mut Ui, problem: &Problem) {
    let palette = *Palette::of(ui);
    ui.add(
        Label::new(
            RichText::new(&problem.sentence)
                .font(regular(13.0))
                .color(palette.danger),
        )
        .wrap(),
    );
    if !problem.hint.is_empty() {
        ui.add(
            Label::new(
                RichText::new(&problem.hint)
                    .font(regular(12.0))
                    .color(palette.text),
            )
            .wrap(),
        );
    }
    for line in problem.details.iter().take(6) {
        ui.add(Label::new(RichText::new(line).font(mono(11.0)).color(palette.muted)).wrap());
    }
}
