//! What if, other ways and other aims: the part of the choice that is not where the marker stands.

use super::{Change, DatabaseView, Into, Selection, State};
use crate::{
    domain::{
        ChosenBase, CostModel, DatabaseHistory, Limits, Loss, Lost, MarkStop, RestoreRequest,
        RestoreTimeModel, RestoringState, Start, Target,
    },
    worker::{PlanningEvent, PlanningRequest, Request, ServerId},
};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// What is worked out beside the window.
#[derive(Clone, Debug, Default)]
pub struct PlanningView {
    /// What hurts most, once somebody asked; `None` while it is worked out or unasked.
    pub losses: Option<Arc<[Loss]>>,
    /// Somebody wants to see it.
    pub losses_wanted: bool,
    /// The history that `losses` is about.
    losses_of: Option<(String, u64)>,
    /// What was chosen and is still worked out; what is shown is older.
    pub waiting: Option<Limits>,
    /// Databases that are `RESTORING`, as their servers describe them.
    restoring: BTreeMap<(ServerId, String), RestoringState>,
    /// The database of which that was asked last.
    asked: Option<(ServerId, String)>,
    /// How ways are compared on each server where restores were measured.
    costs: BTreeMap<ServerId, CostModel>,
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
            PlanningAction::ToggleLostFile(path) => self.toggle_lost(Lost::File(path)),
            PlanningAction::TakeBackLost => self.set_lost(Vec::new()),
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

    pub(super) fn toggle_lost_set(&mut self, uuid: Uuid) {
        self.toggle_lost(Lost::Set(uuid));
    }

    fn toggle_lost(&mut self, lost: Lost) {
        let mut without = self.choice.without.clone();
        if without.contains(&lost) {
            without.retain(|other| *other != lost);
        } else {
            without.push(lost);
        }
        self.set_lost(without);
    }

    /// Plans as if these were lost.
    fn set_lost(&mut self, without: Vec<Lost>) {
        self.change(Change::Single, |choice| {
            choice.without = without;
            choice.base = None;
        });
    }

    // ---- what may take part

    /// What the planner is asked about the choice, within the limits that are shown.
    pub fn request(&self) -> Option<RestoreRequest> {
        let database = self.database.as_ref()?;
        database.request(&self.choice, self.database_name()?)
    }

    /// What may take part in plans of the selected database, as it is chosen.
    fn wanted_limits(&self, server: ServerId) -> Limits {
        let start = match self.choice.destination.into {
            Into::GoOn => self.restoring_state().cloned(),
            Into::Copy | Into::Over => None,
        };
        Limits {
            without: self.choice.without.clone(),
            costs: self.costs_of(server),
            start: start.map_or(Start::Nothing, |state| Start::Restoring(Box::new(state))),
            ..Limits::default()
        }
    }

    /// The same as soon as it is worked out; until then what was shown before, else no limits.
    pub(super) fn limits_for(
        &mut self,
        server: ServerId,
        history: &Arc<DatabaseHistory>,
    ) -> Limits {
        let wanted = self.wanted_limits(server);
        // Among more sets the worker does it, so that no frame waits for it.
        let few = history.len() <= DatabaseHistory::MOST_AT_ONCE;
        if few || history.is_worked_out(&wanted) {
            self.planning.waiting = None;
            return wanted;
        }
        self.outbox
            .push(Request::Planning(PlanningRequest::Coverage {
                server,
                history: history.clone(),
                limits: wanted.clone(),
            }));
        self.planning.waiting = Some(wanted);
        let shown = self.database.as_ref().map(|view| view.limits.clone());
        shown
            .filter(|limits| history.is_worked_out(limits))
            .unwrap_or_default()
    }

    /// The choice has changed: what can be reached is looked up again where that is another question, else only the plan.
    pub(super) fn follow_choice(&mut self) {
        let other = self.selected_server().is_some_and(|server| {
            let wanted = self.wanted_limits(server);
            self.database.as_ref().is_some_and(|view| {
                view.managed.is_none()
                    && self.planning.waiting.as_ref().unwrap_or(&view.limits) != &wanted
            })
        });
        if other {
            self.read_database_again();
        } else {
            self.plan_again();
        }
    }

    /// How ways are compared on a server: by the time that restores took there, once some were measured.
    fn costs_of(&self, server: ServerId) -> CostModel {
        self.planning
            .costs
            .get(&server)
            .copied()
            .unwrap_or_default()
    }

    /// Restores were measured, or a server has said what it is called.
    pub(super) fn learn_costs(&mut self) {
        let measured = &self.objectives.measured;
        let costs = self.servers.iter().filter_map(|(server, view)| {
            let runs = measured.runs_of(&view.info()?.name);
            Some((*server, RestoreTimeModel::measured(&runs)?.costs()))
        });
        let costs = costs.collect();
        if costs != self.planning.costs {
            self.planning.costs = costs;
            self.follow_choice();
        }
    }

    // ---- a database that is RESTORING

    /// Where the selected database stands, when it is `RESTORING` and the server told.
    pub fn restoring_state(&self) -> Option<&RestoringState> {
        let Selection::Database { server, database } = &self.selection else {
            return None;
        };
        self.planning.restoring.get(&(*server, database.clone()))
    }

    /// The databases were read again: a restore may have gone on.
    pub(super) fn forget_where_it_stood(&mut self) {
        self.planning.asked = None;
    }

    /// Whether the plan goes on from where the selected database stands.
    pub fn goes_on(&self) -> bool {
        self.choice.destination.into == Into::GoOn
    }

    /// Asks where the selected database stands, while it is `RESTORING`.
    pub(super) fn ask_where_it_stands(&mut self) {
        let Selection::Database { server, database } = self.selection.clone() else {
            return;
        };
        let restoring = self
            .servers
            .get(&server)
            .filter(|view| view.info().is_some())
            .and_then(|view| view.summary(&database))
            .is_some_and(|summary| summary.state.is_restoring());
        let key = (server, database);
        if !restoring {
            self.planning.restoring.remove(&key);
            self.planning.asked = None;
            if self.choice.destination.into == Into::GoOn {
                self.choice.destination.into = Into::Copy;
            }
        } else if self.planning.asked.as_ref() != Some(&key) {
            let (server, database) = key.clone();
            self.planning.asked = Some(key);
            let request = PlanningRequest::Restoring { server, database };
            self.outbox.push(Request::Planning(request));
        }
    }

    /// The backups of a database that goes by another name than they do: those of the full backup that it was begun with.
    pub(super) fn history_of_restoring(
        &mut self,
        server: ServerId,
        database: &str,
    ) -> Option<Arc<DatabaseHistory>> {
        let state = self
            .planning
            .restoring
            .get(&(server, database.to_owned()))?;
        let history = self.servers.get(&server)?.backups()?;
        let found = history.of_restoring(state)?;
        // There is nothing else to do with it here.
        self.choice.destination.into = Into::GoOn;
        Some(found)
    }

    fn take_restoring(
        &mut self,
        server: ServerId,
        database: String,
        state: Option<Box<RestoringState>>,
    ) {
        let key = (server, database);
        let before = match state {
            Some(state) => self.planning.restoring.insert(key.clone(), *state),
            None => self.planning.restoring.remove(&key),
        };
        if !self.planning.restoring.contains_key(&key) && self.choice.destination.into == Into::GoOn
        {
            self.choice.destination.into = Into::Copy;
        }
        if self.planning.asked.as_ref() == Some(&key)
            && before.as_ref() != self.planning.restoring.get(&key)
        {
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
                if selected(server, &database) && self.planning.waiting.as_ref() == Some(&limits) {
                    self.read_database_again();
                }
            }
            PlanningEvent::Restoring {
                server,
                database,
                state,
            } => self.take_restoring(server, database, state),
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
