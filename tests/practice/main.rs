//! The practice server and the gateway against it.

mod asking;
mod backups;
mod certificates;
mod commands;
mod corpus;
mod drills;
mod encryption;
mod errors;
mod fake;
mod faults;
mod files;
mod fleet;
mod kept;
mod killed;
mod lab;
mod losses;
mod main_job;
mod over;
mod restores;
mod runs;
mod schedule;
mod sessions;
mod tds;
mod wire;
mod worker;
mod world;
