//! Backup files without their server, and the same files as a server sees them.

use super::{
    asking::{Practice, start, start_with, world_without_jobs},
    lab::Lab,
    worker::{connected, next},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};
use stopat::{
    domain::{Destination, FileMark, RestoreRequest, ServerPath, compare, plan},
    run::{PlaceThere, RunEnd, RunReport, check_place, list_folder},
    server::ask,
    settings::{BackupFolder, DataRoot, FolderPlace},
    tsql,
    worker::{
        DatabaseState, Event, FileListing, FilesEvent, FilesRequest, JoinedFiles, Request,
        RestoreWishes, ServerId, WorkerHandle,
    },
};
use tokio::runtime::Runtime;
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

/// A server before 2017 lists with the old procedure: the same names, without sizes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_listed_on_an_old_server_as_on_a_new_one() {
    let practice = start().await;
    let mut session = practice.connect().await;
    let folder = ServerPath::new(SHARE);
    let mut of_both = Vec::new();
    for functions in ["there", "missing"] {
        practice.option("file_functions", functions).await;
        let direct = ask(session.as_mut(), &tsql::enumerate_folder(&folder)).await;
        assert_eq!(direct.is_ok(), functions == "there", "{direct:?}");
        let mut all = Vec::new();
        for folder in [folder.clone(), folder.join("log")] {
            let listed = list_folder(session.as_mut(), &folder).await;
            let mut entries: Vec<_> = listed
                .expect("it is listed")
                .into_iter()
                .map(|entry| (entry.name, entry.is_folder))
                .collect();
            entries.sort();
            all.push(entries);
        }
        let gone = folder.join("nothing here");
        let listed = list_folder(session.as_mut(), &gone).await;
        assert_eq!(listed.expect("nothing is no error here").len(), 0);
        let looked = check_place(session.as_mut(), &gone).await;
        let there = looked.expect("it is looked at").there;
        assert_eq!(there, PlaceThere::Missing { parent: true });
        of_both.push(all);
    }
    assert_eq!(of_both[0], of_both[1]);
    let [share, logs] = &of_both[0][..] else {
        panic!("two folders")
    };
    assert!(share.contains(&("log".to_owned(), true)), "{share:?}");
    assert!(logs.len() > 10 && logs.iter().all(|(_, is_folder)| !is_folder));
}

fn listed(worker: &WorkerHandle) -> Arc<FileListing> {
    next(worker, |event| match event {
        Event::Files(FilesEvent::Listed { listing, .. }) => Some(listing),
        _ => None,
    })
}

/// Where a folder of a world of one day lies on this disk. The worker finds that world at its start.
fn make_a_small_world(runtime: &Runtime, root: &Path, folder: &'static str) -> PathBuf {
    runtime.block_on(async {
        let practice = world_without_jobs(DataRoot::at(root).practice_world()).await;
        let real = real(&practice, folder).await;
        practice.server.stop().await;
        real
    })
}

#[test]
fn a_folder_is_read_through_the_server_and_from_here_and_stands_beside_msdb() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let runtime = stopat::worker::runtime().expect("a runtime");
    let share = make_a_small_world(&runtime, root.path(), SHARE);
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

    let server = ServerId::Practice;
    let (worker, history) = connected(root.path(), 0.0);

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

/// The files of a database that no server knows any more: restored through one that sees them, and refused when one of
/// them is another since the plan was made.
#[test]
fn a_database_that_only_its_files_know_is_restored_and_a_changed_file_is_refused() {
    const LOST: &str = "Lost";
    let root = tempfile::tempdir().expect("a temporary folder");
    let runtime = stopat::worker::runtime().expect("a runtime");
    let rescued = make_a_small_world(&runtime, root.path(), RESCUED);
    let case = runtime.block_on(async {
        let lost = start_with(|options| options.now = None).await;
        let case = Lab::of(&lost).await.case(LOST).await;
        fs::create_dir_all(&rescued).expect("a folder");
        for name in ["full.bak", "1.trn", "diff.bak", "2.trn", "3.trn"] {
            let from = lost.file(&format!(r"D:\Backup\{LOST}_{name}"));
            fs::copy(from, rescued.join(name)).expect("copied");
        }
        case
    });

    let server = ServerId::Practice;
    let (worker, history) = connected(root.path(), 0.0);
    assert!(history.database(LOST).is_none());
    worker.send(Request::Files(FilesRequest::ReadOnServer {
        server,
        folder: ServerPath::new(RESCUED),
    }));
    let listing = listed(&worker);
    assert_eq!((listing.n_sets, listing.problems.len()), (5, 0));
    worker.send(Request::Files(FilesRequest::Beside {
        server,
        listing: Some(Arc::clone(&listing)),
    }));
    let joined = joined(&worker);
    assert!(Arc::ptr_eq(&joined.listing, &listing));
    let known: Vec<_> = joined.databases.iter().map(|known| &known.name).collect();
    assert_eq!(known, [LOST]);
    assert_eq!(joined.databases[0].state, DatabaseState::HistoryOnly);

    let to_copy = |name: &str| {
        let database = joined.history.database(LOST).expect("in the files");
        let mut request = RestoreRequest::to(case.request.target);
        request.destination = Destination::Copy {
            name: name.to_owned(),
            files_to: Some(r"D:\Data".to_owned()),
        };
        let plan = plan(&database, &request).expect("it can be reached");
        Request::Restore {
            server,
            source: server,
            request,
            plan: Box::new(plan),
            wishes: RestoreWishes::default(),
        }
    };
    let again = to_copy("Lost_again");
    worker.send(to_copy("Lost_back"));
    let report = ended(&worker);
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);

    // The history was read again after the run, and joined with the files as before.
    let after = self::joined(&worker);
    assert!(after.history.database(LOST).is_some());
    // Between plan and run another backup was written to the place of one.
    fs::copy(rescued.join("1.trn"), rescued.join("2.trn")).expect("written over");
    worker.send(again);
    let report = ended(&worker);
    assert_eq!(report.end, RunEnd::Untouched, "{:#?}", report.steps);
    let refused = format!("{:?}", report.steps);
    assert!(refused.contains("2.trn"), "{refused}");
    drop(worker);

    let (back, again) = runtime.block_on(async {
        let practice = world_without_jobs(DataRoot::at(root.path()).practice_world()).await;
        let back = practice.contents("Lost_back").await;
        let again = practice.run("SELECT DB_ID(N'Lost_again') AS id;").await;
        (back, again.first().expect("a row").int("id"))
    });
    assert_eq!(back, case.was);
    assert_eq!(again, None);
}

fn joined(worker: &WorkerHandle) -> Arc<JoinedFiles> {
    next(worker, |event| match event {
        Event::Files(FilesEvent::Joined { joined, .. }) => Some(joined),
        _ => None,
    })
}

fn ended(worker: &WorkerHandle) -> Box<RunReport> {
    next(worker, |event| match event {
        Event::RunNotBegun { problem, .. } => panic!("{problem:?}"),
        Event::RunEnded { report, .. } => Some(report),
        _ => None,
    })
}
