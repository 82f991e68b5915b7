//! What a server says of itself, and its databases.

use super::{
    connection::{Answer, Cell, Connection, ask},
    error::ServerError,
};
use crate::{
    domain::{RecordedServer, ServerTime, UtcOffset, UtcTime},
    tsql::{self, HistoryColumns},
};

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerInfo {
    /// `@@SERVERNAME`.
    pub name: String,
    /// `SERVERPROPERTY('ProductVersion')`.
    pub version: String,
    /// First line of `@@VERSION`.
    pub version_text: String,
    pub edition: String,
    pub login: String,
    /// What the server really is, whatever its profile says.
    pub platform: Platform,
    /// Server clock minus own clock, and the server's offset now.
    pub clock_skew_millis: i64,
    pub utc_offset: UtcOffset,
    pub path_separator: char,
    pub default_data_path: Option<String>,
    pub default_log_path: Option<String>,
    pub default_backup_path: Option<String>,
}

/// Which kind of SQL Server answers: what can be offered depends on it.
///
/// <https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// A server of one's own.
    #[default]
    SqlServer,
    /// `EngineEdition` 5: no msdb, no `BACKUP`, no `RESTORE`; the service does both.
    AzureSqlDatabase,
    /// `EngineEdition` 8: msdb is there, users back up `COPY_ONLY` to a URL.
    ManagedInstance,
    /// There is a database `rdsadmin`: `rds_*` procedures stand in for `BACKUP` and `RESTORE`.
    AmazonRds,
}

/// The database of the service on Amazon RDS.
const RDS_ADMIN: &str = "rdsadmin";

impl Platform {
    fn of(engine_edition: Option<i64>, has_rdsadmin: bool) -> Self {
        match engine_edition {
            Some(5) => Self::AzureSqlDatabase,
            Some(8) => Self::ManagedInstance,
            _ if has_rdsadmin => Self::AmazonRds,
            _ => Self::SqlServer,
        }
    }
}

/// The same with what only reading its history needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerReading {
    pub info: ServerInfo,
    pub collation: Option<String>,
    pub columns: HistoryColumns,
}

/// One database in the list, from `sys.databases` or from the history alone.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseSummary {
    pub name: String,
    pub state: DatabaseState,
    /// `FULL`, `BULK_LOGGED`, `SIMPLE`; `None` when only the history knows it.
    pub recovery_model: Option<String>,
    /// Sum of its files.
    pub size_bytes: Option<u64>,
    pub newest_backup: Option<UtcTime>,
    /// `master`, `model`, `msdb`, or what Amazon RDS keeps for itself.
    pub is_system: bool,
}

/// `sys.databases.state_desc`, or that the server no longer has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseState {
    Online,
    Other(String),
    /// Only the history knows it.
    HistoryOnly,
}

impl DatabaseState {
    /// A restore has left it part of the way.
    pub fn is_restoring(&self) -> bool {
        matches!(self, Self::Other(state) if state == "RESTORING")
    }
}

/// A row of `sys.databases`.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    pub name: String,
    pub database_id: i64,
    /// `state_desc`.
    pub state: String,
    pub recovery_model: Option<String>,
    pub created: Option<ServerTime>,
    pub size_bytes: Option<u64>,
}

impl ServerReading {
    /// The server as the origin of a history's records.
    pub fn recorded(&self) -> RecordedServer {
        RecordedServer {
            name: Some(self.info.name.clone()),
            // Azure's clock is UTC for ever; of others the rows tell the zone.
            utc_offset_minutes: match self.info.platform {
                Platform::AzureSqlDatabase => Some(0),
                _ => None,
            },
            collation: self.collation.clone(),
        }
    }
}

/// Asks a server who it is. `now` is the own clock, read before and after the question.
pub async fn read_server(
    connection: &mut dyn Connection,
    now: fn() -> UtcTime,
) -> Result<ServerReading, ServerError> {
    let asked = now();
    let answer = ask(connection, &tsql::server_facts()).await?;
    let answered = now();
    let row = answer.first().ok_or_else(|| ServerError::Lost {
        reason: "the server did not say who it is".to_owned(),
    })?;
    let text = |name: &str| row.text(name).filter(|text| !text.is_empty());
    let (utc_offset, clock_skew_millis) = match row.cell("server_clock") {
        Cell::Instant(clock) => {
            let minutes = clock.offset().local_minus_utc() / 60;
            let middle = asked.0 + (answered.0 - asked.0) / 2;
            (
                UtcOffset::from_minutes(minutes).unwrap_or(UtcOffset::ZERO),
                (clock.to_utc() - middle).num_milliseconds(),
            )
        }
        _ => (UtcOffset::ZERO, 0),
    };
    let default_data_path = text("default_data_path");
    let separator = text("path_separator")
        .and_then(|text| text.chars().next())
        .or_else(|| {
            // Before 2017 there is no such property, and no other platform than Windows.
            default_data_path
                .as_ref()
                .filter(|path| path.starts_with('/'))
                .map(|_| '/')
        })
        .unwrap_or('\\');
    Ok(ServerReading {
        info: ServerInfo {
            name: text("server_name").unwrap_or_default(),
            version: text("product_version").unwrap_or_default(),
            version_text: text("version_text")
                .and_then(|text| Some(text.lines().next()?.trim_end().to_owned()))
                .unwrap_or_default(),
            edition: text("edition").unwrap_or_default(),
            login: text("login_name").unwrap_or_default(),
            platform: Platform::of(row.int("engine_edition"), row.int("rdsadmin_id").is_some()),
            clock_skew_millis,
            utc_offset,
            path_separator: separator,
            default_data_path,
            default_log_path: text("default_log_path"),
            default_backup_path: text("default_backup_path"),
        },
        collation: text("collation"),
        columns: HistoryColumns {
            last_valid_restore_time: row.int("has_last_valid_restore_time").is_some(),
            encryption: row.int("has_encryption").is_some(),
        },
    })
}

/// Reads all databases but `tempdb` and snapshots.
pub async fn read_databases(connection: &mut dyn Connection) -> Result<Vec<Database>, ServerError> {
    let answer = ask(connection, &tsql::databases()).await?;
    Ok(databases_of(&answer))
}

/// The rows of `sys.databases` with their size.
pub(super) fn databases_of(answer: &Answer) -> Vec<Database> {
    answer
        .rows()
        .iter()
        .filter_map(|row| {
            Some(Database {
                name: row.text("name")?,
                database_id: row.int("database_id").unwrap_or_default(),
                state: row.text("state_desc").unwrap_or_default(),
                recovery_model: row.text("recovery_model_desc"),
                created: row.time("create_date"),
                size_bytes: row
                    .int("size_bytes")
                    .and_then(|size| u64::try_from(size).ok()),
            })
        })
        .collect()
}

impl Database {
    /// For the list; when its newest backup was is the history's to say.
    pub fn summary(&self, newest_backup: Option<UtcTime>) -> DatabaseSummary {
        /// The ids of `master`, `tempdb`, `model` and `msdb`.
        const SYSTEM: std::ops::RangeInclusive<i64> = 1..=4;
        DatabaseSummary {
            name: self.name.clone(),
            state: if self.state == "ONLINE" {
                DatabaseState::Online
            } else {
                DatabaseState::Other(self.state.clone())
            },
            recovery_model: self.recovery_model.clone(),
            size_bytes: self.size_bytes,
            newest_backup,
            is_system: SYSTEM.contains(&self.database_id) || self.name == RDS_ADMIN,
        }
    }
}
