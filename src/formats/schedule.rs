//! `schedule/1`: a policy, what it will do, and how its jobs stand, for other programs. Changed by addition alone.

use crate::{
    domain::{
        AgentState, DatabaseHistory, LeftOut, PolicyKind, RetentionList, ServerTime, Verdict,
    },
    explain::schedule as words,
    run::schedule::{InstalledPolicy, Outlook, ScheduleReading},
};
use serde_json::{Value, json};

/// Everything about a policy on a server.
pub fn to_json(
    outlook: &Outlook,
    reading: &ScheduleReading,
    retention: Option<(&DatabaseHistory, &RetentionList)>,
) -> String {
    let Outlook {
        policy,
        plan,
        conflicts,
        jobs: _,
        changes,
        by_hand,
        script,
        overwrite: _,
        unwanted: _,
    } = outlook;
    let objective = policy.objective;
    let backups: Vec<Value> = policy
        .backups
        .iter()
        .map(|backup| {
            json!({
                "kind": kind(backup.kind),
                "when": words::policy_times(&backup.times),
                "times": backup.times.of_a_day().iter().map(ToString::to_string).collect::<Vec<_>>(),
                "place": policy.place(backup.kind),
                "verify": backup.verify,
            })
        })
        .collect();
    let verdict = |verdict: Option<Verdict>, minutes: Option<u32>| {
        verdict
            .zip(minutes)
            .map(|(verdict, minutes)| json!({"met": verdict == Verdict::Met, "text": words::verdict(verdict, minutes)}))
    };
    let installed = reading.policy(&policy.id());
    let mut root = json!({
        "format": "schedule/1",
        "databases": policy.databases.title(),
        "policy_id": policy.id().as_str(),
        "agent": agent(reading.agent),
        "edition": reading.edition,
        "server_time": time(reading.server_now),
        "compression": plan.options.compression,
        "checksum": plan.options.checksum,
        "backups": backups,
        "left_out": plan.left_out.iter().map(|what| json!({"what": left_out(*what), "text": words::left_out(*what)})).collect::<Vec<_>>(),
        "next_runs": plan.runs.iter().map(|run| json!({"kind": kind(run.kind), "at": time(run.at)})).collect::<Vec<_>>(),
        "loss": {
            "interval_seconds": plan.loss.interval.num_seconds(),
            "longest_backup_seconds": plan.loss.longest_backup.map(|longest| longest.num_seconds()),
            "objective": verdict(plan.loss_verdict, objective.map(|o| o.loss_minutes)),
        },
        "restore": plan.restore.map(|restore| json!({
            "seconds": restore.estimate.seconds,
            "bytes": restore.bytes,
            "logs": restore.logs,
            "basis": words::restore_basis(restore.estimate.basis),
            "objective": verdict(plan.down_verdict, objective.map(|o| o.down_minutes)),
        })),
        "storage": plan.storage.map(|storage| json!({
            "bytes": storage.bytes,
            "days": storage.days,
            "databases_unknown": storage.unknown,
            "basis_hours": storage.basis_hours,
        })),
        "clashes": plan.clashes.iter().map(words::clash).collect::<Vec<_>>(),
        "already_backed_up_by": conflicts.iter().map(words::conflict).collect::<Vec<_>>(),
        "needs_override": outlook.needs_override(),
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
        "changed_by_hand": by_hand.iter().map(change).collect::<Vec<_>>(),
        "script": script.to_sql(),
        "jobs": installed.map(|installed| jobs(installed, reading)),
    });
    if let (Some((history, list)), Some(root)) = (retention, root.as_object_mut()) {
        root.insert(
            "retention".to_owned(),
            json!({
                "database": history.name(),
                "window_from": time(list.window_from.server),
                "removable_bytes": list.removable_bytes(),
                "files": list.files.iter().map(|file| json!({
                    "path": file.path,
                    "finished": time(file.finished.server),
                    "bytes": file.bytes,
                    "removable": file.keep.is_none(),
                    "reason": file.keep.as_ref().map_or_else(|| words::REMOVABLE.to_owned(), |keep| words::keep(keep, policy)),
                })).collect::<Vec<_>>(),
            }),
        );
    }
    format!("{root:#}\n")
}

fn change(change: &crate::run::schedule::JobChange) -> Value {
    json!({
        "job": change.job,
        "differences": change.differences.iter().map(words::job_difference).collect::<Vec<_>>(),
    })
}

fn jobs(installed: &InstalledPolicy, reading: &ScheduleReading) -> Vec<Value> {
    installed
        .jobs
        .iter()
        .map(|job| {
            json!({
                "kind": kind(job.kind),
                "name": job.name,
                "enabled": job.enabled,
                "owner": job.owner,
                "running_since": job.running_since.map(time),
                "next_run": job.next_run.map(time),
                "troubles": job.troubles(reading.agent, reading.server_now).iter().map(|trouble| {
                    let (sentence, messages) = words::job_trouble(trouble);
                    json!({"text": sentence, "messages": messages})
                }).collect::<Vec<_>>(),
                "outcomes": job.outcomes.iter().map(|run| json!({
                    "began": time(run.began),
                    "seconds": run.seconds,
                    "status": words::run_status(run.status),
                    "messages": run.messages,
                })).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn kind(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Full => "full",
        PolicyKind::Differential => "differential",
        PolicyKind::Log => "log",
    }
}

fn agent(agent: AgentState) -> &'static str {
    match agent {
        AgentState::Running => "running",
        AgentState::Stopped => "stopped",
        AgentState::Absent => "none",
        AgentState::Unknown => "unknown",
    }
}

fn left_out(what: LeftOut) -> &'static str {
    match what {
        LeftOut::Compression => "compression",
        LeftOut::Agent => "agent",
        LeftOut::Logs => "logs",
        LeftOut::Sight => "sight",
    }
}

fn time(time: ServerTime) -> String {
    time.to_string()
}
