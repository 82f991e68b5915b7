//! Dates and times from text and to text.
//!
//! Styles: <https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql>.

use super::calendar::{DAY, DAYS_TO_1900, HOUR, MINUTE, SECOND, date_from_days, days_from_date};
use crate::practice::sql::environment::DateFormat;
use crate::practice::value::SqlType;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// English name of a month, from 1.
pub fn month_name(month: i64) -> &'static str {
    usize::try_from(month - 1)
        .ok()
        .and_then(|at| MONTHS.get(at))
        .copied()
        .unwrap_or_default()
}

/// English name of the weekday of a number of days since 0001-01-01, which was a Monday.
pub fn weekday_name(days: i64) -> &'static str {
    WEEKDAYS
        .get(days.rem_euclid(7) as usize)
        .copied()
        .unwrap_or_default()
}

/// What a text says: ticks on its own clock, and the offset when it names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    pub ticks: i64,
    pub offset: Option<i16>,
    /// Digits after the second's point.
    pub fraction_digits: usize,
}

/// Why a text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRead {
    /// 241.
    Syntax,
    /// 242: the form is right, the day does not exist.
    Range,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Number(i64, usize),
    Word(String),
    Sign(char),
}

/// Reads a date, a time or both.
pub fn read(text: &str, style: i32, format: DateFormat) -> Result<Read, NotRead> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Read {
            ticks: DAYS_TO_1900 * DAY,
            offset: None,
            fraction_digits: 0,
        });
    }
    let (date_part, time_part) = split(text);
    let days = match date_part {
        None => DAYS_TO_1900,
        Some(date) => read_date(date, order_of(style, format))?,
    };
    let (time, offset, fraction_digits) = match time_part {
        None => (0, None, 0),
        Some(time) => read_time(time)?,
    };
    Ok(Read {
        ticks: days * DAY + time,
        offset,
        fraction_digits,
    })
}

fn order_of(style: i32, format: DateFormat) -> DateFormat {
    match style {
        1 | 101 | 10 | 110 => DateFormat::Mdy,
        3..=5 | 103..=105 => DateFormat::Dmy,
        2 | 102 | 11 | 111 => DateFormat::Ymd,
        _ => format,
    }
}

/// Cuts a text into its date and its time of day: the time begins where the first `:` belongs to, or `AM`/`PM`.
fn split(text: &str) -> (Option<&str>, Option<&str>) {
    let lower = text.to_ascii_lowercase();
    let marker = text.find(':').or_else(|| {
        ["am", "pm"].iter().find_map(|m| {
            lower
                .rfind(m)
                .filter(|at| {
                    *at > 0 && lower.as_bytes()[at - 1].is_ascii_digit()
                        || lower[..*at].ends_with(' ')
                })
                .filter(|at| at + 2 == lower.len())
        })
    });
    let Some(marker) = marker else {
        return (Some(text), None);
    };
    // Walk back over blanks and the digits of the hour.
    let bytes = text.as_bytes();
    let mut start = marker;
    while start > 0 && bytes[start - 1] == b' ' {
        start -= 1;
    }
    while start > 0 && bytes[start - 1].is_ascii_digit() {
        start -= 1;
    }
    let date = text[..start].trim_end_matches(['T', 't']).trim();
    let time = text[start..].trim();
    ((!date.is_empty()).then_some(date), Some(time))
}

fn pieces(text: &str) -> Result<Vec<Piece>, NotRead> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if c.is_ascii_digit() {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let digits = &rest[..end];
            let number = digits.parse().map_err(|_too_long| NotRead::Syntax)?;
            pieces.push(Piece::Number(number, digits.len()));
            end
        } else if c.is_alphabetic() {
            let end = rest
                .find(|c: char| !c.is_alphabetic())
                .unwrap_or(rest.len());
            pieces.push(Piece::Word(rest[..end].to_lowercase()));
            end
        } else if c.is_whitespace() || c == ',' {
            c.len_utf8()
        } else if matches!(c, '-' | '/' | '.') {
            pieces.push(Piece::Sign(c));
            1
        } else {
            return Err(NotRead::Syntax);
        };
        rest = &rest[taken..];
    }
    Ok(pieces)
}

fn read_date(text: &str, order: DateFormat) -> Result<i64, NotRead> {
    let pieces: Vec<Piece> = pieces(text)?;
    let parts: Vec<&Piece> = pieces
        .iter()
        .filter(|p| !matches!(p, Piece::Sign(_)))
        .collect();
    let (year, month, day) = match parts.as_slice() {
        [Piece::Number(n, 8)] => (n / 10_000, n / 100 % 100, n % 100),
        [Piece::Number(n, 6)] => (full_year(n / 10_000, 2), n / 100 % 100, n % 100),
        [Piece::Number(year, 4)] => (*year, 1, 1),
        [
            Piece::Number(a, la),
            Piece::Number(b, _),
            Piece::Number(c, lc),
        ] => {
            if *la == 4 {
                (*a, *b, *c)
            } else {
                match order {
                    DateFormat::Mdy => (full_year(*c, *lc), *a, *b),
                    DateFormat::Dmy => (full_year(*c, *lc), *b, *a),
                    DateFormat::Ymd => (full_year(*a, *la), *b, *c),
                    DateFormat::Ydm => (full_year(*a, *la), *c, *b),
                    DateFormat::Myd => (*b, *a, *c),
                    DateFormat::Dym => (*b, *c, *a),
                }
            }
        }
        [
            Piece::Word(word),
            Piece::Number(day, _),
            Piece::Number(year, ly),
        ] => (full_year(*year, *ly), month_of(word)?, *day),
        [
            Piece::Number(day, ld),
            Piece::Word(word),
            Piece::Number(year, ly),
        ] => {
            if *ld == 4 {
                (*day, month_of(word)?, *year)
            } else {
                (full_year(*year, *ly), month_of(word)?, *day)
            }
        }
        [Piece::Word(word), Piece::Number(year, 4)]
        | [Piece::Number(year, 4), Piece::Word(word)] => (*year, month_of(word)?, 1),
        _ => return Err(NotRead::Syntax),
    };
    days_from_date(year, month, day).ok_or(NotRead::Range)
}

/// A year of two digits lies between 1950 and 2049.
fn full_year(year: i64, digits: usize) -> i64 {
    match (digits, year) {
        (1 | 2, 0..=49) => 2000 + year,
        (1 | 2, _) => 1900 + year,
        _ => year,
    }
}

fn month_of(word: &str) -> Result<i64, NotRead> {
    MONTHS
        .iter()
        .position(|name| {
            let name = name.to_lowercase();
            name == word || name.get(..3) == Some(word) || (word == "sept" && name == "september")
        })
        .map(|at| at as i64 + 1)
        .ok_or(NotRead::Syntax)
}

/// `hh[:mm[:ss[.fffffff | :fff]]] [AM | PM] [Z | ±hh:mm]`.
fn read_time(text: &str) -> Result<(i64, Option<i16>, usize), NotRead> {
    let mut rest = text;
    let mut offset = None;
    if let Some(cut) = rest.strip_suffix(['Z', 'z']) {
        rest = cut;
        offset = Some(0);
    } else if let Some(at) = rest.rfind(['+', '-']) {
        let sign = if rest[at..].starts_with('-') { -1 } else { 1 };
        let (hours, minutes) = rest[at + 1..].split_once(':').ok_or(NotRead::Syntax)?;
        let hours: i16 = hours.trim().parse().map_err(|_bad| NotRead::Syntax)?;
        let minutes: i16 = minutes.trim().parse().map_err(|_bad| NotRead::Syntax)?;
        if !(0..=14).contains(&hours) || !(0..60).contains(&minutes) || hours * 60 + minutes > 840 {
            return Err(NotRead::Syntax);
        }
        offset = Some(sign * (hours * 60 + minutes));
        rest = &rest[..at];
    }
    rest = rest.trim_end();
    let lower = rest.to_ascii_lowercase();
    let half = if lower.ends_with("am") {
        Some(0)
    } else if lower.ends_with("pm") {
        Some(12)
    } else {
        None
    };
    if half.is_some() {
        rest = rest[..rest.len() - 2].trim_end();
    }
    let mut parts = rest.split(':');
    let number = |text: Option<&str>| -> Result<i64, NotRead> {
        text.map_or(Ok(0), |t| {
            if t.is_empty() || t.len() > 2 || !t.bytes().all(|b| b.is_ascii_digit()) {
                return Err(NotRead::Syntax);
            }
            t.parse().map_err(|_bad| NotRead::Syntax)
        })
    };
    let mut hour = number(parts.next())?;
    let minute = number(parts.next())?;
    let (second, fraction) = match parts.next() {
        None => (0, None),
        Some(text) => match text.split_once('.') {
            Some((second, fraction)) => (number(Some(second))?, Some((fraction, true))),
            None => (number(Some(text))?, None),
        },
    };
    let fraction = match parts.next() {
        // `hh:mm:ss:mmm` counts milliseconds.
        Some(millis) if fraction.is_none() => Some((millis, false)),
        Some(_) => return Err(NotRead::Syntax),
        None => fraction,
    };
    if parts.next().is_some() {
        return Err(NotRead::Syntax);
    }
    if let Some(half) = half {
        let first_hour = i64::from(half != 0);
        if !(first_hour..=12).contains(&hour) {
            return Err(NotRead::Syntax);
        }
        hour = hour % 12 + half;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err(NotRead::Range);
    }
    let (ticks, digits) = match fraction {
        None => (0, 0),
        Some((digits, decimal)) => {
            if digits.is_empty() || digits.len() > 7 || !digits.bytes().all(|b| b.is_ascii_digit())
            {
                return Err(NotRead::Syntax);
            }
            let n: i64 = digits.parse().map_err(|_bad| NotRead::Syntax)?;
            if decimal {
                (n * 10_i64.pow(7 - digits.len() as u32), digits.len())
            } else {
                (n * 10_000, digits.len())
            }
        }
    };
    Ok((
        hour * HOUR + minute * MINUTE + second * SECOND + ticks,
        offset,
        digits,
    ))
}

/// Writes a moment of that type in a style; `None` when there is no such style.
pub fn write(ticks: i64, offset: i16, ty: SqlType, style: Option<i32>) -> Option<String> {
    let (year, month, day) = date_from_days(ticks.div_euclid(DAY));
    let of_day = ticks.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / HOUR, of_day / MINUTE % 60, of_day / SECOND % 60);
    let digits = match ty {
        SqlType::Time(n) | SqlType::DateTime2(n) | SqlType::DateTimeOffset(n) => usize::from(n),
        SqlType::DateTime => 3,
        _ => 0,
    };
    let fraction = |mark: char, digits: usize| -> String {
        if digits == 0 {
            return String::new();
        }
        let all = format!("{:07}", of_day % SECOND);
        format!("{mark}{}", all.get(..digits).unwrap_or_default())
    };
    let short_month = month_name(month).get(..3).unwrap_or_default();
    let year2 = year % 100;
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let half = if hour < 12 { "AM" } else { "PM" };
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    let zone = match ty {
        SqlType::DateTimeOffset(_) => {
            let sign = if offset < 0 { '-' } else { '+' };
            format!(" {sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
        }
        _ => String::new(),
    };
    let has_date = !matches!(ty, SqlType::Time(_));
    let has_time = ty != SqlType::Date;
    let default = match ty {
        SqlType::DateTime | SqlType::SmallDateTime => 0,
        _ => 121,
    };
    // The old types show milliseconds in styles with a fraction even when they have none.
    let long_digits = match ty {
        SqlType::SmallDateTime => 3,
        _ => digits,
    };
    let style = style.unwrap_or(default);
    let both = |date: String, time: String, between: &str| match (has_date, has_time) {
        (true, true) => format!("{date}{between}{time}"),
        (true, false) => date,
        (false, _) => time,
    };
    Some(match style {
        0 | 100 => {
            both(
                format!("{short_month} {day:>2} {year:04}"),
                format!("{twelve:>2}:{minute:02}{half}"),
                " ",
            ) + &zone
        }
        1 => format!("{month:02}/{day:02}/{year2:02}"),
        101 => format!("{month:02}/{day:02}/{year:04}"),
        2 => format!("{year2:02}.{month:02}.{day:02}"),
        102 => format!("{year:04}.{month:02}.{day:02}"),
        3 => format!("{day:02}/{month:02}/{year2:02}"),
        103 => format!("{day:02}/{month:02}/{year:04}"),
        4 => format!("{day:02}.{month:02}.{year2:02}"),
        104 => format!("{day:02}.{month:02}.{year:04}"),
        5 => format!("{day:02}-{month:02}-{year2:02}"),
        105 => format!("{day:02}-{month:02}-{year:04}"),
        6 => format!("{day:02} {short_month} {year2:02}"),
        106 => format!("{day:02} {short_month} {year:04}"),
        7 => format!("{short_month} {day:02}, {year2:02}"),
        107 => format!("{short_month} {day:02}, {year:04}"),
        8 | 24 | 108 => clock,
        9 | 109 => {
            both(
                format!("{short_month} {day:>2} {year:04}"),
                format!(
                    "{twelve:>2}:{minute:02}:{second:02}{}{half}",
                    fraction(if long_digits == 3 { ':' } else { '.' }, long_digits)
                ),
                " ",
            ) + &zone
        }
        10 => format!("{month:02}-{day:02}-{year2:02}"),
        110 => format!("{month:02}-{day:02}-{year:04}"),
        11 => format!("{year2:02}/{month:02}/{day:02}"),
        111 => format!("{year:04}/{month:02}/{day:02}"),
        12 => format!("{year2:02}{month:02}{day:02}"),
        112 => format!("{year:04}{month:02}{day:02}"),
        13 | 113 => {
            both(
                format!("{day:02} {short_month} {year:04}"),
                format!(
                    "{clock}{}",
                    fraction(if long_digits == 3 { ':' } else { '.' }, long_digits)
                ),
                " ",
            ) + &zone
        }
        14 | 114 => format!(
            "{clock}{}",
            fraction(if long_digits == 3 { ':' } else { '.' }, long_digits)
        ),
        20 | 120 => both(format!("{year:04}-{month:02}-{day:02}"), clock, " ") + &zone,
        21 | 25 | 121 => {
            both(
                format!("{year:04}-{month:02}-{day:02}"),
                format!("{clock}{}", fraction('.', long_digits)),
                " ",
            ) + &zone
        }
        22 => format!("{month:02}/{day:02}/{year2:02} {twelve:>2}:{minute:02}:{second:02} {half}"),
        23 => format!("{year:04}-{month:02}-{day:02}"),
        126 | 127 => {
            // ISO 8601 leaves out a fraction that is zero, in the old types only.
            let shown = match ty {
                SqlType::DateTime | SqlType::SmallDateTime if of_day % SECOND == 0 => String::new(),
                _ => fraction('.', digits),
            };
            let zone = match (ty, style) {
                (SqlType::DateTimeOffset(_), 127) => "Z".to_owned(),
                _ => zone.trim_start().to_owned(),
            };
            both(
                format!("{year:04}-{month:02}-{day:02}"),
                format!("{clock}{shown}"),
                "T",
            ) + &zone
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let read = read(text, 0, DateFormat::Mdy).expect("a date");
        assert_eq!(
            write(
                read.ticks,
                read.offset.unwrap_or(0),
                SqlType::DateTimeOffset(7),
                Some(121)
            )
            .as_deref(),
            Some(expected),
            "{text}"
        );
    }

    #[test]
    fn reads_the_usual_forms() {
        check("2026-11-23", "2026-11-23 00:00:00.0000000 +00:00");
        check("20261123 21:05", "2026-11-23 21:05:00.0000000 +00:00");
        check(
            "2026-11-23T21:05:06.123",
            "2026-11-23 21:05:06.1230000 +00:00",
        );
        check(
            "2026-11-23T21:05:06.1234567Z",
            "2026-11-23 21:05:06.1234567 +00:00",
        );
        check(
            "2026-11-23 21:05:06 +05:30",
            "2026-11-23 21:05:06.0000000 +05:30",
        );
        check("11/23/2026 9:05 PM", "2026-11-23 21:05:00.0000000 +00:00");
        check("Nov 23 2026  9:05PM", "2026-11-23 21:05:00.0000000 +00:00");
        check("23 November 2026", "2026-11-23 00:00:00.0000000 +00:00");
        check("12:30", "1900-01-01 12:30:00.0000000 +00:00");
        check("", "1900-01-01 00:00:00.0000000 +00:00");
    }

    #[test]
    fn refuses_what_is_none() {
        assert_eq!(read("soon", 0, DateFormat::Mdy), Err(NotRead::Syntax));
        assert_eq!(read("2026-02-30", 0, DateFormat::Mdy), Err(NotRead::Range));
        assert_eq!(read("25:00", 0, DateFormat::Mdy), Err(NotRead::Range));
        assert_eq!(
            read("2026-11-23T21:05:06+", 0, DateFormat::Mdy),
            Err(NotRead::Syntax)
        );
        assert_eq!(
            read("23/11/2026", 103, DateFormat::Mdy).map(|r| r.ticks / DAY),
            Ok(739_942)
        );
    }

    #[test]
    fn writes_the_usual_styles() {
        let ticks = read("2026-11-03T09:05:06.123", 0, DateFormat::Mdy)
            .expect("a date")
            .ticks;
        for (style, expected) in [
            (None, "Nov  3 2026  9:05AM"),
            (Some(108), "09:05:06"),
            (Some(112), "20261103"),
            (Some(120), "2026-11-03 09:05:06"),
            (Some(121), "2026-11-03 09:05:06.123"),
            (Some(126), "2026-11-03T09:05:06.123"),
            (Some(113), "03 Nov 2026 09:05:06:123"),
        ] {
            assert_eq!(
                write(ticks, 0, SqlType::DateTime, style).as_deref(),
                Some(expected)
            );
        }
        assert_eq!(write(ticks, 0, SqlType::DateTime, Some(999)), None);
    }
}
