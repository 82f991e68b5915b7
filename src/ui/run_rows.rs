//! The lines of a run: how each step stands.

use super::{
    review::step_title,
    theme::{Palette, mix, regular, semibold},
    widgets::progress,
};
use crate::{
    domain::BackupType,
    explain::{figures, step_failure, step_skip},
    run::{Outcome, StepReport},
    state::{RunView, State},
};
use egui::{Align2, Sense, Stroke, Ui, pos2, vec2};

/// One line of the run: a step, or all logs together.
pub struct Row {
    pub steps: std::ops::Range<usize>,
    pub title: String,
}

/// The lines of a run; logs one after another are one.
pub fn rows(run: &RunView) -> Vec<Row> {
    let is_log = |idx: usize| match run.batch(idx).map(|batch| &batch.purpose) {
        Some(crate::tsql::Purpose::RestoreSet { step }) => run
            .plan
            .steps
            .get(*step)
            .is_some_and(|step| step.backup_type == BackupType::Log),
        _ => false,
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut idx = 0;
    while idx < run.steps.len() {
        let mut end = idx + 1;
        while is_log(idx) && end < run.steps.len() && is_log(end) {
            end += 1;
        }
        let title = if end - idx > 1 {
            let stop = run
                .plan
                .stop_at
                .filter(|_| run.plan.tail.is_none())
                .map_or_else(String::new, |stop| {
                    format!(", stop at {}", figures::time_of_day(stop))
                });
            format!("Apply {} logs{stop}", figures::count((end - idx) as u64))
        } else {
            run.batch(idx).map_or_else(
                || run.steps.get(idx).cloned().unwrap_or_default(),
                |batch| step_title(&run.plan, batch),
            )
        };
        rows.push(Row {
            steps: idx..end,
            title,
        });
        idx = end;
    }
    rows
}

/// How a line stands.
enum Standing<'a> {
    /// The last of its steps, or the first that failed.
    Ended(&'a StepReport),
    Running,
    Waiting,
    /// It was never reached.
    Left,
}

fn standing<'a>(run: &'a RunView, row: &Row) -> Standing<'a> {
    let ended = run.ended.get(row.steps.clone().start..).unwrap_or_default();
    let mine = ended
        .get(..ended.len().min(row.steps.len()))
        .unwrap_or_default();
    let failed = mine
        .iter()
        .find(|report| matches!(report.outcome, Outcome::Failed(_) | Outcome::Cancelled));
    if let Some(report) = failed {
        return Standing::Ended(report);
    }
    match mine.last() {
        Some(report) if mine.len() == row.steps.len() => Standing::Ended(report),
        _ if run
            .current_step()
            .is_some_and(|step| row.steps.contains(&step)) =>
        {
            Standing::Running
        }
        _ if run.report.is_some() => Standing::Left,
        _ => Standing::Waiting,
    }
}

pub fn row_ui(
    ui: &mut Ui,
    state: &State,
    run: &RunView,
    number: usize,
    row: &Row,
    width: f32,
    palette: &Palette,
) -> egui::Response {
    let standing = standing(run, row);
    let running = matches!(standing, Standing::Running);
    let detail = row_detail(run, row, &standing);
    let height = if running { 78.0 } else { 60.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(
            egui::Role::ListItem,
            true,
            format!("{}, {detail}", row.title),
        )
    });
    let title_color = match standing {
        Standing::Waiting | Standing::Left => palette.muted,
        Standing::Ended(_) | Standing::Running => palette.text,
    };
    let mark = pos2(rect.left() + 13.0, rect.top() + 26.0);
    paint_mark(ui, mark, number, &standing, palette);
    let left = rect.left() + 42.0;
    let right = ui.painter().text(
        pos2(rect.right() - 4.0, rect.top() + 19.0),
        Align2::RIGHT_CENTER,
        row_time(state, run, row, &standing),
        regular(12.5),
        title_color,
    );
    let line = |top: f32, bottom: f32, end: f32| {
        egui::Rect::from_min_max(pos2(left, rect.top() + top), pos2(end, rect.top() + bottom))
    };
    super::widgets::paint_clipped(
        ui,
        line(9.0, 29.0, right.left() - 10.0),
        Align2::LEFT_CENTER,
        &row.title,
        semibold(13.5),
        title_color,
    );
    super::widgets::paint_clipped(
        ui,
        line(30.0, 47.0, rect.right() - 4.0),
        Align2::LEFT_CENTER,
        &detail,
        regular(12.0),
        palette.muted,
    );
    if running {
        let bar = line(54.0, 60.0, rect.right() - 90.0);
        let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(bar));
        progress(
            &mut inside,
            bar.width(),
            6.0,
            row_fraction(run, row),
            palette.moment,
        );
    }
    ui.painter().hline(
        rect.x_range(),
        rect.bottom() - 0.5,
        Stroke::new(1.0, palette.line),
    );
    response
}

/// How much of a line is done; `None` when the server does not tell.
fn row_fraction(run: &RunView, row: &Row) -> Option<f32> {
    let part = run
        .progress
        .as_ref()
        .filter(|progress| row.steps.contains(&progress.step))
        .and_then(|progress| progress.percent)
        .map(|percent| percent / 100.0);
    if row.steps.len() == 1 {
        return part;
    }
    let done = run.ended.len().saturating_sub(row.steps.start) as f32;
    Some((done + part.unwrap_or(0.0)) / row.steps.len() as f32)
}

fn row_detail(run: &RunView, row: &Row, standing: &Standing<'_>) -> String {
    match standing {
        Standing::Ended(report) => match &report.outcome {
            Outcome::Done => report
                .messages
                .last()
                .map_or_else(|| "done".to_owned(), |(_, text)| text.clone()),
            Outcome::DoneWithWarning(failure) => {
                format!("done, but {}", step_failure(failure).sentence)
            }
            Outcome::Skipped { reason } => format!("skipped: {}", step_skip(reason)),
            Outcome::Failed(failure) => step_failure(failure).sentence,
            Outcome::Cancelled => "cancelled".to_owned(),
        },
        Standing::Running => {
            let progress = run
                .progress
                .as_ref()
                .filter(|progress| row.steps.contains(&progress.step));
            let mut words = match progress {
                Some(progress) => match (progress.percent, progress.remaining_secs) {
                    (Some(percent), Some(left)) => {
                        format!("{percent:.0} % · {} left", figures::duration(left.ceil()))
                    }
                    (Some(percent), None) => format!("{percent:.0} %"),
                    (None, _) => "running; the server does not say how far".to_owned(),
                },
                None => "running".to_owned(),
            };
            if row.steps.len() > 1 {
                let done = run.ended.len().saturating_sub(row.steps.start);
                words = format!("log {} of {} · {words}", done + 1, row.steps.len());
            }
            words
        }
        Standing::Waiting if row.steps.len() > 1 => {
            "STOPAT on every log · the last with RECOVERY in the same statement".to_owned()
        }
        Standing::Waiting => script_file(run, row.steps.start),
        Standing::Left => "not reached".to_owned(),
    }
}

/// The file that a step reads, where it is one of the plan.
fn script_file(run: &RunView, idx: usize) -> String {
    match run.batch(idx).map(|batch| &batch.purpose) {
        Some(crate::tsql::Purpose::RestoreSet { step }) => run
            .plan
            .steps
            .get(*step)
            .and_then(|step| step.devices.first())
            .map_or_else(String::new, |device| {
                let name = device.name();
                name.rsplit(['\\', '/']).next().unwrap_or(name).to_owned()
            }),
        _ => String::new(),
    }
}

fn row_time(state: &State, run: &RunView, row: &Row, standing: &Standing<'_>) -> String {
    let ended: f64 = run
        .ended
        .iter()
        .enumerate()
        .filter(|(idx, _)| row.steps.contains(idx))
        .map(|(_, report)| report.seconds)
        .sum();
    match standing {
        Standing::Ended(_) => seconds_words(ended),
        Standing::Running => {
            let elapsed = run
                .progress
                .as_ref()
                .filter(|progress| run.current_step() == Some(progress.step))
                .map(|progress| progress.elapsed_secs);
            let since_last = run
                .ended
                .last()
                .map(|report| state.own.now.seconds() - report.started.seconds() - report.seconds);
            figures::stopwatch(ended + elapsed.or(since_last).unwrap_or_default())
        }
        Standing::Waiting | Standing::Left => String::new(),
    }
}

/// Short steps in tenths, long ones as a stopwatch shows them.
fn seconds_words(seconds: f64) -> String {
    if seconds < 10.0 {
        figures::duration(seconds)
    } else {
        figures::stopwatch(seconds)
    }
}

fn paint_mark(
    ui: &Ui,
    center: egui::Pos2,
    number: usize,
    standing: &Standing<'_>,
    palette: &Palette,
) {
    let painter = ui.painter();
    match standing {
        Standing::Ended(report) => {
            let (color, good) = match &report.outcome {
                Outcome::Done => (palette.log, true),
                Outcome::DoneWithWarning(_) => (palette.at_risk, true),
                Outcome::Skipped { .. } => (palette.muted, true),
                Outcome::Failed(_) => (palette.danger, false),
                Outcome::Cancelled => (palette.at_risk, false),
            };
            painter.circle(
                center,
                12.0,
                mix(palette.background, color, 0.12),
                Stroke::new(1.8, color),
            );
            let stroke = Stroke::new(1.8, color);
            if good {
                painter.line_segment([center + vec2(-4.0, 0.5), center + vec2(-1.2, 3.3)], stroke);
                painter.line_segment([center + vec2(-1.2, 3.3), center + vec2(4.4, -3.0)], stroke);
            } else {
                painter.line_segment([center + vec2(-3.5, -3.5), center + vec2(3.5, 3.5)], stroke);
                painter.line_segment([center + vec2(-3.5, 3.5), center + vec2(3.5, -3.5)], stroke);
            }
        }
        Standing::Running => {
            painter.circle_stroke(center, 12.0, Stroke::new(2.0, palette.moment));
            painter.circle_filled(center, 5.0, palette.moment);
        }
        Standing::Waiting | Standing::Left => {
            painter.circle_stroke(center, 12.0, Stroke::new(1.5, palette.line));
            painter.text(
                center,
                Align2::CENTER_CENTER,
                number.to_string(),
                regular(11.5),
                palette.muted,
            );
        }
    }
}
