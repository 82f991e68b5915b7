//! Values as SQLite keeps them.
//!
//! | T-SQL | in SQLite |
//! |---|---|
//! | `bit`, integers, `money`, `numeric` up to 18 digits, dates and times | INTEGER |
//! | `numeric` beyond 18 digits | BLOB: i128 big-endian with its sign bit flipped, so that bytes sort as numbers |
//! | `real`, `float` | REAL |
//! | texts, `uniqueidentifier` (upper case) | TEXT |
//! | `datetimeoffset` | BLOB: UTC in 100 ns and the offset in minutes, both big-endian |
//! | binaries | BLOB |
//! | `sql_variant` | BLOB: the type's code, eight bytes, then the value's text or bytes |
//!
//! A value is read by the type that the binder gave it, never by what SQLite reports.

use super::types;
use crate::practice::value::{SqlType, Value};
use rusqlite::types::{Value as Stored, ValueRef};

/// Digits of a `numeric` that fit into INTEGER.
pub const SMALL_PRECISION: u8 = 18;

const SIGN: u128 = 1 << 127;

/// What SQLite keeps for a value of that type.
pub fn encode(value: &Value, ty: SqlType) -> Stored {
    match value {
        Value::Null => Stored::Null,
        Value::Int(n) => match ty {
            SqlType::Numeric { precision, .. } => decimal(i128::from(*n), precision),
            SqlType::Real | SqlType::Float => Stored::Real(*n as f64),
            _ => Stored::Integer(*n),
        },
        Value::Decimal(n) => match ty {
            SqlType::Numeric { precision, .. } => decimal(*n, precision),
            // Money has eight bytes by definition.
            _ => Stored::Integer(saturate(*n)),
        },
        Value::Float(x) => Stored::Real(*x),
        Value::Text(text) => Stored::Text(text.clone()),
        Value::Bytes(bytes) => Stored::Blob(bytes.clone()),
        Value::Guid(guid) => Stored::Text(guid.hyphenated().to_string().to_uppercase()),
        Value::Offset { utc_ticks, minutes } => {
            let mut bytes = flip(*utc_ticks).to_be_bytes().to_vec();
            bytes.extend(minutes.to_be_bytes());
            Stored::Blob(bytes)
        }
        Value::Variant(held) => {
            let (ty, value) = held.as_ref();
            let mut bytes = types::code(*ty).to_be_bytes().to_vec();
            match encode(value, *ty) {
                Stored::Null => return Stored::Null,
                Stored::Integer(n) => bytes.extend(n.to_be_bytes()),
                Stored::Real(x) => bytes.extend(x.to_be_bytes()),
                Stored::Text(text) => bytes.extend(text.as_bytes()),
                Stored::Blob(blob) => bytes.extend(blob),
            }
            Stored::Blob(bytes)
        }
    }
}

/// The value of that type which SQLite kept.
pub fn decode(stored: ValueRef<'_>, ty: SqlType) -> Value {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => match ty {
            SqlType::Numeric { .. } | SqlType::Money | SqlType::SmallMoney => {
                Value::Decimal(i128::from(n))
            }
            SqlType::Real | SqlType::Float => Value::Float(n as f64),
            _ => Value::Int(n),
        },
        ValueRef::Real(x) => match ty {
            SqlType::Real | SqlType::Float => Value::Float(x),
            // SQLite answers REAL for sums of integers that left 64 bits.
            SqlType::Numeric { .. } | SqlType::Money | SqlType::SmallMoney => {
                Value::Decimal(x as i128)
            }
            _ => Value::Int(x as i64),
        },
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            if ty == SqlType::UniqueIdentifier {
                uuid::Uuid::parse_str(&text).map_or(Value::Null, Value::Guid)
            } else {
                Value::Text(text.into_owned())
            }
        }
        ValueRef::Blob(bytes) => decode_blob(bytes, ty),
    }
}

fn decode_blob(bytes: &[u8], ty: SqlType) -> Value {
    match ty {
        SqlType::Numeric { .. } => wide(bytes).map_or(Value::Null, Value::Decimal),
        SqlType::DateTimeOffset(_) => {
            let (Some(ticks), Some(minutes)) = (array(bytes, 0), array(bytes, 8)) else {
                return Value::Null;
            };
            Value::Offset {
                utc_ticks: flip(i64::from_be_bytes(ticks)),
                minutes: i16::from_be_bytes(minutes),
            }
        }
        SqlType::SqlVariant => {
            let Some((code, rest)) = bytes.split_first_chunk::<8>() else {
                return Value::Null;
            };
            let Some(held) = types::from_code(i64::from_be_bytes(*code)) else {
                return Value::Null;
            };
            let value = match crate::practice::catalogue::storage(held) {
                "INTEGER" => array(rest, 0).map_or(Value::Null, |n| {
                    decode(ValueRef::Integer(i64::from_be_bytes(n)), held)
                }),
                "REAL" => array(rest, 0).map_or(Value::Null, |x| {
                    decode(ValueRef::Real(f64::from_be_bytes(x)), held)
                }),
                "BLOB" => decode_blob(rest, held),
                _ => decode(ValueRef::Text(rest), held),
            };
            Value::Variant(Box::new((held, value)))
        }
        _ => Value::Bytes(bytes.to_vec()),
    }
}

/// The number in a `numeric` of more than 18 digits.
pub fn wide(bytes: &[u8]) -> Option<i128> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    Some((u128::from_be_bytes(bytes) ^ SIGN) as i128)
}

fn decimal(n: i128, precision: u8) -> Stored {
    if precision <= SMALL_PRECISION {
        Stored::Integer(saturate(n))
    } else {
        Stored::Blob(((n as u128) ^ SIGN).to_be_bytes().to_vec())
    }
}

fn saturate(n: i128) -> i64 {
    i64::try_from(n).unwrap_or(if n < 0 { i64::MIN } else { i64::MAX })
}

/// Flips the sign bit, so that bytes sort as numbers.
fn flip(n: i64) -> i64 {
    n ^ i64::MIN
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::value::Length;

    #[track_caller]
    fn check(value: Value, ty: SqlType) {
        let stored = encode(&value, ty);
        assert_eq!(decode(ValueRef::from(&stored), ty), value, "{ty:?}");
    }

    #[test]
    fn values_come_back() {
        let lsn = SqlType::Numeric {
            precision: 25,
            scale: 0,
        };
        check(Value::Decimal(39_000_000_172_000_001), lsn);
        check(Value::Decimal(-1), lsn);
        check(
            Value::Decimal(1234),
            SqlType::Numeric {
                precision: 9,
                scale: 2,
            },
        );
        check(
            Value::Offset {
                utc_ticks: 639_000_000_000_000_000,
                minutes: -330,
            },
            SqlType::DateTimeOffset(7),
        );
        check(
            Value::Guid(uuid::Uuid::from_u128(7)),
            SqlType::UniqueIdentifier,
        );
        check(
            Value::Variant(Box::new((
                SqlType::NVarChar(Length::Limited(128)),
                Value::Text("Größe".into()),
            ))),
            SqlType::SqlVariant,
        );
        check(
            Value::Variant(Box::new((SqlType::Int, Value::Int(-3)))),
            SqlType::SqlVariant,
        );
    }

    #[test]
    fn wide_numbers_sort_as_bytes() {
        let ty = SqlType::Numeric {
            precision: 25,
            scale: 0,
        };
        let bytes = |n: i128| match encode(&Value::Decimal(n), ty) {
            Stored::Blob(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        assert!(bytes(-5) < bytes(0));
        assert!(bytes(9) < bytes(10));
        assert!(bytes(i128::from(i64::MAX)) < bytes(i128::from(i64::MAX) + 1));
    }
}
