//! What the user wants (`RestoreRequest`), what is decided (`RestorePlan`), and why not (`Refusal`).

use super::{
    BackupType, CostModel, MarkTarget, Price, ServerTime, Start, StopMark, UtcOffset, UtcTime,
    cost::BYTES_PER_SET,
};
use uuid::Uuid;

/// A moment as asked for: the wall-clock time of the history's server and the instant that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// On the clock of the history (see `History::clock`).
    pub server: ServerTime,
    /// The same on the UTC clock.
    pub instant: UtcTime,
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// What the live database showed at this wall-clock time.
    At(Moment),
    /// The latest state that the backups hold.
    Latest,
    /// A mark that a transaction left in the log.
    Mark(MarkTarget),
}

impl Target {
    /// When it is; `None` for *latest*.
    pub fn moment(self) -> Option<Moment> {
        match self {
            Self::At(moment) => Some(moment),
            Self::Mark(mark) => Some(mark.at),
            Self::Latest => None,
        }
    }
}

/// Into which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The name the backups carry; nothing is moved.
    Original,
    /// A new database beside it.
    Copy {
        /// The name of the new database.
        name: String,
        /// Folder for every file, as the server sees it; `None` keeps each file's own folder.
        files_to: Option<String>,
    },
}

/// Everything that a plan depends on besides the history. A small value, so that undo can keep many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreRequest {
    /// Which moment.
    pub target: Target,
    /// Into which database.
    pub destination: Destination,
    /// Whether differentials may take part.
    pub differentials: Usage,
    /// Whether logs may take part.
    pub logs: Usage,
    /// Only sets that this server took count.
    pub taken_by: Option<String>,
    /// Sets (by uuid) and files (by path) to treat as lost.
    pub without: Vec<Lost>,
    /// How ways are compared.
    pub costs: CostModel,
    /// What the database is before the first step.
    pub start: Start,
    /// The data backups to begin with, where the user chose another way than the planner.
    pub base: Option<ChosenBase>,
}

/// The data backups that a plan begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChosenBase {
    /// `None` where the database has it already; see [`Start`].
    pub full: Option<Uuid>,
    /// `None` for none.
    pub differential: Option<Uuid>,
}

/// What may take part in a plan: the part of a request that does not depend on the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Whether differentials may take part.
    pub differentials: Usage,
    /// Whether logs may take part.
    pub logs: Usage,
    /// Only sets that this server took count.
    pub taken_by: Option<String>,
    /// Sets and files to treat as lost.
    pub without: Vec<Lost>,
    /// How ways are compared.
    pub costs: CostModel,
    /// What the database is before the first step.
    pub start: Start,
}

/// Whether a kind of backup may take part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// It may.
    #[default]
    Use,
    /// It is left out, as if there were none.
    Ignore,
}

/// A backup that is treated as lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// A backup set, by its uuid.
    Set(Uuid),
    /// A file, by the path that the server wrote it to.
    File(String),
}

impl RestorePlan {
    /// About the seconds that one of its steps takes: its share of the whole, by its bytes and the cost of opening it (rule 14).
    ///
    /// `None` without an estimate of the whole, or when the size of a set is not known.
    pub fn seconds_of(&self, step: &PlanStep) -> Option<f64> {
        let weight = |step: &PlanStep| {
            let bytes = step.bytes?;
            Some(bytes.saturating_add(BYTES_PER_SET) as f64)
        };
        let whole: f64 = self.steps.iter().map(weight).sum::<Option<f64>>()?;
        Some(self.estimate?.seconds * weight(step)? / whole.max(1.0))
    }
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
            costs: CostModel::default(),
            start: Start::Nothing,
            base: None,
        }
    }

    /// What may take part, whatever the target.
    pub fn limits(&self) -> Limits {
        Limits {
            differentials: self.differentials,
            logs: self.logs,
            taken_by: self.taken_by.clone(),
            without: self.without.clone(),
            costs: self.costs,
            start: self.start.clone(),
        }
    }
}

/// The decision: nothing is left to choose when it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RestorePlan {
    /// As the backups spell it.
    pub database: String,
    /// As asked for.
    pub target: Target,
    /// As asked for.
    pub destination: Destination,
    /// What the database is before the first step.
    pub start: Start,
    /// The backup sets in restore order; the first is a full backup unless a started database is gone on with.
    pub steps: Vec<PlanStep>,
    /// `STOPAT` of the last log step; `None` without one and for *latest*.
    pub stop_at: Option<ServerTime>,
    /// The mark at which every log step stops; `None` unless the target is a mark.
    pub stop_mark: Option<StopMark>,
    /// The moment that the plan reaches.
    pub reaches: Option<ServerTime>,
    /// Bytes to read; `None` when a size is unknown.
    pub bytes: Option<u64>,
    /// How long it takes; `None` without a basis.
    pub estimate: Option<Estimate>,
    /// What the cost model says of it.
    pub price: Price,
    /// Where each file of a copy goes; empty for the original.
    pub moves: Vec<FileMove>,
    /// Oddities that do not prevent the plan.
    pub notes: Vec<PlanNote>,
    /// Offset of the server at the target; `None` when the zone is unknown.
    pub utc_offset: Option<UtcOffset>,
    /// The target lies after the last log: this backup must be taken before the steps, and restored after them.
    pub tail: Option<Tail>,
}

/// One backup set to restore.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanStep {
    /// Names the backup anywhere.
    pub backup_set_uuid: Uuid,
    /// Names it in the msdb that reported it.
    pub backup_set_id: Option<i64>,
    /// Full, differential or log.
    pub backup_type: BackupType,
    /// `FILE = n`.
    pub position: i32,
    /// All stripes, in family order, one mirror each.
    pub devices: Vec<Device>,
    /// `STOPAT` of this step; see the module docs of `planner` for when there is none.
    pub stop_at: Option<ServerTime>,
    /// When the backup started.
    pub start: ServerTime,
    /// When it finished.
    pub finish: ServerTime,
    /// Bytes on the media.
    pub bytes: Option<u64>,
    /// Bytes before compression.
    pub backup_size: Option<u64>,
    /// Taken with `CHECKSUM`.
    pub has_checksums: bool,
    /// Index into `RestorePlan::moves` of the files that this step is the first to have.
    pub moves: Vec<usize>,
    /// What `HEADERONLY` must say before this runs.
    pub first_lsn: super::Lsn,
    /// The end of the set, exclusive; `HEADERONLY` must say it too.
    pub last_lsn: super::Lsn,
}

/// One device of a media set, as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// A file: `DISK`.
    Disk(String),
    /// Object storage: `URL`.
    Url(String),
    /// A tape: `TAPE`.
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
    /// The most likely value.
    pub seconds: f64,
    /// It hardly takes less.
    pub low: f64,
    /// It hardly takes more.
    pub high: f64,
    /// Where it comes from.
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
    /// The name of the file inside the database.
    pub logical_name: String,
    /// Where the original has it; `None` is unknown.
    pub from: Option<String>,
    /// Where the copy gets it.
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
    UnknownFork {
        /// How many.
        sets: usize,
    },
    /// Backups of files, filegroups or parts take no part.
    PartialBackupsIgnored {
        /// How many.
        sets: usize,
    },
    /// No set of the plan says which files it has, so a copy has no complete `MOVE` list.
    FileListUnknown {
        /// The first set without a list.
        backup_set_uuid: Uuid,
    },
    /// The size of a set is unknown.
    SizeUnknown {
        /// How many.
        sets: usize,
    },
    /// What some sets are for was guessed from their files; `RESTORE HEADERONLY` will tell.
    GuessedFromFile {
        /// How many.
        sets: usize,
    },
    /// The chosen chain is not the conventional one.
    UnconventionalChain {
        /// What is saved: time where that is the measure, else bytes to read; below zero it reads more.
        saves: Saving,
        /// How many sets fewer it has; below zero for more.
        fewer_sets: i64,
    },
    /// The data backups that were asked for lead nowhere near the target, so others were chosen.
    ChosenBaseUnusable,
    /// The started database does not stand at the end of a known backup, so the server may refuse a moment that it has passed (4335).
    StandsInsideLog,
    /// A set of the plan was written to a device that nobody can read again (`NUL`), or similar oddities in words.
    Other {
        /// A word for programs.
        kind: &'static str,
        /// A sentence for people.
        message: String,
    },
}

/// What a way saves against another, without the price that rule 14 puts on every set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saving {
    /// Milliseconds, as restores were measured.
    Millis(u64),
    /// Bytes to read.
    Bytes(i64),
}

/// `reason.kind` of `restore-plan/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalKind {
    /// Nothing of this database may take part.
    NoBackups,
    /// The target lies before the first usable full backup finished.
    BeforeFirstBackup,
    /// The target lies after what the last log surely holds.
    AfterLastLog,
    /// The simple recovery model: only the moments of backups can be reached.
    SimpleRecovery,
    /// A log is missing.
    LogGap,
    /// Between two recovery forks, where no backup holds what happened.
    RecoveryFork,
    /// Inside a log with minimally logged work, where `STOPAT` cannot land.
    BulkLogged,
    /// A file of a needed set is gone.
    MissingMedia,
    /// A needed set is damaged.
    Damaged,
    /// A needed set can only be read by the product that wrote it.
    VirtualDevice,
    /// The second pass of a repeated hour, which `STOPAT` cannot name.
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
    /// Why.
    pub kind: RefusalKind,
    /// As asked for.
    pub target: Target,
    /// Whether a database was to be gone on with, rather than to begin anew.
    pub goes_on: bool,
    /// The set at fault, where there is one: the damaged one, the log after the gap…
    pub culprit: Option<Uuid>,
    /// Where the gap begins and ends, for kinds that have one.
    pub gap: Option<(ServerTime, ServerTime)>,
    /// The closest reachable moment before the target.
    pub nearest_before: Option<Moment>,
    /// The closest reachable moment after it.
    pub nearest_after: Option<Moment>,
    /// With `AfterLastLog`: the plan up to the last log, to which the tail is to be added.
    pub tail: Option<Box<RestorePlan>>,
    /// Oddities of the history around the target.
    pub notes: Vec<PlanNote>,
}
