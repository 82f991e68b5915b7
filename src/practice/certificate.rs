//! The server's own certificate: ECDSA P-256, made at the first start, trusted only by its fingerprint.

use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, sync::Arc};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    },
};

/// Certificate and key as PEM.
#[derive(Clone)]
pub struct Certificate {
    pub certificate_pem: String,
    pub key_pem: String,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("a certificate could not be made")]
    Make(#[from] rcgen::Error),
    #[error("the kept certificate or its key is no PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    #[error("TLS does not take the certificate")]
    Tls(#[from] rustls::Error),
}

impl Certificate {
    /// A new one for this machine as it calls itself.
    ///
    /// It is no authority: tiberius refuses one as a server's certificate.
    pub fn make() -> Result<Self, CertificateError> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut parameters = rcgen::CertificateParams::new(names)?;
        parameters.is_ca = rcgen::IsCa::NoCa;
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "stopat practice server");
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = parameters.self_signed(&key)?;
        Ok(Self {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// SHA-256 of the DER, in hex.
    pub fn fingerprint(&self) -> Result<String, CertificateError> {
        let mut hex = String::new();
        for byte in Sha256::digest(self.der()?) {
            // Writing to a text does not fail.
            write!(hex, "{byte:02x}").ok();
        }
        Ok(hex)
    }

    /// What shakes hands: TLS 1.2 only.
    ///
    /// With 1.3 the client's last flight is unwrapped already while the server still waits for it; the real
    /// server stays at 1.2 in TDS 7.x as well.
    pub fn acceptor(&self) -> Result<TlsAcceptor, CertificateError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(self.key_pem.as_bytes())
            .map_err(CertificateError::Pem)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let configuration = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(vec![self.der()?], PrivateKeyDer::Pkcs8(key))?;
        Ok(TlsAcceptor::from(Arc::new(configuration)))
    }

    fn der(&self) -> Result<CertificateDer<'static>, CertificateError> {
        CertificateDer::from_pem_slice(self.certificate_pem.as_bytes())
            .map_err(CertificateError::Pem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_new_and_shakes_hands() {
        let one = Certificate::make().expect("a certificate");
        let other = Certificate::make().expect("a certificate");
        let fingerprint = one.fingerprint().expect("our own PEM");
        assert_eq!(fingerprint.len(), 64);
        assert_ne!(fingerprint, other.fingerprint().expect("our own PEM"));
        assert!(one.acceptor().is_ok());
    }

    #[test]
    fn a_broken_file_is_an_error() {
        let broken = Certificate {
            certificate_pem: "not PEM".to_owned(),
            key_pem: String::new(),
        };
        assert!(broken.fingerprint().is_err());
        assert!(broken.acceptor().is_err());
    }
}
