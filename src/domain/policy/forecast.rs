//! What a policy will do: the next runs, the loss it can promise, restore time, storage, clashes, objectives.
//!
//! Every figure says what it rests on; what nothing is known of is missing, never guessed.

use super::{
    AgentSchedule, AgentState, JobBacksUp, Policy, PolicyKind, PolicyOptions, Times, times,
};
use crate::domain::{
    BackupSet, BackupType, DatabaseHistory, Estimate, EstimateBasis, ServerTime, UtcTime,
};
use chrono::TimeDelta;

/// What a forecast rests on besides the policy.
#[derive(Clone, Debug)]
pub struct ScheduleFacts<'a> {
    /// The server's wall clock.
    pub now: ServerTime,
    /// The same as an instant.
    pub now_utc: UtcTime,
    /// The databases that the policy means, as they are now.
    pub databases: Vec<DatabaseFacts<'a>>,
    /// Other jobs of the server.
    pub other_jobs: &'a [OtherJob],
    /// Whether Agent is there.
    pub agent: AgentState,
    /// Whether the edition writes compressed backups.
    pub can_compress: bool,
    /// Whether the login, which will own the jobs, sees everything.
    pub is_sysadmin: bool,
}

/// One database of a policy.
#[derive(Clone, Debug)]
pub struct DatabaseFacts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its backups, where any are known.
    pub history: Option<&'a DatabaseHistory>,
    /// Simple recovery: it has no log backups.
    pub is_simple: bool,
}

/// A job of the server that no policy of these databases owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherJob {
    /// `sysjobs.name`.
    pub name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// When it runs.
    pub schedules: Vec<AgentSchedule>,
    /// How long it took last time; `None` when it never ran.
    pub usual_secs: Option<i64>,
    /// Whether it takes backups of a database of the policy.
    pub backs_up: Option<JobBacksUp>,
}

/// Who carries the schedule out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulerKind {
    /// SQL Server Agent.
    Agent,
    /// The operating system, through `sqlcmd`: the server has no Agent.
    OperatingSystem,
}

/// What a policy will do.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulePlan {
    /// Who carries it out.
    pub scheduler: SchedulerKind,
    /// The options that remain after what the edition lacks was left out.
    pub options: PolicyOptions,
    /// What had to be left out.
    pub left_out: Vec<LeftOut>,
    /// The runs of the next 24 hours, in order of time.
    pub runs: Vec<PlannedRun>,
    /// The most that can be lost.
    pub loss: PromisedLoss,
    /// The longest way back; `None` when nothing is known of the backups.
    pub restore: Option<RestoreForecast>,
    /// Bytes at the end of the recovery window; `None` when nothing is known of the backups.
    pub storage: Option<StorageForecast>,
    /// Other jobs that run at the same time.
    pub clashes: Vec<Clash>,
    /// Whether the loss promised is met; `None` without an objective.
    pub loss_verdict: Option<Verdict>,
    /// Whether the time promised is met; `None` without an objective or a forecast.
    pub down_verdict: Option<Verdict>,
}

/// Something that the policy asks for and the server cannot do, or may not be able to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The edition writes no compressed backups.
    Compression,
    /// The edition has no SQL Server Agent: no operator, no job history.
    Agent,
    /// Every database is in simple recovery: no log backups.
    Logs,
    /// Who owns the jobs is no sysadmin: they may not see whether a full backup is there to build on, and fail then.
    Sight,
}

/// One run to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedRun {
    /// Of what.
    pub kind: PolicyKind,
    /// On the server's wall clock.
    pub at: ServerTime,
    /// How long the last ones of its kind took; `None` when none is known.
    pub seconds: Option<f64>,
}

/// The most that can be lost when everything runs as planned: the interval and, at its end, the backup that did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromisedLoss {
    /// The longest time between two runs that move the newest reachable moment on.
    pub interval: TimeDelta,
    /// The longest of these backups that was seen; `None` when none is known.
    pub longest_backup: Option<TimeDelta>,
    /// Whether logs are what moves it on; else only fulls and differentials do.
    pub by_logs: bool,
}

/// The longest restore under this schedule, up to the moment right before the next full or differential.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestoreForecast {
    /// How long it takes.
    pub estimate: Estimate,
    /// How many log backups it takes.
    pub logs: usize,
    /// Bytes to read.
    pub bytes: u64,
}

/// What the backups of the recovery window take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageForecast {
    /// On the share.
    pub bytes: u64,
    /// Days back.
    pub days: u32,
    /// Databases of which nothing is known, so that they are not in it.
    pub unknown: usize,
    /// The span of history that the figure rests on, in hours.
    pub basis_hours: i64,
}

/// Another job that runs while a backup of the policy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// Of what.
    pub kind: PolicyKind,
    /// The other job.
    pub job: String,
    /// The first time.
    pub first: ServerTime,
    /// How many times in the next 24 hours.
    pub times: usize,
}

/// Whether something promised is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Met,
    /// The interval alone keeps it; with the time that a backup takes it does not.
    Tight {
        /// Log backups every so many minutes would keep it; `None` when no whole minute would.
        minutes: Option<u32>,
    },
    /// It is not, and log backups every so many minutes would keep it.
    Missed {
        /// `None` when no interval of logs would, or when it is not a question of logs.
        minutes: Option<u32>,
    },
    /// It is not: a differential every so many hours would keep it, as far as the history tells.
    MissedDown {
        /// `None` when even the full backup alone takes longer.
        differential_hours: Option<u32>,
    },
}

/// A day.
const AHEAD: TimeDelta = TimeDelta::hours(24);

/// The history that averages are taken from.
const BASIS: TimeDelta = TimeDelta::days(7);

/// Intervals that divide an hour, from which remedies are chosen.
const NICE_MINUTES: [u32; 12] = [60, 30, 20, 15, 12, 10, 6, 5, 4, 3, 2, 1];

/// Says what a policy will do with what is known of its databases.
pub fn plan_schedule(policy: &Policy, facts: &ScheduleFacts<'_>) -> SchedulePlan {
    let mut left_out = Vec::new();
    let mut options = policy.options;
    if options.compression && !facts.can_compress {
        options.compression = false;
        left_out.push(LeftOut::Compression);
    }
    let scheduler = if facts.agent == AgentState::Absent {
        left_out.push(LeftOut::Agent);
        SchedulerKind::OperatingSystem
    } else {
        SchedulerKind::Agent
    };
    let all_simple = !facts.databases.is_empty() && facts.databases.iter().all(|d| d.is_simple);
    if all_simple && policy.backup(PolicyKind::Log).is_some() {
        left_out.push(LeftOut::Logs);
    }
    let builds_on_full = policy
        .backups
        .iter()
        .any(|backup| backup.kind != PolicyKind::Full);
    if scheduler == SchedulerKind::Agent && builds_on_full && !facts.is_sysadmin {
        left_out.push(LeftOut::Sight);
    }
    let known = Known::read(facts);
    let mut runs: Vec<PlannedRun> = policy
        .backups
        .iter()
        .flat_map(|backup| {
            let seconds = known.seconds(backup.kind);
            backup
                .times
                .runs(facts.now, facts.now.plus(AHEAD))
                .into_iter()
                .map(move |at| PlannedRun {
                    kind: backup.kind,
                    at,
                    seconds,
                })
        })
        .collect();
    runs.sort_by_key(|run| (run.at, run.kind));
    let loss = promised_loss(policy, &known, all_simple);
    let restore = longest_restore(policy, &known, all_simple);
    let storage = storage(policy, facts, &known);
    let loss_verdict = policy
        .objective
        .map(|objective| judge_loss(loss, objective.loss_minutes));
    let down_verdict = policy
        .objective
        .zip(restore)
        .map(|(objective, restore)| judge_down(policy, &known, restore, objective.down_minutes));
    SchedulePlan {
        scheduler,
        options,
        left_out,
        clashes: clashes(&runs, facts),
        runs,
        loss,
        restore,
        storage,
        loss_verdict,
        down_verdict,
    }
}

/// What the histories of all databases tell, of the largest where one counts and of all where they add up.
#[derive(Debug, Default)]
struct Known {
    full: Option<Sample>,
    differential: Option<Sample>,
    /// The largest log stretch: bytes and seconds of logs for an hour of work.
    log: Option<LogRate>,
    longest_log: Option<TimeDelta>,
    longest_data: Option<TimeDelta>,
    /// Bytes of everything, for storage.
    full_bytes: u64,
    differential_bytes: u64,
    log_bytes_per_hour: f64,
    unknown: usize,
    basis: TimeDelta,
}

/// One backup like those to come.
#[derive(Clone, Copy, Debug)]
struct Sample {
    bytes: u64,
    seconds: f64,
}

/// How much log a database writes, and what one log backup costs.
#[derive(Clone, Copy, Debug)]
struct LogRate {
    bytes_per_hour: f64,
    seconds_each: f64,
}

impl Known {
    fn read(facts: &ScheduleFacts<'_>) -> Self {
        let mut known = Self::default();
        for database in &facts.databases {
            match database.history.filter(|history| !history.is_empty()) {
                Some(history) => known.add(history, facts.now_utc),
                None => known.unknown += 1,
            }
        }
        known
    }

    fn add(&mut self, history: &DatabaseHistory, now: UtcTime) {
        let recent = |kind| {
            history
                .sets()
                .rev()
                .filter(move |set| set.kind() == kind && set.finish().instant >= now.plus(-BASIS))
        };
        let newest_full = history
            .sets()
            .rev()
            .find(|set| set.kind() == BackupType::Full && set.trouble().is_none());
        if let Some(sample) = newest_full.and_then(sample) {
            self.full_bytes += sample.bytes;
            self.full = larger(self.full, sample);
        }
        let largest = recent(BackupType::Differential)
            .filter_map(sample)
            .max_by_key(|sample| sample.bytes);
        if let Some(sample) = largest {
            self.differential_bytes += sample.bytes;
            self.differential = larger(self.differential, sample);
        }
        let longest = |kind| {
            recent(kind)
                .map(|set| TimeDelta::seconds(set.seconds()))
                .max()
        };
        self.longest_log = self.longest_log.max(longest(BackupType::Log));
        self.longest_data = self
            .longest_data
            .max(longest(BackupType::Full))
            .max(longest(BackupType::Differential));
        let (mut bytes, mut seconds, mut n) = (0_u64, 0.0, 0_usize);
        let (mut first, mut last): (Option<UtcTime>, Option<UtcTime>) = (None, None);
        for set in recent(BackupType::Log) {
            bytes += set.bytes().unwrap_or(0);
            seconds += seconds_of(set);
            n += 1;
            last = last.max(Some(set.finish().instant));
            first = Some(first.map_or(set.start().instant, |first| first.min(set.start().instant)));
        }
        if let Some((first, last)) = first.zip(last)
            && n > 1
            && last > first
        {
            let span = last.0 - first.0;
            let hours = (span.num_seconds() as f64 / 3_600.0).max(1.0 / 60.0);
            let rate = LogRate {
                bytes_per_hour: bytes as f64 / hours,
                seconds_each: seconds / n as f64,
            };
            self.basis = self.basis.max(span);
            self.log_bytes_per_hour += rate.bytes_per_hour;
            if self
                .log
                .is_none_or(|log| log.bytes_per_hour < rate.bytes_per_hour)
            {
                self.log = Some(rate);
            }
        }
    }

    fn seconds(&self, kind: PolicyKind) -> Option<f64> {
        match kind {
            PolicyKind::Full => self.full.map(|sample| sample.seconds),
            PolicyKind::Differential => self.differential.map(|sample| sample.seconds),
            PolicyKind::Log => self.log.map(|rate| rate.seconds_each),
        }
    }
}

/// msdb keeps whole seconds, so a set counts half a second more than it says.
fn seconds_of(set: &BackupSet) -> f64 {
    set.seconds() as f64 + 0.5
}

fn sample(set: &BackupSet) -> Option<Sample> {
    Some(Sample {
        bytes: set.bytes()?,
        seconds: seconds_of(set),
    })
}

fn larger(known: Option<Sample>, other: Sample) -> Option<Sample> {
    Some(match known {
        Some(known) if known.bytes >= other.bytes => known,
        _ => other,
    })
}

/// The times of the backups that hold data: fulls and differentials.
fn data_times(policy: &Policy) -> impl Iterator<Item = &Times> {
    policy
        .backups
        .iter()
        .filter(|backup| backup.kind != PolicyKind::Log)
        .map(|backup| &backup.times)
}

fn promised_loss(policy: &Policy, known: &Known, all_simple: bool) -> PromisedLoss {
    match policy.backup(PolicyKind::Log).filter(|_| !all_simple) {
        Some(log) => PromisedLoss {
            interval: log.times.longest_gap(),
            longest_backup: known.longest_log,
            by_logs: true,
        },
        None => PromisedLoss {
            interval: times::longest_gap(data_times(policy)),
            longest_backup: known.longest_data,
            by_logs: false,
        },
    }
}

/// A full, the largest differential, and the logs of the longest stretch without either.
fn longest_restore(policy: &Policy, known: &Known, all_simple: bool) -> Option<RestoreForecast> {
    let stretch = times::longest_gap(data_times(policy));
    restore_over(policy, known, all_simple, stretch)
}

fn restore_over(
    policy: &Policy,
    known: &Known,
    all_simple: bool,
    stretch: TimeDelta,
) -> Option<RestoreForecast> {
    let full = known.full?;
    let mut bytes = full.bytes as f64;
    let mut seconds = full.seconds;
    if policy.backup(PolicyKind::Differential).is_some()
        && let Some(differential) = known.differential
    {
        bytes += differential.bytes as f64;
        seconds += differential.seconds;
    }
    let mut logs = 0;
    if let Some(log) = policy.backup(PolicyKind::Log).filter(|_| !all_simple) {
        let rate = known.log?;
        let hours = stretch.num_seconds() as f64 / 3_600.0;
        let runs = log.times.runs_a_day() * hours / 24.0;
        logs = runs.ceil() as usize;
        bytes += rate.bytes_per_hour * hours;
        seconds += rate.seconds_each * runs;
    }
    Some(RestoreForecast {
        estimate: Estimate {
            seconds,
            low: seconds / 2.0,
            high: seconds * 2.0,
            basis: EstimateBasis::BackupSpeed,
        },
        logs,
        bytes: bytes as u64,
    })
}

fn storage(policy: &Policy, facts: &ScheduleFacts<'_>, known: &Known) -> Option<StorageForecast> {
    known.full?;
    let days = policy.retention.window_days.get();
    let mut bytes = 0.0;
    for backup in &policy.backups {
        let a_day = backup.times.runs_a_day();
        bytes += match backup.kind {
            // One more, on which the oldest moments of the window rest.
            PolicyKind::Full => known.full_bytes as f64 * (a_day * f64::from(days) + 1.0),
            PolicyKind::Differential => known.differential_bytes as f64 * a_day * f64::from(days),
            PolicyKind::Log => {
                // From the full before the window on.
                let spare = policy
                    .backup(PolicyKind::Full)
                    .map_or(0.0, |full| full.times.longest_gap().num_hours() as f64);
                known.log_bytes_per_hour * (24.0 * f64::from(days) + spare)
            }
        };
    }
    debug_assert!(
        known.unknown <= facts.databases.len(),
        "no more than there are"
    );
    Some(StorageForecast {
        bytes: bytes as u64,
        days,
        unknown: known.unknown,
        basis_hours: known.basis.num_hours(),
    })
}

fn judge_loss(loss: PromisedLoss, objective_minutes: u32) -> Verdict {
    let objective = TimeDelta::minutes(i64::from(objective_minutes));
    let backup = loss.longest_backup.unwrap_or_else(TimeDelta::zero);
    if loss.interval + backup <= objective {
        return Verdict::Met;
    }
    // Without a basis of logs the backup's own length is not known; the interval alone must fit then.
    let backup = if loss.by_logs {
        backup
    } else {
        TimeDelta::zero()
    };
    let minutes = NICE_MINUTES
        .into_iter()
        .find(|minutes| TimeDelta::minutes(i64::from(*minutes)) + backup <= objective);
    if loss.interval <= objective {
        Verdict::Tight { minutes }
    } else {
        Verdict::Missed { minutes }
    }
}

fn judge_down(
    policy: &Policy,
    known: &Known,
    restore: RestoreForecast,
    objective_minutes: u32,
) -> Verdict {
    let objective = f64::from(objective_minutes) * 60.0;
    if restore.estimate.seconds <= objective {
        return Verdict::Met;
    }
    let differential_hours = [12_u32, 8, 6, 4, 3, 2, 1].into_iter().find(|hours| {
        restore_over(policy, known, false, TimeDelta::hours(i64::from(*hours)))
            .is_some_and(|restore| restore.estimate.seconds <= objective)
    });
    Verdict::MissedDown { differential_hours }
}

fn clashes(runs: &[PlannedRun], facts: &ScheduleFacts<'_>) -> Vec<Clash> {
    let until = facts.now.plus(AHEAD);
    let span = |seconds: f64| TimeDelta::milliseconds((seconds.max(1.0) * 1e3) as i64);
    let mut clashes: Vec<Clash> = Vec::new();
    for job in facts.other_jobs.iter().filter(|job| job.enabled) {
        let length = span(job.usual_secs.unwrap_or(0) as f64);
        let theirs: Vec<ServerTime> = job
            .schedules
            .iter()
            .flat_map(|schedule| schedule.runs(facts.now, until))
            .collect();
        for run in runs {
            // A log backup takes seconds and waits for nobody: only what does the same work stands in its way.
            if run.kind == PolicyKind::Log && job.backs_up.is_none() {
                continue;
            }
            let end = run.at.plus(span(run.seconds.unwrap_or(0.0)));
            let hits = theirs
                .iter()
                .any(|at| *at < end && at.plus(length) > run.at);
            if !hits {
                continue;
            }
            match clashes
                .iter_mut()
                .find(|clash| clash.kind == run.kind && clash.job == job.name)
            {
                Some(clash) => clash.times += 1,
                None => clashes.push(Clash {
                    kind: run.kind,
                    job: job.name.clone(),
                    first: run.at,
                    times: 1,
                }),
            }
        }
    }
    clashes.sort_by(|a, b| (a.kind, a.first, &a.job).cmp(&(b.kind, b.first, &b.job)));
    clashes
}
