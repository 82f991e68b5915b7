//! What one transaction of the simulated world changes, and the SQLite statement that does it.
//!
//! The world writes below the T-SQL front, because two weeks have to pass in seconds. The rows are captured
//! into the log like any others.

use crate::{
    domain::UtcTime,
    practice::value::{SqlType, Value},
};

/// A typed value of a column.
pub type Typed = (SqlType, Value);

/// Changes that commit together.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    pub at: UtcTime,
    pub changes: Vec<Change>,
}

/// One changed row. Tables are named `schema.table`.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Insert {
        table: &'static str,
        columns: Vec<(&'static str, Typed)>,
    },
    Update {
        table: &'static str,
        key: (&'static str, Typed),
        columns: Vec<(&'static str, Typed)>,
    },
    /// Adds one to a column.
    Increment {
        table: &'static str,
        key: (&'static str, Typed),
        column: &'static str,
    },
    Delete {
        table: &'static str,
        key: (&'static str, Typed),
    },
    /// The accident: every row.
    DeleteAll { table: &'static str },
}

impl Change {
    /// A new row.
    pub fn insert<const N: usize>(
        table: &'static str,
        columns: [(&'static str, Typed); N],
    ) -> Self {
        Self::Insert {
            table,
            columns: columns.into(),
        }
    }

    /// New values of the row with this key.
    pub fn update<const N: usize>(
        table: &'static str,
        key: (&'static str, Typed),
        columns: [(&'static str, Typed); N],
    ) -> Self {
        Self::Update {
            table,
            key,
            columns: columns.into(),
        }
    }

    /// Adds one to `column` of the row with this key.
    pub fn increment(
        table: &'static str,
        key: (&'static str, Typed),
        column: &'static str,
    ) -> Self {
        Self::Increment { table, key, column }
    }

    /// The row with this key goes.
    pub fn delete(table: &'static str, key: (&'static str, Typed)) -> Self {
        Self::Delete { table, key }
    }

    /// The statement for the SQLite schema by which the database is attached.
    ///
    /// A delete always has a `WHERE`: without one SQLite truncates, and the update hook sees nothing.
    pub fn sql(&self, schema: &str) -> String {
        match self {
            Self::Insert { table, columns } => {
                let names = columns
                    .iter()
                    .map(|(name, _)| format!("\"{name}\""))
                    .collect::<Vec<_>>();
                let marks = vec!["?"; columns.len()].join(", ");
                format!(
                    "INSERT INTO {schema}.\"{table}\" ({}) VALUES ({marks})",
                    names.join(", ")
                )
            }
            Self::Update {
                table,
                key,
                columns,
            } => {
                let sets = columns
                    .iter()
                    .map(|(name, _)| format!("\"{name}\" = ?"))
                    .collect::<Vec<_>>();
                format!(
                    "UPDATE {schema}.\"{table}\" SET {} WHERE \"{}\" = ?",
                    sets.join(", "),
                    key.0
                )
            }
            Self::Increment { table, key, column } => format!(
                "UPDATE {schema}.\"{table}\" SET \"{column}\" = \"{column}\" + 1 WHERE \"{}\" = ?",
                key.0
            ),
            Self::Delete { table, key } => {
                format!("DELETE FROM {schema}.\"{table}\" WHERE \"{}\" = ?", key.0)
            }
            Self::DeleteAll { table } => format!("DELETE FROM {schema}.\"{table}\" WHERE 1"),
        }
    }

    /// The values for the statement's marks, in order.
    pub fn values(&self) -> Vec<&Typed> {
        match self {
            Self::Insert { columns, .. } => columns.iter().map(|(_, value)| value).collect(),
            Self::Update { key, columns, .. } => columns
                .iter()
                .map(|(_, value)| value)
                .chain([&key.1])
                .collect(),
            Self::Increment { key, .. } | Self::Delete { key, .. } => vec![&key.1],
            Self::DeleteAll { .. } => Vec::new(),
        }
    }
}
