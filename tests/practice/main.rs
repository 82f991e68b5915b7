//! The practice server and the gateway against it.

mod asking;
mod certificates;
mod corpus;
mod errors;
mod fake;
mod kept;
mod main_job;
mod restores;
mod runs;
mod sessions;
mod tds;
mod wire;
mod worker;
mod world;
