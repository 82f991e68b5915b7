//! The restorable band: what can be reached, gaps with their reasons, the tail.

use super::{Canvas, clip};
use crate::{
    explain::figures,
    state::SpanKind,
    ui::theme::{Palette, mix, regular},
};
use egui::{Color32, CornerRadius, Rect, Shape, Stroke, Ui, epaint::CubicBezierShape, pos2};

pub(super) fn paint_band(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let layout = canvas.layout;
    let band = layout.band;
    let plot = layout.plot;
    let painter = ui.painter().with_clip_rect(clip(ui, plot));
    let visible = canvas.scale.range;
    let spans = &canvas.database.spans;
    let first = spans.partition_point(|span| span.end < visible.begin);
    let mut last_drawn = [f32::NEG_INFINITY; 2];
    let mut reasons: Vec<(f32, f32, &str)> = Vec::new();
    let seen = || {
        spans
            .iter()
            .skip(first)
            .take_while(|span| span.begin <= visible.end)
    };
    // Gaps lie below, so that single moments stay in sight between them.
    let is_gap = |kind: &SpanKind| matches!(kind, SpanKind::Gap(_));
    let gaps = seen().filter(|span| is_gap(&span.kind));
    for span in gaps.chain(seen().filter(|span| !is_gap(&span.kind))) {
        let left = canvas.scale.x(span.begin);
        let right = canvas.scale.x(span.end).max(left + 2.0);
        // Thousands of windows on one pixel are one run.
        let slot = usize::from(matches!(span.kind, SpanKind::Gap(_)));
        if right <= last_drawn[slot] + 0.5 {
            continue;
        }
        last_drawn[slot] = right;
        let rect = Rect::from_x_y_ranges(left..=right, band.y_range());
        match &span.kind {
            SpanKind::Restorable => {
                let color = mix(palette.background, palette.log, 0.55);
                painter.rect_filled(rect, CornerRadius::same(3), color);
            }
            SpanKind::Gap(reason) => {
                hatch(&painter, rect, palette);
                reasons.push((left, right, reason));
            }
            SpanKind::Tail => {
                painter.rect_filled(
                    rect,
                    CornerRadius::same(3),
                    mix(palette.background, palette.at_risk, 0.85),
                );
                let words = format!("tail {}", figures::age(span.end - span.begin));
                let galley = painter.layout_no_wrap(words, regular(11.5), palette.at_risk);
                let at = (right + 6.0).min(plot.right() - galley.size().x);
                let y = band.center().y - galley.size().y / 2.0;
                if at > right || galley.size().x < right - left {
                    painter.galley(pos2(at, y), galley, palette.at_risk);
                }
            }
        }
    }
    paint_reasons(ui, canvas, palette, &reasons);
}

/// Where the database was taken back: the branch that was left is dim, and an arc leads to where it goes on.
pub(super) fn paint_branches(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let band = canvas.layout.band;
    let painter = ui.painter().with_clip_rect(clip(ui, canvas.layout.plot));
    let visible = canvas.scale.range;
    for branch in canvas.database.branches.iter() {
        if branch.begins < visible.begin || branch.left > visible.end {
            continue;
        }
        let (left, right) = (canvas.scale.x(branch.left), canvas.scale.x(branch.begins));
        // What was left behind reaches as far as it was backed up.
        for span in canvas.database.spans.iter() {
            let from = span.begin.max(branch.left);
            let to = span.end.min(branch.begins);
            if span.kind != SpanKind::Restorable || from >= to {
                continue;
            }
            let rect =
                Rect::from_x_y_ranges(canvas.scale.x(from)..=canvas.scale.x(to), band.y_range());
            painter.rect_filled(rect, 0, mix(palette.background, palette.log, 0.16));
            let lower = Rect::from_min_max(pos2(rect.left(), rect.center().y + 2.0), rect.max);
            painter.rect_filled(lower, 0, mix(palette.background, palette.log, 0.34));
        }
        let height = (band.top() - canvas.layout.lanes[2].bottom() - 3.0).max(6.0);
        let top = band.top() - height;
        painter.add(CubicBezierShape::from_points_stroke(
            [
                pos2(left, band.top()),
                pos2(left, top),
                pos2(right, top),
                pos2(right, band.top()),
            ],
            false,
            Color32::TRANSPARENT,
            Stroke::new(1.5, palette.text),
        ));
        painter.circle_filled(pos2(left, band.top()), 2.5, palette.text);
        painter.add(Shape::convex_polygon(
            vec![
                pos2(right - 3.5, band.top() - 5.0),
                pos2(right + 3.5, band.top() - 5.0),
                pos2(right, band.top()),
            ],
            palette.text,
            Stroke::NONE,
        ));
    }
}

/// The reasons of the gaps under the band: the widest gap speaks first, and no line covers another.
fn paint_reasons(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette, reasons: &[(f32, f32, &str)]) {
    let row = canvas.layout.reason;
    let painter = ui.painter().with_clip_rect(clip(ui, canvas.layout.plot));
    let mut order: Vec<&(f32, f32, &str)> = reasons.iter().collect();
    order.sort_by(|a, b| (b.1 - b.0).total_cmp(&(a.1 - a.0)));
    let mut taken: Vec<egui::Rangef> = Vec::new();
    for (left, right, reason) in order.into_iter().take(6) {
        let galley = painter.layout_no_wrap((*reason).to_owned(), regular(11.5), palette.danger);
        let width = galley.size().x;
        // Ends with its gap, as long as that is on the screen.
        let end = right.min(row.right());
        let at = (end - width)
            .max(row.left() + 4.0)
            .max(left.min(end - width));
        let at = at.min(row.right() - width).max(row.left() + 4.0);
        let span = egui::Rangef::new(at - 8.0, at + width + 8.0);
        if taken
            .iter()
            .any(|other| other.max >= span.min && span.max >= other.min)
        {
            continue;
        }
        taken.push(span);
        painter.galley(
            pos2(at, row.center().y - galley.size().y / 2.0),
            galley,
            palette.danger,
        );
    }
}

fn hatch(painter: &egui::Painter, rect: Rect, palette: &Palette) {
    let ground = mix(palette.background, palette.danger, 0.16);
    painter.rect_filled(rect, 0, ground);
    let clip = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let visible = rect.intersect(painter.clip_rect());
    let distance = 7.0;
    // Anchored to the screen, so that panning does not make the pattern crawl.
    let mut x = ((visible.left() - rect.height()) / distance).floor() * distance;
    let stroke = Stroke::new(2.0, palette.danger);
    while x < visible.right() {
        clip.line_segment(
            [pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())],
            stroke,
        );
        x += distance;
    }
}
