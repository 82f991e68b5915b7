//! Restores that run: each a task with its journal, its cancel token and events on the way.

use super::{
    azure_client::is_of_azure,
    handle::Events,
    jobs::{Jobs, Report, not_connected, now},
    messages::{Event, ServerId},
    prepare::{Prepared, RestoreWishes, prepare},
    runs::RunNews,
};
use crate::{
    domain::{History, RestorePlan, RestoreRequest, UtcTime},
    explain::{Problem, journal_problem, server_problem},
    run::{
        self, Commands, DropError, Expectations, Journal, JournalError, RestoreJob, RunCommand,
        RunControl, RunEvent, RunId, RunProgress, RunReport, Surroundings, Who, journal_path,
        rows_by_metadata, run_restore,
    },
    server::{Gateway, ServerInfo, ServerReading},
    settings::Application,
    tsql::{ServerFacts, tail_file},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The restores that have not ended.
pub(super) struct Restores {
    running: BTreeMap<RunId, Running>,
    stop: CancellationToken,
    /// What runs restores of its own, and ends them when it is told to.
    others: Vec<JoinHandle<()>>,
}

/// A restore under way.
pub(super) struct Running {
    pub(super) cancel: CancellationToken,
    pub(super) control: RunControl,
    pub(super) task: JoinHandle<()>,
}

/// Everything that one restore needs.
pub(super) struct Start {
    pub(super) server: ServerId,
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) reading: Arc<ServerReading>,
    pub(super) runs_folder: PathBuf,
    pub(super) applications: Arc<Vec<Application>>,
    pub(super) request: RestoreRequest,
    pub(super) plan: RestorePlan,
    pub(super) wishes: RestoreWishes,
    /// The server that has the original, where it is another.
    pub(super) source_server: Option<String>,
    pub(super) history: History,
    /// As it was reviewed; `None` prepares it now.
    pub(super) prepared: Option<Prepared>,
    pub(super) who: Who,
    pub(super) events: Events,
    pub(super) reports: UnboundedSender<Report>,
}

impl Restores {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            running: BTreeMap::new(),
            stop,
            others: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, start: Start) {
        let run = RunId::new(now(), fastrand::u16(..));
        let cancel = self.stop.child_token();
        let (control, commands) = RunControl::new();
        let task = tokio::spawn(carry_out(start, run.clone(), cancel.clone(), commands));
        self.add(
            run,
            Running {
                cancel,
                control,
                task,
            },
        );
    }

    pub(super) fn add(&mut self, run: RunId, running: Running) {
        self.running.insert(run, running);
    }

    /// Runs anything else that has a journal and can be cancelled.
    pub(super) fn start_task<F>(
        &mut self,
        run: RunId,
        work: impl FnOnce(RunId, CancellationToken) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let cancel = self.stop.child_token();
        // It takes no commands: nothing in it waits for an answer.
        let (control, _commands) = RunControl::new();
        let task = tokio::spawn(work(run.clone(), cancel.clone()));
        self.add(
            run,
            Running {
                cancel,
                control,
                task,
            },
        );
    }

    pub(super) fn is_running(&self, run: &RunId) -> bool {
        self.running.contains_key(run)
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// Lets the worker wait for a task that makes restores by itself, before it ends.
    pub(super) fn accompany(&mut self, task: JoinHandle<()>) {
        self.others.retain(|other| !other.is_finished());
        self.others.push(task);
    }

    pub(super) fn cancel(&self, run: &RunId) {
        if let Some(running) = self.running.get(run) {
            running.cancel.cancel();
        }
    }

    /// Hands a command over; a run that has ended takes none.
    pub(super) fn tell(&self, run: &RunId, command: RunCommand) {
        if let Some(running) = self.running.get(run) {
            running.control.send(command);
        }
    }

    /// Tells all that the program ends: what a server restores by itself goes on.
    pub(super) fn leave(&self) {
        for running in self.running.values() {
            running.control.leave();
        }
    }

    pub(super) fn ended(&mut self, run: &RunId) {
        self.running.remove(run);
    }

    /// Waits for all to end, after they were told to.
    pub(super) async fn finish(self) {
        for (run, running) in self.running {
            if let Err(error) = running.task.await {
                tracing::error!(run = run.0, %error, "a run failed");
            }
        }
        for task in self.others {
            if let Err(error) = task.await {
                tracing::error!(%error, "a drill failed");
            }
        }
    }
}

/// The server's part of a script, with a fresh file for the tail where the plan has one.
pub(crate) fn facts_for(plan: &RestorePlan, info: &ServerInfo, now: UtcTime) -> ServerFacts {
    let stamp = now.0.format("%Y%m%dT%H%M%SZ").to_string();
    ServerFacts {
        server_name: Some(info.name.clone()),
        tail_file: plan
            .tail
            .map(|_| tail_file(plan, info.default_backup_path.as_deref(), &stamp)),
    }
}

async fn carry_out(start: Start, run: RunId, cancel: CancellationToken, commands: Commands) {
    let Start {
        server,
        gateway,
        reading,
        runs_folder,
        applications,
        request,
        plan,
        wishes,
        source_server,
        history,
        prepared,
        who,
        events,
        reports,
    } = start;
    let path = runs_folder.join(format!("{}.jsonl", run.0));
    let id = run.clone();
    let prepared = match prepared {
        Some(prepared) => Ok(prepared),
        None => {
            let info = &reading.info;
            let (gateway, now) = (gateway.as_ref(), now());
            prepare(
                gateway,
                info,
                &applications,
                &plan,
                &wishes,
                source_server,
                now,
            )
            .await
            .map(|(prepared, _)| prepared)
        }
    };
    let Prepared {
        facts,
        choices,
        expected,
        ..
    } = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            events.send(Event::RunNotBegun {
                run: Some(id.clone()),
                server,
                problem: server_problem(&error),
            });
            reports.send(Report::RunEnded { server, run: id }).ok();
            return;
        }
    };
    let utc_offset_minutes = reading.info.utc_offset.minutes();
    let tell = tell_of(server, run.clone(), events.clone());
    let report = journaled(
        &path,
        RestoreJob {
            run,
            plan,
            request,
            history,
            facts,
            choices,
            expected,
            utc_offset_minutes,
            who,
        },
        gateway.as_ref(),
        &tell,
        &cancel,
        commands,
    )
    .await;
    match report {
        Ok(report) => events.send(Event::RunEnded {
            run: id.clone(),
            report: Box::new(report),
        }),
        Err(error) => events.send(Event::RunNotBegun {
            run: Some(id.clone()),
            server,
            problem: journal_problem(&error),
        }),
    }
    // A loop that has ended needs no reports.
    reports.send(Report::RunEnded { server, run: id }).ok();
}

/// Turns what a run tells into events for the window.
pub(super) fn tell_of(
    server: ServerId,
    run: RunId,
    events: Events,
) -> impl Fn(RunEvent) + Send + Sync {
    move |event| {
        let run = run.clone();
        let news = |news| Event::Run {
            run: run.clone(),
            news,
        };
        events.send(match event {
            RunEvent::Started { runbook, plan, .. } => Event::RunStarted {
                server,
                run,
                plan,
                runbook: Box::new(runbook),
            },
            RunEvent::StepBegan { step } => Event::RunProgress {
                run,
                progress: RunProgress {
                    step,
                    elapsed_secs: 0.0,
                    percent: None,
                    remaining_secs: None,
                },
            },
            RunEvent::Progress(progress) => Event::RunProgress { run, progress },
            RunEvent::Message { at, text } => Event::RunMessage { run, at, text },
            RunEvent::StepEnded { step, report } => Event::StepEnded { run, step, report },
            RunEvent::Waiting { step, why } => news(RunNews::Waiting { step, why }),
            RunEvent::WentOn => news(RunNews::WentOn),
            RunEvent::Changed { runbook, .. } => news(RunNews::Changed {
                runbook: Box::new(runbook),
            }),
            RunEvent::Owes(owed) => news(RunNews::Owes(owed)),
        });
    }
}

async fn journaled(
    path: &Path,
    job: RestoreJob,
    gateway: &dyn Gateway,
    tell: &(dyn Fn(RunEvent) + Send + Sync),
    cancel: &CancellationToken,
    commands: Commands,
) -> Result<RunReport, JournalError> {
    let journal = Journal::create(path)?;
    run_restore(
        job,
        Surroundings {
            gateway,
            journal,
            tell,
            cancel,
            commands,
            now,
        },
    )
    .await
}

/// What the owners of a database expect of a copy; nothing when no application lives in it.
pub async fn expectations(
    gateway: &dyn Gateway,
    applications: &[Application],
    database: &str,
) -> Expectations {
    let tables = async {
        let mut connection = gateway.connect().await?;
        rows_by_metadata(connection.as_mut(), database).await
    };
    // A database that cannot be read now, or is gone, is known by its name alone.
    let tables = tables.await.unwrap_or_else(|error| {
        tracing::debug!(?error, "tables of the original");
        BTreeMap::new()
    });
    Expectations::for_database(applications, database, &tables)
}

/// The same where a connection reaches one database alone.
pub(super) async fn expectations_in(
    gateway: &dyn Gateway,
    applications: &[Application],
    database: &str,
) -> Expectations {
    let tables = async {
        let mut connection = gateway.connect_to(database).await?;
        rows_by_metadata(connection.as_mut(), database).await
    };
    // A database that cannot be read now, or is gone, is known by its name alone.
    let tables = tables.await.unwrap_or_else(|error| {
        tracing::debug!(?error, "tables of the original");
        BTreeMap::new()
    });
    Expectations::for_database(applications, database, &tables)
}

impl Jobs {
    pub(super) fn drop_copy(&self, id: ServerId, run: RunId) {
        let (Some(server), Some(workspace)) = (self.servers.get(&id), &self.workspace) else {
            return self.problem(Some(id), not_connected());
        };
        if is_of_azure(&journal_path(workspace.folder(), &run)) {
            return self.azure_delete(id, run);
        }
        drop_copy(
            id,
            Arc::clone(&server.gateway),
            workspace.folder(),
            run,
            self.events.clone(),
            self.reports.clone(),
        );
    }
}

/// Drops the copy of a run whose journal lies in the workspace.
fn drop_copy(
    server: ServerId,
    gateway: Arc<dyn Gateway>,
    workspace: &Path,
    run: RunId,
    events: Events,
    reports: UnboundedSender<Report>,
) {
    let journal = journal_path(workspace, &run);
    tokio::spawn(async move {
        match run::drop_copy(gateway.as_ref(), &journal, now).await {
            Ok(database) => events.send(Event::CopyDropped { run, database }),
            Err(error) => events.send(Event::Problem {
                server: Some(server),
                problem: drop_problem(&error),
            }),
        }
        reports.send(Report::Changed { server }).ok();
    });
}

pub(crate) fn drop_problem(error: &DropError) -> Problem {
    match error {
        DropError::Server(error) => server_problem(error),
        DropError::Journal(error) => journal_problem(error),
        DropError::NoCopy => super::jobs::yours(
            "This run created no copy that can be told from another database of its name"
                .to_owned(),
        ),
        DropError::AlreadyDropped => {
            super::jobs::yours("The copy of this run was dropped already".to_owned())
        }
    }
}
