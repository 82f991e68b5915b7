//! What decides whether databases can be backed up, read from the server; what a login may not see is unknown.

use crate::{
    domain::{
        AgentState, BackupCertificate, BackupDatabase, BackupServer, ReplicaRole, ServerEdition,
        ServerPath, ServerTime, UtcOffset, UtcTime,
    },
    server::{Answer, Cell, Connection, Row, ServerError, ask},
    tsql::{self, Batch, FileLook},
};

/// What was read, and how batches may look for files on this server.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupReading {
    /// `@@SERVERNAME`.
    pub server_name: Option<String>,
    pub server: BackupServer,
    pub databases: Vec<BackupDatabase>,
    pub look: FileLook,
}

/// Status of a service that runs.
const RUNNING: i64 = 4;
/// `dm_hadr_availability_replica_states.role`.
const PRIMARY: i64 = 1;
const SECONDARY: i64 = 2;

/// Asks, and takes a refusal for *unknown*.
pub(super) async fn ask_if_allowed(
    connection: &mut dyn Connection,
    batch: &Batch,
) -> Result<Option<Answer>, ServerError> {
    match ask(connection, batch).await {
        Ok(answer) => Ok(Some(answer)),
        Err(ServerError::Refused { errors }) => {
            tracing::debug!(?errors, title = batch.title, "not told");
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// Reads everything that backups of a server depend on.
pub async fn read_backup_facts(
    connection: &mut dyn Connection,
) -> Result<BackupReading, ServerError> {
    let answer = ask(connection, &tsql::backup_server()).await?;
    let row = answer.first().ok_or_else(|| ServerError::Lost {
        reason: "the server did not say what it is".to_owned(),
    })?;
    let text = |name: &str| row.text(name).filter(|text| !text.is_empty());
    let (now, offset) = match row.cell("server_clock") {
        Cell::Instant(clock) => (
            ServerTime(clock.naive_local()),
            UtcOffset::from_minutes(clock.offset().local_minus_utc() / 60),
        ),
        _ => {
            return Err(ServerError::Lost {
                reason: "the server did not say what time it is".to_owned(),
            });
        }
    };
    let server_name = text("server_name");
    let mut server = BackupServer {
        version_major: text("product_version")
            .and_then(|version| version.split('.').next()?.parse().ok()),
        edition: ServerEdition::new(
            &text("edition").unwrap_or_default(),
            row.int("engine_edition"),
        ),
        now,
        default_folder: text("default_backup_path").map(ServerPath::new),
        service_account: None,
        agent: AgentState::Unknown,
        sees_requests: row.int("may_see_requests") != Some(0),
        certificates: Vec::new(),
    };
    if server.edition.is_azure_database() {
        return Ok(BackupReading {
            server_name,
            server,
            databases: Vec::new(),
            look: FileLook::Blind,
        });
    }
    if server.default_folder.is_none() {
        server.default_folder = ask_if_allowed(connection, &tsql::backup_default_folder())
            .await?
            .and_then(|answer| answer.first()?.text("default_backup_path"))
            .filter(|folder| !folder.is_empty())
            .map(ServerPath::new);
    }
    if let Some(answer) = ask_if_allowed(connection, &tsql::backup_services()).await? {
        take_services(&mut server, answer.rows());
    }
    if server.agent == AgentState::Unknown {
        server.agent = agent_by_edition_and_session(connection, &server.edition).await?;
    }
    if let Some(answer) = ask_if_allowed(connection, &tsql::backup_certificates()).await? {
        server.certificates = answer
            .rows()
            .iter()
            .filter_map(|row| certificate(row, offset.unwrap_or(UtcOffset::ZERO)))
            .collect();
    }
    let mut databases: Vec<BackupDatabase> = ask(connection, &tsql::backup_databases())
        .await?
        .rows()
        .iter()
        .filter_map(database)
        .collect();
    match ask_if_allowed(connection, &tsql::backup_roles()).await? {
        Some(answer) => {
            for row in answer.rows() {
                let role = match row.int("role") {
                    Some(PRIMARY) => ReplicaRole::Primary,
                    Some(SECONDARY) => ReplicaRole::Secondary,
                    _ => ReplicaRole::Unknown,
                };
                set(&mut databases, row.text("name"), |d| d.replica = role);
            }
        }
        None => {
            for database in &mut databases {
                database.replica = ReplicaRole::Unknown;
            }
        }
    }
    if let Some(answer) = ask_if_allowed(connection, &tsql::running_backups()).await? {
        for row in answer.rows() {
            let command = row.text("command");
            set(&mut databases, row.text("database_name"), |d| {
                d.running = command;
            });
        }
    }
    let look = file_look(connection, server.default_folder.as_ref()).await?;
    Ok(BackupReading {
        server_name,
        server,
        databases,
        look,
    })
}

/// Without its service in sight: Express has none, and a session of its own shows that it runs.
async fn agent_by_edition_and_session(
    connection: &mut dyn Connection,
    edition: &ServerEdition,
) -> Result<AgentState, ServerError> {
    if edition.is_express() {
        return Ok(AgentState::Absent);
    }
    let answer = ask_if_allowed(connection, &tsql::agent_facts()).await?;
    let sessions = answer.and_then(|answer| answer.first()?.int("agent_sessions"));
    Ok(match sessions {
        Some(1..) => AgentState::Running,
        _ => AgentState::Unknown,
    })
}

fn set(
    databases: &mut [BackupDatabase],
    name: Option<String>,
    change: impl FnOnce(&mut BackupDatabase),
) {
    if let Some(found) = name.and_then(|name| databases.iter_mut().find(|d| d.name == name)) {
        change(found);
    }
}

fn take_services(server: &mut BackupServer, rows: &[Row]) {
    for row in rows {
        let name = row.text("servicename").unwrap_or_default();
        let program = row.text("filename").unwrap_or_default().to_uppercase();
        // Its name is another on a Windows that speaks another language.
        if name.starts_with("SQL Server Agent") || program.contains("SQLAGENT") {
            server.agent = if row.int("status") == Some(RUNNING) {
                AgentState::Running
            } else {
                AgentState::Stopped
            };
        } else if name.starts_with("SQL Server (") {
            server.service_account = row.text("service_account").filter(|a| !a.is_empty());
        }
    }
}

fn certificate(row: &Row, offset: UtcOffset) -> Option<BackupCertificate> {
    let local = |name: &str| {
        row.time(name)
            .map(|utc| UtcTime(utc.0.and_utc()).to_server(offset))
    };
    Some(BackupCertificate {
        name: row.text("name")?,
        expires: local("expiry_date"),
        has_private_key: row.text("pvt_key_encryption_type").as_deref() != Some("NA"),
        key_backed_up: local("pvt_key_last_backup_date"),
    })
}

fn database(row: &Row) -> Option<BackupDatabase> {
    let seen = |all: &str, some: &str| {
        row.int(all)
            .filter(|n| *n > 0)
            .map(|_| row.int(some).unwrap_or_default() > 0)
    };
    Some(BackupDatabase {
        name: row.text("name")?,
        database_id: row.int("database_id").unwrap_or_default(),
        state: row.text("state_desc").unwrap_or_default(),
        is_standby: row.bool("is_in_standby").unwrap_or(false),
        is_snapshot: row.int("is_snapshot") == Some(1),
        recovery_model: row.text("recovery_model_desc").unwrap_or_default(),
        replica: ReplicaRole::None,
        may_back_up: row.int("may_back_up").map(|may| may != 0),
        may_back_up_log: row.int("may_back_up_log").map(|may| may != 0),
        has_base: seen("files_seen", "files_with_base"),
        has_log_chain: seen("status_seen", "status_with_chain"),
        running: None,
        data_bytes: row
            .int("data_bytes")
            .and_then(|bytes| u64::try_from(bytes).ok()),
    })
}

/// Tries the newer way first; a login that may use neither backs up without looking.
async fn file_look(
    connection: &mut dyn Connection,
    folder: Option<&ServerPath>,
) -> Result<FileLook, ServerError> {
    let somewhere = folder.cloned().unwrap_or_else(|| ServerPath::new("x"));
    if ask_if_allowed(connection, &tsql::file_exists(&somewhere))
        .await?
        .is_some()
    {
        return Ok(FileLook::View);
    }
    Ok(
        match ask_if_allowed(connection, &tsql::file_exists_old(&somewhere)).await? {
            Some(_) => FileLook::Procedure,
            None => FileLook::Blind,
        },
    )
}
