//! What `BACKUP` and `RESTORE` write into msdb, column by column as the fact reference has them.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-tables/backup-and-restore-tables-transact-sql>.

use super::{
    container::{MediaHeader, SetHeader, SetKind},
    options::RestoreRequest,
};
use crate::practice::{
    catalogue::{Table, quote},
    engine::{
        DatabaseId, Engine, LogMark, LogPosition, MSDB, Store, clock, paths::volume,
        store::internal,
    },
    reply::Message,
    sql::{codec, statement::RestoreWhat},
    value::Value,
};
use chrono::NaiveDateTime;
use rusqlite::OptionalExtension as _;
use std::sync::Arc;
use uuid::Uuid;

/// 4608: Microsoft.
pub const VENDOR: i64 = 4608;

/// A local time for a `datetime` column.
pub fn datetime(time: NaiveDateTime) -> Value {
    Value::Int(clock::datetime(time))
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub fn optional_text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |t| Value::Text(t.to_owned()))
}

pub fn lsn(position: Option<LogPosition>) -> Value {
    position.map_or(Value::Null, |p| Value::Decimal(p.decimal()))
}

pub fn flag(set: bool) -> Value {
    Value::Int(i64::from(set))
}

pub fn guid(guid: Option<Uuid>) -> Value {
    guid.map_or(Value::Null, Value::Guid)
}

/// `backupset.type`.
pub fn type_letter(kind: SetKind) -> &'static str {
    match kind {
        SetKind::Full => "D",
        SetKind::Differential => "I",
        SetKind::Log => "L",
    }
}

/// `backupset.flags`, as 2022 writes them.
pub fn flags(header: &SetHeader) -> i64 {
    let mut flags = 512;
    for (set, bit) in [
        (header.has_bulk_logged, 1),
        (header.is_read_only, 4),
        (header.is_single_user, 8),
        (header.has_checksums, 16),
        (header.is_force_offline, 64 + 256),
        (header.is_copy_only, 1024),
    ] {
        if set {
            flags |= bit;
        }
    }
    flags
}

/// `key_algorithm`; NULL when it is not encrypted.
pub fn key_algorithm(header: &SetHeader) -> Value {
    optional_text(header.encryption.as_ref().map(|e| e.algorithm.as_str()))
}

/// `encryptor_thumbprint`.
pub fn encryptor_thumbprint(header: &SetHeader) -> Value {
    let encryption = header.encryption.as_ref();
    encryption.map_or(Value::Null, |e| Value::Bytes(e.thumbprint.bytes()))
}

/// `encryptor_type`.
pub fn encryptor_type(header: &SetHeader) -> Value {
    optional_text(header.encryption.as_ref().map(|_| "CERTIFICATE"))
}

/// Writes the rows of a set; returns `backup_set_id`. A set that is known is left alone.
pub fn record_set(
    engine: &mut Engine,
    media: &[(String, MediaHeader)],
    header: &SetHeader,
) -> Result<i64, Message> {
    let now = engine.commit_time();
    engine.store.write(MSDB, now, |store, schema| {
        write_set(store, schema, media, header)
    })
}

/// Writes `logmarkhistory`: a row for each database that a marked transaction changed.
pub fn record_marks(
    engine: &mut Engine,
    mark: &LogMark,
    places: &[(DatabaseId, LogPosition)],
    user: &str,
) -> Result<(), Message> {
    let now = engine.commit_time();
    let marked: Vec<(String, LogPosition)> = places
        .iter()
        .filter_map(|(id, position)| Some((engine.store.database(*id)?.name.clone(), *position)))
        .collect();
    engine.store.write(MSDB, now, |store, schema| {
        for (database, position) in marked {
            insert(
                store,
                schema,
                "logmarkhistory",
                &[
                    ("database_name", text(&database)),
                    ("mark_name", text(&mark.name)),
                    ("description", text(&mark.description)),
                    ("user_name", text(user)),
                    ("lsn", lsn(Some(position))),
                    ("mark_time", Value::Int(now.local)),
                ],
            )?;
        }
        Ok(())
    })
}

fn write_set(
    store: &mut Store,
    schema: &str,
    media: &[(String, MediaHeader)],
    header: &SetHeader,
) -> Result<i64, Message> {
    let uuid = header.uuid.hyphenated().to_string().to_uppercase();
    if let Some(known) = find(
        store,
        schema,
        "backupset",
        "backup_set_id",
        "backup_set_uuid",
        &uuid,
    )? {
        return Ok(known);
    }
    let media_set_id = write_media(store, schema, media)?;
    let (major, minor, build) = header.software;
    let family_count = Value::Int(media.len() as i64);
    let backup_set_id = insert(
        store,
        schema,
        "backupset",
        &[
            ("backup_set_uuid", Value::Guid(header.uuid)),
            ("media_set_id", Value::Int(media_set_id)),
            ("first_family_number", Value::Int(1)),
            ("first_media_number", Value::Int(1)),
            ("last_family_number", family_count),
            ("last_media_number", Value::Int(1)),
            ("catalog_family_number", Value::Int(1)),
            ("catalog_media_number", Value::Int(1)),
            ("position", Value::Int(header.position.into())),
            (
                "expiration_date",
                header.expires.map_or(Value::Null, datetime),
            ),
            ("software_vendor_id", Value::Int(VENDOR)),
            ("name", optional_text(header.name.as_deref())),
            ("description", optional_text(header.description.as_deref())),
            ("user_name", text(&header.user)),
            ("software_major_version", Value::Int(major.into())),
            ("software_minor_version", Value::Int(minor.into())),
            ("software_build_version", Value::Int(build.into())),
            ("time_zone", Value::Int(header.time_zone.into())),
            ("mtf_minor_version", Value::Int(0)),
            ("first_lsn", lsn(Some(header.first_lsn))),
            ("last_lsn", lsn(Some(header.last_lsn))),
            ("checkpoint_lsn", lsn(Some(header.checkpoint_lsn))),
            (
                "database_backup_lsn",
                Value::Decimal(header.database_backup_lsn.map_or(0, LogPosition::decimal)),
            ),
            ("database_creation_date", datetime(header.database_created)),
            ("backup_start_date", datetime(header.start)),
            ("backup_finish_date", datetime(header.finish)),
            ("type", text(type_letter(header.kind))),
            ("sort_order", Value::Int(52)),
            ("code_page", Value::Int(0)),
            (
                "compatibility_level",
                Value::Int(header.compatibility_level.into()),
            ),
            (
                "database_version",
                Value::Int(header.database_version.into()),
            ),
            ("backup_size", Value::Decimal(header.size.into())),
            ("database_name", text(&header.database)),
            ("server_name", text(&header.server)),
            ("machine_name", text(&header.machine)),
            ("flags", Value::Int(flags(header))),
            ("unicode_locale", Value::Int(1033)),
            ("unicode_compare_style", Value::Int(196_609)),
            ("collation_name", text(&header.collation)),
            ("is_password_protected", flag(false)),
            ("recovery_model", text(&header.recovery_model)),
            ("has_bulk_logged_data", flag(header.has_bulk_logged)),
            ("is_snapshot", flag(false)),
            ("is_readonly", flag(header.is_read_only)),
            ("is_single_user", flag(header.is_single_user)),
            ("has_backup_checksums", flag(header.has_checksums)),
            ("is_damaged", flag(false)),
            ("begins_log_chain", flag(header.begins_log_chain)),
            ("has_incomplete_metadata", flag(false)),
            ("is_force_offline", flag(header.is_force_offline)),
            ("is_copy_only", flag(header.is_copy_only)),
            ("first_recovery_fork_guid", Value::Guid(header.first_fork)),
            ("last_recovery_fork_guid", Value::Guid(header.last_fork)),
            ("fork_point_lsn", lsn(header.fork_point)),
            ("database_guid", Value::Guid(header.database_guid)),
            ("family_guid", Value::Guid(header.family_guid)),
            ("differential_base_lsn", lsn(header.differential_base_lsn)),
            (
                "differential_base_guid",
                guid(header.differential_base_guid),
            ),
            (
                "compressed_backup_size",
                Value::Decimal(header.compressed_size.into()),
            ),
            ("key_algorithm", key_algorithm(header)),
            ("encryptor_thumbprint", encryptor_thumbprint(header)),
            ("encryptor_type", encryptor_type(header)),
            (
                "last_valid_restore_time",
                header.last_valid_restore_time.map_or(Value::Null, datetime),
            ),
            (
                "compression_algorithm",
                if header.compressed {
                    text("MS_XPRESS")
                } else {
                    Value::Null
                },
            ),
        ],
    )?;
    write_files(store, schema, backup_set_id, header)?;
    Ok(backup_set_id)
}

fn write_files(
    store: &mut Store,
    schema: &str,
    backup_set_id: i64,
    header: &SetHeader,
) -> Result<(), Message> {
    let filegroup = Value::Guid(header.family_guid);
    for file in &header.files {
        let present = file.is_present;
        insert(
            store,
            schema,
            "backupfile",
            &[
                ("backup_set_id", Value::Int(backup_set_id)),
                (
                    "first_family_number",
                    if present { Value::Int(1) } else { Value::Null },
                ),
                (
                    "first_media_number",
                    if present { Value::Int(1) } else { Value::Null },
                ),
                (
                    "filegroup_name",
                    if file.is_log {
                        Value::Null
                    } else {
                        text("PRIMARY")
                    },
                ),
                (
                    "page_size",
                    if file.is_log {
                        Value::Null
                    } else {
                        Value::Int(8192)
                    },
                ),
                ("file_number", Value::Decimal(file.file_id.into())),
                (
                    "backed_up_page_count",
                    Value::Decimal(file.backed_up_pages.into()),
                ),
                ("file_type", text(if file.is_log { "L" } else { "D" })),
                ("source_file_block_size", Value::Decimal(4096)),
                (
                    "file_size",
                    Value::Decimal(i128::from(file.size_pages) * 8192),
                ),
                ("logical_name", text(&file.logical_name)),
                ("physical_drive", text(&volume(&file.physical_name))),
                ("physical_name", text(&file.physical_name)),
                ("state", Value::Int(0)),
                ("state_desc", text("ONLINE")),
                ("create_lsn", Value::Decimal(0)),
                ("drop_lsn", Value::Decimal(0)),
                ("file_guid", Value::Guid(file.file_guid)),
                ("read_only_lsn", Value::Decimal(0)),
                ("read_write_lsn", Value::Decimal(0)),
                (
                    "differential_base_lsn",
                    if file.is_log {
                        Value::Null
                    } else {
                        lsn(header.differential_base_lsn)
                    },
                ),
                (
                    "differential_base_guid",
                    if file.is_log {
                        Value::Null
                    } else {
                        guid(header.differential_base_guid)
                    },
                ),
                (
                    "backup_size",
                    Value::Decimal(i128::from(file.backed_up_pages) * 8192),
                ),
                (
                    "filegroup_guid",
                    if file.is_log {
                        Value::Null
                    } else {
                        filegroup.clone()
                    },
                ),
                ("is_readonly", flag(false)),
                ("is_present", flag(present)),
            ],
        )?;
    }
    insert(
        store,
        schema,
        "backupfilegroup",
        &[
            ("backup_set_id", Value::Int(backup_set_id)),
            ("name", text("PRIMARY")),
            ("filegroup_id", Value::Int(1)),
            ("filegroup_guid", filegroup),
            ("type", text("FG")),
            ("type_desc", text("ROWS_FILEGROUP")),
            ("is_default", flag(true)),
            ("is_readonly", flag(false)),
        ],
    )?;
    Ok(())
}

fn write_media(
    store: &mut Store,
    schema: &str,
    media: &[(String, MediaHeader)],
) -> Result<i64, Message> {
    let Some((_, first)) = media.first() else {
        return Err(Message::error(
            3207,
            "Backup or restore requires at least one backup device. Rerun your statement specifying a backup device.",
        ));
    };
    let uuid = first.media_set.hyphenated().to_string().to_uppercase();
    if let Some(known) = find(
        store,
        schema,
        "backupmediaset",
        "media_set_id",
        "media_uuid",
        &uuid,
    )? {
        return Ok(known);
    }
    let media_set_id = insert(
        store,
        schema,
        "backupmediaset",
        &[
            ("media_uuid", Value::Guid(first.media_set)),
            ("media_family_count", Value::Int(first.family_count.into())),
            ("name", optional_text(first.name.as_deref())),
            ("description", optional_text(first.description.as_deref())),
            ("software_name", text("Microsoft SQL Server")),
            ("software_vendor_id", Value::Int(VENDOR)),
            ("MTF_major_version", Value::Int(1)),
            ("mirror_count", Value::Int(first.mirror_count.into())),
            ("is_password_protected", flag(false)),
            ("is_compressed", flag(first.compressed)),
            ("is_encrypted", flag(first.encrypted)),
        ],
    )?;
    for (device, header) in media {
        let url = super::managed::url_of_path(device);
        insert(
            store,
            schema,
            "backupmediafamily",
            &[
                ("media_set_id", Value::Int(media_set_id)),
                ("family_sequence_number", Value::Int(header.family.into())),
                ("media_family_id", Value::Guid(header.family_id)),
                ("media_count", Value::Int(1)),
                ("logical_device_name", Value::Null),
                (
                    "physical_device_name",
                    text(url.as_deref().unwrap_or(device)),
                ),
                ("device_type", Value::Int(if url.is_some() { 9 } else { 2 })),
                ("physical_block_size", Value::Int(header.block_size.into())),
                ("mirror", Value::Int(header.mirror.into())),
            ],
        )?;
    }
    Ok(media_set_id)
}

/// A restore that happened.
pub struct Restored<'a> {
    pub request: &'a RestoreRequest,
    pub media: &'a [(String, MediaHeader)],
    pub header: &'a SetHeader,
    /// File number and path of each file.
    pub files: &'a [(i32, String)],
    pub recovered: bool,
}

/// Writes `restorehistory` and `restorefile`, and the set itself when this msdb did not know it.
pub fn record_restore(engine: &mut Engine, restored: &Restored<'_>) -> Result<(), Message> {
    let now = engine.commit_time();
    let date = engine.clock.now_local().0;
    let date = chrono::Timelike::with_nanosecond(&date, 0).unwrap_or(date);
    let Restored {
        request,
        media,
        header,
        files,
        recovered,
    } = *restored;
    engine.store.write(MSDB, now, |store, schema| {
        let backup_set_id = write_set(store, schema, media, header)?;
        let kind = match (request.what, header.kind) {
            (RestoreWhat::VerifyOnly, _) => "V",
            (_, SetKind::Full) => "D",
            (_, SetKind::Differential) => "I",
            (_, SetKind::Log) => "L",
        };
        let (mark_name, stop_before) = match &request.stop_mark {
            Some(mark) => (text(&mark.text()), flag(mark.before)),
            None => (Value::Null, Value::Null),
        };
        let id = insert(
            store,
            schema,
            "restorehistory",
            &[
                ("restore_date", datetime(date)),
                ("destination_database_name", text(&request.database)),
                ("user_name", text(&request.user)),
                ("backup_set_id", Value::Int(backup_set_id)),
                ("restore_type", text(kind)),
                ("replace", flag(request.replace)),
                ("recovery", flag(recovered)),
                ("restart", flag(request.restart)),
                ("stop_at", request.stop_at.map_or(Value::Null, Value::Int)),
                ("device_count", Value::Int(media.len() as i64)),
                ("stop_at_mark_name", mark_name),
                ("stop_before", stop_before),
            ],
        )?;
        for (number, path) in files {
            insert(
                store,
                schema,
                "restorefile",
                &[
                    ("restore_history_id", Value::Int(id)),
                    ("file_number", Value::Decimal((*number).into())),
                    ("destination_phys_drive", text(&volume(path))),
                    ("destination_phys_name", text(path)),
                ],
            )?;
        }
        if header.kind == SetKind::Full {
            insert(
                store,
                schema,
                "restorefilegroup",
                &[
                    ("restore_history_id", Value::Int(id)),
                    ("filegroup_name", text("PRIMARY")),
                ],
            )?;
        }
        Ok(())
    })
}

fn find(
    store: &Store,
    schema: &str,
    table: &str,
    id: &str,
    key: &str,
    value: &str,
) -> Result<Option<i64>, Message> {
    store
        .connection()
        .prepare_cached(&format!(
            "SELECT {} FROM {}.{} WHERE {} = ?1",
            quote(id),
            quote(schema),
            quote(&format!("dbo.{table}")),
            quote(key)
        ))
        .and_then(|mut s| s.query_row([value], |r| r.get(0)).optional())
        .map_err(|e| internal(&e))
}

/// Inserts a row into a table of msdb; returns its identity, or 0 when it has none. Inside [`Store::write`].
pub fn insert(
    store: &mut Store,
    schema: &str,
    table: &str,
    values: &[(&str, Value)],
) -> Result<i64, Message> {
    let definition: Arc<Table> = store
        .database(MSDB)
        .and_then(|d| d.catalogue.table("dbo", table))
        .cloned()
        .ok_or_else(|| Message::error(208, format!("Invalid object name 'msdb.dbo.{table}'.")))?;
    let mut sql = format!(
        "INSERT INTO {}.{} (",
        quote(schema),
        quote(&definition.sqlite_name())
    );
    let mut stored = Vec::with_capacity(values.len() + 1);
    let mut identity = 0;
    let mut next = 0;
    if let Some((index, column, numbering)) = definition.identity_column() {
        identity = store.next_identity(
            MSDB,
            definition.object_id,
            numbering.seed,
            numbering.increment,
        )?;
        sql += &quote(&column.name);
        stored.push(rusqlite::types::Value::Integer(identity));
        next = index + 1;
    }
    for (name, value) in values {
        let Some((index, column)) = definition.column_after(next, name) else {
            return Err(Message::error(
                207,
                format!("Invalid column name '{name}'."),
            ));
        };
        next = index + 1;
        if !stored.is_empty() {
            sql.push(',');
        }
        sql += &quote(&column.name);
        stored.push(codec::encode(value, column.ty));
    }
    sql += ") VALUES (";
    sql += &"?,".repeat(stored.len());
    sql.pop();
    sql.push(')');
    store
        .connection()
        .prepare_cached(&sql)
        .and_then(|mut s| s.execute(rusqlite::params_from_iter(stored)))
        .map_err(|e| internal(&e))?;
    Ok(identity)
}
