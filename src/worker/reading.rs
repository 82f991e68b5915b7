//! Reading databases and history of one server, all of it first and later what is new.
//!
//! All of it may be millions of rows: the list with the newest backups comes first, and one database on demand.

use super::{
    activity::removed,
    azure_reading::refresh_azure,
    jobs::{Jobs, blocking},
    messages::{Event, ServerId},
};
use crate::{
    domain::{
        BackupRecord, History, HistoryBuilder, HistoryNote, RecordedServer, Removed, UtcOffset,
        UtcTime,
    },
    explain::{Problem, server_problem},
    server::{
        Connection, Database, DatabaseState, DatabaseSummary, Gateway, HistoryReader, HistorySlice,
        Platform, ServerError, ServerReading, read_databases, read_newest_backups,
    },
};
use std::{collections::BTreeMap, sync::Arc};
use tokio_util::sync::CancellationToken;

/// The history of one server and how far it has been read.
pub(super) struct HistoryState {
    reader: HistoryReader,
    server: RecordedServer,
    history: History,
    notes: Arc<Vec<HistoryNote>>,
    /// Whether `history` holds a first reading.
    begun: bool,
    /// Kept between refreshes; a broken one is replaced.
    connection: Option<Box<dyn Connection>>,
    platform: Platform,
    utc_offset: UtcOffset,
}

/// A reading that succeeded.
pub(super) struct Refreshed {
    pub(super) state: HistoryState,
    pub(super) databases: Arc<Vec<DatabaseSummary>>,
    /// Of Azure SQL Database: whose automatic backups cannot be seen, and why; `None` elsewhere.
    pub(super) unseen: Option<BTreeMap<String, Problem>>,
}

impl HistoryState {
    pub(super) fn new(reading: &ServerReading) -> Self {
        Self {
            reader: HistoryReader::new(reading.columns),
            server: reading.recorded(),
            history: History::default(),
            notes: Arc::default(),
            begun: false,
            connection: None,
            platform: reading.info.platform,
            utc_offset: reading.info.utc_offset,
        }
    }

    /// The same, to be read again from the beginning where more files are known to be gone than were.
    pub(super) fn knowing(self, removed: Removed) -> Self {
        if *self.reader.removed() == removed {
            return self;
        }
        Self {
            reader: self.reader.knowing(Arc::new(removed), self.utc_offset),
            history: History::default(),
            notes: Arc::default(),
            begun: false,
            ..self
        }
    }

    pub(super) fn server(&self) -> &RecordedServer {
        &self.server
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The same with another history, as it was read whole.
    pub(super) fn with_history(self, history: History) -> Self {
        Self {
            history,
            begun: true,
            ..self
        }
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    pub(super) fn notes(&self) -> Arc<Vec<HistoryNote>> {
        Arc::clone(&self.notes)
    }
}

/// Reads the databases (told at once with their newest backups, before the history is there) and what is new in the history.
pub(super) async fn refresh(
    gateway: &dyn Gateway,
    mut state: HistoryState,
    tell: impl Fn(Arc<Vec<DatabaseSummary>>),
) -> Result<Refreshed, Problem> {
    if state.platform == Platform::AzureSqlDatabase {
        return refresh_azure(gateway, state, tell).await;
    }
    let (databases, news) = match read(gateway, &mut state, &tell).await {
        // A connection that was kept may have died of idleness: one more try with a new one.
        Err(ServerError::Lost { .. }) => read(gateway, &mut state, &tell).await,
        other => other,
    }
    .map_err(|error| server_problem(&error))?;
    let older = match news {
        News::Everything(builder) => Some((None, builder)),
        News::Since(builder) => builder.map(|builder| (Some(state.history.clone()), builder)),
    };
    if let Some((older, builder)) = older {
        // Bringing many sets into order takes a while; the runtime's threads have other things to do.
        let judged = blocking(move || match older {
            Some(history) => history.grown_by(builder),
            None => builder.finish(),
        });
        let Some((history, notes)) = judged.await else {
            return Err(Problem {
                kind: crate::explain::ProblemKind::Ours,
                sentence: "The history could not be read".to_owned(),
                hint: "Please report this with the log of today.".to_owned(),
                details: Vec::new(),
            });
        };
        state.history = history;
        state.notes = Arc::new(if state.begun {
            state.notes.iter().cloned().chain(notes).collect()
        } else {
            notes
        });
        state.begun = true;
    }
    let databases = summaries(&databases, &state.history);
    Ok(Refreshed {
        state,
        databases: Arc::new(databases),
        unseen: None,
    })
}

/// What a reading brought, judged row by row as it came.
enum News {
    Everything(HistoryBuilder),
    /// `None` where nothing was added.
    Since(Option<HistoryBuilder>),
}

async fn read(
    gateway: &dyn Gateway,
    state: &mut HistoryState,
    tell: &impl Fn(Arc<Vec<DatabaseSummary>>),
) -> Result<(Vec<Database>, News), ServerError> {
    let mut connection = match state.connection.take() {
        Some(connection) => connection,
        None => gateway.connect().await?,
    };
    let databases = read_databases(connection.as_mut()).await?;
    let mut builder = if state.begun {
        state.history.builder()
    } else {
        let newest = newest_backups(connection.as_mut(), state.utc_offset).await?;
        tell(Arc::new(listed(&databases, &newest)));
        HistoryBuilder::new(state.server.clone())
    };
    let mut n_sets = 0;
    let mut take = |page: Vec<BackupRecord>| {
        n_sets += page.len();
        page.into_iter().for_each(|record| builder.push(record));
    };
    let slice = state
        .reader
        .read_by_pages(connection.as_mut(), &CancellationToken::new(), &mut take)
        .await?;
    let nothing_new = n_sets == 0 && slice.is_empty();
    push_happened(&mut builder, slice);
    state.connection = Some(connection);
    let news = if state.begun {
        News::Since((!nothing_new).then_some(builder))
    } else {
        News::Everything(builder)
    };
    Ok((databases, news))
}

fn push_happened(builder: &mut HistoryBuilder, slice: HistorySlice) {
    let HistorySlice {
        backup_sets,
        restores,
        marks,
        changes,
    } = slice;
    backup_sets
        .into_iter()
        .for_each(|record| builder.push(record));
    restores
        .into_iter()
        .for_each(|record| builder.push_restore(record));
    marks
        .into_iter()
        .for_each(|record| builder.push_mark(record));
    changes
        .into_iter()
        .for_each(|record| builder.push_change(record));
}

/// The newest backup of each database, in lower case; none where the server keeps its history to itself, which the reading will say.
async fn newest_backups(
    connection: &mut dyn Connection,
    utc_offset: UtcOffset,
) -> Result<BTreeMap<String, (String, UtcTime)>, ServerError> {
    let newest = match read_newest_backups(connection).await {
        Err(ServerError::Refused { .. }) => Vec::new(),
        other => other?,
    };
    let newest = newest
        .into_iter()
        .map(|(name, time)| (name.to_lowercase(), (name, time.to_utc(utc_offset))));
    Ok(newest.collect())
}

impl Jobs {
    /// What retention deleted on a server, as the journals of the workspace tell: msdb does not.
    pub(super) fn removed(&self, server: String) -> impl Future<Output = Removed> + use<> {
        let folder = self.runs_folder();
        let cache = Arc::clone(&self.journals);
        async move {
            let read = folder.map(|folder| blocking(move || removed(&folder, &cache, &server)));
            match read {
                Some(read) => read.await.unwrap_or_default(),
                None => Removed::default(),
            }
        }
    }

    /// Reads one database beside the reading of all; not when that is done.
    pub(super) fn timeline(&self, id: ServerId, database: String) {
        let Some(server) = self.servers.get(&id) else {
            return;
        };
        if server.history.as_ref().is_some_and(HistoryState::has_begun) {
            return;
        }
        let gateway = Arc::clone(&server.gateway);
        let reading = Arc::clone(&server.reading);
        let events = self.events.clone();
        let stop = self.stop_token();
        let removed = self.removed(reading.info.name.clone());
        tokio::spawn(async move {
            let removed = removed.await;
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = read_timeline(gateway.as_ref(), &reading, &database, removed) => read,
            };
            events.send(match read {
                Ok(history) => Event::Timeline {
                    server: id,
                    history,
                },
                Err(error) => Event::Problem {
                    server: Some(id),
                    problem: server_problem(&error),
                },
            });
        });
    }
}

/// The history of one database alone, for who wants to see it before everything is read.
async fn read_timeline(
    gateway: &dyn Gateway,
    reading: &ServerReading,
    database: &str,
    removed: Removed,
) -> Result<History, ServerError> {
    let mut connection = gateway.connect().await?;
    let slice = HistoryReader::new(reading.columns)
        .knowing(Arc::new(removed), reading.info.utc_offset)
        .read_database(connection.as_mut(), database, &CancellationToken::new())
        .await?;
    let server = reading.recorded();
    let built = blocking(move || {
        let mut builder = HistoryBuilder::new(server);
        push_happened(&mut builder, slice);
        builder.finish().0
    });
    Ok(built.await.unwrap_or_default())
}

/// The databases of the server, and those that only its history knows.
pub(crate) fn summaries(databases: &[Database], history: &History) -> Vec<DatabaseSummary> {
    let newest = history.iter().map(|database| {
        let newest = database.newest_backup().map(|moment| moment.instant);
        (
            database.name().to_lowercase(),
            (database.name().to_owned(), newest),
        )
    });
    list(databases, &newest.collect())
}

fn listed(
    databases: &[Database],
    newest: &BTreeMap<String, (String, UtcTime)>,
) -> Vec<DatabaseSummary> {
    let newest = newest
        .iter()
        .map(|(key, (name, at))| (key.clone(), (name.clone(), Some(*at))));
    list(databases, &newest.collect())
}

/// By name in lower case: how it is spelled, and its newest backup.
fn list(
    databases: &[Database],
    known: &BTreeMap<String, (String, Option<UtcTime>)>,
) -> Vec<DatabaseSummary> {
    let mut known = known.clone();
    let mut list: Vec<DatabaseSummary> = databases
        .iter()
        .map(|database| {
            let newest = known.remove(&database.name.to_lowercase());
            database.summary(newest.and_then(|(_, at)| at))
        })
        .collect();
    list.extend(
        known
            .into_values()
            .map(|(name, newest_backup)| DatabaseSummary {
                name,
                state: DatabaseState::HistoryOnly,
                recovery_model: None,
                newest_backup,
                size_bytes: None,
                is_system: false,
            }),
    );
    list
}
