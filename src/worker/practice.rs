//! The practice server as a server among others: started when it is chosen, met over TDS like any other.

use crate::{
    domain::{UtcOffset, UtcTime},
    explain::{Problem, ProblemKind, server_problem},
    practice::{PracticeOptions, PracticeServer, WorldFolder},
    server::{Credentials, Endpoint, Gateway as _, ServerError, SqlServer, ask},
    settings::{Encryption, Reach},
    tsql,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tokio::sync::watch;

/// Whether a server is a practice server, by what it says of itself: also one that was started by hand.
pub fn is_practice(info: &crate::server::ServerInfo) -> bool {
    // Every practice server bears this name, and its version says so as well where all of it is read.
    info.name == "PRACTICE" || info.version_text.contains("practice")
}

/// What the world knows of its accident.
#[derive(Clone, Debug, PartialEq)]
pub struct Accident {
    pub database: String,
    /// The second in which it happened.
    pub at: UtcTime,
    /// Rows per table (lower-case name) at the end of the second before.
    pub rows: BTreeMap<String, u64>,
}

/// The practice server while it runs.
pub struct Practice {
    server: PracticeServer,
    accident: Option<Accident>,
}

impl Practice {
    /// Starts it on the world in this folder, which is made when there is none.
    pub async fn start(world: PathBuf) -> Result<Self, Problem> {
        Self::start_with(PracticeOptions::new(WorldFolder::Kept(world))).await
    }

    /// The same, with data that counts as `pace` times its size at 100 MB/s; zero does not wait.
    ///
    /// `made` hears how much of a new world is made, in percent.
    pub async fn start_at_pace(
        world: PathBuf,
        pace: f64,
        made: watch::Sender<u8>,
    ) -> Result<Self, Problem> {
        Self::start_with(PracticeOptions {
            pace,
            made: Some(made),
            ..PracticeOptions::new(WorldFolder::Kept(world))
        })
        .await
    }

    /// Starts it on a world inside this folder that is gone when it stops.
    pub async fn start_temporary(within: PathBuf) -> Result<Self, Problem> {
        Self::start_with(PracticeOptions::new(WorldFolder::Temporary { within })).await
    }

    async fn start_with(options: PracticeOptions) -> Result<Self, Problem> {
        let server = PracticeServer::start(options).await.map_err(|error| {
            let mut details = Vec::new();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                details.push(cause.to_string());
                source = cause.source();
            }
            Problem {
                kind: ProblemKind::Ours,
                sentence: format!("The practice server cannot be started: {error}"),
                hint: String::new(),
                details,
            }
        })?;
        let mut practice = Self {
            server,
            accident: None,
        };
        practice.accident = match read_accident(&practice.gateway()).await {
            Ok(accident) => accident,
            // A server without a world of its own has none.
            Err(ServerError::Refused { .. }) => None,
            Err(error) => return Err(server_problem(&error)),
        };
        Ok(practice)
    }

    /// Its own certificate is pinned: the fingerprint comes from the server itself, not from the wire.
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

    /// What the world wrote down right before its accident.
    pub fn accident(&self) -> Option<&Accident> {
        self.accident.as_ref()
    }

    /// A folder that lives as long as the server.
    pub fn scratch_folder(&self) -> &Path {
        self.server.folder()
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The world keeps its own record of the accident in msdb, apart from the log; it is read like anything else.
async fn read_accident(gateway: &SqlServer) -> Result<Option<Accident>, ServerError> {
    let mut connection = gateway.connect().await?;
    let answer = ask(connection.as_mut(), &tsql::practice_accident()).await?;
    let Some(first) = answer.first() else {
        return Ok(None);
    };
    let offset = first
        .int("utc_offset_minutes")
        .and_then(|minutes| i32::try_from(minutes).ok())
        .and_then(UtcOffset::from_minutes)
        .unwrap_or(UtcOffset::ZERO);
    let (Some(database), Some(at)) = (first.text("database_name"), first.time("accident_time"))
    else {
        return Ok(None);
    };
    Ok(Some(Accident {
        database,
        at: at.to_utc(offset),
        rows: answer
            .rows()
            .iter()
            .filter_map(|row| {
                let rows = u64::try_from(row.int("row_count")?).ok()?;
                Some((row.text("table_name")?.to_lowercase(), rows))
            })
            .collect(),
    }))
}
