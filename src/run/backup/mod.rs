//! Backups that run now: each on a connection of its own, several at once, every one journaled before and after.
//!
//! ```text
//! BackupPlan ─► Script ─► run_backups ─► BackupStepReport… ─► BackupReport
//! ```
//!
//! A backup that fails stops no other. Whether its facts still hold is read again right before each one begins.

mod facts;
mod once;
mod place;
mod report;

pub use facts::{BackupReading, read_backup_facts};
pub use once::{
    FoundJob, OnceError, OncePlan, OnceRun, OnceState, find_once, look_at_once, remove_once,
    start_once,
};
pub use place::{
    FolderEntry, FolderListing, PlaceCheck, PlaceThere, ProbeOutcome, ProbeResult, browse,
    check_place, list_folder, probe,
};
pub use report::{
    BackupEnd, BackupFault, BackupOutcome, BackupReport, BackupStepReport, WrittenBackup,
};

use super::{
    journal::{FORMAT, Journal, JournalError, Record, iso_time},
    report::{RunId, RunKind, StepFacts, Who},
    watch::Watch,
};
use crate::{
    domain::{BackupKind, BackupPlan, BackupStep, UtcTime, backup_refusal},
    server::{Answer, Connection, Gateway, ServerError, ask},
    tsql::{self, BackupFacts, Batch, Purpose, Script},
};
use futures_util::{StreamExt as _, future::BoxFuture};
use std::sync::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Backups that are about to run.
#[derive(Clone, Debug)]
pub struct BackupJob {
    pub run: RunId,
    pub who: Who,
    pub plan: BackupPlan,
    pub facts: BackupFacts,
}

/// What a step of a backup plan is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupPhase {
    /// `BACKUP` runs.
    Writing,
    /// `RESTORE VERIFYONLY` runs.
    Reading,
}

/// What backups tell while they go on; `step` is an index into the plan.
#[derive(Clone, Debug)]
pub enum BackupRunEvent {
    PhaseBegan {
        step: usize,
        phase: BackupPhase,
    },
    Progress(BackupProgress),
    Message {
        step: usize,
        text: String,
    },
    StepEnded {
        step: usize,
        report: Box<BackupStepReport>,
    },
}

/// How far a step has come, as `sys.dm_exec_requests` tells.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupProgress {
    pub step: usize,
    pub phase: BackupPhase,
    pub elapsed_secs: f64,
    /// 0–100; `None` without permission for it.
    pub percent: Option<f32>,
    pub remaining_secs: Option<f64>,
}

/// What backups need from outside.
pub struct BackupSurroundings<'a> {
    pub gateway: &'a dyn Gateway,
    pub journal: Journal,
    pub tell: &'a (dyn Fn(BackupRunEvent) + Send + Sync),
    /// One for each step of the plan, children of the one for all.
    pub cancel: &'a [CancellationToken],
    /// The own clock.
    pub now: fn() -> UtcTime,
}

/// Runs all backups of a plan to their end. Only a journal that cannot be written is an error.
pub async fn run_backups(
    job: BackupJob,
    surroundings: BackupSurroundings<'_>,
) -> Result<BackupReport, JournalError> {
    let BackupSurroundings {
        gateway,
        journal,
        tell,
        cancel,
        now,
    } = surroundings;
    let script = tsql::backup_script(&job.plan, &job.facts);
    let started = now();
    let run = Run {
        script: &script,
        gateway,
        journal: Mutex::new(Written {
            journal,
            failed: None,
        }),
        tell,
        now,
    };
    run.note(Record::Begin {
        format: FORMAT.to_owned(),
        run: job.run.0.clone(),
        server: job.facts.server_name.clone().unwrap_or_default(),
        source_database: databases_of(&job.plan),
        target_database: String::new(),
        target: String::new(),
        steps: script.batches.iter().map(|b| b.title.clone()).collect(),
        run_kind: RunKind::Backup,
        who: job.who.clone(),
    });
    let never = CancellationToken::new();
    let mut waiting: Vec<BoxFuture<'_, (usize, BackupStepReport)>> = Vec::new();
    for (idx, step) in job.plan.steps.iter().enumerate() {
        let cancel = cancel.get(idx).unwrap_or(&never);
        let run = &run;
        waiting.push(Box::pin(
            async move { (idx, run.step(idx, step, cancel).await) },
        ));
    }
    let mut reports: Vec<(usize, BackupStepReport)> = futures_util::stream::iter(waiting)
        .buffer_unordered(usize::from(job.plan.at_once.max(1)))
        .collect()
        .await;
    reports.sort_by_key(|(idx, _)| *idx);
    let steps: Vec<BackupStepReport> = reports.into_iter().map(|(_, report)| report).collect();
    let end = BackupEnd::of(&steps);
    run.note(Record::End {
        end: end.word().to_owned(),
        state: String::new(),
    });
    let seconds = super::restore::seconds_between(started, now());
    let journal = match run.journal.into_inner() {
        Ok(written) => written.failed,
        Err(poisoned) => poisoned.into_inner().failed,
    };
    if let Some(error) = journal {
        return Err(error);
    }
    Ok(BackupReport {
        id: job.run,
        who: job.who,
        server: job.facts.server_name.unwrap_or_default(),
        started,
        seconds,
        steps,
        refused: job.plan.refused,
        end,
    })
}

/// The databases of a plan as one line, for lists of runs.
fn databases_of(plan: &BackupPlan) -> String {
    let names: Vec<&str> = plan.steps.iter().map(|s| s.database.as_str()).collect();
    names.join(", ")
}

/// The journal, shared by the steps that run at once.
struct Written {
    journal: Journal,
    /// The first record that could not be written; nothing more is sent after it.
    failed: Option<JournalError>,
}

struct Run<'a> {
    script: &'a Script,
    gateway: &'a dyn Gateway,
    journal: Mutex<Written>,
    tell: &'a (dyn Fn(BackupRunEvent) + Send + Sync),
    now: fn() -> UtcTime,
}

/// One batch that has ended.
struct Sent {
    outcome: Result<Answer, ServerError>,
    messages: Vec<String>,
    seconds: f64,
}

impl Run<'_> {
    /// Writes a record; `false` when the journal cannot be kept, and nothing more may be sent.
    fn note(&self, record: Record) -> bool {
        let at = iso_time((self.now)());
        let mut written = match self.journal.lock() {
            Ok(written) => written,
            Err(poisoned) => poisoned.into_inner(),
        };
        if written.failed.is_some() {
            return false;
        }
        match written.journal.write(at, record) {
            Ok(()) => true,
            Err(error) => {
                written.failed = Some(error);
                false
            }
        }
    }

    /// The batch of a step in the script, with its place there.
    fn batch(&self, wanted: &Purpose) -> Option<(usize, &Batch)> {
        self.script
            .batches
            .iter()
            .enumerate()
            .find(|(_, batch)| batch.purpose == *wanted)
    }

    /// One database: its facts again, the backup, what msdb says of it, and reading it back.
    async fn step(
        &self,
        idx: usize,
        step: &BackupStep,
        cancel: &CancellationToken,
    ) -> BackupStepReport {
        let began = (self.now)();
        let mut report = BackupStepReport {
            database: step.database.clone(),
            kind: step.kind,
            copy_only: step.chain.copy_only(),
            devices: step.devices.clone(),
            started: began,
            seconds: 0.0,
            outcome: BackupOutcome::Cancelled,
            written: None,
            messages: Vec::new(),
        };
        if !cancel.is_cancelled() {
            report.outcome = self.carry_out(idx, step, cancel, &mut report).await;
        }
        report.seconds = super::restore::seconds_between(began, (self.now)());
        (self.tell)(BackupRunEvent::StepEnded {
            step: idx,
            report: Box::new(report.clone()),
        });
        report
    }

    async fn carry_out(
        &self,
        idx: usize,
        step: &BackupStep,
        cancel: &CancellationToken,
        report: &mut BackupStepReport,
    ) -> BackupOutcome {
        let Some((number, batch)) = self.batch(&Purpose::BackUp { step: idx }) else {
            unreachable!("the script has a batch for every step of its plan");
        };
        let prepared = tokio::select! {
            () = cancel.cancelled() => return BackupOutcome::Cancelled,
            prepared = self.prepare(step) => prepared,
        };
        let (mut work, newest) = match prepared {
            Ok(prepared) => prepared,
            Err(fault) => {
                if self.begin(number, batch) {
                    self.end(
                        number,
                        fault.word(),
                        0.0,
                        fault.words(),
                        &[],
                        StepFacts::default(),
                    );
                }
                return BackupOutcome::Failed(fault);
            }
        };
        if !self.begin(number, batch) {
            return BackupOutcome::Failed(BackupFault::NoJournal);
        }
        let watch = match self.gateway.connect().await {
            Ok(connection) => Some(Watch::start(connection, work.session_id(), None)),
            Err(error) => {
                tracing::debug!(?error, "no second connection for the progress");
                None
            }
        };
        let phase = BackupPhase::Writing;
        let sent = self
            .send(work.as_mut(), watch.as_ref(), (idx, phase), batch, cancel)
            .await;
        report.messages.extend(sent.messages.iter().cloned());
        // A lost connection does not tell how the backup ended; msdb does.
        let lost = matches!(&sent.outcome, Err(error) if error.is_lost());
        if sent.outcome.is_ok() || lost {
            report.written = self.written(step, newest).await;
        }
        let outcome = match sent.outcome {
            Ok(_) => BackupOutcome::Done,
            Err(ServerError::Cancelled) => BackupOutcome::Cancelled,
            Err(_) if lost && report.written.is_some() => {
                BackupOutcome::DoneWithWarning(BackupFault::LostButWritten)
            }
            Err(error) => BackupOutcome::Failed(BackupFault::Server(error)),
        };
        self.end(
            number,
            outcome.word(),
            sent.seconds,
            outcome.fault().map(BackupFault::words).unwrap_or_default(),
            &sent.messages,
            facts_of(step, report.written.as_ref()),
        );
        if outcome != BackupOutcome::Done {
            return outcome;
        }
        self.read_back(idx, work.as_mut(), watch.as_ref(), cancel, report)
            .await
    }

    /// Connects, takes the lock of the database and reads again whether the backup is still possible.
    ///
    /// The number is that of the newest row in the history: what this backup writes has a greater one.
    async fn prepare(
        &self,
        step: &BackupStep,
    ) -> Result<(Box<dyn Connection>, Option<i64>), BackupFault> {
        let mut connection = self.gateway.connect().await.map_err(BackupFault::Server)?;
        let lock = super::restore::take_lock(connection.as_mut(), &step.database).await;
        match lock {
            Ok(super::restore::Lock::Held) => {
                return Err(BackupFault::LockHeld {
                    database: step.database.clone(),
                });
            }
            // Without a lock the server's own rule (3023) keeps two backups apart.
            Ok(super::restore::Lock::Taken | super::restore::Lock::Unknown(_)) => {}
            Err(error) => return Err(BackupFault::Server(error)),
        }
        let reading = read_backup_facts(connection.as_mut())
            .await
            .map_err(BackupFault::Server)?;
        match reading.databases.iter().find(|d| d.name == step.database) {
            None => {
                return Err(BackupFault::NoLongerPossible(
                    crate::domain::BackupRefusal::NotThere,
                ));
            }
            Some(facts) => {
                if let Some(refusal) =
                    backup_refusal(step.kind, &step.chain, &reading.server, facts)
                {
                    return Err(BackupFault::NoLongerPossible(refusal));
                }
            }
        }
        let newest = ask(connection.as_mut(), &tsql::newest_backup_set()).await;
        let newest = match newest {
            Ok(answer) => Some(
                answer
                    .first()
                    .and_then(|row| row.int("newest"))
                    .unwrap_or_default(),
            ),
            Err(ServerError::Refused { .. }) => None,
            Err(error) => return Err(BackupFault::Server(error)),
        };
        Ok((connection, newest))
    }

    /// What msdb says of the set; `None` when the login may not read it.
    async fn written(&self, step: &BackupStep, newest: Option<i64>) -> Option<WrittenBackup> {
        let newest = newest?;
        let device = step.devices.first()?.name();
        let asked = async {
            let mut connection = self.gateway.connect().await?;
            ask(
                connection.as_mut(),
                &tsql::backup_result(&step.database, device, newest),
            )
            .await
        };
        match asked.await {
            Ok(answer) => answer.first().and_then(WrittenBackup::from_row),
            Err(error) => {
                tracing::debug!(?error, "the set that was written");
                None
            }
        }
    }

    async fn read_back(
        &self,
        idx: usize,
        work: &mut dyn Connection,
        watch: Option<&Watch>,
        cancel: &CancellationToken,
        report: &mut BackupStepReport,
    ) -> BackupOutcome {
        let Some((number, batch)) = self.batch(&Purpose::VerifyBackup { step: idx }) else {
            return BackupOutcome::Done;
        };
        if !self.begin(number, batch) {
            return BackupOutcome::DoneWithWarning(BackupFault::NoJournal);
        }
        let phase = BackupPhase::Reading;
        let sent = self.send(work, watch, (idx, phase), batch, cancel).await;
        report.messages.extend(sent.messages.iter().cloned());
        let outcome = match sent.outcome {
            Ok(_) => BackupOutcome::Done,
            // The backup itself is written, and stays.
            Err(error) => BackupOutcome::DoneWithWarning(BackupFault::NotVerified(error)),
        };
        self.end(
            number,
            outcome.word(),
            sent.seconds,
            outcome.fault().map(BackupFault::words).unwrap_or_default(),
            &sent.messages,
            StepFacts::default(),
        );
        outcome
    }

    fn begin(&self, number: usize, batch: &Batch) -> bool {
        self.note(Record::step_begin(number, &batch.title, &batch.sql))
    }

    fn end(
        &self,
        number: usize,
        outcome: &str,
        seconds: f64,
        words: Vec<String>,
        messages: &[String],
        facts: StepFacts,
    ) {
        self.note(Record::StepEnd {
            step: number,
            outcome: outcome.to_owned(),
            seconds,
            words,
            messages: messages.to_vec(),
            facts,
        });
    }

    /// Sends a batch and tells messages and progress while it runs.
    async fn send(
        &self,
        work: &mut dyn Connection,
        watch: Option<&Watch>,
        (step, phase): (usize, BackupPhase),
        batch: &Batch,
        cancel: &CancellationToken,
    ) -> Sent {
        (self.tell)(BackupRunEvent::PhaseBegan { step, phase });
        let began = (self.now)();
        let (sender, mut inbox) = mpsc::unbounded_channel();
        let mut answer = Answer::default();
        let mut messages = Vec::new();
        let mut hear = |text: String| {
            messages.push(text.clone());
            (self.tell)(BackupRunEvent::Message { step, text });
        };
        let mut readings = watch.map(|watch| watch.readings.clone());
        let outcome = {
            let mut running = work.run(batch, &mut answer, Some(sender), cancel);
            loop {
                tokio::select! {
                    outcome = &mut running => break outcome,
                    Some(text) = inbox.recv() => hear(text),
                    Some(reading) = super::restore::next_reading(&mut readings) => {
                        (self.tell)(BackupRunEvent::Progress(BackupProgress {
                            step,
                            phase,
                            elapsed_secs: super::restore::seconds_between(began, (self.now)()),
                            percent: reading.percent,
                            remaining_secs: reading.remaining_secs,
                        }));
                    }
                }
            }
        };
        while let Ok(text) = inbox.try_recv() {
            hear(text);
        }
        Sent {
            outcome: outcome.map(|()| answer),
            messages,
            seconds: super::restore::seconds_between(began, (self.now)()),
        }
    }
}

fn facts_of(step: &BackupStep, written: Option<&WrittenBackup>) -> StepFacts {
    let bytes = written.and_then(|w| w.compressed_size.or(w.backup_size));
    let data_bytes = written.and_then(|w| w.backup_size);
    StepFacts {
        backup_kind: Some(
            match step.kind {
                BackupKind::Full => "full",
                BackupKind::Differential => "differential",
                BackupKind::Log => "log",
            }
            .to_owned(),
        ),
        bytes,
        data_bytes,
        compressed: bytes.zip(data_bytes).map(|(on_disk, data)| on_disk < data),
        files: step.devices.iter().map(|d| d.name().to_owned()).collect(),
        exit_code: None,
    }
}
