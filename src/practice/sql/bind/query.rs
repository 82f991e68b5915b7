//! `SELECT`, set operations, common table expressions, ordering and limits.
//!
//! Every relation that leaves here names its columns `c0`, `c1`…

use super::scope::{Clause, CommonTable, Grouping, Scope};
use super::term::{Origin, Term};
use super::walk::has_aggregate;
use super::{Binder, unsupported};
use crate::practice::catalogue::same_name;
use crate::practice::reply::Message;
use crate::practice::sql::convert::NO_STYLE;
use crate::practice::sql::environment::ROW_ID_IDENTIFIER;
use crate::practice::sql::types;
use crate::practice::value::{SqlType, Value};
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, LimitClause, OrderBy, OrderByExpr, OrderByKind,
    OrderBySort, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator,
    SetQuantifier, TopQuantity, Values, With,
};

/// A translated query.
pub(super) struct Relation {
    pub(super) sql: String,
    pub(super) columns: Vec<OutColumn>,
}

/// A column of a translated query.
#[derive(Clone, Debug)]
pub(super) struct OutColumn {
    pub(super) name: String,
    pub(super) ty: SqlType,
    pub(super) nullable: bool,
    /// The variable that takes it.
    pub(super) assigned: Option<String>,
}

/// Where a query stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Statement,
    /// In parentheses, where `ORDER BY` needs `TOP`.
    Subquery,
    /// Its columns do not matter.
    Exists,
}

/// A query before its columns are brought to their final types.
enum Body {
    /// `SELECT [DISTINCT] projection tail`.
    Select {
        distinct: bool,
        projection: Vec<(Term, OutColumn)>,
        tail: String,
    },
    Done(Relation),
}

/// One key of an `ORDER BY`, ready to be written.
struct SortKey {
    sql: String,
    descending: bool,
}

impl Binder<'_> {
    /// Translates a query with everything around its body.
    pub(super) fn query(&mut self, query: &Query, place: Place) -> Result<Relation, Message> {
        self.deeper(|binder| {
            let n_commons = binder.commons.len();
            let result = binder.query_with(query, place);
            binder.commons.truncate(n_commons);
            result
        })
    }

    fn query_with(&mut self, query: &Query, place: Place) -> Result<Relation, Message> {
        let with = match &query.with {
            Some(with) => self.common_tables(with)?,
            None => String::new(),
        };
        let order: &[OrderByExpr] = match &query.order_by {
            Some(OrderBy {
                kind: OrderByKind::Expressions(keys),
                ..
            }) => keys,
            Some(_) => return Err(unsupported("ORDER BY ALL")),
            None => &[],
        };
        let limit = self.limit(query)?;
        if place != Place::Statement
            && !order.is_empty()
            && limit.is_empty()
            && query.for_clause.is_none()
            && !has_top(&query.body)
        {
            return Err(Message::error(
                1033,
                "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table expressions, unless TOP, OFFSET or FOR XML is also specified.",
            )
            .with_class(15));
        }
        let body = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, order, &limit, place)?,
            other => {
                let body = self.set_expression(other)?;
                let relation = self.finish(body, None, false);
                let keys = self.sort_result(order, &relation.columns)?;
                Body::Done(Relation {
                    sql: format!("{}{}{limit}", relation.sql, write_order(&keys)),
                    columns: relation.columns,
                })
            }
        };
        let mut relation = self.finish(body, None, false);
        if let Some(for_clause) = &query.for_clause {
            relation = self.for_clause(for_clause, relation)?;
        }
        relation.sql = format!("{with}{}", relation.sql);
        Ok(relation)
    }

    /// `OFFSET n ROWS FETCH NEXT m ROWS ONLY`.
    fn limit(&mut self, query: &Query) -> Result<String, Message> {
        let offset = match &query.limit_clause {
            Some(LimitClause::LimitOffset {
                limit: None,
                offset,
                ..
            }) => offset.as_ref(),
            Some(_) => {
                return Err(Message::error(102, "Incorrect syntax near 'LIMIT'.").with_class(15));
            }
            None => None,
        };
        let rows = match query.fetch.as_ref().and_then(|f| f.quantity.as_ref()) {
            Some(rows) => {
                let term = self.value(rows)?;
                Some(self.as_int(term)?.sql)
            }
            None => None,
        };
        let skip = match offset {
            Some(offset) => {
                let term = self.value(&offset.value)?;
                Some(self.as_int(term)?.sql)
            }
            None => None,
        };
        Ok(match (rows, skip) {
            (None, None) => String::new(),
            (rows, skip) => format!(
                " LIMIT {} OFFSET {}",
                rows.unwrap_or_else(|| "-1".to_owned()),
                skip.unwrap_or_else(|| "0".to_owned())
            ),
        })
    }

    fn common_tables(&mut self, with: &With) -> Result<String, Message> {
        let mut parts = Vec::with_capacity(with.cte_tables.len());
        for cte in &with.cte_tables {
            let sqlite_name = self.alias();
            let names: Vec<&Ident> = cte.alias.columns.iter().map(|c| &c.name).collect();
            let relation =
                self.common_table(&cte.query, &cte.alias.name.value, &sqlite_name, &names)?;
            let columns = named_columns(&relation.columns, &names, &cte.alias.name.value)?;
            let list: Vec<String> = (0..columns.len()).map(|n| format!("c{n}")).collect();
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

    /// One common table: where it names itself, the anchor tells the columns.
    fn common_table(
        &mut self,
        query: &Query,
        name: &str,
        sqlite_name: &str,
        names: &[&Ident],
    ) -> Result<Relation, Message> {
        let SetExpr::SetOperation {
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            left,
            right,
        } = query.body.as_ref()
        else {
            return self.query(query, Place::Subquery);
        };
        if !mentions(right, name) {
            return self.query(query, Place::Subquery);
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
        let step = self.finish(step, Some(&types), false);
        Ok(Relation {
            sql: format!("{} UNION ALL {}", anchor.sql, step.sql),
            columns: anchor
                .columns
                .into_iter()
                .map(|c| OutColumn {
                    nullable: true,
                    ..c
                })
                .collect(),
        })
    }

    fn set_expression(&mut self, body: &SetExpr) -> Result<Body, Message> {
        self.deeper(|binder| binder.set_expression_inner(body))
    }

    fn set_expression_inner(&mut self, body: &SetExpr) -> Result<Body, Message> {
        match body {
            SetExpr::Select(select) => self.select(select, &[], "", Place::Statement),
            SetExpr::Query(query) => Ok(Body::Done(self.query(query, Place::Statement)?)),
            SetExpr::Values(values) => Ok(Body::Done(self.values(values)?)),
            SetExpr::SetOperation {
                left,
                op,
                set_quantifier,
                right,
            } => {
                // A chain of one operator nests to the left; walk it instead of recursing.
                let mut operands = vec![(*op, *set_quantifier, right.as_ref())];
                let mut rest = left.as_ref();
                while let SetExpr::SetOperation {
                    left,
                    op,
                    set_quantifier,
                    right,
                } = rest
                {
                    operands.push((*op, *set_quantifier, right.as_ref()));
                    rest = left;
                }
                let mut bodies = vec![self.set_expression(rest)?];
                let mut words = Vec::new();
                for (op, quantifier, operand) in operands.into_iter().rev() {
                    bodies.push(self.set_expression(operand)?);
                    words.push(match (op, quantifier) {
                        (SetOperator::Union, SetQuantifier::All) => "UNION ALL",
                        (SetOperator::Union, _) => "UNION",
                        (SetOperator::Except | SetOperator::Minus, _) => "EXCEPT",
                        (SetOperator::Intersect, _) => "INTERSECT",
                    });
                }
                Ok(Body::Done(self.combine(bodies, &words)?))
            }
            _ => Err(unsupported("query")),
        }
    }

    /// `a UNION b EXCEPT c …`, from left to right, with columns of common types.
    fn combine(&mut self, bodies: Vec<Body>, words: &[&str]) -> Result<Relation, Message> {
        let n_columns = bodies.first().map_or(0, Body::len);
        if bodies.iter().any(|b| b.len() != n_columns) {
            return Err(unequal_columns());
        }
        let types: Vec<SqlType> = (0..n_columns)
            .map(|at| {
                bodies
                    .iter()
                    .filter_map(|b| b.column_type(at))
                    .reduce(types::common)
                    .unwrap_or(SqlType::Int)
            })
            .collect();
        let columns: Vec<OutColumn> = (0..n_columns)
            .map(|at| OutColumn {
                name: bodies
                    .first()
                    .map(|b| b.column_name(at))
                    .unwrap_or_default(),
                ty: types.get(at).copied().unwrap_or(SqlType::Int),
                nullable: bodies.iter().any(|b| b.column_nullable(at)),
                assigned: None,
            })
            .collect();
        let keyed = words.iter().any(|w| *w != "UNION ALL");
        let mut sql = String::new();
        for (at, body) in bodies.into_iter().enumerate() {
            if let Some(word) = at.checked_sub(1).and_then(|at| words.get(at)) {
                sql.push_str(&format!(" {word} "));
            }
            let relation = self.finish(body, Some(&types), keyed);
            sql.push_str(&format!("SELECT * FROM ({})", relation.sql));
        }
        Ok(Relation { sql, columns })
    }

    fn values(&mut self, values: &Values) -> Result<Relation, Message> {
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            let mut terms = Vec::new();
            for expr in row.iter() {
                terms.push(self.value(expr)?);
            }
            rows.push(terms);
        }
        let n_columns = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|r| r.len() != n_columns) {
            return Err(Message::error(
                10709,
                "The number of columns for each row in a table value constructor must be the same.",
            ));
        }
        let mut columns = Vec::with_capacity(n_columns);
        for at in 0..n_columns {
            let ty = rows
                .iter()
                .filter_map(|r| r.get(at))
                .filter(|t| !t.is_null())
                .map(|t| t.ty)
                .reduce(types::common)
                .unwrap_or(SqlType::Int);
            columns.push(OutColumn {
                name: String::new(),
                ty,
                nullable: rows.iter().any(|r| r.get(at).is_some_and(|t| t.nullable)),
                assigned: None,
            });
        }
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            let mut line = Vec::with_capacity(n_columns);
            for (term, column) in row.into_iter().zip(&columns) {
                line.push(self.implicit(term, column.ty)?.sql);
            }
            lines.push(format!("({})", line.join(", ")));
        }
        let names: Vec<String> = (0..n_columns)
            .map(|n| format!("column{} AS c{n}", n + 1))
            .collect();
        Ok(Relation {
            sql: format!(
                "SELECT {} FROM (VALUES {})",
                names.join(", "),
                lines.join(", ")
            ),
            columns,
        })
    }

    /// Writes a body out, its columns brought to `types`; `keyed` when rows will be compared.
    fn finish(&mut self, body: Body, types: Option<&[SqlType]>, keyed: bool) -> Relation {
        let wanted =
            |at: usize, have: SqlType| types.and_then(|t| t.get(at)).copied().unwrap_or(have);
        match body {
            Body::Select {
                distinct,
                projection,
                tail,
            } => {
                let mut list = Vec::with_capacity(projection.len());
                let mut columns = Vec::with_capacity(projection.len());
                for (at, (term, column)) in projection.into_iter().enumerate() {
                    let ty = wanted(at, column.ty);
                    let term = if ty == term.ty && !term.is_null() {
                        term
                    } else {
                        self.cast(term, ty, NO_STYLE, super::cast::Failure::Error)
                    };
                    let sql = if (distinct || keyed) && types::is_text(ty) {
                        term.key()
                    } else {
                        term.sql
                    };
                    list.push(format!("{sql} AS c{at}"));
                    columns.push(OutColumn { ty, ..column });
                }
                let word = if distinct { "DISTINCT " } else { "" };
                Relation {
                    sql: format!("SELECT {word}{}{tail}", list.join(", ")),
                    columns,
                }
            }
            Body::Done(relation) => {
                let same =
                    relation.columns.iter().enumerate().all(|(at, c)| {
                        wanted(at, c.ty) == c.ty && !(keyed && types::is_text(c.ty))
                    });
                if same {
                    return relation;
                }
                let projection = relation
                    .columns
                    .into_iter()
                    .enumerate()
                    .map(|(at, column)| {
                        let term = Term::computed(format!("c{at}"), column.ty);
                        (term, column)
                    })
                    .collect();
                let body = Body::Select {
                    distinct: false,
                    projection,
                    tail: format!(" FROM ({})", relation.sql),
                };
                self.finish(body, types, keyed)
            }
        }
    }

    /// `ORDER BY` over the columns of a result.
    fn sort_result(
        &mut self,
        order: &[OrderByExpr],
        columns: &[OutColumn],
    ) -> Result<Vec<SortKey>, Message> {
        let mut keys = Vec::with_capacity(order.len());
        for key in order {
            let at = position(&key.expr, columns)?.ok_or_else(|| {
                Message::error(
                    104,
                    "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator.",
                )
            })?;
            keys.push(sort_position(at, columns, key));
        }
        Ok(keys)
    }

    fn select(
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

impl OutColumn {
    pub(super) fn unnamed(ty: SqlType) -> Self {
        Self {
            name: String::new(),
            ty,
            nullable: false,
            assigned: None,
        }
    }
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Self::Select { projection, .. } => projection.len(),
            Self::Done(relation) => relation.columns.len(),
        }
    }

    /// `None` for NULL as written, which takes the type of the others.
    fn column_type(&self, at: usize) -> Option<SqlType> {
        match self {
            Self::Select { projection, .. } => projection
                .get(at)
                .filter(|(term, _)| !term.is_null())
                .map(|(_, c)| c.ty),
            Self::Done(relation) => relation.columns.get(at).map(|c| c.ty),
        }
    }

    fn column_name(&self, at: usize) -> String {
        match self {
            Self::Select { projection, .. } => projection.get(at).map(|(_, c)| c.name.clone()),
            Self::Done(relation) => relation.columns.get(at).map(|c| c.name.clone()),
        }
        .unwrap_or_default()
    }

    fn column_nullable(&self, at: usize) -> bool {
        match self {
            Self::Select { projection, .. } => projection.get(at).map(|(_, c)| c.nullable),
            Self::Done(relation) => relation.columns.get(at).map(|c| c.nullable),
        }
        .unwrap_or(true)
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

/// The place in the result that an `ORDER BY` item names by alias or number.
fn position(expr: &Expr, columns: &[OutColumn]) -> Result<Option<usize>, Message> {
    match expr {
        Expr::Identifier(name) => {
            let mut found = columns
                .iter()
                .enumerate()
                .filter(|(_, c)| same_name(&c.name, &name.value))
                .map(|(at, _)| at);
            Ok(found.next())
        }
        Expr::Value(value) => {
            let sqlparser::ast::Value::Number(text, _) = &value.value else {
                return Ok(None);
            };
            match text.parse::<usize>() {
                Ok(n) if (1..=columns.len()).contains(&n) => Ok(Some(n - 1)),
                Ok(n) => Err(Message::error(
                    108,
                    format!(
                        "The ORDER BY position number {n} is out of range of the number of items in the select list."
                    ),
                )
                .with_class(15)),
                Err(_) => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

fn descending(key: &OrderByExpr) -> bool {
    key.options.sort == Some(OrderBySort::Desc)
}

fn sort_position(at: usize, columns: &[OutColumn], key: &OrderByExpr) -> SortKey {
    let text = columns.get(at).is_some_and(|c| types::is_text(c.ty));
    SortKey {
        sql: if text {
            format!("{} COLLATE tsql", at + 1)
        } else {
            (at + 1).to_string()
        },
        descending: descending(key),
    }
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

fn write_order(keys: &[SortKey]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let keys: Vec<String> = keys
        .iter()
        .map(|k| {
            let direction = if k.descending { " DESC" } else { "" };
            format!("{}{direction}", k.sql)
        })
        .collect();
    format!(" ORDER BY {}", keys.join(", "))
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

fn has_top(body: &SetExpr) -> bool {
    matches!(body, SetExpr::Select(select) if select.top.is_some())
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

fn unequal_columns() -> Message {
    Message::error(
        205,
        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.",
    )
}
