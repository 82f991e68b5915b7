//! What a run of a job leaves in msdb: rows of the history, the job's activity, its next run.

use super::{
    rows::{self, JobKey, Step},
    runner::{AgentError, JobRun, RunSource, RunStatus},
    schedule::{date_number, duration_number, time_number},
    sessions,
};
use crate::{
    domain::ServerTime,
    practice::{
        engine::{Engine, EngineHandle, clock},
        reply::Message,
        value::Value,
    },
};

/// `Lock request time out period exceeded.`
const LOCK_TIMEOUT: i32 = 1222;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);
/// A minute of trying.
const MOST_TRIES: usize = 300;

pub(super) async fn note_start(
    engine: &EngineHandle,
    run: &JobRun,
    begun: ServerTime,
) -> Result<(), AgentError> {
    let id = run.job.id;
    let source = run.source.number();
    write(engine, move |engine| {
        let values = [
            ("run_requested_date", datetime(begun)),
            ("run_requested_source", Value::Text(source.to_owned())),
            ("start_execution_date", datetime(begun)),
            ("last_executed_step_id", Value::Null),
            ("stop_execution_date", Value::Null),
        ];
        let key = [
            ("session_id", Value::Int(sessions::session(engine)?)),
            ("job_id", Value::Guid(id)),
        ];
        if rows::update(engine, "sysjobactivity", &key, &values)? == 0 {
            let all = key.iter().chain(&values).cloned().collect::<Vec<_>>();
            rows::insert(engine, "sysjobactivity", &all)?;
        }
        Ok(())
    })
    .await
}

/// Writes to Agent's tables, and waits while another session's transaction is open.
pub(super) async fn write<T: Send + 'static>(
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

/// What is written when a run has ended.
#[derive(Clone)]
pub(super) struct Ended {
    pub(super) run: JobRun,
    pub(super) begun: ServerTime,
    pub(super) status: RunStatus,
    pub(super) message: String,
    /// The operator who was told by e-mail; 0 for nobody.
    pub(super) emailed: i64,
}

pub(super) fn note_end(engine: &mut Engine, end: &Ended) -> Result<(), Message> {
    let Ended {
        run,
        begun,
        status,
        message,
        emailed,
    } = end;
    let (begun, status) = (*begun, *status);
    let ended = engine.clock.now_local();
    let seconds = (ended.0 - begun.0).num_seconds();
    let id = run.job.id;
    let row = HistoryRow {
        step: (0, "(Job outcome)"),
        message,
        error: None,
        status,
        begun,
        seconds,
        emailed: *emailed,
        retries: 0,
    };
    let instance = history_row(engine, &run.job, &row)?;
    rows::trim_history(engine, id)?;
    let session = sessions::session(engine)?;
    rows::update(
        engine,
        "sysjobactivity",
        &[
            ("session_id", Value::Int(session)),
            ("job_id", Value::Guid(id)),
        ],
        &[
            ("stop_execution_date", datetime(ended)),
            ("job_history_id", Value::Int(instance)),
        ],
    )?;
    rows::update(
        engine,
        "sysjobservers",
        &[("job_id", Value::Guid(id))],
        &[
            ("last_run_outcome", Value::Int(status as i64)),
            ("last_outcome_message", Value::Text(message.clone())),
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
    rows::note_next_runs(engine, id)
}

/// The columns of one row of `sysjobhistory` that differ from run to run.
pub(super) struct HistoryRow<'a> {
    pub(super) step: (i64, &'a str),
    pub(super) message: &'a str,
    pub(super) error: Option<&'a Message>,
    pub(super) status: RunStatus,
    pub(super) begun: ServerTime,
    pub(super) seconds: i64,
    pub(super) emailed: i64,
    pub(super) retries: i64,
}

pub(super) fn history_row(
    engine: &mut Engine,
    job: &JobKey,
    row: &HistoryRow<'_>,
) -> Result<i64, Message> {
    let HistoryRow {
        step,
        message,
        error,
        status,
        begun,
        seconds,
        emailed,
        retries,
    } = row;
    let (status, begun, seconds) = (*status, *begun, *seconds);
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
            ("message", Value::Text((*message).to_owned())),
            ("operator_id_emailed", Value::Int(*emailed)),
            ("retries_attempted", Value::Int(*retries)),
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

pub(super) fn outcome(status: RunStatus, source: &RunSource, last: Option<&Step>) -> String {
    let verdict = match status {
        RunStatus::Succeeded => "The job succeeded.",
        RunStatus::Failed | RunStatus::Retry => "The job failed.",
        RunStatus::Cancelled => "The job was stopped prior to completion.",
    };
    let last = last.map_or_else(String::new, |step| {
        format!(
            "  The last step to run was step {} ({}).",
            step.number, step.name
        )
    });
    format!(
        "{verdict}  The Job was invoked by {}.{last}",
        source.words()
    )
}

/// A message as the history shows it.
pub(super) fn sqlstate(message: &Message) -> String {
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
pub(super) fn cut(text: &str) -> String {
    text.chars().take(4_000).collect()
}

fn datetime(time: ServerTime) -> Value {
    Value::Int(clock::datetime(time.0))
}
