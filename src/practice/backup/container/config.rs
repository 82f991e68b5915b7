//! The configuration of a set (`MQCI`): what `HEADERONLY` and `FILELISTONLY` of SQL Server are read from.

use super::{
    SetFile, SetHeader, SetKind,
    tape::{Fields, date},
};
use crate::practice::engine::LogPosition;
use chrono::NaiveDateTime;
use uuid::Uuid;

/// Lengths of the fixed parts, as SQL Server 2012 and later have them.
const SET_BYTES: usize = 0x190;
const GROUP_BYTES: usize = 0xe0;
const FILE_BYTES: usize = 0x404;

/// The largest size that a file may have when it is not limited: 16 TB of pages, 2 TB of log.
const MOST_DATA: i64 = 35_184_372_080_640;
const MOST_LOG: i64 = 2_199_023_255_552;

/// The stream as of the start of a backup (no finish date yet) or as of its end.
pub fn encode(set: &SetHeader, finish: Option<NaiveDateTime>) -> Vec<u8> {
    let mut bytes = section(b"SCIN", set_fields(set, finish));
    bytes.extend(section(b"SFGI", group_fields()));
    for file in &set.files {
        bytes.extend(section(b"SFIN", file_fields(set, file)));
    }
    bytes
}

fn section(tag: &[u8; 4], mut fields: Fields) -> Vec<u8> {
    fields.put(0, tag);
    let length = u32::try_from(fields.bytes.len()).unwrap_or(u32::MAX);
    fields.put(4, &length.to_le_bytes());
    fields.bytes
}

fn set_fields(set: &SetHeader, finish: Option<NaiveDateTime>) -> Fields {
    let mut fields = Fields::new(SET_BYTES);
    let mut flags = 0x200_u32;
    if set.has_checksums {
        flags |= 0x10;
    }
    if set.kind == SetKind::Differential {
        flags |= 0x800;
    }
    let (major, minor, build) = set.software;
    let letter = match set.kind {
        SetKind::Full => b'D',
        SetKind::Differential => b'I',
        SetKind::Log => b'L',
    };
    let status = match set.recovery_model.as_str() {
        "SIMPLE" => 8_u16,
        "BULK-LOGGED" => 4,
        _ => 0,
    };
    let wide = |position: Option<LogPosition>| position.map_or([0; 12], wide);
    fields.put(0x08, &flags.to_le_bytes());
    fields.put(0x0c, &1_u32.to_le_bytes());
    fields.put(0x10, &1_u32.to_le_bytes());
    fields.put(0x18, &build.to_le_bytes());
    fields.put(0x1a, &[minor, major]);
    fields.put(0x20, &narrow(set.first_lsn));
    fields.put(0x2a, &narrow(set.last_lsn));
    fields.put(0x34, &narrow(set.checkpoint_lsn));
    fields.put(0x3e, &set.database_backup_lsn.map_or([0; 10], narrow));
    fields.put(0x48, &date(Some(set.database_created)));
    fields.put(0x4d, &date(Some(set.start)));
    fields.put(0x52, &date(finish));
    fields.put(0x57, &[letter, 52]);
    fields.put(0x5b, &[set.compatibility_level]);
    fields.put(0x5e, &(set.database_version as u16).to_le_bytes());
    fields.put(0x60, &set.size.to_le_bytes());
    fields.put(0x74, &1033_u32.to_le_bytes());
    fields.put(0x78, &196_609_u32.to_le_bytes());
    fields.put(0x7c, &set.database_guid.to_bytes_le());
    fields.put(0x90, &wide(Some(set.last_lsn)));
    fields.put(0x9c, &set.last_fork.to_bytes_le());
    if let Some(point) = set.fork_point {
        fields.put(0xac, &wide(Some(point)));
        fields.put(0xb8, &set.first_fork.to_bytes_le());
    }
    fields.put(0xe0, &set.family_guid.to_bytes_le());
    fields.put(0xf4, &status.to_le_bytes());
    let chain = set.begins_log_chain.then_some(set.first_lsn);
    fields.put(0xf8, &wide(chain));
    fields.put(0x104, &wide(set.differential_base_lsn));
    fields.put(
        0x110,
        &set.differential_base_guid
            .unwrap_or(Uuid::nil())
            .to_bytes_le(),
    );
    if set.kind == SetKind::Log && !set.begins_log_chain {
        fields.put(0x14c, &wide(Some(set.first_lsn)));
    }
    fields.put(0x158, &set.compressed_size.to_le_bytes());
    fields.put_text(0x68, &set.database);
    fields.put_text(0x6c, &set.server);
    fields
}

fn group_fields() -> Fields {
    let mut fields = Fields::new(GROUP_BYTES);
    fields.put(0x0c, &1_u32.to_le_bytes());
    fields.put_text(0x10, "PRIMARY");
    fields
}

fn file_fields(set: &SetHeader, file: &SetFile) -> Fields {
    let mut fields = Fields::new(FILE_BYTES);
    let (kind, most) = if file.is_log {
        (2_u32, MOST_LOG)
    } else {
        (1, MOST_DATA)
    };
    let most = match file.max_size_pages {
        pages if pages > 0 => pages * 8192,
        _ => most,
    };
    let base = set.differential_base_lsn.filter(|_| !file.is_log);
    let base_guid = set.differential_base_guid.filter(|_| !file.is_log);
    fields.put(0x10, &8192_u32.to_le_bytes());
    fields.put(0x14, &file.file_id.to_le_bytes());
    if !file.is_log {
        fields.put(
            0x18,
            &u32::try_from(file.backed_up_pages)
                .unwrap_or(0)
                .to_le_bytes(),
        );
    }
    fields.put(0x1c, &kind.to_le_bytes());
    fields.put(0x20, &4096_u32.to_le_bytes());
    fields.put(0x24, &u32::from(!file.is_log).to_le_bytes());
    fields.put(0x28, &(file.size_pages * 8192).to_le_bytes());
    fields.put(0x56, &most.to_le_bytes());
    fields.put(0x5e, &(file.growth_pages * 8192).to_le_bytes());
    fields.put(0x9e, &base.map_or([0; 12], wide));
    fields.put(0xaa, &base_guid.unwrap_or(Uuid::nil()).to_bytes_le());
    fields.put(0xba, &file.file_guid.to_bytes_le());
    fields.put(0xca, &wide(set.first_lsn));
    fields.put(0xd6, &wide(set.last_lsn));
    fields.put(0xe2, &wide(set.first_lsn));
    fields.put(0xfa, &(file.backed_up_pages * 8192).to_le_bytes());
    fields.put_text(0x30, &file.logical_name);
    fields.put_text(0x34, &file.physical_name);
    fields
}

/// A position in ten bytes.
fn narrow(position: LogPosition) -> [u8; 10] {
    let [a, b, c, d] = position.vlf.to_le_bytes();
    let [e, f, g, h] = position.block.to_le_bytes();
    let [i, j] = position.slot.to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j]
}

/// The same with two bytes of padding.
fn wide(position: LogPosition) -> [u8; 12] {
    let [a, b, c, d, e, f, g, h, i, j] = narrow(position);
    [a, b, c, d, e, f, g, h, i, j, 0, 0]
}
