//! A restore while it runs, and what came of it.

use super::{
    empty::paragraph,
    review::step_title,
    sql_view::sql_ui,
    theme::{Palette, card, mix, mono, regular, semibold},
    widgets::{
        BadgeStyle, badge, button, danger_button, primary_button, progress, section, small, strong,
    },
};
use crate::{
    domain::{BackupType, UtcTime},
    explain::figures,
    run::{Outcome, RunEnd, RunReport, StepReport, Verification},
    state::{Action, Cancelling, RunView, State},
};
use egui::{
    Align, Align2, Color32, Grid, Label, Layout, RichText, ScrollArea, Sense, Stroke, Ui, pos2,
    vec2,
};

/// Shows the run.
pub fn run_ui(ui: &mut Ui, state: &State, run: &RunView) -> Vec<Action> {
    let mut actions = Vec::new();
    let area = ui.available_rect_before_wrap().shrink2(vec2(26.0, 18.0));
    let split = area.left() + (area.width() - 24.0) * 0.6;
    let left = area.with_max_x(split);
    let right = area.with_min_x(split + 24.0);
    ui.scope_builder(egui::UiBuilder::new().max_rect(left), |ui| {
        left_ui(ui, state, run, &mut actions);
    });
    ui.scope_builder(egui::UiBuilder::new().max_rect(right), |ui| {
        right_ui(ui, state, run);
    });
    actions
}

fn left_ui(ui: &mut Ui, state: &State, run: &RunView, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    heading_ui(ui, state, run);
    ui.add_space(12.0);
    let foot = 52.0;
    let height = (ui.available_height() - foot).max(80.0);
    ScrollArea::vertical()
        .max_height(height)
        .auto_shrink([false, false])
        .show(ui, |ui| {
            if let Some(report) = &run.report {
                result_ui(ui, run, report);
                ui.add_space(12.0);
            }
            let width = ui.available_width();
            for (number, row) in rows(run).iter().enumerate() {
                let shown = row_ui(ui, state, run, number + 1, row, width, &palette);
                if run
                    .current_step()
                    .is_some_and(|step| row.steps.contains(&step))
                    && run.steps.len() > 8
                {
                    shown.scroll_to_me(None);
                }
            }
            if run.steps.is_empty() {
                paragraph(ui, "The plan is checked against the server once more…");
            }
        });
    ui.add_space(8.0);
    ui.horizontal(|ui| buttons_ui(ui, run, actions));
}

fn heading_ui(ui: &mut Ui, state: &State, run: &RunView) {
    let palette = *Palette::of(ui);
    let moment = match run.plan.target {
        crate::domain::Target::At(moment) => figures::short_date_time(moment.server),
        crate::domain::Target::Latest => "the latest state".to_owned(),
    };
    ui.horizontal(|ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            let (word, badge_text, color) = match &run.report {
                None => (
                    "Restoring",
                    run.current_step().map_or_else(
                        || "starting".to_owned(),
                        |step| format!("step {} of {}", step + 1, run.steps.len()),
                    ),
                    palette.moment,
                ),
                Some(report) => {
                    let (text, color) = end_words(&report.end, &palette);
                    ("Restored", text.to_owned(), color)
                }
            };
            let word = match run.report.as_ref().map(|report| &report.end) {
                Some(RunEnd::Verified | RunEnd::OnlineNotVerified) | None => word,
                Some(_) => "Restore of",
            };
            let room = (ui.available_width() - 150.0).max(100.0);
            ui.scope(|ui| {
                ui.set_max_width(room);
                ui.add(
                    Label::new(
                        RichText::new(format!("{word} {} to {moment}", run.database))
                            .font(semibold(18.0))
                            .color(palette.text),
                    )
                    .truncate(),
                );
            });
            badge(ui, &badge_text, color, BadgeStyle::Calm);
        });
    });
    let started = run.started.to_server(state.own.offset);
    let mut words = format!(
        "Server {} · as the copy {} · started {} on your clock",
        state.server_name(run.server),
        run.target_database,
        figures::time_of_day(started)
    );
    if run.report.is_none() {
        words.push_str(&format!(
            " · closing cancels it and leaves {} RESTORING; {} is not touched",
            run.target_database, run.database
        ));
    }
    paragraph(ui, &words);
}

fn end_words(end: &RunEnd, palette: &Palette) -> (&'static str, Color32) {
    match end {
        RunEnd::Verified => ("online and checked", palette.log),
        RunEnd::OnlineNotVerified => ("online, not checked", palette.at_risk),
        RunEnd::Untouched => ("nothing was created", palette.at_risk),
        RunEnd::Restoring => ("left RESTORING", palette.danger),
        RunEnd::Cancelled { .. } => ("cancelled", palette.at_risk),
    }
}

fn buttons_ui(ui: &mut Ui, run: &RunView, actions: &mut Vec<Action>) {
    match &run.report {
        None => match run.cancelling {
            Cancelling::No => {
                if danger_button(ui, "Cancel…").clicked() {
                    actions.push(Action::AskCancelRun);
                }
            }
            Cancelling::Asked => {
                small(
                    ui,
                    "Cancelling; the server is asked to stop the running step…",
                );
            }
        },
        Some(report) => {
            let online = matches!(report.end, RunEnd::Verified | RunEnd::OnlineNotVerified);
            if online && !run.dropped {
                if primary_button(ui, "Show the copy", 140.0, true).clicked() {
                    actions.push(Action::ShowCopy);
                }
                if run.dropping {
                    small(ui, "Dropping the copy…");
                } else if report.copy.is_some() && danger_button(ui, "Drop the copy…").clicked() {
                    actions.push(Action::AskDropCopy);
                }
            } else if !online && !run.dropped && report.copy.is_some() {
                if run.dropping {
                    small(ui, "Dropping the copy…");
                } else if danger_button(ui, "Drop what is there…").clicked() {
                    actions.push(Action::AskDropCopy);
                }
            }
            if run.dropped {
                small(ui, format!("{} was dropped", run.target_database));
            }
            if button(ui, "Back to the timeline").clicked() {
                actions.push(Action::BackToTimeline);
            }
            if button(ui, "Put this run away").clicked() {
                actions.push(Action::CloseRun);
            }
        }
    }
}

/// One line of the run: a step, or all logs together.
struct Row {
    steps: std::ops::Range<usize>,
    title: String,
}

/// The lines of a run; logs one after another are one.
fn rows(run: &RunView) -> Vec<Row> {
    let is_log = |idx: usize| match run.script.batches.get(idx).map(|batch| &batch.purpose) {
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
            run.script.batches.get(idx).map_or_else(
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

fn row_ui(
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
            Outcome::DoneWithWarning(problem) => format!("done, but {}", problem.sentence),
            Outcome::Skipped { reason } => format!("skipped: {reason}"),
            Outcome::Failed(problem) => problem.sentence.clone(),
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
    match run.script.batches.get(idx).map(|batch| &batch.purpose) {
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

/// What came of it: the state, what was wrong, and the counted tables.
fn result_ui(ui: &mut Ui, run: &RunView, report: &RunReport) {
    let palette = *Palette::of(ui);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let words = match &report.end {
            RunEnd::Verified => format!(
                "{} is online, as {} was at that moment.",
                run.target_database, run.database
            ),
            RunEnd::OnlineNotVerified => format!(
                "{} is online, but a check failed or could not be made.",
                run.target_database
            ),
            RunEnd::Untouched => {
                format!("Nothing was created, and {} was not touched.", run.database)
            }
            RunEnd::Restoring => format!(
                "{} is left RESTORING. {} was not touched. Drop what is there and begin again.",
                run.target_database, run.database
            ),
            RunEnd::Cancelled { state } => {
                format!("Cancelled. {state}. {} was not touched.", run.database)
            }
        };
        strong(ui, words, 14.0);
        small(
            ui,
            format!(
                "took {} · journal {}",
                figures::duration(report.seconds),
                report.id.0
            ),
        );
        for step in &report.steps {
            if let Outcome::Failed(problem) | Outcome::DoneWithWarning(problem) = &step.outcome {
                problem_ui(ui, problem);
            }
        }
        if let Some(verification) = &report.verification {
            for problem in &verification.problems {
                problem_ui(ui, problem);
            }
            ui.add_space(8.0);
            verification_ui(ui, verification);
        }
    });
}

fn problem_ui(ui: &mut Ui, problem: &crate::explain::Problem) {
    let palette = *Palette::of(ui);
    ui.add_space(4.0);
    ui.add(
        Label::new(
            RichText::new(&problem.sentence)
                .font(semibold(13.0))
                .color(palette.danger),
        )
        .wrap(),
    );
    if !problem.hint.is_empty() {
        paragraph(ui, &problem.hint);
    }
    for line in problem.details.iter().take(4) {
        ui.add(
            Label::new(RichText::new(line).font(mono(11.0)).color(palette.muted))
                .wrap()
                .selectable(true),
        );
    }
}

fn verification_ui(ui: &mut Ui, verification: &Verification) {
    let palette = *Palette::of(ui);
    if let Some(version) = &verification.schema_version {
        small(ui, format!("Schema at {version}"));
    }
    if verification.tables.is_empty() {
        return;
    }
    let cell = |ui: &mut Ui, text: String, strong: bool, color: Color32| {
        let font = if strong {
            semibold(12.0)
        } else {
            regular(12.0)
        };
        ui.add(Label::new(RichText::new(text).font(font).color(color)));
    };
    // Rows of text, not of buttons.
    ui.spacing_mut().interact_size.y = 16.0;
    Grid::new("row counts")
        .num_columns(4)
        .spacing([24.0, 5.0])
        .show(ui, |ui| {
            for title in [
                "Protected table",
                "In the copy",
                "In the original now",
                "Difference",
            ] {
                small(ui, title);
            }
            ui.end_row();
            for table in &verification.tables {
                cell(ui, table.table.clone(), false, palette.text);
                let count =
                    |rows: Option<u64>| rows.map_or_else(|| "not there".to_owned(), figures::count);
                cell(ui, count(table.rows_copy), true, palette.text);
                let original = table.rows_original.map_or_else(
                    || "not there".to_owned(),
                    |n| format!("≈ {}", figures::count(n)),
                );
                cell(ui, original, false, palette.muted);
                let difference = match (table.rows_copy, table.rows_original) {
                    (Some(copy), Some(original)) if copy > original => (
                        format!("+{} back", figures::count(copy - original)),
                        palette.log,
                    ),
                    (Some(copy), Some(original)) if copy < original => (
                        format!("−{}", figures::count(original - copy)),
                        palette.muted,
                    ),
                    (Some(_), Some(_)) => ("same".to_owned(), palette.muted),
                    _ => (String::new(), palette.muted),
                };
                cell(ui, difference.0, false, difference.1);
                ui.end_row();
            }
        });
    small(
        ui,
        "Counted exactly in the copy; ≈ comes from the original's partition metadata, now",
    );
}

fn right_ui(ui: &mut Ui, state: &State, run: &RunView) {
    let palette = *Palette::of(ui);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let estimate = run.plan.estimate.map(|estimate| estimate.seconds);
        small(
            ui,
            if estimate.is_some() {
                "Since the run began · estimate"
            } else {
                "Since the run began"
            },
        );
        ui.horizontal(|ui| {
            strong(ui, figures::stopwatch(run.elapsed(state.own.now)), 22.0);
            if let Some(seconds) = estimate {
                ui.add(Label::new(
                    RichText::new(format!(
                        "of ~{}",
                        figures::duration(seconds.max(1.0).round())
                    ))
                    .font(semibold(14.0))
                    .color(palette.muted),
                ));
            }
        });
        ui.add_space(2.0);
        let width = ui.available_width();
        progress(ui, width, 7.0, Some(run.fraction()), palette.moment);
        ui.add_space(2.0);
    });
    ui.add_space(8.0);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.set_min_height((ui.available_height() - 4.0).max(60.0));
        sql_now_ui(ui, run);
        ui.add_space(10.0);
        section(ui, "Server messages");
        ui.add_space(4.0);
        messages_ui(ui, state, run);
    });
}

fn sql_now_ui(ui: &mut Ui, run: &RunView) {
    let step = run
        .current_step()
        .or_else(|| run.ended.len().checked_sub(1));
    let sql = step.and_then(|step| {
        run.script
            .batches
            .get(step)
            .map(|batch| batch.sql.clone())
            .or_else(|| run.ended.get(step).map(|report| report.sql.clone()))
            .filter(|sql| !sql.is_empty())
    });
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(sql) = &sql
                && button(ui, "Copy").clicked()
            {
                ui.ctx().copy_text(sql.clone());
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let words = if run.report.is_none() {
                    "T-SQL now running"
                } else {
                    "T-SQL that ran last"
                };
                strong(ui, words, 13.0);
            });
        });
    });
    ScrollArea::vertical()
        .id_salt("running sql")
        .max_height((ui.available_height() * 0.5).max(80.0))
        .auto_shrink([false, true])
        .show(ui, |ui| match &sql {
            Some(sql) => sql_ui(ui, sql),
            None => paragraph(ui, "Nothing runs on the server yet."),
        });
}

fn messages_ui(ui: &mut Ui, state: &State, run: &RunView) {
    let palette = *Palette::of(ui);
    let lines: Vec<(UtcTime, &str)> = run
        .messages
        .iter()
        .map(|(at, text)| (*at, text.as_str()))
        .collect();
    if lines.is_empty() {
        small(ui, "None yet");
        return;
    }
    let row = 17.0;
    ScrollArea::vertical()
        .id_salt("server messages")
        .auto_shrink([false, false])
        .show_rows(ui, row, lines.len(), |ui, rows| {
            for (at, text) in rows.filter_map(|row| lines.iter().rev().nth(row)) {
                let time = figures::time_of_day(crate::domain::ServerTime(
                    at.to_server(state.own.offset)
                        .0
                        .date()
                        .and_time(whole_second(at.to_server(state.own.offset).0.time())),
                ));
                ui.add(
                    Label::new(
                        RichText::new(format!("{time} {text}"))
                            .font(mono(11.5))
                            .color(palette.muted),
                    )
                    .truncate()
                    .selectable(true),
                );
            }
        });
}

fn whole_second(time: chrono::NaiveTime) -> chrono::NaiveTime {
    use chrono::Timelike as _;
    time.with_nanosecond(0).unwrap_or(time)
}
