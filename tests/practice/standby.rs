//! Copies that are not recovered but left readable: looked at, taken further, and recovered when somebody wants to.

use super::{
    asking::{Practice, batch},
    faults::server,
    lab::{Case, Lab, Ran},
};
use stopat::{
    domain::{Destination, Target},
    run::{ResumeHow, RunChoices, RunEnd, TargetState, read_run},
    server::ask,
    tsql,
};

/// A copy of a case that stays readable at the moment of the case.
async fn readable(lab: &Lab<'_>, case: &Case, copy: &str) -> (Case, Ran) {
    let mut case = case.clone();
    case.request.destination = Destination::Copy {
        name: copy.to_owned(),
        files_to: None,
    };
    let plain = lab.job(&case, RunChoices::default()).await;
    let choices = RunChoices {
        standby: Some(tsql::undo_file(&plain.plan, &plain.facts)),
        ..RunChoices::default()
    };
    let ran = lab.run(&case, choices, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Standby, "{:#?}", ran.report.steps);
    assert_eq!(ran.report.state, TargetState::Standby);
    (case, ran)
}

async fn may_be_written(practice: &Practice, database: &str) -> bool {
    let mut session = practice.connect().await;
    let sql = format!("INSERT INTO [{database}].dbo.T VALUES (99, N'new');");
    ask(session.as_mut(), &batch(&sql)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_left_readable_taken_further_and_recovered() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Left").await;
    let (_, ran) = readable(&lab, &case, "Left_copy").await;
    assert_eq!(practice.contents("Left_copy").await, case.was);
    assert!(!may_be_written(&practice, "Left_copy").await);
    let verification = ran.report.verification.as_ref().expect("looked at");
    assert!(verification.tables.iter().all(|t| t.rows_copy.is_some()));
    // It has come to its end, and waits without being told at every start.
    let record = read_run(&ran.journal).expect("readable").expect("a run");
    assert!(record.is_unfinished() && record.is_readable());
    let standing = lab.standing(&ran.journal).await;
    assert_eq!(standing.next, None, "{standing:#?}");
    assert_eq!(
        standing.offers,
        [
            ResumeHow::TakeLogs { to: None },
            ResumeHow::RecoverNow,
            ResumeHow::StartOver,
            ResumeHow::Abandon
        ]
    );
    // Further, to another look.
    let later = ResumeHow::TakeLogs {
        to: Some(Target::At(case.later)),
    };
    let report = lab.resume(&ran.journal, &later).await;
    assert_eq!(report.end, RunEnd::Standby, "{:#?}", report.steps);
    assert_eq!(practice.contents("Left_copy").await, case.was_later);
    let record = read_run(&ran.journal).expect("readable").expect("a run");
    assert_eq!(record.target, case.later.server.to_string());
    // And recovered as it is.
    let report = lab.resume(&ran.journal, &ResumeHow::RecoverNow).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert_eq!(practice.contents("Left_copy").await, case.was_later);
    assert!(may_be_written(&practice, "Left_copy").await);
    let record = read_run(&ran.journal).expect("readable").expect("a run");
    assert!(!record.is_unfinished());
    let (_, words) = record.end.expect("it has ended");
    assert_eq!(words, "Left_copy is ONLINE", "it stood at its moment");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_readable_copy_is_dropped_when_it_is_given_up_and_told_when_somebody_recovered_it() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Given").await;
    let (_, ran) = readable(&lab, &case, "Given_copy").await;
    lab.abandon(&ran.journal).await;
    assert!(lab.facts("Given_copy").await.is_none(), "dropped");

    let (_, ran) = readable(&lab, &case, "Theirs").await;
    practice.run("RESTORE DATABASE Theirs WITH RECOVERY;").await;
    let standing = lab.standing(&ran.journal).await;
    assert!(standing.opened_by_others, "{standing:#?}");
    assert_eq!(standing.offers, [ResumeHow::Abandon]);
    lab.abandon(&ran.journal).await;
    assert!(lab.facts("Theirs").await.is_some(), "it is somebody's");
}

/// With the tail as its last log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_readable_copy_ends_with_whatever_comes_last() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Last").await.in_the_tail(&practice).await;
    readable(&lab, &case, "Last_copy").await;
    assert_eq!(practice.contents("Last_copy").await, case.was);
}
