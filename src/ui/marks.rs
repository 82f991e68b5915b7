//! Signs for how a step or a run stands: each has a shape of its own beside its colour.

use super::theme::{Palette, mix, regular};
use egui::{Align2, Color32, Pos2, Stroke, Ui, vec2};

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Done,
    /// Done, and something is to be said of it.
    Warned,
    Skipped,
    Failed,
    Cancelled,
    Running,
    /// It was interrupted, or waits for the user.
    Halted,
    /// Not reached, with its number; zero shows none.
    Waiting(usize),
}

impl Mark {
    /// The mark of an outcome by its word in journals.
    pub fn of_word(word: &str) -> Self {
        match word {
            "done" => Self::Done,
            "done_with_warning" => Self::Warned,
            "skipped" => Self::Skipped,
            "cancelled" => Self::Cancelled,
            _ => Self::Failed,
        }
    }

    /// Its colour.
    pub fn color(self, palette: &Palette) -> Color32 {
        match self {
            Self::Done => palette.log,
            Self::Warned | Self::Cancelled | Self::Halted => palette.at_risk,
            Self::Skipped | Self::Waiting(_) => palette.muted,
            Self::Failed => palette.danger,
            Self::Running => palette.moment,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Warned => "done with a warning",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
            Self::Halted => "waiting",
            Self::Waiting(_) => "not reached",
        }
    }
}

/// Paints a mark around a point; 12 is the radius of the run page.
pub fn paint_mark(ui: &Ui, center: Pos2, radius: f32, mark: Mark) {
    let palette = Palette::of(ui);
    let painter = ui.painter();
    let color = mark.color(palette);
    let part = radius / 12.0;
    let at = |x: f32, y: f32| center + vec2(x, y) * part;
    let stroke = Stroke::new(1.8 * part.max(0.8), color);
    let ring = |fill: f32| {
        painter.circle(center, radius, mix(palette.background, color, fill), stroke);
    };
    match mark {
        Mark::Done | Mark::Warned | Mark::Skipped => {
            ring(0.12);
            painter.line_segment([at(-4.0, 0.5), at(-1.2, 3.3)], stroke);
            painter.line_segment([at(-1.2, 3.3), at(4.4, -3.0)], stroke);
        }
        Mark::Failed | Mark::Cancelled => {
            ring(0.12);
            painter.line_segment([at(-3.5, -3.5), at(3.5, 3.5)], stroke);
            painter.line_segment([at(-3.5, 3.5), at(3.5, -3.5)], stroke);
        }
        Mark::Running => {
            painter.circle_stroke(center, radius, Stroke::new(2.0 * part.max(0.8), color));
            painter.circle_filled(center, 5.0 * part, color);
        }
        Mark::Halted => {
            ring(0.12);
            painter.line_segment([at(-2.6, -4.0), at(-2.6, 4.0)], stroke);
            painter.line_segment([at(2.6, -4.0), at(2.6, 4.0)], stroke);
        }
        Mark::Waiting(number) => {
            painter.circle_stroke(
                center,
                radius,
                Stroke::new(1.5 * part.max(0.8), palette.line),
            );
            if number > 0 {
                painter.text(
                    center,
                    Align2::CENTER_CENTER,
                    number.to_string(),
                    regular(11.5 * part.max(0.9)),
                    palette.muted,
                );
            }
        }
    }
}
