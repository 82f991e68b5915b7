//! How a state is reached: the price, the data backup it began with, and the log before.

use super::super::Lsn;
use std::cmp::Reverse;

/// A data backup as a place to begin: a full, or a differential with its full.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    /// The full or the differential, as its place among the sets.
    pub set: u32,
    /// The full; equal to `set` for a full.
    pub full: u32,
    /// Where redo goes on.
    pub redo: Lsn,
    /// When the last of the two finished, in seconds since 1970.
    pub finish: i64,
    /// Price of both.
    pub cost: u64,
    /// 1 or 2; fewer where the database has been restored part of the way already.
    pub count: u32,
    /// How many seconds they took to write.
    pub seconds: u32,
}

/// Stands for a set in a base that the database has in it already; see `Start`.
pub const STARTED: u32 = u32::MAX;

/// What one more set adds to a way.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub cost: u64,
    /// How many seconds it took to write.
    pub seconds: u32,
}

/// A log node: a chain and a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRef {
    pub chain: u32,
    pub index: u32,
}

impl LogRef {
    const NONE: Self = Self {
        chain: u32::MAX,
        index: u32::MAX,
    };
}

/// One way to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Price of all sets on the way (rule 14).
    pub cost: u64,
    /// How many sets.
    pub count: u32,
    /// How many seconds they took to write.
    pub seconds: u32,
    /// Where it begins, in `Graph::bases`.
    pub base: u32,
    before: LogRef,
}

impl Label {
    /// No way leads there.
    pub const NONE: Self = Self {
        cost: u64::MAX,
        count: u32::MAX,
        seconds: 0,
        base: u32::MAX,
        before: LogRef::NONE,
    };

    /// The way that begins with this base and has nothing else yet.
    pub fn of_base(base: &Base, index: u32) -> Self {
        Self {
            cost: base.cost,
            count: base.count,
            seconds: base.seconds,
            base: index,
            before: LogRef::NONE,
        }
    }

    /// This way and one more log, where `before` is the log that this way ends with.
    pub fn then(self, log: Edge, before: Option<LogRef>) -> Self {
        Self {
            cost: self.cost.saturating_add(log.cost),
            count: self.count.saturating_add(1),
            seconds: self.seconds.saturating_add(log.seconds),
            base: self.base,
            before: before.unwrap_or(LogRef::NONE),
        }
    }

    /// Whether a way leads there.
    pub fn exists(&self) -> bool {
        self.base != u32::MAX
    }

    /// The log before the last one; `None` when the last one follows the base.
    pub fn before(&self) -> Option<LogRef> {
        (self.before != LogRef::NONE).then_some(self.before)
    }

    /// Rule 14: price, number of sets, newer base; the order of discovery decides the rest.
    pub fn rank(&self, finish_of_base: i64) -> (u64, u32, Reverse<i64>) {
        (self.cost, self.count, Reverse(finish_of_base))
    }
}
