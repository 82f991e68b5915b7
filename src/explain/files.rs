//! What is wrong with backup files and folders, in words.

use super::{Problem, ProblemKind};
use crate::{
    bakfile::{Fault, LeftOut, LeftOutWhy},
    domain::FileMark,
};
use std::error::Error as _;

/// Why a file, or the rest of it, cannot be read. The sentence does not name the file: it stands beside it.
pub fn file_fault(fault: &Fault) -> Problem {
    let sentence = {
        let mut letters = fault.to_string();
        if let Some(first) = letters.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        letters
    };
    let (kind, hint) = match fault {
        Fault::Empty => (
            ProblemKind::File,
            "A backup that failed at its start leaves such a file; so does a full disk.",
        ),
        Fault::Foreign => (
            ProblemKind::File,
            "Backups by other products have formats of their own; archives have to be unpacked first.",
        ),
        Fault::Cut { .. } => (
            ProblemKind::File,
            "The backup was stopped or the copy is not complete; copy it again where there is a whole one.",
        ),
        Fault::BlockSum { .. } | Fault::StreamSum { .. } | Fault::Length { .. } => (
            ProblemKind::File,
            "What stands before that byte was read; the server may read more with CONTINUE_AFTER_ERROR.",
        ),
        Fault::NoBlock { .. } => (
            ProblemKind::File,
            "Encrypted backups can only be read by a server that has the certificate.",
        ),
        Fault::UnknownRecord { .. } | Fault::Unpack { .. } | Fault::UnknownCompression { .. } => (
            ProblemKind::File,
            "Only a server can read it: RESTORE HEADERONLY shows what it holds.",
        ),
        Fault::TooLarge { .. } => (ProblemKind::File, "It is damaged, or no backup."),
        Fault::Cancelled => (
            ProblemKind::Yours,
            "Open the folder again to read the rest.",
        ),
        Fault::Io(error) => (ProblemKind::Yours, io_hint(error)),
    };
    let mut details = Vec::new();
    let mut source = fault.source();
    while let Some(error) = source {
        details.push(error.to_string());
        source = error.source();
    }
    Problem {
        kind,
        sentence,
        hint: hint.to_owned(),
        details,
    }
}

/// Why a folder was not looked into.
pub fn left_out(folder: &LeftOut) -> Problem {
    match &folder.why {
        LeftOutWhy::Io(error) => Problem {
            kind: ProblemKind::Yours,
            sentence: "The folder cannot be listed".to_owned(),
            hint: io_hint(error).to_owned(),
            details: vec![error.to_string()],
        },
        LeftOutWhy::Link => Problem {
            kind: ProblemKind::Yours,
            sentence: "A link to a folder was not followed".to_owned(),
            hint: "Open the folder that it leads to as well, when its files belong to it."
                .to_owned(),
            details: Vec::new(),
        },
    }
}

/// A mark in a word or two.
pub fn mark_word(mark: FileMark) -> &'static str {
    match mark {
        FileMark::Found => "found",
        FileMark::Missing => "file missing",
        FileMark::Changed => "file changed",
        FileMark::Unknown => "only in files",
    }
}

/// A mark in a sentence.
pub fn mark_sentence(mark: FileMark) -> &'static str {
    match mark {
        FileMark::Found => "The history knows it, and its files are there",
        FileMark::Missing => "The history knows it, and a file of it was not found",
        FileMark::Changed => {
            "The history knows it, and at its place in the file lies another backup"
        }
        FileMark::Unknown => "A file holds it, and the history does not know it",
    }
}

fn io_hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "Check the path, and that the share is connected.",
        std::io::ErrorKind::PermissionDenied => "Your account may not read it.",
        _ => "Try again; the disk or the share may be at fault.",
    }
}
