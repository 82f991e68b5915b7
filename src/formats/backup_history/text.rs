//! The encodings in which a history may come.

use super::HistoryFileError;

/// Text of a file in one of the encodings that editors and PowerShell write.
pub fn decode_text(bytes: &[u8]) -> Result<String, HistoryFileError> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| {
                unit([
                    pair.first().copied().unwrap_or(0),
                    pair.get(1).copied().unwrap_or(0),
                ])
            })
            .collect();
        let text = String::from_utf16_lossy(&units);
        let whole = bytes.len().is_multiple_of(2) && String::from_utf16(&units).is_ok();
        if whole {
            Ok(text)
        } else {
            let good = text.split('\u{fffd}').next().unwrap_or_default();
            Err(not_text(good))
        }
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // JSON begins with an ASCII character, so a zero beside it tells UTF-16 without a mark.
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => utf16(bytes, u16::from_be_bytes),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, HistoryFileError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Err(not_text(&String::from_utf8_lossy(good)))
        }
    }
}

fn not_text(good: &str) -> HistoryFileError {
    HistoryFileError::NotText {
        line: good.matches('\n').count() + 1,
        column: good.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
    }
}
