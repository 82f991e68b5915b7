//! The end of a restore: the database settled, what came of it looked at, what is owed put back, the state named.

use super::{
    End,
    engine::{Next, Run, StepResult},
};
use crate::{
    domain::{BackupType, Destination, Target},
    run::{
        failure::{ReachedBecause, StepFailure, VerificationFault},
        journal::{JournalError, Record},
        owed::Owed,
        record::RecordedVerification,
        report::{Outcome, RunEnd, StepFacts, TargetState},
        target::{TargetFacts, read_target},
        verify::{Look, read_identity, verify},
    },
    server::{ServerError, Until, ask},
    tsql::{self, Batch, Purpose},
};

impl Run<'_> {
    /// After the last restore: `RESTORING` becomes `ONLINE` only when the moment is known to be reached (design §3.2).
    pub(super) async fn settle(&mut self, step: usize) -> Result<Next, JournalError> {
        let Some(work) = self.work.as_mut() else {
            return Ok(Next::Stop);
        };
        let identity = match read_identity(work.as_mut(), &self.target).await {
            Ok(identity) => identity,
            Err(error) => return self.fail_in_between(step, StepResult::Failed(error)),
        };
        if !identity.as_ref().is_some_and(|identity| identity.restoring) {
            return Ok(Next::GoOn);
        }
        let Some(why) = self.why_reached() else {
            let failure = StepFailure::StaysRestoring {
                database: self.target.clone(),
            };
            return self.fail_in_between(step, StepResult::Refused(failure));
        };
        let standby = self.job.choices.standby.as_deref();
        let script = tsql::end_script(&self.target, &self.job.facts, standby);
        for batch in &script.batches {
            let begun = self.begin_as(step, batch.title.clone(), batch.sql.clone())?;
            let (outcome, messages) = self.send(step, batch, begun.at).await;
            let result = match outcome {
                // Nothing is final in it: more logs can follow.
                Ok(_) if batch.purpose == Purpose::Standby => StepResult::Done,
                Ok(_) => StepResult::Warned(StepFailure::RecoveredApart {
                    database: self.target.clone(),
                    why,
                }),
                Err(error) => StepResult::Failed(error),
            };
            if self.end_with(begun, result, messages, StepFacts::default())? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        Ok(Next::GoOn)
    }

    /// A copy is there since its first set: when it was created is put on disk before anything can make it `ONLINE`.
    pub(super) async fn note_creation(&mut self, step: usize) -> Result<Next, JournalError> {
        if !self.creates() || self.created.is_some() {
            return Ok(Next::GoOn);
        }
        let Some(work) = self.work.as_mut() else {
            return Ok(Next::GoOn);
        };
        let failed = match read_identity(work.as_mut(), &self.target).await {
            Ok(Some(identity)) => {
                self.note(Record::CopyBegun {
                    database: self.target.clone(),
                    create_date: identity.create_date.clone(),
                })?;
                self.created = Some(identity.create_date);
                return Ok(Next::GoOn);
            }
            Ok(None) => {
                StepResult::Refused(StepFailure::Verification(VerificationFault::NotThere {
                    database: self.target.clone(),
                }))
            }
            Err(error) => StepResult::Failed(error),
        };
        // Who asked for the copy finds it by its name; only what is to be dropped unasked must be known.
        if !self.job.choices.prove_first {
            return Ok(Next::GoOn);
        }
        self.fail_in_between(step, failed)
    }

    /// A failure that belongs to no batch: it is told as one of looking at the database.
    fn fail_in_between(&mut self, step: usize, result: StepResult) -> Result<Next, JournalError> {
        let begun = self.begin_as(step, "Read the state".to_owned(), String::new())?;
        self.end_with(begun, result, Vec::new(), StepFacts::default())?;
        Ok(Next::Stop)
    }

    /// Why the moment is known to be reached although the server left the database `RESTORING`; `None` when it is not.
    fn why_reached(&self) -> Option<ReachedBecause> {
        if self.reached {
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

    /// What the server now has.
    pub(super) async fn look_after(&mut self, step: usize) -> Result<Next, JournalError> {
        let begun = self.begin(step)?;
        let is_copy = matches!(self.job.plan.destination, Destination::Copy { .. });
        let Some(work) = self.work.as_mut() else {
            let error = ServerError::Lost {
                reason: "there is no connection".to_owned(),
            };
            return self.end(begun, StepResult::Failed(error), Vec::new());
        };
        let look = Look {
            database: &self.target,
            original: &self.job.plan.database,
            expected: &self.job.expected,
            choices: &self.job.choices,
        };
        let looked = async {
            let mut asking = Until::new(work.as_mut(), self.cancel);
            let identity = read_identity(&mut asking, &self.target).await?;
            let verification = verify(&mut asking, &look).await?;
            Ok::<_, ServerError>((identity, verification))
        };
        let (identity, verification) = match looked.await {
            Ok(looked) => looked,
            Err(error) => return self.end(begun, StepResult::Failed(error), Vec::new()),
        };
        self.note(Record::Verified {
            found: Box::new(RecordedVerification::from(&verification)),
        })?;
        let online = verification.state == "ONLINE";
        let fault = verification.problems.first().cloned();
        self.verification = Some(verification);
        // In standby it is known by the time of its creation: its recovery gives it another identity.
        if let (true, None, Some(identity)) = (is_copy, &self.job.choices.standby, identity)
            && let Some(database_guid) = identity.database_guid
        {
            self.note(Record::CopyCreated {
                database: self.target.clone(),
                database_guid,
                create_date: identity.create_date.clone(),
            })?;
            self.copy = Some((database_guid, identity.create_date));
        }
        match fault {
            None => self.end(begun, StepResult::Done, Vec::new()),
            Some(fault) if online => self.reserve(step, begun, fault).await,
            Some(fault) => self.end(
                begun,
                StepResult::Refused(StepFailure::Verification(fault)),
                Vec::new(),
            ),
        }
    }

    /// The state of the target, read on whatever connection there is.
    pub(super) async fn read_state(&mut self) -> TargetState {
        match self.read_facts().await {
            Ok(facts) => state_of(facts.as_ref()),
            Err(error) => TargetState::Unknown(error),
        }
    }

    async fn read_facts(&mut self) -> Result<Option<TargetFacts>, ServerError> {
        if self.work.is_none() {
            self.work = Some(self.gateway.connect().await?);
        }
        let Some(work) = self.work.as_mut() else {
            return Ok(None);
        };
        let read = read_target(work.as_mut(), &self.target).await;
        match read {
            Err(ServerError::Lost { .. }) => {
                // The server may have closed it since the last batch.
                let mut fresh = self.gateway.connect().await?;
                let read = read_target(fresh.as_mut(), &self.target).await;
                self.work = Some(fresh);
                read
            }
            other => other,
        }
    }

    /// Names the state in which a stopped run leaves the target; what can be put back is put back.
    pub(super) async fn end_after_stop(&mut self) -> Result<End, JournalError> {
        let cancelled = matches!(self.last_outcome(), Some(Outcome::Cancelled));
        let (end, state) = if self.touched || !self.owed.is_empty() {
            let facts = self.read_facts().await;
            // While the server restores by itself everything stays taken.
            if let Ok(facts) = &facts
                && !self.left
            {
                let online = facts.as_ref().is_some_and(TargetFacts::online);
                self.put_back(online).await?;
                if let Some(facts) = facts
                    && self.creates()
                    && self.created.is_none()
                    && facts.restoring()
                {
                    // The run was the only one to make a database of this name, and nobody heard that it did.
                    self.note(Record::CopyBegun {
                        database: self.target.clone(),
                        create_date: facts.create_date.clone(),
                    })?;
                    self.created = Some(facts.create_date.clone());
                }
            }
            match facts {
                // However it stands at this moment, the server is at work on it.
                Ok(facts) if self.left => (RunEnd::Restoring, state_of(facts.as_ref())),
                Ok(None) => (RunEnd::Untouched, TargetState::NotThere),
                Ok(Some(facts)) => {
                    let end = if !self.restored && self.is_as_before(&facts) {
                        RunEnd::Untouched
                    } else if facts.online() {
                        RunEnd::OnlineNotVerified
                    } else {
                        RunEnd::Restoring
                    };
                    (end, state_of(Some(&facts)))
                }
                // What cannot be asked is told as the worst that it may be.
                Err(error) => (RunEnd::Restoring, TargetState::Unknown(error)),
            }
        } else {
            (RunEnd::Untouched, TargetState::NotTouched)
        };
        Ok(if cancelled {
            (RunEnd::Cancelled, state)
        } else {
            (end, state)
        })
    }

    /// Whether the target is in the state in which the run found it, though a statement was sent that might have changed it.
    ///
    /// Over the original nothing was overwritten yet while its log is still its own; one that was `RESTORING` already
    /// must stand where it stood.
    fn is_as_before(&self, facts: &TargetFacts) -> bool {
        match &self.job.choices.over {
            Some(over) if facts.restoring() => {
                over.target.state == facts.state
                    && facts.redo_start.is_some()
                    && over.target.redo_start == facts.redo_start
            }
            Some(over) => facts.online() || over.target.state == facts.state,
            // A database that somebody else made meanwhile.
            None => facts.online(),
        }
    }

    /// Everything that is owed, as far as the server lets us now.
    async fn put_back(&mut self, online: bool) -> Result<(), JournalError> {
        for owed in self.owed.clone() {
            let Some(batch) =
                put_back_batch(&owed, &self.job.facts).filter(|_| owed.can_be_put_back(online))
            else {
                continue;
            };
            let step = self.runbook.steps.len();
            let begun = self.begin_as(step, batch.title.clone(), batch.sql.clone())?;
            let sent = match self.work.as_mut() {
                Some(work) => ask(work.as_mut(), &batch).await.map(|_| ()),
                None => Err(ServerError::Lost {
                    reason: "there is no connection".to_owned(),
                }),
            };
            let result = match sent {
                Ok(()) => {
                    self.settled(|other| *other == owed)?;
                    StepResult::Done
                }
                Err(error) => StepResult::Warned(StepFailure::Server(error)),
            };
            self.end_with(begun, result, Vec::new(), StepFacts::default())?;
        }
        Ok(())
    }
}

/// The batch that puts one thing back; `None` for what this version does not know.
pub(in crate::run) fn put_back_batch(owed: &Owed, facts: &tsql::ServerFacts) -> Option<Batch> {
    match owed {
        Owed::Access { database, back_to } => {
            Some(tsql::give_back_access(database, facts, back_to))
        }
        Owed::AsyncStatistics { database } => Some(tsql::give_back_statistics(database, facts)),
        Owed::Job { name } => Some(tsql::start_job(name, facts)),
        Owed::Other => None,
    }
}

/// A database as a state; `None` is not there.
pub(in crate::run) fn state_of(facts: Option<&TargetFacts>) -> TargetState {
    match facts {
        None => TargetState::NotThere,
        Some(facts) if facts.standby => TargetState::Standby,
        Some(facts) => match facts.state.as_str() {
            "ONLINE" => TargetState::Online,
            "RESTORING" => TargetState::Restoring,
            other => TargetState::Other(other.to_owned()),
        },
    }
}
