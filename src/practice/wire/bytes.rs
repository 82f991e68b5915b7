//! Reading fields off a message, and writing the counted texts of [MS-TDS] 2.2.5.1.

use super::WireError;

/// The bytes of a message that were not read yet.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// All of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next byte, without reading it.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// `BYTE`.
    pub fn byte(&mut self) -> Result<u8, WireError> {
        self.array().map(|[byte]| byte)
    }

    /// `USHORT`.
    pub fn ushort(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_le_bytes)
    }

    /// `ULONG` or `DWORD`.
    pub fn ulong(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    /// `ULONGLONG`.
    pub fn ulonglong(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    /// `n_chars` characters of UTF-16.
    pub fn utf16(&mut self, n_chars: usize) -> Result<String, WireError> {
        self.take(n_chars * 2).map(utf16_text)
    }

    /// `B_VARCHAR`: a text with its length in characters in a byte.
    pub fn b_varchar(&mut self) -> Result<String, WireError> {
        let n_chars = self.byte()?;
        self.utf16(usize::from(n_chars))
    }
}

/// UTF-16 little-endian as text; a lone surrogate becomes U+FFFD, an odd last byte is dropped.
pub fn utf16_text(bytes: &[u8]) -> String {
    let (pairs, _odd) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)))
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Appends UTF-16 little-endian, at most `max_units` units and never half a surrogate pair; returns the units.
pub fn put_utf16(into: &mut Vec<u8>, text: &str, max_units: usize) -> usize {
    let mut n_units = 0;
    for c in text.chars() {
        if n_units + c.len_utf16() > max_units {
            break;
        }
        n_units += c.len_utf16();
        for unit in c.encode_utf16(&mut [0; 2]) {
            into.extend(unit.to_le_bytes());
        }
    }
    n_units
}

/// `B_VARCHAR`; cut after 255 units.
pub fn put_b_varchar(into: &mut Vec<u8>, text: &str) {
    let at = into.len();
    into.push(0);
    let n_units = put_utf16(into, text, 255);
    if let Some(length) = into.get_mut(at) {
        *length = n_units as u8;
    }
}

/// `US_VARCHAR`; cut so that a token with a `USHORT` length still holds it.
pub fn put_us_varchar(into: &mut Vec<u8>, text: &str) {
    const MAX_UNITS: usize = 16_000;
    let at = into.len();
    into.extend([0, 0]);
    let n_units = put_utf16(into, text, MAX_UNITS);
    put_ushort_at(into, at, n_units as u16);
}

/// Overwrites the two bytes at `at`.
pub fn put_ushort_at(into: &mut [u8], at: usize, value: u16) {
    if let Some(place) = into.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_end_where_the_message_ends() {
        let mut fields = Fields::new(&[1, 2, 0, 3]);
        assert_eq!(fields.byte(), Ok(1));
        assert_eq!(fields.ushort(), Ok(2));
        assert_eq!(fields.ushort(), Err(WireError::Truncated));
        assert_eq!(fields.byte(), Ok(3), "a failed read takes nothing");
        assert!(fields.is_empty());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let mut bytes = Vec::new();
        assert_eq!(put_utf16(&mut bytes, "a😀b", 2), 1);
        assert_eq!(utf16_text(&bytes), "a");
        let mut bytes = Vec::new();
        put_b_varchar(&mut bytes, &"ж".repeat(300));
        assert_eq!(
            Fields::new(&bytes).b_varchar().map(|t| t.chars().count()),
            Ok(255)
        );
    }
}
