//! What the timeline says about backups that are due: the tail that nothing holds, a differential that did not come.

use crate::{
    domain::{BackupKind, BackupType, DatabaseHistory},
    explain::figures,
    state::{Action, BackupAction, DatabaseView, Selection, SpanKind, State},
    ui::widgets::link,
};
use egui::{Align, Rect, Ui, vec2};

/// A shorter tail is what every log backup leaves.
const WORTH_SAYING_SECS: f64 = 60.0;
/// So many usual intervals without a differential are told.
const OVERDUE: f64 = 1.6;

/// Shows the hints of the selected database at the left of `rect`.
pub fn hints_ui(ui: &mut Ui, rect: Rect, state: &State, database: &DatabaseView) -> Vec<Action> {
    let mut actions = Vec::new();
    let Some(open) = opener(state) else {
        return actions;
    };
    let builder = egui::UiBuilder::new()
        .max_rect(rect)
        .layout(egui::Layout::left_to_right(Align::Center));
    ui.scope_builder(builder, |ui| {
        ui.spacing_mut().item_spacing = vec2(16.0, 0.0);
        ui.style_mut().override_font_id = Some(crate::ui::theme::regular(11.5));
        if let Some(seconds) = tail(database) {
            let words = format!("The tail is {}: back it up", figures::age(seconds));
            if link(ui, &words)
                .on_hover_text("No backup holds the log since the last one")
                .clicked()
            {
                actions.push(open(BackupKind::Log));
            }
        }
        if let Some(since) = no_differential_since(&database.history, database.now.seconds()) {
            let words = format!("No differential since {since}");
            if link(ui, &words)
                .on_hover_text("A differential shortens the way back")
                .clicked()
            {
                actions.push(open(BackupKind::Differential));
            }
        }
    });
    actions
}

/// The way on where the next log backup may hold what none holds yet.
pub fn back_up_log_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if let Some(open) = opener(state)
        && link(ui, "Back up the log…").clicked()
    {
        actions.push(open(BackupKind::Log));
    }
}

/// Opens the form for the selected database; `None` while that cannot be backed up.
fn opener(state: &State) -> Option<impl Fn(BackupKind) -> Action> {
    let Selection::Database { server, database } = &state.selection else {
        return None;
    };
    let view = state.servers.get(server)?;
    let may = view.info().is_some() && view.is_online(database);
    may.then_some(|kind| {
        Action::Backup(BackupAction::Open {
            server: *server,
            databases: vec![database.clone()],
            kind: Some(kind),
        })
    })
}

/// How long the tail is, when it is worth a word.
fn tail(database: &DatabaseView) -> Option<f64> {
    let last = database.spans.last()?;
    let seconds = last.end - last.begin;
    (last.kind == SpanKind::Tail && seconds >= WORTH_SAYING_SECS).then_some(seconds)
}

/// When the last differential came, where they come regularly and one is overdue. A full makes one needless.
fn no_differential_since(history: &DatabaseHistory, now: f64) -> Option<String> {
    let lane = history.lane(BackupType::Differential)?;
    let n = lane.len();
    if n < 3 {
        return None;
    }
    let mut starts = lane.iter_from(n.saturating_sub(9)).map(|set| set.start());
    let first = starts.next()?;
    let mut distances = Vec::new();
    let mut newest = first;
    for start in starts {
        distances.push(start.instant.seconds() - newest.instant.seconds());
        newest = start;
    }
    distances.sort_by(f64::total_cmp);
    let usual = *distances.get(distances.len() / 2)?;
    let full = history
        .lane(BackupType::Full)
        .and_then(|fulls| {
            let idx = (0..fulls.len())
                .rev()
                .find(|idx| fulls.get(*idx).is_some_and(|set| !set.is_copy_only()))?;
            Some(fulls.get(idx)?.start().instant.seconds())
        })
        .unwrap_or(f64::NEG_INFINITY);
    let since = newest.instant.seconds().max(full);
    (usual > 0.0 && now - since > usual * OVERDUE).then(|| figures::day_and_time(newest.server))
}
