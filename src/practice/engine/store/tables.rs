//! Changes of tables, the catalogue that each database carries in itself, and identity counters.

use super::{CatalogueChange, Store, internal};
use crate::practice::{
    catalogue::{Catalogue, Table, quote},
    engine::{
        capture,
        database::{DatabaseId, schema_name},
        sessions::SessionId,
    },
    reply::Message,
};

impl Store {
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

    pub(super) fn reload_catalogues(&mut self) {
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
