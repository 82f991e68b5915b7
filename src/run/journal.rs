//! `run-journal/1`: what a run did, a line per record, on disk before and after each step.
//!
//! Each line names its number and the SHA-256 of the line before, so a changed or missing line is seen.
//! A line that is torn at the end (the machine died while it was written) is left out and said so.

use super::{
    drill::{DrillPlan, DrillResult, Rehearsal},
    owed::Owed,
    record::RecordedVerification,
    report::{RunId, RunKind, StepFacts, Who},
    stored::StoredRun,
};
use crate::domain::UtcTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// The format that this program writes.
pub const FORMAT: &str = "run-journal/1";

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Own clock, UTC, ISO 8601.
    pub at: String,
    /// SHA-256 of the line before, lower-case hex; empty in the first.
    pub previous: String,
    #[serde(flatten)]
    pub record: Record,
}

/// What a line says. Stored, so it changes by addition alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// Always the first.
    Begin {
        format: String,
        run: String,
        server: String,
        source_database: String,
        target_database: String,
        /// The moment asked for, on the server's clock; `latest` for the latest.
        target: String,
        /// Titles of all steps.
        steps: Vec<String>,
        /// What the run is for; journals before there were others are of copies.
        #[serde(default)]
        run_kind: RunKind,
        #[serde(flatten)]
        who: Who,
    },
    StepBegin {
        step: usize,
        title: String,
        /// The batch that is sent, or the line of the program that is started.
        sql: String,
        /// SHA-256 of `sql`, lower-case hex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        statement_hash: Option<String>,
    },
    StepEnd {
        step: usize,
        /// `done`, `done_with_warning`, `skipped`, `failed` or `cancelled`.
        outcome: String,
        seconds: f64,
        /// Sentence and details of a failure or warning.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        words: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        messages: Vec<String>,
        /// What it moved, measured.
        #[serde(default, skip_serializing_if = "StepFacts::is_empty")]
        facts: StepFacts,
    },
    /// Everything that a restore needs to go on after an interruption; follows the beginning.
    Plan {
        plan: Box<StoredRun>,
    },
    /// The database that a restore goes over, while it is still what it was: `sys.database_recovery_status`.
    ///
    /// Both values are others after a restore, so they tell a restored database from one that nothing happened to.
    Before {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        database_guid: Option<Uuid>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recovery_fork: Option<Uuid>,
    },
    /// The step that runs ends without an answer: its connection broke, or it was cancelled. It may have done its work.
    Unheard {
        step: usize,
    },
    /// What the server's clock showed before anything was changed, ISO 8601 without a zone.
    ServerClock {
        server_time: String,
    },
    /// The tail of the log lies in this file and was read back.
    TailSaved {
        file: String,
    },
    /// What was found after the restore.
    Verified {
        found: Box<RecordedVerification>,
    },
    /// Agent runs the restores as this job.
    ServerJob {
        job_id: Uuid,
        name: String,
    },
    /// Something was taken that must be put back.
    Owed {
        owed: Owed,
    },
    /// It was put back.
    Settled {
        owed: Owed,
    },
    /// The run waits for somebody.
    Waits {
        step: usize,
        why: String,
    },
    /// The run was interrupted and goes on.
    Resumed {
        /// `continue`, `take_logs`, `recover`, `start_over` or `abandon`.
        how: String,
        /// The state of the target when it was decided, in words.
        state: String,
        /// Titles of all steps from here on.
        steps: Vec<String>,
        /// Steps that count as done.
        #[serde(default)]
        done: Vec<usize>,
        #[serde(flatten)]
        who: Who,
    },
    /// The database that the run created, as it must be found again before it is dropped.
    CopyCreated {
        database: String,
        database_guid: Uuid,
        /// `sys.databases.create_date`, ISO 8601.
        create_date: String,
    },
    End {
        /// `verified`, `online_not_verified`, `untouched`, `restoring`, `cancelled` or `abandoned`.
        end: String,
        /// The state of the target in words.
        state: String,
    },
    CopyDropped {
        database: String,
    },
    /// Retention deleted a backup file with these sets; the server said that it is not there any more.
    FileDeleted {
        file: String,
        sets: Vec<Uuid>,
    },
    /// What Azure was asked for: enough to find out later whether it goes on.
    AzureOrder {
        managed_instance: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subscription: Option<String>,
        resource_group: String,
        server: String,
        source_database: String,
        new_database: String,
    },
    /// What a drill is about; follows its beginning.
    DrillBegun {
        drill: Box<DrillPlan>,
    },
    /// The copy exists since then, on the server's clock: it is still being restored. Journals of drills may hold it as well.
    CopyBegun {
        database: String,
        /// `sys.databases.create_date`, ISO 8601.
        create_date: String,
    },
    /// What a drill measured; its copy is still there.
    DrillMeasured {
        result: Box<DrillResult>,
    },
    /// The whole clock of a rehearsal.
    Rehearsed {
        rehearsal: Box<Rehearsal>,
    },
    /// Written by a later version.
    #[serde(other)]
    Unknown,
}

/// Why a journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal cannot be written: {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the journal cannot be read: {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("line {line} of the journal was changed or is missing its predecessor: {}", path.display())]
    Broken { path: PathBuf, line: usize },
    #[error("the journal has a format that this version does not know: {}", path.display())]
    Format { path: PathBuf },
    /// Another stopat, or another part of this one, writes it.
    #[error("the journal is being written by another run: {}", path.display())]
    InUse { path: PathBuf },
}

/// An open journal. Every record is on the disk when `write` returns.
///
/// While it is open nobody else can open it for writing, in this process or in another; reading is free.
/// When the process ends, in whatever way, it is free again.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    sequence: u64,
    previous: String,
}

/// A journal as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalContent {
    pub entries: Vec<Entry>,
    /// The last line was torn and is not among the entries.
    pub torn: bool,
    /// SHA-256 of the whole file, lower-case hex.
    pub hash: String,
}

/// The own clock as journals have it: UTC, ISO 8601 to the millisecond.
pub(crate) fn iso_time(at: UtcTime) -> String {
    at.0.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// The journals in a folder, in the order in which their runs began. A workspace without runs has no folder for them.
pub fn journals_in(folder: &Path) -> Vec<PathBuf> {
    let mut journals: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect();
    // They are named by their runs, and those by their beginning.
    journals.sort();
    journals
}

/// Where the journal of a run lies: `runs/<id>.jsonl` in the folder of the workspace.
pub fn journal_path(workspace: &Path, run: &RunId) -> PathBuf {
    workspace.join("runs").join(format!("{}.jsonl", run.0))
}

impl Record {
    /// The beginning of a step, with the hash of what is sent.
    pub fn step_begin(step: usize, title: &str, sql: &str) -> Self {
        Self::StepBegin {
            step,
            title: title.to_owned(),
            sql: sql.to_owned(),
            statement_hash: (!sql.is_empty()).then(|| hash(sql)),
        }
    }
}

impl Journal {
    /// Begins the journal of a new run; there must be none yet.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Write {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = open_alone(path, OpenOptions::new().write(true).create_new(true))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            sequence: 0,
            previous: String::new(),
        })
    }

    /// The file that it is written to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Goes on with a journal; a torn last line is cut off first.
    pub fn reopen(path: &Path) -> Result<(Self, JournalContent), JournalError> {
        let failed = |source| JournalError::Write {
            path: path.to_owned(),
            source,
        };
        let mut file = open_alone(path, OpenOptions::new().write(true))?;
        // Read when nobody can add to it any more.
        let text = read_text(path)?;
        let content = parse(path, &text)?;
        let whole: String = text
            .split_inclusive('\n')
            .take(content.entries.len())
            .collect();
        file.set_len(whole.len() as u64).map_err(failed)?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0)).map_err(failed)?;
        let journal = Self {
            path: path.to_owned(),
            file,
            sequence: content.entries.len() as u64,
            previous: whole.lines().last().map(hash).unwrap_or_default(),
        };
        Ok((journal, content))
    }

    /// Appends a record and waits until the disk has it. `at` is the own clock as ISO 8601.
    pub fn write(&mut self, at: String, record: Record) -> Result<(), JournalError> {
        let failed = |path: &Path, source| JournalError::Write {
            path: path.to_owned(),
            source,
        };
        let entry = Entry {
            sequence: self.sequence + 1,
            at,
            previous: self.previous.clone(),
            record,
        };
        let line = serde_json::to_string(&entry)
            .map_err(|error| failed(&self.path, io::Error::other(error)))?;
        self.file
            .write_all(format!("{line}\n").as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(|source| failed(&self.path, source))?;
        self.sequence += 1;
        self.previous = hash(&line);
        Ok(())
    }
}

/// A lock that only lingers is gone within this: 40 times 25 ms.
#[cfg(not(windows))]
const FREE_WITHIN_TRIES: u32 = 40;
#[cfg(not(windows))]
const FREE_AGAIN: std::time::Duration = std::time::Duration::from_millis(25);

/// Opens a journal for writing, which one may do at a time.
fn open_alone(path: &Path, options: &mut OpenOptions) -> Result<File, JournalError> {
    let in_use = || JournalError::InUse {
        path: path.to_owned(),
    };
    let failed = |source| JournalError::Write {
        path: path.to_owned(),
        source,
    };
    #[cfg(windows)]
    {
        // A lock would keep readers out as well there, so it is said whom the file is shared with: those who read.
        use std::os::windows::fs::OpenOptionsExt as _;
        const FILE_SHARE_READ: u32 = 1;
        const SHARING_VIOLATION: i32 = 32;
        options
            .share_mode(FILE_SHARE_READ)
            .open(path)
            .map_err(|error| match error.raw_os_error() {
                Some(SHARING_VIOLATION) => in_use(),
                _ => failed(error),
            })
    }
    #[cfg(not(windows))]
    {
        let file = options.open(path).map_err(failed)?;
        for _ in 0..FREE_WITHIN_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                // A program that is being started holds what is open here until it has begun.
                Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(FREE_AGAIN),
                // A file system without locks; the lock on the server still keeps two runs apart.
                Err(std::fs::TryLockError::Error(error))
                    if error.kind() == io::ErrorKind::Unsupported =>
                {
                    return Ok(file);
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        Err(in_use())
    }
}

/// Reads a journal and proves its chain of hashes.
pub fn read_journal(path: &Path) -> Result<JournalContent, JournalError> {
    parse(path, &read_text(path)?)
}

fn read_text(path: &Path) -> Result<String, JournalError> {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|source| JournalError::Read {
            path: path.to_owned(),
            source,
        })
}

fn parse(path: &Path, text: &str) -> Result<JournalContent, JournalError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut previous = String::new();
    for (idx, raw) in text.split_inclusive('\n').enumerate() {
        let Some(line) = raw.strip_suffix('\n') else {
            return Ok(JournalContent {
                entries,
                torn: true,
                hash: hash(text),
            });
        };
        let broken = || JournalError::Broken {
            path: path.to_owned(),
            line: idx + 1,
        };
        let Ok(entry) = serde_json::from_str::<Entry>(line) else {
            return Err(broken());
        };
        if entry.sequence != idx as u64 + 1 || entry.previous != previous {
            return Err(broken());
        }
        if let (0, Record::Begin { format, .. }) = (idx, &entry.record)
            && format != FORMAT
        {
            return Err(JournalError::Format {
                path: path.to_owned(),
            });
        }
        previous = hash(line);
        entries.push(entry);
    }
    Ok(JournalContent {
        entries,
        torn: false,
        hash: hash(text),
    })
}

/// SHA-256 of a text, lower-case hex: of lines here, of statements and scripts in records and reports.
pub fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(n: u32) -> Record {
        Record::CopyDropped {
            database: format!("copy {n}"),
        }
    }

    fn written(records: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = journal_path(folder.path(), &RunId("20261122T062812Z-1f3a".to_owned()));
        let mut journal = Journal::create(&path).expect("created");
        for n in 0..records {
            journal
                .write(format!("2026-11-22T06:28:{n:02}Z"), dropped(n))
                .expect("written");
        }
        (folder, path)
    }

    #[test]
    fn what_was_written_is_read() {
        let (_folder, path) = written(3);
        let content = read_journal(&path).expect("readable");
        assert!(!content.torn);
        let records: Vec<_> = content.entries.iter().map(|e| e.record.clone()).collect();
        assert_eq!(records, [dropped(0), dropped(1), dropped(2)]);
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_writing_goes_on() {
        let (_folder, path) = written(3);
        let bytes = std::fs::read(&path).expect("readable");
        std::fs::write(&path, &bytes[..bytes.len() - 7]).expect("writable");
        let content = read_journal(&path).expect("readable");
        assert!(content.torn);
        assert_eq!(content.entries.len(), 2);

        let (mut journal, _) = Journal::reopen(&path).expect("reopened");
        journal
            .write("later".to_owned(), dropped(9))
            .expect("written");
        let content = read_journal(&path).expect("readable");
        assert!(!content.torn);
        assert_eq!(content.entries.len(), 3);
        assert_eq!(content.entries[2].record, dropped(9));
    }

    #[test]
    fn a_changed_line_is_seen() {
        let (_folder, path) = written(3);
        let text = std::fs::read_to_string(&path).expect("readable");
        std::fs::write(&path, text.replace("copy 1", "copy 7")).expect("writable");
        assert!(matches!(
            read_journal(&path),
            Err(JournalError::Broken { line: 3, .. })
        ));
    }

    #[test]
    fn one_writes_at_a_time_and_everybody_may_read() {
        let (_folder, path) = written(2);
        let (mut first, _) = Journal::reopen(&path).expect("nobody else writes");
        assert!(matches!(
            Journal::reopen(&path),
            Err(JournalError::InUse { .. })
        ));
        assert_eq!(read_journal(&path).expect("readable").entries.len(), 2);
        first
            .write("later".to_owned(), dropped(3))
            .expect("written");
        drop(first);
        let (_, content) = Journal::reopen(&path).expect("it is free again");
        assert_eq!(content.entries.len(), 3);
    }

    #[test]
    fn a_run_is_not_written_over() {
        let (_folder, path) = written(1);
        assert!(Journal::create(&path).is_err());
    }
}
