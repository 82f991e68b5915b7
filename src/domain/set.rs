//! A backup set after judging: right by construction, and small, because there may be a million.
//!
//! What many sets have in common is kept once ([`Origin`], [`Lineage`], [`FileList`]).

use super::{
    BackupType, DatabaseFile, Device, Lsn, Moment, ServerTime, UtcOffset, UtcTime,
    clock::from_seconds,
};
use chrono::NaiveDate;
use std::sync::Arc;
use uuid::Uuid;

/// One backup set that can be placed on the timeline.
///
/// Whether it can be restored is another question: see [`BackupSet::trouble`].
#[derive(Clone, Debug)]
pub struct BackupSet {
    /// Names the backup anywhere; made up from the row when the row had none.
    pub uuid: Uuid,
    /// The oldest log record in the set.
    pub first_lsn: Lsn,
    /// The record after the last one in the set: an exclusive end.
    pub last_lsn: Lsn,
    /// What only this type of backup has.
    pub role: Role,
    /// Who took it, of what.
    pub origin: Arc<Origin>,
    /// Where in the database's past it belongs.
    pub lineage: Arc<Lineage>,
    /// The files of the database then; `None` is unknown.
    pub files: Option<Arc<FileList>>,
    /// The `NAME` option.
    pub name: Option<Arc<str>>,
    pub(super) media: Media,
    pub(super) backup_set_id: i64,
    pub(super) media_set_id: i64,
    pub(super) backup_size: u64,
    pub(super) compressed_size: u64,
    /// Seconds since 1970 at which it started, on the axis of the history's clock.
    pub(super) start: i64,
    pub(super) length_secs: i32,
    /// Minutes ahead of UTC that the history's clock shows at start and finish.
    pub(super) start_offset: i16,
    pub(super) finish_offset: i16,
    /// What the row said; `UNKNOWN_ZONE` for nothing.
    pub(super) zone: i16,
    pub(super) flags: u16,
    pub(super) family_count: u8,
    /// `FILE = n`.
    pub position: i32,
    /// The latest `STOPAT` that the server guarantees inside a log backup (2022 and later); shown, never decided on.
    pub last_valid_restore_time: Option<ServerTime>,
    pub(super) trouble: Option<Trouble>,
}

pub(super) const UNKNOWN: u64 = u64::MAX;
pub(super) const UNKNOWN_ID: i64 = i64::MIN;
pub(super) const UNKNOWN_ZONE: i16 = i16::MAX;

pub(super) mod flag {
    pub const COPY_ONLY: u16 = 1;
    pub const DAMAGED: u16 = 2;
    pub const BULK_LOGGED: u16 = 4;
    pub const SNAPSHOT: u16 = 8;
    pub const BEGINS_CHAIN: u16 = 16;
    pub const READ_ONLY: u16 = 32;
    pub const CHECKSUMS: u16 = 64;
    pub const FORCE_OFFLINE: u16 = 128;
    pub const INCOMPLETE_METADATA: u16 = 256;
    pub const NO_LSN: u16 = 512;
    pub const OVERWRITTEN: u16 = 1024;
    pub const GUESSED: u16 = 2048;
    pub const PROBE: u16 = 4096;
}

/// What a set is for, with the numbers that only this type has.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// A full backup.
    Full(Box<FullFacts>),
    /// A differential backup.
    Differential(Box<DifferentialFacts>),
    /// A log backup; its place in the chain is `first_lsn`, `last_lsn` and the lineage.
    Log,
    /// A backup of files, filegroups or parts: shown, and never part of a plan.
    Part(BackupType),
}

/// What only a full backup has.
#[derive(Clone, Debug, PartialEq)]
pub struct FullFacts {
    /// Where redo of this backup begins; differentials name their base by it.
    pub checkpoint_lsn: Option<Lsn>,
}

/// How a differential names its base, the surest first.
#[derive(Clone, Debug, PartialEq)]
pub struct DifferentialFacts {
    /// `backup_set_uuid` of the base.
    pub base_guid: Option<Uuid>,
    /// `checkpoint_lsn` of the base.
    pub base_lsn: Option<Lsn>,
    /// `checkpoint_lsn` of the latest conventional full backup.
    pub database_backup_lsn: Option<Lsn>,
}

/// Who took a backup, of which database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The name of the database when it was backed up.
    pub database_name: Option<String>,
    /// The instance that took it.
    pub server_name: Option<String>,
    /// The host of that instance.
    pub machine_name: Option<String>,
    /// The login that took it.
    pub user_name: Option<String>,
    /// `FULL`, `BULK-LOGGED` or `SIMPLE`.
    pub recovery_model: Option<String>,
    /// Names one database over its life, but a new one after each restore.
    pub database_guid: Option<Uuid>,
    /// When the database was created.
    pub database_creation_date: Option<ServerTime>,
    /// 16 is SQL Server 2022.
    pub software_major_version: Option<i32>,
    /// The internal version of the database.
    pub database_version: Option<i32>,
    /// 160 is SQL Server 2022.
    pub compatibility_level: Option<i32>,
    /// The algorithm of an encrypted backup.
    pub key_algorithm: Option<String>,
    /// `CERTIFICATE` or `ASYMMETRIC KEY`.
    pub encryptor_type: Option<String>,
    /// Which certificate or key, in hex.
    pub encryptor_thumbprint: Option<String>,
}

/// Where in the database's past a set belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lineage {
    /// The original database; it survives restores and renames.
    pub family: Option<Uuid>,
    /// The recovery fork at the start of the set.
    pub first_fork: Option<Uuid>,
    /// The recovery fork at its end.
    pub last_fork: Option<Uuid>,
    /// Where the forks part; only when they differ.
    pub fork_point: Option<Lsn>,
}

/// The files of a database as one set lists them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileList {
    /// In order of file number.
    pub files: Vec<DatabaseFile>,
}

/// The devices of a set.
#[derive(Clone, Debug)]
pub(super) enum Media {
    Unknown,
    One(Box<str>, MediaState),
    Many(Box<[MediaEntry]>),
}

/// One stripe or mirror.
#[derive(Clone, Debug)]
pub(super) struct MediaEntry {
    pub stripe: u8,
    pub name: Box<str>,
    pub state: MediaState,
}

/// What is known of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MediaState {
    pub kind: DeviceKind,
    pub present: Option<bool>,
    pub overwritten: bool,
}

/// `device_type` of `backupmediafamily`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeviceKind {
    Disk,
    Url,
    Tape,
    /// A virtual device or a pipe: only the product that wrote it can read it.
    Virtual,
    /// `NUL`: nobody can read it.
    Nul,
}

/// Why a set cannot be restored, although its row is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The backup found damage and went on.
    Damaged,
    /// A snapshot, which `RESTORE` cannot read.
    Snapshot,
    /// On a virtual device of another product.
    VirtualDevice,
    /// Written to `NUL`.
    WrittenToNul,
    /// This stripe, from 1, has no mirror left.
    StripeMissing(u8),
    /// A later backup overwrote the media.
    Overwritten,
    /// The row has no log sequence numbers.
    NoLsn,
    /// Retention deleted its file.
    Deleted {
        /// The day, on the server's clock.
        on: NaiveDate,
    },
    /// The user asked to plan without it.
    TreatedAsLost,
}

impl BackupSet {
    /// The letter of the type, as an enum.
    pub fn kind(&self) -> BackupType {
        match self.role {
            Role::Full(_) => BackupType::Full,
            Role::Differential(_) => BackupType::Differential,
            Role::Log => BackupType::Log,
            Role::Part(kind) => kind,
        }
    }

    /// When the backup started, to the second below.
    pub fn start(&self) -> Moment {
        moment(self.start, self.start_offset)
    }

    /// When the backup finished, to the second below; it may really lie up to a second later.
    pub fn finish(&self) -> Moment {
        moment(self.finish_second(), self.finish_offset)
    }

    pub(super) fn finish_second(&self) -> i64 {
        self.start + i64::from(self.length_secs)
    }

    /// How long it took, in whole seconds.
    pub fn seconds(&self) -> i64 {
        i64::from(self.length_secs)
    }

    /// `backup_set_id` in the msdb that reported it.
    pub fn backup_set_id(&self) -> Option<i64> {
        (self.backup_set_id != UNKNOWN_ID).then_some(self.backup_set_id)
    }

    /// Bytes to read: the compressed size, else the size before compression.
    pub fn bytes(&self) -> Option<u64> {
        self.compressed_size().or(self.backup_size())
    }

    /// Bytes before compression.
    pub fn backup_size(&self) -> Option<u64> {
        (self.backup_size != UNKNOWN).then_some(self.backup_size)
    }

    /// Bytes on the media.
    pub fn compressed_size(&self) -> Option<u64> {
        (self.compressed_size != UNKNOWN).then_some(self.compressed_size)
    }

    /// Taken with `COPY_ONLY`: no differential builds on it, and the regular log chain ignores it.
    pub fn is_copy_only(&self) -> bool {
        self.has(flag::COPY_ONLY)
    }

    /// Whether the backup found damage and went on.
    pub fn is_damaged(&self) -> bool {
        self.has(flag::DAMAGED)
    }

    /// Whether a log backup holds minimally logged work, so that no `STOPAT` can land in it.
    pub fn has_bulk_logged_data(&self) -> bool {
        self.has(flag::BULK_LOGGED)
    }

    /// Taken by a snapshot product.
    pub fn is_snapshot(&self) -> bool {
        self.has(flag::SNAPSHOT)
    }

    /// The first log backup after the database was created or left the simple model.
    pub fn begins_log_chain(&self) -> bool {
        self.has(flag::BEGINS_CHAIN)
    }

    /// Whether the database was read-only then.
    pub fn is_read_only(&self) -> bool {
        self.has(flag::READ_ONLY)
    }

    /// Taken with `CHECKSUM`.
    pub fn has_checksums(&self) -> bool {
        self.has(flag::CHECKSUMS)
    }

    /// A log backup that holds the end of one recovery fork and the beginning of another.
    pub fn crosses(&self) -> bool {
        matches!(self.role, Role::Log) && self.lineage.first_fork != self.lineage.last_fork
    }

    /// A tail-log backup taken with `NORECOVERY`.
    pub fn is_force_offline(&self) -> bool {
        self.has(flag::FORCE_OFFLINE)
    }

    /// A tail-log backup of a damaged database, with incomplete metadata.
    pub fn has_incomplete_metadata(&self) -> bool {
        self.has(flag::INCOMPLETE_METADATA)
    }

    /// Whether something that decides what it is for was guessed from its file.
    pub fn is_guessed(&self) -> bool {
        self.flags & flag::GUESSED != 0
    }

    /// A small copy-only backup of `model` that stopat wrote to try a place, and removed: nothing to restore from.
    pub fn is_probe(&self) -> bool {
        self.has(flag::PROBE)
    }

    /// Why it cannot be restored; `None` when nothing speaks against it.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// One device for each stripe in family order, the first mirror that is there; empty when the devices are unknown.
    pub fn devices(&self) -> Vec<Device> {
        self.devices_without(&|_| false)
    }

    /// Every path, URL or name that the set was written to, mirrors included.
    pub fn device_names(&self) -> impl Iterator<Item = &str> {
        self.media.entries().map(|(_, name, _)| name)
    }

    /// How many stripes the set has.
    pub fn n_stripes(&self) -> usize {
        usize::from(self.family_count)
    }

    pub(super) fn devices_without(&self, lost: &dyn Fn(&str) -> bool) -> Vec<Device> {
        let mut devices: Vec<(u8, Device)> = Vec::new();
        for (stripe, name, state) in self.media.entries() {
            let taken = devices.iter().any(|(s, _)| *s == stripe);
            if !taken && state.readable() && !lost(name) {
                let name = name.to_owned();
                devices.push((
                    stripe,
                    match state.kind {
                        DeviceKind::Url => Device::Url(name),
                        DeviceKind::Tape => Device::Tape(name),
                        DeviceKind::Disk | DeviceKind::Virtual | DeviceKind::Nul => {
                            Device::Disk(name)
                        }
                    },
                ));
            }
        }
        devices.sort_by_key(|(stripe, _)| *stripe);
        devices.into_iter().map(|(_, device)| device).collect()
    }

    /// What stands against a restore when the devices in `lost` are gone as well.
    pub(super) fn trouble_without(&self, lost: &dyn Fn(&str) -> bool) -> Option<Trouble> {
        if let Some(Trouble::Deleted { .. }) = self.trouble {
            return self.trouble;
        }
        if self.has(flag::DAMAGED) {
            return Some(Trouble::Damaged);
        }
        if self.has(flag::SNAPSHOT) {
            return Some(Trouble::Snapshot);
        }
        if self.has(flag::NO_LSN) && self.kind() != BackupType::Full {
            return Some(Trouble::NoLsn);
        }
        if matches!(self.media, Media::Unknown) {
            return None;
        }
        let mut overwritten = false;
        let mut stripes = [false; 256];
        for (stripe, name, state) in self.media.entries() {
            match state.kind {
                DeviceKind::Virtual => return Some(Trouble::VirtualDevice),
                DeviceKind::Nul => return Some(Trouble::WrittenToNul),
                DeviceKind::Disk | DeviceKind::Url | DeviceKind::Tape => {}
            }
            overwritten |= state.overwritten;
            if state.readable()
                && !lost(name)
                && let Some(found) = stripes.get_mut(usize::from(stripe))
            {
                *found = true;
            }
        }
        (1..=self.family_count)
            .find(|&stripe| stripes.get(usize::from(stripe)) == Some(&false))
            .map(|stripe| {
                if overwritten {
                    Trouble::Overwritten
                } else {
                    Trouble::StripeMissing(stripe)
                }
            })
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

impl Media {
    /// Stripe, name and state of every stripe and mirror.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u8, &str, MediaState)> {
        let (one, many) = match self {
            Self::Unknown => (None, &[][..]),
            Self::One(name, state) => (Some((1, &**name, *state)), &[][..]),
            Self::Many(entries) => (None, &**entries),
        };
        one.into_iter().chain(
            many.iter()
                .map(|entry| (entry.stripe, &*entry.name, entry.state)),
        )
    }

    pub(super) fn mark_overwritten(&mut self, is_gone: impl Fn(&str) -> bool) {
        match self {
            Self::Unknown => {}
            Self::One(name, state) => {
                if is_gone(name) {
                    state.overwritten = true;
                }
            }
            Self::Many(entries) => {
                for entry in entries {
                    if is_gone(&entry.name) {
                        entry.state.overwritten = true;
                    }
                }
            }
        }
    }
}

impl MediaState {
    fn readable(self) -> bool {
        self.present == Some(true) || (self.present.is_none() && !self.overwritten)
    }
}

fn moment(second: i64, offset_minutes: i16) -> Moment {
    let instant: UtcTime = from_seconds(second);
    let offset = UtcOffset::from_minutes(offset_minutes.into()).unwrap_or(UtcOffset::ZERO);
    Moment {
        server: instant.to_server(offset),
        instant,
    }
}
