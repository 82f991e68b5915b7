//! The backups of the selected database as the window needs them: spans, steps of the marker, the plan.

use super::{Freshness, Managed, RestoreChoice, TimeRange};
use crate::{
    domain::{
        BackupSet, BackupType, CostModel, Coverage, DatabaseEvent, DatabaseHistory, Destination,
        Limits, Moment, Refusal, RestorePlan, RestoreRequest, Start, UtcOffset, UtcTime, Window,
        plan,
    },
    explain::gap_line,
};
use std::sync::Arc;

/// One database on the timeline. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DatabaseView {
    pub history: Arc<DatabaseHistory>,
    pub coverage: Arc<Coverage>,
    /// Now, on the axis of the history: where no zone is known the axis is the wall clock itself.
    pub now: UtcTime,
    /// What the band under the lanes shows, in order of time.
    pub spans: Arc<[Span]>,
    /// A log backup taken now would reach moments after the last one.
    pub tail: bool,
    /// What takes part.
    pub limits: Limits,
    /// What can no longer be reached because backups are treated as lost, in seconds since 1970.
    pub dark: Arc<[(f64, f64)]>,
    /// Restores over the database that went back in time.
    pub branches: Arc<[BranchPoint]>,
    /// What happened besides the backups, oldest first.
    pub events: Arc<[DatabaseEvent]>,
    /// Set where a service takes the backups and restores them: no plan of ours reaches there.
    pub managed: Option<Managed>,
}

/// Where the database was taken back to an earlier moment, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BranchPoint {
    /// The moment that the new branch goes on from.
    pub left: f64,
    /// When it begins.
    pub begins: f64,
}

/// A stretch of the restorable band, in seconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub begin: f64,
    pub end: f64,
    pub kind: SpanKind,
}

/// What a stretch of the band is.
#[derive(Clone, Debug, PartialEq)]
pub enum SpanKind {
    Restorable,
    /// Nothing reaches it, for this reason.
    Gap(String),
    /// Only the live log has it so far.
    Tail,
}

/// What the planner says to the choice.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanState {
    NoMarker,
    Planned(Box<RestorePlan>),
    Refused(Box<Refusal>),
}

impl PlanState {
    /// The plan, when there is one.
    pub fn plan(&self) -> Option<&RestorePlan> {
        match self {
            Self::Planned(plan) => Some(plan),
            Self::NoMarker | Self::Refused(_) => None,
        }
    }
}

impl DatabaseView {
    /// Works out what the timeline shows. `now` is an instant; `offset` is the server's, where it is known.
    pub fn new(
        history: Arc<DatabaseHistory>,
        limits: Limits,
        now: UtcTime,
        offset: Option<UtcOffset>,
        online: bool,
    ) -> Self {
        let coverage = history.coverage(&limits);
        let now = on_axis(&history, now, offset);
        let tail = online && coverage.tail.is_some();
        let spans = spans(&history, &coverage, now, tail).into();
        let dark = if limits.without.is_empty() {
            Vec::new()
        } else {
            let usual = Limits {
                without: Vec::new(),
                costs: CostModel::default(),
                ..limits.clone()
            };
            darkened(&history.coverage(&usual), &coverage)
        };
        Self {
            dark: dark.into(),
            branches: branch_points(&history, &coverage).into(),
            events: history.events().into(),
            history,
            coverage,
            now,
            spans,
            tail,
            limits,
            managed: None,
        }
    }

    /// A database that a service backs up and restores: what can be reached is what the service says.
    pub fn managed(history: Arc<DatabaseHistory>, managed: Managed, now: UtcTime) -> Self {
        let clock = history.clock();
        let window = managed.range.map(|range| Window {
            from: clock.moment_at(range.earliest),
            to: clock.moment_at(range.latest),
        });
        let coverage = Coverage {
            windows: window.into_iter().collect(),
            ..Coverage::default()
        };
        Self {
            spans: service_spans(&managed).into(),
            coverage: Arc::new(coverage),
            history,
            now,
            tail: false,
            limits: Limits::default(),
            dark: Arc::default(),
            branches: Arc::default(),
            events: Arc::default(),
            managed: Some(managed),
        }
    }

    /// Time went on: the line of now moves, and with it the end of the tail.
    pub fn move_now(&mut self, now: UtcTime, offset: Option<UtcOffset>) {
        let now = on_axis(&self.history, now, offset);
        if now <= self.now {
            return;
        }
        self.now = now;
        if let Some(managed) = &mut self.managed {
            managed.range = managed.range.map(|range| range.moved_to(now));
            self.spans = service_spans(managed).into();
        }
        let ends_in_tail = self
            .spans
            .last()
            .is_some_and(|span| span.kind == SpanKind::Tail);
        if ends_in_tail {
            let mut spans = self.spans.to_vec();
            if let Some(last) = spans.last_mut() {
                last.end = now.seconds();
            }
            self.spans = spans.into();
        }
    }

    /// What the planner is asked about a choice for the database of this name: within the limits that this view shows.
    ///
    /// A database that is gone on with is written in its place, whatever its backups call it.
    pub fn request(&self, choice: &RestoreChoice, database: &str) -> Option<RestoreRequest> {
        let Limits {
            differentials,
            logs,
            taken_by,
            without,
            costs,
            start,
        } = self.limits.clone();
        let request = choice.request(database)?;
        let destination = match start {
            Start::Nothing => request.destination,
            Start::Restoring(_) if self.is_of(database) => Destination::Original,
            Start::Restoring(_) => Destination::Copy {
                name: database.to_owned(),
                files_to: None,
            },
        };
        Some(RestoreRequest {
            destination,
            differentials,
            logs,
            taken_by,
            without,
            costs,
            start,
            ..request
        })
    }

    /// Whether its backups carry this name.
    pub fn is_of(&self, database: &str) -> bool {
        self.history.name().to_lowercase() == database.to_lowercase()
    }

    /// The planner's answer, with a copy-only log backup first where only that reaches the moment.
    pub fn plan(&self, request: Option<RestoreRequest>) -> PlanState {
        let Some(request) = request.filter(|_| self.managed.is_none()) else {
            return PlanState::NoMarker;
        };
        match plan(&self.history, &request) {
            Ok(plan) => PlanState::Planned(Box::new(plan)),
            Err(refusal) => {
                let within_now = match request.target {
                    crate::domain::Target::At(moment) => moment.instant <= self.now,
                    crate::domain::Target::Mark(mark) => mark.at.instant <= self.now,
                    crate::domain::Target::Latest => true,
                };
                match *refusal {
                    Refusal {
                        tail: Some(plan), ..
                    } if self.tail && within_now => PlanState::Planned(plan),
                    other => PlanState::Refused(Box::new(other)),
                }
            }
        }
    }

    /// From the first backup to a little after now.
    pub fn whole(&self) -> TimeRange {
        let now = self.now.seconds();
        let first_set = self.history.set(0).map(|set| set.start().instant.seconds());
        let first_span = self.spans.first().map(|span| span.begin);
        let long_term = self.managed.as_ref().and_then(|managed| {
            managed
                .long_term()
                .iter()
                .map(|backup| backup.taken.seconds())
                .find(|taken| *taken > now - LONG_TERM_SHOWN_SECS)
        });
        let begin = first_set
            .into_iter()
            .chain(first_span)
            .chain(long_term)
            .min_by(f64::total_cmp)
            .unwrap_or(now - 86_400.0);
        let end = self
            .history
            .newest_backup()
            .map_or(now, |moment| moment.instant.seconds().max(now));
        let length = (end - begin).max(3600.0);
        TimeRange::new(begin - length * 0.01, end + length * 0.04)
    }

    /// The last three days.
    pub fn opening_range(&self) -> TimeRange {
        let whole = self.whole();
        let length = 3.0 * 86_400.0;
        let end = whole
            .end
            .min(self.now.seconds().max(self.newest_seconds()) + length * 0.12);
        TimeRange::new(end - length, end).inside(whole)
    }

    /// The newest moment that the backups hold.
    pub fn newest(&self) -> Option<Moment> {
        self.coverage.newest()
    }

    fn newest_seconds(&self) -> f64 {
        self.newest()
            .map_or(f64::NEG_INFINITY, |moment| moment.instant.seconds())
    }

    /// The reachable stretches, the tail included.
    fn stretches(&self) -> impl DoubleEndedIterator<Item = (f64, f64)> + '_ {
        self.spans
            .iter()
            .filter(|span| !matches!(span.kind, SpanKind::Gap(_)))
            .map(|span| (span.begin, span.end))
    }

    fn moment(&self, seconds: f64) -> Option<Moment> {
        UtcTime::from_seconds(seconds).map(|instant| self.history.clock().moment_at(instant))
    }

    /// The reachable whole second nearest to a time; exactly that second inside a window.
    pub fn nearest_restorable(&self, time: f64) -> Option<Moment> {
        let wanted = time.round();
        let found = self
            .stretches()
            .map(|(begin, end)| clamp_to_second(wanted, begin, end))
            .min_by(|a, b| (a - wanted).abs().total_cmp(&(b - wanted).abs()))?;
        self.moment(found)
    }

    /// The moment moved to a whole second without leaving its window.
    pub fn whole_second_within(&self, moment: Moment) -> Moment {
        self.nearest_restorable(moment.instant.seconds())
            .unwrap_or(moment)
    }

    /// So many seconds on, over a gap if one lies in the way.
    pub fn step(&self, from: f64, seconds: f64) -> Option<Moment> {
        let wanted = (from + seconds).round();
        let inside = self
            .stretches()
            .any(|(begin, end)| begin <= wanted && wanted <= end);
        if inside {
            return self.moment(wanted);
        }
        let beyond = if seconds > 0.0 {
            self.stretches()
                .map(|(begin, _)| begin.ceil())
                .find(|begin| *begin >= wanted)
        } else {
            self.stretches()
                .rev()
                .map(|(_, end)| end.floor())
                .find(|end| *end <= wanted)
        };
        match beyond {
            Some(time) => self.moment(time),
            None => self.nearest_restorable(wanted),
        }
    }

    /// The first reachable moment.
    pub fn first_moment(&self) -> Option<Moment> {
        let (begin, end) = self.stretches().next()?;
        self.moment(begin.ceil().min(end))
    }

    /// The last reachable moment, in the tail when there is one.
    pub fn last_moment(&self) -> Option<Moment> {
        let (begin, end) = self.stretches().next_back()?;
        self.moment(end.floor().max(begin))
    }

    /// Where the next backup finished.
    pub fn next_backup(&self, after: f64) -> Option<Moment> {
        let near = self.sets_around(after);
        near.iter()
            .map(|set| set.finish().instant.seconds())
            .filter(|finish| *finish > after + 0.5)
            .min_by(f64::total_cmp)
            .and_then(|finish| self.step(finish, 0.0))
    }

    /// Where the backup before finished.
    pub fn previous_backup(&self, before: f64) -> Option<Moment> {
        let near = self.sets_around(before);
        near.iter()
            .map(|set| set.finish().instant.seconds())
            .filter(|finish| *finish < before - 0.5)
            .max_by(f64::total_cmp)
            .and_then(|finish| self.step(finish, 0.0))
    }

    /// Sets that start near an instant: enough that a long full backup beside many logs is among them.
    fn sets_around(&self, time: f64) -> Vec<&BackupSet> {
        let Some(instant) = UtcTime::from_seconds(time) else {
            return Vec::new();
        };
        let mut sets = Vec::new();
        for kind in [BackupType::Full, BackupType::Differential, BackupType::Log] {
            if let Some(lane) = self.history.lane(kind) {
                let at = lane.started_before(instant);
                sets.extend(lane.iter_from(at.saturating_sub(4)).take(8));
            }
        }
        sets
    }

    /// Where the newest backup of a service began, until the service is asked what it can restore.
    ///
    /// Its backups have no log sequence numbers, so nothing but the service proves them.
    fn newest_of_service(&self) -> Option<UtcTime> {
        self.managed.as_ref()?;
        [BackupType::Full, BackupType::Differential, BackupType::Log]
            .into_iter()
            .filter_map(|kind| self.history.lane(kind))
            .filter_map(|lane| lane.iter_from(lane.len().saturating_sub(1)).next())
            .map(|set| set.start().instant)
            .max()
    }

    /// How far back one would have to go right now.
    pub fn freshness(&self) -> Freshness {
        let lane = [BackupType::Log, BackupType::Differential, BackupType::Full]
            .into_iter()
            .filter_map(|kind| self.history.lane(kind))
            .find(|lane| lane.len() >= 3);
        let usual_interval = lane.map(|lane| {
            let starts: Vec<f64> = lane
                .iter_from(lane.len().saturating_sub(17))
                .map(|set| set.start().instant.seconds())
                .collect();
            let mut distances: Vec<f64> = starts.windows(2).map(|w| w[1] - w[0]).collect();
            distances.sort_by(f64::total_cmp);
            distances
                .get(distances.len() / 2)
                .copied()
                .unwrap_or_default()
        });
        // A log holds everything up to its start; what is known to be reachable ends there.
        let newest = self.newest().map(|moment| moment.instant);
        Freshness {
            newest: newest.or_else(|| self.newest_of_service()),
            usual_interval,
        }
    }
}

/// An instant on the axis of a history: where no zone is known the axis is the wall clock itself.
fn on_axis(history: &DatabaseHistory, now: UtcTime, offset: Option<UtcOffset>) -> UtcTime {
    match offset {
        Some(offset) if !history.clock().knows_zone() => UtcTime(now.to_server(offset).0.and_utc()),
        _ => now,
    }
}

/// What the one coverage reaches and the other does not; a single moment has equal ends.
fn darkened(usual: &Coverage, now: &Coverage) -> Vec<(f64, f64)> {
    let mut dark = Vec::new();
    for window in &usual.windows {
        let mut begin = window.from.instant.seconds();
        let end = window.to.instant.seconds();
        let first = now
            .windows
            .partition_point(|left| left.to.instant.seconds() < begin);
        if begin == end {
            let left = now.windows.get(first);
            if left.is_none_or(|left| left.from.instant.seconds() > end) {
                dark.push((begin, end));
            }
            continue;
        }
        for left in now.windows.iter().skip(first) {
            let from = left.from.instant.seconds();
            if from > end {
                break;
            }
            if from > begin {
                dark.push((begin, from));
            }
            begin = begin.max(left.to.instant.seconds());
        }
        if begin < end {
            dark.push((begin, end));
        }
    }
    dark
}

/// Restores that left a branch behind, when more than one branch is known.
fn branch_points(history: &DatabaseHistory, coverage: &Coverage) -> Vec<BranchPoint> {
    if coverage.branches.len() < 2 {
        return Vec::new();
    }
    history
        .restores()
        .iter()
        .filter_map(|restore| {
            let left = restore.stop_at?.instant.seconds();
            let begins = restore.at.instant.seconds();
            (left < begins).then_some(BranchPoint { left, begins })
        })
        .collect()
}

/// Long-term backups of the last two months are on the timeline; older ones would leave the rest no room.
const LONG_TERM_SHOWN_SECS: f64 = 60.0 * 86_400.0;

/// What a service can restore: one stretch, any second of it.
fn service_spans(managed: &Managed) -> Vec<Span> {
    managed
        .range
        .map(|range| Span {
            begin: range.earliest.seconds(),
            end: range.latest.seconds(),
            kind: SpanKind::Restorable,
        })
        .into_iter()
        .collect()
}

fn clamp_to_second(wanted: f64, begin: f64, end: f64) -> f64 {
    let (first, last) = (begin.ceil(), end.floor());
    if first > last {
        begin
    } else {
        wanted.clamp(first, last)
    }
}

fn spans(history: &DatabaseHistory, coverage: &Coverage, now: UtcTime, tail: bool) -> Vec<Span> {
    let mut spans = Vec::with_capacity(coverage.windows.len() * 2 + 1);
    for (idx, window) in coverage.windows.iter().enumerate() {
        spans.push(Span {
            begin: window.from.instant.seconds(),
            end: window.to.instant.seconds(),
            kind: SpanKind::Restorable,
        });
        if let Some(gap) = coverage.gaps.get(idx) {
            spans.push(Span {
                begin: gap.from.instant.seconds(),
                end: gap.to.instant.seconds(),
                kind: SpanKind::Gap(gap_line(history, gap)),
            });
        }
    }
    if let (true, Some(from)) = (tail, coverage.tail) {
        let (begin, end) = (from.instant.seconds(), now.seconds());
        if end > begin {
            spans.push(Span {
                begin,
                end,
                kind: SpanKind::Tail,
            });
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage(windows: &[(f64, f64)]) -> Coverage {
        let moment = |seconds| {
            let instant = UtcTime::from_seconds(seconds).expect("a time");
            Moment {
                server: instant.to_server(UtcOffset::ZERO),
                instant,
            }
        };
        let windows = windows.iter().map(|&(from, to)| Window {
            from: moment(from),
            to: moment(to),
        });
        Coverage {
            windows: windows.collect(),
            ..Coverage::default()
        }
    }

    #[test]
    fn single_moments_that_are_lost_are_dark_as_well() {
        let usual = coverage(&[(10.0, 10.0), (20.0, 20.0), (30.0, 60.0), (90.0, 90.0)]);
        let left = coverage(&[(20.0, 20.0), (40.0, 50.0)]);
        assert_eq!(
            darkened(&usual, &left),
            [(10.0, 10.0), (30.0, 40.0), (50.0, 60.0), (90.0, 90.0)]
        );
        assert_eq!(darkened(&usual, &usual), []);
    }
}
