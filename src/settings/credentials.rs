//! Passwords: in the system's credential store under the profile's uuid, or in memory for one session. Never in a file.
//!
//! Calls block, on the session bus or on a question to the user; keep them off the threads of the runtime.

use secrecy::{ExposeSecret as _, SecretString};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Where passwords of profiles are.
pub trait PasswordStore: fmt::Debug + Send + Sync {
    /// The password, or `None` when none was kept.
    fn load(&self, profile: Uuid) -> Result<Option<SecretString>, CredentialError>;
    /// Keeps the password, in place of an older one.
    fn keep(&self, profile: Uuid, password: &SecretString) -> Result<(), CredentialError>;
    /// Forgets the password, if one was kept.
    fn forget(&self, profile: Uuid) -> Result<(), CredentialError>;
}

/// Why a password could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// There is no credential store here, as on a Linux server without a secret service: ask each session.
    #[error("this system has no credential store")]
    NoStore,
    /// There is one, and it does not let us in, as when it is locked.
    #[error("the credential store does not open")]
    Locked(#[source] keyring::Error),
    /// The entry holds no text. What it holds is not part of the error, because it may be a password.
    #[error("the entry in the credential store is not text")]
    NotText,
    #[error("the credential store failed")]
    Failed(#[source] keyring::Error),
}

impl From<keyring::Error> for CredentialError {
    fn from(error: keyring::Error) -> Self {
        match error {
            keyring::Error::NoDefaultStore => Self::NoStore,
            keyring::Error::NoStorageAccess(_) => Self::Locked(error),
            keyring::Error::BadEncoding(_) | keyring::Error::BadDataFormat(..) => Self::NotText,
            _ => Self::Failed(error),
        }
    }
}

/// The service under which the system's credential store lists our entries; the account is the profile's uuid.
const SERVICE: &str = "stopat";

/// Windows' Credential Manager, macOS' Keychain, or the Secret Service elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemStore;

fn entry(profile: Uuid) -> Result<keyring::Entry, CredentialError> {
    Ok(keyring::Entry::new(SERVICE, &profile.to_string())?)
}

impl PasswordStore for SystemStore {
    fn load(&self, profile: Uuid) -> Result<Option<SecretString>, CredentialError> {
        match entry(profile)?.get_password() {
            Ok(password) => Ok(Some(SecretString::from(password))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn keep(&self, profile: Uuid, password: &SecretString) -> Result<(), CredentialError> {
        Ok(entry(profile)?.set_password(password.expose_secret())?)
    }

    fn forget(&self, profile: Uuid) -> Result<(), CredentialError> {
        match entry(profile)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Passwords in memory, until the program ends: for profiles that ask, and where there is no credential store.
#[derive(Default)]
pub struct SessionStore(Mutex<BTreeMap<Uuid, SecretString>>);

impl SessionStore {
    fn passwords(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, SecretString>> {
        // The map is whole whatever a panicking holder did: each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionStore(…)")
    }
}

impl PasswordStore for SessionStore {
    fn load(&self, profile: Uuid) -> Result<Option<SecretString>, CredentialError> {
        Ok(self.passwords().get(&profile).cloned())
    }

    fn keep(&self, profile: Uuid, password: &SecretString) -> Result<(), CredentialError> {
        self.passwords().insert(profile, password.clone());
        Ok(())
    }

    fn forget(&self, profile: Uuid) -> Result<(), CredentialError> {
        self.passwords().remove(&profile);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_keeps_replaces_and_forgets() {
        let store = SessionStore::default();
        let profile = Uuid::new_v4();
        let read = || {
            store
                .load(profile)
                .expect("memory does not fail")
                .map(|password| password.expose_secret().to_owned())
        };
        assert_eq!(read(), None);
        for password in ["first", "second"] {
            store.keep(profile, &password.into()).expect("memory");
        }
        assert_eq!(read().as_deref(), Some("second"));
        assert!(!format!("{store:?}").contains("second"));
        store.forget(profile).expect("memory");
        assert_eq!(read(), None);
    }

    #[test]
    fn a_missing_store_is_told_from_a_locked_one() {
        assert!(matches!(
            CredentialError::from(keyring::Error::NoDefaultStore),
            CredentialError::NoStore
        ));
        assert!(matches!(
            CredentialError::from(keyring::Error::NoStorageAccess("locked".into())),
            CredentialError::Locked(_)
        ));
        let secret = keyring::Error::BadEncoding(b"s3cret\xff".to_vec());
        let error = CredentialError::from(secret);
        assert!(
            matches!(error, CredentialError::NotText),
            "no bytes are kept"
        );
    }
}
