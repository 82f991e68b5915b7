//! The commands about databases: reading them, restoring into a new one, renaming, deleting.
//!
//! <https://learn.microsoft.com/azure/azure-sql/database/recovery-using-backups>

use super::{
    command::{AzCommand, Effect},
    home::{Home, HomeKind},
};
use crate::domain::UtcTime;
use uuid::Uuid;

/// Where the content of the new database comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreFrom {
    /// The database as it was at the end of this second.
    PointInTime { database: String, at: UtcTime },
    /// A deleted database, as it was when it was deleted or at an earlier second.
    Deleted {
        database: String,
        /// As `list_deleted` tells it: it names which of the databases of that name is meant.
        deleted: UtcTime,
        at: Option<UtcTime>,
    },
    /// One long-term backup, by its full resource id.
    LongTerm {
        database: String,
        backup_id: String,
        taken: UtcTime,
    },
}

impl RestoreFrom {
    /// The database that the content is of.
    pub fn database(&self) -> &str {
        match self {
            Self::PointInTime { database, .. }
            | Self::Deleted { database, .. }
            | Self::LongTerm { database, .. } => database,
        }
    }
}

/// The database that a restore makes. What is `None` is as in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewDatabase {
    pub name: String,
    /// As `GP_Gen5_2` or `S3`. Not together with a pool.
    pub service_objective: Option<String>,
    pub elastic_pool: Option<String>,
    pub redundancy: Option<Redundancy>,
}

/// Where copies of the new database's own backups lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redundancy {
    Local,
    Zone,
    Geo,
    GeoZone,
}

impl Redundancy {
    pub const ALL: [Self; 4] = [Self::Local, Self::Zone, Self::Geo, Self::GeoZone];

    /// The value of `--backup-storage-redundancy`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::Zone => "Zone",
            Self::Geo => "Geo",
            Self::GeoZone => "GeoZone",
        }
    }
}

/// The second that holds `at`, as `az` takes it: always in UTC and always saying so.
///
/// A zone of the user's or a change of daylight saving has no part in it: an instant has one UTC second.
pub fn utc_second(at: UtcTime) -> String {
    at.0.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// To the microsecond: which deleted database is meant depends on it.
fn utc_exactly(at: UtcTime) -> String {
    at.0.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Everything that Azure knows of one database.
pub fn show(home: &Home, database: &str) -> AzCommand {
    let mut command = home.command(&["show"]);
    command.option("--name", database);
    home.finish(command)
}

/// All databases of a server.
pub fn list(home: &Home) -> AzCommand {
    home.finish(home.command(&["list"]))
}

/// The deleted databases that can still be restored.
pub fn list_deleted(home: &Home) -> AzCommand {
    home.finish(home.command(&["list-deleted"]))
}

/// What Azure does with a database right now, and did lately; a managed instance has no such list.
pub fn list_operations(home: &Home, database: &str) -> Option<AzCommand> {
    (home.kind == HomeKind::Server).then(|| {
        let mut command = home.command(&["op", "list"]);
        command.option("--database", database);
        home.finish(command)
    })
}

/// The long-term backups of one database, of a living one or a deleted one.
pub fn long_term_backups(home: &Home, location: &str, database: &str) -> AzCommand {
    let mut command = home.command(&["ltr-backup", "list"]);
    command.option("--location", location);
    command.option("--database", database);
    command.option("--database-state", "All");
    home.finish(command)
}

/// Asks for the restore and returns when Azure has taken the order: the work goes on there.
///
/// `None` where this home cannot do it: a managed instance restores a deleted database only to a moment.
pub fn restore(home: &Home, from: &RestoreFrom, new: &NewDatabase) -> Option<AzCommand> {
    let command = match from {
        RestoreFrom::PointInTime { database, at } => {
            let mut command = home.command(&["restore"]);
            command.option("--name", database);
            command.option("--dest-name", &new.name);
            command.option("--time", &utc_second(*at));
            command
        }
        RestoreFrom::Deleted {
            database,
            deleted,
            at,
        } => {
            if home.kind == HomeKind::ManagedInstance && at.is_none() {
                return None;
            }
            let mut command = home.command(&["restore"]);
            command.option("--name", database);
            command.option("--dest-name", &new.name);
            if let Some(at) = at {
                command.option("--time", &utc_second(*at));
            }
            command.option("--deleted-time", &utc_exactly(*deleted));
            command
        }
        RestoreFrom::LongTerm { backup_id, .. } => {
            let (group, server) = match home.kind {
                HomeKind::Server => ("db", "--dest-server"),
                HomeKind::ManagedInstance => ("midb", "--dest-mi"),
            };
            let mut command = AzCommand::new(&["sql", group, "ltr-backup", "restore"]);
            command.option("--backup-id", backup_id);
            command.option("--dest-database", &new.name);
            command.option(server, &home.name);
            command.option("--dest-resource-group", &home.resource_group);
            command
        }
    };
    let mut command = command.with_effect(Effect::Restore);
    if home.kind == HomeKind::Server {
        match (&new.elastic_pool, &new.service_objective) {
            (Some(pool), _) => command.option("--elastic-pool", pool),
            (None, Some(objective)) => command.option("--service-objective", objective),
            (None, None) => {}
        }
        if let Some(redundancy) = new.redundancy {
            command.option("--backup-storage-redundancy", redundancy.word());
        }
    }
    command.words(&["--no-wait"]);
    Some(home.finish(command))
}

/// Deletes a database. Only ever sent after its identity was read again; see `run`.
pub fn delete(home: &Home, database: &str) -> AzCommand {
    let mut command = home.command(&["delete"]).with_effect(Effect::Restore);
    command.option("--name", database);
    command.words(&["--yes", "--no-wait"]);
    home.finish(command)
}

/// Gives a database another name; a managed instance's are renamed in T-SQL.
pub fn rename(home: &Home, database: &str, to: &str) -> Option<AzCommand> {
    (home.kind == HomeKind::Server).then(|| {
        let mut command = home.command(&["rename"]).with_effect(Effect::Restore);
        command.option("--name", database);
        command.option("--new-name", to);
        home.finish(command)
    })
}

/// The `databaseId` of an answer: Azure gives each database one, and never the same again.
pub(super) fn database_id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok()
}
