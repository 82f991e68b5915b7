//! What comes back is what a journal of the test kept beside the log: at any moment, after a fork, after a crash.

use super::{
    at, chain, full, insert, keys, refused, refused_backup, request, restore, state, take,
};
use crate::practice::{
    backup::{BackupRequest, Ending, SetHeader, SetKind},
    engine::{
        DatabaseState, Engine, MSDB, databases,
        fixture::{database, open, rows, run, server, tick},
    },
    sql::statement::RestoreWhat,
};

type Rows = Vec<(i64, i64)>;

#[test]
fn any_moment_comes_back_as_the_journal_has_it() {
    for seed in 0..6 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut server = server();
        let engine = &mut server.engine;
        let id = database(engine, "S");
        // What was there after each commit, and when; kept without any help of the log.
        let mut journal: Vec<(i64, Rows)> = Vec::new();
        let mut sets: Vec<(SetHeader, String)> = Vec::new();
        let mut next = 0;
        for step in 0..220 {
            tick(engine, random.i64(1..90));
            match random.u32(0..100) {
                0..6 if step > 3 => {
                    let kind = if random.u32(0..4) == 0 {
                        SetKind::Full
                    } else {
                        SetKind::Differential
                    };
                    let kind = if sets.is_empty() { SetKind::Full } else { kind };
                    let device = format!("{step}.bak");
                    sets.push((take(engine, kind, "S", &device), device));
                }
                6..20 if !sets.is_empty() => {
                    let device = format!("{step}.trn");
                    sets.push((take(engine, SetKind::Log, "S", &device), device));
                }
                20..60 => {
                    next += 1;
                    insert(engine, id, next);
                }
                60..75 => {
                    let key = random.i64(0..=next);
                    run(
                        engine,
                        id,
                        &format!(
                            "UPDATE {{}}.\"dbo.t\" SET v = v + 1 WHERE k >= {key} AND k < {key} + 5"
                        ),
                    );
                }
                75..85 => {
                    let key = random.i64(0..=next);
                    run(
                        engine,
                        id,
                        &format!("DELETE FROM {{}}.\"dbo.t\" WHERE k = {key}"),
                    );
                }
                85..87 => run(engine, id, "DELETE FROM {}.\"dbo.t\" WHERE 1"),
                _ => {}
            }
            let now = engine.commit_time().local;
            journal.push((now, rows(engine, id)));
        }
        tick(engine, 30);
        take(engine, SetKind::Full, "S", "last.bak");
        sets.push((
            take(engine, SetKind::Log, "S", "last.trn"),
            "last.trn".to_owned(),
        ));
        let first = sets.first().expect("one").0.consistent_at;
        let end = sets
            .iter()
            .filter(|s| s.0.kind == SetKind::Log)
            .filter_map(|s| s.0.last_valid_restore_time)
            .max()
            .expect("a log");
        let end = crate::practice::engine::clock::datetime(end);
        for _ in 0..8 {
            let at = random.i64(first..=end);
            restore_to(engine, &sets, at, random.bool());
            let copy = engine.store.find("Copy").expect("restored");
            let expected = &journal
                .iter()
                .rfind(|(time, _)| *time <= at)
                .expect("before")
                .1;
            assert_eq!(&rows(engine, copy), expected, "seed {seed}, moment {at}");
            databases::drop_database(engine, 0, "Copy").expect("dropped");
        }
    }
}

/// Full, perhaps a differential, then logs up to the moment.
fn restore_to(engine: &mut Engine, sets: &[(SetHeader, String)], at: i64, with_differential: bool) {
    let base = sets
        .iter()
        .rfind(|(s, _)| s.kind == SetKind::Full && s.consistent_at <= at)
        .expect("a base");
    restore(engine, &full("S", &base.1));
    let mut position = base.0.last_lsn;
    let differential = sets.iter().rfind(|(s, _)| {
        s.kind == SetKind::Differential
            && s.differential_base_guid == Some(base.0.uuid)
            && s.consistent_at <= at
    });
    if let Some((set, device)) = differential.filter(|_| with_differential) {
        restore(engine, &request(RestoreWhat::Database, device));
        position = set.last_lsn;
    }
    for (set, device) in sets.iter().filter(|(s, _)| s.kind == SetKind::Log) {
        if set.last_lsn <= position {
            continue;
        }
        let mut log = request(RestoreWhat::Log, device);
        log.stop_at = Some(at);
        log.ending = Ending::Recovery;
        if restore(engine, &log).recovered {
            return;
        }
    }
    panic!("the logs do not reach {at}");
}

#[test]
fn a_fork_separates_the_two_futures() {
    let (mut server, id) = chain();
    let engine = &mut server.engine;
    // The copy is recovered inside the second log and lives on.
    restore(engine, &full("S", "f.bak"));
    restore(engine, &request(RestoreWhat::Log, "1.trn"));
    let mut log = request(RestoreWhat::Log, "2.trn");
    log.stop_at = Some(at("2026-11-20T06:01:42"));
    log.ending = Ending::Recovery;
    restore(engine, &log);
    assert_eq!(keys(engine, "Copy"), [0, 10, 11, 20]);
    let copy = engine.store.find("Copy").expect("there");
    insert(engine, copy, 500);
    let forked = take(engine, SetKind::Log, "Copy", "fork.trn");
    assert_ne!(forked.first_fork, forked.last_fork);
    assert!(forked.fork_point.is_some());
    let original = engine.store.database(id).expect("there");
    assert_eq!(forked.family_guid, original.family_guid);
    assert_ne!(forked.database_guid, original.database_guid);
    insert(engine, copy, 501);
    let later = take(engine, SetKind::Log, "Copy", "fork2.trn");
    assert_eq!(
        (later.first_fork, later.fork_point),
        (forked.last_fork, None)
    );

    // The new branch continues the old chain at its second log.
    databases::drop_database(engine, 0, "Copy").expect("dropped");
    restore(engine, &full("S", "f.bak"));
    restore(engine, &request(RestoreWhat::Log, "1.trn"));
    restore(engine, &request(RestoreWhat::Log, "fork.trn"));
    let mut last = request(RestoreWhat::Log, "fork2.trn");
    last.ending = Ending::Recovery;
    // The dead branch ends where nothing of it fits any more.
    assert!(matches!(
        refused(engine, &request(RestoreWhat::Log, "3.trn")).as_slice(),
        [4330 | 4305 | 4326]
    ));
    restore(engine, &last);
    assert_eq!(keys(engine, "Copy"), [0, 10, 11, 20, 500, 501]);
}

#[test]
fn a_restore_sequence_outlives_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut engine = open(folder.path(), true);
    let id = database(&mut engine, "S");
    insert(&mut engine, id, 0);
    take(&mut engine, SetKind::Full, "S", "f.bak");
    let mut expected = vec![0];
    for step in 1..=4 {
        tick(&mut engine, 10);
        insert(&mut engine, id, step);
        expected.push(step);
        take(&mut engine, SetKind::Log, "S", &format!("{step}.trn"));
    }
    take(&mut engine, SetKind::Differential, "S", "d.bak");
    insert(&mut engine, id, 5);
    std::mem::forget(engine);
    // The log that no backup holds yet, the differential base and msdb are still there.
    let mut engine = open(folder.path(), true);
    take(&mut engine, SetKind::Log, "S", "5.trn");
    take(&mut engine, SetKind::Differential, "S", "e.bak");
    expected.push(5);
    restore(&mut engine, &full("S", "f.bak"));
    restore(&mut engine, &request(RestoreWhat::Log, "1.trn"));
    std::mem::forget(engine);
    let mut engine = open(folder.path(), true);
    assert_eq!(state(&engine, "Copy"), DatabaseState::Restoring);
    restore(&mut engine, &request(RestoreWhat::Database, "d.bak"));
    let mut last = request(RestoreWhat::Log, "5.trn");
    last.ending = Ending::Recovery;
    restore(&mut engine, &last);
    assert_eq!(keys(&mut engine, "Copy"), expected);
    std::mem::forget(engine);
    let mut engine = open(folder.path(), true);
    assert_eq!(keys(&mut engine, "Copy"), expected);
    let copy = engine.store.find("Copy").expect("there");
    insert(&mut engine, copy, 6);
    take(&mut engine, SetKind::Log, "Copy", "copy.trn");
    let schema = engine.store.attach(MSDB).expect("online");
    let count = |table: &str| -> i64 {
        engine
            .store
            .connection()
            .query_row(
                &format!("SELECT count(*) FROM {schema}.\"dbo.{table}\""),
                [],
                |r| r.get(0),
            )
            .expect("a number")
    };
    assert_eq!(
        (
            count("backupset"),
            count("restorehistory"),
            count("restorefile")
        ),
        (9, 4, 8)
    );
    assert_eq!((count("backupmediafamily"), count("backupfile")), (9, 18));
}

#[test]
fn standby_is_readable_between_the_logs() {
    let (mut server, _) = chain();
    let engine = &mut server.engine;
    restore(engine, &full("S", "f.bak"));
    let mut log = request(RestoreWhat::Log, "1.trn");
    log.ending = Ending::Standby("D:\\Backup\\undo.bak".to_owned());
    restore(engine, &log);
    assert_eq!(keys(engine, "Copy"), [0, 10, 11]);
    let copy = engine.store.find("Copy").expect("there");
    assert_eq!(
        engine.store.begin_write(51, copy).map_err(|m| m.number),
        Err(3906)
    );
    assert_eq!(
        refused_backup(engine, &BackupRequest::new(SetKind::Full, "Copy", "x.bak")),
        [3036]
    );
    restore(engine, &request(RestoreWhat::Log, "2.trn"));
    assert_eq!(engine.store.attach(copy).map_err(|m| m.number), Err(927));
    let mut last = request(RestoreWhat::Log, "3.trn");
    last.ending = Ending::Recovery;
    restore(engine, &last);
    insert(engine, copy, 99);
    assert_eq!(keys(engine, "Copy"), [0, 10, 11, 20, 21, 30, 31, 99]);
}
