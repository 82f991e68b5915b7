//! A restore as a journal keeps it: enough to go on with nothing else.
//!
//! Long on purpose: every stored type stands beside its two conversions.
//!
//! Types of their own, so that a renamed field of a plan never loses a journal. Changed by addition alone.

use super::{
    choices::{OverChoice, OwnStep, RunChoices, TailChoice},
    hook::HookCommand,
    report::{RunId, Who},
    restore::RestoreJob,
    target::TargetFacts,
    verify::{Expectations, TableName},
};
use crate::{
    domain::{
        BackupType, CostModel, Destination, Device, Estimate, EstimateBasis, FileMove, History,
        Lost, Lsn, MarkStop, MarkTarget, Moment, PlanStep, Price, RestorePlan, RestoreRequest,
        RestoringState, ServerTime, Start, StopMark, Tail, Target, Usage, UtcOffset, UtcTime,
    },
    tsql::{ServerFacts, UserAccess},
};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use uuid::Uuid;

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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredTarget {
    At {
        server: NaiveDateTime,
        instant: DateTime<Utc>,
    },
    Mark {
        /// Decimal, as text.
        lsn: String,
        server: NaiveDateTime,
        instant: DateTime<Utc>,
        /// `STOPBEFOREMARK`.
        before: bool,
    },
    Latest,
}

/// How long the restores take, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct StoredEstimate {
    seconds: f64,
    low: f64,
    high: f64,
    /// By measured restores, not by the speed of the backups.
    measured: bool,
}

/// The clause that stops a log at a mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredStopMark {
    name: String,
    after: NaiveDateTime,
    before: bool,
}

/// A database in `RESTORING` that a plan goes on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredStart {
    redo: String,
    fork: Option<Uuid>,
    family: Option<Uuid>,
    differential_base: Option<Uuid>,
    files: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredDestination {
    Original,
    Copy {
        name: String,
        files_to: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredTail {
    LogBackup,
    TailLog,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredLost {
    Set(Uuid),
    File(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredStep {
    backup_set_uuid: Uuid,
    backup_set_id: Option<i64>,
    /// The letter of msdb.
    backup_type: String,
    position: i32,
    devices: Vec<(StoredDevice, String)>,
    stop_at: Option<NaiveDateTime>,
    start: NaiveDateTime,
    finish: NaiveDateTime,
    bytes: Option<u64>,
    backup_size: Option<u64>,
    has_checksums: bool,
    moves: Vec<usize>,
    /// Decimal, as text: it does not fit 64 bits.
    first_lsn: String,
    last_lsn: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredDevice {
    Disk,
    Url,
    Tape,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredMove {
    logical_name: String,
    from: Option<String>,
    to: String,
    file_size: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct StoredChoices {
    over: Option<StoredOver>,
    restricted_user: bool,
    verify_files: bool,
    check_database: bool,
    before: Vec<StoredOwn>,
    after: Vec<StoredOwn>,
    expected_schema: Option<String>,
    on_server: Option<String>,
    pause_jobs: Vec<String>,
    prove_first: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    standby: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct StoredOver {
    state_number: i64,
    state: String,
    access: i64,
    recovery_model: String,
    async_statistics: bool,
    owner: Option<String>,
    create_date: String,
    /// `None` backs the tail up.
    tail_given_up: Option<String>,
    damaged: bool,
    other_tail_files: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredOwn {
    title: String,
    hook: Option<StoredHook>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredHook {
    program: PathBuf,
    arguments: Vec<String>,
    folder: Option<PathBuf>,
    timeout_millis: u64,
    expected_exit: i32,
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
            target: match target {
                Target::At(moment) => StoredTarget::At {
                    server: moment.server.0,
                    instant: moment.instant.0,
                },
                Target::Mark(mark) => StoredTarget::Mark {
                    lsn: mark.lsn.decimal().to_string(),
                    server: mark.at.server.0,
                    instant: mark.at.instant.0,
                    before: mark.stop == MarkStop::Before,
                },
                Target::Latest => StoredTarget::Latest,
            },
            destination: match destination {
                Destination::Original => StoredDestination::Original,
                Destination::Copy { name, files_to } => StoredDestination::Copy {
                    name: name.clone(),
                    files_to: files_to.clone(),
                },
            },
            steps: steps.iter().map(StoredStep::of).collect(),
            stop_at: stop_at.map(|time| time.0),
            stop_mark: stop_mark.as_ref().map(|mark| StoredStopMark {
                name: mark.name.clone(),
                after: mark.after.0,
                before: mark.stop == MarkStop::Before,
            }),
            start: start.restoring().map(|state| StoredStart {
                redo: state.redo.decimal().to_string(),
                fork: state.fork,
                family: state.family,
                differential_base: state.differential_base,
                files: state.files.clone(),
            }),
            reaches: reaches.map(|time| time.0),
            bytes: *bytes,
            estimate: estimate.map(|estimate| StoredEstimate {
                seconds: estimate.seconds,
                low: estimate.low,
                high: estimate.high,
                measured: estimate.basis == EstimateBasis::Measured,
            }),
            moves: moves.iter().map(StoredMove::of).collect(),
            plan_utc_offset_minutes: utc_offset.map(UtcOffset::minutes),
            tail: tail.map(|tail| match tail {
                Tail::LogBackup => StoredTail::LogBackup,
                Tail::TailLog => StoredTail::TailLog,
            }),
            ignore_differentials: *differentials == Usage::Ignore,
            ignore_logs: *logs == Usage::Ignore,
            taken_by: taken_by.clone(),
            without: without
                .iter()
                .map(|lost| match lost {
                    Lost::Set(uuid) => StoredLost::Set(*uuid),
                    Lost::File(file) => StoredLost::File(file.clone()),
                })
                .collect(),
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
        Some(match &self.target {
            StoredTarget::At { server, instant } => Target::At(Moment {
                server: ServerTime(*server),
                instant: UtcTime(*instant),
            }),
            StoredTarget::Mark {
                lsn,
                server,
                instant,
                before,
            } => Target::Mark(MarkTarget {
                lsn: lsn_of(lsn)?,
                at: Moment {
                    server: ServerTime(*server),
                    instant: UtcTime(*instant),
                },
                stop: stop_of(*before),
            }),
            StoredTarget::Latest => Target::Latest,
        })
    }

    /// The job again; `None` when a journal holds what no plan can be made of.
    pub fn job(&self, run: RunId, who: Who, history: History) -> Option<RestoreJob> {
        let target = self.target()?;
        let start = match &self.start {
            None => Start::Nothing,
            Some(start) => Start::Restoring(Box::new(RestoringState {
                redo: lsn_of(&start.redo)?,
                fork: start.fork,
                family: start.family,
                differential_base: start.differential_base,
                files: start.files.clone(),
                stands_at: None,
            })),
        };
        let destination = match &self.destination {
            StoredDestination::Original => Destination::Original,
            StoredDestination::Copy { name, files_to } => Destination::Copy {
                name: name.clone(),
                files_to: files_to.clone(),
            },
        };
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
                stop_mark: self.stop_mark.as_ref().map(|mark| StopMark {
                    name: mark.name.clone(),
                    after: ServerTime(mark.after),
                    stop: stop_of(mark.before),
                }),
                price: Price::default(),
                reaches: self.reaches.map(ServerTime),
                bytes: self.bytes,
                estimate: self.estimate.map(|stored| Estimate {
                    seconds: stored.seconds,
                    low: stored.low,
                    high: stored.high,
                    basis: if stored.measured {
                        EstimateBasis::Measured
                    } else {
                        EstimateBasis::BackupSpeed
                    },
                }),
                moves: self.moves.iter().map(StoredMove::file_move).collect(),
                notes: Vec::new(),
                utc_offset: offset(self.plan_utc_offset_minutes),
                tail: self.tail.map(|tail| match tail {
                    StoredTail::LogBackup => Tail::LogBackup,
                    StoredTail::TailLog => Tail::TailLog,
                }),
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
                without: self
                    .without
                    .iter()
                    .map(|lost| match lost {
                        StoredLost::Set(uuid) => Lost::Set(*uuid),
                        StoredLost::File(file) => Lost::File(file.clone()),
                    })
                    .collect(),
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
                    .map(|(schema, table)| TableName {
                        schema: schema.clone(),
                        table: table.clone(),
                    })
                    .collect(),
                schema_version: self.schema_version.as_ref().map(|(schema, table, column)| {
                    (
                        TableName {
                            schema: schema.clone(),
                            table: table.clone(),
                        },
                        column.clone(),
                    )
                }),
            },
            utc_offset_minutes: self.utc_offset_minutes,
            who,
        })
    }
}

fn lsn_of(text: &str) -> Option<Lsn> {
    text.parse().ok().and_then(Lsn::new)
}

fn stop_of(before: bool) -> MarkStop {
    if before {
        MarkStop::Before
    } else {
        MarkStop::At
    }
}

impl StoredStep {
    fn of(step: &PlanStep) -> Self {
        Self {
            backup_set_uuid: step.backup_set_uuid,
            backup_set_id: step.backup_set_id,
            backup_type: match step.backup_type {
                BackupType::Full => "D",
                BackupType::Differential => "I",
                BackupType::Log => "L",
                BackupType::File => "F",
                BackupType::FileDifferential => "G",
                BackupType::Partial => "P",
                BackupType::PartialDifferential => "Q",
            }
            .to_owned(),
            position: step.position,
            devices: step
                .devices
                .iter()
                .map(|device| match device {
                    Device::Disk(name) => (StoredDevice::Disk, name.clone()),
                    Device::Url(name) => (StoredDevice::Url, name.clone()),
                    Device::Tape(name) => (StoredDevice::Tape, name.clone()),
                })
                .collect(),
            stop_at: step.stop_at.map(|time| time.0),
            start: step.start.0,
            finish: step.finish.0,
            bytes: step.bytes,
            backup_size: step.backup_size,
            has_checksums: step.has_checksums,
            moves: step.moves.clone(),
            first_lsn: step.first_lsn.decimal().to_string(),
            last_lsn: step.last_lsn.decimal().to_string(),
        }
    }

    fn step(&self) -> Option<PlanStep> {
        Some(PlanStep {
            backup_set_uuid: self.backup_set_uuid,
            backup_set_id: self.backup_set_id,
            backup_type: match self.backup_type.as_str() {
                "D" => BackupType::Full,
                "I" => BackupType::Differential,
                "L" => BackupType::Log,
                _ => return None,
            },
            position: self.position,
            devices: self
                .devices
                .iter()
                .map(|(kind, name)| match kind {
                    StoredDevice::Disk => Device::Disk(name.clone()),
                    StoredDevice::Url => Device::Url(name.clone()),
                    StoredDevice::Tape => Device::Tape(name.clone()),
                })
                .collect(),
            stop_at: self.stop_at.map(ServerTime),
            start: ServerTime(self.start),
            finish: ServerTime(self.finish),
            bytes: self.bytes,
            backup_size: self.backup_size,
            has_checksums: self.has_checksums,
            moves: self.moves.clone(),
            first_lsn: lsn_of(&self.first_lsn)?,
            last_lsn: lsn_of(&self.last_lsn)?,
        })
    }
}

impl StoredMove {
    fn of(file: &FileMove) -> Self {
        let FileMove {
            logical_name,
            from,
            to,
            file_size,
        } = file;
        Self {
            logical_name: logical_name.clone(),
            from: from.clone(),
            to: to.clone(),
            file_size: *file_size,
        }
    }

    fn file_move(&self) -> FileMove {
        FileMove {
            logical_name: self.logical_name.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            file_size: self.file_size,
        }
    }
}

impl StoredChoices {
    fn of(choices: &RunChoices) -> Self {
        let RunChoices {
            over,
            restricted_user,
            verify_files,
            check_database,
            before,
            after,
            expected_schema,
            on_server,
            pause_jobs,
            prove_first,
            source_server,
            standby,
        } = choices;
        Self {
            over: over.as_ref().map(|over| StoredOver {
                state_number: over.target.state_number,
                state: over.target.state.clone(),
                access: match over.target.access {
                    UserAccess::Multi => 0,
                    UserAccess::Single => 1,
                    UserAccess::Restricted => 2,
                },
                recovery_model: over.target.recovery_model.clone(),
                async_statistics: over.target.async_statistics,
                owner: over.target.owner.clone(),
                create_date: over.target.create_date.clone(),
                tail_given_up: match &over.tail {
                    TailChoice::BackUp => None,
                    TailChoice::GiveUp { reason } => Some(reason.clone()),
                },
                damaged: over.damaged,
                other_tail_files: over.other_tail_files.clone(),
            }),
            restricted_user: *restricted_user,
            verify_files: *verify_files,
            check_database: *check_database,
            before: before.iter().map(StoredOwn::of).collect(),
            after: after.iter().map(StoredOwn::of).collect(),
            expected_schema: expected_schema.clone(),
            on_server: on_server.clone(),
            pause_jobs: pause_jobs.clone(),
            prove_first: *prove_first,
            source_server: source_server.clone(),
            standby: standby.clone(),
        }
    }

    fn choices(&self) -> RunChoices {
        RunChoices {
            over: self.over.as_ref().map(|over| OverChoice {
                target: TargetFacts {
                    state_number: over.state_number,
                    state: over.state.clone(),
                    access: UserAccess::from_number(over.access).unwrap_or_default(),
                    recovery_model: over.recovery_model.clone(),
                    async_statistics: over.async_statistics,
                    owner: over.owner.clone(),
                    create_date: over.create_date.clone(),
                    ..TargetFacts::default()
                },
                tail: match &over.tail_given_up {
                    None => TailChoice::BackUp,
                    Some(reason) => TailChoice::GiveUp {
                        reason: reason.clone(),
                    },
                },
                damaged: over.damaged,
                other_tail_files: over.other_tail_files.clone(),
            }),
            restricted_user: self.restricted_user,
            verify_files: self.verify_files,
            check_database: self.check_database,
            before: self.before.iter().map(StoredOwn::own).collect(),
            after: self.after.iter().map(StoredOwn::own).collect(),
            expected_schema: self.expected_schema.clone(),
            on_server: self.on_server.clone(),
            pause_jobs: self.pause_jobs.clone(),
            prove_first: self.prove_first,
            source_server: self.source_server.clone(),
            standby: self.standby.clone(),
        }
    }
}

impl StoredOwn {
    fn of(step: &OwnStep) -> Self {
        Self {
            title: step.title.clone(),
            hook: step.hook.as_ref().map(|hook| StoredHook {
                program: hook.program.clone(),
                arguments: hook.arguments.clone(),
                folder: hook.folder.clone(),
                timeout_millis: u64::try_from(hook.timeout.as_millis()).unwrap_or(u64::MAX),
                expected_exit: hook.expected_exit,
            }),
        }
    }

    fn own(&self) -> OwnStep {
        OwnStep {
            title: self.title.clone(),
            hook: self.hook.as_ref().map(|hook| HookCommand {
                program: hook.program.clone(),
                arguments: hook.arguments.clone(),
                folder: hook.folder.clone(),
                timeout: Duration::from_millis(hook.timeout_millis),
                expected_exit: hook.expected_exit,
            }),
        }
    }
}
