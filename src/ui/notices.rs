//! Problems that stay in sight until they are dismissed.

use super::{
    theme::{Palette, mix, regular, semibold},
    widgets::button,
};
use crate::{
    explain::ProblemKind,
    state::{Action, Dialog, State},
};
use egui::{Align, CornerRadius, Frame, Label, Layout, Margin, RichText, Stroke, Ui};

/// Shows one strip for each problem.
pub fn notices_ui(ui: &mut Ui, state: &State) -> Vec<Action> {
    let mut actions = Vec::new();
    let palette = *Palette::of(ui);
    for notice in &state.notices {
        let color = match notice.problem.kind {
            ProblemKind::Yours => palette.at_risk,
            ProblemKind::Server | ProblemKind::File | ProblemKind::Ours => palette.danger,
        };
        Frame::new()
            .fill(mix(palette.background, color, 0.1))
            .stroke(Stroke::new(1.0, mix(palette.background, color, 0.5)))
            .corner_radius(CornerRadius::same(8))
            .inner_margin(Margin::symmetric(12, 8))
            .outer_margin(Margin {
                left: 16,
                right: 16,
                top: 10,
                bottom: 0,
            })
            .show(ui, |ui| {
                ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                    ui.set_min_height(30.0);
                    if button(ui, "Dismiss").clicked() {
                        actions.push(Action::DismissNotice(notice.id));
                    }
                    if !notice.problem.details.is_empty() && button(ui, "Details…").clicked() {
                        actions.push(Action::ShowDialog(Dialog::Problem(notice.problem.clone())));
                    }
                    ui.with_layout(Layout::top_down(Align::Min), |ui| {
                        ui.add(
                            Label::new(
                                RichText::new(&notice.problem.sentence)
                                    .font(semibold(13.0))
                                    .color(palette.text),
                            )
                            .wrap(),
                        );
                        if !notice.problem.hint.is_empty() {
                            ui.add(
                                Label::new(
                                    RichText::new(&notice.problem.hint)
                                        .font(regular(13.0))
                                        .color(palette.muted),
                                )
                                .wrap(),
                            );
                        }
                    });
                });
            });
    }
    actions
}
