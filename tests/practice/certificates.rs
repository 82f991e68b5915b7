//! Signing in with certificates that are pinned, unknown, or another's, against a few lines of TDS at byte level.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};
use stopat::{
    server::{Credentials, Endpoint, Gateway as _, ServerError, SqlServer},
    settings::{Encryption, Reach},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer, version::TLS12},
};

/// What the server does with a login.
#[derive(Clone, Copy, PartialEq)]
enum Door {
    /// Refuses it with 18456.
    Closed,
    /// Lets it in, and answers every batch but the first with a message and two errors.
    Open,
}

/// Answers PRELOGIN and the TLS handshake, and reads LOGIN7.
struct Refuser {
    port: u16,
    /// SHA-256 of its certificate.
    fingerprint: String,
    pem: String,
    logins: Arc<AtomicUsize>,
}

const ENCRYPT_ON: u8 = 1;
const NOT_SUPPORTED: u8 = 2;

impl Refuser {
    async fn start(encryption: u8) -> Self {
        Self::start_with(encryption, Door::Closed).await
    }

    async fn start_with(encryption: u8, door: Door) -> Self {
        use sha2::Digest as _;
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut parameters =
            rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
                .expect("valid names");
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "refuser");
        let certificate = parameters.self_signed(&key).expect("signed");
        let fingerprint = sha2::Sha256::digest(certificate.der())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS12])
            .expect("TLS 1.2")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let logins = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&logins);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                // A client that breaks off is what some of these tests are about.
                serve(tcp, &acceptor, encryption, door, &counted).await.ok();
            }
        });
        Self {
            port,
            fingerprint,
            pem: certificate.pem(),
            logins,
        }
    }

    fn server(&self, encryption: Encryption) -> SqlServer {
        SqlServer {
            endpoint: Endpoint {
                host: "127.0.0.1".to_owned(),
                instance: None,
                port: Some(self.port),
            },
            credentials: Credentials::SqlLogin {
                user: "sa".to_owned(),
                password: "secret".into(),
            },
            encryption,
            reach: Reach::Look,
            database: None,
        }
    }

    async fn sign_in(&self, encryption: Encryption) -> ServerError {
        match self.server(encryption).connect().await {
            Ok(_) => panic!("nobody is let in"),
            Err(error) => error,
        }
    }

    fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut tcp: TcpStream,
    acceptor: &TlsAcceptor,
    encryption: u8,
    door: Door,
    logins: &AtomicUsize,
) -> io::Result<()> {
    let (kind, _) = read_message(&mut tcp).await?;
    assert_eq!(kind, 0x12, "PRELOGIN comes first");
    // VERSION, ENCRYPTION, INSTOPT, THREADID, MARS.
    let mut answer = vec![];
    for (option, offset, length) in [
        (0, 26u16, 6u16),
        (1, 32, 1),
        (2, 33, 1),
        (3, 34, 0),
        (4, 34, 1),
    ] {
        answer.push(option);
        answer.extend(offset.to_be_bytes());
        answer.extend(length.to_be_bytes());
    }
    answer.extend([0xff, 16, 0, 3, 232, 0, 0, encryption, 0, 0]);
    write_message(&mut tcp, &answer).await?;
    if encryption == NOT_SUPPORTED {
        return Ok(());
    }
    let mut tls = acceptor.accept(InPackets::new(tcp)).await?;
    tls.flush().await?;
    tls.get_mut().0.raw = true;
    let (kind, _) = read_message(&mut tls).await?;
    assert_eq!(kind, 0x10, "LOGIN7 comes next");
    logins.fetch_add(1, Ordering::SeqCst);
    if door == Door::Closed {
        let mut tokens = message(ERROR, 18456, 14, "Login failed for user 'sa'.");
        tokens.extend(done(2, 0));
        write_message(&mut tls, &tokens).await?;
        return tls.shutdown().await;
    }
    let mut tokens = vec![0xad, 12, 0, 1, 0x74, 0, 0, 4, 1, b'x', 0, 16, 0, 0, 0];
    // LOGINACK's length counts what follows it: interface, version, name, version of the program.
    tokens[1] = (tokens.len() - 3) as u8;
    tokens.extend(done(0, 0));
    write_message(&mut tls, &tokens).await?;
    // The first batch asks for the session.
    read_message(&mut tls).await?;
    let mut tokens = vec![0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0x38, 10];
    tokens.extend("session_id".encode_utf16().flat_map(u16::to_le_bytes));
    tokens.extend([0xd1, 57, 0, 0, 0]);
    tokens.extend(done(0x10, 1));
    write_message(&mut tls, &tokens).await?;
    loop {
        read_message(&mut tls).await?;
        let mut tokens = message(INFO, 3211, 0, "10 percent processed.");
        tokens.extend(done(1, 0));
        tokens.extend(message(ERROR, 3201, 16, "Cannot open backup device 'x'."));
        tokens.extend(message(
            ERROR,
            3013,
            16,
            "RESTORE DATABASE is terminating abnormally.",
        ));
        tokens.extend(done(2, 0));
        write_message(&mut tls, &tokens).await?;
    }
}

const ERROR: u8 = 0xaa;
const INFO: u8 = 0xab;

/// An ERROR or INFO token, [MS-TDS] 2.2.7.10.
fn message(token: u8, number: u32, class: u8, text: &str) -> Vec<u8> {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, class]);
    body.extend((text.len() as u16).to_le_bytes());
    body.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    body.extend([0, 0]);
    body.extend(1u32.to_le_bytes());
    let mut bytes = vec![token];
    bytes.extend((body.len() as u16).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// A DONE token, [MS-TDS] 2.2.7.6.
fn done(status: u16, rows: u64) -> Vec<u8> {
    let mut bytes = vec![0xfd];
    bytes.extend(status.to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(rows.to_le_bytes());
    bytes
}

async fn read_message(io: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let mut message = Vec::new();
    loop {
        let mut header = [0; 8];
        io.read_exact(&mut header).await?;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
        io.read_exact(&mut payload).await?;
        message.append(&mut payload);
        if header[1] & 1 == 1 {
            return Ok((header[0], message));
        }
    }
}

async fn write_message(io: &mut (impl AsyncWrite + Unpin), payload: &[u8]) -> io::Result<()> {
    let mut packet = vec![4, 1];
    packet.extend(((payload.len() + 8) as u16).to_be_bytes());
    packet.extend([0, 0, 1, 0]);
    packet.extend(payload);
    io.write_all(&packet).await?;
    io.flush().await
}

/// TLS bytes inside TDS packets until `raw`.
struct InPackets {
    tcp: TcpStream,
    raw: bool,
    header: Vec<u8>,
    left: usize,
    out: Vec<u8>,
}

impl InPackets {
    fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            raw: false,
            header: Vec::new(),
            left: 0,
            out: Vec::new(),
        }
    }
}

impl AsyncRead for InPackets {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.raw {
            return Pin::new(&mut this.tcp).poll_read(cx, buf);
        }
        let mut byte = [0; 1];
        while this.left == 0 {
            let mut one = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut one))?;
            if one.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.header.push(byte[0]);
            if let [kind, _, high, low, _, _, _, _] = this.header[..] {
                assert_eq!(kind, 0x12, "a handshake travels in PRELOGIN packets");
                this.left = usize::from(u16::from_be_bytes([high, low])) - 8;
                this.header.clear();
            }
        }
        let mut part = vec![0; this.left.min(buf.remaining())];
        let mut read = ReadBuf::new(&mut part);
        ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut read))?;
        this.left -= read.filled().len();
        buf.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for InPackets {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.raw {
            return Pin::new(&mut self.tcp).poll_write(cx, buf);
        }
        self.out.extend([0x12, 1]);
        self.out.extend(((buf.len() + 8) as u16).to_be_bytes());
        self.out.extend([0, 0, 1, 0]);
        self.out.extend(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while !this.out.is_empty() {
            let n = ready!(Pin::new(&mut this.tcp).poll_write(cx, &this.out))?;
            this.out.drain(..n);
        }
        Pin::new(&mut this.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_pinned_certificate_gets_as_far_as_the_login() {
    let server = Refuser::start(ENCRYPT_ON).await;
    let error = server
        .sign_in(Encryption::Pinned(server.fingerprint.clone()))
        .await;
    assert_eq!(error.number(), Some(18456), "{error:?}");
    let cause = error.cause().expect("the server's error");
    assert_eq!((cause.class, cause.state), (14, 1));
    assert_eq!(server.logins(), 1);
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_gets_no_login() {
    let server = Refuser::start(ENCRYPT_ON).await;
    let error = server.sign_in(Encryption::Pinned("ab".repeat(32))).await;
    let ServerError::OtherCertificate {
        fingerprint,
        subject,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(fingerprint, server.fingerprint);
    assert_eq!(subject, "refuser");
    assert_eq!(server.logins(), 0);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_shown_and_gets_no_login() {
    let server = Refuser::start(ENCRYPT_ON).await;
    let error = server.sign_in(Encryption::Trusted).await;
    let ServerError::UnknownCertificate {
        fingerprint,
        subject,
        reason,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(fingerprint, server.fingerprint);
    assert_eq!(subject, "refuser");
    assert!(
        reason.contains("UnknownIssuer") && !reason.contains("trust_cert"),
        "{reason}"
    );
    assert_eq!(server.logins(), 0);
}

#[tokio::test]
async fn a_certificate_that_the_given_authority_vouches_for_gets_as_far_as_the_login() {
    let server = Refuser::start(ENCRYPT_ON).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("server.pem");
    std::fs::write(&file, &server.pem).expect("writable");
    let error = server.sign_in(Encryption::Authority(file)).await;
    assert_eq!(error.number(), Some(18456), "{error:?}");
}

#[tokio::test]
async fn a_server_without_encryption_gets_no_login() {
    let server = Refuser::start(NOT_SUPPORTED).await;
    for encryption in [
        Encryption::Trusted,
        Encryption::Pinned(server.fingerprint.clone()),
    ] {
        let error = server.sign_in(encryption).await;
        assert!(matches!(error, ServerError::Tls { .. }), "{error:?}");
    }
    assert_eq!(server.logins(), 0);
}

#[tokio::test]
async fn every_error_of_a_batch_and_its_messages_arrive() {
    use stopat::{server::Answer, tsql::Batch};
    let server = Refuser::start_with(ENCRYPT_ON, Door::Open).await;
    let gateway = server.server(Encryption::Pinned(server.fingerprint.clone()));
    let mut connection = gateway.connect().await.expect("the door is open");
    assert_eq!(connection.session_id(), 57);
    // Twice: a refused batch leaves the connection as good as it was.
    for _ in 0..2 {
        let (sender, mut messages) = tokio::sync::mpsc::unbounded_channel();
        let error = connection
            .run(
                &Batch::look("test", "RESTORE …"),
                &mut Answer::default(),
                Some(sender),
                &tokio_util::sync::CancellationToken::new(),
            )
            .await
            .expect_err("it is refused");
        let ServerError::Refused { errors } = &error else {
            panic!("{error:?}");
        };
        let numbers: Vec<i64> = errors.iter().map(|error| error.number).collect();
        assert_eq!(numbers, [3201, 3013]);
        assert_eq!(error.number(), Some(3201));
        assert_eq!(
            messages.recv().await.as_deref(),
            Some("10 percent processed.")
        );
        assert_eq!(messages.recv().await, None);
    }
}

#[tokio::test]
async fn a_batch_beyond_the_reach_of_the_profile_is_not_sent() {
    use stopat::{
        server::ask,
        tsql::{Batch, BatchKind},
    };
    let server = Refuser::start_with(ENCRYPT_ON, Door::Open).await;
    let gateway = server.server(Encryption::Pinned(server.fingerprint.clone()));
    let mut connection = gateway.connect().await.expect("the door is open");
    let batch = Batch {
        kind: BatchKind::Restore,
        ..Batch::look("test", "RESTORE …")
    };
    let error = ask(connection.as_mut(), &batch).await.expect_err("refused");
    assert!(matches!(error, ServerError::NotAllowed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let server = Refuser {
        port,
        fingerprint: String::new(),
        pem: String::new(),
        logins: Arc::default(),
    };
    let error = server.sign_in(Encryption::Trusted).await;
    assert!(
        matches!(error, ServerError::Unreachable { .. }),
        "{error:?}"
    );
}
