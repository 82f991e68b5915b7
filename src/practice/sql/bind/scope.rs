//! Which names an expression can see.

use super::Binder;
use super::term::{Origin, Term};
use crate::practice::catalogue::same_name;
use crate::practice::reply::Message;
use crate::practice::sql::environment::ROW_ID_IDENTIFIER;
use crate::practice::value::SqlType;
use sqlparser::ast::{Expr, Ident};

/// The tables of one `SELECT`, and what its `GROUP BY` lets through.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) sources: Vec<Source>,
    pub(super) grouping: Option<Grouping>,
    /// Inside the argument of an aggregate every column may stand.
    pub(super) inside_aggregate: bool,
    /// What 8120 and its relatives name.
    pub(super) clause: Clause,
}

/// Which clause is being bound, for the numbers of errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Clause {
    #[default]
    Select,
    Having,
    OrderBy,
    Where,
    On,
}

/// What a grouped query may show outside of aggregates.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouping {
    pub(super) expressions: Vec<Expr>,
    /// SQL of the grouped columns.
    pub(super) columns: Vec<String>,
}

/// A table in a `FROM`.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The alias, or the table's own name.
    pub(super) name: String,
    /// Schema and database of a table without alias.
    pub(super) schema: Option<String>,
    pub(super) database: Option<String>,
    pub(super) columns: Vec<SourceColumn>,
    /// The hidden row number, of real tables.
    pub(super) row_id: Option<String>,
}

/// A column that a table offers.
#[derive(Clone, Debug)]
pub(super) struct SourceColumn {
    pub(super) name: String,
    pub(super) ty: SqlType,
    pub(super) nullable: bool,
    /// How SQLite is asked for it.
    pub(super) sql: String,
}

/// A common table expression.
#[derive(Clone, Debug)]
pub(super) struct CommonTable {
    pub(super) name: String,
    pub(super) sqlite_name: String,
    pub(super) columns: Vec<(String, SqlType, bool)>,
}

impl Binder<'_> {
    /// Runs `inner` with a `SELECT`'s own scope in sight.
    pub(super) fn with_scope<T>(
        &mut self,
        scope: Scope,
        inner: impl FnOnce(&mut Self) -> Result<T, Message>,
    ) -> (Scope, Result<T, Message>) {
        self.scopes.push(scope);
        let result = inner(self);
        let scope = self.scopes.pop().unwrap_or_default();
        (scope, result)
    }

    /// The column that a name of one to four parts means.
    pub(super) fn column(&mut self, parts: &[Ident]) -> Result<Term, Message> {
        let Some((last, qualifier)) = parts.split_last() else {
            return Err(Message::error(207, "Invalid column name ''."));
        };
        for scope in self.scopes.iter().rev() {
            let mut found: Option<(&Source, &SourceColumn)> = None;
            let mut qualifier_known = false;
            for source in &scope.sources {
                if !source.matches(qualifier) {
                    continue;
                }
                qualifier_known = true;
                if last.value == ROW_ID_IDENTIFIER
                    && let Some(sql) = &source.row_id
                {
                    return Ok(Term {
                        origin: Origin::Column,
                        nullable: false,
                        ..Term::computed(sql.clone(), SqlType::BigInt)
                    });
                }
                for column in source
                    .columns
                    .iter()
                    .filter(|c| same_name(&c.name, &last.value))
                {
                    if found.is_some() {
                        return Err(Message::error(
                            209,
                            format!("Ambiguous column name '{}'.", last.value),
                        ));
                    }
                    found = Some((source, column));
                }
            }
            if let Some((source, column)) = found {
                let term = Term {
                    origin: Origin::Column,
                    nullable: column.nullable,
                    ..Term::computed(column.sql.clone(), column.ty)
                };
                scope.check_grouped(source, column)?;
                return Ok(term);
            }
            if qualifier_known && !qualifier.is_empty() {
                return Err(invalid_column(&last.value));
            }
        }
        if qualifier.is_empty() {
            Err(invalid_column(&last.value))
        } else {
            let name: Vec<&str> = parts.iter().map(|p| p.value.as_str()).collect();
            Err(Message::error(
                4104,
                format!(
                    "The multi-part identifier \"{}\" could not be bound.",
                    name.join(".")
                ),
            ))
        }
    }
}

/// 207.
pub(super) fn invalid_column(name: &str) -> Message {
    Message::error(207, format!("Invalid column name '{name}'."))
}

impl Source {
    /// Whether the parts before a column's name mean this table.
    pub(super) fn matches(&self, qualifier: &[Ident]) -> bool {
        let same = |have: &Option<String>, want: &Ident| {
            want.value.is_empty() || have.as_ref().is_some_and(|h| same_name(h, &want.value))
        };
        match qualifier {
            [] => true,
            [table] => same_name(&self.name, &table.value),
            [schema, table] => same_name(&self.name, &table.value) && same(&self.schema, schema),
            [database, schema, table] => {
                same_name(&self.name, &table.value)
                    && same(&self.schema, schema)
                    && same(&self.database, database)
            }
            _ => false,
        }
    }
}

impl Scope {
    fn check_grouped(&self, source: &Source, column: &SourceColumn) -> Result<(), Message> {
        let Some(grouping) = &self.grouping else {
            return Ok(());
        };
        if self.inside_aggregate || grouping.columns.contains(&column.sql) {
            return Ok(());
        }
        let name = format!("{}.{}", source.name, column.name);
        Err(match self.clause {
            Clause::Having => Message::error(
                8121,
                format!(
                    "Column '{name}' is invalid in the HAVING clause because it is not contained in either an aggregate function or the GROUP BY clause."
                ),
            ),
            Clause::OrderBy => Message::error(
                8127,
                format!(
                    "Column \"{name}\" is invalid in the ORDER BY clause because it is not contained in either an aggregate function or the GROUP BY clause."
                ),
            ),
            _ => Message::error(
                8120,
                format!(
                    "Column '{name}' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause."
                ),
            ),
        })
    }
}
