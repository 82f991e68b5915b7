//! The backups that are taken where a service runs the server, of every database there is.
//!
//! Azure takes them by itself: in Azure SQL Database nobody else can, and on a managed instance its users take copy-only fulls
//! besides.
//! A new database gets a full backup at once, then one each week, a differential every twelve hours, and a log backup every
//! eight minutes: the service's own come every five to ten, as there is work.
//! Its bookkeeping is msdb, which no client of Azure SQL Database reaches; `sys.dm_database_backups` shows a part of it.
//! <https://learn.microsoft.com/azure/azure-sql/database/automated-backups-overview#backup-frequency>
//!
//! Amazon RDS keeps its own out of sight: they are of the whole instance. What its history has here is what its users have
//! made of each database, a full one every night to S3, as `rds_backup_database` takes it.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/SQLServer.Procedural.Importing.html>

use super::{
    build::{Connection, WorldError},
    plan::{Kind, SHARE},
};
use crate::{
    domain::{ServerTime, UtcTime},
    practice::{
        agent::AgentError,
        engine::{DatabaseState, Edition, Engine, EngineHandle, MSDB, store::internal},
        reply::Message,
        sql::codec,
        value::{SqlType, Value},
    },
};
use chrono::{DateTime, Datelike as _, Timelike as _, Weekday};
use uuid::Uuid;

/// Between two log backups of a database. A divisor of a day, so that the times of full and differential are among them.
const LOG_SECS: i64 = 8 * 60;

/// Where the full backups of Amazon RDS lie: a bucket of S3, in the world's folder like every other path.
const BUCKET: &str = r"\\s3.amazonaws.com\octopus-backups";

/// The hour of the night, in UTC, at which they are taken.
const NIGHT_SECS: i64 = 3 * 3600;
const DAY_SECS: i64 = 86_400;

/// The database by which the users of Amazon RDS know it; it is the service's own.
pub(super) const RDS_ADMIN: &str = "rdsadmin";

/// What is backed up next after an instant, and when; `None` where no service runs the server.
pub(super) fn next(edition: Edition, after: UtcTime) -> Option<(UtcTime, Vec<Kind>)> {
    match edition {
        Edition::Developer | Edition::Express => None,
        Edition::Azure | Edition::ManagedInstance => next_of_azure(after),
        Edition::Rds => {
            let days = (after.0.timestamp() - NIGHT_SECS).div_euclid(DAY_SECS) + 1;
            let at = DateTime::from_timestamp(days * DAY_SECS + NIGHT_SECS, 0)?;
            Some((UtcTime(at), vec![Kind::Full]))
        }
    }
}

fn next_of_azure(after: UtcTime) -> Option<(UtcTime, Vec<Kind>)> {
    let at = (after.0.timestamp().div_euclid(LOG_SECS) + 1) * LOG_SECS;
    let at = DateTime::from_timestamp(at, 0)?;
    let mut kinds = vec![Kind::Log];
    if at.minute() == 0 && at.hour() % 12 == 0 {
        let weekly = at.weekday() == Weekday::Sun && at.hour() == 0;
        kinds.push(if weekly {
            Kind::Full
        } else {
            Kind::Differential
        });
    }
    Some((UtcTime(at), kinds))
}

/// Takes these backups of all databases that are online, and first of all a full one where there is none.
pub(super) async fn back_up(engine: &EngineHandle, kinds: &[Kind]) -> Result<(), AgentError> {
    let (databases, now, edition) = engine
        .run(|engine| {
            let edition = engine.options.edition;
            if edition == Edition::Rds {
                // What stands in the way is said by the backup.
                engine.paths.create_folder(BUCKET).ok();
            }
            Ok::<_, Message>((databases(engine)?, engine.clock.now_local(), edition))
        })
        .await??;
    let mut service = opened(Connection::open(engine).await)?;
    for database in databases {
        let kinds = if database.has_full {
            kinds
        } else {
            &[Kind::Full]
        };
        for kind in kinds {
            let statement = match edition {
                Edition::Rds => database.to_bucket(now),
                _ => database.statement(*kind, now),
            };
            match service.run(&statement).await {
                Ok(_) => {}
                Err(WorldError::Agent(error)) => return Err(error),
                // Somebody drops or restores it just now; the next turn comes soon.
                Err(error) => tracing::debug!(database = database.name, "the service: {error}"),
            }
        }
    }
    service.close().await;
    Ok(())
}

fn opened(connection: Result<Connection, WorldError>) -> Result<Connection, AgentError> {
    connection.map_err(|error| match error {
        WorldError::Agent(error) => error,
        WorldError::Statement { message, .. } => AgentError::Tables(message),
    })
}

/// A database that the service backs up.
struct Kept {
    name: String,
    /// For names of files: the database's own may hold anything.
    guid: Uuid,
    has_full: bool,
}

impl Kept {
    fn quoted(&self) -> String {
        format!("[{}]", self.name.replace(']', "]]"))
    }

    fn file(&self, now: ServerTime, extension: &str) -> String {
        let at = now.0.format("%Y%m%d_%H%M%S");
        format!("{}_{at}.{extension}", self.guid.simple())
    }

    /// As `rds_backup_database` takes it.
    fn to_bucket(&self, now: ServerTime) -> String {
        format!(
            "BACKUP DATABASE {} TO DISK = N'{BUCKET}\\{}' WITH COPY_ONLY, COMPRESSION, CHECKSUM;",
            self.quoted(),
            self.file(now, Kind::Full.extension())
        )
    }

    fn statement(&self, kind: Kind, now: ServerTime) -> String {
        let word = kind.word();
        let (what, differential) = match kind {
            Kind::Full => ("DATABASE", ""),
            Kind::Differential => ("DATABASE", "DIFFERENTIAL, "),
            Kind::Log => ("LOG", ""),
        };
        format!(
            "BACKUP {what} {} TO DISK = N'{SHARE}\\{word}\\{}' WITH {differential}COMPRESSION, CHECKSUM;",
            self.quoted(),
            self.file(now, kind.extension())
        )
    }
}

fn databases(engine: &mut Engine) -> Result<Vec<Kept>, Message> {
    let all: Vec<(String, Uuid)> = engine
        .store
        .databases()
        .filter(|database| {
            !database.is_system()
                && database.facts.name != RDS_ADMIN
                && database.state == DatabaseState::Online
        })
        .map(|database| (database.facts.name.clone(), database.database_guid))
        .collect();
    all.into_iter()
        .map(|(name, guid)| {
            Ok(Kept {
                has_full: has_full(engine, guid)?,
                name,
                guid,
            })
        })
        .collect()
}

/// Whether there is a full backup of exactly this database: a restored one is another than its source.
fn has_full(engine: &mut Engine, database: Uuid) -> Result<bool, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let guid = codec::encode(&Value::Guid(database), SqlType::UniqueIdentifier);
    engine
        .store
        .connection()
        .prepare_cached(&format!(
            "SELECT 1 FROM {msdb}.\"dbo.backupset\" WHERE database_guid = ?1 AND type = 'D' AND is_copy_only = 0"
        ))
        .and_then(|mut statement| statement.exists([guid]))
        .map_err(|error| internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_has_one_full_thirteen_differentials_and_logs_every_eight_minutes() {
        let mut at = UtcTime("2026-11-21T23:59:59Z".parse().expect("a time"));
        let end = UtcTime("2026-11-28T23:59:59Z".parse().expect("a time"));
        let mut counted = [0; 3];
        while let Some((next, kinds)) = next(Edition::Azure, at).filter(|(next, _)| *next <= end) {
            assert!(next > at);
            at = next;
            for kind in kinds {
                counted[kind as usize] += 1;
            }
        }
        assert_eq!(counted, [1, 13, 7 * 180]);
    }

    #[test]
    fn on_amazon_rds_there_is_a_full_every_night_and_nothing_else() {
        let mut at = UtcTime("2026-11-21T02:59:59Z".parse().expect("a time"));
        for day in 21..28 {
            let (next, kinds) = next(Edition::Rds, at).expect("it goes on");
            assert_eq!(next.0.to_rfc3339(), format!("2026-11-{day}T03:00:00+00:00"));
            assert_eq!(kinds, [Kind::Full]);
            at = next;
        }
        assert_eq!(next(Edition::Developer, at), None);
    }
}
