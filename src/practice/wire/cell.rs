//! Values on the wire ([MS-TDS] 2.2.5.5), both ways.

use super::{
    WireError,
    bytes::{Fields, put_utf16, utf16_text},
    codepage::{self, COLLATION},
    type_info::{self, Form, TypeInfo, code, numeric_bytes},
};
use crate::practice::value::{Length, SqlType, Value};

/// 1/300 s of a day.
const DATETIME_UNITS_A_DAY: i64 = 300 * 86_400;
/// 100 ns of a day.
const TICKS_A_DAY: i64 = 864_000_000_000;
const MINUTES_A_DAY: i64 = 24 * 60;
/// `NULL` where values come in chunks.
const CHUNKS_NULL: u64 = u64::MAX;
/// A value in chunks whose length is not known beforehand.
const CHUNKS_UNKNOWN: u64 = u64::MAX - 1;
/// A value in chunks may not grow beyond this.
const MAX_VALUE_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of a `sql_variant`'s value at most.
const VARIANT_BYTES: usize = 8000;

/// Appends a value of a column of type `ty`. A value that does not go with its type is sent as `NULL`.
pub fn encode(into: &mut Vec<u8>, ty: SqlType, value: &Value) {
    match ty {
        SqlType::SqlVariant => encode_variant(into, value),
        SqlType::VarChar(Length::Max)
        | SqlType::NVarChar(Length::Max)
        | SqlType::VarBinary(Length::Max)
        | SqlType::Xml => match bytes_of(ty, value) {
            None => into.extend(CHUNKS_NULL.to_le_bytes()),
            Some(bytes) => {
                into.extend((bytes.len() as u64).to_le_bytes());
                if !bytes.is_empty() {
                    into.extend((bytes.len() as u32).to_le_bytes());
                    into.extend(bytes);
                }
                into.extend(0_u32.to_le_bytes());
            }
        },
        SqlType::Char(_)
        | SqlType::NChar(_)
        | SqlType::VarChar(_)
        | SqlType::NVarChar(_)
        | SqlType::Binary(_)
        | SqlType::VarBinary(_) => match bytes_of(ty, value) {
            None => into.extend([0xff, 0xff]),
            Some(bytes) => {
                into.extend((bytes.len() as u16).to_le_bytes());
                into.extend(bytes);
            }
        },
        _ => match bytes_of(ty, value) {
            None => into.push(0),
            Some(bytes) => {
                into.push(bytes.len() as u8);
                into.extend(bytes);
            }
        },
    }
}

/// The bytes of a value without its length; `None` for `NULL`.
fn bytes_of(ty: SqlType, value: &Value) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match (ty, value) {
        (SqlType::Bit, Value::Int(v)) => bytes.push(u8::from(*v != 0)),
        (SqlType::TinyInt, Value::Int(v)) => bytes.push(*v as u8),
        (SqlType::SmallInt, Value::Int(v)) => bytes.extend((*v as i16).to_le_bytes()),
        (SqlType::Int, Value::Int(v)) => bytes.extend((*v as i32).to_le_bytes()),
        (SqlType::BigInt, Value::Int(v)) => bytes.extend(v.to_le_bytes()),
        (SqlType::Numeric { precision, .. }, Value::Decimal(v)) => {
            bytes.push(u8::from(*v >= 0));
            let magnitude = v.unsigned_abs().to_le_bytes();
            let n_bytes = usize::from(numeric_bytes(precision)) - 1;
            bytes.extend(magnitude.get(..n_bytes)?);
        }
        (SqlType::Money, Value::Decimal(v)) => {
            let v = *v as i64;
            bytes.extend(((v >> 32) as i32).to_le_bytes());
            bytes.extend((v as u32).to_le_bytes());
        }
        (SqlType::SmallMoney, Value::Decimal(v)) => bytes.extend((*v as i32).to_le_bytes()),
        (SqlType::Real, Value::Float(v)) => bytes.extend((*v as f32).to_le_bytes()),
        (SqlType::Float, Value::Float(v)) => bytes.extend(v.to_le_bytes()),
        (SqlType::Char(length), Value::Text(text)) => {
            let width = usize::from(type_info::limited(length));
            codepage::encode(&mut bytes, text, width);
            bytes.resize(width, b' ');
        }
        (SqlType::NChar(length), Value::Text(text)) => {
            let width = usize::from(type_info::unicode(length));
            put_utf16(&mut bytes, text, width / 2);
            while bytes.len() < width {
                bytes.extend([b' ', 0]);
            }
        }
        (SqlType::VarChar(Length::Limited(length)), Value::Text(text)) => {
            codepage::encode(&mut bytes, text, usize::from(type_info::limited(length)));
        }
        (SqlType::VarChar(Length::Max), Value::Text(text)) => {
            codepage::encode(&mut bytes, text, usize::MAX);
        }
        (SqlType::NVarChar(Length::Limited(length)), Value::Text(text)) => {
            let max_units = usize::from(type_info::unicode(length)) / 2;
            put_utf16(&mut bytes, text, max_units);
        }
        (SqlType::NVarChar(Length::Max) | SqlType::Xml, Value::Text(text)) => {
            put_utf16(&mut bytes, text, usize::MAX);
        }
        (SqlType::Binary(length), Value::Bytes(v)) => {
            bytes.extend_from_slice(v);
            bytes.resize(usize::from(type_info::limited(length)), 0);
        }
        (SqlType::VarBinary(Length::Limited(length)), Value::Bytes(v)) => {
            let n_bytes = v.len().min(usize::from(type_info::limited(length)));
            bytes.extend(v.get(..n_bytes)?);
        }
        (SqlType::VarBinary(Length::Max), Value::Bytes(v)) => bytes.extend_from_slice(v),
        (SqlType::Date, Value::Int(days)) => put_days(&mut bytes, *days),
        (SqlType::Time(scale), Value::Int(ticks)) => put_time(&mut bytes, scale, *ticks),
        (SqlType::DateTime2(scale), Value::Int(ticks)) => {
            put_time(&mut bytes, scale, ticks.rem_euclid(TICKS_A_DAY));
            put_days(&mut bytes, ticks.div_euclid(TICKS_A_DAY));
        }
        (SqlType::DateTimeOffset(scale), Value::Offset { utc_ticks, minutes }) => {
            put_time(&mut bytes, scale, utc_ticks.rem_euclid(TICKS_A_DAY));
            put_days(&mut bytes, utc_ticks.div_euclid(TICKS_A_DAY));
            bytes.extend(minutes.to_le_bytes());
        }
        (SqlType::DateTime, Value::Int(units)) => {
            bytes.extend((units.div_euclid(DATETIME_UNITS_A_DAY) as i32).to_le_bytes());
            bytes.extend((units.rem_euclid(DATETIME_UNITS_A_DAY) as u32).to_le_bytes());
        }
        (SqlType::SmallDateTime, Value::Int(minutes)) => {
            bytes.extend((minutes.div_euclid(MINUTES_A_DAY) as u16).to_le_bytes());
            bytes.extend((minutes.rem_euclid(MINUTES_A_DAY) as u16).to_le_bytes());
        }
        (SqlType::UniqueIdentifier, Value::Guid(v)) => bytes.extend(v.to_bytes_le()),
        _ => return None,
    }
    Some(bytes)
}

/// Three bytes.
fn put_days(into: &mut Vec<u8>, days: i64) {
    let [a, b, c, ..] = days.to_le_bytes();
    into.extend([a, b, c]);
}

/// A time of day in units of its scale, in as many bytes as that needs.
fn put_time(into: &mut Vec<u8>, scale: u8, ticks: i64) {
    let units = ticks / 10_i64.pow(u32::from(7_u8.saturating_sub(scale)));
    let bytes = units.to_le_bytes();
    into.extend(bytes.iter().take(time_bytes(scale)));
}

fn time_bytes(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

/// Length, base type with its properties, value ([MS-TDS] 2.2.5.5.4).
fn encode_variant(into: &mut Vec<u8>, value: &Value) {
    let held = match value {
        Value::Variant(held) => bytes_of_held(held.0, &held.1),
        _ => None,
    };
    match held {
        None => into.extend(0_u32.to_le_bytes()),
        Some(bytes) => {
            into.extend((bytes.len() as u32).to_le_bytes());
            into.extend(bytes);
        }
    }
}

fn bytes_of_held(ty: SqlType, value: &Value) -> Option<Vec<u8>> {
    // A variant holds no `max` type; what is longer is cut.
    let ty = match ty {
        SqlType::VarChar(Length::Max) => SqlType::VarChar(Length::Limited(8000)),
        SqlType::NVarChar(Length::Max) | SqlType::Xml => SqlType::NVarChar(Length::Limited(4000)),
        SqlType::VarBinary(Length::Max) => SqlType::VarBinary(Length::Limited(8000)),
        ty => ty,
    };
    let mut value = bytes_of(ty, value)?;
    value.truncate(VARIANT_BYTES);
    let mut bytes = Vec::with_capacity(value.len() + 9);
    let text = |bytes: &mut Vec<u8>, code: u8, length: u16| {
        bytes.extend([code, 7]);
        bytes.extend(COLLATION);
        bytes.extend(length.to_le_bytes());
    };
    match ty {
        SqlType::Bit => bytes.extend([code::BIT, 0]),
        SqlType::TinyInt => bytes.extend([code::INT1, 0]),
        SqlType::SmallInt => bytes.extend([code::INT2, 0]),
        SqlType::Int => bytes.extend([code::INT4, 0]),
        SqlType::BigInt => bytes.extend([code::INT8, 0]),
        SqlType::Numeric { precision, scale } => {
            bytes.extend([code::NUMERIC_N, 2, precision, scale]);
        }
        SqlType::Money => bytes.extend([code::MONEY, 0]),
        SqlType::SmallMoney => bytes.extend([code::MONEY4, 0]),
        SqlType::Real => bytes.extend([code::FLOAT4, 0]),
        SqlType::Float => bytes.extend([code::FLOAT8, 0]),
        SqlType::Char(n) => text(&mut bytes, code::CHAR, type_info::limited(n)),
        SqlType::NChar(n) => text(&mut bytes, code::NCHAR, type_info::unicode(n)),
        SqlType::VarChar(Length::Limited(n)) => {
            text(&mut bytes, code::VARCHAR, type_info::limited(n));
        }
        SqlType::NVarChar(Length::Limited(n)) => {
            text(&mut bytes, code::NVARCHAR, type_info::unicode(n));
        }
        SqlType::Binary(n) | SqlType::VarBinary(Length::Limited(n)) => {
            let code = if matches!(ty, SqlType::Binary(_)) {
                code::BINARY
            } else {
                code::VARBINARY
            };
            bytes.extend([code, 2]);
            bytes.extend(type_info::limited(n).to_le_bytes());
        }
        SqlType::Date => bytes.extend([code::DATE, 0]),
        SqlType::Time(scale) => bytes.extend([code::TIME, 1, scale]),
        SqlType::DateTime2(scale) => bytes.extend([code::DATETIME2, 1, scale]),
        SqlType::DateTimeOffset(scale) => bytes.extend([code::DATETIMEOFFSET, 1, scale]),
        SqlType::DateTime => bytes.extend([code::DATETIME, 0]),
        SqlType::SmallDateTime => bytes.extend([code::DATETIME4, 0]),
        SqlType::UniqueIdentifier => bytes.extend([code::GUID, 0]),
        SqlType::VarChar(Length::Max)
        | SqlType::NVarChar(Length::Max)
        | SqlType::VarBinary(Length::Max)
        | SqlType::Xml
        | SqlType::SqlVariant => return None,
    }
    bytes.extend(value);
    Some(bytes)
}

/// Reads the value of a parameter.
pub fn decode(fields: &mut Fields<'_>, info: TypeInfo) -> Result<Value, WireError> {
    let bytes = match info.form {
        Form::Nothing => None,
        Form::Fixed(n_bytes) => Some(fields.take(n_bytes)?),
        Form::ByteLength => match fields.byte()? {
            0 => None,
            n_bytes => Some(fields.take(usize::from(n_bytes))?),
        },
        Form::OldByteLength => match fields.byte()? {
            0xff => None,
            n_bytes => Some(fields.take(usize::from(n_bytes))?),
        },
        Form::UshortLength => match fields.ushort()? {
            0xffff => None,
            n_bytes => Some(fields.take(usize::from(n_bytes))?),
        },
        Form::LongLength => match fields.ulong()? {
            u32::MAX => None,
            n_bytes => Some(fields.take(n_bytes as usize)?),
        },
        Form::Chunks => {
            return match take_chunks(fields)? {
                None => Ok(Value::Null),
                Some(bytes) => value_of(info.ty, &bytes),
            };
        }
        Form::Variant => {
            return match fields.ulong()? {
                0 => Ok(Value::Null),
                n_bytes => decode_variant(fields.take(n_bytes as usize)?),
            };
        }
    };
    bytes.map_or(Ok(Value::Null), |bytes| value_of(info.ty, bytes))
}

fn take_chunks(fields: &mut Fields<'_>) -> Result<Option<Vec<u8>>, WireError> {
    let total = match fields.ulonglong()? {
        CHUNKS_NULL => return Ok(None),
        CHUNKS_UNKNOWN => None,
        total => Some(total),
    };
    let mut bytes = Vec::new();
    loop {
        match fields.ulong()? as usize {
            0 => break,
            n_bytes if bytes.len() + n_bytes > MAX_VALUE_BYTES => {
                return Err(WireError::Invalid("length of a value"));
            }
            n_bytes => bytes.extend_from_slice(fields.take(n_bytes)?),
        }
    }
    match total {
        Some(total) if total != bytes.len() as u64 => {
            Err(WireError::Invalid("length of a value in chunks"))
        }
        _ => Ok(Some(bytes)),
    }
}

/// The value whose bytes, without length, are these.
fn value_of(ty: SqlType, bytes: &[u8]) -> Result<Value, WireError> {
    let mut fields = Fields::new(bytes);
    let value = match ty {
        SqlType::Bit => Value::Int(i64::from(fields.byte()? != 0)),
        SqlType::TinyInt => Value::Int(i64::from(fields.byte()?)),
        SqlType::SmallInt => Value::Int(i64::from(i16::from_le_bytes(fields.array()?))),
        SqlType::Int => Value::Int(i64::from(i32::from_le_bytes(fields.array()?))),
        SqlType::BigInt => Value::Int(i64::from_le_bytes(fields.array()?)),
        SqlType::Numeric { .. } => {
            let positive = fields.byte()? != 0;
            let digits = fields.take(bytes.len() - 1)?;
            let mut magnitude = [0; 16];
            magnitude
                .get_mut(..digits.len())
                .ok_or(WireError::Invalid("numeric length"))?
                .copy_from_slice(digits);
            let magnitude = i128::try_from(u128::from_le_bytes(magnitude))
                .map_err(|_too_large| WireError::Invalid("numeric value"))?;
            Value::Decimal(if positive { magnitude } else { -magnitude })
        }
        SqlType::Money => {
            let high = i128::from(i32::from_le_bytes(fields.array()?));
            let low = i128::from(fields.ulong()?);
            Value::Decimal((high << 32) + low)
        }
        SqlType::SmallMoney => Value::Decimal(i128::from(i32::from_le_bytes(fields.array()?))),
        SqlType::Real => Value::Float(f64::from(f32::from_le_bytes(fields.array()?))),
        SqlType::Float => Value::Float(f64::from_le_bytes(fields.array()?)),
        SqlType::Char(_) | SqlType::VarChar(_) => {
            return Ok(Value::Text(codepage::decode(bytes)));
        }
        SqlType::NChar(_) | SqlType::NVarChar(_) => return unicode_text(bytes),
        SqlType::Xml => {
            // A byte order mark is no part of the document.
            return unicode_text(bytes.strip_prefix(&[0xff, 0xfe]).unwrap_or(bytes));
        }
        SqlType::Binary(_) | SqlType::VarBinary(_) => return Ok(Value::Bytes(bytes.to_vec())),
        SqlType::Date => Value::Int(take_days(&mut fields)?),
        SqlType::Time(scale) => Value::Int(take_time(&mut fields, scale)?),
        SqlType::DateTime2(scale) => {
            let time = take_time(&mut fields, scale)?;
            Value::Int(take_days(&mut fields)? * TICKS_A_DAY + time)
        }
        SqlType::DateTimeOffset(scale) => {
            let time = take_time(&mut fields, scale)?;
            let days = take_days(&mut fields)?;
            let minutes = i16::from_le_bytes(fields.array()?);
            if minutes.abs() > 14 * 60 {
                return Err(WireError::Invalid("time zone"));
            }
            Value::Offset {
                utc_ticks: days * TICKS_A_DAY + time,
                minutes,
            }
        }
        SqlType::DateTime => {
            let days = i64::from(i32::from_le_bytes(fields.array()?));
            let units = i64::from(fields.ulong()?);
            if !(-53_690..=2_958_463).contains(&days) || units >= DATETIME_UNITS_A_DAY {
                return Err(WireError::Invalid("datetime"));
            }
            Value::Int(days * DATETIME_UNITS_A_DAY + units)
        }
        SqlType::SmallDateTime => {
            let (days, minutes) = (i64::from(fields.ushort()?), i64::from(fields.ushort()?));
            if minutes >= MINUTES_A_DAY {
                return Err(WireError::Invalid("smalldatetime"));
            }
            Value::Int(days * MINUTES_A_DAY + minutes)
        }
        SqlType::UniqueIdentifier => Value::Guid(uuid::Uuid::from_bytes_le(fields.array()?)),
        SqlType::SqlVariant => return Err(WireError::Invalid("variant in a variant")),
    };
    if fields.is_empty() {
        Ok(value)
    } else {
        Err(WireError::Invalid("length of a value"))
    }
}

fn unicode_text(bytes: &[u8]) -> Result<Value, WireError> {
    if bytes.len().is_multiple_of(2) {
        Ok(Value::Text(utf16_text(bytes)))
    } else {
        Err(WireError::Invalid("length of a Unicode text"))
    }
}

fn take_days(fields: &mut Fields<'_>) -> Result<i64, WireError> {
    const DAYS_TO_9999: i64 = 3_652_058;
    let [a, b, c] = fields.array()?;
    let days = i64::from(u32::from_le_bytes([a, b, c, 0]));
    if days > DAYS_TO_9999 {
        return Err(WireError::Invalid("date"));
    }
    Ok(days)
}

fn take_time(fields: &mut Fields<'_>, scale: u8) -> Result<i64, WireError> {
    let mut units = [0; 8];
    let bytes = fields.take(time_bytes(scale))?;
    for (to, from) in units.iter_mut().zip(bytes) {
        *to = *from;
    }
    let ticks = i64::from_le_bytes(units) * 10_i64.pow(u32::from(7_u8.saturating_sub(scale)));
    if ticks >= TICKS_A_DAY {
        return Err(WireError::Invalid("time"));
    }
    Ok(ticks)
}

fn decode_variant(bytes: &[u8]) -> Result<Value, WireError> {
    let mut fields = Fields::new(bytes);
    let base = fields.byte()?;
    let n_properties = usize::from(fields.byte()?);
    let mut properties = Fields::new(fields.take(n_properties)?);
    let text_length = |properties: &mut Fields<'_>| {
        properties.array::<5>()?;
        properties.ushort()
    };
    let ty = match base {
        code::BIT => SqlType::Bit,
        code::INT1 => SqlType::TinyInt,
        code::INT2 => SqlType::SmallInt,
        code::INT4 => SqlType::Int,
        code::INT8 => SqlType::BigInt,
        code::FLOAT4 => SqlType::Real,
        code::FLOAT8 => SqlType::Float,
        code::MONEY => SqlType::Money,
        code::MONEY4 => SqlType::SmallMoney,
        code::DATETIME => SqlType::DateTime,
        code::DATETIME4 => SqlType::SmallDateTime,
        code::GUID => SqlType::UniqueIdentifier,
        code::DATE => SqlType::Date,
        code::TIME => SqlType::Time(type_info::scale(&mut properties)?),
        code::DATETIME2 => SqlType::DateTime2(type_info::scale(&mut properties)?),
        code::DATETIMEOFFSET => SqlType::DateTimeOffset(type_info::scale(&mut properties)?),
        code::NUMERIC_N | code::DECIMAL_N => {
            let (precision, scale) = (properties.byte()?, properties.byte()?);
            if !(1..=38).contains(&precision) || scale > precision {
                return Err(WireError::Invalid("precision"));
            }
            SqlType::Numeric { precision, scale }
        }
        code::CHAR => SqlType::Char(text_length(&mut properties)?),
        code::VARCHAR => SqlType::VarChar(Length::Limited(text_length(&mut properties)?)),
        code::NCHAR => SqlType::NChar(text_length(&mut properties)? / 2),
        code::NVARCHAR => SqlType::NVarChar(Length::Limited(text_length(&mut properties)? / 2)),
        code::BINARY => SqlType::Binary(properties.ushort()?),
        code::VARBINARY => SqlType::VarBinary(Length::Limited(properties.ushort()?)),
        _ => return Err(WireError::Invalid("type in a variant")),
    };
    let value = value_of(ty, fields.rest())?;
    Ok(Value::Variant(Box::new((ty, value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes a value and reads it back as a parameter of the same type.
    #[track_caller]
    fn check(ty: SqlType, value: Value) {
        let mut bytes = Vec::new();
        type_info::encode(&mut bytes, ty);
        encode(&mut bytes, ty, &value);
        encode(&mut bytes, ty, &Value::Null);
        let mut fields = Fields::new(&bytes);
        let info = type_info::decode(&mut fields).expect("our own type");
        assert_eq!(decode(&mut fields, info), Ok(value));
        assert_eq!(decode(&mut fields, info), Ok(Value::Null));
        assert!(fields.is_empty(), "{ty:?} is read to its end");
    }

    #[test]
    fn numbers_come_back() {
        check(SqlType::Bit, Value::Int(1));
        check(SqlType::TinyInt, Value::Int(255));
        check(SqlType::SmallInt, Value::Int(-32_768));
        check(SqlType::Int, Value::Int(i64::from(i32::MIN)));
        check(SqlType::BigInt, Value::Int(i64::MAX));
        check(SqlType::Real, Value::Float(0.5));
        check(SqlType::Float, Value::Float(-1e300));
        check(SqlType::Money, Value::Decimal(-922_337_203_685_477));
        check(SqlType::Money, Value::Decimal(10_000_000_000));
        check(SqlType::SmallMoney, Value::Decimal(-2_147_483_648));
        for (precision, value) in [
            (9, -999_999_999),
            (19, 9_999_999_999_999_999_999),
            (25, 1_234_567_890_123_456_789_012_345),
            (38, -(10_i128.pow(38) - 1)),
        ] {
            let ty = SqlType::Numeric {
                precision,
                scale: 0,
            };
            check(ty, Value::Decimal(value));
        }
    }

    #[test]
    fn texts_and_bytes_come_back() {
        let text = Value::Text("Größe 数据 😀".to_owned());
        check(SqlType::NVarChar(Length::Limited(50)), text.clone());
        check(SqlType::NVarChar(Length::Max), text.clone());
        check(
            SqlType::NVarChar(Length::Max),
            Value::Text("ж".repeat(9_000)),
        );
        check(SqlType::NVarChar(Length::Max), Value::Text(String::new()));
        check(SqlType::Xml, text);
        check(SqlType::VarChar(Length::Max), Value::Text("€uro".into()));
        check(
            SqlType::VarChar(Length::Limited(9)),
            Value::Text("é".into()),
        );
        check(SqlType::Char(3), Value::Text("a  ".into()));
        check(SqlType::NChar(3), Value::Text("ж  ".into()));
        check(SqlType::Binary(3), Value::Bytes(vec![0, 255, 16]));
        check(
            SqlType::VarBinary(Length::Limited(16)),
            Value::Bytes(vec![]),
        );
        check(
            SqlType::VarBinary(Length::Max),
            Value::Bytes(vec![7; 9_000]),
        );
    }

    #[test]
    fn moments_come_back() {
        check(SqlType::Date, Value::Int(739_617));
        check(SqlType::Time(0), Value::Int(863_990_000_000));
        check(SqlType::Time(7), Value::Int(TICKS_A_DAY - 1));
        check(SqlType::DateTime2(3), Value::Int(639_029_919_456_780_000));
        check(SqlType::DateTime2(7), Value::Int(639_029_919_456_789_012));
        check(
            SqlType::DateTimeOffset(7),
            Value::Offset {
                utc_ticks: 639_029_919_456_789_012,
                minutes: -330,
            },
        );
        check(
            SqlType::DateTime,
            Value::Int(-53_690 * DATETIME_UNITS_A_DAY),
        );
        check(
            SqlType::DateTime,
            Value::Int(46_022 * DATETIME_UNITS_A_DAY + 5),
        );
        check(SqlType::SmallDateTime, Value::Int(65_535 * 1_440 + 1_439));
        check(
            SqlType::UniqueIdentifier,
            Value::Guid(uuid::Uuid::from_u128(0x6F96_19FF_8B86_D011)),
        );
    }

    #[test]
    fn a_variant_keeps_its_type() {
        for (ty, value) in [
            (SqlType::Int, Value::Int(7)),
            (
                SqlType::NVarChar(Length::Limited(128)),
                Value::Text("16.0.4175.1".into()),
            ),
            (
                SqlType::Numeric {
                    precision: 10,
                    scale: 2,
                },
                Value::Decimal(-1_050),
            ),
            (SqlType::DateTime2(3), Value::Int(639_029_919_456_780_000)),
            (
                SqlType::VarBinary(Length::Limited(4)),
                Value::Bytes(vec![1]),
            ),
        ] {
            check(SqlType::SqlVariant, Value::Variant(Box::new((ty, value))));
        }
    }

    #[test]
    fn bytes_worked_out_by_hand() {
        // 2026-01-02T03:04:05.997: day 46 022 is 0xB3C6, unit 3 313 799 is 0x329087.
        let units = 46_022 * DATETIME_UNITS_A_DAY + (3 * 3_600 + 4 * 60 + 5) * 300 + 299;
        let mut bytes = Vec::new();
        encode(&mut bytes, SqlType::DateTime, &Value::Int(units));
        assert_eq!(bytes, [8, 0xc6, 0xb3, 0, 0, 0x87, 0x90, 0x32, 0]);
        let mut bytes = Vec::new();
        encode(&mut bytes, SqlType::Money, &Value::Decimal(1));
        assert_eq!(bytes, [8, 0, 0, 0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn lengths_that_lie_are_errors() {
        let info = TypeInfo {
            ty: SqlType::NVarChar(Length::Max),
            form: Form::Chunks,
        };
        let mut bytes = 4_u64.to_le_bytes().to_vec();
        bytes.extend([2, 0, 0, 0, b'a', 0, 0, 0, 0, 0]);
        assert!(decode(&mut Fields::new(&bytes), info).is_err());
        let info = TypeInfo {
            ty: SqlType::Int,
            form: Form::ByteLength,
        };
        assert!(decode(&mut Fields::new(&[3, 1, 2, 3]), info).is_err());
        assert!(decode(&mut Fields::new(&[5, 1, 2, 3, 4, 5]), info).is_err());
    }
}
