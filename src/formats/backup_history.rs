//! `backup-history/1`: what one msdb (or several) reported, as a JSON file.
//!
//! Reading is forgiving about rows and strict about the file: a member that is not what it should be counts as
//! unknown and gets a note; text that is not JSON is an error with line and column.

use crate::domain::{
    BackupRecord, DatabaseFile, HistoryNote, HistoryNoteKind, HistoryRecords, Lsn, MediaFile,
    RecordedServer, RestoreRecord, ServerTime,
};
use chrono::NaiveDateTime;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};
use uuid::Uuid;

/// The word in `format`.
pub const FORMAT: &str = "backup-history/1";

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryFile {
    /// Free text: where the rows came from.
    pub origin: Option<String>,
    pub records: HistoryRecords,
    /// Members that could not be read and count as unknown.
    pub notes: Vec<HistoryNote>,
}

/// Why a file cannot be read as a history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryFileError {
    /// Neither UTF-8 nor UTF-16.
    #[error("not UTF-8 or UTF-16 text: line {line}, column {column}")]
    NotText { line: usize, column: usize },
    /// Not JSON, or not the shape of a history.
    #[error("line {line}, column {column}: {message}")]
    Broken {
        line: usize,
        column: usize,
        message: String,
    },
    /// JSON of another format.
    #[error("the format is {found}, not {FORMAT}")]
    OtherFormat { found: String },
}

/// Reads a file's bytes: UTF-8 with or without byte-order mark, or UTF-16.
pub fn parse(bytes: &[u8]) -> Result<HistoryFile, HistoryFileError> {
    let text = decode_text(bytes)?;
    let file: File = serde_json::from_str(&text).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        HistoryFileError::Broken {
            line: error.line(),
            column: error.column(),
            message: message.strip_suffix(&place).unwrap_or(&message).to_owned(),
        }
    })?;
    match &file.format {
        Value::String(format) if format == FORMAT => {}
        Value::Null => {
            return Err(HistoryFileError::OtherFormat {
                found: "not named".to_owned(),
            });
        }
        other => {
            return Err(HistoryFileError::OtherFormat {
                found: other.to_string(),
            });
        }
    }
    let mut odd = Odd::default();
    let server = file
        .server
        .as_object()
        .map_or_else(RecordedServer::default, |server| {
            let mut row = Row::new(server, None, "the server", &mut odd);
            RecordedServer {
                name: row.text("name"),
                utc_offset_minutes: row.int("utc_offset_minutes"),
                collation: row.text("collation"),
            }
        });
    odd.add_all(file.backup_sets.odd);
    odd.add_all(file.restore_history.odd);
    Ok(HistoryFile {
        origin: file.origin.as_str().map(str::to_owned),
        records: HistoryRecords {
            server,
            backup_sets: file.backup_sets.rows,
            restore_history: file.restore_history.rows,
        },
        notes: odd.into_notes(),
    })
}

/// Writes a history; the same records always give the same text, a line for each row.
pub fn to_json(records: &HistoryRecords, origin: Option<&str>) -> String {
    let HistoryRecords {
        server,
        backup_sets,
        restore_history,
    } = records;
    let mut text = format!("{{\n \"format\": \"{FORMAT}\",\n");
    if let Some(origin) = origin {
        text += &format!(" \"origin\": {},\n", Value::from(origin));
    }
    let RecordedServer {
        name,
        utc_offset_minutes,
        collation,
    } = server;
    let mut about = Map::new();
    for (member, value) in [
        ("name", name.as_deref().map(Value::from)),
        ("utc_offset_minutes", utc_offset_minutes.map(Value::from)),
        ("collation", collation.as_deref().map(Value::from)),
    ] {
        if let Some(value) = value {
            about.insert(member.to_owned(), value);
        }
    }
    text += &format!(" \"server\": {},\n", Value::Object(about));
    write_rows(
        &mut text,
        "backup_sets",
        backup_sets.iter().map(SetOut::from),
    );
    text += ",\n";
    write_rows(
        &mut text,
        "restore_history",
        restore_history.iter().map(RestoreOut::from),
    );
    text += "\n}\n";
    text
}

fn write_rows(text: &mut String, name: &str, rows: impl Iterator<Item = impl Serialize>) {
    *text += &format!(" \"{name}\": [");
    for (n, row) in rows.enumerate() {
        *text += if n == 0 { "\n  " } else { ",\n  " };
        // Plain members always serialize.
        *text += &serde_json::to_string(&row).unwrap_or_default();
    }
    *text += "\n ]";
}

/// Text of a file in one of the encodings that editors and PowerShell write.
pub fn decode_text(bytes: &[u8]) -> Result<String, HistoryFileError> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| {
                unit([
                    pair.first().copied().unwrap_or(0),
                    pair.get(1).copied().unwrap_or(0),
                ])
            })
            .collect();
        let text = String::from_utf16_lossy(&units);
        let whole = bytes.len().is_multiple_of(2) && String::from_utf16(&units).is_ok();
        if whole {
            Ok(text)
        } else {
            let good = text.split('\u{fffd}').next().unwrap_or_default();
            Err(not_text(good))
        }
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // JSON begins with an ASCII character, so a zero beside it tells UTF-16 without a mark.
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => utf16(bytes, u16::from_be_bytes),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, HistoryFileError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Err(not_text(&String::from_utf8_lossy(good)))
        }
    }
}

fn not_text(good: &str) -> HistoryFileError {
    HistoryFileError::NotText {
        line: good.matches('\n').count() + 1,
        column: good.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    format: Value,
    #[serde(default)]
    origin: Value,
    #[serde(default)]
    server: Value,
    #[serde(default)]
    backup_sets: Rows<BackupRecord>,
    #[serde(default)]
    restore_history: Rows<RestoreRecord>,
}

/// Rows read one by one, so that a large file is not held twice.
struct Rows<T> {
    rows: Vec<T>,
    odd: Odd,
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
trait FromRow: Sized {
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
struct Odd(BTreeMap<Option<String>, (usize, String)>);

impl Odd {
    fn add(&mut self, database: Option<&str>, example: impl FnOnce() -> String) {
        self.0
            .entry(database.map(str::to_owned))
            .and_modify(|(rows, _)| *rows += 1)
            .or_insert_with(|| (1, example()));
    }

    fn add_all(&mut self, other: Self) {
        for (database, (rows, example)) in other.0 {
            self.0
                .entry(database)
                .and_modify(|(n, _)| *n += rows)
                .or_insert((rows, example));
        }
    }

    fn into_notes(self) -> Vec<HistoryNote> {
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
struct Row<'a> {
    members: &'a Map<String, Value>,
    database: Option<&'a str>,
    name: String,
    odd: &'a mut Odd,
}

impl<'a> Row<'a> {
    fn new(
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

    fn text(&mut self, member: &str) -> Option<String> {
        self.take(member, |value| value.as_str().map(str::to_owned))
    }

    fn int<T: TryFrom<i64>>(&mut self, member: &str) -> Option<T> {
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
        }
    }
}

#[derive(Serialize)]
struct SetOut<'a> {
    backup_set_id: Option<i64>,
    backup_set_uuid: Option<Uuid>,
    media_set_id: Option<i64>,
    position: Option<i32>,
    name: Option<&'a str>,
    database_name: Option<&'a str>,
    server_name: Option<&'a str>,
    machine_name: Option<&'a str>,
    user_name: Option<&'a str>,
    #[serde(rename = "type")]
    backup_type: Option<&'a str>,
    backup_start_date: Option<String>,
    backup_finish_date: Option<String>,
    time_zone: Option<i32>,
    first_lsn: Option<String>,
    last_lsn: Option<String>,
    checkpoint_lsn: Option<String>,
    database_backup_lsn: Option<String>,
    differential_base_lsn: Option<String>,
    fork_point_lsn: Option<String>,
    differential_base_guid: Option<Uuid>,
    first_recovery_fork_guid: Option<Uuid>,
    last_recovery_fork_guid: Option<Uuid>,
    family_guid: Option<Uuid>,
    database_guid: Option<Uuid>,
    database_creation_date: Option<String>,
    recovery_model: Option<&'a str>,
    is_copy_only: Option<bool>,
    is_damaged: Option<bool>,
    has_bulk_logged_data: Option<bool>,
    is_snapshot: Option<bool>,
    begins_log_chain: Option<bool>,
    is_readonly: Option<bool>,
    has_backup_checksums: Option<bool>,
    is_force_offline: Option<bool>,
    has_incomplete_metadata: Option<bool>,
    backup_size: Option<u64>,
    compressed_backup_size: Option<u64>,
    software_major_version: Option<i32>,
    database_version: Option<i32>,
    compatibility_level: Option<i32>,
    media_family_count: Option<i32>,
    mirror_count: Option<i32>,
    last_valid_restore_time: Option<String>,
    key_algorithm: Option<&'a str>,
    encryptor_type: Option<&'a str>,
    encryptor_thumbprint: Option<&'a str>,
    media_files: Vec<MediaOut<'a>>,
    files: Vec<FileOut<'a>>,
}

impl<'a> From<&'a BackupRecord> for SetOut<'a> {
    fn from(record: &'a BackupRecord) -> Self {
        let BackupRecord {
            backup_set_id,
            backup_set_uuid,
            media_set_id,
            position,
            name,
            database_name,
            server_name,
            machine_name,
            user_name,
            backup_type,
            backup_start_date,
            backup_finish_date,
            time_zone,
            first_lsn,
            last_lsn,
            checkpoint_lsn,
            database_backup_lsn,
            differential_base_lsn,
            fork_point_lsn,
            differential_base_guid,
            first_recovery_fork_guid,
            last_recovery_fork_guid,
            family_guid,
            database_guid,
            database_creation_date,
            recovery_model,
            is_copy_only,
            is_damaged,
            has_bulk_logged_data,
            is_snapshot,
            begins_log_chain,
            is_readonly,
            has_backup_checksums,
            is_force_offline,
            has_incomplete_metadata,
            backup_size,
            compressed_backup_size,
            software_major_version,
            database_version,
            compatibility_level,
            media_family_count,
            mirror_count,
            last_valid_restore_time,
            key_algorithm,
            encryptor_type,
            encryptor_thumbprint,
            media_files,
            files,
        } = record;
        Self {
            backup_set_id: *backup_set_id,
            backup_set_uuid: *backup_set_uuid,
            media_set_id: *media_set_id,
            position: *position,
            name: name.as_deref(),
            database_name: database_name.as_deref(),
            server_name: server_name.as_deref(),
            machine_name: machine_name.as_deref(),
            user_name: user_name.as_deref(),
            backup_type: backup_type.as_deref(),
            backup_start_date: backup_start_date.map(|v| v.to_string()),
            backup_finish_date: backup_finish_date.map(|v| v.to_string()),
            time_zone: *time_zone,
            first_lsn: first_lsn.map(|v| v.to_string()),
            last_lsn: last_lsn.map(|v| v.to_string()),
            checkpoint_lsn: checkpoint_lsn.map(|v| v.to_string()),
            database_backup_lsn: database_backup_lsn.map(|v| v.to_string()),
            differential_base_lsn: differential_base_lsn.map(|v| v.to_string()),
            fork_point_lsn: fork_point_lsn.map(|v| v.to_string()),
            differential_base_guid: *differential_base_guid,
            first_recovery_fork_guid: *first_recovery_fork_guid,
            last_recovery_fork_guid: *last_recovery_fork_guid,
            family_guid: *family_guid,
            database_guid: *database_guid,
            database_creation_date: database_creation_date.map(|v| v.to_string()),
            recovery_model: recovery_model.as_deref(),
            is_copy_only: *is_copy_only,
            is_damaged: *is_damaged,
            has_bulk_logged_data: *has_bulk_logged_data,
            is_snapshot: *is_snapshot,
            begins_log_chain: *begins_log_chain,
            is_readonly: *is_readonly,
            has_backup_checksums: *has_backup_checksums,
            is_force_offline: *is_force_offline,
            has_incomplete_metadata: *has_incomplete_metadata,
            backup_size: *backup_size,
            compressed_backup_size: *compressed_backup_size,
            software_major_version: *software_major_version,
            database_version: *database_version,
            compatibility_level: *compatibility_level,
            media_family_count: *media_family_count,
            mirror_count: *mirror_count,
            last_valid_restore_time: last_valid_restore_time.map(|v| v.to_string()),
            key_algorithm: key_algorithm.as_deref(),
            encryptor_type: encryptor_type.as_deref(),
            encryptor_thumbprint: encryptor_thumbprint.as_deref(),
            media_files: media_files.iter().map(MediaOut::from).collect(),
            files: files.iter().map(FileOut::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct MediaOut<'a> {
    family_sequence_number: Option<i32>,
    mirror: Option<i32>,
    physical_device_name: Option<&'a str>,
    device_type: Option<i32>,
    present: Option<bool>,
}

impl<'a> From<&'a MediaFile> for MediaOut<'a> {
    fn from(record: &'a MediaFile) -> Self {
        let MediaFile {
            family_sequence_number,
            mirror,
            physical_device_name,
            device_type,
            present,
        } = record;
        Self {
            family_sequence_number: *family_sequence_number,
            mirror: *mirror,
            physical_device_name: physical_device_name.as_deref(),
            device_type: *device_type,
            present: *present,
        }
    }
}

#[derive(Serialize)]
struct FileOut<'a> {
    file_number: Option<i64>,
    logical_name: Option<&'a str>,
    physical_name: Option<&'a str>,
    file_type: Option<&'a str>,
    file_size: Option<u64>,
    backup_size: Option<u64>,
    filegroup_name: Option<&'a str>,
    is_present: Option<bool>,
}

impl<'a> From<&'a DatabaseFile> for FileOut<'a> {
    fn from(record: &'a DatabaseFile) -> Self {
        let DatabaseFile {
            file_number,
            logical_name,
            physical_name,
            file_type,
            file_size,
            backup_size,
            filegroup_name,
            is_present,
        } = record;
        Self {
            file_number: *file_number,
            logical_name: logical_name.as_deref(),
            physical_name: physical_name.as_deref(),
            file_type: file_type.as_deref(),
            file_size: *file_size,
            backup_size: *backup_size,
            filegroup_name: filegroup_name.as_deref(),
            is_present: *is_present,
        }
    }
}

#[derive(Serialize)]
struct RestoreOut<'a> {
    restore_history_id: Option<i64>,
    restore_date: Option<String>,
    destination_database_name: Option<&'a str>,
    backup_set_id: Option<i64>,
    backup_set_uuid: Option<Uuid>,
    restore_type: Option<&'a str>,
    replace: Option<bool>,
    recovery: Option<bool>,
    restart: Option<bool>,
    stop_at: Option<String>,
}

impl<'a> From<&'a RestoreRecord> for RestoreOut<'a> {
    fn from(record: &'a RestoreRecord) -> Self {
        let RestoreRecord {
            restore_history_id,
            restore_date,
            destination_database_name,
            backup_set_id,
            backup_set_uuid,
            restore_type,
            replace,
            recovery,
            restart,
            stop_at,
        } = record;
        Self {
            restore_history_id: *restore_history_id,
            restore_date: restore_date.map(|v| v.to_string()),
            destination_database_name: destination_database_name.as_deref(),
            backup_set_id: *backup_set_id,
            backup_set_uuid: *backup_set_uuid,
            restore_type: restore_type.as_deref(),
            replace: *replace,
            recovery: *recovery,
            restart: *restart,
            stop_at: stop_at.map(|v| v.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"format": "backup-history/1", "server": {"name": "SQL1"},
  "backup_sets": [{"database_name": "Sales", "type": "D", "position": "two",
    "first_lsn": "99999999999999999999999", "is_copy_only": 1, "unheard_of": {}}, 7]}"#;

    #[test]
    fn odd_members_count_as_unknown_and_are_noted() {
        let file = parse(SMALL.as_bytes()).expect("it is a history");
        let [set] = file.records.backup_sets.as_slice() else {
            panic!("one row is an object");
        };
        assert_eq!(set.position, None);
        assert_eq!(set.is_copy_only, Some(true));
        assert_eq!(
            set.first_lsn.map(|lsn| lsn.to_string()).as_deref(),
            Some("99999999999999999999999")
        );
        assert_eq!(file.notes.len(), 2, "{:?}", file.notes);
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let file = parse(SMALL.as_bytes()).expect("it is a history");
        let written = to_json(&file.records, Some("a \"test\""));
        let again = parse(written.as_bytes()).expect("what we write is a history");
        assert_eq!(again.records, file.records);
        assert_eq!(again.origin.as_deref(), Some("a \"test\""));
    }

    #[test]
    fn every_encoding_of_an_editor_is_read() {
        let plain = parse(SMALL.as_bytes()).expect("UTF-8");
        let mark = [b"\xef\xbb\xbf", SMALL.as_bytes()].concat();
        let little: Vec<u8> = "\u{feff}"
            .encode_utf16()
            .chain(SMALL.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = SMALL.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [mark, little, big] {
            assert_eq!(parse(&bytes).expect("the same text"), plain);
        }
    }

    #[test]
    fn broken_text_is_told_with_line_and_column() {
        let error = |bytes: &[u8]| parse(bytes).expect_err("it is broken").to_string();
        assert_eq!(
            error(b"{\n  \"format\": oops}"),
            "line 2, column 13: expected value"
        );
        assert_eq!(
            error(b"{\n \xff}"),
            "not UTF-8 or UTF-16 text: line 2, column 2"
        );
        assert!(error(b"").starts_with("line 1, column 0: EOF"));
        assert_eq!(
            error(b"{}"),
            "the format is not named, not backup-history/1"
        );
        assert!(
            error(br#"{"format": "backup-history/1", "backup_sets": 3}"#)
                .contains("an array of rows")
        );
    }
}
