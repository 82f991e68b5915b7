//! What of schedules is on a server: Agent, the jobs of policies, and all other jobs.

use crate::{
    domain::{
        AgentSchedule, AgentState, BackupKind, JobBacksUp, JobOutcome, JobStep, OtherJob, Policy,
        PolicyDatabases, PolicyId, PolicyJob, PolicyKind, PolicyPlace, RunStatus, ServerPath,
        ServerTime, UtcTime, job_backs_up,
    },
    server::{Cell, Connection, Row, ServerError, ask},
    tsql::{self, SeenJob},
};
use chrono::{NaiveDate, TimeDelta};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What of schedules is on a server, as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleReading {
    pub agent: AgentState,
    /// As the server names itself.
    pub edition: String,
    /// Whether the edition writes compressed backups.
    pub can_compress: bool,
    /// Whether the login may make jobs for others.
    pub is_sysadmin: bool,
    /// The server's wall clock when it was asked, and the same instant.
    pub server_now: ServerTime,
    pub now: UtcTime,
    /// The policies of stopat that have a job.
    pub policies: Vec<InstalledPolicy>,
    /// All other jobs.
    pub others: Vec<OtherJobText>,
}

/// A policy as its jobs tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledPolicy {
    pub id: PolicyId,
    /// As the steps hold it; `None` when no step does any more.
    pub policy: Option<Policy>,
    /// In the order of kinds.
    pub jobs: Vec<PolicyJob>,
}

/// A job that is none of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherJobText {
    pub name: String,
    pub enabled: bool,
    pub steps: Vec<JobStep>,
    pub schedules: Vec<AgentSchedule>,
    pub usual_secs: Option<i64>,
}

/// `EngineEdition` of Express, and of Azure SQL Database.
const EXPRESS: i64 = 4;
const AZURE: i64 = 5;

/// `sys.dm_server_services.status` of a service that runs.
const RUNNING: i64 = 4;

impl ScheduleReading {
    /// The policy with this id, where it has a job.
    pub fn policy(&self, id: &PolicyId) -> Option<&InstalledPolicy> {
        self.policies.iter().find(|policy| policy.id == *id)
    }

    /// The policy that backs a database up: its own, else the one of all user databases where it means this one.
    pub fn policy_of(&self, database: &str) -> Option<&InstalledPolicy> {
        let own = PolicyId::of(&PolicyDatabases::One(database.to_owned()));
        self.policy(&own).or_else(|| {
            self.policies.iter().find(|installed| {
                installed.policy.as_ref().is_some_and(|policy| {
                    matches!(policy.databases, PolicyDatabases::AllUser { .. })
                        && policy.databases.includes(database)
                })
            })
        })
    }

    /// Where the policies write: a regular backup that goes there keeps their chains (design §3.9).
    pub fn policy_places(&self) -> Vec<PolicyPlace> {
        self.policies
            .iter()
            .filter_map(|installed| installed.policy.as_ref())
            .flat_map(|policy| {
                policy.backups.iter().filter_map(|backup| {
                    Some(PolicyPlace {
                        databases: policy.databases.clone(),
                        kind: match backup.kind {
                            PolicyKind::Full => BackupKind::Full,
                            PolicyKind::Differential => BackupKind::Differential,
                            PolicyKind::Log => BackupKind::Log,
                        },
                        folder: ServerPath::new(policy.place(backup.kind)?),
                    })
                })
            })
            .collect()
    }

    /// Every job that this policy does not own, with whether it takes backups of these databases.
    pub fn other_jobs(&self, own: &PolicyId, databases: &PolicyDatabases) -> Vec<OtherJob> {
        let judged = |steps: &[JobStep]| -> Option<JobBacksUp> {
            steps.iter().find_map(|step| job_backs_up(step, databases))
        };
        let foreign = self.others.iter().map(|job| OtherJob {
            name: job.name.clone(),
            enabled: job.enabled,
            schedules: job.schedules.clone(),
            usual_secs: job.usual_secs,
            backs_up: judged(&job.steps),
        });
        let of_policies = self
            .policies
            .iter()
            .filter(|policy| policy.id != *own)
            .flat_map(|policy| {
                policy.jobs.iter().map(|job| OtherJob {
                    name: job.name.clone(),
                    enabled: job.enabled,
                    schedules: job.schedules.clone(),
                    usual_secs: job.outcomes.first().map(|outcome| outcome.seconds),
                    backs_up: judged(&job.steps).filter(|_| !policy.leaves_alone(databases)),
                })
            });
        foreign.chain(of_policies).collect()
    }
}

impl InstalledPolicy {
    /// Whether none of these databases is one of its own, as far as its steps still tell.
    fn leaves_alone(&self, databases: &PolicyDatabases) -> bool {
        let Some(policy) = &self.policy else {
            return false;
        };
        match (&policy.databases, databases) {
            (theirs, PolicyDatabases::One(name)) => !theirs.includes(name),
            (PolicyDatabases::One(name), all) => !all.includes(name),
            (PolicyDatabases::AllUser { .. }, PolicyDatabases::AllUser { .. }) => false,
        }
    }

    /// Its jobs by what identifies them.
    pub fn seen(&self) -> Vec<SeenJob> {
        self.jobs
            .iter()
            .map(|job| SeenJob {
                name: job.name.clone(),
                job_id: job.job_id,
                version_number: job.version_number,
            })
            .collect()
    }

    /// The job of this kind.
    pub fn job(&self, kind: PolicyKind) -> Option<&PolicyJob> {
        self.jobs.iter().find(|job| job.kind == kind)
    }
}

/// Whether Agent is there and runs, from the answer to `tsql::agent_facts`.
pub(in crate::run) fn agent_state(facts: &Row) -> AgentState {
    match (
        facts.int("engine_edition"),
        facts.int("agent_status"),
        facts.int("agent_sessions"),
    ) {
        (Some(EXPRESS | AZURE), _, _) => AgentState::Absent,
        (_, Some(RUNNING), _) | (_, None, Some(1..)) => AgentState::Running,
        (_, Some(_), _) => AgentState::Stopped,
        _ => AgentState::Unknown,
    }
}

/// Reads everything about schedules in six questions.
pub async fn read_schedule(
    connection: &mut dyn Connection,
) -> Result<ScheduleReading, ServerError> {
    let facts = ask(connection, &tsql::agent_facts()).await?;
    let facts = facts.first().ok_or_else(|| ServerError::Lost {
        reason: "the server did not say whether it has an Agent".to_owned(),
    })?;
    let engine_edition = facts.int("engine_edition");
    let agent = agent_state(facts);
    let (server_now, now) = match facts.cell("server_clock") {
        Cell::Instant(clock) => (ServerTime(clock.naive_local()), UtcTime(clock.to_utc())),
        _ => {
            return Err(ServerError::Lost {
                reason: "the server did not say what time it is".to_owned(),
            });
        }
    };
    let mut reading = ScheduleReading {
        agent,
        edition: facts.text("edition").unwrap_or_default(),
        can_compress: engine_edition != Some(EXPRESS),
        is_sysadmin: facts.int("is_sysadmin") == Some(1),
        server_now,
        now,
        policies: Vec::new(),
        others: Vec::new(),
    };
    if engine_edition == Some(AZURE) {
        return Ok(reading);
    }
    let jobs = ask(connection, &tsql::jobs()).await?;
    let mut steps = by_job(ask(connection, &tsql::job_steps()).await?.rows(), step);
    let mut schedules = by_job(
        ask(connection, &tsql::job_schedules()).await?.rows(),
        schedule,
    );
    let mut outcomes = outcomes(ask(connection, &tsql::job_history()).await?.rows());
    for row in jobs.rows() {
        let Some(id) = row.guid("job_id") else {
            continue;
        };
        let steps = steps.remove(&id).unwrap_or_default();
        let schedules = schedules.remove(&id).unwrap_or_default();
        let outcomes = outcomes.remove(&id).unwrap_or_default();
        reading.take(row, id, steps, schedules, outcomes);
    }
    for policy in &mut reading.policies {
        policy.jobs.sort_by_key(|job| job.kind);
    }
    Ok(reading)
}

impl ScheduleReading {
    fn take(
        &mut self,
        row: &Row,
        job_id: Uuid,
        steps: Vec<JobStep>,
        schedules: Vec<AgentSchedule>,
        outcomes: Vec<JobOutcome>,
    ) {
        let name = row.text("name").unwrap_or_default();
        let enabled = row.int("enabled") == Some(1);
        let stored = steps
            .iter()
            .find_map(|step| super::policy_from_json(tsql::stored_policy(&step.command)?));
        let Some((id, kind)) = owner_policy(row, &name, stored.as_ref()) else {
            self.others.push(OtherJobText {
                name,
                enabled,
                steps,
                schedules,
                usual_secs: row
                    .int("last_run_duration")
                    .filter(|_| row.int("last_run_date").is_some_and(|date| date > 0))
                    .map(seconds_of_digits),
            });
            return;
        };
        let running = row
            .time("start_execution_date")
            .filter(|_| row.time("stop_execution_date").is_none());
        let job = PolicyJob {
            kind,
            name,
            job_id,
            version_number: row.int("version_number").unwrap_or_default(),
            enabled,
            owner: row.text("owner_name"),
            on_this_server: row.int("server_id").is_some(),
            tells_event_log: matches!(row.int("notify_level_eventlog"), Some(2 | 3)),
            operator: row
                .text("operator_name")
                .filter(|_| matches!(row.int("notify_level_email"), Some(2 | 3))),
            steps,
            schedules,
            created: row.time("date_created"),
            running_since: running,
            next_run: row.time("next_scheduled_run_date"),
            outcomes,
        };
        match self.policies.iter_mut().find(|policy| policy.id == id) {
            Some(policy) => {
                policy.policy = policy.policy.take().or(stored);
                policy.jobs.push(job);
            }
            None => self.policies.push(InstalledPolicy {
                id,
                policy: stored,
                jobs: vec![job],
            }),
        }
    }
}

/// Whose job it is: the description says it, whatever became of the step; and a step with the policy, whatever became of the description.
fn owner_policy(row: &Row, name: &str, stored: Option<&Policy>) -> Option<(PolicyId, PolicyKind)> {
    let description = row.text("description").unwrap_or_default();
    let described = description
        .split_once("by the policy ")
        .and_then(|(_, rest)| rest.split_once(" of stopat"))
        .and_then(|(id, _)| PolicyId::parse(id));
    let id = described.or_else(|| stored.map(Policy::id))?;
    let kind = match description.split(' ').next() {
        Some("Full") => Some(PolicyKind::Full),
        Some("Differential") => Some(PolicyKind::Differential),
        Some("Log") => Some(PolicyKind::Log),
        _ => None,
    };
    let by_name = name.rsplit(" - ").next().and_then(PolicyKind::from_word);
    Some((id, kind.or(by_name)?))
}

fn by_job<T>(rows: &[Row], each: fn(&Row) -> T) -> BTreeMap<Uuid, Vec<T>> {
    let mut found: BTreeMap<Uuid, Vec<T>> = BTreeMap::new();
    for row in rows {
        if let Some(id) = row.guid("job_id") {
            found.entry(id).or_default().push(each(row));
        }
    }
    found
}

fn step(row: &Row) -> JobStep {
    JobStep {
        subsystem: row.text("subsystem").unwrap_or_default(),
        command: row.text("command").unwrap_or_default(),
        database: row.text("database_name"),
    }
}

fn schedule(row: &Row) -> AgentSchedule {
    let number = |name: &str| {
        row.int(name)
            .and_then(|number| i32::try_from(number).ok())
            .unwrap_or_default()
    };
    AgentSchedule {
        enabled: row.int("enabled") == Some(1),
        freq_type: number("freq_type"),
        freq_interval: number("freq_interval"),
        freq_subday_type: number("freq_subday_type"),
        freq_subday_interval: number("freq_subday_interval"),
        freq_relative_interval: number("freq_relative_interval"),
        freq_recurrence_factor: number("freq_recurrence_factor"),
        active_start_date: number("active_start_date"),
        active_end_date: number("active_end_date"),
        active_start_time: number("active_start_time"),
        active_end_time: number("active_end_time"),
    }
}

/// Runs, newest first: Agent writes the rows of the steps before the row of the job that they belong to.
fn outcomes(rows: &[Row]) -> BTreeMap<Uuid, Vec<JobOutcome>> {
    let mut found: BTreeMap<Uuid, Vec<JobOutcome>> = BTreeMap::new();
    for row in rows {
        let (Some(id), Some(status)) = (
            row.guid("job_id"),
            row.int("run_status").and_then(RunStatus::from_number),
        ) else {
            continue;
        };
        let message = row.text("message").unwrap_or_default();
        let runs = found.entry(id).or_default();
        if row.int("step_id") == Some(0) {
            let Some(began) = agent_time(row.int("run_date"), row.int("run_time")) else {
                continue;
            };
            runs.push(JobOutcome {
                began,
                seconds: seconds_of_digits(row.int("run_duration").unwrap_or_default()),
                status,
                messages: vec![message],
            });
        } else if let Some(run) = runs.last_mut() {
            // In the order in which they ran, after Agent's own sentence.
            run.messages.insert(1, message);
        }
    }
    found
}

/// `H…HMMSS`.
fn seconds_of_digits(digits: i64) -> i64 {
    digits / 10_000 * 3_600 + digits / 100 % 100 * 60 + digits % 100
}

/// `yyyymmdd` and `HHMMSS`; `None` for the zeros of what never ran.
fn agent_time(date: Option<i64>, time: Option<i64>) -> Option<ServerTime> {
    let date = u32::try_from(date?).ok()?;
    let day = NaiveDate::from_ymd_opt((date / 10_000) as i32, date / 100 % 100, date % 100)?;
    let midnight = day.and_hms_opt(0, 0, 0)?;
    Some(ServerTime(
        midnight + TimeDelta::seconds(seconds_of_digits(time?)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_digits_are_times() {
        assert_eq!(seconds_of_digits(260_304), 26 * 3_600 + 3 * 60 + 4);
        let time = agent_time(Some(20_261_122), Some(93_005)).expect("a time");
        assert_eq!(time.to_string(), "2026-11-22T09:30:05");
        assert_eq!(agent_time(Some(0), Some(0)), None);
    }
}
