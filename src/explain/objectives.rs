//! Objectives in words: scenarios, causes of a loss, and what would meet a promise.

use super::{backup_word, duration, figures, size};
use crate::{
    domain::{
        Estimate, EstimateBasis, ExposureCause, Objective, RefusalKind, Remedy, ScenarioKind,
        Standing, Status,
    },
    run::{DrillPlan, PartOfDrill},
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

/// `27 m 3 s · 24–31 min` as measured here, `≈ 38 s · backup speed` for want of that.
pub fn estimate(estimate: &Estimate) -> String {
    let seconds = duration(estimate.seconds);
    match estimate.basis {
        EstimateBasis::Measured => format!("{seconds} · {}", band(estimate.low, estimate.high)),
        EstimateBasis::BackupSpeed => format!("≈ {seconds} · backup speed"),
    }
}

/// `0.2–0.6 s`, `24–31 min`, `1.2–1.6 h`: from where to where, in one unit.
fn band(low_secs: f64, high_secs: f64) -> String {
    let (unit_secs, unit, digits) = match high_secs {
        high if high < 9.95 => (1.0, "s", 1),
        high if high < 90.0 => (1.0, "s", 0),
        high if high < 570.0 => (60.0, "min", 1),
        high if high < 5400.0 => (60.0, "min", 0),
        _ => (3600.0, "h", 1),
    };
    let low = format!("{:.digits$}", low_secs / unit_secs);
    let high = format!("{:.digits$}", high_secs / unit_secs);
    if low == high {
        format!("{high} {unit}")
    } else {
        format!("{low}–{high} {unit}")
    }
}

/// What a drill restored, and how its moment was found.
pub fn drilled(plan: &DrillPlan) -> String {
    let DrillPlan {
        scenario: word,
        chosen,
        ..
    } = plan;
    let scenario = ScenarioKind::from_word(word).map_or(word.as_str(), |kind| scenario(kind));
    let moment = match chosen.as_str() {
        "moment" => "chosen",
        other => other,
    };
    format!("{scenario}, {moment} moment")
}

/// `15 messages`, `1 row of messages`: an application names what it counts for many only.
pub fn lost_rows(rows: u64, what: &str) -> String {
    match rows {
        1 => format!("1 row of {what}"),
        _ => format!("{} {what}", figures::count(rows)),
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
            silent_secs,
            worst_loss_secs,
        } => {
            let word = backup_word(kind).to_lowercase();
            let now = match (now_secs, silent_secs) {
                (None, _) => "there is none now".to_owned(),
                (Some(every), None) => format!("now it is every {}", duration(every)),
                (Some(every), Some(silent)) => format!(
                    "it was every {}, and for {} none was taken",
                    duration(every),
                    duration(silent)
                ),
            };
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
    fn a_schedule_that_stopped_is_no_schedule_now() {
        let told = |silent_secs| {
            remedy(&Remedy::BackUpEvery {
                kind: crate::domain::BackupType::Log,
                every_secs: 900.0,
                now_secs: Some(3600.0),
                silent_secs,
                worst_loss_secs: 902.0,
            })
        };
        assert_eq!(
            told(None),
            "A log every 15 m would lose 15 m 2 s at most; now it is every 1 h."
        );
        assert_eq!(
            told(Some(187_200.0)),
            "A log every 15 m would lose 15 m 2 s at most; it was every 1 h, and for 2 d 4 h none was taken."
        );
    }

    #[test]
    fn one_lost_row_is_not_told_as_many() {
        assert_eq!(lost_rows(0, "messages"), "0 messages");
        assert_eq!(lost_rows(1, "messages"), "1 row of messages");
        assert_eq!(lost_rows(2, "messages"), "2 messages");
        assert_eq!(lost_rows(22_003, "orders"), "22\u{202f}003 orders");
    }

    #[test]
    fn a_drill_is_told_by_what_it_restored_and_how_its_moment_was_found() {
        let plan = |chosen: &str| DrillPlan {
            scenario: "full_differential".to_owned(),
            chosen: chosen.to_owned(),
            ..DrillPlan::default()
        };
        assert_eq!(
            drilled(&plan("moment")),
            "Full + differential, chosen moment"
        );
        assert_eq!(drilled(&plan("worst")), "Full + differential, worst moment");
    }

    #[test]
    fn a_band_has_one_unit() {
        let cases = [
            ((0.21, 0.64), "0.2–0.6 s"),
            ((0.6, 0.6), "0.6 s"),
            ((12.0, 50.4), "12–50 s"),
            ((95.0, 131.0), "1.6–2.2 min"),
            ((24.0 * 60.0 + 20.0, 31.0 * 60.0), "24–31 min"),
            ((1.2 * 3600.0, 1.64 * 3600.0), "1.2–1.6 h"),
        ];
        for ((low, high), text) in cases {
            assert_eq!(band(low, high), text);
        }
    }

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
