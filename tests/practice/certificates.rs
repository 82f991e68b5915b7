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

/// Answers PRELOGIN and the TLS handshake, reads LOGIN7 and refuses it with 18456.
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
                serve(tcp, &acceptor, encryption, &counted).await.ok();
            }
        });
        Self {
            port,
            fingerprint,
            pem: certificate.pem(),
            logins,
        }
    }

    async fn sign_in(&self, encryption: Encryption) -> ServerError {
        let server = SqlServer {
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
        };
        match server.connect().await {
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
    let text = "Login failed for user 'sa'.";
    let mut body = 18456u32.to_le_bytes().to_vec();
    body.extend([1, 14]);
    body.extend((text.len() as u16).to_le_bytes());
    body.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    body.extend([0, 0]);
    body.extend(1u32.to_le_bytes());
    let mut tokens = vec![0xaa];
    tokens.extend((body.len() as u16).to_le_bytes());
    tokens.extend(body);
    tokens.extend([0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    write_message(&mut tls, &tokens).await?;
    tls.shutdown().await
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
