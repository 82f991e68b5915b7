//! Restores that run: each a task with its journal, its cancel token and events on the way.

use super::{
    handle::Events,
    jobs::{Report, now},
    messages::{Event, ServerId},
};
use crate::{
    domain::{History, RestorePlan, RestoreRequest, UtcTime},
    explain::{Problem, journal_problem, server_problem},
    run::{
        self, Commands, DropError, Expectations, Journal, JournalError, PreflightCheck, RestoreJob,
        RunChoices, RunEvent, RunId, RunProgress, RunReport, Surroundings, Who, journal_path,
        preflight, rows_by_metadata, run_restore,
    },
    server::{Gateway, ServerError, ServerInfo},
    settings::Application,
    tsql::{Script, ServerFacts, restore_script, tail_file},
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
    running: BTreeMap<RunId, (CancellationToken, JoinHandle<()>)>,
    stop: CancellationToken,
}

/// Everything that one restore needs.
pub(super) struct Start {
    pub(super) server: ServerId,
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) runs_folder: PathBuf,
    pub(super) applications: Arc<Vec<Application>>,
    pub(super) request: RestoreRequest,
    pub(super) plan: RestorePlan,
    pub(super) history: History,
    pub(super) facts: ServerFacts,
    pub(super) utc_offset_minutes: i32,
    pub(super) who: Who,
    pub(super) events: Events,
    pub(super) reports: UnboundedSender<Report>,
}

impl Restores {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            running: BTreeMap::new(),
            stop,
        }
    }

    pub(super) fn start(&mut self, start: Start) {
        let run = RunId::new(now(), fastrand::u16(..));
        let cancel = self.stop.child_token();
        let task = tokio::spawn(carry_out(start, run.clone(), cancel.clone()));
        self.running.insert(run, (cancel, task));
    }

    pub(super) fn cancel(&self, run: &RunId) {
        if let Some((cancel, _)) = self.running.get(run) {
            cancel.cancel();
        }
    }

    pub(super) fn ended(&mut self, run: &RunId) {
        self.running.remove(run);
    }

    /// Waits for all to end, after they were told to.
    pub(super) async fn finish(self) {
        for (run, (_, task)) in self.running {
            if let Err(error) = task.await {
                tracing::error!(run = run.0, %error, "a run failed");
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

/// The checks before a run, and the script that it will send.
pub(super) async fn look(
    gateway: &dyn Gateway,
    plan: &RestorePlan,
    facts: &ServerFacts,
) -> Result<(Vec<PreflightCheck>, Script), ServerError> {
    let mut connection = gateway.connect().await?;
    let checks = preflight(connection.as_mut(), plan, &RunChoices::default()).await?;
    Ok((checks, restore_script(plan, facts)))
}

async fn carry_out(start: Start, run: RunId, cancel: CancellationToken) {
    let Start {
        server,
        gateway,
        runs_folder,
        applications,
        request,
        plan,
        history,
        facts,
        utc_offset_minutes,
        who,
        events,
        reports,
    } = start;
    let expected = expectations(gateway.as_ref(), &applications, &plan.database).await;
    let path = runs_folder.join(format!("{}.jsonl", run.0));
    let id = run.clone();
    let tell = {
        let events = events.clone();
        let run = run.clone();
        move |event: RunEvent| {
            let run = run.clone();
            match event {
                RunEvent::Started { script, steps, .. } => events.send(Event::RunStarted {
                    server,
                    run,
                    script,
                    steps,
                }),
                RunEvent::StepBegan { step } => events.send(Event::RunProgress {
                    run,
                    progress: RunProgress {
                        step,
                        elapsed_secs: 0.0,
                        percent: None,
                        remaining_secs: None,
                    },
                }),
                RunEvent::Progress(progress) => events.send(Event::RunProgress { run, progress }),
                RunEvent::Message { at, text } => events.send(Event::RunMessage { run, at, text }),
                RunEvent::StepEnded { step, report } => {
                    events.send(Event::StepEnded { run, step, report });
                }
                RunEvent::Waiting { .. }
                | RunEvent::WentOn
                | RunEvent::Changed { .. }
                | RunEvent::Owes(_) => {}
            }
        }
    };
    let report = journaled(
        &path,
        RestoreJob {
            run,
            plan,
            request,
            history,
            facts,
            choices: RunChoices::default(),
            expected,
            utc_offset_minutes,
            who,
        },
        gateway.as_ref(),
        &tell,
        &cancel,
    )
    .await;
    match report {
        Ok(report) => events.send(Event::RunEnded {
            run: id.clone(),
            report: Box::new(report),
        }),
        Err(error) => events.send(Event::Problem {
            server: Some(server),
            problem: journal_problem(&error),
        }),
    }
    // A loop that has ended needs no reports.
    reports.send(Report::RunEnded { server, run: id }).ok();
}

async fn journaled(
    path: &Path,
    job: RestoreJob,
    gateway: &dyn Gateway,
    tell: &(dyn Fn(RunEvent) + Send + Sync),
    cancel: &CancellationToken,
) -> Result<RunReport, JournalError> {
    let journal = Journal::create(path)?;
    run_restore(
        job,
        Surroundings {
            gateway,
            journal,
            tell,
            cancel,
            commands: Commands::none(),
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

/// Drops the copy of a run whose journal lies in the workspace.
pub(super) fn drop_copy(
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
