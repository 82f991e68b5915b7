//! The T-SQL front: text in, replies out.

pub mod codec;
pub mod convert;
pub mod dialect;
pub mod environment;
pub mod parse;
pub mod session;
pub mod statement;
pub mod types;
