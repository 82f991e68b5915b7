//! Originals that are not as they should be: suspect, with a damaged log, in a group, with work that is not committed;
//! and restores that go on without the program that began them.

use super::{
    asking::{Practice, batch, own_clock, start_with, until},
    lab::Lab,
};
use stopat::{
    explain,
    run::{
        Journal, Outcome, PreflightFinding, PreflightVerdict, ResumeHow, RunControl, RunEnd,
        StepFailure, Surroundings, TargetState, journal_path, preflight, read_run, run_restore,
    },
    server::ask,
};
use tokio_util::sync::CancellationToken;

async fn server() -> Practice {
    start_with(|options| options.days = 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tail_of_a_suspect_database_is_saved_and_the_database_comes_back() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    // The moment lies in the tail: without it the rows would be lost.
    let case = lab.case("Suspect").await.in_the_tail(&practice).await;
    practice.option("suspect", "Suspect").await;
    let unreadable = practice.fails("SELECT * FROM Suspect.dbo.T;").await;
    assert_eq!(unreadable.number(), Some(926));
    let refused = practice
        .fails("BACKUP LOG Suspect TO DISK = N'D:\\Backup\\x.trn' WITH NORECOVERY;")
        .await;
    assert_eq!(refused.number(), Some(926), "without NO_TRUNCATE");
    let choices = lab.over(&case).await;
    let job = lab.job(&case, choices).await;
    let sql = job.runbook().script().to_sql();
    assert!(sql.contains("NO_TRUNCATE"), "{sql}");
    assert!(!sql.contains("REPLACE"), "the guards stay armed: {sql}");
    let ran = lab
        .run_job(
            job,
            stopat::run::Commands::none(),
            &practice.gateway,
            &|_| {},
        )
        .await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    assert_eq!(practice.contents("Suspect").await, case.was);
    assert_eq!(lab.access("Suspect").await, "MULTI_USER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_log_is_backed_up_past_the_damage_without_being_told() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Torn").await.in_the_tail(&practice).await;
    practice.option("damaged_log", "Torn").await;
    let ran = lab.run(&case, lab.over(&case).await, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    assert_eq!(practice.contents("Torn").await, case.was);
    let tails: Vec<&str> = ran
        .report
        .steps
        .iter()
        .filter(|step| step.sql.contains("BACKUP LOG"))
        .map(|step| match &step.outcome {
            Outcome::DoneWithWarning(StepFailure::TailElsewhere { error, .. }) => {
                assert_eq!(error.number(), Some(9004));
                "refused"
            }
            Outcome::Done if step.sql.contains("CONTINUE_AFTER_ERROR") => "past the damage",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tails, ["refused", "past the damage"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_shows_the_way_out_and_back() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Grouped").await;
    practice.option("availability_group", "Grouped").await;
    let before = practice.contents("Grouped").await;
    let job = lab.job(&case, lab.over(&case).await).await;
    let mut connection = practice.connect().await;
    let checks = preflight(connection.as_mut(), &job.plan, &job.choices)
        .await
        .expect("answered");
    let check = checks
        .iter()
        .find(|check| matches!(check.finding, PreflightFinding::InAvailabilityGroup { .. }))
        .expect("it is told");
    assert_eq!(check.verdict, PreflightVerdict::Refused);
    let hint = explain::preflight(check).hint;
    for line in [
        "ALTER AVAILABILITY GROUP [PRACTICE_AG] REMOVE DATABASE [Grouped];",
        "ALTER AVAILABILITY GROUP [PRACTICE_AG] ADD DATABASE [Grouped];",
        "PRACTICE2: fetches the database by itself",
        "ALTER DATABASE [Grouped] SET HADR AVAILABILITY GROUP = [PRACTICE_AG];",
    ] {
        assert!(hint.contains(line), "{line}\n{hint}");
    }
    let ran = lab.run(&case, job.choices.clone(), |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Untouched);
    assert_eq!(practice.contents("Grouped").await, before);
    // Out of the group it goes on.
    practice.option("availability_group", "none").await;
    let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_open_transaction_is_named_with_what_it_has_written() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Open").await;
    let mut other = practice.connect().await;
    ask(
        other.as_mut(),
        &batch("USE [Open]; BEGIN TRAN; INSERT INTO dbo.T VALUES (50, N'a'), (51, N'b');"),
    )
    .await
    .expect("in");
    let to = practice.clock().await.plus(chrono::TimeDelta::seconds(180));
    practice
        .server
        .engine()
        .run(move |engine| engine.clock.set(to))
        .await
        .expect("the engine runs");
    let job = lab.job(&case, lab.over(&case).await).await;
    let mut connection = practice.connect().await;
    let checks = preflight(connection.as_mut(), &job.plan, &job.choices)
        .await
        .expect("answered");
    let largest = checks
        .iter()
        .find_map(|check| match &check.finding {
            PreflightFinding::Connected { largest, .. } => largest.clone(),
            _ => None,
        })
        .expect("somebody has written");
    assert_eq!(largest.session_id, other.session_id());
    assert!(largest.log_bytes > 0);
    assert_eq!(largest.age_secs, 180);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_does_not_run_is_seen_before() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Agentless").await;
    let mut choices = lab.over(&case).await;
    choices.on_server = Some("stopat once Agentless".to_owned());
    practice.option("agent", "stopped").await;
    let ran = lab.run(&case, choices, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Untouched);
    let Some(Outcome::Failed(StepFailure::Preflight(check))) =
        ran.report.steps.first().map(|step| &step.outcome)
    else {
        panic!("{:#?}", ran.report.steps);
    };
    assert!(matches!(
        check.finding,
        PreflightFinding::AgentDoesNotRun(_)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_the_server_does_by_itself_outlives_the_program() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Outlives").await;
    practice.option("least_seconds", "3").await;
    let mut choices = lab.over(&case).await;
    choices.on_server = Some("stopat once Outlives".to_owned());
    let job = lab.job(&case, choices).await;
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal_path(folder.path(), &job.run);
    let cancel = CancellationToken::new();
    let (control, commands) = RunControl::new();
    let running = run_restore(
        job,
        Surroundings {
            gateway: &practice.gateway,
            journal: Journal::create(&journal).expect("a journal"),
            tell: &|_| {},
            cancel: &cancel,
            commands,
            now: own_clock,
        },
    );
    let leaving = async {
        until("a restore by the server", async || {
            let restores = "sys.dm_exec_requests WHERE command = N'RESTORE DATABASE'";
            (practice.count(restores).await == 1).then_some(())
        })
        .await;
        control.leave();
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(running, leaving);
    let report = report.expect("the journal can be written");
    assert_eq!(report.end, RunEnd::Restoring, "{:#?}", report.steps);
    assert!(
        read_run(&journal)
            .expect("readable")
            .expect("a run")
            .is_unfinished()
    );
    // Nobody stops the job.
    practice.option("least_seconds", "0").await;
    until("the end of the job", async || {
        let jobs = "msdb.dbo.sysjobs WHERE name LIKE N'stopat once%'";
        (practice.count(jobs).await == 0).then_some(())
    })
    .await;
    let standing = lab.standing(&journal).await;
    assert_eq!(standing.state, TargetState::Online, "{standing:#?}");
    let report = lab.resume(&journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert_eq!(practice.contents("Outlives").await, case.was);
    assert_eq!(lab.access("Outlives").await, "MULTI_USER");
}
