//! One `SELECT`: its columns, grouping, order and `TOP`.

use super::query::{
    Body, OutColumn, Place, Relation, SortKey, descending, position, sort_position, write_order,
};
use super::scope::{Clause, Grouping, Scope};
use super::term::{Origin, Term};
use super::walk::has_aggregate;
use super::{Binder, unsupported};
use crate::practice::catalogue::same_name;
use crate::practice::reply::Message;
use crate::practice::sql::environment::ROW_ID_IDENTIFIER;
use crate::practice::value::{SqlType, Value};
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, OrderByExpr, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TopQuantity,
};

impl Binder<'_> {
    pub(super) fn select(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        limit: &str,
        place: Place,
    ) -> Result<Body, Message> {
        if select.into.is_some() && place != Place::Statement {
            return Err(
                Message::error(156, "Incorrect syntax near the keyword 'into'.").with_class(15),
            );
        }
        // Tables see the scopes outside, and in APPLY those on their left.
        let (scope, from) = self.with_scope(Scope::default(), |binder| binder.from(&select.from));
        let from = from?;
        let (_, body) = self.with_scope(scope, |binder| {
            binder.select_in_scope(select, order, limit, place, &from)
        });
        body
    }

    fn select_in_scope(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        limit: &str,
        place: Place,
        from: &str,
    ) -> Result<Body, Message> {
        let mut tail = String::new();
        if !from.is_empty() {
            tail.push_str(" FROM ");
            tail.push_str(from);
        }
        if let Some(condition) = &select.selection {
            if has_aggregate(condition) {
                return Err(Message::error(
                    147,
                    "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference.",
                )
                .with_class(15));
            }
            let sql = self.in_clause(Clause::Where, |b| b.predicate(condition))?;
            tail.push_str(&format!(" WHERE {sql}"));
        }
        let grouped = self.group_by(select, order, &mut tail)?;
        if let Some(having) = &select.having {
            let sql = self.in_clause(Clause::Having, |b| b.predicate(having))?;
            // A HAVING without GROUP BY makes one group of all rows.
            if !grouped {
                tail.push_str(" GROUP BY NULL");
            }
            tail.push_str(&format!(" HAVING {sql}"));
        }
        let distinct = matches!(select.distinct, Some(Distinct::Distinct));
        let mut projection = self.projection(&select.projection, place)?;
        let named = projection
            .iter()
            .filter(|(_, c)| c.assigned.is_some())
            .count();
        if named > 0 && named < projection.len() {
            return Err(Message::error(
                141,
                "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.",
            )
            .with_class(15));
        }
        if place == Place::Exists && projection.is_empty() {
            projection.push((
                Term {
                    origin: Origin::Literal,
                    ..Term::computed("1".to_owned(), SqlType::Int)
                },
                OutColumn::unnamed(SqlType::Int),
            ));
        }
        let keys = self.in_clause(Clause::OrderBy, |b| {
            b.sort_keys(order, &projection, distinct)
        })?;
        let Some(top) = &select.top else {
            tail.push_str(&write_order(&keys));
            tail.push_str(limit);
            return Ok(Body::Select {
                distinct,
                projection,
                tail,
            });
        };
        if !limit.is_empty() {
            return Err(Message::error(
                10741,
                "A TOP can not be used in the same query or sub-query as a OFFSET.",
            )
            .with_class(15));
        }
        let n = match &top.quantity {
            Some(TopQuantity::Constant(n)) => n.to_string(),
            Some(TopQuantity::Expr(expr)) => {
                let term = self.value(expr)?;
                if matches!(term.constant, Some(Value::Int(n)) if n < 0) {
                    return Err(Message::error(
                        1060,
                        "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.",
                    ));
                }
                let to = if top.percent {
                    SqlType::Float
                } else {
                    SqlType::BigInt
                };
                self.implicit(term, to)?.sql
            }
            None => "1".to_owned(),
        };
        if !top.with_ties && !top.percent {
            tail.push_str(&write_order(&keys));
            tail.push_str(&format!(" LIMIT {n}"));
            return Ok(Body::Select {
                distinct,
                projection,
                tail,
            });
        }
        Ok(self.top_by_window(
            top.with_ties,
            top.percent,
            &n,
            distinct,
            projection,
            &keys,
            tail,
        ))
    }

    /// `TOP … WITH TIES` and `TOP … PERCENT`: rows are numbered first.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one SELECT, used here only"
    )]
    fn top_by_window(
        &mut self,
        with_ties: bool,
        percent: bool,
        n: &str,
        distinct: bool,
        projection: Vec<(Term, OutColumn)>,
        keys: &[SortKey],
        tail: String,
    ) -> Body {
        let inner = self.finish(
            Body::Select {
                distinct,
                projection,
                tail: String::new(),
            },
            None,
            false,
        );
        let order = write_order(keys);
        let rank = if with_ties { "rank()" } else { "row_number()" };
        let count = if percent { "count(*) OVER ()" } else { "0" };
        let limit = if percent {
            format!("tsql_ceiling(_n * {n} / 100.0)")
        } else {
            n.to_owned()
        };
        let head = inner.sql;
        let list: Vec<String> = (0..inner.columns.len())
            .map(|at| format!("c{at}"))
            .collect();
        let list = list.join(", ");
        let numbered = if distinct {
            // DISTINCT comes before the numbering.
            let positions: Vec<String> = keys
                .iter()
                .map(|k| {
                    let direction = if k.descending { " DESC" } else { "" };
                    match k.sql.split_once(' ') {
                        Some((at, rest)) => format!("{} {rest}{direction}", column_at(at)),
                        None => format!("{}{direction}", column_at(&k.sql)),
                    }
                })
                .collect();
            let order = if positions.is_empty() {
                String::new()
            } else {
                format!("ORDER BY {}", positions.join(", "))
            };
            format!(
                "SELECT {list}, {rank} OVER ({order}) AS _r, {count} AS _n, row_number() OVER ({order}) AS _o FROM ({head}{tail})"
            )
        } else {
            format!(
                "{head}, {rank} OVER ({order}) AS _r, {count} AS _n, row_number() OVER ({order}) AS _o{tail}"
            )
        };
        Body::Done(Relation {
            sql: format!("SELECT {list} FROM ({numbered}) WHERE _r <= {limit} ORDER BY _o"),
            columns: inner.columns,
        })
    }

    /// Writes `GROUP BY` and tells the scope what may be shown; answers whether rows are grouped by something.
    fn group_by(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        tail: &mut String,
    ) -> Result<bool, Message> {
        let GroupByExpr::Expressions(expressions, modifiers) = &select.group_by else {
            return Err(unsupported("GROUP BY ALL"));
        };
        if !modifiers.is_empty()
            || expressions
                .iter()
                .any(|e| matches!(e, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_)))
        {
            return Err(unsupported("GROUP BY ROLLUP"));
        }
        let aggregated = select.having.is_some()
            || order.iter().any(|o| has_aggregate(&o.expr))
            || select.projection.iter().any(|item| match item {
                SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } => {
                    has_aggregate(e)
                }
                _ => false,
            });
        if expressions.is_empty() && !aggregated {
            return Ok(false);
        }
        let mut keys = Vec::new();
        let mut columns = Vec::new();
        for expr in expressions {
            if let Expr::Function(function) = expr
                && matches!(
                    super::walk::function_name(function).as_str(),
                    "rollup" | "cube"
                )
            {
                return Err(unsupported("GROUP BY ROLLUP"));
            }
            // `GROUP BY ()` groups all.
            if matches!(expr, Expr::Tuple(parts) if parts.is_empty()) {
                continue;
            }
            if has_aggregate(expr) {
                return Err(Message::error(
                    144,
                    "Cannot use an aggregate or a subquery in an expression used for the group by list of a GROUP BY clause.",
                )
                .with_class(15));
            }
            let term = self.value(expr)?;
            if term.origin == Origin::Literal {
                return Err(Message::error(
                    164,
                    "Each GROUP BY expression must contain at least one column that is not an outer reference.",
                )
                .with_class(15));
            }
            if term.origin == Origin::Column {
                columns.push(term.sql.clone());
            }
            keys.push(term.key());
        }
        if !keys.is_empty() {
            tail.push_str(&format!(" GROUP BY {}", keys.join(", ")));
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.grouping = Some(Grouping {
                expressions: expressions.clone(),
                columns,
            });
        }
        Ok(!keys.is_empty())
    }

    fn projection(
        &mut self,
        items: &[SelectItem],
        place: Place,
    ) -> Result<Vec<(Term, OutColumn)>, Message> {
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let term = self.value(expr)?;
                    let name = match expr {
                        Expr::Identifier(i) if !i.value.starts_with('@') => {
                            self.column_label(std::slice::from_ref(i))
                        }
                        Expr::CompoundIdentifier(parts) => self.column_label(parts),
                        _ => String::new(),
                    };
                    all.push(out(term, name, None));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    if alias.value.starts_with('@') && alias.quote_style.is_none() {
                        let Some((ty, _)) = self.variables.find(&alias.value) else {
                            return Err(Message::error(
                                137,
                                format!("Must declare the scalar variable \"{}\".", alias.value),
                            )
                            .with_class(15)
                            .with_state(1));
                        };
                        let term = self.value(expr)?;
                        let term = self.implicit(term, ty)?;
                        all.push(out(term, String::new(), Some(alias.value.clone())));
                    } else {
                        let term = self.value(expr)?;
                        all.push(out(term, alias.value.clone(), None));
                    }
                }
                SelectItem::Wildcard(_) if place == Place::Exists => {}
                SelectItem::Wildcard(_) => {
                    let before = all.len();
                    self.all_columns(&[], &mut all)?;
                    if all.len() == before {
                        return Err(Message::error(263, "Must specify table to select from."));
                    }
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    let parts: Vec<Ident> = name
                        .0
                        .iter()
                        .filter_map(|p| p.as_ident().cloned())
                        .collect();
                    let before = all.len();
                    self.all_columns(&parts, &mut all)?;
                    if all.len() == before {
                        let text: Vec<&str> = parts.iter().map(|p| p.value.as_str()).collect();
                        return Err(Message::error(
                            107,
                            format!(
                                "The column prefix '{}' does not match with a table name or alias name used in the query.",
                                text.join(".")
                            ),
                        )
                        .with_class(15));
                    }
                }
                _ => return Err(unsupported("SELECT")),
            }
        }
        Ok(all)
    }

    /// A column's name as its table spells it, which a result shows whatever the query wrote.
    fn column_label(&self, parts: &[Ident]) -> String {
        let Some((last, qualifier)) = parts.split_last() else {
            return String::new();
        };
        self.scopes
            .iter()
            .rev()
            .flat_map(|s| &s.sources)
            .filter(|s| s.matches(qualifier))
            .flat_map(|s| &s.columns)
            .find(|c| same_name(&c.name, &last.value))
            .map_or_else(|| last.value.clone(), |c| c.name.clone())
    }

    fn all_columns(
        &mut self,
        qualifier: &[Ident],
        all: &mut Vec<(Term, OutColumn)>,
    ) -> Result<(), Message> {
        let Some(scope) = self.scopes.last() else {
            return Ok(());
        };
        let sources = scope.sources.clone();
        for source in sources.iter().filter(|s| s.matches(qualifier)) {
            for column in &source.columns {
                let name = [
                    Ident::new(source.name.clone()),
                    Ident::new(column.name.clone()),
                ];
                // Grouping is checked as for a column that is named; ambiguity cannot arise.
                if scope_is_grouped(self) {
                    self.column(&name)?;
                }
                let term = Term {
                    origin: Origin::Column,
                    nullable: column.nullable,
                    ..Term::computed(column.sql.clone(), column.ty)
                };
                all.push(out(term, column.name.clone(), None));
            }
        }
        Ok(())
    }

    /// The keys of `ORDER BY`: names and positions of the result first, then expressions over the tables.
    fn sort_keys(
        &mut self,
        order: &[OrderByExpr],
        projection: &[(Term, OutColumn)],
        distinct: bool,
    ) -> Result<Vec<SortKey>, Message> {
        let columns: Vec<OutColumn> = projection.iter().map(|(_, c)| c.clone()).collect();
        let mut keys = Vec::with_capacity(order.len());
        for key in order {
            if let Some(at) = position(&key.expr, &columns)? {
                // Written out rather than by position, so that it can stand in a window too.
                keys.push(match projection.get(at) {
                    Some((term, _)) if !distinct => SortKey {
                        sql: not_a_position(&term.key()),
                        descending: descending(key),
                    },
                    _ => sort_position(at, &columns, key),
                });
                continue;
            }
            let term = self.value(&key.expr)?;
            if distinct {
                let at = projection
                    .iter()
                    .position(|(t, _)| t.sql == term.sql)
                    .ok_or_else(|| {
                        Message::error(
                            145,
                            "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.",
                        )
                        .with_class(15)
                    })?;
                keys.push(sort_position(at, &columns, key));
                continue;
            }
            if matches!(term.origin, Origin::Literal | Origin::Null) {
                return Err(Message::error(
                    408,
                    "A constant expression was encountered in the ORDER BY list, position 1.",
                ));
            }
            keys.push(SortKey {
                sql: not_a_position(&term.key()),
                descending: descending(key),
            });
        }
        Ok(keys)
    }
}

fn scope_is_grouped(binder: &Binder<'_>) -> bool {
    binder
        .scopes
        .last()
        .is_some_and(|scope| scope.grouping.is_some())
}

fn out(term: Term, name: String, assigned: Option<String>) -> (Term, OutColumn) {
    let column = OutColumn {
        // The hidden row number keeps out of sight in results, too.
        name: if name == ROW_ID_IDENTIFIER {
            String::new()
        } else {
            name
        },
        ty: term.ty,
        nullable: term.nullable,
        assigned,
    };
    (term, column)
}

/// An expression that SQLite does not take for the number of a column.
fn not_a_position(sql: &str) -> String {
    if sql.bytes().all(|b| b.is_ascii_digit()) {
        format!("(0 + {sql})")
    } else {
        sql.to_owned()
    }
}

/// `c3` for position 4.
fn column_at(position: &str) -> String {
    match position.parse::<usize>() {
        Ok(n) => format!("c{}", n.saturating_sub(1)),
        Err(_) => position.to_owned(),
    }
}
