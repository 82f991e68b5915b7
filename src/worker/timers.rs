//! Files with which the operating system's scheduler starts drills and backups: shown, and written when asked for.

use super::{
    jobs::{Jobs, blocking, not_connected},
    messages::{Event, ServerId},
    objectives::ObjectivesEvent,
};
use crate::{
    explain::{Problem, ProblemKind},
    formats::{
        drill_timer::{DrillProgram, drill_timer},
        os_schedule::OsSchedule,
    },
    run::{DrillTimer, OsScheduler},
    settings::{DataRoot, Workspace},
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Files for the operating system's scheduler, as they are shown: they start a drill or a backup again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerFiles {
    /// Where they lie, or would.
    pub folder: PathBuf,
    /// Names and texts.
    pub files: Vec<(String, String)>,
    /// What registers them, to be run by who owns the machine.
    pub commands: Vec<String>,
    pub written: bool,
}

/// The files of a timer for the scheduler; nothing is written.
pub fn timer_files(
    timer: &DrillTimer,
    program: &Path,
    root: &DataRoot,
    workspace: &Workspace,
    server: &str,
    database: &str,
    folder: &Path,
) -> OsSchedule {
    drill_timer(
        timer,
        &DrillProgram {
            program: program.display().to_string(),
            data_root: root.path().display().to_string(),
            workspace: workspace.name().to_string(),
            server: server.to_owned(),
            database: database.to_owned(),
            folder: folder.display().to_string(),
        },
    )
}

/// Writes files for the scheduler.
pub fn write_timer(made: &OsSchedule, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for file in &made.files {
        std::fs::write(folder.join(&file.name), &file.content)?;
    }
    Ok(())
}

/// The scheduler of the machine that stopat runs on.
pub fn own_scheduler() -> OsScheduler {
    if cfg!(windows) {
        OsScheduler::Windows
    } else {
        OsScheduler::Systemd
    }
}

impl Jobs {
    pub(super) fn drill_timer(
        &self,
        server: ServerId,
        database: String,
        timer: DrillTimer,
        write: bool,
    ) {
        let Some(workspace) = self.workspace.clone() else {
            return;
        };
        let name = match server {
            ServerId::Practice => "practice".to_owned(),
            ServerId::Profile(id) => match self.profiles.iter().find(|known| known.id == id) {
                Some(profile) => profile.name.clone(),
                None => return self.problem(Some(server), not_connected()),
            },
            ServerId::Folder(_) => return self.problem(Some(server), not_connected()),
        };
        let program = self
            .operator
            .program
            .clone()
            .unwrap_or_else(|| PathBuf::from("stopat"));
        let folder = workspace.folder().join("schedules");
        let made = timer_files(
            &timer, &program, &self.root, &workspace, &name, &database, &folder,
        );
        let tell = self.tell();
        self.hand_out(made, folder, write, move |shown| {
            tell(ObjectivesEvent::Timer(shown));
        });
    }

    /// Shows files for the scheduler, and writes them when that is asked for.
    pub(super) fn hand_out(
        &self,
        made: OsSchedule,
        folder: PathBuf,
        write: bool,
        tell: impl FnOnce(TimerFiles) + Send + 'static,
    ) {
        let events = self.events.clone();
        tokio::spawn(async move {
            let mut shown = TimerFiles {
                files: made
                    .files
                    .iter()
                    .map(|file| (file.name.clone(), file.text()))
                    .collect(),
                commands: made.commands.clone(),
                folder: folder.clone(),
                written: false,
            };
            if write {
                match blocking(move || write_timer(&made, &folder)).await {
                    Some(Ok(())) => shown.written = true,
                    Some(Err(error)) => events.send(Event::Problem {
                        server: None,
                        problem: Problem {
                            kind: ProblemKind::Yours,
                            sentence: "The files for the scheduler could not be written".to_owned(),
                            hint: "Look whether the data folder may be written.".to_owned(),
                            details: vec![error.to_string()],
                        },
                    }),
                    None => {}
                }
            }
            tell(shown);
        });
    }
}
