//! The wall clock of the server whose times are shown, as far as its backups tell the zone.

use super::{Moment, ServerTime, UtcOffset, UtcTime};
use chrono::DateTime;
use std::sync::Arc;

const HOUR: i64 = 3600;

/// Converts between the server's wall clock and instants, from the zones that the rows show.
///
/// `backupset.time_zone` is the offset when a backup started, not the name of a zone.
/// Between two backups with different offsets the change is put at the one whole hour between them, else in the middle.
/// Without any zone the wall clock itself is the axis: an instant is then the local time read as UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerClock {
    zones: Zones,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Zones {
    Unknown,
    Known {
        first: UtcOffset,
        /// From this second since 1970 on, that offset.
        changes: Arc<[(i64, UtcOffset)]>,
    },
}

/// What a wall-clock time means on a clock that is put forward and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It occurs once.
    Once,
    /// It occurs twice; the first pass is meant.
    FirstPass,
    /// The clock skipped it.
    Skipped,
}

impl Default for ServerClock {
    fn default() -> Self {
        Self {
            zones: Zones::Unknown,
        }
    }
}

impl ServerClock {
    /// A clock that never changes its offset.
    pub fn fixed(offset: UtcOffset) -> Self {
        Self {
            zones: Zones::Known {
                first: offset,
                changes: Arc::new([]),
            },
        }
    }

    /// Builds the clock from what backups showed: (second since 1970, offset), in any order.
    pub(super) fn from_samples(mut samples: Vec<(i64, UtcOffset)>) -> Self {
        samples.sort_unstable();
        let Some(&(_, first)) = samples.first() else {
            return Self::default();
        };
        let mut changes = Vec::new();
        let mut previous = None;
        for (second, offset) in samples {
            if let Some((before, old)) = previous
                && old != offset
            {
                changes.push((change_between(before, second), offset));
            }
            previous = Some((second, offset));
        }
        Self {
            zones: Zones::Known {
                first,
                changes: changes.into(),
            },
        }
    }

    /// Whether instants are known, rather than only wall-clock times.
    pub fn knows_zone(&self) -> bool {
        matches!(self.zones, Zones::Known { .. })
    }

    /// The offset at `instant`; `None` when the rows do not tell the zone.
    pub fn offset_at(&self, instant: UtcTime) -> Option<UtcOffset> {
        self.offset_at_second(instant.0.timestamp())
    }

    /// What the server's clock shows at `instant`.
    pub fn server_time(&self, instant: UtcTime) -> ServerTime {
        instant.to_server(self.offset_at(instant).unwrap_or(UtcOffset::ZERO))
    }

    /// The moment that a wall-clock time names: its first pass where an hour repeats, as written where one is skipped.
    pub fn moment(&self, server: ServerTime) -> Moment {
        self.read(server).0
    }

    /// The moment that a wall-clock time names, and whether it is the only one.
    pub fn read(&self, server: ServerTime) -> (Moment, Reading) {
        let at = |offset: UtcOffset| Moment {
            server,
            instant: server.to_utc(offset),
        };
        let Zones::Known { first, changes } = &self.zones else {
            return (at(UtcOffset::ZERO), Reading::Once);
        };
        let fits = |offset: UtcOffset| {
            let moment = at(offset);
            (self.offset_at(moment.instant) == Some(offset)).then_some(moment)
        };
        let mut offsets: Vec<UtcOffset> = vec![*first];
        offsets.extend(changes.iter().map(|&(_, offset)| offset));
        offsets.sort_unstable();
        offsets.dedup();
        // The larger the offset, the earlier the instant.
        let mut passes = offsets.iter().rev().filter_map(|&offset| fits(offset));
        match (passes.next(), passes.next()) {
            (Some(moment), None) => (moment, Reading::Once),
            (Some(moment), Some(_)) => (moment, Reading::FirstPass),
            (None, _) => {
                // Skipped: read with the offset before the change, so that the order of times is kept.
                let mut before = *first;
                for &(second, offset) in changes.iter() {
                    if at(before).instant.0.timestamp() < second {
                        break;
                    }
                    if at(offset).instant.0.timestamp() >= second {
                        before = offset;
                    } else {
                        break;
                    }
                }
                (at(before), Reading::Skipped)
            }
        }
    }

    /// The moment of an instant.
    pub fn moment_at(&self, instant: UtcTime) -> Moment {
        Moment {
            server: self.server_time(instant),
            instant,
        }
    }

    /// The instants around the repeated hour whose second pass holds `instant`: the beginning of its first pass, the end of its second.
    pub fn second_pass(&self, instant: UtcTime) -> Option<(UtcTime, UtcTime)> {
        let Zones::Known { first, changes } = &self.zones else {
            return None;
        };
        let second = instant.0.timestamp();
        let mut before = *first;
        for &(change, offset) in changes.iter() {
            let back_secs = i64::from(before.minutes() - offset.minutes()) * 60;
            if back_secs > 0 && second >= change && second < change + back_secs {
                return Some((
                    from_seconds(change - back_secs),
                    from_seconds(change + back_secs),
                ));
            }
            before = offset;
        }
        None
    }

    pub(super) fn offset_at_second(&self, second: i64) -> Option<UtcOffset> {
        let Zones::Known { first, changes } = &self.zones else {
            return None;
        };
        let past = changes.partition_point(|&(change, _)| change <= second);
        Some(match past.checked_sub(1) {
            Some(idx) => changes.get(idx).map_or(*first, |&(_, offset)| offset),
            None => *first,
        })
    }
}

/// When the clock was changed, between two backups that show different offsets.
///
/// Zones change at whole hours of UTC nearly everywhere, so when exactly one lies between, that is it.
fn change_between(before: i64, after: i64) -> i64 {
    let first_hour = (before.div_euclid(HOUR) + 1) * HOUR;
    if first_hour <= after && first_hour + HOUR > after {
        first_hour
    } else {
        before + (after - before).div_euclid(2) + 1
    }
}

/// The instant at a whole second since 1970; the calendar's ends for what it cannot hold.
pub(super) fn from_seconds(second: i64) -> UtcTime {
    UtcTime(
        DateTime::from_timestamp(second, 0).unwrap_or(if second < 0 {
            DateTime::<chrono::Utc>::MIN_UTC
        } else {
            DateTime::<chrono::Utc>::MAX_UTC
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDateTime;

    fn time(text: &str) -> ServerTime {
        ServerTime(
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").expect("the test writes ISO"),
        )
    }

    fn offset(minutes: i32) -> UtcOffset {
        UtcOffset::from_minutes(minutes).expect("the test writes real offsets")
    }

    /// Berlin in autumn 2026: 25 October, 03:00 summer time becomes 02:00.
    fn berlin_autumn() -> ServerClock {
        let sample = |text, minutes| {
            let instant = time(text).to_utc(offset(minutes));
            (instant.0.timestamp(), offset(minutes))
        };
        ServerClock::from_samples(vec![
            sample("2026-10-25T02:15:00", 60),
            sample("2026-10-25T02:45:00", 120),
            sample("2026-10-24T12:00:00", 120),
            sample("2026-10-26T12:00:00", 60),
        ])
    }

    #[test]
    fn a_repeated_hour_means_its_first_pass() {
        let clock = berlin_autumn();
        let (moment, reading) = clock.read(time("2026-10-25T02:50:00"));
        assert_eq!(reading, Reading::FirstPass);
        assert_eq!(
            moment.instant,
            time("2026-10-25T00:50:00").to_utc(UtcOffset::ZERO)
        );
        let (moment, reading) = clock.read(time("2026-10-25T03:10:00"));
        assert_eq!(reading, Reading::Once);
        assert_eq!(
            moment.instant,
            time("2026-10-25T02:10:00").to_utc(UtcOffset::ZERO)
        );
    }

    #[test]
    fn the_second_pass_is_recognised() {
        let clock = berlin_autumn();
        let utc = |text| time(text).to_utc(UtcOffset::ZERO);
        let around = clock.second_pass(utc("2026-10-25T01:50:00"));
        assert_eq!(
            around,
            Some((utc("2026-10-25T00:00:00"), utc("2026-10-25T02:00:00")))
        );
        assert_eq!(clock.second_pass(utc("2026-10-25T00:50:00")), None);
        assert_eq!(clock.second_pass(utc("2026-10-25T02:00:00")), None);
    }

    #[test]
    fn a_skipped_hour_is_taken_as_written() {
        let at = |text, minutes| {
            let instant = time(text).to_utc(offset(minutes));
            (instant.0.timestamp(), offset(minutes))
        };
        let clock = ServerClock::from_samples(vec![
            at("2026-03-29T01:30:00", 60),
            at("2026-03-29T03:30:00", 120),
        ]);
        let (moment, reading) = clock.read(time("2026-03-29T02:30:00"));
        assert_eq!(reading, Reading::Skipped);
        assert_eq!(moment.server, time("2026-03-29T02:30:00"));
        assert_eq!(
            moment.instant,
            time("2026-03-29T01:30:00").to_utc(UtcOffset::ZERO)
        );
    }

    #[test]
    fn without_zones_the_wall_clock_is_the_axis() {
        let clock = ServerClock::default();
        let moment = clock.moment(time("2026-03-29T02:30:00"));
        assert_eq!(clock.offset_at(moment.instant), None);
        assert_eq!(clock.server_time(moment.instant), moment.server);
    }
}
