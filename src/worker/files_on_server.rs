//! Backup files as a server sees them: it lists the folder, and reads their headers itself.

use super::files::{FileListing, FileProblem, Teller, not_listed, not_there};
use crate::{
    bakfile::FolderProgress,
    domain::{BackupRecord, DatabaseFile, Device, History, HistoryRecords, MediaFile, ServerPath},
    explain::{Problem, server_problem},
    run::{PlaceThere, SetHeader, check_place, list_folder, listed_files, set_headers},
    server::{Connection, Gateway, ServerError, ask},
    tsql,
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Sessions that read headers at the same time: few, because the server has other work.
const READERS: usize = 3;
/// Folders below a folder that are listed; more than that is a whole disk.
const MOST_FOLDERS: usize = 10_000;
/// Media sets are numbered from here on, so that they are none of msdb's.
const FIRST_MEDIA_SET: i64 = 1 << 51;
/// Those of further folders begin so many bits higher.
const PART_SHIFT: u32 = 32;
/// `backupmediafamily.device_type` of a file on a disk.
const DISK: i32 = 2;

/// What is known of the server that reads.
pub(super) struct Known<'a> {
    /// Minutes ahead of UTC: headers do not tell it reliably.
    pub(super) utc_offset_minutes: i32,
    /// What msdb tells. Of the backups in it the database files are known.
    pub(super) history: &'a History,
}

/// Several folders that one server sees as one listing.
pub(super) fn together(parts: &[Arc<FileListing>]) -> FileListing {
    let mut all = FileListing::default();
    let mut records: BTreeMap<Uuid, BackupRecord> = BTreeMap::new();
    for (n, part) in (0_i64..).zip(parts) {
        all.n_files += part.n_files;
        all.cancelled |= part.cancelled;
        all.problems.extend(part.problems.iter().cloned());
        all.on_server.extend(part.on_server.iter().cloned());
        for set in &part.records.backup_sets {
            let Some(uuid) = set.backup_set_uuid else {
                continue;
            };
            let known = records.entry(uuid).or_insert_with(|| BackupRecord {
                media_files: Vec::new(),
                media_set_id: set.media_set_id.map(|id| id + (n << PART_SHIFT)),
                ..set.clone()
            });
            for file in &set.media_files {
                add_file(known, file.clone());
            }
        }
    }
    all.place = place(&all.on_server);
    all.n_sets = records.len();
    all.records = Arc::new(HistoryRecords {
        backup_sets: records.into_values().collect(),
        ..HistoryRecords::default()
    });
    all
}

/// Another file that holds a set, or a part of it. The same stripe once more is a copy of it.
fn add_file(set: &mut BackupRecord, file: MediaFile) {
    let MediaFile {
        family_sequence_number,
        physical_device_name,
        ..
    } = &file;
    let mut known = set.media_files.iter();
    // A folder inside another is read twice.
    if known.any(|known| known.physical_device_name == *physical_device_name) {
        return;
    }
    let stripe = set.media_files.iter();
    let copies = stripe
        .filter(|other| other.family_sequence_number == *family_sequence_number)
        .count();
    set.media_files.push(MediaFile {
        mirror: i32::try_from(copies).ok(),
        ..file
    });
}

fn place(folders: &[ServerPath]) -> String {
    let names: Vec<&str> = folders.iter().map(ServerPath::as_str).collect();
    format!("{}, as the server sees it", names.join(", "))
}

/// Lists a folder with all below it, and reads the headers of every file.
///
/// # Errors
///
/// When the folder itself cannot be listed. What is wrong with one file stands in the listing.
pub(super) async fn read(
    gateway: &dyn Gateway,
    folder: &ServerPath,
    known: &Known<'_>,
    stop: &CancellationToken,
    teller: &Teller,
) -> Result<FileListing, Problem> {
    let mut connection = gateway.connect().await.map_err(|e| server_problem(&e))?;
    let mut listing = FileListing {
        place: place(std::slice::from_ref(folder)),
        on_server: vec![folder.clone()],
        ..FileListing::default()
    };
    let files = list(connection.as_mut(), folder, stop, &mut listing.problems).await?;
    listing.n_files = files.len();
    let work = Work {
        total: files.len(),
        waiting: Mutex::new(files.into()),
        done: Mutex::new(Done::default()),
        known,
        stop,
        teller,
    };
    let readers = (0..READERS).map(|_| work.read_waiting(gateway));
    futures_util::future::join_all(readers).await;
    let done = work
        .done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let Done {
        records,
        problems,
        media: _,
    } = done;
    listing.problems.extend(problems);
    listing.problems.sort_by(|a, b| a.path.cmp(&b.path));
    listing.cancelled = stop.is_cancelled();
    listing.n_sets = records.len();
    listing.records = Arc::new(HistoryRecords {
        backup_sets: records.into_values().collect(),
        ..HistoryRecords::default()
    });
    Ok(listing)
}

/// The files under a folder, level by level.
async fn list(
    connection: &mut dyn Connection,
    folder: &ServerPath,
    stop: &CancellationToken,
    problems: &mut Vec<FileProblem>,
) -> Result<Vec<ServerPath>, Problem> {
    let mut files = Vec::new();
    let mut waiting = VecDeque::from([folder.clone()]);
    let mut n_folders = 0;
    while let Some(next) = waiting.pop_front() {
        n_folders += 1;
        if stop.is_cancelled() || n_folders > MOST_FOLDERS {
            break;
        }
        match list_folder(connection, &next).await {
            // Nothing is also what some servers say of a folder that is not there.
            Ok(entries) if n_folders == 1 && entries.is_empty() => {
                let found = check_place(connection, folder)
                    .await
                    .map_err(|error| not_listed(folder, server_problem(&error)))?;
                match found.there {
                    PlaceThere::File => files.push(next),
                    PlaceThere::Missing { .. } => return Err(not_there(folder)),
                    PlaceThere::Folder | PlaceThere::Unknown => {}
                }
            }
            Ok(entries) => {
                for entry in entries {
                    let path = next.join(&entry.name);
                    if entry.is_folder {
                        waiting.push_back(path);
                    } else {
                        files.push(path);
                    }
                }
            }
            Err(error) if n_folders == 1 => {
                return Err(not_listed(folder, server_problem(&error)));
            }
            Err(error) => problems.push(FileProblem {
                path: next.to_string(),
                problem: server_problem(&error),
                partly: false,
            }),
        }
    }
    Ok(files)
}

/// Files that several sessions read.
struct Work<'a> {
    total: usize,
    waiting: Mutex<VecDeque<ServerPath>>,
    done: Mutex<Done>,
    known: &'a Known<'a>,
    stop: &'a CancellationToken,
    teller: &'a Teller,
}

#[derive(Default)]
struct Done {
    records: BTreeMap<Uuid, BackupRecord>,
    problems: Vec<FileProblem>,
    media: BTreeMap<Uuid, i64>,
}

impl Work<'_> {
    async fn read_waiting(&self, gateway: &dyn Gateway) {
        let mut connection = None;
        while !self.stop.is_cancelled() {
            let next = self.waiting.lock().ok().and_then(|mut waiting| {
                let next = waiting.pop_front()?;
                Some((next, self.total - waiting.len()))
            });
            let Some((path, number)) = next else { return };
            let read = self.read_one(gateway, &mut connection, &path).await;
            if let Err(error) = read {
                // A session that was lost is not used again.
                if error.number().is_none() {
                    connection = None;
                }
                if let Ok(mut done) = self.done.lock() {
                    done.problems.push(FileProblem {
                        path: path.to_string(),
                        problem: server_problem(&error),
                        partly: false,
                    });
                }
            }
            self.teller.tell(FolderProgress {
                found: self.total,
                read: number,
                searching: false,
            });
        }
    }

    async fn read_one(
        &self,
        gateway: &dyn Gateway,
        connection: &mut Option<Box<dyn Connection>>,
        path: &ServerPath,
    ) -> Result<(), ServerError> {
        let open = match connection {
            Some(open) => open,
            None => connection.insert(gateway.connect().await?),
        };
        let device = Device::Disk(path.to_string());
        let headers = ask(open.as_mut(), &tsql::header_only(&device)).await?;
        let label = ask(open.as_mut(), &tsql::label_only(&device)).await?;
        let label = label.rows().first().cloned();
        let headers = set_headers(&headers);
        let mut lists = self.file_lists(open.as_mut(), &device, &headers).await?;
        let number = |name: &str| {
            let value = label.as_ref()?.int(name)?;
            i32::try_from(value).ok()
        };
        let file = MediaFile {
            family_sequence_number: number("familysequencenumber").or(Some(1)),
            mirror: Some(0),
            physical_device_name: Some(path.to_string()),
            device_type: Some(DISK),
            present: Some(true),
        };
        let family_count = number("familycount");
        let media_set = label.as_ref().and_then(|label| label.guid("mediasetid"));
        let Ok(mut done) = self.done.lock() else {
            return Ok(());
        };
        let Done {
            records,
            problems: _,
            media,
        } = &mut *done;
        let media_set_id = media_set.map(|id| {
            let next = FIRST_MEDIA_SET + media.len() as i64;
            *media.entry(id).or_insert(next)
        });
        for header in headers {
            let Some(uuid) = header.backup_set_uuid else {
                continue;
            };
            let known = records.entry(uuid).or_insert_with(|| BackupRecord {
                media_files: Vec::new(),
                media_family_count: family_count,
                media_set_id,
                mirror_count: None,
                files: lists.remove(&uuid).unwrap_or_default(),
                ..header.record(path.as_str(), self.known.utc_offset_minutes)
            });
            add_file(known, file.clone());
        }
        Ok(())
    }

    /// The database files of the sets that the history does not know: without them a copy has no `MOVE`.
    async fn file_lists(
        &self,
        connection: &mut dyn Connection,
        device: &Device,
        headers: &[SetHeader],
    ) -> Result<BTreeMap<Uuid, Vec<DatabaseFile>>, ServerError> {
        let mut lists = BTreeMap::new();
        for header in headers {
            let Some(uuid) = header.backup_set_uuid else {
                continue;
            };
            let name = header.database_name.as_deref().unwrap_or_default();
            let in_history = self.known.history.database(name);
            let listed = self
                .done
                .lock()
                .is_ok_and(|done| done.records.contains_key(&uuid));
            if listed || in_history.is_some_and(|sets| sets.set_by_uuid(uuid).is_some()) {
                continue;
            }
            let position = i32::try_from(header.position).unwrap_or_default();
            let question = tsql::file_list(std::slice::from_ref(device), position);
            match ask(connection, &question).await {
                Ok(answer) => {
                    lists.insert(uuid, listed_files(&answer));
                }
                // The plan says that it does not know the files.
                Err(ServerError::Refused { errors }) => {
                    tracing::debug!(?errors, position, "the files of a set were not listed");
                }
                Err(other) => return Err(other),
            }
        }
        Ok(lists)
    }
}
