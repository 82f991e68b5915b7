//! Databases held against their promises, at the moment up to which their history is known.

use super::{Page, REFRESH_SECS, Selection, ServerView, Shown, State};
use crate::{
    domain::{DatabaseHistory, Status, UtcOffset, UtcTime},
    run::{BackedUpBy, JudgeGround, judge, judged_scenario, status_of},
    worker::{DRILL_DAYS, ServerId, backed_up_by, is_practice},
};
use std::sync::Arc;

/// How old a judgement may be while somebody looks at it.
const JUDGE_AGAIN_SECS: f64 = 15.0;
/// How old a reading of the history may be that a judgement goes by: one that was missed, and the next.
const READ_LATELY_SECS: f64 = 2.0 * REFRESH_SECS;

impl State {
    /// Judges again when what is shown has grown old.
    pub(super) fn judge_when_due(&mut self) {
        if self.page != Page::Objectives {
            return;
        }
        let Some(server) = self.selected_server() else {
            return;
        };
        let now = self.judging_moment(server);
        let due = self.objectives.shown.as_ref().is_none_or(|shown| {
            (now.seconds() - shown.judged.judged_at.seconds()).abs() > JUDGE_AGAIN_SECS
        });
        if due {
            self.judge_shown();
        }
    }

    /// Judges the selected database.
    pub(super) fn judge_shown(&mut self) {
        self.objectives.shown = match self.selection.clone() {
            Selection::Database { server, database } => self.judge(server, &database).map(Arc::new),
            Selection::Nothing | Selection::Server(_) => None,
        };
    }

    /// The moment at which the databases of a server are judged, on its clock: when its history was read, if that was lately.
    ///
    /// Of a backup that ended since nobody knows yet, and without it a promise that is kept would seem broken.
    fn judging_moment(&self, server: ServerId) -> UtcTime {
        let now = self.server_now(server);
        self.reading_moment(server)
            .filter(|read_at| now.seconds() - read_at.seconds() < READ_LATELY_SECS)
            .unwrap_or(now)
    }

    /// When the history of a server was read, on its clock.
    fn reading_moment(&self, server: ServerId) -> Option<UtcTime> {
        let loaded = self.servers.get(&server)?.history.as_ref()?;
        let ago = self.own.now.0 - loaded.read_at.0;
        (ago >= chrono::TimeDelta::zero()).then(|| self.server_now(server).plus(-ago))
    }

    fn judge(&self, server: ServerId, database: &str) -> Option<Shown> {
        let view = self.servers.get(&server)?;
        let info = view.info();
        let backed_up_by = self.backed_up_by(server);
        let known = view.history.as_ref()?.history.database(database);
        let history = match (known, backed_up_by) {
            (Some(history), _) => history,
            // Azure restores it whether it tells of its backups or not.
            (None, BackedUpBy::Azure) => {
                Arc::new(DatabaseHistory::without_backups(database, UtcOffset::ZERO))
            }
            (None, BackedUpBy::Owners) => return None,
        };
        let (objectives, own_objectives) = self.objectives_of(server, database);
        let called = info.map(|info| info.name.clone()).unwrap_or_default();
        Some(Shown {
            server,
            own_objectives,
            simulated: server == ServerId::Practice || info.is_some_and(|info| is_practice(info)),
            judged: judge(&JudgeGround {
                history: &history,
                server_name: &called,
                application: self.application_of(server, database),
                objectives: &objectives,
                measured: &self.objectives.measured,
                backed_up_by,
                now: self.judging_moment(server),
                days: DRILL_DAYS,
            }),
        })
    }

    /// How a database stands by its promises; `None` when nothing is promised for it.
    pub(super) fn status_of(
        &self,
        server: ServerId,
        database: &str,
        history: &DatabaseHistory,
    ) -> Option<Status> {
        let (objectives, _) = self.objectives_of(server, database);
        let backed_up_by = self.backed_up_by(server);
        let judged = judged_scenario(&objectives, backed_up_by)?;
        let called = self
            .servers
            .get(&server)
            .and_then(|view| view.info())
            .map(|info| info.name.clone())
            .unwrap_or_default();
        let status_at = |now: UtcTime| {
            let ground = JudgeGround {
                history,
                server_name: &called,
                application: None,
                objectives: &objectives,
                measured: &self.objectives.measured,
                backed_up_by,
                now,
                days: DRILL_DAYS,
            };
            status_of(&ground, judged)
        };
        let judged_at = self.judging_moment(server);
        let status = status_at(judged_at);
        // A server that nobody looks at is not read again: whether the promise was kept since is not known.
        let read_at = self.reading_moment(server);
        if read_at.is_some_and(|read_at| read_at != judged_at && status_at(read_at) != status) {
            return Some(Status::Unknown);
        }
        Some(status)
    }

    /// Who takes the backups of the databases of a server.
    fn backed_up_by(&self, server: ServerId) -> BackedUpBy {
        self.servers
            .get(&server)
            .and_then(ServerView::info)
            .map(|info| backed_up_by(info.platform))
            .unwrap_or_default()
    }
}
