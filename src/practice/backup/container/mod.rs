//! The file format of backups: Microsoft Tape Format, as SQL Server writes it. The only place that knows it.
//!
//! Blocks, streams, configuration and set map are laid out as in SQL Server's own files, so that whatever lists those
//! lists these.
//! What lies in the data streams is the practice server's own, and the media header names another software, so that
//! nobody takes one for the other.
//!
//! ```text
//! file  = TAPE SFMB set*
//! set   = SSET VOLB MSCI [MSDA | MSTL] MSTL MSLS SFMB ESET ESET SFMB
//! ```
//!
//! Beside the streams of SQL Server, these are its own:
//!
//! - `SPMH` in `TAPE`: the media header as JSON; `SPSH` in `MSCI`: everything that a set says of itself, as JSON;
//! - pieces of `MQDA` (`MQTL` in a log backup): blocks of 64 KB with a head of their own, lz4 when compressed, then
//!   a stream of the key when encrypted;
//! - `SPCK` behind the others: the CRC of the block up to there, because the tape format sums only its heads.
//!
//! Block *n* of a set lies in family *n mod families*. No length is believed before it was compared with what the
//! file has.

mod cipher;
mod config;
mod read;
mod tape;
mod write;

pub use cipher::Cipher;
pub use read::{read_payload, scan, spoil_last_set};
pub use write::{Blocks, Family, Place, cut, write_set};

use crate::practice::engine::{LogPosition, certificates::Thumbprint};
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use std::io;
use uuid::Uuid;

/// Bytes in a piece of data before compression.
const BLOCK: usize = 64 * 1024;
/// In front of the bytes of a piece: magic, flags, CRC of both and of what follows.
const PIECE_HEAD: usize = 12;
const PIECE_MAGIC: &[u8; 4] = b"SPBK";
/// Flag of a piece: lz4.
const COMPRESSED: u32 = 1;
/// Flag of a piece: to be read with a key.
const ENCRYPTED: u32 = 2;
/// The name that the media header gives the software.
pub const SOFTWARE: &str = "stopat practice server";

/// The media header: which media set this file is part of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediaHeader {
    pub media_set: Uuid,
    pub family_count: u8,
    /// From 1.
    pub family: u8,
    pub mirror_count: u8,
    /// From 0.
    pub mirror: u8,
    /// Only the first four bytes mean anything.
    pub family_id: Uuid,
    pub name: Option<String>,
    pub description: Option<String>,
    /// Local time.
    pub created: NaiveDateTime,
    pub compressed: bool,
    /// Media before there were certificates are not.
    #[serde(default)]
    pub encrypted: bool,
    pub block_size: i32,
}

/// What a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SetKind {
    Full,
    Differential,
    Log,
}

/// A file of the database that a set knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetFile {
    pub file_id: i32,
    pub file_guid: Uuid,
    pub is_log: bool,
    pub logical_name: String,
    pub physical_name: String,
    pub size_pages: i64,
    pub max_size_pages: i64,
    pub growth_pages: i64,
    /// Pages in this set.
    pub backed_up_pages: i64,
    pub is_present: bool,
}

/// Everything that a set says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetHeader {
    pub uuid: Uuid,
    pub kind: SetKind,
    pub name: Option<String>,
    pub description: Option<String>,
    /// `FILE = n`, from 1.
    pub position: i32,
    pub expires: Option<NaiveDateTime>,
    pub user: String,
    pub server: String,
    pub machine: String,
    pub database: String,
    pub database_version: i32,
    pub database_created: NaiveDateTime,
    pub software: (u8, u8, u16),
    /// Quarter hours ahead of UTC when the backup started.
    pub time_zone: i16,
    /// Local times in whole seconds.
    pub start: NaiveDateTime,
    pub finish: NaiveDateTime,
    /// The local `datetime` (1/300 s) up to which the set has everything.
    pub consistent_at: i64,
    pub first_lsn: LogPosition,
    /// Exclusive.
    pub last_lsn: LogPosition,
    pub checkpoint_lsn: LogPosition,
    pub database_backup_lsn: Option<LogPosition>,
    pub compatibility_level: u8,
    pub collation: String,
    pub recovery_model: String,
    pub family_guid: Uuid,
    pub database_guid: Uuid,
    pub first_fork: Uuid,
    pub last_fork: Uuid,
    pub fork_point: Option<LogPosition>,
    pub differential_base_lsn: Option<LogPosition>,
    pub differential_base_guid: Option<Uuid>,
    pub differential_base_time: Option<NaiveDateTime>,
    pub is_copy_only: bool,
    pub has_checksums: bool,
    pub begins_log_chain: bool,
    pub has_bulk_logged: bool,
    pub is_read_only: bool,
    pub is_single_user: bool,
    /// A tail that left the database `RESTORING`.
    pub is_force_offline: bool,
    pub compressed: bool,
    /// The newest commit in a log backup, in whole seconds.
    pub last_valid_restore_time: Option<NaiveDateTime>,
    /// Bytes before compression.
    pub size: u64,
    /// Bytes on the media.
    pub compressed_size: u64,
    pub files: Vec<SetFile>,
    /// Sets before there were certificates have none.
    #[serde(default)]
    pub encryption: Option<SetEncryption>,
}

/// How a set is encrypted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetEncryption {
    /// As msdb writes it: `aes_256`.
    pub algorithm: String,
    /// Of the certificate.
    pub thumbprint: Thumbprint,
}

/// Why a file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    #[error("the file is empty")]
    Empty,
    #[error("the file is no backup")]
    Foreign,
    #[error("the file is not well formed at byte {at}")]
    Malformed { at: u64 },
    #[error("the file ends inside a backup set")]
    Incomplete,
    #[error("block {block} is damaged")]
    Damaged { block: usize },
    #[error("reading or writing failed")]
    Io(#[from] io::Error),
}

/// A set as found in one file.
#[derive(Clone, Debug)]
pub struct FoundSet {
    pub header: SetHeader,
    blocks: Vec<FoundBlock>,
    pub complete: bool,
}

/// A piece of data: where it lies, and what the checksum behind it says.
#[derive(Clone, Copy, Debug)]
struct FoundBlock {
    at: u64,
    length: u32,
    checksum: Option<u32>,
}

/// What one file of a media set holds.
#[derive(Clone, Debug)]
pub struct Media {
    pub header: MediaHeader,
    pub sets: Vec<FoundSet>,
}
