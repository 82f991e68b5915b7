//! A line of the fleet: a database of some server as it was read last, or a server that did not answer.

use super::judged::{BackedUpBy, JudgeGround};
use crate::domain::{Limits, Status};
use serde::Serialize;

/// One line. A server that cannot be read has one line of its own, without a database.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FleetRow {
    /// The name of its profile.
    pub server: String,
    pub database: Option<String>,
    /// `state_desc`.
    pub state: Option<String>,
    /// `FULL`, `BULK_LOGGED` or `SIMPLE`.
    pub recovery_model: Option<String>,
    pub size_bytes: Option<u64>,
    /// The newest moment that its backups bring back, UTC, ISO 8601.
    pub newest: Option<String>,
    /// What would be lost now; `None` when nothing can be brought back.
    pub loss_seconds: Option<f64>,
    /// `met`, `at_risk`, `missed` or `unknown`.
    pub status: &'static str,
    /// Why the server could not be read.
    pub problem: Option<String>,
}

impl FleetRow {
    /// A server that could not be read.
    pub fn failed(server: &str, problem: String) -> Self {
        Self {
            server: server.to_owned(),
            status: Status::Unknown.word(),
            problem: Some(problem),
            ..Self::default()
        }
    }

    /// What the backups of a database say now.
    pub fn judge(&mut self, ground: &JudgeGround<'_>, status: Status) {
        let exposure = match ground.backed_up_by {
            BackedUpBy::Owners => ground.history.exposure(&Limits::default()),
            BackedUpBy::Azure => ground.history.service_exposure(),
        };
        self.newest = exposure
            .newest()
            .map(|newest| newest.0.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        self.loss_seconds = exposure.at(ground.now).map(|exposed| exposed.seconds());
        self.status = status.word();
    }
}
