//! Two sources side by side: what a server's history says, and what files hold.

use super::{BackupSet, Device, History, ServerPath};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What the files say to a set of the history, or the history to a set in the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileMark {
    /// The history knows it, and every file of it was found.
    Found,
    /// The history knows it, and a file of it was not found.
    Missing,
    /// The history knows it, and at its place in the file lies another set.
    Changed,
    /// A file holds it, and the history does not know it.
    Unknown,
}

/// Marks each set of both, by uuid.
///
/// Only databases of which there are files are compared, and only what was written to disk: what went to a tape, a
/// virtual device or a URL is in no folder.
/// `folders` are those that were looked into, as the server sees them: what lies elsewhere is not missing.
/// Without any, everything counts.
pub fn compare(
    history: &History,
    files: &History,
    folders: &[ServerPath],
) -> BTreeMap<Uuid, FileMark> {
    let mut marks = BTreeMap::new();
    let mut places: BTreeMap<(String, i32), Uuid> = BTreeMap::new();
    for set in files.iter().flat_map(|database| database.sets()) {
        for path in set.device_names() {
            places.insert((path.to_lowercase(), set.position), set.uuid);
        }
    }
    for found in files.iter() {
        let known = history.database(found.name());
        let is_known = |uuid| {
            known
                .as_ref()
                .is_some_and(|k| k.set_by_uuid(uuid).is_some())
        };
        for set in found.sets().filter(|set| !is_known(set.uuid)) {
            marks.insert(set.uuid, FileMark::Unknown);
        }
        let Some(known) = &known else { continue };
        for set in known.sets().filter(|set| is_on_disk(set)) {
            let is_taken = |path: &str| {
                let there = places.get(&(path.to_lowercase(), set.position));
                there.is_some_and(|&uuid| uuid != set.uuid)
            };
            let mark = match found.set_by_uuid(set.uuid) {
                Some(file) if file.trouble().is_none() => FileMark::Found,
                Some(_) => FileMark::Missing,
                None if set.device_names().any(is_taken) => FileMark::Changed,
                None if folders.is_empty()
                    || set.device_names().any(|path| is_in(path, folders)) =>
                {
                    FileMark::Missing
                }
                None => continue,
            };
            marks.insert(set.uuid, mark);
        }
    }
    marks
}

/// Whether a path lies in one of the folders, by the comparison of Windows.
fn is_in(path: &str, folders: &[ServerPath]) -> bool {
    let path = path.to_lowercase();
    folders.iter().any(|folder| {
        let folder = folder.as_str().trim_end_matches(['\\', '/']).to_lowercase();
        let rest = path.strip_prefix(&folder);
        rest.is_some_and(|rest| rest.starts_with(['\\', '/']))
    })
}

fn is_on_disk(set: &BackupSet) -> bool {
    let devices = set.devices();
    !devices.is_empty()
        && devices
            .iter()
            .all(|device| matches!(device, Device::Disk(_)))
}
