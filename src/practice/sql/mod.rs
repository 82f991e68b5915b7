//! The T-SQL front: text in, replies out.

pub mod bind;
pub mod codec;
pub mod convert;
mod ddl;
mod declared;
pub mod dialect;
mod dml;
pub mod environment;
mod execute;
pub mod functions;
pub mod instance;
mod interpreter;
pub mod names;
pub mod parse;
pub(in crate::practice) mod procedures;
mod raise;
mod registry;
mod resolve;
pub mod run;
pub mod session;
mod settings;
pub(in crate::practice) mod state;
pub mod statement;
pub mod types;

pub(in crate::practice) use dml::atomic;
