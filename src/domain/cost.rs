//! What a restore costs, so that ways can be compared: an input of every plan (rule 14).
//!
//! Whole numbers throughout, so that equal inputs give equal plans on every machine.

use super::{BackupType, Estimate, EstimateBasis};

/// What a set costs besides its bytes: a log takes about as long to restore however small it is.
pub(super) const BYTES_PER_SET: u64 = 100_000_000;

/// msdb keeps whole seconds, so a set took half a second more than it says.
const SECONDS_CUT_OFF: f64 = 0.5;

/// How ways are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CostModel {
    /// By the bytes to read and a price for each set, while nothing has been measured.
    Bytes {
        /// What a set costs besides its bytes, in bytes.
        per_set: u64,
    },
    /// By the time that restores took here.
    Time(RestoreSpeeds),
}

/// How quickly restores went, as measured: what the planner takes of a [`RestoreTimeModel`](super::RestoreTimeModel).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RestoreSpeeds {
    /// Bytes on the media of a full that are restored in a second; at least 1.
    pub full_bytes_per_second: u64,
    /// The same for a differential.
    pub differential_bytes_per_second: u64,
    /// The same for a log.
    pub log_bytes_per_second: u64,
    /// What every set takes besides its bytes.
    pub millis_per_set: u64,
    /// What recovery takes at the end, with looking before and checking after.
    pub recovery_millis: u64,
    /// A restore hardly took less than this many percent of what these speeds say.
    pub least_percent: u16,
    /// It hardly took more.
    pub most_percent: u16,
}

/// A price in the unit of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// Bytes to read, with the price of each set.
    Bytes(u64),
    /// Milliseconds, without recovery.
    Millis(u64),
}

impl Default for Cost {
    fn default() -> Self {
        Self::Bytes(0)
    }
}

/// What reaching a moment costs, without the steps that lead there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    /// By the request's cost model.
    pub cost: Cost,
    /// How many sets are restored.
    pub sets: u32,
    /// The same estimate that the plan has; `None` without a basis.
    pub estimate: Option<Estimate>,
    /// Bytes to read, where an unknown size counts as the largest of its type; `None` when time is the measure.
    pub bytes: Option<u64>,
}

impl Default for CostModel {
    fn default() -> Self {
        Self::Bytes {
            per_set: BYTES_PER_SET,
        }
    }
}

impl CostModel {
    /// The price of one set of this kind and size, in the unit of the model.
    pub(super) fn of_set(&self, kind: BackupType, bytes: u64) -> u64 {
        match self {
            Self::Bytes { per_set } => bytes.saturating_add(*per_set),
            Self::Time(speeds) => {
                let speed = u128::from(speeds.of(kind).max(1));
                let millis = u128::from(bytes) * 1000 / speed;
                u64::try_from(millis)
                    .unwrap_or(u64::MAX)
                    .saturating_add(speeds.millis_per_set)
            }
        }
    }

    /// A sum of such prices with its unit.
    pub(super) fn cost(&self, sum: u64) -> Cost {
        match self {
            Self::Bytes { .. } => Cost::Bytes(sum),
            Self::Time(_) => Cost::Millis(sum),
        }
    }

    /// The price of a way with so many sets, which took so many seconds to write.
    pub(super) fn price(&self, sum: u64, sets: u32, written_in_seconds: u32) -> Price {
        Price {
            cost: self.cost(sum),
            sets,
            estimate: self.estimate(sum, sets, written_in_seconds),
            bytes: match self {
                Self::Bytes { per_set } => {
                    Some(sum.saturating_sub(per_set.saturating_mul(sets.into())))
                }
                Self::Time(_) => None,
            },
        }
    }

    /// How long a way takes: as measured, else at the speed at which its backups were written.
    ///
    /// That speed is only a stand-in, and there is none when no set took any time.
    pub(super) fn estimate(
        &self,
        sum: u64,
        sets: u32,
        written_in_seconds: u32,
    ) -> Option<Estimate> {
        match self {
            Self::Bytes { .. } => {
                if written_in_seconds == 0 {
                    return None;
                }
                let seconds = f64::from(written_in_seconds) + SECONDS_CUT_OFF * f64::from(sets);
                Some(Estimate {
                    seconds,
                    low: seconds / 2.0,
                    high: seconds * 2.0,
                    basis: EstimateBasis::BackupSpeed,
                })
            }
            Self::Time(speeds) => {
                let seconds = sum.saturating_add(speeds.recovery_millis) as f64 / 1000.0;
                Some(Estimate {
                    seconds,
                    low: seconds * f64::from(speeds.least_percent) / 100.0,
                    high: seconds * f64::from(speeds.most_percent) / 100.0,
                    basis: EstimateBasis::Measured,
                })
            }
        }
    }
}

impl RestoreSpeeds {
    fn of(&self, kind: BackupType) -> u64 {
        match kind {
            BackupType::Full => self.full_bytes_per_second,
            BackupType::Differential => self.differential_bytes_per_second,
            _ => self.log_bytes_per_second,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_do_not_overflow() {
        let bytes = CostModel::default();
        assert_eq!(bytes.of_set(BackupType::Full, u64::MAX), u64::MAX);
        let slow = CostModel::Time(RestoreSpeeds {
            full_bytes_per_second: 0,
            differential_bytes_per_second: 1,
            log_bytes_per_second: 1,
            millis_per_set: u64::MAX,
            recovery_millis: u64::MAX,
            least_percent: 90,
            most_percent: 120,
        });
        assert_eq!(slow.of_set(BackupType::Full, u64::MAX), u64::MAX);
        assert!(slow.estimate(u64::MAX, u32::MAX, 0).is_some());
    }
}
