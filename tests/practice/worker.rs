//! The worker as the window uses it: requests in, events out, on its own practice server.

use std::time::Duration;
use stopat::{
    domain::{Destination, Limits, RestoreRequest, Target, plan},
    practice::{PracticeOptions, PracticeServer, WorldFolder},
    run::{Outcome, RunEnd},
    settings::{DataRoot, Operator},
    worker::{
        DatabaseState, Event, PreflightVerdict, Request, RestoreWishes, ServerId, ServerStatus,
        Worker, WorkerHandle,
    },
};

/// Far more than anything here takes; only a worker that hangs runs into it.
const PATIENCE: Duration = Duration::from_secs(240);

/// The next event that `wanted` takes; the others are passed over, but a problem ends the test.
fn next<T>(worker: &WorkerHandle, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
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
fn make_a_small_world(root: &std::path::Path) {
    let world = DataRoot::at(root).practice_world();
    let mut options = PracticeOptions::new(WorldFolder::Kept(world));
    options.days = 1;
    let runtime = stopat::worker::runtime().expect("a runtime");
    runtime.block_on(async {
        let server = PracticeServer::start(options).await.expect("it starts");
        server.stop().await;
    });
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

    worker.send(Request::DropCopy { server, run });
    let dropped = next(&worker, |event| match event {
        Event::CopyDropped { database, .. } => Some(database),
        _ => None,
    });
    assert_eq!(dropped, "OctopusAI_copy");
}
