//! The file format of backups: frames with checksums. The only place that knows it.
//!
//! It is a container of the practice server's own; it has what the real one has: a media header, several sets one
//! after the other, a header per set with its file list, and blocks of 64 KB.
//!
//! ```text
//! file  = MEDIA set*
//! set   = SET DATA* END
//! frame = magic (4) kind (1) flags (1) zero (2) length (4) CRC of the payload (4) CRC of these 16 bytes (4) payload
//! ```
//!
//! Block *n* of a set lies in family *n mod families*. No length is believed before it was compared with what the
//! file has.

use crate::practice::engine::LogPosition;
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write as _},
    path::Path,
};
use uuid::Uuid;

const MAGIC: &[u8; 4] = b"SPBK";
const HEAD: usize = 20;
const MEDIA: u8 = 1;
const SET: u8 = 2;
const DATA: u8 = 3;
const END: u8 = 4;
/// Flag of a block: lz4.
const COMPRESSED: u8 = 1;

/// Bytes in a block before compression.
const BLOCK: usize = 64 * 1024;
/// Most that lz4 makes of a block, and most that a header may take.
const MOST_BLOCK: u32 = 80 * 1024;
const MOST_HEADER: u32 = 4 * 1024 * 1024;

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

#[derive(Clone, Copy, Debug)]
struct FoundBlock {
    at: u64,
    length: u32,
    compressed: bool,
    checksum: u32,
}

/// What one file of a media set holds.
#[derive(Clone, Debug)]
pub struct Media {
    pub header: MediaHeader,
    pub sets: Vec<FoundSet>,
}

/// Reads the headers of a file.
pub fn scan(file: &mut File) -> Result<Media, ContainerError> {
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 {
        return Err(ContainerError::Empty);
    }
    file.seek(SeekFrom::Start(0))?;
    let mut file = io::BufReader::with_capacity(8192, file);
    let mut at = 0u64;
    let first = match read_head(&mut file, at, length)? {
        Some(head) if head.kind == MEDIA => head,
        _ => return Err(ContainerError::Malformed { at }),
    };
    let header = read_json::<MediaHeader>(&mut file, &first, at)?;
    if header.family == 0 || header.family > header.family_count {
        return Err(ContainerError::Malformed { at });
    }
    at += HEAD as u64 + u64::from(first.length);
    let mut sets: Vec<FoundSet> = Vec::new();
    while at < length {
        let Some(head) = read_head(&mut file, at, length)? else {
            // Cut off: the set that was being written stays incomplete.
            break;
        };
        let payload = at + HEAD as u64;
        match (head.kind, sets.last_mut()) {
            (SET, last) if last.as_ref().is_none_or(|s| s.complete) => {
                sets.push(FoundSet {
                    header: read_json(&mut file, &head, at)?,
                    blocks: Vec::new(),
                    complete: false,
                });
            }
            (DATA, Some(set)) if !set.complete => {
                set.blocks.push(FoundBlock {
                    at: payload,
                    length: head.length,
                    compressed: head.flags & COMPRESSED != 0,
                    checksum: head.checksum,
                });
                file.seek_relative(i64::from(head.length))?;
            }
            (END, Some(set)) if !set.complete => {
                let blocks = read_json::<u32>(&mut file, &head, at)?;
                if blocks as usize != set.blocks.len() {
                    return Err(ContainerError::Malformed { at });
                }
                set.complete = true;
            }
            _ => return Err(ContainerError::Malformed { at }),
        }
        at = payload + u64::from(head.length);
    }
    Ok(Media { header, sets })
}

struct Head {
    kind: u8,
    flags: u8,
    length: u32,
    checksum: u32,
}

/// A frame's head, when the whole frame is there.
fn read_head(
    file: &mut impl Read,
    at: u64,
    file_length: u64,
) -> Result<Option<Head>, ContainerError> {
    let mut bytes = [0; HEAD];
    if file_length - at < HEAD as u64 {
        if at == 0 {
            return Err(ContainerError::Foreign);
        }
        return Ok(None);
    }
    file.read_exact(&mut bytes)?;
    let [
        m0,
        m1,
        m2,
        m3,
        kind,
        flags,
        z0,
        z1,
        l0,
        l1,
        l2,
        l3,
        c0,
        c1,
        c2,
        c3,
        h0,
        h1,
        h2,
        h3,
    ] = bytes;
    let signed = bytes.get(..16).unwrap_or_default();
    if crc32fast::hash(signed) != u32::from_le_bytes([h0, h1, h2, h3])
        || [m0, m1, m2, m3] != *MAGIC
        || [z0, z1] != [0, 0]
    {
        // One wrong byte is damage; most of them wrong is another kind of file.
        let alike = [m0, m1, m2, m3]
            .iter()
            .zip(MAGIC)
            .filter(|(a, b)| a == b)
            .count();
        return Err(if at == 0 && alike < 3 {
            ContainerError::Foreign
        } else {
            ContainerError::Malformed { at }
        });
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let most = if kind == DATA {
        MOST_BLOCK
    } else {
        MOST_HEADER
    };
    if length > most {
        return Err(ContainerError::Malformed { at });
    }
    if file_length - at - (HEAD as u64) < u64::from(length) {
        if at == 0 {
            return Err(ContainerError::Malformed { at });
        }
        return Ok(None);
    }
    Ok(Some(Head {
        kind,
        flags,
        length,
        checksum: u32::from_le_bytes([c0, c1, c2, c3]),
    }))
}

fn read_json<T: serde::de::DeserializeOwned>(
    file: &mut impl Read,
    head: &Head,
    at: u64,
) -> Result<T, ContainerError> {
    let mut bytes = vec![0; head.length as usize];
    file.read_exact(&mut bytes)?;
    if crc32fast::hash(&bytes) != head.checksum {
        return Err(ContainerError::Malformed { at });
    }
    serde_json::from_slice(&bytes).map_err(|_other| ContainerError::Malformed { at })
}

/// Reads the content of a set from all its families, in family order.
pub fn read_payload(families: &mut [(File, FoundSet)]) -> Result<Vec<u8>, ContainerError> {
    if families.iter().any(|(_, set)| !set.complete) {
        return Err(ContainerError::Incomplete);
    }
    let Some((_, first)) = families.first() else {
        return Ok(Vec::new());
    };
    let size = first.header.size;
    let total: usize = families.iter().map(|(_, set)| set.blocks.len()).sum();
    // Only blocks that are there count, whatever the header claims.
    if size > total as u64 * BLOCK as u64 {
        return Err(ContainerError::Incomplete);
    }
    let mut payload = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    let count = families.len();
    for block in 0..total {
        let Some((file, set)) = families.get_mut(block % count) else {
            return Err(ContainerError::Damaged { block });
        };
        let Some(found) = set.blocks.get(block / count).copied() else {
            return Err(ContainerError::Damaged { block });
        };
        file.seek(SeekFrom::Start(found.at))?;
        let mut bytes = vec![0; found.length as usize];
        file.read_exact(&mut bytes)?;
        if crc32fast::hash(&bytes) != found.checksum {
            return Err(ContainerError::Damaged { block });
        }
        if found.compressed {
            bytes = lz4_flex::block::decompress(&bytes, BLOCK)
                .map_err(|_other| ContainerError::Damaged { block })?;
        }
        payload.extend_from_slice(&bytes);
    }
    if payload.len() as u64 != size {
        return Err(ContainerError::Damaged { block: total });
    }
    Ok(payload)
}

/// The blocks of a set, ready to be written.
pub struct Blocks {
    /// Per family.
    families: Vec<Vec<u8>>,
    counts: Vec<u32>,
    /// Bytes on the media.
    pub bytes: u64,
}

/// Cuts a payload into blocks for that many families.
pub fn cut(payload: &[u8], families: usize, compress: bool) -> Blocks {
    let families = families.max(1);
    let mut blocks = Blocks {
        families: vec![Vec::new(); families],
        counts: vec![0; families],
        bytes: 0,
    };
    for (number, raw) in payload.chunks(BLOCK).enumerate() {
        let packed = compress
            .then(|| lz4_flex::block::compress(raw))
            .filter(|packed| packed.len() < raw.len());
        let (bytes, flags) = match &packed {
            Some(packed) => (packed.as_slice(), COMPRESSED),
            None => (raw, 0),
        };
        blocks.bytes += bytes.len() as u64;
        if let (Some(into), Some(count)) = (
            blocks.families.get_mut(number % families),
            blocks.counts.get_mut(number % families),
        ) {
            write_frame(into, DATA, flags, bytes);
            *count += 1;
        }
    }
    blocks
}

/// Writes a set to one family: into a new file, or behind what is there.
pub fn write_set(
    path: &Path,
    family: usize,
    new_media: Option<&MediaHeader>,
    header: &SetHeader,
    blocks: &Blocks,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    if let Some(media) = new_media {
        write_frame(&mut bytes, MEDIA, 0, &serde_json::to_vec(media)?);
    }
    write_frame(&mut bytes, SET, 0, &serde_json::to_vec(header)?);
    if let (Some(data), Some(count)) = (blocks.families.get(family), blocks.counts.get(family)) {
        bytes.extend_from_slice(data);
        write_frame(&mut bytes, END, 0, &serde_json::to_vec(count)?);
    }
    let mut file = if new_media.is_some() {
        File::create(path)?
    } else {
        File::options().append(true).open(path)?
    };
    file.write_all(&bytes)
}

fn write_frame(into: &mut Vec<u8>, kind: u8, flags: u8, payload: &[u8]) {
    let mut head = MAGIC.to_vec();
    head.extend([kind, flags, 0, 0]);
    head.extend(
        u32::try_from(payload.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    head.extend(crc32fast::hash(payload).to_le_bytes());
    let checksum = crc32fast::hash(&head);
    into.extend_from_slice(&head);
    into.extend(checksum.to_le_bytes());
    into.extend_from_slice(payload);
}
