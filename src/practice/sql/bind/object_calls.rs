//! Functions that answer about objects of a database: `OBJECT_ID`, `COL_LENGTH`, `SCHEMA_NAME`…

use super::Binder;
use super::aggregates::wrong_arguments;
use super::term::Term;
use crate::practice::catalogue::system;
use crate::practice::reply::Message;
use crate::practice::sql::names::split_name;
use crate::practice::sql::types::{self, SYSNAME};
use crate::practice::value::{SqlType, Value};
use sqlparser::ast::Expr;

impl Binder<'_> {
    /// The object that a name of up to three parts means: its id and its kind.
    fn object_of(&mut self, name: &str) -> Option<(i32, &'static str)> {
        let mut parts = split_name(name);
        let object = parts.pop()?;
        let schema = parts.pop().unwrap_or_default();
        let database = parts.pop();
        if object.starts_with('#') {
            return self.temp.find(&object).map(|t| (t.table.object_id, "U"));
        }
        if let Some(view) = system::view(&schema, &object) {
            return Some((
                view.object_id,
                if view.n_arguments > 0 { "IF" } else { "V" },
            ));
        }
        let id = match database.as_deref() {
            None | Some("") => self.session.database,
            Some(name) => self.instance.database_id(name)?,
        };
        let schema = if schema.is_empty() { "dbo" } else { &schema };
        self.instance
            .catalogue(id)?
            .table(schema, &object)
            .map(|t| (t.object_id, "U"))
    }

    /// All tables of a database: id, schema, name.
    fn objects(&mut self, database: i32) -> Vec<(i32, String, String)> {
        self.instance
            .catalogue(database)
            .map(|c| {
                c.tables()
                    .map(|t| (t.object_id, t.schema.clone(), t.name.clone()))
                    .collect()
            })
            .unwrap_or_default()
    }

    pub(super) fn object_call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        let here = self.session.database;
        match name {
            "object_id" => {
                let kind = match given.get(1) {
                    Some(_) => self.constant_text(name, given, 1)?,
                    None => None,
                };
                let object = self.text_argument(name, given, 0)?;
                if let Some(Value::Text(text)) = &object.constant {
                    let found = self.object_of(text).filter(|(_, have)| {
                        kind.as_ref()
                            .is_none_or(|k| k.trim().eq_ignore_ascii_case(have))
                    });
                    return Ok(match found {
                        Some((id, _)) => self.known_int(i64::from(id), SqlType::Int),
                        None => self.unknown(SqlType::Int),
                    });
                }
                let mut pairs = Vec::new();
                for (id, schema, table) in self.objects(here) {
                    pairs.push((self.text(&format!("{schema}.{table}")), id.to_string()));
                    pairs.push((self.text(&format!("[{schema}].[{table}]")), id.to_string()));
                    if schema == "dbo" {
                        pairs.push((self.text(&table), id.to_string()));
                    }
                }
                Ok(self.lookup(&object, &pairs, SqlType::Int))
            }
            "object_name" | "object_schema_name" | "object_definition" => {
                let (first, rest) = given
                    .split_first()
                    .ok_or_else(|| wrong_arguments(name, 1))?;
                let id = self.value(first)?;
                let id = self.as_int(id)?;
                let database = match rest.first() {
                    Some(expr) => match self.value(expr)?.constant {
                        Some(Value::Int(n)) => i32::try_from(n).unwrap_or(here),
                        _ => here,
                    },
                    None => here,
                };
                let mut pairs = Vec::new();
                if name != "object_definition" {
                    for (id, schema, table) in self.objects(database) {
                        let text = if name == "object_name" { table } else { schema };
                        pairs.push((id.to_string(), self.text(&text)));
                    }
                    for view in system::views() {
                        let text = if name == "object_name" {
                            view.name
                        } else {
                            view.schema
                        };
                        pairs.push((format!("({})", view.object_id), self.text(text)));
                    }
                }
                Ok(self.lookup(&id, &pairs, SYSNAME))
            }
            "schema_id" | "schema_name" => {
                let argument = self.optional_argument(name, given)?;
                let schemas = system::schemas(self.instance.catalogue(here));
                Ok(match (name, argument) {
                    ("schema_id", None) => self.known_int(1, SqlType::Int),
                    (_, None) => self.known_text("dbo", SYSNAME),
                    ("schema_id", Some(term)) => {
                        let term = self.as_text(term)?;
                        let pairs: Vec<(String, String)> = schemas
                            .iter()
                            .map(|(id, name)| (self.text(name), id.to_string()))
                            .collect();
                        self.lookup(&term, &pairs, SqlType::Int)
                    }
                    (_, Some(term)) => {
                        let term = self.as_int(term)?;
                        let pairs: Vec<(String, String)> = schemas
                            .iter()
                            .map(|(id, name)| (id.to_string(), self.text(name)))
                            .collect();
                        self.lookup(&term, &pairs, SYSNAME)
                    }
                })
            }
            "type_name" | "type_id" => {
                let (first, _) = given
                    .split_first()
                    .ok_or_else(|| wrong_arguments(name, 1))?;
                let term = self.value(first)?;
                if name == "type_name" {
                    let term = self.as_int(term)?;
                    let pairs: Vec<(String, String)> = system::type_names()
                        .iter()
                        .map(|(user_id, _, text)| (user_id.to_string(), format!("'{text}'")))
                        .collect();
                    Ok(self.lookup(&term, &pairs, SYSNAME))
                } else {
                    let term = self.as_text(term)?;
                    let pairs: Vec<(String, String)> = system::type_names()
                        .iter()
                        .map(|(user_id, _, text)| (format!("'{text}'"), user_id.to_string()))
                        .collect();
                    Ok(self.lookup(&term, &pairs, SqlType::Int))
                }
            }
            "col_length" | "columnproperty" | "col_name" => self.column_call(name, given),
            "objectproperty" | "objectpropertyex" => {
                let (first, _) = given
                    .split_first()
                    .ok_or_else(|| wrong_arguments(name, 1))?;
                let id = self.value(first)?;
                let property = self
                    .constant_text(name, given, 1)?
                    .unwrap_or_default()
                    .to_lowercase();
                let tables = match self.instance.catalogue(here) {
                    Some(catalogue) => catalogue.tables().map(std::sync::Arc::clone).collect(),
                    None => Vec::new(),
                };
                let pairs: Vec<(String, String)> = tables
                    .iter()
                    .filter_map(|table| {
                        let value = match property.as_str() {
                            "istable" | "isusertable" => 1,
                            "tablehasidentity" => i32::from(table.identity_column().is_some()),
                            "tablehasprimarykey" => i32::from(table.primary_key().is_some()),
                            "ismsshipped" | "isview" | "isprocedure" | "istrigger" => 0,
                            _ => return None,
                        };
                        Some((table.object_id.to_string(), value.to_string()))
                    })
                    .collect();
                Ok(self.lookup(&id, &pairs, SqlType::Int))
            }
            _ => Err(Message::error(
                195,
                format!("'{name}' is not a recognized built-in function name."),
            )
            .with_class(15)
            .with_state(10)),
        }
    }

    fn column_call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        let here = self.session.database;
        if name == "col_length" {
            let (Some(object), Some(column)) = (
                self.constant_text(name, given, 0)?,
                self.constant_text(name, given, 1)?,
            ) else {
                return Ok(self.unknown(SqlType::SmallInt));
            };
            let mut parts = split_name(&object);
            let table = parts.pop().unwrap_or_default();
            let schema = parts.pop().unwrap_or_default();
            let database = parts.pop();
            let id = match database.as_deref() {
                None | Some("") => Some(here),
                Some(name) => self
                    .instance
                    .database_id(name)
                    .filter(|id| *id == here || !self.is_azure()),
            };
            let length = match system::view(&schema, &table) {
                Some(view) => view
                    .columns
                    .iter()
                    .find(|c| crate::practice::catalogue::same_name(&c.name, &column))
                    .map(|c| types::max_length(c.ty)),
                None => {
                    let schema = if schema.is_empty() { "dbo" } else { &schema };
                    id.and_then(|id| self.instance.catalogue(id))
                        .and_then(|c| c.table(schema, &table))
                        .and_then(|t| t.column(&column))
                        .map(|(_, c)| types::max_length(c.ty))
                }
            };
            return Ok(match length {
                Some(n) => self.known_int(i64::from(n), SqlType::SmallInt),
                None => self.unknown(SqlType::SmallInt),
            });
        }
        let (Some(first), Some(second)) = (given.first(), given.get(1)) else {
            return Err(wrong_arguments(name, 2));
        };
        let table = self.value(first)?;
        let tables: Vec<_> = match self.instance.catalogue(here) {
            Some(catalogue) => catalogue.tables().map(std::sync::Arc::clone).collect(),
            None => Vec::new(),
        };
        if name == "col_name" {
            let number = self.value(second)?;
            let mut cases = Vec::new();
            for t in &tables {
                for (at, c) in t.columns.iter().enumerate() {
                    cases.push(format!(
                        "WHEN {} = {} AND {} = {} THEN {}",
                        table.sql,
                        t.object_id,
                        number.sql,
                        at + 1,
                        self.text(&c.name)
                    ));
                }
            }
            if cases.is_empty() {
                return Ok(self.unknown(SYSNAME));
            }
            return Ok(Term::computed(
                format!("(CASE {} END)", cases.join(" ")),
                SYSNAME,
            ));
        }
        let column = self.value(second)?;
        let column = self.as_text(column)?;
        let property = self
            .constant_text(name, given, 2)?
            .unwrap_or_default()
            .to_lowercase();
        let mut cases = Vec::new();
        for t in &tables {
            for (at, c) in t.columns.iter().enumerate() {
                let value = match property.as_str() {
                    "isidentity" => i32::from(c.identity.is_some()),
                    "allowsnull" => i32::from(c.nullable),
                    "iscomputed" => i32::from(c.computed.is_some()),
                    "columnid" => at as i32 + 1,
                    "precision" => i32::from(types::precision_and_scale(c.ty).0),
                    "scale" => i32::from(types::precision_and_scale(c.ty).1),
                    _ => continue,
                };
                let text = self.text(&c.name);
                cases.push(format!(
                    "WHEN {} = {} AND {} COLLATE tsql = {text} THEN {value}",
                    table.sql, t.object_id, column.sql
                ));
            }
        }
        if cases.is_empty() {
            return Ok(self.unknown(SqlType::Int));
        }
        Ok(Term::computed(
            format!("(CASE {} END)", cases.join(" ")),
            SqlType::Int,
        ))
    }
}
