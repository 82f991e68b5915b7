//! Calls of text and JSON functions.

use super::Binder;
use super::aggregates::wrong_arguments;
use super::calls::list;
use super::cast::Failure;
use super::term::{Origin, Term};
use crate::practice::reply::Message;
use crate::practice::sql::convert::NO_STYLE;
use crate::practice::sql::types::{self, Family, SYSNAME, family};
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::Expr;

const TEXT_4000: SqlType = SqlType::NVarChar(Length::Limited(4000));

impl Binder<'_> {
    /// Functions of texts, JSON among them.
    pub(super) fn text_call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        match name {
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
            _ => self.number_call(name, given),
        }
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
