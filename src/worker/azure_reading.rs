//! Reading an Azure SQL server: its databases, and from each its automatic backups.
//!
//! The view is small (weeks of log backups) and forgets what is out of retention, so it is read whole each time.

use super::reading::{HistoryState, Refreshed, summaries};
use crate::{
    domain::{BackupRecord, History, HistoryRecords},
    explain::{Problem, backups_unseen, server_problem},
    server::{
        Database, DatabaseSummary, Gateway, ServerError, read_azure_databases,
        read_database_backups,
    },
};
use futures_util::{StreamExt as _, stream};
use std::{collections::BTreeMap, sync::Arc};

/// Connections at once: each database needs one of its own.
const AT_ONCE: usize = 4;

/// Reads the databases (told at once) and what each says of its backups.
pub(super) async fn refresh_azure(
    gateway: &dyn Gateway,
    state: HistoryState,
    tell: impl Fn(Arc<Vec<DatabaseSummary>>),
) -> Result<Refreshed, Problem> {
    let databases = databases(gateway)
        .await
        .map_err(|error| server_problem(&error))?;
    if !state.has_begun() {
        tell(Arc::new(summaries(&databases, state.history())));
    }
    let (backup_sets, unseen) = automatic_backups(gateway, &databases).await;
    let records = HistoryRecords {
        server: state.server().clone(),
        backup_sets,
        ..HistoryRecords::default()
    };
    // Every row lacks log sequence numbers here: that is no news about any of them.
    let (history, _no_news) = History::from_records(records);
    let databases = Arc::new(summaries(&databases, &history));
    Ok(Refreshed {
        state: state.with_history(history),
        databases,
        unseen: Some(unseen),
    })
}

/// What each database that can be asked says of its automatic backups, and which says nothing, and why.
pub(super) async fn automatic_backups(
    gateway: &dyn Gateway,
    databases: &[Database],
) -> (Vec<BackupRecord>, BTreeMap<String, Problem>) {
    let names: Vec<String> = databases
        .iter()
        .filter(|database| database.name != "master" && database.state == "ONLINE")
        .map(|database| database.name.clone())
        .collect();
    let mut records: Vec<BackupRecord> = Vec::new();
    let mut unseen = BTreeMap::new();
    let mut readings = stream::iter(names)
        .map(|name| async move {
            let read = backups(gateway, &name).await;
            (name, read)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((name, read)) = readings.next().await {
        match read {
            Ok(more) => records.extend(more),
            // A tier without the view, or a login without VIEW DATABASE STATE: there is no lane, and the range is Azure's to tell.
            Err(error) => {
                unseen.insert(name, backups_unseen(&error));
            }
        }
    }
    drop(readings);
    (records, unseen)
}

/// The databases of an Azure SQL server.
pub(super) async fn databases(gateway: &dyn Gateway) -> Result<Vec<Database>, ServerError> {
    let mut connection = gateway.connect().await?;
    read_azure_databases(connection.as_mut()).await
}

async fn backups(gateway: &dyn Gateway, database: &str) -> Result<Vec<BackupRecord>, ServerError> {
    let mut connection = gateway.connect_to(database).await?;
    read_database_backups(connection.as_mut()).await
}
