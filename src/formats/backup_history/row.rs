//! Reads rows one by one, forgiving about their members.

use crate::domain::{
    BackupRecord, DatabaseFile, HistoryNote, HistoryNoteKind, Lsn, MarkRecord, MediaFile,
    RestoreRecord, ServerTime,
};
use chrono::NaiveDateTime;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};
use uuid::Uuid;

/// Rows read one by one, so that a large file is not held twice.
pub(super) struct Rows<T> {
    pub rows: Vec<T>,
    pub odd: Odd,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            odd: Odd::default(),
        }
    }
}

/// What a row of an array is read into.
pub(super) trait FromRow: Sized {
    fn from_row(row: &Map<String, Value>, n: usize, odd: &mut Odd) -> Self;
}

impl<'de, T: FromRow> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: FromRow> Visitor<'de> for RowVisitor<T> {
            type Value = Rows<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of rows")
            }

            fn visit_unit<E>(self) -> Result<Rows<T>, E> {
                Ok(Rows::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Rows<T>, A::Error> {
                let mut rows = Rows::default();
                let mut n = 0;
                while let Some(value) = seq.next_element::<Value>()? {
                    n += 1;
                    match value {
                        Value::Object(row) => {
                            let read = T::from_row(&row, n, &mut rows.odd);
                            rows.rows.push(read);
                        }
                        _ => rows.odd.add(None, || format!("row {n} is not an object")),
                    }
                }
                Ok(rows)
            }
        }

        deserializer.deserialize_any(RowVisitor(std::marker::PhantomData))
    }
}

/// Counts odd members by database.
#[derive(Default)]
pub(super) struct Odd(BTreeMap<Option<String>, (usize, String)>);

impl Odd {
    fn add(&mut self, database: Option<&str>, example: impl FnOnce() -> String) {
        self.0
            .entry(database.map(str::to_owned))
            .and_modify(|(rows, _)| *rows += 1)
            .or_insert_with(|| (1, example()));
    }

    pub fn add_all(&mut self, other: Self) {
        for (database, (rows, example)) in other.0 {
            self.0
                .entry(database)
                .and_modify(|(n, _)| *n += rows)
                .or_insert((rows, example));
        }
    }

    pub fn into_notes(self) -> Vec<HistoryNote> {
        self.0
            .into_iter()
            .map(|(database, (rows, example))| HistoryNote {
                kind: HistoryNoteKind::OddValue,
                database,
                rows,
                example,
            })
            .collect()
    }
}

/// Takes members out of a row; what has another type than it should is unknown, with a note.
pub(super) struct Row<'a> {
    members: &'a Map<String, Value>,
    database: Option<&'a str>,
    name: String,
    odd: &'a mut Odd,
}

impl<'a> Row<'a> {
    pub fn new(
        members: &'a Map<String, Value>,
        database: Option<&'a str>,
        name: impl Into<String>,
        odd: &'a mut Odd,
    ) -> Self {
        Self {
            members,
            database,
            name: name.into(),
            odd,
        }
    }

    fn take<T>(&mut self, member: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.members.get(member).filter(|value| !value.is_null())?;
        let taken = read(value);
        if taken.is_none() {
            let name = &self.name;
            self.odd.add(self.database, || {
                let shown: String = value.to_string().chars().take(60).collect();
                format!("{member} of {name} is {shown}")
            });
        }
        taken
    }

    pub fn text(&mut self, member: &str) -> Option<String> {
        self.take(member, |value| value.as_str().map(str::to_owned))
    }

    pub fn int<T: TryFrom<i64>>(&mut self, member: &str) -> Option<T> {
        self.take(member, |value| {
            let whole = value.as_i64().or_else(|| {
                let float = value.as_f64()?;
                (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
            })?;
            T::try_from(whole).ok()
        })
    }

    fn flag(&mut self, member: &str) -> Option<bool> {
        self.take(member, |value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            _ => None,
        })
    }

    fn guid(&mut self, member: &str) -> Option<Uuid> {
        self.take(member, |value| Uuid::parse_str(value.as_str()?.trim()).ok())
    }

    fn lsn(&mut self, member: &str) -> Option<Lsn> {
        self.take(member, |value| match value {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => Lsn::new(number.as_u64()?.into()),
            _ => None,
        })
    }

    fn time(&mut self, member: &str) -> Option<ServerTime> {
        self.take(member, |value| parse_server_time(value.as_str()?))
    }

    fn rows<T>(&mut self, member: &str, mut read: impl FnMut(Row<'_>) -> T) -> Vec<T> {
        let members: &'a Map<String, Value> = self.members;
        let Some(array) = members.get(member).and_then(Value::as_array) else {
            // Notes a member that is something else.
            self.take(member, |_| None::<()>);
            return Vec::new();
        };
        let mut rows = Vec::with_capacity(array.len());
        for (n, value) in array.iter().enumerate() {
            match value {
                Value::Object(members) => {
                    let name = format!("{member}[{n}] of {}", self.name);
                    rows.push(read(Row::new(members, self.database, name, self.odd)));
                }
                _ => {
                    let name = &self.name;
                    self.odd
                        .add(self.database, || format!("{member}[{n}] of {name}"));
                }
            }
        }
        rows
    }
}

/// Reads ISO 8601 local time without zone, with `T` or a space, with or without a fraction.
pub fn parse_server_time(text: &str) -> Option<ServerTime> {
    let text = text.trim();
    [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
    ]
    .iter()
    .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    .or_else(|| {
        chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    })
    .map(ServerTime)
}

impl FromRow for BackupRecord {
    fn from_row(row: &Map<String, Value>, n: usize, odd: &mut Odd) -> Self {
        let database = row.get("database_name").and_then(Value::as_str);
        let mut row = Row::new(row, database, format!("row {n} of backup_sets"), odd);
        Self {
            backup_set_id: row.int("backup_set_id"),
            backup_set_uuid: row.guid("backup_set_uuid"),
            media_set_id: row.int("media_set_id"),
            position: row.int("position"),
            name: row.text("name"),
            database_name: row.text("database_name"),
            server_name: row.text("server_name"),
            machine_name: row.text("machine_name"),
            user_name: row.text("user_name"),
            backup_type: row.text("type"),
            backup_start_date: row.time("backup_start_date"),
            backup_finish_date: row.time("backup_finish_date"),
            time_zone: row.int("time_zone"),
            first_lsn: row.lsn("first_lsn"),
            last_lsn: row.lsn("last_lsn"),
            checkpoint_lsn: row.lsn("checkpoint_lsn"),
            database_backup_lsn: row.lsn("database_backup_lsn"),
            differential_base_lsn: row.lsn("differential_base_lsn"),
            fork_point_lsn: row.lsn("fork_point_lsn"),
            differential_base_guid: row.guid("differential_base_guid"),
            first_recovery_fork_guid: row.guid("first_recovery_fork_guid"),
            last_recovery_fork_guid: row.guid("last_recovery_fork_guid"),
            family_guid: row.guid("family_guid"),
            database_guid: row.guid("database_guid"),
            database_creation_date: row.time("database_creation_date"),
            recovery_model: row.text("recovery_model"),
            is_copy_only: row.flag("is_copy_only"),
            is_damaged: row.flag("is_damaged"),
            has_bulk_logged_data: row.flag("has_bulk_logged_data"),
            is_snapshot: row.flag("is_snapshot"),
            begins_log_chain: row.flag("begins_log_chain"),
            is_readonly: row.flag("is_readonly"),
            has_backup_checksums: row.flag("has_backup_checksums"),
            is_force_offline: row.flag("is_force_offline"),
            has_incomplete_metadata: row.flag("has_incomplete_metadata"),
            guessed: row.flag("guessed") == Some(true),
            deleted_on: None,
            backup_size: row.int("backup_size"),
            compressed_backup_size: row.int("compressed_backup_size"),
            software_major_version: row.int("software_major_version"),
            database_version: row.int("database_version"),
            compatibility_level: row.int("compatibility_level"),
            media_family_count: row.int("media_family_count"),
            mirror_count: row.int("mirror_count"),
            last_valid_restore_time: row.time("last_valid_restore_time"),
            key_algorithm: row.text("key_algorithm"),
            encryptor_type: row.text("encryptor_type"),
            encryptor_thumbprint: row.text("encryptor_thumbprint"),
            media_files: row.rows("media_files", |mut file| MediaFile {
                family_sequence_number: file.int("family_sequence_number"),
                mirror: file.int("mirror"),
                physical_device_name: file.text("physical_device_name"),
                device_type: file.int("device_type"),
                present: file.flag("present"),
            }),
            files: row.rows("files", |mut file| DatabaseFile {
                file_number: file.int("file_number"),
                logical_name: file.text("logical_name"),
                physical_name: file.text("physical_name"),
                file_type: file.text("file_type"),
                file_size: file.int("file_size"),
                backup_size: file.int("backup_size"),
                filegroup_name: file.text("filegroup_name"),
                is_present: file.flag("is_present"),
            }),
        }
    }
}

impl FromRow for RestoreRecord {
    fn from_row(row: &Map<String, Value>, n: usize, odd: &mut Odd) -> Self {
        let database = row.get("destination_database_name").and_then(Value::as_str);
        let mut row = Row::new(row, database, format!("row {n} of restore_history"), odd);
        Self {
            restore_history_id: row.int("restore_history_id"),
            restore_date: row.time("restore_date"),
            destination_database_name: row.text("destination_database_name"),
            backup_set_id: row.int("backup_set_id"),
            backup_set_uuid: row.guid("backup_set_uuid"),
            restore_type: row.text("restore_type"),
            replace: row.flag("replace"),
            recovery: row.flag("recovery"),
            restart: row.flag("restart"),
            stop_at: row.time("stop_at"),
            user_name: row.text("user_name"),
        }
    }
}

impl FromRow for MarkRecord {
    fn from_row(row: &Map<String, Value>, n: usize, odd: &mut Odd) -> Self {
        let database = row.get("database_name").and_then(Value::as_str);
        let mut row = Row::new(row, database, format!("row {n} of marks"), odd);
        Self {
            database_name: row.text("database_name"),
            mark_name: row.text("mark_name"),
            description: row.text("description"),
            user_name: row.text("user_name"),
            lsn: row.lsn("lsn"),
            mark_time: row.time("mark_time"),
        }
    }
}
