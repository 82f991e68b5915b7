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

/// The session whose backup or restore works on a database now; `None` as well where the login may not know.
pub(super) async fn session_at_work(
    connection: &mut dyn Connection,
    database: &str,
) -> Result<Option<i64>, ServerError> {
    match ask(connection, &tsql::running_backups()).await {
        Ok(answer) => Ok(answer
            .rows()
            .iter()
            .find(|row| works_on(row, database))
            .and_then(|row| row.int("session_id"))),
        // Without the permission nobody knows.
        Err(ServerError::Refused { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Whether a running backup or restore works on a database: its session says so, or its text names it.
pub(super) fn works_on(row: &Row, database: &str) -> bool {
    let same = row
        .text("database_name")
        .is_some_and(|name| name.to_lowercase() == database.to_lowercase());
    let quoted = tsql::identifier(database).to_lowercase();
    same || row
        .text("statement_text")
        .is_some_and(|text| text.to_lowercase().contains(&quoted))
}
