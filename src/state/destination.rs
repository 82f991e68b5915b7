//! Where a restore goes and how: the part of the choice that is not the moment.

use super::{Change, PlanState, State};
use crate::{
    domain::{FileChoice, PathFault, path_faults},
    worker::{Platform, RestoreWishes, ServerId},
};

/// Where the database and its files go, and what is wanted around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationChoice {
    pub into: Into,
    /// Another server for the copy; `None` is the one that has the original.
    pub on: Option<ServerId>,
    /// Folder for every file of a copy, as the server sees it; `None` keeps each file's own folder.
    pub files_to: Option<String>,
    /// Single files elsewhere.
    pub files: FileChoice,
    /// The application, the checks, what is done with the tail.
    pub wishes: RestoreWishes,
}

/// Into which database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Into {
    /// A new one beside the original.
    #[default]
    Copy,
    /// The original.
    Over,
    /// The selected database itself, which is `RESTORING`: from where it stands.
    GoOn,
}

/// What is chosen there.
#[derive(Clone, Debug)]
pub enum DestinationAction {
    Into(Into),
    /// On which server the copy is made; `None` is the one that has the original.
    On(Option<ServerId>),
    /// One folder for all files; `None` is each file's own.
    FilesTo(Option<String>),
    /// One file elsewhere; `None` lets it follow the pattern again.
    File {
        logical_name: String,
        to: Option<String>,
    },
    /// Every file by the pattern again.
    ResetFiles,
    Wishes(RestoreWishes),
}

impl State {
    pub(super) fn change_destination(&mut self, action: DestinationAction) {
        match action {
            DestinationAction::Into(into) => {
                self.change(Change::Single, |choice| choice.destination.into = into);
            }
            DestinationAction::On(server) => self.restore_on(server),
            DestinationAction::FilesTo(folder) => {
                let folder = folder.filter(|folder| !folder.trim().is_empty());
                self.change(Change::Name, |choice| choice.destination.files_to = folder);
            }
            DestinationAction::File { logical_name, to } => {
                self.change(Change::Name, |choice| {
                    let files = &mut choice.destination.files;
                    match to {
                        Some(to) => files.insert(logical_name, to),
                        None => files.remove(&logical_name),
                    };
                });
            }
            DestinationAction::ResetFiles => self.change(Change::Single, |choice| {
                choice.destination.files.clear();
                choice.destination.files_to = None;
            }),
            DestinationAction::Wishes(wishes) => {
                self.change(Change::Name, |choice| choice.destination.wishes = wishes);
            }
        }
    }

    /// The files of a copy on another server go where that one keeps its own, unless a folder was chosen.
    fn restore_on(&mut self, server: Option<ServerId>) {
        let folder_of = |on: Option<ServerId>| {
            let info = self.servers.get(&on?)?.info()?;
            info.default_data_path.clone()
        };
        let before = folder_of(self.choice.destination.on);
        let folder = folder_of(server);
        self.change(Change::Single, |choice| {
            let destination = &mut choice.destination;
            destination.on = server;
            if destination.files_to.is_none() || destination.files_to == before {
                destination.files_to = folder;
            }
        });
    }

    /// The server that a restore would write on: that of the selection, unless a copy goes elsewhere.
    pub fn target_server(&self) -> Option<ServerId> {
        let DestinationChoice { into, on, .. } = &self.choice.destination;
        match (into, on) {
            (Into::Copy, Some(server)) if self.servers.contains_key(server) => Some(*server),
            _ => self.selected_server(),
        }
    }

    /// Servers that a copy of the selected database could be made on, besides its own.
    pub fn other_servers(&self) -> Vec<ServerId> {
        let own = self.selected_server();
        self.servers
            .iter()
            .filter(|(server, _)| !matches!(server, ServerId::Folder(_)) && Some(**server) != own)
            .filter(|(_, view)| {
                view.info()
                    .is_none_or(|info| info.platform == Platform::SqlServer)
            })
            .map(|(server, _)| *server)
            .collect()
    }

    /// What speaks against the paths of the planned copy, in the order of its moves.
    pub fn path_faults(&self) -> Vec<Option<PathFault>> {
        match &self.plan {
            PlanState::Planned(plan) => path_faults(&plan.moves, true),
            PlanState::NoMarker | PlanState::Refused(_) => Vec::new(),
        }
    }
}
