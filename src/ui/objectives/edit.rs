//! Editing what is promised for one database.

use crate::{
    domain::ScenarioKind,
    explain,
    settings::{Scenario, ScenarioBackups},
    state::{Action, ObjectivesAction, State},
    ui::widgets::{button, primary_button, small, strong},
};
use egui::{DragValue, Grid, Ui};

/// What is being edited: minutes, by scenario.
#[derive(Debug, Default)]
pub struct ObjectivesDialog {
    /// Whether it is promised at all, loss and time from least to most.
    rows: Vec<(ScenarioKind, bool, [u32; 4])>,
}

/// The longest promise that can be typed: thirty days.
const MOST_MINUTES: u32 = 30 * 24 * 60;

impl ObjectivesDialog {
    /// Shows the dialog; `opened` begins with what is promised now.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, opened: bool) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(shown) = &state.objectives.shown else {
            actions.push(Action::CloseDialog);
            return actions;
        };
        if opened {
            self.begin(state.scenarios_of(shown.server, &shown.judged.database).0);
        }
        let database = state.objectives.presenter.name(&shown.judged.database);
        strong(ui, format!("Objectives of {database}"), 15.0);
        small(
            ui,
            "What its owners promise, in minutes from least to most. They are kept in this workspace for this database alone.",
        );
        Grid::new("objectives")
            .num_columns(5)
            .spacing([10.0, 6.0])
            .show(ui, |ui| {
                for title in ["Scenario", "Loss", "up to", "Down", "up to"] {
                    small(ui, title);
                }
                ui.end_row();
                for (scenario, promised, minutes) in &mut self.rows {
                    ui.checkbox(promised, explain::scenario(*scenario));
                    for value in minutes.iter_mut() {
                        ui.add_enabled(
                            *promised,
                            DragValue::new(value).range(0..=MOST_MINUTES).suffix(" min"),
                        );
                    }
                    let [loss_least, loss_most, down_least, down_most] = *minutes;
                    *minutes = [
                        loss_least.min(loss_most),
                        loss_most,
                        down_least.min(down_most),
                        down_most,
                    ];
                    ui.end_row();
                }
            });
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            if primary_button(ui, "Keep", 90.0, true).clicked() {
                actions.push(Action::Objectives(ObjectivesAction::Save(Some(
                    self.scenarios(),
                ))));
            }
            if shown.own_objectives && button(ui, "As the application promises").clicked() {
                actions.push(Action::Objectives(ObjectivesAction::Save(None)));
            }
            if button(ui, "Cancel").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
        actions
    }

    fn begin(&mut self, promised: &[Scenario]) {
        self.rows = ScenarioKind::OF_BACKUPS
            .into_iter()
            .chain([ScenarioKind::AzurePointInTime])
            .map(|kind| {
                let known = promised.iter().find(|scenario| scenario.kind() == kind);
                let minutes = known.map_or_else(
                    || usual(kind),
                    |scenario| {
                        [
                            scenario.loss_minutes.0,
                            scenario.loss_minutes.1,
                            scenario.down_minutes.0,
                            scenario.down_minutes.1,
                        ]
                    },
                );
                (kind, known.is_some(), minutes)
            })
            .collect();
    }

    fn scenarios(&self) -> Vec<Scenario> {
        self.rows
            .iter()
            .filter(|(_, promised, _)| *promised)
            .map(
                |(kind, _, [loss_least, loss_most, down_least, down_most])| Scenario {
                    scenario: explain::scenario(*kind).to_owned(),
                    loss_minutes: (*loss_least, *loss_most),
                    down_minutes: (*down_least, *down_most),
                    backups: Some(match kind {
                        ScenarioKind::FullOnly => ScenarioBackups::Full,
                        ScenarioKind::FullDifferential => ScenarioBackups::FullDifferential,
                        ScenarioKind::FullDifferentialLog => ScenarioBackups::FullDifferentialLog,
                        ScenarioKind::AzurePointInTime => ScenarioBackups::Azure,
                    }),
                },
            )
            .collect()
    }
}

/// Where somebody begins who promises something for the first time.
fn usual(kind: ScenarioKind) -> [u32; 4] {
    match kind {
        ScenarioKind::FullOnly => [1440, 1440, 15, 60],
        ScenarioKind::FullDifferential => [360, 360, 15, 30],
        ScenarioKind::FullDifferentialLog => [15, 15, 20, 45],
        ScenarioKind::AzurePointInTime => [5, 8, 5, 15],
    }
}
