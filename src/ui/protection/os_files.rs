//! What the operating system's scheduler is given where a server has no Agent: shown, and written when that is asked for.

use super::card;
use crate::{
    run::OsScheduler,
    state::{Action, ProtectionAction, ProtectionSection, State},
    ui::{
        scheduler_files::{files_ui, write_ui},
        theme::Palette,
        widgets::{button, choice, small, strong},
    },
    worker::own_scheduler,
};
use egui::{Align, Layout, Ui};

/// Shows the files for the chosen scheduler.
pub(super) fn os_files_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let protection = &state.protection;
    let mut act = |action: ProtectionAction| actions.push(Action::Protection(action));
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            strong(ui, "Files for the operating system's scheduler", 13.0);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if button(ui, "Close").clicked() {
                    act(ProtectionAction::Show(ProtectionSection::OsFiles));
                }
            });
        });
        small(
            ui,
            "It runs the T-SQL of this policy through sqlcmd, on this machine or on another that gets the files. Nothing is registered by stopat itself.",
        );
        let chosen = protection.os_scheduler.unwrap_or_else(own_scheduler);
        ui.horizontal(|ui| {
            for (scheduler, words) in [
                (OsScheduler::Windows, "Task Scheduler"),
                (OsScheduler::Systemd, "systemd"),
            ] {
                if choice(ui, words, chosen == scheduler).clicked() {
                    act(ProtectionAction::OsScheduler(scheduler));
                }
            }
        });
        let Some(files) = &protection.os_files else {
            return;
        };
        files_ui(ui, files, "run them as who may register such tasks there");
        if write_ui(ui, files) {
            act(ProtectionAction::WriteOsFiles);
        }
    });
}
