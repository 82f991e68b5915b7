//! Whose a path is: seen from here, or seen from the server.
//!
//! A file that lies at `/mnt/client-42/full/a.bak` here may be `\\backup\client-42\full\a.bak` to the server that is to
//! restore it. The two never mix without a [`PathMapping`].

use crate::domain::ServerPath;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A path as this PC sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathHere(pub PathBuf);

impl fmt::Display for PathHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// How the server sees what lies in folders here; the longest folder that holds a file counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathMapping {
    folders: Vec<(PathHere, ServerPath)>,
}

impl PathMapping {
    /// Adds a folder here and what the server calls it.
    pub fn add(&mut self, here: PathHere, server: ServerPath) {
        self.folders.retain(|(known, _)| *known != here);
        self.folders.push((here, server));
        // The longest first.
        self.folders
            .sort_by_key(|(here, _)| std::cmp::Reverse(here.0.components().count()));
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// What the server calls a file here; `None` when no folder of the mapping holds it.
    pub fn on_server(&self, here: &Path) -> Option<ServerPath> {
        self.folders.iter().find_map(|(folder, server)| {
            let inside = here.strip_prefix(&folder.0).ok()?;
            let parts = inside.components();
            Some(parts.fold(server.clone(), |path, part| {
                path.join(&part.as_os_str().to_string_lossy())
            }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_folder_counts_and_separators_are_the_servers() {
        let mut mapping = PathMapping::default();
        let here = |path: &str| PathHere(PathBuf::from(path));
        let there = |path: &str| ServerPath::new(path);
        mapping.add(here("/mnt/client"), there("\\\\backup\\client\\"));
        mapping.add(here("/mnt/client/log"), there("/var/opt/mssql/log"));
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(
                mapping
                    .on_server(Path::new(path))
                    .as_ref()
                    .map(ServerPath::as_str),
                expected
            );
        };
        check(
            "/mnt/client/full/a.bak",
            Some("\\\\backup\\client\\full\\a.bak"),
        );
        check("/mnt/client/log/1.trn", Some("/var/opt/mssql/log/1.trn"));
        check("/mnt/clients/a.bak", None);
    }
}
