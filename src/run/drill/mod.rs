//! Drills: a restore to a copy that is made to be measured, and dropped whatever happens.
//!
//! ```text
//! drill journal    Begin ─ DrillBegun ──────────── DrillMeasured ─ CopyDropped ─ End
//!                               │                        ▲               ▲
//! restore journal               └─► the one engine ──────┘               └─ proved ours (design §3.10)
//!                                   CopyBegun ─ recovery ─ CopyCreated
//! ```
//!
//! - The restore is a run of its own with its own journal, made by the engine that makes every restore;
//!   the drill's journal names it, and says from the first line on which copy it will make.
//! - The copy is not recovered before its creation is on disk, so that it can be told from any other database
//!   at whatever moment the drill dies; see [`RunChoices::prove_first`](super::RunChoices).
//! - The original is read and never written. The copy is new: nothing of its name was there when the drill began.
//! - A drill is *restore time*. The whole clock from incident to application is a rehearsal; see [`Rehearsal`].

mod clear;
mod record;
mod rehearsal;
mod timer;

pub use clear::{
    ClearError, Cleared, Leftover, LeftoverSeen, clear_leftover, leftovers, look_at_leftover,
};
pub use record::{DrillPlan, DrillResult, DrillStep, DrillTable, PartOfDrill};
pub use rehearsal::{Phase, PhaseKind, Rehearsal, RehearsalTimes, rehearse};
pub use timer::{DrillTimer, OsScheduler, TimedMoment};

use super::{
    Commands, Journal, JournalError, Outcome, RestoreJob, RunEnd, RunEvent, RunId, RunKind,
    RunReport, Surroundings, Verification,
    journal::{FORMAT, Record, hash, iso_time},
    restore::seconds_between,
    run_restore,
};
use crate::{domain::UtcTime, server::Gateway, tsql};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// A drill that is about to run.
#[derive(Clone, Debug)]
pub struct DrillJob {
    pub run: RunId,
    /// What it is about; its `restore_run` is the id of `restore`.
    pub plan: DrillPlan,
    /// The restore to a copy, ready to run.
    pub restore: RestoreJob,
    /// Where the restore keeps its journal.
    pub restore_journal: PathBuf,
}

/// What a drill tells while it goes on.
#[derive(Clone, Debug)]
pub enum DrillEvent {
    Restore(RunEvent),
    /// It was measured; the copy is dropped now.
    Measured(Box<DrillResult>),
    CopyDropped,
}

/// What came of it.
#[derive(Debug)]
pub struct DrillReport {
    pub run: RunId,
    pub plan: DrillPlan,
    pub restore: RunReport,
    pub result: DrillResult,
    /// Why the copy is still there.
    pub left: Option<ClearError>,
}

/// What a drill needs from outside.
pub struct DrillSurroundings<'a> {
    pub gateway: &'a dyn Gateway,
    /// The drill's own journal.
    pub journal: Journal,
    pub tell: &'a (dyn Fn(DrillEvent) + Send + Sync),
    /// Stops the restore; the copy is dropped all the same.
    pub cancel: &'a CancellationToken,
    /// The own clock.
    pub now: fn() -> UtcTime,
}

/// Title of the first step.
const RESTORE: &str = "Restore to a copy, and verify it";
/// Title of the last step.
const DROP: &str = "Drop the copy";

/// Runs a drill to its end. Only a journal that cannot be written is an error: everything else is a report.
pub async fn run_drill(
    job: DrillJob,
    surroundings: DrillSurroundings<'_>,
) -> Result<DrillReport, JournalError> {
    let DrillSurroundings {
        gateway,
        mut journal,
        tell,
        cancel,
        now,
    } = surroundings;
    let DrillJob {
        run,
        plan,
        restore,
        restore_journal,
    } = job;
    let copy = tsql::target_database(&restore.plan).to_owned();
    let server = restore.facts.server_name.clone().unwrap_or_default();
    let mut note = Note {
        journal: &mut journal,
        now,
    };
    note.write(Record::Begin {
        format: FORMAT.to_owned(),
        run: run.0.clone(),
        server,
        source_database: restore.plan.database.clone(),
        target_database: copy.clone(),
        target: plan.moment.clone().unwrap_or_else(|| "latest".to_owned()),
        steps: vec![RESTORE.to_owned(), DROP.to_owned()],
        run_kind: RunKind::Drill,
        who: restore.who.clone(),
    })?;
    note.write(Record::DrillBegun {
        drill: Box::new(plan.clone()),
    })?;
    note.write(Record::step_begin(0, RESTORE, ""))?;
    let began = now();
    let forward = |event: RunEvent| tell(DrillEvent::Restore(event));
    let report = run_restore(
        restore,
        Surroundings {
            gateway,
            journal: Journal::create(&restore_journal)?,
            tell: &forward,
            cancel,
            commands: Commands::none(),
            now,
        },
    )
    .await?;
    let mut result = DrillResult::of(&report);
    note.write(Record::StepEnd {
        step: 0,
        outcome: outcome_word(&report).to_owned(),
        seconds: seconds_between(began, now()),
        words: vec![format!("run {}", report.id.0)],
        messages: Vec::new(),
        facts: super::StepFacts::default(),
    })?;
    note.write(Record::DrillMeasured {
        result: Box::new(result.clone()),
    })?;
    tell(DrillEvent::Measured(Box::new(result.clone())));

    note.write(Record::step_begin(1, DROP, ""))?;
    let dropping = now();
    let leftover =
        Leftover::of_running(&run, &report, &plan, &restore_journal, note.journal.path())?;
    let cleared = clear::drop_what_is_left(gateway, &leftover, now).await;
    let (outcome, words) = match &cleared {
        Ok(_) => ("done", Vec::new()),
        Err(error) => ("failed", vec![error.to_string()]),
    };
    note.write(Record::StepEnd {
        step: 1,
        outcome: outcome.to_owned(),
        seconds: seconds_between(dropping, now()),
        words,
        messages: Vec::new(),
        facts: super::StepFacts::default(),
    })?;
    let left = match cleared {
        Ok(_) => {
            note.write(Record::CopyDropped {
                database: copy.clone(),
            })?;
            tell(DrillEvent::CopyDropped);
            result.copy_gone = true;
            None
        }
        Err(error) => Some(error),
    };
    let state = match &left {
        None => format!("{copy} is not there"),
        Some(_) => format!("{copy} is still there"),
    };
    note.write(Record::End {
        end: report.end.word().to_owned(),
        state,
    })?;
    Ok(DrillReport {
        run,
        plan,
        restore: report,
        result,
        left,
    })
}

/// A journal and the clock that its records are stamped with.
struct Note<'a> {
    journal: &'a mut Journal,
    now: fn() -> UtcTime,
}

impl Note<'_> {
    fn write(&mut self, record: Record) -> Result<(), JournalError> {
        self.journal.write(stamp(self.now), record)
    }
}

fn stamp(now: fn() -> UtcTime) -> String {
    iso_time(now())
}

fn outcome_word(report: &RunReport) -> &'static str {
    match report.end {
        RunEnd::Verified => "done",
        RunEnd::OnlineNotVerified => "done_with_warning",
        RunEnd::Cancelled => "cancelled",
        _ => "failed",
    }
}

impl DrillResult {
    /// What a finished restore measured.
    pub fn of(report: &RunReport) -> Self {
        let steps: Vec<DrillStep> = report
            .steps
            .iter()
            .map(|step| DrillStep {
                title: step.title.clone(),
                outcome: step.outcome.word().to_owned(),
                seconds: step.seconds,
                backup_kind: step.facts.backup_kind.clone(),
                bytes: step.facts.bytes,
            })
            .collect();
        let script: Vec<&str> = report
            .steps
            .iter()
            .map(|step| step.sql.as_str())
            .filter(|sql| !sql.is_empty())
            .collect();
        let mut problems: Vec<String> = report
            .steps
            .iter()
            .filter_map(|step| match &step.outcome {
                Outcome::Failed(failure) | Outcome::DoneWithWarning(failure) => {
                    Some(failure.to_string())
                }
                _ => None,
            })
            .collect();
        let mut found = Self {
            seconds: steps.iter().map(|step| step.seconds).sum(),
            end: report.end.word().to_owned(),
            verified: report.end == RunEnd::Verified,
            script_hash: hash(&script.join("\n")),
            steps,
            ..Self::default()
        };
        if let Some(verification) = &report.verification {
            found.take(verification);
            problems.extend(verification.problems.iter().map(ToString::to_string));
        }
        problems.dedup();
        found.problems = problems;
        found
    }

    fn take(&mut self, verification: &Verification) {
        self.state.clone_from(&verification.state);
        self.schema_version.clone_from(&verification.schema_version);
        self.tables = verification
            .tables
            .iter()
            .map(|table| DrillTable {
                table: table.table.clone(),
                rows: table.rows_copy,
                rows_original: table.rows_original,
            })
            .collect();
    }
}
