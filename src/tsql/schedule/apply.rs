//! Creating, changing and removing the jobs of a policy.
//!
//! Each batch makes one job be as it should, whatever it finds: run twice, the second time changes nothing.
//! All calls of a batch are one transaction, so that no job is left without its schedule.

use crate::{
    domain::JobDefinition,
    tsql::{
        ServerFacts,
        quote::{Words, script_text},
        restore::{Guard, guarded, server_guard},
        script::{Batch, BatchKind, Purpose, Script},
    },
};
use uuid::Uuid;

/// A job as it was when somebody looked at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenJob {
    pub name: String,
    pub job_id: Uuid,
    pub version_number: i64,
}

/// Makes the jobs be as they should.
///
/// `seen` are those that differ and are to be overwritten: when one was changed since, its batch refuses.
pub fn apply_script(
    definitions: &[JobDefinition],
    seen: &[SeenJob],
    facts: &ServerFacts,
) -> Script {
    let batches = definitions
        .iter()
        .map(|definition| {
            let seen = seen.iter().find(|job| job.name == definition.name);
            apply(definition, seen, facts)
        })
        .collect();
    Script { batches }
}

fn apply(definition: &JobDefinition, seen: Option<&SeenJob>, facts: &ServerFacts) -> Batch {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    let name = words.text(&definition.name);
    if let Some(seen) = seen {
        guards.push(Guard {
            refuse_when: format!(
                "EXISTS (SELECT * FROM msdb.dbo.sysjobs AS j WHERE j.job_id = '{}' AND j.version_number <> {})",
                seen.job_id.to_string().to_uppercase(),
                seen.version_number
            ),
            message: words.message(&format!(
                "The job {} was changed since it was looked at. Nothing was changed.",
                definition.name
            )),
        });
    }
    let schedule = definition.schedule;
    let level = if definition.operator.is_some() { 2 } else { 0 };
    let operator = match &definition.operator {
        Some(operator) => words.text(operator),
        None => "N''".to_owned(),
    };
    let description = words.text(&definition.description);
    let when = format!(
        "@enabled = 1, @freq_type = {}, @freq_interval = {}, @freq_subday_type = {}, @freq_subday_interval = {},
            @freq_relative_interval = {}, @freq_recurrence_factor = {}, @active_start_date = {},
            @active_end_date = {}, @active_start_time = {}, @active_end_time = {}",
        schedule.freq_type,
        schedule.freq_interval,
        schedule.freq_subday_type,
        schedule.freq_subday_interval,
        schedule.freq_relative_interval,
        schedule.freq_recurrence_factor,
        schedule.active_start_date,
        schedule.active_end_date,
        schedule.active_start_time,
        schedule.active_end_time
    );
    let same_when = format!(
        "s.enabled = 1 AND s.freq_type = {} AND s.freq_interval = {} AND s.freq_subday_type = {}
                AND s.freq_subday_interval = {} AND s.freq_relative_interval = {} AND s.freq_recurrence_factor = {}
                AND s.active_start_date = {} AND s.active_end_date = {} AND s.active_start_time = {} AND s.active_end_time = {}",
        schedule.freq_type,
        schedule.freq_interval,
        schedule.freq_subday_type,
        schedule.freq_subday_interval,
        schedule.freq_relative_interval,
        schedule.freq_recurrence_factor,
        schedule.active_start_date,
        schedule.active_end_date,
        schedule.active_start_time,
        schedule.active_end_time
    );
    let statement = format!(
        "DECLARE @name sysname = {name}, @operator sysname = {operator}, @owner sysname, @result int, @why nvarchar(2048);
DECLARE @job_id uniqueidentifier, @schedule_id int, @command nvarchar(max) = {command};
-- An administrator's jobs belong to the owner of the server, whose login is always there.
SET @owner = CASE WHEN IS_SRVROLEMEMBER(N'sysadmin') = 1 THEN SUSER_SNAME(0x01) ELSE SUSER_SNAME() END;
BEGIN TRY
    BEGIN TRANSACTION;
    SET @job_id = (SELECT j.job_id FROM msdb.dbo.sysjobs AS j WHERE j.name = @name);
    IF @job_id IS NULL
    BEGIN
        EXEC @result = msdb.dbo.sp_add_job @job_name = @name, @enabled = 1, @description = {description},
            @category_name = N'Database Maintenance', @owner_login_name = @owner, @notify_level_eventlog = 2,
            @notify_level_email = {level}, @notify_email_operator_name = @operator, @job_id = @job_id OUTPUT;
        IF @result <> 0 RAISERROR (N'sp_add_job failed.', 16, 1);
    END;
    ELSE IF EXISTS (SELECT * FROM msdb.dbo.sysjobs AS j
        LEFT JOIN msdb.dbo.sysoperators AS o ON o.id = j.notify_email_operator_id
        WHERE j.job_id = @job_id AND (j.enabled <> 1 OR j.notify_level_eventlog NOT IN (2, 3) OR j.start_step_id <> 1
            OR j.notify_level_email <> {level} OR COALESCE(o.name, N'') <> @operator OR SUSER_SNAME(j.owner_sid) IS NULL))
    BEGIN
        EXEC @result = msdb.dbo.sp_update_job @job_id = @job_id, @enabled = 1, @description = {description},
            @owner_login_name = @owner, @start_step_id = 1, @notify_level_eventlog = 2,
            @notify_level_email = {level}, @notify_email_operator_name = @operator;
        IF @result <> 0 RAISERROR (N'sp_update_job failed.', 16, 1);
    END;
    IF (SELECT COUNT(*) FROM msdb.dbo.sysjobsteps AS t WHERE t.job_id = @job_id) <> 1
        OR NOT EXISTS (SELECT * FROM msdb.dbo.sysjobsteps AS t WHERE t.job_id = @job_id AND t.subsystem = N'TSQL'
            AND t.database_name = N'master'
            AND CONVERT(varbinary(max), t.command) = CONVERT(varbinary(max), @command))
    BEGIN
        IF EXISTS (SELECT * FROM msdb.dbo.sysjobsteps AS t WHERE t.job_id = @job_id)
            EXEC msdb.dbo.sp_delete_jobstep @job_id = @job_id, @step_id = 0;
        EXEC @result = msdb.dbo.sp_add_jobstep @job_id = @job_id, @step_id = 1, @step_name = N'back up', @subsystem = N'TSQL',
            @command = @command, @database_name = N'master', @on_success_action = 1, @on_fail_action = 2;
        IF @result <> 0 RAISERROR (N'sp_add_jobstep failed.', 16, 1);
    END;
    IF (SELECT COUNT(*) FROM msdb.dbo.sysjobschedules AS js WHERE js.job_id = @job_id) <> 1
        OR NOT EXISTS (SELECT * FROM msdb.dbo.sysjobschedules AS js
            JOIN msdb.dbo.sysschedules AS s ON s.schedule_id = js.schedule_id
            WHERE js.job_id = @job_id
                AND {same_when})
    BEGIN
        WHILE EXISTS (SELECT * FROM msdb.dbo.sysjobschedules AS js WHERE js.job_id = @job_id)
        BEGIN
            SET @schedule_id = (SELECT MIN(js.schedule_id) FROM msdb.dbo.sysjobschedules AS js WHERE js.job_id = @job_id);
            EXEC msdb.dbo.sp_detach_schedule @job_id = @job_id, @schedule_id = @schedule_id, @delete_unused_schedule = 1;
        END;
        SET @schedule_id = NULL;
        EXEC @result = msdb.dbo.sp_add_schedule @schedule_name = @name, {when},
            @owner_login_name = @owner, @schedule_id = @schedule_id OUTPUT;
        IF @result <> 0 RAISERROR (N'sp_add_schedule failed.', 16, 1);
        EXEC @result = msdb.dbo.sp_attach_schedule @job_id = @job_id, @schedule_id = @schedule_id;
        IF @result <> 0 RAISERROR (N'sp_attach_schedule failed.', 16, 1);
    END;
    IF NOT EXISTS (SELECT * FROM msdb.dbo.sysjobservers AS v WHERE v.job_id = @job_id)
        EXEC msdb.dbo.sp_add_jobserver @job_id = @job_id, @server_name = N'(LOCAL)';
    COMMIT TRANSACTION;
END TRY
BEGIN CATCH
    SET @why = ERROR_MESSAGE();
    IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;
    RAISERROR (N'%s', 16, 1, @why);
END CATCH",
        command = script_text(&definition.command),
    );
    Batch {
        kind: BatchKind::BackUp,
        purpose: Purpose::ApplyJob {
            name: definition.name.clone(),
        },
        title: format!("Make the job {}", definition.name),
        sql: block(words, &guards, &statement),
    }
}

/// Removes jobs with their steps and schedules; only those that were seen, by their ids.
pub fn remove_script(jobs: &[SeenJob], facts: &ServerFacts) -> Script {
    let batches = jobs
        .iter()
        .map(|job| {
            let mut words = Words::default();
            let guards = server_guard(&mut words, facts);
            let id = job.job_id.to_string().to_uppercase();
            let statement = format!(
                "IF EXISTS (SELECT * FROM msdb.dbo.sysjobs AS j WHERE j.job_id = '{id}')
    EXEC msdb.dbo.sp_delete_job @job_id = '{id}', @delete_history = 1, @delete_unused_schedule = 1"
            );
            Batch {
                kind: BatchKind::BackUp,
                purpose: Purpose::RemoveJob {
                    name: job.name.clone(),
                },
                title: format!("Remove the job {}", job.name),
                sql: block(words, &guards, &statement),
            }
        })
        .collect();
    Script { batches }
}

/// Statements behind guards: [`guarded`] takes one statement, and this is many.
fn block(words: Words, guards: &[Guard], statements: &str) -> String {
    if guards.is_empty() {
        guarded(words, guards, statements)
    } else {
        guarded(words, guards, &format!("BEGIN\n{statements};\nEND"))
    }
}
