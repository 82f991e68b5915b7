//! The timeline as people use it: mouse, keys, typed times, a screen reader.

use crate::fake::{Wire, clock, window};
use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::{Harness, kittest::Queryable as _};
use std::sync::Arc;
use stopat::{
    app::App,
    explain::{Problem, ProblemKind},
    settings::{Preferences, ThemeChoice},
    state::{Action, PlanState, SpanKind},
    worker::{Event, Request, ServerId},
};

/// The window with the database of the first picture chosen.
pub fn opened(size: [f32; 2], theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = window(size, theme);
    harness
        .get_by_label("Start with the practice server")
        .click();
    harness.run_steps(3);
    harness
        .get_by(|node| {
            node.role() == Role::TreeItem
                && node
                    .label()
                    .is_some_and(|label| label.starts_with("OctopusAI,"))
        })
        .click();
    harness.run_steps(3);
    (harness, wire)
}

/// What the marker says, as `Sun 22 Nov 08:28:12`.
fn marker(harness: &Harness<'_, App>) -> String {
    let at = harness.state().state.choice.moment.expect("a marker");
    stopat::explain::figures::weekday_date_time(at.server)
}

fn steps(harness: &Harness<'_, App>) -> usize {
    match &harness.state().state.plan {
        PlanState::Planned(plan) => plan.steps.len(),
        other => panic!("no plan: {other:?}"),
    }
}

#[test]
fn choosing_a_database_puts_the_marker_at_the_newest_moment() {
    let (harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    assert_eq!(marker(&harness), "Sun 22 Nov 14:30:00");
    assert!(steps(&harness) > 2);
    assert!(
        wire.requests
            .borrow()
            .iter()
            .any(|request| matches!(request, Request::Connect { .. }))
    );
}

#[test]
fn a_server_that_does_not_answer_a_refresh_is_not_called_good() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let practice = |harness: &Harness<'_, App>, dot: &str| {
        harness
            .query_by_label(&format!("Practice server, {dot}, embedded"))
            .is_some()
    };
    assert!(practice(&harness, "good"));
    harness
        .state_mut()
        .state
        .update(Action::Refresh(ServerId::Practice));
    wire.tell(Event::Problem {
        server: Some(ServerId::Practice),
        problem: Problem {
            kind: ProblemKind::Server,
            sentence: "The server does not answer".to_owned(),
            hint: String::new(),
            details: Vec::new(),
        },
    });
    harness.run_steps(3);
    assert!(practice(&harness, "missed"));
    wire.tell(Event::Databases {
        server: ServerId::Practice,
        databases: Arc::default(),
    });
    harness.run_steps(3);
    assert!(practice(&harness, "good"));
}

#[test]
fn keys_move_the_marker() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    for (modifiers, key, expected) in [
        (Modifiers::NONE, Key::ArrowLeft, "Sun 22 Nov 14:29:59"),
        (Modifiers::SHIFT, Key::ArrowLeft, "Sun 22 Nov 14:28:59"),
        (Modifiers::CTRL, Key::ArrowLeft, "Sun 22 Nov 13:28:59"),
        (Modifiers::NONE, Key::ArrowRight, "Sun 22 Nov 13:29:00"),
        (Modifiers::NONE, Key::PageUp, "Sun 22 Nov 13:15:02"),
        (Modifiers::NONE, Key::PageDown, "Sun 22 Nov 13:30:02"),
        // The tail: 11 minutes that no backup holds yet.
        (Modifiers::NONE, Key::End, "Sun 22 Nov 14:41:07"),
    ] {
        harness.key_press_modifiers(modifiers, key);
        harness.run_steps(3);
        assert_eq!(marker(&harness), expected, "{modifiers:?} {key:?}");
    }
    harness.key_press(Key::Home);
    harness.run_steps(3);
    assert!(
        marker(&harness).starts_with("Mon 9 Nov 00:5"),
        "{}",
        marker(&harness)
    );
}

#[test]
fn dragging_the_marker_stays_within_what_can_be_restored_and_is_one_step_of_undo() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let gap = harness
        .state()
        .state
        .database
        .as_ref()
        .expect("a database")
        .spans
        .iter()
        .find(|span| matches!(span.kind, SpanKind::Gap(_)))
        .cloned()
        .expect("the missing log leaves a gap");
    let before = marker(&harness);
    let flag = harness
        .get_by_role_and_label(Role::Slider, "Restore point")
        .rect()
        .center();
    harness.hover_at(flag);
    harness.step();
    harness.drag_at(flag);
    harness.step();
    let mut at = flag;
    while at.x > 380.0 {
        at.x -= 9.0;
        harness.hover_at(at);
        harness.step();
        let time = harness.state().state.choice.moment.expect("a marker");
        let seconds = time.instant.seconds();
        assert!(
            seconds <= gap.begin || gap.end <= seconds,
            "the marker stands in the gap at {}",
            marker(&harness)
        );
        // The plan belongs to the marker of the same frame.
        assert!(steps(&harness) > 0);
    }
    harness.drop_at(at);
    harness.run_steps(3);
    assert_ne!(marker(&harness), before);
    // Dragged to about the moment, and to the second by keys.
    let seconds = |harness: &Harness<'static, App>| {
        let moment = harness.state().state.choice.moment.expect("a marker");
        moment.instant.seconds()
    };
    let dropped = seconds(&harness);
    harness.key_press(Key::ArrowLeft);
    harness.run_steps(3);
    // To the whole second that is nearest to the one before.
    assert_eq!(seconds(&harness), (dropped - 1.0).round());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_steps(3);
    assert_eq!(seconds(&harness), dropped);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_steps(3);
    assert_eq!(marker(&harness), before);
}

#[test]
fn a_typed_time_is_free_and_gets_the_planners_answer() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let type_time = |harness: &mut Harness<'static, App>, text: &str| {
        let field = harness.get_by_role_and_label(Role::TextInput, "Type a time");
        field.focus();
        harness.run_steps(2);
        harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        harness.run_steps(1);
        harness
            .get_by_role_and_label(Role::TextInput, "Type a time")
            .type_text(text);
        harness.run_steps(1);
        harness.key_press(Key::Enter);
        harness.run_steps(3);
    };
    type_time(&mut harness, "22 Nov 08:28:12");
    assert_eq!(marker(&harness), "Sun 22 Nov 08:28:12");
    assert!(steps(&harness) > 2);

    type_time(&mut harness, "21 Nov 15:00");
    assert_eq!(marker(&harness), "Sat 21 Nov 15:00:00");
    assert!(matches!(harness.state().state.plan, PlanState::Refused(_)));
    harness.get_by_label("This moment cannot be restored");
}

#[test]
fn a_screen_reader_sets_the_marker() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let slider = harness.get_by_role_and_label(Role::Slider, "Restore point");
    assert_eq!(slider.value().as_deref(), Some("Sun 22 Nov 14:30:00"));
    slider.set_value_accesskit((crate::made_up::NOW - 7200) as f64);
    harness.run_steps(3);
    assert_eq!(marker(&harness), "Sun 22 Nov 12:41:07");
    harness
        .get_by_role_and_label(Role::Slider, "Restore point")
        .increment_accesskit();
    harness.run_steps(3);
    assert_eq!(marker(&harness), "Sun 22 Nov 12:41:08");
}

#[test]
fn the_name_of_the_copy_is_typed_after_a_click() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let field = harness.get_by_role_and_label(Role::TextInput, "A copy");
    let at = field.rect().center();
    harness.hover_at(at);
    harness.step();
    harness.drag_at(at);
    harness.step();
    harness.drop_at(at);
    harness.run_steps(3);
    assert!(
        harness
            .get_by_role_and_label(Role::TextInput, "A copy")
            .is_focused(),
        "a click puts the cursor into the field"
    );
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run_steps(1);
    harness
        .get_by_role_and_label(Role::TextInput, "A copy")
        .type_text("Before");
    harness.run_steps(3);
    let plan = harness.state().state.plan.plan().cloned().expect("a plan");
    assert_eq!(stopat::tsql::target_database(&plan), "Before");
}

/// eframe keeps both; only the widths of panels are worth it.
#[test]
fn where_lists_were_scrolled_to_is_of_another_day() {
    let ctx = egui::Context::default();
    let list = egui::Id::unique("a list");
    egui::scroll_area::State::default().store(&ctx, list);
    let (wire, preferences) = (Wire::default(), Preferences::default());
    App::new(&ctx, Box::new(wire), Box::new(clock), preferences);
    assert!(egui::scroll_area::State::load(&ctx, list).is_none());
}
