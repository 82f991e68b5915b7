//! The practice server and the gateway against it.

mod certificates;
mod corpus;
mod fake;
mod kept;
mod restores;
mod runs;
mod sessions;
mod tds;
mod wire;
mod world;
