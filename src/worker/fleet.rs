//! The fleet: the databases of all profiles, read side by side, so that a dead server costs its own line and nothing else.

use super::{
    azure_reading::{automatic_backups, databases as azure_databases},
    connect::{ConnectFailure, open_profile},
    drills::DRILL_DAYS,
    jobs::{Jobs, blocking, now},
    messages::Event,
    objectives::{ObjectivesEvent, backed_up_by},
};
use crate::{
    domain::{History, HistoryRecords, Removed, Status},
    explain::server_problem,
    run::{
        FleetRow, JudgeGround, Measured, RunRecord, judged_scenario, list_runs, removed_on,
        status_of,
    },
    server::{
        Database, Gateway, HistoryReader, HistorySlice, Platform, ServerError, ServerReading,
        read_databases, read_server,
    },
    settings::{Application, DatabaseKey, DatabaseObjectives, PRACTICE_KEY, Scenario, promises_of},
    worker::ServerId,
};
use futures_util::{StreamExt as _, stream};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How many servers are read at once.
const AT_ONCE: usize = 16;
/// How long a server may take to let stopat in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What judging needs besides a server.
struct Judging {
    applications: Arc<Vec<Application>>,
    edited: Vec<DatabaseObjectives>,
    measured: Measured,
    /// What ran in this workspace: retention knows what it deleted.
    runs: Vec<RunRecord>,
}

/// A server to be read.
enum Source {
    Open(Arc<dyn Gateway>),
    Profile(Box<crate::settings::Profile>),
}

impl Jobs {
    /// Reads all servers; each tells its lines as soon as it has them.
    pub(super) fn read_fleet(&mut self) {
        let Some(workspace) = self.workspace.clone() else {
            return;
        };
        let mut sources: Vec<(ServerId, String, String, Source)> = Vec::new();
        if let Some(ground) = self.ground(ServerId::Practice) {
            sources.push((
                ServerId::Practice,
                "Practice server".to_owned(),
                PRACTICE_KEY.to_owned(),
                Source::Open(ground.gateway),
            ));
        }
        for profile in &self.profiles {
            let id = ServerId::Profile(profile.id);
            let source = match self.ground(id) {
                Some(ground) => Source::Open(ground.gateway),
                None => Source::Profile(Box::new(self.with_program(profile.clone()))),
            };
            sources.push((id, profile.name.clone(), profile.id.to_string(), source));
        }
        let events = self.events.clone();
        let session = Arc::clone(&self.session_passwords);
        let applications = Arc::clone(&self.applications);
        self.fleet.cancel();
        self.fleet = self.stop_token();
        let cancel = self.fleet.clone();
        tokio::spawn(async move {
            let read = blocking(move || {
                (
                    workspace.load_objectives().map(|loaded| loaded.value),
                    Measured::read(&workspace.runs_folder()),
                    list_runs(&workspace.runs_folder()),
                )
            });
            let (edited, measured, runs) = read
                .await
                .unwrap_or_else(|| (Ok(Vec::new()), Measured::default(), Vec::new()));
            let judging = Arc::new(Judging {
                applications,
                // What is wrong with the file is told where objectives are read.
                edited: edited.unwrap_or_default(),
                measured,
                runs: runs.into_iter().filter_map(Result::ok).collect(),
            });
            events.send(Event::Objectives(ObjectivesEvent::FleetBegan {
                servers: sources.len(),
            }));
            let reading = stream::iter(sources).for_each_concurrent(
                AT_ONCE,
                |(server, name, key, source)| {
                    let (events, session, judging) =
                        (events.clone(), Arc::clone(&session), Arc::clone(&judging));
                    async move {
                        let rows = match open(source, session).await {
                            Ok((gateway, reading)) => {
                                rows_of(gateway.as_ref(), reading, &name, &key, judging)
                                    .await
                                    .unwrap_or_else(|error| {
                                        vec![FleetRow::failed(
                                            &name,
                                            server_problem(&error).sentence,
                                        )]
                                    })
                            }
                            Err(problem) => vec![FleetRow::failed(&name, problem)],
                        };
                        events.send(Event::Objectives(ObjectivesEvent::FleetServer {
                            server,
                            rows,
                        }));
                    }
                },
            );
            tokio::select! {
                () = cancel.cancelled() => {}
                () = reading => events.send(Event::Objectives(ObjectivesEvent::FleetEnded)),
            }
        });
    }
}

/// Signs in, within the time that a server has for it.
async fn open(
    source: Source,
    session: Arc<crate::settings::SessionStore>,
) -> Result<(Arc<dyn Gateway>, ServerReading), String> {
    let opening = async {
        match source {
            Source::Open(gateway) => {
                let mut connection = gateway
                    .connect()
                    .await
                    .map_err(|error| server_problem(&error).sentence)?;
                let reading = read_server(connection.as_mut(), now)
                    .await
                    .map_err(|error| server_problem(&error).sentence)?;
                Ok((gateway, reading))
            }
            Source::Profile(profile) => match open_profile(*profile, None, session).await {
                Ok(opened) => Ok((opened.gateway, opened.reading)),
                Err(ConnectFailure::PasswordNeeded) => Err(
                    "Its password is not known yet: choose it on the left to sign in".to_owned(),
                ),
                Err(ConnectFailure::Server(error)) => Err(server_problem(&error).sentence),
                Err(ConnectFailure::Other(problem)) => Err(problem.sentence),
            },
        }
    };
    tokio::time::timeout(CONNECT_TIMEOUT, opening)
        .await
        .unwrap_or_else(|_| {
            Err(format!(
                "It did not let stopat in within {} s",
                CONNECT_TIMEOUT.as_secs()
            ))
        })
}

async fn rows_of(
    gateway: &dyn Gateway,
    reading: ServerReading,
    name: &str,
    key: &str,
    judging: Arc<Judging>,
) -> Result<Vec<FleetRow>, ServerError> {
    let removed = removed_on(&judging.runs, &reading.info.name);
    let (databases, slice) = databases_and_backups(gateway, &reading, removed).await?;
    let (name, key) = (name.to_owned(), key.to_owned());
    // Judging many sets takes a while; the runtime's threads have other servers to read.
    let rows = blocking(move || {
        let (history, _) = History::from_records(HistoryRecords {
            server: reading.recorded(),
            backup_sets: slice.backup_sets,
            restore_history: slice.restores,
            marks: slice.marks,
            changes: slice.changes,
        });
        let server_now = now().plus(chrono::TimeDelta::milliseconds(
            reading.info.clock_skew_millis,
        ));
        let backed_up_by = backed_up_by(reading.info.platform);
        databases
            .into_iter()
            .filter(|database| !database.summary(None).is_system)
            .map(|database| {
                let mut row = FleetRow {
                    server: name.clone(),
                    state: Some(database.state.clone()),
                    recovery_model: database.recovery_model.clone(),
                    size_bytes: database.size_bytes,
                    status: Status::Unknown.word(),
                    ..FleetRow::default()
                };
                if let Some(known) = history.database(&database.name) {
                    let objectives: Vec<_> = judging
                        .scenarios(&key, &database.name)
                        .iter()
                        .map(Scenario::objective)
                        .collect();
                    let ground = JudgeGround {
                        history: &known,
                        server_name: &reading.info.name,
                        application: None,
                        objectives: &objectives,
                        measured: &judging.measured,
                        backed_up_by,
                        now: server_now,
                        days: DRILL_DAYS,
                    };
                    let status = judged_scenario(&objectives, backed_up_by)
                        .map_or(Status::Unknown, |judged| status_of(&ground, judged));
                    row.judge(&ground, status);
                }
                row.database = Some(database.name);
                row
            })
            .collect()
    });
    Ok(rows.await.unwrap_or_default())
}

/// From msdb, or where Azure takes the backups from the databases themselves.
async fn databases_and_backups(
    gateway: &dyn Gateway,
    reading: &ServerReading,
    removed: Removed,
) -> Result<(Vec<Database>, HistorySlice), ServerError> {
    if reading.info.platform == Platform::AzureSqlDatabase {
        let databases = azure_databases(gateway).await?;
        let (backup_sets, _unseen) = automatic_backups(gateway, &databases).await;
        let slice = HistorySlice {
            backup_sets,
            ..HistorySlice::default()
        };
        return Ok((databases, slice));
    }
    let mut connection = gateway.connect().await?;
    let databases = read_databases(connection.as_mut()).await?;
    let slice = HistoryReader::new(reading.columns)
        .knowing(Arc::new(removed), reading.info.utc_offset)
        .read(connection.as_mut(), &CancellationToken::new())
        .await?;
    Ok((databases, slice))
}

impl Judging {
    /// What is promised for a database; an application is known by the name of its database alone.
    fn scenarios(&self, key: &str, database: &str) -> &[Scenario] {
        let key = DatabaseKey {
            server: key.to_owned(),
            database: database.to_owned(),
        };
        let application = self
            .applications
            .iter()
            .find(|application| application.lives_in(database, |_, _| false));
        promises_of(&self.edited, application, &key).0
    }
}
