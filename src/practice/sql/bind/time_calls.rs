//! Calls of date and time functions.

use super::Binder;
use super::aggregates::{date_part, wrong_arguments};
use super::calls::list;
use super::term::{Origin, Term};
use crate::practice::reply::Message;
use crate::practice::sql::convert::calendar;
use crate::practice::sql::types::{self, Family, family};
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::Expr;

impl Binder<'_> {
    /// Functions of dates and times.
    pub(super) fn time_call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        let now = self.now;
        match name {
            "getdate" | "current_timestamp" => {
                Ok(self.moment(now.local_ticks(), 0, SqlType::DateTime))
            }
            "getutcdate" => Ok(self.moment(now.utc_ticks, 0, SqlType::DateTime)),
            "sysdatetime" => Ok(self.moment(now.local_ticks(), 0, SqlType::DateTime2(7))),
            "sysutcdatetime" => Ok(self.moment(now.utc_ticks, 0, SqlType::DateTime2(7))),
            "sysdatetimeoffset" => Ok(self.moment(
                now.local_ticks(),
                now.offset_minutes,
                SqlType::DateTimeOffset(7),
            )),
            "dateadd" => {
                let part = self.part_argument(name, given)?;
                let [_, n, date] = given else {
                    return Err(wrong_arguments(name, 3));
                };
                let n = self.value(n)?;
                let n = self.as_int(n)?;
                let date = self.moment_argument(date, SqlType::DateTime)?;
                Ok(Term::computed(
                    format!(
                        "tsql_dateadd('{part}', {}, {}, {})",
                        n.sql,
                        date.sql,
                        types::code(date.ty)
                    ),
                    date.ty,
                )
                .nullable_if(n.nullable || date.nullable))
            }
            "datediff" | "datediff_big" => {
                let part = self.part_argument(name, given)?;
                let [_, from, to] = given else {
                    return Err(wrong_arguments(name, 3));
                };
                let from = self.moment_argument(from, SqlType::DateTime2(7))?;
                let to = self.moment_argument(to, SqlType::DateTime2(7))?;
                let ty = if name == "datediff" {
                    SqlType::Int
                } else {
                    SqlType::BigInt
                };
                Ok(Term::computed(
                    format!(
                        "tsql_datediff('{part}', {}, {}, {}, {}, {})",
                        from.sql,
                        types::code(from.ty),
                        to.sql,
                        types::code(to.ty),
                        i32::from(ty == SqlType::Int)
                    ),
                    ty,
                )
                .nullable_if(from.nullable || to.nullable))
            }
            "datepart" | "datename" => {
                let part = self.part_argument(name, given)?;
                let [_, date] = given else {
                    return Err(wrong_arguments(name, 2));
                };
                let date = self.moment_argument(date, SqlType::DateTime2(7))?;
                let ty = if name == "datepart" {
                    SqlType::Int
                } else {
                    SqlType::NVarChar(Length::Limited(30))
                };
                Ok(Term::computed(
                    format!(
                        "tsql_{name}('{part}', {}, {}, {})",
                        date.sql,
                        types::code(date.ty),
                        self.session.options.date_first
                    ),
                    ty,
                )
                .nullable_if(date.nullable))
            }
            "datetrunc" => {
                let part = self.part_argument(name, given)?;
                let [_, date] = given else {
                    return Err(wrong_arguments(name, 2));
                };
                let date = self.moment_argument(date, SqlType::DateTime2(7))?;
                Ok(Term::computed(
                    format!(
                        "tsql_datetrunc('{part}', {}, {})",
                        date.sql,
                        types::code(date.ty)
                    ),
                    date.ty,
                ))
            }
            "year" | "month" | "day" => {
                let [date] = given else {
                    return Err(wrong_arguments(name, 1));
                };
                let date = self.moment_argument(date, SqlType::DateTime2(7))?;
                Ok(Term::computed(
                    format!(
                        "tsql_datepart('{name}', {}, {}, 7)",
                        date.sql,
                        types::code(date.ty)
                    ),
                    SqlType::Int,
                )
                .nullable_if(date.nullable))
            }
            "eomonth" => {
                let (first, rest) = given
                    .split_first()
                    .ok_or_else(|| wrong_arguments(name, 1))?;
                let date = self.moment_argument(first, SqlType::DateTime2(7))?;
                let months = match rest.first() {
                    Some(expr) => self.value(expr)?.sql,
                    None => "0".to_owned(),
                };
                Ok(Term::computed(
                    format!(
                        "tsql_eomonth({}, {}, {months})",
                        date.sql,
                        types::code(date.ty)
                    ),
                    SqlType::Date,
                ))
            }
            "datefromparts" => self.moment_from_parts(name, given, 3, SqlType::Date),
            "datetimefromparts" => self.moment_from_parts(name, given, 7, SqlType::DateTime),
            "smalldatetimefromparts" => {
                self.moment_from_parts(name, given, 5, SqlType::SmallDateTime)
            }
            "datetime2fromparts" => self.moment_from_parts(name, given, 8, SqlType::DateTime2(7)),
            "timefromparts" => self.moment_from_parts(name, given, 5, SqlType::Time(7)),
            "switchoffset" | "todatetimeoffset" => {
                let [date, zone] = given else {
                    return Err(wrong_arguments(name, 2));
                };
                let date = self.moment_argument(date, SqlType::DateTime2(7))?;
                let zone = self.value(zone)?;
                Ok(Term::computed(
                    format!(
                        "tsql_{name}({}, {}, {})",
                        date.sql,
                        types::code(date.ty),
                        zone.sql
                    ),
                    match date.ty {
                        SqlType::DateTimeOffset(n) | SqlType::DateTime2(n) => {
                            SqlType::DateTimeOffset(n)
                        }
                        _ => SqlType::DateTimeOffset(7),
                    },
                ))
            }
            "isdate" => {
                let [text] = self.terms::<1>(name, given)?;
                let text = self.as_text(text)?;
                Ok(Term::computed(
                    format!(
                        "(tsql_try_cast({}, {}, {}, -1) IS NOT NULL)",
                        text.sql,
                        types::code(text.ty),
                        types::code(SqlType::DateTime)
                    ),
                    SqlType::Int,
                )
                .nullable_if(false))
            }
            "isnumeric" => {
                let [term] = self.terms::<1>(name, given)?;
                if types::is_number(term.ty) {
                    return Ok(Term::computed(
                        format!("({} IS NOT NULL)", term.sql),
                        SqlType::Int,
                    ));
                }
                let text = self.as_text(term)?;
                Ok(Term::computed(
                    format!(
                        "(trim({0}) <> '' AND (tsql_try_cast({0}, {1}, {2}, -1) IS NOT NULL OR tsql_try_cast({0}, {1}, {3}, -1) IS NOT NULL))",
                        text.sql,
                        types::code(text.ty),
                        types::code(SqlType::Float),
                        types::code(SqlType::Money)
                    ),
                    SqlType::Int,
                )
                .nullable_if(false))
            }
            _ => self.choice_call(name, given),
        }
    }

    fn moment(&mut self, ticks: i64, offset: i16, ty: SqlType) -> Term {
        let value = calendar::value_at(ticks, offset, ty).unwrap_or(Value::Null);
        let mut term = self.constant(value, ty, Origin::Variable);
        term.nullable = false;
        term
    }

    /// A date or time argument: texts become `datetime2`, numbers `datetime`.
    fn moment_argument(&mut self, expr: &Expr, text_type: SqlType) -> Result<Term, Message> {
        let term = self.value(expr)?;
        match family(term.ty) {
            Family::Moment => Ok(term),
            Family::Text => {
                let zoned = matches!(&term.constant, Some(Value::Text(t)) if names_offset(t));
                let to = if zoned && text_type != SqlType::DateTime {
                    SqlType::DateTimeOffset(7)
                } else {
                    text_type
                };
                self.implicit(term, to)
            }
            _ => self.implicit(term, SqlType::DateTime),
        }
    }

    fn part_argument(&mut self, name: &str, given: &[Expr]) -> Result<&'static str, Message> {
        let written = given.first().and_then(date_part).unwrap_or_default();
        canonical_part(&written).ok_or_else(|| {
            Message::error(
                155,
                format!("'{written}' is not a recognized {name} option."),
            )
            .with_class(15)
        })
    }

    fn moment_from_parts(
        &mut self,
        name: &str,
        given: &[Expr],
        n: usize,
        ty: SqlType,
    ) -> Result<Term, Message> {
        if given.len() != n {
            return Err(wrong_arguments(name, n));
        }
        let mut terms = Vec::with_capacity(n);
        for expr in given {
            let term = self.value(expr)?;
            terms.push(self.as_int(term)?);
        }
        Ok(Term::computed(
            format!("tsql_fromparts({}, {})", types::code(ty), list(&terms)),
            ty,
        ))
    }
}

/// Whether a date text ends in an offset.
fn names_offset(text: &str) -> bool {
    let text = text.trim_end();
    text.ends_with(['Z', 'z'])
        || text
            .get(text.len().saturating_sub(6)..)
            .is_some_and(|tail| tail.starts_with(['+', '-']) && tail.contains(':'))
}

/// The full name of a date part.
fn canonical_part(part: &str) -> Option<&'static str> {
    Some(match part {
        "year" | "yy" | "yyyy" => "year",
        "quarter" | "qq" | "q" => "quarter",
        "month" | "mm" | "m" => "month",
        "dayofyear" | "dy" | "y" => "dayofyear",
        "day" | "dd" | "d" => "day",
        "week" | "wk" | "ww" => "week",
        "weekday" | "dw" | "w" => "weekday",
        "iso_week" | "isowk" | "isoww" | "isoweek" => "iso_week",
        "hour" | "hh" => "hour",
        "minute" | "mi" | "n" => "minute",
        "second" | "ss" | "s" => "second",
        "millisecond" | "ms" => "millisecond",
        "microsecond" | "mcs" => "microsecond",
        "nanosecond" | "ns" => "nanosecond",
        "tzoffset" | "tz" => "tzoffset",
        _ => return None,
    })
}
