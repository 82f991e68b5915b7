//! The window's own ways with figures: ages, stopwatches, grouped counts, days; the common ones are those of `format`.

use crate::domain::{ServerTime, UtcOffset};
use chrono::{Datelike as _, NaiveDateTime};

pub use super::format::{
    duration, server_time as date_time, server_time_short as day_and_time, size, time_of_day,
};

/// How old something is, coarsely: `now`, `11 min`, `3 h 5 min`, `2 d 4 h`.
pub fn age(seconds: f64) -> String {
    let (days, hours, minutes, _) = parts(seconds.max(0.0) as u64);
    match (days, hours, minutes) {
        (0, 0, 0) => "now".to_owned(),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => two(hours, "h", minutes, "min"),
        (0..=13, _, _) => two(days, "d", hours, "h"),
        _ => format!("{days} d"),
    }
}

/// How much would be lost, coarsely, as [`age`]: `under 1 min`, `11 min`, `2 d 4 h`.
pub fn loss(seconds: f64) -> String {
    if seconds < 60.0 {
        "under 1 min".to_owned()
    } else {
        age(seconds)
    }
}

/// A running time as a clock shows it: `0:06`, `18:20`, `1:02:03`.
pub fn stopwatch(seconds: f64) -> String {
    let total = seconds.max(0.0) as u64;
    let (hours, minutes, secs) = (total / 3600, total / 60 % 60, total % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{secs:02}")
    } else {
        format!("{minutes}:{secs:02}")
    }
}

/// A count with thin groups: `1 347`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `1 backup`, `2 backups`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `UTC`, `UTC+02:00`.
pub fn zone(offset: UtcOffset) -> String {
    if offset == UtcOffset::ZERO {
        "UTC".to_owned()
    } else {
        offset.to_string()
    }
}

/// `22 Nov 08:28:12`, for places where the year goes without saying.
pub fn short_date_time(time: ServerTime) -> String {
    with_fraction(time.0, "%-d %b %H:%M:%S")
}

/// `Sun 22 Nov 08:28:12`.
pub fn weekday_date_time(time: ServerTime) -> String {
    with_fraction(time.0, "%a %-d %b %H:%M:%S")
}

/// `00:00`, or with seconds where there are any.
pub fn short_time_of_day(time: ServerTime) -> String {
    time.0.format("%H:%M").to_string()
}

/// The days of a range: `22 Nov 2026`, `20 – 22 Nov 2026`, `28 Nov – 2 Dec 2026`.
pub fn day_range(begin: ServerTime, end: ServerTime) -> String {
    let (from, to) = (begin.0, end.0);
    let last = to.format("%-d %b %Y");
    if from.date() == to.date() {
        last.to_string()
    } else if from.year() != to.year() {
        format!("{} – {last}", from.format("%-d %b %Y"))
    } else if from.month() != to.month() {
        format!("{} – {last}", from.format("%-d %b"))
    } else {
        format!("{} – {last}", from.day())
    }
}

fn with_fraction(time: NaiveDateTime, format: &str) -> String {
    let millis = time.and_utc().timestamp_subsec_millis();
    if millis == 0 {
        time.format(format).to_string()
    } else {
        format!("{}.{millis:03}", time.format(format))
    }
}

fn parts(seconds: u64) -> (u64, u64, u64, u64) {
    (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    )
}

fn two(first: u64, first_unit: &str, second: u64, second_unit: &str) -> String {
    if second == 0 {
        format!("{first} {first_unit}")
    } else {
        format!("{first} {first_unit} {second} {second_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_coarse_and_stopwatches_are_not() {
        assert_eq!(age(52.0 * 3600.0), "2 d 4 h");
        assert_eq!(age(30.0), "now");
        assert_eq!(
            (loss(30.0), loss(660.0)),
            ("under 1 min".into(), "11 min".into())
        );
        assert_eq!(stopwatch(219.9), "3:39");
        assert_eq!(stopwatch(3723.0), "1:02:03");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(1347), "1\u{202f}347");
        assert_eq!(count(999), "999");
        assert_eq!(counted(1, "backup", "backups"), "1 backup");
    }
}
