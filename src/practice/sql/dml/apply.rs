//! Changing rows one by one, with every rule that a row must keep.

use super::super::state::State;
use super::super::{codec, convert, parse, types};
use super::rules::{check_constraints, check_foreign_keys, check_references, computed_values};
use super::{Done, Target};
use crate::practice::catalogue::{ColumnDef, Index, IndexKind, ROW_ID, quote};
use crate::practice::engine::Engine;
use crate::practice::reply::Message;
use crate::practice::sql::run::message_of;
use crate::practice::value::{Length, SqlType, Value};
use std::collections::BTreeSet;

/// A cell: its type and value, or DEFAULT.
pub type Cell = Option<(SqlType, Value)>;

/// One change of one row.
pub enum Change {
    /// A cell for every column.
    Insert(Vec<Cell>),
    /// The changed columns by place.
    Update {
        rid: i64,
        cells: Vec<(usize, Cell)>,
    },
    Delete(i64),
}

/// Applies changes in order and checks what they lead to.
pub fn apply_changes(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    changes: Vec<Change>,
    explicit_identity: bool,
) -> Result<Done, Message> {
    let table = &target.table;
    if explicit_identity && state.identity_insert != Some(target.identity_key()) {
        return Err(Message::error(
            544,
            format!(
                "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set to OFF.",
                table.name
            ),
        ));
    }
    let mut done = Done {
        n_rows: changes.len() as u64,
        columns: table.columns.clone(),
        inserted: Vec::new(),
        deleted: Vec::new(),
    };
    let has_computed = table.columns.iter().any(|c| c.computed.is_some());
    let mut new_rows: Vec<(Option<i64>, Vec<Value>)> = Vec::new();
    let mut changed = BTreeSet::new();
    for change in changes {
        match change {
            Change::Insert(cells) => {
                let row = inserted_row(engine, state, target, cells, explicit_identity)?;
                new_rows.push((None, row));
            }
            Change::Update { rid, cells } => {
                let Some(old) = read_row(engine, target, rid)? else {
                    done.n_rows = done.n_rows.saturating_sub(1);
                    continue;
                };
                let mut row = old.clone();
                for (at, cell) in cells {
                    let Some(column) = table.columns.get(at) else {
                        continue;
                    };
                    let value = match cell {
                        Some((ty, value)) => fitted(target, column, ty, value)?,
                        None => default_value(engine, state, target, column)?,
                    };
                    not_null(target, column, &value, "UPDATE")?;
                    if let Some(slot) = row.get_mut(at) {
                        *slot = value;
                    }
                    changed.insert(at);
                }
                done.deleted.push((rid, old));
                new_rows.push((Some(rid), row));
            }
            Change::Delete(rid) => match read_row(engine, target, rid)? {
                Some(old) => done.deleted.push((rid, old)),
                None => done.n_rows = done.n_rows.saturating_sub(1),
            },
        }
    }
    if has_computed && !new_rows.is_empty() {
        computed_values(engine, state, target, &mut new_rows)?;
    }
    // Keys may change places within one statement, so rows leave before they come back.
    let keys_change = table.indexes.iter().any(|index| {
        index.kind != IndexKind::Plain
            && index
                .columns
                .iter()
                .filter_map(|c| table.column(&c.name))
                .any(|(at, _)| changed.contains(&at))
    });
    let updates = new_rows.iter().any(|(rid, _)| rid.is_some());
    if !updates || keys_change {
        let sql = format!("DELETE FROM {} WHERE {ROW_ID} = ?1", target.quoted());
        let connection = engine.store.connection();
        let mut statement = connection
            .prepare_cached(&sql)
            .map_err(|e| message_of(&e))?;
        for (rid, _) in &done.deleted {
            statement.execute([rid]).map_err(|e| message_of(&e))?;
        }
    }
    for (rid, row) in new_rows {
        let rid = match rid {
            Some(rid) if !keys_change => {
                write_update(engine, target, rid, &row, &changed)?;
                rid
            }
            rid => write_insert(engine, target, rid, &row)?,
        };
        done.inserted.push((rid, row));
    }
    if !done.inserted.is_empty() {
        check_constraints(engine, state, target, &done.inserted)?;
        check_foreign_keys(engine, state, target, &done.inserted, updates)?;
    }
    if !done.deleted.is_empty() {
        check_references(engine, state, target, &done.deleted, updates)?;
    }
    Ok(done)
}

fn inserted_row(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    cells: Vec<Cell>,
    explicit_identity: bool,
) -> Result<Vec<Value>, Message> {
    let mut row = Vec::with_capacity(cells.len());
    let table = std::sync::Arc::clone(&target.table);
    for (column, cell) in table.columns.iter().zip(cells) {
        if column.computed.is_some() {
            row.push(Value::Null);
            continue;
        }
        let value = if let Some(identity) = column.identity {
            let number = match cell {
                Some((ty, value)) if explicit_identity => {
                    let value = convert::convert(value, ty, SqlType::BigInt, convert::NO_STYLE)?;
                    let Value::Int(number) = value else {
                        return Err(cannot_be_null(target, column, "INSERT"));
                    };
                    let next = target.peek_identity(engine, state)?;
                    if next.is_none_or(|next| {
                        (number >= next) == (identity.increment > 0) || number == next
                    }) {
                        target.set_identity(
                            engine,
                            state,
                            number.saturating_add(identity.increment),
                        )?;
                    }
                    number
                }
                _ => target.next_identity(engine, state, identity.seed, identity.increment)?,
            };
            state.facts.identity = Some(number);
            state.facts.scope_identity = Some(number);
            if matches!(column.ty, SqlType::Numeric { .. }) {
                convert::convert(
                    Value::Int(number),
                    SqlType::BigInt,
                    column.ty,
                    convert::NO_STYLE,
                )?
            } else if convert::integer_range(column.ty)
                .is_some_and(|(low, high)| number < low || number > high)
            {
                return Err(convert::overflow(column.ty));
            } else {
                Value::Int(number)
            }
        } else {
            match cell {
                Some((ty, value)) => fitted(target, column, ty, value)?,
                None => default_value(engine, state, target, column)?,
            }
        };
        not_null(target, column, &value, "INSERT")?;
        row.push(value);
    }
    Ok(row)
}

/// The value of a column's DEFAULT, NULL without one.
fn default_value(
    engine: &mut Engine,
    state: &State,
    target: &Target,
    column: &ColumnDef,
) -> Result<Value, Message> {
    if let Some(name) = &column.type_name
        && (name.eq_ignore_ascii_case("rowversion") || name.eq_ignore_ascii_case("timestamp"))
    {
        let stamp = state.facts.id.unsigned_abs();
        let ticks = engine.clock.statement_time().utc_ticks.unsigned_abs();
        return Ok(Value::Bytes(
            (ticks ^ u64::from(stamp)).to_be_bytes().to_vec(),
        ));
    }
    let Some(default) = &column.default else {
        return Ok(Value::Null);
    };
    let expr = parse::parse_expression(&default.definition)?;
    let (ty, value) = state.evaluate(engine, &expr)?;
    fitted(target, column, ty, value)
}

/// Converts a value to a column's type: 2628 when a text does not fit.
fn fitted(
    target: &Target,
    column: &ColumnDef,
    from: SqlType,
    value: Value,
) -> Result<Value, Message> {
    if let Value::Text(text) = &value
        && let Some(room) = text_room(column.ty)
        && text.trim_end_matches(' ').encode_utf16().count() > room
        && types::is_text(from)
    {
        let shown: String = text.chars().take(room).collect();
        return Err(Message::error(
            2628,
            format!(
                "String or binary data would be truncated in table '{}', column '{}'. Truncated value: '{shown}'.",
                target.written_with_database(),
                column.name
            ),
        ));
    }
    if let (Value::Bytes(bytes), SqlType::Binary(n) | SqlType::VarBinary(Length::Limited(n))) =
        (&value, column.ty)
        && bytes.len() > usize::from(n)
    {
        return Err(Message::error(
            2628,
            format!(
                "String or binary data would be truncated in table '{}', column '{}'. Truncated value: ''.",
                target.written_with_database(),
                column.name
            ),
        ));
    }
    convert::convert(value, from, column.ty, convert::NO_STYLE)
}

fn text_room(ty: SqlType) -> Option<usize> {
    match ty {
        SqlType::Char(n)
        | SqlType::NChar(n)
        | SqlType::VarChar(Length::Limited(n))
        | SqlType::NVarChar(Length::Limited(n)) => Some(usize::from(n)),
        _ => None,
    }
}

fn not_null(target: &Target, column: &ColumnDef, value: &Value, verb: &str) -> Result<(), Message> {
    if *value == Value::Null && !column.nullable && column.computed.is_none() {
        return Err(cannot_be_null(target, column, verb));
    }
    Ok(())
}

/// 515.
fn cannot_be_null(target: &Target, column: &ColumnDef, verb: &str) -> Message {
    Message::error(
        515,
        format!(
            "Cannot insert the value NULL into column '{}', table '{}'; column does not allow nulls. {verb} fails.",
            column.name,
            target.written_with_database()
        ),
    )
    .with_state(2)
}

/// The row of that number.
pub(super) fn read_row(
    engine: &Engine,
    target: &Target,
    rid: i64,
) -> Result<Option<Vec<Value>>, Message> {
    let columns: Vec<String> = target
        .table
        .columns
        .iter()
        .map(|c| quote(&c.name))
        .collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE {ROW_ID} = ?1",
        columns.join(", "),
        target.quoted()
    );
    let connection = engine.store.connection();
    let mut statement = connection
        .prepare_cached(&sql)
        .map_err(|e| message_of(&e))?;
    let mut rows = statement.query([rid]).map_err(|e| message_of(&e))?;
    let Some(row) = rows.next().map_err(|e| message_of(&e))? else {
        return Ok(None);
    };
    let mut values = Vec::with_capacity(columns.len());
    for (at, column) in target.table.columns.iter().enumerate() {
        let stored = row.get_ref(at).map_err(|e| message_of(&e))?;
        values.push(codec::decode(stored, column.ty));
    }
    Ok(Some(values))
}

fn stored(target: &Target, row: &[Value]) -> Vec<rusqlite::types::Value> {
    target
        .table
        .columns
        .iter()
        .zip(row)
        .map(|(column, value)| codec::encode(value, column.ty))
        .collect()
}

fn write_insert(
    engine: &Engine,
    target: &Target,
    rid: Option<i64>,
    row: &[Value],
) -> Result<i64, Message> {
    let names: Vec<String> = target
        .table
        .columns
        .iter()
        .map(|c| quote(&c.name))
        .collect();
    let marks: Vec<String> = (2..names.len() + 2).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "INSERT INTO {} ({ROW_ID}, {}) VALUES (?1, {})",
        target.quoted(),
        names.join(", "),
        marks.join(", ")
    );
    let mut values = vec![rid.map_or(
        rusqlite::types::Value::Null,
        rusqlite::types::Value::Integer,
    )];
    values.extend(stored(target, row));
    let connection = engine.store.connection();
    connection
        .prepare_cached(&sql)
        .and_then(|mut s| s.execute(rusqlite::params_from_iter(values)))
        .map_err(|error| duplicate(target, row, &error))?;
    Ok(connection.last_insert_rowid())
}

fn write_update(
    engine: &Engine,
    target: &Target,
    rid: i64,
    row: &[Value],
    changed: &BTreeSet<usize>,
) -> Result<(), Message> {
    let mut sets = Vec::new();
    let mut values = vec![rusqlite::types::Value::Integer(rid)];
    for (at, (column, value)) in target.table.columns.iter().zip(row).enumerate() {
        if changed.contains(&at) || column.computed.is_some() {
            sets.push(format!("{} = ?{}", quote(&column.name), sets.len() + 2));
            values.push(codec::encode(value, column.ty));
        }
    }
    if sets.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE {} SET {} WHERE {ROW_ID} = ?1",
        target.quoted(),
        sets.join(", ")
    );
    engine
        .store
        .connection()
        .prepare_cached(&sql)
        .and_then(|mut s| s.execute(rusqlite::params_from_iter(values)))
        .map(|_| ())
        .map_err(|error| duplicate(target, row, &error))
}

/// 2627 or 2601 when a unique index refuses a row.
fn duplicate(target: &Target, row: &[Value], error: &rusqlite::Error) -> Message {
    let text = error.to_string();
    let Some((_, failed)) = text.split_once("UNIQUE constraint failed: ") else {
        return message_of(error);
    };
    let prefix = format!("{}.", target.sqlite_name);
    let names: Vec<&str> = failed
        .split(", ")
        .map(|c| c.strip_prefix(&prefix).unwrap_or(c))
        .collect();
    let matches = |index: &&Index| {
        index.kind != IndexKind::Plain
            && index.columns.len() == names.len()
            && index
                .columns
                .iter()
                .zip(&names)
                .all(|(c, name)| c.name == *name)
    };
    let Some(index) = target.table.indexes.iter().find(matches) else {
        return message_of(error);
    };
    let key: Vec<String> = index
        .columns
        .iter()
        .filter_map(|c| target.table.column(&c.name))
        .map(|(at, column)| {
            let value = row.get(at).cloned().unwrap_or(Value::Null);
            match convert::convert(
                value,
                column.ty,
                SqlType::NVarChar(Length::Max),
                convert::NO_STYLE,
            ) {
                Ok(Value::Text(text)) => text,
                _ => "<NULL>".to_owned(),
            }
        })
        .collect();
    let key = key.join(", ");
    let object = target.written();
    match index.kind {
        IndexKind::UniqueIndex | IndexKind::Plain => Message::error(
            2601,
            format!("Cannot insert duplicate key row in object '{object}' with unique index '{}'. The duplicate key value is ({key}).", index.name),
        ),
        IndexKind::PrimaryKey | IndexKind::UniqueConstraint => {
            let kind = if index.kind == IndexKind::PrimaryKey {
                "PRIMARY KEY"
            } else {
                "UNIQUE KEY"
            };
            Message::error(
                2627,
                format!("Violation of {kind} constraint '{}'. Cannot insert duplicate key in object '{object}'. The duplicate key value is ({key}).", index.name),
            )
        }
    }
    .with_class(14)
}
