//! The world: one day of it, seed 1, on a frozen clock.

use crate::tds::Client;
use secrecy::ExposeSecret as _;
use std::sync::OnceLock;
use stopat::{
    domain::UtcTime,
    practice::{
        ClockChoice, PracticeOptions, PracticeServer, WorldFolder, engine::Zone, value::Value,
    },
};

struct World {
    server: PracticeServer,
    /// How much of it was made when it was told last, in percent.
    made: tokio::sync::watch::Receiver<u8>,
    _runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

fn world(seed: u64) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let (made, heard) = tokio::sync::watch::channel(0);
    let options = PracticeOptions {
        made: Some(made),
        seed,
        days: 1,
        clock: ClockChoice::Frozen,
        now: Some(UtcTime("2026-11-22T07:31:00Z".parse().expect("a time"))),
        zone: Zone::parse("Europe/Berlin").expect("an IANA name"),
        ..PracticeOptions::new(WorldFolder::Temporary {
            within: folder.path().to_owned(),
        })
    };
    let server = runtime
        .block_on(PracticeServer::start(options))
        .expect("a server");
    World {
        server,
        made: heard,
        _runtime: runtime,
        _folder: folder,
    }
}

/// Shared: tests only read it, or work on copies.
fn shared() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| world(1))
}

impl World {
    fn client(&self) -> Client {
        let password = self.server.password().expose_secret();
        Client::sign_in(self.server.address(), "sa", password, "", 4096).0
    }
}

#[track_caller]
fn rows(client: &mut Client, sql: &str) -> Vec<Vec<Value>> {
    let reply = client.batch(sql);
    assert!(reply.errors().is_empty(), "{sql}: {:?}", reply.errors());
    reply.values()
}

#[track_caller]
fn number(client: &mut Client, sql: &str) -> i64 {
    match rows(client, sql).first().map(Vec::as_slice) {
        Some([Value::Int(n)]) => *n,
        other => panic!("{sql}: {other:?} is no number"),
    }
}

/// What two worlds of a seed have in common.
fn portrait(world: &World) -> Vec<Vec<Vec<Value>>> {
    let mut client = world.client();
    [
        "SELECT database_name, type, backup_start_date, backup_finish_date, first_lsn, last_lsn, database_backup_lsn
         FROM msdb.dbo.backupset ORDER BY backup_set_id",
        "SELECT physical_device_name FROM msdb.dbo.backupmediafamily ORDER BY media_set_id",
        "SELECT AgentId, Name FROM OctopusAI.dbo.Octopus_Agents ORDER BY AgentId",
        "SELECT TOP 50 MessageId, Content, CreatedAt FROM OctopusAI.dbo.Octopus_EpisodeMessages ORDER BY MessageId DESC",
        "SELECT name, database_id, recovery_model_desc FROM sys.databases ORDER BY database_id",
        "SELECT table_name, row_count, accident_time FROM msdb.dbo.practice_accident ORDER BY table_name",
        "SELECT job_id, name FROM msdb.dbo.sysjobs ORDER BY name",
        "SELECT GETDATE()",
    ]
    .map(|sql| rows(&mut client, sql))
    .into()
}

#[test]
fn a_new_world_tells_how_much_of_it_is_made() {
    assert_eq!(
        *shared().made.borrow(),
        99,
        "the last event lies before its end"
    );
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let again = world(1);
    let (one, other) = (portrait(shared()), portrait(&again));
    for (a, b) in one.iter().zip(&other) {
        assert_eq!(a, b);
    }
}

#[test]
fn the_agents_are_gone_and_the_world_knows_how_many_there_were() {
    let world = shared();
    let mut client = world.client();
    let now = number(
        &mut client,
        "SELECT COUNT(*) FROM OctopusAI.dbo.Octopus_Agents",
    );
    assert_eq!(now, 0);
    let accident = world
        ._runtime
        .block_on(world.server.accident())
        .expect("readable")
        .expect("one accident");
    assert_eq!(accident.database, "OctopusAI");
    assert_eq!(accident.rows.get("Octopus_Agents"), Some(&24));
    assert_eq!(accident.rows.len(), 6);
    assert_eq!(
        rows(
            &mut client,
            "SELECT DISTINCT accident_time FROM msdb.dbo.practice_accident"
        )
        .len(),
        1
    );
}

#[test]
fn octopus_has_its_preset_without_a_gap() {
    let mut client = shared().client();
    for (letter, n_expected) in [("I", 4), ("L", 131)] {
        let sql = format!(
            "SELECT COUNT(*) FROM msdb.dbo.backupset WHERE database_name = N'OctopusAI' AND type = '{letter}'"
        );
        assert_eq!(number(&mut client, &sql), n_expected, "{letter}");
    }
    let gaps = number(
        &mut client,
        "WITH logs AS (SELECT first_lsn, LAG(last_lsn) OVER (ORDER BY backup_set_id) AS before
                       FROM msdb.dbo.backupset WHERE database_name = N'OctopusAI' AND type = 'L')
         SELECT COUNT(*) FROM logs WHERE before IS NOT NULL AND before <> first_lsn",
    );
    assert_eq!(gaps, 0);
    let paths = rows(
        &mut client,
        "SELECT TOP 1 f.physical_device_name FROM msdb.dbo.backupset s
         JOIN msdb.dbo.backupmediafamily f ON f.media_set_id = s.media_set_id
         WHERE s.database_name = N'OctopusAI' AND s.type = 'D' ORDER BY s.backup_set_id DESC",
    );
    assert_eq!(
        paths,
        [[Value::Text(
            r"\\backup-server\octopus\full\OctopusAI_full_20261122_000000.bak".to_owned()
        )]]
    );
}

#[test]
fn each_neighbour_shows_its_problem() {
    let mut client = shared().client();
    let of = |what: &str, name: &str| format!("SELECT COUNT(*) FROM msdb.dbo.{what} WHERE {name}");
    let sql = of("backupset", "database_name = N'Scratch' AND type = 'L'");
    assert_eq!(number(&mut client, &sql), 0);
    let sql = of(
        "restorehistory",
        "destination_database_name = N'OctopusAudit'",
    );
    assert!(number(&mut client, &sql) > 0);
    let sql = "SELECT DATEDIFF(hour, MAX(backup_finish_date), GETDATE()) FROM msdb.dbo.backupset
               WHERE database_name = N'Warehouse' AND type = 'L'";
    assert!(number(&mut client, sql) >= 7);
    let sql = "SELECT COUNT(DISTINCT f.physical_device_name) FROM msdb.dbo.backupset s
               JOIN msdb.dbo.backupmediafamily f ON f.media_set_id = s.media_set_id
               WHERE s.database_name = N'Ledger'";
    assert_eq!(number(&mut client, sql), 3);
    let logs = rows(
        &mut client,
        "SELECT f.physical_device_name FROM msdb.dbo.backupset s
         JOIN msdb.dbo.backupmediafamily f ON f.media_set_id = s.media_set_id
         WHERE s.database_name = N'CRM' AND s.type = 'L'",
    );
    let missing = logs
        .iter()
        .filter(|row| {
            let [Value::Text(path)] = row.as_slice() else {
                panic!("{row:?} is no path");
            };
            let reply = client.batch(&format!("RESTORE HEADERONLY FROM DISK = N'{path}'"));
            reply.errors().contains(&3201)
        })
        .count();
    assert_eq!(missing, 1);
}

#[test]
fn time_moves_by_hand_and_runs_what_falls_due() {
    let world = world(2);
    let mut client = world.client();
    let count =
        "SELECT COUNT(*) FROM msdb.dbo.backupset WHERE database_name = N'OctopusAI' AND type = 'L'";
    let before = number(&mut client, count);
    let reply = client.batch("EXEC master.dbo.practice_advance @seconds = 3600");
    assert!(reply.errors().is_empty(), "{:?}", reply.errors());
    assert_eq!(number(&mut client, count), before + 4);
    let now = rows(&mut client, "SELECT CONVERT(char(19), GETDATE(), 126)");
    assert_eq!(now, [[Value::Text("2026-11-22T09:31:00".to_owned())]]);
    let history = number(
        &mut client,
        "SELECT COUNT(*) FROM msdb.dbo.sysjobhistory h JOIN msdb.dbo.sysjobs j ON j.job_id = h.job_id
         WHERE j.name LIKE N'%OctopusAI - log' AND h.step_id = 0 AND h.run_status = 1
           AND h.run_date = 20261122 AND h.run_time = 91500",
    );
    assert_eq!(history, 1);
}

/// A quiet neighbour may commit nothing around the target of its restore; it comes online all the same.
#[test]
fn every_database_is_online_whatever_the_seed() {
    for seed in 2..8 {
        let world = world(seed);
        let mut client = world.client();
        let restoring = rows(
            &mut client,
            "SELECT name FROM sys.databases WHERE state <> 0",
        );
        assert_eq!(restoring, Vec::<Vec<Value>>::new(), "seed {seed}");
    }
}
