//! What a transaction changed: rows noted by SQLite's update hook, read at commit, and replayed by row number.
//!
//! A payload is a list of operations. The rows of a table are after-images, so replaying one twice, or over a
//! page image that already holds it, changes nothing.
//!
//! | byte | operation |
//! |---|---|
//! | 0 | the table of what follows: length (2), name |
//! | 1 | a row is: `_rid` (8), columns (2), values |
//! | 2 | a row is gone: `_rid` (8) |
//! | 3 | a change of tables: length (4), SQLite's statement, with a mark for the database |

use crate::practice::catalogue::quote;
use rusqlite::{
    Connection,
    types::{Value, ValueRef},
};
use std::collections::{BTreeMap, BTreeSet};

/// Stands in a recorded statement for the schema under which the database is attached.
pub const SCHEMA: &str = "\u{1}\u{2}";

const TABLE: u8 = 0;
const ROW: u8 = 1;
const GONE: u8 = 2;
const CHANGE: u8 = 3;

/// Row numbers by table.
pub type TouchedRows = Vec<(String, Vec<i64>)>;

/// The rows that the running transaction touched.
#[derive(Debug, Default)]
pub struct Capture {
    /// Whether anybody wants to know.
    pub enabled: bool,
    names: Vec<(String, String)>,
    rows: Vec<(usize, i64)>,
}

impl Capture {
    /// Notes a row; called by the hook, so it must be quick.
    pub fn note(&mut self, schema: &str, table: &str, row: i64) {
        if !self.enabled || schema == "temp" || table.starts_with("sqlite_") {
            return;
        }
        let known = self
            .names
            .iter()
            .position(|(s, t)| t == table && s == schema);
        let name = known.unwrap_or_else(|| {
            self.names.push((schema.to_owned(), table.to_owned()));
            self.names.len() - 1
        });
        if self.rows.last() != Some(&(name, row)) {
            self.rows.push((name, row));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.names.clear();
        self.rows.clear();
    }

    /// Whether rows of that schema were touched.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The tables of which rows were touched, with the schema before each.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &str)> {
        let used: BTreeSet<usize> = self.rows.iter().map(|(name, _)| *name).collect();
        used.into_iter()
            .filter_map(|name| self.names.get(name))
            .map(|(schema, table)| (schema.as_str(), table.as_str()))
    }

    /// The schemas of which rows were touched.
    pub fn schemas(&self) -> BTreeSet<String> {
        let used: BTreeSet<usize> = self.rows.iter().map(|(name, _)| *name).collect();
        used.into_iter()
            .filter_map(|name| self.names.get(name))
            .map(|(schema, _)| schema.clone())
            .collect()
    }

    /// How many rows of each schema were noted; one that was touched again may count again.
    pub fn n_rows(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (name, _) in &self.rows {
            if let Some((schema, _)) = self.names.get(*name) {
                *counts.entry(schema.clone()).or_default() += 1;
            }
        }
        counts
    }

    /// The touched rows of one schema, by table, without repetition.
    pub fn rows_of(&self, schema: &str) -> TouchedRows {
        let mut rows: Vec<(usize, i64)> = self
            .rows
            .iter()
            .filter(|(name, _)| self.names.get(*name).is_some_and(|(s, _)| s == schema))
            .copied()
            .collect();
        rows.sort_unstable();
        rows.dedup();
        let mut tables = TouchedRows::new();
        let mut last = None;
        for (name, row) in rows {
            if last != Some(name) {
                last = Some(name);
                let table = self.names.get(name).map(|(_, t)| t.clone());
                tables.push((table.unwrap_or_default(), Vec::new()));
            }
            if let Some((_, rows)) = tables.last_mut() {
                rows.push(row);
            }
        }
        tables
    }
}

/// Adds the images of rows as they are now. A table that is gone has none.
pub fn write_images(
    connection: &Connection,
    schema: &str,
    tables: &[(String, Vec<i64>)],
    payload: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    for (table, rows) in tables {
        let sql = format!(
            "SELECT * FROM {}.{} WHERE _rid = ?1",
            quote(schema),
            quote(table)
        );
        let mut statement = match connection.prepare_cached(&sql) {
            Ok(statement) => statement,
            Err(_) if !table_exists(connection, schema, table)? => continue,
            Err(error) => return Err(error),
        };
        payload.push(TABLE);
        put_text16(payload, table);
        for row in rows {
            let mut found = statement.query([row])?;
            match found.next()? {
                None => {
                    payload.push(GONE);
                    payload.extend(row.to_le_bytes());
                }
                Some(image) => {
                    let columns = image.as_ref().column_count();
                    payload.push(ROW);
                    payload.extend(row.to_le_bytes());
                    // The first column is `_rid` itself.
                    let count = u16::try_from(columns.saturating_sub(1)).unwrap_or(u16::MAX);
                    payload.extend(count.to_le_bytes());
                    for column in 1..columns {
                        put_value(payload, image.get_ref(column)?);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Adds a change of tables.
pub fn write_change(sql: &str, payload: &mut Vec<u8>) {
    payload.push(CHANGE);
    payload.extend(u32::try_from(sql.len()).unwrap_or(u32::MAX).to_le_bytes());
    payload.extend_from_slice(sql.as_bytes());
}

/// Why a payload could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("a log record is not well formed at byte {at}")]
    Malformed { at: usize },
    #[error("a log record does not fit the database")]
    Database(#[from] rusqlite::Error),
}

/// Applies a payload to the database attached as `schema`. The caller holds a transaction.
pub fn replay(connection: &Connection, schema: &str, payload: &[u8]) -> Result<(), ReplayError> {
    let mut reader = Reader {
        bytes: payload,
        at: 0,
    };
    let mut table = String::new();
    let mut insert: Option<(usize, String)> = None;
    let mut delete = String::new();
    let schema = quote(schema);
    while let Some(operation) = reader.next() {
        match operation {
            TABLE => {
                let length = usize::from(u16::from_le_bytes(reader.array()?));
                table = reader.text(length)?.to_owned();
                insert = None;
                delete = format!("DELETE FROM {schema}.{} WHERE _rid = ?1", quote(&table));
            }
            ROW => {
                let row = i64::from_le_bytes(reader.array()?);
                let count = usize::from(u16::from_le_bytes(reader.array()?));
                let mut values = Vec::with_capacity(count + 1);
                values.push(Value::Integer(row));
                for _ in 0..count {
                    values.push(reader.value()?);
                }
                if insert.as_ref().is_none_or(|(n, _)| *n != count) {
                    let marks = vec!["?"; count + 1].join(",");
                    insert = Some((
                        count,
                        format!(
                            "INSERT OR REPLACE INTO {schema}.{} VALUES ({marks})",
                            quote(&table)
                        ),
                    ));
                }
                let sql = insert.as_ref().map_or("", |(_, sql)| sql);
                connection
                    .prepare_cached(sql)?
                    .execute(rusqlite::params_from_iter(values))?;
            }
            GONE => {
                let row = i64::from_le_bytes(reader.array()?);
                connection.prepare_cached(&delete)?.execute([row])?;
            }
            CHANGE => {
                let length = u32::from_le_bytes(reader.array()?) as usize;
                let sql = reader.text(length)?.replace(SCHEMA, &schema);
                connection.execute_batch(&sql)?;
            }
            _ => return Err(reader.malformed()),
        }
    }
    Ok(())
}

fn table_exists(connection: &Connection, schema: &str, table: &str) -> rusqlite::Result<bool> {
    connection.query_row(
        &format!(
            "SELECT count(*) FROM {}.sqlite_master WHERE type = 'table' AND name = ?1",
            quote(schema)
        ),
        [table],
        |row| row.get::<_, i64>(0).map(|n| n > 0),
    )
}

fn put_text16(payload: &mut Vec<u8>, text: &str) {
    payload.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    payload.extend_from_slice(text.as_bytes());
}

fn put_value(payload: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => payload.push(0),
        ValueRef::Integer(n) => {
            payload.push(1);
            payload.extend(n.to_le_bytes());
        }
        ValueRef::Real(x) => {
            payload.push(2);
            payload.extend(x.to_le_bytes());
        }
        ValueRef::Text(bytes) => put_bytes(payload, 3, bytes),
        ValueRef::Blob(bytes) => put_bytes(payload, 4, bytes),
    }
}

fn put_bytes(payload: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    payload.push(tag);
    payload.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    payload.extend_from_slice(bytes);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn malformed(&self) -> ReplayError {
        ReplayError::Malformed { at: self.at }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ReplayError> {
        let end = self.at.checked_add(length).ok_or(self.malformed())?;
        let bytes = self.bytes.get(self.at..end).ok_or(self.malformed())?;
        self.at = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReplayError> {
        let at = self.at;
        self.take(N)?
            .try_into()
            .map_err(|_short| ReplayError::Malformed { at })
    }

    fn text(&mut self, length: usize) -> Result<&'a str, ReplayError> {
        let at = self.at;
        std::str::from_utf8(self.take(length)?).map_err(|_not_utf8| ReplayError::Malformed { at })
    }

    fn value(&mut self) -> Result<Value, ReplayError> {
        let tag = self.next().ok_or(self.malformed())?;
        Ok(match tag {
            0 => Value::Null,
            1 => Value::Integer(i64::from_le_bytes(self.array()?)),
            2 => Value::Real(f64::from_le_bytes(self.array()?)),
            3 => {
                let length = u32::from_le_bytes(self.array()?) as usize;
                // Text of another encoding never gets in; a blob keeps it if it does.
                match std::str::from_utf8(self.take(length)?) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(_not_utf8) => return Err(self.malformed()),
                }
            }
            4 => {
                let length = u32::from_le_bytes(self.array()?) as usize;
                Value::Blob(self.take(length)?.to_vec())
            }
            _ => return Err(self.malformed()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_replayed() {
        let source = Connection::open_in_memory().expect("memory");
        source
            .execute_batch(
                "CREATE TABLE \"dbo.t\" (_rid INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL, d INTEGER);
                 INSERT INTO \"dbo.t\" VALUES (1, 'one', x'00ff', 1.5, NULL), (3, '', NULL, 0.0, -9)",
            )
            .expect("valid");
        let mut payload = Vec::new();
        write_change(
            "CREATE TABLE \u{1}\u{2}.\"dbo.t\" (_rid INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL, d INTEGER)",
            &mut payload,
        );
        let rows = vec![("dbo.t".to_owned(), vec![1, 2, 3])];
        write_images(&source, "main", &rows, &mut payload).expect("images");
        let target = Connection::open_in_memory().expect("memory");
        replay(&target, "main", &payload).expect("replays");
        let dump = |c: &Connection| {
            let mut s = c
                .prepare("SELECT _rid || '|' || a || '|' || quote(b) || '|' || quote(c) || '|' || quote(d) FROM \"dbo.t\" ORDER BY 1")
                .expect("valid");
            s.query_map([], |r| r.get::<_, String>(0))
                .expect("rows")
                .collect::<Result<Vec<_>, _>>()
                .expect("texts")
        };
        assert_eq!(dump(&target), dump(&source));
        // Any cut is refused or leaves out operations; it never panics.
        for cut in 0..payload.len() {
            let again = Connection::open_in_memory().expect("memory");
            replay(&again, "main", payload.get(..cut).expect("shorter")).ok();
        }
    }

    #[test]
    fn rows_are_noted_once_and_by_schema() {
        let mut capture = Capture {
            enabled: true,
            ..Capture::default()
        };
        for row in [5, 4, 5, 5] {
            capture.note("db5", "dbo.t", row);
        }
        capture.note("temp", "x", 1);
        capture.note("db6", "dbo.u", 1);
        assert_eq!(capture.rows_of("db5"), [("dbo.t".to_owned(), vec![4, 5])]);
        assert_eq!(
            capture.schemas().into_iter().collect::<Vec<_>>(),
            ["db5", "db6"]
        );
    }
}
