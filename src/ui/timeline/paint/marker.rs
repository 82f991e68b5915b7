//! The marker with its flag, and the line of now.

use super::Canvas;
use crate::{
    explain::figures,
    ui::{
        theme::{Palette, regular, semibold},
        timeline::{Layout, layout::LABELS, marker_id},
    },
    worker::ServerId,
};
use egui::{Align2, CornerRadius, Rect, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

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

pub(super) fn paint_now(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let plot = canvas.layout.plot;
    let x = canvas.scale.x(canvas.database.now.seconds());
    if !plot.x_range().contains(x) {
        return;
    }
    // Of files nobody knows what came after the newest.
    let word = match canvas.state.selected_server() {
        Some(ServerId::Folder(_)) => "newest file",
        _ => "now",
    };
    let x = ui.painter().round_to_pixel_center(x);
    ui.painter()
        .vline(x, plot.y_range(), Stroke::new(1.0, palette.muted));
    ui.painter().text(
        pos2(x + 4.0, plot.top() + 9.0),
        Align2::LEFT_CENTER,
        word,
        regular(11.0),
        palette.muted,
    );
}

pub(super) fn paint_marker(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
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
    let focused = ui.memory(|memory| memory.has_focus(marker_id()));
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
        .map_or_else(|| "server time".to_owned(), figures::zone);
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

/// Backups that are due are told at the left of the same line; in points, what both of them take beside all keys.
const ROOM_FOR_ALL_KEYS: f32 = 680.0;

fn paint_hint(ui: &Ui, canvas: &Canvas<'_>, palette: &Palette) {
    let keys = if canvas.layout.hint.width() < ROOM_FOR_ALL_KEYS {
        "← → 1 s · PgUp/PgDn next backup"
    } else {
        "← → 1 s · Shift 1 min · Ctrl 1 h · PgUp/PgDn next backup"
    };
    ui.painter().text(
        canvas.layout.hint.right_center(),
        Align2::RIGHT_CENTER,
        keys,
        regular(11.0),
        palette.muted,
    );
}
