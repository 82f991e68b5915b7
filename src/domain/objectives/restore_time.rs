//! How long a restore takes, learnt from restores that were really done.
//!
//! ```text
//! seconds of a set = cost of a file × its files + bytes ÷ speed of its group (+ recovery, with the last)
//! seconds of a restore = its sets + what looking before and checking after takes
//! ```
//!
//! Groups are kind, compression and stripes.
//! The parts are fitted together by least squares with none below zero, each set weighed against its own length,
//! so that twenty short logs say what a file costs and one long full says how fast the server reads.

use crate::domain::{
    BackupType, CostModel, DatabaseHistory, Estimate, EstimateBasis, PlanStep, RestoreSpeeds,
    UtcTime,
};
use std::collections::BTreeMap;

/// One set as it was restored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredSet {
    /// Full, differential or log.
    pub kind: BackupType,
    /// Whether fewer bytes lay on the media than the database had.
    pub compressed: bool,
    /// How many files it was read from.
    pub stripes: usize,
    /// Bytes on the media.
    pub bytes: u64,
    /// How long the statement ran.
    pub seconds: f64,
}

/// One restore that came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredRun {
    /// When it began.
    pub at: UtcTime,
    /// In the order in which they were restored; recovery came with the last.
    pub sets: Vec<MeasuredSet>,
    /// What looking before and checking after took, in seconds.
    pub other_seconds: f64,
}

/// An estimate as it would have been made before a restore, and what was then measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PastEstimate {
    /// When the restore began.
    pub at: UtcTime,
    /// What the restores before it made one expect, in seconds.
    pub estimated: f64,
    /// What it took.
    pub measured: f64,
}

/// The fitted parts.
#[derive(Clone, Debug, PartialEq)]
pub struct RestoreTimeModel {
    basis: EstimateBasis,
    /// Seconds for each file of a set.
    file_seconds: f64,
    recovery_seconds: f64,
    other_seconds: f64,
    /// Seconds for a byte, with the bytes that it was learnt from.
    groups: BTreeMap<Group, Speed>,
    /// A restore hardly takes less than this part of the estimate.
    low: f64,
    /// It hardly takes more.
    high: f64,
    /// How many restores it was learnt from.
    runs: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    kind: BackupType,
    compressed: bool,
    stripes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Speed {
    seconds_per_byte: f64,
    bytes: f64,
}

impl MeasuredSet {
    /// A set of a plan, of which it is not known yet how long it takes; `None` where its size is unknown.
    pub fn planned(step: &PlanStep) -> Option<Self> {
        let bytes = step.bytes?;
        Some(Self {
            kind: step.backup_type,
            compressed: step.backup_size.is_some_and(|data| bytes < data),
            stripes: step.devices.len().max(1),
            bytes,
            seconds: 0.0,
        })
    }

    fn group(&self) -> Group {
        Group {
            kind: self.kind,
            compressed: self.compressed,
            stripes: self.stripes,
        }
    }
}

impl MeasuredRun {
    /// How long it took.
    pub fn seconds(&self) -> f64 {
        self.sets.iter().map(|set| set.seconds).sum::<f64>() + self.other_seconds
    }
}

impl PastEstimate {
    /// By how much the estimate was off, as a part of what was measured: 0.1 is ten per cent too long.
    pub fn error(&self) -> f64 {
        if self.measured > 0.0 {
            self.estimated / self.measured - 1.0
        } else {
            0.0
        }
    }
}

/// A handful of restores does not tell how far others may lie off.
const FEW_RUNS: usize = 3;

impl RestoreTimeModel {
    /// Learns from restores; `None` when nothing was read or nothing took any time.
    pub fn measured(runs: &[MeasuredRun]) -> Option<Self> {
        let model = Self::fit(runs, EstimateBasis::Measured)?;
        let ratios: Vec<f64> = past_estimates(runs)
            .iter()
            .filter(|past| past.estimated > 0.0)
            .map(|past| past.measured / past.estimated)
            .collect();
        Some(model.with_band(&ratios))
    }

    /// What the speed of the backups makes one expect: only a stand-in, while nothing was restored.
    ///
    /// Looks at the sets that started in a period; `None` when none of them took any time.
    pub fn stand_in(history: &DatabaseHistory, from: UtcTime, to: UtcTime) -> Option<Self> {
        /// msdb keeps whole seconds, so a backup took half a second more than it says.
        const CUT_OFF: f64 = 0.5;
        const MOST: usize = 5000;
        let last = history.started_before(to);
        let first = history.started_before(from).max(last.saturating_sub(MOST));
        let sets: Vec<MeasuredSet> = (first..last)
            .filter_map(|idx| history.set(idx))
            .filter_map(|set| {
                let bytes = set.bytes()?;
                Some(MeasuredSet {
                    kind: set.kind(),
                    compressed: set.backup_size().is_some_and(|data| bytes < data),
                    stripes: set.n_stripes().max(1),
                    bytes,
                    seconds: set.seconds() as f64 + CUT_OFF,
                })
            })
            .collect();
        if sets.iter().all(|set| set.seconds <= CUT_OFF) {
            return None;
        }
        // Each backup is a run of its own without recovery, so none of its time is taken for that.
        let mut model = Self::fit_sets(
            &sets.iter().map(|set| (*set, false)).collect::<Vec<_>>(),
            EstimateBasis::BackupSpeed,
        )?;
        (model.low, model.high) = (0.5, 2.0);
        Some(model)
    }

    /// A server that reads everything at one speed and does nothing else.
    pub fn at_speed(bytes_per_second: f64) -> Self {
        let speed = Speed {
            seconds_per_byte: 1.0 / bytes_per_second.max(1.0),
            bytes: 1.0,
        };
        let group = Group {
            kind: BackupType::Full,
            compressed: false,
            stripes: 1,
        };
        Self {
            basis: EstimateBasis::Measured,
            file_seconds: 0.0,
            recovery_seconds: 0.0,
            other_seconds: 0.0,
            groups: [(group, speed)].into(),
            low: 1.0,
            high: 1.0,
            runs: 0,
        }
    }

    /// How long these sets take one after the other.
    pub fn estimate(&self, sets: &[MeasuredSet]) -> Estimate {
        let seconds = self.seconds(sets);
        Estimate {
            seconds,
            low: seconds * self.low,
            high: seconds * self.high,
            basis: self.basis,
        }
    }

    /// The same for the steps of a plan; `None` where a size is unknown.
    pub fn estimate_steps(&self, steps: &[PlanStep]) -> Option<Estimate> {
        let sets: Option<Vec<MeasuredSet>> = steps.iter().map(MeasuredSet::planned).collect();
        Some(self.estimate(&sets?))
    }

    /// The same without looking before and checking after: the database is back, and not checked yet.
    pub fn seconds_of_set(&self, set: &MeasuredSet) -> f64 {
        self.file_seconds * set.stripes as f64 + set.bytes as f64 * self.seconds_per_byte(set)
    }

    /// What comes with the last set.
    pub fn recovery_seconds(&self) -> f64 {
        self.recovery_seconds
    }

    /// What looking before and checking after takes.
    pub fn other_seconds(&self) -> f64 {
        self.other_seconds
    }

    /// What each file costs besides its bytes.
    pub fn file_seconds(&self) -> f64 {
        self.file_seconds
    }

    /// What the planner compares ways by: the time that restores took here, else the bytes to read (rule 14).
    ///
    /// A set then counts by its kind alone, and as one file. A stand-in is no measure.
    pub fn costs(&self) -> CostModel {
        match self.basis {
            EstimateBasis::Measured => CostModel::Time(self.speeds()),
            EstimateBasis::BackupSpeed => CostModel::default(),
        }
    }

    fn speeds(&self) -> RestoreSpeeds {
        let millis = |seconds: f64| (seconds * 1000.0).round() as u64;
        let percent = |part: f64| (part * 100.0).round() as u16;
        // A kind that was never measured is as quick as the others together; `as` ends at the largest number.
        let speed = |kind: BackupType| {
            let slope = self
                .pooled(|group| group.kind == kind)
                .or_else(|| self.pooled(|_| true))
                .unwrap_or(0.0);
            (1.0 / slope).max(1.0) as u64
        };
        RestoreSpeeds {
            full_bytes_per_second: speed(BackupType::Full),
            differential_bytes_per_second: speed(BackupType::Differential),
            log_bytes_per_second: speed(BackupType::Log),
            millis_per_set: millis(self.file_seconds),
            recovery_millis: millis(self.recovery_seconds + self.other_seconds),
            least_percent: percent(self.low),
            most_percent: percent(self.high),
        }
    }

    /// Where the speeds come from.
    pub fn basis(&self) -> EstimateBasis {
        self.basis
    }

    /// How many restores it was learnt from; 0 for a stand-in.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// Bytes on the media that a kind of backup is restored at in a second; `None` where that kind was never measured.
    pub fn bytes_per_second(&self, kind: BackupType) -> Option<f64> {
        let slope = self.pooled(|group| group.kind == kind)?;
        (slope > 0.0).then(|| 1.0 / slope)
    }

    fn seconds(&self, sets: &[MeasuredSet]) -> f64 {
        if sets.is_empty() {
            return 0.0;
        }
        sets.iter().map(|set| self.seconds_of_set(set)).sum::<f64>()
            + self.recovery_seconds
            + self.other_seconds
    }

    /// A group that was never measured is as fast as the others of its kind together, else as everything together.
    fn seconds_per_byte(&self, set: &MeasuredSet) -> f64 {
        if let Some(speed) = self.groups.get(&set.group()) {
            return speed.seconds_per_byte;
        }
        self.pooled(|group| group.kind == set.kind)
            .or_else(|| self.pooled(|_| true))
            .unwrap_or(0.0)
    }

    fn pooled(&self, takes: impl Fn(&Group) -> bool) -> Option<f64> {
        let (mut bytes, mut seconds) = (0.0, 0.0);
        for (_, speed) in self.groups.iter().filter(|(group, _)| takes(group)) {
            bytes += speed.bytes;
            seconds += speed.bytes * speed.seconds_per_byte;
        }
        (bytes > 0.0).then(|| seconds / bytes)
    }

    fn with_band(mut self, ratios: &[f64]) -> Self {
        let mut sorted = ratios.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let idx = (part * (sorted.len().saturating_sub(1)) as f64).round() as usize;
            sorted.get(idx).copied().unwrap_or(1.0)
        };
        (self.low, self.high) = if sorted.len() < FEW_RUNS {
            (at(0.0).min(0.7), at(1.0).max(1.5))
        } else {
            (at(0.1).min(0.95), at(0.9).max(1.05))
        };
        self
    }

    fn fit(runs: &[MeasuredRun], basis: EstimateBasis) -> Option<Self> {
        let mut sets = Vec::new();
        for run in runs {
            let last = run.sets.len().saturating_sub(1);
            sets.extend(
                run.sets
                    .iter()
                    .enumerate()
                    .map(|(n, set)| (*set, n == last)),
            );
        }
        let mut model = Self::fit_sets(&sets, basis)?;
        let mut others: Vec<f64> = runs
            .iter()
            .map(|run| run.other_seconds.max(0.0))
            .filter(|seconds| seconds.is_finite())
            .collect();
        others.sort_by(f64::total_cmp);
        model.other_seconds = others.get(others.len() / 2).copied().unwrap_or(0.0);
        model.runs = runs.len();
        Some(model)
    }

    /// From sets and whether recovery came with them.
    fn fit_sets(sets: &[(MeasuredSet, bool)], basis: EstimateBasis) -> Option<Self> {
        let usable: Vec<&(MeasuredSet, bool)> = sets
            .iter()
            .filter(|(set, _)| set.seconds.is_finite() && set.seconds >= 0.0)
            .collect();
        let total: f64 = usable.iter().map(|(set, _)| set.seconds).sum();
        if total <= 0.0 || usable.iter().all(|(set, _)| set.bytes == 0) {
            return None;
        }
        let mut bytes_of: BTreeMap<Group, f64> = BTreeMap::new();
        for (set, _) in &usable {
            *bytes_of.entry(set.group()).or_default() += set.bytes as f64;
        }
        bytes_of.retain(|_, bytes| *bytes > 0.0);
        let order: Vec<Group> = bytes_of.keys().copied().collect();
        // Speeds come first, so that what could be either is taken for bytes; then files, then recovery.
        let n = order.len() + 2;
        let (files_at, recovery_at) = (order.len(), order.len() + 1);
        let mut squares = LeastSquares::new(n);
        for (set, last) in usable {
            let mut row = vec![0.0; n];
            if let Some(at) = order.iter().position(|group| *group == set.group())
                && let Some(cell) = row.get_mut(at)
            {
                // In megabytes, so that all columns are of like size.
                *cell = set.bytes as f64 / 1e6;
            }
            if let Some(cell) = row.get_mut(files_at) {
                *cell = set.stripes.max(1) as f64;
            }
            if let Some(cell) = row.get_mut(recovery_at) {
                *cell = f64::from(u8::from(*last));
            }
            squares.add(
                &row,
                set.seconds,
                1.0 / (set.seconds + 0.05 * total / n as f64),
            );
        }
        let parts = squares.solve();
        let part = |at: usize| parts.get(at).copied().unwrap_or(0.0);
        let groups = order
            .iter()
            .enumerate()
            .map(|(at, group)| {
                let speed = Speed {
                    seconds_per_byte: part(at) / 1e6,
                    bytes: bytes_of.get(group).copied().unwrap_or(0.0),
                };
                (*group, speed)
            })
            .collect();
        Some(Self {
            basis,
            file_seconds: part(files_at),
            recovery_seconds: part(recovery_at),
            other_seconds: 0.0,
            groups,
            low: 0.7,
            high: 1.5,
            runs: 0,
        })
    }
}

/// What each restore would have been expected to take by those before it; the first has none before it.
pub fn past_estimates(runs: &[MeasuredRun]) -> Vec<PastEstimate> {
    /// More than these tell nothing new, and each costs a fit.
    const MOST: usize = 60;
    let mut order: Vec<&MeasuredRun> = runs.iter().collect();
    order.sort_by_key(|run| run.at);
    let sorted: Vec<MeasuredRun> = order.into_iter().cloned().collect();
    let first = sorted.len().saturating_sub(MOST).max(1);
    (first..sorted.len())
        .filter_map(|n| {
            let (before, rest) = sorted.split_at_checked(n)?;
            let run = rest.first()?;
            let model = RestoreTimeModel::fit(before, EstimateBasis::Measured)?;
            Some(PastEstimate {
                at: run.at,
                estimated: model.seconds(&run.sets),
                measured: run.seconds(),
            })
        })
        .collect()
}

/// Weighted least squares in which no part may be below zero.
struct LeastSquares {
    n: usize,
    /// `Σ w x xᵀ`, row by row.
    products: Vec<f64>,
    /// `Σ w x y`.
    answers: Vec<f64>,
}

impl LeastSquares {
    fn new(n: usize) -> Self {
        Self {
            n,
            products: vec![0.0; n * n],
            answers: vec![0.0; n],
        }
    }

    fn add(&mut self, row: &[f64], answer: f64, weight: f64) {
        for (a, value) in row.iter().enumerate() {
            for (b, other) in row.iter().enumerate() {
                if let Some(cell) = self.products.get_mut(a * self.n + b) {
                    *cell += weight * value * other;
                }
            }
            if let Some(cell) = self.answers.get_mut(a) {
                *cell += weight * value * answer;
            }
        }
    }

    /// One part after the other is set to its best value while the others stay, until nothing moves any more.
    fn solve(&self) -> Vec<f64> {
        const ROUNDS: usize = 4000;
        let mut parts = vec![0.0_f64; self.n];
        for _ in 0..ROUNDS {
            let mut moved = 0.0_f64;
            for at in 0..self.n {
                let product = |b: usize| self.products.get(at * self.n + b).copied().unwrap_or(0.0);
                let own = product(at);
                if own <= 0.0 {
                    continue;
                }
                let others: f64 = parts
                    .iter()
                    .enumerate()
                    .filter(|(b, _)| *b != at)
                    .map(|(b, part)| product(b) * part)
                    .sum();
                let answer = self.answers.get(at).copied().unwrap_or(0.0);
                let best = ((answer - others) / own).max(0.0);
                if let Some(part) = parts.get_mut(at) {
                    moved = moved.max((best - *part).abs() / (best.abs() + 1e-9));
                    *part = best;
                }
            }
            if moved < 1e-10 {
                break;
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_seconds;

    const MB: u64 = 1_000_000;

    fn set(kind: BackupType, megabytes: u64) -> MeasuredSet {
        MeasuredSet {
            kind,
            compressed: false,
            stripes: 1,
            bytes: megabytes * MB,
            seconds: 0.0,
        }
    }

    fn chain(full: u64, differential: u64, logs: &[u64]) -> Vec<MeasuredSet> {
        let mut sets = vec![
            set(BackupType::Full, full),
            set(BackupType::Differential, differential),
        ];
        sets.extend(logs.iter().map(|&mb| set(BackupType::Log, mb)));
        sets
    }

    /// A server: speeds of full, differential and log in MB/s, seconds for a file, for recovery and for the rest.
    fn run(n: i64, mut sets: Vec<MeasuredSet>, [full, diff, log]: [f64; 3]) -> MeasuredRun {
        const FILE: f64 = 0.4;
        const RECOVERY: f64 = 14.0;
        let last = sets.len() - 1;
        for (idx, set) in sets.iter_mut().enumerate() {
            let speed = match set.kind {
                BackupType::Full => full,
                BackupType::Differential => diff,
                _ => log,
            };
            set.seconds = FILE + set.bytes as f64 / 1e6 / speed;
            if idx == last {
                set.seconds += RECOVERY;
            }
        }
        MeasuredRun {
            at: from_seconds(n * 86_400),
            sets,
            other_seconds: 70.0,
        }
    }

    #[test]
    fn the_planner_counts_with_what_was_measured() {
        let sets = || chain(12_000, 900, &[2, 3, 2, 400, 3, 2]);
        let runs: Vec<MeasuredRun> = (0..5)
            .map(|n| run(n, sets(), [100.0, 80.0, 20.0]))
            .collect();
        let model = RestoreTimeModel::measured(&runs).expect("five restores");
        let costs = model.costs();
        let CostModel::Time(speeds) = costs else {
            panic!("{costs:?} is not what was measured");
        };
        // One model: the price of the sets with recovery is what it estimates of them.
        let millis: u64 = sets()
            .iter()
            .map(|set| costs.of_set(set.kind, set.bytes))
            .sum();
        let n_sets = u32::try_from(sets().len()).expect("a few");
        let said = costs
            .estimate(millis, n_sets, 0)
            .expect("measured is a basis");
        let estimate = model.estimate(&sets());
        assert!(
            (said.seconds - estimate.seconds).abs() < 0.1,
            "{said:?} {estimate:?}"
        );
        assert_eq!(said.basis, EstimateBasis::Measured);
        assert!((speeds.full_bytes_per_second as f64 / 100e6 - 1.0).abs() < 0.01);
        assert!(said.low <= said.seconds && said.seconds <= said.high);
    }

    #[test]
    fn plain_arithmetic() {
        let sets = chain(600_000, 60_000, &[6_000]);
        let minutes = |mb_per_second: f64| {
            RestoreTimeModel::at_speed(mb_per_second * 1e6)
                .estimate(&sets)
                .seconds
                / 60.0
        };
        assert!((minutes(100.0) - 111.0).abs() < 1e-9, "{}", minutes(100.0));
        assert!((minutes(200.0) - 55.5).abs() < 1e-9, "{}", minutes(200.0));
    }

    #[test]
    fn what_restores_were_made_of_is_found_again() {
        let speeds = [40.0, 25.0, 10.0];
        let runs: Vec<MeasuredRun> = (0..5)
            .map(|n| {
                let grown = n as u64;
                let logs: Vec<u64> = (0..6 + 2 * grown).map(|log| 5 + log * 3).collect();
                run(
                    n,
                    chain(40_000 + 700 * grown, 900 + 60 * grown, &logs),
                    speeds,
                )
            })
            .collect();
        let model = RestoreTimeModel::measured(&runs).expect("five restores");
        assert_eq!(model.basis(), EstimateBasis::Measured);
        assert_eq!(model.runs(), 5);
        assert!((model.other_seconds() - 70.0).abs() < 1e-9);
        assert!((model.recovery_seconds() - 14.0).abs() < 1.0, "{model:?}");
        assert!((model.file_seconds() - 0.4).abs() < 0.1, "{model:?}");
        let found = model.bytes_per_second(BackupType::Full).expect("measured") / 1e6;
        assert!((found - 40.0).abs() < 0.5, "{found}");

        let next = run(6, chain(44_000, 500, &[9, 9, 9, 400]), speeds);
        let estimate = model.estimate(&next.sets);
        let off = estimate.seconds / next.seconds() - 1.0;
        assert!(off.abs() < 0.02, "off by {off}");
        assert!(estimate.low < next.seconds() && next.seconds() < estimate.high);
        let errors: Vec<f64> = past_estimates(&runs)
            .iter()
            .map(PastEstimate::error)
            .collect();
        assert_eq!(errors.len(), 4);
        assert!(errors.iter().all(|error| error.abs() < 0.1), "{errors:?}");
    }

    #[test]
    fn what_was_never_measured_is_as_fast_as_its_kind() {
        let only = MeasuredRun {
            at: from_seconds(0),
            sets: vec![MeasuredSet {
                seconds: 100.0,
                ..set(BackupType::Full, 10_000)
            }],
            other_seconds: 0.0,
        };
        let model = RestoreTimeModel::measured(std::slice::from_ref(&only)).expect("one restore");
        let striped = MeasuredSet {
            compressed: true,
            stripes: 4,
            ..set(BackupType::Full, 5_000)
        };
        assert!((model.estimate(&[striped]).seconds - 50.0).abs() < 1.0);
        assert!((model.estimate(&[set(BackupType::Log, 1_000)]).seconds - 10.0).abs() < 1.0);
        let wide = model.estimate(&[striped]);
        assert!(wide.low <= 0.7 * wide.seconds && wide.high >= 1.5 * wide.seconds);
    }

    #[test]
    fn without_a_measurement_there_is_no_number() {
        assert_eq!(RestoreTimeModel::measured(&[]), None);
        let nothing = MeasuredRun {
            at: from_seconds(0),
            sets: vec![set(BackupType::Full, 0)],
            other_seconds: 3.0,
        };
        assert_eq!(RestoreTimeModel::measured(&[nothing]), None);
        let odd = MeasuredRun {
            at: from_seconds(0),
            sets: vec![MeasuredSet {
                seconds: f64::NAN,
                ..set(BackupType::Full, 5)
            }],
            other_seconds: 0.0,
        };
        assert_eq!(RestoreTimeModel::measured(&[odd]), None);
    }
}
