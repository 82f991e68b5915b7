//! `sys.dm_database_backups`: what Azure SQL Database tells of the backups that it takes by itself.
//!
//! They are found by the identity of the database, as a name may have been another's before;
//! a client of this edition has no msdb to find them in.
//! <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-database-backups-azure-sql-database>

use super::Row;
use crate::practice::{
    engine::{Edition, Engine, MASTER, MSDB},
    reply::Message,
    sql::{codec, convert::calendar, instance::ViewRequest},
    value::{SqlType, Value},
};
use uuid::Uuid;

/// Days of short-term retention of a new database.
const RETENTION_DAYS: i64 = 7;

/// The rows for the session's database, oldest first; in master those of all databases.
pub(super) fn database_backups(
    engine: &mut Engine,
    request: &ViewRequest<'_>,
) -> Result<Vec<Vec<Value>>, Message> {
    if engine.options.edition != Edition::Azure {
        return Err(Message::error(
            208,
            "Invalid object name 'sys.dm_database_backups'.",
        ));
    }
    let here = engine
        .store
        .database(request.database)
        .map(|d| d.facts.name.clone())
        .unwrap_or_default();
    engine.options.pretended.check_database_backups(&here)?;
    let shown: Vec<(Uuid, String)> = engine
        .store
        .databases()
        .filter(|d| !d.is_system() && (request.database == MASTER || request.database == d.id))
        .map(|d| (d.database_guid, d.facts.name.clone()))
        .collect();
    let mut rows = Vec::new();
    for (guid, name) in shown {
        rows.extend(backups_of(engine, request, guid, &name)?);
    }
    Ok(rows)
}

/// The backups of one database that are kept: those within the retention, and the older ones that these need.
fn backups_of(
    engine: &mut Engine,
    request: &ViewRequest<'_>,
    database: Uuid,
    name: &str,
) -> Result<Vec<Vec<Value>>, Message> {
    let msdb = engine.store.attach(MSDB)?;
    let guid = codec::encode(&Value::Guid(database), SqlType::UniqueIdentifier);
    let edge = calendar::datetime_from_ticks(
        crate::practice::engine::clock::local_ticks(engine.clock.now_local())
            - RETENTION_DAYS * 86_400 * 10_000_000,
    );
    let sql = format!(
        "SELECT backup_set_uuid, backup_start_date, backup_finish_date, type
         FROM {msdb}.\"dbo.backupset\"
         WHERE database_guid = ?1 AND type IN ('D', 'I', 'L') AND is_copy_only = 0
           AND backup_start_date >= coalesce(
               (SELECT max(f.backup_start_date) FROM {msdb}.\"dbo.backupset\" AS f
                WHERE f.database_guid = ?1 AND f.type = 'D' AND f.is_copy_only = 0 AND f.backup_start_date <= ?2), 0)
         ORDER BY backup_set_id"
    );
    let broken = |error: rusqlite::Error| {
        Message::error(
            8646,
            format!("The backup history could not be read: {error}"),
        )
    };
    let mut statement = engine
        .store
        .connection()
        .prepare_cached(&sql)
        .map_err(broken)?;
    let server = engine.options.server_name.to_lowercase();
    let moment = |stored: Value| match stored {
        Value::Int(units) => calendar::value_at(
            calendar::ticks_from_datetime(units),
            0,
            SqlType::DateTime2(7),
        )
        .unwrap_or(Value::Null),
        _ => Value::Null,
    };
    let rows = statement.query_map((guid, edge), |row| {
        let started: i64 = row.get(1)?;
        let kind: String = row.get(3)?;
        Ok(Row::new(request.view)
            .set(
                "backup_file_id",
                codec::decode(row.get_ref(0)?, SqlType::UniqueIdentifier),
            )
            .guid("logical_database_id", database)
            .text("physical_database_name", database.hyphenated().to_string())
            .text("logical_server_name", server.clone())
            .text("logical_database_name", name)
            .set("backup_start_date", moment(Value::Int(started)))
            .set("backup_finish_date", moment(Value::Int(row.get(2)?)))
            .text("backup_type", kind.trim())
            .int("in_retention", i64::from(started >= edge))
            .done())
    });
    rows.and_then(Iterator::collect).map_err(broken)
}
