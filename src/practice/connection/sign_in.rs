//! The sign-in of a client: PRELOGIN, TLS, LOGIN7, and who may come in.

use super::{Connection, ConnectionError, ENDED, FAILED, Listening, Stream, answering::Answering};
use crate::practice::{
    engine::{Engine, EngineOptions},
    reply::Message,
    sql::session::{Login, Session},
    wire::{
        WireError,
        login::{self, Login7, TDS_7_3_A, TDS_7_4},
        packet::{DEFAULT_PACKET_BYTES, MessageReader, MessageWriter, kind},
        prelogin::{self, Encryption},
        tls::Wrapped,
        token::{self, DoneStatus, DoneToken, EnvChange},
    },
};
use secrecy::ExposeSecret as _;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_util::sync::CancellationToken;

/// How a token of the practice Azure begins.
const TOKEN_PREFIX: &str = "practice-token.";

/// Everything up to the answer to `LOGIN7`; `None` when the client was refused.
pub(super) async fn sign_in(
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
    let admitted = match &login.token {
        Some(token) => is_good_token(token.expose_secret(), listening).await,
        None => right_user && right_password,
    };
    if !admitted {
        return Err(vec![wrong()]);
    }
    let disabled = listening
        .engine
        .run(|engine: &mut Engine| engine.options.login_disabled);
    if disabled.await.unwrap_or(false) {
        return Err(vec![
            Message::error(
                18_470,
                format!(
                    "Login failed for user '{}'. Reason: The account is disabled.",
                    login.user
                ),
            )
            .with_class(14),
        ]);
    }
    let opened = Session::open(
        listening.engine.clone(),
        Login {
            login: listening.user.clone(),
            host: login.host.clone(),
            program: login.program.clone(),
            database: login.database.clone(),
            service: false,
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

/// Whether a token is one that the practice Azure gives out and has not run out.
///
/// Such a token is the password with the second in which the token ends; nobody outside can make one.
async fn is_good_token(token: &str, listening: &Listening) -> bool {
    let azure = listening
        .engine
        .run(|engine: &mut Engine| engine.options.edition.is_azure())
        .await
        .unwrap_or(false);
    let parts = token
        .strip_prefix(TOKEN_PREFIX)
        .and_then(|rest| rest.rsplit_once('.'));
    let Some((password, ends)) = parts else {
        return false;
    };
    azure
        && same_bytes(
            password.as_bytes(),
            listening.password.expose_secret().as_bytes(),
        )
        && ends
            .parse::<i64>()
            .is_ok_and(|ends| chrono::Utc::now().timestamp() < ends)
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
    if login.token.is_some() {
        token::federated(into);
    } else if login.has_features {
        token::no_features(into);
    }
    token::done(into, DoneToken::Done, ENDED, DoneStatus::default());
}
