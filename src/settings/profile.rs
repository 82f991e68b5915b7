//! A server profile.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How far stopat may go on a server (design §3.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reach {
    #[default]
    Look,
    BackUp,
    Restore,
}

/// How to sign in. Passwords are never here: the credential store keeps them under the profile's uuid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignIn {
    SqlLogin {
        user: String,
        password: PasswordKept,
    },
    /// As the user who runs stopat.
    #[cfg(windows)]
    WindowsIntegrated,
    /// As a named Windows account.
    #[cfg(windows)]
    WindowsNamed {
        user: String,
        password: PasswordKept,
    },
}

/// Where the password is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordKept {
    CredentialStore,
    AskEachTime,
}

/// How the server proves who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    /// TLS, trusted by the system's authorities.
    Trusted,
    /// TLS, trusted by this authority or self-signed certificate (a PEM file).
    Authority(std::path::PathBuf),
    /// TLS with exactly this certificate: SHA-256 of its DER form, lower-case hex, after the user saw it.
    Pinned(String),
}

/// A server that the user saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub id: Uuid,
    pub name: String,
    pub host: String,
    pub instance: Option<String>,
    pub port: Option<u16>,
    pub sign_in: SignIn,
    pub encryption: Encryption,
    pub reach: Reach,
    /// The word in the band at the top, as PRODUCTION; empty for none.
    pub band: String,
}
