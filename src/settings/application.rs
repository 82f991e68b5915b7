//! Applications: what lives in a database and what its owners promise, from RON files.
//!
//! The shipped ones are part of the program; the user's own lie in `applications/` of the data root and win over a shipped one of the same name.
//! They may be written by hand, so a misspelt field is an error.
//! The editor writes a file only over one that it could read, and keeps that one beside it; see [`save_application`].

use super::{
    scenario::Scenario,
    stored::{self, StoreError},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// What lives in a database and what its owners promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What a loss is counted in besides time; `None` tells time alone.
    #[serde(default)]
    pub counted: Option<CountedRows>,
}

/// Rows that tell how much a loss is: orders, messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedRows {
    /// What its owners call them, in the plural.
    pub what: String,
    /// In the application's schema.
    pub table: String,
    /// When a row came; a column with an index, because it is asked for a stretch of time.
    pub time_column: String,
    #[serde(default)]
    pub clock: RowClock,
}

/// Which clock wrote a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowClock {
    #[default]
    Utc,
    /// As the server's clock showed it.
    Server,
}

fn dbo() -> String {
    "dbo".to_owned()
}

/// Data that must come back, in the words of its owners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Criticality {
    Medium,
    High,
    Critical,
}

/// Where a restored database says which schema it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaCheck {
    /// In the application's schema.
    pub table: String,
    /// Its greatest value is the newest version.
    pub version_column: String,
    /// The command that tells the same by hand.
    pub by_hand: String,
    /// The version that a restored database must have; `None` only shows the one that is found.
    #[serde(default)]
    pub expected: Option<String>,
    /// Asks the application itself, as `dotnet ef migrations list` does.
    #[serde(default)]
    pub hook: Option<Hook>,
}

/// Stopping or starting the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    pub title: String,
    /// `None` asks the user to do it.
    pub hook: Option<Hook>,
    /// Proves that it happened, as by asking the started application for its health; `None` believes the hook.
    #[serde(default)]
    pub check: Option<Hook>,
}

/// A program to run on this machine, with its arguments as they are; no shell takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    pub program: PathBuf,
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Where it starts; `None` is the folder that stopat runs in.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// Seconds after which it counts as hanging and is ended.
    #[serde(default = "five_minutes")]
    pub timeout_secs: u32,
    /// The exit code that says that it worked.
    #[serde(default)]
    pub expected_exit: i32,
}

/// Long enough for a service that has work to finish.
pub const HOOK_TIMEOUT_SECS: u32 = 300;

fn five_minutes() -> u32 {
    HOOK_TIMEOUT_SECS
}

impl Hook {
    /// A hook that may take five minutes and ends with 0.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            folder: None,
            timeout_secs: HOOK_TIMEOUT_SECS,
            expected_exit: 0,
        }
    }
}

/// Data of the application that is not in SQL Server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    pub what: String,
    pub where_it_is: String,
    /// Shown wherever it is shown what is protected.
    pub note: String,
    /// Shown after a restore to an earlier moment.
    pub after_restore: String,
    pub hook: Option<Hook>,
    /// How old its own backup may be; `None` promises nothing.
    #[serde(default)]
    pub loss_minutes: Option<u32>,
    /// Makes its own backup, which stopat runs when it is asked to.
    #[serde(default)]
    pub backup: Option<Hook>,
}

/// The schedule that its owners recommend. Each backup gets a new file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulePreset {
    /// The name on the command line.
    pub preset: String,
    pub backups: Vec<ScheduledBackup>,
    pub compression: bool,
    pub checksum: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledBackup {
    pub backup: ScheduledKind,
    pub every: Every,
    /// Under the share.
    pub folder: String,
    /// Whether each file is read back right after.
    #[serde(default)]
    pub verify: bool,
}

/// The kinds of backup that a schedule has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduledKind {
    Full,
    Differential,
    Log,
}

/// How often, on the server's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Every {
    /// At `hh:mm`.
    Day {
        at: String,
    },
    Hours(u32),
    Minutes(u32),
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

/// Something that keeps an application from being saved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplicationFault {
    #[error("the application has no name")]
    NoName,
    #[error("another application has this name")]
    NameTaken,
    #[error("the tables have no schema")]
    NoSchema,
    /// By its place in the list.
    #[error("protected data {0} has no name or no table")]
    NoTable(usize),
    #[error("the version of the schema needs a table and a column")]
    NoVersionColumn,
    #[error("rows are counted by a table, a column and a word for them")]
    NotCounted,
    #[error("a hook names no program")]
    NoProgram(HookPlace),
    #[error("a hook has no time")]
    NoTime(HookPlace),
}

/// Which of an application's hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookPlace {
    Stop,
    StopCheck,
    Start,
    StartCheck,
    SchemaCheck,
    /// By its place in the list.
    Outside(usize),
}

impl Application {
    /// What keeps it from being saved beside applications of these names; empty when nothing does.
    pub fn faults<'a>(&self, others: impl Iterator<Item = &'a str>) -> Vec<ApplicationFault> {
        let mut faults = Vec::new();
        let name = self.name.trim();
        if name.is_empty() {
            faults.push(ApplicationFault::NoName);
        } else if others
            .into_iter()
            .any(|other| other.to_lowercase() == name.to_lowercase())
        {
            faults.push(ApplicationFault::NameTaken);
        }
        if self.schema.trim().is_empty() {
            faults.push(ApplicationFault::NoSchema);
        }
        for (idx, data) in self.protected.iter().enumerate() {
            if data.data.trim().is_empty() || data.tables.is_empty() {
                faults.push(ApplicationFault::NoTable(idx));
            }
        }
        if self
            .schema_check
            .as_ref()
            .is_some_and(|check| check.table.is_empty() || check.version_column.is_empty())
        {
            faults.push(ApplicationFault::NoVersionColumn);
        }
        if self.counted.as_ref().is_some_and(|counted| {
            [&counted.what, &counted.table, &counted.time_column]
                .iter()
                .any(|text| text.trim().is_empty())
        }) {
            faults.push(ApplicationFault::NotCounted);
        }
        for (place, hook) in self.hooks() {
            if hook.program.as_os_str().is_empty() {
                faults.push(ApplicationFault::NoProgram(place));
            }
            if hook.timeout_secs == 0 {
                faults.push(ApplicationFault::NoTime(place));
            }
        }
        faults
    }

    /// Every hook that it has, in the order in which a restore runs them.
    pub fn hooks(&self) -> Vec<(HookPlace, &Hook)> {
        let version = self
            .schema_check
            .as_ref()
            .and_then(|check| check.hook.as_ref());
        let outside = self
            .outside
            .iter()
            .enumerate()
            .map(|(idx, outside)| (HookPlace::Outside(idx), outside.hook.as_ref()));
        handover_hooks(self.stop.as_ref(), HookPlace::Stop, HookPlace::StopCheck)
            .into_iter()
            .chain([(HookPlace::SchemaCheck, version)])
            .chain(handover_hooks(
                self.start.as_ref(),
                HookPlace::Start,
                HookPlace::StartCheck,
            ))
            .chain(outside)
            .filter_map(|(place, hook)| Some((place, hook?)))
            .collect()
    }
}

fn handover_hooks(
    handover: Option<&Handover>,
    hook: HookPlace,
    check: HookPlace,
) -> [(HookPlace, Option<&Hook>); 2] {
    [
        (hook, handover.and_then(|handover| handover.hook.as_ref())),
        (check, handover.and_then(|handover| handover.check.as_ref())),
    ]
}

/// All applications, and what could not be read.
#[derive(Debug, Default)]
pub struct Applications {
    /// By name.
    pub applications: Vec<Application>,
    /// The user's own file of an application, by its name; the others are shipped.
    pub own_files: BTreeMap<String, PathBuf>,
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

fn shipped() -> Applications {
    let mut found = Applications::default();
    for (name, text) in SHIPPED {
        found.add(Path::new(name), text);
    }
    found.own_files.clear();
    found
}

/// Reads the shipped applications and those in `folder`, which need not exist.
pub fn load_applications(folder: &Path) -> Applications {
    let mut found = shipped();
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
                self.own_files
                    .insert(application.name.clone(), file.to_owned());
                self.applications.push(application);
            }
            Err(reason) => self.errors.push(ApplicationError::Parse {
                file: file.to_owned(),
                reason,
            }),
        }
    }
}

/// Writes an application into `folder`: over the user's own file of the one named `replaces`, else into a new file.
///
/// Only a file that can be read as that application is written over, and it is kept beside the new one as `….ron.old`.
/// Returns the file.
pub fn save_application(
    folder: &Path,
    replaces: Option<&str>,
    application: &Application,
) -> Result<PathBuf, StoreError> {
    // Read now, so that what somebody wrote meanwhile counts.
    let own = replaces.and_then(|name| load_applications(folder).own_files.remove(name));
    let file = match own {
        Some(file) => {
            let kept = with_suffix(&file, ".old");
            fs::copy(&file, &kept).map_err(|source| StoreError::Write { file: kept, source })?;
            file
        }
        None => free_file(folder, &application.name)?,
    };
    let envelope = stored::Envelope {
        format: "application/1".to_owned(),
        content: application,
    };
    let text = stored::to_text(&file, &envelope)?;
    stored::save_text(&file, &text)?;
    Ok(file)
}

/// Puts the user's own file of an application away, so that the shipped one counts again, or none.
///
/// Nothing is deleted: the file stays as `….ron.old`. Returns it; `None` when there was no file.
pub fn put_application_away(folder: &Path, name: &str) -> Result<Option<PathBuf>, StoreError> {
    let Some(file) = load_applications(folder).own_files.remove(name) else {
        return Ok(None);
    };
    let kept = with_suffix(&file, ".old");
    fs::rename(&file, &kept).map_err(|source| StoreError::Write { file, source })?;
    Ok(Some(kept))
}

/// The names of the applications that the program brings along.
pub fn shipped_applications() -> Vec<String> {
    shipped()
        .applications
        .into_iter()
        .map(|application| application.name)
        .collect()
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The first name made from an application's that no file has, readable or not.
fn free_file(folder: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(40)
        .collect();
    let plain = plain.trim_matches('-');
    let stem = if plain.is_empty() {
        "application"
    } else {
        plain
    };
    let mut number = 1u32;
    loop {
        let candidate = folder.join(if number == 1 {
            format!("{stem}.ron")
        } else {
            format!("{stem}-{number}.ron")
        });
        let there = candidate.try_exists().map_err(|source| StoreError::Read {
            file: candidate.clone(),
            source,
        })?;
        if !there {
            return Ok(candidate);
        }
        number += 1;
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
    use crate::domain::ScenarioKind;

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
        let kinds: Vec<ScenarioKind> = octopus.objectives.iter().map(Scenario::kind).collect();
        assert_eq!(
            kinds,
            [
                ScenarioKind::FullOnly,
                ScenarioKind::FullDifferential,
                ScenarioKind::FullDifferentialLog,
                ScenarioKind::AzurePointInTime
            ]
        );
        let unsaid = |scenario: &Scenario| Scenario {
            backups: None,
            ..scenario.clone()
        };
        let by_name: Vec<ScenarioKind> = octopus
            .objectives
            .iter()
            .map(|scenario| unsaid(scenario).kind())
            .collect();
        assert_eq!(
            by_name, kinds,
            "files without the field say it by their names"
        );
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

    #[test]
    fn a_hook_has_five_minutes_and_ends_with_zero_unless_it_says_otherwise() {
        let text = "(program: \"systemctl\", arguments: [\"stop\", \"octopus\"])";
        let hook: Hook = ron::from_str(text).expect("a hook");
        assert_eq!(
            (hook.timeout_secs, hook.expected_exit, hook.folder),
            (300, 0, None)
        );
    }

    #[test]
    fn an_edited_application_comes_back_and_replaces_the_shipped_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path().join("applications");
        let mut octopus = load_applications(&folder).applications.remove(0);
        let stop = octopus.stop.as_mut().expect("it has a way to stop");
        stop.hook = Some(Hook {
            arguments: vec!["stop".to_owned(), "a \"b\" c".to_owned()],
            folder: Some(PathBuf::from("C:\\Octopus")),
            timeout_secs: 20,
            expected_exit: 3,
            ..Hook::new("net.exe")
        });
        let file = save_application(&folder, Some("Octopus"), &octopus).expect("writable");
        assert_eq!(file, folder.join("octopus.ron"));
        let found = load_applications(&folder);
        assert!(found.errors.is_empty(), "{:?}", found.errors);
        assert_eq!(found.applications, [octopus.clone()]);

        octopus.databases.push("Other".to_owned());
        let again = save_application(&folder, Some("Octopus"), &octopus).expect("writable");
        assert_eq!(again, file, "its own file is written over");
        assert!(folder.join("octopus.ron.old").exists(), "and kept");
        assert_eq!(load_applications(&folder).applications, [octopus]);

        put_application_away(&folder, "Octopus").expect("renamed");
        let found = load_applications(&folder);
        assert_eq!(found.own_files.len(), 0, "the shipped one counts again");
        assert_eq!(found.applications[0].databases, ["OctopusAI"]);
    }

    #[test]
    fn an_unreadable_file_is_never_written_over() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = "((( not RON";
        fs::write(folder.path().join("octopus.ron"), text).expect("writable");
        let octopus = load_applications(folder.path()).applications.remove(0);
        let file = save_application(folder.path(), Some("Octopus"), &octopus).expect("writable");
        assert_eq!(file, folder.path().join("octopus-2.ron"));
        let left = fs::read_to_string(folder.path().join("octopus.ron"));
        assert_eq!(left.ok().as_deref(), Some(text));
    }
}
