//! Restores that the server runs by itself, as a one-time Agent job: closing the laptop changes nothing. stopat watches.
//!
//! Only what begins and ends `RESTORING` goes there: a job's steps have sessions of their own, so the taking of the
//! database and its tail stay with the connection of the run.

use super::{
    RunEvent, RunProgress,
    engine::{Begun, Next, Run, StepResult},
    seconds_between,
};
use crate::{
    run::{
        failure::StepFailure,
        journal::{JournalError, Record},
        report::StepFacts,
        runbook::ServerJob,
    },
    server::{Answer, Connection, ServerError, ask},
    tsql::{self, BatchKind, OnceJob},
};
use std::time::Duration;
use uuid::Uuid;

/// How often the job is asked for.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often a lost connection is opened again before the run stops; the job goes on without it.
const RECONNECTS: usize = 20;

/// How a job stands.
pub(in crate::run) enum ServerJobState {
    /// It runs, or Agent has not begun it yet.
    Runs,
    /// It runs, and goes on without stopat, which is about to end.
    Left,
    /// It is not there: a job of ours removes itself when it succeeded.
    Gone,
    /// It has ended and is still there: what its steps said, in order.
    Failed(Vec<String>),
}

/// Asks how a job stands.
pub(in crate::run) async fn server_job_state(
    connection: &mut dyn Connection,
    job_id: Uuid,
) -> Result<ServerJobState, ServerError> {
    let answer = ask(connection, &tsql::once_job_state(job_id)).await?;
    Ok(state_of_job(&answer))
}

impl Run<'_> {
    /// Makes the job, starts it, and watches it to its end.
    pub(super) async fn on_server(
        &mut self,
        step: usize,
        job: &ServerJob,
    ) -> Result<Next, JournalError> {
        let begun = self.begin(step)?;
        let description = format!("stopat restores {}; run {}", self.target, self.job.run.0);
        let server_name = self.job.facts.server_name.clone();
        let mut batch = tsql::once_job_script(
            &OnceJob {
                name: &job.name,
                description: &description,
                server_name: server_name.as_deref(),
            },
            &job.script,
        );
        batch.kind = BatchKind::Restore;
        let (outcome, messages) = self.send(step, &batch, begun.at).await;
        let job_id = match outcome {
            Ok(answer) => answer.first().and_then(|row| row.guid("job_id")),
            Err(error) => return self.end(begun, StepResult::Failed(error), messages),
        };
        let Some(job_id) = job_id else {
            let error = ServerError::Lost {
                reason: "the server did not say which job it made".to_owned(),
            };
            return self.end(begun, StepResult::Failed(error), messages);
        };
        self.touched = true;
        self.restored = true;
        self.note(Record::ServerJob {
            job_id,
            name: job.name.clone(),
        })?;
        let watched = self.watch_job(&begun, job_id).await;
        let result = match watched {
            Ok(ServerJobState::Gone) => StepResult::Done,
            Ok(ServerJobState::Runs) => StepResult::Failed(ServerError::Cancelled),
            Ok(ServerJobState::Left) => {
                self.left = true;
                StepResult::Refused(StepFailure::LeftToServer {
                    job: job.name.clone(),
                })
            }
            Ok(ServerJobState::Failed(said)) => {
                self.remove_job(job_id).await;
                StepResult::Refused(StepFailure::ServerJob { said })
            }
            Err(error) => StepResult::Failed(error),
        };
        self.end_with(begun, result, messages, StepFacts::default())
    }

    /// Until the job has ended; a cancelled run stops it, a program that ends does not.
    async fn watch_job(
        &mut self,
        begun: &Begun,
        job_id: Uuid,
    ) -> Result<ServerJobState, ServerError> {
        let mut n_lost = 0;
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => {
                    if self.commands.is_leaving() {
                        return Ok(ServerJobState::Left);
                    }
                    self.stop_job(job_id).await;
                    return Ok(ServerJobState::Runs);
                }
                () = tokio::time::sleep(INTERVAL) => {}
            }
            match self.ask_job(begun, job_id).await {
                Ok(ServerJobState::Runs) => n_lost = 0,
                Ok(ended) => return Ok(ended),
                Err(error @ ServerError::Refused { .. }) => return Err(error),
                Err(error) if n_lost >= RECONNECTS => return Err(error),
                Err(_) => {
                    n_lost += 1;
                    // The job goes on meanwhile; a connection that comes back finds it.
                    self.work = self.gateway.connect().await.ok();
                }
            }
        }
    }

    async fn ask_job(
        &mut self,
        begun: &Begun,
        job_id: Uuid,
    ) -> Result<ServerJobState, ServerError> {
        let Some(work) = self.work.as_mut() else {
            return Err(ServerError::Lost {
                reason: "there is no connection".to_owned(),
            });
        };
        let state = server_job_state(work.as_mut(), job_id).await?;
        if matches!(state, ServerJobState::Runs)
            && let Ok(progress) = ask(work.as_mut(), &tsql::once_job_progress(job_id)).await
            && let Some(row) = progress.first()
        {
            (self.tell)(RunEvent::Progress(RunProgress {
                step: begun.step,
                elapsed_secs: seconds_between(begun.at, (self.now)()),
                percent: row.cell("percent_complete").float().map(|p| p as f32),
                remaining_secs: row
                    .int("estimated_completion_time")
                    .filter(|millis| *millis > 0)
                    .map(|millis| millis as f64 / 1e3),
            }));
        }
        Ok(state)
    }

    async fn stop_job(&mut self, job_id: Uuid) {
        if let Some(work) = self.work.as_mut()
            && let Err(error) = ask(work.as_mut(), &tsql::stop_once_job(job_id)).await
        {
            tracing::warn!(?error, "the job goes on");
        }
    }

    async fn remove_job(&mut self, job_id: Uuid) {
        if let Some(work) = self.work.as_mut() {
            let mut batch = tsql::remove_once_job(job_id);
            batch.kind = BatchKind::Restore;
            if let Err(error) = ask(work.as_mut(), &batch).await {
                tracing::warn!(?error, "a job that failed stays on the server");
            }
        }
    }
}

/// The first result says where the job stands, the second what its steps said.
fn state_of_job(answer: &Answer) -> ServerJobState {
    let Some(row) = answer
        .results
        .first()
        .and_then(|result| result.rows.first())
    else {
        return ServerJobState::Gone;
    };
    if row.time("stopped").is_none() {
        return ServerJobState::Runs;
    }
    match row.int("last_run_outcome") {
        // It is about to be removed.
        Some(1) => ServerJobState::Gone,
        _ => ServerJobState::Failed(
            answer
                .results
                .get(1)
                .map(|result| result.rows.as_slice())
                .unwrap_or_default()
                .iter()
                .filter(|row| row.int("run_status") == Some(0))
                .filter_map(|row| row.text("message"))
                .collect(),
        ),
    }
}
