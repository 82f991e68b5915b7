//! Carrying out a script that changes jobs, batch by batch, with a journal.

use crate::{
    domain::{JobDefinition, UtcTime},
    run::{
        Journal, JournalError, Outcome, Record, RunId, RunKind, StepFacts, StepFailure, StepReport,
        Who, journal::iso_time,
    },
    server::{Answer, Gateway, ServerError},
    tsql::{Script, SeenJob, ServerFacts, apply_script, remove_script},
};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// What a change of jobs needs around it.
pub struct Changing<'a> {
    pub gateway: &'a dyn Gateway,
    pub run: RunId,
    /// Where the journal is begun.
    pub journal: PathBuf,
    pub who: Who,
    /// The database of the policy, or the words for all of them.
    pub about: String,
    pub facts: ServerFacts,
    pub now: fn() -> UtcTime,
    pub cancel: CancellationToken,
}

/// What a change did.
#[derive(Clone, Debug)]
pub struct ChangeReport {
    pub run: RunId,
    /// Every batch that was sent, in order; the last one failed unless all are done.
    pub steps: Vec<StepReport>,
    /// Whether every batch did its work.
    pub done: bool,
}

/// Why a change did not even begin, or could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// Makes the jobs of a policy be as they should, and removes those of kinds that it no longer has.
pub async fn apply_schedule(
    definitions: &[JobDefinition],
    overwrite: &[SeenJob],
    unwanted: &[SeenJob],
    changing: Changing<'_>,
) -> Result<ChangeReport, ChangeError> {
    let mut script = apply_script(definitions, overwrite, &changing.facts);
    script
        .batches
        .extend(remove_script(unwanted, &changing.facts).batches);
    carry_out(&script, changing).await
}

/// Removes jobs, with their steps and schedules.
pub async fn remove_schedule(
    jobs: &[SeenJob],
    changing: Changing<'_>,
) -> Result<ChangeReport, ChangeError> {
    let script = remove_script(jobs, &changing.facts);
    carry_out(&script, changing).await
}

async fn carry_out(script: &Script, changing: Changing<'_>) -> Result<ChangeReport, ChangeError> {
    let Changing {
        gateway,
        run,
        journal,
        who,
        about,
        facts,
        now,
        cancel,
    } = changing;
    let at = || iso_time(now());
    let mut journal = Journal::create(&journal)?;
    journal.write(
        at(),
        Record::Begin {
            format: crate::run::FORMAT.to_owned(),
            run: run.0.clone(),
            server: facts.server_name.clone().unwrap_or_default(),
            source_database: about.clone(),
            target_database: about,
            target: String::new(),
            steps: script
                .batches
                .iter()
                .map(|batch| batch.title.clone())
                .collect(),
            run_kind: RunKind::Schedule,
            who,
        },
    )?;
    let mut connection = gateway.connect().await?;
    let mut steps = Vec::new();
    let mut done = true;
    for (step, batch) in script.batches.iter().enumerate() {
        journal.write(at(), Record::step_begin(step, &batch.title, &batch.sql))?;
        let started = now();
        let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
        let result = connection
            .run(batch, &mut Answer::default(), Some(sender), &cancel)
            .await;
        let seconds = now().seconds() - started.seconds();
        let mut messages = Vec::new();
        while let Ok(text) = told.try_recv() {
            messages.push((seconds, text));
        }
        let outcome = match result {
            Ok(()) => Outcome::Done,
            Err(ServerError::Cancelled) => Outcome::Cancelled,
            Err(error) => Outcome::Failed(StepFailure::Server(error)),
        };
        done = outcome == Outcome::Done;
        journal.write(
            at(),
            Record::StepEnd {
                step,
                outcome: outcome.word().to_owned(),
                seconds,
                words: match &outcome {
                    Outcome::Failed(failure) => vec![failure.to_string()],
                    _ => Vec::new(),
                },
                messages: messages.iter().map(|(_, text)| text.clone()).collect(),
                facts: StepFacts::default(),
            },
        )?;
        steps.push(StepReport {
            title: batch.title.clone(),
            sql: batch.sql.clone(),
            started,
            seconds,
            outcome,
            messages,
            facts: StepFacts::default(),
        });
        if !done {
            break;
        }
    }
    journal.write(
        at(),
        Record::End {
            end: if done { "done" } else { "failed" }.to_owned(),
            state: String::new(),
        },
    )?;
    Ok(ChangeReport { run, steps, done })
}
