//! How an interrupted run is judged: by what the journal saw and the server shows, never by one of them alone.

use super::{
    asking::{PATIENCE, Practice, batch, until},
    faults::{Cut, Cutting, check_good_end, server},
    lab::{Case, Lab, Ran, shell},
};
use std::path::Path;
use stopat::{
    domain::{Destination, RestoreRequest, Target},
    run::{
        Commands, OverChoice, ResumeError, ResumeHow, RunChoices, RunCommand, RunControl, RunEnd,
        RunEvent, TailChoice, TargetState, journal_path, read_run,
    },
    server::ask,
    tsql::{self, OnceJob, Script},
};

/// Over the original, and what no backup holds is given up.
async fn without_tail(lab: &Lab<'_>, case: &Case) -> RunChoices {
    let mut choices = lab.over(case).await;
    if let Some(over) = &mut choices.over {
        over.tail = TailChoice::GiveUp {
            reason: "the log is gone".to_owned(),
        };
    }
    choices
}

fn to_copy(case: &Case, name: &str) -> Case {
    let mut copy = case.clone();
    copy.request.destination = Destination::Copy {
        name: name.to_owned(),
        files_to: None,
    };
    copy
}

async fn cut(
    practice: &Practice,
    lab: &Lab<'_>,
    case: &Case,
    choices: RunChoices,
    at: usize,
) -> Ran {
    let gateway = Cutting::new(practice, at, Cut::Before);
    let job = lab.job(case, choices).await;
    lab.run_job(job, Commands::none(), &gateway, &|_| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_online_because_nothing_happened_is_not_restored() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    // Close, full, differential, logs: the connection dies before the server sees the full backup.
    let case = lab.case("Nothing").await;
    let ran = cut(&practice, &lab, &case, without_tail(&lab, &case).await, 1).await;
    assert_eq!(lab.facts("Nothing").await.expect("there").state, "ONLINE");
    let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    check_good_end(&practice, &lab, &case, &ran, "no tail").await;

    // In simple recovery the first restore is the last one too.
    let case = simple(&practice, &lab, "Simple").await;
    let ran = cut(&practice, &lab, &case, lab.over(&case).await, 1).await;
    let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    check_good_end(&practice, &lab, &case, &ran, "simple").await;
}

/// A database in simple recovery with one full backup, and a row that came after it.
async fn simple(practice: &Practice, lab: &Lab<'_>, name: &str) -> Case {
    let mut case = lab.case(name).await;
    let other = format!("{name}_S");
    practice.run(&format!("CREATE DATABASE [{other}];")).await;
    practice
        .run(&format!("ALTER DATABASE [{other}] SET RECOVERY SIMPLE;"))
        .await;
    practice
        .run(&format!(
            "CREATE TABLE [{other}].dbo.T (id int NOT NULL PRIMARY KEY, t nvarchar(50) NULL);
             INSERT INTO [{other}].dbo.T VALUES (1, N'before');"
        ))
        .await;
    practice
        .run(&format!(
            r"BACKUP DATABASE [{other}] TO DISK = N'D:\Backup\{other}.bak' WITH CHECKSUM;"
        ))
        .await;
    case.was = practice.contents(&other).await;
    practice
        .run(&format!(
            "INSERT INTO [{other}].dbo.T VALUES (2, N'after');"
        ))
        .await;
    case.database = other;
    case.request = RestoreRequest::to(Target::Latest);
    case
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_somebody_else_recovered_is_told_and_left_alone() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    // Close, tail, read: then nothing more is sent, and a person recovers the database by hand.
    let case = lab.case("ByHand").await;
    let ran = cut(&practice, &lab, &case, lab.over(&case).await, 3).await;
    assert_eq!(ran.report.state, TargetState::Restoring);
    practice.run("RESTORE DATABASE ByHand WITH RECOVERY;").await;
    let standing = lab.standing(&ran.journal).await;
    assert!(standing.opened_by_others, "{standing:#?}");
    assert_eq!(standing.offers, [ResumeHow::Abandon], "{standing:#?}");
    lab.abandon(&ran.journal).await;
    assert_eq!(lab.access("ByHand").await, "MULTI_USER");

    // The same of a copy, in the middle of its chain.
    let copy = to_copy(&lab.case("Middle").await, "Middle_copy");
    let ran = cut(&practice, &lab, &copy, RunChoices::default(), 2).await;
    assert_eq!(ran.report.state, TargetState::Restoring);
    practice
        .run("RESTORE DATABASE Middle_copy WITH RECOVERY;")
        .await;
    let standing = lab.standing(&ran.journal).await;
    assert!(standing.opened_by_others, "{standing:#?}");
    assert_eq!(standing.offers, [ResumeHow::Abandon], "{standing:#?}");
    lab.abandon(&ran.journal).await;
    assert!(lab.facts("Middle_copy").await.is_some(), "it is somebody's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_that_was_chosen_later_stays_chosen() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Chosen").await;
    let copy = to_copy(&case, "Chosen_copy");
    // Full, differential, log, log: before the last.
    let ran = cut(&practice, &lab, &copy, RunChoices::default(), 3).await;
    assert_eq!(
        ran.report.state,
        TargetState::Restoring,
        "{:#?}",
        ran.report
    );
    let how = ResumeHow::TakeLogs {
        to: Some(Target::At(case.later)),
    };
    let cutting = Cutting::new(&practice, 0, Cut::Before);
    let again = lab.go_on(&ran.journal, &how, &cutting).await;
    assert!(matches!(&again, Ok(Some(report)) if report.end == RunEnd::Restoring));
    let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert_eq!(practice.contents("Chosen_copy").await, case.was_later);
}

/// Waits until Agent has the job of a run in hand; then the run is dropped, as when the program dies.
async fn die_beside_the_job(lab: &Lab<'_>, case: &Case, choices: RunChoices) -> std::path::PathBuf {
    let job = lab.job(case, choices).await;
    let journal = journal_path(lab.folder(), &job.run);
    let watched = until("the job", async || {
        let record = read_run(&journal).ok().flatten();
        record.and_then(|record| record.server_job)
    });
    let gateway = lab.gateway();
    let running = lab.run_job(job, Commands::none(), &gateway, &|_| {});
    tokio::select! {
        ran = running => panic!("it ended: {:#?}", ran.report),
        _ = watched => {}
    }
    journal
}

/// Waits until Agent has ended the job of a run.
async fn job_ends(lab: &Lab<'_>, journal: &Path) {
    until("the end of the job", async || {
        let standing = lab.standing(journal).await;
        standing
            .server_job
            .is_none_or(|job| !job.runs)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_agent_restores_nothing_is_offered() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Beside").await;
    let mut choices = lab.over(&case).await;
    choices.on_server = Some("stopat once Beside".to_owned());
    practice.option("least_seconds", "3").await;
    let journal = die_beside_the_job(&lab, &case, choices).await;
    let standing = lab.standing(&journal).await;
    assert!(standing.server_job.as_ref().is_some_and(|job| job.runs));
    assert_eq!(standing.offers, [], "{standing:#?}");
    let refused = lab
        .go_on(&journal, &ResumeHow::Abandon, &practice.gateway)
        .await;
    assert!(matches!(refused, Err(ResumeError::NotOffered(_))));
    practice.option("least_seconds", "0").await;
    job_ends(&lab, &journal).await;
    let report = lab.resume(&journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert_eq!(practice.contents("Beside").await, case.was);
    assert_eq!(lab.access("Beside").await, "MULTI_USER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_failed_alone_gives_its_name_back() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Alone").await;
    let mut choices = lab.over(&case).await;
    choices.on_server = Some("stopat once Alone".to_owned());
    practice.option("least_seconds", "3").await;
    let log = practice.file(r"D:\Backup\Alone_3.trn");
    let kept = std::fs::read(&log).expect("readable");
    let journal = die_beside_the_job(&lab, &case, choices).await;
    std::fs::remove_file(&log).expect("removable");
    practice.option("least_seconds", "0").await;
    job_ends(&lab, &journal).await;
    std::fs::write(&log, kept).expect("writable");
    let standing = lab.standing(&journal).await;
    assert!(standing.server_job.is_some(), "it stays with its messages");
    let report = lab
        .resume(&journal, &ResumeHow::TakeLogs { to: None })
        .await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert_eq!(practice.contents("Alone").await, case.was);
    let left = practice
        .count("msdb.dbo.sysjobs WHERE name LIKE N'stopat once%'")
        .await;
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_when_agent_died_has_ended() {
    let practice = server().await;
    let made = practice
        .run(
            "DECLARE @job uniqueidentifier;
             EXEC msdb.dbo.sp_add_job @job_name = N'stopat once died', @job_id = @job OUTPUT;
             EXEC msdb.dbo.sp_add_jobstep @job_id = @job, @step_name = N'1', @command = N'SELECT 1;';
             EXEC msdb.dbo.sp_add_jobserver @job_id = @job, @server_name = N'(local)';
             UPDATE msdb.dbo.sysjobactivity SET start_execution_date = GETDATE() WHERE job_id = @job;
             SELECT @job AS job_id;",
        )
        .await;
    let id = made
        .first()
        .and_then(|row| row.guid("job_id"))
        .expect("an id");
    let stopped = async || {
        let state = practice.run(&tsql::once_job_state(id).sql).await;
        state.results[0].rows[0].time("stopped")
    };
    assert_eq!(stopped().await, None, "it runs");
    practice.option("agent", "stopped").await;
    // A job that cannot be started is not left behind.
    let script = Script {
        batches: vec![batch("SELECT 1;")],
    };
    let once = tsql::once_job_script(
        &OnceJob {
            name: "stopat once never",
            description: "",
            server_name: None,
        },
        &script,
    );
    practice.fails(&once.sql).await;
    let left = practice
        .count("msdb.dbo.sysjobs WHERE name = N'stopat once never'")
        .await;
    assert_eq!(left, 0);
    practice.option("agent", "running").await;
    assert!(stopped().await.is_some(), "Agent has started again since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_before_the_lock_is_held() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Locked").await;
    let ran = cut(&practice, &lab, &case, lab.over(&case).await, 3).await;
    let mut other = practice.connect().await;
    ask(other.as_mut(), &tsql::take_lock("Locked"))
        .await
        .expect("it is free");
    let before = std::fs::read(&ran.journal).expect("readable");
    for how in [ResumeHow::Abandon, ResumeHow::Continue] {
        let refused = lab.go_on(&ran.journal, &how, &practice.gateway).await;
        assert!(
            matches!(refused, Err(ResumeError::LockHeld { .. })),
            "{how:?}: {refused:?}"
        );
        assert_eq!(std::fs::read(&ran.journal).expect("readable"), before);
    }
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_restored_stays_restored_when_a_program_fails_again() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Twice").await;
    let mut choices = lab.over(&case).await;
    choices.after = vec![shell("Start the application", "exit 2", PATIENCE)];
    let ran = lab.run(&case, choices, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::OnlineNotVerified);
    let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::OnlineNotVerified, "{:#?}", report.steps);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_job_runs_again_whatever_the_database_is() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Paused").await;
    practice
        .run(
            "EXEC msdb.dbo.sp_add_job @job_name = N'nightly';
             EXEC msdb.dbo.sp_add_jobserver @job_name = N'nightly', @server_name = N'(local)';",
        )
        .await;
    let enabled = async || {
        let answer = practice
            .run("SELECT enabled FROM msdb.dbo.sysjobs WHERE name = N'nightly';")
            .await;
        answer.first().and_then(|row| row.int("enabled"))
    };
    let mut choices = lab.over(&case).await;
    choices.pause_jobs = vec!["nightly".to_owned()];
    // Pause, close, tail, read: before the full backup.
    let ran = cut(&practice, &lab, &case, choices, 4).await;
    assert_eq!(ran.report.state, TargetState::Restoring);
    assert_eq!(enabled().await, Some(1), "{:#?}", ran.report.owed);
    let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    let paused_again = report
        .steps
        .iter()
        .any(|step| step.title.contains("Disable the job") && step.outcome.word() == "done");
    assert!(paused_again, "{:#?}", report.steps);
    assert_eq!(enabled().await, Some(1));
    check_good_end(&practice, &lab, &case, &ran, "paused").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_restoring_and_still_stands_there_was_not_touched() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Before").await;
    practice
        .run(
            r"BACKUP LOG [Before] TO DISK = N'D:\Backup\Before_tail.trn' WITH NORECOVERY, CHECKSUM;",
        )
        .await;
    let target = lab.facts("Before").await.expect("there");
    assert!(target.redo_start.is_some());
    let choices = RunChoices {
        over: Some(OverChoice::of(target)),
        ..RunChoices::default()
    };
    let full = practice.file(r"D:\Backup\Before_full.bak");
    let job = lab.job(&case, choices).await;
    let first = job
        .runbook()
        .steps
        .iter()
        .position(|step| step.batch().is_some())
        .expect("a restore");
    let ran = lab
        .run_job(job, Commands::none(), &practice.gateway, &|event| {
            if matches!(event, RunEvent::StepBegan { step } if step == first) {
                std::fs::remove_file(&full).expect("removable");
            }
        })
        .await;
    assert_eq!(ran.report.end, RunEnd::Untouched, "{:#?}", ran.report.steps);
    assert_eq!(ran.report.state, TargetState::Restoring);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_between_two_logs_is_asked_to_leave_and_then_ended() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let copy = to_copy(&lab.case("Visited").await, "Visited_copy");
    let (control, commands) = RunControl::new();
    let job = lab.job(&copy, RunChoices::default()).await;
    let last_but_one = job.runbook().steps.len() - 3;
    let visitor = std::sync::Mutex::new(None);
    let waits = std::sync::Mutex::new(0);
    let gateway = practice.gateway.clone();
    let ran = lab
        .run_job(job, commands, &gateway, &|event| match event {
            RunEvent::Waiting { .. } => {
                *waits.lock().expect("one") += 1;
                let mut visitor = visitor.lock().expect("one");
                if visitor.is_none() {
                    *visitor = Some(tokio::task::block_in_place(|| {
                        tokio::runtime::Handle::current().block_on(async {
                            let mut there = practice.connect().await;
                            ask(there.as_mut(), &batch("USE Visited_copy; SELECT 1 AS one;"))
                                .await
                                .expect("readable");
                            there
                        })
                    }));
                }
                control.send(RunCommand::GoOn);
            }
            RunEvent::StepBegan { step } if step == last_but_one => {
                control.send(RunCommand::StopAndLook);
            }
            _ => {}
        })
        .await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    assert_eq!(*waits.lock().expect("one"), 2, "told once, then ended");
    assert_eq!(practice.contents("Visited_copy").await, copy.was);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_reads_backups_to_their_end_can_be_cancelled() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Long").await;
    let mut choices = lab.over(&case).await;
    choices.verify_files = true;
    let job = lab.job(&case, choices).await;
    let cancel = tokio_util::sync::CancellationToken::new();
    let gateway = Slow {
        real: practice.gateway.clone(),
        cancel: cancel.clone(),
    };
    let journal = journal_path(lab.folder(), &job.run);
    let ran = stopat::run::run_restore(
        job,
        stopat::run::Surroundings {
            gateway: &gateway,
            journal: stopat::run::Journal::create(&journal).expect("a journal"),
            tell: &|_| {},
            cancel: &cancel,
            commands: Commands::none(),
            now: super::asking::own_clock,
        },
    );
    let report = tokio::time::timeout(PATIENCE, ran)
        .await
        .expect("it does not wait for the end of the file")
        .expect("the journal can be written");
    assert_eq!(report.end, RunEnd::Cancelled, "{:#?}", report.steps);
    assert_eq!(report.state, TargetState::NotTouched);
}

/// A gateway whose reading of backups never ends; somebody cancels as soon as it begins.
struct Slow {
    real: stopat::server::SqlServer,
    cancel: tokio_util::sync::CancellationToken,
}

struct SlowConnection {
    real: Box<dyn stopat::server::Connection>,
    cancel: tokio_util::sync::CancellationToken,
}

impl stopat::server::Gateway for Slow {
    fn connect(&self) -> stopat::server::ConnectFuture<'_> {
        Box::pin(async move {
            let connection: Box<dyn stopat::server::Connection> = Box::new(SlowConnection {
                real: self.real.connect().await?,
                cancel: self.cancel.clone(),
            });
            Ok(connection)
        })
    }
}

impl stopat::server::Connection for SlowConnection {
    fn session_id(&self) -> i64 {
        self.real.session_id()
    }

    fn run<'a>(
        &'a mut self,
        batch: &'a tsql::Batch,
        sink: &'a mut dyn stopat::server::RowSink,
        messages: Option<tokio::sync::mpsc::UnboundedSender<String>>,
        cancel: &'a tokio_util::sync::CancellationToken,
    ) -> futures_util::future::BoxFuture<'a, Result<(), stopat::server::ServerError>> {
        Box::pin(async move {
            if batch.sql.contains("VERIFYONLY") {
                self.cancel.cancel();
                cancel.cancelled().await;
                return Err(stopat::server::ServerError::Cancelled);
            }
            self.real.run(batch, sink, messages, cancel).await
        })
    }
}
