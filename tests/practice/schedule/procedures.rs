//! The procedures of Agent themselves.

use super::rows;
use crate::asking::{start_with, until};

#[tokio::test]
async fn agents_procedures_answer_as_the_products_do() {
    let practice = start_with(|options| options.days = 0).await;
    let number = async |sql: &str| practice.fails(sql).await.number();
    practice
        .run(
            "EXEC msdb.dbo.sp_add_job @job_name = N'j';
             EXEC msdb.dbo.sp_add_jobstep @job_name = N'j', @step_name = N's', @command = N'PRINT N''$(ESCAPE_SQUOTE(STEPID))''; WAITFOR DELAY ''01:00:00'';';",
        )
        .await;
    for (sql, expected) in [
        ("EXEC msdb.dbo.sp_add_job @job_name = N'J';", 14_261),
        (
            "EXEC msdb.dbo.sp_add_job @job_name = N'k', @owner_login_name = N'nobody';",
            14_234,
        ),
        (
            "EXEC msdb.dbo.sp_add_job @job_name = N'k', @category_name = N'none';",
            14_234,
        ),
        (
            "EXEC msdb.dbo.sp_add_job @job_name = N'k', @color = 1;",
            8145,
        ),
        (
            "EXEC msdb.dbo.sp_update_job @job_name = N'nope', @enabled = 0;",
            14_262,
        ),
        ("EXEC msdb.dbo.sp_update_job @enabled = 0;", 14_294),
        ("EXEC msdb.dbo.sp_start_job @job_name = N'j';", 14_256),
        ("EXEC msdb.dbo.sp_stop_job @job_name = N'j';", 22_022),
        (
            "EXEC msdb.dbo.sp_add_schedule @schedule_name = N's', @freq_type = 3;",
            14_266,
        ),
        (
            "EXEC msdb.dbo.sp_add_schedule @schedule_name = N's', @freq_type = 8, @freq_interval = 0;",
            14_278,
        ),
        (
            "EXEC msdb.dbo.sp_add_schedule @schedule_name = N's', @freq_type = 4, @active_start_time = 240000;",
            14_287,
        ),
        (
            "EXEC msdb.dbo.sp_attach_schedule @job_name = N'j', @schedule_name = N'none';",
            14_262,
        ),
        (
            "EXEC msdb.dbo.sp_add_jobserver @job_name = N'j', @server_name = N'OTHER';",
            14_262,
        ),
    ] {
        assert_eq!(number(sql).await, Some(expected), "{sql}");
    }
    // All of it or nothing, in the caller's transaction.
    practice
        .run("BEGIN TRAN; EXEC msdb.dbo.sp_add_job @job_name = N'gone'; ROLLBACK;")
        .await;
    let gone = practice
        .count("msdb.dbo.sysjobs WHERE name = N'gone'")
        .await;
    assert_eq!(gone, 0);

    // Started by hand, refused while it runs, stopped.
    practice
        .run("EXEC msdb.dbo.sp_add_jobserver @job_name = N'j'; EXEC msdb.dbo.sp_start_job N'j';")
        .await;
    let running = "msdb.dbo.sysjobactivity WHERE start_execution_date IS NOT NULL AND stop_execution_date IS NULL";
    until("the job", async || {
        (practice.count(running).await == 1).then_some(())
    })
    .await;
    assert_eq!(
        number("EXEC msdb.dbo.sp_start_job @job_name = N'j';").await,
        Some(22_022)
    );
    practice
        .run("EXEC msdb.dbo.sp_stop_job @job_name = N'j';")
        .await;
    let history = until("the outcome of the job", async || {
        let answer = practice
            .run("EXEC msdb.dbo.sp_help_jobhistory @job_name = N'j';")
            .await;
        let ended = rows(&answer, "step_id").contains(&"0".to_owned());
        ended.then(|| rows(&answer, "message"))
    })
    .await;
    let text = history.join("\n");
    assert!(
        text.contains("The job was stopped prior to completion.  The Job was invoked by User"),
        "{text}"
    );
    let help = practice
        .run("EXEC msdb.dbo.sp_help_job @job_name = N'j';")
        .await;
    assert_eq!(rows(&help, "last_run_outcome"), ["3"]);
    practice
        .run("EXEC msdb.dbo.sp_delete_job @job_name = N'j';")
        .await;
    let left = practice
        .run("SELECT (SELECT COUNT(*) FROM msdb.dbo.sysjobsteps) + (SELECT COUNT(*) FROM msdb.dbo.sysjobhistory) AS n;")
        .await;
    assert_eq!(left.first().and_then(|row| row.int("n")), Some(0));
}
