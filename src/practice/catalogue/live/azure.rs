//! `sys.dm_database_backups`: what Azure SQL Database tells of the backups that it takes by itself.
//!
//! They are the backups of the world's own jobs; a client of this edition has no msdb to find them in.
//! <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-database-backups-azure-sql-database>

use super::Row;
use crate::practice::{
    engine::{Edition, Engine, MASTER, MSDB},
    reply::Message,
    sql::{codec, convert::calendar, instance::ViewRequest},
    value::{SqlType, Value},
};

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
    let msdb = engine.store.attach(MSDB)?;
    let only = match request.database {
        MASTER => None,
        id => engine.store.database(id).map(|d| d.facts.name.clone()),
    };
    let edge = calendar::datetime_from_ticks(
        crate::practice::engine::clock::local_ticks(engine.clock.now_local())
            - RETENTION_DAYS * 86_400 * 10_000_000,
    );
    let sql = format!(
        "SELECT backup_set_uuid, database_name, backup_start_date, backup_finish_date, type
         FROM {msdb}.\"dbo.backupset\"
         WHERE (?1 IS NULL OR database_name = ?1) AND type IN ('D', 'I', 'L') AND is_copy_only = 0
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
    let rows = statement.query_map([only], |row| {
        let started: i64 = row.get(2)?;
        let uuid = codec::decode(row.get_ref(0)?, SqlType::UniqueIdentifier);
        let name: String = row.get(1)?;
        let kind: String = row.get(4)?;
        let logical = match &uuid {
            Value::Guid(uuid) => uuid::Uuid::from_u128(uuid.as_u128() ^ u128::from(u64::MAX)),
            _ => uuid::Uuid::nil(),
        };
        Ok(Row::new(request.view)
            .set("backup_file_id", uuid)
            .guid("logical_database_id", logical)
            .text("physical_database_name", name.clone())
            .text("logical_server_name", server.clone())
            .text("logical_database_name", name)
            .set("backup_start_date", moment(Value::Int(started)))
            .set("backup_finish_date", moment(Value::Int(row.get(3)?)))
            .text("backup_type", kind.trim())
            .int("in_retention", i64::from(started >= edge))
            .done())
    });
    rows.and_then(Iterator::collect).map_err(broken)
}
