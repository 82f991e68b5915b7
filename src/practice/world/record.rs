//! What the world wrote down right before the accident, so that a restore can be judged by it.

use super::{
    build::{Connection, WorldError},
    octopus,
};
use crate::domain::{ServerTime, UtcOffset};
use chrono::TimeDelta;

/// Rows of the protected tables at the end of the second before the accident.
pub const TABLE: &str = "
USE msdb;
CREATE TABLE dbo.practice_accident (
    database_name sysname NOT NULL,
    accident_time datetime NOT NULL,
    last_good_second datetime NOT NULL,
    utc_offset_minutes int NOT NULL,
    table_name sysname NOT NULL,
    row_count bigint NOT NULL);
USE master;
";

/// Counts the protected tables now: the clock stands in the quiet second, after everything that was committed before it.
pub(super) async fn before_accident(
    session: &mut Connection,
    accident: ServerTime,
    offset: UtcOffset,
) -> Result<(), WorldError> {
    let last_good = accident.plus(-TimeDelta::seconds(1));
    for table in octopus::PROTECTED {
        session
            .run(&format!(
                "INSERT INTO msdb.dbo.practice_accident
                     (database_name, accident_time, last_good_second, utc_offset_minutes, table_name, row_count)
                 SELECT N'{}', '{accident}', '{last_good}', {}, N'{table}', COUNT(*)
                 FROM {}.dbo.{table};",
                octopus::DATABASE,
                offset.minutes(),
                octopus::DATABASE,
            ))
            .await?;
    }
    Ok(())
}
