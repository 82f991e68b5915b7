//! What if, other ways and other aims: the part of the choice that is not where the marker stands.

use super::{Change, DatabaseView, State};
use crate::{
    domain::{ChosenBase, Limits, Loss, Lost, MarkStop, Target},
    worker::{PlanningEvent, PlanningRequest, Request},
};
use std::sync::Arc;
use uuid::Uuid;

/// Above so many sets a changed what-if is worked out by the worker, so that no frame waits for it.
const MOST_AT_ONCE: usize = 20_000;

/// What is worked out beside the window.
#[derive(Clone, Debug, Default)]
pub struct PlanningView {
    /// What hurts most, once somebody asked; `None` while it is worked out or unasked.
    pub losses: Option<Arc<[Loss]>>,
    /// Somebody wants to see it.
    pub losses_wanted: bool,
    /// The history that `losses` is about.
    losses_of: Option<(String, u64)>,
    /// Lost backups that are still worked out.
    pub pending: Option<Vec<Lost>>,
}

/// What the user does about the plan besides moving the marker.
#[derive(Clone, Debug)]
pub enum PlanningAction {
    /// Treats a file as lost, or no longer.
    ToggleLostFile(String),
    /// Treats nothing as lost any more.
    TakeBackLost,
    /// Begins with these backups; `None` lets the planner choose.
    ChooseWay(Option<ChosenBase>),
    /// Aims at the latest state that the backups hold, without a moment.
    AimAtLatest,
    /// Aims at a mark, by its place among the marks of the history.
    AimAtMark { index: usize, stop: MarkStop },
    /// Shows or hides which files hold the most alone.
    ShowLosses(bool),
}

impl State {
    pub(super) fn plan_otherwise(&mut self, action: PlanningAction) -> Vec<Request> {
        match action {
            PlanningAction::ToggleLostFile(path) => return self.toggle_lost(Lost::File(path)),
            PlanningAction::TakeBackLost => return self.set_lost(Vec::new()),
            PlanningAction::ChooseWay(base) => {
                self.change(Change::Single, |choice| choice.base = base);
            }
            PlanningAction::AimAtLatest => self.aim_at_latest(),
            PlanningAction::AimAtMark { index, stop } => self.aim_at_mark(index, stop),
            PlanningAction::ShowLosses(shown) => {
                self.planning.losses_wanted = shown;
                return self.work_out_losses();
            }
        }
        Vec::new()
    }

    pub(super) fn toggle_lost_set(&mut self, uuid: Uuid) -> Vec<Request> {
        self.toggle_lost(Lost::Set(uuid))
    }

    fn toggle_lost(&mut self, lost: Lost) -> Vec<Request> {
        let mut without = self.choice.without.clone();
        if without.contains(&lost) {
            without.retain(|other| *other != lost);
        } else {
            without.push(lost);
        }
        self.set_lost(without)
    }

    /// Plans as if these were lost: at once, or as soon as the worker knows what can still be reached.
    fn set_lost(&mut self, without: Vec<Lost>) -> Vec<Request> {
        let large = self
            .database
            .as_ref()
            .is_some_and(|database| database.history.len() > MOST_AT_ONCE);
        if large && let (Some(database), Some(server)) = (&self.database, self.selected_server()) {
            let limits = Limits {
                without: without.clone(),
                ..Limits::default()
            };
            let request = PlanningRequest::Coverage {
                server,
                history: database.history.clone(),
                limits,
            };
            self.planning.pending = Some(without);
            return vec![Request::Planning(request)];
        }
        self.apply_lost(without);
        Vec::new()
    }

    fn apply_lost(&mut self, without: Vec<Lost>) {
        self.planning.pending = None;
        let before = self.choice.clone();
        self.choice.without = without;
        self.choice.base = None;
        if self.choice != before {
            self.undo.note(&before, Change::Single);
            self.read_database_again();
        }
    }

    fn aim_at_latest(&mut self) {
        let newest = self.database.as_ref().and_then(DatabaseView::newest);
        let Some(moment) = newest else { return };
        self.change(Change::Single, |choice| {
            choice.moment = Some(moment);
            choice.aim = Some(Target::Latest);
            choice.base = None;
        });
        self.show_marker();
    }

    fn aim_at_mark(&mut self, index: usize, stop: MarkStop) {
        let mark = self
            .database
            .as_ref()
            .and_then(|database| database.history.marks().get(index))
            .map(|mark| mark.target(stop));
        let Some(mark) = mark else { return };
        self.change(Change::Single, |choice| {
            choice.moment = Some(mark.at);
            choice.aim = Some(Target::Mark(mark));
            choice.base = None;
        });
        self.show_marker();
    }

    /// Whether what hurts most is known, or asked, of the history in sight.
    pub fn losses_are_current(&self) -> bool {
        let of = self
            .database
            .as_ref()
            .map(|database| (database.history.name().to_owned(), self.generation));
        of.is_some() && self.planning.losses_of == of
    }

    /// Asks which files hold the most, when somebody looks and it is not known of this history.
    pub(super) fn work_out_losses(&mut self) -> Vec<Request> {
        let (Some(database), Some(server)) = (&self.database, self.selected_server()) else {
            return Vec::new();
        };
        let of = (database.history.name().to_owned(), self.generation);
        if !self.planning.losses_wanted || self.planning.losses_of.as_ref() == Some(&of) {
            return Vec::new();
        }
        self.planning.losses = None;
        self.planning.losses_of = Some(of);
        vec![Request::Planning(PlanningRequest::Losses {
            server,
            history: database.history.clone(),
            limits: database.limits.clone(),
        })]
    }

    pub(super) fn take_planning(&mut self, event: PlanningEvent) {
        let selected = |server, name: &str| {
            self.selected_server() == Some(server)
                && self
                    .database
                    .as_ref()
                    .is_some_and(|database| database.history.name() == name)
        };
        match event {
            PlanningEvent::CoverageKnown {
                server,
                database,
                limits,
            } => {
                if selected(server, &database)
                    && self.planning.pending.as_ref() == Some(&limits.without)
                {
                    self.apply_lost(limits.without);
                }
            }
            PlanningEvent::Losses {
                server,
                database,
                losses,
            } => {
                if selected(server, &database) {
                    self.planning.losses = Some(losses);
                }
            }
        }
    }
}
