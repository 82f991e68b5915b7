//! The restorable band: what can be reached, gaps with their reasons, the tail.

use super::{Canvas, clip};
use crate::{
    explain::figures,
    state::SpanKind,
    ui::theme::{Palette, mix, regular},
};
use egui::{CornerRadius, Rect, Stroke, Ui, pos2};

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
