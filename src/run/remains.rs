//! What is left of an interrupted run, by what the server shows.

use super::{
    owed::Owed,
    record::{RecordedEnd, RunRecord},
    restore::RestoreJob,
    runbook::{Action, ON_SERVER, Runbook},
    target::TargetFacts,
};
use crate::{
    domain::{Lsn, RestorePlan},
    tsql::{self, Purpose},
};
use std::collections::BTreeSet;

/// What is left of a run, by what the server shows.
pub(super) struct Remains {
    pub(super) runbook: Runbook,
    pub(super) done: BTreeSet<usize>,
    /// How many steps of the plan the database has.
    pub(super) n_restored: usize,
    /// The run itself brought the database online, at the end of its restores.
    pub(super) recovered: bool,
    /// It is online, and it was not the run that brought it there: what it holds is not what was asked for.
    pub(super) opened_by_others: bool,
}

impl Remains {
    /// Works out which steps are done. The job's script is made again where it must go over what the run left.
    pub(super) fn of(
        record: &RunRecord,
        job: &mut RestoreJob,
        facts: Option<&TargetFacts>,
    ) -> Self {
        if let Some(file) = &record.tail_file {
            job.facts.tail_file = Some(file.clone());
        } else if record.was_begun(tsql::TAIL_TITLE) && facts.is_some_and(TargetFacts::online) {
            // What the interrupted backup left there is not appended to.
            job.facts.tail_file = job
                .facts
                .tail_file
                .as_deref()
                .map(|file| another_file(file, record.n_resumed + 1));
        }
        // What the server ran by itself goes on step by step, from where it came to.
        job.choices.on_server = None;
        let over = job.choices.over.is_some();
        let online = facts.is_some_and(TargetFacts::online);
        let between = facts.is_some_and(TargetFacts::restoring);
        let position = facts.and_then(|facts| facts.redo_start);
        let tail_kept = record.tail_file.is_some();
        let again = between && position.is_none();
        let runbook = runbook_of(job, again);
        let recovered = online
            && recovery_begun(record, &runbook, job.choices.standby.is_some())
            && (!over || facts.is_some_and(|facts| is_another(record, facts)));
        // Since its tail was taken, or a set was restored, nothing but a recovery brings it online.
        let opened_by_others = online
            && !recovered
            && (!over || tail_kept || tail_taken(record) || restored_any(record, &runbook));
        let restored = restored_steps(record, &runbook, &job.plan, position, between);
        let mut done = BTreeSet::new();
        for (idx, step) in runbook.steps.iter().enumerate() {
            let is_done = match &step.action {
                Action::LookBefore | Action::Verify => false,
                Action::OnServer(_) => false,
                Action::Hook(_) | Action::ByHand => record.was_done(&step.title),
                Action::Sql(batch) => match &batch.purpose {
                    // Stopping gave them back, so they are taken again while anything is left to restore.
                    Purpose::PauseJob { name } => recovered || owes_job(record, name),
                    Purpose::StartJob { name } => recovered && !owes_job(record, name),
                    Purpose::StopAsyncStatistics | Purpose::CloseToOthers => between || recovered,
                    Purpose::BackUpTail { .. } if over => between || recovered,
                    Purpose::ReadTail { .. } if over => tail_kept || recovered,
                    // The copy-only log backup of a copy.
                    Purpose::BackUpTail { .. } | Purpose::ReadTail { .. } => tail_kept,
                    Purpose::RestoreSet { step } => recovered || *step < restored,
                    Purpose::RestoreTail { .. } | Purpose::Recover => recovered,
                    Purpose::GiveBackAccess => {
                        recovered && !record.owed.iter().any(|o| matches!(o, Owed::Access { .. }))
                    }
                    Purpose::GiveBackStatistics => {
                        recovered
                            && !record
                                .owed
                                .iter()
                                .any(|o| matches!(o, Owed::AsyncStatistics { .. }))
                    }
                    _ => false,
                },
            };
            if is_done {
                done.insert(idx);
            }
        }
        Self {
            runbook,
            done,
            n_restored: restored,
            recovered,
            opened_by_others,
        }
    }

    /// The first step that is left, the look before apart.
    pub(super) fn next_title(&self) -> Option<String> {
        self.runbook
            .steps
            .iter()
            .enumerate()
            .skip(1)
            .find(|(idx, _)| !self.done.contains(idx))
            .map(|(_, step)| step.title.clone())
    }

    pub(super) fn is_done(&self, title: &str) -> bool {
        self.runbook
            .steps
            .iter()
            .enumerate()
            .any(|(idx, step)| step.title == title && self.done.contains(&idx))
    }
}

/// Whether the statement that brings the database online was sent, and nobody knows that it failed.
///
/// Its last restore is no such statement when it leaves the database in standby.
fn recovery_begun(record: &RunRecord, runbook: &Runbook, in_standby: bool) -> bool {
    let last = runbook
        .last_restore()
        .filter(|_| !in_standby)
        .and_then(|idx| runbook.steps.get(idx))
        .map(|step| step.title.as_str());
    record.steps.iter().any(|step| {
        let title = step.title.as_str();
        let recovers = Some(title) == last
            || title == tsql::RECOVER_TITLE
            || (title == ON_SERVER && !in_standby);
        recovers && step.may_have_worked()
    })
}

/// Whether the tail was backed up; where its first place did not take it, the step has ended with a warning.
fn tail_taken(record: &RunRecord) -> bool {
    let done = |end: &RecordedEnd| end.outcome == "done";
    record
        .steps
        .iter()
        .any(|step| step.title == tsql::TAIL_TITLE && step.end.as_ref().is_some_and(done))
}

/// Whether a set was restored to its end.
fn restored_any(record: &RunRecord, runbook: &Runbook) -> bool {
    runbook
        .steps
        .iter()
        .filter(|step| step.restores())
        .any(|step| record.was_done(&step.title))
}

/// Whether a database is another than before the run: each restore gives it a new identity, each recovery a new fork.
///
/// What an older journal does not say is taken for granted.
fn is_another(record: &RunRecord, facts: &TargetFacts) -> bool {
    record.before.is_none_or(|before| {
        let now = (facts.database_guid, facts.recovery_fork);
        now.0.is_some() && now != before
    })
}

pub(super) fn owes_job(record: &RunRecord, name: &str) -> bool {
    record
        .owed
        .iter()
        .any(|owed| matches!(owed, Owed::Job { name: job } if job == name))
}

/// A name beside the old one.
fn another_file(file: &str, n: usize) -> String {
    match file.rfind('.') {
        Some(dot) if !file[dot..].contains(['\\', '/']) => {
            format!("{}_{n}{}", &file[..dot], &file[dot..])
        }
        _ => format!("{file}_{n}"),
    }
}

/// The runbook of a job; `again` goes over what it left `RESTORING`.
fn runbook_of(job: &RestoreJob, again: bool) -> Runbook {
    let mut options = job.choices.restore_options(job.facts.tail_file.as_deref());
    options.again = again;
    let script = tsql::restore_script_with(&job.plan, &job.facts, &options);
    Runbook::around(&job.plan, &job.facts, &job.choices, script)
}

/// How many steps of the plan the database has already: what the journal saw to the end, attempt after attempt.
///
/// A step in flight counts when the database stands exactly at its end. Anywhere else proves nothing: after the backup
/// of its tail a database stands behind every backup of it.
fn restored_steps(
    record: &RunRecord,
    runbook: &Runbook,
    plan: &RestorePlan,
    position: Option<Lsn>,
    between: bool,
) -> usize {
    let (true, Some(position)) = (between, position) else {
        return 0;
    };
    let titles: Vec<(usize, &str)> = runbook
        .steps
        .iter()
        .filter_map(|step| match step.purpose() {
            Some(Purpose::RestoreSet { step: idx }) => Some((*idx, step.title.as_str())),
            _ => None,
        })
        .collect();
    if record.server_job.is_some() {
        return plan
            .steps
            .iter()
            .rposition(|set| set.last_lsn == position)
            .map_or(0, |idx| idx + 1);
    }
    let mut restored = 0;
    for step in &record.steps {
        // Two logs may have one title; they are restored in order.
        let of_title = |from: usize| {
            titles
                .iter()
                .find(|(idx, title)| *idx >= from && *title == step.title)
                .map(|(idx, _)| *idx)
        };
        let Some(idx) = of_title(restored).or_else(|| of_title(0)) else {
            continue;
        };
        let at_its_end = || {
            plan.steps
                .get(idx)
                .is_some_and(|set| set.last_lsn == position)
        };
        restored = match &step.end {
            Some(end) if step.done() || end.outcome == "skipped" => idx + 1,
            _ if at_its_end() => idx + 1,
            _ => restored.min(idx),
        };
    }
    restored
}
