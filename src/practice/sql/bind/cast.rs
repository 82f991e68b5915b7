//! Conversions between types, written as cheaply as the two encodings allow.

use super::Binder;
use super::term::{Origin, Term};
use crate::practice::catalogue::storage;
use crate::practice::reply::Message;
use crate::practice::sql::convert::{self, NO_STYLE};
use crate::practice::sql::types::{self, Family, family};
use crate::practice::value::{Length, SqlType, Value};

impl Binder<'_> {
    /// The conversion that T-SQL makes without being asked; 257 and 206 where it does not.
    pub(super) fn implicit(&mut self, term: Term, to: SqlType) -> Result<Term, Message> {
        let from = term.ty;
        if !term.is_null() && from != to {
            let refused = match (family(from), family(to)) {
                (Family::Variant, to) => to != Family::Variant,
                (Family::Text, Family::Binary) => true,
                (
                    Family::Moment,
                    Family::Integer | Family::Numeric | Family::Approximate | Family::Money,
                ) => true,
                (Family::Moment, Family::Guid | Family::Binary) => true,
                _ => false,
            };
            if refused {
                return Err(Message::error(
                    257,
                    format!(
                        "Implicit conversion from data type {} to {} is not allowed. Use the CONVERT function to run this query.",
                        types::name(from),
                        types::name(to)
                    ),
                )
                .with_state(3));
            }
            let clash = match (family(from), family(to)) {
                (
                    Family::Guid,
                    Family::Integer
                    | Family::Numeric
                    | Family::Approximate
                    | Family::Money
                    | Family::Moment,
                )
                | (
                    Family::Integer | Family::Numeric | Family::Approximate | Family::Money,
                    Family::Guid,
                ) => true,
                (
                    Family::Integer | Family::Numeric | Family::Approximate | Family::Money,
                    Family::Moment,
                ) => !matches!(to, SqlType::DateTime | SqlType::SmallDateTime),
                _ => false,
            };
            if clash {
                return Err(Message::error(
                    206,
                    format!(
                        "Operand type clash: {} is incompatible with {}",
                        types::name(from),
                        types::name(to)
                    ),
                )
                .with_state(2));
            }
        }
        Ok(self.cast(term, to, NO_STYLE, Failure::Error))
    }

    /// `CAST` and its relatives, with a style that is known.
    pub(super) fn cast(&mut self, term: Term, to: SqlType, style: i32, failure: Failure) -> Term {
        if term.is_null() {
            return Term {
                ty: to,
                origin: Origin::Literal,
                ..Term::null()
            };
        }
        let from = term.ty;
        if let Some(value) = &term.constant {
            match convert::convert(value.clone(), from, to, style) {
                Ok(value) => return self.constant(value, to, term.origin),
                Err(_) if failure == Failure::Null => {
                    return self.constant(Value::Null, to, Origin::Literal);
                }
                // The error belongs to running: the branch may never be taken.
                Err(_) => {}
            }
        }
        let sql = match inline(&term.sql, from, to) {
            Some(sql) if style == NO_STYLE || types::is_text(from) || !types::is_text(to) => sql,
            _ => format!(
                "{}({}, {}, {}, {style})",
                failure.function(),
                term.sql,
                types::code(from),
                types::code(to)
            ),
        };
        Term {
            sql,
            ty: to,
            nullable: term.nullable || failure == Failure::Null,
            constant: None,
            origin: Origin::Computed,
            collation: term.collation,
        }
    }

    /// `CONVERT` with a style that only running tells.
    pub(super) fn cast_with(
        &mut self,
        term: Term,
        to: SqlType,
        style: &Term,
        failure: Failure,
    ) -> Term {
        let sql = format!(
            "{}({}, {}, {}, {})",
            failure.function(),
            term.sql,
            types::code(term.ty),
            types::code(to),
            style.sql
        );
        Term::computed(sql, to)
    }

    /// The term as a text of its own length.
    pub(super) fn as_text(&mut self, term: Term) -> Result<Term, Message> {
        if family(term.ty) == Family::Text {
            return Ok(term);
        }
        let length = types::text_length(term.ty);
        let to = match family(term.ty) {
            Family::Xml => SqlType::NVarChar(length),
            _ => SqlType::VarChar(length),
        };
        self.implicit(term, to)
    }

    /// The term as an `int`.
    pub(super) fn as_int(&mut self, term: Term) -> Result<Term, Message> {
        match term.ty {
            SqlType::Int
            | SqlType::BigInt
            | SqlType::SmallInt
            | SqlType::TinyInt
            | SqlType::Bit => Ok(term),
            _ => self.implicit(term, SqlType::Int),
        }
    }
}

/// What a conversion that fails gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Error,
    /// `TRY_CAST`, `TRY_CONVERT`.
    Null,
}

impl Failure {
    fn function(self) -> &'static str {
        match self {
            Self::Error => "tsql_cast",
            Self::Null => "tsql_try_cast",
        }
    }
}

/// The conversion without a function call, where the encodings allow it.
fn inline(sql: &str, from: SqlType, to: SqlType) -> Option<String> {
    if same_encoding(from, to) {
        return Some(sql.to_owned());
    }
    match (family(from), family(to)) {
        (Family::Integer, Family::Integer) if to == SqlType::Bit => Some(format!("({sql} <> 0)")),
        (Family::Integer, Family::Approximate) => Some(format!("CAST({sql} AS REAL)")),
        (Family::Integer, Family::Numeric) => {
            let (digits, _) = types::as_numeric(from);
            match to {
                SqlType::Numeric { precision, scale }
                    if precision <= 18 && digits + scale <= precision =>
                {
                    Some(if scale == 0 {
                        sql.to_owned()
                    } else {
                        format!("({sql} * {})", 10_i64.pow(u32::from(scale)))
                    })
                }
                _ => None,
            }
        }
        (Family::Text, Family::Text)
            if matches!(to, SqlType::VarChar(_) | SqlType::NVarChar(_)) =>
        {
            match types::text_length(to) {
                Length::Limited(n) => Some(format!("substr({sql}, 1, {n})")),
                Length::Max => Some(sql.to_owned()),
            }
        }
        _ => None,
    }
}

/// Whether every value of `from` is stored as the same value of `to`.
fn same_encoding(from: SqlType, to: SqlType) -> bool {
    if from == to {
        return true;
    }
    match (from, to) {
        (
            SqlType::Numeric {
                precision: p1,
                scale: s1,
            },
            SqlType::Numeric {
                precision: p2,
                scale: s2,
            },
        ) => s1 == s2 && p2 >= p1 && storage(from) == storage(to),
        (SqlType::DateTime2(a), SqlType::DateTime2(b)) | (SqlType::Time(a), SqlType::Time(b)) => {
            b >= a
        }
        (SqlType::DateTimeOffset(a), SqlType::DateTimeOffset(b)) => b >= a,
        (SqlType::SmallMoney, SqlType::Money) | (SqlType::Real, SqlType::Float) => true,
        _ => match (family(from), family(to)) {
            (Family::Integer, Family::Integer) => {
                to != SqlType::Bit && types::precedence(to) >= types::precedence(from)
            }
            (Family::Text, Family::Text) | (Family::Binary, Family::Binary) => {
                !matches!(
                    to,
                    SqlType::Char(_) | SqlType::NChar(_) | SqlType::Binary(_)
                ) && types::wider(types::text_length(from), types::text_length(to))
                    == types::text_length(to)
            }
            (Family::Guid, Family::Text) => {
                !matches!(to, SqlType::Char(_) | SqlType::NChar(_))
                    && types::wider(Length::Limited(36), types::text_length(to))
                        == types::text_length(to)
            }
            _ => false,
        },
    }
}

/// Whether two types can be compared as they are stored.
pub(super) fn comparable(a: SqlType, b: SqlType) -> bool {
    if a == b {
        return true;
    }
    let small = |ty: SqlType| match ty {
        SqlType::Numeric { precision, scale } if precision <= 18 => Some(scale),
        _ if family(ty) == Family::Integer => Some(0),
        _ if family(ty) == Family::Money => Some(4),
        _ => None,
    };
    if let (Some(x), Some(y)) = (small(a), small(b)) {
        return x == y;
    }
    match (a, b) {
        (SqlType::Numeric { scale: x, .. }, SqlType::Numeric { scale: y, .. }) => {
            x == y && storage(a) == storage(b)
        }
        (SqlType::DateTime2(_), SqlType::DateTime2(_))
        | (SqlType::Time(_), SqlType::Time(_))
        | (SqlType::DateTimeOffset(_), SqlType::DateTimeOffset(_)) => true,
        _ => matches!(
            (family(a), family(b)),
            (Family::Text, Family::Text)
                | (Family::Binary, Family::Binary)
                | (Family::Approximate, Family::Approximate | Family::Integer)
                | (Family::Integer, Family::Approximate)
        ),
    }
}
