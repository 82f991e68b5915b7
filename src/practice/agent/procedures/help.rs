//! The readers: `sp_help_job` and its relatives, with the columns that clients look up.

use super::{Call, not_there};
use crate::practice::{
    agent::rows::{self, ResultColumn},
    engine::Engine,
    reply::Message,
    sql::procedures::{Answer, Arguments},
    sql::state::State,
    value::{Length, SqlType, Value},
};

const TEXT: SqlType = SqlType::NVarChar(Length::Limited(512));
const LONG: SqlType = SqlType::NVarChar(Length::Max);

const fn column(name: &'static str, sql: &'static str, ty: SqlType) -> ResultColumn {
    ResultColumn { name, sql, ty }
}

const LOCAL_FILTER: &[&str] = &["@job_id", "@job_name"];

/// `sp_help_job`: one job, or all.
pub fn job(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    const PARAMETERS: &[&str] = &[
        "@job_id",
        "@job_name",
        "@job_aspect",
        "@job_type",
        "@owner_login_name",
        "@subsystem",
        "@category_name",
        "@enabled",
        "@execution_status",
        "@date_comparator",
        "@date_created",
        "@date_last_modified",
        "@description",
    ];
    const COLUMNS: &[ResultColumn] = &[
        column("job_id", "j.job_id", SqlType::UniqueIdentifier),
        column("originating_server", "$server", TEXT),
        column("name", "j.name", TEXT),
        column("enabled", "j.enabled", SqlType::TinyInt),
        column("description", "j.description", TEXT),
        column("start_step_id", "j.start_step_id", SqlType::Int),
        column(
            "category",
            "coalesce(c.name, '[Uncategorized (Local)]')",
            TEXT,
        ),
        column("owner", "CASE WHEN j.owner_sid = x'01' THEN 'sa' END", TEXT),
        column(
            "notify_level_eventlog",
            "j.notify_level_eventlog",
            SqlType::Int,
        ),
        column("notify_level_email", "j.notify_level_email", SqlType::Int),
        column(
            "notify_level_netsend",
            "j.notify_level_netsend",
            SqlType::Int,
        ),
        column("notify_level_page", "j.notify_level_page", SqlType::Int),
        column(
            "notify_email_operator",
            "coalesce(o.name, '(unknown)')",
            TEXT,
        ),
        column("notify_netsend_operator", "'(unknown)'", TEXT),
        column("notify_page_operator", "'(unknown)'", TEXT),
        column("delete_level", "j.delete_level", SqlType::Int),
        column("date_created", "j.date_created", SqlType::DateTime),
        column("date_modified", "j.date_modified", SqlType::DateTime),
        column("version_number", "j.version_number", SqlType::Int),
        column(
            "last_run_date",
            "coalesce(v.last_run_date, 0)",
            SqlType::Int,
        ),
        column(
            "last_run_time",
            "coalesce(v.last_run_time, 0)",
            SqlType::Int,
        ),
        column(
            "last_run_outcome",
            "coalesce(v.last_run_outcome, 5)",
            SqlType::Int,
        ),
        column(
            "next_run_date",
            "coalesce(s.next_run_date, 0)",
            SqlType::Int,
        ),
        column(
            "next_run_time",
            "coalesce(s.next_run_time, 0)",
            SqlType::Int,
        ),
        column(
            "next_run_schedule_id",
            "coalesce(s.schedule_id, 0)",
            SqlType::Int,
        ),
        column(
            "current_execution_status",
            "CASE WHEN a.start_execution_date IS NOT NULL AND a.stop_execution_date IS NULL THEN 1 ELSE 4 END",
            SqlType::Int,
        ),
        column("current_execution_step", "'0 (unknown)'", TEXT),
        column("current_retry_attempt", "0", SqlType::Int),
        column(
            "has_step",
            "(SELECT count(*) FROM $msdb.\"dbo.sysjobsteps\" t WHERE t.job_id = j.job_id)",
            SqlType::Int,
        ),
        column(
            "has_schedule",
            "(SELECT count(*) FROM $msdb.\"dbo.sysjobschedules\" t WHERE t.job_id = j.job_id)",
            SqlType::Int,
        ),
        column(
            "has_target",
            "(SELECT count(*) FROM $msdb.\"dbo.sysjobservers\" t WHERE t.job_id = j.job_id)",
            SqlType::Int,
        ),
        column("type", "1", SqlType::Int),
    ];
    let call = Call::new("sp_help_job", PARAMETERS, arguments)?;
    let only = only(engine, &call)?;
    answer(
        engine,
        COLUMNS,
        "$msdb.\"dbo.sysjobs\" AS j
         LEFT JOIN $msdb.\"dbo.syscategories\" AS c ON c.category_id = j.category_id
         LEFT JOIN $msdb.\"dbo.sysoperators\" AS o ON o.id = j.notify_email_operator_id
         LEFT JOIN $msdb.\"dbo.sysjobservers\" AS v ON v.job_id = j.job_id
         LEFT JOIN $msdb.\"dbo.sysjobactivity\" AS a ON a.job_id = j.job_id
         LEFT JOIN (SELECT job_id, min(schedule_id) AS schedule_id, min(next_run_date) AS next_run_date,
                           min(next_run_time) AS next_run_time
                    FROM $msdb.\"dbo.sysjobschedules\" GROUP BY job_id) AS s ON s.job_id = j.job_id",
        "j.job_id",
        "j.name",
        only,
    )
}

/// `sp_help_jobstep`.
pub fn step(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    const COLUMNS: &[ResultColumn] = &[
        column("step_id", "s.step_id", SqlType::Int),
        column("step_name", "s.step_name", TEXT),
        column("subsystem", "s.subsystem", TEXT),
        column("command", "s.command", LONG),
        column("flags", "s.flags", SqlType::Int),
        column(
            "cmdexec_success_code",
            "s.cmdexec_success_code",
            SqlType::Int,
        ),
        column("on_success_action", "s.on_success_action", SqlType::TinyInt),
        column("on_success_step_id", "s.on_success_step_id", SqlType::Int),
        column("on_fail_action", "s.on_fail_action", SqlType::TinyInt),
        column("on_fail_step_id", "s.on_fail_step_id", SqlType::Int),
        column("server", "s.server", TEXT),
        column("database_name", "s.database_name", TEXT),
        column("database_user_name", "s.database_user_name", TEXT),
        column("retry_attempts", "s.retry_attempts", SqlType::Int),
        column("retry_interval", "s.retry_interval", SqlType::Int),
        column("os_run_priority", "s.os_run_priority", SqlType::Int),
        column("output_file_name", "s.output_file_name", TEXT),
        column("last_run_outcome", "s.last_run_outcome", SqlType::Int),
        column("last_run_duration", "s.last_run_duration", SqlType::Int),
        column("last_run_retries", "s.last_run_retries", SqlType::Int),
        column("last_run_date", "s.last_run_date", SqlType::Int),
        column("last_run_time", "s.last_run_time", SqlType::Int),
        column("proxy_id", "s.proxy_id", SqlType::Int),
    ];
    const PARAMETERS: &[&str] = &["@job_id", "@job_name", "@step_id", "@step_name", "@suffix"];
    let call = Call::new("sp_help_jobstep", PARAMETERS, arguments)?;
    let only = call.job(engine)?.id;
    answer(
        engine,
        COLUMNS,
        "$msdb.\"dbo.sysjobsteps\" AS s",
        "s.job_id",
        "s.step_id",
        Some(only),
    )
}

/// `sp_help_jobhistory`: newest first.
pub fn history(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    const PARAMETERS: &[&str] = &[
        "@job_id",
        "@job_name",
        "@step_id",
        "@sql_message_id",
        "@sql_severity",
        "@start_run_date",
        "@end_run_date",
        "@start_run_time",
        "@end_run_time",
        "@minimum_run_duration",
        "@run_status",
        "@minimum_retries",
        "@oldest_first",
        "@server",
        "@mode",
    ];
    const COLUMNS: &[ResultColumn] = &[
        column("instance_id", "h.instance_id", SqlType::Int),
        column("job_id", "h.job_id", SqlType::UniqueIdentifier),
        column("job_name", "j.name", TEXT),
        column("step_id", "h.step_id", SqlType::Int),
        column("step_name", "h.step_name", TEXT),
        column("sql_message_id", "h.sql_message_id", SqlType::Int),
        column("sql_severity", "h.sql_severity", SqlType::Int),
        column("message", "h.message", LONG),
        column("run_status", "h.run_status", SqlType::Int),
        column("run_date", "h.run_date", SqlType::Int),
        column("run_time", "h.run_time", SqlType::Int),
        column("run_duration", "h.run_duration", SqlType::Int),
        column("operator_emailed", "o.name", TEXT),
        column("operator_netsent", "NULL", TEXT),
        column("operator_paged", "NULL", TEXT),
        column("retries_attempted", "h.retries_attempted", SqlType::Int),
        column("server", "h.server", TEXT),
    ];
    let call = Call::new("sp_help_jobhistory", PARAMETERS, arguments)?;
    let only = only(engine, &call)?;
    let mut shown = answer(
        engine,
        COLUMNS,
        "$msdb.\"dbo.sysjobhistory\" AS h
         JOIN $msdb.\"dbo.sysjobs\" AS j ON j.job_id = h.job_id
         LEFT JOIN $msdb.\"dbo.sysoperators\" AS o ON o.id = h.operator_id_emailed",
        "h.job_id",
        "h.instance_id DESC",
        only,
    )?;
    let oldest_first = call.number("@oldest_first")? == Some(1);
    for (_, rows) in &mut shown.results {
        for (parameter, column) in [
            ("@step_id", "step_id"),
            ("@run_status", "run_status"),
            ("@sql_message_id", "sql_message_id"),
            ("@sql_severity", "sql_severity"),
        ] {
            let Some(wanted) = call.number(parameter)? else {
                continue;
            };
            let at = COLUMNS.iter().position(|c| c.name == column);
            rows.retain(|row| at.and_then(|at| row.get(at)) == Some(&Value::Int(wanted)));
        }
        if oldest_first {
            rows.reverse();
        }
    }
    Ok(shown)
}

/// `sp_help_jobactivity`.
pub fn activity(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    const COLUMNS: &[ResultColumn] = &[
        column("session_id", "a.session_id", SqlType::Int),
        column("job_id", "a.job_id", SqlType::UniqueIdentifier),
        column("job_name", "j.name", TEXT),
        column(
            "run_requested_date",
            "a.run_requested_date",
            SqlType::DateTime,
        ),
        column("run_requested_source", "a.run_requested_source", TEXT),
        column("queued_date", "a.queued_date", SqlType::DateTime),
        column(
            "start_execution_date",
            "a.start_execution_date",
            SqlType::DateTime,
        ),
        column(
            "last_executed_step_id",
            "a.last_executed_step_id",
            SqlType::Int,
        ),
        column(
            "last_exectued_step_date",
            "a.last_executed_step_date",
            SqlType::DateTime,
        ),
        column(
            "stop_execution_date",
            "a.stop_execution_date",
            SqlType::DateTime,
        ),
        column(
            "next_scheduled_run_date",
            "a.next_scheduled_run_date",
            SqlType::DateTime,
        ),
        column("job_history_id", "a.job_history_id", SqlType::Int),
        column("message", "h.message", LONG),
        column("run_status", "h.run_status", SqlType::Int),
    ];
    const PARAMETERS: &[&str] = &["@job_id", "@job_name", "@session_id"];
    let call = Call::new("sp_help_jobactivity", PARAMETERS, arguments)?;
    let only = only(engine, &call)?;
    answer(
        engine,
        COLUMNS,
        "$msdb.\"dbo.sysjobactivity\" AS a
         JOIN $msdb.\"dbo.sysjobs\" AS j ON j.job_id = a.job_id
         LEFT JOIN $msdb.\"dbo.sysjobhistory\" AS h ON h.instance_id = a.job_history_id",
        "a.job_id",
        "j.name",
        only,
    )
}

const SCHEDULE_COLUMNS: &[ResultColumn] = &[
    column("schedule_id", "s.schedule_id", SqlType::Int),
    column("schedule_uid", "s.schedule_uid", SqlType::UniqueIdentifier),
    column("schedule_name", "s.name", TEXT),
    column("enabled", "s.enabled", SqlType::Int),
    column("freq_type", "s.freq_type", SqlType::Int),
    column("freq_interval", "s.freq_interval", SqlType::Int),
    column("freq_subday_type", "s.freq_subday_type", SqlType::Int),
    column(
        "freq_subday_interval",
        "s.freq_subday_interval",
        SqlType::Int,
    ),
    column(
        "freq_relative_interval",
        "s.freq_relative_interval",
        SqlType::Int,
    ),
    column(
        "freq_recurrence_factor",
        "s.freq_recurrence_factor",
        SqlType::Int,
    ),
    column("active_start_date", "s.active_start_date", SqlType::Int),
    column("active_end_date", "s.active_end_date", SqlType::Int),
    column("active_start_time", "s.active_start_time", SqlType::Int),
    column("active_end_time", "s.active_end_time", SqlType::Int),
    column("date_created", "s.date_created", SqlType::DateTime),
    column(
        "job_count",
        "(SELECT count(*) FROM $msdb.\"dbo.sysjobschedules\" t WHERE t.schedule_id = s.schedule_id)",
        SqlType::Int,
    ),
];

/// `sp_help_schedule`: one, or all.
pub fn schedule(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    const PARAMETERS: &[&str] = &[
        "@schedule_id",
        "@schedule_name",
        "@attached_schedules_only",
        "@include_description",
    ];
    let call = Call::new("sp_help_schedule", PARAMETERS, arguments)?;
    let mut shown = answer(
        engine,
        SCHEDULE_COLUMNS,
        "$msdb.\"dbo.sysschedules\" AS s",
        "s.schedule_uid",
        "s.schedule_id",
        None,
    )?;
    let (id, name) = (call.number("@schedule_id")?, call.name("@schedule_name")?);
    if let Some((_, rows)) = shown.results.first_mut() {
        rows.retain(|row| {
            let same_id = id.is_none_or(|id| row.first() == Some(&Value::Int(id)));
            let same_name = name.as_ref().is_none_or(|name| {
                matches!(row.get(2), Some(Value::Text(found)) if found.eq_ignore_ascii_case(name))
            });
            same_id && same_name
        });
        if rows.is_empty() {
            if let Some(id) = id {
                return Err(not_there("@schedule_id", &id.to_string()));
            }
            if let Some(name) = name {
                return Err(not_there("@schedule_name", &name));
            }
        }
    }
    Ok(shown)
}

/// `sp_help_jobschedule`: the schedules of a job.
pub fn job_schedule(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    const PARAMETERS: &[&str] = &[
        "@job_id",
        "@job_name",
        "@schedule_name",
        "@schedule_id",
        "@include_description",
    ];
    let call = Call::new("sp_help_jobschedule", PARAMETERS, arguments)?;
    let only = call.job(engine)?.id;
    answer(
        engine,
        SCHEDULE_COLUMNS,
        "$msdb.\"dbo.sysschedules\" AS s
         JOIN $msdb.\"dbo.sysjobschedules\" AS js ON js.schedule_id = s.schedule_id",
        "js.job_id",
        "s.schedule_id",
        Some(only),
    )
}

/// The one job that was asked for, if any.
fn only(engine: &mut Engine, call: &Call<'_>) -> Result<Option<uuid::Uuid>, Message> {
    if LOCAL_FILTER.iter().any(|name| {
        call.has(name)
            && (call.name(name).ok().flatten().is_some()
                || call.guid(name).ok().flatten().is_some())
    }) {
        Ok(Some(call.job(engine)?.id))
    } else {
        Ok(None)
    }
}

fn answer(
    engine: &mut Engine,
    columns: &'static [ResultColumn],
    from: &str,
    job_column: &str,
    order: &str,
    only: Option<uuid::Uuid>,
) -> Result<Answer, Message> {
    let rows = rows::select(engine, columns, from, job_column, order, only)?;
    let names = columns
        .iter()
        .map(|column| crate::practice::sql::procedures::column(column.name, column.ty))
        .collect();
    Ok(Answer {
        results: vec![(names, rows)],
        ..Answer::default()
    })
}
