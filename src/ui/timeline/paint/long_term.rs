//! The lane of single backups that a service keeps for long: diamonds under the band, where gaps have their reasons elsewhere.

use super::{Canvas, clip};
use crate::{
    explain::figures,
    ui::theme::{Palette, mix, regular},
};
use egui::{Align2, Color32, Shape, Stroke, Ui, pos2};

pub(super) fn paint_long_term(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let Some(managed) = canvas
        .database
        .managed
        .as_ref()
        .filter(|it| it.tells_range())
    else {
        return;
    };
    let row = canvas.layout.reason;
    let painter = ui.painter().with_clip_rect(clip(ui, canvas.layout.plot));
    let chosen = canvas.state.azure.long_term_backup.as_deref();
    let mut older = 0;
    for backup in managed.long_term() {
        let time = backup.taken.seconds();
        if time < canvas.scale.range.begin {
            older += 1;
            continue;
        }
        let at = pos2(canvas.scale.x(time), row.center().y);
        let reach = 5.0;
        let color = if chosen == Some(&backup.id) {
            palette.moment
        } else {
            palette.full
        };
        painter.add(Shape::convex_polygon(
            vec![
                pos2(at.x, at.y - reach),
                pos2(at.x + reach, at.y),
                pos2(at.x, at.y + reach),
                pos2(at.x - reach, at.y),
            ],
            mix(palette.background, color, 0.7),
            Stroke::new(1.0, color),
        ));
    }
    if older > 0 {
        painter.text(
            pos2(row.left() + 4.0, row.center().y),
            Align2::LEFT_CENTER,
            format!("◀ {} older", figures::count(older)),
            regular(11.0),
            palette.muted,
        );
    }
    let none = match &managed.long_term {
        Some(backups) => backups.is_empty().then_some("none is kept"),
        None => Some("not told"),
    };
    if let Some(words) = none {
        painter.text(
            pos2(row.left() + 4.0, row.center().y),
            Align2::LEFT_CENTER,
            words,
            regular(11.0),
            palette.faint,
        );
    }
    paint_edge(ui, canvas, palette);
}

/// Where short-term retention ends: what lies left of it goes as time goes on.
fn paint_edge(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let range = canvas
        .database
        .managed
        .as_ref()
        .and_then(|managed| managed.range);
    let Some((range, days)) = range.and_then(|range| Some((range, range.days?))) else {
        return;
    };
    let edge = canvas.database.now.seconds() - f64::from(days) * 86_400.0;
    if edge + 60.0 < range.earliest.seconds() {
        // The database is younger than its retention: nothing goes yet.
        return;
    }
    let plot = canvas.layout.plot;
    let x = canvas.scale.x(edge);
    if !plot.x_range().contains(x) {
        return;
    }
    let painter = ui.painter().with_clip_rect(clip(ui, plot));
    let color: Color32 = palette.at_risk;
    painter.extend(Shape::dashed_line(
        &[pos2(x, plot.top()), pos2(x, plot.bottom())],
        Stroke::new(1.0, color),
        4.0,
        4.0,
    ));
    painter.text(
        pos2(x + 5.0, plot.top() + 8.0),
        Align2::LEFT_CENTER,
        format!("{days} days kept"),
        regular(11.0),
        color,
    );
}
