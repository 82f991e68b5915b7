//! The window on its real worker and a server: a schedule is applied by clicks, runs for two days, and is removed.

use super::asking::{Practice, own_clock, start, until};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use std::{cell::Cell, rc::Rc};
use stopat::{
    app::{App, Backend},
    domain::{Limits, PolicyDatabases, PolicyId, PolicyKind, UtcOffset, UtcTime},
    practice::PracticeServer,
    run::schedule::read_schedule,
    settings::{Encryption, Operator, PasswordKept, Preferences, Profile, Reach, SignIn},
    state::{Action, OwnClock, Page},
    worker::{Event, Request, Secret, ServerId, Worker, WorkerHandle},
};
use uuid::Uuid;

/// The worker, which the test speaks to as well.
struct Shared(Rc<WorkerHandle>);

impl Backend for Shared {
    fn send(&self, request: Request) {
        self.0.send(request);
    }

    fn next_event(&self) -> Option<Event> {
        self.0.events.try_recv().ok()
    }
}

/// A window that is signed in at a server.
struct Signed {
    harness: Harness<'static, App>,
    worker: Rc<WorkerHandle>,
    /// The own clock, which goes with the server's.
    now: Rc<Cell<UtcTime>>,
    _root: tempfile::TempDir,
}

impl Signed {
    async fn open(practice: &Practice) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let worker = Worker::start(root.path().to_owned(), Operator::default(), || {})
            .expect("the worker starts");
        let worker = Rc::new(worker);
        let now = Rc::new(Cell::new(own_clock()));
        let (backend, clock) = (Shared(Rc::clone(&worker)), Rc::clone(&now));
        let harness = Harness::builder()
            // High enough for the whole page: what lies outside cannot be clicked.
            .with_size([1440.0, 1500.0])
            .build_eframe(move |creation| {
                let clock = move || OwnClock {
                    now: clock.get(),
                    offset: UtcOffset::ZERO,
                    offset_at: |_| UtcOffset::ZERO,
                };
                App::new(
                    &creation.egui_ctx,
                    Box::new(backend),
                    Box::new(clock),
                    Preferences::default(),
                )
            });
        let mut signed = Self {
            harness,
            worker,
            now,
            _root: root,
        };
        let address = practice.server.address();
        let id = Uuid::from_u128(7);
        let profile = Profile {
            id,
            name: "Frozen".to_owned(),
            host: address.ip().to_string(),
            instance: None,
            port: Some(address.port()),
            sign_in: SignIn::SqlLogin {
                user: PracticeServer::USER.to_owned(),
                password: PasswordKept::AskEachTime,
            },
            encryption: Encryption::Pinned(practice.server.fingerprint().to_owned()),
            reach: Reach::Restore,
            band: String::new(),
            production: false,
            backup_folder: None,
            azure: None,
        };
        signed.worker.send(Request::SaveProfile {
            profile,
            password: None,
        });
        let server = ServerId::Profile(id);
        signed
            .until("the profile", |w| w.state().state.profile(server).is_some())
            .await;
        signed.act(Action::Connect {
            server,
            password: Some(Secret(practice.server.password().clone())),
        });
        signed
            .until("the history", |w| {
                let state = &w.state().state;
                state
                    .servers
                    .get(&server)
                    .is_some_and(|view| view.history.is_some())
            })
            .await;
        signed.act(Action::SelectDatabase {
            server,
            database: "OctopusAI".to_owned(),
        });
        signed.act(Action::ShowPage(Page::Protection));
        signed
    }

    fn act(&mut self, action: Action) {
        let requests = self.harness.state_mut().state.update(action);
        for request in requests {
            self.worker.send(request);
        }
        self.harness.step();
    }

    async fn until(&mut self, what: &str, there: impl Fn(&Harness<'static, App>) -> bool) {
        until(what, async || {
            self.harness.step();
            there(&self.harness).then_some(())
        })
        .await;
    }

    async fn sees(&mut self, label: &str) {
        self.until(label, |w| {
            w.query_all_by_label_contains(label).next().is_some()
        })
        .await;
    }

    /// A button whose label others begin with.
    fn press(&mut self, label: &str) {
        self.harness
            .get_by_role_and_label(Role::Button, label)
            .click();
        self.harness.step();
        self.harness.step();
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.step();
        self.harness.step();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_is_applied_from_the_window_and_protects_for_two_days() {
    let practice = start().await;
    super::schedule::alone(&practice, "OctopusAI").await;
    let mut window = Signed::open(&practice).await;
    window.sees("runs in SQL Server Agent").await;
    window.sees("Nothing of this is on the server yet").await;
    window.sees("3 folders are there").await;

    // Whether the service account can write, by a small backup of model.
    window.sees("no probe was written there yet").await;
    window.click("Try to write there");
    window.sees("written by probe, 22 Nov 12:00").await;

    window.click("Preset: Octopus");
    window.click("Apply changes");
    window
        .sees("Apply the schedule of OctopusAI on Frozen?")
        .await;
    window.press("Apply");
    window.sees("Done; the journal is").await;
    window.sees("JOBS ON THE SERVER").await;
    window
        .sees("stopat - OctopusAI - diff: next 22 Nov 18:00")
        .await;

    practice.advance(2 * 86_400).await;
    let later = own_clock().plus(chrono::TimeDelta::days(2));
    window.now.set(later);
    window.sees("50 runs in Agent's history").await;
    window.sees("next 12:15, succeeded 12:00").await;

    // What the window knows now: every kind as often as wanted, and no moment without a way back.
    let id = PolicyId::of(&PolicyDatabases::One("OctopusAI".to_owned()));
    let server = ServerId::Profile(Uuid::from_u128(7));
    let logs = id.set_name(PolicyKind::Log);
    window.act(Action::Refresh(server));
    window
        .until("the history of two days", |w| {
            let view = w.state().state.servers.get(&server);
            let history = view.and_then(|view| view.history.as_ref());
            let octopus = history.and_then(|loaded| loaded.history.database("OctopusAI"));
            octopus.is_some_and(|octopus| {
                let sets = octopus.sets();
                sets.filter(|set| set.name.as_deref() == Some(&logs))
                    .count()
                    == 192
            })
        })
        .await;
    let state = &window.harness.state().state;
    let loaded = state.servers[&server].history.as_ref().expect("read");
    let octopus = loaded.history.database("OctopusAI").expect("backed up");
    let counts = PolicyKind::ALL.map(|kind| {
        let name = id.set_name(kind);
        let sets = octopus.sets();
        sets.filter(|set| set.name.as_deref() == Some(&name))
            .count()
    });
    assert_eq!(counts, [2, 6, 192]);
    let coverage = octopus.coverage(&Limits::default());
    assert_eq!(coverage.gaps, []);
    let newest = coverage.newest().expect("restorable").instant;
    assert!(later.seconds() - newest.seconds() <= 901.0);

    window.click("Remove schedule…");
    window
        .sees("Remove the schedule of OctopusAI on Frozen?")
        .await;
    window.click("Remove it");
    window.sees("Nothing of this is on the server yet").await;
    let mut connection = practice.connect().await;
    let left = read_schedule(connection.as_mut()).await.expect("readable");
    assert!(left.policy(&id).is_none());
}
