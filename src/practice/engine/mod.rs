//! The engine of the practice server: one thread that owns rows, log, clock and who is connected.
//!
//! Sessions are tasks elsewhere; they send one statement at a time ([`EngineHandle::run`]).

pub mod activity;
pub mod application_locks;
pub mod capture;
pub mod certificates;
pub mod clock;
pub mod database;
pub mod databases;
pub mod image;
pub mod log;
pub mod paths;
pub mod persist;
pub mod pretend;
mod rds_tasks;
pub mod sessions;
pub mod store;
mod thread;
mod trace;

pub use activity::{Activities, Activity, Phase};
pub use application_locks::ApplicationLocks;
pub use clock::{Clock, ClockMode, PacedTime, Simulating, Zone};
pub use database::{
    Database, DatabaseFacts, DatabaseFile, DatabaseId, DatabaseState, FileKind, MASTER, MODEL,
    MSDB, RecoveryModel, TEMPDB, UserAccess, schema_name,
};
pub use log::{CommitTime, LogMark, LogPosition, LogRecord};
pub use rds_tasks::{Lifecycle, RdsTask, RdsTasks};
pub use sessions::{SessionEntry, SessionId, SessionStart, Sessions};
pub use store::{CatalogueChange, SERVER, Store};
pub use thread::{EngineHandle, EngineStopped, Interrupter};
pub use trace::{DefaultTrace, Doer, TRACE_FILE, TRACE_KEPT, TraceEvent, TraceRow};

use crate::{
    domain::UtcTime,
    practice::{backup::media::KnownMedia, reply::Message, world::Simulation},
};
use paths::VirtualPaths;
use std::path::PathBuf;

/// What the server says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    Developer,
    Express,
    /// Azure SQL Database: no `BACKUP`, no `RESTORE`, no msdb.
    Azure,
    /// Azure SQL Managed Instance: copy-only fulls to a URL, and back from there.
    ManagedInstance,
    /// Amazon RDS: procedures of its own stand in for `BACKUP` and `RESTORE`.
    Rds,
}

impl Edition {
    /// Whether it calls itself SQL Azure, and takes tokens of Microsoft Entra.
    pub fn is_azure(self) -> bool {
        matches!(self, Self::Azure | Self::ManagedInstance)
    }

    /// Whether a service runs it, which takes the backups and chooses where the files of a restored database lie.
    pub fn is_managed(self) -> bool {
        self.is_azure() || self == Self::Rds
    }
}

/// What happens to a second log with the same `STOPAT` after the first one stopped: both were seen described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondStopAt {
    /// It is taken, and applies nothing.
    Accept,
    /// It is answered with 4335.
    Refuse,
}

/// Whether SQL Server Agent's service runs, where the edition has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentService {
    Running,
    Stopped,
}

/// A volume of the pretended machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// `D:\`.
    pub mount_point: String,
    pub label: String,
    pub total_bytes: i64,
    /// Before anything of ours lies on it.
    pub free_bytes: i64,
}

/// How the server was started.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    pub seed: u64,
    /// Data counts as this many times its size at 100 MB/s; 0 does not wait.
    pub pace: f64,
    /// A backup or restore takes at least this long, however small it is.
    pub least_seconds: f64,
    pub edition: Edition,
    /// Where backup files and, for a world that is kept, the databases lie.
    pub folder: PathBuf,
    /// Whether the world outlives the process.
    pub kept: bool,
    /// `@@SERVERNAME`.
    pub server_name: String,
    pub machine_name: String,
    pub second_stopat: SecondStopAt,
    /// Bytes that backup devices still take; `None` is without end.
    pub device_space: Option<u64>,
    /// The login may not sign in (`ALTER LOGIN … DISABLE`); who is signed in stays.
    pub login_disabled: bool,
    pub agent: AgentService,
    /// What `fn_hadr_backup_is_preferred_replica` answers: 1 without availability groups.
    pub is_preferred_replica: bool,
    /// `sp_configure 'backup compression default'`.
    pub compression_default: bool,
    /// `sp_configure 'backup checksum default'`.
    pub checksum_default: bool,
    pub default_data: String,
    pub default_log: String,
    pub default_backup: String,
    pub volumes: Vec<Volume>,
    pub pretended: pretend::Pretended,
}

impl EngineOptions {
    /// The usual server, with its files in `folder`.
    pub fn new(seed: u64, folder: PathBuf) -> Self {
        let volume = |mount: &str, label: &str, total: i64, free: i64| Volume {
            mount_point: mount.to_owned(),
            label: label.to_owned(),
            total_bytes: total << 30,
            free_bytes: free << 30,
        };
        Self {
            seed,
            pace: 0.0,
            least_seconds: 0.0,
            edition: Edition::Developer,
            folder,
            kept: false,
            server_name: "PRACTICE".to_owned(),
            machine_name: "PRACTICE".to_owned(),
            second_stopat: SecondStopAt::Accept,
            device_space: None,
            login_disabled: false,
            agent: AgentService::Running,
            is_preferred_replica: true,
            compression_default: false,
            checksum_default: false,
            default_data: "D:\\Data".to_owned(),
            default_log: "L:\\Log".to_owned(),
            default_backup: "D:\\Backup".to_owned(),
            volumes: vec![
                volume("C:\\", "System", 128, 61),
                volume("D:\\", "Data", 512, 380),
                volume("L:\\", "Log", 128, 97),
            ],
            pretended: pretend::Pretended::default(),
        }
    }

    /// The version that the server says it has: SQL Server 2022.
    pub const VERSION: (u8, u8, u16) = (16, 0, 4236);
    /// The internal version of its databases.
    pub const DATABASE_VERSION: i32 = 957;
}

/// Everything that the server is.
pub struct Engine {
    pub store: Store,
    pub clock: Clock,
    pub sessions: Sessions,
    pub activities: Activities,
    pub application_locks: ApplicationLocks,
    pub options: EngineOptions,
    pub paths: VirtualPaths,
    pub known_media: KnownMedia,
    pub default_trace: DefaultTrace,
    pub started: UtcTime,
    /// What lives in it; away while somebody moves time on, `None` on a server without a world.
    pub world: Option<Box<Simulation>>,
    /// The jobs of Agent that run now.
    pub running_jobs: std::collections::BTreeMap<uuid::Uuid, crate::practice::agent::RunningJob>,
    /// What the procedures of Amazon RDS were asked for; it ends with the process.
    pub rds_tasks: RdsTasks,
}

impl Engine {
    /// A new server, or the one whose world lies in the folder.
    pub fn open(options: EngineOptions, clock: Clock) -> Result<Self, Message> {
        let world = options.folder.join("databases");
        let store = Store::open(options.seed, options.kept.then_some(world.as_path()))?;
        let paths = VirtualPaths::new(options.folder.join("files"), &options.default_backup);
        let kept = options.kept.then(|| options.folder.join(TRACE_KEPT));
        let default_trace = DefaultTrace::open(kept);
        let mut engine = Self {
            store,
            sessions: Sessions::default(),
            activities: Activities::default(),
            application_locks: ApplicationLocks::default(),
            started: clock.now(),
            world: None,
            clock,
            options,
            paths,
            known_media: KnownMedia::default(),
            default_trace,
            running_jobs: std::collections::BTreeMap::new(),
            rds_tasks: RdsTasks::default(),
        };
        engine.make_folders()?;
        if engine.store.is_empty() {
            databases::create_system_databases(&mut engine)?;
            if engine.options.edition != Edition::Azure {
                crate::practice::agent::start_agent(&mut engine)?;
            }
        } else {
            // tempdb is new at every start.
            databases::create_tempdb(&mut engine)?;
            if engine.options.edition != Edition::Azure {
                crate::practice::agent::restart_agent(&mut engine)?;
            }
        }
        Ok(engine)
    }

    /// Now, as log records keep it.
    pub fn commit_time(&self) -> CommitTime {
        let now = self.clock.now();
        CommitTime::new(now, self.clock.offset_minutes(now))
    }

    /// Forgets a session that ended in whatever way: what it wrote is rolled back, what it ran is over.
    pub fn end_session(&mut self, session: SessionId) {
        self.store.rollback(session);
        self.activities.end(session);
        self.sessions.close(session);
    }

    /// Free bytes of a volume: what it had, less the files of all databases on it.
    pub fn free_bytes(&self, mount_point: &str) -> Option<i64> {
        let volume = self
            .options
            .volumes
            .iter()
            .find(|v| v.mount_point.eq_ignore_ascii_case(mount_point))?;
        let used: i64 = self
            .store
            .databases()
            .flat_map(|d| &d.facts.files)
            .filter(|f| paths::volume(&f.physical_name).eq_ignore_ascii_case(mount_point))
            .map(|f| f.size_pages * 8192)
            .sum();
        Some((volume.free_bytes - used).max(0))
    }

    fn make_folders(&self) -> Result<(), Message> {
        let system = "C:\\Program Files\\Microsoft SQL Server\\MSSQL16.MSSQLSERVER\\MSSQL\\DATA";
        for folder in [
            system,
            &self.options.default_data,
            &self.options.default_log,
            &self.options.default_backup,
        ] {
            self.paths.create_folder(folder).map_err(|error| {
                Message::error(
                    5133,
                    format!("Directory lookup for the file \"{folder}\" failed with the operating system error {error}."),
                )
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    //! A server for tests: a folder that goes away, a frozen clock, a table with rows.

    use super::*;
    use crate::practice::{
        catalogue::{ColumnDef, Table},
        value::SqlType,
    };
    use chrono::TimeDelta;
    use databases::CreateDatabase;

    pub struct Server {
        pub engine: Engine,
        _folder: tempfile::TempDir,
    }

    pub fn time(text: &str) -> UtcTime {
        UtcTime(text.parse().expect("a time"))
    }

    pub fn server() -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = open(folder.path(), false);
        Server {
            engine,
            _folder: folder,
        }
    }

    pub fn open(folder: &std::path::Path, kept: bool) -> Engine {
        let mut options = EngineOptions::new(1, folder.to_owned());
        options.kept = kept;
        let clock = Clock::frozen(
            Zone::parse("Europe/Berlin").expect("an IANA name"),
            time("2026-11-20T05:00:00Z"),
        );
        Engine::open(options, clock).expect("a server")
    }

    pub fn tick(engine: &mut Engine, seconds: i64) {
        let now = engine.clock.now().plus(TimeDelta::seconds(seconds));
        engine.clock.set(now);
    }

    /// A database with the table `dbo.t (k int, v bigint)`.
    pub fn database(engine: &mut Engine, name: &str) -> DatabaseId {
        let id = databases::create_database(
            engine,
            &CreateDatabase {
                name: name.to_owned(),
                ..CreateDatabase::default()
            },
        )
        .expect("a database");
        let table = Table {
            object_id: 901_578_250,
            schema: "dbo".into(),
            name: "t".into(),
            columns: vec![
                ColumnDef::new("k", SqlType::Int, false),
                ColumnDef::new("v", SqlType::BigInt, true),
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
                let sql = table.create_statements(Some(schema)).join(";\n");
                store.ddl(SERVER, id, &sql, CatalogueChange::Put(Box::new(table)))
            })
            .expect("a table");
        id
    }

    /// Runs SQLite statements in one transaction; `{}` is the database.
    pub fn run(engine: &mut Engine, id: DatabaseId, sql: &str) {
        let now = engine.commit_time();
        engine
            .store
            .write(id, now, |store, schema| {
                store
                    .connection()
                    .execute_batch(&sql.replace("{}", schema))
                    .map_err(|e| store::internal(&e))
            })
            .expect("committed");
    }

    /// Everything in `dbo.t`.
    pub fn rows(engine: &mut Engine, id: DatabaseId) -> Vec<(i64, i64)> {
        let schema = engine.store.attach(id).expect("readable");
        let mut statement = engine
            .store
            .connection()
            .prepare(&format!("SELECT k, v FROM {schema}.\"dbo.t\" ORDER BY k"))
            .expect("valid");
        statement
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
            .expect("rows")
            .collect::<Result<_, _>>()
            .expect("numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fixture::{database, open, rows, run, server};

    #[test]
    fn rows_are_committed_rolled_back_and_logged() {
        let mut server = server();
        let engine = &mut server.engine;
        let id = database(engine, "a]b'; DROP TABLE x--");
        assert_eq!(id, 5);
        let before = engine.store.database(id).expect("there").log_position;
        run(
            engine,
            id,
            "INSERT INTO {}.\"dbo.t\" (k, v) VALUES (1, 10), (2, 20)",
        );
        assert!(engine.store.database(id).expect("there").log_position > before);
        assert_eq!(rows(engine, id), [(1, 10), (2, 20)]);

        engine.store.begin_write(51, id).expect("free");
        engine.store.savepoint(51, "s").expect("saved");
        engine
            .store
            .connection()
            .execute_batch("DELETE FROM db5.\"dbo.t\" WHERE 1")
            .expect("deleted");
        assert_eq!(
            engine.store.begin_write(52, id).map_err(|m| m.number),
            Err(1222)
        );
        assert_eq!(engine.store.rollback_to(51, "s"), Ok(true));
        assert_eq!(rows(engine, id).len(), 2);
        engine.store.rollback(51);
        assert_eq!(engine.store.begin_write(52, id), Ok(()));
        engine.store.rollback(52);
    }

    #[test]
    fn more_databases_than_sqlite_attaches() {
        let mut server = server();
        let engine = &mut server.engine;
        let ids: Vec<_> = (0..15)
            .map(|n| database(engine, &format!("db {n}")))
            .collect();
        for (n, id) in ids.iter().enumerate() {
            run(
                engine,
                *id,
                &format!("INSERT INTO {{}}.\"dbo.t\" (k, v) VALUES (1, {n})"),
            );
        }
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(rows(engine, *id), [(1, n as i64)]);
        }
    }

    #[test]
    fn a_kept_world_is_found_again_with_a_torn_tail() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut engine = open(folder.path(), true);
        let id = database(&mut engine, "Kept");
        for n in 0..20 {
            run(
                &mut engine,
                id,
                &format!("INSERT INTO {{}}.\"dbo.t\" (k, v) VALUES ({n}, 1)"),
            );
        }
        let facts = engine.store.database(id).expect("there").facts.clone();
        let expected = rows(&mut engine, id);
        // As after SIGKILL: nothing is closed in order.
        std::mem::forget(engine);
        let file = folder.path().join("databases").join("db5.world");
        let whole = std::fs::read(&file).expect("written");
        let mut engine = open(folder.path(), true);
        assert_eq!(rows(&mut engine, id), expected);
        assert_eq!(engine.store.database(id).expect("there").facts, facts);
        drop(engine);
        // A torn last frame loses the last transaction and nothing else.
        std::fs::write(&file, whole.get(..whole.len() - 3).expect("longer")).expect("written");
        let mut engine = open(folder.path(), true);
        assert_eq!(rows(&mut engine, id), expected[..19]);
        run(
            &mut engine,
            id,
            "INSERT INTO {}.\"dbo.t\" (k, v) VALUES (99, 1)",
        );
        drop(engine);
        let mut engine = open(folder.path(), true);
        assert_eq!(rows(&mut engine, id).len(), 20);
        assert!(engine.store.find("msdb").is_some());
    }

    #[tokio::test]
    async fn jobs_run_on_the_engine_and_a_panic_ends_only_one() {
        let server = server();
        let handle = EngineHandle::spawn(server.engine).expect("a thread");
        let found = handle.run(|engine| engine.store.find("MSDB")).await;
        assert_eq!(found, Ok(Some(MSDB)));
        let panicked = handle.run(|_| -> u8 { panic!("on purpose") }).await;
        assert_eq!(panicked, Err(EngineStopped));
        let alive = handle.run(|engine| engine.store.find("nobody")).await;
        assert_eq!(alive, Ok(None));
    }
}
