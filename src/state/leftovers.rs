//! What interrupted drills left, as far as the connected servers were asked about it.

use super::State;
use crate::{
    explain::{Problem, ProblemKind},
    run::{Leftover, RunId},
    worker::{LeftoverFound, ObjectivesRequest, Request},
};

impl State {
    /// A copy that is still there is told wherever one is; it is asked about under objectives.
    pub(super) fn tell_of_leftover(&mut self, drill: &RunId) {
        if let Some(problem) = self.leftover_problem(drill) {
            self.notice(None, problem);
        }
    }

    /// It is gone, or asked about on the page.
    pub(super) fn tell_no_more_of(&mut self, drill: &RunId) {
        if let Some(problem) = self.leftover_problem(drill) {
            self.notices.retain(|notice| notice.problem != problem);
        }
    }

    fn leftover_problem(&self, drill: &RunId) -> Option<Problem> {
        let leftover = self
            .objectives
            .leftovers
            .iter()
            .find(|leftover| leftover.drill == *drill)?;
        Some(Problem {
            kind: ProblemKind::Yours,
            sentence: format!(
                "A drill was interrupted and left its copy {}",
                leftover.copy
            ),
            hint: "It is shown under Objectives, where it can be dropped.".to_owned(),
            details: Vec::new(),
        })
    }

    /// Asks the connected servers what they have of the leftovers that nobody looked at yet.
    pub(super) fn look_at_leftovers(&self) -> Vec<Request> {
        self.objectives
            .leftovers
            .iter()
            .filter(|leftover| {
                matches!(
                    self.objectives.found.get(&leftover.drill),
                    None | Some(LeftoverFound::AtWork)
                )
            })
            .filter_map(|leftover| {
                let server = self.server_called(&leftover.server)?;
                Some(Request::Objectives(ObjectivesRequest::LookAtLeftover {
                    server,
                    drill: leftover.drill.clone(),
                }))
            })
            .collect()
    }

    /// Leftovers that are there and proved ours: what is asked about.
    pub fn leftovers_to_ask(&self) -> Vec<(&Leftover, &str, &str)> {
        self.objectives
            .leftovers
            .iter()
            .filter_map(
                |leftover| match self.objectives.found.get(&leftover.drill)? {
                    LeftoverFound::Ours { state, create_date } => {
                        Some((leftover, state.as_str(), create_date.as_str()))
                    }
                    _ => None,
                },
            )
            .collect()
    }
}
