//! CREATE, ALTER and DROP of tables, indices and schemas, and `SELECT … INTO`.

mod alter;
mod define;

pub use alter::alter_table;

use super::dml::{Change, Target, apply_changes, atomic, typed};
use super::environment::TempTable;
use super::run::message_of;
use super::state::State;
use super::statement::{IndexDefinition, ObjectPath, TableDefinition};
use crate::practice::catalogue::{
    ColumnDef, Index, IndexColumn, IndexKind, Table, quote, same_name,
};
use crate::practice::engine::{CatalogueChange, DatabaseId, Doer, Engine, TraceEvent};
use crate::practice::reply::Message;
use sqlparser::ast::Query;
use std::sync::Arc;

/// CREATE TABLE, and the table of `DECLARE @t TABLE`.
pub fn create_table(
    engine: &mut Engine,
    state: &mut State,
    definition: &TableDefinition,
) -> Result<(), Message> {
    let database = home(engine, state, &definition.path)?;
    let table = define::table(engine, state, database, definition)?;
    create(engine, state, database, &definition.path, table)
}

/// The database in which a new object of that path would lie; `None` for temp tables.
fn home(engine: &Engine, state: &State, path: &ObjectPath) -> Result<Option<DatabaseId>, Message> {
    if path.is_temporary() {
        return Ok(None);
    }
    match &path.database {
        None => Ok(Some(state.facts.database)),
        Some(name) => engine.store.find(name).map(Some).ok_or_else(|| {
            Message::error(
                911,
                format!("Database '{name}' does not exist. Make sure that the name is entered correctly."),
            )
        }),
    }
}

/// 2714.
fn already_there(name: &str) -> Message {
    Message::error(
        2714,
        format!("There is already an object named '{name}' in the database."),
    )
    .with_state(6)
}

fn create(
    engine: &mut Engine,
    state: &mut State,
    database: Option<DatabaseId>,
    path: &ObjectPath,
    table: Table,
) -> Result<(), Message> {
    let Some(id) = database else {
        return create_temporary(engine, state, path, table);
    };
    let schema = engine.store.attach(id)?;
    let Some(held) = engine.store.database(id) else {
        return Err(already_there(&path.name));
    };
    if !held.catalogue.has_schema(&table.schema) {
        return Err(Message::error(
            2760,
            format!(
                "The specified schema name \"{}\" either does not exist or you do not have permission to use it.",
                table.schema
            ),
        ));
    }
    if held.catalogue.table(&table.schema, &table.name).is_some() {
        return Err(already_there(&table.name));
    }
    let sql = table.create_statements(Some(&schema)).join(";\n");
    let (object_id, name) = (table.object_id, table.name.clone());
    atomic(engine, state, Some(id), |engine, state| {
        engine.store.ddl(
            state.facts.id,
            id,
            &sql,
            CatalogueChange::Put(Box::new(table)),
        )
    })?;
    trace(engine, state, TraceEvent::Created, id, object_id, &name);
    Ok(())
}

/// Notes in the default trace what was done to a table.
fn trace(
    engine: &mut Engine,
    state: &State,
    event: TraceEvent,
    database: DatabaseId,
    object_id: i32,
    name: &str,
) {
    let facts = &state.facts;
    let doer = Doer {
        session_id: facts.id,
        login: &facts.login,
        host: &facts.host,
        application: &facts.program,
    };
    engine.trace(event, database, object_id, name, doer);
}

fn create_temporary(
    engine: &mut Engine,
    state: &mut State,
    path: &ObjectPath,
    table: Table,
) -> Result<(), Message> {
    // A table variable is declared anew whenever its DECLARE runs, as in a loop: it keeps its rows.
    if state.temp.find(&path.name).is_some() {
        return if path.name.starts_with('@') {
            Ok(())
        } else {
            Err(already_there(&path.name))
        };
    }
    state.next_temp += 1;
    let sqlite_name = format!("{}~{}~{}", path.name, state.facts.id, state.next_temp);
    let mut sql = table.create_table_as(Some("temp"), &sqlite_name);
    for index in &table.indexes {
        sql.push_str(";\n");
        sql.push_str(&table.create_index_as(Some("temp"), &sqlite_name, index));
    }
    engine
        .store
        .connection()
        .execute_batch(&sql)
        .map_err(|e| message_of(&e))?;
    state.temp.add(TempTable {
        name: path.name.clone(),
        sqlite_name,
        table: Arc::new(table),
    });
    Ok(())
}

/// `SELECT … INTO`: a new table of the query's columns, with its rows. Answers the number of rows.
pub fn select_into(
    engine: &mut Engine,
    state: &mut State,
    path: &ObjectPath,
    query: &Query,
) -> Result<u64, Message> {
    let database = home(engine, state, path)?;
    let (columns, rows) = state.rows_of(engine, &[], query)?;
    let mut table = define::empty(engine, database, path);
    for column in &columns {
        if column.name.is_empty() {
            return Err(Message::error(
                1038,
                "An object or column name is missing or empty. For SELECT INTO statements, verify each column has a name. For other statements, look for empty alias names. Aliases defined as \"\" or [] are not allowed. Change the alias to a valid name.",
            )
            .with_class(15)
            .with_state(5));
        }
        if table.column(&column.name).is_some() {
            return Err(define::duplicate_column(&column.name, &table.name));
        }
        table
            .columns
            .push(ColumnDef::new(&column.name, column.ty, column.nullable));
    }
    let bulk = database;
    atomic(engine, state, database, |engine, state| {
        // Runs inside the transaction that is open already, so both stay or go.
        state.facts.trancount += 1;
        let result = create(engine, state, database, path, table).and_then(|()| {
            let target = Target::find(engine, state, path)?;
            let changes = typed(&columns, rows)
                .into_iter()
                .map(Change::Insert)
                .collect();
            apply_changes(engine, state, &target, changes, false)
        });
        state.facts.trancount -= 1;
        if bulk.is_some() {
            engine.store.mark_bulk(state.facts.id);
        }
        result.map(|done| done.n_rows)
    })
}

/// DROP TABLE.
pub fn drop_table(
    engine: &mut Engine,
    state: &mut State,
    path: &ObjectPath,
    if_exists: bool,
) -> Result<(), Message> {
    if path.is_temporary() {
        let Some(held) = state.temp.remove(&path.name) else {
            return if if_exists {
                Ok(())
            } else {
                Err(missing(path))
            };
        };
        return engine
            .store
            .connection()
            .execute_batch(&format!("DROP TABLE temp.{}", quote(&held.sqlite_name)))
            .map_err(|e| message_of(&e));
    }
    let target = match Target::find(engine, state, path) {
        Ok(target) => target,
        Err(error) if error.number == 208 => {
            return if if_exists {
                Ok(())
            } else {
                Err(missing(path))
            };
        }
        Err(error) => return Err(error),
    };
    if target
        .referencing(engine)
        .iter()
        .any(|t| t.object_id != target.table.object_id)
    {
        return Err(Message::error(
            3726,
            format!(
                "Could not drop object '{}' because it is referenced by a FOREIGN KEY constraint.",
                path.written()
            ),
        ));
    }
    let Some(id) = target.database else {
        return Ok(());
    };
    let sql = format!("DROP TABLE {}", target.quoted());
    atomic(engine, state, Some(id), |engine, state| {
        engine.store.ddl(
            state.facts.id,
            id,
            &sql,
            CatalogueChange::Remove {
                object_id: target.table.object_id,
            },
        )
    })?;
    let (object_id, name) = (target.table.object_id, target.table.name.clone());
    trace(engine, state, TraceEvent::Dropped, id, object_id, &name);
    Ok(())
}

/// 3701.
fn missing(path: &ObjectPath) -> Message {
    Message::error(
        3701,
        format!(
            "Cannot drop the table '{}', because it does not exist or you do not have permission.",
            path.written()
        ),
    )
    .with_class(11)
    .with_state(5)
}

/// Drops temp tables whose life has ended.
pub fn forget_temporaries(engine: &Engine, tables: &[TempTable]) {
    for table in tables {
        let sql = format!("DROP TABLE IF EXISTS temp.{}", quote(&table.sqlite_name));
        if let Err(error) = engine.store.connection().execute_batch(&sql) {
            tracing::warn!(%error, "a temp table stays");
        }
    }
}

/// CREATE INDEX.
pub fn create_index(
    engine: &mut Engine,
    state: &mut State,
    path: &ObjectPath,
    definition: &IndexDefinition,
) -> Result<(), Message> {
    let target = Target::find(engine, state, path)?;
    let mut table = Table::clone(&target.table);
    if table
        .indexes
        .iter()
        .any(|i| same_name(&i.name, &definition.name))
    {
        return Err(Message::error(
            1913,
            format!(
                "The operation failed because an index or statistics with name '{}' already exists on table '{}'.",
                definition.name,
                target.written()
            ),
        ));
    }
    let index = Index {
        name: definition.name.clone(),
        kind: if definition.unique {
            IndexKind::UniqueIndex
        } else {
            IndexKind::Plain
        },
        clustered: definition.clustered,
        columns: index_columns(&table, &definition.columns)?,
    };
    let sql = table.create_index_as(Some(&target.schema), &target.sqlite_name, &index);
    table.indexes.push(index);
    put(engine, state, &target, &sql, table).map_err(|error| {
        if error.text.contains("UNIQUE constraint failed") {
            Message::error(
                1505,
                format!(
                    "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name '{}' and the index name '{}'.",
                    target.written(),
                    definition.name
                ),
            )
        } else {
            error
        }
    })
}

/// Columns of an index as the table names them: 1911.
fn index_columns(
    table: &Table,
    columns: &[super::statement::KeyColumn],
) -> Result<Vec<IndexColumn>, Message> {
    columns
        .iter()
        .map(|column| {
            let (_, found) = table.column(&column.name).ok_or_else(|| {
                Message::error(
                    1911,
                    format!(
                        "Column name '{}' does not exist in the target table or view.",
                        column.name
                    ),
                )
            })?;
            Ok(IndexColumn {
                name: found.name.clone(),
                descending: column.descending,
            })
        })
        .collect()
}

/// Runs a change of a table and puts its new definition in place.
fn put(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    sql: &str,
    table: Table,
) -> Result<(), Message> {
    match target.database {
        Some(id) => atomic(engine, state, Some(id), |engine, state| {
            engine.store.ddl(
                state.facts.id,
                id,
                sql,
                CatalogueChange::Put(Box::new(table)),
            )
        }),
        None => {
            engine
                .store
                .connection()
                .execute_batch(sql)
                .map_err(|e| message_of(&e))?;
            if let Some(held) = state.temp.remove(&target.table.name) {
                state.temp.add(TempTable {
                    table: Arc::new(table),
                    ..held
                });
            }
            Ok(())
        }
    }
}

/// DROP INDEX.
pub fn drop_index(
    engine: &mut Engine,
    state: &mut State,
    path: &ObjectPath,
    name: &str,
    if_exists: bool,
) -> Result<(), Message> {
    let target = Target::find(engine, state, path)?;
    let mut table = Table::clone(&target.table);
    let Some(at) = table.indexes.iter().position(|i| same_name(&i.name, name)) else {
        return if if_exists {
            Ok(())
        } else {
            Err(Message::error(
                3701,
                format!(
                    "Cannot drop the index '{}.{name}', because it does not exist or you do not have permission.",
                    path.written()
                ),
            )
            .with_class(11)
            .with_state(7))
        };
    };
    let index = table.indexes.remove(at);
    if matches!(
        index.kind,
        IndexKind::PrimaryKey | IndexKind::UniqueConstraint
    ) {
        return Err(Message::error(
            3723,
            format!(
                "An explicit DROP INDEX is not allowed on index '{}.{name}'. It is being used for constraint enforcement.",
                path.written()
            ),
        ));
    }
    let sql = drop_index_statement(&target, &index);
    put(engine, state, &target, &sql, table)
}

fn drop_index_statement(target: &Target, index: &Index) -> String {
    format!(
        "DROP INDEX {}.{}",
        quote(&target.schema),
        quote(&format!("{}.{}", target.sqlite_name, index.name))
    )
}

/// CREATE SCHEMA.
pub fn create_schema(engine: &mut Engine, state: &mut State, name: &str) -> Result<(), Message> {
    let id = state.facts.database;
    if engine
        .store
        .database(id)
        .is_some_and(|d| d.catalogue.has_schema(name))
    {
        return Err(already_there(name));
    }
    atomic(engine, state, Some(id), |engine, state| {
        engine.store.ddl(
            state.facts.id,
            id,
            "",
            CatalogueChange::AddSchema(name.to_owned()),
        )
    })
}

/// DROP SCHEMA.
pub fn drop_schema(
    engine: &mut Engine,
    state: &mut State,
    name: &str,
    if_exists: bool,
) -> Result<(), Message> {
    let id = state.facts.database;
    let Some(database) = engine.store.database(id) else {
        return Ok(());
    };
    if !database.catalogue.has_schema(name) {
        return if if_exists {
            Ok(())
        } else {
            Err(Message::error(
                15151,
                format!(
                    "Cannot drop the schema '{name}', because it does not exist or you do not have permission."
                ),
            ))
        };
    }
    if let Some(table) = database
        .catalogue
        .tables()
        .find(|t| same_name(&t.schema, name))
    {
        return Err(Message::error(
            3729,
            format!(
                "Cannot drop schema '{name}' because it is being referenced by object '{}'.",
                table.name
            ),
        ));
    }
    atomic(engine, state, Some(id), |engine, state| {
        engine.store.ddl(
            state.facts.id,
            id,
            "",
            CatalogueChange::RemoveSchema(name.to_owned()),
        )
    })
}
