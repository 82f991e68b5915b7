//! Names that a policy gives to objects of Agent.

use crate::domain::within_utf16;

/// A name for an object of Agent: without percent sign, token or control character, and at most `longest` UTF-16 units.
///
/// What had to be changed ends in `~` and eight digits that tell it from its neighbours.
pub(super) fn calm(name: &str, longest: usize) -> String {
    const TAIL: usize = 9;
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_control() || c == '%' || c == '$' || c == '~' {
                '_'
            } else {
                c
            }
        })
        .collect();
    // A dollar sign alone is harmless, but a token begins with one.
    let is_calm = !name.chars().any(|c| c.is_control() || c == '%' || c == '~')
        && !name.contains("$(")
        && name.encode_utf16().count() <= longest;
    if is_calm {
        return name.to_owned();
    }
    let cut = within_utf16(&plain, longest - TAIL);
    let hash = hash16(name);
    format!("{cut}~{}", hash.get(..8).unwrap_or(&hash))
}

/// Sixteen hexadecimal digits that tell texts apart: FNV-1a, 64 bits. Not a secret and not against an adversary.
pub(super) fn hash16(text: &str) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = text.bytes().fold(OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    format!("{hash:016x}")
}
