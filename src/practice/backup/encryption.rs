//! Backups that are encrypted with a certificate of `master`: what is refused, and the key for reading them again.
//!
//! <https://learn.microsoft.com/sql/relational-databases/backup-restore/backup-encryption>.

use super::{
    container::{Cipher, SetEncryption, SetHeader},
    options::{BackupRequest, invalid},
};
use crate::practice::{
    engine::{
        Engine, MASTER,
        certificates::{self, Certificate},
    },
    reply::Message,
    sql::statement::OptionValue,
};
use uuid::Uuid;

/// `ENCRYPTION (ALGORITHM = …, SERVER CERTIFICATE = …)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// As msdb writes it: `aes_256`.
    pub algorithm: &'static str,
    /// In `master`.
    pub certificate: String,
}

impl Encryption {
    /// Reads the option: 3217.
    pub fn read(value: &OptionValue) -> Result<Self, Vec<Message>> {
        let OptionValue::List(options) = value else {
            return Err(invalid("ENCRYPTION"));
        };
        let word = |name: &str| {
            options
                .iter()
                .find(|o| o.name == name)
                .and_then(|o| match &o.value {
                    OptionValue::Word(word) | OptionValue::Text(word) => Some(word.as_str()),
                    _ => None,
                })
        };
        let algorithm = match word("ALGORITHM")
            .unwrap_or_default()
            .to_uppercase()
            .as_str()
        {
            "AES_128" => "aes_128",
            "AES_192" => "aes_192",
            "AES_256" => "aes_256",
            "TRIPLE_DES_3KEY" => "triple_des_3key",
            _ => return Err(invalid("ALGORITHM")),
        };
        match word("SERVER CERTIFICATE") {
            Some(certificate) => Ok(Self {
                algorithm,
                certificate: certificate.to_owned(),
            }),
            // Asymmetric keys of other providers are not here.
            None => Err(invalid("ENCRYPTION")),
        }
    }
}

/// Whether the certificate can encrypt: 3096, 15151, 33101. Warns with 33091 when its key lies nowhere else.
pub fn check(engine: &Engine, asked: &Encryption) -> Result<Option<Message>, Message> {
    let (certificate, _) = usable(engine, asked)?;
    if certificate.public.expiry <= engine.clock.now().0.naive_utc() {
        return Err(Message::error(
            3096,
            "The Certificate specified for backup encryption has expired.",
        ));
    }
    Ok(certificate.key_backed_up.is_none().then(|| {
        Message::info(
            33_091,
            "Warning: The certificate used for encrypting the database encryption key has not been backed up. You should immediately back up the certificate and the private key associated with the certificate. If the certificate ever becomes unavailable or if you must restore or attach the database on another server, you must have backups of both the certificate and the private key or you will not be able to open the database.",
        )
    }))
}

/// What the header of a new set says, and the cipher for its pieces.
pub fn begin(
    engine: &Engine,
    request: &BackupRequest,
    set: Uuid,
) -> Result<Option<(SetEncryption, Cipher)>, Message> {
    let Some(asked) = &request.encryption else {
        return Ok(None);
    };
    let (certificate, secret) = usable(engine, asked)?;
    let encryption = SetEncryption {
        algorithm: asked.algorithm.to_owned(),
        thumbprint: certificate.public.thumbprint,
    };
    Ok(Some((encryption, Cipher::new(secret, set))))
}

/// The certificate, with a private key that the server can use by itself.
fn usable<'e>(
    engine: &'e Engine,
    asked: &Encryption,
) -> Result<(&'e Certificate, &'e [u8; 32]), Message> {
    let name = &asked.certificate;
    let certificate = certificates::find(engine, MASTER, name)
        .ok_or_else(|| certificates::missing("find", "certificate", name))?;
    match &certificate.key {
        Some(key) if !key.needs_password => Ok((certificate, &key.secret)),
        _ => Err(Message::error(
            33_101,
            format!(
                "Cannot use certificate '{name}', because its private key is not present or it is not protected by the database master key. SQL Server requires the ability to automatically access the private key of the certificate used for this operation."
            ),
        )),
    }
}

/// The cipher for reading a set; `None` when it is not encrypted, 33111 when the certificate is not here.
pub fn cipher_of(engine: &Engine, header: &SetHeader) -> Result<Option<Cipher>, Message> {
    let Some(encryption) = &header.encryption else {
        return Ok(None);
    };
    let found = engine.store.database(MASTER).and_then(|master| {
        master
            .facts
            .keys
            .certificates
            .iter()
            .filter(|c| c.public.thumbprint == encryption.thumbprint)
            .find_map(|c| c.key.as_ref())
    });
    match found {
        Some(key) => Ok(Some(Cipher::new(&key.secret, header.uuid))),
        None => Err(Message::error(
            33_111,
            format!(
                "Cannot find server certificate with thumbprint '{}'.",
                encryption.thumbprint
            ),
        )
        .with_state(3)),
    }
}
