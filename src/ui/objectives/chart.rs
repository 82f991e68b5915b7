//! Drills as bars beside the objective.

use super::{
    View,
    scenarios::{day, time_of_day},
    titled_card,
};
use crate::{
    explain::{self, figures},
    run::{BackedUpBy, Drill, DrillResult},
    state::{Action, ObjectivesAction},
    ui::theme::{Palette, mix, regular},
};
use egui::{Align2, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// As many bars as can be told apart.
const MOST_BARS: usize = 14;

/// Shows the last drills; each bar leads to its steps.
pub fn drills_ui(ui: &mut Ui, view: &View<'_>, height: f32) -> Vec<Action> {
    let mut actions = Vec::new();
    let shown = view.shown;
    let measured: Vec<(&Drill, &DrillResult)> = shown
        .judged
        .drills
        .iter()
        .filter_map(|drill| Some((drill, drill.result.as_ref()?)))
        .collect();
    let last = measured.len().saturating_sub(MOST_BARS);
    let bars = measured.get(last..).unwrap_or_default();
    let is_azure = shown.judged.backed_up_by == BackedUpBy::Azure;
    let mut title = if is_azure {
        "Restores that Azure carried out".to_owned()
    } else {
        "Drills · restore time to a verified copy".to_owned()
    };
    if shown.simulated {
        title.push_str(" · simulated");
    }
    titled_card(ui, view, &title, height, |ui| {
        if is_azure {
            return azure_ui(ui, view);
        }
        if bars.is_empty() {
            super::note(
                ui,
                view,
                "No drill was run yet. A drill restores to a copy, verifies it, measures every step and drops the copy. The original is only read.",
            );
            return;
        }
        let room = vec2(ui.available_width(), (height - 78.0).max(120.0));
        let (rect, _) = ui.allocate_exact_size(room, Sense::hover());
        paint(ui, view, rect, bars, &mut actions);
        summary_ui(ui, view, bars);
    });
    actions
}

/// Where Azure restores, each restore that it carries out is a measurement.
fn azure_ui(ui: &mut Ui, view: &View<'_>) {
    let restores = &view.shown.judged.azure;
    super::note(
        ui,
        view,
        "Azure restores its own backups. How long that takes is measured each time it is done from the timeline; 5–15 min is the objective, and Azure promises none.",
    );
    for (at, seconds) in restores.iter().rev().take(6) {
        super::note(
            ui,
            view,
            &format!("{} · {}", day(view, *at), explain::duration(*seconds)),
        );
    }
}

fn paint(
    ui: &mut Ui,
    view: &View<'_>,
    rect: Rect,
    bars: &[(&Drill, &DrillResult)],
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    let objective = view.shown.judged.down_objective_secs().map(f64::from);
    let longest = bars
        .iter()
        .map(|(_, result)| result.seconds)
        .fold(0.0, f64::max);
    // Short drills beside a long objective would be lines on the floor; the objective then stands at the top edge.
    let near = objective.filter(|objective| *objective <= longest * 6.0);
    let top = near.unwrap_or(0.0).max(longest) * 1.25;
    let label_height = view.size(11.0) * 1.8;
    let floor = rect.bottom() - label_height;
    let y_of = |seconds: f64| floor - ((floor - rect.top()) as f64 * seconds / top) as f32;
    if let Some(objective) = objective {
        let y = near.map_or(rect.top() + 16.0, y_of);
        let stroke = Stroke::new(1.0, palette.at_risk);
        ui.painter().extend(egui::Shape::dashed_line(
            &[pos2(rect.left() + 20.0, y), pos2(rect.right() - 10.0, y)],
            stroke,
            4.0,
            4.0,
        ));
        let word = if near.is_some() {
            format!("objective {}", explain::promise(objective as u32))
        } else {
            format!(
                "objective {}, far above",
                explain::promise(objective as u32)
            )
        };
        ui.painter().text(
            pos2(rect.right() - 10.0, y - 3.0),
            Align2::RIGHT_BOTTOM,
            word,
            regular(view.size(11.0)),
            palette.at_risk,
        );
    }
    let slot = ((rect.width() - 30.0) / bars.len().max(8) as f32).min(90.0);
    let width = (slot * 0.52).min(40.0);
    let chosen = view
        .shown
        .judged
        .drill(view.state.objectives.chosen_drill.as_ref())
        .map(|drill| &drill.run);
    let one_day = bars.first().is_some_and(|(first, _)| {
        bars.iter()
            .all(|(drill, _)| day(view, drill.began) == day(view, first.began))
    });
    for (n, (drill, result)) in bars.iter().enumerate() {
        let middle = rect.left() + 20.0 + slot * (n as f32 + 0.5);
        let bar = Rect::from_min_max(
            pos2(middle - width / 2.0, y_of(result.seconds).min(floor - 2.0)),
            pos2(middle + width / 2.0, floor),
        );
        let area = Rect::from_min_max(
            pos2(middle - slot / 2.0, rect.top()),
            pos2(middle + slot / 2.0, rect.bottom()),
        );
        let response = ui.interact(
            area,
            ui.scope_id().with(("drill", &drill.run.0)),
            Sense::click(),
        );
        let label = format!(
            "Drill {}, {}, {}",
            day(view, drill.began),
            explain::duration(result.seconds),
            word_of(result)
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label.clone()));
        let is_chosen = chosen == Some(&drill.run);
        let color = if !result.verified {
            palette.danger
        } else if is_chosen {
            palette.full
        } else {
            mix(palette.raised, palette.full, 0.55)
        };
        ui.painter().rect_filled(bar, 3, color);
        if !result.verified {
            // Colour alone says nothing: what was not verified is hollow.
            ui.painter().rect_filled(bar.shrink(3.0), 2, palette.raised);
        }
        ui.painter().text(
            pos2(middle, rect.bottom() - 2.0),
            Align2::CENTER_BOTTOM,
            // Of one day, as after a demonstration, the time tells them apart.
            match one_day {
                true => time_of_day(view, drill.began),
                false => day(view, drill.began),
            },
            regular(view.size(10.5)),
            palette.muted,
        );
        if response
            .on_hover_text(format!("{label}\n{}", explain::drilled(&drill.plan)))
            .clicked()
        {
            actions.push(Action::Objectives(ObjectivesAction::ChooseDrill(
                drill.run.clone(),
            )));
        }
    }
    ui.painter().hline(
        rect.left() + 10.0..=rect.right() - 10.0,
        floor,
        Stroke::new(1.0, palette.line),
    );
}

fn summary_ui(ui: &mut Ui, view: &View<'_>, bars: &[(&Drill, &DrillResult)]) {
    let mut verified: Vec<f64> = bars
        .iter()
        .filter(|(_, result)| result.verified)
        .map(|(_, result)| result.seconds)
        .collect();
    verified.sort_by(f64::total_cmp);
    let (Some(worst), Some(median)) = (verified.last(), verified.get(verified.len() / 2)) else {
        return super::note(ui, view, "None of them was verified.");
    };
    let failed = bars.len() - verified.len();
    let mut text = format!(
        "Median {} and worst {} of the last {}",
        explain::duration(*median),
        explain::duration(*worst),
        figures::counted(verified.len() as u64, "verified drill", "verified drills")
    );
    if failed > 0 {
        text.push_str(&format!("; {} not verified", figures::count(failed as u64)));
    }
    super::note(ui, view, &text);
}

/// How a drill ended, in a word.
pub fn word_of(result: &DrillResult) -> &'static str {
    match (result.verified, result.end.as_str()) {
        (true, _) => "verified",
        (false, "online_not_verified") => "not verified",
        (false, "cancelled") => "cancelled",
        (false, _) => "failed",
    }
}
