//! Planning that takes longer than a frame: done beside the loop, kept in the history that window and worker share.

use super::{jobs::Jobs, messages::Event, messages::ServerId};
use crate::domain::{DatabaseHistory, Limits, Loss};
use std::sync::Arc;

/// What the window wants worked out.
#[derive(Clone, Debug)]
pub enum PlanningRequest {
    /// What can be reached with these limits; the history keeps it, so that asking again is quick.
    Coverage {
        server: ServerId,
        history: Arc<DatabaseHistory>,
        limits: Limits,
    },
    /// Which files hold the most restorable time alone.
    Losses {
        server: ServerId,
        history: Arc<DatabaseHistory>,
        limits: Limits,
    },
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum PlanningEvent {
    CoverageKnown {
        server: ServerId,
        database: String,
        limits: Limits,
    },
    Losses {
        server: ServerId,
        database: String,
        losses: Arc<[Loss]>,
    },
}

/// So many files are named; the rest holds less.
const MOST_LOSSES: usize = 12;

impl Jobs {
    pub(super) fn planning(&self, request: PlanningRequest) {
        let events = self.events.clone();
        tokio::task::spawn_blocking(move || {
            let event = match request {
                PlanningRequest::Coverage {
                    server,
                    history,
                    limits,
                } => {
                    history.coverage(&limits);
                    PlanningEvent::CoverageKnown {
                        server,
                        database: history.name().to_owned(),
                        limits,
                    }
                }
                PlanningRequest::Losses {
                    server,
                    history,
                    limits,
                } => PlanningEvent::Losses {
                    server,
                    database: history.name().to_owned(),
                    losses: history.losses(&limits, MOST_LOSSES).into(),
                },
            };
            events.send(Event::Planning(event));
        });
    }
}
