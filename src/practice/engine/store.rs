//! All rows: one SQLite connection, a shared memory file per database, transactions, and the log of what changed.
//!
//! Foreign keys, NOT NULL and defaults are the front's business; SQLite only keeps rows and unique indices.

use super::{
    capture::{self, Capture},
    database::{Database, DatabaseFacts, DatabaseId, DatabaseState, MSDB, TEMPDB, schema_name},
    image,
    log::{ActiveLog, CommitTime, LogPosition, LogRecord},
    persist::{Persistence, Stored},
    sessions::SessionId,
};
use crate::practice::{
    catalogue::{Catalogue, Table, quote},
    reply::Message,
};
use rusqlite::{Connection, OpenFlags};
use std::{
    cmp::Ordering,
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering as Memory},
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
    persistence: Option<Persistence>,
    prefix: String,
    tick: u64,
    random: fastrand::Rng,
}

/// The running write transaction.
struct Writing {
    session: SessionId,
    /// Changes of tables, with the images before them.
    payloads: BTreeMap<DatabaseId, Vec<u8>>,
    savepoints: Vec<(String, BTreeMap<DatabaseId, usize>)>,
    catalogue_changed: bool,
    bulk: bool,
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
            persistence: None,
            prefix: format!(
                "stopat-{}-{}",
                std::process::id(),
                STORES.fetch_add(1, Memory::Relaxed)
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

    /// Who has the running write transaction.
    pub fn writer(&self) -> Option<SessionId> {
        self.writing.as_ref().map(|w| w.session)
    }

    /// Begins SQLite's transaction at a session's first write; 1222 while another session has one.
    pub fn begin_write(&mut self, session: SessionId, id: DatabaseId) -> Result<(), Message> {
        let refused = match self.databases.get(&id) {
            None => return Err(no_such_database(&format!("#{id}"))),
            Some(database) => database.read_only || database.standby,
        };
        if refused {
            let name = self.databases.get(&id).map_or("", |d| d.name.as_str());
            return Err(Message::error(
                3906,
                format!("Failed to update database \"{name}\" because the database is read-only."),
            ));
        }
        self.attach(id)?;
        match &self.writing {
            Some(writing) if writing.session == session => Ok(()),
            Some(_) => {
                Err(Message::error(1222, "Lock request time out period exceeded.").with_state(51))
            }
            None => {
                self.execute_cached("BEGIN").map_err(|e| internal(&e))?;
                let mut capture = lock(&self.capture);
                capture.clear();
                capture.enabled = true;
                drop(capture);
                self.writing = Some(Writing {
                    session,
                    payloads: BTreeMap::new(),
                    savepoints: Vec::new(),
                    catalogue_changed: false,
                    bulk: false,
                });
                for name in self.early_savepoints.remove(&session).unwrap_or_default() {
                    self.savepoint(session, &name)?;
                }
                Ok(())
            }
        }
    }

    /// Marks the running transaction as minimally logged, where the recovery model allows that.
    pub fn mark_bulk(&mut self, session: SessionId) {
        if let Some(writing) = self.writing.as_mut().filter(|w| w.session == session) {
            writing.bulk = true;
        }
    }

    /// Commits what the session wrote: images into the log, then the rows. Nothing written is no error.
    pub fn commit(&mut self, session: SessionId, now: CommitTime) -> Result<(), Message> {
        self.early_savepoints.remove(&session);
        let Some(writing) = self.writing.take_if(|w| w.session == session) else {
            return Ok(());
        };
        let Writing {
            mut payloads, bulk, ..
        } = writing;
        match self.write_commit(&mut payloads, now, bulk) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.execute_cached("ROLLBACK").ok();
                self.end_capture();
                self.reload_catalogues();
                Err(error)
            }
        }
    }

    fn write_commit(
        &mut self,
        payloads: &mut BTreeMap<DatabaseId, Vec<u8>>,
        now: CommitTime,
        bulk: bool,
    ) -> Result<(), Message> {
        self.flush_images(payloads)?;
        self.end_capture();
        let mut records = Vec::new();
        for (id, payload) in std::mem::take(payloads) {
            if payload.is_empty() || id == TEMPDB {
                continue;
            }
            let Some(database) = self.databases.get(&id) else {
                continue;
            };
            let record = LogRecord {
                position: database.log_position,
                time: now,
                bulk: bulk && database.recovery_model == super::database::RecoveryModel::BulkLogged,
                payload: payload.into(),
            };
            if let Some(persistence) = &mut self.persistence {
                persistence
                    .record(id, &record)
                    .map_err(|_full| log_full(&database.facts.name))?;
            }
            records.push((id, record));
        }
        self.execute_cached("COMMIT").map_err(|e| internal(&e))?;
        for (id, record) in records {
            self.append(id, record);
        }
        Ok(())
    }

    /// Puts a record at the end of a database's log.
    fn append(&mut self, id: DatabaseId, record: LogRecord) {
        let Some(database) = self.databases.get_mut(&id) else {
            return;
        };
        database.facts.log_position = record
            .position
            .after(record.payload.len() + LogRecord::HEAD);
        if database.facts.keeps_log() {
            database.log.push(record);
        }
        if self
            .persistence
            .as_ref()
            .is_some_and(|p| p.wants_rewrite(id))
            && let Err(error) = self.save_all(id)
        {
            tracing::warn!(error = %error.text, "a database of the practice world could not be written anew");
        }
    }

    /// Writes an empty record: a checkpoint. Returns where it stands.
    pub fn checkpoint(&mut self, id: DatabaseId, now: CommitTime) -> LogPosition {
        let position = self
            .databases
            .get(&id)
            .map_or(LogPosition::FIRST, |d| d.log_position);
        let record = LogRecord {
            position,
            time: now,
            bulk: false,
            payload: Arc::new([]),
        };
        if let Some(persistence) = &mut self.persistence
            && let Err(error) = persistence.record(id, &record)
        {
            tracing::warn!(%error, "a checkpoint of the practice world could not be written");
        }
        self.append(id, record);
        position
    }

    /// Takes back what the session wrote since its first write.
    pub fn rollback(&mut self, session: SessionId) {
        self.early_savepoints.remove(&session);
        if let Some(writing) = self.writing.take_if(|w| w.session == session) {
            self.end_capture();
            if let Err(error) = self.execute_cached("ROLLBACK") {
                tracing::warn!(%error, "rollback");
            }
            if writing.catalogue_changed {
                self.reload_catalogues();
            }
        }
    }

    /// Takes back whatever was being written, after a job that panicked.
    pub fn abandon(&mut self) {
        if let Some(session) = self.writer() {
            self.rollback(session);
        } else if !self.connection.is_autocommit() {
            self.execute_cached("ROLLBACK").ok();
        }
    }

    /// `SAVE TRAN`, and the mark around a statement inside a transaction.
    pub fn savepoint(&mut self, session: SessionId, name: &str) -> Result<(), Message> {
        let Some(writing) = self.writing.as_mut().filter(|w| w.session == session) else {
            self.early_savepoints
                .entry(session)
                .or_default()
                .push(name.to_owned());
            return Ok(());
        };
        let lengths = writing
            .payloads
            .iter()
            .map(|(id, p)| (*id, p.len()))
            .collect();
        writing.savepoints.push((name.to_owned(), lengths));
        self.connection
            .execute_batch(&format!("SAVEPOINT {}", quote(name)))
            .map_err(|e| internal(&e))
    }

    /// `ROLLBACK TRAN name`; `false` when there is no such savepoint. The savepoint stays.
    pub fn rollback_to(&mut self, session: SessionId, name: &str) -> Result<bool, Message> {
        let Some(writing) = self.writing.as_mut().filter(|w| w.session == session) else {
            return Ok(self
                .early_savepoints
                .get(&session)
                .is_some_and(|names| names.iter().any(|n| n == name)));
        };
        let Some(at) = writing.savepoints.iter().rposition(|(n, _)| n == name) else {
            return Ok(false);
        };
        writing.savepoints.truncate(at + 1);
        let lengths = writing
            .savepoints
            .last()
            .map(|(_, lengths)| lengths.clone())
            .unwrap_or_default();
        for (id, payload) in &mut writing.payloads {
            payload.truncate(lengths.get(id).copied().unwrap_or(0));
        }
        let reload = writing.catalogue_changed;
        self.connection
            .execute_batch(&format!("ROLLBACK TO {}", quote(name)))
            .map_err(|e| internal(&e))?;
        if reload {
            self.reload_catalogues();
        }
        Ok(true)
    }

    /// Forgets a savepoint without taking anything back.
    pub fn release(&mut self, session: SessionId, name: &str) -> Result<(), Message> {
        if let Some(writing) = self.writing.as_mut().filter(|w| w.session == session) {
            let Some(at) = writing.savepoints.iter().rposition(|(n, _)| n == name) else {
                return Ok(());
            };
            writing.savepoints.truncate(at);
            self.connection
                .execute_batch(&format!("RELEASE {}", quote(name)))
                .map_err(|e| internal(&e))?;
        } else if let Some(names) = self.early_savepoints.get_mut(&session) {
            names.retain(|n| n != name);
        }
        Ok(())
    }

    /// Changes tables: runs SQLite statements and the change of the catalogue, as a record of its own kind.
    ///
    /// The statements name the database with the prefix that [`Table::create_statements`] writes (`"db7".`).
    pub fn ddl(
        &mut self,
        session: SessionId,
        id: DatabaseId,
        sqlite_ddl: &str,
        change: CatalogueChange,
    ) -> Result<(), Message> {
        self.begin_write(session, id)?;
        let schema = schema_name(id);
        let mut payloads = self
            .writing
            .as_mut()
            .map(|w| {
                w.catalogue_changed = true;
                std::mem::take(&mut w.payloads)
            })
            .unwrap_or_default();
        let flushed = self.flush_images(&mut payloads);
        if !sqlite_ddl.is_empty() {
            // Quoted names double their quotes, so this never hits the inside of one.
            let portable = sqlite_ddl.replace(
                &format!("{}.", quote(&schema)),
                &format!("{}.", capture::SCHEMA),
            );
            capture::write_change(&portable, payloads.entry(id).or_default());
        }
        if let Some(writing) = &mut self.writing {
            writing.payloads = payloads;
        }
        flushed?;
        self.connection
            .execute_batch(sqlite_ddl)
            .map_err(|e| internal(&e))?;
        self.change_catalogue(id, &schema, change)
    }

    fn change_catalogue(
        &mut self,
        id: DatabaseId,
        schema: &str,
        change: CatalogueChange,
    ) -> Result<(), Message> {
        let schema = quote(schema);
        let run = |sql: String, values: &[&dyn rusqlite::ToSql]| {
            self.connection
                .execute(&sql, values)
                .map(|_| ())
                .map_err(|e| internal(&e))
        };
        match change {
            CatalogueChange::None => {}
            CatalogueChange::Put(table) => {
                let text = serde_json::to_string(&*table)
                    .map_err(|e| Message::error(8630, format!("Internal error: {e}")))?;
                run(
                    format!(
                        "INSERT INTO {schema}._tables (_rid, definition) VALUES (?1, ?2) \
                         ON CONFLICT (_rid) DO UPDATE SET definition = excluded.definition"
                    ),
                    &[&table.object_id, &text],
                )?;
                if let Some(database) = self.databases.get_mut(&id) {
                    remove_table(&mut database.catalogue, table.object_id);
                    database.catalogue.insert(*table);
                }
            }
            CatalogueChange::Remove { object_id } => {
                run(
                    format!("DELETE FROM {schema}._tables WHERE _rid = ?1"),
                    &[&object_id],
                )?;
                run(
                    format!("DELETE FROM {schema}._identity WHERE _rid = ?1"),
                    &[&object_id],
                )?;
                if let Some(database) = self.databases.get_mut(&id) {
                    remove_table(&mut database.catalogue, object_id);
                }
            }
            CatalogueChange::AddSchema(name) => {
                run(
                    format!("INSERT INTO {schema}._schemas (name) VALUES (?1)"),
                    &[&name],
                )?;
                if let Some(database) = self.databases.get_mut(&id) {
                    database.catalogue.add_schema(&name);
                }
            }
            CatalogueChange::RemoveSchema(name) => {
                run(
                    format!("DELETE FROM {schema}._schemas WHERE name = ?1"),
                    &[&name],
                )?;
                if let Some(database) = self.databases.get_mut(&id) {
                    database.catalogue.remove_schema(&name);
                }
            }
        }
        Ok(())
    }

    /// The next value of a table's identity column, counted on; it takes part in the transaction.
    pub fn next_identity(
        &mut self,
        id: DatabaseId,
        object_id: i32,
        seed: i64,
        increment: i64,
    ) -> Result<i64, Message> {
        let schema = quote(&schema_name(id));
        let next: i64 = self
            .connection
            .prepare_cached(&format!(
                "INSERT INTO {schema}._identity (_rid, next) VALUES (?1, ?2) \
                 ON CONFLICT (_rid) DO UPDATE SET next = next + ?3 RETURNING next"
            ))
            .and_then(|mut s| {
                s.query_row(
                    (object_id, seed.saturating_add(increment), increment),
                    |r| r.get(0),
                )
            })
            .map_err(|e| internal(&e))?;
        Ok(next.saturating_sub(increment))
    }

    /// Sets what the next identity value will be (`IDENTITY_INSERT` beyond it, `DBCC CHECKIDENT`, `TRUNCATE`).
    pub fn set_identity(
        &mut self,
        id: DatabaseId,
        object_id: i32,
        next: i64,
    ) -> Result<(), Message> {
        let schema = quote(&schema_name(id));
        self.connection
            .prepare_cached(&format!(
                "INSERT INTO {schema}._identity (_rid, next) VALUES (?1, ?2) \
                 ON CONFLICT (_rid) DO UPDATE SET next = excluded.next"
            ))
            .and_then(|mut s| s.execute((object_id, next)))
            .map(|_| ())
            .map_err(|e| internal(&e))
    }

    /// What the next identity value would be; `None` when none was given yet.
    pub fn peek_identity(&self, id: DatabaseId, object_id: i32) -> Result<Option<i64>, Message> {
        use rusqlite::OptionalExtension as _;
        let schema = quote(&schema_name(id));
        self.connection
            .query_row(
                &format!("SELECT next FROM {schema}._identity WHERE _rid = ?1"),
                [object_id],
                |r| r.get(0),
            )
            .optional()
            .map_err(|e| internal(&e))
    }

    /// One transaction of the server itself, below the front: `job` gets the connection and the schema name.
    pub fn write<T>(
        &mut self,
        id: DatabaseId,
        now: CommitTime,
        job: impl FnOnce(&mut Self, &str) -> Result<T, Message>,
    ) -> Result<T, Message> {
        self.begin_write(SERVER, id)?;
        let schema = schema_name(id);
        match job(self, &schema) {
            Ok(answer) => {
                self.commit(SERVER, now)?;
                Ok(answer)
            }
            Err(error) => {
                self.rollback(SERVER);
                Err(error)
            }
        }
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
        let keeper = Connection::open_with_flags(
            self.uri(id),
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|e| internal(&e))?;
        keeper
            .create_collation("tsql", compare_texts)
            .map_err(|e| internal(&e))?;
        Ok(keeper)
    }

    /// Forgets a database and its rows.
    pub fn remove(&mut self, id: DatabaseId) -> Result<(), Message> {
        self.detach(id)?;
        self.databases.remove(&id);
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

    /// The pages of a database as they are now. The caller has seen that nobody is writing.
    pub fn image(&mut self, id: DatabaseId) -> Result<Vec<u8>, Message> {
        let Some(database) = self.databases.get_mut(&id) else {
            return Err(no_such_database(&format!("#{id}")));
        };
        image::take(&mut database.keeper).map_err(|e| internal(&e))
    }

    /// How many bytes [`Self::image`] would have.
    pub fn page_bytes(&self, id: DatabaseId) -> Result<usize, Message> {
        let Some(database) = self.databases.get(&id) else {
            return Err(no_such_database(&format!("#{id}")));
        };
        let pages: u32 = database
            .keeper
            .query_row("PRAGMA page_count", [], |r| r.get(0))
            .map_err(|e| internal(&e))?;
        Ok(pages as usize * image::PAGE_BYTES)
    }

    /// Puts an image in the place of a database's rows.
    pub fn load_image(&mut self, id: DatabaseId, pages: &[u8]) -> Result<(), Message> {
        self.detach(id)?;
        let Some(database) = self.databases.get_mut(&id) else {
            return Err(no_such_database(&format!("#{id}")));
        };
        image::put(&mut database.keeper, pages).map_err(|e| {
            Message::error(
                3189,
                format!("Damage to the backup set was detected. ({e})"),
            )
        })?;
        self.reload_catalogue(id)
    }

    /// Applies records in one transaction, without logging them again.
    pub fn replay(&mut self, id: DatabaseId, records: &[LogRecord]) -> Result<(), Message> {
        if records.iter().all(|r| r.payload.is_empty()) {
            return Ok(());
        }
        let schema = self.attach_any(id)?;
        self.execute_cached("BEGIN").map_err(|e| internal(&e))?;
        let done = records
            .iter()
            .try_for_each(|r| capture::replay(&self.connection, &schema, &r.payload));
        match done {
            Ok(()) => self.execute_cached("COMMIT").map_err(|e| internal(&e))?,
            Err(error) => {
                self.execute_cached("ROLLBACK").ok();
                return Err(Message::error(
                    3456,
                    format!(
                        "Could not redo log record, on database '{}' (database ID {id}). Restore from a backup of the database, or repair the database. ({error})",
                        self.databases.get(&id).map_or("", |d| d.name.as_str())
                    ),
                )
                .with_class(21));
            }
        }
        self.reload_catalogue(id)
    }

    /// Writes the facts of a database to the world's folder.
    pub fn save_facts(&mut self, id: DatabaseId) -> Result<(), Message> {
        let (Some(persistence), Some(database)) = (&mut self.persistence, self.databases.get(&id))
        else {
            return Ok(());
        };
        persistence
            .facts(&database.facts)
            .map_err(|_full| log_full(&database.facts.name))
    }

    /// Writes the page hashes of a new differential base to the world's folder.
    pub fn save_base_pages(&mut self, id: DatabaseId) -> Result<(), Message> {
        let (Some(persistence), Some(database)) = (&mut self.persistence, self.databases.get(&id))
        else {
            return Ok(());
        };
        persistence
            .hashes(id, database.base_pages.as_deref().unwrap_or_default())
            .map_err(|_full| log_full(&database.facts.name))
    }

    /// Writes records that were restored to the world's folder.
    pub fn save_records(&mut self, id: DatabaseId, records: &[LogRecord]) -> Result<(), Message> {
        let Some(persistence) = &mut self.persistence else {
            return Ok(());
        };
        for record in records {
            persistence
                .record(id, record)
                .map_err(|e| Message::error(9002, e.to_string()))?;
        }
        Ok(())
    }

    /// Writes a whole database to the world's folder.
    pub fn save_all(&mut self, id: DatabaseId) -> Result<(), Message> {
        if self.persistence.is_none() || id == TEMPDB {
            return Ok(());
        }
        let pages = self.image(id)?;
        let (Some(persistence), Some(database)) = (&mut self.persistence, self.databases.get(&id))
        else {
            return Ok(());
        };
        persistence
            .rewrite(
                &database.facts,
                database.log.since(LogPosition {
                    vlf: 0,
                    block: 0,
                    slot: 0,
                }),
                &pages,
                database.base_image.as_deref(),
                database.base_pages.as_deref(),
            )
            .map_err(|e| {
                Message::error(
                    9002,
                    format!(
                        "The transaction log for database '{}' is full due to 'ACTIVE_TRANSACTION'. ({e})",
                        database.facts.name
                    ),
                )
            })
    }

    /// Stops writing to the world's folder while two weeks pass in seconds; [`Self::resume_persistence`] writes
    /// everything at once.
    pub fn suspend_persistence(&mut self) -> Option<Persistence> {
        self.persistence.take()
    }

    /// Goes on writing, beginning with everything there is.
    pub fn resume_persistence(&mut self, persistence: Option<Persistence>) -> Result<(), Message> {
        self.persistence = persistence;
        let ids: Vec<DatabaseId> = self.databases.keys().copied().collect();
        ids.into_iter().try_for_each(|id| self.save_all(id))
    }

    fn load(&mut self, stored: Stored) -> Result<(), Message> {
        let Stored {
            facts,
            image,
            base,
            hashes,
            records,
            in_image,
        } = stored;
        let id = facts.id;
        let keeper = self.keeper(id)?;
        self.databases.insert(
            id,
            Database {
                facts,
                catalogue: Catalogue::from_tables([]),
                log: ActiveLog::default(),
                base_pages: hashes,
                base_image: base,
                single_user_session: None,
                keeper,
                used: 0,
                attached: false,
            },
        );
        self.load_image(id, &image)?;
        self.replay(id, records.get(in_image..).unwrap_or_default())?;
        if let Some(database) = self.databases.get_mut(&id) {
            if database.facts.restore.is_none()
                && let Some(last) = records.last()
            {
                let after = last.position.after(last.payload.len() + LogRecord::HEAD);
                database.facts.log_position = database.facts.log_position.max(after);
            }
            if let Some(start) = database
                .facts
                .log_start
                .filter(|_| database.facts.recovery_model != super::database::RecoveryModel::Simple)
            {
                for record in records.into_iter().filter(|r| r.position >= start) {
                    database.log.push(record);
                }
            }
        }
        Ok(())
    }

    /// Adds the images of everything touched so far to the payloads.
    fn flush_images(&self, payloads: &mut BTreeMap<DatabaseId, Vec<u8>>) -> Result<(), Message> {
        let capture = lock(&self.capture);
        if capture.is_empty() {
            return Ok(());
        }
        let touched: Vec<(String, capture::TouchedRows)> = capture
            .schemas()
            .into_iter()
            .map(|schema| {
                let rows = capture.rows_of(&schema);
                (schema, rows)
            })
            .collect();
        drop(capture);
        for (schema, rows) in touched {
            let Some(id) = schema.strip_prefix("db").and_then(|n| n.parse().ok()) else {
                continue;
            };
            capture::write_images(
                &self.connection,
                &schema,
                &rows,
                payloads.entry(id).or_default(),
            )
            .map_err(|e| internal(&e))?;
        }
        Ok(())
    }

    fn end_capture(&self) {
        let mut capture = lock(&self.capture);
        capture.enabled = false;
        capture.clear();
    }

    fn execute_cached(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn reload_catalogues(&mut self) {
        let ids: Vec<DatabaseId> = self.databases.keys().copied().collect();
        for id in ids {
            if let Err(error) = self.reload_catalogue(id) {
                tracing::warn!(error = %error.text, "reading a catalogue");
            }
        }
    }

    /// Reads the catalogue of a database from the database.
    pub fn reload_catalogue(&mut self, id: DatabaseId) -> Result<(), Message> {
        let schema = quote(&self.attach_any(id)?);
        let read = |sql: String| -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare(&sql)?;
            let texts = statement.query_map([], |r| r.get::<_, String>(0))?;
            texts.collect()
        };
        let tables = read(format!(
            "SELECT definition FROM {schema}._tables ORDER BY _rid"
        ))
        .map_err(|e| internal(&e))?;
        let schemas = read(format!("SELECT name FROM {schema}._schemas ORDER BY _rid"))
            .map_err(|e| internal(&e))?;
        let mut catalogue = Catalogue::from_tables(
            tables
                .iter()
                .filter_map(|text| serde_json::from_str::<Table>(text).ok()),
        );
        for name in schemas {
            catalogue.add_schema(&name);
        }
        if let Some(database) = self.databases.get_mut(&id) {
            database.catalogue = catalogue;
        }
        Ok(())
    }
}

fn remove_table(catalogue: &mut Catalogue, object_id: i32) {
    let found = catalogue
        .table_by_id(object_id)
        .map(|t| (t.schema.clone(), t.name.clone()));
    if let Some((schema, name)) = found {
        catalogue.remove(&schema, &name);
    }
}

/// The order of texts: no case, no trailing blanks.
fn compare_texts(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_end_matches(' '), b.trim_end_matches(' '));
    let fold = |s: &str| -> Vec<char> { s.chars().flat_map(char::to_lowercase).collect() };
    if a.is_ascii() && b.is_ascii() {
        let lower = |c: u8| c.to_ascii_lowercase();
        return a.bytes().map(lower).cmp(b.bytes().map(lower));
    }
    fold(a).cmp(&fold(b))
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
