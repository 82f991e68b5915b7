//! Benchmarks: the whole practice world; two weeks of log and backups below the front, and restores from them.

use chrono::TimeDelta;
use std::path::Path;
use stopat::{
    domain::{UtcOffset, UtcTime},
    practice::{
        ClockChoice, PracticeOptions, PracticeServer, WorldFolder,
        backup::{BackupRequest, Ending, RestoreRequest, SetKind, backup_now, restore_now},
        catalogue::{ColumnDef, Table},
        engine::{
            CatalogueChange, Clock, DatabaseId, Engine, EngineOptions, SERVER, Zone,
            databases::{self, CreateDatabase},
        },
        reply::Message,
        sql::statement::RestoreWhat,
        value::{Length, SqlType},
    },
};

fn main() {
    divan::main();
}

/// Transactions in fourteen days.
const TRANSACTIONS: i64 = 60_480;
const DAYS: i64 = 14;

fn fail<T>(messages: Vec<Message>) -> T {
    panic!("{messages:?}")
}

fn engine(folder: &Path) -> (Engine, DatabaseId) {
    let start = UtcTime("2026-11-08T00:00:00Z".parse().expect("a time"));
    let clock = Clock::frozen(Zone::Fixed(UtcOffset::ZERO), start);
    let mut engine =
        Engine::open(EngineOptions::new(1, folder.to_owned()), clock).expect("a server");
    let create = CreateDatabase {
        name: "World".into(),
        ..CreateDatabase::default()
    };
    let id = databases::create_database(&mut engine, &create).unwrap_or_else(fail);
    let table = Table {
        object_id: 901_578_250,
        schema: "dbo".into(),
        name: "Messages".into(),
        columns: vec![
            ColumnDef::new("Id", SqlType::BigInt, false),
            ColumnDef::new("Text", SqlType::NVarChar(Length::Max), true),
            ColumnDef::new("Counter", SqlType::Int, false),
        ],
        indexes: vec![],
        foreign_keys: vec![],
        checks: vec![],
        created: 0,
    };
    let now = engine.commit_time();
    engine
        .store
        .write(id, now, |store, schema| {
            let sql = table.create_statements(Some(schema)).join(";");
            store.ddl(SERVER, id, &sql, CatalogueChange::Put(Box::new(table)))
        })
        .expect("a table");
    (engine, id)
}

fn take(engine: &mut Engine, kind: SetKind, device: &str) {
    let mut request = BackupRequest::new(kind, "World", device);
    request.compression = Some(true);
    request.checksum = Some(true);
    backup_now(engine, &request).unwrap_or_else(fail);
}

/// A full a day, a differential every six hours, a log every fifteen minutes.
fn two_weeks(folder: &Path) -> Engine {
    let (mut engine, id) = engine(folder);
    let start = engine.clock.now();
    let logs = DAYS * 96;
    for quarter in 0..logs {
        if quarter % 96 == 0 {
            take(&mut engine, SetKind::Full, &format!("full-{quarter}.bak"));
        } else if quarter % 24 == 0 {
            take(
                &mut engine,
                SetKind::Differential,
                &format!("diff-{quarter}.bak"),
            );
        }
        for n in 0..TRANSACTIONS / logs {
            engine
                .clock
                .set(start.plus(TimeDelta::seconds(quarter * 900 + n * 20)));
            let key = quarter * 45 + n;
            let now = engine.commit_time();
            engine
                .store
                .write(id, now, |store, schema| {
                    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
                        store
                            .connection()
                            .prepare_cached(sql)
                            .and_then(|mut s| s.execute(values))
                            .map_err(|e| Message::error(1, e.to_string()))
                    };
                    run(
                        &format!("INSERT INTO {schema}.\"dbo.Messages\" (Id, Text, Counter) VALUES (?1, ?2, 0)"),
                        &[&key, &format!("message {key} {}", "lorem ipsum ".repeat(8))],
                    )?;
                    run(
                        &format!("UPDATE {schema}.\"dbo.Messages\" SET Counter = Counter + 1 WHERE _rid = ?1"),
                        &[&(key / 2 + 1)],
                    )
                })
                .expect("committed");
        }
        engine
            .clock
            .set(start.plus(TimeDelta::seconds((quarter + 1) * 900)));
        take(&mut engine, SetKind::Log, &format!("log-{quarter}.trn"));
    }
    engine
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn two_weeks_of_log_and_backups(bencher: divan::Bencher<'_, '_>) {
    bencher
        .with_inputs(|| tempfile::tempdir().expect("a folder"))
        .bench_values(|folder| {
            let engine = two_weeks(folder.path());
            (engine, folder)
        });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn restore_of_a_full_and_eleven_hours_of_logs(bencher: divan::Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut engine = two_weeks(folder.path());
    bencher.bench_local(|| {
        let mut full = RestoreRequest::new(
            RestoreWhat::Database,
            "Copy",
            &format!("full-{}.bak", 13 * 96),
        );
        full.replace = true;
        full.moves = vec![
            ("World".into(), "D:\\Data\\Copy.mdf".into()),
            ("World_log".into(), "L:\\Log\\Copy.ldf".into()),
        ];
        restore_now(&mut engine, SERVER, &full).unwrap_or_else(fail);
        for quarter in 13 * 96..13 * 96 + 44 {
            let mut log =
                RestoreRequest::new(RestoreWhat::Log, "Copy", &format!("log-{quarter}.trn"));
            if quarter == 13 * 96 + 43 {
                log.ending = Ending::Recovery;
            }
            restore_now(&mut engine, SERVER, &log).unwrap_or_else(fail);
        }
    });
}

/// Budget: a practice server with its two weeks in under five seconds, from nothing to listening.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn server_with_two_weeks(bencher: divan::Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    bencher
        .with_inputs(|| tempfile::tempdir().expect("a folder"))
        .bench_local_values(|folder| {
            let options = PracticeOptions {
                seed: 1,
                clock: ClockChoice::Frozen,
                now: Some(UtcTime("2026-11-22T07:31:00Z".parse().expect("a time"))),
                ..PracticeOptions::new(WorldFolder::Temporary {
                    within: folder.path().to_owned(),
                })
            };
            let server = runtime
                .block_on(PracticeServer::start(options))
                .expect("a server");
            (server, folder)
        });
}
