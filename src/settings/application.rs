//! Applications: what lives in a database and what its owners promise, from RON files.
//!
//! The shipped ones are part of the program; the user's own lie in `applications/` of the data root and win over a shipped one of the same name.
//! They are written by hand, so a misspelt field is an error, and stopat never writes or moves them.

use super::stored;
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What lives in a database and what its owners promise.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    pub name: String,
    /// The databases that it usually lives in.
    #[serde(default)]
    pub databases: Vec<String>,
    /// The schema of its tables.
    #[serde(default = "dbo")]
    pub schema: String,
    pub protected: Vec<ProtectedData>,
    #[serde(default)]
    pub schema_check: Option<SchemaCheck>,
    /// Before anything is overwritten: nobody may write any more.
    #[serde(default)]
    pub stop: Option<Handover>,
    /// After the restore is verified.
    #[serde(default)]
    pub start: Option<Handover>,
    #[serde(default)]
    pub outside: Vec<Outside>,
    #[serde(default)]
    pub schedule: Option<SchedulePreset>,
    #[serde(default)]
    pub objectives: Vec<Scenario>,
}

fn dbo() -> String {
    "dbo".to_owned()
}

/// Data that must come back, in the words of its owners.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtectedData {
    pub data: String,
    /// Names in the application's schema.
    pub tables: Vec<String>,
    pub criticality: Criticality,
    /// What its loss means.
    pub because: String,
}

/// How bad a loss is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Criticality {
    Medium,
    High,
    Critical,
}

/// Where a restored database says which schema it has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaCheck {
    /// In the application's schema.
    pub table: String,
    /// Its greatest value is the newest version.
    pub version_column: String,
    /// The command that tells the same by hand.
    pub by_hand: String,
}

/// Stopping or starting the application.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    pub title: String,
    /// `None` asks the user to do it.
    pub hook: Option<Hook>,
}

/// A program to run, with its arguments as they are; no shell takes part.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    pub program: PathBuf,
    #[serde(default)]
    pub arguments: Vec<String>,
}

/// Data of the application that is not in SQL Server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    pub what: String,
    pub where_it_is: String,
    /// Shown wherever it is shown what is protected.
    pub note: String,
    /// Shown after a restore to an earlier moment.
    pub after_restore: String,
    pub hook: Option<Hook>,
}

/// The schedule that its owners recommend. Each backup gets a new file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulePreset {
    /// The name on the command line.
    pub preset: String,
    pub backups: Vec<ScheduledBackup>,
    pub compression: bool,
    pub checksum: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledBackup {
    pub backup: ScheduledKind,
    pub every: Every,
    /// Under the share.
    pub folder: String,
}

/// The kinds of backup that a schedule has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ScheduledKind {
    Full,
    Differential,
    Log,
}

/// How often, on the server's clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum Every {
    /// At `hh:mm`.
    Day {
        at: String,
    },
    Hours(u32),
    Minutes(u32),
}

/// What is promised for one way of backing up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub scenario: String,
    /// How much is lost (RPO), from least to most.
    pub loss_minutes: (u32, u32),
    /// How long the application is down (RTO), from least to most.
    pub down_minutes: (u32, u32),
}

impl Application {
    /// Whether it lives in a database of this name and with these tables.
    ///
    /// One of its tables is enough, so that a copy of any name is recognised; the name is enough as well, because a table may be what was lost.
    /// Names compare without case; a server with a binary collation may have two databases for one application then.
    pub fn lives_in(&self, database: &str, has_table: impl Fn(&str, &str) -> bool) -> bool {
        self.databases
            .iter()
            .any(|name| name.to_lowercase() == database.to_lowercase())
            || self
                .protected_tables()
                .any(|table| has_table(&self.schema, table))
    }

    /// The protected tables, in the order of the file.
    pub fn protected_tables(&self) -> impl Iterator<Item = &str> {
        self.protected
            .iter()
            .flat_map(|data| data.tables.iter().map(String::as_str))
    }
}

/// All applications, and what could not be read.
#[derive(Debug, Default)]
pub struct Applications {
    /// By name.
    pub applications: Vec<Application>,
    pub errors: Vec<ApplicationError>,
}

/// Why one application file is not used. The others are.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    #[error("cannot read {}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{reason} in {}", file.display())]
    Parse { file: PathBuf, reason: String },
}

/// The stored form; `application/1` is the only one so far.
struct Stored(Application);

impl Stored {
    fn parse(text: &str) -> Result<Self, String> {
        stored::read_versioned(text.as_bytes(), "application", 1, |version, text| {
            (version == 1).then(|| stored::content::<Application>(text).map(Self))
        })
    }
}

/// The applications that stopat knows by itself.
const SHIPPED: [(&str, &str); 1] = [(
    "octopus.ron",
    include_str!("../../assets/applications/octopus.ron"),
)];

/// Reads the shipped applications and those in `folder`, which need not exist.
pub fn load_applications(folder: &Path) -> Applications {
    let mut found = Applications::default();
    for (name, text) in SHIPPED {
        found.add(Path::new(name), text);
    }
    let mut files = match files_of(folder) {
        Ok(files) => files,
        Err(source) => {
            let file = folder.to_owned();
            found.errors.push(ApplicationError::Read { file, source });
            Vec::new()
        }
    };
    files.sort();
    for file in files {
        match fs::read_to_string(&file) {
            Ok(text) => found.add(&file, &text),
            Err(source) => found.errors.push(ApplicationError::Read { file, source }),
        }
    }
    found.applications.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

impl Applications {
    fn add(&mut self, file: &Path, text: &str) {
        match Stored::parse(text) {
            Ok(Stored(application)) => {
                self.applications
                    .retain(|other| other.name != application.name);
                self.applications.push(application);
            }
            Err(reason) => self.errors.push(ApplicationError::Parse {
                file: file.to_owned(),
                reason,
            }),
        }
    }
}

fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ron") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octopus_protects_what_its_owners_named() {
        let found = load_applications(Path::new("nowhere"));
        assert!(found.errors.is_empty(), "{:?}", found.errors);
        let [octopus] = found.applications.as_slice() else {
            panic!("one application is shipped");
        };
        let tables: Vec<&str> = octopus.protected_tables().collect();
        assert_eq!(
            tables,
            [
                "Octopus_Agents",
                "Octopus_Episodes",
                "Octopus_EpisodeMessages",
                "Octopus_Procedures",
                "Octopus_AIFunctions",
                "Octopus_Areas",
            ]
        );
        let critical: Vec<&str> = octopus
            .protected
            .iter()
            .filter(|data| data.criticality == Criticality::Critical)
            .map(|data| data.data.as_str())
            .collect();
        assert_eq!(critical, ["Agent configurations", "Areas"]);
        assert_eq!(octopus.objectives.len(), 4);
        let schedule = octopus.schedule.as_ref().expect("a preset");
        assert_eq!(schedule.backups.len(), 3);
        assert!(schedule.compression && schedule.checksum);
    }

    #[test]
    fn a_copy_is_recognised_by_its_tables_and_the_original_by_its_name() {
        let found = load_applications(Path::new("nowhere"));
        let octopus = found.applications.first().expect("shipped");
        assert!(octopus.lives_in("octopusai", |_, _| false));
        assert!(octopus.lives_in("copy", |schema, table| schema == "dbo"
            && table == "Octopus_Areas"));
        assert!(!octopus.lives_in("other", |_, _| false));
    }

    #[test]
    fn the_users_own_file_wins_and_a_bad_one_is_named_and_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = "\u{feff}(format: \"application/1\", content: (name: \"Octopus\", protected: [
            (data: \"Mine\", tables: [\"T\"], criticality: High, because: \"it is mine\")]))";
        fs::write(folder.path().join("own.ron"), own).expect("writable");
        let bad = folder.path().join("bad.ron");
        fs::write(
            &bad,
            "(format: \"application/1\", content: (name: \"X\", protected: [], objektives: []))",
        )
        .expect("writable");
        let found = load_applications(folder.path());
        let [octopus] = found.applications.as_slice() else {
            panic!("the own file replaces the shipped one");
        };
        assert_eq!(octopus.protected_tables().collect::<Vec<_>>(), ["T"]);
        let [error] = found.errors.as_slice() else {
            panic!("{:?}", found.errors);
        };
        assert!(error.to_string().contains("objektives"), "{error}");
        assert!(bad.exists());
    }
}
