//! Executing steps with a journal; what happened, as data.

mod report;

pub use report::{Outcome, RunEnd, RunId, RunReport, StepReport, TableCount, Verification};
