//! Sessions beyond batches: remote procedure calls, cancellation, sessions in each other's way.

use super::asking::until;
use std::path::Path;
use stopat::domain::UtcTime;
use stopat::practice::engine::{Clock, Engine, EngineHandle, EngineOptions, Zone};
use stopat::practice::reply::Reply;
use stopat::practice::sql::session::{Login, Parameter, Session, TransactionRequest};
use stopat::practice::value::{Length, SqlType, Value};
use tokio_util::sync::CancellationToken;

fn engine(folder: &Path) -> EngineHandle {
    let clock = Clock::frozen(
        Zone::parse("UTC").expect("a zone"),
        UtcTime("2026-11-20T05:00:00Z".parse().expect("a time")),
    );
    let options = EngineOptions::new(1, folder.to_owned());
    EngineHandle::spawn(Engine::open(options, clock).expect("a new server")).expect("a thread")
}

fn login(database: Option<&str>) -> Login {
    Login {
        login: "sa".to_owned(),
        host: "test".to_owned(),
        program: "test".to_owned(),
        database: database.map(str::to_owned),
        service: false,
        client_pid: 7,
        packet_size: 4096,
    }
}

async fn open(engine: &EngineHandle) -> Session {
    Session::open(engine.clone(), login(None))
        .await
        .expect("master")
}

async fn batch_with(session: &mut Session, sql: &str, cancel: &CancellationToken) -> Vec<Reply> {
    let (out, mut replies) = tokio::sync::mpsc::channel(4);
    let run = async {
        session.batch(sql.to_owned(), &out, cancel).await;
        drop(out);
    };
    let read = async {
        let mut all = Vec::new();
        while let Some(reply) = replies.recv().await {
            all.push(reply);
        }
        all
    };
    tokio::join!(run, read).1
}

/// The replies of one batch.
pub async fn batch(session: &mut Session, sql: &str) -> Vec<Reply> {
    batch_with(session, sql, &CancellationToken::new()).await
}

async fn call(session: &mut Session, name: &str, parameters: Vec<Parameter>) -> Vec<Reply> {
    let (out, mut replies) = tokio::sync::mpsc::channel(4);
    let cancel = CancellationToken::new();
    let run = async {
        session.procedure(name, parameters, &out, &cancel).await;
        drop(out);
    };
    let read = async {
        let mut all = Vec::new();
        while let Some(reply) = replies.recv().await {
            all.push(reply);
        }
        all
    };
    tokio::join!(run, read).1
}

fn rows(replies: &[Reply]) -> Vec<Vec<Value>> {
    replies
        .iter()
        .filter_map(|r| match r {
            Reply::Rows(rows) => Some(rows.clone()),
            _ => None,
        })
        .flatten()
        .collect()
}

fn errors(replies: &[Reply]) -> Vec<i32> {
    replies
        .iter()
        .filter_map(|r| match r {
            Reply::Message(m) if m.is_error() => Some(m.number),
            _ => None,
        })
        .collect()
}

fn text(name: &str, value: &str) -> Parameter {
    Parameter {
        name: name.to_owned(),
        ty: SqlType::NVarChar(Length::Max),
        value: Value::Text(value.to_owned()),
        output: false,
    }
}

fn int(name: &str, value: i64) -> Parameter {
    Parameter {
        name: name.to_owned(),
        ty: SqlType::Int,
        value: Value::Int(value),
        output: false,
    }
}

#[tokio::test]
async fn prepared_batches_keep_their_handle() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut session = open(&engine).await;
    let mut handle = int("", 0);
    handle.value = Value::Null;
    handle.output = true;
    let replies = call(
        &mut session,
        "sp_prepexec",
        vec![
            handle,
            text("", "@P1 int,@P2 nvarchar(20)"),
            text("", "SELECT @P1 AS A, @P2 AS B"),
            int("", 41),
            text("", "пара'м"),
        ],
    )
    .await;
    assert_eq!(
        rows(&replies),
        [vec![Value::Int(41), Value::Text("пара'м".to_owned())]]
    );
    let handle = replies.iter().find_map(|r| match r {
        Reply::ReturnValue { value, .. } => Some(value.clone()),
        _ => None,
    });
    let Some(Value::Int(handle)) = handle else {
        panic!("no handle in {replies:?}");
    };
    let again = call(
        &mut session,
        "sp_execute",
        vec![int("", handle), int("", 2), text("", "x")],
    )
    .await;
    assert_eq!(
        rows(&again),
        [vec![Value::Int(2), Value::Text("x".to_owned())]]
    );
    let gone = call(&mut session, "sp_unprepare", vec![int("", handle)]).await;
    assert_eq!(errors(&gone), [0_i32; 0]);
    let lost = call(&mut session, "sp_execute", vec![int("", handle)]).await;
    assert_eq!(errors(&lost), [8179]);
}

#[tokio::test]
async fn sp_executesql_names_its_parameters() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut session = open(&engine).await;
    let mut out = int("@o", 0);
    out.value = Value::Null;
    out.output = true;
    let replies = call(
        &mut session,
        "sp_executesql",
        vec![
            text("", "SET @o = @i + 1; SELECT 1/0; SELECT @i"),
            text("", "@i int, @o int OUTPUT"),
            int("@i", 5),
            out,
        ],
    )
    .await;
    assert_eq!(errors(&replies), [8134]);
    assert_eq!(rows(&replies), [vec![Value::Int(5)]]);
    assert!(replies.iter().any(
        |r| matches!(r, Reply::ReturnValue { name, value: Value::Int(6), .. } if name == "@o")
    ));
    let missing = call(
        &mut session,
        "sp_executesql",
        vec![text("", "SELECT @i"), text("", "@i int")],
    )
    .await;
    assert_eq!(errors(&missing), [8178]);
    let unknown = call(&mut session, "dbo.nothing", vec![]).await;
    assert_eq!(errors(&unknown), [2812]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_stops_waits_and_long_queries_and_the_session_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut session = open(&engine).await;
    for sql in [
        "WAITFOR DELAY '00:05:00'; SELECT 1",
        "WHILE 1 = 1 SELECT 1",
        "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) \
         SELECT COUNT(*) FROM n OPTION (MAXRECURSION 0)",
    ] {
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let stopper = tokio::spawn(async move {
            // Before, while or after it begins: every moment must do, and the engine cannot be asked while it is busy.
            for _ in 0..500 {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        });
        let replies = batch_with(&mut session, sql, &cancel).await;
        stopper.await.expect("it ran");
        assert_eq!(errors(&replies), [0_i32; 0], "{sql}");
        let after = batch(&mut session, "SELECT 1 AS a").await;
        assert_eq!(rows(&after), [vec![Value::Int(1)]], "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_waits_for_the_other_and_then_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut first = open(&engine).await;
    let mut second = open(&engine).await;
    batch(
        &mut first,
        "CREATE DATABASE W; CREATE TABLE W.dbo.t (a int); BEGIN TRAN; INSERT W.dbo.t VALUES (1)",
    )
    .await;
    let waiting = tokio::spawn(async move {
        let replies = batch(
            &mut second,
            "INSERT W.dbo.t VALUES (2); SELECT COUNT(*) FROM W.dbo.t",
        )
        .await;
        (second, replies)
    });
    until("the second writer", async || {
        let waiting =
            "SELECT COUNT(*) FROM sys.dm_exec_requests WHERE blocking_session_id = @@SPID";
        let seen = batch(&mut first, waiting).await;
        (rows(&seen) == [vec![Value::Int(1)]]).then_some(())
    })
    .await;
    batch(&mut first, "COMMIT").await;
    let (mut second, replies) = waiting.await.expect("it ran");
    assert_eq!(errors(&replies), [0_i32; 0]);
    assert_eq!(rows(&replies), [vec![Value::Int(2)]]);

    // A session that goes takes its transaction with it.
    batch(&mut first, "BEGIN TRAN; DELETE W.dbo.t").await;
    first.close().await;
    let left = batch(&mut second, "SELECT COUNT(*) FROM W.dbo.t").await;
    assert_eq!(rows(&left), [vec![Value::Int(2)]]);
}

#[tokio::test]
async fn transaction_requests_of_client_libraries() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut session = open(&engine).await;
    let request = async |session: &mut Session, request: TransactionRequest| {
        let (out, mut replies) = tokio::sync::mpsc::channel(8);
        session.transaction(request, &out).await;
        drop(out);
        let mut all = Vec::new();
        while let Some(reply) = replies.recv().await {
            all.push(reply);
        }
        all
    };
    let begun = request(
        &mut session,
        TransactionRequest::Begin {
            name: String::new(),
        },
    )
    .await;
    assert!(matches!(
        begun.first(),
        Some(Reply::Transaction(Some(descriptor))) if *descriptor != 0
    ));
    let end = TransactionRequest::Commit {
        name: String::new(),
        begin: true,
    };
    let next = request(&mut session, end).await;
    assert!(matches!(
        next.as_slice(),
        [
            Reply::Transaction(None),
            Reply::Transaction(Some(_)),
            Reply::Done(_)
        ]
    ));
    let back = TransactionRequest::Rollback {
        name: String::new(),
        begin: false,
    };
    request(&mut session, back.clone()).await;
    let twice = request(&mut session, back).await;
    assert_eq!(errors(&twice), [3903]);
}

#[tokio::test]
async fn a_login_into_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let refused = Session::open(engine.clone(), login(Some("nowhere"))).await;
    assert_eq!(refused.err().map(|m| (m.number, m.class)), Some((4060, 11)));
}

/// The limits of what a batch may be: each is an answer, never a crash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monstrous_batches_are_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut session = open(&engine).await;
    let long_or = format!("SELECT 1 WHERE {}1=1", "1=1 OR ".repeat(100_000));
    let below = format!("SELECT 1 AS a WHERE {}1=1", "1=1 OR ".repeat(1_500));
    let parentheses = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    let blocks = format!("{}SELECT 1{}", "BEGIN ".repeat(5_000), " END".repeat(5_000));
    let subqueries = format!("SELECT {}1{}", "(SELECT ".repeat(1_000), ")".repeat(1_000));
    let unions = "SELECT 1 UNION ALL ".repeat(20_000) + "SELECT 1";
    let not = format!("IF {}1=1 SELECT 1", "NOT ".repeat(20_000));
    let cases =
        "SELECT ".to_owned() + &"CASE WHEN 1=1 THEN ".repeat(3_000) + "1" + &" END".repeat(3_000);
    for sql in [long_or, parentheses, blocks, subqueries, unions, not, cases] {
        let replies = batch(&mut session, &sql).await;
        let head: String = sql.chars().take(40).collect();
        let numbers = errors(&replies);
        assert!(
            matches!(numbers.as_slice(), [191 | 8631 | 102 | 8624 | 156]),
            "{head}: {numbers:?}"
        );
    }
    assert_eq!(rows(&batch(&mut session, &below).await).len(), 1);
    for (n, expected) in [(128, &[][..]), (129, &[103])] {
        let sql = format!("SELECT 1 AS [{}]", "n".repeat(n));
        assert_eq!(errors(&batch(&mut session, &sql).await), expected, "{n}");
    }
}
