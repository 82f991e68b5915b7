//! Log sequence numbers as msdb keeps them.
//!
//! Layout: <https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-log-architecture-and-management-guide>.

use std::{fmt, str::FromStr};

/// A log sequence number: msdb's `numeric(25,0)`, so it does not fit 64 bits.
///
/// Only the order means anything; the difference of two numbers does not.
/// The decimal form is `vlf * 10^15 + block * 10^5 + slot`.
/// Kept as twelve bytes, the highest first, because a million sets have two of them each.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn([u32; 3]);

/// The largest value that `numeric(25,0)` holds.
const MAX: u128 = 10u128.pow(25) - 1;

impl Lsn {
    /// The number that msdb shows where there is none, for example `database_backup_lsn` before the first full backup.
    pub const ZERO: Self = Self([0; 3]);

    /// Returns the number with this decimal value, or `None` when `numeric(25,0)` cannot hold it.
    pub fn new(decimal: u128) -> Option<Self> {
        (decimal <= MAX).then_some(Self::packed(decimal))
    }

    /// Builds the number of a record from its virtual log file, block and slot.
    pub fn from_parts(vlf: u32, block: u32, slot: u16) -> Self {
        Self::packed(
            u128::from(vlf) * 10u128.pow(15) + u128::from(block) * 100_000 + u128::from(slot),
        )
    }

    fn packed(decimal: u128) -> Self {
        Self([
            (decimal >> 64) as u32,
            (decimal >> 32) as u32,
            decimal as u32,
        ])
    }

    /// The decimal value, at most 25 digits.
    pub fn decimal(self) -> u128 {
        self.0
            .into_iter()
            .fold(0, |high, part| high << 32 | u128::from(part))
    }

    /// Whether this is the "there is none" value.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.decimal())
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lsn({self})")
    }
}

/// Why a text is not an LSN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most 25 digits")]
pub struct LsnError;

impl FromStr for Lsn {
    type Err = LsnError;

    fn from_str(text: &str) -> Result<Self, LsnError> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(LsnError);
        }
        text.parse::<u128>()
            .ok()
            .and_then(Self::new)
            .ok_or(LsnError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_decimal_form() {
        assert_eq!(
            Lsn::from_parts(39, 1720, 1).to_string(),
            "39000000172000001"
        );
    }

    #[test]
    fn the_order_is_that_of_the_decimals() {
        let high = [
            0,
            1,
            u128::from(u32::MAX),
            1 << 32,
            1 << 64,
            (1 << 64) + 1,
            MAX,
        ];
        for pair in high.windows(2) {
            let (low, high) = (Lsn::new(pair[0]), Lsn::new(pair[1]));
            assert!(low < high, "{low:?} and {high:?}");
            assert_eq!(high.map(Lsn::decimal), Some(pair[1]));
        }
    }

    #[test]
    fn reads_25_digits_and_refuses_more() {
        let largest = "9".repeat(25);
        assert_eq!(largest.parse::<Lsn>().map(|l| l.to_string()), Ok(largest));
        assert_eq!("1".repeat(26).parse::<Lsn>(), Err(LsnError));
        assert_eq!("-1".parse::<Lsn>(), Err(LsnError));
        assert_eq!("".parse::<Lsn>(), Err(LsnError));
    }
}
