//! Functions of dates and times.

use super::{failed, strict, text_at, type_at, value_at};
use crate::practice::reply::Message;
use crate::practice::sql::codec;
use crate::practice::sql::convert::calendar::{
    DAY, DAYS_TO_1900, HOUR, MINUTE, SECOND, date_from_days, days_from_date, days_in_month,
    ticks_of, value_at as moment_at,
};
use crate::practice::sql::convert::moments;
use crate::practice::sql::types;
use crate::practice::value::SqlType;
use rusqlite::functions::Context;
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, Result};

pub(super) fn register(connection: &Connection) -> Result<()> {
    strict(connection, "tsql_dateadd", 4, |c| {
        let ty = type_at(c, 3)?;
        let n: i64 = c.get(1)?;
        let (ticks, offset) = moment(c, 2, ty)?;
        add(&text_at(c, 0)?, n, ticks)
            .and_then(|ticks| moment_at(ticks, offset, ty).ok())
            .map(|v| codec::encode(&v, ty))
            .ok_or_else(|| {
                failed(&Message::error(
                    517,
                    format!(
                        "Adding a value to a '{}' column caused an overflow.",
                        types::name(ty)
                    ),
                ))
            })
    })?;
    strict(connection, "tsql_datediff", 6, |c| {
        let (from_type, to_type) = (type_at(c, 2)?, type_at(c, 4)?);
        let (from, from_offset) = moment(c, 1, from_type)?;
        let (to, to_offset) = moment(c, 3, to_type)?;
        // Where both know their offset, instants are compared.
        let zoned = matches!(from_type, SqlType::DateTimeOffset(_))
            && matches!(to_type, SqlType::DateTimeOffset(_));
        let utc = |ticks: i64, offset: i16| {
            if zoned {
                ticks - i64::from(offset) * MINUTE
            } else {
                ticks
            }
        };
        let n = difference(&text_at(c, 0)?, utc(from, from_offset), utc(to, to_offset));
        if c.get::<i64>(5)? != 0 && i32::try_from(n).is_err() {
            return Err(failed(&Message::error(
                535,
                "The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use datediff with a less precise datepart.",
            )));
        }
        Ok(Stored::Integer(n))
    })?;
    strict(connection, "tsql_datepart", 4, |c| {
        let (ticks, offset) = moment(c, 1, type_at(c, 2)?)?;
        let first: i64 = c.get(3)?;
        Ok(Stored::Integer(part(&text_at(c, 0)?, ticks, offset, first)))
    })?;
    strict(connection, "tsql_datename", 4, |c| {
        let (ticks, offset) = moment(c, 1, type_at(c, 2)?)?;
        let first: i64 = c.get(3)?;
        let name = text_at(c, 0)?;
        Ok(Stored::Text(match name.as_str() {
            "month" => moments::month_name(date_from_days(ticks.div_euclid(DAY)).1).to_owned(),
            "weekday" => moments::weekday_name(ticks.div_euclid(DAY)).to_owned(),
            "tzoffset" => {
                let sign = if offset < 0 { '-' } else { '+' };
                format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
            }
            _ => part(&name, ticks, offset, first).to_string(),
        }))
    })?;
    strict(connection, "tsql_datetrunc", 3, |c| {
        let ty = type_at(c, 2)?;
        let (ticks, offset) = moment(c, 1, ty)?;
        let ticks = truncate(&text_at(c, 0)?, ticks);
        encode(ticks, offset, ty)
    })?;
    strict(connection, "tsql_eomonth", 3, |c| {
        let (ticks, _) = moment(c, 0, type_at(c, 1)?)?;
        let months: i64 = c.get(2)?;
        let moved = add("month", months, ticks).ok_or_else(|| overflow(SqlType::Date))?;
        let (year, month, _) = date_from_days(moved.div_euclid(DAY));
        let days = days_from_date(year, month, days_in_month(year, month))
            .ok_or_else(|| overflow(SqlType::Date))?;
        Ok(Stored::Integer(days))
    })?;
    strict(connection, "tsql_fromparts", -1, from_parts)?;
    strict(connection, "tsql_switchoffset", 3, |c| {
        let ty = type_at(c, 1)?;
        let (ticks, offset) = moment(c, 0, ty)?;
        let wanted = offset_at(c, 2, "switchoffset")?;
        let utc = ticks - i64::from(offset) * MINUTE;
        encode(utc + i64::from(wanted) * MINUTE, wanted, zoned(ty))
    })?;
    strict(connection, "tsql_todatetimeoffset", 3, |c| {
        let ty = type_at(c, 1)?;
        let (ticks, _) = moment(c, 0, ty)?;
        let wanted = offset_at(c, 2, "todatetimeoffset")?;
        encode(ticks, wanted, zoned(ty))
    })?;
    strict(connection, "tsql_at_zone", 3, at_zone)?;
    strict(connection, "tsql_agent_datetime", 2, |c| {
        let (date, time): (i64, i64) = (c.get(0)?, c.get(1)?);
        let days = days_from_date(date / 10_000, date / 100 % 100, date % 100);
        let ticks = days.map(|days| {
            days * DAY + time / 10_000 * HOUR + time / 100 % 100 * MINUTE + time % 100 * SECOND
        });
        match ticks {
            Some(ticks) => encode(ticks, 0, SqlType::DateTime),
            None => Err(failed(
                &Message::error(
                    242,
                    "The conversion of a nvarchar data type to a datetime data type resulted in an out-of-range value.",
                )
                .with_state(3),
            )),
        }
    })
}

fn moment(c: &Context<'_>, at: usize, ty: SqlType) -> Result<(i64, i16)> {
    ticks_of(&value_at(c, at, ty), ty).ok_or_else(|| overflow(ty))
}

fn encode(ticks: i64, offset: i16, ty: SqlType) -> Result<Stored> {
    moment_at(ticks, offset, ty)
        .map(|v| codec::encode(&v, ty))
        .map_err(|_out| overflow(ty))
}

fn overflow(ty: SqlType) -> rusqlite::Error {
    failed(&crate::practice::sql::convert::overflow(ty))
}

fn zoned(ty: SqlType) -> SqlType {
    match ty {
        SqlType::DateTimeOffset(n) | SqlType::DateTime2(n) => SqlType::DateTimeOffset(n),
        _ => SqlType::DateTimeOffset(7),
    }
}

/// Ticks of the date parts that have a fixed length.
fn unit(part: &str) -> Option<i64> {
    Some(match part {
        "day" | "dayofyear" | "weekday" => DAY,
        "week" | "iso_week" => 7 * DAY,
        "hour" => HOUR,
        "minute" => MINUTE,
        "second" => SECOND,
        "millisecond" => 10_000,
        "microsecond" => 10,
        _ => return None,
    })
}

fn add(part: &str, n: i64, ticks: i64) -> Option<i64> {
    let months = match part {
        "year" => n.checked_mul(12)?,
        "quarter" => n.checked_mul(3)?,
        "month" => n,
        "nanosecond" => return ticks.checked_add(n.div_euclid(100)),
        _ => return ticks.checked_add(n.checked_mul(unit(part)?)?),
    };
    let (year, month, day) = date_from_days(ticks.div_euclid(DAY));
    let all = (year * 12 + month - 1).checked_add(months)?;
    let (year, month) = (all.div_euclid(12), all.rem_euclid(12) + 1);
    let days = days_from_date(year, month, day.min(days_in_month(year, month)))?;
    Some(days * DAY + ticks.rem_euclid(DAY))
}

/// How many borders of the part lie between two moments.
fn difference(part: &str, from: i64, to: i64) -> i64 {
    let date = |ticks: i64| date_from_days(ticks.div_euclid(DAY));
    match part {
        "year" => date(to).0 - date(from).0,
        "quarter" => {
            let quarters = |t: i64| {
                let (year, month, _) = date(t);
                year * 4 + (month - 1) / 3
            };
            quarters(to) - quarters(from)
        }
        "month" => {
            let months = |t: i64| {
                let (year, month, _) = date(t);
                year * 12 + month
            };
            months(to) - months(from)
        }
        // Weeks begin on Sunday whatever DATEFIRST says; 0001-01-01 was a Monday.
        "week" => (to.div_euclid(DAY) + 1).div_euclid(7) - (from.div_euclid(DAY) + 1).div_euclid(7),
        "nanosecond" => (to - from).saturating_mul(100),
        _ => match unit(part) {
            Some(unit) => to.div_euclid(unit) - from.div_euclid(unit),
            None => 0,
        },
    }
}

fn part(name: &str, ticks: i64, offset: i16, first_weekday: i64) -> i64 {
    let days = ticks.div_euclid(DAY);
    let of_day = ticks.rem_euclid(DAY);
    let (year, month, day) = date_from_days(days);
    let new_year = days_from_date(year, 1, 1).unwrap_or(days);
    // Monday is 0 here.
    let weekday = days.rem_euclid(7);
    let numbered = |weekday: i64| (weekday + 1 - first_weekday).rem_euclid(7) + 1;
    match name {
        "year" => year,
        "quarter" => (month - 1) / 3 + 1,
        "month" => month,
        "day" => day,
        "dayofyear" => days - new_year + 1,
        "weekday" => numbered(weekday),
        "week" => (days - new_year + numbered(new_year.rem_euclid(7)) - 1) / 7 + 1,
        "iso_week" => {
            // The week of its Thursday.
            let thursday = days - weekday + 3;
            let (year, _, _) = date_from_days(thursday);
            (thursday - days_from_date(year, 1, 1).unwrap_or(thursday)) / 7 + 1
        }
        "hour" => of_day / HOUR,
        "minute" => of_day / MINUTE % 60,
        "second" => of_day / SECOND % 60,
        "millisecond" => of_day / 10_000 % 1000,
        "microsecond" => of_day % SECOND / 10,
        "nanosecond" => of_day % SECOND * 100,
        "tzoffset" => i64::from(offset),
        _ => 0,
    }
}

fn truncate(part: &str, ticks: i64) -> i64 {
    let days = ticks.div_euclid(DAY);
    let (year, month, _) = date_from_days(days);
    let start = |year, month| days_from_date(year, month, 1).unwrap_or(days) * DAY;
    match part {
        "year" => start(year, 1),
        "quarter" => start(year, (month - 1) / 3 * 3 + 1),
        "month" => start(year, month),
        "week" => (days - (days + 1).rem_euclid(7)) * DAY,
        "iso_week" => (days - days.rem_euclid(7)) * DAY,
        _ => match unit(part) {
            Some(unit) => ticks - ticks.rem_euclid(unit),
            None => ticks,
        },
    }
}

fn from_parts(c: &Context<'_>) -> Result<Stored> {
    let ty = type_at(c, 0)?;
    let number = |at: usize| -> Result<i64> { if at < c.len() { c.get(at) } else { Ok(0) } };
    let invalid = || {
        failed(&Message::error(
            289,
            format!(
                "Cannot construct data type {}, some of the arguments have values which are not valid.",
                types::name(ty)
            ),
        ))
    };
    let (days, time_at) = match ty {
        SqlType::Time(_) => (DAYS_TO_1900, 1),
        _ => (
            days_from_date(number(1)?, number(2)?, number(3)?).ok_or_else(invalid)?,
            4,
        ),
    };
    let (hour, minute, second, fraction) = (
        number(time_at)?,
        number(time_at + 1)?,
        number(time_at + 2)?,
        number(time_at + 3)?,
    );
    let digits = match ty {
        SqlType::DateTime => 3,
        _ => number(time_at + 4)?,
    };
    let fraction_unit = u32::try_from(7 - digits)
        .ok()
        .and_then(|n| 10_i64.checked_pow(n));
    let in_range =
        (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    let (true, Some(unit)) = (in_range, fraction_unit) else {
        return Err(invalid());
    };
    if fraction < 0 || fraction * unit >= SECOND {
        return Err(invalid());
    }
    let ticks = days * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction * unit;
    moment_at(ticks, 0, ty)
        .map(|v| codec::encode(&v, ty))
        .map_err(|_out| invalid())
}

/// An offset argument: minutes, or `±hh:mm`.
fn offset_at(c: &Context<'_>, at: usize, name: &str) -> Result<i16> {
    let minutes = match c.get::<i64>(at) {
        Ok(minutes) => Some(minutes),
        Err(_) => {
            let text = text_at(c, at)?;
            let text = text.trim();
            let (sign, rest) = match text.strip_prefix('-') {
                Some(rest) => (-1, rest),
                None => (1, text.strip_prefix('+').unwrap_or(text)),
            };
            rest.split_once(':').and_then(|(h, m)| {
                Some(sign * (h.parse::<i64>().ok()? * 60 + m.parse::<i64>().ok()?))
            })
        }
    };
    minutes
        .filter(|m| m.abs() <= 840)
        .and_then(|m| i16::try_from(m).ok())
        .ok_or_else(|| {
            failed(&Message::error(
                9812,
                format!("The timezone provided to builtin function {name} is invalid."),
            ))
        })
}

/// `AT TIME ZONE`: a time without offset stands on the zone's clock, one with an offset is moved there.
fn at_zone(c: &Context<'_>) -> Result<Stored> {
    use chrono::{Offset as _, TimeZone as _};
    let ty = type_at(c, 1)?;
    let (ticks, offset) = moment(c, 0, ty)?;
    let name = text_at(c, 2)?;
    let zone: chrono_tz::Tz = iana_name(&name).parse().map_err(|_unknown| {
        failed(&Message::error(
            9820,
            format!("The time zone parameter '{name}' provided to AT TIME ZONE clause is invalid."),
        ))
    })?;
    let naive = |ticks: i64| {
        chrono::DateTime::from_timestamp(
            ticks.div_euclid(SECOND) - 62_135_596_800,
            (ticks.rem_euclid(SECOND) * 100) as u32,
        )
        .map(|t| t.naive_utc())
    };
    let minutes = if matches!(ty, SqlType::DateTimeOffset(_)) {
        let utc = ticks - i64::from(offset) * MINUTE;
        let minutes = naive(utc)
            .map(|t| zone.offset_from_utc_datetime(&t).fix().local_minus_utc() / 60)
            .unwrap_or(0);
        return encode(
            utc + i64::from(minutes) * MINUTE,
            i16::try_from(minutes).unwrap_or(0),
            ty,
        );
    } else {
        naive(ticks)
            .map(|t| match zone.offset_from_local_datetime(&t) {
                chrono::LocalResult::Single(o) => o,
                // The repeated hour counts with the offset after the change.
                chrono::LocalResult::Ambiguous(_, later) => later,
                chrono::LocalResult::None => {
                    zone.offset_from_utc_datetime(&(t - chrono::TimeDelta::hours(3)))
                }
            })
            .map_or(0, |o| o.fix().local_minus_utc() / 60)
    };
    encode(ticks, i16::try_from(minutes).unwrap_or(0), zoned(ty))
}

/// The IANA name of the Windows zones that people write most; other names are taken as they are.
fn iana_name(name: &str) -> &str {
    for (windows, iana) in [
        ("UTC", "Etc/UTC"),
        ("GMT Standard Time", "Europe/London"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Central Europe Standard Time", "Europe/Budapest"),
        ("Central European Standard Time", "Europe/Warsaw"),
        ("Romance Standard Time", "Europe/Paris"),
        ("E. Europe Standard Time", "Europe/Chisinau"),
        ("FLE Standard Time", "Europe/Kiev"),
        ("GTB Standard Time", "Europe/Bucharest"),
        ("Russian Standard Time", "Europe/Moscow"),
        ("Eastern Standard Time", "America/New_York"),
        ("Central Standard Time", "America/Chicago"),
        ("Mountain Standard Time", "America/Denver"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("India Standard Time", "Asia/Kolkata"),
        ("China Standard Time", "Asia/Shanghai"),
        ("Tokyo Standard Time", "Asia/Tokyo"),
        ("AUS Eastern Standard Time", "Australia/Sydney"),
    ] {
        if windows.eq_ignore_ascii_case(name.trim()) {
            return iana;
        }
    }
    name.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(text: &str) -> i64 {
        moments::read(text, 0, crate::practice::sql::environment::DateFormat::Mdy)
            .expect("a date")
            .ticks
    }

    #[test]
    fn months_end_where_they_must() {
        assert_eq!(
            add("month", 1, ticks("2026-01-31")),
            Some(ticks("2026-02-28"))
        );
        assert_eq!(
            add("year", 1, ticks("2024-02-29")),
            Some(ticks("2025-02-28"))
        );
        assert_eq!(
            add("month", -13, ticks("2026-01-31")),
            Some(ticks("2024-12-31"))
        );
    }

    #[test]
    fn borders_are_counted() {
        let (a, b) = (ticks("2025-12-31T23:59:59"), ticks("2026-01-01"));
        for (part, n) in [
            ("year", 1),
            ("month", 1),
            ("day", 1),
            ("hour", 1),
            ("week", 0),
        ] {
            assert_eq!(difference(part, a, b), n, "{part}");
        }
        // Saturday to Sunday.
        assert_eq!(
            difference("week", ticks("2026-11-21"), ticks("2026-11-22")),
            1
        );
    }

    #[test]
    fn parts_of_dates() {
        let monday = ticks("2026-11-23T21:05:06.123");
        for (name, first, n) in [
            ("weekday", 7, 2),
            ("weekday", 1, 1),
            ("iso_week", 7, 48),
            ("week", 7, 48),
            ("dayofyear", 7, 327),
            ("millisecond", 7, 123),
            ("quarter", 7, 4),
        ] {
            assert_eq!(part(name, monday, 0, first), n, "{name}");
        }
    }
}
