//! What ran in this workspace: the list, its filters, and one run with its steps and its journal.

mod journal;
mod on_server;
mod run_detail;
mod standing;

use self::{journal::journal_ui, on_server::on_server_ui, run_detail::RunDetail};
use super::{
    empty::paragraph,
    marks::{Mark, paint_mark},
    theme::{Palette, card, mix, regular, semibold},
    widgets::{button, choice, paint_clipped, small, strong},
};
use crate::{
    domain::{ServerTime, UtcTime},
    explain::{figures, journal_end, run_title},
    run::{RunKind, RunRecord},
    state::{Action, ActivityAction, ActivityFilter, ActivityView, KindFilter, State},
};
use chrono::Timelike as _;
use egui::{Align2, ScrollArea, Sense, Stroke, TextEdit, Ui, vec2};

/// Height of a line of the list.
const ROW: f32 = 54.0;

/// Memory of the page: what is open in the detail.
#[derive(Debug, Default)]
pub struct ActivityPage {
    detail: RunDetail,
}

impl ActivityPage {
    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        let view = &state.activity;
        let area = ui.available_rect_before_wrap().shrink2(vec2(26.0, 18.0));
        if let Some(journal) = &view.journal {
            ui.scope_builder(egui::UiBuilder::new().max_rect(area), |ui| {
                journal_ui(ui, state, journal, &mut actions);
            });
            return actions;
        }
        let split = area.left() + (area.width() - 24.0) * 0.54;
        let left = area.with_max_x(split);
        let right = area.with_min_x(split + 24.0);
        ui.scope_builder(egui::UiBuilder::new().max_rect(left), |ui| {
            list_ui(ui, state, &mut actions);
        });
        if let Some(run) = view.chosen() {
            ui.scope_builder(egui::UiBuilder::new().max_rect(right), |ui| {
                self.detail.ui(ui, state, run, &mut actions);
            });
        }
        actions
    }
}

fn list_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let view = &state.activity;
    strong(ui, "Activity", 18.0);
    small(
        ui,
        format!(
            "Everything that ran in the workspace {}, from its journals; times are of your clock",
            state.workspace
        ),
    );
    ui.add_space(8.0);
    ui.add_space(4.0);
    on_server_ui(ui, state);
    filter_ui(ui, view, actions);
    ui.add_space(8.0);
    let Some(runs) = &view.runs else {
        paragraph(ui, "Reading the journals…");
        return;
    };
    unreadable_ui(ui, view);
    let listed = view.listed();
    if listed.is_empty() {
        empty_ui(ui, runs.is_empty(), actions);
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .auto_shrink([false, false])
        .show_rows(ui, ROW, listed.len(), |ui, rows| {
            for run in rows.filter_map(|row| listed.get(row)) {
                let chosen = view.chosen.as_ref() == Some(&run.id);
                if row_ui(ui, state, run, chosen).clicked() {
                    actions.push(Action::Activity(ActivityAction::Choose(run.id.clone())));
                }
            }
        });
}

fn filter_ui(ui: &mut Ui, view: &ActivityView, actions: &mut Vec<Action>) {
    let mut filter = view.filter.clone();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.add(
            TextEdit::singleline(&mut filter.text)
                .hint_text("Search names, steps, messages")
                .desired_width(220.0),
        )
        .accessible_name("Search");
        ui.add_space(6.0);
        for (kind, words) in [
            (KindFilter::All, "All"),
            (KindFilter::Restores, "Restores"),
            (KindFilter::Backups, "Backups"),
            (KindFilter::Others, "Others"),
        ] {
            if choice(ui, words, filter.kind == kind).clicked() {
                filter.kind = kind;
            }
        }
        ui.add_space(6.0);
        if choice(ui, "Not ended", filter.open_only).clicked() {
            filter.open_only = !filter.open_only;
        }
    });
    if filter != view.filter {
        actions.push(Action::Activity(ActivityAction::Filter(filter)));
    }
}

fn unreadable_ui(ui: &mut Ui, view: &ActivityView) {
    let palette = *Palette::of(ui);
    for unreadable in view.unreadable.iter().take(3) {
        card(&palette)
            .stroke(Stroke::new(
                1.0,
                mix(palette.background, palette.danger, 0.5),
            ))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.add(egui::Label::new(&unreadable.problem.sentence).wrap());
                small(ui, unreadable.problem.hint.clone());
            });
        ui.add_space(6.0);
    }
    if view.unreadable.len() > 3 {
        small(
            ui,
            format!(
                "and {} more",
                figures::counted(view.unreadable.len() as u64 - 3, "journal", "journals")
            ),
        );
    }
}

fn empty_ui(ui: &mut Ui, nothing_ran: bool, actions: &mut Vec<Action>) {
    ui.add_space(30.0);
    if nothing_ran {
        strong(ui, "Nothing ran here yet", 15.0);
        paragraph(
            ui,
            "Restores, backups and changes of schedules are listed here with every step, \
             what the server said to it, and what is still owed.",
        );
    } else {
        strong(ui, "Nothing matches", 15.0);
        ui.add_space(4.0);
        if button(ui, "Show everything").clicked() {
            actions.push(Action::Activity(ActivityAction::Filter(
                ActivityFilter::default(),
            )));
        }
    }
}

/// How a run stands, as a sign.
pub fn run_mark(state: &State, run: &RunRecord) -> Mark {
    match &run.end {
        None if state.runs_here(&run.id) => Mark::Running,
        None => Mark::Halted,
        Some((end, _)) => match end.as_str() {
            "verified" | "standby" => Mark::Done,
            "restoring" => Mark::Failed,
            "untouched" | "cancelled" | "abandoned" => Mark::Cancelled,
            _ => Mark::Warned,
        },
    }
}

/// How a run stands, in a few words.
pub fn run_words(state: &State, run: &RunRecord) -> String {
    let n_steps = run.titles.len();
    let mut words = match &run.end {
        Some((end, _)) => journal_end(end, run.kind).to_owned(),
        None if state.runs_here(&run.id) => "running".to_owned(),
        None if run.kind == RunKind::AzureRestore => {
            "Azure may go on; connect its server to watch it again".to_owned()
        }
        None => match run.in_flight() {
            Some(step) => format!("interrupted in step {} of {n_steps}", step.step + 1),
            None => format!("interrupted after {} of {n_steps} steps", n_done(run)),
        },
    };
    if run.copy_dropped && run.end.as_ref().is_none_or(|(end, _)| end != "abandoned") {
        words.push_str("; the copy was dropped");
    }
    if run.is_half_swapped() {
        words.push_str("; the swap of names was begun and not ended");
    }
    if !run.owed.is_empty() {
        words.push_str("; something is still owed");
    }
    words
}

fn n_done(run: &RunRecord) -> usize {
    run.steps.iter().filter(|step| step.done()).count()
}

/// The time of a journal on the own clock; as it stands there when it is none.
pub fn journal_time(state: &State, at: &str) -> String {
    instant(at).map_or_else(|| at.to_owned(), |at| own_time(state, at))
}

/// When a line of a journal was written.
pub fn instant(at: &str) -> Option<UtcTime> {
    chrono::DateTime::parse_from_rfc3339(at)
        .ok()
        .map(|time| UtcTime(time.to_utc()))
}

/// Seconds from its first to its last record, or until now while it runs.
pub fn run_seconds(state: &State, run: &RunRecord) -> f64 {
    let last = if state.runs_here(&run.id) {
        Some(state.own.now)
    } else {
        instant(run.ended_at.as_ref().unwrap_or(&run.last_at))
    };
    instant(&run.began_at)
        .zip(last)
        .map_or(0.0, |(began, last)| {
            (last.seconds() - began.seconds()).max(0.0)
        })
}

/// A time on the own clock, to the second.
pub fn own_time(state: &State, at: UtcTime) -> String {
    let time = at.to_server((state.own.offset_at)(at)).0;
    let whole = time.with_nanosecond(0).unwrap_or(time);
    figures::short_date_time(ServerTime(whole))
}

fn row_ui(ui: &mut Ui, state: &State, run: &RunRecord, chosen: bool) -> egui::Response {
    let palette = *Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let title = run_title(run);
    let words = run_words(state, run);
    response.widget_info(|| {
        egui::WidgetInfo::selected(
            egui::Role::ListItem,
            true,
            chosen,
            format!("{title}, {words}"),
        )
    });
    if !ui.is_rect_visible(rect) {
        return response;
    }
    if chosen || response.hovered() || response.has_focus() {
        let fill = if chosen {
            palette.selected
        } else {
            mix(palette.background, palette.selected, 0.5)
        };
        ui.painter().rect_filled(rect, 6, fill);
    }
    let mark = run_mark(state, run);
    paint_mark(ui, rect.left_center() + vec2(22.0, 0.0), 10.0, mark);
    let right = rect.right() - 12.0;
    let when = ui.painter().text(
        egui::pos2(right, rect.top() + 18.0),
        Align2::RIGHT_CENTER,
        journal_time(state, &run.began_at),
        regular(12.0),
        palette.text,
    );
    let took = ui.painter().text(
        egui::pos2(right, rect.top() + 36.0),
        Align2::RIGHT_CENTER,
        figures::duration(run_seconds(state, run)),
        regular(11.5),
        palette.muted,
    );
    let line = |top: f32, end: f32| {
        egui::Rect::from_min_max(
            egui::pos2(rect.left() + 44.0, rect.top() + top),
            egui::pos2(end - 12.0, rect.top() + top + 20.0),
        )
    };
    paint_clipped(
        ui,
        line(8.0, when.left()),
        Align2::LEFT_CENTER,
        &title,
        semibold(13.0),
        palette.text,
    );
    let color = match mark {
        Mark::Failed | Mark::Halted => mark.color(&palette),
        _ => palette.muted,
    };
    paint_clipped(
        ui,
        line(27.0, took.left()),
        Align2::LEFT_CENTER,
        &format!("{words} · {}", run.server),
        regular(11.5),
        color,
    );
    ui.painter().hline(
        rect.x_range(),
        rect.bottom() - 0.5,
        Stroke::new(1.0, mix(palette.background, palette.line, 0.6)),
    );
    response
}
