//! The last drill with its steps, drills that run, what interrupted ones left, and the question before a drill.

use super::{
    View,
    chart::word_of,
    grid::{Cell, Grid},
    scenarios::moment,
    titled_card,
};
use crate::{
    domain::ScenarioKind,
    explain::{self, figures},
    state::{Action, ObjectivesAction, State},
    ui::{
        theme::{Palette, card, regular},
        widgets::{button, danger_button, link, primary_button, progress, section, small, strong},
    },
    worker::{DrillMoment, DrillOrder, ServerId},
};
use egui::{Align, Layout, Sense, Ui};

/// Shows what runs, else the chosen or last drill.
pub fn side_ui(ui: &mut Ui, view: &View<'_>, height: f32) -> Vec<Action> {
    let mut actions = Vec::new();
    if view.state.objectives.running.is_some() {
        running_ui(ui, view, height, &mut actions);
    } else {
        last_ui(ui, view, height);
    }
    actions
}

fn last_ui(ui: &mut Ui, view: &View<'_>, height: f32) {
    let chosen = view.state.objectives.chosen_drill.as_ref();
    let Some(drill) = view.shown.judged.drill(chosen) else {
        return titled_card(ui, view, "Last drill", height, |ui| {
            super::note(ui, view, "There is none yet.");
        });
    };
    let Some(result) = &drill.result else { return };
    let is_last = view
        .shown
        .judged
        .drills
        .last()
        .is_some_and(|last| last.run == drill.run);
    let title = format!(
        "{} · {} · {}",
        if is_last { "Last drill" } else { "Drill" },
        moment(view, drill.began),
        word_of(result)
    );
    titled_card(ui, view, &title, height, |ui| {
        let palette = *Palette::of(ui);
        ui.spacing_mut().item_spacing.y = 0.0;
        let grid = Grid {
            columns: &[0.0, 0.79],
            size: view.size(12.5),
            sense: Sense::hover(),
        };
        for part in result.parts() {
            let (title, seconds) = explain::drill_part(&part);
            grid.row(
                ui,
                &[Cell::text(title), Cell::text(explain::duration(seconds))],
            );
        }
        ui.add_space(6.0);
        let mut line = explain::drilled(&drill.plan);
        if drill.plan.source_server.is_some() {
            line.push_str(&format!(
                " on {}",
                view.name(&drill.server, "another server")
            ));
        }
        // What ended early took no time that an estimate could be held against.
        if result.verified
            && let Some(estimate) = drill.plan.estimate_secs
        {
            line.push_str(&format!(
                "; estimated {}, took {}",
                explain::duration(estimate),
                explain::duration(result.seconds)
            ));
        }
        super::note(ui, view, &line);
        if !result.copy_gone && !drill.copy_gone {
            ui.label(
                egui::RichText::new(format!(
                    "{} is still there",
                    view.name(&drill.copy, "the copy")
                ))
                .font(regular(view.size(12.0)))
                .color(palette.danger),
            );
        }
        for problem in &result.problems {
            let problem = match view.presenter.names_hidden {
                true => problem.replace(&drill.copy, "the copy"),
                false => problem.clone(),
            };
            // Of a copy that was verified these are remarks.
            let color = if result.verified {
                palette.muted
            } else {
                palette.danger
            };
            ui.label(
                egui::RichText::new(problem)
                    .font(regular(view.size(12.0)))
                    .color(color),
            );
        }
    });
}

fn running_ui(ui: &mut Ui, view: &View<'_>, height: f32, actions: &mut Vec<Action>) {
    let Some(running) = &view.state.objectives.running else {
        return;
    };
    let of_many = if running.orders.len() > 1 {
        format!(
            " · {} of {}",
            (running.ended.len() + 1).min(running.orders.len()),
            running.orders.len()
        )
    } else {
        String::new()
    };
    let scenario = running
        .order
        .or_else(|| running.orders.get(running.ended.len()).copied())
        .map_or("", |order| explain::scenario(order.scenario));
    let title = format!("Drill runs{of_many} · {scenario}");
    titled_card(ui, view, &title, height, |ui| {
        let palette = *Palette::of(ui);
        let n_steps = running.steps.len();
        let step = running.steps.get(running.step).map_or(
            "Finding the moment and looking at the server",
            String::as_str,
        );
        ui.label(
            egui::RichText::new(if view.presenter.names_hidden {
                "…"
            } else {
                step
            })
            .font(regular(view.size(12.5)))
            .color(palette.text),
        );
        let part = running.percent.map_or(0.0, |percent| percent / 100.0);
        let fraction = (n_steps > 0).then(|| (running.step as f32 + part) / n_steps as f32);
        progress(ui, ui.available_width(), 6.0, fraction, palette.full);
        let elapsed = view.state.own.now.seconds() - running.started.seconds();
        let mut line = format!("{} so far", figures::stopwatch(elapsed));
        if let Some(estimate) = running.plan.as_ref().and_then(|plan| plan.estimate_secs) {
            line.push_str(&format!(", estimated {}", explain::duration(estimate)));
        }
        super::note(ui, view, &line);
        for (order, result) in &running.ended {
            super::note(
                ui,
                view,
                &format!(
                    "{}: {} · {}",
                    explain::scenario(order.scenario),
                    explain::duration(result.seconds),
                    word_of(result)
                ),
            );
        }
        ui.add_space(4.0);
        if running.cancelling {
            super::note(
                ui,
                view,
                "Stops after the statement that runs; the copy is dropped.",
            );
        } else if danger_button(ui, "Stop the drill")
            .on_hover_text("The copy is dropped. The original is not touched")
            .clicked()
        {
            actions.push(Action::Objectives(ObjectivesAction::CancelDrills));
        }
    });
}

/// What interrupted drills left, asked about before anything is dropped.
pub fn leftovers_ui(ui: &mut Ui, view: &View<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let left = view.state.leftovers_to_ask();
    if left.is_empty() || view.state.objectives.running.is_some() {
        return actions;
    }
    let palette = *Palette::of(ui);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        strong(ui, "A drill was interrupted and left its copy", 13.5);
        for (leftover, state, create_date) in left {
            ui.horizontal(|ui| {
                let text = format!(
                    "{} on {}: {state}, created {create_date} by the drill {} of {}. Nobody else made it: its journal proves that.",
                    view.name(&leftover.copy, "a copy"),
                    view.name(&leftover.server, "a server"),
                    leftover.drill.0,
                    view.name(&leftover.database, "a database"),
                );
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if danger_button(ui, "Drop it").clicked() {
                        actions.push(Action::Objectives(ObjectivesAction::ClearLeftover(
                            leftover.drill.clone(),
                        )));
                    }
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(egui::Label::new(text).wrap());
                    });
                });
            });
        }
        if button(ui, "Leave it for now").clicked() {
            actions.push(Action::Objectives(ObjectivesAction::KeepLeftovers));
        }
    });
    actions
}

/// What the user chooses before a drill.
#[derive(Debug)]
pub struct DrillDialog {
    scenario: ScenarioKind,
    all: bool,
    moment: Which,
    seed: u64,
    check_database: bool,
    /// Another server for the copy.
    on: Option<ServerId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Latest,
    Marked,
    Random,
    Worst,
}

impl Default for DrillDialog {
    fn default() -> Self {
        Self {
            scenario: ScenarioKind::FullDifferentialLog,
            all: false,
            moment: Which::Latest,
            seed: 1,
            check_database: false,
            on: None,
        }
    }
}

impl DrillDialog {
    /// Shows the question.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(shown) = &state.objectives.shown else {
            actions.push(Action::CloseDialog);
            return actions;
        };
        let database = state.objectives.presenter.name(&shown.judged.database);
        strong(ui, format!("Run a drill of {database}"), 15.0);
        small(
            ui,
            format!(
                "Its backups are restored into a new database beside it, checked, measured and dropped again. The original, {database}, is only read. The server must have room for the copy."
            ),
        );
        section(ui, "What is restored");
        if ui
            .radio(self.all, "All scenarios, one after the other")
            .clicked()
        {
            self.all = true;
        }
        for scenario in ScenarioKind::OF_BACKUPS {
            let chosen = !self.all && self.scenario == scenario;
            if ui.radio(chosen, explain::scenario(scenario)).clicked() {
                (self.all, self.scenario) = (false, scenario);
            }
        }
        let any_moment = !self.all && self.scenario == ScenarioKind::FullDifferentialLog;
        if any_moment {
            section(ui, "To which moment");
            self.moments_ui(ui, state);
        } else {
            small(
                ui,
                "To the newest moment whose restore takes every kind of backup that the scenario names",
            );
        }
        self.place_ui(ui, state);
        ui.checkbox(
            &mut self.check_database,
            "Check every page with DBCC CHECKDB",
        );
        let moment = self.moment(state).filter(|_| any_moment);
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            if primary_button(ui, "Run the drill", 130.0, true).clicked() {
                let orders = if self.all {
                    DrillOrder::all(self.check_database)
                } else {
                    vec![DrillOrder {
                        scenario: self.scenario,
                        moment: moment.unwrap_or(DrillMoment::Typical),
                        check_database: self.check_database,
                    }]
                };
                // Another random drill goes to another moment.
                self.seed += 1;
                let on = self.on;
                actions.push(Action::Objectives(ObjectivesAction::Drill { orders, on }));
            }
            if button(ui, "Cancel").clicked() {
                actions.push(Action::CloseDialog);
            }
            if link(ui, "By a schedule…")
                .on_hover_text("Files for the operating system's scheduler")
                .clicked()
            {
                actions.push(Action::Objectives(ObjectivesAction::AskTimer));
            }
        });
        actions
    }

    /// On which server, where there is more than one.
    fn place_ui(&mut self, ui: &mut Ui, state: &State) {
        let others = state.servers_for_drills();
        if self
            .on
            .is_some_and(|on| others.iter().all(|(server, _)| *server != on))
        {
            self.on = None;
        }
        if others.is_empty() {
            return;
        }
        section(ui, "On which server");
        ui.radio_value(&mut self.on, None, "The one that it is of");
        for (server, name) in others {
            ui.radio_value(&mut self.on, Some(server), name)
                .on_hover_text("It must reach the backup files by the same paths");
        }
    }

    fn moments_ui(&mut self, ui: &mut Ui, state: &State) {
        let marked = state.marked_moment();
        ui.radio_value(
            &mut self.moment,
            Which::Latest,
            "The latest that backups reach",
        );
        if let Some(marked) = marked {
            ui.radio_value(
                &mut self.moment,
                Which::Marked,
                format!("The marker: {}", explain::moment(marked)),
            );
        } else if self.moment == Which::Marked {
            self.moment = Which::Latest;
        }
        ui.radio_value(
            &mut self.moment,
            Which::Worst,
            "The one that takes longest to go back to",
        );
        ui.horizontal(|ui| {
            ui.radio_value(&mut self.moment, Which::Random, "A random one, drawn from");
            ui.add(egui::DragValue::new(&mut self.seed))
                .accessible_name("Seed");
        });
    }

    fn moment(&self, state: &State) -> Option<DrillMoment> {
        Some(match self.moment {
            Which::Latest => DrillMoment::Latest,
            Which::Marked => DrillMoment::At(state.marked_moment()?),
            Which::Random => DrillMoment::Random { seed: self.seed },
            Which::Worst => DrillMoment::Worst,
        })
    }
}
