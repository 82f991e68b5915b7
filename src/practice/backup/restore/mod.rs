//! `RESTORE DATABASE` and `RESTORE LOG`: the rules of a restore sequence, and bringing the rows back.
//!
//! <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-transact-sql>; the rules in detail are those
//! of the product, as far as its documentation and its messages tell them.

mod apply;
mod rules;

pub use rules::check_exclusive;

use apply::{apply_differential, apply_full, apply_log, end_step};
use rules::{
    check_differential, check_log, check_overwrite, check_set, check_system, check_target,
};

use super::{
    container::{self, ContainerError, SetHeader, SetKind},
    encryption,
    history::{self, Restored},
    media::{self, OpenSet},
    moves,
    options::{Ending, RestoreRequest},
    take::BYTES_PER_SECOND,
};
use crate::practice::{
    engine::{DatabaseId, DatabaseState, Engine, SessionId, databases},
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
    encryption::cipher_of(engine, &header).map_err(|m| vec![m])?;
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
    let expected_seconds =
        (moving * engine.options.pace / BYTES_PER_SECOND).max(engine.options.least_seconds);
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
    let payload = read_payload(engine, set, header, &request.database)?;
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
pub fn read_payload(
    engine: &Engine,
    set: &mut OpenSet,
    header: &SetHeader,
    database: &str,
) -> Result<Vec<u8>, Vec<Message>> {
    let cipher = encryption::cipher_of(engine, header).map_err(|m| vec![m])?;
    container::read_payload(&mut set.families, cipher.as_ref()).map_err(|error| {
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
    read_payload(engine, &mut set, &header, &header.database)?;
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
