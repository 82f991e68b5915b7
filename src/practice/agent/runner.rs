//! Runs a job: its T-SQL steps through a session of Agent's own, and what came of it into the history.

use super::{
    rows::{self, Action, JobKey, ScheduledJob, Step},
    schedule::{date_number, duration_number, time_number},
};
use crate::{
    domain::ServerTime,
    practice::{
        engine::{Engine, EngineHandle, EngineStopped, clock},
        reply::{Message, Reply},
        sql::session::{Login, Session},
        value::Value,
    },
};
use chrono::NaiveDateTime;
use tokio_util::sync::CancellationToken;

/// The account that Agent's service runs under, and so the login of its sessions.
const ACCOUNT: &str = "NT SERVICE\\SQLSERVERAGENT";

/// Replies that may wait between a step and its reader.
const REPLIES: usize = 64;

/// `Lock request time out period exceeded.`
const LOCK_TIMEOUT: i32 = 1222;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);
/// A minute of trying.
const MOST_TRIES: usize = 300;

/// `run_status` of `sysjobhistory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    Failed = 0,
    Succeeded = 1,
    Cancelled = 3,
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

/// Runs one job to its end and writes its history.
///
/// Returns whether it succeeded.
pub async fn run_job(
    engine: &EngineHandle,
    job: &ScheduledJob,
    cancel: &CancellationToken,
) -> Result<bool, AgentError> {
    let key = job.job.clone();
    let id = key.id;
    let (first, steps) = engine.run(move |engine| rows::steps(engine, id)).await??;
    let begun = engine.run(|engine| engine.clock.now_local()).await?;
    note_start(engine, &key, begun).await?;

    let mut number = first;
    let mut last: Option<&Step> = None;
    let mut status = RunStatus::Failed;
    // A job may jump back and forth between its steps; it may not do so for ever.
    for _ in 0..steps.len() * 8 {
        let Some(step) = steps.iter().find(|step| step.number == number) else {
            break;
        };
        last = Some(step);
        let succeeded = run_step(engine, &key, step, cancel).await?;
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
    let message = outcome(status, job, last);
    let succeeded = status == RunStatus::Succeeded;
    let job = job.clone();
    write(engine, move |engine| {
        note_end(engine, &job, begun, status, &message)
    })
    .await?;
    Ok(succeeded)
}

async fn run_step(
    engine: &EngineHandle,
    job: &JobKey,
    step: &Step,
    cancel: &CancellationToken,
) -> Result<bool, AgentError> {
    let begun = engine.run(|engine| engine.clock.now_local()).await?;
    let (succeeded, text, error) = if step.subsystem.eq_ignore_ascii_case("TSQL") {
        run_text(engine, job, step, cancel).await
    } else {
        let text = format!(
            "The {} subsystem is not available on the practice server.",
            step.subsystem
        );
        (false, text, None)
    };
    let verdict = if succeeded {
        "The step succeeded."
    } else {
        "The step failed."
    };
    let message = cut(&format!("Executed as user: {ACCOUNT}. {text}  {verdict}"));
    let (key, step_number, step_name) = (job.clone(), step.number, step.name.clone());
    write(engine, move |engine| {
        let ended = engine.clock.now_local();
        let status = if succeeded {
            RunStatus::Succeeded
        } else {
            RunStatus::Failed
        };
        let seconds = (ended.0 - begun.0).num_seconds();
        history_row(
            engine,
            &key,
            (step_number, &step_name),
            &message,
            error.as_ref(),
            status,
            begun,
            seconds,
        )?;
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
            ],
        )?;
        Ok(())
    })
    .await?;
    Ok(succeeded)
}

/// Runs a T-SQL step; answers whether it succeeded, its messages in a row, and its first error.
async fn run_text(
    engine: &EngineHandle,
    job: &JobKey,
    step: &Step,
    cancel: &CancellationToken,
) -> (bool, String, Option<Message>) {
    let login = Login {
        login: ACCOUNT.to_owned(),
        host: "PRACTICE".to_owned(),
        program: format!(
            "SQLAgent - TSQL JobStep (Job 0x{} : Step {})",
            job.id.simple().to_string().to_uppercase(),
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
    let read = async {
        while let Some(reply) = replies.recv().await {
            if let Reply::Message(message) = reply {
                texts.push(sqlstate(&message));
                if message.is_error() && error.is_none() {
                    error = Some(message);
                }
            }
        }
    };
    let command = step.command.clone();
    let run = async {
        session.batch(command, &sender, cancel).await;
        drop(sender);
        session.close().await;
    };
    tokio::join!(run, read);
    (error.is_none(), texts.join("  "), error)
}

async fn note_start(
    engine: &EngineHandle,
    job: &JobKey,
    begun: ServerTime,
) -> Result<(), AgentError> {
    let id = job.id;
    write(engine, move |engine| {
        let values = [
            ("run_requested_date", datetime(begun)),
            ("run_requested_source", Value::Text("1".to_owned())),
            ("start_execution_date", datetime(begun)),
            ("last_executed_step_id", Value::Null),
            ("stop_execution_date", Value::Null),
        ];
        let key = [("session_id", Value::Int(1)), ("job_id", Value::Guid(id))];
        if rows::update(engine, "sysjobactivity", &key, &values)? == 0 {
            let all = key.iter().chain(&values).cloned().collect::<Vec<_>>();
            rows::insert(engine, "sysjobactivity", &all)?;
        }
        Ok(())
    })
    .await
}

/// Writes to Agent's tables, and waits while another session's transaction is open.
async fn write<T: Send + 'static>(
    engine: &EngineHandle,
    job: impl Fn(&mut Engine) -> Result<T, Message> + Clone + Send + 'static,
) -> Result<T, AgentError> {
    let mut tries = 0;
    loop {
        let job = job.clone();
        match engine
            .run(move |engine| rows::transact(engine, job))
            .await?
        {
            Err(message) if message.number == LOCK_TIMEOUT && tries < MOST_TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            answer => return Ok(answer?),
        }
    }
}

fn note_end(
    engine: &mut Engine,
    job: &ScheduledJob,
    begun: ServerTime,
    status: RunStatus,
    message: &str,
) -> Result<(), Message> {
    let ended = engine.clock.now_local();
    let seconds = (ended.0 - begun.0).num_seconds();
    let id = job.job.id;
    let instance = history_row(
        engine,
        &job.job,
        (0, "(Job outcome)"),
        message,
        None,
        status,
        begun,
        seconds,
    )?;
    rows::trim_history(engine, id)?;
    let next = job.schedule.next_run(ended.0);
    rows::update(
        engine,
        "sysjobactivity",
        &[("session_id", Value::Int(1)), ("job_id", Value::Guid(id))],
        &[
            ("stop_execution_date", datetime(ended)),
            ("job_history_id", Value::Int(instance)),
            (
                "next_scheduled_run_date",
                next.map_or(Value::Null, |next| datetime(ServerTime(next))),
            ),
        ],
    )?;
    rows::update(
        engine,
        "sysjobservers",
        &[("job_id", Value::Guid(id))],
        &[
            ("last_run_outcome", Value::Int(status as i64)),
            ("last_outcome_message", Value::Text(message.to_owned())),
            (
                "last_run_date",
                Value::Int(i64::from(date_number(begun.0.date()))),
            ),
            (
                "last_run_time",
                Value::Int(i64::from(time_number(begun.0.time()))),
            ),
            (
                "last_run_duration",
                Value::Int(i64::from(duration_number(seconds))),
            ),
        ],
    )?;
    if let Some(next) = next {
        rows::update(
            engine,
            "sysjobschedules",
            &[
                ("schedule_id", Value::Int(job.schedule_id)),
                ("job_id", Value::Guid(id)),
            ],
            &[
                (
                    "next_run_date",
                    Value::Int(i64::from(date_number(next.date()))),
                ),
                (
                    "next_run_time",
                    Value::Int(i64::from(time_number(next.time()))),
                ),
            ],
        )?;
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
fn history_row(
    engine: &mut Engine,
    job: &JobKey,
    step: (i64, &str),
    message: &str,
    error: Option<&Message>,
    status: RunStatus,
    begun: ServerTime,
    seconds: i64,
) -> Result<i64, Message> {
    rows::insert(
        engine,
        "sysjobhistory",
        &[
            ("job_id", Value::Guid(job.id)),
            ("step_id", Value::Int(step.0)),
            ("step_name", Value::Text(step.1.to_owned())),
            (
                "sql_message_id",
                Value::Int(error.map_or(0, |e| i64::from(e.number))),
            ),
            (
                "sql_severity",
                Value::Int(error.map_or(0, |e| i64::from(e.class))),
            ),
            ("message", Value::Text(message.to_owned())),
            ("run_status", Value::Int(status as i64)),
            (
                "run_date",
                Value::Int(i64::from(date_number(begun.0.date()))),
            ),
            (
                "run_time",
                Value::Int(i64::from(time_number(begun.0.time()))),
            ),
            (
                "run_duration",
                Value::Int(i64::from(duration_number(seconds))),
            ),
            (
                "server",
                Value::Text(engine.options.server_name.as_str().to_owned()),
            ),
        ],
    )
}

fn outcome(status: RunStatus, job: &ScheduledJob, last: Option<&Step>) -> String {
    let verdict = match status {
        RunStatus::Succeeded => "The job succeeded.",
        RunStatus::Failed => "The job failed.",
        RunStatus::Cancelled => "The job was stopped prior to completion.",
    };
    let last = last.map_or_else(String::new, |step| {
        format!(
            "  The last step to run was step {} ({}).",
            step.number, step.name
        )
    });
    format!(
        "{verdict}  The Job was invoked by Schedule {} ({}).{last}",
        job.schedule_id, job.schedule_name
    )
}

/// A message as the history shows it.
fn sqlstate(message: &Message) -> String {
    let state = if message.is_error() { "42000" } else { "01000" };
    let word = if message.is_error() {
        "Error"
    } else {
        "Message"
    };
    format!(
        "{} [SQLSTATE {state}] ({word} {})",
        message.text, message.number
    )
}

/// `sysjobhistory.message` holds 4 000 characters.
fn cut(text: &str) -> String {
    text.chars().take(4_000).collect()
}

fn datetime(time: ServerTime) -> Value {
    Value::Int(clock::datetime(time.0))
}
