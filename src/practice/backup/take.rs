//! `BACKUP`: what is allowed, what goes into the set, and what changes in the database by it.

use super::{
    allowed::check_allowed,
    container::{self, SetHeader, SetKind},
    encryption,
    header::{LogEnd, header},
    history, media,
    options::BackupRequest,
};
use crate::{
    domain::UtcTime,
    practice::{
        engine::{
            ClockMode, DatabaseId, DatabaseState, Engine, LogPosition, RecoveryModel, SessionId,
            database::{DifferentialBase, RestoreProgress},
            image,
            paths::OsError,
            store::no_such_database,
        },
        reply::Message,
    },
};

/// 100 MB a second: the speed of the pretended devices.
pub const BYTES_PER_SECOND: f64 = 100e6;

/// A backup that has begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Begun {
    pub database: DatabaseId,
    pub started: UtcTime,
    /// The checkpoint that a data backup writes first.
    pub checkpoint: LogPosition,
    /// The log began to be kept with this backup, and is given up again when it fails.
    pub began_log: bool,
    /// How long it takes at the server's pace.
    pub expected_seconds: f64,
    /// Said before anything else: 33091.
    pub warning: Option<Message>,
}

/// What a backup says at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    pub header: SetHeader,
    /// File name and pages, in the order in which they are reported.
    pub pages: Vec<(String, i64)>,
}

/// The name of the statement in messages.
pub fn verb(kind: SetKind) -> &'static str {
    match kind {
        SetKind::Full => "BACKUP DATABASE",
        SetKind::Differential => "BACKUP DATABASE WITH DIFFERENTIAL",
        SetKind::Log => "BACKUP LOG",
    }
}

/// The same in 3013, which does not tell a differential.
pub fn plain_verb(kind: SetKind) -> &'static str {
    match kind {
        SetKind::Full | SetKind::Differential => "BACKUP DATABASE",
        SetKind::Log => "BACKUP LOG",
    }
}

/// What a backup of nothing takes in simulated time.
const SIMULATED_SECONDS: f64 = 1.0;

/// Takes a whole backup at once, at the time that the clock shows.
pub fn backup_now(engine: &mut Engine, request: &BackupRequest) -> Result<Finished, Vec<Message>> {
    let begun = begin(engine, crate::practice::engine::SERVER, request)?;
    match finish(engine, request, &begun) {
        Ok(finished) => Ok(finished),
        Err(messages) => {
            give_up(engine, &begun);
            Err(messages)
        }
    }
}

/// Checks everything that can be checked before the first byte, and writes the checkpoint.
pub fn begin(
    engine: &mut Engine,
    session: SessionId,
    request: &BackupRequest,
) -> Result<Begun, Vec<Message>> {
    let name = &request.database;
    let Some(id) = engine.store.find(name) else {
        return Err(vec![no_such_database(name)]);
    };
    check_allowed(engine, session, id, request).map_err(|m| vec![m])?;
    let asked = request.encryption.as_ref();
    let warning = match asked.map(|asked| encryption::check(engine, asked)) {
        Some(checked) => checked.map_err(|m| vec![m])?,
        None => None,
    };
    media::prepare(engine, request)?;
    let now = engine.commit_time();
    let started = engine.clock.now();
    let mut begun = Begun {
        database: id,
        started,
        checkpoint: LogPosition::FIRST,
        began_log: false,
        expected_seconds: 0.0,
        warning,
    };
    let bytes = match request.kind {
        SetKind::Full => engine.store.page_bytes(id).map_err(|m| vec![m])?,
        // How much changed is known only at the end; a fifth is usual.
        SetKind::Differential => engine.store.page_bytes(id).map_err(|m| vec![m])? / 5,
        SetKind::Log => engine.store.database(id).map_or(0, |d| d.log.bytes()),
    };
    begun.expected_seconds =
        (bytes as f64 * engine.options.pace / BYTES_PER_SECOND).max(engine.options.least_seconds);
    if matches!(engine.clock.mode(), ClockMode::Simulated { .. }) {
        // Without a pace too a backup takes a second or two, as small ones do: the history shows a speed.
        begun.expected_seconds += SIMULATED_SECONDS;
    }
    if request.kind != SetKind::Log {
        let starts = engine
            .store
            .database(id)
            .is_some_and(|d| d.recovery_model != RecoveryModel::Simple && d.log_start.is_none());
        let position = engine
            .store
            .database(id)
            .map_or(LogPosition::FIRST, |d| d.log_position);
        if starts
            && !request.copy_only
            && let Some(database) = engine.store.database_mut(id)
        {
            // Everything from this checkpoint on has to be in the first log backup.
            database.facts.log_start = Some(position);
            begun.began_log = true;
        }
        begun.checkpoint = engine.store.checkpoint(id, now);
    }
    Ok(begun)
}

/// The database goes on as if the backup had never begun.
pub fn give_up(engine: &mut Engine, begun: &Begun) {
    if begun.began_log
        && let Some(database) = engine.store.database_mut(begun.database)
        && database.facts.last_log_backup_lsn.is_none()
    {
        database.facts.log_start = None;
        database.log.clear();
    }
}

/// Takes the pages or records, writes the set, and moves the database's own marks.
pub fn finish(
    engine: &mut Engine,
    request: &BackupRequest,
    begun: &Begun,
) -> Result<Finished, Vec<Message>> {
    let id = begun.database;
    if engine.store.writer().is_some() {
        // The image would hold what may yet be rolled back.
        return Err(vec![
            Message::error(1222, "Lock request time out period exceeded.").with_state(51),
        ]);
    }
    let target = media::prepare(engine, request)?;
    let mut new_base = None;
    let (payload, records_end) = match request.kind {
        SetKind::Full => {
            let pages = engine.store.image(id).map_err(|m| vec![m])?;
            new_base = (!request.copy_only).then(|| image::hashes(&pages));
            (pages, None)
        }
        SetKind::Differential => {
            let pages = engine.store.image(id).map_err(|m| vec![m])?;
            let base = engine
                .store
                .database(id)
                .and_then(|d| d.base_pages.as_deref())
                .unwrap_or_default();
            (image::difference(base, &pages), None)
        }
        SetKind::Log => {
            let Some(database) = engine.store.database(id) else {
                return Err(vec![no_such_database(&request.database)]);
            };
            let start = database.last_log_backup_lsn.unwrap_or(LogPosition::FIRST);
            let mut payload = Vec::new();
            let mut end = LogEnd::default();
            for record in database.log.since(start) {
                record.encode(&mut payload);
                end.see(record);
            }
            (payload, Some(end))
        }
    };
    let mut header = header(engine, request, begun, &payload, records_end);
    let encrypted = encryption::begin(engine, request, header.uuid).map_err(|m| vec![m])?;
    let (encryption, cipher) = encrypted.unzip();
    let families = target.paths.len();
    let blocks = container::cut(&payload, families, target.compress, cipher.as_ref());
    header.encryption = encryption;
    header.position = target.position;
    header.compressed = target.compress;
    header.compressed_size = blocks.bytes;
    if let Some(space) = engine.options.device_space {
        let Some(left) = space.checked_sub(blocks.bytes) else {
            let device = request.devices.first().map_or("", String::as_str);
            return Err(vec![Message::error(
                3202,
                format!("Write on \"{device}\" failed: {}", OsError::DISK_FULL),
            )]);
        };
        engine.options.device_space = Some(left);
    }
    if let Some(device) = request
        .devices
        .iter()
        .find(|device| engine.paths.broken_at(device) == Some(OsError::DISK_FULL))
    {
        return Err(vec![Message::error(
            3202,
            format!("Write on \"{device}\" failed: {}", OsError::DISK_FULL),
        )]);
    }
    let families = target.paths.iter().zip(&target.media).zip(&request.devices);
    for (number, ((path, media), device)) in families.enumerate() {
        let Some(path) = path else { continue };
        let family = container::Family {
            path,
            number,
            media,
            place: target.place,
        };
        let mut written = container::write_set(&family, &header, &blocks);
        if written.is_ok() && engine.paths.is_spoiled(device) {
            written = container::spoil_last_set(path);
        }
        written.map_err(|error| {
            vec![Message::error(
                3202,
                format!("Write on \"{device}\" failed: {}", OsError::from_io(&error)),
            )]
        })?;
    }
    for (path, media) in target.paths.iter().zip(&target.media) {
        if let Some(path) = path {
            media::note_written(engine, path, media, &header);
        }
    }
    let hashes_changed = new_base.is_some();
    apply(engine, request, begun, &header, new_base);
    engine.store.save_facts(id).map_err(|m| vec![m])?;
    if hashes_changed {
        engine.store.save_base_pages(id).map_err(|m| vec![m])?;
    }
    let devices: Vec<_> = request.devices.iter().cloned().zip(target.media).collect();
    history::record_set(engine, &devices, &header).map_err(|m| {
        vec![
            m,
            Message::error(3009, "Could not insert a backup or restore history/detail record in the msdb database. This may indicate a problem with the msdb database. The backup/restore operation was still successful."),
        ]
    })?;
    let pages = header
        .files
        .iter()
        .filter(|f| f.is_present)
        .map(|f| (f.logical_name.clone(), f.backed_up_pages))
        .collect();
    Ok(Finished { header, pages })
}

/// What a successful backup changes in the database.
fn apply(
    engine: &mut Engine,
    request: &BackupRequest,
    begun: &Begun,
    header: &SetHeader,
    new_base: Option<Vec<u64>>,
) {
    let Some(database) = engine.store.database_mut(begun.database) else {
        return;
    };
    match request.kind {
        SetKind::Full | SetKind::Differential => {
            if let Some(hashes) = new_base {
                database.base_pages = Some(hashes);
                database.facts.differential_base = Some(DifferentialBase {
                    lsn: header.checkpoint_lsn,
                    guid: header.uuid,
                    time: header.start,
                });
                database.facts.database_backup_lsn = Some(header.checkpoint_lsn);
            }
            if database.facts.last_log_backup_lsn.is_none() && !request.copy_only {
                database.facts.last_log_backup_lsn = database.facts.log_start;
            }
        }
        SetKind::Log if !request.copy_only => {
            database.log.truncate_before(header.last_lsn);
            database.facts.log_start = Some(header.last_lsn);
            database.facts.last_log_backup_lsn = Some(header.last_lsn);
            database.facts.first_recovery_fork_guid = database.facts.recovery_fork_guid;
            database.facts.fork_point = None;
            database.facts.begins_log_chain = false;
        }
        SetKind::Log => {}
    }
    if request.norecovery {
        let facts = &mut database.facts;
        facts.state = DatabaseState::Restoring;
        facts.restore = Some(RestoreProgress {
            redo_start: header.last_lsn,
            redo_fork: facts.recovery_fork_guid,
            base_set: uuid::Uuid::nil(),
            newest_commit: Some(header.consistent_at),
            stopped_at: None,
            recovery_model: facts.recovery_model,
            log_start: header.last_lsn,
            log_fork: facts.recovery_fork_guid,
        });
        database.single_user_session = None;
    }
}
