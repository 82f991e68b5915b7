//! What the users of a managed instance and of Amazon RDS run themselves, on practice servers that answer as such.

use super::practice::Practice;
use std::{path::Path, sync::Mutex, time::Duration};
use stopat::{
    domain::UtcTime,
    practice::engine::Edition,
    run::{
        ByHand, ByHandFailure, ByHandOrder, ByHandReport, ByHandService, ByHandSurroundings,
        ByHandWork, Expectations, Journal, Record, RunId, RunKind, TableName, Who, drop_copy,
        journal_path, read_journal, run_by_hand,
    },
    server::{Gateway as _, Platform, ask, read_server},
    tsql::{Batch, BatchKind, Purpose},
};
use tokio_util::sync::CancellationToken;

fn now() -> UtcTime {
    UtcTime(chrono::Utc::now())
}

fn run(sql: &str) -> Batch {
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::Ask,
        title: String::new(),
        sql: sql.to_owned(),
    }
}

/// The error numbers that statements end with.
async fn refused(practice: &Practice, cases: &[(&str, i64)]) {
    for (sql, number) in cases {
        let mut connection = practice.gateway().connect().await.expect("it lets us in");
        let error = ask(connection.as_mut(), &run(sql))
            .await
            .expect_err("not here");
        assert_eq!(error.number(), Some(*number), "{sql}: {error:?}");
    }
}

async fn platform(practice: &Practice) -> Platform {
    let mut connection = practice.gateway().connect().await.expect("it lets us in");
    let reading = read_server(connection.as_mut(), now)
        .await
        .expect("it tells who it is");
    reading.info.platform
}

struct Ran {
    report: ByHandReport,
    said: Vec<String>,
    records: Vec<Record>,
}

async fn ran(practice: &Practice, folder: &Path, id: &str, by_hand: ByHand) -> Ran {
    let id = RunId(id.to_owned());
    let path = journal_path(folder, &id);
    let said = Mutex::new(Vec::new());
    let gateway = practice.gateway();
    let order = ByHandOrder {
        id,
        server: "PRACTICE".to_owned(),
        by_hand,
        expected: Expectations {
            tables: vec![TableName {
                schema: "dbo".to_owned(),
                table: "Octopus_Agents".to_owned(),
            }],
            schema_version: None,
        },
        who: Who::default(),
    };
    let report = run_by_hand(
        order,
        Journal::create(&path).expect("writable"),
        ByHandSurroundings {
            gateway: &gateway,
            tell: &|line| said.lock().expect("no panic").push(line),
            cancel: &CancellationToken::new(),
            now,
            interval: Duration::from_millis(20),
        },
    )
    .await
    .expect("the journal is kept");
    Ran {
        report,
        said: said.into_inner().expect("no panic"),
        records: read_journal(&path)
            .expect("readable")
            .entries
            .into_iter()
            .map(|entry| entry.record)
            .collect(),
    }
}

fn ended(ran: &Ran) -> &str {
    match ran.records.last() {
        Some(Record::End { end, .. }) => end,
        other => panic!("{other:?}"),
    }
}

fn work(service: ByHandService, place: &str, into: Option<&str>) -> ByHand {
    ByHand {
        service,
        work: into.map_or(ByHandWork::Backup, |into| ByHandWork::Restore {
            into: into.to_owned(),
        }),
        database: "OctopusAI".to_owned(),
        place: place.to_owned(),
    }
}

#[test]
fn a_managed_instance_takes_copies_to_urls_and_restores_them() {
    let practice = Practice::start(Edition::ManagedInstance);
    let folder = tempfile::tempdir().expect("a temporary folder");
    practice.runtime.block_on(async {
        assert_eq!(platform(&practice).await, Platform::ManagedInstance);
        refused(
            &practice,
            &[
                ("BACKUP DATABASE OctopusAI TO DISK = N'x.bak' WITH COPY_ONLY;", 41901),
                ("BACKUP DATABASE OctopusAI TO URL = N'https://a.blob.core.windows.net/b/x.bak';", 41904),
                ("BACKUP LOG OctopusAI TO URL = N'https://a.blob.core.windows.net/b/x.trn' WITH COPY_ONLY;", 41904),
                ("RESTORE DATABASE x FROM DISK = N'x.bak';", 41902),
                ("RESTORE DATABASE x FROM URL = N'https://a.blob.core.windows.net/b/x.bak' WITH STATS = 5;", 41901),
                ("RESTORE DATABASE x FROM URL = N'https://a.blob.core.windows.net/b/none.bak';", 3201),
            ],
        )
        .await;
        let url = "https://a.blob.core.windows.net/b/octopus.bak";
        let backup = ran(&practice, folder.path(), "b", work(ByHandService::ManagedInstance, url, None)).await;
        assert_eq!(backup.report.failure, None, "{:?}", backup.said);
        assert_eq!(ended(&backup), "verified");
        assert!(matches!(backup.records.first(), Some(Record::Begin { run_kind: RunKind::Backup, .. })));
        assert!(!backup.said.is_empty(), "the server's messages are told");
        let mut connection = practice.gateway().connect().await.expect("it lets us in");
        let history = ask(
            connection.as_mut(),
            &run("SELECT COUNT(*) AS n FROM msdb.dbo.backupset AS s JOIN msdb.dbo.backupmediafamily AS f ON f.media_set_id = s.media_set_id
                  WHERE s.is_copy_only = 1 AND f.device_type = 9 AND f.physical_device_name = N'https://a.blob.core.windows.net/b/octopus.bak';"),
        )
        .await
        .expect("msdb is there");
        assert_eq!(history.first().and_then(|row| row.int("n")), Some(1));

        let restore = ran(&practice, folder.path(), "r", work(ByHandService::ManagedInstance, url, Some("Copy'] of it"))).await;
        assert_eq!(restore.report.failure, None, "{:?}", restore.said);
        let found = restore.report.verification.as_ref().expect("it was looked at");
        assert_eq!(found.tables.len(), 1);
        assert_eq!(found.tables[0].rows_copy, found.tables[0].rows_original);
        assert!(restore.records.iter().any(|record| matches!(record, Record::CopyCreated { .. })));
        let again = ran(&practice, folder.path(), "a", work(ByHandService::ManagedInstance, url, Some("Copy'] of it"))).await;
        assert!(matches!(again.report.failure, Some(ByHandFailure::Server(_))), "{:?}", again.report.failure);
        assert_eq!(ended(&again), "failed");
        let journal = journal_path(folder.path(), &RunId("r".to_owned()));
        let dropped = drop_copy(&practice.gateway(), &journal, now).await.expect("by its identity");
        assert_eq!(dropped, "Copy'] of it");
    });
}

#[test]
fn amazon_rds_works_by_tasks_of_its_own() {
    let practice = Practice::start(Edition::Rds);
    let folder = tempfile::tempdir().expect("a temporary folder");
    practice.runtime.block_on(async {
        assert_eq!(platform(&practice).await, Platform::AmazonRds);
        // Nobody but Amazon backs a log up there, and that is of the whole instance.
        let mut connection = practice.gateway().connect().await.expect("it lets us in");
        let history = ask(
            connection.as_mut(),
            &run("SELECT (SELECT COUNT(*) FROM msdb.dbo.sysjobs) AS jobs,
                         (SELECT COUNT(*) FROM msdb.dbo.backupset WHERE type <> 'D' OR database_name = N'rdsadmin') AS others,
                         (SELECT COUNT(*) FROM msdb.dbo.backupset WHERE type = 'D' AND database_name = N'OctopusAI') AS fulls;"),
        )
        .await
        .expect("msdb is there");
        let row = history.first().expect("one row");
        assert_eq!(row.int("jobs"), Some(0));
        assert_eq!(row.int("others"), Some(0));
        assert!(row.int("fulls").is_some_and(|n| n >= 1), "that of the night");
        refused(
            &practice,
            &[
                ("BACKUP DATABASE OctopusAI TO DISK = N'x.bak';", 262),
                ("BACKUP LOG OctopusAI TO DISK = N'x.trn';", 262),
                ("RESTORE DATABASE x FROM DISK = N'x.bak';", 3110),
                ("EXEC msdb.dbo.rds_backup_database @source_db_name = N'OctopusAI', @s3_arn_to_backup_to = N'D:\\x.bak';", 50000),
                ("EXEC msdb.dbo.rds_cancel_task @task_id = 99;", 50000),
            ],
        )
        .await;
        let arn = "arn:aws:s3:::bucket/octopus.bak";
        let backup = ran(&practice, folder.path(), "b", work(ByHandService::AmazonRds, arn, None)).await;
        assert_eq!(backup.report.failure, None, "{:?}", backup.said);
        assert!(backup.said.iter().any(|line| line.contains("SUCCESS")), "{:?}", backup.said);
        // An object that is there is not written over.
        let twice = ran(&practice, folder.path(), "t", work(ByHandService::AmazonRds, arn, None)).await;
        assert!(matches!(twice.report.failure, Some(ByHandFailure::Server(_))), "{:?}", twice.report.failure);
        let restore = ran(&practice, folder.path(), "r", work(ByHandService::AmazonRds, arn, Some("OctopusAI_copy"))).await;
        assert_eq!(restore.report.failure, None, "{:?}", restore.said);
        assert_eq!(ended(&restore), "verified");
        assert!(restore.report.verification.is_some());
        let missing = ran(&practice, folder.path(), "m", work(ByHandService::AmazonRds, "arn:aws:s3:::bucket/none.bak", Some("x"))).await;
        let Some(ByHandFailure::Task { said }) = &missing.report.failure else {
            panic!("{:?}", missing.report.failure);
        };
        assert!(said.contains("none.bak"), "{said}");
        assert_eq!(ended(&missing), "failed");
    });
}
