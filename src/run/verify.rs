//! Whether the copy is what it should be: its state, its protected tables, the version of its schema.

use super::{
    choices::RunChoices,
    failure::VerificationFault,
    report::{TableCount, Verification},
    target::{ONLINE, RESTORING, read_target},
};
use crate::{
    server::{Connection, Gateway, ServerError, ask},
    settings::Application,
    tsql::{self, UserAccess},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What the owners of a database want to find in a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectations {
    pub tables: Vec<TableName>,
    /// The table and column whose greatest value is the version of the schema.
    pub schema_version: Option<(TableName, String)>,
}

impl Expectations {
    /// What an application's owners want to find.
    pub fn of(application: &Application) -> Self {
        let name = |table: &str| TableName {
            schema: application.schema.clone(),
            table: table.to_owned(),
        };
        Self {
            tables: application.protected_tables().map(name).collect(),
            schema_version: application
                .schema_check
                .as_ref()
                .map(|check| (name(&check.table), check.version_column.clone())),
        }
    }

    /// What is expected of a database: that of the first application which lives in it; nothing when none does.
    ///
    /// `tables` are those of the database as it is now, lower case as [`rows_by_metadata`] gives them.
    pub fn for_database(
        applications: &[Application],
        database: &str,
        tables: &BTreeMap<String, u64>,
    ) -> Self {
        let has_table = |schema: &str, table: &str| {
            tables.contains_key(&format!("{schema}.{table}").to_lowercase())
        };
        applications
            .iter()
            .find(|application| application.lives_in(database, has_table))
            .map(Self::of)
            .unwrap_or_default()
    }
}

/// A table inside a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    pub schema: String,
    pub table: String,
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A database as the server knows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `sys.databases.state_desc`.
    pub state: String,
    pub online: bool,
    /// `RESTORING`.
    pub restoring: bool,
    /// `sys.databases.create_date`, ISO 8601.
    pub create_date: String,
    /// New with each restore; the server tells it only of databases that are open.
    pub database_guid: Option<Uuid>,
}

/// Reads state and identity of a database; `None` when there is none of that name.
pub async fn read_identity(
    connection: &mut dyn Connection,
    database: &str,
) -> Result<Option<Identity>, ServerError> {
    let answer = ask(connection, &tsql::database_state(database)).await?;
    Ok(answer.first().map(|row| Identity {
        state: row.text("state_desc").unwrap_or_default(),
        online: row.int("state") == Some(ONLINE),
        restoring: row.int("state") == Some(RESTORING),
        create_date: row
            .time("create_date")
            .map(|time| time.to_string())
            .unwrap_or_default(),
        database_guid: row.guid("database_guid"),
    }))
}

/// Rows per table from partition metadata, by lower-case `schema.table`; empty when the database cannot be read.
pub async fn rows_by_metadata(
    connection: &mut dyn Connection,
    database: &str,
) -> Result<BTreeMap<String, u64>, ServerError> {
    let answer = match ask(connection, &tsql::table_rows(database)).await {
        Ok(answer) => answer,
        Err(ServerError::Refused { .. }) => return Ok(BTreeMap::new()),
        Err(other) => return Err(other),
    };
    Ok(answer
        .rows()
        .iter()
        .filter_map(|row| {
            let name = TableName {
                schema: row.text("schema_name")?,
                table: row.text("table_name")?,
            };
            let rows = u64::try_from(row.int("row_count")?).ok()?;
            Some((name.to_string().to_lowercase(), rows))
        })
        .collect())
}

/// The exact number of rows of one table; `None` when it is not there.
pub async fn count_exactly(
    connection: &mut dyn Connection,
    database: &str,
    table: &TableName,
) -> Result<Option<u64>, ServerError> {
    let question = tsql::count_rows(database, &table.schema, &table.table);
    let answer = ask(connection, &question).await?;
    Ok(answer
        .first()
        .and_then(|row| row.int("row_count"))
        .and_then(|rows| u64::try_from(rows).ok()))
}

/// What is looked at, and what it is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The restored database.
    pub database: &'a str,
    /// The database that the backups are of; the same one when it was restored over.
    pub original: &'a str,
    pub expected: &'a Expectations,
    pub choices: &'a RunChoices,
}

/// Checks a restored database against what is protected, and a copy against the original as it is now.
///
/// A table that neither of them has is no part of this database, and is left out.
pub async fn verify(
    connection: &mut dyn Connection,
    look: &Look<'_>,
) -> Result<Verification, ServerError> {
    let Look {
        database: copy,
        original,
        expected,
        choices,
    } = *look;
    let mut verification = Verification::default();
    let Some(identity) = read_identity(connection, copy).await? else {
        verification.problems.push(VerificationFault::NotThere {
            database: copy.to_owned(),
        });
        return Ok(verification);
    };
    verification.state.clone_from(&identity.state);
    if !identity.online {
        verification.problems.push(VerificationFault::NotOnline {
            database: copy.to_owned(),
            state: identity.state,
        });
        return Ok(verification);
    }
    // What bears the name of the original on another server need not be it.
    let of_original = if copy == original || choices.source_server.is_some() {
        BTreeMap::new()
    } else {
        rows_by_metadata(connection, original).await?
    };
    compare_tables(connection, copy, expected, &of_original, &mut verification).await?;
    look_at_schema(connection, look, &mut verification).await?;
    look_at_access(connection, look, &mut verification).await?;
    Ok(verification)
}

/// Counts the protected tables beside those of the original as it is now, which are known by their metadata.
///
/// A table that neither of them has is no part of this database, and is left out.
async fn compare_tables(
    connection: &mut dyn Connection,
    copy: &str,
    expected: &Expectations,
    of_original: &BTreeMap<String, u64>,
    verification: &mut Verification,
) -> Result<(), ServerError> {
    for table in &expected.tables {
        let rows_copy = match count_exactly(connection, copy, table).await {
            Ok(rows) => rows,
            Err(error @ ServerError::Refused { .. }) => {
                verification
                    .problems
                    .push(VerificationFault::Refused(error));
                continue;
            }
            Err(other) => return Err(other),
        };
        let rows_original = of_original.get(&table.to_string().to_lowercase()).copied();
        if rows_copy.is_none() && rows_original.is_none() {
            continue;
        }
        if rows_copy.is_none() {
            verification.problems.push(VerificationFault::TableMissing {
                table: table.to_string(),
            });
        }
        verification.tables.push(TableCount {
            table: table.to_string(),
            rows_original,
            rows_copy,
        });
    }
    Ok(())
}

/// Looks into a database that a service restored: its protected tables, and the version of its schema.
///
/// `connection` is in it: a database of Azure SQL is reached only by a connection of its own, as is the original.
pub async fn look_inside(
    gateway: &dyn Gateway,
    connection: &mut dyn Connection,
    new: &str,
    original: &str,
    expected: &Expectations,
) -> Result<Verification, ServerError> {
    let mut verification = Verification {
        state: "ONLINE".to_owned(),
        ..Verification::default()
    };
    // The original may be gone; then there is nothing to compare with.
    let of_original = match gateway.connect_to(original).await {
        Ok(mut connection) => rows_by_metadata(connection.as_mut(), original)
            .await
            .unwrap_or_default(),
        Err(_) => BTreeMap::new(),
    };
    compare_tables(connection, new, expected, &of_original, &mut verification).await?;
    read_schema_version(connection, new, expected, &mut verification).await?;
    Ok(verification)
}

/// The newest migration.
async fn read_schema_version(
    connection: &mut dyn Connection,
    copy: &str,
    expected: &Expectations,
    verification: &mut Verification,
) -> Result<(), ServerError> {
    if let Some((table, column)) = &expected.schema_version {
        let question = tsql::newest_value(copy, &table.schema, &table.table, column);
        match ask(connection, &question).await {
            Ok(answer) => {
                verification.schema_version = answer.first().and_then(|row| row.text("newest"));
            }
            Err(error @ ServerError::Refused { .. }) => {
                verification
                    .problems
                    .push(VerificationFault::Refused(error));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// The newest migration, against the one that the application expects.
async fn look_at_schema(
    connection: &mut dyn Connection,
    look: &Look<'_>,
    verification: &mut Verification,
) -> Result<(), ServerError> {
    read_schema_version(connection, look.database, look.expected, verification).await?;
    if let Some(wanted) = &look.choices.expected_schema
        && verification.schema_version.as_ref() != Some(wanted)
    {
        verification
            .problems
            .push(VerificationFault::SchemaVersion {
                expected: wanted.clone(),
                found: verification.schema_version.clone(),
            });
    }
    Ok(())
}

/// Owner, users without a login, and who may come in.
async fn look_at_access(
    connection: &mut dyn Connection,
    look: &Look<'_>,
    verification: &mut Verification,
) -> Result<(), ServerError> {
    let Some(target) = read_target(connection, look.database).await? else {
        return Ok(());
    };
    verification.owner = target.owner;
    verification.access = Some(target.access.word().to_owned());
    match ask(connection, &tsql::orphaned_users(look.database)).await {
        Ok(answer) => {
            verification.orphaned_users = answer
                .rows()
                .iter()
                .filter_map(|row| row.text("name"))
                .collect();
        }
        // Only listed; what cannot be read is not a fault of the restore.
        Err(ServerError::Refused { .. }) => {}
        Err(other) => return Err(other),
    }
    let before = match &look.choices.over {
        Some(over) if over.target.online() => over.target.access,
        _ if look.choices.restricted_user => UserAccess::Restricted,
        _ => return Ok(()),
    };
    if target.access != before {
        verification.problems.push(VerificationFault::Access {
            expected: before.word().to_owned(),
            found: target.access.word().to_owned(),
        });
    }
    Ok(())
}
