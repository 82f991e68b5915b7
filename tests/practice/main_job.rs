//! The main job against the practice server: what was there at a moment is what a copy of that moment holds.

use super::asking::{moment, planned, start, start_with};
use std::collections::BTreeMap;
use stopat::{
    domain::{Destination, RestoreRequest, Target, Usage, UtcTime},
    run::{Outcome, RunEnd},
};
use tokio_util::sync::CancellationToken;

const DATABASE: &str = "OctopusAI";

/// Where the contents of a moment differ, in words.
fn difference(
    was: &BTreeMap<String, Vec<String>>,
    copy: &BTreeMap<String, Vec<String>>,
) -> Option<String> {
    if was == copy {
        return None;
    }
    let mut words = Vec::new();
    for (table, rows) in was {
        match copy.get(table) {
            None => words.push(format!("{table} is missing")),
            Some(there) if there != rows => {
                let gone = rows.iter().find(|row| !there.contains(row));
                let new = there.iter().find(|row| !rows.contains(row));
                words.push(format!(
                    "{table}: {} rows then, {} in the copy; missing {gone:?}, too many {new:?}",
                    rows.len(),
                    there.len()
                ));
            }
            Some(_) => {}
        }
    }
    words.extend(
        copy.keys()
            .filter(|table| !was.contains_key(*table))
            .map(|table| format!("{table} was not there")),
    );
    Some(words.join("\n"))
}

/// Ten moments drawn from a seed: the contents are recorded through TDS while they are live, independently of the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_random_moments_come_back_as_they_were() {
    let seed = 20_261_122;
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let practice = start().await;
    let mut journal: Vec<(UtcTime, BTreeMap<String, Vec<String>>)> = Vec::new();
    for _ in 0..10 {
        practice.advance(random.i64(30..1_500)).await;
        journal.push((practice.clock().await, practice.contents(DATABASE).await));
    }
    // Past the next log backup, so that each moment lies in a log.
    practice.advance(2_000).await;
    let history = practice.history().await;
    let database = history.database(DATABASE).expect("it has backups");
    for (n, (at, was)) in journal.iter().enumerate() {
        let copy = format!("Moment_{n}");
        let target = Target::At(moment(&database, *at));
        let report = practice
            .restore_copy(&history, DATABASE, target, &copy)
            .await;
        assert_eq!(report.end, RunEnd::Verified, "{at:?}: {:#?}", report.steps);
        if let Some(difference) = difference(was, &practice.contents(&copy).await) {
            panic!("seed {seed}, moment {at:?}:\n{difference}");
        }
        practice.run(&format!("DROP DATABASE [{copy}];")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_after_the_last_log_is_reached_with_a_backup_of_the_tail() {
    let practice = start().await;
    practice.advance(2_000).await;
    let was = practice.contents(DATABASE).await;
    let at = practice.clock().await;
    practice.advance(5).await;
    let history = practice.history().await;
    let database = history.database(DATABASE).expect("it has backups");
    let mut request = RestoreRequest::to(Target::At(moment(&database, at)));
    request.destination = Destination::Copy {
        name: "With_tail".to_owned(),
        files_to: None,
    };
    let refusal = match stopat::domain::plan(&database, &request) {
        Err(refusal) => refusal,
        Ok(plan) => panic!("no log can hold {at:?} yet: {plan:#?}"),
    };
    let plan = *refusal.tail.expect("a copy-only log backup reaches it");
    let report = practice
        .run_plan(&history, plan, request, &CancellationToken::new())
        .await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert_eq!(
        difference(&was, &practice.contents("With_tail").await),
        None
    );
}

/// Whether a second log with the same `STOPAT` is accepted or answered with 4335 after the first has stopped.
///
/// msdb has whole seconds, so a moment within the second in which a log backup began takes that log and the next.
/// When something was committed later in that second, the first of them stops already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_log_with_the_same_stopat_ends_online_either_way() {
    let practice = start_with(|options| {
        options.now = Some(UtcTime("2026-11-22T12:00:00.400Z".parse().expect("a time")));
    })
    .await;
    practice.run("CREATE DATABASE Two;").await;
    practice.run("ALTER DATABASE Two SET RECOVERY FULL;").await;
    practice
        .run("CREATE TABLE Two.dbo.T (id int NOT NULL PRIMARY KEY); INSERT INTO Two.dbo.T VALUES (1);")
        .await;
    practice
        .run(r"BACKUP DATABASE Two TO DISK = N'D:\Backup\two_full.bak' WITH CHECKSUM;")
        .await;
    practice.set_clock("2026-11-22T12:00:09Z").await;
    practice.run("INSERT INTO Two.dbo.T VALUES (2);").await;
    let was = practice.contents("Two").await;
    let at = UtcTime("2026-11-22T12:00:10.300Z".parse().expect("a time"));
    practice.set_clock("2026-11-22T12:00:10.400Z").await;
    practice.run("INSERT INTO Two.dbo.T VALUES (3);").await;
    practice
        .run(r"BACKUP LOG Two TO DISK = N'D:\Backup\two_log1.trn' WITH CHECKSUM;")
        .await;
    practice.set_clock("2026-11-22T12:01:10Z").await;
    practice.run("INSERT INTO Two.dbo.T VALUES (4);").await;
    practice
        .run(r"BACKUP LOG Two TO DISK = N'D:\Backup\two_log2.trn' WITH CHECKSUM;")
        .await;
    let history = practice.history().await;
    let database = history.database("Two").expect("it has backups");
    let target = Target::At(moment(&database, at));
    for (answer, skipped) in [("accept", 0), ("4335", 1)] {
        practice.option("second_stopat", answer).await;
        let copy = format!("Second_{answer}");
        let report = practice.restore_copy(&history, "Two", target, &copy).await;
        assert_eq!(
            report.plan.steps.len(),
            3,
            "{at:?} {:#?}",
            report.plan.steps
        );
        assert_eq!(
            report.end,
            RunEnd::Verified,
            "{answer}: {:#?}",
            report.steps
        );
        let n_skipped = report
            .steps
            .iter()
            .filter(|step| matches!(step.outcome, Outcome::Skipped { .. }))
            .count();
        assert_eq!(n_skipped, skipped, "{answer}");
        assert_eq!(
            difference(&was, &practice.contents(&copy).await),
            None,
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_differentials_the_same_contents_come_back() {
    let practice = start().await;
    practice.advance(300).await;
    let was = practice.contents(DATABASE).await;
    let at = practice.clock().await;
    practice.advance(2_000).await;
    let history = practice.history().await;
    let database = history.database(DATABASE).expect("it has backups");
    let mut request = RestoreRequest::to(Target::At(moment(&database, at)));
    request.differentials = Usage::Ignore;
    request.destination = Destination::Copy {
        name: "No_differentials".to_owned(),
        files_to: None,
    };
    let plan = planned(&database, &request);
    let report = practice
        .run_plan(&history, plan, request, &CancellationToken::new())
        .await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert!(
        report
            .steps
            .iter()
            .all(|step| step.outcome == Outcome::Done)
    );
    assert_eq!(
        difference(&was, &practice.contents("No_differentials").await),
        None
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_file_that_is_gone_is_told_before_anything_is_created() {
    let practice = start().await;
    practice.advance(2_000).await;
    let history = practice.history().await;
    let database = history.database(DATABASE).expect("it has backups");
    let newest = database
        .coverage(&stopat::domain::Limits::default())
        .newest()
        .expect("restorable");
    let mut request = RestoreRequest::to(Target::At(newest));
    request.destination = Destination::Copy {
        name: "Never".to_owned(),
        files_to: None,
    };
    let mut plan = planned(&database, &request);
    let step = plan.steps.first_mut().expect("a full backup");
    let gone = format!("{}.gone", step.devices[0].name());
    step.devices = vec![stopat::domain::Device::Disk(gone)];
    let report = practice
        .run_plan(&history, plan, request, &CancellationToken::new())
        .await;
    assert_eq!(report.end, RunEnd::Untouched);
    let answer = practice.run("SELECT DB_ID(N'Never') AS id;").await;
    assert_eq!(answer.first().and_then(|row| row.int("id")), None);
}
