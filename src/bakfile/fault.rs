//! What is wrong with a file, and where.

use std::io;

/// Why a file, or the rest of one, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Zero bytes long.
    #[error("the file is empty")]
    Empty,
    /// Neither kind of container begins here.
    #[error("the file is no SQL Server backup")]
    Foreign,
    /// A header, or data that a header announces, lies beyond the end.
    #[error("the file ends too early: what begins at byte {at} is not all there")]
    Cut { at: u64 },
    /// The sum over the head of a descriptor block is wrong.
    #[error("the block at byte {at} is damaged: its checksum is wrong")]
    BlockSum { at: u64 },
    /// The sum over the header of a stream is wrong.
    #[error("the stream at byte {at} is damaged: its checksum is wrong")]
    StreamSum { at: u64 },
    /// Something else stands where a block of a backup has to begin.
    #[error("no block of a backup set stands at byte {at}: the file is damaged, or encrypted")]
    NoBlock { at: u64 },
    /// A length inside a header contradicts what holds it.
    #[error("a length at byte {at} cannot be right")]
    Length { at: u64 },
    /// A compressed file has a record of a kind that no known file has.
    #[error("the compressed record at byte {at} is of an unknown kind ({kind:#04x})")]
    UnknownRecord { at: u64, kind: u8 },
    /// The content of a compressed record does not expand to what it announces.
    #[error("the compressed record at byte {at} cannot be expanded")]
    Unpack { at: u64 },
    /// Compressed by a version or an algorithm that was never seen.
    #[error("the backup is compressed in a way that cannot be read (version {major}.{minor})")]
    UnknownCompression { major: u32, minor: u32 },
    /// More headers than a backup has, or larger ones.
    #[error("the headers around byte {at} are larger than those of any backup")]
    TooLarge { at: u64 },
    /// Nobody wants to know any more.
    #[error("reading was cancelled")]
    Cancelled,
    /// The system would not read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
}

impl Fault {
    /// The byte of the file that it is about.
    pub fn at(&self) -> Option<u64> {
        match *self {
            Self::Cut { at }
            | Self::BlockSum { at }
            | Self::StreamSum { at }
            | Self::NoBlock { at }
            | Self::Length { at }
            | Self::UnknownRecord { at, .. }
            | Self::Unpack { at }
            | Self::TooLarge { at } => Some(at),
            Self::Empty
            | Self::Foreign
            | Self::UnknownCompression { .. }
            | Self::Cancelled
            | Self::Io(_) => None,
        }
    }

    /// Whether the user stopped it.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }
}
