//! What `az` answers, as values. Fields that a version leaves out are `None`; what cannot be done without is an error.

use super::database::database_id;
use crate::domain::UtcTime;
use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;
use uuid::Uuid;

/// Why an answer cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the answer is no JSON: {0}")]
    Json(String),
    #[error("the answer has no list where one is expected")]
    NoList,
    #[error("the answer lacks a usable {0}")]
    Field(&'static str),
}

/// A database of a logical server or a managed instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureDatabase {
    /// The full resource id.
    pub id: String,
    /// Azure's own id of this database, never given twice; managed instances tell none.
    pub database_id: Option<Uuid>,
    pub name: String,
    /// The region, as `westeurope`.
    pub location: String,
    /// As `Online`, `Creating`, `Restoring`.
    pub status: String,
    pub created: Option<UtcTime>,
    /// The first second that can be restored; `None` while there is none.
    pub earliest_restore: Option<UtcTime>,
    /// As `GP_Gen5_2`.
    pub service_objective: Option<String>,
    /// As `GeneralPurpose`, `Basic`, `Hyperscale`.
    pub edition: Option<String>,
    pub elastic_pool: Option<String>,
    /// As `Geo`.
    pub redundancy: Option<String>,
    pub max_size_bytes: Option<u64>,
}

/// A deleted database that can still be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedDatabase {
    pub name: String,
    /// Tells databases of one name apart; to the microsecond.
    pub deleted: UtcTime,
    pub earliest_restore: Option<UtcTime>,
}

/// One backup that is kept for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongTermBackup {
    /// The full resource id, which is what a restore names.
    pub id: String,
    pub database: String,
    pub taken: UtcTime,
    pub expires: Option<UtcTime>,
}

/// Something that Azure does or did with a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// As `CreateDatabase`.
    pub name: String,
    pub state: Progress,
    /// 0 to 100.
    pub percent: Option<u8>,
    pub started: Option<UtcTime>,
    /// Why it failed, in the service's words.
    pub error: Option<String>,
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    Pending,
    Running,
    Done,
    Failed,
    Cancelled,
    /// A word of the service that is not known here.
    Other(String),
}

/// A server that the signed-in user can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalServer {
    pub name: String,
    pub resource_group: String,
    pub location: String,
    /// As `myserver.database.windows.net`.
    pub host: String,
    /// From its resource id.
    pub subscription: Option<String>,
}

impl AzureDatabase {
    pub fn is_online(&self) -> bool {
        self.status.eq_ignore_ascii_case("online")
    }

    /// Whether Azure is still at work on it.
    pub fn is_coming(&self) -> bool {
        [
            "creating",
            "restoring",
            "copying",
            "recovering",
            "recoverypending",
            "pausing",
            "scaling",
        ]
        .iter()
        .any(|word| self.status.eq_ignore_ascii_case(word))
    }
}

pub(super) fn value_of(json: &str) -> Result<Value, Unreadable> {
    serde_json::from_str(json).map_err(|error| Unreadable::Json(error.to_string()))
}

pub(super) fn text_of(value: &Value, name: &str) -> Option<String> {
    value
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// A time with its offset, as `2026-11-22T06:28:12.123000+00:00`; one without is UTC, as the service's are.
pub(super) fn time_of(value: &Value, name: &str) -> Option<UtcTime> {
    let text = text_of(value, name)?;
    DateTime::parse_from_rfc3339(&text)
        .map(|time| UtcTime(time.to_utc()))
        .ok()
        .or_else(|| {
            NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f")
                .ok()
                .map(|time| UtcTime(time.and_utc()))
        })
}

fn list_of<T>(
    json: &str,
    read: impl Fn(&Value) -> Result<T, Unreadable>,
) -> Result<Vec<T>, Unreadable> {
    match value_of(json)? {
        Value::Array(items) => items.iter().map(read).collect(),
        _ => Err(Unreadable::NoList),
    }
}

/// A part of a resource id: the word after `name`.
fn part_of(id: &str, name: &str) -> Option<String> {
    let mut parts = id.split('/');
    parts
        .by_ref()
        .find(|part| part.eq_ignore_ascii_case(name))?;
    parts
        .next()
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
}

fn database(value: &Value) -> Result<AzureDatabase, Unreadable> {
    let earliest = ["earliestRestoreDate", "earliestRestorePoint"]
        .iter()
        .find_map(|name| time_of(value, name));
    Ok(AzureDatabase {
        id: text_of(value, "id").unwrap_or_default(),
        database_id: text_of(value, "databaseId").and_then(|text| database_id(&text)),
        name: text_of(value, "name").ok_or(Unreadable::Field("name"))?,
        location: text_of(value, "location").unwrap_or_default(),
        status: text_of(value, "status").ok_or(Unreadable::Field("status"))?,
        created: time_of(value, "creationDate"),
        earliest_restore: earliest,
        service_objective: text_of(value, "currentServiceObjectiveName"),
        edition: text_of(value, "edition")
            .or_else(|| value.get("currentSku").and_then(|sku| text_of(sku, "tier"))),
        elastic_pool: text_of(value, "elasticPoolName")
            .or_else(|| part_of(&text_of(value, "elasticPoolId")?, "elasticPools")),
        redundancy: text_of(value, "requestedBackupStorageRedundancy")
            .or_else(|| text_of(value, "currentBackupStorageRedundancy")),
        max_size_bytes: value.get("maxSizeBytes").and_then(Value::as_u64),
    })
}

/// Reads `az sql db show` and `az sql midb show`.
pub fn parse_database(json: &str) -> Result<AzureDatabase, Unreadable> {
    database(&value_of(json)?)
}

/// Reads `az sql db list`, `master` included.
pub fn parse_databases(json: &str) -> Result<Vec<AzureDatabase>, Unreadable> {
    list_of(json, database)
}

/// Reads `az sql db list-deleted`.
pub fn parse_deleted(json: &str) -> Result<Vec<DeletedDatabase>, Unreadable> {
    list_of(json, |value| {
        Ok(DeletedDatabase {
            name: text_of(value, "databaseName").ok_or(Unreadable::Field("databaseName"))?,
            deleted: time_of(value, "deletionDate").ok_or(Unreadable::Field("deletionDate"))?,
            earliest_restore: time_of(value, "earliestRestoreDate"),
        })
    })
}

/// Reads `az sql db ltr-backup list`, oldest first.
pub fn parse_long_term_backups(json: &str) -> Result<Vec<LongTermBackup>, Unreadable> {
    let mut backups = list_of(json, |value| {
        Ok(LongTermBackup {
            id: text_of(value, "id").ok_or(Unreadable::Field("id"))?,
            database: text_of(value, "databaseName").unwrap_or_default(),
            taken: time_of(value, "backupTime").ok_or(Unreadable::Field("backupTime"))?,
            expires: time_of(value, "backupExpirationTime"),
        })
    })?;
    backups.sort_by(|a, b| (a.taken, &a.id).cmp(&(b.taken, &b.id)));
    Ok(backups)
}

/// Reads `az sql db op list`, newest first.
pub fn parse_operations(json: &str) -> Result<Vec<Operation>, Unreadable> {
    let mut operations = list_of(json, |value| {
        let state = text_of(value, "state").ok_or(Unreadable::Field("state"))?;
        Ok(Operation {
            name: text_of(value, "operation").unwrap_or_default(),
            state: match state.to_ascii_lowercase().as_str() {
                "pending" => Progress::Pending,
                "inprogress" | "in_progress" | "cancelinprogress" => Progress::Running,
                "succeeded" | "completed" => Progress::Done,
                "failed" => Progress::Failed,
                "cancelled" => Progress::Cancelled,
                _ => Progress::Other(state),
            },
            percent: value
                .get("percentComplete")
                .and_then(Value::as_u64)
                .map(|percent| percent.min(100) as u8),
            started: time_of(value, "startTime"),
            error: text_of(value, "errorDescription"),
        })
    })?;
    operations.sort_by_key(|operation| std::cmp::Reverse(operation.started));
    Ok(operations)
}

/// Reads `az sql server list` and `az sql mi list`.
pub fn parse_servers(json: &str) -> Result<Vec<LogicalServer>, Unreadable> {
    let mut servers = list_of(json, |value| {
        let id = text_of(value, "id").unwrap_or_default();
        Ok(LogicalServer {
            name: text_of(value, "name").ok_or(Unreadable::Field("name"))?,
            resource_group: text_of(value, "resourceGroup")
                .or_else(|| part_of(&id, "resourceGroups"))
                .ok_or(Unreadable::Field("resourceGroup"))?,
            location: text_of(value, "location").unwrap_or_default(),
            host: text_of(value, "fullyQualifiedDomainName").unwrap_or_default(),
            subscription: part_of(&id, "subscriptions"),
        })
    })?;
    servers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_as_azure_cli_answers_it() {
        let json = r#"{
          "creationDate": "2026-11-01T08:00:00.123000+00:00", "currentServiceObjectiveName": "GP_Gen5_2",
          "databaseId": "6e4b2f5a-8a4e-4a1c-9a8e-111111111111", "earliestRestoreDate": "2026-11-15T00:00:00+00:00",
          "edition": "GeneralPurpose", "elasticPoolId": null, "elasticPoolName": null, "location": "westeurope",
          "id": "/subscriptions/s/resourceGroups/myRG/providers/Microsoft.Sql/servers/myserver/databases/OctopusAI",
          "maxSizeBytes": 34359738368, "name": "OctopusAI", "requestedBackupStorageRedundancy": "Geo", "status": "Online"
        }"#;
        let database = parse_database(json).expect("readable");
        assert!(database.is_online() && !database.is_coming());
        assert_eq!(database.service_objective.as_deref(), Some("GP_Gen5_2"));
        assert!(database.database_id.is_some());
        assert_eq!(
            database.earliest_restore.map(|time| time.0.to_rfc3339()),
            Some("2026-11-15T00:00:00+00:00".to_owned())
        );
        assert_eq!(database.elastic_pool, None);
        assert_eq!(parse_database("{}"), Err(Unreadable::Field("name")));
        assert!(matches!(
            parse_database("Traceback"),
            Err(Unreadable::Json(_))
        ));
        assert_eq!(parse_databases("{}"), Err(Unreadable::NoList));
    }

    #[test]
    fn deleted_databases_are_told_apart_to_the_microsecond() {
        let json = r#"[{"databaseName": "Old", "deletionDate": "2026-11-20T10:11:12.123457+00:00", "earliestRestoreDate": null}]"#;
        let deleted = parse_deleted(json).expect("readable");
        assert_eq!(deleted[0].deleted.0.timestamp_subsec_micros(), 123_457);
        assert_eq!(deleted[0].earliest_restore, None);
    }

    #[test]
    fn servers_know_their_group_and_subscription() {
        let json = r#"[{"name": "myserver", "location": "westeurope", "fullyQualifiedDomainName": "myserver.database.windows.net",
          "id": "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/myRG/providers/Microsoft.Sql/servers/myserver"}]"#;
        let servers = parse_servers(json).expect("readable");
        assert_eq!(servers[0].resource_group, "myRG");
        assert_eq!(
            servers[0].subscription.as_deref(),
            Some("11111111-1111-1111-1111-111111111111")
        );
    }
}
