//! From a request to a plan: who is refused, what is copy-only, and what every file is called.

use super::{
    BackupDatabase, BackupKind, BackupNote, BackupPlan, BackupRefusal, BackupRequest, BackupServer,
    BackupStep, BackupTarget, ChainChoice, ChainReason, ExpectedBackup, MAX_FILE_NAME, PolicyPlace,
    ReplicaRole, SecondaryInstead, escape_file_name, option_faults,
};
use crate::domain::{DatabaseHistory, Device, History, PolicyDatabases, ServerPath, within_utf16};
use std::collections::BTreeSet;

/// The longest device name that `BACKUP` takes (message 3057).
const MAX_DEVICE_NAME: usize = 259;
/// The longest `NAME` of a set.
const MAX_SET_NAME: usize = 128;
const MASTER: i64 = 1;
const TEMPDB: i64 = 2;
/// SQL Server 2025 takes every kind of backup on a secondary replica.
const ANY_BACKUP_ON_SECONDARY: u32 = 17;

/// Works out every backup of a request. `free` is the room at the destination, where the server tells it.
pub fn plan_backups(
    request: &BackupRequest,
    server: &BackupServer,
    databases: &[BackupDatabase],
    history: Option<&History>,
    policy: &[PolicyPlace],
    free: Option<u64>,
) -> BackupPlan {
    let mut plan = BackupPlan {
        steps: Vec::new(),
        refused: Vec::new(),
        faults: option_faults(request, server),
        at_once: request.at_once.clamp(1, BackupRequest::MOST_AT_ONCE),
    };
    let mut files = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for name in &request.databases {
        if !seen.insert(name.as_str()) {
            plan.refused
                .push((name.clone(), BackupRefusal::TwiceInRequest));
            continue;
        }
        let facts = databases
            .iter()
            .find(|d| d.name == *name)
            .or_else(|| databases.iter().find(|d| same_name(&d.name, name)));
        let planned = match facts {
            None => Err(BackupRefusal::NotThere),
            Some(facts) => {
                let known = history.and_then(|history| history.database(&facts.name));
                let known = history.map(|_| known.as_deref());
                plan_one(request, server, facts, known, policy, &mut files)
            }
        };
        match planned {
            Ok(step) => plan.steps.push(step),
            Err(refusal) => plan.refused.push((name.clone(), refusal)),
        }
    }
    note_room(&mut plan, free);
    plan
}

fn same_name(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn plan_one(
    request: &BackupRequest,
    server: &BackupServer,
    facts: &BackupDatabase,
    known: Option<Option<&DatabaseHistory>>,
    policy: &[PolicyPlace],
    files: &mut BTreeSet<String>,
) -> Result<BackupStep, BackupRefusal> {
    let kind = request.kind;
    let chain = chain_reason(request, facts, policy);
    if let Some(refusal) = refusal(kind, &chain, server, facts) {
        return Err(refusal);
    }
    let devices = devices(request, server, facts, files)?;
    let mut step = BackupStep {
        set_name: set_name(&facts.name, kind, chain.copy_only()),
        database: facts.name.clone(),
        kind,
        chain,
        devices,
        append: request.target.appends(),
        options: request.options.clone(),
        expected: expected(kind, known.flatten()),
        notes: Vec::new(),
    };
    step.notes = notes(&step, request, server, known);
    Ok(step)
}

/// Why the server would refuse, before anything about files; `None` when it would not.
pub fn refusal(
    kind: BackupKind,
    chain: &ChainReason,
    server: &BackupServer,
    facts: &BackupDatabase,
) -> Option<BackupRefusal> {
    let log = kind == BackupKind::Log;
    let simple = facts.recovery_model.eq_ignore_ascii_case("SIMPLE");
    let may = if log {
        facts.may_back_up_log
    } else {
        facts.may_back_up
    };
    if server.edition.is_azure_database() {
        Some(BackupRefusal::Azure)
    } else if facts.database_id == TEMPDB {
        Some(BackupRefusal::TempDb)
    } else if facts.is_snapshot {
        Some(BackupRefusal::Snapshot)
    } else if facts.database_id == MASTER && kind != BackupKind::Full {
        Some(BackupRefusal::OnlyFullOfMaster)
    } else if !facts.state.eq_ignore_ascii_case("ONLINE") {
        Some(BackupRefusal::NotOnline {
            state: facts.state.clone(),
        })
    } else if facts.is_standby {
        Some(BackupRefusal::Standby)
    } else if log && simple {
        Some(BackupRefusal::LogInSimple)
    } else if let Some(instead) = refused_on_secondary(kind, chain, server, facts) {
        Some(BackupRefusal::SecondaryReplica { instead })
    } else if log && facts.has_log_chain == Some(false) {
        Some(BackupRefusal::LogWithoutFull)
    } else if kind == BackupKind::Differential && facts.has_base == Some(false) {
        Some(BackupRefusal::DifferentialWithoutBase)
    } else if may == Some(false) {
        Some(BackupRefusal::NoPermission)
    } else {
        facts
            .running
            .as_ref()
            .filter(|command| !log && command.as_str() != "BACKUP LOG")
            .map(|command| BackupRefusal::AlreadyRunning {
                command: command.clone(),
            })
    }
}

fn refused_on_secondary(
    kind: BackupKind,
    chain: &ChainReason,
    server: &BackupServer,
    facts: &BackupDatabase,
) -> Option<SecondaryInstead> {
    let any = server
        .version_major
        .is_some_and(|major| major >= ANY_BACKUP_ON_SECONDARY);
    if facts.replica != ReplicaRole::Secondary || any {
        return None;
    }
    match (kind, chain.copy_only()) {
        (BackupKind::Full, true) | (BackupKind::Log, false) => None,
        (BackupKind::Full, false) | (BackupKind::Differential, _) => {
            Some(SecondaryInstead::CopyOnlyFull)
        }
        (BackupKind::Log, true) => Some(SecondaryInstead::OrdinaryLog),
    }
}

/// Design §3.9: other people's chains are not touched by hand.
fn chain_reason(
    request: &BackupRequest,
    facts: &BackupDatabase,
    policy: &[PolicyPlace],
) -> ChainReason {
    if request.kind == BackupKind::Differential {
        return ChainReason::Differential;
    }
    match request.chain {
        ChainChoice::CopyOnly => return ChainReason::AskedCopyOnly,
        ChainChoice::PartOfChain => return ChainReason::AskedPartOfChain,
        ChainChoice::Careful => {}
    }
    let is_user_database = facts.database_id > 4;
    let mut place = None;
    for candidate in policy {
        let covers = candidate.databases.includes(&facts.name)
            && (is_user_database || matches!(candidate.databases, PolicyDatabases::One(_)));
        if !covers || candidate.kind != request.kind {
            continue;
        }
        let goes_there = match &request.target {
            BackupTarget::NewFiles { folder, .. } => {
                folder.same_as(&candidate.folder) || candidate.folder.holds(folder)
            }
            BackupTarget::Append(file) => candidate.folder.holds(file),
            BackupTarget::Nothing => false,
        };
        if goes_there {
            return ChainReason::PlaceOfPolicy;
        }
        place.get_or_insert(&candidate.folder);
    }
    match place {
        Some(place) => ChainReason::OutsidePolicy {
            place: place.clone(),
        },
        None => ChainReason::NoPolicy,
    }
}

fn devices(
    request: &BackupRequest,
    server: &BackupServer,
    facts: &BackupDatabase,
    files: &mut BTreeSet<String>,
) -> Result<Vec<Device>, BackupRefusal> {
    let (folder, template) = match &request.target {
        BackupTarget::Nothing => return Ok(vec![Device::Disk("NUL".to_owned())]),
        BackupTarget::Append(file) if !file.is_absolute() => {
            return Err(BackupRefusal::NoDestination);
        }
        BackupTarget::Append(file) => return Ok(vec![device(file)]),
        BackupTarget::NewFiles { folder, .. } if !folder.is_absolute() => {
            return Err(BackupRefusal::NoDestination);
        }
        BackupTarget::NewFiles { folder, template } => (folder, template),
    };
    let of = request.options.stripes.max(1);
    let mut devices = Vec::new();
    for number in 1..=of {
        let stripe = (of > 1).then_some((number, of));
        let mut name = template.file_name(&facts.name, request.kind, server.now, stripe);
        // Names that differ in case alone are one file on Windows.
        let mut again = 1_u32;
        while !files.insert(folder.join(&name).as_str().to_lowercase()) {
            again += 1;
            let plain = template.file_name(&facts.name, request.kind, server.now, stripe);
            let ending = request.kind.extension();
            let stem = plain.trim_end_matches(ending).trim_end_matches('.');
            name = format!("{stem}_{again}.{ending}");
        }
        let path = folder.join(&name);
        let length = path.as_str().encode_utf16().count();
        if length > MAX_DEVICE_NAME || name.len() > MAX_FILE_NAME {
            return Err(BackupRefusal::NameTooLong { length });
        }
        devices.push(device(&path));
    }
    Ok(devices)
}

fn device(path: &ServerPath) -> Device {
    if path.is_url() {
        Device::Url(path.as_str().to_owned())
    } else {
        Device::Disk(path.as_str().to_owned())
    }
}

fn set_name(database: &str, kind: BackupKind, copy_only: bool) -> String {
    let ending = match (kind, copy_only) {
        (BackupKind::Full, false) => "-full",
        (BackupKind::Full, true) => "-full copy-only",
        (BackupKind::Differential, _) => "-diff",
        (BackupKind::Log, false) => "-log",
        (BackupKind::Log, true) => "-log copy-only",
    };
    let name = within_utf16(database, MAX_SET_NAME - ending.len());
    name.to_owned() + ending
}

/// The newest set of the kind tells size and time; a differential grows until the next full.
fn expected(kind: BackupKind, known: Option<&DatabaseHistory>) -> ExpectedBackup {
    let newest = known.and_then(|history| {
        let lane = history.lane(kind.backup_type())?;
        lane.get(lane.len().checked_sub(1)?)
    });
    ExpectedBackup {
        bytes: newest.and_then(|set| set.bytes()),
        seconds: newest.map(|set| set.finish().instant.seconds() - set.start().instant.seconds()),
    }
}

fn notes(
    step: &BackupStep,
    request: &BackupRequest,
    server: &BackupServer,
    known: Option<Option<&DatabaseHistory>>,
) -> Vec<BackupNote> {
    let mut notes = Vec::new();
    let copy_only = step.chain.copy_only();
    // Nothing is said of a history that nobody read.
    if let (BackupKind::Differential, Some(known)) = (step.kind, known) {
        notes.push(match known.and_then(base_of_next_differential) {
            Some((finish, file)) => BackupNote::BuildsOn { finish, file },
            None => BackupNote::BuildsOnUnknown,
        });
    }
    if request.target == BackupTarget::Nothing {
        notes.push(if copy_only || step.kind == BackupKind::Differential {
            BackupNote::KeepsNothing
        } else {
            BackupNote::HoleInChain
        });
    }
    if step.kind == BackupKind::Log && copy_only {
        notes.push(BackupNote::LogKeepsGrowing);
    }
    if step.kind != BackupKind::Log && !server.sees_requests {
        notes.push(BackupNote::OthersHidden);
    }
    if let Some(encryption) = &step.options.encryption
        && server
            .certificates
            .iter()
            .any(|c| c.name == encryption.certificate && c.key_backed_up.is_none())
    {
        notes.push(BackupNote::KeyNeverBackedUp {
            certificate: encryption.certificate.clone(),
        });
    }
    if matches!(request.target, BackupTarget::NewFiles { .. })
        && escape_file_name(&step.database) != step.database
    {
        notes.push(BackupNote::NameEscaped);
    }
    notes
}

/// The newest full that is not copy-only: what a differential taken now builds on.
fn base_of_next_differential(
    history: &DatabaseHistory,
) -> Option<(crate::domain::ServerTime, String)> {
    let lane = history.lane(crate::domain::BackupType::Full)?;
    (0..lane.len()).rev().find_map(|idx| {
        let set = lane.get(idx)?;
        (!set.is_copy_only()).then(|| {
            (
                set.finish().server,
                set.device_names().next().unwrap_or_default().to_owned(),
            )
        })
    })
}

fn note_room(plan: &mut BackupPlan, free: Option<u64>) {
    let Some(free) = free else { return };
    let expected: u64 = plan.steps.iter().filter_map(|s| s.expected.bytes).sum();
    if expected > free
        && let Some(step) = plan.steps.first_mut()
    {
        step.notes.push(BackupNote::LittleRoom { free, expected });
    }
}
