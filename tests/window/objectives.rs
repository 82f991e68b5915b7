//! The page of objectives: promises beside what is true, drills by a schedule, rehearsals, and showing it to a room.

use crate::{
    fake::{Wire, run_id, window},
    made_up::now,
};
use egui::{Key, Modifiers};
use egui_kittest::{Harness, kittest::Queryable as _};
use std::{path::PathBuf, sync::Arc};
use stopat::{
    app::App,
    domain::{Exposed, Status},
    run::LostRows,
    settings::{ThemeChoice, load_applications},
    state::{Action, Into, ObjectivesAction, OwnClock, Page, Presenter, State},
    worker::{
        Event, ObjectivesEvent, ObjectivesRequest, Request, ServerId, TableFact, TableFacts,
        TimerFiles,
    },
};

const DATABASE: &str = "OctopusAI";

fn last<T>(wire: &Wire, wanted: impl Fn(&Request) -> Option<T>) -> Option<T> {
    wire.requests.borrow().iter().rev().find_map(wanted)
}

/// The page of a database with an application, its tables read.
pub fn page(size: [f32; 2], theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = window(size, theme);
    harness
        .get_by_label("Start with the practice server")
        .click();
    harness.run_steps(3);
    let octopus = load_applications(std::path::Path::new("nowhere"))
        .applications
        .remove(0);
    let state = &mut harness.state_mut().state;
    state.update(Action::SelectDatabase {
        server: ServerId::Practice,
        database: DATABASE.to_owned(),
    });
    state.update(Action::ShowPage(Page::Objectives));
    state.applications.known = Arc::new(stopat::worker::KnownApplications {
        applications: vec![octopus.clone()],
        ..stopat::worker::KnownApplications::default()
    });
    let tables = octopus
        .protected_tables()
        .map(|table| {
            let name = format!("dbo.{table}");
            let fact = TableFact {
                name: name.clone(),
                rows: 48,
                last_change: None,
            };
            (name.to_lowercase(), fact)
        })
        .collect();
    wire.tell(Event::Objectives(ObjectivesEvent::Tables {
        server: ServerId::Practice,
        database: DATABASE.to_owned(),
        tables: Arc::new(TableFacts { tables }),
    }));
    harness.run_steps(3);
    (harness, wire)
}

#[test]
fn a_loss_is_told_in_rows_where_the_application_names_a_table() {
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark);
    let (counted, stretches) = last(&wire, |request| match request {
        Request::Objectives(ObjectivesRequest::CountLost {
            counted, stretches, ..
        }) => Some((counted.clone(), stretches.clone())),
        _ => None,
    })
    .expect("the rows are asked for");
    assert_eq!(counted.table, "Octopus_EpisodeMessages");
    let counts: Vec<(Exposed, u64)> = stretches
        .into_iter()
        .enumerate()
        .map(|(n, exposed)| (exposed, 1_000 + n as u64))
        .collect();
    wire.tell(Event::Objectives(ObjectivesEvent::Lost {
        server: ServerId::Practice,
        database: DATABASE.to_owned(),
        lost: Arc::new(LostRows {
            counted,
            schema: "dbo".to_owned(),
            counts,
        }),
    }));
    harness.run_steps(3);
    // The third scenario is the finest; its loss is the third that was asked for.
    let told = harness
        .get_all_by_label_contains("1\u{202f}002 messages")
        .count();
    assert!(told > 0, "the row of the finest scenario has them");
}

#[test]
fn rows_are_counted_again_while_the_page_is_looked_at() {
    let (mut harness, _) = page([1440.0, 900.0], ThemeChoice::Dark);
    let state = &mut harness.state_mut().state;
    let asks = |state: &mut State, seconds| {
        let requests = state.tick(OwnClock {
            now: now().plus(chrono::TimeDelta::seconds(seconds)),
            ..state.own
        });
        requests.iter().any(|request| {
            matches!(
                request,
                Request::Objectives(ObjectivesRequest::ReadTables { .. })
            )
        })
    };
    assert!(!asks(state, 30), "they were counted when it was shown");
    assert!(asks(state, 65), "a minute later they have changed");
    assert!(!asks(state, 66));
}

#[test]
fn a_backup_that_is_due_is_not_missed_before_anybody_could_have_read_of_it() {
    let (mut harness, _) = page([1440.0, 900.0], ThemeChoice::Dark);
    let state = &mut harness.state_mut().state;
    let loaded = state
        .servers
        .get(&ServerId::Practice)
        .and_then(|view| view.history.clone())
        .expect("it was read");
    let after = |seconds| now().plus(chrono::TimeDelta::seconds(seconds));
    let tick = |state: &mut State, seconds| {
        state.tick(OwnClock {
            now: after(seconds),
            ..state.own
        });
        let shown = state.objectives.shown.as_ref().expect("it is judged");
        let finest = shown.judged.standings.last().expect("three scenarios");
        finest.misses.loss_now
    };
    // The last log is of 14:30, the next is due at 14:45:00, and the history was read two seconds before that.
    state.apply(Event::History {
        server: ServerId::Practice,
        history: loaded.history,
        notes: loaded.notes,
        read_at: after(231),
    });
    assert!(!tick(state, 273), "at 14:45:40 the next reading will tell");
    assert!(!tick(state, 292), "and at 14:45:59");
    assert!(tick(state, 420), "at 14:48:07 it should have been read");
    // In the list, where servers are that nobody reads again, it is not called missed either.
    state.apply(Event::Objectives(ObjectivesEvent::Known {
        measured: Arc::default(),
        edited: Arc::default(),
        leftovers: Arc::default(),
    }));
    while state.refine_one() {}
    let listed = (ServerId::Practice, DATABASE.to_owned());
    assert_eq!(
        state.objectives.statuses.get(&listed),
        Some(&Status::Unknown)
    );
}

#[test]
fn drills_by_a_schedule_are_shown_before_anything_is_written() {
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark);
    harness.get_by_label("Run a drill…").click();
    harness.run_steps(3);
    harness.get_by_label("By a schedule…").click();
    harness.run_steps(3);
    let asked = |write_wanted: bool| {
        last(&wire, |request| match request {
            Request::Objectives(ObjectivesRequest::Timer { write, timer, .. })
                if *write == write_wanted =>
            {
                Some(*timer)
            }
            _ => None,
        })
    };
    let shown = asked(false).expect("the files are asked for");
    assert_eq!(asked(true), None);
    let files = |written| {
        Event::Objectives(ObjectivesEvent::Timer(TimerFiles {
            folder: PathBuf::from("/data/schedules"),
            files: vec![("stopat-drill.timer".to_owned(), "[Timer]".to_owned())],
            commands: vec!["systemctl --user enable --now stopat-drill.timer".to_owned()],
            written,
        }))
    };
    wire.tell(files(false));
    harness.run_steps(3);
    harness.get_by_label("[Timer]");
    harness.get_by_label("Write the files").click();
    harness.run_steps(3);
    assert_eq!(asked(true), Some(shown), "what was shown is written");
    wire.tell(files(true));
    harness.run_steps(3);
    harness.get_by_label_contains("Written to");
}

#[test]
fn a_rehearsal_leads_to_the_timeline_over_the_original() {
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark);
    harness.get_by_label("Rehearse…").click();
    harness.run_steps(3);
    harness.get_by_label("Start the clock").click();
    harness.run_steps(3);
    let state = &harness.state().state;
    assert_eq!(state.page, Page::Timeline);
    assert_eq!(state.choice.destination.into, Into::Over);
    let marked = state.choice.moment.expect("the moment before").instant;
    assert_eq!(now().seconds() - marked.seconds(), 15.0 * 60.0 + 1.0);
    harness.get_by_label_contains("since it broke");
    assert!(
        last(&wire, |request| match request {
            Request::Objectives(ObjectivesRequest::KeepRehearsal { .. }) => Some(()),
            _ => None,
        })
        .is_none(),
        "nothing is kept before a restore has ended: {:?}",
        run_id()
    );
}

#[test]
fn one_key_makes_the_practice_world_anew_while_it_is_presented() {
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark);
    let resets = |wire: &Wire| {
        wire.requests
            .borrow()
            .iter()
            .filter(|request| matches!(request, Request::ResetPractice))
            .count()
    };
    harness.key_press_modifiers(Modifiers::NONE, Key::F9);
    harness.run_steps(3);
    assert_eq!(resets(&wire), 0, "not by a key that slipped");
    harness
        .state_mut()
        .state
        .update(Action::Objectives(ObjectivesAction::Present(Presenter {
            large: true,
            names_hidden: true,
        })));
    harness.run_steps(3);
    assert!(
        harness.query_by_label_contains(DATABASE).is_none(),
        "names are hidden"
    );
    harness.key_press_modifiers(Modifiers::NONE, Key::F9);
    harness.run_steps(3);
    assert_eq!(resets(&wire), 1);
}

#[test]
fn where_names_are_hidden_nothing_around_the_page_tells_them() {
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark);
    wire.tell(Event::Problem {
        server: None,
        problem: stopat::explain::Problem {
            kind: stopat::explain::ProblemKind::Server,
            sentence: format!("{DATABASE} cannot be read"),
            hint: String::new(),
            details: Vec::new(),
        },
    });
    harness
        .state_mut()
        .state
        .update(Action::Objectives(ObjectivesAction::Present(Presenter {
            large: false,
            names_hidden: true,
        })));
    harness.run_steps(3);
    assert_eq!(harness.query_all_by_label_contains(DATABASE).count(), 0);
    harness.get_by_label_contains("notices wait");
    harness.get_by_label("Run a drill…").click();
    harness.run_steps(3);
    harness.get_by_label("Run a drill of the database");
    assert_eq!(harness.query_all_by_label_contains(DATABASE).count(), 0);
    // The first Escape closes the question, the second ends the showing.
    for _ in 0..2 {
        harness.key_press_modifiers(Modifiers::NONE, Key::Escape);
        harness.run_steps(3);
    }
    harness.get_by_label_contains("cannot be read");
}

#[test]
fn before_the_first_drill_its_card_takes_little_room() {
    let (harness, _) = page([1440.0, 900.0], ThemeChoice::Dark);
    let top = |label: &str| harness.get_by_label(label).rect().top();
    let between = top("What is protected") - top("Last drill");
    assert!((60.0..160.0).contains(&between), "{between} points");
}
