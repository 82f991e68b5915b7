//! What is refused, with the numbers of the refusals.

use super::{
    at, chain, full, insert, keys, numbers, refused, refused_backup, request, restore, state, take,
};
use crate::practice::{
    backup::{BackupRequest, Ending, RestoreRequest, SetKind, backup_now, restore_now},
    engine::{
        DatabaseState, RecoveryModel, SessionStart,
        databases::{self, AlterDatabase, Termination},
        fixture::{database, server},
    },
    sql::statement::RestoreWhat,
};

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
        SessionStart {
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
