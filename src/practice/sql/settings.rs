//! SET options that change answers, and DBCC.

use super::environment::DateFormat;
use super::execute::operand_text;
use super::state::{Output, State};
use super::statement::{ObjectPath, Operand};
use crate::practice::engine::Engine;
use crate::practice::reply::{Message, Reply};

/// Options of ALTER DATABASE that are taken and change nothing here.
const DATABASE_OPTIONS: &[&str] = &[
    "ACCELERATED_DATABASE_RECOVERY",
    "ALLOW_SNAPSHOT_ISOLATION",
    "ANSI_NULLS",
    "ANSI_NULL_DEFAULT",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "ARITHABORT",
    "AUTO_CLOSE",
    "AUTO_CREATE_STATISTICS",
    "AUTO_SHRINK",
    "AUTO_UPDATE_STATISTICS",
    "AUTO_UPDATE_STATISTICS_ASYNC",
    "CONCAT_NULL_YIELDS_NULL",
    "CURSOR_CLOSE_ON_COMMIT",
    "CURSOR_DEFAULT",
    "DATE_CORRELATION_OPTIMIZATION",
    "DB_CHAINING",
    "DELAYED_DURABILITY",
    "NUMERIC_ROUNDABORT",
    "PAGE_VERIFY",
    "PARAMETERIZATION",
    "QUOTED_IDENTIFIER",
    "READ_COMMITTED_SNAPSHOT",
    "RECURSIVE_TRIGGERS",
    "TARGET_RECOVERY_TIME",
    "TRUSTWORTHY",
];

/// Whether ALTER DATABASE knows an option.
pub fn is_database_option(name: &str) -> bool {
    DATABASE_OPTIONS.contains(&name)
}

/// An option that is on or off.
pub fn switch(engine: &mut Engine, state: &mut State, name: &str, on: bool) {
    let options = &mut state.facts.options;
    match name {
        "NOCOUNT" => options.nocount = on,
        "XACT_ABORT" => options.xact_abort = on,
        "QUOTED_IDENTIFIER" => options.quoted_identifier = on,
        "ANSI_NULLS" => options.ansi_nulls = on,
        "IMPLICIT_TRANSACTIONS" => options.implicit_transactions = on,
        "NOEXEC" => options.no_exec = on,
        "FMTONLY" => state.format_only = on,
        "ANSI_DEFAULTS" => {
            options.quoted_identifier = on;
            options.ansi_nulls = on;
            options.implicit_transactions = on;
        }
        // The rest is accepted as it is sent by every driver and changes no answer here.
        _ => tracing::trace!(session = engine.sessions.iter().count(), name, on, "SET"),
    }
}

fn invalid(name: &str, text: &str) -> Message {
    Message::error(195, format!("'{text}' is not a recognized {name} option.")).with_class(15)
}

/// An option with a value.
pub fn set(state: &mut State, name: &str, text: &str) -> Result<(), Message> {
    let options = &mut state.facts.options;
    let number = || {
        text.trim()
            .parse::<i64>()
            .map_err(|_source| invalid(name, text))
    };
    match name {
        "DATEFIRST" => {
            options.date_first = u8::try_from(number()?)
                .ok()
                .filter(|n| (1..=7).contains(n))
                .ok_or_else(|| {
                    Message::error(2744, format!("The SET DATEFIRST value {text} is invalid."))
                })?;
        }
        "DATEFORMAT" => {
            options.date_format = match text.to_lowercase().as_str() {
                "mdy" => DateFormat::Mdy,
                "dmy" => DateFormat::Dmy,
                "ymd" => DateFormat::Ymd,
                "ydm" => DateFormat::Ydm,
                "myd" => DateFormat::Myd,
                "dym" => DateFormat::Dym,
                _ => {
                    return Err(Message::error(
                        2741,
                        format!("SET DATEFORMAT date order '{text}' is invalid."),
                    ));
                }
            };
        }
        "LANGUAGE" => {
            let (date_first, format) = match text.to_lowercase().as_str() {
                "us_english" | "english" => (7, DateFormat::Mdy),
                "british" | "british english" => (1, DateFormat::Dmy),
                "german" | "deutsch" | "french" | "français" | "italian" | "italiano"
                | "spanish" | "español" => (1, DateFormat::Dmy),
                _ => {
                    return Err(Message::error(
                        2740,
                        format!(
                            "SET LANGUAGE failed because '{text}' is not an official language name or a language alias on this SQL Server."
                        ),
                    ));
                }
            };
            options.date_first = date_first;
            options.date_format = format;
            text.clone_into(&mut options.language);
        }
        "LOCK_TIMEOUT" => {
            options.lock_timeout =
                i32::try_from(number()?).map_err(|_source| invalid(name, text))?;
        }
        "ROWCOUNT" => options.row_limit = u64::try_from(number()?).unwrap_or(0),
        "TEXTSIZE" => {
            options.text_size = match i32::try_from(number()?) {
                Ok(0) => 4096,
                Ok(-1) | Err(_) => i32::MAX,
                Ok(n) => n,
            };
        }
        _ => {}
    }
    Ok(())
}

/// DBCC: the commands that clients and maintenance scripts send.
pub fn dbcc(
    engine: &mut Engine,
    state: &mut State,
    command: &str,
    arguments: &[Operand],
    options: &[String],
    output: &mut Output,
) -> Result<(), Message> {
    let finished = "DBCC execution completed. If DBCC printed error messages, contact your system administrator.";
    let quiet = options.iter().any(|o| o == "NO_INFOMSGS");
    match command {
        "CHECKDB" => {
            let name = match arguments.first() {
                Some(operand) => operand_text(state, operand)?,
                None => state.facts.database_name.clone(),
            };
            let Some(id) = engine.store.find(&name) else {
                return Err(Message::error(
                    911,
                    format!(
                        "Database '{name}' does not exist. Make sure that the name is entered correctly."
                    ),
                ));
            };
            let schema = engine.store.attach(id)?;
            let answer: String = engine
                .store
                .connection()
                .query_row(
                    &format!("PRAGMA \"{schema}\".integrity_check(1)"),
                    [],
                    |row| row.get(0),
                )
                .map_err(|e| super::run::message_of(&e))?;
            if answer != "ok" {
                return Err(Message::error(
                    8928,
                    format!(
                        "Object ID 0, index ID 0: database '{name}' could not be processed. {answer}"
                    ),
                ));
            }
            if !quiet {
                let name = engine
                    .store
                    .database(id)
                    .map_or(name, |d| d.facts.name.clone());
                output.push(Reply::Message(Message::info(
                    8989,
                    format!("CHECKDB found 0 allocation errors and 0 consistency errors in database '{name}'."),
                )));
            }
        }
        "CHECKIDENT" => return check_identity(engine, state, arguments, quiet, output),
        "DROPCLEANBUFFERS" | "FREEPROCCACHE" | "FREESYSTEMCACHE" | "TRACEON" | "TRACEOFF"
        | "SHRINKFILE" | "SHRINKDATABASE" | "UPDATEUSAGE" | "CHECKTABLE" | "CHECKALLOC"
        | "CHECKCATALOG" => {}
        _ => {
            return Err(Message::error(
                2526,
                format!("Incorrect DBCC statement. Check the documentation for the correct DBCC syntax and options. ({command})"),
            )
            .with_state(3));
        }
    }
    if !quiet {
        output.push(Reply::Message(Message::info(2528, finished)));
    }
    Ok(())
}

fn check_identity(
    engine: &mut Engine,
    state: &mut State,
    arguments: &[Operand],
    quiet: bool,
    output: &mut Output,
) -> Result<(), Message> {
    let text = match arguments.first() {
        Some(operand) => operand_text(state, operand)?,
        None => String::new(),
    };
    let path = super::parse::parse_object_path(&text).unwrap_or(ObjectPath {
        database: None,
        schema: None,
        name: text,
    });
    let target = super::dml::Target::find(engine, state, &path)?;
    let Some((.., identity)) = target.table.identity_column() else {
        return Err(Message::error(
            7997,
            format!("'{}' does not contain an identity column.", path.written()),
        ));
    };
    let next = target.peek_identity(engine, state)?;
    let current = next.map(|n| n - identity.increment);
    let reseed =
        matches!(arguments.get(1), Some(Operand::Word(w)) if w.eq_ignore_ascii_case("RESEED"));
    let mut shown = current;
    if let (true, Some(Operand::Number(value))) = (reseed, arguments.get(2)) {
        shown = Some(*value);
        // Where no row was inserted yet the value itself comes next.
        let next = if next.is_some() {
            value.saturating_add(identity.increment)
        } else {
            *value
        };
        super::dml::atomic(engine, state, target.database, |engine, state| {
            target.set_identity(engine, state, next)
        })?;
    }
    if !quiet {
        let shown = shown.map_or_else(|| "NULL".to_owned(), |n| n.to_string());
        output.push(Reply::Message(Message::info(
            7998,
            format!("Checking identity information: current identity value '{shown}'."),
        )));
        output.push(Reply::Message(Message::info(
            2528,
            "DBCC execution completed. If DBCC printed error messages, contact your system administrator.",
        )));
    }
    Ok(())
}
