//! The table that a statement changes, and the transaction around the change.

use super::super::state::State;
use super::super::statement::ObjectPath;
use super::invalid_object;
use crate::practice::catalogue::{Table, quote};
use crate::practice::engine::{DatabaseId, Engine};
use crate::practice::reply::Message;
use crate::practice::sql::run::message_of;
use std::sync::Arc;

/// Brackets one statement's changes inside a transaction.
const STATEMENT_MARK: &str = "\u{1}statement";

/// A table where it lies.
#[derive(Clone)]
pub struct Target {
    /// `None` for temp tables and table variables.
    pub database: Option<DatabaseId>,
    pub database_name: String,
    /// The SQLite schema.
    pub schema: String,
    /// Not quoted.
    pub sqlite_name: String,
    pub table: Arc<Table>,
}

impl Target {
    /// The table of that name: 208, 1087.
    pub fn find(engine: &mut Engine, state: &State, path: &ObjectPath) -> Result<Self, Message> {
        if path.is_temporary() {
            let Some(held) = state.temp.find(&path.name) else {
                return Err(if path.name.starts_with('@') {
                    Message::error(
                        1087,
                        format!("Must declare the table variable \"{}\".", path.name),
                    )
                    .with_class(15)
                    .with_state(2)
                } else {
                    invalid_object(&path.name)
                });
            };
            return Ok(Self {
                database: None,
                database_name: "tempdb".to_owned(),
                schema: "temp".to_owned(),
                sqlite_name: held.sqlite_name.clone(),
                table: Arc::clone(&held.table),
            });
        }
        let id = match &path.database {
            Some(name) => engine
                .store
                .find(name)
                .ok_or_else(|| invalid_object(&path.written()))?,
            None => state.facts.database,
        };
        let schema = engine.store.attach(id)?;
        let Some(database) = engine.store.database(id) else {
            return Err(invalid_object(&path.written()));
        };
        let Some(table) = database.catalogue.table(path.schema_or_dbo(), &path.name) else {
            return Err(invalid_object(&path.written()));
        };
        Ok(Self {
            database: Some(id),
            database_name: database.facts.name.clone(),
            schema,
            sqlite_name: table.sqlite_name(),
            table: Arc::clone(table),
        })
    }

    /// Schema and table for SQLite.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.sqlite_name))
    }

    /// As messages name it: `dbo.t`.
    pub fn written(&self) -> String {
        if self.database.is_none() {
            return self.table.name.clone();
        }
        format!("{}.{}", self.table.schema, self.table.name)
    }

    /// As messages about NULLs name it: `db.dbo.t`.
    pub fn written_with_database(&self) -> String {
        if self.database.is_none() {
            return format!("tempdb.dbo.{}", self.table.name);
        }
        format!("{}.{}", self.database_name, self.written())
    }

    /// What `SET IDENTITY_INSERT` remembers.
    pub fn identity_key(&self) -> (DatabaseId, i32) {
        (self.database.unwrap_or(0), self.table.object_id)
    }

    pub fn execute(&self, engine: &Engine, sql: &str) -> Result<usize, Message> {
        engine
            .store
            .connection()
            .prepare_cached(sql)
            .and_then(|mut s| s.execute([]))
            .map_err(|e| message_of(&e))
    }

    /// The next identity value, counted on.
    pub fn next_identity(
        &self,
        engine: &mut Engine,
        state: &mut State,
        seed: i64,
        increment: i64,
    ) -> Result<i64, Message> {
        match self.database {
            Some(id) => engine
                .store
                .next_identity(id, self.table.object_id, seed, increment),
            None => {
                let next = state
                    .temp_identities
                    .entry(self.sqlite_name.clone())
                    .or_insert(seed);
                let value = *next;
                *next = value.saturating_add(increment);
                Ok(value)
            }
        }
    }

    /// What the next identity value would be.
    pub fn peek_identity(&self, engine: &Engine, state: &State) -> Result<Option<i64>, Message> {
        match self.database {
            Some(id) => engine.store.peek_identity(id, self.table.object_id),
            None => Ok(state.temp_identities.get(&self.sqlite_name).copied()),
        }
    }

    pub fn set_identity(
        &self,
        engine: &mut Engine,
        state: &mut State,
        next: i64,
    ) -> Result<(), Message> {
        match self.database {
            Some(id) => engine.store.set_identity(id, self.table.object_id, next),
            None => {
                state.temp_identities.insert(self.sqlite_name.clone(), next);
                Ok(())
            }
        }
    }

    /// Tables of the same database with a foreign key to this one.
    pub fn referencing(&self, engine: &Engine) -> Vec<Arc<Table>> {
        let Some(database) = self.database.and_then(|id| engine.store.database(id)) else {
            return Vec::new();
        };
        database
            .catalogue
            .tables()
            .filter(|t| t.foreign_keys.iter().any(|key| self.is_meant(key)))
            .cloned()
            .collect()
    }

    /// Whether a foreign key refers to this table.
    pub fn is_meant(&self, key: &crate::practice::catalogue::ForeignKey) -> bool {
        use crate::practice::catalogue::same_name;
        same_name(&key.referenced_schema, &self.table.schema)
            && same_name(&key.referenced_table, &self.table.name)
    }

    pub fn is_referenced(&self, engine: &Engine) -> bool {
        !self.referencing(engine).is_empty()
    }

    /// Another table of the same database.
    pub fn sibling(&self, table: &Arc<Table>) -> Self {
        Self {
            database: self.database,
            database_name: self.database_name.clone(),
            schema: self.schema.clone(),
            sqlite_name: table.sqlite_name(),
            table: Arc::clone(table),
        }
    }
}

/// Runs `job` so that all or nothing of it stays; outside a transaction it is committed at once.
///
/// `database` is `None` for temp tables.
pub fn atomic<T>(
    engine: &mut Engine,
    state: &mut State,
    database: Option<DatabaseId>,
    job: impl FnOnce(&mut Engine, &mut State) -> Result<T, Message>,
) -> Result<T, Message> {
    let session = state.facts.id;
    let Some(id) = database else {
        return atomic_in_temp(engine, state, job);
    };
    engine.store.begin_write(session, id)?;
    if state.facts.trancount > 0 {
        engine.store.savepoint(session, STATEMENT_MARK)?;
        let result = job(engine, state);
        if result.is_err() {
            engine.store.rollback_to(session, STATEMENT_MARK)?;
        }
        engine.store.release(session, STATEMENT_MARK)?;
        return result;
    }
    match job(engine, state) {
        Ok(value) => {
            let now = engine.commit_time();
            engine.store.commit(session, now)?;
            Ok(value)
        }
        Err(error) => {
            engine.store.rollback(session);
            Err(error)
        }
    }
}

/// Temp tables take part in whatever transaction the connection has, so a mark of their own is enough.
fn atomic_in_temp<T>(
    engine: &mut Engine,
    state: &mut State,
    job: impl FnOnce(&mut Engine, &mut State) -> Result<T, Message>,
) -> Result<T, Message> {
    let mark = |engine: &Engine, sql: &str| {
        engine
            .store
            .connection()
            .execute_batch(sql)
            .map_err(|e| message_of(&e))
    };
    mark(engine, "SAVEPOINT temp_statement")?;
    let result = job(engine, state);
    if result.is_err() {
        mark(engine, "ROLLBACK TO temp_statement")?;
    }
    mark(engine, "RELEASE temp_statement")?;
    result
}
