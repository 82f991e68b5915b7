//! From a written definition to the catalogue's table.

use super::super::environment::RowSource;
use super::super::state::{State, resolve_type};
use super::super::statement::{
    ColumnDefinition, ConstraintDefinition, ConstraintKind, ObjectPath, Referential,
    TableDefinition,
};
use super::super::{parse, types};
use super::index_columns;
use crate::practice::catalogue::{
    Check, ColumnDef, DefaultValue, ForeignKey, Identity, Index, IndexKind, ReferentialAction,
    Table, same_name,
};
use crate::practice::engine::{DatabaseId, Engine, clock};
use crate::practice::reply::Message;
use crate::practice::value::SqlType;
use sqlparser::ast::{SelectItem, SetExpr};

/// A table without columns.
pub fn empty(engine: &Engine, database: Option<DatabaseId>, path: &ObjectPath) -> Table {
    let object_id = database
        .and_then(|id| engine.store.database(id))
        .map_or(-1, |d| d.catalogue.next_object_id());
    Table {
        object_id,
        schema: path.schema_or_dbo().to_owned(),
        name: path.name.clone(),
        columns: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        created: clock::datetime(engine.clock.now_local().0),
    }
}

/// 2705.
pub fn duplicate_column(column: &str, table: &str) -> Message {
    Message::error(
        2705,
        format!("Column names in each table must be unique. Column name '{column}' in table '{table}' is specified more than once."),
    )
    .with_state(3)
}

/// The table that a definition describes.
pub fn table(
    engine: &mut Engine,
    state: &State,
    database: Option<DatabaseId>,
    definition: &TableDefinition,
) -> Result<Table, Message> {
    let mut table = empty(engine, database, &definition.path);
    for column in &definition.columns {
        add_column(engine, state, &mut table, column)?;
    }
    for constraint in &definition.constraints {
        add_constraint(engine, database, &mut table, constraint)?;
    }
    for index in &definition.indexes {
        let columns = index_columns(&table, &index.columns)?;
        table.indexes.push(Index {
            name: index.name.clone(),
            kind: if index.unique {
                IndexKind::UniqueIndex
            } else {
                IndexKind::Plain
            },
            clustered: index.clustered,
            columns,
        });
    }
    Ok(table)
}

/// Adds a column.
pub fn add_column(
    engine: &mut Engine,
    state: &State,
    table: &mut Table,
    definition: &ColumnDefinition,
) -> Result<(), Message> {
    if table.column(&definition.name).is_some() {
        return Err(duplicate_column(&definition.name, &table.name));
    }
    let ty = match (&definition.ty, &definition.computed) {
        (Some(name), _) => resolve_type(name)?,
        (None, Some(text)) => computed_type(engine, state, table, text)?,
        (None, None) => SqlType::Int,
    };
    let type_name = definition
        .ty
        .as_ref()
        .map(|t| t.name.to_lowercase())
        .filter(|name| matches!(name.as_str(), "sysname" | "rowversion" | "timestamp"));
    let nullable = definition
        .nullable
        .unwrap_or(definition.identity.is_none() && type_name.is_none());
    let mut column = ColumnDef::new(&definition.name, ty, nullable);
    column.type_name = type_name;
    if let Some((seed, increment)) = definition.identity {
        if !matches!(
            types::family(ty),
            types::Family::Integer | types::Family::Numeric
        ) || increment == 0
        {
            return Err(Message::error(
                2749,
                format!("Identity column '{}' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a scale of 0, unencrypted, and constrained to be nonnullable.", definition.name),
            )
            .with_state(2));
        }
        column.identity = Some(Identity { seed, increment });
        column.nullable = false;
    }
    if let Some((name, text)) = &definition.default {
        column.default = Some(DefaultValue {
            name: name
                .clone()
                .unwrap_or_else(|| made_up("DF", table, &definition.name)),
            definition: text.clone(),
        });
    }
    column.computed.clone_from(&definition.computed);
    table.columns.push(column);
    Ok(())
}

/// A name such as the server gives to unnamed constraints.
pub fn made_up(kind: &str, table: &Table, part: &str) -> String {
    let short = |text: &str, n: usize| text.chars().take(n).collect::<String>();
    let mut hash: u32 = 0x811c_9dc5;
    for byte in table
        .name
        .bytes()
        .chain(part.bytes())
        .chain(table.object_id.to_le_bytes())
        .chain(table.indexes.len().to_le_bytes())
    {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    if part.is_empty() {
        format!("{kind}__{}__{hash:08X}", short(&table.name, 8))
    } else {
        format!(
            "{kind}__{}__{}__{hash:08X}",
            short(&table.name, 8),
            short(part, 5)
        )
    }
}

/// The type of an expression over the columns so far.
fn computed_type(
    engine: &mut Engine,
    state: &State,
    table: &Table,
    text: &str,
) -> Result<SqlType, Message> {
    let mut query = parse::parse_query_text("SELECT 1 FROM [inserted]")?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![SelectItem::UnnamedExpr(parse::parse_expression(text)?)];
    }
    let source = RowSource {
        name: "inserted".to_owned(),
        columns: table.columns.clone(),
        rows: Vec::new(),
    };
    let (columns, _) = state.rows_of(engine, &[source], &query)?;
    Ok(columns.first().map_or(SqlType::Int, |c| c.ty))
}

/// Adds a constraint, a DEFAULT included.
pub fn add_constraint(
    engine: &Engine,
    database: Option<DatabaseId>,
    table: &mut Table,
    definition: &ConstraintDefinition,
) -> Result<(), Message> {
    let ConstraintDefinition { name, kind } = definition;
    match kind {
        ConstraintKind::Key {
            primary,
            clustered,
            columns,
        } => {
            let columns = index_columns(table, columns)?;
            if *primary {
                if table.primary_key().is_some() {
                    return Err(Message::error(
                        1779,
                        format!(
                            "Table '{}' already has a primary key defined on it.",
                            table.name
                        ),
                    ));
                }
                for key in &columns {
                    if let Some(column) = table.columns.iter_mut().find(|c| c.name == key.name) {
                        column.nullable = false;
                    }
                }
            }
            let (short, kind) = if *primary {
                ("PK", IndexKind::PrimaryKey)
            } else {
                ("UQ", IndexKind::UniqueConstraint)
            };
            let name = name.clone().unwrap_or_else(|| made_up(short, table, ""));
            table.indexes.push(Index {
                name,
                kind,
                clustered: clustered.unwrap_or(*primary),
                columns,
            });
        }
        ConstraintKind::Check(text) => table.checks.push(Check {
            name: name.clone().unwrap_or_else(|| made_up("CK", table, "")),
            definition: text.clone(),
        }),
        ConstraintKind::Default { column, definition } => {
            let made = made_up("DF", table, column);
            let Some(column) = table
                .columns
                .iter_mut()
                .find(|c| same_name(&c.name, column))
            else {
                return Err(Message::error(
                    1752,
                    format!(
                        "Column '{column}' in table '{}' is invalid for creating a default constraint.",
                        table.name
                    ),
                ));
            };
            column.default = Some(DefaultValue {
                name: name.clone().unwrap_or(made),
                definition: definition.clone(),
            });
        }
        ConstraintKind::ForeignKey {
            columns,
            table: path,
            referenced,
            on_delete,
            on_update,
        } => {
            let Some(id) = database else {
                // Temp tables keep no foreign keys.
                return Ok(());
            };
            if *on_update != Referential::NoAction
                || matches!(on_delete, Referential::SetNull | Referential::SetDefault)
            {
                return Err(Message::error(
                    40510,
                    "Statement 'ON UPDATE CASCADE' is not supported in this version of SQL Server.",
                ));
            }
            for column in columns {
                if table.column(column).is_none() {
                    return Err(Message::error(
                        1769,
                        format!(
                            "Foreign key references invalid column '{column}' in referencing table '{}'.",
                            table.name
                        ),
                    ));
                }
            }
            let found = if same_name(path.schema_or_dbo(), &table.schema)
                && same_name(&path.name, &table.name)
            {
                Some(table.clone())
            } else {
                engine
                    .store
                    .database(id)
                    .and_then(|d| d.catalogue.table(path.schema_or_dbo(), &path.name))
                    .map(|t| Table::clone(t))
            };
            let made = made_up("FK", table, columns.first().map_or("", String::as_str));
            let name = name.clone().unwrap_or(made);
            let Some(found) = found else {
                return Err(Message::error(
                    1767,
                    format!(
                        "Foreign key '{name}' references invalid table '{}'.",
                        path.written()
                    ),
                ));
            };
            let referenced_columns: Vec<String> = if referenced.is_empty() {
                found
                    .primary_key()
                    .map(|key| key.columns.iter().map(|c| c.name.clone()).collect())
                    .unwrap_or_default()
            } else {
                referenced.clone()
            };
            let is_key = found.indexes.iter().any(|index| {
                index.kind != IndexKind::Plain
                    && index.columns.len() == referenced_columns.len()
                    && index
                        .columns
                        .iter()
                        .all(|c| referenced_columns.iter().any(|r| same_name(r, &c.name)))
            });
            if !is_key || referenced_columns.len() != columns.len() {
                return Err(Message::error(
                    1776,
                    format!(
                        "There are no primary or candidate keys in the referenced table '{}' that match the referencing column list in the foreign key '{name}'.",
                        path.written()
                    ),
                ));
            }
            table.foreign_keys.push(ForeignKey {
                name,
                columns: columns.clone(),
                referenced_schema: found.schema.clone(),
                referenced_table: found.name.clone(),
                referenced_columns,
                on_delete: if *on_delete == Referential::Cascade {
                    ReferentialAction::Cascade
                } else {
                    ReferentialAction::NoAction
                },
                on_update: ReferentialAction::NoAction,
            });
        }
    }
    Ok(())
}
