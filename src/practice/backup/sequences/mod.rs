//! Whole sequences of backups and restores, made of a database `S` and its copy.

mod contents;
mod media;
mod refusals;
mod stops;

use crate::practice::{
    backup::{
        BackupRequest, RestoreRequest, SetHeader, SetKind, backup_now, options, restore::Finished,
        restore_now,
    },
    engine::{
        DatabaseId, DatabaseState, Engine,
        fixture::{Server, database, rows, run, server, tick},
    },
    reply::Message,
    sql::{environment::DateFormat, statement::RestoreWhat},
};

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
pub(in crate::practice::backup) fn full(source: &str, device: &str) -> RestoreRequest {
    let mut request = request(RestoreWhat::Database, device);
    request.moves = vec![
        (source.to_owned(), "D:\\Data\\Copy.mdf".to_owned()),
        (format!("{source}_log"), "L:\\Log\\Copy_log.ldf".to_owned()),
    ];
    request
}

fn restore(engine: &mut Engine, request: &RestoreRequest) -> Finished {
    restore_now(engine, 0, request).expect("restored")
}

fn refused(engine: &mut Engine, request: &RestoreRequest) -> Vec<i32> {
    numbers(&restore_now(engine, 0, request).expect_err("refused"))
}

pub(in crate::practice::backup) fn state(engine: &Engine, name: &str) -> DatabaseState {
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
pub(in crate::practice::backup) fn chain() -> (Server, DatabaseId) {
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

fn at(text: &str) -> i64 {
    options::datetime(text, DateFormat::Mdy).expect("a time")
}
