//! A folder of backup files that the user keeps on the left.

use super::{
    stored::{self, Document, Loaded, StoreError, content},
    workspace::Workspace,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use uuid::Uuid;

/// Folders that are read together, under one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFolder {
    pub id: Uuid,
    pub name: String,
    pub places: Vec<FolderPlace>,
}

/// One folder, and whose path it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderPlace {
    /// As this PC sees it.
    pub here: PathBuf,
    /// As the server sees it that will restore from it; empty while nobody said.
    pub on_server: String,
}

/// The file `folders.ron`.
struct Folders(Vec<BackupFolder>);

impl Document for Folders {
    const FORMAT: &'static str = "folders";
    const VERSION: u32 = 1;
    type Stored = Vec<BackupFolder>;

    fn to_stored(&self) -> Vec<BackupFolder> {
        self.0.clone()
    }

    fn from_version(version: u32, text: &str) -> Option<Result<Self, ron::error::SpannedError>> {
        (version == 1).then(|| content::<Vec<BackupFolder>>(text).map(Self))
    }
}

impl Workspace {
    fn folders_file(&self) -> PathBuf {
        self.folder().join("folders.ron")
    }

    /// Reads the saved folders of backup files, in the order in which they are shown.
    pub fn load_folders(&self) -> Result<Loaded<Vec<BackupFolder>>, StoreError> {
        let Loaded { value, aside } = stored::load::<Folders>(&self.folders_file())?;
        Ok(Loaded {
            value: value.map(|Folders(folders)| folders).unwrap_or_default(),
            aside,
        })
    }

    /// Adds the folder, or replaces the one with its uuid, and returns all.
    pub fn save_folder(
        &self,
        folder: BackupFolder,
    ) -> Result<Loaded<Vec<BackupFolder>>, StoreError> {
        self.change_folders(
            |folders| match folders.iter_mut().find(|old| old.id == folder.id) {
                Some(old) => *old = folder,
                None => folders.push(folder),
            },
        )
    }

    /// Forgets the folder with this uuid; its files stay where they are.
    pub fn remove_folder(&self, id: Uuid) -> Result<Loaded<Vec<BackupFolder>>, StoreError> {
        self.change_folders(|folders| folders.retain(|folder| folder.id != id))
    }

    /// Reads right before it writes, so that what another window saved meanwhile stays.
    fn change_folders(
        &self,
        change: impl FnOnce(&mut Vec<BackupFolder>),
    ) -> Result<Loaded<Vec<BackupFolder>>, StoreError> {
        let Loaded { mut value, aside } = self.load_folders()?;
        change(&mut value);
        let later = stored::save(&self.folders_file(), &Folders(value.clone()))?;
        Ok(Loaded {
            value,
            aside: aside.or(later),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DataRoot, WorkspaceName};

    #[test]
    fn folders_are_kept_replaced_and_forgotten() {
        let place = tempfile::tempdir().expect("a folder");
        let workspace = DataRoot::at(place.path()).workspace(&WorkspaceName::default());
        assert_eq!(workspace.load_folders().expect("none yet").value, []);
        let mut folder = BackupFolder {
            id: Uuid::from_u128(7),
            name: "client-42 backups".to_owned(),
            places: vec![FolderPlace {
                here: PathBuf::from("/mnt/client-42"),
                on_server: String::new(),
            }],
        };
        workspace.save_folder(folder.clone()).expect("saved");
        r"\\backup\client-42".clone_into(&mut folder.places[0].on_server);
        workspace.save_folder(folder.clone()).expect("saved again");
        assert_eq!(
            workspace.load_folders().expect("there").value,
            [folder.clone()]
        );
        assert_eq!(
            workspace.remove_folder(folder.id).expect("forgotten").value,
            []
        );
    }
}
