//! What a journal keeps of a drill. Stored, so it changes by addition alone.

use serde::{Deserialize, Serialize};

/// What a drill is about, decided before it begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrillPlan {
    /// `full`, `full_differential`, `full_differential_log` or `azure_point_in_time`.
    pub scenario: String,
    /// How the moment was found: `latest`, `typical`, `moment`, `random` or `worst`.
    pub chosen: String,
    /// What a random moment was drawn from.
    pub seed: Option<u64>,
    /// On the server's clock, ISO 8601; `None` for the latest.
    pub moment: Option<String>,
    /// The id of the restore, whose journal has every statement.
    pub restore_run: String,
    pub estimate_secs: Option<f64>,
    pub estimate_low_secs: Option<f64>,
    pub estimate_high_secs: Option<f64>,
    /// `measured` or `backup_speed`.
    pub estimate_basis: Option<String>,
    /// Bytes to read.
    pub bytes: Option<u64>,
    /// How many backup sets.
    pub sets: usize,
    /// `DBCC CHECKDB` was asked for.
    pub check_database: bool,
    /// The server that the backups are of, where the copy is made on another one.
    pub source_server: Option<String>,
    /// On a practice server, where speeds are made.
    pub simulated: bool,
    /// The server's clock before anything was created, ISO 8601 without a zone: the copy is younger.
    pub server_clock: String,
    pub server_version: Option<String>,
    /// Of stopat.
    pub program_version: String,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrillResult {
    /// From the look before to the end of the checks, without waiting in between.
    pub seconds: f64,
    /// The word of the restore's end.
    pub end: String,
    /// The copy was online, and every check passed.
    pub verified: bool,
    pub steps: Vec<DrillStep>,
    pub tables: Vec<DrillTable>,
    pub schema_version: Option<String>,
    /// `state_desc` of the copy.
    pub state: String,
    pub problems: Vec<String>,
    /// SHA-256 over every statement in the order in which they were sent.
    pub script_hash: String,
    /// The copy was dropped, or there never was one.
    pub copy_gone: bool,
}

/// One step of the restore.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrillStep {
    pub title: String,
    pub outcome: String,
    pub seconds: f64,
    /// `full`, `differential` or `log`.
    pub backup_kind: Option<String>,
    pub bytes: Option<u64>,
}

/// Rows of one protected table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrillTable {
    /// `schema.table`.
    pub table: String,
    /// In the copy, counted; `None` is not there.
    pub rows: Option<u64>,
    /// In the original at that time, from partition metadata.
    pub rows_original: Option<u64>,
}

/// Steps of a drill that people see as one.
#[derive(Clone, Debug, PartialEq)]
pub enum PartOfDrill {
    Full {
        seconds: f64,
    },
    Differential {
        seconds: f64,
    },
    Logs {
        n: usize,
        seconds: f64,
    },
    /// Any other step, by its title.
    Step {
        title: String,
        seconds: f64,
    },
}

impl DrillResult {
    /// The steps with the logs taken together, in order.
    pub fn parts(&self) -> Vec<PartOfDrill> {
        let mut parts: Vec<PartOfDrill> = Vec::new();
        for step in &self.steps {
            let seconds = step.seconds;
            match (step.backup_kind.as_deref(), parts.last_mut()) {
                (
                    Some("log"),
                    Some(PartOfDrill::Logs {
                        n,
                        seconds: together,
                    }),
                ) => {
                    *n += usize::from(step.outcome != "skipped");
                    *together += seconds;
                }
                (Some("log"), _) => parts.push(PartOfDrill::Logs { n: 1, seconds }),
                (Some("full"), _) => parts.push(PartOfDrill::Full { seconds }),
                (Some("differential"), _) => parts.push(PartOfDrill::Differential { seconds }),
                _ => parts.push(PartOfDrill::Step {
                    title: step.title.clone(),
                    seconds,
                }),
            }
        }
        parts
    }

    /// Rows of a table in the copy; `None` when it was not counted or is not there.
    pub fn rows_of(&self, table: &str) -> Option<u64> {
        self.tables
            .iter()
            .find(|known| known.table.eq_ignore_ascii_case(table))
            .and_then(|known| known.rows)
    }
}
