//! Whatever goes wrong between here and Azure, a call ends in a failure that has a name, and a run in a state.

use super::stand_in::StandIn;
use serde_json::json;
use std::{
    path::PathBuf,
    sync::Mutex,
    time::{Duration, Instant},
};
use stopat::{
    azure::{self, AzError, Effect, Home, NewDatabase, RestoreFrom, find},
    domain::UtcTime,
    explain::az_problem,
    run::{
        AzureEnd, AzureFailure, AzureOrder, AzureOutcome, AzureReport, AzureRunEvent,
        AzureSurroundings, Expectations, Journal, Record, RunId, Who, delete_new_database,
        journal_path, read_journal, run_azure_restore, unfinished_azure_restores,
        watch_azure_again,
    },
    server::{ConnectFuture, Gateway, ServerError},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

fn home() -> Home {
    Home::server("myRG", "myserver")
}

pub(crate) fn now() -> UtcTime {
    UtcTime(chrono::Utc::now())
}

/// No database opens: what is inside is another test's matter.
pub(crate) struct Closed;

impl Gateway for Closed {
    fn connect(&self) -> ConnectFuture<'_> {
        Box::pin(async {
            Err(ServerError::Unreachable {
                address: "nowhere,1433".to_owned(),
                reason: "closed".to_owned(),
            })
        })
    }
}

fn is_called(stand_in: &StandIn, command: &str) -> bool {
    let calls = stand_in.calls();
    calls.iter().any(|call| call.starts_with(command))
}

async fn asked(stand_in: &StandIn) -> Result<String, AzError> {
    let az = stand_in.az().await;
    az.run(
        &azure::show(&home(), "OctopusAI"),
        &CancellationToken::new(),
    )
    .await
}

#[track_caller]
fn words(error: &AzError, part: &str) {
    let problem = az_problem(error);
    assert!(problem.sentence.contains(part), "{problem:?}");
    assert!(
        !problem.hint.is_empty() || error.is_cancelled(),
        "{problem:?}"
    );
}

#[tokio::test]
async fn each_failure_of_a_call_has_a_name_and_a_hint() {
    let stand_in = StandIn::new(None);
    type Case = (&'static str, fn(&AzError) -> bool, &'static str);
    let cases: [Case; 6] = [
        (
            "logged_out",
            |e| matches!(e, AzError::SignedOut { .. }),
            "Nobody is signed in",
        ),
        (
            "browser",
            |e| matches!(e, AzError::NeedsBrowser { .. }),
            "browser",
        ),
        (
            "throttled",
            |e| matches!(e, AzError::Throttled { .. }),
            "asks to wait",
        ),
        (
            "conflict",
            |e| matches!(e, AzError::Conflict { .. }),
            "busy",
        ),
        (
            "network",
            |e| matches!(e, AzError::NoNetwork { .. }),
            "cannot be reached",
        ),
        (
            "garbage",
            |e| matches!(e, AzError::Answer(_)),
            "cannot be read",
        ),
    ];
    for (fault, is, part) in cases {
        stand_in.fault("sql db show", fault, 1);
        let answer = asked(&stand_in).await;
        let error = match answer {
            Err(error) => error,
            Ok(json) => azure::parse_database(&json)
                .map(|_| ())
                .map_err(AzError::from)
                .expect_err(fault),
        };
        assert!(is(&error), "{fault}: {error:?}");
        words(&error, part);
    }
    assert!(asked(&stand_in).await.is_ok(), "the faults are used up");
}

#[cfg(unix)]
#[tokio::test]
async fn a_killed_program_is_told_from_one_that_failed() {
    let stand_in = StandIn::new(None);
    stand_in.fault("sql db show", "killed", 1);
    let error = asked(&stand_in).await.expect_err("killed");
    assert!(matches!(error, AzError::Killed { .. }), "{error:?}");
    words(&error, "ended before it answered");
}

#[tokio::test]
async fn a_call_is_cancelled_at_once_and_leaves_nothing_behind() {
    let stand_in = StandIn::new(None);
    let az = stand_in.az().await;
    stand_in.fault("sql db show", "slow", 1);
    let cancel = CancellationToken::new();
    let command = azure::show(&home(), "OctopusAI");
    let (answer, cancelled) = tokio::join!(az.run(&command, &cancel), async {
        while !is_called(&stand_in, "sql db show") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cancel.cancel();
        Instant::now()
    });
    assert_eq!(answer, Err(AzError::Cancelled));
    // Its answer would take ten minutes.
    assert!(cancelled.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn missing_old_and_wrong_programs_are_told_apart() {
    let cancel = CancellationToken::new();
    let nowhere = PathBuf::from("/nowhere/az");
    let error = find(Some(&nowhere), Effect::Look, &cancel)
        .await
        .expect_err("not there");
    assert!(matches!(error, AzError::NotInstalled { .. }), "{error:?}");
    words(&error, "not installed");
    let stand_in = StandIn::new(None);
    stand_in.change(|world| world["version"] = "2.37.0".into());
    let error = stand_in.find().await.expect_err("too old");
    assert!(matches!(error, AzError::TooOld { .. }), "{error:?}");
    words(&error, "too old");
}

#[tokio::test]
async fn a_profile_that_only_looks_changes_nothing() {
    let stand_in = StandIn::new(None);
    let az = stand_in.az().await.allowing(Effect::Look);
    let error = az
        .run(
            &azure::delete(&home(), "OctopusAI"),
            &CancellationToken::new(),
        )
        .await
        .expect_err("refused here");
    assert_eq!(
        error,
        AzError::NotAllowed {
            allowed: Effect::Look,
            needed: Effect::Restore
        }
    );
    assert_eq!(stand_in.calls(), ["version"], "it was not even started");
}

pub(crate) struct Ran {
    pub(crate) workspace: TempDir,
    pub(crate) report: AzureReport,
    events: Vec<AzureRunEvent>,
}

fn order(id: &RunId, at: UtcTime) -> AzureOrder {
    AzureOrder {
        id: id.clone(),
        server: "myserver".to_owned(),
        home: home(),
        from: RestoreFrom::PointInTime {
            database: "OctopusAI".to_owned(),
            at,
        },
        new: NewDatabase {
            name: "OctopusAI_new".to_owned(),
            ..NewDatabase::default()
        },
        expected: Expectations::default(),
        who: Who::default(),
    }
}

fn id() -> RunId {
    RunId("20261122T062812Z-1f3a".to_owned())
}

pub(crate) async fn ran(stand_in: &StandIn, cancel: &CancellationToken, at: UtcTime) -> Ran {
    ran_told(stand_in, cancel, at, &|_| {}).await
}

/// The same, and somebody hears what is told while it runs.
async fn ran_told(
    stand_in: &StandIn,
    cancel: &CancellationToken,
    at: UtcTime,
    hear: &(dyn Fn(&AzureRunEvent) + Sync),
) -> Ran {
    let workspace = tempfile::tempdir().expect("a temporary folder");
    let az = stand_in.az().await;
    let events = Mutex::new(Vec::new());
    let tell = |event| {
        hear(&event);
        events.lock().expect("no panic").push(event);
    };
    let journal = Journal::create(&journal_path(workspace.path(), &id())).expect("writable");
    let report = run_azure_restore(
        order(&id(), at),
        journal,
        AzureSurroundings {
            az: &az,
            gateway: &Closed,
            tell: &tell,
            cancel,
            now,
            interval: Duration::from_millis(50),
        },
    )
    .await
    .expect("the journal is kept");
    Ran {
        workspace,
        report,
        events: events.into_inner().expect("no panic"),
    }
}

pub(crate) fn yesterday() -> UtcTime {
    now().plus(-chrono::TimeDelta::hours(20))
}

fn failure(ran: &Ran) -> &AzureFailure {
    match ran.report.steps.last().map(|step| &step.outcome) {
        Some(AzureOutcome::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_name_that_is_taken_and_a_moment_too_early_order_nothing() {
    let stand_in = StandIn::new(None);
    let cancel = CancellationToken::new();
    let early = ran(&stand_in, &cancel, now().plus(-chrono::TimeDelta::days(10))).await;
    assert_eq!(early.report.end, AzureEnd::NotOrdered);
    assert!(matches!(failure(&early), AzureFailure::TooEarly { .. }));
    stand_in.change(|world| {
        let mut other = world["databases"][0].clone();
        other["name"] = "OctopusAI_new".into();
        other["id"] = "11111111-1111-1111-1111-111111111111".into();
        world["databases"]
            .as_array_mut()
            .expect("a list")
            .push(other);
    });
    let taken = ran(&stand_in, &cancel, yesterday()).await;
    assert_eq!(taken.report.end, AzureEnd::NotOrdered);
    assert!(matches!(failure(&taken), AzureFailure::NameTaken { .. }));
    assert!(!is_called(&stand_in, "sql db restore"));
}

#[tokio::test]
async fn what_azure_refuses_ends_with_nothing_created() {
    for fault in ["throttled", "conflict", "logged_out", "browser"] {
        let stand_in = StandIn::new(None);
        stand_in.fault("sql db restore", fault, 1);
        let ran = ran(&stand_in, &CancellationToken::new(), yesterday()).await;
        assert_eq!(ran.report.end, AzureEnd::NotOrdered, "{fault}");
        assert!(matches!(failure(&ran), AzureFailure::Az(_)), "{fault}");
        assert_eq!(
            stand_in.world()["databases"].as_array().map(Vec::len),
            Some(1)
        );
        assert!(unfinished_azure_restores(&ran.workspace.path().join("runs")).is_empty());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn an_order_whose_answer_got_lost_is_looked_for_and_watched() {
    let stand_in = StandIn::new(None);
    stand_in.fault("sql db restore", "killed", 1);
    let ran = ran(&stand_in, &CancellationToken::new(), yesterday()).await;
    // It came online; what is inside could not be asked here.
    assert_eq!(ran.report.end, AzureEnd::OnlineNotVerified);
    assert_eq!(
        stand_in
            .calls()
            .iter()
            .filter(|call| call.starts_with("sql db restore"))
            .count(),
        1
    );
}

/// Azure is at work, and says how far it is.
fn is_underway(event: &AzureRunEvent) -> bool {
    matches!(
        event,
        AzureRunEvent::Progress {
            percent: Some(_),
            ..
        }
    )
}

/// A restore that takes Azure as long as it is let.
fn long_restore() -> StandIn {
    let stand_in = StandIn::new(None);
    stand_in.change(|world| world["restore_secs"] = 86_400.into());
    stand_in
}

#[tokio::test]
async fn passing_troubles_are_waited_out() {
    let stand_in = long_restore();
    // The first two questions belong to the look before.
    stand_in.fault_after(2, "sql db show", "throttled", 2);
    let hear = |event: &AzureRunEvent| {
        if is_underway(event) {
            stand_in.make_ready();
        }
    };
    let ran = ran_told(&stand_in, &CancellationToken::new(), yesterday(), &hear).await;
    assert_eq!(ran.report.end, AzureEnd::OnlineNotVerified);
    let throttled = ran.events.iter().filter(|event| {
        matches!(
            event,
            AzureRunEvent::Progress {
                trouble: Some(AzError::Throttled { .. }),
                ..
            }
        )
    });
    assert_eq!(throttled.count(), 2);
    assert!(ran.events.iter().any(is_underway));
}

#[tokio::test]
async fn a_run_that_ended_early_is_found_and_watched_to_its_end() {
    let stand_in = long_restore();
    let cancel = CancellationToken::new();
    let hear = |event: &AzureRunEvent| {
        if is_underway(event) {
            cancel.cancel();
        }
    };
    let first = ran_told(&stand_in, &cancel, yesterday(), &hear).await;
    assert_eq!(first.report.end, AzureEnd::GoesOn);
    let runs = first.workspace.path().join("runs");
    let unfinished = unfinished_azure_restores(&runs);
    assert_eq!(unfinished.len(), 1);
    assert_eq!(unfinished[0].home, home());
    assert_eq!(unfinished[0].new_database, "OctopusAI_new");

    stand_in.make_ready();
    let az = stand_in.az().await;
    let report = watch_azure_again(
        unfinished[0].clone(),
        Expectations::default(),
        AzureSurroundings {
            az: &az,
            gateway: &Closed,
            tell: &|_| {},
            cancel: &CancellationToken::new(),
            now,
            interval: Duration::from_millis(50),
        },
    )
    .await
    .expect("the journal is kept");
    assert_eq!(report.end, AzureEnd::OnlineNotVerified);
    assert!(unfinished_azure_restores(&runs).is_empty());
}

#[tokio::test]
async fn only_the_database_that_a_run_made_is_deleted() {
    let stand_in = StandIn::new(None);
    let ran = ran(&stand_in, &CancellationToken::new(), yesterday()).await;
    let journal = journal_path(ran.workspace.path(), &id());
    let az = stand_in.az().await;
    // Somebody put another database there under the same name.
    let id_of = |world: &serde_json::Value| world["databases"][1]["id"].clone();
    let own = id_of(&stand_in.world());
    stand_in.change(|world| {
        world["databases"][1]["id"] = "99999999-9999-9999-9999-999999999999".into()
    });
    let refused = delete_new_database(&journal, &az, now)
        .await
        .expect("a journal");
    assert!(
        matches!(refused, Err(AzureFailure::Vanished { .. })),
        "{refused:?}"
    );
    stand_in.change(|world| world["databases"][1]["id"] = own);
    let deleted = delete_new_database(&journal, &az, now)
        .await
        .expect("a journal");
    assert_eq!(deleted, Ok("OctopusAI_new".to_owned()));
    assert_eq!(
        stand_in.world()["databases"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn a_restore_that_is_cancelled_before_azure_shows_it_is_deleted_too() {
    let stand_in = StandIn::new(None);
    let ran = ran(&stand_in, &CancellationToken::new(), yesterday()).await;
    let az = stand_in.az().await;
    let whole = journal_path(ran.workspace.path(), &id());
    let entries = read_journal(&whole).expect("readable").entries;
    // As a run leaves it that was cancelled at the order, and one that was cancelled just after it.
    let left = |name: &str, keep: fn(&Record) -> bool| {
        let path = ran.workspace.path().join(name);
        let mut journal = Journal::create(&path).expect("free");
        for entry in entries.iter().filter(|entry| keep(&entry.record)) {
            journal
                .write(entry.at.clone(), entry.record.clone())
                .expect("writable");
        }
        path
    };
    let at_the_order = left("at.jsonl", |record| {
        !matches!(
            record,
            Record::CopyCreated { .. } | Record::StepEnd { step: 1, .. }
        )
    });
    let after_it = left("after.jsonl", |record| {
        !matches!(record, Record::CopyCreated { .. })
    });
    let nothing = delete_new_database(&at_the_order, &az, now)
        .await
        .expect("a journal");
    assert_eq!(nothing, Err(AzureFailure::NotOrdered));
    // Ready, it may as well be one that somebody else made after ours had failed.
    let unproved = delete_new_database(&after_it, &az, now)
        .await
        .expect("a journal");
    assert_eq!(
        unproved,
        Err(AzureFailure::NotProved {
            name: "OctopusAI_new".to_owned()
        })
    );
    stand_in.change(|world| {
        let mut databases = world["databases"].as_array_mut().into_iter().flatten();
        let new = databases.find(|database| database["name"] == "OctopusAI_new");
        let now = chrono::Utc::now();
        new.expect("it is there")["coming"] = json!({
            "source": "OctopusAI",
            "to": now,
            "since": now,
            "ready": now + chrono::TimeDelta::hours(1),
        });
    });
    let deleted = delete_new_database(&after_it, &az, now)
        .await
        .expect("a journal");
    assert_eq!(deleted, Ok("OctopusAI_new".to_owned()));
    let again = delete_new_database(&after_it, &az, now)
        .await
        .expect("a journal");
    assert_eq!(
        again,
        Err(AzureFailure::NeverCame {
            name: "OctopusAI_new".to_owned()
        })
    );
}
