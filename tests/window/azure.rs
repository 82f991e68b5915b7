//! A server where a service takes the backups, and the swap of names of a restore that was found again.

use crate::{
    fake::{Wire, info, summary, window},
    made_up::now,
};
use egui_kittest::{Harness, kittest::Queryable as _};
use std::sync::Arc;
use stopat::{
    app::App,
    azure::{AzureDatabase, DeletedDatabase, Home, LongTerm, RestoreFrom, ShortTerm},
    domain::{BackupRecord, History, HistoryRecords, RecordedServer, UtcOffset, UtcTime},
    explain::{Problem, ProblemKind, utc_words},
    run::{AzureEnd, RunId, SwapFound, SwapStep},
    server::{Platform, ServerInfo},
    settings::ThemeChoice,
    state::{Action, Page},
    worker::{
        AzureEvent, AzureRequest, AzureShown, AzureStepOutcome, AzureTold, DatabaseState,
        DatabaseSummary, Event, Request, ServerId, ServerStatus,
    },
};
use uuid::Uuid;

const SERVER: ServerId = ServerId::Practice;

/// As `sys.dm_database_backups` tells them: no log sequence numbers, no sizes, no files.
fn automatic_backups(database: &str) -> Vec<BackupRecord> {
    (1..200_u128)
        .map(|n| {
            let start = now().plus(-chrono::TimeDelta::minutes(8 * n as i64 - 5));
            let at = start.to_server(UtcOffset::ZERO);
            BackupRecord {
                backup_set_uuid: Some(Uuid::from_u128(n)),
                database_name: Some(database.to_owned()),
                backup_type: Some(if n == 199 { "D" } else { "L" }.to_owned()),
                backup_start_date: Some(at),
                backup_finish_date: Some(at),
                time_zone: Some(0),
                ..BackupRecord::default()
            }
        })
        .collect()
}

/// A window that is connected to Azure SQL Database.
fn azure() -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = window([1440.0, 900.0], ThemeChoice::Dark);
    harness
        .get_by_label("Start with the practice server")
        .click();
    harness.run_steps(3);
    wire.tell(Event::Server {
        server: SERVER,
        status: ServerStatus::Connected(Arc::new(ServerInfo {
            platform: Platform::AzureSqlDatabase,
            utc_offset: UtcOffset::ZERO,
            ..info()
        })),
    });
    wire.tell(Event::Databases {
        server: SERVER,
        databases: Arc::new(vec![
            summary("OctopusAI", 180, "FULL"),
            summary("CRM", 180, "FULL"),
        ]),
    });
    let (history, notes) = History::from_records(HistoryRecords {
        server: RecordedServer {
            name: Some("PRACTICE".to_owned()),
            utc_offset_minutes: Some(0),
            collation: None,
        },
        backup_sets: ["OctopusAI", "CRM"]
            .iter()
            .flat_map(|name| automatic_backups(name))
            .collect(),
        ..HistoryRecords::default()
    });
    wire.tell(Event::History {
        server: SERVER,
        history,
        notes: Arc::new(notes),
        read_at: now(),
    });
    wire.tell(Event::Azure(AzureEvent::Home {
        server: SERVER,
        home: Ok(Home::server("myRG", "myserver")),
    }));
    harness.run_steps(8);
    (harness, wire)
}

fn shown(swap: SwapFound) -> Event {
    let done = || Some((1.0, AzureStepOutcome::Done));
    Event::Azure(AzureEvent::RunShown(Box::new(AzureShown {
        server: SERVER,
        run: RunId("20261122T124107Z-1f3a".to_owned()),
        source: "OctopusAI".to_owned(),
        new_database: "OctopusAI_20261122_0828".to_owned(),
        at: UtcTime(now().0),
        steps: (0..4).map(|_| (String::new(), done())).collect(),
        end: AzureEnd::Verified,
        seconds: 41.0,
        verification: None,
        swap,
    })))
}

fn asked_for(wire: &Wire, wanted: SwapStep) -> bool {
    wire.requests.borrow().iter().any(|request| {
        matches!(request, Request::Azure(AzureRequest::Swap { step, .. }) if *step == wanted)
    })
}

#[test]
fn backups_without_sequence_numbers_are_a_way_back_where_a_service_takes_them() {
    let (harness, _wire) = azure();
    assert!(harness.query_by_label_contains("no way back").is_none());
    // The newest began three minutes ago, and they come every eight.
    harness.get_by_label("CRM, good, 3 min");
}

#[test]
fn what_cannot_be_seen_is_said_beside_the_timeline() {
    let (mut harness, wire) = azure();
    let sentence = "The automatic backups are not shown: the login may not see them";
    wire.tell(Event::Azure(AzureEvent::Unseen {
        server: SERVER,
        databases: [(
            "OctopusAI".to_owned(),
            Problem {
                kind: ProblemKind::Yours,
                sentence: sentence.to_owned(),
                hint: "What can be restored is told by az all the same.".to_owned(),
                details: Vec::new(),
            },
        )]
        .into(),
    }));
    harness.run_steps(3);
    harness.get_by_label_contains("OctopusAI,").click();
    harness.run_steps(4);
    harness.get_by_label(sentence);
    harness.get_by_label_contains("CRM,").click();
    harness.run_steps(4);
    assert!(harness.query_by_label(sentence).is_none());
}

#[test]
fn a_swap_that_stopped_half_way_goes_on_or_back() {
    let (mut harness, wire) = azure();
    harness.get_by_label_contains("OctopusAI,").click();
    harness.run_steps(4);
    wire.tell(shown(SwapFound::SetAside));
    harness.run_steps(4);
    assert_eq!(harness.state().state.page, Page::AzureRun);
    harness.get_by_label("There is no database OctopusAI now");
    harness.get_by_label("Rename OctopusAI_20261122_0828");
    harness.get_by_label("Give OctopusAI its name back").click();
    harness.run_steps(3);
    assert!(asked_for(&wire, SwapStep::GiveBack));
    harness.get_by_label("under way…");
    let swapped = Event::Azure(AzureEvent::Swapped {
        server: SERVER,
        run: RunId("20261122T124107Z-1f3a".to_owned()),
        result: Ok(()),
    });
    wire.tell(swapped.clone());
    harness.run_steps(3);
    harness.get_by_label("Rename OctopusAI").click();
    harness.run_steps(3);
    assert!(asked_for(&wire, SwapStep::SetAside));
    wire.tell(swapped.clone());
    harness.run_steps(3);
    harness
        .get_by_label("Rename OctopusAI_20261122_0828")
        .click();
    harness.run_steps(3);
    assert!(asked_for(&wire, SwapStep::TakeName));
    let asked = |wire: &Wire| {
        wire.requests
            .borrow()
            .iter()
            .filter(|request| matches!(request, Request::Azure(AzureRequest::Read { .. })))
            .count()
    };
    wire.tell(Event::Azure(AzureEvent::Told {
        server: SERVER,
        database: "OctopusAI".to_owned(),
        told: Box::new(Err(Problem {
            kind: ProblemKind::Server,
            sentence: "of the original".to_owned(),
            hint: String::new(),
            details: Vec::new(),
        })),
    }));
    harness.run_steps(3);
    let before = asked(&wire);
    wire.tell(swapped);
    harness.run_steps(3);
    harness.get_by_label_contains("The names are swapped.");
    assert!(
        harness.state().state.azure.told.is_empty() && asked(&wire) > before,
        "the name is another database's now"
    );
}

/// As Azure tells a living database that is two weeks old.
fn told(database: &str) -> Event {
    let days_ago = |days| now().plus(-chrono::TimeDelta::days(days));
    Event::Azure(AzureEvent::Told {
        server: SERVER,
        database: database.to_owned(),
        told: Box::new(Ok(AzureTold {
            database: AzureDatabase {
                id: String::new(),
                database_id: Some(Uuid::from_u128(1)),
                name: database.to_owned(),
                location: "westeurope".to_owned(),
                status: "Online".to_owned(),
                created: Some(days_ago(14)),
                earliest_restore: Some(days_ago(7)),
                service_objective: Some("GP_Gen5_2".to_owned()),
                edition: Some("GeneralPurpose".to_owned()),
                elastic_pool: None,
                redundancy: Some("Geo".to_owned()),
                max_size_bytes: None,
            },
            short_term: Ok(ShortTerm {
                days: 7,
                differential: None,
            }),
            long_term: Ok(LongTerm::OCTOPUS),
            long_term_backups: Ok(Vec::new()),
            read_at: now(),
        })),
    })
}

fn deleted(name: &str, days: i64) -> DeletedDatabase {
    DeletedDatabase {
        name: name.to_owned(),
        deleted: now().plus(-chrono::TimeDelta::milliseconds(days * 86_400_000 - 777)),
        earliest_restore: Some(now().plus(-chrono::TimeDelta::days(days + 4))),
    }
}

/// When the database was deleted that would be restored; `None` for a living one.
#[track_caller]
fn from(harness: &Harness<'static, App>) -> Option<UtcTime> {
    match harness.state().state.azure_from() {
        Some(RestoreFrom::PointInTime { .. }) => None,
        Some(RestoreFrom::Deleted { deleted, .. }) => Some(deleted),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deleted_database_is_chosen_beside_the_living_one_of_its_name() {
    let (mut harness, wire) = azure();
    let [last, before, old] = [
        deleted("OctopusAI", 1),
        deleted("OctopusAI", 3),
        deleted("Old", 2),
    ];
    wire.tell(Event::Azure(AzureEvent::Deleted {
        server: SERVER,
        databases: vec![before.clone(), last.clone(), old.clone()],
    }));
    harness.run_steps(3);
    // What stands in the list of a name that lives is about the living database, and so is what is asked.
    harness.get_by_label("OctopusAI, good, 3 min").click();
    harness.run_steps(4);
    let read = |wire: &Wire, name: &str| {
        wire.requests.borrow().iter().any(|request| {
            matches!(request, Request::Azure(AzureRequest::Read { database, .. }) if database == name)
        })
    };
    assert!(read(&wire, "OctopusAI"));
    assert_eq!(
        harness.state().state.azure_from(),
        None,
        "nothing is told yet"
    );
    wire.tell(told("OctopusAI"));
    harness.run_steps(4);
    assert_eq!(from(&harness), None);

    for gone in [&last, &before] {
        let label = format!("Deleted {}", utc_words(gone.deleted));
        harness.get_by_label(&label).click();
        harness.run_steps(4);
        assert_eq!(from(&harness), Some(gone.deleted));
        let view = harness.state().state.database.as_ref().expect("shown");
        assert!(
            view.history.set(0).is_none(),
            "the backups are of the living one"
        );
        assert!(
            harness.query_by_label("What Azure keeps").is_none(),
            "so is the retention"
        );
        let command = harness.state().state.azure_command().expect("it can run");
        assert!(command.line().contains("--deleted-time"), "{command}");
    }
    // The list goes on about the living one, and pressing it again goes back to that.
    harness.get_by_label("OctopusAI, good, 3 min");
    let label = format!("Deleted {}", utc_words(before.deleted));
    harness.get_by_label(&label).click();
    harness.run_steps(4);
    assert_eq!(from(&harness), None);

    harness.get_by_label_contains("Old,").click();
    harness.run_steps(4);
    assert_eq!(from(&harness), Some(old.deleted));
    // As the history of a managed instance still knows it.
    wire.tell(Event::Databases {
        server: SERVER,
        databases: Arc::new(vec![
            summary("OctopusAI", 180, "FULL"),
            DatabaseSummary {
                state: DatabaseState::HistoryOnly,
                ..summary("Old", 180, "FULL")
            },
        ]),
    });
    harness.run_steps(4);
    assert_eq!(from(&harness), Some(old.deleted));
    assert!(!read(&wire, "Old"), "az knows no such database");

    let requests = harness.state_mut().state.update(Action::Refresh(SERVER));
    assert!(
        requests
            .iter()
            .any(|request| matches!(request, Request::Azure(AzureRequest::ListDeleted { .. }))),
        "who refreshes sees what was deleted meanwhile: {requests:?}"
    );
}

#[test]
fn a_cancelled_restore_says_that_it_is_being_deleted() {
    let (mut harness, wire) = azure();
    let run = RunId("20261122T124107Z-1f3a".to_owned());
    wire.tell(Event::Azure(AzureEvent::RunBegan {
        server: SERVER,
        run: run.clone(),
        source: "OctopusAI".to_owned(),
        new_database: "OctopusAI_new".to_owned(),
        again: false,
        at: now(),
    }));
    harness.run_steps(4);
    harness.get_by_label("Cancel…").click();
    harness.run_steps(4);
    harness.get_by_label("Delete OctopusAI_new").click();
    harness.run_steps(4);
    harness.get_by_label("It is being deleted…");
    assert!(harness.query_by_label("Cancel…").is_none());
    wire.tell(Event::Azure(AzureEvent::RunEnded {
        run: run.clone(),
        end: AzureEnd::GoesOn,
        seconds: 3.0,
        verification: None,
    }));
    wire.tell(Event::Azure(AzureEvent::Deleting {
        run,
        result: Ok("OctopusAI_new".to_owned()),
    }));
    harness.run_steps(4);
    harness.get_by_label("OctopusAI_new was deleted");
    assert!(harness.query_by_label("It is being deleted…").is_none());
}
