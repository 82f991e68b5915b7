//! All rows: one SQLite connection, a shared memory file per database, transactions, and the log of what changed.
//!
//! Foreign keys, NOT NULL and defaults are the front's business; SQLite only keeps rows and unique indices.

mod keep;
mod tables;
mod transaction;

use super::{
    capture::Capture,
    database::{Database, DatabaseFacts, DatabaseId, DatabaseState, MSDB, schema_name},
    log::{ActiveLog, CommitTime, LogMark},
    persist::Persistence,
    sessions::SessionId,
};
use crate::practice::{
    catalogue::{Catalogue, Table, quote},
    reply::Message,
};
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use uuid::Uuid;

/// SQLite's limit without a larger build.
const MOST_ATTACHED: usize = 10;

/// Stands for the server's own work in [`Store::begin_write`].
pub const SERVER: SessionId = 0;

/// Memory files have process-wide names, so every store has its own prefix.
static STORES: AtomicU64 = AtomicU64::new(0);

/// How a change of tables changes the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub enum CatalogueChange {
    None,
    /// A new table, or a new definition of the one with its `object_id`.
    Put(Box<Table>),
    Remove {
        object_id: i32,
    },
    AddSchema(String),
    RemoveSchema(String),
}

/// All databases.
pub struct Store {
    connection: Connection,
    capture: Arc<Mutex<Capture>>,
    databases: BTreeMap<DatabaseId, Database>,
    writing: Option<Writing>,
    /// `SAVE TRAN` before the first write of a transaction.
    early_savepoints: BTreeMap<SessionId, Vec<String>>,
    /// Since the server started; see [`Store::changes`].
    changes: BTreeMap<DatabaseId, BTreeMap<String, TableChanges>>,
    persistence: Option<Persistence>,
    prefix: String,
    tick: u64,
    random: fastrand::Rng,
}

/// How often transactions changed a table, and when the last one did.
#[derive(Clone, Copy, Debug)]
pub struct TableChanges {
    pub updates: i64,
    pub last: CommitTime,
}

impl TableChanges {
    fn add(&mut self, now: CommitTime) {
        self.updates += 1;
        self.last = now;
    }
}

/// The running write transaction.
struct Writing {
    session: SessionId,
    /// Changes of tables, with the images before them.
    payloads: BTreeMap<DatabaseId, Vec<u8>>,
    savepoints: Vec<(String, BTreeMap<DatabaseId, usize>)>,
    catalogue_changed: bool,
    bulk: bool,
    mark: Option<Arc<LogMark>>,
}

impl Store {
    /// An empty store. `world` is the folder of a world that is to outlive the process; `seed` makes the
    /// identifiers of a new world.
    pub fn open(seed: u64, world: Option<&Path>) -> Result<Self, Message> {
        let mut connection = Connection::open_in_memory_with_flags(
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|e| internal(&e))?;
        connection.set_prepared_statement_cache_capacity(256);
        // Otherwise a statement is prepared anew for each value of a parameter that might choose another way.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(|e| internal(&e))?;
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY")
            .map_err(|e| internal(&e))?;
        crate::practice::sql::functions::register(&connection).map_err(|e| internal(&e))?;
        let capture = Arc::new(Mutex::new(Capture::default()));
        let hook = Arc::clone(&capture);
        connection
            .update_hook(Some(move |_, schema: &str, table: &str, row| {
                lock(&hook).note(schema, table, row);
            }))
            .map_err(|e| internal(&e))?;
        let mut store = Self {
            connection,
            capture,
            databases: BTreeMap::new(),
            writing: None,
            early_savepoints: BTreeMap::new(),
            changes: BTreeMap::new(),
            persistence: None,
            prefix: format!(
                "stopat-{}-{}",
                std::process::id(),
                STORES.fetch_add(1, Ordering::Relaxed)
            ),
            tick: 0,
            random: fastrand::Rng::with_seed(seed),
        };
        if let Some(folder) = world {
            let (persistence, stored) = Persistence::open(folder)
                .map_err(|e| Message::error(5105, format!("A file activation error occurred. The physical file name '{}' may be incorrect. Diagnose and correct additional errors, and retry the operation. ({e})", folder.display())))?;
            if !stored.is_empty() {
                // A second life must not repeat the identifiers of the first.
                store.random = fastrand::Rng::new();
            }
            for one in stored {
                store.load(one)?;
            }
            store.persistence = Some(persistence);
        }
        Ok(store)
    }

    /// Whether nothing is in it yet, not even the system databases.
    pub fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// A new identifier; the same seed gives the same ones.
    pub fn new_guid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random.u128(..).to_le_bytes()).into_uuid()
    }

    /// The database of that name, in any case.
    pub fn find(&self, name: &str) -> Option<DatabaseId> {
        self.databases
            .values()
            .find(|d| crate::practice::catalogue::same_name(&d.name, name))
            .map(|d| d.facts.id)
    }

    pub fn database(&self, id: DatabaseId) -> Option<&Database> {
        self.databases.get(&id)
    }

    /// For changing facts; call [`Self::save_facts`] afterwards.
    pub fn database_mut(&mut self, id: DatabaseId) -> Option<&mut Database> {
        self.databases.get_mut(&id)
    }

    /// All databases, by id.
    pub fn databases(&self) -> impl Iterator<Item = &Database> {
        self.databases.values()
    }

    /// The connection on which statements run.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether rows of a database can be read now: 911, 927, 942.
    pub fn check_readable(&self, id: DatabaseId) -> Result<(), Message> {
        let Some(database) = self.databases.get(&id) else {
            return Err(no_such_database(&format!("#{id}")));
        };
        let name = &database.name;
        let refused = |number, text: String| Err(Message::error(number, text).with_class(14));
        match database.state {
            DatabaseState::Online => Ok(()),
            DatabaseState::Restoring if database.standby => Ok(()),
            DatabaseState::Restoring => refused(
                927,
                format!("Database '{name}' cannot be opened. It is in the middle of a restore."),
            ),
            DatabaseState::Offline => refused(
                942,
                format!("Database '{name}' cannot be opened because it is offline."),
            ),
            DatabaseState::Suspect => refused(
                926,
                format!(
                    "Database '{name}' cannot be opened. It has been marked SUSPECT by recovery. See the SQL Server errorlog for more information."
                ),
            ),
            DatabaseState::RecoveryPending => Err(Message::error(
                945,
                format!(
                    "Database '{name}' cannot be opened due to inaccessible files or insufficient memory or disk space. See the SQL Server errorlog for details."
                ),
            )),
        }
    }

    /// Makes a database reachable for statements and says under which SQLite schema name.
    pub fn attach(&mut self, id: DatabaseId) -> Result<String, Message> {
        self.check_readable(id)?;
        self.attach_any(id)
    }

    /// The same in any state, for replay.
    fn attach_any(&mut self, id: DatabaseId) -> Result<String, Message> {
        self.tick += 1;
        let tick = self.tick;
        let schema = schema_name(id);
        match self.databases.get_mut(&id) {
            None => return Err(no_such_database(&format!("#{id}"))),
            Some(database) => {
                database.used = tick;
                if database.attached {
                    return Ok(schema);
                }
            }
        }
        self.make_room()?;
        let uri = self.uri(id);
        self.connection
            .execute(&format!("ATTACH ?1 AS {}", quote(&schema)), [&uri])
            .map_err(|e| internal(&e))?;
        if let Some(database) = self.databases.get_mut(&id) {
            database.attached = true;
        }
        Ok(schema)
    }

    /// Detaches the least used until one more fits; one that the transaction has touched cannot go.
    fn make_room(&mut self) -> Result<(), Message> {
        let mut attached: Vec<(u64, DatabaseId)> = self
            .databases
            .values()
            .filter(|d| d.attached)
            .map(|d| (d.used, d.facts.id))
            .collect();
        if attached.len() < MOST_ATTACHED {
            return Ok(());
        }
        attached.sort_unstable();
        for (_, id) in attached {
            if self.detach(id).is_ok() {
                return Ok(());
            }
        }
        Err(Message::error(
            8623,
            "The query processor ran out of internal resources and could not produce a query plan. This is a rare event and only expected for extremely complex queries or queries that reference a very large number of tables or partitions. Please simplify the query.",
        ))
    }

    fn detach(&mut self, id: DatabaseId) -> Result<(), Message> {
        let Some(database) = self.databases.get_mut(&id) else {
            return Ok(());
        };
        if database.attached {
            self.connection
                .execute_batch(&format!("DETACH {}", quote(&schema_name(id))))
                .map_err(|e| internal(&e))?;
            database.attached = false;
        }
        Ok(())
    }

    fn uri(&self, id: DatabaseId) -> String {
        format!("file:/{}-{id}?vfs=memdb", self.prefix)
    }

    /// Makes an empty database with these facts.
    pub fn create(&mut self, facts: DatabaseFacts) -> Result<(), Message> {
        let id = facts.id;
        let keeper = self.keeper(id)?;
        keeper
            .execute_batch(
                "PRAGMA page_size = 4096;
                 CREATE TABLE _tables (_rid INTEGER PRIMARY KEY, definition TEXT);
                 CREATE TABLE _identity (_rid INTEGER PRIMARY KEY, next INTEGER);
                 CREATE TABLE _schemas (_rid INTEGER PRIMARY KEY, name TEXT);",
            )
            .map_err(|e| internal(&e))?;
        self.databases.insert(
            id,
            Database {
                facts,
                catalogue: Catalogue::from_tables([]),
                log: ActiveLog::default(),
                base_pages: None,
                base_image: None,
                single_user_session: None,
                keeper,
                used: 0,
                attached: false,
            },
        );
        self.save_all(id)
    }

    fn keeper(&self, id: DatabaseId) -> Result<Connection, Message> {
        Connection::open_with_flags(
            self.uri(id),
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|e| internal(&e))
    }

    /// Forgets a database and its rows.
    pub fn remove(&mut self, id: DatabaseId) -> Result<(), Message> {
        self.detach(id)?;
        self.databases.remove(&id);
        self.changes.remove(&id);
        if let Some(persistence) = &mut self.persistence {
            persistence
                .remove(id)
                .map_err(|e| Message::error(5120, e.to_string()))?;
        }
        Ok(())
    }

    /// The lowest free id for a user's database.
    pub fn free_id(&self) -> DatabaseId {
        let mut id = MSDB + 1;
        while self.databases.contains_key(&id) {
            id += 1;
        }
        id
    }

    fn execute_cached(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }
}

/// 911.
pub fn no_such_database(name: &str) -> Message {
    Message::error(
        911,
        format!("Database '{name}' does not exist. Make sure that the name is entered correctly."),
    )
    .with_state(11)
}

/// What SQLite says should never reach a client; if it does, it is our fault and says so.
pub fn internal(error: &rusqlite::Error) -> Message {
    Message::error(
        8630,
        format!(
            "Internal Query Processor Error: The query processor encountered an unexpected error during execution ({error})."
        ),
    )
}

fn log_full(name: &str) -> Message {
    Message::error(
        9002,
        format!("The transaction log for database '{name}' is full due to 'ACTIVE_TRANSACTION'."),
    )
    .with_class(17)
}

fn lock(capture: &Mutex<Capture>) -> MutexGuard<'_, Capture> {
    capture.lock().unwrap_or_else(PoisonError::into_inner)
}
