//! When a job is due: the encoding of `msdb.dbo.sysschedules`, on the server's local clock.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-tables/dbo-sysschedules-transact-sql>

use chrono::{Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};

/// The columns of `sysschedules` that say when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// 1 once, 4 daily, 8 weekly, 16 monthly, 32 monthly relative, 64 when Agent starts, 128 when idle.
    pub freq_type: i32,
    pub freq_interval: i32,
    /// 1 at the given time, 2 seconds, 4 minutes, 8 hours; 0 counts as 1.
    pub freq_subday_type: i32,
    pub freq_subday_interval: i32,
    /// 1 first, 2 second, 4 third, 8 fourth, 16 last.
    pub freq_relative_interval: i32,
    /// Weeks or months between runs.
    pub freq_recurrence_factor: i32,
    /// `yyyymmdd`.
    pub active_start_date: i32,
    pub active_end_date: i32,
    /// `HHMMSS`.
    pub active_start_time: i32,
    pub active_end_time: i32,
}

/// How many days ahead a next run is looked for: a yearly gap is the longest that the encoding can make likely.
const HORIZON_DAYS: u64 = 366 * 2;

impl Schedule {
    /// Every day, between two times (`HHMMSS`), every so many minutes.
    pub fn every_minutes(minutes: i32, start_date: NaiveDate) -> Self {
        Self {
            freq_subday_type: 4,
            freq_subday_interval: minutes,
            ..Self::daily_at(0, start_date)
        }
    }

    /// Every day, every so many hours between two times (`HHMMSS`).
    pub fn every_hours(hours: i32, from: i32, to: i32, start_date: NaiveDate) -> Self {
        Self {
            freq_subday_type: 8,
            freq_subday_interval: hours,
            active_end_time: to,
            ..Self::daily_at(from, start_date)
        }
    }

    /// Once a day at a time (`HHMMSS`).
    pub fn daily_at(time: i32, start_date: NaiveDate) -> Self {
        Self {
            freq_type: 4,
            freq_interval: 1,
            freq_subday_type: 1,
            freq_subday_interval: 0,
            freq_relative_interval: 0,
            freq_recurrence_factor: 0,
            active_start_date: date_number(start_date),
            active_end_date: 99_991_231,
            active_start_time: time,
            active_end_time: 235_959,
        }
    }

    /// The first run strictly after `after`; `None` when there is none, or none that a clock decides.
    pub fn next_run(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let first_day = date_from_number(self.active_start_date)?;
        if self.freq_type == 1 {
            let run = first_day.and_time(time_from_number(self.active_start_time)?);
            return (run > after).then_some(run);
        }
        let mut day = after.date().max(first_day);
        for _ in 0..HORIZON_DAYS {
            if date_number(day) > self.active_end_date {
                return None;
            }
            if self.runs_on(day, first_day) {
                let from = if day == after.date() {
                    Some(after.time())
                } else {
                    None
                };
                if let Some(time) = self.next_time(from) {
                    return Some(day.and_time(time));
                }
            }
            day = day.checked_add_days(Days::new(1))?;
        }
        None
    }

    fn runs_on(&self, day: NaiveDate, first_day: NaiveDate) -> bool {
        match self.freq_type {
            4 => {
                let every = i64::from(self.freq_interval.max(1));
                (day - first_day).num_days() % every == 0
            }
            8 => {
                let bit = 1 << day.weekday().num_days_from_sunday();
                let week = |date: NaiveDate| {
                    let sunday = date.weekday().num_days_from_sunday();
                    (date - TimeDelta::days(i64::from(sunday))).num_days_from_ce() / 7
                };
                let every = self.freq_recurrence_factor.max(1);
                self.freq_interval & bit != 0 && (week(day) - week(first_day)) % every == 0
            }
            16 => {
                i64::from(day.day()) == i64::from(self.freq_interval)
                    && self.month_counts(day, first_day)
            }
            32 => self.is_relative_day(day) && self.month_counts(day, first_day),
            _ => false,
        }
    }

    fn month_counts(&self, day: NaiveDate, first_day: NaiveDate) -> bool {
        let month = |date: NaiveDate| date.year() * 12 + date.month0() as i32;
        (month(day) - month(first_day)) % self.freq_recurrence_factor.max(1) == 0
    }

    /// Whether `day` is the first, … or last Sunday, …, day, weekday or weekend day of its month.
    fn is_relative_day(&self, day: NaiveDate) -> bool {
        let matches = |date: NaiveDate| {
            let sunday_is_1 = date.weekday().number_from_sunday() as i32;
            match self.freq_interval {
                1..=7 => sunday_is_1 == self.freq_interval,
                8 => true,
                9 => (2..=6).contains(&sunday_is_1),
                10 => sunday_is_1 == 1 || sunday_is_1 == 7,
                _ => false,
            }
        };
        if !matches(day) {
            return false;
        }
        let same_month = |date: &NaiveDate| date.month() == day.month();
        if self.freq_relative_interval == 16 {
            return !day.iter_days().skip(1).take_while(same_month).any(matches);
        }
        let nth = (1..=day.day())
            .filter_map(|number| day.with_day(number))
            .filter(|date| matches(*date))
            .count();
        self.freq_relative_interval == 1 << (nth - 1)
    }

    /// The first time of a running day, after `after` where given.
    fn next_time(&self, after: Option<NaiveTime>) -> Option<NaiveTime> {
        let start = time_from_number(self.active_start_time)?;
        let end = time_from_number(self.active_end_time)?;
        let unit = match self.freq_subday_type {
            2 => 1,
            4 => 60,
            8 => 3_600,
            _ => return after.is_none_or(|after| start > after).then_some(start),
        };
        let step = i64::from(self.freq_subday_interval.max(1)) * unit;
        let begin = i64::from(start.num_seconds_from_midnight());
        let seconds = match after {
            Some(after) if after >= start => {
                let gone = i64::from(after.num_seconds_from_midnight()) - begin;
                begin + (gone / step + 1) * step
            }
            _ => begin,
        };
        let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(seconds).ok()?, 0)?;
        (time <= end).then_some(time)
    }
}

/// `yyyymmdd`, as Agent's tables write dates.
pub fn date_number(date: NaiveDate) -> i32 {
    date.year() * 10_000 + date.month() as i32 * 100 + date.day() as i32
}

/// `HHMMSS`, as Agent's tables write times.
pub fn time_number(time: NaiveTime) -> i32 {
    (time.hour() * 10_000 + time.minute() * 100 + time.second()) as i32
}

/// `H…HMMSS` of a duration in seconds, as `run_duration` writes it; hours are not capped.
pub fn duration_number(seconds: i64) -> i32 {
    let digits = seconds / 3_600 * 10_000 + seconds / 60 % 60 * 100 + seconds % 60;
    i32::try_from(digits).unwrap_or(i32::MAX)
}

fn date_from_number(number: i32) -> Option<NaiveDate> {
    let number = u32::try_from(number).ok()?;
    NaiveDate::from_ymd_opt((number / 10_000) as i32, number / 100 % 100, number % 100)
}

fn time_from_number(number: i32) -> Option<NaiveTime> {
    let number = u32::try_from(number).ok()?;
    NaiveTime::from_hms_opt(number / 10_000, number / 100 % 100, number % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn time(text: &str) -> NaiveDateTime {
        text.parse().expect("a time")
    }

    #[track_caller]
    fn check(schedule: Schedule, after: &str, expected: &[&str]) {
        let mut at = time(after);
        for next in expected {
            at = schedule.next_run(at).expect("another run");
            assert_eq!(at, time(next));
        }
    }

    #[test]
    fn every_quarter_of_an_hour_goes_over_midnight() {
        check(
            Schedule::every_minutes(15, day("2026-11-08")),
            "2026-11-21T23:31:00",
            &[
                "2026-11-21T23:45:00",
                "2026-11-22T00:00:00",
                "2026-11-22T00:15:00",
            ],
        );
    }

    #[test]
    fn every_six_hours_but_not_at_midnight() {
        check(
            Schedule::every_hours(6, 60_000, 180_000, day("2026-11-08")),
            "2026-11-21T12:00:00",
            &["2026-11-21T18:00:00", "2026-11-22T06:00:00"],
        );
    }

    #[test]
    fn weekly_on_sunday_at_two() {
        let schedule = Schedule {
            freq_type: 8,
            freq_interval: 1,
            freq_recurrence_factor: 1,
            ..Schedule::daily_at(20_000, day("2026-11-01"))
        };
        check(
            schedule,
            "2026-11-20T00:00:00",
            &["2026-11-22T02:00:00", "2026-11-29T02:00:00"],
        );
    }

    #[test]
    fn the_last_weekday_of_the_month() {
        let schedule = Schedule {
            freq_type: 32,
            freq_interval: 9,
            freq_relative_interval: 16,
            freq_recurrence_factor: 1,
            ..Schedule::daily_at(10_000, day("2026-01-01"))
        };
        check(
            schedule,
            "2026-10-01T00:00:00",
            &["2026-10-30T01:00:00", "2026-11-30T01:00:00"],
        );
    }

    #[test]
    fn day_31_skips_short_months() {
        let schedule = Schedule {
            freq_type: 16,
            freq_interval: 31,
            freq_recurrence_factor: 1,
            ..Schedule::daily_at(0, day("2026-01-01"))
        };
        check(
            schedule,
            "2026-09-01T00:00:00",
            &["2026-10-31T00:00:00", "2026-12-31T00:00:00"],
        );
    }

    #[test]
    fn once_is_once() {
        let schedule = Schedule {
            freq_type: 1,
            ..Schedule::daily_at(93_005, day("2026-11-22"))
        };
        check(schedule, "2026-11-01T00:00:00", &["2026-11-22T09:30:05"]);
        assert_eq!(schedule.next_run(time("2026-11-22T09:30:05")), None);
    }

    #[test]
    fn durations_are_packed_digits() {
        assert_eq!(duration_number(26 * 3_600 + 3 * 60 + 4), 260_304);
    }
}
