//! Backups and restores that run on the server now, whoever started them.

use super::super::{
    theme::{Palette, card, regular, semibold},
    widgets::{paint_clipped, progress, section, small},
};
use crate::{explain::figures, state::State, worker::RunningWork};
use egui::{Align2, Sense, Ui, pos2, vec2};

/// Shows what runs; nothing when nothing does.
pub fn on_server_ui(ui: &mut Ui, state: &State) {
    let Some((server, work)) = &state.activity.on_server else {
        return;
    };
    if work.is_empty() {
        return;
    }
    section(ui, &format!("Now on {}", state.server_name(*server)));
    ui.add_space(4.0);
    card(Palette::of(ui)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        for one in work {
            work_ui(ui, one);
        }
        if work.iter().any(|one| one.percent.is_none()) {
            small(
                ui,
                "Without VIEW SERVER STATE the server does not say how far they are",
            );
        }
    });
    ui.add_space(10.0);
}

fn work_ui(ui: &mut Ui, work: &RunningWork) {
    let palette = *Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 44.0), Sense::hover());
    let title = format!("{} · {}", work.command, work.database);
    let mut parts = Vec::new();
    parts.extend(work.percent.map(|percent| format!("{percent:.0} %")));
    parts.extend(
        work.remaining_secs
            .map(|left| format!("{} left", figures::duration(left.ceil()))),
    );
    parts.push(format!("session {}", work.session_id));
    let detail = format!("{} · {}", parts.join(" · "), work.who);
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::ListItem, true, format!("{title}, {detail}"))
    });
    response.on_hover_text(&work.statement);
    let took = work
        .elapsed_secs
        .map_or_else(String::new, figures::stopwatch);
    let right = ui.painter().text(
        pos2(rect.right(), rect.top() + 9.0),
        Align2::RIGHT_CENTER,
        took,
        regular(12.0),
        palette.text,
    );
    let line = |top: f32, end: f32| {
        egui::Rect::from_min_max(
            pos2(rect.left(), rect.top() + top),
            pos2(end, rect.top() + top + 17.0),
        )
    };
    paint_clipped(
        ui,
        line(0.0, right.left() - 8.0),
        Align2::LEFT_CENTER,
        &title,
        semibold(13.0),
        palette.text,
    );
    paint_clipped(
        ui,
        line(17.0, rect.right()),
        Align2::LEFT_CENTER,
        &detail,
        regular(11.5),
        palette.muted,
    );
    let bar = egui::Rect::from_min_max(
        pos2(rect.left(), rect.top() + 37.0),
        pos2(rect.right(), rect.top() + 41.0),
    );
    let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(bar));
    progress(
        &mut inside,
        bar.width(),
        4.0,
        work.percent.map(|percent| percent / 100.0),
        palette.moment,
    );
}
