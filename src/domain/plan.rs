//! What the user wants (`RestoreRequest`), what is decided (`RestorePlan`), and why not (`Refusal`).

use super::{BackupType, ServerTime, UtcOffset, UtcTime};
use uuid::Uuid;

/// A moment as asked for: the wall-clock time of the history's server and the instant that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// On the clock of the history (see `History::clock`).
    pub server: ServerTime,
    pub instant: UtcTime,
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// What the live database showed at this wall-clock time.
    At(Moment),
    /// The latest state that the backups hold.
    Latest,
}

/// Into which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The name the backups carry; nothing is moved.
    Original,
    /// A new database beside it.
    Copy {
        name: String,
        /// Folder for every file, as the server sees it; `None` keeps each file's own folder.
        files_to: Option<String>,
    },
}

/// Everything that a plan depends on besides the history. A small value, so that undo can keep many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreRequest {
    pub target: Target,
    pub destination: Destination,
    pub differentials: Usage,
    pub logs: Usage,
    /// Only sets that this server took count.
    pub taken_by: Option<String>,
    /// Sets (by uuid) and files (by path) to treat as lost.
    pub without: Vec<Lost>,
}

/// Whether a kind of backup may take part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    #[default]
    Use,
    Ignore,
}

/// A backup that is treated as lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    Set(Uuid),
    File(String),
}

impl RestoreRequest {
    /// A request to restore the original name to `target`, with everything allowed.
    pub fn to(target: Target) -> Self {
        Self {
            target,
            destination: Destination::Original,
            differentials: Usage::Use,
            logs: Usage::Use,
            taken_by: None,
            without: Vec::new(),
        }
    }
}

/// The decision: nothing is left to choose when it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RestorePlan {
    /// As the backups spell it.
    pub database: String,
    pub target: Target,
    pub destination: Destination,
    /// The backup sets in restore order; the first is a full backup.
    pub steps: Vec<PlanStep>,
    /// `STOPAT` of the last log step; `None` without one and for *latest*.
    pub stop_at: Option<ServerTime>,
    /// The moment that the plan reaches.
    pub reaches: Option<ServerTime>,
    /// Bytes to read; `None` when a size is unknown.
    pub bytes: Option<u64>,
    pub estimate: Option<Estimate>,
    /// Where each file of a copy goes; empty for the original.
    pub moves: Vec<FileMove>,
    pub notes: Vec<PlanNote>,
    pub utc_offset: Option<UtcOffset>,
    /// The target lies after the last log: this backup must be taken before the steps, and restored after them.
    pub tail: Option<Tail>,
}

/// One backup set to restore.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanStep {
    pub backup_set_uuid: Uuid,
    pub backup_set_id: Option<i64>,
    pub backup_type: BackupType,
    /// `FILE = n`.
    pub position: i32,
    /// All stripes, in family order, one mirror each.
    pub devices: Vec<Device>,
    pub stop_at: Option<ServerTime>,
    pub start: ServerTime,
    pub finish: ServerTime,
    /// Bytes on the media.
    pub bytes: Option<u64>,
    /// Bytes before compression.
    pub backup_size: Option<u64>,
    pub has_checksums: bool,
    /// Index into `RestorePlan::moves` of the files that this step is the first to have.
    pub moves: Vec<usize>,
    /// What `HEADERONLY` must say before this runs.
    pub first_lsn: super::Lsn,
    pub last_lsn: super::Lsn,
}

/// One device of a media set, as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    Disk(String),
    Url(String),
    Tape(String),
}

impl Device {
    /// The path, URL or tape name.
    pub fn name(&self) -> &str {
        match self {
            Self::Disk(name) | Self::Url(name) | Self::Tape(name) => name,
        }
    }
}

/// Seconds that a plan takes, with its basis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub seconds: f64,
    pub low: f64,
    pub high: f64,
    pub basis: EstimateBasis,
}

/// Where the speeds of an estimate come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EstimateBasis {
    /// Restores measured on this server.
    Measured,
    /// The speed at which the backups were written: only a stand-in.
    BackupSpeed,
}

/// One `MOVE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMove {
    pub logical_name: String,
    pub from: Option<String>,
    pub to: String,
    /// Bytes that the restore allocates.
    pub file_size: Option<u64>,
}

/// A backup that has to be taken first, because the target lies after the last log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// A copy-only log backup; the source stays online.
    LogBackup,
    /// `BACKUP LOG … WITH NORECOVERY`, over the original.
    TailLog,
}

/// An oddity that does not prevent the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanNote {
    /// The target falls into an hour that occurs twice; its first pass is meant.
    RepeatedHour,
    /// The target falls into an hour that the clock skipped; taken as written.
    SkippedHour,
    /// Some sets carry no fork or family; they were not tested.
    UnknownFork { sets: usize },
    /// Backups of files, filegroups or parts take no part.
    PartialBackupsIgnored { sets: usize },
    /// No set of the plan says which files it has, so a copy has no complete `MOVE` list.
    FileListUnknown { backup_set_uuid: Uuid },
    /// The size of a set is unknown.
    SizeUnknown { sets: usize },
    /// The chosen chain is not the conventional one.
    UnconventionalChain { saves_bytes: u64 },
    /// A set of the plan was written to a device that nobody can read again (`NUL`), or similar oddities in words.
    Other { kind: &'static str, message: String },
}

/// `reason.kind` of `restore-plan/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalKind {
    NoBackups,
    BeforeFirstBackup,
    AfterLastLog,
    SimpleRecovery,
    LogGap,
    RecoveryFork,
    BulkLogged,
    MissingMedia,
    Damaged,
    VirtualDevice,
    AmbiguousLocalTime,
}

impl RefusalKind {
    /// The word in `restore-plan/1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoBackups => "no_backups",
            Self::BeforeFirstBackup => "before_first_backup",
            Self::AfterLastLog => "after_last_log",
            Self::SimpleRecovery => "simple_recovery",
            Self::LogGap => "log_gap",
            Self::RecoveryFork => "recovery_fork",
            Self::BulkLogged => "bulk_logged",
            Self::MissingMedia => "missing_media",
            Self::Damaged => "damaged",
            Self::VirtualDevice => "virtual_device",
            Self::AmbiguousLocalTime => "ambiguous_local_time",
        }
    }
}

/// Why no plan reaches the target, with the closest points that can be reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub target: Target,
    /// The set at fault, where there is one: the damaged one, the log after the gap…
    pub culprit: Option<Uuid>,
    /// Where the gap begins and ends, for kinds that have one.
    pub gap: Option<(ServerTime, ServerTime)>,
    pub nearest_before: Option<Moment>,
    pub nearest_after: Option<Moment>,
    /// With `AfterLastLog`: the plan up to the last log, to which the tail is to be added.
    pub tail: Option<Box<RestorePlan>>,
    pub notes: Vec<PlanNote>,
}
