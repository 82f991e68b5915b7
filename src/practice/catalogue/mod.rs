//! What tables there are: their columns, keys and constraints, as T-SQL declares them.
//!
//! A [`Catalogue`] belongs to one database and is kept inside it, one JSON text per table.
//! It deliberately holds no rows; those live in SQLite under [`Table::sqlite_name`].

mod live;
pub mod system;

use crate::practice::value::SqlType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The hidden row number of every table: SQLite's key, which no T-SQL name reaches.
pub const ROW_ID: &str = "_rid";

/// The collation of every text: ignores case and trailing blanks, as `SQL_Latin1_General_CP1_CI_AS` does.
pub const COLLATION: &str = "tsql";

/// The tables of one database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    tables: BTreeMap<(String, String), Arc<Table>>,
    schemas: Vec<String>,
}

/// One table as its `CREATE TABLE` declared it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// `object_id`, unique within its database.
    pub object_id: i32,
    pub schema: String,
    pub name: String,
    pub columns: Vec<ColumnDef>,
    /// Keys and indices; the primary key is the one with that kind.
    pub indexes: Vec<Index>,
    pub foreign_keys: Vec<ForeignKey>,
    pub checks: Vec<Check>,
    /// `create_date` on the server's clock, in 1/300 s since 1900.
    pub created: i64,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnDef {
    pub name: String,
    pub ty: SqlType,
    /// The name as which the type was declared when [`SqlType`] does not tell (`sysname`, `rowversion`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    pub nullable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultValue>,
    /// The expression of a computed column, as T-SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<String>,
}

/// `IDENTITY (seed, increment)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub seed: i64,
    pub increment: i64,
}

/// A `DEFAULT` constraint; the expression is kept as T-SQL text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefaultValue {
    pub name: String,
    pub definition: String,
}

/// What an index is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexKind {
    PrimaryKey,
    /// A `UNIQUE` constraint: violations are 2627.
    UniqueConstraint,
    /// `CREATE UNIQUE INDEX`: violations are 2601.
    UniqueIndex,
    Plain,
}

/// A key or an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub name: String,
    pub kind: IndexKind,
    pub clustered: bool,
    pub columns: Vec<IndexColumn>,
}

/// A column of an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexColumn {
    pub name: String,
    pub descending: bool,
}

/// A `FOREIGN KEY`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignKey {
    pub name: String,
    pub columns: Vec<String>,
    pub referenced_schema: String,
    pub referenced_table: String,
    pub referenced_columns: Vec<String>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
}

/// What happens to the rows that refer to a row that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReferentialAction {
    NoAction,
    Cascade,
    SetNull,
    SetDefault,
}

/// A `CHECK` constraint; the condition is kept as T-SQL text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    pub definition: String,
}

impl Catalogue {
    /// A catalogue of these tables; `dbo` and the schemas of the tables exist.
    pub fn from_tables(tables: impl IntoIterator<Item = Table>) -> Self {
        let mut catalogue = Self {
            tables: BTreeMap::new(),
            schemas: vec!["dbo".to_owned()],
        };
        for table in tables {
            catalogue.insert(table);
        }
        catalogue
    }

    /// The table of that name, in any case.
    pub fn table(&self, schema: &str, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(&key(schema, name))
    }

    /// The table with that `object_id`.
    pub fn table_by_id(&self, object_id: i32) -> Option<&Arc<Table>> {
        self.tables.values().find(|t| t.object_id == object_id)
    }

    /// All tables, by schema and name.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    /// Adds a table or puts it in the place of the one with its name.
    pub fn insert(&mut self, table: Table) {
        self.add_schema(&table.schema);
        self.tables
            .insert(key(&table.schema, &table.name), Arc::new(table));
    }

    /// Takes a table out.
    pub fn remove(&mut self, schema: &str, name: &str) -> Option<Arc<Table>> {
        self.tables.remove(&key(schema, name))
    }

    /// The schemas that users made or use, `dbo` first.
    pub fn schemas(&self) -> &[String] {
        &self.schemas
    }

    /// Whether a schema of that name exists, in any case.
    pub fn has_schema(&self, name: &str) -> bool {
        self.schemas.iter().any(|s| s.eq_ignore_ascii_case(name))
    }

    /// Adds a schema unless it exists.
    pub fn add_schema(&mut self, name: &str) {
        if !self.has_schema(name) {
            self.schemas.push(name.to_owned());
        }
    }

    /// Takes a schema out.
    pub fn remove_schema(&mut self, name: &str) {
        self.schemas.retain(|s| !s.eq_ignore_ascii_case(name));
    }

    /// An `object_id` that no table has yet; user objects begin where the product's usually do.
    pub fn next_object_id(&self) -> i32 {
        self.tables
            .values()
            .map(|t| t.object_id)
            .max()
            .map_or(901_578_250, |id| id.max(901_578_234) + 16)
    }
}

fn key(schema: &str, name: &str) -> (String, String) {
    (schema.to_lowercase(), name.to_lowercase())
}

impl Table {
    /// The name of the SQLite table, not quoted.
    pub fn sqlite_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// The column of that name, in any case, with its place.
    pub fn column(&self, name: &str) -> Option<(usize, &ColumnDef)> {
        self.columns
            .iter()
            .enumerate()
            .find(|(_, c)| same_name(&c.name, name))
    }

    /// The same for who asks for columns in their order: the search begins at `index`, and goes on from the front.
    pub fn column_after(&self, index: usize, name: &str) -> Option<(usize, &ColumnDef)> {
        self.columns
            .iter()
            .enumerate()
            .skip(index)
            .find(|(_, c)| same_name(&c.name, name))
            .or_else(|| self.column(name))
    }

    /// The primary key.
    pub fn primary_key(&self) -> Option<&Index> {
        self.indexes
            .iter()
            .find(|i| i.kind == IndexKind::PrimaryKey)
    }

    /// The column that numbers itself.
    pub fn identity_column(&self) -> Option<(usize, &ColumnDef, Identity)> {
        self.columns
            .iter()
            .enumerate()
            .find_map(|(at, c)| c.identity.map(|identity| (at, c, identity)))
    }

    /// The statements that make this table and its indices in the attached database `schema`
    /// (`None`: in the main one).
    pub fn create_statements(&self, schema: Option<&str>) -> Vec<String> {
        let mut all = vec![self.create_table_as(schema, &self.sqlite_name())];
        all.extend(
            self.indexes
                .iter()
                .map(|index| self.create_index_statement(schema, index)),
        );
        all
    }

    /// `CREATE TABLE` under another SQLite name: for temp tables and table variables.
    pub fn create_table_as(&self, schema: Option<&str>, sqlite_name: &str) -> String {
        let mut sql = format!(
            "CREATE TABLE {}{} ({ROW_ID} INTEGER PRIMARY KEY",
            prefix(schema),
            quote(sqlite_name)
        );
        for column in &self.columns {
            sql.push_str(", ");
            sql.push_str(&column.sqlite_definition());
        }
        sql.push(')');
        sql
    }

    /// `CREATE INDEX` for one of this table's indices.
    pub fn create_index_statement(&self, schema: Option<&str>, index: &Index) -> String {
        self.create_index_as(schema, &self.sqlite_name(), index)
    }

    /// `CREATE INDEX` on a table that stands under another SQLite name.
    pub fn create_index_as(
        &self,
        schema: Option<&str>,
        sqlite_name: &str,
        index: &Index,
    ) -> String {
        let unique = if index.kind == IndexKind::Plain {
            ""
        } else {
            "UNIQUE "
        };
        let columns: Vec<String> = index
            .columns
            .iter()
            .map(|c| {
                let direction = if c.descending { " DESC" } else { "" };
                format!("{}{direction}", quote(&c.name))
            })
            .collect();
        format!(
            "CREATE {unique}INDEX {}{} ON {} ({})",
            prefix(schema),
            quote(&format!("{sqlite_name}.{}", index.name)),
            quote(sqlite_name),
            columns.join(", ")
        )
    }
}

impl ColumnDef {
    /// A column without identity, default or expression.
    pub fn new(name: impl Into<String>, ty: SqlType, nullable: bool) -> Self {
        Self {
            name: name.into(),
            ty,
            type_name: None,
            nullable,
            identity: None,
            default: None,
            computed: None,
        }
    }

    /// Name, storage type and collation, as SQLite's `CREATE TABLE` and `ADD COLUMN` take them.
    ///
    /// NOT NULL and defaults are not SQLite's business: the front checks them, with the product's messages.
    pub fn sqlite_definition(&self) -> String {
        format!("{} {}", quote(&self.name), storage(self.ty))
    }
}

/// The SQLite storage type of a T-SQL type, with the collation of texts.
pub fn storage(ty: SqlType) -> &'static str {
    match ty {
        SqlType::Bit
        | SqlType::TinyInt
        | SqlType::SmallInt
        | SqlType::Int
        | SqlType::BigInt
        | SqlType::Money
        | SqlType::SmallMoney
        | SqlType::Date
        | SqlType::Time(_)
        | SqlType::DateTime2(_)
        | SqlType::DateTime
        | SqlType::SmallDateTime => "INTEGER",
        SqlType::Numeric { precision, .. } if precision <= 18 => "INTEGER",
        SqlType::Numeric { .. }
        | SqlType::Binary(_)
        | SqlType::VarBinary(_)
        | SqlType::DateTimeOffset(_)
        | SqlType::SqlVariant => "BLOB",
        SqlType::Real | SqlType::Float => "REAL",
        SqlType::Char(_)
        | SqlType::NChar(_)
        | SqlType::VarChar(_)
        | SqlType::NVarChar(_)
        | SqlType::Xml => "TEXT COLLATE tsql",
        SqlType::UniqueIdentifier => "TEXT",
    }
}

/// Whether two identifiers are the same under the server's collation.
pub fn same_name(a: &str, b: &str) -> bool {
    // Nearly every name is ASCII: only others need their letters looked up, and memory for that.
    a.eq_ignore_ascii_case(b)
        || !(a.is_ascii() && b.is_ascii()) && a.to_lowercase() == b.to_lowercase()
}

/// A name for SQLite, in double quotes.
pub fn quote(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for (number, part) in name.split('"').enumerate() {
        if number > 0 {
            quoted += "\"\"";
        }
        quoted += part;
    }
    quoted.push('"');
    quoted
}

fn prefix(schema: Option<&str>) -> String {
    schema.map_or_else(String::new, |s| format!("{}.", quote(s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_survives_json() {
        let table = Table {
            object_id: 5,
            schema: "dbo".into(),
            name: "odd \" name".into(),
            columns: vec![
                ColumnDef::new("id", SqlType::Int, false),
                ColumnDef::new(
                    "lsn",
                    SqlType::Numeric {
                        precision: 25,
                        scale: 0,
                    },
                    true,
                ),
            ],
            indexes: vec![Index {
                name: "PK".into(),
                kind: IndexKind::PrimaryKey,
                clustered: true,
                columns: vec![IndexColumn {
                    name: "id".into(),
                    descending: false,
                }],
            }],
            foreign_keys: vec![],
            checks: vec![],
            created: 0,
        };
        let text = serde_json::to_string(&table).expect("plain data");
        let back: Table = serde_json::from_str(&text).expect("what was written");
        assert_eq!(back, table);
        assert_eq!(
            table.create_statements(Some("db5")),
            [
                "CREATE TABLE \"db5\".\"dbo.odd \"\" name\" (_rid INTEGER PRIMARY KEY, \"id\" INTEGER, \"lsn\" BLOB)",
                "CREATE UNIQUE INDEX \"db5\".\"dbo.odd \"\" name.PK\" ON \"dbo.odd \"\" name\" (\"id\")",
            ]
        );
    }

    #[test]
    fn names_are_found_in_any_case() {
        let mut catalogue = Catalogue::from_tables([]);
        catalogue.insert(Table {
            object_id: catalogue.next_object_id(),
            schema: "Sales".into(),
            name: "Größe".into(),
            columns: vec![],
            indexes: vec![],
            foreign_keys: vec![],
            checks: vec![],
            created: 0,
        });
        assert!(catalogue.table("SALES", "GRÖSSE").is_none());
        assert!(catalogue.table("SALES", "GRÖßE").is_some());
        assert!(catalogue.has_schema("sales"));
        assert_eq!(catalogue.next_object_id(), 901_578_266);
    }
}
