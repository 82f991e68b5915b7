//! Where the files of a copy go: a `MOVE` for every file of every set of the plan.

use super::{BackupSet, BackupType, FileMove, ServerTime, Target};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The moves of a copy, and for each set those that it is the first to have.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub moves: Vec<FileMove>,
    pub of_sets: Vec<Vec<usize>>,
    /// The first set that does not say which files it has; a log after a set that says so is taken to have the same.
    pub unknown: Option<Uuid>,
}

/// Names every file of the sets anew: in `files_to`, or in its own folder.
///
/// Files that are `there` already keep their places: a database that is gone on with has them.
/// In its own folder a file gets a name made from the copy's name, so that it never meets the original.
pub(super) fn moves_of(
    sets: &[&BackupSet],
    copy: &str,
    files_to: Option<&str>,
    target: Target,
    there: &[String],
) -> Moves {
    let mut result = Moves::default();
    let mut known: Vec<String> = there.iter().map(|name| name.to_lowercase()).collect();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let stem = stem_of(copy, target.moment().map(|moment| moment.server));
    for set in sets {
        let mut own = Vec::new();
        match &set.files {
            // A history read from a server lists the files of a log only when one was created in it.
            None if set.kind() == BackupType::Log && !known.is_empty() => {}
            None => result.unknown = result.unknown.or(Some(set.uuid)),
            Some(list) => {
                for file in &list.files {
                    let Some(logical_name) = &file.logical_name else {
                        continue;
                    };
                    // Logical names compare as the database collates them; treating upper and lower case alike is the safe side.
                    let key = logical_name.to_lowercase();
                    if known.contains(&key) {
                        continue;
                    }
                    known.push(key);
                    let from = file.physical_name.clone();
                    let place = Place::of(from.as_deref(), files_to);
                    let extension = place.extension(file.file_type.as_deref());
                    let to = place.unique(&stem, &extension, &mut taken);
                    own.push(result.moves.len());
                    result.moves.push(FileMove {
                        logical_name: logical_name.clone(),
                        from,
                        to,
                        file_size: file.file_size,
                    });
                }
            }
        }
        result.of_sets.push(own);
    }
    result
}

/// The name of the copy as a file name; the time is added unless the name has it already.
fn stem_of(copy: &str, target: Option<ServerTime>) -> String {
    let plain: String =
        copy.chars()
            .map(|c| match c {
                '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' | '\'' | '[' | ']' | '$'
                | ';' => '_',
                c if c.is_control() => '_',
                c => c,
            })
            .collect();
    let plain: String = plain.trim_matches(['.', ' ']).chars().take(80).collect();
    let plain = if plain.is_empty() {
        "copy".to_owned()
    } else {
        plain
    };
    let Some(target) = target else { return plain };
    let stamp = target.0.format("%Y%m%d_%H%M%S").to_string();
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    if digits(&plain).contains(&digits(&stamp)) {
        plain
    } else {
        format!("{plain}_{stamp}")
    }
}

/// The folder of a moved file, and the path's own manners.
struct Place<'a> {
    folder: String,
    separator: char,
    file_name: &'a str,
}

impl<'a> Place<'a> {
    fn of(from: Option<&'a str>, files_to: Option<&str>) -> Self {
        let original = from.unwrap_or_default();
        let cut = original.rfind(['\\', '/']);
        let file_name = cut.map_or(original, |at| original.get(at + 1..).unwrap_or_default());
        let folder = match files_to {
            Some(folder) => folder.trim_end_matches(['\\', '/']).to_owned(),
            None => cut
                .and_then(|at| original.get(..at))
                .unwrap_or_default()
                .to_owned(),
        };
        // The separator is the server's; a folder without one is told by the original's path.
        let separator_of = |path: &str| path.chars().find(|c| matches!(c, '\\' | '/'));
        let separator = files_to
            .and_then(separator_of)
            .or_else(|| files_to.filter(|f| f.ends_with(':')).map(|_| '\\'))
            .or_else(|| separator_of(original))
            .unwrap_or('\\');
        Self {
            folder,
            separator,
            file_name,
        }
    }

    fn extension(&self, file_type: Option<&str>) -> String {
        match self.file_name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() && extension.len() <= 8 => {
                format!(".{extension}")
            }
            _ => match file_type.map(str::trim) {
                Some("L") => ".ldf".to_owned(),
                // A FILESTREAM container is a folder.
                Some("S") => String::new(),
                _ => ".mdf".to_owned(),
            },
        }
    }

    fn unique(&self, stem: &str, extension: &str, taken: &mut BTreeSet<String>) -> String {
        let mut n = 1;
        loop {
            let number = if n == 1 {
                String::new()
            } else {
                format!("_{n}")
            };
            let name = format!("{stem}{number}{extension}");
            let path = if self.folder.is_empty() && !self.file_name.is_empty() {
                name
            } else {
                format!("{}{}{name}", self.folder, self.separator)
            };
            if taken.insert(path.to_lowercase()) {
                return path;
            }
            n += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn time() -> ServerTime {
        ServerTime(
            NaiveDate::from_ymd_opt(2026, 11, 22)
                .and_then(|day| day.and_hms_opt(8, 28, 12))
                .expect("a real time"),
        )
    }

    #[test]
    fn a_name_that_has_the_time_gets_no_second_one() {
        assert_eq!(
            stem_of("OctopusAI_20261122_082812", Some(time())),
            "OctopusAI_20261122_082812"
        );
        assert_eq!(stem_of("Copy", Some(time())), "Copy_20261122_082812");
        assert_eq!(
            stem_of("a]b'; DROP TABLE x--", None),
            "a_b__ DROP TABLE x--"
        );
        assert_eq!(stem_of("..", None), "copy");
    }

    #[test]
    fn the_separator_is_that_of_the_path() {
        let path = |from, to| {
            let place = Place::of(Some(from), to);
            place.unique("c", &place.extension(Some("D")), &mut BTreeSet::new())
        };
        assert_eq!(path(r"D:\Data\x.mdf", None), r"D:\Data\c.mdf");
        assert_eq!(path("/var/opt/x.ndf", None), "/var/opt/c.ndf");
        assert_eq!(
            path("/var/opt/x.ndf", Some(r"E:\Copies\")),
            r"E:\Copies\c.ndf"
        );
        assert_eq!(path(r"D:\Data\x.mdf", Some("/srv")), "/srv/c.mdf");
    }

    #[test]
    fn names_in_one_folder_are_unique() {
        let mut taken = BTreeSet::new();
        let place = Place::of(Some(r"D:\x.ndf"), Some(r"E:\"));
        assert_eq!(place.unique("c", ".ndf", &mut taken), r"E:\c.ndf");
        assert_eq!(place.unique("c", ".ndf", &mut taken), r"E:\c_2.ndf");
        assert_eq!(place.unique("C", ".ndf", &mut taken), r"E:\C_3.ndf");
    }
}
