//! The page of everything that ran.

use crate::{
    fake::{Wire, window},
    made_up::now,
};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use std::{path::PathBuf, sync::Arc};
use stopat::{
    app::App,
    domain::UtcTime,
    explain::{Problem, ProblemKind},
    run::{
        Entry, Owed, Record, RecordedEnd, RecordedStep, ResumeHow, RunId, RunKind, RunRecord,
        Standing, StepFacts, TargetState, Who,
    },
    settings::ThemeChoice,
    state::{Action, Dialog, Page},
    worker::{
        ActivityEvent, ActivityRequest, Event, Request, RunNews, RunRequest, UnreadableJournal,
    },
};
use uuid::Uuid;

fn ago(minutes: i64) -> UtcTime {
    now().plus(chrono::TimeDelta::minutes(-minutes))
}

fn at(minutes_ago: i64) -> String {
    ago(minutes_ago).0.to_rfc3339()
}

fn step(number: usize, title: &str, outcome: Option<&str>) -> RecordedStep {
    RecordedStep {
        step: number,
        title: title.to_owned(),
        sql: "RESTORE LOG [OctopusAI] FROM DISK = N'x.trn'\nWITH NORECOVERY;".to_owned(),
        statement_hash: None,
        began_at: at(70),
        unheard: false,
        end: outcome.map(|outcome| RecordedEnd {
            outcome: outcome.to_owned(),
            seconds: 3.2,
            words: match outcome {
                "failed" => vec![
                    "the file cannot be opened".to_owned(),
                    "Msg 3201: Cannot open backup device".to_owned(),
                ],
                _ => Vec::new(),
            },
            messages: vec!["Processed 1430 pages for database 'OctopusAI'".to_owned()],
            facts: StepFacts::default(),
        }),
    }
}

const TITLES: [&str; 4] = [
    "Check that nothing has changed",
    "Restore the full backup of 2026-11-22T00:52:11",
    "Restore the log backup of 2026-11-22T08:15:02",
    "Verify the copy",
];

pub fn run(number: u32, kind: RunKind, database: &str, end: Option<&str>) -> Arc<RunRecord> {
    let began = i64::from(number) * 190;
    let last = match end {
        Some("restoring") => Some("failed"),
        Some(_) => Some("done"),
        None => None,
    };
    let mut steps = vec![
        step(0, TITLES[0], Some("done")),
        step(1, TITLES[1], Some("done")),
        step(2, TITLES[2], last),
    ];
    if last == Some("done") {
        steps.push(step(3, TITLES[3], Some("done")));
    }
    let copy = kind == RunKind::RestoreCopy;
    Arc::new(RunRecord {
        id: RunId(format!("2026112{number}T0600Z-1f3a")),
        path: PathBuf::from("runs/x.jsonl"),
        kind,
        who: Who {
            user: Some("ada".to_owned()),
            login: Some("practice".to_owned()),
            host: Some("desk".to_owned()),
            profile: Some("practice".to_owned()),
        },
        began_at: at(began),
        last_at: ago(began)
            .plus(chrono::TimeDelta::seconds(74))
            .0
            .to_rfc3339(),
        ended_at: None,
        server: "PRACTICE".to_owned(),
        source_database: database.to_owned(),
        target_database: if copy {
            format!("{database}_20261122_082812")
        } else {
            database.to_owned()
        },
        target: "2026-11-22T08:28:12".to_owned(),
        titles: TITLES.map(str::to_owned).to_vec(),
        steps,
        n_resumed: 0,
        end: end.map(|end| (end.to_owned(), "ONLINE".to_owned())),
        // What was interrupted has closed the database to others.
        owed: match end {
            None => vec![Owed::Access {
                database: database.to_owned(),
                back_to: "MULTI_USER".to_owned(),
            }],
            Some(_) => Vec::new(),
        },
        tail_file: None,
        server_clock: None,
        created: None,
        copy: copy.then(|| (Uuid::from_u128(9), "2026-11-22T14:42:00".to_owned())),
        copy_dropped: false,
        deleted: Vec::new(),
        plan: None,
        server_job: None,
        before: None,
        verification: None,
        torn: false,
        journal_hash: String::new(),
    })
}

/// The page with a run of each kind, and one journal that cannot be read.
pub fn page(size: [f32; 2], theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = window(size, theme);
    harness
        .get_by_label("Start with the practice server")
        .click();
    harness.run_steps(3);
    let long = "A database with a name that is longer than any list has room for, as names of databases sometimes are";
    wire.tell(Event::Activity(ActivityEvent::Listed {
        runs: Arc::new(vec![
            run(1, RunKind::RestoreOver, "OctopusAI", None),
            run(2, RunKind::RestoreCopy, "OctopusAI", Some("verified")),
            run(3, RunKind::RestoreCopy, "CRM", Some("restoring")),
            run(4, RunKind::Backup, "Warehouse", Some("verified")),
            run(5, RunKind::Schedule, "OctopusAI", Some("untouched")),
            run(6, RunKind::RestoreCopy, long, Some("online_not_verified")),
            run(7, RunKind::RestoreCopy, "OctopusAI", Some("cancelled")),
        ]),
        unreadable: Arc::new(vec![UnreadableJournal {
            file: PathBuf::from("runs/20261101T060000Z-0000.jsonl"),
            problem: Problem {
                kind: ProblemKind::File,
                sentence: "Line 3 of the journal runs/20261101T060000Z-0000.jsonl was changed, or a line before it is missing".to_owned(),
                hint: "What it says is not relied on; look at the database itself.".to_owned(),
                details: Vec::new(),
            },
        }]),
        folder: PathBuf::from("runs"),
    }));
    harness.run_steps(3);
    // Two of them are not finished, and the window says so by itself.
    assert!(matches!(
        harness.state().state.dialog,
        Some(Dialog::Unfinished { .. })
    ));
    harness.get_by_label("See where it stands").click();
    harness.run_steps(4);
    (harness, wire)
}

#[test]
fn what_ran_is_listed_filtered_and_opened() {
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark);
    assert_eq!(harness.state().state.page, Page::Activity);
    let asked = wire
        .requests
        .borrow()
        .iter()
        .any(|request| matches!(request, Request::Activity(ActivityRequest::List)));
    assert!(asked, "the journals are read when the page is shown");
    harness.get_by_label(
        "OctopusAI over the original, interrupted in step 3 of 4; something is still owed",
    );
    harness
        .get_by_role_and_label(Role::RadioButton, "Backups")
        .click();
    harness.run_steps(3);
    harness.get_by_label("Backup of Warehouse, done").click();
    assert!(
        harness
            .query_by_label(
                "OctopusAI over the original, interrupted in step 3 of 4; something is still owed"
            )
            .is_none()
    );
    harness.run_steps(3);
    harness
        .get_by_label("Restore the full backup of 2026-11-22T00:52:11, done")
        .click();
    harness.run_steps(3);
    harness.get_by_label("Processed 1430 pages for database 'OctopusAI'");
    harness.get_by_label("Open the journal").click();
    harness.run_steps(3);
    let run = harness
        .state()
        .state
        .activity
        .chosen
        .clone()
        .expect("one is chosen");
    wire.tell(Event::Activity(ActivityEvent::Journal {
        run: run.clone(),
        file: PathBuf::from("runs/x.jsonl"),
        entries: Arc::new(vec![Entry {
            sequence: 1,
            at: "2026-11-22T06:00:00.000Z".to_owned(),
            previous: String::new(),
            record: Record::CopyDropped {
                database: "OctopusAI_copy".to_owned(),
            },
        }]),
    }));
    harness.run_steps(3);
    harness.get_by_label_contains("OctopusAI_copy was dropped");
}

#[test]
fn the_copy_of_a_listed_run_is_dropped_after_a_question() {
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark);
    harness
        .get_by_label("OctopusAI as the copy OctopusAI_20261122_082812, online and checked")
        .click();
    harness.run_steps(3);
    harness
        .get_by_role_and_label(Role::Button, "Drop the copy…")
        .click();
    harness.run_steps(3);
    let dropped = |wire: &Wire| {
        wire.requests
            .borrow()
            .iter()
            .any(|request| matches!(request, Request::DropCopy { .. }))
    };
    assert!(!dropped(&wire), "not before the question is answered");
    harness
        .get_by_role_and_label(Role::Button, "Drop the copy")
        .click();
    harness.run_steps(3);
    assert!(dropped(&wire));
}

#[test]
fn an_empty_list_says_what_will_be_here() {
    let (mut harness, wire) = window([1280.0, 720.0], ThemeChoice::Light);
    wire.tell(Event::Activity(ActivityEvent::Listed {
        runs: Arc::default(),
        unreadable: Arc::default(),
        folder: PathBuf::new(),
    }));
    harness.run_steps(2);
    harness
        .state_mut()
        .state
        .update(Action::ShowPage(Page::Activity));
    harness.run_steps(3);
    harness.get_by_label("Nothing ran here yet");
}

#[test]
fn an_interrupted_run_says_where_it_stands_and_goes_on() {
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark);
    let run = harness
        .state()
        .state
        .activity
        .chosen
        .clone()
        .expect("the interrupted one");
    let asked = |wire: &Wire| {
        wire.requests.borrow().iter().any(|request| {
            matches!(request, Request::Run(RunRequest::Assess { run: asked, .. }) if *asked == run)
        })
    };
    assert!(asked(&wire), "its server is connected, so it is looked at");
    wire.tell(Event::Run {
        run: run.clone(),
        news: RunNews::Standing(Box::new(Ok(Standing {
            target: "OctopusAI".to_owned(),
            state: TargetState::Restoring,
            in_flight: Some(TITLES[2].to_owned()),
            in_flight_done: false,
            next: Some(TITLES[2].to_owned()),
            tail_file: Some(r"D:\Backup\OctopusAI_tail.trn".to_owned()),
            still_running: None,
            in_the_way: Vec::new(),
            is_anothers: false,
            opened_by_others: false,
            others_hidden: false,
            stays_readable: false,
            server_job: None,
            owed: vec![Owed::Access {
                database: "OctopusAI".to_owned(),
                back_to: "MULTI_USER".to_owned(),
            }],
            offers: vec![
                ResumeHow::Continue,
                ResumeHow::TakeLogs { to: None },
                ResumeHow::RecoverNow,
                ResumeHow::StartOver,
                ResumeHow::Abandon,
            ],
        }))),
    });
    harness.run_steps(3);
    harness.get_by_label("Start over");
    harness.get_by_label("Continue from here").click();
    harness.run_steps(3);
    assert!(wire.requests.borrow().iter().any(|request| matches!(
        request,
        Request::Run(RunRequest::Resume {
            how: ResumeHow::Continue,
            ..
        })
    )));
}

/// The places of Azure's renames are places of ordinary steps in every other run.
#[test]
fn only_runs_of_azure_swap_names() {
    let long = |kind| {
        let mut run = RunRecord::clone(&run(1, kind, "OctopusAI", Some("verified")));
        run.steps.push(step(4, "Verify the copy", Some("done")));
        run
    };
    assert!(!long(RunKind::RestoreCopy).is_half_swapped());
    assert!(!long(RunKind::RestoreOver).is_half_swapped());
    assert!(long(RunKind::AzureRestore).is_half_swapped());
}
