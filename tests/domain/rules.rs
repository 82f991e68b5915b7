//! The rules of the contract that the samples do not show, a story each.

use crate::support::{planned, time};
use chrono::TimeDelta;
use std::sync::Arc;
use stopat::{
    domain::{
        BackupRecord, BackupSet, DatabaseFile, DatabaseHistory, Destination, FindingKind, History,
        HistoryNoteKind, HistoryRecords, Limits, Lost, Lsn, MediaFile, PlanNote, RecordedServer,
        RefusalKind, Removed, RestoreRecord, RestoreRequest, RestoringState, Severity, SkipReason,
        Start, Target, Trouble, UtcOffset, UtcTime, check, rejected,
    },
    explain,
};
use uuid::Uuid;

const FORK: u128 = 0xf0;

/// Day 1 of the story, at this time.
fn at(clock: &str) -> stopat::domain::ServerTime {
    time(&format!("2026-06-01T{clock}"))
}

fn lsn(n: u64) -> Option<Lsn> {
    Lsn::new(u128::from(n))
}

fn uuid(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n))
}

/// A backup that takes ten seconds and lies in a file of its own.
fn set(n: u8, kind: &str, start: &str, first: u64, last: u64) -> BackupRecord {
    let start = at(start);
    BackupRecord {
        backup_set_id: Some(n.into()),
        backup_set_uuid: Some(uuid(n)),
        media_set_id: Some(n.into()),
        position: Some(1),
        database_name: Some("Sales".to_owned()),
        server_name: Some("SQL1".to_owned()),
        machine_name: Some("SQL1".to_owned()),
        backup_type: Some(kind.to_owned()),
        backup_start_date: Some(start),
        backup_finish_date: Some(start.plus(TimeDelta::seconds(10))),
        time_zone: Some(0),
        first_lsn: lsn(first),
        last_lsn: lsn(last),
        checkpoint_lsn: lsn(first),
        first_recovery_fork_guid: Some(Uuid::from_u128(FORK)),
        last_recovery_fork_guid: Some(Uuid::from_u128(FORK)),
        family_guid: Some(Uuid::from_u128(1)),
        recovery_model: Some("FULL".to_owned()),
        compressed_backup_size: Some(1_000_000),
        media_family_count: Some(1),
        media_files: vec![on(&format!(r"D:\b\{n}.bak"))],
        ..BackupRecord::default()
    }
}

fn on(path: &str) -> MediaFile {
    MediaFile {
        family_sequence_number: Some(1),
        mirror: Some(0),
        physical_device_name: Some(path.to_owned()),
        device_type: Some(2),
        present: None,
    }
}

/// A full at 01:00 and logs every hour until 04:00.
fn usual() -> Vec<BackupRecord> {
    vec![
        set(1, "D", "01:00:00", 100, 110),
        set(2, "L", "02:00:00", 100, 200),
        set(3, "L", "03:00:00", 200, 300),
        set(4, "L", "04:00:00", 300, 400),
    ]
}

fn records(sets: Vec<BackupRecord>) -> HistoryRecords {
    HistoryRecords {
        server: RecordedServer::default(),
        backup_sets: sets,
        ..HistoryRecords::default()
    }
}

fn sales(sets: Vec<BackupRecord>) -> Arc<DatabaseHistory> {
    let (history, _) = History::from_records(records(sets));
    history
        .database("sales")
        .expect("the story has the database")
}

fn to(history: &DatabaseHistory, clock: &str) -> RestoreRequest {
    RestoreRequest::to(Target::At(history.clock().moment(at(clock))))
}

#[track_caller]
fn sets_to(history: &DatabaseHistory, clock: &str) -> Vec<i64> {
    let plan =
        planned(history, &to(history, clock)).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    plan.steps
        .iter()
        .filter_map(|step| step.backup_set_id)
        .collect()
}

#[track_caller]
fn refused(history: &DatabaseHistory, request: &RestoreRequest) -> stopat::domain::Refusal {
    match planned(history, request) {
        Ok(plan) => panic!("planned {:?}", plan.steps),
        Err(refusal) => *refusal,
    }
}

fn windows(history: &DatabaseHistory) -> Vec<(String, String)> {
    let clock = |time: stopat::domain::ServerTime| time.0.format("%H:%M:%S").to_string();
    let coverage = history.coverage(&Limits::default());
    coverage
        .windows
        .iter()
        .map(|window| (clock(window.from.server), clock(window.to.server)))
        .collect()
}

#[test]
fn a_log_that_ends_where_a_differential_does_is_too_early_after_it() {
    let mut differential = set(5, "I", "03:00:00", 300, 300);
    differential.differential_base_guid = Some(uuid(1));
    let mut sets = usual();
    sets.push(differential);
    let history = sales(sets);
    // The next log goes on from the differential; the one that ends with it has no part.
    assert_eq!(sets_to(&history, "03:30:00"), [1, 5, 4]);
    let mut plan = planned(&history, &to(&history, "03:30:00")).expect("it was planned just now");
    let too_early = planned(&history, &to(&history, "02:30:00")).expect("it lies in log 3");
    let log = too_early.steps.last().expect("log 3 is the last").clone();
    assert_eq!(log.backup_set_id, Some(3));
    plan.steps.insert(2, log);
    let findings: Vec<FindingKind> = check(&plan, &history)
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.kind)
        .collect();
    assert!(
        findings.contains(&FindingKind::LogTooEarly),
        "4326, as the server says: {findings:?}"
    );
}

#[test]
fn the_second_after_a_backup_finished_belongs_to_what_lies_before_it() {
    let mut sets = usual();
    sets.remove(3);
    sets.push(set(5, "D", "05:00:00", 500, 510));
    sets.push(set(6, "L", "06:00:00", 500, 600));
    let history = sales(sets);
    let first = refused(&history, &to(&history, "01:00:10.500"));
    assert_eq!(first.kind, RefusalKind::BeforeFirstBackup);
    let later = refused(&history, &to(&history, "05:00:10.500"));
    assert_eq!(later.kind, RefusalKind::LogGap);
}

#[test]
fn a_database_that_is_gone_on_with_cannot_go_back() {
    let history = sales(usual());
    let stands = RestoringState {
        redo: Lsn::new(300).expect("a small number"),
        fork: Some(Uuid::from_u128(FORK)),
        family: Some(Uuid::from_u128(1)),
        differential_base: Some(uuid(1)),
        files: Vec::new(),
        stands_at: None,
    };
    let request = RestoreRequest {
        start: Start::Restoring(Box::new(stands)),
        ..to(&history, "02:30:00")
    };
    let refusal = refused(&history, &request);
    assert_eq!(refusal.kind, RefusalKind::BeforeFirstBackup);
    let said = explain::refusal(&refusal, "Sales", Some(&history));
    assert!(
        said.sentence
            .ends_with("lies before the moment that the restored part of Sales stands at"),
        "{}",
        said.sentence
    );
}

/// What is damaged or missing in it takes its time to judge, so that is done where the history is built, not in a frame.
#[test]
fn a_large_history_comes_with_its_coverage() {
    let log = |n: u64| {
        let later = TimeDelta::seconds(i64::try_from(n).unwrap_or_default());
        let start = at("01:00:20").plus(later);
        BackupRecord {
            backup_set_uuid: Some(Uuid::from_u128(1000 + u128::from(n))),
            media_set_id: i64::try_from(1000 + n).ok(),
            backup_start_date: Some(start),
            backup_finish_date: Some(start),
            is_damaged: Some(n == 9_000),
            media_files: vec![on(&format!(r"D:\b\{n}.trn"))],
            ..set(2, "L", "01:00:20", 110 + n * 10, 120 + n * 10)
        }
    };
    let mut sets = vec![set(1, "D", "01:00:00", 100, 110)];
    sets.extend((0..DatabaseHistory::MOST_AT_ONCE as u64).map(log));
    let (history, _) = History::from_records(records(sets));
    let (grown, _) = history.with_new_records(records(vec![log(30_000)]));
    for history in [history, grown] {
        let sales = history.database("Sales").expect("it was backed up");
        let limits = Limits::default();
        assert!(sales.is_worked_out(&limits), "no frame waits for it");
        assert_eq!(sales.coverage(&limits).windows.len(), 1, "up to the damage");
    }
}

#[test]
fn a_full_after_the_last_log_loses_nothing_yet() {
    let line = |sets| {
        let history = sales(sets);
        let coverage = history.coverage(&Limits::default());
        let words = |gap| stopat::explain::gap_line(&history, gap);
        coverage.gaps.iter().map(words).collect::<Vec<_>>()
    };
    let mut sets = usual();
    sets.push(set(5, "D", "04:05:00", 450, 460));
    assert_eq!(
        line(sets.clone()),
        ["5 m 10 s in no log backup yet — none since 1 Jun 04:00, the next may hold it"]
    );
    let history = sales(sets.clone());
    let target = history.clock().moment(at("04:03:00"));
    let request = RestoreRequest::to(Target::At(target));
    let refusal = planned(&history, &request).expect_err("no log reaches it");
    let problem = stopat::explain::refusal(&refusal, "Sales", Some(&history));
    assert_eq!(
        problem.sentence,
        "No log backup of Sales holds 1 Jun 2026 04:03:00 yet"
    );
    assert!(
        problem.hint.starts_with("Back up the log"),
        "{}",
        problem.hint
    );
    // The rows do not tell whether the log goes on from its last backup or begins with the full: no plan with a tail.
    assert_eq!(refusal.tail, None);
    assert!(explain::next_log_may_hold(&refusal, Some(&history)));
    let later = history.clock().moment(at("04:06:00"));
    let later = planned(&history, &RestoreRequest::to(Target::At(later))).expect_err("too late");
    let tail = later.tail.as_ref().expect("it goes on from the full");
    assert_eq!(tail.steps[0].backup_set_uuid, uuid(5));
    assert!(!explain::next_log_may_hold(&later, Some(&history)));
    // The next log bridges it; one that begins later shows that one is missing.
    let with = |first| {
        let mut sets = sets.clone();
        sets.push(set(6, "L", "05:00:00", first, 500));
        line(sets)
    };
    assert_eq!(with(400), Vec::<String>::new());
    assert!(with(420)[0].contains("lost"), "{:?}", with(420));
}

#[test]
fn what_retention_deleted_is_gone_and_says_so() {
    let mut removed = Removed::default();
    removed.extend([(
        uuid(3),
        UtcTime::from_seconds(1_780_350_000.0).expect("a time"),
    )]);
    let mut sets = usual();
    sets.push(set(5, "D", "05:00:00", 450, 460));
    for record in &mut sets {
        removed.mark(record, UtcOffset::ZERO);
    }
    assert_eq!(sets[2].media_files[0].present, Some(false));
    assert_eq!(sets[1].media_files[0].present, None);
    let (all, _) = History::from_records(records(sets));
    let history = all.database("Sales").expect("backed up");
    let coverage = history.coverage(&Limits::default());
    assert_eq!(
        explain::gap_line(&history, &coverage.gaps[0]),
        "3 h given up — retention deleted the log of 1 Jun 03:00, next way in is the 05:00 full backup"
    );
    let target = history.clock().moment(at("03:30:00"));
    let refusal = planned(&history, &RestoreRequest::to(Target::At(target))).expect_err("gone");
    assert_eq!(refusal.kind, RefusalKind::MissingMedia);
    assert_eq!(refusal.culprit, Some(uuid(3)));
    let said = explain::refusal(&refusal, "Sales", Some(&history));
    assert!(
        said.sentence
            .ends_with("retention deleted its file on 1 Jun 2026"),
        "{}",
        said.sentence
    );
    // It stays so when the history grows, and when all is judged anew.
    let overwriting = BackupRecord {
        media_files: vec![on(r"D:\b\1.bak")],
        ..set(6, "D", "06:00:00", 470, 480)
    };
    let (grown, _) = all.with_new_records(records(vec![overwriting]));
    let grown = grown.database("Sales").expect("backed up");
    let trouble = |n| grown.set_by_uuid(uuid(n)).expect("listed").trouble();
    assert!(matches!(trouble(3), Some(Trouble::Deleted { .. })));
    assert_eq!(trouble(1), Some(Trouble::Overwritten));
}

#[test]
fn a_probe_is_no_backup_to_restore_from() {
    let probe = |name: &str| BackupRecord {
        name: Some(name.to_owned()),
        database_name: Some("model".to_owned()),
        is_copy_only: Some(true),
        media_files: vec![on(r"D:\b\stopat_probe_20260601_010000.bak")],
        ..set(1, "D", "01:00:00", 100, 110)
    };
    let newest = |name| {
        let (history, _) = History::from_records(records(vec![probe(name)]));
        let model = history.database("model").expect("listed");
        let latest = stopat::domain::plan(&model, &RestoreRequest::to(Target::Latest));
        (
            model.newest_backup().is_some(),
            model.coverage(&Limits::default()).windows.len(),
            latest.is_ok(),
        )
    };
    assert_eq!(newest(stopat::domain::PROBE_NAME), (false, 0, false));
    assert_eq!(newest("by hand"), (true, 1, true), "a backup like others");
}

#[test]
fn a_later_backup_in_the_same_file_overwrites_the_older_one() {
    // INIT: the same media set, the same position.
    let mut sets = usual();
    for set in sets.iter_mut().skip(2).take(2) {
        set.media_files = vec![on(r"D:\b\log.trn")];
        set.media_set_id = Some(7);
    }
    let history = sales(sets.clone());
    assert_eq!(
        history.set_by_uuid(uuid(3)).and_then(BackupSet::trouble),
        Some(Trouble::Overwritten)
    );
    assert_eq!(
        refused(&history, &to(&history, "02:30:00")).kind,
        RefusalKind::MissingMedia
    );
    // Appended: the same media set, a higher position.
    if let Some(last) = sets.last_mut() {
        last.position = Some(2);
    }
    assert_eq!(sets_to(&sales(sets.clone()), "02:30:00"), [1, 2, 3]);
    // FORMAT: another media set, whatever the position.
    if let Some(last) = sets.last_mut() {
        last.media_set_id = Some(8);
    }
    let history = sales(sets.clone());
    assert_eq!(
        refused(&history, &to(&history, "02:30:00")).kind,
        RefusalKind::MissingMedia
    );
    // Unless a file check says that it is there.
    if let Some(file) = sets.get_mut(2).and_then(|set| set.media_files.first_mut()) {
        file.present = Some(true);
    }
    assert_eq!(sets_to(&sales(sets), "02:30:00"), [1, 2, 3]);
}

#[test]
fn equal_paths_are_one_device_only_on_one_machine_or_on_a_share() {
    let two = |path: &str| {
        let mut sets = usual();
        for (set, machine) in sets.iter_mut().skip(2).zip(["SQL1", "SQL2"]) {
            set.media_files = vec![on(path)];
            set.machine_name = Some(machine.to_owned());
        }
        sales(sets)
            .set_by_uuid(uuid(3))
            .and_then(BackupSet::trouble)
    };
    assert_eq!(two(r"D:\b\log.trn"), None);
    assert_eq!(two(r"\\nas\b\log.trn"), Some(Trouble::Overwritten));
    assert_eq!(
        two("https://x.blob.core.windows.net/b/log.trn"),
        Some(Trouble::Overwritten)
    );
}

#[test]
fn a_stripe_needs_one_mirror() {
    let mut sets = usual();
    let stripe = |stripe, mirror, present| MediaFile {
        family_sequence_number: Some(stripe),
        mirror: Some(mirror),
        present,
        ..on(&format!(r"D:\b\full_{stripe}_{mirror}.bak"))
    };
    let full = sets.first_mut().expect("the full");
    full.media_family_count = Some(2);
    full.media_files = vec![
        stripe(2, 1, Some(true)),
        stripe(2, 0, Some(false)),
        stripe(1, 1, None),
        stripe(1, 0, None),
    ];
    let history = sales(sets.clone());
    let plan = planned(&history, &to(&history, "02:00:00")).expect("each stripe has a mirror");
    let devices: Vec<&str> = plan
        .steps
        .first()
        .map(|step| step.devices.iter().map(|d| d.name()).collect())
        .unwrap_or_default();
    assert_eq!(devices, [r"D:\b\full_1_0.bak", r"D:\b\full_2_1.bak"]);
    // One mirror lost is no loss; the last one is.
    let mut request = to(&history, "02:00:00");
    request.without = vec![Lost::File(r"d:\B\FULL_1_0.bak".to_owned())];
    let plan = planned(&history, &request).expect("the other mirror is there");
    assert_eq!(
        plan.steps
            .first()
            .and_then(|s| s.devices.first())
            .map(|d| d.name()),
        Some(r"D:\b\full_1_1.bak")
    );
    request
        .without
        .push(Lost::File(r"D:\b\full_2_1.bak".to_owned()));
    assert_eq!(refused(&history, &request).kind, RefusalKind::MissingMedia);
}

#[test]
fn what_cannot_be_restored_is_named() {
    let kind_with = |change: &dyn Fn(&mut BackupRecord)| {
        let mut sets = usual();
        change(sets.get_mut(2).expect("the log of 03:00"));
        let history = sales(sets);
        let refusal = refused(&history, &to(&history, "02:30:00"));
        (refusal.kind, refusal.culprit)
    };
    let culprit = Some(uuid(3));
    assert_eq!(
        kind_with(&|set| set.is_damaged = Some(true)),
        (RefusalKind::Damaged, culprit)
    );
    assert_eq!(
        kind_with(&|set| set.is_snapshot = Some(true)),
        (RefusalKind::VirtualDevice, culprit)
    );
    let device = |device_type, name: &'static str| {
        move |set: &mut BackupRecord| {
            set.media_files = vec![MediaFile {
                device_type: Some(device_type),
                ..on(name)
            }];
        }
    };
    assert_eq!(
        kind_with(&device(7, "{1F}")),
        (RefusalKind::VirtualDevice, culprit)
    );
    assert_eq!(
        kind_with(&device(107, "{1F}")),
        (RefusalKind::VirtualDevice, culprit)
    );
    assert_eq!(
        kind_with(&device(2, "NUL")),
        (RefusalKind::MissingMedia, culprit)
    );
}

#[test]
fn a_differential_needs_its_very_base() {
    let mut sets = usual();
    sets.push(BackupRecord {
        is_copy_only: Some(true),
        ..set(5, "D", "01:30:00", 140, 150)
    });
    let mut diff = set(6, "I", "03:30:00", 340, 350);
    diff.differential_base_guid = Some(uuid(1));
    sets.push(diff.clone());
    let base = |sets: Vec<BackupRecord>| {
        let history = sales(sets);
        planned(&history, &to(&history, "03:30:10"))
            .ok()
            .map(|plan| {
                plan.steps
                    .iter()
                    .filter_map(|step| step.backup_set_id)
                    .collect::<Vec<_>>()
            })
    };
    assert_eq!(base(sets.clone()), Some(vec![1, 6]));
    // Without the guid its LSN tells the base, and a copy-only full is none.
    let last = sets.last_mut().expect("the differential");
    last.differential_base_guid = None;
    last.differential_base_lsn = lsn(100);
    assert_eq!(base(sets.clone()), Some(vec![1, 6]));
    let last = sets.last_mut().expect("the differential");
    last.differential_base_lsn = lsn(140);
    assert_eq!(
        base(sets.clone()),
        Some(vec![5, 2, 3, 4]),
        "the copy-only full takes logs, no differential"
    );
    // Without the base the differential is nothing.
    diff.differential_base_guid = Some(uuid(99));
    let alone = sales(vec![set(1, "D", "01:00:00", 100, 110), diff]);
    assert_eq!(
        windows(&alone),
        [("01:00:10".to_owned(), "01:00:10".to_owned())]
    );
}

#[test]
fn an_empty_log_extends_what_is_reached_and_is_not_needed() {
    let mut sets = usual();
    sets.push(set(5, "L", "05:00:00", 400, 400));
    let history = sales(sets);
    assert_eq!(
        windows(&history),
        [("01:00:10".to_owned(), "05:00:00".to_owned())]
    );
    assert_eq!(sets_to(&history, "04:30:00"), [1, 2, 3, 4]);
}

#[test]
fn simple_recovery_has_points_and_no_tail() {
    let simple = |mut set: BackupRecord| {
        set.recovery_model = Some("SIMPLE".to_owned());
        set
    };
    let history = sales(vec![
        simple(set(1, "D", "01:00:00", 100, 110)),
        simple(set(2, "D", "05:00:00", 500, 510)),
    ]);
    for clock in ["03:00:00", "07:00:00"] {
        let refusal = refused(&history, &to(&history, clock));
        assert_eq!(
            (refusal.kind, refusal.tail),
            (RefusalKind::SimpleRecovery, None),
            "{clock}"
        );
    }
    assert_eq!(history.coverage(&Limits::default()).tail, None);
    assert_eq!(
        refused(&history, &to(&history, "00:30:00")).kind,
        RefusalKind::BeforeFirstBackup
    );
}

#[test]
fn a_broken_chain_has_no_tail() {
    let mut sets = usual();
    sets.remove(2);
    let history = sales(sets);
    let refusal = refused(&history, &to(&history, "06:00:00"));
    assert_eq!((refusal.kind, refusal.tail), (RefusalKind::LogGap, None));
    assert_eq!(refusal.culprit, Some(uuid(4)));
}

#[test]
fn duplicates_count_once_and_parts_take_no_part() {
    let mut sets = usual();
    sets.extend(usual());
    sets.push(set(9, "F", "01:30:00", 120, 130));
    sets.push(set(10, "Q", "01:31:00", 120, 130));
    let (history, notes) = History::from_records(records(sets));
    let sales = history
        .database("SALES")
        .expect("no collation ignores case");
    assert_eq!(sales.len(), 6);
    let rows = |kind| {
        notes
            .iter()
            .find(|note| note.kind == kind)
            .map(|note| note.rows)
    };
    assert_eq!(rows(HistoryNoteKind::Duplicate), Some(4));
    assert_eq!(rows(HistoryNoteKind::PartialBackup), Some(2));
    let plan = planned(&sales, &to(&sales, "02:30:00")).expect("the chain is whole");
    assert!(
        plan.notes
            .contains(&PlanNote::PartialBackupsIgnored { sets: 2 }),
        "{:?}",
        plan.notes
    );
}

#[test]
fn names_compare_by_the_collation() {
    let named = |collation: &str| {
        let mut sets = usual();
        sets.push(BackupRecord {
            database_name: Some("SALES".to_owned()),
            ..set(5, "D", "05:00:00", 500, 510)
        });
        let mut records = records(sets);
        records.server.collation = Some(collation.to_owned());
        History::from_records(records).0.databases()
    };
    assert_eq!(named("SQL_Latin1_General_CP1_CI_AS"), ["SALES"]);
    assert_eq!(named("Latin1_General_100_CS_AS"), ["SALES", "Sales"]);
    assert_eq!(named("Latin1_General_BIN2"), ["SALES", "Sales"]);
}

#[test]
fn unknown_forks_are_not_tested_and_noted() {
    let mut sets = usual();
    for set in &mut sets {
        set.first_recovery_fork_guid = None;
        set.last_recovery_fork_guid = None;
        set.family_guid = None;
    }
    let history = sales(sets.clone());
    let plan = planned(&history, &to(&history, "02:30:00")).expect("numbers alone suffice");
    assert!(
        plan.notes.contains(&PlanNote::UnknownFork { sets: 3 }),
        "{:?}",
        plan.notes
    );
    // One row without guids among others that have them.
    let mut mixed = usual();
    if let (Some(known), Some(unknown)) = (mixed.get_mut(2), sets.get(2)) {
        *known = unknown.clone();
    }
    assert_eq!(sets_to(&sales(mixed), "03:30:00"), [1, 2, 3, 4]);
}

#[test]
fn a_fork_without_restore_history_is_certain_only_at_its_start() {
    let mut sets = usual();
    sets.pop();
    let mut crossing = set(5, "L", "06:00:00", 200, 320);
    crossing.last_recovery_fork_guid = Some(Uuid::from_u128(0xf1));
    crossing.fork_point_lsn = lsn(250);
    sets.push(crossing);
    let history = sales(sets.clone());
    let point = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(
        windows(&history),
        [point("01:00:10", "03:00:00"), point("06:00:00", "06:00:00")]
    );
    assert_eq!(
        refused(&history, &to(&history, "05:00:00")).kind,
        RefusalKind::RecoveryFork
    );
    // With it, the new branch begins with the restore.
    let mut told = records(sets);
    told.restore_history.push(RestoreRecord {
        restore_date: Some(at("05:40:00")),
        destination_database_name: Some("Sales".to_owned()),
        restore_type: Some("L".to_owned()),
        recovery: Some(true),
        stop_at: Some(at("02:40:00")),
        ..RestoreRecord::default()
    });
    let history = History::from_records(told)
        .0
        .database("Sales")
        .expect("the same");
    assert_eq!(
        windows(&history),
        [point("01:00:10", "03:00:00"), point("05:40:00", "06:00:00")]
    );
    assert_eq!(history.coverage(&Limits::default()).branches.len(), 2);
}

#[test]
fn in_the_repeated_hour_the_second_pass_cannot_be_named() {
    // 25 October 2026, Berlin: 03:00 summer time becomes 02:00.
    let day = |clock: &str| time(&format!("2026-10-25T{clock}"));
    let mut sets = usual();
    let times = [
        ("00:00:00", 8),
        ("02:00:00", 8),
        ("02:00:00", 4),
        ("04:00:00", 4),
    ];
    for (set, (clock, zone)) in sets.iter_mut().zip(times) {
        set.backup_start_date = Some(day(clock));
        set.backup_finish_date = Some(day(clock).plus(TimeDelta::seconds(10)));
        set.time_zone = Some(zone);
    }
    let history = sales(sets);
    let first = RestoreRequest::to(Target::At(history.clock().moment(day("02:30:00"))));
    let plan = planned(&history, &first).expect("the first pass can be named");
    assert!(plan.notes.contains(&PlanNote::RepeatedHour));
    assert_eq!(
        plan.steps.len(),
        3,
        "the log that began at the second 02:00 is the end"
    );
    assert_eq!(plan.utc_offset.map(|offset| offset.minutes()), Some(120));
    let instant = history
        .clock()
        .moment(day("02:30:00"))
        .instant
        .plus(TimeDelta::hours(1));
    let second = RestoreRequest::to(Target::At(history.clock().moment_at(instant)));
    let refusal = refused(&history, &second);
    assert_eq!(refusal.kind, RefusalKind::AmbiguousLocalTime);
    assert_eq!(
        refusal.nearest_before.map(|m| m.server),
        Some(day("01:59:59"))
    );
    assert_eq!(
        refusal.nearest_after.map(|m| m.server),
        Some(day("03:00:00"))
    );
    assert_eq!(sets_to_time(&history, day("03:30:00")), 4);
}

fn sets_to_time(history: &DatabaseHistory, time: stopat::domain::ServerTime) -> usize {
    let request = RestoreRequest::to(Target::At(history.clock().moment(time)));
    planned(history, &request).map_or(0, |plan| plan.steps.len())
}

#[test]
fn a_surprising_chain_must_be_a_tenth_cheaper() {
    // An older full with a small differential against the newest full, which is huge.
    let story = |huge: u64| {
        let mut sets = usual();
        sets.push(BackupRecord {
            is_copy_only: Some(true),
            compressed_backup_size: Some(huge),
            ..set(5, "D", "02:30:00", 240, 250)
        });
        let history = sales(sets);
        let plan = planned(&history, &to(&history, "03:30:00")).expect("both lead there");
        let ids: Vec<i64> = plan
            .steps
            .iter()
            .filter_map(|step| step.backup_set_id)
            .collect();
        let surprising = plan
            .notes
            .iter()
            .any(|note| matches!(note, PlanNote::UnconventionalChain { .. }));
        (ids, surprising)
    };
    // 404 MB the long way; 300 MB and its size through the newest full.
    assert_eq!(
        story(110_000_000),
        (vec![5, 3, 4], false),
        "a little dearer, but usual"
    );
    assert_eq!(story(400_000_000), (vec![1, 2, 3, 4], true));
}

#[test]
fn a_copy_moves_each_file_where_it_first_appears() {
    let file = |number, name: &str| DatabaseFile {
        file_number: Some(number),
        logical_name: Some(name.to_owned()),
        physical_name: Some(format!(r"D:\Data\{name}.mdf")),
        file_type: Some("D".to_owned()),
        ..DatabaseFile::default()
    };
    let mut sets = usual();
    for (n, set) in sets.iter_mut().enumerate() {
        set.files = vec![file(1, "Sales")];
        if n >= 2 {
            set.files.push(file(3, "More"));
        }
    }
    let history = sales(sets);
    let mut request = to(&history, "02:30:00");
    request.destination = Destination::Copy {
        name: "Copy".to_owned(),
        files_to: Some(r"E:\c".to_owned()),
    };
    let plan = planned(&history, &request).expect("the chain is whole");
    let moves: Vec<&Vec<usize>> = plan.steps.iter().map(|step| &step.moves).collect();
    assert_eq!(moves, [&vec![0], &vec![], &vec![1]]);
    let paths: Vec<&str> = plan.moves.iter().map(|file| file.to.as_str()).collect();
    assert_eq!(
        paths,
        [
            r"E:\c\Copy_20260601_023000.mdf",
            r"E:\c\Copy_20260601_023000_2.mdf"
        ]
    );
}

#[test]
fn every_set_near_a_plan_says_why_it_is_out() {
    let mut sets = usual();
    let mut diff = |n, start, first, last| {
        let mut diff = set(n, "I", start, first, last);
        diff.differential_base_guid = Some(uuid(1));
        sets.push(diff);
    };
    diff(5, "02:15:00", 210, 220);
    diff(6, "02:45:00", 260, 270);
    diff(7, "03:45:00", 360, 370);
    let history = sales(sets);
    let request = to(&history, "03:30:00");
    let plan = planned(&history, &request).expect("the chain is whole");
    let (out, total) = rejected(&history, &request, &plan, 100);
    let why = |n: u8| {
        out.iter()
            .find(|r| r.backup_set_uuid == uuid(n))
            .map(|r| r.reason)
    };
    assert_eq!(why(5), Some(SkipReason::NewerDifferential));
    assert_eq!(why(7), None, "it began after the target");
    assert_eq!(total, out.len());
}

#[test]
fn contradictory_rows_never_panic_and_keep_what_can_be_read() {
    let mut sets = usual();
    let odd = |change: &dyn Fn(&mut BackupRecord)| {
        let mut set = set(20, "L", "02:30:00", 200, 250);
        change(&mut set);
        set
    };
    sets.extend([
        odd(&|set| set.backup_type = Some("Z".to_owned())),
        odd(&|set| set.database_name = None),
        odd(&|set| (set.backup_start_date, set.backup_finish_date) = (None, None)),
        odd(&|set| (set.first_lsn, set.last_lsn, set.backup_set_uuid) = (None, None, None)),
        odd(&|set| (set.first_lsn, set.last_lsn) = (lsn(900), lsn(5))),
        odd(&|set| set.backup_finish_date = Some(at("00:00:00"))),
        odd(&|set| {
            set.backup_set_uuid = Some(uuid(21));
            set.last_recovery_fork_guid = Some(Uuid::from_u128(0xa));
        }),
        odd(&|set| {
            set.backup_set_uuid = Some(uuid(22));
            set.first_recovery_fork_guid = Some(Uuid::from_u128(0xa));
        }),
        BackupRecord::default(),
    ]);
    let (history, notes) = History::from_records(records(sets));
    assert!(notes.len() >= 5, "{notes:?}");
    let sales = history.database("Sales").expect("the good rows are there");
    assert_eq!(sets_to(&sales, "03:30:00"), [1, 2, 3, 4]);
}
