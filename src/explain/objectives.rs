//! Objectives in words: scenarios, causes of a loss, and what would meet a promise.

use super::{backup_word, duration, size};
use crate::{
    domain::{
        Estimate, EstimateBasis, ExposureCause, Objective, RefusalKind, Remedy, ScenarioKind,
        Standing, Status,
    },
    run::PartOfDrill,
};

/// The name of a scenario.
pub fn scenario(kind: ScenarioKind) -> &'static str {
    match kind {
        ScenarioKind::FullOnly => "Full only",
        ScenarioKind::FullDifferential => "Full + differential",
        ScenarioKind::FullDifferentialLog => "Full + differential + log",
        ScenarioKind::AzurePointInTime => "Azure SQL point in time",
    }
}

/// How a promise stands, in a word.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Unknown => "unknown",
        Status::Met => "met",
        Status::AtRisk => "at risk",
        Status::Missed => "missed",
    }
}

/// `24 h`, `15 min`: what is promised, in its largest even unit.
pub fn promise(secs: u32) -> String {
    match secs {
        secs if secs >= 3600 && secs % 3600 == 0 => format!("{} h", secs / 3600),
        secs if secs >= 60 && secs % 60 == 0 => format!("{} min", secs / 60),
        secs => duration(secs.into()),
    }
}

/// `15 min`, `15–60 min`.
pub fn promise_range((least, most): (u32, u32)) -> String {
    if least == most {
        return promise(most);
    }
    // `15–60 min` reads better than `15 min – 1 h`.
    if least < 3600 && most <= 7200 && least % 60 == 0 && most % 60 == 0 {
        return format!("{}–{} min", least / 60, most / 60);
    }
    let (from, to) = (promise(least), promise(most));
    let unit = |text: &str| text.rsplit(' ').next().unwrap_or_default().to_owned();
    if unit(&from) == unit(&to) {
        let number = from.split(' ').next().unwrap_or_default();
        format!("{number}–{to}")
    } else {
        format!("{from} – {to}")
    }
}

/// What an estimate rests on.
pub fn basis(estimate: &Estimate, runs: usize) -> String {
    match estimate.basis {
        EstimateBasis::Measured => format!(
            "from {} measured on this server, between {} and {}",
            super::count(runs, "restore", "restores"),
            duration(estimate.low),
            duration(estimate.high)
        ),
        EstimateBasis::BackupSpeed => format!(
            "only the speed at which the backups were written, for want of a measured restore: between {} and {}",
            duration(estimate.low),
            duration(estimate.high)
        ),
    }
}

/// Why so much would have been lost.
pub fn exposure_cause(cause: &ExposureCause) -> String {
    match cause {
        ExposureCause::NothingTaken { last: Some(kind) } => format!(
            "no backup finished; the last was a {}",
            backup_word(*kind).to_lowercase()
        ),
        ExposureCause::NothingTaken { last: None } => "no backup finished".to_owned(),
        ExposureCause::Unusable { sets, kind, .. } => format!(
            "{} taken and lead nowhere: {}",
            super::count(*sets, "backup was", "backups were"),
            gap_reason(*kind)
        ),
    }
}

fn gap_reason(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::LogGap => "a log is missing before them",
        RefusalKind::MissingMedia => "a file of the chain is gone",
        RefusalKind::Damaged => "a backup of the chain is damaged",
        RefusalKind::VirtualDevice => "another product holds the chain",
        RefusalKind::RecoveryFork => "the database was restored in between",
        RefusalKind::BulkLogged => "the logs hold minimally logged work",
        RefusalKind::SimpleRecovery => "the recovery model is simple",
        RefusalKind::NoBackups | RefusalKind::BeforeFirstBackup => "there is no full backup",
        RefusalKind::AfterLastLog | RefusalKind::AmbiguousLocalTime => {
            "none of them reaches further"
        }
    }
}

/// What exactly of a promise is not kept; empty when it is.
pub fn misses(standing: &Standing) -> Vec<String> {
    let mut lines = Vec::new();
    let (Some(objective), Some(allowed)) = (standing.objective, standing.allowed_loss_secs())
    else {
        return lines;
    };
    let Objective {
        loss_secs,
        down_secs,
        ..
    } = objective;
    if standing.misses.loss_now {
        lines.push(match standing.now {
            Some(now) => format!(
                "{} would be lost now; {} are promised, which the longest backup makes {}",
                duration(now.seconds()),
                promise(loss_secs.1),
                duration(allowed)
            ),
            None => "nothing can be brought back".to_owned(),
        });
    } else if standing.misses.loss_lately {
        lines.push(format!(
            "more than {} would have been lost at some moment of the last day",
            duration(allowed)
        ));
    }
    if standing.misses.time {
        lines.push(format!(
            "a restore takes longer than the promised {}",
            promise(down_secs.1)
        ));
    } else if standing.misses.time_maybe {
        lines.push(format!(
            "a restore may take longer than the promised {}",
            promise(down_secs.1)
        ));
    }
    lines
}

/// What would meet a promise, with its effect.
pub fn remedy(remedy: &Remedy) -> String {
    match *remedy {
        Remedy::BackUpEvery {
            kind,
            every_secs,
            now_secs,
            worst_loss_secs,
        } => {
            let word = backup_word(kind).to_lowercase();
            let now = now_secs.map_or_else(
                || "there is none now".to_owned(),
                |now| format!("now it is every {}", duration(now)),
            );
            format!(
                "A {word} every {} would lose {} at most; {now}.",
                duration(every_secs),
                duration(worst_loss_secs)
            )
        }
        Remedy::DifferentialsADay {
            now,
            then,
            seconds_now,
            seconds_then,
        } => format!(
            "{then} differentials a day instead of {now:.0} would bring the longest restore from {} to {}.",
            duration(seconds_now),
            duration(seconds_then)
        ),
        Remedy::Faster {
            bytes_per_second,
            now,
            seconds_then,
        } => {
            let now = now.map_or_else(String::new, |now| {
                format!("; the full is restored at {} a second now", size(now as u64))
            });
            format!(
                "No schedule suffices: {} a second would restore it in {}{now}.",
                size(bytes_per_second as u64),
                duration(seconds_then)
            )
        }
        Remedy::StartsLate { late_secs } => format!(
            "The schedule suffices; its backups come up to {} late, as behind other jobs. Start them apart, or promise that much more.",
            duration(late_secs)
        ),
        Remedy::MendChain => {
            "The schedule suffices while it runs; what stopped it or broke the chain is to be mended."
                .to_owned()
        }
    }
}

/// A step of a drill as people see it.
pub fn drill_part(part: &PartOfDrill) -> (String, f64) {
    match part {
        PartOfDrill::Full { seconds } => ("Restore full".to_owned(), *seconds),
        PartOfDrill::Differential { seconds } => ("Apply differential".to_owned(), *seconds),
        PartOfDrill::Logs { n, seconds } => (
            format!("Apply {}", super::count(*n, "log", "logs")),
            *seconds,
        ),
        PartOfDrill::Step { title, seconds } => (title.clone(), *seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_in_their_largest_even_unit() {
        let cases = [
            ((86_400, 86_400), "24 h"),
            ((900, 3600), "15–60 min"),
            ((900, 10_800), "15 min – 3 h"),
            ((900, 1800), "15–30 min"),
            ((300, 480), "5–8 min"),
            ((90, 90), "1 m 30 s"),
        ];
        for (range, text) in cases {
            assert_eq!(promise_range(range), text);
        }
    }
}
