//! What the world knows of its accident, read back from msdb.

use crate::{
    domain::{ServerTime, UtcOffset, UtcTime},
    practice::{
        engine::{Engine, MSDB, store::internal},
        reply::Message,
    },
};
use chrono::{NaiveDate, TimeDelta};
use std::collections::BTreeMap;

/// The accident of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accident {
    pub database: String,
    /// The second in which it happened.
    pub at: UtcTime,
    /// Rows of each protected table at the end of the second before.
    pub rows: BTreeMap<String, u64>,
}

/// The accident of this world; `None` when it has none.
pub fn read_accident(engine: &mut Engine) -> Result<Option<Accident>, Message> {
    let table = engine
        .store
        .database(MSDB)
        .and_then(|d| d.catalogue.table("dbo", "practice_accident"))
        .map(|table| table.sqlite_name());
    let Some(table) = table else {
        return Ok(None);
    };
    let schema = engine.store.attach(MSDB)?;
    let mut statement = engine
        .store
        .connection()
        .prepare(&format!(
            "SELECT database_name, accident_time, utc_offset_minutes, table_name, row_count \
             FROM {schema}.\"{table}\""
        ))
        .map_err(|e| internal(&e))?;
    let rows = statement
        .query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i32>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, i64>(4)?,
            ))
        })
        .map_err(|e| internal(&e))?;
    let mut accident: Option<Accident> = None;
    for row in rows {
        let (database, local, offset, table, n_rows) = row.map_err(|e| internal(&e))?;
        let Some(at) = instant(local, offset) else {
            continue;
        };
        accident
            .get_or_insert_with(|| Accident {
                database,
                at,
                rows: BTreeMap::new(),
            })
            .rows
            .insert(table, n_rows.unsigned_abs());
    }
    Ok(accident)
}

/// The instant of a `datetime` (1/300 s since 1900) on a clock so many minutes ahead of UTC.
fn instant(local: i64, offset_minutes: i32) -> Option<UtcTime> {
    let midnight = NaiveDate::from_ymd_opt(1900, 1, 1)?.and_hms_opt(0, 0, 0)?;
    let time = midnight.checked_add_signed(TimeDelta::try_milliseconds(local * 10 / 3)?)?;
    Some(ServerTime(time).to_utc(UtcOffset::from_minutes(offset_minutes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datetime_and_its_offset_are_an_instant() {
        // 2026-11-22T08:28:13 at UTC+1.
        let days = 46_346;
        let local = (days * 86_400 + 8 * 3_600 + 28 * 60 + 13) * 300;
        assert_eq!(
            instant(local, 60),
            Some(UtcTime("2026-11-22T07:28:13Z".parse().expect("an instant")))
        );
    }
}
