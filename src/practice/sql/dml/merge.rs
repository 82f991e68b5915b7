//! MERGE: matched rows by a join, the rest by NOT EXISTS on either side.

use super::super::environment::ROW_ID_IDENTIFIER;
use super::super::parse;
use super::super::state::{Output, State};
use super::super::statement::{Matching, Merge, MergeAction, MergeClause};
use super::{
    Change, Target, apply_changes, atomic, emit_output, invalid_column, row_id_of, table_in_from,
};
use crate::practice::engine::Engine;
use crate::practice::reply::Message;
use crate::practice::value::Value;
use sqlparser::ast::{
    Expr, Join, JoinConstraint, JoinOperator, Query, SelectItem, SetExpr, TableAlias, TableFactor,
    UnaryOperator,
};
use std::collections::BTreeSet;

/// MERGE. Answers the number of rows.
pub fn merge(
    engine: &mut Engine,
    state: &mut State,
    statement: &Merge,
    output: &mut Output,
) -> Result<u64, Message> {
    let target = Target::find(engine, state, &statement.target)?;
    let alias = statement
        .alias
        .clone()
        .unwrap_or_else(|| statement.target.name.clone());
    let mut changes = Vec::new();
    let mut taken = BTreeSet::new();
    let mut sources_taken = BTreeSet::new();
    for clause in &statement.clauses {
        let (items, cells) = clause_items(&target, clause, &alias)?;
        let query = clause_query(statement, clause, &alias, items)?;
        let (columns, rows) = state.rows_of(engine, &[], &query)?;
        for row in rows {
            let mut values = row.into_iter().zip(&columns).map(|(v, c)| (c.ty, v));
            match (&clause.action, clause.matching) {
                (MergeAction::Insert { .. }, _) => {
                    let all: Vec<_> = values.collect();
                    let fingerprint = format!("{all:?}");
                    // A source row goes to the first WHEN that takes it.
                    if clause.condition.is_none()
                        && statement.clauses.len() > 1
                        && sources_taken.contains(&fingerprint)
                    {
                        continue;
                    }
                    sources_taken.insert(fingerprint);
                    let mut full = vec![None; target.table.columns.len()];
                    let mut given = all.into_iter();
                    for (place, is_default) in &cells {
                        let cell = if *is_default { None } else { given.next() };
                        if let Some(slot) = full.get_mut(*place) {
                            *slot = cell;
                        }
                    }
                    changes.push(Change::Insert(full));
                }
                _ => {
                    let Some((_, Value::Int(rid))) = values.next() else {
                        continue;
                    };
                    if !taken.insert(rid) {
                        if clause.matching == Matching::Matched && was_taken_here(&changes, rid) {
                            return Err(Message::error(
                                8672,
                                "The MERGE statement attempted to UPDATE or DELETE the same row more than once. This happens when a target row matches more than one source row. A MERGE statement cannot UPDATE/DELETE the same row of the target table multiple times. Refine the ON clause to ensure a target row matches at most one source row, or use the GROUP BY clause to group the source rows.",
                            ));
                        }
                        continue;
                    }
                    if matches!(clause.action, MergeAction::Delete) {
                        changes.push(Change::Delete(rid));
                    } else {
                        let cells = cells
                            .iter()
                            .map(|(place, is_default)| {
                                (*place, if *is_default { None } else { values.next() })
                            })
                            .collect();
                        changes.push(Change::Update { rid, cells });
                    }
                }
            }
        }
    }
    let explicit_identity = target.table.identity_column().is_some_and(|(at, ..)| {
        changes.iter().any(
            |c| matches!(c, Change::Insert(cells) if cells.get(at).is_some_and(Option::is_some)),
        )
    });
    let mut deletes = Vec::new();
    let mut updates = Vec::new();
    let mut inserts = Vec::new();
    for change in changes {
        match change {
            Change::Delete(_) => deletes.push(change),
            Change::Update { .. } => updates.push(change),
            Change::Insert(_) => inserts.push(change),
        }
    }
    let done = atomic(engine, state, target.database, |engine, state| {
        let mut done = apply_changes(engine, state, &target, deletes, false)?;
        for part in [
            apply_changes(engine, state, &target, updates, false)?,
            apply_changes(engine, state, &target, inserts, explicit_identity)?,
        ] {
            done.n_rows += part.n_rows;
            done.inserted.extend(part.inserted);
            done.deleted.extend(part.deleted);
        }
        Ok(done)
    })?;
    let n_rows = done.n_rows;
    emit_output(engine, state, statement.output.as_ref(), done, output)?;
    Ok(n_rows)
}

fn was_taken_here(changes: &[Change], rid: i64) -> bool {
    changes.iter().any(|c| match c {
        Change::Update { rid: held, .. } | Change::Delete(held) => *held == rid,
        Change::Insert(_) => false,
    })
}

/// Places of written columns, and which of them get their DEFAULT.
type WrittenCells = Vec<(usize, bool)>;

/// What a clause selects, and for each written column its place and whether it gets its DEFAULT.
fn clause_items(
    target: &Target,
    clause: &MergeClause,
    alias: &str,
) -> Result<(Vec<Expr>, WrittenCells), Message> {
    let place = |name: &str| {
        target
            .table
            .column(name)
            .map(|(at, _)| at)
            .ok_or_else(|| invalid_column(name))
    };
    let mut items = Vec::new();
    let mut cells = Vec::new();
    match &clause.action {
        MergeAction::Delete => items.push(row_id_of(alias)),
        MergeAction::Update(assignments) => {
            items.push(row_id_of(alias));
            for assignment in assignments {
                let Some(column) = &assignment.column else {
                    continue;
                };
                cells.push((place(column)?, assignment.value.is_none()));
                if let Some(value) = &assignment.value {
                    items.push(super::qualified(value, assignments, alias));
                }
            }
        }
        MergeAction::Insert { columns, values } => {
            let places = if columns.is_empty() {
                (0..target.table.columns.len())
                    .filter(|at| {
                        target
                            .table
                            .columns
                            .get(*at)
                            .is_some_and(|c| c.identity.is_none() && c.computed.is_none())
                    })
                    .collect()
            } else {
                columns
                    .iter()
                    .map(|c| place(c))
                    .collect::<Result<Vec<_>, _>>()?
            };
            if places.len() != values.len() {
                return Err(Message::error(
                    213,
                    "Column name or number of supplied values does not match table definition.",
                ));
            }
            for (place, value) in places.into_iter().zip(values) {
                cells.push((place, value.is_none()));
                items.extend(value.clone());
            }
        }
    }
    Ok((items, cells))
}

fn clause_query(
    statement: &Merge,
    clause: &MergeClause,
    alias: &str,
    items: Vec<Expr>,
) -> Result<Box<Query>, Message> {
    let mut target = table_in_from(&statement.target)?;
    set_alias(&mut target.relation, alias)?;
    let mut query = parse::parse_query_text("SELECT 1 FROM [x]")?;
    query.with.clone_from(&statement.with);
    let mut condition = clause.condition.clone();
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(invalid_column(ROW_ID_IDENTIFIER));
    };
    select.projection = items.into_iter().map(SelectItem::UnnamedExpr).collect();
    let not_there = |inner: TableFactor| -> Result<Expr, Message> {
        let mut subquery = parse::parse_query_text("SELECT 1 FROM [x]")?;
        if let SetExpr::Select(select) = subquery.body.as_mut() {
            if let Some(first) = select.from.first_mut() {
                first.relation = inner;
            }
            select.selection = Some(statement.on.clone());
        }
        Ok(Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(Expr::Exists {
                subquery,
                negated: false,
            }),
        })
    };
    let Some(first) = select.from.first_mut() else {
        return Err(invalid_column(ROW_ID_IDENTIFIER));
    };
    let missing = match clause.matching {
        Matching::Matched => {
            first.relation = target.relation;
            first.joins = vec![Join {
                relation: statement.source.clone(),
                global: false,
                join_operator: JoinOperator::Inner(JoinConstraint::On(statement.on.clone())),
            }];
            None
        }
        Matching::NotMatchedByTarget => {
            first.relation = statement.source.clone();
            Some(not_there(target.relation)?)
        }
        Matching::NotMatchedBySource => {
            first.relation = target.relation;
            Some(not_there(statement.source.clone())?)
        }
    };
    if let Some(missing) = missing {
        condition = Some(match condition {
            None => missing,
            Some(own) => Expr::BinaryOp {
                left: Box::new(missing),
                op: sqlparser::ast::BinaryOperator::And,
                right: Box::new(Expr::Nested(Box::new(own))),
            },
        });
    }
    select.selection = condition;
    Ok(query)
}

fn set_alias(factor: &mut TableFactor, name: &str) -> Result<(), Message> {
    let mut query = parse::parse_query_text("SELECT 1 FROM [x] AS [y]")?;
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(first) = select.from.first_mut()
        && let TableFactor::Table {
            alias: Some(template),
            ..
        } = &mut first.relation
        && let TableFactor::Table { alias, .. } = factor
    {
        let mut template: TableAlias = template.clone();
        template.name = parse::quoted(name);
        *alias = Some(template);
    }
    Ok(())
}
