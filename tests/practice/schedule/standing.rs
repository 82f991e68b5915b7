//! What stands in the way of a schedule: other jobs, changes by hand, and an edition without Agent.

use super::{Bench, job_of, jobs_of, one, plan, policy, read};
use crate::asking::{start, start_with};
use chrono::TimeDelta;
use stopat::{
    domain::{
        AgentState, Conflict, JobDifference, JobTrouble, LeftOut, PolicyId, PolicyKind,
        SchedulerKind, conflicts,
    },
    practice::engine::Edition,
    run::schedule::{ScheduleReading, apply_schedule},
};

#[tokio::test]
async fn what_somebody_changed_by_hand_is_a_difference_and_is_not_overwritten_unseen() {
    let practice = start().await;
    let bench = Bench::new();
    let policy = policy(one("OctopusAI"));
    let before = bench.apply(&practice, &policy).await;
    let name = PolicyId::job_name(&policy.databases, PolicyKind::Log);
    let other = PolicyId::job_name(&policy.databases, PolicyKind::Differential);
    practice
        .run(&format!(
            "EXEC msdb.dbo.sp_update_job @job_name = N'{name}', @enabled = 0;
             EXEC msdb.dbo.sp_update_job @job_name = N'{other}', @enabled = 0;
             EXEC msdb.dbo.sp_update_jobstep @job_name = N'{name}', @step_id = 1, @command = N'PRINT 1';
             EXEC msdb.dbo.sp_update_schedule @name = N'{name}', @freq_subday_interval = 30;"
        ))
        .await;
    let reading = read(&practice).await;
    let installed = reading.policy(&policy.id()).expect("still known");
    assert_eq!(
        installed.policy.as_ref(),
        Some(&policy),
        "the other steps hold it"
    );
    let jobs = jobs_of(&policy, &reading);
    let log = jobs
        .iter()
        .find(|job| job.kind == PolicyKind::Log)
        .expect("a log job");
    let differences = log.differences(installed.job(PolicyKind::Log));
    assert_eq!(differences.len(), 3, "{differences:?}");
    assert!(
        differences.contains(&JobDifference::Disabled)
            && differences.contains(&JobDifference::Command)
    );
    let troubles = installed
        .job(PolicyKind::Log)
        .expect("there")
        .troubles(reading.agent, reading.server_now);
    assert!(troubles.contains(&JobTrouble::Disabled));

    // Switched off it does not run, and switched on again it does.
    let next = |reading: &ScheduleReading| {
        let installed = reading.policy(&policy.id()).expect("there");
        installed
            .job(PolicyKind::Differential)
            .expect("there")
            .next_run
    };
    assert_eq!(next(&reading), None);

    // What was seen before the change is not what is there now.
    let stale = before.policy(&policy.id()).expect("applied").seen();
    let report = apply_schedule(&jobs, &stale, &[], bench.changing(&practice, "OctopusAI"))
        .await
        .expect("journaled");
    assert!(!report.done);
    assert!(format!("{:?}", report.steps.last()).contains("was changed since it was looked at"));
    let after = bench.apply(&practice, &policy).await;
    let installed = after.policy(&policy.id()).expect("there");
    for job in jobs_of(&policy, &after) {
        assert_eq!(job.differences(installed.job(job.kind)), []);
    }
    assert_eq!(next(&after), next(&before));
    assert!(next(&after).is_some());
}

#[tokio::test]
async fn what_already_backs_up_is_shown_and_what_keeps_a_job_from_running_is_told() {
    let practice = start().await;
    let bench = Bench::new();
    let policy = policy(one("OctopusAI"));
    let reading = read(&practice).await;
    let history = practice.history().await;
    let octopus = history.database("OctopusAI").expect("backed up");
    let others = reading.other_jobs(&policy.id(), &policy.databases);
    let found = conflicts(
        &policy.id(),
        &others,
        [octopus.as_ref()],
        reading.now.plus(-TimeDelta::days(14)),
    );
    let jobs = found
        .iter()
        .filter(|conflict| matches!(conflict, Conflict::Job { .. }))
        .count();
    let sets = found
        .iter()
        .filter(|conflict| matches!(conflict, Conflict::Backups(_)))
        .count();
    assert_eq!((jobs, sets), (3, 3), "{found:?}");
    assert!(plan(&policy, &reading).clashes.len() >= 3);

    bench.apply(&practice, &policy).await;
    practice.option("agent", "stopped").await;
    practice.advance(3_600).await;
    let reading = read(&practice).await;
    assert_eq!(reading.agent, AgentState::Stopped);
    let job = job_of(&reading, &policy, PolicyKind::Log);
    let troubles = job.troubles(reading.agent, reading.server_now);
    assert!(troubles.contains(&JobTrouble::AgentStopped), "{troubles:?}");
    assert!(
        troubles
            .iter()
            .any(|trouble| matches!(trouble, JobTrouble::Missed { runs, .. } if *runs >= 3)),
        "{troubles:?}"
    );
    let refused = practice
        .fails(&format!(
            "EXEC msdb.dbo.sp_start_job @job_name = N'{}';",
            job.name
        ))
        .await;
    assert_eq!(refused.number(), Some(22_022), "{refused:?}");
    practice.option("agent", "running").await;

    // An owner whose login is gone.
    practice
        .run(&format!(
            "UPDATE msdb.dbo.sysjobs SET owner_sid = 0x0105 WHERE name = N'{}';",
            job.name
        ))
        .await;
    practice.advance(15 * 60).await;
    let reading = read(&practice).await;
    let job = job_of(&reading, &policy, PolicyKind::Log);
    assert_eq!(job.owner, None);
    let troubles = job.troubles(reading.agent, reading.server_now);
    assert!(troubles.contains(&JobTrouble::NoOwner), "{troubles:?}");
    assert!(
        job.outcomes[0].messages[0].contains("15404"),
        "{:?}",
        job.outcomes[0]
    );
}

#[tokio::test]
async fn express_has_no_agent_and_no_compression() {
    let practice = start_with(|options| options.edition = Edition::Express).await;
    let policy = policy(one("OctopusAI"));
    let reading = read(&practice).await;
    assert_eq!(reading.agent, AgentState::Absent);
    let plan = plan(&policy, &reading);
    assert_eq!(plan.scheduler, SchedulerKind::OperatingSystem);
    assert_eq!(plan.left_out, [LeftOut::Compression, LeftOut::Agent]);
    assert!(!plan.options.compression);
    let refused = practice
        .fails(r"BACKUP DATABASE [OctopusAI] TO DISK = N'\\backup-server\octopus\x.bak' WITH COMPRESSION;")
        .await;
    assert_eq!(refused.number(), Some(1844), "{refused:?}");
    // The same T-SQL, as the operating system's scheduler sends it.
    for job in jobs_of(&policy, &reading) {
        practice.run(&job.command).await;
    }
    let history = practice.history().await;
    let octopus = history.database("OctopusAI").expect("backed up");
    let id = policy.id();
    let ours = octopus
        .sets()
        .filter(|set| {
            set.name
                .as_deref()
                .and_then(PolicyId::of_set)
                .is_some_and(|(of, _)| of == id)
        })
        .count();
    assert_eq!(ours, 3);
}
