//! What the users of a managed instance and of Amazon RDS run themselves: one batch that was shown, journaled, watched
//! to its end; a restored database is looked into.
//!
//! ```text
//! managed instance   batch ─────────────────────────────► (restore) look inside
//! Amazon RDS         batch starts a task ─► ask for it ─► (restore) look inside
//! ```
//!
//! Neither takes part in a chain of ours: backups are copy-only, and a restore makes a new database.

use super::{
    azure::stamp,
    journal::{Journal, JournalError, Record},
    report::{RunId, RunKind, StepFacts, Verification, Who},
    verify::{Expectations, look_inside, read_identity},
};
use crate::{
    domain::UtcTime,
    server::{Answer, Gateway, Row, ServerError, ask},
    tsql::{self, Batch},
};
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

/// Whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHandService {
    ManagedInstance,
    AmazonRds,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByHandWork {
    Backup,
    Restore {
        /// The new database.
        into: String,
    },
}

/// One piece of work, as it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    pub service: ByHandService,
    pub work: ByHandWork,
    pub database: String,
    /// A URL, or the ARN of an object.
    pub place: String,
}

impl ByHand {
    /// The batch that runs; what is shown is this one.
    pub fn batch(&self) -> Batch {
        let urls = std::slice::from_ref(&self.place);
        match (self.service, &self.work) {
            (ByHandService::ManagedInstance, ByHandWork::Backup) => {
                tsql::instance_backup(&self.database, urls)
            }
            (ByHandService::ManagedInstance, ByHandWork::Restore { into }) => {
                tsql::instance_restore(into, urls)
            }
            (ByHandService::AmazonRds, ByHandWork::Backup) => {
                tsql::rds_backup(&self.database, &self.place)
            }
            (ByHandService::AmazonRds, ByHandWork::Restore { into }) => {
                tsql::rds_restore(into, &self.place)
            }
        }
    }

    /// The new database; `None` for a backup.
    pub fn new_database(&self) -> Option<&str> {
        match &self.work {
            ByHandWork::Backup => None,
            ByHandWork::Restore { into } => Some(into),
        }
    }

    /// The database that the service works on.
    fn target(&self) -> &str {
        self.new_database().unwrap_or(&self.database)
    }

    fn steps(&self) -> Vec<String> {
        let mut steps = vec![self.batch().title];
        if self.service == ByHandService::AmazonRds {
            steps.push("Amazon RDS works on it".to_owned());
        }
        if self.new_database().is_some() {
            steps.push("Check the new database".to_owned());
        }
        steps
    }
}

/// What is to be run, and what is expected of it.
pub struct ByHandOrder {
    pub id: RunId,
    /// What the server says it is called.
    pub server: String,
    pub by_hand: ByHand,
    pub expected: Expectations,
    pub who: Who,
}

/// What a run works with.
pub struct ByHandSurroundings<'a> {
    pub gateway: &'a dyn Gateway,
    /// Told line by line: rows, messages, how a task stands.
    pub tell: &'a (dyn Fn(String) + Send + Sync),
    pub cancel: &'a CancellationToken,
    pub now: fn() -> UtcTime,
    /// Between two questions for a task.
    pub interval: Duration,
}

/// Why a step did not do its work.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ByHandFailure {
    #[error("{0}")]
    Server(ServerError),
    /// The service took no task, or tells none.
    #[error("the service told no task")]
    NoTask,
    /// In the service's words.
    #[error("the task failed: {said}")]
    Task { said: String },
    /// The task was ended by the user.
    #[error("the task was cancelled")]
    Cancelled,
    /// The restore ended without an error, and there is no such database online.
    #[error("the new database is {state}")]
    NotOnline { state: String },
    #[error("{} of the checks failed", .0.len())]
    Checks(Vec<super::VerificationFault>),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ByHandReport {
    pub id: RunId,
    pub seconds: f64,
    /// What was found in a restored database.
    pub verification: Option<Verification>,
    pub failure: Option<ByHandFailure>,
}

/// How one task of Amazon RDS stands.
#[derive(Clone, Debug, PartialEq)]
struct Task {
    id: i64,
    /// As `BACKUP_DB`.
    kind: String,
    lifecycle: String,
    percent: Option<i64>,
    info: String,
}

impl Task {
    fn of(row: &Row) -> Self {
        let text = |name| row.text(name).unwrap_or_default();
        Self {
            id: row.int("task_id").unwrap_or_default(),
            kind: text("task_type"),
            lifecycle: text("lifecycle"),
            percent: row.int("% complete"),
            info: text("task_info"),
        }
    }

    fn line(&self) -> String {
        let Self {
            id,
            kind,
            lifecycle,
            percent,
            info: _,
        } = self;
        let percent = percent.map_or_else(String::new, |percent| format!(", {percent} %"));
        format!("Task {id} · {kind} · {lifecycle}{percent}")
    }
}

/// How the tasks of a database stand, a line each, the oldest first; one that failed says why.
pub async fn read_tasks(gateway: &dyn Gateway, database: &str) -> Result<Vec<String>, ServerError> {
    let mut connection = gateway.connect().await?;
    let answer = ask(connection.as_mut(), &tsql::rds_tasks(database)).await?;
    Ok(answer
        .rows()
        .iter()
        .flat_map(|row| {
            let task = Task::of(row);
            let why = (!task.info.is_empty()).then(|| task.info.clone());
            std::iter::once(task.line()).chain(why)
        })
        .collect())
}

struct Run<'a> {
    journal: Journal,
    around: ByHandSurroundings<'a>,
    by_hand: ByHand,
    step: usize,
    step_began: UtcTime,
}

/// Runs it, and watches it to its end.
pub async fn run_by_hand(
    order: ByHandOrder,
    mut journal: Journal,
    around: ByHandSurroundings<'_>,
) -> Result<ByHandReport, JournalError> {
    let ByHandOrder {
        id,
        server,
        by_hand,
        expected,
        who,
    } = order;
    let began = (around.now)();
    journal.write(
        stamp(around.now),
        Record::Begin {
            format: super::FORMAT.to_owned(),
            run: id.0.clone(),
            server,
            source_database: by_hand.database.clone(),
            target_database: by_hand.new_database().unwrap_or_default().to_owned(),
            target: by_hand.place.clone(),
            steps: by_hand.steps(),
            run_kind: match by_hand.work {
                ByHandWork::Backup => RunKind::Backup,
                ByHandWork::Restore { .. } => RunKind::RestoreCopy,
            },
            who,
        },
    )?;
    let mut run = Run {
        journal,
        around,
        by_hand,
        step: 0,
        step_began: began,
    };
    let mut verification = None;
    let failure = run.work(&expected, &mut verification).await?.err();
    let end = match (&failure, &verification) {
        (None, _) => "verified",
        (Some(ByHandFailure::Checks(_)), _) => "online_not_verified",
        (Some(ByHandFailure::Cancelled | ByHandFailure::Server(ServerError::Cancelled)), _) => {
            "cancelled"
        }
        (Some(_), _) => "failed",
    };
    let state = verification
        .as_ref()
        .map(|found| found.state.clone())
        .unwrap_or_default();
    let record = Record::End {
        end: end.to_owned(),
        state,
    };
    run.journal.write(stamp(run.around.now), record)?;
    Ok(ByHandReport {
        id,
        seconds: (run.around.now)().seconds() - began.seconds(),
        verification,
        failure,
    })
}

impl Run<'_> {
    async fn work(
        &mut self,
        expected: &Expectations,
        verification: &mut Option<Verification>,
    ) -> Result<Result<(), ByHandFailure>, JournalError> {
        let batch = self.by_hand.batch();
        self.begin(&batch.title, &batch.sql)?;
        let sent = self.send(&batch).await;
        let (messages, result) = match sent {
            Ok((messages, answer)) => (messages, Ok(answer)),
            Err(error) => (Vec::new(), Err(ByHandFailure::Server(error))),
        };
        let answer = match self.end(messages, result)? {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(failure)),
        };
        if self.by_hand.service == ByHandService::AmazonRds {
            let task = answer.first().and_then(|row| row.int("task_id"));
            self.begin("Amazon RDS works on it", "")?;
            let ended = match task {
                Some(task) => self.wait_for(task).await,
                None => Err(ByHandFailure::NoTask),
            };
            if let Err(failure) = self.end(Vec::new(), ended)? {
                return Ok(Err(failure));
            }
        }
        let Some(into) = self.by_hand.new_database().map(str::to_owned) else {
            return Ok(Ok(()));
        };
        self.begin("Check the new database", "")?;
        let looked = self.look(&into, expected).await;
        let looked = match looked {
            Ok(found) if found.problems.is_empty() => {
                *verification = Some(found);
                Ok(())
            }
            Ok(found) => {
                let faults = found.problems.clone();
                *verification = Some(found);
                Err(ByHandFailure::Checks(faults))
            }
            Err(failure) => Err(failure),
        };
        self.end(Vec::new(), looked)
    }

    fn begin(&mut self, title: &str, sql: &str) -> Result<(), JournalError> {
        self.step_began = (self.around.now)();
        let record = Record::step_begin(self.step, title, sql);
        self.journal.write(stamp(self.around.now), record)
    }

    fn end<T>(
        &mut self,
        messages: Vec<String>,
        result: Result<T, ByHandFailure>,
    ) -> Result<Result<T, ByHandFailure>, JournalError> {
        let (outcome, words) = match &result {
            Ok(_) => ("done", Vec::new()),
            Err(ByHandFailure::Cancelled | ByHandFailure::Server(ServerError::Cancelled)) => {
                ("cancelled", Vec::new())
            }
            Err(failure) => ("failed", words_of(failure)),
        };
        self.journal.write(
            stamp(self.around.now),
            Record::StepEnd {
                step: self.step,
                outcome: outcome.to_owned(),
                seconds: (self.around.now)().seconds() - self.step_began.seconds(),
                words,
                messages,
                facts: StepFacts::default(),
            },
        )?;
        self.step += 1;
        Ok(result)
    }

    /// Sends the batch; what the server says is told while it runs.
    async fn send(&self, batch: &Batch) -> Result<(Vec<String>, Answer), ServerError> {
        let mut connection = self.around.gateway.connect().await?;
        let (sender, mut said) = unbounded_channel::<String>();
        let mut answer = Answer::default();
        let tell = async {
            let mut messages = Vec::new();
            while let Some(message) = said.recv().await {
                (self.around.tell)(message.clone());
                messages.push(message);
            }
            messages
        };
        let run = connection.run(batch, &mut answer, Some(sender), self.around.cancel);
        let (ran, messages) = tokio::join!(run, tell);
        ran?;
        Ok((messages, answer))
    }

    /// Asks for a task until it has ended; cancelling asks the service to end it.
    async fn wait_for(&self, id: i64) -> Result<(), ByHandFailure> {
        let (mut asked_to_stop, mut told) = (false, String::new());
        loop {
            match self.ask_for(id).await {
                Ok(Some(task)) => {
                    let line = task.line();
                    if line != told {
                        (self.around.tell)(line.clone());
                        told = line;
                    }
                    match task.lifecycle.as_str() {
                        "SUCCESS" => return Ok(()),
                        "ERROR" => return Err(ByHandFailure::Task { said: task.info }),
                        "CANCELLED" => return Err(ByHandFailure::Cancelled),
                        _ => {}
                    }
                }
                Ok(None) => return Err(ByHandFailure::NoTask),
                Err(error @ ServerError::Refused { .. }) => {
                    return Err(ByHandFailure::Server(error));
                }
                // The task goes on without us; asked again.
                Err(error) => (self.around.tell)(error.to_string()),
            }
            if self.around.cancel.is_cancelled() && !asked_to_stop {
                asked_to_stop = true;
                let mut connection = self
                    .around
                    .gateway
                    .connect()
                    .await
                    .map_err(ByHandFailure::Server)?;
                ask(connection.as_mut(), &tsql::rds_cancel(id))
                    .await
                    .map_err(ByHandFailure::Server)?;
            }
            tokio::time::sleep(self.around.interval).await;
        }
    }

    async fn ask_for(&self, id: i64) -> Result<Option<Task>, ServerError> {
        let mut connection = self.around.gateway.connect().await?;
        let answer = ask(
            connection.as_mut(),
            &tsql::rds_task(self.by_hand.target(), id),
        )
        .await?;
        Ok(answer.first().map(Task::of))
    }

    /// Which database it is, and what is in it.
    async fn look(
        &mut self,
        into: &str,
        expected: &Expectations,
    ) -> Result<Verification, ByHandFailure> {
        let gateway = self.around.gateway;
        let identity = async {
            let mut connection = gateway.connect().await?;
            read_identity(connection.as_mut(), into).await
        }
        .await
        .map_err(ByHandFailure::Server)?;
        match identity {
            Some(identity) if identity.online => {
                if let Some(database_guid) = identity.database_guid {
                    let record = Record::CopyCreated {
                        database: into.to_owned(),
                        database_guid,
                        create_date: identity.create_date,
                    };
                    let written = self.journal.write(stamp(self.around.now), record);
                    if let Err(error) = written {
                        // Without it the copy is dropped by hand; the run itself is not in doubt.
                        tracing::warn!(%error, "identity of the new database");
                    }
                }
            }
            other => {
                return Err(ByHandFailure::NotOnline {
                    state: other.map_or_else(|| "not there".to_owned(), |it| it.state),
                });
            }
        }
        let mut connection = gateway
            .connect_to(into)
            .await
            .map_err(ByHandFailure::Server)?;
        look_inside(
            gateway,
            connection.as_mut(),
            into,
            &self.by_hand.database,
            expected,
        )
        .await
        .map_err(ByHandFailure::Server)
    }
}

fn words_of(failure: &ByHandFailure) -> Vec<String> {
    let mut words = vec![failure.to_string()];
    if let ByHandFailure::Server(ServerError::Refused { errors }) = failure {
        words.extend(errors.iter().map(|error| error.text.clone()));
    }
    words
}
