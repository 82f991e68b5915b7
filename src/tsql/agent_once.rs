//! A backup as a one-time job of SQL Server Agent: it runs on the server whether or not stopat is open.
//!
//! One job for a plan, a step for each of its batches, and a last one that fails when any of them did.
//! The job vanishes when it succeeded (`@delete_level = 1`); a failed one stays with the server's messages until
//! somebody has seen them.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-add-job-transact-sql>

use super::{
    backup::{BackupFacts, backup_script},
    quote::Words,
    script::{Batch, BatchKind, Purpose, Script},
};
use crate::domain::{BackupPlan, within_utf16};
use uuid::Uuid;

/// `@on_success_action` and `@on_fail_action`.
const QUIT_WITH_SUCCESS: u8 = 1;
const QUIT_WITH_FAILURE: u8 = 2;
const NEXT_STEP: u8 = 3;
/// `@delete_level`: when the job succeeded.
const ON_SUCCESS: u8 = 1;
/// `@notify_level_eventlog`: when the job failed.
const ON_FAILURE: u8 = 2;

/// A job that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceJob<'a> {
    /// See [`once_job_name`].
    pub name: &'a str,
    /// For people who find it in Agent.
    pub description: &'a str,
    /// `@@SERVERNAME`; without it the batch carries no guard for the server.
    pub server_name: Option<&'a str>,
}

/// What the job of a run is called.
pub fn once_job_name(run: &str) -> String {
    format!("stopat once {run}")
}

/// What the job is for, for people who find it in Agent.
pub const ONCE_DESCRIPTION: &str = "Backups that stopat was asked to run on the server, once.";

/// The job of a plan as a script to be read or run by hand; when it is started from here only its name is another, and its description says who asked.
pub fn once_script(plan: &BackupPlan, facts: &BackupFacts) -> Script {
    let job = OnceJob {
        name: &once_job_name("by hand"),
        description: ONCE_DESCRIPTION,
        server_name: facts.server_name.as_deref(),
    };
    Script {
        batches: vec![once_job_script(&job, &backup_script(plan, facts))],
    }
}

/// Makes the job and starts it; answers `job_id`.
///
/// In one transaction: a job that lacks half of its steps is never left behind.
pub fn once_job_script(job: &OnceJob<'_>, script: &Script) -> Batch {
    let mut words = Words::default();
    let name = words.text(job.name);
    let description = words.text(job.description);
    let mut body = String::from("DECLARE @job uniqueidentifier, @failed int = 0;\n");
    if let Some(server) = job.server_name {
        body.push_str(&format!(
            "IF ISNULL(@@SERVERNAME, N'') <> {}\nBEGIN\n    RAISERROR ({}, 16, 1);\n    RETURN;\nEND;\n",
            words.text(server),
            words.message(&format!(
                "This script was made for the server {server}. Nothing was changed."
            ))
        ));
    }
    body.push_str(&format!(
        "BEGIN TRANSACTION;
EXEC @failed = msdb.dbo.sp_add_job @job_name = {name},
    @description = {description},
    @enabled = 1,
    @notify_level_eventlog = {ON_FAILURE},
    @delete_level = {ON_SUCCESS},
    @job_id = @job OUTPUT;
"
    ));
    let check = script.batches.len() > 1;
    let last = script.batches.len();
    for (idx, batch) in script.batches.iter().enumerate() {
        let number = idx + 1;
        let ends = number == last && !check;
        let step = words.text(&step_name(number, &batch.title));
        let command = words.text(&batch.sql);
        let (success, failure) = if ends {
            (QUIT_WITH_SUCCESS, QUIT_WITH_FAILURE)
        } else {
            (NEXT_STEP, NEXT_STEP)
        };
        body.push_str(&add_step(&step, &command, success, failure));
    }
    if check {
        let command = words.text(&check_command(job.name, last));
        body.push_str(&add_step(
            "N'See whether all of it was done'",
            &command,
            QUIT_WITH_SUCCESS,
            QUIT_WITH_FAILURE,
        ));
    }
    body.push_str(
        "IF @failed = 0
    EXEC @failed = msdb.dbo.sp_add_jobserver @job_id = @job, @server_name = N'(local)';
IF @failed <> 0
BEGIN
    IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;
    RAISERROR (N'The job could not be made. Nothing was changed.', 16, 1);
    RETURN;
END;
COMMIT TRANSACTION;
EXEC @failed = msdb.dbo.sp_start_job @job_id = @job;
IF @failed <> 0
BEGIN
    EXEC msdb.dbo.sp_delete_job @job_id = @job;
    RAISERROR (N'The job could not be started, and was removed again. Nothing was changed.', 16, 1);
    RETURN;
END;
SELECT @job AS job_id;",
    );
    Batch {
        kind: BatchKind::BackUp,
        purpose: Purpose::Ask,
        title: "Make a one-time job and start it".to_owned(),
        sql: words.finish(&body),
    }
}

fn add_step(name: &str, command: &str, success: u8, failure: u8) -> String {
    format!(
        "IF @failed = 0
    EXEC @failed = msdb.dbo.sp_add_jobstep @job_id = @job,
        @step_name = {name},
        @subsystem = N'TSQL',
        @command = {command},
        @database_name = N'master',
        @on_success_action = {success},
        @on_fail_action = {failure};
"
    )
}

/// A step's name is a `sysname`, and unique in its job.
fn step_name(number: usize, title: &str) -> String {
    const MOST: usize = 120;
    let title = title.replace(|c: char| c.is_control(), " ");
    format!("{number} {}", within_utf16(&title, MOST))
}

/// `last_run_outcome` 0 is a failure, and what a step has that never ran: among them the one that checks.
fn check_command(job: &str, n_steps: usize) -> String {
    let mut words = Words::default();
    let name = words.text(job);
    words.finish(&format!(
        "IF EXISTS (SELECT * FROM msdb.dbo.sysjobs AS j
           JOIN msdb.dbo.sysjobsteps AS s ON s.job_id = j.job_id
           WHERE j.name = {name} AND s.step_id <= {n_steps} AND s.last_run_outcome = 0 AND s.last_run_date > 0)
    RAISERROR (N'At least one backup of this job failed; the history of its steps says why.', 16, 1);"
    ))
}

/// When a job ended that runs once. Agent keeps a row for each of its own starts: what ran when Agent was stopped
/// keeps a row without an end for ever, and ended when Agent started again at the latest.
const STOPPED: &str =
    "(SELECT MAX(CASE WHEN a.stop_execution_date IS NULL AND a.session_id < n.session_id
                         THEN n.agent_start_date ELSE a.stop_execution_date END)
        FROM msdb.dbo.sysjobactivity AS a
        JOIN msdb.dbo.syssessions AS n ON n.session_id = (SELECT MAX(m.session_id) FROM msdb.dbo.syssessions AS m)
        WHERE a.job_id = j.job_id AND a.start_execution_date IS NOT NULL) AS stopped";

/// Where a job stands: no row when it is gone, which for a job of ours means that it succeeded.
pub fn once_job_state(job_id: Uuid) -> Batch {
    let id = job_id.to_string().to_uppercase();
    Batch::look(
        "Read how the job stands",
        format!(
            "SELECT j.name, s.last_run_outcome, s.last_outcome_message,
       (SELECT MAX(a.start_execution_date) FROM msdb.dbo.sysjobactivity AS a
        WHERE a.job_id = j.job_id) AS started,
       {STOPPED}
FROM msdb.dbo.sysjobs AS j
LEFT JOIN msdb.dbo.sysjobservers AS s ON s.job_id = j.job_id
WHERE j.job_id = '{id}';
SELECT h.step_id, h.step_name, h.run_status, h.message
FROM msdb.dbo.sysjobhistory AS h
WHERE h.job_id = '{id}' AND h.step_id > 0
ORDER BY h.instance_id;"
        ),
    )
}

/// One-time jobs of ours that are on the server: they run, or failed and stay with their messages.
pub fn once_jobs() -> Batch {
    Batch::look(
        "Look for one-time jobs",
        format!(
            "SELECT j.job_id, j.name, s.last_outcome_message,
       (SELECT MAX(a.start_execution_date) FROM msdb.dbo.sysjobactivity AS a
        WHERE a.job_id = j.job_id) AS started,
       {STOPPED}
FROM msdb.dbo.sysjobs AS j
LEFT JOIN msdb.dbo.sysjobservers AS s ON s.job_id = j.job_id
WHERE j.name LIKE N'stopat once %'
ORDER BY j.name;"
        ),
    )
}

/// How far the running step has come. Agent's sessions carry the job's id, as bytes, in their program's name.
pub fn once_job_progress(job_id: Uuid) -> Batch {
    let bytes: String = job_id
        .to_bytes_le()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    Batch::look(
        "Read the progress of the job",
        format!(
            "SELECT r.command, r.percent_complete, r.estimated_completion_time, s.program_name
FROM sys.dm_exec_sessions AS s
JOIN sys.dm_exec_requests AS r ON r.session_id = s.session_id
WHERE s.program_name LIKE N'SQLAgent - TSQL JobStep (Job 0x{bytes} : Step %';"
        ),
    )
}

/// Stops a job of ours; what it had begun is undone or left `RESTORING`, as by any other stop.
pub fn stop_once_job(job_id: Uuid) -> Batch {
    let id = job_id.to_string().to_uppercase();
    Batch {
        kind: BatchKind::BackUp,
        purpose: Purpose::Ask,
        title: "Stop the job".to_owned(),
        sql: format!("EXEC msdb.dbo.sp_stop_job @job_id = '{id}';"),
    }
}

/// Removes a job of ours that has ended, with its history.
pub fn remove_once_job(job_id: Uuid) -> Batch {
    let id = job_id.to_string().to_uppercase();
    Batch {
        kind: BatchKind::BackUp,
        purpose: Purpose::Ask,
        title: "Remove the job".to_owned(),
        sql: format!(
            "IF EXISTS (SELECT * FROM msdb.dbo.sysjobs AS j
           WHERE j.job_id = '{id}' AND j.name LIKE N'stopat once %')
    EXEC msdb.dbo.sp_delete_job @job_id = '{id}';"
        ),
    }
}
