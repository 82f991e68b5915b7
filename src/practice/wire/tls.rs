//! TLS inside packets: during the handshake its bytes are the payload of PRELOGIN packets ([MS-TDS] 2.2.6.5),
//! afterwards they follow each other raw.

use super::packet::{DEFAULT_PACKET_BYTES, HEADER_BYTES, kind, put_packet};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream on which TLS shakes hands.
#[derive(Debug)]
pub struct Wrapped<S> {
    io: S,
    raw: bool,
    /// The header of the packet that is being read, as far as it was read.
    header: [u8; HEADER_BYTES],
    header_read: usize,
    /// Bytes left of its payload.
    left: usize,
    /// What TLS wrote since the last flush.
    written: Vec<u8>,
    /// The same in packets, and how much of that is on its way.
    packets: Vec<u8>,
    sent: usize,
}

impl<S> Wrapped<S> {
    /// Wraps until [`Self::go_raw`].
    pub fn new(io: S) -> Self {
        Self {
            io,
            raw: false,
            header: [0; HEADER_BYTES],
            header_read: 0,
            left: 0,
            written: Vec::new(),
            packets: Vec::new(),
            sent: 0,
        }
    }

    /// The handshake is over, and what it wrote was flushed.
    pub fn go_raw(&mut self) {
        self.raw = true;
    }

    /// The stream below.
    pub fn into_inner(self) -> S {
        self.io
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wrapped<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.raw {
            return Pin::new(&mut this.io).poll_read(context, into);
        }
        while this.left == 0 {
            // Exactly the header: a byte beyond the packet may already be raw.
            let mut part =
                ReadBuf::new(this.header.get_mut(this.header_read..).unwrap_or_default());
            ready!(Pin::new(&mut this.io).poll_read(context, &mut part))?;
            let n_bytes = part.filled().len();
            if n_bytes == 0 {
                return Poll::Ready(Ok(()));
            }
            this.header_read += n_bytes;
            if this.header_read == HEADER_BYTES {
                this.header_read = 0;
                let [packet_kind, _, high, low, ..] = this.header;
                let length = usize::from(u16::from_be_bytes([high, low]));
                if packet_kind != kind::PRELOGIN || length < HEADER_BYTES {
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                this.left = length - HEADER_BYTES;
            }
        }
        let mut chunk = [0; DEFAULT_PACKET_BYTES];
        let n_wanted = this.left.min(into.remaining()).min(chunk.len());
        let mut part = ReadBuf::new(chunk.get_mut(..n_wanted).unwrap_or_default());
        ready!(Pin::new(&mut this.io).poll_read(context, &mut part))?;
        this.left -= part.filled().len();
        into.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wrapped<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.raw {
            return Pin::new(&mut this.io).poll_write(context, bytes);
        }
        this.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.written.is_empty() {
            let mut chunks = this
                .written
                .chunks(DEFAULT_PACKET_BYTES - HEADER_BYTES)
                .peekable();
            let mut id = 1_u8;
            while let Some(chunk) = chunks.next() {
                let last = u8::from(chunks.peek().is_none());
                put_packet(&mut this.packets, (kind::PRELOGIN, last, 0, id), chunk);
                id = id.wrapping_add(1);
            }
            this.written.clear();
        }
        while let Some(rest) = this.packets.get(this.sent..).filter(|r| !r.is_empty()) {
            match ready!(Pin::new(&mut this.io).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n_bytes => this.sent += n_bytes,
            }
        }
        this.packets.clear();
        this.sent = 0;
        Pin::new(&mut this.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime without drivers")
    }

    #[test]
    fn a_flight_is_cut_into_packets_and_comes_back() {
        runtime().block_on(async {
            let flight: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let mut ours = Wrapped::new(ours);
            let mut theirs = Wrapped::new(theirs);
            ours.write_all(&flight).await.expect("memory takes it");
            ours.flush().await.expect("memory takes it");
            let mut read = vec![0; flight.len()];
            theirs.read_exact(&mut read).await.expect("the flight");
            assert_eq!(read, flight);
            ours.go_raw();
            theirs.go_raw();
            ours.write_all(b"raw").await.expect("memory takes it");
            let mut raw = [0; 3];
            theirs.read_exact(&mut raw).await.expect("raw bytes");
            assert_eq!(&raw, b"raw");
        });
    }

    #[test]
    fn another_packet_during_the_handshake_is_an_error() {
        runtime().block_on(async {
            let bytes = [kind::BATCH, 1, 0, 9, 0, 0, 0, 0, 0];
            let mut wrapped = Wrapped::new(bytes.as_slice());
            let error = wrapped.read_u8().await.map_err(|e| e.kind());
            assert_eq!(error, Err(io::ErrorKind::InvalidData));
        });
    }
}
