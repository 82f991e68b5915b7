//! Plans that the practice server judges: to a mark in the log, and from where another restore has stopped.

use super::{
    asking::{Practice, batch, planned, start_with},
    lab::Lab,
};
use std::process::Command;
use stopat::{
    domain::{
        BackupType, DatabaseHistory, Destination, History, HistoryRecords, MarkStop, RestorePlan,
        RestoreRequest, Start, Target,
    },
    run::{RunEnd, read_restoring},
    server::{HistoryReader, ask, read_newest_backups},
    tsql::{self, ServerFacts},
};
use tokio_util::sync::CancellationToken;

async fn without_a_world() -> Practice {
    start_with(|options| options.days = 0).await
}

async fn minute_later(practice: &Practice) {
    let to = practice.clock().await.plus(chrono::TimeDelta::seconds(60));
    let engine = practice.server.engine();
    engine
        .run(move |engine| engine.clock.set(to))
        .await
        .expect("the engine runs");
}

async fn ids(practice: &Practice, database: &str) -> Vec<i64> {
    let sql = format!("SELECT id FROM [{database}].dbo.T ORDER BY id;");
    let answer = practice.run(&sql).await;
    let rows = answer.rows().iter();
    rows.filter_map(|row| row.int("id")).collect()
}

/// `STOPATMARK` takes the marked transaction, `STOPBEFOREMARK` does not; msdb tells marks and restores to them.
#[tokio::test(flavor = "multi_thread")]
async fn a_mark_is_restored_with_its_transaction_or_without() {
    let practice = without_a_world().await;
    let run = async |sql: &str| practice.run(sql).await;
    run("CREATE DATABASE Marked; CREATE TABLE Marked.dbo.T (id int NOT NULL PRIMARY KEY);").await;
    run("INSERT INTO Marked.dbo.T VALUES (1); BACKUP DATABASE Marked TO DISK = N'D:\\Backup\\m.bak';")
        .await;
    // The same name twice: the one after the moment is meant.
    for id in [2, 3, 4] {
        minute_later(&practice).await;
        run(&format!(
            "BEGIN TRANSACTION release WITH MARK N'schema {id}'; INSERT INTO Marked.dbo.T VALUES ({id}); COMMIT;"
        ))
        .await;
        minute_later(&practice).await;
        run(&format!("INSERT INTO Marked.dbo.T VALUES ({id}0);")).await;
        minute_later(&practice).await;
        run(&format!(
            "BACKUP LOG Marked TO DISK = N'D:\\Backup\\m{id}.trn';"
        ))
        .await;
    }
    run("BEGIN TRANSACTION lost WITH MARK; INSERT INTO Marked.dbo.T VALUES (99); ROLLBACK;").await;
    let history = practice.history().await;
    let marked = history.database("Marked").expect("it has backups");
    let told: Vec<_> = marked
        .marks()
        .iter()
        .map(|mark| (&*mark.name, mark.description.as_deref()))
        .collect();
    assert_eq!(
        told,
        [2, 3, 4]
            .map(|id| ("release", Some(format!("schema {id}"))))
            .iter()
            .map(|(name, words)| (*name, words.as_deref()))
            .collect::<Vec<_>>(),
        "a mark that was rolled back is none"
    );
    let second = &marked.marks()[1];
    for (stop, copy, expected) in [
        (MarkStop::At, "With", vec![1, 2, 3, 20]),
        (MarkStop::Before, "Without", vec![1, 2, 20]),
    ] {
        let target = Target::Mark(second.target(stop));
        let report = practice
            .restore_copy(&history, "Marked", target, copy)
            .await;
        assert_eq!(report.end, RunEnd::Verified, "{report:?}");
        assert_eq!(ids(&practice, copy).await, expected, "{copy}");
    }
    let told = run("SELECT destination_database_name AS copy, stop_at_mark_name AS mark, stop_before
         FROM msdb.dbo.restorehistory WHERE restore_type = 'L' AND recovery = 1 ORDER BY restore_history_id;")
    .await;
    let told: Vec<_> = told
        .rows()
        .iter()
        .map(|row| (row.text("copy"), row.text("mark"), row.bool("stop_before")))
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            (text("With"), text("release"), Some(false)),
            (text("Without"), text("release"), Some(true)),
        ]
    );
    // Only logs stop at the name of a mark (4340), and a mark that a log has not got leaves it RESTORING (4329).
    let error = practice
        .fails("RESTORE DATABASE Other FROM DISK = N'D:\\Backup\\m.bak' WITH NORECOVERY, STOPATMARK = N'release', MOVE N'Marked' TO N'D:\\o.mdf', MOVE N'Marked_log' TO N'D:\\o.ldf';")
        .await;
    assert_eq!(error.number(), Some(4340), "{error:?}");
}

async fn run_script(practice: &Practice, plan: &RestorePlan) {
    let mut connection = practice.connect().await;
    for step in tsql::restore_script(plan, &ServerFacts::default()).batches {
        ask(connection.as_mut(), &step)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", step.sql));
    }
}

/// Restores the full backup of a database as another, and leaves that `RESTORING`.
async fn begin(practice: &Practice, known: &DatabaseHistory, copy: &str) {
    let mut request = RestoreRequest::to(Target::Latest);
    request.destination = Destination::Copy {
        name: copy.to_owned(),
        files_to: None,
    };
    let mut plan = planned(known, &request);
    plan.steps.truncate(1);
    let script = tsql::restore_script(&plan, &ServerFacts::default());
    let sql = script.batches[0].sql.replace("RECOVERY,", "NORECOVERY,");
    let mut connection = practice.connect().await;
    ask(connection.as_mut(), &batch(sql)).await.expect("begun");
}

/// From a database that somebody else left `RESTORING`: only what it has not got is restored, and it shows what was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_restoring_database_is_gone_on_with() {
    let practice = without_a_world().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Begun").await;
    let history = practice.history().await;
    let known = history.database("Begun").expect("it has backups");
    begin(&practice, &known, "Half").await;

    let mut connection = practice.connect().await;
    let state = read_restoring(connection.as_mut(), "Half").await;
    let state = state.expect("readable").expect("it is RESTORING");
    assert_eq!(state.files, ["Begun", "Begun_log"]);
    let found = history
        .of_restoring(&state)
        .map(|found| found.name().to_owned());
    assert_eq!(found.as_deref(), Some("Begun"));
    assert_eq!(
        read_restoring(connection.as_mut(), "Begun").await,
        Ok(None),
        "the original is online"
    );

    let mut request = RestoreRequest {
        start: Start::Restoring(Box::new(state)),
        ..case.request.clone()
    };
    request.destination = Destination::Copy {
        name: "Half".to_owned(),
        files_to: None,
    };
    let plan = planned(&known, &request);
    let kinds: Vec<_> = plan.steps.iter().map(|step| step.backup_type).collect();
    assert!(!kinds.contains(&BackupType::Full), "{kinds:?}");
    assert_eq!(plan.moves, [], "it has its files");
    run_script(&practice, &plan).await;
    assert_eq!(practice.contents("Half").await, case.was);
}

/// `stopat plan --continue`, as it is typed: from the server's history and from one that was carried along.
#[tokio::test(flavor = "multi_thread")]
async fn plan_continue_on_the_command_line() {
    let practice = without_a_world().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Typed").await;
    let history = practice.history().await;
    let known = history.database("Typed").expect("it has backups");
    begin(&practice, &known, "Part").await;
    let data = tempfile::tempdir().expect("a folder");
    let carried = data.path().join("history.json");
    let to = case.request.target.moment().expect("a moment");
    let to = to.server.to_string();
    let host = format!("127.0.0.1,{}", practice.server.address().port());
    let password = secrecy::ExposeSecret::expose_secret(practice.server.password()).to_owned();
    let stopat = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_stopat"))
            .env("STOPAT_PASSWORD", &password)
            .args(args)
            .arg("--data")
            .arg(data.path())
            .output()
            .expect("the program was built with the tests");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let server = ["--server", &host, "--user", "sa", "--trust-certificate"];
    let asked = ["--database", "Typed", "--to", &to];
    let with = |more: &[&'static str]| {
        let mut args = vec!["plan"];
        args.extend(server);
        args.extend(asked);
        args.extend(more);
        args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()
    };
    let run = |args: &[String]| stopat(&args.iter().map(String::as_str).collect::<Vec<_>>());

    let (code, table, errors) = run(&with(&["--continue", "Part"]));
    assert_eq!(code, Some(0), "{errors}");
    assert!(
        table.contains("from     Part, which is RESTORING"),
        "{table}"
    );
    assert!(!table.contains("full"), "{table}");

    let (code, sql, errors) = run(&with(&["--continue", "Part", "--sql"]));
    assert_eq!(code, Some(0), "{errors}");
    assert!(sql.contains("[Part]") && !sql.contains("REPLACE"), "{sql}");

    let (code, _, errors) = run(&with(&["--continue"]));
    assert_eq!(code, Some(2), "the original is online: {errors}");
    assert!(errors.contains("not RESTORING"), "{errors}");

    // The history of another server, and the state of this one.
    let mut export = vec!["history"];
    export.extend(server);
    export.extend(["--database", "Typed", "--json"]);
    let (code, json, errors) = stopat(&export);
    assert_eq!(code, Some(0), "{errors}");
    std::fs::write(&carried, json).expect("writable");
    let carried = carried.display().to_string();
    let mut args = with(&["--continue", "Part"]);
    args.extend(["--history".to_owned(), carried.clone()]);
    let (code, same, errors) = run(&args);
    assert_eq!((code, &same), (Some(0), &table), "{errors}");
    let mut args = with(&[]);
    args.extend(["--history".to_owned(), carried]);
    assert_eq!(run(&args).0, Some(2), "two histories without --continue");
}

/// One database is read alone as it is in the whole history, and the list has the newest backup of each.
#[tokio::test(flavor = "multi_thread")]
async fn one_database_is_read_alone_as_in_the_whole_history() {
    let practice = start_with(|_| {}).await;
    let whole = practice.history().await;
    let reading = practice.reading().await;
    let mut connection = practice.connect().await;
    let newest = read_newest_backups(connection.as_mut())
        .await
        .expect("readable");
    assert_eq!(newest.len(), whole.databases().len());
    for (name, newest) in newest {
        let slice = HistoryReader::new(reading.columns)
            .read_database(connection.as_mut(), &name, &CancellationToken::new())
            .await
            .expect("readable");
        let (alone, _) = History::from_records(HistoryRecords {
            server: reading.recorded(),
            backup_sets: slice.backup_sets,
            restore_history: slice.restores,
            marks: slice.marks,
            changes: slice.changes,
        });
        let (alone, known) = (alone.database(&name), whole.database(&name));
        let (alone, known) = (alone.expect("it has backups"), known.expect("it is listed"));
        let rows = |database: &DatabaseHistory| -> Vec<String> {
            database.sets().map(|set| format!("{set:?}")).collect()
        };
        assert_eq!(rows(&alone), rows(&known), "{name}");
        assert_eq!(alone.restores(), known.restores(), "{name}");
        let finish = known.newest_backup().expect("it has backups");
        assert_eq!(finish.server, newest, "{name}");
    }
}
