//! How the jobs stand: what is wrong with each, in the server's words, and their last runs.

use super::schedule::note;
use crate::{
    domain::RunStatus,
    explain::{self, schedule as words, server_time_short},
    run::schedule::ScheduleReading,
    state::{Action, Asking, ProtectionAction, State},
    ui::{
        theme::{Palette, mono, regular},
        widgets::{Dot, button, danger_button, section},
    },
};
use egui::{CollapsingHeader, Label, RichText, Ui};

/// How many runs of a job are listed.
const SHOWN_RUNS: usize = 12;

/// The jobs that are on the server.
pub fn jobs_ui(ui: &mut Ui, state: &State, reading: &ScheduleReading, actions: &mut Vec<Action>) {
    let Some(installed) = state.protection.installed() else {
        return;
    };
    let palette = *Palette::of(ui);
    section(ui, "Jobs on the server");
    for job in &installed.jobs {
        let troubles = job.troubles(reading.agent, reading.server_now);
        let dot = if troubles.is_empty() {
            Dot::Good
        } else {
            Dot::Missed
        };
        let next = job.next_run.map_or_else(
            || "no next run".to_owned(),
            |next| format!("next {}", server_time_short(next)),
        );
        note(ui, dot, &format!("{}: {next}", job.name));
        ui.indent(&job.name, |ui| {
            for trouble in &troubles {
                let (sentence, messages) = words::job_trouble(trouble);
                note(ui, Dot::Missed, &sentence);
                for message in messages {
                    ui.add(
                        Label::new(RichText::new(message).font(mono(11.5)).color(palette.muted))
                            .wrap()
                            .selectable(true),
                    );
                }
            }
            if job.outcomes.is_empty() {
                return;
            }
            CollapsingHeader::new(
                RichText::new(format!(
                    "{} in Agent's history",
                    explain::count(job.outcomes.len(), "run", "runs")
                ))
                .font(regular(12.5))
                .color(palette.muted),
            )
            .id_salt(&job.name)
            .show(ui, |ui| {
                for run in job.outcomes.iter().take(SHOWN_RUNS) {
                    let color = if run.status == RunStatus::Succeeded {
                        palette.log
                    } else {
                        palette.danger
                    };
                    let text = format!(
                        "{}  {}  {}",
                        server_time_short(run.began),
                        words::run_status(run.status),
                        explain::duration(run.seconds as f64)
                    );
                    ui.add(Label::new(
                        RichText::new(text).font(regular(12.5)).color(color),
                    ))
                    .on_hover_text(run.messages.join("\n\n"));
                }
            });
        });
    }
    ui.horizontal(|ui| {
        if button(ui, "Read again").clicked() {
            actions.push(Action::Protection(ProtectionAction::Refresh));
        }
        if danger_button(ui, "Remove schedule…").clicked() {
            actions.push(Action::Protection(ProtectionAction::Ask(Asking::Remove)));
        }
    });
    ui.add_space(8.0);
}
