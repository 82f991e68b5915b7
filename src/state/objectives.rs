//! Objectives as the window shows them: what is promised and what is true, drills and what they left.

use super::{Dialog, Page, Presenter, RehearsalClock, Selection, State};
use crate::{
    domain::{Moment, Objective, ScenarioKind, Status, UtcTime},
    run::{
        DrillPlan, DrillResult, DrillTimer, Judged, Leftover, LostRows, Measured, RehearsalTimes,
        RunId,
    },
    settings::{Application, DatabaseKey, DatabaseObjectives, Outside, Scenario, promises_of},
    worker::{
        DrillMoment, DrillOrder, LeftoverFound, ObjectivesEvent, ObjectivesRequest, Platform,
        Request, SaveAs, ServerId, TableFacts, TimerFiles,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How old a count of rows may be while somebody looks at it.
const COUNT_AGAIN_SECS: f64 = 60.0;

/// What the window knows of objectives.
#[derive(Clone, Debug, Default)]
pub struct ObjectivesView {
    pub measured: Arc<Measured>,
    /// Promises of single databases, which win over their application's.
    pub edited: Arc<Vec<DatabaseObjectives>>,
    pub tables: BTreeMap<(ServerId, String), Arc<TableFacts>>,
    /// How each database stands, where something is promised.
    pub statuses: BTreeMap<(ServerId, String), Status>,
    /// The selected database, judged.
    pub shown: Option<Arc<Shown>>,
    /// The drill whose steps are shown; `None` for the last.
    pub chosen_drill: Option<RunId>,
    /// Drills that run in this window.
    pub running: Option<RunningDrills>,
    /// What interrupted drills may have left.
    pub leftovers: Arc<Vec<Leftover>>,
    /// What a server has of them, as far as it was looked at.
    pub found: BTreeMap<RunId, LeftoverFound>,
    /// Losses in rows, where the application names a table for them.
    pub lost: BTreeMap<(ServerId, String), Arc<LostRows>>,
    /// When rows were asked for last, on the own clock.
    pub(super) counted_at: Option<UtcTime>,
    /// What backs itself up now.
    pub backing_up: BTreeSet<String>,
    pub presenter: Presenter,
    /// The files of a timer as they are shown.
    pub timer: Option<TimerFiles>,
    /// A rehearsal that is under way.
    pub rehearsal: Option<RehearsalClock>,
}

/// A database with everything that its page says.
#[derive(Clone, Debug)]
pub struct Shown {
    pub server: ServerId,
    /// Whether the promises are this database's own.
    pub own_objectives: bool,
    /// What is measured here measures a simulation.
    pub simulated: bool,
    pub judged: Judged,
}

/// Drills that run, one after the other.
#[derive(Clone, Debug)]
pub struct RunningDrills {
    pub server: ServerId,
    pub database: String,
    pub orders: Vec<DrillOrder>,
    /// The one that runs, with its titles.
    pub order: Option<DrillOrder>,
    pub plan: Option<DrillPlan>,
    pub steps: Vec<String>,
    pub step: usize,
    pub elapsed_secs: f64,
    pub percent: Option<f32>,
    pub ended: Vec<(DrillOrder, DrillResult)>,
    pub cancelling: bool,
    pub started: UtcTime,
}

/// What is done on the page.
#[derive(Clone, Debug)]
pub enum ObjectivesAction {
    AskDrill,
    /// The copies are made on another server, where one is named.
    Drill {
        orders: Vec<DrillOrder>,
        on: Option<ServerId>,
    },
    CancelDrills,
    ChooseDrill(RunId),
    AskEdit,
    /// Keeps these promises for the database; `None` goes back to its application's.
    Save(Option<Vec<Scenario>>),
    Present(Presenter),
    Report(SaveAs),
    /// Shows a moment on the timeline.
    GoTo(UtcTime),
    ClearLeftover(RunId),
    /// Runs the own backup of something outside SQL Server.
    BackUpOutside(Box<Outside>),
    AskTimer,
    /// Shows the files of a timer, or writes them as well.
    Timer {
        timer: DrillTimer,
        write: bool,
    },
    AskRehearsal,
    /// Starts the whole clock: it broke then, and somebody noticed then.
    Rehearse(RehearsalTimes),
    StopRehearsal,
    /// Leaves what drills left, and speaks of it no more in this window.
    KeepLeftovers,
}

impl State {
    pub(super) fn change_objectives(&mut self, action: ObjectivesAction) -> Vec<Request> {
        match action {
            ObjectivesAction::AskDrill => self.dialog = Some(Dialog::Drill),
            ObjectivesAction::AskEdit => self.dialog = Some(Dialog::Objectives),
            ObjectivesAction::Drill { orders, on } => return self.start_drills(orders, on),
            ObjectivesAction::CancelDrills => {
                if let Some(running) = &mut self.objectives.running {
                    running.cancelling = true;
                    return vec![Request::Objectives(ObjectivesRequest::CancelDrills)];
                }
            }
            ObjectivesAction::ChooseDrill(run) => self.objectives.chosen_drill = Some(run),
            ObjectivesAction::Save(objectives) => {
                self.dialog = None;
                if let Some(key) = self.objectives_key() {
                    return vec![Request::Objectives(ObjectivesRequest::Save {
                        key,
                        objectives,
                    })];
                }
            }
            ObjectivesAction::Present(presenter) => self.objectives.presenter = presenter,
            ObjectivesAction::Report(how) => {
                if let Selection::Database { server, database } = self.selection.clone() {
                    return vec![Request::Objectives(ObjectivesRequest::Report {
                        server,
                        database,
                        how,
                    })];
                }
            }

            ObjectivesAction::GoTo(at) => {
                self.page = Page::Timeline;
                return self.update(super::Action::GoTo(at.seconds()));
            }
            ObjectivesAction::ClearLeftover(drill) => {
                let server = self
                    .objectives
                    .leftovers
                    .iter()
                    .find(|leftover| leftover.drill == drill)
                    .and_then(|leftover| self.server_called(&leftover.server));
                return server
                    .map(|server| {
                        Request::Objectives(ObjectivesRequest::ClearLeftover { server, drill })
                    })
                    .into_iter()
                    .collect();
            }
            ObjectivesAction::BackUpOutside(outside) => {
                if let Selection::Database { server, database } = self.selection.clone()
                    && self.objectives.backing_up.insert(outside.what.clone())
                {
                    return vec![Request::Objectives(ObjectivesRequest::BackUpOutside {
                        server,
                        database,
                        outside,
                    })];
                }
            }
            ObjectivesAction::AskTimer => {
                self.objectives.timer = None;
                self.dialog = Some(Dialog::DrillTimer);
            }
            ObjectivesAction::Timer { timer, write } => {
                if let Selection::Database { server, database } = self.selection.clone() {
                    return vec![Request::Objectives(ObjectivesRequest::Timer {
                        server,
                        database,
                        timer,
                        write,
                    })];
                }
            }
            ObjectivesAction::AskRehearsal => self.dialog = Some(Dialog::Rehearse),
            ObjectivesAction::Rehearse(times) => return self.start_rehearsal(times),
            ObjectivesAction::StopRehearsal => self.objectives.rehearsal = None,
            ObjectivesAction::KeepLeftovers => self.objectives.leftovers = Arc::default(),
        }
        Vec::new()
    }

    pub(super) fn take_objectives_event(&mut self, event: ObjectivesEvent) -> Vec<Request> {
        match event {
            ObjectivesEvent::Known {
                measured,
                edited,
                leftovers,
            } => {
                self.objectives.measured = measured;
                self.objectives.edited = edited;
                self.objectives.leftovers = leftovers;
                let found = std::mem::take(&mut self.objectives.found);
                self.objectives.found = found
                    .into_iter()
                    .filter(|(drill, _)| {
                        self.objectives
                            .leftovers
                            .iter()
                            .any(|leftover| leftover.drill == *drill)
                    })
                    .collect();
                self.learn_costs();
                self.judge_shown();
                self.requeue_all();
                return self.look_at_leftovers();
            }
            ObjectivesEvent::Tables {
                server,
                database,
                tables,
            } => {
                self.objectives.tables.insert((server, database), tables);
                self.judge_shown();
                return self.count_lost().into_iter().collect();
            }
            ObjectivesEvent::Lost {
                server,
                database,
                lost,
            } => {
                self.objectives.lost.insert((server, database), lost);
            }
            ObjectivesEvent::OutsideEnded { what } => {
                self.objectives.backing_up.remove(&what);
                return vec![Request::Objectives(ObjectivesRequest::Read)];
            }
            ObjectivesEvent::DrillBegan {
                order, plan, steps, ..
            } => {
                if let Some(running) = &mut self.objectives.running {
                    running.order = Some(order);
                    running.plan = Some(*plan);
                    running.steps = steps;
                    running.step = 0;
                    running.started = self.own.now;
                }
            }
            ObjectivesEvent::DrillStep {
                step,
                elapsed_secs,
                percent,
            } => {
                if let Some(running) = &mut self.objectives.running {
                    running.step = step;
                    running.elapsed_secs = elapsed_secs;
                    running.percent = percent;
                }
            }
            ObjectivesEvent::DrillMeasured { order, result } => {
                if let Some(running) = &mut self.objectives.running {
                    running.ended.push((order, *result));
                    running.order = None;
                }
                self.objectives.chosen_drill = None;
                return vec![Request::Objectives(ObjectivesRequest::Read)];
            }
            ObjectivesEvent::DrillsEnded => {
                self.objectives.running = None;
                return vec![Request::Objectives(ObjectivesRequest::Read)];
            }
            ObjectivesEvent::Leftover { drill, found } => {
                if matches!(found, LeftoverFound::Ours { .. }) && self.page != Page::Objectives {
                    self.tell_of_leftover(&drill);
                } else {
                    self.tell_no_more_of(&drill);
                }
                self.objectives.found.insert(drill, found);
            }
            ObjectivesEvent::Timer(files) => self.objectives.timer = Some(files),
            ObjectivesEvent::RehearsalEnded => {
                self.objectives.rehearsal = None;
                return vec![Request::Objectives(ObjectivesRequest::Read)];
            }
            ObjectivesEvent::ToSave { file_name, text } => {
                self.to_save = Some((file_name, text));
            }
            event @ (ObjectivesEvent::FleetBegan { .. }
            | ObjectivesEvent::FleetServer { .. }
            | ObjectivesEvent::FleetEnded) => self.take_fleet_event(event),
        }
        Vec::new()
    }

    /// What the page needs when it is shown.
    pub(super) fn objectives_shown(&mut self) -> Vec<Request> {
        self.judge_shown();
        let mut requests = vec![Request::Objectives(ObjectivesRequest::Read)];
        if let Selection::Database { server, database } = &self.selection {
            self.objectives.counted_at = Some(self.own.now);
            requests.push(Request::Objectives(ObjectivesRequest::ReadTables {
                server: *server,
                database: database.clone(),
            }));
        }
        requests
    }

    /// Asks how many rows would be lost, where the application says of which table.
    fn count_lost(&mut self) -> Option<Request> {
        let shown = self.objectives.shown.clone()?;
        let application = shown.judged.application.as_ref()?;
        let counted = application.counted.clone()?;
        self.objectives.counted_at = Some(self.own.now);
        Some(Request::Objectives(ObjectivesRequest::CountLost {
            server: shown.server,
            database: shown.judged.database.clone(),
            schema: application.schema.clone(),
            counted,
            stretches: shown.judged.exposed(),
        }))
    }

    /// Asks again what the page counts when the last answers have grown old: the tables, and of their answer what would be lost.
    pub(super) fn count_when_due(&mut self) -> Option<Request> {
        let due = self
            .objectives
            .counted_at
            .is_none_or(|asked| self.own.now.seconds() - asked.seconds() > COUNT_AGAIN_SECS);
        let shown = self.objectives.shown.as_ref()?;
        if self.page != Page::Objectives || !due {
            return None;
        }
        self.objectives.counted_at = Some(self.own.now);
        Some(Request::Objectives(ObjectivesRequest::ReadTables {
            server: shown.server,
            database: shown.judged.database.clone(),
        }))
    }

    /// The rows of what would be lost of the database that is shown.
    pub fn lost_rows(&self) -> Option<&LostRows> {
        let shown = self.objectives.shown.as_ref()?;
        self.objectives
            .lost
            .get(&(shown.server, shown.judged.database.clone()))
            .map(AsRef::as_ref)
    }

    /// The application that lives in a database.
    pub fn application_of(&self, server: ServerId, database: &str) -> Option<&Application> {
        let tables = self.objectives.tables.get(&(server, database.to_owned()));
        self.applications
            .known
            .applications
            .iter()
            .find(|application| {
                application.lives_in(database, |schema, table| {
                    tables.is_some_and(|facts| {
                        facts
                            .tables
                            .contains_key(&format!("{schema}.{table}").to_lowercase())
                    })
                })
            })
    }

    /// What is promised for a database, and whether the promises are its own.
    pub fn objectives_of(&self, server: ServerId, database: &str) -> (Vec<Objective>, bool) {
        let (scenarios, own) = self.scenarios_of(server, database);
        (scenarios.iter().map(Scenario::objective).collect(), own)
    }

    /// The same as it is written.
    pub fn scenarios_of(&self, server: ServerId, database: &str) -> (&[Scenario], bool) {
        promises_of(
            &self.objectives.edited,
            self.application_of(server, database),
            &key_of(server, database),
        )
    }

    fn objectives_key(&self) -> Option<DatabaseKey> {
        match &self.selection {
            Selection::Database { server, database } => Some(key_of(*server, database)),
            Selection::Nothing | Selection::Server(_) => None,
        }
    }

    fn start_drills(&mut self, orders: Vec<DrillOrder>, on: Option<ServerId>) -> Vec<Request> {
        self.dialog = None;
        let Selection::Database { server, database } = self.selection.clone() else {
            return Vec::new();
        };
        if self.objectives.running.is_some() || orders.is_empty() {
            return Vec::new();
        }
        self.objectives.running = Some(RunningDrills {
            server,
            database: database.clone(),
            orders: orders.clone(),
            order: None,
            plan: None,
            steps: Vec::new(),
            step: 0,
            elapsed_secs: 0.0,
            percent: None,
            ended: Vec::new(),
            cancelling: false,
            started: self.own.now,
        });
        vec![Request::Objectives(ObjectivesRequest::Drill {
            server,
            database,
            orders,
            on,
        })]
    }

    /// Other servers that a drill of the selected database can make its copy on.
    pub fn servers_for_drills(&self) -> Vec<(ServerId, &str)> {
        let selected = self.selected_server();
        self.servers
            .iter()
            .filter(|(id, view)| {
                Some(**id) != selected
                    && view
                        .info()
                        .is_some_and(|info| info.platform == Platform::SqlServer)
            })
            .map(|(id, _)| (*id, self.server_name(*id)))
            .collect()
    }

    /// Whether the database that is shown can be restored beside itself with T-SQL, which a service lets nobody do.
    pub fn can_drill(&self) -> bool {
        let server = self.objectives.shown.as_ref().map(|shown| shown.server);
        server
            .and_then(|server| self.servers.get(&server)?.info())
            .is_none_or(|info| info.platform == Platform::SqlServer)
    }

    /// The moment under the marker, for a drill to it.
    pub fn marked_moment(&self) -> Option<Moment> {
        self.choice.moment
    }
}

impl DrillOrder {
    /// A drill of each scenario, to a moment at which it is what its name says.
    pub fn all(check_database: bool) -> Vec<Self> {
        ScenarioKind::OF_BACKUPS
            .into_iter()
            .map(|scenario| Self {
                scenario,
                moment: DrillMoment::Typical,
                check_database,
            })
            .collect()
    }
}

/// The database of a server, as promises are kept for it.
pub fn key_of(server: ServerId, database: &str) -> DatabaseKey {
    DatabaseKey {
        server: match server {
            ServerId::Folder(id) => format!("folder {id:?}"),
            other => other.key().unwrap_or_default(),
        },
        database: database.to_owned(),
    }
}
