//! Objectives as the window asks for them: what was measured, what is protected, drills that run, what interrupted ones left.

use super::{
    drills::{DrillGround, DrillOrder, Elsewhere, carry_out_drill, drill_problem, prepare_drill},
    jobs::{Jobs, blocking, now},
    leftovers::left_problem,
    messages::{Event, ServerId},
    objectives_report::{ReportGround, make_objectives_report},
    reading::HistoryState,
    tables::{TableFacts, tables_of},
    timers::TimerFiles,
};
use crate::{
    domain::{Exposed, History},
    explain::{aside_problem, store_problem},
    formats::fleet,
    run::{
        BackedUpBy, DrillEvent, DrillPlan, DrillResult, DrillTimer, FleetRow, Leftover, LostRows,
        Measured, RehearsalTimes, RunEvent, RunId, leftovers,
    },
    server::{Gateway, Platform, ServerInfo},
    settings::{
        CountedRows, DatabaseKey, DatabaseObjectives, Loaded, Outside, PRACTICE_KEY, Scenario,
    },
    tsql,
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the window asks.
#[derive(Clone, Debug)]
pub enum ObjectivesRequest {
    /// Reads the journals, the edited promises, and what interrupted drills may have left. Answered by `Known`.
    Read,
    /// Counts the tables of a database. Answered by `Tables`.
    ReadTables { server: ServerId, database: String },
    /// Counts the rows of what would be lost. Answered by `Lost`.
    CountLost {
        server: ServerId,
        database: String,
        schema: String,
        counted: CountedRows,
        stretches: Vec<Exposed>,
    },
    /// Runs the own backup of something outside SQL Server.
    BackUpOutside {
        server: ServerId,
        database: String,
        outside: Box<Outside>,
    },
    /// Keeps the promises of one database; `None` gives up its own.
    Save {
        key: DatabaseKey,
        objectives: Option<Vec<Scenario>>,
    },
    /// Runs drills one after the other.
    Drill {
        server: ServerId,
        database: String,
        orders: Vec<DrillOrder>,
        /// Where the copies are made, when that is another server.
        on: Option<ServerId>,
    },
    /// Stops the drill that runs; its copy is dropped, and no further one begins.
    CancelDrills,
    /// Looks what a server has of a leftover. Answered by `Leftover`.
    LookAtLeftover { server: ServerId, drill: RunId },
    /// Drops a leftover that was shown.
    ClearLeftover { server: ServerId, drill: RunId },
    /// Makes the files for the operating system's scheduler, and writes them when told to. Answered by `Timer`.
    Timer {
        server: ServerId,
        database: String,
        timer: DrillTimer,
        write: bool,
    },
    /// Keeps the whole clock of a restore over the original.
    KeepRehearsal {
        server: ServerId,
        database: String,
        run: RunId,
        times: RehearsalTimes,
    },
    /// Reads the databases of all profiles. Answered by `FleetBegan`, `FleetServer`… and `FleetEnded`.
    ReadFleet,
    /// Puts lines of the fleet into a file's form. Answered by `ToSave`.
    ExportFleet { rows: Vec<FleetRow>, how: SaveAs },
    /// Makes the report of a database. Answered by `ToSave`.
    Report {
        server: ServerId,
        database: String,
        how: SaveAs,
    },
}

/// What is told.
#[derive(Clone, Debug)]
pub enum ObjectivesEvent {
    Known {
        measured: Arc<Measured>,
        edited: Arc<Vec<DatabaseObjectives>>,
        leftovers: Arc<Vec<Leftover>>,
    },
    Tables {
        server: ServerId,
        database: String,
        tables: Arc<TableFacts>,
    },
    Lost {
        server: ServerId,
        database: String,
        lost: Arc<LostRows>,
    },
    /// The own backup of this has ended, or did not begin.
    OutsideEnded {
        what: String,
    },
    DrillBegan {
        server: ServerId,
        database: String,
        order: DrillOrder,
        plan: Box<DrillPlan>,
        steps: Vec<String>,
    },
    DrillStep {
        step: usize,
        elapsed_secs: f64,
        percent: Option<f32>,
    },
    DrillMeasured {
        order: DrillOrder,
        result: Box<DrillResult>,
    },
    /// The last drill has ended, or none began.
    DrillsEnded,
    Leftover {
        drill: RunId,
        found: LeftoverFound,
    },
    Timer(TimerFiles),
    /// The rehearsal was kept, or a problem says why not.
    RehearsalEnded,
    FleetBegan {
        servers: usize,
    },
    /// The lines of one server.
    FleetServer {
        server: ServerId,
        rows: Vec<FleetRow>,
    },
    FleetEnded,
    /// A text is ready to be saved under this name, once somebody has said where.
    ToSave {
        file_name: String,
        text: String,
    },
}

/// The form of an exported file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveAs {
    Csv,
    Html,
    Json,
}

/// What a server has of a leftover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftoverFound {
    Gone,
    /// A statement of the drill outlives it; asked again when the journals are read again.
    AtWork,
    /// It is what the drill made: its state and when it was created.
    Ours {
        state: String,
        create_date: String,
    },
    /// Somebody else's database has this name.
    NotOurs,
    Dropped,
}

/// Drills that run in this window.
#[derive(Debug, Default)]
pub(super) struct Drills {
    cancel: Option<CancellationToken>,
}

impl Drills {
    pub(super) fn running(&self) -> bool {
        self.cancel
            .as_ref()
            .is_some_and(|cancel| !cancel.is_cancelled())
    }
}

impl Jobs {
    pub(super) fn objectives(&mut self, request: ObjectivesRequest) {
        match request {
            ObjectivesRequest::Read => self.read_measured(),
            ObjectivesRequest::ReadTables { server, database } => {
                self.read_tables(server, database);
            }
            ObjectivesRequest::CountLost {
                server,
                database,
                schema,
                counted,
                stretches,
            } => self.count_lost(server, database, schema, counted, stretches),
            ObjectivesRequest::BackUpOutside {
                server,
                database,
                outside,
            } => self.back_up_outside(server, database, *outside),
            ObjectivesRequest::Save { key, objectives } => self.save_objectives(key, objectives),
            ObjectivesRequest::Drill {
                server,
                database,
                orders,
                on,
            } => self.drill(server, database, orders, on),
            ObjectivesRequest::CancelDrills => {
                if let Some(cancel) = &self.drills.cancel {
                    cancel.cancel();
                }
            }
            ObjectivesRequest::LookAtLeftover { server, drill } => {
                self.leftover(server, drill, false);
            }
            ObjectivesRequest::ClearLeftover { server, drill } => {
                self.leftover(server, drill, true);
            }
            ObjectivesRequest::Timer {
                server,
                database,
                timer,
                write,
            } => self.drill_timer(server, database, timer, write),
            ObjectivesRequest::KeepRehearsal {
                server,
                database,
                run,
                times,
            } => self.rehearsal(server, database, run, times),
            ObjectivesRequest::ReadFleet => self.read_fleet(),
            ObjectivesRequest::ExportFleet { rows, how } => {
                let (extension, text) = match how {
                    SaveAs::Json | SaveAs::Html => ("json", fleet::to_json(&rows)),
                    SaveAs::Csv => ("csv", fleet::to_csv(&rows)),
                };
                self.tell()(ObjectivesEvent::ToSave {
                    file_name: format!("fleet.{extension}"),
                    text,
                });
            }
            ObjectivesRequest::Report {
                server,
                database,
                how,
            } => self.report_objectives(server, database, how),
        }
    }

    /// What a job beside the loop needs of a connected server.
    pub(super) fn ground(&self, id: ServerId) -> Option<Ground> {
        let server = self.servers.get(&id)?;
        Some(Ground {
            gateway: Arc::clone(&server.gateway),
            info: Arc::new(server.reading.info.clone()),
            history: server.history.as_ref().map(HistoryState::history).cloned(),
        })
    }

    pub(super) fn tell(&self) -> impl Fn(ObjectivesEvent) + Send + Sync + Clone + 'static {
        let events = self.events.clone();
        move |event| events.send(Event::Objectives(event))
    }

    /// Reads everything that the journals tell; files are few and small.
    pub(super) fn read_measured(&self) {
        let Some(workspace) = self.workspace.clone() else {
            return;
        };
        let tell = self.tell();
        let events = self.events.clone();
        // A drill that runs here has not been interrupted.
        let busy = self.drills.running();
        tokio::spawn(async move {
            let read = blocking(move || {
                let folder = workspace.runs_folder();
                let left = if busy { Vec::new() } else { leftovers(&folder) };
                (Measured::read(&folder), left, workspace.load_objectives())
            });
            let Some((measured, left, edited)) = read.await else {
                return;
            };
            let edited = match edited {
                Ok(Loaded { value, aside }) => {
                    if let Some(aside) = aside {
                        events.send(Event::Problem {
                            server: None,
                            problem: aside_problem(&aside),
                        });
                    }
                    value
                }
                Err(error) => {
                    events.send(Event::Problem {
                        server: None,
                        problem: store_problem(&error),
                    });
                    Vec::new()
                }
            };
            tell(ObjectivesEvent::Known {
                measured: Arc::new(measured),
                edited: Arc::new(edited),
                leftovers: Arc::new(left),
            });
        });
    }

    fn read_tables(&self, server: ServerId, database: String) {
        let Some(ground) = self.ground(server) else {
            return;
        };
        let tell = self.tell();
        tokio::spawn(async move {
            match tables_of(ground.gateway.as_ref(), ground.info.platform, &database).await {
                Ok(tables) => tell(ObjectivesEvent::Tables {
                    server,
                    database,
                    tables: Arc::new(tables),
                }),
                // A database that cannot be read, as one that is restored, has no rows to show.
                Err(error) => tracing::debug!(?error, "tables of a database"),
            }
        });
    }

    fn report_objectives(&self, server: ServerId, database: String, how: SaveAs) {
        let (Some(ground), Some(workspace)) = (self.ground(server), self.workspace.clone()) else {
            return self.problem(Some(server), super::jobs::not_connected());
        };
        let Some(history) = ground.history.clone() else {
            return self.problem(
                Some(server),
                super::jobs::yours("The history is being read; try again in a moment".to_owned()),
            );
        };
        let tell = self.tell();
        let applications = Arc::clone(&self.applications);
        let who = self.who(server, &ground.info);
        tokio::spawn(async move {
            let runs_folder = workspace.runs_folder();
            let folder = runs_folder.clone();
            let read = blocking(move || {
                let edited = workspace.load_objectives().map(|loaded| loaded.value);
                // What is wrong with the file is told where objectives are read.
                (Measured::read(&folder), edited.unwrap_or_default())
            });
            let (measured, edited) = read.await.unwrap_or_default();
            let made = make_objectives_report(&ReportGround {
                gateway: ground.gateway.as_ref(),
                info: &ground.info,
                history: &history,
                database: &database,
                applications: &applications,
                edited: &edited,
                key: DatabaseKey {
                    server: match server {
                        ServerId::Practice => PRACTICE_KEY.to_owned(),
                        ServerId::Profile(id) => id.to_string(),
                        ServerId::Folder(id) => format!("folder {id:?}"),
                    },
                    database: database.clone(),
                },
                measured: &measured,
                runs_folder: &runs_folder,
                made_by: who.user.as_deref(),
            })
            .await;
            if let Some(made) = made {
                let name = tsql::file_name(&database);
                let (file_name, text) = match how {
                    SaveAs::Json => (format!("{name} objectives.json"), made.json),
                    SaveAs::Html | SaveAs::Csv => (format!("{name} objectives.html"), made.html),
                };
                tell(ObjectivesEvent::ToSave { file_name, text });
            }
        });
    }

    fn save_objectives(&self, key: DatabaseKey, objectives: Option<Vec<Scenario>>) {
        let Some(workspace) = &self.workspace else {
            return;
        };
        if let Err(error) = workspace.save_objectives(&key, objectives) {
            self.problem(None, store_problem(&error));
        }
        self.read_measured();
    }

    fn drill(
        &mut self,
        server: ServerId,
        database: String,
        orders: Vec<DrillOrder>,
        on: Option<ServerId>,
    ) {
        let tell = self.tell();
        let (Some(ground), Some(workspace)) = (self.ground(server), self.workspace.clone()) else {
            self.problem(Some(server), super::jobs::not_connected());
            return tell(ObjectivesEvent::DrillsEnded);
        };
        let Some(history) = ground.history.clone() else {
            self.problem(
                Some(server),
                super::jobs::yours("The history is being read; try again in a moment".to_owned()),
            );
            return tell(ObjectivesEvent::DrillsEnded);
        };
        let elsewhere = match on.map(|on| self.ground(on)) {
            Some(Some(elsewhere)) => Some(elsewhere),
            Some(None) => {
                self.problem(on, super::jobs::not_connected());
                return tell(ObjectivesEvent::DrillsEnded);
            }
            None => None,
        };
        let cancel = self.stop_token();
        self.drills.cancel = Some(cancel.clone());
        let who = match (&elsewhere, on) {
            (Some(elsewhere), Some(on)) => self.who(on, &elsewhere.info),
            _ => self.who(server, &ground.info),
        };
        let applications = Arc::clone(&self.applications);
        let events = self.events.clone();
        let reports = self.reports();
        let task = async move {
            let folder = workspace.runs_folder();
            for order in orders {
                let measured = {
                    let folder = folder.clone();
                    blocking(move || Measured::read(&folder))
                        .await
                        .unwrap_or_default()
                };
                let target = elsewhere.as_ref().unwrap_or(&ground);
                let runs = measured.runs_of(&target.info.name);
                let drill = DrillGround {
                    gateway: ground.gateway.as_ref(),
                    database: &database,
                    history: &history,
                    info: &ground.info,
                    elsewhere: elsewhere.as_ref().map(|elsewhere| Elsewhere {
                        gateway: elsewhere.gateway.as_ref(),
                        info: &elsewhere.info,
                    }),
                    applications: &applications,
                    runs: &runs,
                    who: who.clone(),
                    now,
                };
                let job = match prepare_drill(&drill, order, &folder).await {
                    Ok(job) => job,
                    Err(refusal) => {
                        events.send(Event::Problem {
                            server: Some(server),
                            problem: drill_problem(&refusal, &database),
                        });
                        continue;
                    }
                };
                let plan = job.plan.clone();
                let forward = |event: DrillEvent| match event {
                    DrillEvent::Restore(RunEvent::Started { steps, .. }) => {
                        tell(ObjectivesEvent::DrillBegan {
                            server,
                            database: database.clone(),
                            order,
                            plan: Box::new(plan.clone()),
                            steps,
                        });
                    }
                    DrillEvent::Restore(RunEvent::StepBegan { step }) => {
                        tell(ObjectivesEvent::DrillStep {
                            step,
                            elapsed_secs: 0.0,
                            percent: None,
                        });
                    }
                    DrillEvent::Restore(RunEvent::Progress(progress)) => {
                        tell(ObjectivesEvent::DrillStep {
                            step: progress.step,
                            elapsed_secs: progress.elapsed_secs,
                            percent: progress.percent,
                        });
                    }
                    DrillEvent::Restore(_) | DrillEvent::CopyDropped => {}
                    DrillEvent::Measured(result) => {
                        tell(ObjectivesEvent::DrillMeasured { order, result });
                    }
                };
                let done = carry_out_drill(
                    job,
                    target.gateway.as_ref(),
                    &folder,
                    &forward,
                    &cancel,
                    now,
                )
                .await;
                match done {
                    Ok(report) => {
                        if let Some(error) = report.left {
                            events.send(Event::Problem {
                                server: Some(server),
                                problem: left_problem(&error),
                            });
                        }
                    }
                    Err(error) => events.send(Event::Problem {
                        server: Some(server),
                        problem: crate::explain::journal_problem(&error),
                    }),
                }
                if cancel.is_cancelled() {
                    break;
                }
            }
            cancel.cancel();
            tell(ObjectivesEvent::DrillsEnded);
            for changed in [Some(server), on].into_iter().flatten() {
                let report = super::jobs::Report::Changed { server: changed };
                reports.send(report).ok();
            }
        };
        self.restores.accompany(tokio::spawn(task));
    }
}

/// Who takes the backups on a platform.
pub fn backed_up_by(platform: Platform) -> BackedUpBy {
    match platform {
        // A managed instance has an msdb, but of copy-only backups alone: what can be restored, Azure restores.
        Platform::AzureSqlDatabase | Platform::ManagedInstance => BackedUpBy::Azure,
        Platform::SqlServer | Platform::AmazonRds => BackedUpBy::Owners,
    }
}

/// What a job needs of a connected server.
pub(super) struct Ground {
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) info: Arc<ServerInfo>,
    /// `None` while it is being read.
    pub(super) history: Option<History>,
}
