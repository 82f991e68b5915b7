//! Who is refused and what is copy-only, by tiny requests.

use super::*;
use crate::domain::History;

pub(super) fn server() -> BackupServer {
    BackupServer {
        version_major: Some(16),
        edition: ServerEdition::new("Developer Edition (64-bit)", Some(3)),
        now: ServerTime("2026-11-22T14:41:07".parse().expect("a time")),
        default_folder: Some(ServerPath::new(r"D:\Backup")),
        service_account: Some(r"NT Service\MSSQLSERVER".to_owned()),
        agent: AgentState::Running,
        sees_requests: true,
        certificates: vec![BackupCertificate {
            name: "Backups".to_owned(),
            expires: Some(ServerTime("2031-01-01T00:00:00".parse().expect("a time"))),
            has_private_key: true,
            key_backed_up: None,
        }],
    }
}

fn database(name: &str) -> BackupDatabase {
    BackupDatabase {
        name: name.to_owned(),
        database_id: 5,
        state: "ONLINE".to_owned(),
        is_standby: false,
        is_snapshot: false,
        recovery_model: "FULL".to_owned(),
        replica: ReplicaRole::None,
        may_back_up: Some(true),
        may_back_up_log: Some(true),
        has_base: Some(true),
        has_log_chain: Some(true),
        running: None,
        data_bytes: Some(1 << 30),
    }
}

fn request(kind: BackupKind) -> BackupRequest {
    BackupRequest::new(kind, ["Pay".to_owned()], ServerPath::new(r"D:\Backup"))
}

fn planned(request: &BackupRequest, facts: BackupDatabase) -> Result<BackupStep, BackupRefusal> {
    planned_with(request, facts, &[])
}

fn planned_with(
    request: &BackupRequest,
    facts: BackupDatabase,
    policy: &[PolicyPlace],
) -> Result<BackupStep, BackupRefusal> {
    let mut plan = plan_backups(request, &server(), &[facts], None, policy, None);
    assert_eq!(plan.faults, []);
    match plan.refused.pop() {
        Some((_, refusal)) => Err(refusal),
        None => Ok(plan.steps.pop().expect("planned or refused")),
    }
}

#[track_caller]
fn check_refused(
    kind: BackupKind,
    change: impl FnOnce(&mut BackupDatabase),
    expected: &BackupRefusal,
) {
    let mut facts = database("Pay");
    change(&mut facts);
    assert_eq!(
        planned(&request(kind), facts).expect_err("it cannot work"),
        *expected
    );
}

#[test]
fn what_cannot_work_is_said_before() {
    use BackupKind::{Differential, Full, Log};
    check_refused(
        Log,
        |d| d.recovery_model = "SIMPLE".to_owned(),
        &BackupRefusal::LogInSimple,
    );
    check_refused(
        Log,
        |d| d.has_log_chain = Some(false),
        &BackupRefusal::LogWithoutFull,
    );
    check_refused(
        Differential,
        |d| d.has_base = Some(false),
        &BackupRefusal::DifferentialWithoutBase,
    );
    for kind in [Differential, Log] {
        check_refused(
            kind,
            |d| d.database_id = 1,
            &BackupRefusal::OnlyFullOfMaster,
        );
    }
    check_refused(Full, |d| d.database_id = 2, &BackupRefusal::TempDb);
    check_refused(Full, |d| d.is_snapshot = true, &BackupRefusal::Snapshot);
    check_refused(Full, |d| d.is_standby = true, &BackupRefusal::Standby);
    check_refused(
        Full,
        |d| d.state = "RESTORING".to_owned(),
        &BackupRefusal::NotOnline {
            state: "RESTORING".to_owned(),
        },
    );
    check_refused(
        Full,
        |d| d.may_back_up = Some(false),
        &BackupRefusal::NoPermission,
    );
    check_refused(
        Log,
        |d| d.may_back_up_log = Some(false),
        &BackupRefusal::NoPermission,
    );
    check_refused(
        Differential,
        |d| d.running = Some("BACKUP DATABASE".to_owned()),
        &BackupRefusal::AlreadyRunning {
            command: "BACKUP DATABASE".to_owned(),
        },
    );
    check_refused(
        Differential,
        |d| d.replica = ReplicaRole::Secondary,
        &BackupRefusal::SecondaryReplica {
            instead: SecondaryInstead::CopyOnlyFull,
        },
    );
    check_refused(
        Log,
        |d| d.replica = ReplicaRole::Secondary,
        &BackupRefusal::SecondaryReplica {
            instead: SecondaryInstead::OrdinaryLog,
        },
    );
}

#[test]
fn what_the_server_does_not_tell_refuses_nothing() {
    let mut facts = database("Pay");
    facts.may_back_up_log = None;
    facts.has_log_chain = None;
    facts.has_base = None;
    facts.replica = ReplicaRole::Unknown;
    facts.running = Some("BACKUP DATABASE".to_owned());
    assert!(planned(&request(BackupKind::Log), facts).is_ok());
}

#[test]
fn a_login_that_sees_no_other_session_is_told_so() {
    let mut blind = server();
    blind.sees_requests = false;
    let notes = |kind| {
        let mut plan = plan_backups(&request(kind), &blind, &[database("Pay")], None, &[], None);
        plan.steps.pop().expect("planned").notes
    };
    assert!(notes(BackupKind::Full).contains(&BackupNote::OthersHidden));
    // Log backups run beside a full.
    assert!(!notes(BackupKind::Log).contains(&BackupNote::OthersHidden));
    let seen = planned(&request(BackupKind::Full), database("Pay")).expect("planned");
    assert!(!seen.notes.contains(&BackupNote::OthersHidden));
}

#[test]
fn by_hand_nothing_touches_a_chain_but_at_the_place_of_the_policy() {
    let policy = [
        PolicyPlace {
            databases: PolicyDatabases::AllUser {
                except: ["Scratch".to_owned()].into(),
            },
            kind: BackupKind::Full,
            folder: ServerPath::new(r"\\nas\sql\full"),
        },
        PolicyPlace {
            databases: PolicyDatabases::One("pay".to_owned()),
            kind: BackupKind::Log,
            folder: ServerPath::new(r"\\nas\sql\log"),
        },
    ];
    let mut full = request(BackupKind::Full);
    assert_eq!(
        planned(&full, database("Pay")).expect("it works").chain,
        ChainReason::NoPolicy
    );
    assert_eq!(
        planned_with(&full, database("Pay"), &policy)
            .expect("it works")
            .chain,
        ChainReason::OutsidePolicy {
            place: policy[0].folder.clone()
        }
    );
    full.target = BackupTarget::new_files(ServerPath::new(r"\\NAS\sql\full\"));
    let step = planned_with(&full, database("Pay"), &policy).expect("it works");
    assert_eq!(step.chain, ChainReason::PlaceOfPolicy);
    assert_eq!(
        step.devices,
        [Device::Disk(
            r"\\NAS\sql\full\Pay_full_20261122_144107.bak".to_owned()
        )]
    );
    let mut log = request(BackupKind::Log);
    log.target = BackupTarget::new_files(ServerPath::new(r"\\nas\sql\full"));
    assert!(
        planned_with(&log, database("Pay"), &policy)
            .expect("it works")
            .chain
            .copy_only(),
        "the place of the fulls is not the place of the logs"
    );
    let mut left_out = request(BackupKind::Full);
    left_out.databases = vec!["Scratch".to_owned()];
    assert_eq!(
        planned_with(&left_out, database("Scratch"), &policy)
            .expect("it works")
            .chain,
        ChainReason::NoPolicy,
        "the policy leaves it out"
    );
    full.chain = ChainChoice::CopyOnly;
    assert!(
        planned_with(&full, database("Pay"), &policy)
            .expect("it works")
            .chain
            .copy_only()
    );
    full.chain = ChainChoice::PartOfChain;
    assert!(
        !planned(&full, database("Pay"))
            .expect("it works")
            .chain
            .copy_only()
    );
    let differential = request(BackupKind::Differential);
    let step = planned(&differential, database("Pay")).expect("it works");
    assert_eq!(step.chain, ChainReason::Differential);
    assert_eq!(step.notes, []);
    let nothing = History::default();
    let plan = plan_backups(
        &differential,
        &server(),
        &[database("Pay")],
        Some(&nothing),
        &[],
        None,
    );
    assert_eq!(plan.steps[0].notes, [BackupNote::BuildsOnUnknown]);
}

#[test]
fn a_secondary_takes_what_the_server_takes_there() {
    let secondary = || {
        let mut facts = database("Pay");
        facts.replica = ReplicaRole::Secondary;
        facts
    };
    assert!(planned(&request(BackupKind::Full), secondary()).is_ok());
    let mut log = request(BackupKind::Log);
    log.chain = ChainChoice::PartOfChain;
    assert!(planned(&log, secondary()).is_ok());
    let mut newer = server();
    newer.version_major = Some(17);
    let plan = plan_backups(
        &request(BackupKind::Differential),
        &newer,
        &[secondary()],
        None,
        &[],
        None,
    );
    assert_eq!(plan.refused, []);
}

#[test]
fn no_two_backups_share_a_file() {
    let mut both = request(BackupKind::Full);
    both.databases = vec!["Pay".to_owned(), "PAY".to_owned(), "Pay".to_owned()];
    both.options.stripes = 2;
    let plan = plan_backups(
        &both,
        &server(),
        &[database("Pay"), database("PAY")],
        None,
        &[],
        None,
    );
    let mut files: Vec<String> = plan
        .steps
        .iter()
        .flat_map(|step| step.devices.iter().map(|d| d.name().to_lowercase()))
        .collect();
    let all = files.len();
    files.sort();
    files.dedup();
    assert_eq!((files.len(), all), (4, 4), "{files:?}");
    assert_eq!(
        plan.refused,
        [("Pay".to_owned(), BackupRefusal::TwiceInRequest)]
    );
}

#[test]
fn destinations_that_name_no_place_and_names_that_do_not_fit() {
    let mut nowhere = request(BackupKind::Full);
    for folder in ["", "Backup", "D:Backup"] {
        nowhere.target = BackupTarget::new_files(ServerPath::new(folder));
        assert_eq!(
            planned(&nowhere, database("Pay")).expect_err("nowhere"),
            BackupRefusal::NoDestination,
            "{folder}"
        );
    }
    let long = "?".repeat(128);
    let mut request = request(BackupKind::Full);
    request.databases = vec![long.clone()];
    assert!(matches!(
        planned(&request, database(&long)),
        Err(BackupRefusal::NameTooLong { .. })
    ));
}

#[test]
fn nul_keeps_nothing_and_says_so() {
    let mut nul = request(BackupKind::Log);
    nul.target = BackupTarget::Nothing;
    nul.chain = ChainChoice::PartOfChain;
    let step = planned(&nul, database("Pay")).expect("it works");
    assert_eq!(step.devices, [Device::Disk("NUL".to_owned())]);
    assert_eq!(step.notes, [BackupNote::HoleInChain]);
}

#[test]
fn the_usual_template_is_one() {
    assert_eq!(FileTemplate::default().as_str(), DEFAULT_TEMPLATE);
}
