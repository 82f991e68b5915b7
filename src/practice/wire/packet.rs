//! Packets and the messages that they carry ([MS-TDS] 2.2.3).

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes of a packet's header.
pub const HEADER_BYTES: usize = 8;
/// The size of packets before sign-in agreed on another, header included.
pub const DEFAULT_PACKET_BYTES: usize = 4096;
/// A message beyond this is not read: nobody sends a batch of that size to a practice server.
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// `Type` of a packet.
pub mod kind {
    /// A batch of T-SQL.
    pub const BATCH: u8 = 1;
    /// A procedure call.
    pub const RPC: u8 = 3;
    /// What the server answers.
    pub const REPLY: u8 = 4;
    /// Stop what runs now.
    pub const ATTENTION: u8 = 6;
    /// Begin, commit, roll back.
    pub const TRANSACTION: u8 = 14;
    /// Sign-in.
    pub const LOGIN7: u8 = 16;
    /// The first message, and TLS records during the handshake.
    pub const PRELOGIN: u8 = 18;
}

/// `Status` bits of a packet.
mod status {
    pub const END_OF_MESSAGE: u8 = 0x01;
    pub const IGNORE: u8 = 0x02;
    pub const RESET: u8 = 0x08;
    pub const RESET_SKIP_TRANSACTION: u8 = 0x10;
}

/// A whole message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMessage {
    /// See [`kind`].
    pub kind: u8,
    /// The session's settings are to be reset before it runs.
    pub reset: bool,
    /// The client gave up while it was sending.
    pub ignore: bool,
    /// Without packet headers.
    pub payload: Vec<u8>,
}

/// Reads messages off a stream.
///
/// [`Self::next`] may be dropped at any time and called again: nothing that was read is lost.
#[derive(Debug)]
pub struct MessageReader<R> {
    io: R,
    received: Vec<u8>,
    message: ClientMessage,
    begun: bool,
}

impl<R: AsyncRead + Unpin> MessageReader<R> {
    /// A reader at the beginning of a packet.
    pub fn new(io: R) -> Self {
        Self {
            io,
            received: Vec::new(),
            message: empty_message(),
            begun: false,
        }
    }

    /// The next message; `None` when the client closed between two.
    pub async fn next(&mut self) -> io::Result<Option<ClientMessage>> {
        let mut chunk = [0; 8192];
        loop {
            if let Some(message) = self.take_message()? {
                return Ok(Some(message));
            }
            match self.io.read(&mut chunk).await {
                Ok(0) if self.received.is_empty() && !self.begun => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self
                    .received
                    .extend_from_slice(chunk.get(..n).unwrap_or_default()),
                Err(error) => return Err(error),
            }
        }
    }

    /// The stream, when nothing beyond the last message was read.
    pub fn into_inner(self) -> io::Result<R> {
        if self.received.is_empty() && !self.begun {
            Ok(self.io)
        } else {
            Err(invalid("a message that nobody asked for"))
        }
    }

    fn take_message(&mut self) -> io::Result<Option<ClientMessage>> {
        while let Some((header, _)) = self.received.split_first_chunk::<HEADER_BYTES>() {
            let [kind, flags, high, low, ..] = *header;
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length < HEADER_BYTES {
                return Err(invalid("the length of a packet"));
            }
            if self.received.len() < length {
                break;
            }
            let packet: Vec<u8> = self.received.drain(..length).collect();
            let payload = packet.get(HEADER_BYTES..).unwrap_or_default();
            if kind == kind::ATTENTION {
                // It may come between the packets of another message, which it then replaces.
                self.begun = false;
                self.message = empty_message();
                return Ok(Some(ClientMessage {
                    kind,
                    ..empty_message()
                }));
            }
            if !self.begun {
                self.begun = true;
                self.message.kind = kind;
                self.message.reset = flags & (status::RESET | status::RESET_SKIP_TRANSACTION) != 0;
            } else if self.message.kind != kind {
                return Err(invalid("the type of a packet"));
            }
            if self.message.payload.len() + payload.len() > MAX_MESSAGE_BYTES {
                return Err(invalid("the size of a message"));
            }
            self.message.payload.extend_from_slice(payload);
            if flags & status::END_OF_MESSAGE != 0 {
                self.begun = false;
                self.message.ignore = flags & status::IGNORE != 0;
                return Ok(Some(std::mem::replace(&mut self.message, empty_message())));
            }
        }
        Ok(None)
    }
}

fn empty_message() -> ClientMessage {
    ClientMessage {
        kind: 0,
        reset: false,
        ignore: false,
        payload: Vec::new(),
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, super::WireError::Invalid(what))
}

/// Cuts replies into packets of the negotiated size.
#[derive(Debug)]
pub struct MessageWriter<W> {
    io: W,
    packet_bytes: usize,
    session: u16,
    payload: Vec<u8>,
    packets: Vec<u8>,
    packet_id: u8,
}

impl<W: AsyncWrite + Unpin> MessageWriter<W> {
    /// A writer of packets of at most `packet_bytes`, header included.
    pub fn new(io: W, packet_bytes: usize) -> Self {
        Self {
            io,
            packet_bytes,
            session: 0,
            payload: Vec::new(),
            packets: Vec::new(),
            packet_id: 1,
        }
    }

    /// The stream.
    pub fn into_inner(self) -> W {
        self.io
    }

    /// What sign-in agreed on: the size of packets, and the session whose number they carry.
    pub fn signed_in(&mut self, packet_bytes: usize, session: i16) {
        self.packet_bytes = packet_bytes;
        self.session = session.unsigned_abs();
    }

    /// The tokens that were not cut into packets yet; append more.
    pub fn tokens(&mut self) -> &mut Vec<u8> {
        &mut self.payload
    }

    /// Sends what fills whole packets; the last one is kept, because it may become the end of the message.
    pub async fn send_full_packets(&mut self) -> io::Result<()> {
        let room = self.packet_bytes - HEADER_BYTES;
        let mut sent = 0;
        while self.payload.len() - sent > room {
            put_packet(
                &mut self.packets,
                (kind::REPLY, 0, self.session, self.packet_id),
                self.payload.get(sent..sent + room).unwrap_or_default(),
            );
            self.packet_id = self.packet_id.wrapping_add(1);
            sent += room;
        }
        self.payload.drain(..sent);
        self.send().await
    }

    /// Sends the rest with the end of the message.
    pub async fn end_message(&mut self) -> io::Result<()> {
        self.send_full_packets().await?;
        put_packet(
            &mut self.packets,
            (
                kind::REPLY,
                status::END_OF_MESSAGE,
                self.session,
                self.packet_id,
            ),
            &self.payload,
        );
        self.payload.clear();
        self.packet_id = 1;
        self.send().await?;
        self.io.flush().await
    }

    async fn send(&mut self) -> io::Result<()> {
        if !self.packets.is_empty() {
            self.io.write_all(&self.packets).await?;
            self.packets.clear();
        }
        Ok(())
    }

    /// Tells the client that nothing more comes.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.io.shutdown().await
    }
}

/// Appends one packet: type, status, session and number, payload.
pub fn put_packet(
    into: &mut Vec<u8>,
    (kind, status, session, id): (u8, u8, u16, u8),
    payload: &[u8],
) {
    let length = (payload.len() + HEADER_BYTES) as u16;
    let [high, low] = length.to_be_bytes();
    let [session_high, session_low] = session.to_be_bytes();
    into.extend([kind, status, high, low, session_high, session_low, id, 0]);
    into.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime without drivers")
    }

    #[test]
    fn a_message_of_three_packets_comes_back_whole() {
        let mut bytes = Vec::new();
        put_packet(&mut bytes, (kind::BATCH, 0x08, 0, 1), b"abc");
        put_packet(&mut bytes, (kind::BATCH, 0, 0, 2), b"def");
        put_packet(&mut bytes, (kind::BATCH, 1, 0, 3), b"g");
        put_packet(&mut bytes, (kind::ATTENTION, 1, 0, 1), b"");
        runtime().block_on(async {
            let mut reader = MessageReader::new(bytes.as_slice());
            let message = reader.next().await.expect("bytes").expect("a message");
            assert_eq!(message.payload, b"abcdefg");
            assert!(message.reset);
            let attention = reader.next().await.expect("bytes").expect("a message");
            assert_eq!(attention.kind, kind::ATTENTION);
            assert_eq!(reader.next().await.expect("the end"), None);
        });
    }

    #[test]
    fn an_attention_replaces_the_message_it_interrupts() {
        let mut bytes = Vec::new();
        put_packet(&mut bytes, (kind::BATCH, 0, 0, 1), b"abc");
        put_packet(&mut bytes, (kind::ATTENTION, 1, 0, 1), b"");
        put_packet(&mut bytes, (kind::BATCH, 1, 0, 1), b"new");
        runtime().block_on(async {
            let mut reader = MessageReader::new(bytes.as_slice());
            let first = reader.next().await.expect("bytes").expect("a message");
            assert_eq!(first.kind, kind::ATTENTION);
            let second = reader.next().await.expect("bytes").expect("a message");
            assert_eq!(second.payload, b"new");
        });
    }

    #[test]
    fn a_broken_header_and_a_torn_packet_are_errors() {
        runtime().block_on(async {
            let short = [kind::BATCH, 1, 0, 7, 0, 0, 0, 0];
            let error = MessageReader::new(short.as_slice()).next().await;
            assert_eq!(error.map_err(|e| e.kind()), Err(io::ErrorKind::InvalidData));
            let torn = [kind::BATCH, 1, 0, 9, 0, 0, 0, 0];
            let error = MessageReader::new(torn.as_slice()).next().await;
            assert_eq!(
                error.map_err(|e| e.kind()),
                Err(io::ErrorKind::UnexpectedEof)
            );
        });
    }

    #[test]
    fn replies_are_cut_at_the_negotiated_size() {
        for n_bytes in [0, 503, 504, 505, 1008, 1009] {
            runtime().block_on(async {
                let mut writer = MessageWriter::new(Vec::new(), 512);
                writer.tokens().extend(vec![7; n_bytes]);
                writer.end_message().await.expect("memory takes it");
                let bytes = writer.into_inner();
                let mut rest = bytes.as_slice();
                let mut lengths = Vec::new();
                while let Some((header, _)) = rest.split_first_chunk::<8>() {
                    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
                    assert!(length <= 512);
                    rest = &rest[length..];
                    assert_eq!(header[1] == 1, rest.is_empty(), "the last packet ends it");
                    assert_eq!(usize::from(header[6]), lengths.len() + 1);
                    lengths.push(length - 8);
                }
                assert_eq!(lengths.iter().sum::<usize>(), n_bytes);
            });
        }
    }
}
