//! From files to a history like any other: stripes joined, and one record for each backup set.

use super::{BackupFile, Fact, ListedFile, PathHere, PathMapping, SetHeader};
use crate::domain::{
    BackupRecord, DatabaseFile, HistoryRecords, Lsn, MediaFile, RecordedServer, ServerPath,
    ServerTime,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Media sets are numbered from here on, so that they are none of an msdb's.
const FIRST_MEDIA_SET: i64 = 1 << 50;
/// `backupmediafamily.device_type` of a file on a disk.
const DISK: i32 = 2;

/// A history that was read from files.
#[derive(Clone, Debug, Default)]
pub struct FolderHistory {
    pub records: HistoryRecords,
    /// Where each path of the records lies here.
    pub here: BTreeMap<ServerPath, PathHere>,
    /// Files for which the mapping has no path of the server: the records name them as they are seen here.
    pub unmapped: usize,
}

/// A set as one file has it.
struct Found<'a> {
    file: &'a BackupFile,
    set: &'a SetHeader,
    path: ServerPath,
}

/// Joins what the files hold.
///
/// A set without its end is a damaged one: it is shown, and in no plan.
/// What files do not tell (copy-only, bulk-logged work, encryption) stays unknown.
pub fn history_of(files: &[ListedFile], mapping: &PathMapping) -> FolderHistory {
    let mut history = FolderHistory::default();
    let mut sets: BTreeMap<Uuid, Vec<Found<'_>>> = BTreeMap::new();
    let mut media: BTreeMap<Uuid, i64> = BTreeMap::new();
    for listed in files {
        let Ok(file) = &listed.read else { continue };
        let path = match mapping.on_server(&listed.path.0) {
            Some(path) => path,
            None => {
                history.unmapped += 1;
                ServerPath::new(listed.path.to_string())
            }
        };
        history.here.insert(path.clone(), listed.path.clone());
        if let Some(id) = file.label.media_set_id.get() {
            let next = FIRST_MEDIA_SET + media.len() as i64;
            media.entry(id).or_insert(next);
        }
        for set in &file.sets {
            let Some(uuid) = set.backup_set_guid else {
                continue;
            };
            sets.entry(uuid).or_default().push(Found {
                file,
                set,
                path: path.clone(),
            });
        }
    }
    for mut found in sets.into_values() {
        // A whole copy of a stripe makes a cut one of no interest.
        if found.iter().any(|f| f.set.complete) {
            found.retain(|f| f.set.complete);
        }
        let Some(first) = found.first() else { continue };
        let media_set_id = first.file.label.media_set_id.get();
        let media_set_id = media_set_id.and_then(|id| media.get(&id).copied());
        let record = record_of(first.set, media_set_id, &found);
        history.records.backup_sets.push(record);
    }
    history
        .records
        .backup_sets
        .sort_by_key(|record| (record.backup_start_date, record.position));
    history.records.server = server_of(&history.records.backup_sets);
    history
}

/// The server that took most of the backups: its clock is that of the history.
fn server_of(records: &[BackupRecord]) -> RecordedServer {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records {
        if let Some(name) = &record.server_name {
            *counts.entry(name).or_default() += 1;
        }
    }
    RecordedServer {
        name: counts
            .into_iter()
            .max_by_key(|&(_, count)| count)
            .map(|(name, _)| name.to_owned()),
        ..RecordedServer::default()
    }
}

fn record_of(set: &SetHeader, media_set_id: Option<i64>, found: &[Found<'_>]) -> BackupRecord {
    let label = found.first().map(|f| &f.file.label);
    let family_count = label.and_then(|label| label.family_count.get());
    BackupRecord {
        backup_set_id: None,
        backup_set_uuid: set.backup_set_guid,
        media_set_id,
        position: set.position.map(i32::from),
        name: set.backup_name.clone(),
        database_name: set.database_name.clone(),
        server_name: set.server_name.clone(),
        machine_name: set.machine_name.clone(),
        user_name: set.user_name.clone(),
        backup_type: set.backup_type.get().map(|kind| kind.letter().to_string()),
        backup_start_date: moment(set.backup_start_date),
        backup_finish_date: moment(set.backup_finish_date),
        time_zone: set.time_zone.map(i32::from),
        first_lsn: there(set.first_lsn),
        last_lsn: there(set.last_lsn),
        checkpoint_lsn: there(set.checkpoint_lsn),
        database_backup_lsn: set.database_backup_lsn.get(),
        differential_base_lsn: set.differential_base_lsn.get().flatten(),
        fork_point_lsn: set.fork_point_lsn.get().flatten(),
        differential_base_guid: set.differential_base_guid.get().flatten(),
        first_recovery_fork_guid: set.first_recovery_fork_id.get(),
        last_recovery_fork_guid: set.recovery_fork_id.get(),
        family_guid: set.family_guid.get(),
        database_guid: set.binding_id.get(),
        database_creation_date: moment(set.database_creation_date),
        recovery_model: set.recovery_model.get().map(str::to_owned),
        is_damaged: (!set.complete).then_some(true),
        begins_log_chain: set.begins_log_chain.get(),
        has_backup_checksums: set.has_backup_checksums.get(),
        backup_size: set.backup_size.get(),
        compressed_backup_size: set.compressed_backup_size.get(),
        software_major_version: set.software_version_major.get().map(i32::from),
        database_version: set.database_version.get().map(i32::from),
        compatibility_level: set.compatibility_level.get().map(i32::from),
        guessed: is_guessed(set),
        media_family_count: family_count.map(i32::from),
        mirror_count: None,
        media_files: media_files(found, family_count),
        files: set.files.iter().map(database_file).collect(),
        ..BackupRecord::default()
    }
}

/// The files of a set in the order of their families; families of which no file was found are not there.
fn media_files(found: &[Found<'_>], family_count: Option<u16>) -> Vec<MediaFile> {
    let mut families: BTreeMap<u16, Vec<&ServerPath>> = BTreeMap::new();
    // A count that is nonsense must not make a list of that length.
    for family in 1..=family_count.unwrap_or(0).min(64) {
        families.insert(family, Vec::new());
    }
    for f in found {
        let family = f.file.label.family_sequence_number.get().unwrap_or(1);
        families.entry(family).or_default().push(&f.path);
    }
    let file = |family: u16, mirror: usize, path: Option<&ServerPath>| MediaFile {
        family_sequence_number: Some(i32::from(family)),
        mirror: i32::try_from(mirror).ok(),
        physical_device_name: path.map(ToString::to_string),
        device_type: Some(DISK),
        present: Some(path.is_some()),
    };
    let mut files = Vec::new();
    for (family, paths) in families {
        if paths.is_empty() {
            files.push(file(family, 0, None));
        }
        for (copy, path) in paths.into_iter().enumerate() {
            files.push(file(family, copy, Some(path)));
        }
    }
    files
}

fn database_file(file: &super::DatabaseFileHeader) -> DatabaseFile {
    DatabaseFile {
        file_number: file.file_id.get().map(i64::from),
        logical_name: file.logical_name.clone(),
        physical_name: file.physical_name.clone(),
        file_type: file.file_type.get().map(String::from),
        file_size: file.size.get(),
        backup_size: file.backup_size_in_bytes.get(),
        filegroup_name: file.file_group_name.value().cloned().flatten(),
        is_present: None,
    }
}

fn moment(date: Fact<Option<ServerTime>>) -> Option<ServerTime> {
    date.get().flatten()
}

/// All zero is none.
fn there(lsn: Fact<Lsn>) -> Option<Lsn> {
    lsn.get().filter(|lsn| !lsn.is_zero())
}

/// Whether something that decides what the set is for is a guess.
///
/// That a set begins on the fork it ends on is one that every set makes, and does not count: it excludes nothing.
fn is_guessed(set: &SetHeader) -> bool {
    let crosses = set.first_recovery_fork_id.is_guess()
        && set.first_recovery_fork_id.value() != set.recovery_fork_id.value();
    crosses || set.recovery_model.is_guess() || set.backup_type.is_guess()
}
