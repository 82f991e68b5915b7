//! The steps of a job.

use super::{Call, atomic, exists, int, invalid, not_there, text, touch};
use crate::practice::{
    agent::rows,
    engine::Engine,
    reply::Message,
    sql::procedures::{Answer, Arguments},
    sql::state::State,
    value::{SqlType, Value},
};

const PARAMETERS: &[&str] = &[
    "@job_id",
    "@job_name",
    "@step_id",
    "@step_name",
    "@subsystem",
    "@command",
    "@additional_parameters",
    "@cmdexec_success_code",
    "@on_success_action",
    "@on_success_step_id",
    "@on_fail_action",
    "@on_fail_step_id",
    "@server",
    "@database_name",
    "@database_user_name",
    "@retry_attempts",
    "@retry_interval",
    "@os_run_priority",
    "@output_file_name",
    "@flags",
    "@proxy_id",
    "@proxy_name",
    "@step_uid",
];

/// The subsystems of the product; the practice server runs T-SQL alone.
const SUBSYSTEMS: &[&str] = &[
    "TSQL",
    "CmdExec",
    "PowerShell",
    "SSIS",
    "ActiveScripting",
    "Snapshot",
    "LogReader",
    "Distribution",
    "Merge",
    "QueueReader",
    "ANALYSISQUERY",
    "ANALYSISCOMMAND",
];

/// `sp_add_jobstep`: a step in the middle moves those behind it.
pub fn add(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new("sp_add_jobstep", PARAMETERS, arguments)?;
    let job = call.job(engine)?;
    let name = call.needed("sp_add_jobstep", "@step_name")?;
    let (_, steps) = rows::steps(engine, job.id)?;
    if steps
        .iter()
        .any(|step| step.name.eq_ignore_ascii_case(&name))
    {
        return Err(exists("@step_name", &name));
    }
    let last = i64::try_from(steps.len()).unwrap_or(0);
    let number = call.number_or("@step_id", last + 1)?;
    if !(1..=last + 1).contains(&number) {
        return Err(invalid("@step_id", &format!("1..{}", last + 1)));
    }
    let mut values = values_of(&call)?;
    for (column, value) in [
        ("subsystem", text("TSQL")),
        ("on_success_action", int(1)),
        ("on_fail_action", int(2)),
    ] {
        if !values.iter().any(|(name, _)| *name == column) {
            values.push((column, value));
        }
    }
    let uid = atomic(engine, state, |engine| {
        for step in steps.iter().rev().filter(|step| step.number >= number) {
            rows::update(
                engine,
                "sysjobsteps",
                &[
                    ("job_id", Value::Guid(job.id)),
                    ("step_id", int(step.number)),
                ],
                &[("step_id", int(step.number + 1))],
            )?;
        }
        let uid = engine.store.new_guid();
        values.extend([
            ("job_id", Value::Guid(job.id)),
            ("step_id", int(number)),
            ("step_name", text(&name)),
            // As the product: what never ran looks like a failure, but for its date.
            ("last_run_outcome", int(0)),
            ("step_uid", Value::Guid(uid)),
        ]);
        rows::insert(engine, "sysjobsteps", &values)?;
        touch(engine, job.id)?;
        Ok(uid)
    })?;
    let mut answer = Answer::default();
    call.give(
        &mut answer,
        "@step_uid",
        SqlType::UniqueIdentifier,
        Value::Guid(uid),
    );
    Ok(answer)
}

/// `sp_update_jobstep`.
pub fn update(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new("sp_update_jobstep", PARAMETERS, arguments)?;
    let job = call.job(engine)?;
    let number = call.number_or("@step_id", 0)?;
    let (_, steps) = rows::steps(engine, job.id)?;
    if !steps.iter().any(|step| step.number == number) {
        return Err(not_there("@step_id", &number.to_string()));
    }
    let mut values = values_of(&call)?;
    if let Some(name) = call.name("@step_name")? {
        if steps
            .iter()
            .any(|step| step.number != number && step.name.eq_ignore_ascii_case(&name))
        {
            return Err(exists("@step_name", &name));
        }
        values.push(("step_name", text(&name)));
    }
    atomic(engine, state, |engine| {
        if !values.is_empty() {
            rows::update(
                engine,
                "sysjobsteps",
                &[("job_id", Value::Guid(job.id)), ("step_id", int(number))],
                &values,
            )?;
        }
        touch(engine, job.id)
    })?;
    Ok(Answer::default())
}

/// `sp_delete_jobstep`: 0 is all of them; those behind move up.
pub fn delete(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new(
        "sp_delete_jobstep",
        &["@job_id", "@job_name", "@step_id"],
        arguments,
    )?;
    let job = call.job(engine)?;
    let number = call.number_or("@step_id", -1)?;
    let (_, steps) = rows::steps(engine, job.id)?;
    if number != 0 && !steps.iter().any(|step| step.number == number) {
        return Err(not_there("@step_id", &number.to_string()));
    }
    atomic(engine, state, |engine| {
        for step in &steps {
            let key = [
                ("job_id", Value::Guid(job.id)),
                ("step_id", int(step.number)),
            ];
            if number == 0 || step.number == number {
                rows::delete(engine, "sysjobsteps", &key)?;
            } else if step.number > number {
                rows::update(
                    engine,
                    "sysjobsteps",
                    &key,
                    &[("step_id", int(step.number - 1))],
                )?;
            }
        }
        touch(engine, job.id)
    })?;
    Ok(Answer::default())
}

fn values_of(call: &Call<'_>) -> Result<Vec<(&'static str, Value)>, Message> {
    let mut values = Vec::new();
    if let Some(subsystem) = call.name("@subsystem")? {
        let known = SUBSYSTEMS
            .iter()
            .find(|known| known.eq_ignore_ascii_case(&subsystem))
            .ok_or_else(|| super::invalid_name("@subsystem", "sp_enum_sqlagent_subsystems"))?;
        values.push(("subsystem", text(known)));
    }
    for (parameter, column) in [
        ("@command", "command"),
        ("@additional_parameters", "additional_parameters"),
        ("@server", "server"),
        ("@database_name", "database_name"),
        ("@database_user_name", "database_user_name"),
        ("@output_file_name", "output_file_name"),
    ] {
        if let Some(given) = call.text(parameter)? {
            values.push((column, text(&given)));
        }
    }
    for (parameter, column) in [
        ("@cmdexec_success_code", "cmdexec_success_code"),
        ("@on_success_action", "on_success_action"),
        ("@on_success_step_id", "on_success_step_id"),
        ("@on_fail_action", "on_fail_action"),
        ("@on_fail_step_id", "on_fail_step_id"),
        ("@retry_attempts", "retry_attempts"),
        ("@retry_interval", "retry_interval"),
        ("@os_run_priority", "os_run_priority"),
        ("@flags", "flags"),
    ] {
        let Some(number) = call.number(parameter)? else {
            continue;
        };
        if matches!(parameter, "@on_success_action" | "@on_fail_action")
            && !(1..=4).contains(&number)
        {
            return Err(invalid(parameter, "1, 2, 3, 4"));
        }
        values.push((column, int(number)));
    }
    Ok(values)
}
