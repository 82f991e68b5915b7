//! Bytes of a file by their position, through one small buffer.

use super::Fault;
use std::io::{Read, Seek, SeekFrom};

/// What one read fetches: headers are a few of these, and data is never read.
const BUFFER: usize = 4096;

/// A file that is read here and there.
#[derive(Debug)]
pub(super) struct Source<R> {
    inner: R,
    length: u64,
    buffer: Vec<u8>,
    /// Where the buffer lies in the file.
    buffer_at: u64,
    /// Where the next read of `inner` begins.
    position: u64,
}

impl<R: Read + Seek> Source<R> {
    pub fn new(mut inner: R) -> Result<Self, Fault> {
        let length = inner.seek(SeekFrom::End(0))?;
        Ok(Self {
            inner,
            length,
            buffer: Vec::new(),
            buffer_at: 0,
            position: length,
        })
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Fills `into` from `at` on; nothing is read when the file ends before.
    pub fn read_at(&mut self, at: u64, into: &mut [u8]) -> Result<(), Fault> {
        let end = at.checked_add(into.len() as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(Fault::Cut {
                at: at.min(self.length),
            });
        }
        if into.len() > BUFFER {
            return self.fetch(at, into);
        }
        if !self.holds(at, into.len()) {
            // The length fits: it is at most that of the buffer.
            let length = (self.length - at).min(BUFFER as u64) as usize;
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(length, 0);
            self.fetch(at, &mut buffer)?;
            self.buffer = buffer;
            self.buffer_at = at;
        }
        let from = (at - self.buffer_at) as usize;
        if let Some(found) = self.buffer.get(from..from + into.len()) {
            into.copy_from_slice(found);
        }
        Ok(())
    }

    fn holds(&self, at: u64, length: usize) -> bool {
        at >= self.buffer_at && at + length as u64 <= self.buffer_at + self.buffer.len() as u64
    }

    fn fetch(&mut self, at: u64, into: &mut [u8]) -> Result<(), Fault> {
        if self.position != at {
            self.inner.seek(SeekFrom::Start(at))?;
        }
        // Unknown until the read is known to have worked.
        self.position = u64::MAX;
        self.inner
            .read_exact(into)
            .map_err(|error| match error.kind() {
                // The file became shorter while it was read.
                std::io::ErrorKind::UnexpectedEof => Fault::Cut { at },
                _ => Fault::Io(error),
            })?;
        self.position = at + into.len() as u64;
        Ok(())
    }
}
