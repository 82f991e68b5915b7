//! When the backups of a policy run, on the server's wall clock.
//!
//! One recurrence a kind: what [`super::AgentSchedule`] can encode in one schedule.

use crate::domain::ServerTime;
use chrono::{Datelike as _, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};
use std::fmt;

/// Days and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// On which days of the week.
    pub days: WeekDays,
    /// When on such a day.
    pub at: DayTimes,
}

/// When on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayTimes {
    /// Once.
    Once(MinuteOfDay),
    /// Again and again.
    Every {
        /// Minutes between two runs; 1 to 1 439.
        minutes: u32,
        /// The first run of the day.
        from: MinuteOfDay,
        /// No run after this one.
        until: MinuteOfDay,
    },
}

/// A minute of the day, from 0 (midnight) to 1 439.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinuteOfDay(u16);

/// A set of days of the week, as Agent's bits: 1 is Sunday, 64 is Saturday. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeekDays(u8);

impl MinuteOfDay {
    /// 00:00.
    pub const MIDNIGHT: Self = Self(0);
    /// 23:59.
    pub const LAST: Self = Self(1_439);

    /// A minute since midnight; `None` from 1 440 on.
    pub fn new(minute: u32) -> Option<Self> {
        u16::try_from(minute)
            .ok()
            .filter(|minute| *minute <= Self::LAST.0)
            .map(Self)
    }

    /// A whole hour; `None` from 24 on.
    pub fn from_hour(hour: u32) -> Option<Self> {
        Self::new(hour.checked_mul(60)?)
    }

    /// Reads `hh:mm`.
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.trim().split_once(':')?;
        let number = |text: &str, most: u32| {
            (!text.is_empty() && text.len() <= 2)
                .then(|| text.parse::<u32>().ok())
                .flatten()
                .filter(|number| *number <= most)
        };
        Self::new(number(hours, 23)? * 60 + number(minutes, 59)?)
    }

    /// Minutes since midnight.
    pub fn minutes(self) -> u32 {
        u32::from(self.0)
    }

    /// `HHMMSS` as Agent's tables write times, with these seconds.
    pub(super) fn number(self, seconds: u32) -> i32 {
        let digits = self.minutes() / 60 * 10_000 + self.minutes() % 60 * 100 + seconds;
        i32::try_from(digits).unwrap_or(0)
    }

    fn time(self) -> NaiveTime {
        NaiveTime::from_hms_opt(self.minutes() / 60, self.minutes() % 60, 0)
            .unwrap_or(NaiveTime::MIN)
    }
}

/// As `06:00`.
impl fmt::Display for MinuteOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes() / 60, self.minutes() % 60)
    }
}

impl WeekDays {
    /// Every day.
    pub const ALL: Self = Self(127);

    /// The days with these bits; `None` for none, and for bits that name no day.
    pub fn from_bits(bits: u8) -> Option<Self> {
        (1..=127).contains(&bits).then_some(Self(bits))
    }

    /// Agent's bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether the day with this number is among them; 0 is Sunday.
    pub fn has(self, days_from_sunday: u32) -> bool {
        days_from_sunday < 7 && self.0 & (1 << days_from_sunday) != 0
    }
}

impl Times {
    /// Every day at this minute.
    pub fn daily(at: MinuteOfDay) -> Self {
        Self {
            days: WeekDays::ALL,
            at: DayTimes::Once(at),
        }
    }

    /// Every day, every so many minutes, from midnight on.
    pub fn every(minutes: u32) -> Self {
        Self {
            days: WeekDays::ALL,
            at: DayTimes::Every {
                minutes,
                from: MinuteOfDay::MIDNIGHT,
                until: MinuteOfDay::LAST,
            },
        }
    }

    /// The minutes of a running day.
    pub fn of_a_day(&self) -> Vec<MinuteOfDay> {
        match self.at {
            DayTimes::Once(at) => vec![at],
            DayTimes::Every {
                minutes,
                from,
                until,
            } => (from.minutes()..=until.minutes())
                .step_by(minutes.max(1) as usize)
                .filter_map(MinuteOfDay::new)
                .collect(),
        }
    }

    /// The runs after `after`, up to and including `until`, in order.
    ///
    /// Agent follows the wall clock: a skipped hour in spring has none, a repeated one in autumn has them twice.
    pub fn runs(&self, after: ServerTime, until: ServerTime) -> Vec<ServerTime> {
        let minutes = self.of_a_day();
        let mut runs = Vec::new();
        let mut day = after.0.date();
        while day <= until.0.date() {
            if self.days.has(day.weekday().num_days_from_sunday()) {
                runs.extend(
                    minutes
                        .iter()
                        .map(|minute| day.and_time(minute.time()))
                        .filter(|at| *at > after.0 && *at <= until.0)
                        .map(ServerTime),
                );
            }
            match day.succ_opt() {
                Some(next) => day = next,
                None => break,
            }
        }
        runs
    }

    /// The next run after `after`; there is one within eight days.
    pub fn next_run(&self, after: ServerTime) -> Option<ServerTime> {
        self.runs(after, after.plus(TimeDelta::days(8)))
            .first()
            .copied()
    }

    /// The longest time between two runs, over a week.
    pub fn longest_gap(&self) -> TimeDelta {
        longest_gap([self])
    }

    /// Runs a day, on average over a week.
    pub fn runs_a_day(&self) -> f64 {
        self.of_a_day().len() as f64 * f64::from(self.days.bits().count_ones()) / 7.0
    }
}

/// The longest time between two runs of any of these, over a week; zero without any.
pub(super) fn longest_gap<'a>(all: impl IntoIterator<Item = &'a Times>) -> TimeDelta {
    // A week like any other: a Sunday at midnight, and a second week so that gaps over its end count.
    let begin = ServerTime(NaiveDateTime::default() + TimeDelta::days(3) - TimeDelta::seconds(1));
    debug_assert_eq!(begin.0.second(), 59, "the second before a day begins");
    let mut runs: Vec<ServerTime> = all
        .into_iter()
        .flat_map(|times| times.runs(begin, begin.plus(TimeDelta::days(15))))
        .collect();
    runs.sort_unstable();
    runs.windows(2)
        .filter_map(|pair| match pair {
            [a, b] => Some(b.0 - a.0),
            _ => None,
        })
        .max()
        .unwrap_or_else(TimeDelta::zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> ServerTime {
        ServerTime(text.parse().expect("a time"))
    }

    #[test]
    fn minutes_are_read_as_people_write_them() {
        assert_eq!(MinuteOfDay::parse("6:05"), MinuteOfDay::new(365));
        assert_eq!(MinuteOfDay::parse(" 23:59 "), Some(MinuteOfDay::LAST));
        for wrong in ["24:00", "6", "6:60", "", ":", "006:00", "-1:00"] {
            assert_eq!(MinuteOfDay::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_day_of_octopus() {
        let policy = super::super::tests::octopus();
        let now = time("2026-11-22T14:41:07");
        let runs = |idx: usize| {
            policy.backups[idx]
                .times
                .runs(now, now.plus(TimeDelta::days(1)))
        };
        assert_eq!(runs(0), [time("2026-11-23T00:00:00")]);
        assert_eq!(
            runs(1),
            [
                time("2026-11-22T18:00:00"),
                time("2026-11-23T06:00:00"),
                time("2026-11-23T12:00:00")
            ]
        );
        assert_eq!(runs(2).len(), 96);
        assert_eq!(runs(2)[0], time("2026-11-22T14:45:00"));
    }

    #[test]
    fn gaps_go_over_midnight_and_over_the_weekend() {
        let policy = super::super::tests::octopus();
        let gap = |idx: usize| policy.backups[idx].times.longest_gap();
        assert_eq!(gap(0), TimeDelta::days(1));
        assert_eq!(gap(1), TimeDelta::hours(12));
        assert_eq!(gap(2), TimeDelta::minutes(15));
        let weekly = Times {
            days: WeekDays::from_bits(1).expect("Sunday"),
            at: DayTimes::Once(MinuteOfDay::MIDNIGHT),
        };
        assert_eq!(weekly.longest_gap(), TimeDelta::days(7));
        assert_eq!(
            weekly.next_run(time("2026-11-22T00:00:00")),
            Some(time("2026-11-29T00:00:00"))
        );
    }
}
