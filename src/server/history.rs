//! msdb's rows as records, in a fixed number of queries for each page; refreshed by what is new.
//!
//! A server with many databases has millions of rows. Their pages leave it room to answer others in between:
//! which backup of each database is the newest, and the history of one that somebody wants to see first.

mod rows;

use super::{
    connection::{Connection, ask},
    error::ServerError,
};
use crate::{
    domain::{
        BackupRecord, ChangeRecord, MarkRecord, Removed, RestoreRecord, ServerTime, UtcOffset,
    },
    tsql::{self, HistoryColumns, HistoryMark, HistoryPart, HistoryQueries},
};
use rows::{ChangeSink, FileSink, MarkSink, MediaSink, RestoreSink, SetSink};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// So many backup sets are asked for at once: the server is busy with them for a fraction of a second.
const PAGE: i64 = 20_000;

/// Takes the backup sets of a page.
pub type TakePage<'a> = dyn FnMut(Vec<BackupRecord>) + Send + 'a;

/// Reads the history of one server, and later what has been added since.
#[derive(Clone, Debug)]
pub struct HistoryReader {
    columns: HistoryColumns,
    mark: HistoryMark,
    trace: Trace,
    /// What stopat deleted on this server, and the offset of its clock.
    removed: (Arc<Removed>, UtcOffset),
}

/// How far the default trace has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    Unread,
    ReadUpTo(ServerTime),
    Unreadable,
}

/// What one reading brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistorySlice {
    pub backup_sets: Vec<BackupRecord>,
    pub restores: Vec<RestoreRecord>,
    pub marks: Vec<MarkRecord>,
    /// From the default trace, as far as it goes back and may be read.
    pub changes: Vec<ChangeRecord>,
}

impl HistorySlice {
    /// Whether nothing was added since the reading before.
    pub fn is_empty(&self) -> bool {
        let Self {
            backup_sets,
            restores,
            marks,
            changes,
        } = self;
        backup_sets.is_empty() && restores.is_empty() && marks.is_empty() && changes.is_empty()
    }
}

impl HistoryReader {
    pub fn new(columns: HistoryColumns) -> Self {
        Self {
            columns,
            mark: HistoryMark::default(),
            trace: Trace::Unread,
            removed: (Arc::default(), UtcOffset::ZERO),
        }
    }

    /// The same, from the beginning, with sets marked whose files are known to be gone; `offset` is that of the server's clock.
    pub fn knowing(self, removed: Arc<Removed>, offset: UtcOffset) -> Self {
        Self {
            removed: (removed, offset),
            ..Self::new(self.columns)
        }
    }

    /// What it knows to be gone.
    pub fn removed(&self) -> &Removed {
        &self.removed.0
    }

    /// Reads what was added since the reading before; everything the first time.
    pub async fn read(
        &mut self,
        connection: &mut dyn Connection,
        cancel: &CancellationToken,
    ) -> Result<HistorySlice, ServerError> {
        let mut backup_sets = Vec::new();
        let slice = self
            .read_by_pages(connection, cancel, &mut |page| backup_sets.extend(page))
            .await?;
        Ok(HistorySlice {
            backup_sets,
            ..slice
        })
    }

    /// The same; the backup sets are handed over page by page, and not in what is returned.
    pub async fn read_by_pages(
        &mut self,
        connection: &mut dyn Connection,
        cancel: &CancellationToken,
        take: &mut TakePage<'_>,
    ) -> Result<HistorySlice, ServerError> {
        let mut newest_set = self.mark.backup_set_id;
        let mut take = |page: Vec<BackupRecord>| {
            let ids = page.iter().filter_map(|record| record.backup_set_id);
            newest_set = ids.fold(newest_set, i64::max);
            take(page);
        };
        let news = tsql::history(self.columns, &HistoryPart::After(self.mark));
        if self.mark.backup_set_id == 0 {
            for (after, until) in pages(connection).await? {
                let part = HistoryPart::Sets { after, until };
                let queries = tsql::history(self.columns, &part);
                take(self.read_sets(connection, &queries, cancel).await?);
            }
        } else {
            take(self.read_sets(connection, &news, cancel).await?);
        }
        let (restores, marks) = read_happened(connection, &news, cancel).await?;
        let changes = self.read_changes(connection, cancel).await?;
        // The marks move only now: a reading that failed half way is repeated whole.
        let restore_ids = restores.iter().filter_map(|r| r.restore_history_id);
        self.mark = HistoryMark {
            backup_set_id: newest_set,
            restore_history_id: restore_ids.fold(self.mark.restore_history_id, i64::max),
            mark_time: marks
                .iter()
                .filter_map(|mark| mark.mark_time)
                .max()
                .or(self.mark.mark_time),
        };
        Ok(HistorySlice {
            backup_sets: Vec::new(),
            restores,
            marks,
            changes,
        })
    }

    /// The history of one database, without the default trace; what was read of the others stays as it is.
    pub async fn read_database(
        &self,
        connection: &mut dyn Connection,
        database: &str,
        cancel: &CancellationToken,
    ) -> Result<HistorySlice, ServerError> {
        let part = HistoryPart::Database(database.to_owned());
        let queries = tsql::history(self.columns, &part);
        let backup_sets = self.read_sets(connection, &queries, cancel).await?;
        let (restores, marks) = read_happened(connection, &queries, cancel).await?;
        Ok(HistorySlice {
            backup_sets,
            restores,
            marks,
            changes: Vec::new(),
        })
    }

    async fn read_sets(
        &self,
        connection: &mut dyn Connection,
        queries: &HistoryQueries,
        cancel: &CancellationToken,
    ) -> Result<Vec<BackupRecord>, ServerError> {
        let mut backup_sets = read_sets(connection, queries, cancel).await?;
        let (removed, offset) = &self.removed;
        for record in &mut backup_sets {
            removed.mark(record, *offset);
        }
        Ok(backup_sets)
    }

    /// The default trace: what was made, altered or dropped. A server that has it off or keeps it to itself tells nothing.
    async fn read_changes(
        &mut self,
        connection: &mut dyn Connection,
        cancel: &CancellationToken,
    ) -> Result<Vec<ChangeRecord>, ServerError> {
        if self.trace == Trace::Unreadable {
            return Ok(Vec::new());
        }
        let file = match ask(connection, &tsql::default_trace_file()).await {
            Ok(answer) => answer.first().and_then(|row| row.text("path")),
            Err(ServerError::Refused { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(file) = file else {
            self.trace = Trace::Unreadable;
            return Ok(Vec::new());
        };
        let since = match self.trace {
            Trace::ReadUpTo(time) => Some(time),
            Trace::Unread | Trace::Unreadable => None,
        };
        let mut sink = ChangeSink::default();
        match connection
            .run(&tsql::object_changes(&file, since), &mut sink, None, cancel)
            .await
        {
            Ok(_) => {}
            Err(ServerError::Refused { .. }) => {
                self.trace = Trace::Unreadable;
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        }
        let mut changes = sink.records;
        if let Some(since) = since {
            // Those of the last moment were read before, but others may have come within it.
            changes.retain(|change| change.start_time.is_none_or(|time| time > since));
        }
        if let Some(newest) = changes.iter().filter_map(|change| change.start_time).max() {
            self.trace = Trace::ReadUpTo(newest);
        }
        Ok(changes)
    }
}

/// When the newest backup of each database finished, on the server's clock.
pub async fn read_newest_backups(
    connection: &mut dyn Connection,
) -> Result<Vec<(String, ServerTime)>, ServerError> {
    let answer = ask(connection, &tsql::newest_backups()).await?;
    let newest = answer
        .rows()
        .iter()
        .filter_map(|row| Some((row.text("database_name")?, row.time("newest_backup")?)));
    Ok(newest.collect())
}

/// Numbers of backup sets, as ranges of a page: above the first, up to the second.
async fn pages(connection: &mut dyn Connection) -> Result<Vec<(i64, i64)>, ServerError> {
    let answer = ask(connection, &tsql::history_range()).await?;
    let number = |name: &str| answer.first().and_then(|row| row.int(name));
    let (Some(first), Some(last)) = (number("first_id"), number("last_id")) else {
        return Ok(Vec::new());
    };
    let mut pages = Vec::new();
    let mut after = first.saturating_sub(1);
    while after < last {
        let until = after.saturating_add(PAGE);
        pages.push((after, until));
        after = until;
    }
    Ok(pages)
}

async fn read_sets(
    connection: &mut dyn Connection,
    queries: &HistoryQueries,
    cancel: &CancellationToken,
) -> Result<Vec<BackupRecord>, ServerError> {
    let mut sets = SetSink::default();
    connection
        .run(&queries.sets, &mut sets, None, cancel)
        .await?;
    let mut backup_sets = sets.records;
    if backup_sets.is_empty() {
        return Ok(backup_sets);
    }
    let mut media = MediaSink::default();
    connection
        .run(&queries.media, &mut media, None, cancel)
        .await?;
    let mut files = FileSink::default();
    connection
        .run(&queries.files, &mut files, None, cancel)
        .await?;
    for record in &mut backup_sets {
        if let Some(id) = record.media_set_id
            && let Some(found) = media.by_media_set.get(&id)
        {
            record.media_files.clone_from(found);
        }
        if let Some(id) = record.backup_set_id
            && let Some(found) = files.by_set.remove(&id)
        {
            record.files = found;
        }
    }
    Ok(backup_sets)
}

async fn read_happened(
    connection: &mut dyn Connection,
    queries: &HistoryQueries,
    cancel: &CancellationToken,
) -> Result<(Vec<RestoreRecord>, Vec<MarkRecord>), ServerError> {
    let mut restores = RestoreSink::default();
    connection
        .run(&queries.restores, &mut restores, None, cancel)
        .await?;
    let mut marks = MarkSink::default();
    match connection
        .run(&queries.marks, &mut marks, None, cancel)
        .await
    {
        // A server that keeps its marks to itself has a history all the same.
        Ok(_) | Err(ServerError::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok((restores.records, marks.records))
}
