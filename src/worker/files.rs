//! Folders of backup files: saved with the workspace, and read beside everything else.

use super::{
    beside::{Beside, JoinedFiles},
    files_on_server,
    handle::Events,
    jobs::{Jobs, blocking, now},
    messages::{Event, ServerId, ServerStatus},
    reading::summaries,
};
use crate::{
    bakfile::{
        FolderProgress, FolderReport, PathHere, PathMapping, Writer, history_of, read_folders,
    },
    domain::{History, HistoryRecords, ServerPath},
    explain::{self, Problem, ProblemKind, aside_problem, store_problem},
    settings::{BackupFolder, FolderPlace, Loaded, StoreError},
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a count on the screen changes.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What the window asks of backup files.
#[derive(Clone, Debug)]
pub enum FilesRequest {
    /// Keeps a folder, or what changed in it.
    Save(BackupFolder),
    /// Forgets a folder; its files stay.
    Forget { id: Uuid },
    /// Ends a reading; what was read so far is shown.
    Stop { source: ServerId },
    /// Files that are looked at beside the history of a server, and that its plans may rest on; `None` for none.
    /// Answered by `FilesEvent::Joined`, and again whenever the history was read anew.
    Beside {
        server: ServerId,
        listing: Option<Arc<FileListing>>,
    },
    /// Reads what lies in a folder that the server sees, with the server's own statements.
    ReadOnServer {
        server: ServerId,
        folder: ServerPath,
    },
}

/// What is told of backup files.
#[derive(Clone, Debug)]
pub enum FilesEvent {
    /// The saved folders of a workspace, after each change.
    Folders {
        workspace: String,
        folders: Vec<BackupFolder>,
    },
    Progress {
        source: ServerId,
        progress: FilesProgress,
    },
    /// A reading ended: of a folder here, or of one that this server sees.
    Listed {
        source: ServerId,
        listing: Arc<FileListing>,
    },
    /// A server would not list a folder.
    NotListed { source: ServerId, problem: Problem },
    /// The history of a server and the files beside it, as both are now.
    Joined {
        server: ServerId,
        joined: Arc<JoinedFiles>,
    },
}

/// How far a reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilesProgress {
    pub found: usize,
    pub read: usize,
    /// More may be found.
    pub searching: bool,
}

/// What was found in a folder, beside its history.
#[derive(Clone, Debug, Default)]
pub struct FileListing {
    /// Where, in words.
    pub place: String,
    pub n_files: usize,
    pub n_sets: usize,
    pub problems: Vec<FileProblem>,
    /// Files whose path the server may see otherwise, and nobody said how.
    pub unmapped: usize,
    /// It was stopped before everything was read.
    pub cancelled: bool,
    /// Files that only the practice server can restore.
    pub n_practice: usize,
    /// Backup sets of which something that decides is a guess.
    pub n_guessed: usize,
    /// The folders as the server sees them; empty when that is not known of all of them.
    pub on_server: Vec<ServerPath>,
    /// What the files say, for a look at both sides.
    pub records: Arc<HistoryRecords>,
}

impl FileListing {
    /// Several folders that one server sees as one.
    pub fn together(parts: &[Arc<Self>]) -> Self {
        files_on_server::together(parts)
    }
}

/// A file or folder that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    pub path: String,
    pub problem: Problem,
    /// Some of its sets were read.
    pub partly: bool,
}

/// The folders of the open workspace, and which of them are being read.
#[derive(Default)]
pub(super) struct Folders {
    saved: Vec<BackupFolder>,
    readings: BTreeMap<ServerId, Reading>,
    /// What plans on a server may rest on beside its history.
    pub(super) beside: BTreeMap<ServerId, Beside>,
    /// Joins that were begun, so that each has a number.
    pub(super) n_joins: u64,
}

/// A reading under way.
#[derive(Clone, Default)]
struct Reading {
    /// Ends it; what was read counts.
    stop: CancellationToken,
    /// Ends it; nobody wants it any more.
    discard: CancellationToken,
}

impl Folders {
    /// Nobody wants what is being read any more.
    pub(super) fn discard(&mut self, source: ServerId) {
        if let Some(reading) = self.readings.remove(&source) {
            reading.discard.cancel();
        }
    }

    fn begin(&mut self, source: ServerId) -> Reading {
        self.discard(source);
        let reading = Reading::default();
        self.readings.insert(source, reading.clone());
        reading
    }
}

impl Jobs {
    pub(super) async fn files(&mut self, request: FilesRequest) {
        match request {
            FilesRequest::Save(folder) => {
                let id = folder.id;
                self.change_folders(move |workspace| workspace.save_folder(folder))
                    .await;
                self.read_folder(id);
            }
            FilesRequest::Forget { id } => {
                self.files.discard(ServerId::Folder(id));
                self.change_folders(move |workspace| workspace.remove_folder(id))
                    .await;
            }
            FilesRequest::Stop { source } => {
                if let Some(reading) = self.files.readings.get(&source) {
                    reading.stop.cancel();
                }
            }
            FilesRequest::Beside { server, listing } => self.put_beside(server, listing),
            FilesRequest::ReadOnServer { server, folder } => self.read_on_server(server, folder),
        }
    }

    /// Reads which folders the open workspace keeps.
    pub(super) async fn open_folders(&mut self) {
        self.files = Folders::default();
        self.change_folders(|workspace| workspace.load_folders())
            .await;
    }

    async fn change_folders(
        &mut self,
        change: impl FnOnce(
            &crate::settings::Workspace,
        ) -> Result<Loaded<Vec<BackupFolder>>, StoreError>
        + Send
        + 'static,
    ) {
        let Some(workspace) = self.workspace.clone() else {
            return;
        };
        let name = workspace.name().to_string();
        match blocking(move || change(&workspace)).await {
            Some(Ok(Loaded { value, aside })) => {
                self.files.saved.clone_from(&value);
                self.events.send(Event::Files(FilesEvent::Folders {
                    workspace: name,
                    folders: value,
                }));
                if let Some(aside) = aside {
                    self.problem(None, aside_problem(&aside));
                }
            }
            Some(Err(error)) => self.problem(None, store_problem(&error)),
            None => {}
        }
    }

    /// Reads all files of a saved folder.
    pub(super) fn read_folder(&mut self, id: Uuid) {
        let source = ServerId::Folder(id);
        let Some(folder) = self
            .files
            .saved
            .iter()
            .find(|folder| folder.id == id)
            .cloned()
        else {
            return;
        };
        let reading = self.files.begin(source);
        self.status(
            source,
            ServerStatus::Connecting {
                what: "Looking for backup files".to_owned(),
                done: None,
            },
        );
        let events = self.events.clone();
        let closing = self.stop.clone();
        tokio::task::spawn_blocking(move || {
            let Reading { stop, discard } = reading;
            let ended = || stop.is_cancelled() || discard.is_cancelled() || closing.is_cancelled();
            let teller = Teller::new(source, events.clone());
            let places: Vec<PathBuf> = folder
                .places
                .iter()
                .map(|place| place.here.clone())
                .collect();
            let report = read_folders(&places, &ended, &|progress| teller.tell(progress));
            let found = history_of(&report.files, &mapping_of(&folder));
            let listing = listing_of(&folder, &report, found.unmapped, found.records.clone());
            let (history, notes) = History::of_each_database(found.records);
            if discard.is_cancelled() || closing.is_cancelled() {
                return;
            }
            events.send(Event::Server {
                server: source,
                status: ServerStatus::FilesRead,
            });
            events.send(Event::Files(FilesEvent::Listed {
                source,
                listing: Arc::new(listing),
            }));
            events.send(Event::Databases {
                server: source,
                databases: Arc::new(summaries(&[], &history)),
            });
            events.send(Event::History {
                server: source,
                history,
                notes: Arc::new(notes),
                read_at: now(),
            });
        });
    }

    fn read_on_server(&mut self, server: ServerId, folder: ServerPath) {
        let Some(connected) = self.servers.get(&server) else {
            return;
        };
        let gateway = Arc::clone(&connected.gateway);
        let utc_offset_minutes = connected.reading.info.utc_offset.minutes();
        let history = self.history_of(server).cloned().unwrap_or_default();
        let reading = self.files.begin(server);
        let events = self.events.clone();
        let closing = self.stop.clone();
        tokio::spawn(async move {
            let Reading { stop, discard } = reading;
            let teller = Teller::new(server, events.clone());
            let known = files_on_server::Known {
                utc_offset_minutes,
                history: &history,
            };
            let read = files_on_server::read(gateway.as_ref(), &folder, &known, &stop, &teller);
            let listing = tokio::select! {
                () = discard.cancelled() => return,
                () = closing.cancelled() => return,
                listing = read => listing,
            };
            match listing {
                Ok(listing) => events.send(Event::Files(FilesEvent::Listed {
                    source: server,
                    listing: Arc::new(listing),
                })),
                Err(problem) => events.send(Event::Files(FilesEvent::NotListed {
                    source: server,
                    problem,
                })),
            }
        });
    }
}

/// Tells how far a reading is, now and then.
pub(super) struct Teller {
    source: ServerId,
    events: Events,
    last: Mutex<Option<Instant>>,
}

impl Teller {
    fn new(source: ServerId, events: Events) -> Self {
        Self {
            source,
            events,
            last: Mutex::new(None),
        }
    }

    pub(super) fn tell(&self, progress: FolderProgress) {
        let FolderProgress {
            found,
            read,
            searching,
        } = progress;
        // A reader that panicked while it told leaves the others silent, and no more.
        let Ok(mut last) = self.last.lock() else {
            return;
        };
        if last.is_some_and(|last| last.elapsed() < TELL_EVERY) {
            return;
        }
        *last = Some(Instant::now());
        self.events.send(Event::Files(FilesEvent::Progress {
            source: self.source,
            progress: FilesProgress {
                found,
                read,
                searching,
            },
        }));
    }
}

fn mapping_of(folder: &BackupFolder) -> PathMapping {
    let mut mapping = PathMapping::default();
    for FolderPlace { here, on_server } in &folder.places {
        let on_server = ServerPath::new(on_server);
        if !on_server.is_empty() {
            mapping.add(PathHere(here.clone()), on_server);
        }
    }
    mapping
}

fn listing_of(
    folder: &BackupFolder,
    report: &FolderReport,
    unmapped: usize,
    records: HistoryRecords,
) -> FileListing {
    let left_out = report.left_out.iter().map(|left| FileProblem {
        path: left.path.to_string(),
        problem: explain::left_out(left),
        partly: false,
    });
    let faults = report.files.iter().filter_map(|file| {
        let (fault, partly) = match &file.read {
            Ok(read) => (read.fault.as_ref()?, !read.sets.is_empty()),
            Err(fault) => (fault, false),
        };
        Some(FileProblem {
            path: file.path.to_string(),
            problem: explain::file_fault(fault),
            partly,
        })
    });
    let practice = report.files.iter().filter(|file| {
        let read = file.read.as_ref();
        read.is_ok_and(|read| read.label.writer == Writer::PracticeServer)
    });
    let places: Vec<String> = folder
        .places
        .iter()
        .map(|place| place.here.display().to_string())
        .collect();
    let on_server = folder
        .places
        .iter()
        .map(|place| ServerPath::new(&place.on_server));
    let on_server: Vec<ServerPath> = on_server.filter(|path| !path.is_empty()).collect();
    FileListing {
        place: places.join(", "),
        on_server: if on_server.len() == folder.places.len() {
            on_server
        } else {
            Vec::new()
        },
        n_files: report.files.len(),
        n_sets: records.backup_sets.len(),
        problems: left_out.chain(faults).collect(),
        unmapped,
        cancelled: report.cancelled,
        n_practice: practice.count(),
        n_guessed: records.backup_sets.iter().filter(|set| set.guessed).count(),
        records: Arc::new(records),
    }
}

/// A folder that a server cannot list.
pub(super) fn not_listed(folder: &ServerPath, why: Problem) -> Problem {
    let mut details = vec![why.sentence];
    details.extend(why.details);
    Problem {
        kind: ProblemKind::Server,
        sentence: format!("The server cannot list the folder {folder}"),
        hint: "The path is the server's own, and its service account must be allowed to read it."
            .to_owned(),
        details,
    }
}

/// A folder that a server does not see.
pub(super) fn not_there(folder: &ServerPath) -> Problem {
    Problem {
        kind: ProblemKind::Yours,
        sentence: format!("The server sees no folder {folder}"),
        hint: "Write it as the server's own service account sees it: a share, or a drive of that machine."
            .to_owned(),
        details: Vec::new(),
    }
}
