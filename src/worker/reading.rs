//! Reading databases and history of one server, all of it first and later what is new.

use super::azure_reading::refresh_azure;
use crate::{
    domain::{History, HistoryNote, HistoryRecords, RecordedServer},
    explain::{Problem, server_problem},
    server::{
        Connection, Database, DatabaseState, DatabaseSummary, Gateway, HistoryReader, HistorySlice,
        Platform, ServerError, ServerReading, read_databases,
    },
};
use std::sync::Arc;
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
}

/// A reading that succeeded.
pub(super) struct Refreshed {
    pub(super) state: HistoryState,
    pub(super) databases: Arc<Vec<DatabaseSummary>>,
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

/// Reads the databases (told at once, before the history is there) and what is new in the history.
pub(super) async fn refresh(
    gateway: &dyn Gateway,
    mut state: HistoryState,
    tell: impl Fn(Arc<Vec<DatabaseSummary>>),
) -> Result<Refreshed, Problem> {
    if state.platform == Platform::AzureSqlDatabase {
        return refresh_azure(gateway, state, tell).await;
    }
    let (databases, slice) = match read(gateway, &mut state, &tell).await {
        // A connection that was kept may have died of idleness: one more try with a new one.
        Err(ServerError::Lost { .. }) => read(gateway, &mut state, &tell).await,
        other => other,
    }
    .map_err(|error| server_problem(&error))?;
    if !state.begun || !slice.is_empty() {
        let records = HistoryRecords {
            server: state.server.clone(),
            backup_sets: slice.backup_sets,
            restore_history: slice.restores,
            marks: slice.marks,
            changes: slice.changes,
        };
        let older = state.begun.then(|| state.history.clone());
        // Judging many rows takes a while; the runtime's threads have other things to do.
        let judged = tokio::task::spawn_blocking(move || match older {
            Some(history) => history.with_new_records(records),
            None => History::from_records(records),
        });
        let (history, notes) = judged.await.map_err(|error| Problem {
            kind: crate::explain::ProblemKind::Ours,
            sentence: "The history could not be read".to_owned(),
            hint: "Please report this with the details.".to_owned(),
            details: vec![error.to_string()],
        })?;
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
    })
}

async fn read(
    gateway: &dyn Gateway,
    state: &mut HistoryState,
    tell: &impl Fn(Arc<Vec<DatabaseSummary>>),
) -> Result<(Vec<Database>, HistorySlice), ServerError> {
    let mut connection = match state.connection.take() {
        Some(connection) => connection,
        None => gateway.connect().await?,
    };
    let databases = read_databases(connection.as_mut()).await?;
    if !state.begun {
        tell(Arc::new(summaries(&databases, &state.history)));
    }
    let slice = state
        .reader
        .read(connection.as_mut(), &CancellationToken::new())
        .await?;
    state.connection = Some(connection);
    Ok((databases, slice))
}

/// The databases of the server, and those that only its history knows.
pub(crate) fn summaries(databases: &[Database], history: &History) -> Vec<DatabaseSummary> {
    let newest = |name: &str| {
        history
            .database(name)
            .and_then(|database| database.newest_backup())
            .map(|moment| moment.instant)
    };
    let mut list: Vec<DatabaseSummary> = databases
        .iter()
        .map(|database| database.summary(newest(&database.name)))
        .collect();
    for name in history.databases() {
        let known = databases
            .iter()
            .any(|database| database.name.to_lowercase() == name.to_lowercase());
        if !known {
            list.push(DatabaseSummary {
                newest_backup: newest(&name),
                name,
                state: DatabaseState::HistoryOnly,
                recovery_model: None,
                size_bytes: None,
                is_system: false,
            });
        }
    }
    list
}
