//! Reading a time that somebody typed.

use crate::domain::{ServerTime, UtcOffset, UtcTime};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

/// A typed time: on the server's clock, or an instant when it carries an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedTime {
    Server(ServerTime),
    Instant(UtcTime),
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time; type it as 2026-11-22 08:28:12, 22 Nov 08:28 or 08:28:12")]
pub struct TypedTimeError;

/// Reads `2026-11-22 08:28:12`, `22 Nov 2026 08:28`, `22 Nov 08:28`, `08:28:12`, or ISO 8601 with or without an offset.
///
/// What is not said is taken from `near`: the year, and with a bare time the day.
pub fn parse_time(text: &str, near: ServerTime) -> Result<TypedTime, TypedTimeError> {
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Ok(TypedTime::Instant(UtcTime(instant.to_utc())));
    }
    if let Some((local, offset)) = split_offset(text) {
        return Ok(TypedTime::Instant(parse_local(local, near)?.to_utc(offset)));
    }
    parse_local(text, near).map(TypedTime::Server)
}

fn parse_local(text: &str, near: ServerTime) -> Result<ServerTime, TypedTimeError> {
    const WITH_YEAR: [&str; 10] = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
        "%d %b %Y %H:%M:%S%.f",
        "%d %b %Y %H:%M",
        "%d.%m.%Y %H:%M:%S%.f",
        "%d.%m.%Y %H:%M",
        "%Y%m%d %H:%M:%S",
        "%Y%m%d_%H%M%S",
    ];
    let words = without_weekday(text);
    for format in WITH_YEAR {
        if let Ok(time) = NaiveDateTime::parse_from_str(&words, format) {
            return Ok(ServerTime(time));
        }
    }
    for format in ["%Y-%m-%d", "%d %b %Y", "%d.%m.%Y"] {
        if let Ok(date) = NaiveDate::parse_from_str(&words, format) {
            return Ok(ServerTime(date.and_time(NaiveTime::MIN)));
        }
    }
    let year = near.0.format("%Y").to_string();
    for (format, spaced) in [("%d %b %H:%M:%S%.f %Y", true), ("%d %b %H:%M %Y", true)] {
        if spaced
            && let Ok(time) = NaiveDateTime::parse_from_str(&format!("{words} {year}"), format)
        {
            return Ok(ServerTime(time));
        }
    }
    for format in ["%H:%M:%S%.f", "%H:%M"] {
        if let Ok(time) = NaiveTime::parse_from_str(&words, format) {
            return Ok(ServerTime(near.0.date().and_time(time)));
        }
    }
    Err(TypedTimeError)
}

/// `2026-11-22 08:28 +02:00` and `… UTC+02:00` (as the window writes zones).
fn split_offset(text: &str) -> Option<(&str, UtcOffset)> {
    if let Some(local) = text.strip_suffix('Z') {
        return Some((local.trim_end(), UtcOffset::ZERO));
    }
    let (local, zone) = text.rsplit_once(' ')?;
    let zone = zone.strip_prefix("UTC").unwrap_or(zone);
    if zone.is_empty() {
        return Some((local, UtcOffset::ZERO));
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let minutes = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
    Some((local.trim_end(), UtcOffset::from_minutes(sign * minutes)?))
}

fn without_weekday(text: &str) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let mut words = text.split_whitespace().peekable();
    if let Some(first) = words.peek()
        && first
            .get(..3)
            .is_some_and(|day| DAYS.contains(&day.to_lowercase().as_str()))
    {
        words.next();
    }
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let near = ServerTime(
            NaiveDate::from_ymd_opt(2026, 11, 20)
                .and_then(|d| d.and_hms_opt(3, 4, 5))
                .expect("a real date"),
        );
        let found = match parse_time(text, near) {
            Ok(TypedTime::Server(time)) => time.to_string(),
            Ok(TypedTime::Instant(time)) => format!("{}Z", time.to_server(UtcOffset::ZERO)),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn people_type_times_in_many_ways() {
        check("2026-11-22 08:28:12", "2026-11-22T08:28:12");
        check("2026-11-22T08:28:12.500", "2026-11-22T08:28:12.500");
        check("Sun 22 Nov 08:28:12", "2026-11-22T08:28:12");
        check("22 Nov 2026 08:28", "2026-11-22T08:28:00");
        check("22 nov 08:28", "2026-11-22T08:28:00");
        check("22.11.2026 08:28", "2026-11-22T08:28:00");
        check("08:28", "2026-11-20T08:28:00");
        check("2026-11-22", "2026-11-22T00:00:00");
        check("2026-11-22T08:28:12+02:00", "2026-11-22T06:28:12Z");
        check("2026-11-22 08:28 UTC+02:00", "2026-11-22T06:28:00Z");
        check("08:28 UTC", "2026-11-20T08:28:00Z");
    }

    #[test]
    fn what_is_no_time_says_how_to_type_one() {
        check("yesterday", &TypedTimeError.to_string());
        check("25:61", &TypedTimeError.to_string());
        check("ä", &TypedTimeError.to_string());
    }
}
