//! INSERT, UPDATE, DELETE, MERGE, TRUNCATE: which rows, and what they become.
//!
//! One path for all: a typed query yields row numbers and new values, and [`apply`] changes the rows one by one,
//! so every message about keys, NULLs and lengths is made in one place.

mod apply;
mod merge;
mod rules;
mod target;

pub use apply::{Change, apply_changes};
pub use merge::merge;
pub use target::{Target, atomic};

use super::environment::{ROW_ID_IDENTIFIER, RowSource};
use super::parse;
use super::state::{Output, State};
use super::statement::{
    Assignment, Delete, Insert, InsertSource, ObjectPath, Output as OutputClause, Top, Update,
};
use crate::practice::catalogue::{ColumnDef, same_name};
use crate::practice::engine::Engine;
use crate::practice::reply::Message;
use crate::practice::value::{Column, SqlType, Value};
use sqlparser::ast::{
    Expr, Ident, ObjectNamePart, Query, SelectItem, SetExpr, TableFactor, TableWithJoins, With,
};

/// Rows for an INSERT with the type of each value; `None` is DEFAULT.
pub type SourceRows = Vec<Vec<Option<(SqlType, Value)>>>;

/// INSERT, except from EXEC. Answers the number of rows.
pub fn insert(
    engine: &mut Engine,
    state: &mut State,
    statement: &Insert,
    output: &mut Output,
) -> Result<u64, Message> {
    let target = Target::find(engine, state, &statement.table)?;
    let rows = match &statement.source {
        InsertSource::DefaultValues => vec![Vec::new()],
        InsertSource::Values(rows) => {
            let mut all = Vec::with_capacity(rows.len());
            let width = rows.first().map_or(0, Vec::len);
            for row in rows {
                if row.len() != width {
                    return Err(Message::error(
                        10709,
                        "The number of columns for each row in a table value constructor must be the same.",
                    )
                    .with_class(15));
                }
                let mut values = Vec::with_capacity(row.len());
                for cell in row {
                    values.push(match cell {
                        Some(expr) => Some(state.evaluate(engine, expr)?),
                        None => None,
                    });
                }
                all.push(values);
            }
            all
        }
        InsertSource::Query(query) => {
            let mut query = query.clone();
            if statement.with.is_some() {
                query.with.clone_from(&statement.with);
            }
            let (columns, rows) = state.rows_of(engine, &[], &query)?;
            typed(&columns, rows)
        }
        InsertSource::Execute(_) => Vec::new(),
    };
    let rows = match &statement.top {
        Some(top) => {
            let n = top_rows(engine, state, top, rows.len())?;
            rows.into_iter().take(n).collect()
        }
        None => rows,
    };
    insert_rows(engine, state, &target, statement, rows, output)
}

/// Values of a query with their columns' types.
pub fn typed(columns: &[Column], rows: Vec<Vec<Value>>) -> SourceRows {
    rows.into_iter()
        .map(|row| {
            row.into_iter()
                .zip(columns)
                .map(|(value, column)| Some((column.ty, value)))
                .collect()
        })
        .collect()
}

/// Inserts rows in hand under the columns that the statement names.
pub fn insert_rows(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    statement: &Insert,
    rows: SourceRows,
    output: &mut Output,
) -> Result<u64, Message> {
    let places = column_places(state, target, &statement.columns)?;
    if !matches!(statement.source, InsertSource::DefaultValues)
        && let Some(row) = rows.iter().find(|row| row.len() != places.len())
    {
        return Err(column_count(statement, places.len(), row.len()));
    }
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        let mut cells: Vec<Option<(SqlType, Value)>> = vec![None; target.table.columns.len()];
        for (place, cell) in places.iter().zip(row) {
            if let Some(slot) = cells.get_mut(*place) {
                *slot = cell;
            }
        }
        changes.push(Change::Insert(cells));
    }
    let explicit_identity = target.table.identity_column().is_some_and(|(at, ..)| {
        places.contains(&at) && !matches!(statement.source, InsertSource::DefaultValues)
    });
    let done = atomic(engine, state, target.database, |engine, state| {
        apply_changes(engine, state, target, changes, explicit_identity)
    })?;
    let n_rows = done.n_rows;
    emit_output(engine, state, statement.output.as_ref(), done, output)?;
    Ok(n_rows)
}

fn column_count(statement: &Insert, expected: usize, given: usize) -> Message {
    let values = matches!(statement.source, InsertSource::Values(_));
    let (number, text) = match (statement.columns.is_empty(), values) {
        (true, _) => (
            213,
            "Column name or number of supplied values does not match table definition.",
        ),
        (false, true) if given < expected => (
            109,
            "There are more columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.",
        ),
        (false, true) => (
            110,
            "There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.",
        ),
        (false, false) if given < expected => (
            120,
            "The select list for the INSERT statement contains fewer items than the insert list. The number of SELECT values must match the number of INSERT columns.",
        ),
        (false, false) => (
            121,
            "The select list for the INSERT statement contains more items than the insert list. The number of SELECT values must match the number of INSERT columns.",
        ),
    };
    let message = Message::error(number, text);
    if number == 213 {
        message
    } else {
        message.with_class(15)
    }
}

/// Where each inserted value goes.
fn column_places(
    state: &State,
    target: &Target,
    columns: &[String],
) -> Result<Vec<usize>, Message> {
    if columns.is_empty() {
        let identity_too = state.identity_insert == Some(target.identity_key());
        return Ok(target
            .table
            .columns
            .iter()
            .enumerate()
            .filter(|(_, c)| (c.identity.is_none() || identity_too) && c.computed.is_none())
            .map(|(at, _)| at)
            .collect());
    }
    let mut places = Vec::with_capacity(columns.len());
    for name in columns {
        let (at, column) = target
            .table
            .column(name)
            .ok_or_else(|| invalid_column(name))?;
        if column.computed.is_some() {
            return Err(computed_column(name));
        }
        if places.contains(&at) {
            return Err(Message::error(
                264,
                format!(
                    "The column name '{name}' is specified more than once in the SET clause or column list of an INSERT. A column cannot be assigned more than one value in the same clause. Modify the clause to make sure that a column is updated only once. If this statement updates or inserts columns into a view, column aliasing can conceal the duplication in your code."
                ),
            ));
        }
        places.push(at);
    }
    Ok(places)
}

/// 207.
pub fn invalid_column(name: &str) -> Message {
    Message::error(207, format!("Invalid column name '{name}'."))
}

/// 271.
fn computed_column(name: &str) -> Message {
    Message::error(
        271,
        format!(
            "The column \"{name}\" cannot be modified because it is either a computed column or is the result of a UNION operator."
        ),
    )
}

/// UPDATE.
pub fn update(
    engine: &mut Engine,
    state: &mut State,
    statement: &Update,
    output: &mut Output,
) -> Result<u64, Message> {
    let (target, alias, from) = updated_table(engine, state, &statement.target, &statement.from)?;
    let mut items = vec![row_id_of(&alias)];
    for assignment in &statement.assignments {
        if let Some(name) = &assignment.column {
            let (_, column) = target
                .table
                .column(name)
                .ok_or_else(|| invalid_column(name))?;
            if column.computed.is_some() {
                return Err(computed_column(name));
            }
            if column.identity.is_some() {
                return Err(Message::error(
                    8102,
                    format!("Cannot update identity column '{}'.", column.name),
                ));
            }
        }
        if let Some(value) = &assignment.value {
            items.push(qualified(value, &statement.assignments, &alias));
        }
    }
    let query = changing_query(
        statement.with.as_ref(),
        items,
        from,
        statement.selection.as_ref(),
    )?;
    let (columns, rows) = state.rows_of(engine, &[], &query)?;
    let n_rows = match &statement.top {
        Some(top) => top_rows(engine, state, top, rows.len())?,
        None => rows.len(),
    };
    let mut changes = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut assigned = Vec::new();
    for row in rows {
        let mut values = row.into_iter();
        let Some(Value::Int(rid)) = values.next() else {
            continue;
        };
        if seen.len() >= n_rows || !seen.insert(rid) {
            continue;
        }
        let mut cells = Vec::new();
        let mut types = columns.iter().skip(1);
        for assignment in &statement.assignments {
            let cell = match assignment.value {
                None => None,
                Some(_) => types
                    .next()
                    .zip(values.next())
                    .map(|(column, value)| (column.ty, value)),
            };
            if let (Some(variable), Some(cell)) = (&assignment.variable, &cell) {
                assigned.push((variable.clone(), cell.clone()));
            }
            if let Some(name) = &assignment.column
                && let Some((at, _)) = target.table.column(name)
            {
                cells.push((at, cell));
            }
        }
        changes.push(Change::Update { rid, cells });
    }
    for (variable, (ty, value)) in assigned {
        state.assign(&variable, ty, value)?;
    }
    let done = atomic(engine, state, target.database, |engine, state| {
        apply_changes(engine, state, &target, changes, false)
    })?;
    let n_rows = done.n_rows;
    emit_output(engine, state, statement.output.as_ref(), done, output)?;
    Ok(n_rows)
}

/// `a += 1` was read as `a = [a] + (1)`; in a join the left side belongs to the table that is changed.
fn qualified(value: &Expr, assignments: &[Assignment], alias: &str) -> Expr {
    if let Expr::BinaryOp { left, op, right } = value
        && let Expr::Identifier(ident) = left.as_ref()
        && ident.quote_style == Some('[')
        && assignments
            .iter()
            .any(|a| a.column.as_deref() == Some(ident.value.as_str()))
        && matches!(right.as_ref(), Expr::Nested(_))
    {
        return Expr::BinaryOp {
            left: Box::new(Expr::CompoundIdentifier(vec![
                parse::quoted(alias),
                ident.clone(),
            ])),
            op: op.clone(),
            right: right.clone(),
        };
    }
    value.clone()
}

/// DELETE.
pub fn delete(
    engine: &mut Engine,
    state: &mut State,
    statement: &Delete,
    output: &mut Output,
) -> Result<u64, Message> {
    let (target, alias, from) = updated_table(engine, state, &statement.target, &statement.from)?;
    let query = changing_query(
        statement.with.as_ref(),
        vec![row_id_of(&alias)],
        from,
        statement.selection.as_ref(),
    )?;
    let (_, rows) = state.rows_of(engine, &[], &query)?;
    let n_rows = match &statement.top {
        Some(top) => top_rows(engine, state, top, rows.len())?,
        None => rows.len(),
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut changes = Vec::new();
    for row in rows {
        if let Some(Value::Int(rid)) = row.first()
            && changes.len() < n_rows
            && seen.insert(*rid)
        {
            changes.push(Change::Delete(*rid));
        }
    }
    let done = atomic(engine, state, target.database, |engine, state| {
        apply_changes(engine, state, &target, changes, false)
    })?;
    let n_rows = done.n_rows;
    emit_output(engine, state, statement.output.as_ref(), done, output)?;
    Ok(n_rows)
}

/// TRUNCATE TABLE: all rows, and the identity counter begins anew.
pub fn truncate(engine: &mut Engine, state: &mut State, path: &ObjectPath) -> Result<(), Message> {
    let target = Target::find(engine, state, path)?;
    if target.is_referenced(engine) {
        return Err(Message::error(
            4712,
            format!(
                "Cannot truncate table '{}' because it is being referenced by a FOREIGN KEY constraint.",
                target.table.name
            ),
        ));
    }
    atomic(engine, state, target.database, |engine, state| {
        target.execute(engine, &format!("DELETE FROM {} WHERE 1", target.quoted()))?;
        if let Some((.., identity)) = target.table.identity_column() {
            target.set_identity(engine, state, identity.seed)?;
        }
        Ok(())
    })
}

/// The table that an UPDATE or DELETE changes, the name by which its query knows it, and the query's FROM.
fn updated_table(
    engine: &mut Engine,
    state: &State,
    path: &ObjectPath,
    from: &[TableWithJoins],
) -> Result<(Target, String, Vec<TableWithJoins>), Message> {
    if path.schema.is_none() && path.database.is_none() {
        let factors = from
            .iter()
            .flat_map(|t| std::iter::once(&t.relation).chain(t.joins.iter().map(|j| &j.relation)));
        for factor in factors {
            if let TableFactor::Table {
                name,
                alias: Some(alias),
                ..
            } = factor
                && same_name(&alias.name.value, &path.name)
            {
                let parts = name.0.iter().map(part_text).collect();
                let real = parse::path_of(parts).ok_or_else(|| invalid_object(&path.name))?;
                let target = Target::find(engine, state, &real)?;
                return Ok((target, alias.name.value.clone(), from.to_vec()));
            }
        }
    }
    let target = Target::find(engine, state, path)?;
    let named = from.iter().any(|t| {
        std::iter::once(&t.relation)
            .chain(t.joins.iter().map(|j| &j.relation))
            .any(|f| {
                matches!(f, TableFactor::Table { name, alias: None, .. }
                if name.0.last().is_some_and(|p| same_name(&part_text(p), &path.name)))
            })
    });
    if named {
        return Ok((target, path.name.clone(), from.to_vec()));
    }
    let mut all = vec![table_in_from(path)?];
    all.extend(from.iter().cloned());
    Ok((target, path.name.clone(), all))
}

fn part_text(part: &ObjectNamePart) -> String {
    part.as_ident()
        .map_or_else(String::new, |i| i.value.clone())
}

/// 208.
pub fn invalid_object(name: &str) -> Message {
    Message::error(208, format!("Invalid object name '{name}'."))
}

/// A table as a FROM names it.
fn table_in_from(path: &ObjectPath) -> Result<TableWithJoins, Message> {
    let mut query = parse::parse_query_text("SELECT 1 FROM [x]")?;
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(invalid_object(&path.name));
    };
    let mut table = select
        .from
        .pop()
        .ok_or_else(|| invalid_object(&path.name))?;
    if let TableFactor::Table { name, .. } = &mut table.relation {
        *name = parse::object_name(path);
    }
    Ok(table)
}

fn row_id_of(alias: &str) -> Expr {
    Expr::CompoundIdentifier(vec![
        parse::quoted(alias),
        Ident::with_quote('[', ROW_ID_IDENTIFIER),
    ])
}

/// `SELECT items FROM from WHERE selection`.
fn changing_query(
    with: Option<&With>,
    items: Vec<Expr>,
    from: Vec<TableWithJoins>,
    selection: Option<&Expr>,
) -> Result<Box<Query>, Message> {
    let mut query = parse::parse_query_text("SELECT 1")?;
    query.with = with.cloned();
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = items.into_iter().map(SelectItem::UnnamedExpr).collect();
        select.from = from;
        select.selection = selection.cloned();
    }
    Ok(query)
}

/// How many rows `TOP` lets through.
fn top_rows(
    engine: &mut Engine,
    state: &State,
    top: &Top,
    available: usize,
) -> Result<usize, Message> {
    let value = state.evaluate_as(engine, &top.quantity, SqlType::BigInt)?;
    let Value::Int(n) = value else {
        return Err(Message::error(1060, "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.").with_class(15));
    };
    let n = usize::try_from(n).unwrap_or(0);
    Ok(if top.percent {
        (available * n.min(100)).div_ceil(100)
    } else {
        n
    })
}

/// What a data change did.
pub struct Done {
    pub n_rows: u64,
    pub columns: Vec<ColumnDef>,
    /// New rows, by row number.
    pub inserted: Vec<(i64, Vec<Value>)>,
    /// Old rows, by row number.
    pub deleted: Vec<(i64, Vec<Value>)>,
}

/// The OUTPUT clause: rows to the client or into a table.
pub fn emit_output(
    engine: &mut Engine,
    state: &mut State,
    clause: Option<&OutputClause>,
    done: Done,
    output: &mut Output,
) -> Result<(), Message> {
    let Some(clause) = clause else {
        return Ok(());
    };
    let both = !done.inserted.is_empty() && !done.deleted.is_empty();
    let only_deleted = done.inserted.is_empty() && !done.deleted.is_empty();
    let text = if both {
        "SELECT 1 FROM [inserted] JOIN [deleted] ON 1 = 1"
    } else if only_deleted || mentions_only_deleted(&clause.items) {
        "SELECT 1 FROM [deleted]"
    } else {
        "SELECT 1 FROM [inserted]"
    };
    let mut query = parse::parse_query_text(text)?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection.clone_from(&clause.items);
        if both {
            select.selection = Some(Expr::BinaryOp {
                left: Box::new(row_id_of("inserted")),
                op: sqlparser::ast::BinaryOperator::Eq,
                right: Box::new(row_id_of("deleted")),
            });
        }
    }
    let sources = [
        RowSource {
            name: "inserted".to_owned(),
            columns: done.columns.clone(),
            rows: done.inserted,
        },
        RowSource {
            name: "deleted".to_owned(),
            columns: done.columns,
            rows: done.deleted,
        },
    ];
    match &clause.into {
        None => {
            state.query(engine, &sources, &query, output)?;
        }
        Some((path, columns)) => {
            let (types, rows) = state.rows_of(engine, &sources, &query)?;
            let target = Target::find(engine, state, path)?;
            let into = Insert {
                with: None,
                top: None,
                table: path.clone(),
                columns: columns.clone(),
                output: None,
                source: InsertSource::DefaultValues,
            };
            let places = column_places(state, &target, &into.columns)?;
            let changes = typed(&types, rows)
                .into_iter()
                .map(|row| {
                    let mut cells = vec![None; target.table.columns.len()];
                    for (place, cell) in places.iter().zip(row) {
                        if let Some(slot) = cells.get_mut(*place) {
                            *slot = cell;
                        }
                    }
                    Change::Insert(cells)
                })
                .collect();
            atomic(engine, state, target.database, |engine, state| {
                apply_changes(engine, state, &target, changes, false)
            })?;
        }
    }
    Ok(())
}

fn mentions_only_deleted(items: &[SelectItem]) -> bool {
    items.iter().all(|item| {
        let first = match item {
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts))
            | SelectItem::ExprWithAlias {
                expr: Expr::CompoundIdentifier(parts),
                ..
            } => parts.first().map(|i| i.value.clone()),
            SelectItem::QualifiedWildcard(
                sqlparser::ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                _,
            ) => name.0.first().map(part_text),
            _ => None,
        };
        first.is_some_and(|name| name.eq_ignore_ascii_case("deleted"))
    })
}
