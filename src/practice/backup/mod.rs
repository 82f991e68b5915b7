//! `BACKUP` and `RESTORE` of the practice server: files, rules, messages, history.

mod allowed;
pub mod container;
mod encryption;
mod execute;
mod header;
pub mod history;
mod info;
pub mod managed;
pub mod media;
mod moves;
pub mod options;
pub mod restore;
pub mod stop_mark;
pub mod take;

pub use container::{SetHeader, SetKind};
pub use execute::{execute_backup, execute_restore};
pub use history::record_marks;
pub use media::{is_backup, newest_set};
pub use options::{BackupRequest, Ending, Expiry, RestoreRequest};
pub use restore::restore_now;
pub use stop_mark::{MarkPlace, StopMark};
pub use take::backup_now;

#[cfg(test)]
mod sequences;
#[cfg(test)]
mod statements;
