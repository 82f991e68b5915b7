//! What is promised, beside what is true: a row for each way of backing up.

use super::{Exposed, Exposure, ExposureCause, MeasuredSet, RestoreTimeModel};
use crate::domain::{
    BackupType, DatabaseHistory, Estimate, EstimateBasis, Limits, Moment, RestorePlan,
    RestoreRequest, Target, Usage, UtcTime, plan,
};
use std::collections::BTreeMap;

/// A way of backing up, by what a restore uses of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScenarioKind {
    /// The newest full backup.
    FullOnly,
    /// With its newest differential.
    FullDifferential,
    /// With the logs after it: any moment.
    FullDifferentialLog,
    /// Azure's own backups.
    AzurePointInTime,
}

/// What the owners of a database promise for one scenario, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    /// What it is promised for.
    pub scenario: ScenarioKind,
    /// How much may be lost (RPO), in seconds.
    pub loss_secs: (u32, u32),
    /// How long it may be down (RTO), in seconds.
    pub down_secs: (u32, u32),
}

/// A stretch of time that is looked at; its end is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Where it begins.
    pub from: UtcTime,
    /// Now.
    pub to: UtcTime,
}

/// Everything that an assessment rests on besides the history.
#[derive(Clone, Copy, Debug)]
pub struct Assessment<'a> {
    /// What is promised.
    pub objectives: &'a [Objective],
    /// How long restores take; `None` while nothing tells.
    pub model: Option<&'a RestoreTimeModel>,
    /// The last restore that was measured, by scenario: when, and how many seconds.
    pub measured: &'a BTreeMap<ScenarioKind, (UtcTime, f64)>,
    /// What is looked at.
    pub period: Period,
}

/// How a promise stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Nothing is promised, or nothing tells.
    Unknown,
    /// Kept.
    Met,
    /// Kept now, but not lately, or not surely.
    AtRisk,
    /// Broken.
    Missed,
}

/// What exactly is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Misses {
    /// Too much would be lost now.
    pub loss_now: bool,
    /// Too much would have been lost at some moment of the last day.
    pub loss_lately: bool,
    /// A restore takes too long: measured, or estimated from measurements.
    pub time: bool,
    /// A restore may take too long: at the upper end of the estimate, or by a stand-in.
    pub time_maybe: bool,
}

/// One row: promised, now, worst, estimated, measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Which way of backing up.
    pub scenario: ScenarioKind,
    /// What is promised; `None` for nothing.
    pub objective: Option<Objective>,
    /// What would be lost now; `None` when nothing can be brought back.
    pub now: Option<Exposed>,
    /// The worst moments of the period with their causes, the worst first.
    pub worst: Vec<(Exposed, ExposureCause)>,
    /// Half of the period less would have been lost, in seconds.
    pub median_secs: Option<f64>,
    /// The longest backup of the finest kind: a schedule promises its interval plus this, and is judged by the sum.
    pub longest_backup_secs: f64,
    /// How long a restore to the newest moment takes; `None` without a basis.
    pub estimate: Option<Estimate>,
    /// When one was measured last, and how many seconds it took.
    pub measured: Option<(UtcTime, f64)>,
    /// What is not kept.
    pub misses: Misses,
    /// All of it in one word.
    pub status: Status,
}

/// The moment of a period that takes longest to go back to.
#[derive(Clone, Debug, PartialEq)]
pub struct Costliest {
    /// The moment.
    pub moment: Moment,
    /// The way there.
    pub plan: RestorePlan,
    /// How long it takes; `None` without a basis.
    pub estimate: Option<Estimate>,
}

impl ScenarioKind {
    /// The scenarios of a server's own backups, the coarsest first.
    pub const OF_BACKUPS: [Self; 3] = [
        Self::FullOnly,
        Self::FullDifferential,
        Self::FullDifferentialLog,
    ];

    /// What may take part in a restore of this scenario.
    pub fn limits(self) -> Limits {
        let usage = |used: bool| if used { Usage::Use } else { Usage::Ignore };
        Limits {
            differentials: usage(self != Self::FullOnly),
            logs: usage(matches!(
                self,
                Self::FullDifferentialLog | Self::AzurePointInTime
            )),
            ..Limits::default()
        }
    }

    /// A request to go back to a target with what this scenario has.
    pub fn request(self, target: Target) -> RestoreRequest {
        let Limits {
            differentials,
            logs,
            ..
        } = self.limits();
        RestoreRequest {
            differentials,
            logs,
            ..RestoreRequest::to(target)
        }
    }

    /// The backups whose frequency decides how much is lost.
    pub fn finest(self) -> BackupType {
        match self {
            Self::FullOnly => BackupType::Full,
            Self::FullDifferential => BackupType::Differential,
            Self::FullDifferentialLog | Self::AzurePointInTime => BackupType::Log,
        }
    }

    /// The backups that its name promises.
    pub fn kinds(self) -> &'static [BackupType] {
        match self {
            Self::FullOnly => &[BackupType::Full],
            Self::FullDifferential => &[BackupType::Full, BackupType::Differential],
            Self::FullDifferentialLog | Self::AzurePointInTime => {
                &[BackupType::Full, BackupType::Differential, BackupType::Log]
            }
        }
    }

    /// A word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::FullOnly => "full",
            Self::FullDifferential => "full_differential",
            Self::FullDifferentialLog => "full_differential_log",
            Self::AzurePointInTime => "azure_point_in_time",
        }
    }

    /// The scenario of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::FullOnly,
            Self::FullDifferential,
            Self::FullDifferentialLog,
            Self::AzurePointInTime,
        ]
        .into_iter()
        .find(|kind| kind.word() == word)
    }
}

impl Period {
    /// So many days up to now.
    pub fn days(now: UtcTime, days: i64) -> Self {
        Self {
            from: now.plus(chrono::TimeDelta::days(-days)),
            to: now,
        }
    }
}

impl Status {
    /// A word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Met => "met",
            Self::AtRisk => "at_risk",
            Self::Missed => "missed",
        }
    }
}

impl Standing {
    /// How much may be lost before the promise counts as broken, in seconds; `None` when nothing is promised.
    pub fn allowed_loss_secs(&self) -> Option<f64> {
        /// msdb tells starts in whole seconds too, so two that are an interval apart may seem a second more.
        const WHOLE_SECOND: f64 = 1.0;
        let objective = self.objective?;
        Some(f64::from(objective.loss_secs.1) + self.longest_backup_secs + WHOLE_SECOND)
    }
}

impl Assessment<'_> {
    fn objective(&self, scenario: ScenarioKind) -> Option<Objective> {
        self.objectives
            .iter()
            .find(|objective| objective.scenario == scenario)
            .copied()
    }

    /// The row of one scenario.
    pub fn standing(&self, history: &DatabaseHistory, scenario: ScenarioKind) -> Standing {
        let limits = scenario.limits();
        let Period { from, to } = self.period;
        let exposure = history.exposure(&limits);
        let newest = plan(history, &scenario.request(Target::Latest)).ok();
        let estimate = newest
            .as_ref()
            .and_then(|plan| self.model?.estimate_steps(&plan.steps));
        let worst = apart(&exposure, from, to, WORST)
            .into_iter()
            .map(|exposed| (exposed, history.exposure_cause(&limits, exposed)))
            .collect();
        let mut standing = Standing {
            scenario,
            objective: self.objective(scenario),
            now: exposure.at(to),
            worst,
            median_secs: exposure.median(from, to),
            longest_backup_secs: history
                .longest_backup(scenario.finest(), from, to)
                .unwrap_or(0.0),
            estimate,
            measured: self.measured.get(&scenario).copied(),
            misses: Misses::default(),
            status: Status::Unknown,
        };
        standing.judge(worst_of_last_day(&exposure, self.period));
        standing
    }

    /// The row of a database that Azure backs up by itself; `restores` is how long each took that it carried out, the last one last.
    pub fn service_standing(
        &self,
        history: &DatabaseHistory,
        restores: &[(UtcTime, f64)],
    ) -> Standing {
        let scenario = ScenarioKind::AzurePointInTime;
        let Period { from, to } = self.period;
        let exposure = history.service_exposure();
        let mut seconds: Vec<f64> = restores.iter().map(|(_, seconds)| *seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let estimate = match (seconds.first(), seconds.last()) {
            (Some(low), Some(high)) => seconds.get(seconds.len() / 2).map(|middle| Estimate {
                seconds: *middle,
                low: *low,
                high: *high,
                basis: EstimateBasis::Measured,
            }),
            _ => None,
        };
        let last = Some(scenario.finest());
        let mut standing = Standing {
            scenario,
            objective: self.objective(scenario),
            now: exposure.at(to),
            worst: apart(&exposure, from, to, WORST)
                .into_iter()
                .map(|exposed| (exposed, ExposureCause::NothingTaken { last }))
                .collect(),
            median_secs: exposure.median(from, to),
            longest_backup_secs: 0.0,
            estimate,
            measured: restores.last().copied(),
            misses: Misses::default(),
            status: Status::Unknown,
        };
        if standing.now.is_some() {
            standing.judge(worst_of_last_day(&exposure, self.period));
        }
        standing
    }

    /// The moment of the period that takes longest to go back to: right before a data backup had finished.
    pub fn costliest(&self, history: &DatabaseHistory) -> Option<Costliest> {
        /// More candidates than these are thinned out: each costs a plan.
        const MOST: usize = 150;
        let exposure = history.exposure(&Limits::default());
        let instants = right_before_data_backups(history, &exposure, self.period);
        let stride = instants.len().div_ceil(MOST).max(1);
        instants
            .into_iter()
            .rev()
            .step_by(stride)
            .filter_map(|instant| {
                let moment = history.clock().moment_at(instant);
                let plan = plan(history, &RestoreRequest::to(Target::At(moment))).ok()?;
                let estimate = self
                    .model
                    .and_then(|model| model.estimate_steps(&plan.steps));
                Some(Costliest {
                    moment,
                    plan,
                    estimate,
                })
            })
            .max_by(|a, b| weight(a).total_cmp(&weight(b)))
    }
}

impl DatabaseHistory {
    /// The newest target of a period whose restore takes backups of all these kinds, of what a scenario has; `None` where
    /// there is none.
    ///
    /// It is the latest, or lies right before a data backup had finished: right after a differential no log is needed yet.
    pub fn newest_with(
        &self,
        kinds: &[BackupType],
        scenario: ScenarioKind,
        period: Period,
    ) -> Option<Target> {
        let exposure = self.exposure(&scenario.limits());
        let earlier = right_before_data_backups(self, &exposure, period)
            .into_iter()
            .rev()
            .map(|instant| Target::At(self.clock().moment_at(instant)));
        std::iter::once(Target::Latest)
            .chain(earlier)
            .find(|target| {
                plan(self, &scenario.request(*target)).is_ok_and(|plan| {
                    kinds
                        .iter()
                        .all(|kind| plan.steps.iter().any(|step| step.backup_type == *kind))
                })
            })
    }
}

/// The newest moments that could be reached right before each data backup of a period had finished, and at its end; the
/// last one last.
fn right_before_data_backups(
    history: &DatabaseHistory,
    exposure: &Exposure,
    Period { from, to }: Period,
) -> Vec<UtcTime> {
    let mut instants: Vec<UtcTime> = [BackupType::Full, BackupType::Differential]
        .into_iter()
        .filter_map(|kind| history.lane(kind))
        .flat_map(|lane| {
            lane.iter_from(lane.started_before(from))
                .map(|set| set.finish().instant)
                .take_while(|finish| *finish <= to)
                .collect::<Vec<_>>()
        })
        .filter_map(|finish| exposure.at(finish.plus(chrono::TimeDelta::seconds(-1))))
        .map(|exposed| exposed.since)
        .collect();
    instants.extend(exposure.at(to).map(|exposed| exposed.since));
    instants.sort_unstable();
    instants.dedup();
    instants
}

/// How many of the worst moments are told.
const WORST: usize = 5;

fn worst_of_last_day(exposure: &Exposure, Period { from, to }: Period) -> Option<f64> {
    exposure
        .worst(to.plus(chrono::TimeDelta::days(-1)).max(from), to, 1)
        .first()
        .map(Exposed::seconds)
}

/// By time where it is known, else by the bytes and the number of sets.
fn weight(costliest: &Costliest) -> f64 {
    match costliest.estimate {
        Some(estimate) => estimate.seconds,
        None => {
            RestoreTimeModel::at_speed(1e8)
                .estimate(
                    &costliest
                        .plan
                        .steps
                        .iter()
                        .filter_map(MeasuredSet::planned)
                        .collect::<Vec<_>>(),
                )
                .seconds
                + costliest.plan.steps.len() as f64
        }
    }
}

/// The worst moments, of which none lies in the stretch of another.
fn apart(exposure: &Exposure, from: UtcTime, to: UtcTime, most: usize) -> Vec<Exposed> {
    let mut chosen: Vec<Exposed> = Vec::new();
    for exposed in exposure.worst(from, to, most * 4) {
        let overlaps = chosen
            .iter()
            .any(|other| exposed.since < other.at && other.since < exposed.at);
        if !overlaps {
            chosen.push(exposed);
        }
        if chosen.len() == most {
            break;
        }
    }
    chosen
}

/// A row for each scenario of a database's own backups.
pub fn assess(history: &DatabaseHistory, assessment: &Assessment<'_>) -> Vec<Standing> {
    ScenarioKind::OF_BACKUPS
        .into_iter()
        .map(|scenario| assessment.standing(history, scenario))
        .collect()
}

impl Standing {
    fn judge(&mut self, worst_lately: Option<f64>) {
        let (Some(objective), Some(allowed)) = (self.objective, self.allowed_loss_secs()) else {
            self.status = Status::Unknown;
            return;
        };
        let down = f64::from(objective.down_secs.1);
        let estimated = self
            .estimate
            .filter(|estimate| estimate.basis == EstimateBasis::Measured);
        self.misses = Misses {
            loss_now: self.now.is_none_or(|now| now.seconds() > allowed),
            loss_lately: worst_lately.is_some_and(|worst| worst > allowed),
            time: self.measured.is_some_and(|(_, seconds)| seconds > down)
                || estimated.is_some_and(|estimate| estimate.seconds > down),
            time_maybe: self
                .estimate
                .is_some_and(|estimate| estimate.seconds > down)
                || estimated.is_some_and(|estimate| estimate.high > down),
        };
        let Misses {
            loss_now,
            loss_lately,
            time,
            time_maybe,
        } = self.misses;
        self.status = if loss_now || time {
            Status::Missed
        } else if loss_lately || time_maybe {
            Status::AtRisk
        } else if self.measured.is_none() && self.estimate.is_none() {
            Status::Unknown
        } else {
            Status::Met
        };
    }
}
