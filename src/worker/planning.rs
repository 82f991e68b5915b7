//! Planning that takes longer than a frame: done beside the loop, kept in the history that window and worker share.

use super::{jobs::Jobs, messages::Event, messages::ServerId};
use crate::{
    domain::{DatabaseHistory, Limits, Loss, RestoringState},
    explain::server_problem,
    run::read_restoring,
};
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
    /// Where a database stands that a restore has left `RESTORING`.
    Restoring { server: ServerId, database: String },
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
    /// `None` when it is no longer `RESTORING`, or nothing was restored to its end yet.
    Restoring {
        server: ServerId,
        database: String,
        state: Option<Box<RestoringState>>,
    },
}

/// So many files are named; the rest holds less.
const MOST_LOSSES: usize = 12;

impl Jobs {
    pub(super) fn planning(&self, request: PlanningRequest) {
        let (server, history, limits, losses) = match request {
            PlanningRequest::Restoring { server, database } => {
                return self.read_restoring(server, database);
            }
            PlanningRequest::Coverage {
                server,
                history,
                limits,
            } => (server, history, limits, false),
            PlanningRequest::Losses {
                server,
                history,
                limits,
            } => (server, history, limits, true),
        };
        let events = self.events.clone();
        tokio::task::spawn_blocking(move || {
            let database = history.name().to_owned();
            events.send(Event::Planning(if losses {
                PlanningEvent::Losses {
                    server,
                    database,
                    losses: history.losses(&limits, MOST_LOSSES).into(),
                }
            } else {
                history.coverage(&limits);
                PlanningEvent::CoverageKnown {
                    server,
                    database,
                    limits,
                }
            }));
        });
    }

    fn read_restoring(&self, server: ServerId, database: String) {
        let Some((gateway, _)) = self.connected_to(server) else {
            return;
        };
        let events = self.events.clone();
        let stop = self.stop_token();
        tokio::spawn(async move {
            let reading = async {
                let mut connection = gateway.connect().await?;
                read_restoring(connection.as_mut(), &database).await
            };
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = reading => read,
            };
            match read {
                Ok(state) => events.send(Event::Planning(PlanningEvent::Restoring {
                    server,
                    database,
                    state: state.map(Box::new),
                })),
                Err(error) => events.send(Event::Problem {
                    server: Some(server),
                    problem: server_problem(&error),
                }),
            }
        });
    }
}
