//! `az` for one server: found once, its tokens renewed, and where it manages the databases.

use super::jobs::now;
use crate::{
    azure::{
        self, AccessToken, Az, AzCaller, AzCommand, AzError, AzFuture, Effect, Home, HomeKind,
    },
    explain::{Problem, ProblemKind, az_problem},
    run::{Record, read_journal},
    server::{Platform, ServerError, TokenFuture, TokenSource},
    settings::{AzurePlace, Profile, Reach},
};
use secrecy::SecretString;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// `az` for one profile, found when it is needed first.
#[derive(Debug)]
pub(super) struct Client {
    program: Option<PathBuf>,
    allowed: Effect,
    found: Mutex<Option<Az>>,
}

/// A server whose databases `az` can be asked about.
#[derive(Clone, Debug)]
pub(super) struct AzureServer {
    pub(super) client: Arc<Client>,
    pub(super) home: Home,
}

impl Client {
    pub(super) fn new(program: Option<PathBuf>, allowed: Effect) -> Self {
        Self {
            program,
            allowed,
            found: Mutex::new(None),
        }
    }

    async fn az(&self, cancel: &CancellationToken) -> Result<Az, AzError> {
        let mut found = self.found.lock().await;
        match &*found {
            Some(az) => Ok(az.clone()),
            None => {
                let (az, version) =
                    azure::find(self.program.as_deref(), self.allowed, cancel).await?;
                tracing::info!(%version, "az");
                *found = Some(az.clone());
                Ok(az)
            }
        }
    }

    pub(super) async fn ask(
        &self,
        command: &AzCommand,
        cancel: &CancellationToken,
    ) -> Result<String, AzError> {
        self.az(cancel).await?.run(command, cancel).await
    }
}

impl AzCaller for Client {
    fn call<'a>(&'a self, command: &'a AzCommand, cancel: &'a CancellationToken) -> AzFuture<'a> {
        Box::pin(self.ask(command, cancel))
    }
}

/// Tokens of Microsoft Entra for one profile: kept in memory while they last.
#[derive(Debug)]
pub(super) struct EntraTokens {
    client: Arc<Client>,
    subscription: Option<String>,
    held: Mutex<Option<AccessToken>>,
}

impl EntraTokens {
    pub(super) fn of(profile: &Profile) -> Self {
        let place = profile.azure.clone().unwrap_or_default();
        Self {
            client: Arc::new(Client::new(place.program, Effect::Look)),
            subscription: place.subscription,
            held: Mutex::new(None),
        }
    }

    pub(super) async fn fresh(&self) -> Result<SecretString, AzError> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().filter(|token| token.is_fresh(now())) {
            return Ok(token.token.clone());
        }
        let command = azure::access_token(self.subscription.as_deref());
        let answer = self.client.ask(&command, &CancellationToken::new()).await?;
        let token = azure::parse_access_token(&answer)?;
        let text = token.token.clone();
        *held = Some(token);
        Ok(text)
    }
}

impl TokenSource for EntraTokens {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async {
            self.fresh().await.map_err(|error| {
                let Problem { sentence, hint, .. } = az_problem(&error);
                ServerError::NoToken {
                    reason: sentence,
                    hint,
                }
            })
        })
    }
}

/// The server of a profile as `az` knows it; the words say what is missing.
pub(super) fn azure_server(
    place: Option<&AzurePlace>,
    reach: Reach,
    platform: Platform,
) -> Option<Result<AzureServer, Problem>> {
    let kind = match platform {
        Platform::AzureSqlDatabase => HomeKind::Server,
        Platform::ManagedInstance => HomeKind::ManagedInstance,
        Platform::SqlServer | Platform::AmazonRds => return None,
    };
    let allowed = match reach {
        Reach::Look => Effect::Look,
        Reach::BackUp => Effect::Retain,
        Reach::Restore => Effect::Restore,
    };
    Some(match place.filter(|place| place.is_known()) {
        Some(place) => Ok(AzureServer {
            client: Arc::new(Client::new(place.program.clone(), allowed)),
            home: Home {
                subscription: place.subscription.clone(),
                kind,
                ..Home::server(&place.resource_group, &place.server)
            },
        }),
        None => Err(Problem {
            kind: ProblemKind::Yours,
            sentence: "The profile does not say in which resource group this server is, so nothing can be restored".to_owned(),
            hint: "Edit the server, choose Azure SQL and press Find servers…, or type group and server.".to_owned(),
            details: Vec::new(),
        }),
    })
}

/// Whether Azure made the database of a run: then only Azure deletes it.
pub(super) fn is_of_azure(journal: &Path) -> bool {
    read_journal(journal).is_ok_and(|content| {
        content
            .entries
            .iter()
            .any(|entry| matches!(entry.record, Record::AzureOrder { .. }))
    })
}
