//! What if, other ways, and why: asked of the window as people do.

use crate::timeline::opened;
use egui_kittest::{Harness, kittest::Queryable as _};
use stopat::{
    app::App,
    domain::BackupType,
    settings::ThemeChoice,
    state::Action,
    worker::{Event, PlanningEvent, PlanningRequest, Request, ServerId},
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
