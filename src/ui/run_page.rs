//! A restore while it runs, and what came of it.

use super::{
    empty::paragraph,
    question::Question,
    reason::reason_ui,
    run_result::result_ui,
    run_rows::{row_ui, rows},
    run_time::time_ui,
    sql_view::sql_ui,
    theme::{Palette, card, mix, mono, regular, semibold},
    widgets::{BadgeStyle, badge, button, danger_button, primary_button, section, small, strong},
};
use crate::{
    domain::{BackupKind, UtcTime},
    explain::{figures, owed, waiting},
    run::{Interruption, RunCommand, RunEnd, RunKind, RunReport, TargetState, Waiting},
    state::{Action, BackupAction, Cancelling, CheckNow, Halt, Page, ResumeAction, RunView, State},
};
use egui::{Align, Color32, Label, Layout, RichText, ScrollArea, Ui, vec2};

/// Memory of the page: the reason and the question that are being typed.
#[derive(Debug, Default)]
pub struct RunPage {
    reason: String,
    question: Question,
    /// The line that was scrolled to last, of which attempt, and whether it waited: once for each, so that somebody may look
    /// elsewhere.
    followed: Option<(UtcTime, usize, bool)>,
}

impl RunPage {
    /// Shows the run.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, run: &RunView) -> Vec<Action> {
        let mut actions = Vec::new();
        let area = ui.available_rect_before_wrap().shrink2(vec2(26.0, 18.0));
        let split = area.left() + (area.width() - 24.0) * 0.61;
        let left = area.with_max_x(split);
        let right = area.with_min_x(split + 24.0);
        ui.scope_builder(egui::UiBuilder::new().max_rect(left), |ui| {
            self.left_ui(ui, state, run, &mut actions);
        });
        ui.scope_builder(egui::UiBuilder::new().max_rect(right), |ui| {
            right_ui(ui, state, run);
        });
        actions
    }

    fn left_ui(&mut self, ui: &mut Ui, state: &State, run: &RunView, actions: &mut Vec<Action>) {
        heading_ui(ui, state, run);
        ui.add_space(10.0);
        if let Some((step, why)) = run.waiting
            && run.report.is_none()
        {
            waiting_ui(ui, run, step, why, &mut self.reason, actions);
        }
        if run.is_readable() {
            self.question.ui(ui, run, actions);
            ui.add_space(10.0);
        }
        // A second row for the buttons of a run that has ended, where one has no room for them.
        let foot = if run.report.is_some() && ui.available_width() < 690.0 {
            90.0
        } else {
            52.0
        };
        let height = (ui.available_height() - foot).max(80.0);
        // The result stands above the steps, so the end begins at the top again.
        let salt = if run.report.is_some() {
            "ended"
        } else {
            "under way"
        };
        ScrollArea::vertical()
            .id_salt(salt)
            .max_height(height)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                if let Some(report) = &run.report {
                    result_ui(ui, run, report);
                    ui.add_space(12.0);
                }
                ui.spacing_mut().item_spacing.y = 0.0;
                // Nothing runs while it waits between two steps: then it stands before the next one.
                let next = run.waiting.map(|_| run.ended.len());
                let stands = run.current_step().or(next).filter(|_| run.report.is_none());
                for (number, row) in rows(run).iter().enumerate() {
                    let shown = row_ui(ui, state, run, number + 1, row);
                    let runs = stands.is_some_and(|step| row.steps.contains(&step));
                    let place = (run.started, number, run.waiting.is_some());
                    if runs && self.followed != Some(place) {
                        self.followed = Some(place);
                        shown.scroll_to_me(None);
                    }
                }
                if run.steps.is_empty() {
                    paragraph(ui, "The plan is checked against the server once more…");
                }
            });
        ui.add_space(14.0);
        ui.horizontal_wrapped(|ui| buttons_ui(ui, run, actions));
    }
}

fn heading_ui(ui: &mut Ui, state: &State, run: &RunView) {
    let palette = *Palette::of(ui);
    let moment = match run.plan.target {
        crate::domain::Target::Latest if run.only_recovers() => "as far as it came".to_owned(),
        crate::domain::Target::At(moment) => {
            format!("to {}", figures::short_date_time(moment.server))
        }
        crate::domain::Target::Mark(mark) => {
            format!("to {}", figures::short_date_time(mark.at.server))
        }
        crate::domain::Target::Latest => "to the latest state".to_owned(),
    };
    ui.horizontal(|ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            let (word, badge_text, color) = match &run.report {
                None => (
                    "Restoring",
                    match (row_of_now(run), run.waiting) {
                        (Some((row, of)), _) => format!("step {row} of {of}"),
                        (None, Some(_)) => "waits for you".to_owned(),
                        (None, None) => "starting".to_owned(),
                    },
                    palette.moment,
                ),
                Some(report) => {
                    let (text, color) = end_words(report, &palette);
                    ("Restored", text.to_owned(), color)
                }
            };
            let word = match run.report.as_ref().map(|report| &report.end) {
                Some(RunEnd::Verified | RunEnd::Standby | RunEnd::OnlineNotVerified) | None => word,
                Some(_) => "Restore of",
            };
            let room = (ui.available_width() - 150.0).max(100.0);
            ui.scope(|ui| {
                ui.set_max_width(room);
                ui.add(
                    Label::new(
                        RichText::new(format!("{word} {} {moment}", run.database))
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
    let how = match run.kind {
        RunKind::RestoreOver => "over the original".to_owned(),
        _ => format!("as the copy {}", run.target_database),
    };
    let mut words = format!(
        "On {} · {how} · started {} on your clock",
        state.server_name(run.server),
        started.0.format("%H:%M:%S"),
    );
    if run.report.is_none() {
        words.push_str(" · closing ");
        words.push_str(&closing_words(run));
    }
    paragraph(ui, &words);
}

/// Which line runs now, and of how many.
pub fn row_of_now(run: &RunView) -> Option<(usize, usize)> {
    let step = run.current_step()?;
    let rows = rows(run);
    let row = rows.iter().position(|row| row.steps.contains(&step))?;
    Some((row + 1, rows.len()))
}

/// What closing the window would do to the step in flight, after the word *closing*.
pub fn closing_words(run: &RunView) -> String {
    let target = &run.target_database;
    let row = row_of_now(run).map_or(1, |(row, _)| row);
    let Some(interruption) = run.if_interrupted() else {
        return if run.touched() {
            format!("leaves {target} as it is now; the run can go on later")
        } else {
            "stops it before anything was changed".to_owned()
        };
    };
    match interruption {
        Interruption::LeavesRestoring => format!(
            "stops step {row} and leaves {target} RESTORING; the run can be continued, step {row} starts again"
        ),
        Interruption::Undone => format!(
            "stops step {row}, which the server undoes; the run can be continued, step {row} starts again"
        ),
        Interruption::ProgramEnded => format!(
            "ends the program of step {row} with everything that it started; it starts again when the run is continued"
        ),
        Interruption::GoesOn => format!(
            "changes nothing: the server does step {row} by itself, and the next start finds how far it came"
        ),
        Interruption::Harmless if run.touched() => {
            format!("stops step {row}, which changes nothing; the run can be continued")
        }
        Interruption::Harmless => "stops it before anything was changed".to_owned(),
    }
}

fn end_words(report: &RunReport, palette: &Palette) -> (&'static str, Color32) {
    match &report.end {
        RunEnd::Verified => ("online and checked", palette.log),
        RunEnd::Standby => ("readable, in standby", palette.log),
        RunEnd::OnlineNotVerified => ("online, not checked", palette.at_risk),
        RunEnd::Untouched => ("nothing was changed", palette.at_risk),
        RunEnd::Restoring if report.state == TargetState::Standby => {
            ("left in standby", palette.at_risk)
        }
        RunEnd::Restoring => ("left RESTORING", palette.danger),
        RunEnd::Cancelled => ("cancelled", palette.at_risk),
    }
}

fn buttons_ui(ui: &mut Ui, run: &RunView, actions: &mut Vec<Action>) {
    match &run.report {
        None => match run.cancelling {
            Cancelling::No => {
                if run.waiting.is_none() {
                    pause_ui(ui, run, actions);
                }
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
            let is_copy = run.kind == RunKind::RestoreCopy;
            let readable = report.state == TargetState::Standby;
            let online =
                !readable && matches!(report.end, RunEnd::Verified | RunEnd::OnlineNotVerified);
            let goes_on = !online && report.end != RunEnd::Untouched;
            if online && !run.dropped {
                let words = if is_copy {
                    "Show the copy"
                } else {
                    "Show the database"
                };
                if primary_button(ui, words, 150.0, true).clicked() {
                    actions.push(Action::ShowCopy);
                }
            }
            if goes_on
                && !run.dropped
                && let Some(id) = &run.id
                && primary_button(ui, "How it can go on…", 170.0, true).clicked()
            {
                actions.push(Action::Resume(ResumeAction::Show(id.clone())));
            }
            if is_copy && !run.dropped && report.copy.is_some() {
                let words = if online {
                    "Drop the copy…"
                } else {
                    "Drop what is there…"
                };
                if run.dropping {
                    small(ui, "Dropping the copy…");
                } else if danger_button(ui, words).clicked() {
                    actions.push(Action::AskDropCopy);
                }
            }
            if run.dropped {
                small(ui, format!("{} was dropped", run.target_database));
            }
            if online
                && !is_copy
                && button(ui, "Back up now…")
                    .on_hover_text(
                        "A new chain begins with a full backup: every way back begins there",
                    )
                    .clicked()
            {
                actions.push(Action::Backup(BackupAction::Open {
                    server: run.server,
                    databases: vec![run.target_database.clone()],
                    kind: Some(BackupKind::Full),
                }));
            }
            if online && !run.dropped {
                check_ui(ui, run, actions);
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

/// `DBCC CHECKDB` now, when service is up again.
fn check_ui(ui: &mut Ui, run: &RunView, actions: &mut Vec<Action>) {
    if run.check == CheckNow::Runs {
        small(ui, "Checking…");
        return;
    }
    if button(ui, "Check it now")
        .on_hover_text(
            "DBCC CHECKDB reads every page; what it finds stands in the journal of this run",
        )
        .clicked()
    {
        actions.push(Action::CheckNow);
    }
}

/// Pausing, and stopping between two logs: asked for now, done when the running step has ended.
fn pause_ui(ui: &mut Ui, run: &RunView, actions: &mut Vec<Action>) {
    if run.current_step().is_none() {
        return;
    }
    match run.asked {
        Halt::No => {
            if button(ui, "Pause after this step").clicked() {
                actions.push(Action::TellRun(RunCommand::PauseAfterStep));
            }
            if run.may_look()
                && button(ui, "Stop here and look")
                    .on_hover_text(
                        "After this log the database is made readable (standby); the next log goes on from there",
                    )
                    .clicked()
            {
                actions.push(Action::TellRun(RunCommand::StopAndLook));
            }
        }
        Halt::Pause | Halt::Look => {
            if button(ui, "Go on without a pause").clicked() {
                actions.push(Action::TellRun(RunCommand::GoOn));
            }
            small(
                ui,
                if run.asked == Halt::Pause {
                    "Pauses when this step has ended"
                } else {
                    "Stops when this log has ended, to be looked at"
                },
            );
        }
    }
}

/// What the run waits for, and the answers to it.
fn waiting_ui(
    ui: &mut Ui,
    run: &RunView,
    step: usize,
    why: Waiting,
    reason: &mut String,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    let (title, words) = waiting(why, &run.target_database);
    let frame = card(&palette).stroke(egui::Stroke::new(
        1.0,
        mix(palette.background, palette.moment, 0.6),
    ));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        strong(ui, title, 14.0);
        if let (Waiting::ByHand | Waiting::HookFailed, Some(step)) = (why, run.steps.get(step)) {
            ui.add(
                Label::new(RichText::new(&step.title).color(palette.text))
                    .wrap()
                    .selectable(true),
            );
        }
        paragraph(ui, &words);
        ui.add_space(4.0);
        let mut tell = |command| actions.push(Action::TellRun(command));
        ui.horizontal(|ui| {
            match why {
                Waiting::ByHand => {
                    if primary_button(ui, "Done", 110.0, true).clicked() {
                        tell(RunCommand::Done);
                    }
                }
                Waiting::HookFailed => {
                    if primary_button(ui, "Run it again", 130.0, true).clicked() {
                        tell(RunCommand::Retry);
                    }
                }
                Waiting::Paused | Waiting::Looking | Waiting::NotVerified => {
                    if primary_button(ui, "Go on", 110.0, true).clicked() {
                        tell(RunCommand::GoOn);
                    }
                }
            }
            if button(ui, "Stop here")
                .on_hover_text("Nothing more is sent; the run can go on later")
                .clicked()
            {
                tell(RunCommand::Stop);
            }
        });
        if matches!(why, Waiting::ByHand | Waiting::HookFailed)
            && let Some(reason) = reason_ui(ui, reason, "Leave it out")
        {
            tell(RunCommand::Skip { reason });
        }
    });
    ui.add_space(10.0);
}

fn right_ui(ui: &mut Ui, state: &State, run: &RunView) {
    let palette = *Palette::of(ui);
    time_ui(ui, state, run);
    ui.add_space(8.0);
    owed_ui(ui, run);
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

/// What has to be put back stays in sight until it is.
fn owed_ui(ui: &mut Ui, run: &RunView) {
    if run.owed.is_empty() {
        return;
    }
    let palette = *Palette::of(ui);
    card(&palette)
        .stroke(egui::Stroke::new(
            1.0,
            mix(palette.background, palette.at_risk, 0.6),
        ))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            strong(
                ui,
                if run.report.is_some() {
                    "Still owed"
                } else {
                    "Owed until it is put back"
                },
                13.0,
            );
            for thing in &run.owed {
                ui.add(
                    Label::new(
                        RichText::new(owed(thing))
                            .font(regular(12.0))
                            .color(palette.text),
                    )
                    .wrap(),
                );
            }
        });
    ui.add_space(8.0);
}

fn sql_now_ui(ui: &mut Ui, run: &RunView) {
    let sql = match run.current_step() {
        Some(step) => run.sql(step),
        // The look after the script has no T-SQL of its own to show.
        None => (0..run.ended.len()).rev().find_map(|step| run.sql(step)),
    };
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(sql) = &sql
                && button(ui, "Copy").clicked()
            {
                ui.ctx().copy_text(sql.clone());
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let words = if run.report.is_none() && run.current_step().is_some() {
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
            None => paragraph(ui, "Nothing runs on the server now."),
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
