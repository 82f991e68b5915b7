//! The automatic backups of Azure SQL Database as records.

use super::{
    connection::{Connection, ask},
    error::ServerError,
    facts::{Database, databases_of},
};
use crate::{domain::BackupRecord, tsql};

/// Reads the databases that a connection to Azure SQL Database can see.
pub async fn read_azure_databases(
    connection: &mut dyn Connection,
) -> Result<Vec<Database>, ServerError> {
    let answer = ask(connection, &tsql::azure_databases()).await?;
    Ok(databases_of(&answer))
}

/// Reads the backups of the database that the connection is in.
///
/// They have no log sequence numbers, sizes or files: the service alone restores them.
pub async fn read_database_backups(
    connection: &mut dyn Connection,
) -> Result<Vec<BackupRecord>, ServerError> {
    let answer = ask(connection, &tsql::database_backups()).await?;
    Ok(answer
        .rows()
        .iter()
        .map(|row| BackupRecord {
            backup_set_uuid: row.guid("backup_file_id"),
            database_name: row.text("logical_database_name"),
            server_name: row.text("logical_server_name"),
            backup_type: row.text("backup_type"),
            backup_start_date: row.time("backup_start_date"),
            backup_finish_date: row.time("backup_finish_date"),
            // The view's times are UTC.
            time_zone: Some(0),
            ..BackupRecord::default()
        })
        .collect())
}
