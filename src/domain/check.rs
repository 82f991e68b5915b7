//! Judges a restore plan by the server's rules, step by step; knows nothing of how plans are made.
//!
//! It replays what SQL Server would do with each step, from the rows of the history alone:
//! which state a set needs, which one it gives, and where `STOPAT` stops.
//! The message numbers in the docs are the server's answers.

mod mark;
mod moves;
mod started;

use started::builds_on_started;

use super::{
    BackupSet, BackupType, DatabaseHistory, Lineage, Lsn, Moment, PlanStep, RestorePlan,
    RestoringState, Role, Start, Target, Trouble, UtcTime,
};
use chrono::TimeDelta;
use uuid::Uuid;

/// What is wrong, or remarkable, about a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub kind: FindingKind,
    /// The step at fault, from 0; `None` for the plan as a whole.
    pub step: Option<usize>,
    /// The set at fault.
    pub backup_set_uuid: Option<Uuid>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, and is worth knowing.
    Notice,
    /// It may fail.
    Warning,
    /// The plan cannot be run.
    Error,
}

/// What a finding says.
#[derive(Clone, Debug, PartialEq)]
pub enum FindingKind {
    /// A plan without steps restores nothing.
    NoSteps,
    /// The history has no such set.
    UnknownSet,
    /// The step says other things of the set than the history does.
    StaleStep,
    /// The first step is no full backup (3118).
    NoFullFirst,
    /// A full backup after the first step would start over.
    SecondFull,
    /// The set cannot be restored.
    Trouble(Trouble),
    /// A backup of files, filegroups or parts.
    PartialBackup,
    /// A differential after a log (3120).
    DifferentialAfterLog,
    /// A differential of another full (3136).
    WrongBase,
    /// A backup of another database (3154).
    OtherFamily,
    /// A set of another recovery fork (4330).
    OtherFork,
    /// The log crosses a fork point, and the database may have left the restored branch before (4330).
    ForkUncertain,
    /// A log is missing before this one (4305).
    LogTooRecent {
        /// Where redo stands.
        redo: Lsn,
        /// Where the log begins.
        first_lsn: Lsn,
    },
    /// The log ends at or before redo (4326).
    LogTooEarly,
    /// The log moves nothing.
    LogNotNeeded,
    /// Fork or family of the set are unknown, so they were not tested.
    ForkUnknown,
    /// The set does not say where it was written to.
    DevicesUnknown,
    /// A data backup finished after the target (4338).
    BaseAfterTarget,
    /// The backup may really have finished up to a second later than recorded, and so after the target (4338, 4341).
    StopWithinSecondOfFinish,
    /// A log step without `STOPAT` may overshoot.
    StopMissing,
    /// `STOPAT` is not that of the target.
    StopDiffers,
    /// `STOPAT` where there is none to be: on a data backup, or for *latest*.
    StopUnwanted,
    /// The target lies inside a log with bulk-logged work (4341).
    StopInBulkLogged,
    /// A log before the last one already holds the target, so the next may be refused (4335).
    StopBeforeLastLog,
    /// The last log does not surely reach the target (4322): the database would stay `RESTORING`.
    TargetNotReached,
    /// The target lies on a branch that this plan does not restore.
    AbandonedBranch,
    /// A file of a set has no `MOVE`, or has it on another step than the first one that has the file.
    MoveMissing {
        /// The file's name inside the database.
        logical_name: String,
    },
    /// Two files would get the same path.
    MoveTwice {
        /// The path.
        to: String,
    },
    /// A copy of sets that do not list their files: `MOVE` cannot be complete.
    FilesUnknown,
    /// The history has no such mark.
    MarkUnknown,
    /// A set before the last log goes past the mark.
    MarkPassed,
}

/// Everything that speaks against a plan; without an error it can be run.
pub fn check(plan: &RestorePlan, history: &DatabaseHistory) -> Vec<Finding> {
    let mut judge = Judge {
        plan,
        history,
        findings: Vec::new(),
    };
    judge.run();
    judge.findings
}

/// Whether a plan may run: no finding is an error.
pub fn is_proved(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.severity < Severity::Error)
}

/// The database while it is restored.
struct State<'a> {
    redo: Lsn,
    fork: Option<Uuid>,
    family: Option<Uuid>,
    beginning: Beginning<'a>,
    /// When the newest data backup applied had finished.
    data_finish: Moment,
    logs_applied: bool,
    /// The last moment that the sets applied so far surely hold.
    holds_until: UtcTime,
    /// The last log crossed a fork point: where it came from.
    crossed_from: Option<Crossing>,
}

/// What a restore began with.
#[derive(Clone, Copy)]
enum Beginning<'a> {
    Full(&'a BackupSet),
    Started(&'a RestoringState),
}

#[derive(Clone, Copy)]
struct Crossing {
    held_before: UtcTime,
}

struct Judge<'a> {
    plan: &'a RestorePlan,
    history: &'a DatabaseHistory,
    findings: Vec<Finding>,
}

impl<'a> Judge<'a> {
    fn find(&mut self, severity: Severity, kind: FindingKind, step: Option<usize>) {
        let backup_set_uuid = step
            .and_then(|n| self.plan.steps.get(n))
            .map(|step| step.backup_set_uuid);
        self.findings.push(Finding {
            severity,
            kind,
            step,
            backup_set_uuid,
        });
    }

    fn error(&mut self, kind: FindingKind, step: usize) {
        self.find(Severity::Error, kind, Some(step));
    }

    fn run(&mut self) {
        if self.plan.steps.is_empty() && self.plan.start == Start::Nothing {
            self.find(Severity::Error, FindingKind::NoSteps, None);
            return;
        }
        let mut sets: Vec<&'a BackupSet> = Vec::with_capacity(self.plan.steps.len());
        for (n, step) in self.plan.steps.iter().enumerate() {
            match self.history.set_by_uuid(step.backup_set_uuid) {
                Some(set) => {
                    self.compare(step, set, n);
                    sets.push(set);
                }
                None => {
                    self.error(FindingKind::UnknownSet, n);
                    return;
                }
            }
        }
        if let Some(state) = self.replay(&sets) {
            self.judge_target(&sets, &state);
        }
        self.judge_moves(&sets);
    }

    /// A step must say of its set what the history says.
    fn compare(&mut self, step: &PlanStep, set: &BackupSet, n: usize) {
        let same = step.backup_type == set.kind()
            && step.position == set.position
            && step.first_lsn == set.first_lsn
            && step.last_lsn == set.last_lsn;
        if !same {
            self.error(FindingKind::StaleStep, n);
        }
        if let Some(trouble) = set.trouble() {
            self.error(FindingKind::Trouble(trouble), n);
        }
        if set.device_names().next().is_none() {
            self.find(Severity::Warning, FindingKind::DevicesUnknown, Some(n));
        } else {
            let known = step
                .devices
                .iter()
                .all(|device| set.device_names().any(|name| name == device.name()));
            if !known || step.devices.len() != set.n_stripes() {
                self.error(FindingKind::StaleStep, n);
            }
        }
        if set.lineage.last_fork.is_none() || set.lineage.family.is_none() {
            self.find(Severity::Notice, FindingKind::ForkUnknown, Some(n));
        }
    }

    fn replay(&mut self, sets: &[&'a BackupSet]) -> Option<State<'a>> {
        let (mut state, n_begun) = match &self.plan.start {
            Start::Nothing => (self.begun(sets)?, 1),
            Start::Restoring(started) => (self.gone_on_with(started), 0),
        };
        for (n, set) in sets.iter().enumerate().skip(n_begun) {
            if state
                .family
                .zip(set.lineage.family)
                .is_some_and(|(a, b)| a != b)
            {
                self.error(FindingKind::OtherFamily, n);
            }
            state.family = state.family.or(set.lineage.family);
            match set.kind() {
                BackupType::Full => self.error(FindingKind::SecondFull, n),
                BackupType::Differential => self.apply_differential(&mut state, set, n),
                BackupType::Log => self.apply_log(&mut state, set, n),
                _ => self.error(FindingKind::PartialBackup, n),
            }
        }
        Some(state)
    }

    /// After the full backup that everything begins with.
    fn begun(&mut self, sets: &[&'a BackupSet]) -> Option<State<'a>> {
        let full = *sets.first()?;
        if full.kind() != BackupType::Full {
            self.error(FindingKind::NoFullFirst, 0);
            return None;
        }
        Some(State {
            redo: full.last_lsn,
            fork: full.lineage.last_fork,
            family: full.lineage.family,
            beginning: Beginning::Full(full),
            data_finish: full.finish(),
            logs_applied: false,
            holds_until: full.finish().instant,
            crossed_from: None,
        })
    }

    fn apply_differential(&mut self, state: &mut State<'_>, set: &BackupSet, n: usize) {
        if state.logs_applied {
            self.error(FindingKind::DifferentialAfterLog, n);
        }
        let (fits, begins_at) = match state.beginning {
            Beginning::Full(full) => (builds_on(set, full), full.last_lsn),
            Beginning::Started(started) => (builds_on_started(set, started), started.redo),
        };
        if !fits || set.last_lsn < begins_at {
            self.error(FindingKind::WrongBase, n);
        }
        state.redo = set.last_lsn;
        state.fork = set.lineage.last_fork.or(state.fork);
        state.data_finish = state.data_finish.max(set.finish());
        state.holds_until = state.data_finish.instant;
    }

    fn apply_log(&mut self, state: &mut State<'_>, set: &BackupSet, n: usize) {
        state.logs_applied = true;
        if set.first_lsn > state.redo {
            let kind = FindingKind::LogTooRecent {
                redo: state.redo,
                first_lsn: set.first_lsn,
            };
            self.error(kind, n);
        }
        // The end is exclusive: a log that ends at redo does not hold that record.
        if set.last_lsn < state.redo || (set.last_lsn == state.redo && set.first_lsn < state.redo) {
            self.error(FindingKind::LogTooEarly, n);
        } else if set.last_lsn == state.redo {
            self.find(Severity::Notice, FindingKind::LogNotNeeded, Some(n));
            state.holds_until = state.holds_until.max(set.start().instant);
            return;
        }
        if !fork_accepts(state.fork, state.redo, set) {
            self.error(FindingKind::OtherFork, n);
        }
        let lineage: &Lineage = &set.lineage;
        let from_old = lineage.first_fork != lineage.last_fork
            && lineage.fork_point.unwrap_or(set.first_lsn).ge(&state.redo);
        if from_old && state.redo > set.first_lsn && self.left_unseen(state, set) {
            self.error(FindingKind::ForkUncertain, n);
        }
        state.crossed_from = from_old.then_some(Crossing {
            held_before: state.holds_until,
        });
        state.redo = set.last_lsn;
        state.fork = lineage.last_fork.or(state.fork);
        let until = if set.has_bulk_logged_data() {
            set.finish().instant
        } else {
            set.start().instant
        };
        state.holds_until = state.data_finish.instant.max(until);
    }

    /// Whether the database may have left this fork before the restored state, through a fork of which the log's row does not tell.
    fn left_unseen(&self, state: &State<'_>, log: &BackupSet) -> bool {
        let between: Vec<Moment> = self
            .history
            .restores()
            .iter()
            .map(|restore| restore.at)
            .filter(|at| at.instant > state.holds_until && at.instant <= log.start().instant)
            .collect();
        if between.len() < 2 {
            let told_otherwise = self.history.crossings().any(|other| {
                let leaves_too = other.lineage.first_fork == log.lineage.first_fork
                    && other.lineage.last_fork != log.lineage.last_fork;
                let before_state = match other.lineage.fork_point {
                    Some(point) => point < state.redo,
                    None => true,
                };
                leaves_too && before_state
            });
            return between.is_empty() && told_otherwise;
        }
        let newest = between.last().copied();
        let went_back_to = self
            .history
            .restores()
            .iter()
            .rfind(|restore| Some(restore.at) == newest)
            .and_then(|restore| restore.stop_at);
        let Some(back) = went_back_to else {
            return true;
        };
        between
            .iter()
            .take(between.len() - 1)
            .any(|at| at.instant <= back.instant)
    }

    /// `STOPAT` where it belongs, and the target surely reached and not passed.
    fn judge_target(&mut self, sets: &[&BackupSet], state: &State<'_>) {
        let target = match self.plan.target {
            Target::At(target) => target,
            Target::Latest | Target::Mark(_) => {
                for (n, step) in self.plan.steps.iter().enumerate() {
                    if step.stop_at.is_some() {
                        self.error(FindingKind::StopUnwanted, n);
                    }
                }
                if let Target::Mark(mark) = self.plan.target {
                    self.judge_mark(sets, state, mark);
                }
                return;
            }
        };
        // A `STOPAT` cannot name more than a tick of `datetime`, and so a target does not mean more.
        let tick = target.server.datetime_tick();
        let target = Moment {
            server: tick,
            instant: target.instant.plus(tick.0 - target.server.0),
        };
        let Some(last) = sets.len().checked_sub(1) else {
            // Nothing is restored any more: the database must show that moment as it stands.
            let shows_it = !state.logs_applied && state.holds_until == target.instant;
            if !shows_it && !self.unchanged_until(state.redo, state.fork, target.instant) {
                self.find(Severity::Error, FindingKind::TargetNotReached, None);
            }
            return;
        };
        let whole_last = sets.last().is_some_and(|set| {
            set.has_bulk_logged_data() && set.finish().instant == target.instant
        });
        for (n, step) in self.plan.steps.iter().enumerate() {
            match (step.backup_type, step.stop_at) {
                (BackupType::Log, None) if n == last && whole_last => {}
                (BackupType::Log, None) => self.error(FindingKind::StopMissing, n),
                (BackupType::Log, Some(_)) if n == last && whole_last => {
                    self.error(FindingKind::StopInBulkLogged, n);
                }
                (BackupType::Log, Some(stop)) => {
                    if target.server != stop {
                        self.error(FindingKind::StopDiffers, n);
                    }
                }
                (_, Some(_)) => self.error(FindingKind::StopUnwanted, n),
                (_, None) => {}
            }
        }
        self.judge_data(state, target, last, whole_last);
        for (n, set) in sets
            .iter()
            .enumerate()
            .filter(|(_, set)| set.kind() == BackupType::Log)
        {
            let is_last = n == last && self.plan.tail.is_none();
            let finish = set.finish().instant;
            let whole = n == last && whole_last;
            if set.has_bulk_logged_data() && target.instant < finish {
                self.error(FindingKind::StopInBulkLogged, n);
            } else if set.has_bulk_logged_data()
                && !whole
                && target.instant < finish.plus(TimeDelta::seconds(1))
            {
                let kind = FindingKind::StopWithinSecondOfFinish;
                self.find(Severity::Warning, kind, Some(n));
            } else if !is_last && set.start().instant >= target.instant {
                self.find(Severity::Warning, FindingKind::StopBeforeLastLog, Some(n));
            }
        }
        if self.plan.tail.is_none() {
            self.judge_arrival(sets, state, target, last);
        }
    }

    /// No data backup may finish after the target; a stop in a log is a second later at the earliest.
    fn judge_data(&mut self, state: &State<'_>, target: Moment, last: usize, whole_last: bool) {
        let finish = state.data_finish.instant;
        let step = self
            .plan
            .steps
            .iter()
            .rposition(|step| step.backup_type != BackupType::Log)
            .unwrap_or(last);
        let with_stop = state.logs_applied && !whole_last;
        let within_second =
            target.instant < finish.plus(TimeDelta::seconds(1)) && !state.logs_applied;
        if target.instant < finish {
            self.error(FindingKind::BaseAfterTarget, step);
        } else if (with_stop && target.instant < finish.plus(TimeDelta::seconds(1)))
            || (within_second && target.instant != finish)
        {
            let kind = FindingKind::StopWithinSecondOfFinish;
            self.find(Severity::Warning, kind, Some(step));
        }
    }

    fn judge_arrival(
        &mut self,
        sets: &[&BackupSet],
        state: &State<'_>,
        target: Moment,
        last: usize,
    ) {
        let reached = state.holds_until >= target.instant
            || self.unchanged_until(state.redo, state.fork, target.instant);
        let Some(last_set) = sets.last() else { return };
        if !reached {
            self.error(FindingKind::TargetNotReached, last);
            return;
        }
        let in_last = last_set.kind() == BackupType::Log && !last_set.has_bulk_logged_data();
        if let Some(crossing) = state.crossed_from.filter(|_| in_last) {
            let start = last_set.start().instant;
            let mut since = self.history.restores().iter().filter(|restore| {
                restore.at.instant > crossing.held_before && restore.at.instant <= start
            });
            let (first, last_restore) = (since.next(), since.next_back());
            let on_new = match last_restore.or(first) {
                Some(restore) => target.instant >= restore.at.instant,
                None => target.instant >= start,
            };
            let on_old = last_restore.is_none()
                && first
                    .and_then(|restore| restore.stop_at)
                    .is_some_and(|stop| target.instant <= stop.instant);
            if !on_new && !on_old {
                self.error(FindingKind::AbandonedBranch, last);
            }
        }
    }

    /// Whether an empty log says that nothing changed after `redo` up to the target.
    fn unchanged_until(&self, redo: Lsn, fork: Option<Uuid>, target: UtcTime) -> bool {
        let Some(logs) = self.history.lane(BackupType::Log) else {
            return false;
        };
        logs.iter_from(logs.started_before(target))
            .take(64)
            .any(|set| {
                set.first_lsn == redo
                    && set.last_lsn == redo
                    && set.lineage.last_fork.zip(fork).is_none_or(|(a, b)| a == b)
            })
    }
}

/// Rule 2, by guid where there is one.
fn builds_on(set: &BackupSet, full: &BackupSet) -> bool {
    let (Role::Differential(facts), Role::Full(base)) = (&set.role, &full.role) else {
        return false;
    };
    if let Some(guid) = facts.base_guid {
        return guid == full.uuid;
    }
    let lsn = facts.base_lsn.or(facts.database_backup_lsn);
    !full.is_copy_only() && lsn.is_some() && lsn == base.checkpoint_lsn
}

/// Rule 4: whether a log may follow a state on this fork.
fn fork_accepts(fork: Option<Uuid>, redo: Lsn, set: &BackupSet) -> bool {
    let lineage = &set.lineage;
    let point = lineage.fork_point.unwrap_or(set.first_lsn);
    let before_point = lineage.first_fork == lineage.last_fork || redo <= point;
    let needed = if before_point {
        lineage.first_fork
    } else {
        lineage.last_fork
    };
    fork.zip(needed).is_none_or(|(have, need)| have == need)
}
