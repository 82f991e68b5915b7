//! Files beside the history of a server: joined here, where it may take its time, for the window and for runs.

use super::{
    files::{FileListing, FilesEvent},
    jobs::{Jobs, Report},
    messages::{Event, ServerId},
};
use crate::{
    domain::{FileMark, History, compare},
    server::{DatabaseState, DatabaseSummary},
};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// The history of a server with what files hold.
#[derive(Clone, Debug)]
pub struct JoinedFiles {
    /// The files that it was made of.
    pub listing: Arc<FileListing>,
    /// What both know.
    pub history: History,
    /// What both sides say to each set.
    pub marks: BTreeMap<Uuid, FileMark>,
    /// How many sets have which mark, by database.
    pub counts: BTreeMap<String, BTreeMap<FileMark, usize>>,
    /// The databases that only the files know.
    pub databases: Vec<DatabaseSummary>,
}

impl JoinedFiles {
    /// Joins a history with files. It takes as long as reading that history anew, so never between two frames.
    pub fn join(history: &History, listing: Arc<FileListing>) -> Self {
        let (joined, alone) = history.with_files(&listing.records);
        let marks = compare(history, &alone, &listing.on_server);
        let mut counts: BTreeMap<String, BTreeMap<FileMark, usize>> = BTreeMap::new();
        let mut databases = Vec::new();
        for database in joined.iter() {
            let name = database.name().to_owned();
            let of_database = counts.entry(name.clone()).or_default();
            for mark in database.sets().filter_map(|set| marks.get(&set.uuid)) {
                *of_database.entry(*mark).or_default() += 1;
            }
            if history.database(&name).is_none() {
                databases.push(DatabaseSummary {
                    name,
                    state: DatabaseState::HistoryOnly,
                    recovery_model: None,
                    size_bytes: None,
                    newest_backup: database.newest_backup().map(|moment| moment.instant),
                    is_system: false,
                });
            }
        }
        Self {
            listing,
            history: joined,
            marks,
            counts,
            databases,
        }
    }
}

/// Files that stand beside the history of a server.
pub(super) struct Beside {
    listing: Arc<FileListing>,
    /// The join whose result is waited for: an older one is dropped when it comes.
    wanted: u64,
    joined: Option<Arc<JoinedFiles>>,
}

impl Jobs {
    /// Puts files beside the history of a server, or takes them away.
    pub(super) fn put_beside(&mut self, server: ServerId, listing: Option<Arc<FileListing>>) {
        match listing {
            Some(listing) => {
                let beside = Beside {
                    listing,
                    wanted: 0,
                    joined: None,
                };
                self.files.beside.insert(server, beside);
                self.join_files(server);
            }
            None => {
                self.files.beside.remove(&server);
            }
        }
    }

    /// Joins the files beside a server with its history as it is now. Until that is done the join before counts.
    pub(super) fn join_files(&mut self, server: ServerId) {
        let Some(history) = self.history_of(server).cloned() else {
            // It is being read, and joined when it was.
            return;
        };
        self.files.n_joins += 1;
        let number = self.files.n_joins;
        let Some(beside) = self.files.beside.get_mut(&server) else {
            return;
        };
        beside.wanted = number;
        let listing = Arc::clone(&beside.listing);
        let reports = self.reports();
        tokio::task::spawn_blocking(move || {
            let joined = Arc::new(JoinedFiles::join(&history, listing));
            reports
                .send(Report::FilesJoined {
                    server,
                    number,
                    joined,
                })
                .ok();
        });
    }

    pub(super) fn files_joined(&mut self, server: ServerId, number: u64, joined: Arc<JoinedFiles>) {
        let beside = self.files.beside.get_mut(&server);
        let Some(beside) = beside.filter(|beside| beside.wanted == number) else {
            return;
        };
        beside.joined = Some(Arc::clone(&joined));
        self.events
            .send(Event::Files(FilesEvent::Joined { server, joined }));
    }

    /// What plans on a server rest on: its history, with the files beside it. `None` while that is read or joined.
    pub(super) fn backups_of(&self, server: ServerId) -> Option<History> {
        let history = self.history_of(server)?;
        match self.files.beside.get(&server) {
            Some(beside) => Some(beside.joined.as_ref()?.history.clone()),
            None => Some(history.clone()),
        }
    }

    /// What msdb tells; `None` while it is read.
    pub(super) fn history_of(&self, server: ServerId) -> Option<&History> {
        let read = self.servers.get(&server)?.history.as_ref()?;
        Some(read.history())
    }
}
