//! Descriptor blocks and streams: heads with their checksums, dates, and texts at addresses.

use super::{Fault, source::Source, tape::Tape};
use crate::domain::{Lsn, ServerTime};
use chrono::NaiveDate;
use std::io::{Read, Seek};
use uuid::Uuid;

/// Bytes that every descriptor block begins with.
pub(super) const BLOCK_HEAD: usize = 52;
const STREAM_HEAD: usize = 22;

/// A descriptor block up to its streams; its checksum was right.
#[derive(Debug)]
pub(super) struct Block {
    pub kind: [u8; 4],
    /// Where it begins in the file.
    pub file_at: u64,
    /// Where it begins in the stream of blocks.
    pub at: u64,
    /// Everything in front of the first stream.
    pub bytes: Vec<u8>,
}

/// The header of a stream; its checksum was right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub id: [u8; 4],
    /// Where the header lies in the file.
    pub file_at: u64,
    pub length: u64,
}

impl Block {
    /// Reads the block that begins here.
    pub fn read<R: Read + Seek>(tape: &mut Tape<'_, R>) -> Result<Self, Fault> {
        tape.step()?;
        let (at, file_at) = (tape.at(), tape.file_at());
        let mut head = [0; BLOCK_HEAD];
        tape.read(&mut head)
            .map_err(|fault| cut_at(fault, file_at))?;
        let kind = first(&head, 0).unwrap_or_default();
        if !is_name(kind) {
            return Err(Fault::NoBlock { at: file_at });
        }
        if number16(&head, BLOCK_HEAD - 2) != Some(xor(&head, BLOCK_HEAD - 2)) {
            return Err(Fault::BlockSum { at: file_at });
        }
        let fixed = usize::from(number16(&head, 8).unwrap_or(0));
        let mut bytes = head.to_vec();
        if &kind == b"SFMB" {
            // No streams: the number is where the next block begins.
            let rest = fixed
                .checked_sub(BLOCK_HEAD)
                .ok_or(Fault::Length { at: file_at })?;
            tape.skip(rest as u64)
                .map_err(|fault| cut_at(fault, file_at))?;
        } else {
            let rest = fixed
                .checked_sub(BLOCK_HEAD)
                .ok_or(Fault::Length { at: file_at })?;
            bytes.resize(fixed, 0);
            let fields = bytes
                .get_mut(BLOCK_HEAD..BLOCK_HEAD + rest)
                .unwrap_or_default();
            tape.read(fields).map_err(|fault| cut_at(fault, file_at))?;
        }
        Ok(Self {
            kind,
            file_at,
            at,
            bytes,
        })
    }

    /// The block at a place of a plain file, when there is one of that kind.
    pub fn at_place<R: Read + Seek>(
        tape: &mut Tape<'_, R>,
        at: u64,
        kind: &[u8; 4],
    ) -> Result<Option<Self>, Fault> {
        tape.go_to(at);
        match Self::read(tape) {
            Ok(block) if &block.kind == kind => Ok(Some(block)),
            Err(fault @ (Fault::Io(_) | Fault::Cancelled)) => Err(fault),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// The header of the next stream; its data follows at once.
    pub fn next_stream<R: Read + Seek>(&self, tape: &mut Tape<'_, R>) -> Result<Stream, Fault> {
        tape.step()?;
        let file_at = tape.file_at();
        let mut head = [0; STREAM_HEAD];
        tape.read(&mut head)
            .map_err(|fault| cut_at(fault, file_at))?;
        let id = first(&head, 0).unwrap_or_default();
        let sum = number16(&head, STREAM_HEAD - 2);
        if !is_name(id) || sum != Some(xor(&head, STREAM_HEAD - 2)) {
            return Err(Fault::StreamSum { at: file_at });
        }
        Ok(Stream {
            id,
            file_at,
            length: number64(&head, 8).unwrap_or(0),
        })
    }

    /// Goes behind the data of a stream, `read` bytes of which were read; the padding at the end is not aligned.
    pub fn leave<R: Read + Seek>(
        &self,
        tape: &mut Tape<'_, R>,
        stream: &Stream,
        read: u64,
    ) -> Result<(), Fault> {
        let at = stream.file_at;
        let rest = stream
            .length
            .checked_sub(read)
            .ok_or(Fault::Length { at })?;
        let end = tape.at().checked_add(rest).ok_or(Fault::Length { at })?;
        let gap = match &stream.id {
            b"SPAD" => 0,
            _ => (4 - (end - self.at) % 4) % 4,
        };
        tape.skip(rest + gap).map_err(|fault| cut_at(fault, at))
    }

    /// Leaves out everything up to the next block.
    pub fn skip_streams<R: Read + Seek>(&self, tape: &mut Tape<'_, R>) -> Result<(), Fault> {
        if &self.kind == b"SFMB" {
            return Ok(());
        }
        loop {
            let stream = self.next_stream(tape)?;
            self.leave(tape, &stream, 0)?;
            if &stream.id == b"SPAD" {
                return Ok(());
            }
        }
    }

    /// The text that an address in this block points to; `None` when it is empty or outside.
    pub fn text(&self, address: usize) -> Option<String> {
        text(&self.bytes, address)
    }
}

/// What was begun at a place is what a cut is told of.
fn cut_at(fault: Fault, at: u64) -> Fault {
    match fault {
        Fault::Cut { .. } => Fault::Cut { at },
        other => other,
    }
}

/// Four capitals or digits, as all blocks and streams are named.
fn is_name(id: [u8; 4]) -> bool {
    id.iter()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// XOR of the 16-bit words up to `end`.
fn xor(bytes: &[u8], end: usize) -> u16 {
    let words = bytes.get(..end).unwrap_or_default().as_chunks::<2>().0;
    words
        .iter()
        .fold(0, |sum, word| sum ^ u16::from_le_bytes(*word))
}

fn first<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

pub(super) fn number8(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

pub(super) fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    first(bytes, at).map(u16::from_le_bytes)
}

pub(super) fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    first(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn number64(bytes: &[u8], at: usize) -> Option<u64> {
    first(bytes, at).map(u64::from_le_bytes)
}

pub(super) fn guid(bytes: &[u8], at: usize) -> Option<Uuid> {
    first(bytes, at).map(Uuid::from_bytes_le)
}

/// An LSN in ten bytes (or the first ten of twelve).
pub(super) fn lsn(bytes: &[u8], at: usize) -> Option<Lsn> {
    let vlf = number32(bytes, at)?;
    let block = number32(bytes, at + 4)?;
    let slot = number16(bytes, at + 8)?;
    Some(Lsn::from_parts(vlf, block, slot))
}

/// A date in five bytes: `Some(None)` for none, `None` when it is no date.
#[expect(
    clippy::option_option,
    reason = "no date and a wrong date are two things"
)]
pub(super) fn date(bytes: &[u8], at: usize) -> Option<Option<ServerTime>> {
    let [a, b, c, d, e] = first(bytes, at)?;
    let bits = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    if bits == 0 {
        return Some(None);
    }
    let part = |shift: u32, width: u32| ((bits >> shift) & ((1 << width) - 1)) as u32;
    let day = NaiveDate::from_ymd_opt(part(26, 14) as i32, part(22, 4), part(17, 5))?;
    let time = day.and_hms_opt(part(12, 5), part(6, 6), part(0, 6))?;
    Some(Some(ServerTime(time)))
}

/// The UTF-16 text that the address at `address` points to, counted from the start of `bytes`.
pub(super) fn text(bytes: &[u8], address: usize) -> Option<String> {
    let length = usize::from(number16(bytes, address)?);
    let offset = usize::from(number16(bytes, address + 2)?);
    if length == 0 {
        return None;
    }
    let (pairs, _) = bytes.get(offset..offset + length)?.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let text = String::from_utf16_lossy(&units);
    Some(text.trim_end_matches('\0').to_owned())
}

/// A tape over bytes in memory, for what was expanded.
pub(super) fn in_memory(bytes: &[u8]) -> Result<Source<std::io::Cursor<&[u8]>>, Fault> {
    Source::new(std::io::Cursor::new(bytes))
}
