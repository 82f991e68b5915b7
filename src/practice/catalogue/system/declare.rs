//! The short form in which system tables are written down: `name type; name type?; …`, where `?` is NULL.

use crate::practice::catalogue::{ColumnDef, Identity, Index, IndexColumn, IndexKind, Table};
use crate::practice::sql::types;
use crate::practice::value::SqlType;

/// The columns of a declaration; `identity` after the type numbers a column from 1.
pub fn columns(declaration: &str) -> Vec<ColumnDef> {
    declaration
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(column)
        .collect()
}

fn column(part: &str) -> ColumnDef {
    let (name, rest) = part.split_once(' ').unwrap_or((part, "int"));
    let rest = rest.trim();
    let (rest, identity) = match rest.strip_suffix(" identity") {
        Some(rest) => (
            rest,
            Some(Identity {
                seed: 1,
                increment: 1,
            }),
        ),
        None => (rest, None),
    };
    let (type_text, nullable) = match rest.strip_suffix('?') {
        Some(text) => (text, true),
        None => (rest, false),
    };
    let mut column = ColumnDef::new(name, type_of(type_text), nullable);
    if type_text == "sysname" {
        column.type_name = Some("sysname".to_owned());
    }
    column.identity = identity;
    column
}

/// A declared type; the tests read every declaration, so none falls back.
fn type_of(text: &str) -> SqlType {
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (
            name,
            rest.trim_end_matches(')')
                .split(',')
                .map(str::to_owned)
                .collect(),
        ),
        None => (text, Vec::new()),
    };
    types::from_name(name, &arguments).unwrap_or(SqlType::SqlVariant)
}

/// A system table in `dbo`; `key` are the columns of its primary key, `indexes` are name and columns.
pub fn table(
    object_id: i32,
    name: &str,
    declaration: &str,
    key: &[&str],
    indexes: &[(&str, &[&str])],
) -> Table {
    let parts = |columns: &[&str]| {
        columns
            .iter()
            .map(|c| match c.strip_suffix(" desc") {
                Some(name) => IndexColumn {
                    name: name.to_owned(),
                    descending: true,
                },
                None => IndexColumn {
                    name: (*c).to_owned(),
                    descending: false,
                },
            })
            .collect()
    };
    let mut all = Vec::new();
    if !key.is_empty() {
        all.push(Index {
            name: format!("PK_{name}"),
            kind: IndexKind::PrimaryKey,
            clustered: true,
            columns: parts(key),
        });
    }
    all.extend(indexes.iter().map(|(name, columns)| Index {
        name: (*name).to_owned(),
        kind: IndexKind::Plain,
        clustered: false,
        columns: parts(columns),
    }));
    Table {
        object_id,
        schema: "dbo".to_owned(),
        name: name.to_owned(),
        columns: columns(declaration),
        indexes: all,
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        created: 0,
    }
}
