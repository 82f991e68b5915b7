//! The server's clock: live, or frozen and moved on by hand. Everything on the server reads only this one.

use crate::{
    domain::{ServerTime, UtcOffset, UtcTime},
    practice::sql::environment::StatementTime,
};
use chrono::{DateTime, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use std::time::Duration;

/// 100 ns between 0001-01-01 and 1970-01-01.
const TICKS_TO_1970: i64 = 621_355_968_000_000_000;

/// Where the server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// An IANA name; it may have summer time.
    Named(chrono_tz::Tz),
    Fixed(UtcOffset),
}

impl Zone {
    /// Reads `Europe/Berlin` or `+02:00`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(tz) = text.parse::<chrono_tz::Tz>() {
            return Some(Self::Named(tz));
        }
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let minutes = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
        UtcOffset::from_minutes(sign * minutes).map(Self::Fixed)
    }

    /// How far the server's clock is ahead of UTC at an instant.
    pub fn offset_at(self, instant: UtcTime) -> UtcOffset {
        match self {
            Self::Fixed(offset) => offset,
            Self::Named(tz) => {
                let seconds = tz
                    .offset_from_utc_datetime(&instant.0.naive_utc())
                    .fix()
                    .local_minus_utc();
                UtcOffset::from_minutes(seconds / 60).unwrap_or(UtcOffset::ZERO)
            }
        }
    }

    /// As `CURRENT_TIMEZONE_ID()` would name it; the real server answers Windows names.
    pub fn name(self) -> String {
        match self {
            Self::Named(tz) => tz.name().to_owned(),
            Self::Fixed(offset) => offset.to_string(),
        }
    }
}

/// Where the time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockMode {
    /// The machine's clock, moved by a constant.
    Live { ahead: TimeDelta },
    /// Stands still until it is moved.
    Frozen { at: UtcTime },
    /// Moved from event to event while a world is simulated; whatever would take time moves it on instead.
    Simulated { at: UtcTime },
}

/// Whether a world is being simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simulating {
    Yes,
    No,
}

/// What a clock that stands does while something takes its time at the server's pace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PacedTime {
    /// It is waited for, and the clock stands.
    #[default]
    Waited,
    /// The clock is moved on by it, and nobody waits.
    Passed,
}

/// The server's clock and zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    mode: ClockMode,
    zone: Zone,
    paced: PacedTime,
}

impl Clock {
    /// A clock that runs with the machine's, and shows `now` at this moment when given.
    pub fn live(zone: Zone, now: Option<UtcTime>) -> Self {
        let ahead = now.map_or(TimeDelta::zero(), |now| now.0 - Utc::now());
        Self {
            mode: ClockMode::Live { ahead },
            zone,
            paced: PacedTime::default(),
        }
    }

    /// A clock that stands at `at`.
    pub fn frozen(zone: Zone, at: UtcTime) -> Self {
        Self {
            mode: ClockMode::Frozen { at },
            zone,
            paced: PacedTime::default(),
        }
    }

    /// Says what happens to time that passes at the server's pace; only a clock that stands minds it.
    pub fn pace(&mut self, paced: PacedTime) {
        self.paced = paced;
    }

    pub fn mode(&self) -> ClockMode {
        self.mode
    }

    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The instant now.
    pub fn now(&self) -> UtcTime {
        match self.mode {
            ClockMode::Frozen { at } | ClockMode::Simulated { at } => at,
            ClockMode::Live { ahead } => UtcTime(Utc::now()).plus(ahead),
        }
    }

    /// What the server's clock shows now.
    pub fn now_local(&self) -> ServerTime {
        self.local(self.now())
    }

    /// What the server's clock shows at an instant.
    pub fn local(&self, instant: UtcTime) -> ServerTime {
        instant.to_server(self.zone.offset_at(instant))
    }

    /// Minutes ahead of UTC at an instant.
    pub fn offset_minutes(&self, instant: UtcTime) -> i16 {
        i16::try_from(self.zone.offset_at(instant).minutes()).unwrap_or(0)
    }

    /// The time of a statement that begins now.
    pub fn statement_time(&self) -> StatementTime {
        let now = self.now();
        StatementTime {
            utc_ticks: ticks(now),
            offset_minutes: self.offset_minutes(now),
        }
    }

    /// Moves a clock that stands, and never back; a live one is left alone, because simulated time ends where
    /// live time begins.
    pub fn set(&mut self, to: UtcTime) {
        if let ClockMode::Frozen { at } | ClockMode::Simulated { at } = &mut self.mode {
            *at = to.max(*at);
        }
    }

    /// Moves a simulated clock on by what an activity takes; answers whether it did, so that nobody needs to wait.
    pub fn pass(&mut self, time: Duration) -> bool {
        match (&mut self.mode, self.paced) {
            (ClockMode::Simulated { at }, _) | (ClockMode::Frozen { at }, PacedTime::Passed) => {
                *at = at.plus(TimeDelta::from_std(time).unwrap_or_default());
                true
            }
            (ClockMode::Frozen { .. } | ClockMode::Live { .. }, _) => false,
        }
    }

    /// Begins or ends a simulation on a clock that stands.
    pub fn simulate(&mut self, on: Simulating) {
        if let ClockMode::Frozen { at } | ClockMode::Simulated { at } = self.mode {
            self.mode = match on {
                Simulating::Yes => ClockMode::Simulated { at },
                Simulating::No => ClockMode::Frozen { at },
            };
        }
    }
}

/// UTC in 100 ns since 0001-01-01.
pub fn ticks(instant: UtcTime) -> i64 {
    instant.0.timestamp() * 10_000_000
        + i64::from(instant.0.timestamp_subsec_nanos() / 100)
        + TICKS_TO_1970
}

/// A local time in 100 ns since 0001-01-01.
pub fn local_ticks(time: ServerTime) -> i64 {
    ticks(UtcTime(time.0.and_utc()))
}

/// The instant of a number of ticks.
pub fn from_ticks(ticks: i64) -> UtcTime {
    let since = ticks - TICKS_TO_1970;
    DateTime::from_timestamp(
        since.div_euclid(10_000_000),
        u32::try_from(since.rem_euclid(10_000_000) * 100).unwrap_or(0),
    )
    .map_or(UtcTime(DateTime::<Utc>::UNIX_EPOCH), UtcTime)
}

/// A local time as `datetime` keeps it: 1/300 s since 1900.
pub fn datetime(time: NaiveDateTime) -> i64 {
    crate::practice::sql::convert::calendar::datetime_from_ticks(local_ticks(ServerTime(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_read_and_know_summer() {
        let berlin = Zone::parse("Europe/Berlin").expect("an IANA name");
        let at = |text: &str| UtcTime(text.parse().expect("a time"));
        assert_eq!(berlin.offset_at(at("2026-01-01T00:00:00Z")).minutes(), 60);
        assert_eq!(berlin.offset_at(at("2026-07-01T00:00:00Z")).minutes(), 120);
        assert_eq!(
            Zone::parse("-03:30").map(|z| z.offset_at(at("2026-07-01T00:00:00Z")).minutes()),
            Some(-210)
        );
        assert_eq!(Zone::parse("Nowhere/At"), None);
        assert_eq!(Zone::parse(""), None);
    }

    #[test]
    fn a_frozen_clock_moves_only_by_hand() {
        let start = UtcTime("2026-11-22T06:00:00.123Z".parse().expect("a time"));
        let mut clock = Clock::frozen(Zone::Fixed(UtcOffset::ZERO), start);
        assert_eq!(clock.now(), start);
        clock.set(start.plus(TimeDelta::seconds(5)));
        assert_eq!(clock.now(), start.plus(TimeDelta::seconds(5)));
        assert_eq!(from_ticks(ticks(start)), start);
    }
}
