//! XPRESS, the variant with Huffman codes: [MS-XCA] §2.1 and §2.2.
//!
//! [MS-XCA]: https://learn.microsoft.com/openspecs/windows_protocols/ms-xca

/// Bytes of the table of code lengths in front.
const TABLE: usize = 256;
const SYMBOLS: usize = 512;
/// The longest code.
const LONGEST: usize = 15;

/// Expands one block to exactly `length` bytes; `None` when it does not fit.
pub(super) fn expand(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let (lengths, bits) = packed.split_at_checked(TABLE)?;
    let codes = Codes::new(lengths)?;
    let mut input = Bits::new(bits)?;
    let mut out = Vec::with_capacity(length);
    while out.len() < length {
        let symbol = input.symbol(&codes)?;
        if let Ok(literal) = u8::try_from(symbol) {
            out.push(literal);
            continue;
        }
        let code = usize::from(symbol) - 256;
        let run = input.run_length(code % 16)?;
        let offset = input.offset((code / 16) as u32)?;
        let from = out.len().checked_sub(offset)?;
        if run > length - out.len() {
            return None;
        }
        for at in from..from + run {
            out.push(*out.get(at)?);
        }
    }
    Some(out)
}

/// A canonical code: how many codes of each length there are, and their symbols in order.
struct Codes {
    counts: [u16; LONGEST + 1],
    symbols: Vec<u16>,
}

impl Codes {
    fn new(lengths: &[u8]) -> Option<Self> {
        let length = |symbol: usize| {
            let pair = lengths.get(symbol / 2).copied().unwrap_or(0);
            usize::from(if symbol.is_multiple_of(2) {
                pair & 15
            } else {
                pair >> 4
            })
        };
        let mut counts = [0_u16; LONGEST + 1];
        let mut symbols = Vec::with_capacity(SYMBOLS);
        for wanted in 1..=LONGEST {
            for symbol in (0..SYMBOLS).filter(|&symbol| length(symbol) == wanted) {
                symbols.push(u16::try_from(symbol).ok()?);
                *counts.get_mut(wanted)? += 1;
            }
        }
        // More codes than their lengths leave room for would make two of them one.
        let mut room = 1_i32;
        for &count in counts.get(1..)? {
            room = room * 2 - i32::from(count);
            if room < 0 {
                return None;
            }
        }
        Some(Self { counts, symbols })
    }
}

/// 16-bit words read from their top bit, with whole bytes in between.
struct Bits<'a> {
    rest: &'a [u8],
    next: u32,
    /// Bits in `next` beyond 16.
    extra: i32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let mut bits = Self {
            rest: bytes,
            next: 0,
            extra: 16,
        };
        let first = u32::from(bits.word()?);
        let second = u32::from(bits.word()?);
        bits.next = first << 16 | second;
        Some(bits)
    }

    /// The next word. Beyond the end there are zeros: the last codes may end in the middle of a word.
    fn word(&mut self) -> Option<u16> {
        match self.rest {
            [low, high, rest @ ..] => {
                self.rest = rest;
                Some(u16::from_le_bytes([*low, *high]))
            }
            [low] => {
                self.rest = &[];
                Some(u16::from(*low))
            }
            [] => Some(0),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn drop(&mut self, count: u32) -> Option<()> {
        self.next = self.next.checked_shl(count).unwrap_or(0);
        self.extra -= i32::try_from(count).ok()?;
        if self.extra < 0 {
            let word = u32::from(self.word()?);
            self.next |= word << self.extra.unsigned_abs();
            self.extra += 16;
        }
        Some(())
    }

    fn symbol(&mut self, codes: &Codes) -> Option<u16> {
        let (mut code, mut first, mut index) = (0_i32, 0_i32, 0_i32);
        for length in 1..=LONGEST {
            code |= ((self.next >> (32 - length)) & 1) as i32;
            let count = i32::from(*codes.counts.get(length)?);
            if code - first < count {
                self.drop(u32::try_from(length).ok()?)?;
                return codes
                    .symbols
                    .get(usize::try_from(index + code - first).ok()?)
                    .copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }

    fn run_length(&mut self, short: usize) -> Option<usize> {
        if short < 15 {
            return Some(short + 3);
        }
        let byte = self.byte()?;
        if byte < 255 {
            return Some(usize::from(byte) + 15 + 3);
        }
        let word = usize::from(u16::from_le_bytes([self.byte()?, self.byte()?]));
        if word != 0 {
            return (word >= 15).then_some(word + 3);
        }
        let long = u32::from_le_bytes([self.byte()?, self.byte()?, self.byte()?, self.byte()?]);
        usize::try_from(long)
            .ok()
            .filter(|&long| long >= 15)?
            .checked_add(3)
    }

    fn offset(&mut self, bits: u32) -> Option<usize> {
        let low = if bits == 0 {
            0
        } else {
            self.next >> (32 - bits)
        };
        self.drop(bits)?;
        Some((1_usize << bits) + low as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code lengths of 8 for all literals: bytes are then written as they are, two to a word, the first on top.
    fn literals(bytes: &[u8]) -> Vec<u8> {
        let mut packed = vec![0x88; 128];
        packed.extend([0; 128]);
        for pair in bytes.chunks(2) {
            packed.extend([pair.get(1).copied().unwrap_or(0), pair[0]]);
        }
        packed
    }

    #[test]
    fn literals_come_out_as_they_went_in() {
        let text: Vec<u8> = (0..=255).cycle().take(1024).collect();
        assert_eq!(expand(&literals(&text), 1024).as_deref(), Some(&text[..]));
    }

    /// The example of [MS-XCA] §3.2: the alphabet three times a hundred.
    #[test]
    fn a_match_may_reach_into_itself() {
        // Symbols: literal 'a' with 1 bit, the match 256+15 (offset of no bits: 1 back) with 1 bit.
        let mut packed = vec![0; 256];
        packed[usize::from(b'a') / 2] = 0x10;
        packed[(256 + 15) / 2] = 0x10;
        // Bits: 0 (literal), 1 (match); then the length byte.
        packed.extend([0, 0x40, 0, 0, 100 - 1 - 3 - 15]);
        assert_eq!(expand(&packed, 100), Some(vec![b'a'; 100]));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(expand(&[], 10), None);
        assert_eq!(expand(&[0xff; 300], 10), None);
        assert_eq!(expand(&vec![0; 300], 10), None);
        let mut short = literals(b"abcdef");
        short.truncate(257);
        // Zeros behind the end are literals as well: what is there stays, and its length is right.
        assert_eq!(expand(&short, 6).map(|out| out.len()), Some(6));
    }
}
