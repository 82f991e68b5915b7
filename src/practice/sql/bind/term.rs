//! An expression in SQLite's words with its T-SQL type.

use super::Binder;
use crate::practice::sql::codec;
use crate::practice::sql::types::{self, Family};
use crate::practice::value::{SqlType, Value};
use rusqlite::types::Value as Stored;

/// A translated expression.
#[derive(Clone, Debug)]
pub struct Term {
    pub sql: String,
    pub ty: SqlType,
    pub nullable: bool,
    /// The value, where it is known before running: literals, variables, `GETDATE()`.
    pub constant: Option<Value>,
    pub origin: Origin,
    /// The collation that `COLLATE` named, when it is not the server's.
    pub collation: Option<&'static str>,
}

/// Where a term comes from, as far as rules depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `NULL` as written: it takes any type.
    Null,
    Literal,
    /// Handed over as a parameter.
    Variable,
    Column,
    Computed,
}

impl Term {
    /// An expression that may be NULL.
    pub fn computed(sql: String, ty: SqlType) -> Self {
        Self {
            sql,
            ty,
            nullable: true,
            constant: None,
            origin: Origin::Computed,
            collation: None,
        }
    }

    /// The same, marked as never NULL when `required` says so.
    pub fn nullable_if(mut self, nullable: bool) -> Self {
        self.nullable = nullable;
        self
    }

    /// `NULL` as written.
    pub fn null() -> Self {
        Self {
            sql: "NULL".to_owned(),
            ty: SqlType::Int,
            nullable: true,
            constant: Some(Value::Null),
            origin: Origin::Null,
            collation: None,
        }
    }

    /// Whether this is `NULL` as written.
    pub fn is_null(&self) -> bool {
        self.origin == Origin::Null
    }

    /// The text to compare, group or sort by.
    pub fn key(&self) -> String {
        match types::family(self.ty) {
            Family::Text | Family::Xml => {
                format!("{} COLLATE {}", self.sql, self.collation.unwrap_or("tsql"))
            }
            // Two offsets of one instant are equal.
            Family::Moment if matches!(self.ty, SqlType::DateTimeOffset(_)) => {
                format!("substr({}, 1, 8)", self.sql)
            }
            _ => self.sql.clone(),
        }
    }
}

impl Binder<'_> {
    /// A value known before running.
    pub(super) fn constant(&mut self, value: Value, ty: SqlType, origin: Origin) -> Term {
        let stored = codec::encode(&value, ty);
        let sql = match origin {
            Origin::Variable => self.parameter(stored),
            _ => match literal(&stored) {
                Some(sql) => sql,
                None => self.parameter(stored),
            },
        };
        Term {
            sql,
            ty,
            nullable: value == Value::Null,
            constant: Some(value),
            origin,
            collation: None,
        }
    }

    /// A literal of a text.
    pub(super) fn text(&mut self, text: &str) -> String {
        match literal(&Stored::Text(text.to_owned())) {
            Some(sql) => sql,
            None => self.parameter(Stored::Text(text.to_owned())),
        }
    }

    /// A value as it stands in `VALUES`.
    pub(super) fn value_literal(&mut self, value: &Value, ty: SqlType) -> String {
        let stored = codec::encode(value, ty);
        match literal(&stored) {
            Some(sql) => sql,
            None => self.parameter(stored),
        }
    }
}

/// A value as an SQLite literal; `None` when it has to be a parameter.
pub(super) fn literal(stored: &Stored) -> Option<String> {
    Some(match stored {
        Stored::Null => "NULL".to_owned(),
        Stored::Integer(n) if *n == i64::MIN => return None,
        Stored::Integer(n) if *n < 0 => format!("({n})"),
        Stored::Integer(n) => n.to_string(),
        Stored::Real(x) if x.is_finite() => format!("({x:e})"),
        Stored::Real(_) => return None,
        Stored::Text(text) if text.contains('\0') || text.len() > 10_000 => return None,
        Stored::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Stored::Blob(bytes) if bytes.len() > 1000 => return None,
        Stored::Blob(bytes) => format!("x'{}'", crate::practice::sql::convert::hex(bytes)),
    })
}
