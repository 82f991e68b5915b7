//! Carrying out what is asked of Azure: `az` found once per server, tokens renewed, runs watched.

use super::{
    azure::{AzureEvent, AzureRequest, AzureStepOutcome, AzureTold},
    azure_client::{AzureServer, Client},
    handle::Events,
    jobs::{Jobs, Report, now},
    messages::{Event, ServerId},
    restores::expectations_in,
};
use crate::{
    azure::{self, AzCommand, AzError, Effect, Home},
    explain::{Problem, az_problem, azure_failure, journal_problem},
    run::{
        AzureEnd, AzureFailure, AzureOrder, AzureOutcome, AzureReport, AzureRunEvent,
        AzureSurroundings, AzureUnfinished, Journal, JournalError, RunId, delete_new_database,
        half_swapped_restores, journal_path, run_azure_restore, unfinished_azure_restores,
        watch_azure_again,
    },
    server::Gateway,
    settings::Application,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

/// Between two questions for the state of a database: a restore takes minutes, and each question seconds.
const INTERVAL: Duration = Duration::from_secs(5);
/// Watching that was told to end holds its journal until the call that is under way was ended, and where that was the order
/// until Azure has said whether it took it.
const LETS_GO_WITHIN_TRIES: u32 = 600;
const LETS_GO_AGAIN: Duration = Duration::from_millis(100);

impl Jobs {
    pub(super) fn azure_request(&mut self, request: AzureRequest) {
        match request {
            AzureRequest::Read { server, database } => self.azure_read(server, database),
            AzureRequest::ListDeleted { server } => self.azure_list_deleted(server),
            AzureRequest::StopAsking => {
                self.azure_asking.cancel();
                self.azure_asking = self.stop.child_token();
            }
            AzureRequest::ByHand { server, by_hand } => self.by_hand(server, *by_hand),
            AzureRequest::UseProgram(program) => self.az_program = program,
            AzureRequest::FindServers {
                profile,
                program,
                subscription,
            } => {
                let program = program.or_else(|| self.az_program.clone());
                let events = self.events.clone();
                let cancel = self.azure_asking.clone();
                tokio::spawn(async move {
                    let client = Client::new(program, Effect::Look);
                    let result = find_servers(&client, subscription.as_deref(), &cancel)
                        .await
                        .map_err(|error| az_problem(&error));
                    tell(&events, AzureEvent::Found { profile, result });
                });
            }
            AzureRequest::Restore { server, from, new } => {
                let id = RunId::new(now(), fastrand::u16(..));
                self.azure_run(server, id.clone(), Start::New { id, from, new });
            }
            AzureRequest::StopWatching { run } => self.restores.cancel(&run),
            AzureRequest::DeleteNew { server, run } => self.azure_delete(server, run),
            AzureRequest::Swap { server, run, step } => self.azure_swap(server, run, step),
            AzureRequest::OpenRun { server, run } => self.azure_open(server, &run),
            AzureRequest::ReadTasks { server, database } => self.read_tasks(server, database),
            AzureRequest::SetShortTerm {
                server,
                database,
                policy,
            } => self.azure_set(server, database, move |home, database| {
                azure::set_short_term(home, database, &policy)
            }),
            AzureRequest::SetLongTerm {
                server,
                database,
                policy,
            } => self.azure_set(server, database, move |home, database| {
                azure::set_long_term(home, database, &policy)
            }),
        }
    }

    /// A server was connected: says where it is managed, lists what was deleted, and watches again what an earlier
    /// stopat ordered.
    pub(super) fn azure_connected(&mut self, server: ServerId) {
        let Some(there) = self.servers.get(&server) else {
            return;
        };
        let Some(azure) = there.azure.clone() else {
            return;
        };
        match azure {
            Err(problem) => tell(
                &self.events,
                AzureEvent::Home {
                    server,
                    home: Err(problem),
                },
            ),
            Ok(azure) => {
                tell(
                    &self.events,
                    AzureEvent::Home {
                        server,
                        home: Ok(azure.home.clone()),
                    },
                );
                self.azure_list_deleted(server);
                let Some(workspace) = &self.workspace else {
                    return;
                };
                for unfinished in unfinished_azure_restores(&workspace.runs_folder()) {
                    let same = unfinished.home == azure.home;
                    if same && !self.restores.is_running(&unfinished.id) {
                        let id = unfinished.id.clone();
                        self.azure_run(server, id, Start::Again(unfinished));
                    }
                }
                self.azure_half_swapped(server);
            }
        }
    }

    fn azure_list_deleted(&self, server: ServerId) {
        let Some((azure, _)) = self.azure_of(server) else {
            return;
        };
        let events = self.events.clone();
        let cancel = self.azure_asking.clone();
        tokio::spawn(async move {
            let command = azure::list_deleted(&azure.home);
            let answer = azure.client.ask(&command, &cancel).await;
            match answer.and_then(|json| Ok(azure::parse_deleted(&json)?)) {
                Ok(databases) => tell(&events, AzureEvent::Deleted { server, databases }),
                // A person meets the same failure at the first database, with its words.
                Err(error) => tracing::debug!(?error, "deleted databases"),
            }
        });
    }

    /// A workspace was opened: names the profiles on whose servers Azure may still be at work, or where a swap of names
    /// stopped half way.
    pub(super) fn azure_unfinished(&self) {
        let Some(workspace) = &self.workspace else {
            return;
        };
        let folder = workspace.runs_folder();
        for unfinished in unfinished_azure_restores(&folder) {
            if let Some(server) = self.profile_at(&unfinished.home) {
                let new_database = unfinished.new_database;
                tell(
                    &self.events,
                    AzureEvent::Unfinished {
                        server,
                        new_database,
                    },
                );
            }
        }
        for past in half_swapped_restores(&folder) {
            if let Some(server) = self.profile_at(&past.home) {
                let source = past.record.source_database;
                tell(&self.events, AzureEvent::HalfSwapped { server, source });
            }
        }
    }

    /// The profile of the server at this home.
    fn profile_at(&self, home: &Home) -> Option<ServerId> {
        let profile = self.profiles.iter().find(|profile| {
            profile.azure.as_ref().is_some_and(|place| {
                place.subscription == home.subscription
                    && place.resource_group == home.resource_group
                    && place.server == home.name
            })
        })?;
        Some(ServerId::Profile(profile.id))
    }

    /// The server with its gateway, or an answer to nobody.
    pub(super) fn azure_of(&self, server: ServerId) -> Option<(AzureServer, Arc<dyn Gateway>)> {
        let there = self.servers.get(&server)?;
        match &there.azure {
            Some(Ok(azure)) => Some((azure.clone(), Arc::clone(&there.gateway))),
            Some(Err(problem)) => {
                self.problem(Some(server), problem.clone());
                None
            }
            None => None,
        }
    }

    /// What a connected server calls itself, and who acts on it.
    fn said(&self, server: ServerId) -> Option<(String, crate::run::Who)> {
        let info = &self.servers.get(&server)?.reading.info;
        Some((info.name.clone(), self.who(server, info)))
    }

    fn azure_read(&self, server: ServerId, database: String) {
        let Some((azure, _)) = self.azure_of(server) else {
            return;
        };
        let events = self.events.clone();
        let cancel = self.azure_asking.clone();
        tokio::spawn(async move {
            tell_database(&events, server, &azure, database, &cancel).await;
        });
    }

    fn azure_run(&mut self, server: ServerId, id: RunId, start: Start) {
        let (Some((azure, gateway)), Some(workspace)) = (self.azure_of(server), &self.workspace)
        else {
            return;
        };
        let Some((server_name, who)) = self.said(server) else {
            return;
        };
        let journal = journal_path(workspace.folder(), &id);
        let carried = Carried {
            server,
            azure,
            gateway,
            journal,
            applications: Arc::clone(&self.applications),
            who,
            server_name,
            events: self.events.clone(),
            reports: self.reports.clone(),
        };
        self.restores.start_task(id, move |run, cancel| async move {
            carry_out(carried, run, start, cancel).await;
        });
    }

    pub(super) fn azure_delete(&self, server: ServerId, run: RunId) {
        let (Some((azure, _)), Some(workspace)) = (self.azure_of(server), &self.workspace) else {
            return;
        };
        self.restores.cancel(&run);
        let journal = journal_path(workspace.folder(), &run);
        let events = self.events.clone();
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let result = match delete_when_free(&journal, &azure).await {
                Ok(Ok(name)) => Ok(name),
                Ok(Err(failure)) => Err(azure_failure(&failure)),
                Err(error) => Err(journal_problem(&error)),
            };
            tell(&events, AzureEvent::Deleting { run, result });
            reports.send(Report::Changed { server }).ok();
        });
    }

    fn azure_set(
        &self,
        server: ServerId,
        database: String,
        command: impl FnOnce(&Home, &str) -> AzCommand,
    ) {
        let Some((azure, _)) = self.azure_of(server) else {
            return;
        };
        let command = command(&azure.home, &database);
        let events = self.events.clone();
        let cancel = self.azure_asking.clone();
        tokio::spawn(async move {
            let result = azure
                .client
                .ask(&command, &cancel)
                .await
                .map(|_| ())
                .map_err(|error| az_problem(&error));
            tell(
                &events,
                AzureEvent::RetentionSet {
                    server,
                    database: database.clone(),
                    result,
                },
            );
            tell_database(&events, server, &azure, database, &cancel).await;
        });
    }
}

pub(super) fn tell(events: &Events, event: AzureEvent) {
    events.send(Event::Azure(event));
}

/// Deletes the database that a run made, once the watching has let go of the journal.
async fn delete_when_free(
    journal: &Path,
    azure: &AzureServer,
) -> Result<Result<String, AzureFailure>, JournalError> {
    for _ in 0..LETS_GO_WITHIN_TRIES {
        match delete_new_database(journal, azure.client.as_ref(), now).await {
            Err(JournalError::InUse { .. }) => tokio::time::sleep(LETS_GO_AGAIN).await,
            other => return other,
        }
    }
    delete_new_database(journal, azure.client.as_ref(), now).await
}

async fn find_servers(
    client: &Client,
    subscription: Option<&str>,
    cancel: &CancellationToken,
) -> Result<Vec<azure::LogicalServer>, AzError> {
    let answer = client
        .ask(&azure::list_servers(subscription), cancel)
        .await?;
    let mut servers = azure::parse_servers(&answer)?;
    let answer = client
        .ask(&azure::list_instances(subscription), cancel)
        .await?;
    servers.extend(azure::parse_servers(&answer)?);
    Ok(servers)
}

/// Reads everything about one database, and tells it.
async fn tell_database(
    events: &Events,
    server: ServerId,
    azure: &AzureServer,
    database: String,
    cancel: &CancellationToken,
) {
    let told = read_database(azure, &database, cancel)
        .await
        .map_err(|error| az_problem(&error));
    tell(
        events,
        AzureEvent::Told {
            server,
            database,
            told: Box::new(told),
        },
    );
}

/// Reads everything about one database; what may not be read keeps its reason.
async fn read_database(
    azure: &AzureServer,
    database: &str,
    cancel: &CancellationToken,
) -> Result<AzureTold, AzError> {
    let AzureServer { client, home } = azure;
    let answer = client.ask(&azure::show(home, database), cancel).await?;
    let shown = azure::parse_database(&answer)?;
    let commands = (
        azure::show_short_term(home, database),
        azure::show_long_term(home, database),
        azure::long_term_backups(home, &shown.location, database),
    );
    let (short, long, backups) = tokio::join!(
        client.ask(&commands.0, cancel),
        client.ask(&commands.1, cancel),
        client.ask(&commands.2, cancel),
    );
    fn told<T>(
        answer: Result<String, AzError>,
        read: impl FnOnce(&str) -> Result<T, azure::Unreadable>,
    ) -> Result<T, Problem> {
        answer
            .and_then(|json| Ok(read(&json)?))
            .map_err(|error| az_problem(&error))
    }
    Ok(AzureTold {
        short_term: told(short, azure::parse_short_term),
        long_term: told(long, azure::parse_long_term),
        long_term_backups: told(backups, azure::parse_long_term_backups),
        database: shown,
        read_at: now(),
    })
}

/// What a run begins with.
enum Start {
    New {
        id: RunId,
        from: azure::RestoreFrom,
        new: azure::NewDatabase,
    },
    Again(AzureUnfinished),
}

/// Everything that a run works with.
struct Carried {
    server: ServerId,
    azure: AzureServer,
    gateway: Arc<dyn Gateway>,
    journal: PathBuf,
    applications: Arc<Vec<Application>>,
    who: crate::run::Who,
    server_name: String,
    events: Events,
    reports: UnboundedSender<Report>,
}

async fn carry_out(carried: Carried, run: RunId, start: Start, cancel: CancellationToken) {
    let Carried {
        server,
        azure,
        gateway,
        journal,
        applications,
        who,
        server_name,
        events,
        reports,
    } = carried;
    let (source, new_database, again) = match &start {
        Start::New { from, new, .. } => (from.database().to_owned(), new.name.clone(), false),
        Start::Again(unfinished) => (
            unfinished.source.clone(),
            unfinished.new_database.clone(),
            true,
        ),
    };
    let began = match &start {
        Start::New { .. } => None,
        Start::Again(unfinished) => unfinished.began,
    };
    tell(
        &events,
        AzureEvent::RunBegan {
            server,
            run: run.clone(),
            source: source.clone(),
            new_database,
            again,
            at: began.unwrap_or_else(now),
        },
    );
    let expected = expectations_in(gateway.as_ref(), &applications, &source).await;
    let teller = {
        let (events, run) = (events.clone(), run.clone());
        move |event: AzureRunEvent| tell(&events, run_event(&run, event))
    };
    let around = AzureSurroundings {
        az: azure.client.as_ref(),
        gateway: gateway.as_ref(),
        tell: &teller,
        cancel: &cancel,
        now,
        interval: INTERVAL,
    };
    // Where the journal cannot be kept: once something may be ordered, Azure goes on.
    let mut left = AzureEnd::GoesOn;
    let report: Result<AzureReport, JournalError> = match start {
        Start::New { id, from, new } => match Journal::create(&journal) {
            Ok(journal) => {
                let order = AzureOrder {
                    id,
                    server: server_name,
                    home: azure.home.clone(),
                    from,
                    new,
                    expected,
                    who,
                };
                run_azure_restore(order, journal, around).await
            }
            Err(error) => {
                left = AzureEnd::NotOrdered;
                Err(error)
            }
        },
        Start::Again(unfinished) => watch_azure_again(unfinished, expected, around).await,
    };
    match report {
        Ok(report) => tell(
            &events,
            AzureEvent::RunEnded {
                run: run.clone(),
                end: report.end,
                seconds: report.seconds,
                verification: report.verification,
            },
        ),
        Err(error) => {
            tell(
                &events,
                AzureEvent::RunEnded {
                    run: run.clone(),
                    end: left,
                    seconds: 0.0,
                    verification: None,
                },
            );
            events.send(Event::Problem {
                server: Some(server),
                problem: journal_problem(&error),
            });
        }
    }
    reports.send(Report::RunEnded { server, run }).ok();
}

fn run_event(run: &RunId, event: AzureRunEvent) -> AzureEvent {
    let run = run.clone();
    match event {
        AzureRunEvent::StepBegan { step, line } => AzureEvent::StepBegan { run, step, line },
        AzureRunEvent::Progress {
            status,
            percent,
            trouble,
        } => AzureEvent::Progress {
            run,
            status,
            percent,
            trouble: trouble.map(|error| az_problem(&error)),
        },
        AzureRunEvent::StepEnded { step, report } => AzureEvent::StepEnded {
            run,
            step,
            seconds: report.seconds,
            outcome: match report.outcome {
                AzureOutcome::Done => AzureStepOutcome::Done,
                AzureOutcome::Cancelled => AzureStepOutcome::Cancelled,
                AzureOutcome::Failed(failure) => AzureStepOutcome::Failed(azure_failure(&failure)),
            },
        },
    }
}
