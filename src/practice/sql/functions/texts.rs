//! Text functions that SQLite does differently or not at all.

use super::{failed, pure, strict, text_at, type_at, value_at};
use crate::practice::reply::Message;
use crate::practice::sql::convert::{calendar, moments, numbers};
use crate::practice::sql::types::{Family, family};
use crate::practice::value::{SqlType, Value};
use rusqlite::functions::Context;
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Result};

fn text(text: String) -> Result<Stored> {
    Ok(Stored::Text(text))
}

/// 536 and 537.
fn invalid_length(number: i32, name: &str) -> rusqlite::Error {
    failed(
        &Message::error(
            number,
            format!("Invalid length parameter passed to the {name} function."),
        )
        .with_state(2),
    )
}

pub(super) fn register(connection: &Connection) -> Result<()> {
    strict(connection, "tsql_upper", 1, |c| {
        text(text_at(c, 0)?.to_uppercase())
    })?;
    strict(connection, "tsql_lower", 1, |c| {
        text(text_at(c, 0)?.to_lowercase())
    })?;
    strict(connection, "tsql_reverse", 1, |c| {
        text(text_at(c, 0)?.chars().rev().collect())
    })?;
    strict(connection, "tsql_utf16_bytes", 1, |c| {
        Ok(Stored::Integer(
            text_at(c, 0)?.encode_utf16().count() as i64 * 2,
        ))
    })?;
    strict(connection, "tsql_left", 2, |c| {
        let n: i64 = c.get(1)?;
        let n = usize::try_from(n).map_err(|_negative| invalid_length(537, "LEFT or SUBSTRING"))?;
        text(text_at(c, 0)?.chars().take(n).collect())
    })?;
    strict(connection, "tsql_right", 2, |c| {
        let n: i64 = c.get(1)?;
        let n = usize::try_from(n).map_err(|_negative| invalid_length(536, "RIGHT"))?;
        let all = text_at(c, 0)?;
        let skip = all.chars().count().saturating_sub(n);
        text(all.chars().skip(skip).collect())
    })?;
    strict(connection, "tsql_substring", 3, substring)?;
    strict(connection, "tsql_replace", 3, |c| {
        let (all, what, by) = (text_at(c, 0)?, text_at(c, 1)?, text_at(c, 2)?);
        if what.is_empty() {
            return text(all);
        }
        text(replace(&all, &what, &by))
    })?;
    strict(connection, "tsql_translate", 3, |c| {
        let (from, to): (Vec<char>, Vec<char>) = (
            text_at(c, 1)?.chars().collect(),
            text_at(c, 2)?.chars().collect(),
        );
        if from.len() != to.len() {
            return Err(failed(&Message::error(
                9828,
                "The second and third arguments of the TRANSLATE built-in function must contain an equal number of characters.",
            )));
        }
        text(
            text_at(c, 0)?
                .chars()
                .map(|c| {
                    from.iter()
                        .position(|f| *f == c)
                        .and_then(|at| to.get(at))
                        .copied()
                        .unwrap_or(c)
                })
                .collect(),
        )
    })?;
    pure(connection, "tsql_stuff", 4, |c| {
        if (0..3).any(|at| c.get_raw(at) == ValueRef::Null) {
            return Ok(Stored::Null);
        }
        let all: Vec<char> = text_at(c, 0)?.chars().collect();
        let (start, length): (i64, i64) = (c.get(1)?, c.get(2)?);
        let (Ok(start), Ok(length)) = (usize::try_from(start), usize::try_from(length)) else {
            return Ok(Stored::Null);
        };
        if start == 0 || start > all.len() {
            return Ok(Stored::Null);
        }
        let mut result: String = all.iter().take(start - 1).collect();
        result.push_str(&text_at(c, 3)?);
        result.extend(all.iter().skip(start - 1 + length));
        text(result)
    })?;
    strict(connection, "tsql_charindex", -1, |c| {
        let what: Vec<char> = text_at(c, 0)?.chars().map(lower).collect();
        let all: Vec<char> = text_at(c, 1)?.chars().map(lower).collect();
        let start: i64 = if c.len() > 2 { c.get(2)? } else { 1 };
        let start = usize::try_from(start - 1).unwrap_or(0);
        let found = if what.is_empty() || all.len() < what.len() {
            None
        } else {
            (start..=all.len() - what.len())
                .find(|at| all.get(*at..*at + what.len()) == Some(what.as_slice()))
        };
        Ok(Stored::Integer(found.map_or(0, |at| at as i64 + 1)))
    })?;
    strict(connection, "tsql_replicate", 3, |c| {
        let one = text_at(c, 0)?;
        let (n, limit): (i64, i64) = (c.get(1)?, c.get(2)?);
        let Ok(n) = usize::try_from(n) else {
            return Ok(Stored::Null);
        };
        let characters = one.chars().count().max(1);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let whole = n
            .min(most / characters + 1)
            .min(200_000_000 / one.len().max(1));
        let mut all = one.repeat(whole);
        if let Some((at, _)) = all.char_indices().nth(most) {
            all.truncate(at);
        }
        text(all)
    })?;
    strict(connection, "tsql_quotename", -1, |c| {
        let name = text_at(c, 0)?;
        let mark = if c.len() > 1 {
            text_at(c, 1)?
        } else {
            "[".to_owned()
        };
        let (open, close) = match mark.as_str() {
            "[" | "]" | "" => ('[', ']'),
            "(" | ")" => ('(', ')'),
            "<" | ">" => ('<', '>'),
            "{" | "}" => ('{', '}'),
            "'" => ('\'', '\''),
            "\"" => ('"', '"'),
            "`" => ('`', '`'),
            _ => return Ok(Stored::Null),
        };
        if name.chars().count() > 128 {
            return Ok(Stored::Null);
        }
        let doubled = name.replace(close, &format!("{close}{close}"));
        text(format!("{open}{doubled}{close}"))
    })?;
    strict(connection, "tsql_parsename", 2, |c| {
        let parts = crate::practice::sql::names::split_name(&text_at(c, 0)?);
        let n: i64 = c.get(1)?;
        let part = usize::try_from(n)
            .ok()
            .filter(|n| (1..=parts.len()).contains(n) && parts.len() <= 4)
            .and_then(|n| parts.get(parts.len() - n))
            .filter(|p| !p.is_empty());
        Ok(part.map_or(Stored::Null, |p| Stored::Text(p.clone())))
    })?;
    strict(connection, "tsql_str", -1, |c| {
        let x = match c.get_raw(0) {
            ValueRef::Real(x) => x,
            ValueRef::Integer(n) => n as f64,
            _ => return Ok(Stored::Null),
        };
        let length: i64 = if c.len() > 1 { c.get(1)? } else { 10 };
        let decimals: i64 = if c.len() > 2 { c.get(2)? } else { 0 };
        let width = usize::try_from(length.clamp(0, 8000)).unwrap_or(10);
        let decimals = usize::try_from(decimals.clamp(0, 16)).unwrap_or(0);
        let shown = format!("{x:.decimals$}");
        if shown.len() > width {
            // Digits after the point give way first.
            let whole = format!("{x:.0}");
            return text(if whole.len() > width {
                "*".repeat(width)
            } else {
                shown.chars().take(width).collect()
            });
        }
        text(format!("{shown:>width$}"))
    })?;
    strict(connection, "tsql_format", 3, format_value)?;
    strict(connection, "tsql_split", 2, |c| {
        let (all, separator) = (text_at(c, 0)?, text_at(c, 1)?);
        let parts: Vec<String> = if separator.is_empty() {
            vec![all]
        } else {
            all.split(separator.as_str()).map(str::to_owned).collect()
        };
        text(serde_json::Value::from(parts).to_string())
    })?;
    // `lax $.a` and `strict $.a` differ only in errors.
    strict(connection, "tsql_json_path", 1, |c| {
        let path = text_at(c, 0)?;
        let path = path.trim();
        text(
            path.strip_prefix("lax ")
                .or_else(|| path.strip_prefix("strict "))
                .unwrap_or(path)
                .to_owned(),
        )
    })?;
    strict(connection, "tsql_xml_text", 1, |c| {
        text(
            text_at(c, 0)?
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;"),
        )
    })
}

fn lower(c: char) -> char {
    if c.is_ascii() {
        c.to_ascii_lowercase()
    } else {
        c.to_lowercase().next().unwrap_or(c)
    }
}

/// Replaces without regard to case, as the server's collation compares.
fn replace(all: &str, what: &str, by: &str) -> String {
    let source: Vec<char> = all.chars().collect();
    let folded: Vec<char> = all.chars().map(lower).collect();
    let what: Vec<char> = what.chars().map(lower).collect();
    let mut result = String::with_capacity(all.len());
    let mut at = 0;
    while at < source.len() {
        if folded.get(at..at + what.len()) == Some(what.as_slice()) {
            result.push_str(by);
            at += what.len();
        } else {
            result.extend(source.get(at));
            at += 1;
        }
    }
    result
}

fn substring(c: &Context<'_>) -> Result<Stored> {
    let (start, length): (i64, i64) = (c.get(1)?, c.get(2)?);
    if length < 0 {
        return Err(invalid_length(537, "LEFT or SUBSTRING"));
    }
    // A start before the text shortens the piece.
    let end = start.saturating_add(length).max(1);
    let begin = start.max(1);
    let skip = usize::try_from(begin - 1).unwrap_or(usize::MAX);
    let take = usize::try_from((end - begin).max(0)).unwrap_or(0);
    Ok(match c.get_raw(0) {
        ValueRef::Blob(bytes) => {
            Stored::Blob(bytes.iter().skip(skip).take(take).copied().collect())
        }
        _ => Stored::Text(text_at(c, 0)?.chars().skip(skip).take(take).collect()),
    })
}

/// `FORMAT(value, pattern)` in the invariant culture.
fn format_value(c: &Context<'_>) -> Result<Stored> {
    let ty = type_at(c, 1)?;
    let pattern = text_at(c, 2)?;
    let value = value_at(c, 0, ty);
    if family(ty) == Family::Moment {
        let Some((ticks, offset)) = calendar::ticks_of(&value, ty) else {
            return Ok(Stored::Null);
        };
        return text(format_moment(ticks, offset, ty, &pattern));
    }
    let (n, scale) = match value {
        Value::Int(n) => (i128::from(n), 0),
        Value::Decimal(n) => (
            n,
            match ty {
                SqlType::Numeric { scale, .. } => scale,
                _ => 4,
            },
        ),
        Value::Float(x) => (numbers::from_float(x, 10).unwrap_or(0), 10),
        _ => return Ok(Stored::Null),
    };
    text(format_number(n, scale, &pattern))
}

/// `N2`, `F1`, `D5`, `0.00`, `#,##0.0`.
fn format_number(n: i128, scale: u8, pattern: &str) -> String {
    let mut chars = pattern.chars();
    let kind = chars.next().unwrap_or('G');
    let digits: Option<u8> = chars.as_str().parse().ok();
    let shown = |digits: u8| {
        numbers::write_decimal(numbers::rescale(n, scale, digits).unwrap_or(n), digits)
    };
    let grouped = |text: &str| match text.split_once('.') {
        Some((whole, fraction)) => format!("{}.{fraction}", numbers::with_thousands(whole)),
        None => numbers::with_thousands(text),
    };
    if chars.as_str().is_empty() || digits.is_some() {
        match kind.to_ascii_uppercase() {
            'N' => return grouped(&shown(digits.unwrap_or(2))),
            'F' => return shown(digits.unwrap_or(2)),
            'D' => {
                let width = usize::from(digits.unwrap_or(1));
                let text = n.unsigned_abs().to_string();
                let sign = if n < 0 { "-" } else { "" };
                return format!("{sign}{text:0>width$}");
            }
            'P' => {
                let hundred = n.saturating_mul(100);
                let digits = digits.unwrap_or(2);
                let text = numbers::write_decimal(
                    numbers::rescale(hundred, scale, digits).unwrap_or(hundred),
                    digits,
                );
                return format!("{} %", grouped(&text));
            }
            'X' => return format!("{n:X}"),
            'G' => return shown(scale),
            _ => {}
        }
    }
    // A picture: zeros are digits that always show.
    let (whole, fraction) = pattern.split_once('.').unwrap_or((pattern, ""));
    let decimals = fraction.chars().filter(|c| matches!(c, '0' | '#')).count() as u8;
    let least_decimals = fraction.chars().filter(|c| *c == '0').count();
    let least_whole = whole.chars().filter(|c| *c == '0').count();
    let text = shown(decimals);
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest.to_owned()),
        None => ("", text),
    };
    let (digits, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut digits = format!("{digits:0>least_whole$}");
    if whole.contains(',') {
        digits = numbers::with_thousands(&digits);
    }
    let mut rest = rest.to_owned();
    while rest.len() > least_decimals && rest.ends_with('0') {
        rest.pop();
    }
    let picture = |c: &char| matches!(c, '0' | '#' | ',' | '.');
    let before: String = pattern.chars().take_while(|c| !picture(c)).collect();
    let after: String = {
        let mut tail: Vec<char> = pattern.chars().rev().take_while(|c| !picture(c)).collect();
        tail.reverse();
        tail.into_iter().collect()
    };
    if rest.is_empty() {
        format!("{sign}{before}{digits}{after}")
    } else {
        format!("{sign}{before}{digits}.{rest}{after}")
    }
}

/// `yyyy-MM-dd HH:mm:ss.fff tt zzz`.
fn format_moment(ticks: i64, offset: i16, ty: SqlType, pattern: &str) -> String {
    match pattern {
        "d" => return moments::write(ticks, offset, ty, Some(101)).unwrap_or_default(),
        "s" => return format_moment(ticks, offset, ty, "yyyy-MM-ddTHH:mm:ss"),
        "o" | "O" => return format_moment(ticks, offset, ty, "yyyy-MM-ddTHH:mm:ss.fffffff"),
        _ => {}
    }
    let days = ticks.div_euclid(calendar::DAY);
    let of_day = ticks.rem_euclid(calendar::DAY);
    let (year, month, day) = calendar::date_from_days(days);
    let (hour, minute, second) = (
        of_day / calendar::HOUR,
        of_day / calendar::MINUTE % 60,
        of_day / calendar::SECOND % 60,
    );
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let mut out = String::new();
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c == '\\' {
            out.extend(chars.get(at + 1));
            at += 2;
            continue;
        }
        if c == '\'' || c == '"' {
            at += 1;
            while let Some(&inner) = chars.get(at) {
                at += 1;
                if inner == c {
                    break;
                }
                out.push(inner);
            }
            continue;
        }
        let run = chars.iter().skip(at).take_while(|x| **x == c).count();
        let number = |n: i64, width: usize| format!("{n:0>width$}");
        match (c, run) {
            ('y', 1 | 2) => out.push_str(&number(year % 100, run)),
            ('y', _) => out.push_str(&number(year, run)),
            ('M', 1 | 2) => out.push_str(&number(month, run)),
            ('M', 3) => out.push_str(moments::month_name(month).get(..3).unwrap_or_default()),
            ('M', _) => out.push_str(moments::month_name(month)),
            ('d', 1 | 2) => out.push_str(&number(day, run)),
            ('d', 3) => out.push_str(moments::weekday_name(days).get(..3).unwrap_or_default()),
            ('d', _) => out.push_str(moments::weekday_name(days)),
            ('H', _) => out.push_str(&number(hour, run)),
            ('h', _) => out.push_str(&number(twelve, run)),
            ('m', _) => out.push_str(&number(minute, run)),
            ('s', _) => out.push_str(&number(second, run)),
            ('f' | 'F', _) => {
                let digits = format!("{:07}", of_day % calendar::SECOND);
                out.push_str(digits.get(..run.min(7)).unwrap_or_default());
            }
            ('t', 1) => out.push(if hour < 12 { 'A' } else { 'P' }),
            ('t', _) => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            ('z', _) => {
                let sign = if offset < 0 { '-' } else { '+' };
                out.push_str(&format!(
                    "{sign}{:02}:{:02}",
                    offset.abs() / 60,
                    offset.abs() % 60
                ));
            }
            (other, _) => out.extend(std::iter::repeat_n(other, run)),
        }
        at += run;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_numbers() {
        assert_eq!(format_number(123_456_789, 2, "N2"), "1,234,567.89");
        assert_eq!(format_number(123_456_789, 2, "#,##0.0"), "1,234,567.9");
        assert_eq!(format_number(7, 0, "D3"), "007");
        assert_eq!(format_number(7, 0, "000"), "007");
        assert_eq!(format_number(25, 2, "P0"), "25 %");
        assert_eq!(format_number(15, 1, "0.##"), "1.5");
    }

    #[test]
    fn replacing_ignores_case() {
        assert_eq!(replace("Octopus octopus", "OCTOPUS", "x"), "x x");
    }
}
