//! Transactions: SQLite's begins at the first write; at commit the images of the touched rows become a log record.

use super::{Store, TableChanges, Writing, internal, lock, log_full, no_such_database};
use crate::practice::{
    catalogue::quote,
    engine::{
        capture::{self, TouchedRows},
        database::{DatabaseId, FileKind, RecoveryModel, TEMPDB, schema_name},
        log::{CommitTime, LogMark, LogPosition, LogRecord},
        sessions::SessionId,
        store::SERVER,
    },
    reply::Message,
};
use std::{collections::BTreeMap, sync::Arc};

impl Store {
    /// Who has the running write transaction.
    pub fn writer(&self) -> Option<SessionId> {
        self.writing.as_ref().map(|w| w.session)
    }

    /// The databases that the running transaction has written to, each with about the bytes of its log.
    pub fn open_writes(&self) -> BTreeMap<DatabaseId, u64> {
        /// A row before and after, with what a log record has around them.
        const ROW_BYTES: u64 = 200;
        let mut bytes: BTreeMap<DatabaseId, u64> = BTreeMap::new();
        let Some(writing) = &self.writing else {
            return bytes;
        };
        for (id, payload) in &writing.payloads {
            *bytes.entry(*id).or_default() += payload.len() as u64;
        }
        let counts = self
            .capture
            .lock()
            .map(|capture| capture.n_rows())
            .unwrap_or_default();
        for database in self.databases.values() {
            if let Some(n_rows) = counts.get(&schema_name(database.id)) {
                *bytes.entry(database.id).or_default() += *n_rows as u64 * ROW_BYTES;
            }
        }
        bytes
    }

    /// SQLite schemas with rows that another session has written and not committed.
    pub fn written_by_others(&self, session: SessionId) -> Vec<String> {
        if self.writer().is_none_or(|writer| writer == session) {
            return Vec::new();
        }
        self.capture
            .lock()
            .map(|capture| capture.schemas().into_iter().collect())
            .unwrap_or_default()
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
                    mark: None,
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

    /// Gives the record of the running transaction a mark.
    pub fn mark(&mut self, session: SessionId, mark: LogMark) {
        if let Some(writing) = self.writing.as_mut().filter(|w| w.session == session) {
            writing.mark = Some(Arc::new(mark));
        }
    }

    /// Commits what the session wrote: images into the log, then the rows. Nothing written is no error.
    ///
    /// Returns where its records stand in the logs of the databases that it changed.
    pub fn commit(
        &mut self,
        session: SessionId,
        now: CommitTime,
    ) -> Result<Vec<(DatabaseId, LogPosition)>, Message> {
        self.early_savepoints.remove(&session);
        let Some(writing) = self.writing.take_if(|w| w.session == session) else {
            return Ok(Vec::new());
        };
        let Writing {
            mut payloads,
            bulk,
            mark,
            ..
        } = writing;
        match self.write_commit(&mut payloads, now, bulk, mark) {
            Ok(places) => Ok(places),
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
        mark: Option<Arc<LogMark>>,
    ) -> Result<Vec<(DatabaseId, LogPosition)>, Message> {
        self.flush_images(payloads)?;
        self.note_changes(now);
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
                bulk: bulk && database.recovery_model == RecoveryModel::BulkLogged,
                mark: mark.clone(),
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
        let places = records
            .iter()
            .map(|(id, record)| (*id, record.position))
            .collect();
        for (id, record) in records {
            self.append(id, record);
        }
        Ok(places)
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
            let bytes = database.log.bytes();
            database.facts.grow(FileKind::Log, bytes);
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
            mark: None,
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

    /// Adds the images of everything touched so far to the payloads.
    pub(super) fn flush_images(
        &self,
        payloads: &mut BTreeMap<DatabaseId, Vec<u8>>,
    ) -> Result<(), Message> {
        let capture = lock(&self.capture);
        if capture.is_empty() {
            return Ok(());
        }
        let touched: Vec<(String, TouchedRows)> = capture
            .schemas()
            .into_iter()
            .map(|schema| {
                let rows = capture.rows_of(&schema);
                (schema, rows)
            })
            .collect();
        drop(capture);
        for (schema, rows) in touched {
            let Some(id) = database_of(&schema) else {
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

    /// Notes which tables the transaction changed. One that fails at its very end counts as well, as it does on the product.
    fn note_changes(&mut self, now: CommitTime) {
        let capture = lock(&self.capture);
        for (schema, table) in capture.tables() {
            let Some(id) = database_of(schema) else {
                continue;
            };
            let of_database = self.changes.entry(id).or_default();
            match of_database.get_mut(table) {
                Some(known) => known.add(now),
                None => {
                    of_database.insert(
                        table.to_owned(),
                        TableChanges {
                            updates: 1,
                            last: now,
                        },
                    );
                }
            }
        }
    }

    /// What was changed in the tables of a database since the server started, by their names in SQLite.
    pub fn changes(&self, id: DatabaseId) -> impl Iterator<Item = (&str, TableChanges)> {
        self.changes
            .get(&id)
            .into_iter()
            .flatten()
            .map(|(table, changes)| (table.as_str(), *changes))
    }

    pub(super) fn end_capture(&self) {
        let mut capture = lock(&self.capture);
        capture.enabled = false;
        capture.clear();
    }
}

fn database_of(schema: &str) -> Option<DatabaseId> {
    schema.strip_prefix("db").and_then(|n| n.parse().ok())
}
