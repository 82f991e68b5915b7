//! Loss and restore time against cases that were worked out by hand.

use crate::support::time;
use chrono::TimeDelta;
use std::{collections::BTreeMap, sync::Arc};
use stopat::domain::{
    Assessment, BackupRecord, BackupType, DatabaseHistory, ExposureCause, History, HistoryRecords,
    Limits, Lsn, MeasuredSet, MediaFile, Objective, Period, RecordedServer, RefusalKind, Remedy,
    RestoreTimeModel, ScenarioKind, ServerTime, Status, Target, UtcOffset, UtcTime, assess, plan,
    remedies,
};
use uuid::Uuid;

const MB: u64 = 1_000_000;

/// A week's chain: what is taken is said by the test, a set after the other.
struct Story {
    sets: Vec<BackupRecord>,
    lsn: u64,
    full: u64,
}

fn at(text: &str) -> ServerTime {
    time(&format!("2026-06-{text}"))
}

fn utc(text: &str) -> UtcTime {
    at(text).to_utc(UtcOffset::ZERO)
}

fn number(n: u64) -> Option<Lsn> {
    Lsn::new(u128::from(n))
}

impl Story {
    fn new() -> Self {
        Self {
            sets: Vec::new(),
            lsn: 100,
            full: 100,
        }
    }

    /// A backup of so many megabytes that takes so many seconds. Logs go on where the last one ended.
    fn take(&mut self, kind: BackupType, start: ServerTime, megabytes: u64, secs: i64) {
        let n = self.sets.len() as u64 + 1;
        let from = self.lsn;
        let (first, last) = match kind {
            BackupType::Log => {
                self.lsn += 100;
                (from, self.lsn)
            }
            _ => (from + 1, from + 2),
        };
        if kind == BackupType::Full {
            self.full = first;
        }
        self.sets.push(BackupRecord {
            backup_set_id: Some(n as i64),
            backup_set_uuid: Some(Uuid::from_u128(n.into())),
            media_set_id: Some(n as i64),
            position: Some(1),
            database_name: Some("Sales".to_owned()),
            server_name: Some("SQL1".to_owned()),
            backup_type: Some(kind.letter().to_string()),
            backup_start_date: Some(start),
            backup_finish_date: Some(start.plus(TimeDelta::seconds(secs))),
            time_zone: Some(0),
            first_lsn: number(first),
            last_lsn: number(last),
            checkpoint_lsn: number(first),
            database_backup_lsn: number(self.full),
            differential_base_lsn: (kind == BackupType::Differential)
                .then(|| number(self.full))
                .flatten(),
            first_recovery_fork_guid: Some(Uuid::from_u128(0xf0)),
            last_recovery_fork_guid: Some(Uuid::from_u128(0xf0)),
            family_guid: Some(Uuid::from_u128(1)),
            recovery_model: Some("FULL".to_owned()),
            backup_size: Some(megabytes * MB),
            compressed_backup_size: Some(megabytes * MB),
            media_family_count: Some(1),
            media_files: vec![MediaFile {
                family_sequence_number: Some(1),
                mirror: Some(0),
                physical_device_name: Some(format!(r"D:\b\{n}.bak")),
                device_type: Some(2),
                present: None,
            }],
            ..BackupRecord::default()
        });
    }

    /// Logs from one time to another, both included.
    fn logs(&mut self, from: &str, to: &str, every_secs: i64, megabytes: u64) {
        let mut start = at(from);
        while start <= at(to) {
            self.take(BackupType::Log, start, megabytes, 5);
            start = start.plus(TimeDelta::seconds(every_secs));
        }
    }

    fn history(self) -> Arc<DatabaseHistory> {
        let records = HistoryRecords {
            server: RecordedServer::default(),
            backup_sets: self.sets,
            ..HistoryRecords::default()
        };
        let (history, _) = History::from_records(records);
        history.database("Sales").expect("it was backed up")
    }
}

fn objective(scenario: ScenarioKind, loss_minutes: u32, down_minutes: u32) -> Objective {
    Objective {
        scenario,
        loss_secs: (loss_minutes * 60, loss_minutes * 60),
        down_secs: (0, down_minutes * 60),
    }
}

const LOGS: ScenarioKind = ScenarioKind::FullDifferentialLog;

#[test]
fn logs_that_stopped_three_days_ago_have_lost_three_days_and_counting() {
    let mut story = Story::new();
    story.take(BackupType::Full, at("01T00:00:00"), 1000, 600);
    story.logs("01T00:15:00", "01T12:00:00", 900, 1);
    // A gap of a day before, which changes nothing today.
    story.take(BackupType::Full, at("02T12:00:00"), 1000, 600);
    story.logs("02T12:15:00", "04T12:00:00", 900, 1);
    let history = story.history();
    let exposure = history.exposure(&Limits::default());
    let lost = |now: &str| exposure.at(utc(now)).expect("restorable").seconds();
    assert_eq!(lost("07T12:00:00"), 3.0 * 86_400.0);
    assert_eq!(lost("07T12:00:01"), 3.0 * 86_400.0 + 1.0);
    assert_eq!(lost("04T12:00:04"), 904.0);
    assert_eq!(lost("04T12:00:05"), 5.0);

    let now = utc("07T12:00:00");
    let objectives = [objective(LOGS, 15, 45)];
    let measured = BTreeMap::new();
    let assessment = Assessment {
        objectives: &objectives,
        model: None,
        measured: &measured,
        period: Period::days(now, 14),
    };
    let standing = assessment.standing(&history, LOGS);
    assert_eq!(standing.status, Status::Missed);
    assert!(standing.misses.loss_now);
    let (worst, cause) = *standing.worst.first().expect("a worst moment");
    assert_eq!((worst.since, worst.at), (utc("04T12:00:00"), now));
    assert_eq!(
        cause,
        ExposureCause::NothingTaken {
            last: Some(BackupType::Log)
        }
    );
    // It ran often enough while it ran: what stopped it is to be mended.
    assert_eq!(
        remedies(&history, &standing, &assessment),
        [Remedy::MendChain]
    );
}

#[test]
fn a_schedule_that_was_too_coarse_and_then_fell_silent_is_told_as_both() {
    let mut story = Story::new();
    story.take(BackupType::Full, at("01T00:00:00"), 1000, 600);
    story.logs("01T01:00:00", "01T12:00:00", 3600, 1);
    let history = story.history();
    let objectives = [objective(LOGS, 15, 45)];
    let measured = BTreeMap::new();
    let silence_at = |now: &str| {
        let assessment = Assessment {
            objectives: &objectives,
            model: None,
            measured: &measured,
            period: Period::days(utc(now), 14),
        };
        let standing = assessment.standing(&history, LOGS);
        match remedies(&history, &standing, &assessment).as_slice() {
            [
                Remedy::BackUpEvery {
                    now_secs,
                    silent_secs,
                    ..
                },
            ] => (*now_secs, *silent_secs),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(silence_at("01T12:50:00"), (Some(3600.0), None));
    assert_eq!(
        silence_at("03T12:00:00"),
        (Some(3600.0), Some(2.0 * 86_400.0))
    );
}

#[test]
fn a_schedule_is_judged_by_its_interval_and_the_longest_log_backup() {
    let mut story = Story::new();
    story.take(BackupType::Full, at("01T00:00:00"), 1000, 600);
    story.logs("01T00:15:00", "01T11:45:00", 900, 1);
    // The longest log backup takes a minute and a half.
    story.take(BackupType::Log, at("01T12:00:00"), 1, 90);
    let history = story.history();
    let objectives = [objective(LOGS, 15, 45)];
    let measured = [(LOGS, (utc("01T06:00:00"), 60.0))].into();
    let standing_at = |now: &str| {
        let assessment = Assessment {
            objectives: &objectives,
            model: None,
            measured: &measured,
            period: Period::days(utc(now), 14),
        };
        assessment.standing(&history, LOGS)
    };
    let just_before_the_next = standing_at("01T12:15:30");
    assert_eq!(just_before_the_next.longest_backup_secs, 91.0);
    assert_eq!(just_before_the_next.allowed_loss_secs(), Some(992.0));
    assert_eq!(
        just_before_the_next.now.map(|now| now.seconds()),
        Some(930.0)
    );
    assert_eq!(just_before_the_next.status, Status::Met);
    let too_late = standing_at("01T12:16:33");
    assert_eq!(too_late.status, Status::Missed);
}

#[test]
fn backups_off_the_chain_do_not_count() {
    let mut story = Story::new();
    story.take(BackupType::Full, at("01T00:00:00"), 1000, 60);
    story.logs("01T01:00:00", "01T06:00:00", 3600, 1);
    // The log of 07:00 is missing, so those after it lead nowhere until the full of 12:00.
    story.lsn += 100;
    story.logs("01T08:00:00", "01T11:00:00", 3600, 1);
    story.take(BackupType::Full, at("01T12:00:00"), 1000, 60);
    let history = story.history();
    let exposure = history.exposure(&Limits::default());
    let lost = |now: &str| exposure.at(utc(now)).expect("restorable").seconds();
    assert_eq!(lost("01T11:30:00"), 5.5 * 3600.0);
    assert_eq!(lost("01T12:01:00"), 0.0);
    let worst = exposure.worst(utc("01T02:00:00"), utc("01T13:00:00"), 1);
    let worst = *worst.first().expect("a worst moment");
    assert_eq!(worst.seconds(), 6.0 * 3600.0 + 60.0);
    let cause = history.exposure_cause(&Limits::default(), worst);
    assert!(
        matches!(
            cause,
            ExposureCause::Unusable {
                sets: 4,
                kind: RefusalKind::LogGap,
                ..
            }
        ),
        "{cause:?}"
    );
}

#[test]
fn each_scenario_counts_only_what_it_uses() {
    let mut story = Story::new();
    story.take(BackupType::Full, at("01T00:00:00"), 600_000, 60);
    story.take(BackupType::Differential, at("01T06:00:00"), 60_000, 60);
    story.logs("01T06:15:00", "01T06:30:00", 900, 3000);
    let history = story.history();
    let objectives = [
        objective(ScenarioKind::FullOnly, 24 * 60, 105),
        objective(ScenarioKind::FullDifferential, 6 * 60, 115),
        objective(LOGS, 15, 111),
    ];
    let measured = BTreeMap::new();
    let model = RestoreTimeModel::at_speed(1e8);
    let assessment = Assessment {
        objectives: &objectives,
        model: Some(&model),
        measured: &measured,
        period: Period::days(utc("01T06:40:00"), 14),
    };
    let rows = assess(&history, &assessment);
    let lost: Vec<f64> = rows
        .iter()
        .map(|row| row.now.expect("restorable").seconds())
        .collect();
    assert_eq!(lost, [6.0 * 3600.0 + 2340.0, 2340.0, 600.0]);
    let minutes: Vec<f64> = rows
        .iter()
        .map(|row| row.estimate.expect("a model").seconds / 60.0)
        .collect();
    assert_eq!(minutes, [100.0, 110.0, 111.0]);
    let statuses: Vec<Status> = rows.iter().map(|row| row.status).collect();
    // Before the first log of the day six hours would have been lost.
    assert_eq!(statuses, [Status::Met, Status::Met, Status::AtRisk]);
}

#[test]
fn one_more_differential_a_day_is_worked_out() {
    // A day with a full, three differentials and logs every quarter of an hour that take their time.
    let mut story = Story::new();
    story.take(BackupType::Full, at("01T00:00:00"), 60_000, 60);
    story.logs("01T00:15:00", "01T06:00:00", 900, 1000);
    story.take(BackupType::Differential, at("01T06:00:00"), 6_000, 60);
    story.logs("01T06:15:00", "01T12:00:00", 900, 1000);
    story.take(BackupType::Differential, at("01T12:00:00"), 6_000, 60);
    story.logs("01T12:15:00", "01T18:00:00", 900, 1000);
    story.take(BackupType::Differential, at("01T18:00:00"), 6_000, 60);
    story.logs("01T18:15:00", "01T23:45:00", 900, 1000);
    let history = story.history();
    let model = RestoreTimeModel::at_speed(1e8);
    // 60 000 + 6 000 + 24 logs of 1 000 MB take 900 s; with one more differential 19 logs follow: 850 s.
    let objectives = [Objective {
        scenario: LOGS,
        loss_secs: (900, 900),
        down_secs: (0, 860),
    }];
    let measured = [(LOGS, (utc("01T12:00:00"), 880.0))].into();
    let assessment = Assessment {
        objectives: &objectives,
        model: Some(&model),
        measured: &measured,
        period: Period::days(utc("02T00:00:00"), 1),
    };
    let standing = assessment.standing(&history, LOGS);
    assert_eq!(standing.status, Status::Missed);
    let found = remedies(&history, &standing, &assessment);
    match found.as_slice() {
        [
            Remedy::DifferentialsADay {
                now,
                then: 4,
                seconds_now,
                seconds_then,
            },
        ] => {
            assert!((now - 3.0).abs() < 0.01, "{now}");
            assert!((seconds_now - 900.0).abs() < 1.0, "{seconds_now}");
            assert!((seconds_then - 850.0).abs() < 1.0, "{seconds_then}");
        }
        other => panic!("{other:?}"),
    }
    let costliest = assessment.costliest(&history).expect("there are moments");
    assert_eq!(costliest.plan.steps.len(), 26);
    // Where the full alone takes too long, only faster disks help.
    let tight = [Objective {
        down_secs: (0, 300),
        ..objectives[0]
    }];
    let assessment = Assessment {
        objectives: &tight,
        ..assessment
    };
    let standing = assessment.standing(&history, LOGS);
    let found = remedies(&history, &standing, &assessment);
    match found.as_slice() {
        [
            Remedy::Faster {
                bytes_per_second, ..
            },
        ] => assert!(
            (bytes_per_second / 1e6 - 90_000.0 / 300.0).abs() < 5.0,
            "{bytes_per_second}"
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_scenario_has_a_moment_at_which_it_is_what_its_name_says() {
    let day = |until: &str| {
        let mut story = Story::new();
        story.take(BackupType::Full, at("01T00:00:00"), 60_000, 60);
        story.logs("01T00:15:00", "01T06:00:00", 900, 1000);
        story.take(BackupType::Differential, at("01T06:01:00"), 6_000, 60);
        story.logs("01T06:15:00", "01T12:00:00", 900, 1000);
        story.take(BackupType::Differential, at("01T12:01:00"), 6_000, 60);
        (story, Period::days(utc(until), 14))
    };
    let told = |(story, period): (Story, Period), scenario: ScenarioKind| {
        let history = story.history();
        let target = history.newest_with(scenario.kinds(), scenario, period)?;
        let plan = plan(&history, &scenario.request(target)).expect("it was found by planning");
        let kinds: String = plan.steps.iter().map(|s| s.backup_type.letter()).collect();
        Some((target == Target::Latest, kinds))
    };
    let expected = |latest: bool, kinds: &str| Some((latest, kinds.to_owned()));
    // Right after a differential no log is needed for the latest, so the logs go to right before it.
    let after_differential = || day("01T12:03:00");
    assert_eq!(
        told(after_differential(), ScenarioKind::FullOnly),
        expected(true, "D")
    );
    assert_eq!(
        told(after_differential(), ScenarioKind::FullDifferential),
        expected(true, "DI")
    );
    let logs = "L".repeat(24);
    assert_eq!(
        told(after_differential(), LOGS),
        expected(false, &format!("DI{logs}"))
    );
    // Right after the next full, the others go to right before that.
    let after_full = || {
        let (mut story, _) = day("01T12:03:00");
        story.logs("01T12:15:00", "01T23:45:00", 900, 1000);
        story.take(BackupType::Full, at("02T00:00:00"), 60_000, 60);
        (story, Period::days(utc("02T00:02:00"), 14))
    };
    assert_eq!(
        told(after_full(), ScenarioKind::FullOnly),
        expected(true, "D")
    );
    assert_eq!(
        told(after_full(), ScenarioKind::FullDifferential),
        expected(false, "DI")
    );
    let found = told(after_full(), LOGS).expect("yesterday had all of them");
    assert!(!found.0 && found.1.starts_with("DIL"), "{found:?}");
    // Without differentials there is none; the logs alone are still found.
    let mut story = Story::new();
    story.take(BackupType::Full, at("01T00:00:00"), 60_000, 60);
    story.logs("01T00:15:00", "01T06:00:00", 900, 1000);
    let history = story.history();
    let period = Period::days(utc("01T06:05:00"), 14);
    assert_eq!(history.newest_with(LOGS.kinds(), LOGS, period), None);
    assert_eq!(
        history.newest_with(&[LOGS.finest()], LOGS, period),
        Some(Target::Latest)
    );
}

#[test]
fn the_speed_of_the_backups_is_only_a_stand_in() {
    let mut story = Story::new();
    story.take(BackupType::Full, at("01T00:00:00"), 6000, 60);
    story.take(BackupType::Full, at("02T00:00:00"), 6000, 60);
    let history = story.history();
    let model = RestoreTimeModel::stand_in(&history, utc("01T00:00:00"), utc("03T00:00:00"))
        .expect("the backups took time");
    let estimate = model.estimate(&[MeasuredSet {
        kind: BackupType::Full,
        compressed: false,
        stripes: 1,
        bytes: 12_000 * MB,
        seconds: 0.0,
    }]);
    assert_eq!(estimate.basis, stopat::domain::EstimateBasis::BackupSpeed);
    assert!((estimate.seconds - 121.0).abs() < 1.0, "{estimate:?}");
    assert_eq!(model.runs(), 0);
    assert_eq!(
        RestoreTimeModel::stand_in(&history, utc("03T00:00:00"), utc("04T00:00:00")),
        None
    );
}

#[test]
fn a_database_that_azure_backs_up_is_judged_by_when_its_backups_were_taken() {
    // The service tells times alone: no positions in the log, no files.
    let set = |n: u128, kind: BackupType, start: &str, secs: i64| BackupRecord {
        backup_set_uuid: Some(Uuid::from_u128(n)),
        database_name: Some("Sales".to_owned()),
        server_name: Some("contoso".to_owned()),
        backup_type: Some(kind.letter().to_string()),
        backup_start_date: Some(at(start)),
        backup_finish_date: Some(at(start).plus(TimeDelta::seconds(secs))),
        time_zone: Some(0),
        ..BackupRecord::default()
    };
    let records = HistoryRecords {
        backup_sets: vec![
            set(1, BackupType::Full, "01T00:00:00", 300),
            set(2, BackupType::Log, "01T11:50:00", 20),
            set(3, BackupType::Log, "01T11:57:00", 20),
        ],
        ..HistoryRecords::default()
    };
    let (history, _) = History::from_records(records);
    let history = history
        .database("Sales")
        .expect("Azure tells of its backups");
    let objectives = [Objective {
        scenario: ScenarioKind::AzurePointInTime,
        loss_secs: (300, 480),
        down_secs: (300, 900),
    }];
    let measured = BTreeMap::new();
    let standing_at = |now: &str, restores: &[(UtcTime, f64)]| {
        let assessment = Assessment {
            objectives: &objectives,
            model: None,
            measured: &measured,
            period: Period {
                from: utc("01T11:55:00"),
                to: utc(now),
            },
        };
        assessment.service_standing(&history, restores)
    };
    let restores = [
        (utc("01T08:00:00"), 420.0),
        (utc("01T09:00:00"), 300.0),
        (utc("01T10:00:00"), 360.0),
    ];
    let standing = standing_at("01T12:00:00", &restores);
    assert_eq!(standing.now.map(|now| now.seconds()), Some(180.0));
    assert_eq!(standing.status, Status::Met);
    let estimate = standing.estimate.expect("three restores");
    assert_eq!(
        (estimate.low, estimate.seconds, estimate.high),
        (300.0, 360.0, 420.0)
    );
    assert_eq!(standing.measured, Some((utc("01T10:00:00"), 360.0)));

    let none = standing_at("01T12:00:00", &[]);
    assert_eq!((none.estimate, none.measured), (None, None));
    assert_eq!(none.status, Status::Unknown, "nobody has measured it");

    let late = standing_at("01T12:10:00", &restores);
    assert!(late.misses.loss_now);
    assert_eq!(late.status, Status::Missed);
}
