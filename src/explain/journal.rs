//! What runs were for and how they ended, in words.

use crate::run::{RunKind, RunRecord};

/// What a run was for, as the first words of its line: `Restore of OctopusAI as OctopusAI_copy`.
pub fn run_title(run: &RunRecord) -> String {
    let source = &run.source_database;
    let target = &run.target_database;
    match run.kind {
        RunKind::RestoreCopy => format!("{source} as the copy {target}"),
        RunKind::RestoreOver => format!("{source} over the original"),
        RunKind::Backup => format!("Backup of {source}"),
        RunKind::Schedule => format!("Schedule of {source}"),
        RunKind::Retention => format!("Old backups of {source} removed"),
        RunKind::Drill => format!("Drill of {source}"),
        RunKind::AzureRestore => format!("{source} as {target} by Azure"),
        RunKind::Outside => format!("Own backup of {target}, for {source}"),
        RunKind::Other => format!("A run of a later version, of {source}"),
    }
}

/// How a run ended, in a few words, from the word of its journal.
pub fn journal_end(end: &str, kind: RunKind) -> &'static str {
    let restores = matches!(
        kind,
        RunKind::RestoreCopy | RunKind::RestoreOver | RunKind::Drill | RunKind::AzureRestore
    );
    match end {
        "verified" if restores => "online and checked",
        "verified" => "done",
        "standby" => "readable, in standby",
        "online_not_verified" if restores => "online, not checked",
        "online_not_verified" => "done, with warnings",
        "untouched" => "stopped; nothing was changed",
        "restoring" if restores => "left RESTORING",
        "restoring" => "stopped in the middle",
        "cancelled" => "cancelled",
        "abandoned" => "abandoned and tidied up",
        "done" => "done",
        "failed" => "failed",
        "stopped" => "stopped in the middle",
        "on_server" => "left to a job of the server",
        _ => "ended in a way that a later version knows",
    }
}
