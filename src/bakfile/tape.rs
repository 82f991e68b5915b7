//! The stream of blocks that a file holds: as it lies there, or out of compressed records.
//!
//! A compressed file is the same stream cut into records.
//! They are hopped over by their heads; only what is asked for is expanded, one record at a time.

use super::{Fault, source::Source, xpress};
use std::io::{Read, Seek};

/// Where the first record of a compressed file begins.
const FIRST_RECORD: u64 = 0x1e0;
/// Bytes of the head of a record, as far as it is looked at.
const RECORD_HEAD: usize = 0x28;
/// What a file may have of heads, streams and records: far more than any, and still read in seconds.
const MOST_STEPS: u64 = 20_000_000;

/// A stream of blocks that is read forward.
pub(super) struct Tape<'a, R> {
    source: &'a mut Source<R>,
    /// Where the next byte lies in the stream.
    at: u64,
    records: Option<Records>,
    steps: u64,
    stop: &'a dyn Fn() -> bool,
}

/// Where a compressed file is being read.
#[derive(Debug, Default)]
struct Records {
    /// The record that holds the next byte.
    now: Option<Record>,
    /// Where the record behind it begins in the file.
    next_at: u64,
}

#[derive(Debug)]
struct Record {
    file_at: u64,
    /// Where its content begins in the stream, and how long that is.
    begin: u64,
    length: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Compressed: this many bytes from here on.
    Packed {
        at: u64,
        length: u64,
    },
    Expanded(Vec<u8>),
    /// Stored as it is, from here on.
    Plain {
        at: u64,
    },
}

impl<'a, R: Read + Seek> Tape<'a, R> {
    /// The stream of a plain file.
    pub fn plain(source: &'a mut Source<R>, stop: &'a dyn Fn() -> bool) -> Self {
        Self {
            source,
            at: 0,
            records: None,
            steps: 0,
            stop,
        }
    }

    /// The stream of a compressed file.
    pub fn packed(source: &'a mut Source<R>, stop: &'a dyn Fn() -> bool) -> Self {
        Self {
            records: Some(Records {
                now: None,
                next_at: FIRST_RECORD,
            }),
            ..Self::plain(source, stop)
        }
    }

    /// The file behind the stream.
    pub fn source(&mut self) -> &mut Source<R> {
        self.source
    }

    /// Whether the stream lies in the file as it is.
    pub fn is_plain(&self) -> bool {
        self.records.is_none()
    }

    /// Where the next byte lies in the stream.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Where the next byte lies in the file: of a compressed one the record that holds it.
    pub fn file_at(&self) -> u64 {
        match &self.records {
            None => self.at,
            Some(Records { now, next_at }) => match now {
                Some(record) if self.at < record.begin + record.length => record.file_at,
                _ => *next_at,
            },
        }
    }

    /// Goes on at a place of a plain file.
    pub fn go_to(&mut self, at: u64) {
        self.at = at;
    }

    /// Goes on at a record of a compressed file; `at` is its place in the stream.
    pub fn go_to_record(&mut self, file_at: u64, at: u64) {
        self.at = at;
        if let Some(records) = &mut self.records {
            records.now = None;
            records.next_at = file_at;
        }
    }

    /// Counts a step, so that no file keeps a reader forever.
    pub fn step(&mut self) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(Fault::TooLarge { at: self.file_at() });
        }
        if self.steps.is_multiple_of(256) && (self.stop)() {
            return Err(Fault::Cancelled);
        }
        Ok(())
    }

    /// Whether nothing follows.
    pub fn at_end(&mut self) -> Result<bool, Fault> {
        if self.records.is_none() {
            return Ok(self.at >= self.source.length());
        }
        Ok(!self.find_record()?)
    }

    /// The next bytes.
    pub fn read(&mut self, into: &mut [u8]) -> Result<(), Fault> {
        if self.records.is_none() {
            self.source.read_at(self.at, into)?;
            self.at += into.len() as u64;
            return Ok(());
        }
        let mut done = 0;
        while done < into.len() {
            if !self.find_record()? {
                return Err(Fault::Cut {
                    at: self.source.length(),
                });
            }
            let rest = into.get_mut(done..).unwrap_or_default();
            let count = self.read_record(rest)?;
            self.at += count as u64;
            done += count;
        }
        Ok(())
    }

    /// The next bytes, as many as that; the caller has bounded them.
    pub fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0; count];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    /// Leaves bytes out.
    pub fn skip(&mut self, count: u64) -> Result<(), Fault> {
        let at = self.file_at();
        let end = self.at.checked_add(count).ok_or(Fault::Length { at })?;
        if self.records.is_none() {
            if end > self.source.length() {
                return Err(Fault::Cut { at });
            }
            self.at = end;
            return Ok(());
        }
        while self.at < end {
            if !self.find_record()? {
                return Err(Fault::Cut { at });
            }
            let Some(record) = self
                .records
                .as_ref()
                .and_then(|records| records.now.as_ref())
            else {
                return Err(Fault::Cut { at });
            };
            self.at = end.min(record.begin + record.length);
        }
        Ok(())
    }

    /// Makes the record that holds the next byte the current one; `false` at the end of the file.
    fn find_record(&mut self) -> Result<bool, Fault> {
        loop {
            let Some(records) = &self.records else {
                return Ok(false);
            };
            if records
                .now
                .as_ref()
                .is_some_and(|r| self.at < r.begin + r.length)
            {
                return Ok(true);
            }
            let file_at = records.next_at;
            if file_at >= self.source.length() {
                return Ok(false);
            }
            self.step()?;
            let (record, next_at) = read_head(self.source, file_at, self.at)?;
            if let Some(records) = &mut self.records {
                records.now = record;
                records.next_at = next_at;
            }
        }
    }

    fn read_record(&mut self, into: &mut [u8]) -> Result<usize, Fault> {
        let Some(record) = self
            .records
            .as_mut()
            .and_then(|records| records.now.as_mut())
        else {
            return Ok(0);
        };
        let from = self.at - record.begin;
        let count = into
            .len()
            .min(usize::try_from(record.length - from).unwrap_or(0));
        let into = into.get_mut(..count).unwrap_or_default();
        if let Content::Packed { at, length } = record.content {
            let content = expand_record(self.source, record.file_at, at, length, record.length)?;
            record.content = Content::Expanded(content);
        }
        match &record.content {
            Content::Plain { at } => self.source.read_at(at + from, into)?,
            Content::Expanded(content) => {
                // The record is at most 64 KB long.
                let from = from as usize;
                let found = content.get(from..from + count);
                into.copy_from_slice(found.ok_or(Fault::Unpack { at: record.file_at })?);
            }
            Content::Packed { .. } => {}
        }
        Ok(count)
    }
}

/// Reads the head of a record: what it holds (nothing for padding and tables), and where the next one begins.
fn read_head<R: Read + Seek>(
    source: &mut Source<R>,
    file_at: u64,
    stream_at: u64,
) -> Result<(Option<Record>, u64), Fault> {
    let rest = source.length() - file_at;
    let mut head = [0; RECORD_HEAD];
    let count = usize::try_from(rest).unwrap_or(usize::MAX).min(RECORD_HEAD);
    source.read_at(file_at, head.get_mut(..count).unwrap_or_default())?;
    let [kind, blocks, low, high, ..] = head;
    let short = u64::from(u16::from_le_bytes([low, high]));
    let (content, length, bytes) = match (kind, blocks) {
        (0x21, 1..) => (
            Some(Content::Packed {
                at: file_at + 0x1c,
                length: short,
            }),
            u64::from(blocks) * 512,
            0x1c + short,
        ),
        (0x24, 0) => (None, 0, 0x18 + short),
        (0x2c, 0) => {
            let [a, b, c, d] = [head[0x20], head[0x21], head[0x22], head[0x23]];
            (None, 0, 0x18 + u64::from(u32::from_le_bytes([a, b, c, d])))
        }
        _ if head.starts_with(b"SFMB") => {
            let length = u64::from(u16::from_le_bytes([head[8], head[9]]));
            if length < super::block::BLOCK_HEAD as u64 {
                return Err(Fault::Length { at: file_at });
            }
            (Some(Content::Plain { at: file_at }), length, length)
        }
        _ => {
            return Err(Fault::UnknownRecord { at: file_at, kind });
        }
    };
    if bytes > rest {
        return Err(Fault::Cut { at: file_at });
    }
    let record = content.map(|content| Record {
        file_at,
        begin: stream_at,
        length,
        content,
    });
    Ok((record, file_at + bytes))
}

fn expand_record<R: Read + Seek>(
    source: &mut Source<R>,
    file_at: u64,
    at: u64,
    length: u64,
    expanded: u64,
) -> Result<Vec<u8>, Fault> {
    let unpack = Fault::Unpack { at: file_at };
    let (Ok(length), Ok(expanded)) = (usize::try_from(length), usize::try_from(expanded)) else {
        return Err(unpack);
    };
    let mut packed = vec![0; length];
    source.read_at(at, &mut packed)?;
    xpress::expand(&packed, expanded).ok_or(unpack)
}

/// The content of the compressed record at a place of the file, for what is sought from the end.
pub(super) fn record_at<R: Read + Seek>(source: &mut Source<R>, file_at: u64) -> Option<Vec<u8>> {
    let (record, _) = read_head(source, file_at, 0).ok()?;
    let record = record?;
    match record.content {
        Content::Packed { at, length } => {
            expand_record(source, file_at, at, length, record.length).ok()
        }
        Content::Expanded(_) | Content::Plain { .. } => None,
    }
}
