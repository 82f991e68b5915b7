//! Questions about SQL Server Agent: whether it is there, which jobs it has, and what became of them.

use crate::tsql::{quote::Words, script::Batch};

/// Whether Agent is there and runs, and what the edition can. `agent_status` is null where the login may not see it.
///
/// The service has another name on a Windows that speaks another language; its program has not.
/// Without the right to see services, a session of Agent's own says that it runs.
pub fn agent_facts() -> Batch {
    Batch::look(
        "Ask for SQL Server Agent",
        "SELECT CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine_edition,
       CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition,
       (SELECT MAX(s.status) FROM sys.dm_server_services AS s
        WHERE s.servicename LIKE N'SQL Server Agent%' OR s.filename LIKE N'%SQLAGENT%') AS agent_status,
       (SELECT COUNT(*) FROM sys.dm_exec_sessions AS e WHERE e.program_name LIKE N'SQLAgent - Generic Refresher%') AS agent_sessions,
       IS_SRVROLEMEMBER(N'sysadmin') AS is_sysadmin,
       SYSDATETIMEOFFSET() AS server_clock;",
    )
}

/// Every job, with its owner's name (null when the login is gone), its server, its operator and what it does now.
pub fn jobs() -> Batch {
    Batch::look(
        "Read the jobs",
        "SELECT j.job_id, j.name, j.enabled, j.description, j.version_number, j.date_created, j.notify_level_eventlog,
       j.notify_level_email, o.name AS operator_name, SUSER_SNAME(j.owner_sid) AS owner_name,
       v.server_id, v.last_run_duration, v.last_run_outcome, v.last_run_date,
       a.start_execution_date, a.stop_execution_date, a.next_scheduled_run_date
FROM msdb.dbo.sysjobs AS j
LEFT JOIN msdb.dbo.sysjobservers AS v ON v.job_id = j.job_id
LEFT JOIN msdb.dbo.sysoperators AS o ON o.id = j.notify_email_operator_id
LEFT JOIN msdb.dbo.sysjobactivity AS a ON a.job_id = j.job_id
    AND a.session_id = (SELECT MAX(s.session_id) FROM msdb.dbo.syssessions AS s)
ORDER BY j.name;",
    )
}

/// The steps of every job.
pub fn job_steps() -> Batch {
    Batch::look(
        "Read the steps of the jobs",
        "SELECT t.job_id, t.step_id, t.subsystem, t.command, t.database_name
FROM msdb.dbo.sysjobsteps AS t
ORDER BY t.job_id, t.step_id;",
    )
}

/// The schedules of every job.
pub fn job_schedules() -> Batch {
    Batch::look(
        "Read the schedules of the jobs",
        "SELECT js.job_id, s.enabled, s.freq_type, s.freq_interval, s.freq_subday_type, s.freq_subday_interval,
       s.freq_relative_interval, s.freq_recurrence_factor, s.active_start_date, s.active_end_date,
       s.active_start_time, s.active_end_time
FROM msdb.dbo.sysjobschedules AS js
JOIN msdb.dbo.sysschedules AS s ON s.schedule_id = js.schedule_id
ORDER BY js.job_id, s.schedule_id;",
    )
}

/// The history of the jobs that stopat made, newest first; Agent keeps 100 rows of a job unless told otherwise.
pub fn job_history() -> Batch {
    Batch::look(
        "Read the history of the jobs",
        "SELECT TOP (3000) h.job_id, h.instance_id, h.step_id, h.run_status, h.run_date, h.run_time, h.run_duration, h.message
FROM msdb.dbo.sysjobhistory AS h
WHERE h.job_id IN (SELECT j.job_id FROM msdb.dbo.sysjobs AS j
                   WHERE j.name LIKE N'stopat - %' OR j.description LIKE N'%by the policy % of stopat.')
ORDER BY h.instance_id DESC;",
    )
}

/// Whether a file is there, as the server sees it.
pub fn file_there(path: &str) -> Batch {
    let mut words = Words::default();
    let path = words.text(path);
    Batch::look(
        "Look whether the file is there",
        words.finish(&format!(
            "DECLARE @there int;
EXEC master.dbo.xp_fileexist {path}, @there OUTPUT;
SELECT @there AS file_there;"
        )),
    )
}
