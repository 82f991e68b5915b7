//! Calls of number functions.

use super::Binder;
use super::aggregates::wrong_arguments;
use super::calls::list;
use super::cast::Failure;
use super::term::{Origin, Term};
use crate::practice::reply::Message;
use crate::practice::sql::convert::NO_STYLE;
use crate::practice::sql::types::{self};
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::Expr;

impl Binder<'_> {
    /// Functions of numbers, and what is drawn or digested.
    pub(super) fn number_call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        match name {
            "abs" | "sign" | "ceiling" | "floor" => {
                let [n] = self.terms::<1>(name, given)?;
                let n = self.as_number(n)?;
                let ty = match (name, n.ty) {
                    ("ceiling" | "floor", SqlType::Numeric { precision, .. }) => SqlType::Numeric {
                        precision,
                        scale: 0,
                    },
                    (_, SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt) => SqlType::Int,
                    (_, SqlType::Real) => SqlType::Float,
                    (_, SqlType::SmallMoney) => SqlType::Money,
                    (_, ty) => ty,
                };
                Ok(Term::computed(
                    format!(
                        "tsql_{name}({}, {}, {})",
                        n.sql,
                        types::code(n.ty),
                        types::code(ty)
                    ),
                    ty,
                )
                .nullable_if(n.nullable))
            }
            "round" => {
                let terms = self.some_terms(name, given, 2, 3)?;
                let mut terms = terms.into_iter();
                let first = terms.next().unwrap_or_else(Term::null);
                let n = self.as_number(first)?;
                let digits = terms.next().map_or_else(|| "0".to_owned(), |t| t.sql);
                let cut = terms.next().map_or_else(|| "0".to_owned(), |t| t.sql);
                let ty = match n.ty {
                    SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt => SqlType::Int,
                    SqlType::Real => SqlType::Float,
                    SqlType::SmallMoney => SqlType::Money,
                    other => other,
                };
                Ok(Term::computed(
                    format!(
                        "tsql_round({}, {}, {digits}, {cut}, {})",
                        n.sql,
                        types::code(n.ty),
                        types::code(ty)
                    ),
                    ty,
                )
                .nullable_if(n.nullable))
            }
            "power" => {
                let [base, exponent] = self.terms::<2>(name, given)?;
                let base = self.as_number(base)?;
                let ty = match base.ty {
                    SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt => SqlType::Int,
                    SqlType::Real => SqlType::Float,
                    SqlType::Numeric { scale, .. } => SqlType::Numeric {
                        precision: 38,
                        scale,
                    },
                    other => other,
                };
                let base = self.cast(base, SqlType::Float, NO_STYLE, Failure::Error);
                let exponent = self.cast(exponent, SqlType::Float, NO_STYLE, Failure::Error);
                let float = Term::computed(
                    format!("tsql_power({}, {})", base.sql, exponent.sql),
                    SqlType::Float,
                );
                Ok(self.cast(float, ty, NO_STYLE, Failure::Error))
            }
            "sqrt" | "square" | "exp" | "log" | "log10" | "sin" | "cos" | "tan" | "asin"
            | "acos" | "atan" | "degrees" | "radians" => {
                let terms = self.some_terms(name, given, 1, 2)?;
                let mut floats = Vec::new();
                for term in terms {
                    floats.push(self.cast(term, SqlType::Float, NO_STYLE, Failure::Error));
                }
                Ok(Term::computed(
                    format!("tsql_{name}({})", list(&floats)),
                    SqlType::Float,
                ))
            }
            "pi" => Ok(self.constant(
                Value::Float(std::f64::consts::PI),
                SqlType::Float,
                Origin::Literal,
            )),
            "rand" => Ok(Term::computed("tsql_rand()".to_owned(), SqlType::Float)),
            "newid" | "newsequentialid" => Ok(Term::computed(
                "tsql_newid()".to_owned(),
                SqlType::UniqueIdentifier,
            )
            .nullable_if(false)),
            "checksum" | "binary_checksum" => {
                let terms = self.some_terms(name, given, 1, usize::MAX)?;
                Ok(
                    Term::computed(format!("tsql_checksum({})", list(&terms)), SqlType::Int)
                        .nullable_if(false),
                )
            }
            "hashbytes" => {
                let [algorithm, data] = self.terms::<2>(name, given)?;
                let data = self.cast(
                    data,
                    SqlType::VarBinary(Length::Max),
                    NO_STYLE,
                    Failure::Error,
                );
                Ok(Term::computed(
                    format!("tsql_hashbytes({}, {})", algorithm.sql, data.sql),
                    SqlType::VarBinary(Length::Limited(8000)),
                ))
            }
            "try_convert" | "convert" | "cast" => Err(wrong_arguments(name, 2)),
            _ => self.system_call(name, given),
        }
    }

    /// A number argument; texts become `float`.
    fn as_number(&mut self, term: Term) -> Result<Term, Message> {
        if types::is_number(term.ty) {
            Ok(term)
        } else {
            self.implicit(term, SqlType::Float)
        }
    }
}
