//! The T-SQL front: text in, replies out.

pub mod bind;
pub mod codec;
pub mod convert;
pub mod dialect;
pub mod environment;
pub mod functions;
pub mod instance;
pub mod names;
pub mod parse;
pub mod run;
pub mod session;
pub mod statement;
pub mod types;
