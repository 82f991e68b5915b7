//! A hint where there is something to undo: the practice world's accident.

use super::{
    theme::{Palette, mix, regular},
    widgets::button,
};
use crate::{
    explain::figures,
    state::{Action, State},
};
use egui::{Align, Frame, Label, Layout, Margin, RichText, Stroke, Ui, vec2};

/// Shows the hint above the timeline until the marker stands before the accident.
pub fn suggestion_ui(ui: &mut Ui, state: &State) -> Vec<Action> {
    let mut actions = Vec::new();
    let palette = *Palette::of(ui);
    let (Some(suggestion), Some(database)) = (&state.suggestion, &state.database) else {
        return actions;
    };
    let here = state.selected_server() == Some(suggestion.server)
        && state.database_name() == Some(suggestion.database.as_str());
    let before = suggestion.accident.seconds().floor() - 1.0;
    let there = state
        .choice
        .moment
        .is_some_and(|moment| moment.instant.seconds() == before);
    if !here || there || state.run.is_some() {
        return actions;
    }
    let at = database.history.clock().server_time(suggestion.accident);
    Frame::new()
        .fill(mix(palette.background, palette.moment, 0.08))
        .stroke(Stroke::new(
            1.0,
            mix(palette.background, palette.moment, 0.4),
        ))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 6))
        .outer_margin(Margin {
            left: 16,
            right: 16,
            top: 10,
            bottom: 0,
        })
        .show(ui, |ui| {
            let row = vec2(ui.available_width(), 30.0);
            ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
                if button(ui, "Go to the second before").clicked() {
                    actions.push(Action::TakeSuggestion);
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(
                        Label::new(
                            RichText::new(format!(
                                "Practice: somebody made a mistake here on {}",
                                figures::short_date_time(at)
                            ))
                            .font(regular(13.0))
                            .color(palette.text),
                        )
                        .truncate(),
                    );
                });
            });
        });
    actions
}
