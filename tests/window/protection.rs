//! The page about protection: what is wanted becomes one request, and what disturbs another's chain needs a typed word.

use crate::fake::{Wire, window};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use std::{path::Path, sync::Arc};
use stopat::{
    app::App,
    domain::{
        AgentSchedule, AgentState, JobStep, MinuteOfDay, PolicyDatabases, ServerPath, ServerTime,
        Times,
    },
    explain,
    run::{
        OsScheduler, PlaceCheck, PlaceThere, ProbeOutcome, ProbeResult,
        schedule::{InstalledPolicy, OtherJobText, ScheduleReading},
    },
    server::ServerError,
    settings::{ThemeChoice, load_applications, shipped_applications},
    state::{Action, Page},
    worker::{
        ApplicationEvent, BackupCall, BackupEvent, Event, KnownApplications, Request,
        ScheduleEvent, ScheduleRequest, ServerId, TimerFiles,
    },
};

/// What a server tells whose OctopusAI another job backs up.
pub fn reading(agent: AgentState, with_other: bool) -> ScheduleReading {
    let now = crate::made_up::now();
    let step = JobStep {
        subsystem: "TSQL".to_owned(),
        command: "BACKUP LOG [OctopusAI] TO DISK = N'x'".to_owned(),
        database: None,
    };
    let other = OtherJobText {
        name: "nightly".to_owned(),
        enabled: true,
        steps: vec![step],
        schedules: vec![AgentSchedule::of(&Times::daily(MinuteOfDay::MIDNIGHT))],
        usual_secs: Some(60),
    };
    ScheduleReading {
        agent,
        edition: "Developer Edition (64-bit)".to_owned(),
        can_compress: agent != AgentState::Absent,
        is_sysadmin: true,
        server_now: ServerTime("2026-11-22T14:41:07".parse().expect("a time")),
        now,
        policies: Vec::new(),
        others: with_other.then_some(other).into_iter().collect(),
    }
}

/// The page of OctopusAI on the practice server.
pub fn page(
    size: [f32; 2],
    theme: ThemeChoice,
    reading: ScheduleReading,
) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = window(size, theme);
    wire.tell(Event::Application(ApplicationEvent::Known(Arc::new(
        KnownApplications {
            applications: load_applications(Path::new("nowhere")).applications,
            own_files: Default::default(),
            shipped: shipped_applications(),
        },
    ))));
    let state = &mut harness.state_mut().state;
    let requests = state.update(Action::SelectServer(ServerId::Practice));
    for request in requests {
        stopat::app::Backend::send(&wire, request);
    }
    harness.run_steps(3);
    let state = &mut harness.state_mut().state;
    state.update(Action::SelectDatabase {
        server: ServerId::Practice,
        database: "OctopusAI".to_owned(),
    });
    state.update(Action::ShowPage(Page::Protection));
    harness.run_steps(3);
    wire.tell(Event::Schedule(ScheduleEvent::Read {
        server: ServerId::Practice,
        reading: Ok(Arc::new(reading)),
    }));
    harness.run_steps(4);
    (harness, wire)
}

fn applied(wire: &Wire) -> Option<usize> {
    wire.requests
        .borrow()
        .iter()
        .find_map(|request| match request {
            Request::Schedule(ScheduleRequest::Apply { jobs, .. }) => Some(jobs.len()),
            _ => None,
        })
}

#[test]
fn the_preset_is_wanted_and_applied() {
    let (mut harness, wire) = page(
        [1440.0, 900.0],
        ThemeChoice::Dark,
        reading(AgentState::Running, false),
    );
    harness.get_by_label("runs in SQL Server Agent");
    harness.get_by_label("Most that can be lost");
    harness.get_by_label("15 min + log");
    harness.get_by_label("Apply changes").click();
    harness.run_steps(3);
    harness.get_by_label("Apply the schedule of OctopusAI on Practice server?");
    harness.get_by_role_and_label(Role::Button, "Apply").click();
    harness.run_steps(3);
    assert_eq!(applied(&wire), Some(3));
}

#[test]
fn a_second_schedule_needs_the_name_typed() {
    let (mut harness, wire) = page(
        [1440.0, 900.0],
        ThemeChoice::Light,
        reading(AgentState::Running, true),
    );
    harness.get_by_label("The job nightly backs up this database");
    harness.get_by_label("Apply changes").click();
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::Button, "Apply").click();
    harness.run_steps(3);
    assert_eq!(applied(&wire), None, "the name is not typed yet");
    let field = harness.get_by_role_and_label(Role::TextInput, "Type OctopusAI");
    field.focus();
    harness.run_steps(2);
    harness
        .get_by_role_and_label(Role::TextInput, "Type OctopusAI")
        .type_text("OctopusAI");
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::Button, "Apply").click();
    harness.run_steps(3);
    assert_eq!(applied(&wire), Some(3));
}

#[test]
fn the_schedule_of_all_user_databases_is_the_one_of_each() {
    let applications = load_applications(Path::new("nowhere")).applications;
    let octopus = applications.first().expect("shipped");
    let preset = octopus.schedule.as_ref().expect("a preset");
    let all = PolicyDatabases::AllUser {
        except: Default::default(),
    };
    let policy = preset
        .policy(all, r"\\backup-server\octopus", &octopus.objectives)
        .expect("a policy");
    let mut told = reading(AgentState::Running, false);
    told.policies.push(InstalledPolicy {
        id: policy.id(),
        policy: Some(policy),
        jobs: Vec::new(),
    });
    let (mut harness, wire) = page([1440.0, 900.0], ThemeChoice::Dark, told);
    let whose = "The schedule of all user databases backs this one up: a change here is a change for all of them";
    harness.get_by_label(whose);
    // Its jobs are gone: making them again is a change of that schedule.
    harness.get_by_label("Apply changes").click();
    harness.run_steps(3);
    harness.get_by_label("Apply the schedule of all user databases on Practice server?");
    harness.get_by_role_and_label(Role::Button, "Apply").click();
    harness.run_steps(3);
    let about = wire
        .requests
        .borrow()
        .iter()
        .find_map(|request| match request {
            Request::Schedule(ScheduleRequest::Apply { about, .. }) => Some(about.clone()),
            _ => None,
        });
    assert_eq!(about.as_deref(), Some("all user databases"));
    // One of its own beside it is possible, and so is the way back.
    harness.get_by_label("Preset: Octopus").click();
    harness.run_steps(3);
    assert!(harness.query_by_label(whose).is_none());
    harness
        .get_by_label("Back to what is on the server")
        .click();
    harness.run_steps(3);
    harness.get_by_label(whose);
}

#[test]
fn without_agent_nothing_is_applied_and_what_is_left_out_is_said() {
    let (mut harness, wire) = page(
        [1280.0, 1600.0],
        ThemeChoice::Dark,
        reading(AgentState::Absent, false),
    );
    harness.get_by_label("runs in the operating system's scheduler");
    harness.get_by_label(
        "Compression is left out: this edition writes no compressed backups, though it restores them",
    );
    harness.get_by_label("Files for the scheduler…").click();
    harness.run_steps(3);
    harness.get_by_label("systemd").click();
    harness.run_steps(3);
    let asked = |wire: &Wire| {
        wire.requests
            .borrow()
            .iter()
            .rev()
            .find_map(|request| match request {
                Request::Schedule(ScheduleRequest::OsFiles {
                    policy,
                    jobs,
                    scheduler,
                    write,
                    ..
                }) => Some((policy.share.clone(), jobs.len(), *scheduler, *write)),
                _ => None,
            })
    };
    let (share, jobs, scheduler, write) = asked(&wire).expect("the files are asked for");
    assert_eq!((jobs, scheduler, write), (3, OsScheduler::Systemd, false));
    let files = |written| {
        wire.tell(Event::Schedule(ScheduleEvent::OsFiles {
            server: ServerId::Practice,
            about: "OctopusAI".to_owned(),
            files: TimerFiles {
                folder: "/here".into(),
                files: vec![("full.timer".to_owned(), "OnCalendar=daily".to_owned())],
                commands: vec!["systemctl enable --now full.timer".to_owned()],
                written,
            },
        }));
    };
    files(false);
    harness.run_steps(3);
    // They are on the screen before anything is written.
    harness.get_by_label("OnCalendar=daily");
    harness.get_by_label("systemctl enable --now full.timer");
    harness.get_by_label("Write the files").click();
    harness.run_steps(3);
    assert_eq!(asked(&wire), Some((share, 3, OsScheduler::Systemd, true)));
    files(true);
    harness.run_steps(3);
    harness.get_by_label("Written to /here");
}

#[test]
fn the_folders_and_a_probe_are_checked_through_the_server() {
    let (mut harness, wire) = page(
        [1440.0, 900.0],
        ThemeChoice::Dark,
        reading(AgentState::Running, false),
    );
    let asked = |wire: &Wire| -> Vec<BackupCall> {
        let requests = wire.requests.borrow();
        let calls = requests.iter().filter_map(|request| match request {
            Request::Backup { call, .. } => Some(call.clone()),
            _ => None,
        });
        calls.collect()
    };
    let places: Vec<ServerPath> = asked(&wire)
        .into_iter()
        .filter_map(|call| match call {
            BackupCall::CheckPlace { place } => Some(place),
            _ => None,
        })
        .collect();
    assert_eq!(places.len(), 3, "one question for each folder: {places:?}");
    let tell = |event: BackupEvent| {
        wire.tell(Event::Backup {
            server: ServerId::Practice,
            event,
        });
    };
    for place in &places {
        let there = match explain::file_name(place.as_str()) {
            "diff" => PlaceThere::Missing { parent: true },
            _ => PlaceThere::Folder,
        };
        tell(BackupEvent::Place {
            place: place.clone(),
            result: Ok(PlaceCheck {
                place: place.clone(),
                there,
                free_bytes: Some(9_000_000_000),
            }),
        });
    }
    harness.run_steps(4);
    harness.get_by_label("diff: The server does not see this folder; the one above is there");
    harness.get_by_label("only 9.00 GB free there");
    harness.get_by_label("no probe was written there yet");
    harness.get_by_label("Try to write there").click();
    harness.run_steps(3);
    let folder = asked(&wire).into_iter().find_map(|call| match call {
        BackupCall::Probe { folder, .. } => Some(folder),
        _ => None,
    });
    assert_eq!(folder.as_ref(), places.first(), "where the fulls go");
    harness.get_by_label("a small backup is written there…");
    // The history does not tell of it yet, and it is read again for it.
    tell(BackupEvent::Probed {
        folder: places[0].clone(),
        result: Ok(ProbeResult {
            folder: places[0].clone(),
            file: ServerPath::new("x"),
            outcome: ProbeOutcome::Refused(ServerError::Lost {
                reason: "gone".to_owned(),
            }),
            removed: true,
        }),
    });
    harness.run_steps(3);
    harness.get_by_label("Try to write there");
    assert!(matches!(
        wire.requests.borrow().last(),
        Some(Request::Refresh { .. })
    ));
    // Before applying, what would fail is said.
    harness.get_by_label("Apply changes").click();
    harness.run_steps(3);
    harness.get_by_label_contains("Backups fail until it is there.");
}
