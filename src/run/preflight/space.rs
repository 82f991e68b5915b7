//! Whether the files of the target fit.

use super::{PreflightCheck, PreflightFinding, VolumeNeed, answered};
use crate::{
    domain::{BackupType, Destination, RestorePlan},
    run::header::listed_files,
    server::{Connection, ServerError, ask},
    tsql,
};
use std::collections::BTreeMap;

pub(super) async fn space_check(
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
    let files: Vec<(String, Option<u64>)> = match &plan.destination {
        Destination::Copy { .. } => plan
            .moves
            .iter()
            .map(|file| (file.to.to_lowercase(), file.file_size))
            .collect(),
        // What is there already is credited.
        Destination::Original => files_written(connection, plan)
            .await?
            .into_iter()
            .map(|file| {
                let grows = file.bytes.map(|bytes| bytes.saturating_sub(file.bytes_now));
                (file.path.to_lowercase(), grows)
            })
            .collect(),
    };
    let mut needed: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut volume_unknown, mut size_unknown) = (false, false);
    for (path, bytes) in &files {
        let volume = volumes
            .iter()
            .filter(|(mount, _)| path.starts_with(mount.as_str()))
            .max_by_key(|(mount, _)| mount.len());
        match (volume, bytes) {
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
    let tight = needs.iter().find(|need| {
        need.needed_bytes > 0 && need.free_bytes - need.needed_bytes < need.free_bytes / HEADROOM
    });
    if let Some(tight) = tight {
        return Ok(PreflightCheck::warning(PreflightFinding::SpaceTight(
            tight.clone(),
        )));
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

/// Of the free space at least this part should stay free.
const HEADROOM: u64 = 10;

/// A file that a restore over a database writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// As the server sees it.
    pub path: String,
    /// The size that it gets; a log file is written at its whole size.
    pub bytes: Option<u64>,
    /// The size that it has now; zero when it is not there.
    pub bytes_now: u64,
}

/// Over a database that is there: the files of its full backup, each with the size that it gets and has.
///
/// Empty when the server does not tell.
pub async fn files_written(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
) -> Result<Vec<WrittenFile>, ServerError> {
    let Some(base) = plan
        .steps
        .iter()
        .find(|step| step.backup_type == BackupType::Full)
    else {
        return Ok(Vec::new());
    };
    let question = tsql::file_list(&base.devices, base.position);
    let Ok(listed) = answered(ask(connection, &question).await)? else {
        return Ok(Vec::new());
    };
    let Ok(present) = answered(ask(connection, &tsql::master_files()).await)? else {
        return Ok(Vec::new());
    };
    let size_now = |path: &str| {
        present
            .rows()
            .iter()
            .find(|row| {
                row.text("physical_name")
                    .is_some_and(|name| name.to_lowercase() == path)
            })
            .and_then(|row| row.int("size_bytes"))
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or_default()
    };
    Ok(listed_files(&listed)
        .into_iter()
        .filter_map(|file| {
            let path = file.physical_name?;
            Some(WrittenFile {
                bytes: file.file_size,
                bytes_now: size_now(&path.to_lowercase()),
                path,
            })
        })
        .collect())
}
