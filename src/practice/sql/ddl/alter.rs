//! ALTER TABLE.

use super::super::dml::{Target, atomic};
use super::super::state::{State, resolve_type};
use super::super::statement::{
    ColumnDefinition, ConstraintDefinition, ConstraintKind, ObjectPath, TableChange, TypeName,
};
use super::super::{codec, convert, parse};
use super::{define, drop_index_statement, put};
use crate::practice::catalogue::{ColumnDef, IndexKind, ROW_ID, Table, quote, same_name};
use crate::practice::engine::{CatalogueChange, Engine, TraceEvent};
use crate::practice::reply::Message;
use crate::practice::sql::run::message_of;
use crate::practice::value::Value;

/// ALTER TABLE.
pub fn alter_table(
    engine: &mut Engine,
    state: &mut State,
    path: &ObjectPath,
    change: &TableChange,
) -> Result<(), Message> {
    let target = match Target::find(engine, state, path) {
        Err(error) if error.number == 208 => {
            return Err(Message::error(
                4902,
                format!(
                    "Cannot find the object \"{}\" because it does not exist or you do not have permissions.",
                    path.written()
                ),
            ));
        }
        other => other?,
    };
    let (object_id, name) = (target.table.object_id, target.table.name.clone());
    let database = target.database;
    let done = match change {
        TableChange::Nothing => Ok(()),
        TableChange::Add {
            columns,
            constraints,
        } => add(engine, state, &target, columns, constraints),
        TableChange::DropColumns { names, if_exists } => {
            for name in names {
                let target = Target::find(engine, state, path)?;
                drop_column(engine, state, &target, name, *if_exists)?;
            }
            Ok(())
        }
        TableChange::DropConstraints { names, if_exists } => {
            for name in names {
                let target = Target::find(engine, state, path)?;
                drop_constraint(engine, state, &target, name, *if_exists)?;
            }
            Ok(())
        }
        TableChange::AlterColumn { name, ty, nullable } => {
            alter_column(engine, state, &target, name, ty, *nullable)
        }
    };
    done?;
    if let (Some(database), false) = (database, matches!(change, TableChange::Nothing)) {
        super::trace(
            engine,
            state,
            TraceEvent::Altered,
            database,
            object_id,
            &name,
        );
    }
    Ok(())
}

fn n_rows(engine: &Engine, target: &Target) -> Result<i64, Message> {
    engine
        .store
        .connection()
        .query_row(
            &format!("SELECT count(*) FROM {}", target.quoted()),
            [],
            |row| row.get(0),
        )
        .map_err(|e| message_of(&e))
}

fn add(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    columns: &[ColumnDefinition],
    constraints: &[ConstraintDefinition],
) -> Result<(), Message> {
    let mut table = Table::clone(&target.table);
    let before = table.columns.len();
    for column in columns {
        define::add_column(engine, state, &mut table, column)?;
    }
    let n_indexes = table.indexes.len();
    for constraint in constraints {
        if let ConstraintKind::Key {
            primary: true,
            columns,
            ..
        } = &constraint.kind
            && let Some(nullable) = columns
                .iter()
                .filter_map(|c| table.column(&c.name))
                .find(|(_, c)| c.nullable)
        {
            tracing::debug!(column = nullable.1.name, "primary key on a nullable column");
            return Err(Message::error(
                8111,
                format!(
                    "Cannot define PRIMARY KEY constraint on nullable column in table '{}'.",
                    table.name
                ),
            ));
        }
        define::add_constraint(engine, target.database, &mut table, constraint)?;
    }
    let added: Vec<ColumnDef> = table.columns.iter().skip(before).cloned().collect();
    let empty = n_rows(engine, target)? == 0;
    for column in &added {
        if !column.nullable && column.default.is_none() && column.identity.is_none() && !empty {
            return Err(Message::error(
                4901,
                format!(
                    "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, or the column being added is an identity or timestamp column, or alternatively if none of the previous conditions are satisfied the table must be empty to allow addition of this column. Column '{}' cannot be added to non-empty table '{}' because it does not satisfy these conditions.",
                    column.name, table.name
                ),
            ));
        }
        if column.computed.is_some() || column.identity.is_some() && !empty {
            return Err(Message::error(
                40510,
                "Statement 'ALTER TABLE ADD' of such a column is not supported in this version of SQL Server.",
            ));
        }
    }
    let mut statements: Vec<String> = added
        .iter()
        .map(|c| {
            format!(
                "ALTER TABLE {} ADD COLUMN {}",
                target.quoted(),
                c.sqlite_definition()
            )
        })
        .collect();
    statements.extend(
        table
            .indexes
            .iter()
            .skip(n_indexes)
            .map(|i| table.create_index_as(Some(&target.schema), &target.sqlite_name, i)),
    );
    let mut fills = Vec::new();
    for column in added.iter().filter(|c| !c.nullable) {
        if let Some(default) = &column.default {
            let expr = parse::parse_expression(&default.definition)?;
            let value = state.evaluate_as(engine, &expr, column.ty)?;
            fills.push((column.clone(), value));
        }
    }
    atomic(engine, state, target.database, |engine, state| {
        state.facts.trancount += 1;
        let result = put(engine, state, target, &statements.join(";\n"), table);
        state.facts.trancount -= 1;
        result?;
        for (column, value) in fills {
            let sql = format!(
                "UPDATE {} SET {} = ?1 WHERE 1",
                target.quoted(),
                quote(&column.name)
            );
            engine
                .store
                .connection()
                .execute(&sql, [codec::encode(&value, column.ty)])
                .map_err(|e| message_of(&e))?;
        }
        Ok(())
    })
    .map_err(|error| {
        if error.text.contains("UNIQUE constraint failed") {
            Message::error(
                1505,
                format!(
                    "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name '{}'.",
                    target.written()
                ),
            )
        } else {
            error
        }
    })
}

/// 4924.
fn no_column(verb: &str, name: &str, table: &Table) -> Message {
    Message::error(
        4924,
        format!(
            "ALTER TABLE {verb} COLUMN failed because column '{name}' does not exist in table '{}'.",
            table.name
        ),
    )
}

fn is_used(table: &Table, name: &str) -> bool {
    table
        .indexes
        .iter()
        .any(|i| i.columns.iter().any(|c| same_name(&c.name, name)))
        || table
            .foreign_keys
            .iter()
            .any(|k| k.columns.iter().any(|c| same_name(c, name)))
}

/// 4922.
fn in_use(verb: &str, name: &str) -> Message {
    Message::error(
        4922,
        format!("ALTER TABLE {verb} COLUMN {name} failed because one or more objects access this column."),
    )
    .with_state(9)
}

fn drop_column(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    name: &str,
    if_exists: bool,
) -> Result<(), Message> {
    let mut table = Table::clone(&target.table);
    let Some((at, column)) = table.column(name) else {
        return if if_exists {
            Ok(())
        } else {
            Err(no_column("DROP", name, &table))
        };
    };
    if column.default.is_some() || is_used(&table, name) {
        return Err(in_use("DROP", name));
    }
    let sql = format!(
        "ALTER TABLE {} DROP COLUMN {}",
        target.quoted(),
        quote(&column.name)
    );
    table.columns.remove(at);
    put(engine, state, target, &sql, table)
}

fn drop_constraint(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    name: &str,
    if_exists: bool,
) -> Result<(), Message> {
    let mut table = Table::clone(&target.table);
    let mut sql = String::new();
    let mut found = false;
    if let Some(at) = table.indexes.iter().position(|i| {
        same_name(&i.name, name)
            && matches!(i.kind, IndexKind::PrimaryKey | IndexKind::UniqueConstraint)
    }) {
        if target.is_referenced(engine) {
            return Err(Message::error(
                3725,
                format!(
                    "The constraint '{name}' is being referenced by table '{}', foreign key constraint.",
                    table.name
                ),
            ));
        }
        let index = table.indexes.remove(at);
        sql = drop_index_statement(target, &index);
        found = true;
    }
    let before = (table.foreign_keys.len(), table.checks.len());
    table.foreign_keys.retain(|k| !same_name(&k.name, name));
    table.checks.retain(|k| !same_name(&k.name, name));
    found |= before != (table.foreign_keys.len(), table.checks.len());
    for column in &mut table.columns {
        if column
            .default
            .as_ref()
            .is_some_and(|d| same_name(&d.name, name))
        {
            column.default = None;
            found = true;
        }
    }
    if !found {
        return if if_exists {
            Ok(())
        } else {
            Err(Message::error(
                3728,
                format!("'{name}' is not a constraint."),
            ))
        };
    }
    put(engine, state, target, &sql, table)
}

fn alter_column(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    name: &str,
    ty: &TypeName,
    nullable: Option<bool>,
) -> Result<(), Message> {
    let mut table = Table::clone(&target.table);
    let Some((at, old)) = table.column(name).map(|(at, c)| (at, c.clone())) else {
        return Err(no_column("ALTER", name, &table));
    };
    if is_used(&table, name) || old.computed.is_some() {
        return Err(in_use("ALTER", name));
    }
    let new_type = resolve_type(ty)?;
    let mut new = old.clone();
    new.ty = new_type;
    new.nullable = nullable.unwrap_or(true);
    let rows = converted_rows(engine, target, &old, &new)?;
    // A column of another storage type is a new one under the old name.
    let moving = ColumnDef::new(format!("{}\u{1}", old.name), new_type, true);
    if let Some(column) = table.columns.get_mut(at) {
        *column = new.clone();
    }
    let quoted = target.quoted();
    let session = state.facts.id;
    let run = |engine: &mut Engine, sql: &str, change: CatalogueChange| match target.database {
        Some(id) => engine.store.ddl(session, id, sql, change),
        None => engine
            .store
            .connection()
            .execute_batch(sql)
            .map_err(|e| message_of(&e)),
    };
    atomic(engine, state, target.database, |engine, state| {
        run(
            engine,
            &format!(
                "ALTER TABLE {quoted} ADD COLUMN {}",
                moving.sqlite_definition()
            ),
            CatalogueChange::None,
        )?;
        {
            let sql = format!(
                "UPDATE {quoted} SET {} = ?2 WHERE {ROW_ID} = ?1",
                quote(&moving.name)
            );
            let mut statement = engine
                .store
                .connection()
                .prepare(&sql)
                .map_err(|e| message_of(&e))?;
            for (rid, value) in &rows {
                statement
                    .execute((rid, codec::encode(value, new_type)))
                    .map_err(|e| message_of(&e))?;
            }
        }
        let sql = format!(
            "ALTER TABLE {quoted} DROP COLUMN {old};\nALTER TABLE {quoted} RENAME COLUMN {} TO {old}",
            quote(&moving.name),
            old = quote(&old.name),
        );
        run(engine, &sql, CatalogueChange::Put(Box::new(table.clone())))?;
        if target.database.is_none()
            && let Some(held) = state.temp.remove(&target.table.name)
        {
            state
                .temp
                .add(crate::practice::sql::environment::TempTable {
                    table: std::sync::Arc::new(table),
                    ..held
                });
        }
        Ok(())
    })
}

/// The column's values as the new type: 515 when NULLs are to go, 2628 when texts do not fit.
fn converted_rows(
    engine: &Engine,
    target: &Target,
    old: &ColumnDef,
    new: &ColumnDef,
) -> Result<Vec<(i64, Value)>, Message> {
    let sql = format!(
        "SELECT {ROW_ID}, {} FROM {}",
        quote(&old.name),
        target.quoted()
    );
    let mut statement = engine
        .store
        .connection()
        .prepare(&sql)
        .map_err(|e| message_of(&e))?;
    let mut rows = statement.query([]).map_err(|e| message_of(&e))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(|e| message_of(&e))? {
        let rid: i64 = row.get(0).map_err(|e| message_of(&e))?;
        let stored = row.get_ref(1).map_err(|e| message_of(&e))?;
        let value = codec::decode(stored, old.ty);
        if value == Value::Null && !new.nullable {
            return Err(Message::error(
                515,
                format!(
                    "Cannot insert the value NULL into column '{}', table '{}'; column does not allow nulls. UPDATE fails.",
                    new.name,
                    target.written_with_database()
                ),
            )
            .with_state(2));
        }
        let length = |value: &Value| match value {
            Value::Text(text) => text.trim_end_matches(' ').chars().count(),
            _ => 0,
        };
        let before = length(&value);
        let value = convert::convert(value, old.ty, new.ty, convert::NO_STYLE)?;
        if before > 0 && matches!(value, Value::Text(_)) && length(&value) < before {
            return Err(Message::error(
                2628,
                format!(
                    "String or binary data would be truncated in table '{}', column '{}'. Truncated value: ''.",
                    target.written_with_database(),
                    new.name
                ),
            ));
        }
        all.push((rid, value));
    }
    Ok(all)
}
