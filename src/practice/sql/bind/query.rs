//! `SELECT`, set operations, common table expressions, ordering and limits.
//!
//! Every relation that leaves here names its columns `c0`, `c1`…

use super::term::Term;
use super::{Binder, unsupported};
use crate::practice::catalogue::same_name;
use crate::practice::reply::Message;
use crate::practice::sql::convert::NO_STYLE;
use crate::practice::sql::types;
use crate::practice::value::SqlType;
use sqlparser::ast::{
    Expr, LimitClause, OrderBy, OrderByExpr, OrderByKind, OrderBySort, Query, SetExpr, SetOperator,
    SetQuantifier, Values,
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
pub(super) enum Body {
    /// `SELECT [DISTINCT] projection tail`.
    Select {
        distinct: bool,
        projection: Vec<(Term, OutColumn)>,
        tail: String,
    },
    Done(Relation),
}

/// One key of an `ORDER BY`, ready to be written.
pub(super) struct SortKey {
    pub(super) sql: String,
    pub(super) descending: bool,
}

/// `OPTION (MAXRECURSION n)`, which the statement level keeps among the tree's settings.
fn max_recursion(query: &Query) -> Option<u32> {
    let setting = query.settings.as_ref()?.iter().find(|setting| {
        setting
            .key
            .value
            .eq_ignore_ascii_case(crate::practice::sql::parse::MAXRECURSION)
    })?;
    setting.value.to_string().parse().ok()
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
        if let Some(levels) = max_recursion(query) {
            self.max_recursion = levels;
        }
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

    pub(super) fn set_expression(&mut self, body: &SetExpr) -> Result<Body, Message> {
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
    pub(super) fn finish(
        &mut self,
        body: Body,
        types: Option<&[SqlType]>,
        keyed: bool,
    ) -> Relation {
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
    pub(super) fn len(&self) -> usize {
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

/// The place in the result that an `ORDER BY` item names by alias or number.
pub(super) fn position(expr: &Expr, columns: &[OutColumn]) -> Result<Option<usize>, Message> {
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

pub(super) fn descending(key: &OrderByExpr) -> bool {
    key.options.sort == Some(OrderBySort::Desc)
}

pub(super) fn sort_position(at: usize, columns: &[OutColumn], key: &OrderByExpr) -> SortKey {
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

pub(super) fn write_order(keys: &[SortKey]) -> String {
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

fn has_top(body: &SetExpr) -> bool {
    matches!(body, SetExpr::Select(select) if select.top.is_some())
}

pub(super) fn unequal_columns() -> Message {
    Message::error(
        205,
        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.",
    )
}
