//! Draws the timeline and decides nothing.
//!
//! What does not depend on the marker goes into one mesh, kept until the view changes.

mod axis;
mod band;
mod curve;
mod long_term;
mod marker;
mod marks;
mod what_if;

pub use curve::value_words;
pub use marker::flag_rect;

use super::{
    Curve, Layout, TimeScale,
    model::{Bar, Density, LaneModel, Lanes},
};
use crate::{
    domain::{BackupSet, BackupType},
    explain::figures,
    state::{DatabaseView, State},
    ui::theme::{Palette, mix, regular},
};
use egui::{
    Align2, Color32, CornerRadius, Mesh, Rect, Shape, Stroke, StrokeKind, Ui,
    epaint::CubicBezierShape, pos2, vec2,
};
use std::sync::Arc;

/// Everything that a frame of the timeline is drawn from.
pub struct Canvas<'a> {
    pub layout: &'a Layout,
    pub scale: &'a TimeScale,
    pub overview: &'a TimeScale,
    pub lanes: &'a Lanes,
    pub curve: &'a Curve,
    pub state: &'a State,
    pub database: &'a DatabaseView,
}

/// The mesh that was drawn last, and what it was drawn for.
#[derive(Clone, Default)]
pub struct MeshCache {
    lanes: Option<(Key, Arc<Mesh>)>,
    overview: Option<(Key, Arc<Mesh>)>,
}

impl std::fmt::Debug for MeshCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MeshCache(…)")
    }
}

/// When any of it changes, the mesh is built again.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    generation: u64,
    scale: TimeScale,
    rect: Rect,
    dark: bool,
    pixels_per_point: f32,
}

/// Unused sets are this opaque.
const DIM: f32 = 0.38;

impl MeshCache {
    /// Draws everything, the marker on top.
    pub fn paint(&mut self, ui: &Ui, canvas: &Canvas<'_>) {
        let palette = *Palette::of(ui);
        axis::paint_top(ui, canvas, &palette);
        axis::paint_axis(ui, canvas, &palette);
        axis::paint_labels(ui, canvas, &palette);
        self.paint_lanes(ui, canvas, &palette);
        paint_sizes(ui, canvas, &palette);
        paint_used(ui, canvas, &palette);
        marks::paint_marks(ui, canvas, &palette);
        what_if::paint_lost(ui, canvas, &palette);
        band::paint_band(ui, canvas, &palette);
        if canvas.database.managed.is_some() {
            // How long a service takes is its own affair, and no backup of it can be left out.
            long_term::paint_long_term(ui, canvas, &palette);
        } else {
            what_if::paint_dark(ui, canvas, &palette);
            band::paint_branches(ui, canvas, &palette);
            curve::paint_curve(ui, canvas, &palette);
            curve::paint_events(ui, canvas, &palette);
        }
        marker::paint_now(ui, canvas, &palette);
        self.paint_overview(ui, canvas, &palette);
        marker::paint_marker(ui, canvas, &palette);
    }

    fn paint_lanes(&mut self, ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
        let key = key(ui, canvas, *canvas.scale, canvas.layout.plot);
        let mesh = match &self.lanes {
            Some((old, mesh)) if *old == key => Arc::clone(mesh),
            _ => {
                let mesh = Arc::new(lanes_mesh(canvas, palette, key.pixels_per_point));
                self.lanes = Some((key, Arc::clone(&mesh)));
                mesh
            }
        };
        let painter = ui.painter().with_clip_rect(clip(ui, canvas.layout.plot));
        painter.add(Shape::Mesh(mesh));
    }

    fn paint_overview(&mut self, ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
        let rect = canvas.layout.overview;
        let painter = ui.painter();
        let ground = if ui.visuals().dark_mode {
            mix(palette.background, palette.panel, 0.9)
        } else {
            palette.panel
        };
        painter.rect(
            rect.expand(1.0),
            CornerRadius::same(4),
            ground,
            Stroke::new(1.0, palette.line),
            StrokeKind::Outside,
        );
        let key = key(ui, canvas, *canvas.overview, rect);
        let mesh = match &self.overview {
            Some((old, mesh)) if *old == key => Arc::clone(mesh),
            _ => {
                let mesh = Arc::new(overview_mesh(canvas, palette, ground, key.pixels_per_point));
                self.overview = Some((key, Arc::clone(&mesh)));
                mesh
            }
        };
        ui.painter()
            .with_clip_rect(clip(ui, rect))
            .add(Shape::Mesh(mesh));
        let window = Rect::from_x_y_ranges(
            canvas
                .overview
                .x(canvas.state.visible.begin)
                .max(rect.left())
                ..=canvas
                    .overview
                    .x(canvas.state.visible.end)
                    .min(rect.right()),
            rect.y_range(),
        );
        let tint = if ui.visuals().dark_mode { 26 } else { 14 };
        let over = if ui.visuals().dark_mode {
            Color32::from_white_alpha(tint)
        } else {
            Color32::from_black_alpha(tint)
        };
        painter.rect(
            window.expand(1.0),
            CornerRadius::same(4),
            over,
            Stroke::new(1.0, palette.muted),
            StrokeKind::Outside,
        );
        if let Some(moment) = canvas.state.choice.moment {
            let x = canvas.overview.x(moment.instant.seconds());
            if rect.x_range().contains(x) {
                painter.vline(x, rect.y_range(), Stroke::new(1.5, palette.moment));
            }
        }
        let days = canvas.overview.range.seconds() / 86_400.0;
        let words = if days >= 2.0 {
            format!("{days:.0} days")
        } else {
            figures::age(canvas.overview.range.seconds())
        };
        painter.text(
            pos2(canvas.layout.top.left(), rect.center().y),
            Align2::LEFT_CENTER,
            words,
            regular(11.5),
            palette.muted,
        );
    }
}

fn key(ui: &Ui, canvas: &Canvas<'_>, scale: TimeScale, rect: Rect) -> Key {
    Key {
        generation: canvas.state.generation,
        scale,
        rect,
        dark: ui.visuals().dark_mode,
        pixels_per_point: ui.pixels_per_point(),
    }
}

fn clip(ui: &Ui, rect: Rect) -> Rect {
    rect.expand2(vec2(1.0, 0.0)).intersect(ui.clip_rect())
}

/// The colour of a kind.
pub fn kind_color(palette: &Palette, kind: BackupType) -> Color32 {
    match kind {
        BackupType::Full => palette.full,
        BackupType::Differential => palette.differential,
        BackupType::Log => palette.log,
        _ => palette.muted,
    }
}

/// How high a bar of this relative size is in its lane.
fn bar_height(kind: BackupType, size: f32, lane: Rect) -> f32 {
    let (low, high) = match kind {
        BackupType::Full => (24.0, 48.0),
        BackupType::Differential => (16.0, 30.0),
        _ => (8.0, 28.0),
    };
    let room = (lane.height() - 8.0).max(low);
    (low + (high - low) * size).min(room)
}

fn bar_rect(bar: &Bar, kind: BackupType, lane: Rect, pixels_per_point: f32) -> Rect {
    let snap =
        |x: f64| ((x * f64::from(pixels_per_point)).round() / f64::from(pixels_per_point)) as f32;
    let pixel = 1.0 / pixels_per_point;
    let left = snap(bar.left);
    let right = snap(bar.left + bar.width).max(left + pixel);
    let height = bar_height(kind, bar.size, lane);
    Rect::from_min_max(
        pos2(left.max(lane.left() - 20.0), lane.bottom() - height),
        pos2(right.min(lane.right() + 20.0), lane.bottom()),
    )
}

fn lanes_mesh(canvas: &Canvas<'_>, palette: &Palette, pixels_per_point: f32) -> Mesh {
    let mut mesh = Mesh::default();
    let pixel = 1.0 / f64::from(pixels_per_point);
    for (model, rect) in canvas.lanes.all().into_iter().zip(canvas.layout.lanes) {
        let Some(lane) = canvas.database.history.lane(model.kind) else {
            continue;
        };
        let density = model.density(&lane, canvas.scale, pixel);
        let color = mix(palette.background, kind_color(palette, model.kind), DIM);
        let bars = model.bars(&lane, canvas.scale, density);
        mesh.reserve_triangles(bars.len() * 2);
        mesh.reserve_vertices(bars.len() * 4);
        for bar in &bars {
            mesh.add_colored_rect(bar_rect(bar, model.kind, rect, pixels_per_point), color);
        }
    }
    mesh
}

fn overview_mesh(
    canvas: &Canvas<'_>,
    palette: &Palette,
    ground: Color32,
    pixels_per_point: f32,
) -> Mesh {
    let mut mesh = Mesh::default();
    let pixel = 1.0 / f64::from(pixels_per_point);
    let rect = canvas.layout.overview.shrink2(vec2(0.0, 2.0));
    // Logs first, so that the rarer kinds stay in sight above them.
    let order: [(&LaneModel, f32, f64); 3] = [
        (&canvas.lanes.log, 0.4, 3.0),
        (&canvas.lanes.differential, 0.5, 3.0),
        (&canvas.lanes.full, 0.72, 4.0),
    ];
    for (model, height, width) in order {
        let Some(lane) = canvas.database.history.lane(model.kind) else {
            continue;
        };
        let color = mix(ground, kind_color(palette, model.kind), 0.62);
        // Columns of a few points with a gap read as a rhythm rather than as noise.
        let column = width + pixel;
        let bars = match model.density(&lane, canvas.overview, pixel) {
            Density::Bars { .. } if model.kind != BackupType::Log => {
                model.bars(&lane, canvas.overview, Density::Bars { width })
            }
            _ => model.bars(
                &lane,
                canvas.overview,
                Density::Columns {
                    width: column + 1.0,
                },
            ),
        };
        for bar in &bars {
            let tall = rect.height() * height * (0.45 + 0.55 * bar.size);
            let left = bar.left as f32;
            let right = left + (bar.width.min(width)) as f32;
            mesh.add_colored_rect(
                Rect::from_min_max(pos2(left, rect.bottom() - tall), pos2(right, rect.bottom())),
                color,
            );
        }
    }
    mesh
}

/// Sizes beside the full backups, where there is room.
fn paint_sizes(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let model = &canvas.lanes.full;
    let Some(lane) = canvas.database.history.lane(BackupType::Full) else {
        return;
    };
    let density = model.density(&lane, canvas.scale, 1.0);
    let Density::Bars { width } = density else {
        return;
    };
    let bars = model.bars(&lane, canvas.scale, density);
    if bars.len() > 40 {
        return;
    }
    let rect = canvas.layout.lanes[0];
    let painter = ui.painter().with_clip_rect(clip(ui, rect));
    let mut free_from = f64::NEG_INFINITY;
    let mut sets = bars.iter().peekable();
    let first = lane.started_before(
        crate::domain::UtcTime::from_seconds(
            canvas.scale.range.begin - width * canvas.scale.seconds_per_point(),
        )
        .unwrap_or(canvas.database.now),
    );
    let begin = first.saturating_sub(1);
    let mut position = begin;
    while let Some(bar) = sets.next() {
        let set = lane.get(position);
        position += 1;
        let Some(bytes) = set.and_then(BackupSet::bytes) else {
            continue;
        };
        let galley = painter.layout_no_wrap(figures::size(bytes), regular(11.0), palette.muted);
        let left = bar.left + bar.width + 5.0;
        let until = sets.peek().map_or(f64::INFINITY, |next| next.left);
        let text_width = f64::from(galley.size().x);
        let shows_whole = left >= f64::from(rect.left());
        if shows_whole && left >= free_from && left + text_width + 4.0 <= until {
            free_from = left + text_width + 6.0;
            let y = rect.bottom() - bar_height(BackupType::Full, bar.size, rect) * 0.62;
            painter.galley(
                pos2(left as f32, y - galley.size().y / 2.0),
                galley,
                palette.muted,
            );
        }
    }
}

/// The sets of the plan at full strength, joined by a curve.
fn paint_used(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let Some(plan) = canvas.state.plan.plan() else {
        return;
    };
    let layout = canvas.layout;
    let pixels_per_point = ui.pixels_per_point();
    let pixel = 1.0 / f64::from(pixels_per_point);
    let painter = ui.painter().with_clip_rect(clip(ui, layout.plot));
    let mut mesh = Mesh::default();
    let mut anchors: Vec<Rect> = Vec::new();
    let mut last_kind = None;
    let mut last_column = f32::NEG_INFINITY;
    let densities: Vec<Option<Density>> = canvas
        .lanes
        .all()
        .into_iter()
        .map(|model| {
            let lane = canvas.database.history.lane(model.kind)?;
            Some(model.density(&lane, canvas.scale, pixel))
        })
        .collect();
    let clock = canvas.database.history.clock();
    for step in &plan.steps {
        let idx = match step.backup_type {
            BackupType::Full => 0,
            BackupType::Differential => 1,
            BackupType::Log => 2,
            _ => continue,
        };
        let models = canvas.lanes.all();
        let (Some(model), Some(rect), Some(Some(density))) =
            (models.get(idx), layout.lanes.get(idx), densities.get(idx))
        else {
            continue;
        };
        let width = match density {
            Density::Bars { width } | Density::Columns { width } => *width,
        };
        let start = clock.moment(step.start).instant.seconds();
        let length = (step.finish.0 - step.start.0).num_seconds().max(0) as f64;
        let size = step.bytes.map_or(0.5, |bytes| {
            (bytes as f64 / model.max_bytes as f64).clamp(0.0, 1.0) as f32
        });
        let bar = Bar {
            left: canvas.scale.x_from_time(start),
            width: (length / canvas.scale.seconds_per_point()).max(width),
            size,
            count: 1,
        };
        let shape = bar_rect(&bar, model.kind, *rect, pixels_per_point);
        let is_new_kind = last_kind != Some(step.backup_type);
        if is_new_kind {
            anchors.push(shape);
            last_kind = Some(step.backup_type);
            last_column = f32::NEG_INFINITY;
        }
        // Several sets in one column of pixels are one run.
        if shape.left() > last_column && layout.plot.x_range().expand(20.0).contains(shape.left()) {
            mesh.add_colored_rect(shape, kind_color(palette, step.backup_type));
            last_column = shape.left();
        }
    }
    painter.add(Shape::mesh(mesh));
    for pair in anchors.windows(2) {
        if let [from, to] = pair {
            let begin = pos2(from.center().x, from.bottom() + 4.0);
            let end = pos2(to.center().x, to.top() - 4.0);
            if end.y <= begin.y {
                continue;
            }
            let middle = (end.y - begin.y) * 0.55;
            painter.add(CubicBezierShape::from_points_stroke(
                [
                    begin,
                    begin + vec2(0.0, middle),
                    end - vec2(0.0, middle),
                    end,
                ],
                false,
                Color32::TRANSPARENT,
                Stroke::new(1.5, palette.moment),
            ));
        }
    }
}
