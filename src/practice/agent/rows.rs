//! Reading and writing Agent's tables in msdb, below the T-SQL front and inside the engine's own transactions.

use super::schedule::Schedule;
use crate::practice::{
    engine::{Engine, MSDB, SERVER},
    reply::Message,
    sql::codec,
    value::Value,
};
use rusqlite::{Row, params_from_iter};
use uuid::Uuid;

/// A job with one of its schedules.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledJob {
    pub job: JobKey,
    pub schedule_id: i64,
    pub schedule_name: String,
    pub schedule: Schedule,
}

/// A job's identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobKey {
    pub name: String,
    pub id: Uuid,
}

/// One step of a job, as far as running it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub number: i64,
    pub name: String,
    pub subsystem: String,
    pub command: String,
    pub database: Option<String>,
    pub on_success: Action,
    pub on_failure: Action,
}

/// What follows a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    QuitWithSuccess,
    QuitWithFailure,
    NextStep,
    GoTo(i64),
}

impl Action {
    fn from_columns(action: i64, step: i64) -> Self {
        match action {
            1 => Self::QuitWithSuccess,
            3 => Self::NextStep,
            4 => Self::GoTo(step),
            _ => Self::QuitWithFailure,
        }
    }
}

/// Does several changes of Agent's tables as one transaction.
pub fn transact<T>(
    engine: &mut Engine,
    job: impl FnOnce(&mut Engine) -> Result<T, Message>,
) -> Result<T, Message> {
    match job(engine) {
        Ok(answer) => {
            let now = engine.commit_time();
            engine.store.commit(SERVER, now)?;
            Ok(answer)
        }
        Err(error) => {
            engine.store.rollback(SERVER);
            Err(error)
        }
    }
}

/// Enabled jobs on this server with an enabled schedule, by job name.
pub fn scheduled_jobs(engine: &mut Engine) -> Result<Vec<ScheduledJob>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!(
        "SELECT j.name, j.job_id, s.schedule_id, s.name, s.freq_type, s.freq_interval, s.freq_subday_type,
                s.freq_subday_interval, s.freq_relative_interval, s.freq_recurrence_factor,
                s.active_start_date, s.active_end_date, s.active_start_time, s.active_end_time
         FROM {msdb}.\"dbo.sysjobs\" AS j
         JOIN {msdb}.\"dbo.sysjobschedules\" AS js ON js.job_id = j.job_id
         JOIN {msdb}.\"dbo.sysschedules\" AS s ON s.schedule_id = js.schedule_id
         WHERE j.enabled = 1 AND s.enabled = 1
           AND EXISTS (SELECT 1 FROM {msdb}.\"dbo.sysjobservers\" AS v WHERE v.job_id = j.job_id)
         ORDER BY j.name, s.schedule_id"
    );
    query(engine, &sql, &[], |row| {
        Ok(ScheduledJob {
            job: JobKey {
                name: row.get(0)?,
                id: guid(row, 1)?,
            },
            schedule_id: row.get(2)?,
            schedule_name: row.get(3)?,
            schedule: Schedule {
                freq_type: row.get(4)?,
                freq_interval: row.get(5)?,
                freq_subday_type: row.get(6)?,
                freq_subday_interval: row.get(7)?,
                freq_relative_interval: row.get(8)?,
                freq_recurrence_factor: row.get(9)?,
                active_start_date: row.get(10)?,
                active_end_date: row.get(11)?,
                active_start_time: row.get(12)?,
                active_end_time: row.get(13)?,
            },
        })
    })
}

/// The steps of a job, and the number of the one it begins with.
pub fn steps(engine: &mut Engine, job: Uuid) -> Result<(i64, Vec<Step>), Message> {
    let msdb = engine.store.attach(MSDB)?;
    let key = [stored_guid(job)];
    let first = query(
        engine,
        &format!("SELECT start_step_id FROM {msdb}.\"dbo.sysjobs\" WHERE job_id = ?1"),
        &key,
        |row| row.get::<_, i64>(0),
    )?;
    let sql = format!(
        "SELECT step_id, step_name, subsystem, command, database_name,
                on_success_action, on_success_step_id, on_fail_action, on_fail_step_id
         FROM {msdb}.\"dbo.sysjobsteps\" WHERE job_id = ?1 ORDER BY step_id"
    );
    let steps = query(engine, &sql, &key, |row| {
        Ok(Step {
            number: row.get(0)?,
            name: row.get(1)?,
            subsystem: row.get(2)?,
            command: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
            database: row.get(4)?,
            on_success: Action::from_columns(row.get(5)?, row.get(6)?),
            on_failure: Action::from_columns(row.get(7)?, row.get(8)?),
        })
    })?;
    Ok((first.first().copied().unwrap_or(1), steps))
}

/// Adds a row; columns that are not named are NULL, 0 or empty as their type allows, and identities number themselves.
///
/// Returns the identity, or 0 for a table without one.
pub fn insert(engine: &mut Engine, table: &str, values: &[(&str, Value)]) -> Result<i64, Message> {
    let definition = definition(engine, table)?;
    engine.store.begin_write(SERVER, MSDB)?;
    let msdb = engine.store.attach(MSDB)?;
    let mut names = Vec::new();
    let mut stored = Vec::new();
    let mut identity = 0;
    for column in &definition.columns {
        let value = match values.iter().find(|(name, _)| *name == column.name) {
            Some((_, value)) => value.clone(),
            None if let Some(numbering) = column.identity => {
                identity = engine.store.next_identity(
                    MSDB,
                    definition.object_id,
                    numbering.seed,
                    numbering.increment,
                )?;
                Value::Int(identity)
            }
            None if column.nullable => Value::Null,
            None => zero(column.ty),
        };
        names.push(format!("\"{}\"", column.name));
        stored.push(codec::encode(&value, column.ty));
    }
    let marks = vec!["?"; names.len()].join(", ");
    let sql = format!(
        "INSERT INTO {msdb}.\"dbo.{table}\" ({}) VALUES ({marks})",
        names.join(", ")
    );
    execute(engine, &sql, stored)?;
    Ok(identity)
}

/// Changes the columns of the rows whose key columns have these values; returns how many there were.
pub fn update(
    engine: &mut Engine,
    table: &str,
    key: &[(&str, Value)],
    values: &[(&str, Value)],
) -> Result<usize, Message> {
    let definition = definition(engine, table)?;
    engine.store.begin_write(SERVER, MSDB)?;
    let msdb = engine.store.attach(MSDB)?;
    let ty = |name: &str| {
        definition
            .column(name)
            .map(|(_, column)| column.ty)
            .ok_or_else(|| Message::error(207, format!("Invalid column name '{name}'.")))
    };
    let mut stored = Vec::new();
    let mut sets = Vec::new();
    for (name, value) in values {
        sets.push(format!("\"{name}\" = ?"));
        stored.push(codec::encode(value, ty(name)?));
    }
    let mut conditions = Vec::new();
    for (name, value) in key {
        conditions.push(format!("\"{name}\" = ?"));
        stored.push(codec::encode(value, ty(name)?));
    }
    let sql = format!(
        "UPDATE {msdb}.\"dbo.{table}\" SET {} WHERE {}",
        sets.join(", "),
        conditions.join(" AND ")
    );
    execute(engine, &sql, stored)
}

/// Keeps the history as short as Agent does by default: 1 000 rows, 100 of a job.
pub fn trim_history(engine: &mut Engine, job: Uuid) -> Result<(), Message> {
    engine.store.begin_write(SERVER, MSDB)?;
    let msdb = engine.store.attach(MSDB)?;
    let history = format!("{msdb}.\"dbo.sysjobhistory\"");
    execute(
        engine,
        &format!(
            "DELETE FROM {history} WHERE job_id = ?1 AND instance_id <=
               (SELECT instance_id FROM {history} WHERE job_id = ?1
                ORDER BY instance_id DESC LIMIT 1 OFFSET 100)"
        ),
        vec![stored_guid(job)],
    )?;
    execute(
        engine,
        &format!(
            "DELETE FROM {history} WHERE instance_id <=
               (SELECT instance_id FROM {history} ORDER BY instance_id DESC LIMIT 1 OFFSET 1000)"
        ),
        Vec::new(),
    )?;
    Ok(())
}

fn definition(
    engine: &Engine,
    table: &str,
) -> Result<std::sync::Arc<crate::practice::catalogue::Table>, Message> {
    engine
        .store
        .database(MSDB)
        .and_then(|msdb| msdb.catalogue.table("dbo", table))
        .cloned()
        .ok_or_else(|| Message::error(208, format!("Invalid object name 'msdb.dbo.{table}'.")))
}

fn zero(ty: crate::practice::value::SqlType) -> Value {
    use crate::practice::value::SqlType as T;
    match ty {
        T::NVarChar(_) | T::VarChar(_) | T::Char(_) | T::NChar(_) => Value::Text(String::new()),
        T::VarBinary(_) | T::Binary(_) => Value::Bytes(vec![1]),
        T::UniqueIdentifier => Value::Guid(Uuid::nil()),
        _ => Value::Int(0),
    }
}

fn query<T>(
    engine: &Engine,
    sql: &str,
    parameters: &[rusqlite::types::Value],
    each: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Message> {
    let mut statement = engine
        .store
        .connection()
        .prepare_cached(sql)
        .map_err(broken)?;
    statement
        .query_map(params_from_iter(parameters), each)
        .and_then(Iterator::collect)
        .map_err(broken)
}

fn execute(
    engine: &Engine,
    sql: &str,
    parameters: Vec<rusqlite::types::Value>,
) -> Result<usize, Message> {
    engine
        .store
        .connection()
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params_from_iter(parameters)))
        .map_err(broken)
}

fn broken(error: rusqlite::Error) -> Message {
    Message::error(8646, format!("Agent's tables could not be used: {error}"))
}

fn stored_guid(id: Uuid) -> rusqlite::types::Value {
    codec::encode(
        &Value::Guid(id),
        crate::practice::value::SqlType::UniqueIdentifier,
    )
}

fn guid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let text: String = row.get(column)?;
    Uuid::parse_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}
