//! What the window knows of one server.

use super::State;
use crate::{
    domain::{History, HistoryNote, UtcTime},
    explain::Problem,
    run::TargetState,
    worker::{DatabaseState, DatabaseSummary, ServerId, ServerInfo, ServerStatus},
};
use std::{collections::BTreeMap, sync::Arc};

/// A server and what was read from it.
#[derive(Clone, Debug)]
pub struct ServerView {
    pub status: ServerStatus,
    pub databases: Arc<Vec<DatabaseSummary>>,
    pub history: Option<LoadedHistory>,
    /// Single databases of a history that is still being read.
    pub partial: Option<History>,
    /// The database that was asked for last while it is read.
    pub(super) asked_timeline: Option<String>,
    /// Files that are looked at beside the history.
    pub files: Option<super::FilesBeside>,
    /// How the databases stand, by name; worked out in the background.
    pub freshness: BTreeMap<String, Freshness>,
    /// Names that `freshness` does not cover yet, the next one last.
    pub(super) unrefined: Vec<String>,
    /// A refresh is under way.
    pub refreshing: bool,
    /// The last refresh failed: what is shown is older than it could be.
    pub unanswered: bool,
    /// When a refresh began by itself last, own clock.
    pub(super) asked_at: Option<UtcTime>,
    /// Agent's jobs and the policies among them, as they were read last.
    pub schedules: Option<Arc<crate::run::schedule::ScheduleReading>>,
}

impl State {
    /// The servers as they are listed: the practice server, profiles as they were added, then folders.
    pub fn servers_in_order(&self) -> Vec<(ServerId, &ServerView)> {
        let mut all: Vec<(ServerId, &ServerView)> =
            self.servers.iter().map(|(id, view)| (*id, view)).collect();
        all.sort_by_cached_key(|(server, _)| match server {
            ServerId::Practice => (0, None),
            ServerId::Profile(id) => (1, self.profiles.iter().position(|known| known.id == *id)),
            ServerId::Folder(id) => {
                let mut folders = self.files.folders.iter();
                (2, folders.position(|known| known.id == *id))
            }
        });
        all
    }
}

/// The backup history of a server as it was read last.
#[derive(Clone, Debug)]
pub struct LoadedHistory {
    pub history: History,
    pub notes: Arc<Vec<HistoryNote>>,
    pub read_at: UtcTime,
}

/// How far back one would have to go right now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Freshness {
    /// The newest moment that can be restored from the backups; `None` for none.
    pub newest: Option<UtcTime>,
    /// How often the newest kind of backup usually comes, in seconds.
    pub usual_interval: Option<f64>,
}

impl Default for ServerView {
    fn default() -> Self {
        Self {
            status: ServerStatus::Disconnected,
            databases: Arc::default(),
            history: None,
            partial: None,
            asked_timeline: None,
            files: None,
            freshness: BTreeMap::new(),
            unrefined: Vec::new(),
            refreshing: false,
            unanswered: false,
            asked_at: None,
            schedules: None,
        }
    }
}

impl ServerView {
    /// What the server said of itself, while it is connected.
    pub fn info(&self) -> Option<&Arc<ServerInfo>> {
        match &self.status {
            ServerStatus::Connected(info) => Some(info),
            _ => None,
        }
    }

    /// The backups that are shown: those of the history, or of it what was read; with files beside it those of both.
    pub fn backups(&self) -> Option<&History> {
        let Some(loaded) = &self.history else {
            return self.partial.as_ref();
        };
        let joined = self.files.as_ref().and_then(|files| files.joined.as_ref());
        Some(joined.map_or(&loaded.history, |joined| &joined.history))
    }

    /// Whether only the files beside the history know a database.
    pub fn is_only_in_files(&self, database: &str) -> bool {
        let joined = self.files.as_ref().and_then(|files| files.joined.as_ref());
        joined.is_some_and(|joined| joined.databases.iter().any(|known| known.name == database))
    }

    /// Why the server cannot be used.
    pub fn problem(&self) -> Option<&Problem> {
        match &self.status {
            ServerStatus::Failed(problem) => Some(problem),
            _ => None,
        }
    }

    /// The entry of a database in the list.
    pub fn summary(&self, database: &str) -> Option<&DatabaseSummary> {
        self.databases
            .iter()
            .find(|summary| summary.name == database)
    }

    /// A run tells how it left a database, before the list is read again: perhaps the server cannot be asked any more.
    pub(super) fn take_state(&mut self, database: &str, state: &TargetState) {
        let state = match state {
            // The server calls a database in standby online.
            TargetState::Online | TargetState::Standby => DatabaseState::Online,
            TargetState::Restoring => DatabaseState::Other("RESTORING".to_owned()),
            TargetState::Other(word) => DatabaseState::Other(word.clone()),
            TargetState::NotThere | TargetState::NotTouched | TargetState::Unknown(_) => return,
        };
        let mut listed = Arc::make_mut(&mut self.databases).iter_mut();
        if let Some(summary) = listed.find(|summary| summary.name == database) {
            summary.state = state;
        }
    }

    /// Whether the database is online, so that its log can still be backed up.
    pub fn is_online(&self, database: &str) -> bool {
        self.summary(database)
            .is_some_and(|summary| summary.state == DatabaseState::Online)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::UtcOffset,
        settings::{Encryption, Profile, Reach, SignIn},
        state::OwnClock,
    };
    use uuid::Uuid;

    #[test]
    fn servers_are_listed_as_they_were_added() {
        let own = OwnClock {
            now: UtcTime::from_seconds(0.0).expect("a time"),
            offset: UtcOffset::ZERO,
            offset_at: |_| UtcOffset::ZERO,
        };
        let mut state = State::new(own, "default".to_owned());
        // The first has the largest id.
        let ids = [9, 5, 7].map(Uuid::from_u128);
        state.profiles = ids
            .iter()
            .map(|id| Profile {
                id: *id,
                name: String::new(),
                host: String::new(),
                instance: None,
                port: None,
                sign_in: SignIn::WindowsIntegrated,
                encryption: Encryption::Trusted,
                reach: Reach::Look,
                band: String::new(),
                production: false,
                backup_folder: None,
                azure: None,
            })
            .collect();
        for id in ids {
            state.servers.entry(ServerId::Profile(id)).or_default();
        }
        state.servers.entry(ServerId::Practice).or_default();
        let listed: Vec<ServerId> = state
            .servers_in_order()
            .into_iter()
            .map(|(server, _)| server)
            .collect();
        let mut expected = vec![ServerId::Practice];
        expected.extend(ids.map(ServerId::Profile));
        assert_eq!(listed, expected);
    }
}
