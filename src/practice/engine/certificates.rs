//! Certificates of a database, the master key that protects their private keys, and their files.
//!
//! They live in the facts of the database that they were made in; those of `master` encrypt backups.
//! What lies in the files is the practice server's own, and so is the key: 32 bytes instead of RSA.
//! <https://learn.microsoft.com/sql/t-sql/statements/create-certificate-transact-sql>.

use super::{DatabaseId, Engine, paths::OsError};
use crate::practice::{catalogue::same_name, reply::Message, sql::convert::hex};
use chrono::{Months, NaiveDateTime};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{fmt, fs};

/// The keys of a database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keys {
    /// `CREATE MASTER KEY` was run.
    pub has_master_key: bool,
    pub certificates: Vec<Certificate>,
}

/// By what a certificate is known wherever it is: SHA-1 in the product, and as long here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbprint([u8; 20]);

impl Thumbprint {
    fn of(secret: &[u8; 32]) -> Self {
        let mut bytes = [0; 20];
        for (into, from) in bytes.iter_mut().zip(digest(&[b"certificate", secret])) {
            *into = from;
        }
        Self(bytes)
    }

    /// The twenty bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex(&self.0))
    }
}

/// A row of `sys.certificates`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    pub name: String,
    pub certificate_id: i32,
    /// What the files hold as well.
    pub public: PublicPart,
    /// `None` when it came from a file without one.
    pub key: Option<PrivateKey>,
    /// UTC, as every date of a certificate.
    pub key_backed_up: Option<NaiveDateTime>,
}

/// What everybody may know of a certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublicPart {
    pub subject: String,
    pub start: NaiveDateTime,
    pub expiry: NaiveDateTime,
    pub thumbprint: Thumbprint,
}

/// A private key, and who may use it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrivateKey {
    pub secret: [u8; 32],
    /// Protected by a password instead of the master key: the server cannot use it by itself.
    pub needs_password: bool,
}

/// A private key in a file: readable with the password alone.
#[derive(Serialize, Deserialize)]
struct SealedKey {
    sealed: [u8; 32],
    check: [u8; 32],
}

impl SealedKey {
    fn new(secret: &[u8; 32], password: &str) -> Self {
        Self {
            sealed: mixed(secret, password),
            check: digest(&[b"check", secret]),
        }
    }

    fn open(&self, password: &str) -> Option<[u8; 32]> {
        let secret = mixed(&self.sealed, password);
        (digest(&[b"check", &secret]) == self.check).then_some(secret)
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    parts
        .iter()
        .fold(Sha256::new(), |hash, part| hash.chain_update(part))
        .finalize()
        .into()
}

fn mixed(bytes: &[u8; 32], password: &str) -> [u8; 32] {
    let mut mixed = digest(&[b"password", password.as_bytes()]);
    for (into, byte) in mixed.iter_mut().zip(bytes) {
        *into ^= byte;
    }
    mixed
}

/// A file with a private key, and the password of that file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    pub path: String,
    pub password: String,
}

/// `CREATE CERTIFICATE … WITH SUBJECT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCertificate {
    pub subject: String,
    /// UTC; now and a year later where they were not written.
    pub start: Option<NaiveDateTime>,
    pub expiry: Option<NaiveDateTime>,
    /// `ENCRYPTION BY PASSWORD` instead of the master key.
    pub needs_password: bool,
}

/// `CREATE MASTER KEY`: 15578.
pub fn create_master_key(engine: &mut Engine, id: DatabaseId) -> Result<(), Message> {
    let keys = keys_mut(engine, id)?;
    if keys.has_master_key {
        return Err(Message::error(
            15_578,
            "There is already a master key in the database. Please drop it before performing this statement.",
        ));
    }
    keys.has_master_key = true;
    engine.store.save_facts(id)
}

/// `DROP MASTER KEY`: 15151, 15580.
pub fn drop_master_key(engine: &mut Engine, id: DatabaseId) -> Result<(), Message> {
    let keys = keys_mut(engine, id)?;
    if !keys.has_master_key {
        return Err(missing("drop", "symmetric key", "master key"));
    }
    let held = keys
        .certificates
        .iter()
        .find(|c| c.key.as_ref().is_some_and(|key| !key.needs_password));
    if let Some(certificate) = held {
        return Err(Message::error(
            15_580,
            format!(
                "Cannot drop master key because certificate '{}' is encrypted by it.",
                certificate.name
            ),
        ));
    }
    keys.has_master_key = false;
    engine.store.save_facts(id)
}

/// A certificate that did not exist before: 15232, 15581.
pub fn create(
    engine: &mut Engine,
    id: DatabaseId,
    name: &str,
    new: &NewCertificate,
) -> Result<(), Message> {
    let now = engine.clock.now().0.naive_utc();
    let (a, b) = (engine.store.new_guid(), engine.store.new_guid());
    let secret = digest(&[a.as_bytes(), b.as_bytes()]);
    let start = new.start.unwrap_or(now);
    let public = PublicPart {
        subject: new.subject.clone(),
        start,
        expiry: new
            .expiry
            .or_else(|| start.checked_add_months(Months::new(12)))
            .unwrap_or(start),
        thumbprint: Thumbprint::of(&secret),
    };
    let key = PrivateKey {
        secret,
        needs_password: new.needs_password,
    };
    add(engine, id, name, public, Some(key))
}

/// A certificate out of its file, with its private key where that has one: 15208, 15232, 15465, 15581.
pub fn create_from_file(
    engine: &mut Engine,
    id: DatabaseId,
    name: &str,
    file: &str,
    key: Option<&KeyFile>,
) -> Result<(), Message> {
    let public: PublicPart = read(engine, file)?;
    let key = match key {
        None => None,
        Some(key_file) => {
            let sealed: SealedKey = read(engine, &key_file.path)?;
            let secret = sealed
                .open(&key_file.password)
                .ok_or_else(|| Message::error(15_465, "The private key password is invalid."))?;
            if Thumbprint::of(&secret) != public.thumbprint {
                return Err(not_readable());
            }
            Some(PrivateKey {
                secret,
                needs_password: false,
            })
        }
    };
    add(engine, id, name, public, key)
}

fn add(
    engine: &mut Engine,
    id: DatabaseId,
    name: &str,
    public: PublicPart,
    key: Option<PrivateKey>,
) -> Result<(), Message> {
    let keys = keys_mut(engine, id)?;
    let known = keys
        .certificates
        .iter()
        .any(|c| same_name(&c.name, name) || c.public.thumbprint == public.thumbprint);
    if known {
        return Err(Message::error(
            15_232,
            format!(
                "A certificate with name '{name}' already exists or this certificate already has been added to the database."
            ),
        ));
    }
    if key.as_ref().is_some_and(|key| !key.needs_password) && !keys.has_master_key {
        return Err(Message::error(
            15_581,
            "Please create a master key in the database or open the master key in the session before performing this operation.",
        ));
    }
    let newest = keys.certificates.iter().map(|c| c.certificate_id).max();
    keys.certificates.push(Certificate {
        name: name.to_owned(),
        certificate_id: newest.map_or(256, |id| id + 1),
        public,
        key,
        key_backed_up: None,
    });
    engine.store.save_facts(id)
}

/// `BACKUP CERTIFICATE`: writes files that must not be there yet: 15151, 15240.
pub fn back_up(
    engine: &mut Engine,
    id: DatabaseId,
    name: &str,
    file: &str,
    key: Option<&KeyFile>,
) -> Result<(), Message> {
    let now = engine.clock.now().0.naive_utc();
    let found = find(engine, id, name)
        .cloned()
        .ok_or_else(|| missing("find", "certificate", name))?;
    write(engine, file, &found.public)?;
    let Some(to) = key else { return Ok(()) };
    let secret = found.key.map(|key| key.secret).ok_or_else(|| {
        Message::error(
            15_556,
            "Cannot decrypt or encrypt using the specified certificate, either because it has no private key or because the password provided for the private key is incorrect.",
        )
    })?;
    write(engine, &to.path, &SealedKey::new(&secret, &to.password))?;
    let certificates = &mut keys_mut(engine, id)?.certificates;
    if let Some(certificate) = certificates.iter_mut().find(|c| c.name == found.name) {
        certificate.key_backed_up = Some(now);
    }
    engine.store.save_facts(id)
}

/// `DROP CERTIFICATE`: 15151. Nobody asks which backups need it, as in the product.
pub fn drop_certificate(engine: &mut Engine, id: DatabaseId, name: &str) -> Result<(), Message> {
    let certificates = &mut keys_mut(engine, id)?.certificates;
    let before = certificates.len();
    certificates.retain(|c| !same_name(&c.name, name));
    if certificates.len() == before {
        return Err(missing("drop", "certificate", name));
    }
    engine.store.save_facts(id)
}

/// The certificate of this name in a database.
pub fn find<'e>(engine: &'e Engine, id: DatabaseId, name: &str) -> Option<&'e Certificate> {
    let database = engine.store.database(id)?;
    let mut all = database.facts.keys.certificates.iter();
    all.find(|c| same_name(&c.name, name))
}

/// 15151.
pub fn missing(verb: &str, what: &str, name: &str) -> Message {
    Message::error(
        15_151,
        format!(
            "Cannot {verb} the {what} '{name}', because it does not exist or you do not have permission."
        ),
    )
}

fn keys_mut(engine: &mut Engine, id: DatabaseId) -> Result<&mut Keys, Message> {
    match engine.store.database_mut(id) {
        Some(database) => Ok(&mut database.facts.keys),
        None => Err(missing("find", "database", "current")),
    }
}

fn not_readable() -> Message {
    Message::error(
        15_208,
        "The certificate, asymmetric key, or private key file is not valid or does not exist; or you do not have permissions for it.",
    )
}

fn read<T: serde::de::DeserializeOwned>(engine: &Engine, file: &str) -> Result<T, Message> {
    let path = engine.paths.file(file).ok();
    path.and_then(|path| fs::read(path).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(not_readable)
}

fn write(engine: &Engine, file: &str, content: &impl Serialize) -> Result<(), Message> {
    let refused = || {
        Message::error(
            15_240,
            format!(
                "Cannot write into file '{file}'. Verify that you have write permissions, that the file path is valid, and that the file does not already exist."
            ),
        )
    };
    let path = engine.paths.file(file).map_err(|_os: OsError| refused())?;
    if path.exists() {
        return Err(refused());
    }
    let text = serde_json::to_vec(content).map_err(|_source| refused())?;
    fs::write(path, text).map_err(|_source| refused())
}
