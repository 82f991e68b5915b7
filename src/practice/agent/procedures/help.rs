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

/// The columns of a result: a line each with name, type, and what it is made of unless it is the column of `table`.
#[derive(Clone, Copy)]
struct Columns {
    /// The alias of the table that most of them are columns of.
    table: &'static str,
    list: &'static str,
}

impl Columns {
    fn all(self) -> Vec<ResultColumn> {
        let lines = self.list.lines().filter_map(|line| line.split_once(' '));
        lines
            .map(|(name, rest)| {
                let (ty, sql) = rest.split_once(' ').unwrap_or((rest, ""));
                ResultColumn {
                    name,
                    sql: match sql {
                        "" => format!("{}.{name}", self.table),
                        sql => sql.to_owned(),
                    },
                    ty: match ty {
                        "int" => SqlType::Int,
                        "tinyint" => SqlType::TinyInt,
                        "datetime" => SqlType::DateTime,
                        "guid" => SqlType::UniqueIdentifier,
                        "long" => LONG,
                        _ => TEXT,
                    },
                }
            })
            .collect()
    }
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
    const COLUMNS: Columns = Columns {
        table: "j",
        list: r#"
job_id guid
originating_server text $server
name text
enabled tinyint
description text
start_step_id int
category text coalesce(c.name, '[Uncategorized (Local)]')
owner text CASE WHEN j.owner_sid = x'01' THEN 'sa' END
notify_level_eventlog int
notify_level_email int
notify_level_netsend int
notify_level_page int
notify_email_operator text coalesce(o.name, '(unknown)')
notify_netsend_operator text '(unknown)'
notify_page_operator text '(unknown)'
delete_level int
date_created datetime
date_modified datetime
version_number int
last_run_date int coalesce(v.last_run_date, 0)
last_run_time int coalesce(v.last_run_time, 0)
last_run_outcome int coalesce(v.last_run_outcome, 5)
next_run_date int coalesce(s.next_run_date, 0)
next_run_time int coalesce(s.next_run_time, 0)
next_run_schedule_id int coalesce(s.schedule_id, 0)
current_execution_status int CASE WHEN a.start_execution_date IS NOT NULL AND a.stop_execution_date IS NULL THEN 1 ELSE 4 END
current_execution_step text '0 (unknown)'
current_retry_attempt int 0
has_step int (SELECT count(*) FROM $msdb."dbo.sysjobsteps" t WHERE t.job_id = j.job_id)
has_schedule int (SELECT count(*) FROM $msdb."dbo.sysjobschedules" t WHERE t.job_id = j.job_id)
has_target int (SELECT count(*) FROM $msdb."dbo.sysjobservers" t WHERE t.job_id = j.job_id)
type int 1
"#,
    };
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
             AND a.session_id = (SELECT max(session_id) FROM $msdb.\"dbo.syssessions\")
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
    const COLUMNS: Columns = Columns {
        table: "s",
        list: r#"
step_id int
step_name text
subsystem text
command long
flags int
cmdexec_success_code int
on_success_action tinyint
on_success_step_id int
on_fail_action tinyint
on_fail_step_id int
server text
database_name text
database_user_name text
retry_attempts int
retry_interval int
os_run_priority int
output_file_name text
last_run_outcome int
last_run_duration int
last_run_retries int
last_run_date int
last_run_time int
proxy_id int
"#,
    };
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
    const COLUMNS: Columns = Columns {
        table: "h",
        list: r#"
instance_id int
job_id guid
job_name text j.name
step_id int
step_name text
sql_message_id int
sql_severity int
message long
run_status int
run_date int
run_time int
run_duration int
operator_emailed text o.name
operator_netsent text NULL
operator_paged text NULL
retries_attempted int
server text
"#,
    };
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
    for (columns, rows) in &mut shown.results {
        for (parameter, column) in [
            ("@step_id", "step_id"),
            ("@run_status", "run_status"),
            ("@sql_message_id", "sql_message_id"),
            ("@sql_severity", "sql_severity"),
        ] {
            let Some(wanted) = call.number(parameter)? else {
                continue;
            };
            let at = columns.iter().position(|c| c.name == column);
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
    const COLUMNS: Columns = Columns {
        table: "a",
        list: r#"
session_id int
job_id guid
job_name text j.name
run_requested_date datetime
run_requested_source text
queued_date datetime
start_execution_date datetime
last_executed_step_id int
last_exectued_step_date datetime a.last_executed_step_date
stop_execution_date datetime
next_scheduled_run_date datetime
job_history_id int
message long h.message
run_status int h.run_status
"#,
    };
    const PARAMETERS: &[&str] = &["@job_id", "@job_name", "@session_id"];
    let call = Call::new("sp_help_jobactivity", PARAMETERS, arguments)?;
    let only = only(engine, &call)?;
    answer(
        engine,
        COLUMNS,
        "$msdb.\"dbo.sysjobactivity\" AS a
         JOIN $msdb.\"dbo.sysjobs\" AS j ON j.job_id = a.job_id
             AND a.session_id = (SELECT max(session_id) FROM $msdb.\"dbo.syssessions\")
         LEFT JOIN $msdb.\"dbo.sysjobhistory\" AS h ON h.instance_id = a.job_history_id",
        "a.job_id",
        "j.name",
        only,
    )
}

const SCHEDULE_COLUMNS: Columns = Columns {
    table: "s",
    list: r#"
schedule_id int
schedule_uid guid
schedule_name text s.name
enabled int
freq_type int
freq_interval int
freq_subday_type int
freq_subday_interval int
freq_relative_interval int
freq_recurrence_factor int
active_start_date int
active_end_date int
active_start_time int
active_end_time int
date_created datetime
job_count int (SELECT count(*) FROM $msdb."dbo.sysjobschedules" t WHERE t.schedule_id = s.schedule_id)
"#,
};

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
    columns: Columns,
    from: &str,
    job_column: &str,
    order: &str,
    only: Option<uuid::Uuid>,
) -> Result<Answer, Message> {
    let columns = columns.all();
    let rows = rows::select(engine, &columns, from, job_column, order, only)?;
    let names = columns
        .iter()
        .map(|column| crate::practice::sql::procedures::column(column.name, column.ty))
        .collect();
    Ok(Answer {
        results: vec![(names, rows)],
        ..Answer::default()
    })
}
