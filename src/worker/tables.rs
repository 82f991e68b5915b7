//! The tables of a database: their rows, and when they were changed last.

use crate::{
    domain::ServerTime,
    server::{Connection, Gateway, Platform, ServerError, ask},
    tsql,
};
use std::collections::BTreeMap;

/// The tables of a database, by lower-case `schema.table`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableFacts {
    pub tables: BTreeMap<String, TableFact>,
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableFact {
    /// As the server spells it.
    pub name: String,
    pub rows: u64,
    /// Since the server started; `None` when the server does not tell.
    pub last_change: Option<ServerTime>,
}

/// A connection from which a database can be read. Where all can be, it stays out of this one, which may be restored over.
pub(super) async fn connection_in(
    gateway: &dyn Gateway,
    platform: Platform,
    database: &str,
) -> Result<Box<dyn Connection>, ServerError> {
    match platform {
        Platform::AzureSqlDatabase => gateway.connect_to(database).await,
        _ => gateway.connect().await,
    }
}

/// Rows from partition metadata, and when each table was last changed where the server tells it.
pub(super) async fn tables_of(
    gateway: &dyn Gateway,
    platform: Platform,
    database: &str,
) -> Result<TableFacts, ServerError> {
    let mut connection = connection_in(gateway, platform, database).await?;
    let rows = ask(connection.as_mut(), &tsql::table_rows(database)).await?;
    let changes = match ask(connection.as_mut(), &tsql::table_changes(database)).await {
        Ok(answer) => answer,
        // Without VIEW SERVER STATE nobody knows.
        Err(ServerError::Refused { .. }) => Default::default(),
        Err(other) => return Err(other),
    };
    let mut facts = TableFacts::default();
    for row in rows.rows() {
        let (Some(schema), Some(table)) = (row.text("schema_name"), row.text("table_name")) else {
            continue;
        };
        let name = format!("{schema}.{table}");
        facts.tables.insert(
            name.to_lowercase(),
            TableFact {
                name,
                rows: row
                    .int("row_count")
                    .and_then(|rows| u64::try_from(rows).ok())
                    .unwrap_or(0),
                last_change: None,
            },
        );
    }
    for row in changes.rows() {
        if let (Some(schema), Some(table)) = (row.text("schema_name"), row.text("table_name"))
            && let Some(fact) = facts
                .tables
                .get_mut(&format!("{schema}.{table}").to_lowercase())
        {
            fact.last_change = row.time("last_change");
        }
    }
    Ok(facts)
}
