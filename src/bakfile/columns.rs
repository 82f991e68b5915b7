//! What was read, as the columns of `LABELONLY`, `HEADERONLY` and `FILELISTONLY`, in their order.
//!
//! Columns that the file does not say, or where nobody knows where it says them, are unknown, and never false.

use super::{BackupFile, DatabaseFileHeader, Fact, MediaLabel, SetHeader};
use crate::domain::{BackupType, Lsn, ServerTime};
use uuid::Uuid;

/// A value of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Text(String),
    Number(u64),
    /// Below zero too: time zones.
    Signed(i64),
    Bit(bool),
    Time(ServerTime),
    Guid(Uuid),
    Lsn(Lsn),
}

/// A column with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// As the statement names it.
    pub name: &'static str,
    pub value: Fact<Cell>,
}

fn column(name: &'static str, value: Fact<Cell>) -> Column {
    Column { name, value }
}

fn text(value: Option<&String>) -> Fact<Cell> {
    Fact::Sure(value.map_or(Cell::Null, |text| Cell::Text(text.clone())))
}

fn number<N: Into<u64>>(value: Fact<N>) -> Fact<Cell> {
    value.map(|n| Cell::Number(n.into()))
}

fn time(value: Fact<Option<ServerTime>>) -> Fact<Cell> {
    value.map(|time| time.map_or(Cell::Null, Cell::Time))
}

fn or_null<T>(value: Fact<Option<T>>, cell: impl FnOnce(T) -> Cell) -> Fact<Cell> {
    value.map(|value| value.map_or(Cell::Null, cell))
}

/// `LABELONLY`.
pub fn label_columns(file: &BackupFile) -> Vec<Column> {
    let MediaLabel {
        media_name,
        media_description,
        software_name,
        software_vendor_id,
        media_date,
        media_set_id,
        family_count,
        family_sequence_number,
        mirror_count,
        media_family,
        media_sequence_number,
        media_block_size: _,
        writer: _,
    } = &file.label;
    let family = Uuid::from_fields(*media_family, 0, 0, &[0; 8]);
    vec![
        column("MediaName", text(media_name.as_ref())),
        column("MediaSetId", media_set_id.map(Cell::Guid)),
        column("FamilyCount", number(*family_count)),
        column("FamilySequenceNumber", number(*family_sequence_number)),
        column("MediaFamilyId", Fact::Guess(Cell::Guid(family))),
        column(
            "MediaSequenceNumber",
            Fact::Sure(Cell::Number((*media_sequence_number).into())),
        ),
        column("MediaDescription", text(media_description.as_ref())),
        column("SoftwareName", text(software_name.as_ref())),
        column("SoftwareVendorId", number(Fact::sure(*software_vendor_id))),
        column("MediaDate", time(Fact::Sure(*media_date))),
        column("MirrorCount", number(*mirror_count)),
        column(
            "IsCompressed",
            match file.sets.first() {
                Some(set) => set.compressed.map(Cell::Bit),
                None => Fact::Unknown,
            },
        ),
    ]
}

/// `HEADERONLY`.
pub fn header_columns(set: &SetHeader) -> Vec<Column> {
    let SetHeader {
        offset: _,
        complete: _,
        position,
        backup_name,
        backup_description,
        user_name,
        machine_name,
        backup_set_guid,
        expiration_date,
        time_zone,
        software_vendor_id,
        software_version_major,
        software_version_minor,
        software_version_build,
        compressed,
        backup_type,
        server_name,
        database_name,
        database_version,
        database_creation_date,
        backup_size,
        compressed_backup_size,
        first_lsn,
        last_lsn,
        checkpoint_lsn,
        database_backup_lsn,
        backup_start_date,
        backup_finish_date,
        sort_order,
        unicode_locale_id,
        unicode_comparison_style,
        compatibility_level,
        binding_id,
        recovery_fork_id,
        first_recovery_fork_id,
        fork_point_lsn,
        family_guid,
        has_backup_checksums,
        begins_log_chain,
        recovery_model,
        differential_base_lsn,
        differential_base_guid,
        files: _,
    } = set;
    let name = |value: &Option<String>| match value {
        Some(text) => Fact::Sure(Cell::Text(text.clone())),
        None => Fact::Unknown,
    };
    vec![
        column("BackupName", text(backup_name.as_ref())),
        column("BackupDescription", text(backup_description.as_ref())),
        column(
            "BackupType",
            backup_type.map(|kind| Cell::Number(type_number(kind))),
        ),
        column("ExpirationDate", time(*expiration_date)),
        column("Compressed", compressed.map(|on| Cell::Number(on.into()))),
        column("Position", number(Fact::sure(*position))),
        column("DeviceType", Fact::Unknown),
        column("UserName", text(user_name.as_ref())),
        column("ServerName", name(server_name)),
        column("DatabaseName", name(database_name)),
        column("DatabaseVersion", number(*database_version)),
        column("DatabaseCreationDate", time(*database_creation_date)),
        column("BackupSize", number(*backup_size)),
        column("FirstLSN", first_lsn.map(Cell::Lsn)),
        column("LastLSN", last_lsn.map(Cell::Lsn)),
        column("CheckpointLSN", checkpoint_lsn.map(Cell::Lsn)),
        column("DatabaseBackupLSN", database_backup_lsn.map(Cell::Lsn)),
        column("BackupStartDate", time(*backup_start_date)),
        column("BackupFinishDate", time(*backup_finish_date)),
        column("SortOrder", number(*sort_order)),
        column("CodePage", Fact::Unknown),
        column("UnicodeLocaleId", number(*unicode_locale_id)),
        column("UnicodeComparisonStyle", number(*unicode_comparison_style)),
        column("CompatibilityLevel", number(*compatibility_level)),
        column("SoftwareVendorId", number(Fact::sure(*software_vendor_id))),
        column("SoftwareVersionMajor", number(*software_version_major)),
        column("SoftwareVersionMinor", number(*software_version_minor)),
        column("SoftwareVersionBuild", number(*software_version_build)),
        column("MachineName", name(machine_name)),
        column("Flags", Fact::Unknown),
        column("BindingID", binding_id.map(Cell::Guid)),
        column("RecoveryForkID", recovery_fork_id.map(Cell::Guid)),
        column("Collation", Fact::Unknown),
        column("FamilyGUID", family_guid.map(Cell::Guid)),
        column("HasBulkLoggedData", Fact::Unknown),
        column("IsSnapshot", Fact::Unknown),
        column("IsReadOnly", Fact::Unknown),
        column("IsSingleUser", Fact::Unknown),
        column("HasBackupChecksums", has_backup_checksums.map(Cell::Bit)),
        column("IsDamaged", Fact::Unknown),
        column("BeginsLogChain", begins_log_chain.map(Cell::Bit)),
        column("HasIncompleteMetaData", Fact::Unknown),
        column("IsForceOffline", Fact::Unknown),
        column("IsCopyOnly", Fact::Unknown),
        column(
            "FirstRecoveryForkID",
            first_recovery_fork_id.map(Cell::Guid),
        ),
        column("ForkPointLSN", or_null(*fork_point_lsn, Cell::Lsn)),
        column(
            "RecoveryModel",
            recovery_model.map(|model| Cell::Text(model.to_owned())),
        ),
        column(
            "DifferentialBaseLSN",
            or_null(*differential_base_lsn, Cell::Lsn),
        ),
        column(
            "DifferentialBaseGUID",
            or_null(*differential_base_guid, Cell::Guid),
        ),
        column(
            "BackupTypeDescription",
            backup_type.map(|kind| Cell::Text(type_description(kind).to_owned())),
        ),
        column(
            "BackupSetGUID",
            Fact::sure(*backup_set_guid).map(Cell::Guid),
        ),
        column("CompressedBackupSize", number(*compressed_backup_size)),
        column("Containment", Fact::Unknown),
        column("KeyAlgorithm", Fact::Unknown),
        column("EncryptorThumbprint", Fact::Unknown),
        column("EncryptorType", Fact::Unknown),
        column("LastValidRestoreTime", Fact::Unknown),
        column(
            "TimeZone",
            Fact::sure(*time_zone).map(|zone| Cell::Signed(zone.into())),
        ),
        column("CompressionAlgorithm", Fact::Unknown),
    ]
}

/// `FILELISTONLY`.
pub fn file_columns(file: &DatabaseFileHeader) -> Vec<Column> {
    let DatabaseFileHeader {
        logical_name,
        physical_name,
        file_type,
        file_group_name,
        size,
        max_size,
        file_id,
        create_lsn,
        unique_id,
        backup_size_in_bytes,
        source_block_size,
        file_group_id,
        differential_base_lsn,
        differential_base_guid,
    } = file;
    let name = |value: &Option<String>| Fact::sure(value.clone().map(Cell::Text));
    vec![
        column("LogicalName", name(logical_name)),
        column("PhysicalName", name(physical_name)),
        column(
            "Type",
            file_type.map(|letter| Cell::Text(letter.to_string())),
        ),
        column(
            "FileGroupName",
            or_null(file_group_name.clone(), Cell::Text),
        ),
        column("Size", number(*size)),
        column("MaxSize", number(*max_size)),
        column("FileId", number(*file_id)),
        column("CreateLSN", create_lsn.map(Cell::Lsn)),
        column("DropLSN", Fact::Unknown),
        column("UniqueId", unique_id.map(Cell::Guid)),
        column("ReadOnlyLSN", Fact::Unknown),
        column("ReadWriteLSN", Fact::Unknown),
        column("BackupSizeInBytes", number(*backup_size_in_bytes)),
        column("SourceBlockSize", number(*source_block_size)),
        column("FileGroupId", number(*file_group_id)),
        column("LogGroupGUID", Fact::Unknown),
        column("DifferentialBaseLSN", differential_base_lsn.map(Cell::Lsn)),
        column(
            "DifferentialBaseGUID",
            differential_base_guid.map(Cell::Guid),
        ),
        column("IsReadOnly", Fact::Unknown),
        column("IsPresent", Fact::Unknown),
        column("TDEThumbprint", Fact::Unknown),
    ]
}

/// `BackupType` of `HEADERONLY`.
fn type_number(kind: BackupType) -> u64 {
    match kind {
        BackupType::Full => 1,
        BackupType::Log => 2,
        BackupType::File => 4,
        BackupType::Differential => 5,
        BackupType::FileDifferential => 6,
        BackupType::Partial => 7,
        BackupType::PartialDifferential => 8,
    }
}

fn type_description(kind: BackupType) -> &'static str {
    match kind {
        BackupType::Full => "Database",
        BackupType::Log => "Transaction Log",
        BackupType::File => "File or filegroup",
        BackupType::Differential => "Database Differential",
        BackupType::FileDifferential => "File Differential",
        BackupType::Partial => "Partial",
        BackupType::PartialDifferential => "Partial Differential",
    }
}
