//! The worker as the window uses it: requests in, events out, on its own practice server.

use super::asking::{PATIENCE, world_without_jobs};
use std::path::Path;
use stopat::{
    domain::{BackupType, Destination, History, Limits, PlanStep, RestoreRequest, Target, plan},
    run::{Outcome, RunCommand, RunEnd, RunId, Waiting, journal_path, read_run},
    settings::{DataRoot, Operator},
    worker::{
        DatabaseState, Event, PreflightVerdict, Request, RestoreWishes, RunNews, RunRequest,
        ServerId, ServerStatus, Worker, WorkerHandle,
    },
};

/// The next event that `wanted` takes; the others are passed over, but a problem ends the test.
pub fn next<T>(worker: &WorkerHandle, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    loop {
        let event = worker
            .events
            .recv_timeout(PATIENCE)
            .expect("the worker goes on");
        match &event {
            Event::Problem { problem, .. } => panic!("{problem:?}"),
            Event::Server {
                status: ServerStatus::Failed(problem),
                ..
            } => panic!("{problem:?}"),
            _ => {}
        }
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

/// One day instead of two weeks; the worker finds it as it would find one of an earlier start.
fn make_a_small_world(root: &Path) {
    let world = DataRoot::at(root).practice_world();
    let runtime = stopat::worker::runtime().expect("a runtime");
    runtime.block_on(async { world_without_jobs(world).await.server.stop().await });
}

/// A worker that is connected to its practice server at this pace, and the history that it read.
pub fn connected(root: &Path, pace: f64) -> (WorkerHandle, History) {
    let worker =
        Worker::start(root.to_owned(), Operator::default(), || {}).expect("the worker starts");
    worker.send(Request::OpenWorkspace {
        name: "default".to_owned(),
    });
    worker.send(Request::PracticePace(pace));
    worker.send(Request::Connect {
        server: ServerId::Practice,
        password: None,
    });
    let history = next(&worker, |event| match event {
        Event::History { history, .. } => Some(history),
        _ => None,
    });
    (worker, history)
}

#[test]
fn connect_look_restore_and_drop() {
    let root = tempfile::tempdir().expect("a temporary folder");
    make_a_small_world(root.path());
    let worker = Worker::start(root.path().to_owned(), Operator::default(), || {})
        .expect("the worker starts");
    worker.send(Request::OpenWorkspace {
        name: "default".to_owned(),
    });
    let profiles = next(&worker, |event| match event {
        Event::Workspace {
            profiles, problems, ..
        } => {
            assert_eq!(problems, []);
            Some(profiles)
        }
        _ => None,
    });
    assert_eq!(profiles, []);

    let server = ServerId::Practice;
    worker.send(Request::Connect {
        server,
        password: None,
    });
    let info = next(&worker, |event| match event {
        Event::Server {
            status: ServerStatus::Connected(info),
            ..
        } => Some(info),
        _ => None,
    });
    assert!(info.version.starts_with("16."), "{info:?}");
    let history = next(&worker, |event| match event {
        Event::History { history, .. } => Some(history),
        _ => None,
    });
    let database = history.database("OctopusAI").expect("it has backups");
    let newest = database
        .coverage(&Limits::default())
        .newest()
        .expect("it can be restored");
    // Well inside the log, so that a commit after the moment proves that it was reached.
    let target = database
        .clock()
        .moment_at(newest.instant.plus(chrono::TimeDelta::minutes(-20)));
    let mut request = RestoreRequest::to(Target::At(target));
    request.destination = Destination::Copy {
        name: "OctopusAI_copy".to_owned(),
        files_to: info.default_data_path.clone(),
    };
    let plan = Box::new(plan(&database, &request).expect("a plan"));

    worker.send(Request::Preflight {
        server,
        source: server,
        request: request.clone(),
        plan: plan.clone(),
        wishes: RestoreWishes::default(),
        generation: 7,
    });
    let shown = next(&worker, |event| match event {
        Event::Preflight {
            generation: 7,
            checks,
            prepared,
            ..
        } => {
            let refused: Vec<_> = checks
                .iter()
                .filter(|check| check.verdict != PreflightVerdict::Good)
                .collect();
            assert!(refused.is_empty(), "{refused:?}");
            assert_eq!(prepared.application.as_deref(), Some("Octopus"));
            Some(prepared.runbook)
        }
        _ => None,
    });

    worker.send(Request::Restore {
        server,
        source: server,
        request,
        plan,
        wishes: RestoreWishes::default(),
    });
    let run = next(&worker, |event| match event {
        Event::RunStarted { run, runbook, .. } => {
            assert_eq!(*runbook, shown, "what was shown is what runs");
            Some(run)
        }
        _ => None,
    });
    let mut messages = 0;
    let report = next(&worker, |event| match event {
        Event::RunMessage { .. } => {
            messages += 1;
            None
        }
        Event::RunEnded { report, .. } => Some(report),
        _ => None,
    });
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert!(messages > 0, "the server says what it does");
    assert!(
        report
            .steps
            .iter()
            .all(|step| step.outcome == Outcome::Done)
    );
    let verification = report.verification.as_ref().expect("it was verified");
    assert!(
        !verification.tables.is_empty(),
        "Octopus has protected tables"
    );
    assert!(verification.schema_version.is_some());
    // The list shows the copy without being asked.
    next(&worker, |event| match event {
        Event::Databases { databases, .. } => databases
            .iter()
            .find(|database| database.name == "OctopusAI_copy")
            .filter(|database| database.state == DatabaseState::Online)
            .map(|_| ()),
        _ => None,
    });

    // Checked now, as a step more in the journal of the run.
    worker.send(Request::Run(RunRequest::CheckDatabase {
        server,
        run: run.clone(),
        database: "OctopusAI_copy".to_owned(),
    }));
    let seconds = next(&worker, |event| match event {
        Event::Run {
            news: RunNews::Checked(result),
            ..
        } => Some(result.expect("nothing is wrong with it")),
        _ => None,
    });
    assert!(seconds >= 0.0);
    let workspace = root.path().join("workspaces").join("default");
    let record = read_run(&journal_path(&workspace, &run))
        .expect("a whole journal")
        .expect("a run");
    let last = record.steps.last().expect("steps");
    assert!(
        last.title.contains("CHECKDB") && last.done(),
        "{:?}",
        last.title
    );
    assert!(!record.is_unfinished());
    assert_eq!(record.who.profile.as_deref(), Some("practice"));

    worker.send(Request::DropCopy { server, run });
    let dropped = next(&worker, |event| match event {
        Event::CopyDropped { database, .. } => Some(database),
        _ => None,
    });
    assert_eq!(dropped, "OctopusAI_copy");
}

#[test]
fn a_database_between_two_logs_answers_and_goes_on() {
    let root = tempfile::tempdir().expect("a temporary folder");
    make_a_small_world(root.path());
    let server = ServerId::Practice;
    // The full backup takes a few seconds, so that what is asked for as it begins is heard in time.
    let (worker, history) = connected(root.path(), 50.0);
    let database = history.database("OctopusAI").expect("it has backups");
    let newest = database
        .coverage(&Limits::default())
        .newest()
        .expect("it can be restored");
    let is_log = |step: &PlanStep| step.backup_type == BackupType::Log;
    // Whatever the hour, an hour of logs follows a differential somewhere in the last six.
    let (request, plan) = (1..=12)
        .filter_map(|halves| {
            let target = database.clock().moment_at(
                newest
                    .instant
                    .plus(chrono::TimeDelta::minutes(-30 * halves)),
            );
            let mut request = RestoreRequest::to(Target::At(target));
            request.destination = Destination::Copy {
                name: "Looked".to_owned(),
                files_to: None,
            };
            let plan = plan(&database, &request).ok()?;
            Some((request, Box::new(plan)))
        })
        .find(|(_, plan)| plan.steps.iter().filter(|step| is_log(step)).count() >= 4)
        .expect("a plan of many logs");
    worker.send(Request::Restore {
        server,
        source: server,
        request,
        plan,
        wishes: RestoreWishes::default(),
    });
    let tell = |run: &RunId, command| {
        worker.send(Request::Run(RunRequest::Tell {
            run: run.clone(),
            command,
        }));
    };
    let run = next(&worker, |event| match event {
        Event::RunStarted { run, .. } => {
            tell(&run, RunCommand::StopAndLook);
            None
        }
        // It was heard while something else than a log was restored.
        Event::Run {
            run,
            news:
                RunNews::Waiting {
                    why: Waiting::Paused,
                    ..
                },
        } => {
            tell(&run, RunCommand::GoOn);
            tell(&run, RunCommand::StopAndLook);
            None
        }
        Event::Run {
            run,
            news: RunNews::Waiting { why, .. },
        } => {
            assert_eq!(why, Waiting::Looking);
            Some(run)
        }
        Event::RunEnded { report, .. } => panic!("it did not wait: {:#?}", report.steps),
        _ => None,
    });
    let ask = |query: &str| {
        worker.send(Request::Run(RunRequest::Look {
            server,
            run: run.clone(),
            database: "Looked".to_owned(),
            query: query.to_owned(),
        }));
        next(&worker, |event| match event {
            Event::Run {
                news: RunNews::Looked(answer),
                ..
            } => Some(*answer),
            _ => None,
        })
    };
    let answer = ask("SELECT COUNT(*) AS n FROM dbo.Octopus_Episodes").expect("it answers");
    assert_eq!(answer.columns, ["n"]);
    assert_eq!(answer.n_rows, 1);
    assert_ne!(answer.rows[0], ["0"]);
    let refused = ask("DELETE FROM dbo.Octopus_Agents").expect_err("it is no question");
    assert!(refused.sentence.contains("DELETE"), "{refused:?}");
    let unknown = ask("SELECT * FROM dbo.Nowhere").expect_err("there is none");
    assert!(
        unknown.sentence.contains("Nowhere") || unknown.details.iter().any(|d| d.contains("208")),
        "{unknown:?}"
    );
    tell(&run, RunCommand::GoOn);
    let report = next(&worker, |event| match event {
        Event::RunEnded { report, .. } => Some(report),
        // The question's own session has been closed; nobody is to be asked to close it.
        Event::Run {
            news: RunNews::Waiting { why, .. },
            ..
        } => panic!("it waits again: {why:?}"),
        Event::RunNotBegun { problem, .. } => panic!("{problem:?}"),
        _ => None,
    });
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
}
