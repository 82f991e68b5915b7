//! The restore-time curve, and what happened.

use super::{Canvas, clip};
use crate::{
    domain::EventKind,
    domain::ObjectChange,
    explain::figures,
    ui::{
        theme::{Palette, mix, regular},
        timeline::curve::{Curve, CurveUnit},
    },
};
use egui::{Align2, Color32, Rect, Shape, Stroke, Ui, pos2, vec2};

pub(super) fn paint_curve(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let lane = canvas.layout.curve;
    let painter = ui
        .painter()
        .with_clip_rect(clip(ui, lane.expand2(vec2(0.0, 2.0))));
    let curve = canvas.curve;
    if curve.most <= 0.0 {
        return;
    }
    for piece in &curve.pieces {
        let points: Vec<_> = piece
            .iter()
            .map(|&(time, value)| pos2(canvas.scale.x(time), y_of(lane, curve, value)))
            .collect();
        match points.as_slice() {
            [] => {}
            [only] => {
                painter.circle_filled(*only, 2.0, palette.full);
            }
            _ => {
                painter.add(Shape::line(points, Stroke::new(1.5, palette.full)));
            }
        }
    }
    let words = value_words(curve.unit, curve.most);
    ui.painter().text(
        pos2(lane.right() - 2.0, lane.top() - 1.0),
        Align2::RIGHT_CENTER,
        format!("up to {words}"),
        regular(10.5),
        palette.muted,
    );
}

fn y_of(lane: Rect, curve: &Curve, value: f64) -> f32 {
    let part = (value / curve.most) as f32;
    lane.bottom() - (lane.height() - 4.0) * part
}

/// A value of the curve in words.
pub fn value_words(unit: CurveUnit, value: f64) -> String {
    match unit {
        CurveUnit::Seconds(_) => figures::duration(value.max(1.0).round()),
        CurveUnit::Bytes => figures::size(value.max(0.0) as u64),
    }
}

pub(super) fn paint_events(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let lane = canvas.layout.events;
    let painter = ui
        .painter()
        .with_clip_rect(clip(ui, lane.expand2(vec2(0.0, 3.0))));
    let range = canvas.scale.range;
    let events = &canvas.database.events;
    let first = events.partition_point(|event| event.at.instant.seconds() < range.begin);
    let mut last_x = f32::NEG_INFINITY;
    let seen = events
        .iter()
        .skip(first)
        .take_while(|event| event.at.instant.seconds() <= range.end);
    for event in seen {
        let x = canvas.scale.x(event.at.instant.seconds());
        // Several in one place are one sign; the tooltip names them all.
        if x - last_x < 3.0 {
            continue;
        }
        last_x = x;
        let at = pos2(x, lane.center().y);
        match &event.kind {
            EventKind::Object {
                change: ObjectChange::Dropped,
                ..
            } => cross(&painter, at, palette.danger),
            EventKind::Object { .. } => {
                painter.circle_filled(at, 3.0, palette.at_risk);
            }
            EventKind::Restored { .. } => turn(&painter, at, palette.text),
            EventKind::Mark { .. } => diamond(&painter, at, palette.differential),
            EventKind::RecoveryModel { .. } => {
                let color = mix(palette.background, palette.at_risk, 0.9);
                painter.rect_filled(Rect::from_center_size(at, vec2(5.0, 9.0)), 1, color);
            }
        }
    }
}

fn cross(painter: &egui::Painter, at: egui::Pos2, color: Color32) {
    let stroke = Stroke::new(2.0, color);
    for end in [vec2(3.5, 3.5), vec2(3.5, -3.5)] {
        painter.line_segment([at - end, at + end], stroke);
    }
}

fn diamond(painter: &egui::Painter, at: egui::Pos2, color: Color32) {
    let corners = [
        vec2(0.0, -4.5),
        vec2(4.0, 0.0),
        vec2(0.0, 4.5),
        vec2(-4.0, 0.0),
    ];
    painter.add(Shape::convex_polygon(
        corners.map(|corner| at + corner).to_vec(),
        color,
        Stroke::NONE,
    ));
}

/// An arrow that points back.
fn turn(painter: &egui::Painter, at: egui::Pos2, color: Color32) {
    painter.add(Shape::convex_polygon(
        vec![
            at + vec2(-4.5, 0.0),
            at + vec2(1.0, -4.0),
            at + vec2(1.0, 4.0),
        ],
        color,
        Stroke::NONE,
    ));
    painter.line_segment([at, at + vec2(5.0, 0.0)], Stroke::new(2.0, color));
}
