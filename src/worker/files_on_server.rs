//! Backup files as a server sees them: it lists the folder, and reads their headers itself.

use super::files::{FileListing, FileProblem, Teller, not_listed};
use crate::{
    bakfile::FolderProgress,
    domain::{BackupRecord, Device, HistoryRecords, MediaFile, ServerPath},
    explain::{Problem, server_problem},
    run::set_headers,
    server::{Connection, Gateway, Row, ServerError, ask},
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
/// `backupmediafamily.device_type` of a file on a disk.
const DISK: i32 = 2;

/// Lists a folder with all below it, and reads the headers of every file.
///
/// # Errors
///
/// When the folder itself cannot be listed. What is wrong with one file stands in the listing.
pub(super) async fn read(
    gateway: &dyn Gateway,
    folder: &ServerPath,
    utc_offset_minutes: i32,
    stop: &CancellationToken,
    teller: &Teller,
) -> Result<FileListing, Problem> {
    let mut connection = gateway.connect().await.map_err(|e| server_problem(&e))?;
    let mut listing = FileListing {
        place: format!("{folder}, as the server sees it"),
        on_server: vec![folder.clone()],
        ..FileListing::default()
    };
    let files = list(connection.as_mut(), folder, stop, &mut listing.problems).await?;
    listing.n_files = files.len();
    let work = Work {
        total: files.len(),
        waiting: Mutex::new(files.into()),
        done: Mutex::new(Done::default()),
        utc_offset_minutes,
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
        match list_one(connection, &next).await {
            Ok(entries) => {
                for (name, is_folder) in entries {
                    let path = next.join(&name);
                    if is_folder {
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

/// Names in one folder, and whether each is a folder. Before 2017 only an undocumented procedure lists.
async fn list_one(
    connection: &mut dyn Connection,
    folder: &ServerPath,
) -> Result<Vec<(String, bool)>, ServerError> {
    match ask(connection, &tsql::enumerate_folder(folder)).await {
        Ok(answer) => {
            let entry = |row: &Row| {
                let name = row.text("file_or_directory_name")?;
                Some((name, row.bool("is_directory") == Some(true)))
            };
            Ok(answer.rows().iter().filter_map(entry).collect())
        }
        Err(error) if error.number().is_some() => {
            let Ok(answer) = ask(connection, &tsql::enumerate_folder_old(folder)).await else {
                return Err(error);
            };
            let entry = |row: &Row| Some((row.text("subdirectory")?, row.int("file") != Some(1)));
            Ok(answer.rows().iter().filter_map(entry).collect())
        }
        Err(error) => Err(error),
    }
}

/// Files that several sessions read.
struct Work<'a> {
    total: usize,
    waiting: Mutex<VecDeque<ServerPath>>,
    done: Mutex<Done>,
    utc_offset_minutes: i32,
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
        for header in set_headers(&headers) {
            let Some(uuid) = header.backup_set_uuid else {
                continue;
            };
            let known = records.entry(uuid).or_insert_with(|| BackupRecord {
                media_files: Vec::new(),
                media_family_count: family_count,
                media_set_id,
                mirror_count: None,
                ..header.record(path.as_str(), self.utc_offset_minutes)
            });
            // The same stripe once more is a copy of it.
            let copies = known
                .media_files
                .iter()
                .filter(|other| other.family_sequence_number == file.family_sequence_number)
                .count();
            known.media_files.push(MediaFile {
                mirror: i32::try_from(copies).ok(),
                ..file.clone()
            });
        }
        Ok(())
    }
}
