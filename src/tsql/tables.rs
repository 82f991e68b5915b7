//! Questions about the tables of one database: how many rows, since when, and of which version.

use super::{
    quote::{identifier, text},
    script::Batch,
};
use crate::domain::ServerTime;

/// Rows of every user table, from partition metadata: quick, and not exact while somebody writes.
pub fn table_rows(database: &str) -> Batch {
    let database = identifier(database);
    Batch::look(
        "Count rows from partition metadata",
        format!(
            "SELECT s.name AS schema_name, t.name AS table_name, SUM(p.rows) AS row_count
FROM {database}.sys.tables AS t
JOIN {database}.sys.schemas AS s ON s.schema_id = t.schema_id
JOIN {database}.sys.partitions AS p ON p.object_id = t.object_id AND p.index_id IN (0, 1)
GROUP BY s.name, t.name
ORDER BY s.name, t.name;"
        ),
    )
}

/// The exact number of rows of one table; null when it is not there.
pub fn count_rows(database: &str, schema: &str, table: &str) -> Batch {
    let full = format!(
        "{}.{}.{}",
        identifier(database),
        identifier(schema),
        identifier(table)
    );
    Batch::look(
        "Count rows",
        format!(
            "IF OBJECT_ID({}) IS NULL
    SELECT CAST(NULL AS bigint) AS row_count;
ELSE
    SELECT COUNT_BIG(*) AS row_count FROM {full};",
            text(&full)
        ),
    )
}

/// How many rows of a table came within stretches of time: columns `r0`, `r1`… in their order, and `oldest`, the time of
/// its oldest row; no row when the table is not there.
///
/// Times are as the column has them, without a zone; the beginning of a stretch does not belong to it.
pub fn rows_between(
    database: &str,
    schema: &str,
    table: &str,
    column: &str,
    stretches: &[(ServerTime, ServerTime)],
) -> Batch {
    let full = format!(
        "{}.{}.{}",
        identifier(database),
        identifier(schema),
        identifier(table)
    );
    let column = identifier(column);
    let time = |time: &ServerTime| {
        let time = time.0.format("%Y-%m-%dT%H:%M:%S%.3f").to_string();
        format!("CONVERT(datetime2(3), {}, 126)", text(&time))
    };
    let counts: Vec<String> = stretches
        .iter()
        .enumerate()
        .map(|(n, (from, to))| {
            format!(
                "COUNT_BIG(CASE WHEN {column} > {} AND {column} <= {} THEN 1 END) AS r{n}",
                time(from),
                time(to)
            )
        })
        .collect();
    // An index on the column then reads no more than it must.
    let oldest = stretches.iter().map(|(from, _)| from).min();
    let within = oldest.map_or_else(String::new, |from| {
        format!("\n    WHERE {column} > {}", time(from))
    });
    Batch::look(
        "Count the rows of some stretches of time",
        format!(
            "IF OBJECT_ID({}) IS NOT NULL
    SELECT (SELECT CAST(MIN({column}) AS datetime2(3)) FROM {full}) AS oldest,
        {}
    FROM {full}{within};",
            text(&full),
            counts.join(",\n        ")
        ),
    )
}

/// The largest value of a column, as text: the newest migration of a schema history. Null when the table is not there.
pub fn newest_value(database: &str, schema: &str, table: &str, column: &str) -> Batch {
    let full = format!(
        "{}.{}.{}",
        identifier(database),
        identifier(schema),
        identifier(table)
    );
    Batch::look(
        "Read the schema version",
        format!(
            "IF OBJECT_ID({}) IS NULL
    SELECT CAST(NULL AS nvarchar(300)) AS newest;
ELSE
    SELECT MAX(CAST({} AS nvarchar(300))) AS newest FROM {full};",
            text(&full),
            identifier(column)
        ),
    )
}

/// When each table of a database was last changed, since the server started; needs `VIEW SERVER STATE`.
///
/// <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-db-index-usage-stats-transact-sql>
pub fn table_changes(database: &str) -> Batch {
    let name = identifier(database);
    Batch::look(
        "Read when the tables were changed",
        format!(
            "SELECT s.name AS schema_name, t.name AS table_name, MAX(u.last_user_update) AS last_change
FROM sys.dm_db_index_usage_stats AS u
JOIN {name}.sys.tables AS t ON t.object_id = u.object_id
JOIN {name}.sys.schemas AS s ON s.schema_id = t.schema_id
WHERE u.database_id = DB_ID({})
GROUP BY s.name, t.name;",
            text(database)
        ),
    )
}

/// Names and schemas of a table's columns are not asked for; rows are compared as the server sends them.
pub fn all_rows(database: &str, schema: &str, table: &str) -> Batch {
    Batch::look(
        "Read all rows",
        format!(
            "SELECT * FROM {}.{}.{};",
            identifier(database),
            identifier(schema),
            identifier(table)
        ),
    )
}
