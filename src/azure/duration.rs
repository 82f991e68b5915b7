//! Durations as ISO 8601 writes them: `P4W`, `P12M`, `P5Y`.
//!
//! Retention is counted in days and more; hours and less are read only to be told apart from nothing.

use std::{fmt, str::FromStr};

/// A calendar duration in whole days, weeks, months and years; zero is *off*.
///
/// Its length in days depends on when it begins, so two of different units do not compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IsoDuration {
    pub years: u32,
    pub months: u32,
    pub weeks: u32,
    pub days: u32,
}

/// Why a text is no such duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IsoDurationError {
    #[error("a duration begins with P, as P4W for four weeks: {0}")]
    NoP(String),
    #[error("a number followed by Y, M, W or D is needed, as in P12M: {0}")]
    Part(String),
    /// Hours, minutes and seconds mean nothing for a retention.
    #[error("a retention is counted in days or more: {0}")]
    TimeOfDay(String),
}

impl IsoDuration {
    pub const OFF: Self = Self {
        years: 0,
        months: 0,
        weeks: 0,
        days: 0,
    };

    pub const fn weeks(weeks: u32) -> Self {
        Self { weeks, ..Self::OFF }
    }

    pub const fn months(months: u32) -> Self {
        Self {
            months,
            ..Self::OFF
        }
    }

    pub const fn years(years: u32) -> Self {
        Self { years, ..Self::OFF }
    }

    pub fn is_off(self) -> bool {
        self == Self::OFF
    }

    /// About how many days: a month counts 30, a year 365.
    pub fn about_days(self) -> u64 {
        let Self {
            years,
            months,
            weeks,
            days,
        } = self;
        u64::from(years) * 365 + u64::from(months) * 30 + u64::from(weeks) * 7 + u64::from(days)
    }
}

impl FromStr for IsoDuration {
    type Err = IsoDurationError;

    fn from_str(text: &str) -> Result<Self, IsoDurationError> {
        let whole = text.trim();
        let upper = whole.to_ascii_uppercase();
        let rest = upper
            .strip_prefix('P')
            .ok_or_else(|| IsoDurationError::NoP(whole.to_owned()))?;
        let part_error = || IsoDurationError::Part(whole.to_owned());
        let (date, time) = match rest.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (rest, None),
        };
        if let Some(time) = time {
            let mut digits = time.chars().filter(char::is_ascii_digit).peekable();
            if digits.peek().is_none() {
                return Err(part_error());
            }
            // The service writes `PT0S` for a retention that is off.
            if digits.any(|digit| digit != '0') {
                return Err(IsoDurationError::TimeOfDay(whole.to_owned()));
            }
        } else if date.is_empty() {
            return Err(part_error());
        }
        let mut duration = Self::OFF;
        let mut left = date;
        let mut last = 0;
        while !left.is_empty() {
            let at = left
                .find(|c: char| !c.is_ascii_digit())
                .ok_or_else(part_error)?;
            let (number, unit) = left.split_at(at);
            let number: u32 = number.parse().ok().ok_or_else(part_error)?;
            let mut units = unit.chars();
            let (order, place) = match units.next() {
                Some('Y') => (1, &mut duration.years),
                Some('M') => (2, &mut duration.months),
                Some('W') => (3, &mut duration.weeks),
                Some('D') => (4, &mut duration.days),
                _ => return Err(part_error()),
            };
            if order <= last {
                return Err(part_error());
            }
            last = order;
            *place = number;
            left = units.as_str();
        }
        Ok(duration)
    }
}

/// The shortest form; `PT0S` for off, as the service writes it.
impl fmt::Display for IsoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            years,
            months,
            weeks,
            days,
        } = *self;
        if self.is_off() {
            return f.write_str("PT0S");
        }
        f.write_str("P")?;
        for (number, unit) in [(years, 'Y'), (months, 'M'), (weeks, 'W'), (days, 'D')] {
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: IsoDuration) {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }

    #[test]
    fn durations_as_the_service_writes_them() {
        check("P4W", IsoDuration::weeks(4));
        check("P12M", IsoDuration::months(12));
        check("P5Y", IsoDuration::years(5));
        check(
            "p30d",
            IsoDuration {
                days: 30,
                ..IsoDuration::OFF
            },
        );
        check(
            "P1Y6M",
            IsoDuration {
                years: 1,
                months: 6,
                ..IsoDuration::OFF
            },
        );
        for off in ["PT0S", "P0W", "P0D", "P0DT0H", " PT0S "] {
            check(off, IsoDuration::OFF);
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for text in ["", "4W", "XX", "-P4W"] {
            assert!(
                matches!(text.parse::<IsoDuration>(), Err(IsoDurationError::NoP(_))),
                "{text}"
            );
        }
        for text in [
            "P",
            "PW",
            "P4",
            "P4X",
            "P4W1Y",
            "P4.5W",
            "PT",
            "P99999999999W",
            "P1M1M",
        ] {
            assert!(
                matches!(text.parse::<IsoDuration>(), Err(IsoDurationError::Part(_))),
                "{text}"
            );
        }
        assert!(matches!(
            "PT12H".parse::<IsoDuration>(),
            Err(IsoDurationError::TimeOfDay(_))
        ));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["P4W", "P12M", "P5Y", "P1Y6M", "PT0S", "P35D"] {
            assert_eq!(
                text.parse::<IsoDuration>().expect("a duration").to_string(),
                text
            );
        }
    }
}
