//! What protects a database that a service backs up: what is kept for how long, drawn, and changed.

use super::{
    dialogs::intervals_ui,
    panel::{asking_ui, not_told_ui},
    problem_ui,
};
use crate::{
    explain::{self, figures},
    state::{Action, AzureAction, Managed, State},
    ui::{
        empty::paragraph,
        theme::{Palette, card},
        widgets::{button, muted, section, small, strong},
    },
    worker::{AzureTold, Platform},
};
use egui::{Frame, Margin, ScrollArea, Ui};

/// The page; schedules are the service's, and nobody else's.
pub fn protection_ui(ui: &mut Ui, state: &State, managed: &Managed) -> Vec<Action> {
    let mut actions = Vec::new();
    Frame::new()
        .inner_margin(Margin::symmetric(26, 20))
        .show(ui, |ui| {
            ScrollArea::vertical()
                .auto_shrink([false, false])
                .show(ui, |ui| {
                    ui.set_max_width(860.0);
                    ui.spacing_mut().item_spacing.y = 8.0;
                    page_ui(ui, state, managed, &mut actions);
                });
        });
    actions
}

fn page_ui(ui: &mut Ui, state: &State, managed: &Managed, actions: &mut Vec<Action>) {
    let service = explain::platform_name(managed.platform);
    strong(ui, format!("Backups are taken by {service}"), 20.0);
    if let Some(limits) = explain::platform_limits(managed.platform) {
        paragraph(ui, limits);
    }
    ui.add_space(8.0);
    if managed.platform == Platform::AmazonRds {
        muted(
            ui,
            "How long Amazon keeps its own backups is set on the instance. Full backups to S3 are made beside the timeline.",
        );
        return;
    }
    match state.azure_home() {
        Some(Err(problem)) => return problem_ui(ui, problem),
        None => {
            muted(ui, "The server is not connected");
            return;
        }
        Some(Ok(_)) => {}
    }
    if let Some(gone) = state.azure_gone() {
        let deleted = explain::utc_words(gone.deleted);
        let words = format!(
            "{} was deleted {deleted} UTC. What Azure keeps of it cannot be changed any more; it is restored from the timeline.",
            gone.name
        );
        paragraph(ui, &words);
        return;
    }
    match state.azure_told() {
        None => asking_ui(ui, "Azure is being asked what it keeps…", actions),
        Some(Err(problem)) => not_told_ui(ui, state, problem, actions),
        Some(Ok(told)) => told_ui(ui, managed, told, actions),
    }
}

fn told_ui(ui: &mut Ui, managed: &Managed, told: &AzureTold, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    section(ui, "Any second: short-term retention");
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        match &told.short_term {
            Ok(policy) => {
                strong(ui, explain::short_term(policy), 14.0);
            }
            Err(problem) => problem_ui(ui, problem),
        }
        if let Some(range) = managed.range {
            small(
                ui,
                format!(
                    "From {} UTC up to a few minutes ago can be restored now; the beginning moves on with time",
                    explain::utc_words(range.earliest)
                ),
            );
        }
    });
    section(ui, "Single backups: long-term retention");
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        match &told.long_term {
            Ok(policy) if policy.is_off() => {
                strong(ui, "Off", 14.0);
                small(
                    ui,
                    "Nothing outlives the short-term retention. The Octopus preset keeps four weeks, twelve months and five years.",
                );
            }
            Ok(policy) => {
                strong(ui, explain::long_term(policy), 14.0);
                intervals_ui(ui, policy);
            }
            Err(problem) => problem_ui(ui, problem),
        }
        let n_backups = managed.long_term().len() as u64;
        if let Some(newest) = managed.long_term().last() {
            small(
                ui,
                format!(
                    "{} there now, the newest of {} UTC",
                    figures::counted(n_backups, "backup is", "backups are"),
                    explain::utc_words(newest.taken)
                ),
            );
        }
    });
    if button(ui, "Change what is kept…").clicked() {
        actions.push(Action::Azure(AzureAction::EditRetention));
    }
}
