//! Whose a path is: seen from here, or seen from the server.
//!
//! A file that lies at `/mnt/client-42/full/a.bak` here may be `\\backup\client-42\full\a.bak` to the server that is to
//! restore it. The two never mix without a [`PathMapping`].

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A path as this PC sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathHere(pub PathBuf);

/// A path as the server sees it: what goes into T-SQL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathOnServer(pub String);

impl fmt::Display for PathHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl fmt::Display for PathOnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the server sees what lies in folders here; the longest folder that holds a file counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathMapping {
    folders: Vec<(PathHere, PathOnServer)>,
}

impl PathMapping {
    /// Adds a folder here and what the server calls it.
    pub fn add(&mut self, here: PathHere, server: PathOnServer) {
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
    pub fn on_server(&self, here: &Path) -> Option<PathOnServer> {
        self.folders.iter().find_map(|(folder, server)| {
            let inside = here.strip_prefix(&folder.0).ok()?;
            let mut path = server.0.trim_end_matches(['\\', '/']).to_owned();
            // A server on Linux names its folders with slashes.
            let separator = if server.0.starts_with('/') { '/' } else { '\\' };
            for part in inside.components() {
                path.push(separator);
                path.push_str(&part.as_os_str().to_string_lossy());
            }
            Some(PathOnServer(path))
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
        let there = |path: &str| PathOnServer(path.to_owned());
        mapping.add(here("/mnt/client"), there("\\\\backup\\client\\"));
        mapping.add(here("/mnt/client/log"), there("/var/opt/mssql/log"));
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(
                mapping.on_server(Path::new(path)).map(|p| p.0).as_deref(),
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
