//! `RESTORE HEADERONLY`, `FILELISTONLY`, `LABELONLY`: results with the columns and wire types of 2022.
//!
//! <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-headeronly-transact-sql> and its neighbours.

use super::{
    container::{MediaHeader, SetFile, SetHeader, SetKind},
    encryption,
    history::{
        VENDOR, datetime, encryptor_thumbprint, encryptor_type, flag, flags, guid, key_algorithm,
        lsn, optional_text, text,
    },
    media,
    options::RestoreRequest,
};
use crate::practice::{
    engine::{Engine, LogPosition},
    reply::Message,
    sql::statement::RestoreWhat,
    value::{Column, Length, SqlType, Value},
};

/// A result: columns and rows.
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
}

/// One column: name, type, value.
type Cell = (&'static str, SqlType, Value);

const fn nvarchar(length: u16) -> SqlType {
    SqlType::NVarChar(Length::Limited(length))
}

const LSN: SqlType = SqlType::Numeric {
    precision: 25,
    scale: 0,
};

/// Answers one of the three.
pub fn read(engine: &Engine, request: &RestoreRequest) -> Result<Table, Vec<Message>> {
    let Some(device) = request.devices.first() else {
        return Err(vec![Message::error(
            3207,
            "Backup or restore requires at least one backup device. Rerun your statement specifying a backup device.",
        )]);
    };
    let opened = media::open(engine, device).map_err(|m| vec![m])?;
    let header = &opened.media.header;
    let sets = &opened.media.sets;
    let one = |position: i64| {
        usize::try_from(position - 1)
            .ok()
            .and_then(|at| sets.get(at))
            .ok_or_else(|| {
                vec![Message::error(
                    3287,
                    format!("The file ID {position} on device '{device}' is incorrectly formed and can not be read."),
                )]
            })
    };
    match request.what {
        RestoreWhat::LabelOnly => Ok(table(vec![label(header)], &label(header))),
        RestoreWhat::FileListOnly => {
            let set = &one(request.position.unwrap_or(1))?.header;
            // The list of files is encrypted with the rest; the header is not, so that one sees what is missing.
            encryption::cipher_of(engine, set).map_err(|m| vec![m])?;
            let rows: Vec<Vec<Cell>> = set.files.iter().map(|f| file_row(set, f)).collect();
            match rows.first().cloned() {
                Some(first) => Ok(table(rows, &first)),
                None => Err(vec![media::message(
                    device,
                    &super::container::ContainerError::Malformed { at: 0 },
                )]),
            }
        }
        _ => {
            let wanted: Vec<&SetHeader> = match request.position {
                Some(position) => vec![&one(position)?.header],
                None => sets.iter().map(|s| &s.header).collect(),
            };
            let rows: Vec<Vec<Cell>> = wanted.into_iter().map(header_row).collect();
            match rows.first().cloned() {
                Some(first) => Ok(table(rows, &first)),
                None => Err(vec![Message::error(
                    3254,
                    format!("The volume on device '{device}' is empty."),
                )]),
            }
        }
    }
}

fn table(rows: Vec<Vec<Cell>>, shape: &[Cell]) -> Table {
    Table {
        columns: shape
            .iter()
            .map(|(name, ty, _)| Column {
                name: (*name).to_owned(),
                ty: *ty,
                nullable: true,
            })
            .collect(),
        rows: rows
            .into_iter()
            .map(|row| row.into_iter().map(|(_, _, value)| value).collect())
            .collect(),
    }
}

/// `BackupType`.
fn type_code(kind: SetKind) -> i64 {
    match kind {
        SetKind::Full => 1,
        SetKind::Log => 2,
        SetKind::Differential => 5,
    }
}

fn type_description(kind: SetKind) -> &'static str {
    match kind {
        SetKind::Full => "Database",
        SetKind::Log => "Transaction Log",
        SetKind::Differential => "Database Differential",
    }
}

fn header_row(set: &SetHeader) -> Vec<Cell> {
    use SqlType::{BigInt, Bit, DateTime, Int, SmallInt, TinyInt, UniqueIdentifier};
    let (major, minor, build) = set.software;
    let number = |n: i64| Value::Int(n);
    let size = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    vec![
        (
            "BackupName",
            nvarchar(128),
            optional_text(set.name.as_deref()),
        ),
        (
            "BackupDescription",
            nvarchar(255),
            optional_text(set.description.as_deref()),
        ),
        ("BackupType", TinyInt, number(type_code(set.kind))),
        (
            "ExpirationDate",
            DateTime,
            set.expires.map_or(Value::Null, datetime),
        ),
        ("Compressed", TinyInt, flag(set.compressed)),
        ("Position", SmallInt, number(set.position.into())),
        ("DeviceType", TinyInt, number(2)),
        ("UserName", nvarchar(128), text(&set.user)),
        ("ServerName", nvarchar(128), text(&set.server)),
        ("DatabaseName", nvarchar(128), text(&set.database)),
        ("DatabaseVersion", Int, number(set.database_version.into())),
        (
            "DatabaseCreationDate",
            DateTime,
            datetime(set.database_created),
        ),
        ("BackupSize", BigInt, size(set.size)),
        ("FirstLSN", LSN, lsn(Some(set.first_lsn))),
        ("LastLSN", LSN, lsn(Some(set.last_lsn))),
        ("CheckpointLSN", LSN, lsn(Some(set.checkpoint_lsn))),
        (
            "DatabaseBackupLSN",
            LSN,
            Value::Decimal(set.database_backup_lsn.map_or(0, LogPosition::decimal)),
        ),
        ("BackupStartDate", DateTime, datetime(set.start)),
        ("BackupFinishDate", DateTime, datetime(set.finish)),
        ("SortOrder", SmallInt, number(52)),
        ("CodePage", SmallInt, number(0)),
        ("UnicodeLocaleId", Int, number(1033)),
        ("UnicodeComparisonStyle", Int, number(196_609)),
        (
            "CompatibilityLevel",
            TinyInt,
            number(set.compatibility_level.into()),
        ),
        ("SoftwareVendorId", Int, number(VENDOR)),
        ("SoftwareVersionMajor", Int, number(major.into())),
        ("SoftwareVersionMinor", Int, number(minor.into())),
        ("SoftwareVersionBuild", Int, number(build.into())),
        ("MachineName", nvarchar(128), text(&set.machine)),
        ("Flags", Int, number(flags(set))),
        (
            "BindingID",
            UniqueIdentifier,
            Value::Guid(set.database_guid),
        ),
        (
            "RecoveryForkID",
            UniqueIdentifier,
            Value::Guid(set.last_fork),
        ),
        ("Collation", nvarchar(128), text(&set.collation)),
        ("FamilyGUID", UniqueIdentifier, Value::Guid(set.family_guid)),
        ("HasBulkLoggedData", Bit, flag(set.has_bulk_logged)),
        ("IsSnapshot", Bit, flag(false)),
        ("IsReadOnly", Bit, flag(set.is_read_only)),
        ("IsSingleUser", Bit, flag(set.is_single_user)),
        ("HasBackupChecksums", Bit, flag(set.has_checksums)),
        ("IsDamaged", Bit, flag(false)),
        ("BeginsLogChain", Bit, flag(set.begins_log_chain)),
        ("HasIncompleteMetaData", Bit, flag(false)),
        ("IsForceOffline", Bit, flag(set.is_force_offline)),
        ("IsCopyOnly", Bit, flag(set.is_copy_only)),
        (
            "FirstRecoveryForkID",
            UniqueIdentifier,
            Value::Guid(set.first_fork),
        ),
        ("ForkPointLSN", LSN, lsn(set.fork_point)),
        ("RecoveryModel", nvarchar(60), text(&set.recovery_model)),
        ("DifferentialBaseLSN", LSN, lsn(set.differential_base_lsn)),
        (
            "DifferentialBaseGUID",
            UniqueIdentifier,
            guid(set.differential_base_guid),
        ),
        (
            "BackupTypeDescription",
            nvarchar(128),
            text(type_description(set.kind)),
        ),
        ("BackupSetGUID", UniqueIdentifier, Value::Guid(set.uuid)),
        ("CompressedBackupSize", BigInt, size(set.compressed_size)),
        ("Containment", TinyInt, number(0)),
        ("KeyAlgorithm", nvarchar(32), key_algorithm(set)),
        (
            "EncryptorThumbprint",
            SqlType::VarBinary(Length::Limited(20)),
            encryptor_thumbprint(set),
        ),
        ("EncryptorType", nvarchar(32), encryptor_type(set)),
        (
            "LastValidRestoreTime",
            DateTime,
            set.last_valid_restore_time.map_or(Value::Null, datetime),
        ),
        ("TimeZone", SmallInt, number(set.time_zone.into())),
        (
            "CompressionAlgorithm",
            nvarchar(32),
            if set.compressed {
                text("MS_XPRESS")
            } else {
                Value::Null
            },
        ),
    ]
}

fn file_row(set: &SetHeader, file: &SetFile) -> Vec<Cell> {
    use SqlType::{BigInt, Bit, Int, UniqueIdentifier};
    let zero = || Value::Decimal(0);
    let max = if file.is_log {
        2_199_023_255_552
    } else {
        35_184_372_080_640
    };
    vec![
        ("LogicalName", nvarchar(128), text(&file.logical_name)),
        ("PhysicalName", nvarchar(260), text(&file.physical_name)),
        (
            "Type",
            SqlType::NChar(1),
            text(if file.is_log { "L" } else { "D" }),
        ),
        (
            "FileGroupName",
            nvarchar(128),
            if file.is_log {
                Value::Null
            } else {
                text("PRIMARY")
            },
        ),
        ("Size", BigInt, Value::Int(file.size_pages * 8192)),
        ("MaxSize", BigInt, Value::Int(max)),
        ("FileId", BigInt, Value::Int(file.file_id.into())),
        ("CreateLSN", LSN, zero()),
        ("DropLSN", LSN, zero()),
        ("UniqueId", UniqueIdentifier, Value::Guid(file.file_guid)),
        ("ReadOnlyLSN", LSN, zero()),
        ("ReadWriteLSN", LSN, zero()),
        (
            "BackupSizeInBytes",
            BigInt,
            Value::Int(file.backed_up_pages * 8192),
        ),
        ("SourceBlockSize", Int, Value::Int(4096)),
        ("FileGroupId", Int, Value::Int(i64::from(!file.is_log))),
        ("LogGroupGUID", UniqueIdentifier, Value::Null),
        (
            "DifferentialBaseLSN",
            LSN,
            Value::Decimal(
                set.differential_base_lsn
                    .filter(|_| !file.is_log)
                    .map_or(0, LogPosition::decimal),
            ),
        ),
        (
            "DifferentialBaseGUID",
            UniqueIdentifier,
            Value::Guid(
                set.differential_base_guid
                    .filter(|_| !file.is_log)
                    .unwrap_or_default(),
            ),
        ),
        ("IsReadOnly", Bit, flag(false)),
        ("IsPresent", Bit, flag(file.is_present)),
        (
            "TDEThumbprint",
            SqlType::VarBinary(Length::Limited(20)),
            Value::Null,
        ),
        ("SnapshotUrl", nvarchar(336), Value::Null),
    ]
}

fn label(media: &MediaHeader) -> Vec<Cell> {
    use SqlType::{Bit, DateTime, Int, TinyInt, UniqueIdentifier};
    vec![
        (
            "MediaName",
            nvarchar(128),
            optional_text(media.name.as_deref()),
        ),
        ("MediaSetId", UniqueIdentifier, Value::Guid(media.media_set)),
        ("FamilyCount", Int, Value::Int(media.family_count.into())),
        ("FamilySequenceNumber", Int, Value::Int(media.family.into())),
        (
            "MediaFamilyId",
            UniqueIdentifier,
            Value::Guid(media.family_id),
        ),
        ("MediaSequenceNumber", Int, Value::Int(1)),
        ("MediaLabelPresent", TinyInt, Value::Int(0)),
        (
            "MediaDescription",
            nvarchar(255),
            optional_text(media.description.as_deref()),
        ),
        ("SoftwareName", nvarchar(128), text("Microsoft SQL Server")),
        ("SoftwareVendorId", Int, Value::Int(VENDOR)),
        ("MediaDate", DateTime, datetime(media.created)),
        ("MirrorCount", Int, Value::Int(media.mirror_count.into())),
        ("IsCompressed", Bit, flag(media.compressed)),
    ]
}
