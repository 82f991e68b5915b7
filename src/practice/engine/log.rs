//! The transaction log: positions, records, and the part of it that no log backup holds yet.
//!
//! Layout of a position: <https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-log-architecture-and-management-guide>.
//! The numbers are as good as physical ones: they grow by what was written, in sectors and blocks.

use crate::{
    domain::{Lsn, UtcTime},
    practice::sql::convert::calendar::datetime_from_ticks,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Sectors in a virtual log file (8 MB of 512 bytes); a later block begins the next one.
const SECTORS_PER_VLF: u32 = 16_384;

/// A place in the log: virtual log file, block (in sectors), slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogPosition {
    pub vlf: u32,
    pub block: u32,
    pub slot: u16,
}

impl LogPosition {
    /// Where the log of a new database begins.
    pub const FIRST: Self = Self {
        vlf: 34,
        block: 16,
        slot: 1,
    };

    /// The number that msdb shows.
    pub fn lsn(self) -> Lsn {
        Lsn::from_parts(self.vlf, self.block, self.slot)
    }

    /// The number as `numeric(25,0)` carries it.
    pub fn decimal(self) -> i128 {
        i128::try_from(self.lsn().decimal()).unwrap_or(0)
    }

    /// The position with that number.
    pub fn from_decimal(decimal: i128) -> Option<Self> {
        let decimal = u128::try_from(decimal).ok()?;
        Some(Self {
            vlf: u32::try_from(decimal / 10u128.pow(15)).ok()?,
            block: u32::try_from(decimal / 100_000 % 10_000_000_000).ok()?,
            slot: u16::try_from(decimal % 100_000).ok()?,
        })
    }

    /// The position right after a record of `bytes` that stands here.
    pub fn after(self, bytes: usize) -> Self {
        // Begin, rows, commit: no transaction takes less than a sector.
        let sectors = u32::try_from(bytes / 512 + 1).unwrap_or(SECTORS_PER_VLF);
        let block = self.block.saturating_add(sectors);
        if block >= SECTORS_PER_VLF {
            Self {
                vlf: self.vlf + 1,
                block: 16,
                slot: 1,
            }
        } else {
            Self {
                vlf: self.vlf,
                block,
                slot: 1,
            }
        }
    }
}

/// When something was committed: the instant, and what the server's clock showed.
///
/// `STOPAT` compares with the second, as `datetime`: 1/300 s since 1900.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitTime {
    /// UTC in 100 ns since 0001-01-01.
    pub utc_ticks: i64,
    /// The local clock in 1/300 s since 1900-01-01.
    pub local: i64,
}

impl CommitTime {
    /// The commit time of an instant on a clock that is `offset_minutes` ahead of UTC.
    pub fn new(utc: UtcTime, offset_minutes: i16) -> Self {
        let utc_ticks = super::clock::ticks(utc);
        Self {
            utc_ticks,
            local: datetime_from_ticks(utc_ticks + i64::from(offset_minutes) * 600_000_000),
        }
    }
}

/// A name that a transaction left in the log: `BEGIN TRANSACTION … WITH MARK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMark {
    pub name: String,
    pub description: String,
}

/// One committed transaction: the images of the rows that it left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    pub position: LogPosition,
    pub time: CommitTime,
    /// Minimally logged work: the log backup that holds this cannot be stopped inside.
    pub bulk: bool,
    pub mark: Option<Arc<LogMark>>,
    /// See [`super::capture`]; empty for a checkpoint.
    pub payload: Arc<[u8]>,
}

/// Flags of a written record: its work is minimally logged; a mark follows the payload.
const BULK: u8 = 1;
const MARKED: u8 = 2;

impl LogRecord {
    /// Bytes in front of the payload when a record is written down.
    pub const HEAD: usize = 31;

    /// Writes the record down.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.extend(self.position.vlf.to_le_bytes());
        into.extend(self.position.block.to_le_bytes());
        into.extend(self.position.slot.to_le_bytes());
        into.extend(self.time.utc_ticks.to_le_bytes());
        into.extend(self.time.local.to_le_bytes());
        let marked = if self.mark.is_some() { MARKED } else { 0 };
        into.push((u8::from(self.bulk) * BULK) | marked);
        into.extend(
            u32::try_from(self.payload.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        into.extend_from_slice(&self.payload);
        if let Some(mark) = &self.mark {
            let LogMark { name, description } = &**mark;
            put_text(into, name);
            put_text(into, description);
        }
    }

    /// Reads one record and what follows it; `None` when the bytes are not one.
    pub fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let head = bytes.get(..Self::HEAD)?;
        let length = u32::from_le_bytes(head.get(27..31)?.try_into().ok()?) as usize;
        let payload = bytes.get(Self::HEAD..Self::HEAD.checked_add(length)?)?;
        let flags = *head.get(26)?;
        let mut rest = bytes.get(Self::HEAD + length..)?;
        let mut mark = None;
        if flags & MARKED != 0 {
            let (name, after) = take_text(rest)?;
            let (description, after) = take_text(after)?;
            mark = Some(Arc::new(LogMark { name, description }));
            rest = after;
        }
        let record = Self {
            position: LogPosition {
                vlf: u32::from_le_bytes(head.get(0..4)?.try_into().ok()?),
                block: u32::from_le_bytes(head.get(4..8)?.try_into().ok()?),
                slot: u16::from_le_bytes(head.get(8..10)?.try_into().ok()?),
            },
            time: CommitTime {
                utc_ticks: i64::from_le_bytes(head.get(10..18)?.try_into().ok()?),
                local: i64::from_le_bytes(head.get(18..26)?.try_into().ok()?),
            },
            bulk: flags & BULK != 0,
            mark,
            payload: payload.into(),
        };
        Some((record, rest))
    }
}

/// A text behind its length in two bytes; none of a mark is longer.
fn put_text(into: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(0);
    into.extend(length.to_le_bytes());
    if length > 0 {
        into.extend(text.as_bytes());
    }
}

fn take_text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let length = usize::from(u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?));
    let text = std::str::from_utf8(bytes.get(2..2 + length)?).ok()?;
    Some((text.to_owned(), bytes.get(2 + length..)?))
}

/// The records that no log backup holds yet, in order.
#[derive(Clone, Debug, Default)]
pub struct ActiveLog {
    records: Vec<LogRecord>,
    bytes: usize,
}

impl ActiveLog {
    pub fn push(&mut self, record: LogRecord) {
        self.bytes += record.payload.len() + LogRecord::HEAD;
        self.records.push(record);
    }

    /// The records from `start` on.
    pub fn since(&self, start: LogPosition) -> &[LogRecord] {
        let at = self.records.partition_point(|r| r.position < start);
        self.records.get(at..).unwrap_or_default()
    }

    /// Forgets what stands before `start`.
    pub fn truncate_before(&mut self, start: LogPosition) {
        let at = self.records.partition_point(|r| r.position < start);
        self.records.drain(..at);
        self.recount();
    }

    pub fn clear(&mut self) {
        self.records.clear();
        self.bytes = 0;
    }

    /// Bytes that the log holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn recount(&mut self) {
        self.bytes = self
            .records
            .iter()
            .map(|r| r.payload.len() + LogRecord::HEAD)
            .sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(position: LogPosition, payload: &[u8]) -> LogRecord {
        LogRecord {
            position,
            time: CommitTime {
                utc_ticks: 5,
                local: -7,
            },
            bulk: true,
            mark: None,
            payload: payload.into(),
        }
    }

    #[test]
    fn positions_only_grow() {
        let mut position = LogPosition::FIRST;
        for bytes in (0..50_000).step_by(37) {
            let next = position.after(bytes);
            assert!(next > position && next.lsn() > position.lsn());
            assert_eq!(LogPosition::from_decimal(next.decimal()), Some(next));
            position = next;
        }
        assert!(position.vlf > LogPosition::FIRST.vlf);
    }

    #[test]
    fn records_come_back_and_cut_ones_do_not() {
        let mark = LogMark {
            name: "Übernahme".to_owned(),
            description: String::new(),
        };
        let written = LogRecord {
            mark: Some(Arc::new(mark)),
            ..record(LogPosition::FIRST, b"payload")
        };
        let mut bytes = Vec::new();
        written.encode(&mut bytes);
        let head = bytes.len();
        bytes.extend(b"rest");
        let (read, rest) = LogRecord::decode(&bytes).expect("whole");
        assert_eq!((read, rest), (written, b"rest".as_slice()));
        for cut in 0..head {
            assert_eq!(LogRecord::decode(bytes.get(..cut).expect("shorter")), None);
        }
    }

    #[test]
    fn the_active_log_is_cut_at_its_beginning() {
        let mut log = ActiveLog::default();
        let mut position = LogPosition::FIRST;
        let mut all = Vec::new();
        for _ in 0..10 {
            log.push(record(position, b"x"));
            all.push(position);
            position = position.after(1);
        }
        log.truncate_before(all[3]);
        let left: Vec<_> = log.since(all[5]).iter().map(|r| r.position).collect();
        assert_eq!(left, all[5..]);
        assert_eq!(log.bytes(), 7 * (LogRecord::HEAD + 1));
    }
}
