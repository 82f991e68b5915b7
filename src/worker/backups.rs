//! Backups for the window: what a server and its folders are like, backups that run, and jobs that are watched.

use super::{
    handle::Events,
    jobs::{Jobs, Report, now},
    messages::{Event, ServerId},
};
use crate::{
    domain::{BackupPlan, ServerPath},
    explain::{Problem, ProblemKind, journal_problem, server_problem},
    run::{
        BackupJob, BackupReading, BackupReport, BackupRunEvent, BackupSurroundings, FolderListing,
        FoundJob, Journal, OnceError, OncePlan, OnceRun, OnceState, PlaceCheck, ProbeResult, RunId,
        Who, browse, check_place, find_once, look_at_once, probe, read_backup_facts, remove_once,
        run_backups, start_once,
    },
    server::{Gateway, ServerError},
    tsql::{BackupFacts, Script, backup_script},
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What the window asks for about the backups of a server.
#[derive(Clone, Debug)]
pub enum BackupCall {
    /// What decides whether databases can be backed up. Answered by `BackupEvent::Facts`.
    ReadFacts,
    /// What lies in a folder as the server sees it; `None` lists the drives.
    Browse { folder: Option<ServerPath> },
    /// Whether a destination is there, and how much room it has.
    CheckPlace { place: ServerPath },
    /// A small backup that shows whether the service account can write there.
    Probe {
        folder: ServerPath,
        facts: BackupFacts,
    },
    /// Runs a plan from here.
    Start {
        plan: Box<BackupPlan>,
        facts: BackupFacts,
    },
    /// Has SQL Server Agent run a plan, once.
    StartOnServer {
        plan: Box<BackupPlan>,
        facts: BackupFacts,
    },
    /// Cancels one backup of a run, or all of them.
    Cancel { run: RunId, step: Option<usize> },
    /// One-time jobs that were started before, from here or elsewhere. Answered by `BackupEvent::Jobs`.
    FindJobs,
    /// Removes a one-time job that failed, after its messages were seen.
    RemoveJob { job_id: Uuid },
}

/// What the worker tells about the backups of a server.
#[derive(Clone, Debug)]
pub enum BackupEvent {
    Facts(Result<Box<BackupReading>, Problem>),
    Listing {
        folder: Option<ServerPath>,
        result: Result<FolderListing, Problem>,
    },
    Place {
        place: ServerPath,
        result: Result<PlaceCheck, Problem>,
    },
    Probed {
        folder: ServerPath,
        result: Result<ProbeResult, Problem>,
    },
    /// The plan runs; `script` is what is sent.
    Started {
        run: RunId,
        plan: Box<BackupPlan>,
        script: Script,
    },
    Running {
        run: RunId,
        event: BackupRunEvent,
    },
    /// `None` when the journal could not be kept: a problem tells why.
    Ended {
        run: RunId,
        report: Option<Box<BackupReport>>,
    },
    /// SQL Server Agent has the plan.
    OnServer(Box<OnceRun>),
    /// One-time jobs that are on the server.
    Jobs(Vec<FoundJob>),
    /// How a job stands.
    Job {
        run: RunId,
        state: OnceState,
    },
    NotStarted(Problem),
}

/// Backups that have not ended, and jobs that are watched.
pub(super) struct Backups {
    running: BTreeMap<RunId, Running>,
    stop: CancellationToken,
}

struct Running {
    all: CancellationToken,
    steps: Vec<CancellationToken>,
    task: JoinHandle<()>,
}

/// What a task needs to answer.
#[derive(Clone)]
struct Answering {
    server: ServerId,
    gateway: Arc<dyn Gateway>,
    events: Events,
    reports: UnboundedSender<Report>,
}

impl Answering {
    fn tell(&self, event: BackupEvent) {
        self.events.send(Event::Backup {
            server: self.server,
            event,
        });
    }
}

/// How often a job is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Backups {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            running: BTreeMap::new(),
            stop,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    pub(super) fn ended(&mut self, run: &RunId) {
        self.running.remove(run);
    }

    fn cancel(&self, run: &RunId, step: Option<usize>) {
        let Some(running) = self.running.get(run) else {
            return;
        };
        match step {
            Some(step) => {
                if let Some(token) = running.steps.get(step) {
                    token.cancel();
                }
            }
            None => running.all.cancel(),
        }
    }

    /// Waits for all to end, after they were told to. A job on the server goes on there.
    pub(super) async fn finish(self) {
        for (run, running) in self.running {
            if let Err(error) = running.task.await {
                tracing::error!(run = run.0, %error, "a run of backups failed");
            }
        }
    }
}

impl Jobs {
    /// Does what the window asked about backups of a server.
    pub(super) fn backup(&mut self, server: ServerId, call: BackupCall) {
        // A backup runs on a connection of its own, and is cancelled there, whatever became of the window's.
        if let BackupCall::Cancel { run, step } = call {
            return self.backups.cancel(&run, step);
        }
        let Some((gateway, info)) = self.connected_to(server) else {
            self.problem(
                Some(server),
                super::jobs::yours("The server is not connected".to_owned()),
            );
            return;
        };
        let answering = Answering {
            server,
            gateway,
            events: self.events.clone(),
            reports: self.reports(),
        };
        match call {
            BackupCall::Start { plan, facts } => {
                let who = self.who(server, &info);
                self.start_backups(answering, *plan, facts, who);
            }
            BackupCall::StartOnServer { plan, facts } => {
                let who = self.who(server, &info);
                self.start_job(answering, *plan, facts, who);
            }
            BackupCall::ReadFacts
            | BackupCall::FindJobs
            | BackupCall::Browse { .. }
            | BackupCall::CheckPlace { .. }
            | BackupCall::Probe { .. }
            | BackupCall::Cancel { .. }
            | BackupCall::RemoveJob { .. } => {
                let stop = self.backups.stop.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = look(&answering, call) => {}
                    }
                });
            }
        }
    }

    fn start_backups(
        &mut self,
        answering: Answering,
        plan: BackupPlan,
        facts: BackupFacts,
        who: Who,
    ) {
        let Some(folder) = self.runs_folder() else {
            return;
        };
        let run = RunId::new(now(), fastrand::u16(..));
        let all = self.backups.stop.child_token();
        let steps: Vec<CancellationToken> = plan.steps.iter().map(|_| all.child_token()).collect();
        let job = BackupJob {
            run: run.clone(),
            who,
            plan,
            facts,
        };
        let task = tokio::spawn(carry_out(answering, folder, job, steps.clone()));
        self.backups
            .running
            .insert(run, Running { all, steps, task });
    }

    fn start_job(&mut self, answering: Answering, plan: BackupPlan, facts: BackupFacts, who: Who) {
        let Some(folder) = self.runs_folder() else {
            return;
        };
        let run = RunId::new(now(), fastrand::u16(..));
        let all = self.backups.stop.child_token();
        let stop = all.clone();
        let id = run.clone();
        let task = tokio::spawn(async move {
            let reports = answering.reports.clone();
            let server = answering.server;
            let watched = on_server(answering, folder, id.clone(), plan, facts, who);
            // The job does not need its watcher.
            tokio::select! {
                () = stop.cancelled() => {}
                () = watched => {}
            }
            reports.send(Report::BackupsEnded { server, run: id }).ok();
        });
        self.backups.running.insert(
            run,
            Running {
                all,
                steps: Vec::new(),
                task,
            },
        );
    }
}

/// Answers a question that changes nothing, or nearly nothing.
async fn look(answering: &Answering, call: BackupCall) {
    let mut connection = match answering.gateway.connect().await {
        Ok(connection) => Ok(connection),
        Err(error) => Err(server_problem(&error)),
    };
    let words = |error: ServerError| server_problem(&error);
    match call {
        BackupCall::ReadFacts => {
            let result = match &mut connection {
                Ok(connection) => read_backup_facts(connection.as_mut())
                    .await
                    .map(Box::new)
                    .map_err(words),
                Err(problem) => Err(problem.clone()),
            };
            answering.tell(BackupEvent::Facts(result));
        }
        BackupCall::Browse { folder } => {
            let result = match &mut connection {
                Ok(connection) => browse(connection.as_mut(), folder.as_ref())
                    .await
                    .map_err(words),
                Err(problem) => Err(problem.clone()),
            };
            answering.tell(BackupEvent::Listing { folder, result });
        }
        BackupCall::CheckPlace { place } => {
            let result = match &mut connection {
                Ok(connection) => check_place(connection.as_mut(), &place)
                    .await
                    .map_err(words),
                Err(problem) => Err(problem.clone()),
            };
            answering.tell(BackupEvent::Place { place, result });
        }
        BackupCall::Probe { folder, facts } => {
            let stamp = format!(
                "{}_{:04x}",
                now().0.format("%Y%m%d_%H%M%S"),
                fastrand::u16(..)
            );
            let result = match &mut connection {
                Ok(connection) => probe(connection.as_mut(), &folder, &stamp, &facts)
                    .await
                    .map_err(words),
                Err(problem) => Err(problem.clone()),
            };
            answering.tell(BackupEvent::Probed { folder, result });
            answering
                .reports
                .send(Report::Changed {
                    server: answering.server,
                })
                .ok();
        }
        BackupCall::FindJobs => {
            // Nobody asked aloud, so nobody is told why there is no answer.
            if let Ok(connection) = &mut connection
                && let Ok(jobs) = find_once(connection.as_mut()).await
            {
                answering.tell(BackupEvent::Jobs(jobs));
            }
        }
        BackupCall::RemoveJob { job_id } => {
            let result = match &mut connection {
                Ok(connection) => remove_once(connection.as_mut(), job_id)
                    .await
                    .map_err(words),
                Err(problem) => Err(problem.clone()),
            };
            if let Err(problem) = result {
                answering.events.send(Event::Problem {
                    server: Some(answering.server),
                    problem,
                });
            }
        }
        BackupCall::Start { .. } | BackupCall::StartOnServer { .. } | BackupCall::Cancel { .. } => {
        }
    }
}

async fn carry_out(
    answering: Answering,
    folder: PathBuf,
    job: BackupJob,
    cancel: Vec<CancellationToken>,
) {
    let run = job.run.clone();
    answering.tell(BackupEvent::Started {
        run: run.clone(),
        plan: Box::new(job.plan.clone()),
        script: backup_script(&job.plan, &job.facts),
    });
    let tell = |event| {
        answering.tell(BackupEvent::Running {
            run: run.clone(),
            event,
        });
    };
    let path = folder.join(format!("{}.jsonl", run.0));
    let report = match Journal::create(&path) {
        Ok(journal) => {
            let surroundings = BackupSurroundings {
                gateway: answering.gateway.as_ref(),
                journal,
                tell: &tell,
                cancel: &cancel,
                now,
            };
            run_backups(job, surroundings).await
        }
        Err(error) => Err(error),
    };
    let report = match report {
        Ok(report) => Some(Box::new(report)),
        Err(error) => {
            answering.events.send(Event::Problem {
                server: Some(answering.server),
                problem: journal_problem(&error),
            });
            None
        }
    };
    answering.tell(BackupEvent::Ended {
        run: run.clone(),
        report,
    });
    answering
        .reports
        .send(Report::BackupsEnded {
            server: answering.server,
            run,
        })
        .ok();
}

/// Has Agent run a plan, and looks at the job until it has ended.
async fn on_server(
    answering: Answering,
    folder: PathBuf,
    run: RunId,
    plan: BackupPlan,
    facts: BackupFacts,
    who: Who,
) {
    let path = folder.join(format!("{}.jsonl", run.0));
    let started = async {
        let journal = Journal::create(&path)?;
        let mut connection = answering
            .gateway
            .connect()
            .await
            .map_err(OnceError::Server)?;
        let once = OncePlan {
            run: run.clone(),
            who,
            plan: &plan,
            facts: &facts,
        };
        start_once(connection.as_mut(), once, journal, now).await
    };
    let once = match started.await {
        Ok(once) => once,
        Err(error) => {
            answering.tell(BackupEvent::NotStarted(once_problem(&error)));
            return;
        }
    };
    answering.tell(BackupEvent::OnServer(Box::new(once.clone())));
    let mut connection = None;
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let looked = async {
            if connection.is_none() {
                connection = Some(answering.gateway.connect().await?);
            }
            match &mut connection {
                Some(connection) => look_at_once(connection.as_mut(), &once, now()).await,
                None => Err(ServerError::Cancelled),
            }
        };
        match looked.await {
            Ok(state) => {
                let ended = matches!(state, OnceState::Ended { .. });
                answering.tell(BackupEvent::Job {
                    run: run.clone(),
                    state,
                });
                if ended {
                    return;
                }
            }
            // The job goes on without us; perhaps the server answers again.
            Err(error) => {
                tracing::debug!(?error, "a job is looked at again");
                connection = None;
            }
        }
    }
}

/// Why no job was started, in words.
pub(crate) fn once_problem(error: &OnceError) -> Problem {
    match error {
        OnceError::Journal(error) => journal_problem(error),
        OnceError::Server(error) => {
            let mut problem = server_problem(error);
            if error.is_permission() {
                problem.kind = ProblemKind::Yours;
                problem.hint =
                    "Jobs of one's own need the role SQLAgentUserRole in msdb, and one that backs up needs sysadmin or db_backupoperator."
                        .to_owned();
            }
            problem
        }
    }
}
