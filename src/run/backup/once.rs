//! Backups as a one-time job of SQL Server Agent: started here, run there, looked at for as long as somebody looks.

use super::{
    facts::ask_if_allowed,
    report::{BackupFault, BackupOutcome, BackupStepReport, WrittenBackup},
};
use crate::{
    domain::{BackupPlan, ServerTime, UtcTime},
    run::{
        journal::{FORMAT, Journal, JournalError, Record, iso_time},
        report::{RunId, RunKind, StepFacts, Who},
    },
    server::{Connection, ServerError, ask},
    tsql::{self, BackupFacts, OnceJob, Script},
};
use uuid::Uuid;

/// A job that runs on the server.
#[derive(Clone, Debug, PartialEq)]
pub struct OnceRun {
    pub run: RunId,
    /// As it stands in Agent.
    pub job_name: String,
    pub job_id: Uuid,
    pub plan: BackupPlan,
    /// The newest row of the history before it started; `None` when the login may not read msdb.
    pub newest: Option<i64>,
    /// On the own clock.
    pub started: UtcTime,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq)]
pub enum OnceState {
    /// It runs, or Agent has not begun it yet.
    Running {
        /// The batch that runs, and how far it is.
        percent: Option<f32>,
        remaining_secs: Option<f64>,
        /// How many of its steps have ended.
        n_ended: usize,
    },
    /// It has ended: a report for each step of the plan. A job that succeeded is gone by then.
    Ended {
        steps: Vec<BackupStepReport>,
        /// It stays on the server, with its messages.
        job_remains: bool,
    },
}

/// Why no job was started.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// What Agent runs and what it is for.
pub struct OncePlan<'a> {
    pub run: RunId,
    pub who: Who,
    pub plan: &'a BackupPlan,
    pub facts: &'a BackupFacts,
}

/// Makes the job and starts it. The journal is closed at once: what comes after happens on the server.
pub async fn start_once(
    connection: &mut dyn Connection,
    once: OncePlan<'_>,
    mut journal: Journal,
    now: fn() -> UtcTime,
) -> Result<OnceRun, OnceError> {
    let OncePlan {
        run,
        who,
        plan,
        facts,
    } = once;
    let script = tsql::backup_script(plan, facts);
    let job_name = tsql::once_job_name(&run.0);
    let description = describe(&who);
    let batch = tsql::once_job_script(
        &OnceJob {
            name: &job_name,
            description: &description,
            server_name: facts.server_name.as_deref(),
        },
        &script,
    );
    let at = || iso_time(now());
    let started = now();
    journal.write(
        at(),
        Record::Begin {
            format: FORMAT.to_owned(),
            run: run.0.clone(),
            server: facts.server_name.clone().unwrap_or_default(),
            source_database: super::databases_of(plan),
            target_database: String::new(),
            target: String::new(),
            steps: vec![batch.title.clone()],
            run_kind: RunKind::Backup,
            who,
        },
    )?;
    let newest = ask_if_allowed(connection, &tsql::newest_backup_set())
        .await?
        .map(|answer| {
            answer
                .first()
                .and_then(|row| row.int("newest"))
                .unwrap_or_default()
        });
    journal.write(at(), Record::step_begin(0, &batch.title, &batch.sql))?;
    let asked = ask(connection, &batch).await;
    let job_id = match asked {
        Ok(answer) => answer.first().and_then(|row| row.guid("job_id")),
        Err(error) => {
            end(
                &mut journal,
                at(),
                &BackupFault::Server(error.clone()),
                at(),
            )?;
            return Err(error.into());
        }
    };
    let Some(job_id) = job_id else {
        let error = ServerError::Lost {
            reason: "the server made a job and did not say which".to_owned(),
        };
        end(
            &mut journal,
            at(),
            &BackupFault::Server(error.clone()),
            at(),
        )?;
        return Err(error.into());
    };
    journal.write(
        at(),
        Record::StepEnd {
            step: 0,
            outcome: "done".to_owned(),
            seconds: super::super::restore::seconds_between(started, now()),
            words: vec![format!("{job_name} runs on the server as {job_id}")],
            messages: Vec::new(),
            facts: StepFacts::default(),
        },
    )?;
    journal.write(
        at(),
        Record::End {
            end: "on_server".to_owned(),
            state: job_name.clone(),
        },
    )?;
    Ok(OnceRun {
        run,
        job_name,
        job_id,
        plan: plan.clone(),
        newest,
        started,
    })
}

fn end(
    journal: &mut Journal,
    step_at: String,
    fault: &BackupFault,
    end_at: String,
) -> Result<(), JournalError> {
    journal.write(
        step_at,
        Record::StepEnd {
            step: 0,
            outcome: "failed".to_owned(),
            seconds: 0.0,
            words: fault.words(),
            messages: Vec::new(),
            facts: StepFacts::default(),
        },
    )?;
    journal.write(
        end_at,
        Record::End {
            end: "failed".to_owned(),
            state: String::new(),
        },
    )
}

fn describe(who: &Who) -> String {
    let mut words = tsql::ONCE_DESCRIPTION.to_owned();
    if let Some(login) = &who.login {
        words.push_str(&format!(" Asked for by {login}"));
        if let Some(host) = &who.host {
            words.push_str(&format!(" from {host}"));
        }
        words.push('.');
    }
    words
}

/// `run_status` and `last_run_outcome` of a failure.
const FAILED: i64 = 0;

/// Asks how a job stands.
pub async fn look_at_once(
    connection: &mut dyn Connection,
    once: &OnceRun,
    now: UtcTime,
) -> Result<OnceState, ServerError> {
    let answer = ask(connection, &tsql::once_job_state(once.job_id)).await?;
    let job = answer
        .results
        .first()
        .and_then(|result| result.rows.first());
    let history = answer
        .results
        .get(1)
        .map(|result| result.rows.as_slice())
        .unwrap_or_default();
    let stopped = job.is_none_or(|row| row.time("stopped").is_some());
    if !stopped {
        let running = ask_if_allowed(connection, &tsql::once_job_progress(once.job_id)).await?;
        let row = running.as_ref().and_then(|answer| answer.first());
        return Ok(OnceState::Running {
            percent: row.and_then(|row| row.cell("percent_complete").float().map(|p| p as f32)),
            remaining_secs: row
                .and_then(|row| row.int("estimated_completion_time"))
                .filter(|millis| *millis > 0)
                .map(|millis| millis as f64 / 1e3),
            n_ended: history.len(),
        });
    }
    let script = tsql::backup_script(&once.plan, &BackupFacts::default());
    let mut steps = Vec::new();
    for (idx, step) in once.plan.steps.iter().enumerate() {
        let device = step.devices.first().map_or("", crate::domain::Device::name);
        let written = match once.newest {
            Some(newest) => ask_if_allowed(
                connection,
                &tsql::backup_result(&step.database, device, newest),
            )
            .await?
            .and_then(|answer| answer.first().and_then(WrittenBackup::from_row)),
            None => None,
        };
        let failure = |wanted: &tsql::Purpose| {
            let number = place(&script, wanted)?;
            history
                .iter()
                .find(|row| {
                    row.int("step_id") == Some(number) && row.int("run_status") == Some(FAILED)
                })
                .map(|row| BackupFault::Job {
                    message: row.text("message").unwrap_or_default(),
                })
        };
        let outcome = match (
            failure(&tsql::Purpose::BackUp { step: idx }),
            failure(&tsql::Purpose::VerifyBackup { step: idx }),
        ) {
            (Some(fault), _) => BackupOutcome::Failed(fault),
            (None, Some(fault)) => BackupOutcome::DoneWithWarning(fault),
            (None, None) if written.is_none() && once.newest.is_some() && device != "NUL" => {
                BackupOutcome::Failed(BackupFault::JobGone)
            }
            (None, None) => BackupOutcome::Done,
        };
        steps.push(BackupStepReport {
            database: step.database.clone(),
            kind: step.kind,
            copy_only: step.chain.copy_only(),
            devices: step.devices.clone(),
            started: once.started,
            seconds: super::super::restore::seconds_between(once.started, now),
            outcome,
            written,
            messages: Vec::new(),
        });
    }
    Ok(OnceState::Ended {
        steps,
        job_remains: job.is_some(),
    })
}

/// The number of the job's step that runs a batch.
fn place(script: &Script, wanted: &tsql::Purpose) -> Option<i64> {
    script
        .batches
        .iter()
        .position(|batch| batch.purpose == *wanted)
        .and_then(|idx| i64::try_from(idx + 1).ok())
}

/// Removes a job of ours that has ended and was seen.
pub async fn remove_once(connection: &mut dyn Connection, job_id: Uuid) -> Result<(), ServerError> {
    ask(connection, &tsql::remove_once_job(job_id)).await?;
    Ok(())
}

/// A one-time job of ours that was found on the server, whoever started it and from where.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundJob {
    pub id: Uuid,
    pub name: String,
    /// On the server's clock; `None` before Agent has begun it.
    pub started: Option<ServerTime>,
    /// `None` while it runs.
    pub stopped: Option<ServerTime>,
    /// Agent's own words about how it ended.
    pub message: Option<String>,
}

/// Looks for one-time jobs that run, or that failed and stay; none where the login may not see them.
pub async fn find_once(connection: &mut dyn Connection) -> Result<Vec<FoundJob>, ServerError> {
    let answer = ask_if_allowed(connection, &tsql::once_jobs()).await?;
    Ok(answer
        .iter()
        .flat_map(|answer| answer.rows())
        .filter_map(|row| {
            Some(FoundJob {
                id: row.guid("job_id")?,
                name: row.text("name")?,
                started: row.time("started"),
                stopped: row.time("stopped"),
                message: row.text("last_outcome_message").filter(|m| !m.is_empty()),
            })
        })
        .collect())
}
