//! What lies in a lane, found by binary search: never one shape per backup.

use super::scale::TimeScale;
use crate::{
    domain::{BackupSet, BackupType, DatabaseHistory, Lane, UtcTime},
    explain::figures,
};

/// What is drawn of one lane beside its bars.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneModel {
    pub kind: BackupType,
    /// The largest set that a sample found, in bytes; bars are drawn against it.
    pub max_bytes: u64,
    pub min_bytes: u64,
    /// `daily`, `every 15 min`; empty when there are too few.
    pub rhythm: String,
}

/// The lanes of a database, in the order in which they stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Lanes {
    pub full: LaneModel,
    pub differential: LaneModel,
    pub log: LaneModel,
}

/// One thing to draw in a lane: a backup, or a column of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// In points.
    pub left: f64,
    pub width: f64,
    /// Between 0 and 1, against the largest set of the lane.
    pub size: f32,
    /// How many backups it stands for.
    pub count: usize,
}

/// How closely the sets of a lane stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Density {
    /// Each has its own bar, so wide.
    Bars { width: f64 },
    /// Thinner than a pixel: one run for each pixel column of this width.
    Columns { width: f64 },
}

/// So many sets are looked at to learn sizes and rhythm.
const SAMPLE: usize = 512;

/// So many sets of a pixel column are looked at to learn its height.
const COLUMN_SAMPLE: usize = 4;

impl Lanes {
    /// Learns sizes and rhythms from a sample of each lane.
    pub fn new(history: &DatabaseHistory) -> Self {
        Self {
            full: LaneModel::new(history, BackupType::Full),
            differential: LaneModel::new(history, BackupType::Differential),
            log: LaneModel::new(history, BackupType::Log),
        }
    }

    /// All three, from the top.
    pub fn all(&self) -> [&LaneModel; 3] {
        [&self.full, &self.differential, &self.log]
    }
}

impl LaneModel {
    fn new(history: &DatabaseHistory, kind: BackupType) -> Self {
        let mut model = Self {
            kind,
            max_bytes: 1,
            min_bytes: u64::MAX,
            rhythm: String::new(),
        };
        let Some(lane) = history.lane(kind) else {
            return model;
        };
        let step = (lane.len() / SAMPLE).max(1);
        for position in (0..lane.len()).step_by(step) {
            if let Some(bytes) = lane.get(position).and_then(BackupSet::bytes) {
                model.max_bytes = model.max_bytes.max(bytes);
                model.min_bytes = model.min_bytes.min(bytes);
            }
        }
        model.rhythm = rhythm(&lane);
        model
    }

    /// Between 0 and 1, against the largest set of the lane; a middle value for an unknown size.
    pub fn size(&self, set: &BackupSet) -> f32 {
        match set.bytes() {
            Some(bytes) => (bytes as f64 / self.max_bytes as f64).clamp(0.0, 1.0) as f32,
            None => 0.5,
        }
    }

    /// The widest bar of this kind, in points.
    fn widest(&self) -> f64 {
        match self.kind {
            BackupType::Full => 9.0,
            BackupType::Differential => 6.0,
            _ => 3.0,
        }
    }

    /// How closely the sets stand that are visible.
    pub fn density(&self, lane: &Lane<'_>, scale: &TimeScale, pixel: f64) -> Density {
        let (first, end) = visible(lane, scale, 0.0);
        let count = (end - first).max(1);
        let each = scale.width / count as f64;
        if each >= 1.6 || count < 8 {
            let share = if self.kind == BackupType::Log {
                0.72
            } else {
                0.5
            };
            Density::Bars {
                width: (each * share).clamp(1.0, self.widest()),
            }
        } else {
            Density::Columns { width: pixel }
        }
    }

    /// What to draw in the visible part of the lane: at most one bar for each pixel column.
    pub fn bars(&self, lane: &Lane<'_>, scale: &TimeScale, density: Density) -> Vec<Bar> {
        match density {
            Density::Bars { width } => {
                let (first, end) = visible(lane, scale, width);
                lane.iter_from(first)
                    .take(end - first)
                    .map(|set| self.bar(set, scale, width))
                    .collect()
            }
            Density::Columns { width } => self.columns(lane, scale, width),
        }
    }

    /// The bar of one set: as long as the backup ran, but never thinner than `width`.
    pub fn bar(&self, set: &BackupSet, scale: &TimeScale, width: f64) -> Bar {
        let left = scale.x_from_time(set.start().instant.seconds());
        let length = set.seconds() as f64 / scale.seconds_per_point();
        Bar {
            left,
            width: length.max(width),
            size: self.size(set),
            count: 1,
        }
    }

    fn columns(&self, lane: &Lane<'_>, scale: &TimeScale, pixel: f64) -> Vec<Bar> {
        let mut bars = Vec::with_capacity((scale.width / pixel) as usize + 1);
        let (mut at, end) = visible(lane, scale, 0.0);
        while at < end {
            let Some(set) = lane.get(at) else {
                break;
            };
            let x = scale.x_from_time(set.start().instant.seconds());
            let column = ((x - scale.left) / pixel).floor();
            let left = scale.left + column * pixel;
            let until = scale.time_from_x(left + pixel);
            let next = first_not_before(lane, at + 1, end, until);
            bars.push(Bar {
                left,
                width: pixel,
                size: self.column_size(lane, at, next),
                count: next - at,
            });
            at = next;
        }
        bars
    }

    /// The largest of a few sets, at places that do not depend on where the columns fall, so that panning does not flicker.
    fn column_size(&self, lane: &Lane<'_>, from: usize, to: usize) -> f32 {
        let stride = ((to - from) / COLUMN_SAMPLE).max(1).next_power_of_two();
        let first = from.next_multiple_of(stride).min(to - 1);
        (first..to)
            .step_by(stride)
            .filter_map(|position| lane.get(position))
            .map(|set| self.size(set))
            .fold(0.0, f32::max)
    }
}

/// Positions of the sets that start in the visible range, widened by so many points.
fn visible(lane: &Lane<'_>, scale: &TimeScale, slack: f64) -> (usize, usize) {
    let slack = slack * scale.seconds_per_point();
    // A long full backup that began earlier still reaches in.
    let lead = if lane.len() < 4096 { 1 } else { 0 };
    let at =
        |time: f64| UtcTime::from_seconds(time).map_or(0, |instant| lane.started_before(instant));
    (
        at(scale.range.begin - slack).saturating_sub(lead),
        at(scale.range.end + slack),
    )
}

/// The first position in `from..to` whose set starts at or after `time`; looks nearby first.
fn first_not_before(lane: &Lane<'_>, from: usize, to: usize, time: f64) -> usize {
    let before = |position: usize| {
        lane.get(position)
            .is_some_and(|set| set.start().instant.seconds() < time)
    };
    let mut step = 1;
    let mut low = from;
    while low + step < to && before(low + step - 1) {
        low += step;
        step *= 2;
    }
    let mut high = (low + step).min(to);
    while low < high {
        let middle = usize::midpoint(low, high);
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// The usual distance of the newest sets in words.
fn rhythm(lane: &Lane<'_>) -> String {
    if lane.len() < 3 {
        return String::new();
    }
    let starts: Vec<f64> = lane
        .iter_from(lane.len().saturating_sub(33))
        .map(|set| set.start().instant.seconds())
        .collect();
    let mut distances: Vec<f64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_by(f64::total_cmp);
    let usual = distances
        .get(distances.len() / 2)
        .copied()
        .unwrap_or_default();
    let minutes = (usual / 60.0).round() as u64;
    match minutes {
        0 => format!("every {}", figures::duration(usual.max(1.0))),
        1410..=1470 => "daily".to_owned(),
        9990..=10170 => "weekly".to_owned(),
        // Six hours with a few minutes of drift read better as six hours.
        90.. => {
            let hours = (usual / 3600.0).round();
            if (usual / 3600.0 - hours).abs() < 0.1 && hours < 48.0 {
                format!("every {hours:.0} h")
            } else {
                format!("every {}", figures::age(usual))
            }
        }
        _ => format!("every {minutes} min"),
    }
}
