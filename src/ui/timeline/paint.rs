//! Draws the timeline and decides nothing.
//!
//! What does not depend on the marker goes into one mesh, kept until the view changes.

use super::{
    Layout, TimeScale,
    interact::axis_ticks,
    layout::LABELS,
    model::{Bar, Density, LaneModel, Lanes},
    scale::{TickWeight, repeated_hours},
};
use crate::{
    domain::{BackupSet, BackupType},
    explain::figures,
    state::{DatabaseView, SpanKind, State},
    ui::theme::{Palette, mix, regular, semibold},
};
use egui::{
    Align2, Color32, CornerRadius, FontId, Mesh, Pos2, Rect, Shape, Stroke, StrokeKind, Ui,
    epaint::CubicBezierShape, pos2, vec2,
};
use std::sync::Arc;

/// Everything that a frame of the timeline is drawn from.
pub struct Canvas<'a> {
    pub layout: &'a Layout,
    pub scale: &'a TimeScale,
    pub overview: &'a TimeScale,
    pub lanes: &'a Lanes,
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

/// The size of the marker's flag.
const FLAG: egui::Vec2 = vec2(172.0, 26.0);

/// Where the flag of a marker at `x` stands: under it, as far as the plot allows.
pub fn flag_rect(layout: &Layout, x: f32) -> Rect {
    let half = FLAG.x / 2.0;
    let left = layout.plot.left() - LABELS + 12.0;
    let middle = x.clamp(
        left + half,
        (layout.plot.right() - half + 12.0).max(left + half),
    );
    Rect::from_center_size(pos2(middle, layout.flag.center().y), FLAG)
}

impl MeshCache {
    /// Draws everything, the marker on top.
    pub fn paint(&mut self, ui: &Ui, canvas: &Canvas<'_>) {
        let palette = *Palette::of(ui);
        paint_top(ui, canvas, &palette);
        paint_axis(ui, canvas, &palette);
        paint_labels(ui, canvas, &palette);
        self.paint_lanes(ui, canvas, &palette);
        paint_sizes(ui, canvas, &palette);
        paint_used(ui, canvas, &palette);
        paint_band(ui, canvas, &palette);
        paint_now(ui, canvas, &palette);
        self.paint_overview(ui, canvas, &palette);
        paint_marker(ui, canvas, &palette);
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

fn paint_top(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
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

fn paint_axis(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
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

fn paint_labels(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
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
    label("Restorable", words, layout.band.center().y - 2.0);
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
        if left >= free_from && left + text_width + 4.0 <= until {
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

fn paint_band(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let layout = canvas.layout;
    let band = layout.band;
    let plot = layout.plot;
    let painter = ui.painter().with_clip_rect(clip(ui, plot));
    let visible = canvas.scale.range;
    let spans = &canvas.database.spans;
    let first = spans.partition_point(|span| span.end < visible.begin);
    let mut last_drawn = [f32::NEG_INFINITY; 2];
    let mut reasons: Vec<(f32, f32, &str)> = Vec::new();
    for span in spans.iter().skip(first) {
        if span.begin > visible.end {
            break;
        }
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

fn paint_now(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let plot = canvas.layout.plot;
    let x = canvas.scale.x(canvas.database.now.seconds());
    if !plot.x_range().contains(x) {
        return;
    }
    let x = ui.painter().round_to_pixel_center(x);
    ui.painter()
        .vline(x, plot.y_range(), Stroke::new(1.0, palette.muted));
    ui.painter().text(
        pos2(x + 4.0, plot.top() + 9.0),
        Align2::LEFT_CENTER,
        "now",
        regular(11.0),
        palette.muted,
    );
}

fn paint_marker(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let layout = canvas.layout;
    let painter = ui.painter();
    paint_hint(ui, canvas, palette);
    let Some(moment) = canvas.state.choice.moment else {
        return;
    };
    let time = moment.instant.seconds();
    let x = canvas.scale.x_from_time(time) as f32;
    let seen = layout.plot.x_range().expand(1.0).contains(x);
    let flag = flag_rect(layout, x);
    if seen {
        painter.rect_filled(
            Rect::from_x_y_ranges(
                (x - 1.0)..=(x + 1.0),
                (layout.plot.top() - 2.0)..=(flag.top() - 5.0),
            ),
            0,
            palette.moment,
        );
        let tip = x.clamp(flag.left() + 8.0, flag.right() - 8.0);
        painter.add(Shape::convex_polygon(
            vec![
                pos2(tip - 6.0, flag.top() + 0.5),
                pos2(x, flag.top() - 8.0),
                pos2(tip + 6.0, flag.top() + 0.5),
            ],
            palette.moment,
            Stroke::NONE,
        ));
    } else {
        // Points to where the marker is.
        let (edge, sign) = if time < canvas.scale.range.begin {
            (flag.left(), -1.0)
        } else {
            (flag.right(), 1.0)
        };
        painter.add(Shape::convex_polygon(
            vec![
                pos2(edge, flag.top() + 4.0),
                pos2(edge + sign * 8.0, flag.center().y),
                pos2(edge, flag.bottom() - 4.0),
            ],
            palette.moment,
            Stroke::NONE,
        ));
    }
    painter.rect_filled(flag, CornerRadius::same(6), palette.moment);
    let focused = ui.memory(|memory| memory.has_focus(super::marker_id()));
    if focused {
        painter.rect_stroke(
            flag.expand(2.5),
            CornerRadius::same(8),
            Stroke::new(1.0, palette.moment),
            StrokeKind::Outside,
        );
    }
    painter.text(
        flag.center(),
        Align2::CENTER_CENTER,
        figures::weekday_date_time(moment.server),
        semibold(12.5),
        palette.on_moment,
    );
    let zone = canvas
        .database
        .history
        .clock()
        .offset_at(moment.instant)
        .map_or_else(|| "server time".to_owned(), |offset| offset.to_string());
    let galley = painter.layout_no_wrap(zone, regular(11.0), palette.muted);
    let right = flag.right() + 14.0;
    let at = if right + galley.size().x <= layout.plot.right() + 8.0 {
        right
    } else {
        flag.left() - 14.0 - galley.size().x
    };
    painter.galley(
        pos2(at, flag.center().y - galley.size().y / 2.0),
        galley,
        palette.muted,
    );
}

fn paint_hint(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    ui.painter().text(
        canvas.layout.hint.right_center(),
        Align2::RIGHT_CENTER,
        "← → 1 s · Shift 1 min · Ctrl 1 h · PgUp/PgDn next backup",
        regular(11.0),
        palette.muted,
    );
}
