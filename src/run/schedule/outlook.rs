//! Everything that is shown before a schedule is applied, and the script that will run: one value, made at once.

use super::{InstalledPolicy, ScheduleReading, definitions};
use crate::{
    domain::{
        Conflict, DatabaseFacts, DatabaseHistory, JobDefinition, JobDifference, Policy, PolicyKind,
        ScheduleFacts, SchedulePlan, conflicts, plan_schedule,
    },
    tsql::{Script, SeenJob, ServerFacts, apply_script, remove_script},
};
use chrono::TimeDelta;
use std::sync::Arc;

/// Backups of others are looked for so far back.
const LOOK_BACK: TimeDelta = TimeDelta::days(14);

/// A database that a policy means.
#[derive(Clone, Debug)]
pub struct KnownDatabase {
    pub name: String,
    /// `None` when it has no backups.
    pub history: Option<Arc<DatabaseHistory>>,
    pub is_simple: bool,
}

/// What applying a policy would meet and do.
#[derive(Clone, Debug)]
pub struct Outlook {
    pub policy: Policy,
    pub plan: SchedulePlan,
    /// What else backs these databases up.
    pub conflicts: Vec<Conflict>,
    /// The jobs as they should be.
    pub jobs: Vec<JobDefinition>,
    /// What applying would change, by job; empty when nothing.
    pub changes: Vec<JobChange>,
    /// What somebody changed by hand since the policy on the server was applied.
    pub by_hand: Vec<JobChange>,
    /// What runs when the policy is applied.
    pub script: Script,
    /// The jobs that applying overwrites or removes, as they were seen.
    pub overwrite: Vec<SeenJob>,
    pub unwanted: Vec<SeenJob>,
}

/// In what one job differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobChange {
    pub kind: PolicyKind,
    pub job: String,
    pub differences: Vec<JobDifference>,
}

/// Looks at what applying a policy would meet and do.
pub fn outlook(
    policy: &Policy,
    reading: &ScheduleReading,
    databases: &[KnownDatabase],
    facts: &ServerFacts,
) -> Outlook {
    let id = policy.id();
    let others = reading.other_jobs(&id, &policy.databases);
    let plan = plan_schedule(
        policy,
        &ScheduleFacts {
            now: reading.server_now,
            now_utc: reading.now,
            databases: databases
                .iter()
                .map(|database| DatabaseFacts {
                    name: &database.name,
                    history: database.history.as_deref(),
                    is_simple: database.is_simple,
                })
                .collect(),
            other_jobs: &others,
            agent: reading.agent,
            can_compress: reading.can_compress,
            is_sysadmin: reading.is_sysadmin,
        },
    );
    let conflicts = conflicts(
        &id,
        &others,
        databases
            .iter()
            .filter_map(|database| database.history.as_deref()),
        reading.now.plus(-LOOK_BACK),
    );
    let jobs = definitions(policy, &plan);
    let installed = reading.policy(&id);
    let changes = changes(&jobs, installed);
    let by_hand = installed
        .and_then(|installed| {
            let stored = installed.policy.as_ref()?;
            Some(self::changes(&definitions(stored, &plan), Some(installed)))
        })
        .unwrap_or_default();
    let seen = installed.map(InstalledPolicy::seen).unwrap_or_default();
    let (wanted, unwanted): (Vec<SeenJob>, Vec<SeenJob>) = seen
        .into_iter()
        .partition(|job| jobs.iter().any(|definition| definition.name == job.name));
    let overwrite: Vec<SeenJob> = wanted
        .into_iter()
        .filter(|job| changes.iter().any(|change| change.job == job.name))
        .collect();
    let mut script = apply_script(&jobs, &overwrite, facts);
    script
        .batches
        .extend(remove_script(&unwanted, facts).batches);
    Outlook {
        policy: policy.clone(),
        plan,
        conflicts,
        jobs,
        changes,
        by_hand,
        script,
        overwrite,
        unwanted,
    }
}

impl Outlook {
    /// Whether something that goes on by itself backs the same databases up, so that applying needs a typed word.
    pub fn needs_override(&self) -> bool {
        self.conflicts.iter().any(Conflict::is_active)
    }
}

fn changes(jobs: &[JobDefinition], installed: Option<&InstalledPolicy>) -> Vec<JobChange> {
    let found = |name: &str| {
        installed.and_then(|installed| installed.jobs.iter().find(|job| job.name == name))
    };
    let wanted = jobs.iter().map(|job| JobChange {
        kind: job.kind,
        job: job.name.clone(),
        differences: job.differences(found(&job.name)),
    });
    let unwanted = installed
        .into_iter()
        .flat_map(|installed| &installed.jobs)
        .filter(|found| !jobs.iter().any(|job| job.name == found.name))
        .map(|found| JobChange {
            kind: found.kind,
            job: found.name.clone(),
            differences: vec![JobDifference::NotWanted],
        });
    wanted
        .chain(unwanted)
        .filter(|change| !change.differences.is_empty())
        .collect()
}
