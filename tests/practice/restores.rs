//! Backup and restore in T-SQL, through sessions: contents at random moments against a journal of their own.

use chrono::TimeDelta;
use stopat::{
    domain::UtcTime,
    practice::{
        engine::{Clock, Engine, EngineHandle, EngineOptions, Zone},
        reply::Reply,
        sql::session::{Login, Session},
        value::Value,
    },
};
use tokio_util::sync::CancellationToken;

struct Server {
    engine: EngineHandle,
    session: Session,
    _folder: tempfile::TempDir,
}

/// What a batch said: rows of all results, numbers of messages.
#[derive(Debug, Default)]
struct Said {
    rows: Vec<Vec<Value>>,
    messages: Vec<(i32, String)>,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let start = UtcTime("2026-11-20T05:00:00Z".parse().expect("a time"));
        let clock = Clock::frozen(Zone::parse("+01:00").expect("a zone"), start);
        let engine =
            Engine::open(EngineOptions::new(7, folder.path().to_owned()), clock).expect("a server");
        let engine = EngineHandle::spawn(engine).expect("a thread");
        let login = Login {
            login: "sa".into(),
            host: "test".into(),
            program: "test".into(),
            database: None,
            service: false,
            client_pid: 1,
            packet_size: 4096,
        };
        let session = Session::open(engine.clone(), login)
            .await
            .expect("signed in");
        Self {
            engine,
            session,
            _folder: folder,
        }
    }

    async fn tick(&self, seconds: i64) {
        self.engine
            .run(move |engine| {
                let to = engine.clock.now().plus(TimeDelta::seconds(seconds));
                engine.clock.set(to);
            })
            .await
            .expect("alive");
    }

    async fn run(&mut self, sql: &str) -> Said {
        let (out, mut replies) = tokio::sync::mpsc::channel(64);
        let collect = async {
            let mut said = Said::default();
            while let Some(reply) = replies.recv().await {
                match reply {
                    Reply::Rows(rows) => said.rows.extend(rows),
                    Reply::Message(message) => said.messages.push((message.number, message.text)),
                    _ => {}
                }
            }
            said
        };
        let cancel = CancellationToken::new();
        let batch = async {
            self.session.batch(sql.to_owned(), &out, &cancel).await;
            drop(out);
        };
        tokio::join!(batch, collect).1
    }

    #[track_caller]
    fn numbers(said: &Said) -> Vec<i32> {
        said.messages.iter().map(|(n, _)| *n).collect()
    }

    /// Runs what must not fail.
    async fn good(&mut self, sql: &str) -> Said {
        let said = self.run(sql).await;
        let bad: Vec<_> = said
            .messages
            .iter()
            .filter(|(n, _)| ![3014, 4035, 3211, 4322, 5701, 3262].contains(n))
            .collect();
        assert!(bad.is_empty(), "{sql}: {bad:?}");
        said
    }

    async fn rows(&mut self, database: &str) -> Vec<Vec<Value>> {
        let sql = format!("SELECT k, v, t FROM [{database}].dbo.Things ORDER BY k");
        self.good(&sql).await.rows
    }

    async fn now(&mut self) -> String {
        let said = self
            .good("SELECT CONVERT(nvarchar(30), GETDATE(), 126)")
            .await;
        match said.rows.first().and_then(|r| r.first()) {
            Some(Value::Text(text)) => text.clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn any_moment_comes_back_in_t_sql() {
    let mut random = fastrand::Rng::with_seed(20_261_120);
    let mut server = Server::start().await;
    server.good("CREATE DATABASE [a]]b'; DROP]").await;
    server
        .good(
            "USE [a]]b'; DROP]; CREATE TABLE dbo.Things (k int IDENTITY(1,1) NOT NULL PRIMARY KEY, \
             v decimal(20,4) NOT NULL, t nvarchar(max) NULL); USE master",
        )
        .await;
    let db = "[a]]b'; DROP]";
    let things = format!("{db}.dbo.Things");
    server.good(&format!("BACKUP DATABASE {db} TO DISK = N'D:\\Backup\\full.bak' WITH INIT, CHECKSUM, COMPRESSION")).await;
    let mut journal: Vec<(String, Vec<Vec<Value>>)> = Vec::new();
    let mut logs = 0;
    for step in 0..60 {
        server.tick(random.i64(1..40)).await;
        let key = random.i64(1..60);
        let sql = match random.u32(0..12) {
            0..6 => format!(
                "INSERT INTO {things} (v, t) VALUES ({key}.25, N'größer {step}'), ({step}, NULL)"
            ),
            6..8 => format!(
                "UPDATE {things} SET v = v + 1, t = N'changed' WHERE k % 7 = {}",
                key % 7
            ),
            8 => format!("DELETE FROM {things} WHERE k < {}", key / 3),
            9 => format!(
                "BEGIN TRAN; INSERT INTO {things} (v) VALUES (1); SAVE TRAN s; DELETE FROM {things}; ROLLBACK TRAN s; COMMIT"
            ),
            10 => format!("BEGIN TRAN; DELETE FROM {things}; ROLLBACK"),
            _ => {
                logs += 1;
                format!("BACKUP LOG {db} TO DISK = N'D:\\Backup\\{logs}.trn' WITH CHECKSUM")
            }
        };
        server.good(&sql).await;
        let at = server.now().await;
        let rows = server
            .good(&format!("SELECT k, v, t FROM {things} ORDER BY k"))
            .await
            .rows;
        journal.push((at, rows));
    }
    // A last commit after every moment that is asked for, so that a log proves that it was reached.
    server.tick(5).await;
    server
        .good(&format!("INSERT INTO {things} (v) VALUES (9)"))
        .await;
    logs += 1;
    server
        .good(&format!(
            "BACKUP LOG {db} TO DISK = N'D:\\Backup\\{logs}.trn'"
        ))
        .await;
    assert!(journal.iter().any(|(_, rows)| rows.len() > 20));
    for round in 0..10 {
        let (at, expected) = &journal[random.usize(0..journal.len())];
        server
            .good(
                "RESTORE DATABASE Copy FROM DISK = N'D:\\Backup\\full.bak' WITH NORECOVERY, REPLACE, \
                 MOVE N'a]b''; DROP' TO N'D:\\Data\\Copy.mdf', MOVE N'a]b''; DROP_log' TO N'L:\\Log\\Copy.ldf'"
            )
            .await;
        let mut online = false;
        for log in 1..=logs {
            server
                .good(&format!("RESTORE LOG Copy FROM DISK = N'D:\\Backup\\{log}.trn' WITH STOPAT = N'{at}', RECOVERY"))
                .await;
            let state = server
                .good("SELECT state FROM sys.databases WHERE name = N'Copy'")
                .await
                .rows;
            if state == [[Value::Int(0)]] {
                online = true;
                break;
            }
        }
        assert!(online, "round {round}: {at}");
        assert_eq!(&server.rows("Copy").await, expected, "round {round}: {at}");
    }
    // The copy is a database like any other: identity goes on, and a backup can be taken at once.
    server
        .good("INSERT INTO Copy.dbo.Things (v) VALUES (1)")
        .await;
    server
        .good("BACKUP LOG Copy TO DISK = N'D:\\Backup\\copy.trn'")
        .await;
    let said = server.run("DROP DATABASE Copy; SELECT COUNT(*) FROM msdb.dbo.restorehistory WHERE stop_at IS NOT NULL").await;
    assert!(
        matches!(
            said.rows.first().map(Vec::as_slice),
            Some([Value::Int(10..)])
        ),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_the_server_refuses_in_t_sql() {
    let mut server = Server::start().await;
    server.good("CREATE DATABASE S").await;
    for (sql, expected) in [
        ("BACKUP LOG S TO DISK = 'x.trn'", vec![4214, 3013]),
        ("BACKUP DATABASE nobody TO DISK = 'x.bak'", vec![911, 3013]),
        (
            "BACKUP DATABASE S TO DISK = 'x.bak' WITH NONSENSE",
            vec![155],
        ),
        (
            "BACKUP DATABASE S TO DISK = 'D:\\none\\x.bak'",
            vec![3201, 3013],
        ),
        (
            "RESTORE DATABASE S FROM DISK = 'none.bak' WITH REPLACE",
            vec![3201, 3013],
        ),
        ("RESTORE DATABASE S WITH RECOVERY", vec![3153, 3013]),
        (
            "BEGIN TRAN; BACKUP DATABASE S TO DISK = 'x.bak'; ROLLBACK",
            vec![3021, 3013],
        ),
        (
            "RESTORE HEADERONLY FROM DISK = 'none.bak'",
            vec![3201, 3013],
        ),
        (
            "BACKUP DATABASE S TO DISK = 'x.bak' WITH INIT, NOINIT",
            vec![3031, 3013],
        ),
    ] {
        let said = server.run(sql).await;
        assert_eq!(Server::numbers(&said), expected, "{sql}: {said:?}");
    }
    server
        .good("BACKUP DATABASE S TO DISK = 'x.bak' WITH STATS = 25")
        .await;
    let header = server
        .good("RESTORE HEADERONLY FROM DISK = N'D:\\Backup\\x.bak'")
        .await
        .rows;
    assert_eq!((header.len(), header[0].len()), (1, 59));
    let files = server
        .good("RESTORE FILELISTONLY FROM DISK = 'x.bak'")
        .await
        .rows;
    assert_eq!((files.len(), files[0].len()), (2, 22));
    assert_eq!(
        Server::numbers(&server.good("RESTORE VERIFYONLY FROM DISK = 'x.bak'").await),
        [3262]
    );
    // From inside the database it is in use by this session.
    let said = server
        .run("USE S; RESTORE DATABASE S FROM DISK = 'x.bak' WITH REPLACE; USE master")
        .await;
    assert!(Server::numbers(&said).contains(&3102), "{said:?}");
}
