//! Benchmark: one server of 400 databases with a month of 15-minute logs, read from the practice server's msdb.
//!
//! What a user waits for is the list with the newest backup of each database, and the timeline of the one that is chosen;
//! the whole history follows in pages. The rows are inserted before anything is measured: `cargo bench --bench server`.

use divan::Bencher;
use std::sync::{Arc, LazyLock, OnceLock};
use stopat::{
    domain::{History, HistoryBuilder, HistoryRecords, Limits},
    practice::{ClockChoice, PracticeOptions, PracticeServer, WorldFolder},
    server::{
        Columns, Connection, Credentials, Endpoint, Gateway as _, HistoryReader, Row, RowSink,
        ServerReading, SqlServer, ask, read_databases, read_newest_backups, read_server,
    },
    settings::{Encryption, Reach},
    tsql::{self, Batch, BatchKind, HistoryPart, Purpose},
    worker::now,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const DATABASES: usize = 400;
const DAYS: usize = 30;
/// Quarters of an hour in the month: a log each; every sixth hour a differential beside it, every day a full.
const QUARTERS: usize = DAYS * 96;

fn main() {
    divan::main();
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| stopat::worker::runtime().expect("a runtime"));

/// A server whose msdb holds the month of all databases.
struct Large {
    gateway: SqlServer,
    reading: ServerReading,
    _server: PracticeServer,
    _folder: tempfile::TempDir,
}

fn large() -> &'static Large {
    static LARGE: OnceLock<Large> = OnceLock::new();
    LARGE.get_or_init(|| RUNTIME.block_on(make()))
}

async fn make() -> Large {
    let folder = tempfile::tempdir().expect("a folder");
    let options = PracticeOptions {
        days: 0,
        seed: 1,
        clock: ClockChoice::Frozen,
        ..PracticeOptions::new(WorldFolder::Temporary {
            within: folder.path().to_owned(),
        })
    };
    let server = PracticeServer::start(options).await.expect("a server");
    let gateway = SqlServer {
        endpoint: Endpoint {
            host: server.address().ip().to_string(),
            instance: None,
            port: Some(server.address().port()),
        },
        credentials: Credentials::SqlLogin {
            user: PracticeServer::USER.to_owned(),
            password: server.password().clone(),
        },
        encryption: Encryption::Pinned(server.fingerprint().to_owned()),
        reach: Reach::Restore,
        database: None,
    };
    let mut connection = gateway.connect().await.expect("it lets us in");
    let reading = read_server(connection.as_mut(), now)
        .await
        .expect("it says who it is");
    run(connection.as_mut(), &numbers()).await;
    for n in 1..=DATABASES {
        run(
            connection.as_mut(),
            &format!("CREATE DATABASE [Tenant{n:03}];"),
        )
        .await;
        run(connection.as_mut(), &month_of(n)).await;
    }
    Large {
        gateway,
        reading,
        _server: server,
        _folder: folder,
    }
}

async fn run(connection: &mut dyn Connection, sql: &str) {
    let batch = Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::Ask,
        title: "benchmark".to_owned(),
        sql: sql.to_owned(),
    };
    if let Err(error) = ask(connection, &batch).await {
        panic!("{sql}\n{error:?}");
    }
}

/// A table with a row for each backup of a month: its number, its type, and the minute in which it starts.
fn numbers() -> String {
    let mut rows = Vec::new();
    for quarter in 0..QUARTERS {
        let minute = quarter * 15;
        match quarter {
            q if q % 96 == 0 => rows.push(format!("({},'D',{minute})", rows.len())),
            q if q % 24 == 0 => rows.push(format!("({},'I',{minute})", rows.len())),
            _ => {}
        }
        rows.push(format!("({},'L',{minute})", rows.len()));
    }
    let inserts: String = rows
        .chunks(500)
        .map(|rows| {
            format!(
                "INSERT INTO master.dbo.schedule VALUES {};\n",
                rows.join(",")
            )
        })
        .collect();
    format!(
        "CREATE TABLE master.dbo.schedule (n int NOT NULL PRIMARY KEY, type char(1) NOT NULL, minute int NOT NULL);
{inserts}"
    )
}

/// The month of one database: a media set and a file for each backup, and the files of the database for the data backups.
///
/// Of log backups msdb keeps the same files once more; the product does not ask for those.
fn month_of(n: usize) -> String {
    let per_database = QUARTERS + DAYS * 4;
    let first = (n - 1) * per_database + 1;
    let name = format!("Tenant{n:03}");
    let lsn = |what: &str| {
        format!("CAST(39000000000100001 + CAST({what} AS bigint) * 100000 AS numeric(25,0))")
    };
    let start = "DATEADD(minute, s.minute, '2026-10-23T00:00:00')";
    format!(
        "SET IDENTITY_INSERT msdb.dbo.backupmediaset ON;
INSERT INTO msdb.dbo.backupmediaset (media_set_id, media_uuid, media_family_count, mirror_count, is_compressed)
SELECT {first} + s.n, NEWID(), 1, 1, 1 FROM master.dbo.schedule AS s;
SET IDENTITY_INSERT msdb.dbo.backupmediaset OFF;
INSERT INTO msdb.dbo.backupmediafamily (media_set_id, family_sequence_number, media_family_id, media_count, physical_device_name, device_type, mirror)
SELECT {first} + s.n, 1, NEWID(), 1, CONCAT(N'\\\\backup-server\\tenants\\{name}_', s.n, N'.bak'), 2, 0 FROM master.dbo.schedule AS s;
SET IDENTITY_INSERT msdb.dbo.backupset ON;
INSERT INTO msdb.dbo.backupset (backup_set_id, backup_set_uuid, media_set_id, position, database_name, server_name, machine_name, user_name,
  type, backup_start_date, backup_finish_date, time_zone, first_lsn, last_lsn, checkpoint_lsn, database_backup_lsn,
  first_recovery_fork_guid, last_recovery_fork_guid, family_guid, database_guid, database_creation_date, recovery_model,
  is_copy_only, is_damaged, is_snapshot, has_bulk_logged_data, has_backup_checksums, begins_log_chain, backup_size,
  compressed_backup_size, software_major_version, database_version, compatibility_level)
SELECT {first} + s.n, NEWID(), {first} + s.n, 1, N'{name}', N'PRACTICE', N'PRACTICE', N'sa',
  s.type, {start}, DATEADD(second, CASE s.type WHEN 'L' THEN 1 ELSE 60 END, {start}), 0, {log_begin}, {log_end}, {log_begin}, {base},
  '00000000-0000-0000-0000-0000000{n:05}', '00000000-0000-0000-0000-0000000{n:05}', '00000000-0000-0000-0001-0000000{n:05}',
  '00000000-0000-0000-0002-0000000{n:05}', '2026-01-01T00:00:00', N'FULL',
  0, 0, 0, 0, 1, 0, CASE s.type WHEN 'L' THEN 2000000 ELSE 400000000 END,
  CASE s.type WHEN 'L' THEN 500000 ELSE 100000000 END, 16, 957, 160
FROM master.dbo.schedule AS s;
SET IDENTITY_INSERT msdb.dbo.backupset OFF;
INSERT INTO msdb.dbo.backupfile (backup_set_id, file_number, logical_name, physical_name, file_type, file_size, backup_size, filegroup_name, is_present)
SELECT {first} + s.n, f.number, CONCAT(N'{name}', f.suffix), CONCAT(N'D:\\Data\\{name}', f.suffix), f.type, 400000000, 100000000, f.filegroup, 1
FROM master.dbo.schedule AS s
CROSS JOIN (SELECT 1 AS number, N'' AS suffix, 'D' AS type, N'PRIMARY' AS filegroup UNION ALL SELECT 2, N'_log', 'L', NULL) AS f
WHERE s.type <> 'L';",
        log_begin = lsn("CASE s.type WHEN 'L' THEN s.minute - 15 ELSE s.minute END"),
        log_end = lsn("CASE s.type WHEN 'L' THEN s.minute ELSE s.minute + 1 END"),
        base = lsn("s.minute / 1440 * 1440"),
    )
}

/// Budget: under two seconds, with the connection.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn list_with_the_newest_backup_of_400_databases(bencher: Bencher<'_, '_>) {
    let large = large();
    bencher.bench_local(|| {
        RUNTIME.block_on(async {
            let mut connection = large.gateway.connect().await.expect("it lets us in");
            let databases = read_databases(connection.as_mut()).await.expect("readable");
            let newest = read_newest_backups(connection.as_mut()).await;
            let newest = newest.expect("readable");
            assert_eq!(newest.len(), DATABASES);
            assert!(databases.len() >= DATABASES);
            (databases, newest)
        })
    });
}

/// Budget: under two seconds, with the connection, the history and what can be reached.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn any_one_timeline_of_400_databases(bencher: Bencher<'_, '_>) {
    let large = large();
    let mut n = 0;
    bencher.bench_local(|| {
        n = (n + 77) % DATABASES;
        let name = format!("Tenant{:03}", n + 1);
        RUNTIME.block_on(async {
            let mut connection = large.gateway.connect().await.expect("it lets us in");
            let slice = HistoryReader::new(large.reading.columns)
                .read_database(connection.as_mut(), &name, &CancellationToken::new())
                .await
                .expect("readable");
            let (history, _) = History::from_records(HistoryRecords {
                server: large.reading.recorded(),
                backup_sets: slice.backup_sets,
                ..HistoryRecords::default()
            });
            let database = history.database(&name).expect("it has backups");
            assert_eq!(database.len(), QUARTERS + DAYS * 4);
            let coverage = database.coverage(&Limits::default());
            assert_eq!(coverage.windows.len(), 1, "an unbroken month");
            coverage
        })
    });
}

/// Takes rows and keeps none.
struct ThrownAway(u64);

impl RowSink for ThrownAway {
    fn columns(&mut self, _columns: &Arc<Columns>) {}

    fn row(&mut self, row: Row) {
        drop(row);
        self.0 += 1;
    }
}

/// What the server and the wire take for the rows of the whole history: the measure of [`whole_history_of_400_databases`].
#[divan::bench(sample_count = 1, sample_size = 1)]
fn whole_history_of_400_databases_thrown_away(bencher: Bencher<'_, '_>) {
    /// As many sets as the reader asks for at once.
    const PAGE: i64 = 20_000;
    let large = large();
    bencher.bench_local(|| {
        RUNTIME.block_on(async {
            let mut connection = large.gateway.connect().await.expect("it lets us in");
            let mut rows = ThrownAway(0);
            let last = (DATABASES * (QUARTERS + DAYS * 4)) as i64;
            for after in (0..=last).step_by(PAGE as usize) {
                let part = HistoryPart::Sets {
                    after,
                    until: after + PAGE,
                };
                let queries = tsql::history(large.reading.columns, &part);
                for batch in [&queries.sets, &queries.media, &queries.files] {
                    connection
                        .run(batch, &mut rows, None, &CancellationToken::new())
                        .await
                        .expect("readable");
                }
            }
            assert!(rows.0 > 2 * last as u64, "sets and media at least");
            rows.0
        })
    });
}

/// What follows in the background: everything, page by page; the list and timelines do not wait for it.
///
/// Budget: at most 1.3 times [`whole_history_of_400_databases_thrown_away`].
#[divan::bench(sample_count = 1, sample_size = 1)]
fn whole_history_of_400_databases(bencher: Bencher<'_, '_>) {
    let large = large();
    bencher.bench_local(|| {
        RUNTIME.block_on(async {
            let mut connection = large.gateway.connect().await.expect("it lets us in");
            let mut builder = HistoryBuilder::new(large.reading.recorded());
            HistoryReader::new(large.reading.columns)
                .read_by_pages(
                    connection.as_mut(),
                    &CancellationToken::new(),
                    &mut |page| page.into_iter().for_each(|record| builder.push(record)),
                )
                .await
                .expect("readable");
            let (history, _) = builder.finish();
            assert_eq!(history.n_sets(), DATABASES * (QUARTERS + DAYS * 4));
            history
        })
    });
}
