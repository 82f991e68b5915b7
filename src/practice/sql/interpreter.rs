//! Running programs: jumps, TRY and CATCH, calls, waits, and what an error ends.

mod calls;
mod errors;
mod waits;

pub(super) use waits::wait_state;

use super::environment::{CaughtError, Variables};
use super::execute::{self, Effect, Failure};
use super::parse::{BatchContext, parse_batch};
use super::session::{Io, Session};
use super::statement::{Action, InsertSource, Program, Statement, Step};
use super::{ddl, raise};
use crate::practice::reply::{Message, Reply};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

/// How a program ended.
pub(super) enum Ended {
    Normally,
    /// An error ended the batch; its message is out.
    Aborted,
    /// A caller further up catches this error.
    Thrown(Message),
    Cancelled,
}

/// A program while it runs.
struct Frame {
    program: Arc<Program>,
    /// Errors that CATCH blocks handle, by region.
    caught: BTreeMap<usize, CaughtError>,
    /// What `ERROR_NUMBER()` answered in the caller.
    outer: Option<CaughtError>,
}

impl Frame {
    /// The innermost TRY around a step.
    fn try_region(&self, at: usize) -> Option<usize> {
        self.program
            .regions
            .iter()
            .enumerate()
            .filter(|(_, r)| (r.begin..r.end).contains(&at))
            .min_by_key(|(_, r)| r.end - r.begin)
            .map(|(n, _)| n)
    }

    /// The error of the innermost CATCH around a step.
    fn caught_at(&self, at: usize) -> Option<&CaughtError> {
        self.program
            .regions
            .iter()
            .enumerate()
            .filter(|(n, r)| {
                (r.catch_begin..r.catch_end).contains(&at) && self.caught.contains_key(n)
            })
            .min_by_key(|(_, r)| r.catch_end - r.catch_begin)
            .and_then(|(n, _)| self.caught.get(&n))
            .or(self.outer.as_ref())
    }
}

/// What a step leads to.
enum Next {
    Step(usize),
    End(Ended),
}

impl Session {
    /// A batch: parsed as a whole, then run.
    pub(super) async fn run_batch(&mut self, sql: String, io: Io<'_>) {
        let parsed = self
            .on_engine(io, move |_, state, _| {
                let context = BatchContext {
                    quoted_identifier: state.facts.options.quoted_identifier,
                    parameters: &[],
                };
                parse_batch(&sql, &context).map(Arc::new)
            })
            .await;
        let program = match parsed {
            Ok(program) => program,
            Err(messages) => {
                self.set_error(messages.last().map_or(0, |m| m.number));
                for message in messages {
                    io.send(Reply::Message(message)).await;
                }
                io.done(253, None, true).await;
                return;
            }
        };
        let before = self.count_temporaries(true);
        if let Some(state) = self.state.as_mut() {
            state.variables = Variables::default();
            state.cursors.retain(|name, _| !name.starts_with('@'));
        }
        self.catchers = 0;
        if let Ended::Thrown(message) = self.run_program(program, io).await {
            io.send(Reply::Message(message)).await;
            io.done(253, None, true).await;
        }
        self.forget_temporaries(before, true, io).await;
        self.end_doomed_transaction(io).await;
    }

    /// A transaction that can only be rolled back does not outlive its batch: 3998.
    pub(super) async fn end_doomed_transaction(&mut self, io: Io<'_>) {
        let is_doomed = self
            .state
            .as_ref()
            .is_some_and(|s| s.facts.xact_state == -1 && s.facts.trancount > 0);
        if is_doomed {
            self.on_engine(io, |engine, state, output| {
                execute::roll_everything_back(engine, state, output);
            })
            .await;
            io.send(Reply::Message(Message::error(
                3998,
                "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.",
            )))
            .await;
            io.done(253, None, true).await;
        }
    }

    /// How many temp tables there are: of variables alone, or of all kinds.
    pub(super) fn count_temporaries(&self, variables_only: bool) -> usize {
        self.state.as_ref().map_or(0, |s| {
            s.temp
                .iter()
                .filter(|t| !variables_only || t.name.starts_with('@'))
                .count()
        })
    }

    /// Drops the temp tables made since there were `before`.
    pub(super) async fn forget_temporaries(
        &mut self,
        before: usize,
        variables_only: bool,
        io: Io<'_>,
    ) {
        if self.count_temporaries(variables_only) <= before {
            return;
        }
        self.on_engine(io, move |engine, state, _| {
            let gone: Vec<_> = state
                .temp
                .iter()
                .filter(|t| !variables_only || t.name.starts_with('@'))
                .skip(before)
                .cloned()
                .collect();
            for table in &gone {
                state.temp.remove(&table.name);
            }
            ddl::forget_temporaries(engine, &gone);
        })
        .await;
    }

    fn set_error(&mut self, number: i32) {
        if let Some(state) = self.state.as_mut() {
            state.facts.error = number;
        }
    }

    /// Runs a program in the present scope. Boxed, since programs call programs.
    pub(super) fn run_program<'a>(
        &'a mut self,
        program: Arc<Program>,
        io: Io<'a>,
    ) -> Pin<Box<dyn Future<Output = Ended> + Send + 'a>> {
        Box::pin(async move {
            let outer = self.state.as_ref().and_then(|s| s.facts.caught.clone());
            let mut frame = Frame {
                program,
                caught: BTreeMap::new(),
                outer,
            };
            let mut at = 0;
            let ended = loop {
                if io.cancel.is_cancelled() {
                    break Ended::Cancelled;
                }
                let Some(step) = frame.program.steps.get(at).cloned() else {
                    break Ended::Normally;
                };
                let caught = frame.caught_at(at).cloned();
                if let Some(state) = self.state.as_mut() {
                    state.facts.caught = caught;
                }
                match self.step(&mut frame, at, step, io).await {
                    Next::Step(next) => at = next,
                    Next::End(ended) => break ended,
                }
            };
            if let Some(state) = self.state.as_mut() {
                state.facts.caught = frame.outer;
            }
            ended
        })
    }

    async fn step(&mut self, frame: &mut Frame, at: usize, step: Step, io: Io<'_>) -> Next {
        let line = step.line;
        match step.action {
            Action::Nothing => Next::Step(at + 1),
            Action::Jump(target) => Next::Step(target),
            Action::Return => Next::End(Ended::Normally),
            Action::JumpUnless { condition, target } => {
                let held = self
                    .with_lock_retry(io, move |engine, state, _| {
                        state.holds(engine, &condition).map_err(|error| vec![error])
                    })
                    .await;
                match held {
                    Ok(true) => Next::Step(at + 1),
                    Ok(false) => Next::Step(target),
                    Err(failure) => self.failed(frame, at, line, 253, failure, io).await,
                }
            }
            Action::Run(statement) => self.run_statement(frame, at, line, statement, io).await,
        }
    }

    async fn run_statement(
        &mut self,
        frame: &mut Frame,
        at: usize,
        line: u32,
        statement: Arc<Statement>,
        io: Io<'_>,
    ) -> Next {
        let (command, _) = execute::command_of(&statement);
        let no_exec = self.state.as_ref().is_some_and(|s| s.facts.options.no_exec);
        if no_exec && !matches!(*statement, Statement::SetSwitch { .. }) {
            return Next::Step(at + 1);
        }
        let catches = usize::from(frame.try_region(at).is_some());
        let result: Result<Effect, Failure> = match &*statement {
            Statement::WaitFor { until, value } => self.wait_for(*until, value.clone(), io).await,
            Statement::Throw(parts) => {
                let error = match parts {
                    None => match frame.caught_at(at) {
                        Some(caught) => Message {
                            number: caught.number,
                            class: u8::try_from(caught.severity).unwrap_or(16),
                            state: u8::try_from(caught.state).unwrap_or(1),
                            text: caught.message.clone(),
                            procedure: caught.procedure.clone().unwrap_or_default(),
                            line: u32::try_from(caught.line).unwrap_or(line),
                        },
                        None => Message::error(
                            10704,
                            "To rethrow an error, a THROW statement must be used inside a CATCH block. Insert the THROW statement inside a CATCH block, or add error parameters to the THROW statement.",
                        )
                        .with_class(15),
                    },
                    Some(_) => {
                        let statement = Arc::clone(&statement);
                        let made: Result<Message, Message> = self
                            .on_engine(io, move |engine, state, _| match &*statement {
                                Statement::Throw(Some(parts)) => {
                                    raise::thrown(engine, state, parts)
                                }
                                _ => Err(Message::error(10704, String::new())),
                            })
                            .await;
                        match made {
                            Ok(message) | Err(message) => message,
                        }
                    }
                };
                return self.thrown(frame, at, line, error, io).await;
            }
            Statement::Execute(_) => {
                self.catchers += catches;
                let ended = self.call_statement(&statement, io).await;
                self.catchers -= catches;
                match ended {
                    Ok(effect) => Ok(effect),
                    Err(Ended::Thrown(message)) => {
                        // What a callee could not catch, this frame may, whatever its number.
                        return self.thrown_by_callee(frame, at, line, message, io).await;
                    }
                    Err(ended) => return Next::End(ended),
                }
            }
            Statement::Insert(insert) if matches!(insert.source, InsertSource::Execute(_)) => {
                self.catchers += catches;
                let ended = self.insert_from_execute(&statement, insert, io).await;
                self.catchers -= catches;
                match ended {
                    Ok(Ok(effect)) => Ok(effect),
                    Ok(Err(failure)) => Err(failure),
                    Err(Ended::Thrown(message)) => {
                        return self.thrown_by_callee(frame, at, line, message, io).await;
                    }
                    Err(ended) => return Next::End(ended),
                }
            }
            Statement::Backup(_) | Statement::Restore(_) => {
                return self.media(frame, at, line, &statement, io).await;
            }
            _ => {
                let shared = Arc::clone(&statement);
                self.with_lock_retry(io, move |engine, state, output| {
                    execute::execute(engine, state, &shared, output)
                })
                .await
            }
        };
        match result {
            Ok(effect) => {
                self.succeeded(effect, io).await;
                if io.cancel.is_cancelled() {
                    return Next::End(Ended::Cancelled);
                }
                Next::Step(at + 1)
            }
            Err(failure) => self.failed(frame, at, line, command, failure, io).await,
        }
    }

    async fn succeeded(&mut self, effect: Effect, io: Io<'_>) {
        let mut nocount = false;
        if let Some(state) = self.state.as_mut() {
            state.facts.error = 0;
            if !effect.keeps_row_count {
                state.facts.rowcount = effect
                    .rows
                    .map_or(0, |n| i64::try_from(n).unwrap_or(i64::MAX));
            }
            nocount = state.facts.options.nocount && effect.command != 193;
        }
        let collected =
            effect.command == 193 && self.state.as_ref().is_some_and(|s| s.captured.is_some());
        if !effect.silent && !collected {
            let rows = effect.rows.filter(|_| !nocount);
            io.done(effect.command, rows, false).await;
        }
    }
}

/// 2812.
pub(super) fn no_procedure(name: &str) -> Message {
    Message::error(2812, format!("Could not find stored procedure '{name}'.")).with_state(62)
}
