//! Questions about a server's past: its backup history in a fixed number of queries, and its default trace.
//!
//! Columns: <https://learn.microsoft.com/sql/relational-databases/system-tables/backupset-transact-sql> and its neighbours.
//! Result columns carry the names that readers look up; nobody relies on their order.

use super::{
    quote::{Words, text},
    script::Batch,
};
use crate::domain::{PROBE_NAME, ServerTime};

/// Which of the newer columns `msdb.dbo.backupset` has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryColumns {
    /// Since 2022.
    pub last_valid_restore_time: bool,
    /// Since 2014.
    pub encryption: bool,
}

/// How far a history has been read; rows up to here are not read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryMark {
    pub backup_set_id: i64,
    pub restore_history_id: i64,
    /// Marks have no number; those of this moment are read again.
    pub mark_time: Option<ServerTime>,
}

/// Which part of a history is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryPart {
    /// What was added since.
    After(HistoryMark),
    /// A page: sets with numbers above the first and up to the second.
    Sets { after: i64, until: i64 },
    /// Everything of one database.
    Database(String),
}

impl HistoryPart {
    /// Conditions for sets, restores and marks.
    fn conditions(&self) -> [String; 3] {
        match self {
            Self::After(mark) => [
                format!("bs.backup_set_id > {}", mark.backup_set_id),
                format!("rh.restore_history_id > {}", mark.restore_history_id),
                mark.mark_time.map_or_else(
                    || "1 = 1".to_owned(),
                    |time| {
                        let time = super::restore::stop_at_text(time);
                        format!("lm.mark_time >= CONVERT(datetime, N'{time}', 126)")
                    },
                ),
            ],
            Self::Sets { after, until } => [
                format!("bs.backup_set_id > {after} AND bs.backup_set_id <= {until}"),
                format!("rh.backup_set_id > {after} AND rh.backup_set_id <= {until}"),
                "1 = 0".to_owned(),
            ],
            Self::Database(name) => [
                format!("bs.database_name = {}", text(name)),
                format!("rh.destination_database_name = {}", text(name)),
                format!("lm.database_name = {}", text(name)),
            ],
        }
    }
}

/// The queries that read a history, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQueries {
    pub sets: Batch,
    pub media: Batch,
    pub files: Batch,
    pub restores: Batch,
    pub marks: Batch,
}

/// Five queries, whatever the size of the part.
///
/// `files` leaves out what a log backup says of files that existed before it began:
/// only a file that was added within the log needs a `MOVE` there, and msdb repeats every file for every log.
pub fn history(columns: HistoryColumns, part: &HistoryPart) -> HistoryQueries {
    let [of_sets, of_restores, of_marks] = part.conditions();
    let newer = [
        (
            columns.last_valid_restore_time,
            "bs.last_valid_restore_time",
        ),
        (columns.encryption, "bs.key_algorithm"),
        (columns.encryption, "bs.encryptor_thumbprint"),
        (columns.encryption, "bs.encryptor_type"),
    ]
    .iter()
    .filter(|(there, _)| *there)
    .map(|(_, column)| format!(", {column}"))
    .collect::<String>();
    HistoryQueries {
        sets: Batch::look(
            "Read the backup sets",
            format!(
                "SELECT bs.backup_set_id, bs.backup_set_uuid, bs.media_set_id, bs.position, bs.name, bs.database_name,
       bs.server_name, bs.machine_name, bs.user_name, bs.type, bs.backup_start_date, bs.backup_finish_date,
       bs.time_zone, bs.first_lsn, bs.last_lsn, bs.checkpoint_lsn, bs.database_backup_lsn,
       bs.differential_base_lsn, bs.fork_point_lsn, bs.differential_base_guid, bs.first_recovery_fork_guid,
       bs.last_recovery_fork_guid, bs.family_guid, bs.database_guid, bs.database_creation_date,
       bs.recovery_model, bs.is_copy_only, bs.is_damaged, bs.has_bulk_logged_data, bs.is_snapshot,
       bs.begins_log_chain, bs.is_readonly, bs.has_backup_checksums, bs.is_force_offline,
       bs.has_incomplete_metadata, bs.backup_size, bs.compressed_backup_size, bs.software_major_version,
       bs.database_version, bs.compatibility_level, ms.media_family_count, ms.mirror_count{newer}
FROM msdb.dbo.backupset AS bs
LEFT JOIN msdb.dbo.backupmediaset AS ms ON ms.media_set_id = bs.media_set_id
WHERE {of_sets}
ORDER BY bs.backup_set_id;"
            ),
        ),
        media: Batch::look(
            "Read the backup files",
            format!(
                "SELECT mf.media_set_id, mf.family_sequence_number, mf.mirror, mf.physical_device_name, mf.device_type
FROM msdb.dbo.backupmediafamily AS mf
WHERE mf.media_set_id IN (SELECT bs.media_set_id FROM msdb.dbo.backupset AS bs
                          WHERE {of_sets})
ORDER BY mf.media_set_id, mf.family_sequence_number, mf.mirror;"
            ),
        ),
        files: Batch::look(
            "Read the database files",
            format!(
                "SELECT bf.backup_set_id, bf.file_number, bf.logical_name, bf.physical_name, bf.file_type, bf.file_size,
       bf.backup_size, bf.filegroup_name, bf.is_present
FROM msdb.dbo.backupfile AS bf
JOIN msdb.dbo.backupset AS bs ON bs.backup_set_id = bf.backup_set_id
WHERE {of_sets} AND (bs.type <> 'L' OR bf.create_lsn >= bs.first_lsn)
ORDER BY bf.backup_set_id, bf.file_number;"
            ),
        ),
        restores: Batch::look(
            "Read the restores",
            format!(
                "SELECT rh.restore_history_id, rh.restore_date, rh.destination_database_name, rh.backup_set_id,
       bs.backup_set_uuid, rh.restore_type, rh.replace, rh.recovery, rh.restart, rh.stop_at, rh.user_name
FROM msdb.dbo.restorehistory AS rh
LEFT JOIN msdb.dbo.backupset AS bs ON bs.backup_set_id = rh.backup_set_id
WHERE {of_restores}
ORDER BY rh.restore_history_id;"
            ),
        ),
        marks: Batch::look(
            "Read the marks",
            format!(
                "SELECT lm.database_name, lm.mark_name, lm.description, lm.user_name, lm.lsn, lm.mark_time
FROM msdb.dbo.logmarkhistory AS lm
WHERE {of_marks}
ORDER BY lm.mark_time;"
            ),
        ),
    }
}

/// The first and the last number of a backup set; null without any.
pub fn history_range() -> Batch {
    Batch::look(
        "Read how long the history is",
        "SELECT (SELECT MIN(bs.backup_set_id) FROM msdb.dbo.backupset AS bs) AS first_id,
       (SELECT MAX(bs.backup_set_id) FROM msdb.dbo.backupset AS bs) AS last_id;",
    )
}

/// When the newest backup of each database finished: an index of msdb holds both columns.
pub fn newest_backups() -> Batch {
    Batch::look(
        "Read the newest backups",
        format!(
            "SELECT bs.database_name, MAX(bs.backup_finish_date) AS newest_backup
FROM msdb.dbo.backupset AS bs
WHERE bs.name IS NULL OR bs.name <> N'{PROBE_NAME}'
GROUP BY bs.database_name;"
        ),
    )
}

/// Where the default trace is written to; no row when it is off.
///
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-traces-transact-sql>
pub fn default_trace_file() -> Batch {
    Batch::look(
        "Look for the default trace",
        "SELECT t.path FROM sys.traces AS t WHERE t.is_default = 1;",
    )
}

/// Objects that were made, altered or dropped, from the default trace and all its rolled-over files.
///
/// `path` is the file that is written now, `log_41.trc`: reading from `log.trc` on takes the older ones as well.
/// <https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-trace-gettable-transact-sql>
pub fn object_changes(path: &str, since: Option<ServerTime>) -> Batch {
    let folder = path
        .rfind(['\\', '/'])
        .map_or("", |at| path.get(..=at).unwrap_or_default());
    let mut words = Words::default();
    let file = words.text(&format!("{folder}log.trc"));
    let since = since
        .map(|time| {
            let time = super::restore::stop_at_text(time);
            format!("\n  AND t.StartTime >= CONVERT(datetime, N'{time}', 126)")
        })
        .unwrap_or_default();
    Batch::look(
        "Read what was made, altered or dropped",
        words.finish(&format!(
            "SELECT t.DatabaseName AS database_name, t.EventClass AS event_class, t.ObjectName AS object_name,
       t.ObjectType AS object_type, t.LoginName AS login_name, t.StartTime AS start_time
FROM sys.fn_trace_gettable({file}, DEFAULT) AS t
WHERE t.EventClass IN (46, 47, 164) AND t.EventSubClass = 1 AND t.DatabaseID > 4 AND t.ObjectType <> 21587{since}
ORDER BY t.StartTime;"
        )),
    )
}
