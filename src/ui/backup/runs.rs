//! Backups that run and what came of those that ended.

use super::wrapped;
use crate::{
    domain::{BackupStep, Device},
    explain::{self, figures},
    run::{BackupOutcome, BackupPhase, BackupStepReport, FoundJob},
    state::{Action, BackupAction, BackupRunView, BackupStepView, Dialog, State},
    ui::{
        theme::{Palette, mono, semibold},
        widgets::{
            BadgeStyle, Dot, badge, button, danger_button, link, paint_dot, primary_button,
            progress, small, strong, tall_button,
        },
    },
    worker::ServerId,
};
use egui::{Align, Color32, Label, Layout, RichText, ScrollArea, Sense, Ui, vec2};

/// The dialog's width, in points.
pub const WIDTH: f32 = 640.0;

/// Shows all runs of this window's life, the newest first.
pub fn runs_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let backups = &state.backups;
    strong(ui, "Backups", 18.0);
    let height = (ui.ctx().content_rect().height() - 220.0).clamp(160.0, 520.0);
    ScrollArea::vertical()
        .id_salt("backup runs")
        .max_height(height)
        .min_scrolled_height(height)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            let found = backups.found_jobs().count();
            if backups.runs.is_empty() && found == 0 {
                small(ui, "The server is asked to begin…");
            }
            for run in backups.runs.iter().rev() {
                run_ui(ui, state, run, actions);
                ui.add_space(12.0);
            }
            for (server, job) in backups.found_jobs() {
                found_ui(ui, state, server, job, actions);
                ui.add_space(8.0);
            }
        });
    ui.add_space(8.0);
    // In a row of its own, which is as high as its buttons.
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = if backups.under_way().is_some() {
                "Go on in the background"
            } else {
                "Close"
            };
            if primary_button(ui, text, 110.0, true).clicked() {
                actions.push(Action::CloseDialog);
            }
            let ended = backups.runs.iter().any(|run| run.ended);
            if ended && tall_button(ui, "Clear", true).clicked() {
                actions.push(Action::Backup(BackupAction::Clear));
            }
        });
    });
}

fn run_ui(ui: &mut Ui, state: &State, run: &BackupRunView, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let started = figures::time_of_day(run.started.to_server(state.own.offset));
    ui.horizontal(|ui| {
        let mut words = format!(
            "{} · started {started} on your clock",
            state.server_name(run.server)
        );
        if let Some(job) = &run.job {
            words.push_str(&format!(" · job {}", job.name));
        }
        small(ui, words);
        let (word, color) = ending(run, &palette);
        badge(ui, word, color, BadgeStyle::Calm);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if run.ended {
                if run.job.as_ref().is_some_and(|job| job.remains)
                    && button(ui, "Remove the job")
                        .on_hover_text("It failed and stays with its messages until it is removed")
                        .clicked()
                {
                    actions.push(Action::Backup(BackupAction::RemoveJob(run.id.clone())));
                }
            } else if run.job.is_some() {
                small(ui, "goes on without stopat");
            } else if run.cancelling {
                small(ui, "cancelling…");
            } else if danger_button(ui, "Cancel").clicked() {
                actions.push(Action::Backup(BackupAction::Cancel {
                    run: run.id.clone(),
                    step: None,
                }));
            }
        });
    });
    for (idx, (step, view)) in run.plan.steps.iter().zip(&run.steps).enumerate() {
        ui.add_space(4.0);
        step_ui(ui, run, idx, step, view, actions);
    }
}

/// A job that was started before, here or elsewhere.
fn found_ui(
    ui: &mut Ui,
    state: &State,
    server: ServerId,
    job: &FoundJob,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    ui.horizontal(|ui| {
        small(
            ui,
            format!("{} · job {}", state.server_name(server), job.name),
        );
        let (word, color) = if job.stopped.is_some() {
            ("failed", palette.danger)
        } else {
            ("running", palette.moment)
        };
        badge(ui, word, color, BadgeStyle::Calm);
        if let Some(at) = job.started {
            small(ui, format!("since {} there", figures::day_and_time(at)));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if job.stopped.is_some() && button(ui, "Remove the job").clicked() {
                actions.push(Action::Backup(BackupAction::RemoveFound {
                    server,
                    job: job.id,
                }));
            }
        });
    });
    if let (Some(message), true) = (&job.message, job.stopped.is_some()) {
        wrapped(ui, message, palette.muted);
    }
}

fn ending(run: &BackupRunView, palette: &Palette) -> (&'static str, Color32) {
    if !run.ended {
        return ("running", palette.moment);
    }
    let reports = || run.steps.iter().filter_map(|step| step.report.as_deref());
    if State::backup_failed(run) {
        ("failed", palette.danger)
    } else if reports().any(|r| r.outcome == BackupOutcome::Cancelled) {
        ("cancelled", palette.at_risk)
    } else if reports().any(|r| r.outcome != BackupOutcome::Done) {
        ("done, with something to read", palette.at_risk)
    } else {
        ("done", palette.log)
    }
}

fn step_ui(
    ui: &mut Ui,
    run: &BackupRunView,
    idx: usize,
    step: &BackupStep,
    view: &BackupStepView,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    let dot = match view.report.as_deref().map(|report| &report.outcome) {
        None if view.phase.is_some() => Dot::Busy,
        None => Dot::Unknown,
        Some(BackupOutcome::Done) => Dot::Good,
        Some(BackupOutcome::DoneWithWarning(_) | BackupOutcome::Cancelled) => Dot::AtRisk,
        Some(BackupOutcome::Failed(_)) => Dot::Missed,
    };
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(14.0, 18.0), Sense::hover());
        paint_dot(ui, rect.center(), dot);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let waits = view.report.is_none() && run.job.is_none() && run.steps.len() > 1;
            if waits && !run.cancelling && link(ui, "cancel").clicked() {
                actions.push(Action::Backup(BackupAction::Cancel {
                    run: run.id.clone(),
                    step: Some(idx),
                }));
            }
            small(ui, right_words(step, view));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let kind = explain::backup_kind(step.kind);
                ui.add(
                    Label::new(
                        RichText::new(format!("{} · {kind}", step.database))
                            .font(semibold(13.0))
                            .color(palette.text),
                    )
                    .truncate(),
                );
            });
        });
    });
    ui.horizontal(|ui| {
        ui.add_space(22.0);
        ui.vertical(|ui| {
            if view.report.is_none() && view.phase.is_some() {
                let known = view.progress.as_ref().is_some_and(|p| p.percent.is_some());
                progress(
                    ui,
                    ui.available_width(),
                    5.0,
                    known.then_some(view.fraction()),
                    palette.log,
                );
            }
            let file = step.devices.first().map_or("", Device::name);
            ui.add(
                Label::new(RichText::new(file).font(mono(11.0)).color(palette.muted))
                    .truncate()
                    .selectable(true),
            );
            if let Some(report) = &view.report {
                fault_ui(ui, report, actions);
            }
        });
    });
}

/// What stands at the right of a backup: how far it is, or what came of it.
fn right_words(step: &BackupStep, view: &BackupStepView) -> String {
    if let Some(report) = &view.report {
        return match &report.outcome {
            BackupOutcome::Cancelled => "cancelled".to_owned(),
            BackupOutcome::Failed(_) => "failed".to_owned(),
            BackupOutcome::Done | BackupOutcome::DoneWithWarning(_) => {
                explain::backup_result(report)
            }
        };
    }
    let Some(phase) = view.phase else {
        return "waiting".to_owned();
    };
    let mut words = vec![
        match phase {
            BackupPhase::Writing => "writing",
            BackupPhase::Reading => "reading back",
        }
        .to_owned(),
    ];
    if let Some(now) = &view.progress {
        if let Some(percent) = now.percent {
            words.push(format!("{percent:.0} %"));
            if let (Some(bytes), true) = (step.expected.bytes, now.elapsed_secs > 0.5) {
                let speed = bytes as f64 * f64::from(percent) / 100.0 / now.elapsed_secs;
                words.push(format!("~{}/s", figures::size(speed as u64)));
            }
        }
        if let Some(left) = now.remaining_secs {
            words.push(format!("{} left", figures::stopwatch(left)));
        }
    }
    words.join(" · ")
}

fn fault_ui(ui: &mut Ui, report: &BackupStepReport, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let Some(fault) = report.outcome.fault() else {
        return;
    };
    let problem = explain::backup_fault(&report.database, report.kind, fault);
    let color = match report.outcome {
        BackupOutcome::Failed(_) => palette.danger,
        _ => palette.at_risk,
    };
    wrapped(ui, &format!("{}.", problem.sentence), color);
    if !problem.hint.is_empty() {
        wrapped(ui, &problem.hint, palette.muted);
    }
    if !problem.details.is_empty() && link(ui, "What the server said").clicked() {
        actions.push(Action::ShowDialog(Dialog::Problem(problem)));
    }
}
