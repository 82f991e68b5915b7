//! Practice servers of the editions that a service runs.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use stopat::{
    domain::UtcTime,
    practice::{ClockChoice, PracticeOptions, PracticeServer, WorldFolder, engine::Edition},
    server::{Credentials, Endpoint, SqlServer},
    settings::{Encryption, Reach},
};

/// A server with a day of history.
pub struct Practice {
    pub server: PracticeServer,
    pub runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Practice {
    pub fn start(edition: Edition) -> Self {
        Self::with(edition, ClockChoice::Live, None)
    }

    /// One whose time passes only by `practice_advance`, on a Wednesday morning.
    pub fn standing(edition: Edition) -> Self {
        let now = UtcTime("2026-11-25T09:01:00Z".parse().expect("a time"));
        Self::with(edition, ClockChoice::Frozen, Some(now))
    }

    fn with(edition: Edition, clock: ClockChoice, now: Option<UtcTime>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut options = PracticeOptions::new(WorldFolder::Temporary {
            within: folder.path().to_owned(),
        });
        options.seed = 1;
        options.days = 1;
        options.edition = edition;
        options.clock = clock;
        options.now = now;
        let runtime = stopat::worker::runtime().expect("a runtime");
        let server = runtime
            .block_on(PracticeServer::start(options))
            .unwrap_or_else(|error| panic!("{error:?}"));
        Self {
            server,
            runtime,
            _folder: folder,
        }
    }

    /// As `stopat practice --json` announces it.
    pub fn announced(&self) -> Value {
        let address = self.server.address();
        json!({
            "host": address.ip().to_string(),
            "port": address.port(),
            "user": PracticeServer::USER,
            "password": self.server.password().expose_secret(),
            "fingerprint": self.server.fingerprint(),
        })
    }

    pub fn gateway(&self) -> SqlServer {
        let address = self.server.address();
        SqlServer {
            endpoint: Endpoint {
                host: address.ip().to_string(),
                instance: None,
                port: Some(address.port()),
            },
            credentials: Credentials::SqlLogin {
                user: PracticeServer::USER.to_owned(),
                password: self.server.password().clone(),
            },
            encryption: Encryption::Pinned(self.server.fingerprint().to_owned()),
            reach: Reach::Restore,
            database: None,
        }
    }
}
