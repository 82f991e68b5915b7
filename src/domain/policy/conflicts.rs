//! What already backs up the databases of a policy: other jobs, maintenance plans, other products.
//!
//! Two schedules that take logs of one database share its chain: each has holes that only the other's files fill.

use super::{JobStep, PolicyDatabases, PolicyId};
use crate::domain::{BackupType, DatabaseHistory, ServerTime, Trouble, UtcTime};
use std::collections::BTreeMap;

/// Something else that backs up a database of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// A job of SQL Server Agent.
    Job {
        /// Its name.
        name: String,
        /// Whether it is switched on.
        enabled: bool,
        /// How it was recognised.
        how: JobBacksUp,
    },
    /// Backups in msdb that no policy of stopat wrote.
    Backups(OtherBackups),
}

/// How a job was recognised as one that takes backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobBacksUp {
    /// It names the database.
    ByName,
    /// It names databases, where all user databases are meant.
    SomeOfThem,
    /// It takes whatever databases it finds.
    AllDatabases,
    /// It runs a maintenance plan, whose content is not readable as T-SQL.
    MaintenancePlan,
}

/// Backups of one database, of one kind and from one hand, in the time that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherBackups {
    /// Of which database.
    pub database: String,
    /// Full, differential or log.
    pub kind: BackupType,
    /// The `NAME` of the newest.
    pub set_name: Option<String>,
    /// Written through a virtual device or by a snapshot: the work of another product.
    pub by_product: bool,
    /// How many.
    pub sets: usize,
    /// When the newest finished.
    pub last: ServerTime,
    /// Where the newest lies.
    pub place: Option<String>,
}

/// Words by which a step that takes backups is known, in lower case.
const WORDS: [&str; 6] = [
    "backup database",
    "backup log",
    // Ola Hallengren's procedure.
    "databasebackup",
    // PowerShell.
    "backup-sqldatabase",
    "backup-dbadatabase",
    "xp_restore_backup",
];

/// Whether a step takes backups of a database of this policy; the judgement is by words and may be wrong both ways.
pub fn job_backs_up(step: &JobStep, databases: &PolicyDatabases) -> Option<JobBacksUp> {
    let command = step.command.to_lowercase();
    let subsystem = step.subsystem.to_lowercase();
    if subsystem == "ssis" && command.contains("maintenance plans") {
        return Some(JobBacksUp::MaintenancePlan);
    }
    // Line breaks and runs of blanks between words do not count.
    let spaced = command.split_whitespace().collect::<Vec<_>>().join(" ");
    if !WORDS.iter().any(|word| spaced.contains(word)) {
        return None;
    }
    let general = [
        "user_databases",
        "all_databases",
        "sys.databases",
        "sysdatabases",
        "sp_msforeachdb",
    ]
    .iter()
    .any(|word| spaced.contains(word));
    match databases {
        PolicyDatabases::One(name) => {
            let name = name.to_lowercase();
            let quoted = [
                name.replace(']', "]]"),
                name.replace('\'', "''"),
                name.clone(),
            ];
            if quoted.iter().any(|name| names(&command, name)) {
                Some(JobBacksUp::ByName)
            } else {
                general.then_some(JobBacksUp::AllDatabases)
            }
        }
        // Whatever it names is one of the user databases, or a system one that no policy takes.
        PolicyDatabases::AllUser { .. } => Some(if general {
            JobBacksUp::AllDatabases
        } else {
            JobBacksUp::SomeOfThem
        }),
    }
}

/// Whether a text names a database: as a word of its own, not as a part of a longer one.
fn names(text: &str, name: &str) -> bool {
    let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !name.is_empty()
        && text.match_indices(name).any(|(at, found)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let after = text
                .get(at + found.len()..)
                .and_then(|text| text.chars().next());
            !part_of_word(before) && !part_of_word(after)
        })
}

/// The regular backups of a database since `since` that this policy did not write, by kind and hand.
///
/// Copy-only backups disturb nobody and are left out.
pub fn other_backups(
    history: &DatabaseHistory,
    own: &PolicyId,
    since: UtcTime,
) -> Vec<OtherBackups> {
    let mut found: BTreeMap<(BackupType, bool), OtherBackups> = BTreeMap::new();
    for set in history.sets().rev() {
        if set.finish().instant < since {
            continue;
        }
        let ours = set
            .name
            .as_deref()
            .and_then(PolicyId::of_set)
            .is_some_and(|(id, _)| id == *own);
        if ours || set.is_copy_only() {
            continue;
        }
        let by_product = set.is_snapshot() || set.trouble() == Some(Trouble::VirtualDevice);
        found
            .entry((set.kind(), by_product))
            .and_modify(|others| others.sets += 1)
            .or_insert_with(|| OtherBackups {
                database: history.name().to_owned(),
                kind: set.kind(),
                set_name: set.name.as_deref().map(str::to_owned),
                by_product,
                sets: 1,
                last: set.finish().server,
                place: set.device_names().next().map(str::to_owned),
            });
    }
    found.into_values().collect()
}

/// Everything else that backs up the databases of a policy.
///
/// `jobs` are the server's other jobs with how they were recognised.
pub fn conflicts<'a>(
    own: &PolicyId,
    jobs: impl IntoIterator<Item = &'a super::OtherJob>,
    histories: impl IntoIterator<Item = &'a DatabaseHistory>,
    since: UtcTime,
) -> Vec<Conflict> {
    let jobs = jobs.into_iter().filter_map(|job| {
        Some(Conflict::Job {
            name: job.name.clone(),
            enabled: job.enabled,
            how: job.backs_up?,
        })
    });
    let backups = histories
        .into_iter()
        .flat_map(|history| other_backups(history, own, since))
        .map(Conflict::Backups);
    jobs.chain(backups).collect()
}

/// The folder above those that the newest backups lie in: where a new schedule would put its own.
pub fn usual_share(history: &DatabaseHistory) -> Option<String> {
    let newest = history
        .sets()
        .rev()
        .find(|set| set.trouble().is_none() && !set.is_copy_only())?;
    let path = newest.device_names().next()?;
    let (folder, _) = path.rsplit_once(['\\', '/'])?;
    let (above, last) = folder.rsplit_once(['\\', '/'])?;
    let is_kind = super::PolicyKind::from_word(&last.to_lowercase()).is_some();
    Some(if is_kind { above } else { folder }.to_owned())
}

impl Conflict {
    /// Whether it goes on by itself: a job that is switched off does not, and a backup that was taken is past.
    pub fn is_active(&self) -> bool {
        match self {
            Self::Job { enabled, .. } => *enabled,
            Self::Backups(others) => others.by_product,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(subsystem: &str, command: &str, expected: Option<JobBacksUp>) {
        let step = JobStep {
            subsystem: subsystem.to_owned(),
            command: command.to_owned(),
            database: None,
        };
        let databases = PolicyDatabases::One("Octopus]AI".to_owned());
        assert_eq!(job_backs_up(&step, &databases), expected, "{command}");
    }

    #[test]
    fn jobs_are_known_by_their_words() {
        use JobBacksUp::{AllDatabases, ByName, MaintenancePlan};
        check(
            "TSQL",
            "BACKUP  DATABASE\r\n [Octopus]]AI] TO DISK = N'x'",
            Some(ByName),
        );
        check("TSQL", "BACKUP LOG [Octopus]]AI2] TO DISK = N'x'", None);
        check("TSQL", "DBCC CHECKDB ([Octopus]]AI])", None);
        check(
            "CmdExec",
            "sqlcmd -Q \"EXECUTE dbo.DatabaseBackup @Databases = 'USER_DATABASES'\"",
            Some(AllDatabases),
        );
        check(
            "PowerShell",
            "Backup-SqlDatabase -Database 'octopus]ai'",
            Some(ByName),
        );
        check(
            "SSIS",
            r#"/Server "$(ESCAPE_NONE(SRVR))" /SQL "Maintenance Plans\Nightly""#,
            Some(MaintenancePlan),
        );
        check("SSIS", r"/SQL Imports\Sales", None);
        let step = JobStep {
            subsystem: "TSQL".to_owned(),
            command: "BACKUP LOG [CRM] TO DISK = N'x'".to_owned(),
            database: None,
        };
        let all = PolicyDatabases::AllUser {
            except: Default::default(),
        };
        assert_eq!(job_backs_up(&step, &all), Some(JobBacksUp::SomeOfThem));
    }

    #[test]
    fn a_name_is_a_word_of_its_own() {
        assert!(names("backup log crm to disk", "crm"));
        assert!(!names("backup log crm2 to disk", "crm"));
        assert!(!names("backup log scrm to disk", "crm"));
        assert!(!names("", ""));
    }
}
