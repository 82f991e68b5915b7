//! Names of objects as text: `[db].[schema].[table]`.

/// The parts of a name, without brackets or quotes.
pub fn split_name(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut closing = None;
    let mut chars = name.trim().chars().peekable();
    while let Some(c) = chars.next() {
        let part = match parts.last_mut() {
            Some(part) => part,
            None => return parts,
        };
        match (closing, c) {
            (None, '[') if part.is_empty() => closing = Some(']'),
            (None, '"') if part.is_empty() => closing = Some('"'),
            (None, '.') => parts.push(String::new()),
            (Some(end), c) if c == end => {
                // Doubled, it stands for itself.
                if chars.peek() == Some(&end) {
                    chars.next();
                    part.push(c);
                } else {
                    closing = None;
                }
            }
            (_, c) => part.push(c),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::split_name;

    #[test]
    fn names_are_split() {
        assert_eq!(
            split_name("msdb.dbo.backupset"),
            ["msdb", "dbo", "backupset"]
        );
        assert_eq!(split_name("[a]]b'].[x.y]"), ["a]b'", "x.y"]);
        assert_eq!(split_name("tempdb..#t"), ["tempdb", "", "#t"]);
    }
}
