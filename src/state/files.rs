//! Backup files in the window: saved folders, what was found in them, and files beside a server's history.

use super::{Dialog, Selection, State};
use crate::{
    domain::{DatabaseHistory, FileMark, Lost, ServerPath},
    explain::ProblemKind,
    settings::BackupFolder,
    worker::{
        DatabaseState, DatabaseSummary, FileListing, FilesEvent, FilesProgress, FilesRequest,
        JoinedFiles, Request, ServerId,
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
    /// The folder of this PC that they come from; `None` when the server read them itself.
    pub folder: Option<ServerId>,
    /// What was read, folder by folder where the server read them.
    parts: Vec<Arc<FileListing>>,
    /// All of it.
    pub listing: Arc<FileListing>,
    /// The history with what only the files know; `None` while the worker joins them for the first time.
    pub(super) joined: Option<Arc<JoinedFiles>>,
}

impl FilesBeside {
    /// Whether its marks are known.
    pub fn is_joined(&self) -> bool {
        self.joined.is_some()
    }

    /// What both sides say to a set.
    pub fn mark(&self, uuid: Uuid) -> Option<FileMark> {
        self.joined.as_ref()?.marks.get(&uuid).copied()
    }

    /// Whether its files are not there, or hold another backup.
    fn is_gone(&self, uuid: Uuid) -> bool {
        matches!(self.mark(uuid), Some(FileMark::Missing | FileMark::Changed))
    }

    /// How many sets of all databases have this mark.
    pub fn total(&self, mark: FileMark) -> usize {
        let joined = self.joined.iter();
        joined
            .flat_map(|joined| joined.counts.values())
            .filter_map(|counts| counts.get(&mark))
            .sum()
    }

    /// How many sets of a database have this mark.
    pub fn count(&self, database: &DatabaseHistory, mark: FileMark) -> usize {
        let joined = self.joined.as_ref();
        joined
            .and_then(|joined| joined.counts.get(database.name())?.get(&mark).copied())
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

    /// Whether only files know the selected database.
    pub fn is_only_in_files(&self) -> bool {
        let name = self.database_name();
        let view = self.server();
        view.zip(name)
            .is_some_and(|(view, name)| view.is_only_in_files(name))
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
                    self.select(Selection::Server(server));
                    return vec![self.put_beside(server, Some(folder), listing)];
                }
            }
            FilesAction::EndCompare(server) => {
                if let Some(view) = self.servers.get_mut(&server) {
                    view.files = None;
                }
                self.forget_joined(server);
                self.files.filter = None;
                self.leave_unknown_database(server);
                self.read_database_again();
                let listing = None;
                return vec![Request::Files(FilesRequest::Beside { server, listing })];
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
                    return vec![self.put_beside(source, None, listing)];
                }
                self.files.listings.insert(source, Arc::clone(&listing));
                return self.put_folder_beside_again(source, &listing);
            }
            FilesEvent::NotListed { source, problem } => {
                self.files.progress.remove(&source);
                self.notice(Some(source), problem);
            }
            FilesEvent::Joined { server, joined } => self.take_joined(server, joined),
        }
        Vec::new()
    }

    /// Where a folder stands beside a server, what was read anew does now.
    fn put_folder_beside_again(
        &mut self,
        folder: ServerId,
        listing: &Arc<FileListing>,
    ) -> Vec<Request> {
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
        beside
            .into_iter()
            .map(|server| self.put_beside(server, Some(folder), Arc::clone(listing)))
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

    /// Puts files beside the history of a server. The worker joins both, and has to know them for a run as well.
    fn put_beside(
        &mut self,
        server: ServerId,
        folder: Option<ServerId>,
        mut listing: Arc<FileListing>,
    ) -> Request {
        if let Some(view) = self.servers.get_mut(&server) {
            // What stood there until now stays in sight until the new is joined, unless it is another folder.
            let before = view.files.take().filter(|files| files.folder == folder);
            let (mut parts, joined) = before
                .map(|files| (files.parts, files.joined))
                .unwrap_or_default();
            // One more folder that the server sees comes to the others; read again, it takes the place of itself.
            parts.retain(|part| folder.is_none() && part.on_server != listing.on_server);
            parts.push(Arc::clone(&listing));
            if parts.len() > 1 {
                listing = Arc::new(FileListing::together(&parts));
            }
            view.files = Some(FilesBeside {
                folder,
                parts,
                listing: Arc::clone(&listing),
                joined,
            });
        }
        Request::Files(FilesRequest::Beside {
            server,
            listing: Some(listing),
        })
    }

    fn take_joined(&mut self, server: ServerId, joined: Arc<JoinedFiles>) {
        let files = self
            .servers
            .get_mut(&server)
            .and_then(|view| view.files.as_mut())
            .filter(|files| Arc::ptr_eq(&files.listing, &joined.listing));
        let Some(files) = files else {
            return;
        };
        files.joined = Some(joined);
        self.forget_joined(server);
        self.list_joined(server);
        self.queue_refinement(server);
        if self.selected_server() == Some(server) {
            self.read_database_again();
        }
    }

    /// Databases that only files know stand in the list beside the others.
    pub(super) fn list_joined(&mut self, server: ServerId) {
        let Some(view) = self.servers.get_mut(&server) else {
            return;
        };
        let Some(joined) = view.files.as_ref().and_then(|files| files.joined.as_ref()) else {
            return;
        };
        let unknown = |summary: &&DatabaseSummary| {
            let name = summary.name.to_lowercase();
            let mut known = view.databases.iter();
            known.all(|known| known.name.to_lowercase() != name)
        };
        let more: Vec<_> = joined.databases.iter().filter(unknown).cloned().collect();
        Arc::make_mut(&mut view.databases).extend(more);
    }

    /// Goes to the server, when the database that is looked at went with the files.
    fn leave_unknown_database(&mut self, server: ServerId) {
        let gone = match (&self.selection, self.servers.get(&server)) {
            (
                Selection::Database {
                    server: of,
                    database,
                },
                Some(view),
            ) if *of == server => view.summary(database).is_none(),
            _ => false,
        };
        if gone {
            self.select(Selection::Server(server));
        }
    }

    /// Leaves the databases that the server itself knows.
    fn forget_joined(&mut self, server: ServerId) {
        let Some(view) = self.servers.get_mut(&server) else {
            return;
        };
        let history = view.history.as_ref().map(|loaded| &loaded.history);
        let known = |summary: &&DatabaseSummary| {
            summary.state != DatabaseState::HistoryOnly
                || history.is_some_and(|history| history.database(&summary.name).is_some())
        };
        view.databases = Arc::new(view.databases.iter().filter(known).cloned().collect());
    }
}
