//! `CAST` and `CONVERT`: a value of one type as a value of another.
//!
//! Rules and styles: <https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql>.

pub mod calendar;
pub mod moments;
pub mod numbers;
mod texts;

pub use texts::{hex, unhex};

use super::environment::DateFormat;
use super::types::{self, Family, family};
use crate::practice::reply::Message;
use crate::practice::value::{SqlType, Value};
use calendar::{DAY, DAYS_TO_1900, DAYS_TO_END};
use moments::NotRead;
use texts::{to_binary, to_guid, to_text};

/// No style was written: each type has its own default.
pub const NO_STYLE: i32 = -1;

/// Converts a value between types; `style` is [`NO_STYLE`] where none was written.
///
/// A text that is too long for the target is cut, as `CAST` does; assignments check lengths themselves.
pub fn convert(value: Value, from: SqlType, to: SqlType, style: i32) -> Result<Value, Message> {
    if value == Value::Null {
        return Ok(value);
    }
    if let Value::Variant(held) = value {
        if to == SqlType::SqlVariant {
            return Ok(Value::Variant(held));
        }
        let (ty, value) = *held;
        return convert(value, ty, to, style);
    }
    match family(to) {
        Family::Variant => Ok(Value::Variant(Box::new((from, value)))),
        Family::Text => to_text(&value, from, to, style),
        Family::Xml => match value {
            Value::Text(text) => Ok(Value::Text(text)),
            _ => Err(not_allowed(from, to)),
        },
        Family::Integer | Family::Numeric | Family::Money | Family::Approximate => {
            to_number(value, from, to)
        }
        Family::Binary => to_binary(value, from, to, style),
        Family::Moment => to_moment(value, from, to, style),
        Family::Guid => to_guid(value, from, to),
    }
}

/// Explicit conversion between types that never convert: 529.
fn not_allowed(from: SqlType, to: SqlType) -> Message {
    Message::error(
        529,
        format!(
            "Explicit conversion from data type {} to {} is not allowed.",
            types::name(from),
            types::name(to)
        ),
    )
}

/// 8115: the value leaves the range of its type.
pub fn overflow(to: SqlType) -> Message {
    Message::error(
        8115,
        format!(
            "Arithmetic overflow error converting expression to data type {}.",
            types::name(to)
        ),
    )
    .with_state(2)
}

fn overflow_between(from: SqlType, to: SqlType) -> Message {
    Message::error(
        8115,
        format!(
            "Arithmetic overflow error converting {} to data type {}.",
            types::name(from),
            types::name(to)
        ),
    )
    .with_state(8)
}

/// 8114.
fn error_converting(from: SqlType, to: SqlType) -> Message {
    Message::error(
        8114,
        format!(
            "Error converting data type {} to {}.",
            types::name(from),
            types::name(to)
        ),
    )
    .with_state(5)
}

/// The least and greatest integer of a type.
pub fn integer_range(ty: SqlType) -> Option<(i64, i64)> {
    Some(match ty {
        SqlType::Bit => (0, 1),
        SqlType::TinyInt => (0, 255),
        SqlType::SmallInt => (i64::from(i16::MIN), i64::from(i16::MAX)),
        SqlType::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
        SqlType::BigInt => (i64::MIN, i64::MAX),
        SqlType::SmallMoney => (i64::from(i32::MIN), i64::from(i32::MAX)),
        SqlType::Money => (i64::MIN, i64::MAX),
        _ => return None,
    })
}

fn to_integer(n: i128, from: SqlType, to: SqlType) -> Result<Value, Message> {
    if to == SqlType::Bit {
        return Ok(Value::Int(i64::from(n != 0)));
    }
    let (least, greatest) = integer_range(to).ok_or_else(|| not_allowed(from, to))?;
    if n < i128::from(least) || n > i128::from(greatest) {
        return Err(match to {
            // The narrow types name the value.
            SqlType::TinyInt | SqlType::SmallInt if family(from) == Family::Integer => {
                Message::error(
                    220,
                    format!(
                        "Arithmetic overflow error for data type {}, value = {n}.",
                        types::name(to)
                    ),
                )
            }
            _ => overflow(to),
        });
    }
    Ok(Value::Int(n as i64))
}

/// `unscaled` with `scale` digits after the point, as the target number type.
fn from_decimal(unscaled: i128, scale: u8, from: SqlType, to: SqlType) -> Result<Value, Message> {
    match to {
        SqlType::Numeric {
            precision,
            scale: to_scale,
        } => {
            let n = numbers::rescale(unscaled, scale, to_scale)
                .filter(|n| numbers::fits(*n, precision))
                .ok_or_else(|| overflow_between(from, to))?;
            Ok(Value::Decimal(n))
        }
        SqlType::Money | SqlType::SmallMoney => {
            let n = numbers::rescale(unscaled, scale, 4).ok_or_else(|| overflow(to))?;
            match integer_range(to) {
                Some((least, greatest)) if n >= i128::from(least) && n <= i128::from(greatest) => {
                    Ok(Value::Decimal(n))
                }
                _ => Err(overflow(to)),
            }
        }
        SqlType::Float => Ok(Value::Float(numbers::to_float(unscaled, scale))),
        SqlType::Real => Ok(Value::Float(f64::from(
            numbers::to_float(unscaled, scale) as f32
        ))),
        SqlType::Bit => Ok(Value::Int(i64::from(unscaled != 0))),
        _ => {
            // Money rounds, numeric cuts.
            let whole = if family(from) == Family::Money {
                numbers::rescale(unscaled, scale, 0)
            } else {
                numbers::power(scale).map(|p| unscaled / p)
            };
            to_integer(whole.ok_or_else(|| overflow(to))?, from, to)
        }
    }
}

fn from_float(x: f64, from: SqlType, to: SqlType) -> Result<Value, Message> {
    match to {
        SqlType::Float => Ok(Value::Float(x)),
        SqlType::Real => {
            let narrow = x as f32;
            if narrow.is_infinite() && x.is_finite() {
                return Err(overflow(to));
            }
            Ok(Value::Float(f64::from(narrow)))
        }
        SqlType::Numeric { precision, scale } => numbers::from_float(x, scale)
            .filter(|n| numbers::fits(*n, precision))
            .map(Value::Decimal)
            .ok_or_else(|| overflow_between(from, to)),
        SqlType::Money | SqlType::SmallMoney => from_decimal(
            numbers::from_float(x, 4).ok_or_else(|| overflow(to))?,
            4,
            from,
            to,
        ),
        SqlType::Bit => Ok(Value::Int(i64::from(x != 0.0))),
        _ => {
            if x.abs() >= 1.7e38 || x.is_nan() {
                return Err(overflow(to));
            }
            to_integer(x.trunc() as i128, from, to)
        }
    }
}

fn to_number(value: Value, from: SqlType, to: SqlType) -> Result<Value, Message> {
    match value {
        Value::Int(n) if family(from) == Family::Integer => match family(to) {
            Family::Integer => to_integer(i128::from(n), from, to),
            Family::Approximate => from_float(n as f64, from, to),
            _ => from_decimal(i128::from(n), 0, from, to),
        },
        Value::Decimal(n) => {
            let scale = match from {
                SqlType::Numeric { scale, .. } => scale,
                _ => 4,
            };
            from_decimal(n, scale, from, to)
        }
        Value::Float(x) => from_float(x, from, to),
        Value::Text(text) => number_from_text(&text, from, to),
        Value::Bytes(bytes) => match family(to) {
            Family::Approximate => Err(not_allowed(from, to)),
            Family::Numeric => Err(error_converting(from, to)),
            _ => {
                // The last bytes count, as a big-endian number.
                let width = types::max_length(to).unsigned_abs() as usize;
                let tail = bytes.len().saturating_sub(width);
                let n = bytes
                    .get(tail..)
                    .unwrap_or_default()
                    .iter()
                    .fold(0_u64, |n, b| n << 8 | u64::from(*b));
                let n = match to {
                    SqlType::SmallInt => i64::from(n as u16 as i16),
                    SqlType::Int | SqlType::SmallMoney => i64::from(n as u32 as i32),
                    SqlType::Bit => i64::from(n != 0),
                    _ => n as i64,
                };
                Ok(if family(to) == Family::Money {
                    Value::Decimal(i128::from(n))
                } else {
                    Value::Int(n)
                })
            }
        },
        // The old date types are numbers of days.
        Value::Int(_) if matches!(from, SqlType::DateTime | SqlType::SmallDateTime) => {
            let (ticks, _) =
                calendar::ticks_of(&value, from).ok_or_else(|| not_allowed(from, to))?;
            let days = (ticks - DAYS_TO_1900 * DAY) as f64 / DAY as f64;
            match family(to) {
                Family::Integer => to_integer(days.round() as i128, from, to),
                _ => from_float(days, SqlType::Float, to),
            }
        }
        _ => Err(not_allowed(from, to)),
    }
}

fn number_from_text(text: &str, from: SqlType, to: SqlType) -> Result<Value, Message> {
    let trimmed = text.trim();
    match family(to) {
        Family::Integer => {
            if trimmed.is_empty() {
                return Ok(Value::Int(0));
            }
            if to == SqlType::Bit {
                match trimmed.to_lowercase().as_str() {
                    "true" => return Ok(Value::Int(1)),
                    "false" => return Ok(Value::Int(0)),
                    _ => {}
                }
            }
            let failed = || {
                if to == SqlType::BigInt {
                    error_converting(from, to)
                } else {
                    Message::error(
                        245,
                        format!(
                            "Conversion failed when converting the {} value '{text}' to data type {}.",
                            types::name(from),
                            types::name(to)
                        ),
                    )
                }
            };
            let digits = trimmed.trim_start_matches(['+', '-']);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(failed());
            }
            let too_large = || {
                match to {
                SqlType::TinyInt => Message::error(
                    244,
                    format!(
                        "The conversion of the {} value '{text}' overflowed an INT1 column. Use a larger integer column.",
                        types::name(from)
                    ),
                ),
                SqlType::SmallInt => Message::error(
                    244,
                    format!(
                        "The conversion of the {} value '{text}' overflowed an INT2 column. Use a larger integer column.",
                        types::name(from)
                    ),
                )
                .with_state(2),
                SqlType::Int => Message::error(
                    248,
                    format!(
                        "The conversion of the {} value '{text}' overflowed an int column.",
                        types::name(from)
                    ),
                ),
                _ => overflow(to),
            }
            };
            let n: i128 = trimmed.parse().map_err(|_bad| failed())?;
            to_integer(n, from, to).map_err(|_range| too_large())
        }
        Family::Money => {
            let mut plain: String = trimmed.chars().filter(|c| *c != ',').collect();
            if let Some(at) = plain.find(['$', '€', '£', '¥']) {
                plain.remove(at);
            }
            if plain.trim().is_empty() {
                return Ok(Value::Decimal(0));
            }
            let (n, scale) = numbers::parse_decimal(plain.trim()).ok_or_else(|| {
                Message::error(
                    235,
                    "Cannot convert a char value to money. The char value has incorrect syntax.",
                )
            })?;
            from_decimal(n, scale, to, to)
        }
        Family::Approximate => {
            if trimmed.is_empty() {
                return Ok(Value::Float(0.0));
            }
            let plain = trimmed
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
            match trimmed.parse::<f64>() {
                Ok(x) if plain && x.is_finite() => from_float(x, from, to),
                _ => Err(error_converting(from, to)),
            }
        }
        _ => {
            let (n, scale) =
                numbers::parse_decimal(trimmed).ok_or_else(|| error_converting(from, to))?;
            from_decimal(n, scale, from, to)
        }
    }
}

fn to_moment(value: Value, from: SqlType, to: SqlType, style: i32) -> Result<Value, Message> {
    let (ticks, offset) = match &value {
        Value::Text(text) => {
            let syntax = || {
                Message::error(
                    241,
                    "Conversion failed when converting date and/or time from character string.",
                )
            };
            let range = || {
                match to {
                SqlType::DateTime | SqlType::SmallDateTime => Message::error(
                    242,
                    format!(
                        "The conversion of a {} data type to a {} data type resulted in an out-of-range value.",
                        types::name(from),
                        types::name(to)
                    ),
                )
                .with_state(3),
                _ => syntax(),
            }
            };
            let read = moments::read(text, style, DateFormat::Mdy).map_err(|why| match why {
                NotRead::Syntax => syntax(),
                NotRead::Range => range(),
            })?;
            if matches!(to, SqlType::DateTime | SqlType::SmallDateTime)
                && (read.fraction_digits > 3 || read.offset.is_some_and(|o| o != 0))
            {
                return Err(syntax());
            }
            return calendar::value_at(read.ticks, read.offset.unwrap_or(0), to)
                .map_err(|_out| range());
        }
        // Numbers count days since 1900, for the old types.
        Value::Int(_) | Value::Decimal(_) | Value::Float(_)
            if types::is_number(from)
                && matches!(to, SqlType::DateTime | SqlType::SmallDateTime) =>
        {
            let days = match to_number(value, from, SqlType::Float)? {
                Value::Float(days) => days,
                _ => return Err(not_allowed(from, to)),
            };
            if !(-100_000.0..4_000_000.0).contains(&days) {
                return Err(overflow(to));
            }
            let ticks = (days * DAY as f64).round() as i64 + DAYS_TO_1900 * DAY;
            return calendar::value_at(ticks, 0, to).map_err(|_out| overflow(to));
        }
        Value::Bytes(bytes) if to == SqlType::DateTime && bytes.len() == 8 => {
            let n = bytes.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
            let days = i64::from((n >> 32) as u32 as i32);
            let rest = i64::from(n as u32);
            return Ok(Value::Int(days * calendar::DATETIME_UNITS_PER_DAY + rest));
        }
        _ => calendar::ticks_of(&value, from).ok_or_else(|| match family(from) {
            Family::Integer | Family::Numeric | Family::Approximate | Family::Money => {
                Message::error(
                    206,
                    format!(
                        "Operand type clash: {} is incompatible with {}",
                        types::name(from),
                        types::name(to)
                    ),
                )
                .with_state(2)
            }
            _ => not_allowed(from, to),
        })?,
    };
    if matches!(
        (from, to),
        (SqlType::Date, SqlType::Time(_)) | (SqlType::Time(_), SqlType::Date)
    ) {
        return Err(not_allowed(from, to));
    }
    debug_assert!(
        ticks <= DAYS_TO_END * DAY,
        "values stay inside the calendar"
    );
    calendar::value_at(ticks, offset, to).map_err(|_out| {
        Message::error(
            242,
            format!(
                "The conversion of a {} data type to a {} data type resulted in an out-of-range value.",
                types::name(from),
                types::name(to)
            ),
        )
        .with_state(3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::value::Length;

    const TEXT: SqlType = SqlType::VarChar(Length::Limited(50));

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[track_caller]
    fn check(value: Value, from: SqlType, to: SqlType, expected: Value) {
        assert_eq!(convert(value, from, to, NO_STYLE), Ok(expected));
    }

    #[track_caller]
    fn refuse(value: Value, from: SqlType, to: SqlType, number: i32, message: &str) {
        let error = convert(value, from, to, NO_STYLE).expect_err("cannot be converted");
        assert_eq!((error.number, error.text.as_str()), (number, message));
    }

    #[test]
    fn numbers_from_text() {
        check(text(" 42 "), TEXT, SqlType::Int, Value::Int(42));
        check(text(""), TEXT, SqlType::Int, Value::Int(0));
        check(text("true"), TEXT, SqlType::Bit, Value::Int(1));
        let ty = SqlType::Numeric {
            precision: 9,
            scale: 2,
        };
        check(text("1.005"), TEXT, ty, Value::Decimal(101));
        refuse(
            text("abc"),
            TEXT,
            SqlType::Int,
            245,
            "Conversion failed when converting the varchar value 'abc' to data type int.",
        );
        refuse(
            text("x"),
            TEXT,
            ty,
            8114,
            "Error converting data type varchar to numeric.",
        );
        refuse(
            Value::Int(300),
            SqlType::Int,
            SqlType::TinyInt,
            220,
            "Arithmetic overflow error for data type tinyint, value = 300.",
        );
        refuse(
            Value::Int(3_000_000_000),
            SqlType::BigInt,
            SqlType::Int,
            8115,
            "Arithmetic overflow error converting expression to data type int.",
        );
    }

    #[test]
    fn texts_from_numbers() {
        check(Value::Int(-5), SqlType::Int, TEXT, text("-5"));
        check(
            Value::Int(12345),
            SqlType::Int,
            SqlType::VarChar(Length::Limited(3)),
            text("*"),
        );
        check(
            Value::Decimal(-5),
            SqlType::Numeric {
                precision: 5,
                scale: 3,
            },
            TEXT,
            text("-0.005"),
        );
        check(
            Value::Decimal(12_345_678),
            SqlType::Money,
            TEXT,
            text("1234.57"),
        );
        check(Value::Float(0.1), SqlType::Float, TEXT, text("0.1"));
        check(Value::Float(1e20), SqlType::Float, TEXT, text("1e+020"));
    }

    #[test]
    fn moments() {
        check(
            text("2026-01-02T03:04:05.997"),
            TEXT,
            SqlType::DateTime,
            Value::Int((46_022 * 86_400 + 11_045) * 300 + 299),
        );
        refuse(
            text("2026-13-01"),
            TEXT,
            SqlType::DateTime,
            242,
            "The conversion of a varchar data type to a datetime data type resulted in an out-of-range value.",
        );
        refuse(
            text("soon"),
            TEXT,
            SqlType::DateTime2(7),
            241,
            "Conversion failed when converting date and/or time from character string.",
        );
        check(
            Value::Int(1),
            SqlType::Int,
            SqlType::DateTime,
            Value::Int(calendar::DATETIME_UNITS_PER_DAY),
        );
    }

    #[test]
    fn guids_and_bytes() {
        let guid = uuid::Uuid::from_u128(0x6F96_19FF_8B86_D011_B42D_00C0_4FC9_64FF);
        check(
            text("{6f9619ff-8b86-d011-b42d-00c04fc964ff}"),
            TEXT,
            SqlType::UniqueIdentifier,
            Value::Guid(guid),
        );
        check(
            Value::Int(1),
            SqlType::Int,
            SqlType::VarBinary(Length::Limited(8)),
            Value::Bytes(vec![0, 0, 0, 1]),
        );
        assert_eq!(
            convert(Value::Bytes(vec![0xAB, 1]), SqlType::Binary(2), TEXT, 1),
            Ok(text("0xAB01"))
        );
    }
}
