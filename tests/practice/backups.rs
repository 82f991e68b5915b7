//! Backups by hand against the practice server: what is refused, what fails, and what is written.

use super::asking::{Practice, own_clock, start, until};
use std::sync::Mutex;
use stopat::{
    domain::{
        BackupKind, BackupPlan, BackupRefusal, BackupRequest, BackupStep, BackupTarget,
        ChainChoice, PolicyDatabases, PolicyPlace, ServerPath, plan_backups,
    },
    explain,
    run::{
        BackupEnd, BackupFault, BackupJob, BackupOutcome, BackupReading, BackupReport,
        BackupRunEvent, BackupSurroundings, Journal, OncePlan, OnceState, PlaceThere, ProbeOutcome,
        Record, RunId, RunKind, Who, browse, check_place, journal_path, look_at_once, probe,
        read_backup_facts, read_journal, remove_once, run_backups, start_once,
    },
    tsql::{BackupFacts, FileLook},
};
use tokio_util::sync::CancellationToken;

pub const DATABASE: &str = "OctopusAI";

pub async fn facts(practice: &Practice) -> BackupReading {
    let mut connection = practice.connect().await;
    read_backup_facts(connection.as_mut())
        .await
        .expect("the server tells")
}

pub fn request(kind: BackupKind, databases: &[&str]) -> BackupRequest {
    BackupRequest::new(
        kind,
        databases.iter().map(|name| (*name).to_owned()),
        ServerPath::new(r"D:\Backup"),
    )
}

pub fn plan(request: &BackupRequest, facts: &BackupReading) -> BackupPlan {
    plan_with(request, facts, &[])
}

fn plan_with(request: &BackupRequest, facts: &BackupReading, policy: &[PolicyPlace]) -> BackupPlan {
    plan_backups(request, &facts.server, &facts.databases, None, policy, None)
}

pub struct Ran {
    pub report: BackupReport,
    records: Vec<Record>,
    events: Vec<BackupRunEvent>,
}

pub async fn run(practice: &Practice, plan: BackupPlan, facts: &BackupReading) -> Ran {
    let cancel: Vec<CancellationToken> = plan.steps.iter().map(|_| Default::default()).collect();
    run_cancelling(practice, plan, facts, &cancel, |_| {}).await
}

async fn run_cancelling(
    practice: &Practice,
    plan: BackupPlan,
    facts: &BackupReading,
    cancel: &[CancellationToken],
    hear: impl Fn(&BackupRunEvent) + Send + Sync,
) -> Ran {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = RunId::new(own_clock(), fastrand::u16(..));
    let path = journal_path(folder.path(), &run);
    let events = Mutex::new(Vec::new());
    let tell = |event: BackupRunEvent| {
        hear(&event);
        events.lock().expect("nobody panicked").push(event);
    };
    let report = run_backups(
        BackupJob {
            run,
            who: Who::default(),
            plan,
            facts: BackupFacts {
                server_name: facts.server_name.clone(),
                look: facts.look,
            },
        },
        BackupSurroundings {
            gateway: &practice.gateway,
            journal: Journal::create(&path).expect("a journal"),
            tell: &tell,
            cancel,
            now: stopat::worker::now,
        },
    )
    .await
    .expect("the journal can be written");
    let journal = read_journal(&path).expect("the journal can be read");
    Ran {
        report,
        records: journal.entries.into_iter().map(|e| e.record).collect(),
        events: events.into_inner().expect("nobody panicked"),
    }
}

/// Numbers of the server's errors behind a failure.
pub fn numbers(outcome: &BackupOutcome) -> Vec<i64> {
    match outcome.fault().and_then(BackupFault::server_error) {
        Some(stopat::server::ServerError::Refused { errors }) => {
            errors.iter().map(|error| error.number).collect()
        }
        other => panic!("no refusal of the server: {other:?} of {outcome:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_tells_what_backups_depend_on() {
    let practice = start().await;
    let facts = facts(&practice).await;
    assert_eq!(facts.look, FileLook::View);
    assert_eq!(facts.server.version_major, Some(16));
    assert!(facts.server.edition.compresses());
    assert_eq!(
        facts.server.default_folder.as_ref().map(ServerPath::as_str),
        Some(r"D:\Backup")
    );
    assert_eq!(
        facts.server.service_account.as_deref(),
        Some(r"NT Service\MSSQLSERVER")
    );
    let octopus = facts
        .databases
        .iter()
        .find(|d| d.name == DATABASE)
        .expect("the world has it");
    assert_eq!(
        (
            octopus.has_base,
            octopus.has_log_chain,
            octopus.may_back_up,
            octopus.recovery_model.as_str()
        ),
        (Some(true), Some(true), Some(true), "FULL")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_by_hand_is_copy_only_and_tells_what_it_wrote() {
    let practice = start().await;
    let facts = facts(&practice).await;
    let before = facts.databases.clone();
    let ran = run(
        &practice,
        plan(&request(BackupKind::Full, &[DATABASE]), &facts),
        &facts,
    )
    .await;
    assert_eq!(ran.report.end, BackupEnd::Done, "{:#?}", ran.report);
    let [step] = ran.report.steps.as_slice() else {
        panic!("one backup: {:?}", ran.report.steps);
    };
    assert!(step.copy_only);
    let written = step.written.as_ref().expect("msdb tells");
    assert_eq!(written.position, 1);
    assert!(written.pages.is_some_and(|pages| pages > 0));
    assert!(
        written.ratio().is_some_and(|ratio| ratio > 1.0),
        "{written:?}"
    );
    assert!(
        step.devices[0]
            .name()
            .starts_with(r"D:\Backup\OctopusAI_full_20261122_12"),
        "{:?}",
        step.devices
    );
    let header = practice
        .run(&format!(
            "RESTORE HEADERONLY FROM DISK = N'{}';",
            step.devices[0].name()
        ))
        .await;
    let header = header.first().expect("one set");
    assert_eq!(header.bool("iscopyonly"), Some(true));
    assert_eq!(header.bool("hasbackupchecksums"), Some(true));

    let after = self::facts(&practice).await.databases;
    let base =
        |list: &[stopat::domain::BackupDatabase]| list.iter().find(|d| d.name == DATABASE).cloned();
    assert_eq!(base(&before), base(&after), "no chain was touched");
    let kinds: Vec<&str> = ran
        .records
        .iter()
        .map(|record| match record {
            Record::Begin { run_kind, .. } => {
                assert_eq!(*run_kind, RunKind::Backup);
                "begin"
            }
            Record::StepBegin { .. } => "step begins",
            Record::StepEnd { outcome, .. } => {
                assert_eq!(outcome, "done");
                "step ends"
            }
            Record::End { end, .. } => {
                assert_eq!(end, "done");
                "end"
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "begin",
            "step begins",
            "step ends",
            "step begins",
            "step ends",
            "end"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_to_the_place_of_the_policy_keeps_the_chain() {
    let practice = start().await;
    let facts = facts(&practice).await;
    let place = ServerPath::new(r"\\backup-server\octopus\log");
    let policy = [PolicyPlace {
        databases: PolicyDatabases::AllUser {
            except: Default::default(),
        },
        kind: BackupKind::Log,
        folder: place.clone(),
    }];
    practice.advance(120).await;
    let mut log = request(BackupKind::Log, &[DATABASE]);
    log.target = BackupTarget::new_files(place);
    let ran = run(&practice, plan_with(&log, &facts, &policy), &facts).await;
    assert_eq!(ran.report.end, BackupEnd::Done, "{:#?}", ran.report);
    assert!(!ran.report.steps[0].copy_only);
    // The next log of the schedule goes on from there, so every moment stays within reach.
    practice.advance(1_200).await;
    let history = practice.history().await;
    let database = history.database(DATABASE).expect("it has backups");
    let coverage = database.coverage(&stopat::domain::Limits::default());
    assert_eq!(coverage.gaps, [], "{coverage:?}");
}

#[track_caller]
fn refused(plan: &BackupPlan) -> &BackupRefusal {
    match plan.refused.as_slice() {
        [(_, refusal)] => refusal,
        other => panic!("one refusal: {other:?}, steps {:?}", plan.steps),
    }
}

/// What the plan refuses, the server refuses too: sent all the same, it answers with this number.
async fn server_says(practice: &Practice, kind: BackupKind, step: BackupStep, number: i64) {
    let facts = facts(practice).await;
    let script = stopat::tsql::backup_script(
        &BackupPlan {
            steps: vec![step],
            refused: Vec::new(),
            faults: Vec::new(),
            at_once: 1,
        },
        &BackupFacts {
            server_name: facts.server_name,
            look: facts.look,
        },
    );
    let error = practice.fails(&script.batches[0].sql).await;
    assert_eq!(error.number(), Some(number), "{kind:?}: {error:?}");
}

/// The step that the plan would have, were it not refused.
fn forced(facts: &BackupReading, kind: BackupKind, database: &str) -> BackupStep {
    let mut facts = facts.clone();
    let found = facts
        .databases
        .iter_mut()
        .find(|d| d.name == database)
        .expect("it is there");
    found.database_id = 50;
    found.recovery_model = "FULL".to_owned();
    found.has_base = None;
    found.has_log_chain = None;
    found.may_back_up = None;
    found.may_back_up_log = None;
    found.replica = stopat::domain::ReplicaRole::None;
    plan(&request(kind, &[database]), &facts).steps.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_refused_before_and_by_the_server() {
    let practice = start().await;
    practice.run("CREATE DATABASE Fresh;").await;
    practice
        .run("ALTER DATABASE Fresh SET RECOVERY FULL;")
        .await;
    practice.run("CREATE DATABASE Plain;").await;
    practice
        .run("ALTER DATABASE Plain SET RECOVERY SIMPLE;")
        .await;
    let facts = facts(&practice).await;
    for (kind, database, expected, number) in [
        (BackupKind::Log, "Plain", BackupRefusal::LogInSimple, 4208),
        (
            BackupKind::Log,
            "Fresh",
            BackupRefusal::LogWithoutFull,
            4214,
        ),
        (
            BackupKind::Differential,
            "Fresh",
            BackupRefusal::DifferentialWithoutBase,
            3035,
        ),
        (
            BackupKind::Log,
            "master",
            BackupRefusal::OnlyFullOfMaster,
            4212,
        ),
        (
            BackupKind::Differential,
            "master",
            BackupRefusal::OnlyFullOfMaster,
            3024,
        ),
        (BackupKind::Full, "tempdb", BackupRefusal::TempDb, 3147),
    ] {
        let plan = plan(&request(kind, &[database]), &facts);
        assert_eq!(*refused(&plan), expected, "{database}");
        server_says(&practice, kind, forced(&facts, kind, database), number).await;
    }
    let gone = plan(&request(BackupKind::Full, &["Nowhere"]), &facts);
    assert_eq!(*refused(&gone), BackupRefusal::NotThere);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_without_the_permission_is_told_before() {
    let practice = start().await;
    practice.option("backup_permission", "denied").await;
    let facts = facts(&practice).await;
    for kind in [BackupKind::Full, BackupKind::Log] {
        let plan = plan(&request(kind, &[DATABASE]), &facts);
        assert_eq!(*refused(&plan), BackupRefusal::NoPermission);
        server_says(&practice, kind, forced(&facts, kind, DATABASE), 262).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secondary_replica_takes_copy_only_fulls_alone() {
    let practice = start().await;
    practice.option("secondary_replica", DATABASE).await;
    let facts = facts(&practice).await;
    for kind in [BackupKind::Differential, BackupKind::Log] {
        let plan = plan(&request(kind, &[DATABASE]), &facts);
        assert!(matches!(
            refused(&plan),
            BackupRefusal::SecondaryReplica { .. }
        ));
        server_says(&practice, kind, forced(&facts, kind, DATABASE), 3059).await;
    }
    let ran = run(
        &practice,
        plan(&request(BackupKind::Full, &[DATABASE]), &facts),
        &facts,
    )
    .await;
    assert_eq!(ran.report.end, BackupEnd::Done, "{:#?}", ran.report.steps);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restores_is_refused_right_before_it_begins() {
    let practice = start().await;
    let facts = facts(&practice).await;
    let plan = plan(&request(BackupKind::Full, &[DATABASE]), &facts);
    practice
        .run(&format!(
            r"BACKUP LOG [{DATABASE}] TO DISK = N'D:\Backup\tail.trn' WITH NORECOVERY;"
        ))
        .await;
    let ran = run(&practice, plan, &facts).await;
    assert_eq!(ran.report.end, BackupEnd::Failed);
    assert_eq!(
        ran.report.steps[0].outcome,
        BackupOutcome::Failed(BackupFault::NoLongerPossible(BackupRefusal::NotOnline {
            state: "RESTORING".to_owned()
        }))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_and_a_missing_folder_have_their_messages() {
    let practice = start().await;
    let facts = facts(&practice).await;
    let mut nowhere = request(BackupKind::Full, &[DATABASE]);
    nowhere.target = BackupTarget::new_files(ServerPath::new(r"\\no-such-server\backups"));
    let ran = run(&practice, plan(&nowhere, &facts), &facts).await;
    let outcome = &ran.report.steps[0].outcome;
    assert_eq!(numbers(outcome), [3201, 3013], "{outcome:?}");
    let words = explain::backup_fault(
        DATABASE,
        BackupKind::Full,
        outcome.fault().expect("it failed"),
    );
    assert_eq!(
        words.sentence,
        r"The server cannot reach the share of \\no-such-server\backups\OctopusAI_full_20261122_120000.bak"
    );

    practice.option("device_space", "1000").await;
    let ran = run(
        &practice,
        plan(&request(BackupKind::Full, &[DATABASE]), &facts),
        &facts,
    )
    .await;
    let outcome = &ran.report.steps[0].outcome;
    assert_eq!(numbers(outcome), [3202, 3013], "{outcome:?}");
    let words = explain::backup_fault(
        DATABASE,
        BackupKind::Full,
        outcome.fault().expect("it failed"),
    );
    assert!(
        words.sentence.starts_with("The disk is full while writing"),
        "{words:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_there_is_never_written_to() {
    let practice = start().await;
    let facts = facts(&practice).await;
    let plan = plan(&request(BackupKind::Full, &[DATABASE]), &facts);
    let first = run(&practice, plan.clone(), &facts).await;
    assert_eq!(first.report.end, BackupEnd::Done);
    let again = run(&practice, plan, &facts).await;
    assert_eq!(numbers(&again.report.steps[0].outcome), [50_000]);
    let headers = practice
        .run(&format!(
            "RESTORE HEADERONLY FROM DISK = N'{}';",
            first.report.steps[0].devices[0].name()
        ))
        .await;
    assert_eq!(headers.rows().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appending_is_shown_as_a_position_and_verified_there() {
    let practice = start().await;
    let facts = facts(&practice).await;
    let mut first = request(BackupKind::Full, &[DATABASE]);
    let file = ServerPath::new(r"D:\Backup\many.bak");
    first.target = BackupTarget::Append(file.clone());
    for position in 1..=3 {
        let ran = run(&practice, plan(&first, &facts), &facts).await;
        assert_eq!(ran.report.end, BackupEnd::Done, "{:#?}", ran.report.steps);
        let step = &ran.report.steps[0];
        assert_eq!(step.written.as_ref().map(|w| w.position), Some(position));
        let shown = explain::backup_result(step);
        assert_eq!(
            shown.contains(&format!("position {position}")),
            position > 1,
            "{shown}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_are_backed_up_and_read_back() {
    let practice = start().await;
    let names = [
        "a]b'; DROP TABLE x--",
        "pay$(x)roll",
        "100% [sure] /* no comment */",
        "a/b\\c:*?\"<>|",
        "Ünïcödé 数据库 🐙",
    ];
    for name in names {
        practice
            .run(&format!("CREATE DATABASE [{}];", name.replace(']', "]]")))
            .await;
    }
    let facts = facts(&practice).await;
    let mut all = request(BackupKind::Full, &names);
    all.options.stripes = 2;
    all.options.description = "it's \"ours\"; $(x)".to_owned();
    let ran = run(&practice, plan(&all, &facts), &facts).await;
    assert_eq!(ran.report.end, BackupEnd::Done, "{:#?}", ran.report);
    let history = practice.history().await;
    for step in &ran.report.steps {
        let known = history
            .database(&step.database)
            .unwrap_or_else(|| panic!("no history of {:?}", step.database));
        let set = known.sets().last().expect("one set");
        assert_eq!(set.n_stripes(), 2);
        let file = explain::file_name(step.devices[0].name());
        let part = file.split("_full_").next().expect("a database");
        assert_eq!(
            stopat::domain::unescape_file_name(part).as_deref(),
            Some(step.database.as_str())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_run_at_once_one_fails_and_one_is_cancelled() {
    let practice = start().await;
    for name in ["One", "Two", "Three"] {
        practice.run(&format!("CREATE DATABASE {name};")).await;
    }
    let facts = facts(&practice).await;
    let mut all = request(BackupKind::Full, &["One", "Two", "Three"]);
    all.at_once = 3;
    let plan = plan(&all, &facts);
    practice.run("DROP DATABASE Two;").await;
    // Long enough that the cancellation comes while it runs.
    practice.option("pace", "400").await;
    let cancel: Vec<CancellationToken> = plan.steps.iter().map(|_| Default::default()).collect();
    let third = cancel[2].clone();
    let ran = run_cancelling(&practice, plan, &facts, &cancel, move |event| {
        if matches!(event, BackupRunEvent::Progress(progress) if progress.step == 2) {
            third.cancel();
        }
    })
    .await;
    let outcomes: Vec<&str> = ran
        .report
        .steps
        .iter()
        .map(|step| step.outcome.word())
        .collect();
    assert_eq!(outcomes, ["done", "failed", "cancelled"]);
    assert_eq!(ran.report.end, BackupEnd::Cancelled);
    assert!(
        ran.events
            .iter()
            .any(|event| matches!(event, BackupRunEvent::Progress(p) if p.percent.is_some())),
        "dm_exec_requests tells how far they are"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_are_browsed_and_looked_at_through_the_server() {
    let practice = start().await;
    let mut connection = practice.connect().await;
    let drives = browse(connection.as_mut(), None).await.expect("drives");
    let names: Vec<&str> = drives.entries.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, [r"C:\", r"D:\", r"L:\"]);
    let top = browse(connection.as_mut(), Some(&ServerPath::new(r"D:\")))
        .await
        .expect("folders");
    assert!(
        top.entries
            .iter()
            .any(|e| e.is_folder && e.name.eq_ignore_ascii_case("Backup")),
        "{top:?}"
    );
    let share = browse(
        connection.as_mut(),
        Some(&ServerPath::new(r"\\backup-server\octopus")),
    )
    .await
    .expect("folders");
    let names: Vec<&str> = share
        .entries
        .iter()
        .filter(|e| e.is_folder)
        .map(|e| e.name.as_str())
        .collect();
    assert_eq!(names, ["diff", "full", "log"]);

    for (path, expected) in [
        (r"D:\Backup", PlaceThere::Folder),
        (r"D:\Backup\new", PlaceThere::Missing { parent: true }),
        (
            r"\\no-such-server\x\y",
            PlaceThere::Missing { parent: false },
        ),
        ("https://acct.blob.core.windows.net/c", PlaceThere::Unknown),
    ] {
        let check = check_place(connection.as_mut(), &ServerPath::new(path))
            .await
            .expect("an answer");
        assert_eq!(check.there, expected, "{path}");
        assert_eq!(
            check.free_bytes.is_some(),
            path.starts_with("D:"),
            "the server knows its own drives: {path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_writes_reads_and_leaves_nothing() {
    let practice = start().await;
    let facts = facts(&practice).await;
    let batch_facts = BackupFacts {
        server_name: facts.server_name.clone(),
        look: facts.look,
    };
    let mut connection = practice.connect().await;
    let good = probe(
        connection.as_mut(),
        &ServerPath::new(r"\\backup-server\octopus\full"),
        "20261122_120000_1f3a",
        &batch_facts,
    )
    .await
    .expect("it is tried");
    assert_eq!(good.outcome, ProbeOutcome::Written);
    assert!(good.removed, "{good:?}");
    let bad = probe(
        connection.as_mut(),
        &ServerPath::new(r"\\no-such-server\x"),
        "20261122_120000_1f3b",
        &batch_facts,
    )
    .await
    .expect("it is tried");
    let ProbeOutcome::Refused(error) = &bad.outcome else {
        panic!("{bad:?}");
    };
    assert_eq!(error.number(), Some(3201));
    let (_, words) = explain::probe_words(&bad, facts.server.service_account.as_deref());
    assert!(
        words.hint.contains(r"NT Service\MSSQLSERVER")
            && words.hint.contains(r"\\no-such-server\x"),
        "which account and which share: {}",
        words.hint
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agent_runs_it_once_and_the_job_vanishes_or_stays_with_its_messages() {
    let practice = start().await;
    let facts = facts(&practice).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let once = async |request: &BackupRequest| {
        let plan = plan(request, &facts);
        let run = RunId::new(own_clock(), fastrand::u16(..));
        let journal = Journal::create(&journal_path(folder.path(), &run)).expect("a journal");
        let mut connection = practice.connect().await;
        let started = start_once(
            connection.as_mut(),
            OncePlan {
                run,
                who: Who::default(),
                plan: &plan,
                facts: &BackupFacts {
                    server_name: facts.server_name.clone(),
                    look: facts.look,
                },
            },
            journal,
            stopat::worker::now,
        )
        .await
        .expect("the job is made");
        let (steps, job_remains) = until("the end of the job", async || {
            let state = look_at_once(connection.as_mut(), &started, own_clock())
                .await
                .expect("it can be looked at");
            match state {
                OnceState::Ended { steps, job_remains } => Some((steps, job_remains)),
                _ => None,
            }
        })
        .await;
        (started, steps, job_remains)
    };
    let mut both = request(BackupKind::Full, &[DATABASE, "master"]);
    both.chain = ChainChoice::CopyOnly;
    let (_, steps, remains) = once(&both).await;
    assert!(
        steps.iter().all(|s| s.outcome == BackupOutcome::Done),
        "{steps:#?}"
    );
    assert!(steps.iter().all(|s| s.written.is_some()));
    assert!(!remains, "a job that succeeded is gone");

    let mut bad = both.clone();
    bad.target = BackupTarget::new_files(ServerPath::new(r"\\no-such-server\x"));
    let (started, steps, remains) = once(&bad).await;
    assert!(remains, "a failed job stays with its messages");
    match &steps[0].outcome {
        BackupOutcome::Failed(BackupFault::Job { message }) => {
            assert!(message.contains("3201"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    let mut connection = practice.connect().await;
    remove_once(connection.as_mut(), started.job_id)
        .await
        .expect("it is removed");
    let left = practice
        .count("msdb.dbo.sysjobs WHERE name LIKE N'stopat once %'")
        .await;
    assert_eq!(left, 0);
}
