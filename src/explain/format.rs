//! Dates, sizes and durations as people read them; the same in the window and on the command line.

use crate::domain::{Moment, ServerTime, UtcOffset};
use chrono::Timelike as _;

/// `22 Nov 2026 08:28:12`, with a fraction only when it is not zero. The zone is the caller's to state.
pub fn server_time(time: ServerTime) -> String {
    let millis = time.0.nanosecond() / 1_000_000;
    let text = time.0.format("%-d %b %Y %H:%M:%S").to_string();
    if millis == 0 {
        text
    } else {
        format!("{text}.{millis:03}")
    }
}

/// `22 Nov 08:28`, where the year is clear and seconds do not matter.
pub fn server_time_short(time: ServerTime) -> String {
    time.0.format("%-d %b %H:%M").to_string()
}

/// `08:28:12`.
pub fn time_of_day(time: ServerTime) -> String {
    time.0.format("%H:%M:%S").to_string()
}

/// `22 Nov 2026 08:28:12 (UTC+01:00)`, or `(server time)` where the zone is unknown.
pub fn server_time_with_zone(time: ServerTime, offset: Option<UtcOffset>) -> String {
    match offset {
        Some(offset) => format!("{} ({offset})", server_time(time)),
        None => format!("{} (server time)", server_time(time)),
    }
}

/// The server's time of a moment.
pub fn moment(moment: Moment) -> String {
    server_time(moment.server)
}

/// Bytes in powers of a thousand with three digits: `11.4 GB`, `980 kB`, `12 B`.
pub fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    // From 999.5 on three digits would read 1000.
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {name}")
    } else if value >= 9.995 {
        format!("{value:.1} {name}")
    } else {
        format!("{value:.2} {name}")
    }
}

/// The size, or `unknown`.
pub fn size_or_unknown(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "unknown".to_owned(), size)
}

/// Two units at most: `45 s`, `27 m 10 s`, `6 h 12 m`, `3 d 4 h`; below ten seconds one decimal.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 9.95 {
        let text = format!("{seconds:.1}");
        return format!("{} s", text.strip_suffix(".0").unwrap_or(&text));
    }
    let whole = seconds.round() as u64;
    let (days, hours, minutes, secs) = (
        whole / 86_400,
        whole / 3600 % 24,
        whole / 60 % 60,
        whole % 60,
    );
    let two = |big: u64, big_unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{big} {big_unit}")
        } else {
            format!("{big} {big_unit} {small} {small_unit}")
        }
    };
    if days > 0 {
        two(days, "d", hours, "h")
    } else if hours > 0 {
        two(hours, "h", minutes, "m")
    } else if minutes > 0 {
        two(minutes, "m", secs, "s")
    } else {
        format!("{secs} s")
    }
}

/// `1 file`, `12 files`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {many}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn time(hour: u32, milli: u32) -> ServerTime {
        ServerTime(
            NaiveDate::from_ymd_opt(2026, 11, 5)
                .and_then(|day| day.and_hms_milli_opt(hour, 28, 12, milli))
                .expect("a real time"),
        )
    }

    #[test]
    fn times_have_a_fraction_only_when_needed() {
        assert_eq!(server_time(time(8, 0)), "5 Nov 2026 08:28:12");
        assert_eq!(server_time(time(8, 7)), "5 Nov 2026 08:28:12.007");
        assert_eq!(
            server_time_with_zone(time(8, 0), UtcOffset::from_minutes(-210)),
            "5 Nov 2026 08:28:12 (UTC-03:30)"
        );
    }

    #[test]
    fn sizes_have_three_digits() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (11_400_000_000, "11.4 GB"),
            (99_960_000, "100 MB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn durations_have_two_units() {
        let cases = [
            (0.0, "0 s"),
            (0.42, "0.4 s"),
            (45.2, "45 s"),
            (59.6, "1 m"),
            (1630.0, "27 m 10 s"),
            (22_320.0, "6 h 12 m"),
            (277_200.0, "3 d 5 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
    }
}
