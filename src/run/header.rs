//! What a backup file says of its sets: rows of `RESTORE HEADERONLY` and `FILELISTONLY`, read by column name.
//!
//! <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-headeronly-transact-sql>

use crate::{
    domain::{BackupRecord, DatabaseFile, Lsn, MediaFile, PlanStep, ServerTime},
    server::{Answer, Cell, Row},
};
use uuid::Uuid;

/// One set on a media family.
#[derive(Clone, Debug, PartialEq)]
pub struct SetHeader {
    pub position: i64,
    pub backup_set_uuid: Option<Uuid>,
    /// 1 full, 2 log, 5 differential…
    pub backup_type: Option<i64>,
    pub database_name: Option<String>,
    pub first_lsn: Option<Lsn>,
    pub last_lsn: Option<Lsn>,
    pub start: Option<ServerTime>,
    pub finish: Option<ServerTime>,
    /// Internal version of the database.
    pub database_version: Option<i64>,
    /// Upper-case hex; set when the backup is encrypted.
    pub encryptor_thumbprint: Option<String>,
    row: Row,
}

/// Why a header is not that of the set that a plan means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderDifference {
    /// The file has no set at this position.
    NoSetAt {
        position: i32,
    },
    AnotherBackup,
    /// Its log sequence numbers are not the history's.
    OtherLsn,
}

/// Every set that the answer of `HEADERONLY` lists.
pub fn set_headers(answer: &Answer) -> Vec<SetHeader> {
    answer
        .rows()
        .iter()
        .map(|row| SetHeader {
            position: row.int("position").unwrap_or_default(),
            backup_set_uuid: row.guid("backupsetguid"),
            backup_type: row.int("backuptype"),
            database_name: row.text("databasename"),
            first_lsn: lsn(row.cell("firstlsn")),
            last_lsn: lsn(row.cell("lastlsn")),
            start: row.time("backupstartdate"),
            finish: row.time("backupfinishdate"),
            database_version: row.int("databaseversion"),
            encryptor_thumbprint: hex(row.cell("encryptorthumbprint")),
            row: row.clone(),
        })
        .collect()
}

/// Every file that the answer of `FILELISTONLY` lists.
///
/// <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-filelistonly-transact-sql>
pub fn listed_files(answer: &Answer) -> Vec<DatabaseFile> {
    let rows = answer.rows().iter();
    rows.map(|row| DatabaseFile {
        file_number: row.int("fileid"),
        logical_name: row.text("logicalname"),
        physical_name: row.text("physicalname"),
        file_type: row.text("type"),
        file_size: bytes(row.cell("size")),
        backup_size: bytes(row.cell("backupsizeinbytes")),
        filegroup_name: row.text("filegroupname"),
        is_present: row.bool("ispresent"),
    })
    .collect()
}

fn bytes(cell: &Cell) -> Option<u64> {
    cell.whole().and_then(|value| u64::try_from(value).ok())
}

/// Bytes as upper-case hex; `None` without any.
pub(super) fn hex(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Bytes(bytes) if !bytes.is_empty() => {
            Some(bytes.iter().map(|b| format!("{b:02X}")).collect())
        }
        _ => None,
    }
}

fn lsn(cell: &Cell) -> Option<Lsn> {
    cell.whole()
        .and_then(|value| u128::try_from(value).ok())
        .and_then(Lsn::new)
}

impl SetHeader {
    /// The `NAME` option.
    pub fn backup_name(&self) -> Option<String> {
        self.row.text("backupname")
    }

    /// Why this is not the set that a plan means; `None` when it is.
    pub fn difference(&self, step: &PlanStep) -> Option<HeaderDifference> {
        if self.backup_set_uuid != Some(step.backup_set_uuid) {
            return Some(HeaderDifference::AnotherBackup);
        }
        if self.first_lsn.is_some_and(|lsn| lsn != step.first_lsn)
            || self.last_lsn.is_some_and(|lsn| lsn != step.last_lsn)
        {
            return Some(HeaderDifference::OtherLsn);
        }
        None
    }

    /// The header as a record of the history, for a set that no msdb reading has shown yet.
    ///
    /// `utc_offset_minutes` is the server's offset now: `HEADERONLY` does not tell it reliably.
    pub fn record(&self, file: &str, utc_offset_minutes: i32) -> BackupRecord {
        let row = &self.row;
        let number = |name: &str| row.int(name).and_then(|value| i32::try_from(value).ok());
        let bytes = |name: &str| bytes(row.cell(name));
        BackupRecord {
            backup_set_uuid: self.backup_set_uuid,
            position: i32::try_from(self.position).ok(),
            name: row.text("backupname"),
            database_name: self.database_name.clone(),
            server_name: row.text("servername"),
            machine_name: row.text("machinename"),
            user_name: row.text("username"),
            backup_type: self.backup_type.and_then(|backup_type| {
                // The letters of msdb for the numbers of the header.
                [
                    (1, "D"),
                    (2, "L"),
                    (4, "F"),
                    (5, "I"),
                    (6, "G"),
                    (7, "P"),
                    (8, "Q"),
                ]
                .iter()
                .find(|(number, _)| *number == backup_type)
                .map(|(_, letter)| (*letter).to_owned())
            }),
            backup_start_date: self.start,
            backup_finish_date: self.finish,
            time_zone: Some(utc_offset_minutes / 15),
            first_lsn: self.first_lsn,
            last_lsn: self.last_lsn,
            checkpoint_lsn: lsn(row.cell("checkpointlsn")),
            database_backup_lsn: lsn(row.cell("databasebackuplsn")),
            differential_base_lsn: lsn(row.cell("differentialbaselsn")),
            fork_point_lsn: lsn(row.cell("forkpointlsn")),
            differential_base_guid: row.guid("differentialbaseguid"),
            first_recovery_fork_guid: row.guid("firstrecoveryforkid"),
            last_recovery_fork_guid: row.guid("recoveryforkid"),
            family_guid: row.guid("familyguid"),
            database_guid: row.guid("bindingid"),
            database_creation_date: row.time("databasecreationdate"),
            recovery_model: row.text("recoverymodel"),
            is_copy_only: row.bool("iscopyonly"),
            is_damaged: row.bool("isdamaged"),
            has_bulk_logged_data: row.bool("hasbulkloggeddata"),
            is_snapshot: row.bool("issnapshot"),
            begins_log_chain: row.bool("beginslogchain"),
            is_readonly: row.bool("isreadonly"),
            has_backup_checksums: row.bool("hasbackupchecksums"),
            is_force_offline: row.bool("isforceoffline"),
            has_incomplete_metadata: row.bool("hasincompletemetadata"),
            backup_size: bytes("backupsize"),
            compressed_backup_size: bytes("compressedbackupsize"),
            software_major_version: number("softwareversionmajor"),
            database_version: number("databaseversion"),
            compatibility_level: number("compatibilitylevel"),
            media_family_count: Some(1),
            mirror_count: Some(1),
            last_valid_restore_time: row.time("lastvalidrestoretime"),
            key_algorithm: row.text("keyalgorithm"),
            encryptor_type: row.text("encryptortype"),
            encryptor_thumbprint: self.encryptor_thumbprint.clone(),
            media_files: vec![MediaFile {
                family_sequence_number: Some(1),
                mirror: Some(0),
                physical_device_name: Some(file.to_owned()),
                device_type: Some(2),
                present: Some(true),
            }],
            ..BackupRecord::default()
        }
    }
}
