//! A rehearsal as the window runs it: the clock runs from the incident on, the restore over the original is a part of it.

use super::{Action, DestinationAction, Into, Page, Selection, ServerView, State};
use crate::{
    run::{RehearsalTimes, RunKind},
    worker::{ObjectivesRequest, Request, ServerId},
};

/// A rehearsal that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehearsalClock {
    pub server: ServerId,
    pub database: String,
    /// What people said; on the own clock.
    pub times: RehearsalTimes,
}

impl State {
    /// Starts the clock and leads to where one decides: the timeline, right before the incident, over the original.
    pub(super) fn start_rehearsal(&mut self, times: RehearsalTimes) -> Vec<Request> {
        self.dialog = None;
        let Selection::Database { server, database } = self.selection.clone() else {
            return Vec::new();
        };
        // The timeline runs on the server's clock.
        let skew = self.server_now(server).seconds() - self.own.now.seconds();
        self.objectives.rehearsal = Some(RehearsalClock {
            server,
            database,
            times,
        });
        self.page = Page::Timeline;
        let before = (times.incident.seconds() + skew).floor() - 1.0;
        let mut requests = self.update(Action::GoTo(before));
        requests.extend(self.update(Action::Destination(DestinationAction::Into(Into::Over))));
        requests
    }

    /// A restore has ended: when it is the one of the rehearsal, the whole clock is kept.
    pub(super) fn rehearsal_run_ended(&self) -> Option<Request> {
        let clock = self.objectives.rehearsal.as_ref()?;
        let run = self.run.as_ref()?;
        let is_it = run.kind == RunKind::RestoreOver
            && run.server == clock.server
            && run.database == clock.database
            && run.report.is_some();
        let restore = run.id.clone().filter(|_| is_it)?;
        Some(Request::Objectives(ObjectivesRequest::KeepRehearsal {
            server: clock.server,
            database: clock.database.clone(),
            run: restore,
            times: clock.times,
        }))
    }

    /// Whether one key makes the practice world anew: while it is presented, and nothing runs.
    pub fn may_reset_practice(&self) -> bool {
        self.page == Page::Objectives
            && self.objectives.presenter.stands_alone()
            && self.selected_server() == Some(ServerId::Practice)
            && self.objectives.running.is_none()
            && !self.running()
    }

    pub(super) fn reset_practice(&mut self) -> Vec<Request> {
        if !self.may_reset_practice() {
            return Vec::new();
        }
        self.objectives.rehearsal = None;
        self.forget_practice();
        self.run = None;
        vec![Request::ResetPractice]
    }

    /// Forgets what was known of the practice world, which is made anew.
    fn forget_practice(&mut self) {
        let others = |(server, _): &(ServerId, String)| *server != ServerId::Practice;
        self.objectives.lost.retain(|key, _| others(key));
        self.objectives.tables.retain(|key, _| others(key));
        self.objectives.counted_at = None;
        self.objectives.shown = None;
        if let Some(view) = self.servers.get_mut(&ServerId::Practice) {
            *view = ServerView::default();
        }
    }
}
