//! All SQL text and all quoting.

mod quote;
mod restore;
mod script;

pub use quote::{identifier, text};
pub use restore::{
    ServerFacts, file_name, recover_script, restore_script, stop_at_text, tail_file,
    target_database,
};
pub use script::{Batch, BatchKind, Purpose, Script};
