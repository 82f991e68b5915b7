//! Who is connected: the rows of `dm_exec_sessions` and the running requests.

use crate::domain::UtcTime;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// `session_id`; users begin at 51.
pub type SessionId = i16;

/// The first number of a user's session.
const FIRST_SESSION: SessionId = 51;

/// One session.
#[derive(Clone, Debug)]
pub struct SessionEntry {
    pub id: SessionId,
    pub login: String,
    pub host: String,
    pub program: String,
    pub client_pid: u32,
    pub packet_size: u32,
    /// `database_id` of its current database.
    pub database: i32,
    pub login_time: UtcTime,
    pub last_request_start: UtcTime,
    pub last_request_end: UtcTime,
    pub open_transactions: i32,
    /// When the open transaction began.
    pub transaction_began: Option<UtcTime>,
    /// What it runs now.
    pub request: Option<Request>,
    /// `KILL`: the session's task watches this and ends.
    pub kill: CancellationToken,
    /// The running request is to stop.
    pub cancel: CancellationToken,
}

/// A running request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `dm_exec_requests.command`: `SELECT`, `BACKUP DATABASE`…
    pub command: String,
    /// The text of the batch.
    pub text: String,
    pub started: UtcTime,
    pub wait: Option<String>,
    /// Who holds what this waits for; 0 when nobody does.
    pub blocked_by: SessionId,
}

/// Facts of a login.
#[derive(Clone, Debug, Default)]
pub struct SessionStart {
    pub login: String,
    pub host: String,
    pub program: String,
    pub client_pid: u32,
    pub packet_size: u32,
    pub database: i32,
}

/// All sessions, by number.
#[derive(Debug, Default)]
pub struct Sessions {
    entries: BTreeMap<SessionId, SessionEntry>,
}

impl Sessions {
    /// Gives the lowest free number.
    pub fn open(&mut self, start: SessionStart, now: UtcTime) -> SessionId {
        let mut id = FIRST_SESSION;
        while self.entries.contains_key(&id) && id < SessionId::MAX {
            id += 1;
        }
        let SessionStart {
            login,
            host,
            program,
            client_pid,
            packet_size,
            database,
        } = start;
        self.entries.insert(
            id,
            SessionEntry {
                id,
                login,
                host,
                program,
                client_pid,
                packet_size,
                database,
                login_time: now,
                last_request_start: now,
                last_request_end: now,
                open_transactions: 0,
                transaction_began: None,
                request: None,
                kill: CancellationToken::new(),
                cancel: CancellationToken::new(),
            },
        );
        id
    }

    pub fn close(&mut self, id: SessionId) {
        self.entries.remove(&id);
    }

    pub fn find(&self, id: SessionId) -> Option<&SessionEntry> {
        self.entries.get(&id)
    }

    pub fn find_mut(&mut self, id: SessionId) -> Option<&mut SessionEntry> {
        self.entries.get_mut(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &SessionEntry> {
        self.entries.values()
    }

    /// Other sessions whose current database is `database`; one that was killed and is about to end does not count.
    pub fn users_of(&self, database: i32, except: SessionId) -> Vec<SessionId> {
        self.entries
            .values()
            .filter(|s| s.database == database && s.id != except && !s.kill.is_cancelled())
            .map(|s| s.id)
            .collect()
    }

    /// Ends a session from outside; `false` when there is none of that number.
    pub fn kill(&mut self, id: SessionId) -> bool {
        match self.entries.get(&id) {
            Some(entry) => {
                entry.cancel.cancel();
                entry.kill.cancel();
                true
            }
            None => false,
        }
    }
}
