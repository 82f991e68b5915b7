//! The two clocks: a server's local one, and instants.
//!
//! They are different types and never mix without an offset.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike as _, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A time on the local clock of the server that took the backups, without zone.
///
/// msdb stores whole seconds; a marker may have milliseconds.
/// Across an autumn clock change an hour occurs twice.
/// Two servers' values do not compare; see [`UtcTime`] once the offset is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerTime(pub NaiveDateTime);

/// An instant, on the UTC clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UtcTime(pub DateTime<Utc>);

/// How far a local clock is ahead of UTC, in whole minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UtcOffset(i16);

impl ServerTime {
    /// The instant that this time names where the clock is `offset` ahead of UTC.
    pub fn to_utc(self, offset: UtcOffset) -> UtcTime {
        UtcTime((self.0 - offset.delta()).and_utc())
    }

    /// This time moved by `delta` on the same clock.
    pub fn plus(self, delta: TimeDelta) -> Self {
        Self(self.0.checked_add_signed(delta).unwrap_or(self.0))
    }

    /// The latest time that `datetime` can hold and that is not after this one: `.000`, `.003`, `.007`, `.010`…
    ///
    /// <https://learn.microsoft.com/sql/t-sql/data-types/datetime-transact-sql>
    pub fn datetime_tick(self) -> Self {
        let millis = (self.0.nanosecond() / 1_000_000).min(999);
        let tick = (0..=(millis + 1) * 3 / 10)
            .rev()
            .map(|tick| (tick * 10 + 1) / 3)
            .find(|&shown| shown <= millis)
            .unwrap_or(0);
        Self(self.0.with_nanosecond(tick * 1_000_000).unwrap_or(self.0))
    }
}

impl UtcTime {
    /// What a local clock `offset` ahead of UTC shows at this instant.
    pub fn to_server(self, offset: UtcOffset) -> ServerTime {
        ServerTime(self.0.naive_utc() + offset.delta())
    }

    /// This instant moved by `delta`.
    pub fn plus(self, delta: TimeDelta) -> Self {
        Self(self.0.checked_add_signed(delta).unwrap_or(self.0))
    }

    /// Seconds since 1970, with a fraction; for drawing only.
    pub fn seconds(self) -> f64 {
        self.0.timestamp_micros() as f64 / 1e6
    }

    /// The instant at `seconds` since 1970, to the millisecond; `None` when a calendar cannot hold it.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        DateTime::from_timestamp_millis((seconds * 1e3).round() as i64).map(Self)
    }
}

impl UtcOffset {
    /// The clock that is UTC.
    pub const ZERO: Self = Self(0);

    /// An offset in minutes; `None` beyond a day.
    pub fn from_minutes(minutes: i32) -> Option<Self> {
        i16::try_from(minutes)
            .ok()
            .filter(|m| m.abs() < 24 * 60)
            .map(Self)
    }

    /// msdb's `backupset.time_zone`: signed quarter hours; `None` for 127 (unknown) and what no clock shows.
    ///
    /// <https://learn.microsoft.com/sql/relational-databases/system-tables/backupset-transact-sql>
    pub fn from_quarter_hours(time_zone: i32) -> Option<Self> {
        (-48..=56)
            .contains(&time_zone)
            .then(|| Self(time_zone as i16 * 15))
    }

    /// Minutes ahead of UTC.
    pub fn minutes(self) -> i32 {
        i32::from(self.0)
    }

    fn delta(self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.0))
    }
}

/// ISO 8601 with `T`, and a fraction only when it is not zero.
impl fmt::Display for ServerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.and_utc().timestamp_subsec_millis();
        write!(f, "{}", self.0.format("%Y-%m-%dT%H:%M:%S"))?;
        if millis != 0 {
            write!(f, ".{millis:03}")?;
        }
        Ok(())
    }
}

/// As `UTC+02:00`.
impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(
            f,
            "UTC{sign}{:02}:{:02}",
            self.0.abs() / 60,
            self.0.abs() % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    #[test]
    fn a_tick_is_never_after_the_time() {
        let at = |milli| {
            ServerTime(
                NaiveDate::from_ymd_opt(2026, 11, 22)
                    .and_then(|day| day.and_hms_milli_opt(8, 28, 12, milli))
                    .expect("a real time"),
            )
        };
        let cases = [
            (0, 0),
            (2, 0),
            (3, 3),
            (6, 3),
            (7, 7),
            (9, 7),
            (10, 10),
            (12, 10),
            (13, 13),
            (17, 17),
            (500, 500),
            (999, 997),
        ];
        for (from, to) in cases {
            assert_eq!(at(from).datetime_tick(), at(to), "{from} ms");
        }
    }
}
