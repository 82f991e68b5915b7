//! Where a server is, how to sign in there, and how its connections are opened.

use super::{
    connection::Connection,
    error::ServerError,
    instances,
    tds::TdsConnection,
    tls::{self, SeenCertificate, TlsFailure},
};
use crate::{
    settings::{Encryption, Reach},
    tsql::BatchKind,
};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpStream;

/// SQL Server's own port, for a default instance.
const DEFAULT_PORT: u16 = 1433;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// From the open socket to a session: encryption, sign-in, and the first answer.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(30);
/// A restore may be silent for hours, and what lies between forgets connections that are: so the system asks this often.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub host: String,
    /// Its port is asked from the SQL Server Browser unless `port` is given.
    pub instance: Option<String>,
    pub port: Option<u16>,
}

/// Who signs in.
#[derive(Clone, Debug)]
pub enum Credentials {
    SqlLogin {
        user: String,
        password: SecretString,
    },
    /// With a token of Microsoft Entra, asked for anew whenever the one before has run out.
    Entra(Arc<dyn TokenSource>),
    /// As the user who runs stopat; possible on Windows alone.
    WindowsIntegrated,
    /// As a named Windows account; possible on Windows alone.
    WindowsNamed {
        user: String,
        password: SecretString,
    },
}

/// What `TokenSource::token` returns.
pub type TokenFuture<'a> = BoxFuture<'a, Result<SecretString, ServerError>>;

/// Where tokens come from.
pub trait TokenSource: Send + Sync + std::fmt::Debug {
    /// A token that will do for a connection that is opened now.
    fn token(&self) -> TokenFuture<'_>;
}

/// What `Gateway::connect` returns.
pub type ConnectFuture<'a> = BoxFuture<'a, Result<Box<dyn Connection>, ServerError>>;

/// Opens connections to one server: one for work, others for watching it.
pub trait Gateway: Send + Sync {
    fn connect(&self) -> ConnectFuture<'_>;

    /// A connection that begins in this database, which matters where no other can be reached from it: on Azure SQL Database.
    ///
    /// Where one connection reaches all databases there is nothing to do.
    fn connect_to<'a>(&'a self, _database: &'a str) -> ConnectFuture<'a> {
        self.connect()
    }
}

/// A SQL Server, over TDS.
#[derive(Clone, Debug)]
pub struct SqlServer {
    pub endpoint: Endpoint,
    pub credentials: Credentials,
    pub encryption: Encryption,
    /// How far batches may go on its connections.
    pub reach: Reach,
    /// Where connections begin; `None` is master.
    pub database: Option<String>,
}

impl Gateway for SqlServer {
    fn connect(&self) -> ConnectFuture<'_> {
        Box::pin(async move {
            let endpoint = &self.endpoint;
            let port = match (&endpoint.instance, endpoint.port) {
                (_, Some(port)) => port,
                (Some(instance), None) => instances::port_of(&endpoint.host, instance).await?,
                (None, None) => DEFAULT_PORT,
            };
            let connection = match self.connect_to(&endpoint.host, port).await {
                Err(ConnectError::Routed { host, port }) => self.connect_to(&host, port).await,
                other => other,
            };
            match connection {
                Ok(connection) => Ok(Box::new(connection) as Box<dyn Connection>),
                Err(ConnectError::Failed(error)) => Err(error),
                Err(ConnectError::Routed { host, port }) => Err(ServerError::Unreachable {
                    address: format!("{host},{port}"),
                    reason: "the server sends its clients round in a circle".to_owned(),
                }),
            }
        })
    }

    fn connect_to<'a>(&'a self, database: &'a str) -> ConnectFuture<'a> {
        Box::pin(async move {
            let there = Self {
                database: Some(database.to_owned()),
                ..self.clone()
            };
            there.connect().await
        })
    }
}

/// Why one attempt failed.
pub(super) enum ConnectError {
    Failed(ServerError),
    /// The server said where to go instead.
    Routed {
        host: String,
        port: u16,
    },
}

impl From<ServerError> for ConnectError {
    fn from(error: ServerError) -> Self {
        Self::Failed(error)
    }
}

impl SqlServer {
    async fn connect_to(&self, host: &str, port: u16) -> Result<TdsConnection, ConnectError> {
        let address = format!("{host},{port}");
        let authentication = self.authentication().await?;
        let tcp = open(host, port).await?;
        let signing_in = self.sign_in(tcp, host, port, &address, authentication);
        answered_within(SIGN_IN_TIMEOUT, &address, signing_in).await
    }

    /// From the open socket to a session that answers.
    async fn sign_in(
        &self,
        tcp: TcpStream,
        host: &str,
        port: u16,
        address: &str,
        authentication: tiberius::AuthMethod,
    ) -> Result<TdsConnection, ConnectError> {
        let allowed = allowed_kind(self.reach);
        let database = self.database.as_deref().unwrap_or("master");
        match &self.encryption {
            Encryption::Pinned(fingerprint) => {
                let stream =
                    tls::connect_pinned(tcp, host, fingerprint)
                        .await
                        .map_err(|failure| match failure {
                            TlsFailure::Certificate(SeenCertificate {
                                fingerprint: seen,
                                subject,
                            }) => ServerError::OtherCertificate {
                                address: address.to_owned(),
                                pinned: fingerprint.clone(),
                                fingerprint: seen,
                                subject,
                            },
                            TlsFailure::Other(reason) => ServerError::Tls {
                                address: address.to_owned(),
                                reason,
                            },
                        })?;
                let encryption = tiberius::EncryptionLevel::NotSupported;
                TdsConnection::sign_in(Box::new(stream), address, allowed, |config| {
                    config.encryption(encryption);
                    configure(config, host, port, database, authentication)
                })
                .await
            }
            Encryption::Trusted | Encryption::Authority(_) => {
                let outcome = TdsConnection::sign_in(Box::new(tcp), address, allowed, |config| {
                    config.encryption(tiberius::EncryptionLevel::Required);
                    if let Encryption::Authority(path) = &self.encryption {
                        config.trust_cert_ca(path.display());
                    }
                    configure(config, host, port, database, authentication)
                })
                .await;
                match outcome {
                    // Nobody vouches for the certificate: show it, so that the user can pin it.
                    Err(ConnectError::Failed(ServerError::Tls { reason, .. })) => {
                        let tcp = open(host, port).await?;
                        Err(tls::look_at_certificate(tcp, address, host, reason)
                            .await
                            .into())
                    }
                    other => other,
                }
            }
        }
    }

    async fn authentication(&self) -> Result<tiberius::AuthMethod, ServerError> {
        use secrecy::ExposeSecret as _;
        match &self.credentials {
            Credentials::SqlLogin { user, password } => Ok(tiberius::AuthMethod::sql_server(
                user,
                password.expose_secret(),
            )),
            Credentials::Entra(source) => {
                let token = source.token().await?;
                Ok(tiberius::AuthMethod::aad_token(token.expose_secret()))
            }
            #[cfg(windows)]
            Credentials::WindowsIntegrated => Ok(tiberius::AuthMethod::Integrated),
            #[cfg(windows)]
            Credentials::WindowsNamed { user, password } => Ok(tiberius::AuthMethod::windows(
                user,
                password.expose_secret(),
            )),
            #[cfg(not(windows))]
            Credentials::WindowsIntegrated | Credentials::WindowsNamed { .. } => {
                Err(ServerError::SignIn {
                    reason: "Windows sign-in works on Windows alone".to_owned(),
                })
            }
        }
    }
}

fn configure(
    config: &mut tiberius::Config,
    host: &str,
    port: u16,
    database: &str,
    authentication: tiberius::AuthMethod,
) {
    config.host(host);
    config.port(port);
    config.database(database);
    config.application_name(concat!("stopat ", env!("CARGO_PKG_VERSION")));
    config.handshake_timeout(Some(CONNECT_TIMEOUT));
    // A restore may be silent for hours; who runs something decides when to give up.
    config.command_timeout(None);
    config.lossy_utf16_decoding(true);
    config.authentication(authentication);
}

/// What took the connection and then says nothing is another service, or a server that hangs.
async fn answered_within<T>(
    limit: Duration,
    address: &str,
    signing_in: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    match tokio::time::timeout(limit, signing_in).await {
        Ok(signed_in) => signed_in,
        Err(_) => Err(ServerError::Unreachable {
            address: address.to_owned(),
            reason: format!("no answer within {} seconds", limit.as_secs()),
        }
        .into()),
    }
}

/// The most that a profile allows on its server.
fn allowed_kind(reach: Reach) -> BatchKind {
    match reach {
        Reach::Look => BatchKind::Look,
        Reach::BackUp => BatchKind::BackUp,
        Reach::Restore => BatchKind::Restore,
    }
}

fn keep_alive(tcp: &TcpStream) -> std::io::Result<()> {
    let every = socket2::TcpKeepalive::new()
        .with_time(KEEP_ALIVE)
        .with_interval(KEEP_ALIVE);
    socket2::SockRef::from(tcp).set_tcp_keepalive(&every)
}

async fn open(host: &str, port: u16) -> Result<TcpStream, ServerError> {
    let address = format!("{host},{port}");
    let addresses: Vec<_> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| ServerError::UnknownHost {
            host: host.to_owned(),
            reason: error.to_string(),
        })?
        .collect();
    let mut reason = "the name has no address".to_owned();
    for to in addresses {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(to)).await {
            Ok(Ok(tcp)) => {
                keep_alive(&tcp)
                    .and_then(|()| tcp.set_nodelay(true))
                    .map_err(|error| ServerError::Unreachable {
                        address: address.clone(),
                        reason: error.to_string(),
                    })?;
                return Ok(tcp);
            }
            Ok(Err(error)) => reason = error.to_string(),
            Err(_) => {
                reason = format!("no answer within {} seconds", CONNECT_TIMEOUT.as_secs());
            }
        }
    }
    Err(ServerError::Unreachable { address, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    /// Something listens, takes what it is sent, and says nothing.
    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let port = silent.local_addr().expect("bound").port();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = silent.accept().await.expect("somebody comes");
            let mut bytes = [0; 64];
            let n = stream.read(&mut bytes).await.expect("it is sent something");
            std::future::pending::<()>().await;
            n
        });
        let tcp = open("127.0.0.1", port).await.expect("it takes connections");
        let signing_in = async {
            tls::connect_pinned(tcp, "127.0.0.1", "00")
                .await
                .map_err(|_failure| ConnectError::from(ServerError::Cancelled))
        };
        let address = format!("127.0.0.1,{port}");
        let ended = answered_within(Duration::from_millis(200), &address, signing_in).await;
        assert!(matches!(
            ended,
            Err(ConnectError::Failed(ServerError::Unreachable { .. }))
        ));
        heard.abort();
    }
}
