//! All SQL text and all quoting.

mod script;

pub use script::{Batch, BatchKind, Script};
