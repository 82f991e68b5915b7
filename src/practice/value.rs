//! Types and values of T-SQL, as the wire carries them and the engine computes them.
//!
//! Type names and ranges: <https://learn.microsoft.com/sql/t-sql/data-types/data-types-transact-sql>.

use serde::{Deserialize, Serialize};

/// A T-SQL data type with its length, precision or scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SqlType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    /// Also `decimal`. Precision 1–38, scale up to the precision.
    Numeric {
        precision: u8,
        scale: u8,
    },
    /// In ten-thousandths, eight bytes.
    Money,
    SmallMoney,
    Real,
    Float,
    Char(u16),
    /// Also `nchar`; length in characters.
    NChar(u16),
    VarChar(Length),
    NVarChar(Length),
    Binary(u16),
    VarBinary(Length),
    Date,
    /// Fractional digits 0–7, like the two below.
    Time(u8),
    DateTime2(u8),
    DateTimeOffset(u8),
    DateTime,
    SmallDateTime,
    UniqueIdentifier,
    SqlVariant,
    /// `xml`, sent as text.
    Xml,
}

/// The declared length of a variable type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Length {
    /// Bytes for `varchar` and `varbinary`, characters for `nvarchar`.
    Limited(u16),
    Max,
}

/// A value. Which variant goes with which type is fixed:
///
/// | types | variant |
/// |---|---|
/// | `bit`, integers | `Int` |
/// | `numeric` (unscaled), `money` (ten-thousandths) | `Decimal` |
/// | `real`, `float` | `Float` |
/// | texts, `xml` | `Text` |
/// | binaries | `Bytes` |
/// | `date` | `Int`, days since 0001-01-01 |
/// | `time` | `Int`, 100 ns since midnight |
/// | `datetime2` | `Int`, 100 ns since 0001-01-01 |
/// | `datetime` | `Int`, 1/300 s since 1900-01-01 |
/// | `smalldatetime` | `Int`, minutes since 1900-01-01 |
/// | `datetimeoffset` | `Offset` |
/// | `uniqueidentifier` | `Guid` |
/// | `sql_variant` | `Variant` |
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    /// Scaled by the type's scale.
    Decimal(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Guid(uuid::Uuid),
    /// UTC in 100 ns since 0001-01-01, and minutes ahead of UTC.
    Offset {
        utc_ticks: i64,
        minutes: i16,
    },
    /// A `sql_variant` keeps the type of what it holds.
    Variant(Box<(SqlType, Self)>),
}

/// One column of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Empty when the expression has no name.
    pub name: String,
    pub ty: SqlType,
    pub nullable: bool,
}
