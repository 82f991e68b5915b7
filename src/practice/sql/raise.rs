//! RAISERROR and THROW: the message that they make.

use super::convert;
use super::state::State;
use super::statement::RaiseError;
use crate::practice::engine::Engine;
use crate::practice::reply::Message;
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::Expr;

/// The longest text of RAISERROR, in characters.
const MAX_TEXT: usize = 2044;

/// What RAISERROR says; severities up to 10 are information.
pub fn message(
    engine: &mut Engine,
    state: &State,
    statement: &RaiseError,
) -> Result<Message, Message> {
    let (ty, value) = state.evaluate(engine, &statement.message)?;
    let severity = number(engine, state, &statement.severity)?.unwrap_or(0);
    let error_state = number(engine, state, &statement.state)?.unwrap_or(0);
    let mut arguments = Vec::with_capacity(statement.arguments.len());
    for argument in &statement.arguments {
        arguments.push(state.evaluate(engine, argument)?);
    }
    if severity > 18 && !statement.options.iter().any(|o| o == "LOG") {
        return Err(Message::error(
            2754,
            "Error severity levels greater than 18 can only be specified by members of the sysadmin role, using the WITH LOG option.",
        ));
    }
    let error_state = u8::try_from(error_state.clamp(0, 255)).unwrap_or(1);
    let (number, text) = match value {
        Value::Int(number) => {
            return Err(Message::error(
                18054,
                format!(
                    "Error {number}, severity {severity}, state {error_state} was raised, but no message with that error number was found in sys.messages. If error is larger than 50000, make sure the user-defined message is added using sp_addmessage."
                ),
            ));
        }
        value => {
            let text = text_of(ty, value)?;
            (50000, format_message(&text, &arguments)?)
        }
    };
    let class = u8::try_from(severity.clamp(0, 18)).unwrap_or(0);
    let text: String = text.chars().take(MAX_TEXT).collect();
    let message = if class <= 10 {
        // Severity 10 travels as class 0; lower ones as they are.
        Message::info(number, text).with_class(if class == 10 { 0 } else { class })
    } else {
        Message::error(number, text).with_class(class)
    };
    Ok(message.with_state(error_state))
}

/// What THROW says: class 16, number from 50000.
pub fn thrown(
    engine: &mut Engine,
    state: &State,
    parts: &(Expr, Expr, Expr),
) -> Result<Message, Message> {
    let (number_expr, text, error_state) = parts;
    let number = number(engine, state, number_expr)?.unwrap_or(0);
    let Ok(number) = i32::try_from(number) else {
        return Err(invalid_number(number));
    };
    if number < 50000 {
        return Err(invalid_number(i64::from(number)));
    }
    let (ty, value) = state.evaluate(engine, text)?;
    let text = text_of(ty, value)?;
    let error_state = self::number(engine, state, error_state)?.unwrap_or(1);
    Ok(Message::error(number, text)
        .with_state(u8::try_from(error_state.clamp(0, 255)).unwrap_or(1)))
}

fn invalid_number(number: i64) -> Message {
    Message::error(
        35100,
        format!("Error number {number} in the THROW statement is outside the valid range. Specify an error number in the valid range of 50000 to 2147483647."),
    )
    .with_state(10)
}

fn number(engine: &mut Engine, state: &State, expr: &Expr) -> Result<Option<i64>, Message> {
    Ok(match state.evaluate_as(engine, expr, SqlType::BigInt)? {
        Value::Int(n) => Some(n),
        _ => None,
    })
}

fn text_of(ty: SqlType, value: Value) -> Result<String, Message> {
    Ok(
        match convert::convert(value, ty, SqlType::NVarChar(Length::Max), convert::NO_STYLE)? {
            Value::Text(text) => text,
            _ => "(null)".to_owned(),
        },
    )
}

/// `%s`, `%d`, `%x`… with flags, width and precision, as the C library's printf has them.
fn format_message(text: &str, arguments: &[(SqlType, Value)]) -> Result<String, Message> {
    let mut out = String::with_capacity(text.len());
    let mut given = arguments.iter();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            out.push('%');
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = chars.next_if(|c| "-+0# ".contains(*c)) {
            flags.push(flag);
        }
        let size = |given: &mut std::slice::Iter<'_, (SqlType, Value)>,
                    chars: &mut std::iter::Peekable<std::str::Chars<'_>>|
         -> Option<usize> {
            if chars.next_if_eq(&'*').is_some() {
                return match given.next() {
                    Some((_, Value::Int(n))) => usize::try_from(*n).ok(),
                    _ => None,
                };
            }
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.parse().ok()
        };
        let width = size(&mut given, &mut chars).unwrap_or(0).min(MAX_TEXT);
        let precision = if chars.next_if_eq(&'.').is_some() {
            Some(size(&mut given, &mut chars).unwrap_or(0))
        } else {
            None
        };
        while chars.next_if(|c| "hlI".contains(*c)).is_some() {}
        if chars.peek() == Some(&'6') {
            chars.next();
            chars.next_if_eq(&'4');
        }
        let Some(kind) = chars.next() else {
            out.push('%');
            break;
        };
        let body = match (kind, given.next()) {
            (_, None) => "(null)".to_owned(),
            (_, Some((_, Value::Null))) => "(null)".to_owned(),
            ('s', Some((ty, value))) => {
                let text = text_of(*ty, value.clone())?;
                match precision {
                    Some(n) => text.chars().take(n).collect(),
                    None => text,
                }
            }
            ('d' | 'i', Some((_, Value::Int(n)))) => {
                let sign = if flags.contains('+') && *n >= 0 {
                    "+"
                } else {
                    ""
                };
                format!("{sign}{n}")
            }
            ('u', Some((_, Value::Int(n)))) => unsigned(*n).to_string(),
            ('x', Some((_, Value::Int(n)))) => format!("{:x}", unsigned(*n)),
            ('X', Some((_, Value::Int(n)))) => format!("{:X}", unsigned(*n)),
            ('o', Some((_, Value::Int(n)))) => format!("{:o}", unsigned(*n)),
            _ => {
                return Err(Message::error(
                    2786,
                    "The data type of substitution parameter 1 does not match the expected type of the format specification.",
                ));
            }
        };
        let missing = width.saturating_sub(body.chars().count());
        if flags.contains('-') {
            out.push_str(&body);
            out.extend(std::iter::repeat_n(' ', missing));
        } else {
            let fill = if flags.contains('0') && kind != 's' {
                '0'
            } else {
                ' '
            };
            out.extend(std::iter::repeat_n(fill, missing));
            out.push_str(&body);
        }
    }
    Ok(out)
}

fn unsigned(n: i64) -> u64 {
    i32::try_from(n).map_or(n.cast_unsigned(), |n| u64::from(n.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(text: &str, arguments: &[(SqlType, Value)]) -> String {
        format_message(text, arguments).expect("matching types")
    }

    #[test]
    fn printf_as_raiserror_has_it() {
        let int = |n| (SqlType::Int, Value::Int(n));
        let text = |t: &str| (SqlType::NVarChar(Length::Max), Value::Text(t.to_owned()));
        assert_eq!(formatted("%d%% of %s", &[int(7), text("x")]), "7% of x");
        assert_eq!(
            formatted("[%5d|%-5d|%05d]", &[int(1), int(2), int(3)]),
            "[    1|2    |00003]"
        );
        assert_eq!(
            formatted("%.3s|%*s", &[text("abcdef"), int(4), text("z")]),
            "abc|   z"
        );
        assert_eq!(
            formatted("%x %X %o %u", &[int(255), int(-1), int(8), int(-1)]),
            "ff FFFFFFFF 10 4294967295"
        );
        assert_eq!(formatted("%I64d %s", &[int(5)]), "5 (null)");
    }

    #[test]
    fn a_text_for_a_number_is_refused() {
        let text = (SqlType::NVarChar(Length::Max), Value::Text("x".to_owned()));
        assert_eq!(
            format_message("%d", &[text]).map_err(|m| m.number),
            Err(2786)
        );
    }
}
