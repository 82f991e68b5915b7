//! The own backup of something that is not in SQL Server: a program of its owners, run when it is asked for, and journaled.

use super::{
    hook::{HookCommand, HookFailure, run_hook},
    journal::{FORMAT, Journal, JournalError, Record},
    judged::outside_backup_title,
    report::{RunId, RunKind, StepFacts, Who},
};
use crate::{
    domain::UtcTime,
    settings::{Hook, Outside},
};
use tokio_util::sync::CancellationToken;

/// What is backed up, and for which database.
#[derive(Clone, Debug)]
pub struct OutsideJob {
    pub run: RunId,
    /// `@@SERVERNAME` of the database that it belongs to.
    pub server: String,
    pub database: String,
    pub outside: Outside,
    pub who: Who,
}

/// Runs the program to its end. How it ended is in the journal as well: that is what is shown as the last backup.
pub async fn back_up_outside(
    job: &OutsideJob,
    hook: &Hook,
    mut journal: Journal,
    cancel: &CancellationToken,
    now: fn() -> UtcTime,
) -> Result<Result<i32, HookFailure>, JournalError> {
    let title = outside_backup_title(&job.outside);
    let hook = HookCommand::from(hook);
    let mut note = |record| {
        let at = now().0.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        journal.write(at, record)
    };
    note(Record::Begin {
        format: FORMAT.to_owned(),
        run: job.run.0.clone(),
        server: job.server.clone(),
        source_database: job.database.clone(),
        target_database: job.outside.what.clone(),
        target: "latest".to_owned(),
        steps: vec![title.clone()],
        run_kind: RunKind::Outside,
        who: job.who.clone(),
    })?;
    note(Record::step_begin(0, &title, &hook.line()))?;
    let began = now();
    let mut messages = Vec::new();
    let ran = run_hook(&hook, cancel, now, &mut |_, text| messages.push(text)).await;
    let (outcome, end, words) = match &ran {
        Ok(_) => ("done", "done", Vec::new()),
        Err(failure @ HookFailure::Cancelled { .. }) => {
            ("cancelled", "cancelled", vec![failure.to_string()])
        }
        Err(failure) => ("failed", "failed", vec![failure.to_string()]),
    };
    note(Record::StepEnd {
        step: 0,
        outcome: outcome.to_owned(),
        seconds: (now().0 - began.0).num_milliseconds() as f64 / 1e3,
        words,
        messages,
        facts: StepFacts {
            exit_code: match &ran {
                Ok(code) => Some(*code),
                Err(HookFailure::Exit { code, .. }) => *code,
                Err(_) => None,
            },
            ..StepFacts::default()
        },
    })?;
    note(Record::End {
        end: end.to_owned(),
        state: String::new(),
    })?;
    Ok(ran)
}
