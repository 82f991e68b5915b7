//! The fleet: 50 listeners of one process on one frozen world, of which three refuse and two accept in silence.

use super::asking::{PATIENCE, Practice, start_with};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use stopat::{
    practice::PracticeServer,
    run::FleetRow,
    settings::{Encryption, Operator, PasswordKept, Profile, Reach, SignIn},
    worker::{
        Event, ObjectivesEvent, ObjectivesRequest, Request, SaveAs, Secret, ServerId, Worker,
        WorkerHandle,
    },
};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

const ANSWERING: usize = 45;
const REFUSING: usize = 3;
const SILENT: usize = 2;

/// Who is connected through the listeners.
#[derive(Default)]
struct Traffic {
    open: AtomicUsize,
    most: AtomicUsize,
}

/// A listener that hands everything on to the practice server.
async fn listen(to: SocketAddr, traffic: Arc<Traffic>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let traffic = Arc::clone(&traffic);
            tokio::spawn(async move {
                let open = traffic.open.fetch_add(1, Ordering::SeqCst) + 1;
                traffic.most.fetch_max(open, Ordering::SeqCst);
                if let Ok(mut server) = TcpStream::connect(to).await {
                    tokio::io::copy_bidirectional(&mut client, &mut server)
                        .await
                        .ok();
                }
                traffic.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    port
}

/// A port at which nobody listens any more.
async fn refuse() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// A port at which somebody takes the call and says nothing.
async fn keep_silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((client, _)) = listener.accept().await {
            kept.push(client);
        }
    });
    port
}

fn profile(name: String, port: u16, practice: &Practice) -> Profile {
    Profile {
        id: Uuid::new_v4(),
        name,
        host: "127.0.0.1".to_owned(),
        instance: None,
        port: Some(port),
        sign_in: SignIn::SqlLogin {
            user: PracticeServer::USER.to_owned(),
            password: PasswordKept::AskEachTime,
        },
        encryption: Encryption::Pinned(practice.server.fingerprint().to_owned()),
        reach: Reach::Look,
        band: String::new(),
        production: false,
        azure: None,
        backup_folder: None,
    }
}

/// The next event of objectives that `wanted` takes.
fn next<T>(worker: &WorkerHandle, mut wanted: impl FnMut(ObjectivesEvent) -> Option<T>) -> T {
    loop {
        let event = worker
            .events
            .recv_timeout(PATIENCE)
            .expect("the worker goes on");
        if let Event::Objectives(event) = event
            && let Some(found) = wanted(event)
        {
            return found;
        }
    }
}

#[test]
fn fifty_servers_are_read_side_by_side_and_dead_ones_cost_their_own_line() {
    let runtime = stopat::worker::runtime().expect("a runtime");
    let traffic = Arc::new(Traffic::default());
    let (practice, profiles) = runtime.block_on(async {
        let practice = start_with(|options| options.days = 0).await;
        practice
            .run("CREATE DATABASE Shop; ALTER DATABASE Shop SET RECOVERY FULL;")
            .await;
        practice
            .run(r"BACKUP DATABASE Shop TO DISK = N'D:\Backup\shop.bak';")
            .await;
        let mut ports = Vec::new();
        for _ in 0..ANSWERING {
            ports.push(listen(practice.server.address(), Arc::clone(&traffic)).await);
        }
        for _ in 0..REFUSING {
            ports.push(refuse().await);
        }
        for _ in 0..SILENT {
            ports.push(keep_silent().await);
        }
        let profiles: Vec<Profile> = ports
            .into_iter()
            .enumerate()
            .map(|(n, port)| profile(format!("server {n:02}"), port, &practice))
            .collect();
        (practice, profiles)
    });
    let password = practice.server.password().clone();

    let root = tempfile::tempdir().expect("a temporary folder");
    let worker = Worker::start(root.path().to_owned(), Operator::default(), || {})
        .expect("the worker starts");
    worker.send(Request::OpenWorkspace {
        name: "default".to_owned(),
    });
    for profile in &profiles {
        worker.send(Request::SaveProfile {
            profile: profile.clone(),
            password: Some(Secret(password.clone())),
        });
    }
    worker.send(Request::Objectives(ObjectivesRequest::ReadFleet));
    let servers = next(&worker, |event| match event {
        ObjectivesEvent::FleetBegan { servers } => Some(servers),
        _ => None,
    });
    assert_eq!(servers, ANSWERING + REFUSING + SILENT);
    let began = Instant::now();
    let mut answered: Option<Duration> = None;
    let mut rows: BTreeMap<ServerId, Vec<FleetRow>> = BTreeMap::new();
    next(&worker, |event| match event {
        ObjectivesEvent::FleetServer { server, rows: of } => {
            rows.insert(server, of);
            let alive = rows
                .values()
                .flatten()
                .filter(|row| row.problem.is_none())
                .count();
            if alive == ANSWERING {
                answered.get_or_insert(began.elapsed());
            }
            None
        }
        ObjectivesEvent::FleetEnded => Some(()),
        _ => None,
    });
    let most = traffic.most.load(Ordering::SeqCst);
    eprintln!(
        "45 rows after {:.2} s, all after {:.2} s, at most {most} connections at once",
        answered.expect("all answered").as_secs_f64(),
        began.elapsed().as_secs_f64(),
    );

    for (n, profile) in profiles.iter().enumerate() {
        let of_server = &rows[&ServerId::Profile(profile.id)];
        let [row] = of_server.as_slice() else {
            panic!("one line for each: {of_server:?}");
        };
        assert_eq!(row.server, profile.name);
        match (n < ANSWERING, &row.problem) {
            (true, None) => {
                assert_eq!(row.database.as_deref(), Some("Shop"));
                assert!(
                    row.newest.is_some() && row.loss_seconds.is_some(),
                    "{row:?}"
                );
            }
            (false, Some(problem)) if n >= ANSWERING + REFUSING => {
                assert!(problem.contains("within 3 s"), "{problem}");
            }
            (false, Some(_)) => {}
            other => panic!("{other:?}: {row:?}"),
        }
    }
    // A server has one or two connections at a time; what was closed is counted until its end is noticed.
    assert!(
        (8..ANSWERING).contains(&most),
        "16 servers at once, not {most}"
    );

    let all: Vec<FleetRow> = rows.into_values().flatten().collect();
    for (how, name) in [(SaveAs::Csv, "fleet.csv"), (SaveAs::Json, "fleet.json")] {
        worker.send(Request::Objectives(ObjectivesRequest::ExportFleet {
            rows: all.clone(),
            how,
        }));
        let text = next(&worker, |event| match event {
            ObjectivesEvent::ToSave { file_name, text } => {
                assert_eq!(file_name, name);
                Some(text)
            }
            _ => None,
        });
        assert_eq!(text.matches("Shop").count(), ANSWERING);
    }
    runtime.block_on(async { practice.server.stop().await });
}
