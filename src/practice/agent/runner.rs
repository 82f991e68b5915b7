//! Runs a job: its T-SQL steps through a session of Agent's own, and what came of it into the history.

use super::{
    history::{
        Ended, HistoryRow, cut, history_row, note_end, note_start, outcome, sqlstate, write,
    },
    rows::{self, Action, JobKey, ScheduledJob, Step},
    schedule::{date_number, duration_number, time_number},
    tokens,
};
use crate::{
    domain::ServerTime,
    practice::{
        engine::{Engine, EngineHandle, EngineStopped},
        reply::{Message, Reply},
        sql::session::{Login, Session},
        value::Value,
    },
};
use chrono::NaiveDateTime;
use tokio_util::sync::CancellationToken;

/// The account that Agent's service runs under, and so the login of its sessions.
const ACCOUNT: &str = "NT SERVICE\\SQLSERVERAGENT";

/// The sid of `sa`, who owns every job whose login is still there.
const OWNER: [u8; 1] = [1];

/// Replies that may wait between a step and its reader.
const REPLIES: usize = 64;

/// `run_status` of `sysjobhistory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    Failed = 0,
    Succeeded = 1,
    Retry = 2,
    Cancelled = 3,
}

/// Who asked for a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunSource {
    Schedule {
        id: i64,
        name: String,
        schedule: super::schedule::Schedule,
    },
    /// `sp_start_job`, by this login.
    User(String),
}

/// One run of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRun {
    pub job: JobKey,
    pub source: RunSource,
    /// Where it begins; `None` is the job's own first step.
    pub first_step: Option<i64>,
}

/// A job that runs now.
#[derive(Clone, Debug)]
pub struct RunningJob {
    /// `Schedule 7` or `User sa`.
    pub requested_by: String,
    pub cancel: CancellationToken,
}

impl RunSource {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Schedule { id, name, .. } => format!("Schedule {id} ({name})"),
            Self::User(login) => format!("User {login}"),
        }
    }

    /// `run_requested_source`.
    pub(super) fn number(&self) -> &'static str {
        match self {
            Self::Schedule { .. } => "1",
            Self::User(_) => "4",
        }
    }
}

impl From<&ScheduledJob> for JobRun {
    fn from(job: &ScheduledJob) -> Self {
        Self {
            job: job.job.clone(),
            source: RunSource::Schedule {
                id: job.schedule_id,
                name: job.schedule_name.clone(),
                schedule: job.schedule,
            },
            first_step: None,
        }
    }
}

/// Whether Agent runs: Express and Azure SQL Database have none, and it can be stopped.
pub fn is_running(engine: &Engine) -> bool {
    use crate::practice::engine::{AgentService, Edition};
    !matches!(engine.options.edition, Edition::Express | Edition::Azure)
        && engine.options.agent == AgentService::Running
}

/// Why Agent could not go on. A failing step is none of these: it is an outcome.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Stopped(#[from] EngineStopped),
    /// Agent's tables are broken.
    #[error("message {}: {}", .0.number, .0.text)]
    Tables(Message),
}

impl From<Message> for AgentError {
    fn from(message: Message) -> Self {
        Self::Tables(message)
    }
}

/// The next time at which a job is due after `after`, and the jobs that are due then, by name.
pub fn next_due(
    engine: &mut Engine,
    after: NaiveDateTime,
) -> Result<Option<(NaiveDateTime, Vec<ScheduledJob>)>, Message> {
    let mut due: Option<(NaiveDateTime, Vec<ScheduledJob>)> = None;
    if !is_running(engine) {
        return Ok(None);
    }
    for job in rows::scheduled_jobs(engine)? {
        let Some(at) = job.schedule.next_run(after) else {
            continue;
        };
        match &mut due {
            Some((first, jobs)) if *first == at => jobs.push(job),
            Some((first, _)) if *first < at => {}
            _ => due = Some((at, vec![job])),
        }
    }
    Ok(due)
}

/// Runs a job that is due to its end and writes its history; one that still runs is left alone.
///
/// Returns whether it succeeded.
pub async fn run_job(
    engine: &EngineHandle,
    job: &ScheduledJob,
    cancel: &CancellationToken,
) -> Result<bool, AgentError> {
    run(engine, JobRun::from(job), cancel).await
}

/// Runs a job to its end and writes its history.
pub async fn run(
    engine: &EngineHandle,
    asked: JobRun,
    cancel: &CancellationToken,
) -> Result<bool, AgentError> {
    let key = asked.job.clone();
    let id = key.id;
    let cancel = cancel.child_token();
    let running = RunningJob {
        requested_by: asked.source.words(),
        cancel: cancel.clone(),
    };
    let begins = engine
        .run(move |engine| {
            let free = !engine.running_jobs.contains_key(&id);
            if free {
                engine.running_jobs.insert(id, running);
            }
            free
        })
        .await?;
    if !begins {
        return Ok(false);
    }
    let outcome = run_steps(engine, &asked, &cancel).await;
    engine
        .run(move |engine| engine.running_jobs.remove(&id))
        .await?;
    outcome
}

async fn run_steps(
    engine: &EngineHandle,
    asked: &JobRun,
    cancel: &CancellationToken,
) -> Result<bool, AgentError> {
    let key = asked.job.clone();
    let id = key.id;
    let (first, steps) = engine.run(move |engine| rows::steps(engine, id)).await??;
    let (owner, operator) = engine
        .run(move |engine| rows::owner_and_operator(engine, id))
        .await??;
    let begun = engine.run(|engine| engine.clock.now_local()).await?;
    note_start(engine, asked, begun).await?;

    let mut number = asked.first_step.unwrap_or(first);
    let mut last: Option<&Step> = None;
    let mut status = RunStatus::Failed;
    let mut refusal = None;
    if owner != OWNER {
        refusal = Some(format!(
            "The job failed.  Unable to determine if the owner (<unknown>) of job {} has server access (reason: Could not obtain information about Windows NT group/user '<unknown>', error code 0x534. [SQLSTATE 42000] (Error 15404)).",
            key.name
        ));
    } else {
        // A job may jump back and forth between its steps; it may not do so for ever.
        for _ in 0..steps.len() * 8 {
            let Some(step) = steps.iter().find(|step| step.number == number) else {
                break;
            };
            last = Some(step);
            let succeeded = run_step(engine, &key, step, begun, cancel).await?;
            if cancel.is_cancelled() {
                status = RunStatus::Cancelled;
                break;
            }
            match if succeeded {
                step.on_success
            } else {
                step.on_failure
            } {
                Action::QuitWithSuccess => {
                    status = RunStatus::Succeeded;
                    break;
                }
                Action::QuitWithFailure => break,
                Action::NextStep => number = step.number + 1,
                Action::GoTo(step) => number = step,
            }
        }
    }
    let message = refusal.unwrap_or_else(|| outcome(status, &asked.source, last));
    let succeeded = status == RunStatus::Succeeded;
    let ended = Ended {
        run: asked.clone(),
        begun,
        status,
        message,
        emailed: if status == RunStatus::Failed {
            operator
        } else {
            0
        },
    };
    write(engine, move |engine| {
        note_end(engine, &ended)?;
        rows::delete_if_wanted(engine, id, succeeded)
    })
    .await?;
    Ok(succeeded)
}

/// Runs a step, again after a failure as often as it asks for; each try has its row in the history.
async fn run_step(
    engine: &EngineHandle,
    job: &JobKey,
    step: &Step,
    job_begun: ServerTime,
    cancel: &CancellationToken,
) -> Result<bool, AgentError> {
    for attempt in 0..=step.retries.max(0) {
        let begun = engine.run(|engine| engine.clock.now_local()).await?;
        let name = engine
            .run(|engine| engine.options.server_name.clone())
            .await?;
        let (succeeded, text, error) = if !step.subsystem.eq_ignore_ascii_case("TSQL") {
            let text = format!(
                "The {} subsystem is not available on the practice server.",
                step.subsystem
            );
            (false, text, None)
        } else {
            match tokens::expand(
                &step.command,
                &tokens::Facts {
                    job,
                    step,
                    begun,
                    job_begun,
                    server: &name,
                },
            ) {
                Ok(command) => run_text(engine, job, step, command, cancel).await,
                Err(reason) => (
                    false,
                    format!(
                        "Unable to start execution of step {} (reason: {reason}).",
                        step.number
                    ),
                    None,
                ),
            }
        };
        let again = !succeeded && attempt < step.retries && !cancel.is_cancelled();
        let (status, verdict) = match succeeded {
            true => (RunStatus::Succeeded, "The step succeeded."),
            false if cancel.is_cancelled() => (RunStatus::Cancelled, "The step was cancelled."),
            false if again => (RunStatus::Retry, "The step failed."),
            false => (RunStatus::Failed, "The step failed."),
        };
        let message = cut(&format!("Executed as user: {ACCOUNT}. {text}  {verdict}"));
        let (key, step_number, step_name) = (job.clone(), step.number, step.name.clone());
        write(engine, move |engine| {
            let ended = engine.clock.now_local();
            let seconds = (ended.0 - begun.0).num_seconds();
            let row = HistoryRow {
                step: (step_number, &step_name),
                message: &message,
                error: error.as_ref(),
                status,
                begun,
                seconds,
                emailed: 0,
                retries: attempt,
            };
            history_row(engine, &key, &row)?;
            rows::update(
                engine,
                "sysjobsteps",
                &[
                    ("job_id", Value::Guid(key.id)),
                    ("step_id", Value::Int(step_number)),
                ],
                &[
                    ("last_run_outcome", Value::Int(status as i64)),
                    (
                        "last_run_duration",
                        Value::Int(i64::from(duration_number(seconds))),
                    ),
                    (
                        "last_run_date",
                        Value::Int(i64::from(date_number(begun.0.date()))),
                    ),
                    (
                        "last_run_time",
                        Value::Int(i64::from(time_number(begun.0.time()))),
                    ),
                    ("last_run_retries", Value::Int(attempt)),
                ],
            )?;
            Ok(())
        })
        .await?;
        if !again {
            return Ok(succeeded);
        }
    }
    Ok(false)
}

/// Runs a T-SQL step; answers whether it succeeded, its messages in a row, and its first error.
///
/// Agent stops a step at its first statement that fails; what was caught inside it is none.
async fn run_text(
    engine: &EngineHandle,
    job: &JobKey,
    step: &Step,
    command: String,
    cancel: &CancellationToken,
) -> (bool, String, Option<Message>) {
    let login = Login {
        login: ACCOUNT.to_owned(),
        host: "PRACTICE".to_owned(),
        program: format!(
            "SQLAgent - TSQL JobStep (Job 0x{} : Step {})",
            job.id
                .to_bytes_le()
                .iter()
                .map(|byte| format!("{byte:02X}"))
                .collect::<String>(),
            step.number
        ),
        database: Some(step.database.clone().unwrap_or_else(|| "master".to_owned())),
        service: true,
        client_pid: 0,
        packet_size: 4096,
    };
    let mut session = match Session::open(engine.clone(), login).await {
        Ok(session) => session,
        Err(message) => return (false, sqlstate(&message), Some(message)),
    };
    let (sender, mut replies) = tokio::sync::mpsc::channel(REPLIES);
    let mut texts = Vec::new();
    let mut error = None;
    let stop = cancel.child_token();
    let read = async {
        while let Some(reply) = replies.recv().await {
            match reply {
                Reply::Message(message) if !stop.is_cancelled() => {
                    texts.push(sqlstate(&message));
                    if message.is_error() && error.is_none() {
                        error = Some(message);
                    }
                }
                Reply::Done(_) if error.is_some() => stop.cancel(),
                _ => {}
            }
        }
    };
    let run = async {
        session.batch(command, &sender, &stop).await;
        drop(sender);
        session.close().await;
    };
    tokio::join!(run, read);
    (error.is_none(), texts.join("  "), error)
}
