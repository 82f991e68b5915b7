//! Why a stretch of the timeline cannot be restored, in one line.

use super::figures;
use crate::domain::{BackupType, DatabaseHistory, Gap, Moment, RefusalKind, ServerTime, Trouble};

/// One line for a gap on the restorable band: what is lost, why, and where restoring works again.
pub fn gap_line(history: &DatabaseHistory, gap: &Gap) -> String {
    let seconds = gap.to.instant.seconds() - gap.from.instant.seconds();
    let lost = figures::duration(seconds);
    let culprit = gap.culprit.and_then(|uuid| history.set_by_uuid(uuid));
    let name = |kind: BackupType| backup_word(kind);
    let mut line = match gap.kind {
        RefusalKind::LogGap => match culprit {
            Some(next) => format!(
                "{lost} lost — log missing between {} and {}",
                figures::day_and_time(gap.from.server),
                time_near(next.start().server, gap.from.server),
            ),
            None if none_since(history, gap.from) => {
                return format!(
                    "{lost} in no log backup yet — none since {}, the next may hold it",
                    figures::day_and_time(gap.from.server)
                );
            }
            None => format!(
                "{lost} lost — log after {} missing",
                figures::day_and_time(gap.from.server)
            ),
        },
        RefusalKind::SimpleRecovery => {
            "simple recovery — only the moments of the backups".to_owned()
        }
        // The moment of the restore itself: nothing that anybody would look for.
        RefusalKind::RecoveryFork if seconds <= 60.0 => "restored to an earlier point".to_owned(),
        RefusalKind::RecoveryFork => {
            format!("{lost} lost — the database was restored to an earlier point")
        }
        RefusalKind::BulkLogged => {
            format!("{lost} only as a whole — a log with bulk-logged work")
        }
        RefusalKind::Damaged => match culprit {
            Some(set) => format!(
                "{lost} lost — the {} of {} is damaged",
                name(set.kind()),
                figures::day_and_time(set.start().server)
            ),
            None => format!("{lost} lost — a backup is damaged"),
        },
        RefusalKind::MissingMedia => match culprit {
            Some(set) if matches!(set.trouble(), Some(Trouble::Deleted { .. })) => format!(
                "{lost} given up — retention deleted the {} of {}",
                name(set.kind()),
                figures::day_and_time(set.start().server)
            ),
            Some(set) => format!(
                "{lost} lost — the file of the {} of {} is gone",
                name(set.kind()),
                figures::day_and_time(set.start().server)
            ),
            None => format!("{lost} lost — a backup file is gone"),
        },
        RefusalKind::VirtualDevice => {
            format!("{lost} only with the product that wrote the backups")
        }
        RefusalKind::AmbiguousLocalTime => {
            "second pass of a repeated hour — STOPAT cannot name it".to_owned()
        }
        RefusalKind::NoBackups | RefusalKind::BeforeFirstBackup | RefusalKind::AfterLastLog => {
            format!("{lost} lost — no backup reaches it")
        }
    };
    if let Some(set) = gap.next_way_in.and_then(|uuid| history.set_by_uuid(uuid))
        && gap.kind != RefusalKind::SimpleRecovery
        && set.kind() != BackupType::Log
    {
        line.push_str(&format!(
            ", next way in is the {} {}",
            time_near(set.start().server, gap.from.server),
            name(set.kind()),
        ));
    }
    line
}

/// Whether no log backup was begun since: a full or differential that came first leaves the log to the next one.
pub(super) fn none_since(history: &DatabaseHistory, moment: Moment) -> bool {
    !history
        .sets()
        .rev()
        .take_while(|set| set.start().instant > moment.instant)
        .any(|set| set.kind() == BackupType::Log)
}

/// What a backup is called in a sentence.
pub fn backup_word(kind: BackupType) -> &'static str {
    match kind {
        BackupType::Full => "full backup",
        BackupType::Differential => "differential",
        BackupType::Log => "log",
        BackupType::File => "file backup",
        BackupType::FileDifferential => "file differential",
        BackupType::Partial => "partial backup",
        BackupType::PartialDifferential => "partial differential",
    }
}

/// The time alone on the same day, else with its day.
fn time_near(time: ServerTime, other: ServerTime) -> String {
    if time.0.date() == other.0.date() {
        figures::short_time_of_day(time)
    } else {
        figures::day_and_time(time)
    }
}
