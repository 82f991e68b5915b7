//! What stands around drills: files for the operating system's scheduler, and rehearsals.

use super::{
    jobs::{Jobs, blocking, not_connected, now},
    messages::{Event, ServerId},
    objectives::ObjectivesEvent,
    practice::is_practice,
};
use crate::{
    explain::{self, Problem, ProblemKind},
    formats::{
        drill_timer::{DrillProgram, drill_timer},
        os_schedule::OsSchedule,
    },
    run::{
        DrillTimer, FORMAT, Journal, JournalError, OsScheduler, Record, Rehearsal, RehearsalTimes,
        RunId, RunKind, Who, journal_path, read_journal, rehearse,
    },
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

/// Why a rehearsal was not kept.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The run is no restore that ended, or it began before somebody noticed.
    #[error("the run is no restore that ended after somebody noticed")]
    NotThat,
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Which restore, and who rehearsed.
#[derive(Clone, Debug)]
pub struct RehearsalOf<'a> {
    pub restore: &'a RunId,
    pub server: &'a str,
    pub database: &'a str,
    /// On a practice server.
    pub simulated: bool,
    pub who: Who,
}

/// Puts what people know before what the journal of a restore tells, in a journal of its own.
pub fn keep_rehearsal(
    workspace: &Workspace,
    of: RehearsalOf<'_>,
    times: RehearsalTimes,
) -> Result<Rehearsal, RehearsalError> {
    let content = read_journal(&journal_path(workspace.folder(), of.restore))?;
    let kept = rehearse(&content, times, of.simulated).ok_or(RehearsalError::NotThat)?;
    let id = RunId::new(now(), fastrand::u16(..));
    let mut journal = Journal::create(&journal_path(workspace.folder(), &id))?;
    let records = [
        Record::Begin {
            format: FORMAT.to_owned(),
            run: id.0.clone(),
            server: of.server.to_owned(),
            source_database: of.database.to_owned(),
            target_database: of.database.to_owned(),
            target: String::new(),
            steps: Vec::new(),
            run_kind: RunKind::Drill,
            who: of.who,
        },
        Record::Rehearsed {
            rehearsal: Box::new(kept.clone()),
        },
        Record::End {
            end: kept.end.clone(),
            state: format!("rehearsal of run {}", of.restore.0),
        },
    ];
    for record in records {
        let at = now().0.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        journal.write(at, record)?;
    }
    Ok(kept)
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

    pub(super) fn rehearsal(
        &self,
        server: ServerId,
        database: String,
        run: RunId,
        times: RehearsalTimes,
    ) {
        let (Some(ground), Some(workspace)) = (self.ground(server), self.workspace.clone()) else {
            return self.problem(Some(server), not_connected());
        };
        let who = self.who(server, &ground.info);
        let tell = self.tell();
        let events = self.events.clone();
        tokio::spawn(async move {
            let kept = blocking(move || {
                let of = RehearsalOf {
                    restore: &run,
                    server: &ground.info.name,
                    database: &database,
                    simulated: is_practice(&ground.info),
                    who,
                };
                keep_rehearsal(&workspace, of, times)
            });
            match kept.await {
                Some(Ok(_)) | None => {}
                Some(Err(error)) => events.send(Event::Problem {
                    server: Some(server),
                    problem: rehearsal_problem(&error),
                }),
            }
            tell(ObjectivesEvent::RehearsalEnded);
        });
    }
}

fn rehearsal_problem(error: &RehearsalError) -> Problem {
    match error {
        RehearsalError::Journal(error) => explain::journal_problem(error),
        RehearsalError::NotThat => Problem {
            kind: ProblemKind::Yours,
            sentence: format!("The rehearsal was not kept: {error}"),
            hint:
                "The times must be in their order: it broke, somebody noticed, the restore began."
                    .to_owned(),
            details: Vec::new(),
        },
    }
}
