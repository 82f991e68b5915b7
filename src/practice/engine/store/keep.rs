//! Page images in and out, replay, and writing what there is to the world's folder.

use super::{Store, internal, log_full, no_such_database};
use crate::practice::{
    catalogue::Catalogue,
    engine::{
        capture,
        database::{Database, DatabaseId, FileKind, RecoveryModel, TEMPDB},
        image,
        log::{ActiveLog, LogPosition, LogRecord},
        persist::Stored,
    },
    reply::Message,
};

impl Store {
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

    /// The pages of a database as they are now. The caller has seen that nobody is writing.
    pub fn image(&mut self, id: DatabaseId) -> Result<Vec<u8>, Message> {
        let Some(database) = self.databases.get_mut(&id) else {
            return Err(no_such_database(&format!("#{id}")));
        };
        let pages = image::take(&mut database.keeper).map_err(|e| internal(&e))?;
        database.facts.grow(FileKind::Rows, pages.len());
        Ok(pages)
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

    pub(super) fn load(&mut self, stored: Stored) -> Result<(), Message> {
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
                .filter(|_| database.facts.recovery_model != RecoveryModel::Simple)
            {
                for record in records.into_iter().filter(|r| r.position >= start) {
                    database.log.push(record);
                }
            }
        }
        Ok(())
    }
}
