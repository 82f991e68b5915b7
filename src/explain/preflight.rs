//! The lines of the preflight in words: what was found, and what to do.

use super::{Problem, count, figures, server_problem, size};
use crate::{
    domain::AgentState,
    run::{HeaderDifference, OpenTransaction, PreflightCheck, PreflightFinding, VolumeNeed},
    server::ServerError,
    tsql::BatchKind,
};

/// One line of the preflight in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightWords {
    pub title: &'static str,
    pub detail: String,
    /// What to do; empty when nothing is to be done.
    pub hint: String,
}

/// The words of a line of the preflight.
pub fn preflight(check: &PreflightCheck) -> PreflightWords {
    use PreflightFinding as F;
    let words = |title, detail: String, hint: &str| PreflightWords {
        title,
        detail,
        hint: hint.to_owned(),
    };
    let not_told = |title, error| {
        let Problem { sentence, hint, .. } = server_problem(error);
        PreflightWords {
            title,
            detail: sentence,
            hint,
        }
    };
    const SILENT: &str = "the server does not tell";
    match &check.finding {
        F::NameFree { name } => words("Name", format!("{name} is free"), ""),
        F::NameTaken { name, state } => words(
            "Name",
            format!("{name} exists already and is {state}"),
            "Choose another name for the copy.",
        ),
        F::AlreadyRestoring { name } => words("Name", format!("{name} is RESTORING"), ""),
        F::TailNotBackedUp { name } => words(
            "Name",
            format!("{name} exists and the tail of its log is not backed up"),
            "Restore to a copy.",
        ),
        F::WillBeCreated { name } => words("Name", format!("{name} will be created"), ""),
        F::WillBeOverwritten { name, state } => words(
            "Target",
            format!(
                "{name} is {state} and will be overwritten; its log is saved first where it has one"
            ),
            "",
        ),
        F::WillLoseTail { name, reason } => words(
            "Target",
            format!("{name} will be overwritten, and what no backup holds is lost: {reason}"),
            "Back up the tail of the log if anything in it may be wanted.",
        ),
        F::TailNotPossible { name, state } => words(
            "Target",
            format!("{name} is {state}, and its log cannot be backed up in this state"),
            "Set it ONLINE first, or give the tail up and say why.",
        ),
        F::TargetChanged { name, before, now } => words(
            "Target",
            format!("{name} was {before} when you decided, and is {now} now"),
            "Look at it again and decide again.",
        ),
        F::StandsAlone => words(
            "Groups",
            "no availability group, no mirror, no database snapshot".to_owned(),
            "",
        ),
        F::InAvailabilityGroup { name, way: None } => words(
            "Groups",
            format!("{name} belongs to an availability group and cannot be restored over in it"),
            "Take it out (ALTER AVAILABILITY GROUP … REMOVE DATABASE), restore it here, add it again and reseed the other replicas.",
        ),
        F::InAvailabilityGroup {
            name,
            way: Some(way),
        } => PreflightWords {
            title: "Groups",
            detail: format!(
                "{name} belongs to the availability group {} and cannot be restored over in it",
                way.group
            ),
            hint: format!(
                "Take it out of the group, check again, and restore it here, its tail first:\n{}\nWhen it is back, it goes into the group again and to the other replicas:\n{}",
                way.out, way.back
            ),
        },
        F::Mirrored { name } => words(
            "Groups",
            format!("{name} is mirrored and cannot be restored over"),
            "Remove mirroring first (ALTER DATABASE … SET PARTNER OFF), and set it up again afterwards.",
        ),
        F::HasSnapshots { name, n_snapshots } => words(
            "Groups",
            format!(
                "{name} has {}",
                count(
                    usize::try_from(*n_snapshots).unwrap_or_default(),
                    "database snapshot",
                    "database snapshots"
                )
            ),
            "Drop them first; a database with snapshots cannot be restored over.",
        ),
        F::NobodyConnected => words("Connections", "nobody is connected".to_owned(), ""),
        F::Connected {
            n_sessions,
            n_open_transactions,
            largest,
            who,
        } => {
            let open = match n_open_transactions {
                0 => String::new(),
                n => format!(
                    ", {} with work that is not committed and is rolled back first{}",
                    count(*n, "session", "sessions"),
                    largest.as_ref().map(rollback_words).unwrap_or_default()
                ),
            };
            words(
                "Connections",
                format!(
                    "{} will be put out{open}: {}",
                    count(*n_sessions, "session", "sessions"),
                    who.join(", ")
                ),
                "Stop the application first, so that nothing connects again.",
            )
        }
        F::ConnectionsNotTold(error) => not_told("Connections", error),
        F::ConnectionsHidden => words(
            "Connections",
            "this login does not see who else is connected".to_owned(),
            "Whoever is in it is put out when the restore begins; VIEW SERVER STATE lets stopat say who.",
        ),
        F::NoJobsDue => words(
            "Jobs",
            "no job that touches the database starts before the expected end".to_owned(),
            "",
        ),
        F::JobsDue { names } => words(
            "Jobs",
            format!("due before the expected end: {}", names.join(", ")),
            "Disable them while the run lasts; they are enabled again afterwards.",
        ),
        F::JobsNotTold(error) => not_told("Jobs", error),
        F::AgentRuns => words("SQL Server Agent", "it runs".to_owned(), ""),
        F::AgentDoesNotRun(state) => words(
            "SQL Server Agent",
            match state {
                AgentState::Absent => "this edition has none",
                AgentState::Stopped => "it is stopped",
                AgentState::Running | AgentState::Unknown => SILENT,
            }
            .to_owned(),
            "Start it, or restore from this window.",
        ),
        F::AgentNotTold(error) => not_told("SQL Server Agent", error),
        F::ProgramsThere { n_programs } => words(
            "Programs",
            format!(
                "{} for the application",
                count(*n_programs, "program", "programs")
            ),
            "",
        ),
        F::ProgramMissing { program } => words(
            "Programs",
            format!("{program} is not there"),
            "Correct its path in the application, or do the step by hand.",
        ),
        F::MayRestoreOver => words("Permission", "the login may do every step".to_owned(), ""),
        F::MayNotOver { name, missing } => words(
            "Permission",
            format!("the login may not {} ({name})", missing.join(" or ")),
            "Only sysadmin, dbcreator and the owner of the database may restore over it; db_owner is not enough.",
        ),
        F::FilesVerified { n_files } => words(
            "Backup files",
            format!(
                "{} hold what the plan expects and were read to their end",
                count(*n_files, "file", "files")
            ),
            "",
        ),
        F::SpaceTight(VolumeNeed {
            volume,
            needed_bytes,
            free_bytes,
        }) => words(
            "Free space",
            format!(
                "{volume} needs {} of {} free: hardly anything is left then",
                size(*needed_bytes),
                size(*free_bytes)
            ),
            "Free some space before you start, if you can.",
        ),
        F::MayCreate => words(
            "Permission",
            "the login may create databases".to_owned(),
            "",
        ),
        F::MayNotCreate => words(
            "Permission",
            "the login may not create databases".to_owned(),
            "Ask for CREATE ANY DATABASE, or the role dbcreator.",
        ),
        F::MayNotBackUpLog { source } => words(
            "Permission",
            format!("the login may not back up the log of {source}, with which this copy begins"),
            "Ask for the role db_backupoperator there, or choose a moment that the backups hold.",
        ),
        F::PermissionNotTold => words("Permission", SILENT.to_owned(), ""),
        F::ProfileForbids { allowed } => not_told(
            "Permission",
            &ServerError::NotAllowed {
                allowed: *allowed,
                needed: BatchKind::Restore,
            },
        ),
        F::FilesAgree { n_files } => words(
            "Backup files",
            format!(
                "{} can be opened and hold what the plan expects",
                count(*n_files, "file", "files")
            ),
            "",
        ),
        F::FileRefused(error) => not_told("Backup files", error),
        F::FileDiffers { file, difference } => words(
            "Backup files",
            format!("{file}: {}", difference_words(*difference)),
            "The file was overwritten since the history was read; refresh and plan again.",
        ),
        F::VersionTooNew { backup, server } => words(
            "Version",
            format!("the backups have version {backup} and this server supports up to {server}"),
            "Restore on a server of that version or later.",
        ),
        F::VersionUpgrade { backup, server } => words(
            "Version",
            format!("the copy will be upgraded from version {backup} to {server}"),
            "It cannot go back to the older server afterwards.",
        ),
        F::UpgradeBeforeReading { backup, server } => words(
            "Version",
            format!("a copy of version {backup} cannot be read before it is upgraded to {server}"),
            "Recover it at the end instead of leaving it in standby, or restore it on a server of that version.",
        ),
        F::VersionSame { version } => words(
            "Version",
            format!("database version {version}, as this server's"),
            "",
        ),
        F::VersionNotTold => words("Version", SILENT.to_owned(), ""),
        F::CertificateThere => words(
            "Certificate",
            "the key that protects the backups is there".to_owned(),
            "",
        ),
        F::CertificateMissing { thumbprint } => words(
            "Certificate",
            format!("the key with thumbprint 0x{thumbprint} is not on this server"),
            "Restore the certificate with its private key into master first.",
        ),
        F::CertificateNotTold(error) => not_told("Certificate", error),
        F::TargetFilesFree { n_files: 0 } => words(
            "Target files",
            "the database keeps its files in their places".to_owned(),
            "",
        ),
        F::TargetFilesFree { n_files } => words(
            "Target files",
            format!("{} will be created", count(*n_files, "file", "files")),
            "",
        ),
        F::TargetFileTaken { file, database } => words(
            "Target files",
            format!("{file} belongs to {database}"),
            "Choose another name or folder for the copy.",
        ),
        F::TargetFileTwice { file } => words(
            "Target files",
            format!("{file} is meant for two files of the copy"),
            "Give each file its own name.",
        ),
        F::TargetFilesNotTold(error) => not_told("Target files", error),
        F::SpaceEnough { volumes } => words("Free space", volumes_words(volumes).join(", "), ""),
        F::SpaceShort(VolumeNeed {
            volume,
            needed_bytes,
            free_bytes,
        }) => words(
            "Free space",
            format!(
                "{volume} needs {} and has {} free",
                size(*needed_bytes),
                size(*free_bytes)
            ),
            "Free some space, or send the files to another volume.",
        ),
        F::SpacePartlyKnown {
            volumes,
            volume_unknown,
            size_unknown,
        } => {
            let mut parts = volumes_words(volumes);
            if *size_unknown {
                parts.push("the size of a file is not known".to_owned());
            }
            if *volume_unknown {
                parts.push("the volume of a file is not known to the server".to_owned());
            }
            words("Free space", parts.join(", "), "")
        }
        F::SpaceNotTold(error) => not_told("Free space", error),
        F::NothingElseRuns => words(
            "Other work",
            "no backup or restore of it runs".to_owned(),
            "",
        ),
        F::OtherWork {
            command,
            database,
            session_id,
        } => words(
            "Other work",
            format!("{command} of {database} runs in session {session_id}"),
            "Wait until it has finished.",
        ),
        F::WorkOfUnknown {
            command,
            session_id,
        } => words(
            "Other work",
            format!(
                "{command} runs in session {session_id}, and its statement does not say of which database"
            ),
            "Make sure that it is not this one.",
        ),
        F::OtherWorkNotTold(error) => not_told("Other work", error),
        F::OtherWorkHidden => words(
            "Other work",
            "this login does not see what other sessions do".to_owned(),
            "Make sure that nothing else backs it up or restores it; VIEW SERVER STATE lets stopat look.",
        ),
    }
}

fn rollback_words(largest: &OpenTransaction) -> String {
    let OpenTransaction {
        session_id,
        log_bytes,
        age_secs,
    } = largest;
    format!(
        " (the largest, in session {session_id}, has written {} into the log within {}; rolling it back may take as long)",
        size(*log_bytes),
        figures::duration((*age_secs).max(1) as f64)
    )
}

fn volumes_words(volumes: &[VolumeNeed]) -> Vec<String> {
    volumes
        .iter()
        .map(|need| {
            format!(
                "{} needs {} of {} free",
                need.volume,
                size(need.needed_bytes),
                size(need.free_bytes)
            )
        })
        .collect()
}

fn difference_words(difference: HeaderDifference) -> String {
    match difference {
        HeaderDifference::NoSetAt { position } => {
            format!("it has no backup at position {position}")
        }
        HeaderDifference::AnotherBackup => "another backup lies there now".to_owned(),
        HeaderDifference::OtherLsn => {
            "its log sequence numbers differ from the history's".to_owned()
        }
    }
}
