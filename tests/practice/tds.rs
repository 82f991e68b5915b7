//! A TDS client of a few lines, for what drivers hide: packets, single tokens, attention.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};
use stopat::practice::{
    value::Value,
    wire::{
        bytes::{Fields, put_utf16},
        cell,
        packet::{kind, put_packet},
        type_info::{self, TypeInfo},
    },
};

pub struct Client {
    io: TcpStream,
    packet_bytes: usize,
    columns: Vec<TypeInfo>,
}

/// A token of a reply, as far as tests look at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Columns(Vec<String>),
    Row(Vec<Value>),
    Error {
        number: i32,
        class: u8,
        state: u8,
        text: String,
    },
    Info {
        number: i32,
        text: String,
    },
    Done {
        token: u8,
        status: u16,
        command: u16,
        rows: u64,
    },
    EnvChange(u8),
    LoginAck,
    ReturnStatus(i32),
    ReturnValue(String, Value),
}

/// One message of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub tokens: Vec<Token>,
    /// Bytes of its packets, headers included.
    pub packets: Vec<usize>,
}

impl Reply {
    pub fn values(&self) -> Vec<Vec<Value>> {
        self.tokens
            .iter()
            .filter_map(|token| match token {
                Token::Row(values) => Some(values.clone()),
                _ => None,
            })
            .collect()
    }

    pub fn errors(&self) -> Vec<i32> {
        self.tokens
            .iter()
            .filter_map(|token| match token {
                Token::Error { number, .. } => Some(*number),
                _ => None,
            })
            .collect()
    }

    /// Status and command of each `DONE`, `DONEPROC`, `DONEINPROC`.
    pub fn dones(&self) -> Vec<(u8, u16, u16)> {
        self.tokens
            .iter()
            .filter_map(|token| match token {
                Token::Done {
                    token,
                    status,
                    command,
                    ..
                } => Some((*token, *status, *command)),
                _ => None,
            })
            .collect()
    }
}

impl Client {
    /// Connects in clear and signs in; the reply is that to `LOGIN7`.
    pub fn sign_in(
        address: SocketAddr,
        user: &str,
        password: &str,
        database: &str,
        packet_bytes: u32,
    ) -> (Self, Reply) {
        let io = TcpStream::connect(address).expect("the server listens");
        io.set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a timeout");
        let mut client = Self {
            io,
            packet_bytes: 4096,
            columns: Vec::new(),
        };
        // Version, and no encryption.
        let prelogin = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2];
        client.send(kind::PRELOGIN, &prelogin);
        let (answer, _) = client.read_message();
        assert_eq!(answer.first(), Some(&0), "VERSION comes first");
        client.send(
            kind::LOGIN7,
            &login7(user, password, database, packet_bytes),
        );
        let reply = client.read_reply();
        client.packet_bytes = packet_bytes as usize;
        (client, reply)
    }

    pub fn batch(&mut self, sql: &str) -> Reply {
        self.send_batch(sql);
        self.read_reply()
    }

    pub fn send_batch(&mut self, sql: &str) {
        let mut payload = headers();
        put_utf16(&mut payload, sql, usize::MAX);
        self.send(kind::BATCH, &payload);
    }

    pub fn send(&mut self, kind: u8, payload: &[u8]) {
        self.send_with_status(kind, payload, 0);
    }

    /// `first` is added to the status of the first packet.
    pub fn send_with_status(&mut self, kind: u8, payload: &[u8], first: u8) {
        let room = self.packet_bytes - 8;
        let mut bytes = Vec::new();
        let n_packets = payload.len().div_ceil(room).max(1);
        for idx in 0..n_packets {
            let chunk = &payload[idx * room..payload.len().min((idx + 1) * room)];
            let last = u8::from(idx + 1 == n_packets);
            let status = if idx == 0 { first | last } else { last };
            put_packet(&mut bytes, (kind, status, 0, idx as u8 + 1), chunk);
        }
        self.io.write_all(&bytes).expect("the server reads");
    }

    /// Whether the server closed.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.io.read(&mut [0]), Ok(0) | Err(_))
    }

    fn read_message(&mut self) -> (Vec<u8>, Vec<usize>) {
        let (mut payload, mut packets) = (Vec::new(), Vec::new());
        loop {
            let mut header = [0; 8];
            self.io.read_exact(&mut header).expect("a packet");
            let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
            let mut part = vec![0; length - 8];
            self.io.read_exact(&mut part).expect("a whole packet");
            payload.extend(part);
            packets.push(length);
            if header[1] & 1 != 0 {
                return (payload, packets);
            }
        }
    }

    pub fn read_reply(&mut self) -> Reply {
        let (payload, packets) = self.read_message();
        let mut fields = Fields::new(&payload);
        let mut tokens = Vec::new();
        while !fields.is_empty() {
            tokens.push(self.token(&mut fields));
        }
        Reply { tokens, packets }
    }

    fn token(&mut self, fields: &mut Fields<'_>) -> Token {
        let byte = fields.byte().expect("a token");
        match byte {
            0x79 => Token::ReturnStatus(fields.ulong().expect("a status") as i32),
            0x81 => {
                let n_columns = fields.ushort().expect("a count");
                let mut names = Vec::new();
                self.columns.clear();
                for _ in 0..n_columns {
                    fields.take(6).expect("user type and flags");
                    self.columns
                        .push(type_info::decode(fields).expect("a type"));
                    names.push(fields.b_varchar().expect("a name"));
                }
                Token::Columns(names)
            }
            0xd1 => Token::Row(
                self.columns
                    .iter()
                    .map(|info| cell::decode(fields, *info).expect("a value"))
                    .collect(),
            ),
            0xaa | 0xab => {
                let mut fields = counted(fields);
                let number = fields.ulong().expect("a number") as i32;
                let (state, class) = (
                    fields.byte().expect("a state"),
                    fields.byte().expect("a class"),
                );
                let n_chars = fields.ushort().expect("a length");
                let text = fields.utf16(usize::from(n_chars)).expect("a text");
                if byte == 0xaa {
                    Token::Error {
                        number,
                        class,
                        state,
                        text,
                    }
                } else {
                    Token::Info { number, text }
                }
            }
            0xac => {
                fields.ushort().expect("an ordinal");
                let name = fields.b_varchar().expect("a name");
                fields.take(7).expect("status, user type and flags");
                let info = type_info::decode(fields).expect("a type");
                Token::ReturnValue(name, cell::decode(fields, info).expect("a value"))
            }
            0xad => {
                counted(fields);
                Token::LoginAck
            }
            0xe3 => Token::EnvChange(counted(fields).byte().expect("a kind")),
            0xfd..=0xff => Token::Done {
                token: byte,
                status: fields.ushort().expect("a status"),
                command: fields.ushort().expect("a command"),
                rows: fields.ulonglong().expect("rows"),
            },
            other => panic!("token {other:#04x} is not expected"),
        }
    }
}

fn counted<'a>(fields: &mut Fields<'a>) -> Fields<'a> {
    let length = fields.ushort().expect("a length");
    Fields::new(fields.take(usize::from(length)).expect("a whole token"))
}

/// `ALL_HEADERS` with the descriptor of no transaction.
pub fn headers() -> Vec<u8> {
    let mut bytes = 22_u32.to_le_bytes().to_vec();
    bytes.extend(18_u32.to_le_bytes());
    bytes.extend([2, 0]);
    bytes.extend([0; 8]);
    bytes.extend(1_u32.to_le_bytes());
    bytes
}

fn login7(user: &str, password: &str, database: &str, packet_bytes: u32) -> Vec<u8> {
    let mut bytes = vec![0; 94];
    bytes[4..8].copy_from_slice(&0x7400_0004_u32.to_le_bytes());
    bytes[8..12].copy_from_slice(&packet_bytes.to_le_bytes());
    for (at, text) in [
        (36, "test"),
        (40, user),
        (44, password),
        (48, "bytes"),
        (68, database),
    ] {
        let offset = bytes.len() as u16;
        let mut raw = Vec::new();
        let n_units = put_utf16(&mut raw, text, 128) as u16;
        bytes[at..at + 2].copy_from_slice(&offset.to_le_bytes());
        bytes[at + 2..at + 4].copy_from_slice(&n_units.to_le_bytes());
        if at == 44 {
            raw.iter_mut()
                .for_each(|byte| *byte = byte.rotate_left(4) ^ 0xa5);
        }
        bytes.extend(raw);
    }
    let length = bytes.len() as u32;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}
