//! The database that a restore goes over, as the server knows it now.

use crate::{
    domain::{Lsn, RestoringState},
    server::{Connection, Row, ServerError, ask},
    tsql::{self, UserAccess},
};
use uuid::Uuid;

/// `sys.databases.state`.
pub(super) const ONLINE: i64 = 0;
pub(super) const RESTORING: i64 = 1;

/// A database as the server knows it now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetFacts {
    /// `state`: 0 online, 1 restoring.
    pub state_number: i64,
    /// `state_desc`.
    pub state: String,
    /// Between two logs, readable; the server calls it online.
    pub standby: bool,
    pub access: UserAccess,
    /// `FULL`, `BULK_LOGGED`, `SIMPLE`.
    pub recovery_model: String,
    /// `AUTO_UPDATE_STATISTICS_ASYNC`.
    pub async_statistics: bool,
    /// `None` when its login is not on this server.
    pub owner: Option<String>,
    /// ISO 8601, on the server's clock.
    pub create_date: String,
    /// The server tells it only of databases that are open.
    pub database_guid: Option<Uuid>,
    /// The recovery fork on which it is; told of open databases only, and another after each recovery.
    pub recovery_fork: Option<Uuid>,
    pub in_availability_group: bool,
    pub mirrored: bool,
    /// Database snapshots of it.
    pub n_snapshots: i64,
    /// The next log record that is needed, while `RESTORING`; `None` when nothing was restored to its end yet.
    pub redo_start: Option<Lsn>,
    /// The recovery fork on which that record must lie.
    pub redo_fork: Option<Uuid>,
    pub family_guid: Option<Uuid>,
    /// The full backup that a differential must build on.
    pub differential_base: Option<Uuid>,
    /// Sessions whose current database it is, ours not counted.
    pub n_sessions: i64,
}

impl TargetFacts {
    /// Open for everybody who may; not in standby.
    pub fn online(&self) -> bool {
        self.state_number == ONLINE && !self.standby
    }

    /// Waiting for more backups, readable or not.
    pub fn restoring(&self) -> bool {
        self.state_number == RESTORING || self.standby
    }

    /// From where a plan can go on; which files it has is not known here.
    pub fn restoring_state(&self) -> Option<RestoringState> {
        let redo = self.redo_start.filter(|_| self.restoring())?;
        Some(RestoringState {
            redo,
            fork: self.redo_fork,
            family: self.family_guid,
            differential_base: self.differential_base,
            files: Vec::new(),
            stands_at: None,
        })
    }

    /// Its log is not kept, so it has no tail.
    pub fn is_simple(&self) -> bool {
        self.recovery_model == "SIMPLE"
    }
}

/// Reads where a restore left a database, with the names of its files; `None` when it is not `RESTORING` or nothing was restored to its end yet.
pub async fn read_restoring(
    connection: &mut dyn Connection,
    database: &str,
) -> Result<Option<RestoringState>, ServerError> {
    let Some(facts) = read_target(connection, database).await? else {
        return Ok(None);
    };
    let Some(state) = facts.restoring_state() else {
        return Ok(None);
    };
    let answer = ask(connection, &tsql::files_of(database)).await?;
    let files = answer.rows().iter().filter_map(|row| row.text("name"));
    Ok(Some(RestoringState {
        files: files.collect(),
        ..state
    }))
}

/// Reads a database; `None` when there is none of that name.
pub async fn read_target(
    connection: &mut dyn Connection,
    database: &str,
) -> Result<Option<TargetFacts>, ServerError> {
    let answer = ask(connection, &tsql::target_facts(database)).await?;
    Ok(answer.first().map(|row| {
        let yes = |name: &str| row.int(name).unwrap_or_default() != 0;
        TargetFacts {
            state_number: row.int("state").unwrap_or_default(),
            state: row.text("state_desc").unwrap_or_default(),
            standby: yes("is_in_standby"),
            access: row
                .int("user_access")
                .and_then(UserAccess::from_number)
                .unwrap_or_default(),
            recovery_model: row.text("recovery_model_desc").unwrap_or_default(),
            async_statistics: yes("is_auto_update_stats_async_on"),
            owner: row.text("owner_name").filter(|name| !name.is_empty()),
            create_date: row
                .time("create_date")
                .map(|time| time.to_string())
                .unwrap_or_default(),
            database_guid: row.guid("database_guid"),
            recovery_fork: row.guid("recovery_fork_guid"),
            in_availability_group: yes("in_group"),
            mirrored: yes("n_mirrors"),
            n_snapshots: row.int("n_snapshots").unwrap_or_default(),
            redo_start: row
                .cell("redo_start_lsn")
                .whole()
                .and_then(|value| u128::try_from(value).ok())
                .and_then(Lsn::new),
            redo_fork: row.guid("redo_start_fork_guid"),
            family_guid: row.guid("family_guid"),
            differential_base: row.guid("differential_base_guid"),
            n_sessions: row.int("n_sessions").unwrap_or_default(),
        }
    }))
}

/// Whether a backup or restore works on a database now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtWork {
    Nobody,
    Session(i64),
    /// The login sees no sessions but its own, which is not nobody.
    NotTold,
}

/// Looks for a backup or restore that works on a database.
pub(super) async fn at_work(
    connection: &mut dyn Connection,
    database: &str,
) -> Result<AtWork, ServerError> {
    let answer = match ask(connection, &tsql::running_backups()).await {
        Ok(answer) => answer,
        Err(ServerError::Refused { .. }) => return Ok(AtWork::NotTold),
        Err(other) => return Err(other),
    };
    let session = answer
        .rows()
        .iter()
        .find(|row| works_on(row, database))
        .and_then(|row| row.int("session_id"));
    if let Some(session) = session {
        return Ok(AtWork::Session(session));
    }
    match ask(connection, &tsql::may_see_requests()).await {
        Ok(answer) if answer.first().and_then(|row| row.bool("may_see_requests")) == Some(true) => {
            Ok(AtWork::Nobody)
        }
        Ok(_) | Err(ServerError::Refused { .. }) => Ok(AtWork::NotTold),
        Err(other) => Err(other),
    }
}

/// A session as people know it.
pub(super) fn session_words(row: &Row) -> String {
    format!(
        "{} on {} ({})",
        row.text("login_name").unwrap_or_default(),
        row.text("host_name").unwrap_or_default(),
        row.text("program_name").unwrap_or_default()
    )
}

/// Whether a running backup or restore works on a database: its session says so, or its text names it.
pub(super) fn works_on(row: &Row, database: &str) -> bool {
    let is_it = |name: &str| name.to_lowercase() == database.to_lowercase();
    let same = row.text("database_name").is_some_and(|name| is_it(&name));
    same || named_in(row).iter().any(|name| is_it(name))
}

/// Whether a restore runs whose text does not name its database: it stands in a variable, or the login may not read it.
pub(super) fn works_on_unknown(row: &Row) -> bool {
    row.text("command")
        .is_some_and(|command| command.starts_with("RESTORE"))
        && named_in(row).is_empty()
}

fn named_in(row: &Row) -> Vec<String> {
    row.text("statement_text")
        .map(|text| databases_named(&text))
        .unwrap_or_default()
}

/// The databases that `BACKUP` and `RESTORE` statements of a batch name: in brackets, in quotes, or bare.
fn databases_named(sql: &str) -> Vec<String> {
    let upper = sql.to_ascii_uppercase();
    let mut named = Vec::new();
    for verb in ["BACKUP", "RESTORE"] {
        for (at, _) in upper.match_indices(verb) {
            let rest = sql.get(at + verb.len()..).unwrap_or_default();
            let Some(rest) = after_words(rest) else {
                continue;
            };
            named.extend(identifier_at(rest));
        }
    }
    named
}

/// What follows `DATABASE` or `LOG`, with the white space before and after.
fn after_words(text: &str) -> Option<&str> {
    let trimmed = text.trim_start();
    let word = ["DATABASE", "LOG"].into_iter().find(|word| {
        trimmed
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    })?;
    let rest = trimmed.get(word.len()..)?;
    (trimmed.len() < text.len()).then(|| rest.trim_start())
}

/// The identifier that a text begins with; a variable is none.
fn identifier_at(text: &str) -> Option<String> {
    let close = match text.chars().next()? {
        '[' => ']',
        '"' => '"',
        first if first.is_alphabetic() || first == '_' || first == '#' => {
            let end = |c: char| !(c.is_alphanumeric() || "_@#$".contains(c));
            return text.split(end).next().map(str::to_owned);
        }
        _ => return None,
    };
    let mut name = String::new();
    let mut rest = text.chars().skip(1).peekable();
    while let Some(c) = rest.next() {
        if c == close && rest.next_if_eq(&close).is_none() {
            return Some(name);
        }
        name.push(c);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::databases_named;

    #[track_caller]
    fn check(sql: &str, expected: &[&str]) {
        assert_eq!(databases_named(sql), expected, "{sql}");
    }

    #[test]
    fn a_statement_names_its_database_in_every_way() {
        check("RESTORE DATABASE [a]]b] FROM DISK = N'x'", &["a]b"]);
        check("restore log Octo from disk = N'x'", &["Octo"]);
        check(
            "IF 1 = 1\n    BACKUP  DATABASE \"my \"\"db\"\"\" TO DISK = N'x'",
            &["my \"db\""],
        );
        check("RESTORE DATABASE @name FROM DISK = @file", &[]);
        check("RESTORE HEADERONLY FROM DISK = N'x'", &[]);
        check("RESTORE DATABASE [never closed", &[]);
    }
}
