//! What a backup file says of itself, as data.
//!
//! Field names are those of `RESTORE LABELONLY`, `HEADERONLY` and `FILELISTONLY`:
//! <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-headeronly-transact-sql>.

use super::{Fact, Fault};
use crate::domain::{BackupType, Lsn, ServerTime};
use uuid::Uuid;

/// A backup file of which at least the label could be read.
#[derive(Debug)]
pub struct BackupFile {
    /// Bytes in the file.
    pub length: u64,
    pub container: Container,
    pub label: MediaLabel,
    /// In the order of their positions.
    pub sets: Vec<SetHeader>,
    /// What stopped the reading; the sets up to there are right.
    pub fault: Option<Fault>,
}

/// How the stream of blocks lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Microsoft Tape Format as it is: sets without compression.
    Plain,
    /// The same in XPRESS records: sets with compression.
    Compressed,
}

/// Whose data lies in the sets: only that software restores them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    SqlServer,
    /// stopat's practice server: the container of SQL Server, data of its own.
    PracticeServer,
    /// Another software that writes Microsoft Tape Format.
    Other(String),
}

/// The media header: what `LABELONLY` shows.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaLabel {
    pub media_name: Option<String>,
    pub media_description: Option<String>,
    pub software_name: Option<String>,
    pub software_vendor_id: Option<u16>,
    /// On the clock of the server that wrote it.
    pub media_date: Option<ServerTime>,
    pub media_set_id: Fact<Uuid>,
    pub family_count: Fact<u16>,
    pub family_sequence_number: Fact<u16>,
    pub mirror_count: Fact<u16>,
    /// The number of the family; `MediaFamilyId` shows it as the start of a GUID.
    pub media_family: u32,
    pub media_sequence_number: u16,
    /// Bytes; headers lie at multiples of it.
    pub media_block_size: u32,
    pub writer: Writer,
}

/// The header of a backup set: what `HEADERONLY` and `FILELISTONLY` show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetHeader {
    /// Where the set begins in the file.
    pub offset: u64,
    /// The end of the set is there. Without it the values are those of its start, and some are estimates.
    pub complete: bool,
    pub position: Option<u16>,
    pub backup_name: Option<String>,
    pub backup_description: Option<String>,
    pub user_name: Option<String>,
    pub machine_name: Option<String>,
    pub backup_set_guid: Option<Uuid>,
    pub expiration_date: Fact<Option<ServerTime>>,
    /// Quarter hours ahead of UTC; 127 is unknown.
    pub time_zone: Option<i8>,
    pub software_vendor_id: Option<u16>,
    pub software_version_major: Fact<u8>,
    pub software_version_minor: Fact<u8>,
    pub software_version_build: Fact<u16>,
    pub compressed: Fact<bool>,
    pub backup_type: Fact<BackupType>,
    pub server_name: Option<String>,
    pub database_name: Option<String>,
    pub database_version: Fact<u16>,
    pub database_creation_date: Fact<Option<ServerTime>>,
    pub backup_size: Fact<u64>,
    pub compressed_backup_size: Fact<u64>,
    pub first_lsn: Fact<Lsn>,
    pub last_lsn: Fact<Lsn>,
    pub checkpoint_lsn: Fact<Lsn>,
    pub database_backup_lsn: Fact<Lsn>,
    pub backup_start_date: Fact<Option<ServerTime>>,
    pub backup_finish_date: Fact<Option<ServerTime>>,
    pub sort_order: Fact<u8>,
    pub unicode_locale_id: Fact<u32>,
    pub unicode_comparison_style: Fact<u32>,
    pub compatibility_level: Fact<u8>,
    pub binding_id: Fact<Uuid>,
    pub recovery_fork_id: Fact<Uuid>,
    pub first_recovery_fork_id: Fact<Uuid>,
    pub fork_point_lsn: Fact<Option<Lsn>>,
    pub family_guid: Fact<Uuid>,
    pub has_backup_checksums: Fact<bool>,
    pub begins_log_chain: Fact<bool>,
    pub recovery_model: Fact<&'static str>,
    pub differential_base_lsn: Fact<Option<Lsn>>,
    pub differential_base_guid: Fact<Option<Uuid>>,
    pub files: Vec<DatabaseFileHeader>,
}

/// A file of the database, as `FILELISTONLY` shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatabaseFileHeader {
    pub logical_name: Option<String>,
    pub physical_name: Option<String>,
    /// `D` data, `L` log.
    pub file_type: Fact<char>,
    pub file_group_name: Fact<Option<String>>,
    pub size: Fact<u64>,
    pub max_size: Fact<u64>,
    pub file_id: Fact<u32>,
    pub create_lsn: Fact<Lsn>,
    pub unique_id: Fact<Uuid>,
    pub backup_size_in_bytes: Fact<u64>,
    pub source_block_size: Fact<u32>,
    pub file_group_id: Fact<u32>,
    pub differential_base_lsn: Fact<Lsn>,
    pub differential_base_guid: Fact<Uuid>,
}
