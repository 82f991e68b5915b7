//! Every fault in every step of a restore over the original: the state is named, a way on leads to a good end,
//! what was saved stays saved, and the access is as before.
//!
//! ```text
//! fault before the batch   ──► the server never saw it
//! fault after the batch    ──► the server did it, and nobody heard
//! ```
//!
//! The connection is cut by a gateway of its own, so that each fault strikes exactly where it is meant to.

use super::{
    asking::{Practice, batch, start_with},
    lab::{Case, Lab, Ran, shell},
};
use futures_util::future::BoxFuture;
use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use stopat::{
    run::{
        Action, Commands, Outcome, ResumeHow, RunChoices, RunEnd, RunEvent, StepFailure,
        TargetState, read_run,
    },
    server::{ConnectFuture, Connection, Gateway, RowSink, ServerError, SqlServer, ask},
    tsql::{Batch, Purpose},
};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

/// Where the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The server never saw the batch.
    Before,
    /// The server did it, and nobody heard.
    After,
}

/// A gateway whose connections are cut at the n-th batch that could change something.
pub(super) struct Cutting {
    real: SqlServer,
    cut: Cut,
    at: usize,
    seen: Arc<Mutex<usize>>,
    struck: Arc<AtomicBool>,
}

impl Cutting {
    pub(super) fn new(practice: &Practice, at: usize, cut: Cut) -> Self {
        Self {
            real: practice.gateway.clone(),
            cut,
            at,
            seen: Arc::default(),
            struck: Arc::default(),
        }
    }
}

impl Gateway for Cutting {
    fn connect(&self) -> ConnectFuture<'_> {
        Box::pin(async move {
            let real = self.real.connect().await?;
            let connection: Box<dyn Connection> = Box::new(CutConnection {
                real,
                cut: self.cut,
                at: self.at,
                seen: Arc::clone(&self.seen),
                struck: Arc::clone(&self.struck),
                dead: false,
            });
            Ok(connection)
        })
    }
}

struct CutConnection {
    real: Box<dyn Connection>,
    cut: Cut,
    at: usize,
    seen: Arc<Mutex<usize>>,
    struck: Arc<AtomicBool>,
    dead: bool,
}

fn lost() -> ServerError {
    ServerError::Lost {
        reason: "the cable was cut".to_owned(),
    }
}

impl Connection for CutConnection {
    fn session_id(&self) -> i64 {
        self.real.session_id()
    }

    fn run<'a>(
        &'a mut self,
        batch: &'a Batch,
        sink: &'a mut dyn RowSink,
        messages: Option<UnboundedSender<String>>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async move {
            if self.dead {
                return Err(lost());
            }
            // Questions are not steps; the reading back of the tail is one.
            let counts = !matches!(batch.purpose, Purpose::Ask | Purpose::EndSession);
            let strikes = counts && {
                let mut seen = self.seen.lock().expect("nobody panicked");
                *seen += 1;
                *seen == self.at + 1
            };
            if !strikes {
                return self.real.run(batch, sink, messages, cancel).await;
            }
            self.struck.store(true, Ordering::Relaxed);
            if self.cut == Cut::After {
                self.real.run(batch, sink, messages, cancel).await.ok();
            }
            self.dead = true;
            Err(lost())
        })
    }
}

pub(super) async fn server() -> Practice {
    start_with(|options| options.days = 0).await
}

/// How many batches a run of a case sends.
async fn n_batches(lab: &Lab<'_>, case: &Case, choices: &RunChoices) -> usize {
    let job = lab.job(case, choices.clone()).await;
    job.runbook()
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Sql(_)))
        .count()
}

/// What must be true at the end of every case, whichever way it went.
pub(super) async fn check_good_end(
    practice: &Practice,
    lab: &Lab<'_>,
    case: &Case,
    ran: &Ran,
    what: &str,
) {
    assert_eq!(
        practice.contents(&case.database).await,
        case.was,
        "{what}: the contents"
    );
    assert_eq!(lab.access(&case.database).await, "MULTI_USER", "{what}");
    let record = read_run(&ran.journal)
        .expect("a whole journal")
        .expect("a run");
    assert!(record.owed.is_empty(), "{what}: {:?}", record.owed);
    assert!(!record.is_unfinished(), "{what}: {:?}", record.end);
    if let Some(tail) = &record.tail_file {
        let header = practice
            .run(&format!("RESTORE HEADERONLY FROM DISK = N'{tail}';"))
            .await;
        assert_eq!(header.rows().len(), 1, "{what}: the tail is still there");
        practice
            .run(&format!("RESTORE VERIFYONLY FROM DISK = N'{tail}';"))
            .await;
    }
}

/// The state that is told must be the state that the server has.
async fn check_named(lab: &Lab<'_>, case: &Case, state: &TargetState, what: &str) {
    let facts = lab
        .facts(&case.database)
        .await
        .expect("it is never dropped");
    let named = match state {
        TargetState::Online => facts.online(),
        TargetState::Restoring => facts.state == "RESTORING",
        TargetState::NotTouched => facts.online(),
        // The server could not be asked at the time.
        TargetState::Unknown(_) => true,
        other => panic!("{what}: {other:?} is no state of an original"),
    };
    assert!(
        named,
        "{what}: told {state:?}, and the server has {}",
        facts.state
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_in_any_step() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let probe = lab.case("Cut_probe").await.in_the_tail(&practice).await;
    let n = n_batches(&lab, &probe, &lab.over(&probe).await).await;
    assert!(
        n >= 8,
        "{n}: close, tail, read, full, differential, logs, tail, give back"
    );
    for cut in [Cut::Before, Cut::After] {
        for at in 0..n {
            let what = format!("cut {cut:?} batch {at}");
            let case = lab
                .case(&format!("Cut_{cut:?}_{at}"))
                .await
                .in_the_tail(&practice)
                .await;
            let gateway = Cutting::new(&practice, at, cut);
            let job = lab.job(&case, lab.over(&case).await).await;
            let ran = lab.run_job(job, Commands::none(), &gateway, &|_| {}).await;
            assert!(gateway.struck.load(Ordering::Relaxed), "{what}");
            assert_ne!(ran.report.end, RunEnd::Verified, "{what}");
            check_named(&lab, &case, &ran.report.state, &what).await;
            let standing = lab.standing(&ran.journal).await;
            assert!(
                standing.offers.contains(&ResumeHow::Continue),
                "{what}: {standing:#?}"
            );
            let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
            assert_eq!(report.end, RunEnd::Verified, "{what}: {:#?}", report.steps);
            check_good_end(&practice, &lab, &case, &ran, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_over_keeps_the_tail_and_recovering_takes_what_is_there() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    // Batches: close, tail, read, full, differential, log, log, give back.
    for at in [4, 5, 6] {
        let what = format!("start over after batch {at}");
        let case = lab.case(&format!("Over_{at}")).await;
        let gateway = Cutting::new(&practice, at, Cut::Before);
        let job = lab.job(&case, lab.over(&case).await).await;
        let ran = lab.run_job(job, Commands::none(), &gateway, &|_| {}).await;
        assert_eq!(ran.report.state, TargetState::Restoring, "{what}");
        let report = lab.resume(&ran.journal, &ResumeHow::StartOver).await;
        assert_eq!(report.end, RunEnd::Verified, "{what}: {:#?}", report.steps);
        check_good_end(&practice, &lab, &case, &ran, &what).await;
    }
    let case = lab.case("Recovered").await;
    let gateway = Cutting::new(&practice, 5, Cut::Before);
    let job = lab.job(&case, lab.over(&case).await).await;
    let ran = lab.run_job(job, Commands::none(), &gateway, &|_| {}).await;
    let report = lab.resume(&ran.journal, &ResumeHow::RecoverNow).await;
    assert_eq!(report.state, TargetState::Online, "{:#?}", report.steps);
    assert_eq!(lab.access("Recovered").await, "MULTI_USER");
    let record = read_run(&ran.journal).expect("readable").expect("a run");
    let (_, words) = record.end.expect("it has ended");
    assert!(words.ends_with("restored before its moment"), "{words}");
    // Abandoned before anything was overwritten: everything is as it was.
    let case = lab.case("Abandoned").await;
    let before = practice.contents("Abandoned").await;
    let gateway = Cutting::new(&practice, 0, Cut::After);
    let job = lab.job(&case, lab.over(&case).await).await;
    let ran = lab.run_job(job, Commands::none(), &gateway, &|_| {}).await;
    lab.abandon(&ran.journal).await;
    assert_eq!(practice.contents("Abandoned").await, before);
    assert_eq!(lab.access("Abandoned").await, "MULTI_USER");
    let record = read_run(&ran.journal).expect("readable").expect("a run");
    assert!(!record.is_unfinished());
}

/// Batches of a case that restores sets, by the index of their step in the runbook.
async fn restoring_steps(lab: &Lab<'_>, case: &Case, choices: &RunChoices) -> Vec<(usize, String)> {
    let job = lab.job(case, choices.clone()).await;
    let book = job.runbook();
    book.steps
        .iter()
        .enumerate()
        .filter_map(|(idx, step)| match step.purpose() {
            Some(Purpose::RestoreSet { step }) => {
                Some((idx, job.plan.steps[*step].devices[0].name().to_owned()))
            }
            _ => None,
        })
        .collect()
}

/// What happens to a file before its turn.
#[derive(Clone, Copy, Debug)]
enum Spoiled {
    Gone,
    Damaged,
}

impl Spoiled {
    const BOTH: [Self; 2] = [Self::Gone, Self::Damaged];

    /// Gives what the file held before.
    fn spoil(self, path: &Path) -> Vec<u8> {
        let good = std::fs::read(path).expect("readable");
        match self {
            Self::Gone => std::fs::remove_file(path).expect("removable"),
            Self::Damaged => {
                let mut bad = good.clone();
                let middle = bad.len() * 3 / 4;
                bad[middle] ^= 0xff;
                std::fs::write(path, bad).expect("writable");
            }
        }
        good
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_goes_or_is_damaged_in_any_step() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let probe = lab.case("File_probe").await;
    let n = restoring_steps(&lab, &probe, &lab.over(&probe).await)
        .await
        .len();
    for spoiled in Spoiled::BOTH {
        for at in 0..n {
            let what = format!("file {spoiled:?} in restore {at}");
            let case = lab.case(&format!("File_{spoiled:?}_{at}")).await;
            let choices = lab.over(&case).await;
            let (step, device) = restoring_steps(&lab, &case, &choices).await[at].clone();
            let path = practice.file(&device);
            let kept = std::fs::read(&path).expect("readable");
            let job = lab.job(&case, choices).await;
            let ran = lab
                .run_job(job, Commands::none(), &practice.gateway, &|event| {
                    if matches!(event, RunEvent::StepBegan { step: began } if began == step) {
                        spoiled.spoil(&path);
                    }
                })
                .await;
            assert_eq!(
                ran.report.end,
                RunEnd::Restoring,
                "{what}: {:#?}",
                ran.report.steps
            );
            check_named(&lab, &case, &ran.report.state, &what).await;
            let number = match ran.report.steps.last().map(|step| &step.outcome) {
                Some(Outcome::Failed(StepFailure::Server(error))) => error.number(),
                other => panic!("{what}: {other:?}"),
            };
            assert!(
                matches!(
                    number,
                    Some(3201 | 3183 | 3203 | 3241 | 3242 | 3189 | 3254 | 3271)
                ),
                "{what}: {number:?}"
            );
            // Somebody brings the file back.
            std::fs::write(&path, &kept).expect("writable");
            let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
            assert_eq!(report.end, RunEnd::Verified, "{what}: {:#?}", report.steps);
            check_good_end(&practice, &lab, &case, &ran, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_for_the_tail() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Full_disk").await;
    let before = practice.contents("Full_disk").await;
    let mut choices = lab.over(&case).await;
    if let Some(over) = &mut choices.over {
        over.other_tail_files = vec![r"E:\nowhere\tail.trn".to_owned()];
    }
    practice.option("device_space", "0").await;
    let ran = lab.run(&case, choices, |_| {}).await;
    // Both places refused: nothing was overwritten, and the database is its users' again.
    assert_eq!(ran.report.end, RunEnd::Untouched, "{:#?}", ran.report.steps);
    assert_eq!(ran.report.state, TargetState::Online);
    assert!(ran.report.owed.is_empty());
    assert_eq!(practice.contents("Full_disk").await, before);
    assert_eq!(lab.access("Full_disk").await, "MULTI_USER");
    practice.option("device_space", "unlimited").await;
    let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    check_good_end(&practice, &lab, &case, &ran, "disk full").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_goes_to_another_place_when_the_first_is_not_there() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Elsewhere").await.in_the_tail(&practice).await;
    let mut choices = lab.over(&case).await;
    let good = r"D:\Backup\Elsewhere_second.trn";
    if let Some(over) = &mut choices.over {
        over.other_tail_files = vec![good.to_owned()];
    }
    let mut job = lab.job(&case, choices).await;
    job.facts.tail_file = Some(r"E:\nowhere\tail.trn".to_owned());
    let ran = lab
        .run_job(job, Commands::none(), &practice.gateway, &|_| {})
        .await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    let record = read_run(&ran.journal).expect("readable").expect("a run");
    assert_eq!(record.tail_file.as_deref(), Some(good));
    check_good_end(&practice, &lab, &case, &ran, "tail elsewhere").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_is_revoked_in_any_step() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let probe = lab.case("Login_probe").await;
    let n = n_batches(&lab, &probe, &lab.over(&probe).await).await;
    for at in 0..n {
        let what = format!("login revoked at batch {at}");
        let case = lab.case(&format!("Login_{at}")).await;
        let gateway = Cutting::new(&practice, at, Cut::Before);
        let job = lab.job(&case, lab.over(&case).await).await;
        let first = job
            .runbook()
            .steps
            .iter()
            .position(|step| step.batch().is_some())
            .expect("batches");
        let engine = practice.server.engine().clone();
        let ran = lab
            .run_job(job, Commands::none(), &gateway, &|event| {
                if matches!(event, RunEvent::StepBegan { step } if step == first + at) {
                    let engine = engine.clone();
                    tokio::task::block_in_place(|| {
                        tokio::runtime::Handle::current().block_on(async move {
                            engine
                                .run(|engine| engine.options.login_disabled = true)
                                .await
                                .expect("alive");
                        });
                    });
                }
            })
            .await;
        assert!(
            matches!(ran.report.state, TargetState::Unknown(_)),
            "{what}: {:?}",
            ran.report.state
        );
        practice
            .server
            .engine()
            .run(|engine| engine.options.login_disabled = false)
            .await
            .expect("alive");
        let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
        assert_eq!(report.end, RunEnd::Verified, "{what}: {:#?}", report.steps);
        check_good_end(&practice, &lab, &case, &ran, &what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_session_that_grabs_the_database() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    // It is in the database already, with work that is not committed.
    let case = lab.case("Grabbed").await;
    let mut other = practice.connect().await;
    ask(
        other.as_mut(),
        &batch("USE Grabbed; BEGIN TRAN; INSERT INTO dbo.T VALUES (99, N'never committed');"),
    )
    .await
    .expect("in");
    let ran = lab.run(&case, lab.over(&case).await, |_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Verified, "{:#?}", ran.report.steps);
    check_good_end(&practice, &lab, &case, &ran, "grabbed before").await;

    // It slips in after our connection was cut, and has the only place.
    let case = lab.case("Slipped").await;
    let gateway = Cutting::new(&practice, 1, Cut::Before);
    let job = lab.job(&case, lab.over(&case).await).await;
    let second = practice.gateway.clone();
    let ran = lab.run_job(job, Commands::none(), &gateway, &|_| {}).await;
    // The run gave the database back when it stopped, so it is closed once more as the stop had left it.
    practice
        .run("USE Slipped; ALTER DATABASE Slipped SET SINGLE_USER WITH ROLLBACK IMMEDIATE;")
        .await;
    let mut thief = second.connect().await.expect("lets us in");
    ask(thief.as_mut(), &batch("USE Slipped; SELECT 1 AS one;"))
        .await
        .expect("it has the only place");
    let standing = lab.standing(&ran.journal).await;
    assert_eq!(standing.in_the_way.len(), 1, "{standing:#?}");
    let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    check_good_end(&practice, &lab, &case, &ran, "slipped in").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_fails_or_hangs() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    // Long enough for a program that does not hang, on a busy machine too.
    let timeout = Duration::from_secs(5);
    for (name, script, before) in [
        ("Fails_before", "exit 2", true),
        ("Hangs_before", "sleep 600", true),
        ("Fails_after", "exit 2", false),
        ("Hangs_after", "sleep 600", false),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let good = folder.path().join("good");
        let case = lab.case(name).await;
        let original = practice.contents(name).await;
        let mut choices = lab.over(&case).await;
        let step = shell(
            "The application",
            &format!("test -e '{}' || {script}", good.display()),
            timeout,
        );
        if before {
            choices.before = vec![step];
        } else {
            choices.after = vec![step];
        }
        let ran = lab.run(&case, choices, |_| {}).await;
        if before {
            assert_eq!(ran.report.end, RunEnd::Untouched, "{name}");
            assert_eq!(practice.contents(name).await, original, "{name}");
        } else {
            assert_eq!(ran.report.end, RunEnd::OnlineNotVerified, "{name}");
            assert_eq!(practice.contents(name).await, case.was, "{name}");
        }
        assert_eq!(lab.access(name).await, "MULTI_USER", "{name}");
        std::fs::write(&good, "").expect("writable");
        let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
        assert_eq!(report.end, RunEnd::Verified, "{name}: {:#?}", report.steps);
        check_good_end(&practice, &lab, &case, &ran, name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_beyond_the_end_of_the_log() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let case = lab.case("Beyond").await;
    let mut job = lab.job(&case, lab.over(&case).await).await;
    // As if the history had promised more than the last log holds.
    let beyond = case.later.server;
    for step in &mut job.plan.steps {
        if step.stop_at.is_some() {
            step.stop_at = Some(beyond);
        }
    }
    job.plan.steps.pop();
    job.plan.stop_at = Some(beyond);
    job.plan.target = stopat::domain::Target::At(case.later);
    let refused = lab
        .run_job(job.clone(), Commands::none(), &practice.gateway, &|_| {})
        .await;
    // The checker sees that no log of it reaches the moment.
    assert_eq!(refused.report.end, RunEnd::Untouched);

    // A copy that a run left between two logs goes on with the logs that came later.
    let gateway = Cutting::new(&practice, 6, Cut::Before);
    let case = lab.case("Beyond_2").await;
    let job = lab.job(&case, lab.over(&case).await).await;
    let ran = lab.run_job(job, Commands::none(), &gateway, &|_| {}).await;
    assert_eq!(ran.report.end, RunEnd::Restoring, "{:#?}", ran.report.steps);
    let report = lab
        .resume(&ran.journal, &ResumeHow::TakeLogs { to: None })
        .await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    check_good_end(&practice, &lab, &case, &ran, "beyond").await;
}

/// A tail that is needed, and is gone or damaged when its turn comes: nothing is lost that somebody can bring back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_that_goes_or_is_damaged_before_its_turn() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    for spoiled in Spoiled::BOTH {
        let what = format!("tail {spoiled:?}");
        let case = lab
            .case(&format!("Tail_{spoiled:?}"))
            .await
            .in_the_tail(&practice)
            .await;
        let job = lab.job(&case, lab.over(&case).await).await;
        let tail = job.facts.tail_file.clone().expect("it is saved");
        let last = job
            .runbook()
            .steps
            .iter()
            .position(|step| matches!(step.purpose(), Some(Purpose::RestoreTail { .. })))
            .expect("it is restored");
        let kept = Mutex::new((std::path::PathBuf::new(), Vec::new()));
        let ran = lab
            .run_job(job, Commands::none(), &practice.gateway, &|event| {
                if matches!(event, RunEvent::StepBegan { step } if step == last) {
                    let path = practice.file(&tail);
                    let good = spoiled.spoil(&path);
                    *kept.lock().expect("one") = (path, good);
                }
            })
            .await;
        assert_eq!(
            ran.report.end,
            RunEnd::Restoring,
            "{what}: {:#?}",
            ran.report.steps
        );
        check_named(&lab, &case, &ran.report.state, &what).await;
        let (path, bytes) = kept.lock().expect("one").clone();
        std::fs::write(path, bytes).expect("writable");
        let report = lab.resume(&ran.journal, &ResumeHow::Continue).await;
        assert_eq!(report.end, RunEnd::Verified, "{what}: {:#?}", report.steps);
        check_good_end(&practice, &lab, &case, &ran, &what).await;
    }
}

/// Somebody tries to get into the database as each step begins, and stays where the server lets them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_slips_in_as_any_step_begins() {
    let practice = server().await;
    let lab = Lab::of(&practice).await;
    let probe = lab.case("Thief_probe").await;
    let n = lab
        .job(&probe, lab.over(&probe).await)
        .await
        .runbook()
        .steps
        .len();
    let mut n_inside = 0;
    for at in 0..n {
        let what = format!("slipped in at step {at}");
        let case = lab.case(&format!("Thief_{at}")).await;
        let job = lab.job(&case, lab.over(&case).await).await;
        let thief: Mutex<Option<Box<dyn Connection>>> = Mutex::default();
        let enter = batch(format!("USE [{}]; SELECT 1 AS one;", case.database));
        let ran = lab
            .run_job(job, Commands::none(), &practice.gateway, &|event| {
                if !matches!(event, RunEvent::StepBegan { step } if step == at) {
                    return;
                }
                let inside = tokio::task::block_in_place(|| {
                    tokio::runtime::Handle::current().block_on(async {
                        let mut connection = practice.gateway.connect().await.ok()?;
                        ask(connection.as_mut(), &enter).await.ok()?;
                        Some(connection)
                    })
                });
                *thief.lock().expect("one") = inside;
            })
            .await;
        n_inside += usize::from(thief.lock().expect("one").is_some());
        assert_eq!(
            ran.report.end,
            RunEnd::Verified,
            "{what}: {:#?}",
            ran.report.steps
        );
        check_good_end(&practice, &lab, &case, &ran, &what).await;
    }
    assert!(
        n_inside >= 2,
        "before it is closed, and when it is open again"
    );
}
