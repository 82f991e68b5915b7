//! The short way: from the end of a file to its sets, past all data.
//!
//! Only a hint: whatever is found by it has its own checksum, and when something is off the reader goes through the
//! file instead.

use super::{
    Fault,
    block::{self, Block, number16, number32, number64},
    config::Budget,
    tape::{self, Tape},
};
use std::io::{Read, Seek};

/// The least that a descriptor block takes.
const SMALLEST_BLOCK: u64 = 1024;
/// What the file positions of 2005 are too high by.
const TOO_HIGH: u64 = 1024;
/// More sets than a file ever holds.
const MOST_SETS: u32 = 100_000;
/// How far from its end the last records of a compressed file are looked for.
const WINDOW: u64 = 72 * 1024;
/// How many places that look like the right record are expanded before it is given up.
const MOST_TRIES: u32 = 32;

/// Where a set lies: from its `SSET` up to the end of its last filemark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub begin: u64,
    pub end: u64,
}

/// The sets of a plain file by the map in its last `ESET`.
pub(super) fn sets_of<R: Read + Seek>(
    tape: &mut Tape<'_, R>,
    unit: u64,
    budget: &mut Budget,
) -> Result<Option<Vec<Sides>>, Fault> {
    let length = tape.source().length();
    let Some(last) = first_end(tape, length, unit)? else {
        return Ok(None);
    };
    // The tape stands behind the head of that block.
    let mut begins: Vec<u64> = Vec::new();
    loop {
        let stream = last.next_stream(tape)?;
        if &stream.id == b"SPAD" {
            return Ok(None);
        }
        if &stream.id != b"TSMP" {
            last.leave(tape, &stream, 0)?;
            continue;
        }
        let mut head = [0; 8];
        tape.read(&mut head)?;
        let count = number32(&head, 4).unwrap_or(0);
        if count == 0 || count > MOST_SETS {
            return Ok(None);
        }
        for _ in 0..count {
            tape.step()?;
            budget.take(size_of::<Sides>() * 2, stream.file_at)?;
            let set = entry(tape)?;
            // Its one volume.
            entry(tape)?;
            let begin = set.as_deref().and_then(|set| number64(set, 0x0c));
            let Some(begin) = begin.filter(|&at| begins.last().is_none_or(|&last| last < at))
            else {
                return Ok(None);
            };
            begins.push(begin);
        }
        break;
    }
    let ends = begins.iter().copied().skip(1).chain([length]);
    let sides = begins.iter().copied().zip(ends);
    Ok(Some(
        sides.map(|(begin, end)| Sides { begin, end }).collect(),
    ))
}

/// One entry of the set map: its first two bytes are its length.
fn entry<R: Read + Seek>(tape: &mut Tape<'_, R>) -> Result<Option<Vec<u8>>, Fault> {
    let mut length = [0; 2];
    tape.read(&mut length)?;
    let Some(rest) = usize::from(u16::from_le_bytes(length)).checked_sub(2) else {
        return Ok(None);
    };
    let mut bytes = length.to_vec();
    bytes.extend(tape.bytes(rest)?);
    Ok(Some(bytes))
}

/// The first `ESET` of the set that ends at `end`.
fn first_end<R: Read + Seek>(
    tape: &mut Tape<'_, R>,
    end: u64,
    unit: u64,
) -> Result<Option<Block>, Fault> {
    let second = end
        .checked_sub(unit)
        .and_then(|mark| Some((mark, mark.checked_sub(unit.max(SMALLEST_BLOCK))?)));
    let Some((mark, second)) = second.filter(|_| unit > 0) else {
        return Ok(None);
    };
    let filemark = Block::at_place(tape, mark, b"SFMB")?;
    if filemark.is_none_or(|block| number16(&block.bytes, 8).map(u64::from) != Some(unit)) {
        return Ok(None);
    }
    let Some(block) = Block::at_place(tape, second, b"ESET")? else {
        return Ok(None);
    };
    let first = number64(&block.bytes, 0x3c).unwrap_or(0);
    for at in [Some(first), first.checked_sub(TOO_HIGH)]
        .into_iter()
        .flatten()
    {
        if at < second
            && let Some(block) = Block::at_place(tape, at, b"ESET")?
        {
            return Ok(Some(block));
        }
    }
    Ok(None)
}

/// The `MSLS` of a set: it lies in front of the filemark before the first `ESET`, and is as long as the `MSCI`.
pub(super) fn configuration_of<R: Read + Seek>(
    tape: &mut Tape<'_, R>,
    sides: Sides,
    unit: u64,
    length: u64,
) -> Result<Option<Block>, Fault> {
    let Some(end) = first_end(tape, sides.end, unit)? else {
        return Ok(None);
    };
    let rounded = length.checked_next_multiple_of(unit).unwrap_or(length);
    for length in [length, rounded] {
        let at = end
            .file_at
            .checked_sub(unit)
            .and_then(|mark| mark.checked_sub(length));
        if let Some(at) = at.filter(|&at| at > sides.begin)
            && let Some(block) = Block::at_place(tape, at, b"MSLS")?
        {
            return Ok(Some(block));
        }
    }
    Ok(None)
}

/// The record of a compressed file that holds `MSLS`, and its place in the stream, when there is one set.
///
/// The file ends with a filemark; in front of it lies padding, in front of that the record with both `ESET`, then a
/// filemark, and then the table that knows where the records of the end begin.
pub(super) fn packed_configuration<R: Read + Seek>(
    tape: &mut Tape<'_, R>,
    unit: u64,
) -> Result<Option<(u64, u64)>, Fault> {
    if tape.is_plain() || unit == 0 {
        return Ok(None);
    }
    let source = tape.source();
    let Some(mark) = source.length().checked_sub(unit) else {
        return Ok(None);
    };
    let begin = mark.saturating_sub(WINDOW);
    let mut window = vec![0; (mark - begin) as usize];
    source.read_at(begin, &mut window)?;
    let mut tries = 0;
    for (padding, _) in positions(&window, 0x24) {
        let at = begin + padding as u64;
        let length = number16(&window, padding + 2).map(u64::from);
        if length.is_none_or(|length| at + 0x18 + length != mark) {
            continue;
        }
        for (record, blocks) in positions(window.get(..padding).unwrap_or_default(), 0x21) {
            let length = number16(&window, record + 2).map(usize::from);
            if blocks == 0 || length.is_none_or(|length| record + 0x1c + length != padding) {
                continue;
            }
            tries += 1;
            if tries > MOST_TRIES {
                return Ok(None);
            }
            let ends_at = begin + record as u64;
            let is_end =
                tape::record_at(source, ends_at).is_some_and(|c| is_end_of_one(&c, ends_at));
            if is_end && let Some(found) = by_table(source, ends_at, unit)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// Where a record of that kind may begin, the last first, with the byte behind its kind.
fn positions(window: &[u8], kind: u8) -> impl Iterator<Item = (usize, u8)> + '_ {
    let mut end = window.len().saturating_sub(1);
    std::iter::from_fn(move || {
        loop {
            end = window.get(..end)?.iter().rposition(|&byte| byte == kind)?;
            let blocks = *window.get(end + 1)?;
            if kind == 0x21 || blocks == 0 {
                return Some((end, blocks));
            }
        }
    })
}

/// Whether the content of a record is both `ESET` of the only set of a file.
fn is_end_of_one(content: &[u8], at: u64) -> bool {
    let go_on = || false;
    let Ok(mut source) = block::in_memory(content) else {
        return false;
    };
    let mut tape = Tape::plain(&mut source, &go_on);
    let Ok(Some(first)) = Block::at_place(&mut tape, 0, b"ESET") else {
        return false;
    };
    let mut count = 0;
    while let Ok(stream) = first.next_stream(&mut tape) {
        let mut read = 0;
        if &stream.id == b"TSMP" {
            let mut head = [0; 8];
            if tape.read(&mut head).is_ok() {
                read = head.len() as u64;
                count = number32(&head, 4).unwrap_or(0);
            }
        }
        if first.leave(&mut tape, &stream, read).is_err() || &stream.id == b"SPAD" {
            break;
        }
    }
    let second = tape.at();
    let Ok(Some(second)) = Block::at_place(&mut tape, second, b"ESET") else {
        return false;
    };
    // Here the position is that of the record.
    count == 1 && number64(&second.bytes, 0x3c) == Some(at)
}

/// The place of `MSLS` by the table in front of the filemark before the record of the end.
fn by_table<R: Read + Seek>(
    source: &mut super::source::Source<R>,
    ends_at: u64,
    unit: u64,
) -> Result<Option<(u64, u64)>, Fault> {
    let Some(mark) = ends_at.checked_sub(unit) else {
        return Ok(None);
    };
    let begin = mark.saturating_sub(WINDOW);
    let mut window = vec![0; (mark - begin) as usize];
    source.read_at(begin, &mut window)?;
    for (table, _) in positions(&window, 0x2c) {
        let at = begin + table as u64;
        let length = number32(&window, table + 0x20).map(u64::from);
        if length.is_none_or(|length| at + 0x18 + length != mark) {
            continue;
        }
        let count = number32(&window, table + 0x1c).map_or(0, |count| count.min(64) as usize);
        for pair in (0..count).rev() {
            let stream_at = number64(&window, table + 0x28 + pair * 16);
            let file_at = number64(&window, table + 0x30 + pair * 16);
            let (Some(stream_at), Some(file_at)) = (stream_at, file_at) else {
                continue;
            };
            let believable = file_at < at && stream_at < 1 << 60;
            let holds = believable
                && tape::record_at(source, file_at).is_some_and(|content| {
                    let go_on = || false;
                    block::in_memory(&content).is_ok_and(|mut source| {
                        let mut tape = Tape::plain(&mut source, &go_on);
                        matches!(Block::at_place(&mut tape, 0, b"MSLS"), Ok(Some(_)))
                    })
                });
            if holds {
                return Ok(Some((file_at, stream_at)));
            }
        }
    }
    Ok(None)
}
