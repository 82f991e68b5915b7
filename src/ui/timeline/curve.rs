//! What reaching each moment costs: worked out once for each cell of time, and kept while the view moves.

use super::TimeScale;
use crate::{
    domain::{EstimateBasis, Price, prices},
    state::DatabaseView,
};
use std::collections::BTreeMap;

/// Cells that were worked out already. A cell is a power of two of seconds, so that panning finds them again.
#[derive(Clone, Debug, Default)]
pub struct CurveCache {
    generation: u64,
    step: i64,
    cells: BTreeMap<i64, Option<Cell>>,
}

/// What a cell costs to reach, at its first reachable second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    second: i64,
    price: Price,
}

/// What the curve counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveUnit {
    /// Seconds, from this basis.
    Seconds(EstimateBasis),
    /// Bytes to read: nothing tells how long that takes.
    Bytes,
}

/// The curve over the visible part of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub unit: CurveUnit,
    /// Time and value; a stretch that cannot be reached parts two of these.
    pub pieces: Vec<Vec<(f64, f64)>>,
    /// The largest value in sight.
    pub most: f64,
}

/// More cells than a screen has pixels twice over.
const MOST_CELLS: usize = 8192;

impl CurveCache {
    /// The curve in sight; only cells that were never in sight are worked out.
    pub fn curve(&mut self, generation: u64, scale: &TimeScale, database: &DatabaseView) -> Curve {
        let step = step(scale.seconds_per_point());
        if self.generation != generation || self.step != step || self.cells.len() > MOST_CELLS {
            *self = Self {
                generation,
                step,
                cells: BTreeMap::new(),
            };
        }
        let first = (scale.range.begin as i64).div_euclid(step) - 1;
        let last = (scale.range.end as i64).div_euclid(step) + 1;
        self.fill(first, last, database);
        curve_of(self.cells.range(first..=last).map(|(_, cell)| *cell))
    }

    fn fill(&mut self, first: i64, last: i64, database: &DatabaseView) {
        let mut missing: Vec<(i64, i64)> = Vec::new();
        for cell in first..=last {
            if self.cells.contains_key(&cell) {
                continue;
            }
            match reachable_in(database, cell * self.step, self.step) {
                Some(second) => missing.push((cell, second)),
                None => {
                    self.cells.insert(cell, None);
                }
            }
        }
        let seconds: Vec<i64> = missing.iter().map(|&(_, second)| second).collect();
        let found = prices(&database.history, &database.limits, &seconds);
        for ((cell, second), price) in missing.into_iter().zip(found) {
            self.cells
                .insert(cell, price.map(|price| Cell { second, price }));
        }
    }
}

/// The first reachable second of a cell.
fn reachable_in(database: &DatabaseView, from: i64, step: i64) -> Option<i64> {
    let windows = &database.coverage.windows;
    let at = windows.partition_point(|window| window.to.instant.seconds() < from as f64);
    let begin = windows.get(at)?.from.instant.seconds().ceil() as i64;
    (begin < from + step).then_some(begin.max(from))
}

/// One or two cells for each point.
fn step(seconds_per_point: f64) -> i64 {
    let mut step = 1;
    while (step * 2) as f64 <= seconds_per_point {
        step *= 2;
    }
    step
}

fn curve_of(cells: impl Iterator<Item = Option<Cell>> + Clone) -> Curve {
    let basis = |cell: Cell| cell.price.estimate.map(|estimate| estimate.basis);
    // A small backup that was written within one second has no speed: one of them does not take it from the others.
    let n_known = cells.clone().flatten().count();
    let mut bases = cells.clone().flatten().filter_map(basis);
    let unit = match bases.next() {
        Some(first) if 2 * (1 + bases.count()) > n_known => CurveUnit::Seconds(first),
        _ => CurveUnit::Bytes,
    };
    let value = |price: &Price| match unit {
        CurveUnit::Seconds(_) => price.estimate.map(|estimate| estimate.seconds),
        CurveUnit::Bytes => price.bytes.map(|bytes| bytes as f64),
    };
    let mut curve = Curve {
        unit,
        pieces: Vec::new(),
        most: 0.0,
    };
    let mut open = false;
    for cell in cells {
        let point = cell.and_then(|cell| Some((cell.second as f64, value(&cell.price)?)));
        match point {
            Some(point) => {
                curve.most = curve.most.max(point.1);
                if !open {
                    curve.pieces.push(Vec::new());
                }
                if let Some(piece) = curve.pieces.last_mut() {
                    piece.push(point);
                }
                open = true;
            }
            None => open = false,
        }
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cost, Estimate};

    fn cell(second: i64, seconds: Option<f64>) -> Option<Cell> {
        let estimate = seconds.map(|seconds| Estimate {
            seconds,
            low: seconds,
            high: seconds,
            basis: EstimateBasis::BackupSpeed,
        });
        let price = Price {
            cost: Cost::Bytes(100),
            sets: 1,
            estimate,
            bytes: Some(1000),
        };
        Some(Cell { second, price })
    }

    #[test]
    fn a_gap_parts_the_curve() {
        let cells = [
            cell(0, Some(5.0)),
            cell(1, Some(7.0)),
            None,
            cell(3, Some(2.0)),
        ];
        let curve = curve_of(cells.into_iter());
        assert_eq!(curve.unit, CurveUnit::Seconds(EstimateBasis::BackupSpeed));
        assert_eq!(
            curve.pieces,
            [vec![(0.0, 5.0), (1.0, 7.0)], vec![(3.0, 2.0)]]
        );
        assert_eq!(curve.most, 7.0);
    }

    #[test]
    fn without_a_basis_for_seconds_it_counts_bytes() {
        let curve = curve_of([cell(0, Some(5.0)), cell(1, None)].into_iter());
        assert_eq!(curve.unit, CurveUnit::Bytes);
        assert_eq!(curve.most, 1000.0);
    }

    #[test]
    fn a_backup_without_a_speed_does_not_take_it_from_the_others() {
        let cells = [cell(0, Some(5.0)), cell(1, Some(6.0)), cell(2, None)];
        let curve = curve_of(cells.into_iter());
        assert_eq!(curve.unit, CurveUnit::Seconds(EstimateBasis::BackupSpeed));
        assert_eq!(curve.pieces, [vec![(0.0, 5.0), (1.0, 6.0)]]);
    }

    #[test]
    fn cells_stay_where_they_are_while_the_view_moves() {
        assert_eq!(
            [step(0.2), step(1.0), step(3.9), step(312.0)],
            [1, 1, 2, 256]
        );
    }
}
