//! Rows of a table whose columns share the width in fixed parts.

use super::super::{
    theme::{Palette, mono, regular},
    widgets::{Dot, paint_clipped, paint_dot},
};
use egui::{Align2, Color32, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// Where the columns begin, as parts of the width, ascending from 0.
pub struct Grid<'a> {
    pub columns: &'a [f32],
    /// The size of the type.
    pub size: f32,
    /// Whether a row can be clicked.
    pub sense: Sense,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    pub text: String,
    /// `None` is the colour of text.
    pub color: Option<Color32>,
    pub is_mono: bool,
    pub dot: Option<Dot>,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    pub fn colored(text: impl Into<String>, color: Color32) -> Self {
        Self {
            color: Some(color),
            ..Self::text(text)
        }
    }

    pub fn mono(text: impl Into<String>) -> Self {
        Self {
            is_mono: true,
            ..Self::text(text)
        }
    }

    pub fn with_dot(self, dot: Dot) -> Self {
        Self {
            dot: Some(dot),
            ..self
        }
    }
}

impl Grid<'_> {
    /// The line of headings.
    pub fn header(&self, ui: &mut Ui, titles: &[&str]) {
        let palette = *Palette::of(ui);
        let cells: Vec<Cell> = titles
            .iter()
            .map(|title| Cell::colored(*title, palette.muted))
            .collect();
        self.paint(ui, &cells, self.size - 1.0, Sense::hover());
    }

    /// A row; its text as a whole is its label.
    pub fn row(&self, ui: &mut Ui, cells: &[Cell]) -> Response {
        self.paint(ui, cells, self.size, self.sense)
    }

    fn paint(&self, ui: &mut Ui, cells: &[Cell], size: f32, sense: Sense) -> Response {
        let palette = *Palette::of(ui);
        let height = (self.size * 2.6).round();
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), sense);
        let label = cells
            .iter()
            .map(|cell| match cell.dot {
                Some(dot) => format!("{}, {}", cell.text, dot.word()),
                None => cell.text.clone(),
            })
            .collect::<Vec<_>>()
            .join(" · ");
        let role = if sense.senses_click() {
            Role::Button
        } else {
            Role::Label
        };
        response.widget_info(|| WidgetInfo::labeled(role, true, label.clone()));
        if !ui.is_rect_visible(rect) {
            return response;
        }
        if sense.senses_click() && (response.hovered() || response.has_focus()) {
            ui.painter().rect_filled(rect, 4, palette.selected);
        }
        let inner = rect.shrink2(vec2(10.0, 0.0));
        for (n, cell) in cells.iter().enumerate() {
            let begin = self.columns.get(n).copied().unwrap_or(1.0);
            let end = self.columns.get(n + 1).copied().unwrap_or(1.0);
            let mut left = inner.left() + inner.width() * begin;
            let right = inner.left() + inner.width() * end - 10.0;
            if let Some(dot) = cell.dot {
                paint_dot(ui, pos2(left + 4.0, inner.center().y), dot);
                left += 16.0;
            }
            let font = if cell.is_mono {
                mono(size - 1.0)
            } else {
                regular(size)
            };
            paint_clipped(
                ui,
                Rect::from_min_max(pos2(left, inner.top()), pos2(right, inner.bottom())),
                Align2::LEFT_CENTER,
                &cell.text,
                font,
                cell.color.unwrap_or(palette.text),
            );
        }
        ui.painter().hline(
            rect.x_range(),
            rect.bottom() - 0.5,
            Stroke::new(1.0, palette.line),
        );
        response
    }
}
