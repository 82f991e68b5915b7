//! Scalar functions: what each takes, what type it gives, and how SQLite is asked for it.

use super::Binder;
use super::aggregates::{date_part, wrong_arguments};
use super::cast::Failure;
use super::term::{Origin, Term};
use super::walk::{arguments, function_name};
use crate::practice::reply::Message;
use crate::practice::sql::convert::{NO_STYLE, calendar};
use crate::practice::sql::types::{self, Family, SYSNAME, family};
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::{Expr, Function};

const TEXT_4000: SqlType = SqlType::NVarChar(Length::Limited(4000));

impl Binder<'_> {
    /// Translates a function call.
    pub(super) fn function(&mut self, function: &Function) -> Result<Term, Message> {
        if let Some(term) = self.over_rows(function)? {
            return Ok(term);
        }
        let name = function_name(function);
        let given: Vec<Expr> = arguments(function).into_iter().cloned().collect();
        if function.name.0.len() > 1 {
            return self.qualified_call(function, &name, &given);
        }
        self.call(&name, &given)
    }

    /// `sys.fn_…`, `msdb.dbo.agent_datetime`.
    fn qualified_call(
        &mut self,
        function: &Function,
        name: &str,
        given: &[Expr],
    ) -> Result<Term, Message> {
        match name {
            "agent_datetime" => {
                let [date, time] = self.terms::<2>(name, given)?;
                Ok(Term::computed(
                    format!("tsql_agent_datetime({}, {})", date.sql, time.sql),
                    SqlType::DateTime,
                ))
            }
            // Without availability groups every database is backed up here.
            "fn_hadr_backup_is_preferred_replica" => {
                Ok(self.constant(Value::Int(1), SqlType::Bit, Origin::Literal))
            }
            "fn_hadr_is_primary_replica" => {
                Ok(self.constant(Value::Null, SqlType::Bit, Origin::Literal))
            }
            "fn_varbintohexstr" | "fn_varbintohexsubstring" => {
                let [bytes] = self.terms::<1>(name, given)?;
                Ok(Term::computed(
                    format!("('0x' || lower(hex({})))", bytes.sql),
                    SqlType::NVarChar(Length::Max),
                ))
            }
            _ => {
                let parts: Vec<String> = function
                    .name
                    .0
                    .iter()
                    .filter_map(|p| p.as_ident())
                    .map(|i| i.value.clone())
                    .collect();
                Err(Message::error(
                    4121,
                    format!(
                        "Cannot find either column \"{}\" or the user-defined function or aggregate \"{}\", or the name is ambiguous.",
                        parts.first().cloned().unwrap_or_default(),
                        parts.join(".")
                    ),
                ))
            }
        }
    }

    /// Exactly `N` arguments, translated; 174 for another number.
    fn terms<const N: usize>(&mut self, name: &str, given: &[Expr]) -> Result<[Term; N], Message> {
        if given.len() != N {
            return Err(wrong_arguments(name, N));
        }
        let mut terms = Vec::with_capacity(N);
        for expr in given {
            terms.push(self.value(expr)?);
        }
        terms.try_into().map_err(|_n| wrong_arguments(name, N))
    }

    /// Between `least` and `most` arguments; 189 for another number.
    fn some_terms(
        &mut self,
        name: &str,
        given: &[Expr],
        least: usize,
        most: usize,
    ) -> Result<Vec<Term>, Message> {
        if given.len() < least || given.len() > most {
            return Err(Message::error(
                189,
                format!("The {name} function requires {least} to {most} arguments."),
            )
            .with_class(15));
        }
        given.iter().map(|expr| self.value(expr)).collect()
    }

    /// The arguments of a text function, the first one as text.
    fn text_terms<const N: usize>(
        &mut self,
        name: &str,
        given: &[Expr],
    ) -> Result<[Term; N], Message> {
        let mut terms: [Term; N] = self.terms(name, given)?;
        if let Some(first) = terms.first_mut() {
            let text = self.as_text(first.clone())?;
            *first = text;
        }
        Ok(terms)
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

    /// Translates a call of a built-in function by its lower-case name.
    pub(super) fn call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        let now = self.now;
        match name {
            // Time.
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
            // Choice.
            "isnull" => {
                let [first, second] = self.terms::<2>(name, given)?;
                if first.is_null() {
                    return Ok(second);
                }
                let second = self.implicit(second, first.ty)?;
                let nullable = first.nullable && second.nullable;
                Ok(
                    Term::computed(format!("ifnull({}, {})", first.sql, second.sql), first.ty)
                        .nullable_if(nullable),
                )
            }
            "coalesce" => {
                let terms = self.some_terms(name, given, 1, usize::MAX)?;
                if terms.iter().all(Term::is_null) {
                    return Err(Message::error(
                        4127,
                        "At least one of the arguments to COALESCE must be an expression that is not the NULL constant.",
                    ));
                }
                let nullable = terms.iter().all(|t| t.nullable);
                let (terms, ty) = self.unify(terms)?;
                if let [only] = terms.as_slice() {
                    return Ok(only.clone());
                }
                Ok(Term::computed(format!("coalesce({})", list(&terms)), ty).nullable_if(nullable))
            }
            "nullif" => {
                let [first, second] = self.terms::<2>(name, given)?;
                let test = self.compare("=", first.clone(), second)?;
                Ok(Term::computed(
                    format!("(CASE WHEN {test} THEN NULL ELSE {} END)", first.sql),
                    first.ty,
                ))
            }
            "iif" => {
                let [condition, yes, no] = given else {
                    return Err(wrong_arguments(name, 3));
                };
                let condition = self.predicate(condition)?;
                let terms = vec![self.value(yes)?, self.value(no)?];
                let nullable = terms.iter().any(|t| t.nullable);
                let (terms, ty) = self.unify(terms)?;
                let [yes, no] = terms.as_slice() else {
                    return Err(wrong_arguments(name, 3));
                };
                Ok(Term::computed(
                    format!(
                        "(CASE WHEN {condition} THEN {} ELSE {} END)",
                        yes.sql, no.sql
                    ),
                    ty,
                )
                .nullable_if(nullable))
            }
            "choose" => {
                let mut terms = self.some_terms(name, given, 2, usize::MAX)?;
                let index = terms.remove(0);
                let index = self.as_int(index)?;
                let (terms, ty) = self.unify(terms)?;
                let cases: Vec<String> = terms
                    .iter()
                    .enumerate()
                    .map(|(at, t)| format!("WHEN {} THEN {}", at + 1, t.sql))
                    .collect();
                Ok(Term::computed(
                    format!("(CASE {} {} END)", index.sql, cases.join(" ")),
                    ty,
                ))
            }
            "greatest" | "least" => {
                let terms = self.some_terms(name, given, 1, 254)?;
                let (terms, ty) = self.unify(terms)?;
                let rows: Vec<String> = terms.iter().map(|t| format!("({})", t.sql)).collect();
                let function = if name == "greatest" { "max" } else { "min" };
                let collate = if types::is_text(ty) {
                    " COLLATE tsql"
                } else {
                    ""
                };
                Ok(Term::computed(
                    format!(
                        "(SELECT {function}(column1{collate}) FROM (VALUES {}))",
                        rows.join(", ")
                    ),
                    ty,
                ))
            }
            // Text.
            "len" => {
                let [text] = self.text_terms::<1>(name, given)?;
                let ty = if types::text_length(text.ty) == Length::Max {
                    SqlType::BigInt
                } else {
                    SqlType::Int
                };
                Ok(
                    Term::computed(format!("length(rtrim({}, ' '))", text.sql), ty)
                        .nullable_if(text.nullable),
                )
            }
            "datalength" => {
                let [term] = self.terms::<1>(name, given)?;
                let sql = match family(term.ty) {
                    Family::Text | Family::Xml if types::is_unicode(term.ty) => {
                        format!("tsql_utf16_bytes({})", term.sql)
                    }
                    Family::Text | Family::Xml | Family::Binary => format!("length({})", term.sql),
                    Family::Variant => format!("(length({}) - 8)", term.sql),
                    _ => format!(
                        "(CASE WHEN {} IS NOT NULL THEN {} END)",
                        term.sql,
                        types::max_length(term.ty)
                    ),
                };
                Ok(Term::computed(sql, SqlType::Int))
            }
            "upper" | "lower" => {
                let [text] = self.text_terms::<1>(name, given)?;
                Ok(
                    Term::computed(format!("tsql_{name}({})", text.sql), text.ty)
                        .nullable_if(text.nullable),
                )
            }
            "ltrim" | "rtrim" | "trim" => {
                let terms = self.some_terms(name, given, 1, 2)?;
                let mut terms = terms.into_iter();
                let first = terms.next().unwrap_or_else(Term::null);
                let text = self.as_text(first)?;
                let what = terms.next().map_or_else(|| "' '".to_owned(), |t| t.sql);
                let ty = match text.ty {
                    SqlType::Char(n) => SqlType::VarChar(Length::Limited(n)),
                    SqlType::NChar(n) => SqlType::NVarChar(Length::Limited(n)),
                    other => other,
                };
                Ok(Term::computed(format!("{name}({}, {what})", text.sql), ty)
                    .nullable_if(text.nullable))
            }
            "left" | "right" => {
                let [text, n] = self.text_terms::<2>(name, given)?;
                let n = self.as_int(n)?;
                let ty = resized(text.ty, constant_length(&n));
                Ok(
                    Term::computed(format!("tsql_{name}({}, {})", text.sql, n.sql), ty)
                        .nullable_if(text.nullable || n.nullable),
                )
            }
            "substring" => {
                let [text, start, length] = if given.len() == 2 {
                    let terms = self.some_terms(name, given, 2, 2)?;
                    let mut terms = terms.into_iter();
                    let (a, b) = (
                        terms.next().unwrap_or_else(Term::null),
                        terms.next().unwrap_or_else(Term::null),
                    );
                    let long = self.constant(
                        Value::Int(i64::from(i32::MAX)),
                        SqlType::Int,
                        Origin::Literal,
                    );
                    [a, b, long]
                } else {
                    self.terms::<3>(name, given)?
                };
                let start = self.as_int(start)?;
                let length = self.as_int(length)?;
                let text = if family(text.ty) == Family::Binary {
                    text
                } else {
                    self.as_text(text)?
                };
                let ty = match text.ty {
                    SqlType::Binary(n) => SqlType::VarBinary(Length::Limited(n)),
                    ty if family(ty) == Family::Text => resized(ty, constant_length(&length)),
                    ty => ty,
                };
                Ok(Term::computed(
                    format!(
                        "tsql_substring({}, {}, {})",
                        text.sql, start.sql, length.sql
                    ),
                    ty,
                )
                .nullable_if(text.nullable || start.nullable || length.nullable))
            }
            "replace" => {
                let [text, what, by] = self.text_terms::<3>(name, given)?;
                let what = self.as_text(what)?;
                let by = self.as_text(by)?;
                let ty = open_ended(text.ty);
                Ok(Term::computed(
                    format!("tsql_replace({}, {}, {})", text.sql, what.sql, by.sql),
                    ty,
                ))
            }
            "translate" => {
                let [text, from, to] = self.text_terms::<3>(name, given)?;
                let ty = text.ty;
                Ok(Term::computed(
                    format!("tsql_translate({}, {}, {})", text.sql, from.sql, to.sql),
                    ty,
                ))
            }
            "stuff" => {
                let [text, start, length, by] = self.text_terms::<4>(name, given)?;
                let by = self.as_text(by)?;
                let ty = open_ended(text.ty);
                Ok(Term::computed(
                    format!(
                        "tsql_stuff({}, {}, {}, {})",
                        text.sql, start.sql, length.sql, by.sql
                    ),
                    ty,
                ))
            }
            "charindex" => {
                let terms = self.some_terms(name, given, 2, 3)?;
                let mut texts = Vec::new();
                for (at, term) in terms.into_iter().enumerate() {
                    texts.push(if at < 2 { self.as_text(term)? } else { term });
                }
                Ok(Term::computed(
                    format!("tsql_charindex({})", list(&texts)),
                    SqlType::Int,
                ))
            }
            "patindex" => {
                let [pattern, text] = self.text_terms::<2>(name, given)?;
                let text = self.as_text(text)?;
                Ok(Term::computed(
                    format!("tsql_patindex({}, {})", pattern.sql, text.sql),
                    SqlType::Int,
                ))
            }
            "replicate" => {
                let [text, n] = self.text_terms::<2>(name, given)?;
                let n = self.as_int(n)?;
                let limit = match (types::text_length(text.ty), types::is_unicode(text.ty)) {
                    (Length::Max, _) => 1_000_000_000,
                    (_, true) => 4000,
                    (_, false) => 8000,
                };
                let ty = open_ended(text.ty);
                Ok(Term::computed(
                    format!("tsql_replicate({}, {}, {limit})", text.sql, n.sql),
                    ty,
                ))
            }
            "space" => {
                let [n] = self.terms::<1>(name, given)?;
                let n = self.as_int(n)?;
                Ok(Term::computed(
                    format!("tsql_replicate(' ', {}, 8000)", n.sql),
                    SqlType::VarChar(Length::Limited(8000)),
                ))
            }
            "reverse" => {
                let [text] = self.text_terms::<1>(name, given)?;
                Ok(
                    Term::computed(format!("tsql_reverse({})", text.sql), text.ty)
                        .nullable_if(text.nullable),
                )
            }
            "concat" | "concat_ws" => {
                let terms = self.some_terms(name, given, 2, 254)?;
                let mut texts = Vec::with_capacity(terms.len());
                let mut length = Length::Limited(1);
                let mut unicode = false;
                for term in terms {
                    let text = if term.is_null() {
                        Term {
                            ty: SqlType::VarChar(Length::Limited(1)),
                            ..term
                        }
                    } else {
                        self.concat_text(term)
                    };
                    unicode |= types::is_unicode(text.ty);
                    length = types::joined(length, types::text_length(text.ty), 8000);
                    texts.push(text);
                }
                let length = match length {
                    Length::Limited(n) if unicode => Length::Limited(n.min(4000)),
                    other => other,
                };
                let ty = if unicode {
                    SqlType::NVarChar(length)
                } else {
                    SqlType::VarChar(length)
                };
                Ok(Term::computed(format!("{name}({})", list(&texts)), ty).nullable_if(false))
            }
            "quotename" => {
                let terms = self.some_terms(name, given, 1, 2)?;
                let mut texts = Vec::new();
                for term in terms {
                    texts.push(self.as_text(term)?);
                }
                Ok(Term::computed(
                    format!("tsql_quotename({})", list(&texts)),
                    SqlType::NVarChar(Length::Limited(258)),
                ))
            }
            "parsename" => {
                let [text, n] = self.text_terms::<2>(name, given)?;
                Ok(Term::computed(
                    format!("tsql_parsename({}, {})", text.sql, n.sql),
                    SYSNAME,
                ))
            }
            "ascii" | "unicode" => {
                let [text] = self.text_terms::<1>(name, given)?;
                Ok(Term::computed(
                    format!("unicode(nullif({}, ''))", text.sql),
                    SqlType::Int,
                ))
            }
            "char" | "nchar" => {
                let [n] = self.terms::<1>(name, given)?;
                let n = self.as_int(n)?;
                let (limit, ty) = if name == "char" {
                    (255, SqlType::Char(1))
                } else {
                    (1_114_111, SqlType::NVarChar(Length::Limited(2)))
                };
                Ok(Term::computed(
                    format!(
                        "(CASE WHEN {0} BETWEEN 0 AND {limit} THEN char({0}) END)",
                        n.sql
                    ),
                    ty,
                ))
            }
            "str" => {
                let mut terms = self.some_terms(name, given, 1, 3)?;
                let first = terms.remove(0);
                let x = self.cast(first, SqlType::Float, NO_STYLE, Failure::Error);
                let rest: Vec<String> = terms.into_iter().map(|t| format!(", {}", t.sql)).collect();
                Ok(Term::computed(
                    format!("tsql_str({}{})", x.sql, rest.concat()),
                    SqlType::VarChar(Length::Limited(8000)),
                ))
            }
            "format" => {
                let terms = self.some_terms(name, given, 2, 3)?;
                let [value, pattern, ..] = terms.as_slice() else {
                    return Err(wrong_arguments(name, 2));
                };
                Ok(Term::computed(
                    format!(
                        "tsql_format({}, {}, {})",
                        value.sql,
                        types::code(value.ty),
                        pattern.sql
                    ),
                    TEXT_4000,
                ))
            }
            "string_escape" => {
                let [text, _] = self.text_terms::<2>(name, given)?;
                Ok(Term::computed(
                    format!("trim(json_quote({}), '\"')", text.sql),
                    SqlType::NVarChar(Length::Max),
                ))
            }
            // JSON.
            "isjson" => {
                let [text] = self.text_terms::<1>(name, given)?;
                Ok(Term::computed(
                    format!("json_valid({})", text.sql),
                    SqlType::Int,
                ))
            }
            "json_value" | "json_query" => {
                let [text, path] = self.text_terms::<2>(name, given)?;
                let wanted = if name == "json_value" {
                    "NOT IN ('array', 'object')"
                } else {
                    "IN ('array', 'object')"
                };
                let path = format!("tsql_json_path({})", path.sql);
                Ok(Term::computed(
                    format!(
                        "(CASE WHEN json_type({0}, {path}) {wanted} THEN CAST(json_extract({0}, {path}) AS TEXT) END)",
                        text.sql
                    ),
                    if name == "json_value" {
                        TEXT_4000
                    } else {
                        SqlType::NVarChar(Length::Max)
                    },
                ))
            }
            // Numbers.
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

    /// A number argument; texts become `float`.
    fn as_number(&mut self, term: Term) -> Result<Term, Message> {
        if types::is_number(term.ty) {
            Ok(term)
        } else {
            self.implicit(term, SqlType::Float)
        }
    }

    /// An argument of `CONCAT`: everything has a text there.
    fn concat_text(&mut self, term: Term) -> Term {
        match family(term.ty) {
            Family::Text => term,
            Family::Variant | Family::Xml => self.cast(
                term,
                SqlType::NVarChar(Length::Max),
                NO_STYLE,
                Failure::Error,
            ),
            _ => {
                let length = types::text_length(term.ty);
                self.cast(term, SqlType::VarChar(length), NO_STYLE, Failure::Error)
            }
        }
    }

    /// The result of a lookup in a list known before running: `pairs` of SQL literals.
    pub(super) fn lookup(&mut self, key: &Term, pairs: &[(String, String)], ty: SqlType) -> Term {
        if pairs.is_empty() {
            return Term::computed("NULL".to_owned(), ty);
        }
        let cases: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("WHEN {key} THEN {value}"))
            .collect();
        Term::computed(format!("(CASE {} {} END)", key.key(), cases.join(" ")), ty)
    }
}

fn list(terms: &[Term]) -> String {
    let parts: Vec<&str> = terms.iter().map(|t| t.sql.as_str()).collect();
    parts.join(", ")
}

fn constant_length(term: &Term) -> Option<u16> {
    match &term.constant {
        Some(Value::Int(n)) => u16::try_from(*n).ok(),
        _ => None,
    }
}

/// A text type no longer than `n`, of variable length.
fn resized(ty: SqlType, n: Option<u16>) -> SqlType {
    let length = match (types::text_length(ty), n) {
        (Length::Limited(have), Some(n)) => Length::Limited(have.min(n).max(1)),
        (Length::Max, Some(n)) => Length::Limited(n.clamp(1, 4000)),
        (length, None) => length,
    };
    if types::is_unicode(ty) {
        SqlType::NVarChar(length)
    } else {
        SqlType::VarChar(length)
    }
}

/// The longest variable text of the same kind.
fn open_ended(ty: SqlType) -> SqlType {
    match (types::text_length(ty), types::is_unicode(ty)) {
        (Length::Max, true) => SqlType::NVarChar(Length::Max),
        (Length::Max, false) => SqlType::VarChar(Length::Max),
        (_, true) => SqlType::NVarChar(Length::Limited(4000)),
        (_, false) => SqlType::VarChar(Length::Limited(8000)),
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
