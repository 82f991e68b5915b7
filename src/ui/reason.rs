//! A line in which a reason is typed before something is left out.

use super::{
    form,
    widgets::{button, small},
};
use egui::{TextEdit, Ui};

/// A field and its button; returns the reason once it was given.
pub fn reason_ui(ui: &mut Ui, typed: &mut String, action: &str) -> Option<String> {
    let mut given = None;
    ui.horizontal(|ui| {
        let label = small(ui, "Because");
        let hint = form::hint_text(ui, "the journal keeps the reason");
        ui.add(
            TextEdit::singleline(typed)
                .hint_text(hint)
                .desired_width(260.0),
        )
        .labelled_by(label.id);
        let reason = typed.trim();
        if ui
            .add_enabled_ui(!reason.is_empty(), |ui| button(ui, action))
            .inner
            .clicked()
        {
            given = Some(reason.to_owned());
        }
    });
    if given.is_some() {
        typed.clear();
    }
    given
}
