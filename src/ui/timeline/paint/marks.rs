//! What files beside the history say, under each bar: a cross for missing, a diamond for changed, a plus for unknown.

use super::Canvas;
use crate::{
    domain::{FileMark, UtcTime},
    ui::theme::Palette,
};
use egui::{Color32, Pos2, Stroke, Ui, pos2, vec2};

/// Marks nearer than this to the one before are left out: the table has them all.
const APART: f32 = 7.0;
/// Half the size of a mark.
const HALF: f32 = 2.5;
/// Sets that are looked at in a frame, in each lane.
const MOST: usize = 20_000;

/// Draws the marks of all lanes.
pub(super) fn paint_marks(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let Some(files) = canvas.state.files_beside() else {
        return;
    };
    let range = canvas.scale.range;
    for (model, rect) in canvas.lanes.all().into_iter().zip(canvas.layout.lanes) {
        let Some(lane) = canvas.database.history.lane(model.kind) else {
            continue;
        };
        let begin = UtcTime::from_seconds(range.begin).map_or(0, |at| lane.started_before(at));
        let mut free_from = f32::NEG_INFINITY;
        for set in lane.iter_from(begin).take(MOST) {
            let start = set.start().instant.seconds();
            if start > range.end {
                break;
            }
            let Some((shape, color)) = files.mark(set.uuid).and_then(|m| look(m, palette)) else {
                continue;
            };
            let x = canvas.scale.x(start) + 2.0;
            if x < free_from {
                continue;
            }
            free_from = x + APART;
            shape(ui, pos2(x, rect.bottom() + 5.0), color);
        }
    }
}

type Draw = fn(&Ui, Pos2, Color32);

fn look(mark: FileMark, palette: &Palette) -> Option<(Draw, Color32)> {
    match mark {
        FileMark::Found => None,
        FileMark::Missing => Some((cross, palette.danger)),
        FileMark::Changed => Some((diamond, palette.at_risk)),
        FileMark::Unknown => Some((plus, palette.full)),
    }
}

fn cross(ui: &Ui, center: Pos2, color: Color32) {
    let stroke = Stroke::new(1.5, color);
    for corner in [vec2(HALF, HALF), vec2(HALF, -HALF)] {
        ui.painter()
            .line_segment([center - corner, center + corner], stroke);
    }
}

fn plus(ui: &Ui, center: Pos2, color: Color32) {
    let stroke = Stroke::new(1.5, color);
    for end in [vec2(HALF, 0.0), vec2(0.0, HALF)] {
        ui.painter()
            .line_segment([center - end, center + end], stroke);
    }
}

fn diamond(ui: &Ui, center: Pos2, color: Color32) {
    let points = [
        vec2(HALF, 0.0),
        vec2(0.0, HALF),
        vec2(-HALF, 0.0),
        vec2(0.0, -HALF),
    ];
    let points = points
        .into_iter()
        .map(|point| center + point * 1.3)
        .collect();
    ui.painter()
        .add(egui::Shape::convex_polygon(points, color, Stroke::NONE));
}
