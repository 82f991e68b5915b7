//! Folders of backup files in the window: opened, read, with their problems, and beside a server's history.

use crate::fake::window;
use egui_kittest::kittest::Queryable as _;
use std::sync::Arc;
use stopat::{
    domain::{BackupRecord, FileMark, HistoryRecords, MediaFile},
    explain::{Problem, ProblemKind},
    settings::{BackupFolder, ThemeChoice},
    state::{Action, FilesAction},
    worker::{
        Event, FileListing, FileProblem, FilesEvent, FilesProgress, FilesRequest, JoinedFiles,
        Request, ServerId, ServerStatus,
    },
};
use uuid::Uuid;

fn saved(requests: &[Request]) -> Option<BackupFolder> {
    requests.iter().find_map(|request| match request {
        Request::Files(FilesRequest::Save(folder)) => Some(folder.clone()),
        _ => None,
    })
}

fn cut() -> FileProblem {
    FileProblem {
        path: "/mnt/client-42/cut.bak".to_owned(),
        problem: Problem {
            kind: ProblemKind::File,
            sentence: "The file ends too early: what begins at byte 9216 is not all there"
                .to_owned(),
            hint: "Copy it again.".to_owned(),
            details: Vec::new(),
        },
        partly: false,
    }
}

#[test]
fn a_folder_is_opened_and_says_what_is_wrong_with_it() {
    let (mut harness, wire) = window([1440.0, 900.0], ThemeChoice::Dark);
    harness.get_by_label("Open folder…").click();
    harness.run_steps(3);
    harness.get_by_label("Folder").type_text("/mnt/client-42");
    harness.run_steps(2);
    harness.get_by_label("Open").click();
    harness.run_steps(3);
    let folder = saved(&wire.requests.borrow()).expect("it is to be saved");
    assert_eq!(folder.name, "client-42");
    let source = ServerId::Folder(folder.id);
    wire.tell(Event::Files(FilesEvent::Folders {
        workspace: "default".to_owned(),
        folders: vec![folder],
    }));
    wire.tell(Event::Server {
        server: source,
        status: ServerStatus::Connecting {
            done: None,
            what: "Looking for backup files".to_owned(),
        },
    });
    wire.tell(Event::Files(FilesEvent::Progress {
        source,
        progress: FilesProgress {
            found: 1500,
            read: 20,
            searching: true,
        },
    }));
    harness.run_steps(3);
    harness.get_by_label("Stop").click();
    harness.run_steps(2);
    assert!(wire.requests.borrow().iter().any(|request| matches!(
        request,
        Request::Files(FilesRequest::Stop { source: stopped }) if *stopped == source
    )));
    wire.tell(Event::Server {
        server: source,
        status: ServerStatus::FilesRead,
    });
    wire.tell(Event::Files(FilesEvent::Listed {
        source,
        listing: Arc::new(FileListing {
            n_files: 20,
            problems: vec![cut()],
            cancelled: true,
            ..FileListing::default()
        }),
    }));
    harness.run_steps(3);
    harness.get_by_label("/mnt/client-42/cut.bak");
    harness.get_by_label_contains("what begins at byte 9216");
    harness.get_by_label_contains("Stopped before everything was read");
}

/// The full backups of the made-up history are in the folder and one is not known to it; all else is missing.
#[test]
fn files_beside_a_history_are_marked_counted_and_filtered() {
    let (mut harness, wire) = window([1440.0, 900.0], ThemeChoice::Dark);
    let server = ServerId::Practice;
    harness
        .get_by_label_contains("Start with the practice server")
        .click();
    harness.run_steps(4);
    let history = harness
        .state()
        .server(server)
        .and_then(|view| view.history.clone());
    let history = history.expect("it was read").history;
    let database = history.database("OctopusAI").expect("made up");
    let record = |uuid: Uuid, path: &str, position: i32, start| BackupRecord {
        backup_set_uuid: Some(uuid),
        database_name: Some("OctopusAI".to_owned()),
        backup_type: Some("D".to_owned()),
        backup_start_date: Some(start),
        backup_finish_date: Some(start),
        position: Some(position),
        media_files: vec![MediaFile {
            physical_device_name: Some(path.to_owned()),
            device_type: Some(2),
            present: Some(true),
            ..MediaFile::default()
        }],
        ..BackupRecord::default()
    };
    let first = database.set(0).expect("a set");
    let second = database.set(1).expect("another");
    let path = second.device_names().next().expect("a file").to_owned();
    let start = first.start().server;
    let name = first.device_names().next().expect("a file").to_owned();
    let records = HistoryRecords {
        backup_sets: vec![
            record(first.uuid, &name, 1, start),
            record(
                Uuid::from_u128(5),
                &path,
                second.position,
                second.start().server,
            ),
        ],
        ..HistoryRecords::default()
    };
    wire.tell(Event::Files(FilesEvent::Listed {
        source: server,
        listing: Arc::new(FileListing {
            place: "a folder".to_owned(),
            records: Arc::new(records),
            ..FileListing::default()
        }),
    }));
    harness.run_steps(2);
    harness.state_mut().state.update(Action::SelectDatabase {
        server,
        database: "OctopusAI".to_owned(),
    });
    harness.run_steps(2);
    // Until both are joined, the history is shown alone.
    let state = &harness.state().state;
    assert!(!state.files_beside().expect("beside it").is_joined());
    assert_eq!(
        state.database.as_ref().expect("shown").history.len(),
        database.len()
    );
    let listing = wire
        .requests
        .borrow()
        .iter()
        .find_map(|request| match request {
            Request::Files(FilesRequest::Beside { listing, .. }) => listing.clone(),
            _ => None,
        });
    let joined = JoinedFiles::join(&history, listing.expect("the worker is to join them"));
    // What was made of other files comes too late.
    let late = JoinedFiles::join(&history, Arc::default());
    for joined in [late, joined] {
        wire.tell(Event::Files(FilesEvent::Joined {
            server,
            joined: Arc::new(joined),
        }));
    }
    harness.run_steps(3);
    let state = &harness.state().state;
    let files = state.files_beside().expect("beside the history");
    let shown = state.database.as_ref().expect("shown").history.clone();
    assert_eq!(shown.len(), database.len() + 1);
    assert_eq!(files.count(&shown, FileMark::Found), 1);
    assert_eq!(files.count(&shown, FileMark::Changed), 1);
    assert_eq!(files.count(&shown, FileMark::Unknown), 1);
    assert_eq!(files.count(&shown, FileMark::Missing), database.len() - 2);
    harness.get_by_label_contains("only in files 1").click();
    harness.run_steps(3);
    assert_eq!(harness.state().state.files.filter, Some(FileMark::Unknown));

    // What is gone is not planned with, when the user says so.
    harness
        .state_mut()
        .state
        .update(Action::Files(FilesAction::PlanWithoutMissing(true)));
    assert_eq!(
        harness.state().state.choice.without.len(),
        database.len() - 1
    );
    harness
        .state_mut()
        .state
        .update(Action::Files(FilesAction::EndCompare(server)));
    harness.run_steps(2);
    assert!(harness.state().state.files_beside().is_none());
}
