//! A mark in the log as the end of a `RESTORE LOG`: by its name or by its LSN.
//!
//! <https://learn.microsoft.com/sql/relational-databases/backup-restore/use-marked-transactions-to-recover-related-databases-consistently>.

use crate::practice::engine::{LogPosition, LogRecord};

/// `STOPATMARK` or `STOPBEFOREMARK`.
#[derive(Clone, Debug, PartialEq)]
pub struct StopMark {
    pub place: MarkPlace,
    /// Without the marked transaction.
    pub before: bool,
    /// `AFTER`: local `datetime` in 1/300 s.
    pub after: Option<i64>,
}

/// What a mark is found by.
#[derive(Clone, Debug, PartialEq)]
pub enum MarkPlace {
    Name(String),
    /// `lsn:n`.
    Lsn(LogPosition),
}

impl StopMark {
    /// Reads what stands behind `STOPATMARK =` or `STOPBEFOREMARK =`; `None` for a number that is no LSN.
    pub fn read(option: &str, written: String) -> Option<Self> {
        let lsn = written
            .get(..4)
            .filter(|word| word.eq_ignore_ascii_case("lsn:"))
            .and_then(|_| written.get(4..));
        let place = match lsn {
            Some(lsn) => MarkPlace::Lsn(
                lsn.trim()
                    .parse()
                    .ok()
                    .and_then(LogPosition::from_decimal)?,
            ),
            None => MarkPlace::Name(written),
        };
        Some(Self {
            place,
            before: option == "STOPBEFOREMARK",
            after: None,
        })
    }

    /// As it was written.
    pub fn text(&self) -> String {
        match &self.place {
            MarkPlace::Name(name) => name.clone(),
            MarkPlace::Lsn(position) => format!("lsn:{}", position.lsn()),
        }
    }

    /// Whether this record is the one that is meant.
    pub fn is_at(&self, record: &LogRecord) -> bool {
        let late_enough = self.after.is_none_or(|after| record.time.local >= after);
        match &self.place {
            MarkPlace::Lsn(position) => record.position >= *position,
            MarkPlace::Name(name) => {
                let marked = record.mark.as_ref();
                late_enough
                    && marked
                        .is_some_and(|mark| crate::practice::catalogue::same_name(&mark.name, name))
            }
        }
    }
}
