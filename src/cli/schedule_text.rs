//! What `stopat schedule` prints for people.

use crate::{
    domain::{Policy, PolicyKind, RetentionList},
    explain::{self, schedule as words},
    run::{
        PlaceCheck,
        schedule::{JobChange, Outlook, ScheduleReading},
    },
};

pub fn difference_lines(changes: &[JobChange]) -> Vec<String> {
    changes
        .iter()
        .flat_map(|change| {
            change
                .differences
                .iter()
                .map(|difference| format!("{}: {}", change.job, words::job_difference(difference)))
        })
        .collect()
}

/// What applying would do, before it does.
pub fn preview(outlook: &Outlook, reading: &ScheduleReading, places: &[PlaceCheck]) -> String {
    let Outlook { policy, plan, .. } = outlook;
    let mut text = format!(
        "schedule of {}, {}\n",
        policy.databases.title(),
        words::scheduler(plan.scheduler)
    );
    if let Some(state) = words::agent_state(reading.agent) {
        text += &format!("  {state}\n");
    }
    for backup in &policy.backups {
        text += &format!(
            "  {:<13} {:<22} {}  {}\n",
            words::policy_kind(backup.kind),
            words::policy_times(&backup.times),
            policy.place(backup.kind).unwrap_or_default(),
            words::policy_options(plan.options, backup)
        );
    }
    for check in places {
        let (_, words) = explain::place_check(check);
        text += &format!("  {}: {words}\n", check.place);
    }
    for what in &plan.left_out {
        text += &format!("  left out: {}\n", words::left_out(*what));
    }
    text += &format!(
        "most that can be lost: {} ({})\n",
        words::promised_loss(plan.loss),
        words::loss_basis(plan.loss)
    );
    if let Some((verdict, objective)) = plan.loss_verdict.zip(policy.objective) {
        text += &format!("  {}\n", words::verdict(verdict, objective.loss_minutes));
    }
    text += &match plan.restore {
        Some(restore) => format!(
            "longest restore: about {}, {}\n",
            explain::duration(restore.estimate.seconds),
            words::restore_basis(restore.estimate.basis)
        ),
        None => "longest restore: unknown, there are no backups to tell\n".to_owned(),
    };
    if let Some((verdict, objective)) = plan.down_verdict.zip(policy.objective) {
        text += &format!("  {}\n", words::verdict(verdict, objective.down_minutes));
    }
    if let Some(storage) = plan.storage {
        text += &format!(
            "storage for {} days back: {}\n",
            storage.days,
            explain::size(storage.bytes)
        );
    }
    for kind in PolicyKind::ALL {
        let runs: Vec<String> = plan
            .runs
            .iter()
            .filter(|run| run.kind == kind)
            .map(|run| run.at.0.format("%H:%M").to_string())
            .collect();
        if runs.len() > 8 {
            text += &format!(
                "next 24 hours, {}: {} runs from {}\n",
                words::policy_kind(kind).to_lowercase(),
                runs.len(),
                runs.first().map_or("", String::as_str)
            );
        } else if !runs.is_empty() {
            text += &format!(
                "next 24 hours, {}: {}\n",
                words::policy_kind(kind).to_lowercase(),
                runs.join(", ")
            );
        }
    }
    for clash in &plan.clashes {
        text += &format!("at the same time: {}\n", words::clash(clash));
    }
    for conflict in &outlook.conflicts {
        text += &format!("already: {}\n", words::conflict(conflict));
    }
    for line in difference_lines(&outlook.by_hand) {
        text += &format!("changed by hand: {line}\n");
    }
    for line in difference_lines(&outlook.changes) {
        text += &format!("to do: {line}\n");
    }
    if outlook.changes.is_empty() {
        text += "nothing to do: the jobs are as the policy wants them\n";
    }
    text
}

pub fn status(policy: &Policy, reading: &ScheduleReading) -> String {
    let mut text = String::new();
    if let Some(state) = words::agent_state(reading.agent) {
        text += &format!("{state}\n");
    }
    let Some(installed) = reading.policy(&policy.id()) else {
        text += "There is no schedule of stopat for this on the server\n";
        return text;
    };
    for job in &installed.jobs {
        let last = job.outcomes.first().map_or_else(
            || "has not run yet".to_owned(),
            |run| {
                format!(
                    "{} {} after {}",
                    words::run_status(run.status),
                    explain::server_time_short(run.began),
                    explain::duration(run.seconds as f64)
                )
            },
        );
        let next = job.next_run.map_or_else(
            || "no next run".to_owned(),
            |next| format!("next {}", explain::server_time_short(next)),
        );
        text += &format!("{}: {last}, {next}\n", job.name);
        for trouble in job.troubles(reading.agent, reading.server_now) {
            let (sentence, messages) = words::job_trouble(&trouble);
            text += &format!("  {sentence}\n");
            for message in messages {
                text += &format!("    {message}\n");
            }
        }
    }
    text
}

pub fn retention_table(list: &RetentionList, policy: &Policy) -> String {
    let mut text = format!(
        "recovery window of {} from {} on\n",
        list.database,
        explain::server_time_short(list.window_from.server)
    );
    for file in &list.files {
        let (word, reason) = match &file.keep {
            None => ("may go", words::REMOVABLE.to_owned()),
            Some(keep) => ("stays ", words::keep(keep, policy)),
        };
        text += &format!("{word}  {}  {reason}\n", file.path);
    }
    text += &format!(
        "{}\n",
        words::removable_line(list.removable().count(), list.removable_bytes())
    );
    text
}
