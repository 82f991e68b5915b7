//! Statements as a session runs them: order of messages and `DONE`, cancellation.

use super::sequences::{chain, full, state};
use crate::practice::{engine::DatabaseState, sql::statement::RestoreWhat};

/// What a statement said: numbers of messages, `+` and `-` for `DONE` without and with error, with its command.
async fn said(
    replies: &mut tokio::sync::mpsc::Receiver<crate::practice::reply::Reply>,
) -> Vec<String> {
    use crate::practice::reply::Reply;
    let mut all = Vec::new();
    while let Some(reply) = replies.recv().await {
        all.push(match reply {
            Reply::Message(message) => format!("{}/{}", message.number, message.class),
            Reply::Done(done) => {
                format!("{}{}", if done.failed { '-' } else { '+' }, done.command)
            }
            Reply::Columns(columns) => format!("{} columns", columns.len()),
            Reply::Rows(rows) => format!("{} rows", rows.len()),
            other => format!("{other:?}"),
        });
    }
    all
}

fn facts() -> crate::practice::sql::environment::SessionFacts {
    crate::practice::sql::environment::SessionFacts {
        id: 51,
        database: 1,
        database_name: "master".into(),
        login: "sa".into(),
        host: "test".into(),
        program: "test".into(),
        service: false,
        client_pid: 1,
        packet_size: 4096,
        rowcount: 0,
        error: 0,
        trancount: 0,
        xact_state: 0,
        identity: None,
        scope_identity: None,
        fetch_status: 0,
        nest_level: 0,
        procedure: String::new(),
        options: crate::practice::sql::environment::SessionOptions::default(),
        caught: None,
    }
}

fn disk(name: &str) -> Vec<crate::practice::sql::statement::MediaDevice> {
    vec![crate::practice::sql::statement::MediaDevice {
        medium: crate::practice::sql::statement::Medium::Disk,
        name: name.into(),
    }]
}

fn option(
    name: &str,
    value: crate::practice::sql::statement::OptionValue,
) -> crate::practice::sql::statement::WithOption {
    crate::practice::sql::statement::WithOption {
        name: name.into(),
        value,
    }
}

#[tokio::test]
async fn statements_say_what_the_product_says() {
    use crate::practice::{
        engine::EngineHandle,
        sql::statement::{BackupStatement, BackupWhat, OptionValue, RestoreStatement},
    };
    use tokio_util::sync::CancellationToken;
    let (server, _) = chain();
    let engine = EngineHandle::spawn(server.engine).expect("a thread");
    let cancel = CancellationToken::new();
    let backup = |what, options| BackupStatement {
        what,
        database: "S".into(),
        devices: disk("said.bak"),
        mirrors: vec![],
        options,
    };
    let restore = |what, options| RestoreStatement {
        what,
        database: Some("Copy".into()),
        devices: disk("said.bak"),
        options,
    };
    let run_backup = async |statement| {
        let (out, mut replies) = tokio::sync::mpsc::channel(1000);
        super::execute_backup(&engine, &facts(), statement, &out, &cancel).await;
        drop(out);
        said(&mut replies).await
    };
    let run_restore = async |statement| {
        let (out, mut replies) = tokio::sync::mpsc::channel(1000);
        super::execute_restore(&engine, &facts(), statement, &out, &cancel).await;
        drop(out);
        said(&mut replies).await
    };
    let stats = option("STATS", OptionValue::Number(50));
    assert_eq!(
        run_backup(backup(BackupWhat::Database, vec![stats.clone()])).await,
        [
            "3211/0", "+228", "3211/0", "+228", "4035/0", "+228", "4035/0", "+228", "3014/0",
            "+228"
        ]
    );
    assert_eq!(
        run_backup(backup(BackupWhat::Log, vec![])).await,
        ["4035/0", "+235", "3014/0", "+235"]
    );
    assert_eq!(
        run_backup(backup(
            BackupWhat::Log,
            vec![option("DIFFERENTIAL", OptionValue::None)]
        ))
        .await,
        ["3032/16", "3013/16", "-235"]
    );
    assert_eq!(
        run_backup(backup(
            BackupWhat::Database,
            vec![option("NONSENSE", OptionValue::None)]
        ))
        .await,
        ["155/15", "-253"]
    );
    assert_eq!(
        run_restore(restore(RestoreWhat::HeaderOnly, vec![])).await,
        ["59 columns", "2 rows", "+230", "+250"]
    );
    assert_eq!(
        run_restore(restore(RestoreWhat::FileListOnly, vec![])).await,
        ["22 columns", "2 rows", "+230", "+376"]
    );
    assert_eq!(
        run_restore(restore(RestoreWhat::LabelOnly, vec![])).await,
        ["13 columns", "1 rows", "+230", "+250"]
    );
    assert_eq!(
        run_restore(restore(RestoreWhat::VerifyOnly, vec![])).await,
        ["3262/0", "+377"]
    );
    assert_eq!(
        run_restore(restore(RestoreWhat::Log, vec![])).await,
        ["3135/16", "3013/16", "-229"]
    );
    let moves = full("S", "")
        .moves
        .into_iter()
        .map(|(logical, to)| option("MOVE", OptionValue::Move { logical, to }));
    let mut options: Vec<_> = moves.collect();
    options.push(option("NORECOVERY", OptionValue::None));
    assert_eq!(
        run_restore(restore(RestoreWhat::Database, options.clone())).await,
        ["4035/0", "+229", "4035/0", "+229", "3014/0", "+229"]
    );
    let mut only = restore(
        RestoreWhat::Database,
        vec![option("RECOVERY", OptionValue::None)],
    );
    only.devices.clear();
    assert_eq!(run_restore(only.clone()).await, ["3014/0", "+229"]);
    assert_eq!(run_restore(only).await, ["3153/16", "3013/16", "-229"]);
}

#[tokio::test]
async fn a_cancelled_restore_leaves_it_restoring() {
    use crate::practice::{
        engine::EngineHandle,
        sql::statement::{OptionValue, RestoreStatement},
    };
    use tokio_util::sync::CancellationToken;
    let (mut server, _) = chain();
    // 20 KB count as if they took days: the test never waits for that.
    server.engine.options.pace = 1e10;
    let engine = EngineHandle::spawn(server.engine).expect("a thread");
    let cancel = CancellationToken::new();
    let mut options: Vec<_> = full("S", "")
        .moves
        .into_iter()
        .map(|(logical, to)| option("MOVE", OptionValue::Move { logical, to }))
        .collect();
    options.push(option("STATS", OptionValue::Number(50)));
    let statement = RestoreStatement {
        what: RestoreWhat::Database,
        database: Some("Copy".into()),
        devices: disk("f.bak"),
        options,
    };
    let (out, mut replies) = tokio::sync::mpsc::channel(1000);
    let task = tokio::spawn({
        let (engine, cancel) = (engine.clone(), cancel.clone());
        async move { super::execute_restore(&engine, &facts(), statement, &out, &cancel).await }
    });
    // It is seen while it runs, at nothing done, because its files are being made.
    loop {
        let seen = engine
            .run(|engine| engine.activities.find(51).map(|a| (a.command, a.phase)))
            .await
            .expect("alive");
        if let Some(seen) = seen {
            assert_eq!(
                seen,
                (
                    "RESTORE DATABASE",
                    crate::practice::engine::Phase::CreatingFiles
                )
            );
            break;
        }
        tokio::task::yield_now().await;
    }
    let running = engine.run(|engine| state(engine, "Copy")).await;
    assert_eq!(running, Ok(DatabaseState::Restoring));
    cancel.cancel();
    assert!(!task.await.expect("ended"));
    assert_eq!(said(&mut replies).await, ["3204/16", "3013/16", "-229"]);
    let after = engine
        .run(|engine| (state(engine, "Copy"), engine.activities.iter().count()))
        .await;
    assert_eq!(after, Ok((DatabaseState::Restoring, 0)));
}
