//! `backup-result/1`: what came of backups, for scripts.

use crate::{
    domain::{BackupKind, Device},
    explain::{Problem, backup_fault, backup_refusal},
    run::{BackupOutcome, BackupReport, BackupStepReport, WrittenBackup},
};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    run: &'a str,
    server: &'a str,
    /// UTC, ISO 8601.
    started: String,
    seconds: f64,
    end: &'static str,
    backups: Vec<Backup<'a>>,
    refused: Vec<Refused<'a>>,
}

#[derive(Serialize)]
struct Backup<'a> {
    database: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    copy_only: bool,
    files: Vec<&'a str>,
    outcome: &'static str,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_set_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_backup_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression_ratio: Option<f64>,
    /// Server time, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_start_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_finish_date: Option<String>,
    messages: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Words>,
}

#[derive(Serialize)]
struct Refused<'a> {
    database: &'a str,
    problem: Words,
}

#[derive(Serialize)]
struct Words {
    sentence: String,
    hint: String,
    details: Vec<String>,
}

impl From<Problem> for Words {
    fn from(problem: Problem) -> Self {
        Self {
            sentence: problem.sentence,
            hint: problem.hint,
            details: problem.details,
        }
    }
}

/// A report as `backup-result/1`. `kind` is that of the request, for what was refused.
pub fn to_json(report: &BackupReport, kind: BackupKind) -> String {
    let document = Document {
        format: "backup-result/1",
        run: &report.id.0,
        server: &report.server,
        started: report
            .started
            .0
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        seconds: report.seconds,
        end: report.end.word(),
        backups: report.steps.iter().map(backup).collect(),
        refused: report
            .refused
            .iter()
            .map(|(database, refusal)| Refused {
                database,
                problem: backup_refusal(database, kind, refusal).into(),
            })
            .collect(),
    };
    match serde_json::to_string_pretty(&document) {
        Ok(text) => text + "\n",
        Err(_) => unreachable!("texts and numbers alone are always JSON"),
    }
}

fn backup(step: &BackupStepReport) -> Backup<'_> {
    let BackupStepReport {
        database,
        kind,
        copy_only,
        devices,
        started: _,
        seconds,
        outcome,
        written,
        messages,
    } = step;
    let written: Option<&WrittenBackup> = written.as_ref();
    Backup {
        database,
        kind: crate::explain::backup_kind(*kind),
        copy_only: *copy_only,
        files: devices.iter().map(Device::name).collect(),
        outcome: outcome.word(),
        seconds: *seconds,
        position: written.map(|w| w.position),
        backup_set_uuid: written
            .and_then(|w| w.backup_set_uuid)
            .map(|uuid| uuid.to_string().to_uppercase()),
        pages: written.and_then(|w| w.pages),
        backup_size: written.and_then(|w| w.backup_size),
        compressed_backup_size: written.and_then(|w| w.compressed_size),
        compression_ratio: written.and_then(WrittenBackup::ratio),
        backup_start_date: written.and_then(|w| w.start).map(|time| time.to_string()),
        backup_finish_date: written.and_then(|w| w.finish).map(|time| time.to_string()),
        messages,
        problem: match outcome {
            BackupOutcome::Done | BackupOutcome::Cancelled => None,
            BackupOutcome::DoneWithWarning(fault) | BackupOutcome::Failed(fault) => {
                Some(backup_fault(database, *kind, fault).into())
            }
        },
    }
}
