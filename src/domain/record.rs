//! A backup as msdb, a header or a file reports it, before anything is judged.
//!
//! Column meanings: <https://learn.microsoft.com/sql/relational-databases/system-tables/backupset-transact-sql>.

use super::{Lsn, ServerTime};
use chrono::NaiveDate;
use uuid::Uuid;

/// What a backup set holds: `backupset.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackupType {
    /// `D`
    Full,
    /// `I`
    Differential,
    /// `L`
    Log,
    /// `F`
    File,
    /// `G`
    FileDifferential,
    /// `P`
    Partial,
    /// `Q`
    PartialDifferential,
}

impl BackupType {
    /// The letter of `backupset.type`.
    pub fn letter(self) -> char {
        match self {
            Self::Full => 'D',
            Self::Differential => 'I',
            Self::Log => 'L',
            Self::File => 'F',
            Self::FileDifferential => 'G',
            Self::Partial => 'P',
            Self::PartialDifferential => 'Q',
        }
    }

    /// Reads the letter of `backupset.type`; `None` for any other.
    pub fn from_letter(letter: &str) -> Option<Self> {
        Some(match letter.trim() {
            "D" => Self::Full,
            "I" => Self::Differential,
            "L" => Self::Log,
            "F" => Self::File,
            "G" => Self::FileDifferential,
            "P" => Self::Partial,
            "Q" => Self::PartialDifferential,
            _ => return None,
        })
    }
}

/// The `NAME` of the small backups of `model` with which stopat tries whether a server can write to a place.
pub const PROBE_NAME: &str = "stopat probe";

/// How the names of their files begin.
pub const PROBE_FILE: &str = "stopat_probe_";

/// One row of `msdb.dbo.backupset` with its media and files; every column may be missing.
///
/// Field names are the column names. Judging happens in `History::from_records`.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct BackupRecord {
    pub backup_set_id: Option<i64>,
    pub backup_set_uuid: Option<Uuid>,
    pub media_set_id: Option<i64>,
    pub position: Option<i32>,
    pub name: Option<String>,
    pub database_name: Option<String>,
    pub server_name: Option<String>,
    pub machine_name: Option<String>,
    pub user_name: Option<String>,
    /// `type`, as the letter that was found.
    pub backup_type: Option<String>,
    pub backup_start_date: Option<ServerTime>,
    pub backup_finish_date: Option<ServerTime>,
    /// Quarter hours from UTC when the backup started; 127 is unknown.
    pub time_zone: Option<i32>,
    pub first_lsn: Option<Lsn>,
    pub last_lsn: Option<Lsn>,
    pub checkpoint_lsn: Option<Lsn>,
    pub database_backup_lsn: Option<Lsn>,
    pub differential_base_lsn: Option<Lsn>,
    pub fork_point_lsn: Option<Lsn>,
    pub differential_base_guid: Option<Uuid>,
    pub first_recovery_fork_guid: Option<Uuid>,
    pub last_recovery_fork_guid: Option<Uuid>,
    pub family_guid: Option<Uuid>,
    pub database_guid: Option<Uuid>,
    pub database_creation_date: Option<ServerTime>,
    pub recovery_model: Option<String>,
    pub is_copy_only: Option<bool>,
    pub is_damaged: Option<bool>,
    pub has_bulk_logged_data: Option<bool>,
    pub is_snapshot: Option<bool>,
    pub begins_log_chain: Option<bool>,
    pub is_readonly: Option<bool>,
    pub has_backup_checksums: Option<bool>,
    pub is_force_offline: Option<bool>,
    pub has_incomplete_metadata: Option<bool>,
    /// Bytes before compression.
    pub backup_size: Option<u64>,
    /// Bytes on the media.
    pub compressed_backup_size: Option<u64>,
    pub software_major_version: Option<i32>,
    pub database_version: Option<i32>,
    pub compatibility_level: Option<i32>,
    pub media_family_count: Option<i32>,
    pub mirror_count: Option<i32>,
    pub last_valid_restore_time: Option<ServerTime>,
    pub key_algorithm: Option<String>,
    pub encryptor_type: Option<String>,
    pub encryptor_thumbprint: Option<String>,
    /// Read from a file, and some of what decides what the set is for is a guess there.
    pub guessed: bool,
    /// The day, on the server's clock, on which stopat deleted its file; see [`super::Removed`].
    pub deleted_on: Option<NaiveDate>,
    /// Empty means unknown, not missing.
    pub media_files: Vec<MediaFile>,
    /// Empty means unknown.
    pub files: Vec<DatabaseFile>,
}

/// One stripe or mirror: a row of `msdb.dbo.backupmediafamily`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaFile {
    /// Stripe number, from 1.
    pub family_sequence_number: Option<i32>,
    /// 0 is the `TO` clause.
    pub mirror: Option<i32>,
    /// The path as the server sees it.
    pub physical_device_name: Option<String>,
    /// 2 disk, 5 tape, 7 virtual device, 9 URL, plus 100 for permanent devices.
    pub device_type: Option<i32>,
    /// The answer of a file check; `None` is not checked.
    pub present: Option<bool>,
}

/// One file of the database at backup time: a row of `msdb.dbo.backupfile`.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct DatabaseFile {
    pub file_number: Option<i64>,
    pub logical_name: Option<String>,
    pub physical_name: Option<String>,
    /// `D` data, `L` log, `S` FILESTREAM, `F` full-text.
    pub file_type: Option<String>,
    /// Bytes that a restore allocates.
    pub file_size: Option<u64>,
    pub backup_size: Option<u64>,
    pub filegroup_name: Option<String>,
    pub is_present: Option<bool>,
}

/// One row of `msdb.dbo.restorehistory`.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct RestoreRecord {
    pub restore_history_id: Option<i64>,
    /// When the restore completed, on the server's clock.
    pub restore_date: Option<ServerTime>,
    pub destination_database_name: Option<String>,
    pub backup_set_id: Option<i64>,
    pub backup_set_uuid: Option<Uuid>,
    pub restore_type: Option<String>,
    pub replace: Option<bool>,
    pub recovery: Option<bool>,
    pub restart: Option<bool>,
    pub stop_at: Option<ServerTime>,
    pub user_name: Option<String>,
}

/// One row of `msdb.dbo.logmarkhistory`.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct MarkRecord {
    pub database_name: Option<String>,
    pub mark_name: Option<String>,
    pub description: Option<String>,
    pub user_name: Option<String>,
    pub lsn: Option<Lsn>,
    /// When the marked transaction committed, on the server's clock.
    pub mark_time: Option<ServerTime>,
}

/// One row of the default trace: an object that was made, altered or dropped.
///
/// <https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-trace-gettable-transact-sql>.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct ChangeRecord {
    pub database_name: Option<String>,
    /// 46 created, 47 dropped, 164 altered.
    pub event_class: Option<i64>,
    pub object_name: Option<String>,
    pub object_type: Option<i64>,
    pub login_name: Option<String>,
    /// On the server's clock.
    pub start_time: Option<ServerTime>,
}

/// The server that the records came from.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct RecordedServer {
    pub name: Option<String>,
    /// Set when the server kept this one offset over the whole history; minutes ahead of UTC.
    pub utc_offset_minutes: Option<i32>,
    pub collation: Option<String>,
}

/// Everything one msdb (or one file) told, still unjudged: what `History::from_records` takes.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct HistoryRecords {
    pub server: RecordedServer,
    pub backup_sets: Vec<BackupRecord>,
    pub restore_history: Vec<RestoreRecord>,
    pub marks: Vec<MarkRecord>,
    pub changes: Vec<ChangeRecord>,
}

/// Media set ids of the n-th merged msdb are shifted by n of these bits, so that equal numbers of two servers stay apart.
pub(super) const SOURCE_SHIFT: u32 = 40;

impl HistoryRecords {
    /// Several msdbs as one: the first one's server and clock count.
    ///
    /// `media_set_id` means something only together with its msdb, so those of the others are renumbered; offsets that another msdb names for all its rows move into the rows.
    pub fn merge(histories: impl IntoIterator<Item = Self>) -> Self {
        let mut histories = histories.into_iter();
        let mut merged = histories.next().unwrap_or_default();
        for (n, other) in (1_i64..).zip(histories) {
            let quarter_hours = other
                .server
                .utc_offset_minutes
                .filter(|minutes| minutes % 15 == 0)
                .map(|minutes| minutes / 15);
            merged
                .backup_sets
                .extend(other.backup_sets.into_iter().map(|mut set| {
                    set.media_set_id = set
                        .media_set_id
                        .map(|id| id.wrapping_add(n.wrapping_shl(SOURCE_SHIFT)));
                    if set.time_zone.is_none_or(|zone| zone == 127) {
                        set.time_zone = quarter_hours.or(set.time_zone);
                    }
                    set
                }));
            merged.restore_history.extend(other.restore_history);
            merged.marks.extend(other.marks);
            merged.changes.extend(other.changes);
        }
        merged
    }
}
