//! Whole commands: arguments in, output and exit code out.

mod plan;
mod program;
mod samples;
mod start;
mod support;
