//! `WITH`: common table expressions, recursive ones among them.

use super::query::{Body, OutColumn, Place, Relation, unequal_columns};
use super::scope::CommonTable;
use super::term::Term;
use super::{Binder, unsupported};
use crate::practice::catalogue::same_name;
use crate::practice::reply::Message;
use crate::practice::value::SqlType;
use sqlparser::ast::{Ident, Query, SetExpr, SetOperator, SetQuantifier, With};

impl Binder<'_> {
    pub(super) fn common_tables(&mut self, with: &With) -> Result<String, Message> {
        let mut parts = Vec::with_capacity(with.cte_tables.len());
        for cte in &with.cte_tables {
            let sqlite_name = self.alias();
            let names: Vec<&Ident> = cte.alias.columns.iter().map(|c| &c.name).collect();
            let (relation, recursive) =
                self.common_table(&cte.query, &cte.alias.name.value, &sqlite_name, &names)?;
            let columns = named_columns(&relation.columns, &names, &cte.alias.name.value)?;
            let mut list: Vec<String> = (0..columns.len()).map(|n| format!("c{n}")).collect();
            if recursive {
                list.push(level_of(&sqlite_name));
            }
            parts.push(format!(
                "{sqlite_name}({}) AS ({})",
                list.join(", "),
                relation.sql
            ));
            self.commons.push(CommonTable {
                name: cte.alias.name.value.clone(),
                sqlite_name,
                columns,
            });
        }
        // SQLite takes RECURSIVE whether or not one of them is.
        Ok(format!("WITH RECURSIVE {} ", parts.join(", ")))
    }

    /// One common table, and whether it names itself.
    ///
    /// Where it does, the anchor tells the columns, and one more counts how deep each row lies:
    /// a recursion without an end stops at `MAXRECURSION`, as it does on the real server.
    fn common_table(
        &mut self,
        query: &Query,
        name: &str,
        sqlite_name: &str,
        names: &[&Ident],
    ) -> Result<(Relation, bool), Message> {
        let SetExpr::SetOperation {
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            left,
            right,
        } = query.body.as_ref()
        else {
            return Ok((self.query(query, Place::Subquery)?, false));
        };
        if !mentions(right, name) {
            return Ok((self.query(query, Place::Subquery)?, false));
        }
        let anchor = self.set_expression(left)?;
        let anchor = self.finish(anchor, None, false);
        let columns = named_columns(&anchor.columns, names, name)?;
        let types: Vec<SqlType> = columns.iter().map(|c| c.1).collect();
        self.commons.push(CommonTable {
            name: name.to_owned(),
            sqlite_name: sqlite_name.to_owned(),
            columns,
        });
        let step = self.set_expression(right);
        self.commons.pop();
        let step = step?;
        if step.len() != types.len() {
            return Err(unequal_columns());
        }
        let Body::Select {
            distinct,
            mut projection,
            tail,
        } = step
        else {
            return Err(unsupported("recursive common table expression"));
        };
        projection.push((
            Term::computed(
                format!(
                    "tsql_deeper({}, {})",
                    level_of(sqlite_name),
                    self.max_recursion
                ),
                SqlType::Int,
            ),
            OutColumn {
                name: String::new(),
                ty: SqlType::Int,
                nullable: false,
                assigned: None,
            },
        ));
        let step = Body::Select {
            distinct,
            projection,
            tail,
        };
        let step = self.finish(step, Some(&types), false);
        let relation = Relation {
            sql: format!("SELECT *, 0 FROM ({}) UNION ALL {}", anchor.sql, step.sql),
            columns: anchor
                .columns
                .into_iter()
                .map(|c| OutColumn {
                    nullable: true,
                    ..c
                })
                .collect(),
        };
        Ok((relation, true))
    }
}

/// The column that counts the levels of a recursion; no other of the statement has its name.
fn level_of(sqlite_name: &str) -> String {
    format!("{sqlite_name}_level")
}

/// The columns under the names that an alias list gives them.
pub(super) fn named_columns(
    columns: &[OutColumn],
    names: &[&Ident],
    table: &str,
) -> Result<Vec<(String, SqlType, bool)>, Message> {
    if !names.is_empty() && names.len() != columns.len() {
        let (number, text) = if names.len() < columns.len() {
            (8158, "more")
        } else {
            (8159, "fewer")
        };
        return Err(Message::error(
            number,
            format!("'{table}' has {text} columns than were specified in the column list."),
        ));
    }
    columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let name = names
                .get(at)
                .map_or_else(|| column.name.clone(), |i| i.value.clone());
            if name.is_empty() {
                return Err(Message::error(
                    8155,
                    format!(
                        "No column name was specified for column {} of '{table}'.",
                        at + 1
                    ),
                )
                .with_state(2));
            }
            Ok((name, column.ty, column.nullable))
        })
        .collect()
}

/// Whether a table of that name stands in a `FROM` of the body.
fn mentions(body: &SetExpr, name: &str) -> bool {
    use sqlparser::ast::TableFactor;
    match body {
        SetExpr::Select(select) => select.from.iter().any(|from| {
            std::iter::once(&from.relation)
                .chain(from.joins.iter().map(|j| &j.relation))
                .any(|factor| match factor {
                    TableFactor::Table { name: table, .. } => match table.0.as_slice() {
                        [part] => part.as_ident().is_some_and(|i| same_name(&i.value, name)),
                        _ => false,
                    },
                    TableFactor::Derived { subquery, .. } => mentions(&subquery.body, name),
                    _ => false,
                })
        }),
        SetExpr::SetOperation { left, right, .. } => mentions(left, name) || mentions(right, name),
        SetExpr::Query(query) => mentions(&query.body, name),
        _ => false,
    }
}
