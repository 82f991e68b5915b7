//! Backup files without their server, and the same files as a server sees them.

use super::asking::{Practice, start, start_with};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use stopat::{
    domain::{FileMark, ServerPath, compare},
    practice::{PracticeOptions, PracticeServer, WorldFolder},
    settings::{BackupFolder, DataRoot, FolderPlace, Operator},
    worker::{
        Event, FileListing, FilesEvent, FilesRequest, Request, ServerId, ServerStatus, Worker,
        WorkerHandle,
    },
};
use uuid::Uuid;

const DATABASE: &str = "OctopusAI";
/// Where the backups of the world lie, as its server sees it.
const SHARE: &str = r"\\backup-server\octopus";
/// Where the other server finds what was saved of them.
const RESCUED: &str = r"\\rescue\client-42";

/// Where a folder of a practice server lies on this disk.
async fn real(practice: &Practice, path: &'static str) -> PathBuf {
    let found = practice
        .server
        .engine()
        .run(move |engine| engine.paths.real(path).map_err(|error| error.to_string()))
        .await
        .expect("the engine runs");
    found.expect("a path of the server")
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copied");
        }
    }
}

/// The server is gone and its msdb with it; what is left is a folder of files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_planned_on_and_its_t_sql_restores_it_on_another_server() {
    let seed = 4_242;
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let lost = start().await;
    lost.advance(random.i64(60..2_500)).await;
    let at = lost.clock().await;
    let was = lost.contents(DATABASE).await;
    lost.advance(2_000).await;

    let other = start_with(|options| options.seed = 2).await;
    let rescued = real(&other, RESCUED).await;
    copy_all(&real(&lost, SHARE).await, &rescued);
    drop(lost);

    let mapping = format!("{}={RESCUED}", rescued.display());
    let to = at.0.to_rfc3339();
    let output = Command::new(env!("CARGO_BIN_EXE_stopat"))
        .args(["plan", "--database", DATABASE, "--as", "Rescued", "--sql"])
        .args(["--to", &to, "--server-path", &mapping, "--folder"])
        .arg(&rescued)
        .output()
        .expect("the program was built with the tests");
    let script = String::from_utf8(output.stdout).expect("text");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        script.contains(RESCUED) && !script.contains(SHARE),
        "{script}"
    );
    let mut session = other.connect().await;
    for part in script
        .split("\nGO\n")
        .filter(|part| !part.trim().is_empty())
    {
        let batch = super::asking::batch(part);
        if let Err(error) = stopat::server::ask(session.as_mut(), &batch).await {
            panic!("{part}\n{error:?}");
        }
    }
    let copy = other.contents("Rescued").await;
    assert_eq!(copy, was, "moment {to}");
}

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(240);

fn next<T>(worker: &WorkerHandle, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    loop {
        let event = worker
            .events
            .recv_timeout(PATIENCE)
            .expect("the worker goes on");
        if let Event::Problem { problem, .. } = &event {
            panic!("{problem:?}");
        }
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

fn listed(worker: &WorkerHandle) -> std::sync::Arc<FileListing> {
    next(worker, |event| match event {
        Event::Files(FilesEvent::Listed { listing, .. }) => Some(listing),
        _ => None,
    })
}

#[test]
fn a_folder_is_read_through_the_server_and_from_here_and_stands_beside_msdb() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let world = DataRoot::at(root.path()).practice_world();
    let mut options = PracticeOptions::new(WorldFolder::Kept(world));
    options.days = 1;
    let runtime = stopat::worker::runtime().expect("a runtime");
    let share = runtime.block_on(async {
        let server = PracticeServer::start(options).await.expect("it starts");
        let share = server
            .engine()
            .run(|engine| engine.paths.real(SHARE).map_err(|error| error.to_string()))
            .await
            .expect("the engine runs");
        server.stop().await;
        share.expect("a path of the server")
    });
    // One file is gone, one is no backup, and one is another one's.
    let log_folder = share.join("log");
    let mut logs: Vec<PathBuf> = fs::read_dir(&log_folder)
        .expect("readable")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    logs.sort();
    let n_logs = logs.len();
    assert!(n_logs > 10);
    fs::remove_file(&logs[3]).expect("removed");
    fs::copy(&logs[6], &logs[7]).expect("written over");
    fs::write(log_folder.join("readme.txt"), "not a backup").expect("written");

    let worker = Worker::start(root.path().to_owned(), Operator::default(), || {})
        .expect("the worker starts");
    worker.send(Request::OpenWorkspace {
        name: "default".to_owned(),
    });
    let server = ServerId::Practice;
    worker.send(Request::Connect {
        server,
        password: None,
    });
    let history = next(&worker, |event| match event {
        Event::Server {
            status: ServerStatus::Failed(problem),
            ..
        } => panic!("{problem:?}"),
        Event::History { history, .. } => Some(history),
        _ => None,
    });

    worker.send(Request::Files(FilesRequest::ReadOnServer {
        server,
        folder: ServerPath::new(SHARE),
    }));
    let through = listed(&worker);
    assert_eq!(through.problems.len(), 1, "{:?}", through.problems);
    assert!(through.problems[0].path.ends_with("readme.txt"));

    let folder = BackupFolder {
        id: Uuid::from_u128(42),
        name: "client-42 backups".to_owned(),
        places: vec![FolderPlace {
            here: share.clone(),
            on_server: SHARE.to_owned(),
        }],
    };
    worker.send(Request::Files(FilesRequest::Save(folder)));
    let here = listed(&worker);
    assert_eq!(here.problems.len(), 1, "{:?}", here.problems);
    assert_eq!(here.unmapped, 0);
    assert_eq!(here.n_practice, here.n_files - 1);

    for listing in [&through, &here] {
        let (files, _) = stopat::domain::History::from_records((*listing.records).clone());
        let marks = compare(&history, &files, &listing.on_server);
        let of = |wanted| marks.values().filter(|mark| **mark == wanted).count();
        // A neighbour of the world has lost a log from the start.
        assert_eq!(of(FileMark::Missing), 2, "{}", listing.place);
        assert_eq!(of(FileMark::Changed), 1, "{}", listing.place);
        assert_eq!(of(FileMark::Unknown), 0, "{}", listing.place);
        assert!(of(FileMark::Found) > n_logs - 3);
    }
}
