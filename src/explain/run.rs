//! What a run found and why it stopped, in words.

use super::{Problem, ProblemKind, count, finding, server_problem, server_time, size};
use crate::run::{
    HeaderDifference, HookFailure, PreflightCheck, PreflightFinding, ReachedBecause, StepFailure,
    StepSkip, TailFault, TargetState, VerificationFault, VolumeNeed,
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
        F::PermissionNotTold => words("Permission", SILENT.to_owned(), ""),
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
        F::OtherWorkNotTold(error) => not_told("Other work", error),
    }
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

/// Why a step failed, or what is to be said of one that worked.
pub fn step_failure(failure: &StepFailure) -> Problem {
    let problem = |kind, sentence: String, hint: &str| Problem {
        kind,
        sentence,
        hint: hint.to_owned(),
        details: Vec::new(),
    };
    match failure {
        StepFailure::Server(error) => server_problem(error),
        StepFailure::PlanObjected(findings) => Problem {
            details: findings.iter().map(finding).collect(),
            ..problem(
                ProblemKind::Ours,
                "The plan does not hold".to_owned(),
                "Refresh the history and plan again.",
            )
        },
        StepFailure::DatabaseUnknown => problem(
            ProblemKind::Ours,
            "The history does not know the database".to_owned(),
            "Refresh the history and plan again.",
        ),
        StepFailure::LockHeld { database } => problem(
            ProblemKind::Yours,
            format!("Another stopat is restoring to {database} right now"),
            "Wait until it has finished.",
        ),
        StepFailure::LockUnknown(error) => Problem {
            sentence: "The server gives no lock that keeps two runs apart".to_owned(),
            ..server_problem(error)
        },
        StepFailure::Preflight(check) => {
            let PreflightWords {
                title,
                detail,
                hint,
            } = preflight(check);
            problem(ProblemKind::Yours, format!("{title}: {detail}"), &hint)
        }
        StepFailure::StaysRestoring { database } => problem(
            ProblemKind::Server,
            format!(
                "{database} stays RESTORING: the last log does not prove that the moment was reached"
            ),
            "Restore the next log with the same STOPAT, or recover it as it is.",
        ),
        StepFailure::RecoveredApart { database, why } => problem(
            ProblemKind::Server,
            format!("{database} had to be recovered in a statement of its own"),
            &reached_words(*why),
        ),
        StepFailure::Tail(fault) => tail_fault(fault),
        StepFailure::Verification(fault) => verification_fault(fault),
        StepFailure::Hook(failure) => hook_failure(failure),
    }
}

fn reached_words(why: ReachedBecause) -> String {
    match why {
        ReachedBecause::EarlierLog => {
            "The next log answered 4335: the one before had reached the moment.".to_owned()
        }
        ReachedBecause::NothingAfter { log_start } => format!(
            "Nothing was committed between the moment and the end of the last log, which started at {}.",
            server_time(log_start)
        ),
        ReachedBecause::Latest => "Everything that the backups hold was restored.".to_owned(),
    }
}

fn tail_fault(fault: &TailFault) -> Problem {
    Problem {
        kind: ProblemKind::File,
        sentence: match fault {
            TailFault::OtherSets { file, n_sets } => format!(
                "{file} holds {} where one was expected",
                count(*n_sets, "backup", "backups")
            ),
            TailFault::DoesNotReach(kind) => {
                format!("The tail does not reach the moment ({})", kind.as_str())
            }
            TailFault::OtherDatabase => "The tail is of another database".to_owned(),
            TailFault::OtherPlan => "With the tail another plan would be better".to_owned(),
            TailFault::NotTheTail { file, database } => {
                format!("{file} is not the tail of {database}")
            }
        },
        hint: "Nothing was created or overwritten. Plan again.".to_owned(),
        details: Vec::new(),
    }
}

/// What is wrong with a database after a restore.
pub fn verification_fault(fault: &VerificationFault) -> Problem {
    let sentence = match fault {
        VerificationFault::NotThere { database } => format!("{database} is not there"),
        VerificationFault::NotOnline { database, state } => format!("{database} is {state}"),
        VerificationFault::TableMissing { table } => {
            format!("The restored database has no table {table}")
        }
        VerificationFault::Refused(error) => return server_problem(error),
    };
    Problem {
        kind: ProblemKind::Server,
        sentence,
        hint: "Look at the database before anybody uses it.".to_owned(),
        details: Vec::new(),
    }
}

fn hook_failure(failure: &HookFailure) -> Problem {
    let (sentence, hint, details) = match failure {
        HookFailure::NotStarted { program, reason } => (
            format!("{program} could not be started"),
            "Check the path of the program and the folder that it runs in.",
            vec![reason.clone()],
        ),
        HookFailure::Exit {
            program,
            code: Some(code),
            expected,
        } => (
            format!("{program} ended with {code}, and {expected} means that it did its work"),
            "Read what it printed, put it right, and do the step again.",
            Vec::new(),
        ),
        HookFailure::Exit { program, .. } => (
            format!("{program} was ended from outside"),
            "Read what it printed, put it right, and do the step again.",
            Vec::new(),
        ),
        HookFailure::TimedOut { program, timeout } => (
            format!(
                "{program} did not end within {} and was ended with everything that it had started",
                count(timeout.as_secs() as usize, "second", "seconds")
            ),
            "Give it more time, or find out what it waits for.",
            Vec::new(),
        ),
        HookFailure::Cancelled { program } => (
            format!(
                "Cancelled while {program} ran; it was ended with everything that it had started"
            ),
            "Look at what it had done already.",
            Vec::new(),
        ),
    };
    Problem {
        kind: ProblemKind::Yours,
        sentence,
        hint: hint.to_owned(),
        details,
    }
}

/// Why a step was not done.
pub fn step_skip(reason: &StepSkip) -> String {
    match reason {
        StepSkip::AlreadyReached => "The log before has reached the moment already".to_owned(),
        StepSkip::Chosen { reason } => format!("Left out: {reason}"),
        StepSkip::DoneBefore => "Done before the run was interrupted".to_owned(),
    }
}

/// The state of a run's target as a sentence without a full stop.
pub fn target_state(state: &TargetState, name: &str) -> String {
    match state {
        TargetState::NotThere => format!("{name} is not there"),
        TargetState::NotTouched => format!("{name} was not touched"),
        TargetState::Online => format!("{name} is ONLINE"),
        TargetState::Restoring => format!("{name} is RESTORING"),
        TargetState::Standby => {
            format!("{name} is in standby: it can be read, and restored further")
        }
        TargetState::Other(state) => format!("{name} is {state}"),
        TargetState::Unknown(error) => format!(
            "The state of {name} cannot be read: {}",
            server_problem(error).sentence
        ),
    }
}
