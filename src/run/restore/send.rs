//! Sending a batch of the script: what it is for decides what its answer means.

use super::{
    RunEvent, RunProgress,
    engine::{Begun, Next, Run, StepResult},
    seconds_between,
};
use crate::{
    domain::{BackupType, UtcTime},
    run::{
        failure::{StepFailure, StepSkip, VerificationFault},
        journal::{JournalError, Record, iso_time},
        owed::Owed,
        target::session_words,
        watch::Reading,
    },
    server::{Answer, ServerError, ask},
    tsql::{self, Batch, Purpose},
};
use tokio::sync::mpsc;

/// What `RAISERROR` of a guard is numbered.
const GUARD: i64 = 50_000;
/// "The specified STOPAT time is too early. All or part of the database is already rolled forward beyond that point."
const STOPAT_TOO_EARLY: i64 = 4335;
/// "The log in this backup set terminates at LSN …, which is too early to apply to the database."
const ALREADY_APPLIED: i64 = 4326;
/// Somebody else is in the database: a restore, a backup of the tail, and `ALTER DATABASE` say it each in its own way.
const IN_USE: [i64; 5] = [3101, 5061, 5064, 5070, 924];
/// The backup met a page that is not what was written.
const DAMAGED_PAGE: [i64; 2] = [3043, 9004];
/// How often others are put out again before it is given up.
const MAX_EVICTIONS: usize = 3;

impl Run<'_> {
    /// Runs the batch of a step.
    pub(super) async fn batch(&mut self, step: usize, batch: &Batch) -> Result<Next, JournalError> {
        let begun = self.begin(step)?;
        self.owe_before(&batch.purpose)?;
        let (mut outcome, mut messages) = self.send(step, batch, begun.at).await;
        for _ in 0..MAX_EVICTIONS {
            match &outcome {
                Err(error) if self.may_evict(batch, error) => {}
                _ => break,
            }
            if !self.evict().await {
                break;
            }
            let again;
            (outcome, again) = self.send(step, batch, begun.at).await;
            messages.extend(again);
        }
        if self.changes_target(&batch.purpose)
            && !matches!(&outcome, Err(error) if error.number() == Some(GUARD))
            && !matches!(&outcome, Err(ServerError::NotAllowed { .. }))
        {
            self.touched = true;
        }
        let restores = matches!(
            batch.purpose,
            Purpose::RestoreSet { .. } | Purpose::RestoreTail { .. } | Purpose::Recover
        );
        // An answer that did not come may have been a good one.
        self.restored |= restores
            && matches!(
                &outcome,
                Ok(_) | Err(ServerError::Lost { .. } | ServerError::Cancelled)
            );
        match (&batch.purpose, outcome) {
            (Purpose::BackUpTail { file }, Err(error)) => {
                self.tail_failed(begun, file.clone(), error, messages)
            }
            (Purpose::ReadTail { file }, Ok(answer)) => {
                self.tail_read(begun, file, &answer, messages)
            }
            (Purpose::CheckDatabase, Err(error @ ServerError::Refused { .. })) => {
                self.reserve(step, begun, VerificationFault::CheckFailed(error))
                    .await
            }
            (Purpose::GiveBackAccess, Ok(_)) => {
                self.settled(|owed| matches!(owed, Owed::Access { .. }))?;
                self.end(begun, StepResult::Done, messages)
            }
            (Purpose::GiveBackStatistics, Ok(_)) => {
                self.settled(|owed| matches!(owed, Owed::AsyncStatistics { .. }))?;
                self.end(begun, StepResult::Done, messages)
            }
            (Purpose::StartJob { name }, Ok(_)) => {
                let name = name.clone();
                self.settled(|owed| matches!(owed, Owed::Job { name: job } if *job == name))?;
                self.end(begun, StepResult::Done, messages)
            }
            // The database is online: what is owed stays owed, and the run goes on to verify it.
            (
                Purpose::GiveBackAccess | Purpose::GiveBackStatistics | Purpose::StartJob { .. },
                Err(error @ ServerError::Refused { .. }),
            ) => {
                self.reserved = true;
                self.end(
                    begun,
                    StepResult::Warned(StepFailure::Server(error)),
                    messages,
                )
            }
            (purpose, Err(error)) if error.number() == Some(STOPAT_TOO_EARLY) => {
                let result = if self.log_before_stopped(purpose) {
                    self.reached = true;
                    StepResult::Skipped(StepSkip::AlreadyReached)
                } else {
                    StepResult::Failed(error)
                };
                self.end(begun, result, messages)
            }
            // It lies wholly before where the database stands; there is nothing in it to be missed.
            (Purpose::RestoreSet { .. }, Err(error))
                if error.number() == Some(ALREADY_APPLIED)
                    && Some(step) != self.runbook.last_restore() =>
            {
                self.end(
                    begun,
                    StepResult::Skipped(StepSkip::AlreadyApplied),
                    messages,
                )
            }
            (_, Ok(_)) => self.end(begun, StepResult::Done, messages),
            (_, Err(error)) => self.end(begun, StepResult::Failed(error), messages),
        }
    }

    /// Whether a statement of this purpose changes the target when it works.
    fn changes_target(&self, purpose: &Purpose) -> bool {
        match purpose {
            Purpose::RestoreSet { .. }
            | Purpose::RestoreTail { .. }
            | Purpose::StopAsyncStatistics
            | Purpose::CloseToOthers
            | Purpose::Recover
            | Purpose::Standby => true,
            // Over the original it leaves the database `RESTORING`; of another one it is a copy-only backup.
            Purpose::BackUpTail { .. } => self.job.choices.over.is_some(),
            _ => false,
        }
    }

    /// What is taken is owed before it is taken: the answer may never come.
    fn owe_before(&mut self, purpose: &Purpose) -> Result<(), JournalError> {
        let database = self.target.clone();
        match purpose {
            Purpose::CloseToOthers => {
                let back_to = self
                    .job
                    .choices
                    .over
                    .as_ref()
                    .map(|over| over.target.access)
                    .unwrap_or_default()
                    .word()
                    .to_owned();
                self.owe(Owed::Access { database, back_to })
            }
            Purpose::StopAsyncStatistics => self.owe(Owed::AsyncStatistics { database }),
            Purpose::PauseJob { name } => self.owe(Owed::Job { name: name.clone() }),
            _ => Ok(()),
        }
    }

    /// Over the original the user agreed that everybody else is put out; so who slipped in is put out again.
    fn may_evict(&self, batch: &Batch, error: &ServerError) -> bool {
        let takes = matches!(
            batch.purpose,
            Purpose::CloseToOthers
                | Purpose::BackUpTail { .. }
                | Purpose::RestoreSet { step: 0 }
                | Purpose::GiveBackAccess
        );
        self.may_put_out()
            && takes
            && error
                .number()
                .is_some_and(|number| IN_USE.contains(&number))
    }

    pub(super) fn may_put_out(&self) -> bool {
        self.job
            .choices
            .over
            .as_ref()
            .is_some_and(|over| over.target.online())
    }

    /// Who else is in the target; nobody when the server does not tell.
    pub(super) async fn others_there(&mut self) -> Vec<String> {
        let question = tsql::sessions_in(&self.target);
        let Some(work) = self.work.as_mut() else {
            return Vec::new();
        };
        match ask(work.as_mut(), &question).await {
            Ok(answer) => answer.rows().iter().map(session_words).collect(),
            Err(error) => {
                tracing::debug!(?error, "who is in the database is not told");
                Vec::new()
            }
        }
    }

    /// Ends every other session in the target; `false` when the server does not let us.
    pub(super) async fn evict(&mut self) -> bool {
        let database = self.target.clone();
        let facts = self.job.facts.clone();
        let Some(work) = self.work.as_mut() else {
            return false;
        };
        let Ok(answer) = ask(work.as_mut(), &tsql::sessions_in(&database)).await else {
            return false;
        };
        for row in answer.rows() {
            let Some(session_id) = row.int("session_id") else {
                continue;
            };
            let batch = tsql::end_session(&database, session_id, &facts);
            match ask(work.as_mut(), &batch).await {
                // The guard: it has left by itself.
                Ok(_) => {}
                Err(error) if error.number() == Some(GUARD) => {}
                Err(error) => {
                    tracing::warn!(session_id, ?error, "a session that is in the way stays");
                    return false;
                }
            }
        }
        true
    }

    /// The backup of the tail failed: to another place, past damaged pages, or not at all.
    fn tail_failed(
        &mut self,
        begun: Begun,
        file: String,
        error: ServerError,
        messages: Vec<(f64, String)>,
    ) -> Result<Next, JournalError> {
        let number = error.number().unwrap_or_default();
        let step = begun.step;
        let Some(over) = self.job.choices.over.as_mut() else {
            return self.end(begun, StepResult::Failed(error), messages);
        };
        let again = if DAMAGED_PAGE.contains(&number) && !over.damaged {
            over.damaged = true;
            true
        } else if is_media(number) && !over.other_tail_files.is_empty() {
            let next = over.other_tail_files.remove(0);
            self.job.facts.tail_file = Some(next);
            true
        } else {
            false
        };
        if !again {
            return self.end(begun, StepResult::Failed(error), messages);
        }
        self.end(
            begun,
            StepResult::Warned(StepFailure::TailElsewhere { file, error }),
            messages,
        )?;
        // The steps that name the file are made again; there are as many as before.
        let rebuilt = self.job.runbook();
        for (old, new) in self.runbook.steps.iter_mut().zip(rebuilt.steps) {
            if matches!(
                new.purpose(),
                Some(
                    Purpose::BackUpTail { .. }
                        | Purpose::ReadTail { .. }
                        | Purpose::RestoreTail { .. }
                )
            ) {
                *old = new;
            }
        }
        (self.tell)(RunEvent::Changed {
            step,
            runbook: self.runbook.clone(),
        });
        Ok(Next::Again)
    }

    fn tail_read(
        &mut self,
        begun: Begun,
        file: &str,
        answer: &Answer,
        messages: Vec<(f64, String)>,
    ) -> Result<Next, JournalError> {
        match self.judge_tail(file, answer) {
            Some(fault) => self.end(
                begun,
                StepResult::Refused(StepFailure::Tail(fault)),
                messages,
            ),
            None => {
                self.note(Record::TailSaved {
                    file: file.to_owned(),
                })?;
                let facts = self.tail_facts.clone().unwrap_or_default();
                self.end_with(begun, StepResult::Done, messages, facts)
            }
        }
    }

    /// Whether this step follows a log with the same `STOPAT`, restored by this very run.
    ///
    /// No log of the plan can overshoot, so "rolled forward beyond that point" then means that the point was reached.
    /// For the first log it means that the base lies after the moment, and nothing helps.
    fn log_before_stopped(&self, purpose: &Purpose) -> bool {
        let steps = &self.job.plan.steps;
        let before = match purpose {
            Purpose::RestoreSet { step } => step.checked_sub(1),
            Purpose::RestoreTail { .. } => steps.len().checked_sub(1),
            _ => None,
        };
        before
            .and_then(|idx| steps.get(idx))
            .is_some_and(|step| step.backup_type == BackupType::Log && step.stop_at.is_some())
    }

    /// Sends a batch and tells messages and progress while it runs.
    pub(super) async fn send(
        &mut self,
        step: usize,
        batch: &Batch,
        began: UtcTime,
    ) -> (Result<Answer, ServerError>, Vec<(f64, String)>) {
        let (sender, mut inbox) = mpsc::unbounded_channel();
        let mut answer = Answer::default();
        let mut messages = Vec::new();
        let (tell, now, started) = (self.tell, self.now, self.started);
        let mut hear = |text: String| {
            let at = now();
            messages.push((seconds_between(started, at), text.clone()));
            tell(RunEvent::Message { at, text });
        };
        let mut readings = self.watch.as_ref().map(|watch| watch.readings.clone());
        let Some(work) = self.work.as_mut() else {
            let error = ServerError::Lost {
                reason: "there is no connection".to_owned(),
            };
            return (Err(error), Vec::new());
        };
        let outcome = {
            let mut running = work.run(batch, &mut answer, Some(sender), self.cancel);
            loop {
                tokio::select! {
                    outcome = &mut running => break outcome,
                    Some(text) = inbox.recv() => hear(text),
                    Some(reading) = next_reading(&mut readings) => {
                        // On disk while the first set is still being restored, which takes longest.
                        if let Some(created) = reading.created.map(|time| time.to_string())
                            && matches!(batch.purpose, Purpose::RestoreSet { .. })
                            && self.created.as_ref() != Some(&created)
                        {
                            let begun = Record::CopyBegun {
                                database: self.target.clone(),
                                create_date: created.clone(),
                            };
                            // The record of the step's end is not written either then, and stops the run.
                            if self.journal.write(iso_time(now()), begun).is_ok() {
                                self.created = Some(created);
                            }
                        }
                        tell(RunEvent::Progress(RunProgress {
                            step,
                            elapsed_secs: seconds_between(began, now()),
                            percent: reading.percent,
                            remaining_secs: reading.remaining_secs,
                        }));
                    }
                }
            }
        };
        while let Ok(text) = inbox.try_recv() {
            hear(text);
        }
        if matches!(
            &outcome,
            Err(ServerError::Cancelled | ServerError::Lost { .. })
        ) {
            // It is of no further use.
            self.work = None;
            self.watch = None;
        }
        (outcome.map(|()| answer), messages)
    }
}

/// A place that cannot be opened or written, or is full.
fn is_media(number: i64) -> bool {
    matches!(
        number,
        3201 | 3202 | 3271 | 3292 | 3298 | 3634 | 18204 | 18210
    )
}

/// The next reading; never, when nobody watches.
pub(in crate::run) async fn next_reading(
    readings: &mut Option<tokio::sync::watch::Receiver<Reading>>,
) -> Option<Reading> {
    let Some(receiver) = readings else {
        return std::future::pending().await;
    };
    if receiver.changed().await.is_err() {
        *readings = None;
        return None;
    }
    Some(*receiver.borrow_and_update())
}
