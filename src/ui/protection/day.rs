//! The next 24 hours: a lane for each kind, each run where and as long as it will be.

use super::schedule::kind_color;
use crate::{
    domain::{PolicyKind, ServerTime},
    explain::schedule as words,
    run::schedule::Outlook,
    ui::{
        theme::{Palette, mix, regular},
        widgets::paint_clipped,
    },
};
use chrono::{TimeDelta, Timelike as _};
use egui::{Align2, Rect, Sense, Stroke, Ui, pos2, vec2};

const LANE: f32 = 36.0;
const HEAD: f32 = 30.0;
const LABELS: f32 = 118.0;
const DAY_SECS: f32 = 86_400.0;

/// Draws the runs from `now` on; `now` is the server's wall clock.
pub fn day_ui(ui: &mut Ui, outlook: &Outlook, now: ServerTime) {
    let palette = *Palette::of(ui);
    let kinds: Vec<PolicyKind> = outlook
        .policy
        .backups
        .iter()
        .map(|backup| backup.kind)
        .collect();
    let height = HEAD + LANE * kinds.len() as f32 + 22.0;
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let painter = ui.painter().clone();
    painter.rect(
        rect,
        8,
        palette.raised,
        Stroke::new(1.0, mix(palette.raised, palette.line, 0.8)),
        egui::StrokeKind::Inside,
    );
    let area = Rect::from_min_max(
        pos2(rect.left() + LABELS + 12.0, rect.top() + HEAD),
        pos2(rect.right() - 18.0, rect.bottom() - 14.0),
    );
    let x = |time: ServerTime| {
        let seconds = (time.0 - now.0).num_milliseconds() as f32 / 1e3;
        area.left() + area.width() * (seconds / DAY_SECS).clamp(0.0, 1.0)
    };
    // Every third hour, from the first whole one.
    let first = ServerTime(
        now.0
            .with_minute(0)
            .and_then(|t| t.with_second(0))
            .unwrap_or(now.0),
    )
    .plus(TimeDelta::hours(1));
    for hour in (0..24).step_by(3) {
        let at = first.plus(TimeDelta::hours(hour));
        let at_x = x(at);
        painter.vline(
            at_x,
            area.y_range(),
            Stroke::new(1.0, mix(palette.raised, palette.line, 0.7)),
        );
        painter.text(
            pos2(at_x + 3.0, rect.top() + 12.0),
            Align2::LEFT_TOP,
            at.0.format("%H:%M").to_string(),
            regular(11.5),
            palette.muted,
        );
    }
    for (idx, kind) in kinds.iter().enumerate() {
        let middle = area.top() + LANE * (idx as f32 + 0.5);
        paint_clipped(
            ui,
            Rect::from_min_size(
                pos2(rect.left() + 16.0, middle - 10.0),
                vec2(LABELS - 10.0, 20.0),
            ),
            Align2::LEFT_CENTER,
            words::policy_kind(*kind),
            regular(12.5),
            palette.text,
        );
        for run in outlook.plan.runs.iter().filter(|run| run.kind == *kind) {
            let left = x(run.at);
            let length = run.seconds.unwrap_or(0.0) as f32 / DAY_SECS * area.width();
            let least = if *kind == PolicyKind::Log { 2.0 } else { 6.0 };
            let bar = Rect::from_min_max(
                pos2(left, middle - 9.0),
                pos2(
                    (left + length.max(least)).min(area.right() + least),
                    middle + 9.0,
                ),
            );
            painter.rect_filled(bar, 2, kind_color(&palette, *kind));
        }
    }
    let spoken: Vec<String> = kinds
        .iter()
        .map(|kind| {
            let n = outlook
                .plan
                .runs
                .iter()
                .filter(|run| run.kind == *kind)
                .count();
            format!(
                "{}: {}",
                words::policy_kind(*kind),
                crate::explain::count(n, "run", "runs")
            )
        })
        .collect();
    let spoken = format!("Next 24 hours. {}", spoken.join(", "));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &spoken));
    if let Some(pointer) = response.hover_pos()
        && area.contains(pointer)
    {
        let part = (pointer.x - area.left()) / area.width();
        let at = now.plus(TimeDelta::seconds((part * DAY_SECS) as i64));
        let near = outlook
            .plan
            .runs
            .iter()
            .min_by_key(|run| (run.at.0 - at.0).num_seconds().abs());
        if let Some(run) = near {
            let lasts = run.seconds.map_or_else(String::new, |seconds| {
                format!(", about {}", crate::explain::duration(seconds))
            });
            response.on_hover_text_at_pointer(format!(
                "{} at {}{lasts}",
                words::policy_kind(run.kind),
                run.at.0.format("%H:%M")
            ));
        }
    }
}
