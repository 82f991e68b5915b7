//! The rows of a history as they come over the wire, one kind of result each.

use super::super::connection::{Cell, Columns, Row, RowSink};
use crate::domain::{
    BackupRecord, ChangeRecord, DatabaseFile, Lsn, MarkRecord, MediaFile, RestoreRecord,
};
use std::{collections::BTreeMap, sync::Arc};

/// A row whose columns were looked up once, when the result began.
struct Fields<'a> {
    row: Row,
    places: &'a [Option<usize>],
}

impl Fields<'_> {
    fn cell(&self, field: usize) -> &Cell {
        self.places
            .get(field)
            .copied()
            .flatten()
            .map_or(&Cell::Null, |idx| self.row.at(idx))
    }

    /// Takes the text out of its row: there are millions of them.
    fn text(&mut self, field: usize) -> Option<String> {
        self.places
            .get(field)
            .copied()
            .flatten()
            .and_then(|idx| self.row.take_text(idx))
    }

    fn int<T: TryFrom<i64>>(&self, field: usize) -> Option<T> {
        self.cell(field)
            .int()
            .and_then(|value| T::try_from(value).ok())
    }

    fn lsn(&self, field: usize) -> Option<Lsn> {
        self.cell(field)
            .whole()
            .and_then(|value| u128::try_from(value).ok())
            .and_then(Lsn::new)
    }
}

fn places(columns: &Columns, names: &[&str]) -> Vec<Option<usize>> {
    names.iter().map(|name| columns.find(name)).collect()
}

const SET_FIELDS: [&str; 46] = [
    "backup_set_id",
    "backup_set_uuid",
    "media_set_id",
    "position",
    "name",
    "database_name",
    "server_name",
    "machine_name",
    "user_name",
    "type",
    "backup_start_date",
    "backup_finish_date",
    "time_zone",
    "first_lsn",
    "last_lsn",
    "checkpoint_lsn",
    "database_backup_lsn",
    "differential_base_lsn",
    "fork_point_lsn",
    "differential_base_guid",
    "first_recovery_fork_guid",
    "last_recovery_fork_guid",
    "family_guid",
    "database_guid",
    "database_creation_date",
    "recovery_model",
    "is_copy_only",
    "is_damaged",
    "has_bulk_logged_data",
    "is_snapshot",
    "begins_log_chain",
    "is_readonly",
    "has_backup_checksums",
    "is_force_offline",
    "has_incomplete_metadata",
    "backup_size",
    "compressed_backup_size",
    "software_major_version",
    "database_version",
    "compatibility_level",
    "media_family_count",
    "mirror_count",
    "last_valid_restore_time",
    "key_algorithm",
    "encryptor_type",
    "encryptor_thumbprint",
];

#[derive(Default)]
pub(super) struct SetSink {
    places: Vec<Option<usize>>,
    pub(super) records: Vec<BackupRecord>,
}

impl RowSink for SetSink {
    fn columns(&mut self, columns: &Arc<Columns>) {
        self.places = places(columns, &SET_FIELDS);
    }

    fn row(&mut self, row: Row) {
        let mut f = Fields {
            row,
            places: &self.places,
        };
        self.records.push(BackupRecord {
            backup_set_id: f.int(0),
            backup_set_uuid: f.cell(1).guid(),
            media_set_id: f.int(2),
            position: f.int(3),
            name: f.text(4),
            database_name: f.text(5),
            server_name: f.text(6),
            machine_name: f.text(7),
            user_name: f.text(8),
            backup_type: f.text(9),
            backup_start_date: f.cell(10).time(),
            backup_finish_date: f.cell(11).time(),
            time_zone: f.int(12),
            first_lsn: f.lsn(13),
            last_lsn: f.lsn(14),
            checkpoint_lsn: f.lsn(15),
            database_backup_lsn: f.lsn(16),
            differential_base_lsn: f.lsn(17),
            fork_point_lsn: f.lsn(18),
            differential_base_guid: f.cell(19).guid(),
            first_recovery_fork_guid: f.cell(20).guid(),
            last_recovery_fork_guid: f.cell(21).guid(),
            family_guid: f.cell(22).guid(),
            database_guid: f.cell(23).guid(),
            database_creation_date: f.cell(24).time(),
            recovery_model: f.text(25),
            is_copy_only: f.cell(26).bool(),
            is_damaged: f.cell(27).bool(),
            has_bulk_logged_data: f.cell(28).bool(),
            is_snapshot: f.cell(29).bool(),
            begins_log_chain: f.cell(30).bool(),
            is_readonly: f.cell(31).bool(),
            has_backup_checksums: f.cell(32).bool(),
            is_force_offline: f.cell(33).bool(),
            has_incomplete_metadata: f.cell(34).bool(),
            guessed: false,
            deleted_on: None,
            backup_size: f.int(35),
            compressed_backup_size: f.int(36),
            software_major_version: f.int(37),
            database_version: f.int(38),
            compatibility_level: f.int(39),
            media_family_count: f.int(40),
            mirror_count: f.int(41),
            last_valid_restore_time: f.cell(42).time(),
            key_algorithm: f.text(43),
            encryptor_type: f.text(44),
            encryptor_thumbprint: match f.cell(45) {
                Cell::Bytes(bytes) => Some(bytes.iter().map(|b| format!("{b:02X}")).collect()),
                _ => None,
            },
            media_files: Vec::new(),
            files: Vec::new(),
        });
    }
}

const MEDIA_FIELDS: [&str; 5] = [
    "media_set_id",
    "family_sequence_number",
    "mirror",
    "physical_device_name",
    "device_type",
];

#[derive(Default)]
pub(super) struct MediaSink {
    places: Vec<Option<usize>>,
    pub(super) by_media_set: BTreeMap<i64, Vec<MediaFile>>,
}

impl RowSink for MediaSink {
    fn columns(&mut self, columns: &Arc<Columns>) {
        self.places = places(columns, &MEDIA_FIELDS);
    }

    fn row(&mut self, row: Row) {
        let mut f = Fields {
            row,
            places: &self.places,
        };
        if let Some(media_set_id) = f.int(0) {
            self.by_media_set
                .entry(media_set_id)
                .or_default()
                .push(MediaFile {
                    family_sequence_number: f.int(1),
                    mirror: f.int(2),
                    physical_device_name: f.text(3),
                    device_type: f.int(4),
                    present: None,
                });
        }
    }
}

const FILE_FIELDS: [&str; 9] = [
    "backup_set_id",
    "file_number",
    "logical_name",
    "physical_name",
    "file_type",
    "file_size",
    "backup_size",
    "filegroup_name",
    "is_present",
];

#[derive(Default)]
pub(super) struct FileSink {
    places: Vec<Option<usize>>,
    pub(super) by_set: BTreeMap<i64, Vec<DatabaseFile>>,
}

impl RowSink for FileSink {
    fn columns(&mut self, columns: &Arc<Columns>) {
        self.places = places(columns, &FILE_FIELDS);
    }

    fn row(&mut self, row: Row) {
        let mut f = Fields {
            row,
            places: &self.places,
        };
        if let Some(backup_set_id) = f.int(0) {
            self.by_set
                .entry(backup_set_id)
                .or_default()
                .push(DatabaseFile {
                    file_number: f.int(1),
                    logical_name: f.text(2),
                    physical_name: f.text(3),
                    file_type: f.text(4),
                    file_size: f.int(5),
                    backup_size: f.int(6),
                    filegroup_name: f.text(7),
                    is_present: f.cell(8).bool(),
                });
        }
    }
}

const RESTORE_FIELDS: [&str; 11] = [
    "restore_history_id",
    "restore_date",
    "destination_database_name",
    "backup_set_id",
    "backup_set_uuid",
    "restore_type",
    "replace",
    "recovery",
    "restart",
    "stop_at",
    "user_name",
];

#[derive(Default)]
pub(super) struct RestoreSink {
    places: Vec<Option<usize>>,
    pub(super) records: Vec<RestoreRecord>,
}

impl RowSink for RestoreSink {
    fn columns(&mut self, columns: &Arc<Columns>) {
        self.places = places(columns, &RESTORE_FIELDS);
    }

    fn row(&mut self, row: Row) {
        let mut f = Fields {
            row,
            places: &self.places,
        };
        self.records.push(RestoreRecord {
            restore_history_id: f.int(0),
            restore_date: f.cell(1).time(),
            destination_database_name: f.text(2),
            backup_set_id: f.int(3),
            backup_set_uuid: f.cell(4).guid(),
            restore_type: f.text(5),
            replace: f.cell(6).bool(),
            recovery: f.cell(7).bool(),
            restart: f.cell(8).bool(),
            stop_at: f.cell(9).time(),
            user_name: f.text(10),
        });
    }
}

const CHANGE_FIELDS: [&str; 6] = [
    "database_name",
    "event_class",
    "object_name",
    "object_type",
    "login_name",
    "start_time",
];

#[derive(Default)]
pub(super) struct ChangeSink {
    places: Vec<Option<usize>>,
    pub(super) records: Vec<ChangeRecord>,
}

impl RowSink for ChangeSink {
    fn columns(&mut self, columns: &Arc<Columns>) {
        self.places = places(columns, &CHANGE_FIELDS);
    }

    fn row(&mut self, row: Row) {
        let mut f = Fields {
            row,
            places: &self.places,
        };
        self.records.push(ChangeRecord {
            database_name: f.text(0),
            event_class: f.int(1),
            object_name: f.text(2),
            object_type: f.int(3),
            login_name: f.text(4),
            start_time: f.cell(5).time(),
        });
    }
}

const MARK_FIELDS: [&str; 6] = [
    "database_name",
    "mark_name",
    "description",
    "user_name",
    "lsn",
    "mark_time",
];

#[derive(Default)]
pub(super) struct MarkSink {
    places: Vec<Option<usize>>,
    pub(super) records: Vec<MarkRecord>,
}

impl RowSink for MarkSink {
    fn columns(&mut self, columns: &Arc<Columns>) {
        self.places = places(columns, &MARK_FIELDS);
    }

    fn row(&mut self, row: Row) {
        let mut f = Fields {
            row,
            places: &self.places,
        };
        self.records.push(MarkRecord {
            database_name: f.text(0),
            mark_name: f.text(1),
            description: f.text(2),
            user_name: f.text(3),
            lsn: f.lsn(4),
            mark_time: f.cell(5).time(),
        });
    }
}
