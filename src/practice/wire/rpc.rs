//! Procedure calls ([MS-TDS] 2.2.6.6): by name or number, with typed parameters.

use super::{WireError, bytes::Fields, cell, request, type_info};
use crate::practice::value::{SqlType, Value};

/// One call; a message may hold several.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// As the client wrote it, or the name of the procedure that its number stands for.
    pub procedure: String,
    /// In the order in which they were sent.
    pub parameters: Vec<Argument>,
}

/// A parameter of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// With `@`; empty when it goes by place.
    pub name: String,
    /// As the client declared it.
    pub ty: SqlType,
    /// `NULL` too where the default was asked for.
    pub value: Value,
    /// Its value is to be sent back.
    pub output: bool,
}

const OUTPUT: u8 = 0x01;
const ENCRYPTED: u8 = 0x08;
/// Another call follows; the second one means that it is not to run when this one fails.
const SEPARATORS: [u8; 3] = [0x80, 0xff, 0xfe];
/// More parameters than the real server takes.
const MAX_PARAMETERS: usize = 2_100;

/// Reads all calls of a message.
pub fn decode(payload: &[u8]) -> Result<Vec<Call>, WireError> {
    let mut fields = Fields::new(payload);
    request::skip_headers(&mut fields)?;
    let mut calls = Vec::new();
    loop {
        calls.push(decode_call(&mut fields)?);
        match fields.peek() {
            None => return Ok(calls),
            Some(_separator) => fields.byte()?,
        };
        if fields.is_empty() {
            return Ok(calls);
        }
    }
}

fn decode_call(fields: &mut Fields<'_>) -> Result<Call, WireError> {
    let procedure = match fields.ushort()? {
        0xffff => procedure_name(fields.ushort()?)?.to_owned(),
        n_chars => fields.utf16(usize::from(n_chars))?,
    };
    let _options = fields.ushort()?;
    let mut parameters = Vec::new();
    while fields.peek().is_some_and(|b| !SEPARATORS.contains(&b)) {
        if parameters.len() == MAX_PARAMETERS {
            return Err(WireError::Invalid("number of parameters"));
        }
        parameters.push(decode_argument(fields)?);
    }
    Ok(Call {
        procedure,
        parameters,
    })
}

fn decode_argument(fields: &mut Fields<'_>) -> Result<Argument, WireError> {
    let name = fields.b_varchar()?;
    let status = fields.byte()?;
    if status & ENCRYPTED != 0 {
        return Err(WireError::Unsupported("an encrypted parameter"));
    }
    let info = type_info::decode(fields)?;
    let value = cell::decode(fields, info)?;
    Ok(Argument {
        name,
        ty: info.ty,
        value,
        output: status & OUTPUT != 0,
    })
}

/// `ProcID`.
fn procedure_name(number: u16) -> Result<&'static str, WireError> {
    Ok(match number {
        1 => "sp_cursor",
        2 => "sp_cursoropen",
        3 => "sp_cursorprepare",
        4 => "sp_cursorexecute",
        5 => "sp_cursorprepexec",
        6 => "sp_cursorunprepare",
        7 => "sp_cursorfetch",
        8 => "sp_cursoroption",
        9 => "sp_cursorclose",
        10 => "sp_executesql",
        11 => "sp_prepare",
        12 => "sp_execute",
        13 => "sp_prepexec",
        14 => "sp_prepexecrpc",
        15 => "sp_unprepare",
        _ => return Err(WireError::Invalid("procedure number")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::value::Length;

    fn text(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// `sp_executesql N'SELECT @p', N'@p int', @p = 41 OUTPUT`, as drivers send it.
    fn message() -> Vec<u8> {
        let mut bytes = request::tests::headers();
        bytes.extend([0xff, 0xff, 10, 0, 0, 0]);
        for value in ["SELECT @p", "@p int"] {
            bytes.extend([0, 0]);
            let ty = SqlType::NVarChar(Length::Limited(4000));
            type_info::encode(&mut bytes, ty);
            cell::encode(&mut bytes, ty, &Value::Text(value.to_owned()));
        }
        bytes.push(2);
        bytes.extend(text("@p"));
        bytes.push(OUTPUT);
        bytes.extend([0x26, 4, 4, 41, 0, 0, 0]);
        bytes
    }

    #[test]
    fn a_call_by_number_with_typed_parameters() {
        let calls = decode(&message()).expect("a whole call");
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].procedure, "sp_executesql");
        let parameters = &calls[0].parameters;
        assert_eq!(parameters[0].value, Value::Text("SELECT @p".to_owned()));
        assert_eq!(
            parameters[2],
            Argument {
                name: "@p".to_owned(),
                ty: SqlType::Int,
                value: Value::Int(41),
                output: true,
            }
        );
    }

    #[test]
    fn two_calls_in_a_message() {
        let mut bytes = request::tests::headers();
        bytes.extend([4, 0]);
        bytes.extend(text("sp_a"));
        bytes.extend([0, 0]);
        bytes.push(0xff);
        bytes.extend([0xff, 0xff, 15, 0, 0, 0, 0, 0, 0x38, 1, 0, 0, 0]);
        let calls = decode(&bytes).expect("two calls");
        assert_eq!(calls[0].procedure, "sp_a");
        assert_eq!(calls[1].procedure, "sp_unprepare");
        assert_eq!(calls[1].parameters[0].value, Value::Int(1));
    }

    #[test]
    fn a_cut_call_is_an_error_or_a_shorter_call_but_never_a_panic() {
        let whole = message();
        for length in 0..whole.len() {
            if let Ok(calls) = decode(&whole[..length]) {
                assert!(calls[0].parameters.len() < 3, "{length} bytes");
            }
        }
    }
}
