//! The practice server and the gateway against it.

mod fake;
mod runs;
