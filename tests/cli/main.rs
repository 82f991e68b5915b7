//! Whole commands: arguments in, output and exit code out.

mod files;
mod plan;
mod program;
mod samples;
mod start;
mod support;
/// Writes backup files; other tests need more of it.
#[expect(dead_code, reason = "the reader's own tests use all of it")]
#[path = "../sql/tape.rs"]
mod tape;
