//! Backups by hand in the window: opened, put together, refused, started, cancelled and ended.

use crate::{
    fake::{Wire, run_id},
    made_up::now,
    timeline::opened,
};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use stopat::{
    app::App,
    domain::{
        AgentState, BackupCertificate, BackupDatabase, BackupKind, BackupServer, ReplicaRole,
        ServerEdition, ServerPath, ServerTime,
    },
    run::{
        BackupEnd, BackupFault, BackupOutcome, BackupPhase, BackupProgress, BackupReading,
        BackupReport, BackupRunEvent, BackupStepReport, FolderEntry, FolderListing, PlaceCheck,
        PlaceThere, Who, WrittenBackup,
    },
    server::{ServerError, SqlError},
    settings::ThemeChoice,
    state::{Action, BackupAction, Dialog},
    tsql::{FileLook, backup_script},
    worker::{BackupCall, BackupEvent, Event, Request, ServerId},
};

const SERVER: ServerId = ServerId::Practice;

fn tell(wire: &Wire, event: BackupEvent) {
    wire.tell(Event::Backup {
        server: SERVER,
        event,
    });
}

fn calls(wire: &Wire) -> Vec<BackupCall> {
    wire.requests
        .borrow()
        .iter()
        .filter_map(|request| match request {
            // Asked on every connection, whoever wants a backup.
            Request::Backup {
                call: BackupCall::FindJobs,
                ..
            } => None,
            Request::Backup { call, .. } => Some(call.clone()),
            _ => None,
        })
        .collect()
}

fn reading() -> BackupReading {
    let database = |name: &str, model: &str| BackupDatabase {
        name: name.to_owned(),
        database_id: 7,
        state: "ONLINE".to_owned(),
        is_standby: false,
        is_snapshot: false,
        recovery_model: model.to_owned(),
        replica: ReplicaRole::None,
        may_back_up: Some(true),
        may_back_up_log: Some(true),
        has_base: Some(true),
        has_log_chain: Some(true),
        running: None,
        data_bytes: Some(41_800_000_000),
    };
    BackupReading {
        server_name: Some("PRACTICE".to_owned()),
        server: BackupServer {
            version_major: Some(16),
            edition: ServerEdition::new("Developer Edition (64-bit)", Some(3)),
            now: ServerTime("2026-11-22T14:41:07".parse().expect("a time")),
            default_folder: Some(ServerPath::new(r"D:\Backup")),
            service_account: Some(r"NT Service\MSSQLSERVER".to_owned()),
            agent: AgentState::Running,
            sees_requests: true,
            certificates: vec![BackupCertificate {
                name: "BackupCertificate".to_owned(),
                expires: None,
                has_private_key: true,
                key_backed_up: None,
            }],
        },
        databases: vec![
            database("OctopusAI", "FULL"),
            database("OctopusAudit", "FULL"),
            database("CRM", "FULL"),
            database("Warehouse", "FULL"),
            database("Scratch", "SIMPLE"),
        ],
        look: FileLook::View,
    }
}

fn click(harness: &mut Harness<'static, App>, label: &str) {
    harness.get_by_role_and_label(Role::Button, label).click();
    harness.run_steps(3);
}

fn choose(harness: &mut Harness<'static, App>, label: &str) {
    harness
        .get_by_role_and_label(Role::RadioButton, label)
        .click();
    harness.run_steps(3);
}

/// The form for the database of the first picture, after the server has told everything.
pub fn form(size: [f32; 2], theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = opened(size, theme);
    click(&mut harness, "Back up…");
    tell(&wire, BackupEvent::Facts(Ok(Box::new(reading()))));
    harness.run_steps(3);
    tell(
        &wire,
        BackupEvent::Place {
            place: ServerPath::new(r"D:\Backup"),
            result: Ok(PlaceCheck {
                place: ServerPath::new(r"D:\Backup"),
                there: PlaceThere::Folder,
                free_bytes: Some(380_000_000_000),
            }),
        },
    );
    harness.run_steps(3);
    (harness, wire)
}

/// Three backups: one is done, one runs, one waits.
pub fn running(theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = form([1440.0, 900.0], theme);
    for name in ["OctopusAudit", "CRM"] {
        harness
            .state_mut()
            .state
            .update(Action::Backup(BackupAction::ToggleDatabase(
                name.to_owned(),
            )));
    }
    harness.run_steps(3);
    click(&mut harness, "Back up now");
    let Some(BackupCall::Start { plan, facts }) = calls(&wire).pop() else {
        panic!("it was started: {:?}", calls(&wire));
    };
    let script = backup_script(&plan, &facts);
    tell(
        &wire,
        BackupEvent::Started {
            run: run_id(),
            plan,
            script,
        },
    );
    running_event(
        &wire,
        BackupRunEvent::StepEnded {
            step: 0,
            report: Box::new(report("OctopusAI", BackupOutcome::Done)),
        },
    );
    running_event(
        &wire,
        BackupRunEvent::PhaseBegan {
            step: 1,
            phase: BackupPhase::Writing,
        },
    );
    running_event(
        &wire,
        BackupRunEvent::Progress(BackupProgress {
            step: 1,
            phase: BackupPhase::Writing,
            elapsed_secs: 12.0,
            percent: Some(62.0),
            remaining_secs: Some(8.0),
        }),
    );
    harness.run_steps(3);
    (harness, wire)
}

fn running_event(wire: &Wire, event: BackupRunEvent) {
    tell(
        wire,
        BackupEvent::Running {
            run: run_id(),
            event,
        },
    );
}

fn report(database: &str, outcome: BackupOutcome) -> BackupStepReport {
    let there = outcome.is_there();
    BackupStepReport {
        database: database.to_owned(),
        kind: BackupKind::Full,
        copy_only: true,
        devices: vec![stopat::domain::Device::Disk(format!(
            r"D:\Backup\{database}_full_20261122_144107.bak"
        ))],
        started: now(),
        seconds: 3.0,
        outcome,
        written: there.then(|| WrittenBackup {
            backup_set_id: 1348,
            backup_set_uuid: None,
            position: 1,
            start: Some(ServerTime("2026-11-22T14:41:07".parse().expect("a time"))),
            finish: Some(ServerTime("2026-11-22T14:41:09".parse().expect("a time"))),
            pages: Some(5210),
            backup_size: Some(42_680_320),
            compressed_size: Some(11_850_000),
        }),
        messages: Vec::new(),
    }
}

/// All three have ended; the second failed.
pub fn ended(theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = running(theme);
    let refused = ServerError::Refused {
        errors: vec![
            SqlError {
                number: 3202,
                class: 16,
                state: 1,
                text: r#"Write on "D:\Backup\OctopusAudit_full_20261122_144107.bak" failed: 112(There is not enough space on the disk.)"#.to_owned(),
            },
            SqlError {
                number: 3013,
                class: 0,
                state: 0,
                text: "BACKUP DATABASE is terminating abnormally.".to_owned(),
            },
        ],
    };
    let steps = vec![
        report("OctopusAI", BackupOutcome::Done),
        report(
            "OctopusAudit",
            BackupOutcome::Failed(BackupFault::Server(refused)),
        ),
        report("CRM", BackupOutcome::Cancelled),
    ];
    tell(
        &wire,
        BackupEvent::Ended {
            run: run_id(),
            report: Some(Box::new(BackupReport {
                id: run_id(),
                who: Who::default(),
                server: "PRACTICE".to_owned(),
                started: now(),
                seconds: 4.0,
                end: BackupEnd::of(&steps),
                steps,
                refused: Vec::new(),
            })),
        },
    );
    harness.run_steps(3);
    (harness, wire)
}

#[test]
fn the_form_asks_the_server_and_takes_its_folder() {
    let (mut harness, wire) = form([1440.0, 900.0], ThemeChoice::Dark);
    let asked = calls(&wire);
    assert!(matches!(asked[0], BackupCall::ReadFacts));
    assert!(
        matches!(&asked[1], BackupCall::CheckPlace { place } if place.as_str() == r"D:\Backup"),
        "{asked:?}"
    );
    // Beside the field, and in what will be done.
    let named = harness.get_all_by_label("OctopusAI_full_20261122_144107.bak");
    assert_eq!(named.count(), 2);
    harness.get_by_label_contains("The server sees this folder · 380");
    harness.get_by_label_contains(r"NT Service\MSSQLSERVER");
    click(&mut harness, "Back up now");
    match calls(&wire).pop() {
        Some(BackupCall::Start { plan, .. }) => {
            assert!(plan.steps[0].chain.copy_only());
            assert!(plan.steps[0].options.checksum && plan.steps[0].options.verify);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(harness.state().state.dialog, Some(Dialog::Backups));
}

#[test]
fn what_cannot_work_is_said_and_not_started() {
    let (mut harness, wire) = form([1440.0, 900.0], ThemeChoice::Dark);
    for name in ["OctopusAI", "Scratch"] {
        harness
            .state_mut()
            .state
            .update(Action::Backup(BackupAction::ToggleDatabase(
                name.to_owned(),
            )));
    }
    choose(&mut harness, "Log");
    harness.get_by_label_contains("Scratch is in simple recovery, so its log cannot be backed up");
    harness.get_by_label("Nothing of it can be backed up this way");
    let before = calls(&wire).len();
    harness
        .state_mut()
        .state
        .update(Action::Backup(BackupAction::Start));
    assert_eq!(calls(&wire).len(), before);
    assert_eq!(harness.state().state.dialog, Some(Dialog::BackUp));
}

#[test]
fn a_differential_cannot_be_copy_only() {
    let (mut harness, _wire) = form([1440.0, 900.0], ThemeChoice::Light);
    choose(&mut harness, "Differential");
    harness.get_by_label("A differential cannot be copy-only, and changes no chain anyway.");
    harness.get_by_label_contains("Builds on the full of");
}

#[test]
fn a_folder_that_the_server_does_not_see_stops_the_start() {
    let (mut harness, wire) = form([1440.0, 900.0], ThemeChoice::Dark);
    harness
        .state_mut()
        .state
        .update(Action::Backup(BackupAction::SetFolder(
            r"\\nas\gone".to_owned(),
        )));
    tell(
        &wire,
        BackupEvent::Place {
            place: ServerPath::new(r"\\nas\gone"),
            result: Ok(PlaceCheck {
                place: ServerPath::new(r"\\nas\gone"),
                there: PlaceThere::Missing { parent: false },
                free_bytes: None,
            }),
        },
    );
    harness.run_steps(3);
    harness.get_by_label_contains(r"The server cannot see this folder, or not even \\nas\gone");
    harness.get_by_label("The server does not see the folder");
}

#[test]
fn folders_of_the_server_are_browsed() {
    let (mut harness, wire) = form([1440.0, 900.0], ThemeChoice::Dark);
    click(&mut harness, "Browse…");
    assert!(
        matches!(calls(&wire).pop(), Some(BackupCall::Browse { folder: Some(folder) }) if folder.as_str() == r"D:\Backup")
    );
    let entry = |name: &str, is_folder| FolderEntry {
        name: name.to_owned(),
        is_folder,
        bytes: (!is_folder).then_some(1_200_000),
        written: None,
    };
    tell(
        &wire,
        BackupEvent::Listing {
            folder: Some(ServerPath::new(r"D:\Backup")),
            result: Ok(FolderListing {
                folder: Some(ServerPath::new(r"D:\Backup")),
                entries: vec![entry("weekly", true), entry("old.bak", false)],
                cut: false,
            }),
        },
    );
    harness.run_steps(3);
    harness
        .get_by_role_and_label(Role::ListItem, "weekly")
        .click();
    harness.run_steps(2);
    assert!(
        matches!(calls(&wire).pop(), Some(BackupCall::Browse { folder: Some(folder) }) if folder.as_str() == r"D:\Backup\weekly")
    );
    click(&mut harness, "Use this folder");
    let form = harness.state().state.backups.form.as_ref().expect("a form");
    assert_eq!(form.folder, r"D:\Backup\weekly");
}

#[test]
fn what_runs_shows_in_the_dialog_and_at_the_foot() {
    let (mut harness, wire) = running(ThemeChoice::Dark);
    harness.get_by_label_contains("5\u{202f}210 pages in 2 s");
    harness.get_by_label_contains("writing · 62 %");
    harness.get_by_label("waiting");
    click(&mut harness, "Go on in the background");
    harness.get_by_label_contains("Full backup of 3 databases · 1 of 3 done");
    harness
        .state_mut()
        .state
        .update(Action::Backup(BackupAction::ShowRuns));
    harness.run_steps(2);
    click(&mut harness, "Cancel");
    assert!(matches!(
        calls(&wire).pop(),
        Some(BackupCall::Cancel { step: None, .. })
    ));
}

#[test]
fn a_failure_has_its_words_and_the_history_is_read_again() {
    let (harness, wire) = ended(ThemeChoice::Light);
    harness.get_by_label_contains("The disk is full while writing");
    assert!(
        wire.requests
            .borrow()
            .iter()
            .rev()
            .any(|request| matches!(request, Request::Refresh { .. }))
    );
}

#[test]
fn the_tail_is_one_click_from_its_backup() {
    let (mut harness, wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    harness
        .get_by_label("The tail is 11 min: back it up")
        .click();
    harness.run_steps(3);
    let form = harness.state().state.backups.form.as_ref().expect("a form");
    assert_eq!(form.request.kind, BackupKind::Log);
    assert_eq!(form.request.databases, ["OctopusAI"]);
    assert!(matches!(calls(&wire).pop(), Some(BackupCall::ReadFacts)));
}
