//! Why a server did not do what it was asked.

use crate::tsql::BatchKind;

/// One message of class 11 or above, as the server sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    pub number: i64,
    /// Zero when the driver did not pass it on: it does so for the first error of a batch only.
    pub class: u8,
    /// As `class`.
    pub state: u8,
    pub text: String,
}

/// Why a connection or a batch failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// The server answered with errors; the first is nearly always the cause, the last (3013, 3119, 5069) says only what failed.
    #[error("the server refused")]
    Refused { errors: Vec<SqlError> },
    /// Nobody answers there.
    #[error("no connection to {address}")]
    Unreachable { address: String, reason: String },
    /// The host does not know a SQL Server instance of this name.
    #[error("no instance {instance} on {host}")]
    NoInstance { host: String, instance: String },
    /// The name of the host means nothing to the name service.
    #[error("no address for {host}")]
    UnknownHost { host: String, reason: String },
    /// TLS could not be agreed on.
    #[error("no encrypted connection to {address}")]
    Tls { address: String, reason: String },
    /// The server showed a certificate that nobody vouches for; the user must see it before it is trusted.
    #[error("unknown certificate {fingerprint}")]
    UnknownCertificate {
        address: String,
        /// SHA-256 of the DER form, lower-case hex.
        fingerprint: String,
        subject: String,
        reason: String,
    },
    /// The server showed another certificate than the pinned one.
    #[error("other certificate {fingerprint} than the pinned one")]
    OtherCertificate {
        address: String,
        pinned: String,
        fingerprint: String,
        subject: String,
    },
    /// The profile says that stopat does not go this far here.
    #[error("the profile allows no more than {allowed:?}")]
    NotAllowed {
        allowed: BatchKind,
        needed: BatchKind,
    },
    /// This kind of sign-in is not possible here.
    #[error("sign-in is not possible")]
    SignIn { reason: String },
    /// Microsoft Entra gave no token for the sign-in.
    #[error("no token for the sign-in")]
    NoToken { reason: String, hint: String },
    /// The connection broke, or an answer was not what the protocol allows.
    #[error("the connection was lost")]
    Lost { reason: String },
    /// The user cancelled, and the server was told so.
    #[error("cancelled")]
    Cancelled,
}

impl ServerError {
    /// The number of the error that is the cause, when the server answered with one.
    pub fn number(&self) -> Option<i64> {
        self.cause().map(|error| error.number)
    }

    /// The error that is the cause: the first that is not one of those that only follow.
    pub fn cause(&self) -> Option<&SqlError> {
        let Self::Refused { errors } = self else {
            return None;
        };
        errors
            .iter()
            .find(|error| !matches!(error.number, 3013 | 3119 | 5069))
            .or_else(|| errors.first())
    }

    /// Whether the login lacks a permission for what was asked.
    pub fn is_permission(&self) -> bool {
        matches!(
            self.number(),
            Some(229 | 262 | 297 | 300 | 916 | 3110 | 5011)
        )
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// Whether the connection is of no further use, and nobody knows how far the server came.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}
