//! Reading SQL Server's backup files without a server: Microsoft Tape Format, headers only.
//!
//! It never reads the data of a backup, restores nothing, and trusts no length, position or count that a file names:
//! memory is bounded whatever the file says, and what is wrong is told with the offset where it is.
//! What the format is not known well enough for is [`Fact::Unknown`], and what is plausible but not proved is a
//! [`Fact::Guess`], all the way to the screen.
//!
//! ```text
//! file ─► Source ─► Tape (plain, or unpacked) ─► blocks and streams ─► BackupFile
//! folder ─► BackupFile… ─► stripes joined ─► HistoryRecords
//! ```
//!
//! Framing follows the Microsoft Tape Format Specification 1.00a; where SQL Server keeps which value was found by
//! comparing files of the versions from 2005 to 2025.
//! The variant of XPRESS in compressed backups is in [MS-XCA].
//!
//! [MS-XCA]: https://learn.microsoft.com/openspecs/windows_protocols/ms-xca

mod block;
mod columns;
mod config;
mod end;
mod fact;
mod fault;
mod folder;
mod header;
mod place;
mod read;
mod records;
mod source;
mod tape;
mod xpress;

pub use columns::{Cell, Column, file_columns, header_columns, label_columns};
pub use fact::Fact;
pub use fault::Fault;
pub use folder::{
    FolderProgress, FolderReport, LeftOut, LeftOutWhy, ListedFile, read_file, read_folders,
};
pub use header::{BackupFile, Container, DatabaseFileHeader, MediaLabel, SetHeader, Writer};
pub use place::{PathHere, PathMapping};
pub use read::read_headers;
pub use records::{FolderHistory, history_of};
