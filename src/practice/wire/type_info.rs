//! `TYPE_INFO` ([MS-TDS] 2.2.5.6), both ways.

use super::{WireError, bytes::Fields, codepage::COLLATION};
use crate::practice::value::{Length, SqlType};

/// Type bytes ([MS-TDS] 2.2.5.4).
pub(super) mod code {
    pub const NULL: u8 = 0x1f;
    pub const IMAGE: u8 = 0x22;
    pub const TEXT: u8 = 0x23;
    pub const GUID: u8 = 0x24;
    pub const VARBINARY_SHORT: u8 = 0x25;
    pub const INT_N: u8 = 0x26;
    pub const VARCHAR_SHORT: u8 = 0x27;
    pub const DATE: u8 = 0x28;
    pub const TIME: u8 = 0x29;
    pub const DATETIME2: u8 = 0x2a;
    pub const DATETIMEOFFSET: u8 = 0x2b;
    pub const BINARY_SHORT: u8 = 0x2d;
    pub const CHAR_SHORT: u8 = 0x2f;
    pub const INT1: u8 = 0x30;
    pub const BIT: u8 = 0x32;
    pub const INT2: u8 = 0x34;
    pub const DECIMAL_SHORT: u8 = 0x37;
    pub const INT4: u8 = 0x38;
    pub const DATETIME4: u8 = 0x3a;
    pub const FLOAT4: u8 = 0x3b;
    pub const MONEY: u8 = 0x3c;
    pub const DATETIME: u8 = 0x3d;
    pub const FLOAT8: u8 = 0x3e;
    pub const NUMERIC_SHORT: u8 = 0x3f;
    pub const VARIANT: u8 = 0x62;
    pub const NTEXT: u8 = 0x63;
    pub const BIT_N: u8 = 0x68;
    pub const DECIMAL_N: u8 = 0x6a;
    pub const NUMERIC_N: u8 = 0x6c;
    pub const FLOAT_N: u8 = 0x6d;
    pub const MONEY_N: u8 = 0x6e;
    pub const DATETIME_N: u8 = 0x6f;
    pub const MONEY4: u8 = 0x7a;
    pub const INT8: u8 = 0x7f;
    pub const VARBINARY: u8 = 0xa5;
    pub const VARCHAR: u8 = 0xa7;
    pub const BINARY: u8 = 0xad;
    pub const CHAR: u8 = 0xaf;
    pub const NVARCHAR: u8 = 0xe7;
    pub const NCHAR: u8 = 0xef;
    pub const UDT: u8 = 0xf0;
    pub const XML: u8 = 0xf1;
    pub const TABLE: u8 = 0xf3;
}

/// The declared length that stands for `max`.
const MAX: u16 = 0xffff;
/// The longest `char`, `varchar` and binary, and twice the longest `nvarchar`.
const LIMIT_BYTES: u16 = 8000;
/// What the real server declares for `sql_variant`.
const VARIANT_BYTES: u32 = 8009;

/// How the values of a type are delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Always so many bytes; never `NULL`.
    Fixed(usize),
    /// A byte with the length; 0 is `NULL`.
    ByteLength,
    /// The same for the short texts of old, where 0 is an empty text and 255 is `NULL`.
    OldByteLength,
    /// Two bytes with the length; 0xFFFF is `NULL`.
    UshortLength,
    /// Partially length-prefixed: chunks.
    Chunks,
    /// Four bytes with the length; 0xFFFFFFFF is `NULL`.
    LongLength,
    /// Four bytes with the length of type and value; 0 is `NULL`.
    Variant,
    /// No bytes at all; always `NULL`.
    Nothing,
}

/// A type as a client declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeInfo {
    /// The T-SQL type.
    pub ty: SqlType,
    /// How its values stand on the wire.
    pub form: Form,
}

/// Bytes of a `numeric` value without its length byte.
pub(super) fn numeric_bytes(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

/// Appends the type of a column or an output parameter; always in the form that allows `NULL`.
pub fn encode(into: &mut Vec<u8>, ty: SqlType) {
    let ushort_text = |into: &mut Vec<u8>, code: u8, bytes: u16| {
        into.push(code);
        into.extend(bytes.to_le_bytes());
        into.extend(COLLATION);
    };
    match ty {
        SqlType::Bit => into.extend([code::BIT_N, 1]),
        SqlType::TinyInt => into.extend([code::INT_N, 1]),
        SqlType::SmallInt => into.extend([code::INT_N, 2]),
        SqlType::Int => into.extend([code::INT_N, 4]),
        SqlType::BigInt => into.extend([code::INT_N, 8]),
        SqlType::Numeric { precision, scale } => {
            into.extend([code::NUMERIC_N, numeric_bytes(precision), precision, scale]);
        }
        SqlType::Money => into.extend([code::MONEY_N, 8]),
        SqlType::SmallMoney => into.extend([code::MONEY_N, 4]),
        SqlType::Real => into.extend([code::FLOAT_N, 4]),
        SqlType::Float => into.extend([code::FLOAT_N, 8]),
        SqlType::Char(length) => ushort_text(into, code::CHAR, limited(length)),
        SqlType::NChar(length) => ushort_text(into, code::NCHAR, unicode(length)),
        SqlType::VarChar(length) => ushort_text(into, code::VARCHAR, declared(length, limited)),
        SqlType::NVarChar(length) => ushort_text(into, code::NVARCHAR, declared(length, unicode)),
        SqlType::Binary(length) => {
            into.push(code::BINARY);
            into.extend(limited(length).to_le_bytes());
        }
        SqlType::VarBinary(length) => {
            into.push(code::VARBINARY);
            into.extend(declared(length, limited).to_le_bytes());
        }
        SqlType::Date => into.push(code::DATE),
        SqlType::Time(scale) => into.extend([code::TIME, scale]),
        SqlType::DateTime2(scale) => into.extend([code::DATETIME2, scale]),
        SqlType::DateTimeOffset(scale) => into.extend([code::DATETIMEOFFSET, scale]),
        SqlType::DateTime => into.extend([code::DATETIME_N, 8]),
        SqlType::SmallDateTime => into.extend([code::DATETIME_N, 4]),
        SqlType::UniqueIdentifier => into.extend([code::GUID, 16]),
        SqlType::SqlVariant => {
            into.push(code::VARIANT);
            into.extend(VARIANT_BYTES.to_le_bytes());
        }
        // Without a schema.
        SqlType::Xml => into.extend([code::XML, 0]),
    }
}

fn declared(length: Length, bytes: fn(u16) -> u16) -> u16 {
    match length {
        Length::Limited(n) => bytes(n),
        Length::Max => MAX,
    }
}

/// Declared bytes of a text of one byte a character; 0 would be no type.
pub(super) fn limited(length: u16) -> u16 {
    length.clamp(1, LIMIT_BYTES)
}

/// Declared bytes of a text of two bytes a character.
pub(super) fn unicode(length: u16) -> u16 {
    length.clamp(1, LIMIT_BYTES / 2) * 2
}

/// Reads the type of a parameter.
pub fn decode(fields: &mut Fields<'_>) -> Result<TypeInfo, WireError> {
    let fixed = |ty, bytes| TypeInfo {
        ty,
        form: Form::Fixed(bytes),
    };
    let by_byte = |ty| TypeInfo {
        ty,
        form: Form::ByteLength,
    };
    Ok(match fields.byte()? {
        code::NULL => TypeInfo {
            ty: SqlType::Int,
            form: Form::Nothing,
        },
        code::INT1 => fixed(SqlType::TinyInt, 1),
        code::BIT => fixed(SqlType::Bit, 1),
        code::INT2 => fixed(SqlType::SmallInt, 2),
        code::INT4 => fixed(SqlType::Int, 4),
        code::INT8 => fixed(SqlType::BigInt, 8),
        code::DATETIME4 => fixed(SqlType::SmallDateTime, 4),
        code::DATETIME => fixed(SqlType::DateTime, 8),
        code::FLOAT4 => fixed(SqlType::Real, 4),
        code::FLOAT8 => fixed(SqlType::Float, 8),
        code::MONEY => fixed(SqlType::Money, 8),
        code::MONEY4 => fixed(SqlType::SmallMoney, 4),
        code::BIT_N => {
            fields.byte()?;
            by_byte(SqlType::Bit)
        }
        code::INT_N => by_byte(match fields.byte()? {
            1 => SqlType::TinyInt,
            2 => SqlType::SmallInt,
            4 => SqlType::Int,
            8 => SqlType::BigInt,
            _ => return Err(WireError::Invalid("integer length")),
        }),
        code::FLOAT_N => by_byte(match fields.byte()? {
            4 => SqlType::Real,
            8 => SqlType::Float,
            _ => return Err(WireError::Invalid("float length")),
        }),
        code::MONEY_N => by_byte(match fields.byte()? {
            4 => SqlType::SmallMoney,
            8 => SqlType::Money,
            _ => return Err(WireError::Invalid("money length")),
        }),
        code::DATETIME_N => by_byte(match fields.byte()? {
            4 => SqlType::SmallDateTime,
            8 => SqlType::DateTime,
            _ => return Err(WireError::Invalid("datetime length")),
        }),
        code::GUID => {
            fields.byte()?;
            by_byte(SqlType::UniqueIdentifier)
        }
        code::DECIMAL_N | code::NUMERIC_N | code::DECIMAL_SHORT | code::NUMERIC_SHORT => {
            fields.byte()?;
            let (precision, scale) = (fields.byte()?, fields.byte()?);
            if !(1..=38).contains(&precision) || scale > precision {
                return Err(WireError::Invalid("precision"));
            }
            by_byte(SqlType::Numeric { precision, scale })
        }
        code::DATE => by_byte(SqlType::Date),
        code::TIME => by_byte(SqlType::Time(scale(fields)?)),
        code::DATETIME2 => by_byte(SqlType::DateTime2(scale(fields)?)),
        code::DATETIMEOFFSET => by_byte(SqlType::DateTimeOffset(scale(fields)?)),
        code @ (code::VARCHAR_SHORT | code::CHAR_SHORT) => {
            let length = u16::from(fields.byte()?).max(1);
            fields.array::<5>()?;
            TypeInfo {
                ty: if code == code::CHAR_SHORT {
                    SqlType::Char(length)
                } else {
                    SqlType::VarChar(Length::Limited(length))
                },
                form: Form::OldByteLength,
            }
        }
        code @ (code::VARBINARY_SHORT | code::BINARY_SHORT) => {
            let length = u16::from(fields.byte()?).max(1);
            TypeInfo {
                ty: if code == code::BINARY_SHORT {
                    SqlType::Binary(length)
                } else {
                    SqlType::VarBinary(Length::Limited(length))
                },
                form: Form::OldByteLength,
            }
        }
        code @ (code::VARCHAR | code::CHAR | code::NVARCHAR | code::NCHAR) => {
            let bytes = fields.ushort()?;
            fields.array::<5>()?;
            match code {
                code::CHAR => by_ushort(SqlType::Char(bytes.max(1))),
                code::NCHAR => by_ushort(SqlType::NChar((bytes / 2).max(1))),
                code::VARCHAR => variable(bytes, 1, SqlType::VarChar),
                _ => variable(bytes, 2, SqlType::NVarChar),
            }
        }
        code::BINARY => by_ushort(SqlType::Binary(fields.ushort()?.max(1))),
        code::VARBINARY => variable(fields.ushort()?, 1, SqlType::VarBinary),
        code @ (code::TEXT | code::NTEXT | code::IMAGE) => {
            fields.ulong()?;
            if code != code::IMAGE {
                fields.array::<5>()?;
            }
            TypeInfo {
                ty: match code {
                    code::TEXT => SqlType::VarChar(Length::Max),
                    code::NTEXT => SqlType::NVarChar(Length::Max),
                    _ => SqlType::VarBinary(Length::Max),
                },
                form: Form::LongLength,
            }
        }
        code::XML => {
            if fields.byte()? != 0 {
                return Err(WireError::Unsupported("xml with a schema"));
            }
            TypeInfo {
                ty: SqlType::Xml,
                form: Form::Chunks,
            }
        }
        code::VARIANT => {
            fields.ulong()?;
            TypeInfo {
                ty: SqlType::SqlVariant,
                form: Form::Variant,
            }
        }
        code::UDT => return Err(WireError::Unsupported("a CLR type")),
        code::TABLE => return Err(WireError::Unsupported("a table-valued parameter")),
        _ => return Err(WireError::Invalid("data type")),
    })
}

fn by_ushort(ty: SqlType) -> TypeInfo {
    TypeInfo {
        ty,
        form: Form::UshortLength,
    }
}

fn variable(bytes: u16, unit: u16, of: fn(Length) -> SqlType) -> TypeInfo {
    if bytes == MAX {
        TypeInfo {
            ty: of(Length::Max),
            form: Form::Chunks,
        }
    } else {
        by_ushort(of(Length::Limited((bytes / unit).max(1))))
    }
}

pub(super) fn scale(fields: &mut Fields<'_>) -> Result<u8, WireError> {
    match fields.byte()? {
        scale @ 0..=7 => Ok(scale),
        _ => Err(WireError::Invalid("scale")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_reads_as_the_same_type() {
        let types = [
            SqlType::Bit,
            SqlType::TinyInt,
            SqlType::SmallInt,
            SqlType::Int,
            SqlType::BigInt,
            SqlType::Numeric {
                precision: 25,
                scale: 0,
            },
            SqlType::Money,
            SqlType::SmallMoney,
            SqlType::Real,
            SqlType::Float,
            SqlType::Char(10),
            SqlType::NChar(4000),
            SqlType::VarChar(Length::Limited(8000)),
            SqlType::VarChar(Length::Max),
            SqlType::NVarChar(Length::Limited(128)),
            SqlType::NVarChar(Length::Max),
            SqlType::Binary(8),
            SqlType::VarBinary(Length::Limited(85)),
            SqlType::VarBinary(Length::Max),
            SqlType::Date,
            SqlType::Time(3),
            SqlType::DateTime2(7),
            SqlType::DateTimeOffset(0),
            SqlType::DateTime,
            SqlType::SmallDateTime,
            SqlType::UniqueIdentifier,
            SqlType::SqlVariant,
            SqlType::Xml,
        ];
        for ty in types {
            let mut bytes = Vec::new();
            encode(&mut bytes, ty);
            let mut fields = Fields::new(&bytes);
            assert_eq!(decode(&mut fields).map(|info| info.ty), Ok(ty));
            assert!(fields.is_empty(), "{ty:?} is read to its end");
        }
    }

    #[test]
    fn impossible_types_are_errors() {
        for bytes in [
            &[code::INT_N, 3][..],
            &[code::NUMERIC_N, 17, 39, 0],
            &[code::TIME, 8],
            &[0x99],
            &[],
        ] {
            assert!(decode(&mut Fields::new(bytes)).is_err(), "{bytes:x?}");
        }
    }
}
