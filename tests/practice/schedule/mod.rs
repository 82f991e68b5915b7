//! A policy carried out by Agent: applied, run for two days, changed by hand, refused, removed.

mod days;
mod deleting;
mod failures;
mod procedures;
mod standing;

use super::asking::{Practice, own_clock};
use std::sync::Arc;
use stopat::{
    domain::{
        DatabaseHistory, JobDefinition, Policy, PolicyDatabases, PolicyJob, PolicyKind,
        ScheduleFacts, SchedulePlan, plan_schedule,
    },
    run::{
        RunId, Who, list_runs, removed_on,
        schedule::{Changing, ScheduleReading, apply_schedule, definitions, read_schedule},
    },
    settings::load_applications,
    tsql::ServerFacts,
};
use tokio_util::sync::CancellationToken;

fn policy(databases: PolicyDatabases) -> Policy {
    let found = load_applications(std::path::Path::new("nowhere"));
    let octopus = found.applications.first().expect("shipped");
    octopus
        .schedule
        .as_ref()
        .expect("a preset")
        .policy(databases, r"\\backup-server\octopus", &octopus.objectives)
        .expect("a policy")
}

/// The same, of log backups alone.
fn logs_only(databases: PolicyDatabases) -> Policy {
    let mut policy = policy(databases);
    policy
        .backups
        .retain(|backup| backup.kind == PolicyKind::Log);
    policy
}

fn one(name: &str) -> PolicyDatabases {
    PolicyDatabases::One(name.to_owned())
}

async fn read(practice: &Practice) -> ScheduleReading {
    let mut connection = practice.connect().await;
    read_schedule(connection.as_mut())
        .await
        .expect("the schedule is readable")
}

/// The job of a policy for one kind of backup.
fn job_of<'a>(reading: &'a ScheduleReading, policy: &Policy, kind: PolicyKind) -> &'a PolicyJob {
    let installed = reading.policy(&policy.id()).expect("it is there");
    installed.job(kind).expect("it has such a job")
}

fn plan(policy: &Policy, reading: &ScheduleReading) -> SchedulePlan {
    let others = reading.other_jobs(&policy.id(), &policy.databases);
    plan_schedule(
        policy,
        &ScheduleFacts {
            now: reading.server_now,
            now_utc: reading.now,
            databases: Vec::new(),
            other_jobs: &others,
            agent: reading.agent,
            can_compress: reading.can_compress,
            is_sysadmin: reading.is_sysadmin,
        },
    )
}

fn jobs_of(policy: &Policy, reading: &ScheduleReading) -> Vec<JobDefinition> {
    definitions(policy, &plan(policy, reading))
}

/// The journals of a test lie in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
    n: std::cell::Cell<u16>,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            n: std::cell::Cell::new(0),
        }
    }

    fn changing<'a>(&self, practice: &'a Practice, about: &str) -> Changing<'a> {
        self.n.set(self.n.get() + 1);
        let run = RunId::new(own_clock(), self.n.get());
        Changing {
            gateway: &practice.gateway,
            journal: self.folder.path().join(format!("{}.jsonl", run.0)),
            run,
            who: Who::default(),
            about: about.to_owned(),
            facts: ServerFacts {
                server_name: Some("PRACTICE".to_owned()),
                tail_file: None,
            },
            now: own_clock,
            cancel: CancellationToken::new(),
        }
    }

    /// The history of a database, with what the journals tell of it.
    async fn history(&self, practice: &Practice, database: &str) -> Arc<DatabaseHistory> {
        let runs: Vec<_> = list_runs(self.folder.path())
            .into_iter()
            .collect::<Result<_, _>>()
            .expect("every journal is whole");
        let removed = removed_on(&runs, "PRACTICE");
        let history = practice.history_knowing(removed).await;
        history.database(database).expect("backed up")
    }

    async fn apply(&self, practice: &Practice, policy: &Policy) -> ScheduleReading {
        let reading = read(practice).await;
        let jobs = jobs_of(policy, &reading);
        let seen = reading
            .policy(&policy.id())
            .map(|installed| installed.seen())
            .unwrap_or_default();
        let report = apply_schedule(&jobs, &seen, &[], self.changing(practice, "test"))
            .await
            .expect("applied");
        assert!(report.done, "{:?}", report.steps.last());
        read(practice).await
    }
}

/// Switches the world's own backup jobs off: the policy alone works then.
pub async fn alone(practice: &Practice, database: &str) {
    for word in ["full", "diff", "log"] {
        practice
            .run(&format!(
                "EXEC msdb.dbo.sp_update_job @job_name = N'stopat practice - {database} - {word}', @enabled = 0;"
            ))
            .await;
    }
}

fn rows(answer: &stopat::server::Answer, column: &str) -> Vec<String> {
    answer
        .rows()
        .iter()
        .map(|row| {
            row.text(column)
                .or_else(|| row.int(column).map(|n| n.to_string()))
                .unwrap_or_default()
        })
        .collect()
}
