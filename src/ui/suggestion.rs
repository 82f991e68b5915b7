//! A way to the moment where there is something to undo: the practice world's accident.

use super::theme::{Palette, mix, semibold};
use crate::{
    explain::figures,
    state::{Action, State},
};
use egui::{Button, RichText, Stroke, Ui, vec2};

/// A small button that goes to the second before the accident, until the marker stands there.
pub fn suggestion_ui(ui: &mut Ui, state: &State) -> Option<Action> {
    let palette = *Palette::of(ui);
    let (suggestion, database) = (state.suggestion.as_ref()?, state.database.as_ref()?);
    let here = state.selected_server() == Some(suggestion.server)
        && state.database_name() == Some(suggestion.database.as_str());
    let before = suggestion.accident.seconds().floor() - 1.0;
    let there = state
        .choice
        .moment
        .is_some_and(|moment| moment.instant.seconds() == before);
    if !here || there {
        return None;
    }
    let at = database.history.clock().server_time(suggestion.accident);
    let words = RichText::new("Before the accident")
        .font(semibold(12.0))
        .color(palette.moment);
    let button = Button::new(words)
        .fill(mix(palette.background, palette.moment, 0.08))
        .stroke(Stroke::new(
            1.0,
            mix(palette.background, palette.moment, 0.4),
        ))
        .min_size(vec2(0.0, 24.0));
    ui.add(button)
        .on_hover_text(format!(
            "Practice: somebody made a mistake here at {}. This goes to the second before",
            figures::short_date_time(at)
        ))
        .clicked()
        .then_some(Action::TakeSuggestion)
}
