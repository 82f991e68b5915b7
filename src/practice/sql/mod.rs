//! The T-SQL front: text in, replies out.

pub mod codec;
pub mod convert;
pub mod environment;
pub mod types;
