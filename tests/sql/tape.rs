//! A writer of backup files for tests: what SQL Server's look like, small, and with whatever a test needs in them.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::Path,
};
use uuid::Uuid;

/// What a set of a made-up file says.
#[derive(Clone, Debug)]
pub struct SetSpec {
    /// `D`, `I` or `L`.
    pub kind: char,
    pub database: String,
    pub uuid: Uuid,
    pub base: Option<(u32, Uuid)>,
    /// Middle part of first and last LSN.
    pub lsn: (u32, u32),
    /// Minute of the day at which it starts.
    pub minute: u32,
    /// Bytes in each piece of data.
    pub pieces: Vec<usize>,
    pub checksums: bool,
    pub n_files: u32,
}

impl SetSpec {
    pub fn new(kind: char, number: u128, lsn: (u32, u32)) -> Self {
        Self {
            kind,
            database: "Müller's [shop]\n$(x)".to_owned(),
            uuid: Uuid::from_u128(number),
            base: None,
            lsn,
            minute: number as u32 * 15 % 1440,
            pieces: vec![3000, 70_000],
            checksums: false,
            n_files: 2,
        }
    }
}

/// The file that is being written.
pub struct TapeWriter {
    pub bytes: Vec<u8>,
    unit: usize,
    family: u32,
    map: Vec<u8>,
    n_sets: u32,
    year_2005: bool,
}

fn xor(bytes: &[u8]) -> u16 {
    bytes
        .chunks_exact(2)
        .fold(0, |sum, pair| sum ^ u16::from_le_bytes([pair[0], pair[1]]))
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn put_text(bytes: &mut Vec<u8>, at: usize, text: &str) {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let offset = bytes.len() as u16;
    put(bytes, at, &(units.len() as u16).to_le_bytes());
    put(bytes, at + 2, &offset.to_le_bytes());
    bytes.extend(units);
}

fn date(minute: u32) -> [u8; 5] {
    let bits = 2026_u64 << 26
        | 11 << 22
        | 22 << 17
        | u64::from(minute / 60) << 12
        | u64::from(minute % 60) << 6;
    bits.to_be_bytes()[3..].try_into().expect("five bytes")
}

fn lsn(block: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    if block > 0 {
        bytes[0] = 34;
        put(&mut bytes, 4, &block.to_le_bytes());
        bytes[8] = 1;
    }
    bytes
}

fn head(kind: &[u8; 4], mut fields: Vec<u8>) -> Vec<u8> {
    while !fields.len().is_multiple_of(4) {
        fields.push(0);
    }
    put(&mut fields, 0, kind);
    let length = fields.len() as u16;
    put(&mut fields, 8, &length.to_le_bytes());
    fields[48] = 2;
    reseal(&mut fields);
    fields
}

/// Makes the checksum of a block right again.
pub fn reseal(block: &mut [u8]) {
    let sum = xor(&block[..50]);
    put(block, 50, &sum.to_le_bytes());
}

fn stream(into: &mut Vec<u8>, id: &[u8; 4], media: u16, data: &[u8]) {
    let mut bytes = id.to_vec();
    bytes.extend([0, 0]);
    bytes.extend(media.to_le_bytes());
    bytes.extend((data.len() as u64).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(xor(&bytes).to_le_bytes());
    into.extend(bytes);
    into.extend(data);
    while !into.len().is_multiple_of(4) {
        into.push(0);
    }
}

impl TapeWriter {
    /// A file with its label: family `family.0` of `family.1`.
    pub fn new(unit: usize, media_set: Uuid, family: (u16, u16)) -> Self {
        let mut writer = Self {
            bytes: Vec::new(),
            unit,
            family: u32::from(family.0) * 77,
            map: Vec::new(),
            n_sets: 0,
            year_2005: false,
        };
        let mut fields = vec![0; 94];
        put(&mut fields, 52, &writer.family.to_le_bytes());
        put(&mut fields, 60, &1_u16.to_le_bytes());
        put(&mut fields, 64, &((unit / 512) as u16).to_le_bytes());
        put(&mut fields, 86, &4608_u16.to_le_bytes());
        put(&mut fields, 88, &date(0));
        put_text(&mut fields, 80, "Microsoft SQL Server\0");
        let mut block = head(b"TAPE", fields);
        let mut membership = media_set.to_bytes_le().to_vec();
        membership.extend(0xf000_00ad_u32.to_le_bytes());
        for number in [family.1, 1, family.0] {
            membership.extend(number.to_le_bytes());
        }
        membership.resize(32, 0);
        stream(&mut block, b"RAID", 0, &membership);
        writer.block(block);
        writer.filemark();
        writer
    }

    /// The shorter headers and the wrong position of 2005.
    pub fn like_2005(mut self) -> Self {
        self.year_2005 = true;
        self
    }

    fn block(&mut self, mut block: Vec<u8>) {
        let used = block.len() + 22;
        let padding = used.next_multiple_of(self.unit.max(1024)) - used;
        stream(&mut block, b"SPAD", 0, &vec![0; padding]);
        self.bytes.extend(block);
    }

    fn filemark(&mut self) {
        let mut fields = vec![0; self.unit];
        put(&mut fields, 0, b"SFMB");
        put(&mut fields, 8, &(self.unit as u16).to_le_bytes());
        reseal(&mut fields);
        self.bytes.extend(fields);
    }

    fn config(&self, spec: &SetSpec, finished: bool) -> Vec<u8> {
        let fixed = if self.year_2005 { 0x158 } else { 0x190 };
        let mut set = vec![0; fixed];
        put(
            &mut set,
            0x08,
            &(0x200_u32 | if spec.checksums { 0x10 } else { 0 }).to_le_bytes(),
        );
        put(&mut set, 0x1a, &[0, if self.year_2005 { 9 } else { 16 }]);
        put(&mut set, 0x20, &lsn(spec.lsn.0)[..10]);
        put(&mut set, 0x2a, &lsn(spec.lsn.1)[..10]);
        put(&mut set, 0x34, &lsn(spec.lsn.0)[..10]);
        put(&mut set, 0x48, &date(1));
        put(&mut set, 0x4d, &date(spec.minute));
        if finished {
            put(&mut set, 0x52, &date(spec.minute + 1));
        }
        put(&mut set, 0x57, &[spec.kind as u8, 52]);
        put(&mut set, 0x5b, &[160]);
        put(&mut set, 0x5e, &957_u16.to_le_bytes());
        let size: usize = spec.pieces.iter().sum();
        put(&mut set, 0x60, &(size as u64).to_le_bytes());
        for (at, id) in [(0x7c, 1_u128), (0x9c, 2), (0xe0, 3)] {
            put(&mut set, at, &Uuid::from_u128(id << 64 | 9).to_bytes_le());
        }
        if let Some((base, guid)) = spec.base {
            put(&mut set, 0x104, &lsn(base));
            put(&mut set, 0x110, &guid.to_bytes_le());
        }
        if !self.year_2005 {
            put(&mut set, 0x158, &(size as u64).to_le_bytes());
        }
        put_text(&mut set, 0x68, &spec.database);
        put_text(&mut set, 0x6c, "MADE\\UP");
        let mut group = vec![0; 0xe0];
        put(&mut group, 0x0c, &[1]);
        put_text(&mut group, 0x10, "PRIMARY");
        let mut sections = vec![(b"SCIN", set), (b"SFGI", group)];
        for file in 1..=spec.n_files {
            let mut section = vec![0; 0x400];
            let is_log = file == 2;
            put(&mut section, 0x14, &file.to_le_bytes());
            put(&mut section, 0x1c, &[1 + u8::from(is_log)]);
            put(&mut section, 0x24, &[u8::from(!is_log)]);
            put(&mut section, 0x28, &(8_u64 << 20).to_le_bytes());
            put_text(&mut section, 0x30, &format!("file{file}"));
            put_text(&mut section, 0x34, &format!("D:\\Data\\file{file}"));
            sections.push((b"SFIN", section));
        }
        let mut bytes = Vec::new();
        for (tag, mut section) in sections {
            put(&mut section, 0, tag);
            let length = section.len() as u32;
            put(&mut section, 4, &length.to_le_bytes());
            bytes.extend(section);
        }
        bytes
    }

    /// Appends a set.
    pub fn set(&mut self, spec: &SetSpec) -> &mut Self {
        self.n_sets += 1;
        let begin = self.bytes.len();
        let mut fields = vec![0; 121];
        put(&mut fields, 44, &[21, 0, 100, 0]);
        put(&mut fields, 52, &[if spec.kind == 'I' { 8 } else { 4 }]);
        put(&mut fields, 60, &4608_u16.to_le_bytes());
        put(&mut fields, 62, &(self.n_sets as u16).to_le_bytes());
        put(&mut fields, 80, &(begin as u64).to_le_bytes());
        fields[95] = 4;
        put(&mut fields, 100, &spec.uuid.to_bytes_le());
        put_text(&mut fields, 64, "a name");
        put_text(&mut fields, 76, "DOMAIN\\somebody");
        self.block(head(b"SSET", fields));
        let mut fields = vec![0; 73];
        put_text(&mut fields, 64, "MADE");
        self.block(head(b"VOLB", fields));
        let mut block = head(b"MSCI", vec![0; 56]);
        stream(&mut block, b"MQCI", 0, &self.config(spec, false));
        self.block(block);
        let (kind, id) = if spec.kind == 'L' {
            (b"MSTL", b"MQTL")
        } else {
            (b"MSDA", b"MQDA")
        };
        let mut block = head(kind, vec![0; 60]);
        stream(&mut block, b"APAD", 0x80, &[0; 7]);
        for (n, &piece) in spec.pieces.iter().enumerate() {
            let sum = if spec.checksums { 0x100 } else { 0 };
            stream(&mut block, id, 2 | sum, &vec![n as u8; piece]);
            if spec.checksums {
                stream(&mut block, b"CSUM", 0, &[1, 2, 3, 4]);
            }
        }
        stream(&mut block, id, 6, &[]);
        self.block(block);
        let mut block = head(b"MSLS", vec![0; 56]);
        stream(&mut block, b"MQCI", 0, &self.config(spec, true));
        self.block(block);
        self.filemark();
        let end = self.bytes.len();
        let mut entry = vec![0; 0x5c];
        put(&mut entry, 0, &0x5c_u16.to_le_bytes());
        put(&mut entry, 0x0c, &(begin as u64).to_le_bytes());
        self.map.extend(entry);
        self.map.extend([0x3e, 0]);
        self.map.extend([0; 0x3c]);
        let mut map = self.family.to_le_bytes().to_vec();
        map.extend(self.n_sets.to_le_bytes());
        map.extend(&self.map);
        let mut block = head(b"ESET", vec![0; 88]);
        stream(&mut block, b"OTCP", 0, &[0; 914]);
        stream(&mut block, b"TSMP", 0, &map);
        self.block(block);
        let mut fields = vec![0; 88];
        let wrong = if self.year_2005 { 1024 } else { 0 };
        put(&mut fields, 0x3c, &((end + wrong) as u64).to_le_bytes());
        self.block(head(b"ESET", fields));
        self.filemark();
        self
    }
}

/// Writes a plain file with one set again, with so much data that takes no room on the disk instead of its first piece.
///
/// It fails where the file system holds no file of that length.
pub fn write_with_hole(plain: &[u8], hole: u64, path: &Path) -> io::Result<()> {
    let number = |at: usize| {
        let bytes = plain[at..at + 8].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes)
    };
    let data = plain
        .windows(4)
        .position(|bytes| bytes == b"MQDA")
        .expect("data");
    let behind = data + 22 + (number(data + 8) as usize).next_multiple_of(4);
    let mut begin = plain[..data].to_vec();
    let mut stream = plain[data..data + 20].to_vec();
    put(&mut stream, 8, &hole.to_le_bytes());
    let sum = xor(&stream);
    begin.extend(stream);
    begin.extend(sum.to_le_bytes());
    // The last block says where the one before it lies, and that has moved.
    let mut end = plain[behind..].to_vec();
    let last = end
        .windows(4)
        .rposition(|bytes| bytes == b"ESET")
        .expect("a set");
    let first = number(behind + last + 0x3c) + begin.len() as u64 + hole - behind as u64;
    put(&mut end, last + 0x3c, &first.to_le_bytes());
    reseal(&mut end[last..]);
    let mut file = File::create(path)?;
    file.write_all(&begin)?;
    file.seek(SeekFrom::Current(hole as i64))?;
    file.write_all(&end)
}

/// A plain file with one set as a compressed one: records of bytes that do not compress.
pub fn compressed(plain: &[u8], unit: usize) -> Vec<u8> {
    let mut stream = plain.to_vec();
    // What stands in the last ESET is the place of a record, which is known only when all records are written.
    let end = stream
        .windows(4)
        .rposition(|bytes| bytes == b"ESET")
        .expect("a set");
    let mut ends_at = 0;
    loop {
        put(&mut stream, end + 0x3c, &(ends_at as u64).to_le_bytes());
        reseal(&mut stream[end..]);
        let (bytes, found) = pack(&stream, unit);
        if found == ends_at {
            return bytes;
        }
        ends_at = found;
    }
}

fn pack(stream: &[u8], unit: usize) -> (Vec<u8>, usize) {
    let mut bytes = b"MSSQLBAK".to_vec();
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(3_u32.to_le_bytes());
    bytes.resize(0x1e0, 0xee);
    let marks: Vec<usize> = (0..stream.len())
        .step_by(512)
        .filter(|&at| stream[at..].starts_with(b"SFMB"))
        .collect();
    let mut at = 0;
    let (mut ends_at, mut config_at) = (0, 0);
    for mark in marks {
        while at < mark {
            // The last configuration has a record of its own, as in real files.
            let config = stream[at..mark]
                .windows(4)
                .position(|b| b == b"MSLS")
                .filter(|&n| n > 0);
            let count = (mark - at).min(60 * 1024).min(config.unwrap_or(usize::MAX));
            let chunk = &stream[at..at + count];
            if chunk.starts_with(b"ESET") {
                ends_at = bytes.len();
            }
            if chunk.starts_with(b"MSLS") {
                config_at = bytes.len();
                put_record(&mut bytes, chunk);
                let pad = (bytes.len() + 0x40).next_multiple_of(unit) - bytes.len();
                let mut table = vec![0; pad];
                table[0] = 0x2c;
                table[0x1c] = 1;
                put(&mut table, 0x20, &((pad - 0x18) as u32).to_le_bytes());
                put(&mut table, 0x28, &(at as u64).to_le_bytes());
                put(&mut table, 0x30, &(config_at as u64).to_le_bytes());
                bytes.extend(table);
            } else {
                put_record(&mut bytes, chunk);
            }
            at += count;
        }
        if !bytes.len().is_multiple_of(unit) {
            let pad = (bytes.len() + 0x18).next_multiple_of(unit) - bytes.len();
            let mut padding = vec![0; pad];
            padding[0] = 0x24;
            put(&mut padding, 2, &((pad - 0x18) as u16).to_le_bytes());
            bytes.extend(padding);
        }
        bytes.extend(&stream[mark..mark + unit]);
        at = mark + unit;
    }
    assert!(config_at > 0);
    (bytes, ends_at)
}

/// XPRESS with a code of eight bits for each byte.
fn put_record(into: &mut Vec<u8>, chunk: &[u8]) {
    let mut packed = vec![0x88; 128];
    packed.extend([0; 128]);
    packed.extend(chunk.chunks(2).flat_map(|pair| [pair[1], pair[0]]));
    let mut head = vec![0; 0x1c];
    head[0] = 0x21;
    head[1] = u8::try_from(chunk.len() / 512).expect("a short chunk");
    put(
        &mut head,
        2,
        &u16::try_from(packed.len()).expect("it fits").to_le_bytes(),
    );
    into.extend(head);
    into.extend(packed);
}
