//! One connection's session: what it is asked, and how it answers.

use super::environment::{SessionFacts, SessionOptions};
use super::execute;
use super::state::{Output, State};
use crate::practice::engine::{Engine, EngineHandle, EngineStopped, SessionStart};
use crate::practice::reply::{Done, Message, Reply};
use crate::practice::value::{SqlType, Value};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub login: String,
    pub host: String,
    pub program: String,
    /// `None`: the default database.
    pub database: Option<String>,
    /// Not a client: the server's own jobs and the making of its world.
    pub service: bool,
    pub client_pid: u32,
    pub packet_size: u32,
}

/// A parameter of a remote procedure call.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// With `@`; empty when only its place tells which one it is.
    pub name: String,
    pub ty: SqlType,
    pub value: Value,
    pub output: bool,
}

/// Where replies go. Bounded: a slow client holds neither memory nor, for long, the engine.
pub type ReplySender = tokio::sync::mpsc::Sender<Reply>;

/// A transaction manager request ([MS-TDS] 2.2.6.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionRequest {
    Begin {
        name: String,
    },
    /// `begin`: a new transaction follows at once.
    Commit {
        name: String,
        begin: bool,
    },
    /// An empty name rolls everything back.
    Rollback {
        name: String,
        begin: bool,
    },
    Save {
        name: String,
    },
}

/// One session. Dropping it rolls its transaction back and frees its number.
pub struct Session {
    engine: EngineHandle,
    id: i16,
    /// Away while a statement runs on the engine's thread.
    pub(super) state: Option<Box<State>>,
    /// How many callers up the stack would catch an error.
    pub(super) catchers: usize,
}

/// How often a cancelled statement is interrupted until it ends.
const INTERRUPT_AGAIN: std::time::Duration = std::time::Duration::from_millis(10);

/// Where a request answers, and what stops it.
#[derive(Clone, Copy)]
pub(super) struct Io<'a> {
    pub out: &'a ReplySender,
    pub cancel: &'a CancellationToken,
}

impl Io<'_> {
    /// Sends a reply; a client that is gone ends its session by itself.
    pub async fn send(&self, reply: Reply) {
        self.out.send(reply).await.ok();
    }

    pub async fn done(&self, command: u16, rows: Option<u64>, failed: bool) {
        self.send(Reply::Done(Done {
            command,
            rows,
            failed,
        }))
        .await;
    }
}

impl Session {
    /// Opens a session in the login's database: 4060 when that cannot be used.
    pub async fn open(engine: EngineHandle, login: Login) -> Result<Self, Message> {
        let opened = engine
            .run(move |engine| open_state(engine, login))
            .await
            .map_err(|EngineStopped| stopped())??;
        Ok(Self {
            id: opened.facts.id,
            engine,
            state: Some(Box::new(opened)),
            catchers: 0,
        })
    }

    /// `@@SPID`.
    pub fn session_id(&self) -> i16 {
        self.id
    }

    /// The current database.
    pub fn database(&self) -> &str {
        self.state
            .as_ref()
            .map_or("master", |s| s.facts.database_name.as_str())
    }

    pub(super) fn engine(&self) -> &EngineHandle {
        &self.engine
    }

    /// Runs a batch.
    pub async fn batch(&mut self, sql: String, out: &ReplySender, cancel: &CancellationToken) {
        let io = Io { out, cancel };
        self.begin_request("SELECT", &sql);
        self.run_batch(sql, io).await;
        self.end_request();
    }

    /// Runs a remote procedure call.
    pub async fn procedure(
        &mut self,
        name: &str,
        parameters: Vec<Parameter>,
        out: &ReplySender,
        cancel: &CancellationToken,
    ) {
        let io = Io { out, cancel };
        self.begin_request("EXECUTE", name);
        self.run_remote_procedure(name, parameters, io).await;
        self.end_request();
    }

    /// Begins, ends or marks a transaction for the client's library.
    pub async fn transaction(&mut self, request: TransactionRequest, out: &ReplySender) {
        let cancel = CancellationToken::new();
        let io = Io {
            out,
            cancel: &cancel,
        };
        let some = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let result = self
            .on_engine(io, move |engine, state, output| match request {
                TransactionRequest::Begin { name } => {
                    execute::begin_transaction(engine, state, some(&name), output).map(|()| 212)
                }
                TransactionRequest::Commit { name: _, begin } => {
                    execute::commit(engine, state, output)?;
                    if begin {
                        execute::begin_transaction(engine, state, None, output)?;
                    }
                    Ok(213)
                }
                TransactionRequest::Rollback { name, begin } => {
                    execute::rollback(engine, state, some(&name).as_deref(), output)?;
                    if begin {
                        execute::begin_transaction(engine, state, None, output)?;
                    }
                    Ok(210)
                }
                TransactionRequest::Save { name } => {
                    execute::save(engine, state, &name).map(|()| 214)
                }
            })
            .await;
        match result {
            Ok(command) => io.done(command, None, false).await,
            Err(error) => {
                io.send(Reply::Message(error)).await;
                io.done(253, None, true).await;
            }
        }
    }

    /// Ends the session: whatever its transaction wrote is gone.
    pub async fn close(self) {
        // Dropping sends the job; waiting for an empty one lets the caller rely on it.
        let engine = self.engine.clone();
        drop(self);
        engine.run(|_| ()).await.ok();
    }

    /// Puts the session back into the state after login, as `sp_reset_connection` does.
    pub(super) async fn reset(&mut self, io: Io<'_>) {
        self.on_engine(io, |engine, state, output| {
            if state.facts.trancount > 0 {
                execute::roll_everything_back(engine, state, output);
            }
            engine.application_locks.release_session(state.facts.id);
            let tables: Vec<_> = state.temp.iter().cloned().collect();
            super::ddl::forget_temporaries(engine, &tables);
            let facts = SessionFacts {
                options: SessionOptions::default(),
                caught: None,
                ..state.facts.clone()
            };
            *state = State {
                next_temp: state.next_temp,
                next_descriptor: state.next_descriptor,
                ..State::new(facts)
            };
        })
        .await;
    }

    /// Runs `job` on the engine's thread with this session's state, and sends what it answers.
    ///
    /// While it runs, cancellation interrupts SQLite.
    pub(super) async fn on_engine<T: Send + 'static + FromStopped>(
        &mut self,
        io: Io<'_>,
        job: impl FnOnce(&mut Engine, &mut State, &mut Output) -> T + Send + 'static,
    ) -> T {
        let Some(mut state) = self.state.take() else {
            return T::from_stopped();
        };
        let mut output = Output::new(io.out.clone(), io.cancel.clone());
        let running = Arc::new(Mutex::new(false));
        let flag = Arc::clone(&running);
        let work = self.engine.run(move |engine| {
            *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
            let answer = job(engine, &mut state, &mut output);
            *flag.lock().unwrap_or_else(PoisonError::into_inner) = false;
            (answer, state, output.into_replies())
        });
        tokio::pin!(work);
        let finished = tokio::select! {
            finished = &mut work => finished,
            () = io.cancel.cancelled() => loop {
                // Only our own statement is stopped: another session's may run by now.
                // Again and again, because what SQLite has not begun yet is not interrupted.
                if *running.lock().unwrap_or_else(PoisonError::into_inner) {
                    self.engine.interrupter().interrupt();
                }
                tokio::select! {
                    finished = &mut work => break finished,
                    () = tokio::time::sleep(INTERRUPT_AGAIN) => {}
                }
            },
        };
        match finished {
            Ok((answer, state, replies)) => {
                self.state = Some(state);
                for reply in replies {
                    if io.cancel.is_cancelled() && matches!(reply, Reply::Rows(_)) {
                        continue;
                    }
                    io.send(reply).await;
                }
                answer
            }
            Err(EngineStopped) => T::from_stopped(),
        }
    }

    fn begin_request(&self, command: &str, text: &str) {
        let (id, command, text) = (self.id, command.to_owned(), text.to_owned());
        let begun = self.engine.send(move |engine| {
            let now = engine.clock.now();
            if let Some(entry) = engine.sessions.find_mut(id) {
                entry.last_request_start = now;
                entry.request = Some(crate::practice::engine::sessions::Request {
                    command,
                    text,
                    started: now,
                    wait: None,
                    blocked_by: 0,
                });
            }
        });
        if begun.is_err() {
            tracing::debug!("a request came after the engine stopped");
        }
    }

    fn end_request(&self) {
        let id = self.id;
        let ended = self.engine.send(move |engine| {
            let now = engine.clock.now();
            if let Some(entry) = engine.sessions.find_mut(id) {
                entry.last_request_end = now;
                entry.request = None;
            }
        });
        if ended.is_err() {
            tracing::debug!("a request ended after the engine stopped");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let id = self.id;
        let state = self.state.take();
        let sent = self.engine.send(move |engine| {
            engine.store.rollback(id);
            engine.application_locks.release_session(id);
            if let Some(state) = state {
                let tables: Vec<_> = state.temp.iter().cloned().collect();
                super::ddl::forget_temporaries(engine, &tables);
            }
            engine.end_session(id);
        });
        if sent.is_err() {
            tracing::debug!("a session closed after the engine stopped");
        }
    }
}

/// The answer of a job that the engine could not finish.
pub(super) trait FromStopped {
    fn from_stopped() -> Self;
}

impl FromStopped for () {
    fn from_stopped() -> Self {}
}

impl<T> FromStopped for Result<T, Message> {
    fn from_stopped() -> Self {
        Err(stopped())
    }
}

impl<T> FromStopped for Result<T, Vec<Message>> {
    fn from_stopped() -> Self {
        Err(vec![stopped()])
    }
}

/// 596: the session cannot go on.
fn stopped() -> Message {
    Message::error(
        596,
        "Cannot continue the execution because the session is in the kill state.",
    )
    .with_class(21)
}

/// 4060.
fn cannot_open(database: &str) -> Message {
    Message::error(
        4060,
        format!("Cannot open database \"{database}\" requested by the login. The login failed."),
    )
    .with_class(11)
}

fn open_state(engine: &mut Engine, login: Login) -> Result<State, Message> {
    let wanted = login
        .database
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "master".to_owned());
    let id = engine
        .store
        .find(&wanted)
        .ok_or_else(|| cannot_open(&wanted))?;
    engine
        .store
        .check_readable(id)
        .map_err(|_source| cannot_open(&wanted))?;
    let single = engine.store.database(id).is_some_and(|d| {
        d.facts.user_access == crate::practice::engine::UserAccess::Single
            && d.single_user_session.is_some_and(|holder| {
                engine
                    .sessions
                    .find(holder)
                    .is_some_and(|s| s.database == id)
            })
    });
    if single {
        return Err(cannot_open(&wanted));
    }
    let database_name = engine
        .store
        .database(id)
        .map_or(wanted, |d| d.facts.name.clone());
    let now = engine.clock.now();
    let session = engine.sessions.open(
        SessionStart {
            login: login.login.clone(),
            host: login.host.clone(),
            program: login.program.clone(),
            client_pid: login.client_pid,
            packet_size: login.packet_size,
            database: id,
        },
        now,
    );
    Ok(State::new(SessionFacts {
        id: session,
        database: id,
        database_name,
        login: login.login,
        host: login.host,
        program: login.program,
        service: login.service,
        client_pid: login.client_pid,
        packet_size: login.packet_size,
        rowcount: 0,
        error: 0,
        trancount: 0,
        xact_state: 0,
        identity: None,
        scope_identity: None,
        fetch_status: 0,
        nest_level: 0,
        procedure: String::new(),
        options: SessionOptions::default(),
        caught: None,
    }))
}
