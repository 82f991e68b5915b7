//! The server that the environment names.

use secrecy::SecretString;
use std::{
    env,
    io::{self, Write as _},
    sync::Once,
};
use stopat::{
    server::{
        Answer, Connection, Credentials, Endpoint, Gateway as _, ServerError, SqlServer, ask,
    },
    settings::{Encryption, Reach},
    tsql::{Batch, BatchKind, Purpose},
};
use tokio::{runtime::Runtime, sync::mpsc::unbounded_channel};
use tokio_util::sync::CancellationToken;

/// A real server, with the names that this run may use on it.
pub struct Live {
    pub server: SqlServer,
    /// A folder that the server can write to, as it sees it.
    pub folder: String,
    runtime: Runtime,
    stamp: String,
}

/// The server, or `None` with a line on standard error.
pub fn live(what: &str) -> Option<Live> {
    let Ok(address) = env::var("STOPAT_TEST_SERVER") else {
        // Past the runner, which keeps to itself what a passing test prints; and once, not for every test.
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            writeln!(
                io::stderr(),
                "skipped: {what} and every other test on a real server (STOPAT_TEST_SERVER names none)"
            )
            .ok();
        });
        return None;
    };
    let wanted = |name: &str| {
        env::var(name).unwrap_or_else(|_| panic!("{name} is needed beside STOPAT_TEST_SERVER"))
    };
    let (host, port) = match address.split_once(',') {
        Some((host, port)) => (host, Some(port.trim().parse().expect("a port is a number"))),
        None => (address.as_str(), None),
    };
    let (host, instance) = match host.split_once('\\') {
        Some((host, instance)) => (host, Some(instance.to_owned())),
        None => (host, None),
    };
    let server = SqlServer {
        endpoint: Endpoint {
            host: host.to_owned(),
            instance,
            port,
        },
        credentials: Credentials::SqlLogin {
            user: wanted("STOPAT_TEST_USER"),
            password: SecretString::from(wanted("STOPAT_TEST_PASSWORD")),
        },
        encryption: env::var("STOPAT_TEST_FINGERPRINT")
            .map_or(Encryption::Trusted, Encryption::Pinned),
        reach: Reach::Restore,
        database: None,
    };
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(trusted(server));
    Some(Live {
        server,
        folder: wanted("STOPAT_TEST_FOLDER")
            .trim_end_matches(['/', '\\'])
            .to_owned(),
        runtime,
        stamp: format!("{:08x}", fastrand::u32(..)),
    })
}

/// Pins the certificate that the server shows when nobody vouches for it. A test may; the program asks.
async fn trusted(server: SqlServer) -> SqlServer {
    match server.connect().await {
        Ok(_) => server,
        Err(ServerError::UnknownCertificate { fingerprint, .. }) => {
            eprintln!("the server's certificate is {fingerprint}");
            SqlServer {
                encryption: Encryption::Pinned(fingerprint),
                ..server
            }
        }
        Err(error) => panic!("{error}: {error:?}"),
    }
}

fn batch(sql: &str) -> Batch {
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::Ask,
        title: "Probe".to_owned(),
        sql: sql.to_owned(),
    }
}

impl Live {
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A name that nobody else has.
    pub fn name(&self, what: &str) -> String {
        format!("stopat_live_{}_{what}", self.stamp)
    }

    pub async fn connect(&self) -> Box<dyn Connection> {
        self.server.connect().await.expect("the server is there")
    }

    /// As another login.
    pub async fn connect_as(&self, user: &str, password: &str) -> Box<dyn Connection> {
        let server = SqlServer {
            credentials: Credentials::SqlLogin {
                user: user.to_owned(),
                password: SecretString::from(password),
            },
            ..self.server.clone()
        };
        server.connect().await.expect("the login exists")
    }

    /// Runs a batch that has to succeed.
    pub async fn run(&self, connection: &mut dyn Connection, sql: &str) -> Answer {
        ask(connection, &batch(sql))
            .await
            .unwrap_or_else(|error| panic!("{error}: {error:?}\n{sql}"))
    }

    /// Runs a batch and returns its error, `None` when it succeeded.
    pub async fn error_of(
        &self,
        connection: &mut dyn Connection,
        sql: &str,
    ) -> Option<ServerError> {
        ask(connection, &batch(sql)).await.err()
    }

    /// Runs a batch that has to succeed, and returns the server's messages.
    pub async fn messages_of(&self, connection: &mut dyn Connection, sql: &str) -> Vec<String> {
        let (sender, mut receiver) = unbounded_channel();
        let mut answer = Answer::default();
        connection
            .run(
                &batch(sql),
                &mut answer,
                Some(sender),
                &CancellationToken::new(),
            )
            .await
            .unwrap_or_else(|error| panic!("{error}: {error:?}\n{sql}"));
        let mut messages = Vec::new();
        while let Ok(message) = receiver.try_recv() {
            messages.push(message);
        }
        messages
    }

    /// Drops every database that this run made.
    pub fn drop_databases(&self) {
        let begin = self.name("");
        self.block_on(async {
            let mut connection = self.connect().await;
            let answer = self
                .run(
                    connection.as_mut(),
                    &format!(
                        "SELECT name, state, source_database_id FROM sys.databases WHERE LEFT(name, {}) = N'{begin}' ORDER BY source_database_id DESC;",
                        begin.len()
                    ),
                )
                .await;
            for row in answer.rows() {
                let Some(name) = row.text("name") else {
                    continue;
                };
                let alone = format!("ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE; ");
                // A snapshot, and a database that is RESTORING, have nobody in them.
                let alone = match (row.int("state"), row.int("source_database_id")) {
                    (Some(0), None) => alone.as_str(),
                    _ => "",
                };
                self.run(connection.as_mut(), &format!("{alone}DROP DATABASE [{name}];"))
                    .await;
            }
        });
    }
}
