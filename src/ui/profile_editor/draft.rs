//! A profile while it is typed: text for every field, whatever it says.

use crate::settings::{AzurePlace, Encryption, PasswordKept, Profile, ProfileFault, Reach, SignIn};
use std::path::PathBuf;
use uuid::Uuid;

/// The ways to sign in; those of Windows are offered on Windows, or where the profile already has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInKind {
    SqlLogin,
    Entra,
    WindowsIntegrated,
    WindowsNamed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionKind {
    Trusted,
    Authority,
    Pinned,
}

/// Which kind of server is added; what it really is, it says when it is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    SqlServer,
    AzureSql,
}

/// What is typed. The texts of a way that is not chosen are kept, so that trying another one loses nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    pub id: Uuid,
    pub name: String,
    pub host: String,
    pub instance: String,
    pub port: String,
    pub sign_in: SignInKind,
    pub user: String,
    pub password: String,
    pub password_kept: PasswordKept,
    pub encryption: EncryptionKind,
    pub authority: String,
    /// As seen from the server by a test, or typed; blanks and colons do not count.
    pub fingerprint: String,
    pub reach: Reach,
    pub band: String,
    pub production: bool,
    /// Empty for the server's own.
    pub backup_folder: String,
    pub kind: ServerKind,
    pub subscription: String,
    pub resource_group: String,
    pub azure_server: String,
    pub database: String,
    pub az_program: String,
}

/// Why a draft is no profile yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftFault {
    /// The port is no number.
    Port,
    Profile(ProfileFault),
}

impl Draft {
    /// A new server: encrypted, trusted by the system, and only looked at.
    pub fn new(id: Uuid) -> Self {
        Self {
            id,
            name: String::new(),
            host: String::new(),
            instance: String::new(),
            port: String::new(),
            sign_in: if cfg!(windows) {
                SignInKind::WindowsIntegrated
            } else {
                SignInKind::SqlLogin
            },
            user: String::new(),
            password: String::new(),
            password_kept: PasswordKept::CredentialStore,
            encryption: EncryptionKind::Trusted,
            authority: String::new(),
            fingerprint: String::new(),
            reach: Reach::Look,
            band: String::new(),
            production: false,
            backup_folder: String::new(),
            kind: ServerKind::SqlServer,
            subscription: String::new(),
            resource_group: String::new(),
            azure_server: String::new(),
            database: String::new(),
            az_program: String::new(),
        }
    }

    /// An existing profile. Its password is not read back; an empty field leaves it as it is.
    pub fn of(profile: &Profile) -> Self {
        let Profile {
            id,
            name,
            host,
            instance,
            port,
            sign_in,
            encryption,
            reach,
            band,
            production,
            backup_folder,
            azure,
        } = profile;
        let mut draft = Self {
            name: name.clone(),
            host: host.clone(),
            instance: instance.clone().unwrap_or_default(),
            port: port.map(|port| port.to_string()).unwrap_or_default(),
            reach: *reach,
            band: band.clone(),
            production: *production,
            backup_folder: backup_folder.clone().unwrap_or_default(),
            ..Self::new(*id)
        };
        if let Some((user, kept)) = sign_in.named() {
            draft.user = user.to_owned();
            draft.password_kept = kept;
        }
        draft.sign_in = match sign_in {
            SignIn::SqlLogin { .. } => SignInKind::SqlLogin,
            SignIn::Entra => SignInKind::Entra,
            SignIn::WindowsIntegrated => SignInKind::WindowsIntegrated,
            SignIn::WindowsNamed { .. } => SignInKind::WindowsNamed,
        };
        if let Some(place) = azure {
            let AzurePlace {
                subscription,
                resource_group,
                server,
                database,
                program,
            } = place;
            draft.kind = ServerKind::AzureSql;
            draft.subscription = subscription.clone().unwrap_or_default();
            draft.resource_group.clone_from(resource_group);
            draft.azure_server.clone_from(server);
            draft.database = database.clone().unwrap_or_default();
            draft.az_program = program
                .as_ref()
                .map(|path| path.display().to_string())
                .unwrap_or_default();
        }
        match encryption {
            Encryption::Trusted => draft.encryption = EncryptionKind::Trusted,
            Encryption::Authority(file) => {
                draft.encryption = EncryptionKind::Authority;
                draft.authority = file.display().to_string();
            }
            Encryption::Pinned(fingerprint) => {
                draft.encryption = EncryptionKind::Pinned;
                draft.fingerprint.clone_from(fingerprint);
            }
        }
        draft
    }

    /// A second profile like this one, under a name of its own among `others`.
    pub fn duplicate(profile: &Profile, id: Uuid, others: &[Profile]) -> Self {
        let mut name = format!("{} copy", profile.name);
        let mut number = 2;
        while others.iter().any(|other| other.name == name) {
            name = format!("{} copy {number}", profile.name);
            number += 1;
        }
        Self {
            id,
            name,
            ..Self::of(profile)
        }
    }

    /// Splits `host\instance,port`, as it is pasted from other tools, into the three fields.
    pub fn split_host(&mut self) {
        let host = self.host.trim().trim_start_matches("tcp:").to_owned();
        let (host, port) = match host.rsplit_once(',') {
            Some((host, port)) => (host.to_owned(), Some(port.trim().to_owned())),
            None => (host, None),
        };
        let (host, instance) = match host.split_once('\\') {
            Some((host, instance)) => (host.to_owned(), Some(instance.trim().to_owned())),
            None => (host, None),
        };
        self.host = host.trim().to_owned();
        if let Some(instance) = instance {
            self.instance = instance;
        }
        if let Some(port) = port {
            self.port = port;
        }
    }

    /// Takes a server that `az` found: its host, group, name and subscription.
    pub fn take_server(&mut self, found: &crate::azure::LogicalServer) {
        self.host.clone_from(&found.host);
        self.split_host();
        self.resource_group.clone_from(&found.resource_group);
        self.azure_server.clone_from(&found.name);
        if let Some(subscription) = &found.subscription {
            self.subscription.clone_from(subscription);
        }
        if self.name.trim().is_empty() {
            self.name.clone_from(&found.name);
        }
    }

    /// The place in Azure; `None` for a server of one's own.
    pub fn place(&self) -> Option<AzurePlace> {
        let some = |text: &str| {
            let text = text.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        (self.kind == ServerKind::AzureSql).then(|| AzurePlace {
            subscription: some(&self.subscription),
            resource_group: self.resource_group.trim().to_owned(),
            server: self.azure_server.trim().to_owned(),
            database: some(&self.database),
            program: some(&self.az_program).map(PathBuf::from),
        })
    }

    /// What a test connects with. Where one certificate is to be pinned and none was seen yet, the test is how to see it.
    pub fn to_test(&self, others: &[Profile]) -> Result<Profile, Vec<DraftFault>> {
        if self.encryption == EncryptionKind::Pinned && self.fingerprint.trim().is_empty() {
            let looking = Self {
                encryption: EncryptionKind::Trusted,
                ..self.clone()
            };
            return looking.profile(others);
        }
        self.profile(others)
    }

    /// The profile, or everything that keeps it from being saved beside `others`.
    pub fn profile(&self, others: &[Profile]) -> Result<Profile, Vec<DraftFault>> {
        let mut faults = Vec::new();
        let port = match self.port.trim() {
            "" => None,
            text => match text.parse::<u16>() {
                Ok(port) => Some(port),
                Err(_) => {
                    faults.push(DraftFault::Port);
                    None
                }
            },
        };
        let instance = self.instance.trim();
        let user = self.user.trim().to_owned();
        let password = self.password_kept;
        let profile = Profile {
            id: self.id,
            name: self.name.trim().to_owned(),
            host: self.host.trim().to_owned(),
            instance: (!instance.is_empty()).then(|| instance.to_owned()),
            port,
            sign_in: match self.sign_in {
                SignInKind::SqlLogin => SignIn::SqlLogin { user, password },
                SignInKind::Entra => SignIn::Entra,
                SignInKind::WindowsIntegrated => SignIn::WindowsIntegrated,
                SignInKind::WindowsNamed => SignIn::WindowsNamed { user, password },
            },
            encryption: match self.encryption {
                EncryptionKind::Trusted => Encryption::Trusted,
                EncryptionKind::Authority => {
                    Encryption::Authority(PathBuf::from(self.authority.trim()))
                }
                EncryptionKind::Pinned => Encryption::Pinned(
                    self.fingerprint
                        .chars()
                        .filter(|c| !c.is_whitespace() && *c != ':')
                        .collect::<String>()
                        .to_lowercase(),
                ),
            },
            reach: self.reach,
            band: self.band.trim().to_owned(),
            production: self.production,
            backup_folder: Some(self.backup_folder.trim().to_owned()).filter(|f| !f.is_empty()),
            azure: self.place(),
        };
        faults.extend(profile.faults(others).into_iter().map(DraftFault::Profile));
        if faults.is_empty() {
            Ok(profile)
        } else {
            Err(faults)
        }
    }
}

impl std::fmt::Debug for Draft {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            name: "Production".to_owned(),
            host: "sql01".to_owned(),
            sign_in: SignInKind::SqlLogin,
            user: "reader".to_owned(),
            ..Draft::new(Uuid::nil())
        }
    }

    #[test]
    fn a_profile_survives_the_editor() {
        let profile = Profile {
            id: Uuid::max(),
            name: "Production".to_owned(),
            host: "sql01".to_owned(),
            instance: Some("OLTP".to_owned()),
            port: Some(1444),
            sign_in: SignIn::SqlLogin {
                user: "reader".to_owned(),
                password: PasswordKept::AskEachTime,
            },
            encryption: Encryption::Pinned("0f".repeat(32)),
            reach: Reach::Restore,
            band: "PRODUCTION".to_owned(),
            production: true,
            backup_folder: None,
            azure: None,
        };
        assert_eq!(Draft::of(&profile).profile(&[]), Ok(profile));
    }

    #[test]
    fn what_is_pasted_into_host_is_split() {
        let mut draft = draft();
        draft.host = " tcp:sql01.example.org\\OLTP,1444 ".to_owned();
        draft.split_host();
        assert_eq!(
            [&draft.host, &draft.instance, &draft.port],
            ["sql01.example.org", "OLTP", "1444"]
        );
        draft.host = "sql02".to_owned();
        draft.split_host();
        assert_eq!([&draft.host, &draft.port], ["sql02", "1444"]);
    }

    #[test]
    fn fingerprints_are_taken_as_tools_print_them() {
        let mut draft = draft();
        draft.encryption = EncryptionKind::Pinned;
        draft.fingerprint = "AB:".repeat(32);
        let profile = draft.profile(&[]).expect("a good fingerprint");
        assert_eq!(profile.encryption, Encryption::Pinned("ab".repeat(32)));
    }

    #[test]
    fn a_port_that_is_no_number_is_a_fault() {
        let mut draft = draft();
        draft.port = "70000".to_owned();
        assert_eq!(draft.profile(&[]), Err(vec![DraftFault::Port]));
    }

    #[test]
    fn duplicates_get_a_name_and_an_id_of_their_own() {
        let original = draft().profile(&[]).expect("a good draft");
        let mut others = vec![original.clone()];
        for expected in ["Production copy", "Production copy 2"] {
            let draft = Draft::duplicate(&original, Uuid::new_v4(), &others);
            assert_eq!(draft.name, expected);
            assert!(draft.password.is_empty());
            others.push(draft.profile(&others).expect("a good draft"));
        }
    }

    #[test]
    fn a_new_server_is_encrypted_and_only_looked_at() {
        let new = Draft::new(Uuid::nil());
        assert_eq!(new.reach, Reach::Look);
        assert_eq!(new.encryption, EncryptionKind::Trusted);
    }
}
