//! Which moments can be reached, and why the others cannot: what the timeline draws.

use super::{Moment, RefusalKind};
use uuid::Uuid;

/// Which moments of a database can be reached with what may take part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    /// Closed intervals in which a target can land, in order of time, apart from each other; a point has equal ends.
    pub windows: Vec<Window>,
    /// What lies between two windows, in the same order.
    pub gaps: Vec<Gap>,
    /// The recovery forks, in the order in which they began; one for a database that was never restored over.
    pub branches: Vec<Branch>,
    /// From this moment on a target needs a log backup that is still to be taken; `None` when none would help (simple recovery, a broken chain).
    pub tail: Option<Moment>,
}

/// A closed interval of reachable moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first reachable moment.
    pub from: Moment,
    /// The last one.
    pub to: Moment,
}

/// Moments between two windows that nothing reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last reachable moment before it.
    pub from: Moment,
    /// The first reachable moment after it.
    pub to: Moment,
    /// Why.
    pub kind: RefusalKind,
    /// The set at fault: the damaged one, the one with bulk-logged work, the log after a missing one.
    pub culprit: Option<Uuid>,
    /// The set with which moments can be reached again.
    pub next_way_in: Option<Uuid>,
}

/// One recovery fork: a stretch of the database's past between two restores over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Its recovery fork; `None` when the rows do not tell.
    pub fork: Option<Uuid>,
    /// The original database.
    pub family: Option<Uuid>,
    /// The branch that it left, as an index into `Coverage::branches`.
    pub parent: Option<usize>,
    /// The first moment known to lie on it.
    pub begins: Moment,
    /// The last reachable moment on it.
    pub ends: Moment,
    /// Its own windows.
    pub windows: Vec<Window>,
}

impl Coverage {
    /// The newest moment that can be reached.
    pub fn newest(&self) -> Option<Moment> {
        self.windows.last().map(|window| window.to)
    }

    /// The oldest moment that can be reached.
    pub fn oldest(&self) -> Option<Moment> {
        self.windows.first().map(|window| window.from)
    }

    /// The window that holds `moment`.
    pub fn window_at(&self, moment: Moment) -> Option<Window> {
        let after = self
            .windows
            .partition_point(|window| window.from.instant <= moment.instant);
        let window = *self.windows.get(after.checked_sub(1)?)?;
        (moment.instant <= window.to.instant).then_some(window)
    }

    /// The closest reachable moments at or before, and at or after.
    pub fn nearest(&self, moment: Moment) -> (Option<Moment>, Option<Moment>) {
        if self.window_at(moment).is_some() {
            return (Some(moment), Some(moment));
        }
        let after = self
            .windows
            .partition_point(|window| window.from.instant <= moment.instant);
        let before = after.checked_sub(1).and_then(|n| self.windows.get(n));
        (
            before.map(|window| window.to),
            self.windows.get(after).map(|window| window.from),
        )
    }
}
