//! TLS with one known certificate, which tiberius has no hook for.
//!
//! PRELOGIN and the TLS handshake ([MS-TDS] 2.2.6.5 and 3.2.5.1) are done here, checking the certificate by its fingerprint.
//! tiberius then gets the encrypted stream and is told, in an answer of ours to its own PRELOGIN, that there is nothing to encrypt.
//!
//! ```text
//! tiberius ──PRELOGIN──► answered here: encryption not supported
//!          ──LOGIN7────► TLS ──► server, which has agreed on encryption with us long since
//! ```

use super::{certificate, error::ServerError};
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, WebPkiSupportedAlgorithms},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

/// What the server showed when its certificate is not the pinned one, or when none is pinned yet.
pub(super) struct SeenCertificate {
    pub(super) fingerprint: String,
    pub(super) subject: String,
}

/// Why there is no encrypted stream.
pub(super) enum TlsFailure {
    /// The certificate is another than the pinned one (or none was pinned).
    Certificate(SeenCertificate),
    Other(String),
}

impl From<io::Error> for TlsFailure {
    fn from(error: io::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// Encrypts `tcp` if the server shows the certificate with this fingerprint.
pub(super) async fn connect_pinned(
    tcp: TcpStream,
    host: &str,
    fingerprint: &str,
) -> Result<Answered, TlsFailure> {
    let pinned = fingerprint.replace(':', "").to_lowercase();
    let stream = handshake(tcp, host, Some(pinned)).await?;
    Ok(Answered {
        tls: stream,
        phase: Phase::Prelogin(Vec::new()),
        reader: None,
    })
}

/// Looks at the server's certificate and goes away: nothing is sent but the handshake, which is broken off.
pub(super) async fn look_at_certificate(
    tcp: TcpStream,
    address: &str,
    host: &str,
    reason: String,
) -> ServerError {
    match handshake(tcp, host, None).await {
        Err(TlsFailure::Certificate(SeenCertificate {
            fingerprint,
            subject,
        })) => ServerError::UnknownCertificate {
            address: address.to_owned(),
            fingerprint,
            subject,
            reason,
        },
        _ => ServerError::Tls {
            address: address.to_owned(),
            reason,
        },
    }
}

async fn handshake(
    mut tcp: TcpStream,
    host: &str,
    pinned: Option<String>,
) -> Result<TlsStream<Wrapped>, TlsFailure> {
    tcp.write_all(&packet(PRELOGIN, &prelogin(ENCRYPTION_ON)))
        .await?;
    let answer = read_packets(&mut tcp).await?;
    match encryption_of(&answer) {
        Some(ENCRYPTION_ON | ENCRYPTION_REQUIRED) => {}
        _ => {
            return Err(TlsFailure::Other(
                "the server does not encrypt connections".to_owned(),
            ));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(PinnedCertificate {
        pinned,
        seen: Mutex::new(None),
        algorithms: provider.signature_verification_algorithms,
    });
    let config = client_config(provider, Arc::clone(&verifier))
        .map_err(|error| TlsFailure::Other(error.to_string()))?;
    let name = ServerName::try_from(host.to_owned())
        .or_else(|_| ServerName::try_from("sql-server.invalid"))
        .map_err(|error| TlsFailure::Other(error.to_string()))?;
    let outcome = TlsConnector::from(Arc::new(config))
        .connect(name, Wrapped::new(tcp))
        .await;
    match outcome {
        Ok(mut stream) => {
            stream.get_mut().0.raw = true;
            Ok(stream)
        }
        Err(error) => Err(verifier.refused().map_or_else(
            || TlsFailure::Other(error.to_string()),
            TlsFailure::Certificate,
        )),
    }
}

/// TLS 1.2 only: inside TDS 7 packets the last flight of a 1.3 client would already be unwrapped.
fn client_config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<PinnedCertificate>,
) -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Accepts the certificate with one fingerprint, whoever signed it; still demands that the server holds its key.
#[derive(Debug)]
struct PinnedCertificate {
    /// `None` accepts none: the certificate is only looked at.
    pinned: Option<String>,
    seen: Mutex<Option<Vec<u8>>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinnedCertificate {
    /// The certificate that was seen, if it is not the pinned one.
    fn refused(&self) -> Option<SeenCertificate> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let der = seen.as_deref()?;
        let fingerprint = certificate::fingerprint(der);
        (self.pinned.as_deref() != Some(&fingerprint)).then(|| SeenCertificate {
            fingerprint,
            subject: certificate::subject(der),
        })
    }
}

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        if self.pinned.as_deref() == Some(&certificate::fingerprint(end_entity)) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(
                "the certificate is not the pinned one".to_owned(),
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

const PRELOGIN: u8 = 0x12;
const TABULAR_RESULT: u8 = 0x04;
const LAST_PACKET: u8 = 0x01;
const HEADER: usize = 8;
/// The packet size before one is negotiated.
const MAX_PACKET: usize = 4096;

const OPTION_VERSION: u8 = 0;
const OPTION_ENCRYPTION: u8 = 1;
const OPTION_INSTANCE: u8 = 2;
const OPTION_THREAD: u8 = 3;
const OPTION_MARS: u8 = 4;
const OPTIONS_END: u8 = 0xff;

const ENCRYPTION_ON: u8 = 1;
const ENCRYPTION_NOT_SUPPORTED: u8 = 2;
const ENCRYPTION_REQUIRED: u8 = 3;

/// A PRELOGIN message, as a client sends it and as a server answers it.
fn prelogin(encryption: u8) -> Vec<u8> {
    let options: [(u8, &[u8]); 5] = [
        (OPTION_VERSION, &[0, 1, 0, 0, 0, 0]),
        (OPTION_ENCRYPTION, &[encryption]),
        (OPTION_INSTANCE, &[0]),
        (OPTION_THREAD, &[0, 0, 0, 0]),
        (OPTION_MARS, &[0]),
    ];
    let mut message = Vec::new();
    let mut offset = (options.len() * 5 + 1) as u16;
    for (option, data) in options {
        message.push(option);
        message.extend_from_slice(&offset.to_be_bytes());
        message.extend_from_slice(&(data.len() as u16).to_be_bytes());
        offset += data.len() as u16;
    }
    message.push(OPTIONS_END);
    for (_, data) in options {
        message.extend_from_slice(data);
    }
    message
}

/// The answer's ENCRYPTION option.
fn encryption_of(message: &[u8]) -> Option<u8> {
    for option in message.chunks_exact(5) {
        let (&kind, place) = option.split_first()?;
        if kind == OPTIONS_END {
            return None;
        }
        if kind == OPTION_ENCRYPTION {
            let offset = u16::from_be_bytes([*place.first()?, *place.get(1)?]);
            return message.get(usize::from(offset)).copied();
        }
    }
    None
}

fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = ((payload.len() + HEADER) as u16).to_be_bytes();
    let mut packet = vec![kind, LAST_PACKET, length[0], length[1], 0, 0, 1, 0];
    packet.extend_from_slice(payload);
    packet
}

/// The payload of one message. A PRELOGIN answer fits one packet; more than a few are no PRELOGIN answer.
async fn read_packets(tcp: &mut TcpStream) -> io::Result<Vec<u8>> {
    const MAX_PACKETS: usize = 4;
    let mut message = Vec::new();
    for _ in 0..MAX_PACKETS {
        let mut header = [0; HEADER];
        tcp.read_exact(&mut header).await?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut payload = vec![0; length.saturating_sub(HEADER)];
        tcp.read_exact(&mut payload).await?;
        message.append(&mut payload);
        if header[1] & LAST_PACKET != 0 {
            return Ok(message);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        "the answer to PRELOGIN does not end",
    ))
}

/// The socket under TLS: during the handshake TLS bytes travel inside TDS packets, afterwards as they are.
struct Wrapped {
    tcp: TcpStream,
    raw: bool,
    header: [u8; HEADER],
    have: usize,
    left: usize,
    out: Vec<u8>,
    sent: usize,
}

impl Wrapped {
    fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            raw: false,
            header: [0; HEADER],
            have: 0,
            left: 0,
            out: Vec::new(),
            sent: 0,
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.out.len() {
            let rest = self.out.get(self.sent..).unwrap_or_default();
            let n = ready!(Pin::new(&mut self.tcp).poll_write(cx, rest))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += n;
        }
        self.out.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wrapped {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.raw && this.left == 0 {
            return Pin::new(&mut this.tcp).poll_read(cx, buf);
        }
        while this.left == 0 {
            let mut head = ReadBuf::new(this.header.get_mut(this.have..).unwrap_or_default());
            ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut head))?;
            let n = head.filled().len();
            if n == 0 {
                return Poll::Ready(Ok(()));
            }
            this.have += n;
            if this.have == HEADER {
                this.have = 0;
                let length = u16::from_be_bytes([this.header[2], this.header[3]]);
                this.left = usize::from(length).saturating_sub(HEADER);
            }
        }
        // Never read beyond the packet: what follows it may be raw.
        let mut chunk = [0; MAX_PACKET];
        let want = this.left.min(buf.remaining()).min(chunk.len());
        let mut part = ReadBuf::new(chunk.get_mut(..want).unwrap_or_default());
        ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut part))?;
        this.left -= part.filled().len();
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.raw {
            ready!(this.poll_send(cx))?;
            return Pin::new(&mut this.tcp).poll_write(cx, buf);
        }
        for chunk in buf.chunks(MAX_PACKET - HEADER) {
            this.out.extend_from_slice(&packet(PRELOGIN, chunk));
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }
}

/// The encrypted stream that tiberius gets; it answers tiberius' PRELOGIN itself.
pub(super) struct Answered {
    tls: TlsStream<Wrapped>,
    phase: Phase,
    reader: Option<Waker>,
}

enum Phase {
    /// What has come so far of tiberius' PRELOGIN.
    Prelogin(Vec<u8>),
    /// What it has still to read of our answer.
    Answer(Vec<u8>),
    Through,
}

impl AsyncRead for Answered {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.phase {
            Phase::Prelogin(_) => {
                this.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            Phase::Answer(rest) => {
                let n = rest.len().min(buf.remaining());
                let part: Vec<u8> = rest.drain(..n).collect();
                buf.put_slice(&part);
                if rest.is_empty() {
                    this.phase = Phase::Through;
                }
                Poll::Ready(Ok(()))
            }
            Phase::Through => Pin::new(&mut this.tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Answered {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Phase::Prelogin(seen) = &mut this.phase else {
            return Pin::new(&mut this.tls).poll_write(cx, buf);
        };
        let mut taken = 0;
        for byte in buf {
            seen.push(*byte);
            taken += 1;
            let length = match seen.as_slice() {
                [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
                _ => HEADER,
            };
            if seen.len() >= length.max(HEADER) {
                let answer = packet(TABULAR_RESULT, &prelogin(ENCRYPTION_NOT_SUPPORTED));
                this.phase = Phase::Answer(answer);
                if let Some(reader) = this.reader.take() {
                    reader.wake();
                }
                break;
            }
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.phase {
            Phase::Prelogin(_) | Phase::Answer(_) => Poll::Ready(Ok(())),
            Phase::Through => Pin::new(&mut this.tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prelogin_says_where_its_options_are() {
        assert_eq!(encryption_of(&prelogin(ENCRYPTION_ON)), Some(ENCRYPTION_ON));
        assert_eq!(
            encryption_of(&prelogin(ENCRYPTION_NOT_SUPPORTED)),
            Some(ENCRYPTION_NOT_SUPPORTED)
        );
        assert_eq!(encryption_of(&[OPTIONS_END]), None);
        assert_eq!(encryption_of(&[1, 0, 200, 0, 1]), None);
    }
}
