//! Virtual paths: what the server calls `D:\Data` or `\\server\share` lies inside the world's folder.
//!
//! Nothing outside that folder can be named: every component is made safe by itself.

use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

/// Longest component on the disk; longer ones are cut and told apart by a hash.
const COMPONENT_BYTES: usize = 180;

/// An error of the operating system, as messages quote it: `2(The system cannot find the file specified.)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}({text})")]
pub struct OsError {
    pub code: i32,
    pub text: &'static str,
}

impl OsError {
    pub const FILE_NOT_FOUND: Self = Self::new(2, "The system cannot find the file specified.");
    pub const PATH_NOT_FOUND: Self = Self::new(3, "The system cannot find the path specified.");
    pub const ACCESS_DENIED: Self = Self::new(5, "Access is denied.");
    pub const NETWORK_PATH: Self = Self::new(53, "The network path was not found.");
    pub const NETWORK_NAME: Self = Self::new(67, "The network name cannot be found.");
    pub const DISK_FULL: Self = Self::new(112, "There is not enough space on the disk.");
    pub const BAD_NAME: Self = Self::new(
        123,
        "The filename, directory name, or volume label syntax is incorrect.",
    );
    pub const IO_DEVICE: Self = Self::new(
        1117,
        "The request could not be performed because of an I/O device error.",
    );

    const fn new(code: i32, text: &'static str) -> Self {
        Self { code, text }
    }

    /// The nearest error of Windows.
    pub fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::FILE_NOT_FOUND,
            io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => Self::ACCESS_DENIED,
            io::ErrorKind::NotADirectory => Self::PATH_NOT_FOUND,
            io::ErrorKind::StorageFull => Self::DISK_FULL,
            _ => Self::IO_DEVICE,
        }
    }
}

/// Whether a folded path is a place or lies in it.
fn is_below(path: &str, place: &str) -> bool {
    path.strip_prefix(place)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('\\') || place.ends_with('\\'))
}

/// Maps virtual paths into one folder.
#[derive(Clone, Debug)]
pub struct VirtualPaths {
    root: PathBuf,
    /// Where a relative name of a backup device lies.
    default_backup: String,
    /// Places that answer with an error, whatever lies there: lower-case path and error.
    broken: std::collections::BTreeMap<String, OsError>,
    /// Places where a byte of each written file is wrong, and nobody says so: lower-case path.
    spoiled: std::collections::BTreeSet<String>,
}

impl VirtualPaths {
    pub fn new(root: PathBuf, default_backup: &str) -> Self {
        Self {
            root,
            default_backup: default_backup.to_owned(),
            broken: std::collections::BTreeMap::new(),
            spoiled: std::collections::BTreeSet::new(),
        }
    }

    /// The full virtual path of a device name: relative ones lie in the default backup folder.
    pub fn absolute(&self, path: &str) -> String {
        if is_absolute(path) {
            path.to_owned()
        } else {
            format!("{}\\{path}", self.default_backup)
        }
    }

    /// Where a virtual path lies on the disk. Its folder need not exist.
    pub fn real(&self, path: &str) -> Result<PathBuf, OsError> {
        let absolute = self.absolute(path);
        let normal = absolute.replace('/', "\\");
        let mut real = self.root.clone();
        let rest = if let Some(share) = normal.strip_prefix("\\\\") {
            real.push("shares");
            share
        } else {
            let (drive, rest) = normal.split_once(':').ok_or(OsError::PATH_NOT_FOUND)?;
            let mut letters = drive.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) if letter.is_ascii_alphabetic() => {
                    real.push(format!("drive-{}", letter.to_ascii_lowercase()));
                }
                _ => return Err(OsError::PATH_NOT_FOUND),
            }
            rest.strip_prefix('\\').ok_or(OsError::PATH_NOT_FOUND)?
        };
        for component in rest.split('\\').filter(|c| !c.is_empty()) {
            real.push(safe_component(component)?);
        }
        Ok(real)
    }

    /// The same for a file that is to be opened or made: its folder must be there.
    pub fn file(&self, path: &str) -> Result<PathBuf, OsError> {
        match self.broken_at(path) {
            // A full disk is found full only when it is written to.
            Some(error) if error != OsError::DISK_FULL => return Err(error),
            _ => {}
        }
        let real = self.real(path)?;
        let folder = real.parent().ok_or(OsError::PATH_NOT_FOUND)?;
        if folder.is_dir() {
            Ok(real)
        } else {
            Err(self.missing_folder(path))
        }
    }

    /// Whether the folder of a virtual file path is there.
    pub fn folder_exists(&self, path: &str) -> bool {
        self.file(path).is_ok()
    }

    /// Lets everything below a path answer with an error, until it is repaired.
    pub fn break_place(&mut self, path: &str, error: OsError) {
        self.broken.insert(folded(path), error);
    }

    /// Lets a path answer again as it should.
    pub fn repair_place(&mut self, path: &str) {
        self.broken.remove(&folded(path));
        self.spoiled.remove(&folded(path));
    }

    /// Lets everything that is written below a path come back damaged.
    pub fn spoil_place(&mut self, path: &str) {
        self.spoiled.insert(folded(path));
    }

    /// Whether what is written to a path comes back damaged.
    pub fn is_spoiled(&self, path: &str) -> bool {
        let path = folded(&self.absolute(path));
        self.spoiled.iter().any(|place| is_below(&path, place))
    }

    /// Why nothing can be written below a path; `None` when something can.
    pub fn broken_at(&self, path: &str) -> Option<OsError> {
        let path = folded(&self.absolute(path));
        self.broken
            .iter()
            .find(|(place, _)| is_below(&path, place))
            .map(|(_, error)| error.clone())
    }

    /// Makes a virtual folder and those above it.
    pub fn create_folder(&self, path: &str) -> Result<(), OsError> {
        if let Some(error) = self.broken_at(path) {
            return Err(error);
        }
        std::fs::create_dir_all(self.real(path)?).map_err(|e| OsError::from_io(&e))
    }

    /// The folder in which everything lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn missing_folder(&self, path: &str) -> OsError {
        let Some(share) = path.strip_prefix("\\\\") else {
            return OsError::PATH_NOT_FOUND;
        };
        let parts: Vec<&str> = share.split('\\').take(2).collect();
        let exists = |parts: &[&str]| {
            self.real(&format!("\\\\{}", parts.join("\\")))
                .is_ok_and(|p| p.is_dir())
        };
        match parts.as_slice() {
            [server, _] if !exists(&[server]) => OsError::NETWORK_PATH,
            [server, share] if !exists(&[server, share]) => OsError::NETWORK_NAME,
            _ => OsError::PATH_NOT_FOUND,
        }
    }
}

fn folded(path: &str) -> String {
    path.replace('/', "\\").to_lowercase()
}

/// Whether a path says on its own where it is.
pub fn is_absolute(path: &str) -> bool {
    path.starts_with("\\\\") || path.starts_with('/') || path.contains(':')
}

/// `D:\` of `D:\Data\x.mdf`; `\\server\share\` of a share.
pub fn volume(path: &str) -> String {
    match path.strip_prefix("\\\\") {
        Some(share) => {
            let parts: Vec<&str> = share.split('\\').take(2).collect();
            format!("\\\\{}\\", parts.join("\\"))
        }
        None => path.chars().take(3).collect::<String>().to_uppercase(),
    }
}

/// Windows ignores case, so the disk gets lower case; what a file system could misread is written as `%xx`.
fn safe_component(component: &str) -> Result<String, OsError> {
    if component == "." || component == ".." {
        return Err(OsError::ACCESS_DENIED);
    }
    if component.contains([':', '*', '?', '"', '<', '>', '|', '\0']) {
        return Err(OsError::BAD_NAME);
    }
    let lower = component.to_lowercase();
    let mut safe = String::new();
    for (at, letter) in lower.char_indices() {
        let last = at + letter.len_utf8() == lower.len();
        if letter.is_control()
            || letter == '%'
            || letter == '/'
            || (last && (letter == '.' || letter == ' '))
        {
            // Writing to a String cannot fail.
            write!(safe, "%{:02x}", u32::from(letter)).ok();
        } else {
            safe.push(letter);
        }
    }
    // Names that Windows keeps for devices, with or without an ending.
    let stem = safe.split('.').next().unwrap_or_default();
    let device = matches!(stem, "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")));
    if device {
        safe.insert(0, '%');
    }
    if safe.len() > COMPONENT_BYTES {
        let hash = Sha256::digest(safe.as_bytes());
        let mut cut = COMPONENT_BYTES - 20;
        while !safe.is_char_boundary(cut) {
            cut -= 1;
        }
        safe.truncate(cut);
        safe.push('~');
        for byte in hash.iter().take(8) {
            write!(safe, "{byte:02x}").ok();
        }
    }
    Ok(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> VirtualPaths {
        VirtualPaths::new(PathBuf::from("/world"), "D:\\Backup")
    }

    #[track_caller]
    fn check(path: &str, expected: Result<&str, i32>) {
        let real = paths()
            .real(path)
            .map(|p| p.to_string_lossy().replace('\\', "/"))
            .map_err(|e| e.code);
        assert_eq!(real, expected.map(str::to_owned), "{path}");
    }

    #[test]
    fn paths_lie_inside_the_world() {
        check(
            "D:\\Data\\Octopus.mdf",
            Ok("/world/drive-d/data/octopus.mdf"),
        );
        check("d:/Data/Octopus.mdf", Ok("/world/drive-d/data/octopus.mdf"));
        check(
            "\\\\Backup-Server\\octopus\\full\\a.bak",
            Ok("/world/shares/backup-server/octopus/full/a.bak"),
        );
        check("a.bak", Ok("/world/drive-d/backup/a.bak"));
        check("D:\\Data\\..\\..\\etc\\passwd", Err(5));
        check("\\\\..\\..\\etc\\passwd", Err(5));
        check("/etc/passwd", Err(3));
        check("DD:\\x", Err(3));
        check("D:x", Err(3));
        check("D:\\a:b", Err(123));
        check("D:\\nul", Ok("/world/drive-d/%nul"));
        check("D:\\x.", Ok("/world/drive-d/x%2e"));
    }

    #[test]
    fn long_names_stay_different() {
        let long = "ä".repeat(128);
        let a = paths().real(&format!("D:\\{long}.bak")).expect("valid");
        let b = paths().real(&format!("D:\\{long}.trn")).expect("valid");
        assert_ne!(a, b);
        assert!(a.file_name().is_some_and(|n| n.len() <= COMPONENT_BYTES));
    }
}
