//! What refuses a restore, as a fragment for journals; `explain::preflight` has the words for people, of every finding.

use super::{PreflightFinding, VolumeNeed};
use crate::{domain::AgentState, run::header::HeaderDifference, tsql::BatchKind};
use std::fmt;

impl fmt::Display for PreflightFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name, state } => write!(f, "{name} exists already and is {state}"),
            Self::TailNotBackedUp { name } => {
                write!(f, "{name} exists and the tail of its log is not backed up")
            }
            Self::TailNotPossible { name, state } => {
                write!(f, "{name} is {state}, and its log cannot be backed up so")
            }
            Self::TargetChanged { name, before, now } => {
                write!(f, "{name} was {before}, and is {now} now")
            }
            Self::InAvailabilityGroup { name, .. } => {
                write!(f, "{name} belongs to an availability group")
            }
            Self::Mirrored { name } => write!(f, "{name} is mirrored"),
            Self::HasSnapshots { name, n_snapshots } => {
                write!(f, "{name} has database snapshots ({n_snapshots})")
            }
            Self::AgentDoesNotRun(state) => f.write_str(match state {
                AgentState::Absent => "there is no SQL Server Agent",
                AgentState::Running | AgentState::Stopped | AgentState::Unknown => {
                    "SQL Server Agent does not run"
                }
            }),
            Self::ProgramMissing { program } => write!(f, "there is no program {program}"),
            Self::MayNotCreate => f.write_str("the login may not create a database"),
            Self::MayNotBackUpLog { source } => {
                write!(f, "the login may not back up the log of {source}")
            }
            Self::MayNotOver { name, missing } => {
                write!(f, "the login may not {} ({name})", missing.join(" or "))
            }
            Self::ProfileForbids { allowed } => f.write_str(match allowed {
                BatchKind::Look => "the profile allows to look only",
                BatchKind::BackUp => "the profile allows to back up only",
                BatchKind::Restore => "the profile does not allow it",
            }),
            Self::FileRefused(error) => write!(f, "{error}"),
            Self::FileDiffers { file, difference } => match difference {
                HeaderDifference::NoSetAt { position } => {
                    write!(f, "there is no set {position} in {file}")
                }
                HeaderDifference::AnotherBackup => write!(f, "another backup is in {file}"),
                HeaderDifference::OtherLsn => {
                    write!(f, "the log sequence numbers are others in {file}")
                }
            },
            Self::VersionTooNew { backup, server } => write!(
                f,
                "the backup is of version {backup}, newer than the server's {server}"
            ),
            Self::UpgradeBeforeReading { backup, server } => write!(
                f,
                "standby needs version {server}, and the backup is of version {backup}"
            ),
            Self::CertificateMissing { thumbprint } => {
                write!(f, "the certificate {thumbprint} is not there")
            }
            Self::TargetFileTaken { file, database } => write!(f, "{database} has the file {file}"),
            Self::TargetFileTwice { file } => write!(f, "two files would go to {file}"),
            Self::SpaceShort(VolumeNeed {
                volume,
                needed_bytes,
                free_bytes,
            }) => write!(
                f,
                "{volume} needs {} and has {} free",
                size(*needed_bytes),
                size(*free_bytes)
            ),
            Self::OtherWork {
                command,
                database,
                session_id,
            } => write!(f, "session {session_id} runs {command} of {database}"),
            // These do not refuse, so no journal has them.
            other => write!(f, "{other:?}"),
        }
    }
}

/// Whole megabytes, or gigabytes of many.
fn size(bytes: u64) -> String {
    const MANY: u64 = 10_000_000_000;
    let (unit, name) = match bytes {
        MANY.. => (1e9, "GB"),
        _ => (1e6, "MB"),
    };
    format!("{:.0} {name}", bytes as f64 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{PreflightCheck, StepFailure};

    #[test]
    fn a_journal_tells_in_words_what_refused() {
        let short = PreflightFinding::SpaceShort(VolumeNeed {
            volume: r"D:\".to_owned(),
            needed_bytes: 107_382_571_008,
            free_bytes: 365_784_576,
        });
        let refused = StepFailure::Preflight(Box::new(PreflightCheck::refused(short)));
        assert_eq!(
            refused.to_string(),
            r"the preflight refuses: D:\ needs 107 GB and has 366 MB free"
        );
    }
}
