//! Backup files in the window: saved folders, what was found in them, and files beside a server's history.

use super::{Dialog, Selection, State};
use crate::{
    domain::{DatabaseHistory, FileMark, History, HistoryRecords, Lost, ServerPath, compare},
    explain::ProblemKind,
    settings::BackupFolder,
    worker::{
        DatabaseState, DatabaseSummary, FileListing, FilesEvent, FilesProgress, FilesRequest,
        Request, ServerId,
    },
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use uuid::Uuid;

/// What is done with backup files.
#[derive(Clone, Debug)]
pub enum FilesAction {
    /// Opens the dialog that asks for a folder.
    AskOpen,
    /// The platform's dialog chose a folder.
    Picked(PathBuf),
    /// Keeps a folder, or what changed in it, and reads it.
    Save(BackupFolder),
    AskForget(Uuid),
    Forget(Uuid),
    /// Ends a reading; what was read so far is shown.
    Stop(ServerId),
    /// Opens the dialog that asks for a folder of this server.
    AskOnServer(ServerId),
    ReadOnServer {
        server: ServerId,
        folder: ServerPath,
    },
    /// Puts the files of a folder beside the history of a server.
    Compare {
        server: ServerId,
        folder: ServerId,
    },
    /// Looks at the server's history alone again.
    EndCompare(ServerId),
    /// Shows only the backups with this mark in the table.
    Filter(Option<FileMark>),
    /// Treats the backups whose files are missing or changed as lost, or no longer.
    PlanWithoutMissing(bool),
}

/// A question about files.
#[derive(Clone, Debug, PartialEq)]
pub enum FilesDialog {
    Open,
    Forget(Uuid),
    OnServer(ServerId),
}

/// What the window knows of backup files.
#[derive(Debug, Default)]
pub struct FilesState {
    pub folders: Vec<BackupFolder>,
    pub listings: BTreeMap<ServerId, Arc<FileListing>>,
    pub progress: BTreeMap<ServerId, FilesProgress>,
    /// Only backups with this mark are in the table.
    pub filter: Option<FileMark>,
    /// What the platform's dialog chose last, for the dialog that asked for it.
    pub picked: Option<PathBuf>,
}

/// Files that are looked at beside the history of a server.
#[derive(Clone, Debug)]
pub struct FilesBeside {
    /// Where they are, in words.
    pub place: String,
    /// The folder of this PC that they come from; `None` when the server read them itself.
    pub folder: Option<ServerId>,
    records: Arc<HistoryRecords>,
    /// Where was looked, as the server sees it.
    on_server: Vec<ServerPath>,
    /// The history with what only the files know.
    pub(super) merged: History,
    /// What both sides say to each set.
    pub marks: Arc<BTreeMap<Uuid, FileMark>>,
    /// How many sets have which mark, by database.
    counts: BTreeMap<String, BTreeMap<FileMark, usize>>,
}

impl FilesBeside {
    /// Whether its files are not there, or hold another backup.
    fn is_gone(&self, uuid: Uuid) -> bool {
        matches!(
            self.marks.get(&uuid),
            Some(FileMark::Missing | FileMark::Changed)
        )
    }

    /// How many sets of a database have this mark.
    pub fn count(&self, database: &DatabaseHistory, mark: FileMark) -> usize {
        let counts = self.counts.get(database.name());
        counts
            .and_then(|counts| counts.get(&mark))
            .copied()
            .unwrap_or(0)
    }
}

impl State {
    /// The saved folder behind an entry on the left.
    pub fn folder(&self, source: ServerId) -> Option<&BackupFolder> {
        let ServerId::Folder(id) = source else {
            return None;
        };
        self.files.folders.iter().find(|folder| folder.id == id)
    }

    /// The files beside the history of the selected server.
    pub fn files_beside(&self) -> Option<&FilesBeside> {
        self.server()?.files.as_ref()
    }

    /// Whether the plan does without every backup whose files are missing or changed.
    pub fn plans_without_missing(&self, files: &FilesBeside, database: &DatabaseHistory) -> bool {
        let gone =
            files.count(database, FileMark::Missing) + files.count(database, FileMark::Changed);
        let without = self.choice.without.iter().filter(|lost| match lost {
            Lost::Set(uuid) => files.is_gone(*uuid),
            Lost::File(_) => false,
        });
        gone > 0 && without.count() == gone
    }

    pub(super) fn change_files(&mut self, action: FilesAction) -> Vec<Request> {
        match action {
            FilesAction::AskOpen => {
                self.files.picked = None;
                self.dialog = Some(Dialog::Folders(FilesDialog::Open));
            }
            FilesAction::Picked(path) => self.files.picked = Some(path),
            FilesAction::Save(folder) => {
                self.dialog = None;
                let source = ServerId::Folder(folder.id);
                self.servers.entry(source).or_default();
                match self
                    .files
                    .folders
                    .iter_mut()
                    .find(|old| old.id == folder.id)
                {
                    Some(old) => old.clone_from(&folder),
                    None => self.files.folders.push(folder.clone()),
                }
                self.select(Selection::Server(source));
                return vec![Request::Files(FilesRequest::Save(folder))];
            }
            FilesAction::AskForget(id) => {
                self.dialog = Some(Dialog::Folders(FilesDialog::Forget(id)));
            }
            FilesAction::Forget(id) => {
                self.dialog = None;
                return vec![Request::Files(FilesRequest::Forget { id })];
            }
            FilesAction::Stop(source) => {
                return vec![Request::Files(FilesRequest::Stop { source })];
            }
            FilesAction::AskOnServer(server) => {
                self.dialog = Some(Dialog::Folders(FilesDialog::OnServer(server)));
            }
            FilesAction::ReadOnServer { server, folder } => {
                self.dialog = None;
                self.files.progress.insert(server, FilesProgress::default());
                return vec![Request::Files(FilesRequest::ReadOnServer {
                    server,
                    folder,
                })];
            }
            FilesAction::Compare { server, folder } => {
                if let Some(listing) = self.files.listings.get(&folder).cloned() {
                    let place = self.server_name(folder).to_owned();
                    self.select(Selection::Server(server));
                    return vec![self.put_beside(server, Some(folder), place, &listing)];
                }
            }
            FilesAction::EndCompare(server) => {
                if let Some(view) = self.servers.get_mut(&server) {
                    view.files = None;
                    view.databases =
                        known_to_server(&view.databases, view.history.as_ref().map(|h| &h.history));
                }
                self.files.filter = None;
                self.read_database_again();
                let records = None;
                return vec![Request::Files(FilesRequest::Beside { server, records })];
            }
            FilesAction::Filter(mark) => {
                self.files.filter = mark;
                self.generation += 1;
            }
            FilesAction::PlanWithoutMissing(without) => self.plan_without_missing(without),
        }
        Vec::new()
    }

    fn plan_without_missing(&mut self, without: bool) {
        let Some(database) = &self.database else {
            return;
        };
        let Some(files) = self.files_beside() else {
            return;
        };
        let gone: Vec<Lost> = database
            .history
            .sets()
            .filter(|set| files.is_gone(set.uuid))
            .map(|set| Lost::Set(set.uuid))
            .collect();
        self.change(super::Change::Single, |choice| {
            choice.without.retain(|lost| !gone.contains(lost));
            if without {
                choice.without.extend(gone);
            }
        });
        self.read_database_again();
    }

    pub(super) fn apply_files(&mut self, event: FilesEvent) -> Vec<Request> {
        match event {
            FilesEvent::Folders { workspace, folders } if workspace == self.workspace => {
                let kept = |id: &Uuid| folders.iter().any(|folder| folder.id == *id);
                self.servers.retain(|server, _| match server {
                    ServerId::Folder(id) => kept(id),
                    ServerId::Practice | ServerId::Profile(_) => true,
                });
                for folder in &folders {
                    self.servers.entry(ServerId::Folder(folder.id)).or_default();
                }
                self.files.folders = folders;
                if self
                    .selected_server()
                    .is_some_and(|server| !self.servers.contains_key(&server))
                {
                    self.select(Selection::Nothing);
                }
            }
            FilesEvent::Folders { .. } => {}
            FilesEvent::Progress { source, progress } => {
                self.files.progress.insert(source, progress);
            }
            FilesEvent::Listed { source, listing } => {
                self.files.progress.remove(&source);
                if self.folder(source).is_none() {
                    self.tell_of_listing(source, &listing);
                    let place = listing.place.clone();
                    self.files.listings.insert(source, Arc::clone(&listing));
                    return vec![self.put_beside(source, None, place, &listing)];
                }
                self.files.listings.insert(source, Arc::clone(&listing));
                return self.put_folder_beside_again(source, &listing);
            }
        }
        Vec::new()
    }

    /// Where a folder stands beside a server, what was read anew does now.
    fn put_folder_beside_again(&mut self, folder: ServerId, listing: &FileListing) -> Vec<Request> {
        let beside: Vec<ServerId> = self
            .servers
            .iter()
            .filter(|(_, view)| {
                view.files
                    .as_ref()
                    .is_some_and(|f| f.folder == Some(folder))
            })
            .map(|(server, _)| *server)
            .collect();
        let place = self.server_name(folder).to_owned();
        beside
            .into_iter()
            .map(|server| self.put_beside(server, Some(folder), place.clone(), listing))
            .collect()
    }

    /// What a server could not read of a folder stays in sight.
    fn tell_of_listing(&mut self, server: ServerId, listing: &FileListing) {
        if listing.problems.is_empty() {
            return;
        }
        let details = listing
            .problems
            .iter()
            .map(|file| format!("{}: {}", file.path, file.problem.sentence));
        let n_problems = crate::explain::count(listing.problems.len(), "file", "files");
        let problem = crate::explain::Problem {
            kind: ProblemKind::File,
            sentence: format!("{n_problems} in {} could not be read", listing.place),
            hint: "The details name each with its reason; the others were read.".to_owned(),
            details: details.collect(),
        };
        self.notice(Some(server), problem);
    }

    /// Puts files beside the history of a server; the worker has to know them as well, for a run.
    fn put_beside(
        &mut self,
        server: ServerId,
        folder: Option<ServerId>,
        place: String,
        listing: &FileListing,
    ) -> Request {
        if let Some(view) = self.servers.get_mut(&server) {
            view.files = Some(FilesBeside {
                place,
                folder,
                records: Arc::clone(&listing.records),
                on_server: listing.on_server.clone(),
                merged: History::default(),
                marks: Arc::default(),
                counts: BTreeMap::new(),
            });
        }
        self.merge_files(server);
        self.read_database_again();
        Request::Files(FilesRequest::Beside {
            server,
            records: Some(Arc::clone(&listing.records)),
        })
    }

    /// Joins the files beside a server with its history as it is now.
    pub(super) fn merge_files(&mut self, server: ServerId) {
        let Some(view) = self.servers.get_mut(&server) else {
            return;
        };
        let (Some(files), Some(loaded)) = (&mut view.files, &view.history) else {
            return;
        };
        let (joined, alone) = loaded.history.with_files(&files.records);
        files.marks = Arc::new(compare(&loaded.history, &alone, &files.on_server));
        files.merged = joined;
        files.counts = count_marks(&files.merged, &files.marks);
        let mut databases = (*view.databases).clone();
        for name in files.merged.databases() {
            let known = databases
                .iter()
                .any(|known| known.name.to_lowercase() == name.to_lowercase());
            if !known {
                let newest = files
                    .merged
                    .database(&name)
                    .and_then(|known| known.newest_backup());
                databases.push(DatabaseSummary {
                    name,
                    state: DatabaseState::HistoryOnly,
                    recovery_model: None,
                    size_bytes: None,
                    newest_backup: newest.map(|moment| moment.instant),
                    is_system: false,
                });
            }
        }
        view.databases = Arc::new(databases);
        self.queue_refinement(server);
    }
}

fn count_marks(
    history: &History,
    marks: &BTreeMap<Uuid, FileMark>,
) -> BTreeMap<String, BTreeMap<FileMark, usize>> {
    let mut counts: BTreeMap<String, BTreeMap<FileMark, usize>> = BTreeMap::new();
    for database in history.iter() {
        let of_database = counts.entry(database.name().to_owned()).or_default();
        for mark in database.sets().filter_map(|set| marks.get(&set.uuid)) {
            *of_database.entry(*mark).or_default() += 1;
        }
    }
    counts
}

/// Without those that only files knew.
fn known_to_server(
    databases: &Arc<Vec<DatabaseSummary>>,
    history: Option<&History>,
) -> Arc<Vec<DatabaseSummary>> {
    let known = |summary: &&DatabaseSummary| {
        summary.state != DatabaseState::HistoryOnly
            || history.is_some_and(|history| history.database(&summary.name).is_some())
    };
    Arc::new(databases.iter().filter(known).cloned().collect())
}
