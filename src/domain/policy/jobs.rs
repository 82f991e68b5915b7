//! The jobs that carry out a policy: as they should be, as they are found, what differs, and what is wrong with them.

use super::{AgentSchedule, PolicyId, PolicyKind};
use crate::domain::ServerTime;
use chrono::TimeDelta;
use uuid::Uuid;

/// Whether SQL Server Agent is there to run jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgentState {
    /// It runs what is due.
    Running,
    /// It is installed and stopped: no job runs.
    Stopped,
    /// The edition has none: Express, LocalDB, Azure SQL Database.
    Absent,
    /// The login may not see it.
    #[default]
    Unknown,
}

/// A job as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDefinition {
    /// Which backup of the policy it carries out.
    pub kind: PolicyKind,
    /// Whose job it is.
    pub policy: PolicyId,
    /// `sysjobs.name`; its schedule is called the same.
    pub name: String,
    /// `sysjobs.description`.
    pub description: String,
    /// The T-SQL of its one step.
    pub command: String,
    /// When it runs.
    pub schedule: AgentSchedule,
    /// The operator who gets an e-mail when it fails.
    pub operator: Option<String>,
}

/// A job of a policy as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyJob {
    /// Which backup of the policy it carries out.
    pub kind: PolicyKind,
    /// `sysjobs.name`.
    pub name: String,
    /// `sysjobs.job_id`.
    pub job_id: Uuid,
    /// `sysjobs.version_number`: rises with every change.
    pub version_number: i64,
    /// `sysjobs.enabled`.
    pub enabled: bool,
    /// The name of its owner; `None` when the login is gone, and then it fails.
    pub owner: Option<String>,
    /// Whether it was given to this server, without which it never runs.
    pub on_this_server: bool,
    /// Whether a failure goes to the event log.
    pub tells_event_log: bool,
    /// The operator who gets an e-mail when it fails.
    pub operator: Option<String>,
    /// Its steps in order.
    pub steps: Vec<JobStep>,
    /// Its schedules.
    pub schedules: Vec<AgentSchedule>,
    /// `sysjobs.date_created`.
    pub created: Option<ServerTime>,
    /// Since when it runs, when it does.
    pub running_since: Option<ServerTime>,
    /// What Agent itself says of the next run.
    pub next_run: Option<ServerTime>,
    /// Its last runs, newest first, as far as Agent keeps them.
    pub outcomes: Vec<JobOutcome>,
}

/// One step of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStep {
    /// `TSQL`, `CmdExec`, `SSIS`…
    pub subsystem: String,
    /// What it runs.
    pub command: String,
    /// In which database.
    pub database: Option<String>,
}

/// How a run of a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOutcome {
    /// When it began.
    pub began: ServerTime,
    /// How long it took.
    pub seconds: i64,
    /// Its status.
    pub status: RunStatus,
    /// Agent's own sentence, and the messages of the steps that failed.
    pub messages: Vec<String>,
}

/// `sysjobhistory.run_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// 0.
    Failed,
    /// 1.
    Succeeded,
    /// 2.
    Retry,
    /// 3.
    Cancelled,
    /// 4.
    InProgress,
}

/// Something in which a job is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobDifference {
    /// There is no such job.
    Missing,
    /// The policy has no backup of this kind, and there is a job for it.
    NotWanted,
    /// It is switched off.
    Disabled,
    /// It runs at other times.
    Schedule {
        /// As it should be.
        wanted: AgentSchedule,
        /// As they are; there may be none or several.
        found: Vec<AgentSchedule>,
    },
    /// The T-SQL of its step is another.
    Command,
    /// It has other steps than the one of ours.
    Steps {
        /// How many there are.
        found: usize,
    },
    /// Another operator is told, or none.
    Operator {
        /// As it should be.
        wanted: Option<String>,
        /// As it is.
        found: Option<String>,
    },
    /// A failure does not go to the event log.
    EventLog,
    /// It was never given to this server, so it never runs.
    NoServer,
    /// The login of its owner is gone.
    NoOwner,
}

/// What keeps a job from doing its work, or kept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobTrouble {
    /// Agent does not run, so nothing does.
    AgentStopped,
    /// The job is switched off.
    Disabled,
    /// Every schedule of it is switched off, or it has none.
    NoSchedule,
    /// It was never given to this server.
    NoServer,
    /// The login of its owner is gone.
    NoOwner,
    /// Its last run failed.
    Failed(JobOutcome),
    /// Somebody stopped its last run.
    Cancelled(JobOutcome),
    /// It did not run when it was due.
    Missed {
        /// The first of these times.
        first: ServerTime,
        /// The last one.
        last: ServerTime,
        /// How many.
        runs: usize,
    },
}

impl RunStatus {
    /// The status with this number; another number is none that Agent writes.
    pub fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            0 => Self::Failed,
            1 => Self::Succeeded,
            2 => Self::Retry,
            3 => Self::Cancelled,
            4 => Self::InProgress,
            _ => return None,
        })
    }
}

impl JobDefinition {
    /// In what a job that was found is not as it should be; empty when applying would change nothing.
    pub fn differences(&self, found: Option<&PolicyJob>) -> Vec<JobDifference> {
        let Some(found) = found else {
            return vec![JobDifference::Missing];
        };
        let mut differences = Vec::new();
        if !found.enabled {
            differences.push(JobDifference::Disabled);
        }
        if found.schedules != [self.schedule] {
            differences.push(JobDifference::Schedule {
                wanted: self.schedule,
                found: found.schedules.clone(),
            });
        }
        match found.steps.as_slice() {
            [step]
                if step.subsystem.eq_ignore_ascii_case("TSQL")
                    && same_text(&step.command, &self.command) => {}
            [_] => differences.push(JobDifference::Command),
            steps => differences.push(JobDifference::Steps { found: steps.len() }),
        }
        if found.operator != self.operator {
            differences.push(JobDifference::Operator {
                wanted: self.operator.clone(),
                found: found.operator.clone(),
            });
        }
        if !found.tells_event_log {
            differences.push(JobDifference::EventLog);
        }
        if !found.on_this_server {
            differences.push(JobDifference::NoServer);
        }
        if found.owner.is_none() {
            differences.push(JobDifference::NoOwner);
        }
        differences
    }
}

/// Whether two texts differ in nothing but the ends of their lines, which tools change when they save.
fn same_text(a: &str, b: &str) -> bool {
    a.trim_end().lines().eq(b.trim_end().lines())
}

/// A run that begins later than this after its time is another one.
const GRACE: TimeDelta = TimeDelta::seconds(90);

impl PolicyJob {
    /// What keeps it from doing its work, or kept it; the gravest first. `now` is the server's wall clock.
    pub fn troubles(&self, agent: AgentState, now: ServerTime) -> Vec<JobTrouble> {
        let mut troubles = Vec::new();
        if agent == AgentState::Stopped {
            troubles.push(JobTrouble::AgentStopped);
        }
        if !self.enabled {
            troubles.push(JobTrouble::Disabled);
        }
        if !self.schedules.iter().any(|schedule| schedule.enabled) {
            troubles.push(JobTrouble::NoSchedule);
        }
        if !self.on_this_server {
            troubles.push(JobTrouble::NoServer);
        }
        if self.owner.is_none() {
            troubles.push(JobTrouble::NoOwner);
        }
        match self.outcomes.first() {
            Some(last) if last.status == RunStatus::Failed => {
                troubles.push(JobTrouble::Failed(last.clone()));
            }
            Some(last) if last.status == RunStatus::Cancelled => {
                troubles.push(JobTrouble::Cancelled(last.clone()));
            }
            _ => {}
        }
        troubles.extend(self.missed(now));
        troubles
    }

    /// The runs that were due and did not begin, as far back as the history of the job tells.
    fn missed(&self, now: ServerTime) -> Option<JobTrouble> {
        // Older history may have been thrown away: what ran before it is not known.
        let since = self
            .outcomes
            .last()
            .map(|oldest| oldest.began)
            .or(self.created)?;
        let began: Vec<ServerTime> = self
            .outcomes
            .iter()
            .map(|outcome| outcome.began)
            .chain(self.running_since)
            .collect();
        let due = self
            .schedules
            .iter()
            .flat_map(|schedule| schedule.runs(since, now.plus(-GRACE)));
        let mut missed: Vec<ServerTime> = due
            .filter(|due| {
                !began
                    .iter()
                    .any(|began| *began >= *due && *began - GRACE <= *due)
            })
            .collect();
        missed.sort_unstable();
        Some(JobTrouble::Missed {
            first: *missed.first()?,
            last: *missed.last()?,
            runs: missed.len(),
        })
    }
}

impl std::ops::Sub<TimeDelta> for ServerTime {
    type Output = Self;

    fn sub(self, delta: TimeDelta) -> Self {
        self.plus(-delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::tests::octopus;

    fn time(text: &str) -> ServerTime {
        ServerTime(text.parse().expect("a time"))
    }

    fn definition() -> JobDefinition {
        let policy = octopus();
        JobDefinition {
            kind: PolicyKind::Log,
            policy: policy.id(),
            name: PolicyId::job_name(&policy.databases, PolicyKind::Log),
            description: String::new(),
            command: "BACKUP LOG".to_owned(),
            schedule: AgentSchedule::of(&policy.backups[2].times),
            operator: None,
        }
    }

    fn found() -> PolicyJob {
        let wanted = definition();
        PolicyJob {
            kind: wanted.kind,
            name: wanted.name,
            job_id: Uuid::from_u128(7),
            version_number: 1,
            enabled: true,
            owner: Some("sa".to_owned()),
            on_this_server: true,
            tells_event_log: true,
            operator: None,
            steps: vec![JobStep {
                subsystem: "TSQL".to_owned(),
                command: wanted.command,
                database: Some("master".to_owned()),
            }],
            schedules: vec![wanted.schedule],
            created: Some(time("2026-11-22T10:00:30")),
            running_since: None,
            next_run: None,
            outcomes: Vec::new(),
        }
    }

    fn ran(at: &str, status: RunStatus) -> JobOutcome {
        JobOutcome {
            began: time(at),
            seconds: 2,
            status,
            messages: Vec::new(),
        }
    }

    #[test]
    fn applying_twice_changes_nothing() {
        assert_eq!(definition().differences(Some(&found())), []);
        assert_eq!(definition().differences(None), [JobDifference::Missing]);
        let mut saved_on_windows = found();
        saved_on_windows.steps[0].command = "BACKUP LOG\r\n".to_owned();
        assert_eq!(definition().differences(Some(&saved_on_windows)), []);
    }

    #[test]
    fn every_change_by_hand_is_seen() {
        let mut job = found();
        job.enabled = false;
        job.owner = None;
        job.on_this_server = false;
        job.tells_event_log = false;
        job.operator = Some("night shift".to_owned());
        job.schedules.clear();
        job.steps[0].command = "SELECT 1".to_owned();
        let differences = definition().differences(Some(&job));
        assert_eq!(differences.len(), 7, "{differences:?}");
    }

    #[test]
    fn a_job_that_did_not_run_is_missed() {
        let mut job = found();
        let now = time("2026-11-22T11:05:00");
        let missed = |job: &PolicyJob| job.troubles(AgentState::Running, now);
        assert_eq!(
            missed(&job),
            [JobTrouble::Missed {
                first: time("2026-11-22T10:15:00"),
                last: time("2026-11-22T11:00:00"),
                runs: 4
            }]
        );
        job.outcomes = vec![
            ran("2026-11-22T11:00:01", RunStatus::Succeeded),
            ran("2026-11-22T10:45:00", RunStatus::Succeeded),
            ran("2026-11-22T10:15:00", RunStatus::Succeeded),
        ];
        assert_eq!(
            missed(&job),
            [JobTrouble::Missed {
                first: time("2026-11-22T10:30:00"),
                last: time("2026-11-22T10:30:00"),
                runs: 1
            }]
        );
        job.outcomes
            .insert(2, ran("2026-11-22T10:30:00", RunStatus::Failed));
        assert_eq!(missed(&job), []);
        job.outcomes.remove(0);
        job.running_since = Some(time("2026-11-22T11:00:00"));
        assert_eq!(missed(&job), []);
    }

    #[test]
    fn what_keeps_a_job_from_its_work_is_told() {
        let mut job = found();
        job.created = None;
        job.enabled = false;
        job.owner = None;
        job.on_this_server = false;
        job.schedules.clear();
        job.outcomes = vec![ran("2026-11-22T11:00:00", RunStatus::Failed)];
        let now = time("2026-11-22T11:05:00");
        assert_eq!(job.troubles(AgentState::Stopped, now).len(), 6);
    }
}
