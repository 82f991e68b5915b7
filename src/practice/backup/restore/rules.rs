//! What may be restored onto what: the checks of a restore sequence, with the product's messages.

use super::super::{
    container::{SetHeader, SetKind},
    media::OpenSet,
    moves,
    options::RestoreRequest,
    stop_mark::{MarkPlace, StopMark},
};
use crate::practice::{
    engine::{
        DatabaseId, DatabaseState, Engine, EngineOptions, MASTER, MSDB, RecoveryModel,
        SecondStopAt, SessionId, TEMPDB, database::RestoreProgress,
    },
    reply::Message,
    sql::statement::RestoreWhat,
};

/// System databases have rules of their own.
pub(super) fn check_system(
    request: &RestoreRequest,
    target: Option<DatabaseId>,
) -> Result<(), Message> {
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
pub(super) fn check_set(
    request: &RestoreRequest,
    set: &OpenSet,
    header: &SetHeader,
) -> Result<(), Message> {
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
    let by_name = matches!(
        &request.stop_mark,
        Some(StopMark {
            place: MarkPlace::Name(_),
            ..
        })
    );
    if by_name && header.kind != SetKind::Log {
        return Err(Message::error(
            4340,
            "The point-in-time clause of this RESTORE statement is restricted for use by RESTORE LOG statements only. Omit the clause or use a clause that includes a timestamp.",
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
pub(super) fn check_target(
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

pub(super) fn wrong_family(name: &str) -> Message {
    Message::error(
        3154,
        format!(
            "The backup set holds a backup of a database other than the existing '{name}' database."
        ),
    )
    .with_state(4)
}

/// 3154, 3136, 3120.
pub(super) fn check_differential(
    engine: &Engine,
    id: DatabaseId,
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
pub(super) fn check_log(
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

pub(super) fn check_position(
    progress: &RestoreProgress,
    header: &SetHeader,
) -> Result<(), Message> {
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

pub(super) fn check_overwrite(
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
