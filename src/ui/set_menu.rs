//! What can be done about one backup: the menu of its bar and of its row.

use crate::{
    domain::{BackupSet, Lost},
    state::{Action, DatabaseView, PlanningAction, State},
};
use egui::Ui;

/// The menu of a backup.
pub fn set_menu_ui(
    ui: &mut Ui,
    state: &State,
    database: &DatabaseView,
    set: &BackupSet,
    actions: &mut Vec<Action>,
) {
    if ui.button("Put the marker here").clicked() {
        actions.push(Action::GoTo(set.finish().instant.seconds()));
        ui.close();
    }
    if ui.button("Show it in the table").clicked() {
        actions.push(Action::ShowSet(set.uuid));
        ui.close();
    }
    let lost = state.choice.without.contains(&Lost::Set(set.uuid));
    let words = if lost {
        "Plan with it again"
    } else {
        "Plan without it"
    };
    if ui.button(words).clicked() {
        actions.push(Action::ToggleLost(set.uuid));
        ui.close();
    }
    // A file of its own is lost with its backup; one that holds others is another question.
    for file in shared_files(database, set) {
        let path = Lost::File(file.to_owned());
        let lost = state.choice.without.contains(&path);
        let short = file.rsplit(['\\', '/']).next().unwrap_or(file);
        let words = if lost {
            format!("Plan with {short} again")
        } else {
            format!("Plan without {short} and all that it holds")
        };
        if ui.button(words).clicked() {
            let action = PlanningAction::ToggleLostFile(file.to_owned());
            actions.push(Action::Planning(action));
            ui.close();
        }
    }
}

/// Files of a set that hold another set beside it; looked for among its neighbours.
fn shared_files<'a>(database: &DatabaseView, set: &'a BackupSet) -> Vec<&'a str> {
    const NEIGHBOURS: usize = 500;
    let history = &database.history;
    let Some(place) = history.index_of(set.uuid) else {
        return Vec::new();
    };
    let from = place.saturating_sub(NEIGHBOURS);
    set.device_names()
        .filter(|name| {
            (from..place + NEIGHBOURS)
                .filter_map(|n| history.set(n))
                .filter(|other| other.uuid != set.uuid)
                .any(|other| other.device_names().any(|device| device == *name))
        })
        .take(3)
        .collect()
}
