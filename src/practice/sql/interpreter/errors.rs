//! What an error ends: the statement, the batch, the transaction; and who catches it.

use super::{Ended, Frame, Next};
use crate::practice::reply::{Message, Reply};
use crate::practice::sql::environment::CaughtError;
use crate::practice::sql::execute::{self, Failure};
use crate::practice::sql::run::INTERRUPTED;
use crate::practice::sql::session::{Io, Session};

impl Session {
    /// An error of this level's own statement.
    pub(super) async fn failed(
        &mut self,
        frame: &mut Frame,
        at: usize,
        line: u32,
        command: u16,
        failure: Failure,
        io: Io<'_>,
    ) -> Next {
        if io.cancel.is_cancelled() || failure.iter().any(|m| m.number == INTERRUPTED) {
            return Next::End(Ended::Cancelled);
        }
        let procedure = self
            .state
            .as_ref()
            .map(|s| s.facts.procedure.clone())
            .unwrap_or_default();
        let messages: Vec<Message> = failure
            .into_iter()
            .map(|mut message| {
                // Messages of the engine say line 1; the statement knows better.
                message.line = line;
                if message.procedure.is_empty() {
                    message.procedure.clone_from(&procedure);
                }
                message
            })
            .collect();
        let Some(error) = messages.last().cloned() else {
            return Next::Step(at + 1);
        };
        self.set_error(error.number);
        if let Some(state) = self.state.as_mut() {
            state.facts.rowcount = 0;
        }
        let xact_abort = self
            .state
            .as_ref()
            .is_some_and(|s| s.facts.options.xact_abort && s.facts.trancount > 0)
            && error.number != 50000;
        let aborts = aborts_batch(error.number);
        let region = frame
            .try_region(at)
            .filter(|_| catchable_here(error.number));
        if region.is_some() || self.catchers > 0 {
            if (xact_abort || dooms(error.number))
                && let Some(state) = self.state.as_mut()
                && state.facts.trancount > 0
            {
                state.facts.xact_state = -1;
            }
            return match region {
                Some(region) => self.enter_catch(frame, region, error),
                None => Next::End(Ended::Thrown(error)),
            };
        }
        let terminated = matches!(
            error.number,
            515 | 547 | 2601 | 2627 | 2628 | 8134 | 8115 | 220
        ) && !aborts
            // A query changes nothing that could be taken back.
            && command != 193;
        for message in messages {
            io.send(Reply::Message(message)).await;
        }
        if terminated {
            let mut notice = Message::info(3621, "The statement has been terminated.");
            notice.line = line;
            io.send(Reply::Message(notice)).await;
        }
        io.done(command, None, true).await;
        if xact_abort || aborts && dooms(error.number) {
            let open = self.state.as_ref().is_some_and(|s| s.facts.trancount > 0);
            if open {
                self.on_engine(io, |engine, state, output| {
                    execute::roll_everything_back(engine, state, output);
                })
                .await;
            }
        }
        if aborts || xact_abort {
            Next::End(Ended::Aborted)
        } else {
            Next::Step(at + 1)
        }
    }

    pub(super) fn enter_catch(&mut self, frame: &mut Frame, region: usize, error: Message) -> Next {
        let Some(held) = frame.program.regions.get(region).copied() else {
            return Next::End(Ended::Thrown(error));
        };
        self.set_error(error.number);
        frame.caught.insert(
            region,
            CaughtError {
                number: error.number,
                severity: i32::from(error.class),
                state: i32::from(error.state),
                line: i32::try_from(error.line).unwrap_or(1),
                procedure: (!error.procedure.is_empty()).then_some(error.procedure),
                message: error.text,
            },
        );
        Next::Step(held.catch_begin)
    }

    /// THROW: ends the batch unless somebody catches.
    pub(super) async fn thrown(
        &mut self,
        frame: &mut Frame,
        at: usize,
        line: u32,
        mut error: Message,
        io: Io<'_>,
    ) -> Next {
        if error.line <= 1 {
            error.line = line;
        }
        let xact_abort = self
            .state
            .as_ref()
            .is_some_and(|s| s.facts.options.xact_abort && s.facts.trancount > 0);
        if (frame.try_region(at).is_some() || self.catchers > 0)
            && xact_abort
            && let Some(state) = self.state.as_mut()
        {
            state.facts.xact_state = -1;
        }
        self.thrown_by_callee(frame, at, line, error, io).await
    }

    /// An error that nobody below this frame caught.
    pub(super) async fn thrown_by_callee(
        &mut self,
        frame: &mut Frame,
        at: usize,
        line: u32,
        error: Message,
        io: Io<'_>,
    ) -> Next {
        self.set_error(error.number);
        if let Some(region) = frame.try_region(at) {
            return self.enter_catch(frame, region, error);
        }
        if self.catchers > 0 {
            return Next::End(Ended::Thrown(error));
        }
        tracing::debug!(line, number = error.number, "an error ends its batch");
        io.send(Reply::Message(error)).await;
        io.done(253, None, true).await;
        let rolls_back = self
            .state
            .as_ref()
            .is_some_and(|s| s.facts.options.xact_abort && s.facts.trancount > 0);
        if rolls_back {
            self.on_engine(io, |engine, state, output| {
                execute::roll_everything_back(engine, state, output);
            })
            .await;
        }
        Next::End(Ended::Aborted)
    }
}

/// Errors that end the batch; after all others the next statement runs
/// (<https://www.sommarskog.se/error_handling/Part2.html>, appendix of batch-aborting errors).
fn aborts_batch(number: i32) -> bool {
    dooms(number) || !catchable_here(number) || matches!(number, 596 | 8631 | 1038 | 8624)
}

/// Conversion errors, after which a transaction can only be rolled back.
fn dooms(number: i32) -> bool {
    matches!(
        number,
        241 | 242 | 244 | 245 | 248 | 293 | 295 | 8114 | 8169 | 9819 | 1205
    )
}

/// Errors of names and columns are raised when a statement is compiled, so a CATCH of the same level does not see them.
fn catchable_here(number: i32) -> bool {
    !matches!(
        number,
        102 | 137 | 141 | 156 | 174 | 191 | 195 | 207 | 208 | 209 | 213 | 1087 | 4104
    )
}
