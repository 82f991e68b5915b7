//! Drills by the operating system's scheduler: the files are shown, and written when that is asked for.

use crate::{
    domain::{DayTimes, MinuteOfDay, ScenarioKind, Times, WeekDays},
    explain,
    run::{DrillTimer, OsScheduler, TimedMoment},
    state::{Action, ObjectivesAction, State},
    ui::{
        scheduler_files::{files_ui, write_ui},
        widgets::{button, choice, muted, section, small, strong},
    },
    worker::own_scheduler,
};
use egui::{TextEdit, Ui};

const DAYS: [&str; 7] = ["Su", "Mo", "Tu", "We", "Th", "Fr", "Sa"];

/// What is being chosen.
#[derive(Debug)]
pub struct TimerDialog {
    timer: DrillTimer,
    /// As it is typed.
    at: String,
    /// What the files on the screen were asked for.
    asked: Option<DrillTimer>,
}

impl Default for TimerDialog {
    fn default() -> Self {
        let at = MinuteOfDay::from_hour(3).unwrap_or(MinuteOfDay::MIDNIGHT);
        Self {
            timer: DrillTimer {
                scheduler: own_scheduler(),
                times: Times::daily(at),
                scenario: ScenarioKind::FullDifferentialLog,
                moment: TimedMoment::Random,
                check_database: false,
            },
            at: at.to_string(),
            asked: None,
        }
    }
}

impl TimerDialog {
    /// Shows the dialog; whatever changes is asked for anew.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, opened: bool) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(shown) = &state.objectives.shown else {
            actions.push(Action::CloseDialog);
            return actions;
        };
        if opened {
            self.asked = None;
        }
        strong(
            ui,
            format!("Drills of {} by a schedule", shown.judged.database),
            15.0,
        );
        small(
            ui,
            "The operating system's scheduler starts stopat drill on this machine. The files below do that; nothing is registered by stopat itself.",
        );
        self.choices_ui(ui);
        if self.asked != Some(self.timer) {
            self.asked = Some(self.timer);
            actions.push(Action::Objectives(ObjectivesAction::Timer {
                timer: self.timer,
                write: false,
            }));
        }
        self.files_ui(ui, state, &mut actions);
        actions
    }

    fn choices_ui(&mut self, ui: &mut Ui) {
        let timer = &mut self.timer;
        section(ui, "When");
        ui.horizontal(|ui| {
            muted(ui, "At");
            let typed = ui.add(TextEdit::singleline(&mut self.at).desired_width(64.0));
            typed.clone().accessible_name("Time of the day");
            if let Some(at) = MinuteOfDay::parse(&self.at) {
                timer.times.at = DayTimes::Once(at);
            } else {
                small(ui, "as 03:00");
            }
            muted(ui, "on");
            for (n, day) in DAYS.into_iter().enumerate() {
                let bits = timer.times.days.bits();
                let chosen = bits & (1 << n) != 0;
                if choice(ui, day, chosen).clicked()
                    && let Some(days) = WeekDays::from_bits(bits ^ (1 << n))
                {
                    timer.times.days = days;
                }
            }
        });
        section(ui, "What");
        ui.horizontal_wrapped(|ui| {
            for scenario in ScenarioKind::OF_BACKUPS {
                if choice(ui, explain::scenario(scenario), timer.scenario == scenario).clicked() {
                    timer.scenario = scenario;
                }
            }
        });
        let any_moment = timer.scenario == ScenarioKind::FullDifferentialLog;
        if !any_moment {
            timer.moment = TimedMoment::Latest;
        }
        ui.horizontal_wrapped(|ui| {
            for (moment, words) in [
                (TimedMoment::Random, "a random moment"),
                (TimedMoment::Worst, "the moment that takes longest"),
                (TimedMoment::Latest, "the latest moment"),
            ] {
                let offered = any_moment || moment == TimedMoment::Latest;
                if offered && choice(ui, words, timer.moment == moment).clicked() {
                    timer.moment = moment;
                }
            }
        });
        ui.checkbox(
            &mut timer.check_database,
            "Check every page with DBCC CHECKDB",
        );
        section(ui, "For");
        ui.horizontal(|ui| {
            for (scheduler, words) in [
                (OsScheduler::Windows, "Task Scheduler"),
                (OsScheduler::Systemd, "systemd"),
            ] {
                if choice(ui, words, timer.scheduler == scheduler).clicked() {
                    timer.scheduler = scheduler;
                }
            }
        });
    }

    fn files_ui(&self, ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
        let Some(files) = &state.objectives.timer else {
            return;
        };
        files_ui(ui, files, "run them as the user whose drills these are");
        ui.horizontal(|ui| {
            if write_ui(ui, files) {
                actions.push(Action::Objectives(ObjectivesAction::Timer {
                    timer: self.timer,
                    write: true,
                }));
            }
            if button(ui, "Close").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
    }
}
