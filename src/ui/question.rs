//! A question of the user's own to the database that lies between two logs.

use super::{
    empty::paragraph,
    form,
    theme::{Palette, card, mono, regular, semibold},
    widgets::{button, small, strong},
};
use crate::{
    explain::{QUESTION_HINT, figures},
    state::{Action, RunView},
    worker::Looked,
};
use egui::{Grid, Key, Label, Modifiers, RichText, ScrollArea, TextEdit, Ui};

/// The question while it is typed.
#[derive(Debug, Default)]
pub struct Question {
    text: String,
}

impl Question {
    /// Shows the question and its answer.
    pub fn ui(&mut self, ui: &mut Ui, run: &RunView, actions: &mut Vec<Action>) {
        let palette = *Palette::of(ui);
        card(&palette).show(ui, |ui| {
            ui.set_width(ui.available_width());
            strong(ui, format!("Ask {}", run.target_database), 13.0);
            let hint = form::hint_text(ui, QUESTION_HINT);
            let field = ui.add(
                TextEdit::multiline(&mut self.text)
                    .font(mono(12.0))
                    .hint_text(hint)
                    .desired_rows(2)
                    .desired_width(f32::INFINITY),
            );
            let entered = field.has_focus()
                && ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter));
            field.accessible_name("Question");
            ui.horizontal(|ui| {
                let ready = !run.look.asked && !self.text.trim().is_empty();
                let clicked = ui
                    .add_enabled_ui(ready, |ui| button(ui, "Ask"))
                    .inner
                    .clicked();
                if ready && (clicked || entered) {
                    actions.push(Action::LookInto(self.text.clone()));
                }
                small(
                    ui,
                    if run.look.asked {
                        "Asking…"
                    } else {
                        "One SELECT; nothing here changes the database"
                    },
                );
            });
            match &run.look.answer {
                Some(Ok(looked)) => answer_ui(ui, looked),
                Some(Err(problem)) => {
                    ui.add(
                        Label::new(
                            RichText::new(&problem.sentence)
                                .font(semibold(12.5))
                                .color(palette.danger),
                        )
                        .wrap()
                        .selectable(true),
                    );
                    if !problem.hint.is_empty() {
                        paragraph(ui, &problem.hint);
                    }
                }
                None => {}
            }
        });
    }
}

fn answer_ui(ui: &mut Ui, looked: &Looked) {
    let palette = *Palette::of(ui);
    let shown = looked.rows.len();
    let count = figures::counted(looked.n_rows as u64, "row", "rows");
    small(
        ui,
        if shown < looked.n_rows {
            format!("{count}, the first {shown} of them")
        } else {
            count
        },
    );
    ui.spacing_mut().interact_size.y = 16.0;
    ScrollArea::both()
        .id_salt("answer")
        .max_height(220.0)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            Grid::new("answer")
                .num_columns(looked.columns.len())
                .spacing([18.0, 3.0])
                .show(ui, |ui| {
                    for column in &looked.columns {
                        ui.add(Label::new(
                            RichText::new(column)
                                .font(semibold(11.5))
                                .color(palette.muted),
                        ));
                    }
                    ui.end_row();
                    for row in &looked.rows {
                        for cell in row {
                            let color = if cell == "NULL" {
                                palette.muted
                            } else {
                                palette.text
                            };
                            ui.add(
                                Label::new(RichText::new(cell).font(regular(12.0)).color(color))
                                    .selectable(true),
                            );
                        }
                        ui.end_row();
                    }
                });
        });
}
