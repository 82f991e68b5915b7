//! The backup of the tail as it was read back: nothing is overwritten before it is known to be good.

use super::engine::Run;
use crate::{
    domain::{self, BackupType, Destination, HistoryRecords, ServerTime},
    run::{
        failure::TailFault,
        header::{SetHeader, set_headers},
        report::StepFacts,
    },
    server::Answer,
};

/// `BackupType` of a log in a header.
const LOG: i64 = 2;

impl Run<'_> {
    /// When the backup of the tail started, as its header says; no other backup of the log tells anything of it.
    pub(super) fn tail_start(&self) -> Option<ServerTime> {
        let file = self.job.facts.tail_file.as_deref()?;
        let database = self.job.history.database(&self.job.plan.database)?;
        database
            .sets()
            .filter(|set| set.kind() == BackupType::Log)
            .filter(|set| set.devices().iter().any(|device| device.name() == file))
            .map(|set| set.start().server)
            .max()
    }

    /// The tail as it was read back must be whole and of this database; where the plan rests on it, it must complete the plan.
    pub(super) fn judge_tail(&mut self, file: &str, answer: &Answer) -> Option<TailFault> {
        let headers = set_headers(answer);
        let Some(header) = headers.first().filter(|_| headers.len() == 1) else {
            return Some(TailFault::OtherSets {
                file: file.to_owned(),
                n_sets: headers.len(),
            });
        };
        self.tail_facts = Some(facts_of(header, file, self.job.utc_offset_minutes));
        let over = matches!(self.job.plan.destination, Destination::Original);
        if over && !is_tail_of(header, &self.target) {
            return Some(TailFault::NotTheTail {
                file: file.to_owned(),
                database: self.target.clone(),
            });
        }
        let record = header.record(file, self.job.utc_offset_minutes);
        let (history, _) = self.job.history.with_new_records(HistoryRecords {
            backup_sets: vec![record],
            ..HistoryRecords::default()
        });
        self.job.history = history;
        // Otherwise it is saved, and the plan does without it.
        self.job.plan.tail?;
        let planned = self
            .job
            .history
            .database(&self.job.plan.database)
            .map(|database| domain::plan(&database, &self.job.request));
        let with_tail = match planned {
            Some(Ok(plan)) => plan,
            Some(Err(refusal)) => return Some(TailFault::DoesNotReach(refusal.kind)),
            None => return Some(TailFault::OtherDatabase),
        };
        let goes_on = with_tail
            .steps
            .iter()
            .zip(&self.job.plan.steps)
            .all(|(new, old)| new.backup_set_uuid == old.backup_set_uuid);
        let more = with_tail.steps.get(self.job.plan.steps.len()..);
        let same = goes_on
            && match more {
                // Nothing was committed since the last log: the tail is empty, and proves just that (rule 8).
                Some([]) => true,
                Some([tail]) => Some(tail.backup_set_uuid) == header.backup_set_uuid,
                _ => false,
            };
        (!same).then_some(TailFault::OtherPlan)
    }
}

fn is_tail_of(header: &SetHeader, database: &str) -> bool {
    header.backup_type == Some(LOG)
        && header
            .database_name
            .as_ref()
            .is_some_and(|name| name.to_lowercase() == database.to_lowercase())
}

fn facts_of(header: &SetHeader, file: &str, utc_offset_minutes: i32) -> StepFacts {
    let record = header.record(file, utc_offset_minutes);
    StepFacts {
        backup_kind: Some("log".to_owned()),
        bytes: record.compressed_backup_size.or(record.backup_size),
        data_bytes: record.backup_size,
        compressed: record
            .compressed_backup_size
            .zip(record.backup_size)
            .map(|(bytes, data)| bytes < data),
        files: vec![file.to_owned()],
        exit_code: None,
    }
}
