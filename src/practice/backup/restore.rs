//! `RESTORE DATABASE` and `RESTORE LOG`: the rules of a restore sequence, and bringing the rows back.
//!
//! <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-transact-sql>; the rules in detail are those
//! of the product, as far as its documentation and its messages tell them.

use super::{
    container::{self, ContainerError, SetHeader, SetKind},
    history::{self, Restored},
    media::{self, OpenSet},
    moves,
    options::{Ending, RestoreRequest},
    take::BYTES_PER_SECOND,
};
use crate::practice::{
    engine::{
        DatabaseId, DatabaseState, Engine, EngineOptions, LogRecord, MASTER, MSDB, RecoveryModel,
        SecondStopAt, SessionId, TEMPDB, UserAccess,
        database::{DifferentialBase, RestoreProgress},
        databases, image,
    },
    reply::Message,
    sql::statement::RestoreWhat,
};

/// A restore whose files were opened and whose rules were checked; the target is `RESTORING`.
pub struct Begun {
    pub database: DatabaseId,
    set: OpenSet,
    header: SetHeader,
    /// How long the bytes take at the server's pace.
    pub expected_seconds: f64,
    /// Files are made first: a full restore.
    pub creates_files: bool,
}

/// What a restore says at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Informational messages before the page counts: 4322.
    pub notes: Vec<Message>,
    /// File name and pages.
    pub pages: Vec<(String, i64)>,
    pub position: i32,
    pub bytes: u64,
    pub recovered: bool,
}

/// The name of the statement in messages.
pub fn verb(what: RestoreWhat) -> &'static str {
    match what {
        RestoreWhat::Database => "RESTORE DATABASE",
        RestoreWhat::Log => "RESTORE LOG",
        RestoreWhat::HeaderOnly => "RESTORE HEADERONLY",
        RestoreWhat::FileListOnly => "RESTORE FILELIST",
        RestoreWhat::LabelOnly => "RESTORE LABELONLY",
        RestoreWhat::VerifyOnly => "VERIFY DATABASE",
    }
}

/// Runs a whole step at once.
pub fn restore_now(
    engine: &mut Engine,
    session: SessionId,
    request: &RestoreRequest,
) -> Result<Finished, Vec<Message>> {
    if request.devices.is_empty() {
        return change_state(engine, session, request);
    }
    let mut begun = begin(engine, session, request)?;
    finish(engine, request, &mut begun)
}

/// `RESTORE DATABASE x WITH RECOVERY` without a backup: 911, 3153, 4333.
pub fn change_state(
    engine: &mut Engine,
    session: SessionId,
    request: &RestoreRequest,
) -> Result<Finished, Vec<Message>> {
    let name = &request.database;
    let Some(id) = engine.store.find(name) else {
        return Err(vec![crate::practice::engine::store::no_such_database(name)]);
    };
    let Some(database) = engine.store.database(id) else {
        return Err(vec![crate::practice::engine::store::no_such_database(name)]);
    };
    if database.state != DatabaseState::Restoring {
        return Err(vec![Message::error(
            3153,
            "The database is already fully recovered.",
        )]);
    }
    if database.restore.is_none() {
        return Err(vec![Message::error(
            4333,
            "The database cannot be recovered because the log was not restored.",
        )]);
    }
    check_exclusive(engine, session, id, "RESTORE").map_err(|m| vec![m])?;
    let recovered = request.ending == Ending::Recovery;
    end_step(engine, id, request, true)?;
    Ok(Finished {
        notes: Vec::new(),
        pages: Vec::new(),
        position: 1,
        bytes: 0,
        recovered,
    })
}

/// Opens the media, checks every rule, and puts the target into `RESTORING`.
pub fn begin(
    engine: &mut Engine,
    session: SessionId,
    request: &RestoreRequest,
) -> Result<Begun, Vec<Message>> {
    let target = engine.store.find(&request.database);
    check_system(request, target).map_err(|m| vec![m])?;
    let set = media::open_set(engine, &request.devices, request.position.unwrap_or(1))?;
    let Some(header) = set.header().cloned() else {
        return Err(vec![Message::error(
            3143,
            "The data set on the device is not a SQL Server backup set.",
        )]);
    };
    check_set(request, &set, &header).map_err(|m| vec![m])?;
    let bytes = match header.kind {
        SetKind::Full => header
            .files
            .iter()
            .filter(|f| !f.is_log)
            .map(|f| f.size_pages * 8192)
            .sum::<i64>() as f64,
        SetKind::Differential | SetKind::Log => header.size as f64,
    };
    // Pages that are empty are written as well, but only the content grows with the pace.
    let moving = if header.kind == SetKind::Full {
        bytes.min(header.size as f64)
    } else {
        bytes
    };
    let expected_seconds = moving * engine.options.pace / BYTES_PER_SECOND;
    let database = match header.kind {
        SetKind::Full => begin_full(engine, session, request, &header, target)?,
        SetKind::Differential => {
            let id = check_target(engine, session, request, target).map_err(|m| vec![m])?;
            check_differential(engine, id, &header).map_err(|m| vec![m])?;
            id
        }
        SetKind::Log => {
            let id = check_target(engine, session, request, target).map_err(|m| vec![m])?;
            check_log(engine, id, request, &header).map_err(|m| vec![m])?;
            id
        }
    };
    Ok(Begun {
        database,
        creates_files: header.kind == SetKind::Full,
        set,
        header,
        expected_seconds,
    })
}

/// Reads and verifies the bytes, applies them, and leaves the database as asked.
pub fn finish(
    engine: &mut Engine,
    request: &RestoreRequest,
    begun: &mut Begun,
) -> Result<Finished, Vec<Message>> {
    if engine.store.writer().is_some() {
        return Err(vec![
            Message::error(1222, "Lock request time out period exceeded.").with_state(51),
        ]);
    }
    let id = begun.database;
    let Begun { set, header, .. } = begun;
    let payload = read_payload(set, &request.database)?;
    let (notes, reached) = match header.kind {
        SetKind::Full => {
            apply_full(engine, id, header, &payload)?;
            (Vec::new(), true)
        }
        SetKind::Differential => {
            apply_differential(engine, id, header, &payload)?;
            (Vec::new(), true)
        }
        SetKind::Log => apply_log(engine, id, request, header, &payload)?,
    };
    let recovered = reached && request.ending == Ending::Recovery;
    end_step(engine, id, request, reached)?;
    let files: Vec<(i32, String)> = engine
        .store
        .database(id)
        .map(|d| {
            d.facts
                .files
                .iter()
                .map(|f| (f.file_id, f.physical_name.clone()))
                .collect()
        })
        .unwrap_or_default();
    let written = history::record_restore(
        engine,
        &Restored {
            request,
            media: &set.media,
            header,
            files: &files,
            recovered,
        },
    );
    let mut notes = notes;
    if let Err(message) = written {
        tracing::warn!(error = %message.text, "restore history");
        notes.push(Message::info(3009, "Could not insert a backup or restore history/detail record in the msdb database. This may indicate a problem with the msdb database. The backup/restore operation was still successful."));
    }
    Ok(Finished {
        notes,
        pages: header
            .files
            .iter()
            .map(|f| (f.logical_name.clone(), f.backed_up_pages))
            .collect(),
        position: header.position,
        bytes: header.size,
        recovered,
    })
}

/// The whole content, or the message for the damage: 3183 names a page, as the real one does.
pub fn read_payload(set: &mut OpenSet, database: &str) -> Result<Vec<u8>, Vec<Message>> {
    container::read_payload(&mut set.families).map_err(|error| {
        let device = set.media.first().map_or("", |(d, _)| d.as_str());
        vec![match error {
            ContainerError::Damaged { block } => Message::error(
                3183,
                format!("RESTORE detected an error on page (1:{}) in database \"{database}\" as read from the backup set.", block * 8),
            ),
            other => media::message(device, &other),
        }]
    })
}

/// System databases have rules of their own.
fn check_system(request: &RestoreRequest, target: Option<DatabaseId>) -> Result<(), Message> {
    match target {
        Some(TEMPDB) => Err(Message::error(
            3147,
            "Backup and restore operations are not allowed on database tempdb.",
        )),
        Some(MASTER) => Err(Message::error(
            3108,
            "To restore the master database, the server must be running in single-user mode. For information on starting in single-user mode, see \"How to: Start an Instance of SQL Server (sqlservr.exe)\" in Books Online.",
        )),
        Some(id) if id <= MSDB && !request.moves.is_empty() => Err(Message::error(
            3179,
            "The system database cannot be moved by RESTORE.",
        )),
        _ => Ok(()),
    }
}

/// What the set itself rules out: 3135, 3169, 3187, 4338, 3145.
fn check_set(request: &RestoreRequest, set: &OpenSet, header: &SetHeader) -> Result<(), Message> {
    let device = set.media.first().map_or("", |(d, _)| d.as_str());
    let wrong = |creator: &str| {
        Message::error(
            3135,
            format!(
                "The backup set in file '{device}' was created by {creator} and cannot be used for this restore operation."
            ),
        )
    };
    match (request.what, header.kind) {
        (RestoreWhat::Database, SetKind::Log) => return Err(wrong("BACKUP LOG")),
        (RestoreWhat::Log, SetKind::Full) => return Err(wrong("BACKUP DATABASE")),
        (RestoreWhat::Log, SetKind::Differential) => {
            return Err(wrong("BACKUP DATABASE WITH DIFFERENTIAL"));
        }
        _ => {}
    }
    if header.database_version > EngineOptions::DATABASE_VERSION {
        return Err(Message::error(
            3169,
            format!(
                "The database was backed up on a server running database version {}. That version is incompatible with this server, which supports version {}. Either restore the database on a server that supports the backup, or use a backup that is compatible with this server.",
                header.database_version,
                EngineOptions::DATABASE_VERSION
            ),
        ));
    }
    if request.checksum && !header.has_checksums {
        return Err(Message::error(
            3187,
            "RESTORE WITH CHECKSUM cannot be specified because the backup set does not contain checksum information.",
        ));
    }
    if let (Some(stop_at), true) = (request.stop_at, header.kind != SetKind::Log) {
        if header.recovery_model == "SIMPLE" {
            return Err(Message::error(
                3145,
                "The STOPAT option is not supported for databases that use the SIMPLE recovery model.",
            ));
        }
        if header.consistent_at > stop_at {
            return Err(Message::error(
                4338,
                "The STOPAT clause specifies a point too early to allow this backup set to be restored. Choose a different stop point or use RESTORE DATABASE WITH RECOVERY to recover at the current point.",
            ));
        }
    }
    Ok(())
}

/// 3102 for the own session, 3101 for others.
pub fn check_exclusive(
    engine: &Engine,
    session: SessionId,
    id: DatabaseId,
    statement: &str,
) -> Result<(), Message> {
    let name = engine.store.database(id).map_or("", |d| d.name.as_str());
    if engine
        .sessions
        .find(session)
        .is_some_and(|s| s.database == id)
    {
        return Err(Message::error(
            3102,
            format!(
                "{statement} cannot process database '{name}' because it is in use by this session. It is recommended that the master database be used when performing this operation."
            ),
        ));
    }
    let active = engine
        .activities
        .iter()
        .any(|a| a.database == Some(id) && a.session != session);
    if active || !engine.sessions.users_of(id, session).is_empty() {
        return Err(Message::error(
            3101,
            "Exclusive access could not be obtained because the database is in use.",
        ));
    }
    Ok(())
}

/// A differential or log needs a database that rolls forward: 3118, 3117, 4319.
fn check_target(
    engine: &Engine,
    session: SessionId,
    request: &RestoreRequest,
    target: Option<DatabaseId>,
) -> Result<DatabaseId, Message> {
    let name = &request.database;
    let Some(id) = target else {
        return Err(Message::error(
            3118,
            format!(
                "The database \"{name}\" does not exist. RESTORE can only create a database when restoring either a full backup or a file backup of the primary file."
            ),
        ));
    };
    check_exclusive(engine, session, id, "RESTORE")?;
    let Some(database) = engine.store.database(id) else {
        return Err(crate::practice::engine::store::no_such_database(name));
    };
    if database.state != DatabaseState::Restoring {
        return Err(Message::error(
            3117,
            "The log or differential backup cannot be restored because no files are ready to rollforward.",
        ));
    }
    if database.restore.is_none() {
        let file = database
            .facts
            .files
            .first()
            .map_or("", |f| f.logical_name.as_str());
        return Err(Message::error(
            4319,
            format!(
                "A previous restore operation was interrupted and did not complete processing on file '{file}'. Either restore the backup set that was interrupted or restart the restore sequence."
            ),
        ));
    }
    moves::check_known(&request.moves, &database.facts.files, name)?;
    Ok(id)
}

fn wrong_family(name: &str) -> Message {
    Message::error(
        3154,
        format!(
            "The backup set holds a backup of a database other than the existing '{name}' database."
        ),
    )
    .with_state(4)
}

/// 3154, 3136, 3120.
fn check_differential(engine: &Engine, id: DatabaseId, header: &SetHeader) -> Result<(), Message> {
    let Some(database) = engine.store.database(id) else {
        return Ok(());
    };
    let Some(progress) = &database.restore else {
        return Ok(());
    };
    if database.family_guid != header.family_guid {
        return Err(wrong_family(&database.facts.name));
    }
    if header.differential_base_guid != Some(progress.base_set) || database.base_image.is_none() {
        return Err(Message::error(
            3136,
            "This differential backup cannot be restored because the database has not been restored to the correct earlier state.",
        ));
    }
    if header.last_lsn < progress.redo_start {
        return Err(Message::error(
            3120,
            "This backup set will not be restored because all data has already been restored to a point beyond the time covered by this backup set.",
        ));
    }
    Ok(())
}

/// 3154, 4305, 4326, 4330, 4335, 4341.
fn check_log(
    engine: &Engine,
    id: DatabaseId,
    request: &RestoreRequest,
    header: &SetHeader,
) -> Result<(), Message> {
    let Some(database) = engine.store.database(id) else {
        return Ok(());
    };
    let Some(progress) = &database.restore else {
        return Ok(());
    };
    if database.family_guid != header.family_guid {
        return Err(wrong_family(&database.facts.name));
    }
    let too_early = || {
        Message::error(
            4335,
            "The specified STOPAT time is too early. All or part of the database is already rolled forward beyond that point.",
        )
    };
    if let Some(stopped_at) = progress.stopped_at {
        // The point was reached in an earlier log.
        return match request.stop_at {
            Some(at) if at == stopped_at => match engine.options.second_stopat {
                SecondStopAt::Accept => Ok(()),
                SecondStopAt::Refuse => Err(too_early()),
            },
            Some(at) if at < stopped_at => Err(too_early()),
            _ => check_position(progress, header),
        };
    }
    check_position(progress, header)?;
    if let Some(stop_at) = request.stop_at {
        if progress
            .newest_commit
            .is_some_and(|newest| stop_at < newest)
        {
            return Err(too_early());
        }
        if header.has_bulk_logged && stop_at < header.consistent_at {
            return Err(Message::error(
                4341,
                "This log backup contains bulk-logged changes. It cannot be used to stop at an arbitrary point in time.",
            ));
        }
    }
    Ok(())
}

fn check_position(progress: &RestoreProgress, header: &SetHeader) -> Result<(), Message> {
    let redo = progress.redo_start;
    if header.first_lsn > redo {
        return Err(Message::error(
            4305,
            format!(
                "The log in this backup set begins at LSN {}, which is too recent to apply to the database. An earlier log backup that includes LSN {} can be restored.",
                header.first_lsn.lsn(),
                redo.lsn()
            ),
        ));
    }
    if header.last_lsn < redo || (header.last_lsn == redo && header.first_lsn < redo) {
        return Err(Message::error(
            4326,
            format!(
                "The log in this backup set terminates at LSN {}, which is too early to apply to the database. A more recent log backup that includes LSN {} can be restored.",
                header.last_lsn.lsn(),
                redo.lsn()
            ),
        ));
    }
    let fork = match header.fork_point {
        Some(point) if redo > point => header.last_fork,
        Some(_) => header.first_fork,
        None => header.last_fork,
    };
    if fork != progress.redo_fork {
        return Err(Message::error(
            4330,
            "This backup set cannot be applied because it is on a recovery path that is inconsistent with the database. The recovery path is the sequence of data and log backups that have brought the database to a particular recovery point. Find a compatible backup to restore, or restore the rest of the database to match a recovery point within this backup set, which will restore the database to a different point in time.",
        ));
    }
    Ok(())
}

/// Guards of a full restore (3101, 3102, 3154, 3159, 3173), its files, and the database in `RESTORING`.
fn begin_full(
    engine: &mut Engine,
    session: SessionId,
    request: &RestoreRequest,
    header: &SetHeader,
    target: Option<DatabaseId>,
) -> Result<DatabaseId, Vec<Message>> {
    if let Some(id) = target {
        check_exclusive(engine, session, id, "RESTORE").map_err(|m| vec![m])?;
        if !request.replace {
            check_overwrite(engine, id, request, header).map_err(|m| vec![m])?;
        }
    }
    let files = moves::plan_files(engine, request, header, target)?;
    let id = match target {
        Some(id) => id,
        None => {
            let id = engine.store.free_id();
            let mut facts = databases::new_facts(engine, id, &request.database);
            facts.files.clone_from(&files);
            facts.state = DatabaseState::Restoring;
            engine.store.create(facts).map_err(|m| vec![m])?;
            id
        }
    };
    if let Some(database) = engine.store.database_mut(id) {
        database.facts.state = DatabaseState::Restoring;
        database.facts.standby = false;
        database.facts.restore = None;
        database.facts.files = files;
        database.single_user_session = None;
    }
    engine.store.save_facts(id).map_err(|m| vec![m])?;
    Ok(id)
}

fn check_overwrite(
    engine: &Engine,
    id: DatabaseId,
    request: &RestoreRequest,
    header: &SetHeader,
) -> Result<(), Message> {
    let Some(database) = engine.store.database(id) else {
        return Ok(());
    };
    let name = &database.facts.name;
    if database.family_guid != header.family_guid {
        // One whose restore never finished has no family yet.
        let unfinished = database.state == DatabaseState::Restoring && database.restore.is_none();
        if !unfinished {
            return Err(wrong_family(name));
        }
    }
    if database.state == DatabaseState::Restoring
        || database.recovery_model == RecoveryModel::Simple
    {
        return Ok(());
    }
    let tail = database.last_log_backup_lsn.is_some_and(|last| {
        database
            .log
            .since(last)
            .iter()
            .any(|r| !r.payload.is_empty())
    });
    if !tail {
        return Ok(());
    }
    match request.stop_at {
        None => Err(Message::error(
            3159,
            format!(
                "The tail of the log for the database \"{name}\" has not been backed up. Use BACKUP LOG WITH NORECOVERY to backup the log if it contains work you do not want to lose. Use the WITH REPLACE or WITH STOPAT clause of the RESTORE statement to just overwrite the contents of the log."
            ),
        )),
        Some(stop_at) => {
            let first = database
                .last_log_backup_lsn
                .and_then(|last| database.log.since(last).first())
                .map(|r| r.time.local);
            if first.is_some_and(|first| stop_at >= first) {
                return Err(Message::error(
                    3173,
                    format!(
                        "The STOPAT clause provided with this RESTORE statement indicates that the tail of the log contains changes that must be backed up to reach the target point in time. The tail of the log for the database \"{name}\" has not been backed up. Use BACKUP LOG WITH NORECOVERY to back up the log, or use the WITH REPLACE clause in your RESTORE statement to overwrite the tail of the log."
                    ),
                ));
            }
            Ok(())
        }
    }
}

fn model(name: &str) -> RecoveryModel {
    match name {
        "SIMPLE" => RecoveryModel::Simple,
        "BULK-LOGGED" => RecoveryModel::BulkLogged,
        _ => RecoveryModel::Full,
    }
}

fn apply_full(
    engine: &mut Engine,
    id: DatabaseId,
    header: &SetHeader,
    pages: &[u8],
) -> Result<(), Vec<Message>> {
    engine.store.load_image(id, pages).map_err(|m| vec![m])?;
    let Some(database) = engine.store.database_mut(id) else {
        return Ok(());
    };
    database.log.clear();
    database.base_image = Some(pages.to_vec());
    database.base_pages = None;
    let facts = &mut database.facts;
    facts.family_guid = header.family_guid;
    facts.recovery_fork_guid = header.last_fork;
    facts.first_recovery_fork_guid = header.last_fork;
    facts.fork_point = None;
    facts.recovery_model = model(&header.recovery_model);
    facts.compatibility_level = header.compatibility_level;
    facts.collation.clone_from(&header.collation);
    facts.read_only = header.is_read_only;
    facts.user_access = UserAccess::Multi;
    facts.log_position = header.last_lsn;
    facts.log_start = Some(header.last_lsn);
    facts.last_log_backup_lsn = None;
    facts.database_backup_lsn = Some(header.checkpoint_lsn);
    facts.differential_base = (!header.is_copy_only).then_some(DifferentialBase {
        lsn: header.checkpoint_lsn,
        guid: header.uuid,
        time: header.start,
    });
    facts.restore = Some(RestoreProgress {
        redo_start: header.last_lsn,
        redo_fork: header.last_fork,
        base_set: header.uuid,
        newest_commit: Some(header.consistent_at),
        stopped_at: None,
        recovery_model: facts.recovery_model,
        log_start: header.last_lsn,
        log_fork: header.last_fork,
    });
    engine.store.save_all(id).map_err(|m| vec![m])
}

fn apply_differential(
    engine: &mut Engine,
    id: DatabaseId,
    header: &SetHeader,
    difference: &[u8],
) -> Result<(), Vec<Message>> {
    let pages = engine
        .store
        .database(id)
        .and_then(|d| d.base_image.as_deref())
        .map(|base| image::lay_over(base, difference));
    let pages = match pages {
        Some(Ok(pages)) => pages,
        _ => {
            return Err(vec![Message::error(
                3189,
                "Damage to the backup set was detected.",
            )]);
        }
    };
    engine.store.load_image(id, &pages).map_err(|m| vec![m])?;
    let Some(database) = engine.store.database_mut(id) else {
        return Ok(());
    };
    database.log.clear();
    let facts = &mut database.facts;
    facts.recovery_model = model(&header.recovery_model);
    facts.compatibility_level = header.compatibility_level;
    facts.log_position = header.last_lsn;
    facts.log_start = Some(header.last_lsn);
    facts.recovery_fork_guid = header.last_fork;
    facts.first_recovery_fork_guid = header.last_fork;
    if let Some(progress) = &mut facts.restore {
        progress.redo_start = header.last_lsn;
        progress.redo_fork = header.last_fork;
        progress.newest_commit = Some(header.consistent_at);
        progress.stopped_at = None;
        progress.recovery_model = model(&header.recovery_model);
        progress.log_start = header.last_lsn;
        progress.log_fork = header.last_fork;
    }
    engine.store.save_all(id).map_err(|m| vec![m])
}

/// Rolls forward; says whether the end or the point of time was reached.
fn apply_log(
    engine: &mut Engine,
    id: DatabaseId,
    request: &RestoreRequest,
    header: &SetHeader,
    payload: &[u8],
) -> Result<(Vec<Message>, bool), Vec<Message>> {
    let Some(progress) = engine.store.database(id).and_then(|d| d.restore.clone()) else {
        return Ok((Vec::new(), false));
    };
    if progress.stopped_at.is_some() && progress.stopped_at == request.stop_at {
        // The point was reached in an earlier log: nothing of this one belongs to the database.
        return Ok((Vec::new(), true));
    }
    let mut records: Vec<LogRecord> = Vec::new();
    let mut rest = payload;
    while !rest.is_empty() {
        let Some((record, after)) = LogRecord::decode(rest) else {
            return Err(vec![Message::error(
                3189,
                "Damage to the backup set was detected.",
            )]);
        };
        records.push(record);
        rest = after;
    }
    let from = records.partition_point(|r| r.position < progress.redo_start);
    let mut end = records.len();
    let mut reached = request.stop_at.is_none();
    if let Some(stop_at) = request.stop_at {
        // The first commit after the point proves that the point was reached; one exactly at it does as well.
        for (at, record) in records.iter().enumerate() {
            if record.payload.is_empty() {
                continue;
            }
            reached |= record.time.local >= stop_at;
            if record.time.local > stop_at {
                end = at;
                break;
            }
        }
    }
    let end = end.max(from);
    let stopped = end < records.len();
    let redo_start = records.get(end).map_or(header.last_lsn, |r| r.position);
    let applied = records.get(from..end).unwrap_or_default().to_vec();
    engine.store.replay(id, &applied).map_err(|m| vec![m])?;
    let newest = applied
        .iter()
        .filter(|r| !r.payload.is_empty())
        .map(|r| r.time.local)
        .max();
    records.truncate(end);
    let Some(database) = engine.store.database_mut(id) else {
        return Ok((Vec::new(), false));
    };
    // A log backup after recovery has to continue the chain: where this log was stopped, from its beginning.
    let kept = if stopped { records } else { Vec::new() };
    database.log.clear();
    for record in kept {
        database.log.push(record);
    }
    let facts = &mut database.facts;
    let fork = match header.fork_point {
        Some(point) if redo_start <= point => header.first_fork,
        _ => header.last_fork,
    };
    facts.recovery_fork_guid = fork;
    facts.log_position = redo_start;
    let (log_start, log_fork) = if stopped {
        (header.first_lsn, header.first_fork)
    } else {
        (header.last_lsn, header.last_fork)
    };
    facts.log_start = Some(log_start);
    if let Some(progress) = &mut facts.restore {
        progress.redo_start = redo_start;
        progress.redo_fork = fork;
        progress.newest_commit = progress.newest_commit.max(newest);
        progress.stopped_at = request.stop_at.filter(|_| reached);
        progress.recovery_model = model(&header.recovery_model);
        progress.log_start = log_start;
        progress.log_fork = log_fork;
    }
    if stopped {
        // The part of this log before what was replayed is kept too: the file is written anew.
        engine.store.save_all(id).map_err(|m| vec![m])?;
    } else {
        engine
            .store
            .save_records(id, &applied)
            .map_err(|m| vec![m])?;
        engine.store.save_facts(id).map_err(|m| vec![m])?;
    }
    let notes = if reached {
        Vec::new()
    } else {
        vec![Message::info(
            4322,
            "This backup set contains records that were logged before the designated point in time. The database is being left in the restoring state so that more roll forward can be performed.",
        )]
    };
    Ok((notes, reached))
}

/// Leaves the database as the statement asked: recovered, readable, or restoring.
fn end_step(
    engine: &mut Engine,
    id: DatabaseId,
    request: &RestoreRequest,
    reached: bool,
) -> Result<(), Vec<Message>> {
    match &request.ending {
        Ending::Recovery if reached => recover(engine, id, request.restricted_user),
        Ending::Standby(_) => {
            if let Some(database) = engine.store.database_mut(id) {
                database.facts.standby = true;
            }
            engine.store.save_facts(id)
        }
        _ => {
            if let Some(database) = engine.store.database_mut(id) {
                database.facts.standby = false;
            }
            engine.store.save_facts(id)
        }
    }
    .map_err(|m| vec![m])
}

/// Brings the database online on a new recovery fork.
fn recover(engine: &mut Engine, id: DatabaseId, restricted: bool) -> Result<(), Message> {
    let fork = engine.store.new_guid();
    let guid = engine.store.new_guid();
    let Some(database) = engine.store.database_mut(id) else {
        return Ok(());
    };
    let base = database.base_image.take();
    if database.facts.differential_base.is_some()
        && let Some(base) = base
    {
        database.base_pages = Some(image::hashes(&base));
    }
    let facts = &mut database.facts;
    let Some(progress) = facts.restore.take() else {
        return Ok(());
    };
    facts.state = DatabaseState::Online;
    facts.standby = false;
    facts.recovery_model = progress.recovery_model;
    facts.user_access = if restricted {
        UserAccess::Restricted
    } else {
        UserAccess::Multi
    };
    facts.database_guid = guid;
    facts.recovery_fork_guid = fork;
    facts.log_position = progress.redo_start;
    if facts.recovery_model == RecoveryModel::Simple {
        facts.log_start = None;
        facts.last_log_backup_lsn = None;
        facts.first_recovery_fork_guid = fork;
        facts.fork_point = None;
        facts.begins_log_chain = true;
    } else {
        facts.log_start = Some(progress.log_start);
        facts.last_log_backup_lsn = Some(progress.log_start);
        facts.first_recovery_fork_guid = progress.log_fork;
        facts.fork_point = Some(progress.redo_start);
        facts.begins_log_chain = false;
    }
    let now = engine.commit_time();
    engine.store.checkpoint(id, now);
    engine.store.save_all(id)
}

/// `VERIFYONLY`: reads everything; `LOADHISTORY` writes the set into msdb. Returns the position for 3262.
pub fn verify(engine: &mut Engine, request: &RestoreRequest) -> Result<i32, Vec<Message>> {
    let mut set = media::open_set(engine, &request.devices, request.position.unwrap_or(1))?;
    let Some(header) = set.header().cloned() else {
        return Err(vec![Message::error(
            3143,
            "The data set on the device is not a SQL Server backup set.",
        )]);
    };
    if request.checksum && !header.has_checksums {
        return Err(vec![Message::error(
            3187,
            "RESTORE WITH CHECKSUM cannot be specified because the backup set does not contain checksum information.",
        )]);
    }
    read_payload(&mut set, &header.database)?;
    if request.load_history {
        history::record_set(engine, &set.media, &header).map_err(|m| vec![m])?;
    }
    Ok(header.position)
}

/// Bytes that a verification reads.
pub fn verified_bytes(engine: &Engine, request: &RestoreRequest) -> f64 {
    media::open_set(engine, &request.devices, request.position.unwrap_or(1))
        .ok()
        .and_then(|set| set.header().map(|h| h.size as f64))
        .unwrap_or(0.0)
}
