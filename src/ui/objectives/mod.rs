//! Objectives: how much could be lost, how long to be back, and the proof.

mod chart;
mod drills;
mod edit;
mod grid;
mod protected;
mod rehearsals;
mod scenarios;
mod timer;

pub use drills::DrillDialog;
pub use edit::ObjectivesDialog;
pub use grid::{Cell, Grid};
pub use rehearsals::RehearsalDialog;
pub use scenarios::dot as status_dot;
pub use timer::TimerDialog;

use super::{
    empty,
    theme::{Palette, card, regular, semibold},
    widgets::{button, muted, primary_button, small},
};
use crate::{
    explain::figures,
    run::BackedUpBy,
    state::{Action, ObjectivesAction, Presenter, Selection, Shown, State},
    worker::{SaveAs, ServerId},
};
use egui::{Align, Frame, Label, Layout, Margin, RichText, ScrollArea, Ui};

/// The width of the card beside the chart, in points.
const SIDE_CARD: f32 = 356.0;

/// What the page draws with: the state, the judged database, and how it is presented.
struct View<'a> {
    state: &'a State,
    shown: &'a Shown,
    presenter: Presenter,
}

impl View<'_> {
    /// A size of type, larger for a room.
    fn size(&self, points: f32) -> f32 {
        if self.presenter.large {
            points * 1.45
        } else {
            points
        }
    }

    /// A name, or a stand-in while names are hidden.
    fn name<'n>(&self, name: &'n str, instead: &'n str) -> &'n str {
        if self.presenter.names_hidden {
            instead
        } else {
            name
        }
    }
}

/// Shows the page.
pub fn objectives_ui(ui: &mut Ui, state: &State) -> Vec<Action> {
    let mut actions = Vec::new();
    let Selection::Database { .. } = &state.selection else {
        return match &state.selection {
            Selection::Server(server) => empty::server_ui(ui, state, *server),
            _ => empty::welcome_ui(ui, state),
        };
    };
    let Some(shown) = &state.objectives.shown else {
        return empty::database_ui(ui, state);
    };
    let view = View {
        state,
        shown,
        presenter: state.objectives.presenter,
    };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Frame::new()
            .inner_margin(Margin {
                left: 26,
                right: 26,
                top: 18,
                bottom: 24,
            })
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 8.0;
                actions.extend(page_ui(ui, &view));
            });
    });
    actions
}

fn page_ui(ui: &mut Ui, view: &View<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    head_ui(ui, view, &mut actions);
    if view.presenter.stands_alone() {
        where_one_is(ui, view);
    }
    actions.extend(drills::leftovers_ui(ui, view));
    actions.extend(scenarios::scenarios_ui(ui, view));
    ui.add_space(10.0);
    actions.extend(proof_ui(ui, view));
    actions.extend(rehearsals::rehearsals_ui(ui, view));
    ui.add_space(10.0);
    protected::protected_ui(ui, view);
    ui.add_space(10.0);
    actions.extend(scenarios::worst_moments_ui(ui, view));
    basis_ui(ui, view);
    actions
}

/// What was measured: drills beside the steps of one of them, or restores by Azure, which have no steps.
fn proof_ui(ui: &mut Ui, view: &View<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    if view.shown.judged.backed_up_by == BackedUpBy::Azure {
        return chart::drills_ui(ui, view, 0.0);
    }
    let height = proof_height(view);
    let side = view.size(SIDE_CARD);
    if ui.available_width() > 2.2 * side {
        ui.horizontal_top(|ui| {
            let width = ui.available_width() - side - 16.0;
            ui.allocate_ui(egui::vec2(width, height), |ui| {
                actions.extend(chart::drills_ui(ui, view, height));
            });
            ui.add_space(8.0);
            ui.allocate_ui(egui::vec2(side, height), |ui| {
                actions.extend(drills::side_ui(ui, view, height));
            });
        });
    } else {
        actions.extend(chart::drills_ui(ui, view, height.min(230.0)));
        actions.extend(drills::side_ui(ui, view, 0.0));
    }
    actions
}

/// The height of both cards, in points: as much as the steps need, and little while there is nothing to show.
fn proof_height(view: &View<'_>) -> f32 {
    const WITH_CHART: f32 = 250.0;
    const WITHOUT: f32 = 96.0;
    let objectives = &view.state.objectives;
    let chosen = view.shown.judged.drill(objectives.chosen_drill.as_ref());
    view.size(match chosen.and_then(|drill| drill.result.as_ref()) {
        Some(result) => {
            // Title, line of steps, what it was about, and remarks.
            let rows = result.parts().len() as f32 * 33.0 + result.problems.len() as f32 * 32.0;
            WITH_CHART.max(92.0 + rows)
        }
        None if objectives.running.is_some() => WITH_CHART,
        None => WITHOUT,
    })
}

fn head_ui(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    ui.horizontal(|ui| {
        ui.add(
            Label::new(
                RichText::new("How much could be lost, and how long to be back")
                    .font(semibold(view.size(17.0)))
                    .color(palette.text),
            )
            .truncate(),
        );
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let idle = view.state.objectives.running.is_none();
            let drilled = view.state.can_drill();
            if drilled
                && primary_button(ui, "Run a drill…", 0.0, idle)
                    .on_hover_text("Restores to a copy, verifies and measures it, and drops it")
                    .clicked()
            {
                actions.push(Action::Objectives(ObjectivesAction::AskDrill));
            }
            if button(ui, "Export report…")
                .on_hover_text("One page for a browser, with everything that proves it")
                .clicked()
            {
                actions.push(Action::Objectives(ObjectivesAction::Report(SaveAs::Html)));
            }
            if drilled
                && button(ui, "Rehearse…")
                    .on_hover_text(
                        "The whole clock, from the incident until the application answers",
                    )
                    .clicked()
            {
                actions.push(Action::Objectives(ObjectivesAction::AskRehearsal));
            }
            if button(ui, "Edit objectives…").clicked() {
                actions.push(Action::Objectives(ObjectivesAction::AskEdit));
            }
            present_ui(ui, view, actions);
        });
    });
    ui.add_space(4.0);
}

fn present_ui(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let now = view.presenter;
    let mut wanted = now;
    let menu = ui.menu_button("Present", |ui| {
        ui.set_min_width(220.0);
        ui.checkbox(&mut wanted.large, "Large type");
        ui.checkbox(&mut wanted.names_hidden, "Hide names");
        ui.separator();
        small(ui, "With one of them the page stands alone; Escape ends it");
        if view.shown.server == ServerId::Practice {
            small(ui, "Then F9 makes the practice world anew");
        }
    });
    menu.response
        .on_hover_text("For a room: large type, and names hidden. Escape leaves it");
    if ui.input(|input| input.key_pressed(egui::Key::Escape))
        && now.stands_alone()
        && view.state.dialog.is_none()
    {
        wanted = Presenter::default();
    }
    if wanted != now {
        actions.push(Action::Objectives(ObjectivesAction::Present(wanted)));
    }
}

/// The band of the header, where the header is not shown.
fn where_one_is(ui: &mut Ui, view: &View<'_>) {
    let band = view.state.band(view.shown.server);
    let simulated = if view.shown.simulated {
        " · simulated"
    } else {
        ""
    };
    let mut words = format!(
        "{}{}{simulated}",
        if band.is_empty() {
            String::new()
        } else {
            format!("{band} · ")
        },
        view.name(&view.shown.judged.database, "a database")
    );
    if view.presenter.names_hidden && !view.state.notices.is_empty() {
        words.push_str(" · notices wait until names are shown again");
    }
    muted(ui, words);
}

/// What the numbers rest on, and what they do not say.
fn basis_ui(ui: &mut Ui, view: &View<'_>) {
    let shown = view.shown;
    ui.add_space(6.0);
    let mut lines = Vec::new();
    match &shown.judged.model {
        Some(model) if model.runs() > 0 => lines.push(format!(
            "Estimates come from {} measured on this server.",
            figures::counted(model.runs() as u64, "restore", "restores")
        )),
        Some(_) => lines.push(
            "Nothing was restored on this server yet: estimates are only the speed at which the backups were written. A drill measures it."
                .to_owned(),
        ),
        None if !shown.judged.azure.is_empty() => lines.push(format!(
            "Estimates come from {} that Azure carried out.",
            figures::counted(shown.judged.azure.len() as u64, "restore", "restores")
        )),
        None => lines.push("Neither restores nor backups tell a speed, so there is no estimate.".to_owned()),
    }
    if !shown.judged.past.is_empty() {
        let mut errors: Vec<f64> = shown
            .judged
            .past
            .iter()
            .map(|past| past.error().abs())
            .collect();
        errors.sort_by(f64::total_cmp);
        let median = errors.get(errors.len() / 2).copied().unwrap_or(0.0);
        let worst = errors.last().copied().unwrap_or(0.0);
        lines.push(format!(
            "Earlier estimates were off by {:.0} % in the middle and {:.0} % at worst, in {}.",
            median * 100.0,
            worst * 100.0,
            figures::counted(errors.len() as u64, "restore", "restores")
        ));
    }
    if shown.simulated {
        lines.push(
            "Simulated: this is a practice server, whose speeds are made. What is measured here measures the simulation."
                .to_owned(),
        );
    }
    for line in lines {
        small(ui, line);
    }
}

/// A card with a title.
fn titled_card<R>(
    ui: &mut Ui,
    view: &View<'_>,
    title: &str,
    height: f32,
    contents: impl FnOnce(&mut Ui) -> R,
) -> R {
    let palette = *Palette::of(ui);
    card(&palette)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            if height > 0.0 {
                ui.set_min_height(height - 22.0);
            }
            ui.vertical(|ui| {
                ui.add(
                    Label::new(
                        RichText::new(title)
                            .font(semibold(view.size(13.0)))
                            .color(palette.text),
                    )
                    .truncate(),
                );
                ui.add_space(2.0);
                contents(ui)
            })
            .inner
        })
        .inner
}

/// A muted line inside a card.
fn note(ui: &mut Ui, view: &View<'_>, text: &str) {
    let palette = *Palette::of(ui);
    ui.add(
        Label::new(
            RichText::new(text)
                .font(regular(view.size(12.0)))
                .color(palette.muted),
        )
        .wrap(),
    );
}
