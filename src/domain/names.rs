//! Names as SQL Server and Windows count them: in UTF-16 units.

/// As much from the beginning of a text as fits into so many UTF-16 units; no character is cut in two.
pub fn within_utf16(text: &str, most: usize) -> &str {
    let mut left = most;
    let mut takes = |c: char| {
        let fits = c.len_utf16() <= left;
        left = left.saturating_sub(c.len_utf16());
        fits
    };
    let end = text.char_indices().find(|(_, c)| !takes(*c));
    let end = end.map_or(text.len(), |(at, _)| at);
    text.split_at(end).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_of_surrogates_fits_as_a_whole_or_not_at_all() {
        for (most, expected) in [
            (0, ""),
            (1, "a"),
            (2, "a"),
            (3, "a🐙"),
            (4, "a🐙ж"),
            (9, "a🐙ж"),
        ] {
            assert_eq!(within_utf16("a🐙ж", most), expected, "{most}");
        }
    }
}
