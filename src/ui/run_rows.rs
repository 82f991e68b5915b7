//! The lines of a run: how each step stands.

use super::{
    marks::{Mark, paint_mark},
    review::step_title,
    theme::{Palette, regular, semibold},
    widgets::{paint_clipped, progress},
};
use crate::{
    domain::BackupType,
    explain::{figures, step_failure, step_skip},
    run::{Action, Outcome, StepReport, StepSkip},
    state::{RunView, State},
    tsql::{Purpose, READABLE},
};
use egui::{Align2, Sense, Stroke, Ui, pos2, vec2};

/// One line of the run: a step, or all logs together.
pub struct Row {
    pub steps: std::ops::Range<usize>,
    pub title: String,
}

/// The lines of a run; logs one after another are one.
pub fn rows(run: &RunView) -> Vec<Row> {
    let is_log = |idx: usize| {
        run.set_of(idx)
            .is_some_and(|set| set.backup_type == BackupType::Log)
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
                || {
                    run.steps
                        .get(idx)
                        .map_or_else(String::new, |step| step.title.clone())
                },
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

impl Standing<'_> {
    fn mark(&self, number: usize) -> Mark {
        match self {
            Self::Ended(report) => match &report.outcome {
                Outcome::Done => Mark::Done,
                Outcome::Skipped {
                    reason: StepSkip::DoneBefore,
                } => Mark::Done,
                Outcome::DoneWithWarning(_) => Mark::Warned,
                Outcome::Skipped { .. } => Mark::Skipped,
                Outcome::Failed(_) => Mark::Failed,
                Outcome::Cancelled => Mark::Cancelled,
            },
            Self::Running => Mark::Running,
            Self::Waiting | Self::Left => Mark::Waiting(number),
        }
    }
}

/// Those of the line's steps that ended.
fn ended_of<'a>(run: &'a RunView, row: &Row) -> &'a [StepReport] {
    let from = run.ended.get(row.steps.start..).unwrap_or_default();
    from.get(..from.len().min(row.steps.len()))
        .unwrap_or_default()
}

fn standing<'a>(run: &'a RunView, row: &Row) -> Standing<'a> {
    let mine = ended_of(run, row);
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

/// Shows one line; `number` counts from 1.
pub fn row_ui(
    ui: &mut Ui,
    state: &State,
    run: &RunView,
    number: usize,
    row: &Row,
) -> egui::Response {
    let palette = *Palette::of(ui);
    let standing = standing(run, row);
    let running = matches!(standing, Standing::Running);
    let detail = row_detail(state, run, row, &standing);
    let has_bar = running
        && run
            .current_step()
            .is_some_and(|step| run.sql(step).is_some());
    let height = if has_bar { 80.0 } else { 66.0 };
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
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
    paint_mark(
        ui,
        pos2(rect.left() + 13.0, rect.top() + 26.0),
        12.0,
        standing.mark(number),
    );
    let left = rect.left() + 40.0;
    let right = rect.right() - 4.0;
    let (took, began) = row_times(state, run, row, &standing);
    let took_rect = ui.painter().text(
        pos2(right, rect.top() + 22.0),
        Align2::RIGHT_CENTER,
        took,
        regular(13.0),
        title_color,
    );
    let began_rect = ui.painter().text(
        pos2(right, rect.top() + 43.0),
        Align2::RIGHT_CENTER,
        began,
        regular(11.5),
        palette.muted,
    );
    let line = |top: f32, bottom: f32, end: f32| {
        egui::Rect::from_min_max(pos2(left, rect.top() + top), pos2(end, rect.top() + bottom))
    };
    paint_clipped(
        ui,
        line(12.0, 32.0, took_rect.left() - 12.0),
        Align2::LEFT_CENTER,
        &row.title,
        semibold(14.0),
        title_color,
    );
    let detail_color = match &standing {
        Standing::Ended(report) if matches!(report.outcome, Outcome::Failed(_)) => palette.danger,
        _ => palette.muted,
    };
    paint_clipped(
        ui,
        line(34.0, 52.0, began_rect.left() - 12.0),
        Align2::LEFT_CENTER,
        &detail,
        regular(12.5),
        detail_color,
    );
    if has_bar {
        let bar = line(61.0, 67.0, rect.right() - 108.0);
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
    let part = run.percent().map(|percent| percent / 100.0);
    if row.steps.len() == 1 {
        return part;
    }
    let done = ended_of(run, row).len() as f32;
    Some((done + part.unwrap_or(0.0)) / row.steps.len() as f32)
}

fn row_detail(state: &State, run: &RunView, row: &Row, standing: &Standing<'_>) -> String {
    match standing {
        Standing::Ended(report) => match &report.outcome {
            Outcome::Done => done_words(run, row, report),
            Outcome::DoneWithWarning(failure) => {
                format!("done, but {}", step_failure(failure).sentence)
            }
            Outcome::Skipped {
                reason: StepSkip::DoneBefore,
            } => "done before the run was interrupted".to_owned(),
            Outcome::Skipped { reason } => format!("skipped: {}", step_skip(reason)),
            Outcome::Failed(failure) => step_failure(failure).sentence,
            Outcome::Cancelled => "cancelled".to_owned(),
        },
        Standing::Running => running_words(state, run, row),
        Standing::Waiting | Standing::Left if !ended_of(run, row).is_empty() => format!(
            "{} of {} logs applied so far",
            ended_of(run, row).len(),
            row.steps.len()
        ),
        Standing::Waiting if row.steps.len() > 1 => {
            let how = match run.plan.stop_at {
                Some(_) => "STOPAT on every log",
                None => "each as a whole",
            };
            let last = run.steps.get(row.steps.end.saturating_sub(1));
            let end = if last.is_some_and(|step| step.title.ends_with(READABLE)) {
                "STANDBY"
            } else {
                "RECOVERY"
            };
            format!("{how} · the last with {end} in the same statement")
        }
        Standing::Waiting => waiting_words(run, row.steps.start),
        Standing::Left => "not reached".to_owned(),
    }
}

/// What came of a step: its file and size, its exit code, or what was said last.
fn done_words(run: &RunView, row: &Row, report: &StepReport) -> String {
    if row.steps.len() > 1 {
        let bytes: Option<u64> = row
            .steps
            .clone()
            .map(|step| run.set_of(step).and_then(|set| set.bytes))
            .sum();
        let read = bytes.map_or_else(String::new, |bytes| {
            format!(" · {} read", figures::size(bytes))
        });
        return format!(
            "{}{read}",
            figures::counted(row.steps.len() as u64, "log", "logs")
        );
    }
    let step = row.steps.start;
    match run.steps.get(step).map(|step| &step.action) {
        Some(Action::Hook(hook)) => match report.facts.exit_code {
            Some(code) => format!("{} · exit {code}", hook.line()),
            None => hook.line(),
        },
        Some(Action::ByHand) => "done by hand".to_owned(),
        Some(Action::Sql(batch)) => {
            let file = file_of(run, step);
            let bytes = report
                .facts
                .bytes
                .or_else(|| run.set_of(step).and_then(|set| set.bytes));
            let mut parts: Vec<String> = Vec::new();
            parts.extend(Some(file).filter(|file| !file.is_empty()));
            parts.extend(bytes.map(figures::size));
            if let Purpose::RestoreSet { .. } | Purpose::RestoreTail { .. } = batch.purpose
                && parts.is_empty()
            {
                parts.extend(report.messages.last().map(|(_, text)| text.clone()));
            }
            if parts.is_empty() {
                "done".to_owned()
            } else {
                parts.join(" · ")
            }
        }
        _ => report
            .messages
            .last()
            .map_or_else(|| "done".to_owned(), |(_, text)| text.clone()),
    }
}

fn running_words(state: &State, run: &RunView, row: &Row) -> String {
    let Some(step) = run.current_step() else {
        return "running".to_owned();
    };
    let mut parts = Vec::new();
    if row.steps.len() > 1 {
        let done = ended_of(run, row).len();
        parts.push(format!("log {} of {}", done + 1, row.steps.len()));
    }
    match run.steps.get(step).map(|step| &step.action) {
        Some(Action::Hook(hook)) => parts.push(hook.line()),
        Some(Action::ByHand) => parts.push("waits until you say Done".to_owned()),
        Some(Action::LookBefore) => {
            parts.push("the plan is judged once more, and its facts are read again".to_owned());
        }
        Some(Action::Verify) => parts.push("state, tables and versions are read".to_owned()),
        _ => parts.extend(progress_words(state, run, step)),
    }
    parts.join(" · ")
}

/// How far the running statement is, with what that means in bytes; and what happens after its last byte.
fn progress_words(state: &State, run: &RunView, step: usize) -> Vec<String> {
    let Some(percent) = run.percent() else {
        return vec!["running; the server does not say how far".to_owned()];
    };
    if percent >= 99.95 {
        return vec![phase_after_copying(run, step).to_owned()];
    }
    if let Some(Action::OnServer(job)) = run.steps.get(step).map(|step| &step.action) {
        // The server tells of one statement at a time.
        return vec![format!(
            "{percent:.0} % of the statement that runs now, one of {}",
            job.script.batches.len()
        )];
    }
    let mut parts = vec![format!("{percent:.0} %")];
    let bytes = run.steps.get(step).and_then(|step| step.expected.bytes);
    let elapsed = run.step_elapsed(state.own.now).unwrap_or_default();
    if let Some(bytes) = bytes {
        let read = bytes as f64 * f64::from(percent) / 100.0;
        parts.push(format!(
            "{} of {}",
            figures::size(read as u64),
            figures::size(bytes)
        ));
        if elapsed >= 2.0 && read > 0.0 {
            parts.push(format!("{}/s", figures::size((read / elapsed) as u64)));
        }
    }
    let left = run
        .progress
        .as_ref()
        .filter(|progress| progress.step == step)
        .and_then(|progress| progress.remaining_secs);
    if let Some(left) = left {
        parts.push(format!("{} left", figures::duration(left.ceil())));
    }
    parts
}

/// A statement goes on after its last byte was read: the server says 100 % meanwhile.
fn phase_after_copying(run: &RunView, step: usize) -> &'static str {
    let recovers = run.batch(step).is_some_and(|batch| {
        batch
            .sql
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| word == "RECOVERY")
    });
    if recovers {
        "100 % read · redo rolls the log forward, then undo takes back what was not committed"
    } else {
        "100 % read · redo rolls the log forward; there is no percentage for that"
    }
}

fn waiting_words(run: &RunView, step: usize) -> String {
    match run.steps.get(step).map(|step| &step.action) {
        Some(Action::Hook(hook)) => hook.line(),
        Some(Action::ByHand) => "by hand; the run waits until you say Done".to_owned(),
        Some(Action::OnServer(job)) => {
            format!("the server does it by itself, as the job {}", job.name)
        }
        Some(Action::LookBefore) => "plan, lock, files, space".to_owned(),
        Some(Action::Verify) => {
            "state · protected tables counted · schema · access as before".to_owned()
        }
        Some(Action::Sql(batch)) => match purpose_words(&batch.purpose) {
            Some(words) => words.to_owned(),
            None => file_of(run, step),
        },
        None => String::new(),
    }
}

/// What a statement without a file is for.
fn purpose_words(purpose: &Purpose) -> Option<&'static str> {
    Some(match purpose {
        Purpose::CloseToOthers => "SINGLE_USER; what others have not committed is rolled back",
        Purpose::StopAsyncStatistics => "its background session would keep the database open",
        Purpose::GiveBackAccess => "access as it was before",
        Purpose::GiveBackStatistics => "as it was before",
        Purpose::PauseJob { .. } => "enabled again when the restore is over",
        Purpose::StartJob { .. } => "as it was before",
        Purpose::CheckDatabase => "every page is read",
        Purpose::Recover => "undo takes back what was not committed",
        _ => return None,
    })
}

/// The file that a step reads or writes, without its folder.
fn file_of(run: &RunView, step: usize) -> String {
    let of_purpose = match run.batch(step).map(|batch| &batch.purpose) {
        Some(
            Purpose::BackUpTail { file }
            | Purpose::ReadTail { file }
            | Purpose::RestoreTail { file },
        ) => Some(file.clone()),
        _ => None,
    };
    let files = run.steps.get(step).map(|step| &step.expected.files);
    let first = of_purpose.or_else(|| files.and_then(|files| files.first()).cloned());
    let short = first.map_or_else(String::new, |name| {
        name.rsplit(['\\', '/']).next().unwrap_or(&name).to_owned()
    });
    match files.map_or(0, Vec::len) {
        0 | 1 => short,
        n => format!("{short} and {} more", n - 1),
    }
}

/// What stands at the right: how long, and since when.
fn row_times(state: &State, run: &RunView, row: &Row, standing: &Standing<'_>) -> (String, String) {
    let mine = ended_of(run, row);
    let ended: f64 = mine.iter().map(|report| report.seconds).sum();
    let estimate: Option<f64> = row
        .steps
        .clone()
        .map(|step| run.steps.get(step).and_then(|step| step.estimate_secs))
        .sum();
    let estimate = estimate.map(|seconds| figures::stopwatch(seconds.max(1.0).round()));
    let clock = |at: crate::domain::UtcTime| {
        at.to_server(state.own.offset)
            .0
            .format("%H:%M:%S")
            .to_string()
    };
    let began = mine.first().map(|report| clock(report.started));
    match standing {
        Standing::Ended(report) if was_done_before(report) => (String::new(), String::new()),
        Standing::Ended(_) => (seconds_words(ended), began.unwrap_or_default()),
        Standing::Running => {
            let running = run.step_elapsed(state.own.now).unwrap_or_default();
            let elapsed = figures::stopwatch(ended + running);
            let took = match estimate {
                Some(estimate) => format!("{elapsed} of ~{estimate}"),
                None => elapsed,
            };
            let began = began.unwrap_or_else(|| {
                clock(
                    state
                        .own
                        .now
                        .plus(chrono::TimeDelta::milliseconds((-running * 1e3) as i64)),
                )
            });
            (took, began)
        }
        Standing::Waiting => (
            estimate.map_or_else(String::new, |estimate| format!("~{estimate}")),
            String::new(),
        ),
        Standing::Left => (String::new(), String::new()),
    }
}

fn was_done_before(report: &StepReport) -> bool {
    matches!(
        report.outcome,
        Outcome::Skipped {
            reason: StepSkip::DoneBefore
        }
    )
}

/// Short steps in tenths, long ones as a stopwatch shows them.
fn seconds_words(seconds: f64) -> String {
    if seconds < 10.0 {
        figures::duration(seconds)
    } else {
        figures::stopwatch(seconds)
    }
}
