//! Functions in `FROM`: those of the server, `STRING_SPLIT`, `GENERATE_SERIES`, `OPENJSON`.

use super::Binder;
use super::operators::common_type;
use super::scope::{Source, SourceColumn};
use super::tables::{
    Coming, alias_parts, invalid_object, optional, positional_source, view_columns, words_before,
};
use super::term::Term;
use crate::practice::catalogue::system;
use crate::practice::reply::Message;
use crate::practice::sql::convert::NO_STYLE;
use crate::practice::sql::types;
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::{Expr, Ident, ObjectName, OpenJsonTableColumn, TableAlias};

impl Binder<'_> {
    pub(super) fn table_function(
        &mut self,
        name: &ObjectName,
        arguments: &[&Expr],
        alias: Option<&TableAlias>,
        coming: &Coming,
        sql: &mut String,
    ) -> Result<(), Message> {
        let parts: Vec<&Ident> = name.0.iter().filter_map(|p| p.as_ident()).collect();
        let own_name = parts
            .last()
            .map(|i| i.value.to_lowercase())
            .unwrap_or_default();
        let (alias_name, names) = alias_parts(alias);
        let shown = if alias.is_some() {
            alias_name
        } else {
            own_name.clone()
        };
        let mut terms = Vec::with_capacity(arguments.len());
        for argument in arguments {
            terms.push(match argument {
                // NULL, DEFAULT.
                Expr::Identifier(i) if i.value.eq_ignore_ascii_case("default") => Term::null(),
                other => self.value(other)?,
            });
        }
        let outer = matches!(coming, Coming::Apply { outer: true });
        if parts.len() == 1 {
            return self.built_in_rows(&own_name, terms, shown, &names, coming, outer, sql);
        }
        let (schema, database) = match parts.as_slice() {
            [schema, _] => (schema.value.as_str(), self.session.database),
            [database, schema, _] => (
                schema.value.as_str(),
                self.instance
                    .database_id(&database.value)
                    .ok_or_else(|| invalid_object(&parts))?,
            ),
            _ => return Err(invalid_object(&parts)),
        };
        let Some(view) = system::view(schema, &own_name).filter(|v| v.n_arguments > 0) else {
            return Err(invalid_object(&parts));
        };
        let known: Option<Vec<Value>> = terms.iter().map(|t| t.constant.clone()).collect();
        let rows = self.view_rows(view, database, known.as_deref())?;
        let source = self.alias();
        // Arguments that a row on the left gives become a condition on the argument columns.
        let mut conditions = Vec::new();
        if known.is_none() {
            for (at, (term, column)) in terms.into_iter().zip(&view.columns).enumerate() {
                let key = Term::computed(format!("{source}.c{at}"), column.ty);
                conditions.push(self.compare("=", key, term)?);
            }
        }
        let before = match coming {
            Coming::First => "",
            Coming::Joined(words) => words,
            Coming::Apply { outer: true } => " LEFT JOIN ",
            Coming::Apply { outer: false } => " JOIN ",
        };
        sql.push_str(&format!("{before}({rows}) AS {source}"));
        if matches!(coming, Coming::Apply { .. }) {
            let on = if conditions.is_empty() {
                "1".to_owned()
            } else {
                conditions.join(" AND ")
            };
            sql.push_str(&format!(" ON {on}"));
        }
        let mut made = positional_source(shown, &source, view_columns(view));
        if outer {
            optional(std::slice::from_mut(&mut made));
        }
        // The argument columns lead only the way.
        made.columns.drain(..view.n_hidden.min(made.columns.len()));
        self.add(made)
    }

    /// `STRING_SPLIT`, `GENERATE_SERIES`, `OPENJSON` without columns.
    #[expect(
        clippy::too_many_arguments,
        reason = "one caller, which has all of these in hand"
    )]
    fn built_in_rows(
        &mut self,
        name: &str,
        terms: Vec<Term>,
        shown: String,
        names: &[&Ident],
        coming: &Coming,
        outer: bool,
        sql: &mut String,
    ) -> Result<(), Message> {
        let each = self.alias();
        let (array, columns): (String, Vec<(&str, SqlType, String)>) = match (
            name,
            terms.as_slice(),
        ) {
            ("string_split", [text, separator, ..]) => {
                let ty = if types::is_unicode(text.ty) {
                    SqlType::NVarChar(Length::Limited(4000))
                } else {
                    SqlType::VarChar(Length::Limited(8000))
                };
                let mut columns = vec![("value", ty, format!("{each}.value"))];
                if terms.len() > 2 {
                    columns.push(("ordinal", SqlType::BigInt, format!("({each}.key + 1)")));
                }
                (
                    format!("tsql_split({}, {})", text.sql, separator.sql),
                    columns,
                )
            }
            ("generate_series", [start, stop, rest @ ..]) => {
                let step = rest.first().map_or("1", |t| t.sql.as_str());
                let ty = common_type(std::slice::from_ref(start));
                (
                    format!("tsql_series({}, {}, {step})", start.sql, stop.sql),
                    vec![("value", ty, format!("{each}.value"))],
                )
            }
            ("openjson", [json, rest @ ..]) => {
                let path = rest
                    .first()
                    .map_or_else(String::new, |p| format!(", tsql_json_path({})", p.sql));
                (
                    format!("{}{path}", json.sql),
                    vec![
                        (
                            "key",
                            SqlType::NVarChar(Length::Limited(4000)),
                            format!("CAST({each}.key AS TEXT)"),
                        ),
                        (
                            "value",
                            SqlType::NVarChar(Length::Max),
                            format!("CAST({each}.value AS TEXT)"),
                        ),
                        (
                            "type",
                            SqlType::TinyInt,
                            format!(
                                "(CASE {each}.type WHEN 'null' THEN 0 WHEN 'text' THEN 1 WHEN 'integer' THEN 2 WHEN 'real' THEN 2 WHEN 'true' THEN 3 WHEN 'false' THEN 3 WHEN 'array' THEN 4 ELSE 5 END)"
                            ),
                        ),
                    ],
                )
            }
            _ => {
                return Err(Message::error(
                    208,
                    format!("Invalid object name '{name}'."),
                ));
            }
        };
        let before = match coming {
            Coming::First => "",
            Coming::Joined(words) => words,
            Coming::Apply { outer: true } => " LEFT JOIN ",
            Coming::Apply { outer: false } => " JOIN ",
        };
        let on = if matches!(coming, Coming::Apply { .. }) {
            " ON 1"
        } else {
            ""
        };
        sql.push_str(&format!("{before}json_each({array}) AS {each}{on}"));
        let columns = columns
            .into_iter()
            .enumerate()
            .map(|(at, (column, ty, sql))| SourceColumn {
                name: names
                    .get(at)
                    .map_or_else(|| column.to_owned(), |i| i.value.clone()),
                ty,
                nullable: outer || ty != SqlType::BigInt,
                sql,
            })
            .collect();
        self.add(Source {
            name: shown,
            schema: None,
            database: None,
            columns,
            row_id: None,
        })
    }

    /// `OPENJSON(text, path) WITH (…)`, and without columns: key, value, type.
    pub(super) fn open_json(
        &mut self,
        json: &Expr,
        path: Option<&sqlparser::ast::ValueWithSpan>,
        columns: &[OpenJsonTableColumn],
        alias: Option<&TableAlias>,
        coming: &Coming,
        sql: &mut String,
    ) -> Result<(), Message> {
        let json = self.value(json)?;
        let path = match path.map(|p| &p.value) {
            Some(
                sqlparser::ast::Value::SingleQuotedString(text)
                | sqlparser::ast::Value::NationalStringLiteral(text),
            ) => self.text(text),
            _ => "'$'".to_owned(),
        };
        let path = format!("tsql_json_path({path})");
        let (alias_name, names) = alias_parts(alias);
        let shown = if alias.is_some() {
            alias_name
        } else {
            "openjson".to_owned()
        };
        let outer = matches!(coming, Coming::Apply { outer: true });
        if columns.is_empty() {
            let terms = vec![json, Term::computed(path, SqlType::NVarChar(Length::Max))];
            return self.built_in_rows("openjson", terms, shown, &names, coming, outer, sql);
        }
        let each = self.alias();
        // An object counts as an array of one.
        let array = format!(
            "CASE json_type({0}, {path}) WHEN 'array' THEN json_extract({0}, {path}) ELSE json_array(json_extract({0}, {path})) END",
            json.sql
        );
        let on = if matches!(coming, Coming::Apply { .. }) {
            " ON 1"
        } else {
            ""
        };
        sql.push_str(&format!(
            "{}json_each({array}) AS {each}{on}",
            words_before(coming)
        ));
        let mut made = Vec::with_capacity(columns.len());
        for column in columns {
            let ty = types::from_data_type(&column.r#type)?;
            let own_path = match &column.path {
                Some(path) => self.text(path),
                None => self.text(&format!("$.\"{}\"", column.name.value)),
            };
            let text = Term::computed(
                format!("CAST(json_extract({each}.value, tsql_json_path({own_path})) AS TEXT)"),
                SqlType::NVarChar(Length::Max),
            );
            made.push(SourceColumn {
                name: column.name.value.clone(),
                ty,
                nullable: true,
                sql: self
                    .cast(text, ty, NO_STYLE, super::cast::Failure::Error)
                    .sql,
            });
        }
        self.add(Source {
            name: shown,
            schema: None,
            database: None,
            columns: made,
            row_id: None,
        })
    }
}

/// `t (NOLOCK)` reads like a call.
pub(super) fn is_hint(arguments: &[&Expr]) -> bool {
    arguments.iter().all(|a| {
        matches!(a, Expr::Identifier(i) if i.quote_style.is_none() && matches!(
            i.value.to_lowercase().as_str(),
            "nolock" | "readuncommitted" | "readcommitted" | "repeatableread" | "serializable" | "holdlock"
                | "updlock" | "xlock" | "tablock" | "tablockx" | "rowlock" | "paglock" | "readpast" | "nowait"
        ))
    }) && !arguments.is_empty()
}
