//! What must hold before a restore starts, asked from the server: read only, and read again right before the run.

use super::header::{SetHeader, set_headers};
use crate::{
    domain::{Destination, RestorePlan},
    explain::{count, server_problem, size},
    server::{Connection, ServerError, ask},
    tsql,
};
use std::collections::{BTreeMap, BTreeSet};

/// One line of the preflight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightCheck {
    pub title: String,
    pub verdict: PreflightVerdict,
    pub detail: String,
    pub hint: String,
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

impl PreflightCheck {
    fn new(title: &str, verdict: PreflightVerdict, detail: impl Into<String>, hint: &str) -> Self {
        Self {
            title: title.to_owned(),
            verdict,
            detail: detail.into(),
            hint: hint.to_owned(),
        }
    }

    fn good(title: &str, detail: impl Into<String>) -> Self {
        Self::new(title, PreflightVerdict::Good, detail, "")
    }

    fn refused(title: &str, detail: impl Into<String>, hint: &str) -> Self {
        Self::new(title, PreflightVerdict::Refused, detail, hint)
    }

    fn unknown(title: &str, detail: impl Into<String>) -> Self {
        Self::new(title, PreflightVerdict::Unknown, detail, "")
    }

    fn from_error(title: &str, verdict: PreflightVerdict, error: &ServerError) -> Self {
        let problem = server_problem(error);
        Self::new(title, verdict, problem.sentence, &problem.hint)
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
        Some(true) => PreflightCheck::good("Permission", "the login may create databases"),
        Some(false) => PreflightCheck::refused(
            "Permission",
            "the login may not create databases",
            "Ask for CREATE ANY DATABASE, or the role dbcreator.",
        ),
        None => PreflightCheck::unknown("Permission", "the server does not tell"),
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
    const TITLE: &str = "Name";
    let name = tsql::target_database(plan);
    let answer = ask(connection, &tsql::database_state(name)).await?;
    Ok(match (&plan.destination, answer.first()) {
        (Destination::Copy { .. }, None) => PreflightCheck::good(TITLE, format!("{name} is free")),
        (Destination::Copy { .. }, Some(row)) => PreflightCheck::refused(
            TITLE,
            format!(
                "{name} exists already and is {}",
                row.text("state_desc").unwrap_or_default()
            ),
            "Choose another name for the copy.",
        ),
        (Destination::Original, Some(row)) if row.int("state") == Some(RESTORING) => {
            PreflightCheck::good(TITLE, format!("{name} is RESTORING"))
        }
        (Destination::Original, Some(_)) => PreflightCheck::refused(
            TITLE,
            format!("{name} exists and the tail of its log is not backed up"),
            "Restore to a copy.",
        ),
        (Destination::Original, None) => {
            PreflightCheck::good(TITLE, format!("{name} will be created"))
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
    const TITLE: &str = "Backup files";
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
                            PreflightCheck::from_error(TITLE, PreflightVerdict::Refused, &error),
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
                None => Some(format!("it has no backup at position {}", step.position)),
                Some(header) => header.difference(step),
            };
            if let Some(difference) = difference {
                return Ok((
                    PreflightCheck::refused(
                        TITLE,
                        format!("{}: {difference}", device.name()),
                        "The file was overwritten since the history was read; refresh and plan again.",
                    ),
                    used,
                ));
            }
            if family == 0 {
                used.extend(header.cloned());
            }
        }
    }
    Ok((
        PreflightCheck::good(
            TITLE,
            format!(
                "{} can be opened and hold what the plan expects",
                count(n_files, "file", "files")
            ),
        ),
        used,
    ))
}

fn version_check(abilities: &Abilities, headers: &[SetHeader]) -> PreflightCheck {
    const TITLE: &str = "Version";
    let newest = headers.iter().filter_map(|h| h.database_version).max();
    match (abilities.database_version, newest) {
        (Some(server), Some(backup)) if backup > server => PreflightCheck::refused(
            TITLE,
            format!("the backups have version {backup} and this server supports up to {server}"),
            "Restore on a server of that version or later.",
        ),
        (Some(server), Some(backup)) if backup < server => PreflightCheck::new(
            TITLE,
            PreflightVerdict::Warning,
            format!("the copy will be upgraded from version {backup} to {server}"),
            "It cannot go back to the older server afterwards.",
        ),
        (Some(_), Some(backup)) => PreflightCheck::good(
            TITLE,
            format!("database version {backup}, as this server's"),
        ),
        _ => PreflightCheck::unknown(TITLE, "the server does not tell"),
    }
}

/// Only when a backup is encrypted.
async fn certificate_check(
    connection: &mut dyn Connection,
    headers: &[SetHeader],
) -> Result<Option<PreflightCheck>, ServerError> {
    const TITLE: &str = "Certificate";
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
            return Ok(Some(PreflightCheck::from_error(
                TITLE,
                PreflightVerdict::Unknown,
                &error,
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
            Some(missing) => PreflightCheck::refused(
                TITLE,
                format!("the key with thumbprint 0x{missing} is not on this server"),
                "Restore the certificate with its private key into master first.",
            ),
            None => PreflightCheck::good(TITLE, "the key that protects the backups is there"),
        },
    ))
}

async fn target_files(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
) -> Result<PreflightCheck, ServerError> {
    const TITLE: &str = "Target files";
    let answer = match answered(ask(connection, &tsql::master_files()).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(PreflightCheck::from_error(
                TITLE,
                PreflightVerdict::Unknown,
                &error,
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
            return Ok(PreflightCheck::refused(
                TITLE,
                format!("{} belongs to {database}", file.to),
                "Choose another name or folder for the copy.",
            ));
        }
        if !own.insert(path) {
            return Ok(PreflightCheck::refused(
                TITLE,
                format!("{} is meant for two files of the copy", file.to),
                "Give each file its own name.",
            ));
        }
    }
    Ok(PreflightCheck::good(
        TITLE,
        format!(
            "{} will be created",
            count(plan.moves.len(), "file", "files")
        ),
    ))
}

async fn space_check(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
) -> Result<PreflightCheck, ServerError> {
    const TITLE: &str = "Free space";
    let answer = match answered(ask(connection, &tsql::volumes()).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(PreflightCheck::from_error(
                TITLE,
                PreflightVerdict::Unknown,
                &error,
            ));
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
    let mut unknown = BTreeSet::new();
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
            (None, _) => {
                unknown.insert("the volume of a file is not known to the server");
            }
            (_, None) => {
                unknown.insert("the size of a file is not known");
            }
        }
    }
    let mut words = Vec::new();
    for (mount, free) in &volumes {
        let Some(bytes) = needed.get(mount.as_str()) else {
            continue;
        };
        if bytes > free {
            return Ok(PreflightCheck::refused(
                TITLE,
                format!(
                    "{} needs {} and has {} free",
                    mount.to_uppercase(),
                    size(*bytes),
                    size(*free)
                ),
                "Free some space, or send the files to another volume.",
            ));
        }
        words.push(format!(
            "{} needs {} of {} free",
            mount.to_uppercase(),
            size(*bytes),
            size(*free)
        ));
    }
    words.extend(unknown.iter().map(|word| (*word).to_owned()));
    Ok(PreflightCheck::new(
        TITLE,
        if unknown.is_empty() && !words.is_empty() {
            PreflightVerdict::Good
        } else {
            PreflightVerdict::Unknown
        },
        words.join(", "),
        "",
    ))
}

async fn running_check(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
) -> Result<PreflightCheck, ServerError> {
    const TITLE: &str = "Other work";
    let answer = match answered(ask(connection, &tsql::running_backups()).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(PreflightCheck::from_error(
                TITLE,
                PreflightVerdict::Unknown,
                &error,
            ));
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
        Some(row) => PreflightCheck::refused(
            TITLE,
            format!(
                "{} of {} runs in session {}",
                row.text("command").unwrap_or_default(),
                row.text("database_name").unwrap_or_default(),
                row.int("session_id").unwrap_or_default()
            ),
            "Wait until it has finished.",
        ),
        None => PreflightCheck::good(TITLE, "no backup or restore of it runs"),
    })
}
