//! Rehearsals: the whole clock from the incident to an application that answers, its phases on one bar.

use super::{View, note, scenarios::moment, titled_card};
use crate::{
    domain::UtcTime,
    explain::{self, figures},
    run::{Phase, PhaseKind, RehearsalTimes},
    state::{Action, ObjectivesAction, RehearsalClock, State},
    ui::{
        theme::{Palette, mix},
        widgets::{button, link, primary_button, section, small, strong},
    },
};
use egui::{Color32, DragValue, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

/// The last ones tell enough.
const MOST: usize = 4;

/// Shows the clock that runs, and what was rehearsed; nothing while there is neither.
pub fn rehearsals_ui(ui: &mut Ui, view: &View<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let running = view
        .state
        .objectives
        .rehearsal
        .as_ref()
        .filter(|clock| clock.database == view.shown.judged.database);
    let kept = &view.shown.judged.rehearsals;
    if running.is_none() && kept.is_empty() {
        return actions;
    }
    ui.add_space(10.0);
    let simulated = if view.shown.simulated {
        " · simulated"
    } else {
        ""
    };
    let title = format!("Rehearsals · from the incident to an application that answers{simulated}");
    titled_card(ui, view, &title, 0.0, |ui| {
        if let Some(clock) = running {
            running_ui(ui, view, clock, &mut actions);
        }
        for run in kept.iter().rev().take(MOST) {
            let rehearsal = &run.rehearsal;
            note(
                ui,
                view,
                &format!(
                    "{} · {}",
                    moment(view, run.began),
                    explain::duration(rehearsal.seconds())
                ),
            );
            bar_ui(ui, view, &rehearsal.phases);
        }
    });
    actions
}

fn running_ui(ui: &mut Ui, view: &View<'_>, clock: &RehearsalClock, actions: &mut Vec<Action>) {
    let phases = phases_so_far(view.state, clock);
    let whole: f64 = phases.iter().map(|phase| phase.seconds).sum();
    note(
        ui,
        view,
        &format!(
            "The clock runs: {} since it broke. It is kept when the restore over the original has ended and the application was started.",
            figures::stopwatch(whole)
        ),
    );
    bar_ui(ui, view, &phases);
    if link(ui, "Stop the clock").clicked() {
        actions.push(Action::Objectives(ObjectivesAction::StopRehearsal));
    }
}

/// What is known while it runs: the phases inside the restore are told by its journal, when it has ended.
fn phases_so_far(state: &State, clock: &RehearsalClock) -> Vec<Phase> {
    let RehearsalTimes { incident, noticed } = clock.times;
    let now = state.own.now;
    let began = state
        .run
        .as_ref()
        .filter(|run| run.database == clock.database && run.started >= noticed)
        .map(|run| run.started);
    let between = |from: UtcTime, to: UtcTime| (to.seconds() - from.seconds()).max(0.0);
    let mut phases = vec![
        Phase {
            kind: PhaseKind::Detect,
            seconds: between(incident, noticed),
        },
        Phase {
            kind: PhaseKind::Decide,
            seconds: between(noticed, began.unwrap_or(now)),
        },
    ];
    phases.extend(began.map(|began| Phase {
        kind: PhaseKind::Restore,
        seconds: between(began, now),
    }));
    phases
}

fn color_of(kind: PhaseKind, palette: &Palette) -> Color32 {
    match kind {
        PhaseKind::Detect => palette.danger,
        PhaseKind::Decide => palette.at_risk,
        PhaseKind::Stop => palette.muted,
        PhaseKind::Tail => palette.differential,
        PhaseKind::Restore => palette.full,
        PhaseKind::Verify => mix(palette.full, palette.log, 0.5),
        PhaseKind::Start => palette.log,
    }
}

/// Phases side by side, each as long as it took, and below what each colour is.
fn bar_ui(ui: &mut Ui, view: &View<'_>, phases: &[Phase]) {
    let palette = *Palette::of(ui);
    let whole: f64 = phases.iter().map(|phase| phase.seconds).sum();
    if whole <= 0.0 {
        return;
    }
    let (bar, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), view.size(18.0)), Sense::hover());
    let told: Vec<String> = phases
        .iter()
        .map(|phase| format!("{} {}", phase.kind.word(), explain::duration(phase.seconds)))
        .collect();
    let label = told.join(", ");
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, label.clone()));
    let mut left = bar.left();
    for phase in phases {
        let width = bar.width() * (phase.seconds / whole) as f32;
        let part = Rect::from_min_max(pos2(left, bar.top()), pos2(left + width, bar.bottom()));
        ui.painter().rect_filled(
            part.shrink2(vec2(0.5, 0.0)),
            2,
            color_of(phase.kind, &palette),
        );
        left += width;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
        for (phase, words) in phases.iter().zip(&told) {
            let side = view.size(9.0);
            let (square, _) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
            ui.painter()
                .rect_filled(square, 2, color_of(phase.kind, &palette));
            note(ui, view, words);
            ui.add_space(8.0);
        }
    });
}

/// What people know before the clock can run.
#[derive(Debug)]
pub struct RehearsalDialog {
    broke_minutes: u32,
    noticed_minutes: u32,
}

impl Default for RehearsalDialog {
    fn default() -> Self {
        Self {
            broke_minutes: 15,
            noticed_minutes: 0,
        }
    }
}

impl RehearsalDialog {
    /// Shows the question.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Vec<Action> {
        /// A day.
        const MOST_MINUTES: u32 = 1440;
        let mut actions = Vec::new();
        let Some(shown) = &state.objectives.shown else {
            actions.push(Action::CloseDialog);
            return actions;
        };
        let database = state.objectives.presenter.name(&shown.judged.database);
        strong(ui, format!("Rehearse the loss of {database}"), 15.0);
        small(
            ui,
            format!(
                "A rehearsal is the whole clock: from the incident until the application answers again. A drill measures the restore alone. The restore of a rehearsal goes over {database} itself, with every question that this has; do it where that is wanted."
            ),
        );
        section(ui, "What happened");
        ui.horizontal(|ui| {
            ui.label("It broke");
            ui.add(
                DragValue::new(&mut self.broke_minutes)
                    .range(0..=MOST_MINUTES)
                    .suffix(" min"),
            );
            ui.label("ago; somebody noticed");
            ui.add(
                DragValue::new(&mut self.noticed_minutes)
                    .range(0..=self.broke_minutes)
                    .suffix(" min"),
            );
            ui.label("ago");
        });
        self.noticed_minutes = self.noticed_minutes.min(self.broke_minutes);
        let ago = |minutes: u32| {
            state
                .own
                .now
                .plus(-chrono::TimeDelta::minutes(i64::from(minutes)))
        };
        small(
            ui,
            "The timeline opens at the moment before, with the original as the destination. Go on there as in an emergency; the clock is kept when the run has ended.",
        );
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            if primary_button(ui, "Start the clock", 130.0, true).clicked() {
                actions.push(Action::Objectives(ObjectivesAction::Rehearse(
                    RehearsalTimes {
                        incident: ago(self.broke_minutes),
                        noticed: ago(self.noticed_minutes),
                    },
                )));
            }
            if button(ui, "Cancel").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
        actions
    }
}
