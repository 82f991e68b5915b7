//! Conversions to texts, bytes and identifiers.

use super::{
    NO_STYLE, calendar, error_converting, moments, not_allowed, numbers, overflow, overflow_between,
};
use crate::practice::reply::Message;
use crate::practice::sql::types::{self, Family, family};
use crate::practice::value::{Length, SqlType, Value};

pub(super) fn to_text(
    value: &Value,
    from: SqlType,
    to: SqlType,
    style: i32,
) -> Result<Value, Message> {
    let mut text = match value {
        Value::Text(text) => return Ok(Value::Text(fit(text.clone(), to))),
        Value::Guid(guid) => guid.hyphenated().to_string().to_uppercase(),
        Value::Bytes(bytes) => {
            let text = match style {
                1 => format!("0x{}", hex(bytes)),
                2 => hex(bytes),
                _ if types::is_unicode(to) => {
                    let units: Vec<u16> = bytes
                        .chunks(2)
                        .map(|pair| {
                            u16::from_le_bytes([
                                pair.first().copied().unwrap_or(0),
                                pair.get(1).copied().unwrap_or(0),
                            ])
                        })
                        .collect();
                    String::from_utf16_lossy(&units)
                }
                _ => bytes.iter().map(|b| char::from(*b)).collect(),
            };
            return Ok(Value::Text(fit(text, to)));
        }
        Value::Int(n) if family(from) == Family::Integer => n.to_string(),
        Value::Decimal(n) => match from {
            SqlType::Numeric { scale, .. } => numbers::write_decimal(*n, scale),
            _ => numbers::write_money(*n, style),
        },
        Value::Float(x) => numbers::write_float(*x, from, style),
        _ => {
            let (ticks, offset) =
                calendar::ticks_of(value, from).ok_or_else(|| not_allowed(from, to))?;
            let style = (style != NO_STYLE).then_some(style);
            let text = moments::write(ticks, offset, from, style).ok_or_else(|| {
                Message::error(
                    281,
                    format!(
                        "{} is not a valid style number when converting from {} to a character string.",
                        style.unwrap_or_default(),
                        types::name(from)
                    ),
                )
            })?;
            return Ok(Value::Text(fit(text, to)));
        }
    };
    // Numbers that do not fit: a star for integers in the old types, an error otherwise.
    if let Length::Limited(limit) = types::text_length(to)
        && text.chars().count() > usize::from(limit)
    {
        if family(from) == Family::Integer && !types::is_unicode(to) {
            text = "*".to_owned();
        } else if family(from) == Family::Guid {
            return Err(Message::error(
                8170,
                "Insufficient result space to convert uniqueidentifier value to char.",
            )
            .with_state(2));
        } else if family(from) == Family::Integer {
            return Err(overflow(to));
        } else {
            return Err(overflow_between(from, to));
        }
    }
    Ok(Value::Text(fit(text, to)))
}

/// Cuts to the type's length and fills the fixed ones with blanks.
fn fit(mut text: String, to: SqlType) -> String {
    let Length::Limited(limit) = types::text_length(to) else {
        return text;
    };
    let limit = usize::from(limit);
    if text.len() > limit
        && let Some((at, _)) = text.char_indices().nth(limit)
    {
        text.truncate(at);
    }
    if matches!(to, SqlType::Char(_) | SqlType::NChar(_)) {
        let missing = limit.saturating_sub(text.chars().count());
        text.extend(std::iter::repeat_n(' ', missing));
    }
    text
}

pub(super) fn to_binary(
    value: Value,
    from: SqlType,
    to: SqlType,
    style: i32,
) -> Result<Value, Message> {
    let (mut bytes, number) = match value {
        Value::Bytes(bytes) => (bytes, false),
        Value::Text(text) => match style {
            1 | 2 => {
                let digits = if style == 1 {
                    text.trim()
                        .strip_prefix("0x")
                        .or_else(|| text.trim().strip_prefix("0X"))
                } else {
                    Some(text.trim())
                };
                (
                    digits
                        .and_then(unhex)
                        .ok_or_else(|| error_converting(from, to))?,
                    false,
                )
            }
            _ if types::is_unicode(from) => (
                text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                false,
            ),
            _ => (
                text.chars()
                    .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
                    .collect(),
                false,
            ),
        },
        Value::Guid(guid) => (guid.to_bytes_le().to_vec(), false),
        Value::Int(n) if family(from) == Family::Integer => {
            let width = types::max_length(from).unsigned_abs() as usize;
            let bytes = n.to_be_bytes();
            (bytes.get(8 - width..).unwrap_or(&bytes).to_vec(), true)
        }
        Value::Int(units) if from == SqlType::DateTime => {
            let days = units.div_euclid(calendar::DATETIME_UNITS_PER_DAY) as i32;
            let rest = units.rem_euclid(calendar::DATETIME_UNITS_PER_DAY) as u32;
            let mut bytes = days.to_be_bytes().to_vec();
            bytes.extend(rest.to_be_bytes());
            (bytes, true)
        }
        Value::Decimal(n) => match from {
            SqlType::Numeric { precision, scale } => {
                let mut bytes = vec![precision, scale, 0, u8::from(n >= 0)];
                let magnitude = n.unsigned_abs().to_le_bytes();
                let width = (types::max_length(from) - 1).unsigned_abs() as usize;
                bytes.extend(magnitude.get(..width).unwrap_or(&magnitude));
                (bytes, false)
            }
            _ => ((n as i64).to_be_bytes().to_vec(), true),
        },
        Value::Float(x) => (x.to_be_bytes().to_vec(), true),
        _ => return Err(not_allowed(from, to)),
    };
    if let Length::Limited(limit) = types::text_length(to) {
        let limit = usize::from(limit);
        if bytes.len() > limit {
            if number {
                // Numbers keep their low end.
                bytes.drain(..bytes.len() - limit);
            } else {
                bytes.truncate(limit);
            }
        }
        if matches!(to, SqlType::Binary(_)) && bytes.len() < limit {
            let missing = limit - bytes.len();
            if number {
                bytes.splice(0..0, std::iter::repeat_n(0, missing));
            } else {
                bytes.resize(limit, 0);
            }
        }
    }
    Ok(Value::Bytes(bytes))
}

pub(super) fn to_guid(value: Value, from: SqlType, to: SqlType) -> Result<Value, Message> {
    match value {
        Value::Guid(_) => Ok(value),
        Value::Text(text) => {
            let trimmed = text.trim();
            let inner = trimmed
                .strip_prefix('{')
                .and_then(|t| t.strip_suffix('}'))
                .unwrap_or(trimmed);
            // What follows the 36th character is ignored.
            let head = inner.get(..36).unwrap_or(inner);
            uuid::Uuid::try_parse(head)
                .ok()
                .filter(|_| head.len() == 36)
                .map(Value::Guid)
                .ok_or_else(|| {
                    Message::error(
                        8169,
                        "Conversion failed when converting from a character string to uniqueidentifier.",
                    )
                    .with_state(2)
                })
        }
        Value::Bytes(mut bytes) => {
            bytes.resize(16, 0);
            uuid::Uuid::from_slice_le(&bytes)
                .map(Value::Guid)
                .map_err(|_length| error_converting(from, to))
        }
        _ => Err(not_allowed(from, to)),
    }
}

/// Bytes as hexadecimal digits, upper case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

/// The bytes of pairs of hexadecimal digits.
pub fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}
