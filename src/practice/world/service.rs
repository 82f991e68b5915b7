//! The backups that Azure takes by itself of every database there is: in Azure SQL Database nobody else can, and on a managed
//! instance its users take copy-only fulls besides.
//!
//! A new database gets a full backup at once, then one each week, a differential every twelve hours, and a log backup every
//! eight minutes: the service's own come every five to ten, as there is work.
//! Its bookkeeping is msdb, which no client of Azure SQL Database reaches; `sys.dm_database_backups` shows a part of it.
//! <https://learn.microsoft.com/azure/azure-sql/database/automated-backups-overview#backup-frequency>

use super::{
    build::{Connection, WorldError},
    plan::{Kind, SHARE},
};
use crate::{
    domain::{ServerTime, UtcTime},
    practice::{
        agent::AgentError,
        engine::{DatabaseState, Engine, EngineHandle, MSDB, store::internal},
        reply::Message,
        sql::codec,
        value::{SqlType, Value},
    },
};
use chrono::{DateTime, Datelike as _, Timelike as _, Weekday};
use uuid::Uuid;

/// Between two log backups of a database. A divisor of a day, so that the times of full and differential are among them.
const LOG_SECS: i64 = 8 * 60;

/// When the service backs up next after an instant, and what.
pub(super) fn next(after: UtcTime) -> Option<(UtcTime, Vec<Kind>)> {
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
    let (databases, now) = engine
        .run(|engine| Ok::<_, Message>((databases(engine)?, engine.clock.now_local())))
        .await??;
    let mut service = opened(Connection::open(engine).await)?;
    for database in databases {
        let kinds = if database.has_full {
            kinds
        } else {
            &[Kind::Full]
        };
        for kind in kinds {
            match service.run(&database.statement(*kind, now)).await {
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
    fn statement(&self, kind: Kind, now: ServerTime) -> String {
        let name = self.name.replace(']', "]]");
        let word = kind.word();
        let (what, differential) = match kind {
            Kind::Full => ("DATABASE", ""),
            Kind::Differential => ("DATABASE", "DIFFERENTIAL, "),
            Kind::Log => ("LOG", ""),
        };
        format!(
            "BACKUP {what} [{name}] TO DISK = N'{SHARE}\\{word}\\{}_{}.{}' WITH {differential}COMPRESSION, CHECKSUM;",
            self.guid.simple(),
            now.0.format("%Y%m%d_%H%M%S"),
            kind.extension()
        )
    }
}

fn databases(engine: &mut Engine) -> Result<Vec<Kept>, Message> {
    let all: Vec<(String, Uuid)> = engine
        .store
        .databases()
        .filter(|database| !database.is_system() && database.state == DatabaseState::Online)
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
        while let Some((next, kinds)) = next(at).filter(|(next, _)| *next <= end) {
            assert!(next > at);
            at = next;
            for kind in kinds {
                counted[kind as usize] += 1;
            }
        }
        assert_eq!(counted, [1, 13, 7 * 180]);
    }
}
