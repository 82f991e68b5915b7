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
    /// How often it is tried again after a failure.
    pub retries: i64,
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

/// Does several changes of Agent's tables as one transaction of the server's own; 1222 while another session writes.
pub fn transact<T>(
    engine: &mut Engine,
    job: impl FnOnce(&mut Engine) -> Result<T, Message>,
) -> Result<T, Message> {
    engine.store.begin_write(SERVER, MSDB)?;
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
    schedules_that_run(engine, "1 = 1", &[])
}

/// Jobs that run by themselves and for which `condition` holds.
fn schedules_that_run(
    engine: &mut Engine,
    condition: &str,
    parameters: &[rusqlite::types::Value],
) -> Result<Vec<ScheduledJob>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!(
        "SELECT j.name, j.job_id, s.schedule_id, s.name, s.freq_type, s.freq_interval, s.freq_subday_type,
                s.freq_subday_interval, s.freq_relative_interval, s.freq_recurrence_factor,
                s.active_start_date, s.active_end_date, s.active_start_time, s.active_end_time
         FROM {msdb}.\"dbo.sysjobs\" AS j
         JOIN {msdb}.\"dbo.sysjobschedules\" AS js ON js.job_id = j.job_id
         JOIN {msdb}.\"dbo.sysschedules\" AS s ON s.schedule_id = js.schedule_id
         WHERE {condition} AND j.enabled = 1 AND s.enabled = 1
           AND EXISTS (SELECT 1 FROM {msdb}.\"dbo.sysjobservers\" AS v WHERE v.job_id = j.job_id)
         ORDER BY j.name, s.schedule_id"
    );
    query(engine, &sql, parameters, |row| {
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
                on_success_action, on_success_step_id, on_fail_action, on_fail_step_id, retry_attempts
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
            retries: row.get(9)?,
        })
    })?;
    Ok((first.first().copied().unwrap_or(1), steps))
}

/// Adds a row inside a transaction that has begun; columns that are not named are NULL, 0 or empty as their type allows, and identities number themselves.
///
/// Returns the identity, or 0 for a table without one.
pub fn insert(engine: &mut Engine, table: &str, values: &[(&str, Value)]) -> Result<i64, Message> {
    let definition = definition(engine, table)?;
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
///
/// Rows are numbered as they come, so counting is enough to find the oldest, and nearly always to find that none must go.
pub fn trim_history(engine: &mut Engine, job: Uuid) -> Result<(), Message> {
    let msdb = engine.store.attach(MSDB)?;
    let history = format!("{msdb}.\"dbo.sysjobhistory\"");
    for (most, rows, parameters) in [
        (100, "WHERE job_id = ?1", vec![stored_guid(job)]),
        (1_000, "", Vec::new()),
    ] {
        execute(
            engine,
            &format!(
                "DELETE FROM {history} WHERE _rid IN
                   (SELECT _rid FROM {history} {rows} ORDER BY _rid
                    LIMIT max(0, (SELECT count(*) FROM {history} {rows}) - {most}))"
            ),
            parameters,
        )?;
    }
    Ok(())
}

/// Deletes the rows whose key columns have these values, all rows without a key; returns how many there were.
pub fn delete(engine: &mut Engine, table: &str, key: &[(&str, Value)]) -> Result<usize, Message> {
    let (condition, stored) = condition(engine, table, key)?;
    let msdb = engine.store.attach(MSDB)?;
    execute(
        engine,
        &format!("DELETE FROM {msdb}.\"dbo.{table}\" WHERE {condition}"),
        stored,
    )
}

/// A whole number in the first row whose key columns have these values.
pub fn number(
    engine: &mut Engine,
    table: &str,
    column: &str,
    key: &[(&str, Value)],
) -> Result<Option<i64>, Message> {
    let (condition, stored) = condition(engine, table, key)?;
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!("SELECT \"{column}\" FROM {msdb}.\"dbo.{table}\" WHERE {condition} LIMIT 1");
    Ok(query(engine, &sql, &stored, |row| row.get(0))?
        .first()
        .copied())
}

/// `"a" = ? AND …` with what stands for the marks.
fn condition(
    engine: &Engine,
    table: &str,
    key: &[(&str, Value)],
) -> Result<(String, Vec<rusqlite::types::Value>), Message> {
    let definition = definition(engine, table)?;
    let mut parts = vec!["1 = 1".to_owned()];
    let mut stored = Vec::new();
    for (name, value) in key {
        let (_, column) = definition
            .column(name)
            .ok_or_else(|| Message::error(207, format!("Invalid column name '{name}'.")))?;
        parts.push(format!("\"{name}\" = ?"));
        stored.push(codec::encode(value, column.ty));
    }
    Ok((parts.join(" AND "), stored))
}

/// The job with this id.
pub fn job_by_id(engine: &mut Engine, id: Uuid) -> Result<Option<JobKey>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!("SELECT name FROM {msdb}.\"dbo.sysjobs\" WHERE job_id = ?1");
    let names: Vec<String> = query(engine, &sql, &[stored_guid(id)], |row| row.get(0))?;
    Ok(names.into_iter().next().map(|name| JobKey { name, id }))
}

/// The job of this name, in any case.
pub fn job_by_name(engine: &mut Engine, name: &str) -> Result<Option<JobKey>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!("SELECT name, job_id FROM {msdb}.\"dbo.sysjobs\" WHERE name = ?1");
    let jobs = query(engine, &sql, &[stored_text(name)], |row| {
        Ok(JobKey {
            name: row.get(0)?,
            id: guid(row, 1)?,
        })
    })?;
    Ok(jobs.into_iter().next())
}

/// The schedules that a job is attached to.
pub fn schedules_of(engine: &mut Engine, job: Uuid) -> Result<Vec<i64>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!(
        "SELECT schedule_id FROM {msdb}.\"dbo.sysjobschedules\" WHERE job_id = ?1 ORDER BY schedule_id"
    );
    query(engine, &sql, &[stored_guid(job)], |row| row.get(0))
}

/// The jobs that a schedule is attached to.
pub fn jobs_of(engine: &mut Engine, schedule: i64) -> Result<Vec<Uuid>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!("SELECT job_id FROM {msdb}.\"dbo.sysjobschedules\" WHERE schedule_id = ?1");
    query(engine, &sql, &[schedule.into()], |row| guid(row, 0))
}

/// Whether a job is attached to the schedule.
pub fn is_used(engine: &mut Engine, schedule: i64) -> Result<bool, Message> {
    Ok(!jobs_of(engine, schedule)?.is_empty())
}

/// The schedules of this name, in any case; there may be several.
pub fn schedules_named(engine: &mut Engine, name: &str) -> Result<Vec<i64>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!(
        "SELECT schedule_id FROM {msdb}.\"dbo.sysschedules\" WHERE name = ?1 ORDER BY schedule_id"
    );
    query(engine, &sql, &[stored_text(name)], |row| row.get(0))
}

/// The id of a category.
pub fn category(engine: &mut Engine, name: &str) -> Result<Option<i64>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!("SELECT category_id FROM {msdb}.\"dbo.syscategories\" WHERE name = ?1");
    Ok(query(engine, &sql, &[stored_text(name)], |row| row.get(0))?
        .first()
        .copied())
}

/// The id of an operator.
pub fn operator(engine: &mut Engine, name: &str) -> Result<Option<i64>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!("SELECT id FROM {msdb}.\"dbo.sysoperators\" WHERE name = ?1");
    Ok(query(engine, &sql, &[stored_text(name)], |row| row.get(0))?
        .first()
        .copied())
}

/// An id that no operator has yet.
pub fn next_operator(engine: &mut Engine) -> Result<i64, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!("SELECT coalesce(max(id), 0) + 1 FROM {msdb}.\"dbo.sysoperators\"");
    Ok(query(engine, &sql, &[], |row| row.get(0))?
        .first()
        .copied()
        .unwrap_or(1))
}

/// The owner of a job as a login's sid, and the operator who gets an e-mail when it fails.
pub fn owner_and_operator(engine: &mut Engine, job: Uuid) -> Result<(Vec<u8>, i64), Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!(
        "SELECT owner_sid, CASE WHEN notify_level_email IN (2, 3) THEN notify_email_operator_id ELSE 0 END
         FROM {msdb}.\"dbo.sysjobs\" WHERE job_id = ?1"
    );
    let found = query(engine, &sql, &[stored_guid(job)], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// Deletes a job with everything that belongs to it, and the schedules that nobody else uses where asked for.
pub fn delete_job(
    engine: &mut Engine,
    job: Uuid,
    with_history: bool,
    with_schedules: bool,
) -> Result<(), Message> {
    let schedules = schedules_of(engine, job)?;
    for table in [
        "sysjobsteps",
        "sysjobservers",
        "sysjobschedules",
        "sysjobactivity",
        "sysjobs",
    ] {
        delete(engine, table, &[("job_id", Value::Guid(job))])?;
    }
    if with_history {
        delete(engine, "sysjobhistory", &[("job_id", Value::Guid(job))])?;
    }
    for schedule in schedules {
        if with_schedules && !is_used(engine, schedule)? {
            delete(
                engine,
                "sysschedules",
                &[("schedule_id", Value::Int(schedule))],
            )?;
        }
    }
    Ok(())
}

/// `delete_level`: a job may want to be gone when it succeeded (1), failed (2) or either way (3).
pub fn delete_if_wanted(engine: &mut Engine, job: Uuid, succeeded: bool) -> Result<(), Message> {
    let level = number(
        engine,
        "sysjobs",
        "delete_level",
        &[("job_id", Value::Guid(job))],
    )?;
    if matches!(
        (level, succeeded),
        (Some(1), true) | (Some(2), false) | (Some(3), _)
    ) {
        delete_job(engine, job, true, true)?;
    }
    Ok(())
}

/// Writes down when a job runs next, by each of its schedules and in its activity.
pub fn note_next_runs(engine: &mut Engine, job: Uuid) -> Result<(), Message> {
    let now = engine.clock.now_local().0;
    let mut first = None;
    for scheduled in schedules_that_run(engine, "j.job_id = ?1", &[stored_guid(job)])? {
        let next = scheduled.schedule.next_run(now);
        if let Some(next) = next
            && first.is_none_or(|first| next < first)
        {
            first = Some(next);
        }
        let (date, time) = next.map_or((0, 0), |next| {
            (
                super::schedule::date_number(next.date()),
                super::schedule::time_number(next.time()),
            )
        });
        update(
            engine,
            "sysjobschedules",
            &[
                ("schedule_id", Value::Int(scheduled.schedule_id)),
                ("job_id", Value::Guid(job)),
            ],
            &[
                ("next_run_date", Value::Int(date.into())),
                ("next_run_time", Value::Int(time.into())),
            ],
        )?;
    }
    let next = first.map_or(Value::Null, |next| {
        Value::Int(crate::practice::engine::clock::datetime(next))
    });
    let key = [
        ("session_id", Value::Int(super::sessions::session(engine)?)),
        ("job_id", Value::Guid(job)),
    ];
    let values = [("next_scheduled_run_date", next)];
    if update(engine, "sysjobactivity", &key, &values)? == 0 {
        let all = key.iter().chain(&values).cloned().collect::<Vec<_>>();
        insert(engine, "sysjobactivity", &all)?;
    }
    Ok(())
}

/// One column of a reader's result: `$msdb` and `$server` are filled in.
pub struct ResultColumn {
    pub name: &'static str,
    pub sql: String,
    pub ty: crate::practice::value::SqlType,
}

/// The rows of a reader, of one job or of all.
pub fn select(
    engine: &mut Engine,
    columns: &[ResultColumn],
    from: &str,
    job_column: &str,
    order: &str,
    only: Option<Uuid>,
) -> Result<Vec<Vec<Value>>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let server = format!("'{}'", engine.options.server_name.replace('\'', "''"));
    let list: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
    let condition = match only {
        Some(_) => format!("{job_column} = ?1"),
        None => "1 = 1".to_owned(),
    };
    let sql = format!(
        "SELECT {} FROM {from} WHERE {condition} ORDER BY {order}",
        list.join(", ")
    )
    .replace("$msdb", &msdb)
    .replace("$server", &server);
    let parameters: Vec<_> = only.map(stored_guid).into_iter().collect();
    query(engine, &sql, &parameters, |row| {
        columns
            .iter()
            .enumerate()
            .map(|(idx, column)| Ok(codec::decode(row.get_ref(idx)?, column.ty)))
            .collect()
    })
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

pub(super) fn query<T>(
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

fn stored_text(text: &str) -> rusqlite::types::Value {
    text.trim_end().to_owned().into()
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
