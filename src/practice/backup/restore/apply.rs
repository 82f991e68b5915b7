//! Bringing the rows back: pages, differential pages, log records up to the point, and recovery on a new fork.

use super::super::{
    container::SetHeader,
    options::{Ending, RestoreRequest},
};
use crate::practice::{
    engine::{
        DatabaseId, DatabaseState, Engine, LogRecord, RecoveryModel, UserAccess,
        database::{DifferentialBase, RestoreProgress},
        image,
    },
    reply::Message,
};

pub(super) fn model(name: &str) -> RecoveryModel {
    match name {
        "SIMPLE" => RecoveryModel::Simple,
        "BULK-LOGGED" => RecoveryModel::BulkLogged,
        _ => RecoveryModel::Full,
    }
}

pub(super) fn apply_full(
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

pub(super) fn apply_differential(
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
pub(super) fn apply_log(
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
    let mut reached = request.stop_at.is_none() && request.stop_mark.is_none();
    if let Some(mark) = &request.stop_mark
        && let Some(at) = records.iter().skip(from).position(|r| mark.is_at(r))
    {
        if header.has_bulk_logged {
            return Err(vec![Message::error(
                4341,
                "This log backup contains bulk-logged changes. It cannot be used to stop at an arbitrary point in time.",
            )]);
        }
        end = from + at + usize::from(!mark.before);
        reached = true;
    }
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
    } else if request.stop_mark.is_some() {
        vec![Message::info(
            4329,
            "This log file contains records logged before the designated mark. The database is being left in the Restoring state so you can apply another log file.",
        )]
    } else {
        vec![Message::info(
            4322,
            "This backup set contains records that were logged before the designated point in time. The database is being left in the restoring state so that more roll forward can be performed.",
        )]
    };
    Ok((notes, reached))
}

/// Leaves the database as the statement asked: recovered, readable, or restoring.
pub(super) fn end_step(
    engine: &mut Engine,
    id: DatabaseId,
    request: &RestoreRequest,
    reached: bool,
) -> Result<(), Vec<Message>> {
    match &request.ending {
        Ending::Recovery if reached => recover(engine, id, request.restricted_user),
        Ending::Standby(_) if reached => {
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
pub(super) fn recover(
    engine: &mut Engine,
    id: DatabaseId,
    restricted: bool,
) -> Result<(), Message> {
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
