//! The line at the bottom: what runs, what was read, how many servers.

use super::{
    theme::{Palette, regular, size},
    widgets::progress,
};
use crate::{
    domain::BackupKind,
    explain::figures,
    state::{Action, BackupAction, State},
    worker::ServerStatus,
};
use egui::{Align, Label, Layout, RichText, Ui};

/// Shows work in progress on the left and the state of the readings on the right.
pub fn status_bar_ui(ui: &mut Ui, state: &State) -> Vec<Action> {
    let mut actions = Vec::new();
    let palette = *Palette::of(ui);
    ui.set_height(size::STATUS_BAR);
    let text = |text: String| RichText::new(text).font(regular(11.5)).color(palette.muted);
    ui.horizontal_centered(|ui| {
        ui.add_space(14.0);
        if let Some((fraction, words)) = work(state) {
            progress(ui, 120.0, 6.0, fraction, palette.log);
            ui.add(Label::new(text(words)).truncate());
        } else if let Some((fraction, words)) = backups(state) {
            progress(ui, 120.0, 6.0, fraction, palette.log);
            let label = Label::new(text(words))
                .truncate()
                .sense(egui::Sense::click());
            let response = ui.add(label).on_hover_text("Show the backups");
            if response.clicked() {
                actions.push(Action::Backup(BackupAction::ShowRuns));
            }
        } else if let Some(words) = jobs(state) {
            let label = Label::new(text(words)).sense(egui::Sense::click());
            if ui.add(label).on_hover_text("Show the jobs").clicked() {
                actions.push(Action::Backup(BackupAction::ShowRuns));
            }
        } else if !state.backups.runs.is_empty() {
            let words = figures::counted(state.backups.runs.len() as u64, "run", "runs");
            let label =
                Label::new(text(format!("{words} of backups ended"))).sense(egui::Sense::click());
            if ui
                .add(label)
                .on_hover_text("Show what came of them")
                .clicked()
            {
                actions.push(Action::Backup(BackupAction::ShowRuns));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(14.0);
            ui.spacing_mut().item_spacing.x = 18.0;
            let connected = state
                .servers
                .values()
                .filter(|view| view.info().is_some())
                .count() as u64;
            let words = match connected {
                0 => "Not connected".to_owned(),
                n => format!("Connected to {}", figures::counted(n, "server", "servers")),
            };
            ui.add(Label::new(text(words)).truncate());
            if let Some(clock) = &state.objectives.rehearsal {
                let since = state.own.now.seconds() - clock.times.incident.seconds();
                let words = format!("Rehearsal · {} since it broke", figures::stopwatch(since));
                ui.add(Label::new(text(words).color(palette.at_risk)).truncate());
            }
            if let Some(words) = reading(state) {
                ui.add(Label::new(text(words)).truncate());
            }
        });
    });
    actions
}

/// Backups that run: `Log backup of OctopusAudit · 62 % · 00:08 left`.
fn backups(state: &State) -> Option<(Option<f32>, String)> {
    let run = state.backups.under_way()?;
    let kind = match run.plan.steps.first()?.kind {
        BackupKind::Full => "Full",
        BackupKind::Differential => "Differential",
        BackupKind::Log => "Log",
    };
    let mut words = match run.plan.steps.as_slice() {
        [only] => format!("{kind} backup of {}", only.database),
        several => format!(
            "{kind} backup of {} · {} of {} done",
            figures::counted(several.len() as u64, "database", "databases"),
            run.n_ended(),
            several.len()
        ),
    };
    let fraction = run.fraction();
    words.push_str(&format!(" · {:.0} %", fraction * 100.0));
    if let Some(left) = run.remaining_secs() {
        words.push_str(&format!(" · {} left", figures::stopwatch(left)));
    }
    Some((Some(fraction), words))
}

/// One-time jobs that were started before, and run or failed.
fn jobs(state: &State) -> Option<String> {
    let (failed, running): (Vec<_>, Vec<_>) = state
        .backups
        .found_jobs()
        .partition(|(_, job)| job.stopped.is_some());
    let count = |n: usize| figures::counted(n as u64, "backup job", "backup jobs");
    match (running.len(), failed.len()) {
        (0, 0) => None,
        (0, n) => Some(format!("{} failed on the server", count(n))),
        (n, _) => Some(format!("{} on the server", count(n))),
    }
}

fn work(state: &State) -> Option<(Option<f32>, String)> {
    if let Some(run) = state.run.as_ref().filter(|run| run.report.is_none()) {
        let mut words = format!("Restore of {}", run.database);
        if let Some((row, of)) = super::run_page::row_of_now(run) {
            words.push_str(&format!(" · step {row} of {of}"));
        }
        if let Some(percent) = run.percent() {
            words.push_str(&format!(" · {percent:.0} %"));
        }
        if run.waiting.is_some() {
            words.push_str(" · waits for you");
        }
        return Some((Some(run.fraction()), words));
    }
    for (server, view) in &state.servers {
        if let ServerStatus::Connecting { what, done } = &view.status {
            return Some((*done, what.clone()));
        }
        if view.refreshing {
            return Some((
                None,
                format!("Reading what is new on {}", state.server_name(*server)),
            ));
        }
    }
    None
}

fn reading(state: &State) -> Option<String> {
    let view = state.server()?;
    let loaded = view.history.as_ref()?;
    let age = (state.own.now.seconds() - loaded.read_at.seconds()).max(0.0);
    let ago = if age < 2.0 {
        "just now".to_owned()
    } else {
        format!("{} ago", figures::duration(age.floor()))
    };
    let sets = match (&state.database, state.database_name()) {
        (Some(database), Some(_)) => database.history.len(),
        _ => loaded.history.n_sets(),
    };
    let mut words = format!(
        "{} · history read {ago}",
        figures::counted(sets as u64, "backup", "backups")
    );
    if !loaded.notes.is_empty() {
        words.push_str(&format!(
            " · {}",
            figures::counted(loaded.notes.len() as u64, "note", "notes")
        ));
    }
    Some(words)
}
