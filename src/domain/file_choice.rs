//! The files of a copy where somebody wants them, and what speaks against a path.
//!
//! The planner names every file anew by one pattern; single paths may be put over that here.

use super::{FileMove, RestorePlan};
use std::collections::BTreeMap;

/// Paths of single files, by the name of the file inside the database.
pub type FileChoice = BTreeMap<String, String>;

/// Why a file of a copy cannot go to its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// There is none.
    Empty,
    /// It names no folder from a root on, so that nobody knows where it would land.
    NoRoot,
    /// It ends like a folder.
    NoFileName,
    /// Another file of the copy goes there, by its logical name.
    MeantTwice(String),
    /// The original has its file there, by its logical name.
    OfOriginal(String),
}

impl RestorePlan {
    /// Sends single files elsewhere. Names that the plan does not have are passed over.
    pub fn send_files(&mut self, choice: &FileChoice) {
        for file in &mut self.moves {
            let chosen = choice
                .iter()
                .find(|(name, _)| same_name(name, &file.logical_name));
            if let Some((_, path)) = chosen {
                file.to = path.trim().to_owned();
            }
        }
    }
}

/// What speaks against each path, in the order of the moves. Whether the server has the folder it alone can tell.
///
/// `beside_original` says that the copy lands on the server that has the original.
pub fn path_faults(moves: &[FileMove], beside_original: bool) -> Vec<Option<PathFault>> {
    moves
        .iter()
        .enumerate()
        .map(|(idx, file)| path_fault(moves, beside_original, idx, file))
        .collect()
}

fn path_fault(
    moves: &[FileMove],
    beside_original: bool,
    idx: usize,
    file: &FileMove,
) -> Option<PathFault> {
    let path = file.to.trim();
    if path.is_empty() {
        return Some(PathFault::Empty);
    }
    if !has_root(path) {
        return Some(PathFault::NoRoot);
    }
    if path.ends_with(['\\', '/']) {
        return Some(PathFault::NoFileName);
    }
    let other = moves
        .iter()
        .enumerate()
        .find(|(other, taken)| *other != idx && same_path(&taken.to, path));
    if let Some((_, taken)) = other {
        return Some(PathFault::MeantTwice(taken.logical_name.clone()));
    }
    let original = moves.iter().filter(|_| beside_original).find(|taken| {
        taken
            .from
            .as_deref()
            .is_some_and(|from| same_path(from, path))
    });
    original.map(|taken| PathFault::OfOriginal(taken.logical_name.clone()))
}

/// `C:\…`, `\\server\share\…` or `/…`.
fn has_root(path: &str) -> bool {
    let mut chars = path.chars();
    let (first, second, third) = (chars.next(), chars.next(), chars.next());
    match first {
        Some('/') => true,
        Some('\\') => second == Some('\\') && third.is_some(),
        Some(letter) if letter.is_ascii_alphabetic() => {
            second == Some(':') && matches!(third, Some('\\' | '/'))
        }
        _ => false,
    }
}

/// Paths of Windows do not tell upper from lower case, nor one slash from the other.
fn same_path(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim(), b.trim());
    if a.starts_with('/') || b.starts_with('/') {
        return a == b;
    }
    let plain = |path: &str| path.to_lowercase().replace('/', "\\");
    plain(a) == plain(b)
}

fn same_name(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(to: &[&str]) -> Vec<FileMove> {
        to.iter()
            .enumerate()
            .map(|(idx, to)| FileMove {
                logical_name: format!("file{idx}"),
                from: Some(format!(r"D:\Data\file{idx}.mdf")),
                to: (*to).to_owned(),
                file_size: None,
            })
            .collect()
    }

    #[track_caller]
    fn check(to: &[&str], expected: &[Option<PathFault>]) {
        assert_eq!(path_faults(&moves(to), true), expected);
    }

    #[test]
    fn each_fault_has_its_file() {
        check(&[r"E:\a.mdf", r"E:\b.ldf"], &[None, None]);
        check(
            &["", "a.mdf"],
            &[Some(PathFault::Empty), Some(PathFault::NoRoot)],
        );
        check(
            &[r"E:\copies\", r"\\nas\x"],
            &[Some(PathFault::NoFileName), None],
        );
        check(
            &[r"E:\a.mdf", "e:/A.MDF"],
            &[
                Some(PathFault::MeantTwice("file1".to_owned())),
                Some(PathFault::MeantTwice("file0".to_owned())),
            ],
        );
        check(
            &[r"d:\data\FILE1.mdf", "/var/opt/a"],
            &[Some(PathFault::OfOriginal("file1".to_owned())), None],
        );
        check(&["/a", "/A"], &[None, None]);
    }

    #[test]
    fn on_another_server_the_path_of_the_original_is_free() {
        assert_eq!(path_faults(&moves(&[r"D:\Data\file0.mdf"]), false), [None]);
    }
}
