//! A server profile.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
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
///
/// The Windows ways exist on every platform, because a stick with its profiles travels; they work on Windows only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignIn {
    SqlLogin {
        user: String,
        password: PasswordKept,
    },
    /// As whoever is signed in at `az`, with a token of Microsoft Entra that is never stored.
    Entra,
    /// As the user who runs stopat.
    WindowsIntegrated,
    /// As a named Windows account.
    WindowsNamed {
        user: String,
        password: PasswordKept,
    },
}

impl SignIn {
    /// The user and where the password is; `None` for the user who runs stopat.
    pub fn named(&self) -> Option<(&str, PasswordKept)> {
        match self {
            Self::SqlLogin { user, password } | Self::WindowsNamed { user, password } => {
                Some((user, *password))
            }
            Self::WindowsIntegrated | Self::Entra => None,
        }
    }
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
    Authority(PathBuf),
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
    /// People depend on it: what changes it looks different and is asked twice.
    pub production: bool,
    /// Where backups by hand go unless somebody says otherwise, as the server sees it; `None` is its own folder.
    #[serde(default)]
    pub backup_folder: Option<String>,
    /// Set for Azure SQL: where its databases are managed. What the server really is, it says itself.
    pub azure: Option<AzurePlace>,
}

/// Where databases of Azure SQL are managed, as `az` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AzurePlace {
    /// `None` for the one that `az account set` chose.
    pub subscription: Option<String>,
    /// Empty while it is not known: then the backups are shown, and nothing is restored.
    pub resource_group: String,
    /// The short name of the server or managed instance; empty as the group.
    pub server: String,
    /// The only database to show; `None` is all of them.
    pub database: Option<String>,
    /// The program `az`; `None` is the one that the system finds.
    pub program: Option<PathBuf>,
}

impl AzurePlace {
    /// Whether `az` can be asked about its databases.
    pub fn is_known(&self) -> bool {
        !self.resource_group.trim().is_empty() && !self.server.trim().is_empty()
    }
}

/// The name under which the command line knows the practice server.
pub const RESERVED_NAME: &str = "practice";

/// Something that keeps a profile from being saved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileFault {
    #[error("the profile has no name")]
    NoName,
    #[error("the name belongs to the practice server")]
    ReservedName,
    #[error("another profile has this name")]
    NameTaken,
    #[error("no host is given")]
    NoHost,
    /// The character belongs to the instance, the port, or nowhere.
    #[error("the host has a character that host names do not have: {0:?}")]
    HostCharacter(char),
    #[error("the instance has a character that instance names do not have: {0:?}")]
    InstanceCharacter(char),
    #[error("port 0 cannot be connected to")]
    PortZero,
    #[error("no user is given")]
    NoUser,
    #[error("no file is given for the authority")]
    NoAuthorityFile,
    #[error("the fingerprint is not 64 hexadecimal digits")]
    Fingerprint,
    /// A sign-in of Windows elsewhere.
    #[error("Windows sign-in needs Windows")]
    NeedsWindows,
}

impl Profile {
    /// Whether a connection of one serves the other: the same place, login, trust and reach.
    pub fn connects_like(&self, other: &Self) -> bool {
        let place = |profile: &Self| {
            (
                profile.host.clone(),
                profile.instance.clone(),
                profile.port,
                profile.azure.clone(),
            )
        };
        place(self) == place(other)
            && self.sign_in == other.sign_in
            && self.encryption == other.encryption
            && self.reach == other.reach
    }

    /// What keeps this profile from being saved beside `others`, the most basic first; empty when nothing does.
    ///
    /// Whether the server is there, and lets the user in, only a test tells.
    pub fn faults(&self, others: &[Self]) -> Vec<ProfileFault> {
        let mut faults = Vec::new();
        let name = self.name.trim();
        if name.is_empty() {
            faults.push(ProfileFault::NoName);
        } else if name.eq_ignore_ascii_case(RESERVED_NAME) {
            faults.push(ProfileFault::ReservedName);
        } else if others
            .iter()
            .any(|other| other.id != self.id && other.name.to_lowercase() == name.to_lowercase())
        {
            faults.push(ProfileFault::NameTaken);
        }
        let host = self.host.trim();
        if host.is_empty() {
            faults.push(ProfileFault::NoHost);
        } else if let Some(bad) = bad_character(host) {
            faults.push(ProfileFault::HostCharacter(bad));
        }
        if let Some(bad) = self.instance.as_deref().and_then(bad_character) {
            faults.push(ProfileFault::InstanceCharacter(bad));
        }
        if self.port == Some(0) {
            faults.push(ProfileFault::PortZero);
        }
        if self
            .sign_in
            .named()
            .is_some_and(|(user, _)| user.trim().is_empty())
        {
            faults.push(ProfileFault::NoUser);
        }
        let windows = matches!(
            self.sign_in,
            SignIn::WindowsIntegrated | SignIn::WindowsNamed { .. }
        );
        if cfg!(not(windows)) && windows {
            faults.push(ProfileFault::NeedsWindows);
        }
        match &self.encryption {
            Encryption::Authority(file) if file.as_os_str().is_empty() => {
                faults.push(ProfileFault::NoAuthorityFile);
            }
            Encryption::Pinned(fingerprint)
                if fingerprint.len() != 64
                    || !fingerprint.bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                faults.push(ProfileFault::Fingerprint);
            }
            Encryption::Trusted | Encryption::Authority(_) | Encryption::Pinned(_) => {}
        }
        faults
    }

    /// Host, instance and port as SQL Server's own tools write them.
    pub fn address(&self) -> String {
        let mut address = self.host.clone();
        if let Some(instance) = &self.instance {
            address.push('\\');
            address.push_str(instance);
        }
        if let Some(port) = self.port {
            address.push_str(&format!(",{port}"));
        }
        address
    }
}

/// The first character that belongs to another field, or to none.
fn bad_character(text: &str) -> Option<char> {
    text.chars()
        .find(|c| c.is_control() || c.is_whitespace() || "\\,;/'\"".contains(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Profile {
        Profile {
            id: Uuid::nil(),
            name: "Production".to_owned(),
            host: "sql01.example.org".to_owned(),
            instance: None,
            port: None,
            sign_in: SignIn::SqlLogin {
                user: "sa".to_owned(),
                password: PasswordKept::AskEachTime,
            },
            encryption: Encryption::Trusted,
            reach: Reach::Look,
            band: String::new(),
            production: false,
            backup_folder: None,
            azure: None,
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Profile), expected: &[ProfileFault]) {
        let mut profile = good();
        change(&mut profile);
        let other = Profile {
            id: Uuid::max(),
            name: "Études".to_owned(),
            ..good()
        };
        assert_eq!(profile.faults(&[other]), expected);
    }

    #[test]
    fn each_fault_is_named() {
        check(|_| (), &[]);
        check(|p| p.name = " ".to_owned(), &[ProfileFault::NoName]);
        check(
            |p| p.name = "Practice".to_owned(),
            &[ProfileFault::ReservedName],
        );
        check(|p| p.name = "études".to_owned(), &[ProfileFault::NameTaken]);
        check(|p| p.host.clear(), &[ProfileFault::NoHost]);
        check(
            |p| p.host = "sql01\\OCTOPUS".to_owned(),
            &[ProfileFault::HostCharacter('\\')],
        );
        check(|p| p.port = Some(0), &[ProfileFault::PortZero]);
        check(
            |p| p.encryption = Encryption::Pinned("abc".to_owned()),
            &[ProfileFault::Fingerprint],
        );
        check(
            |p| p.encryption = Encryption::Authority(PathBuf::new()),
            &[ProfileFault::NoAuthorityFile],
        );
    }

    #[test]
    fn addresses_read_as_in_other_tools() {
        let profile = Profile {
            instance: Some("OCTOPUS".to_owned()),
            port: Some(1444),
            ..good()
        };
        assert_eq!(profile.address(), "sql01.example.org\\OCTOPUS,1444");
    }
}
