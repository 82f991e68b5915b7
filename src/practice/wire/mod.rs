//! TDS 7.4 from the server's side: packets, sign-in, requests, types and values, tokens.
//!
//! Bytes in, requests out; replies in, bytes out. It runs nothing and knows no session.
//! [MS-TDS]: <https://learn.microsoft.com/openspecs/windows_protocols/ms-tds>.

#![warn(missing_docs)]

pub mod bytes;
pub mod cell;
pub mod codepage;
pub mod login;
pub mod packet;
pub mod prelogin;
pub mod request;
pub mod rpc;
pub mod tls;
pub mod token;
pub mod type_info;

/// Why bytes of a client are not TDS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message ends inside a field.
    #[error("the message ends too early")]
    Truncated,
    /// A field has a value that the protocol does not allow.
    #[error("invalid {0}")]
    Invalid(&'static str),
    /// Valid TDS that this server does not take.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}
