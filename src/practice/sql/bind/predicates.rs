//! Conditions: comparisons, `IN`, `LIKE`, `EXISTS`, and how they join.

use super::cast;
use super::operators::{common_type, keys};
use super::query::Place;
use super::term::Term;
use super::{Binder, unsupported};
use crate::practice::reply::Message;
use crate::practice::sql::types;
use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

/// Conditions joined by one operator before the tree is split, well below SQLite's depth of 1000.
const CHAIN: usize = 200;

impl Binder<'_> {
    /// Translates a condition: an SQLite expression that is true, false or NULL for unknown.
    pub(super) fn predicate(&mut self, expr: &Expr) -> Result<String, Message> {
        self.deeper(|binder| binder.predicate_inner(expr))
    }

    fn predicate_inner(&mut self, expr: &Expr) -> Result<String, Message> {
        match expr {
            Expr::Nested(inner) => self.predicate(inner),
            Expr::BinaryOp { left, op, right } => match op {
                BinaryOperator::And | BinaryOperator::Or => self.chain(expr, op),
                _ => {
                    let op = comparison(op).ok_or_else(non_boolean)?;
                    let left = self.value(left)?;
                    let right = self.value(right)?;
                    self.compare(op, left, right)
                }
            },
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => Ok(format!("(NOT {})", self.predicate(expr)?)),
            Expr::IsNull(expr) => Ok(format!("({} IS NULL)", self.value(expr)?.sql)),
            Expr::IsNotNull(expr) => Ok(format!("({} IS NOT NULL)", self.value(expr)?.sql)),
            Expr::IsDistinctFrom(left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.compare("IS NOT", left, right)
            }
            Expr::IsNotDistinctFrom(left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.compare("IS", left, right)
            }
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let value = self.value(expr)?;
                let low = self.value(low)?;
                let high = self.value(high)?;
                let above = self.compare(">=", value.clone(), low)?;
                let below = self.compare("<=", value, high)?;
                let sql = format!("({above} AND {below})");
                Ok(if *negated {
                    format!("(NOT {sql})")
                } else {
                    sql
                })
            }
            Expr::InList {
                expr,
                list,
                negated,
            } => self.in_list(expr, list, *negated),
            Expr::InSubquery {
                expr,
                subquery,
                negated,
            } => {
                let value = self.value(expr)?;
                let relation = self.query(subquery, Place::Subquery)?;
                let [column] = relation.columns.as_slice() else {
                    return Err(one_expression());
                };
                let inner = Term::computed("c0".to_owned(), column.ty);
                let (value, inner) = self.alike(value, inner)?;
                let rows = if inner.sql == "c0" && inner.key() == inner.sql {
                    relation.sql
                } else {
                    let alias = self.alias();
                    let (_, key) = keys(&value, &inner);
                    format!("SELECT {key} FROM ({}) AS {alias}", relation.sql)
                };
                let not = if *negated { "NOT " } else { "" };
                Ok(format!("({} {not}IN ({rows}))", value.key()))
            }
            Expr::Exists { subquery, negated } => {
                let relation = self.query(subquery, Place::Exists)?;
                let not = if *negated { "NOT " } else { "" };
                Ok(format!("({not}EXISTS ({}))", relation.sql))
            }
            Expr::Like {
                negated,
                expr,
                pattern,
                escape_char,
                ..
            } => {
                let value = self.value(expr)?;
                let value = self.as_text(value)?;
                let pattern = self.value(pattern)?;
                let pattern = self.as_text(pattern)?;
                let escape = match escape_char {
                    Some(escape) => format!(", {}", self.value(escape)?.sql),
                    None => String::new(),
                };
                let not = if *negated { "NOT " } else { "" };
                let exact = match value.collation.or(pattern.collation) {
                    Some("BINARY" | "tsql_cs") => "tsql_like_cs",
                    _ => "tsql_like",
                };
                Ok(format!(
                    "({not}{exact}({}, {}{escape}))",
                    value.sql, pattern.sql
                ))
            }
            Expr::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.quantified(left, compare_op, right, false),
            Expr::AllOp {
                left,
                compare_op,
                right,
            } => self.quantified(left, compare_op, right, true),
            _ => Err(non_boolean()),
        }
    }

    /// `a AND b AND …` without one level of depth for each.
    fn chain(&mut self, expr: &Expr, op: &BinaryOperator) -> Result<String, Message> {
        let mut operands = Vec::new();
        let mut rest = expr;
        loop {
            match rest {
                Expr::BinaryOp {
                    left,
                    op: this,
                    right,
                } if this == op => {
                    operands.push(right.as_ref());
                    rest = left;
                }
                _ => {
                    operands.push(rest);
                    break;
                }
            }
        }
        let word = if *op == BinaryOperator::And {
            " AND "
        } else {
            " OR "
        };
        let mut parts = Vec::with_capacity(operands.len());
        for operand in operands.into_iter().rev() {
            parts.push(self.predicate(operand)?);
        }
        while parts.len() > CHAIN {
            parts = parts
                .chunks(CHAIN)
                .map(|some| format!("({})", some.join(word)))
                .collect();
        }
        Ok(format!("({})", parts.join(word)))
    }

    fn in_list(&mut self, expr: &Expr, list: &[Expr], negated: bool) -> Result<String, Message> {
        let value = self.value(expr)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            items.push(self.value(item)?);
        }
        let mut all = vec![value];
        all.append(&mut items);
        let ty = common_type(&all);
        let mut keys_of = Vec::with_capacity(all.len());
        let mut collation = None;
        for term in all {
            collation = collation.or(term.collation);
            let term = if cast::comparable(term.ty, ty) {
                term
            } else {
                self.implicit(term, ty)?
            };
            keys_of.push(if types::is_text(ty) {
                term.sql
            } else {
                term.key()
            });
        }
        let (first, rest) = keys_of.split_first().ok_or_else(non_boolean)?;
        let not = if negated { "NOT " } else { "" };
        let collate = if types::is_text(ty) {
            format!(" COLLATE {}", collation.unwrap_or("tsql"))
        } else {
            String::new()
        };
        Ok(format!("({first}{collate} {not}IN ({}))", rest.join(", ")))
    }

    /// `x > ALL (SELECT …)`, `x = ANY (SELECT …)`.
    fn quantified(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        all: bool,
    ) -> Result<String, Message> {
        let op = comparison(op).ok_or_else(non_boolean)?;
        let Expr::Subquery(query) = right else {
            return Err(unsupported("ANY"));
        };
        let value = self.value(left)?;
        let relation = self.query(query, Place::Subquery)?;
        let [column] = relation.columns.as_slice() else {
            return Err(one_expression());
        };
        let alias = self.alias();
        let inner = Term::computed(format!("{alias}.c0"), column.ty);
        let test = self.compare(op, value, inner)?;
        Ok(if all {
            format!(
                "(NOT EXISTS (SELECT 1 FROM ({}) AS {alias} WHERE NOT coalesce({test}, 0)))",
                relation.sql
            )
        } else {
            format!(
                "(EXISTS (SELECT 1 FROM ({}) AS {alias} WHERE {test}))",
                relation.sql
            )
        })
    }
}

fn comparison(op: &BinaryOperator) -> Option<&'static str> {
    Some(match op {
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::Lt => "<",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Gt => ">",
        BinaryOperator::GtEq => ">=",
        _ => return None,
    })
}

/// 4145; the product names the word after the expression, which the tree no longer has.
fn non_boolean() -> Message {
    Message::error(
        4145,
        "An expression of non-boolean type specified in a context where a condition is expected, near ';'.",
    )
    .with_class(15)
}

pub(super) fn one_expression() -> Message {
    Message::error(
        116,
        "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
    )
}
