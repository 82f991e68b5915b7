//! What a server's errors mean: the first error is the cause; what follows it (3013, 3119, 5069) goes to the details.
//!
//! Message numbers: <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors>.

use super::{Problem, ProblemKind};
use crate::{
    server::{ServerError, SqlError},
    tsql::BatchKind,
};

/// The failure of a connection or a batch, in words.
pub fn server_problem(error: &ServerError) -> Problem {
    match error {
        ServerError::Refused { errors } => match error.cause() {
            Some(cause) => refused(cause, errors),
            None => Problem {
                kind: ProblemKind::Server,
                sentence: "The server refused without saying why".to_owned(),
                hint: "Look into the server's error log.".to_owned(),
                details: Vec::new(),
            },
        },
        ServerError::Unreachable { address, reason } => Problem {
            kind: ProblemKind::Yours,
            sentence: if reason.to_lowercase().contains("refused") {
                format!("Nothing listens on {address}")
            } else {
                format!("{address} does not answer")
            },
            hint: "Check host and port, that the SQL Server service runs with TCP/IP enabled, and that no firewall is in between.".to_owned(),
            details: vec![reason.clone()],
        },
        ServerError::UnknownHost { host, reason } => Problem {
            kind: ProblemKind::Yours,
            sentence: format!("The name {host} cannot be resolved to an address"),
            hint: "Check the spelling of the host, or use its full name or its IP address.".to_owned(),
            details: vec![reason.clone()],
        },
        ServerError::NoInstance { host, instance } => Problem {
            kind: ProblemKind::Yours,
            sentence: format!("The SQL Server Browser on {host} names no TCP port for the instance {instance}"),
            hint: "Check the instance's name and that the SQL Server Browser service runs and UDP 1434 is open, or enter the port instead.".to_owned(),
            details: Vec::new(),
        },
        ServerError::Tls { address, reason } => Problem {
            kind: ProblemKind::Yours,
            sentence: format!("No encrypted connection to {address} could be made"),
            hint: "Check which encryption the server supports and which certificate it uses.".to_owned(),
            details: vec![reason.clone()],
        },
        ServerError::UnknownCertificate {
            address,
            fingerprint,
            subject,
            reason,
        } => Problem {
            kind: ProblemKind::Yours,
            sentence: format!("Nobody vouches for the certificate that {address} shows"),
            hint: "Compare its fingerprint with the server's, then pin it, or name the authority that signed it.".to_owned(),
            details: vec![
                format!("subject: {subject}"),
                format!("SHA-256: {fingerprint}"),
                reason.clone(),
            ],
        },
        ServerError::OtherCertificate {
            address,
            pinned,
            fingerprint,
            subject,
        } => Problem {
            kind: ProblemKind::Yours,
            sentence: format!("{address} shows another certificate than the one that was pinned"),
            hint: "Ask why it changed before you pin the new one: somebody may be answering in the server's place.".to_owned(),
            details: vec![
                format!("pinned SHA-256: {pinned}"),
                format!("shown SHA-256: {fingerprint}"),
                format!("subject: {subject}"),
            ],
        },
        ServerError::NotAllowed { allowed, needed } => Problem {
            kind: ProblemKind::Yours,
            sentence: format!(
                "The profile lets stopat only {} here, and this would {}",
                reach_word(*allowed),
                reach_word(*needed)
            ),
            hint: "Change how far stopat may go in the server's profile.".to_owned(),
            details: Vec::new(),
        },
        ServerError::SignIn { reason } => Problem {
            kind: ProblemKind::Yours,
            sentence: "This kind of sign-in is not possible here".to_owned(),
            hint: "Choose another sign-in in the server's profile.".to_owned(),
            details: vec![reason.clone()],
        },
        ServerError::NoToken { reason, hint } => Problem {
            kind: ProblemKind::Yours,
            sentence: format!("Microsoft Entra gave no token for the sign-in: {reason}"),
            hint: hint.clone(),
            details: Vec::new(),
        },
        ServerError::Lost { reason } => Problem {
            kind: ProblemKind::Server,
            sentence: "The connection to the server was lost".to_owned(),
            hint: "Connect again and look at the state of the database before you go on.".to_owned(),
            details: vec![reason.clone()],
        },
        ServerError::Cancelled => Problem {
            kind: ProblemKind::Yours,
            sentence: "Cancelled".to_owned(),
            hint: String::new(),
            details: Vec::new(),
        },
    }
}

fn reach_word(kind: BatchKind) -> &'static str {
    match kind {
        BatchKind::Look => "look",
        BatchKind::BackUp => "back up",
        BatchKind::Restore => "restore",
    }
}

/// Texts that the server put between quotes, in order.
fn quoted(text: &str) -> Vec<&str> {
    let mark = if text.contains('"') { '"' } else { '\'' };
    text.split(mark).skip(1).step_by(2).collect()
}

/// The operating system's error number inside a message, as in `Operating system error 5(Access is denied.).`
/// or, of a read or a write, `failed: 112(There is not enough space on the disk.)`.
fn os_error(text: &str) -> Option<u32> {
    let lower = text.to_lowercase();
    let after = ["operating system error ", "failed: "]
        .iter()
        .find_map(|words| lower.find(words).map(|at| at + words.len()))?;
    let digits: String = text
        .get(after..)?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

fn refused(cause: &SqlError, errors: &[SqlError]) -> Problem {
    let words = quoted(&cause.text);
    let first = words.first().copied().unwrap_or_default();
    let (kind, sentence, hint) = words_for(cause, first);
    Problem {
        kind,
        sentence,
        hint,
        details: errors.iter().map(detail).collect(),
    }
}

fn detail(error: &SqlError) -> String {
    let SqlError {
        number,
        class,
        state,
        text,
    } = error;
    if *class == 0 {
        format!("Msg {number}: {text}")
    } else {
        format!("Msg {number}, Level {class}, State {state}: {text}")
    }
}

fn words_for(cause: &SqlError, first: &str) -> (ProblemKind, String, String) {
    use ProblemKind::{File, Server, Yours};
    let text = &cause.text;
    let (kind, sentence, hint): (_, String, &str) = match cause.number {
        // Signing in.
        18456 => (Yours, format!("The server does not accept the login {first} with this password"), "Check login and password, and that the server allows SQL Server authentication; its error log has the exact reason."),
        18452 => (Yours, "The server does not trust this Windows account's domain".into(), "Use a SQL login, or an account of a domain that the server trusts."),
        18470 => (Yours, format!("The login {first} is disabled"), "Ask an administrator to enable it."),
        18486 => (Yours, format!("The login {first} is locked out"), "Wait, or ask an administrator to unlock it."),
        18487 | 18488 => (Yours, format!("The password of the login {first} has expired or must be changed"), "Change it with another tool, then enter the new one here."),
        18461 | 18401 => (Server, "The server is being maintained and lets only one administrator in".into(), "Try again when the maintenance is over."),
        4060 | 4064 => (Yours, "The login may not open the database it was sent to".into(), "Check that the database exists, is online, and that the login is a user of it."),
        40613 | 40615 => (Server, "Azure SQL does not let this connection in right now".into(), "Check the server's firewall rules, or try again in a minute."),
        // Permissions.
        229 | 300 | 297 => (Yours, "The login lacks a permission for this".into(), "Ask for read access to the msdb tables and for VIEW SERVER STATE."),
        262 => (Yours, "The login lacks the permission to back up or to create databases".into(), "It needs CREATE ANY DATABASE (or dbcreator) to restore and to read backup headers, and db_backupoperator to back up."),
        916 => (Yours, format!("The login {first} is not a user of the database"), "Ask for access to it."),
        3110 => (Yours, "The login may not restore over this database".into(), "Only sysadmin, dbcreator and the owner of the database may; db_owner is not enough."),
        5011 => (Yours, "The login may not change this database, or it is not there".into(), "Check the name and the permission to alter it."),
        // The target.
        3101 | 5061 | 5070 => (Yours, "Somebody is using the database, so it cannot be overwritten".into(), "Close the other sessions, or restore to a copy."),
        3102 => (Server, "The session that restores is using the database itself".into(), "Run the script from the master database."),
        1834 | 3156 | 5170 | 3142 => (Yours, match first {
            "" => "A file of the restored database would overwrite one that is in use".into(),
            file => format!("The file {file} is in use by another database or exists already"),
        }, "Choose another folder or name for the copy."),
        3154 | 3141 => (Yours, format!("The backup is of another database than the existing {first}"), "Restore it under a new name."),
        3159 => (Yours, format!("The newest changes of {first} are in no backup yet, and the restore would lose them"), "Back up the tail of the log first, or restore to a copy."),
        3176 => (Yours, "Two files of the database would get the same path".into(), "Give each file of the copy its own name."),
        5133 | 5105 | 5120 | 5123 => (Yours, "A folder or file of the restored database cannot be created".into(), "Check that the folder exists on the server and that the service account may write there."),
        3257 => (Yours, "The disk has too little free space for the restored database".into(), "Free some space, or send the files to another volume."),
        3104 => (Yours, "The database belongs to an availability group or a mirror, where it cannot be restored over".into(), "Take it out of the group first, or restore to a copy."),
        // The media.
        3201 | 3203 | 3202 | 3271 => return media(cause, first),
        3183 | 3043 | 3189 => (File, "The backup is damaged: a page in it is not what was written".into(), "Restore from another copy of this backup, or choose a plan without it."),
        3241 | 3242 | 3143 | 3266 => (File, format!("{first} is not a backup that this server can read"), "The file may be damaged, cut short, or written by a newer version."),
        3254 => (File, format!("The file {first} is empty"), "The backup was not written; choose a plan without it."),
        3256 | 3182 => (File, "The backup was cut short or damaged when it was taken".into(), "Choose a plan without it."),
        3132 | 3231 | 3249 | 3258 | 3133 => (File, "Not all stripes of the backup were given, or one belongs elsewhere".into(), "Find all files of this backup; a striped backup is useless with one missing."),
        3287 => (File, format!("{first} holds no backup at the position that the history names"), "The file was overwritten; choose a plan without this backup."),
        3135 => (File, "The file holds another kind of backup than the history says".into(), "The file was overwritten; choose a plan without this backup."),
        3187 => (File, "The backup has no checksums to verify".into(), "Restore it without CHECKSUM."),
        3279 => (File, "The backup is protected with a password".into(), "It was taken by a version before 2012; restore it by hand with its password."),
        33111 => (Yours, "The certificate that protects the backup is not on this server".into(), "Restore the certificate with its private key into master first."),
        3169 | 948 | 943 => (Yours, "The backup comes from a newer SQL Server than this one".into(), "Restore it on a server of that version or later; there is no way back."),
        3180 => (Yours, "A database that this server upgrades cannot be left readable between two logs".into(), "Recover it at the end, or restore it on a server of the version that took the backups."),
        3168 => (Yours, "A system database can only be restored on exactly the same build".into(), "Use a server of the same build."),
        // The chain.
        4305 => (File, "A log backup before this one is missing".into(), "Find the log between, or choose a moment before the gap."),
        4326 | 3120 => (Server, "The database is already past this backup".into(), "Leave this backup out."),
        3136 | 3178 => (File, "The differential belongs to another full backup".into(), "Restore the full backup that it was based on."),
        3117 => (Server, "The database is not waiting for more backups".into(), "Start over with the full backup."),
        3118 => (Server, "The database is not there yet; only a full backup creates it".into(), "Start over with the full backup."),
        4330 | 3116 => (File, "The backup lies on another recovery path than the database".into(), "The database was once restored to an earlier moment; choose a plan on one side of that."),
        4335 | 4338 | 4343 => (Server, "The database is already past the moment to stop at".into(), "Start over, or recover it as it is."),
        4341 | 4327 => (File, "The log holds bulk-logged changes, so it cannot be stopped inside".into(), "Choose the end of this log or a moment before it."),
        4318 | 4333 | 4331 | 4303 => (Server, "The database cannot be recovered at this point".into(), "More log has to be restored first."),
        3173 => (Yours, format!("The moment lies in the log of {first} that no backup holds yet"), "Back up the tail of the log first."),
        4214 | 3035 => (Yours, "There is no full backup of the database yet to build on".into(), "Take a full backup first."),
        4208 | 3145 => (Yours, "The database is in simple recovery, so it has no log backups".into(), "Switch it to full recovery and take a full backup to be able to restore to a moment."),
        // State.
        927 => (Server, format!("The database {first} is in the middle of a restore"), "Continue its restore or recover it."),
        911 => (Yours, format!("There is no database {first} on this server"), "Check the name."),
        924 | 5064 => (Yours, "The database is in single-user mode and somebody is in it".into(), "Close that session."),
        3023 => (Yours, "Another backup of this database is running".into(), "Wait until it has finished."),
        3204 => (Server, "The statement was aborted, by a cancel, a KILL or a lost client".into(), "Look at the state of the database before you go on."),
        3021 => (ProblemKind::Ours, "The statement was sent inside a transaction".into(), "Please report this."),
        40510 | 40515 => (Server, "Azure SQL Database takes its own backups and has no BACKUP or RESTORE".into(), "Use its point in time restore."),
        2812 | 208 | 207 => (Server, format!("The server does not know {first}"), "It may be too old, or another product."),
        102 | 156 | 155 | 137 => (ProblemKind::Ours, "The server does not understand a statement".into(), "Please report this with the details."),
        50000 => (Server, text.trim_end_matches('.').to_owned(), ""),
        _ => (Server, text.trim_end_matches('.').to_owned(), ""),
    };
    (kind, sentence, hint.to_owned())
}

/// 3201 and its neighbours say with the operating system's number why a file cannot be used.
fn media(cause: &SqlError, first: &str) -> (ProblemKind, String, String) {
    let (sentence, hint) = match os_error(&cause.text) {
        Some(2) => (
            format!("The backup file {first} is not there"),
            "It was moved or deleted; put it back, or choose a plan without it.",
        ),
        Some(3) => (
            format!("The folder of {first} is not there"),
            "Check the path as the server sees it.",
        ),
        Some(5) => (
            format!("The server may not open {first}"),
            "Give the SQL Server service account access to the folder and the share; your own rights do not count there.",
        ),
        Some(32) => (
            format!("{first} is in use by another program"),
            "Wait, or close what holds it: often a virus scanner or a copy job.",
        ),
        Some(53 | 64 | 67) => (
            format!("The server cannot reach the share of {first}"),
            "Check the share's name and the network between the database server and the share.",
        ),
        Some(112) => (
            format!("The disk is full while writing {first}"),
            "Free some space there, or choose another place.",
        ),
        Some(1326) => (
            format!("The share of {first} does not accept the SQL Server service account"),
            "Give that account access, or run the service under a domain account.",
        ),
        _ => (
            format!("The server cannot use {first}"),
            "The details have the operating system's reason.",
        ),
    };
    (ProblemKind::File, sentence, hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(list: &[(i64, &str)]) -> ServerError {
        ServerError::Refused {
            errors: list
                .iter()
                .enumerate()
                .map(|(idx, (number, text))| SqlError {
                    number: *number,
                    class: if idx == 0 { 16 } else { 0 },
                    state: u8::from(idx == 0),
                    text: (*text).to_owned(),
                })
                .collect(),
        }
    }

    fn shown(error: &ServerError) -> String {
        let Problem {
            kind,
            sentence,
            hint,
            details,
        } = server_problem(error);
        assert!(!sentence.ends_with('.'), "{sentence}");
        assert!(hint.is_empty() || hint.ends_with('.'), "{hint}");
        format!(
            "{kind:?}: {sentence}\n  {hint}\n  | {}\n",
            details.join("\n  | ")
        )
    }

    #[test]
    fn common_errors_in_words() {
        let after = (3013, "RESTORE DATABASE is terminating abnormally.");
        let planning = (
            3119,
            "Problems were identified while planning for the RESTORE statement. Previous messages provide details.",
        );
        let samples = [
            errors(&[
                (
                    3101,
                    "Exclusive access could not be obtained because the database is in use.",
                ),
                after,
            ]),
            errors(&[
                (
                    3154,
                    "The backup set holds a backup of a database other than the existing 'Pay' database.",
                ),
                after,
            ]),
            errors(&[
                (
                    3201,
                    r"Cannot open backup device '\\b\o\full\x.bak'. Operating system error 2(The system cannot find the file specified.).",
                ),
                after,
            ]),
            errors(&[
                (
                    3201,
                    r"Cannot open backup device '\\b\o\full\x.bak'. Operating system error 5(Access is denied.).",
                ),
                after,
            ]),
            errors(&[
                (
                    3201,
                    r"Cannot open backup device '\\b\o\full\x.bak'. Operating system error 53(The network path was not found.).",
                ),
                after,
            ]),
            errors(&[
                (
                    3183,
                    "RESTORE detected an error on page (1:57) in database \"OctopusAI\" as read from the backup set.",
                ),
                after,
            ]),
            errors(&[
                (
                    4305,
                    "The log in this backup set begins at LSN 39, which is too recent to apply to the database.",
                ),
                (3013, "RESTORE LOG is terminating abnormally."),
            ]),
            errors(&[
                (
                    3136,
                    "This differential backup cannot be restored because the database has not been restored to the correct earlier state.",
                ),
                after,
            ]),
            errors(&[
                (
                    3169,
                    "The database was backed up on a server running database version 957.",
                ),
                after,
            ]),
            errors(&[
                (
                    33111,
                    "Cannot find server certificate with thumbprint '0x01'.",
                ),
                after,
            ]),
            errors(&[
                (
                    1834,
                    r"The file 'D:\Data\x.mdf' cannot be overwritten.  It is being used by database 'x'.",
                ),
                (
                    3156,
                    r"File 'x' cannot be restored to 'D:\Data\x.mdf'. Use WITH MOVE to identify a valid location for the file.",
                ),
                planning,
                after,
            ]),
            errors(&[
                (
                    3257,
                    "There is insufficient free space on disk volume 'D:\\' to create the database.",
                ),
                planning,
                after,
            ]),
            errors(&[(18456, "Login failed for user 'stopat'.")]),
            errors(&[(
                262,
                "CREATE DATABASE permission denied in database 'master'.",
            )]),
            errors(&[(
                229,
                "The SELECT permission was denied on the object 'backupset', database 'msdb', schema 'dbo'.",
            )]),
            errors(&[(
                4060,
                "Cannot open database \"master\" requested by the login. The login failed.",
            )]),
            errors(&[(3013, "RESTORE DATABASE is terminating abnormally.")]),
            errors(&[(
                50000,
                "A database named x exists already. Nothing was changed.",
            )]),
            errors(&[(99999, "Something new.")]),
        ];
        insta::assert_snapshot!(samples.iter().map(shown).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn connections_in_words() {
        let address = "db1,1433".to_owned();
        let samples = [
            ServerError::Unreachable {
                address: address.clone(),
                reason: "Connection refused (os error 111)".to_owned(),
            },
            ServerError::Unreachable {
                address: address.clone(),
                reason: "no answer within 15 seconds".to_owned(),
            },
            ServerError::UnknownHost {
                host: "db1".to_owned(),
                reason: "Name or service not known".to_owned(),
            },
            ServerError::NoInstance {
                host: "db1".to_owned(),
                instance: "SQL2".to_owned(),
            },
            ServerError::Tls {
                address: address.clone(),
                reason: "the server does not encrypt connections".to_owned(),
            },
            ServerError::UnknownCertificate {
                address: address.clone(),
                fingerprint: "ab12".to_owned(),
                subject: "db1".to_owned(),
                reason: "UnknownIssuer".to_owned(),
            },
            ServerError::OtherCertificate {
                address,
                pinned: "ab12".to_owned(),
                fingerprint: "cd34".to_owned(),
                subject: "db1".to_owned(),
            },
            ServerError::NotAllowed {
                allowed: BatchKind::Look,
                needed: BatchKind::Restore,
            },
            ServerError::Lost {
                reason: "unexpected end of file".to_owned(),
            },
            ServerError::Cancelled,
        ];
        insta::assert_snapshot!(samples.iter().map(shown).collect::<Vec<_>>().join("\n"));
    }
}
