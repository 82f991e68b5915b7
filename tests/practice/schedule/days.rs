//! Days that Agent has worked through: what it wrote, of which databases, and what it left out.

use super::{Bench, alone, job_of, jobs_of, logs_only, one, policy, read, rows};
use crate::asking::start;
use chrono::TimeDelta;
use stopat::{
    domain::{
        BackupType, DatabaseFacts, Limits, PolicyDatabases, PolicyId, PolicyKind, RunStatus,
        ScheduleFacts, plan_schedule,
    },
    run::{RunKind, read_journal, schedule::remove_schedule},
};

/// A name that ends names, texts and statements, and that a file name cannot hold.
const HOSTILE: &str = "a]b'; DROP TABLE x--$(y)/:.";

#[tokio::test]
async fn two_days_of_the_octopus_preset_are_what_the_policy_says() {
    let practice = start().await;
    let bench = Bench::new();
    let policy = policy(one("OctopusAI"));
    alone(&practice, "OctopusAI").await;
    let reading = bench.apply(&practice, &policy).await;
    let installed = reading.policy(&policy.id()).expect("three jobs");
    assert_eq!(
        installed.policy.as_ref(),
        Some(&policy),
        "the server keeps it"
    );
    for job in jobs_of(&policy, &reading) {
        assert_eq!(job.differences(installed.job(job.kind)), []);
    }

    practice.advance(2 * 86_400).await;
    // Noon to noon, twice: 2 fulls, 6 differentials, 192 logs.
    let history = practice.history().await;
    let octopus = history.database("OctopusAI").expect("backed up");
    let id = policy.id();
    let ours = |kind: PolicyKind| {
        octopus
            .sets()
            .filter(|set| set.name.as_deref() == Some(id.set_name(kind).as_str()))
            .collect::<Vec<_>>()
    };
    let counts: Vec<usize> = PolicyKind::ALL
        .into_iter()
        .map(|kind| ours(kind).len())
        .collect();
    assert_eq!(counts, [2, 6, 192]);
    let file = ours(PolicyKind::Differential)
        .first()
        .and_then(|set| set.device_names().next())
        .expect("a file")
        .to_owned();
    assert_eq!(
        file,
        r"\\backup-server\octopus\diff\OctopusAI_diff_20261122_180000.bak"
    );
    assert!(ours(PolicyKind::Log).iter().all(|set| set.has_checksums()));
    let there = practice
        .run(
            r"DECLARE @n TABLE (name nvarchar(512), depth int, [file] int);
               INSERT INTO @n EXEC master.dbo.xp_dirtree N'\\backup-server\octopus\log', 1, 1;
               SELECT COUNT(*) AS n FROM @n WHERE name LIKE N'OctopusAI_log_2026112[234]%';",
        )
        .await;
    assert!(there.first().and_then(|row| row.int("n")) >= Some(192));

    // No gap from the first full of the policy to now.
    let coverage = octopus.coverage(&Limits::default());
    let first = ours(PolicyKind::Full)[0].finish();
    let window = coverage.window_at(first).expect("reachable");
    assert_eq!(window.to, coverage.newest().expect("reachable"));
    let age = practice.clock().await.0 - window.to.instant.0;
    assert!(age < TimeDelta::minutes(16), "{age}");

    // The jobs' history: Agent keeps 100 rows of a job, two of each run.
    let reading = read(&practice).await;
    let installed = reading.policy(&id).expect("three jobs");
    let runs: Vec<usize> = installed
        .jobs
        .iter()
        .map(|job| job.outcomes.len())
        .collect();
    assert_eq!(runs, [2, 6, 50]);
    for job in &installed.jobs {
        assert!(
            job.outcomes
                .iter()
                .all(|run| run.status == RunStatus::Succeeded),
            "{job:?}"
        );
        assert_eq!(
            job.troubles(reading.agent, reading.server_now),
            [],
            "{}",
            job.name
        );
        assert!(job.next_run > Some(reading.server_now), "{}", job.name);
    }

    // A restore to a moment two days in, with only what the policy wrote.
    let at = first.instant.plus(TimeDelta::hours(30));
    assert!(coverage.window_at(octopus.clock().moment_at(at)).is_some());

    // Applied again, nothing changes; the loss is the interval and the longest log backup.
    let before = installed.seen();
    let again = bench.apply(&practice, &policy).await;
    assert_eq!(again.policy(&id).expect("there").seen(), before);
    let plan = plan_schedule(
        &policy,
        &ScheduleFacts {
            now: reading.server_now,
            now_utc: reading.now,
            databases: vec![DatabaseFacts {
                name: "OctopusAI",
                history: Some(&octopus),
                is_simple: false,
            }],
            other_jobs: &[],
            agent: reading.agent,
            can_compress: true,
            is_sysadmin: true,
        },
    );
    assert_eq!(plan.runs.len(), 1 + 3 + 96);
    assert_eq!(plan.loss.interval, TimeDelta::minutes(15));
    assert!(plan.loss.longest_backup.is_some());
    assert!(
        plan.restore
            .is_some_and(|restore| restore.logs == 24 || restore.logs == 48)
    );
    assert!(
        plan.storage
            .is_some_and(|storage| storage.bytes > 0 && storage.days == 14)
    );

    // Removed without a trace, and journaled.
    let changing = bench.changing(&practice, "OctopusAI");
    let journal = changing.journal.clone();
    let report = remove_schedule(&before, changing).await.expect("removed");
    assert!(report.done);
    let content = read_journal(&journal).expect("journaled");
    assert!(matches!(
        &content.entries[0].record,
        stopat::run::Record::Begin { run_kind: RunKind::Schedule, steps, .. } if steps.len() == 3
    ));
    assert!(read(&practice).await.policy(&id).is_none());
    let left = practice
        .run(
            "SELECT (SELECT COUNT(*) FROM msdb.dbo.sysjobs WHERE name LIKE N'stopat - %')
                   + (SELECT COUNT(*) FROM msdb.dbo.sysschedules WHERE name LIKE N'stopat - %')
                   + (SELECT COUNT(*) FROM msdb.dbo.sysjobsteps AS s WHERE NOT EXISTS
                        (SELECT * FROM msdb.dbo.sysjobs AS j WHERE j.job_id = s.job_id)) AS n;",
        )
        .await;
    assert_eq!(left.first().and_then(|row| row.int("n")), Some(0));
}

#[tokio::test]
async fn hostile_names_are_backed_up_and_told_from_their_files() {
    let practice = start().await;
    let bench = Bench::new();
    let quoted = HOSTILE.replace(']', "]]");
    practice
        .run(&format!(
            "CREATE DATABASE [{quoted}] ON (NAME = N'h', FILENAME = N'D:\\Data\\h.mdf') LOG ON (NAME = N'h_log', FILENAME = N'D:\\Data\\h_log.ldf');"
        ))
        .await;
    let policy = policy(one(HOSTILE));
    bench.apply(&practice, &policy).await;
    practice.advance(13 * 3_600).await;
    let history = practice.history().await;
    let database = history.database(HOSTILE).expect("backed up");
    let counts: Vec<usize> = [BackupType::Full, BackupType::Differential, BackupType::Log]
        .into_iter()
        .map(|kind| database.sets().filter(|set| set.kind() == kind).count())
        .collect();
    // At 18:00 no differential yet; logs from the full at midnight on.
    assert_eq!((counts[0], counts[1]), (1, 0), "{counts:?}");
    assert!(counts[2] >= 3, "{counts:?}");
    let name = database
        .sets()
        .next()
        .and_then(|set| set.device_names().next().map(str::to_owned))
        .expect("a file");
    let file = name.rsplit('\\').next().expect("a name");
    let escaped = file.split("_full_").next().expect("the database");
    assert_eq!(
        stopat::domain::unescape_file_name(escaped).as_deref(),
        Some(HOSTILE)
    );
    assert_eq!(stopat::domain::escape_file_name(HOSTILE), escaped);
    let reading = read(&practice).await;
    let installed = reading.policy(&policy.id()).expect("three jobs");
    assert_eq!(installed.policy.as_ref(), Some(&policy));
    let skipped = &installed
        .job(PolicyKind::Differential)
        .expect("a job")
        .outcomes[0];
    assert_eq!(skipped.status, RunStatus::Succeeded);
    assert!(
        skipped.messages.iter().any(|text| text.contains("Skipped")
            && text.contains("it has no full backup yet that a differential could build on")),
        "{skipped:?}"
    );
}

#[tokio::test]
async fn all_user_databases_but_those_left_out_each_with_its_reason() {
    let practice = start().await;
    let bench = Bench::new();
    let policy = logs_only(PolicyDatabases::AllUser {
        except: ["Ledger".to_owned()].into(),
    });
    practice
        .run("ALTER DATABASE [Warehouse] SET OFFLINE;")
        .await;
    bench.apply(&practice, &policy).await;
    practice.advance(15 * 60).await;
    let reading = read(&practice).await;
    let job = job_of(&reading, &policy, PolicyKind::Log);
    let run = &job.outcomes[0];
    assert_eq!(run.status, RunStatus::Succeeded, "{run:?}");
    let text = run.messages.join(" ");
    assert!(
        text.contains("Skipped [Scratch]: it is in simple recovery, which has no log backups."),
        "{text}"
    );
    assert!(
        text.contains("Skipped [Warehouse]: it is OFFLINE."),
        "{text}"
    );
    assert!(!text.contains("Ledger"), "{text}");
    let written = practice
        .run(&format!(
            "SELECT database_name FROM msdb.dbo.backupset WHERE name = N'{}' ORDER BY database_name;",
            policy.id().set_name(PolicyKind::Log)
        ))
        .await;
    assert_eq!(
        rows(&written, "database_name"),
        ["CRM", "OctopusAI", "OctopusAudit"]
    );
    // It is the schedule of each that it means, and what it leaves out may have one of its own beside it.
    assert_eq!(
        reading.policy_of("crm").map(|found| &found.id),
        Some(&policy.id())
    );
    assert!(reading.policy_of("Ledger").is_none());
    let disturbs = |name: &str| {
        let jobs = reading.other_jobs(&PolicyId::of(&one(name)), &one(name));
        jobs.iter()
            .any(|job| job.name == "stopat - all user databases - log" && job.backs_up.is_some())
    };
    assert!(disturbs("CRM"));
    assert!(!disturbs("Ledger"));
    // On a replica that is not preferred nothing is backed up.
    practice.option("preferred_replica", "no").await;
    practice.advance(15 * 60).await;
    let reading = read(&practice).await;
    let job = job_of(&reading, &policy, PolicyKind::Log);
    let text = job.outcomes[0].messages.join(" ");
    assert!(text.contains("Skipped [OctopusAI]: another replica of its availability group is preferred for backups."), "{text}");
    practice.option("preferred_replica", "yes").await;
}
