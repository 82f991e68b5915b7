//! Backups in words: why one cannot be taken, why one is copy-only, what an option does, what came of it.

use super::{Problem, ProblemKind, figures, server_problem, server_time, size};
use crate::{
    domain::{
        AgentState, BackupKind, BackupNote, BackupOption, BackupRefusal, BackupStep, ChainReason,
        OptionRefusal, SecondaryInstead, ServerPath, TemplateError,
    },
    run::{BackupFault, BackupStepReport, PlaceCheck, PlaceThere, ProbeOutcome, ProbeResult},
    server::ServerError,
};

/// `full`, `differential`, `log`.
pub fn backup_kind(kind: BackupKind) -> &'static str {
    match kind {
        BackupKind::Full => "full",
        BackupKind::Differential => "differential",
        BackupKind::Log => "log",
    }
}

/// Why a database cannot be backed up this way, and what to do.
pub fn backup_refusal(database: &str, kind: BackupKind, refusal: &BackupRefusal) -> Problem {
    let (sentence, hint): (String, &str) = match refusal {
        BackupRefusal::NotThere => (
            format!("The server has no database {database}"),
            "Check the name; a copy or another server may have it.",
        ),
        BackupRefusal::Azure => (
            "Azure SQL Database takes no BACKUP".to_owned(),
            "It backs itself up; restore to a moment of its own retention instead.",
        ),
        BackupRefusal::TempDb => (
            "tempdb cannot be backed up".to_owned(),
            "SQL Server makes it anew at each start.",
        ),
        BackupRefusal::Snapshot => (
            format!("{database} is a database snapshot, which cannot be backed up"),
            "Back up the database that it was made from.",
        ),
        BackupRefusal::OnlyFullOfMaster => (
            "Only a full backup of master is possible".to_owned(),
            "Choose a full backup.",
        ),
        BackupRefusal::NotOnline { state } => (
            format!("{database} is {state}, and only an online database can be backed up"),
            "Bring it online first, or finish its restore.",
        ),
        BackupRefusal::Standby => (
            format!("{database} is in standby, between two steps of a restore"),
            "Recover it first.",
        ),
        BackupRefusal::LogInSimple => (
            format!("{database} is in simple recovery, so its log cannot be backed up"),
            "Take a full or differential backup, or change the recovery model to FULL and take a full backup.",
        ),
        BackupRefusal::LogWithoutFull => (
            format!(
                "No log backup of {database} is possible before a full one has begun its log chain"
            ),
            "Take a full backup that is part of the chain first; a copy-only one does not begin it.",
        ),
        BackupRefusal::DifferentialWithoutBase => (
            format!("{database} has no full backup that a differential could build on"),
            "Take a full backup that is part of the chain first; a copy-only one is no base.",
        ),
        BackupRefusal::SecondaryReplica { instead } => (
            format!(
                "{database} is a secondary replica here, which takes no {} backup of this kind",
                backup_kind(kind)
            ),
            match instead {
                SecondaryInstead::CopyOnlyFull => {
                    "Take a copy-only full here, or go to the primary replica."
                }
                SecondaryInstead::OrdinaryLog => {
                    "A log backup here cannot be copy-only: make it part of the chain, or go to the primary replica."
                }
            },
        ),
        BackupRefusal::NoPermission => (
            format!("The login may not back up {database}"),
            "It needs db_backupoperator or db_owner in that database, or sysadmin.",
        ),
        BackupRefusal::AlreadyRunning { command } => (
            format!("{command} of {database} runs right now"),
            "Full and differential backups of one database follow each other; wait until it has ended.",
        ),
        BackupRefusal::NameTooLong { length } => (
            format!(
                "The path of the file for {database} would have {length} characters, and at most 259 are possible, 255 for its name"
            ),
            "Choose a shorter folder.",
        ),
        BackupRefusal::NoDestination => (
            "The destination does not say where it is".to_owned(),
            "Write a folder with its drive, a share as \\\\server\\share, or a URL.",
        ),
        BackupRefusal::TwiceInRequest => (format!("{database} is named twice"), "Once is enough."),
    };
    Problem {
        kind: ProblemKind::Yours,
        sentence,
        hint: hint.to_owned(),
        details: Vec::new(),
    }
}

/// Why a backup is copy-only, or is not: a sentence with a full stop.
pub fn chain_reason(step: &BackupStep) -> String {
    let kind = step.kind;
    match &step.chain {
        ChainReason::OutsidePolicy { place } => match kind {
            BackupKind::Log => format!(
                "Copy-only: the log backups of the policy go to {place}, and one elsewhere would leave a hole in their chain."
            ),
            BackupKind::Full | BackupKind::Differential => format!(
                "Copy-only: the fulls of the policy go to {place}; one elsewhere would become the base of its differentials."
            ),
        },
        ChainReason::NoPolicy => match kind {
            BackupKind::Log => {
                "Copy-only: whoever else backs up this log keeps an unbroken chain.".to_owned()
            }
            BackupKind::Full | BackupKind::Differential => {
                "Copy-only: whoever else backs up this database keeps the base of their differentials."
                    .to_owned()
            }
        },
        ChainReason::AskedCopyOnly => {
            "Copy-only, as you asked: no chain is touched.".to_owned()
        }
        ChainReason::PlaceOfPolicy => {
            "Part of the chain: it goes where the policy keeps its backups.".to_owned()
        }
        ChainReason::AskedPartOfChain => match kind {
            BackupKind::Log => {
                "Part of the chain, as you asked: every later restore needs this file too.".to_owned()
            }
            BackupKind::Full | BackupKind::Differential => {
                "Part of the chain, as you asked: the next differentials build on this full.".to_owned()
            }
        },
        ChainReason::Differential => {
            "A differential changes no chain; it needs its full to be restored.".to_owned()
        }
    }
}

/// Something to know about a backup that will work: a sentence with a full stop.
pub fn backup_note(note: &BackupNote) -> String {
    match note {
        BackupNote::BuildsOn { finish, file } => format!(
            "Builds on the full of {}, {}.",
            figures::short_date_time(*finish),
            file_name(file)
        ),
        BackupNote::BuildsOnUnknown => {
            "The full that it builds on is not in this server's history: another product may have it.".to_owned()
        }
        BackupNote::KeepsNothing => "NUL keeps nothing: this only reads the database.".to_owned(),
        BackupNote::HoleInChain => {
            "NUL keeps nothing, and the server believes that there is a backup: the chain gets a hole.".to_owned()
        }
        BackupNote::LittleRoom { free, expected } => format!(
            "{} are free there, and the last backups of this kind took {}.",
            size(*free),
            size(*expected)
        ),
        BackupNote::KeyNeverBackedUp { certificate } => format!(
            "The private key of {certificate} was never backed up: without it nobody restores this backup elsewhere."
        ),
        BackupNote::NameEscaped => {
            "A file name cannot hold this name as it is; the %-signs in it can be read back.".to_owned()
        }
        BackupNote::LogKeepsGrowing => {
            "Copy-only leaves the log as it is; only the regular log backups free its space.".to_owned()
        }
        BackupNote::OthersHidden => {
            "Whether another backup of it runs now is not known: this login lacks VIEW SERVER STATE. If one does, the server lets this one wait, then refuses it.".to_owned()
        }
    }
}

/// Why a backup cannot be started as a job on the server; `None` when it can, or when the server does not say.
pub fn agent_refusal(agent: AgentState) -> Option<&'static str> {
    match agent {
        AgentState::Running | AgentState::Unknown => None,
        AgentState::Stopped => Some("SQL Server Agent is stopped on this server."),
        AgentState::Absent => Some("This edition has no SQL Server Agent."),
    }
}

/// The last part of a path of a server.
pub fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// Why an option cannot be chosen, or its value not be had: a sentence with a full stop.
pub fn option_refusal(refusal: &OptionRefusal) -> String {
    match refusal {
        OptionRefusal::EditionCannotCompress { edition } => {
            format!("{edition} writes no compressed backups; it can restore them.")
        }
        OptionRefusal::EditionCannotEncrypt { edition } => {
            format!("{edition} writes no encrypted backups; it can restore them.")
        }
        OptionRefusal::TooOldToEncrypt => {
            "Encrypted backups need SQL Server 2014 or later.".to_owned()
        }
        OptionRefusal::NoCertificate => {
            "master has no certificate; CREATE CERTIFICATE makes one.".to_owned()
        }
        OptionRefusal::UnknownCertificate { name } => {
            format!("master has no certificate {name}.")
        }
        OptionRefusal::CertificateExpired { name, expired } => {
            format!(
                "The certificate {name} expired at {}.",
                server_time(*expired)
            )
        }
        OptionRefusal::CertificateWithoutKey { name } => {
            format!("The private key of {name} is not on this server.")
        }
        OptionRefusal::DifferentialIsNeverCopyOnly => {
            "A differential cannot be copy-only, and changes no chain anyway.".to_owned()
        }
        OptionRefusal::UrlTakesNoSecondSet => {
            "Blob and object storage take one backup per file.".to_owned()
        }
        OptionRefusal::EncryptedSetStandsAlone => {
            "An encrypted backup cannot stand behind others in a file.".to_owned()
        }
        OptionRefusal::AppendKeepsStripes => {
            "A file that is there has its number of stripes already.".to_owned()
        }
        OptionRefusal::AppendIsForOneDatabase => {
            "Several databases would wait for one file; give each its own.".to_owned()
        }
        OptionRefusal::UrlHasNoExpiry => "Expiry is for files on disks and shares.".to_owned(),
        OptionRefusal::StripesOutOfRange => "Between 1 and 64 files.".to_owned(),
        OptionRefusal::NulHasNoStripes => "NUL is one device.".to_owned(),
        OptionRefusal::DescriptionTooLong => "At most 255 characters.".to_owned(),
        OptionRefusal::DaysOutOfRange => "Between 0 and 99\u{202f}999 days.".to_owned(),
        OptionRefusal::ExpiresInThePast => "The day must be after today.".to_owned(),
        OptionRefusal::BlockSizeOutOfRange => {
            "A power of two from 512 to 65\u{202f}536 bytes.".to_owned()
        }
        OptionRefusal::S3HasNoBlockSize => "S3 has blocks of its own.".to_owned(),
        OptionRefusal::TransferSizeOutOfRange => {
            "A multiple of 64 KB, from 64 KB to 4 MB.".to_owned()
        }
        OptionRefusal::S3TransferSizeOutOfRange => "From 5 to 20 MB for S3.".to_owned(),
        OptionRefusal::S3TransferSizeNeedsCompression => {
            "S3 takes a transfer size of its own only together with compression.".to_owned()
        }
        OptionRefusal::BufferCountOutOfRange => {
            "More than 0, and not more than 16 GB of memory together.".to_owned()
        }
    }
}

/// What an option is good for: a sentence with a full stop.
pub fn option_reason(option: BackupOption) -> &'static str {
    match option {
        BackupOption::CopyOnly => {
            "A copy-only backup is as good to restore from, and touches no chain."
        }
        BackupOption::Append => {
            "Behind the backups of a file; a restore then needs its position. One new file per backup is easier to keep and to delete."
        }
        BackupOption::Compression => {
            "Smaller and usually faster, for some processor time on the server."
        }
        BackupOption::Stripes => {
            "Several files written at once are faster on several disks; a restore needs all of them."
        }
        BackupOption::Description => "Stands in the file and in msdb.",
        BackupOption::Expiry => {
            "Until then BACKUP itself does not write over the file; nothing is deleted by it."
        }
        BackupOption::Encryption => {
            "Only a server with the certificate and its private key can restore it."
        }
        BackupOption::BlockSize => "Left to the server unless the storage asks for another one.",
        BackupOption::MaxTransferSize => {
            "Larger pieces help fast storage and encrypted databases; 1 MB when nothing is said."
        }
        BackupOption::BufferCount => {
            "More buffers read ahead, and take that much of the server's memory."
        }
    }
}

/// What `CHECKSUM` is good for.
pub const CHECKSUM_REASON: &str =
    "Checks every page while it is read, and lets a restore see damage; costs little.";
/// What reading back is good for.
pub const VERIFY_REASON: &str =
    "Reads the file back afterwards: it is there, complete, and its checksums are right.";

/// Why a text is no template for file names: a sentence with a full stop.
pub fn template_error(error: &TemplateError) -> String {
    match error {
        TemplateError::NoDatabase => {
            "Without {database} two databases would write into one file.".to_owned()
        }
        TemplateError::NoTime => {
            "Without {yyyyMMdd} and {HHmmss} the next backup would go into the same file."
                .to_owned()
        }
        TemplateError::NoKind => {
            "Without {type} a full and a log backup could go into the same file.".to_owned()
        }
        TemplateError::Unknown(word) => {
            format!(
                "Nobody fills {{{word}}}; there are {{database}}, {{type}}, {{yyyyMMdd}} and {{HHmmss}}."
            )
        }
        TemplateError::Brace => "A brace has no partner.".to_owned(),
        TemplateError::Character(c) => format!("A file name cannot hold {c:?}."),
    }
}

/// Whether a destination is there, in the server's terms, and whether that is good.
pub fn place_check(check: &PlaceCheck) -> (PlaceStanding, String) {
    let place = &check.place;
    let free = match check.free_bytes {
        Some(bytes) => format!("{} free", size(bytes)),
        None => "free space unknown to the server".to_owned(),
    };
    match check.there {
        PlaceThere::Folder => (
            PlaceStanding::Good,
            format!("The server sees this folder · {free}"),
        ),
        PlaceThere::File => (
            PlaceStanding::Bad,
            "The server sees a file of this name, not a folder".to_owned(),
        ),
        PlaceThere::Missing { parent: true } => (
            PlaceStanding::Bad,
            "The server does not see this folder; the one above is there".to_owned(),
        ),
        PlaceThere::Missing { parent: false } => (
            PlaceStanding::Bad,
            match place.share() {
                Some(share) => format!("The server cannot see this folder, or not even {share}"),
                None => "The server sees neither this folder nor the one above".to_owned(),
            },
        ),
        PlaceThere::Unknown if place.is_url() => (
            PlaceStanding::Unknown,
            "A URL: only a backup shows whether the server reaches it and has a credential for it"
                .to_owned(),
        ),
        PlaceThere::Unknown => (
            PlaceStanding::Unknown,
            "The login may not look at the server's folders; a backup goes there all the same"
                .to_owned(),
        ),
    }
}

/// How a destination stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceStanding {
    Good,
    Bad,
    Unknown,
}

/// Who opens the files: a sentence with a full stop.
pub fn who_writes(place: &ServerPath, account: Option<&str>) -> String {
    if place.is_url() {
        return "SQL Server writes there with the credential whose name the URL begins with."
            .to_owned();
    }
    let account = match account {
        Some(account) => format!("the service account {account}"),
        None => "the service account of SQL Server".to_owned(),
    };
    match place.share() {
        Some(share) => {
            format!(
                "Files on {share} are opened by {account}, not by you; on the network a local account is the machine's own."
            )
        }
        None => format!("Files are opened by {account}, not by you."),
    }
}

/// What a probe showed.
pub fn probe_words(result: &ProbeResult, account: Option<&str>) -> (PlaceStanding, Problem) {
    let plain = |sentence: String, hint: String| Problem {
        kind: ProblemKind::Server,
        sentence,
        hint,
        details: Vec::new(),
    };
    match &result.outcome {
        ProbeOutcome::Written => (
            PlaceStanding::Good,
            plain(
                if result.removed {
                    "A small backup was written, read back and removed".to_owned()
                } else {
                    format!(
                        "A small backup was written and read back; {} is still there",
                        result.file.file_name()
                    )
                },
                String::new(),
            ),
        ),
        ProbeOutcome::ReadOtherwise => (
            PlaceStanding::Bad,
            plain(
                format!(
                    "{} holds something else than was written",
                    result.file.file_name()
                ),
                "Nothing was deleted. Look who else writes there.".to_owned(),
            ),
        ),
        ProbeOutcome::Refused(error) => {
            let mut problem = server_problem(error);
            if !matches!(error, ServerError::NotAllowed { .. }) {
                problem.hint = format!("{} {}", problem.hint, who_writes(&result.folder, account))
                    .trim()
                    .to_owned();
            }
            (PlaceStanding::Bad, problem)
        }
    }
}

/// Why a backup was not taken, or what is to be said of one that was.
pub fn backup_fault(database: &str, kind: BackupKind, fault: &BackupFault) -> Problem {
    let plain = |sentence: String, hint: &str| Problem {
        kind: ProblemKind::Server,
        sentence,
        hint: hint.to_owned(),
        details: Vec::new(),
    };
    match fault {
        BackupFault::Server(error) => server_problem(error),
        BackupFault::LockHeld { .. } => plain(
            format!("Another stopat works on {database} right now"),
            "Wait until it has finished.",
        ),
        BackupFault::NoLongerPossible(refusal) => backup_refusal(database, kind, refusal),
        BackupFault::NotVerified(ServerError::Cancelled) => plain(
            format!("The backup of {database} is written; reading it back was cancelled"),
            "",
        ),
        BackupFault::NotVerified(error) => {
            let Problem {
                sentence,
                details,
                kind,
                hint,
            } = server_problem(error);
            Problem {
                kind,
                sentence: format!(
                    "The backup of {database} is written, and could not be read back: {sentence}"
                ),
                hint,
                details,
            }
        }
        BackupFault::LostButWritten => plain(
            format!(
                "The connection was lost, and msdb says that the backup of {database} was completed"
            ),
            "It was not read back.",
        ),
        BackupFault::NoJournal => Problem {
            kind: ProblemKind::Yours,
            ..plain(
                "The journal of the run cannot be kept, so nothing more was done".to_owned(),
                "Check the free space and your rights in the data folder.",
            )
        },
        BackupFault::Job { message } => Problem {
            details: vec![message.clone()],
            ..plain(
                format!("SQL Server Agent could not back up {database}"),
                "The details have its messages.",
            )
        },
        BackupFault::JobGone => plain(
            format!("The job is gone, and msdb has no backup of {database} from it"),
            "Somebody removed the job, or the history.",
        ),
    }
}

/// What came of one backup that is there: `5 210 pages in 2 s · 41.2 MB, 11.3 MB on disk (3.6 : 1)`.
pub fn backup_result(report: &BackupStepReport) -> String {
    let mut words = Vec::new();
    if let Some(written) = &report.written {
        let seconds = match (written.start, written.finish) {
            (Some(start), Some(finish)) => (finish.0 - start.0).num_seconds().max(0) as f64,
            _ => report.seconds,
        };
        // msdb has whole seconds.
        let took = match seconds {
            seconds if seconds < 1.0 => "under 1 s".to_owned(),
            seconds => figures::duration(seconds),
        };
        words.push(match written.pages {
            Some(pages) => {
                let pages = figures::counted(pages, "page", "pages");
                format!("{pages} in {took}")
            }
            None => took,
        });
        match (
            written.backup_size,
            written.compressed_size,
            written.ratio(),
        ) {
            (Some(data), Some(file), Some(ratio)) => {
                words.push(format!("{} → {} ({ratio:.1} : 1)", size(data), size(file)))
            }
            (_, Some(file), None) => words.push(size(file)),
            (Some(data), None, _) => words.push(size(data)),
            _ => {}
        }
        if written.position > 1 {
            words.push(format!("position {}", written.position));
        }
    } else {
        words.push(figures::duration(report.seconds));
    }
    words.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_sentence_and_something_to_do() {
        let refusals = [
            BackupRefusal::NotThere,
            BackupRefusal::Azure,
            BackupRefusal::TempDb,
            BackupRefusal::Snapshot,
            BackupRefusal::OnlyFullOfMaster,
            BackupRefusal::NotOnline {
                state: "RESTORING".to_owned(),
            },
            BackupRefusal::Standby,
            BackupRefusal::LogInSimple,
            BackupRefusal::LogWithoutFull,
            BackupRefusal::DifferentialWithoutBase,
            BackupRefusal::SecondaryReplica {
                instead: SecondaryInstead::CopyOnlyFull,
            },
            BackupRefusal::SecondaryReplica {
                instead: SecondaryInstead::OrdinaryLog,
            },
            BackupRefusal::NoPermission,
            BackupRefusal::AlreadyRunning {
                command: "BACKUP DATABASE".to_owned(),
            },
            BackupRefusal::NameTooLong { length: 301 },
            BackupRefusal::NoDestination,
            BackupRefusal::TwiceInRequest,
        ];
        let shown: Vec<String> = refusals
            .iter()
            .map(|refusal| {
                let Problem { sentence, hint, .. } =
                    backup_refusal("Pay", BackupKind::Log, refusal);
                assert!(
                    !sentence.ends_with('.') && hint.ends_with('.'),
                    "{sentence} {hint}"
                );
                format!("{sentence}\n  {hint}")
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
