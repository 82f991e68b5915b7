//! Rows of labels and fields, as the editors show them.

use super::{
    theme::{Palette, regular},
    widgets::{choice, section},
};
use egui::{Align, Label, Layout, Response, RichText, TextEdit, Ui, vec2};

/// Widths of a form, in points.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    pub labels: f32,
    pub field: f32,
}

impl Form {
    /// A label, its field, and below it what is wrong with it.
    pub fn row(
        self,
        ui: &mut Ui,
        label: &str,
        fault: Option<String>,
        add: impl FnOnce(&mut Ui) -> Response,
    ) -> Response {
        let palette = *Palette::of(ui);
        let response = ui
            .horizontal(|ui| {
                let said = ui
                    .allocate_ui_with_layout(
                        vec2(self.labels, 28.0),
                        Layout::left_to_right(Align::Center),
                        |ui| {
                            ui.set_width(self.labels);
                            ui.add(Label::new(
                                RichText::new(label)
                                    .font(regular(13.0))
                                    .color(palette.muted),
                            ))
                        },
                    )
                    .inner;
                add(ui).labelled_by(said.id)
            })
            .inner;
        if let Some(fault) = fault {
            self.fault(ui, &fault);
        }
        response
    }

    /// What is wrong, under its row.
    pub fn fault(self, ui: &mut Ui, text: &str) {
        let color = Palette::of(ui).danger;
        self.indented(ui, text, color);
    }

    /// What a choice means, under its row.
    pub fn note(self, ui: &mut Ui, text: &str) {
        let color = Palette::of(ui).muted;
        self.indented(ui, text, color);
    }

    fn indented(self, ui: &mut Ui, text: &str, color: egui::Color32) {
        ui.horizontal(|ui| {
            ui.add_space(self.labels + ui.spacing().item_spacing.x);
            ui.vertical(|ui| {
                ui.set_max_width(self.field);
                ui.add(Label::new(RichText::new(text).font(regular(11.5)).color(color)).wrap());
            });
        });
    }
}

/// A section of fields.
pub fn group(ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui)) {
    ui.add_space(8.0);
    section(ui, title);
    ui.add_space(2.0);
    add(ui);
}

/// A field of one line, with an example while it is empty.
pub fn text(ui: &mut Ui, value: &mut String, width: f32, hint: &str) -> Response {
    let hint = hint_text(ui, hint);
    ui.add(
        TextEdit::singleline(value)
            .hint_text(hint)
            .desired_width(width),
    )
}

/// An example in an empty field: fainter than what is typed.
pub fn hint_text(ui: &Ui, hint: &str) -> RichText {
    RichText::new(hint).color(Palette::of(ui).faint)
}

/// A row of alternatives; returns the response of the row.
pub fn choices<T: Copy + PartialEq>(
    ui: &mut Ui,
    value: &mut T,
    alternatives: &[(T, &str)],
) -> Response {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (alternative, label) in alternatives {
            if choice(ui, label, value == alternative).clicked() {
                *value = *alternative;
            }
        }
    })
    .response
}
