//! What a run does for people: their programs, their hands, their pauses and looks.

use super::{
    RunEvent,
    engine::{Next, Run, StepResult},
    seconds_between,
};
use crate::{
    run::{
        control::{Asked, RunCommand, Waiting},
        failure::{StepFailure, StepSkip},
        hook::{HookCommand, HookFailure, run_hook},
        journal::{JournalError, Record},
        report::StepFacts,
    },
    server::ServerError,
    tsql,
};
use std::time::Duration;

/// How long it is waited for sessions that were just closed: a quarter of a second, up to twelve times.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
const MAX_LOOKS: usize = 12;

impl Run<'_> {
    /// A program of the user's.
    pub(super) async fn hook(
        &mut self,
        step: usize,
        hook: &HookCommand,
    ) -> Result<Next, JournalError> {
        let begun = self.begin(step)?;
        let mut messages = Vec::new();
        let (tell, started) = (self.tell, self.started);
        let ran = run_hook(hook, self.cancel, self.now, &mut |at, text| {
            messages.push((seconds_between(started, at), text.clone()));
            tell(RunEvent::Message { at, text });
        })
        .await;
        let (result, exit_code) = match ran {
            Ok(code) => (StepResult::Done, Some(code)),
            Err(HookFailure::Cancelled { .. }) => {
                (StepResult::Failed(ServerError::Cancelled), None)
            }
            Err(failure) => {
                let code = match &failure {
                    HookFailure::Exit { code, .. } => *code,
                    _ => None,
                };
                (StepResult::Refused(StepFailure::Hook(failure)), code)
            }
        };
        let failed = matches!(result, StepResult::Refused(_));
        let facts = StepFacts {
            exit_code,
            ..StepFacts::default()
        };
        let next = self.end_with(begun, result, messages, facts)?;
        if !failed {
            return Ok(next);
        }
        match self.wait(step, Waiting::HookFailed).await? {
            Some(RunCommand::Retry) => Ok(Next::Again),
            Some(RunCommand::Skip { reason }) => {
                let begun = self.begin(step)?;
                self.reserved = true;
                self.end(
                    begun,
                    StepResult::Skipped(StepSkip::Chosen { reason }),
                    Vec::new(),
                )
            }
            _ => Ok(Next::Stop),
        }
    }

    /// Something that the user does.
    pub(super) async fn by_hand(&mut self, step: usize) -> Result<Next, JournalError> {
        let begun = self.begin(step)?;
        let result = match self.wait(step, Waiting::ByHand).await? {
            Some(RunCommand::Done) => StepResult::Done,
            Some(RunCommand::Skip { reason }) => StepResult::Skipped(StepSkip::Chosen { reason }),
            Some(_) => StepResult::Failed(ServerError::Cancelled),
            None if self.cancel.is_cancelled() => StepResult::Failed(ServerError::Cancelled),
            None => StepResult::Refused(StepFailure::NobodyAnswers),
        };
        self.end(begun, result, Vec::new())
    }

    /// After a step: pause or look, when it was asked for.
    pub(super) async fn between(&mut self, ended: usize) -> Result<Next, JournalError> {
        let Asked { pause, look } = self.commands.drain();
        if look && self.restores(ended + 1) && self.is_log(ended) {
            return self.look_between(ended).await;
        }
        if pause || look {
            return Ok(match self.wait(ended, Waiting::Paused).await? {
                Some(RunCommand::GoOn | RunCommand::Done | RunCommand::Retry) => Next::GoOn,
                _ => Next::Stop,
            });
        }
        Ok(Next::GoOn)
    }

    /// Makes the database readable between two logs and waits; the next log goes on from there.
    async fn look_between(&mut self, ended: usize) -> Result<Next, JournalError> {
        let undo_file = match &self.job.choices.standby {
            Some(file) => file.clone(),
            None => tsql::undo_file(&self.job.plan, &self.job.facts),
        };
        let script = tsql::standby_script(&self.target, &undo_file, &self.job.facts);
        for batch in &script.batches {
            if self.extra_batch(ended, batch).await? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        // Over the original it was agreed that everybody else is put out.
        let mut agreed = self.may_put_out();
        loop {
            match self.wait(ended, Waiting::Looking).await? {
                Some(RunCommand::GoOn | RunCommand::Done | RunCommand::Retry) => {}
                _ => return Ok(Next::Stop),
            }
            // Who looked may still be in it, and then no log can follow (message 3101).
            let there = self.who_stays().await;
            if there.is_empty() {
                return Ok(Next::GoOn);
            }
            if agreed {
                self.evict().await;
                return Ok(Next::GoOn);
            }
            agreed = true;
            (self.tell)(RunEvent::Message {
                at: (self.now)(),
                text: format!(
                    "Still in {}: {}. Close them, or go on once more to end them.",
                    self.target,
                    there.join("; ")
                ),
            });
        }
    }

    /// Who else is in the target and does not leave: a server lists a session for a moment after its client has closed it.
    async fn who_stays(&mut self) -> Vec<String> {
        let mut there = self.others_there().await;
        for _ in 0..MAX_LOOKS {
            if there.is_empty() || self.cancel.is_cancelled() {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
            there = self.others_there().await;
        }
        there
    }

    /// Waits for an answer; `None` when the run was cancelled or nobody can answer.
    pub(super) async fn wait(
        &mut self,
        step: usize,
        why: Waiting,
    ) -> Result<Option<RunCommand>, JournalError> {
        self.note(Record::Waits {
            step,
            why: format!("{why:?}"),
        })?;
        (self.tell)(RunEvent::Waiting { step, why });
        let command = loop {
            let command = tokio::select! {
                () = self.cancel.cancelled() => None,
                command = self.commands.next() => command,
            };
            match (&command, why) {
                // Asked for while it waits anyway.
                (Some(RunCommand::PauseAfterStep | RunCommand::StopAndLook), _) => {}
                (Some(RunCommand::GoOn), Waiting::ByHand | Waiting::HookFailed) => {}
                _ => break command,
            }
        };
        (self.tell)(RunEvent::WentOn);
        Ok(command)
    }
}
