//! Backups and restores that run on a server, ours and others', to be watched.

use crate::{
    server::{Gateway, Row, ServerError, ask},
    tsql,
};

/// One running backup or restore.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningWork {
    pub session_id: i64,
    /// As `RESTORE DATABASE`.
    pub command: String,
    /// The database that the session is in.
    pub database: String,
    /// 0–100; `None` when the server does not tell.
    pub percent: Option<f32>,
    pub remaining_secs: Option<f64>,
    pub elapsed_secs: Option<f64>,
    /// `login on host (program)`.
    pub who: String,
    /// The whole batch.
    pub statement: String,
}

/// Reads them; a login that may not see other sessions sees its own.
pub(super) async fn running_work(gateway: &dyn Gateway) -> Result<Vec<RunningWork>, ServerError> {
    let mut connection = gateway.connect().await?;
    let answer = ask(connection.as_mut(), &tsql::running_work()).await?;
    Ok(answer.rows().iter().map(work).collect())
}

fn work(row: &Row) -> RunningWork {
    let text = |name: &str| row.text(name).unwrap_or_default();
    let seconds = |name: &str| {
        row.int(name)
            .filter(|millis| *millis > 0)
            .map(|millis| millis as f64 / 1e3)
    };
    let (host, program) = (text("host_name"), text("program_name"));
    let mut who = text("login_name");
    if !host.is_empty() {
        who.push_str(&format!(" on {host}"));
    }
    if !program.is_empty() {
        who.push_str(&format!(" ({program})"));
    }
    RunningWork {
        session_id: row.int("session_id").unwrap_or_default(),
        command: text("command"),
        database: text("database_name"),
        percent: row
            .cell("percent_complete")
            .float()
            .map(|percent| percent as f32),
        remaining_secs: seconds("estimated_completion_time"),
        elapsed_secs: seconds("total_elapsed_time"),
        who,
        statement: text("statement_text"),
    }
}
