//! What would meet a missed objective, with the effect computed.
//!
//! What was backed up in the period is taken for what will be: sizes, rates and lengths are those of the sets that are there.

use super::{Assessment, MeasuredSet, Period, RestoreTimeModel, Standing};
use crate::domain::{BackupSet, BackupType, DatabaseHistory, EstimateBasis};

/// One change, and what it would do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Remedy {
    /// A backup of this kind more often: no moment would then lose more than this.
    BackUpEvery {
        /// Which kind.
        kind: BackupType,
        /// How often, in seconds.
        every_secs: f64,
        /// How often it ran in the period, in seconds; `None` where it did not run.
        now_secs: Option<f64>,
        /// How long there has been none, in seconds; `None` while they still come.
        silent_secs: Option<f64>,
        /// The interval and the longest backup.
        worst_loss_secs: f64,
    },
    /// More differentials a day, so that fewer logs follow the last one.
    DifferentialsADay {
        /// How many there are now.
        now: f64,
        /// How many it takes.
        then: u32,
        /// How long the worst restore takes now, in seconds.
        seconds_now: f64,
        /// How long it would take.
        seconds_then: f64,
    },
    /// Faster reading of the backups or writing of the database: nothing in the schedule suffices.
    Faster {
        /// Bytes on the media a second that it takes.
        bytes_per_second: f64,
        /// What the full was restored at; `None` where that was not measured.
        now: Option<f64>,
        /// How long the worst restore would take, in seconds.
        seconds_then: f64,
    },
    /// The schedule is right and its backups come late, as behind other jobs.
    StartsLate {
        /// By how much the worst moment passed what a schedule is judged by, in seconds.
        late_secs: f64,
    },
    /// The schedule is right and the chain is broken: what makes it whole helps, nothing else.
    MendChain,
}

/// Less than this part of an interval is late; more is a backup that did not come.
const LITTLE: f64 = 0.5;

/// What would meet the objective of a row; empty when it is met or nothing is promised.
pub fn remedies(
    history: &DatabaseHistory,
    standing: &Standing,
    assessment: &Assessment<'_>,
) -> Vec<Remedy> {
    let Some(objective) = standing.objective else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if standing.misses.loss_now || standing.misses.loss_lately {
        found.extend(for_loss(
            history,
            standing,
            f64::from(objective.loss_secs.1),
            assessment.period,
        ));
    }
    if (standing.misses.time || standing.misses.time_maybe)
        && let Some(model) = assessment.model
    {
        found.extend(for_time(
            history,
            standing,
            f64::from(objective.down_secs.1),
            model,
            assessment.period,
        ));
    }
    found
}

fn for_loss(
    history: &DatabaseHistory,
    standing: &Standing,
    allowed: f64,
    period: Period,
) -> Option<Remedy> {
    let kind = standing.scenario.finest();
    let now_secs = usual_interval(history, kind, period);
    let longest = standing.longest_backup_secs;
    if now_secs.is_some_and(|every| every <= allowed + 1.0) {
        // It ran often enough when it ran: a gap is at fault, or it stopped; or it comes a little late.
        let late_secs = standing
            .worst
            .first()
            .zip(standing.allowed_loss_secs())
            .map(|((worst, _), judged_by)| worst.seconds() - judged_by)
            .filter(|late| !standing.misses.loss_now && *late < LITTLE * allowed);
        return Some(
            late_secs.map_or(Remedy::MendChain, |late_secs| Remedy::StartsLate {
                late_secs,
            }),
        );
    }
    // A day or an hour is divided evenly, so that it can be scheduled.
    let every_secs = [
        86_400.0, 43_200.0, 28_800.0, 21_600.0, 14_400.0, 10_800.0, 7200.0, 3600.0, 1800.0, 1200.0,
        900.0, 600.0, 300.0, 120.0, 60.0,
    ]
    .into_iter()
    .find(|every| *every <= allowed)?;
    Some(Remedy::BackUpEvery {
        kind,
        every_secs,
        now_secs,
        silent_secs: now_secs.and_then(|every| silence(history, kind, period, every)),
        worst_loss_secs: every_secs + longest,
    })
}

/// How long no backup of a kind has been taken, in seconds, when that is longer than it should be.
fn silence(
    history: &DatabaseHistory,
    kind: BackupType,
    period: Period,
    usual_secs: f64,
) -> Option<f64> {
    let last = of_period(history, kind, period).last()?.start().instant;
    let silent = period.to.seconds() - last.seconds();
    (silent > usual_secs * (1.0 + LITTLE)).then_some(silent)
}

/// The median time between two backups of a kind that started in the period, in seconds.
fn usual_interval(history: &DatabaseHistory, kind: BackupType, period: Period) -> Option<f64> {
    let mut last: Option<f64> = None;
    let mut intervals = Vec::new();
    for set in of_period(history, kind, period) {
        let start = set.start().instant.seconds();
        if let Some(last) = last {
            intervals.push(start - last);
        }
        last = Some(start);
    }
    intervals.sort_by(f64::total_cmp);
    intervals.get(intervals.len() / 2).copied()
}

fn of_period(history: &DatabaseHistory, kind: BackupType, period: Period) -> Vec<&BackupSet> {
    let Some(lane) = history.lane(kind) else {
        return Vec::new();
    };
    lane.iter_from(lane.started_before(period.from))
        .take_while(|set| set.start().instant <= period.to)
        .filter(|set| set.trouble().is_none() && !set.is_copy_only())
        .collect()
}

/// What a day of backups is like.
struct Day {
    full: MeasuredSet,
    /// The largest differential; `None` where there are none.
    differential: Option<MeasuredSet>,
    differentials: f64,
    logs: f64,
    /// A log of the usual size.
    log: Option<MeasuredSet>,
}

impl Day {
    fn of(history: &DatabaseHistory, period: Period) -> Option<Self> {
        let days = ((period.to.seconds() - period.from.seconds()) / 86_400.0).max(1.0 / 24.0);
        let measured = |set: &BackupSet| {
            Some(MeasuredSet {
                kind: set.kind(),
                compressed: set
                    .backup_size()
                    .zip(set.bytes())
                    .is_some_and(|(data, bytes)| bytes < data),
                stripes: set.n_stripes().max(1),
                bytes: set.bytes()?,
                seconds: 0.0,
            })
        };
        let largest = |kind| {
            of_period(history, kind, period)
                .into_iter()
                .filter_map(measured)
                .max_by_key(|set| set.bytes)
        };
        let full = largest(BackupType::Full)?;
        // A database that is younger than the period has its rate from the time since its first backup.
        let first = of_period(history, BackupType::Full, period)
            .first()
            .map(|set| set.start().instant.seconds())?;
        let days = days.min(((period.to.seconds() - first) / 86_400.0).max(1.0 / 24.0));
        let logs: Vec<MeasuredSet> = of_period(history, BackupType::Log, period)
            .into_iter()
            .filter_map(measured)
            .collect();
        let differentials = of_period(history, BackupType::Differential, period).len();
        let log = logs.first().map(|first| MeasuredSet {
            bytes: logs.iter().map(|log| log.bytes).sum::<u64>() / logs.len().max(1) as u64,
            ..*first
        });
        Some(Self {
            full,
            differential: largest(BackupType::Differential),
            differentials: differentials as f64 / days,
            logs: logs.len() as f64 / days,
            log,
        })
    }

    /// The worst restore: right before the next differential, with all logs since the last one.
    fn worst_seconds(&self, model: &RestoreTimeModel, differentials_a_day: f64) -> f64 {
        let mut seconds =
            model.seconds_of_set(&self.full) + model.recovery_seconds() + model.other_seconds();
        if differentials_a_day > 0.0
            && let Some(differential) = &self.differential
        {
            seconds += model.seconds_of_set(differential);
        }
        if let Some(log) = &self.log {
            // The full of the day counts as one more place to begin.
            let logs = (self.logs / (differentials_a_day + 1.0)).ceil();
            seconds += model.seconds_of_set(log) * logs;
        }
        seconds
    }

    fn bytes(&self, differentials_a_day: f64) -> f64 {
        let of = |set: &Option<MeasuredSet>| set.map_or(0.0, |set| set.bytes as f64);
        self.full.bytes as f64
            + of(&self.differential)
            + of(&self.log) * (self.logs / (differentials_a_day + 1.0)).ceil()
    }
}

fn for_time(
    history: &DatabaseHistory,
    standing: &Standing,
    allowed: f64,
    model: &RestoreTimeModel,
    period: Period,
) -> Vec<Remedy> {
    const MOST_A_DAY: u32 = 24;
    let Some(day) = Day::of(history, period) else {
        return Vec::new();
    };
    let uses_logs = standing.scenario.finest() == BackupType::Log;
    let now = day.differentials;
    let seconds_now = day.worst_seconds(model, now);
    let mut found = Vec::new();
    if uses_logs && day.log.is_some() && day.differential.is_some() {
        let first = now.round() as u32 + 1;
        let enough = (first..=MOST_A_DAY)
            .map(|then| (then, day.worst_seconds(model, then.into())))
            .find(|(_, seconds)| *seconds <= allowed);
        if let Some((then, seconds_then)) = enough {
            found.push(Remedy::DifferentialsADay {
                now,
                then,
                seconds_now,
                seconds_then,
            });
        }
    }
    if found.is_empty() {
        let bytes = if uses_logs {
            day.bytes(now)
        } else {
            day.full.bytes as f64
        };
        let moving = day.worst_seconds(model, now) - model.other_seconds();
        let fixed = model.other_seconds() + model.recovery_seconds();
        // Files cost what they cost; only the bytes can go faster.
        let files = model.file_seconds()
            * if uses_logs {
                2.0 + day.logs / (now + 1.0)
            } else {
                1.0
            };
        let left = allowed - fixed - files;
        if left > 0.0 && moving > left {
            found.push(Remedy::Faster {
                bytes_per_second: bytes / left,
                now: (model.basis() == EstimateBasis::Measured)
                    .then(|| model.bytes_per_second(BackupType::Full))
                    .flatten(),
                seconds_then: allowed,
            });
        }
    }
    found
}
