//! Any bytes: the reader answers without a panic, and what it found makes a history.

#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub)]

#[path = "../../../src/bakfile/mod.rs"]
mod bakfile;
#[path = "../../../src/domain/mod.rs"]
mod domain;

use bakfile::{ListedFile, PathHere, PathMapping, file_columns, header_columns, history_of, label_columns};
use std::io::Cursor;

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
