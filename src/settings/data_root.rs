//! The one folder under which everything is kept.

use super::{
    preferences::Preferences,
    stored::{self, Aside, Loaded, StoreError},
    workspace::{Workspace, WorkspaceName},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A file of this name beside the program makes the program's own folder the data root, so that stopat can live on a stick.
pub const PORTABLE_MARK: &str = "stopat.portable";

/// The folder under which stopat keeps everything. Finding it creates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataRoot {
    path: PathBuf,
}

impl DataRoot {
    /// The folder at `path`, whether it exists or not.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Finds the data root: what `--data` names, else the program's folder when [`PORTABLE_MARK`] lies there, else the platform's.
    ///
    /// `program` is the running executable, `None` when the system does not tell.
    /// Returns `None` where the platform names no folder, as for a user without a home.
    pub fn resolve(data: Option<&Path>, program: Option<&Path>) -> Option<Self> {
        if let Some(data) = data {
            return Some(Self::at(data));
        }
        if let Some(folder) = program.and_then(Path::parent)
            && folder.join(PORTABLE_MARK).exists()
        {
            return Some(Self::at(folder));
        }
        // Not the roaming folder: histories and journals are too large to follow a user around.
        directories::ProjectDirs::from("", "", "stopat").map(|dirs| Self::at(dirs.data_local_dir()))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Geometry of the window only; eframe writes it.
    pub fn window_file(&self) -> PathBuf {
        self.path.join("window.ron")
    }

    /// The world of the window's own practice server.
    pub fn practice_world(&self) -> PathBuf {
        self.path.join("practice")
    }

    /// The user's own application files.
    pub fn applications_folder(&self) -> PathBuf {
        self.path.join("applications")
    }

    pub fn logs_folder(&self) -> PathBuf {
        self.path.join("logs")
    }

    fn workspaces_folder(&self) -> PathBuf {
        self.path.join("workspaces")
    }

    fn preferences_file(&self) -> PathBuf {
        self.path.join("settings.ron")
    }

    /// Reads `settings.ron`.
    pub fn load_preferences(&self) -> Result<Loaded<Preferences>, StoreError> {
        let Loaded { value, aside } = stored::load::<Preferences>(&self.preferences_file())?;
        Ok(Loaded {
            value: value.unwrap_or_default(),
            aside,
        })
    }

    /// Writes to `settings.ron` what changed from `before` to `after`, and nothing else: another window may have written it
    /// meanwhile. Returns the file that had to be kept aside for it, as one that a newer stopat left.
    pub fn save_preferences(
        &self,
        before: &Preferences,
        after: &Preferences,
    ) -> Result<Option<Aside>, StoreError> {
        let Loaded { value, aside } = stored::load::<Preferences>(&self.preferences_file())?;
        // Where there is nothing to keep, everything is written.
        let merged = match value {
            Some(stored) => stored.with_changes(before, after),
            None => after.clone(),
        };
        let later = stored::save(&self.preferences_file(), &merged)?;
        Ok(aside.or(later))
    }

    pub fn workspace(&self, name: &WorkspaceName) -> Workspace {
        Workspace::new(self.workspaces_folder().join(name.as_str()), name.clone())
    }

    /// Lists the workspaces by name; the default one is always among them.
    ///
    /// Folders with names that stopat would not give are none of its workspaces.
    pub fn workspaces(&self) -> Result<Vec<WorkspaceName>, StoreError> {
        let folder = self.workspaces_folder();
        let failed = |source| StoreError::Read {
            file: folder.clone(),
            source,
        };
        let mut names = vec![WorkspaceName::default()];
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if entry.path().is_dir()
                && let Ok(name) = entry.file_name().to_string_lossy().parse()
            {
                names.push(name);
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ThemeChoice;

    #[test]
    fn data_argument_wins_over_the_portable_mark_and_that_over_the_platform() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = folder.path().join("stopat.exe");
        let platform = DataRoot::resolve(None, Some(&program));
        assert_ne!(platform, Some(DataRoot::at(folder.path())));

        fs::write(folder.path().join(PORTABLE_MARK), "").expect("the folder is writable");
        assert_eq!(
            DataRoot::resolve(None, Some(&program)),
            Some(DataRoot::at(folder.path()))
        );
        assert_eq!(
            DataRoot::resolve(Some(Path::new("elsewhere")), Some(&program)),
            Some(DataRoot::at("elsewhere"))
        );
    }

    #[test]
    fn preferences_come_back_and_a_first_start_has_defaults() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = DataRoot::at(folder.path().join("new"));
        let first = root.load_preferences().expect("a missing file is no error");
        assert_eq!(first.value, Preferences::default());
        assert!(!root.path().exists(), "reading creates nothing");

        let changed = Preferences {
            theme: ThemeChoice::Light,
            workspace: "Müller & Co".parse().expect("a good name"),
            az_program: Some("/opt/az".into()),
        };
        root.save_preferences(&first.value, &changed)
            .expect("writable");
        assert_eq!(root.load_preferences().expect("readable").value, changed);
    }

    #[test]
    fn two_windows_keep_what_each_of_them_changed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = DataRoot::at(folder.path());
        // Both began with the same.
        let begun = Preferences {
            az_program: Some("/opt/az".into()),
            ..Preferences::default()
        };
        root.save_preferences(&Preferences::default(), &begun)
            .expect("writable");
        let lit = Preferences {
            theme: ThemeChoice::Light,
            ..begun.clone()
        };
        let moved = Preferences {
            workspace: "Contoso".parse().expect("a good name"),
            az_program: None,
            ..begun.clone()
        };
        root.save_preferences(&begun, &lit).expect("writable");
        root.save_preferences(&begun, &moved).expect("writable");
        assert_eq!(
            root.load_preferences().expect("readable").value,
            Preferences {
                theme: ThemeChoice::Light,
                ..moved
            }
        );
    }

    #[test]
    fn an_unreadable_file_is_kept_aside_under_a_free_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = DataRoot::at(folder.path());
        let file = folder.path().join("settings.ron");
        for (number, text) in [
            (1, "(format: \"settings/99\", content: (new: true))"),
            (2, "not RON at all"),
            (3, "(format: \"profiles/1\", content: [])"),
        ] {
            fs::write(&file, text).expect("writable");
            let loaded = root.load_preferences().expect("kept aside");
            assert_eq!(loaded.value, Preferences::default());
            let aside = loaded.aside.expect("said so");
            assert_eq!(
                aside.kept_as,
                folder.path().join(format!("settings.aside-{number}.ron"))
            );
            assert_eq!(
                fs::read_to_string(&aside.kept_as).ok().as_deref(),
                Some(text)
            );
            assert!(!file.exists());
        }
    }

    #[test]
    fn saving_never_writes_over_what_a_newer_stopat_left() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = DataRoot::at(folder.path());
        let text = "(format: \"settings/2\", content: (future: 1))";
        fs::write(folder.path().join("settings.ron"), text).expect("writable");
        root.save_preferences(&Preferences::default(), &Preferences::default())
            .expect("writable");
        let kept = fs::read_to_string(folder.path().join("settings.aside-1.ron"));
        assert_eq!(kept.ok().as_deref(), Some(text));
    }

    #[test]
    fn lists_the_default_workspace_and_those_on_disk() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = DataRoot::at(folder.path());
        assert_eq!(
            root.workspaces().expect("no folder is no error"),
            [WorkspaceName::default()]
        );
        for name in ["Zebra", "Apple", "bad name."] {
            fs::create_dir_all(folder.path().join("workspaces").join(name)).expect("writable");
        }
        let names: Vec<String> = root
            .workspaces()
            .expect("readable")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["Apple", "Zebra", "default"]);
    }
}
