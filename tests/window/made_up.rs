//! A made-up history: a full backup at midnight, a differential every six hours, a log every fifteen minutes.

use chrono::{DateTime, TimeDelta};
use stopat::domain::{
    BackupRecord, DatabaseFile, HistoryRecords, Lsn, MediaFile, RecordedServer, ServerTime, UtcTime,
};
use uuid::Uuid;

/// 22 Nov 2026 12:41:07 UTC, which a clock two hours ahead shows as 14:41:07.
pub const NOW: i64 = 1_795_351_267;

/// Minutes ahead of UTC.
pub const OFFSET: i32 = 120;

/// How a history is made up.
#[derive(Clone, Debug)]
pub struct MadeUp {
    pub database: String,
    pub days: i64,
    /// Seconds between log backups.
    pub log_every: i64,
    /// The log backup that starts at this local time is missing, as `mm-dd HH:MM`.
    pub without_log: Option<&'static str>,
}

impl MadeUp {
    /// Its records, in order of their start.
    pub fn records(&self) -> HistoryRecords {
        let mut random = fastrand::Rng::with_seed(7);
        let local_now = NOW + i64::from(OFFSET) * 60;
        let begin = (local_now / 86_400 - self.days + 1) * 86_400;
        let mut sets = Vec::new();
        let mut media = 0;
        let mut base: Option<(Uuid, Lsn)> = None;
        let mut log_from = lsn(begin, begin, 0);
        let mut at = begin;
        while at < local_now {
            let of_day = at.rem_euclid(86_400);
            if of_day == 0 {
                media += 1;
                let day = (at - begin) / 86_400;
                let length = 3100 + random.i64(0..120);
                let mut set = self.set(at, length, 'D', media);
                let first = lsn(begin, at, 1);
                set.first_lsn = Some(first);
                set.checkpoint_lsn = Some(first);
                set.last_lsn = Some(lsn(begin, at + length, 2));
                set.backup_size = Some(41_000_000_000 + day as u64 * 50_000_000);
                set.compressed_backup_size =
                    Some(11_200_000_000 + (day.rem_euclid(9)) as u64 * 40_000_000);
                base = set.backup_set_uuid.zip(set.checkpoint_lsn);
                if at + length < local_now {
                    sets.push(set);
                }
            } else if of_day % 21_600 == 0
                && let Some((guid, checkpoint)) = base
            {
                media += 1;
                let grown = (of_day / 21_600) as u64;
                let length = 60 + 40 * grown as i64;
                let mut set = self.set(at, length, 'I', media);
                set.first_lsn = Some(lsn(begin, at, 1));
                set.checkpoint_lsn = set.first_lsn;
                set.last_lsn = Some(lsn(begin, at + length, 2));
                set.differential_base_guid = Some(guid);
                set.differential_base_lsn = Some(checkpoint);
                set.database_backup_lsn = Some(checkpoint);
                set.backup_size = Some(2_100_000_000 * grown);
                set.compressed_backup_size = Some(700_000_000 * grown);
                sets.push(set);
            }
            if at % self.log_every == 0 && at > begin {
                let missing = self
                    .without_log
                    .is_some_and(|text| time(at).0.format("%m-%d %H:%M").to_string() == text);
                let to = lsn(begin, at, 5);
                media += 1;
                if !missing {
                    let mut set = self.set(at, 2, 'L', media);
                    set.first_lsn = Some(log_from);
                    set.last_lsn = Some(to);
                    let busy = if (8 * 3600..19 * 3600).contains(&of_day) {
                        2
                    } else {
                        1
                    };
                    set.backup_size = Some(busy * random.u64(9_000_000..24_000_000));
                    set.compressed_backup_size = set.backup_size.map(|bytes| bytes * 3 / 10);
                    sets.push(set);
                }
                log_from = to;
            }
            at += self.log_every.min(900);
        }
        HistoryRecords {
            server: RecordedServer {
                name: Some("PRACTICE".to_owned()),
                utc_offset_minutes: Some(OFFSET),
                collation: None,
            },
            backup_sets: sets,
            ..HistoryRecords::default()
        }
    }

    fn set(&self, at: i64, length: i64, letter: char, media: i64) -> BackupRecord {
        let (folder, word, extension) = match letter {
            'D' => ("full", "full", "bak"),
            'I' => ("diff", "diff", "bak"),
            _ => ("log", "log", "trn"),
        };
        let stamp = time(at).0.format("%Y%m%d_%H%M%S");
        let database = &self.database;
        let fork = Some(Uuid::from_u128(0xf0));
        BackupRecord {
            backup_set_id: Some(media),
            backup_set_uuid: Some(Uuid::from_u128(0x5e7_0000_0000 + media as u128)),
            media_set_id: Some(media),
            position: Some(1),
            database_name: Some(database.clone()),
            server_name: Some("PRACTICE".to_owned()),
            machine_name: Some("PRACTICE".to_owned()),
            backup_type: Some(letter.to_string()),
            backup_start_date: Some(time(at)),
            backup_finish_date: Some(time(at + length)),
            time_zone: Some(OFFSET / 15),
            first_recovery_fork_guid: fork,
            last_recovery_fork_guid: fork,
            family_guid: Some(Uuid::from_u128(0xfa)),
            database_guid: Some(Uuid::from_u128(0xdb)),
            recovery_model: Some("FULL".to_owned()),
            has_backup_checksums: Some(true),
            software_major_version: Some(16),
            media_family_count: Some(1),
            mirror_count: Some(1),
            media_files: vec![MediaFile {
                family_sequence_number: Some(1),
                mirror: Some(0),
                physical_device_name: Some(format!(
                    r"\\backup-server\octopus\{folder}\{database}_{word}_{stamp}.{extension}"
                )),
                device_type: Some(2),
                present: None,
            }],
            files: [("", "D", "mdf"), ("_log", "L", "ldf")]
                .into_iter()
                .enumerate()
                .map(|(number, (suffix, file_type, extension))| DatabaseFile {
                    file_number: Some(number as i64 + 1),
                    logical_name: Some(format!("{database}{suffix}")),
                    physical_name: Some(format!(r"D:\Data\{database}{suffix}.{extension}")),
                    file_type: Some(file_type.to_owned()),
                    file_size: Some(41_800_000_000),
                    is_present: Some(true),
                    ..DatabaseFile::default()
                })
                .collect(),
            ..BackupRecord::default()
        }
    }
}

/// Own time now.
pub fn now() -> UtcTime {
    UtcTime(DateTime::from_timestamp(NOW, 0).expect("a time that calendars hold"))
}

/// A local time from seconds.
fn time(local: i64) -> ServerTime {
    ServerTime(DateTime::UNIX_EPOCH.naive_utc() + TimeDelta::seconds(local))
}

/// Grows with time; `slot` orders what happens in one second.
fn lsn(begin: i64, at: i64, slot: u16) -> Lsn {
    let block = u32::try_from(at - begin + 1000).expect("a history of less than a century");
    Lsn::from_parts(40, block, slot)
}
