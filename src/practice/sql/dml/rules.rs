//! What rows must keep beyond their own types: computed columns, CHECK and FOREIGN KEY.
//!
//! Each rule is a query over the changed rows, bound like any other.

use super::super::environment::RowSource;
use super::super::parse;
use super::super::state::State;
use super::super::statement::ObjectPath;
use super::apply::{Change, apply_changes};
use super::{Target, row_id_of, table_in_from};
use crate::practice::catalogue::{ForeignKey, ReferentialAction, Table};
use crate::practice::engine::Engine;
use crate::practice::reply::Message;
use crate::practice::sql::convert;
use crate::practice::value::Value;
use sqlparser::ast::{Expr, Query, SelectItem, SetExpr, UnaryOperator};
use std::sync::Arc;

fn bracketed(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

fn source(target: &Target, name: &str, rows: Vec<(i64, Vec<Value>)>) -> RowSource {
    RowSource {
        name: name.to_owned(),
        columns: target.table.columns.clone(),
        rows,
    }
}

/// `SELECT items FROM [name] WHERE selection` over rows in hand.
fn over(name: &str, items: Vec<Expr>, selection: Option<Expr>) -> Result<Box<Query>, Message> {
    let mut query = parse::parse_query_text(&format!("SELECT 1 FROM {}", bracketed(name)))?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = items.into_iter().map(SelectItem::UnnamedExpr).collect();
        select.selection = selection;
    }
    Ok(query)
}

/// Fills the computed columns of new rows.
pub(super) fn computed_values(
    engine: &mut Engine,
    state: &State,
    target: &Target,
    rows: &mut [(Option<i64>, Vec<Value>)],
) -> Result<(), Message> {
    let mut items = vec![row_id_of("inserted")];
    let mut places = Vec::new();
    for (at, column) in target.table.columns.iter().enumerate() {
        if let Some(text) = &column.computed {
            items.push(parse::parse_expression(text)?);
            places.push(at);
        }
    }
    let numbered = rows
        .iter()
        .enumerate()
        .map(|(n, (_, row))| (n as i64, row.clone()))
        .collect();
    let query = over("inserted", items, None)?;
    let (columns, results) =
        state.rows_of(engine, &[source(target, "inserted", numbered)], &query)?;
    for result in results {
        let mut values = result.into_iter().zip(&columns);
        let Some((Value::Int(n), _)) = values.next() else {
            continue;
        };
        let Some((_, row)) = usize::try_from(n).ok().and_then(|n| rows.get_mut(n)) else {
            continue;
        };
        for (place, (value, column)) in places.iter().zip(values) {
            if let (Some(slot), Some(definition)) =
                (row.get_mut(*place), target.table.columns.get(*place))
            {
                *slot = convert::convert(value, column.ty, definition.ty, convert::NO_STYLE)?;
            }
        }
    }
    Ok(())
}

/// 547 for a CHECK that a new row does not keep; unknown is allowed.
pub(super) fn check_constraints(
    engine: &mut Engine,
    state: &State,
    target: &Target,
    rows: &[(i64, Vec<Value>)],
) -> Result<(), Message> {
    for check in &target.table.checks {
        let condition = parse::parse_expression(&check.definition)?;
        let broken = Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(Expr::Nested(Box::new(condition))),
        };
        let query = over("inserted", vec![row_id_of("inserted")], Some(broken))?;
        let sources = [source(target, "inserted", rows.to_vec())];
        let (_, found) = state.rows_of(engine, &sources, &query)?;
        if !found.is_empty() {
            return Err(conflict(
                "INSERT",
                "CHECK",
                &check.name,
                target,
                &target.table,
            ));
        }
    }
    Ok(())
}

/// 547 for new rows that refer to a row which is not there.
pub(super) fn check_foreign_keys(
    engine: &mut Engine,
    state: &State,
    target: &Target,
    rows: &[(i64, Vec<Value>)],
    updated: bool,
) -> Result<(), Message> {
    for key in &target.table.foreign_keys {
        let not_null: Vec<String> = key
            .columns
            .iter()
            .map(|c| format!("n.{} IS NOT NULL", bracketed(c)))
            .collect();
        let same: Vec<String> = key
            .columns
            .iter()
            .zip(&key.referenced_columns)
            .map(|(own, other)| format!("r.{} = n.{}", bracketed(other), bracketed(own)))
            .collect();
        let text = format!(
            "SELECT TOP 1 1 FROM [inserted] AS n WHERE {} AND NOT EXISTS (SELECT 1 FROM {}.{}.{} AS r WHERE {})",
            not_null.join(" AND "),
            bracketed(&target.database_name),
            bracketed(&key.referenced_schema),
            bracketed(&key.referenced_table),
            same.join(" AND ")
        );
        let query = parse::parse_query_text(&text)?;
        let sources = [source(target, "inserted", rows.to_vec())];
        let (_, found) = state.rows_of(engine, &sources, &query)?;
        if !found.is_empty() {
            let verb = if updated { "UPDATE" } else { "INSERT" };
            let referenced = target
                .database
                .and_then(|id| engine.store.database(id))
                .and_then(|d| {
                    d.catalogue
                        .table(&key.referenced_schema, &key.referenced_table)
                        .cloned()
                })
                .unwrap_or_else(|| Arc::clone(&target.table));
            return Err(conflict(
                verb,
                "FOREIGN KEY",
                &key.name,
                target,
                &referenced,
            ));
        }
    }
    Ok(())
}

/// Rows of other tables that refer to rows which are gone: 547, or they go too.
pub(super) fn check_references(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    gone: &[(i64, Vec<Value>)],
    updated: bool,
) -> Result<(), Message> {
    for table in target.referencing(engine) {
        let keys: Vec<ForeignKey> = table
            .foreign_keys
            .iter()
            .filter(|key| target.is_meant(key))
            .cloned()
            .collect();
        for key in keys {
            check_reference(engine, state, target, &table, &key, gone, updated)?;
        }
    }
    Ok(())
}

fn check_reference(
    engine: &mut Engine,
    state: &mut State,
    target: &Target,
    table: &Arc<Table>,
    key: &ForeignKey,
    gone: &[(i64, Vec<Value>)],
    updated: bool,
) -> Result<(), Message> {
    let matching: Vec<String> = key
        .columns
        .iter()
        .zip(&key.referenced_columns)
        .map(|(own, other)| format!("c.{} = d.{}", bracketed(own), bracketed(other)))
        .collect();
    let still: Vec<String> = key
        .columns
        .iter()
        .zip(&key.referenced_columns)
        .map(|(own, other)| format!("p.{} = c.{}", bracketed(other), bracketed(own)))
        .collect();
    let child = ObjectPath {
        database: Some(target.database_name.clone()),
        schema: Some(table.schema.clone()),
        name: table.name.clone(),
    };
    let text = format!(
        "SELECT 1 FROM [x] AS c WHERE EXISTS (SELECT 1 FROM [deleted] AS d WHERE {}) \
         AND NOT EXISTS (SELECT 1 FROM {}.{}.{} AS p WHERE {})",
        matching.join(" AND "),
        bracketed(&target.database_name),
        bracketed(&target.table.schema),
        bracketed(&target.table.name),
        still.join(" AND ")
    );
    let mut query = parse::parse_query_text(&text)?;
    let mut from = table_in_from(&child)?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![SelectItem::UnnamedExpr(row_id_of("c"))];
        if let Some(first) = select.from.first_mut()
            && let (
                sqlparser::ast::TableFactor::Table { name, .. },
                sqlparser::ast::TableFactor::Table { name: real, .. },
            ) = (&mut first.relation, &mut from.relation)
        {
            std::mem::swap(name, real);
        }
    }
    let sources = [source(target, "deleted", gone.to_vec())];
    let (_, found) = state.rows_of(engine, &sources, &query)?;
    if found.is_empty() {
        return Ok(());
    }
    if key.on_delete == ReferentialAction::Cascade && !updated {
        let changes = found
            .iter()
            .filter_map(|row| match row.first() {
                Some(Value::Int(rid)) => Some(Change::Delete(*rid)),
                _ => None,
            })
            .collect();
        apply_changes(engine, state, &target.sibling(table), changes, false)?;
        return Ok(());
    }
    let verb = if updated { "UPDATE" } else { "DELETE" };
    Err(conflict(verb, "REFERENCE", &key.name, target, table))
}

/// 547.
fn conflict(verb: &str, kind: &str, name: &str, target: &Target, table: &Table) -> Message {
    Message::error(
        547,
        format!(
            "The {verb} statement conflicted with the {kind} constraint \"{name}\". The conflict occurred in database \"{}\", table \"{}.{}\".",
            target.database_name, table.schema, table.name
        ),
    )
}
