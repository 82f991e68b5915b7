//! Agent's own starts. Each has its rows of activity, and those of the starts before stay as they were:
//! a job that ran when Agent died never gets an end there.

use super::rows::{insert, job_by_name, note_next_runs, query};
use crate::practice::{
    engine::{Engine, MSDB, clock},
    reply::Message,
    value::Value,
};

/// The newest start, to which the activity of jobs belongs now.
pub(super) fn session(engine: &mut Engine) -> Result<i64, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!("SELECT max(session_id) FROM {msdb}.\"dbo.syssessions\"");
    let found = query(engine, &sql, &[], |row| row.get::<_, Option<i64>>(0))?;
    Ok(found.into_iter().flatten().next().unwrap_or(1))
}

/// Agent starts: every job gets a row of activity for it.
pub(super) fn begin(engine: &mut Engine) -> Result<(), Message> {
    let now = Value::Int(clock::datetime(engine.clock.now_local().0));
    insert(engine, "syssessions", &[("agent_start_date", now)])?;
    let msdb = engine.store.attach(MSDB)?;
    let sql = format!("SELECT name FROM {msdb}.\"dbo.sysjobs\" ORDER BY name");
    let names: Vec<String> = query(engine, &sql, &[], |row| row.get(0))?;
    for name in names {
        if let Some(job) = job_by_name(engine, &name)? {
            note_next_runs(engine, job.id)?;
        }
    }
    Ok(())
}
