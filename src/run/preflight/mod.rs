//! What must hold before a restore starts, asked from the server: read only, and read again right before the run.

mod over;
mod space;
mod words;
mod work;

use super::{
    choices::RunChoices,
    header::{HeaderDifference, SetHeader, hex, set_headers},
    target::{RESTORING, TargetFacts, read_target},
};
use crate::{
    domain::{AgentState, BackupType, Destination, PlanStep, RestorePlan},
    server::{Connection, ServerError, ask},
    tsql::{self, BatchKind, GroupWay},
};
use over::{
    agent_check, connections_check, group_check, jobs_check, over_check, permission_check,
    programs_check,
};
use space::space_check;
pub use space::{WrittenFile, files_written};
use std::collections::{BTreeMap, BTreeSet};
use work::running_check;

/// One line of the preflight; `explain::preflight` has its words.
#[derive(Clone, Debug, PartialEq)]
pub struct PreflightCheck {
    pub verdict: PreflightVerdict,
    pub finding: PreflightFinding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreflightVerdict {
    Good,
    Warning,
    /// The run must not start.
    Refused,
    /// The server does not tell.
    Unknown,
}

/// What a line of the preflight found.
#[derive(Clone, Debug, PartialEq)]
pub enum PreflightFinding {
    // Name.
    NameFree {
        name: String,
    },
    NameTaken {
        name: String,
        state: String,
    },
    /// Over the original, whose tail was backed up before.
    AlreadyRestoring {
        name: String,
    },
    TailNotBackedUp {
        name: String,
    },
    WillBeCreated {
        name: String,
    },
    /// It will be overwritten; its tail is backed up first.
    WillBeOverwritten {
        name: String,
        state: String,
    },
    /// It will be overwritten, and what no backup holds is lost: the user said why.
    WillLoseTail {
        name: String,
        reason: String,
    },
    /// It cannot be opened in this state, and so its tail cannot be backed up.
    TailNotPossible {
        name: String,
        state: String,
    },
    /// It is no longer as it was when the user decided.
    TargetChanged {
        name: String,
        before: String,
        now: String,
    },
    // Groups.
    StandsAlone,
    /// With the way out of it and back, where the server tells it.
    InAvailabilityGroup {
        name: String,
        way: Option<Box<GroupWay>>,
    },
    Mirrored {
        name: String,
    },
    HasSnapshots {
        name: String,
        n_snapshots: i64,
    },
    // Connections.
    NobodyConnected,
    /// They are put out; what they have not committed is rolled back first.
    Connected {
        n_sessions: usize,
        n_open_transactions: usize,
        /// Of those the one that has written most.
        largest: Option<OpenTransaction>,
        /// `login on host (program)`, the first few.
        who: Vec<String>,
    },
    ConnectionsNotTold(ServerError),
    /// The login sees no sessions but its own.
    ConnectionsHidden,
    // Jobs.
    NoJobsDue,
    /// Enabled jobs that start before the expected end and touch the database, or back up or clean up all.
    JobsDue {
        names: Vec<String>,
    },
    JobsNotTold(ServerError),
    // SQL Server Agent, where it restores.
    AgentRuns,
    AgentDoesNotRun(AgentState),
    AgentNotTold(ServerError),
    // Programs on this machine.
    ProgramsThere {
        n_programs: usize,
    },
    ProgramMissing {
        program: String,
    },
    // Permission.
    MayCreate,
    MayNotCreate,
    /// A copy to a moment in the tail begins with a backup of the log of its source.
    MayNotBackUpLog {
        source: String,
    },
    MayRestoreOver,
    /// What of it the login may not: `back up the log`, `restore over it`, `change its options`, `enter it`.
    MayNotOver {
        name: String,
        missing: Vec<&'static str>,
    },
    PermissionNotTold,
    /// The profile lets stopat go only so far.
    ProfileForbids {
        allowed: BatchKind,
    },
    // Backup files.
    FilesAgree {
        n_files: usize,
    },
    FileRefused(ServerError),
    /// They were read to their end as well.
    FilesVerified {
        n_files: usize,
    },
    FileDiffers {
        file: String,
        difference: HeaderDifference,
    },
    // Version.
    VersionTooNew {
        backup: i64,
        server: i64,
    },
    VersionUpgrade {
        backup: i64,
        server: i64,
    },
    /// It is to be left in standby, which needs no upgrade (message 3180).
    UpgradeBeforeReading {
        backup: i64,
        server: i64,
    },
    VersionSame {
        version: i64,
    },
    VersionNotTold,
    // Certificate.
    CertificateThere,
    CertificateMissing {
        thumbprint: String,
    },
    CertificateNotTold(ServerError),
    // Target files.
    TargetFilesFree {
        n_files: usize,
    },
    TargetFileTaken {
        file: String,
        database: String,
    },
    TargetFileTwice {
        file: String,
    },
    TargetFilesNotTold(ServerError),
    // Free space.
    SpaceEnough {
        volumes: Vec<VolumeNeed>,
    },
    SpaceShort(VolumeNeed),
    /// It fits, and leaves hardly anything.
    SpaceTight(VolumeNeed),
    /// Of some files the volume or the size is not known.
    SpacePartlyKnown {
        volumes: Vec<VolumeNeed>,
        volume_unknown: bool,
        size_unknown: bool,
    },
    SpaceNotTold(ServerError),
    // Other work.
    NothingElseRuns,
    OtherWork {
        command: String,
        database: String,
        session_id: i64,
    },
    /// A restore whose statement does not say of which database it is.
    WorkOfUnknown {
        command: String,
        session_id: i64,
    },
    OtherWorkNotTold(ServerError),
    /// The login sees no sessions but its own.
    OtherWorkHidden,
}

/// Work that is not committed: rolling it back takes about as long as it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    pub session_id: i64,
    /// What it has written into the log so far.
    pub log_bytes: u64,
    /// Since its first write.
    pub age_secs: u64,
}

/// What the files of the target need on one volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeNeed {
    /// `volume_mount_point`.
    pub volume: String,
    pub needed_bytes: u64,
    pub free_bytes: u64,
}

impl PreflightCheck {
    fn good(finding: PreflightFinding) -> Self {
        Self {
            verdict: PreflightVerdict::Good,
            finding,
        }
    }

    fn warning(finding: PreflightFinding) -> Self {
        Self {
            verdict: PreflightVerdict::Warning,
            finding,
        }
    }

    fn refused(finding: PreflightFinding) -> Self {
        Self {
            verdict: PreflightVerdict::Refused,
            finding,
        }
    }

    fn unknown(finding: PreflightFinding) -> Self {
        Self {
            verdict: PreflightVerdict::Unknown,
            finding,
        }
    }
}

/// Everything that speaks for or against running a plan now. Fails only when the connection does.
pub async fn preflight(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
    choices: &RunChoices,
) -> Result<Vec<PreflightCheck>, ServerError> {
    let name = tsql::target_database(plan);
    let target = read_target(connection, name).await?;
    let mut checks = vec![name_check(plan, choices, target.as_ref())];
    let abilities = abilities(connection, name, &plan.database).await?;
    let allowed = connection.allowed();
    checks.push(if allowed < BatchKind::Restore {
        PreflightCheck::refused(PreflightFinding::ProfileForbids { allowed })
    } else {
        permission_check(&abilities, plan, choices)
    });
    let (files, headers) = backup_files(connection, plan, choices).await?;
    checks.push(files);
    let newest = headers.iter().filter_map(|h| h.database_version).max();
    checks.push(version_check(
        abilities.database_version,
        newest,
        choices.standby.is_some(),
    ));
    if let (Some(_), Some(target)) = (&choices.over, &target) {
        checks.push(group_check(connection, name, target).await?);
        checks.push(connections_check(connection, name, &abilities).await?);
        checks.push(jobs_check(connection, plan, choices).await?);
    }
    if choices.on_server.is_some() {
        checks.push(agent_check(connection).await?);
    }
    if let Some(check) = programs_check(choices) {
        checks.push(check);
    }
    if let Some(check) = certificate_check(connection, plan, &headers).await? {
        checks.push(check);
    }
    checks.push(target_files(connection, plan).await?);
    checks.push(space_check(connection, plan).await?);
    checks.push(running_check(connection, plan, &abilities).await?);
    Ok(checks)
}

/// An error that the server answered with is an answer; a lost connection is not.
fn answered<T>(result: Result<T, ServerError>) -> Result<Result<T, ServerError>, ServerError> {
    match result {
        Err(error @ ServerError::Refused { .. }) => Ok(Err(error)),
        Err(other) => Err(other),
        Ok(value) => Ok(Ok(value)),
    }
}

fn name_check(
    plan: &RestorePlan,
    choices: &RunChoices,
    target: Option<&TargetFacts>,
) -> PreflightCheck {
    let name = tsql::target_database(plan).to_owned();
    match (&plan.destination, target, &choices.over) {
        (Destination::Copy { .. }, None, _) => {
            PreflightCheck::good(PreflightFinding::NameFree { name })
        }
        (Destination::Copy { .. }, Some(found), _) => {
            PreflightCheck::refused(PreflightFinding::NameTaken {
                name,
                state: found.state.clone(),
            })
        }
        (Destination::Original, None, None) => {
            PreflightCheck::good(PreflightFinding::WillBeCreated { name })
        }
        (Destination::Original, None, Some(over)) => {
            PreflightCheck::refused(PreflightFinding::TargetChanged {
                name,
                before: over.target.state.clone(),
                now: "not there".to_owned(),
            })
        }
        (Destination::Original, Some(found), None) if found.state_number == RESTORING => {
            PreflightCheck::good(PreflightFinding::AlreadyRestoring { name })
        }
        (Destination::Original, Some(_), None) => {
            PreflightCheck::refused(PreflightFinding::TailNotBackedUp { name })
        }
        (Destination::Original, Some(found), Some(over)) => over_check(name, found, over),
    }
}

struct Abilities {
    may_create: Option<bool>,
    database_version: Option<i64>,
    /// `None` when the server does not tell, or has no such database.
    may_restore_over: Option<bool>,
    may_back_up_log: Option<bool>,
    may_alter: Option<bool>,
    may_see_requests: Option<bool>,
    /// `None` as well where there is no such database.
    may_enter: Option<bool>,
}

async fn abilities(
    connection: &mut dyn Connection,
    name: &str,
    source: &str,
) -> Result<Abilities, ServerError> {
    let answer = answered(ask(connection, &tsql::abilities(name, source)).await)?;
    let row = answer.as_ref().ok().and_then(|answer| answer.first());
    let may = |column: &str| row.and_then(|row| row.bool(column));
    Ok(Abilities {
        may_create: may("may_create"),
        database_version: row.and_then(|row| row.int("database_version")),
        may_restore_over: may("may_restore_over"),
        may_back_up_log: may("may_back_up_log"),
        may_alter: may("may_alter"),
        may_see_requests: may("may_see_requests"),
        may_enter: may("may_enter"),
    })
}

/// Reads the header of every backup of the plan, and with it proves that the server can open the file.
async fn backup_files(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
    choices: &RunChoices,
) -> Result<(PreflightCheck, Vec<SetHeader>), ServerError> {
    let mut by_device: BTreeMap<String, Vec<SetHeader>> = BTreeMap::new();
    let mut used = Vec::new();
    let mut n_files = 0;
    for step in &plan.steps {
        for (family, device) in step.devices.iter().enumerate() {
            if !by_device.contains_key(device.name()) {
                match answered(ask(connection, &tsql::header_only(device)).await)? {
                    Ok(answer) => {
                        by_device.insert(device.name().to_owned(), set_headers(&answer));
                    }
                    Err(error) => {
                        return Ok((
                            PreflightCheck::refused(PreflightFinding::FileRefused(error)),
                            used,
                        ));
                    }
                }
                n_files += 1;
            }
            let header = by_device
                .get(device.name())
                .and_then(|sets| sets.iter().find(|s| s.position == i64::from(step.position)));
            let difference = match header {
                None => Some(HeaderDifference::NoSetAt {
                    position: step.position,
                }),
                Some(header) => header.difference(step),
            };
            if let Some(difference) = difference {
                return Ok((
                    PreflightCheck::refused(PreflightFinding::FileDiffers {
                        file: device.name().to_owned(),
                        difference,
                    }),
                    used,
                ));
            }
            if family == 0 {
                used.extend(header.cloned());
            }
        }
    }
    if choices.verify_files {
        for step in &plan.steps {
            let question = tsql::verify_only(&step.devices, step.position, step.has_checksums);
            if let Err(error) = answered(ask(connection, &question).await)? {
                return Ok((
                    PreflightCheck::refused(PreflightFinding::FileRefused(error)),
                    used,
                ));
            }
        }
        return Ok((
            PreflightCheck::good(PreflightFinding::FilesVerified { n_files }),
            used,
        ));
    }
    Ok((
        PreflightCheck::good(PreflightFinding::FilesAgree { n_files }),
        used,
    ))
}

/// The internal versions of the server and of the newest backup; `in_standby`, nothing can be upgraded.
fn version_check(server: Option<i64>, backup: Option<i64>, in_standby: bool) -> PreflightCheck {
    let (Some(server), Some(backup)) = (server, backup) else {
        return PreflightCheck::unknown(PreflightFinding::VersionNotTold);
    };
    if backup > server {
        PreflightCheck::refused(PreflightFinding::VersionTooNew { backup, server })
    } else if backup == server {
        PreflightCheck::good(PreflightFinding::VersionSame { version: backup })
    } else if in_standby {
        PreflightCheck::refused(PreflightFinding::UpgradeBeforeReading { backup, server })
    } else {
        PreflightCheck::warning(PreflightFinding::VersionUpgrade { backup, server })
    }
}

/// Only when a backup is encrypted, or the database in it is (TDE).
async fn certificate_check(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
    headers: &[SetHeader],
) -> Result<Option<PreflightCheck>, ServerError> {
    let mut wanted: BTreeSet<String> = headers
        .iter()
        .filter_map(|h| h.encryptor_thumbprint.clone())
        .collect();
    wanted.extend(tde_thumbprints(connection, plan).await?);
    if wanted.is_empty() {
        return Ok(None);
    }
    let answer = match answered(ask(connection, &tsql::thumbprints()).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(Some(PreflightCheck::unknown(
                PreflightFinding::CertificateNotTold(error),
            )));
        }
    };
    let here: BTreeSet<String> = answer
        .rows()
        .iter()
        .filter_map(|row| row.text("thumbprint"))
        .map(|text| text.to_uppercase())
        .collect();
    Ok(Some(
        match wanted.iter().find(|thumbprint| !here.contains(*thumbprint)) {
            Some(missing) => PreflightCheck::refused(PreflightFinding::CertificateMissing {
                thumbprint: missing.clone(),
            }),
            None => PreflightCheck::good(PreflightFinding::CertificateThere),
        },
    ))
}

/// What the keys of the database files are protected with; all files of a database have the same.
async fn tde_thumbprints(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
) -> Result<BTreeSet<String>, ServerError> {
    let data = |step: &&PlanStep| step.backup_type != BackupType::Log;
    let Some(step) = plan.steps.iter().rfind(data) else {
        return Ok(BTreeSet::new());
    };
    let question = tsql::file_list(&step.devices, step.position);
    // What a file that cannot be read is encrypted with is told when it is opened.
    let Ok(listed) = answered(ask(connection, &question).await)? else {
        return Ok(BTreeSet::new());
    };
    Ok(listed
        .rows()
        .iter()
        .filter_map(|row| hex(row.cell("tdethumbprint")))
        .collect())
}

async fn target_files(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
) -> Result<PreflightCheck, ServerError> {
    let answer = match answered(ask(connection, &tsql::master_files()).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(PreflightCheck::unknown(
                PreflightFinding::TargetFilesNotTold(error),
            ));
        }
    };
    let taken: BTreeMap<String, String> = answer
        .rows()
        .iter()
        .filter_map(|row| {
            Some((
                row.text("physical_name")?.to_lowercase(),
                row.text("database_name").unwrap_or_default(),
            ))
        })
        .collect();
    let mut own = BTreeSet::new();
    for file in &plan.moves {
        let path = file.to.to_lowercase();
        if let Some(database) = taken.get(&path) {
            return Ok(PreflightCheck::refused(PreflightFinding::TargetFileTaken {
                file: file.to.clone(),
                database: database.clone(),
            }));
        }
        if !own.insert(path) {
            return Ok(PreflightCheck::refused(PreflightFinding::TargetFileTwice {
                file: file.to.clone(),
            }));
        }
    }
    Ok(PreflightCheck::good(PreflightFinding::TargetFilesFree {
        n_files: plan.moves.len(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_be_upgraded_cannot_be_left_readable() {
        let verdict = |backup, in_standby| version_check(Some(957), backup, in_standby).verdict;
        assert_eq!(verdict(Some(904), false), PreflightVerdict::Warning);
        assert_eq!(verdict(Some(904), true), PreflightVerdict::Refused);
        assert_eq!(verdict(Some(957), true), PreflightVerdict::Good);
        assert_eq!(verdict(Some(998), false), PreflightVerdict::Refused);
        assert_eq!(verdict(None, true), PreflightVerdict::Unknown);
    }
}
