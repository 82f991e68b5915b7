//! Every error, note and finding in words; dates, sizes, durations.

mod problem;

pub use problem::{Problem, ProblemKind};
