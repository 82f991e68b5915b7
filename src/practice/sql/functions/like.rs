//! `LIKE` and `PATINDEX`: `%`, `_`, `[a-z]`, `[^a-z]` and `ESCAPE`.
//!
//! <https://learn.microsoft.com/sql/t-sql/language-elements/like-transact-sql>.

use super::{strict, text_at};
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, Result};

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
    exact: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Char(char),
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Parses a pattern; `exact` tells upper from lower case.
    pub fn parse(text: &str, escape: Option<char>, exact: bool) -> Self {
        let fold = |c: char| if exact { c } else { lower(c) };
        let chars: Vec<char> = text.chars().collect();
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            if Some(c) == escape {
                if let Some(&next) = chars.get(at) {
                    pieces.push(Piece::Char(fold(next)));
                    at += 1;
                }
                continue;
            }
            match c {
                '%' => {
                    if pieces.last() != Some(&Piece::Any) {
                        pieces.push(Piece::Any);
                    }
                }
                '_' => pieces.push(Piece::One),
                '[' => match set(&chars, at, escape) {
                    Some((negated, ranges, next)) => {
                        let ranges = ranges
                            .into_iter()
                            .map(|(a, b)| (fold(a), fold(b)))
                            .collect();
                        pieces.push(Piece::Set { negated, ranges });
                        at = next;
                    }
                    // Without its end the bracket matches nothing.
                    None => pieces.push(Piece::Set {
                        negated: false,
                        ranges: Vec::new(),
                    }),
                },
                c => pieces.push(Piece::Char(fold(c))),
            }
        }
        Self { pieces, exact }
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        let chars = self.folded(text);
        self.match_from(&chars, 0)
            // Trailing blanks of the text do not count.
            || (chars.last() == Some(&' ')
                && self.match_from(&self.folded(text.trim_end_matches(' ')), 0))
    }

    fn folded(&self, text: &str) -> Vec<char> {
        if self.exact {
            text.chars().collect()
        } else {
            text.chars().map(lower).collect()
        }
    }

    /// Matches with one point of return: the last `%`.
    fn match_from(&self, text: &[char], start: usize) -> bool {
        let (mut p, mut t) = (0, start);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let step = match self.pieces.get(p) {
                None => t == text.len(),
                Some(Piece::Any) => {
                    retry = Some((p + 1, t));
                    p += 1;
                    continue;
                }
                Some(piece) => text.get(t).is_some_and(|c| piece.takes(*c)),
            };
            if step {
                if p >= self.pieces.len() {
                    return true;
                }
                p += 1;
                t += 1;
                continue;
            }
            match retry {
                Some((after, from)) if from < text.len() => {
                    retry = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                _ => return false,
            }
        }
    }

    /// Where in the text the pattern first matches, from 1; 0 when nowhere. `%` at both ends is what usually stands there.
    pub fn find(&self, text: &str) -> usize {
        let chars = self.folded(text);
        let open_start = self.pieces.first() == Some(&Piece::Any);
        if !open_start {
            return usize::from(self.matches(text));
        }
        let inner = Self {
            pieces: self.pieces.get(1..).unwrap_or_default().to_vec(),
            exact: self.exact,
        };
        (0..=chars.len())
            .find(|at| inner.match_from(&chars, *at))
            .map_or(0, |at| if inner.pieces.is_empty() { 1 } else { at + 1 })
    }
}

impl Piece {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Char(own) => *own == c,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(a, b)| (*a..=*b).contains(&c)) != *negated
            }
        }
    }
}

type Set = (bool, Vec<(char, char)>, usize);

/// The set that begins behind `[`, and where it ends.
fn set(chars: &[char], start: usize, escape: Option<char>) -> Option<Set> {
    let mut at = start;
    let negated = chars.get(at) == Some(&'^');
    if negated {
        at += 1;
    }
    let mut ranges = Vec::new();
    loop {
        let mut c = *chars.get(at)?;
        if c == ']' && at > start + usize::from(negated) {
            return Some((negated, ranges, at + 1));
        }
        if c == ']' {
            return Some((negated, ranges, at + 1));
        }
        if Some(c) == escape {
            at += 1;
            c = *chars.get(at)?;
        }
        at += 1;
        if chars.get(at) == Some(&'-') && chars.get(at + 1).is_some_and(|c| *c != ']') {
            let end = *chars.get(at + 1)?;
            ranges.push((c, end));
            at += 2;
        } else {
            ranges.push((c, c));
        }
    }
}

fn lower(c: char) -> char {
    if c.is_ascii() {
        c.to_ascii_lowercase()
    } else {
        c.to_lowercase().next().unwrap_or(c)
    }
}

pub(super) fn register(connection: &Connection) -> Result<()> {
    for (name, exact) in [("tsql_like", false), ("tsql_like_cs", true)] {
        strict(connection, name, -1, move |c| {
            let escape = if c.len() > 2 {
                text_at(c, 2)?.chars().next()
            } else {
                None
            };
            // The pattern is the same for all rows as a rule: parse it once.
            let matched = match c.get_aux::<(String, Pattern)>(1)? {
                Some(held) if held.0 == text_at(c, 1)? => held.1.matches(&text_at(c, 0)?),
                _ => {
                    let text = text_at(c, 1)?;
                    let pattern = Pattern::parse(&text, escape, exact);
                    let matched = pattern.matches(&text_at(c, 0)?);
                    c.set_aux(1, (text, pattern))?;
                    matched
                }
            };
            Ok(Stored::Integer(i64::from(matched)))
        })?;
    }
    strict(connection, "tsql_patindex", 2, |c| {
        let pattern = Pattern::parse(&text_at(c, 0)?, None, false);
        Ok(Stored::Integer(pattern.find(&text_at(c, 1)?) as i64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, pattern: &str, expected: bool) {
        assert_eq!(
            Pattern::parse(pattern, Some('!'), false).matches(text),
            expected,
            "{text} LIKE {pattern}"
        );
    }

    #[test]
    fn patterns() {
        check("OctopusAI", "octopus%", true);
        check("abc", "a_c", true);
        check("abc", "a_", false);
        check("a%c", "a!%c", true);
        check("abc", "a!%c", false);
        check("x5", "x[0-9]", true);
        check("xz", "x[^0-9]", true);
        check("a_b", "a[_]b", true);
        check("axb", "a[_]b", false);
        check("abc  ", "abc", true);
        check("", "%", true);
        check("mississippi", "%iss%pi", true);
        check("[x]", "[[]x]", true);
    }

    #[test]
    fn positions() {
        let find = |pattern: &str, text: &str| Pattern::parse(pattern, None, false).find(text);
        assert_eq!(find("%[0-9]%", "abc42"), 4);
        assert_eq!(find("%x%", "abc"), 0);
        assert_eq!(find("abc", "abc"), 1);
    }
}
