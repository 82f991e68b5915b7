//! The server: its folder, its engine, its port on loopback. It stops when it is dropped.

use super::{
    certificate::CertificateError,
    connection::{self, Listening},
    engine::{Clock, ClockMode, Edition, Engine, EngineHandle, EngineOptions, Zone},
    home::{Home, HomeError, Kept, random_letters},
    options::{ClockChoice, PracticeOptions},
    world::{self, Accident, WorldError, WorldOptions},
};
use crate::domain::{UtcOffset, UtcTime};
use chrono::Utc;
use secrecy::SecretString;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// How long running requests may take to notice that the server stops.
const STOPPING_TIME: Duration = Duration::from_millis(1_500);
/// Letters of a password: 100 bits.
const PASSWORD_LETTERS: usize = 20;

/// A running practice server.
pub struct PracticeServer {
    address: SocketAddr,
    password: SecretString,
    fingerprint: String,
    engine: EngineHandle,
    stopping: CancellationToken,
    tasks: Option<JoinHandle<()>>,
    /// Removed last, when it is temporary.
    home: Arc<Home>,
}

/// Why there is no practice server.
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("no random password")]
    Random(#[source] io::Error),
    #[error("cannot listen on port {port} of this machine")]
    Listen {
        port: u16,
        #[source]
        source: io::Error,
    },
    #[error("the engine's thread cannot be started")]
    Thread(#[source] io::Error),
    #[error("the engine stopped while it was being started")]
    Engine,
    #[error("the world cannot be made")]
    World(#[from] WorldError),
}

impl PracticeServer {
    /// Starts a server, and makes or finds its world. Must run on a tokio runtime, whose tasks its sessions are.
    pub async fn start(options: PracticeOptions) -> Result<Self, PracticeError> {
        let home = Arc::new(Home::open(&options.world)?);
        let kept = home.kept()?;
        let found = kept.as_ref().is_some_and(|kept| kept.whole);
        if !found {
            home.clear()?;
        }
        let password = match &kept {
            Some(kept) => kept.password.clone(),
            None => random_letters(PASSWORD_LETTERS).map_err(PracticeError::Random)?,
        };
        // Agent's history is in local time: a world keeps its zone.
        let zone = kept
            .as_ref()
            .and_then(|kept| Zone::parse(&kept.zone))
            .unwrap_or(match options.edition {
                // Azure's clock is UTC, wherever it stands.
                Edition::Azure => Zone::Fixed(UtcOffset::ZERO),
                Edition::Developer | Edition::Express | Edition::ManagedInstance | Edition::Rds => {
                    options.zone
                }
            });
        let listener = listen(options.port.or(kept.as_ref().map(|kept| kept.port))).await?;
        let address = listener
            .local_addr()
            .map_err(|source| PracticeError::Listen {
                port: options.port.unwrap_or(0),
                source,
            })?;
        let certificate = home.certificate()?;

        let stood = kept.as_ref().and_then(|kept| kept.clock_millis);
        let now = options
            .now
            .or_else(|| {
                let stood = stood.filter(|_| options.clock == ClockChoice::Frozen)?;
                chrono::DateTime::from_timestamp_millis(stood).map(UtcTime)
            })
            .unwrap_or(UtcTime(Utc::now()));
        let remembered = Kept {
            format: Kept::FORMAT,
            port: address.port(),
            password: password.clone(),
            seed: kept.as_ref().map_or(options.seed, |kept| kept.seed),
            days: kept.as_ref().map_or(options.days, |kept| kept.days),
            zone: zone_text(zone),
            whole: found,
            clock_millis: stood,
        };
        if home.is_kept() {
            home.keep(&remembered)?;
        }
        let mut engine_options = EngineOptions::new(remembered.seed, home.folder().to_owned());
        engine_options.pace = options.pace;
        engine_options.edition = options.edition;
        engine_options.kept = home.is_kept();
        let server_name = engine_options.server_name.clone();
        let builds = !found && remembered.days > 0;
        let plan = WorldOptions {
            seed: remembered.seed,
            days: remembered.days,
            now,
        };
        let clock = match options.clock {
            // Simulated time begins two weeks ago.
            _ if builds => Clock::frozen(zone, plan.start(zone)),
            ClockChoice::Live => Clock::live(zone, options.now),
            ClockChoice::Frozen => Clock::frozen(zone, now),
        };
        let engine = open_engine(engine_options, clock).await?;
        let stopping = CancellationToken::new();
        if remembered.days > 0 {
            world::open(&engine, &plan, options.made, &stopping).await?;
        }
        if builds && options.clock == ClockChoice::Live {
            go_live(&engine, zone, options.now, &stopping).await?;
        }
        let listening = Listening {
            engine: engine.clone(),
            server_name,
            user: Self::USER.to_owned(),
            password: password.clone().into(),
            acceptor: certificate.acceptor()?,
            stopping: stopping.clone(),
        };
        let remembered = Kept {
            whole: true,
            ..remembered
        };
        if home.is_kept() {
            home.keep(&remembered)?;
        }
        let clock_keeper = ClockKeeper {
            home: home.clone(),
            kept: remembered,
        };
        Ok(Self {
            address,
            password: password.into(),
            fingerprint: certificate.fingerprint()?,
            tasks: Some(tokio::spawn(serve(listener, listening, clock_keeper))),
            engine,
            stopping,
            home,
        })
    }

    /// The only login.
    pub const USER: &'static str = "sa";

    /// On loopback.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn password(&self) -> &SecretString {
        &self.password
    }

    /// SHA-256 of the certificate's DER, in hex.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where the certificate lies as PEM.
    pub fn certificate(&self) -> PathBuf {
        self.home.certificate_path()
    }

    /// The world's folder.
    pub fn folder(&self) -> &Path {
        self.home.folder()
    }

    /// What the world knows of its accident; `None` when it has none.
    pub async fn accident(&self) -> Result<Option<Accident>, PracticeError> {
        self.engine
            .run(world::read_accident)
            .await
            .map_err(|_stopped| PracticeError::Engine)?
            .map_err(|message| PracticeError::World(message.into()))
    }

    /// For tests.
    pub fn engine(&self) -> &EngineHandle {
        &self.engine
    }

    /// Ends all sessions, waits for them a little, and removes a temporary world.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if let Some(tasks) = self.tasks.take()
            && tokio::time::timeout(STOPPING_TIME, tasks).await.is_err()
        {
            tracing::warn!("sessions of the practice server did not end in time");
        }
    }
}

impl Drop for PracticeServer {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn listen(port: Option<u16>) -> Result<TcpListener, PracticeError> {
    let port = port.unwrap_or(0);
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|source| PracticeError::Listen { port, source })
}

/// As [`Zone::parse`] reads it.
fn zone_text(zone: Zone) -> String {
    let name = zone.name();
    match zone {
        Zone::Named(_) => name,
        Zone::Fixed(_) => name.trim_start_matches("UTC").to_owned(),
    }
}

/// Opens the engine on its own thread.
async fn open_engine(options: EngineOptions, clock: Clock) -> Result<EngineHandle, PracticeError> {
    let opened = tokio::task::spawn_blocking(move || Engine::open(options, clock)).await;
    let engine = opened
        .map_err(|_panicked| PracticeError::Engine)?
        .map_err(|message| PracticeError::World(message.into()))?;
    EngineHandle::spawn(engine).map_err(PracticeError::Thread)
}

/// Goes on with the machine's time, after catching up with what passed while the world was made.
async fn go_live(
    engine: &EngineHandle,
    zone: Zone,
    now: Option<UtcTime>,
    stopping: &CancellationToken,
) -> Result<(), PracticeError> {
    if now.is_none() {
        let behind = engine
            .run(|engine| (Utc::now() - engine.clock.now().0).num_seconds())
            .await
            .map_err(|_stopped| PracticeError::Engine)?;
        world::advance(engine, behind.max(0), stopping)
            .await
            .map_err(WorldError::from)?;
    }
    engine
        .run(move |engine| {
            engine.clock = Clock::live(zone, now);
            engine.started = engine.clock.now();
        })
        .await
        .map_err(|_stopped| PracticeError::Engine)
}

/// Writes down where a frozen clock stands, so that a kept world goes on from there.
struct ClockKeeper {
    home: Arc<Home>,
    kept: Kept,
}

impl ClockKeeper {
    async fn run(mut self, engine: EngineHandle, stopping: CancellationToken) {
        const EVERY: Duration = Duration::from_millis(500);
        let stands = |engine: &mut Engine| match engine.clock.mode() {
            ClockMode::Frozen { at } | ClockMode::Simulated { at } => Some(at.0.timestamp_millis()),
            ClockMode::Live { .. } => None,
        };
        while self.home.is_kept() {
            let Ok(Some(millis)) = engine.run(stands).await else {
                return;
            };
            if self.kept.clock_millis != Some(millis) {
                self.kept.clock_millis = Some(millis);
                if let Err(error) = self.home.keep(&self.kept) {
                    tracing::warn!(%error, "keep the clock");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stopping.cancelled() => return,
            }
        }
    }
}

/// Everything that runs until the server stops.
async fn serve(listener: TcpListener, listening: Listening, clock_keeper: ClockKeeper) {
    let (engine, stopping) = (listening.engine.clone(), listening.stopping.clone());
    tokio::join!(
        accept(listener, listening),
        live(engine.clone(), stopping.clone()),
        clock_keeper.run(engine, stopping),
    );
}

/// Lets a live world live.
async fn live(engine: EngineHandle, stopping: CancellationToken) {
    let is_live =
        engine.run(|engine: &mut Engine| matches!(engine.clock.mode(), ClockMode::Live { .. }));
    if is_live.await.unwrap_or(false)
        && let Err(error) = world::live(&engine, &stopping).await
    {
        tracing::warn!(%error, "the practice world stands still");
    }
}

/// Takes clients until the server stops, then waits for their sessions to end.
async fn accept(listener: TcpListener, listening: Listening) {
    let mut sessions = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _from)) => {
                    let listening = listening.clone();
                    sessions.spawn(async move {
                        if let Err(error) = connection::serve(socket, listening).await {
                            tracing::debug!(%error, "a connection of the practice server ended");
                        }
                    });
                }
                Err(error) => {
                    // Out of file handles, mostly; it passes when somebody leaves.
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_ended) = sessions.join_next(), if !sessions.is_empty() => {}
            () = listening.stopping.cancelled() => break,
        }
    }
    drop(listener);
    while sessions.join_next().await.is_some() {}
}
