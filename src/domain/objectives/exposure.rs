//! How much would be lost, for every moment: the time since the newest moment that the backups of then bring back.

use crate::domain::{
    BackupSet, BackupType, DatabaseHistory, Limits, RefusalKind, UtcTime,
    clock::from_seconds,
    graph::{Reached, Strictness},
    refusal,
};
use uuid::Uuid;

/// What the backups brought back at every moment of the past.
///
/// ```text
///  loss │      ╱│     ╱│        ╱
///       │   ╱│╱ │  ╱│╱ │     ╱
///       │ ╱  │  │╱     │  ╱        it falls when a usable backup has finished,
///       └────┴──┴──────┴───────►   to the time since the last moment that it holds
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposure {
    /// Rising in both values: later backups that lead no further are left out.
    steps: Vec<Reached>,
}

/// What would be lost if the database broke at a moment: everything since another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The newest moment that could be brought back then.
    pub since: UtcTime,
    /// When it would have broken.
    pub at: UtcTime,
}

/// Why so much would have been lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExposureCause {
    /// No backup finished in that time.
    NothingTaken {
        /// The kind that came last before it.
        last: Option<BackupType>,
    },
    /// Backups were taken, and lead nowhere.
    Unusable {
        /// How many finished in that time.
        sets: usize,
        /// Why nothing leads there.
        kind: RefusalKind,
        /// The set at fault.
        culprit: Option<Uuid>,
    },
}

impl Exposed {
    /// How much would be lost.
    pub fn seconds(&self) -> f64 {
        (self.at.seconds() - self.since.seconds()).max(0.0)
    }
}

impl DatabaseHistory {
    /// What the backups brought back at every moment, with what may take part; not kept, so ask once.
    pub fn exposure(&self, limits: &Limits) -> Exposure {
        let graph = self.graphs.get(self, limits, Strictness::Real);
        Exposure::of(graph.reached(self))
    }

    /// The same for backups that only a service can restore: it tells when each was taken, and nothing of their chain.
    ///
    /// Each is taken to hold everything up to its beginning, and to be there when it has finished.
    pub fn service_exposure(&self) -> Exposure {
        Exposure::of(
            (0..self.len())
                .filter_map(|idx| self.set(idx))
                .map(|set| Reached {
                    available: set.finish().instant.0.timestamp(),
                    until: set.start().instant.0.timestamp(),
                })
                .collect(),
        )
    }

    /// The longest backup of a kind that started in a period, in seconds: what a schedule cannot promise to beat.
    ///
    /// msdb keeps whole seconds, so a backup may have taken a second more than it says.
    pub fn longest_backup(&self, kind: BackupType, from: UtcTime, to: UtcTime) -> Option<f64> {
        let lane = self.lane(kind)?;
        lane.iter_from(lane.started_before(from))
            .take_while(|set| set.start().instant <= to)
            .map(BackupSet::seconds)
            .max()
            .map(|seconds| seconds as f64 + 1.0)
    }

    /// Why a stretch was exposed.
    pub fn exposure_cause(&self, limits: &Limits, exposed: Exposed) -> ExposureCause {
        let graph = self.graphs.get(self, limits, Strictness::Real);
        // What began before it either led up to its beginning or belongs to what came before.
        let counted =
            |set: &&BackupSet| limits_take(limits, set.kind()) && set.finish().instant < exposed.at;
        let from = self.started_before(exposed.since.plus(chrono::TimeDelta::seconds(1)));
        let until = self.started_before(exposed.at);
        let sets = (from..until)
            .filter_map(|idx| self.set(idx))
            .filter(counted)
            .count();
        if sets == 0 {
            let last = (0..from)
                .rev()
                .filter_map(|idx| self.set(idx))
                .find(|set| set.finish().instant <= exposed.at && limits_take(limits, set.kind()))
                .map(BackupSet::kind);
            return ExposureCause::NothingTaken { last };
        }
        let middle = (exposed.since.0.timestamp_millis() + exposed.at.0.timestamp_millis()) / 2;
        let why = refusal::why(self, &graph, &graph.spans(), middle);
        ExposureCause::Unusable {
            sets,
            kind: why.kind,
            culprit: why.culprit,
        }
    }
}

fn limits_take(limits: &Limits, kind: BackupType) -> bool {
    use crate::domain::Usage;
    match kind {
        BackupType::Full => true,
        BackupType::Differential => limits.differentials == Usage::Use,
        BackupType::Log => limits.logs == Usage::Use,
        _ => false,
    }
}

impl Exposure {
    fn of(mut reached: Vec<Reached>) -> Self {
        reached.sort_unstable();
        let mut steps: Vec<Reached> = Vec::new();
        for step in reached {
            match steps.last_mut() {
                Some(last) if step.until <= last.until => {}
                Some(last) if last.available == step.available => last.until = step.until,
                _ => steps.push(step),
            }
        }
        Self { steps }
    }

    /// What would be lost at a moment; `None` before the first usable backup had finished: everything.
    pub fn at(&self, at: UtcTime) -> Option<Exposed> {
        let second = at.0.timestamp();
        let after = self.steps.partition_point(|step| step.available <= second);
        let step = self.steps.get(after.checked_sub(1)?)?;
        Some(Exposed {
            since: from_seconds(step.until).min(at),
            at,
        })
    }

    /// The moments of a period at which most would have been lost, the worst first, of equal ones the latest: each right
    /// before a backup finished, or its end.
    pub fn worst(&self, from: UtcTime, to: UtcTime, most: usize) -> Vec<Exposed> {
        let mut peaks: Vec<Exposed> = self
            .segments(from, to)
            .map(|segment| Exposed {
                since: from_seconds(segment.until).min(from_seconds(segment.to)),
                at: if segment.to >= to.0.timestamp() {
                    to
                } else {
                    from_seconds(segment.to)
                },
            })
            .collect();
        peaks.sort_by(|a, b| b.seconds().total_cmp(&a.seconds()).then(b.at.cmp(&a.at)));
        peaks.truncate(most);
        peaks
    }

    /// Half of the period less would have been lost, and half of it more, in seconds; `None` when no moment of it has a number.
    pub fn median(&self, from: UtcTime, to: UtcTime) -> Option<f64> {
        let segments: Vec<Segment> = self.segments(from, to).collect();
        let whole: i64 = segments.iter().map(|s| s.to - s.from).sum();
        if whole <= 0 {
            return segments.first().map(|s| (s.to - s.until).max(0) as f64);
        }
        // Within a segment the loss rises by a second each second.
        let below = |loss: i64| -> i64 {
            segments
                .iter()
                .map(|s| (s.until + loss - s.from).clamp(0, s.to - s.from))
                .sum()
        };
        let (mut low, mut high) = (
            0,
            segments.iter().map(|s| s.to - s.until).max().unwrap_or(0),
        );
        while low < high {
            let middle = low + (high - low) / 2;
            if below(middle) * 2 >= whole {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Some(low as f64)
    }

    /// What would have been lost over a period as a line to be drawn: second since 1970, seconds lost.
    ///
    /// At most about so many points; where several saw teeth fall into one, the highest stays.
    pub fn points(&self, from: UtcTime, to: UtcTime, most: usize) -> Vec<(f64, f64)> {
        let segments: Vec<Segment> = self.segments(from, to).collect();
        let together = (2 * segments.len()).div_ceil(most.max(2)).max(1);
        segments
            .chunks(together)
            .filter_map(|few| {
                let first = few.first()?;
                let highest = few.iter().max_by_key(|s| s.to - s.until)?;
                let at = |second: i64, until: i64| (second as f64, (second - until).max(0) as f64);
                Some([at(first.from, first.until), at(highest.to, highest.until)])
            })
            .flatten()
            .collect()
    }

    /// The newest moment that all backups together bring back.
    pub fn newest(&self) -> Option<UtcTime> {
        self.steps.last().map(|step| from_seconds(step.until))
    }

    /// What the backups of a period began to bring back right before each became available: the last moments of each stretch.
    fn segments(&self, from: UtcTime, to: UtcTime) -> impl Iterator<Item = Segment> {
        let (from, to) = (from.0.timestamp(), to.0.timestamp());
        let first = self
            .steps
            .partition_point(|step| step.available <= from)
            .saturating_sub(1);
        let rest = self.steps.get(first..).unwrap_or_default();
        rest.iter().enumerate().filter_map(move |(n, step)| {
            let ends = rest.get(n + 1).map_or(i64::MAX, |next| next.available);
            let segment = Segment {
                from: step.available.max(from),
                to: ends.min(to),
                until: step.until,
            };
            (segment.from <= segment.to && step.available <= to).then_some(segment)
        })
    }
}

/// A time in which the same moment was the newest that could be brought back, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Segment {
    from: i64,
    to: i64,
    until: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposure(steps: &[(i64, i64)]) -> Exposure {
        Exposure::of(
            steps
                .iter()
                .map(|&(available, until)| Reached { available, until })
                .collect(),
        )
    }

    fn seconds(exposed: Option<Exposed>) -> Option<f64> {
        exposed.map(|exposed| exposed.seconds())
    }

    #[test]
    fn loss_grows_until_a_backup_has_finished() {
        // A log begins at 900 and is there at 920; the next begins at 1800 and is there at 1810.
        let exposure = exposure(&[(10, 10), (920, 900), (1810, 1800)]);
        let cases = [
            (9, None),
            (10, Some(0.0)),
            (919, Some(909.0)),
            (920, Some(20.0)),
            (1809, Some(909.0)),
            (1810, Some(10.0)),
            (3 * 86_400 + 1800, Some(3.0 * 86_400.0)),
        ];
        for (at, expected) in cases {
            assert_eq!(seconds(exposure.at(from_seconds(at))), expected, "at {at}");
        }
        assert_eq!(exposure.newest(), Some(from_seconds(1800)));
    }

    #[test]
    fn a_backup_that_leads_no_further_changes_nothing() {
        let plain = exposure(&[(10, 10), (100, 90)]);
        assert_eq!(exposure(&[(10, 10), (100, 90), (200, 50)]), plain);
        assert_eq!(exposure(&[(100, 50), (100, 90), (10, 10)]), plain);
    }

    #[test]
    fn the_worst_moments_come_first_and_the_end_counts() {
        let exposure = exposure(&[(0, 0), (100, 90), (500, 490), (520, 510)]);
        let worst = exposure.worst(from_seconds(0), from_seconds(1000), 3);
        let told: Vec<(i64, f64)> = worst
            .iter()
            .map(|peak| (peak.at.0.timestamp(), peak.seconds()))
            .collect();
        assert_eq!(told, [(1000, 490.0), (500, 410.0), (100, 100.0)]);
        // Of equal ones the latest: of those people still know what happened.
        let teeth = exposure_of_equal_teeth();
        let worst = teeth.worst(from_seconds(0), from_seconds(250), 9);
        let told: Vec<i64> = worst.iter().map(|peak| peak.at.0.timestamp()).collect();
        assert_eq!(told, [200, 100, 250]);
        // Of a later period the moments before it do not count, and its first stretch began before it.
        let worst = exposure.worst(from_seconds(450), from_seconds(515), 9);
        assert_eq!(worst.first().map(Exposed::seconds), Some(410.0));
        assert_eq!(worst.len(), 2);
        assert!(
            exposure
                .worst(from_seconds(-9), from_seconds(-1), 9)
                .is_empty()
        );
    }

    fn exposure_of_equal_teeth() -> Exposure {
        exposure(&[(0, 0), (100, 100), (200, 200)])
    }

    #[test]
    fn the_median_is_weighed_by_time() {
        // Saw teeth from 0 to 100: half of the time less than 50.
        let teeth = exposure_of_equal_teeth();
        assert_eq!(teeth.median(from_seconds(0), from_seconds(300)), Some(50.0));
        // Most of the time lies in the last stretch.
        let stale = exposure(&[(0, 0), (100, 100)]);
        assert_eq!(
            stale.median(from_seconds(0), from_seconds(1100)),
            Some(450.0)
        );
        assert_eq!(
            Exposure::default().median(from_seconds(0), from_seconds(9)),
            None
        );
    }
}
