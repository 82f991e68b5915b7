//! Jobs that fail: in the words of the server, told to an operator, and not tried where it helps nobody.

use super::{Bench, alone, job_of, jobs_of, logs_only, one, plan, read, rows};
use crate::asking::start;
use stopat::{
    domain::{JobTrouble, LeftOut, PolicyDatabases, PolicyKind, RunStatus},
    run::schedule::{ScheduleReading, apply_schedule},
};

#[tokio::test]
async fn what_breaks_a_backup_stands_in_the_job_history_in_the_servers_words() {
    let practice = start().await;
    let bench = Bench::new();
    let policy = logs_only(one("OctopusAI"));
    bench.apply(&practice, &policy).await;
    let share = r"\\backup-server\octopus";
    for (option, number, words) in [
        (
            "full_disk",
            "3202",
            "112(There is not enough space on the disk.)",
        ),
        ("no_permission", "3201", "5(Access is denied.)"),
        (
            "no_network_path",
            "3201",
            "53(The network path was not found.)",
        ),
        ("no_share", "3201", "67(The network name cannot be found.)"),
    ] {
        practice.option(option, share).await;
        practice.advance(15 * 60).await;
        let reading = read(&practice).await;
        let job = job_of(&reading, &policy, PolicyKind::Log);
        let run = &job.outcomes[0];
        assert_eq!(run.status, RunStatus::Failed, "{option}: {run:?}");
        let text = run.messages.join(" ");
        assert!(
            text.contains(words) && text.contains(&format!("(Error {number})")),
            "{option}: {text}"
        );
        assert!(text.contains("(Error 3013)"), "{option}: {text}");
        assert!(text.contains("is tried once more"), "{option}: {text}");
        assert!(
            job.troubles(reading.agent, reading.server_now)
                .iter()
                .any(|trouble| matches!(trouble, JobTrouble::Failed(_)))
        );
        practice.option("repaired", share).await;
    }
    // One failing database does not keep the others from being backed up.
    let mut all = policy.clone();
    all.databases = PolicyDatabases::AllUser {
        except: ["OctopusAI".to_owned()].into(),
    };
    bench.apply(&practice, &all).await;
    // Each backup takes a second of the frozen clock, so both tries of CRM fall into these.
    for second in 0..10 {
        let file = format!(r"\\backup-server\octopus\log\CRM_log_20261122_13150{second}.trn");
        practice.option("no_permission", &file).await;
    }
    practice.advance(15 * 60).await;
    let written = practice
        .run(&format!(
            "SELECT DISTINCT database_name FROM msdb.dbo.backupset WHERE name = N'{}' ORDER BY database_name;",
            all.id().set_name(PolicyKind::Log)
        ))
        .await;
    let files = practice
        .run("SELECT TOP (8) f.physical_device_name FROM msdb.dbo.backupmediafamily AS f ORDER BY f.media_set_id DESC;")
        .await;
    assert_eq!(
        rows(&written, "database_name"),
        ["Ledger", "OctopusAudit", "Warehouse"],
        "{:?}",
        rows(&files, "physical_device_name")
    );
    let reading = read(&practice).await;
    let job = job_of(&reading, &all, PolicyKind::Log);
    assert_eq!(job.outcomes[0].status, RunStatus::Failed);
    assert!(job.outcomes[0].messages.join(" ").contains("(Error 3201)"));
}

#[tokio::test]
async fn the_operator_gets_an_e_mail_when_a_job_fails_and_only_then() {
    let practice = start().await;
    let bench = Bench::new();
    practice
        .run("EXEC msdb.dbo.sp_add_operator @name = N'night shift', @enabled = 1, @email_address = N'night@example.com';")
        .await;
    let mut policy = logs_only(one("OctopusAI"));
    policy.notify.operator = Some("night shift".to_owned());
    let reading = bench.apply(&practice, &policy).await;
    let job = job_of(&reading, &policy, PolicyKind::Log);
    assert_eq!(job.operator.as_deref(), Some("night shift"));
    assert!(job.tells_event_log);
    practice.advance(15 * 60).await;
    practice
        .option("full_disk", r"\\backup-server\octopus")
        .await;
    practice.advance(15 * 60).await;
    let told = practice
        .run(&format!(
            "EXEC msdb.dbo.sp_help_jobhistory @job_name = N'{}', @step_id = 0, @mode = N'FULL';",
            job.name
        ))
        .await;
    let told: Vec<(Option<i64>, Option<String>)> = told
        .rows()
        .iter()
        .map(|row| (row.int("run_status"), row.text("operator_emailed")))
        .collect();
    assert_eq!(
        told,
        [(Some(0), Some("night shift".to_owned())), (Some(1), None)]
    );
    // An operator whom the server does not know is refused in its words, and nothing is left behind.
    let mut unknown = policy.clone();
    unknown.databases = one("OctopusAudit");
    unknown.notify.operator = Some("nobody".to_owned());
    let jobs = jobs_of(&unknown, &reading);
    let report = apply_schedule(&jobs, &[], &[], bench.changing(&practice, "OctopusAudit"))
        .await
        .expect("journaled");
    assert!(!report.done);
    assert!(format!("{:?}", report.steps.last()).contains("nobody"));
    assert!(read(&practice).await.policy(&unknown.id()).is_none());
}

#[tokio::test]
async fn a_backup_that_reads_back_badly_is_not_taken_again() {
    let practice = start().await;
    let bench = Bench::new();
    let mut policy = logs_only(one("OctopusAI"));
    for backup in &mut policy.backups {
        backup.verify = true;
    }
    bench.apply(&practice, &policy).await;
    alone(&practice, "OctopusAI").await;
    practice
        .option("damaged_writes", r"\\backup-server\octopus")
        .await;
    practice.advance(15 * 60).await;
    let written = practice
        .run(&format!(
            "SELECT bs.backup_set_id FROM msdb.dbo.backupset AS bs WHERE bs.name = N'{}';",
            policy.id().set_name(PolicyKind::Log)
        ))
        .await;
    assert_eq!(written.rows().len(), 1, "one backup, read back twice");
    let reading = read(&practice).await;
    let job = job_of(&reading, &policy, PolicyKind::Log);
    assert_eq!(job.outcomes[0].status, RunStatus::Failed);
    practice
        .option("repaired", r"\\backup-server\octopus")
        .await;
    practice.advance(15 * 60).await;
    let reading = read(&practice).await;
    let job = job_of(&reading, &policy, PolicyKind::Log);
    assert_eq!(job.outcomes[0].status, RunStatus::Succeeded);
    // A login that may not see everything is told so before it applies.
    assert_eq!(plan(&policy, &reading).left_out, []);
    let blind = ScheduleReading {
        is_sysadmin: false,
        ..reading
    };
    assert_eq!(plan(&policy, &blind).left_out, [LeftOut::Sight]);
}
