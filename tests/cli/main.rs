//! Whole commands.

mod plan;
mod support;
