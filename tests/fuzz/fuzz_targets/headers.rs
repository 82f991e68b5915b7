//! Any bytes: the reader answers without a panic, and what it found makes a history.

#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub)]

#[path = "../../../src/bakfile/mod.rs"]
mod bakfile;
#[path = "../../../src/domain/mod.rs"]
mod domain;

use bakfile::{ListedFile, PathHere, PathMapping, file_columns, header_columns, history_of, label_columns};
use std::io::Cursor;

// Heads whose checksums are wrong end the reading at once: most changes are sealed again, so that it goes on.
libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
    let size = libfuzzer_sys::fuzzer_mutate(bytes, size, most);
    if !seed.is_multiple_of(4) {
        seal(&mut bytes[..size]);
    }
    size
});

/// Makes the checksums of everything that is named like a block or a stream right.
fn seal(bytes: &mut [u8]) {
    for at in (0..bytes.len()).step_by(4) {
        let head = match bytes.get(at..at + 4) {
            Some(b"TAPE" | b"SFMB" | b"SSET" | b"VOLB" | b"MSCI" | b"MSDA" | b"MSTL" | b"MSLS" | b"ESET") => 52,
            Some(b"MQCI" | b"MQDA" | b"MQTL" | b"APAD" | b"SPAD" | b"RAID" | b"TSMP" | b"OTCP" | b"CSUM") => 22,
            _ => continue,
        };
        if let Some(head) = bytes.get_mut(at..at + head) {
            let (words, sum) = head.split_at_mut(head.len() - 2);
            let pairs = words.as_chunks::<2>().0.iter();
            let xor = pairs.fold(0, |sum, pair| sum ^ u16::from_le_bytes(*pair));
            sum.copy_from_slice(&xor.to_le_bytes());
        }
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = bakfile::read_headers(Cursor::new(bytes), &|| false) else {
        return;
    };
    if let Some(at) = file.fault.as_ref().and_then(bakfile::Fault::at) {
        assert!(at <= bytes.len() as u64, "a fault lies in the file: {at}");
    }
    label_columns(&file);
    for set in &file.sets {
        assert!(set.offset < bytes.len() as u64);
        header_columns(set);
        for file in &set.files {
            file_columns(file);
        }
    }
    let listed = ListedFile {
        path: PathHere("file.bak".into()),
        length: bytes.len() as u64,
        read: Ok(file),
    };
    let found = history_of(&[listed], &PathMapping::default());
    domain::History::from_records(found.records);
});
