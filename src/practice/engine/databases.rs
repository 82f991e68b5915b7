//! `CREATE`, `ALTER` and `DROP DATABASE`, and the databases that come with the server.

use super::{
    Engine,
    database::{
        DatabaseFacts, DatabaseFile, DatabaseId, DatabaseState, FileKind, MASTER, MODEL, MSDB,
        RecoveryModel, TEMPDB, UserAccess,
    },
    log::LogPosition,
    sessions::SessionId,
    store::{CatalogueChange, SERVER, no_such_database},
};
use crate::practice::{catalogue, reply::Message};

/// 8 MB: what a new file of `model` has, and by what it grows.
const FILE_PAGES: i64 = 1024;

/// No limit of a data file and of a log file, in pages.
const LOG_LIMIT_PAGES: i64 = 268_435_456;

/// The default collation of the server.
pub const COLLATION: &str = "SQL_Latin1_General_CP1_CI_AS";

/// What `CREATE DATABASE` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateDatabase {
    pub name: String,
    /// `ON PRIMARY (NAME = …, FILENAME = …)` and `LOG ON`; none for the defaults.
    pub data: Option<FileSpec>,
    pub log: Option<FileSpec>,
}

/// `(NAME = …, FILENAME = …, SIZE = …)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileSpec {
    pub logical_name: String,
    pub physical_name: String,
    /// In pages of 8 KB.
    pub size_pages: Option<i64>,
}

/// What `ALTER DATABASE` changes.
#[derive(Clone, Debug, PartialEq)]
pub enum AlterDatabase {
    Recovery(RecoveryModel),
    Access(UserAccess),
    Online,
    Offline,
    ReadOnly(bool),
    /// `AUTO_UPDATE_STATISTICS_ASYNC`.
    AsyncStatistics(bool),
    Rename(String),
    CompatibilityLevel(u8),
    /// An option that is taken and changes nothing here (`PAGE_VERIFY`, `AUTO_CLOSE`…).
    Other,
}

/// How `ALTER DATABASE … WITH` treats other sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Termination {
    /// Waits for them, in vain: the practice server answers at once.
    #[default]
    Wait,
    RollbackImmediate,
    NoWait,
}

/// Facts of a new database.
pub fn new_facts(engine: &mut Engine, id: DatabaseId, name: &str) -> DatabaseFacts {
    let created = engine.clock.now_local().0;
    // `datetime` columns show 1/300 s; history shows whole seconds, so a creation date has no fraction.
    let created = chrono::Timelike::with_nanosecond(&created, 0).unwrap_or(created);
    let family = engine.store.new_guid();
    let fork = engine.store.new_guid();
    DatabaseFacts {
        id,
        name: name.to_owned(),
        created,
        state: DatabaseState::Online,
        user_access: UserAccess::Multi,
        recovery_model: RecoveryModel::Full,
        compatibility_level: 160,
        collation: COLLATION.to_owned(),
        read_only: false,
        async_statistics: false,
        standby: false,
        database_guid: family,
        family_guid: family,
        recovery_fork_guid: fork,
        first_recovery_fork_guid: fork,
        fork_point: None,
        files: Vec::new(),
        differential_base: None,
        database_backup_lsn: None,
        last_log_backup_lsn: None,
        log_start: None,
        log_position: LogPosition::FIRST,
        begins_log_chain: true,
        restore: None,
        keys: super::certificates::Keys::default(),
    }
}

/// A file with the usual growth.
pub fn new_file(
    engine: &mut Engine,
    kind: FileKind,
    logical_name: &str,
    physical_name: &str,
    size_pages: i64,
) -> DatabaseFile {
    DatabaseFile {
        file_id: match kind {
            FileKind::Rows => 1,
            FileKind::Log => 2,
        },
        file_guid: engine.store.new_guid(),
        kind,
        logical_name: logical_name.to_owned(),
        physical_name: physical_name.to_owned(),
        size_pages,
        max_size_pages: match kind {
            FileKind::Rows => -1,
            FileKind::Log => LOG_LIMIT_PAGES,
        },
        growth_pages: 8 * FILE_PAGES,
    }
}

/// master, model, msdb, tempdb of a new server.
pub fn create_system_databases(engine: &mut Engine) -> Result<(), Message> {
    let folder = "C:\\Program Files\\Microsoft SQL Server\\MSSQL16.MSSQLSERVER\\MSSQL\\DATA";
    for (id, name, data, log, model) in [
        (MASTER, "master", "master", "mastlog", RecoveryModel::Simple),
        (MODEL, "model", "modeldev", "modellog", RecoveryModel::Full),
        (MSDB, "msdb", "MSDBData", "MSDBLog", RecoveryModel::Simple),
    ] {
        let mut facts = new_facts(engine, id, name);
        facts.recovery_model = model;
        facts.files = vec![
            new_file(
                engine,
                FileKind::Rows,
                data,
                &format!("{folder}\\{data}.mdf"),
                FILE_PAGES,
            ),
            new_file(
                engine,
                FileKind::Log,
                log,
                &format!("{folder}\\{log}.ldf"),
                FILE_PAGES / 4,
            ),
        ];
        engine.store.create(facts)?;
    }
    let now = engine.commit_time();
    for mut table in catalogue::system::msdb_tables() {
        table.created = now.local;
        engine.store.write(MSDB, now, |store, schema| {
            let sql = table.create_statements(Some(schema)).join(";\n");
            store.ddl(SERVER, MSDB, &sql, CatalogueChange::Put(Box::new(table)))
        })?;
    }
    create_tempdb(engine)
}

/// tempdb, as new as the process.
pub fn create_tempdb(engine: &mut Engine) -> Result<(), Message> {
    let mut facts = new_facts(engine, TEMPDB, "tempdb");
    facts.recovery_model = RecoveryModel::Simple;
    facts.files = vec![
        new_file(
            engine,
            FileKind::Rows,
            "tempdev",
            "D:\\Data\\tempdb.mdf",
            FILE_PAGES,
        ),
        new_file(
            engine,
            FileKind::Log,
            "templog",
            "L:\\Log\\templog.ldf",
            FILE_PAGES,
        ),
    ];
    engine.store.create(facts)
}

/// `CREATE DATABASE`: 1801, 5133, 5170.
pub fn create_database(
    engine: &mut Engine,
    create: &CreateDatabase,
) -> Result<DatabaseId, Vec<Message>> {
    let CreateDatabase { name, data, log } = create;
    if engine.store.find(name).is_some() {
        return Err(vec![
            Message::error(
                1801,
                format!("Database '{name}' already exists. Choose a different database name."),
            )
            .with_state(3),
        ]);
    }
    let data = data.clone().unwrap_or_else(|| FileSpec {
        logical_name: name.clone(),
        physical_name: format!("{}\\{}.mdf", engine.options.default_data, file_stem(name)),
        size_pages: None,
    });
    let log = log.clone().unwrap_or_else(|| FileSpec {
        logical_name: format!("{name}_log"),
        physical_name: format!(
            "{}\\{}_log.ldf",
            engine.options.default_log,
            file_stem(name)
        ),
        size_pages: None,
    });
    for spec in [&data, &log] {
        if let Err(message) = check_new_file(engine, &spec.physical_name) {
            return Err(vec![
                message,
                Message::error(
                    1802,
                    "CREATE DATABASE failed. Some file names listed could not be created. Check related errors.",
                )
                .with_state(4),
            ]);
        }
    }
    let id = engine.store.free_id();
    let mut facts = new_facts(engine, id, name);
    facts.files = vec![
        new_file(
            engine,
            FileKind::Rows,
            &data.logical_name,
            &data.physical_name,
            data.size_pages.unwrap_or(FILE_PAGES),
        ),
        new_file(
            engine,
            FileKind::Log,
            &log.logical_name,
            &log.physical_name,
            log.size_pages.unwrap_or(FILE_PAGES),
        ),
    ];
    engine.store.create(facts).map_err(|m| vec![m])?;
    Ok(id)
}

/// Whether a database file may be made there: 5133 without its folder, 5170 when it is taken.
pub fn check_new_file(engine: &Engine, physical_name: &str) -> Result<(), Message> {
    if let Err(error) = engine.paths.file(physical_name) {
        return Err(Message::error(
            5133,
            format!(
                "Directory lookup for the file \"{physical_name}\" failed with the operating system error {error}."
            ),
        ));
    }
    if file_owner(engine, physical_name).is_some() {
        return Err(Message::error(
            5170,
            format!(
                "Cannot create file '{physical_name}' because it already exists. Change the file path or the file name, and retry the operation."
            ),
        ));
    }
    Ok(())
}

/// The database that has a file of that path.
pub fn file_owner(engine: &Engine, physical_name: &str) -> Option<DatabaseId> {
    let wanted = physical_name.replace('/', "\\").to_lowercase();
    engine
        .store
        .databases()
        .find(|d| {
            d.facts
                .files
                .iter()
                .any(|f| f.physical_name.replace('/', "\\").to_lowercase() == wanted)
        })
        .map(|d| d.facts.id)
}

/// `DROP DATABASE`: 3701, 3702, 3708.
pub fn drop_database(engine: &mut Engine, session: SessionId, name: &str) -> Result<(), Message> {
    let Some(id) = engine.store.find(name) else {
        return Err(Message::error(
            3701,
            format!("Cannot drop the database '{name}', because it does not exist or you do not have permission."),
        )
        .with_class(11));
    };
    if id <= MSDB {
        return Err(Message::error(
            3708,
            format!("Cannot drop the database '{name}' because it is a system database."),
        ));
    }
    let own = engine
        .sessions
        .find(session)
        .is_some_and(|s| s.database == id);
    if own
        || !engine.sessions.users_of(id, session).is_empty()
        || engine.activities.on_database(id).is_some()
    {
        return Err(Message::error(
            3702,
            format!("Cannot drop database \"{name}\" because it is currently in use."),
        )
        .with_state(3));
    }
    engine.store.remove(id)
}

/// `ALTER DATABASE`. With `ROLLBACK IMMEDIATE` the sessions that are in the way are ended.
pub fn alter_database(
    engine: &mut Engine,
    session: SessionId,
    name: &str,
    change: &AlterDatabase,
    termination: Termination,
) -> Result<(), Vec<Message>> {
    let failed = |messages: Vec<Message>| {
        let mut messages = messages;
        messages.push(Message::error(5069, "ALTER DATABASE statement failed."));
        messages
    };
    let Some(id) = engine.store.find(name) else {
        return Err(failed(vec![
            Message::error(
                5011,
                format!("User does not have permission to alter database '{name}', the database does not exist, or the database is not in a state that allows access checks."),
            )
            .with_class(14)
            .with_state(5),
        ]));
    };
    let state = engine
        .store
        .database(id)
        .map_or(DatabaseState::Online, |d| d.state);
    if state == DatabaseState::Restoring {
        return Err(failed(vec![Message::error(
            5052,
            "ALTER DATABASE is not permitted while a database is in the Restoring state.",
        )]));
    }
    check_single_user(engine, session, id, name).map_err(|m| failed(vec![m]))?;
    if needs_exclusive(change) {
        clear_users(engine, session, id, name, termination).map_err(|m| failed(vec![m]))?;
    }
    let taken = match change {
        AlterDatabase::Rename(to) => engine.store.find(to).filter(|other| *other != id),
        _ => None,
    };
    if taken.is_some()
        && let AlterDatabase::Rename(to) = change
    {
        return Err(failed(vec![
            Message::error(
                1801,
                format!("Database '{to}' already exists. Choose a different database name."),
            )
            .with_state(3),
        ]));
    }
    let Some(database) = engine.store.database_mut(id) else {
        return Err(failed(vec![no_such_database(name)]));
    };
    match change {
        AlterDatabase::Recovery(model) => set_recovery_model(database, *model),
        AlterDatabase::Access(access) => {
            database.facts.user_access = *access;
            database.single_user_session = (*access == UserAccess::Single).then_some(session);
        }
        AlterDatabase::Online => database.facts.state = DatabaseState::Online,
        AlterDatabase::Offline => database.facts.state = DatabaseState::Offline,
        AlterDatabase::ReadOnly(read_only) => database.facts.read_only = *read_only,
        AlterDatabase::AsyncStatistics(on) => database.facts.async_statistics = *on,
        AlterDatabase::Rename(to) => database.facts.name.clone_from(to),
        AlterDatabase::CompatibilityLevel(level) => database.facts.compatibility_level = *level,
        AlterDatabase::Other => {}
    }
    engine.store.save_facts(id).map_err(|m| failed(vec![m]))
}

/// Leaving or entering the simple model breaks the log chain.
fn set_recovery_model(database: &mut super::Database, model: RecoveryModel) {
    let was = database.facts.recovery_model;
    database.facts.recovery_model = model;
    if model == RecoveryModel::Simple && was != RecoveryModel::Simple {
        database.log.clear();
        database.facts.log_start = None;
        database.facts.last_log_backup_lsn = None;
        database.facts.begins_log_chain = true;
        database.facts.first_recovery_fork_guid = database.facts.recovery_fork_guid;
        database.facts.fork_point = None;
    }
}

fn needs_exclusive(change: &AlterDatabase) -> bool {
    match change {
        AlterDatabase::Access(UserAccess::Single | UserAccess::Restricted)
        | AlterDatabase::Offline
        | AlterDatabase::ReadOnly(_)
        | AlterDatabase::Rename(_) => true,
        AlterDatabase::Access(UserAccess::Multi)
        | AlterDatabase::Recovery(_)
        | AlterDatabase::Online
        | AlterDatabase::CompatibilityLevel(_)
        | AlterDatabase::AsyncStatistics(_)
        | AlterDatabase::Other => false,
    }
}

fn check_single_user(
    engine: &Engine,
    session: SessionId,
    id: DatabaseId,
    name: &str,
) -> Result<(), Message> {
    let Some(database) = engine.store.database(id) else {
        return Ok(());
    };
    let holder = database.single_user_session.filter(|holder| {
        engine
            .sessions
            .find(*holder)
            .is_some_and(|s| s.database == id)
    });
    match holder {
        Some(holder) if database.user_access == UserAccess::Single && holder != session => {
            Err(Message::error(
                5064,
                format!(
                    "Changes to the state or options of database '{name}' cannot be made at this time. The database is in single-user mode, and a user is currently connected to it."
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// Ends the other sessions of a database, or says that they are in the way.
pub fn clear_users(
    engine: &mut Engine,
    session: SessionId,
    id: DatabaseId,
    name: &str,
    termination: Termination,
) -> Result<(), Message> {
    let others = engine.sessions.users_of(id, session);
    let busy = engine.activities.on_database(id).is_some();
    if others.is_empty() && !busy {
        return Ok(());
    }
    match termination {
        Termination::RollbackImmediate => {
            for other in others {
                engine.store.rollback(other);
                engine.sessions.kill(other);
            }
            Ok(())
        }
        Termination::Wait => Err(Message::error(
            5061,
            format!(
                "ALTER DATABASE failed because a lock could not be placed on database '{name}'. Try again later."
            ),
        )),
        Termination::NoWait => Err(Message::error(
            5070,
            format!(
                "Database state cannot be changed while other users are using the database '{name}'"
            ),
        )),
    }
}

/// A database name as part of a file name.
pub fn file_stem(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_control() || "\\/:*?\"<>|".contains(c) {
                '_'
            } else {
                c
            }
        })
        .collect()
}
