//! The page about what protects a database: its schedule, what that will do, how its jobs stand, and retention.

mod cards;
mod day;
mod jobs;
mod os_files;
mod policy_form;
mod questions;
mod retention;
mod schedule;

use super::{
    empty::paragraph,
    sql_view::sql_ui,
    theme::{Palette, mix},
    widgets::{button, section, strong},
};
use crate::{
    domain::SchedulerKind,
    run::schedule::Outlook,
    state::{Action, ProtectionAction, ProtectionReading, ProtectionSection, State},
};
use egui::{Align, Frame, Layout, Margin, ScrollArea, Stroke, Ui};

/// What only the page cares about: what is being typed.
#[derive(Debug, Default)]
pub struct ProtectionPage {
    form: policy_form::PolicyForm,
    questions: questions::Questions,
    /// Of the fullest card in the last frame, in points.
    cards_height: f32,
}

impl ProtectionPage {
    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        let protection = &state.protection;
        // The margin lies inside, so that the bar stands at the edge of the window.
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            Frame::new().inner_margin(Margin::symmetric(26, 20)).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 8.0;
                schedule::title_ui(ui, state, &mut actions);
                match &protection.reading {
                    ProtectionReading::NotYet | ProtectionReading::Asking => {
                        paragraph(ui, "Asking the server for its jobs and schedules…");
                        return;
                    }
                    ProtectionReading::Failed(problem) => {
                        paragraph(ui, &problem.sentence);
                        if !problem.hint.is_empty() {
                            paragraph(ui, &problem.hint);
                        }
                        if button(ui, "Try again").clicked() {
                            actions.push(Action::Protection(ProtectionAction::Refresh));
                        }
                        return;
                    }
                    ProtectionReading::Told(_) => {}
                }
                let (Some(outlook), Some(reading)) = (&protection.outlook, protection.told()) else {
                    paragraph(ui, "No application brings a schedule along. Add one to an application first.");
                    return;
                };
                schedule::notes_ui(ui, state, outlook, reading, &mut actions);
                schedule::table_ui(ui, state, outlook, reading);
                ui.add_space(6.0);
                match protection.open {
                    ProtectionSection::Policy => self.form.ui(ui, outlook, &mut actions),
                    ProtectionSection::Sql => sql_section(ui, outlook, &mut actions),
                    ProtectionSection::OsFiles => os_files::os_files_ui(ui, state, &mut actions),
                    ProtectionSection::Retention | ProtectionSection::Nothing => {}
                }
                ui.add_space(8.0);
                section(ui, "Next 24 hours");
                day::day_ui(ui, outlook, reading.server_now);
                ui.add_space(8.0);
                cards::cards_ui(ui, state, outlook, &mut self.cards_height, &mut actions);
                ui.add_space(8.0);
                jobs::jobs_ui(ui, state, reading, &mut actions);
                retention::retention_ui(ui, state, outlook, &mut actions);
                ui.add_space(16.0);
            });
        });
        self.questions.ui(ui, state, &mut actions);
        actions
    }
}

fn sql_section(ui: &mut Ui, outlook: &Outlook, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let (title, sql) = match outlook.plan.scheduler {
        SchedulerKind::Agent => ("T-SQL that makes the jobs", outlook.script.to_sql()),
        // Without Agent there are no jobs: what they would run is run by sqlcmd.
        SchedulerKind::OperatingSystem => {
            let steps: Vec<&str> = outlook
                .jobs
                .iter()
                .map(|job| job.command.as_str())
                .collect();
            let title = "T-SQL that the operating system's scheduler runs, a script for each kind";
            (title, steps.join("\nGO\n\n"))
        }
    };
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            strong(ui, title, 13.0);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if button(ui, "Close").clicked() {
                    actions.push(Action::Protection(ProtectionAction::Show(
                        ProtectionSection::Sql,
                    )));
                }
                if button(ui, "Copy all")
                    .on_hover_text("Copy the whole script, to be run by hand")
                    .clicked()
                {
                    ui.ctx().copy_text(sql.clone());
                }
            });
        });
        ScrollArea::both()
            .id_salt("schedule sql")
            .max_height(360.0)
            .show(ui, |ui| sql_ui(ui, &sql));
    });
}

/// A raised box.
fn card(palette: &Palette) -> Frame {
    Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, mix(palette.raised, palette.line, 0.8)))
        .corner_radius(8)
        .inner_margin(12)
}
