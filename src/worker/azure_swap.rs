//! The swap of names after a restore by Azure: showing how far it is, also after a start, and carrying out its renames.

use super::{
    azure::{AzureEvent, AzureShown, AzureStepOutcome},
    azure_client::AzureServer,
    azure_jobs::tell,
    handle::Events,
    jobs::{Jobs, Report, blocking, now},
    messages::{Event, ServerId},
};
use crate::{
    azure,
    explain::{Problem, ProblemKind, az_problem, azure_failure, journal_problem},
    run::{
        AZURE_STEPS, AzureEnd, AzurePast, JournalError, RecordedEnd, RunId, SwapFound, SwapStep,
        SwapSurroundings, half_swapped_restores, journal_path, read_azure_restore, run_swap_step,
        settle_swap,
    },
};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// When a restore of the past is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Show {
    Always,
    /// Only when no database has the name of the original.
    HalfSwapped,
}

impl Jobs {
    /// A server was connected: shows the restore whose swap of names stopped half way.
    pub(super) fn azure_half_swapped(&self, server: ServerId) {
        let (Some((azure, _)), Some(workspace)) = (self.azure_of(server), &self.workspace) else {
            return;
        };
        let half = half_swapped_restores(&workspace.runs_folder());
        for past in half.into_iter().filter(|past| past.home == azure.home) {
            let file = past.record.path;
            self.azure_show(server, azure.clone(), file, Show::HalfSwapped);
        }
    }

    /// Shows a restore that ended, with how far its swap is.
    pub(super) fn azure_open(&self, server: ServerId, run: &RunId) {
        let (Some((azure, _)), Some(workspace)) = (self.azure_of(server), &self.workspace) else {
            return;
        };
        let file = journal_path(workspace.folder(), run);
        self.azure_show(server, azure, file, Show::Always);
    }

    fn azure_show(&self, server: ServerId, azure: AzureServer, file: PathBuf, when: Show) {
        let events = self.events.clone();
        let cancel = self.azure_asking.clone();
        tokio::spawn(async move {
            match shown(server, &azure, file, when, &cancel).await {
                Ok(Some(shown)) => tell(&events, AzureEvent::RunShown(Box::new(shown))),
                Ok(None) => {}
                Err(problem) => events.send(Event::Problem {
                    server: Some(server),
                    problem,
                }),
            }
        });
    }

    pub(super) fn azure_swap(&self, server: ServerId, run: RunId, step: SwapStep) {
        let (Some((azure, gateway)), Some(workspace)) = (self.azure_of(server), &self.workspace)
        else {
            return;
        };
        let journal = journal_path(workspace.folder(), &run);
        let events: Events = self.events.clone();
        let reports = self.reports.clone();
        let cancel = self.azure_asking.clone();
        tokio::spawn(async move {
            let around = SwapSurroundings {
                az: azure.client.as_ref(),
                gateway: gateway.as_ref(),
                cancel: &cancel,
                now,
            };
            let result = match run_swap_step(&journal, step, around).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(failure)) => Err(azure_failure(&failure)),
                Err(error) => Err(journal_problem(&error)),
            };
            tell(
                &events,
                AzureEvent::Swapped {
                    server,
                    run,
                    result,
                },
            );
            reports.send(Report::Changed { server }).ok();
        });
    }
}

/// What a journal and Azure tell of a restore; `None` where there is nothing to show.
async fn shown(
    server: ServerId,
    azure: &AzureServer,
    file: PathBuf,
    when: Show,
    cancel: &CancellationToken,
) -> Result<Option<AzureShown>, Problem> {
    let broken = |error: JournalError| journal_problem(&error);
    let read = blocking(move || read_azure_restore(&file)).await;
    let Some(past) = read.transpose().map_err(broken)?.flatten() else {
        return Ok(None);
    };
    let Some(end) = past.end() else {
        return Ok(None);
    };
    let answer = azure
        .client
        .ask(&azure::list(&past.home), cancel)
        .await
        .and_then(|json| Ok(azure::parse_databases(&json)?))
        .map_err(|error| az_problem(&error))?;
    let found = past.found(&answer);
    if when == Show::HalfSwapped && found != SwapFound::SetAside {
        return Ok(None);
    }
    settle_swap(&past, found, now).map_err(broken)?;
    Ok(Some(as_shown(server, past, end, found)))
}

fn as_shown(server: ServerId, past: AzurePast, end: AzureEnd, swap: SwapFound) -> AzureShown {
    let record = past.record;
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    let began = time(&record.began_at).map(|at| crate::domain::UtcTime(at.to_utc()));
    let ended = record.ended_at.as_deref().and_then(time);
    let seconds = match (began, ended) {
        (Some(began), Some(ended)) => {
            crate::domain::UtcTime(ended.to_utc()).seconds() - began.seconds()
        }
        _ => 0.0,
    };
    // What follows the steps that its beginning names is renames.
    let steps = (0..AZURE_STEPS.len().min(record.titles.len()))
        .map(|place| {
            let step = record.steps.iter().rev().find(|step| step.step == place);
            step.map_or_else(
                || (String::new(), None),
                |step| (step.sql.clone(), step.end.as_ref().map(outcome)),
            )
        })
        .collect();
    AzureShown {
        server,
        run: record.id,
        source: record.source_database,
        new_database: record.target_database,
        at: began.unwrap_or_else(now),
        steps,
        end,
        seconds,
        verification: record.verification.as_deref().map(Into::into),
        swap,
    }
}

/// How a step ended, as its journal has it.
fn outcome(end: &RecordedEnd) -> (f64, AzureStepOutcome) {
    let outcome = match end.outcome.as_str() {
        "done" => AzureStepOutcome::Done,
        "cancelled" => AzureStepOutcome::Cancelled,
        _ => {
            let mut words = end.words.iter().cloned();
            AzureStepOutcome::Failed(Problem {
                kind: ProblemKind::Server,
                sentence: words.next().unwrap_or_default(),
                hint: String::new(),
                details: words.collect(),
            })
        }
    };
    (end.seconds, outcome)
}
