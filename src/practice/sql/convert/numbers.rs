//! Decimal numbers: unscaled integers of 128 bits with a scale.

use super::NO_STYLE;
use crate::practice::value::SqlType;

/// 10 to that power; `None` beyond 38.
pub fn power(exponent: u8) -> Option<i128> {
    10_i128.checked_pow(u32::from(exponent))
}

/// Whether a number has at most `precision` digits.
pub fn fits(n: i128, precision: u8) -> bool {
    power(precision).is_none_or(|limit| n.unsigned_abs() < limit.unsigned_abs())
}

/// The number with another scale, rounded half away from zero; `None` when 128 bits cannot hold it.
pub fn rescale(n: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        return n.checked_mul(power(to - from)?);
    }
    let divisor = power(from - to)?;
    let (quotient, rest) = (n / divisor, n % divisor);
    Some(if rest.unsigned_abs() * 2 >= divisor.unsigned_abs() {
        quotient + n.signum()
    } else {
        quotient
    })
}

/// The nearest `float`.
pub fn to_float(n: i128, scale: u8) -> f64 {
    // Digits parse to the nearest number; dividing would round twice.
    write_decimal(n, scale).parse().unwrap_or(n as f64)
}

/// A `float` with `scale` digits after the point.
pub fn from_float(x: f64, scale: u8) -> Option<i128> {
    if !x.is_finite() || x.abs() >= 1e38 {
        return None;
    }
    // Seventeen digits are all a float has.
    let text = format!("{:.*}", usize::from(scale) + 1, x);
    let (n, read_scale) = parse_decimal(&text)?;
    rescale(n, read_scale, scale)
}

/// Reads `[+-]digits[.digits][e[+-]digits]`: the unscaled number and its scale.
pub fn parse_decimal(text: &str) -> Option<(i128, u8)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty()
        || !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let mut n: i128 = 0;
    let mut scale: i32 = 0;
    for b in whole.bytes() {
        n = n.checked_mul(10)?.checked_add(i128::from(b - b'0'))?;
    }
    for b in fraction.bytes() {
        // Digits that 128 bits cannot hold are beyond every scale.
        let Some(next) = n.checked_mul(10) else { break };
        if scale >= 38 {
            break;
        }
        n = next.checked_add(i128::from(b - b'0'))?;
        scale += 1;
    }
    let mut scale = scale - exponent;
    while scale < 0 {
        n = n.checked_mul(10)?;
        scale += 1;
    }
    if scale > 38 {
        n = rescale(n, u8::try_from(scale).ok()?.min(76).saturating_sub(38), 0)?;
        scale = 38;
    }
    Some((if negative { -n } else { n }, scale as u8))
}

/// Digits with a point before the last `scale` of them.
pub fn write_decimal(n: i128, scale: u8) -> String {
    let digits = n.unsigned_abs().to_string();
    let scale = usize::from(scale);
    let sign = if n < 0 { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// Ten-thousandths as text: two digits after the point, four in style 2 and 126, thousands apart in style 1.
pub fn write_money(n: i128, style: i32) -> String {
    match style {
        2 | 126 => write_decimal(n, 4),
        1 => {
            let text = write_decimal(rescale(n, 4, 2).unwrap_or(n), 2);
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, "00"));
            format!("{}.{fraction}", with_thousands(whole))
        }
        _ => write_decimal(rescale(n, 4, 2).unwrap_or(n), 2),
    }
}

/// A comma after every three digits.
pub fn with_thousands(whole: &str) -> String {
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let mut text = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `float` as text: six digits by default, seventeen in style 3, eight or sixteen with exponent in styles 1 and 2.
pub fn write_float(x: f64, from: SqlType, style: i32) -> String {
    match style {
        1 => exponential(x, 7),
        2 => exponential(x, 15),
        3 if from == SqlType::Float => general(x, 17),
        3 => general(x, 9),
        NO_STYLE | 0 => general(x, 6),
        _ => general(x, 6),
    }
}

/// As C's `%.{digits}g`, with an exponent of three digits.
fn general(x: f64, digits: usize) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{:.*e}", digits - 1, x);
    let Some((_, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= digits as i32 {
        let text = exponential(x, digits - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, ""));
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        return format!("{mantissa}e{exponent}");
    }
    let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
    let text = format!("{x:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn exponential(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:03}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_away_from_zero() {
        assert_eq!(rescale(125, 2, 1), Some(13));
        assert_eq!(rescale(-125, 2, 1), Some(-13));
        assert_eq!(rescale(124, 2, 1), Some(12));
        assert_eq!(from_float(0.1 + 0.2, 2), Some(30));
    }

    #[test]
    fn reads_and_writes() {
        assert_eq!(parse_decimal("-12.50"), Some((-1250, 2)));
        assert_eq!(parse_decimal("1e3"), Some((1000, 0)));
        assert_eq!(parse_decimal("."), None);
        assert_eq!(parse_decimal("1.2.3"), None);
        assert_eq!(write_decimal(-5, 3), "-0.005");
        assert_eq!(write_money(12_345_678_900, 1), "1,234,567.89");
        assert_eq!(
            write_float(123_456_789.0, SqlType::Float, NO_STYLE),
            "1.23457e+008"
        );
    }
}
