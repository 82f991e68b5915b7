//! What is wanted around a restore: the application, reading the files first, the tail, jobs, checks at the end.

use super::super::{
    reason::reason_ui,
    theme::{Palette, regular},
    widgets::{link, small},
};
use crate::{
    run::PreflightFinding,
    state::{Action, ApplicationAction, DestinationAction, Review, State},
    worker::{ApplicationWish, RestoreWishes},
};
use egui::{ComboBox, Label, RichText, Ui};

/// Shows the choices; each change asks the server again.
pub fn options_ui(
    ui: &mut Ui,
    state: &State,
    review: &Review,
    reason: &mut String,
    actions: &mut Vec<Action>,
) {
    let mut wishes = review.wishes.clone();
    application_ui(ui, state, review, &mut wishes, actions);
    ui.checkbox(
        &mut wishes.verify_files,
        "Read every backup to its end first (RESTORE VERIFYONLY)",
    )
    .on_hover_text("Finds damage before anything is overwritten; takes about as long as reading them once more");
    ui.checkbox(
        &mut wishes.check_database,
        "Check the database at the end (DBCC CHECKDB)",
    )
    .on_hover_text("After it is back in service; it reads every page");
    if !review.is_over() {
        standby_ui(ui, &mut wishes);
    }
    on_server_ui(ui, review, &mut wishes);
    jobs_ui(ui, review, &mut wishes);
    if review.is_over() {
        tail_ui(ui, review, &mut wishes, reason);
    }
    if wishes != review.wishes {
        actions.push(Action::Destination(DestinationAction::Wishes(wishes)));
        actions.push(Action::Review);
    }
}

/// A copy that is only looked at, and gone on with later.
fn standby_ui(ui: &mut Ui, wishes: &mut RestoreWishes) {
    ui.checkbox(
        &mut wishes.standby,
        "Leave it readable instead of recovering it (STANDBY)",
    )
    .on_hover_text(
        "It can be read and asked, and not written. Later logs take it further, to another look or to its recovery.",
    );
    if wishes.standby {
        // What is not recovered cannot be restricted yet.
        wishes.restricted_user = false;
    }
}

/// Longer than this nobody wants to leave a window open for.
const LONG_SECS: f64 = 600.0;

fn on_server_ui(ui: &mut Ui, review: &Review, wishes: &mut RestoreWishes) {
    ui.checkbox(
        &mut wishes.on_server,
        "Let the server restore by itself, as a one-time Agent job",
    )
    .on_hover_text(
        "Closing this window, or the laptop, then changes nothing: the job goes on, and stopat finds it again. \
         It cannot be paused between two logs.",
    );
    let is_long = review
        .plan
        .estimate
        .is_some_and(|estimate| estimate.high > LONG_SECS);
    if !wishes.on_server && (is_long || review.is_over()) {
        small(
            ui,
            if is_long {
                "Worth it here: the restore may take more than ten minutes"
            } else {
                "Worth it over the original: nobody waits for this window then"
            },
        );
    }
}

fn application_ui(
    ui: &mut Ui,
    state: &State,
    review: &Review,
    wishes: &mut RestoreWishes,
    actions: &mut Vec<Action>,
) {
    let found = review
        .prepared
        .as_ref()
        .and_then(|prepared| prepared.application.clone());
    let is_none = match wishes.application {
        ApplicationWish::Nobody => true,
        ApplicationWish::Named(_) => false,
        ApplicationWish::Found => found.is_none() && review.prepared.is_some(),
    };
    let shown = match (&wishes.application, &found) {
        (ApplicationWish::Nobody, _) => "none".to_owned(),
        (ApplicationWish::Named(name), _) => name.clone(),
        (ApplicationWish::Found, Some(name)) => format!("{name}, which lives here"),
        (ApplicationWish::Found, None) if review.prepared.is_none() => "looked for…".to_owned(),
        (ApplicationWish::Found, None) => "none is known".to_owned(),
    };
    ui.horizontal(|ui| {
        let label = ui.label("Application");
        let combo = ComboBox::from_id_salt("application")
            .width(220.0)
            .selected_text(shown)
            .show_ui(ui, |ui| {
                let choice = &mut wishes.application;
                ui.selectable_value(choice, ApplicationWish::Found, "The one that lives here");
                for application in &state.applications.known.applications {
                    ui.selectable_value(
                        choice,
                        ApplicationWish::Named(application.name.clone()),
                        &application.name,
                    );
                }
                ui.selectable_value(choice, ApplicationWish::Nobody, "None");
            });
        combo.response.labelled_by(label.id);
        if link(ui, "Edit…").clicked() {
            actions.push(Action::Application(ApplicationAction::Edit(found)));
            actions.push(Action::Application(ApplicationAction::Show));
        }
    });
    small(
        ui,
        match (is_none, review.is_over()) {
            (true, true) => {
                "Nothing is stopped before, and no table is counted. Whoever is in the database is put out."
            }
            (true, false) => "No table is counted in the copy.",
            (false, true) => "It is stopped first and started last, and its tables are counted.",
            (false, false) => {
                "Its tables are counted in the copy. Nothing is stopped: nobody works in the copy yet."
            }
        },
    );
    ui.add_space(4.0);
}

/// Jobs that would come in between, as the preflight found them.
fn jobs_ui(ui: &mut Ui, review: &Review, wishes: &mut RestoreWishes) {
    let due = review
        .checks
        .iter()
        .flatten()
        .find_map(|check| match &check.finding {
            PreflightFinding::JobsDue { names } => Some(names.clone()),
            _ => None,
        });
    let names = due.unwrap_or_else(|| wishes.pause_jobs.clone());
    if names.is_empty() {
        return;
    }
    let mut pause = !wishes.pause_jobs.is_empty();
    let before = pause;
    ui.checkbox(
        &mut pause,
        format!("Disable until it is over: {}", names.join(", ")),
    )
    .on_hover_text(
        "They are enabled again when the restore has ended; until then the journal owes it",
    );
    if pause != before {
        wishes.pause_jobs = if pause { names } else { Vec::new() };
    }
}

fn tail_ui(ui: &mut Ui, review: &Review, wishes: &mut RestoreWishes, reason: &mut String) {
    let palette = *Palette::of(ui);
    let has_tail = review
        .prepared
        .as_ref()
        .and_then(|prepared| prepared.choices.over.as_ref())
        .is_none_or(crate::run::OverChoice::has_tail);
    if !has_tail {
        return;
    }
    ui.checkbox(
        &mut wishes.damaged,
        "The database is damaged: take the tail past what cannot be read",
    )
    .on_hover_text("CONTINUE_AFTER_ERROR, or NO_TRUNCATE when the database is not online");
    match wishes.give_up_tail.clone() {
        Some(given) => {
            ui.add(
                Label::new(
                    RichText::new(format!("The tail is given up: {given}"))
                        .font(regular(12.5))
                        .color(palette.danger),
                )
                .wrap(),
            );
            if link(ui, "Save the tail after all").clicked() {
                wishes.give_up_tail = None;
            }
        }
        None => {
            ui.collapsing("The tail cannot or must not be saved…", |ui| {
                small(
                    ui,
                    "What no backup holds yet is then lost for good. It needs a reason.",
                );
                if let Some(given) = reason_ui(ui, reason, "Give the tail up") {
                    wishes.give_up_tail = Some(given);
                }
            });
        }
    }
}
