//! Plans, refusals, notes and findings in words: one sentence, one hint.

use super::{Problem, ProblemKind, count, gap::none_since, moment, server_time, size};
use crate::domain::{
    BackupSet, BackupType, Cost, CostDifference, DatabaseHistory, Difference, Exchange, Finding,
    FindingKind, HistoryNote, HistoryNoteKind, PlanNote, Refusal, RefusalKind, Saving, ServerTime,
    SetRole, SkipReason, Target, Trouble, UseReason,
};
use uuid::Uuid;

/// Why a target cannot be reached.
pub fn refusal(refusal: &Refusal, database: &str, history: Option<&DatabaseHistory>) -> Problem {
    let Refusal {
        kind,
        target,
        goes_on,
        culprit,
        gap,
        nearest_before,
        nearest_after,
        tail,
        notes: _,
    } = refusal;
    let when = match target {
        Target::At(target) => server_time(target.server),
        Target::Mark(mark) => format!("The mark of {}", server_time(mark.at.server)),
        Target::Latest => "The latest state".to_owned(),
    };
    let culprit = culprit.and_then(|uuid| set_in(history, uuid));
    let named = culprit.map(set_name);
    let retention_took_it = culprit
        .and_then(BackupSet::trouble)
        .is_some_and(|trouble| matches!(trouble, Trouble::Deleted { .. }));
    let span = gap.map(|(from, to)| between(from, to));
    let log_to_come = next_log_may_hold(refusal, history);
    let sentence = match kind {
        RefusalKind::NoBackups => {
            format!("Nothing is known of a backup of {database} that may take part")
        }
        RefusalKind::BeforeFirstBackup if *goes_on => {
            format!("{when} lies before the moment that the restored part of {database} stands at")
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
        RefusalKind::LogGap if log_to_come => {
            format!("No log backup of {database} holds {when} yet")
        }
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
        RefusalKind::LogGap if log_to_come => Some(
            "Back up the log; then this moment can be reached if the chain is whole.".to_owned(),
        ),
        RefusalKind::BeforeFirstBackup if *goes_on => {
            Some("Choose a later moment, or start over with a full backup.".to_owned())
        }
        RefusalKind::MissingMedia if retention_took_it => Some(
            "If a copy of that file is kept elsewhere, open its folder and plan from there."
                .to_owned(),
        ),
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

/// Whether a full or differential came after the last log, so that the log in between was not backed up yet: the next
/// log backup holds the moment, if the chain is whole.
pub fn next_log_may_hold(refusal: &Refusal, history: Option<&DatabaseHistory>) -> bool {
    refusal.kind == RefusalKind::LogGap
        && refusal.culprit.is_none()
        && history
            .zip(refusal.nearest_before)
            .is_some_and(|(history, before)| none_since(history, before))
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
        Trouble::Deleted { on } => {
            format!("retention deleted its file on {}", on.format("%-d %b %Y"))
        }
        Trouble::TreatedAsLost => "it is treated as lost".to_owned(),
    }
}

/// Why a set has no part in a plan.
pub fn skip_reason(reason: SkipReason) -> String {
    match reason {
        SkipReason::Trouble(why) => capital(&trouble(why)),
        SkipReason::KindIgnored => "This kind of backup is left out".to_owned(),
        SkipReason::OtherServer => "Another server took it".to_owned(),
        SkipReason::Probe => "It was written to try a place, and removed".to_owned(),
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
        SkipReason::StartsOver => "The database has its full backup already".to_owned(),
    }
}

/// What a plan does with a set, and why.
pub fn set_role(role: SetRole) -> String {
    match role {
        SetRole::Skipped(reason) => format!("Not used: {}", uncapital(&skip_reason(reason))),
        SetRole::Used(reason) => format!("Used: {}", use_reason(reason)),
    }
}

fn use_reason(reason: UseReason) -> String {
    match reason {
        UseReason::Base => "everything after it builds on this full backup".to_owned(),
        UseReason::Differential { spares_logs: 0 } => {
            "holds what changed since the full backup".to_owned()
        }
        UseReason::Differential { spares_logs } => format!(
            "holds what changed since the full backup, and spares {}",
            count(spares_logs, "log", "logs")
        ),
        UseReason::NextLog => "goes on where the backup before it ends".to_owned(),
        UseReason::CrossesFork => {
            "leads from one recovery fork to the next, where the database was restored over"
                .to_owned()
        }
        UseReason::HoldsTarget => {
            "the first log that began at or after the moment, so it surely holds it".to_owned()
        }
        UseReason::HoldsMark => "holds the mark".to_owned(),
        UseReason::AppliedWhole => {
            "holds bulk-logged work, so it is applied to its end, which is the moment".to_owned()
        }
        UseReason::Newest => "the last one that there is".to_owned(),
    }
}

/// A price in words: bytes to read, or time.
pub fn cost(cost: Cost) -> String {
    match cost {
        Cost::Bytes(bytes) => size(bytes),
        Cost::Millis(millis) => super::duration(millis as f64 / 1000.0),
    }
}

/// What is different about another way: `saves 4 min, needs an older full backup, 12 more logs`.
pub fn difference(difference: &Difference) -> String {
    let Difference {
        cost: by,
        full,
        differential,
        logs,
        millis,
    } = difference;
    // Time says more than a price, which counts something for every set.
    let mut words = vec![match (millis, by) {
        (Some(millis), _) => {
            let length = super::duration(millis.unsigned_abs() as f64 / 1000.0);
            match millis {
                0.. => format!("takes {length} longer"),
                _ => format!("saves {length}"),
            }
        }
        (None, CostDifference::Saves(by)) => format!("saves {}", cost(*by)),
        (None, CostDifference::Adds(by)) => format!("costs {} more", cost(*by)),
    }];
    words.extend(match full {
        Exchange::Older => Some("needs the older full backup".to_owned()),
        Exchange::Newer => Some("begins with the newer full backup".to_owned()),
        Exchange::Same | Exchange::Dropped | Exchange::Added => None,
    });
    words.extend(match differential {
        Exchange::Older => Some("an older differential".to_owned()),
        Exchange::Newer => Some("a newer differential".to_owned()),
        Exchange::Dropped => Some("no differential".to_owned()),
        Exchange::Added => Some("with a differential".to_owned()),
        Exchange::Same => None,
    });
    let n = usize::try_from(logs.unsigned_abs()).unwrap_or(usize::MAX);
    words.extend(match logs {
        0 => None,
        1.. => Some(format!("{} more", count(n, "log", "logs"))),
        _ => Some(format!("{} fewer", count(n, "log", "logs"))),
    });
    words.join(", ")
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
        PlanNote::UnconventionalChain { saves, fewer_sets } => (
            "unconventional_chain",
            format!(
                "Another chain than the newest full backup's was chosen: it {}",
                saved_words(*saves, *fewer_sets)
            ),
        ),
        PlanNote::ChosenBaseUnusable => (
            "chosen_base_unusable",
            "The backup that was chosen to begin with does not lead there, so another was taken"
                .to_owned(),
        ),
        PlanNote::StandsInsideLog => (
            "stands_inside_log",
            "The database does not stand at the end of a known backup; the server refuses a moment that it has already passed"
                .to_owned(),
        ),
        PlanNote::Other { kind, message } => (kind, capital(message)),
    }
}

/// `reads 12 MB less and restores 3 backups fewer`.
fn saved_words(saves: Saving, fewer_sets: i64) -> String {
    let fewer = usize::try_from(fewer_sets).ok().filter(|n| *n > 0);
    let fewer = fewer.map(|n| format!("restores {} fewer", count(n, "backup", "backups")));
    let saved = match saves {
        Saving::Millis(millis) => Some(format!("takes {} less", cost(Cost::Millis(millis)))),
        Saving::Bytes(bytes) => u64::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes > 0)
            .map(|bytes| format!("reads {} less", size(bytes))),
    };
    let parts: Vec<String> = saved.into_iter().chain(fewer).collect();
    parts.join(" and ")
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
        FindingKind::MarkUnknown => "the history has no such mark".to_owned(),
        FindingKind::MarkPassed => "this goes past the mark before the last log".to_owned(),
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

fn uncapital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
