//! Statements that take their time while the engine is free: WAITFOR, locks, BACKUP and RESTORE.

use super::{Ended, Frame, Next};
use crate::practice::backup;
use crate::practice::engine::Engine;
use crate::practice::reply::{Message, Reply};
use crate::practice::sql::execute::{Effect, Failure};
use crate::practice::sql::session::{Io, Session};
use crate::practice::sql::state::{Output, State};
use crate::practice::sql::statement::Statement;
use crate::practice::sql::{convert, resolve};
use crate::practice::value::{SqlType, Value};
use sqlparser::ast::Expr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a statement looks again whether somebody else's transaction has ended.
const RETRY: Duration = Duration::from_millis(10);

impl Session {
    /// WAITFOR DELAY and WAITFOR TIME; the engine is free meanwhile.
    pub(super) async fn wait_for(
        &mut self,
        until: bool,
        value: Expr,
        io: Io<'_>,
    ) -> Result<Effect, Failure> {
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
    pub(super) async fn media(
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

    /// Runs a job again while another session's transaction is in its way, up to `LOCK_TIMEOUT`.
    pub(super) async fn with_lock_retry<T: Send + 'static>(
        &mut self,
        io: Io<'_>,
        job: impl Fn(&mut Engine, &mut State, &mut Output) -> Result<T, Failure> + Send + Sync + 'static,
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
}

/// What a session waits for, as `dm_exec_requests` shows it.
pub(in crate::practice::sql) fn wait_state(
    engine: &mut Engine,
    session: i16,
    wait: Option<&str>,
    blocked_by: i16,
) {
    if let Some(entry) = engine.sessions.find_mut(session)
        && let Some(request) = entry.request.as_mut()
    {
        request.wait = wait.map(str::to_owned);
        request.blocked_by = blocked_by;
    }
}
