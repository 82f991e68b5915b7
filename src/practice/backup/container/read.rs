//! Reading the headers of a file, and the payload of a set.

use super::{
    BLOCK, COMPRESSED, Cipher, ContainerError, ENCRYPTED, FoundBlock, FoundSet, Media, MediaHeader,
    PIECE_HEAD, PIECE_MAGIC, SetHeader,
    tape::{BLOCK_BYTES, BLOCK_HEAD, FILEMARK_BYTES, MORE, STREAM_HEAD, SUMMED, xor},
    write::piece_sum,
};
use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write as _},
    path::Path,
};

/// Most that a piece takes: lz4 makes little more of what does not compress.
const MOST_PIECE: u64 = 80 * 1024;
/// Most that a block of headers may take.
const MOST_HEADER: u64 = 4 * 1024 * 1024;

/// Reads the headers of a file.
pub fn scan(file: &mut File) -> Result<Media, ContainerError> {
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 {
        return Err(ContainerError::Empty);
    }
    file.seek(SeekFrom::Start(0))?;
    let mut tape = Tape {
        file: BufReader::with_capacity(8192, file),
        at: 0,
        length,
    };
    let header = read_media(&mut tape)?;
    let mut sets: Vec<FoundSet> = Vec::new();
    loop {
        match read_set(&mut tape, &mut sets) {
            Ok(true) => {}
            Ok(false) => break,
            // Cut off: the set that was being written stays incomplete.
            Err(ContainerError::Incomplete) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(Media { header, sets })
}

fn read_media(tape: &mut Tape<'_>) -> Result<MediaHeader, ContainerError> {
    let malformed = ContainerError::Malformed { at: 0 };
    if tape.length < BLOCK_HEAD as u64 {
        return Err(ContainerError::Foreign);
    }
    let block = match tape.block() {
        Err(ContainerError::Incomplete) => return Err(malformed),
        other => other?,
    };
    let header: MediaHeader = block.json(b"SPMH")?;
    if &block.kind != b"TAPE" || header.family == 0 || header.family > header.family_count {
        return Err(malformed);
    }
    match tape.filemark() {
        Err(ContainerError::Incomplete) => Err(malformed),
        other => other.map(|()| header),
    }
}

/// Reads one set; `false` at the end of the file.
fn read_set(tape: &mut Tape<'_>, sets: &mut Vec<FoundSet>) -> Result<bool, ContainerError> {
    if tape.at >= tape.length {
        return Ok(false);
    }
    tape.block_of(b"SSET")?;
    tape.block_of(b"VOLB")?;
    let header = tape.block_of(b"MSCI")?.json::<SetHeader>(b"SPSH")?;
    sets.push(FoundSet {
        header,
        blocks: Vec::new(),
        complete: false,
    });
    let Some(set) = sets.last_mut() else {
        return Ok(false);
    };
    loop {
        let block = tape.block()?;
        match &block.kind {
            b"MSDA" | b"MSTL" if !block.open => {}
            b"MSDA" | b"MSTL" => tape.pieces(&mut set.blocks)?,
            b"MSLS" => break,
            _ => return Err(ContainerError::Malformed { at: block.at }),
        }
    }
    tape.filemark()?;
    tape.block_of(b"ESET")?;
    tape.block_of(b"ESET")?;
    tape.filemark()?;
    set.complete = true;
    Ok(true)
}

/// A file that is read block by block.
struct Tape<'a> {
    file: BufReader<&'a mut File>,
    at: u64,
    length: u64,
}

/// A descriptor block of which the CRC was right.
struct Block {
    at: u64,
    kind: [u8; 4],
    streams: Vec<([u8; 4], Vec<u8>)>,
    /// Padding and pieces of data follow: the sum stood in front of them.
    open: bool,
}

impl Block {
    fn json<T: serde::de::DeserializeOwned>(&self, id: &[u8; 4]) -> Result<T, ContainerError> {
        let found = self.streams.iter().find(|(found, _)| found == id);
        found
            .and_then(|(_, data)| serde_json::from_slice(data).ok())
            .ok_or(ContainerError::Malformed { at: self.at })
    }
}

struct Stream {
    id: [u8; 4],
    media_attributes: u16,
    length: u64,
}

impl Tape<'_> {
    fn malformed(&self) -> ContainerError {
        ContainerError::Malformed { at: self.at }
    }

    /// The next bytes; [`ContainerError::Incomplete`] when the file ends before.
    fn bytes(&mut self, count: u64, most: u64) -> Result<Vec<u8>, ContainerError> {
        if count > most {
            return Err(self.malformed());
        }
        if count > self.length - self.at {
            return Err(ContainerError::Incomplete);
        }
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0)];
        self.file.read_exact(&mut bytes)?;
        self.at += count;
        Ok(bytes)
    }

    fn zeros(&mut self, count: u64) -> Result<(), ContainerError> {
        let at = self.at;
        match self
            .bytes(count, MOST_HEADER)?
            .iter()
            .all(|&byte| byte == 0)
        {
            true => Ok(()),
            false => Err(ContainerError::Malformed { at }),
        }
    }

    /// Streams begin at multiples of four.
    fn align(&mut self) -> Result<(), ContainerError> {
        self.zeros(self.at.next_multiple_of(4) - self.at)
    }

    fn block_of(&mut self, kind: &[u8; 4]) -> Result<Block, ContainerError> {
        let block = self.block()?;
        match &block.kind == kind {
            true => Ok(block),
            false => Err(ContainerError::Malformed { at: block.at }),
        }
    }

    /// The common head of a block: what it is, and where its streams begin.
    fn head(&mut self) -> Result<(Vec<u8>, [u8; 4], u16), ContainerError> {
        let at = self.at;
        let head = self.bytes(BLOCK_HEAD as u64, MOST_HEADER)?;
        let kind: [u8; 4] = array(&head, 0).unwrap_or_default();
        let sum = array(&head, BLOCK_HEAD - 2).map(u16::from_le_bytes);
        if sum != Some(xor(head.get(..BLOCK_HEAD - 2).unwrap_or_default())) {
            // One wrong byte is damage; most of them wrong is another kind of file.
            let alike = kind.iter().zip(b"TAPE").filter(|(a, b)| a == b).count();
            return Err(if at == 0 && alike < 3 {
                ContainerError::Foreign
            } else {
                ContainerError::Malformed { at }
            });
        }
        let offset = array(&head, 8).map_or(0, u16::from_le_bytes);
        Ok((head, kind, offset))
    }

    /// Reads a block up to its padding, or up to where its data begins.
    fn block(&mut self) -> Result<Block, ContainerError> {
        let at = self.at;
        let malformed = || ContainerError::Malformed { at };
        let (mut raw, kind, offset) = self.head()?;
        let fixed = u64::from(offset)
            .checked_sub(BLOCK_HEAD as u64)
            .ok_or_else(malformed)?;
        raw.extend(self.bytes(fixed, MOST_HEADER)?);
        let mut streams = Vec::new();
        loop {
            let (stream, head) = self.stream()?;
            if &stream.id == b"SPCK" {
                let stored = self.bytes(stream.length, 4)?;
                if array(&stored, 0).map(u32::from_le_bytes) != Some(crc32fast::hash(&raw)) {
                    return Err(malformed());
                }
                break;
            }
            if raw.len() as u64 > MOST_HEADER {
                return Err(malformed());
            }
            let data = self.bytes(stream.length, MOST_HEADER)?;
            raw.extend_from_slice(&head);
            raw.extend_from_slice(&data);
            let gap = self.at.next_multiple_of(4) - self.at;
            raw.extend(self.bytes(gap, 4)?);
            streams.push((stream.id, data));
        }
        self.align()?;
        let (stream, _) = self.stream()?;
        let open = &stream.id == b"APAD";
        if !open && &stream.id != b"SPAD" || stream.length > BLOCK_BYTES as u64 {
            return Err(malformed());
        }
        self.zeros(stream.length)?;
        if open {
            self.align()?;
        }
        Ok(Block {
            at,
            kind,
            streams,
            open,
        })
    }

    fn stream(&mut self) -> Result<(Stream, Vec<u8>), ContainerError> {
        let at = self.at;
        let head = self.bytes(STREAM_HEAD as u64, MOST_HEADER)?;
        let sum = array(&head, STREAM_HEAD - 2).map(u16::from_le_bytes);
        if sum != Some(xor(head.get(..STREAM_HEAD - 2).unwrap_or_default())) {
            return Err(ContainerError::Malformed { at });
        }
        let stream = Stream {
            id: array(&head, 0).unwrap_or_default(),
            media_attributes: array(&head, 6).map_or(0, u16::from_le_bytes),
            length: array(&head, 8).map_or(0, u64::from_le_bytes),
        };
        Ok((stream, head))
    }

    /// The pieces of data up to the padding that ends their block.
    fn pieces(&mut self, into: &mut Vec<FoundBlock>) -> Result<(), ContainerError> {
        loop {
            let at = self.at;
            let (stream, _) = self.stream()?;
            match &stream.id {
                b"SPAD" => return self.zeros(stream.length),
                b"MQDA" | b"MQTL" if stream.media_attributes & MORE != 0 => {}
                _ => return Err(ContainerError::Malformed { at }),
            }
            let data_at = self.at;
            if stream.length > MOST_PIECE {
                return Err(ContainerError::Malformed { at });
            }
            if stream.length > self.length - self.at {
                return Err(ContainerError::Incomplete);
            }
            self.file
                .seek_relative(i64::try_from(stream.length).unwrap_or(0))?;
            self.at += stream.length;
            self.align()?;
            let mut checksum = None;
            if stream.media_attributes & SUMMED != 0 {
                let at = self.at;
                let (sum, _) = self.stream()?;
                if &sum.id != b"CSUM" || sum.length != 4 {
                    return Err(ContainerError::Malformed { at });
                }
                checksum = array(&self.bytes(4, 4)?, 0).map(u32::from_le_bytes);
                self.align()?;
            }
            if stream.length > 0 {
                into.push(FoundBlock {
                    at: data_at,
                    length: u32::try_from(stream.length).unwrap_or(0),
                    checksum,
                });
            }
        }
    }

    fn filemark(&mut self) -> Result<(), ContainerError> {
        let at = self.at;
        let (_, kind, length) = self.head()?;
        if &kind != b"SFMB" || usize::from(length) != FILEMARK_BYTES {
            return Err(ContainerError::Malformed { at });
        }
        self.zeros((FILEMARK_BYTES - BLOCK_HEAD) as u64)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The length of a whole file, and the set map that its last set ends with.
pub(super) fn end_of_sets(file: &mut File) -> io::Result<(u64, Vec<u8>)> {
    let wrong = || io::Error::from(io::ErrorKind::InvalidData);
    let length = file.seek(SeekFrom::End(0))?;
    let second = length
        .checked_sub((FILEMARK_BYTES + BLOCK_BYTES) as u64)
        .ok_or_else(wrong)?;
    file.seek(SeekFrom::Start(second))?;
    let mut end = [0; 88];
    file.read_exact(&mut end)?;
    let first_end = array(&end, 0x3c)
        .map(u64::from_le_bytes)
        .ok_or_else(wrong)?;
    file.seek(SeekFrom::Start(first_end))?;
    let mut tape = Tape {
        file: BufReader::with_capacity(8192, file),
        at: first_end,
        length,
    };
    let block = tape.block_of(b"ESET").map_err(io::Error::other)?;
    let set_map = block.streams.into_iter().find(|(id, _)| id == b"TSMP");
    let set_map = set_map.map(|(_, data)| data).ok_or_else(wrong)?;
    Ok((length, set_map))
}

/// Turns the last byte of the newest set's data over, as a failing disk would.
pub fn spoil_last_set(path: &Path) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let media = scan(&mut file).map_err(io::Error::other)?;
    let piece = media.sets.last().and_then(|set| set.blocks.last());
    let Some(piece) = piece else { return Ok(()) };
    let at = piece.at + u64::from(piece.length) - 1;
    let mut byte = [0];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut byte)?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&[!byte[0]])
}

/// Reads the content of a set from all its families, in family order; an encrypted one by its cipher.
pub fn read_payload(
    families: &mut [(File, FoundSet)],
    cipher: Option<&Cipher>,
) -> Result<Vec<u8>, ContainerError> {
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
        let damaged = ContainerError::Damaged { block };
        let Some((file, set)) = families.get_mut(block % count) else {
            return Err(damaged);
        };
        let Some(found) = set.blocks.get(block / count).copied() else {
            return Err(damaged);
        };
        file.seek(SeekFrom::Start(found.at))?;
        let mut piece = vec![0; found.length as usize];
        file.read_exact(&mut piece)?;
        match unpacked(&piece, found.checksum, cipher.map(|cipher| (cipher, block))) {
            Some(bytes) => payload.extend_from_slice(&bytes),
            None => return Err(damaged),
        }
    }
    if payload.len() as u64 != size {
        return Err(ContainerError::Damaged { block: total });
    }
    Ok(payload)
}

/// The bytes in a piece, when all its checksums are right. The cipher comes with the number of the piece.
fn unpacked(
    piece: &[u8],
    checksum: Option<u32>,
    cipher: Option<(&Cipher, usize)>,
) -> Option<Vec<u8>> {
    let (head, bytes) = piece.split_at_checked(PIECE_HEAD)?;
    let flags = array(head, 4).map(u32::from_le_bytes)?;
    let sum = array(head, 8).map(u32::from_le_bytes)?;
    if !head.starts_with(PIECE_MAGIC)
        || sum != piece_sum(flags, bytes)
        || checksum.is_some_and(|checksum| checksum != crc32fast::hash(piece))
    {
        return None;
    }
    let mut bytes = bytes.to_vec();
    if flags & ENCRYPTED != 0 {
        let (cipher, number) = cipher?;
        cipher.apply(number, &mut bytes);
    }
    if flags & COMPRESSED == 0 {
        return Some(bytes);
    }
    lz4_flex::block::decompress(&bytes, BLOCK).ok()
}
