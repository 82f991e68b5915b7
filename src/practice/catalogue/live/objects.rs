//! Views of one database: its schemas, tables, columns, keys, row counts.

use super::databases::collation_of;
use super::{Row, datetime};
use crate::practice::catalogue::system::{self, SystemView};
use crate::practice::catalogue::{IndexKind, ReferentialAction, Table, quote, same_name};
use crate::practice::engine::Engine;
use crate::practice::reply::Message;
use crate::practice::sql::instance::{Instance as _, ViewRequest};
use crate::practice::sql::types::{self, Family};
use crate::practice::value::{Length, SqlType, Value};
use std::sync::Arc;

/// What the views of a database are made from.
struct Source<'v> {
    view: &'v SystemView,
    database_name: String,
    collation: String,
    tables: Vec<Arc<Table>>,
    schemas: Vec<(i32, String)>,
}

/// The rows of a view of the database that was named.
pub(super) fn rows(
    engine: &mut Engine,
    request: &ViewRequest<'_>,
) -> Result<Vec<Vec<Value>>, Message> {
    let view = request.view;
    engine.store.check_readable(request.database)?;
    let Some(database) = engine.store.database(request.database) else {
        return Ok(Vec::new());
    };
    let created = datetime(database.created);
    let source = Source {
        view,
        database_name: database.name.clone(),
        collation: collation_of(database),
        tables: database.catalogue.tables().map(Arc::clone).collect(),
        schemas: system::schemas(Some(&database.catalogue)),
    };
    let shipped = i64::from(database.is_system());
    Ok(match view.name {
        "partitions" | "dm_db_partition_stats" => {
            return partitions(engine, request, &source);
        }
        "filegroups" => vec![
            Row::new(view)
                .text("name", "PRIMARY")
                .int("data_space_id", 1)
                .text("type", "FG")
                .text("type_desc", "ROWS_FILEGROUP")
                .int("is_default", 1)
                .ints(&["is_system", "is_read_only", "is_autogrow_all_files"], 0)
                .done(),
        ],
        "schemas" => source
            .schemas
            .iter()
            .map(|(id, name)| {
                Row::new(view)
                    .text("name", name.clone())
                    .int("schema_id", *id)
                    .int("principal_id", 1)
                    .done()
            })
            .collect(),
        "SCHEMATA" => source
            .schemas
            .iter()
            .map(|(_, name)| {
                Row::new(view)
                    .text("CATALOG_NAME", source.database_name.clone())
                    .text("SCHEMA_NAME", name.clone())
                    .text("SCHEMA_OWNER", name.clone())
                    .done()
            })
            .collect(),
        "types" => types_of(view, &source.collation),
        "database_principals" => [
            ("public", 0, "R", "DATABASE_ROLE", 0),
            ("dbo", 1, "S", "SQL_USER", 1),
            ("guest", 2, "S", "SQL_USER", 0),
            ("db_owner", 16_384, "R", "DATABASE_ROLE", 0),
            ("db_backupoperator", 16_389, "R", "DATABASE_ROLE", 0),
        ]
        .into_iter()
        .map(|(name, id, kind, kind_name, authentication)| {
            Row::new(view)
                .text("name", name)
                .int("principal_id", id)
                .text("type", kind)
                .text("type_desc", kind_name)
                .set("create_date", created.clone())
                .set("modify_date", created.clone())
                .set(
                    "sid",
                    if name == "dbo" {
                        Value::Bytes(vec![1])
                    } else {
                        Value::Null
                    },
                )
                .int("is_fixed_role", i64::from(id >= 16_384))
                .int("authentication_type", authentication)
                .text(
                    "authentication_type_desc",
                    if authentication == 1 {
                        "INSTANCE"
                    } else {
                        "NONE"
                    },
                )
                .done()
        })
        .collect(),
        "objects" | "all_objects" | "tables" => source.objects(shipped),
        "columns" | "all_columns" => source.columns(),
        "identity_columns" => source.identity_columns(),
        "indexes" => source.indexes(),
        "index_columns" => source.index_columns(),
        "key_constraints" => source.key_constraints(),
        "foreign_keys" => source.foreign_keys(),
        "default_constraints" => source.default_constraints(),
        "TABLES" => source
            .tables
            .iter()
            .map(|t| {
                Row::new(view)
                    .text("TABLE_CATALOG", source.database_name.clone())
                    .text("TABLE_SCHEMA", t.schema.clone())
                    .text("TABLE_NAME", t.name.clone())
                    .text("TABLE_TYPE", "BASE TABLE")
                    .done()
            })
            .collect(),
        "COLUMNS" => source.columns_of_schema(),
        // Modules and the like do not exist here.
        _ => Vec::new(),
    })
}

/// Numbers of indices as the product gives them: the clustered one is 1, a heap is 0.
fn index_ids(table: &Table) -> Vec<i64> {
    let mut next = 2;
    table
        .indexes
        .iter()
        .map(|index| {
            if index.clustered {
                1
            } else {
                next += 1;
                next - 1
            }
        })
        .collect()
}

pub(super) fn is_heap(table: &Table) -> bool {
    !table.indexes.iter().any(|i| i.clustered)
}

impl Source<'_> {
    fn schema_id(&self, name: &str) -> i64 {
        self.schemas
            .iter()
            .find(|(_, s)| same_name(s, name))
            .map_or(1, |(id, _)| i64::from(*id))
    }

    fn objects(&self, shipped: i64) -> Vec<Vec<Value>> {
        self.tables
            .iter()
            .map(|t| {
                let row = Row::new(self.view)
                    .text("name", t.name.clone())
                    .int("object_id", t.object_id)
                    .int("schema_id", self.schema_id(&t.schema))
                    .text("type", "U ")
                    .text("type_desc", "USER_TABLE")
                    .int("create_date", t.created)
                    .int("modify_date", t.created)
                    .int("is_ms_shipped", shipped);
                if self.view.name != "tables" {
                    return row.done();
                }
                row.int("max_column_id_used", t.columns.len() as i64)
                    .int("uses_ansi_nulls", 1)
                    .text("lock_escalation_desc", "TABLE")
                    .text("durability_desc", "SCHEMA_AND_DATA")
                    .text("temporal_type_desc", "NON_TEMPORAL_TABLE")
                    .ints(
                        &[
                            "is_replicated",
                            "is_tracked_by_cdc",
                            "lock_escalation",
                            "is_filetable",
                            "is_memory_optimized",
                            "durability",
                            "temporal_type",
                            "is_remote_data_archive_enabled",
                        ],
                        0,
                    )
                    .done()
            })
            .collect()
    }

    fn columns(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for t in &self.tables {
            for (at, c) in t.columns.iter().enumerate() {
                let (precision, scale) = types::precision_and_scale(c.ty);
                let system = i64::from(types::system_type_id(c.ty));
                let user = if c.type_name.as_deref() == Some("sysname") {
                    256
                } else {
                    system
                };
                let mut row = Row::new(self.view)
                    .int("object_id", t.object_id)
                    .text("name", c.name.clone())
                    .int("column_id", at as i64 + 1)
                    .int("system_type_id", system)
                    .int("user_type_id", user)
                    .int("max_length", types::max_length(c.ty))
                    .int("precision", precision)
                    .int("scale", scale)
                    .int("is_nullable", i64::from(c.nullable))
                    .int("is_ansi_padded", 1)
                    .int("is_identity", i64::from(c.identity.is_some()))
                    .int("is_computed", i64::from(c.computed.is_some()))
                    .int(
                        "default_object_id",
                        c.default.as_ref().map_or(0, |_| default_id(t, at)),
                    )
                    .ints(&["is_sparse", "is_column_set", "generated_always_type"], 0)
                    .text("generated_always_type_desc", "NOT_APPLICABLE");
                if types::is_text(c.ty) {
                    row = row.text("collation_name", self.collation.clone());
                }
                rows.push(row.done());
            }
        }
        rows
    }

    fn identity_columns(&self) -> Vec<Vec<Value>> {
        self.tables
            .iter()
            .filter_map(|t| Some((t, t.identity_column()?)))
            .map(|(t, (at, c, identity))| {
                let variant = |n: i64| Value::Variant(Box::new((c.ty, Value::Int(n))));
                let system = i64::from(types::system_type_id(c.ty));
                Row::new(self.view)
                    .int("object_id", t.object_id)
                    .text("name", c.name.clone())
                    .int("column_id", at as i64 + 1)
                    .int("system_type_id", system)
                    .int("user_type_id", system)
                    .set("seed_value", variant(identity.seed))
                    .set("increment_value", variant(identity.increment))
                    .done()
            })
            .collect()
    }

    fn indexes(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for t in &self.tables {
            if is_heap(t) {
                rows.push(
                    Row::new(self.view)
                        .int("object_id", t.object_id)
                        .int("index_id", 0)
                        .int("type", 0)
                        .text("type_desc", "HEAP")
                        .int("data_space_id", 1)
                        .ints(
                            &[
                                "is_unique",
                                "is_primary_key",
                                "is_unique_constraint",
                                "is_disabled",
                                "is_hypothetical",
                                "has_filter",
                            ],
                            0,
                        )
                        .done(),
                );
            }
            for (index, id) in t.indexes.iter().zip(index_ids(t)) {
                let (kind, kind_name) = if index.clustered {
                    (1, "CLUSTERED")
                } else {
                    (2, "NONCLUSTERED")
                };
                let is = |wanted: IndexKind| i64::from(index.kind == wanted);
                rows.push(
                    Row::new(self.view)
                        .int("object_id", t.object_id)
                        .text("name", index.name.clone())
                        .int("index_id", id)
                        .int("type", kind)
                        .text("type_desc", kind_name)
                        .int("is_unique", 1 - is(IndexKind::Plain))
                        .int("data_space_id", 1)
                        .int("is_primary_key", is(IndexKind::PrimaryKey))
                        .int("is_unique_constraint", is(IndexKind::UniqueConstraint))
                        .ints(
                            &[
                                "ignore_dup_key",
                                "is_padded",
                                "is_disabled",
                                "is_hypothetical",
                                "has_filter",
                            ],
                            0,
                        )
                        .ints(&["allow_row_locks", "allow_page_locks"], 1)
                        .done(),
                );
            }
        }
        rows
    }

    fn index_columns(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for t in &self.tables {
            for (index, id) in t.indexes.iter().zip(index_ids(t)) {
                for (at, c) in index.columns.iter().enumerate() {
                    let Some((column, _)) = t.column(&c.name) else {
                        continue;
                    };
                    rows.push(
                        Row::new(self.view)
                            .int("object_id", t.object_id)
                            .int("index_id", id)
                            .int("index_column_id", at as i64 + 1)
                            .int("column_id", column as i64 + 1)
                            .int("key_ordinal", at as i64 + 1)
                            .int("is_descending_key", i64::from(c.descending))
                            .int("is_included_column", 0)
                            .done(),
                    );
                }
            }
        }
        rows
    }

    fn key_constraints(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for t in &self.tables {
            for (at, (index, id)) in t.indexes.iter().zip(index_ids(t)).enumerate() {
                let (kind, kind_name) = match index.kind {
                    IndexKind::PrimaryKey => ("PK", "PRIMARY_KEY_CONSTRAINT"),
                    IndexKind::UniqueConstraint => ("UQ", "UNIQUE_CONSTRAINT"),
                    _ => continue,
                };
                rows.push(
                    Row::new(self.view)
                        .text("name", index.name.clone())
                        .int("object_id", part_id(t, 1000 + at))
                        .int("schema_id", self.schema_id(&t.schema))
                        .int("parent_object_id", t.object_id)
                        .text("type", kind)
                        .text("type_desc", kind_name)
                        .int("create_date", t.created)
                        .int("modify_date", t.created)
                        .int("unique_index_id", id)
                        .done(),
                );
            }
        }
        rows
    }

    fn foreign_keys(&self) -> Vec<Vec<Value>> {
        let action = |action: ReferentialAction| match action {
            ReferentialAction::NoAction => (0, "NO_ACTION"),
            ReferentialAction::Cascade => (1, "CASCADE"),
            ReferentialAction::SetNull => (2, "SET_NULL"),
            ReferentialAction::SetDefault => (3, "SET_DEFAULT"),
        };
        let mut rows = Vec::new();
        for t in &self.tables {
            for (at, key) in t.foreign_keys.iter().enumerate() {
                let referenced = self.tables.iter().find(|r| {
                    same_name(&r.schema, &key.referenced_schema)
                        && same_name(&r.name, &key.referenced_table)
                });
                let (delete, update) = (action(key.on_delete), action(key.on_update));
                rows.push(
                    Row::new(self.view)
                        .text("name", key.name.clone())
                        .int("object_id", part_id(t, 2000 + at))
                        .int("schema_id", self.schema_id(&t.schema))
                        .int("parent_object_id", t.object_id)
                        .text("type", "F ")
                        .text("type_desc", "FOREIGN_KEY_CONSTRAINT")
                        .int("create_date", t.created)
                        .int("modify_date", t.created)
                        .set(
                            "referenced_object_id",
                            referenced.map_or(Value::Null, |r| Value::Int(i64::from(r.object_id))),
                        )
                        .int("delete_referential_action", delete.0)
                        .text("delete_referential_action_desc", delete.1)
                        .int("update_referential_action", update.0)
                        .text("update_referential_action_desc", update.1)
                        .done(),
                );
            }
        }
        rows
    }

    fn default_constraints(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for t in &self.tables {
            for (at, c) in t.columns.iter().enumerate() {
                let Some(default) = &c.default else { continue };
                rows.push(
                    Row::new(self.view)
                        .text("name", default.name.clone())
                        .int("object_id", default_id(t, at))
                        .int("schema_id", self.schema_id(&t.schema))
                        .int("parent_object_id", t.object_id)
                        .int("parent_column_id", at as i64 + 1)
                        .text("definition", default.definition.clone())
                        .done(),
                );
            }
        }
        rows
    }

    fn columns_of_schema(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for t in &self.tables {
            for (at, c) in t.columns.iter().enumerate() {
                let (precision, scale) = types::precision_and_scale(c.ty);
                let mut row = Row::new(self.view)
                    .text("TABLE_CATALOG", self.database_name.clone())
                    .text("TABLE_SCHEMA", t.schema.clone())
                    .text("TABLE_NAME", t.name.clone())
                    .text("COLUMN_NAME", c.name.clone())
                    .int("ORDINAL_POSITION", at as i64 + 1)
                    .text("IS_NULLABLE", if c.nullable { "YES" } else { "NO" })
                    .text("DATA_TYPE", types::name(c.ty));
                if let Some(default) = &c.default {
                    row = row.text("COLUMN_DEFAULT", default.definition.clone());
                }
                row = match types::family(c.ty) {
                    Family::Text | Family::Binary => {
                        let length = match types::text_length(c.ty) {
                            Length::Limited(n) => i64::from(n),
                            Length::Max => -1,
                        };
                        let row = row
                            .int("CHARACTER_MAXIMUM_LENGTH", length)
                            .int("CHARACTER_OCTET_LENGTH", types::max_length(c.ty));
                        if types::is_text(c.ty) {
                            row.text("COLLATION_NAME", self.collation.clone())
                        } else {
                            row
                        }
                    }
                    Family::Moment => row.int("DATETIME_PRECISION", scale),
                    Family::Integer | Family::Numeric | Family::Money if c.ty != SqlType::Bit => {
                        row.int("NUMERIC_PRECISION", precision)
                            .int("NUMERIC_PRECISION_RADIX", 10)
                            .int("NUMERIC_SCALE", scale)
                    }
                    Family::Approximate => row
                        .int("NUMERIC_PRECISION", precision)
                        .int("NUMERIC_PRECISION_RADIX", 2),
                    _ => row,
                };
                rows.push(row.done());
            }
        }
        rows
    }
}

/// Constraints have no numbers of their own; theirs follow from the table's.
fn part_id(table: &Table, at: usize) -> i64 {
    i64::from(table.object_id % 1_000_000) + 1_000_000_000 + at as i64 * 1_000_003 % 900_000_000
}

fn default_id(table: &Table, column: usize) -> i64 {
    part_id(table, 3000 + column)
}

fn types_of(view: &SystemView, collation: &str) -> Vec<Vec<Value>> {
    system::type_names()
        .iter()
        .map(|(user, system, name)| {
            let ty = types::from_name(name, &[]).ok();
            let ty = match ty {
                // As long as they can be.
                Some(SqlType::VarChar(_)) => Some(SqlType::VarChar(Length::Limited(8000))),
                Some(SqlType::NVarChar(_)) if *name == "nvarchar" => {
                    Some(SqlType::NVarChar(Length::Limited(4000)))
                }
                Some(SqlType::Numeric { .. }) => Some(SqlType::Numeric {
                    precision: 38,
                    scale: 38,
                }),
                other => other,
            };
            let (precision, scale) = ty.map_or((0, 0), types::precision_and_scale);
            let mut row = Row::new(view)
                .text("name", *name)
                .int("system_type_id", *system)
                .int("user_type_id", *user)
                .int("schema_id", 4)
                .int("max_length", ty.map_or(16, types::max_length))
                .int("precision", precision)
                .int("scale", scale)
                .int("is_nullable", i64::from(*name != "sysname"));
            if ty.is_some_and(types::is_text) {
                row = row.text("collation_name", collation);
            }
            row.done()
        })
        .collect()
}

fn partitions(
    engine: &mut Engine,
    request: &ViewRequest<'_>,
    source: &Source<'_>,
) -> Result<Vec<Vec<Value>>, Message> {
    let schema = engine.attach(request.database)?;
    let mut rows = Vec::new();
    for t in &source.tables {
        let sql = format!(
            "SELECT count(*) FROM {}.{}",
            quote(&schema),
            quote(&t.sqlite_name())
        );
        let n_rows: i64 = engine
            .store
            .connection()
            .query_row(&sql, [], |r| r.get(0))
            .map_err(|e| crate::practice::sql::run::message_of(&e))?;
        let mut ids = index_ids(t);
        if is_heap(t) {
            ids.insert(0, 0);
        }
        for id in ids {
            let number = i64::from(t.object_id) << 16 | id;
            let row = Row::new(source.view)
                .int("partition_id", number)
                .int("object_id", t.object_id)
                .int("index_id", id)
                .int("partition_number", 1);
            rows.push(if source.view.name == "partitions" {
                row.int("hobt_id", number)
                    .int("rows", n_rows)
                    .text("data_compression_desc", "NONE")
                    .done()
            } else {
                // A hundred rows a page, near enough for a list of sizes.
                let pages = n_rows / 100 + 1;
                row.int("row_count", n_rows)
                    .ints(
                        &[
                            "in_row_data_page_count",
                            "in_row_used_page_count",
                            "in_row_reserved_page_count",
                            "used_page_count",
                            "reserved_page_count",
                        ],
                        pages,
                    )
                    .done()
            });
        }
    }
    Ok(rows)
}
