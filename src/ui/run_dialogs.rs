//! Questions about runs: cancel, close, drop, go on, abandon.

use super::{
    dialogs::answers,
    empty::paragraph,
    run_page::closing_words,
    widgets::{button, danger_button, primary_button, strong},
};
use crate::{
    explain::run_title,
    run::{Interruption, ResumeHow, RunId},
    state::{Action, ActivityAction, BackupAction, Page, ResumeAction, RunView, State},
    worker::ServerId,
};
use egui::{Id, Ui};

/// Cancelling, with the end state said beforehand.
pub fn cancel_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some(run) = &state.run else {
        return;
    };
    strong(
        ui,
        format!("Cancel the restore of {}?", run.target_database),
        16.0,
    );
    paragraph(ui, &end_after_cancel(run));
    answers(ui, actions, |ui, actions| {
        if danger_button(ui, "Cancel the restore").clicked() {
            actions.push(Action::CancelRun);
        }
        if button(ui, "Let it run").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

/// What is there after the running step was stopped.
fn end_after_cancel(run: &RunView) -> String {
    let (target, original) = (&run.target_database, &run.database);
    let over = target == original;
    let untouched = if over {
        String::new()
    } else {
        format!(" {original} is not touched.")
    };
    match run.if_interrupted() {
        Some(Interruption::LeavesRestoring) if run.touched() => format!(
            "The running step is stopped, and {target} stays RESTORING. The run can go on later; that step begins again.{untouched}"
        ),
        Some(Interruption::LeavesRestoring) => format!(
            "The running step is stopped. {target} is left RESTORING, or is not there yet when nothing of it was restored.{untouched}"
        ),
        Some(Interruption::GoesOn) => format!(
            "The job on the server is stopped, and {target} is left as far as it came. The run can go on later.{untouched}"
        ),
        Some(Interruption::ProgramEnded) => format!(
            "The program is ended, with everything that it started. {}{untouched}",
            as_it_is(run)
        ),
        _ => format!("{}{untouched}", as_it_is(run)),
    }
}

fn as_it_is(run: &RunView) -> String {
    let target = &run.target_database;
    if run.is_readable() {
        format!("{target} stays as it is now: in standby, readable until the run goes on.")
    } else if run.has_restored() {
        format!("{target} stays as it is now: everything is restored. The rest can be done later.")
    } else if run.touched() {
        format!("{target} stays as it is now: RESTORING until the run goes on.")
    } else {
        format!("Nothing of {target} was changed yet.")
    }
}

/// Closing the window while a restore runs.
pub fn close_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some(run) = state.run.as_ref().filter(|run| run.report.is_none()) else {
        return close_backups_ui(ui, state, actions);
    };
    strong(ui, "A restore is running", 16.0);
    paragraph(ui, &format!("Closing now {}.", closing_words(run)));
    let goes_on = run.if_interrupted() == Some(Interruption::GoesOn);
    answers(ui, actions, |ui, actions| {
        if goes_on {
            // The worker ends without stopping the job.
            if primary_button(ui, "Close; the server goes on", 200.0, true).clicked() {
                confirm_closing(ui);
            }
        } else if danger_button(ui, "Cancel the restore and close").clicked() {
            actions.push(Action::CancelRun);
            confirm_closing(ui);
        }
        if button(ui, "Stay").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

/// Backups that run from here end with the window; jobs on a server go on.
fn close_backups_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if !state.backups.running() {
        actions.push(Action::CloseDialog);
        return;
    }
    strong(ui, "Backups are running", 16.0);
    paragraph(
        ui,
        "Closing cancels those that have not ended; what they have written so far is of no use. \
         Backups that were started on the server go on there.",
    );
    answers(ui, actions, |ui, actions| {
        if danger_button(ui, "Cancel the backups and close").clicked() {
            for run in state.backups.runs.iter().filter(|run| !run.ended) {
                actions.push(Action::Backup(BackupAction::Cancel {
                    run: run.id.clone(),
                    step: None,
                }));
            }
            confirm_closing(ui);
        }
        if button(ui, "Stay").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

fn confirm_closing(ui: &Ui) {
    ui.ctx()
        .data_mut(|data| data.insert_temp(Id::unique(CLOSE), true));
    ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
}

const CLOSE: &str = "closing was confirmed";

/// Whether the user chose to close although a restore runs.
pub fn closing_confirmed(ctx: &egui::Context) -> bool {
    ctx.data(|data| data.get_temp(Id::unique(CLOSE)).unwrap_or(false))
}

/// Dropping the copy of the run on the screen.
pub fn drop_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some(run) = &state.run else {
        return;
    };
    strong(ui, format!("Drop {}?", run.target_database), 16.0);
    paragraph(
        ui,
        &format!(
            "The copy {} on {} and its files are removed. Before that its identity is read again: \
             only the database that this run created is dropped, and only when nobody is in it. \
             {} and its backups stay as they are.",
            run.target_database,
            state.server_name(run.server),
            run.database
        ),
    );
    answers(ui, actions, |ui, actions| {
        if danger_button(ui, "Drop the copy").clicked() {
            actions.push(Action::DropCopy);
        }
        if button(ui, "Keep it").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

/// Dropping the copy of a listed run.
pub fn drop_listed_ui(
    ui: &mut Ui,
    state: &State,
    server: ServerId,
    id: &RunId,
    actions: &mut Vec<Action>,
) {
    let Some(run) = state.activity.run(id) else {
        actions.push(Action::CloseDialog);
        return;
    };
    let copy = &run.target_database;
    strong(ui, format!("Drop {copy}?"), 16.0);
    paragraph(
        ui,
        &format!(
            "The copy {copy} on {} and its files are removed. Before that its identity is read again: \
             only the database that this run created is dropped, and only when nobody is in it.",
            state.server_name(server)
        ),
    );
    answers(ui, actions, |ui, actions| {
        if danger_button(ui, "Drop the copy").clicked() {
            actions.push(Action::Activity(ActivityAction::DropCopy {
                server,
                run: id.clone(),
            }));
        }
        if button(ui, "Keep it").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

/// A run was found that something stopped, or that still owes something.
pub fn unfinished_ui(ui: &mut Ui, state: &State, id: &RunId, actions: &mut Vec<Action>) {
    let Some(run) = state.activity.run(id) else {
        actions.push(Action::CloseDialog);
        return;
    };
    let others = state.unfinished().len().saturating_sub(1);
    strong(ui, "A run is not finished", 16.0);
    paragraph(ui, &format!("{} on {}.", run_title(run), run.server));
    paragraph(
        ui,
        &match run.in_flight() {
            Some(step) => format!(
                "It was interrupted in the step “{}”. Its journal has everything that is needed to go on.",
                step.title
            ),
            None if !run.owed.is_empty() => {
                "It has ended, and something is still to be put back.".to_owned()
            }
            None => {
                "It stopped between two steps. Its journal has everything that is needed to go on."
                    .to_owned()
            }
        },
    );
    if others > 0 {
        paragraph(
            ui,
            &format!(
                "There {} more: see Activity.",
                crate::explain::figures::counted(others as u64, "is one", "are several")
                    .trim_start_matches("1 ")
            ),
        );
    }
    answers(ui, actions, |ui, actions| {
        if primary_button(ui, "See where it stands", 180.0, true).clicked() {
            actions.push(Action::Resume(ResumeAction::Show(id.clone())));
        }
        if button(ui, "Later").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

/// Giving an interrupted run up.
pub fn abandon_ui(
    ui: &mut Ui,
    state: &State,
    server: ServerId,
    id: &RunId,
    actions: &mut Vec<Action>,
) {
    let Some(run) = state.activity.run(id) else {
        actions.push(Action::CloseDialog);
        return;
    };
    let target = &run.target_database;
    strong(ui, format!("Abandon the restore of {target}?"), 16.0);
    let over = run.source_database == *target;
    paragraph(
        ui,
        &if over {
            format!(
                "{target} stays in the state that it has now: while it is RESTORING nobody can use it, and another restore has to follow. \
                 The backup of its tail is kept. What the run took, as the access mode, is given back where that is possible."
            )
        } else {
            format!(
                "The unfinished copy {target} on {} is dropped, and the run is closed. The original is not touched.",
                state.server_name(server)
            )
        },
    );
    answers(ui, actions, |ui, actions| {
        if danger_button(ui, "Abandon the run").clicked() {
            actions.push(Action::Resume(ResumeAction::Go {
                server,
                run: id.clone(),
                how: ResumeHow::Abandon,
            }));
        }
        if button(ui, "Keep it").clicked() {
            actions.push(Action::CloseDialog);
            actions.push(Action::ShowPage(Page::Activity));
        }
    });
}
