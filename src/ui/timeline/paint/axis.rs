//! The range in words, ticks, repeated hours and the labels of the lanes.

use super::Canvas;
use crate::{
    domain::EstimateBasis,
    explain::figures,
    state::SpanKind,
    ui::{
        theme::{Palette, mix, regular, semibold},
        timeline::{
            CurveUnit,
            interact::axis_ticks,
            scale::{TickWeight, repeated_hours},
        },
    },
};
use egui::{Align2, Color32, FontId, Pos2, Rect, Stroke, Ui, pos2};

pub(super) fn paint_top(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let clock = canvas.database.history.clock();
    let at = |time: f64| {
        crate::domain::UtcTime::from_seconds(time).map(|instant| clock.server_time(instant))
    };
    let range = canvas.scale.range;
    if let (Some(begin), Some(end)) = (at(range.begin), at(range.end)) {
        ui.painter().text(
            pos2(canvas.layout.top.left(), canvas.layout.top.center().y),
            Align2::LEFT_CENTER,
            figures::day_range(begin, end),
            regular(12.5),
            palette.muted,
        );
    }
}

pub(super) fn paint_axis(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let layout = canvas.layout;
    let painter = ui.painter();
    let plot = layout.plot;
    for [begin, change, end] in repeated_hours(canvas.scale.range, canvas.database.history.clock())
    {
        paint_repeated_hour(ui, canvas, palette, [begin, change, end]);
    }
    let ticks = axis_ticks(canvas.scale, canvas.database);
    let mut taken: Vec<egui::Rangef> = Vec::new();
    // Days speak first; the hours take what room is left.
    for weight in [TickWeight::Day, TickWeight::Part] {
        for tick in ticks.iter().filter(|tick| tick.weight == weight) {
            let x = ui
                .painter()
                .round_to_pixel_center(canvas.scale.x(tick.time));
            if !plot.x_range().contains(x) {
                continue;
            }
            let (font, color, line) = match weight {
                TickWeight::Day => (semibold(11.5), palette.text, palette.line),
                TickWeight::Part => (
                    regular(11.5),
                    palette.muted,
                    mix(palette.background, palette.line, 0.55),
                ),
            };
            painter.vline(x, plot.y_range(), Stroke::new(1.0, line));
            let galley = painter.layout_no_wrap(tick.label.clone(), font, color);
            let width = galley.size().x;
            let left = match weight {
                TickWeight::Day => x + 4.0,
                TickWeight::Part => x - width / 2.0,
            };
            let span = egui::Rangef::new(left - 6.0, left + width + 6.0);
            let free = taken
                .iter()
                .all(|other| other.max < span.min || span.max < other.min);
            if free && left + width <= plot.right() + 12.0 && left >= plot.left() - 4.0 {
                taken.push(span);
                let y = layout.axis.center().y - galley.size().y / 2.0;
                painter.galley(pos2(left, y), galley, color);
            }
        }
    }
    painter.hline(
        plot.x_range(),
        plot.bottom(),
        Stroke::new(1.0, palette.line),
    );
    painter.vline(plot.left(), plot.y_range(), Stroke::new(1.0, palette.line));
}

/// Both passes of an hour that the clock shows twice.
fn paint_repeated_hour(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette, hour: [f64; 3]) {
    let plot = canvas.layout.plot;
    let [begin, change, end] =
        hour.map(|time| canvas.scale.x(time).clamp(plot.left(), plot.right()));
    if end - begin < 1.0 {
        return;
    }
    let painter = ui.painter();
    let fill = |from: f32, to: f32, strength: f32| {
        painter.rect_filled(
            Rect::from_x_y_ranges(from..=to, plot.y_range()),
            0,
            mix(palette.background, palette.at_risk, strength),
        );
    };
    fill(begin, change, 0.06);
    fill(change, end, 0.14);
    if end - begin > 90.0 {
        for (from, to, words) in [(begin, change, "1st pass"), (change, end, "2nd pass")] {
            painter.text(
                pos2((from + to) / 2.0, plot.top() + 8.0),
                Align2::CENTER_CENTER,
                words,
                regular(11.0),
                palette.at_risk,
            );
        }
    } else {
        painter.text(
            pos2(end + 4.0, plot.top() + 8.0),
            Align2::LEFT_CENTER,
            "hour shown twice",
            regular(11.0),
            palette.at_risk,
        );
    }
}

pub(super) fn paint_labels(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let layout = canvas.layout;
    let left = layout.top.left();
    let label = |title: &str, below: &str, y: f32| {
        let painter = ui.painter();
        painter.text(
            pos2(left, y),
            Align2::LEFT_CENTER,
            title,
            semibold(11.5),
            palette.text,
        );
        let room = layout.plot.left() - left - 4.0;
        fitted(
            ui,
            pos2(left, y + 15.0),
            below,
            regular(11.0),
            palette.muted,
            room,
        );
    };
    for ((model, rect), title) in
        canvas
            .lanes
            .all()
            .into_iter()
            .zip(layout.lanes)
            .zip(["Full", "Differential", "Log"])
    {
        label(title, &model.rhythm, rect.bottom() - 34.0);
    }
    let spans = &canvas.database.spans;
    let points = spans
        .iter()
        .filter(|span| span.kind == SpanKind::Restorable)
        .all(|span| span.end - span.begin < 1.0);
    let words = if spans.is_empty() {
        "nothing"
    } else if points {
        "at backups"
    } else {
        "any second"
    };
    if let Some(managed) = &canvas.database.managed {
        if managed.tells_range() {
            label("Restorable", "", layout.band.center().y);
            label("Long-term", "", layout.reason.center().y);
        }
        return;
    }
    label("Restorable", words, layout.band.center().y - 2.0);
    let (title, basis) = match canvas.curve.unit {
        CurveUnit::Seconds(EstimateBasis::Measured) => ("Restore time", "measured"),
        CurveUnit::Seconds(EstimateBasis::BackupSpeed) => ("Restore time", "estimate"),
        CurveUnit::Bytes => ("To read", "bytes"),
    };
    label(title, basis, layout.curve.top() + 8.0);
    if !canvas.database.events.is_empty() {
        fitted(
            ui,
            pos2(left, layout.events.center().y),
            "Events",
            semibold(11.5),
            palette.text,
            layout.plot.left() - left - 4.0,
        );
    }
}

/// Text on one line, as small as it must be to fit.
fn fitted(ui: &Ui, left: Pos2, text: &str, font: FontId, color: Color32, room: f32) {
    let mut font = font;
    let mut galley = ui
        .painter()
        .layout_no_wrap(text.to_owned(), font.clone(), color);
    if galley.size().x > room {
        font.size = (font.size * room / galley.size().x).max(9.0);
        galley = ui.painter().layout_no_wrap(text.to_owned(), font, color);
    }
    let at = pos2(left.x, left.y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, color);
}
