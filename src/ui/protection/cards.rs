//! What the schedule promises and takes, in four cards.

use super::{card, schedule::note};
use crate::{
    domain::{ServerPath, Verdict},
    explain::{self, PlaceStanding, figures, schedule as words},
    run::{ProbeOutcome, schedule::Outlook},
    state::{Action, Asked, ProtectionAction, State},
    ui::{
        theme::{Palette, regular, semibold},
        widgets::{Dot, link, small},
    },
};
use egui::{Align, Color32, Label, Layout, RichText, Ui};

/// As high as the least of them is, in points.
const CARD: f32 = 118.0;

/// Loss, restore time, storage, checks; all as high as the fullest was in the last frame.
pub fn cards_ui(
    ui: &mut Ui,
    state: &State,
    outlook: &Outlook,
    height: &mut f32,
    actions: &mut Vec<Action>,
) {
    let least = height.max(CARD);
    let mut fullest = 0.0_f32;
    let plan = &outlook.plan;
    let objective = outlook.policy.objective;
    ui.columns(4, |columns| {
        let [loss, restore, storage, checks] = columns else {
            return;
        };
        fullest = figure(
            loss,
            least,
            "Most that can be lost",
            &words::promised_loss(plan.loss),
            &[
                (words::loss_basis(plan.loss), None),
                verdict_line(plan.loss_verdict, objective.map(|o| o.loss_minutes)),
            ],
        );
        let (value, basis) = match plan.restore {
            Some(restore) => (
                explain::duration(restore.estimate.seconds),
                format!(
                    "{}, {}",
                    words::restore_basis(restore.estimate.basis),
                    explain::count(restore.logs, "log", "logs")
                ),
            ),
            None => (
                "unknown".to_owned(),
                "no backups tell how long it takes".to_owned(),
            ),
        };
        fullest = fullest.max(figure(
            restore,
            least,
            "Longest restore",
            &value,
            &[
                verdict_line(plan.down_verdict, objective.map(|o| o.down_minutes)),
                (basis, None),
            ],
        ));
        let days = outlook.policy.retention.window_days.get();
        let (value, basis) = match plan.storage {
            Some(storage) => (
                explain::size(storage.bytes),
                format!(
                    "from the backups of the last {}",
                    explain::duration(storage.basis_hours as f64 * 3_600.0)
                ),
            ),
            None => (
                "unknown".to_owned(),
                "no backups tell how much they take".to_owned(),
            ),
        };
        fullest = fullest.max(figure(
            storage,
            least,
            &format!(
                "Storage for {} back",
                explain::count(days as usize, "day", "days")
            ),
            &value,
            &[
                (basis, None),
                (
                    free_space(state, plan.storage.map(|storage| storage.bytes)),
                    None,
                ),
            ],
        ));
        fullest = fullest.max(checks_ui(checks, least, state, outlook, actions));
    });
    *height = fullest;
}

type Line = (String, Option<Verdict>);

fn verdict_line(verdict: Option<Verdict>, minutes: Option<u32>) -> Line {
    match verdict.zip(minutes) {
        Some((verdict, minutes)) => (words::verdict(verdict, minutes), Some(verdict)),
        None => (String::new(), None),
    }
}

/// Says how high its content is.
fn figure(ui: &mut Ui, least: f32, title: &str, value: &str, lines: &[Line]) -> f32 {
    let palette = *Palette::of(ui);
    let color = |verdict: &Option<Verdict>| -> Color32 {
        match verdict {
            None => palette.muted,
            Some(Verdict::Met) => palette.log,
            Some(Verdict::Tight { .. }) => palette.at_risk,
            Some(Verdict::Missed { .. } | Verdict::MissedDown { .. }) => palette.danger,
        }
    };
    framed(ui, least, |ui| {
        ui.add(Label::new(
            RichText::new(title)
                .font(regular(12.5))
                .color(palette.muted),
        ));
        ui.add(Label::new(
            RichText::new(value)
                .font(semibold(19.0))
                .color(palette.text),
        ));
        for (text, verdict) in lines.iter().filter(|(text, _)| !text.is_empty()) {
            ui.add(
                Label::new(
                    RichText::new(text)
                        .font(regular(11.5))
                        .color(color(verdict)),
                )
                .wrap(),
            );
        }
    })
}

/// A card; says how high its content is.
fn framed(ui: &mut Ui, least: f32, add: impl FnOnce(&mut Ui)) -> f32 {
    let palette = *Palette::of(ui);
    let shown = card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.set_min_height(least);
        // Columns justify their text; lines of a card are short and stay ragged.
        ui.set_max_height(f32::INFINITY);
        let content = ui.with_layout(Layout::top_down(Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            add(ui);
            ui.min_rect().height()
        });
        content.inner
    });
    shown.inner
}

/// The room where the full backups go, as the server tells it.
fn free_space(state: &State, wanted: Option<u64>) -> String {
    let full = state.protection.places().into_iter().next();
    let server = state.protection.of.as_ref().map(|(server, _)| *server);
    let check = server
        .zip(full)
        .and_then(|(server, folder)| state.place(server, &folder))
        .and_then(|place| place.check.told());
    match check.map(|check| check.free_bytes) {
        None => String::new(),
        Some(None) => "free space there is unknown to the server".to_owned(),
        Some(Some(free)) if wanted.is_some_and(|wanted| wanted > free) => {
            format!("only {} free there", explain::size(free))
        }
        Some(Some(free)) => format!("{} free there", explain::size(free)),
    }
}

fn checks_ui(
    ui: &mut Ui,
    least: f32,
    state: &State,
    outlook: &Outlook,
    actions: &mut Vec<Action>,
) -> f32 {
    let muted = Palette::of(ui).muted;
    framed(ui, least, |ui| {
        let title = RichText::new("Checks").font(regular(12.5)).color(muted);
        ui.add(Label::new(title));
        places_ui(ui, state);
        probe_ui(ui, state, outlook, actions);
        clashes_ui(ui, outlook);
        outside_ui(ui, state);
    })
}

/// Whether the server sees the folders; only what is wrong has a line of its own.
fn places_ui(ui: &mut Ui, state: &State) {
    let Some((server, _)) = state.protection.of else {
        return;
    };
    let places = state.protection.places();
    let checks: Vec<_> = places
        .iter()
        .filter_map(|folder| state.place(server, folder)?.check.told())
        .collect();
    let mut seen = 0;
    for check in &checks {
        match explain::place_check(check) {
            (PlaceStanding::Good, _) => seen += 1,
            (standing, words) => {
                let folder = explain::file_name(check.place.as_str());
                let dot = Dot::of_place(standing);
                let hover = check.place.as_str();
                note(ui, dot, &format!("{folder}: {words}")).on_hover_text(hover);
            }
        }
    }
    if seen > 0 && seen == places.len() {
        let words = explain::count(seen, "folder is there", "folders are there");
        let all: Vec<&str> = places.iter().map(ServerPath::as_str).collect();
        note(ui, Dot::Good, &words).on_hover_text(all.join("\n"));
    }
}

/// Whether the service account can write there: by a probe, whoever took it.
fn probe_ui(ui: &mut Ui, state: &State, outlook: &Outlook, actions: &mut Vec<Action>) {
    let Some((server, _)) = state.protection.of else {
        return;
    };
    let probe = state
        .protection
        .places()
        .first()
        .and_then(|folder| state.place(server, folder))
        .map(|place| &place.probe);
    match probe {
        Some(Asked::Asking) => {
            note(ui, Dot::Busy, "a small backup is written there…");
            return;
        }
        Some(Asked::Told(result)) if result.outcome != ProbeOutcome::Written => {
            let (standing, problem) = explain::probe_words(result, None);
            let mut hover = vec![problem.hint];
            hover.extend(problem.details);
            note(ui, Dot::of_place(standing), &problem.sentence).on_hover_text(hover.join("\n"));
        }
        Some(Asked::Failed(problem)) => {
            note(ui, Dot::Missed, &problem.sentence).on_hover_text(&problem.hint);
        }
        Some(Asked::NotYet | Asked::Told(_)) | None => {
            match state.probed(server, &ServerPath::new(&outlook.policy.share)) {
                Some(at) => {
                    let at = figures::short_date_time(at);
                    note(ui, Dot::Good, &format!("written by probe, {at}"));
                    return;
                }
                None => note(ui, Dot::Unknown, "no probe was written there yet"),
            };
        }
    }
    let hint =
        "Backs up model, the smallest database, copy-only; reads it back and removes it again";
    ui.horizontal(|ui| {
        // Below the words of the line above.
        ui.add_space(22.0);
        if link(ui, "Try to write there").on_hover_text(hint).clicked() {
            actions.push(Action::Protection(ProtectionAction::Probe));
        }
    });
}

fn clashes_ui(ui: &mut Ui, outlook: &Outlook) {
    let clashes = &outlook.plan.clashes;
    let Some(clash) = clashes.first() else {
        note(ui, Dot::Good, "no other job runs at the same time");
        return;
    };
    note(ui, Dot::AtRisk, &words::clash(clash));
    let others = clashes.len().saturating_sub(1);
    if others > 0 {
        let text = explain::count(others, "more clash", "more clashes");
        let lines: Vec<String> = clashes.iter().map(words::clash).collect();
        small(ui, text).on_hover_text(lines.join("\n"));
    }
}

/// What of the application no backup of SQL Server holds.
fn outside_ui(ui: &mut Ui, state: &State) {
    let Some((_, database)) = &state.protection.of else {
        return;
    };
    let outside = state
        .applications
        .known
        .applications
        .iter()
        .filter(|application| application.lives_in(database, |_, _| false))
        .flat_map(|application| &application.outside);
    for outside in outside {
        let words = format!("{} is not covered", outside.what.to_lowercase());
        note(ui, Dot::AtRisk, &words);
    }
}
