//! What if, other ways, and why: asked of the window as people do.

use crate::{
    made_up::{MadeUp, now},
    timeline::opened,
};
use egui_kittest::{Harness, kittest::Queryable as _};
use std::sync::Arc;
use stopat::{
    app::App,
    domain::{
        BackupKind, BackupRecord, BackupType, EstimateBasis, History, MarkRecord, MarkStop,
        MeasuredRun, MeasuredSet, RestoringState, Start,
    },
    run::{Measured, MeasuredRestore, RunId, RunKind},
    server::DatabaseState,
    settings::ThemeChoice,
    state::{Action, Command, PlanState},
    worker::{Event, ObjectivesEvent, PlanningEvent, PlanningRequest, Request, ServerId},
};
use uuid::Uuid;

fn step_of(harness: &Harness<'_, App>, kind: BackupType) -> Uuid {
    let plan = harness.state().state.plan.plan().expect("a plan");
    let step = plan.steps.iter().rfind(|step| step.backup_type == kind);
    step.expect("the plan has one").backup_set_uuid
}

/// Planning without a log shows at once what goes dark, and takes it back at a click.
#[test]
fn planning_without_a_backup_shows_at_once_what_goes_dark() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let log = step_of(&harness, BackupType::Log);
    harness.state_mut().state.update(Action::ToggleLost(log));
    harness.run_steps(3);
    let state = &harness.state().state;
    let dark = state.database.as_ref().expect("a database").dark.clone();
    assert!(
        !dark.is_empty(),
        "the last log holds what nothing else holds"
    );
    assert!(harness.query_by_label("Planned without 1 backup").is_some());
    harness.get_by_label("take back").click();
    harness.run_steps(3);
    let state = &harness.state().state;
    assert!(state.choice.without.is_empty());
    assert!(state.database.as_ref().expect("a database").dark.is_empty());
}

/// The best ways stand in the panel with what is different, and one of them can be chosen.
#[test]
fn another_way_is_chosen_in_the_panel() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let before = harness.state().state.plan.plan().cloned().expect("a plan");
    harness.get_by_label("Other ways there…").click();
    harness.run_steps(3);
    let other = harness
        .query_all_by_label_contains("Way: ")
        .nth(1)
        .expect("a second way");
    other.click();
    harness.run_steps(3);
    let after = harness.state().state.plan.plan().cloned().expect("a plan");
    assert_ne!(before.steps, after.steps);
    assert!(harness.state().state.choice.base.is_some());
    harness.state_mut().state.update(Action::PlaceMarker(0.0));
    assert!(
        harness.state().state.choice.base.is_none(),
        "another moment is planned as usual"
    );
}

/// A chosen backup says why it is in the plan.
#[test]
fn a_chosen_backup_says_why() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let full = step_of(&harness, BackupType::Full);
    harness.state_mut().state.update(Action::ShowSet(full));
    harness.run_steps(3);
    let said = harness.query_by_label_contains("everything after it builds on this full backup");
    assert!(said.is_some());
}

/// What hurts most is asked of the worker once, and shown when it comes.
#[test]
fn what_hurts_most_is_worked_out_beside_the_window() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    harness.get_by_label("What hurts most to lose…").click();
    harness.run_steps(4);
    let asked: Vec<_> = wire
        .requests
        .borrow()
        .iter()
        .filter_map(|request| match request {
            Request::Planning(PlanningRequest::Losses {
                history, limits, ..
            }) => Some((history.clone(), limits.clone())),
            _ => None,
        })
        .collect();
    let [(history, limits)] = asked.as_slice() else {
        panic!("asked {} times", asked.len());
    };
    wire.tell(Event::Planning(PlanningEvent::Losses {
        server: ServerId::Practice,
        database: history.name().to_owned(),
        losses: history.losses(limits, 12).into(),
    }));
    harness.run_steps(3);
    assert!(harness.state().state.planning.losses.is_some());
}

/// *Latest* is a target of its own, until the marker moves.
#[test]
fn latest_is_a_target() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    harness.get_by_label("latest").click();
    harness.run_steps(3);
    let state = &harness.state().state;
    let plan = state.plan.plan().expect("a plan");
    assert_eq!(plan.target, stopat::domain::Target::Latest);
    assert!(plan.steps.iter().all(|step| step.stop_at.is_none()));
}

/// A mark that a transaction left is a target, with that transaction or without it.
#[test]
fn a_mark_is_a_target_with_its_transaction_or_without() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let made = MadeUp {
        database: "OctopusAI".to_owned(),
        days: 5,
        log_every: 900,
        without_log: None,
    };
    let mut records = made.records();
    let log = records.backup_sets.iter().rfind(|set| {
        let kind = set.backup_type.as_deref();
        kind == Some("L")
    });
    let log = log.expect("the schedule takes logs");
    let start = log.backup_start_date.expect("every row has a start");
    records.marks = vec![MarkRecord {
        database_name: Some("OctopusAI".to_owned()),
        mark_name: Some("MonthEnd".to_owned()),
        lsn: log.first_lsn,
        mark_time: Some(start.plus(chrono::TimeDelta::minutes(-5))),
        ..MarkRecord::default()
    }];
    wire.tell(Event::History {
        server: ServerId::Practice,
        history: History::from_records(records).0,
        notes: Arc::default(),
        read_at: now(),
    });
    harness.run_steps(3);
    for (entry, stop) in [
        ("Aim at the mark MonthEnd", MarkStop::At),
        ("Aim just before the mark MonthEnd", MarkStop::Before),
    ] {
        // Where no backup stands, beside the axis.
        let lanes = harness.get_by_label_contains("Timeline, ").rect();
        let pos = lanes.right_top() + egui::vec2(-8.0, 60.0);
        harness.event(egui::Event::PointerMoved(pos));
        for pressed in [true, false] {
            harness.event(egui::Event::PointerButton {
                pos,
                button: egui::PointerButton::Secondary,
                pressed,
                modifiers: egui::Modifiers::NONE,
            });
            harness.run_steps(2);
        }
        harness.get_by_label_contains(entry).click();
        harness.run_steps(3);
        let plan = harness.state().state.plan.plan().cloned().expect("a plan");
        let mark = plan.stop_mark.expect("it stops at a mark");
        assert_eq!((&*mark.name, mark.stop), ("MonthEnd", stop));
        assert!(plan.steps.iter().all(|step| step.stop_at.is_none()));
    }
}

/// A full came after the last log: the moment before its end is refused, and the way on stands there.
#[test]
fn a_moment_that_no_log_holds_yet_leads_to_a_log_backup() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let made = MadeUp {
        database: "OctopusAI".to_owned(),
        days: 5,
        log_every: 900,
        without_log: None,
    };
    let mut records = made.records();
    let newest = |letter: &str| {
        let set = records.backup_sets.iter().rfind(|set| {
            let kind = set.backup_type.as_deref();
            kind == Some(letter)
        });
        set.cloned().expect("the schedule takes it")
    };
    let (log, full) = (newest("L"), newest("D"));
    let start = log.backup_start_date.expect("every row has a start");
    records.backup_sets.push(BackupRecord {
        backup_set_id: Some(9_000_000),
        backup_set_uuid: Some(Uuid::from_u128(0xfa11)),
        media_set_id: Some(9_000_000),
        backup_start_date: Some(start.plus(chrono::TimeDelta::minutes(1))),
        backup_finish_date: Some(start.plus(chrono::TimeDelta::minutes(9))),
        first_lsn: log.last_lsn,
        checkpoint_lsn: log.last_lsn,
        last_lsn: log.last_lsn,
        is_copy_only: Some(true),
        ..full
    });
    wire.tell(Event::History {
        server: ServerId::Practice,
        history: History::from_records(records).0,
        notes: Arc::default(),
        read_at: now(),
    });
    harness.run_steps(3);
    let wanted = start.plus(chrono::TimeDelta::minutes(5)).to_string();
    let went = Action::GoToTypedTime(wanted);
    harness.state_mut().state.update(went);
    harness.run_steps(3);
    let state = &harness.state().state;
    assert!(matches!(state.plan, PlanState::Refused(_)));
    harness.get_by_label("Back up the log…").click();
    harness.run_steps(3);
    let form = harness.state().state.backups.form.as_ref();
    let kind = form.expect("the form is open").request.kind;
    assert_eq!(kind, BackupKind::Log);
}

/// Over a database in simple recovery there is no tail, and its single moments go dark as well.
#[test]
fn simple_recovery_promises_no_tail_and_no_second_way() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    assert!(
        harness
            .query_by_label_contains(", tail saved first")
            .is_some()
    );
    let made = MadeUp {
        database: "OctopusAI".to_owned(),
        days: 3,
        log_every: 900,
        without_log: None,
    };
    let mut records = made.records();
    records
        .backup_sets
        .retain(|set| set.backup_type.as_deref() == Some("D"));
    for set in &mut records.backup_sets {
        set.recovery_model = Some("SIMPLE".to_owned());
    }
    wire.tell(Event::Databases {
        server: ServerId::Practice,
        databases: Arc::new(vec![crate::fake::summary("OctopusAI", 0, "SIMPLE")]),
    });
    wire.tell(Event::History {
        server: ServerId::Practice,
        history: History::from_records(records).0,
        notes: Arc::default(),
        read_at: now(),
    });
    harness.run_steps(3);
    // To the moment of the newest backup.
    harness.key_press(egui::Key::End);
    harness.run_steps(3);
    assert!(
        harness
            .query_by_label_contains("; it has no tail to save")
            .is_some()
    );
    let full = step_of(&harness, BackupType::Full);
    harness.state_mut().state.update(Action::ToggleLost(full));
    harness.run_steps(3);
    let dark = "1 moment of a backup goes dark.";
    assert!(harness.query_by_label(dark).is_some());
}

/// A database that is RESTORING: where it stands is asked, and the plan goes on from there when it is wanted.
#[test]
fn a_restoring_database_is_gone_on_with_in_the_panel() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let full = step_of(&harness, BackupType::Full);
    let view = harness.state().state.database.clone().expect("a database");
    let base = view.history.set_by_uuid(full).expect("known");
    let stands = RestoringState {
        redo: base.last_lsn,
        fork: base.lineage.last_fork,
        family: base.lineage.family,
        differential_base: Some(full),
        files: Vec::new(),
        stands_at: None,
    };
    let server = ServerId::Practice;
    let known = &harness.state().state.servers[&server].databases;
    let mut databases = known.to_vec();
    databases[0].state = DatabaseState::Other("RESTORING".to_owned());
    wire.tell(Event::Databases {
        server,
        databases: Arc::new(databases),
    });
    harness.run_steps(3);
    let asked = wire.requests.borrow().iter().any(|request| {
        matches!(request, Request::Planning(PlanningRequest::Restoring { database, .. }) if database == "OctopusAI")
    });
    assert!(asked, "the server knows where it stands");
    wire.tell(Event::Planning(PlanningEvent::Restoring {
        server,
        database: "OctopusAI".to_owned(),
        state: Some(Box::new(stands.clone())),
    }));
    harness.run_steps(3);
    assert_eq!(step_of(&harness, BackupType::Full), full, "not by itself");

    harness.get_by_label("Go on from where it stands").click();
    harness.run_steps(3);
    let plan = harness.state().state.plan.plan().cloned().expect("a plan");
    assert_eq!(plan.start, Start::Restoring(Box::new(stands)));
    assert!(
        plan.steps
            .iter()
            .all(|step| step.backup_type != BackupType::Full)
    );
    let words = "OctopusAI itself, from where it stands";
    assert!(harness.query_by_label(words).is_some());
    // What lies before it is out of reach now.
    let oldest = harness.state().state.database.as_ref().expect("a database");
    let oldest = oldest.first_moment().expect("something is left");
    assert!(oldest.instant >= base.start().instant);

    harness
        .get_by_label("Begin with a full backup instead")
        .click();
    harness.run_steps(3);
    assert_eq!(step_of(&harness, BackupType::Full), full);
}

/// In a large history no frame waits: what if, its undo and its redo are worked out by the worker where nobody did yet.
#[test]
fn what_if_and_its_undo_in_a_large_history_are_worked_out_beside_the_window() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let server = ServerId::Practice;
    let made = MadeUp {
        database: "OctopusAI".to_owned(),
        days: 8,
        log_every: 30,
        without_log: None,
    };
    let (history, notes) = History::from_records(made.records());
    let large = |history: &History| Event::History {
        server,
        history: history.clone(),
        notes: Arc::new(notes.clone()),
        read_at: now(),
    };
    wire.tell(large(&history));
    harness.run_steps(3);
    let log = step_of(&harness, BackupType::Log);
    let answer = |harness: &mut Harness<'_, App>| {
        let asked = wire
            .requests
            .borrow_mut()
            .drain(..)
            .find_map(|request| match request {
                Request::Planning(PlanningRequest::Coverage {
                    history, limits, ..
                }) => Some((history, limits)),
                _ => None,
            });
        let (history, limits) = asked.expect("the worker is asked");
        assert!(harness.state().state.planning.waiting.is_some());
        history.coverage(&limits);
        wire.tell(Event::Planning(PlanningEvent::CoverageKnown {
            server,
            database: history.name().to_owned(),
            limits,
        }));
        harness.run_steps(3);
        assert!(harness.state().state.planning.waiting.is_none());
    };
    let lost = |harness: &Harness<'_, App>| {
        let database = harness.state().state.database.as_ref().expect("a database");
        (database.limits.without.len(), database.dark.len())
    };
    let toggled = harness.state_mut().state.update(Action::ToggleLost(log));
    wire.requests.borrow_mut().extend(toggled);
    assert_eq!(lost(&harness), (0, 0), "what is shown is older");
    answer(&mut harness);
    assert_eq!(lost(&harness), (1, 1));

    // As if a refresh had brought so much that nothing of it is worked out any more.
    wire.tell(large(&History::from_records(made.records()).0));
    harness.run_steps(3);
    answer(&mut harness);
    assert_eq!(lost(&harness), (1, 1));
    harness.state_mut().state.update(Action::Run(Command::Undo));
    assert_eq!(lost(&harness), (0, 0), "no limits need no work");
    assert!(matches!(harness.state().state.plan, PlanState::Planned(_)));
}

/// Once restores were measured, the curve and the plan count with them and say so.
#[test]
fn measured_restores_are_the_basis_of_curve_and_plan() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let basis = |harness: &Harness<'_, App>| {
        let plan = harness.state().state.plan.plan().expect("a plan");
        plan.estimate.map(|estimate| estimate.basis)
    };
    assert_eq!(basis(&harness), Some(EstimateBasis::BackupSpeed));
    let sets = [
        (BackupType::Full, 11_000_000_000, 110.0),
        (BackupType::Log, 2_000_000, 1.0),
    ];
    let restores = (0..3).map(|n| MeasuredRestore {
        run: RunId(format!("2026111{n}T120000Z-0000")),
        kind: RunKind::RestoreCopy,
        server: "PRACTICE".to_owned(),
        source_database: "OctopusAI".to_owned(),
        target: "latest".to_owned(),
        measured: MeasuredRun {
            at: now().plus(chrono::TimeDelta::days(n - 10)),
            sets: sets
                .iter()
                .map(|&(kind, bytes, seconds)| MeasuredSet {
                    kind,
                    compressed: true,
                    stripes: 1,
                    bytes,
                    seconds,
                })
                .collect(),
            other_seconds: 2.0,
        },
    });
    wire.tell(Event::Objectives(ObjectivesEvent::Known {
        measured: Arc::new(Measured {
            restores: restores.collect(),
            ..Measured::default()
        }),
        edited: Arc::default(),
        leftovers: Arc::default(),
    }));
    harness.run_steps(4);
    assert_eq!(basis(&harness), Some(EstimateBasis::Measured));
    assert!(harness.query_by_label("as measured here").is_some());
}
