//! The practice SQL Server: TDS 7.4 on loopback, real rows, real backup files.
//!
//! It deliberately knows nothing of the planner and of `tsql`: it must not check our homework with our own pen.

pub mod agent;
pub mod backup;
pub mod catalogue;
mod certificate;
mod connection;
pub mod engine;
mod home;
mod options;
pub mod reply;
mod server;
pub mod sql;
pub mod value;
pub mod wire;
pub mod world;

pub use certificate::CertificateError;
pub use home::HomeError;
pub use options::{ClockChoice, PracticeOptions, WorldFolder};
pub use server::{PracticeError, PracticeServer};
