//! Arithmetic that SQLite does differently or not at all.

use super::{failed, pure, strict, text_at, type_at, value_at};
use crate::practice::reply::Message;
use crate::practice::sql::codec;
use crate::practice::sql::convert::{NO_STYLE, convert, integer_range, numbers, overflow};
use crate::practice::sql::types::{self, Family, family};
use crate::practice::value::{SqlType, Value};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Result};
use sha2::Digest as _;

fn divide_by_zero() -> rusqlite::Error {
    failed(&Message::error(8134, "Divide by zero error encountered."))
}

pub(super) fn register(connection: &Connection) -> Result<()> {
    // The range of an integer or of money; SQLite went to REAL when 64 bits were not enough.
    pure(connection, "tsql_int", 2, |c| match c.get_raw(0) {
        ValueRef::Null => Ok(Stored::Null),
        ValueRef::Integer(n) => {
            let ty = type_at(c, 1)?;
            match integer_range(ty) {
                Some((least, greatest)) if n < least || n > greatest => Err(failed(&overflow(ty))),
                _ => Ok(Stored::Integer(n)),
            }
        }
        _ => Err(failed(&overflow(type_at(c, 1)?))),
    })?;
    strict(connection, "tsql_divide", 2, |c| {
        match (c.get_raw(0), c.get_raw(1)) {
            (ValueRef::Integer(_), ValueRef::Integer(0)) => Err(divide_by_zero()),
            (ValueRef::Integer(a), ValueRef::Integer(b)) => a
                .checked_div(b)
                .map(Stored::Integer)
                .ok_or_else(|| failed(&overflow(SqlType::BigInt))),
            (a, b) => {
                let (a, b) = (float(a), float(b));
                if b == 0.0 {
                    return Err(divide_by_zero());
                }
                Ok(Stored::Real(a / b))
            }
        }
    })?;
    strict(connection, "tsql_modulo", 2, |c| {
        let (a, b): (i64, i64) = (c.get(0)?, c.get(1)?);
        if b == 0 {
            return Err(divide_by_zero());
        }
        Ok(Stored::Integer(a.wrapping_rem(b)))
    })?;
    pure(connection, "tsql_arithmetic", 6, |c| {
        if c.get_raw(1) == ValueRef::Null || c.get_raw(3) == ValueRef::Null {
            return Ok(Stored::Null);
        }
        arithmetic(c)
    })?;
    // datetime plus or minus days, which are already in its unit.
    strict(connection, "tsql_days", 1, |c| {
        let units: i64 = c.get(0)?;
        let days =
            units.div_euclid(crate::practice::sql::convert::calendar::DATETIME_UNITS_PER_DAY);
        if !(-53_690..=2_958_463).contains(&days) {
            return Err(failed(&Message::error(
                517,
                "Adding a value to a 'datetime' column caused an overflow.",
            )));
        }
        Ok(Stored::Integer(units))
    })?;
    for name in ["abs", "sign", "ceiling", "floor"] {
        strict(connection, &format!("tsql_{name}"), 3, move |c| {
            let (from, to) = (type_at(c, 1)?, type_at(c, 2)?);
            let value = match value_at(c, 0, from) {
                Value::Int(n) => Value::Int(match name {
                    "abs" => n.checked_abs().ok_or_else(|| failed(&overflow(to)))?,
                    "sign" => n.signum(),
                    _ => n,
                }),
                Value::Float(x) => Value::Float(match name {
                    "abs" => x.abs(),
                    "sign" => f64::from(i8::from(x > 0.0) - i8::from(x < 0.0)),
                    "ceiling" => x.ceil(),
                    _ => x.floor(),
                }),
                Value::Decimal(n) => {
                    let scale = scale_of(from);
                    let unit = numbers::power(scale).unwrap_or(1);
                    let keep = scale_of(to);
                    let whole = match name {
                        "abs" => return Ok(codec::encode(&Value::Decimal(n.abs()), to)),
                        "sign" => n.signum(),
                        "ceiling" => n.div_euclid(unit) + i128::from(n.rem_euclid(unit) != 0),
                        _ => n.div_euclid(unit),
                    };
                    Value::Decimal(whole * numbers::power(keep).unwrap_or(1))
                }
                other => other,
            };
            Ok(codec::encode(&value, to))
        })?;
    }
    // TOP … PERCENT.
    strict(connection, "tsql_ceiling", 1, |c| {
        Ok(Stored::Real(float(c.get_raw(0)).ceil()))
    })?;
    strict(connection, "tsql_round", 5, round)?;
    strict(connection, "tsql_power", 2, |c| {
        checked(float(c.get_raw(0)).powf(float(c.get_raw(1))))
    })?;
    for (name, function) in [
        ("tsql_sqrt", f64::sqrt as fn(f64) -> f64),
        ("tsql_square", |x| x * x),
        ("tsql_exp", f64::exp),
        ("tsql_log10", f64::log10),
        ("tsql_sin", f64::sin),
        ("tsql_cos", f64::cos),
        ("tsql_tan", f64::tan),
        ("tsql_asin", f64::asin),
        ("tsql_acos", f64::acos),
        ("tsql_atan", f64::atan),
        ("tsql_degrees", f64::to_degrees),
        ("tsql_radians", f64::to_radians),
    ] {
        strict(connection, name, 1, move |c| {
            checked(function(float(c.get_raw(0))))
        })?;
    }
    strict(connection, "tsql_log", -1, |c| {
        let x = float(c.get_raw(0));
        checked(if c.len() > 1 {
            x.log(float(c.get_raw(1)))
        } else {
            x.ln()
        })
    })?;
    strict(connection, "tsql_series", 3, |c| {
        let (start, stop, step): (i64, i64, i64) = (c.get(0)?, c.get(1)?, c.get(2)?);
        if step == 0 {
            return Err(failed(&Message::error(
                4199,
                "Argument value 0 is invalid for argument 3 of generate_series function.",
            )));
        }
        let mut values = Vec::new();
        let mut at = start;
        while (step > 0 && at <= stop) || (step < 0 && at >= stop) {
            values.push(at.to_string());
            let Some(next) = at.checked_add(step) else {
                break;
            };
            at = next;
        }
        Ok(Stored::Text(format!("[{}]", values.join(","))))
    })?;
    let flags = FunctionFlags::SQLITE_UTF8;
    // Drawn anew for every row, so not pure.
    connection.create_scalar_function("tsql_newid", 0, flags, |_| {
        Ok(uuid::Uuid::new_v4().hyphenated().to_string().to_uppercase())
    })?;
    connection.create_scalar_function("tsql_rand", 0, flags, |_| Ok(fastrand::f64()))?;
    pure(connection, "tsql_checksum", -1, |c| {
        let mut sum: u32 = 0;
        for at in 0..c.len() {
            let text = text_at(c, at)?.trim_end_matches(' ').to_lowercase();
            sum = sum.rotate_left(4) ^ crc32fast::hash(text.as_bytes());
        }
        Ok(Stored::Integer(i64::from(sum as i32)))
    })?;
    strict(connection, "tsql_hashbytes", 2, |c| {
        let data = match c.get_raw(1) {
            ValueRef::Blob(bytes) => bytes.to_vec(),
            _ => text_at(c, 1)?.into_bytes(),
        };
        Ok(match text_at(c, 0)?.to_uppercase().as_str() {
            "SHA2_256" => Stored::Blob(sha2::Sha256::digest(&data).to_vec()),
            "SHA2_512" => Stored::Blob(sha2::Sha512::digest(&data).to_vec()),
            _ => Stored::Null,
        })
    })
}

fn float(value: ValueRef<'_>) -> f64 {
    match value {
        ValueRef::Integer(n) => n as f64,
        ValueRef::Real(x) => x,
        _ => 0.0,
    }
}

fn checked(x: f64) -> Result<Stored> {
    if x.is_finite() {
        Ok(Stored::Real(x))
    } else {
        Err(failed(&Message::error(
            3623,
            "An invalid floating point operation occurred.",
        )))
    }
}

fn scale_of(ty: SqlType) -> u8 {
    match ty {
        SqlType::Numeric { scale, .. } => scale,
        _ if family(ty) == Family::Money => 4,
        _ => 0,
    }
}

/// An argument of decimal arithmetic: unscaled number and scale.
fn decimal(c: &Context<'_>, at: usize) -> Result<(i128, u8)> {
    let ty = type_at(c, at + 1)?;
    Ok(match value_at(c, at, ty) {
        Value::Int(n) => (i128::from(n), 0),
        Value::Decimal(n) => (n, scale_of(ty)),
        _ => (0, 0),
    })
}

/// `tsql_arithmetic(op, a, type of a, b, type of b, type of the result)`.
fn arithmetic(c: &Context<'_>) -> Result<Stored> {
    let op: i64 = c.get(0)?;
    let ((a, sa), (b, sb)) = (decimal(c, 1)?, decimal(c, 3)?);
    let ty = type_at(c, 5)?;
    let scale = scale_of(ty);
    let out_of_range = || {
        let mut message = overflow(ty);
        if family(ty) == Family::Numeric {
            message.text =
                "Arithmetic overflow error converting expression to data type numeric.".to_owned();
        }
        failed(&message)
    };
    let aligned = |n: i128, from: u8| numbers::rescale(n, from, sa.max(sb));
    let n = if op == types::Arithmetic::Add as i64 || op == types::Arithmetic::Subtract as i64 {
        let sum = aligned(a, sa).zip(aligned(b, sb)).and_then(|(a, b)| {
            if op == types::Arithmetic::Add as i64 {
                a.checked_add(b)
            } else {
                a.checked_sub(b)
            }
        });
        sum.and_then(|n| numbers::rescale(n, sa.max(sb), scale))
    } else if op == types::Arithmetic::Multiply as i64 {
        a.checked_mul(b)
            .and_then(|n| numbers::rescale(n, sa + sb, scale))
    } else if op == types::Arithmetic::Modulo as i64 {
        if b == 0 {
            return Err(divide_by_zero());
        }
        aligned(a, sa)
            .zip(aligned(b, sb))
            .and_then(|(a, b)| numbers::rescale(a % b, sa.max(sb), scale))
    } else {
        if b == 0 {
            return Err(divide_by_zero());
        }
        quotient(a, sa, b, sb, scale)
    };
    let n = n.ok_or_else(out_of_range)?;
    let fits = match ty {
        SqlType::Numeric { precision, .. } => numbers::fits(n, precision),
        _ => integer_range(ty)
            .is_none_or(|(least, greatest)| n >= i128::from(least) && n <= i128::from(greatest)),
    };
    if !fits {
        return Err(out_of_range());
    }
    Ok(codec::encode(&Value::Decimal(n), ty))
}

/// Long division: digits are cut, not rounded.
fn quotient(a: i128, sa: u8, b: i128, sb: u8, scale: u8) -> Option<i128> {
    let mut digits = i32::from(scale) - i32::from(sa) + i32::from(sb);
    if digits < 0 {
        let n = a / b;
        return numbers::power(u8::try_from(-digits).ok()?).map(|p| n / p);
    }
    let mut n = a / b;
    let mut rest = a % b;
    while digits > 0 {
        rest = rest.checked_mul(10)?;
        n = n.checked_mul(10)?.checked_add(rest / b)?;
        rest %= b;
        digits -= 1;
    }
    Some(n)
}

/// `tsql_round(n, type, digits, cut, type of the result)`.
fn round(c: &Context<'_>) -> Result<Stored> {
    let (from, to) = (type_at(c, 1)?, type_at(c, 4)?);
    let digits: i64 = c.get(2)?;
    let cut = c.get::<i64>(3)? != 0;
    let value = match value_at(c, 0, from) {
        Value::Float(x) => {
            let unit = 10_f64.powi(digits.clamp(-300, 300) as i32);
            let scaled = x * unit;
            let whole = if cut { scaled.trunc() } else { scaled.round() };
            Value::Float(if unit.is_finite() && whole.is_finite() {
                whole / unit
            } else {
                x
            })
        }
        Value::Int(n) => Value::Int(
            i64::try_from(round_decimal(i128::from(n), 0, digits, cut))
                .map_err(|_range| failed(&overflow(to)))?,
        ),
        Value::Decimal(n) => Value::Decimal(round_decimal(n, scale_of(from), digits, cut)),
        other => other,
    };
    let value = convert(value, from, to, NO_STYLE).map_err(|m| failed(&m))?;
    Ok(codec::encode(&value, to))
}

/// Rounds to `digits` after the point and keeps the scale.
fn round_decimal(n: i128, scale: u8, digits: i64, cut: bool) -> i128 {
    let drop = i64::from(scale) - digits;
    if drop <= 0 {
        return n;
    }
    let Some(unit) = u8::try_from(drop).ok().and_then(numbers::power) else {
        return 0;
    };
    let rest = n % unit;
    let down = n - rest;
    if !cut && rest.unsigned_abs() * 2 >= unit.unsigned_abs() {
        down + unit * n.signum()
    } else {
        down
    }
}
