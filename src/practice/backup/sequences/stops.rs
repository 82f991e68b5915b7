//! Where a log stops: at a commit, after its end, at a mark, and not inside minimally logged work.

use super::{at, chain, full, insert, keys, numbers, refused, request, restore, state, take};
use crate::practice::{
    backup::{Ending, MarkPlace, SetKind, StopMark, restore_now},
    engine::{
        DatabaseState, LogMark, RecoveryModel, SecondStopAt,
        databases::{self, AlterDatabase, Termination},
        fixture::tick,
    },
    sql::statement::RestoreWhat,
};

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
