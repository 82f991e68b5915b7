//! What a set says of itself: from the database as it is, and the log or pages that go into the set.

use super::{
    container::{SetFile, SetHeader, SetKind},
    options::{BackupRequest, naive_from_datetime},
    take::Begun,
};
use crate::practice::engine::{Engine, EngineOptions, FileKind, LogRecord, UserAccess};
use chrono::{NaiveDateTime, TimeDelta, Timelike as _};

/// What the records of a log backup say together.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogEnd {
    newest_commit: Option<i64>,
    bulk: bool,
}

impl LogEnd {
    /// Takes a record in.
    pub fn see(&mut self, record: &LogRecord) {
        if !record.payload.is_empty() {
            self.newest_commit = self.newest_commit.max(Some(record.time.local));
        }
        self.bulk |= record.bulk;
    }
}

/// The header of a set, but for how it lies on the media.
pub fn header(
    engine: &mut Engine,
    request: &BackupRequest,
    begun: &Begun,
    payload: &[u8],
    log: Option<LogEnd>,
) -> SetHeader {
    let uuid = engine.store.new_guid();
    let clock = engine.clock;
    let options = &engine.options;
    let start = whole_second(clock.local(begun.started).0);
    let now = clock.now();
    let consistent_at = engine.commit_time().local;
    let zone = i16::try_from(clock.zone().offset_at(begun.started).minutes() / 15).unwrap_or(127);
    // A data backup has everything up to its end: shown rounded up, so that no moment before it is promised.
    let finish = match request.kind {
        SetKind::Log => whole_second(clock.local(now).0),
        SetKind::Full | SetKind::Differential => next_second(clock.local(now).0),
    };
    let empty = SetHeader {
        uuid,
        kind: request.kind,
        name: request.name.clone(),
        description: request.description.clone(),
        position: 1,
        expires: request.expires.as_ref().and_then(|e| e.from(start)),
        user: request.user.clone(),
        server: options.server_name.clone(),
        machine: options.machine_name.clone(),
        database: request.database.clone(),
        database_version: EngineOptions::DATABASE_VERSION,
        database_created: start,
        software: EngineOptions::VERSION,
        time_zone: zone,
        start,
        finish,
        consistent_at,
        first_lsn: begun.checkpoint,
        last_lsn: begun.checkpoint,
        checkpoint_lsn: begun.checkpoint,
        database_backup_lsn: None,
        compatibility_level: 160,
        collation: String::new(),
        recovery_model: String::new(),
        family_guid: uuid,
        database_guid: uuid,
        first_fork: uuid,
        last_fork: uuid,
        fork_point: None,
        differential_base_lsn: None,
        differential_base_guid: None,
        differential_base_time: None,
        is_copy_only: request.copy_only,
        has_checksums: request.checksum.unwrap_or(options.checksum_default),
        begins_log_chain: false,
        has_bulk_logged: false,
        is_read_only: false,
        is_single_user: false,
        is_force_offline: request.norecovery,
        compressed: false,
        last_valid_restore_time: None,
        size: payload.len() as u64,
        compressed_size: payload.len() as u64,
        files: Vec::new(),
        encryption: None,
    };
    let Some(database) = engine.store.database(begun.database) else {
        return empty;
    };
    let facts = &database.facts;
    let is_log = request.kind == SetKind::Log;
    let first_lsn = if is_log {
        facts.last_log_backup_lsn.unwrap_or(begun.checkpoint)
    } else {
        begun.checkpoint
    };
    let forked = is_log && facts.first_recovery_fork_guid != facts.recovery_fork_guid;
    let base = facts
        .differential_base
        .as_ref()
        .filter(|_| request.kind == SetKind::Differential);
    let pages = i64::try_from(payload.len().div_ceil(8192)).unwrap_or(0);
    SetHeader {
        database: facts.name.clone(),
        database_created: facts.created,
        first_lsn,
        last_lsn: facts.log_position,
        checkpoint_lsn: if is_log {
            facts.database_backup_lsn.unwrap_or(first_lsn)
        } else {
            begun.checkpoint
        },
        database_backup_lsn: facts.database_backup_lsn,
        compatibility_level: facts.compatibility_level,
        collation: facts.collation.clone(),
        recovery_model: facts.recovery_model.history_name().to_owned(),
        family_guid: facts.family_guid,
        database_guid: facts.database_guid,
        first_fork: if is_log {
            facts.first_recovery_fork_guid
        } else {
            facts.recovery_fork_guid
        },
        last_fork: facts.recovery_fork_guid,
        fork_point: facts.fork_point.filter(|_| forked),
        differential_base_lsn: base.map(|b| b.lsn),
        differential_base_guid: base.map(|b| b.guid),
        differential_base_time: base.map(|b| b.time),
        begins_log_chain: is_log && facts.begins_log_chain,
        has_bulk_logged: log.is_some_and(|l| l.bulk),
        is_read_only: facts.read_only,
        is_single_user: facts.user_access == UserAccess::Single,
        last_valid_restore_time: log
            .and_then(|l| l.newest_commit)
            .map(|units| whole_second(naive_from_datetime(units))),
        files: facts
            .files
            .iter()
            .map(|file| {
                let log_file = file.kind == FileKind::Log;
                SetFile {
                    file_id: file.file_id,
                    file_guid: file.file_guid,
                    is_log: log_file,
                    logical_name: file.logical_name.clone(),
                    physical_name: file.physical_name.clone(),
                    size_pages: file.size_pages,
                    max_size_pages: file.max_size_pages,
                    growth_pages: file.growth_pages,
                    backed_up_pages: match (is_log, log_file) {
                        (true, true) | (false, false) => pages,
                        (true, false) => 0,
                        // The log that makes a data backup consistent.
                        (false, true) => 2,
                    },
                    is_present: !is_log || log_file,
                }
            })
            .collect(),
        ..empty
    }
}

/// msdb keeps whole seconds.
fn whole_second(time: NaiveDateTime) -> NaiveDateTime {
    time.with_nanosecond(0).unwrap_or(time)
}

fn next_second(time: NaiveDateTime) -> NaiveDateTime {
    if time.nanosecond() == 0 {
        time
    } else {
        whole_second(time) + TimeDelta::seconds(1)
    }
}
