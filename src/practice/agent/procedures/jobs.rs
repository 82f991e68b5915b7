//! Jobs themselves, and the server that each is given to.

use super::{
    Call, atomic, exists, int, invalid, invalid_name, names_owner, not_there, now, text, touch,
};
use crate::practice::{
    agent::rows,
    engine::Engine,
    reply::Message,
    sql::procedures::{Answer, Arguments},
    sql::state::State,
    value::{SqlType, Value},
};
use uuid::Uuid;

/// The parameters that say who is told.
const NOTIFY: [&str; 7] = [
    "@notify_level_eventlog",
    "@notify_level_email",
    "@notify_level_netsend",
    "@notify_level_page",
    "@notify_email_operator_name",
    "@notify_netsend_operator_name",
    "@notify_page_operator_name",
];

const DELETE: &[&str] = &[
    "@job_id",
    "@job_name",
    "@originating_server",
    "@delete_history",
    "@delete_unused_schedule",
];

const SERVER: &[&str] = &["@job_id", "@job_name", "@server_name", "@automatic_post"];

/// `[Uncategorized (Local)]`.
const UNCATEGORIZED: i64 = 0;

/// `sp_add_job`.
pub fn add(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new(
        "sp_add_job",
        &[
            &[
                "@job_name",
                "@enabled",
                "@description",
                "@start_step_id",
                "@category_name",
                "@category_id",
                "@owner_login_name",
            ][..],
            &NOTIFY,
            &["@delete_level", "@job_id", "@originating_server"],
        ]
        .concat(),
        arguments,
    )?;
    let name = call.needed("sp_add_job", "@job_name")?;
    if call.guid("@job_id")?.is_some() {
        return Err(Message::error(
            14_284,
            "Cannot specify a job ID for a new job. An ID will be assigned by the procedure.",
        ));
    }
    if rows::job_by_name(engine, &name)?.is_some() {
        return Err(exists("@job_name", &name));
    }
    let mut values = values_of(engine, state, &call)?;
    let or = |values: &[(&str, Value)], column: &'static str, value: Value| {
        (!values.iter().any(|(name, _)| *name == column)).then_some((column, value))
    };
    let defaults = [
        or(&values, "enabled", int(1)),
        or(&values, "description", text("No description available.")),
        or(&values, "start_step_id", int(1)),
        or(&values, "category_id", int(UNCATEGORIZED)),
        or(&values, "owner_sid", Value::Bytes(vec![1])),
        or(&values, "notify_level_eventlog", int(2)),
    ];
    values.extend(defaults.into_iter().flatten());
    let id = atomic(engine, state, |engine| {
        let id = engine.store.new_guid();
        let stamp = now(engine);
        values.extend([
            ("job_id", Value::Guid(id)),
            ("name", text(&name)),
            ("date_created", stamp.clone()),
            ("date_modified", stamp),
            ("version_number", int(1)),
        ]);
        rows::insert(engine, "sysjobs", &values)?;
        Ok(id)
    })?;
    let mut answer = Answer::default();
    call.give(
        &mut answer,
        "@job_id",
        SqlType::UniqueIdentifier,
        Value::Guid(id),
    );
    Ok(answer)
}

/// `sp_update_job`: what is not named stays as it is.
pub fn update(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new(
        "sp_update_job",
        &[
            &[
                "@job_id",
                "@job_name",
                "@new_name",
                "@enabled",
                "@description",
                "@start_step_id",
                "@category_name",
                "@owner_login_name",
            ][..],
            &NOTIFY,
            &["@delete_level", "@automatic_post"],
        ]
        .concat(),
        arguments,
    )?;
    let job = call.job(engine)?;
    let mut values = values_of(engine, state, &call)?;
    if let Some(new_name) = call.name("@new_name")? {
        if !new_name.eq_ignore_ascii_case(&job.name)
            && rows::job_by_name(engine, &new_name)?.is_some()
        {
            return Err(exists("@new_name", &new_name));
        }
        values.push(("name", text(&new_name)));
    }
    atomic(engine, state, |engine| {
        if !values.is_empty() {
            rows::update(
                engine,
                "sysjobs",
                &[("job_id", Value::Guid(job.id))],
                &values,
            )?;
        }
        touch(engine, job.id)?;
        // Switched on or off: Agent looks anew when it runs next.
        rows::note_next_runs(engine, job.id)
    })?;
    Ok(Answer::default())
}

/// The columns that `sp_add_job` and `sp_update_job` were given.
fn values_of(
    engine: &mut Engine,
    state: &State,
    call: &Call<'_>,
) -> Result<Vec<(&'static str, Value)>, Message> {
    let mut values = Vec::new();
    let levels = Some((0..=3, "0, 1, 2, 3"));
    for (parameter, valid) in [
        ("@enabled", Some((0..=1, "0, 1"))),
        ("@start_step_id", None),
        ("@notify_level_eventlog", levels.clone()),
        ("@notify_level_email", levels.clone()),
        ("@notify_level_netsend", levels.clone()),
        ("@notify_level_page", levels.clone()),
        ("@delete_level", levels),
    ] {
        let Some(number) = call.number(parameter)? else {
            continue;
        };
        if let Some((range, words)) = valid
            && !range.contains(&number)
        {
            return Err(invalid(parameter, words));
        }
        values.push((parameter.trim_start_matches('@'), int(number)));
    }
    if let Some(description) = call.text("@description")? {
        values.push(("description", text(&description)));
    }
    if let Some(category) = call.name("@category_name")? {
        let id = rows::category(engine, &category)?
            .ok_or_else(|| invalid_name("@category_name", "sp_help_category"))?;
        values.push(("category_id", int(id)));
    } else if let Some(id) = call.number("@category_id")? {
        values.push(("category_id", int(id)));
    }
    if names_owner(state, call)? {
        values.push(("owner_sid", Value::Bytes(vec![1])));
    }
    for (parameter, column) in [
        ("@notify_email_operator_name", "notify_email_operator_id"),
        (
            "@notify_netsend_operator_name",
            "notify_netsend_operator_id",
        ),
        ("@notify_page_operator_name", "notify_page_operator_id"),
    ] {
        if !call.has(parameter) {
            continue;
        }
        let id = match call.name(parameter)? {
            None => 0,
            Some(operator) => {
                rows::operator(engine, &operator)?.ok_or_else(|| not_there(parameter, &operator))?
            }
        };
        values.push((column, int(id)));
    }
    let level = |name: &str| {
        values
            .iter()
            .find(|(column, _)| *column == name)
            .map(|(_, value)| value.clone())
    };
    let wants_mail = level("notify_level_email").is_some_and(|value| value != int(0));
    let has_operator = level("notify_email_operator_id").is_some_and(|value| value != int(0));
    if wants_mail && !has_operator && call.has("@notify_email_operator_name") {
        return Err(Message::error(
            14_262,
            "The specified @notify_email_operator_name ('') does not exist.",
        ));
    }
    Ok(values)
}

/// `sp_delete_job`: with its steps, its history unless told otherwise, and the schedules that nobody else uses.
pub fn delete(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new("sp_delete_job", DELETE, arguments)?;
    let job = call.job(engine)?;
    let with_history = call.number_or("@delete_history", 1)? != 0;
    let with_schedules = call.number_or("@delete_unused_schedule", 1)? != 0;
    atomic(engine, state, |engine| {
        rows::delete_job(engine, job.id, with_history, with_schedules)
    })?;
    if let Some(running) = engine.running_jobs.get(&job.id) {
        running.cancel.cancel();
    }
    Ok(Answer::default())
}

/// `sp_add_jobserver`: without it a job never runs.
pub fn add_server(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new("sp_add_jobserver", SERVER, arguments)?;
    let job = call.job(engine)?;
    let server = local_server(engine, &call)?;
    if rows::number(
        engine,
        "sysjobservers",
        "server_id",
        &[("job_id", Value::Guid(job.id))],
    )?
    .is_some()
    {
        return Err(Message::error(
            14_269,
            format!(
                "Job '{}' is already targeted at server '{server}'.",
                job.name
            ),
        ));
    }
    atomic(engine, state, |engine| {
        rows::insert(
            engine,
            "sysjobservers",
            &[
                ("job_id", Value::Guid(job.id)),
                ("server_id", int(0)),
                ("last_run_outcome", int(5)),
            ],
        )?;
        rows::note_next_runs(engine, job.id)
    })?;
    Ok(Answer::default())
}

/// `sp_delete_jobserver`.
pub fn delete_server(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new("sp_delete_jobserver", SERVER, arguments)?;
    let job = call.job(engine)?;
    let server = local_server(engine, &call)?;
    let deleted = atomic(engine, state, |engine| {
        rows::delete(engine, "sysjobservers", &[("job_id", Value::Guid(job.id))])
    })?;
    if deleted == 0 {
        return Err(Message::error(
            14_270,
            format!(
                "Job '{}' is not currently targeted at server '{server}'.",
                job.name
            ),
        ));
    }
    Ok(Answer::default())
}

/// Only this server is there: 14262 for another.
fn local_server(engine: &Engine, call: &Call<'_>) -> Result<String, Message> {
    let own = engine.options.server_name.clone();
    match call.name("@server_name")? {
        Some(name) if !name.eq_ignore_ascii_case("(local)") && !name.eq_ignore_ascii_case(&own) => {
            Err(not_there("@server_name", &name))
        }
        _ => Ok(own),
    }
}

/// `sp_purge_jobhistory`: of one job, or of all.
pub fn purge_history(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new(
        "sp_purge_jobhistory",
        &["@job_name", "@job_id", "@oldest_date"],
        arguments,
    )?;
    let named = call.has("@job_name") || call.has("@job_id");
    let job: Option<Uuid> = if named {
        Some(call.job(engine)?.id)
    } else {
        None
    };
    let n_rows = atomic(engine, state, |engine| match job {
        Some(id) => rows::delete(engine, "sysjobhistory", &[("job_id", Value::Guid(id))]),
        None => rows::delete(engine, "sysjobhistory", &[]),
    })?;
    let mut answer = Answer::default();
    answer.messages.push(Message::info(
        14_226,
        format!("{n_rows} history entries purged."),
    ));
    Ok(answer)
}
