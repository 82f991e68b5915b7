//! The commands, as far as stopat uses them, with the checks that the service makes.

use super::{
    Failure,
    arguments::Arguments,
    practice,
    world::{Backup, Coming, Database, Deleted, Server, World},
};
use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

const GROUP: [&str; 3] = ["--resource-group", "--server", "--managed-instance"];

/// Answers a call, or says why not.
pub fn answer(world: &mut World, arguments: &Arguments) -> Result<Value, Failure> {
    let words = arguments.words();
    let known = |more: &[&'static str]| {
        let all: Vec<&str> = GROUP.iter().chain(more).copied().collect();
        arguments.only(&all)
    };
    match words.as_str() {
        "version" => Ok(json!({"azure-cli": world.version, "extensions": {}})),
        "account show" => Ok(json!({
            "id": world.subscription, "name": "Practice", "tenantId": Uuid::nil(),
            "user": {"name": "you@example.org", "type": "user"}
        })),
        "account get-access-token" => {
            arguments.only(&["--resource"])?;
            let expires = Utc::now() + TimeDelta::seconds(world.token_secs);
            let password = world
                .practice
                .as_ref()
                .map(|practice| practice.password.clone())
                .unwrap_or_default();
            Ok(json!({
                "accessToken": format!("practice-token.{password}.{}", expires.timestamp()),
                "expiresOn": expires.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
                "expires_on": expires.timestamp(),
                "tokenType": "Bearer"
            }))
        }
        "sql server list" => Ok(servers(world, false)),
        "sql mi list" => Ok(servers(world, true)),
        "sql db show" | "sql midb show" => {
            known(&["--name"])?;
            let (server, name) = named(world, arguments, "--name")?;
            settle(world, &server, &name);
            let place = server_of(world, &server)?;
            let subscription = world.subscription.clone();
            let database = find(world, &server, &name)?;
            Ok(shown(database, &place, &subscription))
        }
        "sql db list" | "sql midb list" => {
            known(&[])?;
            let server = server(world, arguments)?;
            let place = server_of(world, &server)?;
            let subscription = world.subscription.clone();
            Ok(world
                .databases
                .iter()
                .filter(|database| database.server == server)
                .map(|database| shown(database, &place, &subscription))
                .collect())
        }
        "sql db list-deleted" | "sql midb list-deleted" => {
            known(&[])?;
            let server = server(world, arguments)?;
            Ok(world
                .deleted
                .iter()
                .filter(|gone| gone.server == server)
                .map(|gone| {
                    json!({
                        "databaseName": gone.name,
                        "deletionDate": micros(gone.deleted),
                        "earliestRestoreDate": micros(gone.earliest),
                    })
                })
                .collect())
        }
        "sql db op list" => {
            arguments.only(&["--resource-group", "--server", "--database"])?;
            let (server, name) = named(world, arguments, "--database")?;
            let database = find(world, &server, &name)?;
            let mut operations = Vec::new();
            if let Some(coming) = &database.coming {
                let whole = (coming.ready - coming.since).num_milliseconds().max(1);
                let past = (Utc::now() - coming.since).num_milliseconds();
                operations.push(json!({
                    "operation": "CreateDatabase", "state": "InProgress",
                    "percentComplete": (past * 100 / whole).clamp(0, 99),
                    "startTime": micros(coming.since),
                }));
            } else if let Some(why) = &database.failed {
                operations.push(json!({
                    "operation": "CreateDatabase", "state": "Failed", "percentComplete": 0,
                    "startTime": micros(database.created), "errorDescription": why,
                }));
            }
            Ok(operations.into())
        }
        "sql db restore" | "sql midb restore" => {
            known(&[
                "--name",
                "--dest-name",
                "--time",
                "--deleted-time",
                "--service-objective",
                "--elastic-pool",
                "--backup-storage-redundancy",
                "--no-wait",
            ])?;
            restore(world, arguments)
        }
        "sql db ltr-backup list" | "sql midb ltr-backup list" => {
            known(&["--location", "--database", "--database-state"])?;
            let server = server(world, arguments)?;
            let database = arguments.need("--database")?;
            let subscription = world.subscription.clone();
            Ok(world
                .backups
                .iter()
                .filter(|backup| backup.server == server && backup.database == database)
                .map(|backup| {
                    json!({
                        "id": backup_id(backup, &subscription),
                        "databaseName": backup.database,
                        "backupTime": micros(backup.taken),
                        "backupExpirationTime": micros(backup.expires),
                    })
                })
                .collect())
        }
        "sql db ltr-backup restore" | "sql midb ltr-backup restore" => {
            arguments.only(&[
                "--backup-id",
                "--dest-database",
                "--dest-server",
                "--dest-mi",
                "--dest-resource-group",
                "--service-objective",
                "--elastic-pool",
                "--backup-storage-redundancy",
                "--no-wait",
            ])?;
            let id = arguments.need("--backup-id")?;
            let subscription = world.subscription.clone();
            let backup = world
                .backups
                .iter()
                .find(|backup| backup_id(backup, &subscription) == id)
                .cloned()
                .ok_or_else(|| Failure::azure("ResourceNotFound", "The backup was not found."))?;
            let server = backup.server.clone();
            take_order(
                world,
                arguments,
                &server,
                &arguments.need("--dest-database")?,
                &backup.database,
                backup.taken,
            )
        }
        "sql db delete" | "sql midb delete" => {
            known(&["--name", "--yes", "--no-wait"])?;
            let (server, name) = named(world, arguments, "--name")?;
            let database = find(world, &server, &name)?.clone();
            world.databases.retain(|other| other.id != database.id);
            if database.coming.is_none() {
                practice::run(
                    world,
                    &[format!(
                        "DROP DATABASE {};",
                        practice::quoted(&database.name)
                    )],
                )
                .map_err(|text| Failure::azure("InternalServerError", &text))?;
                world.deleted.push(Deleted {
                    server,
                    earliest: database.earliest(),
                    name: database.name,
                    deleted: Utc::now(),
                });
            }
            Ok(Value::Null)
        }
        "sql db rename" => {
            known(&["--name", "--new-name"])?;
            let (server, name) = named(world, arguments, "--name")?;
            let to = arguments.need("--new-name")?;
            if world.database(&server, &to).is_some() {
                return Err(Failure::azure(
                    "Conflict",
                    &format!("Database '{to}' already exists."),
                ));
            }
            find(world, &server, &name)?;
            let (from_quoted, to_quoted) = (practice::quoted(&name), practice::quoted(&to));
            let to_text = to.replace('\'', "''");
            practice::run(
                world,
                &[
                    format!("ALTER DATABASE {from_quoted} MODIFY NAME = {to_quoted};"),
                    // The service goes by the database, and its backups are those of that database.
                    format!(
                        "UPDATE msdb.dbo.backupset SET database_name = N'{to_text}' WHERE database_guid =
                         (SELECT r.database_guid FROM sys.database_recovery_status AS r WHERE r.database_id = DB_ID(N'{to_text}'));"
                    ),
                ],
            )
            .map_err(|text| Failure::azure("InternalServerError", &text))?;
            find(world, &server, &name)?.name = to;
            Ok(Value::Null)
        }
        "sql db str-policy show" | "sql midb short-term-retention-policy show" => {
            known(&["--name"])?;
            let (server, name) = named(world, arguments, "--name")?;
            Ok(short_term(find(world, &server, &name)?))
        }
        "sql db str-policy set" | "sql midb short-term-retention-policy set" => {
            known(&[
                "--name",
                "--retention-days",
                "--diffbackup-hours",
                "--no-wait",
            ])?;
            let (server, name) = named(world, arguments, "--name")?;
            let days: i64 = arguments
                .need("--retention-days")?
                .parse()
                .map_err(|_why| {
                    Failure::arguments("argument --retention-days: invalid int value".to_owned())
                })?;
            if !(1..=35).contains(&days) {
                return Err(Failure::azure(
                    "InvalidBackupRetentionPeriod",
                    "The retention must be between 1 and 35 days.",
                ));
            }
            let hours = arguments.get("--diffbackup-hours").map(str::to_owned);
            let database = find(world, &server, &name)?;
            database.retention_days = days;
            if let Some(hours) = hours.and_then(|hours| hours.parse().ok()) {
                database.diff_hours = hours;
            }
            Ok(short_term(database))
        }
        "sql db ltr-policy show" | "sql midb ltr-policy show" => {
            known(&["--name"])?;
            let (server, name) = named(world, arguments, "--name")?;
            Ok(long_term(find(world, &server, &name)?))
        }
        "sql db ltr-policy set" | "sql midb ltr-policy set" => {
            known(&[
                "--name",
                "--weekly-retention",
                "--monthly-retention",
                "--yearly-retention",
                "--week-of-year",
            ])?;
            let (server, name) = named(world, arguments, "--name")?;
            let text = |option| arguments.get(option).map(str::to_owned);
            let (weekly, monthly, yearly) = (
                text("--weekly-retention"),
                text("--monthly-retention"),
                text("--yearly-retention"),
            );
            let week = text("--week-of-year").and_then(|week| week.parse().ok());
            let database = find(world, &server, &name)?;
            database.weekly = weekly;
            database.monthly = monthly;
            database.yearly = yearly;
            database.week_of_year = week.unwrap_or(0);
            Ok(long_term(database))
        }
        other => Err(Failure::arguments(format!(
            "'{other}' is misspelled or not recognized by the system."
        ))),
    }
}

fn micros(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, false)
}

fn servers(world: &World, managed_instance: bool) -> Value {
    world
        .servers
        .iter()
        .filter(|server| server.managed_instance == managed_instance)
        .map(|server| {
            let kind = if managed_instance { "managedInstances" } else { "servers" };
            json!({
                "name": server.name, "resourceGroup": server.resource_group, "location": server.location,
                "fullyQualifiedDomainName": server.host, "state": "Ready",
                "id": format!("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Sql/{kind}/{}",
                    world.subscription, server.resource_group, server.name),
            })
        })
        .collect()
}

/// The server of a call: it must be in the group that the call names.
fn server(world: &World, arguments: &Arguments) -> Result<String, Failure> {
    let name = match arguments
        .get("--server")
        .or(arguments.get("--managed-instance"))
    {
        Some(name) => name.to_owned(),
        None => return arguments.need("--server"),
    };
    let group = arguments.need("--resource-group")?;
    let there = server_of(world, &name)?;
    if there.resource_group == group {
        Ok(name)
    } else {
        Err(Failure::azure(
            "ResourceGroupNotFound",
            &format!("Resource group '{group}' could not be found."),
        ))
    }
}

fn server_of(world: &World, name: &str) -> Result<Server, Failure> {
    world
        .servers
        .iter()
        .find(|server| server.name == name)
        .cloned()
        .ok_or_else(|| {
            Failure::azure(
                "ParentResourceNotFound",
                &format!("The server '{name}' was not found."),
            )
        })
}

fn named(world: &World, arguments: &Arguments, option: &str) -> Result<(String, String), Failure> {
    Ok((server(world, arguments)?, arguments.need(option)?))
}

fn find<'a>(world: &'a mut World, server: &str, name: &str) -> Result<&'a mut Database, Failure> {
    world.database(server, name).ok_or_else(|| {
        Failure::azure(
            "ResourceNotFound",
            &format!(
                "The Resource 'Microsoft.Sql/servers/{server}/databases/{name}' was not found."
            ),
        )
    })
}

/// Does what is due: a restore whose time has come is carried out now.
fn settle(world: &mut World, server: &str, name: &str) {
    let Some(coming) = world
        .database(server, name)
        .and_then(|database| database.coming.clone())
    else {
        return;
    };
    if Utc::now() < coming.ready {
        return;
    }
    let done = practice::restore(world, &coming.source, name, coming.to);
    if let Some(database) = world.database(server, name) {
        database.coming = None;
        database.failed = done.err();
    }
}

fn restore(world: &mut World, arguments: &Arguments) -> Result<Value, Failure> {
    let server = server(world, arguments)?;
    let source = arguments.need("--name")?;
    let destination = arguments.need("--dest-name")?;
    let time = arguments.get("--time").map(instant).transpose()?;
    let deleted = arguments.get("--deleted-time").map(instant).transpose()?;
    let (earliest, to) = match (deleted, time) {
        (None, None) => {
            return Err(Failure::arguments(
                "Either --time or --deleted-time must be specified.".to_owned(),
            ));
        }
        (Some(deleted), time) => {
            let gone = world
                .deleted
                .iter()
                .find(|gone| {
                    gone.name == source
                        && gone.deleted.timestamp_micros() == deleted.timestamp_micros()
                })
                .ok_or_else(|| Failure::azure("ResourceNotFound", "No such deleted database."))?;
            (gone.earliest, time.unwrap_or(gone.deleted))
        }
        (None, Some(time)) => (find(world, &server, &source)?.earliest(), time),
    };
    if to < earliest || to > Utc::now() {
        return Err(Failure::azure(
            "InvalidRestorePointInTime",
            "The restore point in time is out of the range that can be restored.",
        ));
    }
    take_order(world, arguments, &server, &destination, &source, to)
}

fn take_order(
    world: &mut World,
    arguments: &Arguments,
    server: &str,
    destination: &str,
    source: &str,
    to: DateTime<Utc>,
) -> Result<Value, Failure> {
    if world.database(server, destination).is_some() {
        return Err(Failure::azure(
            "Conflict",
            &format!("Database '{destination}' already exists."),
        ));
    }
    let of_source = world.database(server, source).cloned();
    let text = |option| arguments.get(option).map(str::to_owned);
    let now = Utc::now();
    world.databases.push(Database {
        server: server.to_owned(),
        name: destination.to_owned(),
        id: Uuid::new_v4(),
        created: now,
        objective: text("--service-objective").or_else(|| {
            of_source
                .as_ref()
                .and_then(|source| source.objective.clone())
        }),
        pool: text("--elastic-pool"),
        redundancy: text("--backup-storage-redundancy"),
        retention_days: 7,
        diff_hours: 12,
        weekly: None,
        monthly: None,
        yearly: None,
        week_of_year: 0,
        coming: Some(Coming {
            source: source.to_owned(),
            to,
            since: now,
            ready: now + TimeDelta::seconds(world.restore_secs),
        }),
        failed: None,
    });
    Ok(Value::Null)
}

/// As azure-cli reads it: without a zone it is UTC.
fn instant(text: &str) -> Result<DateTime<Utc>, Failure> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc())
        })
        .map_err(|_why| Failure::arguments(format!("invalid datetime: {text}")))
}

fn backup_id(backup: &Backup, subscription: &str) -> String {
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.Sql/locations/westeurope/longTermRetentionServers/{}/longTermRetentionDatabases/{}/longTermRetentionBackups/{};{}",
        backup.server,
        backup.database,
        Uuid::nil(),
        backup.taken.timestamp()
    )
}

fn shown(database: &Database, server: &Server, subscription: &str) -> Value {
    let status = match (&database.coming, &database.failed) {
        (Some(_), _) => "Creating",
        (None, Some(_)) => "Disabled",
        (None, None) => "Online",
    };
    let id = format!(
        "/subscriptions/{subscription}/resourceGroups/{}/providers/Microsoft.Sql/servers/{}/databases/{}",
        server.resource_group, server.name, database.name
    );
    json!({
        "id": id,
        "databaseId": database.id,
        "name": database.name,
        "location": server.location,
        "status": status,
        "creationDate": micros(database.created),
        "earliestRestoreDate": database.coming.is_none().then(|| micros(database.earliest())),
        "currentServiceObjectiveName": database.objective.clone().unwrap_or_else(|| "GP_Gen5_2".to_owned()),
        "edition": "GeneralPurpose",
        "elasticPoolName": database.pool,
        "requestedBackupStorageRedundancy": database.redundancy.clone().unwrap_or_else(|| "Geo".to_owned()),
        "maxSizeBytes": 34_359_738_368_i64,
    })
}

fn short_term(database: &Database) -> Value {
    json!({
        "name": "default",
        "retentionDays": database.retention_days,
        "diffBackupIntervalInHours": database.diff_hours,
    })
}

fn long_term(database: &Database) -> Value {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "PT0S".to_owned());
    json!({
        "name": "default",
        "weeklyRetention": text(&database.weekly),
        "monthlyRetention": text(&database.monthly),
        "yearlyRetention": text(&database.yearly),
        "weekOfYear": database.week_of_year,
        "timeBasedImmutability": "Disabled",
    })
}
