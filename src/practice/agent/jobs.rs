//! Adding and switching jobs, as `sp_add_job`, `sp_add_jobstep`, `sp_add_schedule`, `sp_attach_schedule` and
//! `sp_add_jobserver` together leave the tables.

use super::{
    rows,
    schedule::{Schedule, date_number, time_number},
    sessions,
};
use crate::practice::{
    engine::{Engine, clock},
    reply::Message,
    value::Value,
};
use uuid::Uuid;

/// A job with one T-SQL step and one schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub step: &'a str,
    pub command: &'a str,
    pub schedule_name: &'a str,
    pub schedule: Schedule,
}

/// `sa`.
const OWNER: u8 = 1;

/// `Database Maintenance`.
const CATEGORY: i64 = 3;

/// Class, type, id and name of the categories that every msdb has.
const CATEGORIES: [(i64, i64, i64, &str); 8] = [
    (1, 1, 0, "[Uncategorized (Local)]"),
    (1, 1, 1, "Jobs from MSX"),
    (1, 2, 2, "[Uncategorized (Multi-Server)]"),
    (1, 1, CATEGORY, "Database Maintenance"),
    (1, 1, 5, "Full-Text"),
    (1, 1, 6, "Log Shipping"),
    (1, 1, 8, "Data Collector"),
    (3, 3, 99, "[Uncategorized]"),
];

/// Notes in a new msdb that Agent has started; its activity rows belong to that start.
pub fn start_agent(engine: &mut Engine) -> Result<(), Message> {
    rows::transact(engine, |engine| {
        for (class, kind, id, name) in CATEGORIES {
            rows::insert(
                engine,
                "syscategories",
                &[
                    ("category_id", Value::Int(id)),
                    ("category_class", Value::Int(class)),
                    ("category_type", Value::Int(kind)),
                    ("name", Value::Text(name.to_owned())),
                ],
            )?;
        }
        sessions::begin(engine)
    })
}

/// Agent was stopped and starts again.
pub fn restart_agent(engine: &mut Engine) -> Result<(), Message> {
    rows::transact(engine, sessions::begin)
}

/// Takes every job away, with all that belongs to it: an edition without Agent has none.
pub fn remove_all_jobs(engine: &mut Engine) -> Result<(), Message> {
    rows::transact(engine, |engine| {
        for table in [
            "sysjobs",
            "sysjobsteps",
            "sysjobservers",
            "sysjobschedules",
            "sysjobactivity",
            "sysjobhistory",
            "sysschedules",
        ] {
            rows::delete(engine, table, &[])?;
        }
        Ok(())
    })
}

/// Writes a job; returns its id, drawn from the world's seed by the engine.
pub fn add_job(engine: &mut Engine, job: &NewJob<'_>) -> Result<Uuid, Message> {
    rows::transact(engine, |engine| write_job(engine, job))
}

fn write_job(engine: &mut Engine, job: &NewJob<'_>) -> Result<Uuid, Message> {
    let id = engine.store.new_guid();
    let now = engine.clock.now_local();
    let stamp = Value::Int(clock::datetime(now.0));
    let owner = Value::Bytes(vec![OWNER]);
    let text = |text: &str| Value::Text(text.to_owned());
    let int = |number: i32| Value::Int(i64::from(number));
    rows::insert(
        engine,
        "sysjobs",
        &[
            ("job_id", Value::Guid(id)),
            ("name", text(job.name)),
            ("enabled", int(1)),
            ("description", text(job.description)),
            ("start_step_id", int(1)),
            ("category_id", Value::Int(CATEGORY)),
            ("owner_sid", owner.clone()),
            ("notify_level_eventlog", int(2)),
            ("date_created", stamp.clone()),
            ("date_modified", stamp.clone()),
            ("version_number", int(1)),
        ],
    )?;
    let step_uid = engine.store.new_guid();
    rows::insert(
        engine,
        "sysjobsteps",
        &[
            ("job_id", Value::Guid(id)),
            ("step_id", int(1)),
            ("step_name", text(job.step)),
            ("subsystem", text("TSQL")),
            ("command", text(job.command)),
            ("on_success_action", int(1)),
            ("on_fail_action", int(2)),
            ("database_name", text("master")),
            ("last_run_outcome", int(0)),
            ("step_uid", Value::Guid(step_uid)),
        ],
    )?;
    let Schedule {
        freq_type,
        freq_interval,
        freq_subday_type,
        freq_subday_interval,
        freq_relative_interval,
        freq_recurrence_factor,
        active_start_date,
        active_end_date,
        active_start_time,
        active_end_time,
    } = job.schedule;
    let schedule_uid = engine.store.new_guid();
    let schedule_id = rows::insert(
        engine,
        "sysschedules",
        &[
            ("schedule_uid", Value::Guid(schedule_uid)),
            ("name", text(job.schedule_name)),
            ("owner_sid", owner),
            ("enabled", int(1)),
            ("freq_type", int(freq_type)),
            ("freq_interval", int(freq_interval)),
            ("freq_subday_type", int(freq_subday_type)),
            ("freq_subday_interval", int(freq_subday_interval)),
            ("freq_relative_interval", int(freq_relative_interval)),
            ("freq_recurrence_factor", int(freq_recurrence_factor)),
            ("active_start_date", int(active_start_date)),
            ("active_end_date", int(active_end_date)),
            ("active_start_time", int(active_start_time)),
            ("active_end_time", int(active_end_time)),
            ("date_created", stamp.clone()),
            ("date_modified", stamp),
            ("version_number", int(1)),
        ],
    )?;
    let next = job.schedule.next_run(now.0);
    rows::insert(
        engine,
        "sysjobschedules",
        &[
            ("schedule_id", Value::Int(schedule_id)),
            ("job_id", Value::Guid(id)),
            (
                "next_run_date",
                int(next.map_or(0, |next| date_number(next.date()))),
            ),
            (
                "next_run_time",
                int(next.map_or(0, |next| time_number(next.time()))),
            ),
        ],
    )?;
    rows::insert(
        engine,
        "sysjobservers",
        &[
            ("job_id", Value::Guid(id)),
            ("server_id", int(0)),
            ("last_run_outcome", int(5)),
        ],
    )?;
    Ok(id)
}

/// `sp_update_job @enabled`: switches a job on or off by its name; answers whether there is one.
pub fn set_job_enabled(engine: &mut Engine, name: &str, enabled: bool) -> Result<bool, Message> {
    let changed = rows::transact(engine, |engine| {
        rows::update(
            engine,
            "sysjobs",
            &[("name", Value::Text(name.to_owned()))],
            &[("enabled", Value::Int(i64::from(enabled)))],
        )
    })?;
    Ok(changed > 0)
}
