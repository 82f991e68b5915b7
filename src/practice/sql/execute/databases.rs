//! USE, and the statements about whole databases.

use super::Failure;
use super::transactions::refuse_in_transaction;
use crate::practice::engine::databases::{
    self, AlterDatabase as EngineChange, CreateDatabase as EngineCreate, FileSpec,
    Termination as EngineTermination,
};
use crate::practice::engine::{Edition, Engine, RecoveryModel, UserAccess};
use crate::practice::reply::{Message, Reply};
use crate::practice::sql::settings;
use crate::practice::sql::state::{Output, State};
use crate::practice::sql::statement::{
    AlterDatabase, CreateDatabase, DatabaseChange, OptionValue, Termination, WithOption,
};

pub(super) fn create_database(
    engine: &mut Engine,
    state: &State,
    create: &CreateDatabase,
) -> Result<(), Failure> {
    refuse_in_transaction(state, "CREATE DATABASE").map_err(|error| vec![error])?;
    let spec = |log: bool| {
        create
            .files
            .iter()
            .find(|f| f.log == log)
            .map(|f| FileSpec {
                logical_name: f.logical_name.clone(),
                physical_name: f.path.clone().unwrap_or_default(),
                size_pages: f.size_kib.map(|kib| kib / 8),
            })
    };
    databases::create_database(
        engine,
        &EngineCreate {
            name: create.name.clone(),
            data: spec(false),
            log: spec(true),
        },
    )
    .map(|_| ())
}

pub(super) fn drop_databases(
    engine: &mut Engine,
    state: &State,
    names: &[String],
    if_exists: bool,
) -> Result<(), Failure> {
    refuse_in_transaction(state, "DROP DATABASE").map_err(|error| vec![error])?;
    for name in names {
        if if_exists && engine.store.find(name).is_none() {
            continue;
        }
        databases::drop_database(engine, state.facts.id, name).map_err(|error| vec![error])?;
    }
    Ok(())
}

pub(super) fn alter_database(
    engine: &mut Engine,
    state: &mut State,
    alter: &AlterDatabase,
) -> Result<(), Failure> {
    refuse_in_transaction(state, "ALTER DATABASE").map_err(|error| vec![error])?;
    let name = alter
        .database
        .clone()
        .unwrap_or_else(|| state.facts.database_name.clone());
    let termination = match alter.termination {
        Termination::Wait => EngineTermination::Wait,
        // Other sessions get no grace: their transactions are gone all the same when it is over.
        Termination::RollbackImmediate | Termination::RollbackAfterSeconds(_) => {
            EngineTermination::RollbackImmediate
        }
        Termination::NoWait => EngineTermination::NoWait,
    };
    let changes = match &alter.change {
        DatabaseChange::Rename(to) => vec![EngineChange::Rename(to.clone())],
        DatabaseChange::Collate(_) | DatabaseChange::ModifyFile(_) => vec![EngineChange::Other],
        DatabaseChange::Set(options) => options
            .iter()
            .map(engine_change)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| vec![error])?,
    };
    for change in changes {
        databases::alter_database(engine, state.facts.id, &name, &change, termination)?;
        if let EngineChange::Rename(to) = &change
            && crate::practice::catalogue::same_name(&state.facts.database_name, &name)
        {
            state.facts.database_name.clone_from(to);
        }
    }
    Ok(())
}

fn engine_change(option: &WithOption) -> Result<EngineChange, Message> {
    let word = match &option.value {
        OptionValue::Word(word) | OptionValue::Text(word) => word.to_uppercase(),
        OptionValue::Number(n) => n.to_string(),
        _ => String::new(),
    };
    Ok(match (option.name.as_str(), word.as_str()) {
        ("RECOVERY", "FULL") => EngineChange::Recovery(RecoveryModel::Full),
        ("RECOVERY", "SIMPLE") => EngineChange::Recovery(RecoveryModel::Simple),
        ("RECOVERY", "BULK_LOGGED") => EngineChange::Recovery(RecoveryModel::BulkLogged),
        ("SINGLE_USER", _) => EngineChange::Access(UserAccess::Single),
        ("RESTRICTED_USER", _) => EngineChange::Access(UserAccess::Restricted),
        ("MULTI_USER", _) => EngineChange::Access(UserAccess::Multi),
        ("ONLINE", _) => EngineChange::Online,
        ("OFFLINE", _) => EngineChange::Offline,
        ("READ_ONLY", _) => EngineChange::ReadOnly(true),
        ("READ_WRITE", _) => EngineChange::ReadOnly(false),
        ("AUTO_UPDATE_STATISTICS_ASYNC", word @ ("ON" | "OFF")) => {
            EngineChange::AsyncStatistics(word == "ON")
        }
        ("COMPATIBILITY_LEVEL", level) => {
            let level = level.parse().unwrap_or(0);
            if !matches!(level, 100 | 110 | 120 | 130 | 140 | 150 | 160) {
                return Err(Message::error(
                    15048,
                    "Valid values of the database compatibility level are 100, 110, 120, 130, 140, 150, or 160.",
                ));
            }
            EngineChange::CompatibilityLevel(level)
        }
        (name, word)
            if settings::is_database_option(name) && !word.is_empty() || name == "QUERY_STORE" =>
        {
            EngineChange::Other
        }
        (name, _) => {
            return Err(Message::error(
                5058,
                format!("Option '{name}' cannot be set in database."),
            ));
        }
    })
}

/// USE: 911, and the states in which a database cannot be used.
pub(super) fn use_database(
    engine: &mut Engine,
    state: &mut State,
    name: &str,
    output: &mut Output,
) -> Result<(), Message> {
    let Some(id) = engine.store.find(name) else {
        return Err(Message::error(
            911,
            format!(
                "Database '{name}' does not exist. Make sure that the name is entered correctly."
            ),
        ));
    };
    if engine.options.edition == Edition::Azure
        && !state.facts.service
        && id != state.facts.database
    {
        return Err(Message::error(
            40508,
            "USE statement is not supported to switch between databases. Use a new connection to connect to a different database.",
        ));
    }
    engine.store.check_readable(id)?;
    let Some(database) = engine.store.database(id) else {
        return Ok(());
    };
    let to = database.facts.name.clone();
    if database.user_access == UserAccess::Single
        && !engine.sessions.users_of(id, state.facts.id).is_empty()
    {
        return Err(Message::error(
            924,
            format!("Database '{to}' is already open and can only have one user at a time."),
        )
        .with_class(14));
    }
    let from = std::mem::replace(&mut state.facts.database_name, to.clone());
    state.facts.database = id;
    if let Some(entry) = engine.sessions.find_mut(state.facts.id) {
        entry.database = id;
    }
    if let Some(database) = engine.store.database_mut(id)
        && database.facts.user_access == UserAccess::Single
    {
        database.single_user_session = Some(state.facts.id);
    }
    output.push(Reply::DatabaseChanged {
        from,
        to: to.clone(),
    });
    output.push(Reply::Message(
        Message::info(5701, format!("Changed database context to '{to}'.")).with_state(2),
    ));
    Ok(())
}
