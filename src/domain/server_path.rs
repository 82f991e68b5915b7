//! Paths as a server sees them: written down, compared and taken apart here, opened by nobody but that server.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A folder, a file or a URL as SQL Server sees it.
///
/// Not a path of this PC: nothing here opens it, and `std::path` would read it by the rules of another platform.
/// Which folders are there, and whether the service account may write to them, only the server knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerPath(String);

impl ServerPath {
    /// The path as somebody wrote it, without blanks around it.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().trim().to_owned())
    }

    /// As `BACKUP` takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `https://…` of Azure Storage or `s3://…`, which `BACKUP` takes after `URL =`.
    pub fn is_url(&self) -> bool {
        self.has_scheme("https://") || self.has_scheme("http://") || self.is_s3()
    }

    /// Object storage that speaks S3, which has rules of its own for transfer sizes.
    pub fn is_s3(&self) -> bool {
        self.has_scheme("s3://")
    }

    fn has_scheme(&self, scheme: &str) -> bool {
        self.0
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    }

    /// A UNC path.
    pub fn is_share(&self) -> bool {
        self.0.starts_with("\\\\")
    }

    /// `\\server\share` of a UNC path.
    pub fn share(&self) -> Option<String> {
        let rest = self.0.strip_prefix("\\\\")?;
        let mut parts = rest.split(['\\', '/']).filter(|part| !part.is_empty());
        let (server, share) = (parts.next()?, parts.next()?);
        Some(format!("\\\\{server}\\{share}"))
    }

    /// The drive of a Windows path, as `D:\`; `None` for a share, a URL or a path of Linux.
    pub fn drive(&self) -> Option<String> {
        let mut chars = self.0.chars();
        match (chars.next(), chars.next()) {
            (Some(letter), Some(':')) if letter.is_ascii_alphabetic() => {
                Some(format!("{}:\\", letter.to_ascii_uppercase()))
            }
            _ => None,
        }
    }

    /// Whether the path says on its own where it is: a drive, a share, a root or a URL.
    ///
    /// SQL Server puts any other name into its default backup folder.
    pub fn is_absolute(&self) -> bool {
        self.is_share()
            || self.is_url()
            || self.0.starts_with('/')
            || matches!(self.0.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
    }

    /// What stands between its folders.
    fn separator(&self) -> char {
        if self.is_url() || (self.0.starts_with('/') && !self.0.contains('\\')) {
            '/'
        } else {
            '\\'
        }
    }

    /// A file or folder in this folder.
    pub fn join(&self, name: &str) -> Self {
        let separator = self.separator();
        if self.0.is_empty() || self.0.ends_with(['\\', '/']) {
            Self(format!("{}{name}", self.0))
        } else {
            Self(format!("{}{separator}{name}", self.0))
        }
    }

    /// The folder above; `None` at the top of a drive, a share, a host or a root, and of a relative name.
    pub fn parent(&self) -> Option<Self> {
        let separators: &[char] = if self.separator() == '/' {
            &['/']
        } else {
            &['\\', '/']
        };
        let top = self.top();
        let bare = self.0.trim_end_matches(separators);
        if bare.len() <= top.trim_end_matches(separators).len() {
            return None;
        }
        let at = bare.rfind(separators)?;
        Some(if at < top.len() {
            Self(top.to_owned())
        } else {
            Self(bare[..at].to_owned())
        })
    }

    /// The part that has no folder above it: `D:\`, `\\server\share`, `/`, `https://host`; empty for a relative name.
    fn top(&self) -> &str {
        let end = if self.is_url() {
            let host = self.0.find("://").map_or(0, |at| at + 3);
            self.0[host..]
                .find('/')
                .map_or(self.0.len(), |at| host + at)
        } else if let Some(share) = self.share() {
            share.len().min(self.0.len())
        } else if self.drive().is_some() {
            3.min(self.0.len())
        } else {
            usize::from(self.0.starts_with('/'))
        };
        self.0.get(..end).unwrap_or_default()
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        let bare = self.0.trim_end_matches(['\\', '/']);
        bare.rsplit(['\\', '/']).next().unwrap_or(bare)
    }

    /// Whether both name the same place on one server; Windows does not tell upper from lower case.
    pub fn same_as(&self, other: &Self) -> bool {
        let bare = |path: &Self| path.0.trim_end_matches(['\\', '/']).to_owned();
        super::database::same_path(&bare(self), &bare(other))
    }

    /// Whether a file lies in this folder or in one below it.
    pub fn holds(&self, file: &Self) -> bool {
        let mut above = file.parent();
        while let Some(folder) = above {
            if self.same_as(&folder) {
                return true;
            }
            above = folder.parent();
        }
        false
    }
}

impl fmt::Display for ServerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ServerPath {
        ServerPath::new(text)
    }

    #[track_caller]
    fn check_parent(text: &str, expected: Option<&str>) {
        assert_eq!(
            path(text).parent().map(|p| p.0),
            expected.map(str::to_owned),
            "{text}"
        );
    }

    #[test]
    fn folders_above() {
        check_parent(r"D:\Backup\full", Some(r"D:\Backup"));
        check_parent(r"D:\Backup\", Some(r"D:\"));
        check_parent(r"D:\", None);
        check_parent(r"\\nas\sql\full\a.bak", Some(r"\\nas\sql\full"));
        check_parent(r"\\nas\sql\full", Some(r"\\nas\sql"));
        check_parent(r"\\nas\sql", None);
        check_parent("/var/opt", Some("/var"));
        check_parent("/var", Some("/"));
        check_parent("/", None);
        check_parent(
            "https://acct.blob.core.windows.net/c/a.bak",
            Some("https://acct.blob.core.windows.net/c"),
        );
        check_parent("https://acct.blob.core.windows.net", None);
        check_parent("a.bak", None);
    }

    #[test]
    fn files_in_folders() {
        assert_eq!(path(r"D:\Backup").join("a.bak").0, r"D:\Backup\a.bak");
        assert_eq!(path(r"D:\").join("a.bak").0, r"D:\a.bak");
        assert_eq!(path("/var/opt").join("a.bak").0, "/var/opt/a.bak");
        assert_eq!(path("s3://h/b").join("a.bak").0, "s3://h/b/a.bak");
        assert!(path(r"d:\backup\").same_as(&path(r"D:\Backup")));
        assert!(!path("/a").same_as(&path("/A")));
        assert!(path(r"\\nas\sql").holds(&path(r"\\NAS\sql\full\a.bak")));
        assert!(!path(r"\\nas\sq").holds(&path(r"\\nas\sql\a.bak")));
    }

    #[test]
    fn kinds_of_places() {
        assert_eq!(
            path(r"\\nas\sql\full").share().as_deref(),
            Some(r"\\nas\sql")
        );
        assert_eq!(path(r"e:\x").drive().as_deref(), Some(r"E:\"));
        assert_eq!(path("/x").drive(), None);
        assert!(path("HTTPS://x/y").is_url() && path("s3://x/y").is_s3());
        assert!(path(r"D:\x").is_absolute() && path("/x").is_absolute());
        assert!(!path("D:x").is_absolute() && !path("x").is_absolute());
    }
}
