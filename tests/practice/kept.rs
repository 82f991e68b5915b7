//! A world that outlives its process, even when that is killed; and the command that serves it.

use crate::tds::Client;
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};
use stopat::practice::value::Value;

/// `stopat practice` as a process of its own.
pub struct Served {
    process: Child,
    pub facts: serde_json::Value,
}

impl Served {
    pub fn start(world: &Path, days: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_stopat"))
            .args([
                "practice",
                "--json",
                "--stop-with-stdin",
                "--clock",
                "frozen",
            ])
            .args(["--seed", "1", "--days", days, "--world"])
            .arg(world)
            // A world that was kept goes on from where its clock stood.
            .args(if is_new(world) { &NEW[..] } else { &[] })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program was built with the tests");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("readable");
        let facts = serde_json::from_str(&line).expect("a line of JSON");
        Self { process, facts }
    }

    fn client(&self) -> Client {
        self.client_in("OctopusAI")
    }

    pub fn client_in(&self, database: &str) -> Client {
        let text = |key: &str| self.facts[key].as_str().expect("a text").to_owned();
        let address = format!("{}:{}", text("host"), self.facts["port"])
            .parse()
            .expect("an address");
        let (user, password) = (text("user"), text("password"));
        Client::sign_in(address, &user, &password, database, 4096).0
    }

    /// As the power would go.
    pub fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ran");
    }

    /// Closes its standard input.
    pub fn stop(mut self) {
        drop(self.process.stdin.take());
        let ended = self.process.wait().expect("it ran");
        assert_eq!(ended.code(), Some(0));
    }
}

/// Where and when a new world is.
const NEW: [&str; 4] = [
    "--now",
    "2026-11-22T08:30:00+01:00",
    "--zone",
    "Europe/Berlin",
];

fn is_new(world: &Path) -> bool {
    std::fs::read_dir(world).map_or(true, |mut entries| entries.next().is_none())
}

/// Everything that has to be the same afterwards.
fn look(client: &mut Client) -> Vec<Vec<Vec<Value>>> {
    [
        "SELECT k, t FROM dbo.kept ORDER BY k",
        "SELECT name, state_desc FROM sys.databases ORDER BY name",
        "SELECT COUNT(*), MAX(backup_set_id) FROM msdb.dbo.backupset",
        "SELECT COUNT(*) FROM msdb.dbo.sysjobhistory",
        "SELECT COUNT(*), MAX(MessageId) FROM dbo.Octopus_EpisodeMessages",
        "SELECT table_name, row_count FROM msdb.dbo.practice_accident ORDER BY table_name",
        "DECLARE @file nvarchar(260) = (SELECT path FROM sys.traces WHERE is_default = 1);
         SELECT EventClass, ObjectName, LoginName, StartTime FROM sys.fn_trace_gettable(@file, DEFAULT)",
    ]
    .map(|sql| {
        let reply = client.batch(sql);
        assert!(reply.errors().is_empty(), "{sql}");
        reply.values()
    })
    .into()
}

#[test]
fn a_killed_world_is_found_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(folder.path(), "1");
    let mut client = served.client();
    let full = client
        .batch(
            "CREATE TABLE dbo.kept (k int NOT NULL PRIMARY KEY, t nvarchar(20) NULL);
             INSERT INTO dbo.kept VALUES (1, N'жив'), (2, NULL);
             SELECT TOP 1 f.physical_device_name
             FROM msdb.dbo.backupset s JOIN msdb.dbo.backupmediafamily f ON f.media_set_id = s.media_set_id
             WHERE s.database_name = N'OctopusAI' AND s.type = 'D' ORDER BY s.backup_set_id DESC;",
        )
        .values();
    let [Value::Text(full)] = &full[0][..] else {
        panic!("{full:?} is no path");
    };
    let restored = client.batch(&format!(
        "RESTORE DATABASE [Copy] FROM DISK = N'{full}' WITH NORECOVERY,
         MOVE N'OctopusAI' TO N'D:\\Data\\Copy.mdf', MOVE N'OctopusAI_log' TO N'D:\\Data\\Copy.ldf'"
    ));
    assert!(restored.errors().is_empty());
    let before = look(&mut client);
    client.batch("BEGIN TRAN; INSERT INTO dbo.kept VALUES (3, N'not committed')");
    let facts = served.facts.clone();
    served.kill();

    let served = Served::start(folder.path(), "1");
    for key in ["port", "password", "fingerprint"] {
        assert_eq!(served.facts[key], facts[key], "{key}");
    }
    let mut client = served.client();
    assert_eq!(look(&mut client), before);
    let recovered = client.batch(
        "RESTORE DATABASE [Copy] WITH RECOVERY; SELECT COUNT(*) FROM [Copy].dbo.Octopus_Agents",
    );
    assert!(recovered.errors().is_empty());
    assert_eq!(recovered.values(), [[Value::Int(24)]]);
    served.stop();
}

#[test]
fn one_world_has_one_server_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(folder.path(), "0");
    let second = Command::new(env!("CARGO_BIN_EXE_stopat"))
        .args(["practice", "--world"])
        .arg(folder.path())
        .output()
        .expect("the program was built with the tests");
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stdout.is_empty());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another practice server"));
    served.stop();
}
