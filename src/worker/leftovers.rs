//! What interrupted drills left: looked at, and dropped after a yes.

use super::{
    jobs::{Jobs, blocking, not_connected, now},
    messages::{Event, ServerId},
    objectives::{LeftoverFound, ObjectivesEvent},
};
use crate::{
    explain::{Problem, ProblemKind, server_problem},
    run::{ClearError, Cleared, LeftoverSeen, RunId, clear_leftover, leftovers, look_at_leftover},
};

impl Jobs {
    pub(super) fn leftover(&self, server: ServerId, drill: RunId, clear: bool) {
        let (Some(ground), Some(workspace)) = (self.ground(server), self.workspace.clone()) else {
            return self.problem(Some(server), not_connected());
        };
        let tell = self.tell();
        let events = self.events.clone();
        let reports = self.reports();
        tokio::spawn(async move {
            let folder = workspace.runs_folder();
            let Some(found) = blocking(move || {
                leftovers(&folder)
                    .into_iter()
                    .find(|leftover| leftover.drill == drill)
            })
            .await
            .flatten() else {
                return;
            };
            let drill = found.drill.clone();
            let told = if clear {
                clear_leftover(ground.gateway.as_ref(), &found, now)
                    .await
                    .map(|cleared| match cleared {
                        Cleared::Dropped => LeftoverFound::Dropped,
                        Cleared::NotThere => LeftoverFound::Gone,
                    })
                    .map_err(|error| left_problem(&error))
            } else {
                look_at_leftover(ground.gateway.as_ref(), &found)
                    .await
                    .map(|looked| match looked {
                        LeftoverSeen::NotThere => LeftoverFound::Gone,
                        LeftoverSeen::AtWork { .. } => LeftoverFound::AtWork,
                        LeftoverSeen::Ours(identity) => LeftoverFound::Ours {
                            state: identity.state,
                            create_date: identity.create_date,
                        },
                        LeftoverSeen::NotOurs(_) => LeftoverFound::NotOurs,
                    })
                    .map_err(|error| server_problem(&error))
            };
            match told {
                Ok(found) => tell(ObjectivesEvent::Leftover { drill, found }),
                Err(problem) => events.send(Event::Problem {
                    server: Some(server),
                    problem,
                }),
            }
            if clear {
                reports.send(super::jobs::Report::Changed { server }).ok();
            }
        });
    }
}

/// A copy that is still there, in words.
pub fn left_problem(error: &ClearError) -> Problem {
    let (kind, hint) = match error {
        ClearError::NotOurs { .. } => (
            ProblemKind::Yours,
            "Look at it on the server; stopat drops only what it is proved to have made.",
        ),
        ClearError::AtWork { .. } => (
            ProblemKind::Yours,
            "Wait until the server has ended what the drill began, and ask again.",
        ),
        ClearError::OtherServer { .. } => (
            ProblemKind::Yours,
            "Connect to the server on which the drill ran.",
        ),
        ClearError::Drop(inner) => return super::restores::drop_problem(inner),
        ClearError::Server(inner) => return server_problem(inner),
        ClearError::Journal(inner) => return crate::explain::journal_problem(inner),
    };
    Problem {
        kind,
        sentence: format!("The copy of a drill was not dropped: {error}"),
        hint: hint.to_owned(),
        details: Vec::new(),
    }
}
