//! Running backups and restores, and how far they are.
//!
//! An activity lasts real time even when the server's clock is frozen: somebody is watching it.

use super::{DatabaseId, SessionId};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What an activity is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Files are created and filled with zeros: 0 percent.
    CreatingFiles,
    /// Bytes move: 0–100 percent.
    Copying,
    /// The log is redone and undone: 100 percent.
    Recovering,
}

/// A running `BACKUP` or `RESTORE`.
#[derive(Clone, Debug)]
pub struct Activity {
    pub session: SessionId,
    /// As `dm_exec_requests.command` shows it.
    pub command: &'static str,
    /// The database that is backed up or restored.
    pub database: Option<DatabaseId>,
    pub phase: Phase,
    /// When the phase began.
    pub began: Instant,
    /// How long the phase will take.
    pub expected: Duration,
}

impl Activity {
    /// `percent_complete` at an instant: 0–100.
    pub fn percent_complete(&self, at: Instant) -> f32 {
        match self.phase {
            Phase::CreatingFiles => 0.0,
            Phase::Recovering => 100.0,
            Phase::Copying if self.expected.is_zero() => 100.0,
            Phase::Copying => {
                let elapsed = at.saturating_duration_since(self.began).as_secs_f64();
                ((elapsed / self.expected.as_secs_f64()) * 100.0).clamp(0.0, 100.0) as f32
            }
        }
    }

    /// `estimated_completion_time`: milliseconds left of the phase that moves bytes.
    pub fn milliseconds_left(&self, at: Instant) -> i64 {
        match self.phase {
            Phase::CreatingFiles | Phase::Recovering => 0,
            Phase::Copying => {
                let left = (self.began + self.expected).saturating_duration_since(at);
                i64::try_from(left.as_millis()).unwrap_or(i64::MAX)
            }
        }
    }

    /// `wait_type` of a request that does this.
    pub fn wait_type(&self) -> &'static str {
        match self.phase {
            Phase::CreatingFiles => "PREEMPTIVE_OS_WRITEFILE",
            Phase::Copying => "BACKUPIO",
            Phase::Recovering => "ASYNC_IO_COMPLETION",
        }
    }
}

/// All running ones, by session.
#[derive(Debug, Default)]
pub struct Activities {
    running: BTreeMap<SessionId, Activity>,
}

impl Activities {
    pub fn begin(&mut self, activity: Activity) {
        self.running.insert(activity.session, activity);
    }

    /// Goes on to another phase.
    pub fn enter(&mut self, session: SessionId, phase: Phase, expected: Duration) {
        if let Some(activity) = self.running.get_mut(&session) {
            activity.phase = phase;
            activity.began = Instant::now();
            activity.expected = expected;
        }
    }

    pub fn end(&mut self, session: SessionId) {
        self.running.remove(&session);
    }

    pub fn find(&self, session: SessionId) -> Option<&Activity> {
        self.running.get(&session)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Activity> {
        self.running.values()
    }

    /// The session that backs up or restores a database.
    pub fn on_database(&self, database: DatabaseId) -> Option<&Activity> {
        self.running.values().find(|a| a.database == Some(database))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_zero_while_files_are_made_and_full_in_recovery() {
        let began = Instant::now();
        let mut activity = Activity {
            session: 51,
            command: "RESTORE DATABASE",
            database: None,
            phase: Phase::CreatingFiles,
            began,
            expected: Duration::from_secs(10),
        };
        let later = began + Duration::from_millis(2_500);
        assert_eq!(activity.percent_complete(later), 0.0);
        activity.phase = Phase::Copying;
        assert_eq!(activity.percent_complete(later), 25.0);
        assert_eq!(activity.milliseconds_left(later), 7_500);
        assert_eq!(
            activity.percent_complete(began + Duration::from_secs(60)),
            100.0
        );
        activity.phase = Phase::Recovering;
        assert_eq!(activity.percent_complete(later), 100.0);
    }
}
