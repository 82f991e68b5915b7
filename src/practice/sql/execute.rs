//! Statements that the engine runs in one go, without the session waiting for anything.

mod cursors;
mod databases;
mod keys;
mod transactions;

pub use transactions::{begin_transaction, commit, roll_everything_back, rollback, save};

use super::dml::{self, Target};
use super::state::{Cursor, Output, State, resolve_type, undeclared};
use super::statement::{DeclarationKind, Operand, RaiseError, SettingValue, Statement};
use super::{convert, ddl, raise, settings};
use crate::practice::engine::{Engine, LogMark};
use crate::practice::reply::{Message, Reply};
use crate::practice::value::{Length, SqlType, Value};
use cursors::{fetch, find_cursor, no_cursor, open_cursor};
use databases::{alter_database, create_database, drop_databases, use_database};
use std::sync::Arc;
use transactions::doomed;

/// What a statement that went well tells its DONE token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// `CurCmd`.
    pub command: u16,
    /// Rows affected, where the statement counts them.
    pub rows: Option<u64>,
    /// Declarations and assignments end without a DONE.
    pub silent: bool,
    /// `@@ROWCOUNT` stays what it was.
    pub keeps_row_count: bool,
}

impl Effect {
    fn rows(command: u16, rows: u64) -> Self {
        Self {
            command,
            rows: Some(rows),
            ..Self::default()
        }
    }

    fn plain(command: u16) -> Self {
        Self {
            command,
            ..Self::default()
        }
    }

    fn silent() -> Self {
        Self {
            silent: true,
            ..Self::default()
        }
    }
}

/// Messages of a statement that failed; the last is the one that CATCH sees.
pub type Failure = Vec<Message>;

/// `CurCmd` and `dm_exec_requests.command` of a statement.
pub fn command_of(statement: &Statement) -> (u16, &'static str) {
    match statement {
        Statement::Query(_) | Statement::SelectInto { .. } => (193, "SELECT"),
        Statement::Insert(_) => (195, "INSERT"),
        Statement::Delete(_) => (196, "DELETE"),
        Statement::Update(_) => (197, "UPDATE"),
        Statement::Merge(_) => (279, "MERGE"),
        Statement::Truncate(_) => (233, "TRUNCATE TABLE"),
        Statement::CreateTable(_) => (198, "CREATE TABLE"),
        Statement::DropTable { .. } => (199, "DROP TABLE"),
        Statement::AlterTable { .. } => (216, "ALTER TABLE"),
        Statement::CreateIndex { .. } => (200, "CREATE INDEX"),
        Statement::DropIndex { .. } => (201, "DROP INDEX"),
        Statement::CreateDatabase(_) => (203, "CREATE DATABASE"),
        Statement::DropDatabase { .. } => (204, "DROP DATABASE"),
        Statement::AlterDatabase(_) => (215, "ALTER DATABASE"),
        Statement::Rollback { .. } => (210, "ROLLBACK TRANSACTION"),
        Statement::BeginTransaction { .. } => (212, "BEGIN TRANSACTION"),
        Statement::Commit => (213, "COMMIT TRANSACTION"),
        Statement::Save { .. } => (214, "SAVE TRANSACTION"),
        Statement::Execute(_) => (224, "EXECUTE"),
        Statement::Use(_) => (226, "USE DATABASE"),
        Statement::Backup(_) => (228, "BACKUP DATABASE"),
        Statement::Restore(_) => (229, "RESTORE DATABASE"),
        Statement::Dbcc { .. } => (230, "DBCC"),
        Statement::Print(_) => (247, "PRINT"),
        Statement::RaiseError(_) | Statement::Throw(_) => (246, "RAISERROR"),
        Statement::WaitFor { .. } => (252, "WAITFOR"),
        Statement::Kill(_) => (253, "KILL"),
        _ => (253, "SET"),
    }
}

/// Whether a statement begins a transaction when `IMPLICIT_TRANSACTIONS` is on.
pub fn begins_implicitly(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Query(_)
            | Statement::SelectInto { .. }
            | Statement::Insert(_)
            | Statement::Delete(_)
            | Statement::Update(_)
            | Statement::Merge(_)
            | Statement::Truncate(_)
            | Statement::CreateTable(_)
            | Statement::DropTable { .. }
            | Statement::AlterTable { .. }
            | Statement::CreateIndex { .. }
            | Statement::DropIndex { .. }
            | Statement::OpenCursor(_)
            | Statement::Fetch { .. }
    )
}

/// Runs a statement.
pub fn execute(
    engine: &mut Engine,
    state: &mut State,
    statement: &Statement,
    output: &mut Output,
) -> Result<Effect, Failure> {
    let (command, name) = command_of(statement);
    if let Some(entry) = engine.sessions.find_mut(state.facts.id)
        && let Some(request) = entry.request.as_mut()
    {
        name.clone_into(&mut request.command);
    }
    let one = |error: Message| vec![error];
    if begins_implicitly(statement)
        && state.facts.options.implicit_transactions
        && state.facts.trancount == 0
        && reads_or_writes(statement)
    {
        begin_transaction(engine, state, None, output).map_err(one)?;
    }
    if state.facts.xact_state == -1 && writes(statement) {
        return Err(vec![doomed()]);
    }
    match statement {
        Statement::Query(query) => {
            let rows = state.query(engine, &[], query, output).map_err(one)?;
            Ok(Effect::rows(command, rows))
        }
        Statement::SelectInto { table, query } => ddl::select_into(engine, state, table, query)
            .map(|rows| Effect::rows(command, rows))
            .map_err(one),
        Statement::Insert(insert) => dml::insert(engine, state, insert, output)
            .map(|rows| Effect::rows(command, rows))
            .map_err(one),
        Statement::Update(update) => dml::update(engine, state, update, output)
            .map(|rows| Effect::rows(command, rows))
            .map_err(one),
        Statement::Delete(delete) => dml::delete(engine, state, delete, output)
            .map(|rows| Effect::rows(command, rows))
            .map_err(one),
        Statement::Merge(merge) => dml::merge(engine, state, merge, output)
            .map(|rows| Effect::rows(command, rows))
            .map_err(one),
        Statement::Truncate(table) => dml::truncate(engine, state, table)
            .map(|()| Effect::plain(command))
            .map_err(one),
        Statement::Declare(declarations) => {
            for declaration in declarations {
                declare(engine, state, &declaration.name, &declaration.kind).map_err(one)?;
            }
            Ok(Effect {
                keeps_row_count: true,
                ..Effect::silent()
            })
        }
        Statement::SetVariable { name, value } => {
            let (ty, value) = state.evaluate(engine, value).map_err(one)?;
            state.assign(name, ty, value).map_err(one)?;
            state.facts.rowcount = 1;
            Ok(Effect {
                keeps_row_count: true,
                ..Effect::silent()
            })
        }
        Statement::SetSwitch { names, on } => {
            for name in names {
                settings::switch(engine, state, name, *on);
            }
            Ok(Effect::silent())
        }
        Statement::SetValue { name, value } => {
            set_value(state, name, value).map_err(one)?;
            Ok(Effect::silent())
        }
        Statement::SetIdentityInsert { table, on } => {
            let target = Target::find(engine, state, table).map_err(one)?;
            if target.table.identity_column().is_none() {
                return Err(vec![Message::error(
                    8106,
                    format!(
                        "Table '{}' does not have the identity property. Cannot perform SET operation.",
                        table.written()
                    ),
                )]);
            }
            if *on {
                state.identity_insert = Some(target.identity_key());
            } else if state.identity_insert == Some(target.identity_key()) {
                state.identity_insert = None;
            }
            Ok(Effect::silent())
        }
        Statement::SetIsolation(level) => {
            state.facts.options.isolation_level = *level;
            Ok(Effect::silent())
        }
        Statement::Print(expr) => {
            let text = state
                .evaluate_as(engine, expr, SqlType::NVarChar(Length::Max))
                .map_err(one)?;
            let text = match text {
                Value::Text(text) => text.chars().take(4000).collect(),
                _ => String::new(),
            };
            output.push(Reply::Message(Message::info(0, text)));
            Ok(Effect::plain(command))
        }
        Statement::RaiseError(raise_error) => raise_message(engine, state, raise_error, output),
        Statement::Use(name) => {
            use_database(engine, state, name, output).map_err(one)?;
            Ok(Effect::plain(command))
        }
        Statement::Kill(target) => kill(engine, state, target)
            .map(|()| Effect::plain(command))
            .map_err(one),
        Statement::Checkpoint => {
            let now = engine.commit_time();
            engine.store.checkpoint(state.facts.database, now);
            Ok(Effect::plain(command))
        }
        Statement::Reconfigure => Ok(Effect::plain(command)),
        Statement::BeginTransaction { name, mark } => {
            let text = |state: &State, operand: &Option<Operand>| {
                let text = operand.as_ref().map(|n| operand_text(state, n));
                text.transpose().map_err(one)
            };
            let name = text(state, name)?;
            if let Some(description) = mark {
                let name = name.clone().unwrap_or_default();
                let description = text(state, description)?.unwrap_or_else(|| name.clone());
                state
                    .transaction_mark
                    .get_or_insert(LogMark { name, description });
            }
            begin_transaction(engine, state, name, output).map_err(one)?;
            Ok(Effect::plain(command))
        }
        Statement::Commit => {
            commit(engine, state, output).map_err(one)?;
            Ok(Effect::plain(command))
        }
        Statement::Rollback { name } => {
            let name = name
                .as_ref()
                .map(|n| operand_text(state, n))
                .transpose()
                .map_err(one)?;
            rollback(engine, state, name.as_deref(), output).map_err(one)?;
            Ok(Effect::plain(command))
        }
        Statement::Save { name } => {
            let name = operand_text(state, name).map_err(one)?;
            save(engine, state, &name).map_err(one)?;
            Ok(Effect::plain(command))
        }
        Statement::OpenCursor(name) => {
            open_cursor(engine, state, name).map_err(one)?;
            Ok(Effect::silent())
        }
        Statement::Fetch {
            cursor,
            direction,
            into,
        } => fetch(state, cursor, direction, into, output).map_err(one),
        Statement::CloseCursor(name) => {
            let cursor = find_cursor(state, name).map_err(one)?;
            if cursor.rows.take().is_none() {
                return Err(vec![Message::error(16917, "Cursor is not open.")]);
            }
            Ok(Effect::silent())
        }
        Statement::DeallocateCursor(name) => {
            if state.cursors.remove(&name.to_lowercase()).is_none() {
                return Err(vec![no_cursor(name)]);
            }
            Ok(Effect::silent())
        }
        Statement::CreateTable(definition) => ddl::create_table(engine, state, definition)
            .map(|()| Effect::plain(command))
            .map_err(one),
        Statement::AlterTable { table, change } => ddl::alter_table(engine, state, table, change)
            .map(|()| Effect::plain(command))
            .map_err(one),
        Statement::DropTable { tables, if_exists } => {
            for table in tables {
                ddl::drop_table(engine, state, table, *if_exists).map_err(one)?;
            }
            Ok(Effect::plain(command))
        }
        Statement::CreateIndex { table, index } => ddl::create_index(engine, state, table, index)
            .map(|()| Effect::plain(command))
            .map_err(one),
        Statement::DropIndex {
            table,
            name,
            if_exists,
        } => ddl::drop_index(engine, state, table, name, *if_exists)
            .map(|()| Effect::plain(command))
            .map_err(one),
        Statement::CreateSchema(name) => ddl::create_schema(engine, state, name)
            .map(|()| Effect::plain(command))
            .map_err(one),
        Statement::DropSchema { name, if_exists } => {
            ddl::drop_schema(engine, state, name, *if_exists)
                .map(|()| Effect::plain(command))
                .map_err(one)
        }
        Statement::CreateDatabase(create) => {
            create_database(engine, state, create)?;
            Ok(Effect::plain(command))
        }
        Statement::DropDatabase { names, if_exists } => {
            drop_databases(engine, state, names, *if_exists)?;
            Ok(Effect::plain(command))
        }
        Statement::AlterDatabase(alter) => {
            alter_database(engine, state, alter)?;
            Ok(Effect::plain(command))
        }
        Statement::Keys(statement) => {
            keys::execute(engine, state, statement)?;
            Ok(Effect::plain(command))
        }
        Statement::Dbcc {
            command: what,
            arguments,
            options,
        } => {
            settings::dbcc(engine, state, what, arguments, options, output).map_err(one)?;
            Ok(Effect::plain(command))
        }
        Statement::Throw(_)
        | Statement::WaitFor { .. }
        | Statement::Execute(_)
        | Statement::Backup(_)
        | Statement::Restore(_) => Ok(Effect::silent()),
    }
}

/// A SELECT without FROM begins no transaction.
fn reads_or_writes(statement: &Statement) -> bool {
    match statement {
        Statement::Query(query) => query.body.as_select().is_none_or(|s| !s.from.is_empty()),
        _ => true,
    }
}

fn writes(statement: &Statement) -> bool {
    !matches!(
        statement,
        Statement::Query(_) | Statement::OpenCursor(_) | Statement::Fetch { .. }
    ) && begins_implicitly(statement)
        || matches!(statement, Statement::Save { .. })
}

/// The text of a name that may be a variable.
pub fn operand_text(state: &State, operand: &Operand) -> Result<String, Message> {
    match operand {
        Operand::Word(text) | Operand::Text(text) => Ok(text.clone()),
        Operand::Number(n) => Ok(n.to_string()),
        Operand::Variable(name) => {
            let (ty, value) = state
                .variables
                .find(name)
                .map(|(ty, value)| (ty, value.clone()))
                .ok_or_else(|| undeclared(name))?;
            match convert::convert(value, ty, SqlType::NVarChar(Length::Max), convert::NO_STYLE)? {
                Value::Text(text) => Ok(text),
                _ => Ok(String::new()),
            }
        }
    }
}

fn declare(
    engine: &mut Engine,
    state: &mut State,
    name: &str,
    kind: &DeclarationKind,
) -> Result<(), Message> {
    match kind {
        DeclarationKind::Scalar { ty, initial } => {
            let ty = resolve_type(ty)?;
            // A DECLARE in a loop gives its value anew only when it has one.
            let mut value = state
                .variables
                .find(name)
                .map_or(Value::Null, |(_, value)| value.clone());
            if let Some(expr) = initial {
                value = state.evaluate_as(engine, expr, ty)?;
            }
            state.variables.declare(name, ty, value);
            Ok(())
        }
        DeclarationKind::Table(definition) => ddl::create_table(engine, state, definition),
        DeclarationKind::Cursor(query) => {
            let key = name.to_lowercase();
            if state.cursors.contains_key(&key) && !name.starts_with('@') {
                return Err(Message::error(
                    16915,
                    format!("A cursor with the name '{name}' already exists."),
                ));
            }
            state.cursors.insert(
                key,
                Cursor {
                    query: Arc::new(query.as_ref().clone()),
                    columns: Vec::new(),
                    rows: None,
                    position: 0,
                },
            );
            Ok(())
        }
        DeclarationKind::CursorVariable => Ok(()),
    }
}

fn raise_message(
    engine: &mut Engine,
    state: &State,
    statement: &RaiseError,
    output: &mut Output,
) -> Result<Effect, Failure> {
    let message = raise::message(engine, state, statement).map_err(|error| vec![error])?;
    if message.is_error() {
        return Err(vec![message]);
    }
    output.push(Reply::Message(message));
    Ok(Effect::plain(246))
}

fn kill(engine: &mut Engine, state: &State, target: &Operand) -> Result<(), Message> {
    let Operand::Number(number) = target else {
        return Err(Message::error(6101, "Session ID is not a valid number.").with_class(16));
    };
    let session = i16::try_from(*number).unwrap_or(-1);
    if session == state.facts.id {
        return Err(Message::error(
            6104,
            "Cannot use KILL to kill your own process.",
        ));
    }
    if session <= 50 && session > 0 {
        return Err(Message::error(6107, "Only user processes can be killed.").with_class(14));
    }
    if engine.sessions.kill(session) {
        Ok(())
    } else {
        Err(Message::error(
            6106,
            format!("Process ID {number} is not an active process ID."),
        )
        .with_state(2))
    }
}

fn set_value(state: &mut State, name: &str, value: &SettingValue) -> Result<(), Message> {
    match value {
        SettingValue::Binary(bytes) => {
            state.context_info.clone_from(bytes);
            Ok(())
        }
        SettingValue::Operand(operand) => {
            let text = operand_text(state, operand)?;
            settings::set(state, name, &text)
        }
    }
}
