//! The window on a backend that answers from memory.

use crate::made_up::{MadeUp, OFFSET, now};
use egui_kittest::Harness;
use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};
use stopat::{
    app::{App, Backend},
    domain::{Destination, History, RestorePlan, UtcOffset},
    run::{
        Expectations, OverChoice, PreflightCheck, PreflightFinding, PreflightVerdict, RunChoices,
        RunId, Runbook, TargetFacts, VolumeNeed,
    },
    server::{DatabaseState, DatabaseSummary, ServerInfo},
    settings::{Preferences, ThemeChoice, load_applications},
    state::OwnClock,
    tsql::ServerFacts,
    worker::{Event, Prepared, Request, ServerId, ServerStatus},
};

/// Events to come and requests that were made.
#[derive(Clone, Default)]
pub struct Wire {
    pub events: Rc<RefCell<VecDeque<Event>>>,
    pub requests: Rc<RefCell<Vec<Request>>>,
}

impl Wire {
    /// Lets the window find an event in its next frame.
    pub fn tell(&self, event: Event) {
        self.events.borrow_mut().push_back(event);
    }
}

impl Backend for Wire {
    fn send(&self, request: Request) {
        if let Request::Connect { server, .. } = &request {
            for event in connected(*server) {
                self.tell(event);
            }
        }
        match &request {
            Request::Preflight {
                server,
                plan,
                generation,
                ..
            } => self.tell(Event::Preflight {
                server: *server,
                generation: *generation,
                checks: checks(),
                prepared: Box::new(prepared(plan)),
            }),
            Request::Restore { server, plan, .. } => self.tell(Event::RunStarted {
                server: *server,
                run: run_id(),
                plan: plan.clone(),
                runbook: Box::new(prepared(plan).runbook),
            }),
            _ => {}
        }
        self.requests.borrow_mut().push(request);
    }

    fn next_event(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }
}

/// The run that every restore gets.
pub fn run_id() -> RunId {
    RunId("20261122T124107Z-1f3a".to_owned())
}

/// What a server of which little is known lets a restore do.
pub fn prepared(plan: &RestorePlan) -> Prepared {
    let facts = ServerFacts {
        server_name: Some("PRACTICE".to_owned()),
        tail_file: Some(r"D:\Backup\OctopusAI_tail.trn".to_owned()),
    };
    let over = plan.destination == Destination::Original;
    let octopus = load_applications(std::path::Path::new("nowhere"))
        .applications
        .remove(0);
    let mut choices = RunChoices::default();
    if over {
        choices.over = Some(OverChoice::of(TargetFacts {
            state: "ONLINE".to_owned(),
            recovery_model: "FULL".to_owned(),
            ..TargetFacts::default()
        }));
        choices = choices.with_application(&octopus);
    }
    Prepared {
        runbook: Runbook::of(plan, &facts, &choices),
        facts,
        choices,
        expected: Expectations::of(&octopus),
        application: Some(octopus.name.clone()),
        rows_now: octopus
            .protected_tables()
            .map(|table| (format!("dbo.{table}"), Some(17_904)))
            .collect(),
        written: Vec::new(),
    }
}

fn checks() -> Vec<PreflightCheck> {
    let check = |verdict, finding| PreflightCheck { verdict, finding };
    vec![
        check(
            PreflightVerdict::Good,
            PreflightFinding::NameFree {
                name: "OctopusAI_20261122_0828".to_owned(),
            },
        ),
        check(
            PreflightVerdict::Good,
            PreflightFinding::FilesAgree { n_files: 12 },
        ),
        check(
            PreflightVerdict::Warning,
            PreflightFinding::VersionUpgrade {
                backup: 904,
                server: 957,
            },
        ),
        check(
            PreflightVerdict::Good,
            PreflightFinding::SpaceEnough {
                volumes: vec![VolumeNeed {
                    volume: "D:\\".to_owned(),
                    needed_bytes: 83_600_000_000,
                    free_bytes: 96_100_000_000,
                }],
            },
        ),
        check(
            PreflightVerdict::Unknown,
            PreflightFinding::PermissionNotTold,
        ),
    ]
}

/// What the server says of itself.
pub fn info() -> ServerInfo {
    ServerInfo {
        name: "PRACTICE".to_owned(),
        version: "16.0.4135.4".to_owned(),
        version_text: "Microsoft SQL Server 2022 practice".to_owned(),
        edition: "Developer Edition".to_owned(),
        login: "practice".to_owned(),
        platform: stopat::worker::Platform::SqlServer,
        clock_skew_millis: 0,
        utc_offset: offset(),
        path_separator: '\\',
        default_data_path: Some(r"D:\Data\".to_owned()),
        default_log_path: Some(r"D:\Log\".to_owned()),
        default_backup_path: Some(r"D:\Backup\".to_owned()),
    }
}

/// What a server tells after it was chosen.
fn connected(server: ServerId) -> Vec<Event> {
    let others = [
        ("OctopusAudit", 120, "FULL"),
        ("CRM", 2880, "FULL"),
        ("Warehouse", 187_200, "FULL"),
        ("Scratch", 90_000, "SIMPLE"),
    ];
    let mut databases = vec![summary("OctopusAI", 660, "FULL")];
    databases.extend(others.map(|(name, age, model)| summary(name, age, model)));
    let (history, notes) = History::from_records(octopus().records());
    vec![
        Event::Server {
            server,
            status: ServerStatus::Connected(Arc::new(info())),
        },
        Event::Databases {
            server,
            databases: Arc::new(databases),
        },
        Event::History {
            server,
            history,
            notes: Arc::new(notes),
            read_at: now().plus(chrono::TimeDelta::seconds(-2)),
        },
    ]
}

pub fn summary(name: &str, age: i64, model: &str) -> DatabaseSummary {
    DatabaseSummary {
        name: name.to_owned(),
        state: DatabaseState::Online,
        recovery_model: Some(model.to_owned()),
        size_bytes: Some(41_800_000_000),
        newest_backup: Some(now().plus(chrono::TimeDelta::seconds(-age))),
        is_system: false,
    }
}

fn offset() -> UtcOffset {
    UtcOffset::from_minutes(OFFSET).expect("a real offset")
}

/// A clock that stands, in UTC.
pub fn clock() -> OwnClock {
    OwnClock {
        now: now(),
        offset: UtcOffset::ZERO,
        offset_at: |_| UtcOffset::ZERO,
    }
}

/// The whole application in memory.
pub fn window(size: [f32; 2], theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let wire = Wire::default();
    let backend = wire.clone();
    let mut harness = Harness::builder()
        .with_size(size)
        .with_max_steps(20)
        .with_theme(match theme {
            ThemeChoice::Light => egui::Theme::Light,
            ThemeChoice::System | ThemeChoice::Dark => egui::Theme::Dark,
        })
        .build_eframe(move |creation| {
            let preferences = Preferences {
                theme,
                ..Preferences::default()
            };
            App::new(
                &creation.egui_ctx,
                Box::new(backend),
                Box::new(clock),
                preferences,
            )
        });
    harness.run_steps(3);
    (harness, wire)
}

/// The history of the first picture: two weeks, with the log of 21 Nov 14:15 missing.
fn octopus() -> MadeUp {
    MadeUp {
        database: "OctopusAI".to_owned(),
        days: 14,
        log_every: 900,
        without_log: Some("11-21 14:15"),
    }
}
