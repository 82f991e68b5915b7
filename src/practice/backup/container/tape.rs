//! Descriptor blocks and streams of the Microsoft Tape Format 1.00a, as far as SQL Server uses them.

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

/// Bytes that every descriptor block begins with.
pub const BLOCK_HEAD: usize = 52;
/// Bytes of the header of a stream.
pub const STREAM_HEAD: usize = 22;
/// What descriptor blocks are padded to.
pub const BLOCK_BYTES: usize = 1024;
/// Bytes of a soft filemark: the block size of the medium.
pub const FILEMARK_BYTES: usize = 512;

/// Media attributes of a stream: more pieces follow, the last piece, a checksum stream follows.
pub const MORE: u16 = 0x2;
pub const LAST: u16 = 0x4;
pub const SUMMED: u16 = 0x100;
const PADDING: u16 = 0x80;

/// XOR of the 16-bit words: the checksum of blocks and of streams.
pub fn xor(bytes: &[u8]) -> u16 {
    bytes
        .as_chunks::<2>()
        .0
        .iter()
        .fold(0, |sum, pair| sum ^ u16::from_le_bytes(*pair))
}

/// Five bytes with year, month, day, hour, minute and second; zeros without a date.
pub fn date(time: Option<NaiveDateTime>) -> [u8; 5] {
    let Some(time) = time else { return [0; 5] };
    let bits = u64::try_from(time.year()).unwrap_or(0) << 26
        | u64::from(time.month()) << 22
        | u64::from(time.day()) << 17
        | u64::from(time.hour()) << 12
        | u64::from(time.minute()) << 6
        | u64::from(time.second());
    let [_, _, _, a, b, c, d, e] = bits.to_be_bytes();
    [a, b, c, d, e]
}

/// Bytes with fields at fixed places, and behind them the texts that some of the fields point to.
pub struct Fields {
    pub bytes: Vec<u8>,
}

impl Fields {
    pub fn new(fixed: usize) -> Self {
        Self {
            bytes: vec![0; fixed],
        }
    }

    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// Appends a text and writes its address; an empty one leaves the address zero.
    pub fn put_text(&mut self, at: usize, text: &str) {
        // An address holds a length of 16 bits, and names are at most 260 characters.
        let units: Vec<u8> = text
            .encode_utf16()
            .take(4096)
            .flat_map(u16::to_le_bytes)
            .collect();
        let offset = u16::try_from(self.bytes.len()).unwrap_or(0);
        if units.is_empty() || offset == 0 {
            return;
        }
        let length = u16::try_from(units.len()).unwrap_or(0);
        self.put(at, &length.to_le_bytes());
        self.put(at + 2, &offset.to_le_bytes());
        self.bytes.extend(units);
    }
}

/// A descriptor block that is being written, from its first byte.
pub struct Block {
    bytes: Vec<u8>,
}

impl Block {
    /// A block with these fields; their places count from the start of the block.
    pub fn new(kind: &[u8; 4], attributes: u32, control: u32, mut fields: Fields) -> Self {
        while !fields.bytes.len().is_multiple_of(4) {
            fields.bytes.push(0);
        }
        let offset = u16::try_from(fields.bytes.len()).unwrap_or(u16::MAX);
        fields.put(0, kind);
        fields.put(4, &attributes.to_le_bytes());
        fields.put(8, &offset.to_le_bytes());
        fields.put(10, &[14, 1]);
        fields.put(36, &control.to_le_bytes());
        fields.put(48, &[2]);
        let sum = xor(fields.bytes.get(..BLOCK_HEAD - 2).unwrap_or_default());
        fields.put(BLOCK_HEAD - 2, &sum.to_le_bytes());
        Self {
            bytes: fields.bytes,
        }
    }

    pub fn stream(&mut self, id: &[u8; 4], media_attributes: u16, data: &[u8]) {
        write_stream(&mut self.bytes, id, media_attributes, data);
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
    }

    /// The CRC of everything so far, as a stream.
    pub fn sum(&mut self) {
        let sum = crc32fast::hash(&self.bytes);
        self.stream(b"SPCK", 0, &sum.to_le_bytes());
    }

    /// Padding that puts the data of the next stream at a multiple of the filemark size.
    pub fn align_data(&mut self, at: u64) {
        let here = usize::try_from(at % FILEMARK_BYTES as u64).unwrap_or(0) + self.bytes.len();
        let heads = 2 * STREAM_HEAD + 2;
        let pad = FILEMARK_BYTES - (here + heads) % FILEMARK_BYTES;
        // The next header begins at a multiple of 4.
        let pad = pad - (here + STREAM_HEAD + pad) % 4;
        self.stream(b"APAD", PADDING, &vec![0; pad]);
    }

    /// Ends the block with padding and appends it.
    pub fn write(mut self, into: &mut Vec<u8>) {
        let used = self.bytes.len() + STREAM_HEAD;
        let pad = used.next_multiple_of(BLOCK_BYTES) - used;
        write_stream(&mut self.bytes, b"SPAD", 0, &vec![0; pad]);
        into.append(&mut self.bytes);
    }
}

fn write_stream(into: &mut Vec<u8>, id: &[u8; 4], media_attributes: u16, data: &[u8]) {
    let start = into.len();
    into.extend_from_slice(id);
    into.extend(0u16.to_le_bytes());
    into.extend(media_attributes.to_le_bytes());
    into.extend((data.len() as u64).to_le_bytes());
    into.extend([0; 4]);
    let sum = xor(into.get(start..).unwrap_or_default());
    into.extend(sum.to_le_bytes());
    into.extend_from_slice(data);
}

/// Appends a soft filemark.
pub fn write_filemark(into: &mut Vec<u8>) {
    let mut fields = Fields::new(FILEMARK_BYTES);
    fields.put(0, b"SFMB");
    fields.put(4, &0x8000_0000_u32.to_le_bytes());
    fields.put(8, &(FILEMARK_BYTES as u16).to_le_bytes());
    fields.put(10, &[14, 1]);
    let sum = xor(fields.bytes.get(..BLOCK_HEAD - 2).unwrap_or_default());
    fields.put(BLOCK_HEAD - 2, &sum.to_le_bytes());
    into.append(&mut fields.bytes);
}
