//! What the worker does with each request: one loop owns the state, jobs run beside it and report back to it.

use super::{
    activity::JournalCache,
    azure::AzureEvent,
    azure_client::{AzureServer, azure_server},
    backups::Backups,
    beside::JoinedFiles,
    connect::{ConnectFailure, Opened, starting_practice},
    handle::Events,
    messages::{Event, Request, ServerId, ServerStatus},
    objectives::Drills,
    practice::Practice,
    prepare::Reviewed,
    reading::{HistoryState, Refreshed, refresh},
    restores::Restores,
    signals::told_to_end,
};
use crate::{
    domain::UtcTime,
    explain::{Problem, ProblemKind, server_problem},
    run::{RunId, Who},
    server::{Gateway, ServerError, ServerInfo, ServerReading},
    settings::{
        Application, DataRoot, Operator, PasswordStore as _, Profile, SessionStore, Workspace,
    },
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

/// The own clock.
pub fn now() -> UtcTime {
    UtcTime(chrono::Utc::now())
}

/// What a job reports back to the loop.
pub(super) enum Report {
    Connected {
        server: ServerId,
        epoch: u64,
        result: Box<Result<Opened, ConnectFailure>>,
    },
    /// How much of a new practice world is made.
    Making {
        server: ServerId,
        epoch: u64,
        percent: u8,
    },
    Refreshed {
        server: ServerId,
        epoch: u64,
        result: Box<Result<Refreshed, Problem>>,
    },
    /// What a review was shown, so that a restore runs the very same script.
    Prepared {
        server: ServerId,
        epoch: u64,
        reviewed: Box<Reviewed>,
    },
    RunEnded {
        server: ServerId,
        run: RunId,
    },
    /// Backups have ended: the history has grown.
    BackupsEnded {
        server: ServerId,
        run: RunId,
    },
    /// A copy was dropped: the list has changed.
    Changed {
        server: ServerId,
    },
    /// Files were put beside the history of a server; `number` tells which join it was.
    FilesJoined {
        server: ServerId,
        number: u64,
        joined: Arc<JoinedFiles>,
    },
}

/// One server, as long as it is connected.
pub(super) struct Server {
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) reading: Arc<ServerReading>,
    /// Away while a refresh has it.
    pub(super) history: Option<HistoryState>,
    /// Another refresh was asked for while one ran.
    refresh_again: bool,
    pub(super) preflight: CancellationToken,
    pub(super) reviewed: Option<Box<Reviewed>>,
    /// Where Azure manages its databases, or why `az` is not asked; `None` where there is nothing to ask.
    pub(super) azure: Option<Result<AzureServer, Problem>>,
}

/// Everything that the worker keeps between requests.
pub(super) struct Jobs {
    pub(super) root: DataRoot,
    pub(super) operator: Operator,
    pub(super) workspace: Option<Workspace>,
    pub(super) profiles: Vec<Profile>,
    pub(super) applications: Arc<Vec<Application>>,
    pub(super) journals: JournalCache,
    pub(super) session_passwords: Arc<SessionStore>,
    pub(super) servers: BTreeMap<ServerId, Server>,
    /// Rises with each connect and disconnect, so that what an older one started is dropped when it comes back.
    epochs: BTreeMap<ServerId, u64>,
    pub(super) practice: Option<Practice>,
    pub(super) backups: Backups,
    pub(super) practice_pace: f64,
    pub(super) restores: Restores,
    pub(super) files: super::files::Folders,
    pub(super) drills: Drills,
    /// Ends the reading of the fleet that is under way.
    pub(super) fleet: CancellationToken,
    pub(super) events: Events,
    pub(super) reports: UnboundedSender<Report>,
    pub(super) stop: CancellationToken,
    /// Ends the calls of `az` that only ask.
    pub(super) azure_asking: CancellationToken,
    /// `az` for profiles that name none.
    pub(super) az_program: Option<PathBuf>,
}

impl Jobs {
    pub(super) fn new(
        data_root: PathBuf,
        operator: Operator,
        events: Events,
    ) -> (Self, UnboundedReceiver<Report>) {
        let (reports, inbox) = unbounded_channel();
        let stop = CancellationToken::new();
        let jobs = Self {
            root: DataRoot::at(data_root),
            operator,
            workspace: None,
            profiles: Vec::new(),
            applications: Arc::default(),
            journals: JournalCache::default(),
            session_passwords: Arc::default(),
            servers: BTreeMap::new(),
            epochs: BTreeMap::new(),
            practice: None,
            practice_pace: 0.0,
            restores: Restores::new(stop.clone()),
            backups: Backups::new(stop.clone()),
            files: super::files::Folders::default(),
            drills: Drills::default(),
            fleet: stop.child_token(),
            events,
            reports,
            azure_asking: stop.child_token(),
            az_program: None,
            stop,
        };
        (jobs, inbox)
    }

    /// Serves until `Shutdown` or until nobody can ask any more; then cancels what runs and waits for it.
    pub(super) async fn serve(
        mut self,
        mut requests: UnboundedReceiver<Request>,
        mut reports: UnboundedReceiver<Report>,
    ) {
        let mut told_to_end = std::pin::pin!(told_to_end());
        loop {
            tokio::select! {
                request = requests.recv() => match request {
                    None | Some(Request::Shutdown) => break,
                    Some(request) => self.request(request).await,
                },
                Some(report) = reports.recv() => self.report(report),
                () = &mut told_to_end => break,
            }
        }
        self.restores.leave();
        self.stop.cancel();
        self.restores.finish().await;
        self.backups.finish().await;
        self.servers.clear();
        if let Some(practice) = self.practice.take() {
            practice.stop().await;
        }
        // A window that is there still closes by itself.
        self.events.send(Event::Ended);
    }

    async fn request(&mut self, request: Request) {
        match request {
            Request::PracticePace(pace) => self.practice_pace = pace,
            Request::ResetPractice => self.reset_practice().await,
            Request::OpenWorkspace { name } => {
                self.open_workspace(name).await;
                self.read_measured();
            }
            Request::Connect { server, password } => self.connect(server, password),
            Request::Disconnect { server } => {
                self.disconnect(server);
                self.status(server, ServerStatus::Disconnected);
            }
            Request::TestProfile { profile, password } => self.test(profile, password),
            Request::SaveProfile { profile, password } => {
                self.save_profile(profile, password).await;
            }
            Request::RemoveProfile { id } => self.remove_profile(id).await,
            Request::Activity(request) => self.activity(request),
            Request::Application(request) => self.application(request).await,
            Request::Planning(request) => self.planning(request),
            Request::Schedule(request) => self.schedule(request),
            Request::Objectives(request) => self.objectives(request),
            Request::Refresh { server } => self.refresh(server),
            Request::Timeline { server, database } => self.timeline(server, database),
            Request::Preflight {
                server,
                source,
                plan,
                wishes,
                generation,
                ..
            } => self.preflight((server, source), plan, wishes, generation),
            Request::Restore {
                server,
                source,
                request,
                plan,
                wishes,
            } => self.restore((server, source), request, plan, wishes),
            Request::Run(request) => self.run_request(request),
            Request::CancelRun { run } => self.restores.cancel(&run),
            Request::Backup { server, call } => self.backup(server, call),
            Request::DropCopy { server, run } => self.drop_copy(server, run),
            Request::Files(request) => self.files(request).await,
            Request::Azure(request) => self.azure_request(request),
            Request::Shutdown => {}
        }
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Connected {
                server,
                epoch,
                result,
            } if self.is_current(server, epoch) => self.connected(server, *result),
            Report::Making {
                server,
                epoch,
                percent,
            } if self.is_current(server, epoch) => {
                self.status(server, starting_practice(Some(f32::from(percent) / 100.0)));
            }
            Report::Refreshed {
                server,
                epoch,
                result,
            } if self.is_current(server, epoch) => self.refreshed(server, *result),
            Report::Prepared {
                server,
                epoch,
                reviewed,
            } if self.is_current(server, epoch) => {
                if let Some(server) = self.servers.get_mut(&server) {
                    server.reviewed = Some(reviewed);
                }
            }
            Report::RunEnded { server, run } => {
                self.restores.ended(&run);
                self.read_measured();
                self.refresh(server);
            }
            Report::Changed { server } => {
                self.read_measured();
                self.refresh(server);
            }
            Report::BackupsEnded { server, run } => {
                self.backups.ended(&run);
                self.refresh(server);
            }
            Report::FilesJoined {
                server,
                number,
                joined,
            } => self.files_joined(server, number, joined),
            Report::Connected { .. }
            | Report::Making { .. }
            | Report::Refreshed { .. }
            | Report::Prepared { .. } => {}
        }
    }

    fn is_current(&self, server: ServerId, epoch: u64) -> bool {
        self.epochs.get(&server) == Some(&epoch)
    }

    pub(super) fn next_epoch(&mut self, server: ServerId) -> u64 {
        let epoch = self.epochs.entry(server).or_default();
        *epoch += 1;
        *epoch
    }

    pub(super) fn epoch(&self, server: ServerId) -> u64 {
        self.epochs.get(&server).copied().unwrap_or_default()
    }

    pub(super) fn status(&self, server: ServerId, status: ServerStatus) {
        self.events.send(Event::Server { server, status });
    }

    pub(super) fn problem(&self, server: Option<ServerId>, problem: Problem) {
        self.events.send(Event::Problem { server, problem });
    }

    // Connections.

    fn connected(&mut self, server: ServerId, result: Result<Opened, ConnectFailure>) {
        match result {
            Ok(Opened {
                gateway,
                reading,
                practice,
                password,
                place,
            }) => {
                if practice.is_some() {
                    self.practice = practice;
                }
                if let (ServerId::Profile(id), Some(password)) = (server, password) {
                    self.keep_password(id, password);
                }
                let info = Arc::new(reading.info.clone());
                let history = HistoryState::new(&reading);
                let azure = place.and_then(|(place, reach)| {
                    azure_server(place.as_ref(), reach, reading.info.platform)
                });
                self.servers.insert(
                    server,
                    Server {
                        gateway,
                        reading: Arc::new(reading),
                        history: Some(history),
                        refresh_again: false,
                        preflight: CancellationToken::new(),
                        reviewed: None,
                        azure,
                    },
                );
                self.status(server, ServerStatus::Connected(info));
                if server == ServerId::Practice
                    && let Some(accident) = self.practice.as_ref().and_then(Practice::accident)
                {
                    self.events.send(Event::Accident {
                        server,
                        database: accident.database.clone(),
                        at: accident.at,
                    });
                }
                self.azure_connected(server);
                self.refresh(server);
            }
            Err(ConnectFailure::PasswordNeeded) => {
                self.status(server, ServerStatus::Disconnected);
                self.events.send(Event::PasswordNeeded { server });
            }
            Err(ConnectFailure::Server(error)) => {
                self.show_certificate(server, &error);
                if error.number() == Some(LOGIN_FAILED)
                    && let ServerId::Profile(id) = server
                {
                    // Not again with a password that is known to be wrong.
                    self.session_passwords.forget(id).ok();
                }
                self.status(server, ServerStatus::Failed(server_problem(&error)));
            }
            Err(ConnectFailure::Other(problem)) => {
                self.status(server, ServerStatus::Failed(problem));
            }
        }
    }

    /// A certificate that nobody trusts yet is shown, so that the user can pin it; it is never trusted silently.
    fn show_certificate(&self, server: ServerId, error: &ServerError) {
        if let ServerError::UnknownCertificate {
            fingerprint,
            subject,
            ..
        }
        | ServerError::OtherCertificate {
            fingerprint,
            subject,
            ..
        } = error
        {
            self.events.send(Event::CertificateSeen {
                server,
                fingerprint: fingerprint.clone(),
                subject: subject.clone(),
            });
        }
    }

    pub(super) fn disconnect(&mut self, server: ServerId) {
        self.files.beside.remove(&server);
        self.close(server);
    }

    /// Ends what goes on with a server. Files beside it stay, for when it is connected again.
    pub(super) fn close(&mut self, server: ServerId) {
        self.next_epoch(server);
        self.files.discard(server);
        if let Some(server) = self.servers.remove(&server) {
            server.preflight.cancel();
        }
    }

    // History.

    fn refresh(&mut self, id: ServerId) {
        let epoch = self.epoch(id);
        let Some(server) = self.servers.get_mut(&id) else {
            return;
        };
        let Some(history) = server.history.take() else {
            server.refresh_again = true;
            return;
        };
        let gateway = Arc::clone(&server.gateway);
        let name = server.reading.info.name.clone();
        let reports = self.reports.clone();
        let events = self.events.clone();
        let stop = self.stop.clone();
        let removed = self.removed(name);
        tokio::spawn(async move {
            let history = history.knowing(removed.await);
            let tell = |databases| {
                events.send(Event::Databases {
                    server: id,
                    databases,
                });
            };
            let result = tokio::select! {
                () = stop.cancelled() => return,
                result = refresh(gateway.as_ref(), history, tell) => result,
            };
            reports
                .send(Report::Refreshed {
                    server: id,
                    epoch,
                    result: Box::new(result),
                })
                .ok();
        });
    }

    fn refreshed(&mut self, id: ServerId, result: Result<Refreshed, Problem>) {
        let Some(server) = self.servers.get_mut(&id) else {
            return;
        };
        let again = std::mem::take(&mut server.refresh_again);
        match result {
            Ok(Refreshed {
                state,
                databases,
                unseen,
            }) => {
                if let Some(databases) = unseen {
                    let unseen = AzureEvent::Unseen {
                        server: id,
                        databases,
                    };
                    self.events.send(Event::Azure(unseen));
                }
                self.events.send(Event::Databases {
                    server: id,
                    databases,
                });
                self.events.send(Event::History {
                    server: id,
                    history: state.history().clone(),
                    notes: state.notes(),
                    read_at: now(),
                });
                server.history = Some(state);
                self.join_files(id);
            }
            Err(problem) => {
                // What was read so far went with the job; the next refresh reads everything.
                server.history = Some(HistoryState::new(&server.reading));
                self.problem(Some(id), problem);
            }
        }
        if again {
            self.refresh(id);
        }
    }

    // Restores.

    /// The way to a connected server, and what it said of itself.
    pub(super) fn connected_to(&self, id: ServerId) -> Option<(Arc<dyn Gateway>, ServerInfo)> {
        let server = self.servers.get(&id)?;
        Some((Arc::clone(&server.gateway), server.reading.info.clone()))
    }

    /// Where tasks tell the loop what it has to know.
    pub(super) fn reports(&self) -> UnboundedSender<Report> {
        self.reports.clone()
    }

    /// Where the journals of the open workspace lie.
    pub(super) fn runs_folder(&self) -> Option<PathBuf> {
        self.workspace.as_ref().map(Workspace::runs_folder)
    }

    /// Cancelled when the worker stops.
    pub(super) fn stop_token(&self) -> CancellationToken {
        self.stop.child_token()
    }

    /// Who acts on a server, for journals.
    pub(super) fn who(&self, server: ServerId, info: &ServerInfo) -> Who {
        Who {
            user: self.operator.user.clone(),
            login: Some(info.login.clone()),
            host: self.operator.host.clone(),
            profile: server.key(),
        }
    }
}

/// "Login failed for user."
const LOGIN_FAILED: i64 = 18456;

/// Runs what blocks where it may block; `None` when it panicked, which is logged.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::error!(%error, "a background job failed");
            None
        }
    }
}

pub(super) fn yours(sentence: String) -> Problem {
    Problem {
        kind: ProblemKind::Yours,
        sentence,
        hint: String::new(),
        details: Vec::new(),
    }
}

pub(super) fn history_being_read() -> Problem {
    yours("The history is being read; try again in a moment".to_owned())
}

pub(super) fn not_connected() -> Problem {
    yours("The server is not connected".to_owned())
}
