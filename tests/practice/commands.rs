//! `stopat backup` and `stopat schedule` as their user runs them: the real program, its words and its exit codes.

use super::asking::{Practice, start, until};
use std::process::{Command, Output, Stdio};
use stopat::practice::PracticeServer;

/// The program with a data root of its own, signed in at a server.
struct Console<'p> {
    practice: &'p Practice,
    data: tempfile::TempDir,
}

/// How a command ended.
struct Ended {
    exit: i32,
    out: String,
    err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            exit: output.status.code().expect("it was not killed"),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

impl Ended {
    #[track_caller]
    fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "{}\n{}", self.out, self.err);
        self
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect("JSON on standard output")
    }
}

impl<'p> Console<'p> {
    fn new(practice: &'p Practice) -> Self {
        Self {
            practice,
            data: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let server = &self.practice.server;
        let address = server.address();
        let mut command = Command::new(env!("CARGO_BIN_EXE_stopat"));
        let place = format!("{},{}", address.ip(), address.port());
        command
            .args(args)
            .args(["--server", &place, "--user", PracticeServer::USER])
            .args(["--trust-certificate", "--data"])
            .arg(self.data.path())
            .env(
                "STOPAT_PASSWORD",
                secrecy::ExposeSecret::expose_secret(server.password()),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    async fn run(&self, args: &[&str]) -> Ended {
        let mut command = self.command(args);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("it does not panic");
        output.expect("the program was built with the tests").into()
    }

    async fn back_up(&self, database: &str, kind: &str, more: &[&str]) -> Ended {
        let mut args = vec!["backup", "--database", database, "--type", kind];
        args.extend(more);
        self.run(&args).await
    }

    /// What ran in this workspace; no server is asked.
    fn runs(&self) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stopat"));
        command.args(["runs", "--data"]).arg(self.data.path());
        let output = command.output();
        output.expect("the program was built with the tests").into()
    }

    async fn schedule(&self, more: &[&str]) -> Ended {
        let mut args = vec!["schedule", "--database", "OctopusAI"];
        args.extend(more);
        self.run(&args).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_ends_with_the_exit_code_of_what_happened() {
    let practice = start().await;
    let console = Console::new(&practice);
    let done = console.back_up("OctopusAI", "full", &[]).await.exits(0);
    assert_eq!(done.json()["end"], "done");
    assert!(done.err.contains("Copy-only"), "{}", done.err);

    let wrong = console.back_up("OctopusAI", "full", &["--stripes", "65"]);
    assert!(wrong.await.exits(2).err.contains("--stripes"));
    let sealed = ["--certificate", "Nobody"];
    let wrong = console.back_up("OctopusAI", "full", &sealed).await.exits(2);
    assert!(wrong.err.contains("master has no certificate Nobody"));

    let unknown = console.back_up("Nobody", "full", &[]).await.exits(3);
    assert!(unknown.err.contains("OctopusAI"), "{}", unknown.err);

    // What cannot work is refused before anything is written.
    let simple = console.back_up("Scratch", "log", &[]).await.exits(4);
    assert!(simple.err.contains("simple"), "{}", simple.err);
    let nowhere = ["--to", r"\\nowhere\share"];
    let missing = console
        .back_up("OctopusAI", "full", &nowhere)
        .await
        .exits(4);
    assert!(missing.err.contains(r"\\nowhere\share"), "{}", missing.err);
    practice.option("backup_permission", "denied").await;
    let denied = console.back_up("OctopusAI", "full", &[]).await.exits(4);
    assert!(denied.err.contains("may not back up"), "{}", denied.err);
    practice.option("backup_permission", "granted").await;

    // What the server refuses while it runs.
    practice.advance(60).await;
    practice.option("full_disk", r"D:\Backup").await;
    let full = console.back_up("OctopusAI", "full", &[]).await.exits(4);
    assert_eq!(full.json()["end"], "failed");
    assert!(full.err.contains("not enough space"), "{}", full.err);
    practice.option("repaired", r"D:\Backup").await;

    // Written, and not what was meant: only reading it back tells.
    practice.advance(60).await;
    practice.option("damaged_writes", r"D:\Backup").await;
    let spoiled = console.back_up("OctopusAI", "full", &[]).await.exits(7);
    assert_eq!(spoiled.json()["end"], "done_with_warnings");
    practice.advance(60).await;
    let unread = console.back_up("OctopusAI", "full", &["--no-verify"]);
    unread.await.exits(0);
    practice.option("repaired", r"D:\Backup").await;

    // A journal that cannot be kept is the program's own trouble.
    let runs = console.data.path().join("workspaces/default/runs");
    std::fs::remove_dir_all(&runs).expect("it was made");
    std::fs::write(&runs, "no folder").expect("writable");
    practice.advance(60).await;
    console.back_up("OctopusAI", "full", &[]).await.exits(1);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_interrupted_is_cancelled_on_the_server() {
    let practice = start().await;
    let console = Console::new(&practice);
    practice.option("least_seconds", "600").await;
    let args = ["backup", "--database", "OctopusAI", "--type", "full"];
    let program = console.command(&args).spawn().expect("it starts");
    let id = program.id().to_string();
    let running = "sys.dm_exec_requests WHERE command = N'BACKUP DATABASE'";
    until("the backup", async || {
        (practice.count(running).await == 1).then_some(())
    })
    .await;
    let told = Command::new("kill").args(["-INT", &id]).status();
    assert!(told.expect("kill is there").success());
    let ended = tokio::task::spawn_blocking(|| program.wait_with_output());
    let ended: Ended = ended
        .await
        .expect("it does not panic")
        .expect("it ended")
        .into();
    let ended = ended.exits(8);
    assert_eq!(ended.json()["end"], "cancelled");
    assert_eq!(practice.count(running).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agent_takes_a_backup_over_once() {
    let practice = start().await;
    let console = Console::new(&practice);
    let jobs = "msdb.dbo.sysjobs WHERE name LIKE N'stopat once %'";
    let done = console.back_up("OctopusAI", "full", &["--on-server"]).await;
    let done = done.exits(0);
    assert!(done.err.contains("runs on the server"), "{}", done.err);
    assert_eq!(done.json()["end"], "done");
    assert_eq!(
        practice.count(jobs).await,
        0,
        "a job that went well is gone"
    );

    practice.advance(60).await;
    practice.option("full_disk", r"D:\Backup").await;
    let failed = console.back_up("OctopusAI", "full", &["--on-server"]).await;
    assert_eq!(failed.exits(4).json()["end"], "failed");
    assert_eq!(
        practice.count(jobs).await,
        1,
        "its messages can still be read"
    );

    practice.option("agent", "stopped").await;
    let stopped = console.back_up("OctopusAI", "full", &["--on-server"]).await;
    let stopped = stopped.exits(4);
    assert!(stopped.err.contains("Agent"), "{}", stopped.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_from_the_first_look_to_its_removal() {
    let practice = start().await;
    let console = Console::new(&practice);
    let preset = ["--preset", "octopus"];
    assert!(console.schedule(&[]).await.exits(2).err.contains("preset"));
    let shown = console.schedule(&preset).await.exits(0).out;
    for words in [
        "full: 00:00",
        "differential: 18:00, 06:00, 12:00",
        "log: 96 runs",
        r"\\backup-server\octopus\diff: The server sees this folder",
        "already: ",
        "most that can be lost: ",
    ] {
        let shown = shown.to_lowercase();
        assert!(shown.contains(&words.to_lowercase()), "{words} in {shown}");
    }
    let apply = ["--preset", "octopus", "--apply"];
    let refused = console.schedule(&apply).await.exits(4);
    assert!(
        refused.err.contains("PRACTICE:OctopusAI"),
        "{}",
        refused.err
    );
    super::schedule::alone(&practice, "OctopusAI").await;
    console.schedule(&apply).await.exits(0);
    let again = console.schedule(&apply).await.exits(0);
    assert!(again.err.contains("nothing to change"), "{}", again.err);
    let listed = console.runs().exits(0).out;
    assert!(
        listed.contains("  Schedule of OctopusAI on PRACTICE  "),
        "{listed}"
    );

    practice.advance(2 * 86_400).await;
    let status = console.schedule(&["--status"]).await.exits(0).out;
    assert_eq!(status.matches(": succeeded ").count(), 3, "{status}");
    let retention = console.schedule(&["--retention"]).await.exits(0).out;
    assert!(
        retention.contains(r"\full\OctopusAI_full_20261123_000000.bak"),
        "{retention}"
    );
    let history = practice.history().await;
    let octopus = history.database("OctopusAI").expect("backed up");
    let coverage = octopus.coverage(&stopat::domain::Limits::default());
    assert_eq!(coverage.gaps, []);

    practice
        .run("EXEC msdb.dbo.sp_update_job @job_name = N'stopat - OctopusAI - log', @enabled = 0;")
        .await;
    let by_hand = console.schedule(&apply).await.exits(4);
    assert!(by_hand.err.contains("by hand"), "{}", by_hand.err);
    let overwrite = ["--preset", "octopus", "--apply", "--overwrite-changes"];
    console.schedule(&overwrite).await.exits(0);
    console.schedule(&["--remove"]).await.exits(0);
    let status = console.schedule(&["--preset", "octopus", "--status"]).await;
    assert!(status.exits(0).out.contains("no schedule of stopat"));
}
