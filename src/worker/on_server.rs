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
    /// The database that the statement names, else the one that the session is in.
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
    let (command, statement) = (text("command"), text("statement_text"));
    RunningWork {
        session_id: row.int("session_id").unwrap_or_default(),
        database: database_of(&command, &statement).unwrap_or_else(|| text("database_name")),
        command,
        percent: row
            .cell("percent_complete")
            .float()
            .map(|percent| percent as f32),
        remaining_secs: seconds("estimated_completion_time"),
        elapsed_secs: seconds("total_elapsed_time"),
        who,
        statement,
    }
}

/// The name after the command, where it stands in brackets as tools write it; it is only shown.
fn database_of(command: &str, statement: &str) -> Option<String> {
    // Upper case of ASCII alone, so that both texts have the same places.
    let at = statement
        .to_ascii_uppercase()
        .rfind(&format!("{} [", command.to_ascii_uppercase()))?;
    let name = statement.get(at + command.len() + 2..)?;
    let mut found = String::new();
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ']' if chars.peek() == Some(&']') => {
                chars.next();
                found.push(']');
            }
            ']' => return Some(found),
            c => found.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::database_of;

    #[test]
    fn the_statement_names_its_database() {
        let sql = "IF 1 = 0 RAISERROR (N'RESTORE DATABASE is not meant', 16, 1);\nELSE\nrestore database [a]]b'x]\nFROM DISK = N'x'";
        assert_eq!(
            database_of("RESTORE DATABASE", sql).as_deref(),
            Some("a]b'x")
        );
        assert_eq!(database_of("BACKUP LOG", sql), None);
        assert_eq!(database_of("BACKUP LOG", "BACKUP LOG [open"), None);
    }
}
