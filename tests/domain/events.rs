//! When did it happen, and who did it: the events of a database.

use crate::support::time;
use stopat::{
    domain::{
        BackupRecord, ChangeRecord, EventKind, History, HistoryRecords, Lsn, MarkRecord,
        ObjectChange, RecordedServer, RestoreRecord,
    },
    explain::event_line,
};

fn backup(n: u128, start: &str, model: &str) -> BackupRecord {
    BackupRecord {
        database_name: Some("Sales".to_owned()),
        backup_type: Some("D".to_owned()),
        backup_start_date: Some(time(start)),
        backup_finish_date: Some(time(start)),
        first_lsn: Lsn::new(n),
        last_lsn: Lsn::new(n + 1),
        recovery_model: Some(model.to_owned()),
        ..BackupRecord::default()
    }
}

fn dropped(name: &str, at: &str) -> ChangeRecord {
    ChangeRecord {
        database_name: Some("sales".to_owned()),
        event_class: Some(47),
        object_name: Some(name.to_owned()),
        object_type: Some(8277),
        login_name: Some(r"CONTOSO\eve".to_owned()),
        start_time: Some(time(at)),
    }
}

/// Drops, restores, marks and changes of the recovery model stand in one order of time, with who and what.
#[test]
fn events_say_what_happened_when_and_by_whom() {
    let records = HistoryRecords {
        server: RecordedServer::default(),
        backup_sets: vec![
            backup(10, "2026-11-20T00:00:00", "FULL"),
            backup(20, "2026-11-21T00:00:00", "FULL"),
            backup(30, "2026-11-22T00:00:00", "SIMPLE"),
        ],
        restore_history: vec![RestoreRecord {
            restore_date: Some(time("2026-11-20T12:00:00")),
            destination_database_name: Some("Sales".to_owned()),
            recovery: Some(true),
            stop_at: Some(time("2026-11-20T09:00:00")),
            user_name: Some("sa".to_owned()),
            ..RestoreRecord::default()
        }],
        marks: vec![MarkRecord {
            database_name: Some("Sales".to_owned()),
            mark_name: Some("deploy".to_owned()),
            description: Some("release 7".to_owned()),
            user_name: Some("sa".to_owned()),
            lsn: Lsn::new(15),
            mark_time: Some(time("2026-11-20T08:00:00")),
        }],
        changes: vec![
            dropped("Orders", "2026-11-21T08:28:13"),
            // The same row read twice is one event.
            dropped("Orders", "2026-11-21T08:28:13"),
        ],
    };
    let (history, _) = History::from_records(records);
    let sales = history.database("Sales").expect("it has backups");
    let lines: Vec<String> = sales.events().iter().map(event_line).collect();
    assert_eq!(
        lines,
        [
            "20 Nov 2026 08:00:00 · mark deploy: release 7 by sa",
            "20 Nov 2026 12:00:00 · restored to 20 Nov 2026 09:00:00 by sa",
            r"21 Nov 2026 08:28:13 · table Orders dropped by CONTOSO\eve",
            "22 Nov 2026 00:00:00 · recovery model SIMPLE instead of FULL, as the backups show",
        ]
    );
}

/// What a refresh brings is added, and nothing is told twice.
#[test]
fn a_refresh_adds_events() {
    let begin = HistoryRecords {
        backup_sets: vec![backup(10, "2026-11-20T00:00:00", "FULL")],
        changes: vec![dropped("Orders", "2026-11-21T08:28:13")],
        ..HistoryRecords::default()
    };
    let (history, _) = History::from_records(begin);
    let more = HistoryRecords {
        changes: vec![
            dropped("Orders", "2026-11-21T08:28:13"),
            dropped("Customers", "2026-11-21T08:29:00"),
        ],
        ..HistoryRecords::default()
    };
    let (history, _) = history.with_new_records(more);
    let sales = history.database("Sales").expect("it has backups");
    let names: Vec<String> = sales
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Object {
                change: ObjectChange::Dropped,
                name,
                ..
            } => Some(name.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["Orders", "Customers"]);
}
