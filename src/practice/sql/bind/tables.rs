//! `FROM`: tables, derived tables, joins, APPLY, system views.

use super::common_tables::named_columns;
use super::query::Place;
use super::scope::{Clause, Source, SourceColumn};
use super::table_functions::is_hint;
use super::{Binder, unsupported};
use crate::practice::catalogue::system::{self, SystemView};
use crate::practice::catalogue::{ROW_ID, Table, quote, same_name, storage};
use crate::practice::reply::Message;
use crate::practice::sql::instance::ViewRequest;
use crate::practice::value::{SqlType, Value};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    TableAlias, TableFactor, TableWithJoins,
};
use std::sync::Arc;

/// How a table comes to the ones on its left.
pub(super) enum Coming {
    First,
    /// The words before the table, and whether rows on the left stay without a partner.
    Joined(&'static str),
    Apply {
        outer: bool,
    },
}

/// What a name in `FROM` means.
enum Meaning {
    Common(String, Vec<(String, SqlType, bool)>),
    Real {
        sqlite: String,
        table: Arc<Table>,
        schema: Option<String>,
        database: Option<String>,
    },
    View {
        view: &'static SystemView,
        database: i32,
    },
    Rows(usize),
}

impl Binder<'_> {
    /// Writes a `FROM` and fills the innermost scope with its tables.
    pub(super) fn from(&mut self, from: &[TableWithJoins]) -> Result<String, Message> {
        let mut sql = String::new();
        for (at, item) in from.iter().enumerate() {
            let coming = if at == 0 {
                Coming::First
            } else {
                Coming::Joined(" JOIN ")
            };
            self.join_tree(item, coming, &mut sql)?;
        }
        Ok(sql)
    }

    fn join_tree(
        &mut self,
        item: &TableWithJoins,
        coming: Coming,
        sql: &mut String,
    ) -> Result<(), Message> {
        self.factor(&item.relation, &coming, sql)?;
        for join in &item.joins {
            self.join(join, sql)?;
        }
        Ok(())
    }

    fn join(&mut self, join: &Join, sql: &mut String) -> Result<(), Message> {
        let (words, constraint) = match &join.join_operator {
            JoinOperator::Join(c) | JoinOperator::Inner(c) => (" JOIN ", Some(c)),
            JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (" LEFT JOIN ", Some(c)),
            JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (" RIGHT JOIN ", Some(c)),
            JoinOperator::FullOuter(c) => (" FULL JOIN ", Some(c)),
            JoinOperator::CrossJoin(_) => (" JOIN ", None),
            JoinOperator::CrossApply => {
                return self.factor(&join.relation, &Coming::Apply { outer: false }, sql);
            }
            JoinOperator::OuterApply => {
                return self.factor(&join.relation, &Coming::Apply { outer: true }, sql);
            }
            _ => return Err(unsupported("JOIN")),
        };
        let n_before = self.scopes.last().map_or(0, |s| s.sources.len());
        self.factor(&join.relation, &Coming::Joined(words), sql)?;
        match constraint {
            Some(JoinConstraint::On(condition)) => {
                let condition = self.in_clause(Clause::On, |b| b.predicate(condition))?;
                sql.push_str(&format!(" ON {condition}"));
            }
            Some(_) => {
                return Err(Message::error(102, "Incorrect syntax near 'JOIN'.").with_class(15));
            }
            None => {}
        }
        if let Some(scope) = self.scopes.last_mut() {
            let (left, right) = scope.sources.split_at_mut(n_before);
            if matches!(words, " LEFT JOIN " | " FULL JOIN ") {
                optional(right);
            }
            if matches!(words, " RIGHT JOIN " | " FULL JOIN ") {
                optional(left);
            }
        }
        Ok(())
    }

    pub(super) fn add(&mut self, source: Source) -> Result<(), Message> {
        if let Some(scope) = self.scopes.last_mut() {
            if scope.sources.iter().any(|s| {
                same_name(&s.name, &source.name)
                    && s.schema == source.schema
                    && s.database == source.database
            }) && !source.name.is_empty()
            {
                return Err(Message::error(
                    1013,
                    format!(
                        "The objects \"{0}\" and \"{0}\" in the FROM clause have the same exposed names. Use correlation names to distinguish them.",
                        source.name
                    ),
                ));
            }
            scope.sources.push(source);
        }
        Ok(())
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        coming: &Coming,
        sql: &mut String,
    ) -> Result<(), Message> {
        match factor {
            TableFactor::Table {
                name, alias, args, ..
            } => {
                let arguments: Option<Vec<&Expr>> = args.as_ref().map(|a| {
                    a.args
                        .iter()
                        .filter_map(|arg| match arg {
                            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
                            _ => None,
                        })
                        .collect()
                });
                match arguments {
                    Some(arguments) if !is_hint(&arguments) => {
                        self.table_function(name, &arguments, alias.as_ref(), coming, sql)
                    }
                    _ => self.named_table(name, alias.as_ref(), coming, sql),
                }
            }
            TableFactor::Function {
                name, args, alias, ..
            } => {
                let arguments: Vec<&Expr> = args
                    .iter()
                    .filter_map(|arg| match arg {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
                        _ => None,
                    })
                    .collect();
                self.table_function(name, &arguments, alias.as_ref(), coming, sql)
            }
            TableFactor::Derived {
                subquery, alias, ..
            } => {
                let lateral = matches!(coming, Coming::Apply { .. });
                // Only APPLY sees the tables on its left.
                let hidden = if lateral {
                    None
                } else {
                    self.scopes
                        .last_mut()
                        .map(|s| std::mem::take(&mut s.sources))
                };
                let relation = self.query(subquery, Place::Subquery);
                if let Some(hidden) = hidden
                    && let Some(scope) = self.scopes.last_mut()
                {
                    scope.sources = hidden;
                }
                let relation = relation?;
                let (name, names) = alias_parts(alias.as_ref());
                let columns = named_columns(&relation.columns, &names, &name)?;
                match coming {
                    Coming::Apply { outer } => {
                        self.lateral(&relation.sql, name, columns, *outer, sql)
                    }
                    _ => {
                        let source = self.alias();
                        sql.push_str(&format!(
                            "{}({}) AS {source}",
                            words_before(coming),
                            relation.sql
                        ));
                        self.add(positional_source(name, &source, columns))
                    }
                }
            }
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => {
                let mut inner = String::new();
                self.join_tree(table_with_joins, Coming::First, &mut inner)?;
                sql.push_str(&format!("{}({inner})", words_before(coming)));
                Ok(())
            }
            TableFactor::OpenJsonTable {
                json_expr,
                json_path,
                columns,
                alias,
            } => self.open_json(
                json_expr,
                json_path.as_ref(),
                columns,
                alias.as_ref(),
                coming,
                sql,
            ),
            TableFactor::Pivot { .. } => Err(unsupported("PIVOT")),
            TableFactor::Unpivot { .. } => Err(unsupported("UNPIVOT")),
            _ => Err(unsupported("FROM")),
        }
    }

    /// A subquery for every row on the left: its rows travel as a JSON array.
    fn lateral(
        &mut self,
        query: &str,
        name: String,
        columns: Vec<(String, SqlType, bool)>,
        outer: bool,
        sql: &mut String,
    ) -> Result<(), Message> {
        let each = self.alias();
        let packed: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, (_, ty, _))| {
                if storage(*ty) == "BLOB" {
                    // JSON carries no bytes.
                    format!("CASE WHEN c{at} IS NOT NULL THEN hex(c{at}) END")
                } else {
                    format!("c{at}")
                }
            })
            .collect();
        let join = if outer { " LEFT JOIN " } else { " JOIN " };
        sql.push_str(&format!(
            "{join}json_each((SELECT json_group_array(json_array({})) FROM ({query}))) AS {each} ON 1",
            packed.join(", ")
        ));
        let columns = columns
            .into_iter()
            .enumerate()
            .map(|(at, (name, ty, nullable))| SourceColumn {
                sql: if storage(ty) == "BLOB" {
                    format!("unhex({each}.value ->> {at})")
                } else {
                    format!("({each}.value ->> {at})")
                },
                name,
                ty,
                nullable: nullable || outer,
            })
            .collect();
        self.add(Source {
            name,
            schema: None,
            database: None,
            columns,
            row_id: None,
        })
    }

    fn named_table(
        &mut self,
        name: &ObjectName,
        alias: Option<&TableAlias>,
        coming: &Coming,
        sql: &mut String,
    ) -> Result<(), Message> {
        let parts: Vec<&Ident> = name.0.iter().filter_map(|p| p.as_ident()).collect();
        let meaning = self.meaning(&parts)?;
        let own_name = parts.last().map(|i| i.value.clone()).unwrap_or_default();
        let (alias_name, _) = alias_parts(alias);
        let aliased = alias.is_some();
        let shown = if aliased { alias_name } else { own_name };
        let source = self.alias();
        let before = words_before(coming);
        match meaning {
            Meaning::Common(sqlite, columns) => {
                sql.push_str(&format!("{before}{sqlite} AS {source}"));
                self.add(positional_source(shown, &source, columns))
            }
            Meaning::Real {
                sqlite,
                table,
                schema,
                database,
            } => {
                sql.push_str(&format!("{before}{sqlite} AS {source}"));
                let columns = table
                    .columns
                    .iter()
                    .map(|c| SourceColumn {
                        name: c.name.clone(),
                        ty: c.ty,
                        nullable: c.nullable,
                        sql: format!("{source}.{}", quote(&c.name)),
                    })
                    .collect();
                self.add(Source {
                    name: shown,
                    schema: schema.filter(|_| !aliased),
                    database: database.filter(|_| !aliased),
                    columns,
                    row_id: Some(format!("{source}.{ROW_ID}")),
                })
            }
            Meaning::View { view, database } => {
                if view.n_arguments > 0 {
                    return Err(invalid_object(&parts));
                }
                let rows = self.view_rows(view, database, None)?;
                sql.push_str(&format!("{before}({rows}) AS {source}"));
                let mut made = positional_source(shown, &source, view_columns(view));
                if !aliased {
                    made.schema = Some(view.schema.to_owned());
                    made.database = self.instance.database_name(database);
                }
                self.add(made)
            }
            Meaning::Rows(at) => {
                let Some(held) = self.rows.get(at).cloned() else {
                    return Err(invalid_object(&parts));
                };
                let columns: Vec<(String, SqlType, bool)> = held
                    .columns
                    .iter()
                    .map(|c| (c.name.clone(), c.ty, c.nullable))
                    .collect();
                let mut rows = Vec::with_capacity(held.rows.len());
                for (row_id, values) in &held.rows {
                    let mut line = vec![row_id.to_string()];
                    for (value, (_, ty, _)) in values.iter().zip(&columns) {
                        line.push(self.value_literal(value, *ty));
                    }
                    rows.push(line);
                }
                let inner = values_relation(columns.len() + 1, &rows);
                sql.push_str(&format!("{before}({inner}) AS {source}"));
                let columns = columns
                    .into_iter()
                    .enumerate()
                    .map(|(at, (name, ty, nullable))| SourceColumn {
                        name,
                        ty,
                        nullable,
                        sql: format!("{source}.c{}", at + 1),
                    })
                    .collect();
                self.add(Source {
                    name: shown,
                    schema: None,
                    database: None,
                    columns,
                    row_id: Some(format!("{source}.c0")),
                })
            }
        }
    }

    fn meaning(&mut self, parts: &[&Ident]) -> Result<Meaning, Message> {
        let (database, schema, name) = match parts {
            [name] => (None, "", name.value.as_str()),
            [schema, name] => (None, schema.value.as_str(), name.value.as_str()),
            [database, schema, name] => (
                Some(database.value.as_str()),
                schema.value.as_str(),
                name.value.as_str(),
            ),
            [server, ..] => {
                return Err(Message::error(
                    7202,
                    format!(
                        "Could not find server '{}' in sys.servers. Verify that the correct server name was specified. If necessary, execute the stored procedure sp_addlinkedserver to add the server to sys.servers.",
                        server.value
                    ),
                )
                .with_class(11)
                .with_state(2));
            }
            [] => return Err(invalid_object(parts)),
        };
        if parts.len() == 1 {
            if let Some(common) = self.commons.iter().rev().find(|c| same_name(&c.name, name)) {
                return Ok(Meaning::Common(
                    common.sqlite_name.clone(),
                    common.columns.clone(),
                ));
            }
            if let Some(at) = self.rows.iter().position(|r| same_name(&r.name, name)) {
                return Ok(Meaning::Rows(at));
            }
        }
        if name.starts_with('#') || (name.starts_with('@') && parts.len() == 1) {
            let Some(temp) = self.temp.find(name) else {
                return Err(if name.starts_with('@') {
                    Message::error(1087, format!("Must declare the table variable \"{name}\"."))
                        .with_class(15)
                        .with_state(2)
                } else {
                    invalid_object(parts)
                });
            };
            return Ok(Meaning::Real {
                sqlite: format!("temp.{}", quote(&temp.sqlite_name)),
                table: Arc::clone(&temp.table),
                schema: None,
                database: None,
            });
        }
        let database_id = match database {
            None | Some("") => self.session.database,
            Some(name) => self
                .instance
                .database_id(name)
                .ok_or_else(|| invalid_object(parts))?,
        };
        if database_id != self.session.database && self.is_azure() {
            let text: Vec<&str> = parts.iter().map(|p| p.value.as_str()).collect();
            return Err(not_supported_reference(&text.join(".")));
        }
        // Agent's views show its tables.
        let name = match name.to_ascii_lowercase().as_str() {
            "sysjobs_view" => "sysjobs",
            "sysschedules_localserver_view" => "sysschedules",
            _ => name,
        };
        if let Some(view) = system::view(schema, name) {
            return Ok(Meaning::View {
                view,
                database: database_id,
            });
        }
        let schema_name = if schema.is_empty() { "dbo" } else { schema };
        let sqlite_schema = self.instance.attach(database_id)?;
        let table = self
            .instance
            .catalogue(database_id)
            .and_then(|c| c.table(schema_name, name))
            .map(Arc::clone)
            .ok_or_else(|| invalid_object(parts))?;
        Ok(Meaning::Real {
            sqlite: format!("{}.{}", quote(&sqlite_schema), quote(&table.sqlite_name())),
            schema: Some(table.schema.clone()),
            table,
            database: self.instance.database_name(database_id),
        })
    }

    /// Azure SQL Database knows no other database than the one it is connected to.
    pub(super) fn is_azure(&self) -> bool {
        !self.session.service
            && matches!(
                self.instance.server_property("EngineEdition"),
                Some((_, Value::Int(5)))
            )
    }

    /// The rows of a system view as they are now, written out.
    pub(super) fn view_rows(
        &mut self,
        view: &'static SystemView,
        database: i32,
        arguments: Option<&[Value]>,
    ) -> Result<String, Message> {
        let rows = self.instance.view_rows(&ViewRequest {
            view,
            database,
            session: self.session,
            now: self.now,
            arguments,
        })?;
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            let mut line = Vec::with_capacity(row.len());
            for (value, column) in row.iter().zip(&view.columns) {
                line.push(self.value_literal(value, column.ty));
            }
            lines.push(line);
        }
        Ok(values_relation(view.columns.len(), &lines))
    }
}

/// `SELECT column1 AS c0 … FROM (VALUES …)`.
fn values_relation(n_columns: usize, rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        let list: Vec<String> = (0..n_columns).map(|at| format!("NULL AS c{at}")).collect();
        return format!("SELECT {} WHERE 0", list.join(", "));
    }
    let list: Vec<String> = (0..n_columns)
        .map(|at| format!("column{} AS c{at}", at + 1))
        .collect();
    let rows: Vec<String> = rows
        .iter()
        .map(|row| format!("({})", row.join(", ")))
        .collect();
    format!(
        "SELECT {} FROM (VALUES {})",
        list.join(", "),
        rows.join(", ")
    )
}

pub(super) fn view_columns(view: &SystemView) -> Vec<(String, SqlType, bool)> {
    view.columns
        .iter()
        .map(|c| (c.name.clone(), c.ty, c.nullable))
        .collect()
}

pub(super) fn positional_source(
    name: String,
    sqlite: &str,
    columns: Vec<(String, SqlType, bool)>,
) -> Source {
    Source {
        name,
        schema: None,
        database: None,
        columns: columns
            .into_iter()
            .enumerate()
            .map(|(at, (name, ty, nullable))| SourceColumn {
                name,
                ty,
                nullable,
                sql: format!("{sqlite}.c{at}"),
            })
            .collect(),
        row_id: None,
    }
}

pub(super) fn optional(sources: &mut [Source]) {
    for column in sources.iter_mut().flat_map(|s| &mut s.columns) {
        column.nullable = true;
    }
}

pub(super) fn alias_parts(alias: Option<&TableAlias>) -> (String, Vec<&Ident>) {
    alias.map_or_else(
        || (String::new(), Vec::new()),
        |a| {
            (
                a.name.value.clone(),
                a.columns.iter().map(|c| &c.name).collect(),
            )
        },
    )
}

pub(super) fn words_before(coming: &Coming) -> &'static str {
    match coming {
        Coming::First => "",
        Coming::Joined(words) => words,
        Coming::Apply { outer: true } => " LEFT JOIN ",
        Coming::Apply { outer: false } => " JOIN ",
    }
}

/// 208.
pub(super) fn invalid_object(parts: &[&Ident]) -> Message {
    let name: Vec<&str> = parts.iter().map(|p| p.value.as_str()).collect();
    Message::error(208, format!("Invalid object name '{}'.", name.join(".")))
}

/// 40515.
pub(in crate::practice::sql) fn not_supported_reference(written: &str) -> Message {
    Message::error(
        40515,
        format!(
            "Reference to database and/or server name in '{written}' is not supported in this version of SQL Server."
        ),
    )
}
