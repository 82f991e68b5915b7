//! From a file to its label and its sets.

use super::{
    BackupFile, Container, Fact, Fault, MediaLabel, SetHeader, Writer,
    block::{Block, date, guid, number8, number16, number32},
    config::{Budget, read_config},
    end::{self, Sides},
    source::Source,
    tape::Tape,
};
use std::io::{Read, Seek};

/// The name that the practice server writes into its media headers.
const PRACTICE_SOFTWARE: &str = "stopat practice server";
const SQL_SERVER_SOFTWARE: &str = "Microsoft SQL Server";

/// Reads the label and the headers of all sets. `stop` is asked now and then.
///
/// Data is not read: it is jumped over from the end of the file, or piece by piece where the end is not as it should be.
///
/// # Errors
///
/// When not even the label can be read. What is wrong behind it is [`BackupFile::fault`], beside the sets before it.
pub fn read_headers<R: Read + Seek>(file: R, stop: &dyn Fn() -> bool) -> Result<BackupFile, Fault> {
    let mut source = Source::new(file)?;
    let length = source.length();
    let container = container_of(&mut source)?;
    let mut tape = match container {
        Container::Plain => Tape::plain(&mut source, stop),
        Container::Compressed => Tape::packed(&mut source, stop),
    };
    let label = read_label(&mut tape)?;
    let mut reader = SetReader {
        tape,
        budget: Budget::default(),
        label: &label,
        container,
        jumped: false,
    };
    let (sets, fault) = match reader.by_the_end() {
        Ok(Some(sets)) => (sets, None),
        Err(fault @ (Fault::Io(_) | Fault::Cancelled)) => (Vec::new(), Some(fault)),
        // Something is off: what is right is found by going through all of it.
        Ok(None) | Err(_) => {
            reader.budget = Budget::default();
            reader.forward()?
        }
    };
    Ok(BackupFile {
        length,
        container,
        label,
        sets,
        fault,
    })
}

fn container_of<R: Read + Seek>(source: &mut Source<R>) -> Result<Container, Fault> {
    if source.length() == 0 {
        return Err(Fault::Empty);
    }
    let mut start = [0; 16];
    let count = usize::try_from(source.length())
        .unwrap_or(usize::MAX)
        .min(start.len());
    source.read_at(0, start.get_mut(..count).unwrap_or_default())?;
    if start.starts_with(b"TAPE") {
        return Ok(Container::Plain);
    }
    if !start.starts_with(b"MSSQLBAK") {
        return Err(Fault::Foreign);
    }
    let major = number32(&start, 8).unwrap_or(0);
    let minor = number32(&start, 12).unwrap_or(0);
    match (major, minor) {
        (2, 3) => Ok(Container::Compressed),
        _ => Err(Fault::UnknownCompression { major, minor }),
    }
}

fn read_label<R: Read + Seek>(tape: &mut Tape<'_, R>) -> Result<MediaLabel, Fault> {
    let block = Block::read(tape)?;
    if &block.kind != b"TAPE" {
        return Err(Fault::NoBlock { at: block.file_at });
    }
    let bytes = &block.bytes;
    let software_name = block.text(80);
    let writer = match software_name.as_deref() {
        Some(SQL_SERVER_SOFTWARE) => Writer::SqlServer,
        Some(PRACTICE_SOFTWARE) => Writer::PracticeServer,
        other => Writer::Other(other.unwrap_or_default().to_owned()),
    };
    let mut label = MediaLabel {
        media_name: block.text(68),
        media_description: block.text(72),
        software_name,
        software_vendor_id: number16(bytes, 86),
        media_date: date(bytes, 88).flatten(),
        media_set_id: Fact::Unknown,
        family_count: Fact::Unknown,
        family_sequence_number: Fact::Unknown,
        mirror_count: Fact::Unknown,
        media_family: number32(bytes, 52).unwrap_or(0),
        media_sequence_number: number16(bytes, 60).unwrap_or(0),
        media_block_size: u32::from(number16(bytes, 64).unwrap_or(0)) * 512,
        writer,
    };
    loop {
        let stream = block.next_stream(tape)?;
        let mut membership = [0; 32];
        let known = &stream.id == b"RAID" && stream.length == membership.len() as u64;
        if known {
            tape.read(&mut membership)?;
            label.media_set_id = Fact::sure(guid(&membership, 0));
            label.family_count = Fact::sure(number16(&membership, 20));
            label.mirror_count = Fact::guess(number16(&membership, 22));
            label.family_sequence_number = Fact::sure(number16(&membership, 24));
        }
        block.leave(tape, &stream, if known { stream.length } else { 0 })?;
        if &stream.id == b"SPAD" {
            return Ok(label);
        }
    }
}

/// Reads sets from a tape that stands behind the label.
pub(super) struct SetReader<'a, R> {
    pub tape: Tape<'a, R>,
    budget: Budget,
    label: &'a MediaLabel,
    container: Container,
    /// The end of a compressed file was looked for.
    jumped: bool,
}

impl<R: Read + Seek> SetReader<'_, R> {
    /// Reads all sets by the map at the end of a plain file; `None` when anything about it is off.
    fn by_the_end(&mut self) -> Result<Option<Vec<SetHeader>>, Fault> {
        if !self.tape.is_plain() {
            return Ok(None);
        }
        let behind_label = self.tape.at();
        let unit = u64::from(self.label.media_block_size);
        let Some(places) = end::sets_of(&mut self.tape, unit, &mut self.budget)? else {
            self.tape.go_to(behind_label);
            return Ok(None);
        };
        let mut sets = Vec::with_capacity(places.len());
        for place in places {
            let Some(set) = self.set_between(place, unit)? else {
                self.tape.go_to(behind_label);
                return Ok(None);
            };
            sets.push(set);
        }
        Ok(Some(sets))
    }

    /// Reads one set whose sides are known.
    fn set_between(&mut self, sides: Sides, unit: u64) -> Result<Option<SetHeader>, Fault> {
        let Some(block) = Block::at_place(&mut self.tape, sides.begin, b"SSET")? else {
            return Ok(None);
        };
        let mut set = self.begin(&block)?;
        let begin_config = loop {
            let block = Block::read(&mut self.tape)?;
            match &block.kind {
                b"VOLB" => self.volume(&block, &mut set)?,
                b"MSCI" => break block,
                _ => return Ok(None),
            }
        };
        self.config(&begin_config, &mut set)?;
        let length = self.tape.at() - begin_config.at;
        let Some(last) = end::configuration_of(&mut self.tape, sides, unit, length)? else {
            return Ok(None);
        };
        self.config(&last, &mut set)?;
        set.complete = true;
        Ok(Some(set))
    }

    /// Goes through all blocks from behind the label on.
    fn forward(&mut self) -> Result<(Vec<SetHeader>, Option<Fault>), Fault> {
        let mut sets: Vec<SetHeader> = Vec::new();
        let fault = self.walk(&mut sets).err();
        match fault {
            Some(fault @ (Fault::Io(_) | Fault::Cancelled)) if sets.is_empty() => Err(fault),
            fault => Ok((sets, fault)),
        }
    }

    fn walk(&mut self, sets: &mut Vec<SetHeader>) -> Result<(), Fault> {
        let mut open = false;
        while !self.tape.at_end()? {
            let block = Block::read(&mut self.tape)?;
            match (&block.kind, sets.last_mut()) {
                (b"SSET", _) => {
                    let set = self.begin(&block)?;
                    sets.push(set);
                    open = true;
                }
                (b"VOLB", Some(set)) if open => self.volume(&block, set)?,
                (b"MSCI", Some(set)) if open => {
                    self.config(&block, set)?;
                    self.jump_over_packed_data()?;
                }
                (b"MSLS", Some(set)) if open => self.config(&block, set)?,
                (b"ESET", Some(set)) => {
                    block.skip_streams(&mut self.tape)?;
                    set.complete = true;
                }
                // The last thing of a set.
                (b"SFMB", Some(set)) if set.complete => open = false,
                (b"SFMB", _) => {}
                (b"MSDA" | b"MSTL", Some(_)) => block.skip_streams(&mut self.tape)?,
                (b"TAPE" | b"VOLB" | b"MSCI" | b"MSLS" | b"ESET" | b"MSDA" | b"MSTL", _) => {
                    return Err(Fault::NoBlock { at: block.file_at });
                }
                // Blocks of other versions have streams like all.
                _ => block.skip_streams(&mut self.tape)?,
            }
        }
        // The end of the file came before the end of a set, or of the first one.
        if open || sets.is_empty() {
            return Err(Fault::Cut {
                at: self.tape.file_at(),
            });
        }
        Ok(())
    }

    /// Goes to the end of the only set of a compressed file, when that can be found without its data.
    fn jump_over_packed_data(&mut self) -> Result<(), Fault> {
        if std::mem::replace(&mut self.jumped, true) {
            return Ok(());
        }
        let unit = u64::from(self.label.media_block_size);
        if let Some((file_at, at)) = end::packed_configuration(&mut self.tape, unit)? {
            self.tape.go_to_record(file_at, at);
        }
        Ok(())
    }

    fn begin(&mut self, block: &Block) -> Result<SetHeader, Fault> {
        let bytes = &block.bytes;
        let extra = number16(bytes, 46).map_or(0, usize::from);
        let has_extra = number16(bytes, 44).is_some_and(|length| length >= 21) && extra > 0;
        let extra = bytes.get(extra..).filter(|_| has_extra).unwrap_or_default();
        let set = SetHeader {
            offset: block.file_at,
            position: number16(bytes, 62),
            backup_name: block.text(64),
            backup_description: block.text(68),
            user_name: block.text(76),
            backup_set_guid: guid(extra, 0).filter(|guid| !guid.is_nil()),
            expiration_date: Fact::sure(date(extra, 16)),
            time_zone: number8(bytes, 95).map(|quarters| i8::from_le_bytes([quarters])),
            software_vendor_id: number16(bytes, 60),
            compressed: match (self.container, &self.label.writer) {
                (Container::Compressed, _) => Fact::Sure(true),
                (Container::Plain, Writer::SqlServer) => Fact::Sure(false),
                // Others may do as they like inside the streams.
                (Container::Plain, _) => Fact::Unknown,
            },
            ..SetHeader::default()
        };
        let texts = [&set.backup_name, &set.backup_description, &set.user_name];
        let bytes: usize = texts.into_iter().flatten().map(String::len).sum();
        self.budget
            .take(size_of::<SetHeader>() + 256 + bytes, block.file_at)?;
        block.skip_streams(&mut self.tape)?;
        Ok(set)
    }

    fn volume(&mut self, block: &Block, set: &mut SetHeader) -> Result<(), Fault> {
        set.machine_name = block.text(64);
        block.skip_streams(&mut self.tape)
    }

    fn config(&mut self, block: &Block, set: &mut SetHeader) -> Result<(), Fault> {
        loop {
            let stream = block.next_stream(&mut self.tape)?;
            if &stream.id == b"MQCI" {
                let mut read = set.clone();
                read_config(&mut self.tape, block, &stream, &mut self.budget, &mut read)?;
                *set = read;
                continue;
            }
            block.leave(&mut self.tape, &stream, 0)?;
            if &stream.id == b"SPAD" {
                return Ok(());
            }
        }
    }
}
