//! The lines of the preflight: each turns green or says what is wrong and what to do.

use super::super::theme::{Palette, regular, semibold};
use crate::{explain::preflight, run::PreflightVerdict, state::Review};
use egui::{Align2, Color32, Label, RichText, Sense, Stroke, Ui, vec2};

/// Shows the checks, or that the server is still asked.
pub fn checks_ui(ui: &mut Ui, review: &Review) {
    let palette = *Palette::of(ui);
    let Some(checks) = &review.checks else {
        if let Some(problem) = &review.not_asked {
            super::super::empty::problem_words(ui, problem, palette.danger);
            return;
        }
        super::super::empty::paragraph(
            ui,
            "Asking the server: names, files, space, connections, jobs…",
        );
        return;
    };
    for check in checks {
        let words = preflight(check);
        let (word, color) = match check.verdict {
            PreflightVerdict::Good => ("good", palette.log),
            PreflightVerdict::Warning => ("mind", palette.at_risk),
            PreflightVerdict::Refused => ("stops", palette.danger),
            PreflightVerdict::Unknown => ("not told", palette.muted),
        };
        ui.horizontal_top(|ui| {
            verdict_mark(ui, check.verdict, color, word);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                ui.add(
                    Label::new(
                        RichText::new(words.title)
                            .font(semibold(13.0))
                            .color(palette.text),
                    )
                    .wrap(),
                );
                for line in [&words.detail, &words.hint] {
                    if !line.is_empty() {
                        ui.add(
                            Label::new(
                                RichText::new(line).font(regular(11.5)).color(palette.muted),
                            )
                            .wrap(),
                        );
                    }
                }
            });
        });
        ui.add_space(3.0);
    }
}

/// A sign for a verdict, a word for screen readers.
fn verdict_mark(ui: &mut Ui, verdict: PreflightVerdict, color: Color32, word: &str) {
    let (rect, response) = ui.allocate_exact_size(vec2(22.0, 18.0), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, word));
    let c = rect.left_center() + vec2(8.0, 0.0);
    let painter = ui.painter();
    let stroke = Stroke::new(1.8, color);
    match verdict {
        PreflightVerdict::Good => {
            painter.line_segment([c + vec2(-4.5, 0.5), c + vec2(-1.5, 3.5)], stroke);
            painter.line_segment([c + vec2(-1.5, 3.5), c + vec2(5.0, -3.5)], stroke);
        }
        PreflightVerdict::Warning => {
            painter.text(c, Align2::CENTER_CENTER, "!", semibold(14.0), color);
        }
        PreflightVerdict::Refused => {
            painter.line_segment([c + vec2(-4.0, -4.0), c + vec2(4.0, 4.0)], stroke);
            painter.line_segment([c + vec2(-4.0, 4.0), c + vec2(4.0, -4.0)], stroke);
        }
        PreflightVerdict::Unknown => {
            painter.text(c, Align2::CENTER_CENTER, "?", semibold(13.0), color);
        }
    }
}
