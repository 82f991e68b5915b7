//! Judges records: rows in, sets out; what is odd becomes a note and never an error.

use super::{
    BackupRecord, BackupSet, BackupType, DatabaseFile, DifferentialFacts, FileList, FullFacts,
    Lineage, Lsn, MediaFile, Origin, PROBE_FILE, PROBE_NAME, Role, ServerPath, Trouble, UtcOffset,
    set::{DeviceKind, Media, MediaEntry, MediaState, UNKNOWN, UNKNOWN_ID, UNKNOWN_ZONE, flag},
};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{Hash, Hasher as _},
    sync::Arc,
};
use uuid::Uuid;

/// Something odd in the records, told once for all rows that share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryNote {
    /// What is odd.
    pub kind: HistoryNoteKind,
    /// The database concerned; `None` when the row names none.
    pub database: Option<String>,
    /// How many rows.
    pub rows: usize,
    /// The first of them, as `backup_set_id 17`.
    pub example: String,
}

/// What can be odd about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HistoryNoteKind {
    /// Left out: no database name.
    NoDatabaseName,
    /// Left out: neither start nor finish.
    NoTime,
    /// Left out: a type that no SQL Server writes.
    UnknownType,
    /// Left out: the same backup was reported before.
    Duplicate,
    /// Kept: the row has no uuid, so one was made up.
    NoUuid,
    /// Kept, but in no plan that needs logs: no LSNs.
    NoLsn,
    /// Kept: it finished before it started; the start counts.
    FinishBeforeStart,
    /// Kept, in no plan: a backup of files, filegroups or parts.
    PartialBackup,
    /// Kept: fork or family unknown, so those were not tested.
    UnknownFork,
    /// Kept: the zone is unknown, so times compare as local times.
    UnknownZone,
    /// Kept, in no plan: a later backup overwrote its media.
    Overwritten,
    /// Kept: a member of the row could not be read and counts as unknown.
    OddValue,
}

/// Collects notes: one for each kind and database.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(BTreeMap<(HistoryNoteKind, Option<String>), (usize, String)>);

impl Notes {
    pub fn add(
        &mut self,
        kind: HistoryNoteKind,
        database: Option<&str>,
        example: impl FnOnce() -> String,
    ) {
        self.0
            .entry((kind, database.map(str::to_owned)))
            .and_modify(|(rows, _)| *rows += 1)
            .or_insert_with(|| (1, example()));
    }

    pub fn into_vec(self) -> Vec<HistoryNote> {
        self.0
            .into_iter()
            .map(|((kind, database), (rows, example))| HistoryNote {
                kind,
                database,
                rows,
                example,
            })
            .collect()
    }
}

/// Turns records into sets, keeping once what many share.
#[derive(Debug, Default)]
pub(super) struct Judge {
    origins: Interner<Origin>,
    lineages: Interner<Lineage>,
    names: HashMap<String, Arc<str>>,
    last_name: Option<Arc<str>>,
    last_files: Option<Arc<FileList>>,
    pub notes: Notes,
}

/// Keeps equal values once.
#[derive(Debug)]
struct Interner<T> {
    last: Option<Arc<T>>,
    known: HashMap<Arc<T>, ()>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            last: None,
            known: HashMap::new(),
        }
    }
}

impl<T: Eq + Hash> Interner<T> {
    fn keep(&mut self, value: T) -> Arc<T> {
        if let Some(last) = &self.last
            && **last == value
        {
            return last.clone();
        }
        let kept = match self.known.get_key_value(&value) {
            Some((known, ())) => known.clone(),
            None => {
                let new = Arc::new(value);
                self.known.insert(new.clone(), ());
                new
            }
        };
        self.last = Some(kept.clone());
        kept
    }
}

impl Judge {
    /// A set whose times are still local seconds; the history puts them on its clock.
    ///
    /// `None` with a note when the row cannot be placed at all.
    pub fn judge(&mut self, record: BackupRecord) -> Option<BackupSet> {
        let Some(database) = record.database_name.as_deref() else {
            let example = || example_of(&record);
            self.notes
                .add(HistoryNoteKind::NoDatabaseName, None, example);
            return None;
        };
        let mut note = |kind| {
            self.notes.add(kind, Some(database), || example_of(&record));
        };
        let Some(kind) = record
            .backup_type
            .as_deref()
            .and_then(BackupType::from_letter)
        else {
            note(HistoryNoteKind::UnknownType);
            return None;
        };
        let (Some(start), Some(finish)) = (
            record.backup_start_date.or(record.backup_finish_date),
            record.backup_finish_date.or(record.backup_start_date),
        ) else {
            note(HistoryNoteKind::NoTime);
            return None;
        };
        if matches!(
            kind,
            BackupType::File
                | BackupType::FileDifferential
                | BackupType::Partial
                | BackupType::PartialDifferential
        ) {
            note(HistoryNoteKind::PartialBackup);
        }
        if record.backup_set_uuid.is_none() {
            note(HistoryNoteKind::NoUuid);
        }
        let lsn_known = match kind {
            BackupType::Log => record.first_lsn.is_some() && record.last_lsn.is_some(),
            _ => record.last_lsn.is_some(),
        };
        if !lsn_known {
            note(HistoryNoteKind::NoLsn);
        }
        if record.last_recovery_fork_guid.is_none() || record.family_guid.is_none() {
            note(HistoryNoteKind::UnknownFork);
        }
        let uuid = record.backup_set_uuid.unwrap_or_else(|| made_up(&record));
        let zone = record
            .time_zone
            .and_then(UtcOffset::from_quarter_hours)
            .and_then(|offset| i16::try_from(offset.minutes()).ok())
            .unwrap_or(UNKNOWN_ZONE);
        let first_lsn = record.first_lsn.unwrap_or_default();
        let last_lsn = record.last_lsn.unwrap_or_default();
        let role = match kind {
            BackupType::Full => Role::Full(Box::new(FullFacts {
                checkpoint_lsn: record.checkpoint_lsn,
            })),
            BackupType::Differential => Role::Differential(Box::new(DifferentialFacts {
                base_guid: record.differential_base_guid,
                base_lsn: record.differential_base_lsn,
                database_backup_lsn: record.database_backup_lsn,
            })),
            BackupType::Log => Role::Log,
            part => Role::Part(part),
        };
        let first_fork = record
            .first_recovery_fork_guid
            .or(record.last_recovery_fork_guid);
        let last_fork = record
            .last_recovery_fork_guid
            .or(record.first_recovery_fork_guid);
        let lineage = self.lineages.keep(Lineage {
            family: record.family_guid,
            first_fork,
            last_fork,
            fork_point: record.fork_point_lsn.filter(|_| first_fork != last_fork),
        });
        let flags = flags_of(&record, lsn_known);
        let family_count = record
            .media_family_count
            .and_then(|n| u8::try_from(n).ok())
            .filter(|&n| n > 0)
            .unwrap_or_else(|| largest_stripe(&record.media_files));
        let media = media_of(record.media_files);
        let files = self.files(record.files);
        let name = record.name.map(|name| self.name(name));
        let origin = self.origins.keep(Origin {
            database_name: record.database_name,
            server_name: record.server_name,
            machine_name: record.machine_name,
            user_name: record.user_name,
            recovery_model: record.recovery_model,
            database_guid: record.database_guid,
            database_creation_date: record.database_creation_date,
            software_major_version: record.software_major_version,
            database_version: record.database_version,
            compatibility_level: record.compatibility_level,
            key_algorithm: record.key_algorithm,
            encryptor_type: record.encryptor_type,
            encryptor_thumbprint: record.encryptor_thumbprint,
        });
        let start = start.0.and_utc().timestamp();
        let length = finish.0.and_utc().timestamp() - start;
        let set = BackupSet {
            uuid,
            first_lsn,
            last_lsn,
            role,
            origin,
            lineage,
            files,
            name,
            media,
            backup_set_id: record.backup_set_id.unwrap_or(UNKNOWN_ID),
            media_set_id: record.media_set_id.unwrap_or(UNKNOWN_ID),
            backup_size: record.backup_size.unwrap_or(UNKNOWN),
            compressed_size: record.compressed_backup_size.unwrap_or(UNKNOWN),
            start,
            length_secs: i32::try_from(length).unwrap_or(if length < 0 { -1 } else { i32::MAX }),
            start_offset: 0,
            finish_offset: 0,
            zone,
            flags,
            family_count,
            position: record.position.unwrap_or(1),
            last_valid_restore_time: record.last_valid_restore_time,
            trouble: record.deleted_on.map(|on| Trouble::Deleted { on }),
        };
        Some(set)
    }

    fn files(&mut self, mut files: Vec<DatabaseFile>) -> Option<Arc<FileList>> {
        if files.is_empty() {
            return None;
        }
        // What each set holds of a file differs from set to set and decides nothing; without it the lists are equal.
        for file in &mut files {
            file.backup_size = None;
        }
        files.sort_by_key(|file| file.file_number);
        let list = FileList { files };
        if let Some(last) = &self.last_files
            && **last == list
        {
            return Some(last.clone());
        }
        let new = Arc::new(list);
        self.last_files = Some(new.clone());
        Some(new)
    }

    fn name(&mut self, name: String) -> Arc<str> {
        if let Some(last) = &self.last_name
            && **last == *name
        {
            return last.clone();
        }
        let kept: Arc<str> = match self.names.get(&name) {
            Some(known) => known.clone(),
            None => {
                let new: Arc<str> = name.as_str().into();
                // Names with a time in them never come again: do not collect a million.
                if self.names.len() < 1000 {
                    self.names.insert(name, new.clone());
                }
                new
            }
        };
        self.last_name = Some(kept.clone());
        kept
    }
}

fn flags_of(record: &BackupRecord, lsn_known: bool) -> u16 {
    let pairs = [
        (record.is_copy_only, flag::COPY_ONLY),
        (record.is_damaged, flag::DAMAGED),
        (record.has_bulk_logged_data, flag::BULK_LOGGED),
        (record.is_snapshot, flag::SNAPSHOT),
        (record.begins_log_chain, flag::BEGINS_CHAIN),
        (record.is_readonly, flag::READ_ONLY),
        (record.has_backup_checksums, flag::CHECKSUMS),
        (record.is_force_offline, flag::FORCE_OFFLINE),
        (record.has_incomplete_metadata, flag::INCOMPLETE_METADATA),
        (Some(record.guessed), flag::GUESSED),
        (Some(is_probe(record)), flag::PROBE),
        (Some(!lsn_known), flag::NO_LSN),
    ];
    pairs
        .into_iter()
        .filter(|(set, _)| *set == Some(true))
        .fold(0, |flags, (_, flag)| flags | flag)
}

/// Backups of others may have the name alone.
fn is_probe(record: &BackupRecord) -> bool {
    record.name.as_deref() == Some(PROBE_NAME)
        && record.is_copy_only == Some(true)
        && record.database_name.as_deref() == Some("model")
        && record.media_files.iter().all(|file| {
            let path = file.physical_device_name.as_deref().unwrap_or_default();
            ServerPath::new(path).file_name().starts_with(PROBE_FILE)
        })
}

fn media_of(mut files: Vec<MediaFile>) -> Media {
    // Nearly all sets are one file.
    if let [file] = &mut *files
        && file.family_sequence_number.is_none_or(|n| n == 1)
    {
        let Some(name) = file.physical_device_name.take() else {
            return Media::Unknown;
        };
        let state = media_state(file, &name);
        return Media::One(name.into_boxed_str(), state);
    }
    let mut entries: Vec<(u8, i32, MediaEntry)> = files
        .into_iter()
        .filter_map(|mut file| {
            let name = file.physical_device_name.take()?;
            let stripe = file
                .family_sequence_number
                .and_then(|n| u8::try_from(n).ok())
                .unwrap_or(1);
            let state = media_state(&file, &name);
            let entry = MediaEntry {
                stripe,
                name: name.into_boxed_str(),
                state,
            };
            Some((stripe, file.mirror.unwrap_or(0), entry))
        })
        .collect();
    entries.sort_by_key(|(stripe, mirror, _)| (*stripe, *mirror));
    match entries.len() {
        0 => Media::Unknown,
        1 if entries.first().is_some_and(|(stripe, ..)| *stripe == 1) => match entries.pop() {
            Some((.., entry)) => Media::One(entry.name, entry.state),
            None => Media::Unknown,
        },
        _ => Media::Many(entries.into_iter().map(|(.., entry)| entry).collect()),
    }
}

fn media_state(file: &MediaFile, name: &str) -> MediaState {
    MediaState {
        kind: device_kind(file.device_type, name),
        present: file.present,
        overwritten: false,
    }
}

/// `device_type`: 2 disk, 5 tape, 6 pipe, 7 virtual, 9 URL, plus 100 for permanent devices.
///
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/backupmediafamily-transact-sql>
fn device_kind(device_type: Option<i32>, name: &str) -> DeviceKind {
    let trimmed = name.trim();
    if trimmed.eq_ignore_ascii_case("nul")
        || trimmed.eq_ignore_ascii_case("nul:")
        || trimmed.eq_ignore_ascii_case(r"\\.\nul")
        || trimmed == "/dev/null"
    {
        return DeviceKind::Nul;
    }
    match device_type.map(|n| n % 100) {
        Some(5) => DeviceKind::Tape,
        Some(6 | 7) => DeviceKind::Virtual,
        Some(9) => DeviceKind::Url,
        Some(_) => DeviceKind::Disk,
        None if is_url(trimmed) => DeviceKind::Url,
        None => DeviceKind::Disk,
    }
}

/// Whether a device name is a URL, which means the same on every machine.
pub(super) fn is_url(name: &str) -> bool {
    let begins_with = |scheme: &&str| {
        let start = name.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    ["http://", "https://", "s3://"].iter().any(begins_with)
}

fn largest_stripe(files: &[MediaFile]) -> u8 {
    files
        .iter()
        .filter_map(|file| file.family_sequence_number)
        .filter_map(|n| u8::try_from(n).ok())
        .max()
        .unwrap_or(1)
}

/// The row in words, for notes.
fn example_of(record: &BackupRecord) -> String {
    match (record.backup_set_id, record.backup_set_uuid) {
        (Some(id), _) => format!("backup_set_id {id}"),
        (None, Some(uuid)) => format!("backup_set_uuid {uuid}"),
        (None, None) => match record.backup_start_date {
            Some(start) => format!("the row of {start}"),
            None => "a row without id and time".to_owned(),
        },
    }
}

/// A uuid for a row that has none: the same row always gets the same one.
fn made_up(record: &BackupRecord) -> Uuid {
    let mut halves = [0_u64; 2];
    for (salt, half) in halves.iter_mut().enumerate() {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325 ^ salt as u64);
        record.database_name.hash(&mut hasher);
        record.server_name.hash(&mut hasher);
        record.backup_set_id.hash(&mut hasher);
        record.backup_type.hash(&mut hasher);
        record.backup_start_date.hash(&mut hasher);
        record.first_lsn.map(Lsn::decimal).hash(&mut hasher);
        record.last_lsn.map(Lsn::decimal).hash(&mut hasher);
        record.position.hash(&mut hasher);
        *half = hasher.finish();
    }
    let [high, low] = halves;
    uuid::Builder::from_u128((u128::from(high) << 64) | u128::from(low))
        .with_version(uuid::Version::Custom)
        .into_uuid()
}

/// FNV-1a: quick on short keys, and the same in every process.
pub(super) struct Fnv(pub u64);

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
