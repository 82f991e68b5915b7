//! What speaks against a backup before its first byte.

use super::{container::SetKind, options::BackupRequest, take::plain_verb};
use crate::practice::{
    engine::{
        Activities, DatabaseId, DatabaseState, Engine, MASTER, RecoveryModel, SessionId, TEMPDB,
        store::no_such_database,
    },
    reply::Message,
};

/// Whether a backup may be taken now: by its kind, the state of the database, and what the server pretends.
pub(super) fn check_allowed(
    engine: &Engine,
    session: SessionId,
    id: DatabaseId,
    request: &BackupRequest,
) -> Result<(), Message> {
    let Some(database) = engine.store.database(id) else {
        return Err(no_such_database(&request.database));
    };
    let name = &database.facts.name;
    if id == TEMPDB {
        return Err(Message::error(
            3147,
            "Backup and restore operations are not allowed on database tempdb.",
        ));
    }
    if id == MASTER && request.kind == SetKind::Differential {
        return Err(Message::error(
            3024,
            "You can only perform a full backup of the master database. Use BACKUP DATABASE to back up the entire master database.",
        ));
    }
    if id == MASTER && request.kind == SetKind::Log {
        return Err(Message::error(
            4212,
            "Cannot back up the log of the master database. Use BACKUP DATABASE instead.",
        ));
    }
    if !engine
        .options
        .pretended
        .is_granted(plain_verb(request.kind))
    {
        return Err(Message::error(
            262,
            format!(
                "{} permission denied in database '{name}'.",
                plain_verb(request.kind)
            ),
        )
        .with_class(14));
    }
    // A secondary replica takes copy-only fulls and ordinary log backups alone.
    let taken_there = match request.kind {
        SetKind::Full => request.copy_only,
        SetKind::Differential => false,
        SetKind::Log => !request.copy_only,
    };
    if engine.options.pretended.is_secondary(name) && !taken_there {
        return Err(Message::error(
            3059,
            "This BACKUP or RESTORE command is not supported on a database mirror or secondary replica.",
        ));
    }
    if database.standby {
        return Err(Message::error(
            3036,
            format!(
                "The database \"{name}\" is in warm-standby state (set by executing RESTORE WITH STANDBY) and cannot be backed up until the entire restore sequence is completed."
            ),
        ));
    }
    // The log of a database that cannot be opened is read past its rows.
    if !(request.no_truncate && log_is_readable(database.state)) {
        engine.store.check_readable(id)?;
    }
    if request.kind == SetKind::Log
        && !request.continue_after_error
        && engine.options.pretended.has_damaged_log(name)
    {
        return Err(Message::error(
            9004,
            format!(
                "An error occurred while processing the log for database '{name}'. If possible, restore from backup. If a backup is not available, it might be necessary to rebuild the log."
            ),
        ));
    }
    let busy = |activities: &Activities| {
        activities
            .iter()
            .any(|a| a.database == Some(id) && a.session != session && a.command != "BACKUP LOG")
    };
    if request.kind != SetKind::Log && busy(&engine.activities) {
        return Err(Message::error(
            3023,
            "Backup, file manipulation operations (such as ALTER DATABASE ADD FILE) and encryption changes on a database must be serialized. Reissue the statement after the current backup or file manipulation operation is completed.",
        ));
    }
    match request.kind {
        SetKind::Full => Ok(()),
        SetKind::Differential => {
            if database.differential_base.is_none() || database.base_pages.is_none() {
                return Err(Message::error(
                    3035,
                    format!(
                        "Cannot perform a differential backup for database \"{name}\", because a current database backup does not exist. Perform a full database backup by reissuing BACKUP DATABASE, omitting the WITH DIFFERENTIAL option."
                    ),
                ));
            }
            Ok(())
        }
        SetKind::Log => {
            if database.recovery_model == RecoveryModel::Simple {
                return Err(Message::error(
                    4208,
                    "The statement BACKUP LOG is not allowed while the recovery model is SIMPLE. Use BACKUP DATABASE or change the recovery model using ALTER DATABASE.",
                ));
            }
            if database.last_log_backup_lsn.is_none() {
                return Err(Message::error(
                    4214,
                    "BACKUP LOG cannot be performed because there is no current database backup.",
                ));
            }
            if request.norecovery {
                if database.facts.is_system() {
                    return Err(Message::error(
                        4220,
                        format!(
                            "Cannot back up the log of the {name} database with NORECOVERY option."
                        ),
                    ));
                }
                super::restore::check_exclusive(engine, session, id, "BACKUP LOG")?;
            }
            Ok(())
        }
    }
}

/// `NO_TRUNCATE` reads a log whatever is wrong with the rows.
fn log_is_readable(state: DatabaseState) -> bool {
    matches!(
        state,
        DatabaseState::Suspect | DatabaseState::RecoveryPending
    )
}
