//! The page of applications: what is typed leaves it as one action, when it is whole.

use crate::fake::{Wire, window};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use std::{path::Path, sync::Arc};
use stopat::{
    app::App,
    settings::{Application, ThemeChoice, load_applications, shipped_applications},
    state::{Action, ApplicationAction},
    worker::{ApplicationEvent, ApplicationRequest, Event, KnownApplications, Request},
};

/// The page with the shipped application.
pub fn page(size: [f32; 2], theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = window(size, theme);
    wire.tell(Event::Application(ApplicationEvent::Known(Arc::new(
        KnownApplications {
            applications: load_applications(Path::new("nowhere")).applications,
            own_files: Default::default(),
            shipped: shipped_applications(),
        },
    ))));
    harness.run_steps(2);
    harness
        .state_mut()
        .state
        .update(Action::Application(ApplicationAction::Show));
    harness.run_steps(4);
    (harness, wire)
}

fn saved(wire: &Wire) -> Option<(Option<String>, Application)> {
    wire.requests
        .borrow()
        .iter()
        .find_map(|request| match request {
            Request::Application(ApplicationRequest::Save {
                replaces,
                application,
            }) => Some((replaces.clone(), (**application).clone())),
            _ => None,
        })
}

fn type_into(harness: &mut Harness<'_, App>, label: &str, text: &str) {
    let field = harness.get_by_role_and_label(Role::TextInput, label);
    field.scroll_to_me();
    harness.run_steps(2);
    harness
        .get_by_role_and_label(Role::TextInput, label)
        .focus();
    harness.run_steps(2);
    harness
        .get_by_role_and_label(Role::TextInput, label)
        .type_text(text);
    harness.run_steps(2);
}

#[test]
fn a_hook_is_given_to_the_shipped_application() {
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark);
    // The first is of the version, the second of stopping.
    let by_program = harness
        .get_all_by_role_and_label(Role::RadioButton, "By a program")
        .nth(1)
        .expect("a way to stop");
    by_program.scroll_to_me();
    harness.run_steps(3);
    harness
        .get_all_by_role_and_label(Role::RadioButton, "By a program")
        .nth(1)
        .expect("a way to stop")
        .click();
    harness.run_steps(3);
    harness.get_by_label("Save").click();
    harness.run_steps(3);
    assert!(saved(&wire).is_none(), "a hook without a program is none");
    harness.get_by_label("Name the program to run");
    type_into(&mut harness, "Program", "/usr/bin/systemctl");
    harness.get_by_label("Save").click();
    harness.run_steps(3);
    let (replaces, application) = saved(&wire).expect("it is saved");
    assert_eq!(replaces.as_deref(), Some("Octopus"));
    let hook = application.stop.and_then(|stop| stop.hook).expect("a hook");
    assert_eq!(hook.program, Path::new("/usr/bin/systemctl"));
    assert_eq!((hook.timeout_secs, hook.expected_exit), (300, 0));
    assert!(
        application.schedule.is_some(),
        "what the page does not show stays"
    );
}

#[test]
fn a_new_application_needs_a_name_of_its_own() {
    let (mut harness, wire) = page([1280.0, 720.0], ThemeChoice::Light);
    harness.get_by_label("+ Application").click();
    harness.run_steps(3);
    harness.get_by_label("Save").click();
    harness.run_steps(3);
    harness.get_by_label("Give the application a name");
    type_into(&mut harness, "Name", "octopus");
    harness.get_by_label("Another application has this name; choose another");
    type_into(&mut harness, "Name", " two");
    harness.get_by_label("Save").click();
    harness.run_steps(3);
    let (replaces, application) = saved(&wire).expect("it is saved");
    assert_eq!((replaces, application.name.as_str()), (None, "octopus two"));
}
