//! The end of a restore: the tail read back, the database settled, the copy looked at, the state named.

use super::{LOOK_AFTER, Run, StepResult};
use crate::{
    domain::{self, BackupType, Destination, HistoryRecords, ServerTime, Target},
    run::{
        failure::{ReachedBecause, StepFailure, TailFault},
        header::set_headers,
        journal::{JournalError, Record},
        report::{Outcome, RunEnd, TargetState},
        verify::{Identity, read_identity, verify},
        watch::Watch,
    },
    server::{Answer, Connection, ServerError},
    tsql,
};

impl Run<'_> {
    /// After the last batch: `RESTORING` becomes `ONLINE` only when the moment is known to be reached (design §3.2).
    pub(super) async fn settle(
        &mut self,
        work: &mut dyn Connection,
        watch: Option<&Watch>,
        last: usize,
        reached: bool,
    ) -> Result<Option<(RunEnd, TargetState)>, JournalError> {
        let identity = match read_identity(work, &self.target).await {
            Ok(identity) => identity,
            Err(error) => {
                self.fail_after(last + 1, error)?;
                return self.end_after_stop().await.map(Some);
            }
        };
        if !identity.as_ref().is_some_and(|identity| identity.restoring) {
            return Ok(None);
        }
        let Some(why) = self.why_reached(reached) else {
            let failure = StepFailure::StaysRestoring {
                database: self.target.clone(),
            };
            let began = self.begin_step(last + 1, LOOK_AFTER, "")?;
            let result = StepResult::Refused(failure);
            self.end_step(last + 1, LOOK_AFTER, "", began, result, Vec::new())?;
            return self.end_after_stop().await.map(Some);
        };
        let script = tsql::recover_script(&self.target, &self.job.facts);
        for batch in &script.batches {
            let began = self.begin_step(last, &batch.title, &batch.sql)?;
            let (outcome, messages) = self.send(work, watch, last, batch, began).await;
            let result = match outcome {
                Ok(_) => StepResult::Warned(StepFailure::RecoveredApart {
                    database: self.target.clone(),
                    why,
                }),
                Err(error) => StepResult::Failed(error),
            };
            let stop = matches!(result, StepResult::Failed(_));
            self.end_step(last, &batch.title, &batch.sql, began, result, messages)?;
            if stop {
                return self.end_after_stop().await.map(Some);
            }
        }
        Ok(None)
    }

    /// Why the moment is known to be reached although the server left the database `RESTORING`; `None` when it is not.
    fn why_reached(&self, reached: bool) -> Option<ReachedBecause> {
        if reached {
            return Some(ReachedBecause::EarlierLog);
        }
        let Target::At(moment) = self.job.plan.target else {
            return None;
        };
        // A log surely holds everything up to its start (rule 5 of the plan contract).
        let start = match self.job.plan.tail {
            Some(_) => self.tail_start(),
            None => self
                .job
                .plan
                .steps
                .last()
                .filter(|step| step.backup_type == BackupType::Log)
                .map(|step| step.start),
        };
        start
            .filter(|start| *start >= moment.server)
            .map(|log_start| ReachedBecause::NothingAfter { log_start })
    }

    /// When the backup of the tail started, as it was read back.
    fn tail_start(&self) -> Option<ServerTime> {
        let database = self.job.history.database(&self.job.plan.database)?;
        database
            .sets()
            .filter(|set| set.kind() == BackupType::Log)
            .map(|set| set.start().server)
            .max()
    }

    /// The tail as it was read back must complete the plan; it becomes part of the history, and the plan is made again.
    pub(super) fn judge_tail(&mut self, file: &str, answer: &Answer) -> Option<TailFault> {
        let headers = set_headers(answer);
        let Some(header) = headers.first().filter(|_| headers.len() == 1) else {
            return Some(TailFault::OtherSets {
                file: file.to_owned(),
                n_sets: headers.len(),
            });
        };
        let record = header.record(file, self.job.utc_offset_minutes);
        let (history, _) = self.job.history.with_new_records(HistoryRecords {
            backup_sets: vec![record],
            ..HistoryRecords::default()
        });
        let planned = history
            .database(&self.job.plan.database)
            .map(|database| domain::plan(&database, &self.job.request));
        self.job.history = history;
        let with_tail = match planned {
            Some(Ok(plan)) => plan,
            Some(Err(refusal)) => return Some(TailFault::DoesNotReach(refusal.kind)),
            None => return Some(TailFault::OtherDatabase),
        };
        let goes_on = with_tail
            .steps
            .iter()
            .zip(&self.job.plan.steps)
            .all(|(new, old)| new.backup_set_uuid == old.backup_set_uuid);
        let more = with_tail.steps.get(self.job.plan.steps.len()..);
        let same = goes_on
            && match more {
                // Nothing was committed since the last log: the tail is empty, and proves just that (rule 8).
                Some([]) => true,
                Some([tail]) => Some(tail.backup_set_uuid) == header.backup_set_uuid,
                _ => false,
            };
        (!same).then_some(TailFault::OtherPlan)
    }

    /// The last step: what the server now has.
    pub(super) async fn look_after(
        &mut self,
        work: &mut dyn Connection,
        step: usize,
    ) -> Result<(RunEnd, TargetState), JournalError> {
        let began = self.begin_step(step, LOOK_AFTER, "")?;
        let original = self.job.plan.database.clone();
        let looked = async {
            let identity = read_identity(work, &self.target).await?;
            let verification = verify(work, &self.target, &original, &self.job.expected).await?;
            Ok::<_, ServerError>((identity, verification))
        };
        let (identity, verification) = match looked.await {
            Ok(looked) => looked,
            Err(error) => {
                let result = StepResult::Failed(error);
                self.end_step(step, LOOK_AFTER, "", began, result, Vec::new())?;
                return self.end_after_stop().await;
            }
        };
        let state = state_of(&verification.state);
        let is_copy = matches!(self.job.plan.destination, Destination::Copy { .. });
        if let (true, Some(identity)) = (is_copy, identity) {
            self.remember_copy(identity)?;
        }
        let online = state == TargetState::Online;
        let fault = verification.problems.first().cloned();
        self.verification = Some(verification);
        let (result, end) = match fault.map(StepFailure::Verification) {
            None => (StepResult::Done, RunEnd::Verified),
            Some(failure) if online => (StepResult::Warned(failure), RunEnd::OnlineNotVerified),
            Some(failure) => (StepResult::Refused(failure), RunEnd::Restoring),
        };
        self.end_step(step, LOOK_AFTER, "", began, result, Vec::new())?;
        Ok((end, state))
    }

    fn remember_copy(&mut self, identity: Identity) -> Result<(), JournalError> {
        if let Some(database_guid) = identity.database_guid {
            self.note(Record::CopyCreated {
                database: self.target.clone(),
                database_guid,
                create_date: identity.create_date.clone(),
            })?;
            self.copy = Some((database_guid, identity.create_date));
        }
        Ok(())
    }

    /// Names the state in which a stopped run leaves the target, read on a connection of its own.
    pub(super) async fn end_after_stop(&mut self) -> Result<(RunEnd, TargetState), JournalError> {
        let cancelled = self
            .reports
            .last()
            .is_some_and(|report| report.outcome == Outcome::Cancelled);
        let identity = if self.created {
            let read = async {
                let mut connection = self.gateway.connect().await?;
                read_identity(connection.as_mut(), &self.target).await
            };
            read.await
        } else {
            Ok(None)
        };
        let (end, state) = match identity {
            Ok(None) if self.created => (RunEnd::Untouched, TargetState::NotThere),
            Ok(None) => (RunEnd::Untouched, TargetState::NotTouched),
            Ok(Some(identity)) if identity.online => {
                (RunEnd::OnlineNotVerified, TargetState::Online)
            }
            Ok(Some(identity)) => (RunEnd::Restoring, state_of(&identity.state)),
            // What cannot be asked is told as the worst that it may be.
            Err(error) => (RunEnd::Restoring, TargetState::Unknown(error)),
        };
        Ok(if cancelled {
            (RunEnd::Cancelled, state)
        } else {
            (end, state)
        })
    }
}

/// `state_desc` as a state; empty is a database that is not there.
fn state_of(state: &str) -> TargetState {
    match state {
        "" => TargetState::NotThere,
        "ONLINE" => TargetState::Online,
        "RESTORING" => TargetState::Restoring,
        other => TargetState::Other(other.to_owned()),
    }
}
