//! A restore as a journal keeps it: enough to go on with nothing else.
//!
//! Types of their own, so that a renamed field of a plan never loses a journal. Changed by addition alone.

mod choices;
mod steps;
mod target;

use self::{
    choices::StoredChoices,
    steps::{StoredEstimate, StoredLost, StoredMove, StoredStep, StoredTail},
    target::{StoredDestination, StoredStart, StoredStopMark, StoredTarget},
};
use super::{
    report::{RunId, Who},
    restore::RestoreJob,
    verify::{Expectations, TableName},
};
use crate::{
    domain::{
        CostModel, History, Price, RestorePlan, RestoreRequest, ServerTime, Start, Target, Usage,
        UtcOffset,
    },
    tsql::ServerFacts,
};
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

/// Everything of a restore but the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredRun {
    database: String,
    target: StoredTarget,
    destination: StoredDestination,
    steps: Vec<StoredStep>,
    #[serde(default)]
    stop_at: Option<NaiveDateTime>,
    #[serde(default)]
    stop_mark: Option<StoredStopMark>,
    #[serde(default)]
    start: Option<StoredStart>,
    #[serde(default)]
    reaches: Option<NaiveDateTime>,
    #[serde(default)]
    bytes: Option<u64>,
    /// Runs before it was kept have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    estimate: Option<StoredEstimate>,
    #[serde(default)]
    moves: Vec<StoredMove>,
    #[serde(default)]
    plan_utc_offset_minutes: Option<i32>,
    #[serde(default)]
    tail: Option<StoredTail>,
    #[serde(default)]
    ignore_differentials: bool,
    #[serde(default)]
    ignore_logs: bool,
    #[serde(default)]
    taken_by: Option<String>,
    #[serde(default)]
    without: Vec<StoredLost>,
    #[serde(default)]
    server_name: Option<String>,
    #[serde(default)]
    tail_file: Option<String>,
    #[serde(default)]
    choices: StoredChoices,
    #[serde(default)]
    tables: Vec<(String, String)>,
    #[serde(default)]
    schema_version: Option<(String, String, String)>,
    #[serde(default)]
    utc_offset_minutes: i32,
}

impl StoredRun {
    /// What a job is, for its journal.
    pub fn of(job: &RestoreJob) -> Self {
        let RestorePlan {
            database,
            target,
            destination,
            steps,
            stop_at,
            reaches,
            bytes,
            estimate,
            moves,
            notes: _,
            utc_offset,
            tail,
            start,
            stop_mark,
            price: _,
        } = &job.plan;
        let RestoreRequest {
            differentials,
            logs,
            taken_by,
            without,
            ..
        } = &job.request;
        Self {
            database: database.clone(),
            target: StoredTarget::of(target),
            destination: StoredDestination::of(destination),
            steps: steps.iter().map(StoredStep::of).collect(),
            stop_at: stop_at.map(|time| time.0),
            stop_mark: stop_mark.as_ref().map(StoredStopMark::of),
            start: start.restoring().map(StoredStart::of),
            reaches: reaches.map(|time| time.0),
            bytes: *bytes,
            estimate: estimate.map(StoredEstimate::of),
            moves: moves.iter().map(StoredMove::of).collect(),
            plan_utc_offset_minutes: utc_offset.map(UtcOffset::minutes),
            tail: tail.map(StoredTail::of),
            ignore_differentials: *differentials == Usage::Ignore,
            ignore_logs: *logs == Usage::Ignore,
            taken_by: taken_by.clone(),
            without: without.iter().map(StoredLost::of).collect(),
            server_name: job.facts.server_name.clone(),
            tail_file: job.facts.tail_file.clone(),
            choices: StoredChoices::of(&job.choices),
            tables: job
                .expected
                .tables
                .iter()
                .map(|name| (name.schema.clone(), name.table.clone()))
                .collect(),
            schema_version: job
                .expected
                .schema_version
                .as_ref()
                .map(|(table, column)| (table.schema.clone(), table.table.clone(), column.clone())),
            utc_offset_minutes: job.utc_offset_minutes,
        }
    }

    /// The database that the run writes.
    pub fn target_database(&self) -> &str {
        match &self.destination {
            StoredDestination::Original => &self.database,
            StoredDestination::Copy { name, .. } => name,
        }
    }

    /// Whether it was made to be measured and dropped; what a drill left is asked about with the drill.
    pub fn is_drill(&self) -> bool {
        self.choices.prove_first
    }

    /// Whether the run makes a new database.
    pub fn is_copy(&self) -> bool {
        matches!(self.destination, StoredDestination::Copy { .. })
    }

    /// Whether a history has every backup of the plan.
    pub fn is_known_to(&self, history: &History) -> bool {
        history.database(&self.database).is_some_and(|database| {
            self.steps
                .iter()
                .all(|step| database.set_by_uuid(step.backup_set_uuid).is_some())
        })
    }

    /// The database that the backups are of.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The server's name for itself, where the run knew it.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The moment, a mark, or the latest; `None` when it is not what this version writes.
    pub(super) fn target(&self) -> Option<Target> {
        self.target.target()
    }

    /// The job again; `None` when a journal holds what no plan can be made of.
    pub fn job(&self, run: RunId, who: Who, history: History) -> Option<RestoreJob> {
        let target = self.target()?;
        let start = match &self.start {
            None => Start::Nothing,
            Some(start) => Start::Restoring(Box::new(start.state()?)),
        };
        let destination = self.destination.destination();
        let usage = |ignore| if ignore { Usage::Ignore } else { Usage::Use };
        let offset = |minutes: Option<i32>| minutes.and_then(UtcOffset::from_minutes);
        Some(RestoreJob {
            run,
            plan: RestorePlan {
                database: self.database.clone(),
                target,
                destination: destination.clone(),
                steps: self
                    .steps
                    .iter()
                    .map(StoredStep::step)
                    .collect::<Option<_>>()?,
                start: start.clone(),
                stop_at: self.stop_at.map(ServerTime),
                stop_mark: self.stop_mark.as_ref().map(StoredStopMark::stop_mark),
                price: Price::default(),
                reaches: self.reaches.map(ServerTime),
                bytes: self.bytes,
                estimate: self.estimate.map(StoredEstimate::estimate),
                moves: self.moves.iter().map(StoredMove::file_move).collect(),
                notes: Vec::new(),
                utc_offset: offset(self.plan_utc_offset_minutes),
                tail: self.tail.map(StoredTail::tail),
            },
            request: RestoreRequest {
                target,
                destination,
                costs: CostModel::default(),
                start,
                base: None,
                differentials: usage(self.ignore_differentials),
                logs: usage(self.ignore_logs),
                taken_by: self.taken_by.clone(),
                without: self.without.iter().map(StoredLost::lost).collect(),
            },
            history,
            facts: ServerFacts {
                server_name: self.server_name.clone(),
                tail_file: self.tail_file.clone(),
            },
            choices: self.choices.choices(),
            expected: Expectations {
                tables: self
                    .tables
                    .iter()
                    .map(|(schema, table)| table_name(schema, table))
                    .collect(),
                schema_version: self
                    .schema_version
                    .as_ref()
                    .map(|(schema, table, column)| (table_name(schema, table), column.clone())),
            },
            utc_offset_minutes: self.utc_offset_minutes,
            who,
        })
    }
}

fn table_name(schema: &str, table: &str) -> TableName {
    TableName {
        schema: schema.to_owned(),
        table: table.to_owned(),
    }
}
