//! Where an unfinished run stands, and the ways on.

use super::super::{
    empty::problem_words,
    form,
    theme::{Palette, card, mix, mono, regular},
    widgets::{button, danger_button, primary_button, small, strong},
};
use crate::{
    explain::{owed, resume_offer, standing, way_on},
    run::{ResumeHow, RunRecord, Standing},
    state::{Action, ResumeAction, State},
    worker::ServerId,
};
use egui::{Label, RichText, Stroke, TextEdit, Ui};

/// Shows what is known of an unfinished run; nothing for one that has ended. `typed` is another moment, while it is typed.
pub fn standing_ui(
    ui: &mut Ui,
    state: &State,
    run: &RunRecord,
    typed: &mut String,
    actions: &mut Vec<Action>,
) {
    if !state.may_go_on(run) {
        return;
    }
    let palette = *Palette::of(ui);
    card(&palette)
        .fill(palette.background)
        .stroke(Stroke::new(
            1.0,
            mix(palette.background, palette.at_risk, 0.6),
        ))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let server = state.server_of(run).filter(|id| state.is_connected(*id));
            match (server, state.activity.standings.get(&run.id)) {
                (None, _) => unknown_server_ui(ui, state, run, actions),
                (Some(server), None) => {
                    strong(ui, "Looking where it stands…", 13.0);
                    if button(ui, "Look again").clicked() {
                        actions.push(look(server, run));
                    }
                }
                (Some(server), Some(Err(problem))) => {
                    problem_words(ui, problem, palette.danger);
                    if button(ui, "Look again").clicked() {
                        actions.push(look(server, run));
                    }
                }
                (Some(server), Some(Ok(found))) => {
                    ways_ui(ui, state, run, server, found, actions);
                    if may_go_further(state, found) {
                        further_ui(ui, run, server, typed, actions);
                    }
                    if button(ui, "Look again").clicked() {
                        actions.push(look(server, run));
                    }
                }
            }
        });
    ui.add_space(8.0);
}

fn look(server: ServerId, run: &RunRecord) -> Action {
    Action::Resume(ResumeAction::Look {
        server,
        run: run.id.clone(),
    })
}

/// The server is not connected; where the journal does not say which one it is, any may be.
fn unknown_server_ui(ui: &mut Ui, state: &State, run: &RunRecord, actions: &mut Vec<Action>) {
    strong(
        ui,
        format!("Connect to {} to see where it stands", run.server),
        13.0,
    );
    ui.horizontal_wrapped(|ui| {
        let known = state.server_of(run);
        for (&server, view) in &state.servers {
            let may_be = known.is_none_or(|known| known == server);
            if may_be && view.info().is_none() && button(ui, state.server_name(server)).clicked() {
                actions.push(Action::Connect {
                    server,
                    password: None,
                });
            }
        }
    });
}

fn ways_ui(
    ui: &mut Ui,
    state: &State,
    run: &RunRecord,
    server: ServerId,
    found: &Standing,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    ui.add(
        Label::new(
            RichText::new(standing(found))
                .font(regular(13.0))
                .color(palette.text),
        )
        .wrap()
        .selectable(true),
    );
    for thing in &found.owed {
        small(ui, format!("Owed: {}", owed(thing)));
    }
    ui.add_space(4.0);
    if state.activity.resuming.as_ref() == Some(&run.id) {
        small(ui, "Going on…");
        return;
    }
    if state.running() {
        small(ui, "Another run is under way; this one can go on after it.");
        return;
    }
    let offers = found.offers.iter().filter(|how| {
        // Where it came to its end there is only another moment to go to, which is typed.
        !(run.is_readable() && matches!(how, ResumeHow::TakeLogs { .. }))
    });
    for (idx, how) in offers.enumerate() {
        let (title, words) = (way_on(how), resume_offer(how, found));
        ui.horizontal(|ui| {
            let clicked = match how {
                ResumeHow::Abandon => danger_button(ui, title).clicked(),
                _ if idx == 0 => primary_button(ui, title, 160.0, true).clicked(),
                _ => button(ui, title).clicked(),
            };
            if clicked {
                let run = run.id.clone();
                actions.push(Action::Resume(match how {
                    ResumeHow::Abandon => ResumeAction::AskAbandon { server, run },
                    how => ResumeAction::Go {
                        server,
                        run,
                        how: how.clone(),
                    },
                }));
            }
            ui.add(
                Label::new(
                    RichText::new(words)
                        .font(regular(11.5))
                        .color(palette.muted),
                )
                .wrap(),
            );
        });
    }
}

fn may_go_further(state: &State, found: &Standing) -> bool {
    !state.running()
        && state.activity.resuming.is_none()
        && found
            .offers
            .iter()
            .any(|how| matches!(how, ResumeHow::TakeLogs { .. }))
}

/// Going on to another moment than that of the run, without starting again.
fn further_ui(
    ui: &mut Ui,
    run: &RunRecord,
    server: ServerId,
    typed: &mut String,
    actions: &mut Vec<Action>,
) {
    let label = small(ui, "Take logs to another moment");
    ui.horizontal(|ui| {
        let hint = form::hint_text(ui, &run.target.replace('T', " "));
        let field = ui
            .add(
                TextEdit::singleline(typed)
                    .font(mono(12.0))
                    .hint_text(hint)
                    .desired_width(160.0),
            )
            .labelled_by(label.id);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let ready = !typed.trim().is_empty();
        let clicked = ui
            .add_enabled_ui(ready, |ui| button(ui, "Go there"))
            .inner
            .clicked();
        if ready && (clicked || entered) {
            actions.push(Action::Resume(ResumeAction::TakeLogsTo {
                server,
                run: run.id.clone(),
                text: typed.trim().to_owned(),
            }));
        }
    });
}
