//! All SQL text and all quoting.

mod ask;
mod quote;
mod restore;
mod script;

pub use ask::{
    HistoryColumns, HistoryMark, HistoryQueries, abilities, all_rows, count_rows, database_state,
    databases, header_only, history, master_files, newest_value, practice_accident, progress,
    release_lock, running_backups, server_facts, table_rows, take_lock, thumbprints, volumes,
};
pub use quote::{identifier, text};
pub use restore::{
    ServerFacts, drop_copy_script, file_name, recover_script, restore_script, stop_at_text,
    tail_file, target_database,
};
pub use script::{Batch, BatchKind, Purpose, Script};
