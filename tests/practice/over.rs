//! Restores over the original, on the practice server: the whole runbook, and what it leaves behind.

use super::{
    asking::{PATIENCE, Practice, batch, start_with, until},
    lab::{Lab, shell},
};
use std::sync::Mutex;
use stopat::{
    domain::{Destination, Target},
    run::{
        Action, Outcome, OwnStep, PreflightFinding, PreflightVerdict, ResumeHow, RunChoices,
        RunCommand, RunControl, RunEnd, RunEvent, StepSkip, TailChoice, TargetState, Waiting,
        preflight, read_run,
    },
    server::{Answer, Gateway as _, ServerError, SqlServer, ask},
    settings::Reach,
};
use tokio_util::sync::CancellationToken;

async fn server() -> Practice {
    start_with(|options| options.days = 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_runbook_over_the_original() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Whole").await;
    // Somebody is in it, and the background update of statistics is on.
    let mut idle = practice.connect().await;
    ask(idle.as_mut(), &batch("USE Whole; SELECT 1 AS one;"))
        .await
        .expect("in");
    practice
        .run("ALTER DATABASE Whole SET AUTO_UPDATE_STATISTICS_ASYNC ON;")
        .await;
    let mut choices = lab.over(&case).await;
    choices.before = vec![shell("Stop the application", "echo stopped", PATIENCE)];
    choices.after = vec![shell("Start the application", "echo started", PATIENCE)];
    choices.check_database = true;
    let ran = lab.run(&case, choices, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    assert_eq!(ran.report.state, TargetState::Online);
    assert!(ran.report.owed.is_empty());
    assert_eq!(practice.contents("Whole").await, case.was);
    // What the database had after the moment is in the tail.
    let record = read_run(&ran.journal).expect("readable").expect("a run");
    let tail = record.tail_file.clone().expect("a tail");
    let header = practice
        .run(&format!("RESTORE HEADERONLY FROM DISK = N'{tail}';"))
        .await;
    assert_eq!(header.rows().len(), 1);
    assert!(!record.is_unfinished());
    let verification = ran.report.verification.as_ref().expect("looked at");
    assert_eq!(verification.access.as_deref(), Some("MULTI_USER"));
    let facts = lab.facts("Whole").await.expect("there");
    assert!(facts.async_statistics, "put back");
    // Each restore says what it moved.
    let full = ran
        .report
        .steps
        .iter()
        .find(|step| step.facts.backup_kind.as_deref() == Some("full"))
        .expect("a full backup");
    assert!(full.facts.bytes.is_some_and(|bytes| bytes > 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_in_the_tail_is_reached_with_the_tail() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("InTheTail").await.in_the_tail(&practice).await;
    let choices = lab.over(&case).await;
    let ran = lab.run(&case, choices, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    assert_eq!(practice.contents("InTheTail").await, case.was);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_that_is_given_up_goes_with_a_typed_reason() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("GivenUp").await;
    let mut choices = lab.over(&case).await;
    if let Some(over) = &mut choices.over {
        over.tail = TailChoice::GiveUp {
            reason: "the disk with the log is gone".to_owned(),
        };
    }
    let book = lab.job(&case, choices.clone()).await.runbook();
    let sql = book.script().to_sql();
    assert!(sql.contains("REPLACE"), "{sql}");
    assert!(!sql.contains("BACKUP LOG"), "{sql}");
    let ran = lab.run(&case, choices, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    assert_eq!(practice.contents("GivenUp").await, case.was);
    assert_eq!(lab.access("GivenUp").await, "MULTI_USER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_decision_the_original_is_not_touched() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Untouched").await;
    let before = practice.contents("Untouched").await;
    let ran = lab.run(&case, RunChoices::default(), |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Untouched);
    assert_eq!(practice.contents("Untouched").await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_pauses_waits_for_the_hand_and_looks_between_logs() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Looked").await;
    let mut choices = lab.over(&case).await;
    choices.before = vec![OwnStep {
        title: "Stop it by hand".to_owned(),
        hook: None,
    }];
    let (control, commands) = RunControl::new();
    let job = lab.job(&case, choices).await;
    let first_log = job
        .runbook()
        .steps
        .iter()
        .position(
            |step| matches!(&step.action, Action::Sql(batch) if batch.title.contains("log backup")),
        )
        .expect("a log");
    let waits = std::sync::Mutex::new(Vec::new());
    let gateway = practice.gateway.clone();
    let ran = lab
        .run_job(job, commands, &gateway, &|event| match event {
            RunEvent::Waiting { why, .. } => {
                waits.lock().expect("one").push(why);
                control.send(match why {
                    Waiting::ByHand => RunCommand::Done,
                    _ => RunCommand::GoOn,
                });
            }
            RunEvent::StepBegan { step: 2 } => control.send(RunCommand::PauseAfterStep),
            RunEvent::StepBegan { step } if step == first_log => {
                control.send(RunCommand::StopAndLook);
            }
            _ => {}
        })
        .await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    assert_eq!(
        *waits.lock().expect("one"),
        [Waiting::ByHand, Waiting::Paused, Waiting::Looking]
    );
    assert_eq!(practice.contents("Looked").await, case.was);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_left_between_two_logs_goes_on_to_a_later_moment() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Further").await;
    let mut request = case.request.clone();
    request.destination = Destination::Copy {
        name: "Further_copy".to_owned(),
        files_to: None,
    };
    let mut copy = case.clone();
    copy.request = request;
    let (control, commands) = RunControl::new();
    let job = lab.job(&copy, RunChoices::default()).await;
    let last = job.runbook().steps.len() - 3;
    let gateway = practice.gateway.clone();
    let ran = lab
        .run_job(job, commands, &gateway, &|event| match event {
            RunEvent::Waiting { .. } => control.send(RunCommand::Stop),
            RunEvent::StepBegan { step } if step == last => control.send(RunCommand::StopAndLook),
            _ => {}
        })
        .await;
    assert_eq!(ran.report.state, TargetState::Standby, "{:#?}", ran.report);
    assert!(
        !practice.contents("Further_copy").await.is_empty(),
        "readable"
    );
    let later = Target::At(case.later);
    let report = lab
        .resume(&ran.journal, &ResumeHow::TakeLogs { to: Some(later) })
        .await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert_eq!(practice.contents("Further_copy").await, case.was_later);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restricted_copy_is_verified_as_restricted() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let mut case = lab.case("Shut").await;
    case.request.destination = Destination::Copy {
        name: "Shut_copy".to_owned(),
        files_to: None,
    };
    let choices = RunChoices {
        restricted_user: true,
        ..RunChoices::default()
    };
    let ran = lab.run(&case, choices, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    assert_eq!(lab.access("Shut_copy").await, "RESTRICTED_USER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_fails_is_done_again_or_left_out() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Hooked").await;
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("once");
    let mut choices = lab.over(&case).await;
    choices.before = vec![shell(
        "Stop the application",
        &format!(
            "test -e '{0}' || {{ touch '{0}'; exit 3; }}",
            mark.display()
        ),
        PATIENCE,
    )];
    choices.after = vec![shell("Start the application", "exit 1", PATIENCE)];
    let (control, commands) = RunControl::new();
    let n_asked = std::sync::atomic::AtomicUsize::new(0);
    let gateway = practice.gateway.clone();
    let job = lab.job(&case, choices).await;
    let ran = lab
        .run_job(job, commands, &gateway, &|event| {
            if let RunEvent::Waiting { .. } = event {
                let n = n_asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                control.send(if n == 0 {
                    RunCommand::Retry
                } else {
                    RunCommand::Skip {
                        reason: "started by hand".to_owned(),
                    }
                });
            }
        })
        .await;
    assert_eq!(ran.report.end, RunEnd::OnlineNotVerified);
    assert_eq!(practice.contents("Hooked").await, case.was);
    assert!(ran.report.steps.iter().any(|step| matches!(
        &step.outcome,
        Outcome::Skipped { reason: StepSkip::Chosen { reason } } if reason == "started by hand"
    )));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_before_is_what_runs() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Shown").await;
    let choices = lab.over(&case).await;
    let job = lab.job(&case, choices).await;
    let shown: Vec<String> = job
        .runbook()
        .script()
        .batches
        .iter()
        .map(|batch| batch.sql.clone())
        .collect();
    let gateway = practice.gateway.clone();
    let ran = lab
        .run_job(job, stopat::run::Commands::none(), &gateway, &|_| {})
        .await;
    let sent: Vec<String> = ran
        .report
        .steps
        .iter()
        .map(|step| step.sql.clone())
        .filter(|sql| !sql.is_empty())
        .collect();
    assert_eq!(sent, shown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_restores_by_itself_while_stopat_watches() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("OnServer").await.in_the_tail(&practice).await;
    let mut choices = lab.over(&case).await;
    choices.on_server = Some("stopat once OnServer".to_owned());
    let ran = lab.run(&case, choices, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    assert_eq!(practice.contents("OnServer").await, case.was);
    assert_eq!(lab.access("OnServer").await, "MULTI_USER");
    let left = practice
        .count("msdb.dbo.sysjobs WHERE name LIKE N'stopat once%'")
        .await;
    assert_eq!(left, 0);
}

/// Without `VIEW SERVER STATE` the server shows others to nobody, and says no word of it: no percentage is made up, and
/// what is not seen is not taken for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_may_not_look_around_is_told_so() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    for (database, permission) in [("Seen", "granted"), ("Blind", "denied")] {
        let case = lab.case(database).await;
        practice.option("state_permission", permission).await;
        let sees = permission == "granted";
        let choices = lab.over(&case).await;
        let job = lab.job(&case, choices.clone()).await;
        let mut session = practice.connect().await;
        let checks = preflight(session.as_mut(), &job.plan, &choices)
            .await
            .expect("the connection holds");
        for hidden in [
            PreflightFinding::ConnectionsHidden,
            PreflightFinding::OtherWorkHidden,
        ] {
            let told = checks.iter().find(|check| check.finding == hidden);
            let verdict = told.map(|check| check.verdict);
            let expected = (!sees).then_some(PreflightVerdict::Unknown);
            assert_eq!(verdict, expected, "{hidden:?}");
        }
        let journal = lab.run(&case, RunChoices::default(), |_| {}).await.journal;
        assert_eq!(lab.standing(&journal).await.others_hidden, !sees);
        practice.option("least_seconds", "1.5").await;
        let progress = Mutex::new(Vec::new());
        let ran = lab
            .run(&case, choices, |event| {
                if let RunEvent::Progress(now) = event {
                    progress.lock().expect("nobody panicked").push(now);
                }
            })
            .await;
        assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
        practice.option("least_seconds", "0").await;
        let progress = progress.into_inner().expect("nobody panicked");
        assert!(!progress.is_empty(), "the time that passes is told anyhow");
        let told = progress.iter().any(|now| now.percent.is_some());
        assert_eq!(told, sees, "{progress:?}");
    }
}

/// How far a profile lets stopat go is told before anything else is tried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_only_looks_refuses_the_restore() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Reach").await;
    let choices = lab.over(&case).await;
    let job = lab.job(&case, choices.clone()).await;
    for reach in [Reach::Look, Reach::BackUp, Reach::Restore] {
        let gateway = SqlServer {
            reach,
            ..practice.gateway.clone()
        };
        let mut session = gateway.connect().await.expect("it lets us in");
        let checks = preflight(session.as_mut(), &job.plan, &choices)
            .await
            .expect("the connection holds");
        let refused = checks.iter().any(|check| {
            matches!(check.finding, PreflightFinding::ProfileForbids { .. })
                && check.verdict == PreflightVerdict::Refused
        });
        assert_eq!(refused, reach != Reach::Restore, "{reach:?}: {checks:#?}");
    }
}

/// Somebody else's restore of the same name is seen; one that hides its name in a variable is at least told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_else_restores_is_seen_before() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Busy").await;
    let choices = lab.over(&case).await;
    let job = lab.job(&case, choices.clone()).await;
    practice.option("least_seconds", "600").await;
    for (statement, verdict) in [
        (
            r"BACKUP DATABASE Busy TO DISK = N'D:\Backup\other.bak' WITH COPY_ONLY;".to_owned(),
            PreflightVerdict::Refused,
        ),
        (
            r"DECLARE @name sysname = N'Elsewhere';
              RESTORE DATABASE @name FROM DISK = N'D:\Backup\Busy_full.bak'
              WITH MOVE N'Busy' TO N'D:\Data\else.mdf', MOVE N'Busy_log' TO N'D:\Data\else.ldf';"
                .to_owned(),
            PreflightVerdict::Warning,
        ),
    ] {
        let mut other = practice.connect().await;
        let statement = batch(statement);
        let cancel = CancellationToken::new();
        let mut answer = Answer::default();
        let work = other.run(&statement, &mut answer, None, &cancel);
        let seen = async {
            let verdict = until("the other's work", async || {
                let mut session = practice.connect().await;
                let checks = preflight(session.as_mut(), &job.plan, &choices)
                    .await
                    .expect("the connection holds");
                let told = checks.into_iter().find(|check| {
                    matches!(
                        check.finding,
                        PreflightFinding::OtherWork { .. } | PreflightFinding::WorkOfUnknown { .. }
                    )
                });
                told.map(|check| check.verdict)
            })
            .await;
            cancel.cancel();
            verdict
        };
        let (ended, seen) = tokio::join!(work, seen);
        assert_eq!(
            ended,
            Err(ServerError::Cancelled),
            "it ran while it was seen"
        );
        assert_eq!(seen, verdict);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_begins_with_a_backup_needs_the_right_to_take_it() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let mut case = lab.case("Denied").await.in_the_tail(&practice).await;
    case.request.destination = Destination::Copy {
        name: "Denied_copy".to_owned(),
        files_to: None,
    };
    practice.option("backup_permission", "denied").await;
    let ran = lab.run(&case, RunChoices::default(), |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Untouched);
    let words = format!("{:?}", ran.report.steps);
    assert!(words.contains("MayNotBackUpLog"), "{words}");
    let record = read_run(&ran.journal).expect("readable").expect("a run");
    assert!(record.tail_file.is_none(), "nothing was backed up");
}
