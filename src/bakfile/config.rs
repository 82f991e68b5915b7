//! The configuration stream of a set (`MQCI`): sections for the set, its file groups and its files.

use super::{
    DatabaseFileHeader, Fact, Fault, SetHeader,
    block::{Block, Stream, date, guid, lsn, number8, number16, number32, number64, text},
    tape::Tape,
};
use crate::domain::{BackupType, Lsn};
use std::io::{Read, Seek};
use uuid::Uuid;

/// The largest section that is believed: fixed parts are under 2 KB, and names are at most 260 characters.
const MOST_SECTION: u32 = 64 * 1024;
/// What the headers of one file may take in memory.
const MOST_MEMORY: usize = 24 * 1024 * 1024;

/// Counts what headers take in memory.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MOST_MEMORY }
    }
}

impl Budget {
    pub fn take(&mut self, bytes: usize, at: u64) -> Result<(), Fault> {
        self.left = self.left.checked_sub(bytes).ok_or(Fault::TooLarge { at })?;
        Ok(())
    }
}

/// Reads the configuration into `set`; what it says replaces what is there.
pub(super) fn read_config<R: Read + Seek>(
    tape: &mut Tape<'_, R>,
    block: &Block,
    stream: &Stream,
    budget: &mut Budget,
    set: &mut SetHeader,
) -> Result<(), Fault> {
    let mut left = stream.length;
    let mut groups: Vec<(u32, Option<String>)> = Vec::new();
    let mut files = Vec::new();
    while left > 0 {
        tape.step()?;
        let at = tape.file_at();
        let mut head = [0; 8];
        let inside = left
            .checked_sub(head.len() as u64)
            .ok_or(Fault::Length { at })?;
        tape.read(&mut head)?;
        let size = number32(&head, 4).unwrap_or(0);
        let rest = u64::from(size).checked_sub(head.len() as u64);
        let rest = rest.filter(|&rest| size <= MOST_SECTION && rest <= inside);
        let rest = rest.ok_or(Fault::Length { at })?;
        let mut section = head.to_vec();
        section.resize(size as usize, 0);
        tape.read(section.get_mut(head.len()..).unwrap_or_default())?;
        left = inside - rest;
        match section.first_chunk() {
            Some(b"SCIN") => read_set(&section, set),
            Some(b"SFGI") => {
                let name = text(&section, 0x10);
                budget.take(64 + name.as_ref().map_or(0, String::len), at)?;
                groups.push((number32(&section, 0x0c).unwrap_or(0), name));
            }
            Some(b"SFIN") => {
                let file = read_database_file(&section);
                let names = [&file.logical_name, &file.physical_name];
                let bytes: usize = names.into_iter().flatten().map(String::len).sum();
                budget.take(size_of::<DatabaseFileHeader>() + 128 + bytes, at)?;
                files.push(file);
            }
            // Other sections may come with other versions; nothing that is listed is in them.
            _ => {}
        }
    }
    block.leave(tape, stream, stream.length)?;
    for file in &mut files {
        let group = file.file_group_id.get().filter(|&group| group != 0);
        file.file_group_name = match group {
            None => file.file_group_id.map(|_| None),
            Some(id) => match groups.iter().find(|(group, _)| *group == id) {
                Some((_, name)) => Fact::sure(name.clone().map(Some)),
                None => Fact::Unknown,
            },
        };
    }
    set.files = files;
    Ok(())
}

fn read_set(section: &[u8], set: &mut SetHeader) {
    // Versions differ in how long the fixed part is; the names follow it.
    let names = [0x68, 0x6c].into_iter().filter_map(|address| {
        let length = number16(section, address)?;
        number16(section, address + 2).filter(|_| length > 0)
    });
    let fixed = names.min().map_or(section.len(), usize::from);
    let bytes = section.get(..fixed).unwrap_or(section);
    let flags = number32(bytes, 0x08);
    let kind = number8(bytes, 0x57);
    let backup_type = kind
        .and_then(|letter| BackupType::from_letter(char::from(letter).encode_utf8(&mut [0; 4])));
    set.database_name = text(section, 0x68);
    set.server_name = text(section, 0x6c);
    set.has_backup_checksums = Fact::sure(flags.map(|flags| flags & 0x10 != 0));
    set.software_version_build = Fact::sure(number16(bytes, 0x18));
    set.software_version_minor = Fact::sure(number8(bytes, 0x1a));
    set.software_version_major = Fact::sure(number8(bytes, 0x1b));
    set.first_lsn = Fact::sure(lsn(bytes, 0x20));
    set.last_lsn = Fact::sure(lsn(bytes, 0x2a));
    set.checkpoint_lsn = Fact::sure(lsn(bytes, 0x34));
    set.database_backup_lsn = Fact::sure(lsn(bytes, 0x3e));
    set.database_creation_date = Fact::sure(date(bytes, 0x48));
    set.backup_start_date = Fact::sure(date(bytes, 0x4d));
    set.backup_finish_date = Fact::sure(date(bytes, 0x52));
    set.backup_type = match backup_type {
        Some(kind @ (BackupType::Full | BackupType::Differential | BackupType::Log)) => {
            Fact::Sure(kind)
        }
        other => Fact::guess(other),
    };
    set.sort_order = Fact::sure(number8(bytes, 0x58));
    set.compatibility_level = Fact::sure(number8(bytes, 0x5b));
    set.database_version = Fact::sure(number16(bytes, 0x5e));
    set.backup_size = Fact::sure(number64(bytes, 0x60));
    set.unicode_locale_id = Fact::sure(number32(bytes, 0x74));
    set.unicode_comparison_style = Fact::sure(number32(bytes, 0x78));
    set.binding_id = Fact::sure(guid(bytes, 0x7c));
    set.recovery_fork_id = Fact::sure(guid(bytes, 0x9c));
    set.family_guid = Fact::sure(guid(bytes, 0xe0));
    set.compressed_backup_size = Fact::sure(number64(bytes, 0x158));
    set.recovery_model = match number16(bytes, 0xf4) {
        None => Fact::Unknown,
        Some(status) if status & 8 != 0 => Fact::Sure("SIMPLE"),
        Some(status) if status & 4 != 0 => Fact::Guess("BULK-LOGGED"),
        Some(_) => Fact::Sure("FULL"),
    };
    let is_differential = backup_type == Some(BackupType::Differential);
    set.differential_base_lsn = Fact::sure(
        lsn(bytes, 0x104).map(|base| Some(base).filter(|base| is_differential && !base.is_zero())),
    );
    set.differential_base_guid = Fact::sure(
        guid(bytes, 0x110).map(|base| Some(base).filter(|base| is_differential && !base.is_nil())),
    );
    read_fork(bytes, set);
    set.begins_log_chain = match (set.backup_type, set.first_lsn.get(), lsn(bytes, 0xf8)) {
        (Fact::Sure(BackupType::Log), Some(begin), Some(chain)) => Fact::Guess(begin == chain),
        (Fact::Sure(_), ..) => Fact::Guess(false),
        _ => Fact::Unknown,
    };
}

/// The fork that the set begins on, as the columns of `HEADERONLY` are thought to be derived.
fn read_fork(bytes: &[u8], set: &mut SetHeader) {
    let now = set.recovery_fork_id.get();
    let (point, before) = (lsn(bytes, 0xac), guid(bytes, 0xb8));
    let (Some(now), Some(first), Some(point), Some(before)) =
        (now, set.first_lsn.get(), point, before)
    else {
        set.first_recovery_fork_id = Fact::Unknown;
        set.fork_point_lsn = Fact::Unknown;
        return;
    };
    if !before.is_nil() && first < point {
        set.first_recovery_fork_id = Fact::Guess(before);
        set.fork_point_lsn = Fact::Guess(Some(point));
    } else {
        set.first_recovery_fork_id = Fact::Guess(now);
        set.fork_point_lsn = Fact::Guess(None);
    }
}

fn read_database_file(section: &[u8]) -> DatabaseFileHeader {
    let kind = number32(section, 0x1c);
    let is_log = kind == Some(2);
    let bytes = number64(section, 0xfa);
    let known = |id: Option<Uuid>| Fact::sure(id.filter(|id| !id.is_nil()));
    let known_lsn = |at| Fact::guess(lsn(section, at).filter(|_| !is_log).or(Some(Lsn::ZERO)));
    DatabaseFileHeader {
        logical_name: text(section, 0x30),
        physical_name: text(section, 0x34),
        file_type: match kind {
            Some(1) => Fact::Sure('D'),
            Some(2) => Fact::Sure('L'),
            _ => Fact::Unknown,
        },
        file_group_name: Fact::Unknown,
        size: Fact::sure(number64(section, 0x28)),
        max_size: Fact::sure(number64(section, 0x56)),
        file_id: Fact::sure(number32(section, 0x14)),
        create_lsn: Fact::sure(lsn(section, 0x8a)),
        unique_id: known(guid(section, 0xba)),
        backup_size_in_bytes: if is_log {
            Fact::guess(bytes)
        } else {
            Fact::sure(bytes)
        },
        source_block_size: Fact::sure(number32(section, 0x20)),
        file_group_id: Fact::sure(number32(section, 0x24)),
        differential_base_lsn: known_lsn(0x9e),
        differential_base_guid: Fact::guess(guid(section, 0xaa)),
    }
}
