//! What the worker does with each request: one loop owns the state, jobs run beside it and report back to it.

use super::{
    handle::Events,
    messages::{Event, Request, Secret, ServerId, ServerStatus},
    practice::Practice,
    reading::{HistoryState, Refreshed, refresh},
    restores::{self, Restores},
};
use crate::{
    domain::{RestorePlan, RestoreRequest, UtcTime},
    explain::{
        Problem, ProblemKind, application_problem, aside_problem, credential_problem,
        server_problem, store_problem, workspace_name_fault,
    },
    run::RunId,
    server::{Credentials, Endpoint, Gateway, ServerError, ServerReading, SqlServer, read_server},
    settings::{
        Application, DataRoot, Loaded, PasswordKept, PasswordStore, Profile, SessionStore, SignIn,
        StoreError, SystemStore, Workspace, WorkspaceName, load_applications,
    },
    tsql::ServerFacts,
};
use secrecy::SecretString;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The own clock.
pub(super) fn now() -> UtcTime {
    UtcTime(chrono::Utc::now())
}

/// What a job reports back to the loop.
pub(super) enum Report {
    Connected {
        server: ServerId,
        epoch: u64,
        result: Box<Result<Opened, ConnectFailure>>,
    },
    Refreshed {
        server: ServerId,
        epoch: u64,
        result: Box<Result<Refreshed, Problem>>,
    },
    /// The facts that the script of a preflight was made with, so that a restore runs the very same script.
    Prepared {
        server: ServerId,
        epoch: u64,
        plan: Box<RestorePlan>,
        facts: ServerFacts,
    },
    RunEnded {
        server: ServerId,
        run: RunId,
    },
    /// A copy was dropped: the list has changed.
    Changed {
        server: ServerId,
    },
}

/// A server that answered.
pub(super) struct Opened {
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) reading: ServerReading,
    pub(super) practice: Option<Practice>,
    /// To be kept in the credential store, now that it is known to be right.
    pub(super) password: Option<SecretString>,
}

/// Why a server could not be opened.
pub(super) enum ConnectFailure {
    Server(ServerError),
    PasswordNeeded,
    Other(Problem),
}

/// One server, as long as it is connected.
struct Server {
    gateway: Arc<dyn Gateway>,
    reading: Arc<ServerReading>,
    /// Away while a refresh has it.
    history: Option<HistoryState>,
    /// Another refresh was asked for while one ran.
    refresh_again: bool,
    preflight: CancellationToken,
    prepared: Option<(Box<RestorePlan>, ServerFacts)>,
}

/// Everything that the worker keeps between requests.
pub(super) struct Jobs {
    root: DataRoot,
    workspace: Option<Workspace>,
    profiles: Vec<Profile>,
    applications: Arc<Vec<Application>>,
    session_passwords: Arc<SessionStore>,
    servers: BTreeMap<ServerId, Server>,
    /// Rises with each connect and disconnect, so that what an older one started is dropped when it comes back.
    epochs: BTreeMap<ServerId, u64>,
    practice: Option<Practice>,
    restores: Restores,
    events: Events,
    reports: UnboundedSender<Report>,
    stop: CancellationToken,
}

impl Jobs {
    pub(super) fn new(data_root: PathBuf, events: Events) -> (Self, UnboundedReceiver<Report>) {
        let (reports, inbox) = unbounded_channel();
        let stop = CancellationToken::new();
        let jobs = Self {
            root: DataRoot::at(data_root),
            workspace: None,
            profiles: Vec::new(),
            applications: Arc::default(),
            session_passwords: Arc::default(),
            servers: BTreeMap::new(),
            epochs: BTreeMap::new(),
            practice: None,
            restores: Restores::new(stop.clone()),
            events,
            reports,
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
        loop {
            tokio::select! {
                request = requests.recv() => match request {
                    None | Some(Request::Shutdown) => break,
                    Some(request) => self.request(request).await,
                },
                Some(report) = reports.recv() => self.report(report),
            }
        }
        self.stop.cancel();
        self.restores.finish().await;
        self.servers.clear();
        if let Some(practice) = self.practice.take() {
            practice.stop().await;
        }
    }

    async fn request(&mut self, request: Request) {
        match request {
            Request::OpenWorkspace { name } => self.open_workspace(name).await,
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
            Request::Refresh { server } => self.refresh(server),
            Request::Preflight {
                server,
                request,
                plan,
                generation,
            } => self.preflight(server, &request, plan, generation),
            Request::Restore {
                server,
                request,
                plan,
            } => self.restore(server, request, plan),
            Request::CancelRun { run } => self.restores.cancel(&run),
            Request::DropCopy { server, run } => self.drop_copy(server, run),
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
            Report::Refreshed {
                server,
                epoch,
                result,
            } if self.is_current(server, epoch) => self.refreshed(server, *result),
            Report::Prepared {
                server,
                epoch,
                plan,
                facts,
            } if self.is_current(server, epoch) => {
                if let Some(server) = self.servers.get_mut(&server) {
                    server.prepared = Some((plan, facts));
                }
            }
            Report::RunEnded { server, run } => {
                self.restores.ended(&run);
                self.refresh(server);
            }
            Report::Changed { server } => self.refresh(server),
            Report::Connected { .. } | Report::Refreshed { .. } | Report::Prepared { .. } => {}
        }
    }

    fn is_current(&self, server: ServerId, epoch: u64) -> bool {
        self.epochs.get(&server) == Some(&epoch)
    }

    fn next_epoch(&mut self, server: ServerId) -> u64 {
        let epoch = self.epochs.entry(server).or_default();
        *epoch += 1;
        *epoch
    }

    fn epoch(&self, server: ServerId) -> u64 {
        self.epochs.get(&server).copied().unwrap_or_default()
    }

    fn status(&self, server: ServerId, status: ServerStatus) {
        self.events.send(Event::Server { server, status });
    }

    fn problem(&self, server: Option<ServerId>, problem: Problem) {
        self.events.send(Event::Problem { server, problem });
    }

    // Workspace and profiles.

    async fn open_workspace(&mut self, name: String) {
        let name = match name.parse::<WorkspaceName>() {
            Ok(name) => name,
            Err(error) => {
                return self.problem(None, yours(workspace_name_fault(error)));
            }
        };
        if self
            .workspace
            .as_ref()
            .is_some_and(|open| *open.name() != name)
        {
            // Nothing of one client shows in another.
            let open: Vec<ServerId> = self.servers.keys().copied().collect();
            for server in open {
                self.disconnect(server);
                self.status(server, ServerStatus::Disconnected);
            }
            self.session_passwords = Arc::default();
        }
        let workspace = self.root.workspace(&name);
        self.workspace = Some(workspace.clone());
        let folder = self.root.applications_folder();
        let read = blocking(move || (workspace.load_profiles(), load_applications(&folder))).await;
        let Some((profiles, applications)) = read else {
            return;
        };
        let mut problems: Vec<Problem> = applications
            .errors
            .iter()
            .map(application_problem)
            .collect();
        self.applications = Arc::new(applications.applications);
        self.take_profiles(profiles, &mut problems);
        self.tell_workspace(problems);
    }

    fn take_profiles(
        &mut self,
        read: Result<Loaded<Vec<Profile>>, StoreError>,
        problems: &mut Vec<Problem>,
    ) {
        match read {
            Ok(Loaded { value, aside }) => {
                self.profiles = value;
                problems.extend(aside.iter().map(aside_problem));
            }
            Err(error) => problems.push(store_problem(&error)),
        }
    }

    fn tell_workspace(&self, problems: Vec<Problem>) {
        if let Some(workspace) = &self.workspace {
            self.events.send(Event::Workspace {
                name: workspace.name().to_string(),
                profiles: self.profiles.clone(),
                problems,
            });
        }
    }

    async fn save_profile(&mut self, profile: Profile, password: Option<Secret>) {
        let Some(workspace) = self.workspace.clone() else {
            return self.problem(None, no_workspace());
        };
        let id = profile.id;
        let keeps = matches!(
            profile.sign_in.named(),
            Some((_, PasswordKept::CredentialStore))
        );
        let session = Arc::clone(&self.session_passwords);
        let done = blocking(move || {
            let mut problems = Vec::new();
            if let Some(Secret(password)) = password {
                session.keep(id, &password).ok();
                if keeps && let Err(error) = SystemStore.keep(id, &password) {
                    problems.push(credential_problem(&error));
                }
            }
            if !keeps && let Err(error) = SystemStore.forget(id) {
                // Nothing was kept where there is no store.
                tracing::debug!(?error, "forget password");
            }
            (workspace.save_profile(profile), problems)
        })
        .await;
        if let Some((read, mut problems)) = done {
            self.take_profiles(read, &mut problems);
            self.tell_workspace(problems);
        }
    }

    async fn remove_profile(&mut self, id: Uuid) {
        let Some(workspace) = self.workspace.clone() else {
            return self.problem(None, no_workspace());
        };
        let server = ServerId::Profile(id);
        self.disconnect(server);
        self.status(server, ServerStatus::Disconnected);
        let session = Arc::clone(&self.session_passwords);
        let done = blocking(move || {
            session.forget(id).ok();
            if let Err(error) = SystemStore.forget(id) {
                tracing::debug!(?error, "forget password");
            }
            workspace.remove_profile(id)
        })
        .await;
        if let Some(read) = done {
            let mut problems = Vec::new();
            self.take_profiles(read, &mut problems);
            self.tell_workspace(problems);
        }
    }

    // Connections.

    fn connect(&mut self, server: ServerId, password: Option<Secret>) {
        self.disconnect(server);
        let epoch = self.next_epoch(server);
        let reports = self.reports.clone();
        let stop = self.stop.clone();
        let opening: std::pin::Pin<
            Box<dyn Future<Output = Result<Opened, ConnectFailure>> + Send>,
        > = match server {
            ServerId::Practice => {
                self.status(
                    server,
                    ServerStatus::Connecting {
                        what: "Starting the practice server".to_owned(),
                    },
                );
                let running = self.practice.take();
                let world = self.root.practice_world();
                Box::pin(open_practice(running, world))
            }
            ServerId::Profile(id) => {
                let Some(profile) = self.profiles.iter().find(|p| p.id == id).cloned() else {
                    return self.status(
                        server,
                        ServerStatus::Failed(yours(
                            "The profile is no longer in this workspace".to_owned(),
                        )),
                    );
                };
                self.status(
                    server,
                    ServerStatus::Connecting {
                        what: format!("Connecting to {}", profile.address()),
                    },
                );
                let session = Arc::clone(&self.session_passwords);
                Box::pin(open_profile(profile, password, session))
            }
        };
        tokio::spawn(async move {
            let result = tokio::select! {
                () = stop.cancelled() => return,
                result = opening => result,
            };
            reports
                .send(Report::Connected {
                    server,
                    epoch,
                    result: Box::new(result),
                })
                .ok();
        });
    }

    fn connected(&mut self, server: ServerId, result: Result<Opened, ConnectFailure>) {
        match result {
            Ok(Opened {
                gateway,
                reading,
                practice,
                password,
            }) => {
                if practice.is_some() {
                    self.practice = practice;
                }
                if let (ServerId::Profile(id), Some(password)) = (server, password) {
                    self.keep_password(id, password);
                }
                let info = Arc::new(reading.info.clone());
                let history = HistoryState::new(&reading);
                self.servers.insert(
                    server,
                    Server {
                        gateway,
                        reading: Arc::new(reading),
                        history: Some(history),
                        refresh_again: false,
                        preflight: CancellationToken::new(),
                        prepared: None,
                    },
                );
                self.status(server, ServerStatus::Connected(info));
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

    fn keep_password(&self, id: Uuid, password: SecretString) {
        self.session_passwords.keep(id, &password).ok();
        let keeps = self.profiles.iter().any(|profile| {
            profile.id == id
                && matches!(
                    profile.sign_in.named(),
                    Some((_, PasswordKept::CredentialStore))
                )
        });
        if keeps {
            let events = self.events.clone();
            tokio::task::spawn_blocking(move || {
                if let Err(error) = SystemStore.keep(id, &password) {
                    events.send(Event::Problem {
                        server: Some(ServerId::Profile(id)),
                        problem: credential_problem(&error),
                    });
                }
            });
        }
    }

    fn disconnect(&mut self, server: ServerId) {
        self.next_epoch(server);
        if let Some(server) = self.servers.remove(&server) {
            server.preflight.cancel();
        }
    }

    fn test(&self, profile: Profile, password: Option<Secret>) {
        let events = self.events.clone();
        let session = Arc::clone(&self.session_passwords);
        let id = profile.id;
        tokio::spawn(async move {
            let result = match open_profile(profile, password, session).await {
                Ok(opened) => Ok(opened.reading.info),
                Err(ConnectFailure::Server(error)) => {
                    if let ServerError::UnknownCertificate {
                        fingerprint,
                        subject,
                        ..
                    }
                    | ServerError::OtherCertificate {
                        fingerprint,
                        subject,
                        ..
                    } = &error
                    {
                        events.send(Event::CertificateSeen {
                            server: ServerId::Profile(id),
                            fingerprint: fingerprint.clone(),
                            subject: subject.clone(),
                        });
                    }
                    Err(server_problem(&error))
                }
                Err(ConnectFailure::PasswordNeeded) => {
                    Err(yours("The test needs the password".to_owned()))
                }
                Err(ConnectFailure::Other(problem)) => Err(problem),
            };
            events.send(Event::TestResult {
                profile: id,
                result,
            });
        });
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
        let reports = self.reports.clone();
        let events = self.events.clone();
        let stop = self.stop.clone();
        tokio::spawn(async move {
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
            Ok(Refreshed { state, databases }) => {
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

    fn preflight(
        &mut self,
        id: ServerId,
        _request: &RestoreRequest,
        plan: Box<RestorePlan>,
        generation: u64,
    ) {
        let epoch = self.epoch(id);
        let Some(server) = self.servers.get_mut(&id) else {
            return self.problem(Some(id), not_connected());
        };
        // A newer question replaces the older one.
        server.preflight.cancel();
        server.preflight = self.stop.child_token();
        let cancel = server.preflight.clone();
        let gateway = Arc::clone(&server.gateway);
        let facts = restores::facts_for(&plan, &server.reading.info, now());
        let events = self.events.clone();
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let looking = restores::look(gateway.as_ref(), &plan, &facts);
            let looked = tokio::select! {
                () = cancel.cancelled() => return,
                looked = looking => looked,
            };
            match looked {
                Ok((checks, script)) => {
                    reports
                        .send(Report::Prepared {
                            server: id,
                            epoch,
                            plan,
                            facts,
                        })
                        .ok();
                    events.send(Event::Preflight {
                        server: id,
                        generation,
                        checks,
                        script,
                    });
                }
                Err(error) => events.send(Event::Problem {
                    server: Some(id),
                    problem: server_problem(&error),
                }),
            }
        });
    }

    fn restore(&mut self, id: ServerId, request: RestoreRequest, plan: Box<RestorePlan>) {
        let (Some(server), Some(workspace)) = (self.servers.get(&id), &self.workspace) else {
            return self.problem(Some(id), not_connected());
        };
        let Some(history) = server.history.as_ref().map(HistoryState::history).cloned() else {
            return self.problem(
                Some(id),
                yours("The history is being read; try again in a moment".to_owned()),
            );
        };
        let facts = match &server.prepared {
            Some((prepared, facts)) if *prepared == plan => facts.clone(),
            _ => restores::facts_for(&plan, &server.reading.info, now()),
        };
        self.restores.start(restores::Start {
            server: id,
            gateway: Arc::clone(&server.gateway),
            runs_folder: workspace.runs_folder(),
            applications: Arc::clone(&self.applications),
            request,
            plan: *plan,
            history,
            facts,
            utc_offset_minutes: server.reading.info.utc_offset.minutes(),
            events: self.events.clone(),
            reports: self.reports.clone(),
        });
    }

    fn drop_copy(&self, id: ServerId, run: RunId) {
        let (Some(server), Some(workspace)) = (self.servers.get(&id), &self.workspace) else {
            return self.problem(Some(id), not_connected());
        };
        restores::drop_copy(
            id,
            Arc::clone(&server.gateway),
            workspace.folder(),
            run,
            self.events.clone(),
            self.reports.clone(),
        );
    }
}

/// "Login failed for user."
const LOGIN_FAILED: i64 = 18456;

/// Runs what blocks where it may block; `None` when it panicked, which is logged.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
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

fn no_workspace() -> Problem {
    yours("No workspace is open".to_owned())
}

fn not_connected() -> Problem {
    yours("The server is not connected".to_owned())
}

async fn open_practice(
    running: Option<Practice>,
    world: PathBuf,
) -> Result<Opened, ConnectFailure> {
    let practice = match running {
        Some(practice) => practice,
        None => Practice::start(world)
            .await
            .map_err(ConnectFailure::Other)?,
    };
    let gateway: Arc<dyn Gateway> = Arc::new(practice.gateway());
    let reading = read(gateway.as_ref()).await?;
    Ok(Opened {
        gateway,
        reading,
        practice: Some(practice),
        password: None,
    })
}

async fn read(gateway: &dyn Gateway) -> Result<ServerReading, ConnectFailure> {
    let mut connection = gateway.connect().await.map_err(ConnectFailure::Server)?;
    read_server(connection.as_mut(), now)
        .await
        .map_err(ConnectFailure::Server)
}

async fn open_profile(
    profile: Profile,
    given: Option<Secret>,
    session: Arc<SessionStore>,
) -> Result<Opened, ConnectFailure> {
    let fresh = given.is_some();
    let id = profile.id;
    let kept = profile.sign_in.named().map(|(_, kept)| kept);
    let password = match (given, kept) {
        (Some(Secret(password)), _) => Some(password),
        (None, None) => None,
        (None, Some(kept)) => {
            let loaded = blocking(move || match session.load(id) {
                Ok(None) if kept == PasswordKept::CredentialStore => SystemStore.load(id),
                other => other,
            })
            .await;
            match loaded {
                Some(Ok(password)) => password,
                // Without a store the user is asked, as where nothing was kept.
                Some(Err(error)) => {
                    tracing::debug!(?error, "load password");
                    None
                }
                None => None,
            }
        }
    };
    let server = server_of(&profile, password.clone()).ok_or(ConnectFailure::PasswordNeeded)?;
    let gateway: Arc<dyn Gateway> = Arc::new(server);
    let reading = read(gateway.as_ref()).await?;
    Ok(Opened {
        gateway,
        reading,
        practice: None,
        password: password.filter(|_| fresh),
    })
}

/// The server of a profile; `None` when its sign-in needs a password and there is none.
pub(crate) fn server_of(profile: &Profile, password: Option<SecretString>) -> Option<SqlServer> {
    let credentials = match &profile.sign_in {
        SignIn::SqlLogin { user, .. } => Credentials::SqlLogin {
            user: user.clone(),
            password: password?,
        },
        SignIn::WindowsIntegrated => Credentials::WindowsIntegrated,
        SignIn::WindowsNamed { user, .. } => Credentials::WindowsNamed {
            user: user.clone(),
            password: password?,
        },
    };
    Some(SqlServer {
        endpoint: Endpoint {
            host: profile.host.clone(),
            instance: profile.instance.clone(),
            port: profile.port,
        },
        credentials,
        encryption: profile.encryption.clone(),
        reach: profile.reach,
    })
}
