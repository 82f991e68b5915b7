//! Drills: they never touch the original, and leave nothing behind however they end.

use super::asking::{Practice, own_clock, start, start_with, until};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, atomic::AtomicUsize, atomic::Ordering},
    task::Poll,
};
use stopat::{
    domain::{History, MeasuredRun, ScenarioKind, UtcTime},
    practice::engine::EngineHandle,
    run::{
        Cleared, DrillEvent, DrillReport, LeftoverSeen, Measured, RunEnd, RunEvent, Who,
        clear_leftover, leftovers, list_runs, look_at_leftover,
    },
    server::{ServerInfo, ask},
    settings::{Application, load_applications},
    tsql,
    worker::{DrillGround, DrillMoment, DrillOrder, Elsewhere, carry_out_drill, prepare_drill},
};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

const DATABASE: &str = "OctopusAI";

struct Place {
    folder: tempfile::TempDir,
    info: ServerInfo,
    history: History,
    applications: Vec<Application>,
}

impl Place {
    async fn of(practice: &Practice) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            info: practice.reading().await.info,
            history: practice.history().await,
            applications: load_applications(Path::new("nowhere")).applications,
        }
    }

    fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    fn ground<'a>(
        &'a self,
        practice: &'a Practice,
        runs: &'a [MeasuredRun],
        now: fn() -> UtcTime,
    ) -> DrillGround<'a> {
        DrillGround {
            gateway: &practice.gateway,
            database: DATABASE,
            history: &self.history,
            info: &self.info,
            elsewhere: None,
            applications: &self.applications,
            runs,
            who: Who::default(),
            now,
        }
    }

    async fn drill(
        &self,
        practice: &Practice,
        order: DrillOrder,
        now: fn() -> UtcTime,
        tell: &(dyn Fn(DrillEvent) + Send + Sync),
        cancel: &CancellationToken,
    ) -> DrillReport {
        let runs = Measured::read(&self.runs()).runs_of(&self.info.name);
        let ground = self.ground(practice, &runs, now);
        let job = prepare_drill(&ground, order, &self.runs())
            .await
            .unwrap_or_else(|refusal| panic!("{refusal:?}"));
        carry_out_drill(job, &practice.gateway, &self.runs(), tell, cancel, now)
            .await
            .expect("the journals can be written")
    }
}

fn latest() -> DrillOrder {
    DrillOrder {
        scenario: ScenarioKind::FullDifferentialLog,
        moment: DrillMoment::Latest,
        check_database: false,
    }
}

/// A full alone: the copy could be online after the first statement.
fn of_one_set() -> DrillOrder {
    DrillOrder {
        scenario: ScenarioKind::FullOnly,
        ..latest()
    }
}

/// A full and a differential: every kind of step, and few of them.
fn of_two_sets() -> DrillOrder {
    DrillOrder {
        scenario: ScenarioKind::FullDifferential,
        ..latest()
    }
}

async fn databases(practice: &Practice) -> Vec<String> {
    let mut connection = practice.connect().await;
    let answer = ask(connection.as_mut(), &tsql::databases())
        .await
        .expect("databases can be listed");
    answer
        .rows()
        .iter()
        .filter_map(|row| row.text("name"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_restores_verifies_measures_and_drops() {
    let practice = start().await;
    // Right after it, no log is needed for the latest moment.
    practice
        .run("BACKUP DATABASE OctopusAI TO DISK = N'D:\\Backup\\before the drills.bak' WITH DIFFERENTIAL")
        .await;
    let place = Place::of(&practice).await;
    let before = (
        databases(&practice).await,
        practice.contents(DATABASE).await,
    );
    for order in DrillOrder::all(true) {
        let report = place
            .drill(
                &practice,
                order,
                own_clock,
                &|_| {},
                &CancellationToken::new(),
            )
            .await;
        assert_eq!(report.restore.end, RunEnd::Verified, "{:#?}", report.result);
        assert!(report.left.is_none(), "{:?}", report.left);
        assert_eq!(report.plan.scenario, order.scenario.word());
        let mut kinds: Vec<&str> = report
            .result
            .steps
            .iter()
            .filter_map(|step| step.backup_kind.as_deref())
            .collect();
        kinds.dedup();
        let named = ["full", "differential", "log"];
        let named = named.split_at(order.scenario.kinds().len()).0;
        assert_eq!(kinds, named, "the scenario is what its name says");
        assert!(report.plan.simulated);
        assert!(report.result.copy_gone);
        assert!(report.result.rows_of("dbo.Octopus_Areas").is_some());
    }
    assert_eq!(databases(&practice).await, before.0);
    assert_eq!(practice.contents(DATABASE).await, before.1);

    let runs: Vec<_> = list_runs(&place.runs()).into_iter().flatten().collect();
    assert_eq!(runs.len(), 6);
    assert!(
        runs.iter().all(|run| !run.is_half_swapped()),
        "only restores in Azure swap names"
    );
    let measured = Measured::read(&place.runs());
    assert_eq!(measured.drills.len(), 3);
    assert_eq!(measured.restores.len(), 3);
    assert!(
        measured
            .drills
            .iter()
            .all(|drill| drill.ended && drill.copy_gone)
    );
    assert!(leftovers(&place.runs()).is_empty());
}

/// Drills that are killed right after each thing that they tell: of one set, and of two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_killed_at_any_step_leaves_nothing_after_a_yes() {
    let practice = Arc::new(start().await);
    let place = Arc::new(Place::of(&practice).await);
    let before = Before::of(&practice).await;
    for order in [of_one_set(), of_two_sets()] {
        let mut killed = 0;
        let mut left = 0;
        for n in 1.. {
            let told = Arc::new(AtomicUsize::new(0));
            let kill: Arc<Mutex<Option<AbortHandle>>> = Arc::default();
            let task = {
                let (practice, place) = (Arc::clone(&practice), Arc::clone(&place));
                let (told, kill) = (Arc::clone(&told), Arc::clone(&kill));
                tokio::spawn(async move {
                    let tell = move |event: DrillEvent| {
                        // Messages come by the dozen and end nothing.
                        if matches!(
                            event,
                            DrillEvent::Restore(RunEvent::Message { .. } | RunEvent::Progress(_))
                        ) {
                            return;
                        }
                        if told.fetch_add(1, Ordering::SeqCst) + 1 == n
                            && let Some(handle) = kill.lock().expect("nobody panics").take()
                        {
                            handle.abort();
                        }
                    };
                    place
                        .drill(
                            &practice,
                            order,
                            own_clock,
                            &tell,
                            &CancellationToken::new(),
                        )
                        .await
                })
            };
            *kill.lock().expect("nobody panics") = Some(task.abort_handle());
            let ended = task.await;
            match &ended {
                Ok(report) => assert!(report.left.is_none(), "{:?}", report.left),
                Err(error) => {
                    assert!(error.is_cancelled(), "{error}");
                    killed += 1;
                }
            }
            left += start_again(&practice, &place, &before, &format!("{order:?}, event {n}")).await;
            if ended.is_ok() {
                break;
            }
        }
        assert!(killed > 8, "{killed} kills");
        assert!(left > 2, "{left} copies were left");
    }
    assert_eq!(practice.contents(DATABASE).await, before.contents);
}

/// Drills that are killed wherever they wait: after so many polls, spread over the whole drill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_killed_anywhere_leaves_nothing_after_a_yes() {
    const KILLS: usize = 24;
    let practice = start().await;
    let place = Place::of(&practice).await;
    let before = Before::of(&practice).await;
    let cancel = CancellationToken::new();
    let drill = || place.drill(&practice, of_one_set(), own_clock, &|_| {}, &cancel);
    let (_, whole) = polled(drill(), usize::MAX).await;
    let mut left = 0;
    let mut killed = 0;
    for n in 1..=KILLS {
        let (ended, polls) = polled(drill(), whole * n / (KILLS + 1)).await;
        let what = format!("after {polls} of {whole} polls");
        left += start_again(&practice, &place, &before, &what).await;
        killed += usize::from(ended.is_none());
    }
    // How often a drill waits differs from one to the next, and the more so where others work.
    assert!(killed > KILLS / 2, "{killed} kills");
    assert!(left > 4, "{left} copies were left");
    assert_eq!(practice.contents(DATABASE).await, before.contents);
}

/// Lets a future go on for so many polls and drops it; tells how many it took.
async fn polled<T>(future: impl Future<Output = T>, most: usize) -> (Option<T>, usize) {
    let mut future = std::pin::pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls == most {
            return Poll::Ready((None, polls));
        }
        polls += 1;
        future
            .as_mut()
            .poll(context)
            .map(|value| (Some(value), polls))
    })
    .await
}

/// What must be there again after every drill.
struct Before {
    databases: Vec<String>,
    contents: BTreeMap<String, Vec<String>>,
}

impl Before {
    async fn of(practice: &Practice) -> Self {
        Self {
            databases: databases(practice).await,
            contents: practice.contents(DATABASE).await,
        }
    }
}

/// The next start: what is there is looked at, and dropped after a yes. Tells how many copies were left.
async fn start_again(practice: &Practice, place: &Place, before: &Before, what: &str) -> usize {
    let mut left = 0;
    for found in leftovers(&place.runs()) {
        match look_at_leftover(&practice.gateway, &found)
            .await
            .expect("the server answers")
        {
            LeftoverSeen::Ours(_) => left += 1,
            LeftoverSeen::NotOurs(identity) => panic!("{what}: {identity:?} of {found:?}"),
            LeftoverSeen::AtWork { .. } | LeftoverSeen::NotThere => {}
        }
        clear(practice, &found).await;
    }
    assert!(leftovers(&place.runs()).is_empty(), "{what}");
    assert_eq!(databases(practice).await, before.databases, "{what}");
    left
}

/// The server may still be busy with the statement of a connection that has just died.
async fn clear(practice: &Practice, found: &stopat::run::Leftover) {
    until("the drop of the copy", async || {
        match clear_leftover(&practice.gateway, found, own_clock).await {
            Ok(Cleared::Dropped | Cleared::NotThere) => Some(()),
            Err(error) => {
                eprintln!("{error:?}");
                None
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_made_is_never_dropped() {
    let practice = start().await;
    let place = Place::of(&practice).await;
    // A drill that died right after it had begun, and a database of the copy's name that somebody made since.
    let report = place
        .drill(
            &practice,
            latest(),
            own_clock,
            &|_| {},
            &CancellationToken::new(),
        )
        .await;
    let journal = place.runs().join(format!("{}.jsonl", report.run.0));
    let text = std::fs::read_to_string(&journal).expect("readable");
    let begun: String = text.split_inclusive('\n').take(2).collect();
    std::fs::write(&journal, begun).expect("writable");
    let restore = place
        .runs()
        .join(format!("{}.jsonl", report.plan.restore_run));
    std::fs::remove_file(restore).expect("it was there");
    let copy = report.restore.target_database.clone();
    practice.run(&format!("CREATE DATABASE [{copy}];")).await;

    let found = leftovers(&place.runs())
        .pop()
        .expect("a drill that did not end");
    let looked = look_at_leftover(&practice.gateway, &found)
        .await
        .expect("the server answers");
    assert!(matches!(looked, LeftoverSeen::NotOurs(_)), "{looked:?}");
    clear_leftover(&practice.gateway, &found, own_clock)
        .await
        .expect_err("it is not ours");
    assert!(databases(&practice).await.contains(&copy));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_without_room_changes_nothing() {
    let practice = start().await;
    let place = Place::of(&practice).await;
    let before = Before::of(&practice).await;
    practice
        .server
        .engine()
        .run(|engine| {
            for volume in &mut engine.options.volumes {
                volume.free_bytes = 1;
            }
        })
        .await
        .expect("the engine runs");
    let cancel = CancellationToken::new();
    let report = place
        .drill(&practice, latest(), own_clock, &|_| {}, &cancel)
        .await;
    assert_eq!(report.restore.end, RunEnd::Untouched);
    assert!(!report.result.verified && report.left.is_none());
    let told = report.result.problems.join("\n");
    assert!(told.contains("room") || told.contains("free"), "{told}");
    assert!(leftovers(&place.runs()).is_empty());
    assert_eq!(databases(&practice).await, before.databases);
    assert_eq!(practice.contents(DATABASE).await, before.contents);
}

/// The copy is made on a server that has nothing of it but reaches the files by the same paths.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_makes_its_copy_on_another_server() {
    let practice = start().await;
    let place = Place::of(&practice).await;
    let before = Before::of(&practice).await;
    let other = start_with(|options| options.days = 0).await;
    other
        .server
        .engine()
        .run(|engine| engine.options.server_name = "OTHER".to_owned())
        .await
        .expect("the engine runs");
    copy_folder(
        &practice.server.folder().join("files"),
        &other.server.folder().join("files"),
    );
    let there = other.reading().await.info;
    assert_eq!(there.name, "OTHER");
    let before_there = databases(&other).await;
    let runs = Measured::read(&place.runs()).runs_of(&there.name);
    let ground = DrillGround {
        elsewhere: Some(Elsewhere {
            gateway: &other.gateway,
            info: &there,
        }),
        ..place.ground(&practice, &runs, own_clock)
    };
    let job = prepare_drill(&ground, latest(), &place.runs())
        .await
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let cancel = CancellationToken::new();
    let report = carry_out_drill(
        job,
        &other.gateway,
        &place.runs(),
        &|_| {},
        &cancel,
        own_clock,
    )
    .await
    .expect("the journals can be written");
    assert_eq!(report.restore.end, RunEnd::Verified, "{:#?}", report.result);
    assert!(report.result.rows_of("dbo.Octopus_Areas").is_some());
    assert_eq!(databases(&other).await, before_there, "the copy is gone");
    assert_eq!(databases(&practice).await, before.databases);
    assert_eq!(practice.contents(DATABASE).await, before.contents);
    // It is a drill of the database that it is of; its speed is that of the server where it ran.
    let measured = Measured::read(&place.runs());
    assert_eq!(measured.drills_of("PRACTICE", DATABASE).len(), 1);
    assert_eq!(measured.runs_of("OTHER").len(), 1);
    assert!(measured.runs_of("PRACTICE").is_empty());
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// The engine of the server whose clock [`simulated_clock`] shows.
static SIMULATED: OnceLock<EngineHandle> = OnceLock::new();

fn simulated_clock() -> UtcTime {
    let engine = SIMULATED.get().expect("set before it is read").clone();
    tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current()
            .block_on(engine.run(|engine| engine.clock.now()))
            .expect("the engine runs")
    })
}

/// It measures the simulation, and with it that the model learns what it is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_five_drills_the_sixth_is_estimated_within_fifteen_per_cent() {
    let practice = start().await;
    let place = Place::of(&practice).await;
    SIMULATED
        .set(practice.server.engine().clone())
        .ok()
        .expect("only this test sets it");
    practice.option("paced_time", "passed").await;
    let cancel = CancellationToken::new();
    let mut told = Vec::new();
    // The server is not equally fast each time.
    for (n, pace) in [40_000, 46_000, 36_000, 43_000, 38_000, 41_000]
        .into_iter()
        .enumerate()
    {
        practice.option("pace", &pace.to_string()).await;
        let order = DrillOrder {
            moment: DrillMoment::Random { seed: n as u64 },
            ..latest()
        };
        let report = place
            .drill(&practice, order, simulated_clock, &|_| {}, &cancel)
            .await;
        assert_eq!(report.restore.end, RunEnd::Verified, "{:#?}", report.result);
        told.push((
            report.plan.estimate_basis.clone(),
            report.plan.estimate_secs.unwrap_or_default(),
            report.result.seconds,
        ));
    }
    eprintln!("estimated and measured, in simulated seconds: {told:#?}");
    let (basis, estimated, measured) = told.pop().expect("six drills");
    assert_eq!(basis.as_deref(), Some("measured"));
    assert!(measured > 60.0, "simulated time passes: {measured}");
    let off = estimated / measured - 1.0;
    assert!(off.abs() < 0.15, "off by {off:.3}");
}
