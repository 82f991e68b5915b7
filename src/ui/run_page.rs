//! A restore while it runs, and what came of it.

use super::{
    empty::paragraph,
    run_result::result_ui,
    run_rows::{row_ui, rows},
    sql_view::sql_ui,
    theme::{Palette, card, mono, semibold},
    widgets::{
        BadgeStyle, badge, button, danger_button, primary_button, progress, section, small, strong,
    },
};
use crate::{
    domain::UtcTime,
    explain::figures,
    run::RunEnd,
    state::{Action, Cancelling, Page, RunView, State},
};
use egui::{Align, Color32, Label, Layout, RichText, ScrollArea, Ui, vec2};

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
        crate::domain::Target::Mark(mark) => figures::short_date_time(mark.at.server),
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
        RunEnd::Cancelled => ("cancelled", palette.at_risk),
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
                actions.push(Action::ShowPage(Page::Timeline));
            }
            if button(ui, "Put this run away").clicked() {
                actions.push(Action::CloseRun);
            }
        }
    }
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
    let sql = match run.current_step() {
        Some(step) => run.batch(step).map(|batch| batch.sql.clone()),
        // The look after the script has no T-SQL of its own to show.
        None => (0..run.ended.len())
            .rev()
            .find_map(|step| run.batch(step))
            .map(|batch| batch.sql.clone()),
    };
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
    let is_progress = |text: &str| text.ends_with("percent processed.");
    // Of progress in a row only the last line is news.
    let lines: Vec<(UtcTime, &str)> = run
        .messages
        .iter()
        .enumerate()
        .filter(|(idx, (_, text))| {
            !is_progress(text)
                || run
                    .messages
                    .get(idx + 1)
                    .is_none_or(|(_, next)| !is_progress(next))
        })
        .map(|(_, (at, text))| (*at, text.as_str()))
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
