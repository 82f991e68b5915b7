//! A policy carried out by Agent: applied, run for two days, changed by hand, refused, removed.

use super::asking::{Practice, own_clock, start, start_with, until};
use chrono::TimeDelta;
use stopat::{
    domain::{
        AgentState, BackupType, Conflict, DatabaseFacts, Deleting, JobDefinition, JobDifference,
        JobTrouble, LeftOut, Limits, Policy, PolicyDatabases, PolicyId, PolicyKind, RunStatus,
        ScheduleFacts, SchedulePlan, SchedulerKind, Times, conflicts, plan_schedule, retention,
    },
    practice::engine::Edition,
    run::{
        RunId, RunKind, Who, read_journal,
        schedule::{
            Changing, RetentionDoubt, RetentionError, ScheduleReading, apply_schedule, definitions,
            read_schedule, remove_schedule, run_retention,
        },
    },
    settings::load_applications,
    tsql::ServerFacts,
};
use tokio_util::sync::CancellationToken;

/// A name that ends names, texts and statements, and that a file name cannot hold.
const HOSTILE: &str = "a]b'; DROP TABLE x--$(y)/:.";

fn policy(databases: PolicyDatabases) -> Policy {
    let found = load_applications(std::path::Path::new("nowhere"));
    let octopus = found.applications.first().expect("shipped");
    octopus
        .schedule
        .as_ref()
        .expect("a preset")
        .policy(databases, r"\\backup-server\octopus", &octopus.objectives)
        .expect("a policy")
}

fn one(name: &str) -> PolicyDatabases {
    PolicyDatabases::One(name.to_owned())
}

async fn read(practice: &Practice) -> ScheduleReading {
    let mut connection = practice.connect().await;
    read_schedule(connection.as_mut())
        .await
        .expect("the schedule is readable")
}

fn plan(policy: &Policy, reading: &ScheduleReading) -> SchedulePlan {
    let others = reading.other_jobs(&policy.id(), &policy.databases);
    plan_schedule(
        policy,
        &ScheduleFacts {
            now: reading.server_now,
            now_utc: reading.now,
            databases: Vec::new(),
            other_jobs: &others,
            agent: reading.agent,
            can_compress: reading.can_compress,
            is_sysadmin: reading.is_sysadmin,
        },
    )
}

fn jobs_of(policy: &Policy, reading: &ScheduleReading) -> Vec<JobDefinition> {
    definitions(policy, &plan(policy, reading))
}

/// The journals of a test lie in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
    n: std::cell::Cell<u16>,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            n: std::cell::Cell::new(0),
        }
    }

    fn changing<'a>(&self, practice: &'a Practice, about: &str) -> Changing<'a> {
        self.n.set(self.n.get() + 1);
        let run = RunId::new(own_clock(), self.n.get());
        Changing {
            gateway: &practice.gateway,
            journal: self.folder.path().join(format!("{}.jsonl", run.0)),
            run,
            who: Who::default(),
            about: about.to_owned(),
            facts: ServerFacts {
                server_name: Some("PRACTICE".to_owned()),
                tail_file: None,
            },
            now: own_clock,
            cancel: CancellationToken::new(),
        }
    }

    async fn apply(&self, practice: &Practice, policy: &Policy) -> ScheduleReading {
        let reading = read(practice).await;
        let jobs = jobs_of(policy, &reading);
        let seen = reading
            .policy(&policy.id())
            .map(|installed| installed.seen())
            .unwrap_or_default();
        let report = apply_schedule(&jobs, &seen, &[], self.changing(practice, "test"))
            .await
            .expect("applied");
        assert!(report.done, "{:?}", report.steps.last());
        read(practice).await
    }
}

/// Switches the world's own backup jobs off: the policy alone works then.
pub async fn alone(practice: &Practice, database: &str) {
    for word in ["full", "diff", "log"] {
        practice
            .run(&format!(
                "EXEC msdb.dbo.sp_update_job @job_name = N'stopat practice - {database} - {word}', @enabled = 0;"
            ))
            .await;
    }
}

fn rows(answer: &stopat::server::Answer, column: &str) -> Vec<String> {
    answer
        .rows()
        .iter()
        .map(|row| {
            row.text(column)
                .or_else(|| row.int(column).map(|n| n.to_string()))
                .unwrap_or_default()
        })
        .collect()
}

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
    let mut policy = policy(PolicyDatabases::AllUser {
        except: ["Ledger".to_owned()].into(),
    });
    policy
        .backups
        .retain(|backup| backup.kind == PolicyKind::Log);
    practice
        .run("ALTER DATABASE [Warehouse] SET OFFLINE;")
        .await;
    bench.apply(&practice, &policy).await;
    practice.advance(15 * 60).await;
    let reading = read(&practice).await;
    let job = reading
        .policy(&policy.id())
        .and_then(|installed| installed.job(PolicyKind::Log))
        .expect("a job");
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
    let job = reading
        .policy(&policy.id())
        .and_then(|installed| installed.job(PolicyKind::Log))
        .expect("a job");
    let text = job.outcomes[0].messages.join(" ");
    assert!(text.contains("Skipped [OctopusAI]: another replica of its availability group is preferred for backups."), "{text}");
    practice.option("preferred_replica", "yes").await;
}

#[tokio::test]
async fn what_breaks_a_backup_stands_in_the_job_history_in_the_servers_words() {
    let practice = start().await;
    let bench = Bench::new();
    let mut policy = policy(one("OctopusAI"));
    policy
        .backups
        .retain(|backup| backup.kind == PolicyKind::Log);
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
        let job = reading
            .policy(&policy.id())
            .and_then(|installed| installed.job(PolicyKind::Log))
            .expect("a job");
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
    let job = reading
        .policy(&all.id())
        .and_then(|installed| installed.job(PolicyKind::Log))
        .expect("a job");
    assert_eq!(job.outcomes[0].status, RunStatus::Failed);
    assert!(job.outcomes[0].messages.join(" ").contains("(Error 3201)"));
}

#[tokio::test]
async fn what_somebody_changed_by_hand_is_a_difference_and_is_not_overwritten_unseen() {
    let practice = start().await;
    let bench = Bench::new();
    let policy = policy(one("OctopusAI"));
    let before = bench.apply(&practice, &policy).await;
    let name = PolicyId::job_name(&policy.databases, PolicyKind::Log);
    let other = PolicyId::job_name(&policy.databases, PolicyKind::Differential);
    practice
        .run(&format!(
            "EXEC msdb.dbo.sp_update_job @job_name = N'{name}', @enabled = 0;
             EXEC msdb.dbo.sp_update_job @job_name = N'{other}', @enabled = 0;
             EXEC msdb.dbo.sp_update_jobstep @job_name = N'{name}', @step_id = 1, @command = N'PRINT 1';
             EXEC msdb.dbo.sp_update_schedule @name = N'{name}', @freq_subday_interval = 30;"
        ))
        .await;
    let reading = read(&practice).await;
    let installed = reading.policy(&policy.id()).expect("still known");
    assert_eq!(
        installed.policy.as_ref(),
        Some(&policy),
        "the other steps hold it"
    );
    let jobs = jobs_of(&policy, &reading);
    let log = jobs
        .iter()
        .find(|job| job.kind == PolicyKind::Log)
        .expect("a log job");
    let differences = log.differences(installed.job(PolicyKind::Log));
    assert_eq!(differences.len(), 3, "{differences:?}");
    assert!(
        differences.contains(&JobDifference::Disabled)
            && differences.contains(&JobDifference::Command)
    );
    let troubles = installed
        .job(PolicyKind::Log)
        .expect("there")
        .troubles(reading.agent, reading.server_now);
    assert!(troubles.contains(&JobTrouble::Disabled));

    // Switched off it does not run, and switched on again it does.
    let next = |reading: &ScheduleReading| {
        let installed = reading.policy(&policy.id()).expect("there");
        installed
            .job(PolicyKind::Differential)
            .expect("there")
            .next_run
    };
    assert_eq!(next(&reading), None);

    // What was seen before the change is not what is there now.
    let stale = before.policy(&policy.id()).expect("applied").seen();
    let report = apply_schedule(&jobs, &stale, &[], bench.changing(&practice, "OctopusAI"))
        .await
        .expect("journaled");
    assert!(!report.done);
    assert!(format!("{:?}", report.steps.last()).contains("was changed since it was looked at"));
    let after = bench.apply(&practice, &policy).await;
    let installed = after.policy(&policy.id()).expect("there");
    for job in jobs_of(&policy, &after) {
        assert_eq!(job.differences(installed.job(job.kind)), []);
    }
    assert_eq!(next(&after), next(&before));
    assert!(next(&after).is_some());
}

#[tokio::test]
async fn what_already_backs_up_is_shown_and_what_keeps_a_job_from_running_is_told() {
    let practice = start().await;
    let bench = Bench::new();
    let policy = policy(one("OctopusAI"));
    let reading = read(&practice).await;
    let history = practice.history().await;
    let octopus = history.database("OctopusAI").expect("backed up");
    let others = reading.other_jobs(&policy.id(), &policy.databases);
    let found = conflicts(
        &policy.id(),
        &others,
        [octopus.as_ref()],
        reading.now.plus(-TimeDelta::days(14)),
    );
    let jobs = found
        .iter()
        .filter(|conflict| matches!(conflict, Conflict::Job { .. }))
        .count();
    let sets = found
        .iter()
        .filter(|conflict| matches!(conflict, Conflict::Backups(_)))
        .count();
    assert_eq!((jobs, sets), (3, 3), "{found:?}");
    assert!(plan(&policy, &reading).clashes.len() >= 3);

    bench.apply(&practice, &policy).await;
    practice.option("agent", "stopped").await;
    practice.advance(3_600).await;
    let reading = read(&practice).await;
    assert_eq!(reading.agent, AgentState::Stopped);
    let job = reading
        .policy(&policy.id())
        .and_then(|p| p.job(PolicyKind::Log))
        .expect("there");
    let troubles = job.troubles(reading.agent, reading.server_now);
    assert!(troubles.contains(&JobTrouble::AgentStopped), "{troubles:?}");
    assert!(
        troubles
            .iter()
            .any(|trouble| matches!(trouble, JobTrouble::Missed { runs, .. } if *runs >= 3)),
        "{troubles:?}"
    );
    let refused = practice
        .fails(&format!(
            "EXEC msdb.dbo.sp_start_job @job_name = N'{}';",
            job.name
        ))
        .await;
    assert_eq!(refused.number(), Some(22_022), "{refused:?}");
    practice.option("agent", "running").await;

    // An owner whose login is gone.
    practice
        .run(&format!(
            "UPDATE msdb.dbo.sysjobs SET owner_sid = 0x0105 WHERE name = N'{}';",
            job.name
        ))
        .await;
    practice.advance(15 * 60).await;
    let reading = read(&practice).await;
    let job = reading
        .policy(&policy.id())
        .and_then(|p| p.job(PolicyKind::Log))
        .expect("there");
    assert_eq!(job.owner, None);
    let troubles = job.troubles(reading.agent, reading.server_now);
    assert!(troubles.contains(&JobTrouble::NoOwner), "{troubles:?}");
    assert!(
        job.outcomes[0].messages[0].contains("15404"),
        "{:?}",
        job.outcomes[0]
    );
}

#[tokio::test]
async fn express_has_no_agent_and_no_compression() {
    let practice = start_with(|options| options.edition = Edition::Express).await;
    let policy = policy(one("OctopusAI"));
    let reading = read(&practice).await;
    assert_eq!(reading.agent, AgentState::Absent);
    let plan = plan(&policy, &reading);
    assert_eq!(plan.scheduler, SchedulerKind::OperatingSystem);
    assert_eq!(plan.left_out, [LeftOut::Compression, LeftOut::Agent]);
    assert!(!plan.options.compression);
    let refused = practice
        .fails(r"BACKUP DATABASE [OctopusAI] TO DISK = N'\\backup-server\octopus\x.bak' WITH COMPRESSION;")
        .await;
    assert_eq!(refused.number(), Some(1844), "{refused:?}");
    // The same T-SQL, as the operating system's scheduler sends it.
    for job in jobs_of(&policy, &reading) {
        practice.run(&job.command).await;
    }
    let history = practice.history().await;
    let octopus = history.database("OctopusAI").expect("backed up");
    let id = policy.id();
    let ours = octopus
        .sets()
        .filter(|set| {
            set.name
                .as_deref()
                .and_then(PolicyId::of_set)
                .is_some_and(|(of, _)| of == id)
        })
        .count();
    assert_eq!(ours, 3);
}

#[tokio::test]
async fn retention_deletes_what_the_list_says_and_stops_at_the_first_doubt() {
    let practice = start().await;
    let bench = Bench::new();
    practice
        .run(
            r"CREATE DATABASE [Toy] ON (NAME = N't', FILENAME = N'D:\Data\t.mdf') LOG ON (NAME = N'tl', FILENAME = N'D:\Data\tl.ldf');
              EXEC master.dbo.xp_create_subdir N'D:\Backup\full'; EXEC master.dbo.xp_create_subdir N'D:\Backup\diff'; EXEC master.dbo.xp_create_subdir N'D:\Backup\log';",
        )
        .await;
    let mut policy = policy(one("Toy"));
    policy.share = r"D:\Backup".to_owned();
    // A log every two hours is enough of a chain.
    policy.backups[2].times = Times::every(120);
    policy.retention.window_days = std::num::NonZeroU32::new(1).expect("one");
    policy.retention.least_fulls = std::num::NonZeroU32::MIN;
    bench.apply(&practice, &policy).await;
    practice.advance(3 * 86_400).await;
    let history = practice.history().await;
    let toy = history.database("Toy").expect("backed up");
    let now = practice.clock().await;
    let list = retention(&toy, &policy, now);
    let n = list.removable().count();
    assert!(n > 10, "{n} of {}", list.files.len());
    let before = toy.coverage(&Limits::default());

    // Off by default.
    let off = run_retention(&toy, &policy, &list, bench.changing(&practice, "Toy")).await;
    assert!(matches!(off, Err(RetentionError::Off)));
    policy.retention.deleting = Deleting::WhenAsked;

    // A file of the list holds another set now: the run ends before it.
    let third = list.removable().nth(2).expect("many").path.clone();
    practice
        .run(&format!(
            "BACKUP DATABASE [Toy] TO DISK = N'{third}' WITH COPY_ONLY, NAME = N'by hand';"
        ))
        .await;
    let report = run_retention(&toy, &policy, &list, bench.changing(&practice, "Toy"))
        .await
        .expect("it ran");
    assert_eq!(report.deleted.len(), 2, "{report:?}");
    assert_eq!(
        report.doubt,
        Some(RetentionDoubt::Differs {
            file: third.clone()
        })
    );

    // What the window rests on is gone: nothing is deleted.
    let foundation = list
        .foundations
        .first()
        .expect("a full before the window")
        .clone();
    practice.option("no_permission", &foundation).await;
    let report = run_retention(&toy, &policy, &list, bench.changing(&practice, "Toy"))
        .await
        .expect("it ran");
    assert!(report.deleted.is_empty());
    assert!(
        matches!(
            report.doubt,
            Some(RetentionDoubt::FoundationUnreadable { .. })
        ),
        "{report:?}"
    );
    practice.option("repaired", &foundation).await;

    // Judged again, the file with the foreign set stays; the rest goes, and the window is as it was.
    let history = practice.history().await;
    let toy = history.database("Toy").expect("backed up");
    let mut list = retention(&toy, &policy, now);
    let gone: Vec<String> = report.deleted.clone();
    list.files.retain(|file| !gone.contains(&file.path));
    let there: Vec<String> = {
        let mut there = Vec::new();
        for file in &list.files {
            let answer = practice
                .run(&format!("DECLARE @t int; EXEC master.dbo.xp_fileexist N'{}', @t OUTPUT; SELECT @t AS t;", file.path))
                .await;
            if answer.first().and_then(|row| row.int("t")) == Some(1) {
                there.push(file.path.clone());
            }
        }
        there
    };
    list.files.retain(|file| there.contains(&file.path));
    let changing = bench.changing(&practice, "Toy");
    let journal = changing.journal.clone();
    let report = run_retention(&toy, &policy, &list, changing)
        .await
        .expect("it ran");
    assert_eq!(report.doubt, None);
    assert_eq!(report.deleted.len(), n - 3);
    assert!(!report.deleted.contains(&third));
    let content = read_journal(&journal).expect("journaled");
    assert!(matches!(
        &content.entries[0].record,
        stopat::run::Record::Begin {
            run_kind: RunKind::Retention,
            ..
        }
    ));
    // The newest moment of the window and its first are still reached, with the files that are left.
    let plan = stopat::domain::plan(
        &toy,
        &stopat::domain::RestoreRequest::to(stopat::domain::Target::At(list.window_from)),
    )
    .expect("reachable");
    for step in &plan.steps {
        for device in &step.devices {
            practice
                .run(&format!(
                    "RESTORE HEADERONLY FROM DISK = N'{}';",
                    device.name()
                ))
                .await;
        }
    }
    assert!(before.window_at(list.window_from).is_some());
}

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

#[tokio::test]
async fn the_operator_gets_an_e_mail_when_a_job_fails_and_only_then() {
    let practice = start().await;
    let bench = Bench::new();
    practice
        .run("EXEC msdb.dbo.sp_add_operator @name = N'night shift', @enabled = 1, @email_address = N'night@example.com';")
        .await;
    let mut policy = policy(one("OctopusAI"));
    policy.notify.operator = Some("night shift".to_owned());
    policy
        .backups
        .retain(|backup| backup.kind == PolicyKind::Log);
    let reading = bench.apply(&practice, &policy).await;
    let job = reading
        .policy(&policy.id())
        .and_then(|installed| installed.job(PolicyKind::Log))
        .expect("a job");
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
    let mut policy = policy(one("OctopusAI"));
    policy
        .backups
        .retain(|backup| backup.kind == PolicyKind::Log);
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
    let job = reading
        .policy(&policy.id())
        .and_then(|installed| installed.job(PolicyKind::Log))
        .expect("a job");
    assert_eq!(job.outcomes[0].status, RunStatus::Failed);
    practice
        .option("repaired", r"\\backup-server\octopus")
        .await;
    practice.advance(15 * 60).await;
    let reading = read(&practice).await;
    let job = reading
        .policy(&policy.id())
        .and_then(|installed| installed.job(PolicyKind::Log))
        .expect("a job");
    assert_eq!(job.outcomes[0].status, RunStatus::Succeeded);
    // A login that may not see everything is told so before it applies.
    assert_eq!(plan(&policy, &reading).left_out, []);
    let blind = ScheduleReading {
        is_sysadmin: false,
        ..reading
    };
    assert_eq!(plan(&policy, &blind).left_out, [LeftOut::Sight]);
}
