//! The dialog for servers: what is typed leaves it as actions only.

use egui::accesskit::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use secrecy::ExposeSecret as _;
use stopat::{
    domain::{UtcOffset, UtcTime},
    settings::{Encryption, PasswordKept, Profile, Reach, SignIn, ThemeChoice},
    state::{Action, OwnClock, ProfileAction, SeenCertificate, State},
    ui::{WindowView, theme},
    worker::{Event, ServerId, ServerStatus},
};
use uuid::Uuid;

/// The window without a worker: requests go nowhere, actions are kept.
struct Window {
    view: WindowView,
    state: State,
    actions: Vec<Action>,
}

fn window(profiles: Vec<Profile>, first: ProfileAction) -> Harness<'static, Window> {
    let own = OwnClock {
        now: UtcTime::from_seconds(1_795_351_267.0).expect("a time"),
        offset: UtcOffset::ZERO,
        offset_at: |_| stopat::domain::UtcOffset::ZERO,
    };
    let mut state = State::new(own, "default".to_owned());
    state.profiles = profiles;
    state.update(Action::Profile(first));
    let mut installed = false;
    let mut harness = Harness::builder()
        .with_size([1280.0, 900.0])
        .build_ui_state(
            move |ui, window: &mut Window| {
                if !installed {
                    theme::install(ui.ctx());
                    installed = true;
                    return;
                }
                let (actions, _) = window.view.ui(ui, &window.state);
                for action in actions {
                    window.state.update(action.clone());
                    window.actions.push(action);
                }
            },
            Window {
                view: WindowView::default(),
                state,
                actions: Vec::new(),
            },
        );
    harness.run_steps(4);
    harness
}

pub fn production() -> Profile {
    Profile {
        id: Uuid::from_u128(7),
        name: "Production".to_owned(),
        host: "sql01".to_owned(),
        instance: None,
        port: Some(1444),
        sign_in: SignIn::SqlLogin {
            user: "reader".to_owned(),
            password: PasswordKept::CredentialStore,
        },
        encryption: Encryption::Trusted,
        reach: Reach::Look,
        band: "PRODUCTION".to_owned(),
        production: true,
        backup_folder: Some(r"\\nas\sql".to_owned()),
        azure: None,
    }
}

fn type_into(harness: &mut Harness<'_, Window>, label: &str, text: &str) {
    let role = if label == "Password" {
        Role::PasswordInput
    } else {
        Role::TextInput
    };
    harness.get_by_role_and_label(role, label).focus();
    harness.run_steps(2);
    harness.get_by_role_and_label(role, label).type_text(text);
    harness.run_steps(2);
}

fn click(harness: &mut Harness<'_, Window>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(3);
}

fn saved(harness: &Harness<'_, Window>) -> Option<(Profile, Option<String>)> {
    harness
        .state()
        .actions
        .iter()
        .find_map(|action| match action {
            Action::Profile(ProfileAction::Save { profile, password }) => Some((
                Profile::clone(profile),
                password
                    .as_ref()
                    .map(|password| password.0.expose_secret().to_owned()),
            )),
            _ => None,
        })
}

#[test]
fn a_new_server_is_saved_from_what_was_typed() {
    let mut harness = window(Vec::new(), ProfileAction::Add);
    type_into(&mut harness, "Name", "Accounts");
    type_into(&mut harness, "Host", "sql02\\OLTP,1455");
    type_into(&mut harness, "User", "sa");
    type_into(&mut harness, "Password", "s3cret");
    click(&mut harness, "Restore");
    click(&mut harness, "Ask in each session");
    click(&mut harness, "Save");
    let (profile, password) = saved(&harness).expect("it is saved");
    assert_eq!(profile.address(), "sql02\\OLTP,1455");
    assert_eq!(profile.name, "Accounts");
    assert_eq!(profile.reach, Reach::Restore);
    assert_eq!(
        profile.sign_in,
        SignIn::SqlLogin {
            user: "sa".to_owned(),
            password: PasswordKept::AskEachTime,
        }
    );
    assert_eq!(password.as_deref(), Some("s3cret"));
    assert!(harness.state().state.dialog.is_none(), "the dialog closes");
}

#[test]
fn what_is_wrong_is_said_beside_the_field_and_nothing_is_saved() {
    let mut harness = window(vec![production()], ProfileAction::Add);
    type_into(&mut harness, "Name", "production");
    click(&mut harness, "Save");
    assert!(saved(&harness).is_none());
    harness.get_by_label("Another profile has this name; choose another");
    harness.get_by_label("Name the host on which the server runs");
    harness.get_by_label("Name the login to sign in with");
}

#[test]
fn editing_keeps_the_id_and_an_untouched_password() {
    let mut harness = window(vec![production()], ProfileAction::Edit(production().id));
    harness.get_by_label("Back up").scroll_to_me();
    harness.run_steps(3);
    click(&mut harness, "Back up");
    click(&mut harness, "Save");
    let expected = Profile {
        reach: Reach::BackUp,
        ..production()
    };
    assert_eq!(saved(&harness), Some((expected, None)));
}

#[test]
fn a_certificate_met_by_a_test_is_pinned_after_it_was_seen() {
    let mut harness = window(vec![production()], ProfileAction::Edit(production().id));
    click(&mut harness, "Test the connection");
    let tested = harness.state().actions.iter().any(|action| {
        matches!(action, Action::Profile(ProfileAction::Test { profile, .. }) if **profile == production())
    });
    assert!(tested);
    harness.state_mut().state.test_certificate = Some(SeenCertificate {
        profile: production().id,
        fingerprint: "ab".repeat(32),
        subject: "CN=sql01".to_owned(),
    });
    harness.run_steps(3);
    harness.get_by_label("CN=sql01");
    harness.get_by_label("Pin this certificate").scroll_to_me();
    harness.run_steps(3);
    click(&mut harness, "Pin this certificate");
    click(&mut harness, "Save");
    let (profile, _) = saved(&harness).expect("it is saved");
    assert_eq!(profile.encryption, Encryption::Pinned("ab".repeat(32)));
}

#[test]
fn a_certificate_that_nobody_saw_yet_can_be_tested_and_not_saved() {
    let mut harness = window(vec![production()], ProfileAction::Edit(production().id));
    harness.get_by_label("Exactly this one").scroll_to_me();
    harness.run_steps(3);
    click(&mut harness, "Exactly this one");
    click(&mut harness, "Test the connection");
    let tested = harness
        .state()
        .actions
        .iter()
        .find_map(|action| match action {
            Action::Profile(ProfileAction::Test { profile, .. }) => {
                Some(profile.encryption.clone())
            }
            _ => None,
        });
    assert_eq!(tested, Some(Encryption::Trusted), "only so is it shown");
    let wanted = "A fingerprint is 64 hexadecimal digits; test the connection to see the server's";
    assert!(harness.query_by_label(wanted).is_none());
    click(&mut harness, "Save");
    harness.get_by_label(wanted);
    assert_eq!(saved(&harness), None);
}

#[test]
fn a_duplicate_is_another_profile() {
    let mut harness = window(
        vec![production()],
        ProfileAction::Duplicate(production().id),
    );
    type_into(&mut harness, "Password", "again");
    click(&mut harness, "Save");
    let (profile, password) = saved(&harness).expect("it is saved");
    assert_eq!(profile.name, "Production copy");
    assert_ne!(profile.id, production().id);
    assert_eq!(password.as_deref(), Some("again"));
}

#[test]
fn the_buttons_below_the_servers_do_not_widen_their_panel() {
    let other = Profile {
        id: Uuid::from_u128(8),
        name: "Second".to_owned(),
        ..production()
    };
    let mut harness = window(vec![production(), other], ProfileAction::Add);
    harness.state_mut().state.update(Action::CloseDialog);
    harness.run_steps(4);
    for label in ["All databases", "+ Server", "Open folder…"] {
        let right = harness.get_by_label(label).rect().right();
        assert!(right <= theme::size::SIDEBAR, "{label} ends at {right}");
    }
}

#[test]
fn a_practice_world_that_is_made_shows_how_much_of_it_is_there() {
    let (mut harness, wire) = crate::fake::window([1280.0, 720.0], ThemeChoice::Dark);
    harness
        .get_by_label("Start with the practice server")
        .click();
    harness.run_steps(3);
    wire.tell(Event::Server {
        server: ServerId::Practice,
        status: ServerStatus::Connecting {
            what: "Starting the practice server".to_owned(),
            done: Some(0.25),
        },
    });
    harness.run_steps(3);
    let bars: Vec<Option<f64>> = harness
        .query_all_by_role(Role::ProgressIndicator)
        .map(|bar| bar.accesskit_node().numeric_value())
        .collect();
    assert_eq!(bars, [Some(0.25); 2], "on the page and at the bottom");
}
