//! Schedules, and the jobs that they are attached to.

use super::{Call, atomic, int, names_owner, not_there, now, text, touch};
use crate::practice::{
    agent::{rows, schedule::date_number},
    engine::Engine,
    reply::Message,
    sql::procedures::{Answer, Arguments},
    sql::state::State,
    value::{SqlType, Value},
};

/// The parameters that say when; `sysschedules` has columns of these names.
const WHEN: [&str; 10] = [
    "@freq_type",
    "@freq_interval",
    "@freq_subday_type",
    "@freq_subday_interval",
    "@freq_relative_interval",
    "@freq_recurrence_factor",
    "@active_start_date",
    "@active_end_date",
    "@active_start_time",
    "@active_end_time",
];

const ATTACH: &[&str] = &[
    "@job_id",
    "@job_name",
    "@schedule_id",
    "@schedule_name",
    "@automatic_post",
];

const DETACH: &[&str] = &[
    "@job_id",
    "@job_name",
    "@schedule_id",
    "@schedule_name",
    "@delete_unused_schedule",
    "@automatic_post",
];

/// `sp_add_schedule`.
pub fn add(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new(
        "sp_add_schedule",
        &[
            &["@schedule_name", "@enabled"][..],
            &WHEN,
            &[
                "@owner_login_name",
                "@schedule_uid",
                "@schedule_id",
                "@originating_server",
            ],
        ]
        .concat(),
        arguments,
    )?;
    let name = call.needed("sp_add_schedule", "@schedule_name")?;
    names_owner(state, &call)?;
    let (id, uid) = write(engine, state, &call, &name, |_, _| Ok(()))?;
    Ok(given(&call, id, uid))
}

/// `sp_add_jobschedule`: a schedule for one job, in one call.
pub fn add_to_job(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new(
        "sp_add_jobschedule",
        &[
            &["@job_id", "@job_name", "@name", "@enabled"][..],
            &WHEN,
            &["@schedule_id", "@automatic_post", "@schedule_uid"],
        ]
        .concat(),
        arguments,
    )?;
    let job = call.job(engine)?;
    let name = call.needed("sp_add_jobschedule", "@name")?;
    let (id, uid) = write(engine, state, &call, &name, |engine, id| {
        connect(engine, job.id, id)
    })?;
    Ok(given(&call, id, uid))
}

fn given(call: &Call<'_>, id: i64, uid: uuid::Uuid) -> Answer {
    let mut answer = Answer::default();
    call.give(&mut answer, "@schedule_id", SqlType::Int, int(id));
    call.give(
        &mut answer,
        "@schedule_uid",
        SqlType::UniqueIdentifier,
        Value::Guid(uid),
    );
    answer
}

fn write(
    engine: &mut Engine,
    state: &mut State,
    call: &Call<'_>,
    name: &str,
    then: impl FnOnce(&mut Engine, i64) -> Result<(), Message>,
) -> Result<(i64, uuid::Uuid), Message> {
    let mut values = values_of(call)?;
    let today = i64::from(date_number(engine.clock.now_local().0.date()));
    for (column, value) in [
        ("enabled", 1),
        ("freq_type", 0),
        ("freq_interval", 1),
        ("active_start_date", today),
        ("active_end_date", 99_991_231),
        ("active_end_time", 235_959),
    ] {
        if !values.iter().any(|(name, _)| *name == column) {
            values.push((column, int(value)));
        }
    }
    check(&values)?;
    atomic(engine, state, |engine| {
        let uid = engine.store.new_guid();
        let stamp = now(engine);
        values.extend([
            ("schedule_uid", Value::Guid(uid)),
            ("name", text(name)),
            ("owner_sid", Value::Bytes(vec![1])),
            ("date_created", stamp.clone()),
            ("date_modified", stamp),
            ("version_number", int(1)),
        ]);
        let id = rows::insert(engine, "sysschedules", &values)?;
        then(engine, id)?;
        Ok((id, uid))
    })
}

/// `sp_update_schedule`.
pub fn update(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new(
        "sp_update_schedule",
        &[
            &["@schedule_id", "@name", "@new_name", "@enabled"][..],
            &WHEN,
            &["@owner_login_name", "@automatic_post"],
        ]
        .concat(),
        arguments,
    )?;
    let id = schedule(engine, &call, "@name")?;
    names_owner(state, &call)?;
    let mut values = values_of(&call)?;
    if let Some(name) = call.name("@new_name")? {
        values.push(("name", text(&name)));
    }
    let mut whole = Vec::new();
    for parameter in WHEN {
        let column = parameter.trim_start_matches('@');
        let value = match values.iter().find(|(name, _)| *name == column) {
            Some((_, value)) => value.clone(),
            None => int(
                rows::number(engine, "sysschedules", column, &[("schedule_id", int(id))])?
                    .unwrap_or(0),
            ),
        };
        whole.push((column, value));
    }
    check(&whole)?;
    atomic(engine, state, |engine| {
        let version = rows::number(
            engine,
            "sysschedules",
            "version_number",
            &[("schedule_id", int(id))],
        )?
        .unwrap_or(0);
        values.extend([
            ("date_modified", now(engine)),
            ("version_number", int(version + 1)),
        ]);
        rows::update(engine, "sysschedules", &[("schedule_id", int(id))], &values)?;
        for job in rows::jobs_of(engine, id)? {
            touch(engine, job)?;
            rows::note_next_runs(engine, job)?;
        }
        Ok(())
    })?;
    Ok(Answer::default())
}

/// `sp_delete_schedule`: 14372 while a job uses it, unless forced.
pub fn delete(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new(
        "sp_delete_schedule",
        &[
            "@schedule_id",
            "@schedule_name",
            "@force_delete",
            "@automatic_post",
        ],
        arguments,
    )?;
    let id = schedule(engine, &call, "@schedule_name")?;
    let force = call.number_or("@force_delete", 0)? != 0;
    if !force && rows::is_used(engine, id)? {
        return Err(Message::error(
            14_372,
            "The schedule was not deleted because it is being used by one or more jobs.",
        ));
    }
    atomic(engine, state, |engine| {
        rows::delete(engine, "sysjobschedules", &[("schedule_id", int(id))])?;
        rows::delete(engine, "sysschedules", &[("schedule_id", int(id))])
    })?;
    Ok(Answer::default())
}

/// `sp_attach_schedule`: a second time changes nothing.
pub fn attach(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new("sp_attach_schedule", ATTACH, arguments)?;
    let job = call.job(engine)?;
    let id = schedule(engine, &call, "@schedule_name")?;
    if rows::schedules_of(engine, job.id)?.contains(&id) {
        return Ok(Answer::default());
    }
    atomic(engine, state, |engine| {
        connect(engine, job.id, id)?;
        touch(engine, job.id)
    })?;
    Ok(Answer::default())
}

/// `sp_detach_schedule`.
pub fn detach(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let call = Call::new("sp_detach_schedule", DETACH, arguments)?;
    let job = call.job(engine)?;
    let id = schedule(engine, &call, "@schedule_name")?;
    let delete_unused = call.number_or("@delete_unused_schedule", 0)? != 0;
    let detached = atomic(engine, state, |engine| {
        let detached = rows::delete(
            engine,
            "sysjobschedules",
            &[("job_id", Value::Guid(job.id)), ("schedule_id", int(id))],
        )?;
        if detached > 0 {
            touch(engine, job.id)?;
            if delete_unused && !rows::is_used(engine, id)? {
                rows::delete(engine, "sysschedules", &[("schedule_id", int(id))])?;
            }
        }
        Ok(detached)
    })?;
    if detached == 0 {
        return Err(Message::error(
            14_374,
            format!("Schedule {id} is not attached to job '{}'.", job.name),
        ));
    }
    Ok(Answer::default())
}

fn connect(engine: &mut Engine, job: uuid::Uuid, schedule: i64) -> Result<(), Message> {
    rows::insert(
        engine,
        "sysjobschedules",
        &[("schedule_id", int(schedule)), ("job_id", Value::Guid(job))],
    )?;
    rows::note_next_runs(engine, job)
}

/// The schedule that `@schedule_id` or its name names: 14373, 14262, 14371.
fn schedule(engine: &mut Engine, call: &Call<'_>, name_parameter: &str) -> Result<i64, Message> {
    match (call.number("@schedule_id")?, call.name(name_parameter)?) {
        (Some(id), None) => rows::number(
            engine,
            "sysschedules",
            "schedule_id",
            &[("schedule_id", int(id))],
        )?
        .ok_or_else(|| not_there("@schedule_id", &id.to_string())),
        (None, Some(name)) => match rows::schedules_named(engine, &name)?.as_slice() {
            [] => Err(not_there(name_parameter, &name)),
            [id] => Ok(*id),
            _ => Err(Message::error(
                14_371,
                format!(
                    "There are two or more schedules named \"{name}\". Specify @schedule_id instead of {name_parameter} to uniquely identify the schedule."
                ),
            )),
        },
        _ => Err(Message::error(
            14_373,
            format!("Supply either @schedule_id or {name_parameter} to identify the schedule."),
        )),
    }
}

fn values_of(call: &Call<'_>) -> Result<Vec<(&'static str, Value)>, Message> {
    let mut values = Vec::new();
    if let Some(enabled) = call.number("@enabled")? {
        values.push(("enabled", int(i64::from(enabled != 0))));
    }
    for parameter in WHEN {
        if let Some(number) = call.number(parameter)? {
            values.push((parameter.trim_start_matches('@'), int(number)));
        }
    }
    Ok(values)
}

/// What the encoding allows: 14266 and 14278.
fn check(values: &[(&str, Value)]) -> Result<(), Message> {
    let number = |column: &str| {
        values
            .iter()
            .find(|(name, _)| *name == column)
            .and_then(|(_, value)| match value {
                Value::Int(n) => Some(*n),
                _ => None,
            })
            .unwrap_or(0)
    };
    let bad = |reason: &str| {
        Err(Message::error(
            14_278,
            format!("The schedule for this job is invalid (reason: {reason})."),
        ))
    };
    let freq_type = number("freq_type");
    if ![1, 4, 8, 16, 32, 64, 128].contains(&freq_type) {
        return Err(super::invalid("@freq_type", "1, 4, 8, 16, 32, 64, 128"));
    }
    if !matches!(number("freq_subday_type"), 0 | 1 | 2 | 4 | 8) {
        return Err(super::invalid("@freq_subday_type", "0x1, 0x2, 0x4, 0x8"));
    }
    let interval = number("freq_interval");
    match freq_type {
        4 if interval < 1 => return bad("@freq_interval must be at least 1 for a daily job."),
        8 if !(1..=127).contains(&interval) => {
            return bad(
                "@freq_interval must be a valid day of the week bitmask [Sunday = 1 .. Saturday = 64] for a weekly job.",
            );
        }
        16 if !(1..=31).contains(&interval) => {
            return bad("@freq_interval must be between 1 and 31 for a monthly job.");
        }
        _ => {}
    }
    if matches!(freq_type, 8 | 16 | 32) && number("freq_recurrence_factor") < 1 {
        return bad("@freq_recurrence_factor must be at least 1.");
    }
    let every = number("freq_subday_interval");
    match number("freq_subday_type") {
        2 if every < 10 => return bad("@freq_subday_interval must be at least 10 seconds."),
        4 | 8 if every < 1 => return bad("@freq_subday_interval must be at least 1."),
        _ => {}
    }
    for (column, parameter) in [
        ("active_start_time", "@active_start_time"),
        ("active_end_time", "@active_end_time"),
    ] {
        let time = number(column);
        let valid = (0..=235_959).contains(&time) && time / 100 % 100 < 60 && time % 100 < 60;
        if !valid {
            return Err(Message::error(
                14_287,
                format!("The '{parameter}' supplied has an invalid time."),
            ));
        }
    }
    if number("active_end_date") < number("active_start_date") {
        return Err(Message::error(
            14_288,
            "@active_end_date cannot be before @active_start_date.",
        ));
    }
    Ok(())
}
