//! What is wanted of the backups of some databases: kinds, times, place, options, retention and objectives.
//!
//! ```text
//! Policy ─┬─► SchedulePlan (next runs, loss, restore time, storage, clashes, objectives)
//!         ├─► jobs of SQL Server Agent, as T-SQL
//!         └─► retention: which of its files may go, and why the others stay
//! ```
//!
//! A policy does not say who carries it out: SQL Server Agent, or the operating system's scheduler where there is none.

mod agent;
mod conflicts;
mod forecast;
mod jobs;
mod names;
mod retention;
mod times;

pub use agent::AgentSchedule;
pub use conflicts::{
    Conflict, JobBacksUp, OtherBackups, conflicts, job_backs_up, other_backups, usual_share,
};
pub use forecast::{
    Clash, DatabaseFacts, LeftOut, OtherJob, PlannedRun, PromisedLoss, RestoreForecast,
    ScheduleFacts, SchedulePlan, SchedulerKind, StorageForecast, Verdict, plan_schedule,
};
pub use jobs::{
    AgentState, JobDefinition, JobDifference, JobOutcome, JobStep, JobTrouble, PolicyJob, RunStatus,
};
pub use retention::{Keep, RetentionFile, RetentionList, retention};
pub use times::{DayTimes, MinuteOfDay, Times, WeekDays};

use super::BackupType;
use std::{collections::BTreeSet, num::NonZeroU32};

/// What is wanted of the backups of some databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which databases.
    pub databases: PolicyDatabases,
    /// At most one of each kind, in the order full, differential, log.
    pub backups: Vec<PolicyBackup>,
    /// The folder above those of the backups, as the server sees it.
    pub share: String,
    /// How each backup is written.
    pub options: PolicyOptions,
    /// Who is told when a job fails.
    pub notify: Notify,
    /// How long backups stay.
    pub retention: Retention,
    /// What its owners promise; `None` promises nothing.
    pub objective: Option<PolicyObjective>,
}

/// Which databases a policy backs up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyDatabases {
    /// One, by its name.
    One(String),
    /// Every user database that the server has when a job runs, but for these.
    AllUser {
        /// Names that are left out.
        except: BTreeSet<String>,
    },
}

/// One kind of backup: when and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyBackup {
    /// Full, differential or log.
    pub kind: PolicyKind,
    /// On the server's wall clock.
    pub times: Times,
    /// Below the share.
    pub folder: String,
    /// Whether the file is read back with `RESTORE VERIFYONLY` right after.
    pub verify: bool,
}

/// The kinds of backup that a policy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// Everything.
    Full,
    /// What changed since the last full.
    Differential,
    /// The log since the last log backup.
    Log,
}

/// How each backup is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyOptions {
    /// `COMPRESSION`; Express cannot.
    pub compression: bool,
    /// `CHECKSUM`.
    pub checksum: bool,
}

/// Who is told when a job fails. The server's event log is told always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// An operator of SQL Server Agent, by e-mail.
    pub operator: Option<String>,
}

/// How long backups stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So many days back every reachable moment stays reachable.
    pub window_days: NonZeroU32,
    /// At least so many full backups stay, with the logs after them.
    pub least_fulls: NonZeroU32,
    /// Whether files outside the window may be deleted at all.
    pub deleting: Deleting,
}

/// Whether files may be deleted; nothing is deleted without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deleting {
    /// Nothing is ever deleted.
    #[default]
    Off,
    /// When the user asks, after the list was shown.
    WhenAsked,
}

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyObjective {
    /// At most so much is lost (RPO).
    pub loss_minutes: u32,
    /// At most so long the application is down (RTO).
    pub down_minutes: u32,
}

/// Names a policy on its server: the same databases are the same policy, whoever applies it from where.
///
/// Sixteen hexadecimal digits. It stands in the name of every backup set that the policy writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(String);

impl Default for Retention {
    /// Two weeks, two fulls, nothing deleted.
    fn default() -> Self {
        Self {
            window_days: NonZeroU32::MIN.saturating_add(13),
            least_fulls: NonZeroU32::MIN.saturating_add(1),
            deleting: Deleting::Off,
        }
    }
}

impl PolicyKind {
    /// All of them, in the order of a policy.
    pub const ALL: [Self; 3] = [Self::Full, Self::Differential, Self::Log];

    /// The word in names of jobs and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Differential => "diff",
            Self::Log => "log",
        }
    }

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The ending of a file, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Full | Self::Differential => "bak",
            Self::Log => "trn",
        }
    }

    /// The same as a type of backup set.
    pub fn backup_type(self) -> BackupType {
        match self {
            Self::Full => BackupType::Full,
            Self::Differential => BackupType::Differential,
            Self::Log => BackupType::Log,
        }
    }
}

impl PolicyDatabases {
    /// Whether the policy means a database of this name; names compare without case.
    ///
    /// System databases and snapshots are the caller's to leave out.
    pub fn includes(&self, database: &str) -> bool {
        let same = |name: &str| name.to_lowercase() == database.to_lowercase();
        match self {
            Self::One(name) => same(name),
            Self::AllUser { except } => !except.iter().any(|name| same(name)),
        }
    }

    /// The words in names of jobs: the name of the database, or `all user databases`.
    pub fn title(&self) -> &str {
        match self {
            Self::One(name) => name,
            Self::AllUser { .. } => "all user databases",
        }
    }
}

impl Policy {
    /// Names it on its server.
    pub fn id(&self) -> PolicyId {
        PolicyId::of(&self.databases)
    }

    /// The backup of this kind, where the policy has one.
    pub fn backup(&self, kind: PolicyKind) -> Option<&PolicyBackup> {
        self.backups.iter().find(|backup| backup.kind == kind)
    }

    /// The folder that backups of this kind go to, as the server sees it.
    pub fn place(&self, kind: PolicyKind) -> Option<String> {
        let backup = self.backup(kind)?;
        let share = self.share.trim_end_matches(['\\', '/']);
        let folder = backup.folder.trim_matches(['\\', '/']);
        if folder.is_empty() {
            return Some(share.to_owned());
        }
        let separator = if share.contains('/') && !share.contains('\\') {
            '/'
        } else {
            '\\'
        };
        Some(format!("{share}{separator}{folder}"))
    }

    /// Whether a file of this kind at `path` lies at the policy's place.
    ///
    /// A regular backup that goes there keeps the policy's chain; one that goes elsewhere must be copy-only (design §3.9).
    pub fn is_its_place(&self, kind: PolicyKind, path: &str) -> bool {
        let folded = |path: &str| path.replace('/', "\\").to_lowercase();
        let Some(place) = self.place(kind) else {
            return false;
        };
        folded(path)
            .rsplit_once('\\')
            .is_some_and(|(folder, _)| folder == folded(&place))
    }
}

impl PolicyId {
    /// The id of the policy for these databases. What is left out of *all user databases* does not change it.
    pub fn of(databases: &PolicyDatabases) -> Self {
        let scope = match databases {
            PolicyDatabases::One(name) => format!("one:{}", name.to_lowercase()),
            PolicyDatabases::AllUser { .. } => "all".to_owned(),
        };
        Self(names::hash16(&scope))
    }

    /// The sixteen digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id in these digits; `None` when they are not sixteen hexadecimal ones.
    pub fn parse(digits: &str) -> Option<Self> {
        (digits.len() == 16
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
        .then(|| Self(digits.to_owned()))
    }

    /// The `NAME` of the backup sets of this kind, by which they are known again.
    pub fn set_name(&self, kind: PolicyKind) -> String {
        format!("stopat {} {}", self.0, kind.word())
    }

    /// The policy and kind that a backup set's `NAME` tells of; `None` when no policy wrote it.
    pub fn of_set(name: &str) -> Option<(Self, PolicyKind)> {
        let (id, word) = name.strip_prefix("stopat ")?.split_once(' ')?;
        Some((Self::parse(id)?, PolicyKind::from_word(word)?))
    }

    /// The name of the job that carries out this kind: `stopat - OctopusAI - full`.
    ///
    /// Agent forbids the percent sign, and `$(` would be a token; what had to be changed is told apart by a hash.
    pub fn job_name(databases: &PolicyDatabases, kind: PolicyKind) -> String {
        format!(
            "stopat - {} - {}",
            names::calm(databases.title(), 90),
            kind.word()
        )
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The preset of design §6.
    pub fn octopus() -> Policy {
        let at = |hour| MinuteOfDay::from_hour(hour).expect("an hour");
        let backup = |kind: PolicyKind, times| PolicyBackup {
            kind,
            times: Times {
                days: WeekDays::ALL,
                at: times,
            },
            folder: kind.word().to_owned(),
            verify: false,
        };
        Policy {
            databases: PolicyDatabases::One("OctopusAI".to_owned()),
            backups: vec![
                backup(PolicyKind::Full, DayTimes::Once(at(0))),
                backup(
                    PolicyKind::Differential,
                    DayTimes::Every {
                        minutes: 360,
                        from: at(6),
                        until: at(18),
                    },
                ),
                backup(
                    PolicyKind::Log,
                    DayTimes::Every {
                        minutes: 15,
                        from: at(0),
                        until: MinuteOfDay::LAST,
                    },
                ),
            ],
            share: r"\\backup-server\octopus".to_owned(),
            options: PolicyOptions {
                compression: true,
                checksum: true,
            },
            notify: Notify::default(),
            retention: Retention::default(),
            objective: Some(PolicyObjective {
                loss_minutes: 15,
                down_minutes: 45,
            }),
        }
    }

    #[test]
    fn the_same_databases_are_the_same_policy() {
        let id = |name: &str| PolicyId::of(&PolicyDatabases::One(name.to_owned()));
        assert_eq!(id("OctopusAI"), id("octopusai"));
        assert_ne!(id("OctopusAI"), id("CRM"));
        assert_ne!(
            id("all"),
            PolicyId::of(&PolicyDatabases::AllUser {
                except: BTreeSet::new()
            })
        );
    }

    #[test]
    fn a_set_name_tells_its_policy_and_kind() {
        let id = octopus().id();
        for kind in PolicyKind::ALL {
            assert_eq!(
                PolicyId::of_set(&id.set_name(kind)),
                Some((id.clone(), kind))
            );
        }
        assert_eq!(PolicyId::of_set("OctopusAI-full"), None);
        assert_eq!(PolicyId::of_set("stopat x full"), None);
    }

    #[test]
    fn places_are_below_the_share_whatever_the_slash() {
        let mut policy = octopus();
        assert_eq!(
            policy.place(PolicyKind::Log).as_deref(),
            Some(r"\\backup-server\octopus\log")
        );
        assert!(policy.is_its_place(PolicyKind::Log, r"\\BACKUP-SERVER\octopus\log\x.trn"));
        assert!(!policy.is_its_place(PolicyKind::Log, r"\\backup-server\octopus\log\sub\x.trn"));
        policy.share = "/var/backups/".to_owned();
        assert_eq!(
            policy.place(PolicyKind::Full).as_deref(),
            Some("/var/backups/full")
        );
    }

    #[test]
    fn a_hostile_name_makes_a_calm_job_name() {
        let name = |database: &str| {
            PolicyId::job_name(&PolicyDatabases::One(database.to_owned()), PolicyKind::Full)
        };
        assert_eq!(name("OctopusAI"), "stopat - OctopusAI - full");
        for hostile in ["a%b", "a$(x)", "a\r\nGO\r\nb", &"x".repeat(128)] {
            let name = name(hostile);
            assert!(name.encode_utf16().count() <= 128, "{name}");
            assert!(!name.contains('%') && !name.contains("$("), "{name}");
            assert!(!name.contains(char::is_control), "{name}");
        }
        assert_ne!(name("a%b"), name("a$b"));
        assert_ne!(name("a%b"), name("a_b"));
    }
}
