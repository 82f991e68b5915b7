//! Launching backups: what is wanted, what the server is, and what exactly will be done.
//!
//! ```text
//! BackupRequest ─┐
//! BackupServer   ├─► plan_backups ─► BackupPlan ─► script
//! BackupDatabase…┘        └─► BackupRefusal, per database
//! ```
//!
//! By hand a full or log backup does not touch the chains of others: it is copy-only unless it goes to the place of
//! the policy (design §3.9), or unless the user says that it shall be part of the chain.
//!
//! <https://learn.microsoft.com/sql/t-sql/statements/backup-transact-sql>

mod name;
mod options;
mod planner;

pub use name::{
    DEFAULT_TEMPLATE, FileTemplate, MAX_FILE_NAME, TemplateError, escape as escape_file_name,
    unescape as unescape_file_name,
};
pub use options::{
    BackupEncryption, BackupOption, BackupOptions, Compression, EncryptionAlgorithm, Expiry,
    LONGEST_DESCRIPTION, MOST_STRIPES, OptionRefusal, TransferSettings, USUAL_TRANSFER_SIZE,
    certificate_fault, faults as option_faults, unavailable as option_unavailable,
};
pub use planner::{plan_backups, refusal as backup_refusal};

use super::{AgentState, BackupType, Device, PolicyDatabases, ServerPath, ServerTime};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The three kinds of backup that people launch.
///
/// Not [`BackupType`], which also knows the parts that a history may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BackupKind {
    /// `BACKUP DATABASE`.
    Full,
    /// `BACKUP DATABASE … WITH DIFFERENTIAL`.
    Differential,
    /// `BACKUP LOG`.
    Log,
}

impl BackupKind {
    /// All of them, as people list them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Differential, Self::Log];

    /// As `{type}` of a file name and a folder of the policy has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Differential => "diff",
            Self::Log => "log",
        }
    }

    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Full | Self::Differential => "bak",
            Self::Log => "trn",
        }
    }

    /// What the history calls it.
    pub fn backup_type(self) -> BackupType {
        match self {
            Self::Full => BackupType::Full,
            Self::Differential => BackupType::Differential,
            Self::Log => BackupType::Log,
        }
    }
}

/// Whether a backup by hand may become part of the chain that others rely on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChainChoice {
    /// Copy-only unless it goes to the place of the policy.
    #[default]
    Careful,
    /// Copy-only wherever it goes.
    CopyOnly,
    /// Part of the chain wherever it goes: the user knows why.
    PartOfChain,
}

/// Where the backups go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupTarget {
    /// A new file for each backup, in this folder, share or container.
    NewFiles {
        /// As the server sees it.
        folder: ServerPath,
        /// How the files are called.
        template: FileTemplate,
    },
    /// Behind the sets of a file that is there.
    Append(ServerPath),
    /// `NUL`: everything is read and nothing kept.
    Nothing,
}

impl BackupTarget {
    /// New files with the usual names.
    pub fn new_files(folder: ServerPath) -> Self {
        Self::NewFiles {
            folder,
            template: FileTemplate::default(),
        }
    }

    /// The folder, or the file that is appended to.
    pub fn place(&self) -> &ServerPath {
        /// `NUL` lies nowhere.
        static NOWHERE: std::sync::LazyLock<ServerPath> =
            std::sync::LazyLock::new(ServerPath::default);
        match self {
            Self::NewFiles { folder, .. } => folder,
            Self::Append(file) => file,
            Self::Nothing => &NOWHERE,
        }
    }

    /// Whether a set goes behind others.
    pub fn appends(&self) -> bool {
        matches!(self, Self::Append(_))
    }
}

/// What somebody wants backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRequest {
    /// In the order in which they begin.
    pub databases: Vec<String>,
    /// The same for all of them.
    pub kind: BackupKind,
    /// Whether it may be part of the chain.
    pub chain: ChainChoice,
    /// Where it goes.
    pub target: BackupTarget,
    /// How it is written.
    pub options: BackupOptions,
    /// How many run at once; at least one.
    pub at_once: u8,
}

impl BackupRequest {
    /// The most backups that stopat lets run at once: more only wait for the same disks.
    pub const MOST_AT_ONCE: u8 = 8;

    /// A request with what goes by default.
    pub fn new(
        kind: BackupKind,
        databases: impl IntoIterator<Item = String>,
        folder: ServerPath,
    ) -> Self {
        Self {
            databases: databases.into_iter().collect(),
            kind,
            chain: ChainChoice::default(),
            target: BackupTarget::new_files(folder),
            options: BackupOptions::default(),
            at_once: 2,
        }
    }
}

/// An edition of SQL Server, as far as backups depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerEdition {
    name: String,
    /// `SERVERPROPERTY('EngineEdition')`.
    engine: Option<i64>,
}

impl ServerEdition {
    /// `SERVERPROPERTY('Edition')` and `SERVERPROPERTY('EngineEdition')`.
    pub fn new(name: &str, engine: Option<i64>) -> Self {
        Self {
            name: name.to_owned(),
            engine,
        }
    }

    /// Express, which has no Agent.
    pub fn is_express(&self) -> bool {
        /// Express.
        const EXPRESS: i64 = 4;
        self.engine == Some(EXPRESS)
    }

    fn is_small(&self) -> bool {
        self.is_express() || self.name.starts_with("Web")
    }

    /// Whether it writes compressed backups.
    pub fn compresses(&self) -> bool {
        !self.is_small()
    }

    /// Whether it writes encrypted backups.
    pub fn encrypts(&self) -> bool {
        !self.is_small()
    }

    /// Azure SQL Database has no `BACKUP`.
    pub fn is_azure_database(&self) -> bool {
        /// Azure SQL Database.
        const AZURE: i64 = 5;
        self.engine == Some(AZURE)
    }
}

impl fmt::Display for ServerEdition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A certificate of `master`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupCertificate {
    /// Its name.
    pub name: String,
    /// On the server's clock; `None` where it does not say.
    pub expires: Option<ServerTime>,
    /// Whether its private key is here.
    pub has_private_key: bool,
    /// `pvt_key_last_backup_date`: without a copy of the key elsewhere, the backups die with the server.
    pub key_backed_up: Option<ServerTime>,
}

/// What a server says of itself, as far as its backups depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupServer {
    /// The first number of its version; 16 is 2022.
    pub version_major: Option<u32>,
    /// Its edition.
    pub edition: ServerEdition,
    /// What its own clock shows.
    pub now: ServerTime,
    /// Where `BACKUP` puts a name without a folder.
    pub default_folder: Option<ServerPath>,
    /// The account that the service runs under, and that opens the files.
    pub service_account: Option<String>,
    /// Whether there is somebody who runs jobs.
    pub agent: AgentState,
    /// Whether the login may see the requests of other sessions; without it none of them is seen, and no error tells.
    pub sees_requests: bool,
    /// What could encrypt.
    pub certificates: Vec<BackupCertificate>,
}

/// What a replica is in its availability group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplicaRole {
    /// The database is in no group.
    #[default]
    None,
    /// This server has the writable one.
    Primary,
    /// Another server has the writable one.
    Secondary,
    /// The login may not see it.
    Unknown,
}

/// What a server says of one database, as far as its backups depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupDatabase {
    /// Its name, as the server spells it.
    pub name: String,
    /// `database_id`: 1 to 4 are the server's own.
    pub database_id: i64,
    /// `state_desc`.
    pub state: String,
    /// Readable between the steps of a restore.
    pub is_standby: bool,
    /// A database snapshot.
    pub is_snapshot: bool,
    /// `recovery_model_desc`.
    pub recovery_model: String,
    /// Its place in an availability group.
    pub replica: ReplicaRole,
    /// `BACKUP DATABASE` is granted; `None` where the server does not say.
    pub may_back_up: Option<bool>,
    /// `BACKUP LOG` is granted; `None` where the server does not say.
    pub may_back_up_log: Option<bool>,
    /// A full backup is there that differentials build on; `None` where the server does not say.
    pub has_base: Option<bool>,
    /// A log chain has begun; `None` where the server does not say.
    pub has_log_chain: Option<bool>,
    /// What of `BACKUP` or `RESTORE` works on it right now; `None` says little where [`BackupServer::sees_requests`] is off.
    pub running: Option<String>,
    /// Of its data files.
    pub data_bytes: Option<u64>,
}

/// Where the policy of a database writes its backups of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyPlace {
    /// Which databases.
    pub databases: PolicyDatabases,
    /// Which kind.
    pub kind: BackupKind,
    /// The folder.
    pub folder: ServerPath,
}

/// Why a backup is copy-only, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainReason {
    /// Copy-only: the policy writes elsewhere.
    OutsidePolicy {
        /// Where its backups of this kind go.
        place: ServerPath,
    },
    /// Copy-only: no policy of stopat covers the database, and others may rely on its chain.
    NoPolicy,
    /// Copy-only: the user asked for it.
    AskedCopyOnly,
    /// Part of the chain: it goes where the policy writes.
    PlaceOfPolicy,
    /// Part of the chain: the user asked for it.
    AskedPartOfChain,
    /// A differential is part of no chain, and changes none.
    Differential,
}

impl ChainReason {
    /// Whether the backup is taken `COPY_ONLY`.
    pub fn copy_only(&self) -> bool {
        matches!(
            self,
            Self::OutsidePolicy { .. } | Self::NoPolicy | Self::AskedCopyOnly
        )
    }
}

/// How large and long a backup will be, as the last one of its kind was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpectedBackup {
    /// On the disk; `None` where no backup of this kind is known.
    pub bytes: Option<u64>,
    /// `None` as above.
    pub seconds: Option<f64>,
}

/// Something to know about a backup that will work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupNote {
    /// A differential needs this full to be restored.
    BuildsOn {
        /// When the full finished.
        finish: ServerTime,
        /// Its first file.
        file: String,
    },
    /// The full that the differential builds on is not among the known backups: another product may have taken it.
    BuildsOnUnknown,
    /// `NUL` keeps nothing.
    KeepsNothing,
    /// A `NUL` backup that is part of the chain leaves a hole in it.
    HoleInChain,
    /// The place has less room than the last backup of this kind took.
    LittleRoom {
        /// What is free.
        free: u64,
        /// What is expected.
        expected: u64,
    },
    /// The private key of the certificate was never backed up.
    KeyNeverBackedUp {
        /// The certificate.
        certificate: String,
    },
    /// The file name is not the plain name of the database.
    NameEscaped,
    /// Copy-only log backups leave the log as it is.
    LogKeepsGrowing,
    /// Another full or differential may run now: the login does not see it, and the server refuses or delays this one (message 3023).
    OthersHidden,
}

/// Why a database cannot be backed up this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupRefusal {
    /// The server has no database of this name.
    NotThere,
    /// Azure SQL Database backs itself up.
    Azure,
    /// `tempdb` is made anew at each start (message 3147).
    TempDb,
    /// A database snapshot (message 3002).
    Snapshot,
    /// Only a full backup of `master` is possible (messages 3024, 4212).
    OnlyFullOfMaster,
    /// Not `ONLINE` (messages 927, 942, 3033, 945, 926).
    NotOnline {
        /// `state_desc`.
        state: String,
    },
    /// Between two steps of a restore (message 3036).
    Standby,
    /// Message 4208.
    LogInSimple,
    /// Message 4214.
    LogWithoutFull,
    /// Message 3035.
    DifferentialWithoutBase,
    /// A secondary replica takes copy-only fulls and ordinary log backups alone (message 3059).
    SecondaryReplica {
        /// What would work there.
        instead: SecondaryInstead,
    },
    /// Message 262.
    NoPermission,
    /// Fulls and differentials of one database follow each other (message 3023).
    AlreadyRunning {
        /// `BACKUP DATABASE` or the like.
        command: String,
    },
    /// The path would be longer than `BACKUP` takes (message 3057), or than a file name may be.
    NameTooLong {
        /// How long, in characters.
        length: usize,
    },
    /// The destination is empty, or does not say where it is.
    NoDestination,
    /// The request names the database a second time.
    TwiceInRequest,
}

/// What a secondary replica would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondaryInstead {
    /// A full that is copy-only.
    CopyOnlyFull,
    /// A log backup that is part of the chain.
    OrdinaryLog,
}

/// One backup: nothing is left to decide.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupStep {
    /// Which database.
    pub database: String,
    /// Which kind.
    pub kind: BackupKind,
    /// Why it is copy-only or not.
    pub chain: ChainReason,
    /// The files, one per stripe.
    pub devices: Vec<Device>,
    /// Whether the set goes behind others.
    pub append: bool,
    /// How it is written.
    pub options: BackupOptions,
    /// `NAME` of the set.
    pub set_name: String,
    /// As the last one of its kind was.
    pub expected: ExpectedBackup,
    /// What to know about it.
    pub notes: Vec<BackupNote>,
}

/// What will be done, and what cannot be.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupPlan {
    /// In the order of the request.
    pub steps: Vec<BackupStep>,
    /// Databases that cannot be backed up this way.
    pub refused: Vec<(String, BackupRefusal)>,
    /// Options that the server would refuse for all of them.
    pub faults: Vec<(BackupOption, OptionRefusal)>,
    /// How many run at once.
    pub at_once: u8,
}

#[cfg(test)]
mod tests;
