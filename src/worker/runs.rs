//! Talking to a run while it goes on, and going on with one that was interrupted.

use super::{
    handle::Events,
    jobs::{Jobs, blocking, history_being_read, now, yours},
    looks::Looked,
    messages::{Event, ServerId},
    restores::{Running, tell_of},
};
use crate::{
    domain::History,
    explain::{Problem, journal_problem, resume_problem, server_problem},
    run::{
        self, Journal, Owed, ResumeHow, RunCommand, RunControl, RunId, RunRecord, Runbook,
        Standing, Surroundings, Waiting, Who, assess, journal_path, read_run,
    },
    server::Gateway,
};
use std::{path::PathBuf, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What the window asks of runs.
#[derive(Clone, Debug)]
pub enum RunRequest {
    /// Says something to a run under way.
    Tell { run: RunId, command: RunCommand },
    /// Reads where an interrupted run stands. Answered by `RunNews::Standing`.
    Assess { server: ServerId, run: RunId },
    /// Goes on with an interrupted run on one of the ways that were offered.
    Resume {
        server: ServerId,
        run: RunId,
        how: ResumeHow,
    },
    /// Asks the database that a run left readable. Answered by `RunNews::Looked`.
    Look {
        server: ServerId,
        run: RunId,
        database: String,
        query: String,
    },
    /// Checks the database that a run restored (`DBCC CHECKDB`). Answered by `RunNews::Checked`.
    CheckDatabase {
        server: ServerId,
        run: RunId,
        database: String,
    },
}

/// What a run tells besides its steps and messages.
#[derive(Clone, Debug)]
pub enum RunNews {
    /// Nothing goes on until somebody answers.
    Waiting { step: usize, why: Waiting },
    /// The answer came.
    WentOn,
    /// The steps are others than before.
    Changed { runbook: Box<Runbook> },
    /// Everything that has to be put back, as it stands now.
    Owes(Vec<Owed>),
    /// Where an interrupted run stands.
    Standing(Box<Result<Standing, Problem>>),
    /// An interrupted run was abandoned: it is closed.
    Closed,
    /// What the database answered to a question.
    Looked(Box<Result<Looked, Problem>>),
    /// The check of the database found nothing, in so many seconds; or what it found.
    Checked(Box<Result<f64, Problem>>),
}

impl Jobs {
    pub(super) fn run_request(&mut self, request: RunRequest) {
        match request {
            RunRequest::Tell { run, command } => self.restores.tell(&run, command),
            RunRequest::Assess { server, run } => self.assess(server, run),
            RunRequest::Resume { server, run, how } => self.resume(server, run, how),
            RunRequest::Look {
                server,
                run,
                database,
                query,
            } => self.look_into(server, run, database, query),
            RunRequest::CheckDatabase {
                server,
                run,
                database,
            } => self.check_database(server, run, database),
        }
    }

    pub(super) fn journal_of(&self, run: &RunId) -> Option<PathBuf> {
        let workspace = self.workspace.as_ref()?;
        Some(journal_path(workspace.folder(), run))
    }

    fn histories_of_others(&self, server: ServerId) -> Vec<History> {
        self.servers
            .iter()
            .filter(|(other, _)| **other != server)
            .filter_map(|(_, open)| open.history.as_ref())
            .map(|state| state.history().clone())
            .collect()
    }

    fn assess(&self, server: ServerId, run: RunId) {
        let (Some(open), Some(journal)) = (self.servers.get(&server), self.journal_of(&run)) else {
            return self.events.send(Event::Run {
                run,
                news: RunNews::Standing(Box::new(Err(connect_first()))),
            });
        };
        let gateway = Arc::clone(&open.gateway);
        let events = self.events.clone();
        tokio::spawn(async move {
            let standing = read_standing(gateway.as_ref(), journal).await;
            events.send(Event::Run {
                run,
                news: RunNews::Standing(Box::new(standing)),
            });
        });
    }

    fn resume(&mut self, server: ServerId, run: RunId, how: ResumeHow) {
        let not_begun = |problem| {
            self.events.send(Event::RunNotBegun {
                server,
                run: Some(run.clone()),
                problem,
            });
        };
        let (Some(open), Some(journal)) = (self.servers.get(&server), self.journal_of(&run)) else {
            return not_begun(connect_first());
        };
        let Some(history) = self.backups_of(server) else {
            return not_begun(history_being_read());
        };
        let others = self.histories_of_others(server);
        let cancel = self.stop.child_token();
        let (control, commands) = RunControl::new();
        let going_on = GoingOn {
            server,
            run: run.clone(),
            how,
            journal,
            gateway: Arc::clone(&open.gateway),
            history,
            others,
            who: self.who(server, &open.reading.info),
            events: self.events.clone(),
            cancel: cancel.clone(),
        };
        let reports = self.reports.clone();
        let ended = run.clone();
        let task = tokio::spawn(async move {
            go_on(going_on, commands).await;
            reports
                .send(super::jobs::Report::RunEnded { server, run: ended })
                .ok();
        });
        self.restores.add(
            run,
            Running {
                cancel,
                control,
                task,
            },
        );
    }
}

fn connect_first() -> Problem {
    yours("Connect to the server of the run first".to_owned())
}

async fn read_record(journal: PathBuf) -> Result<RunRecord, Problem> {
    match blocking(move || read_run(&journal)).await {
        Some(Ok(record)) => record.ok_or_else(no_beginning),
        Some(Err(error)) => Err(journal_problem(&error)),
        None => Err(no_beginning()),
    }
}

fn no_beginning() -> Problem {
    yours("The journal of the run has no beginning".to_owned())
}

async fn read_standing(gateway: &dyn Gateway, journal: PathBuf) -> Result<Standing, Problem> {
    let record = read_record(journal).await?;
    let looked = async {
        let mut connection = gateway.connect().await?;
        assess(connection.as_mut(), &record).await
    };
    looked.await.map_err(|error| server_problem(&error))
}

struct GoingOn {
    server: ServerId,
    run: RunId,
    how: ResumeHow,
    journal: PathBuf,
    gateway: Arc<dyn Gateway>,
    history: History,
    /// Of the other connected servers: the backups may be of one of them.
    others: Vec<History>,
    who: Who,
    events: Events,
    cancel: CancellationToken,
}

async fn go_on(going_on: GoingOn, commands: run::Commands) {
    let GoingOn {
        server,
        run,
        how,
        journal,
        gateway,
        history,
        others,
        who,
        events,
        cancel,
    } = going_on;
    let failed = |problem| {
        events.send(Event::RunNotBegun {
            run: Some(run.clone()),
            server,
            problem,
        });
    };
    // Read after it is ours: nobody adds to it between.
    let path = journal.clone();
    let opened = blocking(move || Journal::reopen(&journal)).await;
    let (journal, content) = match opened {
        Some(Ok(opened)) => opened,
        Some(Err(error)) => return failed(journal_problem(&error)),
        None => return failed(yours("The journal of the run was not read".to_owned())),
    };
    let Some(record) = RunRecord::of(&path, &content) else {
        return failed(no_beginning());
    };
    // A server that restores another's backups knows only those that it has restored.
    let n_known = |history: &History| {
        let plan = record
            .plan
            .as_ref()
            .filter(|plan| plan.is_known_to(history));
        plan.and_then(|plan| history.database(plan.database()))
            .map_or(0, |database| database.len())
    };
    let history = std::iter::once(history)
        .chain(others)
        .rev()
        .max_by_key(n_known)
        .unwrap_or_else(|| unreachable!("there is one at least"));
    let tell = tell_of(server, run.clone(), events.clone());
    let ended = run::resume(
        &record,
        &how,
        history,
        who,
        Surroundings {
            gateway: gateway.as_ref(),
            journal,
            tell: &tell,
            cancel: &cancel,
            commands,
            now,
        },
    )
    .await;
    match ended {
        Ok(Some(report)) => events.send(Event::RunEnded {
            run,
            report: Box::new(report),
        }),
        Ok(None) => events.send(Event::Run {
            run,
            news: RunNews::Closed,
        }),
        Err(error) => failed(resume_problem(&error)),
    }
}
