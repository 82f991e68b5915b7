//! Writes a history, a line for each row.

use super::FORMAT;
use crate::domain::{
    BackupRecord, DatabaseFile, HistoryRecords, MarkRecord, MediaFile, RecordedServer,
    RestoreRecord,
};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Writes a history; the same records always give the same text, a line for each row.
pub fn to_json(records: &HistoryRecords, origin: Option<&str>) -> String {
    let HistoryRecords {
        server,
        backup_sets,
        restore_history,
        marks,
        // A trace is kept for days only; a history does not carry it.
        changes: _,
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
    if !marks.is_empty() {
        text += ",\n";
        write_rows(&mut text, "marks", marks.iter().map(MarkOut::from));
    }
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    guessed: bool,
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
            guessed,
            // Its files are told as not there.
            deleted_on: _,
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
            guessed: *guessed,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
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
            user_name,
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
            user_name: user_name.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct MarkOut<'a> {
    database_name: Option<&'a str>,
    mark_name: Option<&'a str>,
    description: Option<&'a str>,
    user_name: Option<&'a str>,
    lsn: Option<String>,
    mark_time: Option<String>,
}

impl<'a> From<&'a MarkRecord> for MarkOut<'a> {
    fn from(record: &'a MarkRecord) -> Self {
        let MarkRecord {
            database_name,
            mark_name,
            description,
            user_name,
            lsn,
            mark_time,
        } = record;
        Self {
            database_name: database_name.as_deref(),
            mark_name: mark_name.as_deref(),
            description: description.as_deref(),
            user_name: user_name.as_deref(),
            lsn: lsn.map(|v| v.to_string()),
            mark_time: mark_time.map(|v| v.to_string()),
        }
    }
}
