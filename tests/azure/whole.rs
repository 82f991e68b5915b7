//! The whole way: the worker as the window uses it, the stand-in for `az`, and a practice server in Azure edition.

use super::{practice::Practice, stand_in::StandIn};
use std::{sync::OnceLock, time::Duration};
use stopat::{
    azure::{LongTerm, NewDatabase, RestoreFrom},
    domain::{BackupType, UtcTime},
    practice::{PracticeServer, engine::Edition},
    run::AzureEnd,
    server::{Gateway as _, ask},
    settings::{AzurePlace, Encryption, Operator, PasswordKept, Profile, Reach, SignIn},
    tsql::{Batch, BatchKind, Purpose},
    worker::{
        AzureEvent, AzureRequest, Event, ObjectivesEvent, ObjectivesRequest, Platform, Request,
        SaveAs, Secret, ServerId, ServerStatus, Worker, WorkerHandle,
    },
};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(240);

/// One for all tests here, on the machine's clock: the stand-in has no other.
fn practice() -> &'static Practice {
    static SHARED: OnceLock<Practice> = OnceLock::new();
    SHARED.get_or_init(|| Practice::start(Edition::Azure))
}

fn profile(shared: &Practice, stand_in: &StandIn) -> Profile {
    let address = shared.server.address();
    Profile {
        id: Uuid::from_u128(7),
        name: "contoso-sql".to_owned(),
        host: address.ip().to_string(),
        instance: None,
        port: Some(address.port()),
        sign_in: SignIn::Entra,
        encryption: Encryption::Pinned(shared.server.fingerprint().to_owned()),
        reach: Reach::Restore,
        band: String::new(),
        production: false,
        backup_folder: None,
        azure: Some(AzurePlace {
            subscription: None,
            resource_group: "myRG".to_owned(),
            server: "myserver".to_owned(),
            database: None,
            program: Some(stand_in.program().to_owned()),
        }),
    }
}

fn next<T>(worker: &WorkerHandle, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    loop {
        let event = worker
            .events
            .recv_timeout(PATIENCE)
            .expect("the worker goes on");
        match &event {
            Event::Problem { problem, .. } => panic!("{problem:?}"),
            Event::Server {
                status: ServerStatus::Failed(problem),
                ..
            } => panic!("{problem:?}"),
            _ => {}
        }
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

/// Signs in with a profile.
fn connected(worker: &WorkerHandle, profile: Profile) -> ServerId {
    worker.send(Request::OpenWorkspace {
        name: "default".to_owned(),
    });
    let server = ServerId::Profile(profile.id);
    worker.send(Request::SaveProfile {
        profile,
        password: None,
    });
    worker.send(Request::Connect {
        server,
        password: None,
    });
    server
}

fn run(sql: &str) -> Batch {
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::Ask,
        title: String::new(),
        sql: sql.to_owned(),
    }
}

#[test]
fn this_edition_refuses_what_azure_sql_database_refuses() {
    let shared = practice();
    shared.runtime.block_on(async {
        let gateway = shared.gateway();
        let mut connection = gateway.connect().await.expect("it lets us in");
        for (sql, number) in [
            ("BACKUP DATABASE OctopusAI TO DISK = N'x.bak';", 40510),
            ("RESTORE DATABASE x FROM DISK = N'x.bak';", 40510),
            ("USE OctopusAI;", 40508),
            ("SELECT * FROM msdb.dbo.backupset;", 40515),
            ("EXEC msdb.dbo.sp_help_job;", 40515),
            ("EXEC sp_help_job;", 2812),
            ("EXEC sp_start_job @job_name = N'x';", 2812),
        ] {
            let error = ask(connection.as_mut(), &run(sql))
                .await
                .expect_err("not on Azure");
            assert_eq!(error.number(), Some(number), "{sql}: {error:?}");
        }
        let mut inside = gateway
            .connect_to("OctopusAI")
            .await
            .expect("its databases open");
        let answer = ask(
            inside.as_mut(),
            &run("SELECT COUNT(*) AS n FROM sys.dm_database_backups WHERE logical_database_name <> N'OctopusAI'; "),
        )
        .await
        .expect("the view is there");
        assert_eq!(answer.first().and_then(|row| row.int("n")), Some(0));
    });
}

#[test]
fn connect_look_restore_and_change_what_is_kept() {
    let shared = practice();
    let accident = shared
        .runtime
        .block_on(shared.server.accident())
        .expect("readable")
        .expect("this world has one");
    let stand_in = StandIn::new(Some(shared.announced()));
    // Tokens end at once, so that each connection needs another.
    stand_in.change(|world| world["token_secs"] = 240.into());
    let root = tempfile::tempdir().expect("a temporary folder");
    let worker = Worker::start(root.path().to_owned(), Operator::default(), || {})
        .expect("the worker starts");
    let server = connected(&worker, profile(shared, &stand_in));
    let info = next(&worker, |event| match event {
        Event::Server {
            status: ServerStatus::Connected(info),
            ..
        } => Some(info),
        _ => None,
    });
    assert_eq!(info.platform, Platform::AzureSqlDatabase);
    let history = next(&worker, |event| match event {
        Event::History { history, .. } => Some(history),
        _ => None,
    });
    let octopus = history.database("OctopusAI").expect("it has backups");
    for kind in [BackupType::Full, BackupType::Differential, BackupType::Log] {
        assert!(
            octopus.lane(kind).is_some_and(|lane| !lane.is_empty()),
            "{kind:?}"
        );
    }
    let tokens = |calls: &[String]| {
        calls
            .iter()
            .filter(|call| call.starts_with("account get-access-token"))
            .count()
    };
    assert!(
        tokens(&stand_in.calls()) >= 2,
        "renewed for each connection: {:?}",
        stand_in.calls()
    );

    let database = "OctopusAI".to_owned();
    worker.send(Request::Azure(AzureRequest::Read {
        server,
        database: database.clone(),
    }));
    let told = next(&worker, |event| match event {
        Event::Azure(AzureEvent::Told { told, .. }) => Some(*told),
        _ => None,
    })
    .expect("Azure told");
    let before_accident = UtcTime(accident.at.0 - chrono::TimeDelta::seconds(1));
    assert!(
        told.database
            .earliest_restore
            .is_some_and(|earliest| earliest < before_accident)
    );

    worker.send(Request::Azure(AzureRequest::Restore {
        server,
        from: RestoreFrom::PointInTime {
            database: database.clone(),
            at: before_accident,
        },
        new: NewDatabase {
            name: "OctopusAI_before".to_owned(),
            ..NewDatabase::default()
        },
    }));
    let (end, verification) = next(&worker, |event| match event {
        Event::Azure(AzureEvent::RunEnded {
            end, verification, ..
        }) => Some((end, verification)),
        _ => None,
    });
    assert_eq!(
        end,
        AzureEnd::Verified,
        "{verification:?} {:#}",
        stand_in.world()
    );
    let verification = verification.expect("it was looked at");
    for (table, rows) in &accident.rows {
        let name = format!("dbo.{table}");
        let count = verification
            .tables
            .iter()
            .find(|count| count.table.eq_ignore_ascii_case(&name))
            .unwrap_or_else(|| panic!("{name} is protected"));
        assert_eq!(count.rows_copy, Some(*rows), "{name}");
    }
    assert!(verification.schema_version.is_some());

    worker.send(Request::Azure(AzureRequest::SetLongTerm {
        server,
        database,
        policy: LongTerm::OCTOPUS,
    }));
    next(&worker, |event| match event {
        Event::Azure(AzureEvent::RetentionSet { result, .. }) => {
            assert_eq!(result, Ok(()));
            Some(())
        }
        _ => None,
    });
    // Cancelled while Azure is at work: the new database is deleted, although its run is being watched.
    stand_in.change(|world| world["restore_secs"] = 600.into());
    worker.send(Request::Azure(AzureRequest::Restore {
        server,
        from: RestoreFrom::PointInTime {
            database: "OctopusAI".to_owned(),
            at: before_accident,
        },
        new: NewDatabase {
            name: "OctopusAI_cancelled".to_owned(),
            ..NewDatabase::default()
        },
    }));
    let run = next(&worker, |event| match event {
        Event::Azure(AzureEvent::Progress {
            run,
            status: Some(_),
            ..
        }) => Some(run),
        _ => None,
    });
    worker.send(Request::Azure(AzureRequest::DeleteNew { server, run }));
    let deleted = next(&worker, |event| match event {
        Event::Azure(AzureEvent::Deleting { result, .. }) => Some(result),
        _ => None,
    });
    assert_eq!(deleted, Ok("OctopusAI_cancelled".to_owned()));
    let world = stand_in.world();
    assert_eq!(world["databases"].as_array().map(Vec::len), Some(2));
    assert_eq!(world["databases"][0]["yearly"], "P5Y");
    assert_eq!(world["databases"][0]["week_of_year"], 1);
}

#[test]
fn without_a_permission_or_a_view_the_range_is_told_all_the_same() {
    let practice = Practice::start(Edition::Azure);
    let stand_in = StandIn::new(Some(practice.announced()));
    for (value, sentence) in [
        ("denied", "the login may not see them"),
        ("missing", "this tier has no list of them"),
    ] {
        practice.runtime.block_on(async {
            let mut connection = practice.gateway().connect().await.expect("it lets us in");
            let option = format!(
                "EXEC master.dbo.practice_option @name = N'database_backups', @value = N'{value}';"
            );
            ask(connection.as_mut(), &run(&option))
                .await
                .expect("a switch");
        });
        let root = tempfile::tempdir().expect("a temporary folder");
        let worker = Worker::start(root.path().to_owned(), Operator::default(), || {})
            .expect("the worker starts");
        let server = connected(&worker, profile(&practice, &stand_in));
        let unseen = next(&worker, |event| match event {
            Event::Azure(AzureEvent::Unseen { databases, .. }) => Some(databases),
            _ => None,
        });
        let problem = unseen.get("OctopusAI").expect("it is among them");
        assert!(problem.sentence.contains(sentence), "{problem:?}");
        assert!(problem.hint.contains("az all the same"), "{problem:?}");
        let history = next(&worker, |event| match event {
            Event::History { history, .. } => Some(history),
            _ => None,
        });
        assert!(
            history.database("OctopusAI").is_none(),
            "there are no lanes"
        );
        worker.send(Request::Azure(AzureRequest::Read {
            server,
            database: "OctopusAI".to_owned(),
        }));
        let told = next(&worker, |event| match event {
            Event::Azure(AzureEvent::Told { told, .. }) => Some(*told),
            _ => None,
        });
        let told = told.expect("Azure told");
        assert!(told.database.earliest_restore.is_some());
    }
}

#[test]
fn the_service_backs_up_every_database_by_itself() {
    let practice = Practice::standing(Edition::Azure);
    practice.runtime.block_on(async {
        let mut connection = practice.gateway().connect().await.expect("it lets us in");
        for sql in [
            "CREATE DATABASE [New one];",
            "EXEC master.dbo.practice_advance @seconds = 1440;",
        ] {
            ask(connection.as_mut(), &run(sql)).await.expect(sql);
        }
        let answer = ask(
            connection.as_mut(),
            &run("SELECT b.logical_database_name AS name, b.backup_type AS kind FROM sys.dm_database_backups AS b;"),
        )
        .await
        .expect("master shows those of all databases");
        let count = |name: &str, kind: &str| {
            answer
                .rows()
                .iter()
                .filter(|row| {
                    row.text("name").as_deref() == Some(name)
                        && row.text("kind").as_deref() == Some(kind)
                })
                .count()
        };
        for name in ["OctopusAI", "CRM", "Warehouse"] {
            assert!(count(name, "D") >= 1 && count(name, "I") >= 1, "{name}");
            assert!(count(name, "L") >= 180, "{name}: {}", count(name, "L"));
        }
        assert_eq!(count("New one", "D"), 1, "at once, and once");
        assert_eq!(count("New one", "L"), 2);
        let answer = ask(
            connection.as_mut(),
            &run("EXEC master.dbo.practice_option @name = N'service', @value = N'on'; SELECT COUNT(*) AS n FROM msdb.dbo.sysjobs;"),
        )
        .await
        .expect("the service reaches its own bookkeeping");
        assert_eq!(answer.first().and_then(|row| row.int("n")), Some(0));
    });
}

#[test]
fn the_fleet_reads_what_azure_tells_of_its_own_backups() {
    let shared = practice();
    let address = shared.server.address();
    let profile = Profile {
        sign_in: SignIn::SqlLogin {
            user: PracticeServer::USER.to_owned(),
            password: PasswordKept::AskEachTime,
        },
        azure: None,
        id: Uuid::from_u128(8),
        name: "contoso-sql".to_owned(),
        host: address.ip().to_string(),
        instance: None,
        port: Some(address.port()),
        encryption: Encryption::Pinned(shared.server.fingerprint().to_owned()),
        reach: Reach::Look,
        band: String::new(),
        production: false,
        backup_folder: None,
    };
    let root = tempfile::tempdir().expect("a temporary folder");
    let worker = Worker::start(root.path().to_owned(), Operator::default(), || {})
        .expect("the worker starts");
    worker.send(Request::OpenWorkspace {
        name: "default".to_owned(),
    });
    worker.send(Request::SaveProfile {
        profile,
        password: Some(Secret(shared.server.password().clone())),
    });
    worker.send(Request::Objectives(ObjectivesRequest::ReadFleet));
    let rows = next(&worker, |event| match event {
        Event::Objectives(ObjectivesEvent::FleetServer { rows, .. }) => Some(rows),
        _ => None,
    });
    let octopus = rows
        .iter()
        .find(|row| row.database.as_deref() == Some("OctopusAI"))
        .unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(octopus.problem, None);
    assert!(octopus.loss_seconds.is_some(), "{octopus:?}");
    assert!(
        rows.iter()
            .all(|row| row.database.as_deref() != Some("master")),
        "{rows:?}"
    );

    // Its report says nothing of a chain that Azure keeps to itself.
    let server = ServerId::Profile(Uuid::from_u128(8));
    worker.send(Request::Connect {
        server,
        password: None,
    });
    next(&worker, |event| {
        matches!(event, Event::History { .. }).then_some(())
    });
    worker.send(Request::Objectives(ObjectivesRequest::Report {
        server,
        database: "OctopusAI".to_owned(),
        how: SaveAs::Json,
    }));
    let text = next(&worker, |event| match event {
        Event::Objectives(ObjectivesEvent::ToSave { text, .. }) => Some(text),
        _ => None,
    });
    let report: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(report["scenarios"][0]["scenario"], "azure_point_in_time");
    assert!(report["scenarios"][0]["loss_now"].is_object(), "{text}");
    assert_eq!(report["history"]["restorable_to"], serde_json::Value::Null);
    assert_eq!(report["gaps"], serde_json::json!([]));
}
