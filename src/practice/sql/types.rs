//! Names, precedence and arithmetic of data types.
//!
//! Precedence: <https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql>;
//! precision and scale of results:
//! <https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql>.

pub use super::declared::{from_data_type, from_name};
use crate::practice::value::{Length, SqlType};

/// `sysname`.
pub const SYSNAME: SqlType = SqlType::NVarChar(Length::Limited(128));

/// `int` as `numeric`.
const INT_AS_NUMERIC: (u8, u8) = (10, 0);

/// What a type is like, for rules that hold for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `bit` and the integers.
    Integer,
    Numeric,
    Money,
    /// `real`, `float`.
    Approximate,
    Text,
    Binary,
    /// `date`, `time` and all with both.
    Moment,
    Guid,
    Variant,
    Xml,
}

/// The family of a type.
pub fn family(ty: SqlType) -> Family {
    match ty {
        SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
            Family::Integer
        }
        SqlType::Numeric { .. } => Family::Numeric,
        SqlType::Money | SqlType::SmallMoney => Family::Money,
        SqlType::Real | SqlType::Float => Family::Approximate,
        SqlType::Char(_) | SqlType::NChar(_) | SqlType::VarChar(_) | SqlType::NVarChar(_) => {
            Family::Text
        }
        SqlType::Binary(_) | SqlType::VarBinary(_) => Family::Binary,
        SqlType::Date
        | SqlType::Time(_)
        | SqlType::DateTime2(_)
        | SqlType::DateTimeOffset(_)
        | SqlType::DateTime
        | SqlType::SmallDateTime => Family::Moment,
        SqlType::UniqueIdentifier => Family::Guid,
        SqlType::SqlVariant => Family::Variant,
        SqlType::Xml => Family::Xml,
    }
}

/// Whether the type is a text.
pub fn is_text(ty: SqlType) -> bool {
    matches!(family(ty), Family::Text | Family::Xml)
}

/// Whether arithmetic works on the type without conversion.
pub fn is_number(ty: SqlType) -> bool {
    matches!(
        family(ty),
        Family::Integer | Family::Numeric | Family::Money | Family::Approximate
    )
}

/// The type's name in messages and in `sys.types`.
pub fn name(ty: SqlType) -> &'static str {
    match ty {
        SqlType::Bit => "bit",
        SqlType::TinyInt => "tinyint",
        SqlType::SmallInt => "smallint",
        SqlType::Int => "int",
        SqlType::BigInt => "bigint",
        SqlType::Numeric { .. } => "numeric",
        SqlType::Money => "money",
        SqlType::SmallMoney => "smallmoney",
        SqlType::Real => "real",
        SqlType::Float => "float",
        SqlType::Char(_) => "char",
        SqlType::NChar(_) => "nchar",
        SqlType::VarChar(_) => "varchar",
        SqlType::NVarChar(_) => "nvarchar",
        SqlType::Binary(_) => "binary",
        SqlType::VarBinary(_) => "varbinary",
        SqlType::Date => "date",
        SqlType::Time(_) => "time",
        SqlType::DateTime2(_) => "datetime2",
        SqlType::DateTimeOffset(_) => "datetimeoffset",
        SqlType::DateTime => "datetime",
        SqlType::SmallDateTime => "smalldatetime",
        SqlType::UniqueIdentifier => "uniqueidentifier",
        SqlType::SqlVariant => "sql_variant",
        SqlType::Xml => "xml",
    }
}

/// `system_type_id` of `sys.types`.
pub fn system_type_id(ty: SqlType) -> u8 {
    match ty {
        SqlType::Bit => 104,
        SqlType::TinyInt => 48,
        SqlType::SmallInt => 52,
        SqlType::Int => 56,
        SqlType::BigInt => 127,
        SqlType::Numeric { .. } => 108,
        SqlType::Money => 60,
        SqlType::SmallMoney => 122,
        SqlType::Real => 59,
        SqlType::Float => 62,
        SqlType::Char(_) => 175,
        SqlType::NChar(_) => 239,
        SqlType::VarChar(_) => 167,
        SqlType::NVarChar(_) => 231,
        SqlType::Binary(_) => 173,
        SqlType::VarBinary(_) => 165,
        SqlType::Date => 40,
        SqlType::Time(_) => 41,
        SqlType::DateTime2(_) => 42,
        SqlType::DateTimeOffset(_) => 43,
        SqlType::DateTime => 61,
        SqlType::SmallDateTime => 58,
        SqlType::UniqueIdentifier => 36,
        SqlType::SqlVariant => 98,
        SqlType::Xml => 241,
    }
}

/// `max_length` of `sys.columns`: bytes, −1 for `max`.
pub fn max_length(ty: SqlType) -> i32 {
    match ty {
        SqlType::Bit | SqlType::TinyInt => 1,
        SqlType::SmallInt => 2,
        SqlType::Int | SqlType::Real | SqlType::SmallMoney | SqlType::SmallDateTime => 4,
        SqlType::BigInt | SqlType::Float | SqlType::Money | SqlType::DateTime => 8,
        SqlType::Numeric { precision, .. } => match precision {
            0..=9 => 5,
            10..=19 => 9,
            20..=28 => 13,
            _ => 17,
        },
        SqlType::Char(n) | SqlType::Binary(n) => i32::from(n),
        SqlType::NChar(n) => i32::from(n) * 2,
        SqlType::VarChar(Length::Limited(n)) | SqlType::VarBinary(Length::Limited(n)) => {
            i32::from(n)
        }
        SqlType::NVarChar(Length::Limited(n)) => i32::from(n) * 2,
        SqlType::VarChar(Length::Max)
        | SqlType::NVarChar(Length::Max)
        | SqlType::VarBinary(Length::Max)
        | SqlType::Xml => -1,
        SqlType::Date => 3,
        SqlType::Time(n) => time_bytes(n),
        SqlType::DateTime2(n) => time_bytes(n) + 3,
        SqlType::DateTimeOffset(n) => time_bytes(n) + 5,
        SqlType::UniqueIdentifier => 16,
        SqlType::SqlVariant => 8016,
    }
}

fn time_bytes(scale: u8) -> i32 {
    match scale {
        0..=2 => 3,
        3 | 4 => 4,
        _ => 5,
    }
}

/// Precision and scale of `sys.columns`; 0 where they mean nothing.
pub fn precision_and_scale(ty: SqlType) -> (u8, u8) {
    match ty {
        SqlType::Bit => (1, 0),
        SqlType::TinyInt => (3, 0),
        SqlType::SmallInt => (5, 0),
        SqlType::Int => (10, 0),
        SqlType::BigInt => (19, 0),
        SqlType::Numeric { precision, scale } => (precision, scale),
        SqlType::Money => (19, 4),
        SqlType::SmallMoney => (10, 4),
        SqlType::Real => (24, 0),
        SqlType::Float => (53, 0),
        SqlType::Date => (10, 0),
        SqlType::Time(0) => (8, 0),
        SqlType::Time(n) => (9 + n, n),
        SqlType::DateTime2(0) => (19, 0),
        SqlType::DateTime2(n) => (20 + n, n),
        SqlType::DateTimeOffset(0) => (26, 0),
        SqlType::DateTimeOffset(n) => (27 + n, n),
        SqlType::DateTime => (23, 3),
        SqlType::SmallDateTime => (16, 0),
        _ => (0, 0),
    }
}

/// A type as one number, to hand it to functions inside SQLite.
pub fn code(ty: SqlType) -> i64 {
    let length = |l: Length| match l {
        Length::Limited(n) => i64::from(n),
        Length::Max => 0xFFFF,
    };
    let detail = match ty {
        SqlType::Numeric { precision, scale } => i64::from(precision) << 8 | i64::from(scale),
        SqlType::Char(n) | SqlType::NChar(n) | SqlType::Binary(n) => i64::from(n),
        SqlType::VarChar(l) | SqlType::NVarChar(l) | SqlType::VarBinary(l) => length(l),
        SqlType::Time(n) | SqlType::DateTime2(n) | SqlType::DateTimeOffset(n) => i64::from(n),
        _ => 0,
    };
    detail << 8 | i64::from(system_type_id(ty))
}

/// The type of a [`code`]; `None` for numbers that are none.
pub fn from_code(code: i64) -> Option<SqlType> {
    let detail = u16::try_from(code >> 8).ok()?;
    let length = if detail == 0xFFFF {
        Length::Max
    } else {
        Length::Limited(detail)
    };
    let small = (detail & 0xFF) as u8;
    Some(match code & 0xFF {
        104 => SqlType::Bit,
        48 => SqlType::TinyInt,
        52 => SqlType::SmallInt,
        56 => SqlType::Int,
        127 => SqlType::BigInt,
        108 => SqlType::Numeric {
            precision: (detail >> 8) as u8,
            scale: small,
        },
        60 => SqlType::Money,
        122 => SqlType::SmallMoney,
        59 => SqlType::Real,
        62 => SqlType::Float,
        175 => SqlType::Char(detail),
        239 => SqlType::NChar(detail),
        167 => SqlType::VarChar(length),
        231 => SqlType::NVarChar(length),
        173 => SqlType::Binary(detail),
        165 => SqlType::VarBinary(length),
        40 => SqlType::Date,
        41 => SqlType::Time(small),
        42 => SqlType::DateTime2(small),
        43 => SqlType::DateTimeOffset(small),
        61 => SqlType::DateTime,
        58 => SqlType::SmallDateTime,
        36 => SqlType::UniqueIdentifier,
        98 => SqlType::SqlVariant,
        241 => SqlType::Xml,
        _ => return None,
    })
}

/// Data type precedence: of two types, the one with the higher number wins.
pub fn precedence(ty: SqlType) -> u8 {
    match ty {
        SqlType::SqlVariant => 30,
        SqlType::Xml => 29,
        SqlType::DateTimeOffset(_) => 28,
        SqlType::DateTime2(_) => 27,
        SqlType::DateTime => 26,
        SqlType::SmallDateTime => 25,
        SqlType::Date => 24,
        SqlType::Time(_) => 23,
        SqlType::Float => 22,
        SqlType::Real => 21,
        SqlType::Numeric { .. } => 20,
        SqlType::Money => 19,
        SqlType::SmallMoney => 18,
        SqlType::BigInt => 17,
        SqlType::Int => 16,
        SqlType::SmallInt => 15,
        SqlType::TinyInt => 14,
        SqlType::Bit => 13,
        SqlType::UniqueIdentifier => 12,
        SqlType::NVarChar(_) => 11,
        SqlType::NChar(_) => 10,
        SqlType::VarChar(_) => 9,
        SqlType::Char(_) => 8,
        SqlType::VarBinary(_) => 7,
        SqlType::Binary(_) => 6,
    }
}

/// The type that holds values of both, as in `CASE`, `COALESCE`, `UNION` and comparisons.
pub fn common(a: SqlType, b: SqlType) -> SqlType {
    if a == b {
        return a;
    }
    let (high, low) = if precedence(a) >= precedence(b) {
        (a, b)
    } else {
        (b, a)
    };
    match (family(high), family(low)) {
        (Family::Text, Family::Text) => {
            let length = wider(text_length(high), text_length(low));
            match high {
                SqlType::NVarChar(_) => SqlType::NVarChar(at_most(length, 4000)),
                SqlType::VarChar(_) => SqlType::VarChar(at_most(length, 8000)),
                // Two fixed lengths stay fixed.
                SqlType::NChar(n) => match low {
                    SqlType::NChar(m) | SqlType::Char(m) => SqlType::NChar(n.max(m)),
                    _ => SqlType::NVarChar(at_most(length, 4000)),
                },
                SqlType::Char(n) => match low {
                    SqlType::Char(m) => SqlType::Char(n.max(m)),
                    _ => high,
                },
                _ => high,
            }
        }
        (Family::Binary, Family::Binary) => match (high, low) {
            (SqlType::Binary(n), SqlType::Binary(m)) => SqlType::Binary(n.max(m)),
            _ => SqlType::VarBinary(wider(text_length(high), text_length(low))),
        },
        (Family::Numeric, _)
            if matches!(
                family(low),
                Family::Numeric | Family::Integer | Family::Money
            ) =>
        {
            let (p1, s1) = precision_and_scale(high);
            let (p2, s2) = precision_and_scale(low);
            let scale = s1.max(s2);
            let integral = (p1 - s1.min(p1)).max(p2 - s2.min(p2));
            SqlType::Numeric {
                precision: (integral + scale).min(38),
                scale: scale.min(38 - integral.min(38)),
            }
        }
        (Family::Moment, Family::Moment) => match high {
            SqlType::DateTimeOffset(n) => SqlType::DateTimeOffset(n.max(fraction_digits(low))),
            SqlType::DateTime2(n) => SqlType::DateTime2(n.max(fraction_digits(low))),
            // A date and a time of day meet in datetime2.
            SqlType::Date => SqlType::DateTime2(fraction_digits(low)),
            _ => high,
        },
        _ => high,
    }
}

fn fraction_digits(ty: SqlType) -> u8 {
    match ty {
        SqlType::Time(n) | SqlType::DateTime2(n) | SqlType::DateTimeOffset(n) => n,
        SqlType::DateTime => 3,
        _ => 0,
    }
}

/// Declared length of a text or binary type; a length that fits for everything else.
pub fn text_length(ty: SqlType) -> Length {
    match ty {
        SqlType::Char(n) | SqlType::NChar(n) | SqlType::Binary(n) => Length::Limited(n),
        SqlType::VarChar(l) | SqlType::NVarChar(l) | SqlType::VarBinary(l) => l,
        SqlType::Xml => Length::Max,
        SqlType::SqlVariant => Length::Limited(4000),
        SqlType::UniqueIdentifier => Length::Limited(36),
        SqlType::Bit => Length::Limited(1),
        SqlType::TinyInt => Length::Limited(4),
        SqlType::SmallInt => Length::Limited(6),
        SqlType::Int => Length::Limited(12),
        SqlType::BigInt => Length::Limited(24),
        SqlType::Numeric { .. } => Length::Limited(41),
        _ => Length::Limited(40),
    }
}

/// The longer of two lengths.
pub fn wider(a: Length, b: Length) -> Length {
    match (a, b) {
        (Length::Limited(a), Length::Limited(b)) => Length::Limited(a.max(b)),
        _ => Length::Max,
    }
}

/// Both lengths one after the other, no longer than `limit`.
pub fn joined(a: Length, b: Length, limit: u16) -> Length {
    match (a, b) {
        (Length::Limited(a), Length::Limited(b)) => {
            Length::Limited(a.saturating_add(b).clamp(1, limit))
        }
        _ => Length::Max,
    }
}

fn at_most(length: Length, limit: u16) -> Length {
    match length {
        Length::Limited(n) => Length::Limited(n.clamp(1, limit)),
        Length::Max => Length::Max,
    }
}

/// Whether the text type holds Unicode.
pub fn is_unicode(ty: SqlType) -> bool {
    matches!(ty, SqlType::NChar(_) | SqlType::NVarChar(_) | SqlType::Xml)
}

/// The operators of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Arithmetic {
    /// The name in message 402 and 8117.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Modulo => "modulo",
        }
    }
}

/// Precision and scale of a number type when it meets a `numeric`.
pub fn as_numeric(ty: SqlType) -> (u8, u8) {
    match ty {
        SqlType::Bit
        | SqlType::TinyInt
        | SqlType::SmallInt
        | SqlType::Int
        | SqlType::BigInt
        | SqlType::Numeric { .. }
        | SqlType::Money
        | SqlType::SmallMoney => precision_and_scale(ty),
        _ => INT_AS_NUMERIC,
    }
}

/// Precision and scale of `numeric op numeric`.
pub fn numeric_result(op: Arithmetic, a: (u8, u8), b: (u8, u8)) -> (u8, u8) {
    let ((p1, s1), (p2, s2)) = (
        (i32::from(a.0), i32::from(a.1)),
        (i32::from(b.0), i32::from(b.1)),
    );
    let (precision, scale) = match op {
        Arithmetic::Add | Arithmetic::Subtract => {
            let scale = s1.max(s2);
            (scale + (p1 - s1).max(p2 - s2) + 1, scale)
        }
        Arithmetic::Multiply => (p1 + p2 + 1, s1 + s2),
        Arithmetic::Divide => {
            let scale = 6.max(s1 + p2 + 1);
            (p1 - s1 + s2 + scale, scale)
        }
        Arithmetic::Modulo => ((p1 - s1).min(p2 - s2) + s1.max(s2), s1.max(s2)),
    };
    if precision <= 38 {
        return (precision.max(1) as u8, scale as u8);
    }
    let integral = precision - scale;
    let scale = match op {
        Arithmetic::Multiply | Arithmetic::Divide => {
            if integral < 32 {
                scale.min(38 - integral)
            } else {
                scale.min(6)
            }
        }
        Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Modulo => {
            scale.min(38 - integral.min(38))
        }
    };
    (38, scale as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back() {
        for ty in [
            SqlType::Bit,
            SqlType::Numeric {
                precision: 38,
                scale: 9,
            },
            SqlType::NVarChar(Length::Max),
            SqlType::VarChar(Length::Limited(8000)),
            SqlType::DateTimeOffset(3),
            SqlType::Char(1),
        ] {
            assert_eq!(from_code(code(ty)), Some(ty));
        }
    }

    #[test]
    fn results_of_numeric_arithmetic() {
        // Sizes of backups in megabytes: numeric(20,0) / numeric(8,1).
        assert_eq!(numeric_result(Arithmetic::Divide, (20, 0), (8, 1)), (30, 9));
        assert_eq!(
            numeric_result(Arithmetic::Multiply, (38, 10), (38, 10)),
            (38, 6)
        );
        assert_eq!(numeric_result(Arithmetic::Add, (5, 2), (7, 4)), (8, 4));
    }

    #[test]
    fn the_higher_type_wins() {
        let text = SqlType::VarChar(Length::Limited(5));
        assert_eq!(common(SqlType::Int, text), SqlType::Int);
        assert_eq!(
            common(SqlType::NVarChar(Length::Limited(3)), text),
            SqlType::NVarChar(Length::Limited(5))
        );
        assert_eq!(
            common(
                SqlType::Int,
                SqlType::Numeric {
                    precision: 5,
                    scale: 2
                }
            ),
            SqlType::Numeric {
                precision: 12,
                scale: 2
            }
        );
    }
}
