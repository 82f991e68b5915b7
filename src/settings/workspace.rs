//! A workspace: one client, with its profiles, caches and journals in a folder of its own.

use super::{
    profile::{Encryption, Profile, Reach, SignIn},
    stored::{self, Aside, Document, Loaded, StoreError, content},
};
use serde::Deserialize;
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};
use uuid::Uuid;

/// The name of a workspace, which is also its folder's: right on every platform, so that a stick can travel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkspaceName(String);

/// Why a text cannot name a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceNameError {
    #[error("the name is empty")]
    Empty,
    #[error("the name is longer than 60 characters")]
    TooLong,
    #[error("the name has a character that a folder cannot have: {0:?}")]
    Character(char),
    #[error("the name begins or ends with a dot or a blank")]
    Edge,
    #[error("Windows keeps this name for a device")]
    Device,
}

/// Enough for a client's name, and short enough for the path limits of Windows.
const MAX_NAME_CHARS: usize = 60;

/// Names that Windows gives to devices, with any extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
/// Those that carry a digit.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

impl WorkspaceName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for WorkspaceName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for WorkspaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for WorkspaceName {
    type Err = WorkspaceNameError;

    fn from_str(text: &str) -> Result<Self, WorkspaceNameError> {
        if text.is_empty() {
            return Err(WorkspaceNameError::Empty);
        }
        if text.chars().count() > MAX_NAME_CHARS {
            return Err(WorkspaceNameError::TooLong);
        }
        if let Some(bad) = text
            .chars()
            .find(|c| c.is_control() || "/\\:*?\"<>|".contains(*c))
        {
            return Err(WorkspaceNameError::Character(bad));
        }
        if text.starts_with(['.', ' ']) || text.ends_with(['.', ' ']) {
            return Err(WorkspaceNameError::Edge);
        }
        let stem = text.split('.').next().unwrap_or(text).to_ascii_lowercase();
        let numbered = NUMBERED_DEVICES.iter().any(|device| {
            stem.strip_prefix(device)
                .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
        });
        if numbered || DEVICES.contains(&stem.as_str()) {
            return Err(WorkspaceNameError::Device);
        }
        Ok(Self(text.to_owned()))
    }
}

/// One client's folder. Asking for it creates nothing; the first file saved does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    folder: PathBuf,
    name: WorkspaceName,
}

impl Workspace {
    pub(super) fn new(folder: PathBuf, name: WorkspaceName) -> Self {
        Self { folder, name }
    }

    pub fn name(&self) -> &WorkspaceName {
        &self.name
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Journals of runs, `<run id>.jsonl`.
    pub fn runs_folder(&self) -> PathBuf {
        self.folder.join("runs")
    }

    fn profiles_file(&self) -> PathBuf {
        self.folder.join("profiles.ron")
    }

    /// Reads the saved profiles, in the order in which they are shown.
    pub fn load_profiles(&self) -> Result<Loaded<Vec<Profile>>, StoreError> {
        let Loaded { value, aside } = stored::load::<Profiles>(&self.profiles_file())?;
        Ok(Loaded {
            value: value.map(|Profiles(profiles)| profiles).unwrap_or_default(),
            aside,
        })
    }

    /// Adds the profile, or replaces the one with its uuid, and returns all.
    pub fn save_profile(&self, profile: Profile) -> Result<Loaded<Vec<Profile>>, StoreError> {
        self.change_profiles(|profiles| {
            match profiles.iter_mut().find(|old| old.id == profile.id) {
                Some(old) => *old = profile,
                None => profiles.push(profile),
            }
        })
    }

    /// Removes the profile with this uuid, if it is there, and returns the others. Its password is the caller's to forget.
    pub fn remove_profile(&self, id: Uuid) -> Result<Loaded<Vec<Profile>>, StoreError> {
        self.change_profiles(|profiles| profiles.retain(|profile| profile.id != id))
    }

    /// Reads right before it writes, so that what another window saved meanwhile stays.
    fn change_profiles(
        &self,
        change: impl FnOnce(&mut Vec<Profile>),
    ) -> Result<Loaded<Vec<Profile>>, StoreError> {
        let Loaded { mut value, aside } = self.load_profiles()?;
        change(&mut value);
        let profiles = Profiles(value);
        let later: Option<Aside> = stored::save(&self.profiles_file(), &profiles)?;
        Ok(Loaded {
            value: profiles.0,
            aside: aside.or(later),
        })
    }
}

/// The file `profiles.ron`.
struct Profiles(Vec<Profile>);

impl Document for Profiles {
    const FORMAT: &'static str = "profiles";
    const VERSION: u32 = 3;
    type Stored = Vec<Profile>;

    fn to_stored(&self) -> Vec<Profile> {
        self.0.clone()
    }

    fn from_version(version: u32, text: &str) -> Option<Result<Self, ron::error::SpannedError>> {
        match version {
            1 => Some(
                content::<Vec<ProfileV1>>(text)
                    .map(|profiles| Self(profiles.into_iter().map(Profile::from).collect())),
            ),
            2 => Some(
                content::<Vec<ProfileV2>>(text)
                    .map(|profiles| Self(profiles.into_iter().map(Profile::from).collect())),
            ),
            3 => Some(content::<Vec<Profile>>(text).map(Self)),
            _ => None,
        }
    }
}

/// A profile before it could be marked as production.
#[derive(Deserialize)]
struct ProfileV1 {
    id: Uuid,
    name: String,
    host: String,
    instance: Option<String>,
    port: Option<u16>,
    sign_in: SignIn,
    encryption: Encryption,
    reach: Reach,
    band: String,
}

impl From<ProfileV1> for Profile {
    /// Whoever wrote PRODUCTION into the band meant it.
    fn from(old: ProfileV1) -> Self {
        let ProfileV1 {
            id,
            name,
            host,
            instance,
            port,
            sign_in,
            encryption,
            reach,
            band,
        } = old;
        Self {
            production: band.to_uppercase().contains("PROD"),
            backup_folder: None,
            azure: None,
            id,
            name,
            host,
            instance,
            port,
            sign_in,
            encryption,
            reach,
            band,
        }
    }
}

/// A profile before Azure SQL was known.
#[derive(Deserialize)]
struct ProfileV2 {
    id: Uuid,
    name: String,
    host: String,
    instance: Option<String>,
    port: Option<u16>,
    sign_in: SignIn,
    encryption: Encryption,
    reach: Reach,
    band: String,
    production: bool,
    #[serde(default)]
    backup_folder: Option<String>,
}

impl From<ProfileV2> for Profile {
    fn from(old: ProfileV2) -> Self {
        let ProfileV2 {
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
        } = old;
        Self {
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
            azure: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{AzurePlace, DataRoot, PasswordKept};
    use std::fs;

    fn profile(name: &str) -> Profile {
        Profile {
            id: Uuid::new_v4(),
            name: name.to_owned(),
            host: "sql01".to_owned(),
            instance: Some("OCTOPUS".to_owned()),
            port: None,
            sign_in: SignIn::SqlLogin {
                user: "backup_reader".to_owned(),
                password: PasswordKept::CredentialStore,
            },
            encryption: Encryption::Pinned("ab".repeat(32)),
            reach: Reach::Look,
            band: "PRODUCTION".to_owned(),
            production: true,
            backup_folder: Some(r"\\nas\sql".to_owned()),
            azure: None,
        }
    }

    #[track_caller]
    fn refused(text: &str, error: WorkspaceNameError) {
        assert_eq!(text.parse::<WorkspaceName>(), Err(error), "{text:?}");
    }

    #[test]
    fn names_that_a_folder_cannot_have_are_refused() {
        refused("", WorkspaceNameError::Empty);
        refused("..", WorkspaceNameError::Edge);
        refused("a/../b", WorkspaceNameError::Character('/'));
        refused("a\\b", WorkspaceNameError::Character('\\'));
        refused("a\nb", WorkspaceNameError::Character('\n'));
        refused("client ", WorkspaceNameError::Edge);
        refused("Nul.old", WorkspaceNameError::Device);
        refused("com1", WorkspaceNameError::Device);
        refused(&"x".repeat(61), WorkspaceNameError::TooLong);
        for good in ["default", "Müller & Co", "commerce", "客户", "v1.2"] {
            assert!(good.parse::<WorkspaceName>().is_ok(), "{good}");
        }
    }

    #[test]
    fn profiles_are_added_replaced_and_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = DataRoot::at(folder.path()).workspace(&WorkspaceName::default());
        let (first, second) = (profile("one"), profile("two"));
        workspace.save_profile(first.clone()).expect("writable");
        workspace.save_profile(second.clone()).expect("writable");
        let renamed = Profile {
            name: "a]b'; DROP TABLE x--".to_owned(),
            ..first.clone()
        };
        workspace.save_profile(renamed.clone()).expect("writable");
        let loaded = workspace.load_profiles().expect("readable");
        assert_eq!(loaded.value, [renamed, second.clone()]);
        let left = workspace.remove_profile(first.id).expect("writable");
        assert_eq!(left.value, [second]);
    }

    #[test]
    fn nothing_of_one_workspace_shows_in_another() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = DataRoot::at(folder.path());
        let of = |name: &str| root.workspace(&name.parse().expect("a good name"));
        of("client one")
            .save_profile(profile("theirs"))
            .expect("writable");
        let other = of("client two").load_profiles().expect("readable");
        assert_eq!(other.value, []);
    }

    #[test]
    fn an_unreadable_profile_file_is_kept_when_a_profile_is_saved() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = DataRoot::at(folder.path()).workspace(&WorkspaceName::default());
        fs::create_dir_all(workspace.folder()).expect("writable");
        fs::write(workspace.folder().join("profiles.ron"), "((((").expect("writable");
        let saved = workspace.save_profile(profile("new")).expect("writable");
        let aside = saved.aside.expect("said so");
        assert_eq!(
            fs::read_to_string(aside.kept_as).ok().as_deref(),
            Some("((((")
        );
        assert_eq!(saved.value.len(), 1);
    }

    #[test]
    fn the_stored_form_stays_what_version_1_was() {
        let text = r#"(format: "profiles/1", content: [(
            id: "7f1bc7d0-0d6a-4a54-9b0c-0f52f0f8f5a1", name: "Production", host: "sql01",
            instance: None, port: Some(1433),
            sign_in: SqlLogin(user: "sa", password: AskEachTime),
            encryption: Authority("/etc/ca.pem"), reach: Restore, band: "PRODUCTION",
        ), (
            id: "7f1bc7d0-0d6a-4a54-9b0c-0f52f0f8f5a2", name: "Windows", host: "sql02",
            instance: None, port: None, sign_in: WindowsIntegrated,
            encryption: Trusted, reach: Look, band: "",
        )])"#;
        let Some(Ok(Profiles(profiles))) = Profiles::from_version(1, text) else {
            panic!("version 1 is readable");
        };
        assert_eq!(profiles.len(), 2);
        assert_eq!(profiles[0].port, Some(1433));
        assert_eq!(profiles[1].sign_in, SignIn::WindowsIntegrated);
        let production: Vec<bool> = profiles.iter().map(|profile| profile.production).collect();
        assert_eq!(production, [true, false], "the band told it");
        assert!(Profiles::from_version(4, text).is_none());
    }

    #[test]
    fn the_stored_form_stays_what_version_2_was() {
        let text = r#"(format: "profiles/2", content: [(
            id: "7f1bc7d0-0d6a-4a54-9b0c-0f52f0f8f5a1", name: "Live", host: "sql01",
            instance: None, port: None, sign_in: WindowsIntegrated,
            encryption: Trusted, reach: Restore, band: "LIVE", production: true,
        )])"#;
        let Some(Ok(Profiles(profiles))) = Profiles::from_version(2, text) else {
            panic!("version 2 is readable");
        };
        assert!(profiles[0].production);
    }

    #[test]
    fn the_stored_form_stays_what_version_3_was() {
        let text = r#"(format: "profiles/3", content: [(
            id: "7f1bc7d0-0d6a-4a54-9b0c-0f52f0f8f5a1", name: "contoso-sql", host: "contoso.database.windows.net",
            instance: None, port: None, sign_in: Entra,
            encryption: Trusted, reach: Restore, band: "", production: false,
            azure: Some((subscription: None, resource_group: "myRG", server: "contoso", database: None, program: None)),
        )])"#;
        let Some(Ok(Profiles(profiles))) = Profiles::from_version(3, text) else {
            panic!("version 3 is readable");
        };
        assert_eq!(profiles[0].sign_in, SignIn::Entra);
        assert!(profiles[0].azure.as_ref().is_some_and(AzurePlace::is_known));
    }
}
