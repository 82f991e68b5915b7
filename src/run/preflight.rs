//! What must hold before a restore starts, asked from the server: read only, and read again right before the run.

use super::header::{HeaderDifference, SetHeader, set_headers};
use crate::{
    domain::{Destination, RestorePlan},
    server::{Connection, ServerError, ask},
    tsql,
};
use std::collections::{BTreeMap, BTreeSet};

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
    // Permission.
    MayCreate,
    MayNotCreate,
    PermissionNotTold,
    // Backup files.
    FilesAgree {
        n_files: usize,
    },
    FileRefused(ServerError),
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
    OtherWorkNotTold(ServerError),
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
) -> Result<Vec<PreflightCheck>, ServerError> {
    let mut checks = vec![name_check(connection, plan).await?];
    let abilities = abilities(connection).await?;
    checks.push(match abilities.may_create {
        Some(true) => PreflightCheck::good(PreflightFinding::MayCreate),
        Some(false) => PreflightCheck::refused(PreflightFinding::MayNotCreate),
        None => PreflightCheck::unknown(PreflightFinding::PermissionNotTold),
    });
    let (files, headers) = backup_files(connection, plan).await?;
    checks.push(files);
    checks.push(version_check(&abilities, &headers));
    if let Some(check) = certificate_check(connection, &headers).await? {
        checks.push(check);
    }
    checks.push(target_files(connection, plan).await?);
    checks.push(space_check(connection, plan).await?);
    checks.push(running_check(connection, plan).await?);
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

async fn name_check(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
) -> Result<PreflightCheck, ServerError> {
    let name = tsql::target_database(plan).to_owned();
    let answer = ask(connection, &tsql::database_state(&name)).await?;
    Ok(match (&plan.destination, answer.first()) {
        (Destination::Copy { .. }, None) => {
            PreflightCheck::good(PreflightFinding::NameFree { name })
        }
        (Destination::Copy { .. }, Some(row)) => {
            PreflightCheck::refused(PreflightFinding::NameTaken {
                name,
                state: row.text("state_desc").unwrap_or_default(),
            })
        }
        (Destination::Original, Some(row)) if row.int("state") == Some(RESTORING) => {
            PreflightCheck::good(PreflightFinding::AlreadyRestoring { name })
        }
        (Destination::Original, Some(_)) => {
            PreflightCheck::refused(PreflightFinding::TailNotBackedUp { name })
        }
        (Destination::Original, None) => {
            PreflightCheck::good(PreflightFinding::WillBeCreated { name })
        }
    })
}

/// `sys.databases.state`.
pub(super) const RESTORING: i64 = 1;
pub(super) const ONLINE: i64 = 0;

struct Abilities {
    may_create: Option<bool>,
    database_version: Option<i64>,
}

async fn abilities(connection: &mut dyn Connection) -> Result<Abilities, ServerError> {
    let answer = answered(ask(connection, &tsql::abilities()).await)?;
    let row = answer.as_ref().ok().and_then(|answer| answer.first());
    Ok(Abilities {
        may_create: row.and_then(|row| row.bool("may_create")),
        database_version: row.and_then(|row| row.int("database_version")),
    })
}

/// Reads the header of every backup of the plan, and with it proves that the server can open the file.
async fn backup_files(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
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
    Ok((
        PreflightCheck::good(PreflightFinding::FilesAgree { n_files }),
        used,
    ))
}

fn version_check(abilities: &Abilities, headers: &[SetHeader]) -> PreflightCheck {
    let newest = headers.iter().filter_map(|h| h.database_version).max();
    match (abilities.database_version, newest) {
        (Some(server), Some(backup)) if backup > server => {
            PreflightCheck::refused(PreflightFinding::VersionTooNew { backup, server })
        }
        (Some(server), Some(backup)) if backup < server => {
            PreflightCheck::warning(PreflightFinding::VersionUpgrade { backup, server })
        }
        (Some(_), Some(version)) => PreflightCheck::good(PreflightFinding::VersionSame { version }),
        _ => PreflightCheck::unknown(PreflightFinding::VersionNotTold),
    }
}

/// Only when a backup is encrypted.
async fn certificate_check(
    connection: &mut dyn Connection,
    headers: &[SetHeader],
) -> Result<Option<PreflightCheck>, ServerError> {
    let wanted: BTreeSet<&str> = headers
        .iter()
        .filter_map(|h| h.encryptor_thumbprint.as_deref())
        .collect();
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
        match wanted
            .iter()
            .find(|thumbprint| !here.contains(**thumbprint))
        {
            Some(missing) => PreflightCheck::refused(PreflightFinding::CertificateMissing {
                thumbprint: (*missing).to_owned(),
            }),
            None => PreflightCheck::good(PreflightFinding::CertificateThere),
        },
    ))
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

async fn space_check(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
) -> Result<PreflightCheck, ServerError> {
    let answer = match answered(ask(connection, &tsql::volumes()).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(PreflightCheck::unknown(PreflightFinding::SpaceNotTold(
                error,
            )));
        }
    };
    let volumes: Vec<(String, u64)> = answer
        .rows()
        .iter()
        .filter_map(|row| {
            let free = row
                .int("available_bytes")
                .and_then(|b| u64::try_from(b).ok())?;
            Some((row.text("volume_mount_point")?.to_lowercase(), free))
        })
        .collect();
    let mut needed: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut volume_unknown, mut size_unknown) = (false, false);
    for file in &plan.moves {
        let path = file.to.to_lowercase();
        let volume = volumes
            .iter()
            .filter(|(mount, _)| path.starts_with(mount.as_str()))
            .max_by_key(|(mount, _)| mount.len());
        match (volume, file.file_size) {
            (Some((mount, _)), Some(bytes)) => {
                *needed.entry(mount).or_default() += bytes;
            }
            (None, _) => volume_unknown = true,
            (_, None) => size_unknown = true,
        }
    }
    let mut needs = Vec::new();
    for (mount, free) in &volumes {
        let Some(bytes) = needed.get(mount.as_str()) else {
            continue;
        };
        let need = VolumeNeed {
            volume: mount.to_uppercase(),
            needed_bytes: *bytes,
            free_bytes: *free,
        };
        if bytes > free {
            return Ok(PreflightCheck::refused(PreflightFinding::SpaceShort(need)));
        }
        needs.push(need);
    }
    Ok(if volume_unknown || size_unknown || needs.is_empty() {
        PreflightCheck::unknown(PreflightFinding::SpacePartlyKnown {
            volumes: needs,
            volume_unknown,
            size_unknown,
        })
    } else {
        PreflightCheck::good(PreflightFinding::SpaceEnough { volumes: needs })
    })
}

async fn running_check(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
) -> Result<PreflightCheck, ServerError> {
    let answer = match answered(ask(connection, &tsql::running_backups()).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(PreflightCheck::unknown(PreflightFinding::OtherWorkNotTold(
                error,
            )));
        }
    };
    let target = tsql::target_database(plan).to_lowercase();
    let source = plan.database.to_lowercase();
    let busy = answer.rows().iter().find(|row| {
        let name = row.text("database_name").unwrap_or_default().to_lowercase();
        // A copy reads files; a backup of its source disturbs it only where the tail is to be backed up.
        name == target || (plan.tail.is_some() && name == source)
    });
    Ok(match busy {
        Some(row) => PreflightCheck::refused(PreflightFinding::OtherWork {
            command: row.text("command").unwrap_or_default(),
            database: row.text("database_name").unwrap_or_default(),
            session_id: row.int("session_id").unwrap_or_default(),
        }),
        None => PreflightCheck::good(PreflightFinding::NothingElseRuns),
    })
}
