//! The practice server and the gateway against it.

mod certificates;
mod corpus;
mod fake;
mod restores;
mod runs;
mod sessions;
