//! Windows-1252, the code page of `char` and `varchar` under the server's collation.

/// `SQL_Latin1_General_CP1_CI_AS` as on the wire: LCID 0x0409, case-, kana- and width-insensitive, sort order 52.
pub const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];

/// The characters of bytes 0x80 to 0x9F; the five unassigned bytes stand for themselves, as Windows has it.
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Appends the text; a character that the code page lacks becomes `?`, as on the real server.
pub fn encode(into: &mut Vec<u8>, text: &str, max_bytes: usize) {
    into.extend(text.chars().take(max_bytes).map(|c| {
        match u32::from(c) {
            code @ (0..=0x7f | 0xa0..=0xff) => code as u8,
            _ => HIGH
                .iter()
                .position(|high| *high == c)
                .map_or(b'?', |idx| 0x80 + idx as u8),
        }
    }));
}

/// The text of bytes in the code page.
pub fn decode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            0x80..=0x9f => HIGH
                .get(usize::from(byte - 0x80))
                .copied()
                .unwrap_or(char::REPLACEMENT_CHARACTER),
            _ => char::from(*byte),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_character_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut back = Vec::new();
        encode(&mut back, &decode(&all), 256);
        assert_eq!(back, all);
    }

    #[test]
    fn what_the_page_lacks_is_a_question_mark() {
        let mut bytes = Vec::new();
        encode(&mut bytes, "€ж", 10);
        assert_eq!(bytes, [0x80, b'?']);
    }
}
