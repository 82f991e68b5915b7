//! Statements about the keys and certificates of the current database.

use crate::practice::engine::certificates::KeyFile;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyStatement {
    CreateMasterKey,
    DropMasterKey,
    CreateCertificate {
        name: String,
        source: CertificateSource,
    },
    BackUpCertificate {
        name: String,
        file: String,
        key: Option<KeyFile>,
    },
    DropCertificate(String),
}

/// Where a new certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// Signed by itself. Dates as written.
    New {
        subject: String,
        start: Option<String>,
        expiry: Option<String>,
        needs_password: bool,
    },
    File {
        path: String,
        key: Option<KeyFile>,
    },
}
