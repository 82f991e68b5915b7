//! How SQL Server Agent writes down when a job runs: the columns of `msdb.dbo.sysschedules`.
//!
//! Read for every job of a server, so that clashes can be seen; written for the jobs of a policy.
//! <https://learn.microsoft.com/sql/relational-databases/system-tables/dbo-sysschedules-transact-sql>

use super::{DayTimes, MinuteOfDay, Times, WeekDays};
use crate::domain::ServerTime;
use chrono::{Datelike as _, NaiveDate, NaiveTime, TimeDelta};

/// One schedule of a job. All numbers as Agent has them: dates `yyyymmdd`, times `HHMMSS`, local to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentSchedule {
    /// A job with a switched-off schedule does not run by it.
    pub enabled: bool,
    /// 1 once, 4 daily, 8 weekly, 16 monthly, 32 monthly relative, 64 at Agent's start, 128 when idle.
    pub freq_type: i32,
    /// Every n days, bits of days, or the day of the month.
    pub freq_interval: i32,
    /// 1 at the given time, 2 seconds, 4 minutes, 8 hours.
    pub freq_subday_type: i32,
    /// How many of these.
    pub freq_subday_interval: i32,
    /// 1 first, 2 second, 4 third, 8 fourth, 16 last.
    pub freq_relative_interval: i32,
    /// Weeks or months between runs.
    pub freq_recurrence_factor: i32,
    /// `yyyymmdd`.
    pub active_start_date: i32,
    /// `yyyymmdd`.
    pub active_end_date: i32,
    /// `HHMMSS`.
    pub active_start_time: i32,
    /// `HHMMSS`.
    pub active_end_time: i32,
}

/// A day in the past from which every schedule of ours counts, so that applying twice writes the same.
const START_DATE: i32 = 20_000_101;
const NO_END: i32 = 99_991_231;

/// Runs that one schedule may have on a day before the rest is left out: every ten seconds is Agent's most.
const MOST_RUNS_A_DAY: usize = 8_640;

impl AgentSchedule {
    /// The schedule for these times.
    pub fn of(times: &Times) -> Self {
        let (freq_type, freq_interval, freq_recurrence_factor) = if times.days == WeekDays::ALL {
            (4, 1, 0)
        } else {
            (8, i32::from(times.days.bits()), 1)
        };
        let (subday_type, subday_interval, start, end) = match times.at {
            DayTimes::Once(at) => (1, 0, at.number(0), 235_959),
            DayTimes::Every {
                minutes,
                from,
                until,
            } => {
                let (unit, count) = if minutes % 60 == 0 {
                    (8, minutes / 60)
                } else {
                    (4, minutes)
                };
                // To the end of the minute, so that a run at exactly `until` is no question of rounding.
                let count = i32::try_from(count).unwrap_or(1);
                (unit, count, from.number(0), until.number(59))
            }
        };
        Self {
            enabled: true,
            freq_type,
            freq_interval,
            freq_subday_type: subday_type,
            freq_subday_interval: subday_interval,
            freq_relative_interval: 0,
            freq_recurrence_factor,
            active_start_date: START_DATE,
            active_end_date: NO_END,
            active_start_time: start,
            active_end_time: end,
        }
    }

    /// The times that this schedule means, when a policy can say them.
    pub fn times(&self) -> Option<Times> {
        let days = match self.freq_type {
            4 if self.freq_interval == 1 => WeekDays::ALL,
            8 if self.freq_recurrence_factor == 1 => {
                WeekDays::from_bits(u8::try_from(self.freq_interval).ok()?)?
            }
            _ => return None,
        };
        let minute = |number: i32| {
            let number = u32::try_from(number).ok()?;
            MinuteOfDay::new(number / 10_000 * 60 + number / 100 % 100)
        };
        let from = minute(self.active_start_time)?;
        let count = u32::try_from(self.freq_subday_interval).ok()?;
        let every = |minutes: u32| {
            (1..1_440).contains(&minutes).then_some(DayTimes::Every {
                minutes,
                from,
                until: minute(self.active_end_time)?,
            })
        };
        let at = match self.freq_subday_type {
            0 | 1 => DayTimes::Once(from),
            4 => every(count)?,
            8 => every(count.checked_mul(60)?)?,
            _ => return None,
        };
        Some(Times { days, at })
    }

    /// The runs after `after`, up to and including `until`, in order; none for a schedule that no clock decides.
    pub fn runs(&self, after: ServerTime, until: ServerTime) -> Vec<ServerTime> {
        let Some(first_day) = date(self.active_start_date) else {
            return Vec::new();
        };
        if !self.enabled {
            return Vec::new();
        }
        let mut runs = Vec::new();
        let mut day = after.0.date().max(first_day);
        while day <= until.0.date() && date_number(day) <= self.active_end_date {
            if self.runs_on(day, first_day) {
                let at = |time| ServerTime(day.and_time(time));
                runs.extend(
                    self.times_of_a_day()
                        .into_iter()
                        .map(at)
                        .filter(|run| *run > after && *run <= until),
                );
            }
            match day.succ_opt() {
                Some(next) => day = next,
                None => break,
            }
        }
        runs
    }

    fn runs_on(&self, day: NaiveDate, first_day: NaiveDate) -> bool {
        let factor = self.freq_recurrence_factor.max(1);
        let months = || {
            (day.year() - first_day.year()) * 12 + day.month0() as i32 - first_day.month0() as i32
        };
        match self.freq_type {
            1 => day == first_day,
            4 => (day - first_day).num_days() % i64::from(self.freq_interval.max(1)) == 0,
            8 => {
                let days = WeekDays::from_bits((self.freq_interval & 127) as u8);
                let sunday = |day: NaiveDate| {
                    day - TimeDelta::days(i64::from(day.weekday().num_days_from_sunday()))
                };
                let weeks = (sunday(day) - sunday(first_day)).num_days() / 7;
                days.is_some_and(|days| days.has(day.weekday().num_days_from_sunday()))
                    && weeks % i64::from(factor) == 0
            }
            16 => day.day() as i32 == self.freq_interval && months() % factor == 0,
            32 => months() % factor == 0 && self.is_relative_day(day),
            _ => false,
        }
    }

    /// The first, … or last Sunday, …, day, weekday or weekend day of the month.
    fn is_relative_day(&self, day: NaiveDate) -> bool {
        let wanted = |day: NaiveDate| {
            let number = day.weekday().number_from_sunday() as i32;
            match self.freq_interval {
                1..=7 => number == self.freq_interval,
                8 => true,
                9 => (2..=6).contains(&number),
                10 => number == 1 || number == 7,
                _ => false,
            }
        };
        let of_month: Vec<NaiveDate> = day
            .with_day(1)
            .into_iter()
            .flat_map(|first| {
                first
                    .iter_days()
                    .take_while(move |d| d.month() == first.month())
            })
            .filter(|day| wanted(*day))
            .collect();
        let chosen = match self.freq_relative_interval {
            1 => of_month.first(),
            2 => of_month.get(1),
            4 => of_month.get(2),
            8 => of_month.get(3),
            16 => of_month.last(),
            _ => None,
        };
        chosen == Some(&day)
    }

    fn times_of_a_day(&self) -> Vec<NaiveTime> {
        let (Some(start), Some(end)) = (
            seconds(self.active_start_time),
            seconds(self.active_end_time),
        ) else {
            return Vec::new();
        };
        let unit: u32 = match self.freq_subday_type {
            2 => 1,
            4 => 60,
            8 => 3_600,
            _ => 0,
        };
        let step = u32::try_from(self.freq_subday_interval.max(1)).unwrap_or(1) * unit;
        let last = if step == 0 { start } else { end };
        (start..=last)
            .step_by(step.max(1) as usize)
            .take(MOST_RUNS_A_DAY)
            .filter_map(|second| NaiveTime::from_num_seconds_from_midnight_opt(second, 0))
            .collect()
    }
}

fn date(number: i32) -> Option<NaiveDate> {
    let number = u32::try_from(number).ok()?;
    NaiveDate::from_ymd_opt((number / 10_000) as i32, number / 100 % 100, number % 100)
}

fn date_number(day: NaiveDate) -> i32 {
    day.year() * 10_000 + day.month() as i32 * 100 + day.day() as i32
}

/// Seconds since midnight of `HHMMSS`.
fn seconds(number: i32) -> Option<u32> {
    let number = u32::try_from(number).ok()?;
    let (hours, minutes, seconds) = (number / 10_000, number / 100 % 100, number % 100);
    (hours < 24 && minutes < 60 && seconds < 60).then_some(hours * 3_600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> ServerTime {
        ServerTime(text.parse().expect("a time"))
    }

    #[test]
    fn a_policys_times_survive_the_encoding() {
        let policy = super::super::tests::octopus();
        let week = (time("2026-11-15T00:00:00"), time("2026-11-22T00:00:00"));
        for backup in &policy.backups {
            let schedule = AgentSchedule::of(&backup.times);
            assert_eq!(schedule.times(), Some(backup.times));
            assert_eq!(
                schedule.runs(week.0, week.1),
                backup.times.runs(week.0, week.1)
            );
        }
        let log = AgentSchedule::of(&policy.backups[2].times);
        assert_eq!(
            (
                log.freq_type,
                log.freq_subday_type,
                log.freq_subday_interval
            ),
            (4, 4, 15)
        );
        assert_eq!((log.active_start_time, log.active_end_time), (0, 235_959));
    }

    #[test]
    fn weekends_and_last_weekdays() {
        let base = AgentSchedule::of(&Times::daily(MinuteOfDay::from_hour(2).expect("two")));
        let weekly = AgentSchedule {
            freq_type: 8,
            freq_interval: 1,
            freq_recurrence_factor: 1,
            ..base
        };
        let month = (time("2026-11-01T03:00:00"), time("2026-11-30T23:00:00"));
        let days = |schedule: AgentSchedule| {
            let runs = schedule.runs(month.0, month.1);
            runs.iter()
                .map(|run| run.0.date().day())
                .collect::<Vec<_>>()
        };
        assert_eq!(days(weekly), [8, 15, 22, 29]);
        let last_weekday = AgentSchedule {
            freq_type: 32,
            freq_interval: 9,
            freq_relative_interval: 16,
            freq_recurrence_factor: 1,
            ..base
        };
        assert_eq!(days(last_weekday), [30]);
        assert!(
            days(AgentSchedule {
                enabled: false,
                ..base
            })
            .is_empty()
        );
        assert!(
            days(AgentSchedule {
                freq_type: 64,
                ..base
            })
            .is_empty()
        );
    }
}
