//! What the schedule promises and takes, in four cards.

use super::{card, schedule::note};
use crate::{
    domain::Verdict,
    explain::{self, schedule as words},
    run::schedule::Outlook,
    state::State,
    ui::{
        theme::{Palette, regular, semibold},
        widgets::{Dot, small},
    },
};
use egui::{Align, Color32, Label, Layout, RichText, Ui};

/// As high as the fullest of them usually is, in points.
const CARD: f32 = 118.0;

/// Loss, restore time, storage, checks.
pub fn cards_ui(ui: &mut Ui, state: &State, outlook: &Outlook) {
    let plan = &outlook.plan;
    let objective = outlook.policy.objective;
    ui.columns(4, |columns| {
        let [loss, restore, storage, checks] = columns else {
            return;
        };
        figure(
            loss,
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
        figure(
            restore,
            "Longest restore",
            &value,
            &[
                verdict_line(plan.down_verdict, objective.map(|o| o.down_minutes)),
                (basis, None),
            ],
        );
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
        figure(
            storage,
            &format!(
                "Storage for {} back",
                explain::count(days as usize, "day", "days")
            ),
            &value,
            &[
                (basis, None),
                (
                    "free space on the share: unknown to the server".to_owned(),
                    None,
                ),
            ],
        );
        checks_ui(checks, state, outlook);
    });
}

type Line = (String, Option<Verdict>);

fn verdict_line(verdict: Option<Verdict>, minutes: Option<u32>) -> Line {
    match verdict.zip(minutes) {
        Some((verdict, minutes)) => (words::verdict(verdict, minutes), Some(verdict)),
        None => (String::new(), None),
    }
}

fn figure(ui: &mut Ui, title: &str, value: &str, lines: &[Line]) {
    let palette = *Palette::of(ui);
    let color = |verdict: &Option<Verdict>| -> Color32 {
        match verdict {
            None => palette.muted,
            Some(Verdict::Met) => palette.log,
            Some(Verdict::Tight { .. }) => palette.at_risk,
            Some(Verdict::Missed { .. } | Verdict::MissedDown { .. }) => palette.danger,
        }
    };
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.set_min_height(CARD);
        // Columns justify their text; lines of a card are short and stay ragged.
        ui.set_max_height(f32::INFINITY);
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
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
        });
    });
}

fn checks_ui(ui: &mut Ui, state: &State, outlook: &Outlook) {
    let palette = *Palette::of(ui);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.set_min_height(CARD);
        // Columns justify their text; lines of a card are short and stay ragged.
        ui.set_max_height(f32::INFINITY);
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            ui.add(Label::new(
                RichText::new("Checks")
                    .font(regular(12.5))
                    .color(palette.muted),
            ));
            if let Some(clash) = outlook.plan.clashes.first() {
                note(ui, Dot::AtRisk, &words::clash(clash));
            }
            let others = outlook.plan.clashes.len().saturating_sub(1);
            if others > 0 {
                let text = explain::count(others, "more clash", "more clashes");
                let lines: Vec<String> = outlook.plan.clashes.iter().map(words::clash).collect();
                small(ui, text).on_hover_text(lines.join("\n"));
            }
            if outlook.plan.clashes.is_empty() {
                note(ui, Dot::Good, "no other job runs at the same time");
            }
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
                note(
                    ui,
                    Dot::AtRisk,
                    &format!("{} is not covered", outside.what.to_lowercase()),
                );
            }
        });
    });
}
