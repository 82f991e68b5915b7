//! Scalar functions: what each takes, what type it gives, and how SQLite is asked for it.

use super::Binder;
use super::aggregates::wrong_arguments;
use super::term::{Origin, Term};
use super::walk::{arguments, function_name};
use crate::practice::reply::Message;
use crate::practice::sql::types::{self};
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::{Expr, Function};

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
            // Without availability groups every database is backed up here, unless the practice server plays another replica.
            "fn_hadr_backup_is_preferred_replica" => {
                let preferred = self
                    .instance
                    .server_property("PracticePreferredReplica")
                    .map_or(Value::Int(1), |(_, value)| value);
                Ok(self.constant(preferred, SqlType::Bit, Origin::Literal))
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
    pub(super) fn terms<const N: usize>(
        &mut self,
        name: &str,
        given: &[Expr],
    ) -> Result<[Term; N], Message> {
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
    pub(super) fn some_terms(
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

    /// Translates a call of a built-in function by its lower-case name.
    pub(super) fn call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        self.time_call(name, given)
    }

    /// Functions that choose between values.
    pub(super) fn choice_call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        match name {
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
            _ => self.text_call(name, given),
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

pub(super) fn list(terms: &[Term]) -> String {
    let parts: Vec<&str> = terms.iter().map(|t| t.sql.as_str()).collect();
    parts.join(", ")
}
