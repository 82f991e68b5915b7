//! Opening a server: the practice server, or one of a profile with its password.

use super::{
    azure_client::EntraTokens,
    jobs::{Jobs, Report, blocking, now, yours},
    messages::{Secret, ServerId, ServerStatus},
    practice::Practice,
};
use crate::{
    explain::{Problem, az_problem},
    server::{Credentials, Endpoint, Gateway, ServerError, ServerReading, SqlServer, read_server},
    settings::{
        AzurePlace, PasswordKept, PasswordStore as _, Profile, Reach, SessionStore, SignIn,
        SystemStore,
    },
};
use secrecy::SecretString;
use std::{path::PathBuf, pin::Pin, sync::Arc};
use tokio::sync::watch;

/// A server that answered.
pub(super) struct Opened {
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) reading: ServerReading,
    pub(super) practice: Option<Practice>,
    /// To be kept in the credential store, now that it is known to be right.
    pub(super) password: Option<SecretString>,
    /// Where its databases are managed, and how far stopat may go there; `None` for the practice server.
    pub(super) place: Option<(Option<AzurePlace>, Reach)>,
}

/// Why a server could not be opened.
pub(super) enum ConnectFailure {
    Server(ServerError),
    PasswordNeeded,
    Other(Problem),
}

impl Jobs {
    /// Opens a server beside the loop, which hears of it when it is open.
    pub(super) fn connect(&mut self, server: ServerId, password: Option<Secret>) {
        self.close(server);
        let epoch = self.next_epoch(server);
        let reports = self.reports.clone();
        let stop = self.stop.clone();
        let (made, mut percent) = watch::channel(0);
        let mut opening: Pin<Box<dyn Future<Output = Result<Opened, ConnectFailure>> + Send>> =
            match server {
                ServerId::Practice => {
                    self.status(server, starting_practice(None));
                    let running = self.practice.take();
                    let world = self.root.practice_world();
                    Box::pin(open_practice(running, world, self.practice_pace, made))
                }
                ServerId::Folder(id) => return self.read_folder(id),
                ServerId::Profile(id) => {
                    let Some(profile) = self.profile_to_open(id) else {
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
                            done: None,
                        },
                    );
                    let session = Arc::clone(&self.session_passwords);
                    Box::pin(open_profile(profile, password, session))
                }
            };
        tokio::spawn(async move {
            let result = loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    result = &mut opening => break result,
                    Ok(()) = percent.changed() => {
                        let percent = *percent.borrow_and_update();
                        reports.send(Report::Making { server, epoch, percent }).ok();
                    }
                }
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
}

/// The practice server while it is started; a new world tells how much of it is made.
pub(super) fn starting_practice(done: Option<f32>) -> ServerStatus {
    ServerStatus::Connecting {
        what: "Starting the practice server".to_owned(),
        done,
    }
}

async fn open_practice(
    running: Option<Practice>,
    world: PathBuf,
    pace: f64,
    made: watch::Sender<u8>,
) -> Result<Opened, ConnectFailure> {
    let practice = match running {
        Some(practice) => practice,
        None => Practice::start_at_pace(world, pace, made)
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
        place: None,
    })
}

async fn read(gateway: &dyn Gateway) -> Result<ServerReading, ConnectFailure> {
    let mut connection = gateway.connect().await.map_err(ConnectFailure::Server)?;
    read_server(connection.as_mut(), now)
        .await
        .map_err(ConnectFailure::Server)
}

pub(super) async fn open_profile(
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
    let mut server = server_of(&profile, password.clone()).ok_or(ConnectFailure::PasswordNeeded)?;
    if profile.sign_in == SignIn::Entra {
        // Asked for here first, so that what keeps `az` from giving a token is told in its own words.
        let tokens = Arc::new(EntraTokens::of(&profile));
        tokens
            .fresh()
            .await
            .map_err(|error| ConnectFailure::Other(az_problem(&error)))?;
        server.credentials = Credentials::Entra(tokens);
    }
    let gateway: Arc<dyn Gateway> = Arc::new(server);
    let reading = read(gateway.as_ref()).await?;
    Ok(Opened {
        gateway,
        reading,
        practice: None,
        password: password.filter(|_| fresh),
        place: Some((profile.azure.clone(), profile.reach)),
    })
}

/// The server of a profile; `None` when its sign-in needs a password and there is none.
pub fn server_of(profile: &Profile, password: Option<SecretString>) -> Option<SqlServer> {
    let credentials = match &profile.sign_in {
        SignIn::SqlLogin { user, .. } => Credentials::SqlLogin {
            user: user.clone(),
            password: password?,
        },
        SignIn::Entra => Credentials::Entra(Arc::new(EntraTokens::of(profile))),
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
        database: profile
            .azure
            .as_ref()
            .and_then(|place| place.database.clone()),
    })
}
