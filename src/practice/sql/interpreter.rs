//! Running programs: jumps, TRY and CATCH, calls, waits, and what an error ends.

use super::environment::{CaughtError, Variables};
use super::execute::{self, Effect, Failure};
use super::parse::{BatchContext, parse_batch};
use super::session::{Io, Parameter, Session};
use super::state::ParameterDeclaration;
use super::statement::{
    Action, ArgumentValue, Execute, ExecuteTarget, Insert, InsertSource, Program, Statement, Step,
};
use super::{convert, ddl, dml, raise, resolve};
use crate::practice::backup;
use crate::practice::engine::Engine;
use crate::practice::reply::{Message, Reply};
use crate::practice::sql::run::INTERRUPTED;
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::Expr;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Calls within calls; beyond it 217.
const MAX_NESTING: i32 = 32;
/// How often a statement looks again whether somebody else's transaction has ended.
const RETRY: Duration = Duration::from_millis(10);

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

    /// Runs a job again while another session's transaction is in its way, up to `LOCK_TIMEOUT`.
    async fn with_lock_retry<T: Send + 'static>(
        &mut self,
        io: Io<'_>,
        job: impl Fn(
            &mut Engine,
            &mut super::state::State,
            &mut super::state::Output,
        ) -> Result<T, Failure>
        + Send
        + Sync
        + 'static,
    ) -> Result<T, Failure> {
        let job = Arc::new(job);
        let began = Instant::now();
        loop {
            let shared = Arc::clone(&job);
            let result = self
                .on_engine(io, move |engine, state, output| {
                    let result = shared(engine, state, output);
                    if let Err(failure) = &result
                        && failure.iter().any(|m| m.number == 1222)
                    {
                        output.discard();
                        let writer = engine.store.writer().unwrap_or(0);
                        wait_state(engine, state.facts.id, Some("LCK_M_X"), writer);
                    }
                    result
                })
                .await;
            let blocked =
                matches!(&result, Err(failure) if failure.iter().any(|m| m.number == 1222));
            let timeout = self
                .state
                .as_ref()
                .map_or(0, |s| s.facts.options.lock_timeout);
            let waited = u64::try_from(timeout)
                .is_ok_and(|limit| began.elapsed() >= Duration::from_millis(limit));
            if !blocked || waited || io.cancel.is_cancelled() {
                return result;
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = io.cancel.cancelled() => {}
            }
        }
    }

    /// An error of this level's own statement.
    async fn failed(
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

    fn enter_catch(&mut self, frame: &mut Frame, region: usize, error: Message) -> Next {
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
    async fn thrown(
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
    async fn thrown_by_callee(
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

    /// WAITFOR DELAY and WAITFOR TIME; the engine is free meanwhile.
    async fn wait_for(&mut self, until: bool, value: Expr, io: Io<'_>) -> Result<Effect, Failure> {
        let pause: Result<u64, Failure> = self
            .on_engine(io, move |engine, state, _| {
                let (ty, value) = state.evaluate(engine, &value).map_err(|e| vec![e])?;
                let shown = match &value {
                    Value::Text(text) => text.clone(),
                    _ => String::new(),
                };
                let ticks =
                    match convert::convert(value, ty, SqlType::Time(7), convert::NO_STYLE) {
                        Ok(Value::Int(ticks)) => ticks,
                        _ => {
                            return Err(vec![
                                Message::error(
                                    148,
                                    format!("Incorrect time syntax in time string '{shown}' used with WAITFOR."),
                                )
                                .with_class(15),
                            ]);
                        }
                    };
                let day = 864_000_000_000;
                let ticks = if until {
                    let now = engine.clock.statement_time().local_ticks() % day;
                    (ticks - now).rem_euclid(day)
                } else {
                    ticks
                };
                wait_state(engine, state.facts.id, Some("WAITFOR"), 0);
                Ok(u64::try_from(ticks).unwrap_or(0))
            })
            .await;
        let pause = Duration::from_micros(pause? / 10);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = io.cancel.cancelled() => {}
        }
        self.on_engine(io, |engine, state, _| {
            wait_state(engine, state.facts.id, None, 0);
        })
        .await;
        Ok(Effect {
            command: 252,
            ..Effect::default()
        })
    }

    /// BACKUP and RESTORE, which send their messages themselves.
    async fn media(
        &mut self,
        frame: &mut Frame,
        at: usize,
        line: u32,
        statement: &Arc<Statement>,
        io: Io<'_>,
    ) -> Next {
        let Some(state) = self.state.as_ref() else {
            return Next::End(Ended::Aborted);
        };
        let facts = state.facts.clone();
        let catches = frame.try_region(at).is_some() || self.catchers > 0;
        let (sender, mut replies) = tokio::sync::mpsc::channel(64);
        let engine = self.engine().clone();
        let resolved = match &**statement {
            Statement::Backup(command) => {
                resolve::backup(state, command).map(resolve::Media::Backup)
            }
            Statement::Restore(command) => {
                resolve::restore(state, command).map(resolve::Media::Restore)
            }
            _ => return Next::Step(at + 1),
        };
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(error) => return self.failed(frame, at, line, 253, vec![error], io).await,
        };
        let cancel = io.cancel.clone();
        let work = async move {
            match resolved {
                resolve::Media::Backup(statement) => {
                    backup::execute_backup(&engine, &facts, statement, &sender, &cancel).await
                }
                resolve::Media::Restore(statement) => {
                    backup::execute_restore(&engine, &facts, statement, &sender, &cancel).await
                }
            }
        };
        let captures = self.state.as_ref().is_some_and(|s| s.captured.is_some());
        let mut errors = Vec::new();
        let mut last = 0;
        let mut columns = None;
        let mut captured = Vec::new();
        let forward = async {
            while let Some(reply) = replies.recv().await {
                let reply = match reply {
                    Reply::Message(mut message) => {
                        message.line = line;
                        if message.is_error() {
                            last = message.number;
                            if catches {
                                errors.push(message);
                                continue;
                            }
                        }
                        Reply::Message(message)
                    }
                    Reply::Done(done) if catches && done.failed => continue,
                    Reply::Done(done) if captures && done.rows.is_some() => continue,
                    Reply::Columns(found) if captures => {
                        columns = Some(found);
                        continue;
                    }
                    Reply::Rows(rows) if captures => {
                        captured.extend(rows);
                        continue;
                    }
                    other => other,
                };
                io.send(reply).await;
            }
        };
        let (succeeded, ()) = tokio::join!(work, forward);
        if let Some(state) = self.state.as_mut() {
            if let (Some(all), Some(columns)) = (state.captured.as_mut(), columns) {
                all.push((columns, captured));
            }
            state.facts.error = if succeeded { 0 } else { last };
            state.facts.rowcount = 0;
        }
        if succeeded {
            return Next::Step(at + 1);
        }
        if io.cancel.is_cancelled() {
            return Next::End(Ended::Cancelled);
        }
        match (errors.pop(), frame.try_region(at)) {
            (Some(error), Some(region)) => self.enter_catch(frame, region, error),
            (Some(error), None) => Next::End(Ended::Thrown(error)),
            (None, _) => Next::Step(at + 1),
        }
    }

    /// EXECUTE as a statement. `Err` is how the callee ended when it did not end well.
    async fn call_statement(
        &mut self,
        statement: &Arc<Statement>,
        io: Io<'_>,
    ) -> Result<Effect, Ended> {
        let Statement::Execute(call) = &**statement else {
            return Ok(Effect::default());
        };
        self.call(call, io).await?;
        Ok(Effect {
            command: 224,
            keeps_row_count: true,
            silent: true,
            ..Effect::default()
        })
    }

    /// Sends an error of a call, or hands it to whoever catches.
    pub(super) async fn call_failed(&mut self, error: Message, io: Io<'_>) -> Result<(), Ended> {
        self.set_error(error.number);
        if self.catchers > 0 {
            return Err(Ended::Thrown(error));
        }
        io.send(Reply::Message(error)).await;
        io.done(224, None, true).await;
        Ok(())
    }

    async fn call(&mut self, call: &Execute, io: Io<'_>) -> Result<(), Ended> {
        let name = match &call.target {
            ExecuteTarget::Text(text) => {
                let text = (**text).clone();
                let text: Result<String, Message> = self
                    .on_engine(io, move |engine, state, _| {
                        match state.evaluate_as(engine, &text, SqlType::NVarChar(Length::Max))? {
                            Value::Text(text) => Ok(text),
                            _ => Ok(String::new()),
                        }
                    })
                    .await;
                return match text {
                    Ok(text) => self
                        .run_dynamic(text, Vec::new(), Vec::new(), io)
                        .await
                        .map(|_| ()),
                    Err(error) => self.call_failed(error, io).await,
                };
            }
            ExecuteTarget::Procedure(path) => path.written(),
            ExecuteTarget::Variable(name) => {
                let text = self.state.as_ref().map(|state| {
                    execute::operand_text(state, &super::statement::Operand::Variable(name.clone()))
                });
                match text {
                    Some(Ok(text)) => text,
                    Some(Err(error)) => return self.call_failed(error, io).await,
                    None => return Err(Ended::Aborted),
                }
            }
        };
        let mut parameters = Vec::with_capacity(call.arguments.len());
        let mut outputs = Vec::new();
        for argument in &call.arguments {
            let ArgumentValue::Expression(expr) = &argument.value else {
                continue;
            };
            if argument.output
                && let Expr::Identifier(ident) = expr.as_ref()
            {
                outputs.push((parameters.len(), ident.value.clone()));
            }
            let expr = expr.clone();
            let value: Result<(SqlType, Value), Message> = self
                .on_engine(io, move |engine, state, _| state.evaluate(engine, &expr))
                .await;
            match value {
                Ok((ty, value)) => parameters.push(Parameter {
                    name: argument.name.clone().unwrap_or_default(),
                    ty,
                    value,
                    output: argument.output,
                }),
                Err(error) => return self.call_failed(error, io).await,
            }
        }
        let path = match &call.target {
            ExecuteTarget::Procedure(path) => Some(path.clone()),
            _ => super::parse::parse_object_path(&name),
        };
        let Some(path) = path else {
            return self.call_failed(no_procedure(&name), io).await;
        };
        let answer = self.call_procedure(&path, parameters, io).await?;
        let Some(state) = self.state.as_mut() else {
            return Err(Ended::Aborted);
        };
        let mut trouble = None;
        for (place, variable) in outputs {
            if let Some((ty, value)) = answer.outputs.get(&place)
                && let Err(error) = state.assign(&variable, *ty, value.clone())
            {
                trouble = Some(error);
            }
        }
        if let Some(variable) = &call.result
            && let Err(error) =
                state.assign(variable, SqlType::Int, Value::Int(i64::from(answer.status)))
        {
            trouble = Some(error);
        }
        match trouble {
            Some(error) => self.call_failed(error, io).await,
            None => Ok(()),
        }
    }

    /// Runs text in a scope of its own with these parameters, and answers their values afterwards.
    pub(super) async fn run_dynamic(
        &mut self,
        text: String,
        declarations: Vec<ParameterDeclaration>,
        values: Vec<Value>,
        io: Io<'_>,
    ) -> Result<Vec<Value>, Ended> {
        let names: Vec<String> = declarations.iter().map(|d| d.name.clone()).collect();
        let parsed = self
            .on_engine(io, move |_, state, _| {
                let context = BatchContext {
                    quoted_identifier: state.facts.options.quoted_identifier,
                    parameters: &names,
                };
                parse_batch(&text, &context).map(Arc::new)
            })
            .await;
        match parsed {
            Ok(program) => self.run_scope(program, &declarations, values, io).await,
            Err(mut messages) => {
                let last = messages.pop();
                if self.catchers == 0 {
                    for message in messages {
                        io.send(Reply::Message(message)).await;
                    }
                }
                if let Some(last) = last {
                    self.call_failed(last, io).await?;
                }
                Ok(Vec::new())
            }
        }
    }

    /// Runs a program in a scope of its own.
    pub(super) async fn run_scope(
        &mut self,
        program: Arc<Program>,
        declarations: &[ParameterDeclaration],
        values: Vec<Value>,
        io: Io<'_>,
    ) -> Result<Vec<Value>, Ended> {
        let Some(state) = self.state.as_mut() else {
            return Err(Ended::Aborted);
        };
        if state.facts.nest_level >= MAX_NESTING {
            self.call_failed(
                Message::error(
                    217,
                    "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).",
                ),
                io,
            )
            .await?;
            return Ok(Vec::new());
        }
        let mut inner = Variables::default();
        for (declaration, value) in declarations.iter().zip(values) {
            inner.declare(&declaration.name, declaration.ty, value);
        }
        let variables = std::mem::replace(&mut state.variables, inner);
        let switches = state.facts.options.clone();
        state.facts.nest_level += 1;
        let before = self.count_temporaries(false);
        let ended = self.run_program(program, io).await;
        self.forget_temporaries(before, false, io).await;
        let Some(state) = self.state.as_mut() else {
            return Err(Ended::Aborted);
        };
        state.facts.nest_level -= 1;
        // SET inside a scope ends with it.
        let level = state.facts.options.isolation_level;
        state.facts.options = switches;
        state.facts.options.isolation_level = level;
        let inner = std::mem::replace(&mut state.variables, variables);
        match ended {
            Ended::Normally => Ok(declarations
                .iter()
                .map(|d| {
                    inner
                        .find(&d.name)
                        .map_or(Value::Null, |(_, value)| value.clone())
                })
                .collect()),
            other => Err(other),
        }
    }

    /// `INSERT … EXEC`.
    async fn insert_from_execute(
        &mut self,
        statement: &Arc<Statement>,
        insert: &Insert,
        io: Io<'_>,
    ) -> Result<Result<Effect, Failure>, Ended> {
        let InsertSource::Execute(call) = &insert.source else {
            return Ok(Ok(Effect::default()));
        };
        let Some(state) = self.state.as_mut() else {
            return Err(Ended::Aborted);
        };
        if state.captured.is_some() {
            return Ok(Err(vec![Message::error(
                8164,
                "An INSERT EXEC statement cannot be nested.",
            )]));
        }
        state.captured = Some(Vec::new());
        let ended = self.call(call, io).await;
        let captured = self.state.as_mut().and_then(|s| s.captured.take());
        ended?;
        let statement = Arc::clone(statement);
        Ok(self
            .on_engine(io, move |engine, state, output| {
                let Statement::Insert(insert) = &*statement else {
                    return Ok(Effect::default());
                };
                let target =
                    dml::Target::find(engine, state, &insert.table).map_err(|e| vec![e])?;
                let mut n_rows = 0;
                for (columns, rows) in captured.unwrap_or_default() {
                    let rows = dml::typed(&columns, rows);
                    n_rows += dml::insert_rows(engine, state, &target, insert, rows, output)
                        .map_err(|e| vec![e])?;
                }
                Ok(Effect {
                    command: 195,
                    rows: Some(n_rows),
                    ..Effect::default()
                })
            })
            .await)
    }
}

/// What a session waits for, as `dm_exec_requests` shows it.
pub(super) fn wait_state(engine: &mut Engine, session: i16, wait: Option<&str>, blocked_by: i16) {
    if let Some(entry) = engine.sessions.find_mut(session)
        && let Some(request) = entry.request.as_mut()
    {
        request.wait = wait.map(str::to_owned);
        request.blocked_by = blocked_by;
    }
}

/// 2812.
pub(super) fn no_procedure(name: &str) -> Message {
    Message::error(2812, format!("Could not find stored procedure '{name}'.")).with_state(62)
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
