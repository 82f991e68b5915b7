//! From the timeline through review and run to the dropped copy, on a backend in memory.

use crate::{
    fake::{Wire, run_id},
    made_up::now,
    timeline::opened,
};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use std::sync::Arc;
use stopat::{
    app::App,
    run::{
        Outcome, Owed, RunCommand, RunEnd, RunKind, RunProgress, RunReport, StepFacts, StepReport,
        TableCount, TargetState, Verification, Waiting, Who,
    },
    settings::{Profile, Reach, ThemeChoice},
    state::{Action, DestinationAction, MarkerStep, Page},
    worker::{Event, Looked, Request, RunNews, RunRequest, ServerId, ServerInfo, ServerStatus},
};
use uuid::Uuid;

/// The review of the second in the pictures.
pub fn reviewed(theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = opened([1440.0, 900.0], theme);
    let eight = (crate::made_up::NOW - 6 * 3600 - 12 * 60 - 55) as f64;
    harness.state_mut().state.update(Action::PlaceMarker(eight));
    harness.run_steps(3);
    harness
        .get_by_role_and_label(Role::Button, "Review and restore…")
        .click();
    harness.run_steps(4);
    (harness, wire)
}

/// The run after the look before, the full backup and the differential, in the middle of the first log.
pub fn running(theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = reviewed(theme);
    harness
        .get_by_role_and_label(Role::Button, "Restore the copy")
        .click();
    harness.run_steps(3);
    let steps = harness
        .state()
        .state
        .run
        .as_ref()
        .expect("a run")
        .steps
        .iter()
        .map(|step| step.title.clone())
        .collect::<Vec<_>>();
    for (idx, title) in steps.iter().take(3).enumerate() {
        wire.tell(Event::StepEnded {
            run: run_id(),
            step: idx,
            report: Box::new(step(title)),
        });
    }
    wire.tell(Event::RunMessage {
        run: run_id(),
        at: now(),
        text: "Processed 1430 pages for database 'OctopusAI_20261122_082812'".to_owned(),
    });
    wire.tell(Event::RunProgress {
        run: run_id(),
        progress: RunProgress {
            step: 3,
            elapsed_secs: 205.0,
            percent: Some(19.0),
            remaining_secs: Some(874.0),
        },
    });
    harness.run_steps(3);
    (harness, wire)
}

fn step(title: &str) -> StepReport {
    StepReport {
        title: title.to_owned(),
        sql: "SELECT 1;".to_owned(),
        started: now(),
        seconds: 6.0,
        outcome: Outcome::Done,
        messages: vec![(
            5.0,
            "RESTORE DATABASE successfully processed 1430 pages".to_owned(),
        )],
        facts: StepFacts::default(),
    }
}

/// The run with its report.
pub fn ended(theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = running(theme);
    let run = harness.state().state.run.clone().expect("a run");
    let table = |name: &str, original, copy| TableCount {
        table: name.to_owned(),
        rows_original: original,
        rows_copy: copy,
    };
    let report = RunReport {
        id: run_id(),
        kind: RunKind::RestoreCopy,
        who: Who::default(),
        server: "PRACTICE".to_owned(),
        target_database: run.target_database.clone(),
        plan: run.plan.clone(),
        started: now(),
        seconds: 74.0,
        steps: run.steps.iter().map(|known| step(&known.title)).collect(),
        end: RunEnd::Verified,
        state: TargetState::Online,
        verification: Some(Verification {
            state: "ONLINE".to_owned(),
            tables: vec![
                table("dbo.Octopus_Agents", Some(0), Some(42)),
                table("dbo.Octopus_Episodes", Some(18_231), Some(17_904)),
                table("dbo.Octopus_Areas", Some(9), Some(9)),
            ],
            schema_version: Some("20261101_AddAreas".to_owned()),
            ..Verification::default()
        }),
        copy: Some((Uuid::from_u128(9), "2026-11-22T14:42:00".to_owned())),
        owed: Vec::new(),
    };
    wire.tell(Event::RunEnded {
        run: run_id(),
        report: Box::new(report),
    });
    harness.run_steps(3);
    (harness, wire)
}

#[test]
fn a_restore_is_reviewed_run_counted_shown_and_dropped() {
    let (mut harness, wire) = ended(ThemeChoice::Dark);
    harness.get_by_label("dbo.Octopus_Agents");
    harness.get_by_label("+42 back");
    harness
        .get_by_role_and_label(Role::Button, "Drop the copy…")
        .click();
    harness.run_steps(3);
    assert!(
        !wire
            .requests
            .borrow()
            .iter()
            .any(|request| matches!(request, Request::DropCopy { .. })),
        "nothing is dropped before the question is answered"
    );
    harness
        .get_by_role_and_label(Role::Button, "Drop the copy")
        .click();
    harness.run_steps(3);
    assert!(
        wire.requests
            .borrow()
            .iter()
            .any(|request| matches!(request, Request::DropCopy { run, .. } if *run == run_id()))
    );
    wire.tell(Event::CopyDropped {
        run: run_id(),
        database: "OctopusAI_20261122_082812".to_owned(),
    });
    harness.run_steps(3);
    assert!(
        harness
            .query_all_by_label_contains("was dropped")
            .next()
            .is_some(),
        "the page says that the copy was dropped"
    );
}

#[test]
fn a_copy_can_be_left_readable_instead_of_recovered() {
    let (mut harness, wire) = reviewed(ThemeChoice::Dark);
    harness.get_by_label_contains("(STANDBY)").scroll_to_me();
    harness.run_steps(3);
    harness.get_by_label_contains("(STANDBY)").click();
    harness.run_steps(4);
    let wishes = wire
        .requests
        .borrow()
        .iter()
        .rev()
        .find_map(|request| match request {
            Request::Preflight { wishes, .. } => Some(wishes.clone()),
            _ => None,
        });
    assert!(wishes.expect("asked again").standby);
    let state = &harness.state().state;
    let review = state.review.as_ref().expect("a review");
    let script = state.script(&review.plan).to_sql();
    assert!(script.contains("STANDBY = N'"), "{script}");
    assert!(!script.contains("     RECOVERY"), "{script}");
}

/// The connection was lost, say: the page says so and can be asked again, and an answer to an older question is dropped.
#[test]
fn a_review_whose_server_does_not_answer_says_so() {
    let (mut harness, wire) = reviewed(ThemeChoice::Dark);
    harness.state_mut().state.update(Action::Review);
    let generation = |harness: &Harness<'static, App>| {
        let review = harness.state().state.review.as_ref();
        review.expect("a review").generation
    };
    let lost = |generation| Event::NotPreflighted {
        generation,
        problem: stopat::explain::Problem {
            kind: stopat::explain::ProblemKind::Server,
            sentence: "The connection to the server was lost".to_owned(),
            hint: String::new(),
            details: Vec::new(),
        },
    };
    wire.tell(lost(generation(&harness)));
    harness.run_steps(3);
    harness.get_by_label("The connection to the server was lost");
    harness.get_by_label("Check again").click();
    harness.run_steps(4);
    wire.tell(lost(generation(&harness) - 1));
    harness.run_steps(3);
    let review = harness.state().state.review.as_ref().expect("a review");
    assert!(review.not_asked.is_none() && review.checks.is_some());
}

#[test]
fn cancelling_asks_first_and_says_how_it_ends() {
    let (mut harness, wire) = running(ThemeChoice::Dark);
    harness
        .get_by_role_and_label(Role::Button, "Cancel…")
        .click();
    harness.run_steps(3);
    harness.get_by_label_contains("stays RESTORING. The run can go on later");
    harness
        .get_by_role_and_label(Role::Button, "Cancel the restore")
        .click();
    harness.run_steps(3);
    assert!(
        wire.requests
            .borrow()
            .iter()
            .any(|request| matches!(request, Request::CancelRun { .. }))
    );
}

#[test]
fn the_timeline_can_be_looked_at_while_a_restore_runs() {
    let (mut harness, _wire) = running(ThemeChoice::Dark);
    assert_eq!(harness.state().state.page, Page::Run);
    harness
        .get_by_role_and_label(Role::Button, "Timeline")
        .click();
    harness.run_steps(3);
    assert_eq!(harness.state().state.page, Page::Timeline);
    assert!(harness.state().state.running());
}

/// The review of the same moment, over the original.
pub fn reviewed_over(theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = opened([1440.0, 900.0], theme);
    let eight = (crate::made_up::NOW - 6 * 3600 - 12 * 60 - 55) as f64;
    harness.state_mut().state.update(Action::PlaceMarker(eight));
    harness.run_steps(3);
    harness
        .get_by_role_and_label(Role::RadioButton, "Over the original")
        .click();
    harness.run_steps(3);
    harness
        .get_by_role_and_label(Role::Button, "Review and restore…")
        .click();
    harness.run_steps(4);
    (harness, wire)
}

fn type_name(harness: &mut Harness<'static, App>, label: &str, text: &str) {
    harness
        .get_by_role_and_label(Role::TextInput, label)
        .focus();
    harness.run_steps(2);
    harness
        .get_by_role_and_label(Role::TextInput, label)
        .type_text(text);
    harness.run_steps(3);
}

fn restores(wire: &Wire) -> usize {
    wire.requests
        .borrow()
        .iter()
        .filter(|request| matches!(request, Request::Restore { .. }))
        .count()
}

#[test]
fn over_the_original_both_names_are_typed_as_the_server_says_them() {
    let (mut harness, wire) = reviewed_over(ThemeChoice::Dark);
    harness.get_by_label_contains("in the last 6 h 12 m leaves it");
    let press = |harness: &mut Harness<'static, App>| {
        harness.get_by_label("Restore over OctopusAI").click();
        harness.run_steps(3);
    };
    press(&mut harness);
    assert_eq!(restores(&wire), 0, "nothing was typed");
    type_name(&mut harness, "Server", "PRACTICE");
    press(&mut harness);
    assert_eq!(restores(&wire), 0, "the database is missing");
    type_name(&mut harness, "Database", "OctopusAI");
    press(&mut harness);
    assert_eq!(restores(&wire), 1);
    assert_eq!(harness.state().state.page, Page::Run);
}

/// A run over the original that waits for somebody to stop the application.
pub fn waiting(theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = reviewed_over(theme);
    type_name(&mut harness, "Server", "PRACTICE");
    type_name(&mut harness, "Database", "OctopusAI");
    harness.get_by_label("Restore over OctopusAI").click();
    harness.run_steps(3);
    let title = harness.state().state.run.as_ref().expect("a run").steps[0]
        .title
        .clone();
    wire.tell(Event::StepEnded {
        run: run_id(),
        step: 0,
        report: Box::new(step(&title)),
    });
    wire.tell(Event::Run {
        run: run_id(),
        news: RunNews::Waiting {
            step: 1,
            why: Waiting::ByHand,
        },
    });
    wire.tell(Event::Run {
        run: run_id(),
        news: RunNews::Owes(vec![Owed::Access {
            database: "OctopusAI".to_owned(),
            back_to: "MULTI_USER".to_owned(),
        }]),
    });
    harness.run_steps(4);
    (harness, wire)
}

fn told(wire: &Wire) -> Vec<RunCommand> {
    wire.requests
        .borrow()
        .iter()
        .filter_map(|request| match request {
            Request::Run(RunRequest::Tell { command, .. }) => Some(command.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_step_by_hand_waits_for_done_and_is_left_out_only_with_a_reason() {
    let (mut harness, wire) = waiting(ThemeChoice::Dark);
    harness.get_by_label("This step is yours");
    harness.get_by_label("Leave it out").click();
    harness.run_steps(3);
    assert!(told(&wire).is_empty(), "no reason was given");
    harness.get_by_role_and_label(Role::Button, "Done").click();
    harness.run_steps(3);
    assert_eq!(told(&wire), [RunCommand::Done]);
    type_name(&mut harness, "Because", "nobody uses it");
    harness.get_by_label("Leave it out").click();
    harness.run_steps(3);
    assert_eq!(
        told(&wire).last(),
        Some(&RunCommand::Skip {
            reason: "nobody uses it".to_owned()
        })
    );
}

#[test]
fn a_run_pauses_after_the_step_and_goes_on() {
    let (mut harness, wire) = running(ThemeChoice::Dark);
    harness.get_by_label("Pause after this step").click();
    harness.run_steps(3);
    harness.get_by_label("Go on without a pause").click();
    harness.run_steps(3);
    harness.get_by_label("Stop here and look").click();
    harness.run_steps(3);
    assert_eq!(
        told(&wire),
        [
            RunCommand::PauseAfterStep,
            RunCommand::GoOn,
            RunCommand::StopAndLook
        ]
    );
    wire.tell(Event::Run {
        run: run_id(),
        news: RunNews::Waiting {
            step: 3,
            why: Waiting::Looking,
        },
    });
    harness.run_steps(3);
    harness.get_by_label("OctopusAI_20261122_082812 can be looked at");
    harness.get_by_role_and_label(Role::Button, "Go on").click();
    harness.run_steps(3);
    assert_eq!(told(&wire).last(), Some(&RunCommand::GoOn));
}

/// A second server, connected, to which copies can go.
fn with_another_server(harness: &mut Harness<'static, App>, wire: &Wire) -> ServerId {
    let profile = Profile {
        name: "Test".to_owned(),
        production: true,
        reach: Reach::Restore,
        ..crate::profiles::production()
    };
    let other = ServerId::Profile(profile.id);
    wire.tell(Event::Workspace {
        name: "default".to_owned(),
        profiles: vec![profile],
        problems: Vec::new(),
    });
    let info = harness.state().state.servers[&ServerId::Practice]
        .info()
        .expect("it is connected")
        .clone();
    wire.tell(Event::Server {
        server: other,
        status: ServerStatus::Connected(Arc::new(ServerInfo {
            name: "TEST01".to_owned(),
            default_data_path: Some(r"T:\Data".to_owned()),
            ..(*info).clone()
        })),
    });
    harness.run_steps(3);
    other
}

#[test]
fn a_copy_goes_to_another_server_with_its_files_and_asks_for_that_ones_name() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let other = with_another_server(&mut harness, &wire);
    let eight = (crate::made_up::NOW - 6 * 3600 - 12 * 60 - 55) as f64;
    harness.state_mut().state.update(Action::PlaceMarker(eight));
    harness
        .state_mut()
        .state
        .update(Action::Destination(DestinationAction::On(Some(other))));
    harness.run_steps(3);
    harness.get_by_label_contains("On Test; OctopusAI is not touched");
    harness
        .get_by_role_and_label(Role::Button, "Review and restore…")
        .click();
    harness.run_steps(4);
    harness.get_by_label_contains("From the backups of Practice server");
    let asked = wire
        .requests
        .borrow()
        .iter()
        .rev()
        .find_map(|request| match request {
            Request::Preflight {
                server,
                source,
                plan,
                ..
            } => Some((*server, *source, plan.moves.clone())),
            _ => None,
        });
    let (server, source, moves) = asked.expect("the server is asked");
    assert_eq!((server, source), (other, ServerId::Practice));
    assert!(
        moves.iter().all(|file| file.to.starts_with(r"T:\Data\")),
        "{moves:?}"
    );
    // Production: its name is typed.
    let review = harness.state().state.review.clone().expect("a review");
    assert!(!harness.state().state.review_may_start(&review));
    type_name(&mut harness, "Server", "TEST01");
    harness.get_by_label("Restore the copy").click();
    harness.run_steps(3);
    assert_eq!(restores(&wire), 1);
    let run = harness.state().state.run.as_ref().expect("a run");
    assert_eq!((run.server, run.source), (other, ServerId::Practice));
}

#[test]
fn a_moment_in_the_tail_is_not_for_another_server() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let other = with_another_server(&mut harness, &wire);
    let state = &mut harness.state_mut().state;
    state.update(Action::StepMarker(MarkerStep::LastMoment));
    state.update(Action::Destination(DestinationAction::On(Some(other))));
    assert!(
        state.plan.plan().is_some_and(|plan| plan.tail.is_some()),
        "the last moment lies in the tail"
    );
    assert!(state.update(Action::Review).is_empty());
    assert!(
        state
            .notices
            .iter()
            .any(|notice| notice.problem.sentence.contains("No backup of OctopusAI")),
        "{:?}",
        state.notices
    );
}

#[test]
fn a_database_between_two_logs_is_asked_from_the_page() {
    let (mut harness, wire) = running(ThemeChoice::Dark);
    wire.tell(Event::Run {
        run: run_id(),
        news: RunNews::Waiting {
            step: 3,
            why: Waiting::Looking,
        },
    });
    harness.run_steps(3);
    let question = |harness: &Harness<'static, App>, act: fn(egui_kittest::Node<'_>)| {
        act(harness.get_by_role_and_label(Role::MultilineTextInput, "Question"));
    };
    question(&harness, |field| field.focus());
    harness.run_steps(2);
    question(&harness, |field| field.type_text("SELECT 1 AS one"));
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::Button, "Ask").click();
    harness.run_steps(3);
    assert!(wire.requests.borrow().iter().any(|request| matches!(
        request,
        Request::Run(RunRequest::Look { query, .. }) if query == "SELECT 1 AS one"
    )));
    wire.tell(Event::Run {
        run: run_id(),
        news: RunNews::Looked(Box::new(Ok(Looked {
            columns: vec!["one".to_owned()],
            rows: vec![vec!["17".to_owned()]],
            n_rows: 1,
        }))),
    });
    harness.run_steps(3);
    harness.get_by_label("17");
    harness.get_by_label("1 row");
}

#[test]
fn the_database_is_checked_after_the_run() {
    let (mut harness, wire) = ended(ThemeChoice::Dark);
    harness
        .get_by_role_and_label(Role::Button, "Check it now")
        .click();
    harness.run_steps(3);
    assert!(wire.requests.borrow().iter().any(|request| matches!(
        request,
        Request::Run(RunRequest::CheckDatabase { database, .. }) if database == "OctopusAI_20261122_082812"
    )));
    wire.tell(Event::Run {
        run: run_id(),
        news: RunNews::Checked(Box::new(Ok(3.0))),
    });
    harness.run_steps(3);
    harness.get_by_label_contains("DBCC CHECKDB found nothing");
}

/// A run over the original that has restored everything and waits before its last step.
fn restored_and_waiting(why: Waiting) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = waiting(ThemeChoice::Dark);
    let steps = harness
        .state()
        .state
        .run
        .as_ref()
        .expect("a run")
        .steps
        .clone();
    let last = steps.len() - 1;
    for (idx, known) in steps.iter().enumerate().take(last).skip(1) {
        wire.tell(Event::StepEnded {
            run: run_id(),
            step: idx,
            report: Box::new(step(&known.title)),
        });
    }
    wire.tell(Event::Run {
        run: run_id(),
        news: RunNews::Waiting { step: last, why },
    });
    harness.run_steps(12);
    (harness, wire)
}

#[test]
fn what_is_restored_is_not_called_restoring_when_the_rest_is_cancelled() {
    let (mut harness, _wire) = restored_and_waiting(Waiting::ByHand);
    harness
        .get_by_role_and_label(Role::Button, "Cancel…")
        .click();
    harness.run_steps(3);
    harness.get_by_label_contains("everything is restored");
    assert!(
        harness
            .query_all_by_label_contains("RESTORING until")
            .next()
            .is_none()
    );
}

/// What was read of it last is from before the run.
#[test]
fn the_header_tells_what_a_run_does_to_the_database_and_how_it_left_it() {
    let (mut harness, wire) = waiting(ThemeChoice::Dark);
    let shows =
        |harness: &Harness<'static, App>, word: &str| harness.query_by_label(word).is_some();
    assert!(shows(&harness, "BEING RESTORED") && !shows(&harness, "ONLINE"));
    let run = harness.state().state.run.clone().expect("a run");
    wire.tell(Event::RunEnded {
        run: run_id(),
        report: Box::new(RunReport {
            id: run_id(),
            kind: RunKind::RestoreOver,
            who: Who::default(),
            server: "PRACTICE".to_owned(),
            target_database: run.target_database.clone(),
            plan: run.plan.clone(),
            started: now(),
            seconds: 74.0,
            steps: Vec::new(),
            end: RunEnd::Restoring,
            state: TargetState::Restoring,
            verification: None,
            copy: None,
            owed: Vec::new(),
        }),
    });
    harness.run_steps(3);
    assert!(shows(&harness, "RESTORING") && !shows(&harness, "ONLINE"));
}

/// Nothing runs then; the line that comes next is where the run stands.
#[test]
fn a_run_that_waits_shows_the_line_that_it_stands_before() {
    let (harness, _wire) = restored_and_waiting(Waiting::Paused);
    let last = harness
        .query_all_by_role(Role::ListItem)
        .map(|line| line.rect().bottom())
        .fold(0.0, f32::max);
    let buttons = harness
        .get_by_role_and_label(Role::Button, "Cancel…")
        .rect();
    assert!(last <= buttons.top(), "{last} {buttons:?}");
}

#[test]
fn without_an_application_nothing_is_said_to_be_stopped() {
    let (mut harness, _wire) = reviewed_over(ThemeChoice::Dark);
    let application = |harness: &Harness<'static, App>, act: fn(egui_kittest::Node<'_>)| {
        act(harness.get_by_role_and_label(Role::ComboBox, "Application"));
    };
    application(&harness, |list| list.scroll_to_me());
    harness.run_steps(4);
    harness.get_by_label_contains("It is stopped first");
    application(&harness, |list| list.click());
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::Button, "None").click();
    harness.run_steps(4);
    harness.get_by_label_contains("Nothing is stopped before");
}
