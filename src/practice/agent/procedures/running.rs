//! `sp_start_job` and `sp_stop_job`: both only tell Agent, and say whether it took the word.

use super::{Call, not_there};
use crate::practice::{
    agent::{JobRun, RunSource, is_running, rows},
    engine::Engine,
    reply::Message,
    sql::procedures::{Answer, Arguments},
    sql::state::State,
    value::Value,
};

const START: &[&str] = &[
    "@job_name",
    "@job_id",
    "@error_flag",
    "@server_name",
    "@step_name",
    "@output_flag",
];

const STOP: &[&str] = &[
    "@job_name",
    "@job_id",
    "@originating_server",
    "@server_name",
];

/// A job that may begin, and what the caller is told.
pub struct StartRequest {
    pub run: JobRun,
    pub told: Message,
}

/// Agent does not run: 22022.
fn not_running() -> Message {
    Message::error(
        22_022,
        "SQLServerAgent is not currently running so it cannot be notified of this action.",
    )
}

/// What `sp_start_job` asks for: 14256, 14262, 22022.
pub fn start_request(
    engine: &mut Engine,
    state: &State,
    arguments: &Arguments,
) -> Result<StartRequest, Message> {
    let call = Call::new("sp_start_job", START, arguments)?;
    let job = call.job(engine)?;
    let key = [("job_id", Value::Guid(job.id))];
    if rows::number(engine, "sysjobservers", "server_id", &key)?.is_none() {
        return Err(Message::error(
            14_256,
            format!(
                "Cannot start the job \"{}\" (ID {}) because it does not have any job server or servers defined. Associate the job with a job server by calling sp_add_jobserver.",
                job.name,
                job.id.to_string().to_uppercase()
            ),
        ));
    }
    let first_step = match call.name("@step_name")? {
        None => None,
        Some(name) => {
            let (_, steps) = rows::steps(engine, job.id)?;
            let step = steps
                .iter()
                .find(|step| step.name.eq_ignore_ascii_case(&name))
                .ok_or_else(|| not_there("@step_name", &name))?;
            Some(step.number)
        }
    };
    if !is_running(engine) {
        return Err(not_running());
    }
    let login = state.facts.login.clone();
    if let Some(running) = engine.running_jobs.get(&job.id) {
        return Err(Message::error(
            22_022,
            format!(
                "SQLServerAgent Error: Request to run job {} (from User {login}) refused because the job is already running from a request by {}.",
                job.name, running.requested_by
            ),
        ));
    }
    Ok(StartRequest {
        told: Message::info(14_243, format!("Job '{}' started successfully.", job.name)),
        run: JobRun {
            job,
            source: RunSource::User(login),
            first_step,
        },
    })
}

/// `sp_stop_job`: the step that runs is cancelled, as an attention would.
pub fn stop(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new("sp_stop_job", STOP, arguments)?;
    let job = call.job(engine)?;
    if !is_running(engine) {
        return Err(not_running());
    }
    let Some(running) = engine.running_jobs.get(&job.id) else {
        return Err(Message::error(
            22_022,
            format!(
                "SQLServerAgent Error: Request to stop job {} (from User {}) refused because the job is not currently running.",
                job.name, state.facts.login
            ),
        ));
    };
    running.cancel.cancel();
    let mut answer = Answer::default();
    answer.messages.push(Message::info(
        14_254,
        format!("Job '{}' stopped successfully.", job.name),
    ));
    Ok(answer)
}
