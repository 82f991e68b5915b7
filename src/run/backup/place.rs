//! Folders as the server sees them: what lies in them, whether they are there, and whether its service account can write.

use super::facts::ask_if_allowed;
use crate::{
    domain::{ServerPath, ServerTime},
    run::header::set_headers,
    server::{Connection, Row, ServerError, ask},
    tsql::{self, BackupFacts},
};

/// One entry of a folder on the server.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderEntry {
    pub name: String,
    pub is_folder: bool,
    /// Of a file; of a drive what is free on it.
    pub bytes: Option<u64>,
    pub written: Option<ServerTime>,
}

/// What lies in a folder on the server.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderListing {
    /// `None` lists the drives.
    pub folder: Option<ServerPath>,
    pub entries: Vec<FolderEntry>,
    /// More lay there than are listed.
    pub cut: bool,
}

/// Whether a destination is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceThere {
    Folder,
    /// A file has this name.
    File,
    /// Neither; the folder above may be there.
    Missing {
        parent: bool,
    },
    /// A URL, which a server cannot look at, or a login that may not look.
    Unknown,
}

/// A destination as the server sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceCheck {
    pub place: ServerPath,
    pub there: PlaceThere,
    /// Where the server tells it: its own drives, seldom a share.
    pub free_bytes: Option<u64>,
}

/// What a probe showed.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeOutcome {
    /// The service account can write there, and read.
    Written,
    /// It was written, and what came back is something else.
    ReadOtherwise,
    Refused(ServerError),
}

/// A probe that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeResult {
    pub folder: ServerPath,
    pub file: ServerPath,
    pub outcome: ProbeOutcome,
    /// Its file is gone again.
    pub removed: bool,
}

/// More entries of one folder help nobody to choose.
const MOST_ENTRIES: usize = 2000;

/// Lists a folder, or the drives.
pub async fn browse(
    connection: &mut dyn Connection,
    folder: Option<&ServerPath>,
) -> Result<FolderListing, ServerError> {
    let Some(folder) = folder else {
        return Ok(FolderListing {
            folder: None,
            entries: drives(connection).await?,
            cut: false,
        });
    };
    let mut entries = list_folder(connection, folder).await?;
    entries.sort_by(|a, b| {
        (!a.is_folder, a.name.to_lowercase()).cmp(&(!b.is_folder, b.name.to_lowercase()))
    });
    let cut = entries.len() > MOST_ENTRIES;
    entries.truncate(MOST_ENTRIES);
    Ok(FolderListing {
        folder: Some(folder.clone()),
        entries,
        cut,
    })
}

/// What lies in a folder, in no order. Where it is not there, some servers answer with nothing instead of an error.
///
/// Before 2017 only an undocumented procedure lists; it tells neither sizes nor times.
pub async fn list_folder(
    connection: &mut dyn Connection,
    folder: &ServerPath,
) -> Result<Vec<FolderEntry>, ServerError> {
    let newer = ask_if_allowed(connection, &tsql::enumerate_folder(folder)).await?;
    if let Some(answer) = newer {
        let entry = |row: &Row| {
            let is_folder = row.bool("is_directory").unwrap_or(false);
            Some(FolderEntry {
                name: row.text("file_or_directory_name")?,
                is_folder,
                bytes: row
                    .int("size_in_bytes")
                    .filter(|_| !is_folder)
                    .and_then(|bytes| u64::try_from(bytes).ok()),
                written: row.time("last_write_time"),
            })
        };
        return Ok(answer.rows().iter().filter_map(entry).collect());
    }
    let older = ask(connection, &tsql::enumerate_folder_old(folder)).await?;
    let entry = |row: &Row| {
        Some(FolderEntry {
            name: row.text("subdirectory")?,
            is_folder: row.int("file").unwrap_or_default() == 0,
            bytes: None,
            written: None,
        })
    };
    Ok(older.rows().iter().filter_map(entry).collect())
}

async fn drives(connection: &mut dyn Connection) -> Result<Vec<FolderEntry>, ServerError> {
    let drive = |name: String, bytes: Option<i64>| FolderEntry {
        name,
        is_folder: true,
        bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()),
        written: None,
    };
    if let Some(answer) = ask_if_allowed(connection, &tsql::fixed_drives()).await? {
        return Ok(answer
            .rows()
            .iter()
            .filter_map(|row| {
                Some(drive(
                    row.text("fixed_drive_path")?,
                    row.int("free_space_in_bytes"),
                ))
            })
            .collect());
    }
    let answer = ask_if_allowed(connection, &tsql::fixed_drives_old()).await?;
    Ok(answer
        .iter()
        .flat_map(|answer| answer.rows())
        .filter_map(|row| {
            Some(drive(
                format!("{}:\\", row.text("drive")?.trim()),
                row.int("mb free").map(|megabytes| megabytes << 20),
            ))
        })
        .collect())
}

/// Looks whether a destination is there and how much room it has, through the server.
pub async fn check_place(
    connection: &mut dyn Connection,
    place: &ServerPath,
) -> Result<PlaceCheck, ServerError> {
    let there = if place.is_url() {
        PlaceThere::Unknown
    } else {
        there(connection, place).await?
    };
    Ok(PlaceCheck {
        place: place.clone(),
        there,
        free_bytes: free_bytes(connection, place).await?,
    })
}

pub(super) async fn there(
    connection: &mut dyn Connection,
    place: &ServerPath,
) -> Result<PlaceThere, ServerError> {
    let newer = ask_if_allowed(connection, &tsql::file_exists(place)).await?;
    let (answer, names) = match newer {
        Some(answer) => (
            answer,
            [
                "file_exists",
                "file_is_a_directory",
                "parent_directory_exists",
            ],
        ),
        None => match ask_if_allowed(connection, &tsql::file_exists_old(place)).await? {
            Some(answer) => (
                answer,
                [
                    "file exists",
                    "file is a directory",
                    "parent directory exists",
                ],
            ),
            None => return Ok(PlaceThere::Unknown),
        },
    };
    let Some(row) = answer.first() else {
        return Ok(PlaceThere::Unknown);
    };
    let [file, folder, parent] = names.map(|name| row.bool(name).unwrap_or(false));
    Ok(if folder {
        PlaceThere::Folder
    } else if file {
        PlaceThere::File
    } else {
        PlaceThere::Missing { parent }
    })
}

/// Of the volume that holds the path: the longest mount point that the server names and the path begins with.
async fn free_bytes(
    connection: &mut dyn Connection,
    place: &ServerPath,
) -> Result<Option<u64>, ServerError> {
    if place.is_url() || place.is_share() {
        return Ok(None);
    }
    let mut best: Option<(usize, u64)> = None;
    let mut offer = |mount: &str, bytes: Option<u64>| {
        let begins = place
            .as_str()
            .to_lowercase()
            .starts_with(&mount.to_lowercase());
        if let (true, Some(bytes)) = (begins, bytes)
            && best.is_none_or(|(length, _)| mount.len() > length)
        {
            best = Some((mount.len(), bytes));
        }
    };
    for entry in drives(connection).await? {
        offer(&entry.name, entry.bytes);
    }
    if let Some(answer) = ask_if_allowed(connection, &tsql::volumes()).await? {
        for row in answer.rows() {
            let mount = row.text("volume_mount_point").unwrap_or_default();
            let bytes = row.int("available_bytes");
            offer(&mount, bytes.and_then(|bytes| u64::try_from(bytes).ok()));
        }
    }
    Ok(best.map(|(_, bytes)| bytes))
}

/// Writes a small backup to a folder, reads it back and removes it again.
///
/// `stamp` makes its name new. The file is removed only when its header is the probe's.
pub async fn probe(
    connection: &mut dyn Connection,
    folder: &ServerPath,
    stamp: &str,
    facts: &BackupFacts,
) -> Result<ProbeResult, ServerError> {
    let probe = tsql::probe_script(folder, stamp, facts);
    let mut result = ProbeResult {
        folder: folder.clone(),
        file: probe.file.clone(),
        outcome: ProbeOutcome::Written,
        removed: false,
    };
    match ask(connection, &probe.write).await {
        Ok(_) => {}
        Err(error @ (ServerError::Refused { .. } | ServerError::NotAllowed { .. })) => {
            result.outcome = ProbeOutcome::Refused(error);
            return Ok(result);
        }
        Err(other) => return Err(other),
    }
    let headers = match ask(connection, &probe.read).await {
        Ok(answer) => set_headers(&answer),
        Err(error @ ServerError::Refused { .. }) => {
            result.outcome = ProbeOutcome::Refused(error);
            return Ok(result);
        }
        Err(other) => return Err(other),
    };
    let is_ours = matches!(
        headers.as_slice(),
        [only] if only.database_name.as_deref() == Some("model")
    );
    if !is_ours {
        result.outcome = ProbeOutcome::ReadOtherwise;
        return Ok(result);
    }
    if !probe.file.is_url() {
        ask_if_allowed(connection, &tsql::delete_probe(&probe.file)).await?;
        result.removed = matches!(
            there(connection, &probe.file).await?,
            PlaceThere::Missing { .. }
        );
    }
    Ok(result)
}
