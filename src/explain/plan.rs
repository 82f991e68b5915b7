//! Plans, refusals, notes and findings in words: one sentence, one hint.

use super::{Problem, ProblemKind, count, moment, server_time, size};
use crate::domain::{
    BackupSet, BackupType, DatabaseHistory, Finding, FindingKind, HistoryNote, HistoryNoteKind,
    PlanNote, Refusal, RefusalKind, ServerTime, SkipReason, Target, Trouble,
};
use uuid::Uuid;

/// Why a target cannot be reached.
pub fn refusal(refusal: &Refusal, database: &str, history: Option<&DatabaseHistory>) -> Problem {
    let Refusal {
        kind,
        target,
        culprit,
        gap,
        nearest_before,
        nearest_after,
        tail,
        notes: _,
    } = refusal;
    let when = match target {
        Target::At(target) => server_time(target.server),
        Target::Latest => "The latest state".to_owned(),
    };
    let culprit = culprit.and_then(|uuid| set_in(history, uuid));
    let named = culprit.map(set_name);
    let span = gap.map(|(from, to)| between(from, to));
    let sentence = match kind {
        RefusalKind::NoBackups => {
            format!("Nothing is known of a backup of {database} that may take part")
        }
        RefusalKind::BeforeFirstBackup => match nearest_after {
            Some(after) => format!(
                "{when} lies before the first usable full backup of {database}, which finished at {}",
                moment(*after)
            ),
            None => format!("No full backup of {database} can be restored"),
        },
        RefusalKind::AfterLastLog => match nearest_before {
            Some(before) => format!(
                "{when} lies after {}, up to which the backups of {database} surely reach",
                moment(*before)
            ),
            None => format!("{when} lies after everything that is backed up of {database}"),
        },
        RefusalKind::SimpleRecovery => format!(
            "{database} was in the simple recovery model at {when}, so only the moments at which backups finished can be reached"
        ),
        RefusalKind::LogGap => match (&named, &span) {
            (Some(log), _) => format!("A log backup of {database} is missing before {log}"),
            (None, Some(span)) => format!("The log backups of {database} have a gap {span}"),
            (None, None) => format!("The log backups of {database} do not reach {when}"),
        },
        RefusalKind::RecoveryFork => match &span {
            Some(span) => format!(
                "{database} was restored over {span}, and no backup holds what it showed at {when}"
            ),
            None => format!("{when} lies on a branch of {database} that no backup reaches"),
        },
        RefusalKind::BulkLogged => match &named {
            Some(log) => format!(
                "{when} lies inside {log}, which holds bulk-logged work, so no restore can stop there"
            ),
            None => format!(
                "{when} lies inside a log backup with bulk-logged work, so no restore can stop there"
            ),
        },
        RefusalKind::MissingMedia => match (&named, culprit.and_then(BackupSet::trouble)) {
            (Some(set), Some(trouble)) => format!(
                "{} is needed for {when}: {}",
                capital(set),
                self::trouble(trouble)
            ),
            (Some(set), None) => {
                format!("{} is needed for {when} and treated as lost", capital(set))
            }
            (None, _) => format!("A file that is needed for {when} is missing"),
        },
        RefusalKind::Damaged => match &named {
            Some(set) => format!("{} is needed for {when}, and it is damaged", capital(set)),
            None => format!("A backup that is needed for {when} is damaged"),
        },
        RefusalKind::VirtualDevice => match &named {
            Some(set) => format!(
                "{} is needed for {when}, and only the product that wrote it can read it",
                capital(set)
            ),
            None => format!("A backup that is needed for {when} was written by another product"),
        },
        RefusalKind::AmbiguousLocalTime => format!(
            "{when} occurs twice because the clock was put back, and STOPAT cannot name its second pass"
        ),
    };
    let nearest = match (nearest_before, nearest_after) {
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => Some(format!(
            "The nearest moments that can be reached are {} and {}.",
            moment(*before),
            moment(*after)
        )),
        (Some(before), None) => Some(format!(
            "The latest moment before it that can be reached is {}.",
            moment(*before)
        )),
        (None, Some(after)) => Some(format!(
            "The first moment that can be reached is {}.",
            moment(*after)
        )),
        (None, None) => None,
    };
    let advice = match kind {
        RefusalKind::AfterLastLog if tail.is_some() => {
            Some("Back up the log now; then this moment can be reached.".to_owned())
        }
        RefusalKind::MissingMedia => {
            Some("Look for the file on other storage, or put it back where it was.".to_owned())
        }
        RefusalKind::VirtualDevice => Some("Use that product's own restore.".to_owned()),
        RefusalKind::NoBackups => Some(
            "Check the name, and whether the history of this server goes back far enough."
                .to_owned(),
        ),
        RefusalKind::AmbiguousLocalTime => {
            Some("Choose a moment outside the repeated hour.".to_owned())
        }
        _ => None,
    };
    let hint = [advice, nearest]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    Problem {
        kind: ProblemKind::Yours,
        sentence,
        hint,
        details: Vec::new(),
    }
}

/// Why a set cannot be restored.
pub fn trouble(trouble: Trouble) -> String {
    match trouble {
        Trouble::Damaged => "the backup is damaged".to_owned(),
        Trouble::Snapshot => "a snapshot, which RESTORE cannot read".to_owned(),
        Trouble::VirtualDevice => "it lies on a virtual device of another product".to_owned(),
        Trouble::WrittenToNul => "it was written to NUL, so nobody can read it".to_owned(),
        Trouble::StripeMissing(stripe) => format!("file {stripe} of the backup is missing"),
        Trouble::Overwritten => "a later backup overwrote it".to_owned(),
        Trouble::NoLsn => "its row has no log sequence numbers".to_owned(),
        Trouble::TreatedAsLost => "it is treated as lost".to_owned(),
    }
}

/// Why a set has no part in a plan.
pub fn skip_reason(reason: SkipReason) -> String {
    match reason {
        SkipReason::Trouble(why) => capital(&trouble(why)),
        SkipReason::KindIgnored => "This kind of backup is left out".to_owned(),
        SkipReason::OtherServer => "Another server took it".to_owned(),
        SkipReason::Part => "Backups of files and filegroups take no part".to_owned(),
        SkipReason::AfterTarget => "It lies after the target".to_owned(),
        SkipReason::NotNeeded => "What it holds is in the other backups of the plan".to_owned(),
        SkipReason::OtherFork => "It belongs to another branch than the target".to_owned(),
        SkipReason::OtherBase => "It builds on another full backup".to_owned(),
        SkipReason::BaseMissing => "The full backup it builds on is missing".to_owned(),
        SkipReason::NewerDifferential => {
            "A newer differential backup makes it unnecessary".to_owned()
        }
        SkipReason::Costlier => "The chosen way reads less or is more usual".to_owned(),
    }
}

/// An oddity of a plan: a word for programs and a sentence for people.
pub fn plan_note(note: &PlanNote) -> (&'static str, String) {
    match note {
        PlanNote::RepeatedHour => (
            "repeated_hour",
            "This time occurs twice because the clock was put back; the first pass is meant"
                .to_owned(),
        ),
        PlanNote::SkippedHour => (
            "skipped_hour",
            "The clock skipped this time; it is taken as written".to_owned(),
        ),
        PlanNote::UnknownFork { sets } => (
            "unknown_fork",
            format!(
                "{} of the plan {} no recovery fork or family, so those were not tested",
                count(*sets, "backup", "backups"),
                if *sets == 1 { "names" } else { "name" }
            ),
        ),
        PlanNote::PartialBackupsIgnored { sets } => (
            "partial_backups_ignored",
            format!(
                "{} of files, filegroups or parts take no part",
                count(*sets, "backup", "backups")
            ),
        ),
        PlanNote::FileListUnknown { .. } => (
            "file_list_unknown",
            "A backup of the plan does not list its files, so the MOVE list may not be complete"
                .to_owned(),
        ),
        PlanNote::SizeUnknown { sets } => (
            "size_unknown",
            format!(
                "The size of {} is unknown",
                count(*sets, "backup", "backups")
            ),
        ),
        PlanNote::GuessedFromFile { sets } => (
            "guessed_from_file",
            format!(
                "Fork or recovery model of {} is a guess from the file; the server's RESTORE HEADERONLY decides",
                count(*sets, "backup", "backups")
            ),
        ),
        PlanNote::UnconventionalChain { saves_bytes } => (
            "unconventional_chain",
            format!(
                "Another chain than the newest full backup's was chosen: it costs {} less",
                size(*saves_bytes)
            ),
        ),
        PlanNote::Other { kind, message } => (kind, capital(message)),
    }
}

/// An oddity of a history: a word for programs and a sentence for people.
pub fn history_note(note: &HistoryNote) -> (&'static str, String) {
    let HistoryNote {
        kind,
        database,
        rows,
        example,
    } = note;
    let (word, what) = match kind {
        HistoryNoteKind::NoDatabaseName => {
            ("no_database_name", "left out, because no database is named")
        }
        HistoryNoteKind::NoTime => (
            "no_time",
            "left out, because neither start nor finish is known",
        ),
        HistoryNoteKind::UnknownType => (
            "unknown_type",
            "left out, because the type is none that SQL Server writes",
        ),
        HistoryNoteKind::Duplicate => ("duplicate", "reported before, so counted once"),
        HistoryNoteKind::NoUuid => ("no_uuid", "without a uuid, so one was made up"),
        HistoryNoteKind::NoLsn => ("no_lsn", "without log sequence numbers, so of little use"),
        HistoryNoteKind::FinishBeforeStart => (
            "finish_before_start",
            "finished before it started, so the start counts",
        ),
        HistoryNoteKind::PartialBackup => (
            "partial_backup",
            "of files, filegroups or parts, so not used",
        ),
        HistoryNoteKind::UnknownFork => (
            "unknown_fork",
            "without recovery fork or family, so those are not tested",
        ),
        HistoryNoteKind::UnknownZone => (
            "unknown_zone",
            "without time zone, so times compare as local times",
        ),
        HistoryNoteKind::Overwritten => {
            ("overwritten", "overwritten by a later backup, so not used")
        }
        HistoryNoteKind::OddValue => ("odd_value", "not what it should be, so counted as unknown"),
    };
    let place = database
        .as_deref()
        .map(|name| format!(" of {name}"))
        .unwrap_or_default();
    (
        word,
        format!("{}{place} {what}: {example}", count(*rows, "row", "rows")),
    )
}

/// What the checker says of a plan.
pub fn finding(finding: &Finding) -> String {
    let step = finding
        .step
        .map(|n| format!("Step {}: ", n + 1))
        .unwrap_or_default();
    let what = match &finding.kind {
        FindingKind::NoSteps => "the plan restores nothing".to_owned(),
        FindingKind::UnknownSet => "the history has no such backup".to_owned(),
        FindingKind::StaleStep => {
            "the plan says other things of this backup than the history".to_owned()
        }
        FindingKind::NoFullFirst => "the first step must be a full backup".to_owned(),
        FindingKind::SecondFull => "another full backup would start over".to_owned(),
        FindingKind::Trouble(why) => trouble(*why),
        FindingKind::PartialBackup => {
            "a backup of files or filegroups has no place here".to_owned()
        }
        FindingKind::DifferentialAfterLog => "a differential backup cannot follow a log".to_owned(),
        FindingKind::WrongBase => "this differential builds on another full backup".to_owned(),
        FindingKind::OtherFamily => "a backup of another database".to_owned(),
        FindingKind::OtherFork => "a backup of another recovery fork".to_owned(),
        FindingKind::ForkUncertain => {
            "the database was restored over several times before this log, and perhaps left this branch earlier".to_owned()
        }
        FindingKind::LogTooRecent { redo, first_lsn } => {
            format!("a log is missing between LSN {redo} and {first_lsn}")
        }
        FindingKind::LogTooEarly => "the log ends before the restored state".to_owned(),
        FindingKind::LogNotNeeded => "the log holds nothing new".to_owned(),
        FindingKind::ForkUnknown => {
            "recovery fork or family are unknown and were not tested".to_owned()
        }
        FindingKind::DevicesUnknown => "it is unknown where the backup was written to".to_owned(),
        FindingKind::BaseAfterTarget => "the backup finished after the target".to_owned(),
        FindingKind::StopWithinSecondOfFinish => {
            "the backup finished within a second of the target, perhaps after it".to_owned()
        }
        FindingKind::StopMissing => "without STOPAT this log may overshoot the target".to_owned(),
        FindingKind::StopDiffers => "STOPAT is not the target".to_owned(),
        FindingKind::StopUnwanted => "there must be no STOPAT here".to_owned(),
        FindingKind::StopInBulkLogged => {
            "no restore can stop inside a log with bulk-logged work".to_owned()
        }
        FindingKind::StopBeforeLastLog => {
            "this log may already stop at the target, so the next one may be refused".to_owned()
        }
        FindingKind::TargetNotReached => {
            "the last step does not surely reach the target".to_owned()
        }
        FindingKind::AbandonedBranch => {
            "the target lies on another branch than this plan restores".to_owned()
        }
        FindingKind::MoveMissing { logical_name } => {
            format!("the file {logical_name} is not moved")
        }
        FindingKind::MoveTwice { to } => format!("two files would become {to}"),
        FindingKind::FilesUnknown => {
            "the backup does not list its files, so the MOVE list may not be complete".to_owned()
        }
    };
    if step.is_empty() {
        capital(&what)
    } else {
        format!("{step}{what}")
    }
}

/// `the log backup of 22 Nov 2026 08:15:00`.
pub fn set_name(set: &BackupSet) -> String {
    format!(
        "the {} of {}",
        kind_name(set.kind()),
        server_time(set.start().server)
    )
}

/// `full backup`, `differential backup`, `log backup`…
pub fn kind_name(kind: BackupType) -> &'static str {
    match kind {
        BackupType::Full => "full backup",
        BackupType::Differential => "differential backup",
        BackupType::Log => "log backup",
        BackupType::File => "file backup",
        BackupType::FileDifferential => "file differential backup",
        BackupType::Partial => "partial backup",
        BackupType::PartialDifferential => "partial differential backup",
    }
}

fn between(from: ServerTime, to: ServerTime) -> String {
    format!("between {} and {}", server_time(from), server_time(to))
}

fn set_in(history: Option<&DatabaseHistory>, uuid: Uuid) -> Option<&BackupSet> {
    history?.set_by_uuid(uuid)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
