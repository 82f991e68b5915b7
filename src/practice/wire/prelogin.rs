//! The first exchange: versions, and whether to encrypt ([MS-TDS] 2.2.6.5).

use super::{WireError, bytes::Fields};

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD_ID: u8 = 3;
const MARS: u8 = 4;
const TERMINATOR: u8 = 0xff;

/// `B_FENCRYPTION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Encryption {
    /// Only the sign-in is encrypted.
    Off = 0,
    /// Everything is.
    On = 1,
    /// Nothing is.
    NotSupported = 2,
    /// Everything, or no connection.
    Required = 3,
}

impl Encryption {
    /// What the server answers: it follows the client.
    pub fn answer(self) -> Self {
        match self {
            Self::Off => Self::Off,
            Self::NotSupported => Self::NotSupported,
            Self::On | Self::Required => Self::On,
        }
    }
}

/// What a client asks for; one that says nothing wants no encryption.
pub fn decode(payload: &[u8]) -> Result<Encryption, WireError> {
    let mut options = Fields::new(payload);
    loop {
        match options.byte()? {
            TERMINATOR => return Ok(Encryption::NotSupported),
            option => {
                let [offset_high, offset_low, length_high, length_low] = options.array()?;
                let offset = usize::from(u16::from_be_bytes([offset_high, offset_low]));
                let length = usize::from(u16::from_be_bytes([length_high, length_low]));
                if option == ENCRYPTION {
                    let value = payload
                        .get(offset..offset + length)
                        .and_then(<[u8]>::first)
                        .ok_or(WireError::Truncated)?;
                    return match value {
                        0 => Ok(Encryption::Off),
                        1 => Ok(Encryption::On),
                        2 => Ok(Encryption::NotSupported),
                        3 => Ok(Encryption::Required),
                        _ => Err(WireError::Unsupported("a client certificate")),
                    };
                }
            }
        }
    }
}

/// The answer: version, encryption, instance, thread, MARS, and nothing else.
///
/// A `TRACEID` would end tiberius 0.13 with "failed to fill whole buffer".
pub fn encode(encryption: Encryption, (major, minor, build): (u8, u8, u16)) -> Vec<u8> {
    let [build_high, build_low] = build.to_be_bytes();
    let options: [(u8, &[u8]); 5] = [
        (VERSION, &[major, minor, build_high, build_low, 0, 0]),
        (ENCRYPTION, &[encryption as u8]),
        (INSTANCE, &[0]),
        (THREAD_ID, &[]),
        (MARS, &[0]),
    ];
    let mut head = Vec::new();
    let mut data = Vec::new();
    let head_bytes = options.len() * 5 + 1;
    for (option, value) in options {
        head.push(option);
        head.extend(((head_bytes + data.len()) as u16).to_be_bytes());
        head.extend((value.len() as u16).to_be_bytes());
        data.extend_from_slice(value);
    }
    head.push(TERMINATOR);
    head.extend(data);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_itself_a_prelogin() {
        for asked in [
            Encryption::Off,
            Encryption::On,
            Encryption::NotSupported,
            Encryption::Required,
        ] {
            let bytes = encode(asked.answer(), (16, 0, 1000));
            assert_eq!(decode(&bytes), Ok(asked.answer()));
        }
        assert_eq!(Encryption::Required.answer(), Encryption::On);
    }

    #[test]
    fn the_version_stands_at_its_offset() {
        let bytes = encode(Encryption::Off, (16, 0, 0x1234));
        assert_eq!(bytes[..5], [0, 0, 26, 0, 6]);
        assert_eq!(bytes[26..32], [16, 0, 0x12, 0x34, 0, 0]);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(decode(&[]), Err(WireError::Truncated));
        assert_eq!(decode(&[1, 0, 200, 0, 1, 0xff]), Err(WireError::Truncated));
        assert_eq!(decode(&[0xff]), Ok(Encryption::NotSupported));
    }
}
