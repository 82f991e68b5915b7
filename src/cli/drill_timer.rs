//! Files for the operating system's scheduler that start `stopat drill`: shown, and written where that is asked for.

use super::{
    CliError, Exit, Global, Output,
    server::{data_root, say, workspace},
};
use crate::{
    domain::{DayTimes, MinuteOfDay, ScenarioKind, Times, WeekDays},
    run::{DrillTimer, OsScheduler, TimedMoment},
    worker::{own_scheduler, timer_files, write_timer},
};
use std::path::{Path, PathBuf};

/// When, and for whose scheduler.
#[derive(Clone, Debug, clap::Args)]
pub struct TimerArgs {
    /// Run no drill, but show the files that make the system's scheduler run it at this time each day, as 03:00
    #[arg(long, value_name = "HH:MM", value_parser = minute, conflicts_with_all = ["to", "seed", "all", "leftovers", "rehearsal"])]
    timer: Option<MinuteOfDay>,
    /// On these days only, as sun,wed
    #[arg(long, value_name = "DAYS", value_parser = days, requires = "timer")]
    days: Option<WeekDays>,
    /// For this scheduler instead of this machine's
    #[arg(long, value_name = "WHOSE", value_enum, requires = "timer")]
    os: Option<OsArg>,
    /// Write the files into this folder
    #[arg(long, value_name = "FOLDER", requires = "timer")]
    files: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OsArg {
    /// Task Scheduler
    Windows,
    /// systemd timers
    Systemd,
}

/// What the timer starts.
pub(super) struct Timed<'a> {
    pub(super) server: &'a str,
    pub(super) database: &'a str,
    pub(super) scenario: ScenarioKind,
    pub(super) moment: TimedMoment,
    pub(super) check_database: bool,
}

fn minute(text: &str) -> Result<MinuteOfDay, String> {
    MinuteOfDay::parse(text).ok_or_else(|| "a time of the day, as 03:00".to_owned())
}

fn days(text: &str) -> Result<WeekDays, String> {
    const NAMES: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let mut bits = 0;
    for name in text.split(',') {
        let name = name.trim().to_lowercase();
        let day = NAMES
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| format!("days are {}", NAMES.join(", ")))?;
        bits |= 1 << day;
    }
    WeekDays::from_bits(bits).ok_or_else(|| "at least one day".to_owned())
}

impl TimerArgs {
    /// Shows or writes the files; `None` when no timer was asked for.
    pub(super) fn run(
        &self,
        timed: &Timed<'_>,
        global: &Global,
        output: &Output,
    ) -> Option<Result<Exit, CliError>> {
        let at = self.timer?;
        Some(self.make(at, timed, global, output))
    }

    fn make(
        &self,
        at: MinuteOfDay,
        timed: &Timed<'_>,
        global: &Global,
        output: &Output,
    ) -> Result<Exit, CliError> {
        let root = data_root(global)?;
        let workspace = workspace(global, &root)?;
        let timer = DrillTimer {
            scheduler: match self.os {
                Some(OsArg::Windows) => OsScheduler::Windows,
                Some(OsArg::Systemd) => OsScheduler::Systemd,
                None => own_scheduler(),
            },
            times: Times {
                days: self.days.unwrap_or(WeekDays::ALL),
                at: DayTimes::Once(at),
            },
            scenario: timed.scenario,
            moment: timed.moment,
            check_database: timed.check_database,
        };
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("stopat"));
        // What registers them names them by their full paths; without a folder, as if they were saved right here.
        let here = std::path::absolute(self.files.as_deref().unwrap_or(Path::new("."))).ok();
        let folder = here.or_else(|| self.files.clone()).unwrap_or_default();
        let made = timer_files(
            &timer,
            &program,
            &root,
            &workspace,
            timed.server,
            timed.database,
            &folder,
        );
        let mut text = String::new();
        for file in &made.files {
            text += &format!("# {}\n{}\n", file.name, file.text().trim_end());
        }
        if self.files.is_none() {
            text += &format!(
                "# nothing is written yet; --files FOLDER does it. Saved in {},\n",
                folder.display()
            );
        }
        text += "# to register it, as the user whose drills these are:\n";
        for command in &made.commands {
            text += &format!("{command}\n");
        }
        if self.files.is_some() {
            write_timer(&made, &folder).map_err(|error| {
                let mut problem = CliError::usage(
                    format!("The files could not be written to {}", folder.display()),
                    "Choose another folder.",
                );
                problem.problem.details.push(error.to_string());
                problem
            })?;
            for file in &made.files {
                say(&format!("wrote {}", folder.join(&file.name).display()));
            }
        }
        output.write(&text)?;
        Ok(Exit::Done)
    }
}
