//! Backups that are treated as lost, and what goes dark without them.

use super::{Canvas, bar_rect, clip};
use crate::{
    domain::{BackupType, Lost},
    explain::figures,
    ui::{
        theme::{Palette, mix, regular},
        timeline::model::Density,
    },
};
use egui::{CornerRadius, Rect, Stroke, StrokeKind, Ui, pos2, vec2};

/// A lost backup is crossed out where it stands.
pub(super) fn paint_lost(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let painter = ui.painter().with_clip_rect(clip(ui, canvas.layout.plot));
    let history = &canvas.database.history;
    for lost in &canvas.state.choice.without {
        let Lost::Set(uuid) = lost else { continue };
        let Some(set) = history.set_by_uuid(*uuid) else {
            continue;
        };
        let place = match set.kind() {
            BackupType::Full => 0,
            BackupType::Differential => 1,
            _ => 2,
        };
        let models = canvas.lanes.all();
        let (Some(model), Some(rect), Some(lane)) = (
            models.get(place),
            canvas.layout.lanes.get(place),
            history.lane(set.kind()),
        ) else {
            continue;
        };
        let pixel = 1.0 / f64::from(ui.pixels_per_point());
        let width = match model.density(&lane, canvas.scale, pixel) {
            Density::Bars { width } | Density::Columns { width } => width,
        };
        let bar = model.bar(set, canvas.scale, width);
        let shape = bar_rect(&bar, set.kind(), *rect, ui.pixels_per_point());
        if !canvas.layout.plot.x_range().contains(shape.center().x) {
            continue;
        }
        painter.rect_filled(shape, 0, mix(palette.background, palette.danger, 0.35));
        let middle = pos2(shape.center().x, shape.top() - 6.0);
        let stroke = Stroke::new(2.0, palette.danger);
        for end in [vec2(3.0, 3.0), vec2(3.0, -3.0)] {
            painter.line_segment([middle - end, middle + end], stroke);
        }
    }
}

/// What the lost backups darken, framed on the band with its length.
pub(super) fn paint_dark(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let band = canvas.layout.band;
    let plot = canvas.layout.plot;
    let painter = ui.painter().with_clip_rect(clip(ui, plot));
    let visible = canvas.scale.range;
    for &(begin, end) in canvas.database.dark.iter() {
        if end < visible.begin || begin > visible.end {
            continue;
        }
        let left = canvas.scale.x(begin);
        let right = canvas.scale.x(end).max(left + 2.0);
        let rect = Rect::from_x_y_ranges(left..=right, band.y_range());
        painter.rect_stroke(
            rect.expand(2.0),
            CornerRadius::same(4),
            Stroke::new(1.5, palette.danger),
            StrokeKind::Outside,
        );
        if canvas.state.files_beside().is_some() || begin == end {
            // The marks of the files stand there, and the band itself tells the length. A moment has none.
            continue;
        }
        let words = format!("{} go dark", figures::duration(end - begin));
        let galley = painter.layout_no_wrap(words, regular(11.0), palette.danger);
        let at = (left.max(plot.left()) + 2.0).min(plot.right() - galley.size().x);
        painter.galley(
            pos2(at, band.top() - 4.0 - galley.size().y),
            galley,
            palette.danger,
        );
    }
}
