//! What a run decides, whatever the server answers: every way ends in a state that has a name.

use super::fake::{COPY_GUID, Fake, ONLINE, RESTORING, Turn};
use std::sync::{Arc, Mutex};
use stopat::{
    domain::{
        BackupRecord, BackupType, DatabaseFile, Destination, Device, History, HistoryRecords, Lsn,
        MediaFile, Moment, PlanStep, Price, RestorePlan, RestoreRequest, ServerTime, Start, Target,
        UtcOffset, UtcTime,
    },
    run::{
        Commands, DropError, Expectations, Journal, Outcome, PreflightFinding, Record, RestoreJob,
        RunChoices, RunEnd, RunEvent, RunId, RunReport, StepFailure, Surroundings, TableName,
        TargetState, Who, drop_copy, read_journal, run_restore,
    },
    tsql::{Purpose, ServerFacts},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn now() -> UtcTime {
    UtcTime("2026-11-22T10:00:00Z".parse().expect("a time"))
}

fn time(text: &str) -> ServerTime {
    ServerTime(format!("2026-11-22T{text}").parse().expect("a time"))
}

const MOMENT: &str = "08:28:12";

/// A full backup and two logs; the second starts after the moment.
fn records() -> Vec<BackupRecord> {
    let fork = Uuid::from_u128(0xF0);
    let set =
        |n: u128, letter: &str, first: u32, last: u32, start: &str, finish: &str| BackupRecord {
            backup_set_id: Some(n as i64),
            backup_set_uuid: Some(Uuid::from_u128(n)),
            media_set_id: Some(n as i64),
            position: Some(1),
            database_name: Some("Octo".to_owned()),
            server_name: Some("SQL1".to_owned()),
            machine_name: Some("SQL1".to_owned()),
            backup_type: Some(letter.to_owned()),
            backup_start_date: Some(time(start)),
            backup_finish_date: Some(time(finish)),
            time_zone: Some(0),
            first_lsn: Some(Lsn::from_parts(39, first, 1)),
            last_lsn: Some(Lsn::from_parts(39, last, 1)),
            checkpoint_lsn: Some(Lsn::from_parts(39, first, 1)),
            database_backup_lsn: Some(Lsn::from_parts(39, 100, 1)),
            first_recovery_fork_guid: Some(fork),
            last_recovery_fork_guid: Some(fork),
            family_guid: Some(Uuid::from_u128(0xFA)),
            database_guid: Some(Uuid::from_u128(0xDB)),
            recovery_model: Some("FULL".to_owned()),
            has_backup_checksums: Some(true),
            is_copy_only: Some(false),
            is_damaged: Some(false),
            is_snapshot: Some(false),
            has_bulk_logged_data: Some(false),
            backup_size: Some(2_000_000),
            compressed_backup_size: Some(1_000_000),
            media_family_count: Some(1),
            mirror_count: Some(1),
            media_files: vec![MediaFile {
                family_sequence_number: Some(1),
                mirror: Some(0),
                physical_device_name: Some(device(n)),
                device_type: Some(2),
                present: None,
            }],
            files: vec![DatabaseFile {
                file_number: Some(1),
                logical_name: Some("Octo".to_owned()),
                physical_name: Some(r"D:\Data\Octo.mdf".to_owned()),
                file_type: Some("D".to_owned()),
                file_size: Some(8_000_000),
                backup_size: Some(2_000_000),
                filegroup_name: Some("PRIMARY".to_owned()),
                is_present: Some(true),
            }],
            ..BackupRecord::default()
        };
    vec![
        set(1, "D", 100, 110, "00:00:00", "00:00:30"),
        set(2, "L", 90, 200, "08:15:00", "08:15:01"),
        set(3, "L", 200, 300, "08:30:00", "08:30:01"),
    ]
}

fn device(n: u128) -> String {
    format!(r"\\b\octo\{n}.bak")
}

fn request() -> RestoreRequest {
    let server = time(MOMENT);
    let mut request = RestoreRequest::to(Target::At(Moment {
        server,
        instant: server.to_utc(UtcOffset::ZERO),
    }));
    request.destination = Destination::Copy {
        name: "Octo_copy".to_owned(),
        files_to: None,
    };
    request
}

fn plan() -> RestorePlan {
    let stop = time(MOMENT);
    let steps = records()
        .into_iter()
        .map(|record| {
            let uuid = record.backup_set_uuid.expect("set");
            let log = record.backup_type.as_deref() == Some("L");
            PlanStep {
                backup_set_uuid: uuid,
                backup_set_id: record.backup_set_id,
                backup_type: if log {
                    BackupType::Log
                } else {
                    BackupType::Full
                },
                position: 1,
                devices: vec![Device::Disk(device(uuid.as_u128()))],
                stop_at: log.then_some(stop),
                start: record.backup_start_date.expect("set"),
                finish: record.backup_finish_date.expect("set"),
                bytes: Some(1_000_000),
                backup_size: Some(2_000_000),
                has_checksums: true,
                moves: if log { Vec::new() } else { vec![0] },
                first_lsn: record.first_lsn.expect("set"),
                last_lsn: record.last_lsn.expect("set"),
            }
        })
        .collect();
    let request = request();
    RestorePlan {
        database: "Octo".to_owned(),
        target: request.target,
        destination: request.destination,
        start: Start::Nothing,
        steps,
        stop_at: Some(stop),
        stop_mark: None,
        reaches: Some(stop),
        bytes: Some(3_000_000),
        estimate: None,
        price: Price::default(),
        moves: vec![stopat::domain::FileMove {
            logical_name: "Octo".to_owned(),
            from: Some(r"D:\Data\Octo.mdf".to_owned()),
            to: r"D:\Data\Octo_copy.mdf".to_owned(),
            file_size: Some(8_000_000),
        }],
        notes: Vec::new(),
        utc_offset: Some(UtcOffset::ZERO),
        tail: None,
    }
}

struct Ran {
    report: RunReport,
    fake: Fake,
    journal: std::path::PathBuf,
    /// Ends of steps, as they were told.
    told: Vec<(usize, Outcome)>,
    _folder: tempfile::TempDir,
}

/// Runs the plan; `cancel_at` cancels when that step begins.
async fn run_plan(plan: RestorePlan, fake: Fake, cancel_at: Option<usize>) -> Ran {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("runs").join("x.jsonl");
    let (history, notes) = History::from_records(HistoryRecords {
        backup_sets: records(),
        ..HistoryRecords::default()
    });
    assert!(notes.is_empty(), "{notes:?}");
    let told = Arc::new(Mutex::new(Vec::new()));
    let cancel = CancellationToken::new();
    let report = run_restore(
        RestoreJob {
            run: RunId::new(now(), 0x1f3a),
            plan,
            request: request(),
            history,
            facts: ServerFacts {
                server_name: Some("SQL1".to_owned()),
                tail_file: None,
            },
            choices: RunChoices::default(),
            expected: Expectations {
                tables: vec![TableName {
                    schema: "dbo".to_owned(),
                    table: "T".to_owned(),
                }],
                schema_version: None,
            },
            utc_offset_minutes: 0,
            who: Who::default(),
        },
        Surroundings {
            gateway: &fake,
            journal: Journal::create(&path).expect("created"),
            tell: &|event| match event {
                RunEvent::StepEnded { step, report } => {
                    told.lock()
                        .expect("nobody panicked")
                        .push((step, report.outcome));
                }
                RunEvent::StepBegan { step } if Some(step) == cancel_at => cancel.cancel(),
                _ => {}
            },
            cancel: &cancel,
            commands: Commands::none(),
            now,
        },
    )
    .await
    .expect("the journal can be written");
    let told = std::mem::take(&mut *told.lock().expect("nobody panicked"));
    Ran {
        report,
        fake,
        journal: path,
        told,
        _folder: folder,
    }
}

async fn run_with(change: impl FnOnce(&mut super::fake::State)) -> Ran {
    let plan = plan();
    run_plan(plan.clone(), Fake::new(&plan).with(change), None).await
}

fn outcomes(ran: &Ran) -> Vec<&'static str> {
    ran.told
        .iter()
        .map(|(_, outcome)| match outcome {
            Outcome::Done => "done",
            Outcome::DoneWithWarning(_) => "warning",
            Outcome::Skipped { .. } => "skipped",
            Outcome::Failed(_) => "failed",
            Outcome::Cancelled => "cancelled",
        })
        .collect()
}

fn last_record(ran: &Ran) -> Record {
    let content = read_journal(&ran.journal).expect("a whole journal");
    assert!(!content.torn);
    content.entries.last().expect("entries").record.clone()
}

#[tokio::test]
async fn a_run_that_goes_well_is_verified_and_journaled() {
    let ran = run_with(|_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Verified);
    assert_eq!(outcomes(&ran), ["done"; 5]);
    assert_eq!(ran.fake.target(), Some(ONLINE));
    let verification = ran.report.verification.as_ref().expect("verified");
    assert_eq!(verification.tables[0].rows_copy, Some(42));
    assert_eq!(verification.tables[0].rows_original, Some(40));
    assert_eq!(
        ran.report.copy,
        Some((COPY_GUID, "2026-11-22T10:00:00".to_owned()))
    );
    assert!(matches!(last_record(&ran), Record::End { end, .. } if end == "verified"));
}

#[tokio::test]
async fn a_second_log_answered_4335_means_that_the_first_has_stopped() {
    let ran = run_with(|state| {
        state.turns.insert(2, Turn::Error(4335));
    })
    .await;
    assert_eq!(ran.report.end, RunEnd::Verified);
    assert_eq!(
        outcomes(&ran),
        ["done", "done", "done", "skipped", "warning", "done"]
    );
    assert_eq!(ran.fake.target(), Some(ONLINE));
}

#[tokio::test]
async fn a_first_log_answered_4335_stops_the_run() {
    let ran = run_with(|state| {
        state.turns.insert(1, Turn::Error(4335));
    })
    .await;
    assert_eq!(ran.report.end, RunEnd::Restoring);
    assert_eq!(ran.fake.target(), Some(RESTORING));
    assert!(!ran.fake.sent().contains(&Purpose::Recover));
}

#[tokio::test]
async fn a_database_that_stays_restoring_is_recovered_when_the_last_log_holds_the_moment() {
    let ran = run_with(|state| {
        state.turns.insert(2, Turn::StaysRestoring);
    })
    .await;
    assert_eq!(ran.report.end, RunEnd::Verified);
    assert_eq!(ran.fake.sent().last(), Some(&Purpose::Recover));
    assert!(outcomes(&ran).contains(&"warning"));
}

#[tokio::test]
async fn it_is_left_restoring_when_the_last_log_proves_nothing() {
    let mut plan = plan();
    // As if the log had begun before the moment: what follows it is not known.
    plan.steps[2].start = time("08:20:00");
    let fake = Fake::new(&plan).with(|state| {
        state.turns.insert(2, Turn::StaysRestoring);
    });
    let ran = run_plan(plan, fake, None).await;
    assert_eq!(ran.report.end, RunEnd::Restoring);
    assert!(!ran.fake.sent().contains(&Purpose::Recover));
    assert_eq!(ran.fake.target(), Some(RESTORING));
}

#[tokio::test]
async fn an_overwritten_backup_file_stops_it_before_anything_is_sent() {
    let ran = run_with(|state| {
        state.overwritten.insert(device(2));
    })
    .await;
    assert_eq!(ran.report.end, RunEnd::Untouched);
    assert_eq!(outcomes(&ran), ["failed"]);
    assert_eq!(ran.fake.sent(), []);
}

#[tokio::test]
async fn a_taken_name_or_a_held_lock_stops_it_before_anything_is_sent() {
    for change in [
        (|state| state.target = Some(ONLINE)) as fn(&mut super::fake::State),
        |state| state.locked = true,
    ] {
        let ran = run_with(change).await;
        assert_eq!(ran.report.end, RunEnd::Untouched);
        assert_eq!(ran.fake.sent(), []);
    }
}

#[tokio::test]
async fn an_encrypted_database_needs_its_certificate_before_anything_is_sent() {
    let ran = run_with(|state| state.tde = true).await;
    assert_eq!(ran.report.end, RunEnd::Untouched);
    assert_eq!(ran.fake.sent(), []);
    let Some(Outcome::Failed(StepFailure::Preflight(check))) =
        ran.report.steps.first().map(|step| &step.outcome)
    else {
        panic!("{:#?}", ran.report.steps);
    };
    assert_eq!(
        check.finding,
        PreflightFinding::CertificateMissing {
            thumbprint: "A10B".to_owned()
        }
    );
}

#[tokio::test]
async fn a_failed_first_step_leaves_nothing() {
    let ran = run_with(|state| {
        state.turns.insert(0, Turn::Error(3201));
    })
    .await;
    assert_eq!(ran.report.end, RunEnd::Untouched);
    assert_eq!(ran.fake.sent().len(), 1);
    assert!(matches!(last_record(&ran), Record::End { end, .. } if end == "untouched"));
}

#[tokio::test]
async fn a_failed_later_step_leaves_it_restoring_and_sends_no_more() {
    let ran = run_with(|state| {
        state.turns.insert(1, Turn::Error(4305));
    })
    .await;
    assert_eq!(ran.report.end, RunEnd::Restoring);
    assert_eq!(ran.fake.sent().len(), 2);
}

#[tokio::test]
async fn a_cancel_in_a_step_names_the_state() {
    let plan = plan();
    let fake = Fake::new(&plan).with(|state| {
        state.turns.insert(1, Turn::Hangs);
    });
    let ran = run_plan(plan, fake, Some(2)).await;
    assert_eq!(ran.report.end, RunEnd::Cancelled);
    assert_eq!(ran.report.state, TargetState::Restoring);
    assert_eq!(outcomes(&ran).last(), Some(&"cancelled"));
}

#[tokio::test]
async fn a_lost_connection_ends_with_the_state_read_on_another() {
    let ran = run_with(|state| {
        state.turns.insert(1, Turn::ConnectionDies);
    })
    .await;
    assert_eq!(ran.report.end, RunEnd::Restoring);
    assert!(matches!(
        last_record(&ran),
        Record::End { state, .. } if state.contains("RESTORING")
    ));
}

#[tokio::test]
async fn a_protected_table_that_is_missing_in_the_copy_is_a_problem() {
    let ran = run_with(|state| state.rows_in_copy = None).await;
    assert_eq!(ran.report.end, RunEnd::OnlineNotVerified);
}

#[tokio::test]
async fn the_copy_is_dropped_once_and_only_by_its_journaled_identity() {
    let ran = run_with(|_| {}).await;
    let dropped = drop_copy(&ran.fake, &ran.journal, now).await;
    assert_eq!(dropped.expect("dropped"), "Octo_copy");
    assert_eq!(ran.fake.target(), None);
    assert!(matches!(
        drop_copy(&ran.fake, &ran.journal, now).await,
        Err(DropError::AlreadyDropped)
    ));

    let failed = run_with(|state| {
        state.turns.insert(0, Turn::Error(3201));
    })
    .await;
    assert!(matches!(
        drop_copy(&failed.fake, &failed.journal, now).await,
        Err(DropError::NoCopy)
    ));
}
