//! The practice SQL Server: TDS 7.4 on loopback, real rows, real backup files.
//!
//! It deliberately knows nothing of the planner and of `tsql`: it must not check our homework with our own pen.

pub mod agent;
pub mod backup;
pub mod catalogue;
pub mod engine;
pub mod reply;
pub mod sql;
pub mod value;
pub mod wire;
pub mod world;
