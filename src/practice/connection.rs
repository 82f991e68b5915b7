//! One client: sign-in, then requests until it leaves. Reads the socket also while it answers, for attention.

mod answering;
mod sign_in;

use self::{
    answering::{Answering, CallState},
    sign_in::sign_in,
};
use super::{
    engine::EngineHandle,
    reply::{Done, Message},
    sql::session::{Parameter, ReplySender, Session, TransactionRequest},
    wire::{
        WireError,
        packet::{ClientMessage, MessageReader, MessageWriter, kind},
        request::{self, TransactionOrder},
        rpc,
        tls::Wrapped,
        token::{self, DoneStatus, DoneToken, EnvChange},
    },
};
use secrecy::SecretString;
use std::{io, pin::pin, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
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
