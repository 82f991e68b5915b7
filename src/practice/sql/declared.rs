//! Types as they are written: `nvarchar(128)`, `decimal(18, 2)`.

use super::types::SYSNAME;
use crate::practice::reply::Message;
use crate::practice::value::{Length, SqlType};
use sqlparser::ast::{BinaryLength, CharacterLength, DataType, ExactNumberInfo, TimezoneInfo};

/// The T-SQL type that a parsed type names; 243 when there is none.
pub fn from_data_type(data_type: &DataType) -> Result<SqlType, Message> {
    let text = |length: &Option<CharacterLength>, default: u16, limit: u64, type_name: &str| {
        match length {
            None => Ok(Length::Limited(default)),
            Some(CharacterLength::Max) => Ok(Length::Max),
            Some(CharacterLength::IntegerLength { length, .. }) => {
                limited(*length, limit, type_name).map(Length::Limited)
            }
        }
    };
    let fixed = |length: &Option<CharacterLength>, limit: u64, type_name: &str| match length {
        None => Ok(1),
        Some(CharacterLength::Max) => Err(bad_size(type_name)),
        Some(CharacterLength::IntegerLength { length, .. }) => limited(*length, limit, type_name),
    };
    Ok(match data_type {
        DataType::Bit(_) | DataType::Bool | DataType::Boolean => SqlType::Bit,
        DataType::TinyInt(_) => SqlType::TinyInt,
        DataType::SmallInt(_) => SqlType::SmallInt,
        DataType::Int(_) | DataType::Integer(_) => SqlType::Int,
        DataType::BigInt(_) => SqlType::BigInt,
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => {
            exact_number(info)?
        }
        DataType::Float(info) => match info {
            ExactNumberInfo::Precision(n) if *n <= 24 => SqlType::Real,
            _ => SqlType::Float,
        },
        DataType::Real => SqlType::Real,
        DataType::Double(_) | DataType::DoublePrecision => SqlType::Float,
        DataType::Char(length) | DataType::Character(length) => {
            SqlType::Char(fixed(length, 8000, "char")?)
        }
        DataType::Varchar(length)
        | DataType::CharVarying(length)
        | DataType::CharacterVarying(length) => SqlType::VarChar(text(length, 1, 8000, "varchar")?),
        DataType::Nvarchar(length) => SqlType::NVarChar(text(length, 1, 4000, "nvarchar")?),
        DataType::Binary(length) => SqlType::Binary(limited(length.unwrap_or(1), 8000, "binary")?),
        DataType::Varbinary(length) => SqlType::VarBinary(match length {
            None => Length::Limited(1),
            Some(BinaryLength::Max) => Length::Max,
            Some(BinaryLength::IntegerLength { length }) => {
                Length::Limited(limited(*length, 8000, "varbinary")?)
            }
        }),
        DataType::Text => SqlType::VarChar(Length::Max),
        DataType::Date => SqlType::Date,
        DataType::Time(scale, TimezoneInfo::None) => SqlType::Time(fraction(*scale)?),
        DataType::Datetime(_) => SqlType::DateTime,
        DataType::Uuid => SqlType::UniqueIdentifier,
        DataType::Custom(object, arguments) => {
            let type_name = object
                .0
                .last()
                .and_then(|part| part.as_ident())
                .map(|ident| ident.value.to_lowercase())
                .unwrap_or_default();
            from_name(&type_name, arguments)?
        }
        _ => {
            return Err(Message::error(
                243,
                format!("Type {data_type} is not a defined system type."),
            ));
        }
    })
}

/// The type of that name, in any case, with the arguments in its parentheses; 243 when there is none.
pub fn from_name(type_name: &str, arguments: &[String]) -> Result<SqlType, Message> {
    let first = arguments.first().map(String::as_str);
    let length = |default: u16, limit: u64| -> Result<Length, Message> {
        match first {
            None => Ok(Length::Limited(default)),
            Some(text) if text.eq_ignore_ascii_case("max") => Ok(Length::Max),
            Some(text) => {
                limited(text.trim().parse().unwrap_or(0), limit, type_name).map(Length::Limited)
            }
        }
    };
    let fixed = |limit: u64| -> Result<u16, Message> {
        first.map_or(Ok(1), |text| {
            limited(text.trim().parse().unwrap_or(0), limit, type_name)
        })
    };
    let scale = || fraction(first.and_then(|t| t.trim().parse().ok()));
    Ok(match type_name.to_lowercase().as_str() {
        "bit" => SqlType::Bit,
        "tinyint" => SqlType::TinyInt,
        "smallint" => SqlType::SmallInt,
        "int" | "integer" => SqlType::Int,
        "bigint" => SqlType::BigInt,
        "numeric" | "decimal" | "dec" => {
            let number = |at: usize| arguments.get(at).and_then(|t| t.trim().parse().ok());
            exact_number(&match (number(0), number(1)) {
                (None, _) => ExactNumberInfo::None,
                (Some(p), None) => ExactNumberInfo::Precision(p),
                (Some(p), Some(s)) => ExactNumberInfo::PrecisionAndScale(p, s as i64),
            })?
        }
        "money" => SqlType::Money,
        "smallmoney" => SqlType::SmallMoney,
        "real" => SqlType::Real,
        "float" => match first.and_then(|t| t.trim().parse::<u8>().ok()) {
            Some(n) if n <= 24 => SqlType::Real,
            _ => SqlType::Float,
        },
        "char" | "character" => SqlType::Char(fixed(8000)?),
        "nchar" => SqlType::NChar(fixed(4000)?),
        "varchar" => SqlType::VarChar(length(1, 8000)?),
        "nvarchar" => SqlType::NVarChar(length(1, 4000)?),
        "sysname" => SYSNAME,
        "text" => SqlType::VarChar(Length::Max),
        "ntext" => SqlType::NVarChar(Length::Max),
        "binary" => SqlType::Binary(fixed(8000)?),
        "varbinary" => SqlType::VarBinary(length(1, 8000)?),
        "image" => SqlType::VarBinary(Length::Max),
        "rowversion" | "timestamp" => SqlType::Binary(8),
        "date" => SqlType::Date,
        "time" => SqlType::Time(scale()?),
        "datetime" => SqlType::DateTime,
        "datetime2" => SqlType::DateTime2(scale()?),
        "datetimeoffset" => SqlType::DateTimeOffset(scale()?),
        "smalldatetime" => SqlType::SmallDateTime,
        "uniqueidentifier" => SqlType::UniqueIdentifier,
        "sql_variant" => SqlType::SqlVariant,
        "xml" => SqlType::Xml,
        _ => {
            return Err(Message::error(
                243,
                format!("Type {type_name} is not a defined system type."),
            ));
        }
    })
}

fn exact_number(info: &ExactNumberInfo) -> Result<SqlType, Message> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => (18, 0),
        ExactNumberInfo::Precision(p) => (*p, 0),
        ExactNumberInfo::PrecisionAndScale(p, s) => (*p, *s),
    };
    if !(1..=38).contains(&precision) || scale < 0 || scale as u64 > precision {
        return Err(Message::error(
            2750,
            format!(
                "Column or parameter #0: Specified column precision {precision} is greater than the maximum precision of 38."
            ),
        ));
    }
    Ok(SqlType::Numeric {
        precision: precision as u8,
        scale: scale as u8,
    })
}

fn fraction(digits: Option<u64>) -> Result<u8, Message> {
    match digits.unwrap_or(7) {
        n @ 0..=7 => Ok(n as u8),
        n => Err(Message::error(
            1002,
            format!("Line 1: Specified scale {n} is invalid."),
        )),
    }
}

fn limited(length: u64, limit: u64, type_name: &str) -> Result<u16, Message> {
    if length == 0 {
        return Err(Message::error(
            1001,
            "Line 1: Length or precision specification 0 is invalid.",
        )
        .with_class(15));
    }
    if length > limit {
        return Err(bad_size_of(length, type_name, limit));
    }
    Ok(length as u16)
}

fn bad_size(type_name: &str) -> Message {
    bad_size_of(65_535, type_name, 8000)
}

fn bad_size_of(length: u64, type_name: &str, limit: u64) -> Message {
    Message::error(
        131,
        format!(
            "The size ({length}) given to the type '{type_name}' exceeds the maximum allowed for any data type ({limit})."
        ),
    )
    .with_class(15)
}
