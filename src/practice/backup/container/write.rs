//! Writing a set behind what is there, or into a new file.

use super::{
    BLOCK, COMPRESSED, Cipher, ENCRYPTED, MediaHeader, PIECE_HEAD, PIECE_MAGIC, SOFTWARE,
    SetHeader, SetKind, config,
    read::end_of_sets,
    tape::{Block, Fields, LAST, MORE, SUMMED, date, write_filemark},
};
use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
};

/// Microsoft, as the real files say: the layout is theirs.
const VENDOR: u16 = 4608;

/// The pieces of a set, ready to be written.
pub struct Blocks {
    /// Per family.
    families: Vec<Vec<Vec<u8>>>,
    /// Bytes on the media.
    pub bytes: u64,
}

/// Cuts a payload into pieces for that many families.
pub fn cut(payload: &[u8], families: usize, compress: bool, cipher: Option<&Cipher>) -> Blocks {
    let families = families.max(1);
    let mut blocks = Blocks {
        families: vec![Vec::new(); families],
        bytes: 0,
    };
    for (number, raw) in payload.chunks(BLOCK).enumerate() {
        let packed = compress
            .then(|| lz4_flex::block::compress(raw))
            .filter(|packed| packed.len() < raw.len());
        let (mut bytes, mut flags) = match packed {
            Some(packed) => (packed, COMPRESSED),
            None => (raw.to_vec(), 0),
        };
        if let Some(cipher) = cipher {
            cipher.apply(number, &mut bytes);
            flags |= ENCRYPTED;
        }
        blocks.bytes += bytes.len() as u64;
        if let Some(into) = blocks.families.get_mut(number % families) {
            let mut piece = Vec::with_capacity(PIECE_HEAD + bytes.len());
            piece.extend_from_slice(PIECE_MAGIC);
            piece.extend(flags.to_le_bytes());
            piece.extend(piece_sum(flags, &bytes).to_le_bytes());
            piece.extend(bytes);
            into.push(piece);
        }
    }
    blocks
}

/// The CRC of a piece: its flags and its bytes.
pub(super) fn piece_sum(flags: u32, bytes: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&flags.to_le_bytes());
    sum.update(bytes);
    sum.finalize()
}

/// The file of one family.
pub struct Family<'a> {
    pub path: &'a Path,
    /// From 0.
    pub number: usize,
    pub media: &'a MediaHeader,
    pub place: Place,
}

/// Where a set goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    NewFile,
    BehindOthers,
}

/// Writes a set to one family: into a new file, or behind what is there.
pub fn write_set(family: &Family<'_>, header: &SetHeader, blocks: &Blocks) -> io::Result<()> {
    let Family {
        path,
        number,
        media,
        place,
    } = *family;
    let mut bytes = Vec::new();
    let (mut file, start, set_map) = match place {
        Place::NewFile => {
            write_media(&mut bytes, media)?;
            (File::create(path)?, 0, Vec::new())
        }
        Place::BehindOthers => {
            let mut file = File::options().read(true).append(true).open(path)?;
            let (length, set_map) = end_of_sets(&mut file)?;
            (file, length, set_map)
        }
    };
    let mut writer = SetWriter {
        into: bytes,
        start,
        header,
        control: 0,
    };
    let set_at = writer.here();
    writer.begin()?;
    writer.data(blocks.families.get(number).map_or(&[], Vec::as_slice));
    writer.end(media, set_at, set_map);
    file.write_all(&writer.into)
}

fn write_media(into: &mut Vec<u8>, media: &MediaHeader) -> io::Result<()> {
    let family_id = media.family_id.to_bytes_le();
    let mut fields = Fields::new(94);
    fields.put(52, family_id.get(..4).unwrap_or_default());
    fields.put(56, &[5]);
    fields.put(60, &1_u16.to_le_bytes());
    fields.put(64, &[1, 0, 3, 0]);
    fields.put(84, &1024_u16.to_le_bytes());
    fields.put(86, &VENDOR.to_le_bytes());
    fields.put(88, &date(Some(media.created)));
    fields.put(93, &[1]);
    fields.put_text(68, media.name.as_deref().unwrap_or_default());
    fields.put_text(72, media.description.as_deref().unwrap_or_default());
    fields.put_text(80, SOFTWARE);
    let mut membership = Fields::new(32);
    membership.put(0, &media.media_set.to_bytes_le());
    membership.put(16, &0xf000_00ad_u32.to_le_bytes());
    membership.put(20, &u16::from(media.family_count).to_le_bytes());
    membership.put(22, &u16::from(media.mirror_count).to_le_bytes());
    membership.put(24, &u16::from(media.family).to_le_bytes());
    membership.put(30, &1_u16.to_le_bytes());
    let mut block = Block::new(b"TAPE", 0x30000, 0, fields);
    block.stream(b"RAID", 0, &membership.bytes);
    block.stream(b"SPMH", 0, &serde_json::to_vec(media)?);
    block.sum();
    block.write(into);
    write_filemark(into);
    Ok(())
}

/// The blocks of one set, one after the other.
struct SetWriter<'a> {
    into: Vec<u8>,
    /// Where `into` will begin in the file.
    start: u64,
    header: &'a SetHeader,
    /// Number of the next block in the set.
    control: u32,
}

impl SetWriter<'_> {
    fn here(&self) -> u64 {
        self.start + self.into.len() as u64
    }

    fn block(&mut self, kind: &[u8; 4], fields: Fields) -> Block {
        let control = self.control;
        self.control += 1;
        Block::new(kind, 0, control, fields)
    }

    /// What stands in front of the data.
    fn begin(&mut self) -> io::Result<()> {
        let header = self.header;
        let (major, minor, _) = header.software;
        let mut fields = Fields::new(121);
        fields.put(44, &[21, 0, 100, 0]);
        fields.put(52, &set_attributes(header.kind).to_le_bytes());
        fields.put(60, &VENDOR.to_le_bytes());
        fields.put(
            62,
            &u16::try_from(header.position).unwrap_or(0).to_le_bytes(),
        );
        fields.put(80, &self.here().to_le_bytes());
        fields.put(88, &date(Some(header.start)));
        fields.put(93, &[major, minor]);
        fields.put(
            95,
            &i8::try_from(header.time_zone).unwrap_or(127).to_le_bytes(),
        );
        fields.put(97, &[2]);
        fields.put(100, &header.uuid.to_bytes_le());
        fields.put(116, &date(header.expires));
        fields.put_text(64, header.name.as_deref().unwrap_or_default());
        fields.put_text(68, header.description.as_deref().unwrap_or_default());
        fields.put_text(76, &header.user);
        let mut block = self.block(b"SSET", fields);
        block.sum();
        block.write(&mut self.into);

        let mut fields = Fields::new(73);
        fields.put(52, &[2]);
        fields.put(68, &date(Some(header.start)));
        fields.put_text(56, "D:");
        fields.put_text(64, &header.machine);
        let mut block = self.block(b"VOLB", fields);
        block.sum();
        block.write(&mut self.into);

        let mut block = self.block(b"MSCI", Fields::new(56));
        block.stream(b"MQCI", 0, &config::encode(header, None));
        block.stream(b"SPSH", 0, &serde_json::to_vec(header)?);
        block.sum();
        block.write(&mut self.into);
        Ok(())
    }

    fn data(&mut self, pieces: &[Vec<u8>]) {
        let (kind, stream) = match self.header.kind {
            SetKind::Full | SetKind::Differential => (b"MSDA", b"MQDA"),
            SetKind::Log => (b"MSTL", b"MQTL"),
        };
        let at = self.here();
        let mut block = self.block(kind, Fields::new(60));
        block.sum();
        block.align_data(at);
        for piece in pieces {
            if self.header.has_checksums {
                block.stream(stream, MORE | SUMMED, piece);
                block.stream(b"CSUM", 0, &crc32fast::hash(piece).to_le_bytes());
            } else {
                block.stream(stream, MORE, piece);
            }
        }
        block.stream(stream, MORE | LAST, &[]);
        block.write(&mut self.into);
        if self.header.kind != SetKind::Log {
            // The log that would make the pages consistent: these are consistent already.
            let mut block = self.block(b"MSTL", Fields::new(60));
            block.sum();
            block.write(&mut self.into);
        }
    }

    /// What stands behind the data.
    fn end(&mut self, media: &MediaHeader, set_at: u64, mut set_map: Vec<u8>) {
        let header = self.header;
        let mut block = self.block(b"MSLS", Fields::new(56));
        block.stream(b"MQCI", 0, &config::encode(header, Some(header.finish)));
        block.sum();
        block.write(&mut self.into);
        write_filemark(&mut self.into);

        let end_at = self.here();
        if set_map.is_empty() {
            set_map.extend(media.family_id.to_bytes_le().get(..4).unwrap_or_default());
            set_map.extend([0; 4]);
        }
        let count = u32::try_from(header.position).unwrap_or(0);
        if let Some(place) = set_map.get_mut(4..8) {
            place.copy_from_slice(&count.to_le_bytes());
        }
        set_map.extend(map_entry(header, set_at, end_at));
        let mut block = self.block(b"ESET", end_fields(header, 0));
        block.stream(b"TSMP", 0, &set_map);
        block.sum();
        block.write(&mut self.into);
        let mut block = self.block(b"ESET", end_fields(header, end_at));
        block.sum();
        block.write(&mut self.into);
        write_filemark(&mut self.into);
    }
}

fn set_attributes(kind: SetKind) -> u32 {
    match kind {
        SetKind::Full | SetKind::Log => 4,
        SetKind::Differential => 8,
    }
}

fn end_fields(header: &SetHeader, first_end: u64) -> Fields {
    let mut fields = Fields::new(88);
    fields.put(52, &set_attributes(header.kind).to_le_bytes());
    fields.put(0x3c, &first_end.to_le_bytes());
    fields.put(
        0x4e,
        &u16::try_from(header.position).unwrap_or(0).to_le_bytes(),
    );
    fields.put(0x50, &date(Some(header.finish)));
    fields
}

/// What the set map says of a set, with its one volume.
fn map_entry(header: &SetHeader, set_at: u64, end_at: u64) -> Vec<u8> {
    let mut set = Fields::new(0x5c);
    set.put(2, &[1]);
    set.put(8, &set_attributes(header.kind).to_le_bytes());
    set.put(0x0c, &set_at.to_le_bytes());
    set.put(
        0x1e,
        &u16::try_from(header.position).unwrap_or(0).to_le_bytes(),
    );
    set.put(0x34, &(end_at - set_at).to_le_bytes());
    set.put(0x3c, &[1]);
    set.put(0x50, &date(Some(header.start)));
    set.put(0x56, &[14, 1, 2, 0, 2]);
    set.put_text(0x4c, &header.user);
    let mut volume = Fields::new(0x3e);
    volume.put(2, b"VOLB");
    volume.put(6, &[1]);
    volume.put(0x38, &date(Some(header.start)));
    volume.put_text(0x28, "D:");
    volume.put_text(0x30, &header.machine);
    let mut bytes = Vec::new();
    for mut entry in [set, volume] {
        let length = u16::try_from(entry.bytes.len()).unwrap_or(u16::MAX);
        entry.put(0, &length.to_le_bytes());
        bytes.append(&mut entry.bytes);
    }
    bytes
}
