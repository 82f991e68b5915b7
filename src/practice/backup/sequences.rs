//! Whole sequences of backups and restores: contents against a journal kept beside them, and every refusal.

use super::{
    BackupRequest, Ending, MarkPlace, RestoreRequest, SetHeader, SetKind, StopMark, backup_now,
    restore_now,
};
use crate::practice::{
    engine::{
        DatabaseId, DatabaseState, Engine, LogMark, RecoveryModel, SecondStopAt,
        databases::{self, AlterDatabase, Termination},
        fixture::{Server, database, open, rows, run, server, tick},
    },
    reply::Message,
    sql::statement::RestoreWhat,
};

type Rows = Vec<(i64, i64)>;

fn numbers(messages: &[Message]) -> Vec<i32> {
    messages.iter().map(|m| m.number).collect()
}

fn take(engine: &mut Engine, kind: SetKind, database: &str, device: &str) -> SetHeader {
    let request = BackupRequest::new(kind, database, device);
    backup_now(engine, &request).expect("backed up").header
}

fn refused_backup(engine: &mut Engine, request: &BackupRequest) -> Vec<i32> {
    numbers(&backup_now(engine, request).expect_err("refused"))
}

fn request(what: RestoreWhat, device: &str) -> RestoreRequest {
    RestoreRequest::new(what, "Copy", device)
}

/// A full restore as `Copy`, beside the original.
pub(super) fn full(source: &str, device: &str) -> RestoreRequest {
    let mut request = request(RestoreWhat::Database, device);
    request.moves = vec![
        (source.to_owned(), "D:\\Data\\Copy.mdf".to_owned()),
        (format!("{source}_log"), "L:\\Log\\Copy_log.ldf".to_owned()),
    ];
    request
}

fn restore(engine: &mut Engine, request: &RestoreRequest) -> super::restore::Finished {
    restore_now(engine, 0, request).expect("restored")
}

fn refused(engine: &mut Engine, request: &RestoreRequest) -> Vec<i32> {
    numbers(&restore_now(engine, 0, request).expect_err("refused"))
}

pub(super) fn state(engine: &Engine, name: &str) -> DatabaseState {
    let id = engine.store.find(name).expect("there");
    engine.store.database(id).expect("there").state
}

fn insert(engine: &mut Engine, id: DatabaseId, key: i64) {
    run(
        engine,
        id,
        &format!("INSERT INTO {{}}.\"dbo.t\" (k, v) VALUES ({key}, {key} * 7)"),
    );
}

/// A database `S` with a full backup `f.bak`, three logs `1.trn`…`3.trn` with two rows each.
pub(super) fn chain() -> (Server, DatabaseId) {
    let mut server = server();
    let engine = &mut server.engine;
    let id = database(engine, "S");
    insert(engine, id, 0);
    tick(engine, 60);
    take(engine, SetKind::Full, "S", "f.bak");
    for log in 1..=3 {
        for row in 0..2 {
            tick(engine, 10);
            insert(engine, id, log * 10 + row);
        }
        tick(engine, 10);
        take(engine, SetKind::Log, "S", &format!("{log}.trn"));
    }
    (server, id)
}

fn keys(engine: &mut Engine, name: &str) -> Vec<i64> {
    let id = engine.store.find(name).expect("there");
    rows(engine, id).into_iter().map(|(k, _)| k).collect()
}

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
fn stopping_exactly_at_a_commit_takes_it() {
    let (mut server, _) = chain();
    let engine = &mut server.engine;
    restore(engine, &full("S", "f.bak"));
    // Rows 10 and 11 are committed 10 and 20 seconds after the full backup, which was taken at 06:01.
    let mut log = request(RestoreWhat::Log, "1.trn");
    log.ending = Ending::Recovery;
    log.stop_at = Some(at("2026-11-20T06:01:10"));
    assert!(restore(engine, &log).recovered);
    assert_eq!(keys(engine, "Copy"), [0, 10]);
}

fn at(text: &str) -> i64 {
    super::options::datetime(text, crate::practice::sql::environment::DateFormat::Mdy)
        .expect("a time")
}

#[test]
fn a_point_after_the_log_leaves_it_restoring_and_the_next_log_goes_on() {
    let (mut server, _) = chain();
    let engine = &mut server.engine;
    restore(engine, &full("S", "f.bak"));
    let mut log = request(RestoreWhat::Log, "1.trn");
    log.ending = Ending::Recovery;
    log.stop_at = Some(at("2026-11-20T06:01:45"));
    let said = restore(engine, &log);
    assert_eq!((numbers(&said.notes), said.recovered), (vec![4322], false));
    assert_eq!(state(engine, "Copy"), DatabaseState::Restoring);
    log.devices = vec!["2.trn".to_owned()];
    assert!(restore(engine, &log).recovered);
    assert_eq!(keys(engine, "Copy"), [0, 10, 11, 20]);
}

#[test]
fn a_second_log_with_the_same_point_is_taken_or_refused_as_asked() {
    for (switch, expected) in [
        (SecondStopAt::Accept, None),
        (SecondStopAt::Refuse, Some(vec![4335])),
    ] {
        let (mut server, _) = chain();
        let engine = &mut server.engine;
        engine.options.second_stopat = switch;
        restore(engine, &full("S", "f.bak"));
        let mut log = request(RestoreWhat::Log, "1.trn");
        log.stop_at = Some(at("2026-11-20T06:01:15"));
        restore(engine, &log);
        log.devices = vec!["2.trn".to_owned()];
        log.ending = Ending::Recovery;
        let second = restore_now(engine, 0, &log);
        match expected {
            Some(numbers_expected) => {
                assert_eq!(numbers(&second.expect_err("refused")), numbers_expected);
                assert_eq!(state(engine, "Copy"), DatabaseState::Restoring);
                let mut recover = request(RestoreWhat::Database, "");
                recover.devices.clear();
                recover.ending = Ending::Recovery;
                restore(engine, &recover);
            }
            None => assert!(second.expect("taken").recovered),
        }
        assert_eq!(keys(engine, "Copy"), [0, 10]);
    }
}

#[test]
fn logs_out_of_turn_are_refused() {
    let (mut server, id) = chain();
    let engine = &mut server.engine;
    assert_eq!(refused(engine, &request(RestoreWhat::Log, "1.trn")), [3118]);
    restore(engine, &full("S", "f.bak"));
    assert_eq!(refused(engine, &request(RestoreWhat::Log, "2.trn")), [4305]);
    restore(engine, &request(RestoreWhat::Log, "1.trn"));
    restore(engine, &request(RestoreWhat::Log, "2.trn"));
    assert_eq!(refused(engine, &request(RestoreWhat::Log, "1.trn")), [4326]);
    let mut early = request(RestoreWhat::Log, "3.trn");
    early.stop_at = Some(at("2026-11-20T06:01:05"));
    assert_eq!(refused(engine, &early), [4335]);
    assert_eq!(
        refused(engine, &request(RestoreWhat::Database, "1.trn")),
        [3135]
    );
    assert_eq!(refused(engine, &request(RestoreWhat::Log, "f.bak")), [3135]);
    let mut nowhere = request(RestoreWhat::Log, "no.trn");
    assert_eq!(refused(engine, &nowhere), [3201]);
    nowhere.devices = vec!["\\\\nobody\\x\\a.trn".to_owned()];
    let said = restore_now(engine, 0, &nowhere).expect_err("refused");
    assert!(
        said[0].text.contains("Operating system error 53("),
        "{}",
        said[0].text
    );
    let mut recover = request(RestoreWhat::Database, "");
    recover.devices.clear();
    recover.ending = Ending::Recovery;
    restore(engine, &recover);
    assert_eq!(refused(engine, &recover), [3153]);
    assert_eq!(refused(engine, &request(RestoreWhat::Log, "3.trn")), [3117]);
    assert_eq!(keys(engine, "Copy"), [0, 10, 11, 20, 21]);
    // A differential of another base.
    take(engine, SetKind::Full, "S", "g.bak");
    insert(engine, id, 99);
    take(engine, SetKind::Differential, "S", "g.dif");
    databases::drop_database(engine, 0, "Copy").expect("dropped");
    restore(engine, &full("S", "f.bak"));
    assert_eq!(
        refused(engine, &request(RestoreWhat::Database, "g.dif")),
        [3136]
    );
    restore(engine, &full("S", "g.bak"));
    restore(engine, &request(RestoreWhat::Database, "g.dif"));
    restore(engine, &recover);
    assert_eq!(keys(engine, "Copy"), keys(engine, "S"));
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
fn guards_of_a_full_restore() {
    let (mut server, id) = chain();
    let engine = &mut server.engine;
    let other = database(engine, "Copy");
    let plain = |device: &str| RestoreRequest::new(RestoreWhat::Database, "Copy", device);
    // Another family, and the files of the original.
    assert_eq!(refused(engine, &plain("f.bak")), [3154]);
    let mut beside = plain("f.bak");
    beside.replace = true;
    assert_eq!(refused(engine, &beside), [1834, 3156, 1834, 3156, 3119]);
    beside.moves = vec![("nothing".to_owned(), "D:\\Data\\x.mdf".to_owned())];
    assert_eq!(refused(engine, &beside), [3234]);
    beside.moves = vec![
        ("S".to_owned(), "D:\\Nowhere\\x.mdf".to_owned()),
        ("S_log".to_owned(), "L:\\Log\\x.ldf".to_owned()),
    ];
    assert_eq!(refused(engine, &beside), [5133, 3156, 3119]);
    beside.moves = vec![
        ("S".to_owned(), "D:\\Data\\x.mdf".to_owned()),
        ("S_log".to_owned(), "D:\\Data\\X.mdf".to_owned()),
    ];
    assert_eq!(refused(engine, &beside), [3176, 3119]);
    beside.moves = full("S", "").moves;
    engine.options.volumes[1].free_bytes = 20 << 20;
    let mut third = beside.clone();
    third.database = "Third".to_owned();
    for (_, to) in &mut third.moves {
        *to = to.replace("Copy", "Third");
    }
    assert_eq!(refused(engine, &third), [3257, 3119]);
    assert_eq!(engine.store.find("Third"), None);
    engine.options.volumes[1].free_bytes = 1 << 40;
    // Somebody is in it.
    let session = engine.sessions.open(
        crate::practice::engine::SessionStart {
            database: other,
            ..Default::default()
        },
        engine.clock.now(),
    );
    assert_eq!(refused(engine, &beside), [3101]);
    assert_eq!(
        numbers(&restore_now(engine, session, &beside).expect_err("refused")),
        [3102]
    );
    engine.sessions.close(session);
    restore(engine, &beside);
    assert_eq!(state(engine, "Copy"), DatabaseState::Restoring);

    // The original has a tail.
    insert(engine, id, 1000);
    let mut over = RestoreRequest::new(RestoreWhat::Database, "S", "f.bak");
    assert_eq!(refused(engine, &over), [3159]);
    over.stop_at = Some(engine.commit_time().local);
    assert_eq!(refused(engine, &over), [3173]);
    over.stop_at = Some(at("2026-11-20T06:00:05"));
    assert_eq!(refused(engine, &over), [4338]);
    over.stop_at = None;
    let mut tail = BackupRequest::new(SetKind::Log, "S", "tail.trn");
    tail.norecovery = true;
    let header = backup_now(engine, &tail).expect("the tail").header;
    assert!(header.is_force_offline);
    assert_eq!(state(engine, "S"), DatabaseState::Restoring);
    assert_eq!(
        refused_backup(engine, &BackupRequest::new(SetKind::Full, "S", "x.bak")),
        [927]
    );
    restore(engine, &over);
    for log in ["1.trn", "2.trn", "3.trn", "tail.trn"] {
        let mut step = RestoreRequest::new(RestoreWhat::Log, "S", log);
        if log == "tail.trn" {
            step.ending = Ending::Recovery;
        }
        restore(engine, &step);
    }
    assert_eq!(keys(engine, "S"), [0, 10, 11, 20, 21, 30, 31, 1000]);
}

#[test]
fn backups_that_are_not_allowed() {
    let mut server = server();
    let engine = &mut server.engine;
    let id = database(engine, "S");
    let ask = |kind, name: &str| BackupRequest::new(kind, name, "x.bak");
    assert_eq!(refused_backup(engine, &ask(SetKind::Full, "nobody")), [911]);
    assert_eq!(
        refused_backup(engine, &ask(SetKind::Full, "tempdb")),
        [3147]
    );
    assert_eq!(
        refused_backup(engine, &ask(SetKind::Differential, "master")),
        [3024]
    );
    assert_eq!(refused_backup(engine, &ask(SetKind::Log, "master")), [4212]);
    assert_eq!(refused_backup(engine, &ask(SetKind::Log, "msdb")), [4208]);
    assert_eq!(refused_backup(engine, &ask(SetKind::Log, "S")), [4214]);
    assert_eq!(
        refused_backup(engine, &ask(SetKind::Differential, "S")),
        [3035]
    );
    let said = backup_now(
        engine,
        &BackupRequest::new(SetKind::Full, "S", "D:\\Nowhere\\x.bak"),
    )
    .expect_err("refused");
    assert_eq!((said[0].number, said[0].state), (3201, 1));
    assert!(
        said[0]
            .text
            .ends_with("Operating system error 3(The system cannot find the path specified.)."),
        "{}",
        said[0].text
    );
    let said = backup_now(
        engine,
        &BackupRequest::new(SetKind::Full, "S", "D:\\..\\..\\x.bak"),
    )
    .expect_err("refused");
    assert!(
        said[0].text.contains("Operating system error 5("),
        "{}",
        said[0].text
    );
    // A copy-only full is no base; leaving the full model breaks the chain.
    let mut copy_only = ask(SetKind::Full, "S");
    copy_only.copy_only = true;
    backup_now(engine, &copy_only).expect("taken");
    assert_eq!(
        refused_backup(engine, &ask(SetKind::Differential, "S")),
        [3035]
    );
    take(engine, SetKind::Full, "S", "f.bak");
    assert!(take(engine, SetKind::Log, "S", "1.trn").begins_log_chain);
    insert(engine, id, 1);
    assert!(!take(engine, SetKind::Log, "S", "2.trn").begins_log_chain);
    for model in [RecoveryModel::Simple, RecoveryModel::Full] {
        databases::alter_database(
            engine,
            0,
            "S",
            &AlterDatabase::Recovery(model),
            Termination::Wait,
        )
        .expect("changed");
    }
    assert_eq!(refused_backup(engine, &ask(SetKind::Log, "S")), [4214]);
    take(engine, SetKind::Differential, "S", "d.bak");
    assert!(take(engine, SetKind::Log, "S", "3.trn").begins_log_chain);
}

#[test]
fn sets_are_appended_replaced_and_striped() {
    let (mut server, id) = chain();
    let engine = &mut server.engine;
    assert_eq!(take(engine, SetKind::Full, "S", "all.bak").position, 1);
    insert(engine, id, 70);
    assert_eq!(take(engine, SetKind::Full, "S", "all.bak").position, 2);
    // Without FILE the oldest comes back.
    let mut back = full("S", "all.bak");
    back.ending = Ending::Recovery;
    restore(engine, &back);
    assert!(!keys(engine, "Copy").contains(&70));
    back.position = Some(2);
    back.replace = true;
    restore(engine, &back);
    assert!(keys(engine, "Copy").contains(&70));
    back.position = Some(3);
    assert_eq!(refused(engine, &back), [3287]);
    let mut init = BackupRequest::new(SetKind::Full, "S", "all.bak");
    init.init = true;
    assert_eq!(backup_now(engine, &init).expect("taken").header.position, 1);

    let mut stripes = BackupRequest::new(SetKind::Full, "S", "s1.bak");
    stripes.devices = (1..=3).map(|n| format!("s{n}.bak")).collect();
    stripes.compression = Some(true);
    let header = backup_now(engine, &stripes).expect("taken").header;
    assert!(header.compressed_size < header.size);
    let mut back = full("S", "s1.bak");
    back.replace = true;
    back.ending = Ending::Recovery;
    assert_eq!(refused(engine, &back), [3132]);
    back.devices = vec!["s3.bak".into(), "s1.bak".into(), "s2.bak".into()];
    restore(engine, &back);
    assert_eq!(keys(engine, "Copy"), keys(engine, "S"));
    stripes.devices.truncate(2);
    assert_eq!(refused_backup(engine, &stripes), [3231]);
    back.devices = vec!["s1.bak".into(), "f.bak".into()];
    assert_eq!(refused(engine, &back), [3258]);
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let (mut server, _) = chain();
    let engine = &mut server.engine;
    for device in ["f.bak", "1.trn"] {
        let path = engine.paths.real(device).expect("a path");
        let whole = std::fs::read(&path).expect("written");
        for at in (0..whole.len()).step_by(whole.len() / 61 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).expect("written");
            let mut verify = request(RestoreWhat::VerifyOnly, device);
            verify.position = Some(1);
            let said = super::restore::verify(engine, &verify).expect_err("damaged");
            assert!(
                matches!(numbers(&said).as_slice(), [3183 | 3241]),
                "byte {at}: {said:?}"
            );
        }
        for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).expect("written");
            let said = super::restore::verify(engine, &request(RestoreWhat::VerifyOnly, device))
                .expect_err("cut");
            assert!(
                matches!(
                    numbers(&said).as_slice(),
                    [3254 | 3241 | 3242 | 3256 | 3287]
                ),
                "{length}: {said:?}"
            );
        }
        std::fs::write(&path, b"this is a letter and not a backup").expect("written");
        let said = super::restore::verify(engine, &request(RestoreWhat::VerifyOnly, device))
            .expect_err("foreign");
        assert_eq!(numbers(&said), [3242]);
        std::fs::write(&path, &whole).expect("written");
        super::restore::verify(engine, &request(RestoreWhat::VerifyOnly, device))
            .expect("whole again");
    }
    // Damage stops a restore after the database was begun.
    let path = engine.paths.real("f.bak").expect("a path");
    let mut damaged = std::fs::read(&path).expect("written");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&path, damaged).expect("written");
    assert_eq!(refused(engine, &full("S", "f.bak")), [3183]);
    assert_eq!(state(engine, "Copy"), DatabaseState::Restoring);
    assert_eq!(refused(engine, &request(RestoreWhat::Log, "1.trn")), [4319]);
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
    let schema = engine
        .store
        .attach(crate::practice::engine::MSDB)
        .expect("online");
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

#[test]
fn minimally_logged_work_cannot_be_stopped_inside() {
    let (mut server, id) = chain();
    let engine = &mut server.engine;
    databases::alter_database(
        engine,
        0,
        "S",
        &AlterDatabase::Recovery(RecoveryModel::BulkLogged),
        Termination::Wait,
    )
    .expect("changed");
    tick(engine, 10);
    let now = engine.commit_time();
    engine.store.begin_write(51, id).expect("free");
    engine
        .store
        .connection()
        .execute_batch("INSERT INTO db5.\"dbo.t\" (k, v) VALUES (50, 1)")
        .expect("inserted");
    engine.store.mark_bulk(51);
    engine.store.commit(51, now).expect("committed");
    tick(engine, 10);
    let header = take(engine, SetKind::Log, "S", "bulk.trn");
    assert!(header.has_bulk_logged);
    assert_eq!(header.recovery_model, "BULK-LOGGED");
    restore(engine, &full("S", "f.bak"));
    for log in 1..=3 {
        restore(engine, &request(RestoreWhat::Log, &format!("{log}.trn")));
    }
    let mut bulk = request(RestoreWhat::Log, "bulk.trn");
    bulk.stop_at = Some(now.local);
    assert_eq!(refused(engine, &bulk), [4341]);
    bulk.stop_at = None;
    bulk.ending = Ending::Recovery;
    restore(engine, &bulk);
    assert!(keys(engine, "Copy").contains(&50));
}

#[test]
fn a_mark_stops_the_log_before_or_after_its_transaction() {
    let (mut server, id) = chain();
    let engine = &mut server.engine;
    tick(engine, 10);
    insert(engine, id, 40);
    tick(engine, 10);
    engine.store.begin_write(51, id).expect("free");
    engine
        .store
        .connection()
        .execute_batch("INSERT INTO db5.\"dbo.t\" (k, v) VALUES (50, 1)")
        .expect("inserted");
    let mark = LogMark {
        name: "Release".to_owned(),
        description: String::new(),
    };
    engine.store.mark(51, mark);
    let now = engine.commit_time();
    let places = engine.store.commit(51, now).expect("committed");
    tick(engine, 10);
    insert(engine, id, 60);
    take(engine, SetKind::Log, "S", "marked.trn");
    let [(_, place)] = places.as_slice() else {
        panic!("{places:?}");
    };
    let stop = |place: MarkPlace, before| StopMark {
        place,
        before,
        after: Some(now.local),
    };
    let named = || MarkPlace::Name("release".to_owned());
    let usual = [0, 10, 11, 20, 21, 30, 31, 40];
    let with: Vec<i64> = usual.into_iter().chain([50]).collect();
    for (mark, expected) in [
        (stop(named(), true), usual.to_vec()),
        (stop(named(), false), with.clone()),
        (stop(MarkPlace::Lsn(*place), true), usual.to_vec()),
        (stop(MarkPlace::Lsn(*place), false), with.clone()),
    ] {
        let mut first = full("S", "f.bak");
        first.replace = true;
        restore(engine, &first);
        for log in 1..=3 {
            let mut log = request(RestoreWhat::Log, &format!("{log}.trn"));
            log.ending = Ending::Recovery;
            log.stop_mark = Some(mark.clone());
            let said = restore(engine, &log);
            assert_eq!((numbers(&said.notes), said.recovered), (vec![4329], false));
        }
        let mut last = request(RestoreWhat::Log, "marked.trn");
        last.ending = Ending::Recovery;
        last.stop_mark = Some(mark);
        assert!(restore(engine, &last).recovered);
        assert_eq!(keys(engine, "Copy"), expected);
    }
}

#[test]
fn a_full_device_is_said() {
    let (mut server, _) = chain();
    let engine = &mut server.engine;
    engine.options.device_space = Some(30_000);
    take(engine, SetKind::Full, "S", "fits.bak");
    let said =
        backup_now(engine, &BackupRequest::new(SetKind::Full, "S", "no.bak")).expect_err("full");
    assert_eq!(numbers(&said), [3202]);
    assert!(said[0].text.contains("112("), "{}", said[0].text);
    // What failed changed nothing: the next differential still has the base that fitted.
    engine.options.device_space = None;
    let differential = take(engine, SetKind::Differential, "S", "d.bak");
    assert!(differential.differential_base_guid.is_some());
}
