//! `LOGIN7` ([MS-TDS] 2.2.6.4): who signs in, and what was agreed on.

use super::{
    WireError,
    bytes::{Fields, utf16_text},
};
use secrecy::SecretString;

/// TDS 7.4, the newest that this server speaks.
pub const TDS_7_4: u32 = 0x7400_0004;
/// TDS 7.3 without null bitmaps, the oldest: before it there were no `date` and `datetime2`.
pub const TDS_7_3_A: u32 = 0x730a_0003;

/// What a client says when it signs in.
#[derive(Clone, Debug)]
pub struct Login7 {
    /// As on the wire: 0x74000004 is TDS 7.4.
    pub tds_version: u32,
    /// Wished size of packets; 0 leaves it to the server.
    pub packet_size: u32,
    /// Process id of the client.
    pub client_pid: u32,
    /// The client's machine.
    pub host: String,
    /// Empty when Windows is to sign in.
    pub user: String,
    /// As typed.
    pub password: SecretString,
    /// `APP_NAME()`.
    pub program: String,
    /// The database to begin in.
    pub database: Option<String>,
    /// Windows sign-in is asked for.
    pub integrated: bool,
    /// The client can read `sql_variant`.
    ///
    /// FreeTDS's ODBC driver cannot tell its caller what a variant holds, so a caller that asks (pyodbc does) ends
    /// with HY091. It signs in as ODBC without the name of a library, as no other client does.
    pub knows_variants: bool,
    /// The client listed feature extensions, and wants to hear which of them are there.
    pub has_features: bool,
    /// A token of Microsoft Entra instead of user and password (`FEDAUTH` with the security-token library).
    pub token: Option<SecretString>,
}

/// Bytes of the part with fixed places.
const FIXED_BYTES: usize = 94;
const INTEGRATED: u8 = 0x80;
const EXTENSION: u8 = 0x10;
const ODBC: u8 = 0x02;
const FED_AUTH: u8 = 0x02;
const SECURITY_TOKEN: u8 = 0x01;
const FEATURES_END: u8 = 0xff;

/// Reads the message.
pub fn decode(payload: &[u8]) -> Result<Login7, WireError> {
    if payload.len() < FIXED_BYTES {
        return Err(WireError::Truncated);
    }
    let ulong = |at: usize| Fields::new(payload.get(at..).unwrap_or_default()).ulong();
    let flag = |at: usize, bit: u8| payload.get(at).is_some_and(|flags| flags & bit != 0);
    let text = |at: usize| text_bytes(payload, at).map(utf16_text);
    let password: Vec<u8> = text_bytes(payload, 44)?
        .iter()
        // Swapped half bytes, then XOR 0xA5 on the client's side.
        .map(|byte| (byte ^ 0xa5).rotate_left(4))
        .collect();
    let database = text(68)?;
    Ok(Login7 {
        tds_version: ulong(4)?,
        packet_size: ulong(8)?,
        client_pid: ulong(16)?,
        host: text(36)?,
        user: text(40)?,
        password: utf16_text(&password).into(),
        program: text(48)?,
        database: (!database.is_empty()).then_some(database),
        integrated: flag(25, INTEGRATED),
        knows_variants: !flag(25, ODBC) || !text(60)?.is_empty(),
        has_features: flag(27, EXTENSION),
        token: match flag(27, EXTENSION) {
            true => token(payload)?.map(SecretString::from),
            false => None,
        },
    })
}

/// The token among the feature extensions ([MS-TDS] 2.2.6.4): they lie where the place at 56 points to.
fn token(payload: &[u8]) -> Result<Option<String>, WireError> {
    let mut place = Fields::new(payload.get(56..).ok_or(WireError::Truncated)?);
    let pointer = usize::from(place.ushort()?);
    let at = Fields::new(payload.get(pointer..).unwrap_or_default()).ulong()? as usize;
    let mut features = payload.get(at..).ok_or(WireError::Truncated)?;
    loop {
        let mut head = Fields::new(features);
        let id = head.byte()?;
        if id == FEATURES_END {
            return Ok(None);
        }
        let n_bytes = head.ulong()? as usize;
        let data = features.get(5..5 + n_bytes).ok_or(WireError::Truncated)?;
        if id == FED_AUTH {
            let mut data_fields = Fields::new(data);
            if data_fields.byte()? >> 1 != SECURITY_TOKEN {
                return Err(WireError::Unsupported("this way of federated sign-in"));
            }
            let n_token_bytes = data_fields.ulong()? as usize;
            let bytes = data.get(5..5 + n_token_bytes).ok_or(WireError::Truncated)?;
            return Ok(Some(utf16_text(bytes)));
        }
        features = features.get(5 + n_bytes..).unwrap_or_default();
    }
}

/// The bytes of the text whose offset and length in characters stand at `at`.
fn text_bytes(payload: &[u8], at: usize) -> Result<&[u8], WireError> {
    let mut place = Fields::new(payload.get(at..).ok_or(WireError::Truncated)?);
    let offset = usize::from(place.ushort()?);
    let n_bytes = usize::from(place.ushort()?) * 2;
    if n_bytes == 0 {
        return Ok(&[]);
    }
    payload
        .get(offset..offset + n_bytes)
        .ok_or(WireError::Truncated)
}

/// The size of packets that both sides then use: what the client wished, within the protocol's bounds.
pub fn packet_bytes(wished: u32) -> usize {
    match wished {
        0 => super::packet::DEFAULT_PACKET_BYTES,
        _ => (wished as usize).clamp(512, 32_767),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn message() -> Vec<u8> {
        let mut bytes = vec![0; FIXED_BYTES];
        bytes[4..8].copy_from_slice(&TDS_7_4.to_le_bytes());
        bytes[8..12].copy_from_slice(&8000_u32.to_le_bytes());
        bytes[16..20].copy_from_slice(&77_u32.to_le_bytes());
        for (at, text) in [
            (36, "PC"),
            (40, "sa"),
            (44, "Größe€"),
            (48, "app"),
            (68, "db"),
        ] {
            let offset = bytes.len() as u16;
            let units: Vec<u16> = text.encode_utf16().collect();
            bytes[at..at + 2].copy_from_slice(&offset.to_le_bytes());
            bytes[at + 2..at + 4].copy_from_slice(&(units.len() as u16).to_le_bytes());
            let raw = units.iter().flat_map(|unit| unit.to_le_bytes());
            if at == 44 {
                bytes.extend(raw.map(|byte| byte.rotate_left(4) ^ 0xa5));
            } else {
                bytes.extend(raw);
            }
        }
        bytes
    }

    #[test]
    fn reads_names_and_the_scrambled_password() {
        let login = decode(&message()).expect("a whole message");
        assert_eq!(login.user, "sa");
        assert_eq!(login.password.expose_secret(), "Größe€");
        assert_eq!(login.host, "PC");
        assert_eq!(login.program, "app");
        assert_eq!(login.database.as_deref(), Some("db"));
        assert_eq!(login.client_pid, 77);
        assert!(!login.integrated);
        assert!(login.knows_variants);
        let mut odbc = message();
        odbc[25] = ODBC;
        assert!(!decode(&odbc).expect("a whole message").knows_variants);
    }

    /// The same with a security token among its feature extensions.
    fn federated(token: &str) -> Vec<u8> {
        let mut bytes = message();
        bytes[27] |= EXTENSION;
        let pointer = bytes.len();
        bytes[56..58].copy_from_slice(&(pointer as u16).to_le_bytes());
        bytes.extend((pointer as u32 + 4).to_le_bytes());
        let token: Vec<u8> = token.encode_utf16().flat_map(u16::to_le_bytes).collect();
        // Another feature first, as drivers send several.
        bytes.extend([0x01, 1, 0, 0, 0, 0xff]);
        bytes.push(FED_AUTH);
        bytes.extend((token.len() as u32 + 5).to_le_bytes());
        bytes.push(SECURITY_TOKEN << 1);
        bytes.extend((token.len() as u32).to_le_bytes());
        bytes.extend(token);
        bytes.push(FEATURES_END);
        bytes
    }

    #[test]
    fn a_token_is_found_among_the_features() {
        let login = decode(&federated("practice-token.x.1")).expect("a whole message");
        let token = login.token.expect("there is one");
        assert_eq!(token.expose_secret(), "practice-token.x.1");
        assert!(decode(&message()).expect("a whole message").token.is_none());
        let whole = federated("t");
        // The end mark behind the token is never read.
        for length in message().len()..whole.len() - 1 {
            assert!(decode(&whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_cut_message_is_an_error_at_every_length() {
        let whole = message();
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn packet_sizes_stay_in_bounds() {
        assert_eq!(packet_bytes(0), 4096);
        assert_eq!(packet_bytes(100), 512);
        assert_eq!(packet_bytes(8000), 8000);
        assert_eq!(packet_bytes(u32::MAX), 32_767);
    }
}
