//! The practice server and the gateway against it.

mod certificates;
mod fake;
mod runs;
