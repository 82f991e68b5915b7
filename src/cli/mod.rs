//! The command line: arguments, printing, exit codes. The only folder that prints.
//!
//! A command is a file here: its arguments (`clap::Args`) and a function from them to an [`Exit`].
//! To add one, add its variant to `Command` and its line to `Command::run`.

mod backup;
mod choice;
mod demo;
mod drill;
mod drill_timer;
mod exit;
mod files;
mod history;
mod output;
mod plan;
mod practice;
mod report;
mod restore;
mod runs;
mod schedule;
mod schedule_text;
mod server;

pub use exit::{CliError, Exit};
pub use output::Output;

use crate::settings::{DataRoot, WorkspaceName};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::{ffi::OsString, path::PathBuf};

/// What every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Global {
    /// Keep settings, workspaces, journals and logs in this folder
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        help_heading = "Options of every command"
    )]
    pub data: Option<PathBuf>,
    /// The workspace to use: one client's profiles and runs
    #[arg(
        long,
        value_name = "NAME",
        global = true,
        help_heading = "Options of every command"
    )]
    pub workspace: Option<String>,
    /// Draw the window with this instead of what suits the platform
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        global = true,
        help_heading = "Options of every command"
    )]
    pub renderer: Option<RendererArg>,
}

/// What draws the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RendererArg {
    /// Vulkan, Direct3D 12 or Metal
    Wgpu,
    /// OpenGL
    Glow,
}

/// Gets a SQL Server database back to a moment in time.
#[derive(Debug, Parser)]
#[command(name = "stopat", version, about)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Back databases up now
    Backup(Box<backup::BackupArgs>),
    /// The main job on the practice server: the window, or the whole story as text
    Demo(demo::DemoArgs),
    /// List what backup files hold, without a server
    Files(files::FilesArgs),
    /// Restore to a copy, verify and measure it, and drop it
    Drill(drill::DrillArgs),
    /// List the backups of a database as its server knows them
    History(history::HistoryArgs),
    /// Plan the way to a moment, without touching anything
    Plan(Box<plan::PlanArgs>),
    /// A practice SQL Server on this machine, with two weeks of backups and an accident
    Practice(practice::PracticeArgs),
    /// What is promised of a database and what proves it, as a page or JSON
    Report(report::ReportArgs),
    /// Restore a database to a moment: to a copy, or over the database itself
    Restore(Box<restore::RestoreArgs>),
    /// What ran in this workspace, and going on with what was interrupted
    Runs(runs::RunsArgs),
    /// Show, apply, look after or remove the backup schedule of a database
    Schedule(schedule::ScheduleArgs),
}

impl Command {
    fn run(self, global: &Global) -> Result<Exit, CliError> {
        match self {
            Self::Backup(args) => backup::run(&args, global),
            Self::Demo(args) if args.headless => demo::tell(args.json),
            Self::Demo(_) => Ok(tell_demo()),
            Self::Files(args) => files::run(&args),
            Self::Drill(args) => drill::run(&args, global),
            Self::History(args) => history::run(&args, global),
            Self::Plan(args) => plan::run(&args, global),
            Self::Practice(args) => practice::run(&args),
            Self::Report(args) => report::run(&args, global),
            Self::Restore(args) => restore::run(&args, global),
            Self::Runs(args) => runs::run(&args, global),
            Self::Schedule(args) => schedule::run(&args, global),
        }
    }
}

/// What `main` has to do after the arguments were read.
#[derive(Debug)]
pub enum Start {
    /// Open the window.
    Window(Global),
    /// Open the window with the practice server chosen, at this pace.
    Demo(Global, f64),
    /// A command ran; end with this.
    Ended(Exit),
}

/// Reads the arguments and runs the command they name.
pub fn start(args: impl IntoIterator<Item = OsString>) -> Start {
    match Cli::try_parse_from(args) {
        Ok(Cli {
            global,
            command: None,
        }) => Start::Window(global),
        Ok(Cli {
            global,
            command: Some(Command::Demo(args)),
        }) if !args.headless && demo::has_display() => Start::Demo(global, args.pace),
        Ok(Cli {
            global,
            command: Some(command),
        }) => Start::Ended(command.run(&global).unwrap_or_else(|error| error.report())),
        Err(error) => {
            // Help and version come as errors that belong on standard output.
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            // A closed pipe is the reader's choice.
            error.print().ok();
            Start::Ended(exit)
        }
    }
}

/// Where the window keeps things, as the arguments and the system tell.
#[derive(Clone, Debug)]
pub struct Home {
    pub data_root: DataRoot,
    /// `None` for the one of last time.
    pub workspace: Option<WorkspaceName>,
}

/// Finds the window's data root, once; says why where it cannot.
pub fn home(global: &Global) -> Result<Home, Exit> {
    let found = server::data_root(global).and_then(|data_root| {
        let workspace = server::workspace_name(global)?;
        Ok(Home {
            data_root,
            workspace,
        })
    });
    found.map_err(|error| error.report())
}

/// Says on standard error what the window cannot say, because it is not there.
pub fn say(line: &str) {
    server::say(line);
}

/// Tells the demonstration as text, for where no window can be opened.
pub fn tell_demo() -> Exit {
    server::say("no window can be opened here, so this is the same story as text");
    demo::tell(false).unwrap_or_else(|error| error.report())
}

/// The help page, for where no window can be opened.
pub fn help() -> String {
    Cli::command().render_help().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_argument_of_a_command_stands_in_the_way_of_another() {
        Cli::command().debug_assert();
    }
}
