//! What goes wrong on a server, as a run tells it.

use super::asking::{Practice, moment, planned, start};
use std::path::{Path, PathBuf};
use stopat::{
    domain::{Destination, History, Limits, RestorePlan, RestoreRequest, Target},
    explain::{ProblemKind, server_problem},
    run::{Outcome, RunEnd, RunReport},
    server::{Credentials, Gateway as _, SqlServer},
};
use tokio_util::sync::CancellationToken;

const DATABASE: &str = "OctopusAI";

/// A plan to the newest restorable moment, into a copy of this name.
async fn plan_to_newest(practice: &Practice, copy: &str) -> (History, RestorePlan, RestoreRequest) {
    let history = practice.history().await;
    let database = history.database(DATABASE).expect("it has backups");
    let newest = database
        .coverage(&Limits::default())
        .newest()
        .expect("it can be restored");
    let mut request = RestoreRequest::to(Target::At(moment(&database, newest.instant)));
    request.destination = Destination::Copy {
        name: copy.to_owned(),
        files_to: None,
    };
    let plan = planned(&database, &request);
    (history, plan, request)
}

async fn run(
    practice: &Practice,
    (history, plan, request): (History, RestorePlan, RestoreRequest),
) -> RunReport {
    practice
        .run_plan(&history, plan, request, &CancellationToken::new())
        .await
}

/// Where the world keeps the file that the server calls by this path.
pub fn file_on_disk(folder: &Path, server_path: &str) -> PathBuf {
    let name = server_path
        .rsplit(['\\', '/'])
        .next()
        .expect("a path has a last part");
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .file_name()
                .and_then(|found| found.to_str())
                .is_some_and(|found| found.eq_ignore_ascii_case(name))
            {
                return path;
            }
        }
    }
    panic!("no file {name} in the world");
}

fn failure(report: &RunReport) -> stopat::explain::Problem {
    match report.steps.last().map(|step| &step.outcome) {
        Some(Outcome::Failed(failure)) => stopat::explain::step_failure(failure),
        other => panic!("not a failure: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_the_users_to_put_right() {
    let practice = start().await;
    let server = SqlServer {
        credentials: Credentials::SqlLogin {
            user: "sa".to_owned(),
            password: "wrong".into(),
        },
        ..practice.gateway.clone()
    };
    let error = match server.connect().await {
        Err(error) => error,
        Ok(_) => panic!("a wrong password lets nobody in"),
    };
    assert_eq!(error.number(), Some(18456), "{error:?}");
    let problem = server_problem(&error);
    assert_eq!(problem.kind, ProblemKind::Yours);
    assert!(problem.sentence.contains("sa"), "{problem:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_gone_is_told_before_anything_is_created() {
    let practice = start().await;
    let planned = plan_to_newest(&practice, "Never").await;
    let log = planned.1.steps.last().expect("steps").devices[0]
        .name()
        .to_owned();
    std::fs::remove_file(file_on_disk(practice.server.folder(), &log)).expect("removable");
    let report = run(&practice, planned).await;
    assert_eq!(report.end, RunEnd::Untouched);
    let problem = failure(&report);
    assert!(problem.sentence.contains(&log), "{problem:?}");
    let answer = practice.run("SELECT DB_ID(N'Never') AS id;").await;
    assert_eq!(answer.first().and_then(|row| row.int("id")), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_stops_the_run_and_names_the_state() {
    let practice = start().await;
    let planned = plan_to_newest(&practice, "Damaged").await;
    let full = planned.1.steps[0].devices[0].name().to_owned();
    let path = file_on_disk(practice.server.folder(), &full);
    let mut bytes = std::fs::read(&path).expect("readable");
    let middle = bytes.len() * 3 / 4;
    bytes[middle] ^= 0xff;
    std::fs::write(&path, bytes).expect("writable");
    let report = run(&practice, planned).await;
    assert!(
        matches!(report.end, RunEnd::Untouched | RunEnd::Restoring),
        "{:?}",
        report.end
    );
    let problem = failure(&report);
    assert_eq!(problem.kind, ProblemKind::File, "{problem:?}");
    assert!(
        problem
            .details
            .iter()
            .any(|detail| detail.contains("3183") || detail.contains("3241")),
        "{problem:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_name_is_restored_and_dropped_like_any_other() {
    let practice = start().await;
    for copy in ["a]b'; DROP TABLE x--", "pay$(x)roll", "line\nGO\nend"] {
        let planned = plan_to_newest(&practice, copy).await;
        let report = run(&practice, planned).await;
        assert_eq!(report.end, RunEnd::Verified, "{copy}: {:#?}", report.steps);
        let (guid, created) = report.copy.expect("a copy has an identity");
        let script = stopat::tsql::drop_copy_script(
            copy,
            guid,
            &created,
            &stopat::tsql::ServerFacts::default(),
        );
        for batch in script.batches {
            practice.run(&batch.sql).await;
        }
        let state = stopat::tsql::database_state(copy);
        let answer = practice.run(&state.sql).await;
        assert!(answer.first().is_none(), "{copy} is gone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_not_the_journaled_one_is_not_dropped() {
    let practice = start().await;
    let planned = plan_to_newest(&practice, "Mine").await;
    let report = run(&practice, planned).await;
    let (guid, created) = report.copy.expect("a copy has an identity");
    let facts = stopat::tsql::ServerFacts::default();
    let other = stopat::tsql::drop_copy_script("Mine", uuid::Uuid::from_u128(1), &created, &facts);
    let later = stopat::tsql::drop_copy_script("Mine", guid, "2001-01-01T00:00:00", &facts);
    for script in [other, later] {
        let error = practice.fails(&script.batches[0].sql).await;
        assert_eq!(error.number(), Some(50_000), "{error:?}");
    }
    // Somebody is in it.
    let mut guest = practice.connect().await;
    stopat::server::ask(guest.as_mut(), &super::asking::batch("USE [Mine];"))
        .await
        .expect("it is online");
    let mine = stopat::tsql::drop_copy_script("Mine", guid, &created, &facts);
    let error = practice.fails(&mine.batches[0].sql).await;
    assert_eq!(error.number(), Some(50_000), "{error:?}");
    drop(guest);
}
