//! One client: sign-in, then requests until it leaves. Reads the socket also while it answers, for attention.

use super::{
    engine::{Engine, EngineHandle, EngineOptions},
    reply::{Done, Message, Reply},
    sql::convert,
    sql::session::{Login, Parameter, ReplySender, Session, TransactionRequest},
    value::{Column, Length, SqlType, Value},
    wire::{
        WireError,
        login::{self, Login7, TDS_7_3_A, TDS_7_4},
        packet::{ClientMessage, DEFAULT_PACKET_BYTES, MessageReader, MessageWriter, kind},
        prelogin::{self, Encryption},
        request::{self, TransactionOrder},
        rpc,
        tls::Wrapped,
        token::{self, DoneStatus, DoneToken, EnvChange},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use std::{io, pin::pin, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

/// A client that has not signed in by then is not one.
const SIGN_IN_TIME: Duration = Duration::from_secs(30);
/// Replies that may wait for a slow client.
const WAITING_REPLIES: usize = 16;

/// What every connection needs to know of its server.
#[derive(Clone)]
pub struct Listening {
    pub engine: EngineHandle,
    pub server_name: String,
    pub user: String,
    pub password: SecretString,
    pub acceptor: TlsAcceptor,
    /// The server stops.
    pub stopping: CancellationToken,
}

/// What ends a connection early.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("the connection broke")]
    Io(#[from] io::Error),
    #[error("the client does not speak TDS as this server does")]
    Wire(#[from] WireError),
    #[error("the client was too slow to sign in")]
    TooSlow,
}

/// Serves one client to its end.
pub async fn serve(socket: TcpStream, listening: Listening) -> Result<(), ConnectionError> {
    // A reply is written in one piece, so waiting for more to send would only cost time.
    socket.set_nodelay(true)?;
    let signing_in = tokio::time::timeout(SIGN_IN_TIME, sign_in(socket, &listening));
    let signed_in = tokio::select! {
        done = signing_in => done.map_err(|_elapsed| ConnectionError::TooSlow)??,
        () = listening.stopping.cancelled() => return Ok(()),
    };
    let Some(connection) = signed_in else {
        return Ok(());
    };
    connection.run(&listening).await
}

/// A stream that is encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl Stream for TcpStream {}
impl Stream for TlsStream<Wrapped<TcpStream>> {}

type Reader = MessageReader<tokio::io::ReadHalf<Box<dyn Stream>>>;
type Writer = MessageWriter<tokio::io::WriteHalf<Box<dyn Stream>>>;

/// A signed-in client.
struct Connection {
    reader: Reader,
    writer: Writer,
    session: Session,
    /// `KILL`, or another session's `ROLLBACK IMMEDIATE`.
    killed: CancellationToken,
    answering: Answering,
}

/// What the tokens of a reply depend on.
struct Answering {
    server_name: String,
    /// Descriptor of the open transaction.
    transaction: Option<u64>,
    columns: Vec<Column>,
    /// Otherwise a `sql_variant` is sent as text.
    knows_variants: bool,
    /// The end of a statement, kept until it is known whether more follows.
    held: Option<Done>,
    /// `None` in a batch; in a call, whether a status was returned already.
    call: Option<CallState>,
}

#[derive(Clone, Copy, Default)]
struct CallState {
    status_returned: bool,
    failed: bool,
    /// Ordinal of the next output parameter.
    ordinal: u16,
}

/// What a client gets that cannot read `sql_variant`.
const VARIANT_AS_TEXT: SqlType = SqlType::NVarChar(Length::Limited(4000));

/// Replaces a variant by its text; what has none becomes `NULL`.
fn variant_to_text(value: &mut Value) {
    if let Value::Variant(held) = value {
        let (ty, held) = held.as_ref();
        *value = convert::convert(held.clone(), *ty, VARIANT_AS_TEXT, convert::NO_STYLE)
            .unwrap_or(Value::Null);
    }
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Answered,
    /// By attention: the message that was begun is to be ended, and then acknowledged.
    Cancelled,
    /// The client left.
    Left,
    Killed,
}

/// Everything up to the answer to `LOGIN7`; `None` when the client was refused.
async fn sign_in(
    mut socket: TcpStream,
    listening: &Listening,
) -> Result<Option<Connection>, ConnectionError> {
    let mut reader = MessageReader::new(&mut socket);
    let Some(first) = reader.next().await? else {
        return Ok(None);
    };
    reader.into_inner()?;
    if first.kind != kind::PRELOGIN {
        return Err(WireError::Invalid("first message").into());
    }
    let encryption = prelogin::decode(&first.payload)?.answer();
    let mut writer = MessageWriter::new(&mut socket, DEFAULT_PACKET_BYTES);
    writer
        .tokens()
        .extend(prelogin::encode(encryption, EngineOptions::VERSION));
    writer.end_message().await?;

    let (stream, message) = match encryption {
        Encryption::NotSupported => {
            let mut reader = MessageReader::new(socket);
            let message = reader.next().await?;
            (boxed(reader.into_inner()?), message)
        }
        Encryption::Off | Encryption::On | Encryption::Required => {
            let mut tls = listening.acceptor.accept(Wrapped::new(socket)).await?;
            tls.flush().await?;
            tls.get_mut().0.go_raw();
            let mut reader = MessageReader::new(tls);
            let message = reader.next().await?;
            let tls = reader.into_inner()?;
            if encryption == Encryption::Off {
                // Only the sign-in was to be hidden: everything from here on is in clear.
                (boxed(tls.into_inner().0.into_inner()), message)
            } else {
                (boxed(tls), message)
            }
        }
    };
    let Some(message) = message else {
        return Ok(None);
    };
    if message.kind != kind::LOGIN7 {
        return Err(WireError::Invalid("message instead of LOGIN7").into());
    }
    let login = login::decode(&message.payload)?;
    let (read_half, write_half) = tokio::io::split(stream);
    let mut writer = MessageWriter::new(write_half, DEFAULT_PACKET_BYTES);
    match admit(&login, listening).await {
        Ok(Admitted {
            session,
            killed,
            database,
        }) => {
            let packet_bytes = login::packet_bytes(login.packet_size);
            welcome(writer.tokens(), &login, &database, packet_bytes, listening);
            writer.end_message().await?;
            writer.signed_in(packet_bytes, session.session_id());
            Ok(Some(Connection {
                reader: MessageReader::new(read_half),
                writer,
                session,
                killed,
                answering: Answering {
                    server_name: listening.server_name.clone(),
                    transaction: None,
                    columns: Vec::new(),
                    knows_variants: login.knows_variants,
                    held: None,
                    call: None,
                },
            }))
        }
        Err(refusals) => {
            for refusal in &refusals {
                token::message(writer.tokens(), refusal, &listening.server_name);
            }
            token::done(
                writer.tokens(),
                DoneToken::Done,
                FAILED,
                DoneStatus::default(),
            );
            writer.end_message().await?;
            writer.shutdown().await?;
            Ok(None)
        }
    }
}

fn boxed(stream: impl Stream + 'static) -> Box<dyn Stream> {
    Box::new(stream)
}

/// The end of a message that failed.
const FAILED: Done = Done {
    command: 0,
    rows: None,
    failed: true,
};

/// The end of a message in which nothing was counted.
const ENDED: Done = Done {
    command: 0,
    rows: None,
    failed: false,
};

/// A client that may come in.
struct Admitted {
    session: Session,
    killed: CancellationToken,
    /// The database it begins in.
    database: String,
}

/// Checks who it is, and opens a session.
async fn admit(login: &Login7, listening: &Listening) -> Result<Admitted, Vec<Message>> {
    if login.tds_version < TDS_7_3_A {
        let text = format!(
            "The version of TDS that the client asks for ({:#010x}) is too old for the practice server.",
            login.tds_version
        );
        return Err(vec![Message::error(17_828, text).with_class(20)]);
    }
    if login.integrated {
        return Err(vec![
            Message::error(
                18_452,
                "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication.",
            )
            .with_class(14),
        ]);
    }
    let wrong = || {
        Message::error(18_456, format!("Login failed for user '{}'.", login.user)).with_class(14)
    };
    let right_user = login.user.eq_ignore_ascii_case(&listening.user);
    let right_password = same_bytes(
        login.password.expose_secret().as_bytes(),
        listening.password.expose_secret().as_bytes(),
    );
    if !(right_user && right_password) {
        return Err(vec![wrong()]);
    }
    let opened = Session::open(
        listening.engine.clone(),
        Login {
            login: listening.user.clone(),
            host: login.host.clone(),
            program: login.program.clone(),
            database: login.database.clone(),
            client_pid: login.client_pid,
            packet_size: login::packet_bytes(login.packet_size) as u32,
        },
    )
    .await;
    let session = opened.map_err(|message| {
        let no_database = message.number == 4060;
        let mut all = vec![message];
        if no_database {
            all.push(wrong());
        }
        all
    })?;
    let id = session.session_id();
    let facts = listening.engine.run(move |engine: &mut Engine| {
        let entry = engine.sessions.find(id)?;
        let database = engine.store.database(entry.database)?;
        Some((entry.kill.clone(), database.facts.name.clone()))
    });
    let stopped = || vec![Message::error(6005, "SHUTDOWN is in progress.").with_class(10)];
    let (killed, database) = facts.await.ok().flatten().ok_or_else(stopped)?;
    Ok(Admitted {
        session,
        killed,
        database,
    })
}

/// Compares in a time that does not tell where the first difference is.
fn same_bytes(given: &[u8], right: &[u8]) -> bool {
    given.len() == right.len()
        && given
            .iter()
            .zip(right)
            .fold(0, |differences, (a, b)| differences | (a ^ b))
            == 0
}

/// The answer to a good `LOGIN7`, in the order of the real server.
fn welcome(
    into: &mut Vec<u8>,
    login: &Login7,
    database: &str,
    packet_bytes: usize,
    listening: &Listening,
) {
    let changed = |number, state, text: String| Message::info(number, text).with_state(state);
    token::env_change(
        into,
        EnvChange::Database {
            new: database,
            old: "master",
        },
    );
    token::message(
        into,
        &changed(
            5701,
            2,
            format!("Changed database context to '{database}'."),
        ),
        &listening.server_name,
    );
    token::env_change(into, EnvChange::Collation);
    token::env_change(into, EnvChange::Language("us_english"));
    token::message(
        into,
        &changed(
            5703,
            1,
            "Changed language setting to us_english.".to_owned(),
        ),
        &listening.server_name,
    );
    token::login_ack(into, login.tds_version.min(TDS_7_4), EngineOptions::VERSION);
    token::env_change(
        into,
        EnvChange::PacketSize {
            new: packet_bytes,
            old: DEFAULT_PACKET_BYTES,
        },
    );
    if login.has_features {
        token::no_features(into);
    }
    token::done(into, DoneToken::Done, ENDED, DoneStatus::default());
}

/// A request that can be run.
enum Order {
    Batch(String),
    Calls(Vec<rpc::Call>),
    Transaction(TransactionOrder),
}

impl Connection {
    async fn run(mut self, listening: &Listening) -> Result<(), ConnectionError> {
        let result = self.serve_requests(listening).await;
        self.session.close().await;
        result
    }

    async fn serve_requests(&mut self, listening: &Listening) -> Result<(), ConnectionError> {
        let mut waiting = None;
        loop {
            let message = match waiting.take() {
                Some(message) => message,
                None => tokio::select! {
                    message = self.reader.next() => match message {
                        Ok(Some(message)) => message,
                        Ok(None) => return Ok(()),
                        // Many clients close without a word, TLS or not.
                        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                        Err(error) => return Err(error.into()),
                    },
                    () = self.killed.cancelled() => return self.say_killed().await,
                    () = listening.stopping.cancelled() => return Ok(()),
                },
            };
            if message.kind == kind::ATTENTION {
                // It came after the last packet: there is only the acknowledgement to send.
                self.acknowledge().await?;
                continue;
            }
            if message.ignore {
                self.put_done(FAILED, DoneToken::Done, DoneStatus::default());
                self.writer.end_message().await?;
                continue;
            }
            match self.answer(message, &mut waiting, listening).await? {
                Ended::Answered => {}
                Ended::Cancelled => self.acknowledge().await?,
                Ended::Left => return Ok(()),
                Ended::Killed => return self.say_killed().await,
            }
        }
    }

    /// Runs one message and sends its reply.
    async fn answer(
        &mut self,
        message: ClientMessage,
        waiting: &mut Option<ClientMessage>,
        listening: &Listening,
    ) -> Result<Ended, ConnectionError> {
        let reset = message.reset;
        let order = match message.kind {
            kind::BATCH => request::decode_batch(&message.payload).map(Order::Batch),
            kind::RPC => rpc::decode(&message.payload).map(Order::Calls),
            kind::TRANSACTION => {
                request::decode_transaction(&message.payload).map(Order::Transaction)
            }
            _ => Err(WireError::Unsupported("this kind of message")),
        };
        let order = match order {
            Ok(order) => order,
            Err(error) => return self.refuse_message(&error).await,
        };
        if reset {
            self.reset().await;
            token::env_change(self.writer.tokens(), EnvChange::Reset);
        }
        match order {
            Order::Batch(sql) => {
                self.answering.call = None;
                let ended = self.run_order(Job::Batch(sql), waiting, listening).await?;
                self.finish(ended).await
            }
            Order::Transaction(order) => {
                self.answering.call = None;
                let ended = self
                    .run_order(Job::Transaction(order), waiting, listening)
                    .await?;
                self.finish(ended).await
            }
            Order::Calls(calls) => {
                let n_calls = calls.len();
                let mut ended = Ended::Answered;
                for (idx, call) in calls.into_iter().enumerate() {
                    self.answering.call = Some(CallState::default());
                    ended = self.run_order(Job::Call(call), waiting, listening).await?;
                    if ended != Ended::Answered {
                        break;
                    }
                    self.end_call(idx + 1 < n_calls);
                }
                self.answering.call = None;
                if ended == Ended::Answered {
                    self.writer.end_message().await?;
                    Ok(ended)
                } else {
                    self.finish(ended).await
                }
            }
        }
    }

    /// As if the session had just been opened; what it answers is nobody's business.
    async fn reset(&mut self) {
        let (sender, mut replies) = mpsc::channel(WAITING_REPLIES);
        let never = CancellationToken::new();
        let session = &mut self.session;
        let running = async move {
            session
                .procedure("sp_reset_connection", Vec::new(), &sender, &never)
                .await;
            drop(sender);
        };
        let ignoring = async { while replies.recv().await.is_some() {} };
        tokio::join!(running, ignoring);
        self.answering.transaction = None;
    }

    /// Runs one thing, and turns its replies into tokens while watching the socket.
    async fn run_order(
        &mut self,
        job: Job,
        waiting: &mut Option<ClientMessage>,
        listening: &Listening,
    ) -> Result<Ended, ConnectionError> {
        let Self {
            reader,
            writer,
            session,
            killed,
            answering,
        } = self;
        let cancel = CancellationToken::new();
        let (sender, mut replies) = mpsc::channel(WAITING_REPLIES);
        let mut running = pin!(job.run(session, sender, &cancel));
        let mut finished = false;
        let mut ended = Ended::Answered;
        loop {
            tokio::select! {
                biased;
                reply = replies.recv() => match reply {
                    Some(reply) => {
                        // After an attention nothing more of the reply is of use.
                        if ended == Ended::Answered {
                            answering.put(writer.tokens(), reply);
                            ended = send_watching(writer, reader, waiting, &cancel).await?;
                        }
                    }
                    None if finished => return Ok(ended),
                    None => {
                        running.as_mut().await;
                        return Ok(ended);
                    }
                },
                () = &mut running, if !finished => finished = true,
                () = killed.cancelled(), if ended == Ended::Answered => {
                    cancel.cancel();
                    ended = Ended::Killed;
                }
                () = listening.stopping.cancelled(), if ended == Ended::Answered => {
                    cancel.cancel();
                    ended = Ended::Left;
                }
                message = reader.next(), if waiting.is_none() && ended == Ended::Answered => {
                    ended = heard(message, waiting);
                    if ended != Ended::Answered {
                        cancel.cancel();
                    }
                }
            }
        }
    }

    /// Ends the message that was begun.
    async fn finish(&mut self, ended: Ended) -> Result<Ended, ConnectionError> {
        let last = self.answering.held.take();
        match ended {
            Ended::Answered => {
                self.put_done(
                    last.unwrap_or(ENDED),
                    DoneToken::Done,
                    DoneStatus::default(),
                );
                self.writer.end_message().await?;
            }
            Ended::Cancelled => {
                self.put_done(ENDED, DoneToken::Done, DoneStatus::default());
                self.writer.end_message().await?;
            }
            Ended::Left | Ended::Killed => {}
        }
        Ok(ended)
    }

    /// The status, when the procedure returned none, and the end of a call.
    fn end_call(&mut self, more: bool) {
        let call = self.answering.call.take().unwrap_or_default();
        self.answering.flush_held(self.writer.tokens(), Some(call));
        if !call.status_returned {
            token::return_status(self.writer.tokens(), 0);
        }
        self.put_done(
            token::end_of_procedure(call.failed),
            DoneToken::Procedure,
            DoneStatus {
                more,
                ..DoneStatus::default()
            },
        );
    }

    fn put_done(&mut self, done: Done, kind: DoneToken, status: DoneStatus) {
        let status = DoneStatus {
            in_transaction: self.answering.transaction.is_some(),
            ..status
        };
        token::done(self.writer.tokens(), kind, done, status);
    }

    /// The second message after an attention.
    async fn acknowledge(&mut self) -> Result<(), ConnectionError> {
        let status = DoneStatus {
            attention: true,
            ..DoneStatus::default()
        };
        self.put_done(ENDED, DoneToken::Done, status);
        Ok(self.writer.end_message().await?)
    }

    async fn refuse_message(&mut self, error: &WireError) -> Result<Ended, ConnectionError> {
        // 4002 ends the connection on the real server when the stream itself is broken.
        let broken = !matches!(error, WireError::Unsupported(_));
        let message = Message::error(
            4002,
            format!(
                "The incoming tabular data stream (TDS) protocol stream is incorrect. The stream ended unexpectedly or is not supported ({error})."
            ),
        );
        token::message(self.writer.tokens(), &message, &self.answering.server_name);
        self.put_done(FAILED, DoneToken::Done, DoneStatus::default());
        self.writer.end_message().await?;
        Ok(if broken { Ended::Left } else { Ended::Answered })
    }

    /// What the victim of a `KILL` hears.
    async fn say_killed(&mut self) -> Result<(), ConnectionError> {
        let message = Message::error(
            596,
            "Cannot continue the execution because the session is in the kill state.",
        )
        .with_class(21);
        token::message(self.writer.tokens(), &message, &self.answering.server_name);
        self.put_done(FAILED, DoneToken::Done, DoneStatus::default());
        self.writer.end_message().await?;
        Ok(self.writer.shutdown().await?)
    }
}

/// What a message means that comes while a request runs.
fn heard(message: io::Result<Option<ClientMessage>>, waiting: &mut Option<ClientMessage>) -> Ended {
    match message {
        Ok(Some(message)) if message.kind == kind::ATTENTION => Ended::Cancelled,
        Ok(Some(message)) => {
            *waiting = Some(message);
            Ended::Answered
        }
        Ok(None) | Err(_) => Ended::Left,
    }
}

/// Sends full packets; an attention is heard even while the client does not read.
async fn send_watching(
    writer: &mut Writer,
    reader: &mut Reader,
    waiting: &mut Option<ClientMessage>,
    cancel: &CancellationToken,
) -> io::Result<Ended> {
    let mut ended = Ended::Answered;
    let mut sending = pin!(writer.send_full_packets());
    loop {
        tokio::select! {
            biased;
            sent = &mut sending => {
                sent?;
                return Ok(ended);
            }
            message = reader.next(), if waiting.is_none() && ended == Ended::Answered => {
                ended = heard(message, waiting);
                match ended {
                    Ended::Answered => {}
                    Ended::Left => {
                        cancel.cancel();
                        return Ok(ended);
                    }
                    Ended::Cancelled | Ended::Killed => cancel.cancel(),
                }
            }
        }
    }
}

/// One thing for the session to run.
enum Job {
    Batch(String),
    Call(rpc::Call),
    Transaction(TransactionOrder),
}

impl Job {
    async fn run(self, session: &mut Session, replies: ReplySender, cancel: &CancellationToken) {
        match self {
            Self::Batch(sql) => session.batch(sql, &replies, cancel).await,
            Self::Call(rpc::Call {
                procedure,
                parameters,
            }) => {
                let parameters = parameters
                    .into_iter()
                    .map(|argument| Parameter {
                        name: argument.name,
                        ty: argument.ty,
                        value: argument.value,
                        output: argument.output,
                    })
                    .collect();
                session
                    .procedure(&procedure, parameters, &replies, cancel)
                    .await;
            }
            Self::Transaction(order) => {
                let request = match order {
                    TransactionOrder::Begin { name } => TransactionRequest::Begin { name },
                    TransactionOrder::Commit { name, begin } => {
                        TransactionRequest::Commit { name, begin }
                    }
                    TransactionOrder::Rollback { name, begin } => {
                        TransactionRequest::Rollback { name, begin }
                    }
                    TransactionOrder::Save { name } => TransactionRequest::Save { name },
                };
                session.transaction(request, &replies).await;
            }
        }
    }
}

impl Answering {
    /// Appends the tokens of one reply.
    fn put(&mut self, into: &mut Vec<u8>, reply: Reply) {
        // The status of the statement before says that more follows.
        self.flush_held(into, self.call);
        match reply {
            Reply::Columns(mut columns) => {
                if !self.knows_variants {
                    for column in &mut columns {
                        if column.ty == SqlType::SqlVariant {
                            column.ty = VARIANT_AS_TEXT;
                        }
                    }
                }
                token::columns(into, &columns);
                self.columns = columns;
            }
            Reply::Rows(rows) => {
                for mut row in rows {
                    if !self.knows_variants {
                        row.iter_mut().for_each(variant_to_text);
                    }
                    token::row(into, &self.columns, &row);
                }
            }
            Reply::Message(message) => token::message(into, &message, &self.server_name),
            Reply::Done(done) => {
                if let Some(call) = &mut self.call {
                    call.failed |= done.failed;
                }
                self.held = Some(done);
            }
            Reply::ReturnStatus(status) => {
                if let Some(call) = &mut self.call {
                    call.status_returned = true;
                }
                token::return_status(into, status);
            }
            Reply::ReturnValue { name, ty, value } => {
                let ordinal = self.call.as_mut().map_or(0, |call| {
                    call.ordinal += 1;
                    call.ordinal - 1
                });
                token::return_value(into, ordinal, &name, ty, &value);
            }
            Reply::DatabaseChanged { from, to } => {
                token::env_change(
                    into,
                    EnvChange::Database {
                        new: &to,
                        old: &from,
                    },
                );
            }
            Reply::Transaction(now) => {
                match (self.transaction, now) {
                    (_, Some(descriptor)) => {
                        token::env_change(into, EnvChange::BeginTransaction(descriptor));
                    }
                    (Some(descriptor), None) => {
                        token::env_change(into, EnvChange::CommitTransaction(descriptor));
                    }
                    (None, None) => {}
                }
                self.transaction = now;
            }
        }
    }

    fn flush_held(&mut self, into: &mut Vec<u8>, call: Option<CallState>) {
        if let Some(done) = self.held.take() {
            let kind = if call.is_some() {
                DoneToken::InProcedure
            } else {
                DoneToken::Done
            };
            let status = DoneStatus {
                more: true,
                in_transaction: self.transaction.is_some(),
                attention: false,
            };
            token::done(into, kind, done, status);
        }
    }
}
