//! The real program and the real practice server as processes, killed in the middle of every step of a restore over the original.
//!
//! Nothing is closed in order: the program dies by SIGKILL, the server as when the power goes.
//! Then `stopat runs resume` goes on, and everything is as it should be.

use super::{asking::PATIENCE, errors::file_on_disk, kept::Served};
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use stopat::{
    practice::value::Value,
    run::{RunRecord, read_run},
};

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Program,
    Server,
}

struct Bench {
    world: tempfile::TempDir,
    served: Option<Served>,
}

impl Bench {
    fn start() -> Self {
        let world = tempfile::tempdir().expect("a folder");
        let served = Some(Served::start(world.path(), "0"));
        Self { world, served }
    }

    fn served(&self) -> &Served {
        self.served.as_ref().expect("it runs")
    }

    /// Runs batches that must succeed; the rows of the last one.
    #[track_caller]
    fn sql(&self, batches: &[&str]) -> Vec<Vec<Value>> {
        let mut client = self.served().client_in("master");
        let mut rows = Vec::new();
        for sql in batches {
            let reply = client.batch(sql);
            assert!(reply.errors().is_empty(), "{sql}: {:?}", reply.errors());
            rows = reply.values();
        }
        rows
    }

    /// A database with a chain; gives the moment to go back to, and what it held then.
    fn case(&self, name: &str) -> (String, Vec<Vec<Value>>) {
        let tick = "EXEC master.dbo.practice_advance @seconds = 60;";
        let row = |n: u32| format!("INSERT INTO [{name}].dbo.T VALUES ({n}, N'row {n}');");
        let file = |what: &str| format!(r"DISK = N'D:\Backup\{name}_{what}'");
        self.sql(&[
            &format!("CREATE DATABASE [{name}];"),
            &format!(
                "CREATE TABLE [{name}].dbo.T (id int NOT NULL PRIMARY KEY, t nvarchar(50) NULL);"
            ),
            &row(1),
            &format!(
                "BACKUP DATABASE [{name}] TO {} WITH CHECKSUM;",
                file("full.bak")
            ),
            tick,
            &row(2),
            tick,
            &format!(
                "BACKUP DATABASE [{name}] TO {} WITH DIFFERENTIAL, CHECKSUM;",
                file("diff.bak")
            ),
            tick,
            &row(3),
            tick,
            &format!("BACKUP LOG [{name}] TO {} WITH CHECKSUM;", file("1.trn")),
            tick,
            &row(4),
            tick,
        ]);
        let moment = self.sql(&["SELECT CONVERT(char(19), GETDATE(), 126);"]);
        let [Value::Text(moment)] = &moment[0][..] else {
            panic!("{moment:?} is no moment");
        };
        let was = self.contents(name);
        self.sql(&[
            tick,
            &row(5),
            tick,
            &format!("BACKUP LOG [{name}] TO {} WITH CHECKSUM;", file("2.trn")),
            tick,
            &row(6),
            tick,
        ]);
        (moment.clone(), was)
    }

    fn contents(&self, name: &str) -> Vec<Vec<Value>> {
        self.sql(&[&format!("SELECT id, t FROM [{name}].dbo.T ORDER BY id;")])
    }

    /// `stopat` with the sign-in of the server.
    fn stopat(&self, data: &Path, args: &[&str]) -> Command {
        let facts = &self.served().facts;
        let text = |key: &str| facts[key].as_str().expect("a text").to_owned();
        let mut command = Command::new(env!("CARGO_BIN_EXE_stopat"));
        command
            .args(args)
            .arg("--data")
            .arg(data)
            .args(["--server", &format!("{},{}", text("host"), facts["port"])])
            .args(["--user", &text("user"), "--ca", &text("certificate")])
            .env("STOPAT_PASSWORD", text("password"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// The one journal of a data root, once it is there.
fn journal(data: &Path) -> Option<PathBuf> {
    let runs = data.join("workspaces").join("default").join("runs");
    let mut found: Vec<PathBuf> = std::fs::read_dir(runs)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    found.sort();
    found.pop()
}

fn record(data: &Path) -> RunRecord {
    let path = journal(data).expect("a journal");
    read_run(&path).expect("a whole journal").expect("a run")
}

/// Waits until a step has begun; `false` when the program ended before.
fn wait_for_step(data: &Path, step: usize, program: &mut Child) -> bool {
    let mark = format!("\"kind\":\"step_begin\",\"step\":{step},");
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let begun = journal(data)
            .and_then(|path| std::fs::read_to_string(path).ok())
            .is_some_and(|text| text.contains(&mark));
        if begun {
            return true;
        }
        if program.try_wait().expect("it was started").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("step {step} did not begin");
}

fn said(output: &Output) -> String {
    format!(
        "{:?}\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Each step of the run is the one in which somebody dies.
fn killed_in_every_step(victim: Victim) {
    let mut bench = Bench::start();
    // Look, close, tail, read, full, differential, log, log, give back, verify.
    for step in 1..=9 {
        let what = format!("{victim:?} killed in step {step}");
        let name = format!("Killed_{step}");
        let (moment, was) = bench.case(&name);
        let data = tempfile::tempdir().expect("a folder");
        bench.sql(&["EXEC master.dbo.practice_option N'least_seconds', N'0.25';"]);
        let confirm = format!("PRACTICE:{name}");
        let mut program = bench
            .stopat(
                data.path(),
                &[
                    "restore",
                    "--database",
                    &name,
                    "--to",
                    &moment,
                    "--over",
                    "--yes-replace",
                    &confirm,
                ],
            )
            .spawn()
            .expect("the program was built with the tests");
        let begun = wait_for_step(data.path(), step, &mut program);
        std::thread::sleep(Duration::from_millis(60));
        match victim {
            Victim::Program => {
                program.kill().ok();
                program.wait().expect("it ran");
            }
            Victim::Server => {
                bench.served.take().expect("it runs").kill();
                let ended = program.wait_with_output().expect("it ran");
                assert!(
                    ended
                        .status
                        .code()
                        .is_some_and(|code| code != 1 && code != 2),
                    "{what}: {}",
                    said(&ended)
                );
                bench.served = Some(Served::start(bench.world.path(), "0"));
            }
        }
        let before = record(data.path());
        assert!(begun || before.end.is_some(), "{what}");
        if before
            .end
            .as_ref()
            .is_some_and(|(end, _)| end == "verified")
        {
            // It was through already.
            assert_eq!(bench.contents(&name), was, "{what}");
            continue;
        }
        if victim == Victim::Program {
            bench.sql(&["EXEC master.dbo.practice_option N'least_seconds', N'0';"]);
        }
        resume(&bench, data.path(), &before, &what);
        assert_eq!(bench.contents(&name), was, "{what}");
        let access = bench.sql(&[&format!(
            "SELECT user_access_desc, state_desc FROM sys.databases WHERE name = N'{name}';"
        )]);
        assert_eq!(
            access,
            [[
                Value::Text("MULTI_USER".to_owned()),
                Value::Text("ONLINE".to_owned())
            ]],
            "{what}"
        );
        let after = record(data.path());
        assert!(after.owed.is_empty(), "{what}: {:?}", after.owed);
        assert!(!after.is_unfinished(), "{what}");
        let tail = after.tail_file.expect("the tail is saved");
        if let Some(known) = &before.tail_file {
            assert_eq!(*known, tail, "{what}: what was saved is kept");
        }
        let header = bench.sql(&[&format!("RESTORE VERIFYONLY FROM DISK = N'{tail}';")]);
        assert!(header.is_empty());
    }
    bench.served.take().expect("it runs").stop();
}

/// First the state is said, then the run goes on; a statement that still runs on the server is waited for.
#[track_caller]
fn resume(bench: &Bench, data: &Path, record: &RunRecord, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    let words = loop {
        let told = bench
            .stopat(data, &["runs", "resume", &record.id.0])
            .output()
            .expect("the program was built with the tests");
        let words = said(&told);
        if words.contains("--how continue") {
            break words;
        }
        assert!(
            words.contains("still works on it") && Instant::now() < deadline,
            "{what}: {words}"
        );
        std::thread::sleep(Duration::from_millis(100));
    };
    let resumed = bench
        .stopat(data, &["runs", "resume", &record.id.0, "--how", "continue"])
        .output()
        .expect("the program was built with the tests");
    assert_eq!(
        resumed.status.code(),
        Some(0),
        "{what}\n{words}\n{}",
        said(&resumed)
    );
}

#[test]
fn the_program_is_killed_in_every_step() {
    killed_in_every_step(Victim::Program);
}

#[test]
fn the_server_is_killed_in_every_step() {
    killed_in_every_step(Victim::Server);
}

/// What the exit codes and the reports say, from the real program.
#[test]
fn ends_are_told_by_exit_codes_and_reports() {
    let bench = Bench::start();
    let (moment, was) = bench.case("Told");
    let data = tempfile::tempdir().expect("a folder");
    let page = data.path().join("report.html");
    let page = page.to_str().expect("text");
    let run = |args: &[&str]| {
        let mut all = vec!["restore", "--database", "Told"];
        all.extend(args);
        bench.stopat(data.path(), &all).output().expect("it runs")
    };
    // The confirmation must name both as the server says them.
    let wrong = run(&["--to", &moment, "--over", "--yes-replace", "OTHER:Told"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    assert!(said(&wrong).contains("PRACTICE:Told"), "{}", said(&wrong));
    let early = run(&["--to", "2020-01-01T00:00:00", "--as", "Never"]);
    assert_eq!(early.status.code(), Some(3), "{}", said(&early));
    let taken = run(&["--to", &moment, "--as", "Told"]);
    assert_eq!(taken.status.code(), Some(4), "{}", said(&taken));
    let copy = run(&[
        "--to",
        &moment,
        "--as",
        "Told_copy",
        "--json",
        "--html",
        page,
    ]);
    assert_eq!(copy.status.code(), Some(0), "{}", said(&copy));
    assert_eq!(bench.contents("Told_copy"), was);
    let report: serde_json::Value =
        serde_json::from_slice(&copy.stdout).expect("the report is JSON");
    assert_eq!(report["format"], "run-report/1");
    assert_eq!(report["end"], "verified");
    assert_eq!(report["kind"], "restore_copy");
    assert_eq!(report["journal_hash"].as_str().map(str::len), Some(64));
    let html = std::fs::read_to_string(page).expect("a page");
    assert!(html.contains("RESTORE DATABASE [Told_copy]"), "{html}");
    assert!(!html.contains("http"), "nothing comes from elsewhere");
    // Over the original, to its very latest state: the tail comes back with it.
    let before = bench.contents("Told");
    let latest = run(&["--latest", "--over", "--yes-replace", "PRACTICE:Told"]);
    assert_eq!(latest.status.code(), Some(0), "{}", said(&latest));
    assert_eq!(bench.contents("Told"), before);
    let runs = listed_runs(data.path());
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(3));
}

/// The exit codes of the ends that are not good ones (design §8).
#[test]
fn bad_ends_are_told_by_their_exit_codes() {
    let bench = Bench::start();
    let restore = |data: &Path, name: &str, args: &[&str]| {
        let mut all = vec!["restore", "--database", name];
        all.extend(args);
        bench.stopat(data, &all)
    };
    let ended = |mut command: Command| command.output().expect("it runs");
    let folder = || tempfile::tempdir().expect("a folder");

    // 5: there is no room for the tail, so nothing was overwritten.
    let (moment, _) = bench.case("Ends_5");
    let before = bench.contents("Ends_5");
    bench.sql(&["EXEC master.dbo.practice_option N'device_space', N'0';"]);
    let data = folder();
    let over = [
        "--to",
        &moment,
        "--over",
        "--yes-replace",
        "PRACTICE:Ends_5",
    ];
    let output = ended(restore(data.path(), "Ends_5", &over));
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    assert_eq!(bench.contents("Ends_5"), before);
    bench.sql(&["EXEC master.dbo.practice_option N'device_space', N'unlimited';"]);

    // 6: the last log goes while the full backup is restored.
    let (moment, was) = bench.case("Ends_6");
    let log = file_on_disk(bench.world.path(), "Ends_6_2.trn");
    let good = std::fs::read(&log).expect("readable");
    bench.sql(&["EXEC master.dbo.practice_option N'least_seconds', N'3';"]);
    let data = folder();
    let copy = ["--to", &moment, "--as", "Ends_6_copy"];
    let mut program = restore(data.path(), "Ends_6", &copy)
        .spawn()
        .expect("the program was built with the tests");
    assert!(wait_for_step(data.path(), 1, &mut program));
    std::fs::remove_file(&log).expect("removable");
    bench.sql(&["EXEC master.dbo.practice_option N'least_seconds', N'0';"]);
    let output = program.wait_with_output().expect("it ran");
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
    // With the log as it was the run goes on.
    std::fs::write(&log, good).expect("writable");
    resume(&bench, data.path(), &record(data.path()), "6");
    assert_eq!(bench.contents("Ends_6_copy"), was);

    // 7: online, and not the schema that was wanted.
    let data = folder();
    let copy = [
        "--to",
        &moment,
        "--as",
        "Ends_7",
        "--expect-schema",
        "other",
    ];
    let output = ended(restore(data.path(), "Ends_6", &copy));
    assert_eq!(output.status.code(), Some(7), "{}", said(&output));
    assert_eq!(bench.contents("Ends_7"), was);

    // 8: cancelled in the middle of a step.
    bench.sql(&["EXEC master.dbo.practice_option N'least_seconds', N'600';"]);
    let data = folder();
    let copy = ["--to", &moment, "--as", "Ends_8"];
    let mut program = restore(data.path(), "Ends_6", &copy)
        .spawn()
        .expect("the program was built with the tests");
    assert!(wait_for_step(data.path(), 1, &mut program));
    std::thread::sleep(Duration::from_millis(300));
    let told = Command::new("kill")
        .args(["-INT", &program.id().to_string()])
        .status()
        .expect("it runs");
    assert!(told.success());
    let output = program.wait_with_output().expect("it ran");
    assert_eq!(output.status.code(), Some(8), "{}", said(&output));
}

fn listed_runs(data: &Path) -> serde_json::Value {
    let listed = Command::new(env!("CARGO_BIN_EXE_stopat"))
        .args(["runs", "--json", "--data"])
        .arg(data)
        .output()
        .expect("it runs");
    serde_json::from_slice(&listed.stdout).expect("JSON")
}
