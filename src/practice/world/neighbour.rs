//! The databases beside `OctopusAI`: small ones, each of which shows one problem.

use super::{
    change::{Change, Transaction},
    text,
};
use crate::{
    domain::UtcTime,
    practice::value::{Length, SqlType, Value},
};
use chrono::TimeDelta;

/// What is wrong with a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// One log file was deleted from the share.
    LogMissing,
    /// Its log backups stopped two days ago.
    LogsStopped,
    /// It was restored over itself to an earlier point, so its log forked.
    Forked,
    /// Simple recovery: full and differential backups only.
    Simple,
    /// Backed up for ever into the same three files, without `INIT`.
    SameFiles,
}

/// All neighbours, in the order in which they are created.
pub const NEIGHBOURS: [(&str, Story); 5] = [
    ("CRM", Story::LogMissing),
    ("Ledger", Story::SameFiles),
    ("OctopusAudit", Story::Forked),
    ("Scratch", Story::Simple),
    ("Warehouse", Story::LogsStopped),
];

/// The one table of a neighbour.
pub const SCHEMA: &str = "
CREATE TABLE dbo.Entries (
    EntryId bigint NOT NULL PRIMARY KEY,
    Subject nvarchar(200) NOT NULL,
    Amount numeric(12,2) NOT NULL,
    ChangedAt datetime2(3) NOT NULL);
";

/// A neighbour at work: it adds entries and corrects old ones.
#[derive(Clone, Debug)]
pub struct Neighbour {
    rng: fastrand::Rng,
    last_entry: i64,
}

impl Neighbour {
    /// The neighbour of this name in a world with this seed; `last_entry` is `MAX(EntryId)`, 0 when it is new.
    pub fn new(seed: u64, name: &str, last_entry: i64) -> Self {
        let salt = name
            .bytes()
            .fold(17_u64, |salt, byte| salt.rotate_left(7) ^ u64::from(byte));
        Self {
            rng: fastrand::Rng::with_seed(seed ^ salt ^ last_entry.unsigned_abs().rotate_left(23)),
            last_entry,
        }
    }

    /// The rows that were there from the start.
    pub fn first_rows(&mut self, at: UtcTime) -> Transaction {
        let changes = (0..200).map(|_| self.add(at)).collect();
        Transaction { at, changes }
    }

    /// The next transaction after `after`, some minutes later.
    pub fn next(&mut self, after: UtcTime) -> Transaction {
        let at = after.plus(TimeDelta::milliseconds(self.rng.i64(20_000..700_000)));
        let change = if self.rng.u8(..4) == 0 {
            let entry = self.rng.i64(1..=self.last_entry.max(1));
            Change::update(
                "dbo.Entries",
                ("EntryId", (SqlType::BigInt, Value::Int(entry))),
                [
                    ("Amount", self.amount()),
                    ("ChangedAt", super::octopus::datetime2(at)),
                ],
            )
        } else {
            self.add(at)
        };
        Transaction {
            at,
            changes: vec![change],
        }
    }

    fn add(&mut self, at: UtcTime) -> Change {
        self.last_entry += 1;
        Change::insert(
            "dbo.Entries",
            [
                ("EntryId", (SqlType::BigInt, Value::Int(self.last_entry))),
                (
                    "Subject",
                    (
                        SqlType::NVarChar(Length::Limited(200)),
                        Value::Text(text::title(&mut self.rng)),
                    ),
                ),
                ("Amount", self.amount()),
                ("ChangedAt", super::octopus::datetime2(at)),
            ],
        )
    }

    fn amount(&mut self) -> (SqlType, Value) {
        let ty = SqlType::Numeric {
            precision: 12,
            scale: 2,
        };
        (ty, Value::Decimal(i128::from(self.rng.i64(100..2_000_000))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_and_repeat() {
        let at = UtcTime::from_seconds(1_795_000_000.0).expect("a date");
        let first = |name: &str| Neighbour::new(3, name, 0).first_rows(at);
        assert_eq!(first("CRM"), first("CRM"));
        assert_ne!(first("CRM"), first("Warehouse"));
    }
}
