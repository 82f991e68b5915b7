//! Rows about who is connected and what runs.

use super::{Row, local_datetime, sql_handle};
use crate::practice::catalogue::system::SystemView;
use crate::practice::engine::{Activity, Engine, SessionEntry, SessionId};
use crate::practice::value::Value;
use std::time::Instant;

pub(super) fn command(engine: &Engine, session: &SessionEntry) -> String {
    match (engine.activities.find(session.id), &session.request) {
        (Some(activity), _) => activity.command.to_owned(),
        (None, Some(request)) => request.command.clone(),
        (None, None) => "AWAITING COMMAND".to_owned(),
    }
}

/// Of the sessions that `own` sees.
pub(super) fn requests(engine: &Engine, view: &SystemView, own: SessionId) -> Vec<Vec<Value>> {
    let now = engine.clock.now();
    let instant = Instant::now();
    engine
        .sessions
        .iter()
        .filter(|s| engine.options.pretended.shows_session(own, s.id))
        .filter_map(|s| Some((s, s.request.as_ref()?)))
        .map(|(s, request)| {
            let activity = engine.activities.find(s.id);
            let wait = activity
                .map(|a| a.wait_type().to_owned())
                .or_else(|| request.wait.clone());
            let elapsed = (now.0 - request.started.0).num_milliseconds();
            let (percent, left) = activity.map_or((0.0, 0), |a| {
                (
                    f64::from(a.percent_complete(instant)),
                    a.milliseconds_left(instant),
                )
            });
            // A backup stands in the database that is backed up, a restore in the session's own.
            let database = activity
                .filter(|a| a.command.starts_with("BACKUP"))
                .and_then(|a: &Activity| a.database)
                .unwrap_or(s.database);
            let mut row = Row::new(view)
                .int("session_id", s.id)
                .int("request_id", 0)
                .set("start_time", local_datetime(engine, request.started))
                .text(
                    "status",
                    if wait.is_some() {
                        "suspended"
                    } else {
                        "running"
                    },
                )
                .text("command", command(engine, s))
                .set("sql_handle", sql_handle(s.id))
                .int("statement_start_offset", 0)
                .int("statement_end_offset", -1)
                .int("database_id", database)
                .int("user_id", 1)
                .int("blocking_session_id", request.blocked_by)
                .int("wait_time", if wait.is_some() { elapsed } else { 0 })
                .text("last_wait_type", wait.clone().unwrap_or_default())
                .int("open_transaction_count", s.open_transactions)
                .int("open_resultset_count", 1)
                .set("percent_complete", Value::Float(percent))
                .int("estimated_completion_time", left)
                .int("cpu_time", elapsed / 10)
                .int("total_elapsed_time", elapsed)
                .int("text_size", 2_147_483_647)
                .text("language", "us_english")
                .text("date_format", "mdy")
                .int("date_first", 7)
                .int("transaction_isolation_level", 2)
                .int("lock_timeout", -1)
                .int("group_id", 2)
                .ints(
                    &[
                        "quoted_identifier",
                        "arithabort",
                        "ansi_null_dflt_on",
                        "ansi_warnings",
                        "ansi_padding",
                        "ansi_nulls",
                        "concat_null_yields_null",
                    ],
                    1,
                );
            if let Some(wait) = wait {
                row = row.text("wait_type", wait);
            }
            row.done()
        })
        .collect()
}

/// Those that `own` sees.
pub(super) fn sessions(engine: &Engine, view: &SystemView, own: SessionId) -> Vec<Vec<Value>> {
    engine
        .sessions
        .iter()
        .filter(|s| engine.options.pretended.shows_session(own, s.id))
        .map(|s| {
            Row::new(view)
                .int("session_id", s.id)
                .set("login_time", local_datetime(engine, s.login_time))
                .text("host_name", s.host.clone())
                .text("program_name", s.program.clone())
                .int("host_process_id", s.client_pid)
                .int("client_version", 7)
                .text("client_interface_name", "TDS")
                .set("security_id", Value::Bytes(vec![1]))
                .text("login_name", s.login.clone())
                .text(
                    "status",
                    if s.request.is_some() {
                        "running"
                    } else {
                        "sleeping"
                    },
                )
                .int("memory_usage", 4)
                .int("endpoint_id", 4)
                .set(
                    "last_request_start_time",
                    local_datetime(engine, s.last_request_start),
                )
                .set(
                    "last_request_end_time",
                    local_datetime(engine, s.last_request_end),
                )
                .int("text_size", 2_147_483_647)
                .text("language", "us_english")
                .text("date_format", "mdy")
                .int("date_first", 7)
                .int("transaction_isolation_level", 2)
                .int("lock_timeout", -1)
                .set("original_security_id", Value::Bytes(vec![1]))
                .text("original_login_name", s.login.clone())
                .int("group_id", 2)
                .int("database_id", s.database)
                .int("authenticating_database_id", 1)
                .int("open_transaction_count", s.open_transactions)
                .ints(
                    &[
                        "is_user_process",
                        "quoted_identifier",
                        "arithabort",
                        "ansi_null_dflt_on",
                        "ansi_warnings",
                        "ansi_padding",
                        "ansi_nulls",
                        "concat_null_yields_null",
                    ],
                    1,
                )
                .done()
        })
        .collect()
}

/// The one write transaction that may be open, in each database that it has written to.
pub(super) fn database_transactions(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    let Some(session) = engine
        .store
        .writer()
        .and_then(|id| engine.sessions.find(id))
    else {
        return Vec::new();
    };
    engine
        .store
        .open_writes()
        .into_iter()
        .map(|(database, bytes)| {
            let mut row = Row::new(view)
                .int("transaction_id", transaction_id(session))
                .int("database_id", database)
                .int("database_transaction_type", 1)
                .int("database_transaction_state", 4)
                .int(
                    "database_transaction_log_bytes_used",
                    i64::try_from(bytes).unwrap_or(i64::MAX),
                );
            if let Some(began) = session.transaction_began {
                row = row.set(
                    "database_transaction_begin_time",
                    local_datetime(engine, began),
                );
            }
            row.done()
        })
        .collect()
}

/// Sessions that have a transaction open.
pub(super) fn session_transactions(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    engine
        .sessions
        .iter()
        .filter(|session| session.open_transactions > 0)
        .map(|session| {
            Row::new(view)
                .int("session_id", session.id)
                .int("transaction_id", transaction_id(session))
                .ints(&["enlist_count", "is_enlisted", "is_bound"], 0)
                .ints(&["is_user_transaction", "is_local"], 1)
                .int("open_transaction_count", session.open_transactions)
                .done()
        })
        .collect()
}

/// A number that no two open transactions share.
fn transaction_id(session: &SessionEntry) -> i64 {
    1_000 + i64::from(session.id)
}
