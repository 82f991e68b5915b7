//! Backups whose files stopat deleted itself: msdb goes on listing them, and nobody can restore them any more.

use super::{BackupRecord, UtcOffset, UtcTime};
use std::collections::BTreeMap;
use uuid::Uuid;

/// When the file of a set was deleted, by `backup_set_uuid`.
///
/// What another computer deleted is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    at: BTreeMap<Uuid, UtcTime>,
}

impl Removed {
    /// Marks a record whose file is gone; `offset` is that of the server's clock.
    pub fn mark(&self, record: &mut BackupRecord, offset: UtcOffset) {
        let at = record.backup_set_uuid.and_then(|set| self.at.get(&set));
        let Some(at) = at else {
            return;
        };
        record.deleted_on = Some(at.to_server(offset).0.date());
        // For who reads the rows without this program's journals.
        for file in &mut record.media_files {
            file.present = Some(false);
        }
    }
}

impl Extend<(Uuid, UtcTime)> for Removed {
    fn extend<I: IntoIterator<Item = (Uuid, UtcTime)>>(&mut self, sets: I) {
        self.at.extend(sets);
    }
}
