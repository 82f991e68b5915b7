//! The time of a run: what has passed, against the estimate and what was promised.

use super::{
    theme::{Palette, card, semibold},
    widgets::{progress, small, strong},
};
use crate::{
    explain::figures,
    state::{RunView, State},
};
use egui::{Label, RichText, Ui};

/// Shows it.
pub fn time_ui(ui: &mut Ui, state: &State, run: &RunView) {
    let palette = *Palette::of(ui);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let estimate = run.estimate_secs();
        // What is promised of the original, a copy need not keep; it is what its owners would wait for all the same.
        let promised = state.promised_secs(run.source, &run.plan);
        let mut title = "Since the run began".to_owned();
        let mut beside = Vec::new();
        if let Some(seconds) = estimate {
            title.push_str(" · estimate");
            beside.push(format!(
                "of ~{}",
                figures::duration(seconds.max(1.0).round())
            ));
        }
        if let Some(seconds) = promised {
            title.push_str(" · objective");
            beside.push(figures::duration(seconds));
        }
        small(ui, title);
        let elapsed = run.elapsed(state.own.now);
        ui.horizontal(|ui| {
            strong(ui, figures::stopwatch(elapsed), 22.0);
            ui.add(Label::new(
                RichText::new(beside.join(" · "))
                    .font(semibold(14.0))
                    .color(palette.muted),
            ));
        });
        ui.add_space(2.0);
        elapsed_bar(ui, run, elapsed, estimate, promised);
        ui.add_space(2.0);
    });
}

/// Time on a line: what has passed, and ticks where the estimate ends and what was promised.
fn elapsed_bar(
    ui: &mut Ui,
    run: &RunView,
    elapsed: f64,
    estimate: Option<f64>,
    promised: Option<f64>,
) {
    let palette = *Palette::of(ui);
    let width = ui.available_width();
    let ticks = [(estimate, palette.text), (promised, palette.at_risk)];
    let last = ticks
        .iter()
        .filter_map(|(seconds, _)| *seconds)
        .fold(0.0, f64::max);
    if last <= 0.0 {
        progress(ui, width, 7.0, Some(run.fraction()), palette.moment);
        return;
    }
    // Where nothing is promised, there is room for what takes longer than it should.
    let room = if promised.is_some() { 1.0 } else { 1.25 };
    let whole = (last * room).max(elapsed * 1.05).max(1.0);
    let at = |seconds: f64| (seconds / whole).clamp(0.0, 1.0) as f32;
    let top = ui.cursor().min;
    progress(ui, width, 7.0, Some(at(elapsed)), palette.moment);
    for (seconds, color) in ticks {
        let Some(seconds) = seconds else { continue };
        let x = top.x + 1.0 + (width - 2.0) * at(seconds);
        ui.painter().vline(
            x,
            (top.y - 4.0)..=(top.y + 11.0),
            egui::Stroke::new(2.0, color),
        );
    }
}
