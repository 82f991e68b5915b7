//! Dates and times as numbers: ticks of 100 ns since 0001-01-01.

use crate::practice::value::{SqlType, Value};

/// Ticks of a second, a minute, an hour and a day.
pub const SECOND: i64 = 10_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Days from 0001-01-01 to 1900-01-01, the zero of `datetime`.
pub const DAYS_TO_1900: i64 = 693_595;

/// Days from 0001-01-01 to 1753-01-01, the first day of `datetime`.
pub const DAYS_TO_1753: i64 = 639_905;

/// Days from 0001-01-01 to the day after 9999-12-31.
pub const DAYS_TO_END: i64 = 3_652_059;

/// Thirds of a hundredth of a second in a day: the unit of `datetime`.
pub const DATETIME_UNITS_PER_DAY: i64 = 300 * 86_400;

/// The days since 0001-01-01 of a date of the Gregorian calendar; `None` when there is no such day.
pub fn days_from_date(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || day < 1
        || day > days_in_month(year, month)
    {
        return None;
    }
    // The year begins in March here, so that the leap day is the last one.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    Some(
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day
            - 307,
    )
}

/// Year, month and day of a number of days since 0001-01-01.
pub fn date_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 306;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * of_year + 2) / 153;
    let day = of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// How many days a month has.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

/// Ticks of a value of a date or time type: its own clock, and how far that is ahead of UTC.
///
/// A time of day stands on 1900-01-01, as it does when it becomes a `datetime`.
pub fn ticks_of(value: &Value, ty: SqlType) -> Option<(i64, i16)> {
    Some(match (ty, value) {
        (SqlType::Date, Value::Int(days)) => (days * DAY, 0),
        (SqlType::Time(_), Value::Int(ticks)) => (DAYS_TO_1900 * DAY + ticks, 0),
        (SqlType::DateTime2(_), Value::Int(ticks)) => (*ticks, 0),
        (SqlType::DateTime, Value::Int(units)) => (ticks_from_datetime(*units), 0),
        (SqlType::SmallDateTime, Value::Int(minutes)) => (DAYS_TO_1900 * DAY + minutes * MINUTE, 0),
        (SqlType::DateTimeOffset(_), Value::Offset { utc_ticks, minutes }) => {
            (utc_ticks + i64::from(*minutes) * MINUTE, *minutes)
        }
        _ => return None,
    })
}

/// Why ticks are no value of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

/// The value of a date or time type at `ticks` of a clock that is `minutes` ahead of UTC, rounded as the type does.
pub fn value_at(ticks: i64, minutes: i16, ty: SqlType) -> Result<Value, OutOfRange> {
    if !(0..DAYS_TO_END * DAY).contains(&ticks) {
        return Err(OutOfRange);
    }
    Ok(match ty {
        SqlType::Date => Value::Int(ticks / DAY),
        SqlType::Time(scale) => {
            // The last fraction of the day rounds down rather than to a 24th hour.
            let rounded = round(ticks % DAY, scale);
            Value::Int(if rounded >= DAY {
                DAY - unit(scale)
            } else {
                rounded
            })
        }
        SqlType::DateTime2(scale) => Value::Int(round_inside(ticks, scale)),
        SqlType::DateTime => {
            if ticks < DAYS_TO_1753 * DAY {
                return Err(OutOfRange);
            }
            Value::Int(datetime_from_ticks(ticks))
        }
        SqlType::SmallDateTime => {
            // 29.998 s still round down.
            let minutes = (ticks - DAYS_TO_1900 * DAY + 30 * SECOND + 10_000).div_euclid(MINUTE);
            if !(0..65_536 * 1440).contains(&minutes) {
                return Err(OutOfRange);
            }
            Value::Int(minutes)
        }
        SqlType::DateTimeOffset(scale) => {
            let utc = round_inside(ticks, scale) - i64::from(minutes) * MINUTE;
            if !(0..DAYS_TO_END * DAY).contains(&utc) {
                return Err(OutOfRange);
            }
            Value::Offset {
                utc_ticks: utc,
                minutes,
            }
        }
        _ => return Err(OutOfRange),
    })
}

/// The `datetime` nearest to `ticks`: 1/300 s since 1900.
pub fn datetime_from_ticks(ticks: i64) -> i64 {
    let since = ticks - DAYS_TO_1900 * DAY;
    let days = since.div_euclid(DAY);
    let of_day = since.rem_euclid(DAY);
    days * DATETIME_UNITS_PER_DAY + (of_day * 3 + 50_000) / 100_000
}

/// The ticks that a `datetime` shows: whole milliseconds ending in 0, 3 or 7.
pub fn ticks_from_datetime(units: i64) -> i64 {
    let days = units.div_euclid(DATETIME_UNITS_PER_DAY);
    let of_day = units.rem_euclid(DATETIME_UNITS_PER_DAY);
    let millis = (of_day * 10 + 1) / 3;
    (DAYS_TO_1900 + days) * DAY + millis * 10_000
}

/// Ticks of the last digit that a scale keeps.
fn unit(scale: u8) -> i64 {
    10_i64.pow(7 - u32::from(scale.min(7)))
}

fn round(ticks: i64, scale: u8) -> i64 {
    let unit = unit(scale);
    (ticks + unit / 2).div_euclid(unit) * unit
}

fn round_inside(ticks: i64, scale: u8) -> i64 {
    let rounded = round(ticks, scale);
    if rounded >= DAYS_TO_END * DAY {
        DAYS_TO_END * DAY - unit(scale)
    } else {
        rounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        assert_eq!(days_from_date(1, 1, 1), Some(0));
        assert_eq!(days_from_date(1900, 1, 1), Some(DAYS_TO_1900));
        assert_eq!(days_from_date(1753, 1, 1), Some(DAYS_TO_1753));
        assert_eq!(days_from_date(9999, 12, 31), Some(DAYS_TO_END - 1));
        assert_eq!(days_from_date(2026, 2, 29), None);
        for days in (0..DAYS_TO_END).step_by(97) {
            let (y, m, d) = date_from_days(days);
            assert_eq!(days_from_date(y, m, d), Some(days), "{y}-{m}-{d}");
        }
    }

    #[test]
    fn datetime_shows_thirds_of_a_hundredth() {
        let midnight = DAYS_TO_1900 * DAY;
        for (millis, shown) in [
            (999, 1000),
            (998, 997),
            (995, 997),
            (994, 993),
            (1, 0),
            (2, 3),
        ] {
            let units = datetime_from_ticks(midnight + millis * 10_000);
            assert_eq!(
                ticks_from_datetime(units) - midnight,
                shown * 10_000,
                "{millis}"
            );
        }
    }
}
