//! Names of files that a restore writes besides the database's own: as the server sees them, and nobody else's.

use super::restore::{ServerFacts, target_database};
use crate::domain::{BackupType, Device, RestorePlan, within_utf16};

/// The longest device name that `BACKUP` takes (message 3057).
const MAX_DEVICE_NAME: usize = 259;

/// A new file for the backup that a plan must take first: in the server's backup folder, else beside the newest log.
///
/// `stamp` makes the name new; a relative name lands in the server's own backup folder.
pub fn tail_file(plan: &RestorePlan, backup_folder: Option<&str>, stamp: &str) -> String {
    let beside_log = plan
        .steps
        .iter()
        .rev()
        .filter(|step| step.backup_type == BackupType::Log)
        .chain(plan.steps.iter().rev())
        .find_map(|step| match step.devices.first() {
            Some(Device::Disk(path)) => path.rfind(['\\', '/']).map(|end| path[..=end].to_owned()),
            _ => None,
        });
    let folder = match backup_folder.filter(|folder| !folder.is_empty()) {
        Some(folder) if folder.ends_with(['\\', '/']) => folder.to_owned(),
        Some(folder) if folder.contains('/') && !folder.contains('\\') => format!("{folder}/"),
        Some(folder) => format!("{folder}\\"),
        None => beside_log.unwrap_or_default(),
    };
    let room = MAX_DEVICE_NAME
        .saturating_sub(folder.encode_utf16().count())
        .saturating_sub(stamp.len() + "__tail.trn".len());
    let name = file_name(&plan.database);
    let name = within_utf16(&name, room.min(100));
    format!("{folder}{name}_{stamp}_tail.trn")
}

/// Where the server keeps what it undoes while a database is readable between two logs: beside the first file of its data.
///
/// A file of that name is written over, so the name is the database's own.
/// <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-arguments-transact-sql>
pub fn undo_file(plan: &RestorePlan, facts: &ServerFacts) -> String {
    let beside = plan.moves.first().map(|file| file.to.as_str());
    let folder = beside
        .or(facts.tail_file.as_deref())
        .and_then(|file| Some(&file[..=file.rfind(['\\', '/'])?]))
        .unwrap_or_default();
    format!("{folder}{}_standby.undo", file_name(target_database(plan)))
}

/// The name with everything replaced that a file name cannot hold, or that a script would have to piece together.
pub fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_control() || "\\/:*?\"<>|$'[]".contains(c) {
                '_'
            } else {
                c
            }
        })
        .collect()
}
