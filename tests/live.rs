//! The main job against a real SQL Server, and probes of what only a real one can confirm.
//!
//! Runs only when `STOPAT_TEST_SERVER` names a server, as `host`, `host,port` or `host\instance`; else each test says so and passes.
//! `STOPAT_TEST_USER` and `STOPAT_TEST_PASSWORD` sign in; the login must be a sysadmin.
//! `STOPAT_TEST_FOLDER` is a folder that the server can write to, as the server sees it.
//! `STOPAT_TEST_FINGERPRINT` pins its certificate; without it the one that it shows is printed and used.
//!
//! Databases, logins and jobs that are made here begin with `stopat_live_` and are dropped at the end.

#[path = "live/probes.rs"]
mod probes;
#[path = "live/server.rs"]
mod server;

use server::{Live, live};
use stopat::{
    domain::{
        Destination, History, HistoryRecords, RestoreRequest, Target, check, is_proved, plan,
    },
    run::{
        Expectations, Journal, Outcome, RestoreJob, RunEnd, RunEvent, RunId, Surroundings,
        TableName, count_exactly, drop_copy, journal_path, run_restore,
    },
    server::{Gateway as _, HistoryReader, read_server},
    tsql::{ServerFacts, restore_script},
    worker,
};
use tokio_util::sync::CancellationToken;

/// The table that is lost and comes back.
const TABLE: &str = "Octopus_Agents";

/// Makes a database with a full, a differential and three logs, and loses every row between the second and the third.
///
/// Returns the server's time right before the loss, and the rows then.
async fn lose_everything(live: &Live, database: &str) -> (stopat::domain::ServerTime, u64) {
    let mut connection = live.connect().await;
    let folder = &live.folder;
    let backup = |kind: &str, name: &str, options: &str| {
        format!(
            "BACKUP {kind} [{database}] TO DISK = N'{folder}/{database}_{name}' WITH CHECKSUM, INIT{options};"
        )
    };
    let fill = |n: usize| {
        format!(
            "USE [{database}]; INSERT INTO dbo.{TABLE} (name) SELECT TOP ({n}) a.name FROM sys.all_columns AS a CROSS JOIN sys.objects AS b;"
        )
    };
    for sql in [
        format!("CREATE DATABASE [{database}]; ALTER DATABASE [{database}] SET RECOVERY FULL;"),
        format!(
            "USE [{database}]; CREATE TABLE dbo.{TABLE} (id int IDENTITY PRIMARY KEY, name nvarchar(200) NULL);
             CREATE TABLE dbo.__EFMigrationsHistory (MigrationId nvarchar(150) PRIMARY KEY, ProductVersion nvarchar(32) NOT NULL);
             INSERT INTO dbo.__EFMigrationsHistory VALUES (N'20260101000000_First', N'9.0.0');"
        ),
        fill(500),
        backup("DATABASE", "full.bak", ""),
        fill(100),
        backup("DATABASE", "diff.bak", ", DIFFERENTIAL"),
        fill(50),
        backup("LOG", "1.trn", ""),
        fill(25),
        "WAITFOR DELAY '00:00:03';".to_owned(),
    ] {
        live.run(connection.as_mut(), &sql).await;
    }
    let answer = live
        .run(
            connection.as_mut(),
            &format!(
                "SELECT CAST(SYSDATETIME() AS datetime2(0)) AS moment, (SELECT COUNT_BIG(*) FROM [{database}].dbo.{TABLE}) AS n;"
            ),
        )
        .await;
    let row = answer.first().expect("one row");
    let moment = row.time("moment").expect("a time");
    let rows = u64::try_from(row.int("n").expect("a count")).expect("counts are positive");
    for sql in [
        "WAITFOR DELAY '00:00:03';".to_owned(),
        format!("DELETE FROM [{database}].dbo.{TABLE} WHERE 1 = 1;"),
        "WAITFOR DELAY '00:00:02';".to_owned(),
        backup("LOG", "2.trn", ""),
        "WAITFOR DELAY '00:00:02';".to_owned(),
        fill(1),
        backup("LOG", "3.trn", ""),
    ] {
        live.run(connection.as_mut(), &sql).await;
    }
    (moment, rows)
}

#[test]
fn every_row_comes_back_in_a_copy_and_the_copy_is_dropped() {
    let Some(live) = live("the main job") else {
        return;
    };
    let database = live.name("main");
    live.block_on(async {
        let (moment, rows) = lose_everything(&live, &database).await;
        let gateway = &live.server;
        let mut connection = live.connect().await;
        let reading = read_server(connection.as_mut(), worker::now)
            .await
            .expect("the server says who it is");
        let slice = HistoryReader::new(reading.columns)
            .read(connection.as_mut(), &CancellationToken::new())
            .await
            .expect("msdb is readable");
        let (history, notes) = History::from_records(HistoryRecords {
            server: reading.recorded(),
            backup_sets: slice.backup_sets,
            restore_history: slice.restores,
            marks: slice.marks,
            changes: slice.changes,
        });
        for note in notes {
            eprintln!("note: {note:?}");
        }
        let known = history.database(&database).expect("it has backups");
        let copy = format!("{database}_copy");
        let mut request = RestoreRequest::to(Target::At(known.clock().moment(moment)));
        request.destination = Destination::Copy {
            name: copy.clone(),
            files_to: reading.info.default_data_path.clone(),
        };
        let made = plan(&known, &request).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        assert!(is_proved(&check(&made, &known)), "{made:?}");
        assert_eq!(
            made.steps.len(),
            4,
            "full, differential and two logs: {made:?}"
        );

        let folder = tempfile::tempdir().expect("a temporary folder");
        let facts = ServerFacts {
            server_name: Some(reading.info.name.clone()),
            tail_file: None,
        };
        eprintln!("{}", restore_script(&made, &facts).to_sql());
        let job = RestoreJob {
            run: RunId::new(worker::now(), 0x11fe),
            plan: made,
            request,
            history: history.clone(),
            facts,
            expected: Expectations {
                tables: vec![table()],
                schema_version: None,
            },
            utc_offset_minutes: reading.info.utc_offset.minutes(),
            who: stopat::run::Who::default(),
            choices: stopat::run::RunChoices::default(),
        };
        let journal = journal_path(folder.path(), &job.run);
        let surroundings = Surroundings {
            gateway,
            journal: Journal::create(&journal).expect("the folder is writable"),
            tell: &|event| {
                if let RunEvent::StepEnded { report, .. } = event {
                    eprintln!(
                        "{:>7.2} s  {}  {:?}",
                        report.seconds, report.title, report.outcome
                    );
                }
            },
            cancel: &CancellationToken::new(),
            commands: stopat::run::Commands::none(),
            now: worker::now,
        };
        let report = run_restore(job, surroundings)
            .await
            .expect("the journal is writable");
        for step in &report.steps {
            assert!(
                !matches!(step.outcome, Outcome::Failed(_)),
                "{}: {:?}\n{}",
                step.title,
                step.outcome,
                step.sql
            );
        }
        assert_eq!(report.end, RunEnd::Verified, "{:?}", report.verification);

        let counted = count_exactly(connection.as_mut(), &copy, &table()).await;
        assert_eq!(counted.expect("the copy is there"), Some(rows));
        let original = count_exactly(connection.as_mut(), &database, &table()).await;
        assert_eq!(
            original.expect("the original is there"),
            Some(1),
            "untouched"
        );

        drop(connection);
        let dropped = drop_copy(gateway, &journal, worker::now).await;
        assert_eq!(dropped.expect("nobody is in it"), copy);
        let mut connection = gateway.connect().await.expect("the server is there");
        let left = live
            .run(
                connection.as_mut(),
                &format!("SELECT COUNT(*) AS n FROM sys.databases WHERE name = N'{copy}';"),
            )
            .await;
        assert_eq!(left.first().and_then(|row| row.int("n")), Some(0));
    });
    live.drop_databases();
}

fn table() -> TableName {
    TableName {
        schema: "dbo".to_owned(),
        table: TABLE.to_owned(),
    }
}
