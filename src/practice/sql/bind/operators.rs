//! Arithmetic, concatenation, comparison.

use super::Binder;
use super::cast::comparable;
use super::term::{Origin, Term};
use crate::practice::reply::Message;
use crate::practice::sql::types::{self, Arithmetic, Family, family};
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::BinaryOperator;

impl Binder<'_> {
    /// `left op right` as a value.
    pub(super) fn arithmetic(
        &mut self,
        op: Arithmetic,
        left: Term,
        right: Term,
    ) -> Result<Term, Message> {
        let (a, b) = (left.ty, right.ty);
        let nullable = left.nullable || right.nullable;
        if op == Arithmetic::Add && !left.is_null() && !right.is_null() {
            match (family(a), family(b)) {
                (Family::Text, Family::Text) => return Ok(concatenate(left, right)),
                (Family::Binary, Family::Binary) => {
                    let ty = SqlType::VarBinary(types::joined(
                        types::text_length(a),
                        types::text_length(b),
                        8000,
                    ));
                    return Ok(Term::computed(
                        format!("CAST({} || {} AS BLOB)", left.sql, right.sql),
                        ty,
                    )
                    .nullable_if(nullable));
                }
                _ => {}
            }
        }
        // The old date types count in days.
        if matches!(a, SqlType::DateTime | SqlType::SmallDateTime)
            || matches!(b, SqlType::DateTime | SqlType::SmallDateTime)
        {
            return self.days(op, left, right);
        }
        if let Some(bad) = [a, b]
            .into_iter()
            .find(|t| !types::is_number(*t) && !types::is_text(*t) && family(*t) != Family::Binary)
        {
            return Err(
                if family(a) == family(b) && a != b
                    || family(a) != family(b) && family(bad) == Family::Moment
                {
                    Message::error(
                        206,
                        format!(
                            "Operand type clash: {} is incompatible with {}",
                            types::name(a),
                            types::name(b)
                        ),
                    )
                    .with_state(2)
                } else {
                    Message::error(
                        8117,
                        format!(
                            "Operand data type {} is invalid for {} operator.",
                            types::name(bad),
                            op.name()
                        ),
                    )
                },
            );
        }
        // What is no number becomes one of the other side's type.
        let number = |ty: SqlType, other: SqlType| {
            if types::is_number(ty) {
                ty
            } else if types::is_number(other) {
                other
            } else {
                SqlType::Int
            }
        };
        if types::is_text(a) && types::is_text(b) && !left.is_null() && !right.is_null() {
            return Err(Message::error(
                8117,
                format!(
                    "Operand data type {} is invalid for {} operator.",
                    types::name(a),
                    op.name()
                ),
            ));
        }
        let (ta, tb) = (number(a, b), number(b, a));
        let left = self.implicit(left, ta)?;
        let right = self.implicit(right, tb)?;
        let winner = if types::precedence(ta) >= types::precedence(tb) {
            ta
        } else {
            tb
        };
        let term = match family(winner) {
            Family::Approximate => {
                let sql = match op {
                    Arithmetic::Modulo => {
                        return Err(Message::error(
                            402,
                            format!(
                                "The data types {} and {} are incompatible in the modulo operator.",
                                types::name(ta),
                                types::name(tb)
                            ),
                        ));
                    }
                    Arithmetic::Divide => {
                        let left = self.cast(left, SqlType::Float, -1, super::cast::Failure::Error);
                        let right =
                            self.cast(right, SqlType::Float, -1, super::cast::Failure::Error);
                        format!("tsql_divide({}, {})", left.sql, right.sql)
                    }
                    _ => {
                        let left = self.cast(left, SqlType::Float, -1, super::cast::Failure::Error);
                        let right =
                            self.cast(right, SqlType::Float, -1, super::cast::Failure::Error);
                        format!("({} {} {})", left.sql, symbol(op), right.sql)
                    }
                };
                Term::computed(sql, winner)
            }
            Family::Integer => {
                let ty = if winner == SqlType::Bit {
                    SqlType::Int
                } else {
                    winner
                };
                Term::computed(integer(op, &left, &right, ty), ty)
            }
            _ => decimal(op, &left, &right, winner),
        };
        Ok(term.nullable_if(nullable))
    }

    /// `datetime + 1`, `datetime - datetime`.
    fn days(&mut self, op: Arithmetic, left: Term, right: Term) -> Result<Term, Message> {
        if !matches!(op, Arithmetic::Add | Arithmetic::Subtract) {
            return Err(Message::error(
                8117,
                format!(
                    "Operand data type {} is invalid for {} operator.",
                    types::name(if family(left.ty) == Family::Moment {
                        left.ty
                    } else {
                        right.ty
                    }),
                    op.name()
                ),
            ));
        }
        let nullable = left.nullable || right.nullable;
        let left = self.implicit(left, SqlType::DateTime)?;
        let right = self.implicit(right, SqlType::DateTime)?;
        Ok(Term::computed(
            format!("tsql_days({} {} {})", left.sql, symbol(op), right.sql),
            SqlType::DateTime,
        )
        .nullable_if(nullable))
    }

    /// `& | ^`.
    pub(super) fn bitwise(
        &mut self,
        op: &BinaryOperator,
        left: Term,
        right: Term,
    ) -> Result<Term, Message> {
        let ty = if types::precedence(left.ty) >= types::precedence(right.ty) {
            left.ty
        } else {
            right.ty
        };
        if family(ty) != Family::Integer {
            return Err(Message::error(
                402,
                format!(
                    "The data types {} and {} are incompatible in the '{op}' operator.",
                    types::name(left.ty),
                    types::name(right.ty)
                ),
            ));
        }
        let nullable = left.nullable || right.nullable;
        let left = self.implicit(left, ty)?;
        let right = self.implicit(right, ty)?;
        let (a, b) = (&left.sql, &right.sql);
        let sql = match op {
            BinaryOperator::BitwiseAnd => format!("({a} & {b})"),
            BinaryOperator::BitwiseOr => format!("({a} | {b})"),
            _ => format!("(({a} | {b}) - ({a} & {b}))"),
        };
        Ok(Term::computed(sql, ty).nullable_if(nullable))
    }

    /// `left op right` as a condition.
    pub(super) fn compare(&mut self, op: &str, left: Term, right: Term) -> Result<String, Message> {
        let (left, right) = self.alike(left, right)?;
        let (a, b) = keys(&left, &right);
        Ok(format!("({a} {op} {b})"))
    }

    /// Both sides as values that compare as they are stored.
    pub(super) fn alike(&mut self, left: Term, right: Term) -> Result<(Term, Term), Message> {
        if left.is_null() || right.is_null() || comparable(left.ty, right.ty) {
            return Ok((left, right));
        }
        if left.ty == SqlType::Xml || right.ty == SqlType::Xml {
            return Err(Message::error(
                305,
                "The xml data type cannot be compared or sorted, except when using the IS NULL operator.",
            ));
        }
        let ty = types::common(left.ty, right.ty);
        Ok((self.implicit(left, ty)?, self.implicit(right, ty)?))
    }

    /// The terms as one type, for `CASE`, `COALESCE`, `IN`.
    pub(super) fn unify(&mut self, terms: Vec<Term>) -> Result<(Vec<Term>, SqlType), Message> {
        let ty = common_type(&terms);
        let terms = terms
            .into_iter()
            .map(|term| self.implicit(term, ty))
            .collect::<Result<_, _>>()?;
        Ok((terms, ty))
    }
}

/// The type that holds all of them; NULL as written counts for nothing.
pub(super) fn common_type(terms: &[Term]) -> SqlType {
    terms
        .iter()
        .filter(|t| !t.is_null())
        .map(|t| t.ty)
        .reduce(types::common)
        .unwrap_or(SqlType::Int)
}

/// Both sides of a comparison, with the collation on the left one.
pub(super) fn keys(left: &Term, right: &Term) -> (String, String) {
    let text = |t: &Term| types::is_text(t.ty) && !t.is_null();
    if text(left) || text(right) {
        let collation = left.collation.or(right.collation).unwrap_or("tsql");
        (
            format!("{} COLLATE {collation}", left.sql),
            right.sql.clone(),
        )
    } else {
        (left.key(), right.key())
    }
}

fn symbol(op: Arithmetic) -> &'static str {
    match op {
        Arithmetic::Add => "+",
        Arithmetic::Subtract => "-",
        Arithmetic::Multiply => "*",
        Arithmetic::Divide => "/",
        Arithmetic::Modulo => "%",
    }
}

fn concatenate(left: Term, right: Term) -> Term {
    let length = |limit| {
        types::joined(
            types::text_length(left.ty),
            types::text_length(right.ty),
            limit,
        )
    };
    let unicode = types::is_unicode(left.ty) || types::is_unicode(right.ty);
    let whole = if unicode { length(4000) } else { length(8000) };
    let ty = if unicode {
        SqlType::NVarChar(whole)
    } else {
        SqlType::VarChar(whole)
    };
    let sum = match (types::text_length(left.ty), types::text_length(right.ty)) {
        (Length::Limited(a), Length::Limited(b)) => usize::from(a) + usize::from(b),
        _ => 0,
    };
    let constant = match (&left.constant, &right.constant) {
        (Some(Value::Text(a)), Some(Value::Text(b)))
            if left.origin == Origin::Literal && right.origin == Origin::Literal =>
        {
            Some(Value::Text(format!("{a}{b}")))
        }
        _ => None,
    };
    let limit = if unicode { 4000 } else { 8000 };
    let sql = if sum > limit {
        format!("substr({} || {}, 1, {limit})", left.sql, right.sql)
    } else {
        format!("({} || {})", left.sql, right.sql)
    };
    Term {
        sql,
        ty,
        nullable: left.nullable || right.nullable,
        origin: if constant.is_some() {
            Origin::Literal
        } else {
            Origin::Computed
        },
        constant: constant.filter(|_| sum <= limit),
        collation: left.collation.or(right.collation),
    }
}

fn integer(op: Arithmetic, left: &Term, right: &Term, ty: SqlType) -> String {
    let (a, b) = (&left.sql, &right.sql);
    match op {
        Arithmetic::Divide | Arithmetic::Modulo => match right.constant {
            Some(Value::Int(n)) if n != 0 && n != -1 => format!("({a} {} {b})", symbol(op)),
            _ if op == Arithmetic::Divide => format!("tsql_divide({a}, {b})"),
            _ => format!("tsql_modulo({a}, {b})"),
        },
        _ => format!("tsql_int(({a} {} {b}), {})", symbol(op), types::code(ty)),
    }
}

/// Arithmetic of `numeric` and `money`.
fn decimal(op: Arithmetic, left: &Term, right: &Term, winner: SqlType) -> Term {
    let size = |term: &Term| match (&term.constant, family(term.ty)) {
        // A literal has as many digits as it shows.
        (Some(Value::Int(n)), Family::Integer) if term.origin == Origin::Literal => {
            (n.unsigned_abs().max(1).ilog10() as u8 + 1, 0)
        }
        _ => types::as_numeric(term.ty),
    };
    let ty = if family(winner) == Family::Money {
        winner
    } else {
        let (precision, scale) = types::numeric_result(op, size(left), size(right));
        SqlType::Numeric { precision, scale }
    };
    Term::computed(
        format!(
            "tsql_arithmetic({}, {}, {}, {}, {}, {})",
            op as i32,
            left.sql,
            types::code(left.ty),
            right.sql,
            types::code(right.ty),
            types::code(ty)
        ),
        ty,
    )
}
